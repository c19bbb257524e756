import Attestation
import Digests
import Enclaves
import Ledger
import Messages
import PacketHost
import WireBytes

extension SettlementModule {
  /// Keeps an attestation policy under its hash.
  func store(policy text: [UInt8], in context: inout HostContext) throws(SettlementStop) -> Bytes32 {
    try charge(for: text, in: &context)
    let policy: AttestationPolicy
    do { policy = try AttestationPolicy(decoding: text) } catch { throw .failure(.policy(error)) }
    let hash = policy.hash
    let key = SettlementKeys.policy(hash)
    guard try halting({ () throws(ExecutionHalt) in try context.read(key) }) == nil else {
      throw .failure(.policyKnown(hash))
    }
    try halting { () throws(ExecutionHalt) in
      // The text that was hashed: canonical, whatever the spelling that was sent.
      try context.write([UInt8](policy.text.utf8), to: key)
      try emit("policy", [("policy", hash.name)], in: &context)
    }
    return hash
  }

  private func policy(
    _ hash: Bytes32, in context: inout HostContext
  ) throws(SettlementStop) -> AttestationPolicy {
    let text = try halting { () throws(ExecutionHalt) in try context.read(SettlementKeys.policy(hash)) }
    guard let text else { throw .failure(.policyUnknown(hash)) }
    guard let policy = try? AttestationPolicy(decoding: text) else { throw .halt(.state(.unreadable)) }
    return policy
  }

  /// Registers an enclave's keys.
  func register(
    keys bytes: [UInt8], evidence evidenceBytes: [UInt8], policy hash: Bytes32, by sender: AccountAddress,
    in context: inout HostContext
  ) throws(SettlementStop) -> SettlementAnswer {
    try charge(for: bytes, in: &context)
    try charge(for: evidenceBytes, in: &context)
    let keys: EnclaveKeys
    do { keys = try EnclaveKeys(decoding: bytes) } catch { throw .failure(.keys(error)) }
    let evidence: AttestationEvidence
    do { evidence = try AttestationEvidence(decoding: evidenceBytes) } catch {
      throw .failure(.evidence(error))
    }
    guard keys.domain == chain else { throw .failure(.domain(keys.domain)) }
    guard account(of: keys.operator) == sender else { throw .failure(.operator(keys.operator)) }
    let policy = try policy(hash, in: &context)
    let id = keys.registration
    let key = SettlementKeys.registration(id)
    guard try halting({ () throws(ExecutionHalt) in try context.read(key) }) == nil else {
      throw .failure(.registrationKnown(id))
    }
    let last = try halting { () throws(ExecutionHalt) in
      try number(SettlementKeys.sequence(sender), in: &context) ?? 0
    }
    guard keys.sequence > last else { throw .failure(.sequence(last: last, actual: keys.sequence)) }
    try checkTimes(keys, at: context.moment.time.seconds)
    try checkAnchor(keys, in: &context)
    let time = context.moment.time.seconds
    let result = try verify(evidence, of: keys, under: policy, at: .live(Int64(clamping: time)), in: &context)
    // A result counts until the end of its last second.
    let (after, overflow) = UInt64(clamping: result.expires).addingReportingOverflow(1)
    let expires = min(keys.expires, overflow ? .max : after)
    guard time < expires else { throw .failure(.keysExpired(expires: expires, time: time)) }
    let content = RegistrationContent(
      registration: id, attestationPolicy: hash, evidence: SHA256Hash.hash(evidenceBytes), registered: time,
      height: context.moment.height, expires: expires)
    return try halting { () throws(ExecutionHalt) in
      var chain = CustodyHead.none
      try link(.registration, content, to: &chain, of: id, in: &context)
      let record = try? RegistrationRecord(
        keys: keys, content: content, status: .live, head: chain.head, linkCount: chain.count)
      guard let record else { throw .state(.unreadable) }
      try write(record, to: key, in: &context)
      try context.write(evidenceBytes, to: SettlementKeys.evidence(id))
      try context.write(SettlementKeys.bigEndian(keys.sequence), to: SettlementKeys.sequence(sender))
      try emit(
        "registered",
        [("registration", id.name), ("operator", sender.text), ("program", keys.program.name)], in: &context)
      return .registration(id, expires: expires)
    }
  }

  private func checkTimes(_ keys: EnclaveKeys, at time: UInt64) throws(SettlementStop) {
    guard keys.issued <= time || keys.issued - time <= SettlementLimits.clockDrift else {
      throw .failure(.keysFromFuture(issued: keys.issued, time: time))
    }
    guard time < keys.expires else { throw .failure(.keysExpired(expires: keys.expires, time: time)) }
    // Keys expire after they are issued; their form says so.
    let lifetime = keys.expires - keys.issued
    guard lifetime <= SettlementLimits.registrationLifetimeMax else {
      throw .failure(.keysLifetime(max: SettlementLimits.registrationLifetimeMax, actual: lifetime))
    }
  }

  /// The keys name a block that this domain made lately: they are not older than it.
  private func checkAnchor(_ keys: EnclaveKeys, in context: inout HostContext) throws(SettlementStop) {
    let height = keys.anchorHeight
    let newest = context.moment.height - 1
    let stored = try halting { () throws(ExecutionHalt) in
      try context.read(SettlementKeys.block(height))
    }
    guard let stored, stored.count == 40, Array(stored.prefix(8)) == SettlementKeys.bigEndian(height) else {
      throw .failure(.anchorUnknown(height: height, newest: newest))
    }
    let hash = Bytes32 { stored[8 + $0] }
    guard keys.anchorHash == hash else {
      throw .failure(.anchorHash(height: height, expected: hash, actual: keys.anchorHash))
    }
  }

