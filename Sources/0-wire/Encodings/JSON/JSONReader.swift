private import WireBytes

/// Why text is not JSON that we read. Offsets are bytes from the start of the text.
public enum JSONError: Error, Hashable, Sendable {
  /// The text is longer than `limit` bytes.
  case tooLarge(limit: Int, actual: Int)
  /// Arrays and objects are nested deeper than `limit`.
  case tooDeep(limit: Int, offset: Int)
  /// The text ends inside a value.
  case truncated(offset: Int)
  /// A byte that cannot stand here.
  case unexpected(offset: Int)
  /// A string with a bad escape, a lone surrogate, a control character or invalid UTF-8.
  case string(offset: Int)
  /// A number that is not in JSON's form.
  case number(offset: Int)
  /// An object names a member twice: readers disagree on which one counts, so neither does.
  case duplicateName(offset: Int)
  /// Something follows the value.
  case trailing(offset: Int)
}

/// Limits of a JSON text.
public struct JSONLimits: Hashable, Sendable {
  public let sizeBytes: Int
  public let depth: Int

  /// 64 MiB and 64 levels unless told otherwise.
  public init(sizeBytes: Int = 64 << 20, depth: Int = 64) {
    self.sizeBytes = sizeBytes
    self.depth = depth
  }
}

extension JSONValue {
  /// Decodes one JSON text (RFC 8259, UTF-8, no byte order mark) with nothing after it but white space.
  ///
  /// - Throws: ``JSONError``. The input is untrusted; no input traps.
  public init(decoding text: Span<UInt8>, limits: JSONLimits = JSONLimits()) throws(JSONError) {
    guard text.count <= limits.sizeBytes else {
      throw .tooLarge(limit: limits.sizeBytes, actual: text.count)
    }
    var reader = JSONReader(depthMax: limits.depth)
    self = try reader.value(text, depth: 0)
    reader.skipSpace(text)
    guard reader.offset == text.count else { throw .trailing(offset: reader.offset) }
  }

  /// Decodes one JSON text.
  public init(decoding text: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
    try self.init(decoding: text.span, limits: limits)
  }
}

/// A cursor that keeps only its offset; the text is passed to each call.
private struct JSONReader {
  var offset = 0
  let depthMax: Int

  init(depthMax: Int) { self.depthMax = depthMax }

