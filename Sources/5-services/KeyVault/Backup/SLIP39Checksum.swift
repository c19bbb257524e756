internal import Secrets

/// The Reed-Solomon code over 1024 elements that ends every mnemonic (SLIP-0039, "Checksum"): three words that find any
/// three errors.
enum SLIP39Checksum {
  static let wordCount = 3

  private static let generator: [UInt32] = [
    0xe0e040, 0x1c1c080, 0x3838100, 0x7070200, 0xe0e0009, 0x1c0c2412, 0x38086c24, 0x3090fc48, 0x21b1f890,
    0x3f3f120,
  ]

  /// What binds a mnemonic to this format and to whether more shares may be made of the same secret.
  static func customization(isExtendable: Bool) -> [UInt8] {
    [UInt8]((isExtendable ? "shamir_extendable" : "shamir").utf8)
  }

  /// The remainder after the customization string and `words`; without branches on what the words are.
  private static func remainder(_ words: borrowing WordNumbers, count: Int, isExtendable: Bool) -> UInt32 {
    var state: UInt32 = 1
    func take(_ value: UInt32) {
      let top = state >> 20
      state = (state & 0xfffff) << 10 ^ value
      for bit in 0..<10 { state ^= generator[bit] & (0 &- (top >> UInt32(bit) & 1)) }
    }
    for byte in customization(isExtendable: isExtendable) { take(UInt32(byte)) }
    for index in 0..<count { take(UInt32(words[index])) }
    return state
  }

  static func holds(_ words: borrowing WordNumbers, isExtendable: Bool) -> Bool {
    remainder(words, count: words.count, isExtendable: isExtendable) == 1
  }

  /// Writes the last three words so that the code holds.
  static func complete(_ words: inout WordNumbers, isExtendable: Bool) {
    for index in (words.count - wordCount)..<words.count { words[index] = 0 }
    let rest = remainder(words, count: words.count, isExtendable: isExtendable) ^ 1
    for index in 0..<wordCount {
      words[words.count - 1 - index] = UInt16(truncatingIfNeeded: rest >> UInt32(10 * index) & 1023)
    }
  }
}

/// Numbers of words, ten bits each, in memory that is wiped.
struct WordNumbers: ~Copyable {
  private var bytes: SecretBytes
  let count: Int

  init(count: Int) {
    bytes = SecretBytes(zeroed: 2 * count)
    self.count = count
  }

  subscript(index: Int) -> UInt16 {
    get {
      bytes.withSpan { (span: Span<UInt8>) in UInt16(span[2 * index]) << 8 | UInt16(span[2 * index + 1]) }
    }
    set {
      bytes.set(UInt8(newValue >> 8), at: 2 * index)
      bytes.set(UInt8(truncatingIfNeeded: newValue), at: 2 * index + 1)
    }
  }

  /// Bit `index` of all the words in a row, the first word's highest bit first.
  func bit(_ index: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: self[index / 10] >> UInt16(9 - index % 10) & 1)
  }

  /// Sets bit `index`, which is zero, to `bit`.
  mutating func put(_ bit: UInt8, at index: Int) {
    self[index / 10] |= UInt16(bit & 1) << UInt16(9 - index % 10)
  }
}
