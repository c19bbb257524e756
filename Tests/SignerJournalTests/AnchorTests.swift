import SignerJournal
import Testing
import WireBytes

@Suite("An anchor")
struct AnchorTests {
  private static let vault = MemoryVault.vault
  private static let path = Anchor.path(directory: "n", vault: vault)

  private static func value(_ sequence: UInt64) -> Anchor.Value {
    Anchor.Value(
      journal: Position(epoch: 1, sequence: sequence, hash: Bytes32 { _ in UInt8(sequence) }),
      audit: AuditHead(sequence: sequence, hash: Bytes32 { _ in UInt8(sequence + 100) }))
  }

  /// An anchor that moved to 1, 2 and 3: the first slot has 2, the second 3.
  private static func moved() throws -> MemoryFiles {
    let files = MemoryFiles()
    var anchor = try Anchor.create(directory: "n", vault: vault, value: .beginning(of: vault), files: files)
    for sequence in 1...3 { try anchor.advance(to: value(UInt64(sequence))) }
    return files
  }

  private static func open(_ files: MemoryFiles) -> Result<Anchor.Value, AnchorError> {
    do throws(AnchorError) {
      let anchor = try Anchor.open(directory: "n", vault: vault, files: files)
      return .success(anchor.value)
    } catch {
      return .failure(error)
    }
  }

  @Test("has the newest value after it is opened again")
  func newest() throws {
    #expect(Self.open(try Self.moved()) == .success(Self.value(3)))
  }

  @Test("has the value before when the newest write was torn, at any byte")
  func torn() throws {
    let files = try Self.moved()
    let whole = try #require(files[Self.path])
    var before = whole
    // The slot that 3 was written over had 1.
    let first = MemoryFiles()
    var anchor = try Anchor.create(
      directory: "n", vault: Self.vault, value: .beginning(of: Self.vault), files: first)
    try anchor.advance(to: Self.value(1))
    _ = consume anchor
    let old = try #require(first[Self.path])
    before.replaceSubrange(4_096..<4_608, with: old[4_096..<4_608])
    var torn = 0
    for count in 0...512 {
      var bytes = before
      bytes.replaceSubrange(4_096..<(4_096 + count), with: whole[4_096..<(4_096 + count)])
      files[Self.path] = bytes
      let value = try Self.open(files).get()
      #expect(value == (count == 512 ? Self.value(3) : Self.value(2)), "\(count) bytes")
      torn += 1
    }
    #expect(torn == 513)
  }

  @Test("is damaged when no slot is whole, also when a file is shorter")
  func damaged() throws {
    let files = try Self.moved()
    var bytes = try #require(files[Self.path])
    bytes[60] ^= 1
    bytes[4_096 + 60] ^= 1
    files[Self.path] = bytes
    #expect(Self.open(files) == .failure(.damaged))
    files[Self.path] = []
    #expect(Self.open(files) == .failure(.damaged))
    files[Self.path] = nil
    #expect(Self.open(files) == .failure(.missing))
  }

  @Test("of another vault is told apart")
  func foreign() throws {
    let files = try Self.moved()
    let other = VaultID(Bytes32())
    files[Anchor.path(directory: "n", vault: other)] = files[Self.path]
    #expect(throws: AnchorError.foreignVault(found: Self.vault)) {
      _ = try Anchor.open(directory: "n", vault: other, files: files)
    }
  }

  @Test("is not made over another, and is held by one at a time")
  func once() throws {
    let files = try Self.moved()
    #expect(throws: AnchorError.files(FileCallError(.open, errno: 17))) {
      _ = try Anchor.create(
        directory: "n", vault: Self.vault, value: .beginning(of: Self.vault), files: files)
    }
    let holder = try Anchor.open(directory: "n", vault: Self.vault, files: files)
    #expect(Self.open(files) == .failure(.inUse))
    let value = holder.value
    #expect(value == Self.value(3))
  }

  @Test("is poisoned by a failed write or flush", arguments: [FileCallError.Call.write, .flush])
  func poisoned(call: FileCallError.Call) throws {
    let files = try Self.moved()
    var anchor = try Anchor.open(directory: "n", vault: Self.vault, files: files)
    files.setFault { _, now in now == call ? 5 : nil }
    var failed: AnchorError?
    do throws(AnchorError) { try anchor.advance(to: Self.value(4)) } catch { failed = error }
    #expect(failed == .files(FileCallError(call, errno: 5)))
    files.setFault(nil)
    do throws(AnchorError) { try anchor.advance(to: Self.value(5)) } catch { failed = error }
    #expect(failed == .poisoned(FileCallError(call, errno: 5)))
    let value = anchor.value
    #expect(value == Self.value(3))
  }
}
