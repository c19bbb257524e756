private import Digests
public import Encodings
import Messages
import Transactions
public import WireBytes

/// Who a connection must come from, beside holding the client's key.
public enum ClientPeer: Hashable, Sendable {
  /// The user of the process at the other end of a unix socket.
  case uid(UInt32)
  /// The identity in the peer's certificate.
  case spiffe(String)
}

/// A client of a signer.
public struct PolicyClient: Hashable, Sendable {
  public let name: ClientName
  /// Its Ed25519 key, by which it proves who it is.
  public let key: Bytes32
  public let peers: [ClientPeer]
  public let roles: Set<ClientRole>
  /// Requests a minute, granted or not.
  public let perMinute: UInt64
  public let grants: [Grant]

  public init(
    name: ClientName, key: Bytes32, peers: [ClientPeer], roles: Set<ClientRole>, perMinute: UInt64,
    grants: [Grant]
  ) {
    self.name = name
    self.key = key
    self.peers = peers
    self.roles = roles
    self.perMinute = perMinute
    self.grants = grants
  }
}

/// How often a key signs for one purpose, whoever asks.
public struct KeyLimit: Hashable, Sendable {
  public let key: KeyID
  public let purpose: KeyPurpose
  public let perMinute: UInt64

  public init(key: KeyID, purpose: KeyPurpose, perMinute: UInt64) {
    self.key = key
    self.purpose = purpose
    self.perMinute = perMinute
  }
}

/// Who approves changes, how many of them it takes, and how long it takes.
public struct ApproverRules: Hashable, Sendable {
  public static let countMax = 32
  /// A year.
  public static let secondsMax: UInt64 = 31_536_000
  /// Nobody: nothing can be changed.
  public static let none = ApproverRules(unchecked: 0, [], 0, 0)

  public let threshold: Int
  /// Ed25519 keys.
  public let keys: [Bytes32]
  /// How long a change with enough approvals is visible before it may take effect.
  public let delaySeconds: UInt64
  /// How long after its proposal a change may take effect.
  public let expirySeconds: UInt64

  private init(unchecked threshold: Int, _ keys: [Bytes32], _ delay: UInt64, _ expiry: UInt64) {
    self.threshold = threshold
    self.keys = keys
    delaySeconds = delay
    expirySeconds = expiry
  }

  /// - Throws: ``AccessPolicyError``: too many keys, one listed twice, a threshold that is zero or more than the keys
  ///   (without keys it is zero), or an expiry that is not after the delay.
  public init(
    threshold: Int, keys: [Bytes32], delaySeconds: UInt64, expirySeconds: UInt64
  ) throws(AccessPolicyError) {
    guard keys.count <= Self.countMax else {
      throw .tooMany(.approvers, max: Self.countMax, actual: keys.count)
    }
    guard Set(keys).count == keys.count else { throw .repeated(.approvers) }
    guard keys.isEmpty ? threshold == 0 : (1...keys.count).contains(threshold) else {
      throw .threshold(threshold, keys: keys.count)
    }
    guard delaySeconds <= Self.secondsMax, expirySeconds <= Self.secondsMax,
      keys.isEmpty || expirySeconds > delaySeconds
    else { throw .approvalTimes(delaySeconds: delaySeconds, expirySeconds: expirySeconds) }
    self.init(unchecked: threshold, keys, delaySeconds, expirySeconds)
  }
}

/// Why a document is no policy.
public enum AccessPolicyError: Error, Hashable, Sendable {
  public enum Part: String, Hashable, Sendable {
    case clients, peers, grants, keys, origins, chains, typeURLs, feeMax, keyLimits, approvers, roles
    case calls, selectors
  }
  public enum Wanted: String, Hashable, Sendable {
    case object, array, string, word, integer, decimalText, hex32, denom, domain, clientName, spiffe, chainID
    case boolean, evmChain, contract, selector
  }

  case json(JSONError)
  /// Nothing is passed over: a member that is misspelt would otherwise allow what it was to forbid.
  case unknownMember(path: String)
  /// Missing, or not in its one form.
  case member(path: String, wanted: Wanted)
  case version(UInt64)
  case tooMany(Part, max: Int, actual: Int)
  case repeated(Part)
  case perMinute(max: UInt64, actual: UInt64)
  /// A client with a role, and no peer that it may come from.
  case noPeer(ClientName)
  /// Keys of the domain are never used so.
  case purposeNotOfDomain(KeyPurpose, KeyDomain)
  /// A granted key and purpose has no limit.
  case keyLimitMissing(KeyID, KeyPurpose)
  case threshold(Int, keys: Int)
  case approvalTimes(delaySeconds: UInt64, expirySeconds: UInt64)
  case alarmValue(path: String)
  /// A policy of another key domain cannot take the place of this one.
  case otherDomain(KeyDomain)
}

