import Attestation
import Encodings
import WireBytes

/// Files of expected results: arrays of cases that name other files.
enum AttestationExpectedCases {
  static func run(
    _ file: AttestationFile, _ folder: AttestationFolder, _ report: inout ConformanceReport
  ) {
    guard let cases = file.json?.array, let first = cases.first else { return }
    if first["file"]?.string != nil, first["expect"]?.string != nil {
      nitro(file, cases, folder, &report)
    } else if first["report"]?.string != nil, first["expect"]?.string != nil {
      sevSNP(file, cases, folder, &report)
    } else if first["quote"]?.string != nil, first["collateral"] != nil, first["expected"] != nil {
      dcap(file, cases, folder, &report)
    }
  }

  private static func title(_ index: Int, _ subject: String?, _ entry: JSONValue) -> String {
    guard let mutation = entry["mutate"] else { return "\(index) \(subject ?? "?")" }
    let place = mutation["field"]?.string ?? "offset \(mutation["offset"]?.integer(Int.self) ?? 0)"
    return "\(index) \(subject ?? "?"), \(place) flipped"
  }

  // MARK: Nitro

  /// `[{file, expect, mutate?, chain_valid_window?, timestamp_ms?, …}]`.
  private static func nitro(
    _ file: AttestationFile, _ cases: [JSONValue], _ folder: AttestationFolder,
    _ report: inout ConformanceReport
  ) {
    for (index, entry) in cases.enumerated() {
      let subject = entry["file"]?.string
      let name = title(index, subject, entry)
      guard let subject, let expectation = entry["expect"]?.string,
        let raw = folder.bytes(file.folder + subject)
      else {
        report.skip(file.path, name, reason: "the document it names is not here")
        continue
      }
      let whole = AttestationFolder.decoded(raw)
      guard let bytes = AttestationFolder.mutated(whole, entry["mutate"]) else {
        report.skip(file.path, name, reason: "the mutation points outside of the document")
        continue
      }
      // A flipped document is judged when the whole one holds.
      let described =
        entry["chain_valid_window"] != nil
        ? entry
        : cases.first { other in
          other["file"]?.string == subject && other["chain_valid_window"] != nil
        }
      let window = described?["chain_valid_window"]?.string.flatMap(Self.window)
      let at = described?["timestamp_ms"]?.integer(Int64.self).map { $0 / 1000 } ?? window?.from
      guard let at else {
        report.skip(file.path, name, reason: "no time is recorded at which to judge")
        continue
      }
      if expectation.hasPrefix("accept") {
        acceptNitro(file, name, bytes, entry, at: at, window: window, &report)
      } else {
        refuseNitro(file, name, bytes, expectation, at: at, &report)
      }
    }
  }

  private static func window(_ text: String) -> (from: Int64, to: Int64)? {
    let ends = text.split(separator: ".", omittingEmptySubsequences: false)
    guard ends.count == 3, ends[1].isEmpty, let from = AttestationFolder.seconds(String(ends[0])),
      let to = AttestationFolder.seconds(String(ends[2]))
    else { return nil }
    return (from, to)
  }

  private static func acceptNitro(
    _ file: AttestationFile, _ name: String, _ bytes: [UInt8], _ entry: JSONValue, at: Int64,
    window: (from: Int64, to: Int64)?, _ report: inout ConformanceReport
  ) {
    let document: NitroDocument
    do {
      document = try NitroDocument(decoding: bytes)
      _ = try document.verified(at: at, roots: NitroRoots.production)
    } catch {
      return report.fail(file.path, name, expected: "accepted", actual: "refused: \(error)")
    }
    var wrong: [String] = []
    func compare<Value: Equatable>(_ member: String, _ wanted: Value?, _ found: Value) {
      if let wanted, wanted != found { wrong.append("\(member) \(found), not \(wanted)") }
    }
    compare("timestamp_ms", entry["timestamp_ms"]?.integer(UInt64.self), document.timestampMilliseconds)
    compare("debug", entry["pcr0_2_all_zero_debug"]?.boolean, document.isDebug)
    compare("user_data_len", entry["user_data_len"]?.integer(Int.self), document.userData?.count ?? 0)
    compare("public_key_len", entry["public_key_len"]?.integer(Int.self), document.publicKey?.count ?? 0)
    compare("nonce_len", entry["nonce_len"]?.integer(Int.self), document.nonce?.count ?? 0)
    if let window {
      for time in [window.from, window.to] {
        do { _ = try document.verified(at: time, roots: NitroRoots.production) } catch {
          wrong.append("refused inside its window, at \(time): \(error)")
        }
      }
      for time in [window.from - 1, window.to + 1] {
        do {
          _ = try document.verified(at: time, roots: NitroRoots.production)
          wrong.append("accepted outside its window, at \(time)")
        } catch {
          if case .chain = error { continue }
          wrong.append("refused outside its window for another reason: \(error)")
        }
      }
    }
    // A policy that takes no debug mode refuses these, whose signature and chain hold.
    report.expect(file.path, name, "", wrong.joined(separator: "; "))
  }

  private static func refuseNitro(
    _ file: AttestationFile, _ name: String, _ bytes: [UInt8], _ expectation: String, at: Int64,
    _ report: inout ConformanceReport
  ) {
    do {
      _ = try NitroDocument(decoding: bytes).verified(at: at, roots: NitroRoots.production)
      report.fail(file.path, name, expected: expectation, actual: "accepted")
    } catch {
      let isMeant: Bool
      if expectation.contains("root") {
        if case .chain(.root) = error { isMeant = true } else { isMeant = false }
      } else if expectation.contains("chain") {
        // A flipped byte of the payload may also leave no document.
        isMeant = true
      } else if expectation.contains("signature") {
        if case .signature = error { isMeant = true } else { isMeant = false }
      } else {
        isMeant = true
      }
      if isMeant {
        report.pass(file.path, name)
      } else {
        report.fail(file.path, name, expected: expectation, actual: "refused: \(error)")
      }
    }
  }

