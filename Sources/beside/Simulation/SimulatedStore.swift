import StateTree

/// The store of a simulated domain: in memory, whole commits only. A defect may take its receipts away.
struct SimulatedStore: StateStore {
  private var inner = MemoryStateStore()
  /// The defect: receipts are never found again.
  let losesReceipts: Bool

  init(losesReceipts: Bool) { self.losesReceipts = losesReceipts }

  func versions() throws(StateStoreError) -> StateVersions? { try inner.versions() }
  func top(of version: UInt64) throws(StateStoreError) -> StateSubtree? { try inner.top(of: version) }
  func page(_ id: StatePageID) throws(StateStoreError) -> StatePage { try inner.page(id) }

  func value(of key: [UInt8], at version: UInt64) throws(StateStoreError) -> [UInt8]? {
    if losesReceipts, Self.isReceipt(key) { return nil }
    return try inner.value(of: key, at: version)
  }

  func entries(
    prefix: [UInt8], after last: [UInt8]?, at version: UInt64, limit: StateScanLimit
  ) throws(StateStoreError) -> [StateEntry] {
    try inner.entries(prefix: prefix, after: last, at: version, limit: limit)
  }

  func range(
    from start: [UInt8], until end: [UInt8]?, descending: Bool, at version: UInt64, limit: StateScanLimit
  ) throws(StateStoreError) -> [StateEntry] {
    try inner.range(from: start, until: end, descending: descending, at: version, limit: limit)
  }

  mutating func write(_ commit: StateCommit) throws(StateStoreError) { try inner.write(commit) }

  mutating func prune(before version: UInt64) throws(StateStoreError) -> StatePruneCount {
    try inner.prune(before: version)
  }

  /// `client ‖ 02 ‖ u64`.
  private static func isReceipt(_ key: [UInt8]) -> Bool {
    guard key.count > 9, key[key.count - 9] == 2 else { return false }
    let first = key[0]
    return first == UInt8(ascii: "c") || first == UInt8(ascii: "0")
  }
}
