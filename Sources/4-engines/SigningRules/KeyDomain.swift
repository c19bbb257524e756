/// One of the four families of keys that never meet: each has its own derivation root, its own store and its own process.
public enum KeyDomain: String, Hashable, Sendable, CaseIterable {
  /// Keys of people's accounts.
  case user
  /// Keys of those who run agents: attesters, relayers, validators.
  case `operator`
  /// Keys that settle.
  case settlement
  /// Keys that an enclave attests.
  case enclave

  /// The byte that stands for the domain on the wire and in derivations.
  public var byte: UInt8 {
    switch self {
    case .user: 1
    case .operator: 2
    case .settlement: 3
    case .enclave: 4
    }
  }

  public init?(byte: UInt8) {
    guard let domain = Self.allCases.first(where: { $0.byte == byte }) else { return nil }
    self = domain
  }

  /// What keys of this domain may sign at all; a policy narrows it further, and nothing widens it.
  public var purposes: Set<KeyPurpose> {
    switch self {
    case .user, .settlement: [.transaction, .evmTransaction]
    case .operator: [.attestation, .foreignAttestation, .vote, .transaction, .evmTransaction]
    // Receipts of computation come with the enclaves themselves; until then such a key signs nothing.
    case .enclave: []
    }
  }
}

/// A key domain as a type, so that what belongs to one domain is not accepted where another's is wanted.
public protocol KeyDomainKind: Sendable {
  static var domain: KeyDomain { get }
}

public enum UserKeys: KeyDomainKind {
  public static let domain = KeyDomain.user
}

public enum OperatorKeys: KeyDomainKind {
  public static let domain = KeyDomain.operator
}

public enum SettlementKeys: KeyDomainKind {
  public static let domain = KeyDomain.settlement
}

public enum EnclaveKeys: KeyDomainKind {
  public static let domain = KeyDomain.enclave
}
