public import Encodings
internal import KeyVault
import Messages
internal import Secrets
import SignerJournal
public import SignerWire
public import SigningRules
import Synchronization
import WireBytes

/// Administers a running signer: keys, policy, approvals, records and what it says about itself.
///
/// Roles were checked before, and calls come one at a time, on the signing thread. Whatever changes something is in the
/// audit log, on disk, before it takes effect; the core adds a line with the outcome.
///
/// A class, since the pipeline and whoever runs the signer share it.
public final class SignerAdministration: AdminExecutor {
  let directory: SignerDirectory
  let configuration: SignerConfiguration
  let vault: any KeyKeeping
  let secrets: FileBackEnd
  let files: any DurableFiles
  let threshold: ThresholdRounds
  private let hardening: HardeningReport
  private let startedAt: UnixMilliseconds
  /// Known when the server listens.
  private let reports = Mutex<Reports?>(nil)

  /// What only the server and its core know.
  struct Reports: Sendable {
    let counters: @Sendable () -> SignerCounters
    let halted: @Sendable () -> HaltReason?
  }

  init(
    directory: SignerDirectory, configuration: SignerConfiguration, vault: any KeyKeeping,
    secrets: FileBackEnd,
    files: any DurableFiles, hardening: HardeningReport, startedAt: UnixMilliseconds
  ) {
    self.directory = directory
    self.configuration = configuration
    self.vault = vault
    self.secrets = secrets
    self.files = files
    self.hardening = hardening
    self.startedAt = startedAt
    threshold = ThresholdRounds(secrets: secrets, domain: configuration.domain)
  }

  func attach(_ reports: Reports) { self.reports.withLock { $0 = reports } }

  /// The reports hold the core, which holds this: let go of, or the vault's lock is never given back.
  func detach() { reports.withLock { $0 = nil } }

  public func execute(
    _ request: AdminRequest, from caller: AdminCaller, on core: inout CoreState, at now: UnixMilliseconds
  ) -> Result<JSONValue, SignerRefusal> {
    do throws(AdministrationFault) {
      return .success(try answer(request, from: caller, on: &core, at: now))
    } catch { return .failure(error.refusal) }
  }

  private func answer(
    _ request: AdminRequest, from caller: AdminCaller, on core: inout CoreState, at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    switch request {
    case .status: return status(core, at: now)
    case .keys: return ["keys": .array(vault.records.reversed().map { listed($0, core, at: now).json })]
    case .key(let id): return try shown(id, core, at: now)
    case .location(let id, let challenge): return try location(id, challenge)
    case .generate(let order): return try generate(order, from: caller, on: &core, at: now)
    case .rotate(let id, let overlap):
      guard vault.record(id) != nil else { throw .unknownKey }
      return try propose(
        ChangeDocument(.rotate(key: id, overlapSeconds: overlap)), from: caller, on: &core, at: now)
    case .destroy(let id):
      guard vault.record(id) != nil else { throw .unknownKey }
      return try propose(ChangeDocument(.destroy(key: id)), from: caller, on: &core, at: now)
    case .unlock(let id):
      guard vault.record(id) != nil else { throw .unknownKey }
      return try propose(ChangeDocument(.unlock(key: id)), from: caller, on: &core, at: now)
    case .revoke(let id, let reason): return try revoke(id, reason, from: caller, on: &core, at: now)
    case .lock(let id, let reason): return try lock(id, reason, from: caller, on: &core, at: now)
    case .propose(let document):
      return try propose(
        try ChangeDocument(document, domain: configuration.domain), from: caller, on: &core, at: now)
    case .approve(let number, let approver, let signature):
      return try approve(number, approver, signature, on: &core, at: now)
    case .cancel(let number, let approver, let signature):
      return try cancel(number, approver, signature, on: &core, at: now)
    case .execute(let number): return try carryOut(number, from: caller, on: &core, at: now)
    case .pending:
      return [
        "vault": .string(configuration.vault.description),
        "pending": .array(core.approvals.pending(at: now).map { pending($0) }),
      ]
    case .policy:
      let policy = core.signing.policy
      return ["hash": .string(policy.contentHash.description), "policy": policy.json]
    case .exportWatermarks:
      let marks = core.signing.interchange(
        vaultID: configuration.vault, epoch: core.records.position.epoch)
      let text = marks.text
      // Most of what does not fit is found out before it is read again as JSON.
      guard text.utf8.count < ClientSession.contentSizeMax else { throw .exportTooLarge }
      return try parsed(text)
    case .importWatermarks(let file):
      let document = try ChangeDocument(
        ["kind": "importWatermarks", "file": file], domain: configuration.domain)
      // It only adds: without approvers nobody has to be asked.
      if core.approvals.rules.keys.isEmpty { return try merge(file, on: &core, at: now) }
      return try propose(document, from: caller, on: &core, at: now)
    case .exportEIP3076: return try slashingRecords()?.json ?? .null
    case .importEIP3076(let file): return try mergeSlashing(file, on: &core, at: now)
    case .auditHead:
      let head = core.records.auditHead
      return ["sequence": .number(String(head.sequence)), "hash": .string(head.hash.description)]
    case .auditTail(let count):
      let lines: [String]
      do {
        lines = try AuditLog.tail(directory: directory.audit, count: Int(min(count, 1_000)), files: files)
      } catch { throw .storage }
      return ["lines": .array(lines.map(JSONValue.string))]
    case .threshold(let round, let message):
      return try threshold.take(round, message, self, from: caller, on: &core, at: now)
    case .ceremony: throw .notOffered
    }
  }

