/// What the files of an audit log hold.
public struct AuditReport: Hashable, Sendable {
  public let files: Int
  /// The sequence of the oldest line that is there; 0 when there is none.
  public let firstSequence: UInt64
  /// Lines that were checked.
  public let count: UInt64
  public let head: AuditHead
  /// Bytes after the last whole line: of a line that is being written just now, or of a write that a crash cut.
  public let unfinishedBytes: Int
}

extension AuditLog {
  /// Checks every line of a log and how it follows the one before; a signer may be writing to it.
  ///
  /// When the first file was moved elsewhere, the first line that is there is believed to follow what it names.
  ///
  /// - Throws: ``AuditLogError/broken(file:line:_:)`` with the first line that is not right.
  public static func verify(
    directory: String, vault: VaultID, files: any DurableFiles = SystemFiles()
  ) throws(AuditLogError) -> AuditReport {
    let numbers = try AuditFiles.numbers(directory, files)
    var head: AuditHead? = numbers.first.map { $0 == 1 } ?? true ? .beginning(of: vault) : nil
    var first: UInt64 = 0
    var count: UInt64 = 0
    var unfinished = 0
    for number in numbers {
      let scan = AuditFileScan(try AuditFiles.read(directory, number, files), after: head)
      if let damage = scan.damage { throw .broken(file: number, line: damage.line, damage.1) }
      guard scan.unfinishedBytes == 0 || number == numbers.last else {
        throw .broken(file: number, line: scan.lines + 1, .unfinished)
      }
      if first == 0, scan.lines > 0, let base = scan.base { first = base.sequence + 1 }
      count += UInt64(scan.lines)
      unfinished = scan.unfinishedBytes
      head = scan.head
    }
    return AuditReport(
      files: numbers.count, firstSequence: first, count: count, head: head ?? .beginning(of: vault),
      unfinishedBytes: unfinished)
  }

  /// The newest `count` whole lines, the newest last, without checking them.
  public static func tail(
    directory: String, count: Int, files: any DurableFiles = SystemFiles()
  ) throws(AuditLogError) -> [String] {
    var lines: [String] = []
    for number in try AuditFiles.numbers(directory, files).reversed() where lines.count < count {
      let bytes = try AuditFiles.read(directory, number, files)
      var newer: [String] = []
      guard var end = bytes.lastIndex(of: 0x0a) else { continue }
      while lines.count + newer.count < count {
        let start = bytes[..<end].lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
        newer.append(String(decoding: bytes[start..<end], as: UTF8.self))
        guard start > 0 else { break }
        end = start - 1
      }
      lines = newer.reversed() + lines
    }
    return lines
  }
}
