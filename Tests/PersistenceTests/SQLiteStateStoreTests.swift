import Foundation
import GRDB
import MerkleProofs
import Persistence
import StateTree
import Testing
import WireBytes

/// A folder that goes when the test ends.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}

@Suite("The state tree in SQLite")
struct SQLiteStateStoreTests {
  private static func open(_ path: String) throws -> DatabaseFile {
    try DatabaseFile(path: path, migrations: SQLiteStateStore.migrations)
  }

  private static func tree(_ path: String, name: String = "state") throws -> StateTree<SQLiteStateStore> {
    StateTree(store: try SQLiteStateStore(database: try open(path), name: name))
  }

  /// The changes of a version: puts, overwrites, deletions, and some that change nothing.
  private static func changes(_ version: UInt64) -> [StateChange] {
    (0..<60).compactMap { index -> StateChange? in
      let draw = (index &* 7 &+ Int(version) &* 13) % 11
      guard draw < 6 else { return nil }
      let value: [UInt8]? = draw == 0 ? nil : [UInt8(draw), UInt8(index)]
      return StateChange(key: [index < 30 ? 0x61 : 0xff, UInt8(index)], value: value)
    }
  }

  @Test("answers as the store in memory does, also after it is opened again and pruned")
  func sameAsMemory() throws {
    let folder = try TemporaryFolder()
    var memory = StateTree(store: MemoryStateStore())
    do {
      var tree = try Self.tree(folder.path("a.sqlite"))
      for version in UInt64(1)...9 {
        let root = try memory.commit(version: version, changes: Self.changes(version))
        #expect(try tree.commit(version: version, changes: Self.changes(version)) == root)
      }
    }
    var tree = try Self.tree(folder.path("a.sqlite"))
    try Self.compare(tree, memory, versions: 1...9)
    #expect(try tree.prune(keepingFrom: 6) == memory.prune(keepingFrom: 6))
    try Self.compare(tree, memory, versions: 6...9)
    #expect(throws: StateTreeError.pruned(version: 5, oldest: 6)) { try tree.root(at: 5) }
    #expect(throws: StateTreeError.unknownVersion(.max)) { try tree.root(at: .max) }
    let next = try memory.commit(version: 10, changes: Self.changes(10))
    #expect(try tree.commit(version: 10, changes: Self.changes(10)) == next)
    #expect(try tree.prune(keepingFrom: 10) == memory.prune(keepingFrom: 10))
  }

