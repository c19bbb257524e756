import Ledger
import PacketHost
import StateTree
import Testing

@Suite("Range scans of a committed version")
struct TreeStateRangeTests {
  @Test("see the version that they name and no other, in both directions")
  func versions() throws {
    var tree = StateTree(store: MemoryStateStore())
    try tree.commit(version: 1, changes: [1, 2, 3].map { StateChange(key: [$0], value: [$0]) })
    try tree.commit(
      version: 2, changes: [StateChange(key: [2], value: nil), StateChange(key: [4], value: [4])])
    let (old, new) = (TreeState(tree: tree, version: 1), TreeState(tree: tree, version: 2))
    #expect(try old.range(from: [2], until: nil, descending: false, limit: 9).map(\.key) == [[2], [3]])
    #expect(try old.range(from: [1], until: [3], descending: true, limit: 9).map(\.key) == [[2], [1]])
    #expect(try new.range(from: [], until: nil, descending: true, limit: 2).map(\.key) == [[4], [3]])
    #expect(try new.range(from: [3], until: [3], descending: false, limit: 2).isEmpty)
    let gone = TreeState(tree: tree, version: 9)
    #expect(throws: StateFailure.unreadable) {
      try gone.range(from: [], until: nil, descending: false, limit: 1)
    }
  }
}
