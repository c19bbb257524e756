import SignerJournal
import Testing
import WireBytes

@Suite("An audit log")
struct AuditTests {
  private static let vault = MemoryVault.vault

  /// A log of `count` lines in files of about 600 bytes.
  private static func log(_ count: Int, _ files: MemoryFiles = MemoryFiles()) throws -> (
    MemoryFiles, AuditHead
  ) {
    var log = try AuditLog.open(
      directory: "a", vault: vault, acknowledged: nil, rotateAtBytes: 600, files: files)
    try log.start()
    for index in 0..<count {
      try log.append(
        AuditEntry(.grant, at: 5, [.text(.client, "attester-0"), .number(.height, UInt64(index))]))
      try log.commit()
    }
    return (files, log.committed)
  }

  private static func verify(_ files: MemoryFiles) -> Result<AuditReport, AuditLogError> {
    do throws(AuditLogError) {
      return .success(try AuditLog.verify(directory: "a", vault: vault, files: files))
    } catch {
      return .failure(error)
    }
  }

  private static func open(_ files: MemoryFiles, acknowledged: AuditHead?) -> Result<AuditHead, AuditLogError>
  {
    do throws(AuditLogError) {
      let log = try AuditLog.open(
        directory: "a", vault: vault, acknowledged: acknowledged, rotateAtBytes: 600, files: files)
      return .success(log.head)
    } catch {
      return .failure(error)
    }
  }

  private static func text(_ files: MemoryFiles, _ number: Int) -> String {
    String(decoding: files["a/audit-0000000\(number).jsonl"] ?? [], as: UTF8.self)
  }

