import Foundation
import Messages
import SignerAccess
import SignerWire
import SigningRules
import Synchronization
import Testing

/// How fast signers with tokens are, over their sockets, and beside it how fast the token itself is without any of it.
///
///     MEASURE=1 script/test --filter TokenSpeedTests
@Suite(
  "Speed of causeway-signer with tokens", .serialized,
  .enabled(if: ProcessInfo.processInfo.environment["MEASURE"] != nil, "MEASURE is not set"))
struct TokenSpeedTests {
  static let signatures = 4_000

  @Test(
    "SoftHSM2", .enabled(if: SoftToken.isInstalled, "SoftHSM2 is not installed"),
    arguments: [KeySuite.secp256k1, .p256, .ed25519, .p384])
  func token(suite: KeySuite) async throws {
    let token = try SoftToken()
    let home = try TokenHome(.token(token))
    let key = try prepared(home, suite)
    try await measure(home, key, name: "SoftHSM2 \(suite.rawValue)")
    print(
      "MEASURED SoftHSM2 \(suite.rawValue), C_SignInit and C_Sign alone: \(try Floor.token(token, suite))/s")
  }

  @Test(
    "swtpm", .enabled(if: SoftTPM.isInstalled, "swtpm is not installed"), arguments: [KeySuite.p256, .p384])
  func chip(suite: KeySuite) async throws {
    let chip = try SoftTPM()
    let home = try TokenHome(.chip(chip))
    let key = try prepared(home, suite)
    try await measure(home, key, name: "swtpm \(suite.rawValue)")
    print("MEASURED swtpm \(suite.rawValue), TPM2_Sign alone: \(try Floor.chip(chip, suite))/s")
  }

  private func prepared(_ home: TokenHome, _ suite: KeySuite) throws -> SignerKey {
    #expect(home.made.code == 0, "\(home.made.complaint)")
    let serving = try home.serve()
    #expect(try home.generate(suite).code == 0)
    let keys = try home.keys()
    #expect(serving.stop() == 0)
    try home.grantAll(keys)
    return try #require(keys.first)
  }

  private func measure(_ home: TokenHome, _ key: SignerKey, name: String) async throws {
    let serving = try home.serve()
    let next = Heights()
    for depth in [1, 16, 256] {
      let clients = try (0..<min(4, depth)).map { _ in try home.client() }
      for client in clients { _ = try await client.sign(try Self.claim(next), key: key.id) }
      let times = Times()
      let count = Self.signatures / (depth == 1 ? 4 : 1)
      let last = next.take() + UInt64(count)
      let begun = ContinuousClock.now
      try await withThrowingTaskGroup(of: Void.self) { group in
        for task in 0..<depth {
          let client = clients[task % clients.count]
          group.addTask {
            while true {
              let request = try Self.claim(next)
              guard case .attestation(let statement) = request, statement.height.number < last else { return }
              let start = ContinuousClock.now
              _ = try await client.sign(request, key: key.id)
              let took = (ContinuousClock.now - start) / .microseconds(1)
              times.add(took)
            }
          }
        }
        try await group.waitForAll()
      }
      let seconds = (ContinuousClock.now - begun) / .seconds(1)
      let sorted = times.sorted
      func at(_ part: Double) -> Int {
        Int(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))])
      }
      print(
        "MEASURED \(name), \(depth) at once: \(Int(Double(sorted.count) / seconds))/s, "
          + "p50 \(at(0.5)) µs, p99 \(at(0.99)) µs")
      for client in clients { await client.close() }
    }
    #expect(serving.stop() == 0)
  }

  /// Heights come out of order when tasks race: one time for all is in every order.
  private static func claim(_ next: Heights) throws -> SigningRequest {
    try Claims.attestation(height: next.take(), seconds: 1_700_000_000)
  }
}

/// Each height once. A class, since tasks share it.
private final class Heights: Sendable {
  private let next = Mutex(UInt64(1))

  func take() -> UInt64 {
    next.withLock { next in
      defer { next += 1 }
      return next
    }
  }
}

