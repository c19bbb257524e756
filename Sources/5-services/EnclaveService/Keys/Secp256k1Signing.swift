private import CSecp256k1
internal import Digests
internal import Secrets
internal import WireBytes

/// libsecp256k1's state for signing, blinded with random numbers of this process.
///
/// Every pointer handed over points to a local or to bytes borrowed for the call, is at least as long as libsecp256k1
/// reads or writes, and is not kept by it. The context is made and blinded once, and only read after that, so that threads
/// may share it (secp256k1.h, "Context").
@safe
struct Secp256k1Signing: Sendable {
  static let shared = Secp256k1Signing()
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

  /// SEC 1, not compressed; nil when `secret` is zero or not below the order.
  func publicKey(of secret: borrowing SecretBytes) -> FixedBytes<65>? {
    var point = secp256k1_pubkey()
    let made = unsafe secret.withUnsafeBytes { bytes in
      guard bytes.count == 32, let start = unsafe bytes.bindMemory(to: UInt8.self).baseAddress else {
        return false
      }
      return unsafe secp256k1_ec_pubkey_create(context, &point, start) == 1
    }
    guard made else { return nil }
    var bytes = InlineArray<65, UInt8>(repeating: 0)
    var count = 65
    var span = bytes.mutableSpan
    unsafe span.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      // Writes 65 bytes and cannot fail for a key that was made.
      _ = unsafe secp256k1_ec_pubkey_serialize(
        context, start, &count, &point, UInt32(SECP256K1_EC_UNCOMPRESSED))
    }
    return FixedBytes<65> { bytes[$0] }
  }

  /// The last 20 bytes of Keccak-256 of the point.
  static func address(of point: FixedBytes<65>) -> [UInt8] {
    let hash = Keccak256.hash([UInt8](point.array.dropFirst()))
    return [UInt8](hash.array.suffix(20))
  }

  /// `r ‖ s ‖ v`: low s, v 27 or 28, the nonce by RFC 6979.
  ///
  /// - Parameter secret: one of which ``publicKey(of:)`` gave a key.
  func sign(_ digest: Bytes32, with secret: SharedSecret) -> [UInt8] {
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
    var recovery: Int32 = 0
    var span = compact.mutableSpan
    unsafe span.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      _ = unsafe secp256k1_ecdsa_recoverable_signature_serialize_compact(
        context, start, &recovery, &signature)
    }
    return (0..<64).map { compact[$0] } + [27 + UInt8(truncatingIfNeeded: recovery & 1)]
  }
}
