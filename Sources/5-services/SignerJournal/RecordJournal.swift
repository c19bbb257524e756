import Digests
public import WireBytes

/// Why a journal cannot be read or written. Offsets are bytes from the start of the file.
public enum RecordJournalError: Error, Hashable, Sendable {
  case missing
  /// Another process holds it.
  case inUse
  case notAJournal
  case unsupportedVersion(UInt32)
  case headerDamaged
  case foreignVault(found: VaultID)
  /// A record that was acknowledged, or that no crash explains, is damaged.
  case corrupt(offset: Int, sequence: UInt64, JournalDamage)
  /// The caller did not accept the record of this sequence.
  case record(sequence: UInt64)
  /// A record has more than 1 MiB.
  case recordTooLarge(Int)
  /// More is waiting for a commit than the maximum.
  case bufferFull(max: Int)
  /// A compaction failed before it replaced anything; the journal goes on.
  case compaction(FileCallError)
  case files(FileCallError)
  /// An earlier write or flush failed: what is on disk is not known, and nothing is written any more.
  case poisoned(FileCallError)
}

/// Records that survive crashes: appended, chained by hashes, flushed in groups.
///
/// The file is `records.journal` in a directory of its own; docs/spec/signer-journal.md has its layout. What ``commit()`` has
/// returned for is on disk. Of what was written and not acknowledged, any part may be there after a crash.
///
/// **What is cut, and what is refused.** ``open(directory:vault:acknowledged:files:replay:)`` reads to the first frame that is
/// not whole. The acknowledged position says how far the journal was when something was last allowed to rely on it: a
/// damaged frame at or below it, or one of those that were there when the file got its name, means that the disk or
/// somebody changed it, and is refused with its offset. Above it a crash may have left anything; that is cut off. Without an
/// acknowledged position only a last frame that goes past the end of the file is cut.
///
/// A value is first opened, which changes nothing, and then started, which raises the epoch.
public struct RecordJournal: ~Copyable, Sendable {
  /// What was in a file.
  public struct Found: Hashable, Sendable {
    /// The position before its first record.
    public let base: Position
    /// The position after its last whole record.
    public let end: Position
    /// The chain's hash at the acknowledged sequence; nil when the file does not reach it or starts after it.
    public let acknowledgedHash: Bytes32?
    /// What the monotonic counter has when the last start was finished; nil when there was no counter.
    public let counter: UInt64?
    /// The decision that opened the file.
    public let adoption: AdoptionDecision?
    /// Bytes of an unfinished write at the end.
    public let cutBytes: Int
  }

  static let fileName = "records.journal"
  /// The most bytes that wait for a commit.
  public static let bufferSizeMax = 64 << 20

  public let vault: VaultID
  public let found: Found
  /// The position that is on disk.
  public private(set) var committed: Position
  /// Bytes of the file that are on disk.
  public private(set) var sizeBytes: Int
  /// Bytes of the file when it was made or last compacted.
  public private(set) var compactedSizeBytes: Int

  private let files: any DurableFiles
  private let directory: String
  private let lock: OpenFile
  private var file: OpenFile
  /// Where what nobody acknowledged starts.
  private let unconfirmedFrom: Int
  private var pending: Position
  private var counter: UInt64?
  private var buffer: [UInt8] = []
  private var failure: FileCallError?

  /// Makes the directory and an empty journal in it, replacing none.
  ///
  /// - Throws: ``RecordJournalError/files(_:)`` with EEXIST when there is one.
  public static func create(
    directory: String, vault: VaultID, files: any DurableFiles
  ) throws(RecordJournalError) -> RecordJournal {
    try create(directory: directory, vault: vault, base: .beginning(of: vault), contents: [], files: files)
  }

  static func create(
    directory: String, vault: VaultID, base: Position, contents: [JournalContent], files: any DurableFiles
  ) throws(RecordJournalError) -> RecordJournal {
    do throws(FileCallError) { try files.makePath(directory) } catch { throw .files(error) }
    let lock = try hold(directory, files)
    do throws(FileCallError) {
      if let there = try files.openIfThere(path(directory), .read) {
        files.close(there)
        throw FileCallError(.open, errno: FileNumbers.exists)
      }
      let new = try NewJournal(directory, vault, base: base, contents: contents, files)
      try new.place()
      let found = Found(
        base: base, end: new.position, acknowledgedHash: nil, counter: nil, adoption: nil, cutBytes: 0)
      let size = new.size
      return RecordJournal(
        vault: vault, found: found, files: files, directory: directory, lock: lock, file: new.intoFile(),
        sizeBytes: size, unconfirmedFrom: size)
    } catch {
      throw .files(error)
    }
  }

