import Digests
import SignatureSchemes
public import SigningRules
import WireBytes

/// The last thing before a signature leaves a back end: is it one, by that key, over that payload?
///
/// A fault during signing, or a broken token, can give a signature that betrays the key; and one that does not verify
/// helps nobody. Public data only.
public enum SignatureCheck {
  /// - Throws: ``KeyBackEndError/invalidSignature``, or ``KeyBackEndError/malformed(step:)`` when the public key is none
  ///   of its suite.
  public static func check(
    _ signature: [UInt8], over payload: SigningPayload, by key: BackEndKey
  ) throws(KeyBackEndError) {
    try check(
      signature, over: payload.content, recoverable: payload.recoverable, suite: key.suite,
      publicKey: key.publicKey)
  }

  /// The same below the payload: verifying gives nobody anything to sign with.
  public static func check(
    _ signature: [UInt8], over content: SigningPayload.Content, recoverable: Bool, suite: KeySuite,
    publicKey: [UInt8]
  ) throws(KeyBackEndError) {
    do {
      switch suite {
      case .secp256k1:
        try secp256k1(signature, digest: content.sha256, recoverable: recoverable, publicKey: publicKey)
      case .p256:
        try verify(.p256SHA256, publicKey, digest: content.sha256, signature)
      case .p384: try verify(.p384SHA384, publicKey, content.message, signature)
      case .ed25519, .frostEd25519: try verify(.ed25519, publicKey, content.message, signature)
      case .mlDSA65: try verify(.mlDSA65, publicKey, content.message, signature)
      case .mlDSA87: try verify(.mlDSA87, publicKey, content.message, signature)
      case .ed25519AndMLDSA65: try verify(.ed25519AndMLDSA65, publicKey, content.message, signature)
      case .secp256k1AndMLDSA65: try verify(.secp256k1AndMLDSA65, publicKey, content.message, signature)
      case .p384AndMLDSA87: try verify(.p384AndMLDSA87, publicKey, content.message, signature)
      }
    } catch {
      throw error.isOfKey ? .malformed(step: "public key") : .invalidSignature
    }
  }

  private static func verify(
    _ suite: SuiteID, _ key: [UInt8], _ message: [UInt8], _ signature: [UInt8]
  ) throws(SignatureRefusal) {
    // No suite that signs here has an end date; a back end has no clock.
    try SignatureSuites.standard.verify(
      suite: suite, key: key.span, message: message.span, signature: signature.span, at: 0)
  }

  private static func verify(
    _ suite: SuiteID, _ key: [UInt8], digest: Bytes32, _ signature: [UInt8]
  ) throws(SignatureRefusal) {
    try SignatureSuites.standard.verify(
      suite: suite, key: key.span, digest: digest, signature: signature.span, at: 0)
  }

  private static func secp256k1(
    _ signature: [UInt8], digest: Bytes32, recoverable: Bool, publicKey: [UInt8]
  ) throws(SignatureRefusal) {
    guard recoverable else {
      try verify(.secp256k1SHA256, publicKey, digest: digest, signature)
      return
    }
    let key: Secp256k1.PublicKey
    do { key = try Secp256k1.PublicKey(sec1: publicKey.span) } catch { throw .secp256k1Key(error) }
    do throws(Secp256k1.VerificationError) {
      let parsed = try Secp256k1.RecoverableSignature(signature.span, form: .twentySevenOrTwentyEight)
      let recovered = try Secp256k1.recover(digest: digest, signature: parsed, policy: .lowSRequired)
      guard recovered.coordinates == key.coordinates else { throw Secp256k1.VerificationError.mismatch }
    } catch { throw .secp256k1(error) }
  }
}

extension SigningPayload.Content {
  /// What secp256k1 and P-256 take as their hash.
  var sha256: Bytes32 {
    switch self {
    case .digest(let digest): digest
    case .message(let message): SHA256Hash.hash(message)
    }
  }

  /// What the other suites take as their message.
  var message: [UInt8] {
    switch self {
    case .digest(let digest): digest.array
    case .message(let message): message
    }
  }
}

extension SignatureRefusal {
  /// Whether the key, not the signature, is at fault.
  fileprivate var isOfKey: Bool {
    switch self {
    case .secp256k1Key, .hybridKey: true
    case .ecdsa(.keyLength), .ecdsa(.keyPrefix), .ecdsa(.keyNotOnCurve): true
    case .mlDSA(.keyLength), .mlDSA(.key): true
    case .classicalHalf(let refusal), .postQuantumHalf(let refusal): refusal.isOfKey
    default: false
    }
  }
}
