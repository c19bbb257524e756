import Persistence
import StateTree
import Testing

@Suite("Range scans in SQLite")
struct SQLiteRangeScanTests {
  @Test("answer as the store in memory does, in both directions, at every version, also after a prune")
  func sameAsMemory() throws {
    let folder = try TemporaryFolder()
    let database = try DatabaseFile(path: folder.path("a.sqlite"), migrations: SQLiteStateStore.migrations)
    var other = StateTree(store: try SQLiteStateStore(database: database, name: "other"))
    try other.commit(version: 1, changes: [StateChange(key: [0x61, 3], value: [9])])
    var tree = StateTree(store: try SQLiteStateStore(database: database))
    var memory = StateTree(store: MemoryStateStore())
    for version in UInt64(1)...7 {
      let changes = (0..<40).compactMap { index -> StateChange? in
        let draw = (index &* 7 &+ Int(version) &* 13) % 11
        guard draw < 6 else { return nil }
        let value: [UInt8]? = draw == 0 ? nil : [UInt8(draw), UInt8(index)]
        return StateChange(key: [index < 20 ? 0x61 : 0xff, UInt8(index)], value: value)
      }
      try tree.commit(version: version, changes: changes)
      try memory.commit(version: version, changes: changes)
    }
    try Self.compare(tree, memory, versions: 1...7)
    try tree.prune(keepingFrom: 4)
    try memory.prune(keepingFrom: 4)
    try Self.compare(tree, memory, versions: 4...7)
  }

  private static func compare(
    _ tree: StateTree<SQLiteStateStore>, _ memory: StateTree<MemoryStateStore>, versions: ClosedRange<UInt64>
  ) throws {
    let starts: [[UInt8]] = [[], [0x61], [0x61, 5], [0x61, 5, 0], [0x61, 200], [0xff, 21], [0xff, 255]]
    let ends: [[UInt8]?] = [nil, [], [0x61, 5], [0x61, 9], [0x62], [0xff, 30], [0xff, 255]]
    for version in versions {
      for (start, end) in starts.flatMap({ start in ends.map { (start, $0) } }) {
        for descending in [false, true] {
          for limit in [0, 1, 4, 1_000] {
            let found = try tree.range(
              from: start, until: end, descending: descending, limit: limit, at: version)
            let expected = try memory.range(
              from: start, until: end, descending: descending, limit: limit, at: version)
            #expect(found == expected)
          }
        }
      }
    }
  }
}
