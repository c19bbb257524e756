/// The 1600-bit state of Keccak-f as 25 lanes; lane (x, y) is field number x + 5y.
///
/// Fields rather than an array: the optimiser then keeps a whole permutation in registers and stack slots with no
/// bounds checks. One round maps a state to a new one, so that no lane is moved between rounds.
struct KeccakLanes: Sendable {
  var a00: UInt64 = 0, a01: UInt64 = 0, a02: UInt64 = 0, a03: UInt64 = 0, a04: UInt64 = 0
  var a05: UInt64 = 0, a06: UInt64 = 0, a07: UInt64 = 0, a08: UInt64 = 0, a09: UInt64 = 0
  var a10: UInt64 = 0, a11: UInt64 = 0, a12: UInt64 = 0, a13: UInt64 = 0, a14: UInt64 = 0
  var a15: UInt64 = 0, a16: UInt64 = 0, a17: UInt64 = 0, a18: UInt64 = 0, a19: UInt64 = 0
  var a20: UInt64 = 0, a21: UInt64 = 0, a22: UInt64 = 0, a23: UInt64 = 0, a24: UInt64 = 0

  /// Keccak-f[1600]: 24 rounds (FIPS 202, section 3.3).
  mutating func permute() {
    var state = self
    // Two rounds a turn: unrolling further grows the code past the instruction cache without a gain.
    for index in stride(from: 0, to: 24, by: 2) {
      state = state.round(Self.roundConstant(index)).round(Self.roundConstant(index + 1))
    }
    self = state
  }

  /// FIPS 202, section 3.2.5, as 64-bit words.
  private static let roundConstants: InlineArray<24, UInt64> = [
    0x0000_0000_0000_0001, 0x0000_0000_0000_8082, 0x8000_0000_0000_808a, 0x8000_0000_8000_8000,
    0x0000_0000_0000_808b, 0x0000_0000_8000_0001, 0x8000_0000_8000_8081, 0x8000_0000_0000_8009,
    0x0000_0000_0000_008a, 0x0000_0000_0000_0088, 0x0000_0000_8000_8009, 0x0000_0000_8000_000a,
    0x0000_0000_8000_808b, 0x8000_0000_0000_008b, 0x8000_0000_0000_8089, 0x8000_0000_0000_8003,
    0x8000_0000_0000_8002, 0x8000_0000_0000_0080, 0x0000_0000_0000_800a, 0x8000_0000_8000_000a,
    0x8000_0000_8000_8081, 0x8000_0000_0000_8080, 0x0000_0000_8000_0001, 0x8000_0000_8000_8008,
  ]

  @inline(__always)
  private static func roundConstant(_ index: Int) -> UInt64 { roundConstants[index] }

  @inline(__always)
  private static func rotate(_ lane: UInt64, _ bits: UInt64) -> UInt64 {
    lane &<< bits | lane &>> (64 &- bits)
  }

  /// Theta, rho, pi, chi, iota (FIPS 202, section 3.2).
  @inline(__always)
  private func round(_ constant: UInt64) -> KeccakLanes {
    let c0 = a00 ^ a05 ^ a10 ^ a15 ^ a20
    let c1 = a01 ^ a06 ^ a11 ^ a16 ^ a21
    let c2 = a02 ^ a07 ^ a12 ^ a17 ^ a22
    let c3 = a03 ^ a08 ^ a13 ^ a18 ^ a23
    let c4 = a04 ^ a09 ^ a14 ^ a19 ^ a24
    let d0 = c4 ^ Self.rotate(c1, 1)
    let d1 = c0 ^ Self.rotate(c2, 1)
    let d2 = c1 ^ Self.rotate(c3, 1)
    let d3 = c2 ^ Self.rotate(c4, 1)
    let d4 = c3 ^ Self.rotate(c0, 1)
    var next = KeccakLanes()
    let b00 = a00 ^ d0
    let b01 = Self.rotate(a06 ^ d1, 44)
    let b02 = Self.rotate(a12 ^ d2, 43)
    let b03 = Self.rotate(a18 ^ d3, 21)
    let b04 = Self.rotate(a24 ^ d4, 14)
    next.a00 = b00 ^ (~b01 & b02) ^ constant
    next.a01 = b01 ^ (~b02 & b03)
    next.a02 = b02 ^ (~b03 & b04)
    next.a03 = b03 ^ (~b04 & b00)
    next.a04 = b04 ^ (~b00 & b01)
    let b10 = Self.rotate(a03 ^ d3, 28)
    let b11 = Self.rotate(a09 ^ d4, 20)
    let b12 = Self.rotate(a10 ^ d0, 3)
    let b13 = Self.rotate(a16 ^ d1, 45)
    let b14 = Self.rotate(a22 ^ d2, 61)
    next.a05 = b10 ^ (~b11 & b12)
    next.a06 = b11 ^ (~b12 & b13)
    next.a07 = b12 ^ (~b13 & b14)
    next.a08 = b13 ^ (~b14 & b10)
    next.a09 = b14 ^ (~b10 & b11)
    let b20 = Self.rotate(a01 ^ d1, 1)
    let b21 = Self.rotate(a07 ^ d2, 6)
    let b22 = Self.rotate(a13 ^ d3, 25)
    let b23 = Self.rotate(a19 ^ d4, 8)
    let b24 = Self.rotate(a20 ^ d0, 18)
    next.a10 = b20 ^ (~b21 & b22)
    next.a11 = b21 ^ (~b22 & b23)
    next.a12 = b22 ^ (~b23 & b24)
    next.a13 = b23 ^ (~b24 & b20)
    next.a14 = b24 ^ (~b20 & b21)
    let b30 = Self.rotate(a04 ^ d4, 27)
    let b31 = Self.rotate(a05 ^ d0, 36)
    let b32 = Self.rotate(a11 ^ d1, 10)
    let b33 = Self.rotate(a17 ^ d2, 15)
    let b34 = Self.rotate(a23 ^ d3, 56)
    next.a15 = b30 ^ (~b31 & b32)
    next.a16 = b31 ^ (~b32 & b33)
    next.a17 = b32 ^ (~b33 & b34)
    next.a18 = b33 ^ (~b34 & b30)
    next.a19 = b34 ^ (~b30 & b31)
    let b40 = Self.rotate(a02 ^ d2, 62)
    let b41 = Self.rotate(a08 ^ d3, 55)
    let b42 = Self.rotate(a14 ^ d4, 39)
    let b43 = Self.rotate(a15 ^ d0, 41)
    let b44 = Self.rotate(a21 ^ d1, 2)
    next.a20 = b40 ^ (~b41 & b42)
    next.a21 = b41 ^ (~b42 & b43)
    next.a22 = b42 ^ (~b43 & b44)
    next.a23 = b43 ^ (~b44 & b40)
    next.a24 = b44 ^ (~b40 & b41)
    return next
  }
}
