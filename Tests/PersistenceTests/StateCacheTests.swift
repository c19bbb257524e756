import Foundation
import GRDB
import Persistence
import StateTree
import Testing
import WireBytes

/// What a store remembers of its own writes must never show.
@Suite("The writer of a state tree")
struct StateCacheTests {
  private static func database(_ folder: TemporaryFolder) throws -> DatabaseFile {
    try DatabaseFile(path: folder.path("a.sqlite"), migrations: SQLiteStateStore.migrations)
  }

  @Test(
    "reads what is on disk, at every version, while it writes and prunes", arguments: [1, 2, 3] as [UInt64])
  func agrees(seed: UInt64) throws {
    let folder = try TemporaryFolder()
    let database = try Self.database(folder)
    var numbers = SeededNumbers(seed: seed)
    var writer = StateTree(store: try SQLiteStateStore(database: database))
    let keys = (0..<80).map { [UInt8(0x61 + $0 % 2), UInt8($0)] }
    for version in 1...30 as ClosedRange<UInt64> {
      var changes: [StateChange] = []
      for key in keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) where numbers.next() % 4 == 0 {
        // Some values are longer than is remembered.
        let size = numbers.next() % 8 == 0 ? 5_000 : Int(numbers.next() % 20) + 1
        let value = numbers.next() % 3 == 0 ? nil : [UInt8](repeating: UInt8(version), count: size)
        changes.append(StateChange(key: key, value: value))
      }
      let root = try writer.commit(version: version, changes: changes)
      if version % 10 == 0 { try writer.prune(keepingFrom: version - 4) }
      let reader = StateTree(store: try SQLiteStateStore(database: database))
      #expect(try reader.root(at: version) == root)
      for _ in 0..<60 {
        let key = keys[Int(numbers.next() % 80)]
        let at = version - min(version - 1, numbers.next() % 12)
        #expect(
          Result { try writer.value(of: key, at: at) }.mapError { "\($0)".error }
            == Result { try reader.value(of: key, at: at) }.mapError { "\($0)".error }, "seed \(seed)")
        #expect(try writer.prove(key, at: version) == reader.prove(key, at: version), "seed \(seed)")
      }
    }
  }

  @Test("goes on when another has written in between")
  func otherWriter() throws {
    let folder = try TemporaryFolder()
    let database = try Self.database(folder)
    var one = StateTree(store: try SQLiteStateStore(database: database))
    var two = StateTree(store: try SQLiteStateStore(database: database))
    try one.commit(
      version: 1, changes: [StateChange(key: [1], value: [1]), StateChange(key: [2], value: [1])])
    try two.commit(version: 2, changes: [StateChange(key: [1], value: [2])])
    try one.commit(version: 3, changes: [StateChange(key: [2], value: [3])])
    for tree in [one, two] {
      #expect(try tree.value(of: [1], at: 3) == [2])
      #expect(try tree.value(of: [2], at: 3) == [3])
      #expect(try tree.value(of: [1], at: 1) == [1])
      #expect(try tree.value(of: [2], at: 2) == [1])
    }
  }

  @Test("remembers nothing of a transaction that is undone")
  func undone() throws {
    struct Stop: Error {}
    let folder = try TemporaryFolder()
    let database = try Self.database(folder)
    var tree = StateTree(store: try SQLiteStateStore(database: database))
    let first = try tree.commit(version: 1, changes: [StateChange(key: [1], value: [1])])
    #expect(throws: Stop.self) {
      try database.transaction { _ in
        try tree.commit(version: 2, changes: [StateChange(key: [1], value: [2])])
        throw Stop()
      }
    }
    #expect(try tree.versions() == StateVersions(oldest: 1, newest: 1))
    #expect(try tree.value(of: [1], at: 1) == [1])
    #expect(throws: StateTreeError.unknownVersion(2)) { try tree.root(at: 2) }
    // A transaction inside another is on disk with it.
    let second = try database.transaction { _ in
      try tree.commit(version: 2, changes: [StateChange(key: [1], value: [3])])
    }
    #expect(first != second)
    #expect(try tree.value(of: [1], at: 2) == [3])
    #expect(try tree.value(of: [1], at: 1) == [1])
  }

  @Test("reads on beyond what it can remember")
  func bounds() throws {
    let folder = try TemporaryFolder()
    let database = try Self.database(folder)
    var tree = StateTree(store: try SQLiteStateStore(database: database))
    // 40,000 keys take more pages, and 24 MiB of values more bytes, than both generations hold.
    func changes(_ byte: UInt8) -> [StateChange] {
      (0..<40_000).map { index in
        var key: [UInt8] = []
        key.append(bigEndian: UInt32(index))
        return StateChange(key: key, value: [UInt8](repeating: byte, count: 600))
      }
    }
    try tree.commit(version: 1, changes: changes(1))
    try tree.commit(version: 2, changes: changes(2))
    for index in stride(from: 0, to: 40_000, by: 997) {
      var key: [UInt8] = []
      key.append(bigEndian: UInt32(index))
      #expect(try tree.value(of: key, at: 2)?.first == 2)
      #expect(try tree.value(of: key, at: 1)?.first == 1)
      _ = try tree.prove(key, at: 2)
    }
  }
}

/// An error told by its text, so that two can be compared.
private struct ErrorText: Error, Equatable { let text: String }

extension String {
  fileprivate var error: ErrorText { ErrorText(text: self) }
}

/// Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014).
private struct SeededNumbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
