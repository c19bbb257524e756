import Digests
import StateTree
import WireBytes

/// The tree from its definition: every root computed anew over all keys of a version, in the plainest way.
struct ReferenceModel {
  private(set) var states: [UInt64: [[UInt8]: [UInt8]]] = [:]
  private(set) var newest: [[UInt8]: [UInt8]] = [:]

  mutating func commit(_ version: UInt64, _ changes: [StateChange]) {
    for change in changes { newest[change.key] = change.value }
    states[version] = newest
  }

  func root(_ version: UInt64) -> Bytes32 {
    let items = states[version, default: [:]].map { (SHA256Hash.hash($0.key), $0.value) }
    return Self.subtree(items.sorted { $0.0 < $1.0 }, 0)
  }

  func entries(_ version: UInt64, prefix: [UInt8]) -> [StateEntry] {
    let entries = states[version, default: [:]].filter { $0.key.starts(with: prefix) }
      .map { StateEntry(key: $0.key, value: $0.value) }
    return entries.sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }

  private static func subtree(_ items: [(path: Bytes32, value: [UInt8])], _ depth: Int) -> Bytes32 {
    if items.isEmpty { return Bytes32() }
    if items.count == 1 {
      return SHA256Hash.hash([0] + items[0].path.array + SHA256Hash.hash(items[0].value).array)
    }
    let left = items.filter { $0.path[depth / 8] >> UInt8(7 - depth % 8) & 1 == 0 }
    let right = items.filter { $0.path[depth / 8] >> UInt8(7 - depth % 8) & 1 == 1 }
    return SHA256Hash.hash([1] + subtree(left, depth + 1).array + subtree(right, depth + 1).array)
  }
}

/// SplitMix64: the same numbers for the same seed everywhere.
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Changes of up to `count` of `keys`, ascending: puts, overwrites, deletions, some of absent keys.
  mutating func changes(_ count: Int, of keys: [[UInt8]]) -> [StateChange] {
    var chosen: Set<[UInt8]> = []
    for _ in 0..<count { chosen.insert(keys[Int.random(in: 0..<keys.count, using: &self)]) }
    return chosen.sorted { $0.lexicographicallyPrecedes($1) }.map { key in
      guard Int.random(in: 0..<4, using: &self) > 0 else { return StateChange(key: key, value: nil) }
      // Few values, so that some changes change nothing.
      return StateChange(key: key, value: [UInt8](repeating: UInt8.random(in: 1...3, using: &self), count: 5))
    }
  }

  static func keys(_ count: Int) -> [[UInt8]] {
    (0..<count).map { index in
      var key: [UInt8] = index.isMultiple(of: 3) ? [0x61, 0xff] : index.isMultiple(of: 2) ? [0x61] : [0xff]
      key.append(bigEndian: UInt16(index))
      return key
    }
  }
}
