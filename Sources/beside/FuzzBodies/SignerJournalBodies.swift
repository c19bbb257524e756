private import SignerJournal
private import WireBytes

/// Bodies over the files of SignerJournal, whole: what opens goes on, and says the same when it is opened again.
public enum SignerJournalBodies {
  public static let all: [FuzzBody] = [journal, cut, anchor, auditLine, audit]

  private static let vault = VaultID(Bytes32 { UInt8($0) })
  private static let journalPath = "w/records.journal"
  private static let auditPath = "a/audit-00000001.jsonl"

  static let journal = FuzzBody(name: "signer-journal", seeds: [journalSeed]) { bytes in
    // With an anchor at the beginning, everything may be cut; with none, nearly nothing.
    for acknowledged in [nil, Position.beginning(of: vault)] {
      let files = folders()
      files[journalPath] = bytes
      guard let (records, committed) = try? goOn(files, acknowledged, with: [[7]]) else { continue }
      guard let (again, _) = try? goOn(files, committed, with: []) else {
        preconditionFailure("a journal that went on does not open")
      }
      precondition(again == records + [[7]])
    }
  }

  /// Opens a journal, starts it and commits more: the records that it had, and where it is then.
  private static func goOn(
    _ files: MemoryFiles, _ acknowledged: Position?, with more: [[UInt8]]
  ) throws -> ([[UInt8]], Position) {
    var records: [[UInt8]] = []
    var journal = try RecordJournal.open(
      directory: "w", vault: vault, acknowledged: acknowledged, files: files, replay: { records.append($0) })
    do {
      try journal.start()
      for record in more { try journal.append(record) }
      return (records, try journal.commit())
    } catch { preconditionFailure("a journal that opened does not go on: \(error)") }
  }

  /// The bytes are records; the first says how much of the end is cut off.
  static let cut = FuzzBody(
    name: "signer-journal-cut", seeds: [[3, 1, 2, 3, 4, 5, 6], [0], [200, 9, 9, 9]]
  ) { bytes in
    let files = folders()
    let records = bytes.dropFirst().prefix(16).map { [UInt8](repeating: $0, count: Int($0)) }
    guard let first = bytes.first,
      (try? RecordJournal.create(directory: "w", vault: vault, files: files)) != nil,
      (try? goOn(files, nil, with: records)) != nil, let whole = files[journalPath]
    else { return }
    files[journalPath] = [UInt8](whole.dropLast(Int(first)))
    guard let (found, _) = try? goOn(files, nil, with: []) else { return }
    precondition(found == [[UInt8]](records.prefix(found.count)))
  }

  static let anchor = FuzzBody(name: "signer-anchor", seeds: [anchorSeed]) { bytes in
    let files = folders()
    files[Anchor.path(directory: "n", vault: vault)] = bytes
    guard let moved = try? move(files) else { return }
    guard let again = try? Anchor.open(directory: "n", vault: vault, files: files).value else {
      preconditionFailure("an anchor that moved does not open")
    }
    precondition(again == moved)
  }

  private static func move(_ files: MemoryFiles) throws -> Anchor.Value {
    var anchor = try Anchor.open(directory: "n", vault: vault, files: files)
    let old = anchor.value
    guard old.journal.sequence < .max else { return old }
    let new = Anchor.Value(
      journal: Position(epoch: old.journal.epoch, sequence: old.journal.sequence + 1, hash: Bytes32()),
      audit: old.audit)
    do { try anchor.advance(to: new) } catch {
      preconditionFailure("an anchor that opened does not move: \(error)")
    }
    return new
  }

  static let auditLine = FuzzBody(name: "signer-audit-line", seeds: lines) { bytes in
    guard let line = try? AuditLine(decoding: bytes) else { return }
    precondition(line.text == bytes && line.sequence > 0)
  }

  static let audit = FuzzBody(name: "signer-audit", seeds: [auditSeed]) { bytes in
    let files = folders()
    files[auditPath] = bytes
    _ = try? AuditLog.tail(directory: "a", count: 3, files: files)
    guard let report = try? AuditLog.verify(directory: "a", vault: vault, files: files) else { return }
    guard let head = try? log(files, [AuditEntry(.stop, at: 1)]),
      let after = try? AuditLog.verify(directory: "a", vault: vault, files: files)
    else { preconditionFailure("a log that is right does not go on") }
    precondition(after.count == report.count + 1 && after.unfinishedBytes == 0 && after.head == head)
  }

  private static func log(_ files: MemoryFiles, _ entries: [AuditEntry]) throws -> AuditHead {
    var log = try AuditLog.open(
      directory: "a", vault: vault, acknowledged: nil, rotateAtBytes: 1 << 20, files: files)
    try log.start()
    for entry in entries { try log.append(entry) }
    try log.commit()
    return log.committed
  }

  private static func folders() -> MemoryFiles {
    let files = MemoryFiles()
    for folder in ["w", "a", "n"] { try? files.makeDirectory(folder) }
    return files
  }

  private static var journalSeed: [UInt8] {
    let files = folders()
    do {
      var journal = try RecordJournal.create(directory: "w", vault: vault, files: files)
      try journal.start(counter: 5)
      try journal.append([1, 2, 3])
      try journal.append([])
      try journal.compact(snapshot: [[1, 2, 3]])
      try journal.append([4])
      try journal.commit()
    } catch { return [] }
    return files[journalPath] ?? []
  }

  private static var anchorSeed: [UInt8] {
    let files = folders()
    _ = try? Anchor.create(directory: "n", vault: vault, value: .beginning(of: vault), files: files)
    return files[Anchor.path(directory: "n", vault: vault)] ?? []
  }

  private static var auditSeed: [UInt8] {
    let files = folders()
    _ = try? log(
      files,
      [
        AuditEntry(.grant, at: 5, [.text(.client, "attester-0"), .number(.height, 9)]),
        AuditEntry(.refusal, at: 6, [.flag(.state, true), .hash(.key, Bytes32())]),
      ])
    return files[auditPath] ?? []
  }

  private static var lines: [[UInt8]] { auditSeed.split(separator: 0x0a).map { [UInt8]($0) } }
}
