/// Why bytes are no JSON.
enum JSONFault {
  case size
  case depth
  case character
  case end
  case number
  case string
  case duplicate
  case trailing

  var words: StaticString {
    switch self {
    case .size: "too long"
    case .depth: "too deep"
    case .character: "unexpected character"
    case .end: "ended early"
    case .number: "no number"
    case .string: "no string"
    case .duplicate: "member twice"
    case .trailing: "trailing bytes"
    }
  }
}

/// A JSON value as its own text, checked once when it came from outside; its members are looked up when they are
/// asked for. Numbers keep their digits: nothing here is a float.
struct JSON {
  let bytes: [UInt8]

  /// What a message may have, in bytes, and in arrays and objects inside each other.
  static let sizeMax = 1 << 20
  static let depthMax = 32

  /// Text that is JSON already.
  init(known bytes: [UInt8]) { self.bytes = bytes }

  var encoded: Text { Text(bytes) }
  var isNull: Bool { Text(bytes).equals("null") }
  static var null: JSON { JSON(known: ("null" as StaticString).array) }
}

// MARK: Writing

extension JSON: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral {
  @inline(never)
  init(dictionaryLiteral members: (Text, JSON)...) {
    var bytes: [UInt8] = [0x7b]
    for index in members.indices {
      if index > 0 { bytes.push(0x2c) }
      Self.write(members[index].0, to: &bytes)
      bytes.push(0x3a)
      bytes.push(members[index].1.bytes)
    }
    bytes.push(0x7d)
    self.bytes = bytes
  }

  init(arrayLiteral elements: JSON...) { self = .array(elements) }
  init(stringLiteral literal: StaticString) { self = .string(Text(stringLiteral: literal)) }

  @inline(never)
  static func array(_ elements: [JSON]) -> JSON {
    var bytes: [UInt8] = [0x5b]
    for index in elements.indices {
      if index > 0 { bytes.push(0x2c) }
      bytes.push(elements[index].bytes)
    }
    bytes.push(0x5d)
    return JSON(known: bytes)
  }

  @inline(never)
  static func string(_ text: Text) -> JSON {
    var bytes: [UInt8] = []
    write(text, to: &bytes)
    return JSON(known: bytes)
  }

  private static func write(_ text: Text, to bytes: inout [UInt8]) {
    bytes.push(0x22)
    var start = 0
    for index in text.bytes.indices {
      let byte = text.bytes[index]
      guard byte < 0x20 || byte == 0x22 || byte == 0x5c || byte == 0x7f else { continue }
      bytes.push(Array(text.bytes[start..<index]))
      start = index + 1
      bytes.push(0x5c)
      if byte == 0x22 || byte == 0x5c {
        bytes.push(byte)
      } else {
        bytes.push("u00" as StaticString)
        bytes.push(Hex.digit(byte >> 4))
        bytes.push(Hex.digit(byte & 15))
      }
    }
    bytes.push(start == 0 ? text.bytes : Array(text.bytes[start...]))
    bytes.push(0x22)
  }
}

// MARK: Reading

extension JSON {
  /// Checks that `bytes` are exactly one value.
  init(decoding bytes: [UInt8]) throws(Refusal) {
    guard bytes.count <= Self.sizeMax else { throw .json(.size, offset: bytes.count) }
    var reader = JSONReader(bytes: bytes)
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.offset == bytes.count else { throw .json(.trailing, offset: reader.offset) }
    self.bytes = value.isEmpty ? bytes : Array(bytes[value])
  }

  /// The members of an object, in their order.
  func members() throws(Refusal) -> [(name: Text, value: JSON)] {
    guard bytes.first == 0x7b else { throw .malformed("object") }
    var reader = JSONReader(bytes: bytes)
    var members: [(name: Text, value: JSON)] = []
    var isMore = try reader.open(closing: 0x7d)
    while isMore {
      let name = try reader.string()
      try reader.colon()
      members.append((name: name, value: JSON(known: Array(bytes[try reader.value(depth: 0)]))))
      isMore = try reader.separator(closing: 0x7d)
    }
    return members
  }

