private import Crypto
import Encodings
internal import KeyVault
internal import Secrets
import SignerJournal
import SignerWire
import SigningRules
import Synchronization
import ThresholdSigning
import WireBytes

/// What one signer does in key generation and signing with shares: its own part, from its own rules.
///
/// A coordinator carries messages between signers; it learns nothing secret, and what it changes is refused. A share lies
/// encrypted with the other secrets; nonces live in memory alone. One key generation at a time.
///
/// Rounds: `begin` (a plan), `deliver` (a ceremony's message), `finish`, `abandon`, `shares`, `commit` (`key ‖ name`) and
/// `sign` (`key ‖ name ‖ length of commitments (4) ‖ commitments ‖ request as on the wire`).
final class ThresholdRounds: Sendable {
  private struct State: ~Copyable {
    var ceremony: KeyGeneration?
    var nonces = PendingNonces()
  }

  private let secrets: FileBackEnd
  private let domain: KeyDomain
  private let state = Mutex(State())

  init(secrets: FileBackEnd, domain: KeyDomain) {
    self.secrets = secrets
    self.domain = domain
  }

  func take(
    _ round: String, _ message: [UInt8], _ administration: SignerAdministration, from caller: AdminCaller,
    on core: inout CoreState, at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    switch round {
    case "begin":
      try note("threshold begin", caller, [], administration, on: &core, at: now)
      return try begin(message)
    case "deliver": return try deliver(message)
    case "finish":
      let (name, share) = try finish()
      try note("threshold finish", caller, [.hash(.key, name.bytes)], administration, on: &core, at: now)
      return try keep(share, name)
    case "abandon":
      state.withLock { $0.ceremony = nil }
      return [:]
    case "shares": return ["shares": .array(try shares())]
    case "commit": return try commit(message)
    case "sign": return try sign(message, administration, from: caller, on: &core, at: now)
    default: throw .notOffered
    }
  }

  private func note(
    _ operation: String, _ caller: AdminCaller, _ fields: [AuditField],
    _ administration: SignerAdministration,
    on core: inout CoreState, at now: UnixMilliseconds
  ) throws(AdministrationFault) {
    try administration.write(
      administration.entry(
        .share, operation, [.text(.client, caller.client.text)] + fields, at: now), on: &core)
  }

  // MARK: Making a key

  private func begin(_ message: [UInt8]) throws(AdministrationFault) -> JSONValue {
    guard let plan = try? CeremonyPlan(decoding: message.span), let identity = identity(),
      let me = plan.members.first(where: { $0.identityKey == identity.publicKey })
    else { throw .threshold }
    let opening = state.withLock { state -> CeremonyMessage? in
      guard state.ceremony == nil,
        let generation = try? KeyGeneration(plan: plan, me: me.identifier, identity: identity)
      else { return nil }
      let opening = generation.opening
      state.ceremony = consume generation
      return opening
    }
    guard let opening else { throw .threshold }
    return [
      "member": .number(String(me.identifier.number)), "messages": [.string(Hex.encode(opening.encoded()))],
    ]
  }

