import Foundation
import Synchronization
import Testing

/// SoftHSM2 with one token in a directory of its own, for processes that are told so by their environment.
final class SoftToken: Sendable {
  static let label = "causeway signer"
  static let pin = "5678"
  private static let modules = [
    "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
  ]
  static let module = modules.first { FileManager.default.fileExists(atPath: $0) }
  static var isInstalled: Bool { module != nil && Tool.find("softhsm2-util") != nil }

  let folder: Folder
  let modulePath: String
  var environment: [String: String] { ["SOFTHSM2_CONF": folder.path + "/softhsm2.conf"] }

  init() throws {
    folder = try Folder()
    modulePath = try #require(Self.module)
    try FileManager.default.createDirectory(
      atPath: folder.path + "/tokens", withIntermediateDirectories: false)
    try Data(
      "directories.tokendir = \(folder.path)/tokens\nobjectstore.backend = file\nlog.level = ERROR\n".utf8
    )
    .write(to: URL(fileURLWithPath: folder.path + "/softhsm2.conf"))
    try initialise(["--free"])
  }

  deinit { folder.remove() }

  /// Makes the token anew under its old label: every key in it is gone.
  func initialiseAgain() throws { try initialise(["--token", Self.label]) }

  private func initialise(_ which: [String]) throws {
    try Tool.run(
      "softhsm2-util",
      ["--init-token"] + which + ["--label", Self.label, "--so-pin", "1234", "--pin", Self.pin],
      environment: environment)
  }

  /// Takes the token away, as somebody who pulls it out, until it is put back.
  func takeAway() throws {
    try FileManager.default.moveItem(atPath: folder.path + "/tokens", toPath: folder.path + "/away")
  }

  func putBack() throws {
    try FileManager.default.moveItem(atPath: folder.path + "/away", toPath: folder.path + "/tokens")
  }
}

/// A TPM of swtpm's on a unix socket, in a directory of its own; stopped by its process id.
final class SoftTPM: Sendable {
  static var isInstalled: Bool { Tool.find("swtpm") != nil }
  static let patience = Duration.seconds(20)

  enum Failure: Error {
    case notListening(after: Duration)
  }

  let folder: Folder
  private let process = Mutex<Process?>(nil)
  var socket: String { folder.path + "/s" }
  var transport: String { "swtpm:path=\(socket)" }

  init() throws {
    folder = try Folder()
    try FileManager.default.createDirectory(
      atPath: folder.path + "/state", withIntermediateDirectories: false)
    try start()
  }

  deinit {
    stop()
    folder.remove()
  }

  func start() throws {
    let child = Process()
    child.executableURL = try Tool.path("swtpm")
    child.arguments = [
      "socket", "--tpm2", "--tpmstate", "dir=\(folder.path)/state", "--ctrl",
      "type=unixio,path=\(socket).ctrl", "--server", "type=unixio,path=\(socket)", "--flags",
      "not-need-init,startup-clear",
    ]
    child.standardOutput = FileHandle.nullDevice
    child.standardError = FileHandle.nullDevice
    try child.run()
    process.withLock { $0 = child }
    let clock = ContinuousClock()
    let begun = clock.now
    while !Tool.listens(socket + ".ctrl") {
      guard clock.now - begun < Self.patience, child.isRunning else {
        throw Failure.notListening(after: Self.patience)
      }
      usleep(5_000)
    }
  }

  /// Puts a fresh TPM in the place of this one, as a directory that is carried elsewhere finds one there.
  func exchange() throws {
    stop()
    try FileManager.default.moveItem(atPath: folder.path + "/state", toPath: folder.path + "/own")
    try FileManager.default.createDirectory(
      atPath: folder.path + "/state", withIntermediateDirectories: false)
    try start()
  }

  func bringBack() throws {
    stop()
    try FileManager.default.removeItem(atPath: folder.path + "/state")
    try FileManager.default.moveItem(atPath: folder.path + "/own", toPath: folder.path + "/state")
    try start()
  }

  /// As a power cut would; what it keeps on disk stays.
  func stop() {
    process.withLock { process in
      guard let child = process else { return }
      // A milder signal would stay blocked: a child inherits the mask of the thread that started it.
      kill(child.processIdentifier, SIGKILL)
      child.waitUntilExit()
      process = nil
    }
    for suffix in ["", ".ctrl"] { try? FileManager.default.removeItem(atPath: socket + suffix) }
  }
}

/// Programs of the system that tests use.
enum Tool {
  static func find(_ name: String) -> URL? {
    ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map { URL(fileURLWithPath: "\($0)/\(name)") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }

  static func path(_ name: String) throws -> URL {
    guard let path = find(name) else { throw CocoaError(.fileNoSuchFile) }
    return path
  }

  @discardableResult
  static func run(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws -> String
  {
    let child = Process()
    child.executableURL = try path(name)
    child.arguments = arguments
    child.environment = SignerProgram.environment.merging(environment) { _, new in new }
    let output = Pipe()
    child.standardOutput = output
    child.standardError = output
    try child.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    child.waitUntilExit()
    try #require(child.terminationStatus == 0, "\(name) \(arguments): \(text)")
    return text
  }

  /// Whether somebody accepts connections on a unix socket.
  static func listens(_ path: String) -> Bool {
    let file = connected(path)
    guard file >= 0 else { return false }
    close(file)
    return true
  }

  /// A connection to a unix socket; negative when nobody is there.
  static func connected(_ path: String) -> Int32 {
    let file = Foundation.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard file >= 0 else { return -1 }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = [UInt8](path.utf8)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
      precondition(bytes.count < target.count)
      unsafe target.copyBytes(from: bytes)
    }
    // The address outlives the call, which reads as many bytes as it is told.
    let isConnected = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
    guard isConnected else {
      close(file)
      return -1
    }
    return file
  }
}
