public import WireBytes

/// A hash that binary Merkle trees are built with: two nodes in, one node out, no prefix.
public protocol MerkleHashing: Sendable {
  /// The parent of two nodes.
  static func parent(_ left: Bytes32, _ right: Bytes32) -> Bytes32
}

extension Keccak256: MerkleHashing {
  public static func parent(_ left: Bytes32, _ right: Bytes32) -> Bytes32 { hash(left, right) }
}

extension SHA256Hash: MerkleHashing {
  public static func parent(_ left: Bytes32, _ right: Bytes32) -> Bytes32 { hash(left, right) }
}

/// Zero subtrees by depth: `[0]` is a zero leaf, `[n]` the root of 2^n of them.
public struct ZeroSubtrees<Hash: MerkleHashing>: Sendable {
  private let roots: [Bytes32]

  /// Roots up to and including depth `maximumDepth`.
  public init(maximumDepth: Int) {
    var roots = [Bytes32()]
    roots.reserveCapacity(maximumDepth + 1)
    for depth in 0..<maximumDepth { roots.append(Hash.parent(roots[depth], roots[depth])) }
    self.roots = roots
  }

  public subscript(depth: Int) -> Bytes32 { roots[depth] }
}
