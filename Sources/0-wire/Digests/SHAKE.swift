/// SHAKE128 and SHAKE256 (FIPS 202): output of any length from the same permutation as Keccak-256.
///
/// Written plainly, for test vectors and rare formats: whole bytes go through lanes one at a time.
public enum SHAKE {
  /// The first `count` bytes of SHAKE128 of `bytes`.
  public static func shake128(_ bytes: Span<UInt8>, count: Int) -> [UInt8] {
    squeeze(bytes, rate: 168, count: count)
  }

  /// The first `count` bytes of SHAKE256 of `bytes`.
  public static func shake256(_ bytes: Span<UInt8>, count: Int) -> [UInt8] {
    squeeze(bytes, rate: 136, count: count)
  }

  /// The suffix 1111 and the first bit of the padding (FIPS 202, section 6.2 and appendix B.2).
  private static let domain: UInt8 = 0x1f

  private static func squeeze(_ bytes: Span<UInt8>, rate: Int, count: Int) -> [UInt8] {
    precondition(count >= 0)
    var lanes = KeccakLanes()
    var filled = 0
    for index in bytes.indices {
      lanes[filled / 8] ^= UInt64(bytes[index]) << UInt64(filled % 8 * 8)
      filled += 1
      if filled == rate {
        lanes.permute()
        filled = 0
      }
    }
    lanes[filled / 8] ^= UInt64(domain) << UInt64(filled % 8 * 8)
    lanes[rate / 8 - 1] ^= 0x80 << 56
    lanes.permute()
    var output: [UInt8] = []
    output.reserveCapacity(count)
    var taken = 0
    while output.count < count {
      if taken == rate {
        lanes.permute()
        taken = 0
      }
      output.append(UInt8(truncatingIfNeeded: lanes[taken / 8] >> UInt64(taken % 8 * 8)))
      taken += 1
    }
    return output
  }
}

extension KeccakLanes {
  /// Lane `index` of 0..<25.
  fileprivate subscript(index: Int) -> UInt64 {
    get {
      switch index {
      case 0: a00
      case 1: a01
      case 2: a02
      case 3: a03
      case 4: a04
      case 5: a05
      case 6: a06
      case 7: a07
      case 8: a08
      case 9: a09
      case 10: a10
      case 11: a11
      case 12: a12
      case 13: a13
      case 14: a14
      case 15: a15
      case 16: a16
      case 17: a17
      case 18: a18
      case 19: a19
      case 20: a20
      case 21: a21
      case 22: a22
      case 23: a23
      default: a24
      }
    }
    set {
      switch index {
      case 0: a00 = newValue
      case 1: a01 = newValue
      case 2: a02 = newValue
      case 3: a03 = newValue
      case 4: a04 = newValue
      case 5: a05 = newValue
      case 6: a06 = newValue
      case 7: a07 = newValue
      case 8: a08 = newValue
      case 9: a09 = newValue
      case 10: a10 = newValue
      case 11: a11 = newValue
      case 12: a12 = newValue
      case 13: a13 = newValue
      case 14: a14 = newValue
      case 15: a15 = newValue
      case 16: a16 = newValue
      case 17: a17 = newValue
      case 18: a18 = newValue
      case 19: a19 = newValue
      case 20: a20 = newValue
      case 21: a21 = newValue
      case 22: a22 = newValue
      case 23: a23 = newValue
      default: a24 = newValue
      }
    }
  }
}
