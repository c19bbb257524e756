private import Digests
private import WireBytes

/// A vTPM's quote under the key that a paravisor's report names: the second half of Azure's chain.
///
/// The first half, that hardware vouches for the report's claims, is ``AzureVerifier``'s; without it this
/// proves nothing.
public struct AzureQuote: Hashable, Sendable {
  public let report: HCLReport
  public let quote: TPM2.Quote
  public let pcrs: [TPMStatement.PCR]

  /// Checks forms, that the report's own report data commits to its claims, the quote's signature by
  /// HCLAkPub, one bank of SHA-2, and the digest over the values.
  ///
  /// - Throws: ``AzureRefusal`` `.report`, `.reportData`, `.signature` or `.quote`. The input is untrusted.
  public init(_ statement: AzureStatement) throws(AzureRefusal) {
    do { report = try HCLReport(decoding: statement.report.span) } catch { throw .report(error) }
    guard report.reportData == report.expectedReportData else {
      throw .reportData(expected: report.expectedReportData, actual: report.reportData)
    }
    do {
      try report.attestationKey.verify(statement.quote.span, signature: statement.signature)
    } catch { throw .signature(error) }
    do {
      quote = try VerifiedTPMQuote.contents(statement.quote.span, signedWith: .sha256, values: statement.pcrs)
    } catch { throw .quote(error) }
    pcrs = statement.pcrs
  }
}

/// Verifies evidence of Azure's confidential machines: hardware report → attestation key → PCRs.
public enum AzureVerifier {
  /// Judges evidence under a policy.
  ///
  /// In this order: the hardware's report (SNP) or quote (TDX) by its own verifier, with the evidence's
  /// collateral; that its report data is the hash of the runtime's claims, and nothing else; the quote's
  /// signature by the key in these claims; exactly the policy's PCRs; each by its rule.
  ///
  /// The vTPM's key has no public area of a TPM here: that it is restricted is the paravisor's word, which
  /// the hardware's measurement stands for. Measurements: the hardware's, then `pcrN`. Report data and nonce
  /// are the quote's extra data; the hardware's binds the key. `boundKey` is that key.
  ///
  /// - Throws: ``AzureRefusal``; the evidence is untrusted and nothing traps.
  public static func verify(
    _ evidence: AttestationEvidence, under policy: AzurePolicy, at time: AttestationTime,
    roots: AttestationRoots
  ) throws(AzureRefusal) -> AttestationResult {
    let statement: AzureStatement
    do { statement = try AzureStatement(decoding: evidence.statement.span) } catch { throw .statement(error) }
    let report: HCLReport
    do { report = try HCLReport(decoding: statement.report.span) } catch { throw .report(error) }
    let hardware = try hardware(statement, report, evidence.collateral, under: policy, at: time, roots: roots)
    guard hardware.reportData == report.expectedReportData else {
      throw .reportData(expected: report.expectedReportData, actual: hardware.reportData)
    }
    let quoted = try AzureQuote(statement)
    do {
      try VerifiedTPMQuote.checkSelection(
        quoted.quote.selections[0], bank: policy.bank, indices: policy.pcrs.map(\.index))
      _ = try TPMVerifier.judge(quoted.pcrs, [], by: policy.pcrs)
    } catch { throw .quote(error) }
    let clock = quoted.quote.clockInfo
    return AttestationResult(
      platform: .azure,
      measurements: hardware.measurements
        + quoted.pcrs.map { AttestationMeasurement("pcr\($0.index)", $0.value) },
      reportData: quoted.quote.extraData, nonce: quoted.quote.extraData,
      boundKey: report.attestationKey.publicKeyInfo, isDebug: hardware.isDebug, tcbStatus: hardware.tcbStatus,
      advisories: hardware.advisories, issued: nil, limits: hardware.limits,
      reasons: hardware.reasons + [
        .field("resetCount", Int64(clock.resetCount)), .field("restartCount", Int64(clock.restartCount)),
      ],
      identity: SHA256Hash.hash(hardware.identity, SHA256Hash.hash(statement.quote)))
  }

  private static func hardware(
    _ statement: AzureStatement, _ report: HCLReport, _ collateral: [UInt8], under policy: AzurePolicy,
    at time: AttestationTime, roots: AttestationRoots
  ) throws(AzureRefusal) -> AttestationResult {
    switch report.hardware {
    case .snp:
      guard statement.tdQuote.isEmpty else { throw .tdQuote(bytes: statement.tdQuote.count) }
      guard let inner = policy.sevSNP else { throw .hardwareNotNamed(.snp) }
      let evidence = AttestationEvidence(platform: .sevSNP, statement: report.report, collateral: collateral)
      do { return try SEVSNPVerifier.verify(evidence, under: inner, at: time, roots: roots.amd) } catch {
        throw .sevSNP(error)
      }
    case .tdx:
      guard !statement.tdQuote.isEmpty else { throw .tdQuote(bytes: 0) }
      guard let inner = policy.tdx else { throw .hardwareNotNamed(.tdx) }
      let evidence = AttestationEvidence(platform: .tdx, statement: statement.tdQuote, collateral: collateral)
      do { return try IntelVerifier.verify(evidence, under: inner, at: time, roots: roots.intel) } catch {
        throw .tdx(error)
      }
    }
  }
}
