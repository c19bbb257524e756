import Encodings
internal import KeyVault
import SignerJournal
import SignerWire
import SigningRules
import WireBytes

/// Changes that operators approve: proposed, approved, and carried out once.
extension SignerAdministration {
  private var waiting: WaitingChanges { WaitingChanges(directory: directory, files: files) }

  func propose(
    _ document: ChangeDocument, from caller: AdminCaller, on core: inout CoreState, at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    let proposal: Proposal
    do throws(ApprovalError) {
      // The list is changed here and nowhere before: what throws has proposed nothing.
      let made = try core.approvals.propose(document.change, by: caller.client, at: now)
      proposal = made.proposal
      do throws(RecordFailure) {
        try core.append(made.records)
        try core.append(
          entry(
            .approval, "propose \(document.change.name)",
            [
              .text(.client, caller.client.text), .number(.count, proposal.number),
              .hash(.approval, proposal.identifier(vaultID: configuration.vault)),
            ], at: now))
      } catch { throw ApprovalError.notPending(number: 0) }
    } catch {
      if case .notPending(number: 0) = error { throw .recordsFailed }
      throw AdministrationFault(error)
    }
    if let content = document.content {
      do { try waiting.keep(content, of: document.change) } catch { throw .storage }
    }
    do { try core.records.commit() } catch { throw .recordsFailed }
    guard let entry = core.approvals.pending(at: now).first(where: { $0.proposal == proposal }) else {
      throw .notPending
    }
    var answer = pending(entry).object ?? [:]
    answer["delaySeconds"] = .number(String(core.approvals.rules.delaySeconds))
    return .object(answer)
  }

  func approve(
    _ number: UInt64, _ approver: Bytes32, _ signature: Bytes64, on core: inout CoreState,
    at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    let records: [ApprovalRecord]
    do {
      records = try core.approvals.approve(number, approver: approver, signature: signature, at: now)
    } catch {
      throw AdministrationFault(error)
    }
    try keep(records, "approve", number, approver, on: &core, at: now)
    guard let entry = core.approvals.pending(at: now).first(where: { $0.proposal.number == number }) else {
      throw .notPending
    }
    return pending(entry)
  }

  func cancel(
    _ number: UInt64, _ approver: Bytes32, _ signature: Bytes64, on core: inout CoreState,
    at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    let change = core.approvals.pending(at: now).first { $0.proposal.number == number }?.proposal.change
    let records: [ApprovalRecord]
    do {
      records = try core.approvals.cancel(number, approver: approver, signature: signature, at: now)
    } catch {
      throw AdministrationFault(error)
    }
    try keep(records, "cancel", number, approver, on: &core, at: now)
    if let change { waiting.forget(change) }
    return ["number": .number(String(number))]
  }

  private func keep(
    _ records: [ApprovalRecord], _ operation: String, _ number: UInt64, _ approver: Bytes32,
    on core: inout CoreState, at now: UnixMilliseconds
  ) throws(AdministrationFault) {
    do {
      try core.append(records)
      try core.append(
        entry(.approval, operation, [.number(.count, number), .hash(.approver, approver)], at: now))
      try core.records.commit()
    } catch { throw .recordsFailed }
  }

  /// Carries out what is approved and due. That it was is on disk first, so that a crash does not carry it out twice.
  func carryOut(
    _ number: UInt64, from caller: AdminCaller, on core: inout CoreState, at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    guard let entry = core.approvals.pending(at: now).first(where: { $0.proposal.number == number }) else {
      throw .notPending
    }
    // What cannot be carried out is not used up.
    let step = try prepare(entry.proposal.change, on: core)
    let done: (change: ProposedChange, records: [ApprovalRecord])
    do { done = try core.approvals.execute(number, at: now) } catch { throw AdministrationFault(error) }
    do {
      try core.append(done.records)
      try core.append(
        self.entry(
          .approval, "execute \(done.change.name)",
          [.text(.client, caller.client.text), .number(.count, number), .hash(.approval, entry.identifier)],
          at: now))
      try core.records.commit()
    } catch { throw .recordsFailed }
    var answer = try take(step, on: &core, at: now)
    answer["change"] = .string(done.change.name)
    answer["number"] = .number(String(number))
    waiting.forget(done.change)
    return .object(answer)
  }

  /// A change with its content at hand.
  private enum Step {
    case policy(AccessPolicy)
    case rotate(KeyID, overlapSeconds: UInt64)
    case destroy(KeyID)
    case revoke(KeyID)
    case unlock(KeyID)
    case export(KeyID, to: Bytes32)
    case merge(JSONValue)
  }

  private func prepare(
    _ change: ProposedChange, on core: borrowing CoreState
  ) throws(AdministrationFault) -> Step {
    switch change {
    case .policy(let hash):
      let policy: AccessPolicy
      do { policy = try AccessPolicy(decoding: try content(of: change)) } catch let error
        as AdministrationFault
      {
        throw error
      } catch { throw .contentLost }
      guard policy.contentHash == hash else { throw .contentLost }
      guard policy.domain == configuration.domain else { throw .policyDomain }
      return .policy(policy)
    case .rotate(let key, let overlap):
      guard let record = vault.record(key) else { throw .unknownKey }
      guard record.life == .active else { throw .keyState }
      return .rotate(key, overlapSeconds: overlap)
    case .destroy(let key):
      guard vault.record(key) != nil else { throw .unknownKey }
      return .destroy(key)
    case .revoke(let key): return .revoke(key)
    case .unlock(let key): return .unlock(key)
    case .export(let key, let recipient):
      guard let record = vault.record(key), record.backEnd == .file else { throw .unknownKey }
      return .export(key, to: recipient)
    case .importWatermarks(let hash):
      let text = try content(of: change)
      guard let marks = try? WatermarkInterchange(decoding: text), marks.contentHash == hash,
        let file = try? JSONValue(decoding: text)
      else { throw .contentLost }
      return .merge(file)
    // These are decided about a signer that is stopped.
    case .adoptAnchor, .backup: throw .notOffered
    }
  }

