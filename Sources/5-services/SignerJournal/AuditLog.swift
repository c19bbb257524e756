/// Why an audit log cannot be read or written.
public enum AuditLogError: Error, Hashable, Sendable {
  /// The first line that is not right: which file by its number, which line counted from 1.
  case broken(file: Int, line: Int, AuditDamage)
  /// A file between others is not there.
  case missingFile(number: Int)
  /// The log ends before the line that the anchor knows.
  case truncated(found: AuditHead, anchor: AuditHead)
  /// The line that the anchor knows is another one.
  case forked(at: UInt64)
  /// More is waiting for a commit than the maximum.
  case bufferFull(max: Int)
  case files(FileCallError)
  /// An earlier write or flush failed.
  case poisoned(FileCallError)
}

/// An append-only log of what a signer was asked and answered: JSON lines, each of which names the hash of the one before.
///
/// Files are numbered and begun anew at a size; the chain goes on over them. Lines are written in groups, as the journal's
/// records are, and flushed before a signature leaves, so that there is no signature without its line. The anchor keeps the head:
/// a log that was cut short is noticed.
public struct AuditLog: ~Copyable, Sendable {
  /// The most bytes that wait for a commit.
  public static let bufferSizeMax = 64 << 20

  /// The newest line, also when it is not committed.
  public private(set) var head: AuditHead
  /// The newest line on disk.
  public private(set) var committed: AuditHead
  /// Bytes of an unfinished write at the end.
  public let cutBytes: Int

  private let files: any DurableFiles
  private let directory: String
  private let rotateAtBytes: Int
  private var number: Int
  private var file: OpenFile?
  private var sizeBytes: Int
  private let unconfirmedFrom: Int
  private var buffer: [UInt8] = []
  private var failure: FileCallError?

  /// Reads the end of a log, as far as the acknowledged line, and changes nothing.
  ///
  /// - Parameters:
  ///   - acknowledged: the anchor's head. What is damaged after it was never relied on and is cut; what is damaged before is
  ///     refused. Without one only an unfinished last line is cut.
  ///   - rotateAtBytes: a file of this size gets no more lines.
  public static func open(
    directory: String, vault: VaultID, acknowledged: AuditHead?, rotateAtBytes: Int, files: any DurableFiles
  ) throws(AuditLogError) -> AuditLog {
    let numbers = try AuditFiles.numbers(directory, files)
    let beginning = AuditHead.beginning(of: vault)
    guard let newest = numbers.last else {
      try check(beginning, found: beginning, acknowledged)
      return AuditLog(
        files, directory, rotateAtBytes, number: 0, file: nil, size: 0, cut: 0, from: 0, beginning)
    }
    let bytes = try AuditFiles.read(directory, newest, files)
    var scan = AuditFileScan(bytes, after: newest == 1 ? beginning : nil, wanted: acknowledged?.sequence)
    // Older files are read only as far as the acknowledged line wants it, or to know what an empty newest one follows.
    var known = scan.wanted?.hash
    var following = scan.base
    var older = newest
    while following == nil || (acknowledged.map { $0.sequence < following?.sequence ?? 0 } ?? false) {
      older -= 1
      guard older >= numbers[0] else { throw .missingFile(number: older) }
      let earlier = AuditFileScan(
        try AuditFiles.read(directory, older, files), after: older == 1 ? beginning : nil,
        wanted: acknowledged?.sequence)
      if let damage = earlier.damage { throw .broken(file: older, line: damage.line, damage.1) }
      guard earlier.unfinishedBytes == 0, let head = earlier.head else {
        throw .broken(file: older, line: earlier.lines + 1, .unfinished)
      }
      if let following, following != head { throw .broken(file: older + 1, line: 1, .previous) }
      if following == nil { scan = AuditFileScan(bytes, after: head, wanted: acknowledged?.sequence) }
      known = known ?? scan.wanted?.hash ?? earlier.wanted?.hash
      following = earlier.base
    }
    guard let base = scan.base, let head = scan.head else { throw .missingFile(number: newest - 1) }
    if let damage = scan.damage {
      // Above the acknowledged line a crash may have left anything.
      guard let acknowledged, head.sequence >= acknowledged.sequence else {
        throw .broken(file: newest, line: damage.line, damage.1)
      }
    }
    if let acknowledged, acknowledged.sequence == base.sequence { known = base }
    if acknowledged?.sequence == 0 { known = beginning }
    try check(known, found: head, acknowledged)
    let file: OpenFile
    do throws(FileCallError) {
      file = OpenFile(files, try files.open(AuditFiles.path(directory, newest), .write))
    } catch {
      throw .files(error)
    }
    return AuditLog(
      files, directory, rotateAtBytes, number: newest, file: file, size: scan.end,
      cut: bytes.count - scan.end,
      from: scan.wanted?.end ?? 0, head)
  }

  private static func check(
    _ known: AuditHead?, found: AuditHead, _ acknowledged: AuditHead?
  ) throws(AuditLogError) {
    guard let acknowledged else { return }
    guard found.sequence >= acknowledged.sequence else {
      throw .truncated(found: found, anchor: acknowledged)
    }
    guard known == acknowledged else { throw .forked(at: acknowledged.sequence) }
  }

  private init(
    _ files: any DurableFiles, _ directory: String, _ rotateAtBytes: Int, number: Int,
    file: consuming OpenFile?,
    size: Int, cut: Int, from: Int, _ head: AuditHead
  ) {
    self.files = files
    self.directory = directory
    self.rotateAtBytes = rotateAtBytes
    self.number = number
    self.file = file
    sizeBytes = size
    cutBytes = cut
    unconfirmedFrom = from
    self.head = head
    committed = head
  }

  /// Makes the directory when there is none, cuts what is to be cut, and writes anew and flushes what nobody acknowledged.
  public mutating func start() throws(AuditLogError) {
    if let failure { throw .poisoned(failure) }
    do throws(FileCallError) {
      try files.makePath(directory)
      guard cutBytes > 0 || unconfirmedFrom < sizeBytes else { return }
      if cutBytes > 0 { try file?.truncate(to: sizeBytes) }
      try file?.rewrite(unconfirmedFrom..<sizeBytes)
      try file?.flush()
    } catch {
      failure = error
      throw .files(error)
    }
  }

  /// Adds a line to the next commit.
  public mutating func append(_ entry: AuditEntry) throws(AuditLogError) {
    if let failure { throw .poisoned(failure) }
    guard buffer.count < Self.bufferSizeMax else { throw .bufferFull(max: Self.bufferSizeMax) }
    let line = AuditLine(entry, after: head)
    buffer += line.text
    buffer.append(0x0a)
    head = line.head
  }

  /// Writes what was appended, in one write and one flush.
  public mutating func commit() throws(AuditLogError) {
    if let failure { throw .poisoned(failure) }
    guard !buffer.isEmpty else { return }
    do throws(FileCallError) {
      let rotates = file == nil || sizeBytes >= rotateAtBytes
      if rotates {
        file = OpenFile(files, try files.open(AuditFiles.path(directory, number + 1), .makeNew))
        number += 1
        sizeBytes = 0
      }
      try file?.write(buffer, at: sizeBytes)
      try file?.flush()
      if rotates { try files.flushDirectory(directory) }
    } catch {
      failure = error
      throw .files(error)
    }
    sizeBytes += buffer.count
    buffer.removeAll(keepingCapacity: true)
    committed = head
  }
}
