import Digests
import WireBytes

/// Verifies evidence of SGX and TDX: the statement is a quote, the collateral an ``IntelCollateral``
/// document.
public enum IntelVerifier {
  /// Verifies `evidence`, whose platform is `sgx` or `tdx`.
  ///
  /// - Parameter roots: pinned by fingerprint; a root other than Intel's must be in a chain of the
  ///   collateral.
  /// - Throws: ``IntelRefusal``.
  public static func verify(
    _ evidence: AttestationEvidence, under policy: IntelPolicy, at time: AttestationTime, roots: X509Roots
  ) throws(IntelRefusal) -> AttestationResult {
    let collateral: IntelCollateral
    do {
      collateral = try IntelCollateral(decoding: evidence.collateral)
    } catch { throw .collateral(error) }
    let findings = try IntelVerification.verify(
      evidence.statement.span, collateral: collateral, at: time.seconds, roots: roots,
      admission: IntelAdmission(debug: policy.debug, serviceTDs: Set(policy.serviceTDs)))
    let wanted: IntelTEE = evidence.platform == .sgx ? .sgx : .tdx
    guard findings.quote.header.tee == wanted else { throw .policy(.tee(findings.quote.header.tee)) }
    try policy.check(findings)
    return result(findings, platform: evidence.platform)
  }

  private static func result(_ findings: IntelFindings, platform: AttestationPlatform) -> AttestationResult {
    var measurements: [AttestationMeasurement] = []
    let isDebug: Bool
    switch findings.quote.body {
    case .enclave(let report):
      measurements = [
        AttestationMeasurement("mrenclave", report.mrEnclave.array),
        AttestationMeasurement("mrsigner", report.mrSigner.array),
        AttestationMeasurement("isvprodid", [UInt8(report.isvProdID >> 8), UInt8(report.isvProdID & 0xff)]),
        AttestationMeasurement("isvsvn", [UInt8(report.isvSVN >> 8), UInt8(report.isvSVN & 0xff)]),
      ]
      isDebug = report.isDebug
    case .trustDomain(let report):
      measurements = [
        AttestationMeasurement("mrtd", report.mrTD.array),
        AttestationMeasurement("mrconfigid", report.mrConfigID.array),
        AttestationMeasurement("mrowner", report.mrOwner.array),
        AttestationMeasurement("mrownerconfig", report.mrOwnerConfig.array),
      ]
      for (index, value) in report.rtmrs.enumerated() {
        measurements.append(AttestationMeasurement("rtmr\(index)", value.array))
      }
      measurements.append(AttestationMeasurement("mrseam", report.mrSeam.array))
      if let service = report.mrServiceTD, !service.isZero {
        measurements.append(AttestationMeasurement("mrservicetd", service.array))
      }
      isDebug = report.attributes.isDebug
    }
    var reasons: [AttestationReason] = isDebug ? [.debugAllowed] : []
    var parts: [(String, TCBStatus)] = [("platform", findings.platform.status)]
    if let module = findings.module { parts.append(("TDX module", module.status)) }
    parts.append(("quoting enclave", findings.quotingEnclave.status))
    for (component, status) in parts where status != .upToDate {
      reasons.append(.status(component: component, status: status.rawValue))
    }
    reasons.append(
      .field(
        "tcbEvaluationDataNumber",
        Int64(min(findings.tcbInfoEvaluationNumber, findings.quotingEnclaveEvaluationNumber))))
    return AttestationResult(
      platform: platform, measurements: measurements, reportData: findings.quote.body.reportData.array,
      isDebug: isDebug, tcbStatus: findings.status.rawValue, advisories: findings.advisories,
      limits: findings.limits, reasons: reasons, identity: identity(findings.quote))
  }

  /// SHA-256 of what the attestation key signed: signatures of ECDSA have twins, and buffers have zeros
  /// behind.
  private static func identity(_ quote: IntelQuote) -> Bytes32 { SHA256Hash.hash(quote.signed) }
}
