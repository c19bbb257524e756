/// Keeps everything in memory: for tests, simulations and domains that need not outlive the process.
///
/// A value type: a copy is a snapshot, and the first write after a copy pays for duplicating the tables.
public struct MemoryStateStore: StateStore {
  private var tops: [UInt64: StateSubtree] = [:]
  private var span: StateVersions?
  private var pages: [StatePageID: StatePage] = [:]
  private var revisions = RevisionIndex()
  /// What each version made useless, by version, oldest first.
  private var stale: [StaleRecords] = []

  private struct StaleRecords: Sendable {
    let since: UInt64
    let pages: [StatePageID]
    let values: [(key: [UInt8], version: UInt64)]
  }

  public init() {}

  /// Records held: for tests of pruning.
  public var pageCount: Int { pages.count }
  public var revisionCount: Int { revisions.revisionCount }
  public var versionCount: Int { tops.count }

  public func versions() throws(StateStoreError) -> StateVersions? { span }

  public func top(of version: UInt64) throws(StateStoreError) -> StateSubtree? { tops[version] }

  public func page(_ id: StatePageID) throws(StateStoreError) -> StatePage {
    guard let page = pages[id] else { throw .missingPage(id) }
    return page
  }

  public func value(of key: [UInt8], at version: UInt64) throws(StateStoreError) -> [UInt8]? {
    revisions.value(of: key, at: version)
  }

  public func entries(
    prefix: [UInt8], after last: [UInt8]?, at version: UInt64, limit: StateScanLimit
  ) throws(StateStoreError) -> [StateEntry] {
    revisions.entries(prefix: prefix, after: last, at: version, limit: limit)
  }

  public func range(
    from start: [UInt8], until end: [UInt8]?, descending: Bool, at version: UInt64, limit: StateScanLimit
  ) throws(StateStoreError) -> [StateEntry] {
    revisions.range(from: start, until: end, descending: descending, at: version, limit: limit)
  }

  public mutating func write(_ commit: StateCommit) throws(StateStoreError) {
    tops[commit.version] = commit.top
    span = StateVersions(oldest: span?.oldest ?? commit.version, newest: commit.version)
    for (path, page) in commit.pages { pages[StatePageID(path: path, version: commit.version)] = page }
    var values: [(key: [UInt8], version: UInt64)] = []
    var place = RevisionIndex.Place.start
    for index in commit.changes.indices {
      let change = commit.changes[index]
      revisions.append(change.value, of: change.key, at: commit.version, near: &place)
      if let version = commit.replaced[index] { values.append((change.key, version)) }
      if change.value == nil { values.append((change.key, commit.version)) }
    }
    guard !commit.stalePages.isEmpty || !values.isEmpty else { return }
    stale.append(StaleRecords(since: commit.version, pages: commit.stalePages, values: values))
  }

  public mutating func prune(before version: UInt64) throws(StateStoreError) -> StatePruneCount {
    var count = StatePruneCount()
    let useless = stale.prefix { $0.since <= version }
    for records in useless {
      for id in records.pages { count.pages += pages.removeValue(forKey: id) == nil ? 0 : 1 }
      for (key, written) in records.values { count.values += revisions.remove(key, at: written) ? 1 : 0 }
    }
    stale.removeFirst(useless.count)
    for old in tops.keys where old < version {
      tops[old] = nil
      count.versions += 1
    }
    if let newest = span?.newest { span = StateVersions(oldest: tops.keys.min() ?? newest, newest: newest) }
    return count
  }
}
