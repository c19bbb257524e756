import Crypto
import Foundation
import TestSupport
import Testing
import WireBytes

/// Runs of the program that signs and dies, on directories of its own.
struct CrashChild: Sendable {
  /// What one run printed.
  struct Run: Sendable {
    var signed: [UInt64: String] = [:]
    var refused: Set<UInt64> = []
    var startRefusal: String?
    var calls: Int?
    var wasKilled = false
    var status: Int32 = 0
  }

  enum Failure: Error {
    case form(String)
    case exit(Int32, String)
  }

  /// The program, beside this test's own.
  static var program: URL? {
    let folders = [
      URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent(),
      Corpora.packageRoot.appendingPathComponent(".build/release"),
    ]
    return folders.map { $0.appendingPathComponent("SignerCrashChild") }.first {
      FileManager.default.isExecutableFile(atPath: $0.path)
    }
  }

  let program: URL
  let folder: URL

  /// A new empty directory; in memory when the machine has such a place, because what a flush makes certain is modelled.
  init(_ program: URL, onDisk: Bool = false) throws {
    self.program = program
    let memory = URL(fileURLWithPath: "/dev/shm")
    let base =
      !onDisk && FileManager.default.isWritableFile(atPath: memory.path)
      ? memory : FileManager.default.temporaryDirectory
    folder = base.appendingPathComponent("signer-crash-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  /// Takes the files of another directory instead of its own; `part` alone when it is given.
  func restore(_ part: String? = nil, from other: CrashChild) throws {
    let files = FileManager.default
    for name in try part.map({ [$0] }) ?? files.contentsOfDirectory(atPath: other.folder.path) {
      try? files.removeItem(at: folder.appendingPathComponent(name))
      try files.copyItem(
        at: other.folder.appendingPathComponent(name), to: folder.appendingPathComponent(name))
    }
  }

  func run(_ options: [String], under wrapper: [String] = []) throws -> Run {
    let process = Process()
    let command = wrapper + [program.path, "root=\(folder.path)"] + options
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    var run = Run()
    run.wasKilled = process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL
    run.status = process.terminationStatus
    // A line that was cut is a signature that did not leave.
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .dropLast()
    {
      try run.read(line.split(separator: " ").map(String.init))
    }
    return run
  }
}

extension CrashChild.Run {
  /// The key of the program, which is no secret.
  private static let key = try? Curve25519.Signing.PrivateKey(
    rawRepresentation: [UInt8](repeating: 7, count: 32)
  ).publicKey

  fileprivate mutating func read(_ words: [String]) throws {
    switch words.first {
    case "signed":
      guard words.count == 4, let height = UInt64(words[1]), let key = Self.key,
        key.isValidSignature(try Hex.decode(words[3]), for: try Hex.decode(words[2]))
      else { throw CrashChild.Failure.form(words.joined(separator: " ")) }
      signed[height] = words[2]
    case "refused":
      guard words.count == 3, let height = UInt64(words[1]) else {
        throw CrashChild.Failure.form(words.joined(separator: " "))
      }
      refused.insert(height)
    case "start-refused": startRefusal = words.dropFirst().joined(separator: " ")
    case "calls": calls = words.last.flatMap { Int($0) }
    case "started": break
    default: throw CrashChild.Failure.form(words.joined(separator: " "))
    }
  }
}

/// What must hold over the runs on one directory, and what did not.
struct CrashChecks: Sendable {
  private(set) var faults: [String] = []
  private var signed: [UInt64: String] = [:]
  let heights: UInt64

  init(heights: UInt64) { self.heights = heights }

  /// One run, which was killed or not, and asked for claims that no run before asked for.
  mutating func add(_ run: CrashChild.Run) {
    for (height, digest) in run.signed.sorted(by: { $0.key < $1.key }) {
      if let other = signed[height], other != digest { faults.append("two signatures at \(height)") }
      signed[height] = signed[height] ?? digest
    }
    if let refusal = run.startRefusal { faults.append("start refused: \(refusal)") }
    guard !run.wasKilled, run.startRefusal == nil else { return }
    if run.status != 0 { faults.append("status \(run.status)") }
    for height in 1...heights where run.signed[height] == nil && !run.refused.contains(height) {
      faults.append("no answer at \(height)")
    }
  }
}
