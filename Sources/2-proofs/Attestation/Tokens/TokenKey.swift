public import Encodings
public import SignatureSchemes
import WireBytes

/// Why a token's signature, or the key for it, was refused.
public enum TokenKeyError: Error, Hashable, Sendable {
  /// Not a SubjectPublicKeyInfo that is read here.
  case key(X509Error)
  case der(DERError)
  /// A JWK of another form: the member that is at fault.
  case jwk(String)
  /// The key is not of the kind that its algorithm has.
  case kind(TokenAlgorithm)
  /// The token is signed with another algorithm than the key is pinned to.
  case algorithm(pinned: TokenAlgorithm, token: TokenAlgorithm)
  case signatureLength(expected: Int, actual: Int)
  case ecdsa(ECDSAError)
  case rsa(RSAPSS.VerificationError)
}

/// A verifier's key, pinned to one algorithm: what a token says of keys or algorithms chooses neither.
public struct TokenKey: Hashable, Sendable {
  public let algorithm: TokenAlgorithm
  /// SubjectPublicKeyInfo in DER.
  public let publicKeyInfo: [UInt8]
  private let key: X509PublicKey

  /// - Throws: ``TokenKeyError`` `.key`, `.der` or `.kind`.
  public init(_ algorithm: TokenAlgorithm, publicKeyInfo: [UInt8]) throws(TokenKeyError) {
    let element: DERElement
    do { element = try DERElement(decoding: publicKeyInfo) } catch { throw .der(error) }
    do { key = try X509PublicKey(element) } catch { throw .key(error) }
    switch (algorithm, key) {
    case (.es256, .p256), (.es384, .p384): break
    case (.rs256, .rsa), (.rs384, .rsa), (.rs512, .rsa), (.ps256, .rsa), (.ps384, .rsa), (.ps512, .rsa): break
    default: throw .kind(algorithm)
    }
    self.algorithm = algorithm
    self.publicKeyInfo = publicKeyInfo
  }

  /// Reads a JSON Web Key (RFC 7517): `EC` on P-256 or P-384, or `RSA`. Without `alg` an RSA key is for
  /// RS256.
  ///
  /// - Throws: ``TokenKeyError``.
  public init(jwk: JSONValue) throws(TokenKeyError) {
    func bytes(_ name: String, max: Int) throws(TokenKeyError) -> [UInt8] {
      guard let text = jwk[name]?.string, let bytes = try? Base64.url.decode(text, sizeBytesMax: 2 * max),
        bytes.count <= max
      else { throw .jwk(name) }
      return bytes
    }
    let information: [UInt8]
    let own: TokenAlgorithm
    switch (jwk["kty"]?.string, jwk["crv"]?.string) {
    case ("EC", "P-256"), ("EC", "P-384"):
      let isP256 = jwk["crv"]?.string == "P-256"
      let width = isP256 ? 32 : 48
      let (x, y) = (try bytes("x", max: width), try bytes("y", max: width))
      // RFC 7518, section 6.2.1.2: coordinates are as wide as the curve.
      guard x.count == width, y.count == width else { throw .jwk(x.count == width ? "y" : "x") }
      information = PublicKeyInfo.elliptic(isP256 ? .p256 : .p384, point: [4] + x + y)
      own = isP256 ? .es256 : .es384
    case ("RSA", nil):
      information = PublicKeyInfo.rsa(modulus: try bytes("n", max: 1024), exponent: try bytes("e", max: 8))
      own = .rs256
    default: throw .jwk("kty")
    }
    var algorithm = own
    if let named = jwk["alg"] {
      guard let word = named.string, let known = TokenAlgorithm(rawValue: word) else { throw .jwk("alg") }
      algorithm = known
    }
    try self.init(algorithm, publicKeyInfo: information)
  }

  /// Checks a token's signature; returning means that it holds.
  ///
  /// - Throws: ``TokenKeyError``.
  public func verify(_ token: JSONWebToken) throws(TokenKeyError) {
    guard token.algorithm == algorithm else { throw .algorithm(pinned: algorithm, token: token.algorithm) }
    let message = token.signed
    try verify(message.span, signature: token.signature)
  }

  /// Checks a signature in the form of JWA, by the pinned algorithm.
  ///
  /// - Throws: ``TokenKeyError``.
  public func verify(_ message: Span<UInt8>, signature: [UInt8]) throws(TokenKeyError) {
    switch key {
    case .p256(let key):
      guard signature.count == 64 else { throw .signatureLength(expected: 64, actual: signature.count) }
      do { try ECDSAP256.verify(message, signature: signature.span, key: key) } catch { throw .ecdsa(error) }
    case .p384(let key):
      guard signature.count == 96 else { throw .signatureLength(expected: 96, actual: signature.count) }
      do { try ECDSAP384.verify(message, signature: signature.span, key: key) } catch { throw .ecdsa(error) }
    case .rsa(let encoded, _):
      let hash: RSAPSS.Hash =
        switch algorithm {
        case .rs384, .ps384: .sha384
        case .rs512, .ps512: .sha512
        default: .sha256
        }
      do {
        let key = try RSAPSS.PublicKey(der: encoded.span)
        switch algorithm {
        case .ps256, .ps384, .ps512:
          try RSAPSS.verify(message, signature: signature.span, key: key, hash: hash)
        default: try RSAPKCS1.verify(message, signature: signature.span, key: key, hash: hash)
        }
      } catch { throw .rsa(error) }
    case .other: throw .kind(algorithm)
    }
  }
}

/// SubjectPublicKeyInfo in DER of keys that come as numbers.
enum PublicKeyInfo {
  static func rsa(modulus: [UInt8], exponent: [UInt8]) -> [UInt8] {
    let numbers = element(0x30, unsigned(modulus) + unsigned(exponent))
    // rsaEncryption with NULL (RFC 3279, section 2.3.1).
    let algorithm = element(0x30, element(0x06, [42, 134, 72, 134, 247, 13, 1, 1, 1]) + [5, 0])
    return element(0x30, algorithm + element(0x03, [0] + numbers))
  }

  /// - Parameter point: SEC 1, uncompressed.
  static func elliptic(_ curve: TPM2.Public.Curve, point: [UInt8]) -> [UInt8] {
    let name: [UInt8] =
      switch curve {
      case .p256: [42, 134, 72, 206, 61, 3, 1, 7]
      case .p384: [43, 129, 4, 0, 34]
      case .p521: [43, 129, 4, 0, 35]
      }
    // id-ecPublicKey with a named curve (RFC 5480, section 2.1.1).
    let algorithm = element(0x30, element(0x06, [42, 134, 72, 206, 61, 2, 1]) + element(0x06, name))
    return element(0x30, algorithm + element(0x03, [0] + point))
  }

  private static func unsigned(_ number: [UInt8]) -> [UInt8] {
    let significant = [UInt8](number.drop { $0 == 0 })
    return element(0x02, (significant.first.map { $0 >= 0x80 } ?? true ? [0] : []) + significant)
  }

  /// One element; contents are shorter than 2^16.
  private static func element(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] {
    let count = contents.count
    if count < 0x80 { return [tag, UInt8(count)] + contents }
    if count < 0x100 { return [tag, 0x81, UInt8(count)] + contents }
    return [tag, 0x82, UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)] + contents
  }
}
