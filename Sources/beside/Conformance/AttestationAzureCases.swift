import Attestation
import Encodings
import WireBytes

/// Azure: HCL reports, quotes of vTPMs, and the evidence of Confidential Containers.
enum AttestationAzureCases {
  static func run(
    _ file: AttestationFile, _ folder: AttestationFolder, _ report: inout ConformanceReport
  ) {
    if file.bytes.starts(with: [0x48, 0x43, 0x4c, 0x41]) {
      hcl(file, folder, &report)
    } else if let json = file.json, json["tpm_quote"] != nil || json["quote"]?["pcrs"] != nil,
      json["hcl_report"] != nil || json["report"] != nil
    {
      evidence(file, json, folder, &report)
    } else if let json = file.json, json["pcrs"]?.array != nil, json["message"]?.string != nil {
      let quote = AzureTPMQuote(json)
      loose(file, quote, folder, &report)
    } else if let quote = AzureTPMQuote(bincode: file.bytes) {
      loose(file, quote, folder, &report)
    } else if let json = file.json, json["keys"]?.array != nil, json["vm-configuration"] != nil {
      report.pass(file.path, "runtime claims")
    } else if file.bytes.starts(with: [UInt8](#"{"keys":["#.utf8)) {
      runtime(file, &report)
    }
  }

  /// Claims as the vTPM's NV index holds them: JSON, then zeroes.
  private static func runtime(_ file: AttestationFile, _ report: inout ConformanceReport) {
    let text = [UInt8](file.bytes.prefix(while: { $0 != 0 }))
    guard file.bytes.dropFirst(text.count).allSatisfy({ $0 == 0 }), let json = try? JSONValue(decoding: text),
      let named = json["keys"]?.array?.first(where: { $0["kid"]?.string == "HCLAkPub" }),
      (try? TokenKey(jwk: named)) != nil
    else { return report.fail(file.path, "runtime claims", expected: "HCLAkPub", actual: "none") }
    report.pass(file.path, "runtime claims")
  }

  private static func hcl(
    _ file: AttestationFile, _ folder: AttestationFolder, _ report: inout ConformanceReport
  ) {
    do {
      let hcl = try HCLReport(decoding: file.bytes.span)
      report.expect(
        file.path, "report data commits to the claims", Hex.encode(hcl.expectedReportData),
        Hex.encode(hcl.reportData))
      guard hcl.hardware == .snp else {
        return report.skip(
          file.path, "hardware",
          reason: "a TDREPORT, which only its own processor can check; no TD quote goes with it")
      }
      hardware(file, hcl, endorsements(file, folder), &report)
    } catch {
      if file.isNamedWrong { return report.pass(file.path, "HCL report refused: \(error)") }
      report.fail(file.path, "HCL report", expected: "read", actual: "refused: \(error)")
    }
  }

  /// Certificates in PEM files of the same folder.
  private static func endorsements(
    _ file: AttestationFile, _ folder: AttestationFolder
  ) -> [[X509Certificate]] {
    folder.files(in: file.folder).filter { $0.hasSuffix(".pem") }
      .compactMap { folder.bytes($0).flatMap { AttestationFolder.certificates($0) } }
  }

  private static func hardware(
    _ file: AttestationFile, _ hcl: HCLReport, _ chains: [[X509Certificate]],
    _ report: inout ConformanceReport
  ) {
    do {
      let snp = try SEVSNPReport(decoding: hcl.report)
      // The first certificate of a file is a processor's; the issuers are known here.
      let own = chains.first { chain in
        (try? SEVSNPEndorsement(chain[0], product: .milan))?.hardwareID == snp.chipID.array
          || (try? SEVSNPEndorsement(chain[0], product: .genoa))?.hardwareID == snp.chipID.array
      }
      guard let own else {
        return report.skip(file.path, "hardware", reason: "no certificate of this processor lies beside it")
      }
      let at = own[0].notBefore + (own[0].notAfter - own[0].notBefore) / 2
      let verified = try snp.verified(by: [own[0]], at: at, roots: AMDProductRoots.production)
      report.expect(file.path, "hardware", "vcek", verified.endorsement.kind.rawValue)
    } catch {
      report.fail(file.path, "hardware", expected: "verified", actual: "refused: \(error)")
    }
  }

  /// The evidence as JSON, both versions: report → key → PCRs, and every flip refused.
  private static func evidence(
    _ file: AttestationFile, _ json: JSONValue, _ folder: AttestationFolder, _ report: inout ConformanceReport
  ) {
    do {
      let (statement, vcek) = try AzureStatement.read(confidentialContainers: json)
      let again = try AzureStatement(decoding: statement.encoded().span)
      guard again == statement else {
        return report.fail(file.path, "statement", expected: "written back", actual: "another one")
      }
      let quoted = try AzureQuote(statement)
      report.pass(file.path, "report → key → PCRs")
      switch quoted.report.hardware {
      case .snp:
        guard let vcek, let chain = AttestationFolder.certificates(vcek) else {
          return report.fail(file.path, "hardware", expected: "a certificate", actual: "none")
        }
        hardware(file, quoted.report, [chain], &report)
      case .tdx:
        let quote = try IntelQuote(decoding: statement.tdQuote.span)
        report.expect(
          file.path, "TD quote's report data", Hex.encode(quoted.report.expectedReportData),
          Hex.encode(quote.body.reportData.array))
        report.skip(file.path, "TD quote's chain", reason: "no collateral of its processor is in the corpus")
      }
      var changed = statement
      changed.signature[changed.signature.count / 2] ^= 1
      refused(file, "signature flipped", changed, &report)
      changed = statement
      changed.quote[changed.quote.count - 1] ^= 1
      refused(file, "quote flipped", changed, &report)
      changed = statement
      if let first = changed.pcrs.first {
        var value = first.value
        value[0] ^= 1
        changed.pcrs[0] = TPMStatement.PCR(index: first.index, value: value)
        refused(file, "value flipped", changed, &report)
        changed = statement
        changed.pcrs.removeLast()
        refused(file, "a value less", changed, &report)
      }
    } catch {
      if file.isNamedWrong { return report.pass(file.path, "evidence refused: \(error)") }
      report.fail(file.path, "evidence", expected: "accepted", actual: "refused: \(error)")
    }
  }

  private static func refused(
    _ file: AttestationFile, _ name: String, _ statement: AzureStatement, _ report: inout ConformanceReport
  ) {
    do {
      _ = try AzureQuote(statement)
      report.fail(file.path, name, expected: "refused", actual: "accepted")
    } catch { report.pass(file.path, name) }
  }

  /// A quote without its report: it must hold under the key of a report, or of a PEM file, in the same
  /// folder.
  private static func loose(
    _ file: AttestationFile, _ quote: AzureTPMQuote?, _ folder: AttestationFolder,
    _ report: inout ConformanceReport
  ) {
    guard let quote else { return report.skip(file.path, "quote", reason: "members are not of their form") }
    var keys: [TokenKey] = []
    for path in folder.files(in: file.folder) {
      guard let bytes = folder.bytes(path) else { continue }
      if let hcl = try? HCLReport(decoding: bytes.span) { keys.append(hcl.attestationKey) }
      if path.hasSuffix(".pem"), let block = try? X509PEM.blocks(bytes.span, label: "PUBLIC KEY").first,
        let key = try? TokenKey(.rs256, publicKeyInfo: block)
      {
        keys.append(key)
      }
    }
    let signed = keys.contains { key in
      do {
        try key.verify(quote.message.span, signature: quote.signature)
        return true
      } catch { return false }
    }
    guard signed else {
      return report.skip(file.path, "quote", reason: "no key that signed it lies beside it")
    }
    do {
      let decoded = try TPM2.Quote(decoding: quote.message.span)
      let selected = decoded.selections.first?.indices ?? []
      let joined = selected.flatMap { $0 < quote.values.count ? quote.values[$0] : [] }
      report.expect(
        file.path, "quote", Hex.encode(decoded.pcrDigest),
        Hex.encode(TPM2.Hash.sha256.digest(joined.span) ?? []))
    } catch {
      report.fail(file.path, "quote", expected: "read", actual: "refused: \(error)")
    }
  }
}

/// A quote as az-cvm-vtpm writes it: signature, message, values.
struct AzureTPMQuote {
  let signature: [UInt8]
  let message: [UInt8]
  let values: [[UInt8]]

