import WireBytes

/// One pass over the tree, bottom-up: from the old top and a batch of changes to the new top and its new pages.
struct CommitPass<Store: StateStore> {
  private let store: Store
  private let version: UInt64
  private var pages: [(path: StatePagePath, page: StatePage)] = []
  private var stalePages: [StatePageID] = []
  /// By the index of the change: what it did.
  private var effects: [Effect] = []

  private enum Effect {
    case none
    case created
    /// Replaced or deleted the value that this version wrote.
    case replaced(UInt64)
  }

  /// A change with its hashes, in the order of the tree.
  private struct Hashed {
    let index: Int
    let path: Bytes32
    /// What the change puts; nil for a deletion.
    let leaf: StateLeaf?
  }

  init(store: Store, version: UInt64) {
    self.store = store
    self.version = version
  }

  /// - Throws: ``StateTreeError`` for changes over a limit or out of order, and when the store cannot answer.
  mutating func run(
    _ changes: [StateChange], on top: StateSubtree, countMax: Int
  ) throws(StateTreeError) -> StateCommit {
    try Self.check(changes, countMax: countMax)
    effects = [Effect](repeating: .none, count: changes.count)
    pages.reserveCapacity(changes.count / 2)
    let ordered = hashed(changes)
    let newTop = try apply(ordered[...], to: top, at: .top)
    var applied: [StateChange] = []
    var replaced: [UInt64?] = []
    applied.reserveCapacity(changes.count)
    replaced.reserveCapacity(changes.count)
    for index in changes.indices {
      switch effects[index] {
      case .none: continue
      case .created: replaced.append(nil)
      case .replaced(let version): replaced.append(version)
      }
      applied.append(changes[index])
    }
    return StateCommit(
      version: version, top: newTop, pages: pages, stalePages: stalePages, changes: applied,
      replaced: replaced)
  }

  private static func check(_ changes: [StateChange], countMax: Int) throws(StateTreeError) {
    guard changes.count <= countMax else { throw .tooManyChanges(limit: countMax, actual: changes.count) }
    for index in changes.indices {
      let key = changes[index].key
      guard !key.isEmpty else { throw .emptyKey(index: index) }
      guard key.count <= StateLimits.keyBytesMax else {
        throw .keyTooLong(index: index, limit: StateLimits.keyBytesMax, actual: key.count)
      }
      if let value = changes[index].value {
        guard !value.isEmpty else { throw .emptyValue(index: index) }
        guard value.count <= StateLimits.valueBytesMax else {
          throw .valueTooLong(index: index, limit: StateLimits.valueBytesMax, actual: value.count)
        }
      }
      if index > 0, !KeyOrder.precedes(changes[index - 1].key, key) {
        throw .changesNotAscending(index: index)
      }
    }
  }

  /// The changes in the order of their paths. Sorting eight bytes and an index moves less than sorting the changes.
  private func hashed(_ changes: [StateChange]) -> [Hashed] {
    let paths = changes.map { StateHashing.path(of: $0.key) }
    var order = paths.indices.map { (leading: paths[$0].leading, index: $0) }
    order.sort { one, two in
      one.leading == two.leading ? paths[one.index] < paths[two.index] : one.leading < two.leading
    }
    return order.map { _, index in
      let change = changes[index]
      let leaf = change.value.map { value in
        StateLeaf(
          key: change.key, path: paths[index], hash: StateHashing.leaf(path: paths[index], value: value),
          version: version)
      }
      return Hashed(index: index, path: paths[index], leaf: leaf)
    }
  }

  /// Applies changes that all belong at `path`. Recursion is at most 64 deep, one call for each hex digit.
  private mutating func apply(
    _ changes: ArraySlice<Hashed>, to subtree: StateSubtree, at path: StatePagePath
  ) throws(StateTreeError) -> StateSubtree {
    switch subtree {
    case .empty:
      for change in changes where change.leaf != nil { effects[change.index] = .created }
      let leaves = changes.compactMap(\.leaf)
      return build(leaves[...], at: path)
    case .leaf(let leaf):
      return apply(changes, to: leaf, at: path)
    case .page(let hash, let written):
      let id = StatePageID(path: path, version: written)
      let page = try store.checkedPage(id, hash: hash)
      return try apply(changes, to: page, id)
    }
  }

