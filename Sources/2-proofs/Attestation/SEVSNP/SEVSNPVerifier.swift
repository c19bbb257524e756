import WireBytes

/// Verifies SEV-SNP reports under a policy.
public enum SEVSNPVerifier {
  /// - Parameter evidence: the report, and as collateral ``CertificateCollateral``: the VCEK or VLEK, then its issuer and
  ///   the root where AMD's own are not to be taken from those known here; revocation lists of the root.
  /// - Throws: ``SEVSNPRefusal``; the evidence is untrusted and nothing traps.
  public static func verify(
    _ evidence: AttestationEvidence, under policy: SEVSNPPolicy, at time: AttestationTime,
    roots: [AMDProductRoots]
  ) throws(SEVSNPRefusal) -> AttestationResult {
    let collateral: CertificateCollateral
    do { collateral = try CertificateCollateral(decoding: evidence.collateral.span) } catch {
      throw .collateral(error)
    }
    return try verify(
      report: SEVSNPReport(decoding: evidence.statement), collateral: collateral, under: policy, at: time,
      roots: roots)
  }

  /// The same for a report that came in another wrapping.
  public static func verify(
    report: SEVSNPReport, collateral: CertificateCollateral, under policy: SEVSNPPolicy,
    at time: AttestationTime,
    roots: [AMDProductRoots]
  ) throws(SEVSNPRefusal) -> AttestationResult {
    // What the guest was allowed is said before anything about keys: a debug guest is refused for being one.
    try checkGuestPolicy(report, policy)
    var certificates: [X509Certificate] = []
    for (index, der) in collateral.certificates.enumerated() {
      do { certificates.append(try X509Certificate(decoding: der)) } catch {
        throw .certificate(index: index, error)
      }
    }
    let verified = try report.verified(by: certificates, at: time.seconds, roots: roots)
    guard policy.endorsements.contains(verified.endorsement.kind) else {
      throw .endorsementNotAllowed(verified.endorsement.kind)
    }
    try checkTCB(verified, policy)
    try checkChip(verified, policy)
    try checkGuests(report, policy)
    let revocation = try revocation(of: verified.chain, collateral, policy, at: time.seconds)
    var limits = [AttestationLimit("certificate chain", until: verified.chain.notAfter)]
    if let until = revocation.until { limits.append(AttestationLimit("revocation list", until: until - 1)) }
    var reasons: [AttestationReason] = report.policy.allowsDebug ? [.debugAllowed] : []
    if verified.isChipMasked { reasons.append(.chipMasked) }
    reasons += revocation.unchecked.map { .revocationNotChecked(index: $0) }
    return AttestationResult(
      platform: .sevSNP, measurements: measurements(verified), reportData: report.reportData.array,
      isDebug: report.policy.allowsDebug, limits: limits, reasons: reasons, identity: report.identity)
  }

  private static func checkGuestPolicy(
    _ report: SEVSNPReport, _ policy: SEVSNPPolicy
  ) throws(SEVSNPRefusal) {
    let guest = report.policy
    if guest.allowsDebug, !policy.options.contains(.allowDebug) { throw .debug }
    if guest.allowsMigrationAgent, !policy.options.contains(.allowMigrationAgent) { throw .migrationAgent }
    if guest.allowsSMT, policy.options.contains(.requireNoMultithreading) { throw .multithreading }
    if !guest.requiresSingleSocket, policy.options.contains(.requireSingleSocket) { throw .sockets }
    guard policy.vmpls.contains(report.vmpl) else { throw .vmpl(report.vmpl) }
    if let least = policy.minimumABI,
      (guest.abiMajor, guest.abiMinor) < (least.major, least.minor)
    {
      throw .abi(
        wantedMajor: least.major, wantedMinor: least.minor, major: guest.abiMajor, minor: guest.abiMinor)
    }
    guard report.guestSVN >= policy.minimumGuestSVN else {
      throw .guestSVN(wanted: policy.minimumGuestSVN, found: report.guestSVN)
    }
  }

