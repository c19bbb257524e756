/// What a signature is for. A key is bound to some of these when it is made, and a client to some of them by the policy.
public enum KeyPurpose: String, Hashable, Sendable, CaseIterable {
  /// What an origin's state is at a height, in our own format, which names origin, router and client.
  case attestation
  /// The same in a format that does not name its chain: such a key serves one origin only.
  case foreignAttestation
  /// A validator's vote for a block.
  case vote
  /// A transaction of an account of a Cosmos chain.
  case transaction
  /// A transaction of an account of an EVM chain.
  case evmTransaction

  public var byte: UInt8 {
    switch self {
    case .attestation: 1
    case .foreignAttestation: 2
    case .vote: 3
    case .transaction: 4
    case .evmTransaction: 5
    }
  }

  public init?(byte: UInt8) {
    guard let purpose = Self.allCases.first(where: { $0.byte == byte }) else { return nil }
    self = purpose
  }
}
