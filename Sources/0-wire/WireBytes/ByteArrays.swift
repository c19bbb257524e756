extension Array where Element == UInt8 {
  /// An owned copy of `bytes`.
  @inlinable
  public init(copying bytes: Span<UInt8>) {
    // One memcpy; the pointer does not leave the closure.
    self = unsafe bytes.withUnsafeBufferPointer { unsafe [UInt8]($0) }
  }

  /// Appends `bytes`.
  @inlinable
  public mutating func append(_ bytes: Span<UInt8>) {
    // One memcpy; the pointer does not leave the closure.
    unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }

  /// Appends a value of a fixed length.
  @inlinable
  public mutating func append<let length: Int>(_ bytes: FixedBytes<length>) {
    append(bytes.span)
  }

  /// Appends an integer as wide as its type, most significant byte first.
  @inlinable
  public mutating func append<Value: FixedWidthInteger & UnsignedInteger>(bigEndian value: Value) {
    for shift in stride(from: Value.bitWidth - 8, through: 0, by: -8) {
      append(UInt8(truncatingIfNeeded: value >> Value(shift)))
    }
  }

  /// Appends an integer as wide as its type, least significant byte first.
  @inlinable
  public mutating func append<Value: FixedWidthInteger & UnsignedInteger>(littleEndian value: Value) {
    for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
      append(UInt8(truncatingIfNeeded: value >> Value(shift)))
    }
  }
}

extension Span where Element == UInt8 {
  /// Whether both hold the same bytes. Not constant time: public data only.
  @inlinable
  public func equals(_ other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    var difference: UInt8 = 0
    for index in indices { difference |= self[index] ^ other[index] }
    return difference == 0
  }

  /// Whether the first bytes are those of `prefix`.
  @inlinable
  public func starts(with prefix: Span<UInt8>) -> Bool {
    guard prefix.count <= count else { return false }
    for index in prefix.indices where self[index] != prefix[index] { return false }
    return true
  }

  /// Whether these bytes sort before `other`: bytewise, a prefix before what it opens.
  @inlinable
  public func precedes(_ other: Span<UInt8>) -> Bool {
    let shared = Swift.min(count, other.count)
    for index in 0..<shared where self[index] != other[index] { return self[index] < other[index] }
    return count < other.count
  }
}
