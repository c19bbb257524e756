import Conformance
import TestSupport
import Testing

@Suite("ICS-23 corpus")
struct ICS23CorpusTests {
  @Test(
    "agrees with the vectors of cosmos/ics23",
    .enabled(if: Corpora.directory("ics23") != nil, "corpus ics23 is absent"))
  func corpus() throws {
    let path = try #require(Corpora.directory("ics23"))
    var report = ConformanceReport()
    ICS23Suite.run(try CorpusDirectory(path: path), into: &report)
    let failures = report.results.filter { if case .failed = $0.outcome { true } else { false } }
    #expect(failures.isEmpty, "\(failures)")
    #expect(report.passed == 138)
    let skips = report.results.filter { if case .skipped = $0.outcome { true } else { false } }
    #expect(skips.isEmpty, "\(skips)")
  }
}
