import WireBytes

/// The message schedule of BLAKE2 (RFC 7693, section 2.7): ten permutations of sixteen words.
private let blake2Schedule: [[Int]] = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
]

/// The part of BLAKE2 that both word sizes share (RFC 7693, section 3), unkeyed. Public data only.
private struct BLAKE2<Word: FixedWidthInteger & UnsignedInteger & Sendable>: Sendable {
  let initial: [Word]
  let rounds: Int
  /// Rotations of the mixing function.
  let rotations: (Int, Int, Int, Int)

  private var blockLength: Int { Word.bitWidth * 2 }

  /// Eight words of state after all of `bytes`, for a digest of `Word.bitWidth` bytes.
  func state(_ bytes: Span<UInt8>) -> [Word] {
    var state = initial
    // Parameter block: digest length, no key, fan-out and depth one.
    state[0] ^= 0x0101_0000 ^ Word(Word.bitWidth)
    let blocks = max(1, (bytes.count + blockLength - 1) / blockLength)
    for block in 0..<blocks {
      let end = min(bytes.count, (block + 1) * blockLength)
      compress(&state, bytes, from: block * blockLength, to: end, isLast: block == blocks - 1)
    }
    return state
  }

  private func compress(
    _ state: inout [Word], _ bytes: Span<UInt8>, from start: Int, to end: Int, isLast: Bool
  ) {
    var message = [Word](repeating: 0, count: 16)
    let width = Word.bitWidth / 8
    for offset in start..<max(start, end) {
      let place = offset - start
      message[place / width] |= Word(bytes[offset]) << Word(place % width * 8)
    }
    var work = state + initial
    // The byte count fits the low word: inputs are bounded far below it.
    work[12] ^= Word(truncatingIfNeeded: end)
    if isLast { work[14] = ~work[14] }
    for round in 0..<rounds {
      let order = blake2Schedule[round % 10]
      mix(&work, 0, 4, 8, 12, message[order[0]], message[order[1]])
      mix(&work, 1, 5, 9, 13, message[order[2]], message[order[3]])
      mix(&work, 2, 6, 10, 14, message[order[4]], message[order[5]])
      mix(&work, 3, 7, 11, 15, message[order[6]], message[order[7]])
      mix(&work, 0, 5, 10, 15, message[order[8]], message[order[9]])
      mix(&work, 1, 6, 11, 12, message[order[10]], message[order[11]])
      mix(&work, 2, 7, 8, 13, message[order[12]], message[order[13]])
      mix(&work, 3, 4, 9, 14, message[order[14]], message[order[15]])
    }
    for index in 0..<8 { state[index] ^= work[index] ^ work[index + 8] }
  }

  private func mix(_ work: inout [Word], _ a: Int, _ b: Int, _ c: Int, _ d: Int, _ x: Word, _ y: Word) {
    work[a] = work[a] &+ work[b] &+ x
    work[d] = rotate(work[d] ^ work[a], rotations.0)
    work[c] = work[c] &+ work[d]
    work[b] = rotate(work[b] ^ work[c], rotations.1)
    work[a] = work[a] &+ work[b] &+ y
    work[d] = rotate(work[d] ^ work[a], rotations.2)
    work[c] = work[c] &+ work[d]
    work[b] = rotate(work[b] ^ work[c], rotations.3)
  }

  private func rotate(_ word: Word, _ bits: Int) -> Word {
    word >> Word(bits) | word << Word(Word.bitWidth - bits)
  }
}

/// BLAKE2b with a 64-byte digest (RFC 7693).
enum BLAKE2b {
  private static let core = BLAKE2<UInt64>(
    initial: [
      0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1,
      0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f, 0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179,
    ], rounds: 12, rotations: (32, 24, 16, 63))

  /// The hash of `bytes`.
  static func hash(_ bytes: Span<UInt8>) -> Bytes64 {
    let state = core.state(bytes)
    return Bytes64 { UInt8(truncatingIfNeeded: state[$0 / 8] >> UInt64($0 % 8 * 8)) }
  }
}

/// BLAKE2s with a 32-byte digest (RFC 7693).
enum BLAKE2s {
  private static let core = BLAKE2<UInt32>(
    initial: [
      0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ], rounds: 10, rotations: (16, 12, 8, 7))

  /// The hash of `bytes`.
  static func hash(_ bytes: Span<UInt8>) -> Bytes32 {
    let state = core.state(bytes)
    return Bytes32 { UInt8(truncatingIfNeeded: state[$0 / 4] >> UInt32($0 % 4 * 8)) }
  }
}
