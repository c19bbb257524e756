public import WireBytes

/// A value of an ``SSZType``. Elements of a basic type stay packed, as they are on the wire.
public enum SSZValue: Hashable, Sendable {
  case boolean(Bool)
  /// Of any width; it must fit the one of its type.
  case uint(UInt256)
  /// A bit vector or bit list: bit i is bit i % 8 of byte i / 8, without a delimiter, unused bits zero.
  case bits(count: Int, [UInt8])
  /// Bytes, or a vector or list of booleans or integers side by side, little-endian.
  case packed([UInt8])
  /// Elements of a composite type, or the fields of a container in their order.
  case sequence([SSZValue])
  /// The option of a union; nil for `None`.
  indirect case selected(UInt8, SSZValue?)

  /// An integer.
  public static func uint(_ value: UInt64) -> SSZValue { .uint(UInt256(value)) }

  /// Bits in order.
  public static func bits(_ bits: [Bool]) -> SSZValue {
    var bytes = [UInt8](repeating: 0, count: (bits.count + 7) / 8)
    for (index, bit) in bits.enumerated() where bit { bytes[index / 8] |= 1 << UInt8(index % 8) }
    return .bits(count: bits.count, bytes)
  }
}
