public import WireBytes

/// What is signed: the root of a state, or some paths with what is stored there.
public enum AttestationForm: String, Hashable, Sendable, CaseIterable {
  case state
  case packets
}

/// What a host stores under one path, or that it stores nothing there.
public struct StoredEntry: Hashable, Sendable {
  /// Keccak-256 of the path after the host's store prefix.
  public let pathHash: Bytes32
  /// Zero says that nothing is stored under the path.
  public let commitment: Bytes32

  public init(pathHash: Bytes32, commitment: Bytes32) {
    self.pathHash = pathHash
    self.commitment = commitment
  }
}

/// What attesters say of a height.
public enum AttestedBody: Hashable, Sendable {
  case state(root: Bytes32)
  case packets([StoredEntry])

  public var form: AttestationForm {
    switch self {
    case .state: .state
    case .packets: .packets
    }
  }
}