  /// `{signature, message, pcrs}` in hex.
  init?(_ json: JSONValue) {
    func bytes(_ value: JSONValue?) -> [UInt8]? { value?.string.flatMap { try? Hex.decode($0) } }
    guard let signature = bytes(json["signature"]), let message = bytes(json["message"]),
      let pcrs = json["pcrs"]?.array
    else { return nil }
    let values = pcrs.compactMap { bytes($0) }
    guard values.count == pcrs.count else { return nil }
    self.signature = signature
    self.message = message
    self.values = values
  }

  /// Rust's bincode: each length in eight bytes, little-endian; values of 32 bytes.
  init?(bincode bytes: [UInt8]) {
    do throws(WireError) {
      var reader = ByteReader(bytes.span)
      var parts: [[UInt8]] = []
      for _ in 0..<2 {
        let count = try reader.readLittleEndian(UInt64.self)
        guard count <= 4096 else { return nil }
        parts.append(try reader.readBytes(Int(count)))
      }
      let count = try reader.readLittleEndian(UInt64.self)
      guard count <= 32, parts[1].starts(with: [0xff, 0x54, 0x43, 0x47]) else { return nil }
      var values: [[UInt8]] = []
      for _ in 0..<count { values.append(try reader.readBytes(32)) }
      guard reader.isAtEnd else { return nil }
      (signature, message) = (parts[0], parts[1])
      self.values = values
    } catch {
      return nil
    }
  }
}
