public import Encodings
import Messages
public import SignatureSchemes
import WireBytes

/// Why text is no signed token, or its signature does not hold.
public enum CompactSignatureError: Error, Hashable, Sendable {
  /// Not three parts between two dots.
  case parts(Int)
  /// `part` counts from 0: header, payload, signature.
  case base64(part: Int, Base64Error)
  case headerJSON(JSONError)
  case payloadJSON(JSONError)
  /// Header or payload is no object.
  case notObject(part: Int)
  /// `none`, a MAC, or an algorithm that is not verified here; nil when the header names none.
  case algorithm(String?)
  /// The header makes an extension critical, and none is known here.
  case critical
  /// The header names another type.
  case type(expected: String, actual: String?)
  /// The key is of another algorithm than the header names.
  case keyAlgorithm(header: String, key: String)
  case signature(SignatureRefusal)
}

/// Signature algorithms of JOSE that are verified here (RFC 7518, RFC 8037).
public enum TokenAlgorithm: String, Hashable, Sendable, CaseIterable {
  case es256 = "ES256"
  case es384 = "ES384"
  case edDSA = "EdDSA"

  var suite: SuiteID {
    switch self {
    case .es256: .p256SHA256
    case .es384: .p384SHA384
    case .edDSA: .ed25519
    }
  }
}

/// A public key of an issuer or a holder, and the only algorithm that it is for.
public struct TokenKey: Hashable, Sendable {
  public let algorithm: TokenAlgorithm
  /// SEC 1 point, or 32 bytes of Ed25519.
  public let bytes: [UInt8]

  public init(algorithm: TokenAlgorithm, bytes: [UInt8]) {
    self.algorithm = algorithm
    self.bytes = bytes
  }

  /// Why JSON is no public key.
  public enum FormError: Error, Hashable, Sendable {
    /// Another family or curve.
    case kind(type: String?, curve: String?)
    /// A coordinate is absent, or not of its length.
    case coordinate(String)
    /// A private key stands where a public one should.
    case privateKey
  }

  /// Reads a JWK (RFC 7517): `EC` with P-256 or P-384, or `OKP` with Ed25519.
  ///
  /// - Throws: ``FormError``.
  public init(jwk: JSONValue) throws(FormError) {
    guard jwk["d"] == nil else { throw .privateKey }
    let (type, curve) = (jwk["kty"]?.string, jwk["crv"]?.string)
    switch (type, curve) {
    case ("EC", "P-256"):
      self.init(
        algorithm: .es256,
        bytes: [4] + (try Self.coordinate(jwk, "x", 32)) + (try Self.coordinate(jwk, "y", 32)))
    case ("EC", "P-384"):
      self.init(
        algorithm: .es384,
        bytes: [4] + (try Self.coordinate(jwk, "x", 48)) + (try Self.coordinate(jwk, "y", 48)))
    case ("OKP", "Ed25519"): self.init(algorithm: .edDSA, bytes: try Self.coordinate(jwk, "x", 32))
    default: throw .kind(type: type, curve: curve)
    }
  }

  private static func coordinate(
    _ jwk: JSONValue, _ name: String, _ count: Int
  ) throws(FormError) -> [UInt8] {
    guard let text = jwk[name]?.string, let bytes = try? Base64.url.decode(text, sizeBytesMax: 128),
      bytes.count == count
    else { throw .coordinate(name) }
    return bytes
  }
}

/// A JWS in compact serialization (RFC 7515 section 7.1) whose signature is yet to be verified.
public struct UncheckedToken: Hashable, Sendable {
  /// As it was read; the signature is over its first two parts.
  public let text: String
  public let header: [String: JSONValue]
  public let payload: [String: JSONValue]
  let signingInput: [UInt8]
  let signature: [UInt8]

  static let depthMax = 32

  /// - Throws: ``CompactSignatureError``; the input is untrusted.
  public init(_ text: String, sizeBytesMax: Int) throws(CompactSignatureError) {
    let parts = text.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3 else { throw .parts(parts.count) }
    var bytes: [[UInt8]] = []
    for (index, part) in parts.enumerated() {
      do { bytes.append(try Base64.url.decode(part, sizeBytesMax: sizeBytesMax)) } catch {
        throw .base64(part: index, error)
      }
    }
    let limits = JSONLimits(sizeBytes: sizeBytesMax, depth: Self.depthMax)
    let header: JSONValue
    do { header = try JSONValue(decoding: bytes[0], limits: limits) } catch { throw .headerJSON(error) }
    guard let members = header.object else { throw .notObject(part: 0) }
    let payload: JSONValue
    do { payload = try JSONValue(decoding: bytes[1], limits: limits) } catch { throw .payloadJSON(error) }
    guard let claims = payload.object else { throw .notObject(part: 1) }
    self.text = text
    self.header = members
    self.payload = claims
    signingInput = [UInt8]((parts[0] + "." + parts[1]).utf8)
    signature = bytes[2]
  }

  /// Checks the signature; the header chooses nothing, it must agree with the key.
  ///
  /// - Parameter seconds: UNIX seconds of the decision, for suites that end some day.
  /// - Throws: ``CompactSignatureError``.
  public func verify(by key: TokenKey, at seconds: UInt64) throws(CompactSignatureError) {
    guard let name = header["alg"]?.string, let algorithm = TokenAlgorithm(rawValue: name) else {
      throw .algorithm(header["alg"]?.string)
    }
    guard header["crit"] == nil else { throw .critical }
    guard algorithm == key.algorithm else {
      throw .keyAlgorithm(header: name, key: key.algorithm.rawValue)
    }
    do {
      try SignatureSuites.standard.verify(
        suite: algorithm.suite, key: key.bytes.span, message: signingInput.span, signature: signature.span,
        at: seconds)
    } catch { throw .signature(error) }
  }

  /// The header's `typ`.
  func checkType(_ expected: String) throws(CompactSignatureError) {
    let actual = header["typ"]?.string
    guard actual == expected else { throw .type(expected: expected, actual: actual) }
  }
}

extension UncheckedToken {
  /// Parts that fit together, from one who has just made them.
  init(
    text: String, header: [String: JSONValue], payload: [String: JSONValue], signingInput: [UInt8],
    signature: [UInt8]
  ) {
    self.text = text
    self.header = header
    self.payload = payload
    self.signingInput = signingInput
    self.signature = signature
  }
}
