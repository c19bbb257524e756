import Encodings
import Foundation
import TestSupport

/// The built command, run as a person would.
enum SignerProgram {
  struct Run: Sendable {
    let code: Int32
    /// Whether `code` is a signal's number.
    let wasKilled: Bool
    let output: String
    let complaint: String

    func json() throws -> JSONValue { try JSONValue(decoding: [UInt8](output.utf8)) }
  }

  /// The command stands beside the bundle of these tests.
  static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("causeway-signer").path

  /// Runs the command with `arguments`, giving it `input`, until it ends.
  ///
  /// - Parameter environment: what it has besides the common one.
  static func run(
    _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) throws -> Run {
    let folder = try Folder()
    defer { folder.remove() }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.environment = Self.environment.merging(environment) { _, new in new }
    let names = ["input", "output", "complaint"].map { URL(fileURLWithPath: folder.path + "/" + $0) }
    for name in names { try Data().write(to: name) }
    try Data(input.utf8).write(to: names[0])
    process.standardInput = try FileHandle(forReadingFrom: names[0])
    process.standardOutput = try FileHandle(forWritingTo: names[1])
    process.standardError = try FileHandle(forWritingTo: names[2])
    try process.run()
    // What should have refused and serves instead ends here, and the test says so.
    DispatchQueue.global().asyncAfter(deadline: .now() + 60) { if process.isRunning { process.terminate() } }
    process.waitUntilExit()
    return Run(
      code: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal,
      output: try String(contentsOf: names[1], encoding: .utf8),
      complaint: try String(contentsOf: names[2], encoding: .utf8))
  }

  /// No colours, no home of the person who runs the tests.
  static let environment = ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "SWIFT_BACKTRACE": "enable=no"]
}

/// A directory of one test.
struct Folder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("signer-\(UUID())").path
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
