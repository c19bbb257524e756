private import CSodium
internal import Secrets
import WireBytes

/// HMAC with the key, the message and the result in guarded memory, by libsodium.
///
/// Every pointer is of memory borrowed for the call and as long as libsodium reads or writes; the states lie on the stack
/// and are overwritten.
enum SecretMAC {
  /// HMAC-SHA-512 (RFC 2104), 64 bytes.
  static func sha512(key: borrowing SecretBytes, _ message: borrowing SecretBytes) -> SecretBytes {
    SecretMemory.prepare()
    var code = SecretBytes(zeroed: 64)
    var state = crypto_auth_hmacsha512_state()
    unsafe key.withUnsafeBytes { key in
      guard let start = unsafe key.bindMemory(to: UInt8.self).baseAddress else { return }
      _ = unsafe crypto_auth_hmacsha512_init(&state, start, key.count)
    }
    unsafe message.withUnsafeBytes { message in
      _ = unsafe crypto_auth_hmacsha512_update(
        &state, message.bindMemory(to: UInt8.self).baseAddress, UInt64(message.count))
    }
    unsafe code.withUnsafeMutableBytes { code in
      guard let start = unsafe code.bindMemory(to: UInt8.self).baseAddress else { return }
      _ = unsafe crypto_auth_hmacsha512_final(&state, start)
    }
    unsafe sodium_memzero(&state, MemoryLayout<crypto_auth_hmacsha512_state>.size)
    return code
  }

  /// HMAC-SHA-256 (RFC 2104) of public text.
  static func sha256(key: SharedSecret, _ message: [UInt8]) -> Bytes32 {
    SecretMemory.prepare()
    var code = InlineArray<32, UInt8>(repeating: 0)
    var state = crypto_auth_hmacsha256_state()
    unsafe key.withUnsafeBytes { key in
      guard let start = unsafe key.bindMemory(to: UInt8.self).baseAddress else { return }
      _ = unsafe crypto_auth_hmacsha256_init(&state, start, key.count)
    }
    unsafe message.withUnsafeBufferPointer { message in
      _ = unsafe crypto_auth_hmacsha256_update(&state, message.baseAddress, UInt64(message.count))
    }
    var span = code.mutableSpan
    unsafe span.withUnsafeMutableBufferPointer { code in
      guard let start = code.baseAddress else { return }
      _ = unsafe crypto_auth_hmacsha256_final(&state, start)
    }
    unsafe sodium_memzero(&state, MemoryLayout<crypto_auth_hmacsha256_state>.size)
    return Bytes32 { code[$0] }
  }

  /// Whether two codes are the same, in a time that does not tell where they differ.
  static func matches(_ left: Bytes32, _ right: Bytes32) -> Bool {
    // Both have 32 bytes.
    unsafe left.span.withUnsafeBytes { left in
      unsafe right.span.withUnsafeBytes { right in
        guard let one = left.baseAddress, let other = right.baseAddress else { return false }
        return unsafe sodium_memcmp(one, other, 32) == 0
      }
    }
  }
}