  // MARK: SEV-SNP

  /// `[{report, endorsement_key, expect, kind?, mutate?}]`.
  private static func sevSNP(
    _ file: AttestationFile, _ cases: [JSONValue], _ folder: AttestationFolder,
    _ report: inout ConformanceReport
  ) {
    for (index, entry) in cases.enumerated() {
      let subject = entry["report"]?.string
      let name = title(index, subject, entry)
      guard let subject, let expectation = entry["expect"]?.string,
        let raw = folder.bytes(file.folder + subject)
      else {
        report.skip(file.path, name, reason: "the report it names is not here")
        continue
      }
      // What follows a report in a larger structure is not the report's.
      let whole = [UInt8](AttestationFolder.decoded(raw).prefix(SEVSNPReport.size))
      guard let bytes = AttestationFolder.mutated(whole, entry["mutate"]) else {
        report.skip(file.path, name, reason: "the mutation points outside of the report")
        continue
      }
      var endorsement: [X509Certificate] = []
      if let keyFile = entry["endorsement_key"]?.string {
        guard let bytes = folder.bytes(file.folder + keyFile) else {
          report.skip(file.path, name, reason: "the endorsement key it names is not here")
          continue
        }
        guard let certificates = AttestationFolder.certificates(bytes) else {
          if expectation.hasPrefix("refuse"), expectation.contains("endorsement key") {
            report.pass(file.path, name)
          } else {
            report.fail(file.path, name, expected: expectation, actual: "the endorsement key is not readable")
          }
          continue
        }
        endorsement = [certificates[0]]
      }
      report.expect(
        file.path, name, expectation, sevSNPAnswer(bytes, endorsement, expectation))
    }
  }

  /// `expectation` when that is what happened; else what happened.
  private static func sevSNPAnswer(
    _ bytes: [UInt8], _ endorsement: [X509Certificate], _ expectation: String
  ) -> String {
    // Long after its first day and long before its last one.
    let at = endorsement.first.map { $0.notBefore + ($0.notAfter - $0.notBefore) / 2 } ?? 1_700_000_000
    do throws(SEVSNPRefusal) {
      let report = try SEVSNPReport(decoding: bytes)
      if expectation.contains("DEBUG"), !report.policy.allowsDebug {
        return "the policy does not allow DEBUG"
      }
      let verified = try report.verified(by: endorsement, at: at, roots: AMDProductRoots.production)
      let kind = verified.endorsement.kind
      return expectation.hasPrefix("accept") ? expectation : "accepted, by a \(kind.rawValue)"
    } catch {
      let isMeant: Bool
      switch error {
      case .signature, .signatureWidth: isMeant = expectation.contains("report signature")
      // A flip in a field that is checked before the signature is.
      case .policyReserved, .notZero: isMeant = expectation.contains("report signature")
      case .noEndorsement: isMeant = expectation.contains("no endorsement key")
      case .chain, .issuer, .noIssuer, .tcbDiffers, .chipID, .extensionMissing, .extensionValue, .productName,
        .product, .endorsementKind, .endorsementKey:
        isMeant = expectation.contains("endorsement key")
      default: isMeant = false
      }
      return isMeant && expectation.hasPrefix("refuse") ? expectation : "refused: \(error)"
    }
  }

  // MARK: SGX and TDX

  /// `[{quote, collateral, at, mutate?, expected: {status, advisories} | {error}}]`, as dcap-qvl answered.
  private static func dcap(
    _ file: AttestationFile, _ cases: [JSONValue], _ folder: AttestationFolder,
    _ report: inout ConformanceReport
  ) {
    for (index, entry) in cases.enumerated() {
      let subject = entry["quote"]?.string
      let name = title(index, subject, entry)
      guard let subject, let raw = folder.bytes(file.folder + subject),
        let collateralFile = entry["collateral"]?.string,
        let collateral = folder.bytes(file.folder + collateralFile)
      else {
        report.skip(file.path, name, reason: "the quote or the collateral it names is not here")
        continue
      }
      guard
        let at = entry["at"]?.string.flatMap(AttestationFolder.seconds) ?? entry["at"]?.integer(Int64.self),
        let quote = AttestationFolder.mutated(AttestationFolder.decoded(raw), entry["mutate"]),
        let expected = entry["expected"]
      else {
        report.skip(file.path, name, reason: "time or mutation are not of their form")
        continue
      }
      switch (DcapComparison.run(quote: quote, collateral: collateral, at: at), expected["error"]?.string) {
      case (.accepted(let status, let advisories), nil):
        let wanted = (expected["advisories"]?.array ?? []).compactMap(\.string)
        report.expect(
          file.path, name, "\(expected["status"]?.string ?? "?") \(wanted.sorted())",
          "\(status) \(advisories.sorted())")
      case (.accepted(let status, _), let error?):
        report.fail(file.path, name, expected: "refused: \(error)", actual: "accepted: \(status)")
      case (.refused(let refusal), nil):
        report.fail(
          file.path, name, expected: expected["status"]?.string ?? "accepted", actual: "refused: \(refusal)")
      case (.refused(let refusal), let error?):
        if DcapComparison.agrees(refusal, with: error) {
          report.pass(file.path, name)
        } else {
          report.fail(file.path, name, expected: "refused: \(error)", actual: "refused: \(refusal)")
        }
      }
    }
  }
}
