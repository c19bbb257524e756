import Foundation
import TestSupport

/// The built command, run as a person would.
enum Program {
  struct Run: Sendable {
    let code: Int32
    let output: String
    let complaint: String
  }

  /// The command stands beside the bundle of these tests.
  static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("causeway").path

  /// Runs `causeway` with `arguments` in the package's folder, giving it `input`, until it ends.
  static func run(_ arguments: [String], input: [UInt8] = []) throws -> Run {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = Corpora.packageRoot
    let files = try Files()
    defer { files.remove() }
    try Data(input).write(to: files.input)
    process.standardInput = try FileHandle(forReadingFrom: files.input)
    process.standardOutput = try FileHandle(forWritingTo: files.output)
    process.standardError = try FileHandle(forWritingTo: files.complaint)
    try process.run()
    process.waitUntilExit()
    return Run(
      code: process.terminationStatus, output: try String(contentsOf: files.output, encoding: .utf8),
      complaint: try String(contentsOf: files.complaint, encoding: .utf8))
  }

  /// Files rather than pipes: nothing can block on a full one.
  private struct Files {
    let folder: URL
    var input: URL { folder.appendingPathComponent("input") }
    var output: URL { folder.appendingPathComponent("output") }
    var complaint: URL { folder.appendingPathComponent("complaint") }

    init() throws {
      folder = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for file in [output, complaint] { try Data().write(to: file) }
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }
  }

  /// A file of examples/custody, read.
  static func custody(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: Corpora.packageRoot.appendingPathComponent("examples/custody/\(name)")))
  }

  /// A file of examples/messages, read.
  static func example(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: Corpora.packageRoot.appendingPathComponent("examples/messages/\(name)")))
  }
}
