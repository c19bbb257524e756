import Attestation
import Enclaves
import Messages
import OfflineVerification
import WireBytes

/// `causeway audit FILE`: the story of a case, checked from one file.
struct AuditFile {
  let trust: CustodyAudit.Trust

  /// Walks the bundle and says what each step gave.
  ///
  /// - Throws: ``Complaint`` with code 2 when the file is no bundle.
  func report(_ bytes: [UInt8], name: String) throws -> VerificationReport {
    let bundle: CustodyBundle
    do { bundle = try CustodyBundle(decoding: bytes) } catch {
      throw Complaint("\(name): not a custody bundle: \(error)")
    }
    return Self.report(CustodyAudit(trust: trust).walk(bundle), of: bundle, trust: trust)
  }

  static func report(
    _ walk: CustodyReport, of bundle: CustodyBundle, trust: CustodyAudit.Trust
  ) -> VerificationReport {
    var report = VerificationReport(kind: "custody", id: "\(walk.case)")
    let opening = bundle.opening
    report.add(fact: "domain", bundle.domain.domain?.text ?? Hex.encode(bundle.domain.encoded()))
    report.add(fact: "case", String(opening.number))
    report.add(fact: "status", "\(walk.status)")
    report.add(fact: "program", "\(opening.program)")
    report.add(fact: "inputs", String(bundle.inputs.count))
    report.add(fact: "escrow", coins(bundle.record.value.escrow))
    if let height = walk.height { report.add(fact: "height", String(height)) }
    if let settlement = bundle.settlement {
      report.add(fact: "registration", "\(settlement.receipt.value.registration)")
      report.add(fact: "platform", settlement.evidence.platform.rawValue)
      report.add(fact: "payouts", String(settlement.update.payouts.count))
    }
    for line in walk.lines {
      let name = line.step.rawValue
      switch line.verdict {
      case .holds: report.add(step: name, description(of: line.step))
      case .unchecked(let after):
        report.steps.append(.init(name, .skipped, "not looked at, since \(after.rawValue) does not hold"))
      case .refused(let refusal):
        let text = "\(refusal)"
        if case .refused = report.outcome {
          report.steps.append(.init(name, .failed, text))
        } else {
          report.refuse(name, code: name, text)
        }
      }
    }
    report.assumptions = assumptions(walk, bundle, trust)
    return report
  }

  private static func coins(_ coins: [CaseRecord.Coin]) -> String {
    coins.isEmpty
      ? "nothing"
      : coins.map { "\($0.amount)\(String(decoding: $0.denomination, as: UTF8.self))" }.joined(separator: ", ")
  }

  private static func description(of step: CustodyStep) -> String {
    switch step {
    case .block: "more than two thirds of the trusted validators committed to it"
    case .record: "the ledger's state has it"
    case .opening: "as the ledger recorded it"
    case .inputs: "all that were submitted, each once; what they brought is what was held"
    case .chain: "every link leads to the head that the ledger keeps"
    case .registration: "the ledger registered the keys, for this program and these policies"
    case .evidence: "it verifies as of its registration, and binds exactly these keys"
    case .token: "the case's coordinator gave leave for this result"
    case .receipt: "the registered key signed it, over these inputs"
    case .settlement: "what was computed was settled, and pays exactly what was held"
    }
  }

  private static func assumptions(
    _ walk: CustodyReport, _ bundle: CustodyBundle, _ trust: CustodyAudit.Trust
  ) -> [VerificationReport.StatedAssumption] {
    var all: [VerificationReport.StatedAssumption] = [
      .init(
        code: "validators",
        text: "more than two thirds of the validators \(trust.validatorsHash) of \(trust.chainID) are honest")
    ]
    if let settlement = bundle.settlement {
      let platform = settlement.evidence.platform
      all.append(
        platform == .simulated
          ? .init(code: "simulated", text: "the enclave is simulated: whoever ran it could compute anything")
          : .init(
            code: "platform",
            text: "the vendor of \(platform.rawValue) and the machine keep the enclave's keys and code apart from its operator"))
      all.append(
        .init(code: "program", text: "the program \(bundle.opening.program) does what its parties agreed to"))
    }
    for note in walk.notes {
      all.append(.init(code: "note", text: "\(note)"))
    }
    return all
  }
}
