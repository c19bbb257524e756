import SignerJournal
import Synchronization
import Testing
import WireBytes

/// A counter in memory.
final class MemoryCounter: MonotonicCounter {
  private let value: Mutex<UInt64>
  private let fails = Mutex(false)

  init(_ start: UInt64) { value = Mutex(start) }

  func read() throws(MonotonicCounterError) -> UInt64 { value.withLock { $0 } }
  func increment() throws(MonotonicCounterError) -> UInt64 {
    if fails.withLock({ $0 }) { throw MonotonicCounterError.unavailable(code: 7) }
    return value.withLock { value in
      value += 1
      return value
    }
  }
  func set(_ new: UInt64) { value.withLock { $0 = new } }
  func setFails(_ does: Bool) { fails.withLock { $0 = does } }
}

@Suite("The start of a signer's records")
struct StartTests {
  private static let approval = Bytes32 { _ in 0xaa }

  private static func anchored(_ files: MemoryFiles) throws -> Anchor.Value {
    try Anchor.open(directory: "n", vault: MemoryVault.vault, files: files).value
  }

  private static func moveState(from other: MemoryFiles, to files: MemoryFiles) {
    for path in files.paths where path.hasPrefix("s/") { files[path] = nil }
    for path in other.paths where path.hasPrefix("s/") { files[path] = other[path] }
  }

  private static func adopt(
    _ files: MemoryFiles, _ refusal: StartRefusal, _ records: [[UInt8]] = [],
    counter: (any MonotonicCounter)? = nil,
    found: inout [[UInt8]]
  ) throws(StartRefusal) -> Position {
    var replayed: [[UInt8]] = []
    let adopted = try SignerRecords.adopt(
      MemoryVault.places, vault: MemoryVault.vault, files: files, counter: counter, approved: refusal,
      approval: approval, records: records, at: 7
    ) { replayed.append($0) }
    found = replayed
    return adopted.position
  }

  @Test("raises the epoch each time, and leaves an audit line")
  func epochs() throws {
    let files = try MemoryVault.made([[1], [2]])
    var records: [[UInt8]] = []
    for epoch in 2...4 {
      let opened = try MemoryVault.open(files, &records)
      let (now, position) = (opened.epoch, opened.position)
      #expect(now == UInt64(epoch))
      _ = consume opened
      #expect(records == [[1], [2]])
      #expect(try Self.anchored(files).journal == position)
    }
    let report = try AuditLog.verify(directory: "s/audit", vault: MemoryVault.vault, files: files)
    #expect(report.count == 2 + 4)
    #expect(try Self.anchored(files).audit == report.head)
  }

