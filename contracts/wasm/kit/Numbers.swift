/// An unsigned integer of 128 bits, a decimal string in JSON. Arithmetic is checked: nothing wraps, nothing traps.
struct Uint128: Comparable, Sendable {
  var value: UInt128

  static let zero = Uint128(0 as UInt64)
  static let max = Uint128(value: .max)

  init(value: UInt128) { self.value = value }
  init(_ value: UInt64) { self.value = UInt128(value) }

  static func < (left: Uint128, right: Uint128) -> Bool { left.value < right.value }

  func adding(_ other: Uint128) throws(Refusal) -> Uint128 {
    let (sum, overflow) = value.addingReportingOverflow(other.value)
    guard !overflow else { throw .overflow("addition") }
    return Uint128(value: sum)
  }

  func subtracting(_ other: Uint128) throws(Refusal) -> Uint128 {
    guard other.value <= value else { throw .overflow("subtraction") }
    return Uint128(value: value &- other.value)
  }

  func multiplying(_ other: Uint128) throws(Refusal) -> Uint128 {
    let product = Wide(value, times: other.value)
    guard product.high == 0 else { throw .overflow("multiplication") }
    return Uint128(value: product.low)
  }

  /// `self * factor / divisor` without overflow in between, rounded down or up.
  func times(
    _ factor: Uint128, dividedBy divisor: Uint128, roundingUp: Bool = false
  ) throws(Refusal) -> Uint128 {
    guard divisor.value > 0 else { throw .divisionByZero }
    let (quotient, remainder) = try Wide(value, times: factor.value).divided(by: divisor.value)
    guard roundingUp, remainder > 0 else { return Uint128(value: quotient) }
    return try Uint128(value: quotient).adding(Uint128(1))
  }

  /// The integer below the square root of `self * other`.
  func geometricMean(_ other: Uint128) -> Uint128 {
    let square = Wide(value, times: other.value)
    var root: UInt128 = 0
    var bit: UInt128 = 1 << 127
    while bit > 0 {
      let candidate = root | bit
      if Wide(candidate, times: candidate) <= square { root = candidate }
      bit >>= 1
    }
    return Uint128(value: root)
  }

  var decimal: Text {
    if value == 0 { return "0" }
    var digits: [UInt8] = []
    var rest = value
    // 18 digits at a time: divisions of 64 bits are a host instruction.
    while rest > 0 {
      let (upper, part) = rest.quotientAndRemainder(dividingBy: 1_000_000_000_000_000_000)
      var low = UInt64(truncatingIfNeeded: part)
      var count = 0
      while low > 0 || (upper > 0 && count < 18) {
        digits.append(48 &+ UInt8(truncatingIfNeeded: low % 10))
        low /= 10
        count += 1
      }
      rest = upper
    }
    digits.reverse()
    return Text(digits)
  }

  /// Nil unless `text` is 1 to 39 digits of a number below 2^128. Leading zeros are read, as Rust reads them.
  init?(decimal text: Text) {
    guard !text.isEmpty, text.count <= 39 else { return nil }
    var number: UInt128 = 0
    for digit in text.bytes {
      guard digit >= 48, digit <= 57 else { return nil }
      let product = Wide(number, times: 10)
      let (sum, overflow) = product.low.addingReportingOverflow(UInt128(digit - 48))
      guard product.high == 0, !overflow else { return nil }
      number = sum
    }
    value = number
  }

  /// The 32 bytes of a `uint256`.
  func bytes(littleEndian: Bool) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 32)
    var rest = value
    for index in 0..<16 {
      bytes[littleEndian ? index : 31 - index] = UInt8(truncatingIfNeeded: rest)
      rest >>= 8
    }
    return bytes
  }
}

/// A product of 256 bits.
private struct Wide {
  var high: UInt128
  var low: UInt128

  @inline(never)
  init(_ left: UInt128, times right: UInt128) {
    let mask: UInt128 = 0xffff_ffff_ffff_ffff
    let (a, b, c, d) = (left & mask, left >> 64, right & mask, right >> 64)
    let lowest = a &* c
    let middle = b &* c &+ (lowest >> 64)
    let other = a &* d &+ (middle & mask)
    high = b &* d &+ (middle >> 64) &+ (other >> 64)
    low = (other << 64) | (lowest & mask)
  }

  static func <= (left: Wide, right: Wide) -> Bool {
    left.high == right.high ? left.low <= right.low : left.high < right.high
  }

  @inline(never)
  func divided(by divisor: UInt128) throws(Refusal) -> (quotient: UInt128, remainder: UInt128) {
    guard high < divisor else { throw .overflow("division") }
    if high == 0 { return low.quotientAndRemainder(dividingBy: divisor) }
    var rest = high
    var quotient: UInt128 = 0
    var bits = low
    for _ in 0..<128 {
      let carry = rest >> 127
      rest = (rest << 1) | (bits >> 127)
      bits <<= 1
      quotient <<= 1
      if carry == 1 || rest >= divisor {
        rest = rest &- divisor
        quotient |= 1
      }
    }
    return (quotient, rest)
  }
}
