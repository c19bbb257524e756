import Conformance
import TestSupport
import Testing

@Suite("outside corpora of Wormhole and Hyperlane")
struct CorpusTests {
  private func report<Suite: ConformanceSuite>(_ suite: Suite.Type, _ topic: String) throws
    -> ConformanceReport
  {
    let path = try #require(Corpora.directory(topic))
    var report = ConformanceReport()
    suite.run(try CorpusDirectory(path: path), into: &report)
    for result in report.results {
      if case .failed(let expected, let actual) = result.outcome {
        Issue.record("\(result.file): \(result.name): expected \(expected), got \(actual)")
      }
    }
    return report
  }

  @Test(
    "every Wormhole case comes out as it should",
    .enabled(if: Corpora.directory("wormhole") != nil, "corpus wormhole is absent"))
  func wormhole() throws {
    let report = try report(WormholeSuite.self, "wormhole")
    #expect(report.failed == 0)
    #expect(report.passed == 283)
    #expect(report.skipped == 4)
  }

  @Test(
    "every Hyperlane case comes out as it should",
    .enabled(if: Corpora.directory("hyperlane") != nil, "corpus hyperlane is absent"))
  func hyperlane() throws {
    let report = try report(HyperlaneSuite.self, "hyperlane")
    #expect(report.failed == 0)
    #expect(report.passed == 89)
    #expect(report.skipped == 2)
  }
}
