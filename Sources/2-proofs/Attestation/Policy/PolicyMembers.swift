public import Encodings
import WireBytes

/// Reads members of JSON objects of policies; what is not known, or not in its one form, is refused with its path.
public enum PolicyMembers {
  public typealias Failure = AttestationPolicyError

  public static func join(_ path: String, _ name: String) -> String {
    path.isEmpty ? name : path + "." + name
  }

  public static func object(
    _ json: JSONValue, path: String, known: Set<String>
  ) throws(Failure) -> [String: JSONValue] {
    guard let members = json.object else { throw .member(path: path, wanted: .object) }
    // Sorted, so that the same member is named every time.
    if let stranger = members.keys.filter({ !known.contains($0) }).sorted().first {
      throw .unknownMember(path: join(path, stranger))
    }
    return members
  }

  /// The value of a member that may be absent; `null` counts as a wrong form, not as absent.
  public static func optional<Value>(
    _ object: [String: JSONValue], _ name: String, _ read: (String) throws(Failure) -> Value
  ) throws(Failure) -> Value? {
    object[name] == nil ? nil : try read(name)
  }

  /// A member of the root object that may be absent.
  public static func part<Value>(
    _ object: [String: JSONValue], _ name: String, _ read: (JSONValue, String) throws(Failure) -> Value
  ) throws(Failure) -> Value? {
    guard let json = object[name] else { return nil }
    return try read(json, name)
  }

  public static func string(
    _ object: [String: JSONValue], _ name: String, path: String
  ) throws(Failure) -> String {
    guard let text = object[name]?.string else { throw .member(path: join(path, name), wanted: .string) }
    return text
  }

  public static func boolean(
    _ object: [String: JSONValue], _ name: String, path: String
  ) throws(Failure) -> Bool {
    guard let value = object[name]?.boolean else { throw .member(path: join(path, name), wanted: .boolean) }
    return value
  }

  /// A boolean that is false when absent, and must not be written when it is false.
  public static func flag(
    _ object: [String: JSONValue], _ name: String, path: String
  ) throws(Failure) -> Bool {
    guard let value = object[name] else { return false }
    guard let flag = value.boolean else { throw .member(path: join(path, name), wanted: .boolean) }
    return flag
  }

  /// Bytes in lower-case hex after `0x`.
  public static func hex(_ json: JSONValue?, path: String) throws(Failure) -> [UInt8] {
    guard let text = json?.string, text.hasPrefix("0x"), let bytes = try? Hex.decode(text),
      Hex.encode(bytes) == text
    else { throw .member(path: path, wanted: .hex) }
    return bytes
  }

  public static func hex(
    _ object: [String: JSONValue], _ name: String, path: String, lengths: ClosedRange<Int>
  ) throws(Failure) -> [UInt8] {
    let here = join(path, name)
    let bytes = try hex(object[name], path: here)
    guard lengths.contains(bytes.count) else {
      throw .length(path: here, expected: lengths.lowerBound, actual: bytes.count)
    }
    return bytes
  }

  /// A list of byte strings of one of the lengths, without duplicates; absent is `.array`.
  public static func hexList(
    _ object: [String: JSONValue], _ name: String, path: String, lengths: ClosedRange<Int>,
    countMax: Int = 256
  ) throws(Failure) -> [[UInt8]] {
    let here = join(path, name)
    var list: [[UInt8]] = []
    for (index, element) in try array(object, name, path: path, countMax: countMax).enumerated() {
      let at = join(here, String(index))
      let bytes = try hex(element, path: at)
      guard lengths.contains(bytes.count) else {
        throw .length(path: at, expected: lengths.lowerBound, actual: bytes.count)
      }
      guard !list.contains(bytes) else { throw .duplicate(path: at) }
      list.append(bytes)
    }
    return list
  }

  public static func array(
    _ object: [String: JSONValue], _ name: String, path: String, countMax: Int = 256
  ) throws(Failure) -> [JSONValue] {
    guard let elements = object[name]?.array else { throw .member(path: join(path, name), wanted: .array) }
    guard elements.count <= countMax else {
      throw .count(path: join(path, name), limit: countMax, actual: elements.count)
    }
    return elements
  }

  /// A list of strings without duplicates.
  public static func strings(
    _ object: [String: JSONValue], _ name: String, path: String, countMax: Int = 256
  ) throws(Failure) -> [String] {
    let here = join(path, name)
    var list: [String] = []
    for (index, element) in try array(object, name, path: path, countMax: countMax).enumerated() {
      guard let text = element.string else { throw .member(path: join(here, String(index)), wanted: .string) }
      guard !list.contains(text) else { throw .duplicate(path: join(here, String(index))) }
      list.append(text)
    }
    return list
  }

  /// A number without sign, fraction, exponent or leading zero, in `range`.
  public static func integer<Value: FixedWidthInteger>(
    _ object: [String: JSONValue], _ name: String, path: String, in range: ClosedRange<Value>
  ) throws(Failure) -> Value {
    let here = join(path, name)
    guard case .number(let text)? = object[name], text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      text == "0" || !text.hasPrefix("0"), let value = Value(text)
    else { throw .member(path: here, wanted: .integer) }
    guard range.contains(value) else {
      throw .range(
        path: here, least: Int64(clamping: range.lowerBound), most: Int64(clamping: range.upperBound))
    }
    return value
  }

  public static func word<Word: RawRepresentable>(
    _ object: [String: JSONValue], _ name: String, path: String
  ) throws(Failure) -> Word where Word.RawValue == String {
    guard let text = object[name]?.string, let word = Word(rawValue: text) else {
      throw .member(path: join(path, name), wanted: .word)
    }
    return word
  }

  /// A list of words without duplicates.
  public static func words<Word: RawRepresentable & Hashable>(
    _ object: [String: JSONValue], _ name: String, path: String
  ) throws(Failure) -> [Word] where Word.RawValue == String {
    let here = join(path, name)
    var list: [Word] = []
    for (index, text) in try strings(object, name, path: path).enumerated() {
      guard let word = Word(rawValue: text) else {
        throw .member(path: join(here, String(index)), wanted: .word)
      }
      list.append(word)
    }
    return list
  }
}