  /// Opens a journal and hands each of its records to `replay`, in order. Nothing is changed on disk.
  ///
  /// - Parameters:
  ///   - acknowledged: the anchor's position.
  ///   - replay: may have been called for some records when this throws; what it made of them is then to be dropped.
  public static func open(
    directory: String, vault: VaultID, acknowledged: Position?, files: any DurableFiles,
    replay: (_ record: [UInt8]) throws -> Void
  ) throws(RecordJournalError) -> RecordJournal {
    let lock = try hold(directory, files)
    let descriptor: Int32
    do throws(FileCallError) { descriptor = try files.open(path(directory), .write) } catch {
      throw error.number == FileNumbers.missing ? .missing : .files(error)
    }
    let file = OpenFile(files, descriptor)
    let size: Int
    let start: [UInt8]
    do throws(FileCallError) {
      size = try file.size()
      start = try file.read(at: 0, count: min(size, JournalHeader.sizeBytes))
    } catch {
      throw .files(error)
    }
    let header = try JournalHeader(decoding: start)
    guard header.vault == vault else { throw .foreignVault(found: header.vault) }

    var reader = JournalReader(header: header, size: size)
    var hashAtAcknowledged: Bytes32?
    var unconfirmedFrom = JournalHeader.sizeBytes
    var counter: UInt64?
    var adoption: AdoptionDecision?
    reading: while true {
      if let acknowledged, reader.position.sequence == acknowledged.sequence {
        hashAtAcknowledged = reader.position.hash
        unconfirmedFrom = reader.offset
      }
      let sequence = reader.position.sequence + 1
      let step: JournalReader.Step
      do throws(FileCallError) { step = try reader.next(from: file) } catch { throw .files(error) }
      switch step {
      case .end: break reading
      case .frame(.record(let record)):
        do { try replay(record) } catch { throw .record(sequence: sequence) }
      case .frame(.epoch(_, let value)): counter = value
      case .frame(.adoption(let decision)):
        guard sequence == header.base.sequence + 1 else {
          throw .corrupt(offset: reader.offset, sequence: sequence, .content)
        }
        adoption = decision
      case .damaged(let damage):
        guard mayBeCut(damage, at: sequence, header, acknowledged) else {
          throw .corrupt(offset: reader.offset, sequence: sequence, damage)
        }
        break reading
      }
    }
    guard reader.position.sequence >= header.sealedThrough else {
      throw .corrupt(offset: reader.offset, sequence: reader.position.sequence + 1, .incomplete)
    }
    let found = Found(
      base: header.base, end: reader.position, acknowledgedHash: hashAtAcknowledged, counter: counter,
      adoption: adoption, cutBytes: size - reader.offset)
    return RecordJournal(
      vault: vault, found: found, files: files, directory: directory, lock: lock, file: file,
      sizeBytes: reader.offset, unconfirmedFrom: min(unconfirmedFrom, reader.offset))
  }

  private static func mayBeCut(
    _ damage: JournalDamage, at sequence: UInt64, _ header: JournalHeader, _ acknowledged: Position?
  ) -> Bool {
    guard damage != .content, sequence > header.sealedThrough else { return false }
    guard let acknowledged else { return damage == .incomplete }
    return sequence > acknowledged.sequence
  }

  private init(
    vault: VaultID, found: Found, files: any DurableFiles, directory: String, lock: consuming OpenFile,
    file: consuming OpenFile, sizeBytes: Int, unconfirmedFrom: Int
  ) {
    self.vault = vault
    self.found = found
    self.files = files
    self.directory = directory
    self.lock = lock
    self.file = file
    self.sizeBytes = sizeBytes
    self.unconfirmedFrom = unconfirmedFrom
    compactedSizeBytes = sizeBytes
    committed = found.end
    pending = found.end
    counter = found.counter
  }

  /// Cuts what is to be cut, writes anew what nobody acknowledged, and commits the start of the next epoch.
  ///
  /// Writing anew is needed because an earlier process may have failed to flush: the system can then show contents that
  /// are not on disk and that no later flush would write.
  ///
  /// - Parameter counter: the value that the monotonic counter will have when the start is finished.
  @discardableResult
  public mutating func start(counter: UInt64? = nil) throws(RecordJournalError) -> Position {
    if let failure { throw .poisoned(failure) }
    do throws(FileCallError) {
      if found.cutBytes > 0 { try file.truncate(to: sizeBytes) }
      try file.rewrite(unconfirmedFrom..<sizeBytes)
    } catch {
      failure = error
      throw .files(error)
    }
    return try beginEpoch(counter: counter)
  }

  /// Commits what waits, and the next epoch after it.
  ///
  /// - Parameter counter: the value that the monotonic counter is raised to next.
  @discardableResult
  mutating func beginEpoch(counter: UInt64?) throws(RecordJournalError) -> Position {
    if let failure { throw .poisoned(failure) }
    self.counter = counter
    add(.epoch(pending.epoch + 1, counter: counter))
    return try commit()
  }

  /// Adds a record to the next commit.
  public mutating func append(_ record: [UInt8]) throws(RecordJournalError) {
    if let failure { throw .poisoned(failure) }
    guard record.count <= JournalContent.recordSizeMax else { throw .recordTooLarge(record.count) }
    guard buffer.count + record.count + 1 + JournalFrame.overheadBytes <= Self.bufferSizeMax else {
      throw .bufferFull(max: Self.bufferSizeMax)
    }
    add(.record(record))
  }