/// Who may have what signed by the keys of one domain, and how changes to that are made.
///
/// Whatever is not listed is refused. The document is JSON; its name is SHA-256 of its canonical text, so that
/// approvers sign exactly what takes effect.
///
/// - SeeAlso: docs/spec/signing-rules.md.
public struct AccessPolicy: Hashable, Sendable {
  public static let sizeMax = 1 << 20
  public static let clientsMax = 256
  /// Of one client.
  public static let grantsMax = 64
  /// Of one list inside a client or a grant.
  public static let listMax = 256
  public static let keyLimitsMax = 1_024
  public static let perMinuteMax: UInt64 = 100_000_000

  public let domain: KeyDomain
  public let clients: [PolicyClient]
  public let keyLimits: [KeyLimit]
  public let approvers: ApproverRules
  public let alarms: AlarmRules

  /// - Throws: ``AccessPolicyError``.
  public init(
    domain: KeyDomain, clients: [PolicyClient], keyLimits: [KeyLimit], approvers: ApproverRules = .none,
    alarms: AlarmRules = AlarmRules()
  ) throws(AccessPolicyError) {
    try Self.bound(clients.count, Self.clientsMax, .clients)
    try Self.bound(keyLimits.count, Self.keyLimitsMax, .keyLimits)
    guard Set(clients.map(\.name)).count == clients.count, Set(clients.map(\.key)).count == clients.count
    else {
      throw .repeated(.clients)
    }
    var limited: Set<KeyUse> = []
    for limit in keyLimits {
      guard limit.perMinute <= Self.perMinuteMax else {
        throw .perMinute(max: Self.perMinuteMax, actual: limit.perMinute)
      }
      guard domain.purposes.contains(limit.purpose) else { throw .purposeNotOfDomain(limit.purpose, domain) }
      guard limited.insert(KeyUse(key: limit.key, purpose: limit.purpose)).inserted else {
        throw .repeated(.keyLimits)
      }
    }
    for client in clients { try Self.check(client, domain, limited) }
    self.domain = domain
    self.clients = clients
    self.keyLimits = keyLimits
    self.approvers = approvers
    self.alarms = alarms
  }

  public func client(_ name: ClientName) -> PolicyClient? { clients.first { $0.name == name } }

  /// SHA-256 of the canonical text.
  public var contentHash: Bytes32 { SHA256Hash.hash([UInt8](text.utf8)) }

  private static func bound(
    _ count: Int, _ max: Int, _ part: AccessPolicyError.Part
  ) throws(AccessPolicyError) {
    guard count <= max else { throw .tooMany(part, max: max, actual: count) }
  }

  private static func list<Element: Hashable>(
    _ elements: [Element], _ part: AccessPolicyError.Part
  ) throws(AccessPolicyError) {
    try bound(elements.count, listMax, part)
    guard Set(elements).count == elements.count else { throw .repeated(part) }
  }

  private static func check(
    _ client: PolicyClient, _ domain: KeyDomain, _ limited: Set<KeyUse>
  ) throws(AccessPolicyError) {
    try list(client.peers, .peers)
    try bound(client.grants.count, grantsMax, .grants)
    guard client.perMinute <= perMinuteMax else {
      throw .perMinute(max: perMinuteMax, actual: client.perMinute)
    }
    // A role without a peer would be one for whoever holds the key, wherever it was copied to.
    guard client.roles.isEmpty || !client.peers.isEmpty else { throw .noPeer(client.name) }
    for grant in client.grants {
      guard domain.purposes.contains(grant.purpose) else { throw .purposeNotOfDomain(grant.purpose, domain) }
      try list(grant.keys, .keys)
      for key in grant.keys where !limited.contains(KeyUse(key: key, purpose: grant.purpose)) {
        throw .keyLimitMissing(key, grant.purpose)
      }
      switch grant.scope {
      case .attestation(let origins), .foreignAttestation(let origins): try list(origins, .origins)
      case .vote(let chains): try list(chains, .chains)
      case .transaction(let scope):
        try list(scope.chains, .chains)
        try list(scope.typeURLs, .typeURLs)
        try list(scope.feeMax.map(\.denom), .feeMax)
      case .evmTransaction(let scope):
        try list(scope.chains, .chains)
        try list(scope.calls.map(\.to), .calls)
        for calls in scope.calls { try list(calls.selectors ?? [], .selectors) }
      }
    }
  }
}

/// A key used for a purpose.
struct KeyUse: Hashable, Sendable {
  let key: KeyID
  let purpose: KeyPurpose
}
