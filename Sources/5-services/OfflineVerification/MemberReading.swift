public import Encodings
public import WireBytes

/// Members of JSON input by dotted path, with errors that name the path.
extension JSONValue {
  /// The value at `path`; nil when a step of it is absent. Digits index arrays.
  public func member(_ path: String) -> JSONValue? {
    var value = self
    for name in path.split(separator: ".") {
      let next = if case .array = value { Int(name).flatMap { value[$0] } } else { value[String(name)] }
      guard let next else { return nil }
      value = next
    }
    return value
  }

  /// The hex bytes at `path`, with or without `0x`.
  public func hex(_ path: String) throws(InputError) -> [UInt8] {
    guard let text = member(path)?.string, let bytes = try? Hex.decode(text) else {
      throw .member(path: path, wanted: "a string of hex digits")
    }
    return bytes
  }

  /// Exactly `length` hex bytes at `path`.
  public func fixed<let length: Int>(
    _ path: String, _ type: FixedBytes<length>.Type = FixedBytes<length>.self
  ) throws(InputError) -> FixedBytes<length> {
    guard let text = member(path)?.string, let bytes = try? FixedBytes<length>(hex: text) else {
      throw .member(path: path, wanted: "a string of \(length) bytes in hex")
    }
    return bytes
  }

  /// An integer at `path`, as a number or as a decimal string.
  public func integer<Value: FixedWidthInteger>(
    _ path: String, _ type: Value.Type = Value.self
  ) throws(InputError) -> Value {
    guard let value = member(path)?.integer(Value.self) else {
      throw .member(path: path, wanted: "an integer")
    }
    return value
  }

  public func string(_ path: String) throws(InputError) -> String {
    guard let text = member(path)?.string else { throw .member(path: path, wanted: "a string") }
    return text
  }

  public func array(_ path: String) throws(InputError) -> [JSONValue] {
    guard let elements = member(path)?.array else { throw .member(path: path, wanted: "an array") }
    return elements
  }
}
