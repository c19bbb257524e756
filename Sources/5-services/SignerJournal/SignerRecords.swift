import Digests
public import WireBytes

/// Where a signer's records and its anchor are. They belong on different media, or at least in different backups.
public struct SignerPlaces: Hashable, Sendable {
  /// The state directory: `watermarks/` and `audit/` are in it.
  public let state: String
  /// The directory of anchors, one file for each vault.
  public let anchors: String

  public init(state: String, anchors: String) {
    self.state = state
    self.anchors = anchors
  }

  public var watermarks: String { state + "/watermarks" }
  public var audit: String { state + "/audit" }
}

/// When files are begun anew.
public struct RecordLimits: Hashable, Sendable {
  /// A journal wants to be compacted from this size on, when it has also doubled since the last time.
  public let compactAtBytes: Int
  /// An audit file of this size gets no more lines.
  public let rotateAuditAtBytes: Int
  /// A counter wants to be raised this long after the last time, when something was written since. Each time wears the
  /// device: a TPM takes some hundred thousand.
  public let raiseCounterAfterMilliseconds: UInt64

  /// 16 MiB, 8 MiB and an hour unless told otherwise.
  public init(
    compactAtBytes: Int = 16 << 20, rotateAuditAtBytes: Int = 8 << 20,
    raiseCounterAfterMilliseconds: UInt64 = 3_600_000
  ) {
    self.compactAtBytes = compactAtBytes
    self.rotateAuditAtBytes = rotateAuditAtBytes
    self.raiseCounterAfterMilliseconds = raiseCounterAfterMilliseconds
  }
}

/// Why a commit failed. After any but a record's size, a full buffer or a compaction that did not begin, nothing is written
/// any more and nothing may be signed.
public enum RecordFailure: Error, Hashable, Sendable {
  case journal(RecordJournalError)
  case audit(AuditLogError)
  case anchor(AnchorError)
  /// The counter was to be raised.
  case counter(MonotonicCounterError)
}

/// All that a signer writes down before it signs: records, audit lines and the anchor, in the one order that is safe.
///
/// ```
/// append… ─▶ commit: records flushed ─▶ audit lines flushed ─▶ anchor flushed ─▶ the caller signs
/// ```
///
/// A crash between any two leaves records that nobody relied on, never a signature without its record. Calls block; a value
/// belongs to one thread at a time.
public struct SignerRecords: ~Copyable, Sendable {
  private var journal: RecordJournal
  private var anchor: Anchor
  private var audit: AuditLog
  private let limits: RecordLimits
  private let counter: (any MonotonicCounter)?
  /// What the counter has, as the newest epoch says.
  private var counterValue: UInt64?
  /// When it was raised last, and where the anchor was then.
  private var raised: (at: UInt64, anchor: Anchor.Value)

  public var position: Position { journal.committed }
  public var epoch: UInt64 { journal.committed.epoch }
  /// The newest audit line on disk.
  public var auditHead: AuditHead { audit.committed }
  /// Whether the journal has grown so much that a compaction pays.
  public var wantsCompaction: Bool {
    journal.sizeBytes >= max(limits.compactAtBytes, 2 * journal.compactedSizeBytes)
  }

  /// Makes the place of a new vault: directories, and an anchor that says that nothing was recorded yet.
  ///
  /// May be repeated after a crash. The journal is made by the first ``open(_:vault:files:counter:limits:at:replay:)``.
  ///
  /// - Throws: ``StartRefusal/alreadyThere`` when there is a journal, or an anchor that knows records.
  public static func create(
    _ places: SignerPlaces, vault: VaultID, files: any DurableFiles = SystemFiles()
  ) throws(StartRefusal) {
    do throws(FileCallError) {
      try files.makePath(places.watermarks)
      try files.makePath(places.audit)
      if let journal = try files.openIfThere("\(places.watermarks)/\(RecordJournal.fileName)", .read) {
        files.close(journal)
        throw FileCallError(.open, errno: FileNumbers.exists)
      }
    } catch {
      throw error.number == FileNumbers.exists ? .alreadyThere : .files(error)
    }
    do throws(AnchorError) {
      _ = try Anchor.create(
        directory: places.anchors, vault: vault, value: .beginning(of: vault), files: files)
    } catch {
      guard case .files(let call) = error, call.number == FileNumbers.exists else {
        throw StartRefusal(error)
      }
      let there: Anchor
      do throws(AnchorError) {
        there = try Anchor.open(directory: places.anchors, vault: vault, files: files)
      } catch { throw StartRefusal(error) }
      guard there.value == .beginning(of: vault) else { throw .alreadyThere }
    }
  }