  private static func checkTCB(
    _ verified: VerifiedSEVSNPReport, _ policy: SEVSNPPolicy
  ) throws(SEVSNPRefusal) {
    guard let allowed = policy.products.first(where: { $0.product == verified.product }) else {
      throw .productNotAllowed(verified.product)
    }
    // Current and committed are not under reported, which was checked.
    let asked: [(SEVSNPField, SEVSNPTCB)] = [
      (.reportedTCB, verified.reportedTCB), (.launchTCB, verified.launchTCB),
    ]
    for (field, tcb) in asked {
      if let short = tcb.shortfall(under: allowed.minimumTCB) {
        throw .tcbTooOld(field, short.part, wanted: short.wanted, found: short.found)
      }
    }
  }

  private static func checkChip(
    _ verified: VerifiedSEVSNPReport, _ policy: SEVSNPPolicy
  ) throws(SEVSNPRefusal) {
    if verified.isChipMasked {
      // A VLEK is a cloud's, so its reports need no chip; a VCEK's do, and so does a list of chips.
      if verified.endorsement.kind == .vcek || policy.chips != nil,
        !policy.options.contains(.allowMaskedChip) || policy.chips != nil
      {
        throw .chipMasked
      }
    } else if let chips = policy.chips, !chips.contains(verified.report.chipID) {
      throw .chipNotAllowed(verified.report.chipID)
    }
  }

  /// One allowed guest must fit whole.
  private static func checkGuests(
    _ report: SEVSNPReport, _ policy: SEVSNPPolicy
  ) throws(SEVSNPRefusal) {
    var nearest: [SEVSNPPolicy.Identity]?
    for guest in policy.guests {
      let differing = guest.demands.filter { value(of: $0.field, in: report) != $0.value }.map(\.field)
      if differing.isEmpty { return }
      if differing.count < (nearest?.count ?? .max) { nearest = differing }
    }
    throw .measurements(allowed: policy.guests.count, differing: nearest ?? [])
  }

  private static func value(of field: SEVSNPPolicy.Identity, in report: SEVSNPReport) -> [UInt8] {
    switch field {
    case .measurement: report.measurement.array
    case .hostData: report.hostData.array
    case .idKeyDigest: report.idKeyDigest.array
    case .authorKeyDigest: report.authorKeyDigest.array
    case .familyID: report.familyID.array
    case .imageID: report.imageID.array
    }
  }

  private static func revocation(
    of chain: VerifiedX509Chain, _ collateral: CertificateCollateral, _ policy: SEVSNPPolicy, at time: Int64
  ) throws(SEVSNPRefusal) -> X509RevocationOutcome {
    var lists: [CertificateRevocationList] = []
    for (index, der) in collateral.revocationLists.enumerated() {
      do { lists.append(try CertificateRevocationList(decoding: der)) } catch {
        throw .revocationList(index: index, error)
      }
    }
    let outcome: X509RevocationOutcome
    do { outcome = try chain.checkRevocation(lists, at: time, missing: .reported) } catch {
      throw .revocation(error)
    }
    // AMD's list is the root's and speaks of signing keys; of VCEKs and VLEKs there is none.
    if policy.options.contains(.requireRevocation), outcome.unchecked.contains(1) {
      throw .revocation(.noList(index: 1))
    }
    return outcome
  }

  private static func measurements(_ verified: VerifiedSEVSNPReport) -> [AttestationMeasurement] {
    let report = verified.report
    return SEVSNPPolicy.Identity.allCases.map {
      AttestationMeasurement($0.rawValue, value(of: $0, in: report))
    }
      + [
        AttestationMeasurement("reportId", report.reportID.array),
        AttestationMeasurement("chipId", report.chipID.array),
        AttestationMeasurement("reportedTCB", report.reportedTCB.array),
      ]
  }
}
