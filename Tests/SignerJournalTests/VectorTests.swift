import Encodings
import Foundation
import SignerJournal
import TestSupport
import Testing
import WireBytes

/// The files byte for byte, as tools/vectors/signer_journal.py makes them with hashlib.
@Suite("The files of a signer's records")
struct VectorTests {
  private static func cases() throws -> [JSONValue] {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/signer/journal.json")
    let cases = try #require(try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))["cases"]?.array)
    try #require(cases.count == 4)
    return cases
  }

  private static func bytes(_ index: Int, _ member: String) throws -> [UInt8] {
    try Hex.decode(try #require(try cases()[index][member]?.string))
  }

  @Test("are what an independent program writes: the journal, also compacted")
  func journal() throws {
    let files = MemoryFiles()
    var journal = try RecordJournal.create(directory: "w", vault: MemoryVault.vault, files: files)
    try journal.start(counter: 42)
    try journal.append([1, 2, 3])
    try journal.append([])
    try journal.commit()
    let appended = files["w/records.journal"]
    try journal.compact(snapshot: [[9, 8]])
    let compacted = files["w/records.journal"]
    #expect(try appended == Self.bytes(0, "journal"))
    #expect(try compacted == Self.bytes(1, "journal"))
  }

  @Test("are what an independent program writes: the audit log and the anchor")
  func auditAndAnchor() throws {
    let audit = try Self.bytes(3, "audit")
    let files = MemoryFiles()
    try files.makeDirectory("a")
    var log = try AuditLog.open(
      directory: "a", vault: MemoryVault.vault, acknowledged: nil, rotateAtBytes: 1 << 20, files: files)
    for entry in try Self.entries(audit) { try log.append(entry) }
    try log.commit()
    #expect(files["a/audit-00000001.jsonl"] == audit)

    let journal = MemoryFiles()
    try journal.makeDirectory("w")
    journal["w/records.journal"] = try Self.bytes(0, "journal")
    let found = try RecordJournal.open(
      directory: "w", vault: MemoryVault.vault, acknowledged: nil, files: journal, replay: { _ in }
    ).found
    #expect(found.counter == 42)
    var anchor = try Anchor.create(
      directory: "n", vault: MemoryVault.vault, value: .beginning(of: MemoryVault.vault), files: files)
    try anchor.advance(to: Anchor.Value(journal: found.end, audit: log.committed))
    #expect(try files[MemoryVault.anchorPath] == Self.bytes(2, "anchor"))
  }

  /// The entries that the vector was made from; the claim's hash is taken from it.
  private static func entries(_ audit: [UInt8]) throws -> [AuditEntry] {
    let line = try JSONValue(decoding: [UInt8](try #require(audit.split(separator: 0x0a).first)))
    let claim = try Bytes32(hex: try #require(line["claim"]?.string))
    return [
      AuditEntry(
        .grant, at: 1_700_000_000_123,
        [.text(.client, "attester-0"), .number(.height, 9), .hash(.claim, claim)]),
      AuditEntry(
        .refusal, at: 1_700_000_000_124,
        [.text(.client, "\u{202e}a\"b"), .number(.code, 401), .flag(.state, true)]),
    ]
  }
}
