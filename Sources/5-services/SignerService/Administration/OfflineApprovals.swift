import Encodings
internal import KeyVault
internal import Secrets
import SignerJournal
import SigningRules
import WireBytes

/// What approvers decide about a signer while it is stopped: that its key material is sealed, and that it goes on with records
/// that its anchor contradicts.
///
/// A proposal is written down first, and takes effect after the approvals and their delay, as in a running signer. Its
/// approvals come as files. Whoever has the passphrase could open the secrets by other means than this program: approvers bind
/// those who use it as it is.
extension OfflineSigner {
  /// Proposes a backup, in the records: `pending` shows it when the signer runs, and approvals may be given there, too.
  public func proposeBackup(needed: Int, parties: Int, at time: UInt64) throws(OfflineError) -> ProposalPaper
  {
    let document = BackupPlan(needed: needed, parties: parties).document
    let change = ProposedChange.backup(contentHash: ProposalReading.hash(document))
    var replayed = try replayed()
    var records = try opened(&replayed, at: time)
    let (entry, steps) = try proposed(change, in: &replayed.approvals, at: time)
    do throws(FileCallError) {
      try WaitingChanges(directory: directory, files: files).keep(document, of: change)
    } catch { throw .file(error) }
    try write(steps, [logged("propose backup", entry.identifier, at: time)], to: &records)
    return ProposalPaper(vault: configuration.vault, entry, content: document)
  }

  /// Returns when the approvers of the policy agreed to the backup, and its delay is over. That it is used up is on disk then.
  ///
  /// - Throws: ``OfflineError/approval(_:)`` while approvals are missing or the delay runs; the approvals given are kept.
  func approveBackup(_ plan: BackupPlan, _ slips: [ApprovalSlip], at time: UInt64) throws(OfflineError) {
    guard try isApproved(slips) else { return }
    let change = ProposedChange.backup(contentHash: ProposalReading.hash(plan.document))
    var replayed = try replayed()
    var records = try opened(&replayed, at: time)
    let decision = try decide(change, slips, in: &replayed.approvals, at: time)
    try write(decision.steps, decision.entries, to: &records)
    if let refusal = decision.refusal { throw .approval(refusal) }
    WaitingChanges(directory: directory, files: files).forget(change)
  }

  /// Proposes to go on in spite of a refusal. The records cannot be written to then: the proposal lies among the secrets.
  public func proposeAdoption(
    _ adoption: Adoption, reason: String, at time: UInt64
  ) throws(OfflineError) -> ProposalPaper {
    guard let document = adoption.document(reason: reason) else { throw .records(.nothingToAdopt) }
    var approvals = try adoptionApprovals()
    let (entry, _) = try proposed(
      .adoptAnchor(contentHash: ProposalReading.hash(document)), in: &approvals, at: time)
    try keep(approvals)
    return ProposalPaper(vault: configuration.vault, entry, content: document)
  }

  /// - Returns: what the approvers signed, and the lines for the log; nil where the policy names no approvers.
  func approveAdoption(
    _ document: JSONValue, _ slips: [ApprovalSlip], at time: UInt64
  ) throws(OfflineError) -> (identifier: Bytes32, entries: [AuditEntry])? {
    guard try isApproved(slips) else { return nil }
    var approvals = try adoptionApprovals()
    let decision = try decide(
      .adoptAnchor(contentHash: ProposalReading.hash(document)), slips, in: &approvals, at: time)
    try keep(approvals)
    if let refusal = decision.refusal { throw .approval(refusal) }
    return (decision.identifier, decision.entries)
  }

  // MARK: Steps

  private struct Decision {
    let identifier: Bytes32
    let steps: [ApprovalRecord]
    let entries: [AuditEntry]
    /// Why it does not take effect yet.
    let refusal: ApprovalError?
  }

  /// Whether approvers decide; slips where nobody does are a mistake.
  private func isApproved(_ slips: [ApprovalSlip]) throws(OfflineError) -> Bool {
    guard try policy().approvers.keys.isEmpty else { return true }
    guard slips.isEmpty else { throw .approval(.noApprovers) }
    return false
  }

  private func approvals() throws(OfflineError) -> Approvals {
    let policy = try policy()
    return Approvals(vaultID: configuration.vault, policy: policy.contentHash, rules: policy.approvers)
  }

  private func proposed(
    _ change: ProposedChange, in approvals: inout Approvals, at time: UInt64
  ) throws(OfflineError) -> (entry: PendingProposal, steps: [ApprovalRecord]) {
    let now = UnixMilliseconds(time)
    do {
      let made = try approvals.propose(change, by: try ClientName("offline"), at: now)
      guard let entry = approvals.pending(at: now).first(where: { $0.proposal == made.proposal }) else {
        throw ApprovalError.expired(number: made.proposal.number)
      }
      return (entry, made.records)
    } catch let error as ApprovalError {
      throw .approval(error)
    } catch {
      throw .unproposed(change.name)
    }
  }

