import SignatureSchemes
public import WireBytes

/// Brings what a token gives for secp256k1 into the form that verifiers want.
public enum SignatureForms {
  /// The same signature with the lower of its two possible s; nil when r or s is out of range.
  public static func lowS(_ compact: Bytes64) -> Bytes64? { Secp256k1Engine.shared.lowS(compact) }

  /// `r ‖ s ‖ v`, v the one of 27 and 28 with which `publicKey` comes out; nil when neither does.
  ///
  /// - Parameters:
  ///   - compact: with low s.
  ///   - publicKey: SEC 1.
  public static func recoverable(_ compact: Bytes64, digest: Bytes32, publicKey: [UInt8]) -> FixedBytes<65>? {
    guard let key = try? Secp256k1.PublicKey(sec1: publicKey.span) else { return nil }
    for v: UInt8 in [27, 28] {
      let bytes = FixedBytes<65> { $0 < 64 ? compact[$0] : v }
      guard let signature = try? Secp256k1.RecoverableSignature(bytes.span, form: .twentySevenOrTwentyEight),
        let recovered = try? Secp256k1.recover(digest: digest, signature: signature, policy: .lowSRequired),
        recovered.coordinates == key.coordinates
      else { continue }
      return bytes
    }
    return nil
  }
}
