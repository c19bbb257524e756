public import WireBytes

/// Why an RFC 6962 proof does not hold.
public enum RFC6962Error: Error, Hashable, Sendable {
  /// The leaf's index is not below the size of the tree.
  case index(UInt64, size: UInt64)
  /// The sizes, or the bounds of a subtree, are not in order.
  case range(start: UInt64, end: UInt64, size: UInt64)
  /// `start` is not a multiple of the power of two that holds the subtree.
  case alignment(start: UInt64, end: UInt64)
  /// Nothing follows from the empty tree.
  case emptyTree
  /// A proof of this shape has another number of hashes.
  case proofLength(expected: Int, actual: Int)
  /// The proof's own nodes do not give the root of the smaller tree or subtree.
  case oldRootMismatch(calculated: Bytes32)
  case rootMismatch(calculated: Bytes32)
}

extension RFC6962 {
  /// Verifies that the leaf with `leafHash` stands at `index` in the tree of `size` leaves under `root`.
  public static func verifyInclusion(
    leafHash: Bytes32, index: UInt64, size: UInt64, proof: [Bytes32], root: Bytes32
  ) throws(RFC6962Error) {
    let calculated = try self.root(leafHash: leafHash, index: index, size: size, proof: proof)
    guard calculated == root else { throw .rootMismatch(calculated: calculated) }
  }

  /// The root that an inclusion proof leads to. The number of hashes follows from `index` and `size` alone.
  public static func root(
    leafHash: Bytes32, index: UInt64, size: UInt64, proof: [Bytes32]
  ) throws(RFC6962Error) -> Bytes32 {
    guard index < size else { throw .index(index, size: size) }
    let (inner, border) = parts(index: index, size: size)
    guard proof.count == inner + border else {
      throw .proofLength(expected: inner + border, actual: proof.count)
    }
    return chainBorder(chainInner(leafHash, proof[..<inner], index: index), proof[inner...])
  }

  /// Verifies that the leaf with `leafHash` stands at `index` of the whole tree, by a proof inside the subtree
  /// over leaves `start..<end`, whose root is `root` (draft-ietf-plants-merkle-tree-certs, section 4.3).
  public static func verifySubtreeInclusion(
    leafHash: Bytes32, index: UInt64, start: UInt64, end: UInt64, proof: [Bytes32], root: Bytes32
  ) throws(RFC6962Error) {
    try checkSubtree(start: start, end: end)
    guard index >= start, index < end else { throw .index(index, size: end) }
    try verifyInclusion(
      leafHash: leafHash, index: index - start, size: end - start, proof: proof, root: root)
  }

  /// Verifies that the tree of `oldSize` leaves under `oldRoot` is a prefix of that of `newSize` under `newRoot`.
  ///
  /// An empty old tree is refused: any tree continues it, so such a proof says nothing.
  public static func verifyConsistency(
    oldSize: UInt64, newSize: UInt64, proof: [Bytes32], oldRoot: Bytes32, newRoot: Bytes32
  ) throws(RFC6962Error) {
    guard oldSize <= newSize else { throw .range(start: 0, end: oldSize, size: newSize) }
    guard oldSize > 0 else { throw .emptyTree }
    try verifySubtreeConsistency(
      start: 0, end: oldSize, size: newSize, proof: proof, subtreeRoot: oldRoot, root: newRoot)
  }

  /// Verifies that the subtree over leaves `start..<end` under `subtreeRoot` is part of the tree of `size` leaves
  /// under `root` (draft-ietf-plants-merkle-tree-certs, section 4.4).
  ///
  /// The empty subtree is part of every tree: then the proof must be empty, and `root` is not looked at.
  public static func verifySubtreeConsistency(
    start: UInt64, end: UInt64, size: UInt64, proof: [Bytes32], subtreeRoot: Bytes32, root: Bytes32
  ) throws(RFC6962Error) {
    guard end <= size else { throw .range(start: start, end: end, size: size) }
    if start == end {
      guard proof.isEmpty else { throw .proofLength(expected: 0, actual: proof.count) }
      guard subtreeRoot == emptyRoot else { throw .oldRootMismatch(calculated: emptyRoot) }
      return
    }
    try checkSubtree(start: start, end: end)
    let calculated = try self.root(
      start: start, end: end, size: size, proof: proof, subtreeRoot: subtreeRoot)
    guard calculated == root else { throw .rootMismatch(calculated: calculated) }
  }