/// In microseconds. A class, since tasks share it.
private final class Times: Sendable {
  private let times = Mutex<[Double]>([])

  func add(_ time: Double) { times.withLock { $0.append(time) } }
  var sorted: [Double] { times.withLock { $0.sorted() } }
}

/// Signatures a second of a token, called directly, one after the other, in one thread: no other can be faster.
enum Floor {
  static let signatures = 2_000

  enum Failure: Error {
    case code(UInt, of: String)
    case socket
    case answer([UInt8])
  }

  static func token(_ token: SoftToken, _ suite: KeySuite) throws -> Int {
    // Read by the module when it is initialised.
    for (name, value) in token.environment { unsafe setenv(name, value, 1) }
    let module = try Module(token.modulePath)
    let session = try module.open(pin: SoftToken.pin)
    let key = try module.privateKey(session)
    let seconds = try time { try module.sign(session, key, isEdwards: suite == .ed25519) }
    try module.close()
    return Int(Double(signatures) / seconds)
  }

  static func chip(_ chip: SoftTPM, _ suite: KeySuite) throws -> Int {
    let line = try Line(chip.socket)
    defer { line.close() }
    let curve: (number: UInt16, hash: UInt16, size: Int) =
      suite == .p256 ? (0x0003, 0x000b, 32) : (0x0004, 0x000c, 48)
    // TPM2_CreatePrimary in the owner hierarchy, of an ECDSA key without authorisation (TPM 2.0 part 3, 24.1).
    let area =
      word(0x0023) + word(0x000b) + word(0x0004, 0x0472) + word(0) + word(0x0010) + word(0x0018)
      + word(curve.hash) + word(curve.number) + word(0x0010) + word(0) + word(0)
    let made = try line.ask(
      0x0131,
      word(0x4000, 0x0001) + password + word(4) + word(0) + word(0) + word(UInt16(area.count)) + area
        + word(0) + word(0, 0))
    let handle = Array(made[10..<14])
    // TPM2_Sign with the key's own scheme and no ticket (part 3, 20.2).
    let digest = [UInt8](repeating: 7, count: curve.size)
    let command =
      handle + password + word(UInt16(curve.size)) + digest + word(0x0010) + word(0x8024)
      + word(0x4000, 0x0007)
      + word(0)
    return Int(Double(signatures) / (try time { _ = try line.ask(0x015d, command) }))
  }

  private static func time(_ body: () throws -> Void) throws -> Double {
    let begun = ContinuousClock.now
    for _ in 0..<signatures { try body() }
    return (ContinuousClock.now - begun) / .seconds(1)
  }

  private static func word(_ words: UInt16...) -> [UInt8] {
    words.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
  }

  /// The authorisation area of an empty password.
  private static var password: [UInt8] { word(0, 9, 0x4000, 0x0009, 0) + [0] + word(0) }

  /// A connection to swtpm, commands as they are.
  private struct Line {
    let file: Int32

    init(_ path: String) throws {
      file = Tool.connected(path)
      guard file >= 0 else { throw Failure.socket }
    }

    func close() { _ = Foundation.close(file) }

    func ask(_ code: UInt16, _ body: [UInt8]) throws -> [UInt8] {
      let size = 10 + body.count
      let command =
        Floor.word(0x8002) + Floor.word(UInt16(size >> 16), UInt16(size & 0xffff)) + Floor.word(0, code)
        + body
      // At most as many bytes as the arrays have.
      guard unsafe write(file, command, command.count) == command.count else { throw Failure.socket }
      var answer = [UInt8](repeating: 0, count: 4_096)
      let count = unsafe read(file, &answer, answer.count)
      guard count >= 10 else { throw Failure.socket }
      answer.removeLast(answer.count - count)
      guard answer[6..<10].allSatisfy({ $0 == 0 }) else { throw Failure.answer(answer) }
      return answer
    }
  }

  /// A PKCS#11 module, by the names and types of its functions in PKCS#11 2.40.
  @safe
  private struct Module {
    private let library: UnsafeMutableRawPointer