  @Test("of what was never made is refused, and making may be repeated until something was recorded")
  func creation() throws {
    let files = MemoryFiles()
    #expect(MemoryVault.refusal(files) == .missingState(anchor: nil))
    for _ in 0..<2 { try SignerRecords.create(MemoryVault.places, vault: MemoryVault.vault, files: files) }
    #expect(MemoryVault.refusal(files) == nil)
    #expect(throws: StartRefusal.alreadyThere) {
      try SignerRecords.create(MemoryVault.places, vault: MemoryVault.vault, files: files)
    }
    files[MemoryVault.journalPath] = nil
    #expect(throws: StartRefusal.alreadyThere) {
      try SignerRecords.create(MemoryVault.places, vault: MemoryVault.vault, files: files)
    }
  }

  @Test("finishes a creation that failed at any call")
  func failedCreation() throws {
    let whole = MemoryFiles()
    whole.setFault(nil)
    try SignerRecords.create(MemoryVault.places, vault: MemoryVault.vault, files: whole)
    #expect(MemoryVault.refusal(whole) == nil)
    let calls = whole.calls
    for call in 0..<calls {
      let files = MemoryFiles()
      files.setFault { index, _ in index >= call ? 5 : nil }
      try? SignerRecords.create(MemoryVault.places, vault: MemoryVault.vault, files: files)
      _ = MemoryVault.refusal(files)
      files.setFault(nil)
      if MemoryVault.refusal(files) == .missingState(anchor: nil) {
        try SignerRecords.create(MemoryVault.places, vault: MemoryVault.vault, files: files)
      }
      #expect(MemoryVault.refusal(files) == nil, "call \(call)")
    }
  }

  @Test("refuses a state that is gone, an anchor that is gone, and those of another vault")
  func missing() throws {
    let made = try MemoryVault.made([[1]])
    let anchor = try Self.anchored(made).journal
    var files = made.copy()
    for path in files.paths where path.hasPrefix("s/") { files[path] = nil }
    #expect(MemoryVault.refusal(files) == .missingState(anchor: anchor))
    files = made.copy()
    files[MemoryVault.anchorPath] = nil
    #expect(MemoryVault.refusal(files) == .missingAnchor(state: anchor))
    files = made.copy()
    files[MemoryVault.anchorPath]?[60] ^= 1
    files[MemoryVault.anchorPath]?[4_096 + 60] ^= 1
    #expect(MemoryVault.refusal(files) == .anchor(.damaged))

    let other = VaultID(Bytes32())
    let foreign = MemoryFiles()
    try SignerRecords.create(MemoryVault.places, vault: other, files: foreign)
    foreign[MemoryVault.journalPath] = made[MemoryVault.journalPath]
    #expect(throws: StartRefusal.foreignVault(found: MemoryVault.vault)) {
      _ = try SignerRecords.open(MemoryVault.places, vault: other, files: foreign, at: 1, replay: { _ in })
    }
  }

  @Test("refuses every older copy of the state")
  func older() throws {
    let files = try MemoryVault.made([])
    var copies = [files.copy()]
    for index in 0..<4 {
      try MemoryVault.add([[UInt8(index)]], to: files)
      copies.append(files.copy())
    }
    let anchor = try Self.anchored(files).journal
    for copy in copies.dropLast() {
      let restored = files.copy()
      Self.moveState(from: copy, to: restored)
      let state = try Self.anchored(copy).journal
      #expect(MemoryVault.refusal(restored) == .restoredOlderState(state: state, anchor: anchor))
    }
    // The audit log alone.
    let restored = files.copy()
    restored[MemoryVault.auditPath] = copies[1][MemoryVault.auditPath]
    let heads = (found: try Self.anchored(copies[1]).audit, anchor: try Self.anchored(files).audit)
    #expect(MemoryVault.refusal(restored) == .auditTruncated(found: heads.found, anchor: heads.anchor))
  }

  @Test("refuses a state that went on from an older copy, and an anchor that is older than a compaction")
  func forked() throws {
    let files = try MemoryVault.made([[1]])
    let copy = files.copy()
    try MemoryVault.add([[2]], to: files)
    let sequence = try Self.anchored(files).journal.sequence
    // The copy goes on with its own anchor, further than the other.
    try MemoryVault.add([[3], [4]], to: copy)
    let mixed = files.copy()
    Self.moveState(from: copy, to: mixed)
    #expect(MemoryVault.refusal(mixed) == .forked(at: sequence))

    let old = try #require(files[MemoryVault.anchorPath])
    let oldPosition = try Self.anchored(files).journal
    var records: [[UInt8]] = []
    var opened = try MemoryVault.open(files, &records)
    try opened.append([5])
    try opened.compact(snapshot: [[5]], at: 3)
    let position = opened.position
    _ = consume opened
    files[MemoryVault.anchorPath] = old
    #expect(MemoryVault.refusal(files) == .restoredOlderAnchor(state: position, anchor: oldPosition))
  }

  @Test("takes records ahead of the anchor: nobody relied on them")
  func ahead() throws {
    let files = try MemoryVault.made([[1]])
    let anchor = try #require(files[MemoryVault.anchorPath])
    try MemoryVault.add([[2]], to: files)
    files[MemoryVault.anchorPath] = anchor
    var records: [[UInt8]] = []
    _ = try MemoryVault.open(files, &records)
    #expect(records == [[1], [2]])
  }

  @Test("is refused while another process has the state or the anchor")
  func inUse() throws {
    let files = try MemoryVault.made([[1]])
    var records: [[UInt8]] = []
    let holder = try MemoryVault.open(files, &records)
    #expect(MemoryVault.refusal(files) == .inUse)
    // A copy of the state beside, with the same anchor.
    let other = SignerPlaces(state: "t", anchors: "n")
    for folder in ["t", "t/watermarks", "t/audit"] { try files.makeDirectory(folder) }
    files["t/watermarks/records.journal"] = files[MemoryVault.journalPath]
    #expect(throws: StartRefusal.inUse) {
      _ = try SignerRecords.open(other, vault: MemoryVault.vault, files: files, at: 1, replay: { _ in })
    }
    _ = holder.epoch
  }

  @Test("goes on after a decision, which it writes down, above all that is known")
  func adoption() throws {
    let files = try MemoryVault.made([[1]])
    let copy = files.copy()
    try MemoryVault.add([[2], [3]], to: files)
    let anchor = try Self.anchored(files).journal
    Self.moveState(from: copy, to: files)
    let refusal = try #require(MemoryVault.refusal(files))
    #expect(refusal.adoptable == .restoredOlderState)
    var records: [[UInt8]] = []
    // Nothing but the refusal that was approved.
    #expect(throws: refusal) {
      _ = try Self.adopt(files, .forked(at: 1), found: &records)
    }
    #expect(throws: StartRefusal.nothingToAdopt) {
      _ = try Self.adopt(files, .inUse, found: &records)
    }
    let position = try Self.adopt(files, refusal, [[9]], found: &records)
    #expect(records == [[1], [9]])
    #expect(position.sequence > anchor.sequence)
    #expect(position.epoch == anchor.epoch + 1)
    #expect(throws: StartRefusal.nothingToAdopt) { _ = try Self.adopt(files, refusal, found: &records) }
    _ = try MemoryVault.open(files, &records)
    #expect(records == [[1], [9]])
    let journal = try RecordJournal.open(
      directory: "s/watermarks", vault: MemoryVault.vault, acknowledged: nil, files: files, replay: { _ in })
    let decision = journal.found.adoption
    #expect(decision?.reason == .restoredOlderState)
    #expect(decision?.anchor == anchor)
    #expect(decision?.approval == Self.approval)
    let lines = try AuditLog.tail(directory: "s/audit", count: 2, files: files)
    #expect(lines[0].contains("\"kind\":\"adoption\"") && lines[0].contains("restoredOlderState"))
    #expect(throws: Never.self) {
      _ = try AuditLog.verify(directory: "s/audit", vault: MemoryVault.vault, files: files)
    }
  }

  @Test("goes on without a state, without an anchor, and with a shorter audit log, after a decision")
  func otherAdoptions() throws {
    let made = try MemoryVault.made([[1], [2]])
    let anchor = try Self.anchored(made).journal
    var records: [[UInt8]] = []

    let stateless = made.copy()
    for path in stateless.paths where path.hasPrefix("s/") { stateless[path] = nil }
    let first = try Self.adopt(stateless, .missingState(anchor: anchor), [[5]], found: &records)
    #expect(records == [[5]])
    #expect(first.sequence > anchor.sequence && first.epoch > anchor.epoch)
    #expect(MemoryVault.refusal(stateless) == nil)

    let anchorless = made.copy()
    anchorless[MemoryVault.anchorPath] = nil
    let second = try Self.adopt(anchorless, .missingAnchor(state: anchor), found: &records)
    #expect(records == [[1], [2]])
    #expect(second.sequence > anchor.sequence)
    #expect(MemoryVault.refusal(anchorless) == nil)

    let unaudited = made.copy()
    unaudited[MemoryVault.auditPath] = nil
    let refusal = try #require(MemoryVault.refusal(unaudited))
    #expect(refusal.adoptable == .auditTruncated)
    _ = try Self.adopt(unaudited, refusal, found: &records)
    #expect(MemoryVault.refusal(unaudited) == nil)
  }

  @Test("finishes an adoption that a crash cut between the journal and the anchor")
  func cutAdoption() throws {
    let files = try MemoryVault.made([[1]])
    let copy = files.copy()
    try MemoryVault.add([[2]], to: files)
    Self.moveState(from: copy, to: files)
    let anchor = try #require(files[MemoryVault.anchorPath])
    let audit = try #require(copy[MemoryVault.auditPath])
    let refusal = try #require(MemoryVault.refusal(files))
    var records: [[UInt8]] = []
    _ = try Self.adopt(files, refusal, [[9]], found: &records)
    files[MemoryVault.anchorPath] = anchor
    // The audit line of the decision may be there or not; the log is shorter than the anchor says either way.
    for log in [files[MemoryVault.auditPath] ?? [], audit] {
      files[MemoryVault.auditPath] = log
      let left = try #require(MemoryVault.refusal(files))
      guard left.adoptable == .auditTruncated || left.adoptable == .auditForked else {
        Issue.record("\(left)")
        continue
      }
    }
    let left = try #require(MemoryVault.refusal(files))
    _ = try Self.adopt(files, left, found: &records)
    #expect(records == [[1], [9]])
    #expect(MemoryVault.refusal(files) == nil)
  }

  @Test("notices with a counter that state and anchor are both older")
  func counters() throws {
    let counter = MemoryCounter(40)
    let files = MemoryFiles()
    try SignerRecords.create(MemoryVault.places, vault: MemoryVault.vault, files: files)
    #expect(MemoryVault.refusal(files, counter: counter) == nil)
    #expect(try counter.read() == 41)
    let copy = files.copy()
    #expect(MemoryVault.refusal(files, counter: counter) == nil)
    #expect(MemoryVault.refusal(copy, counter: counter) == .counterAhead(recorded: 41, counter: 42))
    #expect(MemoryVault.refusal(files) == .counterMissing(recorded: 42))
    counter.set(7)
    #expect(MemoryVault.refusal(files, counter: counter) == .counterBehind(recorded: 42, counter: 7))
    counter.set(42)

    // A start that did not come to raise the counter is finished by the next.
    counter.setFails(true)
    #expect(MemoryVault.refusal(files, counter: counter) == .counter(.unavailable(code: 7)))
    let unfinished = files.copy()
    counter.setFails(false)
    #expect(MemoryVault.refusal(files, counter: counter) == nil)
    #expect(try counter.read() == 44)
    #expect(MemoryVault.refusal(unfinished, counter: counter) == .counterAhead(recorded: 43, counter: 44))

    var records: [[UInt8]] = []
    _ = try Self.adopt(
      unfinished, .counterAhead(recorded: 43, counter: 44), counter: counter, found: &records)
    #expect(MemoryVault.refusal(unfinished, counter: counter) == nil)
  }

  @Test("raises the counter when it is due and at an end, and only when something was written since")
  func raising() throws {
    let counter = MemoryCounter(10)
    let files = MemoryFiles()
    let limits = RecordLimits(raiseCounterAfterMilliseconds: 1_000)
    try SignerRecords.create(MemoryVault.places, vault: MemoryVault.vault, files: files)
    var records = try SignerRecords.open(
      MemoryVault.places, vault: MemoryVault.vault, files: files, counter: counter, limits: limits, at: 5_000
    ) { _ in }
    #expect(try counter.read() == 11)
    var isDue = records.wantsCounterRaise(at: 9_999)
    #expect(!isDue)
    try records.raiseCounter(at: 9_999)
    #expect(try counter.read() == 11)

    try records.append([1])
    try records.commit()
    let during = files.copy()
    isDue = records.wantsCounterRaise(at: 5_999)
    #expect(!isDue)
    isDue = records.wantsCounterRaise(at: 6_000)
    #expect(isDue)
    let epoch = records.epoch
    try records.raiseCounter(at: 6_000)
    let next = records.epoch
    #expect(next == epoch + 1)
    #expect(try counter.read() == 12)
    isDue = records.wantsCounterRaise(at: 1_000_000)
    #expect(!isDue)
    // The copy has the same start, and is older than what was raised after it.
    #expect(MemoryVault.refusal(during, counter: counter) == .counterAhead(recorded: 11, counter: 12))
    try records.append([2])
    try records.commit()
    _ = consume records
    #expect(MemoryVault.refusal(files, counter: counter) == nil)
  }

  @Test("finishes a raise that failed, at the next start, and halts until then")
  func failedRaise() throws {
    let counter = MemoryCounter(10)
    let files = MemoryFiles()
    try SignerRecords.create(MemoryVault.places, vault: MemoryVault.vault, files: files)
    var records = try SignerRecords.open(
      MemoryVault.places, vault: MemoryVault.vault, files: files, counter: counter, at: 1
    ) { _ in }
    try records.append([1])
    counter.setFails(true)
    #expect(throws: RecordFailure.counter(.unavailable(code: 7))) { try records.raiseCounter(at: 2) }
    _ = consume records
    counter.setFails(false)
    #expect(try counter.read() == 11)
    var replayed: [[UInt8]] = []
    _ = try SignerRecords.open(
      MemoryVault.places, vault: MemoryVault.vault, files: files, counter: counter, at: 3
    ) { replayed.append($0) }
    #expect(replayed == [[1]])
    #expect(try counter.read() == 13)
  }

  @Test("is inspected without beginning an epoch, and refused as an opening would be")
  func inspection() throws {
    let files = try MemoryVault.made([[1], [2]])
    let before = files.copy()
    var seen: [[UInt8]] = []
    let position = try SignerRecords.inspect(
      MemoryVault.places, vault: MemoryVault.vault, files: files
    ) { seen.append($0) }
    #expect(seen == [[1], [2]])
    #expect(try Self.anchored(files).journal == position)
    for path in before.paths { #expect(files[path] == before[path], "\(path)") }
    #expect(files.paths == before.paths)
    files[MemoryVault.anchorPath] = nil
    #expect(throws: StartRefusal.missingAnchor(state: position)) {
      try SignerRecords.inspect(MemoryVault.places, vault: MemoryVault.vault, files: files) { _ in }
    }
  }

  @Test("halts at a failure of any call of a commit, and loses nothing that was acknowledged")
  func failingCalls() throws {
    let limits = RecordLimits(compactAtBytes: 1 << 20, rotateAuditAtBytes: 400)
    var reached = 0
    for call in 0..<100 {
      let files = try MemoryVault.made([], limits: limits)
      var records: [[UInt8]] = []
      var opened = try MemoryVault.open(files, limits: limits, &records)
      files.setFault { index, _ in index >= call ? 28 : nil }
      var acknowledged: [[UInt8]] = []
      var failed = false
      for index in 0..<6 {
        do throws(RecordFailure) {
          try opened.append([UInt8(index)])
          try opened.append(AuditEntry(.grant, at: 1))
          try opened.commit()
          acknowledged.append([UInt8(index)])
        } catch {
          failed = true
        }
      }
      files.setFault(nil)
      if failed {
        // Nothing is acknowledged after the first failure, though all calls work again.
        var after: RecordFailure?
        do throws(RecordFailure) {
          try opened.append([99])
          try opened.append(AuditEntry(.grant, at: 1))
          try opened.commit()
        } catch { after = error }
        #expect(after != nil)
      }
      _ = consume opened
      _ = try MemoryVault.open(files, limits: limits, &records)
      #expect(records.starts(with: acknowledged), "call \(call)")
      guard failed else {
        reached = call
        break
      }
    }
    #expect(reached > 36)
  }
}
