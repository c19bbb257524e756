/// Conversions between binary16, binary32 and binary64 by their bits, so that payloads of NaNs stay as they are.
enum CBORFloat {
  /// The bits of a float of `width` bytes as binary64.
  static func double(_ bits: UInt64, width: Int) -> UInt64 {
    switch width {
    case 2: widen(bits, exponentBits: 5, fractionBits: 10)
    case 4: widen(bits, exponentBits: 8, fractionBits: 23)
    default: bits
    }
  }

  /// The bits and width in bytes of the shortest float that is equal to a binary64.
  static func shortest(_ pattern: UInt64) -> (bits: UInt64, width: Int) {
    for (width, exponentBits, fractionBits) in [(2, 5, 10), (4, 8, 23)] as [(Int, UInt64, UInt64)] {
      if let bits = narrow(pattern, exponentBits: exponentBits, fractionBits: fractionBits) {
        return (bits, width)
      }
    }
    return (pattern, 8)
  }

  private static func widen(_ bits: UInt64, exponentBits: UInt64, fractionBits: UInt64) -> UInt64 {
    let sign = bits >> (exponentBits + fractionBits) & 1
    let exponentMax: UInt64 = (1 << exponentBits) - 1
    let bias = exponentMax >> 1
    let exponent = bits >> fractionBits & exponentMax
    let fraction = bits & ((1 << fractionBits) - 1)
    if exponent == exponentMax { return sign << 63 | 0x7ff << 52 | fraction << (52 - fractionBits) }
    if exponent > 0 { return sign << 63 | (exponent + 1023 - bias) << 52 | fraction << (52 - fractionBits) }
    guard fraction > 0 else { return sign << 63 }
    // Subnormal: shift the highest set bit up to where the hidden one is.
    let shift = UInt64(fraction.leadingZeroBitCount) - (63 - fractionBits)
    let normalized = fraction << shift & ((1 << fractionBits) - 1)
    return sign << 63 | (1023 - bias + 1 - shift) << 52 | normalized << (52 - fractionBits)
  }

  /// The narrow float that widens to `pattern`; nil when there is none.
  private static func narrow(_ pattern: UInt64, exponentBits: UInt64, fractionBits: UInt64) -> UInt64? {
    let sign = pattern >> 63
    let exponentMax: UInt64 = (1 << exponentBits) - 1
    let bias = exponentMax >> 1
    let exponent = pattern >> 52 & 0x7ff
    let fraction = pattern & ((1 << 52) - 1)
    let candidate: UInt64
    if exponent == 0x7ff {
      candidate = exponentMax << fractionBits | fraction >> (52 - fractionBits)
    } else if exponent + bias > 1023 {
      let narrowed = exponent + bias - 1023
      guard narrowed < exponentMax else { return nil }
      candidate = narrowed << fractionBits | fraction >> (52 - fractionBits)
    } else if exponent > 0 {
      // Below the smallest normal number: 1.fraction shifted down by what is missing.
      let shift = 52 - fractionBits + 1024 - bias - exponent
      candidate = shift < 64 ? (1 << 52 | fraction) >> shift : 0
    } else {
      candidate = 0
    }
    let bits = sign << (exponentBits + fractionBits) | candidate
    return widen(bits, exponentBits: exponentBits, fractionBits: fractionBits) == pattern ? bits : nil
  }
}
