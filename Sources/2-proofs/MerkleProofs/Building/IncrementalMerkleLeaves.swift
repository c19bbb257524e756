public import Digests
public import WireBytes

/// All leaves of an incremental tree, from which roots and branches of any of its past sizes are made.
///
/// Complete subtrees are kept, so that a branch costs 32 hashes at most and an insertion two on average.
public struct IncrementalMerkleLeaves<Hash: MerkleHashing>: Sendable {
  /// `levels[n]` holds the roots of the complete subtrees of depth n, from the left.
  private var levels: [[Bytes32]]
  private let zeroes: ZeroSubtrees<Hash>
  private static var depth: Int { IncrementalMerkleTree<Hash>.depth }

  public init() {
    levels = [[Bytes32]](repeating: [], count: Self.depth)
    zeroes = ZeroSubtrees(maximumDepth: Self.depth)
  }

  /// Leaves inserted so far.
  public var count: UInt32 { UInt32(levels[0].count) }

  /// Appends a leaf.
  ///
  /// - Throws: ``IncrementalMerkleTreeError/full``.
  public mutating func insert(_ leaf: Bytes32) throws(IncrementalMerkleTreeError) {
    guard levels[0].count < Int(IncrementalMerkleTree<Hash>.countMax) else { throw .full }
    var node = leaf
    for level in 0..<Self.depth {
      levels[level].append(node)
      let filled = levels[level].count
      guard filled.isMultiple(of: 2) else { return }
      node = Hash.parent(levels[level][filled - 2], node)
    }
  }

  /// The root over the first `count` leaves.
  public func root(count: UInt32) throws(IncrementalMerkleTreeError) -> Bytes32 {
    try check(count)
    return node(level: Self.depth, at: 0, count: UInt64(count))
  }

  /// The branch of leaf `index` in the tree of the first `count` leaves, from the leaf's sibling upwards.
  public func path(index: UInt32, count: UInt32) throws(IncrementalMerkleTreeError) -> [Bytes32] {
    try check(count)
    guard index < count else { throw .leafIndex(count: count, actual: index) }
    return (0..<Self.depth).map { level in
      node(level: level, at: UInt64(index) >> UInt64(level) ^ 1, count: UInt64(count))
    }
  }

  private func check(_ wanted: UInt32) throws(IncrementalMerkleTreeError) {
    guard wanted <= count else { throw .leafCount(held: count, actual: wanted) }
  }

  /// The node at `position` of `level` when only `count` leaves are there; recursion goes down one level at a time, and
  /// only along the one subtree that is partly filled.
  private func node(level: Int, at position: UInt64, count: UInt64) -> Bytes32 {
    let first = position << UInt64(level)
    guard first < count else { return zeroes[level] }
    if level < Self.depth, first + (1 << UInt64(level)) <= count { return levels[level][Int(position)] }
    return Hash.parent(
      node(level: level - 1, at: position * 2, count: count),
      node(level: level - 1, at: position * 2 + 1, count: count))
  }
}