  // MARK: Writing down

  /// Has the line on disk before what it says takes effect.
  func write(_ entry: AuditEntry, on core: inout CoreState) throws(AdministrationFault) {
    do {
      try core.append(entry)
      try core.records.commit()
    } catch { throw .recordsFailed }
  }

  func entry(
    _ kind: AuditKind, _ operation: String, _ fields: [AuditField], at now: UnixMilliseconds
  ) -> AuditEntry {
    AuditEntry(kind, at: now.milliseconds, [.text(.operation, operation)] + fields)
  }

  // MARK: What it says about itself

  private func status(_ core: borrowing CoreState, at now: UnixMilliseconds) -> JSONValue {
    let reports = reports.withLock { $0 }
    let position = core.records.position
    let head = core.records.auditHead
    var members: [String: JSONValue] = [
      "schema": "causeway.signer.status/1", "domain": .string(configuration.domain.rawValue),
      "vault": .string(configuration.vault.description),
      "identity": .string(configuration.identity.description),
      "epoch": .number(String(position.epoch)), "sequence": .number(String(position.sequence)),
      "auditSequence": .number(String(head.sequence)), "auditHash": .string(head.hash.description),
      "policy": .string(core.signing.policy.contentHash.description),
      "pending": .number(String(core.approvals.pending(at: now).count)),
      "approvers": [
        "needed": .number(String(core.approvals.rules.threshold)),
        "of": .number(String(core.approvals.rules.keys.count)),
        "delaySeconds": .number(String(core.approvals.rules.delaySeconds)),
      ],
      "upSeconds": .number(
        String((now.milliseconds - min(now.milliseconds, startedAt.milliseconds)) / 1_000)),
      "hardening": HardeningJSON.json(hardening),
    ]
    members["halted"] = reports?.halted().map { .string("\($0)") } ?? .null
    var states: [String: Int] = [:]
    for record in vault.records { states[state(record, core, at: now), default: 0] += 1 }
    members["keys"] = .object(states.mapValues { .number(String($0)) })
    let failures = vault.failures()
    members["backEnds"] = .array(
      vault.kinds.sorted { $0.rawValue < $1.rawValue }.map { kind in
        [
          "kind": .string(kind.rawValue), "healthy": .boolean(failures[kind] == nil),
          "trouble": failures[kind].map { .string("\($0)") } ?? .null,
        ]
      })
    let memory = SecretMemory.report()
    members["secretMemory"] = [
      "living": .number(String(memory.living)), "unlocked": .number(String(memory.unlocked)),
    ]
    if let counters = reports?.counters() { members["counters"] = Self.json(counters) }
    members["alarms"] = .array(
      core.recentAlarms.map { recent in
        [
          "at": .number(String(recent.at.milliseconds)), "kind": .string(recent.alarm.kind.name),
          "client": .string(recent.alarm.client.text),
          "key": recent.alarm.key.map { .string($0.description) } ?? .null,
          "action": .string(recent.alarm.action.rawValue),
        ]
      })
    return .object(members)
  }

