import SignatureSchemes
import WireBytes

/// The address that made an ECDSA signature, as the EVM's ecrecover finds it.
enum SignerRecovery {
  /// The last 20 bytes of Keccak-256 of the recovered key; nil when no key can be recovered. A high `s` is taken.
  ///
  /// - Parameters:
  ///   - signature: `r || s || v`.
  ///   - form: which values of `v` there are; any other recovers nothing, as on the EVM.
  static func address(
    of digest: Bytes32, signature: FixedBytes<65>, form: Secp256k1.RecoveryIDForm
  ) -> Bytes20? {
    try? Secp256k1.recoverAddress(digest: digest, signature: signature.span, form: form, policy: .anyS)
  }
}
