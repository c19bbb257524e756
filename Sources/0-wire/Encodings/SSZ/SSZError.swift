/// Why bytes are not the SSZ value of a type, or a value does not fit its type. Offsets count bytes from the start
/// of the input.
public enum SSZError: Error, Hashable, Sendable {
  /// The input is over its maximum.
  case inputSize(limit: Int, actual: Int)
  /// A value of fixed size, whose scope starts at `offset`, has another size.
  case size(offset: Int, expected: Int, actual: Int)
  /// A scope is too short for the fixed part of its value.
  case truncated(offset: Int, needed: Int, actual: Int)
  /// The scope of a list is no multiple of the size of its elements.
  case alignment(offset: Int, elementSize: Int, actual: Int)
  /// The first of the offsets does not point right behind the fixed part.
  case firstOffset(offset: Int, expected: Int, actual: Int)
  /// An offset points before its predecessor or behind the scope.
  case offsetOrder(offset: Int, actual: Int)
  /// A list has more elements than its type allows.
  case overLimit(offset: Int, limit: UInt64, actual: UInt64)
  /// A vector has another number of elements.
  case elementCount(offset: Int, expected: Int, actual: Int)
  /// A boolean byte is neither 0 nor 1.
  case boolean(offset: Int)
  /// A bit behind the end of a bit vector is set.
  case paddingBits(offset: Int)
  /// A bit list is empty or its last byte is zero, so that its end is not marked.
  case delimiter(offset: Int)
  /// A union has no option of this selector.
  case selector(offset: Int, UInt8)
  /// A value is not of the shape of its type; only when encoding or hashing.
  case shape
  /// The type is none that SSZ allows: an empty vector, a container without fields.
  case illegalType
  /// A path does not lead anywhere in the type, or the index is over 63 bits.
  case path
}
