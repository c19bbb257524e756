public import WireBytes

/// One key as the tree holds it.
public struct StateLeaf: Hashable, Sendable {
  public let key: [UInt8]
  /// SHA-256(key).
  public let path: Bytes32
  /// The leaf's hash, which binds key and value.
  public let hash: Bytes32
  /// The version that gave the key its value.
  public let version: UInt64

  public init(key: [UInt8], path: Bytes32, hash: Bytes32, version: UInt64) {
    self.key = key
    self.path = path
    self.hash = hash
    self.version = version
  }
}

/// What stands at one place of the tree.
public enum StateSubtree: Hashable, Sendable {
  case empty
  /// One key, drawn up to where it is alone.
  case leaf(StateLeaf)
  /// Two keys or more, in the page that `version` wrote here.
  case page(hash: Bytes32, version: UInt64)

  public var hash: Bytes32 {
    switch self {
    case .empty: StateHashing.empty
    case .leaf(let leaf): leaf.hash
    case .page(let hash, _): hash
    }
  }

  var isEmpty: Bool {
    if case .empty = self { true } else { false }
  }

  /// Whether both are the same record; equal hashes bind the keys below.
  func isSame(as other: StateSubtree) -> Bool {
    switch (self, other) {
    case (.empty, .empty): true
    case (.leaf(let one), .leaf(let two)): one.hash == two.hash && one.version == two.version
    case (.page(let one, let first), .page(let two, let second)): first == second && one == two
    default: false
    }
  }
}
