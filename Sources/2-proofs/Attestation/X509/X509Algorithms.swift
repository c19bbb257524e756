import Digests
public import SignatureSchemes
public import SwiftASN1
import WireBytes

/// A hash that signatures of certificates use.
public enum X509Hash: Hashable, Sendable {
  case sha256, sha384, sha512
}

/// The signature algorithm of a certificate or a revocation list, its parameters checked.
public enum X509SignatureAlgorithm: Hashable, Sendable {
  case ecdsa(X509Hash)
  case rsaPKCS1(X509Hash)
  /// MGF1 with the same hash, a salt as long as the hash.
  case rsaPSS(X509Hash)
  /// Read, and refused when something is to be verified with it.
  case other(ASN1ObjectIdentifier)

  private static let sha256: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 2, 1]
  private static let sha384: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 2, 2]
  private static let sha512: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 2, 3]
  private static let mgf1: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 1, 8]
  private static let pss: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 1, 10]

  /// Reads an AlgorithmIdentifier.
  ///
  /// - Throws: ``X509Error``: `.der`, `.algorithmParameters` when the parameters are not those that the algorithm has.
  public init(_ element: DERElement) throws(X509Error) {
    let parts = try X509Error.der { () throws(DERError) in try element.children(count: 1...2) }
    let oid = try X509Error.der { () throws(DERError) in try parts[0].oid() }
    let known: [(ASN1ObjectIdentifier, X509SignatureAlgorithm)] = [
      ([1, 2, 840, 10045, 4, 3, 2], .ecdsa(.sha256)), ([1, 2, 840, 10045, 4, 3, 3], .ecdsa(.sha384)),
      ([1, 2, 840, 10045, 4, 3, 4], .ecdsa(.sha512)),
      ([1, 2, 840, 113549, 1, 1, 11], .rsaPKCS1(.sha256)),
      ([1, 2, 840, 113549, 1, 1, 12], .rsaPKCS1(.sha384)),
      ([1, 2, 840, 113549, 1, 1, 13], .rsaPKCS1(.sha512)),
    ]
    if oid == Self.pss {
      guard parts.count == 2 else { throw .algorithmParameters(oid) }
      self = .rsaPSS(try Self.pssHash(parts[1]))
    } else if let (_, algorithm) = known.first(where: { $0.0 == oid }) {
      switch algorithm {
      // RFC 5758, section 3.2: no parameters; RFC 8017, appendix A.2.4: NULL.
      case .ecdsa: guard parts.count == 1 else { throw .algorithmParameters(oid) }
      default: guard parts.count == 2, parts[1].encoded == [5, 0] else { throw .algorithmParameters(oid) }
      }
      self = algorithm
    } else {
      self = .other(oid)
    }
  }

  /// The hash of RSASSA-PSS-params (RFC 8017, appendix A.2.3), after everything else in it was checked.
  private static func pssHash(_ element: DERElement) throws(X509Error) -> X509Hash {
    do {
      // The defaults are SHA-1, so hash, mask and salt are all written; a written trailer of 1 is AMD's habit.
      let parts = try element.children(count: 3...4)
      let hash = try hash(parts[0].explicit(0))
      let mask = try parts[1].explicit(1).children(count: 2...2)
      guard let hash, try mask[0].oid() == mgf1, try Self.hash(mask[1]) == hash else {
        throw X509Error.algorithmParameters(pss)
      }
      let salt: UInt64 =
        switch hash {
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
      guard try parts[2].explicit(2).unsigned() == salt else { throw X509Error.algorithmParameters(pss) }
      if parts.count == 4, try parts[3].explicit(3).unsigned() != 1 {
        throw X509Error.algorithmParameters(pss)
      }
      return hash
    } catch let error as DERError {
      throw .der(error)
    } catch {
      throw .algorithmParameters(pss)
    }
  }

  /// The hash of an AlgorithmIdentifier with absent or NULL parameters.
  private static func hash(_ element: DERElement) throws(DERError) -> X509Hash? {
    let parts = try element.children(count: 1...2)
    if parts.count == 2 { try parts[1].null() }
    switch try parts[0].oid() {
    case sha256: return .sha256
    case sha384: return .sha384
    case sha512: return .sha512
    default: return nil
    }
  }
}

/// Why a signature by a key of a certificate was refused.
public enum X509SignatureError: Error, Hashable, Sendable {
  /// An algorithm that is not among those verified here.
  case unknownAlgorithm(ASN1ObjectIdentifier)
  /// A key of a kind that is not among those verified here.
  case unknownKey(ASN1ObjectIdentifier)
  /// The algorithm is for another kind of key.
  case keyKind
  case ecdsa(ECDSAError)
  case rsaPSS(RSAPSS.VerificationError)
  case rsaPKCS1(RSAPSS.VerificationError)
}

