import Digests
import WireBytes

/// Why text is not base 58. Offsets count bytes from the start of the text.
public enum Base58Error: Error, Hashable, Sendable {
  case character(offset: Int)
  /// The text or the bytes are over their maximum: the work grows with the square of the length.
  case overLimit(limit: Int, actual: Int)
  /// Too short for a checksum.
  case truncated(actual: Int)
  case checksum
}

/// Base 58 in Bitcoin's alphabet: each leading zero byte is a `1`, the rest is one big number.
///
/// Source: draft-msporny-base58-03; Bitcoin Core, src/base58.cpp.
public enum Base58 {
  /// The default bound on a text, above every address, key and transaction signature.
  public static let textMax = 512

  private static let alphabet = [UInt8]("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)
  /// The value of each ASCII character; 255 for none.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
  }()

  /// Decodes `text`.
  ///
  /// - Complexity: quadratic in the length, which `textMax` bounds.
  public static func decode(
    _ text: String, textMax: Int = Base58.textMax
  ) throws(Base58Error) -> [UInt8] {
    let characters = text.utf8.span
    guard characters.count <= textMax else { throw .overLimit(limit: textMax, actual: characters.count) }
    var zeroes = 0
    while zeroes < characters.count, characters[zeroes] == alphabet[0] { zeroes += 1 }
    // The number, least significant byte first.
    var number: [UInt8] = []
    for offset in zeroes..<characters.count {
      let value = values[Int(characters[offset])]
      guard value < 58 else { throw .character(offset: offset) }
      var carry = Int(value)
      for index in number.indices {
        carry += Int(number[index]) * 58
        number[index] = UInt8(truncatingIfNeeded: carry)
        carry >>= 8
      }
      if carry > 0 { number.append(UInt8(carry)) }
    }
    return [UInt8](repeating: 0, count: zeroes) + number.reversed()
  }

  /// Encodes `bytes`.
  ///
  /// - Complexity: quadratic in the length: for short values of ours.
  public static func encode(_ bytes: Span<UInt8>) -> String {
    var zeroes = 0
    while zeroes < bytes.count, bytes[zeroes] == 0 { zeroes += 1 }
    // Digits, least significant first.
    var digits: [UInt8] = []
    for offset in zeroes..<bytes.count {
      var carry = Int(bytes[offset])
      for index in digits.indices {
        carry += Int(digits[index]) << 8
        digits[index] = UInt8(carry % 58)
        carry /= 58
      }
      while carry > 0 {
        digits.append(UInt8(carry % 58))
        carry /= 58
      }
    }
    var text = [UInt8](repeating: alphabet[0], count: zeroes)
    for digit in digits.reversed() { text.append(alphabet[Int(digit)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Encodes `bytes`.
  public static func encode(_ bytes: [UInt8]) -> String { encode(bytes.span) }

  /// Decodes text with a checksum: the first four bytes of the double SHA-256 of what comes before.
  ///
  /// - Returns: the bytes without the checksum.
  public static func decodeCheck(
    _ text: String, textMax: Int = Base58.textMax
  ) throws(Base58Error) -> [UInt8] {
    let bytes = try decode(text, textMax: textMax)
    guard bytes.count >= 4 else { throw .truncated(actual: bytes.count) }
    let payload = [UInt8](bytes.dropLast(4))
    guard checksum(payload.span).elementsEqual(bytes.suffix(4)) else { throw .checksum }
    return payload
  }

  /// Encodes `bytes` with a checksum behind them.
  public static func encodeCheck(_ bytes: Span<UInt8>) -> String {
    var all = [UInt8](copying: bytes)
    all.append(contentsOf: checksum(bytes))
    return encode(all.span)
  }

  private static func checksum(_ bytes: Span<UInt8>) -> ArraySlice<UInt8> {
    let once = SHA256Hash.hash(bytes)
    return SHA256Hash.hash(once.span).array.prefix(4)
  }
}
