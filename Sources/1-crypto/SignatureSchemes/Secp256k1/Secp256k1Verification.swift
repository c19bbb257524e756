public import WireBytes

extension Secp256k1 {
  /// Why a signature was refused.
  public enum VerificationError: Error, Hashable, Sendable {
    /// Not 64 bytes (`r || s`) or 65 (`r || s || v`).
    case signatureLength(Int)
    /// v is none of the values of the form the protocol uses.
    case recoveryValue(UInt64)
    case rZero
    /// r is n or more.
    case rOverflow
    case sZero
    /// s is n or more.
    case sOverflow
    /// s is over (n - 1) / 2 and the policy requires a low s.
    case sHigh
    /// No key fits: there is no point with that x, or the key would be the point at infinity.
    case unrecoverable
    /// The signature does not fit the key and the digest.
    case mismatch
    case der(DERIntegersError)
  }

  /// What a protocol asks of a signature beyond fitting the key.
  public struct SignaturePolicy: Hashable, Sendable {
    public enum LowS: Hashable, Sendable {
      /// s over (n - 1) / 2 is refused: signatures are unique per digest and nonce (EIP-2, OpenZeppelin).
      case required
      /// Either s is taken. Wormhole and CCIP RMN accept what a stricter verifier would refuse, so requiring it
      /// there would fork from them; signature bytes must then never serve as a replay key.
      case notChecked
    }

    public let lowS: LowS

    public init(lowS: LowS) { self.lowS = lowS }

    public static let lowSRequired = SignaturePolicy(lowS: .required)
    public static let anyS = SignaturePolicy(lowS: .notChecked)

    func check(_ signature: Signature) throws(VerificationError) {
      guard lowS == .notChecked || signature.hasLowS else { throw .sHigh }
    }
  }

  /// The key that made `signature` over `digest`.
  ///
  /// The caller compares it with the keys it trusts: a recovered key by itself proves nothing.
  ///
  /// - Throws: ``VerificationError/sHigh`` or ``VerificationError/unrecoverable``.
  /// - Complexity: one libsecp256k1 recovery; no heap allocation.
  public static func recover(
    digest: Bytes32, signature: RecoverableSignature, policy: SignaturePolicy
  ) throws(VerificationError) -> PublicKey {
    try policy.check(signature.signature)
    guard let point = CurvePoint(recovering: signature, digest: digest) else { throw .unrecoverable }
    return PublicKey(onCurve: point.coordinates)
  }

  /// The Ethereum address of the key that made the 65-byte `signature` over `digest`.
  public static func recoverAddress(
    digest: Bytes32, signature: Span<UInt8>, form: RecoveryIDForm, policy: SignaturePolicy
  ) throws(VerificationError) -> Bytes20 {
    let recoverable = try RecoverableSignature(signature, form: form)
    return try recover(digest: digest, signature: recoverable, policy: policy).ethereumAddress
  }

  /// Checks `signature` over `digest` against `key`; returning means that it holds.
  ///
  /// - Throws: ``VerificationError/sHigh`` or ``VerificationError/mismatch``.
  public static func verify(
    digest: Bytes32, signature: Signature, key: PublicKey, policy: SignaturePolicy
  ) throws(VerificationError) {
    try policy.check(signature)
    guard let point = CurvePoint(key.coordinates), point.verifies(signature, digest: digest) else {
      throw .mismatch
    }
  }

  /// The 32 bytes that ECDSA signs for a hash of another length: its leftmost 32 bytes, or zeroes and then the hash
  /// when it is shorter (SEC 1, section 4.1.3, step 5).
  public static func digest(truncating hash: Span<UInt8>) -> Bytes32 {
    let missing = max(0, 32 - hash.count)
    return Bytes32 { $0 < missing ? 0 : hash[$0 - missing] }
  }
}
