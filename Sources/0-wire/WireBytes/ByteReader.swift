/// A cursor over untrusted bytes: each read checks what is left before it touches anything.
///
/// All reads throw ``WireError/truncated(offset:needed:)`` when the input is too short and leave the cursor where
/// it was. Nothing is copied until a read returns an owned value.
@safe
public struct ByteReader: ~Escapable {
  /// The whole input.
  public let bytes: Span<UInt8>
  /// Bytes consumed so far.
  public private(set) var offset: Int

  @_lifetime(copy bytes)
  public init(_ bytes: Span<UInt8>) {
    self.bytes = bytes
    offset = 0
  }

  /// Bytes not consumed yet.
  public var remaining: Int { bytes.count - offset }
  public var isAtEnd: Bool { offset == bytes.count }

  @inline(__always)
  private func require(_ needed: Int) throws(WireError) {
    guard needed >= 0, needed <= bytes.count - offset else {
      throw .truncated(offset: offset, needed: needed)
    }
  }

  @_lifetime(self: copy self)
  public mutating func readUInt8() throws(WireError) -> UInt8 {
    try require(1)
    defer { offset += 1 }
    return bytes[offset]
  }

  /// The next byte, left unread; nil at the end.
  public func peek() -> UInt8? { isAtEnd ? nil : bytes[offset] }

  /// A big-endian unsigned integer as wide as its type.
  @_lifetime(self: copy self)
  public mutating func readBigEndian<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type = Value.self
  ) throws(WireError) -> Value {
    let width = Value.bitWidth / 8
    try require(width)
    var value: Value = 0
    for index in 0..<width { value = (value << 8) | Value(truncatingIfNeeded: bytes[offset + index]) }
    offset += width
    return value
  }

  /// A little-endian unsigned integer as wide as its type.
  @_lifetime(self: copy self)
  public mutating func readLittleEndian<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type = Value.self
  ) throws(WireError) -> Value {
    let width = Value.bitWidth / 8
    try require(width)
    var value: Value = 0
    for index in (0..<width).reversed() {
      value = (value << 8) | Value(truncatingIfNeeded: bytes[offset + index])
    }
    offset += width
    return value
  }

  /// The next `count` bytes, owned.
  @_lifetime(self: copy self)
  public mutating func readBytes(_ count: Int) throws(WireError) -> [UInt8] {
    try require(count)
    defer { offset += count }
    return [UInt8](copying: bytes.extracting(offset..<(offset + count)))
  }

  /// The next bytes as a value of a fixed length.
  @_lifetime(self: copy self)
  public mutating func readFixed<let length: Int>(
    _ type: FixedBytes<length>.Type = FixedBytes<length>.self
  ) throws(WireError) -> FixedBytes<length> {
    try require(length)
    defer { offset += length }
    return FixedBytes<length>(bytes, at: offset)
  }

  /// The next `count` bytes without a copy, tied to the input's lifetime.
  @_lifetime(copy self)
  @_lifetime(self: copy self)
  public mutating func readSpan(_ count: Int) throws(WireError) -> Span<UInt8> {
    try require(count)
    let start = offset
    offset += count
    return bytes.extracting(start..<(start + count))
  }

  /// All that is left, owned.
  @_lifetime(self: copy self)
  public mutating func readRest() -> [UInt8] {
    defer { offset = bytes.count }
    return [UInt8](copying: bytes.extracting(offset..<bytes.count))
  }

  @_lifetime(self: copy self)
  public mutating func skip(_ count: Int) throws(WireError) {
    try require(count)
    offset += count
  }

  /// Refuses input that goes on after a whole value.
  ///
  /// - Throws: ``WireError/trailingBytes(offset:count:)``.
  public func finish() throws(WireError) {
    guard isAtEnd else { throw .trailingBytes(offset: offset, count: remaining) }
  }
}
