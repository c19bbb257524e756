private import CSodium
internal import Secrets
import WireBytes

/// Ed25519 by libsodium, which signs out of the guarded memory: swift-crypto would leave copies of the seed outside it.
enum Ed25519Engine {
  /// The secret key in libsodium's form, seed and public key, 64 bytes; nil when `seed` has not 32 bytes.
  static func expand(_ seed: borrowing SecretBytes) -> SecretBytes? {
    guard seed.count == 32 else { return nil }
    var secret = SecretBytes(zeroed: 64)
    var publicKey = InlineArray<32, UInt8>(repeating: 0)
    // libsodium reads 32 bytes and writes 32 and 64, which is what there is; no pointer leaves its closure.
    unsafe seed.withUnsafeBytes { seed in
      unsafe secret.withUnsafeMutableBytes { secret in
        var span = publicKey.mutableSpan
        unsafe span.withUnsafeMutableBufferPointer { publicKey in
          guard let from = unsafe seed.bindMemory(to: UInt8.self).baseAddress,
            let to = unsafe secret.bindMemory(to: UInt8.self).baseAddress, let point = publicKey.baseAddress
          else { return }
          _ = unsafe crypto_sign_ed25519_seed_keypair(point, to, from)
        }
      }
    }
    return secret
  }

  /// - Parameter secret: from ``expand(_:)``.
  static func publicKey(of secret: borrowing SecretBytes) -> Bytes32 {
    secret.withSpan { Bytes32($0, at: 32) }
  }

  /// `R ‖ S` (RFC 8032).
  ///
  /// - Parameter secret: from ``expand(_:)``.
  static func sign(_ message: [UInt8], with secret: SharedSecret) -> Bytes64 {
    precondition(secret.count == 64)
    var signature = InlineArray<64, UInt8>(repeating: 0)
    // libsodium reads 64 bytes of key and the whole message and writes 64; no pointer leaves its closure.
    unsafe secret.withUnsafeBytes { secret in
      unsafe message.withUnsafeBufferPointer { message in
        var span = signature.mutableSpan
        unsafe span.withUnsafeMutableBufferPointer { signature in
          guard let key = unsafe secret.bindMemory(to: UInt8.self).baseAddress,
            let to = signature.baseAddress
          else { return }
          _ = unsafe crypto_sign_ed25519_detached(
            to, nil, message.baseAddress, UInt64(message.count), key)
        }
      }
    }
    return Bytes64 { signature[$0] }
  }
}
