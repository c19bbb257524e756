public import Encodings

/// A JSON value whose members keep their order, as contracts and hosts of CosmWasm write them.
///
/// The text is compact; strings escape only what must be escaped, so that what a contract mirrors back is byte for byte
/// what its own library writes.
public indirect enum OrderedJSON: Hashable, Sendable {
  /// A named value of an object.
  public struct Member: Hashable, Sendable {
    public let name: String
    public let value: OrderedJSON

    public init(_ name: String, _ value: OrderedJSON) {
      self.name = name
      self.value = value
    }
  }

  case null
  case boolean(Bool)
  case number(UInt64)
  case string(String)
  case array([OrderedJSON])
  case object([Member])
  /// A value that we do not look into; its members come sorted by name.
  case unordered(JSONValue)

  /// Padded standard base 64.
  public static func binary(_ bytes: [UInt8]) -> OrderedJSON { .string(Base64.encode(bytes)) }
  /// Padded standard base 64, or null.
  public static func binary(_ bytes: [UInt8]?) -> OrderedJSON { bytes.map { .binary($0) } ?? .null }
  /// The text, or null.
  public static func text(_ text: String?) -> OrderedJSON { text.map { .string($0) } ?? .null }
  /// The number, or null.
  public static func number(_ number: UInt64?) -> OrderedJSON { number.map { .number($0) } ?? .null }
  /// The integer as a decimal string, as integers that may pass 53 bits are written.
  public static func decimal(_ number: UInt64) -> OrderedJSON { .string(String(number)) }
  /// An array of messages.
  public static func array(_ elements: [some ContractMessage]) -> OrderedJSON {
    .array(elements.map { $0.json })
  }

  /// The compact text in UTF-8.
  public func encoded() -> [UInt8] {
    var text: [UInt8] = []
    write(to: &text)
    return text
  }

  private func write(to text: inout [UInt8]) {
    switch self {
    case .null: text += "null".utf8
    case .boolean(let value): text += (value ? "true" : "false").utf8
    case .number(let number): text += String(number).utf8
    case .string(let string): Self.write(string, to: &text)
    case .unordered(let value): text += value.text().utf8
    case .array(let elements):
      text.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        element.write(to: &text)
      }
      text.append(UInt8(ascii: "]"))
    case .object(let members):
      text.append(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        Self.write(member.name, to: &text)
        text.append(UInt8(ascii: ":"))
        member.value.write(to: &text)
      }
      text.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ string: String, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): text += #"\""#.utf8
      case UInt8(ascii: "\\"): text += #"\\"#.utf8
      case UInt8(ascii: "\n"): text += #"\n"#.utf8
      case UInt8(ascii: "\r"): text += #"\r"#.utf8
      case UInt8(ascii: "\t"): text += #"\t"#.utf8
      case 0x08: text += #"\b"#.utf8
      case 0x0c: text += #"\f"#.utf8
      case 0..<0x20:
        text += (byte < 0x10 ? #"\u000"# : #"\u00"#).utf8
        text += String(byte, radix: 16).utf8
      default: text.append(byte)
      }
    }
    text.append(UInt8(ascii: "\""))
  }
}

extension OrderedJSON: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral {
  public init(stringLiteral value: String) { self = .string(value) }
  public init(dictionaryLiteral members: (String, OrderedJSON)...) {
    self = .object(members.map { Member($0.0, $0.1) })
  }
  public init(arrayLiteral elements: OrderedJSON...) { self = .array(elements) }
}
