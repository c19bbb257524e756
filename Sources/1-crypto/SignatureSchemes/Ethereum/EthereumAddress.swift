private import Digests
public import WireBytes

/// Ethereum addresses as text (EIP-55).
public enum EthereumAddress {
  /// Why a text is not an address.
  public enum TextError: Error, Hashable, Sendable {
    /// Not `0x` and 40 digits.
    case form
    /// A byte that is no hex digit, at `offset` bytes from the start of the text.
    case digit(offset: Int)
    /// Letters of both cases that are not the checksum; the first wrong one.
    case checksum(offset: Int)
  }

  /// `0x` and 40 digits whose letters are upper case where the hash of the lower-case text has a digit of 8 or more.
  public static func checksummed(_ address: Bytes20) -> String {
    var digits = [UInt8](Hex.encode(address.span, prefix: "").utf8)
    let hash = Keccak256.hash(digits)
    for index in digits.indices where digits[index] >= UInt8(ascii: "a") {
      let nibble = index.isMultiple(of: 2) ? hash[index / 2] >> 4 : hash[index / 2] & 15
      if nibble >= 8 { digits[index] &-= 0x20 }
    }
    return "0x" + String(decoding: digits, as: UTF8.self)
  }

  /// Reads `0x` and 40 digits: all letters of one case, or letters of both cases that are the checksum.
  ///
  /// - Throws: ``TextError``.
  public static func parse(_ text: String) throws(TextError) -> Bytes20 {
    let characters = [UInt8](text.utf8)
    guard characters.count == 42, characters[0] == 0x30, characters[1] == 0x78 else { throw .form }
    let address: Bytes20
    do { address = try Bytes20(hex: text) } catch {
      guard case .digit(let offset) = error else { throw .form }
      throw .digit(offset: offset)
    }
    let hasUpper = characters.dropFirst(2).contains { (0x41...0x46).contains($0) }
    let hasLower = characters.dropFirst(2).contains { (0x61...0x66).contains($0) }
    guard hasUpper, hasLower else { return address }
    let wanted = [UInt8](checksummed(address).utf8)
    for offset in characters.indices where characters[offset] != wanted[offset] {
      throw .checksum(offset: offset)
    }
    return address
  }
}