  /// Opens the records of a vault, checks them against the anchor and the counter, and starts the next epoch.
  ///
  /// - Parameters:
  ///   - counter: the same at every start, once there was one.
  ///   - time: milliseconds since 1970, for the audit line of the start.
  ///   - replay: called with each record in order, also when this throws in the end: what it made of them is then to be
  ///     dropped.
  public static func open(
    _ places: SignerPlaces, vault: VaultID, files: any DurableFiles = SystemFiles(),
    counter: (any MonotonicCounter)? = nil, limits: RecordLimits = RecordLimits(), at time: UInt64,
    replay: (_ record: [UInt8]) throws -> Void
  ) throws(StartRefusal) -> SignerRecords {
    let found = try FoundRecords(places, vault, files, counter, limits, replay: replay)
    if let refusal = found.refusal { throw refusal }
    return try found.start(at: time, counter)
  }

  /// Checks the records as ``open(_:vault:files:counter:limits:at:replay:)`` does, and changes nothing: no epoch begins, and
  /// the counter stays where it is.
  ///
  /// - Throws: what `open` would refuse with.
  public static func inspect(
    _ places: SignerPlaces, vault: VaultID, files: any DurableFiles = SystemFiles(),
    counter: (any MonotonicCounter)? = nil, limits: RecordLimits = RecordLimits(),
    replay: (_ record: [UInt8]) throws -> Void
  ) throws(StartRefusal) -> Position {
    let found = try FoundRecords(places, vault, files, counter, limits, replay: replay)
    if let refusal = found.refusal { throw refusal }
    return found.position
  }

  /// Goes on in spite of a refusal, after people decided so, and writes the decision down.
  ///
  /// The records that are there are kept, `records` are added, and the history goes on after both the state's position and
  /// the anchor's. **What the lost records said is lost:** the caller adds records that make up for it, such as an
  /// imported newer export or floors that no lost signature can be above.
  ///
  /// - Parameters:
  ///   - approved: the refusal as ``open(_:vault:files:counter:limits:at:replay:)`` threw it, which must be adoptable and
  ///     still be the one; refusals of lower rank that come with it (a restored directory takes its audit log along) are covered.
  ///   - approval: the hash of what was approved; the caller has checked the approvals.
  ///   - epochMin: the newest that is known from elsewhere, such as from a backup whose records are lost: what is begun is newer.
  /// - Throws: ``StartRefusal/nothingToAdopt`` when the records would open, or another refusal when it is another now.
  public static func adopt(
    _ places: SignerPlaces, vault: VaultID, files: any DurableFiles = SystemFiles(),
    counter: (any MonotonicCounter)? = nil, limits: RecordLimits = RecordLimits(), approved: StartRefusal,
    approval: Bytes32, records: [[UInt8]], epochMin: UInt64 = 0, at time: UInt64,
    replay: (_ record: [UInt8]) throws -> Void
  ) throws(StartRefusal) -> SignerRecords {
    guard let reason = approved.adoptable else { throw .nothingToAdopt }
    if let large = records.first(where: { $0.count > JournalContent.recordSizeMax }) {
      throw .journal(.recordTooLarge(large.count))
    }
    var kept: [[UInt8]] = []
    let found = try FoundRecords(places, vault, files, counter, limits) { record in
      try replay(record)
      kept.append(record)
    }
    guard let refusal = found.refusal else { throw .nothingToAdopt }
    guard refusal == approved else { throw refusal }
    do { for record in records { try replay(record) } } catch { throw .record(sequence: 0) }
    return try found.adopt(
      reason, approval: approval, kept + records, after: min(epochMin, Position.epochMax), counter, at: time)
  }