  private func identity() -> CeremonyIdentity? {
    secrets.secret(named: SignerSecret.identity)?.withSpan { seed in
      var bytes = [UInt8](copying: seed)
      defer { for index in bytes.indices { bytes[index] = 0 } }
      return (try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes)).map { CeremonyIdentity($0) }
    }
  }

  private func deliver(_ bytes: [UInt8]) throws(AdministrationFault) -> JSONValue {
    guard let message = try? CeremonyMessage(decoding: bytes.span) else { throw .threshold }
    let answer = state.withLock { state -> (messages: [CeremonyMessage], complete: Bool)? in
      guard var generation = state.ceremony.take() else { return nil }
      do {
        let messages = try generation.receive(message)
        let complete = generation.isComplete
        state.ceremony = consume generation
        return (messages, complete)
      } catch {
        // A bad message is dropped; a ceremony that it has ended stays ended, and says so at the next.
        state.ceremony = consume generation
        return nil
      }
    }
    guard let answer else { throw .threshold }
    return [
      "messages": .array(answer.messages.map { .string(Hex.encode($0.encoded())) }),
      "complete": .boolean(answer.complete),
    ]
  }

  private func finish() throws(AdministrationFault) -> (KeyID, VaultSecret) {
    let made = state.withLock { state -> (KeyID, VaultSecret)? in
      guard let generation = state.ceremony.take(), generation.isComplete,
        let share = try? generation.finish()
      else { return nil }
      return (Self.id(share.group), share.withEncoded { VaultSecret(SecretBytes(copying: $0)) })
    }
    guard let made else { throw .threshold }
    return made
  }

  private func keep(_ share: VaultSecret, _ id: KeyID) throws(AdministrationFault) -> JSONValue {
    do { try secrets.store(share.copy(), named: Self.name(id)) } catch { throw .storage }
    return try shown(id)
  }

  // MARK: Shares

  static func id(_ group: GroupPublicKey) -> KeyID {
    KeyID(suite: .frostEd25519, publicKey: group.key.array)
  }

  private static let prefix = "frost-"

  private static func name(_ id: KeyID) -> String {
    prefix + String(Hex.encode(id.bytes.span, prefix: "").prefix(48))
  }

  private func shares() throws(AdministrationFault) -> [JSONValue] {
    var shown: [JSONValue] = []
    for name in secrets.secretNames where name.hasPrefix(Self.prefix) {
      guard let share = share(named: name) else { throw .storage }
      shown.append(Self.json(share.identifier, share.group))
    }
    return shown
  }

  private func shown(_ id: KeyID) throws(AdministrationFault) -> JSONValue {
    guard let share = share(named: Self.name(id)) else { throw .thresholdUnknown }
    return Self.json(share.identifier, share.group)
  }

  private static func json(_ identifier: ParticipantIdentifier, _ group: GroupPublicKey) -> JSONValue {
    [
      "key": .string(id(group).description), "publicKey": .string(group.key.description),
      "member": .number(String(identifier.number)), "threshold": .number(String(group.threshold)),
      "members": .number(String(group.shares.count)), "group": .string(Hex.encode(group.encoded())),
    ]
  }

  private func share(named name: String) -> KeyShare? {
    secrets.secret(named: name)?.withSpan { try? KeyShare(decoding: $0) }
  }

  // MARK: Signing

  private func commit(_ message: [UInt8]) throws(AdministrationFault) -> JSONValue {
    guard message.count == 64 else { throw .threshold }
    let id = KeyID(Bytes32(message.span, at: 0))
    let name = Bytes32(message.span, at: 32)
    guard let share = share(named: Self.name(id)) else { throw .thresholdUnknown }
    let commitment = state.withLock { state in try? state.nonces.commit(name, with: share) }
    guard let commitment else { throw .threshold }
    return ["commitment": .string(Hex.encode(commitment.encoded()))]
  }

  /// This signer's share of a signature over what its own rules make of the request: what others want signed is not asked.
  private func sign(
    _ message: [UInt8], _ administration: SignerAdministration, from caller: AdminCaller,
    on core: inout CoreState, at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    let id: KeyID
    let name: Bytes32
    let list: [UInt8]
    let content: [UInt8]
    do {
      var reader = ByteReader(message.span)
      id = KeyID(try reader.readFixed())
      name = try reader.readFixed()
      let size: UInt32 = try reader.readBigEndian()
      list = try reader.readBytes(Int(size))
      content = reader.readRest()
    } catch { throw .threshold }
    guard let share = share(named: Self.name(id)) else { throw .thresholdUnknown }
    guard let commitments = try? NonceCommitment.list(decoding: list.span),
      let request = try? SigningRequestCoding.decode(content)
    else { throw .threshold }
    let facts = KeyFacts(id: id, suite: .frostEd25519, purposes: domain.purposes)
    let admission: Admission
    do {
      admission = try core.signing.admit(request, key: facts, client: caller.client, at: now)
    } catch {
      try note(
        "threshold refused", caller,
        [.hash(.key, id.bytes), .number(.code, UInt64(error.code)), .text(.reason, error.name)],
        administration,
        on: &core, at: now)
      throw .thresholdRefused
    }
    do { try core.append(admission.records) } catch { throw .recordsFailed }
    let bytes: [UInt8] =
      switch admission.payload.content {
      case .digest(let digest): digest.array
      case .message(let message): message
      }
    // On disk before the share leaves.
    try note(
      "threshold sign", caller, [.hash(.key, id.bytes), .text(.purpose, request.purpose.rawValue)],
      administration, on: &core, at: now)
    guard let session = try? SigningSession(message: bytes, commitments: commitments, group: share.group)
    else {
      throw .threshold
    }
    let part = state.withLock { state in try? state.nonces.sign(name, session, with: share) }
    guard let part else { throw .threshold }
    return ["share": .string(Hex.encode(part.encoded()))]
  }
}
