import Encodings
import WireBytes

/// Values as the JSON-RPC of execution clients writes them, read in the one form that its specification allows.
///
/// - SeeAlso: execution-apis, `src/schemas/base-types.yaml`: quantities are `0x0` or without leading zeros, byte
///   strings have two digits a byte.
enum EVMJSON {
  /// Byte strings are bounded by the answer that holds them.
  static func bytes(_ value: JSONValue?) throws(AccessError) -> [UInt8] {
    guard let text = value?.string, text.hasPrefix("0x") else { throw .malformed }
    do { return try Hex.decode(text) } catch { throw .malformed }
  }

  static func fixed<let length: Int>(_ value: JSONValue?) throws(AccessError) -> FixedBytes<length> {
    let bytes = try bytes(value)
    do { return try FixedBytes<length>(bytes) } catch { throw .malformed }
  }

  static func hash(_ value: JSONValue?) throws(AccessError) -> Bytes32 { try fixed(value) }
  static func address(_ value: JSONValue?) throws(AccessError) -> Bytes20 { try fixed(value) }

  static func uint256(_ value: JSONValue?) throws(AccessError) -> UInt256 {
    guard let text = value?.string else { throw .malformed }
    let digits = Array(text.utf8)
    guard digits.count >= 3, digits.count <= 66, digits[0] == 0x30, digits[1] == 0x78,
      digits.count == 3 || digits[2] != 0x30
    else { throw .malformed }
    let padded = digits.count.isMultiple(of: 2) ? text : "0x0" + text.dropFirst(2)
    do {
      let bytes = try Hex.decode(padded)
      return try UInt256(bigEndian: bytes.span)
    } catch { throw .malformed }
  }

  static func uint64(_ value: JSONValue?) throws(AccessError) -> UInt64 {
    guard let number = try uint256(value).asUInt64 else { throw .malformed }
    return number
  }

  /// A storage value or key, which some clients write without leading zeros and others with all 32 bytes.
  static func word(_ value: JSONValue?) throws(AccessError) -> Bytes32 {
    guard let text = value?.string, text.hasPrefix("0x"), text.utf8.count <= 66 else { throw .malformed }
    let padded = text.utf8.count.isMultiple(of: 2) ? text : "0x0" + text.dropFirst(2)
    do {
      let bytes = try Hex.decode(padded)
      return try UInt256(bigEndian: bytes.span).bigEndian
    } catch { throw .malformed }
  }

  static func list(_ value: JSONValue?, max: Int) throws(AccessError) -> [JSONValue] {
    guard let list = value?.array else { throw .malformed }
    guard list.count <= max else { throw .tooLarge(max: max) }
    return list
  }

  /// A quantity, as calls give them.
  static func quantity(_ value: UInt256) -> JSONValue {
    let digits = Hex.encode(value.minimalBigEndian, prefix: "").drop { $0 == "0" }
    return .string("0x" + (digits.isEmpty ? "0" : digits))
  }

  static func quantity(_ value: UInt64) -> JSONValue { quantity(UInt256(value)) }
  static func text<let length: Int>(_ bytes: FixedBytes<length>) -> JSONValue { .string(bytes.description) }
  static func text(_ bytes: [UInt8]) -> JSONValue { .string(Hex.encode(bytes)) }
}
