import Attestation
import Encodings
import WireBytes

/// Decides offline whether evidence of a machine holds, and says whom one trusts by believing it.
///
/// With a policy the verdict is the policy's. Without one it is undecided at best: signatures and chains may
/// hold, and nobody has said which code is allowed.
public enum AttestationVerification {
  /// - Parameter bytes: the evidence; forms in ``AttestationKind`` and docs/spec/report.md.
  /// - Throws: ``InputError`` when a file is not of its form; evidence that is merely wrong gives a report.
  public static func verify(
    _ bytes: [UInt8], kind: AttestationKind, input: AttestationInput
  ) throws(InputError) -> VerificationReport {
    var report = VerificationReport(kind: kind.rawValue)
    let evidence = try AttestationReading.evidence(bytes, kind: kind, collateral: input.collateral)
    report.add(
      step: "evidence", "\(evidence.statement.count) bytes, \(evidence.collateral.count) of collateral")
    guard let seconds = input.time else {
      report.leaveUndecided(
        "time", code: "timeMissing",
        "say at which time to judge, with --at: certificates and collateral are valid for a while")
      return report
    }
    guard let time = Int64(exactly: seconds) else {
      throw .form(wanted: "a time of at most 2^63 seconds")
    }
    if let json = input.policy {
      try judge(evidence, kind, json, input, at: time, &report)
    } else {
      AttestationFindings.collect(evidence, kind, input, at: time, &report)
    }
    try replay(input, evidence, kind, &report)
    return report
  }

  private static func judge(
    _ evidence: AttestationEvidence, _ kind: AttestationKind, _ json: JSONValue, _ input: AttestationInput,
    at time: Int64, _ report: inout VerificationReport
  ) throws(InputError) {
    let policy: AttestationPolicy
    do {
      var members = json.object ?? [:]
      // What is asked on the command line is asked of the policy.
      if let nonce = input.nonce { members["nonce"] = .string(Hex.encode(nonce)) }
      if let bound = input.reportData { members["reportData"] = .string(Hex.encode(bound)) }
      policy = try AttestationPolicy(json: members.isEmpty ? json : .object(members))
    } catch {
      report.refuse("policy", code: "policy." + AttestationText.code(error), AttestationText.policy(error))
      return
    }
    report.add(fact: "policyHash", policy.hash.description)
    report.add(step: "policy", policy.isProduction ? "for production" : "not for production")
    let result: AttestationResult
    do {
      result = try AttestationVerifier.verify(
        evidence, under: policy, at: input.isLive ? .live(time) : .archival(time))
    } catch {
      report.refuse(
        AttestationText.step(error), code: AttestationText.code(error), AttestationText.text(error))
      return
    }
    describe(result, &report)
    report.add(step: "signatures", "lead from the statement to a root or a key that is pinned")
    report.add(step: "measurements", "are among those that the policy allows")
    if policy.nonce != nil { report.add(step: "nonce", "is the one asked for") }
    if policy.reportData != nil { report.add(step: "report data", "is what was asked for") }
    if input.isLive, let maximum = policy.ageMaxSeconds {
      report.add(step: "age", "at most \(maximum) s was asked for")
    }
    report.assumptions =
      AttestationText.assumptions(kind, evidence)
      + [
        .init(
          code: "measurements",
          text:
            "the measurements that the policy allows are those of code that you want: read it, or build it again"
        )
      ]
    if policy.nonce == nil, policy.reportData == nil {
      report.assumptions.append(
        .init(
          code: "binding",
          text: "whoever handed you this is the holder: no nonce or report data was asked for"))
    }
  }

  /// Facts of verified evidence.
  static func describe(_ result: AttestationResult, _ report: inout VerificationReport) {
    report.id = result.identity.description
    for measurement in result.measurements {
      report.add(fact: measurement.name, AttestationText.bytes(measurement.value))
    }
    report.add(fact: "reportData", AttestationText.bytes(result.reportData))
    if let nonce = result.nonce, nonce != result.reportData {
      report.add(fact: "nonce", AttestationText.bytes(nonce))
    }
    if let key = result.boundKey { report.add(fact: "boundKey", AttestationText.bytes(key)) }
    report.add(fact: "debug", result.isDebug ? "yes" : "no")
    if let status = result.tcbStatus { report.add(fact: "tcbStatus", status) }
    if !result.advisories.isEmpty {
      report.add(fact: "advisories", result.advisories.joined(separator: ", "))
    }
    if let issued = result.issued { report.add(fact: "issued", AttestationText.date(issued)) }
    for limit in result.limits { report.add(fact: "until: \(limit.what)", AttestationText.date(limit.until)) }
    for reason in result.reasons { report.add(fact: "note", AttestationText.note(reason)) }
    report.expires = result.expires == .max ? nil : UInt64(exactly: result.expires)
  }

  /// Replays a firmware's log to the values of a quote that holds.
  private static func replay(
    _ input: AttestationInput, _ evidence: AttestationEvidence, _ kind: AttestationKind,
    _ report: inout VerificationReport
  ) throws(InputError) {
    guard let bytes = input.eventLog else { return }
    guard kind == .tpm || kind == .azure else {
      throw .form(wanted: "an event log with a TPM's quote only")
    }
    if case .refused = report.outcome { return }
    let values: [TPMStatement.PCR]
    if kind == .tpm {
      values = (try? TPMStatement(decoding: evidence.statement.span))?.pcrs ?? []
    } else {
      values = (try? AzureStatement(decoding: evidence.statement.span))?.pcrs ?? []
    }
    guard
      let hash = values.first.flatMap({ pcr in
        [TPM2.Hash.sha256, .sha384, .sha512].first { $0.size == pcr.value.count }
      })
    else { return }
    let log: TCGEventLog
    do { log = try TCGEventLog(decoding: bytes.span) } catch {
      return report.refuse("event log", code: "eventLog." + AttestationText.code(error), CaseText.of(error))
    }
    do {
      // Only PCRs that are quoted can be believed; a log may speak of more.
      for (register, value) in try log.replay(hash) {
        guard let quoted = values.first(where: { $0.index == register }) else { continue }
        guard quoted.value == value else {
          throw TCGEventLog.ReplayError.mismatch(register: register, expected: value, actual: quoted.value)
        }
      }
      report.add(step: "event log", "\(log.events.count) events replay to the quoted values")
    } catch {
      report.refuse("event log", code: "eventLog." + AttestationText.code(error), CaseText.of(error))
    }
  }
}
