import Messages
import WireBytes

/// What one key has said of one origin in one format: the heights that are kept, and the floor below them.
///
/// Heights are an array in order, since nearly every new one comes last; the paths of a height are a table, since a
/// height may be asked about many times. A claim of 100 paths costs one sort, and two look-ups a path.
struct AttestationTrack: Hashable, Sendable {
  struct Mark: Hashable, Sendable {
    let height: Height
    var time: UnixTime?
    var root: Bytes32?
    var paths: [PathWords: Bytes32]
  }

  /// So many heights are forgotten at once.
  static let pruneCount = 64

  private(set) var floor: Height?
  private(set) var floorTime: UnixTime?
  /// By ascending height, all above the floor.
  private(set) var marks: [Mark] = []
  /// Over all heights.
  private(set) var pathCount = 0

  /// What a claim adds to what is known; nothing of it contradicts that.
  struct Addition: Sendable {
    let index: Int
    let isNewHeight: Bool
    let height: Height
    let time: UnixTime?
    let root: Bytes32?
    /// By ascending path.
    let entries: [StoredEntry]

    var isEmpty: Bool { !isNewHeight && time == nil && root == nil && entries.isEmpty }
  }

  /// What is new in a claim.
  ///
  /// - Parameter entries: each path once.
  /// - Throws: a refusal of the 400s when something kept says otherwise.
  func addition(
    height: Height, time: UnixTime?, root: Bytes32?, entries: [StoredEntry]
  ) throws(SigningRefusal) -> Addition {
    if let floor, height <= floor { throw .pruned(floor) }
    let index = position(of: height)
    guard index < marks.count, marks[index].height == height else {
      if let time { try checkOrder(time, before: index, after: index) }
      return Addition(
        index: index, isNewHeight: true, height: height, time: time, root: root, entries: entries)
    }
    if let time {
      if let kept = marks[index].time {
        guard kept == time else { throw .otherTime(kept: kept) }
      } else {
        try checkOrder(time, before: index, after: index + 1)
      }
    }
    if let root, let kept = marks[index].root {
      guard kept == root else { throw .otherRoot(kept: kept) }
    }
    var fresh: [StoredEntry] = []
    for entry in entries {
      guard let kept = marks[index].paths[PathWords(entry.pathHash)] else {
        fresh.append(entry)
        continue
      }
      guard kept == entry.commitment else { throw .otherCommitment(path: entry.pathHash, kept: kept) }
    }
    return Addition(
      index: index, isNewHeight: false, height: height, time: marks[index].time == nil ? time : nil,
      root: marks[index].root == nil ? root : nil, entries: fresh)
  }

  /// How many paths of the height would be kept with `addition`.
  func pathCount(with addition: Addition) -> Int {
    addition.entries.count + (addition.isNewHeight ? 0 : marks[addition.index].paths.count)
  }

  /// Keeps what ``addition(height:time:root:entries:)`` found to be new; nothing has changed in between.
  mutating func add(_ addition: Addition) {
    if addition.isNewHeight {
      marks.insert(
        Mark(height: addition.height, time: nil, root: nil, paths: [:]), at: addition.index)
      marks[addition.index].paths.reserveCapacity(addition.entries.count)
    }
    if let time = addition.time { marks[addition.index].time = time }
    if let root = addition.root { marks[addition.index].root = root }
    for entry in addition.entries {
      marks[addition.index].paths[PathWords(entry.pathHash)] = entry.commitment
    }
    pathCount += addition.entries.count
  }

  /// Forgets the lowest heights when there are too many, or too many paths in them.
  ///
  /// - Returns: whether the floor rose. It may rise over the height that was added last: then nothing else is signed
  ///   for that height.
  mutating func prune(heightsKept: Int, pathsKept: Int) -> Bool {
    var count = marks.count >= heightsKept + Self.pruneCount ? marks.count - heightsKept : 0
    if pathCount > pathsKept {
      var left = marks.dropFirst(count).reduce(0) { $0 + $1.paths.count }
      while left > pathsKept - pathsKept / 8, count < marks.count {
        left -= marks[count].paths.count
        count += 1
      }
    }
    guard count > 0 else { return false }
    forget(count)
    return true
  }

  /// Raises the floor to `height`, and what is known of times below it to `time`.
  ///
  /// - Returns: whether anything rose.
  /// - Throws: ``SigningRefusal/timeOrder(kept:time:)`` when a height above the floor has an earlier time.
  mutating func raise(floor height: Height, time: UnixTime?) throws(SigningRefusal) -> Bool {
    var count = position(of: height)
    if count < marks.count, marks[count].height == height { count += 1 }
    if let time {
      for mark in marks.dropFirst(count) {
        guard let kept = mark.time else { continue }
        guard kept >= time else { throw .timeOrder(kept: mark.height, time: kept) }
        break
      }
    }
    let before = (floor, floorTime)
    forget(count)
    floor = floor.map { max($0, height) } ?? height
    floorTime = Self.later(floorTime, time)
    return before != (floor, floorTime)
  }

  private mutating func forget(_ count: Int) {
    guard count > 0 else { return }
    for mark in marks.prefix(count) {
      floorTime = Self.later(floorTime, mark.time)
      pathCount -= mark.paths.count
    }
    floor = marks[count - 1].height
    marks.removeFirst(count)
  }

  private static func later(_ left: UnixTime?, _ right: UnixTime?) -> UnixTime? {
    guard let left else { return right }
    guard let right else { return left }
    return max(left, right)
  }

  /// Where `height` is, or belongs.
  private func position(of height: Height) -> Int {
    guard let last = marks.last, height <= last.height else { return marks.count }
    var (low, high) = (0, marks.count)
    while low < high {
      let middle = low + (high - low) / 2
      if marks[middle].height < height { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Times do not go back over heights: two such claims would freeze every client that sees both.
  ///
  /// - Parameters:
  ///   - before: lower heights end before this index.
  ///   - after: higher heights start at this index.
  private func checkOrder(_ time: UnixTime, before: Int, after: Int) throws(SigningRefusal) {
    if let lower = marks[..<before].last(where: { $0.time != nil }), let kept = lower.time {
      guard kept <= time else { throw .timeOrder(kept: lower.height, time: kept) }
    } else if let floor, let floorTime {
      guard floorTime <= time else { throw .timeOrder(kept: floor, time: floorTime) }
    }
    if let higher = marks[after...].first(where: { $0.time != nil }), let kept = higher.time {
      guard kept >= time else { throw .timeOrder(kept: higher.height, time: kept) }
    }
  }
}

/// A path's hash as four words: eight times fewer steps to hash than 32 bytes.
struct PathWords: Hashable, Sendable {
  private let first: UInt64
  private let second: UInt64
  private let third: UInt64
  private let fourth: UInt64

  init(_ bytes: Bytes32) {
    func word(_ start: Int) -> UInt64 {
      var value: UInt64 = 0
      for index in start..<(start + 8) { value = value << 8 | UInt64(bytes[index]) }
      return value
    }
    first = word(0)
    second = word(8)
    third = word(16)
    fourth = word(24)
  }

  var bytes: Bytes32 {
    Bytes32 { index in
      let word =
        switch index / 8 {
        case 0: first
        case 1: second
        case 2: third
        default: fourth
        }
      return UInt8(truncatingIfNeeded: word >> UInt64((7 - index % 8) * 8))
    }
  }
}
