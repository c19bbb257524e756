import MerkleProofs
import StateTree
import Testing
import WireBytes

@Suite("The state tree in memory")
struct StateTreeTests {
  @Test(
    "agrees with the definition over random histories, at every version",
    arguments: [1, 2, 3, 4, 5] as [UInt64])
  func property(seed: UInt64) throws {
    var numbers = SeededNumbers(seed: seed)
    let keys = SeededNumbers.keys(120)
    var model = ReferenceModel()
    var tree = StateTree(store: MemoryStateStore())
    for version in UInt64(1)...12 {
      let changes = numbers.changes(Int.random(in: 0...60, using: &numbers), of: keys)
      model.commit(version, changes)
      try tree.commit(version: version, changes: changes)
    }
    for version in UInt64(1)...12 {
      #expect(try tree.root(at: version) == model.root(version))
      for prefix in [[], [0x61], [0x61, 0xff], [0xff], [0x62]] as [[UInt8]] {
        #expect(try tree.entries(prefix: prefix, at: version) == model.entries(version, prefix: prefix))
      }
      for key in keys {
        let value = model.states[version]?[key]
        #expect(try tree.value(of: key, at: version) == value)
        let proof = try tree.prove(key, at: version)
        try verify(proof, root: model.root(version), key: key, value: value)
        let bytes = proof.encoded()
        let decoded = try ICS23.CommitmentProof(decoding: bytes.span)
        #expect(decoded == proof)
      }
    }
  }

  @Test("does not depend on how changes are spread over commits")
  func batching() throws {
    let changes = SeededNumbers.keys(300).sorted { $0.lexicographicallyPrecedes($1) }
      .map { StateChange(key: $0, value: $0) }
    var whole = StateTree(store: MemoryStateStore())
    var single = StateTree(store: MemoryStateStore())
    let root = try whole.commit(version: 1, changes: changes)
    var last = Bytes32()
    for (index, change) in changes.enumerated() {
      last = try single.commit(version: UInt64(index), changes: [change])
    }
    #expect(last == root)
  }

