import WireBytes

/// Why text is not base 64. Offsets count bytes from the start of the text.
public enum Base64Error: Error, Hashable, Sendable {
  /// A byte that is not in the alphabet; white space is none of it.
  case character(offset: Int)
  /// The text, or its part before the padding, has a length that no bytes give.
  case length(Int)
  /// Padding is missing, there where there should be none, or of the wrong length.
  case padding
  /// The unused bits of the last character are not zero.
  case trailingBits(offset: Int)
  /// The text is over its maximum.
  case overLimit(limit: Int, actual: Int)
}

/// Base 64 in both alphabets of RFC 4648, one text per byte string.
public struct Base64: Hashable, Sendable {
  public enum Alphabet: Hashable, Sendable {
    /// Section 4: `+` and `/`.
    case standard
    /// Section 5: `-` and `_`.
    case urlSafe
  }
  public enum Padding: Hashable, Sendable {
    case required
    case none
  }

  /// Section 4: padded.
  public static let standard = Base64(.standard, padding: .required)
  /// Section 5 without padding, as in JOSE (RFC 7515).
  public static let url = Base64(.urlSafe, padding: .none)
  /// The default bound on a text.
  public static let sizeBytesMax = 64 << 20

  public let alphabet: Alphabet
  public let padding: Padding

  public init(_ alphabet: Alphabet, padding: Padding) {
    self.alphabet = alphabet
    self.padding = padding
  }

  /// Decodes padded standard base 64.
  public static func decode(_ text: String) throws(Base64Error) -> [UInt8] { try standard.decode(text) }
  /// Encodes as padded standard base 64.
  public static func encode(_ bytes: Span<UInt8>) -> String { standard.encode(bytes) }
  /// Encodes as padded standard base 64.
  public static func encode(_ bytes: [UInt8]) -> String { standard.encode(bytes.span) }

  /// Decodes `text`.
  ///
  /// - Throws: ``Base64Error`` for white space, the other alphabet, padding that this form does not have, and bits
  ///   that are lost.
  public func decode(
    _ text: String, sizeBytesMax: Int = Base64.sizeBytesMax
  ) throws(Base64Error) -> [UInt8] {
    let characters = text.utf8.span
    guard characters.count <= sizeBytesMax else {
      throw .overLimit(limit: sizeBytesMax, actual: characters.count)
    }
    var end = characters.count
    while end > 0, characters[end - 1] == 0x3d { end -= 1 }
    let pads = characters.count - end
    switch padding {
    case .required:
      guard pads <= 2, characters.count.isMultiple(of: 4) else { throw .padding }
    case .none:
      guard pads == 0 else { throw .padding }
    }
    guard end % 4 != 1 else { throw .length(end) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(end * 3 / 4)
    var bits: UInt32 = 0
    var bitCount: UInt32 = 0
    for offset in 0..<end {
      guard let value = value(characters[offset]) else { throw .character(offset: offset) }
      bits = bits << 6 | UInt32(value)
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
        bits &= (1 << bitCount) - 1
      }
    }
    guard bits == 0 else { throw .trailingBits(offset: end - 1) }
    return bytes
  }

  /// Encodes `bytes`.
  public func encode(_ bytes: Span<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var bits: UInt32 = 0
    var bitCount: UInt32 = 0
    for index in bytes.indices {
      bits = bits << 8 | UInt32(bytes[index])
      bitCount += 8
      while bitCount >= 6 {
        bitCount -= 6
        text.append(character(UInt8(bits >> bitCount & 63)))
      }
      bits &= (1 << bitCount) - 1
    }
    if bitCount > 0 { text.append(character(UInt8(bits << (6 - bitCount) & 63))) }
    if padding == .required {
      while !text.count.isMultiple(of: 4) { text.append(0x3d) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  private func value(_ character: UInt8) -> UInt8? {
    switch character {
    case 0x41...0x5a: character - 0x41
    case 0x61...0x7a: character - 0x61 + 26
    case 0x30...0x39: character - 0x30 + 52
    case 0x2b where alphabet == .standard, 0x2d where alphabet == .urlSafe: 62
    case 0x2f where alphabet == .standard, 0x5f where alphabet == .urlSafe: 63
    default: nil
    }
  }

  private func character(_ value: UInt8) -> UInt8 {
    switch value {
    case 0..<26: 0x41 + value
    case 26..<52: 0x61 + value - 26
    case 52..<62: 0x30 + value - 52
    case 62: alphabet == .standard ? 0x2b : 0x2d
    default: alphabet == .standard ? 0x2f : 0x5f
    }
  }
}
