import Encodings
import Foundation

/// An EVM chain of a test's own: `script/evm-devnet` as a child on a port that the system chose. Gone with the value.
///
/// A class, since it holds the process. The child ends when its standard input does, so it never outlives its parent.
public final class EVMNodeProcess: Sendable {
  /// Why a test that needs it is skipped.
  public static let absence = "the EVM environment is not installed: run script/setup --evm"

  public enum StartError: Error {
    /// It ended, or said something else than that it is ready.
    case notReady(said: String)
  }

  /// Whether `.venv` has what the node needs, in the versions that `tools/evm.txt` pins.
  public static var isInstalled: Bool {
    let root = Corpora.packageRoot
    guard let pins = try? Data(contentsOf: root.appendingPathComponent("tools/evm.txt")),
      let installed = try? Data(contentsOf: root.appendingPathComponent(".venv/.evm"))
    else { return false }
    return pins == installed
  }

  /// `http://127.0.0.1:port`; every path behind it is an endpoint of its own over the same chain.
  public let url: String
  public let chainID: UInt64
  private let process: Process
  private let input: Pipe

  /// - Parameter arguments: as `script/evm-devnet --help` lists them.
  public init(_ arguments: [String] = []) throws {
    let root = Corpora.packageRoot
    let process = Process()
    process.executableURL = root.appendingPathComponent("script/evm-devnet")
    process.arguments = ["--port", "0", "--exit-with-parent"] + arguments
    let input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    // One line, or the end of the output when the child has died: neither waits for ever.
    var line: [UInt8] = []
    while !line.contains(0x0a), line.count < 65_536 {
      let part = output.fileHandleForReading.availableData
      if part.isEmpty { break }
      line += part
    }
    guard let json = try? JSONValue(decoding: Array(line.prefix { $0 != 0x0a })),
      json["ready"]?.boolean == true, let url = json["url"]?.string,
      let chainID = json["chainId"]?.integer(UInt64.self)
    else {
      process.terminate()
      throw StartError.notReady(said: String(decoding: line, as: UTF8.self))
    }
    self.url = url
    self.chainID = chainID
    self.process = process
    self.input = input
  }

  /// Ends the child and waits until it has.
  public func stop() {
    try? input.fileHandleForWriting.close()
    if process.isRunning { process.terminate() }
    process.waitUntilExit()
  }

  deinit {
    try? input.fileHandleForWriting.close()
    if process.isRunning { process.terminate() }
  }
}
