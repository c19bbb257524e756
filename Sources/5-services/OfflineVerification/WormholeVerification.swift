public import Encodings
import ForeignProtocols
import Gate
import WireBytes

/// Offline verification of Wormhole VAAs: `causeway verify wormhole`.
public enum WormholeVerification {
  /// Checks a VAA under the guardian set that it names.
  ///
  /// A set that was replaced still signed what it signed: by default such a VAA is valid, and the report says since when
  /// contracts refuse it. `live` asks instead whether a contract would take it today, `at` whether it would at a time.
  ///
  /// - Parameters:
  ///   - input: hex or base 64 text, the bytes themselves, or JSON with the text as `vaa`, `vaaBytes` or `data.vaa`.
  ///   - guardianSets: `{index: [keys]}`, or that under the name of a network; nil for the published mainnet sets.
  ///   - at: Unix seconds.
  /// - Throws: ``InputError`` when there is no VAA in the input. A wrong VAA is a report that refuses.
  public static func verify(
    _ input: [UInt8], guardianSets: JSONValue?, at time: UInt64?, live: Bool
  ) throws(InputError) -> VerificationReport {
    let bytes = try WormholeInput.bytes(input)
    let known = try guardianSets.map { json throws(InputError) in try WormholeInput.sets(json) }
    let network = known?.network ?? "mainnet"
    let sets = known?.sets ?? WormholeMainnet.guardianSets
    var report = VerificationReport(kind: "wormhole")
    let vaa: VAA
    do { vaa = try VAA(decoding: bytes) } catch {
      report.refuse("decode", code: WormholeText.code(error), WormholeText.text(error))
      return report
    }
    report.id = "\(vaa.digest)"
    report.add(step: "decode", "\(bytes.count) bytes, \(vaa.signatures.count) signatures")
    WormholeText.describe(vaa, in: &report)
    report.add(fact: "network", network)
    judge(vaa, sets, time: time ?? (live ? .max : nil), in: &report)
    guard report.outcome == .valid, let set = sets.set(vaa.guardianSetIndex) else { return report }
    report.assumptions = assumptions(vaa, set, published: known == nil)
    return report
  }

  private static func judge(
    _ vaa: VAA, _ sets: GuardianSetChain, time: UInt64?, in report: inout VerificationReport
  ) {
    let index = vaa.guardianSetIndex
    guard let set = sets.set(index) else {
      let range = "\(sets.sets[0].index) to \(sets.current.index)"
      report.leaveUndecided(
        "guardian set", code: "unknownGuardianSet",
        "the VAA names guardian set \(index) and only sets \(range) are known: give the set, see --guardian-sets"
      )
      return
    }
    let standing: String
    switch set.standing {
    case .current: standing = "current"
    case .replaced(let expires):
      let since = expires.map { ", contracts refuse it since about \(UTCDate.text($0))" } ?? ""
      standing = "replaced by set \(index + 1)\(since)"
    }
    report.add(fact: "guardianSetStanding", standing)
    do {
      let verified = try vaa.verify(under: set, at: time)
      report.add(step: "guardian set", "set \(index), \(set.keys.count) guardians, \(standing)")
      report.add(
        step: "quorum", "\(vaa.signatures.count) signatures, \(set.quorum) of \(set.keys.count) needed")
      report.add(step: "signatures", "each by the guardian it names, over digest \(verified.digest)")
      if case .replaced(let expires) = set.standing {
        if time == nil {
          report.add(
            fact: "deliverable",
            "no: contracts refuse VAAs of a replaced set with \"guardian set has expired\"")
        }
        if time != nil { report.expires = expires }
      }
    } catch {
      report.refuse(check(error), code: error.code, WormholeText.text(error, vaa, time))
    }
  }

  private static func check(_ refusal: VAARefusal) -> String {
    switch refusal {
    case .unknownGuardianSet, .otherGuardianSet, .guardianSetExpired: "guardian set"
    case .noQuorum: "quorum"
    case .recoveryFailed, .indicesNotAscending, .guardianIndexOutOfBounds, .signatureInvalid: "signatures"
    }
  }

  private static func assumptions(
    _ vaa: VAA, _ set: GuardianSet, published: Bool
  ) -> [VerificationReport.StatedAssumption] {
    var stated: [VerificationReport.StatedAssumption] = []
    func add(_ assumption: Assumption) {
      stated.append(.init(code: assumption.code, text: assumption.plainWords))
    }
    add(VerifiedVAA.guardianAssumption(of: set))
    if published {
      stated.append(
        .init(
          code: "publishedGuardianSets",
          text:
            "the mainnet guardian sets 0 to \(WormholeMainnet.guardianSets.current.index) built into causeway are "
            + "those that governance installed"))
    } else {
      add(.callerTrusts(.guardianSet))
    }
    add(.originFinality(domain: WormholeChain.description(vaa.emitterChain)))
    stated.append(
      .init(
        code: "emitterIsTheApplication",
        text: "the receiver knows emitter \(vaa.emitter) as its counterpart: guardians sign for every emitter"
      ))
    stated.append(
      .init(
        code: "replayGuard",
        text: "the receiver takes each digest once: other bytes with the same digest verify just as well"))
    return stated
  }
}