  mutating func skipSpace(_ text: Span<UInt8>) {
    while offset < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[offset]) { offset += 1 }
  }

  mutating func value(_ text: Span<UInt8>, depth: Int) throws(JSONError) -> JSONValue {
    skipSpace(text)
    guard offset < text.count else { throw .truncated(offset: offset) }
    switch text[offset] {
    case UInt8(ascii: "{"): return try object(text, depth: depth + 1)
    case UInt8(ascii: "["): return try array(text, depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try string(text))
    case UInt8(ascii: "t"): return try literal(text, "true", .boolean(true))
    case UInt8(ascii: "f"): return try literal(text, "false", .boolean(false))
    case UInt8(ascii: "n"): return try literal(text, "null", .null)
    default: return .number(try number(text))
    }
  }

  private mutating func literal(
    _ text: Span<UInt8>, _ word: StaticString, _ value: JSONValue
  ) throws(JSONError) -> JSONValue {
    for character in word.description.utf8 {
      guard offset < text.count else { throw .truncated(offset: offset) }
      guard text[offset] == character else { throw .unexpected(offset: offset) }
      offset += 1
    }
    return value
  }

  private mutating func object(_ text: Span<UInt8>, depth: Int) throws(JSONError) -> JSONValue {
    guard depth <= depthMax else { throw .tooDeep(limit: depthMax, offset: offset) }
    offset += 1
    var members: [String: JSONValue] = [:]
    skipSpace(text)
    if try consume(text, UInt8(ascii: "}")) { return .object(members) }
    while true {
      skipSpace(text)
      let start = offset
      guard offset < text.count else { throw .truncated(offset: offset) }
      guard text[offset] == UInt8(ascii: "\"") else { throw .unexpected(offset: offset) }
      let name = try string(text)
      skipSpace(text)
      guard try consume(text, UInt8(ascii: ":")) else { throw .unexpected(offset: offset) }
      let member = try value(text, depth: depth)
      guard members.updateValue(member, forKey: name) == nil else { throw .duplicateName(offset: start) }
      skipSpace(text)
      if try consume(text, UInt8(ascii: ",")) { continue }
      guard try consume(text, UInt8(ascii: "}")) else { throw .unexpected(offset: offset) }
      return .object(members)
    }
  }

  private mutating func array(_ text: Span<UInt8>, depth: Int) throws(JSONError) -> JSONValue {
    guard depth <= depthMax else { throw .tooDeep(limit: depthMax, offset: offset) }
    offset += 1
    var elements: [JSONValue] = []
    skipSpace(text)
    if try consume(text, UInt8(ascii: "]")) { return .array(elements) }
    while true {
      elements.append(try value(text, depth: depth))
      skipSpace(text)
      if try consume(text, UInt8(ascii: ",")) { continue }
      guard try consume(text, UInt8(ascii: "]")) else { throw .unexpected(offset: offset) }
      return .array(elements)
    }
  }

  private mutating func consume(_ text: Span<UInt8>, _ character: UInt8) throws(JSONError) -> Bool {
    guard offset < text.count else { throw .truncated(offset: offset) }
    guard text[offset] == character else { return false }
    offset += 1
    return true
  }

  private mutating func number(_ text: Span<UInt8>) throws(JSONError) -> String {
    let start = offset
    func isDigit(_ index: Int) -> Bool { index < text.count && (0x30...0x39).contains(text[index]) }
    var end = offset
    if text[end] == UInt8(ascii: "-") { end += 1 }
    guard isDigit(end) else { throw end == start ? .unexpected(offset: start) : .number(offset: start) }
    let leadingZero = text[end] == 0x30
    let integerStart = end
    while isDigit(end) { end += 1 }
    guard !leadingZero || end == integerStart + 1 else { throw .number(offset: start) }
    if end < text.count, text[end] == UInt8(ascii: ".") {
      end += 1
      guard isDigit(end) else { throw .number(offset: start) }
      while isDigit(end) { end += 1 }
    }
    if end < text.count, text[end] | 0x20 == UInt8(ascii: "e") {
      end += 1
      if end < text.count, text[end] == UInt8(ascii: "+") || text[end] == UInt8(ascii: "-") { end += 1 }
      guard isDigit(end) else { throw .number(offset: start) }
      while isDigit(end) { end += 1 }
    }
    offset = end
    return String(decoding: [UInt8](copying: text.extracting(start..<end)), as: UTF8.self)
  }

  private mutating func string(_ text: Span<UInt8>) throws(JSONError) -> String {
    let start = offset
    offset += 1
    var bytes: [UInt8] = []
    while offset < text.count {
      let character = text[offset]
      offset += 1
      switch character {
      case UInt8(ascii: "\""):
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw .string(offset: start) }
        return decoded
      case UInt8(ascii: "\\"):
        bytes.append(contentsOf: String(Character(try escape(text))).utf8)
      case 0..<0x20:
        throw .string(offset: offset - 1)
      default:
        bytes.append(character)
      }
    }
    throw .truncated(offset: offset)
  }

  private mutating func escape(_ text: Span<UInt8>) throws(JSONError) -> Unicode.Scalar {
    guard offset < text.count else { throw .truncated(offset: offset) }
    let character = text[offset]
    offset += 1
    switch character {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(character)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default: throw .string(offset: offset - 1)
    }
    let start = offset
    var scalar = try codeUnit(text)
    if (0xd800..<0xdc00).contains(scalar) {
      guard offset + 1 < text.count, text[offset] == UInt8(ascii: "\\"), text[offset + 1] == UInt8(ascii: "u")
      else { throw .string(offset: start) }
      offset += 2
      let low = try codeUnit(text)
      guard (0xdc00..<0xe000).contains(low) else { throw .string(offset: start) }
      scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
    }
    guard let value = Unicode.Scalar(scalar) else { throw .string(offset: start) }
    return value
  }

  private mutating func codeUnit(_ text: Span<UInt8>) throws(JSONError) -> UInt32 {
    guard offset + 4 <= text.count else { throw .truncated(offset: offset) }
    var value: UInt32 = 0
    for index in offset..<(offset + 4) {
      guard let digit = Character(Unicode.Scalar(text[index])).hexDigitValue, text[index] < 0x80 else {
        throw .string(offset: index)
      }
      value = value << 4 | UInt32(digit)
    }
    offset += 4
    return value
  }
}
