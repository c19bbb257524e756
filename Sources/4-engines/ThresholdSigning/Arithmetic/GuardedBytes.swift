private import CSodium

/// Bytes in memory that libsodium guards: locked against swapping where the limit allows it, between pages that fault,
/// and wiped when it is given back.
///
/// One value owns them and it cannot be copied, compared, printed or written out. Reading goes through a closure, so that
/// what reads is in plain sight.
@safe
package struct GuardedBytes: ~Copyable, @unchecked Sendable {
  // Sendable without the compiler's check: the memory has one owner, and changing it takes that owner exclusively.
  private let start: UnsafeMutablePointer<UInt8>
  package let count: Int

  /// Zeroes.
  package init(count: Int) {
    precondition(count >= 0 && Sodium.isReady)
    // libsodium gives memory of `count` bytes, which this value alone frees.
    guard let memory = unsafe sodium_malloc(max(count, 1)) else {
      preconditionFailure("no guarded memory left")
    }
    unsafe start = unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 1))
    self.count = count
  }

  /// A copy of `bytes`; wiping those is the caller's.
  package init(copying bytes: Span<UInt8>) {
    self.init(count: bytes.count)
    // Index by index within both bounds.
    for index in bytes.indices { unsafe start[index] = bytes[index] }
  }

  /// Bytes of the system's random numbers.
  package init(randomCount count: Int) {
    self.init(count: count)
    // libsodium writes `count` bytes into memory of that size.
    unsafe randombytes_buf(start, count)
  }

  deinit {
    // Wipes the memory, checks the canary before it, and frees it.
    unsafe sodium_free(start)
  }

  package subscript(index: Int) -> UInt8 {
    get {
      precondition(index >= 0 && index < count)
      return unsafe start[index]
    }
    set {
      precondition(index >= 0 && index < count)
      unsafe start[index] = newValue
    }
  }

  /// Lends the bytes; they must not be kept.
  package func withBytes<Result: ~Copyable, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // The span ends with the closure, the memory with this value.
    let buffer = unsafe UnsafeBufferPointer(start: start, count: count)
    return try unsafe body(buffer.span)
  }

  /// Lends the bytes to C or to swift-crypto for the time of one call.
  @unsafe
  package func withRawBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeRawBufferPointer(start: start, count: count))
  }

  /// Lends the bytes for writing, to C or to swift-crypto, for the time of one call.
  @unsafe
  package mutating func withMutableRawBytes<Result: ~Copyable, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeMutableRawBufferPointer(start: start, count: count))
  }

  /// Another value with the same bytes.
  package func duplicate() -> GuardedBytes {
    let copy = GuardedBytes(count: count)
    for index in 0..<count { unsafe copy.start[index] = start[index] }
    return copy
  }

  /// The bytes from `offset` on, in memory of their own; the caller has checked that they are there.
  package func extracting(_ offset: Int, _ length: Int) -> GuardedBytes {
    precondition(offset >= 0 && length >= 0 && offset <= count - length)
    let part = GuardedBytes(count: length)
    for index in 0..<length { unsafe part.start[index] = start[offset + index] }
    return part
  }
}
