/// Why bytes are not canonical RLP, or not the value they should be. Offsets count bytes from the start of the input.
public enum RLPError: Error, Hashable, Sendable {
  /// Input ended early: `needed` bytes were wanted at `offset`.
  case truncated(offset: Int, needed: Int)
  /// Bytes are left over after a whole item.
  case trailingBytes(offset: Int, count: Int)
  /// A single byte below 0x80 stands behind a length byte.
  case wrappedByte(offset: Int)
  /// A length has a leading zero, or is written long although it is below 56.
  case nonMinimalLength(offset: Int)
  /// Lists are nested deeper than allowed.
  case tooDeep(limit: Int)
  /// The input, or the number of items in a list, is over its maximum.
  case overLimit(limit: Int, actual: Int)
  /// A list has another number of items.
  case itemCount(expected: Int, actual: Int)
  case expectedString(offset: Int)
  case expectedList(offset: Int)
  /// An integer has a leading zero byte.
  case leadingZero(offset: Int)
  /// An integer or a fixed-length string has another length.
  case length(offset: Int, expected: Int, actual: Int)
}
