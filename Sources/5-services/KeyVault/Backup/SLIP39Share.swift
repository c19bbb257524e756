public import Secrets

/// Why shares in words are not taken, or not made.
public enum SLIP39Error: Error, Hashable, Sendable {
  // One mnemonic.
  /// As many words as no mnemonic has: fewer than 20, more than the longest secret needs, or a number between two lengths.
  case wordCount(Int)
  case textSize(Int, limit: Int)
  /// Not a word of the list, or not letters; counted from zero.
  case unknownWord(at: Int)
  /// Some words are wrong, or in a wrong order.
  case checksum
  /// Bits that fill up the first word of the value are not zero.
  case padding
  /// It wants more groups than there are.
  case groupThreshold(Int, groups: Int)

  // Several of them together.
  case noShares
  /// They are not of one set: they differ in this.
  case mixed(SLIP39Heading.Field)
  /// Shares of one group say that different numbers of them are needed.
  case mixedMemberThresholds(group: Int)
  case mixedLengths
  case repeatedMember(group: Int, member: Int)
  case groupCount(Int, needed: Int)
  case memberCount(Int, needed: Int, group: Int)
  /// They come to a secret that does not fit its digest: one of them is of another set, or altered.
  case digest

  // Making them, and passphrases.
  /// Not 16 to 64 bytes, or an odd number.
  case secretSize(Int)
  /// A threshold of zero or above the number, more than 16, or several shares of which one alone is enough.
  case arrangement
  /// Only printable ASCII, so that every keyboard and every normal form gives the same bytes; at most 256.
  case passphrase
  case iterationExponent(Int, limit: Int)
  /// PBKDF2 did not run.
  case derivation
}

/// What a share says about itself and its set, before its value.
public struct SLIP39Heading: Hashable, Sendable {
  /// What all shares of a set have in common.
  public enum Field: Hashable, Sendable, CaseIterable {
    case identifier, isExtendable, iterationExponent, groupThreshold, groupCount
  }

  /// 15 random bits that name the set.
  public let identifier: UInt16
  /// Whether more shares of the same secret and passphrase can be made later under another identifier.
  public let isExtendable: Bool
  /// 10,000 · 2^this iterations of PBKDF2; 0 to 15.
  public let iterationExponent: UInt8
  public let groupThreshold: Int
  public let groupCount: Int
  /// From zero.
  public let groupIndex: Int
  public let memberThreshold: Int
  /// From zero.
  public let memberIndex: Int

  /// The first field in which the sets of two shares differ.
  func difference(from other: SLIP39Heading) -> Field? {
    if identifier != other.identifier { return .identifier }
    if isExtendable != other.isExtendable { return .isExtendable }
    if iterationExponent != other.iterationExponent { return .iterationExponent }
    if groupThreshold != other.groupThreshold { return .groupThreshold }
    if groupCount != other.groupCount { return .groupCount }
    return nil
  }

  /// What goes before the half of the secret in the salt of each round; nothing in extendable sets.
  var saltPrefix: [UInt8] {
    guard !isExtendable else { return [] }
    return [UInt8]("shamir".utf8) + [UInt8(identifier >> 8), UInt8(truncatingIfNeeded: identifier)]
  }

  /// Forty bits: identifier 15, extendable 1, exponent 4, then group index, group threshold − 1, group count − 1, member
  /// index and member threshold − 1, four each.
  var bits: UInt64 {
    var bits = UInt64(identifier) << 5 | (isExtendable ? 1 << 4 : 0) | UInt64(iterationExponent)
    for value in [groupIndex, groupThreshold - 1, groupCount - 1, memberIndex, memberThreshold - 1] {
      bits = bits << 4 | UInt64(value)
    }
    return bits
  }

  init(
    identifier: UInt16, isExtendable: Bool, iterationExponent: UInt8, groupThreshold: Int, groupCount: Int,
    groupIndex: Int, memberThreshold: Int, memberIndex: Int
  ) {
    self.identifier = identifier
    self.isExtendable = isExtendable
    self.iterationExponent = iterationExponent
    self.groupThreshold = groupThreshold
    self.groupCount = groupCount
    self.groupIndex = groupIndex
    self.memberThreshold = memberThreshold
    self.memberIndex = memberIndex
  }

  init(bits: UInt64) {
    func nibble(_ index: UInt64) -> Int { Int(bits >> (4 * index) & 15) }
    self.init(
      identifier: UInt16(bits >> 25 & 0x7fff), isExtendable: bits >> 24 & 1 == 1,
      iterationExponent: UInt8(bits >> 20 & 15), groupThreshold: nibble(3) + 1, groupCount: nibble(2) + 1,
      groupIndex: nibble(4), memberThreshold: nibble(0) + 1, memberIndex: nibble(1))
  }
}

