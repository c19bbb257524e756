/// Why bytes could not be read as what they should be. Offsets and counts are bytes from the start of the input.
public enum WireError: Error, Hashable, Sendable {
  /// Input ended early: `needed` bytes were wanted at `offset`.
  case truncated(offset: Int, needed: Int)
  /// Bytes are left over after a whole value.
  case trailingBytes(offset: Int, count: Int)
  /// A value of a fixed length has another one.
  case length(expected: Int, actual: Int)
  /// A length or count is over its stated maximum.
  case overLimit(limit: Int, actual: Int)
}
