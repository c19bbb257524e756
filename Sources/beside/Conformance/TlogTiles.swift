import MerkleProofs
import WireBytes

/// Checkpoints beside the tiles of their log.
enum TlogTiles {
  static func run(
    _ file: String, _ bytes: [UInt8], _ corpus: CorpusDirectory, into report: inout ConformanceReport
  ) {
    let note: SignedNote
    let checkpoint: Checkpoint
    do {
      note = try SignedNote(decoding: bytes.span)
      checkpoint = try Checkpoint(text: note.text)
    } catch {
      return report.fail(file, "parse", expected: "a signed checkpoint", actual: "\(error)")
    }
    report.expect(
      file, "text is written the same way", Hex.encode(note.text), Hex.encode(checkpoint.text))
    let log = StoredLog(
      prefix: file.split(separator: "/").dropLast().map { $0 + "/" }.joined(), corpus: corpus)
    guard log.hasTiles || checkpoint.size == 0 else {
      return report.skip(file, "root", reason: "no tiles beside the checkpoint")
    }
    do {
      let root = try TiledLog.root(size: checkpoint.size) { (path) throws(TileError) -> [Bytes32] in
        try log.hashes(path)
      }
      report.expect(file, "root follows from the tiles", "\(checkpoint.root)", "\(root)")
      guard checkpoint.size > 0 else { return }
      guard let leaves = try log.leafHashes(size: checkpoint.size) else {
        return report.skip(file, "entries", reason: "no entry bundles beside the checkpoint")
      }
      var tree = RFC6962Tree()
      for leaf in leaves { tree.append(leafHash: leaf) }
      report.expect(file, "root follows from the entries", "\(checkpoint.root)", "\(tree.root)")
      try prove(tree)
      report.pass(file, "every entry and every earlier size is proven")
    } catch {
      report.fail(file, "tiles", expected: "a root", actual: "\(error)")
    }
  }

  /// Builds and verifies the proofs that a client would ask for, ends of a large log only.
  private static func prove(_ tree: RFC6962Tree) throws {
    let size = tree.size
    for index in Set(0..<min(size, 64)).union([size - 1]).sorted() {
      try RFC6962.verifyInclusion(
        leafHash: tree.leafHash(at: index), index: UInt64(index), size: UInt64(size),
        proof: tree.inclusionProof(index: index, size: size), root: tree.root)
      try RFC6962.verifyConsistency(
        oldSize: UInt64(index + 1), newSize: UInt64(size),
        proof: tree.consistencyProof(oldSize: index + 1, newSize: size), oldRoot: tree.root(size: index + 1),
        newRoot: tree.root)
    }
  }

  /// The tiles of one log in a corpus.
  private struct StoredLog {
    let prefix: String
    let corpus: CorpusDirectory

    var hasTiles: Bool { corpus.files.contains { $0.hasPrefix(prefix + "tile/") } }

    /// The bytes of a tile or bundle: as wide as asked, or a wider one that begins with it.
    private func stored(_ path: TilePath) throws(TileError) -> (TilePath, [UInt8]) {
      for width in path.width...TilePath.fullWidth {
        let wider = try TilePath(path.content, index: path.index, width: width)
        if corpus.contains(prefix + wider.path), let bytes = try? corpus.bytes(prefix + wider.path) {
          return (wider, bytes)
        }
      }
      throw .missing(path)
    }

    func hashes(_ path: TilePath) throws(TileError) -> [Bytes32] {
      let (wider, bytes) = try stored(path)
      return [Bytes32](try wider.hashes(bytes.span).prefix(path.width))
    }

    /// Hashes of all entries, each compared with its place in the tiles; nil when there are no bundles.
    func leafHashes(size: UInt64) throws(TileError) -> [Bytes32]? {
      guard corpus.files.contains(where: { $0.hasPrefix(prefix + "tile/entries/") }) else { return nil }
      var leaves: [Bytes32] = []
      var index: UInt64 = 0
      while let tile = try TiledLog.tile(level: 0, index: index * 256, size: size) {
        let bundle = try TilePath(.entries, index: index, width: tile.width)
        let (wider, bytes) = try stored(bundle)
        let entries = try wider.entries(bytes.span).prefix(tile.width)
        let hashes = entries.map { RFC6962.leafHash($0.span) }
        let tileHashes = try self.hashes(tile)
        guard hashes == tileHashes else { throw .length(expected: tileHashes.count, actual: hashes.count) }
        leaves += hashes
        index += 1
      }
      return leaves
    }
  }
}
