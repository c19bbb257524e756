import Attestation
import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

@Suite("Intel quotes")
struct IntelQuoteTests {
  private func quote() throws -> [UInt8] { try IntelVectors.made("TD 1.5, version 5").quote }

  private func refusal(_ bytes: [UInt8]) -> IntelQuoteError? {
    do throws(IntelQuoteError) {
      _ = try IntelQuote(decoding: bytes.span)
      return nil
    } catch { return error }
  }

  private func changed(_ offset: Int, to bytes: [UInt8]) throws -> IntelQuoteError? {
    var quote = try quote()
    quote.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    return refusal(quote)
  }

  @Test("refuses every shorter input", arguments: ["TDX, version 4", "SGX, version 3", "TD 1.5, version 5"])
  func shorter(name: String) throws {
    let whole = try IntelVectors.made(name).quote
    #expect(refusal(whole) == nil)
    for count in whole.indices {
      guard case .truncated(_, let offset, let needed)? = refusal([UInt8](whole.prefix(count))) else {
        Issue.record("\(count) bytes are taken, or refused for another reason")
        continue
      }
      #expect(offset + needed > count)
    }
  }

  @Test("names the field of the header that is not Intel's")
  func header() throws {
    #expect(try changed(0, to: [2, 0]) == .version(2))
    #expect(try changed(0, to: [6, 0]) == .version(6))
    #expect(try changed(0, to: [3, 0]) == .tee(0x81, version: 3))
    #expect(try changed(2, to: [3, 0]) == .attestationKeyType(3))
    #expect(try changed(4, to: [1, 0, 0, 0]) == .tee(1, version: 5))
    guard case .vendor? = try changed(12, to: [0]) else {
      Issue.record("another vendor is taken")
      return
    }
  }

  @Test("names the body that a quote of version 5 does not have")
  func body() throws {
    #expect(try changed(48, to: [9, 0]) == .bodyType(9, tee: 0x81))
    #expect(try changed(48, to: [1, 0]) == .bodyType(1, tee: 0x81))
    #expect(try changed(4, to: [0]) == .bodyType(3, tee: 0))
    #expect(try changed(50, to: [0x87, 2, 0, 0]) == .bodySize(expected: 648, actual: 647))
    #expect(try changed(50, to: [0xff, 0xff, 0xff, 0xff]) == .bodySize(expected: 648, actual: .max))
  }

