public import SignatureSchemes
import WireBytes

extension TPM2 {
  /// Why a key's signature over a structure was refused.
  public enum SignatureRefusal: Error, Hashable, Sendable {
    /// The key has another scheme or hash than the signature says; `key` is the key's TPM_ALG_ID.
    case scheme(key: UInt16, signature: UInt16)
    case hash(key: UInt16, signature: UInt16)
    /// SHA-1, or another hash that no verdict may rest on.
    case weakHash(UInt16)
    /// A curve other than P-256 and P-384, or one with a hash that is not its own.
    case curve(UInt16, hash: UInt16)
    /// An RSA key of fewer than 2048 bits, or with an exponent other than 65537.
    case rsaKey(bits: Int, exponent: UInt32)
    /// A number, coordinate or signature with another length than the key asks for.
    case length(expected: Int, actual: Int)
    case ecdsa(ECDSAError)
    case rsa(RSAPSS.VerificationError)
  }
}

extension TPM2.Public {
  /// Checks `signature` over `message` under this key; returning means that it holds.
  ///
  /// The key's own scheme and hash must be those of the signature. ECDSA goes over P-256 with SHA-256 and
  /// over P-384 with SHA-384, as TPMs make it.
  ///
  /// - Throws: ``TPM2/SignatureRefusal``.
  public func verify(
    _ message: Span<UInt8>, signature: TPM2.Signature
  ) throws(TPM2.SignatureRefusal) {
    guard scheme.identifier == signature.scheme.rawValue else {
      throw .scheme(key: scheme.identifier, signature: signature.scheme.rawValue)
    }
    guard scheme.hash == signature.hash else {
      throw .hash(key: scheme.hash?.rawValue ?? 0, signature: signature.hash.rawValue)
    }
    guard signature.hash.isAccepted else { throw .weakHash(signature.hash.rawValue) }
    switch (key, signature) {
    case (.elliptic(let curve, _, let x, let y), .ecdsa(let hash, let r, let s)):
      try Self.verify(message, curve: curve, hash: hash, key: [x, y], numbers: [r, s])
    case (.rsa(let bits, let exponent, let modulus), .rsassa(let hash, let bytes)):
      try TPM2RSA.verify(
        message, bits: bits, exponent: exponent, modulus: modulus, hash: hash, signature: bytes, isPSS: false)
    case (.rsa(let bits, let exponent, let modulus), .rsapss(let hash, let bytes)):
      try TPM2RSA.verify(
        message, bits: bits, exponent: exponent, modulus: modulus, hash: hash, signature: bytes, isPSS: true)
    case (.elliptic(let curve, _, _, _), _): throw .curve(curve.rawValue, hash: signature.hash.rawValue)
    case (.rsa(let bits, let exponent, _), .ecdsa): throw .rsaKey(bits: Int(bits), exponent: exponent)
    }
  }

  private static func verify(
    _ message: Span<UInt8>, curve: Curve, hash: TPM2.Hash, key: [[UInt8]], numbers: [[UInt8]]
  ) throws(TPM2.SignatureRefusal) {
    let point = [4] + (try joined(key, width: curve.width))
    let signature = try joined(numbers, width: curve.width)
    do {
      switch (curve, hash) {
      case (.p256, .sha256):
        try ECDSAP256.verify(
          message, signature: signature.span, key: ECDSAP256.PublicKey(sec1: point.span))
      case (.p384, .sha384):
        try ECDSAP384.verify(
          message, signature: signature.span, key: ECDSAP384.PublicKey(sec1: point.span))
      default: throw TPM2.SignatureRefusal.curve(curve.rawValue, hash: hash.rawValue)
      }
    } catch let error as ECDSAError {
      throw .ecdsa(error)
    } catch let error as TPM2.SignatureRefusal {
      throw error
    } catch {
      throw .ecdsa(.mismatch)
    }
  }

  /// Numbers one after the other, each as wide as the curve: TPMs leave leading zeroes away.
  private static func joined(_ numbers: [[UInt8]], width: Int) throws(TPM2.SignatureRefusal) -> [UInt8] {
    var bytes: [UInt8] = []
    for number in numbers {
      let significant = [UInt8](number.drop { $0 == 0 })
      guard significant.count <= width else { throw .length(expected: width, actual: significant.count) }
      bytes += [UInt8](repeating: 0, count: width - significant.count) + significant
    }
    return bytes
  }

  /// SEC 1, uncompressed; nil for RSA.
  public var point: [UInt8]? {
    guard case .elliptic(let curve, _, let x, let y) = key,
      let bytes = try? Self.joined([x, y], width: curve.width)
    else { return nil }
    return [4] + bytes
  }
}

/// RSA signatures of TPMs.
enum TPM2RSA {
  static func verify(
    _ message: Span<UInt8>, bits: UInt16, exponent: UInt32, modulus: [UInt8], hash: TPM2.Hash,
    signature: [UInt8], isPSS: Bool
  ) throws(TPM2.SignatureRefusal) {
    guard bits >= 2048, exponent == 0 || exponent == 65537 else {
      throw .rsaKey(bits: Int(bits), exponent: exponent)
    }
    let publicExponent: [UInt8] = [1, 0, 1]
    let function: RSAPSS.Hash
    switch hash {
    case .sha256: function = .sha256
    case .sha384: function = .sha384
    case .sha512: function = .sha512
    default: throw .weakHash(hash.rawValue)
    }
    do {
      let key = try RSAPSS.PublicKey(modulus: modulus.span, exponent: publicExponent.span)
      if isPSS {
        // The salt is as long as the hash: TPMs that keep to FIPS 186-4 make it so.
        try RSAPSS.verify(message, signature: signature.span, key: key, hash: function)
      } else {
        try RSAPKCS1.verify(message, signature: signature.span, key: key, hash: function)
      }
    } catch { throw .rsa(error) }
  }
}
