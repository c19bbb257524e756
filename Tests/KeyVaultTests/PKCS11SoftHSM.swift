import Foundation
import KeyVault
import Secrets
import Synchronization
import Testing

/// SoftHSM2 with tokens of its own in a temporary directory: the real module, in this process.
///
/// The module reads `SOFTHSM2_CONF` when it is initialised, so there is one configuration for the process, and all tests
/// that use it are in one serialised suite.
final class SoftHSM: Sendable {
  static let pin = "5678"
  /// The label of most tests' token.
  static let token = "causeway main"

  /// Where packages install the module.
  private static let modulePaths = [
    "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so",
  ]
  private static let toolPaths = [
    "/usr/bin/softhsm2-util", "/usr/local/bin/softhsm2-util", "/opt/homebrew/bin/softhsm2-util",
  ]

  static let modulePath = modulePaths.first { FileManager.default.fileExists(atPath: $0) }
  private static let toolPath = toolPaths.first { FileManager.default.isExecutableFile(atPath: $0) }
  static var isPresent: Bool { modulePath != nil && toolPath != nil }

  static let shared = Result { try SoftHSM() }

  let modulePath: String
  let tool: String
  let folder: String

  private init() throws {
    modulePath = try #require(Self.modulePath)
    tool = try #require(Self.toolPath)
    // script/test names the file before the process begins: to change the environment of a process while other tests
    // start programs with it is a race in C.
    let named = ProcessInfo.processInfo.environment["SOFTHSM2_CONF"].flatMap {
      $0.hasSuffix("/softhsm2.conf") && !FileManager.default.fileExists(atPath: $0) ? String($0.dropLast(14)) : nil
    }
    folder =
      named ?? FileManager.default.temporaryDirectory.appendingPathComponent("causeway-softhsm-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder + "/tokens", withIntermediateDirectories: true)
    try Data("directories.tokendir = \(folder)/tokens\nobjectstore.backend = file\nlog.level = ERROR\n".utf8)
      .write(to: URL(fileURLWithPath: folder + "/softhsm2.conf"))
    // Before the module is loaded.
    if named == nil { unsafe setenv("SOFTHSM2_CONF", folder + "/softhsm2.conf", 1) }
    Self.leftover.withLock { $0 = folder }
    atexit {
      if let folder = SoftHSM.leftover.withLock({ $0 }) {
        try? FileManager.default.removeItem(atPath: folder)
      }
    }
    // All of them now: an initialised module does not look for new ones.
    for label in [Self.token, "causeway other", "causeway moving", "causeway twin", "causeway twin"] {
      try run(["--init-token", "--free", "--label", label, "--so-pin", "1234", "--pin", Self.pin])
    }
  }

  private static let leftover = Mutex<String?>(nil)

  @discardableResult
  func run(_ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: tool)
    process.arguments = arguments
    process.environment = ["SOFTHSM2_CONF": folder + "/softhsm2.conf"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "softhsm2-util \(arguments[0])")
    return String(decoding: text, as: UTF8.self)
  }

  func configuration(
    _ label: String = SoftHSM.token, serial: String? = nil, sessionsMax: Int = 4
  ) -> PKCS11Configuration {
    PKCS11Configuration(
      modulePath: modulePath, tokenLabel: label, tokenSerial: serial, sessionsMax: sessionsMax)
  }

  static func secret(_ text: String) -> SharedSecret {
    let bytes = [UInt8](text.utf8)
    return SharedSecret(SecretBytes(copying: bytes.span))
  }

  func open(
    _ label: String = SoftHSM.token, serial: String? = nil, sessionsMax: Int = 4, pin: String = SoftHSM.pin,
    waitSeconds: Double = PKCS11Token.waitSecondsMax
  ) throws(KeyBackEndError) -> PKCS11Token {
    try PKCS11Token(
      configuration(label, serial: serial, sessionsMax: sessionsMax), pin: Self.secret(pin),
      waitSeconds: waitSeconds)
  }

  /// The module itself, loaded a second time: what somebody else in the process would hold.
  func behindTheBack() throws -> Module { try Module(modulePath) }

  /// The system counts how often a library was loaded; its functions are the same.
  @safe
  struct Module {
    private let library: UnsafeMutableRawPointer

    fileprivate init(_ path: String) throws {
      guard let loaded = unsafe dlopen(path, RTLD_NOW) else { throw CocoaError(.fileReadUnknown) }
      unsafe library = loaded
    }

    /// A function's type is that of its name in PKCS#11 2.40.
    func function<Function>(_ name: String, _ type: Function.Type) throws -> Function {
      guard let symbol = unsafe dlsym(library, name) else { throw CocoaError(.featureUnsupported) }
      return unsafe unsafeBitCast(symbol, to: type)
    }

    func closeAllSessions(_ slot: UInt) throws -> UInt {
      try function("C_CloseAllSessions", (@convention(c) (UInt) -> UInt).self)(slot)
    }
    func logOut(_ session: UInt) throws -> UInt {
      try function("C_Logout", (@convention(c) (UInt) -> UInt).self)(session)
    }
    func finalise() throws -> UInt {
      try unsafe function("C_Finalize", (@convention(c) (UnsafeMutableRawPointer?) -> UInt).self)(nil)
    }
    /// Begins a search of everything and leaves it open.
    func startSearch(_ session: UInt) throws -> UInt {
      try unsafe function(
        "C_FindObjectsInit", (@convention(c) (UInt, UnsafeMutableRawPointer?, UInt) -> UInt).self)(
          session, nil, 0)
    }
  }
}

/// Libraries that are no modules.
enum OtherLibrary {
  /// The path of a library that is in every process, and is no module.
  static func path() -> String? {
    let file = unsafe open("/proc/self/maps", O_RDONLY)
    defer { _ = close(file) }
    var text: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // At most as many bytes as `part` has.
      let count = unsafe read(file, &part, part.count)
      guard count > 0 else { break }
      text += part.prefix(count)
    }
    return String(decoding: text, as: UTF8.self).firstMatch(of: /\/\S+\/libc\.so\.6/).map {
      String($0.output)
    }
  }
}
