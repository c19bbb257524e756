import StateTree
import Testing
import WireBytes

@Suite("Snapshots of the state tree")
struct SnapshotTests {
  /// A tree of three chunks, and the chunks.
  private static func made() throws -> (tree: StateTree<MemoryStateStore>, chunks: [[UInt8]], root: Bytes32) {
    var tree = StateTree(store: MemoryStateStore())
    let changes = (0..<50).map { index in
      StateChange(key: [1, UInt8(index)], value: [UInt8](repeating: UInt8(index + 1), count: 50_000))
    }
    try tree.commit(version: 3, changes: changes)
    let root = try tree.commit(version: 4, changes: [StateChange(key: [1, 7], value: nil)])
    try tree.commit(version: 5, changes: [StateChange(key: [1, 8], value: nil)])
    var snapshot = try tree.snapshot(at: 4)
    var chunks: [[UInt8]] = []
    while let chunk = try snapshot.next() { chunks.append(chunk) }
    return (tree, chunks, root)
  }

  private static func restore(
    _ chunks: [[UInt8]], _ root: Bytes32
  ) throws(StateSnapshotError) -> StateTree<MemoryStateStore> {
    var restoration = StateRestoration()
    for chunk in chunks { try restoration.add(chunk.span) }
    return try restoration.finish(expectedRoot: root, into: MemoryStateStore())
  }

  @Test("restore the same state and root")
  func roundTrip() throws {
    let (tree, chunks, root) = try Self.made()
    #expect(chunks.count == 3)
    var restored = try Self.restore(chunks, root)
    #expect(try restored.root(at: 4) == root)
    #expect(try restored.entries(prefix: [], at: 4) == tree.entries(prefix: [], at: 4))
    #expect(throws: StateTreeError.pruned(version: 3, oldest: 4)) { try restored.root(at: 3) }
    let next = try restored.commit(version: 5, changes: [StateChange(key: [1, 8], value: nil)])
    #expect(try next == tree.root(at: 5))
  }

  @Test("of a version without keys are one chunk")
  func empty() throws {
    var tree = StateTree(store: MemoryStateStore())
    try tree.commit(version: 0, changes: [])
    var snapshot = try tree.snapshot(at: 0)
    let chunk = try #require(try snapshot.next())
    #expect(try snapshot.next() == nil)
    #expect(try Self.restore([chunk], Bytes32()).root(at: 0) == Bytes32())
  }

  @Test("are refused when cut, mixed, doubled or of another root")
  func streams() throws {
    let (_, chunks, root) = try Self.made()
    let refusals: [([[UInt8]], StateSnapshotError)] = [
      ([], .incomplete(chunks: 0)),
      ([chunks[0], chunks[1]], .incomplete(chunks: 2)),
      ([chunks[1], chunks[0], chunks[2]], .index(expected: 0, actual: 1)),
      ([chunks[0], chunks[2]], .index(expected: 1, actual: 2)),
      ([chunks[0], chunks[0]], .index(expected: 1, actual: 0)),
      (chunks + [chunks[2]], .afterLast),
    ]
    for (stream, error) in refusals {
      #expect(throws: error) { try Self.restore(stream, root) }
    }
    #expect(throws: StateSnapshotError.root(calculated: root)) { try Self.restore(chunks, Bytes32()) }
    // A part of another snapshot, with the same index and version.
    var other = StateTree(store: MemoryStateStore())
    try other.commit(
      version: 4,
      changes: (0..<50).map { StateChange(key: [1, UInt8($0)], value: [UInt8](repeating: 9, count: 50_000)) })
    var foreign = try other.snapshot(at: 4)
    _ = try foreign.next()
    let second = try #require(try foreign.next())
    #expect(throws: StateSnapshotError.chain(index: 1)) { try Self.restore([chunks[0], second], root) }
  }

  @Test("are refused when a byte is changed or missing")
  func bytes() throws {
    let (_, chunks, _) = try Self.made()
    var restoration = StateRestoration()
    let chunk = chunks[0]
    for index in [0, 4, 5, 13, 17, 18, 50, 54, 60, 100, chunk.count - 33, chunk.count - 1] {
      var changed = chunk
      changed[index] ^= 1
      #expect(throws: StateSnapshotError.chunkHash) { try restoration.add(changed.span) }
    }
    for count in [0, 31, 32, 53, 86, chunk.count / 2, chunk.count - 1] {
      let cut = [UInt8](chunk.prefix(count))
      #expect(throws: StateSnapshotError.self) { try restoration.add(cut.span) }
    }
    let long = [UInt8](repeating: 0, count: StateSnapshotChunk.sizeBytesMax + 1)
    #expect(
      throws: StateSnapshotError.wire(.overLimit(limit: StateSnapshotChunk.sizeBytesMax, actual: long.count))
    ) { try restoration.add(long.span) }
    // The refusals left no trace: the right chunk still follows.
    try restoration.add(chunk.span)
  }
}
