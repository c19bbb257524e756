import SignatureSchemes

/// Which signatures enclaves and coordinators make, by the names that attesters' suites have.
///
/// Keys have one encoding, so that none can be registered twice under two of them.
///
/// - SeeAlso: docs/spec/attestation.md for keys and signatures; suites whose keys are over 2,048 bytes are not offered.
public enum SigningSuite: String, Hashable, Sendable, CaseIterable {
  /// ECDSA over secp256k1 as an EVM contract checks it: 20-byte address; `r ‖ s ‖ v`, low s, v 27 or 28.
  case secp256k1Address = "secp256k1-address"
  /// RFC 8032 strictly: 32 bytes; 64 bytes.
  case ed25519 = "ed25519"
  /// ECDSA over P-256: compressed point, 33 bytes; `r ‖ s` with low s.
  case p256 = "p256-sha256"
  /// ECDSA over P-384: compressed point, 49 bytes; `r ‖ s` with low s.
  case p384 = "p384-sha384"
  case mlDSA65 = "ml-dsa-65"
  /// Both halves must verify; keys and signatures are ``HybridParts``, classical points compressed.
  case ed25519AndMLDSA65 = "ed25519+ml-dsa-65"
  case secp256k1AndMLDSA65 = "secp256k1-keccak256+ml-dsa-65"

  /// Bytes of a public key.
  public var keySize: Int {
    switch self {
    case .secp256k1Address: 20
    case .ed25519: 32
    case .p256: 33
    case .p384: 49
    case .mlDSA65: MLDSA.ParameterSet.mldsa65.keySizeBytes
    case .ed25519AndMLDSA65: Self.framing + 32 + MLDSA.ParameterSet.mldsa65.keySizeBytes
    case .secp256k1AndMLDSA65: Self.framing + 33 + MLDSA.ParameterSet.mldsa65.keySizeBytes
    }
  }

  /// Bytes of a signature.
  public var signatureSize: Int {
    switch self {
    case .secp256k1Address: 65
    case .ed25519, .p256: 64
    case .p384: 96
    case .mlDSA65: MLDSA.ParameterSet.mldsa65.signatureSizeBytes
    case .ed25519AndMLDSA65, .secp256k1AndMLDSA65:
      Self.framing + 64 + MLDSA.ParameterSet.mldsa65.signatureSizeBytes
    }
  }

  /// What ``HybridParts`` puts around its halves: a version, and a suite and a length for each.
  private static let framing = 1 + 2 * (2 + 2)
  /// No signature of a suite here is longer.
  public static let signatureSizeMax = 4096

  /// Reads a name from the wire.
  ///
  /// - Throws: ``EnclaveFormatError/signingSuite(_:)``.
  package init(name bytes: [UInt8]) throws(EnclaveFormatError) {
    guard bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) else { throw .signingSuite(nil) }
    let name = String(decoding: bytes, as: UTF8.self)
    guard let suite = SigningSuite(rawValue: name) else { throw .signingSuite(name) }
    self = suite
  }
}

/// A public key of an enclave or a coordinator, and the suite it signs with.
public struct EnclaveVerificationKey: Hashable, Sendable {
  public let suite: SigningSuite
  public let bytes: [UInt8]

  /// - Throws: ``EnclaveFormatError/length(_:expected:actual:)``, and `overLimit` for a key that the formats cannot hold.
  public init(
    suite: SigningSuite, bytes: [UInt8], field: EnclaveField = .signingKey
  ) throws(EnclaveFormatError) {
    try EnclaveLimits.fits(suite.keySize, EnclaveLimits.keySizeMax, field)
    try EnclaveLimits.isPrecise(bytes.count, suite.keySize, field)
    self.suite = suite
    self.bytes = bytes
  }
}
