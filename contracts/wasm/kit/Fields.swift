/// Something that stands in messages or in storage as JSON.
protocol JSONCodable {
  init(json: JSON) throws(Refusal)
  var json: JSON { get }
}

/// The members of an object, each taken once; what is left over is refused by ``finish()``.
struct Fields {
  private var members: [(name: Text, value: JSON)]

  init(_ json: JSON) throws(Refusal) {
    members = try json.members()
  }

  @inline(never)
  private mutating func remove(_ name: StaticString) -> JSON? {
    for index in members.indices where members[index].name.equals(name) {
      return members.remove(at: index).value
    }
    return nil
  }

  @inline(never)
  mutating func json(_ name: StaticString) throws(Refusal) -> JSON {
    guard let value = remove(name) else { throw .missing(field: name) }
    return value
  }

  @inline(never)
  mutating func take<Value: JSONCodable>(
    _ name: StaticString, as type: Value.Type = Value.self
  ) throws(Refusal) -> Value {
    try Value(json: try json(name))
  }

  /// Nil when the member is absent or null.
  @inline(never)
  mutating func optional<Value: JSONCodable>(
    _ name: StaticString, as type: Value.Type = Value.self
  ) throws(Refusal) -> Value? {
    guard let json = remove(name) else { return nil }
    if json.isNull { return nil }
    return try Value(json: json)
  }

  func finish() throws(Refusal) {
    if let first = members.first { throw .unknown(field: first.name) }
  }
}

extension JSON {
  /// The one member of a message: its name and its fields.
  func variant() throws(Refusal) -> (name: Text, fields: Fields) {
    let only = try single()
    return (only.name, try Fields(only.value))
  }

  /// The one member of a value that may hold anything.
  @inline(never)
  func single() throws(Refusal) -> (name: Text, value: JSON) {
    let members = try members()
    guard members.count == 1 else { throw .message("") }
    return members[0]
  }
}

extension JSON: JSONCodable {
  init(json: JSON) throws(Refusal) { self = json }
  var json: JSON { self }
}

extension Text: JSONCodable {
  init(json: JSON) throws(Refusal) {
    self = try json.text()
  }
  var json: JSON { .string(self) }
}

extension Bool: JSONCodable {
  init(json: JSON) throws(Refusal) {
    switch json.encoded {
    case "true": self = true
    case "false": self = false
    default: throw .malformed("boolean")
    }
  }
  var json: JSON { JSON(known: (self ? "true" : "false" as StaticString).array) }
}

extension UInt64: JSONCodable {
  init(json: JSON) throws(Refusal) {
    guard let digits = json.digits, let wide = Uint128(decimal: digits),
      wide.value <= UInt128(UInt64.max)
    else { throw .malformed("number") }
    self = UInt64(truncatingIfNeeded: wide.value)
  }
  var json: JSON { JSON(known: Uint128(self).decimal.bytes) }
}

extension Uint128: JSONCodable {
  init(json: JSON) throws(Refusal) {
    guard let value = Uint128(decimal: try json.text()) else {
      throw .malformed("amount")
    }
    self = value
  }
  var json: JSON { .string(decimal) }
}

extension Array: JSONCodable where Element: JSONCodable {
  init(json: JSON) throws(Refusal) {
    self = []
    for element in try json.elements() { append(try Element(json: element)) }
  }
  var json: JSON { .array(map { $0.json }) }
}

/// Bytes: base64 in JSON.
struct Binary: JSONCodable {
  var bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }
  init(_ text: Text) { bytes = text.bytes }
  init(_ json: JSON) { bytes = json.encoded.bytes }

  init(json: JSON) throws(Refusal) {
    guard let bytes = Base64.decode(try json.text().bytes) else {
      throw .malformed("base64")
    }
    self.bytes = bytes
  }
  var json: JSON { .string(Base64.encode(bytes)) }
}

extension JSON {
  /// `null` for nil.
  init<Value: JSONCodable>(optional value: Value?) { self = value?.json ?? .null }
}
