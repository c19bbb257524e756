import Foundation
import Synchronization

/// A key process that this one has started, and that ends with it: its input is a pipe that nobody else holds.
final class SignerProcess: Sendable {
  /// What it may take from its start to its first line; unlocking a file of keys takes most of it.
  static let startMax = Duration.seconds(30)

  private let running: Mutex<Running?>

  private struct Running: @unchecked Sendable {
    // Foundation's types are not Sendable; the mutex is their only way out.
    let process: Process
    let input: Pipe
  }

  /// Starts `executable`, and returns when it has said that it is ready.
  ///
  /// - Parameter log: what it says of itself is appended here.
  init(executable: String, arguments: [String], log: String) async throws(DevnetError) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    if !FileManager.default.fileExists(atPath: log) {
      _ = FileManager.default.createFile(atPath: log, contents: nil, attributes: [.posixPermissions: 0o600])
    }
    guard let errors = FileHandle(forWritingAtPath: log) else { throw .unwritable(log) }
    _ = try? errors.seekToEnd()
    process.standardError = errors
    do { try process.run() } catch { throw .signer(.program(executable)) }
    running = Mutex(Running(process: process, input: input))
    // Its own end of the pipe closes with it, so that this reading ends however it goes.
    let reading = Task.detached { Self.firstLine(of: output.fileHandleForReading) }
    let timer = Task {
      try await Task.sleep(for: Self.startMax)
      process.terminate()
    }
    let line = await reading.value
    timer.cancel()
    guard line?.hasPrefix("ready") == true else {
      stop()
      throw .signer(.notReady(log: log))
    }
  }

  private static func firstLine(of file: FileHandle) -> String? {
    var line: [UInt8] = []
    while line.count < 4_096, let next = try? file.read(upToCount: 1), let byte = next.first {
      if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
    return nil
  }

  /// The process id; nil when it has ended.
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
    guard let held else { return }
    try? held.input.fileHandleForWriting.close()
    if held.process.isRunning { held.process.terminate() }
    held.process.waitUntilExit()
  }

  deinit { stop() }

  /// Runs `executable` to its end, and gives what it printed.
  static func output(of executable: String, _ arguments: [String], log: String) throws(DevnetError) -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    let (output, errors) = (Pipe(), Pipe())
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    do { try process.run() } catch { throw .signer(.program(executable)) }
    // Little is said there, far less than a pipe holds.
    let text = (try? output.fileHandleForReading.readToEnd()).flatMap { $0 } ?? Data()
    let complaint = (try? errors.fileHandleForReading.readToEnd()).flatMap { $0 } ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      try? complaint.write(to: URL(fileURLWithPath: log))
      throw .signer(.notMade(log: log))
    }
    return [UInt8](text)
  }
}