/// The key of a SubjectPublicKeyInfo.
public enum X509PublicKey: Hashable, Sendable {
  case p256(ECDSAP256.PublicKey)
  case p384(ECDSAP384.PublicKey)
  /// An RSA key: its SubjectPublicKeyInfo in DER, which was read once and found good.
  case rsa([UInt8], bits: Int)
  /// Read, and refused when something is to be verified with it.
  case other(ASN1ObjectIdentifier)

  private static let rsaEncryption: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 1, 1]
  private static let ecPublicKey: ASN1ObjectIdentifier = [1, 2, 840, 10045, 2, 1]
  private static let p256Curve: ASN1ObjectIdentifier = [1, 2, 840, 10045, 3, 1, 7]
  private static let p384Curve: ASN1ObjectIdentifier = [1, 3, 132, 0, 34]

  /// Reads a SubjectPublicKeyInfo (RFC 5480, RFC 3279).
  ///
  /// - Throws: ``X509Error``.
  public init(_ element: DERElement) throws(X509Error) {
    let (algorithm, bits) = try X509Error.der { () throws(DERError) -> ([DERElement], [UInt8]) in
      let parts = try element.children(count: 2...2)
      return (try parts[0].children(count: 1...2), try parts[1].wholeBits())
    }
    let oid = try X509Error.der { () throws(DERError) in try algorithm[0].oid() }
    switch oid {
    case Self.rsaEncryption:
      guard algorithm.count == 2, algorithm[1].encoded == [5, 0] else { throw .algorithmParameters(oid) }
      let encoded = element.encoded
      do { self = .rsa(encoded, bits: try RSAPSS.PublicKey(der: encoded.span).sizeBits) } catch {
        throw .rsaKey(error)
      }
    case Self.ecPublicKey:
      guard algorithm.count == 2 else { throw .algorithmParameters(oid) }
      let curve = try X509Error.der { () throws(DERError) in try algorithm[1].oid() }
      do {
        switch curve {
        case Self.p256Curve: self = .p256(try ECDSAP256.PublicKey(sec1: bits.span))
        case Self.p384Curve: self = .p384(try ECDSAP384.PublicKey(sec1: bits.span))
        default: self = .other(curve)
        }
      } catch { throw .ecdsaKey(error) }
    default:
      self = .other(oid)
    }
  }

  /// Checks `signature`, in the form that certificates have it, over `message`; returning means that it holds.
  ///
  /// - Throws: ``X509SignatureError``.
  public func verify(
    _ message: Span<UInt8>, signature: [UInt8], algorithm: X509SignatureAlgorithm
  ) throws(X509SignatureError) {
    switch (self, algorithm) {
    case (_, .other(let oid)): throw .unknownAlgorithm(oid)
    case (.other(let oid), _): throw .unknownKey(oid)
    case (.p256(let key), .ecdsa(let hash)):
      let digest = Self.digest(message, hash)
      // FIPS 186-5, section 6.4.1: of a longer hash the leftmost bits count.
      do {
        try ECDSAP256.verify(digest: Bytes32 { digest[$0] }, der: signature.span, key: key)
      } catch { throw .ecdsa(error) }
    case (.p384(let key), .ecdsa(let hash)):
      let digest = Self.digest(message, hash)
      // A shorter hash is a smaller integer.
      let missing = max(0, 48 - digest.count)
      let wide = FixedBytes<48> { $0 < missing ? 0 : digest[$0 - missing] }
      do { try ECDSAP384.verify(digest: wide, der: signature.span, key: key) } catch { throw .ecdsa(error) }
    case (.rsa(let encoded, _), .rsaPSS(let hash)):
      do {
        let key = try RSAPSS.PublicKey(der: encoded.span)
        try RSAPSS.verify(message, signature: signature.span, key: key, hash: Self.rsaHash(hash))
      } catch { throw .rsaPSS(error) }
    case (.rsa(let encoded, _), .rsaPKCS1(let hash)):
      do {
        let key = try RSAPSS.PublicKey(der: encoded.span)
        try RSAPKCS1.verify(message, signature: signature.span, key: key, hash: Self.rsaHash(hash))
      } catch { throw .rsaPKCS1(error) }
    case (.rsa, .ecdsa), (.p256, .rsaPSS), (.p256, .rsaPKCS1), (.p384, .rsaPSS), (.p384, .rsaPKCS1):
      throw .keyKind
    }
  }

  private static func rsaHash(_ hash: X509Hash) -> RSAPSS.Hash {
    switch hash {
    case .sha256: .sha256
    case .sha384: .sha384
    case .sha512: .sha512
    }
  }

  private static func digest(_ message: Span<UInt8>, _ hash: X509Hash) -> [UInt8] {
    switch hash {
    case .sha256: SHA256Hash.hash(message).array
    case .sha384: SecureHashes.sha384(message).array
    case .sha512: SecureHashes.sha512(message).array
    }
  }
}
