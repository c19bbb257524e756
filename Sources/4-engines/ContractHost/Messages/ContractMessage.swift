public import Encodings
private import WireBytes

/// Why JSON is not the message that it should be. Nested cases say where: the outermost member first.
public indirect enum MessageRefusal: Error, Hashable, Sendable {
  /// The text is not JSON within the limits.
  case json(JSONError)
  /// What is wrong lies in this member.
  case member(String, MessageRefusal)
  /// What is wrong lies in this element of an array.
  case element(Int, MessageRefusal)
  /// The value is of another type than `JSONType`.
  case type(expected: JSONType)
  /// A member that must be there is not.
  case missing(String)
  /// A member that we do not know, and which is not null: it could change what is asked for.
  case unknown(String)
  /// An enumeration is written as an object with exactly one member; this one has `count`.
  case variants(count: Int)
  /// A variant of no known name.
  case variant(String)
  /// Text that is not an integer in plain decimal, or over the range of the field.
  case number(String)
  /// Text that is not padded standard base 64.
  case base64(Base64Error)
  /// Text that is not hex of the wanted length.
  case hex
  /// An array over its limit.
  case elements(limit: Int, actual: Int)
  /// The payload of a submessage is over its limit.
  case payload(limit: Int, actual: Int)

  /// The types of JSON that fields have.
  public enum JSONType: Hashable, Sendable {
    case object, array, string, number, boolean
  }
}

/// Bounds on the JSON of messages.
public struct MessageLimits: Hashable, Sendable {
  /// Eight times what the Rust VM reads from a contract (CosmWasm packages/vm/src/calls.rs, 256 KiB).
  public static let sizeBytesMax = 2 << 20
  /// Half of what contracts' own decoder takes (serde-json-wasm since CWA-2024-001: 128).
  public static let depthMax = 64
  /// The most elements of any one array.
  public static let elementsMax = 65_536
  /// The most bytes that a submessage may hand to its own reply (wasmvm lib_libwasmvm.go, DeserializeResponse).
  public static let payloadBytesMax = 128 << 10

  static let json = JSONLimits(sizeBytes: sizeBytesMax, depth: depthMax)
}

/// A value that contracts are told or say, with its JSON (CosmWasm packages/std, wasmvm types).
public protocol ContractMessage: Hashable, Sendable {
  init(json: JSONValue) throws(MessageRefusal)
  /// The members in the order in which CosmWasm's own library writes them.
  var json: OrderedJSON { get }
}

extension ContractMessage {
  /// Decodes one JSON text.
  ///
  /// - Throws: ``MessageRefusal``. The input is untrusted; no input traps.
  public init(decoding text: Span<UInt8>) throws(MessageRefusal) {
    let json: JSONValue
    do { json = try JSONValue(decoding: text, limits: MessageLimits.json) } catch { throw .json(error) }
    try self.init(json: json)
  }

  /// Decodes one JSON text.
  public init(decoding text: [UInt8]) throws(MessageRefusal) { try self.init(decoding: text.span) }

  /// The compact JSON text.
  public func encoded() -> [UInt8] { json.encoded() }
}

/// Bytes, written as padded standard base 64.
public struct ContractBinary: ContractMessage {
  public let bytes: [UInt8]

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public init(json: JSONValue) throws(MessageRefusal) {
    guard let text = json.string else { throw .type(expected: .string) }
    do { bytes = try Base64.decode(text) } catch { throw .base64(error) }
  }

  public var json: OrderedJSON { .binary(bytes) }
}

/// Null, or the message.
extension Optional: ContractMessage where Wrapped: ContractMessage {
  public init(json: JSONValue) throws(MessageRefusal) {
    self = json.isNull ? nil : try Wrapped(json: json)
  }

  public var json: OrderedJSON { map { $0.json } ?? .null }
}

extension JSONValue {
  /// The one member of an object that stands for a variant.
  func variant() throws(MessageRefusal) -> (name: String, value: JSONValue) {
    guard case .object(let members) = self else { throw .type(expected: .object) }
    guard members.count == 1, let only = members.first else { throw .variants(count: members.count) }
    return (only.key, only.value)
  }

  /// All elements as messages.
  func elements<Element: ContractMessage>(_ type: Element.Type) throws(MessageRefusal) -> [Element] {
    guard case .array(let values) = self else { throw .type(expected: .array) }
    guard values.count <= MessageLimits.elementsMax else {
      throw .elements(limit: MessageLimits.elementsMax, actual: values.count)
    }
    var elements: [Element] = []
    elements.reserveCapacity(values.count)
    for (index, value) in values.enumerated() {
      do { elements.append(try Element(json: value)) } catch { throw .element(index, error) }
    }
    return elements
  }
}

/// The members of an object, taken one by one; what is left at the end must be null.
struct MessageFields {
  private var members: [String: JSONValue]

