import StateTree
import Testing

@Suite("Range scans of the state tree")
struct RangeScanTests {
  @Test(
    "agree with a sorted list in both directions, at every version, page by page",
    arguments: [11, 12, 13, 14] as [UInt64])
  func property(seed: UInt64) throws {
    var numbers = SeededNumbers(seed: seed)
    // More keys than a block of the index holds.
    let keys = SeededNumbers.keys(seed == 14 ? 900 : 120)
    var model = ReferenceModel()
    var tree = StateTree(store: MemoryStateStore())
    for version in UInt64(1)...8 {
      let changes = numbers.changes(Int.random(in: 0...80, using: &numbers), of: keys)
      model.commit(version, changes)
      try tree.commit(version: version, changes: changes)
    }
    for version in [1, 4, 8] as [UInt64] {
      let sorted = model.entries(version, prefix: [])
      for _ in 0..<60 {
        let start = Self.bound(keys, &numbers) ?? []
        let end = Self.bound(keys, &numbers)
        let inside = sorted.filter { entry in
          !entry.key.lexicographicallyPrecedes(start)
            && (end.map { entry.key.lexicographicallyPrecedes($0) } ?? true)
        }
        let limit = Int.random(in: 0...9, using: &numbers)
        for descending in [false, true] {
          let expected = descending ? inside.reversed() : inside
          let all = try tree.range(from: start, until: end, descending: descending, at: version)
          #expect(all == expected)
          let page = try tree.range(
            from: start, until: end, descending: descending, limit: limit, at: version)
          #expect(page == Array(expected.prefix(limit)))
        }
      }
    }
  }

  /// Nothing, a key, or a key's neighbour.
  private static func bound(_ keys: [[UInt8]], _ numbers: inout SeededNumbers) -> [UInt8]? {
    switch Int.random(in: 0..<6, using: &numbers) {
    case 0: nil
    case 1: []
    case 2: (keys.randomElement(using: &numbers) ?? []) + [0]
    default: keys.randomElement(using: &numbers)
    }
  }

  @Test("stop at a number of bytes, after the entry that passes it")
  func bytes() throws {
    var store = MemoryStateStore()
    var tree = StateTree(store: store)
    try tree.commit(
      version: 1, changes: (1...5).map { StateChange(key: [$0], value: [UInt8](repeating: 1, count: 9)) })
    store = tree.store
    for descending in [false, true] {
      let found = try store.range(
        from: [], until: nil, descending: descending, at: 1, limit: StateScanLimit(count: 9, bytes: 11))
      #expect(found.map(\.key) == (descending ? [[5], [4]] : [[1], [2]]))
    }
    #expect(throws: StateTreeError.unknownVersion(2)) {
      try tree.range(from: [], until: nil, descending: false, at: 2)
    }
  }
}
