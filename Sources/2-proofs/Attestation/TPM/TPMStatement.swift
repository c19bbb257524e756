public import Encodings
import WireBytes

/// What a holder shows of its TPM: a quote with all that is needed to judge it.
///
/// Canonical protobuf: TPMS_ATTEST 1, TPMT_SIGNATURE 2, TPM2B_PUBLIC of the attestation key 3, repeated PCR 4
/// `{index 1, value 2}`, launch log 5, repeated certificate of the attestation key in DER 6, the key's own
/// first. Nothing in it is believed before ``TPMVerification`` has passed it.
public struct TPMStatement: Hashable, Sendable {
  /// A PCR's value, as the holder says; the quote's digest decides.
  public struct PCR: Hashable, Sendable {
    public let index: UInt32
    public let value: [UInt8]

    public init(index: UInt32, value: [UInt8]) {
      self.index = index
      self.value = value
    }
  }

  /// Why bytes are no statement.
  public enum DecodingError: Error, Hashable, Sendable {
    case protobuf(ProtobufError)
    /// A field that is always there.
    case missing(field: UInt32)
    /// More elements of a repeated field than may be.
    case tooMany(field: UInt32, limit: Int)
    case tooLong(field: UInt32, limit: Int, actual: Int)
    /// PCRs are in ascending order of their index, which is at most 31.
    case pcrOrder(UInt32)
    /// A value as long as no digest.
    case pcrLength(index: UInt32, Int)
  }

  public static let sizeMax = 256 << 10
  public static let certificatesMax = 4
  public static let certificateSizeMax = 4096

  /// TPMS_ATTEST, the bytes that are signed.
  public var quote: [UInt8]
  /// TPMT_SIGNATURE.
  public var signature: [UInt8]
  /// TPM2B_PUBLIC.
  public var attestationKey: [UInt8]
  public var pcrs: [PCR]
  /// ``TPMLaunchLog`` in its encoding; empty when there is none.
  public var launchLog: [UInt8]
  /// X.509 in DER: of the attestation key, then of its issuers.
  public var certificates: [[UInt8]]

  public init(
    quote: [UInt8], signature: [UInt8], attestationKey: [UInt8], pcrs: [PCR], launchLog: [UInt8] = [],
    certificates: [[UInt8]] = []
  ) {
    self.quote = quote
    self.signature = signature
    self.attestationKey = attestationKey
    self.pcrs = pcrs
    self.launchLog = launchLog
    self.certificates = certificates
  }

  private static let rules = ProtobufRules(singular: [1, 2, 3, 5], repeated: [4, 6])

  /// Decodes all of `bytes`: one encoding only.
  ///
  /// - Throws: ``DecodingError`` and nothing else. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(DecodingError) {
    self.init(quote: [], signature: [], attestationKey: [], pcrs: [])
    do throws(ProtobufError) {
      var reader = ProtobufReader(Self.rules, sizeBytesMax: Self.sizeMax)
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: quote = try field.bytes(in: bytes)
        case 2: signature = try field.bytes(in: bytes)
        case 3: attestationKey = try field.bytes(in: bytes)
        case 4:
          if pcrs.count <= 32 { pcrs.append(try PCR(decoding: bytes.extracting(try field.message()))) }
        case 5: launchLog = try field.bytes(in: bytes)
        default:
          if certificates.count <= Self.certificatesMax { certificates.append(try field.bytes(in: bytes)) }
        }
      }
    } catch { throw .protobuf(error) }
    for (field, part, limit) in [
      (1, quote, TPM2.Quote.sizeMax), (2, signature, TPM2.Signature.sizeMax),
      (3, attestationKey, 2 + TPM2.Public.sizeMax),
    ] as [(UInt32, [UInt8], Int)] {
      guard !part.isEmpty else { throw .missing(field: field) }
      guard part.count <= limit else { throw .tooLong(field: field, limit: limit, actual: part.count) }
    }
    guard pcrs.count <= 32 else { throw .tooMany(field: 4, limit: 32) }
    var next: UInt32 = 0
    for pcr in pcrs {
      guard pcr.index >= next, pcr.index < 32 else { throw .pcrOrder(pcr.index) }
      guard [20, 32, 48, 64].contains(pcr.value.count) else {
        throw .pcrLength(index: pcr.index, pcr.value.count)
      }
      next = pcr.index + 1
    }
    guard launchLog.count <= TPMLaunchLog.sizeMax else {
      throw .tooLong(field: 5, limit: TPMLaunchLog.sizeMax, actual: launchLog.count)
    }
    guard certificates.count <= Self.certificatesMax else {
      throw .tooMany(field: 6, limit: Self.certificatesMax)
    }
    for certificate in certificates where certificate.count > Self.certificateSizeMax || certificate.isEmpty {
      throw .tooLong(field: 6, limit: Self.certificateSizeMax, actual: certificate.count)
    }
  }

  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, quote)
    writer.bytes(2, signature)
    writer.bytes(3, attestationKey)
    for pcr in pcrs {
      writer.message(4) { (inner: inout ProtobufWriter) in
        inner.varint(1, UInt64(pcr.index))
        inner.bytes(2, pcr.value)
      }
    }
    writer.bytes(5, launchLog)
    for certificate in certificates { writer.alwaysBytes(6, certificate) }
    return writer.bytes
  }
}

extension TPMStatement.PCR {
  init(decoding bytes: Span<UInt8>) throws(ProtobufError) {
    var (index, value): (UInt32, [UInt8]) = (0, [])
    var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
    while let field = try reader.next(in: bytes) {
      if field.number == 1 { index = try field.uint32() } else { value = try field.bytes(in: bytes) }
    }
    self.init(index: index, value: value)
  }
}