  init(
    journal: consuming RecordJournal, anchor: consuming Anchor, audit: consuming AuditLog,
    limits: RecordLimits, counter: (any MonotonicCounter)?, at time: UInt64
  ) {
    raised = (time, anchor.value)
    self.journal = journal
    self.anchor = anchor
    self.audit = audit
    self.limits = limits
    self.counter = counter
  }

  /// Whether a counter is due to be raised.
  ///
  /// - Parameter time: milliseconds since 1970.
  public func wantsCounterRaise(at time: UInt64) -> Bool {
    counter != nil && anchor.value != raised.anchor
      && time >= raised.at + limits.raiseCounterAfterMilliseconds
  }

  /// Commits, and begins the next epoch with a higher counter: no copy of state and anchor from before is the newest any
  /// more. Does nothing where there is no counter, or nothing was written since the last time.
  ///
  /// The records say first what the counter will have, as a start does: a crash between the two is finished by the next start.
  ///
  /// - Parameter time: milliseconds since 1970.
  /// - Throws: any failure is final.
  public mutating func raiseCounter(at time: UInt64) throws(RecordFailure) {
    try commit()
    guard let counter, let value = counterValue, anchor.value != raised.anchor else { return }
    guard value < .max else { throw .counter(.exhausted) }
    do throws(RecordJournalError) { try journal.beginEpoch(counter: value + 1) } catch {
      throw .journal(error)
    }
    try append(AuditEntry(.counter, at: time, [.number(.epoch, epoch), .number(.count, value + 1)]))
    try commit()
    do throws(MonotonicCounterError) {
      let now = try counter.increment()
      guard now == value + 1 else { throw .moved(expected: value + 1, found: now) }
    } catch { throw .counter(error) }
    counterValue = value + 1
    raised = (time, anchor.value)
  }

  /// Adds a record to the next commit.
  public mutating func append(_ record: [UInt8]) throws(RecordFailure) {
    do throws(RecordJournalError) { try journal.append(record) } catch { throw .journal(error) }
  }

  /// Adds an audit line to the next commit.
  public mutating func append(_ entry: AuditEntry) throws(RecordFailure) {
    do throws(AuditLogError) { try audit.append(entry) } catch { throw .audit(error) }
  }

  /// Writes what was appended, and returns when it and the anchor are on disk: what the records allow may be signed then.
  ///
  /// One write and one flush for each of the three files that has something new.
  @discardableResult
  public mutating func commit() throws(RecordFailure) -> Position {
    do throws(RecordJournalError) { try journal.commit() } catch { throw .journal(error) }
    do throws(AuditLogError) { try audit.commit() } catch { throw .audit(error) }
    do throws(AnchorError) {
      try anchor.advance(to: Anchor.Value(journal: journal.committed, audit: audit.committed))
    } catch { throw .anchor(error) }
    return journal.committed
  }

  /// Commits, and replaces the journal's records by `snapshot`, in the next epoch.
  ///
  /// - Throws: ``RecordJournalError/compaction(_:)`` when the new file could not be written; the old one goes on then.
  public mutating func compact(snapshot: [[UInt8]], at time: UInt64) throws(RecordFailure) {
    // The new file cannot prove a position before its base: the anchor must be there first.
    try commit()
    do throws(RecordJournalError) { try journal.compact(snapshot: snapshot) } catch { throw .journal(error) }
    try append(
      AuditEntry(
        .compaction, at: time,
        [.number(.epoch, journal.committed.epoch), .number(.records, UInt64(snapshot.count))]))
    try commit()
  }

  /// Raises the epoch's counter and the anchor to what was just started.
  mutating func begin(expecting value: UInt64?, _ entry: AuditEntry, replacing: Bool) throws(StartRefusal) {
    do throws(AuditLogError) {
      try audit.start()
      try audit.append(entry)
      try audit.commit()
    } catch { throw StartRefusal(error) }
    do throws(AnchorError) {
      try anchor.confirm()
      let now = Anchor.Value(journal: journal.committed, audit: audit.committed)
      if replacing { try anchor.replace(by: now) } else { try anchor.advance(to: now) }
    } catch { throw StartRefusal(error) }
    raised.anchor = anchor.value
    guard let counter, let value else { return }
    counterValue = value
    do throws(MonotonicCounterError) {
      let now = try counter.increment()
      guard now == value else { throw .moved(expected: value, found: now) }
    } catch { throw .counter(error) }
  }
}

