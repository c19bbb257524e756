public import Encodings
import Gate
import LightClients
import Messages
import WireBytes

/// Decides offline whether evidence satisfies a policy, and says whom one trusts by believing it.
///
/// Input: `{policy, evidence, context}`, or the evidence alone with the policy from elsewhere. Members are listed in
/// docs/spec/policy.md; `context` is `{now, value?, recipient?, firstSeen?, recordedAt?, trusted?}`.
public enum PolicyVerification {
  /// The report's kind.
  public static let kind = "policy"

  /// - Parameters:
  ///   - policy: used in place of the input's own.
  ///   - at: Unix time in seconds to judge by, in place of `context.now`.
  /// - Throws: ``InputError`` when the input is not of the form; evidence that is merely wrong gives a report.
  public static func verify(
    _ input: JSONValue, policy given: JSONValue? = nil, at unixTime: UInt64? = nil
  ) throws(InputError) -> VerificationReport {
    guard let policyJSON = given ?? input["policy"] else {
      throw .member(path: "policy", wanted: "a policy, here or with --policy")
    }
    var report = VerificationReport(kind: kind)
    let policy: Policy
    do { policy = try Policy(json: policyJSON) } catch {
      report.refuse("policy", code: "policy." + name(error), "the policy is not one: \(error)")
      return report
    }
    report.add(fact: "policyHash", policy.hash.description)
    report.add(fact: "domain", policy.domain.text)
    report.add(step: "policy", "well formed, \(policy.hash)")
    let evidence: Evidence
    do { evidence = try Evidence(json: evidenceJSON(input)) } catch {
      report.refuse("evidence", code: "evidence." + name(error), "the evidence cannot be read: \(error)")
      return report
    }
    report.add(step: "evidence", "\(evidence.kind.rawValue)")
    guard let context = try context(input["context"] ?? .object([:]), at: unixTime) else {
      report.leaveUndecided(
        "time", code: "timeMissing", "say at which time to judge, with context.now or --at")
      return report
    }
    decide(policy, evidence, context, recordedAt: try time(input, "context.recordedAt"), &report)
    return report
  }

  /// The evidence itself, or the member that holds it.
  private static func evidenceJSON(_ input: JSONValue) -> JSONValue { input["evidence"] ?? input }

  private static func decide(
    _ policy: Policy, _ evidence: Evidence, _ context: GateContext, recordedAt: UnixTime?,
    _ report: inout VerificationReport
  ) {
    let verdict: Verdict
    do {
      do throws(Refusal) {
        verdict = try Gate.evaluate(policy, evidence, in: context)
      } catch {
        // A claim that must wait may have been recorded before, as the caller says.
        guard let recordedAt, let waiting = error.waitingClaims.first else { throw error }
        verdict = try Gate.evaluate(
          policy, evidence,
          in: GateContext(
            now: context.now, value: context.value, recipient: context.recipient,
            firstSeen: context.firstSeen, recorded: [waiting.claim: recordedAt], trusted: context.trusted))
      }
    } catch let refusal as Refusal {
      if case .contextMissing = refusal {
        report.leaveUndecided("decision", code: refusal.code, refusal.plainWords)
      } else {
        report.refuse("decision", code: refusal.code, refusal.plainWords)
      }
      return
    } catch {
      report.refuse("decision", code: name(error), "\(error)")
      return
    }
    report.add(step: "decision", "the policy is satisfied at \(context.now)")
    describe(verdict.claim, &report)
    report.assumptions = verdict.assumptions.map {
      VerificationReport.StatedAssumption(code: $0.code, text: $0.plainWords)
    }
    report.expires = verdict.expires?.seconds
  }

  private static func describe(_ claim: Claim, _ report: inout VerificationReport) {
    if let height = claim.height { report.add(fact: "height", height.description) }
    if let timestamp = claim.timestamp { report.add(fact: "timestamp", timestamp.description) }
    switch claim {
    case .state(let state):
      report.add(fact: "claim", "state")
      report.add(fact: "root", state.root.description)
    case .packets(let packets):
      report.add(fact: "claim", "packets")
      for entry in packets.entries {
        report.add(
          fact: entry.pathHash.description,
          entry.commitment.isZero ? "absent" : entry.commitment.description)
      }
    case .height: report.add(fact: "claim", "height")
    case .message(let message):
      report.add(fact: "claim", "message")
      report.id = message.identifier.description
    }
  }

  /// Nil when no time is given.
  private static func context(_ json: JSONValue, at unixTime: UInt64?) throws(InputError) -> GateContext? {
    let stated = try time(json, "now")
    guard let now = unixTime.map({ UnixTime(seconds: $0) }) ?? stated else { return nil }
    var value: UInt256?
    if let member = json["value"] {
      guard let text = member.string, let number = UInt256(decimal: text) else {
        throw .member(path: "context.value", wanted: "a decimal number as a string")
      }
      value = number
    }
    var recipient: InteroperableAddress?
    if json["recipient"] != nil {
      let bytes = try json.hex("recipient")
      guard let address = try? InteroperableAddress(decoding: bytes.span) else {
        throw .member(path: "context.recipient", wanted: "an ERC-7930 address in hex")
      }
      recipient = address
    }
    var trusted: [CometBFT.TrustedState] = []
    for entry in json["trusted"]?.array ?? [] { trusted.append(try header(entry)) }
    return GateContext(
      now: now, value: value, recipient: recipient, firstSeen: try time(json, "firstSeen"), trusted: trusted)
  }

  /// A header the caller vouches for: `{chainId, height, time, nextValidatorsHash}`, the time as RFC 3339.
  private static func header(_ json: JSONValue) throws(InputError) -> CometBFT.TrustedState {
    guard let time = try? CometBFT.Timestamp(rfc3339: try json.string("time")) else {
      throw .member(path: "context.trusted.time", wanted: "a time in RFC 3339, UTC")
    }
    return CometBFT.TrustedState(
      vouchedChainID: try json.string("chainId"), height: try json.integer("height"), time: time,
      nextValidatorsHash: try json.fixed("nextValidatorsHash"))
  }

  /// A Unix time in seconds; nil when the member is absent.
  private static func time(_ json: JSONValue, _ path: String) throws(InputError) -> UnixTime? {
    guard json.member(path) != nil else { return nil }
    return UnixTime(seconds: try json.integer(path))
  }

  /// The case of an error, without its values.
  private static func name(_ error: some Error) -> String {
    String(String(describing: error).prefix { $0 != "(" })
  }
}
