internal import Crypto
private import Foundation

/// Bytes that hold secrets for a while: never moved by growing, overwritten before their memory is given back.
///
/// The buffer is owned by this one value, which cannot be copied; every access is checked against its bounds.
@safe
struct SecretText: ~Copyable {
  private let buffer: UnsafeMutableBufferPointer<UInt8>
  private(set) var count = 0

  /// Room for `capacity` bytes and no more.
  init(capacity: Int) {
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: capacity)
    unsafe buffer.initialize(repeating: 0)
    unsafe self.buffer = unsafe buffer
  }

  deinit {
    if let start = unsafe buffer.baseAddress {
      #if canImport(Darwin)
        _ = unsafe memset_s(start, buffer.count, 0, buffer.count)
      #else
        // Unlike memset, it is not left out because nobody reads the bytes again.
        unsafe explicit_bzero(start, buffer.count)
      #endif
    }
    unsafe buffer.deallocate()
  }

  subscript(index: Int) -> UInt8 {
    precondition(index >= 0 && index < count)
    return unsafe buffer[index]
  }

  mutating func append(_ byte: UInt8) {
    precondition(unsafe count < buffer.count)
    unsafe buffer[count] = byte
    count += 1
  }

  mutating func append(_ text: String) {
    for byte in text.utf8 { append(byte) }
  }

  /// Two lower-case digits a byte.
  mutating func append(hex secret: SymmetricKey) {
    let digits: StaticString = "0123456789abcdef"
    unsafe secret.withUnsafeBytes { bytes in
      for index in bytes.indices {
        let byte = unsafe bytes[index]
        append(unsafe digits.utf8Start[Int(byte >> 4)])
        append(unsafe digits.utf8Start[Int(byte & 15)])
      }
    }
  }

  /// The bytes as a key that wipes itself.
  func key() -> SymmetricKey {
    unsafe SymmetricKey(data: UnsafeRawBufferPointer(start: buffer.baseAddress, count: count))
  }

  /// Reads `file` to its end, or until there is no room; false when reading fails, with errno set.
  mutating func fill(from file: Int32) -> Bool {
    while unsafe count < buffer.count {
      guard let start = unsafe buffer.baseAddress else { return true }
      let got = unsafe Foundation.read(file, start + count, buffer.count - count)
      if got == 0 { return true }
      if got < 0 {
        if errno == EINTR { continue }
        return false
      }
      count += got
    }
    return true
  }

  /// Writes everything to `file`; false when that fails, with errno set.
  func write(to file: Int32) -> Bool {
    var written = 0
    while written < count {
      guard let start = unsafe buffer.baseAddress else { return true }
      let done = unsafe Foundation.write(file, start + written, count - written)
      if done < 0 {
        if errno == EINTR { continue }
        return false
      }
      written += done
    }
    return true
  }
}

extension SymmetricKey {
  /// A copy of `bytes` in memory that wipes itself.
  init(secretBytes bytes: Span<UInt8>) {
    // The pointer is used during the call only.
    self = unsafe bytes.withUnsafeBufferPointer { unsafe SymmetricKey(data: $0) }
  }
}
