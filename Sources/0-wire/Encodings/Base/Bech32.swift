import WireBytes

/// Why text is not Bech32. Offsets count bytes from the start of the text.
public enum Bech32Error: Error, Hashable, Sendable {
  /// A byte outside of printable ASCII, or not in the alphabet.
  case character(offset: Int)
  /// Upper and lower case in one text.
  case mixedCase
  /// There is no `1`, or nothing in front of it.
  case separator
  /// Fewer than six characters follow the separator.
  case truncated(actual: Int)
  /// The text is over its maximum.
  case overLimit(limit: Int, actual: Int)
  case checksum
  /// The groups of five bits do not make whole bytes, or the unused bits are not zero.
  case padding
  /// The part in front of the separator cannot be written: empty, over 83 characters, or not lower-case ASCII.
  case prefix
}

/// A human-readable prefix and five-bit groups under a BCH checksum.
///
/// Source: BIP-173 (Bech32), BIP-350 (Bech32m).
public struct Bech32: Hashable, Sendable {
  public enum Variant: Hashable, Sendable {
    case bech32
    case bech32m

    /// What the checksum of a right text comes to.
    fileprivate var constant: UInt32 {
      switch self {
      case .bech32: 1
      case .bech32m: 0x2bc8_30a3
      }
    }
  }

  /// BIP-173's bound on a text; Cosmos uses longer ones.
  public static let textMax = 90

  private static let alphabet = [UInt8]("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
  }()

  /// In lower case.
  public let prefix: String
  /// Groups of five bits, without the checksum.
  public let groups: [UInt8]
  public let variant: Variant

  /// A prefix and whole bytes.
  public init(prefix: String, bytes: Span<UInt8>, variant: Variant = .bech32) {
    self.prefix = prefix
    groups = Self.split(bytes)
    self.variant = variant
  }

  /// A prefix and groups, each below 32.
  public init(prefix: String, groups: [UInt8], variant: Variant) {
    precondition(groups.allSatisfy { $0 < 32 })
    self.prefix = prefix
    self.groups = groups
    self.variant = variant
  }

  /// Decodes `text` of either variant.
  ///
  /// - Parameter textMax: a longer text is refused; the checksum's promises hold up to 90 characters.
  public init(decoding text: String, textMax: Int = Bech32.textMax) throws(Bech32Error) {
    let characters = text.utf8.span
    guard characters.count <= textMax else { throw .overLimit(limit: textMax, actual: characters.count) }
    var hasLower = false
    var hasUpper = false
    var separator: Int?
    var lowered: [UInt8] = []
    lowered.reserveCapacity(characters.count)
    for offset in 0..<characters.count {
      let character = characters[offset]
      guard (33...126).contains(character) else { throw .character(offset: offset) }
      if (0x61...0x7a).contains(character) { hasLower = true }
      let isUpper = (0x41...0x5a).contains(character)
      if isUpper { hasUpper = true }
      if character == 0x31 { separator = offset }
      lowered.append(isUpper ? character | 0x20 : character)
    }
    guard !hasLower || !hasUpper else { throw .mixedCase }
    guard let separator, separator > 0 else { throw .separator }
    guard lowered.count - separator - 1 >= 6 else { throw .truncated(actual: lowered.count - separator - 1) }
    let values = Self.values
    var groups: [UInt8] = []
    groups.reserveCapacity(lowered.count - separator - 1)
    for offset in (separator + 1)..<lowered.count {
      let value = values[Int(lowered[offset])]
      guard value < 32 else { throw .character(offset: offset) }
      groups.append(value)
    }
    let prefix = String(decoding: lowered[..<separator], as: UTF8.self)
    switch Self.polymod(prefix, groups) {
    case Variant.bech32.constant: variant = .bech32
    case Variant.bech32m.constant: variant = .bech32m
    default: throw .checksum
    }
    self.prefix = prefix
    groups.removeLast(6)
    self.groups = groups
  }

  /// The groups as whole bytes.
  ///
  /// - Throws: ``Bech32Error/padding``.
  public func bytes() throws(Bech32Error) -> [UInt8] { try Self.join(groups[...]) }

  /// The text, in lower case.
  ///
  /// - Throws: ``Bech32Error/prefix``, ``Bech32Error/overLimit(limit:actual:)``.
  public func encoded(textMax: Int = Bech32.textMax) throws(Bech32Error) -> String {
    let prefix = self.prefix.utf8
    guard (1...83).contains(prefix.count),
      prefix.allSatisfy({ (33...126).contains($0) && !(0x41...0x5a).contains($0) })
    else { throw .prefix }
    let count = prefix.count + 1 + groups.count + 6
    guard count <= textMax else { throw .overLimit(limit: textMax, actual: count) }
    var check = Self.polymod(self.prefix, groups)
    for _ in 0..<6 { check = Self.step(check, 0) }
    check ^= variant.constant
    let alphabet = Self.alphabet
    var text: [UInt8] = []
    text.reserveCapacity(count)
    text.append(contentsOf: prefix)
    text.append(0x31)
    for group in groups { text.append(alphabet[Int(group)]) }
    for index in 0..<6 { text.append(alphabet[Int(check >> UInt32(5 * (5 - index)) & 31)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Groups of five bits as whole bytes; fewer than five bits, all zero, may be left over.
  public static func join(_ groups: ArraySlice<UInt8>) throws(Bech32Error) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(groups.count * 5 / 8)
    var bits: UInt32 = 0
    var bitCount: UInt32 = 0
    for group in groups {
      bits = bits << 5 | UInt32(group)
      bitCount += 5
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
        bits &= (1 << bitCount) - 1
      }
    }
    guard bitCount < 5, bits == 0 else { throw .padding }
    return bytes
  }

  /// Bytes as groups of five bits, the last one padded with zeroes.
  public static func split(_ bytes: Span<UInt8>) -> [UInt8] {
    var groups: [UInt8] = []
    groups.reserveCapacity((bytes.count * 8 + 4) / 5)
    var bits: UInt32 = 0
    var bitCount: UInt32 = 0
    for index in bytes.indices {
      bits = bits << 8 | UInt32(bytes[index])
      bitCount += 8
      while bitCount >= 5 {
        bitCount -= 5
        groups.append(UInt8(bits >> bitCount & 31))
      }
      bits &= (1 << bitCount) - 1
    }
    if bitCount > 0 { groups.append(UInt8(bits << (5 - bitCount) & 31)) }
    return groups
  }

  /// BIP-173, "Checksum", over the prefix as it is expanded there, and the groups.
  private static func polymod(_ prefix: String, _ groups: [UInt8]) -> UInt32 {
    var check: UInt32 = 1
    for character in prefix.utf8 { check = step(check, character >> 5) }
    check = step(check, 0)
    for character in prefix.utf8 { check = step(check, character & 31) }
    for group in groups { check = step(check, group) }
    return check
  }

  /// One more group: the generators of the bits that fall out are added, each masked by its bit.
  private static func step(_ check: UInt32, _ value: UInt8) -> UInt32 {
    let top = check >> 25
    var next = (check & 0x1ff_ffff) << 5 ^ UInt32(value)
    next ^= (0 &- (top & 1)) & 0x3b6a_57b2
    next ^= (0 &- (top >> 1 & 1)) & 0x2650_8e6d
    next ^= (0 &- (top >> 2 & 1)) & 0x1ea1_19fa
    next ^= (0 &- (top >> 3 & 1)) & 0x3d42_33dd
    next ^= (0 &- (top >> 4 & 1)) & 0x2a14_62b3
    return next
  }
}
