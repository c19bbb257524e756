import WireBytes

/// A way from the top of the tree down to one place, from which neighbours can be found.
struct ProofWalk<Store: StateStore> {
  /// One binary fork and the branch taken.
  struct Step {
    let page: StatePage
    let path: StatePagePath
    /// The fork's number in the page.
    let node: Int
    let isRight: Bool

    /// The hash of the branch not taken.
    var sibling: Bytes32 { page.hash(ofNode: 2 * node + (isRight ? 0 : 1)) }
    /// The branch not taken holds something.
    var hasSibling: Bool {
      if case .empty = page.fork(atNode: 2 * node + (isRight ? 0 : 1)) { false } else { true }
    }
  }

  /// Which branch to take at a fork.
  private enum Aim {
    case path(Bytes32)
    /// The outermost leaf on one side.
    case edge(isRight: Bool)
  }

  let store: Store
  private(set) var steps: [Step] = []
  /// The leaf at the end; nil when the place is empty.
  private(set) var leaf: StateLeaf?

  /// Walks towards `path`: to its leaf, to the leaf that stands in its way, or to the empty place where it would be.
  init(store: Store, top: StateSubtree, towards path: Bytes32) throws(StateTreeError) {
    self.store = store
    try descend(top, at: .top, aim: .path(path))
  }

  /// The nearest leaf on one side of this walk's end; nil when there is none.
  func neighbour(isRight: Bool) throws(StateTreeError) -> ProofWalk? {
    guard let fork = steps.lastIndex(where: { $0.isRight != isRight && $0.hasSibling }) else { return nil }
    var walk = self
    let step = steps[fork]
    walk.steps.removeSubrange(fork...)
    walk.leaf = nil
    walk.steps.append(Step(page: step.page, path: step.path, node: step.node, isRight: isRight))
    try walk.descend(
      step.page, at: step.path, from: 2 * step.node + (isRight ? 1 : 0), aim: .edge(isRight: !isRight))
    return walk
  }

  private mutating func descend(
    _ subtree: StateSubtree, at path: StatePagePath, aim: Aim
  ) throws(StateTreeError) {
    switch subtree {
    case .empty: leaf = nil
    case .leaf(let leaf): self.leaf = leaf
    case .page(let hash, let version):
      let page = try store.checkedPage(StatePageID(path: path, version: version), hash: hash)
      try descend(page, at: path, from: 1, aim: aim)
    }
  }

  /// At most 64 pages deep: each recursion goes one hex digit further.
  private mutating func descend(
    _ page: StatePage, at path: StatePagePath, from start: Int, aim: Aim
  ) throws(StateTreeError) {
    var node = start
    while true {
      switch page.fork(atNode: node) {
      case .empty: return
      case .leaf(let leaf):
        self.leaf = leaf
        return
      case .page(let hash, let version):
        return try descend(.page(hash: hash, version: version), at: path.child(node - 16), aim: aim)
      case .inner:
        let isRight =
          switch aim {
          case .path(let wanted):
            // The highest bit of the digit decides at node 1, the lowest at nodes 8 to 15.
            path.digit(of: wanted) >> (node.leadingZeroBitCount - (Int.bitWidth - 4)) & 1 == 1
          case .edge(let isRight):
            if case .empty = page.fork(atNode: 2 * node + (isRight ? 1 : 0)) { !isRight } else { isRight }
          }
        steps.append(Step(page: page, path: path, node: node, isRight: isRight))
        node = 2 * node + (isRight ? 1 : 0)
      }
    }
  }
}
