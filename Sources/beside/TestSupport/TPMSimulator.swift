public import Foundation
import Synchronization

/// A TPM of swtpm's, in a directory of its own; stopped and removed when the last reference goes.
public final class TPMSimulator: Sendable {
  /// Whether the program is installed.
  public static let isInstalled: Bool = {
    // tpm2-tss would write a line to standard error for each refusal that is tested.
    _ = unsafe setenv("TSS2_LOG", "all+none", 0)
    return find("swtpm") != nil
  }()
  /// Whether tpm2-tools are, as an independent client.
  public static let hasTools = find("tpm2_getcap") != nil && find("tpm2_verifysignature") != nil

  public enum Failure: Error {
    case notListening(after: Duration)
    case tool(name: String, status: Int32, text: String)
    case missing(String)
  }

  public let directory: URL
  private let process = Mutex<Process?>(nil)

  public init() throws {
    // Short: the path of a socket has at most 107 bytes.
    directory = FileManager.default.temporaryDirectory.appendingPathComponent(
      "tpm-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(
      at: directory.appendingPathComponent("state"), withIntermediateDirectories: true)
    try start()
  }

  deinit {
    stop()
    try? FileManager.default.removeItem(at: directory)
  }

  public var socket: String { directory.appendingPathComponent("s").path }
  public var transport: String { "swtpm:path=\(socket)" }

  public func start() throws {
    guard let program = Self.find("swtpm") else { throw Failure.missing("swtpm") }
    let child = Process()
    child.executableURL = program
    child.arguments = [
      "socket", "--tpm2", "--tpmstate", "dir=\(directory.appendingPathComponent("state").path)", "--ctrl",
      "type=unixio,path=\(socket).ctrl", "--server", "type=unixio,path=\(socket)", "--flags",
      "not-need-init,startup-clear",
    ]
    child.standardOutput = FileHandle.nullDevice
    child.standardError = FileHandle.nullDevice
    try child.run()
    process.withLock { $0 = child }
    // It listens for control first: only both sockets together say that it is ready.
    let patience = Duration.seconds(20)
    let clock = ContinuousClock()
    let begun = clock.now
    while !answers(socket + ".ctrl") || !answers(socket) {
      guard clock.now - begun < patience, child.isRunning else { throw Failure.notListening(after: patience) }
      usleep(5_000)
    }
  }

  /// Ends it by its process id, as a power cut would; what it keeps on disk stays.
  public func stop() {
    process.withLock { process in
      guard let child = process else { return }
      // A milder signal would stay blocked: a child inherits the mask of the thread that started it.
      kill(child.processIdentifier, SIGKILL)
      child.waitUntilExit()
      process = nil
    }
    for suffix in ["", ".ctrl"] { try? FileManager.default.removeItem(atPath: socket + suffix) }
  }

  /// A TPM reset: what was loaded is gone, what is stored stays.
  public func restart() throws {
    stop()
    try start()
  }

  /// Runs one of tpm2-tools on this TPM, in its directory; our own connection must be closed meanwhile.
  @discardableResult
  public func run(_ name: String, _ arguments: String...) throws -> String {
    guard let program = Self.find(name) else { throw Failure.missing(name) }
    let child = Process()
    child.executableURL = program
    child.arguments = arguments
    child.currentDirectoryURL = directory
    child.environment = ProcessInfo.processInfo.environment.merging(
      ["TPM2TOOLS_TCTI": transport, "TSS2_LOG": "all+none"]) { _, new in new }
    let output = Pipe()
    child.standardOutput = output
    child.standardError = output
    try child.run()
    let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    child.waitUntilExit()
    guard child.terminationStatus == 0 else {
      throw Failure.tool(name: name, status: child.terminationStatus, text: text)
    }
    return text
  }

  public func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: directory.appendingPathComponent(name))
  }

  public func read(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: directory.appendingPathComponent(name)))
  }

  private func answers(_ path: String) -> Bool {
    let file = Foundation.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard file >= 0 else { return false }
    defer { close(file) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = [UInt8](path.utf8)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
      precondition(bytes.count < target.count)
      unsafe target.copyBytes(from: bytes)
    }
    // The address outlives the call, which reads as many bytes as it is told.
    return unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }

  private static func find(_ name: String) -> URL? {
    let path = (ProcessInfo.processInfo.environment["PATH"] ?? "") + ":/usr/bin:/usr/local/bin"
    return path.split(separator: ":").map { URL(fileURLWithPath: "\($0)/\(name)") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }
}
