/// Verifies Nitro documents under a policy.
public enum NitroVerifier {
  /// - Parameter evidence: the document, and as collateral nothing or ``CertificateCollateral`` with revocation lists.
  /// - Throws: ``NitroRefusal``; the evidence is untrusted and nothing traps.
  public static func verify(
    _ evidence: AttestationEvidence, under policy: NitroPolicy, at time: AttestationTime, roots: X509Roots
  ) throws(NitroRefusal) -> AttestationResult {
    let document = try NitroDocument(decoding: evidence.statement)
    let verified = try document.verified(at: time.seconds, roots: roots)
    if document.isDebug, !policy.allowsDebug { throw .debug }
    try check(document, policy.measurements)
    var limits = [AttestationLimit("certificate chain", until: verified.chain.notAfter)]
    var reasons: [AttestationReason] = document.isDebug ? [.debugAllowed] : []
    let outcome = try revocation(
      of: verified.chain, collateral: evidence.collateral, required: policy.requiresRevocation,
      at: time.seconds)
    if let until = outcome.until { limits.append(AttestationLimit("revocation list", until: until - 1)) }
    reasons += outcome.unchecked.map { .revocationNotChecked(index: $0) }
    return AttestationResult(
      platform: .nitro,
      measurements: document.pcrs.map { AttestationMeasurement("pcr\($0.index)", $0.value) },
      reportData: document.userData ?? [], nonce: document.nonce, boundKey: document.publicKey,
      isDebug: document.isDebug, issued: document.issued, limits: limits, reasons: reasons,
      identity: document.identity)
  }

  private static func revocation(
    of chain: VerifiedX509Chain, collateral: [UInt8], required: Bool, at time: Int64
  ) throws(NitroRefusal) -> X509RevocationOutcome {
    let carried: CertificateCollateral
    do { carried = try CertificateCollateral(decoding: collateral.span) } catch { throw .collateral(error) }
    guard carried.certificates.isEmpty else {
      throw .collateralCertificates(count: carried.certificates.count)
    }
    var lists: [CertificateRevocationList] = []
    for (index, der) in carried.revocationLists.enumerated() {
      do { lists.append(try CertificateRevocationList(decoding: der)) } catch {
        throw .revocationList(index: index, error)
      }
    }
    do {
      return try chain.checkRevocation(lists, at: time, missing: required ? .refused : .reported)
    } catch { throw .revocation(error) }
  }

  /// One allowed set must fit whole.
  private static func check(
    _ document: NitroDocument, _ allowed: [NitroPolicy.Measurements]
  ) throws(NitroRefusal) {
    var nearest: [Int]?
    for set in allowed where !set.pcrs.isEmpty {
      let differing = set.pcrs.filter { document.pcr($0.index) != $0.value }.map(\.index)
      if differing.isEmpty { return }
      if differing.count < (nearest?.count ?? .max) { nearest = differing }
    }
    throw .measurements(allowed: allowed.count, differing: nearest ?? [])
  }
}
