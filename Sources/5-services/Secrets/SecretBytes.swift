internal import CSodium

/// Bytes that nobody but their owner sees, in memory of libsodium's: between guard pages, kept out of swap and core
/// dumps where the system allows it, overwritten before it is given back.
///
/// They can be neither copied by accident, compared with `==`, encoded nor printed. Whoever reads them borrows them for
/// the length of a closure.
@safe
public struct SecretBytes: ~Copyable, Sendable {
  /// Owned by this one value: made in an initialiser, freed in `deinit`, never handed out beyond a closure. Writing needs
  /// the value exclusively (`mutating`), reading borrows it, so that threads may share it.
  private nonisolated(unsafe) let start: UnsafeMutableRawPointer
  public let count: Int

  /// `count` zero bytes.
  public init(zeroed count: Int) {
    precondition(count >= 0)
    let start = unsafe SecretMemory.allocate(count)
    // `start` has `count` bytes, which libsodium has filled with 0xdb.
    unsafe sodium_memzero(start, count)
    unsafe self.start = unsafe start
    self.count = count
  }

  /// `count` bytes from the system's random numbers.
  public init(random count: Int) {
    self.init(zeroed: count)
    // As many bytes as there are.
    unsafe randombytes_buf(start, count)
  }

  /// A copy of `bytes`; wiping those is the caller's.
  public init(copying bytes: Span<UInt8>) {
    self.init(zeroed: bytes.count)
    let target = unsafe start
    // The two do not overlap: `start` is new.
    unsafe bytes.withUnsafeBytes { source in
      if let from = source.baseAddress { unsafe target.copyMemory(from: from, byteCount: source.count) }
    }
  }

  /// A copy of `bytes`, which are overwritten and emptied; other copies of that array, if there are any, are not.
  public init(wiping bytes: inout [UInt8]) {
    self.init(copying: bytes.span)
    // The array is unique here, or becomes so, and the pointer stays in the closure.
    unsafe bytes.withUnsafeMutableBytes { buffer in
      if let from = buffer.baseAddress { unsafe sodium_memzero(from, buffer.count) }
    }
    bytes = []
  }

  /// Both, one after the other.
  public init(_ first: borrowing SecretBytes, _ second: borrowing SecretBytes) {
    self.init(zeroed: first.count + second.count)
    // New memory, as long as both together.
    unsafe start.copyMemory(from: first.start, byteCount: first.count)
    unsafe (start + first.count).copyMemory(from: second.start, byteCount: second.count)
  }

  deinit {
    unsafe SecretMemory.free(start)
  }

  /// Lends the bytes to `body`, which must not keep a copy of them.
  public borrowing func withSpan<Result: ~Copyable, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // `start` has `count` bytes and lives as long as this value, which is borrowed for the call.
    let buffer = unsafe UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: count)
    let span = unsafe Span(_unsafeElements: buffer)
    return try body(span)
  }

  /// Lends the bytes to `body`, for calls into C; it must not keep the pointer.
  public borrowing func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeRawBufferPointer(start: start, count: count))
  }

  /// Lends the bytes to `body` for writing; it must not keep the pointer.
  public mutating func withUnsafeMutableBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeMutableRawBufferPointer(start: start, count: count))
  }

  /// Writes `byte` at `offset`.
  public mutating func set(_ byte: UInt8, at offset: Int) {
    precondition(offset >= 0 && offset < count)
    unsafe start.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
  }

  /// Writes all of `bytes` from `offset` on.
  public mutating func write(_ bytes: borrowing SecretBytes, at offset: Int) {
    precondition(offset >= 0 && bytes.count <= count && offset <= count - bytes.count)
    unsafe (start + offset).copyMemory(from: bytes.start, byteCount: bytes.count)
  }

  /// Another owner of the same bytes.
  public borrowing func copy() -> SecretBytes { slice(0..<count) }

  /// A copy of some of the bytes.
  public borrowing func slice(_ range: Range<Int>) -> SecretBytes {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    let part = SecretBytes(zeroed: range.count)
    // In bounds, and into new memory.
    unsafe part.start.copyMemory(from: start + range.lowerBound, byteCount: range.count)
    return part
  }

  /// Whether both hold the same bytes; the time tells their lengths and nothing else.
  public borrowing func matches(_ other: borrowing SecretBytes) -> Bool {
    guard count == other.count else { return false }
    return unsafe sodium_memcmp(start, other.start, count) == 0
  }

  /// Whether these are the same bytes; the time tells the lengths and nothing else.
  public borrowing func matches(_ other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    let own = unsafe start
    let size = count
    return unsafe other.withUnsafeBytes { buffer in
      // An empty buffer has no address.
      guard let address = buffer.baseAddress else { return true }
      return unsafe sodium_memcmp(own, address, size) == 0
    }
  }
}

/// A secret with several owners, wiped when the last of them goes.
///
/// A class because ``SecretBytes`` can be stored neither in arrays and dictionaries nor in values that are copied, which
/// back ends need; it has no state besides and is never written again.
public final class SharedSecret: Sendable {
  private let bytes: SecretBytes

  public init(_ bytes: consuming SecretBytes) { self.bytes = bytes }

  public var count: Int { bytes.count }

  /// Lends the bytes to `body`, which must not keep a copy of them.
  public func withSpan<Result: ~Copyable, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try bytes.withSpan(body)
  }

  /// Lends the bytes to `body`, for calls into C; it must not keep the pointer.
  public func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe bytes.withUnsafeBytes(body)
  }

  /// Lends the owner to `body`.
  public func withSecret<Result: ~Copyable, Failure: Error>(
    _ body: (borrowing SecretBytes) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(bytes)
  }

  public func copy() -> SecretBytes { bytes.copy() }
}