  @Test("sizes inside of the signature section cannot reach out of it")
  func sizes() throws {
    let section = 48 + 6 + 648
    let count = try quote().count
    #expect(
      try changed(section, to: [0xff, 0xff, 0xff, 0xff])
        == .truncated(.section, offset: section + 4, needed: Int(UInt32.max)))
    let outer = section + 4 + 128
    #expect(try changed(outer, to: [5, 0]) == .outerCertification(5))
    #expect(
      try changed(outer + 2, to: [0xff, 0xff, 0xff, 0x7f])
        == .truncated(.outerCertification, offset: outer + 6, needed: Int(Int32.max)))
    let authentication = outer + 6 + 384 + 64
    #expect(
      try changed(authentication, to: [0xff, 0xff])
        == .truncated(.authentication, offset: authentication + 2, needed: 0xffff))
    let certification = authentication + 2 + 32
    #expect(
      try changed(certification + 2, to: [0xff, 0xff, 0xff, 0xff])
        == .truncated(.certification, offset: certification + 6, needed: Int(UInt32.max)))
    // A smaller size leaves text of certificates over.
    #expect(
      try changed(certification + 2, to: [1, 0, 0, 0])
        == .trailingBytes(.certification, offset: certification + 7))
    #expect(count > certification + 7)
  }

  @Test("zeros behind are passed over and are no part of the quote; anything else is refused")
  func trailing() throws {
    let quote = try quote()
    let padded = quote + [UInt8](repeating: 0, count: 3065)
    #expect(try IntelQuote(decoding: padded.span).meaningful == quote)
    #expect(refusal(padded + [1]) == .trailingBytes(.section, offset: padded.count))
    let junk = quote + [1, 2]
    #expect(try IntelQuote(decoding: junk.span, trailing: .ignored).meaningful == quote)
    let long = quote + [UInt8](repeating: 0, count: IntelQuote.sizeMax)
    #expect(refusal(long) == .size(limit: IntelQuote.sizeMax, actual: long.count))
  }

  @Test("no flipped bit of a quote traps")
  func flips() throws {
    var quote = try quote()
    for index in quote.indices where index < 900 || index % 7 == 0 {
      for bit in 0..<8 {
        quote[index] ^= 1 << UInt8(bit)
        _ = refusal(quote)
        quote[index] ^= 1 << UInt8(bit)
      }
    }
  }

  @Test(
    "reads recorded quotes as dcap-qvl does",
    .enabled(if: IntelVectors.corpus != nil, "corpus attestation is absent"))
  func recorded() throws {
    let entries = try #require(IntelVectors.file["quotes"]?.array)
    #expect(entries.count == 19)
    var chains = 0
    for entry in entries {
      let path = try #require(entry["quote"]?.string)
      let bytes = try IntelVectors.corpusFile(path)
      // One recorded quote ends with a sentence that its makers put there for tests.
      let hasText = path == "go-tdx-guest/tdx_prod_quote_SPR_E4.dat"
      #expect(refusal(bytes) == (hasText ? .trailingBytes(.section, offset: 4935) : nil))
      let quote = try IntelQuote(decoding: bytes.span, trailing: .ignored)
      #expect(Int(quote.header.version) == entry["version"]?.integer(Int.self))
      for (name, value) in try #require(entry["fields"]?.object) {
        #expect(field(name, quote.body) == value.string, "\(path) \(name)")
      }
      guard let wanted = entry["pck"], !wanted.isNull else {
        #expect(quote.certification.type != 5)
        continue
      }
      chains += 1
      let certificates = try X509PEM.certificates(quote.certification.bytes.span)
      let pck = try PCKExtension(certificates[0])
      #expect(Hex.encode(pck.ppid, prefix: "") == wanted["ppid"]?.string)
      #expect(hex(pck.cpuSVN) == wanted["cpuSvn"]?.string)
      #expect(Int(pck.provisioningEnclaveSVN) == wanted["pceSvn"]?.integer(Int.self))
      #expect(hex(pck.pceID) == wanted["pceId"]?.string)
      #expect(hex(pck.fmspc) == wanted["fmspc"]?.string)
      #expect(Int(pck.sgxType) == wanted["sgxType"]?.integer(Int.self))
    }
    #expect(chains == 17)
  }

  private func hex<let count: Int>(_ bytes: FixedBytes<count>) -> String {
    Hex.encode(bytes.span, prefix: "")
  }

  private func field(_ name: String, _ body: IntelQuoteBody) -> String? {
    switch body {
    case .enclave(let report):
      switch name {
      case "mr_enclave": hex(report.mrEnclave)
      case "mr_signer": hex(report.mrSigner)
      case "cpu_svn": hex(report.cpuSVN)
      case "attributes": hex(report.attributes)
      case "report_data": hex(report.reportData)
      default: nil
      }
    case .trustDomain(let report):
      switch name {
      case "mr_td": hex(report.mrTD)
      case "mr_seam": hex(report.mrSeam)
      case "tee_tcb_svn": hex(report.launchTCB)
      case "td_attributes":
        hex(FixedBytes<8> { UInt8(truncatingIfNeeded: report.attributes.bits >> UInt64(8 * $0)) })
      case "xfam": hex(report.xfam)
      case "mr_config_id": hex(report.mrConfigID)
      case "rt_mr0": hex(report.rtmrs[0])
      case "rt_mr3": hex(report.rtmrs[3])
      case "report_data": hex(report.reportData)
      case "tee_tcb_svn2": report.currentTCB.map { hex($0) }
      case "mr_service_td": report.mrServiceTD.map { hex($0) }
      default: nil
      }
    }
  }
}