  @Test("carries its chain over numbered files")
  func rotates() throws {
    let (files, head) = try Self.log(14)
    let report = try Self.verify(files).get()
    #expect(report.files == 4)
    #expect(report.count == 14)
    #expect(report.firstSequence == 1)
    #expect(report.head == head)
    #expect(head.sequence == 14)
    #expect(try Self.log(3, files).1.sequence == 17)
    #expect(Self.open(files, acknowledged: head) == .success(try Self.verify(files).get().head))
    // Two files further on, the acknowledged line is still found, and its files before it.
    #expect(try Self.log(8, files).1.sequence == 25)
    #expect(Self.open(files, acknowledged: head) == .success(try Self.verify(files).get().head))
    #expect(
      Self.open(files, acknowledged: AuditHead(sequence: 14, hash: Bytes32())) == .failure(.forked(at: 14)))
  }

  @Test("is followed from its first file on when older ones were moved elsewhere")
  func archived() throws {
    let (files, head) = try Self.log(14)
    files["a/audit-00000001.jsonl"] = nil
    let report = try Self.verify(files).get()
    #expect(report.firstSequence == 5)
    #expect(report.head == head)
    files["a/audit-00000003.jsonl"] = nil
    #expect(Self.verify(files) == .failure(.missingFile(number: 3)))
  }

  @Test("names the first line that was changed, left out, put in or moved")
  func broken() throws {
    let (files, head) = try Self.log(3)
    let lines = Self.text(files, 1).split(separator: "\n").map(String.init)
    #expect(lines.count == 3)
    func failure(_ changed: [String]) -> AuditLogError? {
      files["a/audit-00000001.jsonl"] = [UInt8]((changed.joined(separator: "\n") + "\n").utf8)
      switch Self.verify(files) {
      case .success: return nil
      case .failure(let error): return error
      }
    }
    #expect(failure(lines) == nil)
    let edited = lines[1].replacing("attester-0", with: "attester-1")
    #expect(failure([lines[0], edited, lines[2]]) == .broken(file: 1, line: 3, .previous))
    #expect(failure([lines[0], lines[2]]) == .broken(file: 1, line: 2, .sequence(expected: 2, found: 3)))
    #expect(failure([lines[1], lines[2]]) == .broken(file: 1, line: 1, .sequence(expected: 1, found: 2)))
    #expect(
      failure([lines[0], lines[0], lines[1], lines[2]])
        == .broken(file: 1, line: 2, .sequence(expected: 2, found: 1)))
    #expect(failure(["{}"] + lines) == .broken(file: 1, line: 1, .member))
    #expect(failure(["nothing"] + lines) == .broken(file: 1, line: 1, .notJSON))
    let spaced = lines[0].replacing(",", with: ", ")
    #expect(failure([spaced, lines[1], lines[2]]) == .broken(file: 1, line: 1, .notCanonical))
    let long = String(repeating: "a", count: AuditLine.sizeMax + 1)
    #expect(failure([long]) == .broken(file: 1, line: 1, .tooLong(AuditLine.sizeMax + 1)))
    // The last line's change is seen by nobody but the anchor.
    let last = lines[2].replacing("attester-0", with: "attester-1")
    #expect(failure([lines[0], lines[1], last]) == nil)
    #expect(Self.open(files, acknowledged: head) == .failure(.forked(at: 3)))
  }

  @Test("that was cut short is noticed by the anchor, at whatever byte")
  func truncated() throws {
    let (files, head) = try Self.log(2)
    let whole = try #require(files["a/audit-00000001.jsonl"])
    for count in 0..<whole.count {
      files["a/audit-00000001.jsonl"] = [UInt8](whole[..<count])
      guard case .failure(.truncated(let found, head)) = Self.open(files, acknowledged: head) else {
        Issue.record("\(count) bytes")
        continue
      }
      #expect(found.sequence < 2)
      // Without the anchor, an unfinished line is a crash's.
      let report = try Self.verify(files).get()
      #expect(report.count == found.sequence)
    }
    files["a/audit-00000001.jsonl"] = nil
    #expect(
      Self.open(files, acknowledged: head)
        == .failure(.truncated(found: .beginning(of: Self.vault), anchor: head)))
  }

  @Test("cuts what a crash left after the acknowledged line, and goes on")
  func cuts() throws {
    let (files, head) = try Self.log(2)
    let whole = try #require(files["a/audit-00000001.jsonl"])
    for junk in ["{\"kind\":", "garbage\n", "garbage\nmore\n", "\n"] {
      files["a/audit-00000001.jsonl"] = whole + [UInt8](junk.utf8)
      var log = try AuditLog.open(
        directory: "a", vault: Self.vault, acknowledged: head, rotateAtBytes: 600, files: files)
      let opened = log.head
      #expect(opened == head)
      try log.start()
      #expect(files["a/audit-00000001.jsonl"] == whole)
      try log.append(AuditEntry(.stop, at: 9))
      try log.commit()
      #expect(try Self.verify(files).get().count == 3)
    }
  }

  @Test("goes on from the file before when the newest is empty")
  func emptyNewest() throws {
    let (files, head) = try Self.log(3)
    files["a/audit-00000002.jsonl"] = []
    #expect(Self.open(files, acknowledged: head) == .success(head))
    #expect(try Self.log(1, files).1.sequence == 4)
    #expect(Self.text(files, 2).contains("\"sequence\":\"4\""))
    #expect(try Self.verify(files).get().count == 4)
  }

  @Test("shows its newest lines over files")
  func tail() throws {
    let (files, _) = try Self.log(10)
    let lines = try AuditLog.tail(directory: "a", count: 4, files: files)
    #expect(lines.count == 4)
    #expect(lines.first?.contains("\"sequence\":\"7\"") ?? false)
    #expect(lines.last?.contains("\"sequence\":\"10\"") ?? false)
    #expect(try AuditLog.tail(directory: "a", count: 99, files: files).count == 10)
    #expect(try AuditLog.tail(directory: "none", count: 9, files: files).isEmpty)
  }

  @Test("writes texts of strangers so that they cannot break a line or a terminal")
  func strangers() throws {
    let files = MemoryFiles()
    var log = try AuditLog.open(
      directory: "a", vault: Self.vault, acknowledged: nil, rotateAtBytes: 1 << 20, files: files)
    try log.start()
    let hostile = "a\n{\"kind\":\"grant\"}\u{1b}[2J\u{202e}\u{0}"
    try log.append(
      AuditEntry(
        .refusal, at: 1, [.text(.client, hostile), .text(.reason, String(repeating: "é", count: 9_999))]))
    // Each character as long as it gets.
    let fields = AuditName.allCases.map { AuditField.text($0, String(repeating: "\"", count: 9_999)) }
    try log.append(AuditEntry(.refusal, at: 1, fields))
    try log.commit()
    let bytes = try #require(files["a/audit-00000001.jsonl"])
    #expect(bytes.count { $0 == 0x0a } == 2)
    #expect(bytes.allSatisfy { $0 == 0x0a || $0 >= 0x20 })
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.contains(#""client":"a<U+A>{\"kind\":\"grant\"}<U+1B>[2J<U+202E><U+0>""#))
    #expect(text.contains("<U+E9>…\""))
    #expect(!text.contains("\u{202e}"))
    #expect(try Self.verify(files).get().count == 2)
  }

  @Test(
    "is poisoned by a failed write or flush",
    arguments: [FileCallError.Call.open, .write, .flush, .flushDirectory])
  func poisoned(call: FileCallError.Call) throws {
    let files = MemoryFiles()
    var log = try AuditLog.open(
      directory: "a", vault: Self.vault, acknowledged: nil, rotateAtBytes: 600, files: files)
    try log.start()
    try log.append(AuditEntry(.stop, at: 9))
    files.setFault { _, now in now == call ? 28 : nil }
    var failed: AuditLogError?
    do throws(AuditLogError) { try log.commit() } catch { failed = error }
    #expect(failed == .files(FileCallError(call, errno: 28)))
    files.setFault(nil)
    do throws(AuditLogError) { try log.commit() } catch { failed = error }
    #expect(failed == .poisoned(FileCallError(call, errno: 28)))
    let committed = log.committed
    #expect(committed.sequence == 0)
  }
}