/// What was found at a start, before anything is changed.
struct FoundRecords: ~Copyable {
  private let places: SignerPlaces
  private let vault: VaultID
  private let files: any DurableFiles
  private let limits: RecordLimits
  private var journal: RecordJournal?
  private var anchor: Anchor?
  private var audit: AuditLog?
  /// What the counter says; after an unfinished start it is one behind the records.
  private var counterValue: UInt64?
  private var finishesStart = false
  /// Where the records end; the beginning when there are none.
  private(set) var position: Position
  /// The first reason not to go on that people may decide about.
  private(set) var refusal: StartRefusal?

  init(
    _ places: SignerPlaces, _ vault: VaultID, _ files: any DurableFiles, _ counter: (any MonotonicCounter)?,
    _ limits: RecordLimits, replay: (_ record: [UInt8]) throws -> Void
  ) throws(StartRefusal) {
    self.places = places
    self.vault = vault
    self.files = files
    self.limits = limits
    position = .beginning(of: vault)
    do throws(AnchorError) {
      anchor = try Anchor.open(directory: places.anchors, vault: vault, files: files)
    } catch {
      guard error == .missing else { throw StartRefusal(error) }
    }
    let known = anchor?.value
    try openJournal(known, replay)
    try compareCounter(counter)
    try openAudit(known)
  }

  private mutating func openJournal(
    _ known: Anchor.Value?, _ replay: (_ record: [UInt8]) throws -> Void
  ) throws(StartRefusal) {
    do throws(RecordJournalError) {
      journal = try RecordJournal.open(
        directory: places.watermarks, vault: vault, acknowledged: known?.journal, files: files, replay: replay
      )
    } catch {
      guard error == .missing else { throw StartRefusal(error) }
    }
    guard let found = journal?.found else {
      // An anchor that knows nothing proves that nothing was ever signed: the vault is new.
      if known != .beginning(of: vault) { refusal = .missingState(anchor: known?.journal) }
      return
    }
    position = found.end
    if let known {
      refusal = StartRefusal(found, anchor: known.journal)
    } else {
      refusal = .missingAnchor(state: found.end)
    }
  }

  private mutating func compareCounter(_ counter: (any MonotonicCounter)?) throws(StartRefusal) {
    let recorded = journal?.found.counter
    guard let counter else {
      if let recorded, refusal == nil { refusal = .counterMissing(recorded: recorded) }
      return
    }
    let value: UInt64
    do throws(MonotonicCounterError) { value = try counter.read() } catch { throw .counter(error) }
    counterValue = value
    guard let recorded else { return }
    // The last start wrote down the value that it was about to make: one less means that it did not come so far.
    finishesStart = value < recorded && recorded - value == 1
    guard value != recorded, !finishesStart, refusal == nil else { return }
    refusal =
      value > recorded
      ? .counterAhead(recorded: recorded, counter: value) : .counterBehind(recorded: recorded, counter: value)
  }

  private mutating func openAudit(_ known: Anchor.Value?) throws(StartRefusal) {
    var acknowledged = known?.audit
    do throws(AuditLogError) {
      audit = try AuditLog.open(
        directory: places.audit, vault: vault, acknowledged: acknowledged,
        rotateAtBytes: limits.rotateAuditAtBytes, files: files)
    } catch {
      let audited = StartRefusal(error)
      guard audited.adoptable != nil else { throw refusal ?? audited }
      refusal = refusal ?? audited
      acknowledged = nil
      do throws(AuditLogError) {
        audit = try AuditLog.open(
          directory: places.audit, vault: vault, acknowledged: nil,
          rotateAtBytes: limits.rotateAuditAtBytes, files: files)
      } catch { throw StartRefusal(error) }
    }
  }

