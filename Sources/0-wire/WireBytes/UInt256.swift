/// A 256-bit unsigned integer for amounts, slots and gas: four 64-bit limbs, least significant first.
///
/// Public data only: nothing here is constant time.
public struct UInt256: Hashable, Comparable, Sendable {
  /// Limbs, least significant first.
  public var limbs: (UInt64, UInt64, UInt64, UInt64) { (l0, l1, l2, l3) }
  private var l0: UInt64
  private var l1: UInt64
  private var l2: UInt64
  private var l3: UInt64

  public static let zero = UInt256(0)
  public static let one = UInt256(1)
  public static let max = UInt256(limbs: .max, .max, .max, .max)

  public init(_ value: UInt64) { self.init(limbs: value, 0, 0, 0) }

  public init(limbs l0: UInt64, _ l1: UInt64, _ l2: UInt64, _ l3: UInt64) {
    self.l0 = l0
    self.l1 = l1
    self.l2 = l2
    self.l3 = l3
  }

  /// Reads 32 big-endian bytes.
  public init(bigEndian bytes: Bytes32) {
    func limb(_ start: Int) -> UInt64 {
      var value: UInt64 = 0
      for index in start..<(start + 8) { value = value << 8 | UInt64(bytes[index]) }
      return value
    }
    self.init(limbs: limb(24), limb(16), limb(8), limb(0))
  }

  /// Reads 32 little-endian bytes (SSZ).
  public init(littleEndian bytes: Bytes32) { self.init(bigEndian: Bytes32 { bytes[31 - $0] }) }

  /// Reads up to 32 big-endian bytes.
  ///
  /// - Throws: ``WireError/overLimit(limit:actual:)``.
  public init(bigEndian bytes: Span<UInt8>) throws(WireError) {
    guard bytes.count <= 32 else { throw .overLimit(limit: 32, actual: bytes.count) }
    let missing = 32 - bytes.count
    self.init(bigEndian: Bytes32 { $0 < missing ? 0 : bytes[$0 - missing] })
  }

  /// 32 big-endian bytes.
  public var bigEndian: Bytes32 {
    Bytes32 { UInt8(truncatingIfNeeded: self.limb(3 - $0 / 8) >> UInt64((7 - $0 % 8) * 8)) }
  }

  /// 32 little-endian bytes.
  public var littleEndian: Bytes32 {
    let bytes = bigEndian
    return Bytes32 { bytes[31 - $0] }
  }

  /// Big-endian without leading zeroes; zero is empty (RLP).
  public var minimalBigEndian: [UInt8] { [UInt8](bigEndian.array.drop { $0 == 0 }) }

  /// The value when it fits.
  public var asUInt64: UInt64? { l1 | l2 | l3 == 0 ? l0 : nil }

  private func limb(_ index: Int) -> UInt64 {
    switch index {
    case 0: l0
    case 1: l1
    case 2: l2
    default: l3
    }
  }

  public static func < (left: UInt256, right: UInt256) -> Bool {
    for index in (0..<4).reversed() where left.limb(index) != right.limb(index) {
      return left.limb(index) < right.limb(index)
    }
    return false
  }

  /// Sum modulo 2^256 and whether it overflowed.
  public func addingReportingOverflow(_ other: UInt256) -> (partialValue: UInt256, overflow: Bool) {
    var carry = false
    func add(_ left: UInt64, _ right: UInt64) -> UInt64 {
      let (first, overflow) = left.addingReportingOverflow(right)
      let (second, again) = first.addingReportingOverflow(carry ? 1 : 0)
      carry = overflow || again
      return second
    }
    let sum = UInt256(limbs: add(l0, other.l0), add(l1, other.l1), add(l2, other.l2), add(l3, other.l3))
    return (sum, carry)
  }

  /// Difference modulo 2^256 and whether it went below zero.
  public func subtractingReportingOverflow(_ other: UInt256) -> (partialValue: UInt256, overflow: Bool) {
    var borrow = false
    func subtract(_ left: UInt64, _ right: UInt64) -> UInt64 {
      let (first, overflow) = left.subtractingReportingOverflow(right)
      let (second, again) = first.subtractingReportingOverflow(borrow ? 1 : 0)
      borrow = overflow || again
      return second
    }
    let difference = UInt256(
      limbs: subtract(l0, other.l0), subtract(l1, other.l1), subtract(l2, other.l2), subtract(l3, other.l3))
    return (difference, borrow)
  }

  /// Product modulo 2^256 and whether it overflowed.
  public func multipliedReportingOverflow(by other: UInt64) -> (partialValue: UInt256, overflow: Bool) {
    var carry: UInt64 = 0
    func multiply(_ limb: UInt64) -> UInt64 {
      let (high, low) = limb.multipliedFullWidth(by: other)
      let (sum, overflow) = low.addingReportingOverflow(carry)
      carry = high &+ (overflow ? 1 : 0)
      return sum
    }
    let product = UInt256(limbs: multiply(l0), multiply(l1), multiply(l2), multiply(l3))
    return (product, carry != 0)
  }

  /// Quotient and remainder by a small divisor, which must not be zero.
  public func quotientAndRemainder(dividingBy divisor: UInt64) -> (quotient: UInt256, remainder: UInt64) {
    precondition(divisor != 0)
    var remainder: UInt64 = 0
    func divide(_ limb: UInt64) -> UInt64 {
      let (quotient, rest) = divisor.dividingFullWidth((remainder, limb))
      remainder = rest
      return quotient
    }
    let q3 = divide(l3)
    let q2 = divide(l2)
    let q1 = divide(l1)
    let q0 = divide(l0)
    return (UInt256(limbs: q0, q1, q2, q3), remainder)
  }
}

extension UInt256: CustomStringConvertible {
  /// Decimal.
  public var description: String {
    if let small = asUInt64 { return String(small) }
    var chunks: [String] = []
    var rest = self
    repeat {
      let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 1_000_000_000_000_000_000)
      rest = quotient
      let digits = String(remainder)
      chunks.append(rest == .zero ? digits : String(repeating: "0", count: 18 - digits.count) + digits)
    } while rest != .zero
    return chunks.reversed().joined()
  }

  /// Reads decimal digits only; nil for anything else or for a value over 2^256 - 1.
  public init?(decimal text: String) {
    guard !text.isEmpty, text.utf8.count <= 78 else { return nil }
    var value = UInt256.zero
    for character in text.utf8 {
      guard (0x30...0x39).contains(character) else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt256(UInt64(character - 0x30)))
      guard !overflow, !carry else { return nil }
      value = sum
    }
    self = value
  }
}