  private static func json(_ counters: SignerCounters) -> JSONValue {
    func number(_ value: UInt64) -> JSONValue { .number(String(value)) }
    return [
      "connections": .number(String(counters.connections)),
      "connectionsSeen": number(counters.connectionsSeen),
      "sessions": number(counters.sessions), "requests": number(counters.requests),
      "grants": number(counters.grants), "refusals": number(counters.refusals),
      "signatures": number(counters.signatures), "alarms": number(counters.alarms),
      "commits": number(counters.commits), "batchMax": .number(String(counters.batchMax)),
      "administered": number(counters.administered),
      "faults": .object(counters.faults.mapValues { number($0) }),
      "commitMicrosecondsMedian": number(counters.commitTimes.quantile(thousandths: 500)),
      "commitMicrosecondsP99": number(counters.commitTimes.quantile(thousandths: 990)),
      "requestMicrosecondsMedian": number(counters.requestTimes.quantile(thousandths: 500)),
      "requestMicrosecondsP99": number(counters.requestTimes.quantile(thousandths: 990)),
    ]
  }

  // MARK: Keys

  private func state(_ record: KeyRecord, _ core: borrowing CoreState, at now: UnixMilliseconds) -> String {
    let state = record.state(at: now.milliseconds / 1_000)
    guard state.signs, core.signing.lockedKeys.contains(record.id) else { return state.rawValue }
    return "locked"
  }

  func listed(_ record: KeyRecord, _ core: borrowing CoreState, at now: UnixMilliseconds) -> SignerKey {
    SignerKey(
      label: record.plan.label, suite: record.key.suite, publicKey: record.key.publicKey,
      purposes: record.plan.purposes, state: state(record, core, at: now), backEnd: record.backEnd.rawValue,
      origin: record.plan.origin, chainIDs: record.plan.chainIDs)
  }

  private func shown(
    _ id: KeyID, _ core: borrowing CoreState, at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    guard let record = vault.record(id) else { throw .unknownKey }
    var members = listed(record, core, at: now).json.object ?? [:]
    members["generation"] = .number(String(record.generation))
    members["madeAt"] = .number(String(record.madeAt))
    if let path = record.path { members["path"] = .string("\(path)") }
    switch record.life {
    case .active: break
    case .retiring(let until): members["signsUntil"] = .number(String(until))
    case .revoked(let at, let reason):
      members["revokedAt"] = .number(String(at))
      members["reason"] = .string(reason)
    case .destroyed(let at): members["destroyedAt"] = .number(String(at))
    }
    return .object(members)
  }

  private func location(_ id: KeyID, _ challenge: Bytes32) throws(AdministrationFault) -> JSONValue {
    let location: KeyLocation
    do { location = try vault.location(of: id, challenge: challenge) } catch {
      throw AdministrationFault(KeyTrouble(error))
    }
    return switch location {
    case .file: ["where": "file", "key": .string(id.description), "proof": "none: a file can be copied"]
    case .token(let manufacturer, let model, let serial, let sensitive, let extractable, let local):
      [
        "where": "token", "key": .string(id.description), "manufacturer": .string(manufacturer),
        "model": .string(model), "serial": .string(serial), "sensitive": .boolean(sensitive),
        "extractable": .boolean(extractable), "madeInside": .boolean(local),
        "proof": "none: the token's own word",
      ]
    case .certified(let attestation, let signature, let attestationKey):
      [
        "where": "tpm", "key": .string(id.description), "challenge": .string(challenge.description),
        "attestation": .string(Hex.encode(attestation)), "signature": .string(Hex.encode(signature)),
        "attestationKey": .string(Hex.encode(attestationKey)),
      ]
    }
  }

  private func generate(
    _ order: AdminRequest.NewKey, from caller: AdminCaller, on core: inout CoreState, at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    guard let kind = BackEndKind(rawValue: order.backEnd) else { throw .noBackEnd }
    let plan = KeyPlan(
      label: order.label, suite: order.suite, purposes: order.purposes, origin: order.origin,
      chainIDs: order.chainIDs)
    try write(
      entry(
        .key, "generate",
        [
          .text(.client, caller.client.text), .text(.suite, order.suite.rawValue),
          .text(.reason, order.label),
        ],
        at: now), on: &core)
    let record: KeyRecord
    do {
      if let text = order.path {
        let path: DerivationPath
        do { path = try DerivationPath(text) } catch { throw AdministrationFault.path }
        guard kind == .file else { throw KeyVaultError.noBackEnd(kind) }
        record = try vault.derive(plan, at: path, at: now.milliseconds / 1_000)
      } else {
        record = try vault.generate(plan, on: kind, at: now.milliseconds / 1_000)
      }
    } catch let error as KeyVaultError {
      throw AdministrationFault(KeyTrouble(error))
    } catch let error as AdministrationFault {
      throw error
    } catch {
      throw .storage
    }
    try write(
      entry(.key, "generated", [.hash(.key, record.id.bytes), .text(.suite, order.suite.rawValue)], at: now),
      on: &core)
    return listed(record, core, at: now).json
  }

