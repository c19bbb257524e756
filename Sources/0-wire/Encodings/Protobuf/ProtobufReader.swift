/// Which fields a message may have, and how strictly its form is taken.
public struct ProtobufRules: Hashable, Sendable {
  /// What is asked of the order and the defaults of fields.
  public enum Form: Hashable, Sendable {
    /// Ascending field numbers, elements of a repeated field side by side, defaults left out.
    case canonical
    /// Any order and written defaults, as other writers may give them; a singular field still comes at most once.
    case foreign
  }
  public enum Unknown: Hashable, Sendable {
    case refuse
    /// Read over, still checked for well-formedness.
    case skip
  }

  /// Fields that come at most once and are left out when they hold their default.
  public let singular: [UInt32]
  /// Fields that may come any number of times.
  public let repeated: [UInt32]
  /// Fields that come at most once and may hold their default: members of a `oneof`, `optional` fields.
  public let explicit: [UInt32]
  public let form: Form
  public let unknown: Unknown

  public init(
    singular: [UInt32] = [], repeated: [UInt32] = [], explicit: [UInt32] = [], form: Form = .canonical,
    unknown: Unknown = .refuse
  ) {
    self.singular = singular
    self.repeated = repeated
    self.explicit = explicit
    self.form = form
    self.unknown = unknown
  }
}

/// Walks the fields of one proto3 message; keeps only an offset, so the message is passed to each step.
///
///     var reader = ProtobufReader(Self.rules)
///     while let field = try reader.next(in: message) {
///       switch field.number {
///       case 1: height = try field.int64()
///       case 2: try decodeBlockID(message.extracting(field.message()))
///       default: break
///       }
///     }
///
/// Varints must be the shortest, groups are refused, and nesting is the caller's: one reader per message, so depth is
/// what the caller's types have.
public struct ProtobufReader: Sendable {
  /// The default for the size of a message.
  public static let sizeBytesMax = 16 << 20

  public let rules: ProtobufRules
  public let sizeBytesMax: Int
  private var offset = 0
  private var last: UInt32 = 0
  /// Numbers of singular fields seen, when order does not tell duplicates.
  private var seen: [UInt32] = []

  /// - Parameter sizeBytesMax: a longer message is refused.
  public init(_ rules: ProtobufRules, sizeBytesMax: Int = ProtobufReader.sizeBytesMax) {
    self.rules = rules
    self.sizeBytesMax = sizeBytesMax
  }

  /// The next known field, nil at the end of the message. `message` must be the same in each call.
  ///
  /// - Throws: ``ProtobufError``; the input is untrusted and no input traps.
  public mutating func next(in message: Span<UInt8>) throws(ProtobufError) -> ProtobufField? {
    guard message.count <= sizeBytesMax else { throw .overLimit(limit: sizeBytesMax, actual: message.count) }
    while offset < message.count {
      let start = offset
      let tag = try Self.varint(message, at: &offset, end: message.count)
      guard let number = UInt32(exactly: tag >> 3), number >= 1, number <= ProtobufField.numberMax else {
        throw .fieldNumber(offset: start)
      }
      let value = try Self.value(message, at: &offset, number: number, type: UInt8(tag & 7))
      let isRepeated = rules.repeated.contains(number)
      let isExplicit = rules.explicit.contains(number)
      let isKnown = isRepeated || isExplicit || rules.singular.contains(number)
      if !isKnown, rules.unknown == .refuse { throw .unknownField(number) }
      switch rules.form {
      case .canonical:
        if number < last { throw .order(field: number, after: last) }
        if number == last, isKnown, !isRepeated { throw .duplicate(field: number) }
        last = number
      case .foreign:
        if isKnown, !isRepeated {
          if seen.contains(number) { throw .duplicate(field: number) }
          seen.append(number)
        }
      }
      guard isKnown else { continue }
      let omitsDefault = rules.form == .canonical && !isRepeated && !isExplicit
      if omitsDefault {
        switch value {
        case .varint(0), .fixed32(0), .fixed64(0): throw .writtenDefault(field: number)
        default: break
        }
      }
      return ProtobufField(number: number, value: value, mustHoldBytes: omitsDefault)
    }
    return nil
  }

  private static func value(
    _ message: Span<UInt8>, at offset: inout Int, number: UInt32, type: UInt8
  ) throws(ProtobufError) -> ProtobufField.Value {
    switch ProtobufWireType(rawValue: type) {
    case .varint:
      return .varint(try varint(message, at: &offset, end: message.count))
    case .fixed64:
      return .fixed64(try fixed(message, at: &offset))
    case .fixed32:
      return .fixed32(try fixed(message, at: &offset))
    case .lengthDelimited:
      let length = try varint(message, at: &offset, end: message.count)
      guard length <= UInt64(message.count - offset) else {
        throw .truncated(offset: offset, needed: Int(clamping: length))
      }
      let range = offset..<(offset + Int(length))
      offset = range.upperBound
      return .lengthDelimited(range)
    case nil:
      throw .wireType(field: number, type)
    }
  }

  private static func fixed<Value: FixedWidthInteger & UnsignedInteger>(
    _ message: Span<UInt8>, at offset: inout Int
  ) throws(ProtobufError) -> Value {
    let width = Value.bitWidth / 8
    guard width <= message.count - offset else { throw .truncated(offset: offset, needed: width) }
    var value: Value = 0
    for index in (0..<width).reversed() {
      value = value << 8 | Value(truncatingIfNeeded: message[offset + index])
    }
    offset += width
    return value
  }

  /// Reads the shortest varint of at most 64 bits at `offset`, before `end`, and moves `offset` behind it.
  public static func varint(
    _ bytes: Span<UInt8>, at offset: inout Int, end: Int
  ) throws(ProtobufError) -> UInt64 {
    let start = offset
    guard start >= 0, end <= bytes.count else { throw .truncated(offset: start, needed: 1) }
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard offset < end else { throw .truncated(offset: offset, needed: 1) }
      let byte = bytes[offset]
      offset += 1
      // The tenth byte holds bit 63 alone.
      guard shift < 63 || byte <= 1 else { throw .varint(offset: start) }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 {
        guard byte != 0 || shift == 0 else { throw .varint(offset: start) }
        return value
      }
      shift += 7
    }
  }

  /// Splits a message from the varint length in front of it (`MarshalDelimited`); nothing may follow.
  ///
  /// - Returns: where the message lies in `bytes`.
  public static func delimited(_ bytes: Span<UInt8>) throws(ProtobufError) -> Range<Int> {
    var offset = 0
    let length = try varint(bytes, at: &offset, end: bytes.count)
    guard length == UInt64(bytes.count - offset) else {
      throw .truncated(offset: offset, needed: Int(clamping: length))
    }
    return offset..<bytes.count
  }
}