  private func take(
    _ step: Step, on core: inout CoreState, at now: UnixMilliseconds
  ) throws(AdministrationFault) -> [String: JSONValue] {
    let seconds = now.milliseconds / 1_000
    switch step {
    case .policy(let policy):
      // What waits was approved under the policy that goes.
      var approvals = core.approvals
      let dropped = approvals.adopt(policy.approvers, policy: policy.contentHash)
      do {
        try core.append(dropped)
        try core.records.commit()
      } catch { throw .recordsFailed }
      core.approvals = approvals
      do { try putInForce(policy, on: &core) } catch {
        let present = core.signing.policy
        _ = core.approvals.adopt(present.approvers, policy: present.contentHash)
        throw error
      }
      return ["policy": .string(policy.contentHash.description)]
    case .rotate(let key, let overlap):
      let record = try kept { () throws(KeyVaultError) in
        try vault.rotate(key, overlapSeconds: overlap, at: seconds)
      }
      let policy = try Self.policy(core.signing.policy, granting: record.id, like: key)
      // Who approves stays, and what waits goes on waiting.
      core.approvals.extend(to: policy.contentHash)
      do { try putInForce(policy, on: &core) } catch {
        core.approvals.extend(to: core.signing.policy.contentHash)
        throw error
      }
      try write(
        entry(.key, "rotated", [.hash(.key, record.id.bytes), .hash(.payload, key.bytes)], at: now), on: &core
      )
      return ["newKey": .string(record.id.description), "key": listed(record, core, at: now).json]
    case .destroy(let key):
      try kept { () throws(KeyVaultError) in try vault.destroy(key, at: seconds) }
    case .revoke(let key):
      try kept { () throws(KeyVaultError) in try vault.revoke(key, reason: "approved", at: seconds) }
    case .unlock(let key):
      do {
        try core.append(core.signing.unlock(key))
        try core.records.commit()
      } catch { throw .recordsFailed }
    case .export(let key, let recipient):
      return [
        "key": .string(key.description), "sealedTo": .string(recipient.description),
        "sealed": .string(Hex.encode(try KeyExport.seal(key, to: recipient, vault, secrets))),
      ]
    case .merge(let file): return (try merge(file, on: &core, at: now)).object ?? [:]
    }
    return [:]
  }

  private func kept<Value>(
    _ body: () throws(KeyVaultError) -> Value
  ) throws(AdministrationFault) -> Value {
    do { return try body() } catch { throw AdministrationFault(KeyTrouble(error)) }
  }

  /// The log and the journal say already that it was decided, and the approvals that it is the one.
  private func putInForce(_ policy: AccessPolicy, on core: inout CoreState) throws(AdministrationFault) {
    do { try PolicyFile(directory: directory, files: files).replace(with: policy, secrets) } catch {
      throw .storage
    }
    do { _ = try core.adopt(policy) } catch { throw .policyDomain }
  }

  /// The policy with what it grants an old key granted its successor, too.
  private static func policy(
    _ policy: AccessPolicy, granting new: KeyID, like old: KeyID
  ) throws(AdministrationFault) -> AccessPolicy {
    let clients = policy.clients.map { client in
      PolicyClient(
        name: client.name, key: client.key, peers: client.peers, roles: client.roles,
        perMinute: client.perMinute,
        grants: client.grants.map { grant in
          guard grant.keys.contains(old) else { return grant }
          return Grant(keys: grant.keys + [new], scope: grant.scope)
        })
    }
    let limits =
      policy.keyLimits
      + policy.keyLimits.filter { $0.key == old }.map {
        KeyLimit(key: new, purpose: $0.purpose, perMinute: $0.perMinute)
      }
    do {
      return try AccessPolicy(
        domain: policy.domain, clients: clients, keyLimits: limits, approvers: policy.approvers,
        alarms: policy.alarms)
    } catch { throw .policyForm }
  }

  // MARK: What waits

  private func content(of change: ProposedChange) throws(AdministrationFault) -> [UInt8] {
    let bytes: [UInt8]?
    do { bytes = try waiting.content(of: change) } catch { throw .contentLost }
    guard let bytes else { throw .contentLost }
    return bytes
  }

  /// A proposal as `pending` shows it: `encoded` is the change whose hash approvers sign.
  func pending(_ entry: PendingProposal) -> JSONValue {
    let change = entry.proposal.change
    // An import can be long; its hash is what counts.
    if case .importWatermarks = change { return ProposalReading.json(entry, content: nil) }
    let text = try? content(of: change)
    return ProposalReading.json(entry, content: text.flatMap { try? JSONValue(decoding: $0) })
  }
}
