import Attestation
import ContractHost
import Crypto
import Digests
import EnclaveService
import Enclaves
import Foundation
import Messages
import Secrets
import SignerJournal
import Synchronization
import TPMAccess
import TestSupport
import Testing
import WireBytes

/// A folder of a test's own, removed when the last reference goes.
final class Folder: Sendable {
  let path: String

  /// Short: the path of a socket has at most 107 bytes.
  init() throws {
    path =
      FileManager.default.temporaryDirectory.appendingPathComponent("e-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func copy(to other: Folder, _ name: String) throws {
    try FileManager.default.copyItem(atPath: path + "/" + name, toPath: other.path + "/" + name)
  }
}

/// A case program as text: a contract whose `query` answers with fixed JSON, whatever it is asked.
enum FixedProgram {
  static let library = try? WasmtimeLibrary.find()
  static let absence = "wasmtime is absent"

  static func wasm(payouts: String = "[]", replies: String = "[]", state: UInt8 = 7) throws -> [UInt8] {
    let hex = "0x" + String(repeating: Hex.encode([state], prefix: ""), count: 32)
    return try wasm(answer: #"{"payouts":\#(payouts),"replies":\#(replies),"state":"\#(hex)"}"#)
  }

  static func wasm(answer: String) throws -> [UInt8] {
    let encoded = Data(answer.utf8).base64EncodedString()
    return try wasm(result: #"{"ok":"\#(encoded)"}"#)
  }

  /// A module whose query gives back one region: its descriptor at 1024, its contents from 2048 on.
  static func wasm(result: String) throws -> [UInt8] {
    let bytes = [UInt8](result.utf8)
    func little(_ value: Int) -> String {
      (0..<4).map { "\\\(Hex.encode([UInt8(value >> (8 * $0) & 0xff)], prefix: ""))" }.joined()
    }
    let contents = bytes.map { "\\\(Hex.encode([$0], prefix: ""))" }.joined()
    let text = """
      (module
        (memory (export "memory") 4)
        (global $next (mut i32) (i32.const 65536))
        (data (i32.const 1024) "\(little(2048))\(little(bytes.count))\(little(bytes.count))")
        (data (i32.const 2048) "\(contents)")
        (func (export "interface_version_8"))
        (func (export "instantiate") (param i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "allocate") (param $size i32) (result i32) (local $region i32)
          (local.set $region (global.get $next))
          (i32.store (local.get $region) (i32.add (local.get $region) (i32.const 12)))
          (i32.store offset=4 (local.get $region) (local.get $size))
          (i32.store offset=8 (local.get $region) (i32.const 0))
          (global.set $next (i32.add (i32.add (local.get $region) (i32.const 12)) (local.get $size)))
          (local.get $region))
        (func (export "deallocate") (param i32))
        (func (export "query") (param i32 i32) (result i32) (i32.const 1024)))
      """
    return try ContractEngine.assemble(text, with: try #require(library))
  }
}

/// What enclaves of these tests are, and what is asked of them.
enum Bench {
  static let now: UInt64 = 1_800_000_000

  static var domain: InteroperableAddress {
    get throws { try InteroperableAddress(chain: DomainID("cosmos:demo-1")) }
  }

  static func account(_ number: UInt8) throws -> InteroperableAddress {
    try InteroperableAddress(
      domain: DomainID("cosmos:demo-1"), address: [UInt8](repeating: number, count: 20))
  }

  static func policy(gas: UInt64 = 1 << 40) throws -> EnclavePolicy {
    try EnclavePolicy(maximumInputs: 16, maximumInputSize: 4_096, gas: gas, ledger: nil)
  }

  static func configuration(
    _ folder: Folder, signing: EnclaveSigningKind = .p256, sealing: SealingSuite = .x25519,
    lifetimeSeconds: UInt64 = 3_600, withEachAnswer: Bool = true
  ) throws -> EnclaveConfiguration {
    try EnclaveConfiguration(
      folder: folder.path, domain: domain, operator: account(9), signing: signing, sealing: sealing,
      lifetimeSeconds: lifetimeSeconds, raisesCounterWithEachAnswer: withEachAnswer)
  }

  static func anchor(_ height: UInt64 = 10) -> EnclaveAnchor {
    EnclaveAnchor(height: height, hash: SHA256Hash.hash([UInt8](String(height).utf8)))
  }

  static func cases(_ wasm: [UInt8], gas: UInt64 = 1 << 40) throws -> EnclaveWorkload {
    .cases(wasm: wasm, policy: try policy(gas: gas), library: try #require(FixedProgram.library))
  }

  static func opening(_ number: UInt64, _ identity: EnclaveIdentity) throws -> CaseOpening {
    try CaseOpening(
      number: number, opener: account(1), program: identity.program, policy: identity.policy,
      attestationPolicy: SHA256Hash.hash([1]),
      coordinator: EnclaveVerificationKey(
        suite: .p256, bytes: [UInt8](P256.Signing.PrivateKey().publicKey.compressedRepresentation)),
      opened: now - 200, closes: now - 100, expires: now + 10_000, maximumInputs: 16, accepts: [])
  }

  /// A case with one sealed input for each body, by accounts 20, 21, ….
  static func job(
    _ number: UInt64, bodies: [[UInt8]], for registration: EnclaveRegistration, replyTo: SealingPublicKey
  ) throws -> ComputationJob {
    let identity = EnclaveIdentity(program: registration.keys.program, policy: registration.keys.policy)
    let id = try CaseIdentity.id(domain: domain, number: number)
    var inputs: [CaseInput] = []
    var envelopes: [SealedEnvelope] = []
    for (index, body) in bodies.enumerated() {
      let sender = try account(20 + UInt8(index))
      let envelope = try SealedEnvelope(
        sealing: SealedInput(reply: replyTo, body: body, salt: SHA256Hash.hash([UInt8(index)] + body)),
        to: registration.keys, case: id, sender: sender, nonce: 1, expires: now + 20_000)
      envelopes.append(envelope)
      inputs.append(try CaseInput(sender: sender, nonce: 1, commitment: envelope.commitment, coins: []))
    }
    return try ComputationJob(
      opening: opening(number, identity), inputs: inputs, envelopes: envelopes, ledger: nil)
  }
}

/// A clock that a test moves.
final class Clock: Sendable {
  private let seconds = Mutex(Bench.now)
  var now: UInt64 { seconds.withLock { $0 } }
  func advance(_ by: UInt64) { seconds.withLock { $0 += by } }
  var reading: @Sendable () -> UInt64 { { [self] in now } }
}

extension TPMSimulator {
  func connection() throws -> TPMConnection { TPMConnection(try TPMConfiguration(transport: transport)) }
}

/// Reads of whole arrays, which are bound before they are lent.
enum Read {
  static func answer(_ bytes: [UInt8]) throws -> CaseAnswer { try CaseAnswer(decoding: bytes.span) }
  static func signed(_ bytes: [UInt8]) throws -> SignedTransition { try SignedTransition(decoding: bytes.span) }
  static func statement(_ bytes: [UInt8]) throws -> TPMStatement { try TPMStatement(decoding: bytes.span) }
  static func launches(_ bytes: [UInt8]) throws -> [TPMLaunchLog.Launch] {
    try TPMLaunchLog(decoding: bytes.span).launches
  }
}
