import Encodings
import Messages
import WireBytes

/// Reads members of JSON objects; a member that is not known, or not in its one form, is refused with its path.
enum StrictMembers {
  typealias Failure = PolicyDecodingError

  static func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : path + "." + name }

  static func object(
    _ json: JSONValue, path: String, known: Set<String>
  ) throws(Failure) -> [String: JSONValue] {
    guard let members = json.object else { throw .member(path: path, wanted: .object) }
    // Sorted, so that the same member is named every time.
    if let stranger = members.keys.filter({ !known.contains($0) }).sorted().first {
      throw .unknownMember(path: join(path, stranger))
    }
    return members
  }

  static func string(
    _ object: [String: JSONValue], _ name: String, path: String
  ) throws(Failure) -> String {
    guard let text = object[name]?.string else { throw .member(path: join(path, name), wanted: .string) }
    return text
  }

  static func hex(
    _ object: [String: JSONValue], _ name: String, path: String
  ) throws(Failure) -> [UInt8] {
    guard let text = object[name]?.string, text.hasPrefix("0x"), let bytes = try? Hex.decode(text) else {
      throw .member(path: join(path, name), wanted: .hex)
    }
    return bytes
  }

  /// 32 bytes in hex.
  static func word32(
    _ object: [String: JSONValue], _ name: String, path: String
  ) throws(Failure) -> Bytes32 {
    guard let word = try? Bytes32(try hex(object, name, path: path)) else {
      throw .member(path: join(path, name), wanted: .hex)
    }
    return word
  }

  static func domain(
    _ object: [String: JSONValue], _ name: String, path: String
  ) throws(Failure) -> DomainID {
    let text = try string(object, name, path: path)
    do { return try DomainID(text) } catch { throw .domain(path: join(path, name), error) }
  }

  static func word<Word: RawRepresentable>(
    _ object: [String: JSONValue], _ name: String, path: String
  ) throws(Failure) -> Word where Word.RawValue == String {
    guard let text = object[name]?.string, let word = Word(rawValue: text) else {
      throw .member(path: join(path, name), wanted: .word)
    }
    return word
  }

  static func integer<Value: FixedWidthInteger>(
    _ object: [String: JSONValue], _ name: String, path: String
  ) throws(Failure) -> Value {
    guard case .number(let text)? = object[name], text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      text == "0" || !text.hasPrefix("0"), let value = Value(text)
    else { throw .member(path: join(path, name), wanted: .integer) }
    return value
  }

  static func amount(
    _ object: [String: JSONValue], _ name: String, path: String
  ) throws(Failure) -> UInt256 {
    guard let text = object[name]?.string, text == "0" || !text.hasPrefix("0"),
      let value = UInt256(decimal: text)
    else { throw .member(path: join(path, name), wanted: .decimalText) }
    return value
  }
}
