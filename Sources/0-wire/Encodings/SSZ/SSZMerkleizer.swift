public import Digests
public import WireBytes

/// Roots of SSZ trees straight from chunks or packed bytes, for typed containers that need no ``SSZValue``.
///
///     let root = SSZMerkleizer.root(chunks: [
///       SSZMerkleizer.chunk(slot), parentRoot, SSZMerkleizer.root(packed: publicKey.span),
///     ])
///
/// Source: consensus-specs, ssz/simple-serialize.md, "Merkleization".
public enum SSZMerkleizer {
  /// Roots of zero subtrees: a limit is 64 bits, so no tree is deeper.
  public static let zeroes = ZeroSubtrees<SHA256Hash>(maximumDepth: 64)

  /// The depth of a tree with room for `limit` chunks: log2 of the next power of two.
  public static func depth(limit: UInt64) -> Int {
    limit <= 1 ? 0 : UInt64.bitWidth - (limit - 1).leadingZeroBitCount
  }

  /// An integer as a chunk: little-endian, padded with zeroes.
  public static func chunk(_ value: UInt64) -> Bytes32 {
    Bytes32 { $0 < 8 ? UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) : 0 }
  }

  /// A boolean as a chunk.
  public static func chunk(_ value: Bool) -> Bytes32 { chunk(value ? 1 : 0) }

  /// The root over `chunks`, padded with zeroes to the next power of two of their number, or of `limit`.
  ///
  /// Traps when there are more chunks than `limit`: the caller has checked its list.
  public static func root(chunks: [Bytes32], limit: UInt64? = nil) -> Bytes32 {
    let count = UInt64(chunks.count)
    let limit = limit ?? count
    precondition(count <= limit || count == 0)
    var layer = chunks
    return reduce(&layer, from: 0, to: depth(limit: limit))
  }

  /// The root over `bytes` cut into chunks, the last one padded with zeroes.
  ///
  /// - Parameter limitChunks: room of the tree in chunks; nil for what the bytes take. Traps when they take more.
  public static func root(packed bytes: Span<UInt8>, limitChunks: UInt64? = nil) -> Bytes32 {
    let count = (bytes.count + 31) / 32
    let limit = limitChunks ?? UInt64(count)
    precondition(UInt64(count) <= limit || count == 0)
    let depth = depth(limit: limit)
    if depth == 0 { return paddedChunk(bytes, at: 0) }
    // Pairs of chunks lie side by side in the input: the first layer is hashed from it.
    var layer: [Bytes32] = []
    layer.reserveCapacity((count + 1) / 2)
    var offset = 0
    while bytes.count - offset >= 64 {
      layer.append(SHA256Hash.hash(bytes.extracting(offset..<(offset + 64))))
      offset += 64
    }
    if offset < bytes.count {
      layer.append(SHA256Hash.hash(paddedChunk(bytes, at: offset), paddedChunk(bytes, at: offset + 32)))
    }
    return reduce(&layer, from: 1, to: depth)
  }

  /// The root over `bytes` cut into chunks, the last one padded with zeroes.
  public static func root(packed bytes: [UInt8], limitChunks: UInt64? = nil) -> Bytes32 {
    root(packed: bytes.span, limitChunks: limitChunks)
  }

  /// The root of a byte list: its chunks in a tree with room for `limit` bytes, and its length mixed in.
  public static func root(byteList bytes: Span<UInt8>, limit: UInt64) -> Bytes32 {
    let limitChunks = limit / 32 + (limit.isMultiple(of: 32) ? 0 : 1)
    return mixInLength(root(packed: bytes, limitChunks: limitChunks), UInt64(bytes.count))
  }

  /// The root of a list of composite elements, from their roots.
  public static func root(list elements: [Bytes32], limit: UInt64) -> Bytes32 {
    mixInLength(root(chunks: elements, limit: limit), UInt64(elements.count))
  }

  /// `hash(root, length)`, the length as a little-endian 256-bit integer.
  public static func mixInLength(_ root: Bytes32, _ length: UInt64) -> Bytes32 {
    SHA256Hash.hash(root, chunk(length))
  }

  /// `hash(root, selector)` of a union.
  public static func mixInSelector(_ root: Bytes32, _ selector: UInt8) -> Bytes32 {
    SHA256Hash.hash(root, chunk(UInt64(selector)))
  }

  /// The root of a progressive tree (EIP-7916): subtrees of 1, 4, 16, … chunks, each on the left of what follows.
  public static func progressiveRoot(chunks: [Bytes32]) -> Bytes32 {
    var subtrees: [Bytes32] = []
    var start = 0
    var capacity = 1
    while start < chunks.count {
      let end = Swift.min(chunks.count, start + capacity)
      subtrees.append(root(chunks: [Bytes32](chunks[start..<end]), limit: UInt64(capacity)))
      start = end
      capacity *= 4
    }
    var root = Bytes32()
    for subtree in subtrees.reversed() { root = SHA256Hash.hash(subtree, root) }
    return root
  }

  /// `bytes` cut into chunks, the last one padded with zeroes.
  public static func chunks(packed bytes: Span<UInt8>) -> [Bytes32] {
    var chunks: [Bytes32] = []
    chunks.reserveCapacity((bytes.count + 31) / 32)
    for offset in stride(from: 0, to: bytes.count, by: 32) { chunks.append(paddedChunk(bytes, at: offset)) }
    return chunks
  }

  private static func paddedChunk(_ bytes: Span<UInt8>, at offset: Int) -> Bytes32 {
    offset + 32 <= bytes.count
      ? Bytes32(bytes, at: offset) : Bytes32 { offset + $0 < bytes.count ? bytes[offset + $0] : 0 }
  }

  /// Hashes a layer of nodes at height `from` up to the one node at height `to`, in place.
  private static func reduce(_ layer: inout [Bytes32], from: Int, to: Int) -> Bytes32 {
    guard !layer.isEmpty else { return zeroes[to] }
    var count = layer.count
    for level in from..<Swift.max(from, to) {
      for pair in 0..<(count / 2) {
        layer[pair] = SHA256Hash.hash(layer[2 * pair], layer[2 * pair + 1])
      }
      if !count.isMultiple(of: 2) { layer[count / 2] = SHA256Hash.hash(layer[count - 1], zeroes[level]) }
      count = (count + 1) / 2
    }
    return layer[0]
  }
}
