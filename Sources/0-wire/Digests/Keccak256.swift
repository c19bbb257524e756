public import WireBytes

/// Keccak-256 as Ethereum uses it: rate 136 bytes, domain byte 0x01 (the Keccak submission's padding, not SHA-3's 0x06).
///
/// One-shot hashing allocates nothing. Source: the Keccak reference, version 3.0, and the Ethereum yellow paper.
public struct Keccak256: Sendable {
  private var lanes = KeccakLanes()
  /// Bytes absorbed into the block that is not permuted yet, 0..<136.
  private var filled = 0
  private static let rate = 136

  public init() {}

  /// The hash of `bytes`.
  public static func hash(_ bytes: Span<UInt8>) -> Bytes32 {
    var hasher = Keccak256()
    hasher.update(bytes)
    return hasher.finalize()
  }

  /// The hash of `bytes`.
  public static func hash(_ bytes: [UInt8]) -> Bytes32 { hash(bytes.span) }

  /// The hash of two 32-byte values in a row: a binary Merkle node.
  public static func hash(_ left: Bytes32, _ right: Bytes32) -> Bytes32 {
    var hasher = Keccak256()
    hasher.update(left.span)
    hasher.update(right.span)
    return hasher.finalize()
  }

  /// Absorbs `bytes`.
  public mutating func update(_ bytes: Span<UInt8>) {
    // Reading through a raw pointer lets eight bytes become one load; every offset below is under `count`.
    unsafe bytes.withUnsafeBytes { buffer in
      var offset = 0
      let count = buffer.count
      if filled != 0 {
        while offset < count, filled != 0 {
          unsafe absorb(byte: buffer[offset])
          offset += 1
        }
      }
      while count - offset >= Self.rate {
        unsafe absorbBlock(buffer, at: offset)
        offset += Self.rate
      }
      while count - offset >= 8, filled.isMultiple(of: 8), filled + 8 < Self.rate {
        unsafe xor(lane: filled / 8, Self.load(buffer, offset))
        filled += 8
        offset += 8
      }
      while offset < count {
        unsafe absorb(byte: buffer[offset])
        offset += 1
      }
    }
  }

  /// Pads and returns the hash.
  public consuming func finalize() -> Bytes32 {
    xor(lane: filled / 8, 0x01 << UInt64(filled % 8 * 8))
    xor(lane: 16, 0x80 << 56)
    lanes.permute()
    let words = (lanes.a00, lanes.a01, lanes.a02, lanes.a03)
    var digest = Bytes32()
    for index in 0..<8 {
      let shift = UInt64(index * 8)
      digest[index] = UInt8(truncatingIfNeeded: words.0 >> shift)
      digest[index + 8] = UInt8(truncatingIfNeeded: words.1 >> shift)
      digest[index + 16] = UInt8(truncatingIfNeeded: words.2 >> shift)
      digest[index + 24] = UInt8(truncatingIfNeeded: words.3 >> shift)
    }
    return digest
  }

  @inline(__always)
  private static func load(_ buffer: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
    // The callers stay inside the buffer; unaligned loads are defined for trivial types.
    unsafe UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  private mutating func absorb(byte: UInt8) {
    xor(lane: filled / 8, UInt64(byte) << UInt64(filled % 8 * 8))
    filled += 1
    if filled == Self.rate {
      lanes.permute()
      filled = 0
    }
  }

  private mutating func absorbBlock(_ buffer: UnsafeRawBufferPointer, at offset: Int) {
    unsafe lanes.a00 ^= Self.load(buffer, offset)
    unsafe lanes.a01 ^= Self.load(buffer, offset + 8)
    unsafe lanes.a02 ^= Self.load(buffer, offset + 16)
    unsafe lanes.a03 ^= Self.load(buffer, offset + 24)
    unsafe lanes.a04 ^= Self.load(buffer, offset + 32)
    unsafe lanes.a05 ^= Self.load(buffer, offset + 40)
    unsafe lanes.a06 ^= Self.load(buffer, offset + 48)
    unsafe lanes.a07 ^= Self.load(buffer, offset + 56)
    unsafe lanes.a08 ^= Self.load(buffer, offset + 64)
    unsafe lanes.a09 ^= Self.load(buffer, offset + 72)
    unsafe lanes.a10 ^= Self.load(buffer, offset + 80)
    unsafe lanes.a11 ^= Self.load(buffer, offset + 88)
    unsafe lanes.a12 ^= Self.load(buffer, offset + 96)
    unsafe lanes.a13 ^= Self.load(buffer, offset + 104)
    unsafe lanes.a14 ^= Self.load(buffer, offset + 112)
    unsafe lanes.a15 ^= Self.load(buffer, offset + 120)
    unsafe lanes.a16 ^= Self.load(buffer, offset + 128)
    lanes.permute()
  }

  @inline(__always)
  private mutating func xor(lane: Int, _ word: UInt64) {
    switch lane {
    case 0: lanes.a00 ^= word
    case 1: lanes.a01 ^= word
    case 2: lanes.a02 ^= word
    case 3: lanes.a03 ^= word
    case 4: lanes.a04 ^= word
    case 5: lanes.a05 ^= word
    case 6: lanes.a06 ^= word
    case 7: lanes.a07 ^= word
    case 8: lanes.a08 ^= word
    case 9: lanes.a09 ^= word
    case 10: lanes.a10 ^= word
    case 11: lanes.a11 ^= word
    case 12: lanes.a12 ^= word
    case 13: lanes.a13 ^= word
    case 14: lanes.a14 ^= word
    case 15: lanes.a15 ^= word
    default: lanes.a16 ^= word
    }
  }
}
