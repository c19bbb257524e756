import WireBytes

/// An integer modulo 2^255 - 19 in five limbs of 51 bits.
///
/// For verification only: nothing here is constant time, and no secret may enter it. Between operations every limb is
/// below 2^52, so that a product of two sums fits 128 bits with room.
struct FieldElement25519: Sendable {
  private var l0: UInt64
  private var l1: UInt64
  private var l2: UInt64
  private var l3: UInt64
  private var l4: UInt64

  private static let mask: UInt64 = (1 << 51) - 1

  private init(_ l0: UInt64, _ l1: UInt64, _ l2: UInt64, _ l3: UInt64, _ l4: UInt64) {
    (self.l0, self.l1, self.l2, self.l3, self.l4) = (l0, l1, l2, l3, l4)
  }

  static let zero = FieldElement25519(0, 0, 0, 0, 0)
  static let one = FieldElement25519(1, 0, 0, 0, 0)

  /// From 255 bits in four words, least significant first; bit 255 is ignored and the value need not be below p.
  init(words w0: UInt64, _ w1: UInt64, _ w2: UInt64, _ w3: UInt64) {
    l0 = w0 & Self.mask
    l1 = (w0 >> 51 | w1 << 13) & Self.mask
    l2 = (w1 >> 38 | w2 << 26) & Self.mask
    l3 = (w2 >> 25 | w3 << 39) & Self.mask
    l4 = w3 >> 12 & Self.mask
  }

  /// From 32 little-endian bytes; bit 255 is ignored and the value need not be below p.
  init(littleEndian bytes: Bytes32) {
    let words = bytes.littleEndianWords
    self.init(words: words.0, words.1, words.2, words.3)
  }

  /// The limbs of the one value in 0..<p.
  private var reduced: FieldElement25519 {
    var value = Self.carried(l0, l1, l2, l3, l4)
    value = Self.carried(value.l0, value.l1, value.l2, value.l3, value.l4)
    // The value is below 2^255 now; q is 1 exactly when it is p or more.
    var q = (value.l0 &+ 19) >> 51
    q = (value.l1 &+ q) >> 51
    q = (value.l2 &+ q) >> 51
    q = (value.l3 &+ q) >> 51
    q = (value.l4 &+ q) >> 51
    var carry = value.l0 &+ 19 &* q
    let r0 = carry & Self.mask
    carry = value.l1 &+ carry >> 51
    let r1 = carry & Self.mask
    carry = value.l2 &+ carry >> 51
    let r2 = carry & Self.mask
    carry = value.l3 &+ carry >> 51
    let r3 = carry & Self.mask
    carry = value.l4 &+ carry >> 51
    return FieldElement25519(r0, r1, r2, r3, carry & Self.mask)
  }

  private static func carried(
    _ l0: UInt64, _ l1: UInt64, _ l2: UInt64, _ l3: UInt64, _ l4: UInt64
  ) -> FieldElement25519 {
    let r1 = l1 &+ l0 >> 51
    let r2 = l2 &+ r1 >> 51
    let r3 = l3 &+ r2 >> 51
    let r4 = l4 &+ r3 >> 51
    let r0 = (l0 & mask) &+ (r4 >> 51) &* 19
    return FieldElement25519(r0, r1 & mask, r2 & mask, r3 & mask, r4 & mask)
  }

  var isZero: Bool {
    let value = reduced
    return value.l0 | value.l1 | value.l2 | value.l3 | value.l4 == 0
  }

  /// Whether the value in 0..<p is odd: the sign bit of a compressed x (RFC 8032, section 5.1.2).
  var isOdd: Bool { reduced.l0 & 1 == 1 }

  static func equal(_ left: FieldElement25519, _ right: FieldElement25519) -> Bool { (left - right).isZero }

  static func + (left: FieldElement25519, right: FieldElement25519) -> FieldElement25519 {
    carried(
      left.l0 &+ right.l0, left.l1 &+ right.l1, left.l2 &+ right.l2, left.l3 &+ right.l3, left.l4 &+ right.l4)
  }

  static func - (left: FieldElement25519, right: FieldElement25519) -> FieldElement25519 {
    // 4p is added limb by limb, so that no limb goes below zero.
    carried(
      left.l0 &+ 0x1f_ffff_ffff_ffb4 &- right.l0, left.l1 &+ 0x1f_ffff_ffff_fffc &- right.l1,
      left.l2 &+ 0x1f_ffff_ffff_fffc &- right.l2, left.l3 &+ 0x1f_ffff_ffff_fffc &- right.l3,
      left.l4 &+ 0x1f_ffff_ffff_fffc &- right.l4)
  }

