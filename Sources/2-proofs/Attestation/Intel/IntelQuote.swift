public import WireBytes

/// Where in a quote something is.
public enum IntelQuoteField: Hashable, Sendable {
  case header, bodyDescriptor, body, sectionSize, section, signature, attestationKey
  case outerCertification, quotingEnclaveReport, authentication, certification
}

/// Why bytes are not an Intel quote. Offsets count bytes from the start of the quote.
public enum IntelQuoteError: Error, Hashable, Sendable {
  /// Over ``IntelQuote/sizeMax``.
  case size(limit: Int, actual: Int)
  /// Input, or the part that holds `field`, ended early: `needed` bytes were wanted at `offset`.
  case truncated(IntelQuoteField, offset: Int, needed: Int)
  /// None of 3, 4, 5.
  case version(UInt16)
  /// Neither SGX (0) nor TDX (0x81), or TDX in a quote of version 3.
  case tee(UInt32, version: UInt16)
  /// A body of version 5 that is not known, or not of the header's kind.
  case bodyType(UInt16, tee: UInt32)
  /// The body's size is not that of its type.
  case bodySize(expected: Int, actual: UInt32)
  /// Not 2, ECDSA over P-256.
  case attestationKeyType(UInt16)
  /// Not Intel's.
  case vendor(FixedBytes<16>)
  /// Data around the quoting enclave's report are of another type than 6.
  case outerCertification(UInt16)
  /// Bytes that nothing accounts for and that are not all zero, first of them at `offset`.
  case trailingBytes(IntelQuoteField, offset: Int)
}

/// The kind of enclave that a quote is about.
public enum IntelTEE: UInt32, Hashable, Sendable {
  case sgx = 0
  case tdx = 0x81
}

/// The first 48 bytes of a quote.
public struct IntelQuoteHeader: Hashable, Sendable {
  public let version: UInt16
  public let attestationKeyType: UInt16
  public let tee: IntelTEE
  /// Security versions of the quoting and provisioning enclaves; zero since version 4.
  public let quotingEnclaveSVN: UInt16
  public let provisioningEnclaveSVN: UInt16
  public let vendor: FixedBytes<16>
  /// The first 16 bytes name the quoting enclave's platform.
  public let userData: FixedBytes<20>
}

/// What the quote says about the workload.
public enum IntelQuoteBody: Hashable, Sendable {
  case enclave(SGXReport)
  case trustDomain(TDReport)

  /// 64 bytes that the workload chose.
  public var reportData: Bytes64 {
    switch self {
    case .enclave(let report): report.reportData
    case .trustDomain(let report): report.reportData
    }
  }
}

/// The data by which the quoting enclave's signing key is vouched for.
public struct IntelCertification: Hashable, Sendable {
  /// 1 PPID, 2 and 3 encrypted PPID, 4 PCK certificate, 5 PCK chain in PEM.
  public let type: UInt16
  public let bytes: [UInt8]
}

/// A quote of Intel's DCAP: version 3 (SGX), 4 and 5 (SGX or TDX), parsed and not verified.
///
/// Layout, little endian: header 48; in version 5 body type u16 and size u32; body 384 (SGX), 584 (TD 1.0),
/// 648 (TD 1.5) or 885 (TD 1.5 with service extensions); size u32; section: signature 64, attestation key 64,
/// since version 4 type u16 = 6 and size u32 of what follows, quoting enclave's report 384, its signature 64,
/// authentication u16 size and bytes, certification type u16, size u32 and bytes.
///
/// Behind the section real quotes have up to 3065 zero bytes of a buffer: they are passed over, and are no
/// part of ``meaningful``. Anything but zeros there is refused unless `trailing` is `.ignored`.
///
/// - SeeAlso: Intel SGX ECDSA QuoteLibReference DCAP API, appendix A; Intel TDX DCAP Quoting Library API,
///   appendix A.
public struct IntelQuote: Hashable, Sendable {
  /// What to do with bytes behind the section, or left over inside of it.
  public enum Trailing: Hashable, Sendable {
    /// Zero bytes are passed over, others refused.
    case zeros
    /// All are passed over, as Intel's own library does.
    case ignored
  }