  /// Starts the next epoch.
  consuming func start(at time: UInt64, _ counter: (any MonotonicCounter)?) throws(StartRefusal)
    -> SignerRecords
  {
    let mark = try nextCounterValue(counter)
    var journal: RecordJournal
    if let there = self.journal.take() {
      journal = there
    } else {
      journal = try Self.made(places, vault, .beginning(of: vault), [], files)
    }
    do throws(RecordJournalError) { try journal.start(counter: mark) } catch { throw StartRefusal(error) }
    let position = journal.committed
    guard let anchor = anchor.take(), let audit = audit.take() else { throw .missingAnchor(state: position) }
    var records = SignerRecords(
      journal: journal, anchor: anchor, audit: audit, limits: limits, counter: counter, at: time)
    let entry = AuditEntry(
      .start, at: time, [.number(.epoch, position.epoch), .number(.position, position.sequence)])
    try records.begin(expecting: mark, entry, replacing: false)
    return records
  }

  /// Writes the decision as the first record of a new journal file that goes on after everything that is known.
  consuming func adopt(
    _ reason: AdoptionReason, approval: Bytes32, _ records: [[UInt8]], after epoch: UInt64,
    _ counter: (any MonotonicCounter)?, at time: UInt64
  ) throws(StartRefusal) -> SignerRecords {
    let mark = try nextCounterValue(counter)
    let state = self.journal?.found.end
    let anchored = self.anchor?.value.journal
    let decision = AdoptionDecision(reason: reason, state: state, anchor: anchored, approval: approval)
    var joined = [UInt8]("causeway/signer-adoption/v1".utf8) + [0]
    for position in [state, anchored] { joined.append(position?.hash ?? Bytes32()) }
    let base = Position(
      epoch: max(state?.epoch ?? 0, anchored?.epoch ?? 0, epoch),
      sequence: max(state?.sequence ?? 0, anchored?.sequence ?? 0), hash: SHA256Hash.hash(joined))
    let contents =
      [JournalContent.adoption(decision), .epoch(base.epoch + 1, counter: mark)] + records.map { .record($0) }
    var journal: RecordJournal
    if let there = self.journal.take() {
      journal = there
      do throws(RecordJournalError) {
        try journal.adopt(base: base, contents: contents, counter: mark)
      } catch { throw StartRefusal(error) }
    } else {
      journal = try Self.made(places, vault, base, contents, files)
    }
    guard let audit = audit.take() else { throw .nothingToAdopt }
    let anchor: Anchor
    if let there = self.anchor.take() {
      anchor = there
    } else {
      let value = Anchor.Value(journal: journal.committed, audit: audit.committed)
      anchor = try Self.made(places, vault, value, files)
    }
    let epoch = journal.committed.epoch
    var adopted = SignerRecords(
      journal: journal, anchor: anchor, audit: audit, limits: limits, counter: counter, at: time)
    let entry = AuditEntry(
      .adoption, at: time,
      [
        .text(.reason, "\(reason)"), .hash(.approval, approval), .number(.epoch, epoch),
        .number(.records, UInt64(records.count)), .number(.position, state?.sequence ?? 0),
        .number(.anchor, anchored?.sequence ?? 0),
      ])
    try adopted.begin(expecting: mark, entry, replacing: true)
    return adopted
  }

  private static func made(
    _ places: SignerPlaces, _ vault: VaultID, _ base: Position, _ contents: [JournalContent],
    _ files: any DurableFiles
  ) throws(StartRefusal) -> RecordJournal {
    do throws(RecordJournalError) {
      return try RecordJournal.create(
        directory: places.watermarks, vault: vault, base: base, contents: contents, files: files)
    } catch { throw StartRefusal(error) }
  }

  private static func made(
    _ places: SignerPlaces, _ vault: VaultID, _ value: Anchor.Value, _ files: any DurableFiles
  ) throws(StartRefusal) -> Anchor {
    do throws(AnchorError) {
      return try Anchor.create(directory: places.anchors, vault: vault, value: value, files: files)
    } catch { throw StartRefusal(error) }
  }

  /// The value that the counter will have when this start is finished; finishes the last one first.
  ///
  /// Without that, a copy made between an unfinished start's records and its counter would be taken for the newest later.
  private mutating func nextCounterValue(_ counter: (any MonotonicCounter)?) throws(StartRefusal) -> UInt64? {
    guard let counter, var value = counterValue else { return nil }
    if finishesStart {
      do throws(MonotonicCounterError) { value = try counter.increment() } catch { throw .counter(error) }
      finishesStart = false
    }
    guard value < .max else { throw .counter(.exhausted) }
    return value + 1
  }
}