  /// Writes what was appended, in one write and one flush, and returns the position that is on disk now.
  ///
  /// - Throws: ``RecordJournalError/files(_:)`` when it failed, and from then on ``RecordJournalError/poisoned(_:)``. A flush
  ///   is never repeated: after one that failed, the next may succeed without having written anything.
  @discardableResult
  public mutating func commit() throws(RecordJournalError) -> Position {
    if let failure { throw .poisoned(failure) }
    guard !buffer.isEmpty else { return committed }
    do throws(FileCallError) {
      try file.write(buffer, at: sizeBytes)
      try file.flush()
    } catch {
      failure = error
      throw .files(error)
    }
    sizeBytes += buffer.count
    buffer.removeAll(keepingCapacity: true)
    committed = pending
    return committed
  }

  /// Replaces the file by one that holds `snapshot` alone, in the next epoch; sequence and chain go on.
  ///
  /// The file is written beside, flushed, moved to its place, and the directory flushed. What is waiting is committed first.
  /// The anchor must have the committed position already, because the new file cannot prove an older one.
  @discardableResult
  public mutating func compact(snapshot: [[UInt8]]) throws(RecordJournalError) -> Position {
    if let large = snapshot.first(where: { $0.count > JournalContent.recordSizeMax }) {
      throw .recordTooLarge(large.count)
    }
    try commit()
    let contents =
      [JournalContent.epoch(committed.epoch + 1, counter: counter)] + snapshot.map { .record($0) }
    let new: NewJournal
    do throws(FileCallError) {
      new = try NewJournal(directory, vault, base: committed, contents: contents, files)
    } catch {
      throw .compaction(error)
    }
    try replace(by: new)
    return committed
  }

  /// Replaces the file after a decision to go on. A failure here changes nothing that a later attempt would need.
  mutating func adopt(base: Position, contents: [JournalContent], counter: UInt64?) throws(RecordJournalError)
  {
    if let failure { throw .poisoned(failure) }
    let new: NewJournal
    do throws(FileCallError) {
      new = try NewJournal(directory, vault, base: base, contents: contents, files)
    } catch {
      throw .files(error)
    }
    try replace(by: new)
    self.counter = counter
  }

  private mutating func replace(by new: consuming NewJournal) throws(RecordJournalError) {
    do throws(FileCallError) { try new.place() } catch {
      // The old file or the new one will be there after a crash, and appending to either could be lost.
      failure = error
      throw .files(error)
    }
    committed = new.position
    pending = new.position
    sizeBytes = new.size
    compactedSizeBytes = new.size
    file = new.intoFile()
  }

  private mutating func add(_ content: JournalContent) {
    let payload = content.payload
    pending = pending.after(content, payload: payload)
    JournalFrame.write(payload, pending, to: &buffer)
  }

  private static func path(_ directory: String) -> String { "\(directory)/\(fileName)" }

  private static func hold(_ directory: String, _ files: any DurableFiles) throws(RecordJournalError)
    -> OpenFile
  {
    do throws(FileCallError) {
      let lock = OpenFile(files, try files.open("\(directory)/lock", .make))
      try lock.lock()
      return lock
    } catch {
      switch error.call {
      case .lock where error.number == FileNumbers.wouldBlock: throw .inUse
      // Without its folder there is no journal either.
      case .open where error.number == FileNumbers.missing: throw .missing
      default: throw .files(error)
      }
    }
  }
}

/// A journal's file that is on disk beside its place.
struct NewJournal: ~Copyable {
  let file: OpenFile
  let position: Position
  let size: Int
  private let files: any DurableFiles
  private let directory: String

  /// Writes and flushes a file that opens with `base` and holds `contents`.
  init(
    _ directory: String, _ vault: VaultID, base: Position, contents: [JournalContent],
    _ files: any DurableFiles
  ) throws(FileCallError) {
    let path = Self.path(directory)
    try files.removeIfThere(path)
    let file = OpenFile(files, try files.open(path, .makeNew))
    let header = JournalHeader(
      vault: vault, base: base, sealedThrough: base.sequence + UInt64(contents.count))
    var bytes = header.encoded()
    var written = 0
    var position = base
    for content in contents {
      let payload = content.payload
      position = position.after(content, payload: payload)
      JournalFrame.write(payload, position, to: &bytes)
      if bytes.count >= 1 << 20 {
        try file.write(bytes, at: written)
        written += bytes.count
        bytes.removeAll(keepingCapacity: true)
      }
    }
    try file.write(bytes, at: written)
    try file.flush()
    self.file = file
    self.position = position
    size = written + bytes.count
    self.files = files
    self.directory = directory
  }

  /// Gives the file the journal's name.
  func place() throws(FileCallError) {
    try files.rename(Self.path(directory), to: "\(directory)/\(RecordJournal.fileName)")
    try files.flushDirectory(directory)
  }

  consuming func intoFile() -> OpenFile { file }

  private static func path(_ directory: String) -> String { "\(directory)/\(RecordJournal.fileName).new" }
}
