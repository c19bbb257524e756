public import WireBytes

/// Writes a proto3 message in the one form that gogoproto and Go's deterministic marshaller give.
///
/// The caller writes fields in ascending order of their numbers; a field that holds its default is left out unless it
/// is written by one of the `always…` methods (members of a `oneof`, elements of a repeated field).
/// Source: protobuf encoding guide; ADR-027 of the Cosmos SDK (deterministic protobuf serialization).
public struct ProtobufWriter: Sendable {
  /// What was written so far.
  public private(set) var bytes: [UInt8] = []

  public init() {}

  // MARK: Scalars

  /// `uint32`, `uint64`, or an enum's value; zero is left out.
  public mutating func varint(_ field: UInt32, _ value: UInt64) {
    if value != 0 { alwaysVarint(field, value) }
  }

  /// `int64` or `int32`; a negative value takes ten bytes, zero is left out.
  public mutating func int64(_ field: UInt32, _ value: Int64) {
    if value != 0 { alwaysVarint(field, UInt64(bitPattern: value)) }
  }

  /// `int32` or an enum's value: sign-extended to 64 bits; zero is left out.
  public mutating func int32(_ field: UInt32, _ value: Int32) { int64(field, Int64(value)) }

  /// `bool`; false is left out.
  public mutating func boolean(_ field: UInt32, _ value: Bool) {
    if value { alwaysVarint(field, 1) }
  }

  /// `sint64`: zigzag; zero is left out.
  public mutating func sint64(_ field: UInt32, _ value: Int64) {
    if value != 0 { alwaysVarint(field, UInt64(bitPattern: (value << 1) ^ (value >> 63))) }
  }

  /// `sfixed64`: eight bytes, little-endian; zero is left out.
  public mutating func sfixed64(_ field: UInt32, _ value: Int64) { fixed64(field, UInt64(bitPattern: value)) }

  /// `fixed64`: eight bytes, little-endian; zero is left out.
  public mutating func fixed64(_ field: UInt32, _ value: UInt64) {
    guard value != 0 else { return }
    tag(field, .fixed64)
    bytes.append(littleEndian: value)
  }

  /// `fixed32`: four bytes, little-endian; zero is left out.
  public mutating func fixed32(_ field: UInt32, _ value: UInt32) {
    guard value != 0 else { return }
    tag(field, .fixed32)
    bytes.append(littleEndian: value)
  }

  /// A varint that is written even when it is zero.
  public mutating func alwaysVarint(_ field: UInt32, _ value: UInt64) {
    tag(field, .varint)
    Self.append(varint: value, to: &bytes)
  }

  // MARK: Length-delimited

  /// `bytes`; an empty value is left out.
  public mutating func bytes(_ field: UInt32, _ value: [UInt8]) {
    if !value.isEmpty { alwaysBytes(field, value.span) }
  }

  /// `bytes`; an empty value is left out.
  public mutating func bytes(_ field: UInt32, _ value: Span<UInt8>) {
    if !value.isEmpty { alwaysBytes(field, value) }
  }

  /// `bytes` of a fixed length.
  public mutating func bytes<let length: Int>(_ field: UInt32, _ value: FixedBytes<length>) {
    bytes(field, value.span)
  }

  /// `string`; an empty value is left out.
  public mutating func string(_ field: UInt32, _ value: String) {
    if !value.isEmpty { alwaysBytes(field, value.utf8.span) }
  }

  /// `bytes`, `string` or an encoded message that is written even when it is empty.
  public mutating func alwaysBytes(_ field: UInt32, _ value: Span<UInt8>) {
    tag(field, .lengthDelimited)
    Self.append(varint: UInt64(value.count), to: &bytes)
    bytes.append(value)
  }

  /// `bytes`, `string` or an encoded message that is written even when it is empty.
  public mutating func alwaysBytes(_ field: UInt32, _ value: [UInt8]) { alwaysBytes(field, value.span) }

  /// `string` that is written even when it is empty.
  public mutating func alwaysString(_ field: UInt32, _ value: String) { alwaysBytes(field, value.utf8.span) }

  /// An embedded message.
  ///
  /// - Parameter always: whether it is written when it is empty, as gogoproto does for a field that is not nullable.
  public mutating func message<Failure: Error>(
    _ field: UInt32, always: Bool = true, _ write: (inout ProtobufWriter) throws(Failure) -> Void
  ) throws(Failure) {
    var inner = ProtobufWriter()
    try write(&inner)
    if always || !inner.bytes.isEmpty { alwaysBytes(field, inner.bytes.span) }
  }

  /// A repeated integer field in packed form, the default of proto3; nothing when there are no elements.
  public mutating func packed(_ field: UInt32, _ values: [UInt64]) {
    guard !values.isEmpty else { return }
    var inner: [UInt8] = []
    for value in values { Self.append(varint: value, to: &inner) }
    alwaysBytes(field, inner.span)
  }

  // MARK: Framing

  /// `message` behind its length as a varint (Go's `MarshalDelimited`, the framing of CometBFT sign bytes).
  public static func delimited(_ message: Span<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(message.count + 10)
    append(varint: UInt64(message.count), to: &bytes)
    bytes.append(message)
    return bytes
  }

  /// Appends `value` as the shortest varint.
  public static func append(varint value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  private mutating func tag(_ field: UInt32, _ type: ProtobufWireType) {
    precondition(field >= 1 && field <= ProtobufField.numberMax)
    Self.append(varint: UInt64(field) << 3 | UInt64(type.rawValue), to: &bytes)
  }
}
