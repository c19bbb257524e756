private import CPKCS11
private import Digests
package import SigningRules
private import WireBytes

/// How keys of one suite are made and used in a token, and how its signatures become ours.
package struct PKCS11Suite: Sendable {
  package let suite: KeySuite
  let keyPairMechanism: UInt
  let signMechanism: UInt
  /// `CKA_EC_PARAMS` in the ways that modules know; they are tried in this order.
  let parameterForms: [[UInt8]]
  /// `r ‖ s`, or `R ‖ s`.
  let signatureSizeBytes: Int

  /// - Throws: ``KeyBackEndError/unsupported(_:)``.
  package init(_ suite: KeySuite) throws(KeyBackEndError) {
    self.suite = suite
    switch suite {
    case .secp256k1, .p256, .p384:
      keyPairMechanism = CKM_EC_KEY_PAIR_GEN
      signMechanism = CKM_ECDSA
      signatureSizeBytes = suite == .p384 ? 96 : 64
      parameterForms =
        switch suite {
        // 1.3.132.0.10 (SEC 2, section A.2.1)
        case .secp256k1: [[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a]]
        // 1.3.132.0.34 (RFC 5480, section 2.1.1.1)
        case .p384: [[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]]
        // 1.2.840.10045.3.1.7 (RFC 5480, section 2.1.1.1)
        default: [[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]]
        }
    case .ed25519:
      keyPairMechanism = CKM_EC_EDWARDS_KEY_PAIR_GEN
      signMechanism = CKM_EDDSA
      signatureSizeBytes = 64
      parameterForms = [
        // The PrintableString "edwards25519" (PKCS#11 3.0, section 2.3.7)
        [0x13, 0x0c] + [UInt8]("edwards25519".utf8),
        // 1.3.101.112, id-Ed25519 (RFC 8410, section 3)
        [0x06, 0x03, 0x2b, 0x65, 0x70],
        // 1.3.6.1.4.1.11591.15.1, which older modules know
        [0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01],
      ]
    case .mlDSA65, .mlDSA87, .ed25519AndMLDSA65, .secp256k1AndMLDSA65, .p384AndMLDSA87, .frostEd25519:
      throw .unsupported(suite)
    }
  }

  /// What the token is given: hashes are made here, because modules differ in which they know.
  func input(_ content: SigningPayload.Content) -> [UInt8] {
    switch suite {
    case .ed25519: content.message
    case .p384: SecureHashes.sha384(content.message.span).array
    default: content.sha256.array
    }
  }

  /// The signature as ``SigningPayload`` wants it, verified with the public key.
  ///
  /// Of secp256k1, tokens give either of the two s that fit; the low one is taken. Public values only.
  ///
  /// - Throws: ``PKCS11Failure/signature``, or ``PKCS11Failure/final(_:)`` when the public key is none.
  package func finish(
    _ signature: [UInt8], over content: SigningPayload.Content, recoverable: Bool, publicKey: [UInt8]
  ) throws(PKCS11Failure) -> [UInt8] {
    guard signature.count == signatureSizeBytes else { throw .signature }
    var signature = signature
    if suite == .secp256k1 {
      guard let low = SignatureForms.lowS(Bytes64(signature.span, at: 0)) else { throw .signature }
      signature = low.array
      if recoverable {
        let whole = SignatureForms.recoverable(low, digest: content.sha256, publicKey: publicKey)
        guard let whole else { throw .signature }
        // To have recovered this very key is to have verified.
        return whole.array
      }
    }
    do {
      try SignatureCheck.check(
        signature, over: content, recoverable: false, suite: suite, publicKey: publicKey)
    } catch { throw error == .invalidSignature ? .signature : .final(error) }
    return signature
  }
}
