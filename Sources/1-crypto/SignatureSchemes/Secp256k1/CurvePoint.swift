private import CSecp256k1
import WireBytes

/// A parsed key in libsecp256k1's own representation: the one place where this module calls into C.
///
/// Every pointer handed over points to a local or to bytes borrowed for the call, is at least as long as libsecp256k1
/// reads or writes, and is not kept by it.
@safe
struct CurvePoint {
  private var key = secp256k1_pubkey()

  /// One context for the process, made once and never written again, so that threads may share it.
  ///
  /// It is not randomised: blinding guards secret scalars while signing, and only public values pass through here.
  private nonisolated(unsafe) static let context: OpaquePointer = {
    guard let context = unsafe secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
      preconditionFailure("out of memory")
    }
    return unsafe context
  }()

  /// Nil when `bytes`, 33 or 65 of them, name no point.
  init?(sec1 bytes: Span<UInt8>) {
    let parsed = unsafe bytes.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return false }
      return unsafe secp256k1_ec_pubkey_parse(Self.context, &key, start, buffer.count) == 1
    }
    guard parsed else { return nil }
  }

  /// Nil when the coordinates `x || y` name no point.
  init?(_ coordinates: Bytes64) {
    let bytes = FixedBytes<65> { $0 == 0 ? 4 : coordinates[$0 - 1] }
    self.init(sec1: bytes.span)
  }

  /// Nil when no key made `signature`.
  init?(recovering signature: Secp256k1.RecoverableSignature, digest: Bytes32) {
    var parsed = secp256k1_ecdsa_recoverable_signature()
    let compact = signature.signature.compact
    let read = unsafe compact.span.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return false }
      return unsafe secp256k1_ecdsa_recoverable_signature_parse_compact(
        Self.context, &parsed, start, Int32(signature.recoveryID)) == 1
    }
    guard read else { return nil }
    let recovered = unsafe digest.span.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return false }
      return unsafe secp256k1_ecdsa_recover(Self.context, &key, &parsed, start) == 1
    }
    guard recovered else { return nil }
  }

  /// `x || y`.
  var coordinates: Bytes64 {
    var key = key
    var bytes = InlineArray<65, UInt8>(repeating: 0)
    var count = 65
    var span = bytes.mutableSpan
    unsafe span.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      // Writes 65 bytes and cannot fail for a parsed key.
      _ = unsafe secp256k1_ec_pubkey_serialize(
        Self.context, start, &count, &key, UInt32(SECP256K1_EC_UNCOMPRESSED))
    }
    return Bytes64 { bytes[$0 + 1] }
  }

  /// Whether `signature`, with either s, fits this key.
  func verifies(_ signature: Secp256k1.Signature, digest: Bytes32) -> Bool {
    var key = key
    var parsed = secp256k1_ecdsa_signature()
    let compact = signature.compact
    let read = unsafe compact.span.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return false }
      return unsafe secp256k1_ecdsa_signature_parse_compact(Self.context, &parsed, start) == 1
    }
    guard read else { return false }
    var low = secp256k1_ecdsa_signature()
    // libsecp256k1 verifies low s only; the policy has already decided about a high one.
    _ = unsafe secp256k1_ecdsa_signature_normalize(Self.context, &low, &parsed)
    return unsafe digest.span.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return false }
      return unsafe secp256k1_ecdsa_verify(Self.context, &low, start, &key) == 1
    }
  }
}