  /// The elements of an array.
  func elements() throws(Refusal) -> [JSON] {
    guard bytes.first == 0x5b else { throw .malformed("array") }
    var reader = JSONReader(bytes: bytes)
    var elements: [JSON] = []
    var isMore = try reader.open(closing: 0x5d)
    while isMore {
      elements.append(JSON(known: Array(bytes[try reader.value(depth: 0)])))
      isMore = try reader.separator(closing: 0x5d)
    }
    return elements
  }

  func text() throws(Refusal) -> Text {
    guard bytes.first == 0x22 else { throw .malformed("string") }
    var reader = JSONReader(bytes: bytes)
    return try reader.string()
  }

  /// The digits of a whole number that is not negative.
  var digits: Text? {
    for byte in bytes where byte < 48 || byte > 57 { return nil }
    return Text(bytes)
  }
}

/// Goes through JSON from its beginning; everything is checked on the way.
struct JSONReader {
  let bytes: [UInt8]
  var offset = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// Zero at the end, which no JSON holds outside of strings.
  private var byte: UInt8 { offset < bytes.count ? bytes[offset] : 0 }

  @inline(never)
  private func fault(_ fault: JSONFault) -> Refusal {
    .json(offset < bytes.count ? fault : .end, offset: offset)
  }

  @inline(never)
  mutating func skipSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x0a, 0x0d, 0x09: offset += 1
      default: return
      }
    }
  }

  @inline(never)
  private mutating func word(_ word: StaticString) throws(Refusal) {
    for index in 0..<word.utf8CodeUnitCount {
      guard byte == word.utf8Start[index] else { throw fault(.character) }
      offset += 1
    }
  }

  /// Goes past one value; gives where it stands.
  mutating func value(depth: Int) throws(Refusal) -> Range<Int> {
    skipSpace()
    let start = offset
    guard depth < JSON.depthMax else { throw fault(.depth) }
    switch byte {
    case 0x7b:
      var names: [Text] = []
      var isMore = try open(closing: 0x7d)
      while isMore {
        let name = try string()
        for known in names where known == name { throw fault(.duplicate) }
        names.append(name)
        try colon()
        _ = try value(depth: depth + 1)
        isMore = try separator(closing: 0x7d)
      }
    case 0x5b:
      var isMore = try open(closing: 0x5d)
      while isMore {
        _ = try value(depth: depth + 1)
        isMore = try separator(closing: 0x5d)
      }
    case 0x22: try skipString()
    case 0x74: try word("true")
    case 0x66: try word("false")
    case 0x6e: try word("null")
    case 0x2d, 0x30...0x39: try number()
    default: throw fault(.character)
    }
    return start..<offset
  }

  /// Behind the bracket; whether there is anything inside.
  @inline(never)
  mutating func open(closing bracket: UInt8) throws(Refusal) -> Bool {
    offset += 1
    skipSpace()
    guard byte == bracket else { return true }
    offset += 1
    return false
  }

  /// Behind a comma, or behind the bracket: whether more follows.
  @inline(never)
  mutating func separator(closing bracket: UInt8) throws(Refusal) -> Bool {
    skipSpace()
    if byte == bracket {
      offset += 1
      return false
    }
    try word(",")
    skipSpace()
    return true
  }

  mutating func colon() throws(Refusal) {
    skipSpace()
    try word(":")
  }

  @inline(never)
  private mutating func digits() throws(Refusal) {
    let start = offset
    while byte >= 0x30, byte <= 0x39 { offset += 1 }
    guard offset > start else { throw fault(.number) }
  }

  private mutating func number() throws(Refusal) {
    if byte == 0x2d { offset += 1 }
    if byte == 0x30 { offset += 1 } else { try digits() }
    if byte == 0x2e {
      offset += 1
      try digits()
    }
    if byte | 0x20 == 0x65 {
      offset += 1
      if byte == 0x2b || byte == 0x2d { offset += 1 }
      try digits()
    }
  }

  /// A string without its quotation marks and escapes.
  @inline(never)
  mutating func string() throws(Refusal) -> Text {
    let start = offset + 1
    if try skipPlain() { return Text(Array(bytes[start..<(offset - 1)])) }
    var text = Array(bytes[start..<offset])
    while true {
      let byte = byte
      switch byte {
      case 0x22:
        offset += 1
        return Text(text)
      case 0x5c:
        offset += 1
        try escape(into: &text)
      case 0..<0x20: throw fault(.string)
      case 0x20..<0x80:
        text.push(byte)
        offset += 1
      default: try sequence(byte, into: &text)
      }
    }
  }

  /// Goes to the end of a string; when it is not plain, to the first byte that is not.
  @inline(never)
  private mutating func skipPlain() throws(Refusal) -> Bool {
    guard byte == 0x22 else { throw fault(.character) }
    offset = bytes.withUnsafeBufferPointer { buffer in
      var index = offset + 1
      while index < buffer.count {
        let byte = buffer[index]
        if byte == 0x22 || byte == 0x5c || byte < 0x20 || byte >= 0x80 { break }
        index += 1
      }
      return index
    }
    guard byte == 0x22 else { return false }
    offset += 1
    return true
  }

  private mutating func skipString() throws(Refusal) {
    let start = offset
    if try skipPlain() { return }
    offset = start
    _ = try string()
  }

  /// One character beyond ASCII: shortest form, no surrogate, at most U+10FFFF.
  private mutating func sequence(_ first: UInt8, into text: inout [UInt8]) throws(Refusal) {
    var lowest: UInt8 = 0x80
    var highest: UInt8 = 0xbf
    let count: Int
    switch first {
    case 0xc2...0xdf: count = 1
    case 0xe0...0xef: count = 2
    case 0xf0...0xf4: count = 3
    default: throw fault(.string)
    }
    switch first {
    case 0xe0: lowest = 0xa0
    case 0xed: highest = 0x9f
    case 0xf0: lowest = 0x90
    case 0xf4: highest = 0x8f
    default: break
    }
    text.push(first)
    offset += 1
    for _ in 0..<count {
      guard byte >= lowest, byte <= highest else { throw fault(.string) }
      text.push(byte)
      offset += 1
      (lowest, highest) = (0x80, 0xbf)
    }
  }

  private mutating func escape(into text: inout [UInt8]) throws(Refusal) {
    let byte = byte
    offset += 1
    switch byte {
    case 0x22, 0x5c, 0x2f: text.push(byte)
    case 0x62: text.push(8)
    case 0x66: text.push(12)
    case 0x6e: text.push(10)
    case 0x72: text.push(13)
    case 0x74: text.push(9)
    case 0x75:
      var scalar = try quartet()
      if scalar & 0xf800 == 0xd800 {
        try word("\\u")
        let low = try quartet()
        guard scalar < 0xdc00, low & 0xfc00 == 0xdc00 else { throw fault(.string) }
        scalar = 0x10000 + ((scalar - 0xd800) << 10) + (low - 0xdc00)
      }
      Self.append(scalar, to: &text)
    default: throw fault(.string)
    }
  }

  @inline(never)
  private mutating func quartet() throws(Refusal) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Hex.value(byte) else { throw fault(.string) }
      value = value << 4 | UInt32(digit)
      offset += 1
    }
    return value
  }

  private static func append(_ scalar: UInt32, to text: inout [UInt8]) {
    if scalar < 0x80 { return text.push(UInt8(truncatingIfNeeded: scalar)) }
    // How many bytes follow, and what marks the first.
    let (count, mark): (UInt32, UInt32) =
      scalar < 0x800 ? (1, 0xc0) : scalar < 0x10000 ? (2, 0xe0) : (3, 0xf0)
    text.push(UInt8(truncatingIfNeeded: mark | scalar >> (6 * count)))
    for index in 0..<count {
      text.push(UInt8(truncatingIfNeeded: 0x80 | scalar >> (6 * (count - 1 - index)) & 0x3f))
    }
  }
}
