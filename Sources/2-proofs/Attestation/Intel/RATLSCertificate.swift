import Digests
public import Encodings
import SwiftASN1
public import WireBytes

/// Why a certificate does not show that its key is that of an attested enclave.
public enum RATLSError: Error, Hashable, Sendable {
  case der(DERError)
  case x509(X509Error)
  /// No extension with a quote that is read here.
  case noEvidence
  case cbor(CBORError)
  /// The evidence is not tag 60000 around two byte strings.
  case evidence
  /// Another kind of evidence than a quote of Intel's.
  case tag(UInt64)
  /// A claim is absent, of another type, or not known.
  case claim(String)
  /// A hash that is not sha-256, sha-384 or sha-512 (IANA named information 1, 7, 8).
  case hashAlgorithm(UInt64)
  case quote(IntelQuoteError)
  /// The claim is about another key.
  case key
  /// The quote's report data are not the hash that they should be, and zeros behind it.
  case reportData(wanted: Bytes32, found: Bytes64)
}

/// A certificate that carries a quote about its own key (RA-TLS).
///
/// Two forms are read: the interoperable one, extension 2.23.133.5.4.9 with the CBOR `60000([quote, claims])`
/// where the quote binds SHA-256 of the claims and these the hash of the SubjectPublicKeyInfo; and Gramine's
/// older one, extension 0.6.9.42.840.113741.1337.6 (an object identifier that was encoded twice) with the
/// bare quote, which binds SHA-256 of the SubjectPublicKeyInfo. Where a certificate has both, the first
/// counts. The SGX SDK's older extension 1.2.840.113741.1.13.1 says nothing of the key by itself and is
/// passed over.
///
/// The certificate's own signature and dates are not looked at: whoever speaks TLS has the key, and the quote
/// vouches for it.
///
/// - SeeAlso: CCC-Attestation/interoperable-ra-tls, docs.
public struct RATLSCertificate: Hashable, Sendable {
  /// Longest certificate that is looked at.
  public static let sizeMax = 128 << 10

  public enum Form: Hashable, Sendable {
    case interoperable
    case gramine
  }

  static let interoperableName: ASN1ObjectIdentifier = [2, 23, 133, 5, 4, 9]
  static let gramineName: ASN1ObjectIdentifier = [0, 6, 9, 42, 840, 113741, 1337, 6]
  /// The tag of an Intel quote.
  static let quoteTag: UInt64 = 60_000

  public let form: Form
  /// SubjectPublicKeyInfo in DER.
  public let publicKeyInfo: [UInt8]
  /// The quote, parsed by ``IntelQuote`` and not verified.
  public let quote: [UInt8]
  /// The claims as they were hashed; empty in Gramine's form.
  public let claims: [UInt8]
  /// The `nonce` claim, if there is one.
  public let nonce: [UInt8]?
  private let keyHash: [UInt8]

  /// Reads a certificate.
  ///
  /// - Throws: ``RATLSError``; the input is untrusted and no input traps. The binding is not checked yet.
  public init(decoding bytes: [UInt8]) throws(RATLSError) {
    let (info, extensions) = try Self.parts(bytes)
    publicKeyInfo = info
    if let found = extensions.first(where: { $0.oid == Self.interoperableName }) {
      form = .interoperable
      (quote, claims) = try Self.evidence(found.value)
      (keyHash, nonce) = try Self.claims(claims)
    } else if let found = extensions.first(where: { $0.oid == Self.gramineName }) {
      form = .gramine
      quote = found.value
      claims = []
      keyHash = []
      nonce = nil
    } else {
      throw .noEvidence
    }
  }

  /// Checks that the quote is about this certificate's key; that the quote is Intel's remains to be verified.
  ///
  /// - Returns: the quote, parsed.
  public func boundQuote() throws(RATLSError) -> IntelQuote {
    let parsed: IntelQuote
    do { parsed = try IntelQuote(decoding: quote.span) } catch { throw .quote(error) }
    if form == .interoperable { try checkKey() }
    let wanted = SHA256Hash.hash(form == .interoperable ? claims : publicKeyInfo)
    let found = parsed.body.reportData
    let rest: Bytes32 = found.part(at: 32)
    guard found.part(at: 0) == wanted, rest.isZero else { throw .reportData(wanted: wanted, found: found) }
    return parsed
  }

  private static func der<Value>(_ body: () throws(DERError) -> Value) throws(RATLSError) -> Value {
    do { return try body() } catch { throw .der(error) }
  }

  /// Key and extensions. Certificates of this kind come from small writers that do not follow RFC 5280 to the
  /// letter (NULL beside an ECDSA algorithm, for one), so that only these two are read.
  private static func parts(_ bytes: [UInt8]) throws(RATLSError) -> ([UInt8], [X509Extension]) {
    let fields = try der { () throws(DERError) in
      try DERElement(decoding: bytes, sizeMax: sizeMax).children(count: 3...3)[0].children(count: 7...10)
    }
    guard fields[0].isContext(0) else { throw .noEvidence }
    guard let last = fields.last, last.isContext(3) else { throw .noEvidence }
    let list = try der { () throws(DERError) in try last.explicit(3) }
    do { return (fields[6].encoded, try X509Extension.list(list)) } catch { throw .x509(error) }
  }

  private static let rules = CBORRules(.foreign, sizeBytesMax: sizeMax, depthMax: 4, itemsMax: 16)

  private static func cbor(_ bytes: [UInt8]) throws(RATLSError) -> CBORValue {
    do { return try CBORValue(decoding: bytes, rules: rules) } catch { throw .cbor(error) }
  }

  private static func evidence(_ bytes: [UInt8]) throws(RATLSError) -> (quote: [UInt8], claims: [UInt8]) {
    guard case .tag(let tag, let content) = try cbor(bytes) else { throw .evidence }
    guard tag == quoteTag else { throw .tag(tag) }
    guard let items = content.array, items.count == 2, let quote = items[0].bytes, let claims = items[1].bytes
    else { throw .evidence }
    return (quote, claims)
  }

  private static func claims(_ bytes: [UInt8]) throws(RATLSError) -> (keyHash: [UInt8], nonce: [UInt8]?) {
    guard let entries = try cbor(bytes).entries else { throw .claim("") }
    var (keyHash, nonce): ([UInt8]?, [UInt8]?) = (nil, nil)
    for entry in entries {
      switch entry.key.text {
      case "pubkey-hash": keyHash = entry.value.bytes
      case "nonce":
        guard let value = entry.value.bytes else { throw .claim("nonce") }
        nonce = value
      default: throw .claim(entry.key.text ?? "")
      }
    }
    guard let keyHash else { throw .claim("pubkey-hash") }
    return (keyHash, nonce)
  }

  private func checkKey() throws(RATLSError) {
    guard let items = try Self.cbor(keyHash).array, items.count == 2, let algorithm = items[0].unsigned,
      let wanted = items[1].bytes
    else { throw .claim("pubkey-hash") }
    let actual: [UInt8]
    switch algorithm {
    case 1: actual = SHA256Hash.hash(publicKeyInfo).array
    case 7: actual = SecureHashes.sha384(publicKeyInfo.span).array
    case 8: actual = SecureHashes.sha512(publicKeyInfo.span).array
    default: throw .hashAlgorithm(algorithm)
    }
    guard wanted == actual else { throw .key }
  }
}
