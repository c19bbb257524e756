import Attestation
import Encodings
import WireBytes

/// Quotes, reports, certificates, lists and documents of vendors with no recorded verdict: they are read.
enum AttestationDocumentCases {
  static func run(
    _ file: AttestationFile, _ folder: AttestationFolder, _ report: inout ConformanceReport
  ) {
    if let json = file.json {
      document(file, json, &report)
      return
    }
    let first = (try? X509PEM.blocks(file.bytes.span, label: "CERTIFICATE"))?.first ?? file.bytes
    if first.first == 0x30, let carried = try? RATLSCertificate(decoding: first) {
      return bound(file, carried, &report)
    }
    if let certificates = AttestationFolder.certificates(file.bytes) {
      return report.pass(file.path, "\(certificates.count) certificates")
    }
    if let blocks = try? X509PEM.blocks(file.bytes.span, label: "CERTIFICATE") {
      // Certificates that claim what they do not keep: read one by one, the first refusal told.
      for block in blocks {
        do { _ = try X509Certificate(decoding: block) } catch {
          return file.isNamedWrong
            ? report.pass(file.path, "certificate refused: \(error)")
            : report.skip(file.path, "certificate", reason: "refused (\(error)); no verdict is recorded")
        }
      }
    }
    if file.name.hasSuffix(".der") || file.name.hasSuffix(".crt") || file.name.hasSuffix(".cer"),
      file.bytes.first == 0x30
    {
      do { _ = try X509Certificate(decoding: file.bytes.span) } catch {
        if (try? CertificateRevocationList(decoding: file.bytes)) == nil {
          return file.isNamedWrong
            ? report.pass(file.path, "certificate refused: \(error)")
            : report.skip(file.path, "certificate", reason: "refused (\(error)); no verdict is recorded")
        }
      }
    }
    // Headers of Intel's answers are percent-encoded.
    if file.bytes.starts(with: [UInt8]("-----BEGIN%20CERTIFICATE".utf8)) {
      guard let text = percentDecoded(file.bytes), let list = try? X509PEM.certificates(text.span) else {
        return report.fail(file.path, "certificates", expected: "read", actual: "refused")
      }
      return report.pass(file.path, "\(list.count) certificates, percent-encoded")
    }
    let bytes = AttestationFolder.decoded(file.bytes)
    if let quote = try? IntelQuote(decoding: bytes.span, trailing: .ignored) {
      return quoted(file, quote, &report)
    }
    if bytes.count >= SEVSNPReport.size, bytes.count < 2 * SEVSNPReport.size,
      (try? SEVSNPReport(decoding: [UInt8](bytes.prefix(SEVSNPReport.size)))) != nil
    {
      return report.pass(file.path, "SEV-SNP report")
    }
    if (try? NitroDocument(decoding: bytes)) != nil { return report.pass(file.path, "Nitro document") }
    if let der = (try? X509PEM.blocks(file.bytes.span, label: "X509 CRL"))?.first ?? Optional(bytes),
      (try? CertificateRevocationList(decoding: der)) != nil
    {
      return report.pass(file.path, "revocation list")
    }
    if (try? X509PEM.blocks(file.bytes.span, label: "PUBLIC KEY")) != nil {
      report.pass(file.path, "public key")
    }
  }

  /// A certificate that carries a quote (RA-TLS): the quote binds its key.
  private static func bound(
    _ file: AttestationFile, _ certificate: RATLSCertificate, _ report: inout ConformanceReport
  ) {
    do {
      _ = try certificate.boundQuote()
      report.pass(file.path, "certificate whose key its quote binds")
    } catch {
      if file.isNamedWrong {
        report.pass(file.path, "certificate refused: \(error)")
      } else {
        report.skip(file.path, "binding", reason: "refused (\(error)); no verdict is recorded")
      }
    }
  }

