public import WireBytes

/// Why bytes are not the ABI encoding of a type, or a value does not fit its type. Offsets count bytes from the start
/// of the input.
public enum ABIError: Error, Hashable, Sendable {
  /// The input is over its maximum.
  case inputSize(limit: Int, actual: Int)
  /// Input ended early: `needed` bytes were wanted at `offset`.
  case truncated(offset: Int, needed: Int)
  /// Bytes are left over after a whole value.
  case trailingBytes(offset: Int, count: Int)
  /// An offset does not point where the encoder would have put the value.
  case offset(at: Int, expected: Int)
  /// A number is out of range for its type, an address or a boolean has more bits than it may.
  case range(offset: Int)
  /// Padding is not zero.
  case padding(offset: Int)
  /// A string is not UTF-8.
  case text(offset: Int)
  /// An array's count is more than what is left can hold.
  case count(offset: Int)
  /// The four bytes in front are another function's.
  case selector(FixedBytes<4>)
  /// A value is not of the shape of its type, or its number does not fit; only when encoding.
  case shape
  /// The type has no encoding in this mode, or none of finite size.
  case illegalType
}

/// A value of an ``ABIType``.
public indirect enum ABIValue: Hashable, Sendable {
  case uint(UInt256)
  /// Two's complement in 256 bits, whatever the width.
  case int(UInt256)
  case address(Bytes20)
  case boolean(Bool)
  /// `bytesN`: exactly N bytes.
  case fixedBytes([UInt8])
  case bytes([UInt8])
  case string(String)
  case array([ABIValue])
  case tuple([ABIValue])

  /// An unsigned integer.
  public static func uint(_ value: UInt64) -> ABIValue { .uint(UInt256(value)) }

  /// A signed integer.
  public static func int(_ value: Int64) -> ABIValue {
    let fill: UInt64 = value < 0 ? .max : 0
    return .int(UInt256(limbs: UInt64(bitPattern: value), fill, fill, fill))
  }

  /// `bytes32`.
  public static func bytes32(_ value: Bytes32) -> ABIValue { .fixedBytes(value.array) }
}
