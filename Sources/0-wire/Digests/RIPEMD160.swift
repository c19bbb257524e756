public import WireBytes

/// RIPEMD-160 (Dobbertin, Bosselaers, Preneel 1996; ISO/IEC 10118-3): the outer hash of Bitcoin and Cosmos addresses.
///
/// Written plainly: it hashes 32 bytes for each address and is on no hot path.
public enum RIPEMD160 {
  /// The hash of `bytes`.
  public static func hash(_ bytes: Span<UInt8>) -> Bytes20 {
    var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
    var block = [UInt32](repeating: 0, count: 16)
    let whole = bytes.count / 64
    for index in 0..<whole {
      for word in 0..<16 { block[word] = Self.word(bytes, at: index * 64 + word * 4) }
      compress(&state, block)
    }
    var tail = [UInt8](copying: bytes.extracting((whole * 64)..<bytes.count))
    tail.append(0x80)
    while tail.count % 64 != 56 { tail.append(0) }
    tail.append(littleEndian: UInt64(bytes.count) &* 8)
    for index in 0..<(tail.count / 64) {
      for word in 0..<16 { block[word] = Self.word(tail.span, at: index * 64 + word * 4) }
      compress(&state, block)
    }
    return Bytes20 { UInt8(truncatingIfNeeded: state[$0 / 4] >> UInt32($0 % 4 * 8)) }
  }

  private static func word(_ bytes: Span<UInt8>, at offset: Int) -> UInt32 {
    UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2]) << 16
      | UInt32(bytes[offset + 3]) << 24
  }

  private static func compress(_ state: inout [UInt32], _ block: [UInt32]) {
    var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
    var (aa, bb, cc, dd, ee) = (a, b, c, d, e)
    for step in 0..<80 {
      let round = step / 16
      var mixed =
        rotate(
          a &+ mix(round, b, c, d) &+ block[leftOrder[step]] &+ leftConstants[round], leftShifts[step]) &+ e
      (a, b, c, d, e) = (e, mixed, b, rotate(c, 10), d)
      mixed =
        rotate(
          aa &+ mix(4 - round, bb, cc, dd) &+ block[rightOrder[step]] &+ rightConstants[round],
          rightShifts[step])
        &+ ee
      (aa, bb, cc, dd, ee) = (ee, mixed, bb, rotate(cc, 10), dd)
    }
    state = [
      state[1] &+ c &+ dd, state[2] &+ d &+ ee, state[3] &+ e &+ aa, state[4] &+ a &+ bb, state[0] &+ b &+ cc,
    ]
  }

  private static func rotate(_ word: UInt32, _ bits: UInt32) -> UInt32 {
    word &<< bits | word &>> (32 &- bits)
  }

  private static func mix(_ round: Int, _ x: UInt32, _ y: UInt32, _ z: UInt32) -> UInt32 {
    switch round {
    case 0: x ^ y ^ z
    case 1: x & y | ~x & z
    case 2: (x | ~y) ^ z
    case 3: x & z | y & ~z
    default: x ^ (y | ~z)
    }
  }

  private static let leftConstants: [UInt32] = [0, 0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xa953_fd4e]
  private static let rightConstants: [UInt32] = [0x50a2_8be6, 0x5c4d_d124, 0x6d70_3ef3, 0x7a6d_76e9, 0]
  private static let leftOrder = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8,
    3, 10, 14, 4, 9, 15, 8, 1, 2, 7, 0, 6, 13, 11, 5, 12,
    1, 9, 11, 10, 0, 8, 12, 4, 13, 3, 7, 15, 14, 5, 6, 2,
    4, 0, 5, 9, 7, 12, 2, 10, 14, 1, 3, 8, 11, 6, 15, 13,
  ]
  private static let rightOrder = [
    5, 14, 7, 0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12,
    6, 11, 3, 7, 0, 13, 5, 10, 14, 15, 8, 12, 4, 9, 1, 2,
    15, 5, 1, 3, 7, 14, 6, 9, 11, 8, 12, 2, 10, 0, 4, 13,
    8, 6, 4, 1, 3, 11, 15, 0, 5, 12, 2, 13, 9, 7, 10, 14,
    12, 15, 10, 4, 1, 5, 8, 7, 6, 2, 13, 14, 0, 3, 9, 11,
  ]
  private static let leftShifts: [UInt32] = [
    11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8,
    7, 6, 8, 13, 11, 9, 7, 15, 7, 12, 15, 9, 11, 7, 13, 12,
    11, 13, 6, 7, 14, 9, 13, 15, 14, 8, 13, 6, 5, 12, 7, 5,
    11, 12, 14, 15, 14, 15, 9, 8, 9, 14, 5, 6, 8, 6, 5, 12,
    9, 15, 5, 11, 6, 8, 13, 12, 5, 12, 13, 14, 11, 8, 5, 6,
  ]
  private static let rightShifts: [UInt32] = [
    8, 9, 9, 11, 13, 15, 15, 5, 7, 7, 8, 11, 14, 14, 12, 6,
    9, 13, 15, 7, 12, 8, 9, 11, 7, 7, 12, 7, 6, 15, 13, 11,
    9, 7, 15, 11, 8, 6, 6, 14, 12, 13, 5, 14, 13, 13, 7, 5,
    15, 5, 8, 11, 14, 14, 6, 14, 6, 9, 12, 9, 12, 5, 15, 8,
    8, 5, 12, 9, 12, 5, 14, 6, 8, 13, 6, 5, 15, 13, 11, 11,
  ]
}