  @Test("refuses every one-bit change of a proof's bytes", arguments: [0, 7, 255])
  func mutation(absent: Int) throws {
    var tree = StateTree(store: MemoryStateStore())
    let changes = SeededNumbers.keys(9).sorted { $0.lexicographicallyPrecedes($1) }
      .map { StateChange(key: $0, value: [1, 2]) }
    let root = try tree.commit(version: 1, changes: changes)
    let cases: [(key: [UInt8], value: [UInt8]?)] = [(changes[0].key, [1, 2]), ([UInt8(absent)], nil)]
    for (key, value) in cases {
      let bytes = try tree.prove(key, at: 1).encoded()
      // What the prover says the absent key is, nobody reads: bytes 5 to 5 + count of the outer message.
      for index in bytes.indices {
        for bit in 0..<8 {
          var changed = bytes
          changed[index] ^= 1 << UInt8(bit)
          guard let proof = try? ICS23.CommitmentProof(decoding: changed.span) else { continue }
          if case .nonExistence(let one) = proof, case .nonExistence(let two) = try tree.prove(key, at: 1),
            one.left == two.left, one.right == two.right
          {
            continue
          }
          #expect(throws: ICS23.VerificationError.self, "byte \(index) bit \(bit)") {
            try verify(proof, root: root, key: key, value: value)
          }
        }
      }
    }
  }

  @Test("proves presence only of what is there and absence only of what is not")
  func wrongQuestion() throws {
    var tree = StateTree(store: MemoryStateStore())
    let root = try tree.commit(
      version: 1, changes: [StateChange(key: [1], value: [1]), StateChange(key: [2], value: [2])])
    let present = try tree.prove([1], at: 1)
    let absent = try tree.prove([3], at: 1)
    #expect(throws: ICS23.VerificationError.existence(.valueMismatch)) {
      try verify(present, root: root, key: [1], value: [2])
    }
    #expect(throws: ICS23.VerificationError.existence(.keyMismatch)) {
      try verify(present, root: root, key: [2], value: [1])
    }
    #expect(throws: ICS23.VerificationError.kind(expected: .nonExistence, actual: .existence)) {
      try verify(present, root: root, key: [1], value: nil)
    }
    for key in [[1], [2]] as [[UInt8]] {
      #expect(throws: ICS23.VerificationError.self) { try verify(absent, root: root, key: key, value: nil) }
    }
  }

  @Test("has 32 zero bytes for the root of no keys, and no proof of absence from it")
  func emptyTree() throws {
    var tree = StateTree(store: MemoryStateStore())
    #expect(try tree.versions() == nil)
    #expect(throws: StateTreeError.unknownVersion(1)) { try tree.root(at: 1) }
    #expect(try tree.commit(version: 1, changes: []) == Bytes32())
    #expect(throws: StateTreeError.emptyTree(version: 1)) { try tree.prove([1], at: 1) }
    try tree.commit(version: 2, changes: [StateChange(key: [1], value: [1])])
    #expect(try tree.commit(version: 3, changes: [StateChange(key: [1], value: nil)]) == Bytes32())
    #expect(try tree.value(of: [1], at: 2) == [1])
    #expect(try tree.value(of: [1], at: 3) == nil)
  }

  @Test("refuses changes that are out of order, empty or too long")
  func limits() throws {
    var tree = StateTree(store: MemoryStateStore())
    try tree.commit(version: 5, changes: [StateChange(key: [9], value: [9])])
    let long = [UInt8](repeating: 1, count: StateLimits.keyBytesMax + 1)
    let wide = [UInt8](repeating: 1, count: StateLimits.valueBytesMax + 1)
    let refusals: [(UInt64, [StateChange], StateTreeError)] = [
      (5, [], .versionNotNew(newest: 5, given: 5)),
      (1 << 63, [], .versionOverLimit(1 << 63)),
      (6, [StateChange(key: [], value: [1])], .emptyKey(index: 0)),
      (6, [StateChange(key: [1], value: [])], .emptyValue(index: 0)),
      (6, [StateChange(key: long, value: [1])], .keyTooLong(index: 0, limit: 4096, actual: 4097)),
      (6, [StateChange(key: [1], value: wide)], .valueTooLong(index: 0, limit: 1 << 20, actual: 1 + 1 << 20)),
      (
        6, [StateChange(key: [2], value: [1]), StateChange(key: [1], value: [1])],
        .changesNotAscending(index: 1)
      ),
      (
        6, [StateChange(key: [2], value: [1]), StateChange(key: [2], value: nil)],
        .changesNotAscending(index: 1)
      ),
      (
        6, [StateChange](repeating: StateChange(key: [1], value: [1]), count: StateLimits.changesMax + 1),
        .tooManyChanges(limit: StateLimits.changesMax, actual: StateLimits.changesMax + 1)
      ),
    ]
    for (version, changes, error) in refusals {
      #expect(throws: error) { try tree.commit(version: version, changes: changes) }
    }
    #expect(try tree.versions() == StateVersions(oldest: 5, newest: 5))
    let widest = StateChange(
      key: [UInt8](repeating: 1, count: StateLimits.keyBytesMax),
      value: [UInt8](repeating: 1, count: StateLimits.valueBytesMax))
    try tree.commit(version: 7, changes: [widest])
    #expect(throws: StateTreeError.unknownVersion(6)) { try tree.root(at: 6) }
  }

  @Test("prunes what only old versions used, and nothing else", arguments: [11, 12] as [UInt64])
  func pruning(seed: UInt64) throws {
    var numbers = SeededNumbers(seed: seed)
    let keys = SeededNumbers.keys(80)
    var model = ReferenceModel()
    var tree = StateTree(store: MemoryStateStore())
    var history: [[StateChange]] = []
    for version in UInt64(1)...10 {
      history.append(numbers.changes(30, of: keys))
      model.commit(version, history[history.count - 1])
      try tree.commit(version: version, changes: history[history.count - 1])
    }
    let pages = tree.store.pageCount
    let revisions = tree.store.revisionCount
    let count = try tree.prune(keepingFrom: 6)
    #expect(count.versions == 5)
    #expect(tree.store.pageCount == pages - count.pages)
    #expect(tree.store.revisionCount == revisions - count.values)
    for version in UInt64(6)...10 {
      #expect(try tree.root(at: version) == model.root(version))
      #expect(try tree.entries(prefix: [], at: version) == model.entries(version, prefix: []))
      for key in keys {
        let value = model.states[version]?[key]
        try verify(try tree.prove(key, at: version), root: model.root(version), key: key, value: value)
      }
    }
    #expect(throws: StateTreeError.pruned(version: 5, oldest: 6)) { try tree.root(at: 5) }
    #expect(throws: StateTreeError.pruned(version: 5, oldest: 6)) { try tree.value(of: keys[0], at: 5) }
    #expect(throws: StateTreeError.pruned(version: 1, oldest: 6)) { try tree.prune(keepingFrom: 1) }
    // With one version left, the store holds what a tree of that state alone holds.
    try tree.prune(keepingFrom: 10)
    var fresh = StateTree(store: MemoryStateStore())
    try fresh.commit(
      version: 10, changes: model.entries(10, prefix: []).map { StateChange(key: $0.key, value: $0.value) })
    #expect(tree.store.pageCount == fresh.store.pageCount)
    #expect(tree.store.revisionCount == fresh.store.revisionCount)
    #expect(tree.store.versionCount == 1)
  }

  @Test("writes nothing for changes that change nothing")
  func noChange() throws {
    var tree = StateTree(store: MemoryStateStore())
    let changes = SeededNumbers.keys(20).sorted { $0.lexicographicallyPrecedes($1) }
      .map { StateChange(key: $0, value: $0) }
    let root = try tree.commit(version: 1, changes: changes)
    let pages = tree.store.pageCount
    #expect(try tree.commit(version: 2, changes: changes) == root)
    #expect(try tree.commit(version: 3, changes: [StateChange(key: [0], value: nil)]) == root)
    #expect(tree.store.pageCount == pages)
    #expect(tree.store.revisionCount == 20)
  }

  @Test("goes on with a scan after the last key")
  func scan() throws {
    var tree = StateTree(store: MemoryStateStore())
    let keys = (0..<1000).map { (index: Int) -> [UInt8] in [7, UInt8(index / 256), UInt8(index % 256)] }
    try tree.commit(version: 1, changes: keys.map { StateChange(key: $0, value: [1]) })
    var seen: [[UInt8]] = []
    while true {
      let some = try tree.entries(prefix: [7], after: seen.last, limit: 77, at: 1)
      if some.isEmpty { break }
      seen += some.map(\.key)
    }
    #expect(seen == keys)
    #expect(try tree.entries(prefix: [7, 3], limit: 0, at: 1).isEmpty)
  }

  @Test("reads back every page it writes, and refuses every shorter one")
  func pageCoding() throws {
    var tree = StateTree(store: MemoryStateStore())
    let changes = SeededNumbers.keys(40).sorted { $0.lexicographicallyPrecedes($1) }
      .map { StateChange(key: $0, value: $0) }
    try tree.commit(version: 1, changes: changes)
    let page = try tree.store.page(StatePageID(path: .top, version: 1))
    let bytes = page.encoded()
    #expect(try StatePage(decoding: bytes, at: .top) == page)
    for count in bytes.indices {
      #expect(throws: StatePageError.self) { try StatePage(decoding: [UInt8](bytes.prefix(count)), at: .top) }
    }
    #expect(throws: StatePageError.wire(.trailingBytes(offset: bytes.count, count: 1))) {
      try StatePage(decoding: bytes + [0], at: .top)
    }
    // A changed byte is refused, or shows in the hash; the eight bytes of a version alone do not enter the hash.
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 0x10
      guard let other = try? StatePage(decoding: changed, at: .top) else { continue }
      #expect(other != page)
    }
  }
}