  /// Counts the slips and, when there are enough and their delay is over, uses the proposal up.
  private func decide(
    _ change: ProposedChange, _ slips: [ApprovalSlip], in approvals: inout Approvals, at time: UInt64
  ) throws(OfflineError) -> Decision {
    let now = UnixMilliseconds(time)
    guard let entry = approvals.pending(at: now).first(where: { $0.proposal.change == change }) else {
      throw .unproposed(change.name)
    }
    let number = entry.proposal.number
    var steps: [ApprovalRecord] = []
    var entries: [AuditEntry] = []
    for slip in slips {
      guard slip.vault == configuration.vault else {
        throw .otherVault(expected: configuration.vault, found: slip.vault)
      }
      guard slip.identifier == entry.identifier else {
        throw .otherProposal(expected: entry.identifier, found: slip.identifier)
      }
      // Given before, while others were missing or the delay ran.
      if entry.approvals.contains(slip.approver) { continue }
      do {
        steps += try approvals.approve(number, approver: slip.approver, signature: slip.signature, at: now)
      } catch { throw .approval(error) }
      entries.append(logged("approve \(change.name)", entry.identifier, slip.approver, at: time))
    }
    var refusal: ApprovalError?
    do {
      steps += try approvals.execute(number, at: now).records
      entries.append(logged("execute \(change.name)", entry.identifier, at: time))
    } catch { refusal = error }
    return Decision(identifier: entry.identifier, steps: steps, entries: entries, refusal: refusal)
  }

  private func logged(
    _ operation: String, _ identifier: Bytes32, _ approver: Bytes32? = nil, at time: UInt64
  ) -> AuditEntry {
    AuditEntry(
      .approval, at: time,
      [.text(.operation, operation), .hash(.approval, identifier), .text(.client, "offline")]
        + (approver.map { [.hash(.approver, $0)] } ?? []))
  }

  private func write(
    _ steps: [ApprovalRecord], _ entries: [AuditEntry], to records: inout SignerRecords
  ) throws(OfflineError) {
    do throws(RecordFailure) {
      for step in steps { try records.append(CoreRecord.approval(step).encoded()) }
      for entry in entries { try records.append(entry) }
      try records.commit()
    } catch { throw .failure(error) }
  }

  // MARK: Beside the records

  /// What is proposed about records that cannot be opened, with the approvals given so far: a JSON array of records in hex.
  private func adoptionApprovals() throws(OfflineError) -> Approvals {
    var approvals = try approvals()
    guard let secret = secrets.secret(named: SignerSecret.adoption) else { return approvals }
    let text = secret.withSpan { [UInt8](copying: $0) }
    do {
      for element in try JSONValue(decoding: text).array ?? [] {
        try approvals.restore(try ApprovalRecord(decoding: try Hex.decode(element.string ?? "")))
      }
    } catch { throw .vault(.damaged) }
    // Only what approvers saw under the policy in force counts.
    let policy = approvals.policy
    guard approvals.snapshot().allSatisfy({ $0.policy == nil || $0.policy == policy }) else {
      return try self.approvals()
    }
    return approvals
  }

  private func keep(_ approvals: Approvals) throws(OfflineError) {
    let list = JSONValue.array(approvals.snapshot().map { .string(Hex.encode($0.encoded())) })
    let text = [UInt8](list.text().utf8)
    do { try secrets.store(SecretBytes(copying: text.span), named: SignerSecret.adoption) } catch {
      throw .vault(VaultTrouble(error))
    }
  }
}

extension ApprovalRecord {
  /// Under which policy it was proposed.
  fileprivate var policy: Bytes32? { if case .proposed(let proposal) = self { proposal.policy } else { nil } }
}

/// To whom a backup is sealed, as approvers sign it.
struct BackupPlan: Hashable, Sendable {
  let needed: Int
  let parties: Int

  /// Shares in words, made when the backup is: whoever stands by takes one.
  var document: JSONValue {
    [
      "schema": "causeway.backup-plan/1", "shares": "SLIP-39", "needed": .number(String(needed)),
      "parties": .number(String(parties)),
    ]
  }
}

/// What waiting changes name only by a hash: a file each, called by the hash of the change.
struct WaitingChanges {
  let directory: SignerDirectory
  let files: any DurableFiles

  private var folder: String { directory.path + "/waiting" }
  private func path(of change: ProposedChange) -> String { folder + "/" + ChangeDocument.fileName(change) }

  func keep(_ content: JSONValue, of change: ProposedChange) throws(FileCallError) {
    try files.makeDirectory(folder)
    try StateFile.replace(path(of: change), with: [UInt8](content.text().utf8), files)
  }

  /// Nil when it is not there.
  func content(of change: ProposedChange) throws(FileCallError) -> [UInt8]? {
    try StateFile.read(path(of: change), files)
  }

  /// The content is of no use any more; where it cannot be removed it does no harm.
  func forget(_ change: ProposedChange) { try? files.remove(path(of: change)) }
}
