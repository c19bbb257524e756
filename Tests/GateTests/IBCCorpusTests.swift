import Conformance
import Foundation
import TestSupport
import Testing

@Suite("The ibc corpus", .enabled(if: Corpora.directory("ibc") != nil, "corpus ibc is absent"))
struct IBCCorpusTests {
  @Test("commitments, paths, Eureka's client and router, recorded lanes, 07-tendermint fixtures")
  func corpus() throws {
    var report = ConformanceReport()
    IBCSuite.run(try CorpusDirectory(path: try #require(Corpora.directory("ibc"))), into: &report)
    for result in report.results {
      if case .failed(let expected, let actual) = result.outcome {
        Issue.record("\(result.file) \(result.name): expected \(expected), was \(actual)")
      }
    }
    #expect(report.failed == 0)
    #expect(report.passed == 109)
    // Steps of a router, proofs of the SP1 machine, and files of other schemas.
    #expect(report.skipped == 84)
  }
}

@Suite("Cases like those of the ibc corpus")
struct IBCCaseTests {
  @Test("passes what is right, fails what is wrong, skips what it cannot judge")
  func outcomes() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let key = "636c69656e742d30020000000000000001"
    let wrong = "636c69656e742d30030000000000000001"
    let paths = """
      [{"kind":"receipt","id":"client-0","seq":1,"key":"\(key)"},
       {"kind":"receipt","id":"client-0","seq":1,"key":"\(wrong)"},
       {"kind":"channel","id":"client-0","seq":1,"key":"\(key)"}]
      """
    try Data(paths.utf8).write(to: folder.appendingPathComponent("other-paths.json"))
    // SHA-256 of the words, and one bit beside it.
    let error = "4774d4a575993f963b1c06573736617a457abef8589178db8d10c94b4ab511a"
    for (index, last) in ["b", "a"].enumerated() {
      let text = #"{"packetCommitment":[],"universalErrorAck":"0x\#(error)\#(last)"}"#
      try Data(text.utf8).write(to: folder.appendingPathComponent("\(index).json"))
    }
    var report = ConformanceReport()
    IBCSuite.run(try CorpusDirectory(path: folder.path), into: &report)
    #expect(report.passed == 2)
    #expect(report.failed == 2)
    #expect(report.skipped == 1)
  }
}
