public import Encodings
private import MerkleProofs
public import WireBytes

/// Offline verification of `eth_getProof` answers: `causeway verify mpt`.
public enum EthereumProofVerification {
  /// Checks an account and its slots, and every value the answer claims, under a state root.
  ///
  /// - Parameters:
  ///   - input: a form that ``EthereumProofDocument`` reads.
  ///   - stateRoot: the root that the caller trusts; one in the input is used only when this is nil, and the report then
  ///     names that as a premise. Without any the outcome is undecided.
  /// - Throws: ``InputError`` when the input is no such document. A wrong proof is a report that refuses.
  public static func verify(
    _ input: JSONValue, stateRoot: Bytes32?
  ) throws(InputError) -> VerificationReport {
    let document = try EthereumProofDocument(input)
    let proof = document.proof
    var report = VerificationReport(kind: "mpt")
    report.add(fact: "address", "\(proof.address)")
    guard let root = stateRoot ?? document.stateRoot else {
      report.leaveUndecided(
        "state root", code: "missingStateRoot",
        "no state root is given: pass one, or put it beside the proof as 'stateRoot'")
      return report
    }
    report.add(fact: "stateRoot", "\(root)")
    if stateRoot == nil {
      report.assumptions.append(
        VerificationReport.StatedAssumption(
          code: "stateRootFromInput",
          text: "the state root stands in the input itself: whoever wrote the input chose it"))
    } else {
      report.assumptions.append(
        VerificationReport.StatedAssumption(
          code: "stateRootVouchedFor", text: "the caller took the state root from a block that is final"))
    }
    do {
      describe(try proof.verify(stateRoot: root), of: proof, in: &report)
    } catch {
      refuse(error, of: proof, in: &report)
    }
    return report
  }

  private static func describe(
    _ proven: ProvenEthereumAccount, of proof: EthereumStateProof, in report: inout VerificationReport
  ) {
    report.add(step: "account proof", "\(proof.accountNodes.count) nodes")
    if let account = proven.account {
      report.add(fact: "nonce", String(account.nonce))
      report.add(fact: "balance", "\(account.balance)")
      report.add(fact: "storageRoot", "\(account.storageRoot)")
      report.add(fact: "codeHash", "\(account.codeHash)")
      report.add(step: "account", "nonce, balance, storage root and code hash are as claimed")
    } else {
      report.add(fact: "account", "absent")
      report.add(step: "account", "the state holds no such account, as claimed")
    }
    for (slot, entry) in zip(proven.slots, proof.storage) {
      let held = slot.value.map { Hex.encode($0.bigEndian.span) } ?? "absent"
      report.add(fact: "slot \(slot.slot)", held)
      report.add(step: "slot \(slot.slot)", "\(entry.nodes.count) nodes, \(held)")
    }
  }

  private static func refuse(
    _ error: EthereumStateProofError, of proof: EthereumStateProof, in report: inout VerificationReport
  ) {
    let reason = error.reason
    guard let failed = error.slot else {
      report.refuse("account", code: reason.code, reason.text)
      return
    }
    report.add(step: "account", "\(proof.accountNodes.count) nodes")
    for entry in proof.storage.prefix(failed) {
      report.add(step: "slot \(entry.slot)", "\(entry.nodes.count) nodes")
    }
    report.refuse("slot \(proof.storage[failed].slot)", code: reason.code, reason.text)
  }
}
