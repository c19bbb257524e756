import Digests
import SignerJournal
import Testing
import WireBytes

/// One vault in memory.
struct MemoryVault {
  static let vault = VaultID(Bytes32 { UInt8($0) })
  static let places = SignerPlaces(state: "s", anchors: "n")
  static let journalPath = "s/watermarks/records.journal"
  static let anchorPath = Anchor.path(directory: "n", vault: vault)
  static let auditPath = "s/audit/audit-00000001.jsonl"
  /// Bytes of a journal's header, and of a frame beside its payload (docs/spec/signer-journal.md).
  static let headerBytes = 132
  static let frameBytes = 36

  static func open(
    _ files: MemoryFiles, counter: (any MonotonicCounter)? = nil, limits: RecordLimits = RecordLimits(),
    _ records: inout [[UInt8]]
  ) throws(StartRefusal) -> SignerRecords {
    var found: [[UInt8]] = []
    let opened = try SignerRecords.open(
      places, vault: vault, files: files, counter: counter, limits: limits, at: 1
    ) { found.append($0) }
    records = found
    return opened
  }

  /// Files of a signer that started, committed `records` one by one, and stopped.
  static func made(_ records: [[UInt8]], limits: RecordLimits = RecordLimits()) throws -> MemoryFiles {
    let files = MemoryFiles()
    try SignerRecords.create(places, vault: vault, files: files)
    try add(records, to: files, limits: limits)
    return files
  }

  static func add(_ records: [[UInt8]], to files: MemoryFiles, limits: RecordLimits = RecordLimits()) throws {
    var found: [[UInt8]] = []
    var opened = try open(files, limits: limits, &found)
    for record in records {
      try opened.append(record)
      try opened.append(AuditEntry(.grant, at: 2, [.number(.height, UInt64(record.count))]))
      try opened.commit()
    }
  }

  /// What opening is refused with; nil when it is not.
  static func refusal(_ files: MemoryFiles, counter: (any MonotonicCounter)? = nil) -> StartRefusal? {
    var records: [[UInt8]] = []
    do throws(StartRefusal) {
      _ = try open(files, counter: counter, &records)
      return nil
    } catch {
      return error
    }
  }
}

@Suite("A record journal")
struct JournalTests {
  private static let vault = MemoryVault.vault

  private static func journal(_ records: [[UInt8]]) throws -> (MemoryFiles, Position) {
    let files = MemoryFiles()
    var journal = try RecordJournal.create(directory: "w", vault: vault, files: files)
    try journal.start()
    for record in records { try journal.append(record) }
    return (files, try journal.commit())
  }

  private static func open(
    _ files: MemoryFiles, acknowledged: Position?
  ) -> Result<(RecordJournal.Found, [[UInt8]]), RecordJournalError> {
    var records: [[UInt8]] = []
    do throws(RecordJournalError) {
      let journal = try RecordJournal.open(
        directory: "w", vault: vault, acknowledged: acknowledged, files: files, replay: { records.append($0) }
      )
      return .success((journal.found, records))
    } catch {
      return .failure(error)
    }
  }

  private static func error(_ files: MemoryFiles, acknowledged: Position?) -> RecordJournalError? {
    switch open(files, acknowledged: acknowledged) {
    case .success: nil
    case .failure(let error): error
    }
  }

  @Test("gives back what was committed, in order, and counts on")
  func replays() throws {
    let records: [[UInt8]] = [[1], [], [2, 3], [UInt8](repeating: 9, count: 1 << 20)]
    let (files, position) = try Self.journal(records)
    #expect(position.sequence == 5)
    #expect(position.epoch == 1)
    let (found, replayed) = try Self.open(files, acknowledged: position).get()
    #expect(replayed == records)
    #expect(found.end == position)
    #expect(found.cutBytes == 0)
    var journal = try RecordJournal.open(
      directory: "w", vault: Self.vault, acknowledged: position, files: files, replay: { _ in })
    let epoch = try journal.start().epoch
    try journal.append([4])
    let sequence = try journal.commit().sequence
    #expect(epoch == 2)
    #expect(sequence == 7)
  }