  /// `start` must be a multiple of the smallest power of two that is not below the subtree's size.
  private static func checkSubtree(start: UInt64, end: UInt64) throws(RFC6962Error) {
    guard start < end else { throw .range(start: start, end: end, size: end) }
    let height = bitLength(end - start - 1)
    guard height < 64 ? start.trailingZeroBitCount >= height : start == 0 else {
      throw .alignment(start: start, end: end)
    }
  }

  /// The root of the whole tree that a consistency proof leads to, for `0 <= start < end <= size`.
  private static func root(
    start: UInt64, end: UInt64, size: UInt64, proof: [Bytes32], subtreeRoot: Bytes32
  ) throws(RFC6962Error) -> Bytes32 {
    let last = end - 1
    let height = bitLength(last ^ start)
    if end == size {
      // The subtree ends where the tree does: what is missing are the siblings to its left.
      let wanted = height < 64 ? (start >> UInt64(height)).nonzeroBitCount : 0
      guard proof.count == wanted else { throw .proofLength(expected: wanted, actual: proof.count) }
      return chainBorder(subtreeRoot, proof[...])
    }
    let (fork, border) = parts(index: last, size: size)
    // The proof starts at the rightmost full subtree inside the subtree; a full subtree is its own start.
    let shift = (end - start).trailingZeroBitCount
    let inner = fork - shift
    let isFull = end - start == 1 << UInt64(shift)
    let wanted = inner + border + (isFull ? 0 : 1)
    guard inner >= 0, proof.count == wanted else {
      throw .proofLength(expected: max(0, wanted), actual: proof.count)
    }
    let seed = isFull ? subtreeRoot : proof[0]
    let rest = proof[(isFull ? 0 : 1)...]
    let mask = last >> UInt64(shift)
    let middle = rest.startIndex + inner
    if !isFull {
      // Those nodes that lie inside the subtree must give its root.
      let insideInner = min(height, fork) - shift
      let insideBorder = max(0, border - (height < 64 ? (last >> UInt64(height)).nonzeroBitCount : 0))
      guard insideInner >= 0, middle + insideBorder <= rest.endIndex else {
        throw .proofLength(expected: wanted, actual: proof.count)
      }
      let inside = rest[rest.startIndex..<(rest.startIndex + insideInner)]
      let old = chainBorder(
        chainInner(seed, inside, index: mask, onlyLeft: true), rest[middle..<(middle + insideBorder)])
      guard old == subtreeRoot else { throw .oldRootMismatch(calculated: old) }
    }
    return chainBorder(chainInner(seed, rest[..<middle], index: mask), rest[middle...])
  }

  /// How many hashes of an inclusion proof lie below the fork with the path to the last leaf, and how many above.
  private static func parts(index: UInt64, size: UInt64) -> (inner: Int, border: Int) {
    let inner = bitLength(index ^ (size - 1))
    return (inner, inner < 64 ? (index >> UInt64(inner)).nonzeroBitCount : 0)
  }

  private static func bitLength(_ value: UInt64) -> Int { 64 - value.leadingZeroBitCount }

  /// Walks up on the side that the bits of `index` name; `onlyLeft` leaves out siblings to the right.
  private static func chainInner(
    _ seed: Bytes32, _ proof: ArraySlice<Bytes32>, index: UInt64, onlyLeft: Bool = false
  ) -> Bytes32 {
    var node = seed
    var bits = index
    for sibling in proof {
      if bits & 1 == 1 {
        node = nodeHash(sibling, node)
      } else if !onlyLeft {
        node = nodeHash(node, sibling)
      }
      bits >>= 1
    }
    return node
  }

  /// Walks up the right edge of the tree: every sibling is to the left.
  private static func chainBorder(_ seed: Bytes32, _ proof: ArraySlice<Bytes32>) -> Bytes32 {
    var node = seed
    for sibling in proof { node = nodeHash(sibling, node) }
    return node
  }
}
