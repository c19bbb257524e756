/// A JSON value (RFC 8259). Numbers keep their literal text, so that no integer loses a digit.
public enum JSONValue: Hashable, Sendable {
  case null
  case boolean(Bool)
  /// The literal as written, which is a valid JSON number.
  case number(String)
  case string(String)
  case array([JSONValue])
  /// Names are unique; their order in the text is not kept.
  case object([String: JSONValue])
}

extension JSONValue {
  /// The member called `name` of an object; nil for anything else.
  public subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members[name]
  }

  /// The element at `index` of an array; nil for anything else or out of bounds.
  public subscript(index: Int) -> JSONValue? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  public var string: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  public var boolean: Bool? {
    guard case .boolean(let value) = self else { return nil }
    return value
  }

  public var array: [JSONValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  public var object: [String: JSONValue]? {
    guard case .object(let members) = self else { return nil }
    return members
  }

  public var isNull: Bool { self == .null }

  /// A number, or a string that holds one in decimal, as an integer of the wanted type.
  public func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> Value? {
    switch self {
    case .number(let text), .string(let text): Value(text)
    default: nil
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral {
  public init(stringLiteral value: String) { self = .string(value) }
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
  public init(integerLiteral value: Int) { self = .number(String(value)) }
}

extension JSONValue: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(dictionaryLiteral members: (String, JSONValue)...) {
    self = .object(Dictionary(members) { _, last in last })
  }
}