/// One share of a secret as words (SLIP-0039).
public struct SLIP39Share: Sendable {
  /// Four words of heading, three of checksum.
  static let wordsBesideValue = 7
  public static let secretSizeMin = 16
  public static let secretSizeMax = 64
  public static let textSizeMax = 1_024

  public let heading: SLIP39Heading
  let value: SharedSecret

  init(heading: SLIP39Heading, value: SharedSecret) {
    self.heading = heading
    self.value = value
  }

  private static func wordCount(valueSize: Int) -> Int { wordsBesideValue + (valueSize * 8 + 9) / 10 }

  /// Reads words that are separated by spaces or line breaks; capital letters are taken for small ones. Wiping `mnemonic` is
  /// the caller's.
  ///
  /// - Throws: ``SLIP39Error``. The input is untrusted.
  public init(mnemonic: Span<UInt8>) throws(SLIP39Error) {
    guard mnemonic.count <= Self.textSizeMax else {
      throw .textSize(mnemonic.count, limit: Self.textSizeMax)
    }
    let longest = Self.wordCount(valueSize: Self.secretSizeMax)
    // Where words begin and end is seen on any screen; what they are is looked up without telling.
    let count = Self.countWords(mnemonic)
    guard count >= Self.wordCount(valueSize: Self.secretSizeMin), count <= longest else {
      throw .wordCount(count)
    }
    let paddingBits = 10 * (count - Self.wordsBesideValue) % 16
    guard paddingBits <= 8 else { throw .wordCount(count) }

    var words = WordNumbers(count: count)
    var next = 0
    var word: UInt64 = 0
    var length = 0
    for index in 0...mnemonic.count {
      let byte = index < mnemonic.count ? mnemonic[index] : 0x20
      if Self.isSpace(byte) {
        if length > 0 {
          guard let number = SLIP39Words.number(of: word) else { throw .unknownWord(at: next) }
          words[next] = number
          next += 1
        }
        word = 0
        length = 0
        continue
      }
      guard length < SLIP39Words.lengthMax else { throw .unknownWord(at: next) }
      // A letter's bit 5 is set in small ones; other bytes become what is in no word.
      word |= UInt64(byte | 0x20) << UInt64(56 - 8 * length)
      length += 1
    }

    var bits: UInt64 = 0
    for index in 0..<4 { bits = bits << 10 | UInt64(words[index]) }
    let heading = SLIP39Heading(bits: bits)
    guard SLIP39Checksum.holds(words, isExtendable: heading.isExtendable) else { throw .checksum }
    guard heading.groupThreshold <= heading.groupCount else {
      throw .groupThreshold(heading.groupThreshold, groups: heading.groupCount)
    }
    var padding: UInt8 = 0
    for bit in 0..<paddingBits { padding |= words.bit(40 + bit) }
    guard padding == 0 else { throw .padding }
    let size = (10 * (count - Self.wordsBesideValue) - paddingBits) / 8
    var value = SecretBytes(zeroed: size)
    for index in 0..<size {
      var byte: UInt8 = 0
      for bit in 0..<8 { byte = byte << 1 | words.bit(40 + paddingBits + 8 * index + bit) }
      value.set(byte, at: index)
    }
    self.heading = heading
    self.value = SharedSecret(value)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

  private static func countWords(_ text: Span<UInt8>) -> Int {
    var count = 0
    var isInWord = false
    for index in text.indices {
      let isLetter = !isSpace(text[index])
      if isLetter, !isInWord { count += 1 }
      isInWord = isLetter
    }
    return count
  }

  /// The words in ASCII, one space between them.
  public func mnemonic() -> SecretBytes {
    let count = Self.wordCount(valueSize: value.count)
    let paddingBits = 10 * (count - Self.wordsBesideValue) - 8 * value.count
    var words = WordNumbers(count: count)
    for index in 0..<4 {
      words[index] = UInt16(truncatingIfNeeded: heading.bits >> UInt64(30 - 10 * index) & 1023)
    }
    value.withSpan { (bytes: Span<UInt8>) in
      for index in bytes.indices {
        for bit in 0..<8 {
          words.put(bytes[index] >> UInt8(7 - bit) & 1, at: 40 + paddingBits + 8 * index + bit)
        }
      }
    }
    SLIP39Checksum.complete(&words, isExtendable: heading.isExtendable)
    var text = SecretBytes(zeroed: count * (SLIP39Words.lengthMax + 1))
    var length = 0
    for index in 0..<count {
      if index > 0 {
        text.set(0x20, at: length)
        length += 1
      }
      let word = SLIP39Words.word(words[index])
      for place in 0..<SLIP39Words.lengthMax {
        let letter = UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * place))
        if letter == 0 { break }
        text.set(letter, at: length)
        length += 1
      }
    }
    return text.slice(0..<length)
  }
}