    init(_ path: String) throws {
      guard let loaded = unsafe dlopen(path, RTLD_NOW) else { throw Failure.socket }
      unsafe library = loaded
      try check(
        unsafe function("C_Initialize", (@convention(c) (UnsafeMutableRawPointer?) -> UInt).self)(nil),
        "C_Initialize")
    }

    private func function<Function>(_ name: String, _ type: Function.Type) throws -> Function {
      guard let symbol = unsafe dlsym(library, name) else { throw Failure.code(0, of: name) }
      return unsafe unsafeBitCast(symbol, to: type)
    }

    private func check(_ code: UInt, _ name: String) throws {
      guard code == 0 else { throw Failure.code(code, of: name) }
    }

    func close() throws {
      try check(
        unsafe function("C_Finalize", (@convention(c) (UnsafeMutableRawPointer?) -> UInt).self)(nil),
        "C_Finalize")
    }

    /// A session with the first token, logged in.
    func open(pin: String) throws -> UInt {
      var slots = [UInt](repeating: 0, count: 8)
      var count = UInt(slots.count)
      try check(
        unsafe function(
          "C_GetSlotList",
          (@convention(c) (UInt8, UnsafeMutablePointer<UInt>?, UnsafeMutablePointer<UInt>) -> UInt).self)(
            1, &slots, &count), "C_GetSlotList")
      var session: UInt = 0
      // CKF_SERIAL_SESSION
      try check(
        unsafe function(
          "C_OpenSession",
          (@convention(c) (
            UInt, UInt, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt>
          ) -> UInt).self)(slots[0], 4, nil, nil, &session), "C_OpenSession")
      var bytes = [UInt8](pin.utf8)
      // CKU_USER
      try check(
        unsafe function(
          "C_Login", (@convention(c) (UInt, UInt, UnsafeMutablePointer<UInt8>, UInt) -> UInt).self)(
            session, 1, &bytes, UInt(bytes.count)), "C_Login")
      return session
    }

    /// The one private key there is.
    func privateKey(_ session: UInt) throws -> UInt {
      // CK_ATTRIBUTE: type CKA_CLASS (0), a pointer to CKO_PRIVATE_KEY (3), its length.
      var kind: UInt = 3
      try unsafe withUnsafeMutablePointer(to: &kind) { kind in
        var template: [UInt] = [0, UInt(bitPattern: kind), UInt(MemoryLayout<UInt>.size)]
        try check(
          unsafe function(
            "C_FindObjectsInit", (@convention(c) (UInt, UnsafeMutablePointer<UInt>, UInt) -> UInt).self)(
              session, &template, 1), "C_FindObjectsInit")
      }
      var key: UInt = 0
      var count: UInt = 0
      try check(
        unsafe function(
          "C_FindObjects",
          (@convention(c) (UInt, UnsafeMutablePointer<UInt>, UInt, UnsafeMutablePointer<UInt>) -> UInt).self)(
            session, &key, 1, &count), "C_FindObjects")
      try check(
        function("C_FindObjectsFinal", (@convention(c) (UInt) -> UInt).self)(session), "C_FindObjectsFinal")
      guard count == 1 else { throw Failure.code(0, of: "C_FindObjects") }
      return key
    }

    func sign(_ session: UInt, _ key: UInt, isEdwards: Bool) throws {
      // CK_MECHANISM: CKM_EDDSA or CKM_ECDSA, no parameter.
      var mechanism: [UInt] = [isEdwards ? 0x1057 : 0x1041, 0, 0]
      try check(
        unsafe function(
          "C_SignInit", (@convention(c) (UInt, UnsafeMutablePointer<UInt>, UInt) -> UInt).self)(
            session, &mechanism, key), "C_SignInit")
      var content = [UInt8](repeating: 7, count: 32)
      var signature = [UInt8](repeating: 0, count: 128)
      var count = UInt(signature.count)
      try check(
        unsafe function(
          "C_Sign",
          (@convention(c) (
            UInt, UnsafeMutablePointer<UInt8>, UInt, UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<UInt>
          ) -> UInt).self)(session, &content, UInt(content.count), &signature, &count), "C_Sign")
    }
  }
}
