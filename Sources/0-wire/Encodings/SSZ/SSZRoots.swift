import Digests
public import WireBytes

extension SSZType {
  /// `hash_tree_root` of `value`.
  ///
  /// - Throws: ``SSZError/shape`` when `value` is not one of this type; ``SSZError/overLimit(offset:limit:actual:)``.
  public func hashTreeRoot(_ value: SSZValue) throws(SSZError) -> Bytes32 {
    try check(value)
    switch (self, value) {
    case (.boolean, .boolean(let flag)):
      return SSZMerkleizer.chunk(flag)
    case (.uint, .uint(let integer)):
      return integer.littleEndian
    case (.bitvector, .bits(_, let packed)):
      return SSZMerkleizer.root(packed: packed, limitChunks: try chunkCount())
    case (.bitlist, .bits(let count, let packed)):
      return SSZMerkleizer.mixInLength(
        SSZMerkleizer.root(packed: packed, limitChunks: try chunkCount()), UInt64(count))
    case (.progressiveBitlist, .bits(let count, let packed)):
      return SSZMerkleizer.mixInLength(Self.progressive(packed), UInt64(count))
    case (.byteVector, .packed(let bytes)), (.vector, .packed(let bytes)):
      return SSZMerkleizer.root(packed: bytes, limitChunks: try chunkCount())
    case (.byteList, .packed(let bytes)):
      return SSZMerkleizer.mixInLength(
        SSZMerkleizer.root(packed: bytes, limitChunks: try chunkCount()), UInt64(bytes.count))
    case (.progressiveByteList, .packed(let bytes)):
      return SSZMerkleizer.mixInLength(Self.progressive(bytes), UInt64(bytes.count))
    case (.list(let element, _), .packed(let bytes)):
      return SSZMerkleizer.mixInLength(
        SSZMerkleizer.root(packed: bytes, limitChunks: try chunkCount()), element.count(packed: bytes))
    case (.progressiveList(let element), .packed(let bytes)):
      return SSZMerkleizer.mixInLength(Self.progressive(bytes), element.count(packed: bytes))
    case (.vector(let element, _), .sequence(let values)):
      return SSZMerkleizer.root(chunks: try element.roots(values), limit: try chunkCount())
    case (.list(let element, _), .sequence(let values)):
      return SSZMerkleizer.mixInLength(
        SSZMerkleizer.root(chunks: try element.roots(values), limit: try chunkCount()), UInt64(values.count))
    case (.progressiveList(let element), .sequence(let values)):
      return SSZMerkleizer.mixInLength(
        SSZMerkleizer.progressiveRoot(chunks: try element.roots(values)), UInt64(values.count))
    case (.container(let fields), .sequence(let values)):
      var roots: [Bytes32] = []
      for (field, value) in zip(fields, values) { roots.append(try field.type.hashTreeRoot(value)) }
      return SSZMerkleizer.root(chunks: roots)
    case (.progressiveContainer(let active, let fields), .sequence(let values)):
      var roots: [Bytes32] = []
      for (field, value) in zip(fields, values) { roots.append(try field.type.hashTreeRoot(value)) }
      return SHA256Hash.hash(
        SSZMerkleizer.progressiveRoot(chunks: Self.place(roots, active, empty: Bytes32())),
        Self.activeFieldsChunk(active))
    case (.union, .selected(let selector, let inner)):
      guard let type = try option(selector), let inner else {
        return SSZMerkleizer.mixInSelector(Bytes32(), selector)
      }
      return SSZMerkleizer.mixInSelector(try type.hashTreeRoot(inner), selector)
    default:
      throw .shape
    }
  }

  private static func progressive(_ bytes: [UInt8]) -> Bytes32 {
    SSZMerkleizer.progressiveRoot(chunks: SSZMerkleizer.chunks(packed: bytes.span))
  }

  /// Elements of this basic type in `bytes`.
  func count(packed bytes: [UInt8]) -> UInt64 { UInt64(bytes.count / (basicSize ?? 1)) }

  private func roots(_ values: [SSZValue]) throws(SSZError) -> [Bytes32] {
    var roots: [Bytes32] = []
    roots.reserveCapacity(values.count)
    for value in values { roots.append(try hashTreeRoot(value)) }
    return roots
  }

  /// The flags of a progressive container as a chunk of bits.
  static func activeFieldsChunk(_ active: [Bool]) -> Bytes32 {
    Bytes32 { byte in
      var bits: UInt8 = 0
      for bit in 0..<8 where byte * 8 + bit < active.count && active[byte * 8 + bit] {
        bits |= 1 << UInt8(bit)
      }
      return bits
    }
  }

  /// `fields` at the places of the set flags, `empty` at the others.
  static func place<Node>(_ fields: [Node], _ active: [Bool], empty: Node) -> [Node] {
    var next = 0
    return active.map { isActive in
      guard isActive, next < fields.count else { return empty }
      next += 1
      return fields[next - 1]
    }
  }
}
