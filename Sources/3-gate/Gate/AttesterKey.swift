public import SignatureSchemes
public import WireBytes

/// Which signatures an attester makes.
public enum AttesterSuite: String, Hashable, Sendable, CaseIterable {
  /// ECDSA over secp256k1: the key is a 20-byte Ethereum address, the signature `r ‖ s ‖ v` with low s and v 27 or 28.
  /// An EVM contract checks it for 3,000 gas.
  case secp256k1Address = "secp256k1-address"
  /// Ed25519 by RFC 8032, strictly: the key has 32 bytes, the signature 64.
  case ed25519 = "ed25519"

  public var keySize: Int {
    switch self {
    case .secp256k1Address: 20
    case .ed25519: 32
    }
  }

  public var signatureSize: Int {
    switch self {
    case .secp256k1Address: 65
    case .ed25519: 64
    }
  }
}

/// Why a signature of an attester does not count.
public enum AttesterSignatureError: Error, Hashable, Sendable {
  case keyLength(expected: Int, actual: Int)
  case signatureLength(expected: Int, actual: Int)
  case secp256k1(Secp256k1.VerificationError)
  /// The signature is by another key.
  case otherSigner(Bytes20)
  case ed25519(Ed25519.VerificationError)
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

  /// Checks that this attester signed `digest`.
  ///
  /// - Throws: ``AttesterSignatureError``.
  public func verify(_ signature: [UInt8], digest: Bytes32) throws(AttesterSignatureError) {
    guard signature.count == suite.signatureSize else {
      throw .signatureLength(expected: suite.signatureSize, actual: signature.count)
    }
    switch suite {
    case .secp256k1Address:
      let signer: Bytes20
      do {
        signer = try Secp256k1.recoverAddress(
          digest: digest, signature: signature.span, form: .twentySevenOrTwentyEight, policy: .lowSRequired)
      } catch { throw .secp256k1(error) }
      guard signer.array == key else { throw .otherSigner(signer) }
    case .ed25519:
      do {
        try Ed25519.verify(
          digest.span, signature: Bytes64(signature.span, at: 0), key: Bytes32(key.span, at: 0),
          rule: .rfc8032Strict)
      } catch { throw .ed25519(error) }
    }
  }
}
