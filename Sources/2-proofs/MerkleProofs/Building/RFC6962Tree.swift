public import WireBytes

/// A whole RFC 6962 tree in memory, which gives roots and proofs for any of its sizes.
///
/// For logs that fit in memory and for tests; a large log keeps tiles instead.
public struct RFC6962Tree: Hashable, Sendable {
  /// `levels[h][i]` is the root of the full subtree over leaves `i * 2^h ..< (i + 1) * 2^h`.
  private var levels: [[Bytes32]] = [[]]

  public init() {}

  /// A tree over `leaves`, which are hashed first.
  public init(leaves: [[UInt8]]) {
    for leaf in leaves { append(leafHash: RFC6962.leafHash(leaf.span)) }
  }

  /// The number of leaves.
  public var size: Int { levels[0].count }

  /// Adds a leaf that is a hash already.
  public mutating func append(leafHash: Bytes32) {
    levels[0].append(leafHash)
    var level = 0
    while levels[level].count.isMultiple(of: 2) {
      let count = levels[level].count
      if levels.count == level + 1 { levels.append([]) }
      levels[level + 1].append(RFC6962.nodeHash(levels[level][count - 2], levels[level][count - 1]))
      level += 1
    }
  }

  /// The root of the first `size` leaves; `size` must not be above ``size``.
  public func root(size: Int) -> Bytes32 {
    precondition(size >= 0 && size <= self.size)
    return size == 0 ? RFC6962.emptyRoot : root(0..<size)
  }

  /// The hash of leaf `index`.
  public func leafHash(at index: Int) -> Bytes32 { levels[0][index] }

  /// The root of the whole tree.
  public var root: Bytes32 { root(size: size) }

  /// Proves that leaf `index` is in the tree of `size` leaves (RFC 6962, section 2.1.1, `PATH`).
  public func inclusionProof(index: Int, size: Int) -> [Bytes32] {
    precondition(index >= 0 && index < size && size <= self.size)
    var proof: [Bytes32] = []
    var range = 0..<size
    while range.count > 1 {
      let middle = range.lowerBound + Self.split(range.count)
      if index < middle {
        proof.append(root(middle..<range.upperBound))
        range = range.lowerBound..<middle
      } else {
        proof.append(root(range.lowerBound..<middle))
        range = middle..<range.upperBound
      }
    }
    return proof.reversed()
  }

  /// Proves that the tree of `oldSize` leaves is a prefix of that of `newSize` (RFC 6962, section 2.1.2, `PROOF`).
  public func consistencyProof(oldSize: Int, newSize: Int) -> [Bytes32] {
    precondition(oldSize > 0 && oldSize <= newSize && newSize <= size)
    var proof: [Bytes32] = []
    var range = 0..<newSize
    // Whether the old tree ends where the range does and began with it: then its root is known to the verifier.
    var isWhole = true
    while range.upperBound != oldSize {
      let middle = range.lowerBound + Self.split(range.count)
      if oldSize <= middle {
        proof.append(root(middle..<range.upperBound))
        range = range.lowerBound..<middle
      } else {
        proof.append(root(range.lowerBound..<middle))
        range = middle..<range.upperBound
        isWhole = false
      }
    }
    if !isWhole { proof.append(root(range)) }
    return proof.reversed()
  }

  /// The largest power of two below `count`.
  private static func split(_ count: Int) -> Int { 1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount) }

  /// The root over a range that starts at a multiple of a power of two not below its count.
  private func root(_ range: Range<Int>) -> Bytes32 {
    if range.count.nonzeroBitCount == 1 {
      let height = range.count.trailingZeroBitCount
      return levels[height][range.lowerBound >> height]
    }
    let middle = range.lowerBound + Self.split(range.count)
    return RFC6962.nodeHash(root(range.lowerBound..<middle), root(middle..<range.upperBound))
  }
}
