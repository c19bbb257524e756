import Conformance
import TestSupport
import Testing

@Suite("Transparency log corpora")
struct TlogCorpusTests {
  private static func run(_ topic: String) throws -> ConformanceReport {
    let path = try #require(Corpora.directory(topic))
    var report = ConformanceReport()
    TlogSuite.run(try CorpusDirectory(path: path), into: &report)
    return report
  }

  private static func failures(_ report: ConformanceReport) -> [CaseResult] {
    report.results.filter { if case .failed = $0.outcome { true } else { false } }
  }

  @Test(
    "agrees with the corpus of logs", .enabled(if: Corpora.directory("tlog") != nil, "corpus tlog is absent"))
  func corpus() throws {
    let report = try Self.run("tlog")
    let failures = Self.failures(report)
    #expect(failures.isEmpty, "\(failures)")
    #expect(report.passed == 440)
    let skips = report.results.filter { if case .skipped = $0.outcome { true } else { false } }
    #expect(skips.count == 4, "\(skips)")
  }

  @Test(
    "agrees with Astria's inclusion proofs",
    .enabled(if: Corpora.directory("astria") != nil, "corpus astria is absent"))
  func astria() throws {
    let report = try Self.run("astria")
    let failures = Self.failures(report)
    #expect(failures.isEmpty, "\(failures)")
    #expect(report.passed == 18)
    #expect(report.skipped == 0)
  }
}
