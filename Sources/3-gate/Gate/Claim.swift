public import Messages
public import WireBytes

/// A domain's state at one height, as a tier says it is; a membership proof shows what the state contains.
public struct StateClaim: Hashable, Sendable {
  public let domain: DomainID
  public let height: Height
  /// The root that membership proofs run to: an app hash, an execution state root.
  public let root: Bytes32
  /// The domain's own time of that height.
  public let timestamp: UnixTime

  public init(domain: DomainID, height: Height, root: Bytes32, timestamp: UnixTime) {
    self.domain = domain
    self.height = height
    self.root = root
    self.timestamp = timestamp
  }
}

/// Some paths of a host's store at one height; no membership proof is needed for these.
public struct PacketsClaim: Hashable, Sendable {
  /// A list longer than this is refused.
  public static let entryCountMax = 1024

  public let domain: DomainID
  public let height: Height
  /// Nil when the form that was signed carries none: the time then comes from a claim about the height.
  public let timestamp: UnixTime?
  public let entries: [StoredEntry]

  public init(domain: DomainID, height: Height, timestamp: UnixTime?, entries: [StoredEntry]) {
    self.domain = domain
    self.height = height
    self.timestamp = timestamp
    self.entries = entries
  }
}

/// The time of one height, without a root: all that the Eureka client's state form says.
public struct HeightClaim: Hashable, Sendable {
  public let domain: DomainID
  public let height: Height
  public let timestamp: UnixTime

  public init(domain: DomainID, height: Height, timestamp: UnixTime) {
    self.domain = domain
    self.height = height
    self.timestamp = timestamp
  }
}

/// One message that was itself signed, as in Wormhole, Hyperlane or LayerZero.
public struct MessageClaim: Hashable, Sendable {
  public let origin: DomainID
  /// The protocol's own name of the message: a digest or an id. Never a replay key without the lane.
  public let identifier: Bytes32

  public init(origin: DomainID, identifier: Bytes32) {
    self.origin = origin
    self.identifier = identifier
  }
}

/// What a satisfied policy vouches for.
public enum Claim: Hashable, Sendable {
  case state(StateClaim)
  case packets(PacketsClaim)
  case height(HeightClaim)
  case message(MessageClaim)

  public var domain: DomainID {
    switch self {
    case .state(let claim): claim.domain
    case .packets(let claim): claim.domain
    case .height(let claim): claim.domain
    case .message(let claim): claim.origin
    }
  }

  /// Nil for a message, which has none.
  public var height: Height? {
    switch self {
    case .state(let claim): claim.height
    case .packets(let claim): claim.height
    case .height(let claim): claim.height
    case .message: nil
    }
  }

  /// Nil when the claim does not say.
  public var timestamp: UnixTime? {
    switch self {
    case .state(let claim): claim.timestamp
    case .packets(let claim): claim.timestamp
    case .height(let claim): claim.timestamp
    case .message: nil
    }
  }

  /// Whether both cannot be true: one height of one domain with two roots, two times, or two values of one path.
  public func conflicts(with other: Claim) -> Bool {
    guard domain == other.domain, let height, height == other.height else { return false }
    if let mine = timestamp, let theirs = other.timestamp, mine != theirs { return true }
    switch (self, other) {
    case (.state(let left), .state(let right)): return left.root != right.root
    case (.packets(let left), .packets(let right)):
      let known = Dictionary(left.entries.map { ($0.pathHash, $0.commitment) }) { first, _ in first }
      return right.entries.contains { entry in known[entry.pathHash].map { $0 != entry.commitment } ?? false }
    default: return false
    }
  }
}

/// How a claim comes to be believed.
public enum Tier: String, Hashable, Sendable, CaseIterable {
  case attested
  case lightClient
  case optimistic
  case zeroKnowledge
  case enclave
  /// A combination of others.
  case composite
}

/// That a policy was satisfied: the claim, whom one trusts by believing it, and until when.
public struct Verdict: Hashable, Sendable {
  public let claim: Claim
  /// All of these must hold for the claim to be true.
  public let assumptions: [Assumption]
  /// The verdict must not be used from this moment on; nil when it does not age.
  public let expires: UnixTime?
  /// Which policy was satisfied.
  public let policyHash: Bytes32

  /// Made where evidence was checked, and nowhere else.
  package init(claim: Claim, assumptions: [Assumption], expires: UnixTime?, policyHash: Bytes32) {
    self.claim = claim
    self.assumptions = assumptions
    self.expires = expires
    self.policyHash = policyHash
  }
}
