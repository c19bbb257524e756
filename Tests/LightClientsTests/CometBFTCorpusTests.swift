import Conformance
import TestSupport
import Testing

@Suite("CometBFT against outside recordings")
struct CometBFTCorpusTests {
  private static func run(_ topic: String) throws -> ConformanceReport {
    let path = try #require(Corpora.directory(topic))
    var report = ConformanceReport()
    CometBFTSuite.run(try CorpusDirectory(path: path), into: &report)
    for result in report.results {
      if case .failed(let expected, let actual) = result.outcome {
        Issue.record("\(result.file) \(result.name): expected \(expected), got \(actual)")
      }
    }
    return report
  }

  @Test(
    "agrees with tendermint-rs and recorded nodes",
    .enabled(if: Corpora.directory("tendermint-light-client") != nil, "the corpus is absent"))
  func lightClient() throws {
    let report = try Self.run("tendermint-light-client")
    #expect(report.failed == 0)
    #expect(report.passed == 697)
    #expect(report.skipped == 40)
  }

  @Test(
    "agrees with the worked chain",
    .enabled(if: Corpora.directory("cometbft-encodings") != nil, "the corpus is absent"))
  func encodings() throws {
    let report = try Self.run("cometbft-encodings")
    #expect(report.failed == 0)
    #expect(report.passed == 15)
    #expect(report.skipped == 0)
  }

  @Test(
    "updates a 07-tendermint client with a header of a live chain",
    .enabled(if: Corpora.directory("ibc") != nil, "the corpus is absent"))
  func client() throws {
    let report = try Self.run("ibc")
    #expect(report.failed == 0)
    #expect(report.passed == 4)
  }
}
