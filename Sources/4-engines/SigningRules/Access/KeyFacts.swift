public import Messages
public import WireBytes

/// Where a key is in its life.
public enum KeyState: String, Hashable, Sendable, CaseIterable {
  case active
  /// Its successor is in use; it still signs until the overlap ends.
  case retiring
  case retired
  case revoked
  case destroyed

  /// Whether such a key signs at all.
  public var signs: Bool {
    switch self {
    case .active, .retiring: true
    case .retired, .revoked, .destroyed: false
    }
  }
}

/// What the inventory says of a key when a request names it.
public struct KeyFacts: Hashable, Sendable {
  public let id: KeyID
  public let suite: KeySuite
  /// What it was made for.
  public let purposes: Set<KeyPurpose>
  /// The one origin that it was made for, where it was made for one.
  public let origin: DomainID?
  public let state: KeyState
  /// The chains that it was made for, where it was made for some; an empty set is none. A policy narrows it further.
  public let chainIDs: Set<String>?
  /// The account of a secp256k1 key on every EVM chain, where the key signs for one; without it nothing is its cancellation.
  public let evmAddress: Bytes20?

  public init(
    id: KeyID, suite: KeySuite, purposes: Set<KeyPurpose>, origin: DomainID? = nil, state: KeyState = .active,
    chainIDs: Set<String>? = nil, evmAddress: Bytes20? = nil
  ) {
    self.id = id
    self.suite = suite
    self.purposes = purposes
    self.origin = origin
    self.state = state
    self.chainIDs = chainIDs
    self.evmAddress = evmAddress
  }
}

extension KeySuite {
  /// Whether there is a verifier that takes the suite's signatures for `purpose`.
  func serves(_ purpose: KeyPurpose) -> Bool {
    switch purpose {
    case .attestation: true
    // The deployed contract recovers Ethereum addresses, and so does every EVM chain.
    case .foreignAttestation, .evmTransaction: self == .secp256k1
    // CometBFT's key types (crypto/ed25519, crypto/secp256k1), and the Cosmos SDK's for accounts.
    case .vote, .transaction: self == .ed25519 || self == .frostEd25519 || self == .secp256k1
    }
  }
}
