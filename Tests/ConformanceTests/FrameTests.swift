import Conformance
import Encodings
import Foundation
import TestSupport
import Testing

@Suite("Conformance frame")
struct FrameTests {
  /// A folder of files that no suite knows.
  private static func junk() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())")
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("inner"), withIntermediateDirectories: true)
    for (name, text) in [
      ("a.json", #"{"nobody":"knows"}"#), ("b.json", "[]"), ("c.json", "{"), ("d.txt", "plain"),
      ("inner/e.json", #"{"cases":[{"name":"x"}]}"#), ("inner/f.bin", ""),
    ] {
      try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }
    return folder
  }

  @Test("passes and fails nothing in files of no known schema", arguments: ConformanceSuites.names)
  func unknownFiles(name: String) throws {
    let folder = try Self.junk()
    defer { try? FileManager.default.removeItem(at: folder) }
    let suite = try #require(ConformanceSuites.all.first { $0.name == name })
    var report = ConformanceReport()
    suite.run(try CorpusDirectory(path: folder.path), into: &report)
    #expect(report.passed == 0)
    #expect(report.results.allSatisfy { if case .passed = $0.outcome { false } else { true } })
  }

  @Test("names and describes each suite once")
  func names() {
    #expect(Set(ConformanceSuites.names).count == ConformanceSuites.all.count)
    #expect(ConformanceSuites.all.allSatisfy { !$0.summary.isEmpty })
  }

  @Test("reads a folder's files in order, or one file alone")
  func directory() throws {
    let folder = try Self.junk()
    defer { try? FileManager.default.removeItem(at: folder) }
    let corpus = try CorpusDirectory(path: folder.path)
    #expect(corpus.files == ["a.json", "b.json", "c.json", "d.txt", "inner/e.json", "inner/f.bin"])
    let single = try CorpusDirectory(path: folder.appendingPathComponent("d.txt").path)
    #expect(single.files == ["d.txt"])
    #expect(try single.bytes("d.txt") == [UInt8]("plain".utf8))
    #expect(throws: CorpusDirectory.ReadError.unreadable(path: "nothing")) { try single.bytes("nothing") }
    #expect(throws: CorpusDirectory.ReadError.json(path: "c.json", .truncated(offset: 1))) {
      try corpus.json("c.json")
    }
  }

  @Test("refuses a folder that is not there")
  func missing() {
    #expect(throws: CorpusDirectory.ReadError.missing(path: "/no/such/folder")) {
      try CorpusDirectory(path: "/no/such/folder")
    }
  }

  @Test("counts each outcome")
  func counts() {
    var report = ConformanceReport()
    report.pass("f", "1")
    report.expect("f", "2", "a", "a")
    report.expect("f", "3", "a", "b")
    report.skip("f", "4", reason: "r")
    #expect(report.passed == 2)
    #expect(report.failed == 1)
    #expect(report.skipped == 1)
    #expect(report.results[2].outcome == .failed(expected: "a", actual: "b"))
  }
}
