import Digests
import Messages
import SigningRules
import WireBytes

/// The signer's own rules, with one client that may have one key attest one origin's states.
struct Watermarks {
  enum Answer {
    /// What to sign, and the records to write down before.
    case admitted(Bytes32, records: [[UInt8]])
    case refused(SigningRefusal)
  }

  /// A payload that is no digest: attestations always are one.
  struct NotADigest: Error {}

  private var state: SigningState
  private let key: KeyFacts
  private let client: ClientName
  private let binding: AttestationBinding

  init(publicKey: [UInt8]) throws {
    let origin = try DomainID("cosmos:crash-1")
    let id = KeyID(suite: .ed25519, publicKey: publicKey)
    key = KeyFacts(id: id, suite: .ed25519, purposes: [.attestation])
    client = try ClientName("attester-0")
    binding = try AttestationBinding(
      origin: origin, router: [UInt8]("ibc".utf8), client: try ClientID("client-0"))
    let policy = try AccessPolicy(
      domain: .operator,
      clients: [
        PolicyClient(
          name: client, key: Bytes32 { UInt8($0) }, peers: [.uid(1)], roles: [.sign], perMinute: 100_000,
          grants: [Grant(keys: [id], scope: .attestation(origins: [origin]))])
      ],
      keyLimits: [KeyLimit(key: id, purpose: .attestation, perMinute: 100_000)], approvers: .none,
      alarms: AlarmRules())
    state = SigningState(domain: .operator, policy: policy)
  }

  /// Asks for a signature of the state with `root` at a height.
  mutating func admit(_ height: UInt64, _ root: Bytes32) throws -> Answer {
    let statement = AttestedStatement(
      binding: binding, height: Height(height), timestamp: UnixTime(seconds: 1_000 + height),
      body: .state(root: root))
    let admission: Admission
    do throws(SigningRefusal) {
      admission = try state.admit(
        .attestation(statement), key: key, client: client, at: UnixMilliseconds(10_000_000))
    } catch {
      return .refused(error)
    }
    guard case .digest(let digest) = admission.payload.content else { throw NotADigest() }
    return .admitted(digest, records: admission.records.map { $0.encoded() })
  }

  mutating func restore(_ record: [UInt8]) throws { try state.restore(try WatermarkRecord(decoding: record)) }

  func snapshot() -> [[UInt8]] { state.snapshot().map { $0.encoded() } }
}
