import AttestService
import ChainAccess
import Foundation
import Gate
import LocalKeys
import Messages
import Synchronization
import Testing
import WireBytes

/// Signs as a development key does; `before` runs first, at the moment when a signature is asked for.
struct KeySigner: AttestationSigning {
  let key: LocalSecp256k1Key
  var before: @Sendable (AttestedStatement) async throws(AttestationSigningError) -> Void = { _ in }

  func sign(_ statement: AttestedStatement) async throws(AttestationSigningError) -> [UInt8] {
    try await before(statement)
    return key.signRecoverable(digest: statement.digest).array
  }
}

/// A domain, the keys of its attesters and a folder for their records, all gone with the test.
final class Bench: Sendable {
  let folder: String
  let domain: ScriptedDomain
  let keys: [LocalSecp256k1Key]
  let binding: AttestationBinding

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-attest-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    domain = try ScriptedDomain("harbor-1")
    keys = try (1...4).map { number in
      let secret = [UInt8](repeating: 0, count: 31) + [UInt8(number)]
      return try LocalSecp256k1Key(secret: secret.span)
    }
    binding = try AttestationBinding(
      origin: domain.domain, router: [UInt8]("ibc".utf8), client: ClientID("client-0"))
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func attester(_ number: Int = 0) throws -> Attester {
    try Attester(suite: .secp256k1Address, key: keys[number].ethereumAddress.array)
  }

  func record(_ name: String = "0", heightsKept: Int = 100) throws -> AttestationRecord {
    try AttestationRecord(path: folder + "/\(name).sqlite", heightsKept: heightsKept)
  }

  func service(
    _ number: Int = 0, reading: AttestedOrigin.Reading = .proven, record: AttestationRecord? = nil,
    signer: (any AttestationSigning)? = nil
  ) throws -> AttesterService {
    AttesterService(
      attester: try attester(number), signer: signer ?? KeySigner(key: keys[number]),
      origins: [AttestedOrigin(domain, reading: reading)], serves: [binding],
      record: try record ?? self.record("\(number)"))
  }

  func height(_ number: UInt64) -> Height { Height(revision: 1, number) }

  func question(_ number: UInt64, _ paths: [PacketPath]? = nil) -> AttestationQuestion {
    AttestationQuestion(
      binding: binding, height: height(number), subject: paths.map { .packets($0) } ?? .state)
  }

  static func path(_ sequence: UInt64, _ kind: PacketPath.Kind = .commitment) throws -> PacketPath {
    PacketPath(kind, client: try ClientID("client-7"), sequence: try #require(Sequence(sequence)))
  }

  static func word(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }

  /// What Gate makes of `answers`, one from each of the first attesters, under three of four.
  func verdict(_ question: AttestationQuestion, _ answers: [AttestationAnswer], quorum: UInt64 = 3) throws
    -> Verdict
  {
    let first = try #require(answers.first)
    let policy = try AttestedPolicy(
      form: first.body.form, binding: binding, attesters: try keys.indices.map { try attester($0) },
      quorum: quorum)
    let evidence = AttestedEvidence(
      height: question.height, timestamp: first.timestamp, body: first.body,
      signatures: answers.enumerated().map { .init(attester: $0.offset, bytes: $0.element.signature) })
    return try Gate.evaluate(
      try Policy(.attested(policy)), .attested(evidence), in: GateContext(now: first.timestamp))
  }

  static func failure(
    _ service: AttesterService, _ question: AttestationQuestion
  ) async -> AttestationFailure? {
    do throws(AttestationFailure) {
      _ = try await service.attest(question)
      return nil
    } catch { return error }
  }
}
