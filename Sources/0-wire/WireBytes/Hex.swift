/// Why text is not hex.
public enum HexError: Error, Hashable, Sendable {
  /// An odd number of digits, not counting `0x`.
  case oddLength(Int)
  /// A byte that is no hex digit, at `offset` bytes from the start of the text.
  case digit(offset: Int)
  /// The bytes are not as many as wanted.
  case length(expected: Int, actual: Int)
}

/// Base 16, either case when reading, lower case when writing.
public enum Hex {
  private static let digits = [UInt8]("0123456789abcdef".utf8)

  /// Decodes `text`; a leading `0x` or `0X` is skipped, an empty text gives no bytes.
  public static func decode(_ text: String) throws(HexError) -> [UInt8] {
    let characters = text.utf8.span
    let start = characters.count >= 2 && characters[0] == 0x30 && characters[1] | 0x20 == 0x78 ? 2 : 0
    guard (characters.count - start).isMultiple(of: 2) else { throw .oddLength(characters.count - start) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity((characters.count - start) / 2)
    var offset = start
    while offset < characters.count {
      guard let high = value(characters[offset]) else { throw .digit(offset: offset) }
      guard let low = value(characters[offset + 1]) else { throw .digit(offset: offset + 1) }
      bytes.append(high << 4 | low)
      offset += 2
    }
    return bytes
  }

  /// Encodes `bytes` in lower case, after `prefix`.
  public static func encode(_ bytes: Span<UInt8>, prefix: String = "0x") -> String {
    var text = [UInt8](prefix.utf8)
    text.reserveCapacity(text.count + bytes.count * 2)
    for index in bytes.indices {
      text.append(digits[Int(bytes[index] >> 4)])
      text.append(digits[Int(bytes[index] & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Encodes `bytes` in lower case, after `prefix`.
  public static func encode(_ bytes: [UInt8], prefix: String = "0x") -> String {
    encode(bytes.span, prefix: prefix)
  }

  private static func value(_ character: UInt8) -> UInt8? {
    switch character {
    case 0x30...0x39: character - 0x30
    case 0x41...0x46: character - 0x41 + 10
    case 0x61...0x66: character - 0x61 + 10
    default: nil
    }
  }
}

extension FixedBytes {
  /// Decodes exactly `count` bytes of hex, with or without `0x`.
  public init(hex text: String) throws(HexError) {
    let bytes = try Hex.decode(text)
    guard bytes.count == count else { throw .length(expected: count, actual: bytes.count) }
    self.init(bytes.span, at: 0)
  }
}
