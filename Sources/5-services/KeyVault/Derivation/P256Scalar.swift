private import CSodium
internal import Secrets

/// Sums modulo the order of P-256, by libsodium's functions that run in constant time.
///
/// libsodium counts little-endian: bytes are reversed, and a byte is added on top, so that a sum of two numbers below the
/// order does not lose its carry. Every pointer is of guarded memory or a constant of as many bytes as are named.
enum P256Scalar {
  private static let width = 33
  /// The order (SP 800-186, section 3.2.1.3), little-endian.
  private static let order: [UInt8] = [
    0x51, 0x25, 0x63, 0xfc, 0xc2, 0xca, 0xb9, 0xf3, 0x84, 0x9e, 0x17, 0xa7, 0xad, 0xfa, 0xe6, 0xbc,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00,
  ]

  /// Whether the first 32 bytes of `bytes`, big-endian, are a number from 1 to the order less one.
  ///
  /// Telling so tells nothing of a key that is used.
  static func isKey(_ bytes: borrowing SecretBytes) -> Bool {
    var number = widened(bytes)
    return !isZero(&number) && isBelowOrder(&number)
  }

  /// `left + right` modulo the order, big-endian; nil when `left`'s first 32 bytes are not below the order, or the sum is
  /// zero.
  ///
  /// - Parameter right: 32 bytes, below the order.
  static func sum(_ left: borrowing SecretBytes, _ right: borrowing SecretBytes) -> SecretBytes? {
    var number = widened(left)
    guard isBelowOrder(&number) else { return nil }
    var addend = widened(right)
    unsafe number.withUnsafeMutableBytes { number in
      unsafe addend.withUnsafeMutableBytes { addend in
        unsafe order.withUnsafeBufferPointer { order in
          guard let sum = unsafe number.bindMemory(to: UInt8.self).baseAddress,
            let other = unsafe addend.bindMemory(to: UInt8.self).baseAddress, let modulus = order.baseAddress
          else { return }
          unsafe sodium_add(sum, other, width)
          // -1 when the sum is below the order: then zero is subtracted, else the order. The mask is all ones or zero,
          // and no branch depends on it; `addend` serves for the product.
          let below = UInt8(truncatingIfNeeded: unsafe sodium_compare(sum, modulus, width) >> 8)
          for index in 0..<width { unsafe other[index] = order[index] & ~below }
          unsafe sodium_sub(sum, other, width)
        }
      }
    }
    guard !isZero(&number) else { return nil }
    var result = SecretBytes(zeroed: 32)
    number.withSpan { span in
      for index in 0..<32 { result.set(span[31 - index], at: index) }
    }
    return result
  }

  private static func widened(_ bytes: borrowing SecretBytes) -> SecretBytes {
    precondition(bytes.count >= 32)
    var number = SecretBytes(zeroed: width)
    bytes.withSpan { span in
      for index in 0..<32 { number.set(span[31 - index], at: index) }
    }
    return number
  }

  private static func isZero(_ number: inout SecretBytes) -> Bool {
    unsafe number.withUnsafeMutableBytes { number in
      guard let start = unsafe number.bindMemory(to: UInt8.self).baseAddress else { return true }
      return unsafe sodium_is_zero(start, width) == 1
    }
  }

  private static func isBelowOrder(_ number: inout SecretBytes) -> Bool {
    unsafe number.withUnsafeMutableBytes { number in
      unsafe order.withUnsafeBufferPointer { order in
        guard let start = unsafe number.bindMemory(to: UInt8.self).baseAddress,
          let modulus = order.baseAddress
        else { return false }
        return unsafe sodium_compare(start, modulus, width) < 0
      }
    }
  }
}
