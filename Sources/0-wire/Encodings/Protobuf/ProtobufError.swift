/// Why bytes are not the protobuf message they should be. Offsets count bytes from the start of the message.
public enum ProtobufError: Error, Hashable, Sendable {
  /// Input ended early: `needed` bytes were wanted at `offset`.
  case truncated(offset: Int, needed: Int)
  /// A varint has a last byte of zero (over-long), goes past ten bytes, or past 64 bits.
  case varint(offset: Int)
  /// A field number is 0 or over 2^29 - 1.
  case fieldNumber(offset: Int)
  /// Wire types 3 and 4 (groups), 6 and 7.
  case wireType(field: UInt32, UInt8)
  /// The message has no field of this number, and unknown fields are refused.
  case unknownField(UInt32)
  /// A field came after one with a higher number.
  case order(field: UInt32, after: UInt32)
  /// A field that may come once came again.
  case duplicate(field: UInt32)
  /// A field was written although it holds its default, which the canonical form leaves out.
  case writtenDefault(field: UInt32)
  /// The field's wire type is not the one that its declared type has.
  case type(field: UInt32, expected: ProtobufWireType, actual: ProtobufWireType)
  /// An integer does not fit its declared type, or a boolean is neither 0 nor 1.
  case range(field: UInt32)
  /// A string is not UTF-8.
  case text(field: UInt32)
  /// A fixed-length byte field has another length.
  case length(field: UInt32, expected: Int, actual: Int)
  /// The message, or the list of one field, is longer than its stated maximum.
  case overLimit(limit: Int, actual: Int)
}

/// The wire types that proto3 writes.
public enum ProtobufWireType: UInt8, Hashable, Sendable {
  case varint = 0
  case fixed64 = 1
  case lengthDelimited = 2
  case fixed32 = 5
}
