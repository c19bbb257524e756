import WireBytes

extension CBORValue {
  /// Decodes the one item that fills `bytes`.
  ///
  /// - Throws: ``CBORError``; the input is untrusted and no input traps.
  public init(decoding bytes: Span<UInt8>, rules: CBORRules) throws(CBORError) {
    guard bytes.count <= rules.sizeBytesMax else {
      throw .inputSize(limit: rules.sizeBytesMax, actual: bytes.count)
    }
    var reader = CBORReader(rules: rules)
    self = try reader.item(bytes, depth: 0)
    guard reader.offset == bytes.count else {
      throw .trailingBytes(offset: reader.offset, count: bytes.count - reader.offset)
    }
  }

  /// Decodes the one item that fills `bytes`.
  public init(decoding bytes: [UInt8], rules: CBORRules) throws(CBORError) {
    try self.init(decoding: bytes.span, rules: rules)
  }
}

/// A recursive reader that keeps an offset; the input is passed to each step.
struct CBORReader {
  let rules: CBORRules
  var offset = 0
  private var items = 0

  init(rules: CBORRules) { self.rules = rules }

  private static let breakByte: UInt8 = 0xff

  mutating func item(_ bytes: Span<UInt8>, depth: Int) throws(CBORError) -> CBORValue {
    guard depth <= rules.depthMax else { throw .tooDeep(limit: rules.depthMax) }
    items += 1
    guard items <= rules.itemsMax else { throw .tooManyItems(limit: rules.itemsMax) }
    let start = offset
    let first = try byte(bytes)
    if first == Self.breakByte { throw .unexpectedBreak(offset: start) }
    let major = first >> 5
    if major == 7 { return try simple(bytes, start: start, low: first & 31) }
    let argument = try argument(bytes, start: start, low: first & 31)
    if argument == nil, rules.form == .deterministic, (2...5).contains(major) {
      throw .indefinite(offset: start)
    }
    switch (major, argument) {
    case (0, .some(let value)):
      return .unsigned(value)
    case (1, .some(let value)):
      return .negative(value)
    case (2, let length):
      return .bytes(try string(bytes, length: length, major: 2))
    case (3, let length):
      return .text(try text(bytes, length: length, start: start))
    case (4, let length):
      return .array(try array(bytes, length: length, depth: depth))
    case (5, let length):
      return .map(try map(bytes, length: length, depth: depth))
    case (6, .some(let number)):
      return .tag(number, try item(bytes, depth: depth + 1))
    default:
      throw .reserved(offset: start)
    }
  }

  private mutating func byte(_ bytes: Span<UInt8>) throws(CBORError) -> UInt8 {
    guard offset < bytes.count else { throw .truncated(offset: offset, needed: 1) }
    offset += 1
    return bytes[offset - 1]
  }

  private mutating func integer(_ bytes: Span<UInt8>, width: Int) throws(CBORError) -> UInt64 {
    guard width <= bytes.count - offset else { throw .truncated(offset: offset, needed: width) }
    var value: UInt64 = 0
    for index in 0..<width { value = value << 8 | UInt64(bytes[offset + index]) }
    offset += width
    return value
  }

  /// The argument of a head; nil for an indefinite length.
  private mutating func argument(
    _ bytes: Span<UInt8>, start: Int, low: UInt8
  ) throws(CBORError) -> UInt64? {
    switch low {
    case 0..<24: return UInt64(low)
    case 24...27:
      let width = 1 << Int(low - 24)
      let value = try integer(bytes, width: width)
      if rules.form == .deterministic {
        let least: UInt64 = width == 1 ? 24 : 1 << UInt64(width * 4)
        guard value >= least else { throw .nonMinimal(offset: start) }
      }
      return value
    case 31: return nil
    default: throw .reserved(offset: start)
    }
  }

  /// A count of things of which each takes at least `size` bytes of what is left.
  private func count(_ bytes: Span<UInt8>, _ value: UInt64, size: UInt64) throws(CBORError) -> Int {
    guard value <= UInt64(bytes.count - offset) / size else {
      throw .truncated(offset: offset, needed: Int(clamping: value))
    }
    return Int(value)
  }