  private static func percentDecoded(_ text: [UInt8]) -> [UInt8]? {
    var bytes: [UInt8] = []
    var index = 0
    while index < text.count {
      if text[index] == UInt8(ascii: "%") {
        guard index + 2 < text.count,
          let value = UInt8(String(decoding: text[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
        else { return nil }
        bytes.append(value)
        index += 3
      } else {
        bytes.append(text[index])
        index += 1
      }
    }
    return bytes
  }

  /// A quote: what was read is what was signed.
  private static func quoted(
    _ file: AttestationFile, _ quote: IntelQuote, _ report: inout ConformanceReport
  ) {
    report.pass(file.path, "quote of \(quote.header.tee), version \(quote.header.version)")
  }

  private static func document(
    _ file: AttestationFile, _ json: JSONValue, _ report: inout ConformanceReport
  ) {
    if json["enclaveIdentity"] != nil || json["qeIdentity"] != nil || json["qveIdentity"] != nil {
      identity(file, json, &report)
    } else if json["tcbInfo"] != nil || json["tcbInfo"] == nil && json["fmspc"]?.string != nil {
      let text = member("tcbInfo", of: file.bytes) ?? file.bytes
      do {
        _ = try TCBInfo(decoding: text)
        report.pass(file.path, "TCB info")
      } catch {
        unread(file, "TCB info", error, &report)
      }
    } else if json["tcb_info"] != nil, json["qe_identity"] != nil {
      do {
        _ = try IntelCollateral(decoding: file.bytes, unknownMembers: .ignored)
        report.pass(file.path, "collateral")
      } catch {
        unread(file, "collateral", error, &report)
      }
    } else if json["miscselectMask"] != nil || json["id"]?.string?.contains("QE") == true,
      json["mrsigner"] != nil
    {
      do {
        _ = try QuotingEnclaveIdentity(decoding: file.bytes)
        report.pass(file.path, "QE identity")
      } catch {
        unread(file, "QE identity", error, &report)
      }
    } else if json["pcrs"] != nil, json["isAttestationDocValid"] != nil {
      report.skip(
        file.path, "expectation", reason: "of a document in a certificate that is not here under its name")
    }
  }

  /// The answer of a provisioning service: `{"enclaveIdentity": …, "signature": …}`. Names that say `missing`
  /// are refused.
  private static func identity(
    _ file: AttestationFile, _ json: JSONValue, _ report: inout ConformanceReport
  ) {
    let mustFail = file.isNamedWrong
    // Version 1 of the document has members of other names; no verifier takes it any more.
    let isOld = json["enclaveIdentity"] == nil
    do {
      guard let text = member("enclaveIdentity", of: file.bytes), json["signature"]?.string != nil else {
        throw IntelDocumentMissing()
      }
      _ = try QuotingEnclaveIdentity(decoding: text)
      if mustFail {
        report.fail(file.path, "QE identity", expected: "refused", actual: "read")
      } else {
        report.pass(file.path, "QE identity")
      }
    } catch {
      if mustFail {
        report.pass(file.path, "QE identity refused: \(error)")
      } else if isOld {
        report.skip(
          file.path, "QE identity", reason: "version 1 of the document, which is not taken any more")
      } else {
        unread(file, "QE identity", error, &report)
      }
    }
  }

  private struct IntelDocumentMissing: Error {}

  /// What is not read, and nobody said that it should be.
  private static func unread(
    _ file: AttestationFile, _ name: String, _ error: some Error, _ report: inout ConformanceReport
  ) {
    if file.isNamedWrong {
      report.pass(file.path, "\(name) refused: \(error)")
    } else {
      report.skip(file.path, name, reason: "refused (\(error)); no verdict is recorded")
    }
  }

  /// The bytes of an object that is a member of the root object, as they stand: documents are signed so.
  private static func member(_ name: String, of text: [UInt8]) -> [UInt8]? {
    let opening = [UInt8]("\"\(name)\"".utf8)
    guard let found = text.indices.first(where: { text[$0...].starts(with: opening) }) else { return nil }
    guard let start = text[(found + opening.count)...].firstIndex(of: UInt8(ascii: "{")) else { return nil }
    var depth = 0
    var isString = false
    var index = start
    while index < text.count {
      switch text[index] {
      case UInt8(ascii: "\\") where isString: index += 1
      case UInt8(ascii: "\""): isString.toggle()
      case UInt8(ascii: "{") where !isString: depth += 1
      case UInt8(ascii: "}") where !isString:
        depth -= 1
        if depth == 0 { return [UInt8](text[start...index]) }
      default: break
      }
      index += 1
    }
    return nil
  }

  /// Why a file is of no schema that is run here.
  static func reason(_ file: AttestationFile) -> String {
    let name = file.name.lowercased()
    if name.hasSuffix(".md") { return "a description" }
    if file.path.contains("nitro/") {
      if file.bytes.starts(with: [0x84, 0x6a]) {
        return "a Sig_structure, what a document's signature is over, without it"
      }
      return "a document inside of something else: the documents themselves lie beside it"
    }
    if file.bytes.count < 128, !file.bytes.contains(where: { $0 > 0x7e && $0 < 0xa0 }) {
      return "a loose value"
    }
    if name.hasSuffix(".snap") { return "another program's printed values" }
    if name.hasSuffix(".yml") || name.hasSuffix(".yaml") { return "input of a generator" }
    if name.contains("cca") || name.contains("psa") || name.contains("cpak") || name.contains("rak") {
      return "evidence of Arm, for which there is no verifier"
    }
    if name.contains("hopper") { return "evidence of NVIDIA, for which there is no verifier" }
    if name.contains("gpu") { return "evidence of GPUs, for which there is no verifier" }
    if name.contains("confspace") || name.contains("cel") {
      return "a log or certificate of Confidential Space in a form of its own"
    }
    if name.contains("ccel_table") { return "an ACPI table" }
    if let json = file.json {
      if json["tcbEvalNumbers"] != nil || name.contains("tcbeval") {
        return "Intel's list of TCB evaluation numbers, which no verdict needs"
      }
      if json["attestation"] != nil || json["attestation_report"] != nil {
        return "a report in JSON of its attester's own, whose certificates do not go with it"
      }
      return "JSON of no schema that is run here"
    }
    if name.contains("output") || name.contains("event") {
      return "another system's encoding of what it read in a quote"
    }
    return "a container or structure that no verdict here rests on"
  }
}
