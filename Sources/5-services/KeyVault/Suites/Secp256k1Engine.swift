private import CSecp256k1
internal import Secrets
import WireBytes

/// libsecp256k1's own state for signing, blinded with random numbers of this process.
///
/// Every pointer handed over points to a local or to bytes borrowed for the call, is at least as long as libsecp256k1
/// reads or writes, and is not kept by it. The context is made and blinded once, and only read after that, so that
/// threads may share it (secp256k1.h, "Context").
@safe
struct Secp256k1Engine: Sendable {
  static let shared = Secp256k1Engine()
  private nonisolated(unsafe) let context: OpaquePointer

  private init() {
    guard let context = unsafe secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
      preconditionFailure("out of memory")
    }
    let blinded = unsafe SecretBytes(random: 32).withUnsafeBytes { seed in
      guard let start = unsafe seed.bindMemory(to: UInt8.self).baseAddress else { return false }
      return unsafe secp256k1_context_randomize(context, start) == 1
    }
    precondition(blinded)
    unsafe self.context = unsafe context
  }

  /// SEC 1, compressed; nil when `secret` has not 32 bytes, is zero or not below the order.
  func publicKey(of secret: borrowing SecretBytes) -> FixedBytes<33>? {
    var point = secp256k1_pubkey()
    let made = unsafe secret.withUnsafeBytes { bytes in
      guard bytes.count == 32, let start = unsafe bytes.bindMemory(to: UInt8.self).baseAddress else {
        return false
      }
      return unsafe secp256k1_ec_pubkey_create(context, &point, start) == 1
    }
    guard made else { return nil }
    var bytes = InlineArray<33, UInt8>(repeating: 0)
    var count = 33
    var span = bytes.mutableSpan
    unsafe span.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      // Writes 33 bytes and cannot fail for a key that was made.
      _ = unsafe secp256k1_ec_pubkey_serialize(
        context, start, &count, &point, UInt32(SECP256K1_EC_COMPRESSED))
    }
    return FixedBytes<33> { bytes[$0] }
  }

  /// `r ‖ s` with low s and the recovery id; the nonce by RFC 6979, so that one digest has one signature.
  ///
  /// - Parameter secret: one of which ``publicKey(of:)`` gave a key.
  func sign(_ digest: Bytes32, with secret: SharedSecret) -> (compact: Bytes64, recoveryID: UInt8) {
    var signature = secp256k1_ecdsa_recoverable_signature()
    let signed = unsafe secret.withUnsafeBytes { bytes in
      unsafe digest.span.withUnsafeBufferPointer { message in
        guard bytes.count == 32, let key = unsafe bytes.bindMemory(to: UInt8.self).baseAddress,
          let start = message.baseAddress
        else { return false }
        // No nonce function: the library's own, RFC 6979.
        return unsafe secp256k1_ecdsa_sign_recoverable(context, &signature, start, key, nil, nil) == 1
      }
    }
    // It fails for a secret out of range only, and that was settled when the key was made.
    precondition(signed)
    var compact = InlineArray<64, UInt8>(repeating: 0)
    var recoveryID: Int32 = 0
    var span = compact.mutableSpan
    unsafe span.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      _ = unsafe secp256k1_ecdsa_recoverable_signature_serialize_compact(
        context, start, &recoveryID, &signature)
    }
    return (Bytes64 { compact[$0] }, UInt8(truncatingIfNeeded: recoveryID))
  }

  /// `secret + tweak` modulo the order, in place; false, with `secret` overwritten, when the tweak is not below the order
  /// or the sum is zero.
  ///
  /// - Parameter tweak: its first 32 bytes count.
  func add(_ tweak: borrowing SecretBytes, to secret: inout SecretBytes) -> Bool {
    precondition(secret.count == 32 && tweak.count >= 32)
    return unsafe tweak.withUnsafeBytes { tweak in
      unsafe secret.withUnsafeMutableBytes { secret in
        guard let addend = unsafe tweak.bindMemory(to: UInt8.self).baseAddress,
          let sum = unsafe secret.bindMemory(to: UInt8.self).baseAddress
        else { return false }
        return unsafe secp256k1_ec_seckey_tweak_add(context, sum, addend) == 1
      }
    }
  }

  /// The same signature with the lower of its two possible s; nil when r or s is out of range.
  func lowS(_ compact: Bytes64) -> Bytes64? {
    var signature = secp256k1_ecdsa_signature()
    let read = unsafe compact.span.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return false }
      return unsafe secp256k1_ecdsa_signature_parse_compact(context, &signature, start) == 1
    }
    guard read else { return nil }
    var normal = secp256k1_ecdsa_signature()
    _ = unsafe secp256k1_ecdsa_signature_normalize(context, &normal, &signature)
    var bytes = InlineArray<64, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    unsafe span.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      _ = unsafe secp256k1_ecdsa_signature_serialize_compact(context, start, &normal)
    }
    return Bytes64 { bytes[$0] }
  }
}
