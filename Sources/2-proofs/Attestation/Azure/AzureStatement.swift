public import Encodings
import WireBytes

/// Evidence of an Azure confidential machine: the paravisor's report, a quote of the vTPM, and with TDX a TD
/// quote.
///
/// Canonical protobuf: HCL report 1, TPMS_ATTEST 2, signature 3 (RSASSA with SHA-256, as long as the
/// modulus), repeated PCR 4 `{index 1, value 2}`, TD quote 5.
public struct AzureStatement: Hashable, Sendable {
  /// Why bytes are no statement.
  public enum DecodingError: Error, Hashable, Sendable {
    case protobuf(ProtobufError)
    case missing(field: UInt32)
    case tooLong(field: UInt32, limit: Int, actual: Int)
    case tooMany(field: UInt32, limit: Int)
    case pcrOrder(UInt32)
    case pcrLength(index: UInt32, Int)
    /// JSON that is none of the known forms of evidence: the member at fault.
    case member(String)
  }

  public static let sizeMax = 64 << 10

  public var report: [UInt8]
  public var quote: [UInt8]
  public var signature: [UInt8]
  public var pcrs: [TPMStatement.PCR]
  public var tdQuote: [UInt8]

  public init(
    report: [UInt8], quote: [UInt8], signature: [UInt8], pcrs: [TPMStatement.PCR], tdQuote: [UInt8] = []
  ) {
    self.report = report
    self.quote = quote
    self.signature = signature
    self.pcrs = pcrs
    self.tdQuote = tdQuote
  }

  private static let rules = ProtobufRules(singular: [1, 2, 3, 5], repeated: [4])

  /// Decodes all of `bytes`: one encoding only.
  ///
  /// - Throws: ``DecodingError`` and nothing else. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(DecodingError) {
    self.init(report: [], quote: [], signature: [], pcrs: [])
    do throws(ProtobufError) {
      var reader = ProtobufReader(Self.rules, sizeBytesMax: Self.sizeMax)
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: report = try field.bytes(in: bytes)
        case 2: quote = try field.bytes(in: bytes)
        case 3: signature = try field.bytes(in: bytes)
        case 4:
          if pcrs.count <= 32 {
            pcrs.append(try TPMStatement.PCR(decoding: bytes.extracting(try field.message())))
          }
        default: tdQuote = try field.bytes(in: bytes)
        }
      }
    } catch { throw .protobuf(error) }
    try check()
  }

  private func check() throws(DecodingError) {
    for (field, part, limit) in [
      (1, report, HCLReport.sizeMax), (2, quote, TPM2.Quote.sizeMax), (3, signature, 512),
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
  }

  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, report)
    writer.bytes(2, quote)
    writer.bytes(3, signature)
    for pcr in pcrs {
      writer.message(4) { (inner: inout ProtobufWriter) in
        inner.varint(1, UInt64(pcr.index))
        inner.bytes(2, pcr.value)
      }
    }
    writer.bytes(5, tdQuote)
    return writer.bytes
  }
}

extension AzureStatement {
  /// Reads the JSON of Confidential Containers' attesters (az-snp-vtpm, az-tdx-vtpm), both versions.
  ///
  /// Version 1 has base 64 (URL-safe) and hex; the one before it arrays of numbers, and calls the parts
  /// `report` and `quote` with SNP.
  ///
  /// - Returns: the statement, and with SNP the processor's certificate, in DER or PEM as it was.
  /// - Throws: ``DecodingError`` `.member`, or a bound.
  public static func read(
    confidentialContainers json: JSONValue
  ) throws(DecodingError) -> (statement: AzureStatement, vcek: [UInt8]?) {
    guard let members = json.object else { throw .member("") }
    if let version = members["version"] {
      guard version.integer(Int.self) == 1 else { throw .member("version") }
    }
    let known: Set<String> = ["version", "hcl_report", "report", "tpm_quote", "quote", "vcek", "td_quote"]
    if let stranger = members.keys.filter({ !known.contains($0) }).sorted().first { throw .member(stranger) }
    let reportName = members["hcl_report"] != nil ? "hcl_report" : "report"
    let quoteName = members["tpm_quote"] != nil ? "tpm_quote" : "quote"
    guard let quote = members[quoteName] else { throw .member(quoteName) }
    guard let values = quote["pcrs"]?.array, values.count <= 32 else { throw .member(quoteName + ".pcrs") }
    var pcrs: [TPMStatement.PCR] = []
    for (index, value) in values.enumerated() {
      let bytes = try bytes(value, quoteName + ".pcrs.\(index)", isHex: true)
      pcrs.append(TPMStatement.PCR(index: UInt32(index), value: bytes))
    }
    let statement = AzureStatement(
      report: try bytes(members[reportName], reportName),
      quote: try bytes(quote["message"], quoteName + ".message", isHex: true),
      signature: try bytes(quote["signature"], quoteName + ".signature", isHex: true), pcrs: pcrs,
      tdQuote: members["td_quote"] == nil ? [] : try bytes(members["td_quote"], "td_quote"))
    try statement.check()
    guard let vcek = members["vcek"] else { return (statement, nil) }
    if let text = vcek.string, text.hasPrefix("-----BEGIN") { return (statement, [UInt8](text.utf8)) }
    return (statement, try bytes(vcek, "vcek"))
  }

  /// An array of numbers, or text in hex or base 64.
  private static func bytes(
    _ json: JSONValue?, _ path: String, isHex: Bool = false
  ) throws(DecodingError) -> [UInt8] {
    switch json {
    case .array(let numbers)?:
      guard numbers.count <= sizeMax else { throw .member(path) }
      let bytes = numbers.compactMap { $0.integer(UInt8.self) }
      guard bytes.count == numbers.count else { throw .member(path) }
      return bytes
    case .string(let text)?:
      // With padding or without: versions of the attesters differ.
      let padded = text.hasSuffix("=") ? Base64(.urlSafe, padding: .required) : Base64.url
      let bytes = isHex ? try? Hex.decode(text) : try? padded.decode(text, sizeBytesMax: 2 * sizeMax)
      guard let bytes else { throw .member(path) }
      return bytes
    default: throw .member(path)
    }
  }
}