  /// Longest quote that is looked at; real ones have about 5000 bytes in buffers of up to 8000.
  public static let sizeMax = 64 << 10
  /// 939a7233-f79c-4ca9-940a-0db3957f0607.
  public static let intel: FixedBytes<16> = {
    let bytes: [UInt8] = [
      0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07,
    ]
    return FixedBytes { bytes[$0] }
  }()
  static let headerSize = 48
  static let descriptorSize = 6

  public let header: IntelQuoteHeader
  /// The body type of version 5.
  public let bodyType: UInt16?
  public let body: IntelQuoteBody
  /// Header, body descriptor and body: what the attestation key signs.
  public let signed: [UInt8]
  /// `r || s` by the attestation key.
  public let signature: Bytes64
  /// `x || y` of a point of P-256, not checked here.
  public let attestationKey: Bytes64
  public let quotingEnclave: SGXReport
  /// The quoting enclave's report as it was signed.
  public let quotingEnclaveBytes: FixedBytes<384>
  /// `r || s` over it by the PCK.
  public let quotingEnclaveSignature: Bytes64
  /// Hashed with the attestation key into the quoting enclave's report data.
  public let authentication: [UInt8]
  public let certification: IntelCertification
  /// The quote without what lies behind its section: hash this, not the input, to name a quote.
  public let meaningful: [UInt8]

  /// Reads a quote.
  ///
  /// - Throws: ``IntelQuoteError``; the input is untrusted and no input traps.
  public init(decoding bytes: Span<UInt8>, trailing: Trailing = .zeros) throws(IntelQuoteError) {
    guard bytes.count <= Self.sizeMax else { throw .size(limit: Self.sizeMax, actual: bytes.count) }
    var reader = QuoteReader(offset: 0, end: bytes.count)
    let header = try Self.header(bytes, &reader)
    let (type, body) = try Self.body(bytes, &reader, header: header)
    guard header.vendor == Self.intel else { throw .vendor(header.vendor) }
    guard header.attestationKeyType == 2 else { throw .attestationKeyType(header.attestationKeyType) }
    self.header = header
    bodyType = type
    self.body = body
    signed = [UInt8](copying: bytes.extracting(0..<reader.offset))

    let size = try reader.uint32(bytes, .sectionSize)
    var section = try reader.part(.section, size: size)
    signature = try section.fixed(bytes, .signature)
    attestationKey = try section.fixed(bytes, .attestationKey)
    if header.version >= 4 {
      let type = try section.uint16(bytes, .outerCertification)
      guard type == 6 || trailing == .ignored else { throw .outerCertification(type) }
      let size = try section.uint32(bytes, .outerCertification)
      let inner = try section.part(.outerCertification, size: size)
      try section.finish(bytes, .section, trailing)
      section = inner
    }
    quotingEnclaveBytes = try section.fixed(bytes, .quotingEnclaveReport)
    quotingEnclave = SGXReport(quotingEnclaveBytes)
    quotingEnclaveSignature = try section.fixed(bytes, .quotingEnclaveReport)
    let authenticationSize = try section.uint16(bytes, .authentication)
    authentication = try section.bytes(bytes, .authentication, count: UInt32(authenticationSize))
    let certificationType = try section.uint16(bytes, .certification)
    let certificationSize = try section.uint32(bytes, .certification)
    certification = IntelCertification(
      type: certificationType,
      bytes: try section.bytes(bytes, .certification, count: certificationSize))
    try section.finish(bytes, .certification, trailing)
    meaningful = [UInt8](copying: bytes.extracting(0..<reader.offset))
    try reader.finish(bytes, .section, trailing)
  }

  private static func header(
    _ bytes: Span<UInt8>, _ reader: inout QuoteReader
  ) throws(IntelQuoteError) -> IntelQuoteHeader {
    var part = try reader.part(.header, size: UInt32(headerSize))
    let version = try part.uint16(bytes, .header)
    let keyType = try part.uint16(bytes, .header)
    let kind = try part.uint32(bytes, .header)
    guard (3...5).contains(version) else { throw .version(version) }
    guard let tee = IntelTEE(rawValue: kind), version > 3 || tee == .sgx else {
      throw .tee(kind, version: version)
    }
    return IntelQuoteHeader(
      version: version, attestationKeyType: keyType, tee: tee,
      quotingEnclaveSVN: try part.uint16(bytes, .header),
      provisioningEnclaveSVN: try part.uint16(bytes, .header),
      vendor: try part.fixed(bytes, .header), userData: try part.fixed(bytes, .header))
  }

