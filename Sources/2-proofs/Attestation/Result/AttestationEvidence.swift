import Digests
public import Encodings
public import WireBytes

/// What made a piece of evidence. Raw values are those of policies; numbers are those of the protobuf form.
public enum AttestationPlatform: String, Hashable, Sendable, CaseIterable {
  /// AWS Nitro Enclaves: an attestation document.
  case nitro
  /// Intel SGX: a DCAP quote.
  case sgx
  /// Intel TDX: a DCAP quote.
  case tdx
  /// AMD SEV-SNP: a report.
  case sevSNP = "sev-snp"
  /// TPM 2.0: a quote, with its event log.
  case tpm
  /// Azure confidential machines: hardware report, attestation key of the vTPM, quote.
  case azure
  /// A result of another verifier in a signed token.
  case token
  /// Signed by nobody, for tests and demonstrations.
  case simulated

  /// The enum value in the protobuf form; 0 stands for no platform.
  public var number: UInt64 {
    switch self {
    case .nitro: 1
    case .sgx: 2
    case .tdx: 3
    case .sevSNP: 4
    case .tpm: 5
    case .azure: 6
    case .token: 7
    case .simulated: 8
    }
  }

  public init?(number: UInt64) {
    guard let found = Self.allCases.first(where: { $0.number == number }) else { return nil }
    self = found
  }
}

/// Why bytes are no evidence.
public enum AttestationEvidenceError: Error, Hashable, Sendable {
  case protobuf(ProtobufError)
  /// No platform has this number.
  case platform(UInt64)
  /// A statement must be there.
  case noStatement
}

/// What an attested machine hands out: a statement of its platform, and what is needed to judge it.
///
/// Untrusted. Canonical protobuf: 1 platform (enum), 2 statement (bytes), 3 collateral (bytes).
public struct AttestationEvidence: Hashable, Sendable {
  /// Longest encoding that is looked at: quotes with collateral take about 40 KB, TPM event logs up to 200 KB.
  public static let sizeMax = 1 << 20

  public let platform: AttestationPlatform
  /// Document, quote, report or token.
  public let statement: [UInt8]
  /// Certificates, revocation lists, TCB information; the form is the platform's, empty when there is none.
  public let collateral: [UInt8]

  public init(platform: AttestationPlatform, statement: [UInt8], collateral: [UInt8] = []) {
    self.platform = platform
    self.statement = statement
    self.collateral = collateral
  }

  private static let rules = ProtobufRules(singular: [1, 2, 3])

  /// Reads the canonical form.
  ///
  /// - Throws: ``AttestationEvidenceError``; the input is untrusted.
  public init(decoding bytes: Span<UInt8>) throws(AttestationEvidenceError) {
    var platform: UInt64 = 0
    var statement: [UInt8] = []
    var collateral: [UInt8] = []
    do throws(ProtobufError) {
      var reader = ProtobufReader(Self.rules, sizeBytesMax: Self.sizeMax)
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: platform = try field.uint64()
        case 2: statement = try field.bytes(in: bytes)
        default: collateral = try field.bytes(in: bytes)
        }
      }
    } catch { throw .protobuf(error) }
    guard let known = AttestationPlatform(number: platform) else { throw .platform(platform) }
    guard !statement.isEmpty else { throw .noStatement }
    self.init(platform: known, statement: statement, collateral: collateral)
  }

  /// Reads the canonical form.
  public init(decoding bytes: [UInt8]) throws(AttestationEvidenceError) {
    try self.init(decoding: bytes.span)
  }

  /// The canonical form.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.varint(1, platform.number)
    writer.bytes(2, statement)
    writer.bytes(3, collateral)
    return writer.bytes
  }

  /// SHA-256 of the canonical form. Evidence of one and the same statement can have several hashes (signatures of ECDSA
  /// have twins): the replay key is ``AttestationResult/identity``.
  public var hash: Bytes32 { SHA256Hash.hash(encoded()) }
}

/// Certificates and revocation lists as collateral. Canonical protobuf: 1 repeated certificate DER, the one that signed
/// the statement first and its issuers behind it; 2 repeated revocation list DER.
public struct CertificateCollateral: Hashable, Sendable {
  public static let certificateCountMax = 8
  public static let listCountMax = 8

  public let certificates: [[UInt8]]
  public let revocationLists: [[UInt8]]

  public init(certificates: [[UInt8]], revocationLists: [[UInt8]] = []) {
    self.certificates = certificates
    self.revocationLists = revocationLists
  }

  private static let rules = ProtobufRules(repeated: [1, 2])

  /// - Throws: ``ProtobufError``.
  public init(decoding bytes: Span<UInt8>) throws(ProtobufError) {
    var certificates: [[UInt8]] = []
    var lists: [[UInt8]] = []
    var reader = ProtobufReader(Self.rules, sizeBytesMax: AttestationEvidence.sizeMax)
    while let field = try reader.next(in: bytes) {
      if field.number == 1 {
        certificates.append(try field.bytes(in: bytes))
        guard certificates.count <= Self.certificateCountMax else {
          throw .overLimit(limit: Self.certificateCountMax, actual: certificates.count)
        }
      } else {
        lists.append(try field.bytes(in: bytes))
        guard lists.count <= Self.listCountMax else {
          throw .overLimit(limit: Self.listCountMax, actual: lists.count)
        }
      }
    }
    self.init(certificates: certificates, revocationLists: lists)
  }

  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    for certificate in certificates { writer.alwaysBytes(1, certificate) }
    for list in revocationLists { writer.alwaysBytes(2, list) }
    return writer.bytes
  }
}