  /// Evidence that holds under the policy now, of exactly these keys.
  private func verify(
    _ evidence: AttestationEvidence, of keys: EnclaveKeys, under policy: AttestationPolicy,
    at time: AttestationTime, in context: inout HostContext
  ) throws(SettlementStop) -> AttestationResult {
    try halting { () throws(ExecutionHalt) in
      try context.charge(SettlementGas.evidence(evidence.platform))
    }
    let result: AttestationResult
    do {
      result = try AttestationVerifier.verify(evidence, under: policy, at: time, roots: roots)
    } catch { throw .failure(.attestation(error)) }
    guard result.reportData == keys.reportData.array else {
      throw .failure(.reportData(expected: keys.reportData, actual: result.reportData))
    }
    // What measures the program itself must have measured this one; other platforms measure the runtime, which
    // vouches for what it says in its keys.
    for measurement in result.measurements {
      switch measurement.name {
      case "program": try checkMeasured("program", keys.program, measurement.value)
      case "policy": try checkMeasured("policy", keys.policy, measurement.value)
      default: break
      }
    }
    return result
  }

  private func checkMeasured(
    _ name: String, _ expected: Bytes32, _ actual: [UInt8]
  ) throws(SettlementStop) {
    guard actual == expected.array else { throw .failure(.measured(name, expected: expected, actual: actual)) }
  }

  /// Ends a registration whose evidence does not verify any more.
  func invalidate(
    _ id: Bytes32, collateral: [UInt8]?, in context: inout HostContext
  ) throws(SettlementStop) -> SettlementAnswer {
    let key = SettlementKeys.registration(id)
    let record = try halting { () throws(ExecutionHalt) in
      try read(RegistrationRecord.self, key, in: &context)
    }
    guard let record else { throw .failure(.registrationUnknown(id)) }
    try checkLive(record, at: context.moment.time.seconds)
    let stored = try halting { () throws(ExecutionHalt) in
      try context.read(SettlementKeys.evidence(id))
    }
    guard let stored, var evidence = try? AttestationEvidence(decoding: stored) else {
      throw .halt(.state(.unreadable))
    }
    if let collateral {
      try charge(for: collateral, in: &context)
      evidence = AttestationEvidence(
        platform: evidence.platform, statement: evidence.statement, collateral: collateral)
    }
    let policy = try policy(record.content.attestationPolicy, in: &context)
    let refusal: SettlementRefusal
    do throws(SettlementStop) {
      // It was fresh when it was registered; what counts now is whether it still stands.
      _ = try verify(
        evidence, of: record.keys, under: policy,
        at: .archival(Int64(clamping: context.moment.time.seconds)), in: &context)
      throw .failure(.registrationStands(id))
    } catch {
      switch error {
      case .failure(.registrationStands), .halt: throw error
      case .failure(let reason): refusal = reason
      }
    }
    // Anybody may send bad collateral: only what good collateral says of the evidence counts.
    if collateral != nil {
      guard case .attestation(let reason) = refusal else { throw .failure(refusal) }
      guard reason.endsRegistrations else { throw .failure(.collateral(reason)) }
    }
    let bytes = evidence.encoded()
    let name = [UInt8](Self.reason(refusal).utf8.prefix(RegistrationEnd.reasonSizeMax))
    let time = context.moment.time.seconds
    return try halting { () throws(ExecutionHalt) in
      guard
        let end = try? RegistrationEnd(
          registration: id, evidence: SHA256Hash.hash(bytes), reason: name, time: time)
      else { throw .state(.unreadable) }
      var chain = CustodyHead(head: record.head, count: record.linkCount)
      try link(.invalidated, end, to: &chain, of: id, in: &context)
      let ended = try? RegistrationRecord(
        keys: record.keys, content: record.content, status: .ended, ended: time, head: chain.head,
        linkCount: chain.count)
      guard let ended else { throw .state(.unreadable) }
      try write(ended, to: key, in: &context)
      try context.write(end.encoded(), to: SettlementKeys.end(id))
      if collateral != nil { try context.write(bytes, to: SettlementKeys.endEvidence(id)) }
      try emit(
        "invalidated", [("registration", id.name), ("reason", String(decoding: name, as: UTF8.self))],
        in: &context)
      return .empty
    }
  }

  /// Stable words for an event and the record.
  private static func reason(_ refusal: SettlementRefusal) -> String {
    if case .attestation(let reason) = refusal { "attestation.\(CaseNames.of(reason).joined(separator: "."))" } else { refusal.code.name }
  }

  func checkLive(_ record: RegistrationRecord, at time: UInt64) throws(SettlementStop) {
    guard record.status == .live else { throw .failure(.registrationEnded(at: record.ended)) }
    guard time < record.content.expires else {
      throw .failure(.registrationExpired(expires: record.content.expires, time: time))
    }
  }

  func write<Record: EnclaveContainer>(
    _ record: Record, to key: [UInt8], in context: inout HostContext
  ) throws(ExecutionHalt) {
    try context.write(record.encoded(), to: key)
  }
}
