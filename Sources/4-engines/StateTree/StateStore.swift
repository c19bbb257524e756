/// Where a tree keeps its pages, values and versions. The tree computes; a store only keeps and finds.
///
/// A store answers for what it wrote: it throws rather than return a record that it cannot read. Calls are
/// synchronous; a store that others read while it is written gives them whole commits only.
public protocol StateStore: Sendable {
  /// The oldest and the newest version that can be read; nil when nothing was committed.
  func versions() throws(StateStoreError) -> StateVersions?
  /// The top of the tree at exactly this version; nil when there is no such version.
  func top(of version: UInt64) throws(StateStoreError) -> StateSubtree?
  /// The page, or ``StateStoreError/missingPage(_:)``.
  func page(_ id: StatePageID) throws(StateStoreError) -> StatePage
  /// What the newest commit up to `version` gave the key; nil when there is none or it deleted the key.
  func value(of key: [UInt8], at version: UInt64) throws(StateStoreError) -> [UInt8]?
  /// Entries at `version` whose keys begin with `prefix` and sort after `last`, in byte order of the keys.
  func entries(
    prefix: [UInt8], after last: [UInt8]?, at version: UInt64, limit: StateScanLimit
  ) throws(StateStoreError) -> [StateEntry]
  /// Entries at `version` whose keys lie from `start`, inclusive, to `end`, exclusive (to the last one when nil), in
  /// byte order of the keys, or against it from the last of them.
  func range(
    from start: [UInt8], until end: [UInt8]?, descending: Bool, at version: UInt64, limit: StateScanLimit
  ) throws(StateStoreError) -> [StateEntry]
  /// Keeps a commit, wholly or not at all.
  mutating func write(_ commit: StateCommit) throws(StateStoreError)
  /// Removes versions before `version`, and every page and value that only they used.
  mutating func prune(before version: UInt64) throws(StateStoreError) -> StatePruneCount
}

/// The versions that a store can answer for.
public struct StateVersions: Hashable, Sendable {
  public let oldest: UInt64
  public let newest: UInt64

  public init(oldest: UInt64, newest: UInt64) {
    self.oldest = oldest
    self.newest = newest
  }
}

/// A key and its value.
public struct StateEntry: Hashable, Sendable {
  public let key: [UInt8]
  public let value: [UInt8]

  public init(key: [UInt8], value: [UInt8]) {
    self.key = key
    self.value = value
  }
}

/// When a scan stops: after `count` entries, or after the entry with which keys and values pass `bytes`.
public struct StateScanLimit: Hashable, Sendable {
  public let count: Int
  public let bytes: Int

  public init(count: Int, bytes: Int = .max) {
    self.count = min(max(count, 0), StateLimits.scanLengthMax)
    self.bytes = bytes
  }
}

/// A change of one key: a value, or nil to delete.
public struct StateChange: Hashable, Sendable {
  public let key: [UInt8]
  public let value: [UInt8]?

  public init(key: [UInt8], value: [UInt8]?) {
    self.key = key
    self.value = value
  }
}

/// All that a commit adds to a store.
public struct StateCommit: Sendable {
  public let version: UInt64
  public let top: StateSubtree
  /// New pages, each once; all of this version.
  public let pages: [(path: StatePagePath, page: StatePage)]
  /// Pages of older versions that this version does not use any more.
  public let stalePages: [StatePageID]
  /// Keys whose value changed, by key in byte order; nil is a deletion.
  public let changes: [StateChange]
  /// For each of `changes`, the version that wrote the value it replaces; nil when the key was absent.
  public let replaced: [UInt64?]
}

/// What a prune removed.
public struct StatePruneCount: Hashable, Sendable {
  public var versions: Int
  public var pages: Int
  /// Values and deletions that no kept version can see.
  public var values: Int

  public init(versions: Int = 0, pages: Int = 0, values: Int = 0) {
    self.versions = versions
    self.pages = pages
    self.values = values
  }
}

/// Why a store cannot give or keep a record.
public enum StateStoreError: Error, Hashable, Sendable {
  case missingPage(StatePageID)
  /// The page is not one that the tree wrote.
  case corruptPage(StatePageID, StatePageError)
  /// The top of this version is not one that the tree wrote.
  case corruptTop(version: UInt64, StatePageError)
  /// A row whose columns have other types or lengths than were written.
  case corruptRow(table: StateTable)
  /// The result code of SQLite, or of another engine, extended where there is one.
  case engine(code: Int32)
}

/// The records of a store.
public enum StateTable: String, Hashable, Sendable {
  case versions
  case pages
  case values
  case stale
}
