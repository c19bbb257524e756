private import CSecp256k1
internal import Crypto
private import SignatureSchemes
public import WireBytes

/// Why bytes are not a private key.
public enum LocalKeyError: Error, Hashable, Sendable {
  /// Not 32 bytes.
  case length(Int)
  /// Zero, or not below the order of the group.
  case range
}

/// A private key of secp256k1 that lies in this process, for development: libsecp256k1 signs with it.
///
/// The secret is kept in memory that is overwritten when the last copy of the key goes. It can be neither read, compared
/// nor printed; what is shown of a key is its public half.
public struct LocalSecp256k1Key: Sendable {
  /// SEC 1, compressed.
  public let publicKey: FixedBytes<33>
  public let ethereumAddress: Bytes20
  private let secret: SymmetricKey

  /// A new key from the system's random numbers.
  public init() {
    // One in 2^128 candidates is no key.
    while true {
      if let key = try? LocalSecp256k1Key(SymmetricKey(size: .bits256)) {
        self = key
        return
      }
    }
  }

  /// Reads 32 big-endian bytes. Wiping `secret` is the caller's.
  ///
  /// - Throws: ``LocalKeyError``.
  public init(secret: Span<UInt8>) throws(LocalKeyError) {
    try self.init(SymmetricKey(secretBytes: secret))
  }

  init(_ secret: SymmetricKey) throws(LocalKeyError) {
    guard secret.bitCount == 256 else { throw .length(secret.bitCount / 8) }
    guard let coordinates = SigningContext.shared.publicKey(of: secret),
      let key = try? Secp256k1.PublicKey(coordinates: coordinates)
    else { throw .range }
    self.secret = secret
    publicKey = key.compressed
    ethereumAddress = key.ethereumAddress
  }

  /// `r ‖ s` with low s, the nonce by RFC 6979: one digest has one signature.
  ///
  /// - Complexity: one libsecp256k1 signature, some 30 µs.
  public func sign(digest: Bytes32) -> Bytes64 {
    let (signature, _) = SigningContext.shared.sign(digest, with: secret)
    return signature
  }

  /// `r ‖ s ‖ v` with low s and v 27 or 28, as ECRECOVER reads it.
  public func signRecoverable(digest: Bytes32) -> FixedBytes<65> {
    let (signature, recoveryID) = SigningContext.shared.sign(digest, with: secret)
    // 2 and 3 stand for an x above the order, which nobody can find.
    precondition(recoveryID <= 1)
    return FixedBytes<65> { $0 < 64 ? signature[$0] : 27 + recoveryID }
  }
}

extension LocalSecp256k1Key: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The public key alone.
  public var description: String { "secp256k1 \(publicKey)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey]) }
}

/// libsecp256k1's own state for signing, blinded with random numbers of this process: the place where this module calls
/// into C with a secret.
///
/// Every pointer handed over points to a local or to bytes borrowed for the call, is at least as long as libsecp256k1
/// reads or writes, and is not kept by it. The context is made and blinded once, and only read after that, so that
/// threads may share it (secp256k1.h, "Context").
@safe
private struct SigningContext: Sendable {
  static let shared = SigningContext()
  private nonisolated(unsafe) let context: OpaquePointer

  private init() {
    guard let context = unsafe secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
      preconditionFailure("out of memory")
    }
    let blinded = unsafe SymmetricKey(size: .bits256).withUnsafeBytes { seed in
      guard let start = unsafe seed.bindMemory(to: UInt8.self).baseAddress else { return false }
      return unsafe secp256k1_context_randomize(context, start) == 1
    }
    precondition(blinded)
    unsafe self.context = unsafe context
  }

  /// `x ‖ y`; nil when `secret`, 32 bytes, is zero or not below the order.
  func publicKey(of secret: SymmetricKey) -> Bytes64? {
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
    return Bytes64 { bytes[$0 + 1] }
  }

  /// `r ‖ s`, low s, and the recovery id.
  func sign(_ digest: Bytes32, with secret: SymmetricKey) -> (Bytes64, UInt8) {
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
}
