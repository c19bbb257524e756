private import CSodium
import WireBytes

/// The calls of libsodium on the order-L group of edwards25519 and on integers modulo L, all of them on 32 or 64 bytes.
///
/// Its scalar arithmetic and its multiplications take the same time whatever the values are.
enum Sodium {
  /// Whether libsodium is set up; the first call does it.
  static let isReady = sodium_init() >= 0

  /// 32 bytes that `body` fills.
  private static func filled(_ body: (UnsafeMutablePointer<UInt8>) -> Void) -> Bytes32 {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { buffer in
      unsafe buffer.initialize(repeating: 0)
      // A buffer of 32 bytes has a first one.
      guard let start = buffer.baseAddress else { preconditionFailure("no memory") }
      unsafe body(start)
      return Bytes32 { unsafe buffer[$0] }
    }
  }

  /// Lends the bytes of a public value. The pointers end with the closure; C reads exactly `count` bytes.
  private static func lend<let count: Int, Result>(
    _ bytes: FixedBytes<count>, _ body: (UnsafePointer<UInt8>) -> Result
  ) -> Result {
    unsafe bytes.span.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { preconditionFailure("no bytes") }
      return unsafe body(start)
    }
  }

  // MARK: public integers modulo L

  static func reduce(_ wide: Bytes64) -> Bytes32 {
    unsafe filled { result in unsafe lend(wide) { unsafe crypto_core_ed25519_scalar_reduce(result, $0) } }
  }

  static func add(_ left: Bytes32, _ right: Bytes32) -> Bytes32 {
    unsafe filled { result in
      unsafe lend(left) { l in unsafe lend(right) { r in unsafe crypto_core_ed25519_scalar_add(result, l, r) }
      }
    }
  }

  static func subtract(_ left: Bytes32, _ right: Bytes32) -> Bytes32 {
    unsafe filled { result in
      unsafe lend(left) { l in unsafe lend(right) { r in unsafe crypto_core_ed25519_scalar_sub(result, l, r) }
      }
    }
  }

  static func multiply(_ left: Bytes32, _ right: Bytes32) -> Bytes32 {
    unsafe filled { result in
      unsafe lend(left) { l in unsafe lend(right) { r in unsafe crypto_core_ed25519_scalar_mul(result, l, r) }
      }
    }
  }

  /// Nil for zero.
  static func invert(_ value: Bytes32) -> Bytes32? {
    guard !value.isZero else { return nil }
    return unsafe filled { result in
      unsafe lend(value) { _ = unsafe crypto_core_ed25519_scalar_invert(result, $0) }
    }
  }

  // MARK: points

  /// Whether the bytes are the one encoding of a point of order L: not the identity, on the curve, no small part.
  static func isElement(_ bytes: Bytes32) -> Bool {
    unsafe lend(bytes) { unsafe crypto_core_ed25519_is_valid_point($0) } == 1
  }

  /// Whether X25519 with this public key gives a secret: it is not one of the points of small order, with which
  /// everybody's key gives zero (RFC 7748, section 6.1).
  static func isAgreementKey(_ bytes: Bytes32) -> Bool {
    var status: Int32 = -1
    // Any private key tells; this one is no secret.
    let scalar = Bytes32 { _ in 0x40 }
    _ = unsafe filled { result in
      status = unsafe lend(scalar) { s in
        unsafe lend(bytes) { p in unsafe crypto_scalarmult_curve25519(result, s, p) }
      }
    }
    return status == 0
  }

  /// The sum of two points of the group or the identity.
  static func addPoints(_ left: Bytes32, _ right: Bytes32) -> Bytes32 {
    unsafe filled { result in
      let status = unsafe lend(left) { l in
        unsafe lend(right) { r in unsafe crypto_core_ed25519_add(result, l, r) }
      }
      precondition(status == 0, "both are points")
    }
  }

  /// `scalar` times `point`; neither is zero.
  static func multiplyPoint(_ point: Bytes32, by scalar: Bytes32) -> Bytes32 {
    unsafe filled { result in
      let status = unsafe lend(point) { p in
        unsafe lend(scalar) { s in unsafe crypto_scalarmult_ed25519_noclamp(result, s, p) }
      }
      precondition(status == 0, "a point of order L times a scalar that is not zero")
    }
  }

  /// `scalar`, which is not zero, times the base point.
  static func multiplyBase(by scalar: Bytes32) -> Bytes32 {
    unsafe filled { result in
      let status = unsafe lend(scalar) { unsafe crypto_scalarmult_ed25519_base_noclamp(result, $0) }
      precondition(status == 0, "a scalar that is not zero")
    }
  }
}

