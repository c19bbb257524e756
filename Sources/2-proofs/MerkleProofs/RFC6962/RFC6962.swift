private import Digests
public import WireBytes

/// The Merkle tree of RFC 6962, section 2: SHA-256, leaves and nodes told apart by a first byte, split at the
/// largest power of two below the size. CometBFT's simple tree is the same.
public enum RFC6962 {
  /// The root of no leaves: the hash of nothing.
  public static let emptyRoot = SHA256Hash.hash([])

  /// hash(0x00, leaf).
  public static func leafHash(_ leaf: Span<UInt8>) -> Bytes32 {
    var hasher = SHA256Hash()
    hasher.update(leafPrefix.span)
    hasher.update(leaf)
    return hasher.finalize()
  }

  /// hash(0x01, left, right).
  public static func nodeHash(_ left: Bytes32, _ right: Bytes32) -> Bytes32 {
    // One update instead of three: the hasher's own buffering costs more than this copy.
    let preimage = FixedBytes<65> { $0 == 0 ? 1 : $0 <= 32 ? left[$0 - 1] : right[$0 - 33] }
    return SHA256Hash.hash(preimage.span)
  }

  private static let leafPrefix = FixedBytes<1> { _ in 0 }

  /// The root over `leaves`, which are hashed first.
  ///
  /// - Complexity: O(n) hashes, O(log n) memory.
  public static func root(leaves: [[UInt8]]) -> Bytes32 {
    var range = CompactRange()
    for leaf in leaves { range.append(leafHash(leaf.span)) }
    return range.root
  }

  /// The root over leaves that are hashes already.
  public static func root(leafHashes: [Bytes32]) -> Bytes32 {
    var range = CompactRange()
    for hash in leafHashes { range.append(hash) }
    return range.root
  }

  /// The roots of the full subtrees that a growing tree consists of, largest first.
  struct CompactRange {
    private var roots: [Bytes32] = []
    private var size: UInt64 = 0

    /// Adds the next leaf, given by its hash.
    mutating func append(_ hash: Bytes32) {
      var node = hash
      // Each set low bit of the size is a full subtree that the new one joins.
      for _ in 0..<(~size).trailingZeroBitCount { node = nodeHash(roots.removeLast(), node) }
      roots.append(node)
      size += 1
    }

    var root: Bytes32 {
      guard var node = roots.last else { return emptyRoot }
      for left in roots.dropLast().reversed() { node = nodeHash(left, node) }
      return node
    }
  }
}
