public import Messages
import SignatureSchemes
public import SigningRules
import WireBytes

/// Where a key is in its life. Times are Unix seconds.
public enum KeyLife: Hashable, Sendable {
  case active
  /// Its successor is in use; it signs before `until` and not from then on.
  case retiring(until: UInt64)
  /// It signs nothing any more; its private half is still where it was.
  case revoked(at: UInt64, reason: String)
  /// Its private half is gone.
  case destroyed(at: UInt64)
}

/// That a key signs nothing until somebody lifts this.
public struct KeyLock: Hashable, Sendable {
  /// Unix seconds.
  public let at: UInt64
  public let reason: String

  public init(at: UInt64, reason: String) {
    self.at = at
    self.reason = reason
  }
}

/// What a new key is to be.
public struct KeyPlan: Hashable, Sendable {
  /// 1 to 64 characters of `a-z 0-9 . _ -`; a key and those that follow it by rotation share one.
  public let label: String
  public let suite: KeySuite
  public let purposes: Set<KeyPurpose>
  /// The one origin that a key of a foreign format is for; nil where it is not known yet.
  public let origin: DomainID?
  /// The chains that it is for; nil for whichever the policy grants.
  public let chainIDs: Set<String>?

  public init(
    label: String, suite: KeySuite, purposes: Set<KeyPurpose>, origin: DomainID? = nil,
    chainIDs: Set<String>? = nil
  ) {
    self.label = label
    self.suite = suite
    self.purposes = purposes
    self.origin = origin
    self.chainIDs = chainIDs
  }
}

/// What the inventory knows of a key; no secret.
public struct KeyRecord: Hashable, Sendable {
  public let plan: KeyPlan
  /// From 1, one more with each rotation.
  public let generation: UInt32
  public let key: BackEndKey
  public let backEnd: BackEndKind
  /// Where it was derived, when it was.
  public let path: DerivationPath?
  /// Unix seconds.
  public let madeAt: UInt64
  public internal(set) var life: KeyLife
  public internal(set) var lock: KeyLock?

  public var id: KeyID { key.id }

  /// What the rules are told of it.
  ///
  /// - Parameter seconds: Unix seconds.
  public func facts(at seconds: UInt64) -> KeyFacts {
    KeyFacts(
      id: id, suite: key.suite, purposes: plan.purposes, origin: plan.origin, state: state(at: seconds),
      chainIDs: plan.chainIDs, evmAddress: evmAddress)
  }

  private var evmAddress: Bytes20? {
    guard key.suite == .secp256k1, plan.purposes.contains(.evmTransaction) else { return nil }
    return (try? Secp256k1.PublicKey(sec1: key.publicKey))?.ethereumAddress
  }

  /// A locked key counts as a retired one.
  public func state(at seconds: UInt64) -> KeyState {
    switch life {
    case .active: lock == nil ? .active : .retired
    case .retiring(let until): lock == nil && seconds < until ? .retiring : .retired
    case .revoked: .revoked
    case .destroyed: .destroyed
    }
  }
}
