import StateTree
import Synchronization

/// What a store that writes remembers of its tree, so that a block reads little from SQLite: pages, tops, and
/// values as they are known to be at the newest version.
///
/// Nothing is remembered before this store has committed: only then is it the tree's one writer, and only a
/// writer knows what is newest. Bounded; in two generations, of which the older goes as a whole.
///
/// A class, since copies of a store share it. Benchmark: DomainLoad (without it, a packet spends two to three
/// times as long in the state).
final class StateCache: Sendable {
  /// Pages in each of two generations: about 1 KiB each.
  static let pageCountMax = 16_384
  /// Bytes of keys and values in each of two generations.
  static let valueBytesMax = 8 << 20
  /// A value that is longer is not worth its room.
  static let valueBytesEachMax = 4_096
  /// What an entry takes beside its key and its value.
  fileprivate static let entryOverheadBytes = 128
  /// Newest versions whose tops are kept.
  static let topCountMax = 64

  /// A value, or nothing, that a key has from one version up to the newest.
  fileprivate struct Known {
    let since: UInt64
    let value: [UInt8]?
  }

  fileprivate struct Contents {
    /// The version that values are known at; nil before this store has committed.
    var newest: UInt64?
    var values: [[UInt8]: Known] = [:]
    var oldValues: [[UInt8]: Known] = [:]
    var valueBytes = 0
    var pages: [StatePageID: StatePage] = [:]
    var oldPages: [StatePageID: StatePage] = [:]
    var tops: [UInt64: StateSubtree] = [:]
  }

  private let contents = Mutex(Contents())

  // MARK: Reading

  func top(of version: UInt64) -> StateSubtree? { contents.withLock { $0.tops[version] } }

  func page(_ id: StatePageID) -> StatePage? {
    contents.withLock { contents -> StatePage? in
      if let page = contents.pages[id] { return page }
      guard let page = contents.oldPages.removeValue(forKey: id) else { return nil }
      contents.insert(page, id)
      return page
    }
  }

  /// The value of `key` at `version`, which may be known to be absent; nil when nothing is known.
  func value(of key: [UInt8], at version: UInt64) -> [UInt8]?? {
    contents.withLock { contents -> [UInt8]?? in
      guard let newest = contents.newest, version <= newest else { return nil }
      var known = contents.values[key]
      if known == nil, let old = contents.oldValues.removeValue(forKey: key) {
        contents.insert(old, key)
        known = old
      }
      guard let known, known.since <= version else { return nil }
      return .some(known.value)
    }
  }

  // MARK: Remembering

  func remember(_ page: StatePage, _ id: StatePageID) {
    contents.withLock { contents in
      guard contents.newest != nil else { return }
      contents.insert(page, id)
    }
  }

  /// Remembers what was read at `version`, unless a commit has come between.
  func remember(_ value: [UInt8]?, of key: [UInt8], at version: UInt64) {
    contents.withLock { contents in
      guard contents.newest == version, contents.values[key] == nil else { return }
      contents.insert(Known(since: version, value: value), key)
    }
  }

  /// Takes over a commit that is on disk. `previous` is the version that was the newest before it.
  func commit(_ commit: StateCommit, after previous: UInt64?) {
    contents.withLock { contents in
      if contents.newest != previous || previous == nil {
        contents.values = [:]
        contents.oldValues = [:]
        contents.valueBytes = 0
      }
      contents.newest = commit.version
      for change in commit.changes {
        contents.oldValues.removeValue(forKey: change.key)
        contents.insert(Known(since: commit.version, value: change.value), change.key)
      }
      for (path, page) in commit.pages {
        contents.insert(page, StatePageID(path: path, version: commit.version))
      }
      contents.tops[commit.version] = commit.top
      guard contents.tops.count > Self.topCountMax, let oldest = contents.tops.keys.min() else { return }
      contents.tops[oldest] = nil
    }
  }

  /// Forgets the tops of versions that are gone; what else was kept of them is never asked for again.
  func prune(before version: UInt64) {
    contents.withLock { contents in contents.tops = contents.tops.filter { $0.key >= version } }
  }
}

extension StateCache.Contents {
  fileprivate mutating func insert(_ page: StatePage, _ id: StatePageID) {
    if pages.count >= StateCache.pageCountMax {
      oldPages = pages
      pages = [:]
    }
    pages[id] = page
  }

  fileprivate mutating func insert(_ known: StateCache.Known, _ key: [UInt8]) {
    guard known.value.map({ $0.count <= StateCache.valueBytesEachMax }) ?? true else {
      // What is kept under the key is not true any more.
      if let gone = values.removeValue(forKey: key) { valueBytes -= Self.bytes(gone, key) }
      return
    }
    if valueBytes >= StateCache.valueBytesMax {
      oldValues = values
      values = [:]
      valueBytes = 0
    }
    if let gone = values.updateValue(known, forKey: key) { valueBytes -= Self.bytes(gone, key) }
    valueBytes += Self.bytes(known, key)
  }

  private static func bytes(_ known: StateCache.Known, _ key: [UInt8]) -> Int {
    key.count + (known.value?.count ?? 0) + StateCache.entryOverheadBytes
  }
}
