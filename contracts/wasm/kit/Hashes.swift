enum SHA256 {
  private static let constants: [UInt32] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
  ]

  @inline(never)
  static func hash(_ message: [UInt8]) -> [UInt8] {
    var state: [UInt32] = [
      0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    ]
    var padded = message
    padded.append(0x80)
    while padded.count % 64 != 56 { padded.append(0) }
    padded.append(bigEndian: UInt64(message.count) * 8)
    var words = [UInt32](repeating: 0, count: 64)
    var start = 0
    while start < padded.count {
      for index in 0..<16 {
        var word: UInt32 = 0
        for byte in 0..<4 { word = word << 8 | UInt32(padded[start + index * 4 + byte]) }
        words[index] = word
      }
      for index in 16..<64 {
        let (a, b) = (words[index - 15], words[index - 2])
        let small = turn(a, 7) ^ turn(a, 18) ^ (a >> 3)
        let large = turn(b, 17) ^ turn(b, 19) ^ (b >> 10)
        words[index] = words[index - 16] &+ small &+ words[index - 7] &+ large
      }
      var round = state
      for index in 0..<64 {
        let (a, e) = (round[0], round[4])
        let upper = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)
        let choice = (e & round[5]) ^ (~e & round[6])
        let first = round[7] &+ upper &+ choice &+ constants[index] &+ words[index]
        let lower = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)
        let second = lower &+ ((a & round[1]) ^ (a & round[2]) ^ (round[1] & round[2]))
        for place in stride(from: 7, to: 0, by: -1) { round[place] = round[place - 1] }
        round[4] = round[4] &+ first
        round[0] = first &+ second
      }
      for index in 0..<8 { state[index] = state[index] &+ round[index] }
      start += 64
    }
    var digest: [UInt8] = []
    for word in state { digest.append(bigEndian: word) }
    return digest
  }

  private static func turn(_ word: UInt32, _ count: UInt32) -> UInt32 {
    word >> count | word << (32 &- count)
  }
}

/// Keccak-256 as EVM chains have it: the padding is the one from before SHA-3.
enum Keccak256 {
  private static let constants: [UInt64] = [
    0x0000_0000_0000_0001, 0x0000_0000_0000_8082, 0x8000_0000_0000_808a, 0x8000_0000_8000_8000,
    0x0000_0000_0000_808b, 0x0000_0000_8000_0001, 0x8000_0000_8000_8081, 0x8000_0000_0000_8009,
    0x0000_0000_0000_008a, 0x0000_0000_0000_0088, 0x0000_0000_8000_8009, 0x0000_0000_8000_000a,
    0x0000_0000_8000_808b, 0x8000_0000_0000_008b, 0x8000_0000_0000_8089, 0x8000_0000_0000_8003,
    0x8000_0000_0000_8002, 0x8000_0000_0000_0080, 0x0000_0000_0000_800a, 0x8000_0000_8000_000a,
    0x8000_0000_8000_8081, 0x8000_0000_0000_8080, 0x0000_0000_8000_0001, 0x8000_0000_8000_8008,
  ]
  /// Where the word goes that is moved next, and how far it is turned on the way: one cycle through all but the first.
  private static let places: [UInt8] = [
    10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1,
  ]
  private static let turns: [UInt8] = [
    1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44,
  ]

  @inline(never)
  static func hash(_ message: [UInt8]) -> [UInt8] {
    var padded = message
    padded.push(1)
    while padded.count % 136 != 0 { padded.push(0) }
    padded[padded.count - 1] |= 0x80
    var state = [UInt64](repeating: 0, count: 25)
    for index in padded.indices {
      let place = index % 136
      state[place / 8] ^= UInt64(padded[index]) << UInt64(place % 8 * 8)
      if place == 135 { permute(&state) }
    }
    var digest: [UInt8] = []
    for index in 0..<4 { digest.append(littleEndian: state[index]) }
    return digest
  }

