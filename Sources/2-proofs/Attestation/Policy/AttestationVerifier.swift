/// The one way from evidence to a result.
public enum AttestationVerifier {
  /// Verifies `evidence` under `policy`; returning means that every demand is met.
  ///
  /// The platform's own rules come first, then what all have in common: nonce, report data, the time of the statement,
  /// and that nothing it rests on has ended.
  ///
  /// - Parameters:
  ///   - time: live, or at a stated time.
  ///   - roots: whom to believe; tests hand in their own.
  /// - Throws: ``AttestationRefusal``; the evidence is untrusted and nothing traps.
  public static func verify(
    _ evidence: AttestationEvidence, under policy: AttestationPolicy, at time: AttestationTime,
    roots: AttestationRoots = .production
  ) throws(AttestationRefusal) -> AttestationResult {
    var result = try platformResult(evidence, under: policy, at: time, roots: roots)
    if let wanted = policy.nonce, result.nonce != wanted { throw .nonce(wanted: wanted, found: result.nonce) }
    if let wanted = policy.reportData, result.reportData != wanted {
      throw .reportData(wanted: wanted, found: result.reportData)
    }
    if let issued = result.issued {
      let ahead = X509Chain.difference(issued, time.seconds)
      guard ahead <= policy.driftMaxSeconds else {
        throw .issuedInFuture(secondsAhead: ahead, allowed: policy.driftMaxSeconds)
      }
      let age = X509Chain.difference(time.seconds, issued)
      if time.isLive, let maximum = policy.ageMaxSeconds {
        guard age <= maximum else { throw .tooOld(ageSeconds: age, maximum: maximum) }
      }
    } else {
      if time.isLive, let maximum = policy.ageMaxSeconds, policy.nonce == nil, policy.reportData == nil {
        throw .ageUnknown(maximum: maximum)
      }
      result = result.adding(reasons: [.ageUnknown])
    }
    for limit in result.limits where limit.until < time.seconds {
      throw .expired(limit, secondsLate: X509Chain.difference(time.seconds, limit.until))
    }
    return result
  }

  private static func platformResult(
    _ evidence: AttestationEvidence, under policy: AttestationPolicy, at time: AttestationTime,
    roots: AttestationRoots
  ) throws(AttestationRefusal) -> AttestationResult {
    let platform = evidence.platform
    switch platform {
    case .nitro:
      guard let policy = policy.nitro else { throw .platformNotNamed(platform) }
      do {
        return try NitroVerifier.verify(evidence, under: policy, at: time, roots: roots.nitro)
      } catch { throw .nitro(error) }
    case .sgx:
      guard let policy = policy.sgx else { throw .platformNotNamed(platform) }
      do {
        return try IntelVerifier.verify(evidence, under: policy, at: time, roots: roots.intel)
      } catch { throw .intel(error) }
    case .tdx:
      guard let policy = policy.tdx else { throw .platformNotNamed(platform) }
      do {
        return try IntelVerifier.verify(evidence, under: policy, at: time, roots: roots.intel)
      } catch { throw .intel(error) }
    case .sevSNP:
      guard let policy = policy.sevSNP else { throw .platformNotNamed(platform) }
      do {
        return try SEVSNPVerifier.verify(evidence, under: policy, at: time, roots: roots.amd)
      } catch { throw .sevSNP(error) }
    case .tpm:
      guard let policy = policy.tpm else { throw .platformNotNamed(platform) }
      do { return try TPMVerifier.verify(evidence, under: policy, at: time) } catch { throw .tpm(error) }
    case .azure:
      guard let policy = policy.azure else { throw .platformNotNamed(platform) }
      do {
        return try AzureVerifier.verify(evidence, under: policy, at: time, roots: roots)
      } catch { throw .azure(error) }
    case .token:
      guard let policy = policy.token else { throw .platformNotNamed(platform) }
      do { return try TokenVerifier.verify(evidence, under: policy, at: time) } catch { throw .token(error) }
    case .simulated:
      guard !policy.isProduction else { throw .simulatedInProduction }
      guard let policy = policy.simulated else { throw .platformNotNamed(platform) }
      do { return try SimulatedVerifier.verify(evidence, under: policy) } catch { throw .simulated(error) }
    }
  }
}
