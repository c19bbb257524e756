public import WireBytes

/// The chunks of one version, made one at a time.
public struct StateSnapshot<Store: StateStore>: Sendable {
  private let tree: StateTree<Store>
  public let version: UInt64
  public let root: Bytes32
  private var index: UInt32 = 0
  private var previous = Bytes32()
  private var lastKey: [UInt8]?
  private var isFinished = false

  fileprivate init(_ tree: StateTree<Store>, version: UInt64, root: Bytes32) {
    self.tree = tree
    self.version = version
    self.root = root
  }

  /// The next chunk; nil after the last. A version without keys has one chunk without entries.
  ///
  /// - Throws: ``StateTreeError``; a version that is pruned meanwhile gives ``StateTreeError/pruned(version:oldest:)``.
  public mutating func next() throws(StateTreeError) -> [UInt8]? {
    guard !isFinished else { return nil }
    let limit = StateScanLimit(count: StateLimits.scanLengthMax, bytes: StateSnapshotChunk.fillBytes)
    let entries = try tree.scan(after: lastKey, limit: limit, at: version)
    lastKey = entries.last?.key ?? lastKey
    let rest = try tree.scan(after: lastKey, limit: StateScanLimit(count: 1), at: version)
    isFinished = rest.isEmpty
    let chunk = StateSnapshotChunk.encode(
      version: version, index: index, isLast: isFinished, previous: previous, entries: entries)
    index += 1
    previous = chunk.hash
    return chunk.bytes
  }
}

extension StateTree {
  /// A snapshot of `version`: all its keys and values, from which ``StateRestoration`` builds it again.
  public func snapshot(at version: UInt64) throws(StateTreeError) -> StateSnapshot<Store> {
    StateSnapshot(self, version: version, root: try root(at: version))
  }

  fileprivate func scan(
    after last: [UInt8]?, limit: StateScanLimit, at version: UInt64
  ) throws(StateTreeError) -> [StateEntry] {
    _ = try top(of: version)
    do { return try store.entries(prefix: [], after: last, at: version, limit: limit) } catch {
      throw .store(error)
    }
  }
}

/// Takes the chunks of a snapshot in order, and makes a tree of them when they give the trusted root.
///
/// Entries are held in memory until the root is known to be right: nothing reaches a store before.
public struct StateRestoration: Sendable {
  /// Keys and values that a snapshot may hold, in bytes.
  public static let sizeBytesMax = 1 << 30

  private var version: UInt64?
  private var count: UInt32 = 0
  private var previous = Bytes32()
  private var isComplete = false
  private var changes: [StateChange] = []
  private var sizeBytes = 0

  public init() {}

  /// Takes the next chunk.
  ///
  /// - Throws: ``StateSnapshotError``; the restoration is then as before, and the right chunk may still be given.
  public mutating func add(_ bytes: Span<UInt8>) throws(StateSnapshotError) {
    guard !isComplete else { throw .afterLast }
    let chunk = try StateSnapshotChunk(decoding: bytes)
    guard chunk.index == count else { throw .index(expected: count, actual: chunk.index) }
    let expected = version ?? chunk.version
    guard chunk.version == expected else { throw .version(expected: expected, actual: chunk.version) }
    guard chunk.previous == previous else { throw .chain(index: chunk.index) }
    // Only the one chunk of an empty version has no entries: no run of empty chunks can go on for ever.
    guard !chunk.entries.isEmpty || (chunk.index == 0 && chunk.isLast) else {
      throw .chain(index: chunk.index)
    }
    var added = 0
    var last = changes.last?.key ?? []
    for entry in chunk.entries {
      guard KeyOrder.precedes(last, entry.key) else { throw .notAscending(index: chunk.index) }
      last = entry.key
      added += entry.key.count + entry.value.count
    }
    guard sizeBytes + added <= Self.sizeBytesMax else {
      throw .overLimit(limit: Self.sizeBytesMax, actual: sizeBytes + added)
    }
    sizeBytes += added
    changes.append(contentsOf: chunk.entries.map { StateChange(key: $0.key, value: $0.value) })
    version = chunk.version
    previous = chunk.hash
    count += 1
    isComplete = chunk.isLast
  }

  /// Builds the tree in an empty store.
  ///
  /// - Parameter expectedRoot: from a verified header; a snapshot proves nothing by itself.
  public consuming func finish<Store: StateStore>(
    expectedRoot: Bytes32, into store: Store
  ) throws(StateSnapshotError) -> StateTree<Store> {
    guard isComplete, let version else { throw .incomplete(chunks: count) }
    return try StateTree(store: store, restoring: changes, as: version, expectedRoot: expectedRoot)
  }
}

extension StateTree {
  fileprivate init(
    store: Store, restoring changes: [StateChange], as version: UInt64, expectedRoot: Bytes32
  ) throws(StateSnapshotError) {
    self.init(store: store)
    let held: StateVersions?
    do { held = try versions() } catch { throw .tree(error) }
    guard held == nil else { throw .storeNotEmpty }
    let root: Bytes32
    do { root = try restore(changes, as: version, expectedRoot: expectedRoot) } catch { throw .tree(error) }
    guard root == expectedRoot else { throw .root(calculated: root) }
  }
}