  private func revoke(
    _ id: KeyID, _ reason: String, from caller: AdminCaller, on core: inout CoreState,
    at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    guard vault.record(id) != nil else { throw .unknownKey }
    try write(
      entry(
        .key, "revoke", [.hash(.key, id.bytes), .text(.client, caller.client.text), .text(.reason, reason)],
        at: now), on: &core)
    do { try vault.revoke(id, reason: reason, at: now.milliseconds / 1_000) } catch {
      throw AdministrationFault(KeyTrouble(error))
    }
    return try shown(id, core, at: now)
  }

  private func lock(
    _ id: KeyID, _ reason: String, from caller: AdminCaller, on core: inout CoreState,
    at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    guard vault.record(id) != nil else { throw .unknownKey }
    do {
      try core.append(
        entry(
          .lock, "lock", [.hash(.key, id.bytes), .text(.client, caller.client.text), .text(.reason, reason)],
          at: now))
      // In the journal, so that it holds after a restart; the state is locked at once, whatever the disk says.
      try core.append(core.signing.lock(id))
      try core.records.commit()
    } catch { throw .recordsFailed }
    return try shown(id, core, at: now)
  }

  // MARK: Records

  func parsed(_ text: String) throws(AdministrationFault) -> JSONValue {
    do { return try JSONValue(decoding: [UInt8](text.utf8)) } catch { throw .storage }
  }

  /// Adds watermarks of an export: all of them, or none.
  func merge(
    _ file: JSONValue, on core: inout CoreState, at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    let marks: WatermarkInterchange
    do { marks = try WatermarkInterchange(decoding: [UInt8](file.text().utf8)) } catch {
      throw .watermarkForm
    }
    let merged: WatermarkMerge
    do {
      merged = try core.signing.merge(
        marks, vaultID: configuration.vault, epoch: core.records.position.epoch)
    } catch { throw .watermarkConflict }
    do {
      try core.append(
        entry(
          .administration, "importWatermarks",
          [
            .hash(.approval, marks.contentHash), .number(.records, UInt64(merged.records.count)),
            .number(.epoch, marks.epoch),
          ], at: now))
      try core.append(merged.records)
      try core.records.commit()
    } catch { throw .recordsFailed }
    return [
      "added": .number(String(merged.records.count)), "olderEpoch": .boolean(merged.isOlderEpoch),
      "otherVault": .boolean(merged.isOtherVault),
    ]
  }

  /// Slashing protection of consensus keys that are kept here as keystores; nil when there is none.
  private func slashingRecords() throws(AdministrationFault) -> SlashingInterchange? {
    let bytes: [UInt8]?
    do { bytes = try StateFile.read(directory.path + "/slashing.json", files) } catch { throw .storage }
    guard let bytes else { return nil }
    do { return try SlashingInterchange(decoding: bytes) } catch { throw .storage }
  }

  private func mergeSlashing(
    _ file: JSONValue, on core: inout CoreState, at now: UnixMilliseconds
  ) throws(AdministrationFault) -> JSONValue {
    let wanted: SlashingInterchange
    do { wanted = try SlashingInterchange(json: file) } catch { throw .interchangeForm }
    let present = try slashingRecords()
    var protection = SlashingProtection(genesisValidatorsRoot: wanted.genesisValidatorsRoot)
    let result: SlashingImport
    do {
      if let present { _ = try protection.merge(present) }
      result = try protection.merge(wanted)
    } catch { throw .interchangeConflict }
    try write(
      entry(.administration, "importEIP3076", [.number(.records, UInt64(result.addedCount))], at: now),
      on: &core)
    do {
      try StateFile.replace(
        directory.path + "/slashing.json", with: [UInt8](protection.interchange.text.utf8), files)
    } catch { throw .storage }
    return [
      "added": .number(String(result.addedCount)), "slashable": .number(String(result.slashableCount)),
    ]
  }
}
