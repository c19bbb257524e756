private import Digests
import WireBytes

/// Verifies TPM statements (``TPMStatement``).
public enum TPMVerifier {
  /// Judges a statement under a policy.
  ///
  /// In this order: the quote itself (``VerifiedTPMQuote``); exactly the policy's PCRs of its bank; the
  /// attestation key by its name or by a chain at `time`; each PCR by its rule, the launch log replayed
  /// before any launch is believed. The quote's extra data is both report data and nonce of the result. A
  /// quote tells no time, only the TPM's clock and its counters of resets and restarts, which the result
  /// names; who keeps the last ones of a key sees a state that was rolled back
  /// (``TPM2/ClockInfo/precedes(_:)``).
  ///
  /// Measurements: `pcrN` for each PCR; with a launch log `program` and `policy` of the last launch.
  /// `boundKey` is the attestation key's name.
  ///
  /// - Throws: ``TPMRefusal``; the evidence is untrusted and nothing traps.
  public static func verify(
    _ evidence: AttestationEvidence, under policy: TPMPolicy, at time: AttestationTime
  ) throws(TPMRefusal) -> AttestationResult {
    guard evidence.collateral.isEmpty else { throw .collateral(bytes: evidence.collateral.count) }
    let statement: TPMStatement
    do { statement = try TPMStatement(decoding: evidence.statement.span) } catch { throw .statement(error) }
    let quoted = try VerifiedTPMQuote(
      quote: statement.quote.span, signature: statement.signature.span,
      attestationKey: statement.attestationKey.span, values: statement.pcrs)
    try quoted.checkSelection(bank: policy.bank, indices: policy.pcrs.map(\.index))
    var limits: [AttestationLimit] = []
    if !policy.keyNames.contains(quoted.keyName) {
      guard !policy.keyRoots.isEmpty, !statement.certificates.isEmpty else {
        throw .keyUnknown(name: quoted.keyName)
      }
      let chain = try verify(
        statement.certificates, of: quoted.key, roots: X509Roots(Set(policy.keyRoots)), at: time.seconds)
      limits.append(AttestationLimit("attestation key certificate", until: chain.notAfter))
    }
    let launches = try judge(quoted.pcrs, statement.launchLog, by: policy.pcrs)
    var measurements = quoted.pcrs.map { AttestationMeasurement("pcr\($0.index)", $0.value) }
    if let last = launches.launches.last {
      measurements.append(AttestationMeasurement("program", last.program.array))
      measurements.append(AttestationMeasurement("policy", last.policy.array))
    }
    let clock = quoted.quote.clockInfo
    return AttestationResult(
      platform: .tpm, measurements: measurements, reportData: quoted.quote.extraData,
      nonce: quoted.quote.extraData, boundKey: quoted.keyName, isDebug: false, limits: limits,
      reasons: [
        .field("resetCount", Int64(clock.resetCount)), .field("restartCount", Int64(clock.restartCount)),
        .field("clockMilliseconds", Int64(clamping: clock.clock)), .field("clockSafe", clock.isSafe ? 1 : 0),
      ],
      // The quote's bytes, without the signature: signatures of ECDSA have twins.
      identity: SHA256Hash.hash(statement.quote))
  }

  /// Checks certificates of an attestation key: the first is of this very key, the last a pinned root.
  public static func verify(
    _ certificates: [[UInt8]], of key: TPM2.Public, roots: X509Roots, at time: Int64
  ) throws(TPMRefusal) -> VerifiedX509Chain {
    var path: [X509Certificate] = []
    for der in certificates {
      do { path.append(try X509Certificate(decoding: der.span)) } catch { throw .certificate(error) }
    }
    guard let leaf = path.first, let own = key.subjectPublicKeyInfo, leaf.publicKeyInfo == own else {
      throw .certificateKey
    }
    do { return try X509Chain.verify(path, roots: roots, at: time) } catch { throw .chain(error) }
  }

  /// Judges each PCR by its rule; both lists are of the same PCRs.
  ///
  /// - Returns: the launch log that the policy asked for; an empty one when it asked for none.
  static func judge(
    _ quoted: [TPMStatement.PCR], _ log: [UInt8], by rules: [TPMPolicy.PCR]
  ) throws(TPMRefusal) -> TPMLaunchLog {
    var found = TPMLaunchLog()
    var wantsLaunches = false
    for (pcr, value) in zip(rules, quoted.map(\.value)) {
      switch pcr.rule {
      case .reported: break
      case .values(let allowed):
        guard allowed.contains(value) else { throw .pcrValue(index: pcr.index, actual: value) }
      case .launches(let allowed):
        wantsLaunches = true
        do { found = try TPMLaunchLog(decoding: log.span) } catch { throw .launchLog(error) }
        guard !found.launches.isEmpty else { throw .noLaunch }
        let expected = found.pcrValue.array
        guard expected == value else {
          throw .launchReplay(index: pcr.index, expected: expected, actual: value)
        }
        for (index, launch) in found.launches.enumerated() {
          guard allowed.contains(TPMPolicy.Launch(program: launch.program, policy: launch.policy)) else {
            throw .launch(index: index, program: launch.program.array, policy: launch.policy.array)
          }
        }
      }
    }
    // A log that explains no PCR would be an unproved claim.
    guard wantsLaunches || log.isEmpty else { throw .launchLogUnasked(bytes: log.count) }
    return found
  }
}

extension TPM2.Public {
  /// SubjectPublicKeyInfo in DER, as certificates have it; nil for a point that has no such form.
  public var subjectPublicKeyInfo: [UInt8]? {
    switch key {
    case .rsa(_, let exponent, let modulus):
      let e = exponent == 0 ? 65537 : exponent
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: e >> UInt32((3 - $0) * 8)) }
      return PublicKeyInfo.rsa(modulus: modulus, exponent: bytes)
    case .elliptic(let curve, _, _, _): return point.map { PublicKeyInfo.elliptic(curve, point: $0) }
    }
  }
}
