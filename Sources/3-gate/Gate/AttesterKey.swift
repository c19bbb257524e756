public import Messages
public import SignatureSchemes
public import WireBytes

/// Which signatures an attester makes: a suite of ``SignatureSuites/standard``, and one form of its keys.
///
/// One key has one encoding here, so that nobody can be listed twice under two of them.
public enum AttesterSuite: String, Hashable, Sendable, CaseIterable {
  /// ECDSA over secp256k1: the key is a 20-byte Ethereum address, the signature `r ‖ s ‖ v` with low s and v 27 or 28.
  /// An EVM contract checks it for 3,000 gas.
  case secp256k1Address = "secp256k1-address"
  /// Ed25519 by RFC 8032, strictly: the key has 32 bytes, the signature 64.
  case ed25519 = "ed25519"
  /// ECDSA over P-256: the key is a compressed point of 33 bytes, the signature `r ‖ s`.
  case p256 = "p256-sha256"
  /// ECDSA over P-384: the key is a compressed point of 49 bytes, the signature `r ‖ s`.
  case p384 = "p384-sha384"
  /// ML-DSA of FIPS 204, parameter set 65.
  case mlDSA65 = "ml-dsa-65"
  /// ML-DSA of FIPS 204, parameter set 87.
  case mlDSA87 = "ml-dsa-87"
  /// Both halves must verify; keys and signatures are ``HybridParts``, classical points compressed.
  case ed25519AndMLDSA65 = "ed25519+ml-dsa-65"
  case secp256k1AndMLDSA65 = "secp256k1-keccak256+ml-dsa-65"
  case p384AndMLDSA87 = "p384-sha384+ml-dsa-87"

  /// The suite in the registry, which may forbid it from some date on.
  public var id: SuiteID {
    switch self {
    case .secp256k1Address: .ethereumAddress
    case .ed25519: .ed25519
    case .p256: .p256SHA256
    case .p384: .p384SHA384
    case .mlDSA65: .mlDSA65
    case .mlDSA87: .mlDSA87
    case .ed25519AndMLDSA65: .ed25519AndMLDSA65
    case .secp256k1AndMLDSA65: .secp256k1AndMLDSA65
    case .p384AndMLDSA87: .p384AndMLDSA87
    }
  }

  /// Bytes of a key.
  public var keySize: Int {
    switch self {
    case .secp256k1Address: 20
    case .ed25519: 32
    case .p256: 33
    case .p384: 49
    case .mlDSA65: MLDSA.ParameterSet.mldsa65.keySizeBytes
    case .mlDSA87: MLDSA.ParameterSet.mldsa87.keySizeBytes
    case .ed25519AndMLDSA65: Self.framing + 32 + MLDSA.ParameterSet.mldsa65.keySizeBytes
    case .secp256k1AndMLDSA65: Self.framing + 33 + MLDSA.ParameterSet.mldsa65.keySizeBytes
    case .p384AndMLDSA87: Self.framing + 49 + MLDSA.ParameterSet.mldsa87.keySizeBytes
    }
  }

  /// Bytes of a signature.
  public var signatureSize: Int {
    switch self {
    case .secp256k1Address: 65
    case .ed25519, .p256: 64
    case .p384: 96
    case .mlDSA65: MLDSA.ParameterSet.mldsa65.signatureSizeBytes
    case .mlDSA87: MLDSA.ParameterSet.mldsa87.signatureSizeBytes
    case .ed25519AndMLDSA65, .secp256k1AndMLDSA65:
      Self.framing + 64 + MLDSA.ParameterSet.mldsa65.signatureSizeBytes
    case .p384AndMLDSA87: Self.framing + 96 + MLDSA.ParameterSet.mldsa87.signatureSizeBytes
    }
  }

  /// What ``HybridParts`` puts around its halves: a version, and a suite and a length for each.
  private static let framing = 1 + 2 * (2 + 2)
}

/// Why a signature of an attester does not count.
public enum AttesterSignatureError: Error, Hashable, Sendable {
  case keyLength(expected: Int, actual: Int)
  case signatureLength(expected: Int, actual: Int)
  case secp256k1(Secp256k1.VerificationError)
  /// The signature is by another key.
  case otherSigner(Bytes20)
  case ed25519(Ed25519.VerificationError)
  /// No attester signs in this suite.
  case suiteNotOffered(String)
  /// Any other reason of the registry: another suite's, or that this one is forbidden by now.
  case suite(SignatureRefusal)
}

/// An attester: a key, the way it signs, and what its word weighs.
public struct Attester: Hashable, Sendable {
  public let suite: AttesterSuite
  public let key: [UInt8]
  /// 1 for everyone makes a plain m-of-n.
  public let weight: UInt64

  /// - Throws: ``AttesterSignatureError/keyLength(expected:actual:)``.
  public init(suite: AttesterSuite, key: [UInt8], weight: UInt64 = 1) throws(AttesterSignatureError) {
    guard key.count == suite.keySize else {
      throw .keyLength(expected: suite.keySize, actual: key.count)
    }
    self.suite = suite
    self.key = key
    self.weight = weight
  }

  /// An enclave's signing key: the suites of enclaves are suites of attesters, by the same names.
  init(_ key: EnclaveVerificationKey) throws(AttesterSignatureError) {
    guard let suite = AttesterSuite(rawValue: key.suite.rawValue) else { throw .suiteNotOffered(key.suite.rawValue) }
    try self.init(suite: suite, key: key.bytes)
  }

  /// Checks that this attester signed `digest`, in a suite that is not forbidden at `now`.
  ///
  /// - Throws: ``AttesterSignatureError``.
  public func verify(
    _ signature: [UInt8], digest: Bytes32, at now: UnixTime
  ) throws(AttesterSignatureError) {
    guard signature.count == suite.signatureSize else {
      throw .signatureLength(expected: suite.signatureSize, actual: signature.count)
    }
    do {
      try SignatureSuites.standard.verify(
        suite: suite.id, key: key.span, digest: digest, signature: signature.span, at: now.seconds)
    } catch {
      switch error {
      case .secp256k1(let reason): throw .secp256k1(reason)
      case .address(let signer): throw .otherSigner(signer)
      case .ed25519(let reason): throw .ed25519(reason)
      default: throw .suite(error)
      }
    }
  }
}
