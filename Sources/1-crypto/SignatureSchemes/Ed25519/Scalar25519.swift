import WireBytes

/// An integer below L, the order of the base point, in four words, least significant first.
struct Scalar25519: Sendable {
  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// L = 2^252 + 27742317777372353535851937790883648493 (RFC 8032, section 5.1).
  private static let order: (UInt64, UInt64, UInt64, UInt64) = (
    0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 0x1000_0000_0000_0000
  )

  /// Nil when the 32 little-endian bytes are L or more.
  init?(canonical bytes: Bytes32) {
    words = bytes.littleEndianWords
    guard Self.difference(words).borrow else { return nil }
  }

  /// 64 little-endian bytes modulo L, one bit at a time: plain, and only on the slow path.
  init(reducing bytes: Bytes64) {
    var value: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    for index in (0..<64).reversed() {
      for bit in (0..<8).reversed() {
        // Below L < 2^253, so the doubled value fits.
        value = (
          value.0 << 1 | UInt64(bytes[index] >> UInt8(bit) & 1), value.1 << 1 | value.0 >> 63,
          value.2 << 1 | value.1 >> 63, value.3 << 1 | value.2 >> 63
        )
        let (rest, borrow) = Self.difference(value)
        if !borrow { value = rest }
      }
    }
    words = value
  }

  /// Bits 4 * index and the three above.
  func nibble(_ index: Int) -> Int {
    let word =
      switch index / 16 {
      case 0: words.0
      case 1: words.1
      case 2: words.2
      default: words.3
      }
    return Int(word >> UInt64(index % 16 * 4) & 15)
  }

  /// `value` less L, and whether that is below zero.
  private static func difference(
    _ value: (UInt64, UInt64, UInt64, UInt64)
  ) -> (rest: (UInt64, UInt64, UInt64, UInt64), borrow: Bool) {
    var borrow = false
    func subtract(_ left: UInt64, _ right: UInt64) -> UInt64 {
      let (first, overflow) = left.subtractingReportingOverflow(right)
      let (second, again) = first.subtractingReportingOverflow(borrow ? 1 : 0)
      borrow = overflow || again
      return second
    }
    let rest = (
      subtract(value.0, order.0), subtract(value.1, order.1), subtract(value.2, order.2),
      subtract(value.3, order.3)
    )
    return (rest, borrow)
  }
}
