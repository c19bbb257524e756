import Conformance
import TestSupport
import Testing

@Suite("SSZ corpus")
struct SSZCorpusTests {
  @Test(
    "passes every ssz_generic case",
    .enabled(if: Corpora.directory("ssz") != nil, "corpus ssz is absent"))
  func corpus() throws {
    let path = try #require(Corpora.directory("ssz"))
    var report = ConformanceReport()
    SSZSuite.run(try CorpusDirectory(path: path), into: &report)
    let failures = report.results.filter { if case .failed = $0.outcome { true } else { false } }
    #expect(failures.isEmpty, "\(failures.prefix(5))")
    #expect(report.passed == 163)
    #expect(report.skipped == 0)
  }
}
