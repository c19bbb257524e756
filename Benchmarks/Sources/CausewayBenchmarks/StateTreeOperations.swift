import MerkleProofs
import StateTree
import WireBytes

extension Operations {
  /// Commits to a tree of 100,000 keys in memory, and proofs from it. No peer can be linked here.
  static func stateTree() throws -> [Benchmark] {
    let changes = (0..<100_000).map { (index: Int) -> StateChange in
      var key = [UInt8]("clients/07-tendermint-0/".utf8)
      key.append(bigEndian: UInt64(index))
      return StateChange(key: key, value: [UInt8](repeating: 7, count: 32))
    }
    var tree = StateTree(store: MemoryStateStore())
    try tree.commit(version: 1, changes: changes)
    let filled = tree
    var growing = tree
    var version: UInt64 = 1
    var index = 0
    func next() -> [UInt8] {
      index = (index + 7_919) % changes.count
      return changes[index].key
    }
    return [
      Benchmark("state tree, commit of 100,000 new keys") {
        var empty = StateTree(store: MemoryStateStore())
        keep(try? empty.commit(version: 1, changes: changes))
      },
      Benchmark("state tree, one change of 100,000 keys, and prune") {
        version += 1
        let change = StateChange(key: next(), value: [UInt8](repeating: UInt8(version % 251), count: 32))
        keep(try? growing.commit(version: version, changes: [change]))
        keep(try? growing.prune(keepingFrom: version))
      },
      Benchmark("state tree, existence proof of 100,000 keys") {
        keep(try? filled.prove(next(), at: 1).encoded())
      },
      Benchmark("state tree, absence proof of 100,000 keys") {
        keep(try? filled.prove(next() + [1], at: 1).encoded())
      },
    ]
  }
}
