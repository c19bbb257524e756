import Encodings
import Foundation
import Synchronization

/// The EVM node of a devnet, `script/evm-devnet`, in a process that ends with this one.
final class EVMNodeProcess: Sendable {
  /// What it may take from its start to its first line; reading back a long chain takes most of it.
  static let startMax = Duration.seconds(120)

  private let running: Mutex<Running?>
  /// Where its JSON-RPC answers.
  let address: String

  private struct Running: @unchecked Sendable {
    // Foundation's types are not Sendable; the mutex is their only way out.
    let process: Process
    let input: Pipe
  }

  /// Starts the node, and returns when it listens.
  ///
  /// - Parameter log: what it says of itself is appended here.
  init(script: String, arguments: [String], log: String) async throws(EVMSideError) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: script)
    process.arguments = arguments
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    if !FileManager.default.fileExists(atPath: log) {
      _ = FileManager.default.createFile(atPath: log, contents: nil, attributes: [.posixPermissions: 0o600])
    }
    guard let errors = FileHandle(forWritingAtPath: log) else { throw .file(log) }
    _ = try? errors.seekToEnd()
    process.standardError = errors
    do { try process.run() } catch { throw .node(script) }
    let held = Running(process: process, input: input)
    // The reader ends with the pipe, however the process goes.
    let reading = Task.detached { Self.firstLine(of: output.fileHandleForReading) }
    let timer = Task {
      try await Task.sleep(for: Self.startMax)
      process.terminate()
    }
    let line = await reading.value
    timer.cancel()
    guard let line, let json = try? JSONValue(decoding: line), json["ready"] == .boolean(true),
      let url = json["url"]?.string
    else {
      Self.stop(held)
      throw .nodeNotReady(log: log)
    }
    address = url
    running = Mutex(held)
  }

  private static func firstLine(of file: FileHandle) -> [UInt8]? {
    var line: [UInt8] = []
    while line.count < 65_536, let next = try? file.read(upToCount: 1), let byte = next.first {
      if byte == UInt8(ascii: "\n") { return line }
      line.append(byte)
    }
    return nil
  }

  /// Nil when it has ended.
  var identifier: Int32? {
    running.withLock { held in
      guard let held, held.process.isRunning else { return nil }
      return held.process.processIdentifier
    }
  }

  /// Asks it to end, and waits.
  func stop() {
    let held = running.withLock { held in
      defer { held = nil }
      return held
    }
    if let held { Self.stop(held) }
  }

  private static func stop(_ held: Running) {
    try? held.input.fileHandleForWriting.close()
    if held.process.isRunning { held.process.terminate() }
    held.process.waitUntilExit()
  }

  deinit { stop() }
}
