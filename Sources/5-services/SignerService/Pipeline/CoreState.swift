public import SignerJournal
import SignerWire
public import SigningRules

/// An alarm, and when.
public struct RecentAlarm: Hashable, Sendable {
  public let alarm: Alarm
  public let at: UnixMilliseconds
}

/// What one thread decides with: the rules' state, approvals, alarms, and where they are written down.
///
/// Only ``SigningCore`` holds one, and lends it to whoever administers, between batches.
public struct CoreState: ~Copyable, Sendable {
  public static let recentAlarmsMax = 64

  public var signing: SigningState
  public var approvals: Approvals
  public private(set) var alarms: AlarmWatch
  public private(set) var recentAlarms: [RecentAlarm] = []
  public let keys: any KeySigning
  public let records: any RecordKeeping
  let clients: ClientDirectory

  public init(
    signing: SigningState, approvals: Approvals, keys: any KeySigning, records: any RecordKeeping,
    clients: ClientDirectory
  ) {
    self.signing = signing
    self.approvals = approvals
    self.keys = keys
    self.records = records
    self.clients = clients
    alarms = AlarmWatch(rules: signing.policy.alarms)
    clients.adopt(signing.policy)
  }

  // What is appended is written by the commit before the answer leaves.

  public func append(_ watermarks: [WatermarkRecord]) throws(RecordFailure) {
    for record in watermarks { try records.append(CoreRecord.watermark(record).encoded()) }
  }

  public func append(_ approvals: [ApprovalRecord]) throws(RecordFailure) {
    for record in approvals { try records.append(CoreRecord.approval(record).encoded()) }
  }

  public func append(_ entry: AuditEntry) throws(RecordFailure) { try records.append(entry) }

  /// Puts another policy in force, from the next request on: clients that it does not know are strangers at once.
  public mutating func adopt(_ policy: AccessPolicy) throws(AccessPolicyError) -> [ApprovalRecord] {
    try signing.adopt(policy)
    alarms = alarms.changed(to: policy.alarms)
    clients.adopt(policy)
    return approvals.adopt(policy.approvers, policy: policy.contentHash)
  }

  /// Whether the policy lets the client use the key for anything.
  func grants(_ key: KeyID, to client: ClientName) -> Bool {
    signing.policy.client(client)?.grants.contains { $0.keys.contains(key) } ?? false
  }

  /// What the journal begins with after a compaction.
  func snapshot() -> [[UInt8]] {
    signing.snapshot().map { CoreRecord.watermark($0).encoded() }
      + approvals.snapshot().map { CoreRecord.approval($0).encoded() }
  }

  /// Shows what became of a request to the alarm rules, and does what they say.
  mutating func observe(_ event: SigningEvent, at now: UnixMilliseconds) throws(RecordFailure) -> Int {
    let raised = alarms.observe(event, at: now)
    for alarm in raised {
      if recentAlarms.count == Self.recentAlarmsMax { recentAlarms.removeFirst() }
      recentAlarms.append(RecentAlarm(alarm: alarm, at: now))
      var fields: [AuditField] = [.text(.rule, alarm.kind.name), .text(.client, alarm.client.text)]
      if let key = alarm.key { fields.append(.hash(.key, key.bytes)) }
      try append(AuditEntry(.alarm, at: now.milliseconds, fields))
      guard alarm.action == .lock, let key = alarm.key else { continue }
      let locks = signing.lock(key)
      guard !locks.isEmpty else { continue }
      try append(locks)
      try append(AuditEntry(.lock, at: now.milliseconds, fields))
    }
    return raised.count
  }
}