  static prefix func - (value: FieldElement25519) -> FieldElement25519 { .zero - value }

  static func * (left: FieldElement25519, right: FieldElement25519) -> FieldElement25519 {
    func product(_ a: UInt64, _ b: UInt64) -> UInt128 { UInt128(a) &* UInt128(b) }
    let (a0, a1, a2, a3, a4) = (left.l0, left.l1, left.l2, left.l3, left.l4)
    let (b0, b1, b2, b3, b4) = (right.l0, right.l1, right.l2, right.l3, right.l4)
    // 2^255 is 19 modulo p, so what lies over limb 4 comes back times 19.
    let (c1, c2, c3, c4) = (b1 &* 19, b2 &* 19, b3 &* 19, b4 &* 19)
    let t0 = product(a0, b0) &+ product(a1, c4) &+ product(a2, c3) &+ product(a3, c2) &+ product(a4, c1)
    let t1 = product(a0, b1) &+ product(a1, b0) &+ product(a2, c4) &+ product(a3, c3) &+ product(a4, c2)
    let t2 = product(a0, b2) &+ product(a1, b1) &+ product(a2, b0) &+ product(a3, c4) &+ product(a4, c3)
    let t3 = product(a0, b3) &+ product(a1, b2) &+ product(a2, b1) &+ product(a3, b0) &+ product(a4, c4)
    let t4 = product(a0, b4) &+ product(a1, b3) &+ product(a2, b2) &+ product(a3, b1) &+ product(a4, b0)
    func low(_ value: UInt128) -> UInt64 { UInt64(truncatingIfNeeded: value) & mask }
    let u1 = t1 &+ t0 >> 51
    let u2 = t2 &+ u1 >> 51
    let u3 = t3 &+ u2 >> 51
    let u4 = t4 &+ u3 >> 51
    // Each t is below 5 * 19 * 2^104, so the carry out of limb 4 times 19 is below 2^65: keep it wide.
    let u0 = UInt128(low(t0)) &+ (u4 >> 51) &* 19
    let r1 = low(u1) &+ UInt64(truncatingIfNeeded: u0 >> 51)
    return FieldElement25519(low(u0), r1, low(u2), low(u3), low(u4))
  }

  func squared(times count: Int = 1) -> FieldElement25519 {
    var value = self
    for _ in 0..<count { value = value * value }
    return value
  }

  /// This to the power (p - 5) / 8 = 2^252 - 3.
  var raisedToRootExponent: FieldElement25519 {
    let x2 = squared() * self
    let x4 = x2.squared(times: 2) * x2
    let x5 = x4.squared() * self
    let x10 = x5.squared(times: 5) * x5
    let x20 = x10.squared(times: 10) * x10
    let x40 = x20.squared(times: 20) * x20
    let x50 = x40.squared(times: 10) * x10
    let x100 = x50.squared(times: 50) * x50
    let x200 = x100.squared(times: 100) * x100
    let x250 = x200.squared(times: 50) * x50
    return x250.squared(times: 2) * self
  }

  /// sqrt(-1) = 2^((p - 1) / 4) (RFC 8032, section 5.1.3).
  static let rootOfMinusOne = FieldElement25519(
    words: 0xc4ee_1b27_4a0e_a0b0, 0x2f43_1806_ad2f_e478, 0x2b4d_0099_3dfb_d7a7, 0x2b83_2480_4fc1_df0b)
  /// d = -121665 / 121666 (RFC 8032, section 5.1).
  static let d = FieldElement25519(
    words: 0x75eb_4dca_1359_78a3, 0x0070_0a4d_4141_d8ab, 0x8cc7_4079_7779_e898, 0x5203_6cee_2b6f_fe73)
}

extension FixedBytes where count == 32 {
  /// Four 64-bit words, least significant first.
  var littleEndianWords: (UInt64, UInt64, UInt64, UInt64) {
    func word(_ start: Int) -> UInt64 {
      var value: UInt64 = 0
      for index in (start..<(start + 8)).reversed() { value = value << 8 | UInt64(self[index]) }
      return value
    }
    return (word(0), word(8), word(16), word(24))
  }
}
