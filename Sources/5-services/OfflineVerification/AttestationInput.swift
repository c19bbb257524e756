import Attestation
public import Encodings
import WireBytes

/// The kinds of evidence of `causeway verify`.
public enum AttestationKind: String, Hashable, Sendable, CaseIterable {
  case nitro, sgx, tdx, snp, tpm, azure, ear

  var platform: AttestationPlatform {
    switch self {
    case .nitro: .nitro
    case .sgx: .sgx
    case .tdx: .tdx
    case .snp: .sevSNP
    case .tpm: .tpm
    case .azure: .azure
    case .ear: .token
    }
  }
}

/// What there is to judge evidence with, besides the evidence itself.
public struct AttestationInput: Hashable, Sendable {
  /// Collateral as a file holds it: Intel's as JSON, certificates as PEM or DER, a verifier's key as JWK.
  public var collateral: [UInt8]?
  /// JSON of schema `causeway-attestation-policy/1`.
  public var policy: JSONValue?
  /// UNIX seconds.
  public var time: UInt64?
  /// Also asks for the policy's maximum age.
  public var isLive: Bool
  public var nonce: [UInt8]?
  public var reportData: [UInt8]?
  /// A firmware's event log, for a TPM.
  public var eventLog: [UInt8]?

  public init(
    collateral: [UInt8]? = nil, policy: JSONValue? = nil, time: UInt64? = nil, isLive: Bool = false,
    nonce: [UInt8]? = nil, reportData: [UInt8]? = nil, eventLog: [UInt8]? = nil
  ) {
    self.collateral = collateral
    self.policy = policy
    self.time = time
    self.isLive = isLive
    self.nonce = nonce
    self.reportData = reportData
    self.eventLog = eventLog
  }
}

/// Evidence in the forms that files have.
enum AttestationReading {
  /// The evidence of `bytes`: the canonical form with the right platform, or the platform's own statement, as
  /// it is, in hex or in base 64.
  static func evidence(
    _ bytes: [UInt8], kind: AttestationKind, collateral: [UInt8]?
  ) throws(InputError) -> AttestationEvidence {
    guard !bytes.isEmpty else { throw .form(wanted: "a statement; the file is empty") }
    if let whole = try? AttestationEvidence(decoding: bytes), whole.platform == kind.platform {
      guard let collateral else { return whole }
      return AttestationEvidence(
        platform: whole.platform, statement: whole.statement, collateral: try carried(collateral, kind))
    }
    var own: [UInt8]?
    let statement: [UInt8]
    switch kind {
    case .ear: statement = trimmed(bytes)
    case .azure: (statement, own) = try azure(bytes)
    case .tpm: statement = try tpm(bytes)
    case .nitro, .sgx, .tdx: statement = decoded(bytes)
    case .snp: statement = [UInt8](decoded(bytes).prefix(SEVSNPReport.size))
    }
    guard !statement.isEmpty else { throw .form(wanted: "a statement; there is nothing in the file") }
    let given = collateral ?? own
    return AttestationEvidence(
      platform: kind.platform, statement: statement,
      collateral: kind == .ear
        ? [] : try given.map { (bytes) throws(InputError) in try carried(bytes, kind) } ?? [])
  }

  /// Collateral as the evidence carries it.
  private static func carried(_ bytes: [UInt8], _ kind: AttestationKind) throws(InputError) -> [UInt8] {
    switch kind {
    case .sgx, .tdx, .tpm, .ear: return bytes
    case .azure where bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{"): return bytes
    case .nitro, .snp, .azure:
      var lists: [[UInt8]] = []
      let certificates: [X509Certificate]
      if let pem = try? X509PEM.certificates(bytes.span) {
        certificates = pem
      } else if let one = try? X509Certificate(decoding: bytes.span) {
        certificates = [one]
      } else if let blocks = try? X509PEM.blocks(bytes.span, label: "X509 CRL") {
        (certificates, lists) = ([], blocks)
      } else if (try? CertificateRevocationList(decoding: bytes)) != nil {
        (certificates, lists) = ([], [bytes])
      } else if (try? CertificateCollateral(decoding: bytes.span)) != nil {
        return bytes
      } else {
        throw .form(wanted: "collateral as certificates or revocation lists in PEM or DER")
      }
      return CertificateCollateral(certificates: certificates.map(\.der), revocationLists: lists).encoded()
    }
  }

  private static func azure(_ bytes: [UInt8]) throws(InputError) -> ([UInt8], [UInt8]?) {
    guard bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") else { return (decoded(bytes), nil) }
    let json: JSONValue
    do { json = try JSONValue(decoding: bytes) } catch { throw .json(error) }
    do {
      let read = try AzureStatement.read(confidentialContainers: json)
      return (read.statement.encoded(), read.vcek)
    } catch { throw .form(wanted: "evidence of az-snp-vtpm or az-tdx-vtpm: \(CaseText.of(error))") }
  }

  /// A statement in its encoding, or `{quote, signature, key, pcrs: {index: value}, launchLog?,
  /// certificates?}` in hex.
  private static func tpm(_ bytes: [UInt8]) throws(InputError) -> [UInt8] {
    guard bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") else { return decoded(bytes) }
    let json: JSONValue
    do { json = try JSONValue(decoding: bytes) } catch { throw .json(error) }
    guard let values = json["pcrs"]?.object else {
      throw .member(path: "pcrs", wanted: "an object of values")
    }
    var pcrs: [TPMStatement.PCR] = []
    for name in values.keys {
      guard let index = UInt32(name), index < 32 else { throw .member(path: "pcrs", wanted: "named 0 to 31") }
      pcrs.append(TPMStatement.PCR(index: index, value: try json.hex("pcrs.\(name)")))
    }
    var statement = TPMStatement(
      quote: try json.hex("quote"), signature: try json.hex("signature"), attestationKey: try json.hex("key"),
      pcrs: pcrs.sorted { $0.index < $1.index })
    if json["launchLog"] != nil { statement.launchLog = try json.hex("launchLog") }
    if json["certificates"] != nil {
      for index in try json.array("certificates").indices {
        statement.certificates.append(try json.hex("certificates.\(index)"))
      }
    }
    return statement.encoded()
  }

  private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0a, 0x0d].contains(byte) }

  private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    var end = bytes.count
    while end > 0, isSpace(bytes[end - 1]) { end -= 1 }
    return [UInt8](bytes[..<end].drop(while: isSpace))
  }

  /// Hex or base 64 decoded; anything else as it is.
  static func decoded(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.allSatisfy({ $0 < 0x7f && ($0 > 0x20 || isSpace($0)) }) else { return bytes }
    let text = String(decoding: bytes.filter { !isSpace($0) }, as: UTF8.self)
    if let hex = try? Hex.decode(text) { return hex }
    if let base64 = try? Base64.standard.decode(text) { return base64 }
    if let base64 = try? Base64.url.decode(text) { return base64 }
    return bytes
  }
}
