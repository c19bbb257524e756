public import WireBytes

/// One field as it stood in a message: its number and its value; bytes are a range of the message, not a copy.
public struct ProtobufField: Hashable, Sendable {
  /// The largest field number (protobuf language guide).
  public static let numberMax: UInt32 = (1 << 29) - 1

  public enum Value: Hashable, Sendable {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    /// Where the bytes lie in the message that was read.
    case lengthDelimited(Range<Int>)
  }

  public let number: UInt32
  public let value: Value
  /// Whether an empty `bytes` or `string` breaks the canonical form here.
  let mustHoldBytes: Bool

  public var wireType: ProtobufWireType {
    switch value {
    case .varint: .varint
    case .fixed64: .fixed64
    case .fixed32: .fixed32
    case .lengthDelimited: .lengthDelimited
    }
  }

  private func mismatch(_ expected: ProtobufWireType) -> ProtobufError {
    .type(field: number, expected: expected, actual: wireType)
  }

  /// `uint64`.
  public func uint64() throws(ProtobufError) -> UInt64 {
    guard case .varint(let value) = value else { throw mismatch(.varint) }
    return value
  }

  /// `int64`.
  public func int64() throws(ProtobufError) -> Int64 { Int64(bitPattern: try uint64()) }

  /// `sint64`, zigzag.
  public func sint64() throws(ProtobufError) -> Int64 {
    let value = try uint64()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  /// `uint32`.
  public func uint32() throws(ProtobufError) -> UInt32 {
    guard let value = UInt32(exactly: try uint64()) else { throw .range(field: number) }
    return value
  }

  /// `int32` or an enum's value.
  public func int32() throws(ProtobufError) -> Int32 {
    guard let value = Int32(exactly: try int64()) else { throw .range(field: number) }
    return value
  }

  /// `bool`.
  public func boolean() throws(ProtobufError) -> Bool {
    switch try uint64() {
    case 0: return false
    case 1: return true
    default: throw .range(field: number)
    }
  }

  /// `fixed64`.
  public func fixed64() throws(ProtobufError) -> UInt64 {
    guard case .fixed64(let value) = value else { throw mismatch(.fixed64) }
    return value
  }

  /// `sfixed64`.
  public func sfixed64() throws(ProtobufError) -> Int64 { Int64(bitPattern: try fixed64()) }

  /// `fixed32`.
  public func fixed32() throws(ProtobufError) -> UInt32 {
    guard case .fixed32(let value) = value else { throw mismatch(.fixed32) }
    return value
  }

  /// Where an embedded message lies in the message that was read; it may be empty.
  public func message() throws(ProtobufError) -> Range<Int> {
    guard case .lengthDelimited(let range) = value else { throw mismatch(.lengthDelimited) }
    return range
  }

  /// Where `bytes` or a `string` lies in the message that was read.
  ///
  /// - Throws: ``ProtobufError/writtenDefault(field:)`` when it is empty where the canonical form leaves it out.
  public func range() throws(ProtobufError) -> Range<Int> {
    let range = try message()
    if range.isEmpty, mustHoldBytes { throw .writtenDefault(field: number) }
    return range
  }

  /// `bytes`, owned; `message` is what was read.
  public func bytes(in message: Span<UInt8>) throws(ProtobufError) -> [UInt8] {
    [UInt8](copying: message.extracting(try range()))
  }

  /// `bytes` of exactly `length` bytes; `message` is what was read.
  public func fixed<let length: Int>(
    in message: Span<UInt8>, as type: FixedBytes<length>.Type = FixedBytes<length>.self
  ) throws(ProtobufError) -> FixedBytes<length> {
    let range = try range()
    guard range.count == length else {
      throw .length(field: number, expected: length, actual: range.count)
    }
    return FixedBytes<length>(message, at: range.lowerBound)
  }

  /// `string`, which must be UTF-8; `message` is what was read.
  public func string(in message: Span<UInt8>) throws(ProtobufError) -> String {
    guard let text = String(validating: try bytes(in: message), as: UTF8.self) else {
      throw .text(field: number)
    }
    return text
  }

  /// Elements of a packed repeated integer field; `message` is what was read.
  public func packed(in message: Span<UInt8>, max: Int) throws(ProtobufError) -> [UInt64] {
    let range = try range()
    var offset = range.lowerBound
    var values: [UInt64] = []
    while offset < range.upperBound {
      guard values.count < max else { throw .overLimit(limit: max, actual: max + 1) }
      values.append(try ProtobufReader.varint(message, at: &offset, end: range.upperBound))
    }
    return values
  }
}