  private static func body(
    _ bytes: Span<UInt8>, _ reader: inout QuoteReader, header: IntelQuoteHeader
  ) throws(IntelQuoteError) -> (UInt16?, IntelQuoteBody) {
    guard header.version == 5 else {
      switch header.tee {
      case .sgx: return (nil, .enclave(SGXReport(try reader.fixed(bytes, .body))))
      case .tdx: return (nil, .trustDomain(TDReport(try reader.fixed(bytes, .body))))
      }
    }
    let type = try reader.uint16(bytes, .bodyDescriptor)
    let size = try reader.uint32(bytes, .bodyDescriptor)
    let expected: Int
    switch (type, header.tee) {
    case (1, .sgx): expected = SGXReport.size
    case (2, .tdx): expected = TDReport.size
    case (3, .tdx): expected = TDReport.size15
    case (4, .tdx): expected = TDReport.size15Extended
    default: throw .bodyType(type, tee: header.tee.rawValue)
    }
    guard size == UInt32(expected) else { throw .bodySize(expected: expected, actual: size) }
    switch type {
    case 1: return (type, .enclave(SGXReport(try reader.fixed(bytes, .body))))
    case 2: return (type, .trustDomain(TDReport(try reader.fixed(bytes, .body))))
    default:
      let base = TDReport(try reader.fixed(bytes, .body))
      let current: FixedBytes<16> = try reader.fixed(bytes, .body)
      let service: FixedBytes<48> = try reader.fixed(bytes, .body)
      let rest = try reader.bytes(bytes, .body, count: UInt32(expected - TDReport.size15))
      return (type, .trustDomain(base.extended(currentTCB: current, serviceTD: service, extensions: rest)))
    }
  }
}

/// A cursor over one part of a quote; the bytes are passed to each call.
private struct QuoteReader {
  var offset: Int
  let end: Int

  private mutating func take(_ field: IntelQuoteField, _ count: Int) throws(IntelQuoteError) -> Int {
    guard count <= end - offset else { throw .truncated(field, offset: offset, needed: count) }
    defer { offset += count }
    return offset
  }

  mutating func uint16(_ bytes: Span<UInt8>, _ field: IntelQuoteField) throws(IntelQuoteError) -> UInt16 {
    let start = try take(field, 2)
    return UInt16(bytes[start]) | UInt16(bytes[start + 1]) << 8
  }

  mutating func uint32(_ bytes: Span<UInt8>, _ field: IntelQuoteField) throws(IntelQuoteError) -> UInt32 {
    let low = UInt32(try uint16(bytes, field))
    return low | UInt32(try uint16(bytes, field)) << 16
  }

  mutating func fixed<let count: Int>(
    _ bytes: Span<UInt8>, _ field: IntelQuoteField
  ) throws(IntelQuoteError) -> FixedBytes<count> {
    FixedBytes<count>(bytes, at: try take(field, count))
  }

  mutating func bytes(
    _ bytes: Span<UInt8>, _ field: IntelQuoteField, count: UInt32
  ) throws(IntelQuoteError) -> [UInt8] {
    let start = try take(field, Int(count))
    return [UInt8](copying: bytes.extracting(start..<offset))
  }

  /// The next `size` bytes as a part of their own.
  mutating func part(_ field: IntelQuoteField, size: UInt32) throws(IntelQuoteError) -> QuoteReader {
    let start = try take(field, Int(size))
    return QuoteReader(offset: start, end: offset)
  }

  func finish(
    _ bytes: Span<UInt8>, _ field: IntelQuoteField, _ trailing: IntelQuote.Trailing
  ) throws(IntelQuoteError) {
    guard trailing == .zeros else { return }
    for index in offset..<end where bytes[index] != 0 { throw .trailingBytes(field, offset: index) }
  }
}
