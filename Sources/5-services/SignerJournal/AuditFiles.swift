/// The numbered files of an audit log in its directory: `audit-00000001.jsonl` and on.
enum AuditFiles {
  /// The most bytes of a file that are read: rotation starts a new one long before.
  static let sizeMax = 1 << 30

  static func path(_ directory: String, _ number: Int) -> String {
    let digits = String(number)
    return "\(directory)/audit-\(String(repeating: "0", count: max(0, 8 - digits.count)))\(digits).jsonl"
  }

  /// The numbers that are there, rising; none between them may be missing. The oldest may have been moved elsewhere.
  static func numbers(_ directory: String, _ files: any DurableFiles) throws(AuditLogError) -> [Int] {
    let names: [String]
    do throws(FileCallError) {
      names = try files.names(in: directory)
    } catch {
      if error.number == FileNumbers.missing { return [] }
      throw .files(error)
    }
    let numbers = names.compactMap(number(of:)).sorted()
    for (number, next) in zip(numbers, numbers.dropFirst()) where next != number + 1 {
      throw .missingFile(number: number + 1)
    }
    return numbers
  }

  private static func number(of name: String) -> Int? {
    guard name.hasPrefix("audit-"), name.hasSuffix(".jsonl") else { return nil }
    let digits = name.dropFirst(6).dropLast(6)
    guard digits.utf8.count == 8, let number = Int(digits), number > 0,
      digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
    else { return nil }
    return number
  }

  static func read(_ directory: String, _ number: Int, _ files: any DurableFiles) throws(AuditLogError)
    -> [UInt8]
  {
    do throws(FileCallError) {
      let file = OpenFile(files, try files.open(path(directory, number), .read))
      let size = try file.size()
      guard size <= sizeMax else { throw FileCallError(.read, errno: 27) }
      return try file.read(at: 0, count: size)
    } catch {
      throw .files(error)
    }
  }
}

/// What one file of an audit log holds, up to the first line that is not right.
struct AuditFileScan {
  /// The head before its first line; nil when there is no right line and none was expected.
  private(set) var base: AuditHead?
  /// The head after its last right line.
  private(set) var head: AuditHead?
  private(set) var lines = 0
  /// Bytes up to the end of the last right line.
  private(set) var end = 0
  /// The first line that is not right, counted from 1.
  private(set) var damage: (line: Int, AuditDamage)?
  /// Bytes after the last line feed.
  private(set) var unfinishedBytes = 0
  /// The hash of the line whose sequence was asked for, and where it ends.
  private(set) var wanted: (hash: AuditHead, end: Int)?

  /// - Parameters:
  ///   - base: the head that the first line must follow; when nil the first line is believed.
  ///   - sequence: of the line whose hash is wanted.
  init(_ bytes: [UInt8], after base: AuditHead?, wanted sequence: UInt64? = nil) {
    self.base = base
    head = base
    var start = 0
    while start < bytes.count {
      guard let feed = bytes[start...].firstIndex(of: 0x0a) else {
        unfinishedBytes = bytes.count - start
        return
      }
      let line: AuditLine
      do throws(AuditLineError) {
        line = try AuditLine(decoding: [UInt8](bytes[start..<feed]))
      } catch {
        damage = (lines + 1, error.damage)
        return
      }
      let before = head ?? AuditHead(sequence: line.sequence - 1, hash: line.previous)
      guard line.sequence == before.sequence + 1 else {
        damage = (lines + 1, .sequence(expected: before.sequence + 1, found: line.sequence))
        return
      }
      guard line.previous == before.hash else {
        damage = (lines + 1, .previous)
        return
      }
      if self.base == nil { self.base = before }
      let after = line.head
      head = after
      lines += 1
      end = feed + 1
      if after.sequence == sequence { wanted = (after, end) }
      start = feed + 1
    }
  }
}
