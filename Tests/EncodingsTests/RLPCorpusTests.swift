import Conformance
import TestSupport
import Testing

@Suite("RLP corpora")
struct RLPCorpusTests {
  static func run(_ topic: String) throws -> ConformanceReport {
    var report = ConformanceReport()
    RLPSuite.run(try CorpusDirectory(path: try #require(Corpora.directory(topic))), into: &report)
    let failures = report.results.filter { if case .failed = $0.outcome { true } else { false } }
    #expect(failures.isEmpty, "\(failures.prefix(8))")
    return report
  }

  @Test(
    "decodes transactions, refuses malformed ones for the stated reason, recovers senders",
    .enabled(if: Corpora.directory("rlp") != nil, "corpus rlp is absent"))
  func transactions() throws {
    let report = try Self.run("rlp")
    #expect(report.passed == 34)
    #expect(report.skipped == 0)
  }

  @Test(
    "passes RLPTests and ABITests; tries belong to another suite",
    .enabled(if: Corpora.directory("ethereum-trie-rlp") != nil, "corpus ethereum-trie-rlp is absent"))
  func encodings() throws {
    let report = try Self.run("ethereum-trie-rlp")
    #expect(report.passed == 37)
    let tries = report.results.filter { $0.file.hasPrefix("TrieTests/") }
    #expect(tries.count == report.skipped)
  }
}