  @Test("has nothing on disk before the commit")
  func buffers() throws {
    let (files, _) = try Self.journal([])
    var journal = try RecordJournal.open(
      directory: "w", vault: Self.vault, acknowledged: nil, files: files, replay: { _ in })
    try journal.start()
    let before = files["w/records.journal"]
    try journal.append([1])
    #expect(files["w/records.journal"] == before)
    files.setFault(nil)
    for index in 0..<100 { try journal.append([UInt8(index)]) }
    try journal.commit()
    // One write and one flush for all of them.
    #expect(files.calls == 2)
    try journal.commit()
    #expect(files.calls == 2)
  }

  @Test("refuses a record above the maximum, and goes on")
  func tooLarge() throws {
    let (files, _) = try Self.journal([])
    var journal = try RecordJournal.open(
      directory: "w", vault: Self.vault, acknowledged: nil, files: files, replay: { _ in })
    var refused: RecordJournalError?
    do throws(RecordJournalError) {
      try journal.append([UInt8](repeating: 0, count: 1 << 20 + 1))
    } catch { refused = error }
    #expect(refused == .recordTooLarge(1 << 20 + 1))
    try journal.start()
    try journal.append([1])
    let sequence = try journal.commit().sequence
    #expect(sequence == 3)
  }

  @Test("cuts an unfinished end of any length above the acknowledged position, and refuses it below")
  func tornEnds() throws {
    let (files, first) = try Self.journal([[1, 1], [2, 2]])
    let whole = try #require(files["w/records.journal"])
    // Frames: an epoch of 10 bytes, and two records of 3 with their kind.
    let starts = [0, 46, 46 + 39].map { MemoryVault.headerBytes + $0 }
    #expect(whole.count == starts[2] + 39)
    for count in starts[0]..<whole.count {
      files["w/records.journal"] = [UInt8](whole[..<count])
      let kept = starts.lastIndex { $0 <= count } ?? 0
      let (found, records) = try Self.open(files, acknowledged: .beginning(of: Self.vault)).get()
      #expect(records.count == max(0, kept - 1))
      #expect(found.end.sequence == UInt64(kept))
      #expect(found.cutBytes == count - starts[kept])
      if count > starts[kept] {
        #expect(
          Self.error(files, acknowledged: first)
            == .corrupt(offset: starts[kept], sequence: UInt64(kept + 1), .incomplete))
      }
    }
    for count in 0..<MemoryVault.headerBytes {
      files["w/records.journal"] = [UInt8](whole[..<count])
      #expect(Self.error(files, acknowledged: .beginning(of: Self.vault)) == .headerDamaged)
    }
  }

  @Test("refuses every change of a bit at or below the acknowledged position, with its offset")
  func bitFlips() throws {
    let (files, position) = try Self.journal([[1, 1], [2, 2]])
    let whole = try #require(files["w/records.journal"])
    for bit in 0..<(whole.count * 8) {
      var changed = whole
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      files["w/records.journal"] = changed
      let error = try #require(Self.error(files, acknowledged: position), "bit \(bit)")
      switch bit / 8 {
      case 0..<8: #expect(error == .notAJournal)
      case 8..<12:
        guard case .unsupportedVersion = error else {
          Issue.record("bit \(bit): \(error)")
          continue
        }
      case 12..<MemoryVault.headerBytes: #expect(error == .headerDamaged)
      default:
        guard case .corrupt(let offset, let sequence, _) = error else {
          Issue.record("bit \(bit): \(error)")
          continue
        }
        let frame = bit / 8 < 178 ? 0 : bit / 8 < 217 ? 1 : 2
        #expect(offset == [132, 178, 217][frame] && sequence == UInt64(frame + 1))
      }
    }
  }

  @Test("without an acknowledged position cuts only what goes past the end")
  func cautious() throws {
    let (files, _) = try Self.journal([[1, 1], [2, 2]])
    var changed = try #require(files["w/records.journal"])
    changed[222] ^= 1
    files["w/records.journal"] = changed
    #expect(Self.error(files, acknowledged: nil) == .corrupt(offset: 217, sequence: 3, .hash))
    changed.removeLast(20)
    files["w/records.journal"] = changed
    #expect(try Self.open(files, acknowledged: nil).get().0.end.sequence == 2)
  }

  @Test("refuses a right hash over contents of another version, also where a crash could have been")
  func unknownContents() throws {
    let (files, position) = try Self.journal([])
    let payload: [UInt8] = [9, 9]
    var whole = try #require(files["w/records.journal"])
    let offset = whole.count
    whole.append(bigEndian: UInt32(2))
    whole += payload
    whole.append(SHA256.hash(position.hash, payload))
    files["w/records.journal"] = whole
    #expect(Self.error(files, acknowledged: position) == .corrupt(offset: offset, sequence: 2, .content))
  }

  @Test("refuses numbers that nobody counts to, though every hash is right")
  func hugeNumbers() throws {
    let (files, _) = try Self.journal([])
    let whole = try #require(files["w/records.journal"])
    // The base's epoch, its sequence, and what is sealed.
    for offset in [44, 52, 92] {
      var changed = [UInt8](whole[..<MemoryVault.headerBytes])
      for index in offset..<(offset + 8) { changed[index] = 0xff }
      let hash = SHA256Hash.hash([UInt8](changed[..<100]))
      for index in 0..<32 { changed[100 + index] = hash[index] }
      files["w/records.journal"] = changed
      #expect(Self.error(files, acknowledged: nil) == .headerDamaged)
    }
    // An epoch in a frame.
    let start = Position.beginning(of: Self.vault)
    let payload = [1] + [UInt8](repeating: 0xff, count: 8) + [0]
    var changed = [UInt8](whole[..<MemoryVault.headerBytes])
    changed.append(bigEndian: UInt32(payload.count))
    changed += payload
    changed.append(SHA256.hash(start.hash, payload))
    files["w/records.journal"] = changed
    #expect(
      Self.error(files, acknowledged: start)
        == .corrupt(offset: MemoryVault.headerBytes, sequence: 1, .content))
  }

  @Test("knows another vault's file, and that there is none")
  func foreign() throws {
    let (files, _) = try Self.journal([])
    let other = VaultID(Bytes32 { UInt8($0 + 1) })
    #expect(throws: RecordJournalError.foreignVault(found: Self.vault)) {
      _ = try RecordJournal.open(
        directory: "w", vault: other, acknowledged: nil, files: files, replay: { _ in })
    }
    files["w/records.journal"] = nil
    #expect(Self.error(files, acknowledged: nil) == .missing)
  }

  @Test("is held by one at a time")
  func held() throws {
    let (files, _) = try Self.journal([])
    let holder = try RecordJournal.open(
      directory: "w", vault: Self.vault, acknowledged: nil, files: files, replay: { _ in })
    #expect(Self.error(files, acknowledged: nil) == .inUse)
    _ = holder.committed
    _ = consume holder
    #expect(Self.error(files, acknowledged: nil) == nil)
  }

  @Test("stops at the record that the caller does not accept")
  func refusedRecord() throws {
    struct Refused: Error {}
    let (files, _) = try Self.journal([[1], [2]])
    #expect(throws: RecordJournalError.record(sequence: 3)) {
      _ = try RecordJournal.open(
        directory: "w", vault: Self.vault, acknowledged: nil, files: files,
        replay: { record in if record == [2] { throw Refused() } })
    }
  }

  @Test("after compaction holds the snapshot alone, and its position goes on")
  func compacts() throws {
    let (files, before) = try Self.journal([[1], [2], [3]])
    var journal = try RecordJournal.open(
      directory: "w", vault: Self.vault, acknowledged: before, files: files, replay: { _ in })
    try journal.start()
    let position = try journal.compact(snapshot: [[7], [8]])
    #expect(position.sequence == before.sequence + 1 + 3)
    #expect(position.epoch == 3)
    try journal.append([9])
    let end = try journal.commit()
    _ = consume journal
    #expect(files.paths == ["w/lock", "w/records.journal"])
    let (found, records) = try Self.open(files, acknowledged: end).get()
    #expect(records == [[7], [8], [9]])
    #expect(found.end == end)
    // What was there when the file got its name is not cut, whatever the anchor says.
    let whole = try #require(files["w/records.journal"])
    files["w/records.journal"] = [UInt8](whole.dropLast(38 + 1))
    guard case .corrupt(_, _, .incomplete) = Self.error(files, acknowledged: before) else {
      Issue.record("a sealed record was cut")
      return
    }
  }

  @Test(
    "goes on with the old file when a new one cannot be written, and is poisoned when it may be half placed")
  func failedCompaction() throws {
    let (files, _) = try Self.journal([[1]])
    var journal = try RecordJournal.open(
      directory: "w", vault: Self.vault, acknowledged: nil, files: files, replay: { _ in })
    try journal.start()
    for call in [FileCallError.Call.open, .write, .flush] {
      files.setFault { _, now in now == call ? 28 : nil }
      var failed: RecordJournalError?
      do throws(RecordJournalError) { try journal.compact(snapshot: []) } catch { failed = error }
      #expect(failed == .compaction(FileCallError(call, errno: 28)))
      files.setFault(nil)
      try journal.append([2])
      try journal.commit()
    }
    files.setFault { _, now in now == .flushDirectory ? 5 : nil }
    var failed: RecordJournalError?
    do throws(RecordJournalError) { try journal.compact(snapshot: []) } catch { failed = error }
    #expect(failed == .files(FileCallError(.flushDirectory, errno: 5)))
    files.setFault(nil)
    do throws(RecordJournalError) { try journal.append([3]) } catch { failed = error }
    #expect(failed == .poisoned(FileCallError(.flushDirectory, errno: 5)))
  }

  @Test(
    "is poisoned by a full disk or a failed flush, and never flushes again",
    arguments: [FileCallError.Call.write, .flush])
  func poisoned(call: FileCallError.Call) throws {
    let (files, before) = try Self.journal([[1]])
    var journal = try RecordJournal.open(
      directory: "w", vault: Self.vault, acknowledged: before, files: files, replay: { _ in })
    let started = try journal.start()
    try journal.append([2])
    files.setFault { _, now in now == call ? 28 : nil }
    var failed: RecordJournalError?
    do throws(RecordJournalError) { try journal.commit() } catch { failed = error }
    #expect(failed == .files(FileCallError(call, errno: 28)))
    files.setFault(nil)
    for _ in 0..<2 {
      do throws(RecordJournalError) { try journal.commit() } catch { failed = error }
      #expect(failed == .poisoned(FileCallError(call, errno: 28)))
    }
    #expect(files.calls == 0)
    let committed = journal.committed
    #expect(committed == started)
    _ = consume journal
    // What may be there of the failed commit is written anew before anyone relies on it.
    var again = try RecordJournal.open(
      directory: "w", vault: Self.vault, acknowledged: started, files: files, replay: { _ in })
    let rewritten = files["w/records.journal"]
    try again.start()
    #expect(files["w/records.journal"]?.starts(with: rewritten ?? []) ?? false)
  }
}

/// The chain's hash, from the digests of the package: not the room's own.
private enum SHA256 {
  static func hash(_ previous: Bytes32, _ payload: [UInt8]) -> Bytes32 {
    SHA256Hash.hash(previous.array + payload)
  }
}