  init(_ json: JSONValue) throws(MessageRefusal) {
    guard case .object(let members) = json else { throw .type(expected: .object) }
    self.members = members
  }

  /// Nil when the member is absent or null.
  private mutating func take(_ name: String) -> JSONValue? {
    guard let value = members.removeValue(forKey: name), !value.isNull else { return nil }
    return value
  }

  private mutating func decode<Value>(
    _ name: String, _ body: (JSONValue) throws(MessageRefusal) -> Value
  ) throws(MessageRefusal) -> Value {
    guard let json = members.removeValue(forKey: name) else { throw .missing(name) }
    do { return try body(json) } catch { throw .member(name, error) }
  }

  private mutating func decodeOptional<Value>(
    _ name: String, _ body: (JSONValue) throws(MessageRefusal) -> Value
  ) throws(MessageRefusal) -> Value? {
    guard let json = take(name) else { return nil }
    do { return try body(json) } catch { throw .member(name, error) }
  }

  mutating func has(_ name: String) -> Bool { members[name].map { !$0.isNull } ?? false }
  mutating func json(_ name: String) throws(MessageRefusal) -> JSONValue {
    try decode(name) { (json) throws(MessageRefusal) in json }
  }

  mutating func string(_ name: String) throws(MessageRefusal) -> String { try decode(name, Self.string) }
  mutating func optionalString(_ name: String) throws(MessageRefusal) -> String? {
    try decodeOptional(name, Self.string)
  }
  mutating func number<Value: FixedWidthInteger & UnsignedInteger>(
    _ name: String, _ type: Value.Type = UInt64.self
  ) throws(MessageRefusal) -> Value {
    try decode(name) { (json) throws(MessageRefusal) in try Self.number(json, Value.self) }
  }
  mutating func optionalNumber<Value: FixedWidthInteger & UnsignedInteger>(
    _ name: String, _ type: Value.Type = UInt64.self
  ) throws(MessageRefusal) -> Value? {
    try decodeOptional(name) { (json) throws(MessageRefusal) in try Self.number(json, Value.self) }
  }
  /// An integer written as a decimal string.
  mutating func decimal(_ name: String) throws(MessageRefusal) -> UInt64 { try decode(name, Self.decimal) }
  mutating func optionalDecimal(_ name: String) throws(MessageRefusal) -> UInt64? {
    try decodeOptional(name, Self.decimal)
  }
  mutating func boolean(_ name: String) throws(MessageRefusal) -> Bool {
    try decode(name) { (json) throws(MessageRefusal) in
      guard let value = json.boolean else { throw .type(expected: .boolean) }
      return value
    }
  }
  mutating func binary(_ name: String) throws(MessageRefusal) -> [UInt8] {
    try value(name, ContractBinary.self).bytes
  }
  mutating func optionalBinary(_ name: String) throws(MessageRefusal) -> [UInt8]? {
    try optional(name, ContractBinary.self)?.bytes
  }
  mutating func value<Value: ContractMessage>(
    _ name: String, _ type: Value.Type = Value.self
  ) throws(MessageRefusal) -> Value {
    try decode(name) { (json) throws(MessageRefusal) in try Value(json: json) }
  }
  mutating func optional<Value: ContractMessage>(
    _ name: String, _ type: Value.Type = Value.self
  ) throws(MessageRefusal) -> Value? {
    try decodeOptional(name) { (json) throws(MessageRefusal) in try Value(json: json) }
  }
  mutating func array<Element: ContractMessage>(
    _ name: String, _ type: Element.Type = Element.self
  ) throws(MessageRefusal) -> [Element] {
    try decode(name) { (json) throws(MessageRefusal) in try json.elements(Element.self) }
  }

  /// Refuses members that were not asked for.
  func finish() throws(MessageRefusal) {
    let left = members.filter { !$0.value.isNull }.keys.min { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    if let left { throw .unknown(left) }
  }

  private static func string(_ json: JSONValue) throws(MessageRefusal) -> String {
    guard let text = json.string else { throw .type(expected: .string) }
    return text
  }

  private static func number<Value: FixedWidthInteger & UnsignedInteger>(
    _ json: JSONValue, _ type: Value.Type
  ) throws(MessageRefusal) -> Value {
    guard case .number(let text) = json else { throw .type(expected: .number) }
    guard let value: Value = plain(text) else { throw .number(text) }
    return value
  }

  private static func decimal(_ json: JSONValue) throws(MessageRefusal) -> UInt64 {
    let text = try string(json)
    guard let value: UInt64 = plain(text) else { throw .number(text) }
    return value
  }

  /// Digits alone, without a sign or a leading zero.
  private static func plain<Value: FixedWidthInteger>(_ text: String) -> Value? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), text == "0" || text.utf8.first != 0x30 else {
      return nil
    }
    return Value(text)
  }
}
