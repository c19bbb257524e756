public import WireBytes

/// A versioned, authenticated map from keys to values whose proofs any ICS-23 library checks against `SmtSpec`.
///
/// Every commit makes a version with a root; older versions stay readable and provable until they are pruned. The
/// tree holds no state beside its store, so copies of a tree over a shared store see the same versions.
public struct StateTree<Store: StateStore>: Sendable {
  /// Where everything is kept.
  public private(set) var store: Store

  public init(store: Store) { self.store = store }

  /// The oldest and newest readable version; nil before the first commit.
  public func versions() throws(StateTreeError) -> StateVersions? {
    do { return try store.versions() } catch { throw .store(error) }
  }

  /// The root of a version; ``StateHashing/empty`` when it holds no key.
  public func root(at version: UInt64) throws(StateTreeError) -> Bytes32 { try top(of: version).hash }

  /// The value of `key` at `version`; nil when it is absent.
  ///
  /// The value is the store's word; ``prove(_:at:)`` is what checks it against the root.
  public func value(of key: [UInt8], at version: UInt64) throws(StateTreeError) -> [UInt8]? {
    _ = try top(of: version)
    do { return try store.value(of: key, at: version) } catch { throw .store(error) }
  }

  /// Up to `limit` entries whose keys begin with `prefix`, in byte order of the keys.
  ///
  /// - Parameters:
  ///   - last: the last key of the previous call, to go on after it; nil to begin.
  ///   - limit: at most ``StateLimits/scanLengthMax``.
  public func entries(
    prefix: [UInt8], after last: [UInt8]? = nil, limit: Int = StateLimits.scanLengthMax, at version: UInt64
  ) throws(StateTreeError) -> [StateEntry] {
    _ = try top(of: version)
    do {
      return try store.entries(prefix: prefix, after: last, at: version, limit: StateScanLimit(count: limit))
    } catch { throw .store(error) }
  }

  /// Up to `limit` entries whose keys lie from `start`, inclusive, to `end`, exclusive: in byte order of the keys, or
  /// against it.
  ///
  /// - Parameters:
  ///   - end: nil for no end.
  ///   - limit: at most ``StateLimits/scanLengthMax``. To go on, move `start` behind the last key that was given, or
  ///     `end` to it.
  public func range(
    from start: [UInt8], until end: [UInt8]?, descending: Bool, limit: Int = StateLimits.scanLengthMax,
    at version: UInt64
  ) throws(StateTreeError) -> [StateEntry] {
    _ = try top(of: version)
    do {
      return try store.range(
        from: start, until: end, descending: descending, at: version, limit: StateScanLimit(count: limit))
    } catch { throw .store(error) }
  }

  /// Makes `version` of the newest version and `changes`, and returns its root.
  ///
  /// Changes that change nothing (the value a key has, the deletion of an absent key) leave no trace in the store.
  ///
  /// - Parameters:
  ///   - version: greater than the newest one; gaps are allowed.
  ///   - changes: strictly ascending by key; an empty list makes a version with the same root.
  /// - Throws: ``StateTreeError``; the store is then as it was.
  /// - Complexity: about 1.4 inner hashes for each new key and one page of 16 places for every four levels that a
  ///   change passes; the upper pages are shared by the whole batch.
  @discardableResult
  public mutating func commit(
    version: UInt64, changes: [StateChange]
  ) throws(StateTreeError) -> Bytes32 {
    let versions = try versions()
    guard let newest = versions?.newest else { return try commit(version, changes, to: .empty) }
    guard version > newest else { throw .versionNotNew(newest: newest, given: version) }
    return try commit(version, changes, to: try top(of: newest))
  }

  private mutating func commit(
    _ version: UInt64, _ changes: [StateChange], to top: StateSubtree
  ) throws(StateTreeError) -> Bytes32 {
    // SQLite and others keep signed integers.
    guard version <= UInt64(Int64.max) else { throw .versionOverLimit(version) }
    let commit = try computed(version, changes, on: top, countMax: StateLimits.changesMax)
    do { try store.write(commit) } catch { throw .store(error) }
    return commit.top.hash
  }

  /// The pass has a copy of the store, which must be gone before the write: a store that is a value would be
  /// duplicated otherwise.
  private func computed(
    _ version: UInt64, _ changes: [StateChange], on top: StateSubtree, countMax: Int
  ) throws(StateTreeError) -> StateCommit {
    var pass = CommitPass(store: store, version: version)
    return try pass.run(changes, on: top, countMax: countMax)
  }

  /// Makes the first version of `entries` if they give `expectedRoot`; returns the root that they give.
  ///
  /// Unlike a commit there is no limit on their number: ``StateRestoration`` limits their bytes.
  mutating func restore(
    _ entries: [StateChange], as version: UInt64, expectedRoot: Bytes32
  ) throws(StateTreeError) -> Bytes32 {
    guard version <= UInt64(Int64.max) else { throw .versionOverLimit(version) }
    let commit = try computed(version, entries, on: .empty, countMax: .max)
    guard commit.top.hash == expectedRoot else { return commit.top.hash }
    do { try store.write(commit) } catch { throw .store(error) }
    return expectedRoot
  }

  /// Removes versions before `version` with every page and value that only they used.
  ///
  /// - Parameter version: one that can be read; it and all after it stay readable.
  @discardableResult
  public mutating func prune(keepingFrom version: UInt64) throws(StateTreeError) -> StatePruneCount {
    _ = try top(of: version)
    do { return try store.prune(before: version) } catch { throw .store(error) }
  }

  /// What the tree at `version` begins with.
  func top(of version: UInt64) throws(StateTreeError) -> StateSubtree {
    let versions: StateVersions?
    do {
      if let top = try store.top(of: version) { return top }
      versions = try store.versions()
    } catch { throw .store(error) }
    guard let oldest = versions?.oldest, version < oldest else { throw .unknownVersion(version) }
    throw .pruned(version: version, oldest: oldest)
  }
}

/// Why the tree refuses, or cannot answer.
public enum StateTreeError: Error, Hashable, Sendable {
  /// No commit made this version.
  case unknownVersion(UInt64)
  /// The version was removed; `oldest` is the first that can be read.
  case pruned(version: UInt64, oldest: UInt64)
  case versionNotNew(newest: UInt64, given: UInt64)
  /// Versions are below 2^63.
  case versionOverLimit(UInt64)
  case tooManyChanges(limit: Int, actual: Int)
  /// The key of the change at `index` does not sort after the one before.
  case changesNotAscending(index: Int)
  /// ICS-23 refuses empty keys and empty values, so the tree holds none.
  case emptyKey(index: Int)
  case emptyValue(index: Int)
  case keyTooLong(index: Int, limit: Int, actual: Int)
  case valueTooLong(index: Int, limit: Int, actual: Int)
  /// An absence proof leans on a neighbour, and an empty tree has no key at all.
  case emptyTree(version: UInt64)
  /// The store gave a page that is not the one whose hash stands above it.
  case pageHash(StatePageID)
  /// The store's value of this key is not the one that the tree committed to.
  case leafHash(key: [UInt8])
  case store(StateStoreError)
}
