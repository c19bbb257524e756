import MerkleProofs
import Testing
import WireBytes

@Suite("Signed notes and tiles")
struct TlogNoteTests {
  /// The example of C2SP signed-note.
  private static let note = [UInt8](
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
      .utf8)
  private static let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

  @Test("verifies the example of the specification and writes its key again")
  func example() throws {
    let key = try NoteKey(verifierKey: Self.key)
    #expect(key.verifierKey == Self.key)
    let verified = try SignedNote(decoding: Self.note.span).verified(by: [key])
    #expect(verified.text == [UInt8]("This is an example message.\n".utf8))
    #expect(verified.signatures.map(\.key) == [key])
    #expect(verified.signatures.map(\.timestamp) == [nil])
  }

  @Test("refuses every one-bit flip and every cut of a note")
  func mutations() throws {
    let key = try NoteKey(verifierKey: Self.key)
    func accepted(_ bytes: [UInt8]) -> VerifiedNote? {
      guard let note = try? SignedNote(decoding: bytes.span) else { return nil }
      return try? note.verified(by: [key])
    }
    for count in Self.note.indices { #expect(accepted([UInt8](Self.note[..<count])) == nil) }
    for bit in 0..<(Self.note.count * 8) {
      var changed = Self.note
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      // Spare bits of the last base64 digit belong to no byte, so the same signature may stand there.
      let offset = bit / 8
      if offset == Self.note.count - 3 { continue }
      #expect(accepted(changed) == nil, "bit \(bit)")
    }
  }

  @Test("refuses a key of another algorithm, length or id")
  func keys() {
    #expect(throws: NoteKeyError.form) { try NoteKey(verifierKey: "example.com/foo+530d903a") }
    #expect(throws: NoteKeyError.id(expected: 0x530d_903a, actual: 0x530d_903b)) {
      try NoteKey(verifierKey: "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    }
    #expect(throws: NoteKeyError.algorithm(2)) { try NoteKey(verifierKey: "a+00000000+AgAA") }
    #expect(throws: NoteKeyError.keyLength(2)) { try NoteKey(verifierKey: "a+00000000+AQAA") }
  }

  @Test("reads a checkpoint and refuses numbers and lines that have a second form")
  func checkpoints() throws {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    let checkpoint = try Checkpoint(text: [UInt8]("o\n20852163\n\(root)\next\n".utf8))
    #expect(checkpoint.size == 20_852_163)
    #expect(checkpoint.extensions == [[UInt8]("ext".utf8)])
    func error(_ text: String) -> CheckpointError? {
      do throws(CheckpointError) {
        _ = try Checkpoint(text: [UInt8](text.utf8))
        return nil
      } catch { return error }
    }
    #expect(error("o\n01\n\(root)\n") == .size)
    #expect(error("o\n18446744073709551616\n\(root)\n") == .size)
    #expect(error("o\n-1\n\(root)\n") == .size)
    #expect(error("o\n1\n\(root.dropLast(2))J=\n") == .root)
    #expect(error("o\n1\n\(root)\n\n") == .emptyLine(index: 3))
    #expect(error("\n1\n\(root)\n") == .emptyLine(index: 0))
    #expect(error("o\n1\n\(root)") == .shape)
    #expect(error("o\n1\n") == .shape)
  }

  /// The paths are those of C2SP tlog-tiles.
  @Test("writes and reads tile paths")
  func paths() throws {
    let path = try TilePath(.hashes(level: 0), index: 1_234_067)
    #expect(path.path == "tile/0/x001/x234/067")
    #expect(try TilePath("tile/0/x001/x234/067") == path)
    #expect(try TilePath("tile/entries/000.p/15").width == 15)
    for wrong in [
      "tile/0/x000/001", "tile/0/1", "tile/64/000", "tile/00/000", "tile/0/000.p/0", "tile/0/000.p/256",
      "tile/0/001/002", "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0", "", "tile/0/000.p",
    ] {
      #expect(throws: TileError.self, "\(wrong)") { try TilePath(wrong) }
    }
    // A tree of 70,000: 273 full tiles and one of 112; one full tile above and one of 17; one of 1.
    #expect(try TiledLog.tile(level: 0, index: 69_999, size: 70_000)?.width == 112)
    #expect(try TiledLog.tile(level: 1, index: 272, size: 70_000)?.width == 17)
    #expect(try TiledLog.tile(level: 2, index: 0, size: 70_000)?.width == 1)
    #expect(try TiledLog.tile(level: 2, index: 1, size: 70_000) == nil)
  }

  @Test(
    "gives the root of a tree of three levels of tiles", arguments: [1, 255, 256, 257, 1000, 65_536, 65_793])
  func tiles(size: Int) throws {
    var tree = RFC6962Tree()
    for index in 0..<size { tree.append(leafHash: Bytes32(bigEndian: UInt64(index))) }
    var levels = [(0..<size).map { tree.leafHash(at: $0) }]
    while let last = levels.last, last.count >= 256 {
      levels.append(
        stride(from: 0, through: last.count - 256, by: 256).map {
          RFC6962.root(leafHashes: [Bytes32](last[$0..<($0 + 256)]))
        })
    }
    let stored = levels
    let root = try TiledLog.root(size: UInt64(size)) { (path) throws(TileError) -> [Bytes32] in
      guard case .hashes(let level) = path.content, stored.indices.contains(level) else {
        throw .missing(path)
      }
      return [Bytes32](stored[level].dropFirst(Int(path.index) * 256).prefix(path.width))
    }
    #expect(root == tree.root)
  }

  @Test("refuses bundles that end early or hold another number of entries")
  func bundles() throws {
    let bundle = try TilePath(.entries, index: 0, width: 2)
    func error(_ bytes: [UInt8]) -> TileError? {
      do throws(TileError) {
        _ = try bundle.entries(bytes.span)
        return nil
      } catch { return error }
    }
    #expect(error([0, 1, 7, 0, 0]) == nil)
    #expect(error([0, 1, 7]) == .length(expected: 2, actual: 1))
    #expect(error([0, 1, 7, 0]) == .truncatedEntry(index: 1))
    #expect(error([0, 2, 7]) == .truncatedEntry(index: 0))
    #expect(error([0, 0, 0, 0, 0, 0]) == .length(expected: 2, actual: 3))
  }
}