// MARK: secret integers modulo L

extension GuardedBytes {
  /// A scalar from 1 to L - 1, evenly chosen.
  static func randomScalar() -> GuardedBytes {
    var scalar = GuardedBytes(count: 32)
    unsafe scalar.withBytePointer { unsafe crypto_core_ed25519_scalar_random($0) }
    return scalar
  }

  /// 64 bytes modulo L.
  func reduced() -> GuardedBytes {
    precondition(count == 64)
    var result = GuardedBytes(count: 32)
    unsafe result.withBytePointer { r in
      unsafe withBytePointer { unsafe crypto_core_ed25519_scalar_reduce(r, $0) }
    }
    return result
  }

  func plusScalar(_ other: borrowing GuardedBytes) -> GuardedBytes {
    precondition(count == 32 && other.count == 32)
    var result = GuardedBytes(count: 32)
    unsafe result.withBytePointer { r in
      unsafe withBytePointer { l in
        unsafe other.withBytePointer { unsafe crypto_core_ed25519_scalar_add(r, l, $0) }
      }
    }
    return result
  }

  func timesScalar(_ other: borrowing GuardedBytes) -> GuardedBytes {
    precondition(count == 32 && other.count == 32)
    var result = GuardedBytes(count: 32)
    unsafe result.withBytePointer { r in
      unsafe withBytePointer { l in
        unsafe other.withBytePointer { unsafe crypto_core_ed25519_scalar_mul(r, l, $0) }
      }
    }
    return result
  }

  /// The point that this scalar times the base point is; nil for zero.
  func timesBasePoint() -> Bytes32? {
    precondition(count == 32)
    let point = unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { buffer -> Bytes32? in
      unsafe buffer.initialize(repeating: 0)
      guard let start = buffer.baseAddress else { return nil }
      let status = unsafe withBytePointer { unsafe crypto_scalarmult_ed25519_base_noclamp(start, $0) }
      return status == 0 ? Bytes32 { unsafe buffer[$0] } : nil
    }
    return point
  }

  /// Whether the bytes are below L and not zero. The comparison takes the same time wherever they differ.
  func isCanonicalScalar() -> Bool {
    guard count == 32 else { return false }
    var wide = GuardedBytes(count: 64)
    for index in 0..<32 { wide[index] = self[index] }
    let reduced = wide.reduced()
    return unsafe withBytePointer { mine in
      unsafe reduced.withBytePointer {
        unsafe sodium_memcmp(mine, $0, 32) == 0 && sodium_is_zero($0, 32) == 0
      }
    }
  }

  /// SHA-512 of `parts` one after another, whose state does not stay in memory either.
  static func sha512(_ prefix: [UInt8], _ secret: borrowing GuardedBytes, _ other: borrowing GuardedBytes)
    -> GuardedBytes
  {
    var digest = GuardedBytes(count: 64)
    var state = GuardedBytes(count: crypto_hash_sha512_statebytes())
    unsafe state.withMutableRawBytes { memory in
      // The memory is as large as libsodium says the state is, and is that state alone.
      guard let start = memory.baseAddress else { return }
      let state = unsafe start.bindMemory(to: crypto_hash_sha512_state.self, capacity: 1)
      _ = unsafe crypto_hash_sha512_init(state)
      _ = unsafe prefix.withUnsafeBufferPointer {
        unsafe crypto_hash_sha512_update(state, $0.baseAddress, UInt64($0.count))
      }
      _ = unsafe secret.withBytePointer { unsafe crypto_hash_sha512_update(state, $0, UInt64(secret.count)) }
      _ = unsafe other.withBytePointer { unsafe crypto_hash_sha512_update(state, $0, UInt64(other.count)) }
      unsafe digest.withBytePointer { _ = unsafe crypto_hash_sha512_final(state, $0) }
    }
    return digest
  }

  @unsafe
  private func withBytePointer<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
    unsafe withRawBytes { bytes in
      // Guarded memory has at least one byte, bound to UInt8 when it was made.
      guard let start = bytes.baseAddress else { preconditionFailure("no memory") }
      return unsafe body(start.assumingMemoryBound(to: UInt8.self))
    }
  }

  @unsafe
  private mutating func withBytePointer(_ body: (UnsafeMutablePointer<UInt8>) -> Void) {
    unsafe withMutableRawBytes { bytes in
      guard let start = bytes.baseAddress else { preconditionFailure("no memory") }
      unsafe body(start.assumingMemoryBound(to: UInt8.self))
    }
  }
}
