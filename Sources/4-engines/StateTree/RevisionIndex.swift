import WireBytes

/// Every kept value of every key, in byte order of the keys: hashed paths lose that order, scans need it.
///
/// Keys lie in blocks of bounded length, so that an insertion moves a block and not the whole index.
struct RevisionIndex: Sendable {
  private struct Revision: Sendable {
    let version: UInt64
    /// Nil when the version deleted the key.
    let value: [UInt8]?
  }

  private struct Row: Sendable {
    let key: [UInt8]
    var newest: Revision
    /// By version, oldest first.
    var older: [Revision]

    func value(at version: UInt64) -> [UInt8]? {
      if newest.version <= version { return newest.value }
      return older.last { $0.version <= version }?.value
    }
  }

  /// A place from which to search: keys that come in order are found near the last one.
  struct Place {
    fileprivate var block: Int
    static let start = Place(block: 0)
  }

  private static let blockLengthMax = 256
  private var blocks: [[Row]] = []
  private(set) var revisionCount = 0

  init() {}

  func value(of key: [UInt8], at version: UInt64) -> [UInt8]? {
    guard let block = block(of: key) else { return nil }
    let (index, found) = Self.index(of: key, in: blocks[block])
    return found ? blocks[block][index].value(at: version) : nil
  }

  /// Adds what `version` gave the key; versions come in order.
  mutating func append(_ value: [UInt8]?, of key: [UInt8], at version: UInt64, near place: inout Place) {
    let revision = Revision(version: version, value: value)
    revisionCount += 1
    guard !blocks.isEmpty else {
      blocks.append([Row(key: key, newest: revision, older: [])])
      return
    }
    if !isInside(key, place.block) { place.block = block(of: key) ?? 0 }
    let (index, found) = Self.index(of: key, in: blocks[place.block])
    if found {
      blocks[place.block][index].older.append(blocks[place.block][index].newest)
      blocks[place.block][index].newest = revision
      return
    }
    blocks[place.block].insert(Row(key: key, newest: revision, older: []), at: index)
    guard blocks[place.block].count > Self.blockLengthMax else { return }
    // Keys that come in order fill the last block and leave full ones behind; others split evenly.
    let cut = index == Self.blockLengthMax ? index : Self.blockLengthMax / 2
    let tail = Array(blocks[place.block][cut...])
    blocks[place.block].removeSubrange(cut...)
    blocks.insert(tail, at: place.block + 1)
  }

  /// Removes one revision; false when it is not there.
  mutating func remove(_ key: [UInt8], at version: UInt64) -> Bool {
    guard let block = block(of: key) else { return false }
    let (index, found) = Self.index(of: key, in: blocks[block])
    guard found else { return false }
    if let old = blocks[block][index].older.firstIndex(where: { $0.version == version }) {
      blocks[block][index].older.remove(at: old)
    } else if blocks[block][index].newest.version == version {
      if let next = blocks[block][index].older.popLast() {
        blocks[block][index].newest = next
      } else {
        blocks[block].remove(at: index)
        if blocks[block].isEmpty { blocks.remove(at: block) }
      }
    } else {
      return false
    }
    revisionCount -= 1
    return true
  }

  func entries(
    prefix: [UInt8], after last: [UInt8]?, at version: UInt64, limit: StateScanLimit
  ) -> [StateEntry] {
    var found: [StateEntry] = []
    guard limit.count > 0, !blocks.isEmpty else { return found }
    let from = last.map { KeyOrder.precedes(prefix, $0) ? $0 : prefix } ?? prefix
    var block = block(of: from) ?? 0
    var index = Self.index(of: from, in: blocks[block]).index
    var bytes = 0
    while block < blocks.count {
      guard index < blocks[block].count else {
        block += 1
        index = 0
        continue
      }
      let row = blocks[block][index]
      index += 1
      if let last, !KeyOrder.precedes(last, row.key) { continue }
      guard KeyOrder.starts(row.key, with: prefix) else { break }
      guard let value = row.value(at: version) else { continue }
      found.append(StateEntry(key: row.key, value: value))
      bytes += row.key.count + value.count
      if found.count == limit.count || bytes >= limit.bytes { break }
    }
    return found
  }

  func range(
    from start: [UInt8], until end: [UInt8]?, descending: Bool, at version: UInt64, limit: StateScanLimit
  ) -> [StateEntry] {
    var found: [StateEntry] = []
    guard limit.count > 0, !blocks.isEmpty, end.map({ KeyOrder.precedes(start, $0) }) ?? true else {
      return found
    }
    var bytes = 0
    /// Takes one row; false when the scan is over.
    func take(_ row: Row) -> Bool {
      guard let value = row.value(at: version) else { return true }
      found.append(StateEntry(key: row.key, value: value))
      bytes += row.key.count + value.count
      return found.count < limit.count && bytes < limit.bytes
    }
    if descending {
      // The place behind the last key of the range.
      var block = end.flatMap { self.block(of: $0) } ?? blocks.count - 1
      var index = end.map { Self.index(of: $0, in: blocks[block]).index } ?? blocks[block].count
      while true {
        while index > 0 {
          index -= 1
          let row = blocks[block][index]
          guard !KeyOrder.precedes(row.key, start), take(row) else { return found }
        }
        guard block > 0 else { return found }
        block -= 1
        index = blocks[block].count
      }
    }
    var block = block(of: start) ?? 0
    var index = Self.index(of: start, in: blocks[block]).index
    while block < blocks.count {
      while index < blocks[block].count {
        let row = blocks[block][index]
        index += 1
        if let end, !KeyOrder.precedes(row.key, end) { return found }
        guard take(row) else { return found }
      }
      block += 1
      index = 0
    }
    return found
  }

  /// Whether `key` belongs in this block: between its first key and the next block's.
  private func isInside(_ key: [UInt8], _ block: Int) -> Bool {
    guard block < blocks.count, !KeyOrder.precedes(key, blocks[block][0].key) else { return false }
    return block + 1 == blocks.count || KeyOrder.precedes(key, blocks[block + 1][0].key)
  }

  /// The last block whose first key is not after `key`, or the first block; nil when there is none.
  private func block(of key: [UInt8]) -> Int? {
    guard !blocks.isEmpty else { return nil }
    var low = 0
    var high = blocks.count
    while low < high {
      let middle = (low + high) / 2
      if KeyOrder.precedes(key, blocks[middle][0].key) { high = middle } else { low = middle + 1 }
    }
    return max(low - 1, 0)
  }

  /// Where `key` is, or where it would be.
  private static func index(of key: [UInt8], in block: [Row]) -> (index: Int, found: Bool) {
    var low = 0
    var high = block.count
    while low < high {
      let middle = (low + high) / 2
      if KeyOrder.precedes(block[middle].key, key) { low = middle + 1 } else { high = middle }
    }
    return (low, low < block.count && block[low].key == key)
  }
}