  private mutating func apply(
    _ changes: ArraySlice<Hashed>, to leaf: StateLeaf, at path: StatePagePath
  ) -> StateSubtree {
    var leaves: [StateLeaf] = []
    leaves.reserveCapacity(changes.count + 1)
    var isPlaced = false
    for change in changes {
      if change.path == leaf.path {
        isPlaced = true
        if let new = change.leaf, new.hash == leaf.hash {
          leaves.append(leaf)
          continue
        }
        effects[change.index] = .replaced(leaf.version)
      } else {
        if !isPlaced, leaf.path < change.path {
          isPlaced = true
          leaves.append(leaf)
        }
        if change.leaf != nil { effects[change.index] = .created }
      }
      if let new = change.leaf { leaves.append(new) }
    }
    if !isPlaced { leaves.append(leaf) }
    return build(leaves[...], at: path)
  }

  private mutating func apply(
    _ changes: ArraySlice<Hashed>, to page: StatePage, _ id: StatePageID
  ) throws(StateTreeError) -> StateSubtree {
    var places: UInt16 = 0
    var changed: UInt16 = 0
    var subtrees: [StateSubtree] = []
    subtrees.reserveCapacity(16)
    var start = changes.startIndex
    for digit in 0..<16 {
      var end = start
      while end < changes.endIndex, id.path.digit(of: changes[end].path) == digit { end += 1 }
      let old = page.subtree(at: digit)
      var subtree = old
      if end > start {
        subtree = try apply(changes[start..<end], to: old, at: id.path.child(digit))
        if !subtree.isSame(as: old) { changed |= 1 << UInt16(digit) }
      }
      start = end
      if subtree.isEmpty { continue }
      places |= 1 << UInt16(digit)
      subtrees.append(subtree)
    }
    guard changed != 0 else { return .page(hash: page.hash, version: id.version) }
    stalePages.append(id)
    return finish(places, subtrees, at: id.path, previous: page, changed: changed)
  }

  /// The subtree of leaves that are in order and all belong at `path`.
  private mutating func build(_ leaves: ArraySlice<StateLeaf>, at path: StatePagePath) -> StateSubtree {
    guard let first = leaves.first else { return .empty }
    guard leaves.count > 1 else { return .leaf(first) }
    var places: UInt16 = 0
    var subtrees: [StateSubtree] = []
    subtrees.reserveCapacity(min(leaves.count, 16))
    var start = leaves.startIndex
    while start < leaves.endIndex {
      let digit = path.digit(of: leaves[start].path)
      var end = start + 1
      while end < leaves.endIndex, path.digit(of: leaves[end].path) == digit { end += 1 }
      places |= 1 << UInt16(digit)
      subtrees.append(build(leaves[start..<end], at: path.child(digit)))
      start = end
    }
    return finish(places, subtrees, at: path)
  }

  private mutating func finish(
    _ places: UInt16, _ subtrees: [StateSubtree], at path: StatePagePath, previous: StatePage? = nil,
    changed: UInt16 = .max
  ) -> StateSubtree {
    guard let first = subtrees.first else { return .empty }
    if subtrees.count == 1, case .leaf = first { return first }
    let page = StatePage(places: places, subtrees: subtrees, previous: previous, changed: changed)
    pages.append((path, page))
    return .page(hash: page.hash, version: version)
  }
}

extension StateStore {
  /// The page, which must be the one whose hash stands above it.
  func checkedPage(_ id: StatePageID, hash: Bytes32) throws(StateTreeError) -> StatePage {
    let page: StatePage
    do { page = try self.page(id) } catch { throw .store(error) }
    guard page.hash == hash else { throw .pageHash(id) }
    return page
  }
}
