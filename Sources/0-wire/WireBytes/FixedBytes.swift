/// A byte string of one fixed length, stored inline: hashes, addresses, keys, roots.
///
/// Equality and order compare bytes left to right and are not constant time: public data only.
@safe
@_addressableForDependencies
public struct FixedBytes<let count: Int>: Hashable, Comparable, Sendable {
  @usableFromInline var storage: InlineArray<count, UInt8>

  /// All bytes zero.
  @inlinable
  public init() { storage = InlineArray(repeating: 0) }

  /// Copies `bytes`, which must have exactly `count` bytes.
  ///
  /// - Throws: ``WireError/length(expected:actual:)``.
  @inlinable
  public init(_ bytes: Span<UInt8>) throws(WireError) {
    guard bytes.count == count else { throw .length(expected: count, actual: bytes.count) }
    storage = InlineArray { bytes[$0] }
  }

  /// Copies `bytes`, which must have exactly `count` bytes.
  @inlinable
  public init(_ bytes: [UInt8]) throws(WireError) { try self.init(bytes.span) }

  /// Copies `count` bytes of `bytes` from `offset`; the caller has checked that they are there.
  @inlinable
  public init(_ bytes: Span<UInt8>, at offset: Int) {
    precondition(offset >= 0 && offset + count <= bytes.count)
    storage = InlineArray { bytes[offset + $0] }
  }

  /// Each byte from its index.
  @inlinable
  public init(_ byteAt: (Int) -> UInt8) { storage = InlineArray { byteAt($0) } }

  @inlinable
  public subscript(index: Int) -> UInt8 {
    get { storage[index] }
    set { storage[index] = newValue }
  }

  @inlinable
  public var indices: Range<Int> { 0..<count }

  /// The bytes without a copy.
  public var span: Span<UInt8> {
    @_addressableSelf
    @_lifetime(borrow self)
    @inlinable
    get { storage.span }
  }

  /// The bytes as an owned array.
  @inlinable
  public var array: [UInt8] { [UInt8](copying: span) }

  /// True when every byte is zero.
  @inlinable
  public var isZero: Bool {
    var accumulated: UInt8 = 0
    for index in 0..<count { accumulated |= storage[index] }
    return accumulated == 0
  }

  @inlinable
  public static func == (left: Self, right: Self) -> Bool {
    var difference: UInt8 = 0
    for index in 0..<count { difference |= left.storage[index] ^ right.storage[index] }
    return difference == 0
  }

  @inlinable
  public static func < (left: Self, right: Self) -> Bool {
    for index in 0..<count where left.storage[index] != right.storage[index] {
      return left.storage[index] < right.storage[index]
    }
    return false
  }

  @inlinable
  public func hash(into hasher: inout Hasher) {
    for index in 0..<count { hasher.combine(storage[index]) }
  }
}

extension FixedBytes: CustomStringConvertible {
  /// Lower-case hex with `0x`.
  public var description: String { Hex.encode(span) }
}

/// 20 bytes: an EVM address.
public typealias Bytes20 = FixedBytes<20>
/// 32 bytes: a hash, a root, a slot.
public typealias Bytes32 = FixedBytes<32>
/// 64 bytes: a signature `r || s`, a Merkle pair.
public typealias Bytes64 = FixedBytes<64>

extension FixedBytes where count == 32 {
  /// `value` as 32 big-endian bytes.
  public init(bigEndian value: UInt64) {
    self.init { $0 < 24 ? 0 : UInt8(truncatingIfNeeded: value >> UInt64((31 - $0) * 8)) }
  }
}
