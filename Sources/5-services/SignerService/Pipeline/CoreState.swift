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
  /// The newest mark of the inventory that the records hold, or will with the next commit.
  private var recordedKeys: KeysMark?

  /// - Parameters:
  ///   - recordedKeys: the mark that the records hold.
  ///   - habits: what clients have used in earlier runs.
  public init(
    signing: SigningState, approvals: Approvals, keys: any KeySigning, records: any RecordKeeping,
    clients: ClientDirectory, recordedKeys: KeysMark? = nil, habits: [ClientHabit] = []
  ) {
    self.signing = signing
    self.approvals = approvals
    self.keys = keys
    self.records = records
    self.clients = clients
    self.recordedKeys = recordedKeys
    alarms = AlarmWatch(rules: signing.policy.alarms)
    for habit in habits { alarms.remember(habit) }
    clients.adopt(signing.policy)
  }

  // What is appended is written by the commit before the answer leaves.

  public func append(_ watermarks: [WatermarkRecord]) throws(RecordFailure) {
    for record in watermarks { try records.append(CoreRecord.watermark(record).encoded()) }
  }

  public func append(_ approvals: [ApprovalRecord]) throws(RecordFailure) {
    for record in approvals { try records.append(CoreRecord.approval(record).encoded()) }
  }

  /// Appends the inventory's mark when the inventory has changed since. The change itself is on disk already.
  mutating func appendKeysMark() throws(RecordFailure) {
    guard let mark = keys.mark, mark != recordedKeys else { return }
    try records.append(CoreRecord.keys(mark).encoded())
    recordedKeys = mark
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
      + (recordedKeys.map { [CoreRecord.keys($0).encoded()] } ?? [])
      + alarms.habits.map { CoreRecord.habit($0).encoded() }
  }

  /// Shows what became of a request to the alarm rules, and does what they say.
  mutating func observe(_ event: SigningEvent, at now: UnixMilliseconds) throws(RecordFailure) -> Int {
    let habit = event.purpose.map { ClientHabit(client: event.client, purpose: $0) }
    let isNew = habit.map { !alarms.knows($0) } ?? false
    let raised = alarms.observe(event, at: now)
    if let habit, isNew, alarms.knows(habit) { try records.append(CoreRecord.habit(habit).encoded()) }
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