  private static func compare(
    _ tree: StateTree<SQLiteStateStore>, _ memory: StateTree<MemoryStateStore>, versions: ClosedRange<UInt64>
  ) throws {
    #expect(try tree.versions() == StateVersions(oldest: versions.lowerBound, newest: versions.upperBound))
    for version in versions {
      let root = try memory.root(at: version)
      #expect(try tree.root(at: version) == root)
      for prefix in [[], [0x61], [0xff], [0x62]] as [[UInt8]] {
        #expect(
          try tree.entries(prefix: prefix, at: version) == memory.entries(prefix: prefix, at: version))
        #expect(
          try tree.entries(prefix: prefix, after: [0x61, 9], limit: 3, at: version)
            == memory.entries(prefix: prefix, after: [0x61, 9], limit: 3, at: version))
      }
      for index in 0..<62 {
        let key: [UInt8] = [index < 30 ? 0x61 : 0xff, UInt8(index)]
        #expect(try tree.prove(key, at: version) == memory.prove(key, at: version))
      }
    }
  }

  @Test("keeps the trees of one database apart")
  func names() throws {
    let folder = try TemporaryFolder()
    let database = try Self.open(folder.path("a.sqlite"))
    var one = StateTree(store: try SQLiteStateStore(database: database, name: "one"))
    let two = StateTree(store: try SQLiteStateStore(database: database, name: "two"))
    try one.commit(version: 1, changes: Self.changes(1))
    #expect(try two.versions() == nil)
    let again = StateTree(store: try SQLiteStateStore(database: database, name: "one"))
    #expect(try again.root(at: 1) == one.root(at: 1))
  }

  @Test("restores a snapshot")
  func snapshot() throws {
    let folder = try TemporaryFolder()
    var tree = try Self.tree(folder.path("a.sqlite"))
    let root = try tree.commit(version: 4, changes: Self.changes(4))
    var restoration = StateRestoration()
    var snapshot = try tree.snapshot(at: 4)
    while let chunk = try snapshot.next() { try restoration.add(chunk.span) }
    let filled = tree.store
    let other = restoration
    #expect(throws: StateSnapshotError.storeNotEmpty) { try other.finish(expectedRoot: root, into: filled) }
    let store = try SQLiteStateStore(database: try Self.open(folder.path("b.sqlite")))
    let restored = try restoration.finish(expectedRoot: root, into: store)
    #expect(try restored.entries(prefix: [], at: 4) == tree.entries(prefix: [], at: 4))
  }

  /// What a killed process leaves: the files as they are at that moment, the end of the log half written.
  @Test(
    "opens at a whole version wherever the log was cut",
    arguments: [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100])
  func cutLog(percent: Int) throws {
    let folder = try TemporaryFolder()
    var tree = try Self.tree(folder.path("a.sqlite"))
    var roots: [UInt64: Bytes32] = [:]
    for version in UInt64(1)...6 {
      roots[version] = try tree.commit(version: version, changes: Self.changes(version))
    }
    let file = try Data(contentsOf: folder.url.appendingPathComponent("a.sqlite"))
    let log = try Data(contentsOf: folder.url.appendingPathComponent("a.sqlite-wal"))
    try #require(log.count > 10_000)
    try file.write(to: folder.url.appendingPathComponent("b.sqlite"))
    try log.prefix(log.count * percent / 100).write(to: folder.url.appendingPathComponent("b.sqlite-wal"))
    var copy = try Self.tree(folder.path("b.sqlite"))
    let versions = try copy.versions()
    if percent == 100 { #expect(versions?.newest == 6) }
    for version in UInt64(1)...(versions?.newest ?? 1) where versions != nil {
      #expect(try copy.root(at: version) == roots[version])
      _ = try copy.prove([0x61, 1], at: version)
    }
    // And it goes on from there.
    let next = (versions?.newest ?? 0) + 1
    let root = try copy.commit(version: next, changes: Self.changes(next))
    if next <= 6 { #expect(root == roots[next]) }
  }

  @Test("a commit that fails half-way leaves no trace")
  func failedCommit() throws {
    let folder = try TemporaryFolder()
    let database = try Self.open(folder.path("a.sqlite"))
    var tree = StateTree(store: try SQLiteStateStore(database: database))
    try tree.commit(version: 1, changes: Self.changes(1))
    // Something in the way of the last statement of the commit.
    try database.pool.write {
      try $0.execute(
        sql: """
          CREATE TRIGGER stop BEFORE INSERT ON state_versions WHEN new.version = 2
          BEGIN SELECT raise(ABORT, 'stop'); END
          """)
    }
    let before = try database.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM state_pages") }
    let code = ResultCode.SQLITE_CONSTRAINT_TRIGGER.rawValue
    #expect(throws: StateTreeError.store(.engine(code: code))) {
      try tree.commit(version: 2, changes: Self.changes(2))
    }
    let after = try database.pool.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM state_pages") }
    #expect(before == after)
    #expect(try tree.versions() == StateVersions(oldest: 1, newest: 1))
    try tree.commit(version: 3, changes: Self.changes(3))
  }

  @Test("says which record is damaged")
  func damage() throws {
    let folder = try TemporaryFolder()
    let database = try Self.open(folder.path("a.sqlite"))
    var writer = StateTree(store: try SQLiteStateStore(database: database))
    try writer.commit(version: 1, changes: Self.changes(1))
    // The writer remembers what it has written; this one reads.
    var tree = StateTree(store: try SQLiteStateStore(database: database))
    let top = StatePageID(path: .top, version: 1)
    func run(_ sql: String) throws { try database.pool.write { try $0.execute(sql: sql) } }
    let key = try #require(try tree.entries(prefix: [], at: 1).first).key
    try run("UPDATE state_values SET value = x'00'")
    #expect(throws: StateTreeError.leafHash(key: key)) { try tree.prove(key, at: 1) }
    try run("UPDATE state_stale SET records = x'00'")
    #expect(throws: StateTreeError.store(.corruptRow(table: .stale))) { try tree.prune(keepingFrom: 1) }
    // A page that can be read but holds another hash: its last byte is part of a hash.
    try run(
      "UPDATE state_pages SET page = CAST(substr(page, 1, length(page) - 1) || x'5a' AS BLOB) WHERE path = x'00'"
    )
    #expect(throws: StateTreeError.pageHash(top)) { try tree.prove(key, at: 1) }
    try run("UPDATE state_pages SET page = x'07' WHERE path = x'00'")
    #expect(throws: StateTreeError.store(.corruptPage(top, .format(7)))) { try tree.prove(key, at: 1) }
    #expect(throws: StateTreeError.store(.corruptPage(top, .format(7)))) {
      try tree.commit(version: 2, changes: Self.changes(2))
    }
    try run("DELETE FROM state_pages")
    #expect(throws: StateTreeError.store(.missingPage(top))) { try tree.prove(key, at: 1) }
    try run("UPDATE state_versions SET top = x'09'")
    #expect(throws: StateTreeError.store(.corruptTop(version: 1, .subtreeKind(9)))) { try tree.root(at: 1) }
    try run("UPDATE state_versions SET top = x''")
    #expect(throws: StateTreeError.store(.corruptTop(version: 1, .wire(.truncated(offset: 0, needed: 1))))) {
      try tree.root(at: 1)
    }
  }
}