  /// The content of a byte or text string, chunks joined.
  private mutating func string(
    _ bytes: Span<UInt8>, length: UInt64?, major: UInt8
  ) throws(CBORError) -> [UInt8] {
    if let length {
      let count = try count(bytes, length, size: 1)
      defer { offset += count }
      return [UInt8](copying: bytes.extracting(offset..<(offset + count)))
    }
    var joined: [UInt8] = []
    while true {
      let start = offset
      let first = try byte(bytes)
      if first == Self.breakByte { return joined }
      items += 1
      guard items <= rules.itemsMax else { throw .tooManyItems(limit: rules.itemsMax) }
      guard first >> 5 == major, let length = try argument(bytes, start: start, low: first & 31) else {
        throw .chunk(offset: start)
      }
      let count = try count(bytes, length, size: 1)
      let chunk = [UInt8](copying: bytes.extracting(offset..<(offset + count)))
      // RFC 8949, section 3.2.3: each chunk of a text string is UTF-8 by itself.
      if major == 3, String(validating: chunk, as: UTF8.self) == nil { throw .text(offset: start) }
      joined.append(contentsOf: chunk)
      offset += count
    }
  }

  private mutating func text(
    _ bytes: Span<UInt8>, length: UInt64?, start: Int
  ) throws(CBORError) -> String {
    guard let text = String(validating: try string(bytes, length: length, major: 3), as: UTF8.self) else {
      throw .text(offset: start)
    }
    return text
  }

  /// Whether a break comes next; it is consumed.
  private mutating func consumeBreak(_ bytes: Span<UInt8>) -> Bool {
    guard offset < bytes.count, bytes[offset] == Self.breakByte else { return false }
    offset += 1
    return true
  }

  private mutating func array(
    _ bytes: Span<UInt8>, length: UInt64?, depth: Int
  ) throws(CBORError) -> [CBORValue] {
    var elements: [CBORValue] = []
    if let length {
      for _ in 0..<(try count(bytes, length, size: 1)) {
        elements.append(try item(bytes, depth: depth + 1))
      }
    } else {
      while !consumeBreak(bytes) { elements.append(try item(bytes, depth: depth + 1)) }
    }
    return elements
  }

  private mutating func map(
    _ bytes: Span<UInt8>, length: UInt64?, depth: Int
  ) throws(CBORError) -> [CBORValue.Entry] {
    var entries: [CBORValue.Entry] = []
    var previous: Range<Int>?
    var seen: Set<CBORValue> = []
    var left = try length.map { (value: UInt64) throws(CBORError) in try count(bytes, value, size: 2) }
    while true {
      if let remaining = left {
        if remaining == 0 { break }
        left = remaining - 1
      } else if consumeBreak(bytes) {
        break
      }
      let start = offset
      let key = try item(bytes, depth: depth + 1)
      let encoded = start..<offset
      switch rules.form {
      case .deterministic:
        if let previous {
          let before = bytes.extracting(previous)
          let current = bytes.extracting(encoded)
          if before.equals(current) { throw .duplicateKey(offset: start) }
          guard before.precedes(current) else { throw .keyOrder(offset: start) }
        }
        previous = encoded
      case .foreign:
        guard seen.insert(key).inserted else { throw .duplicateKey(offset: start) }
      }
      entries.append(CBORValue.Entry(key, try item(bytes, depth: depth + 1)))
    }
    return entries
  }

  private mutating func simple(
    _ bytes: Span<UInt8>, start: Int, low: UInt8
  ) throws(CBORError) -> CBORValue {
    switch low {
    case 20: return .boolean(false)
    case 21: return .boolean(true)
    case 22: return .null
    case 23: return .undefined
    case 0..<20: return .simple(low)
    case 24:
      let value = try byte(bytes)
      guard value >= 32 else { throw .simple(offset: start) }
      return .simple(value)
    case 25, 26, 27:
      let width = 2 << Int(low - 25)
      let bits = try integer(bytes, width: width)
      let pattern = CBORFloat.double(bits, width: width)
      if rules.form == .deterministic, CBORFloat.shortest(pattern) != (bits, width) {
        throw .nonMinimal(offset: start)
      }
      return .float(bitPattern: pattern)
    default:
      throw .reserved(offset: start)
    }
  }
}
