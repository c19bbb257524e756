import Conformance
import TestSupport
import Testing

@Suite("Merkle-Patricia corpora")
struct MPTCorpusTests {
  private func run(_ topic: String) throws -> ConformanceReport {
    let path = try #require(Corpora.directory(topic))
    var report = ConformanceReport()
    MPTSuite.run(try CorpusDirectory(path: path), into: &report)
    for result in report.results {
      if case .failed(let expected, let actual) = result.outcome {
        Issue.record("\(result.file): \(result.name): expected \(expected), got \(actual)")
      }
    }
    return report
  }

  @Test(
    "answers, mutations, receipts and transactions of real blocks",
    .enabled(if: Corpora.directory("mpt") != nil, "corpus mpt is absent"))
  func mpt() throws {
    let report = try run("mpt")
    #expect(report.failed == 0)
    #expect(report.passed == 119)
    #expect(report.skipped == 2)
  }

  @Test(
    "roots of ethereum/tests TrieTests",
    .enabled(if: Corpora.directory("ethereum-trie-rlp") != nil, "corpus ethereum-trie-rlp is absent"))
  func tries() throws {
    let report = try run("ethereum-trie-rlp")
    #expect(report.failed == 0)
    #expect(report.passed == 32)
    #expect(report.skipped == 3)
  }

  @Test(
    "the OP Stack's MerkleTrie cases",
    .enabled(if: Corpora.directory("op-stack") != nil, "corpus op-stack is absent"))
  func optimism() throws {
    let report = try run("op-stack")
    #expect(report.failed == 0)
    #expect(report.passed == 21)
  }
}
