import Digests
import Encodings
import Foundation
import LightClients
import Messages
import SigningRules
import TestSupport
import Testing
import Transactions
import WireBytes

/// What tools/vectors/signing_rules.py wrote: sign bytes, records, a policy and approvals.
struct RulesVectors {
  let json: JSONValue

  init() throws {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/signing-rules/rules.json")
    json = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    #expect(json["schema"]?.string == "causeway.vectors.signing-rules/1")
  }

  static func hex(_ json: JSONValue?) throws -> [UInt8] { try Hex.decode(try #require(json?.string)) }
  static func word(_ json: JSONValue?) throws -> Bytes32 { try Bytes32(hex(json)) }

  func named(_ list: String, _ name: String) throws -> JSONValue {
    try #require(json[list]?.array?.first { $0["name"]?.string == name })
  }

  func record(_ name: String) throws -> [UInt8] { try Self.hex(try named("records", name)["bytes"]) }

  func policyText() throws -> String { try #require(json["policy"]?["text"]?.string) }
}

/// Things that most tests ask with.
enum Asked {
  static func hash(_ text: String) -> Bytes32 { SHA256Hash.hash([UInt8](text.utf8)) }

  static let key = KeyID(hash("key"))
  static let otherKey = KeyID(hash("other key"))
  static let root = hash("root")
  static let start: UInt64 = 1_700_000_000
  static let now = UnixMilliseconds(start * 1_000)

  static func facts(
    _ id: KeyID = key, suite: KeySuite = .secp256k1,
    purposes: Set<KeyPurpose> = [.attestation, .foreignAttestation, .vote, .transaction],
    origin: DomainID? = nil, state: KeyState = .active, chainIDs: Set<String>? = nil
  ) -> KeyFacts {
    KeyFacts(
      id: id, suite: suite, purposes: purposes, origin: origin, state: state, chainIDs: chainIDs,
      evmAddress: purposes.contains(.evmTransaction) ? EVMAsked.sender : nil)
  }

  static func origin(_ text: String = "cosmos:demo-1") throws -> DomainID { try DomainID(text) }
  static func client(_ text: String = "attester-0") throws -> ClientName { try ClientName(text) }

  static func entry(_ path: String, _ value: String) -> StoredEntry {
    StoredEntry(pathHash: hash(path), commitment: hash(value))
  }

  /// An attestation of our own form; `time` counts seconds from ``start``.
  static func state(
    _ height: UInt64, time: UInt64 = 0, root: Bytes32 = root, revision: UInt64 = 1,
    origin: String = "cosmos:demo-1"
  ) throws -> SigningRequest {
    try attestation(height, time, .state(root: root), revision, origin)
  }

  static func packets(
    _ height: UInt64, _ entries: [StoredEntry], time: UInt64 = 0, revision: UInt64 = 1,
    origin: String = "cosmos:demo-1"
  ) throws -> SigningRequest {
    try attestation(height, time, .packets(entries), revision, origin)
  }

  static func attestation(
    _ height: UInt64, _ time: UInt64, _ body: AttestedBody, _ revision: UInt64, _ origin: String
  ) throws -> SigningRequest {
    .attestation(
      AttestedStatement(
        binding: try AttestationBinding(
          origin: DomainID(origin), router: [UInt8]("ibc".utf8), client: ClientID("client-0")),
        height: Height(revision: revision, height), timestamp: UnixTime(seconds: start + time), body: body))
  }

  static func blockID(_ name: String) -> CometBFT.BlockID {
    CometBFT.BlockID(
      hash: hash(name), parts: CometBFT.PartSetHeader(total: 3, hash: hash(name + " parts")))
  }

  static func vote(
    _ height: Int64, round: Int32 = 0, _ kind: VoteStatement.Kind = .precommit, block: String? = "block",
    nanoseconds: Int32 = 5, chain: String = "demo-1"
  ) throws -> SigningRequest {
    .vote(
      try VoteStatement(
        chainID: chain, kind: kind, height: height, round: round, blockID: block.map { blockID($0) },
        timestamp: CometBFT.Timestamp(seconds: Int64(start), nanoseconds: nanoseconds)))
  }

  /// Everything is granted to `attester-0` for both keys, and nothing to `watcher`, which may only look.
  static func policy(
    _ domain: KeyDomain = .operator, perMinute: UInt64 = 1_000_000, origins: [String]? = nil,
    keys: [KeyID] = [key, otherKey], scope: TransactionScope? = nil
  ) throws -> AccessPolicy {
    let origins = try (origins ?? ["cosmos:demo-1", "cosmos:demo-2"]).map { try DomainID($0) }
    var grants = [
      Grant(keys: keys, scope: .attestation(origins: origins)),
      Grant(keys: keys, scope: .foreignAttestation(origins: origins)),
      Grant(keys: keys, scope: .vote(chains: ["demo-1", "demo-2"])),
    ]
    if let scope { grants.append(Grant(keys: keys, scope: .transaction(scope))) }
    grants.append(Grant(keys: keys, scope: .evmTransaction(try EVMAsked.scope())))
    grants = grants.filter { domain.purposes.contains($0.purpose) }
    return try AccessPolicy(
      domain: domain,
      clients: [
        PolicyClient(
          name: try client(), key: hash("client"), peers: [.uid(1_000)], roles: [.sign], perMinute: perMinute,
          grants: grants),
        PolicyClient(
          name: try client("watcher"), key: hash("watcher"), peers: [.uid(1_000)], roles: [.observe],
          perMinute: 10, grants: []),
      ],
      keyLimits: keys.flatMap { key in
        KeyPurpose.allCases.filter(domain.purposes.contains).map {
          KeyLimit(key: key, purpose: $0, perMinute: perMinute)
        }
      })
  }

  static func signer(_ limits: SigningLimits = SigningLimits()) throws -> SigningState {
    SigningState(domain: .operator, policy: try policy(), limits: limits)
  }
}

extension SigningState {
  /// Asks at ``Asked/now`` by `attester-0`.
  @discardableResult
  mutating func ask(_ request: SigningRequest, _ key: KeyFacts = Asked.facts()) throws -> Admission {
    try admit(request, key: key, client: try Asked.client(), at: Asked.now)
  }
}

/// SplitMix64: the same numbers for the same seed, in every process. `SEED=` in the environment gives another one.
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    let given = ProcessInfo.processInfo.environment["SEED"].flatMap(UInt64.init)
    state = given ?? seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }
}