  @inline(never)
  private static func permute(_ state: inout [UInt64]) {
    var row = [UInt64](repeating: 0, count: 5)
    for constant in constants {
      for x in 0..<5 {
        row[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]
      }
      for x in 0..<5 {
        let parity = row[(x + 4) % 5] ^ turn(row[(x + 1) % 5], 1)
        for y in stride(from: 0, to: 25, by: 5) { state[x + y] ^= parity }
      }
      var moved = state[1]
      for index in 0..<24 {
        let place = Int(places[index])
        let next = state[place]
        state[place] = turn(moved, UInt64(turns[index]))
        moved = next
      }
      for y in stride(from: 0, to: 25, by: 5) {
        for x in 0..<5 { row[x] = state[x + y] }
        for x in 0..<5 { state[x + y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]) }
      }
      state[0] ^= constant
    }
  }

  private static func turn(_ word: UInt64, _ count: UInt64) -> UInt64 {
    word << count | word >> (64 &- count)
  }
}

/// BIP-173, as accounts are written: lower case, no other variant.
enum Bech32 {
  private static let alphabet: StaticString = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

  private static func checksum(_ prefix: [UInt8], _ words: [UInt8]) -> UInt32 {
    var state: UInt32 = 1
    for byte in prefix { step(&state, byte >> 5) }
    step(&state, 0)
    for byte in prefix { step(&state, byte & 31) }
    for word in words { step(&state, word) }
    return state
  }

  private static func step(_ state: inout UInt32, _ word: UInt8) {
    let top = state >> 25
    state = (state & 0x1ff_ffff) << 5 ^ UInt32(word)
    let generators: [UInt32] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3]
    for index in 0..<5 where top >> UInt32(index) & 1 == 1 { state ^= generators[index] }
  }

  /// The human-readable part of an address; nil where there is none.
  static func prefix(of text: Text) -> [UInt8]? {
    for index in stride(from: text.count - 1, to: 0, by: -1) where text.bytes[index] == 0x31 {
      return Array(text.bytes[0..<index])
    }
    return nil
  }

  static func encode(prefix: [UInt8], _ bytes: [UInt8]) -> Text {
    var words: [UInt8] = []
    var held: UInt32 = 0
    var bits: UInt32 = 0
    for byte in bytes {
      held = (held << 8 | UInt32(byte)) & 0xfff
      bits += 8
      while bits >= 5 {
        bits -= 5
        words.append(UInt8(truncatingIfNeeded: held >> bits & 31))
      }
    }
    if bits > 0 { words.append(UInt8(truncatingIfNeeded: held << (5 - bits) & 31)) }
    let sum = checksum(prefix, words + [0, 0, 0, 0, 0, 0]) ^ 1
    for index in 0..<6 { words.append(UInt8(truncatingIfNeeded: sum >> UInt32(5 * (5 - index)) & 31)) }
    var text = prefix
    text.append(0x31)
    for word in words { text.append(alphabet.utf8Start[Int(word)]) }
    return Text(text)
  }

  /// The bytes of an address; nil for wrong checksums, upper case and padding that is not zero.
  static func decode(_ text: Text) -> [UInt8]? {
    guard text.count <= 90, let prefix = prefix(of: text) else { return nil }
    for byte in prefix where byte < 33 || byte > 126 || (byte >= 65 && byte <= 90) { return nil }
    var words: [UInt8] = []
    for character in text.bytes.dropFirst(prefix.count + 1) {
      var found: UInt8?
      for index in 0..<32 where alphabet.utf8Start[index] == character { found = UInt8(index) }
      guard let found else { return nil }
      words.append(found)
    }
    guard words.count >= 6, checksum(prefix, words) == 1 else { return nil }
    var bytes: [UInt8] = []
    var held: UInt32 = 0
    var bits: UInt32 = 0
    for word in words.dropLast(6) {
      held = (held << 5 | UInt32(word)) & 0xfff
      bits += 5
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: held >> bits & 0xff))
      }
    }
    guard bits < 5, held & ((1 << bits) - 1) == 0 else { return nil }
    return bytes
  }
}
