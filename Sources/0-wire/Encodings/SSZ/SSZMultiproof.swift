import Digests
public import WireBytes

/// Why a branch or a multiproof does not lead from its leaves to the root.
public enum SSZProofError: Error, Hashable, Sendable {
  /// The branch has another number of nodes than the index asks for.
  case length(expected: Int, actual: Int)
  /// Leaves and indices are not equally many, or there are none or too many.
  case leafCount(expected: Int, actual: Int)
  /// An index comes twice, or is an ancestor of another: its descendants would not be proven.
  case overlappingIndices(UInt64)
  case rootMismatch(computed: Bytes32)
  /// The tree ends above an index; only when building.
  case noNode(UInt64)
}

/// Several leaves of one tree with the fewest nodes that prove them together.
///
/// Nodes come in descending order of their indices, as `get_helper_indices` gives them; for one leaf that is a branch.
public struct SSZMultiproof: Hashable, Sendable {
  /// The most leaves of one proof.
  public static let leavesMax = 4096

  public struct Leaf: Hashable, Sendable {
    public let index: GeneralizedIndex
    public let node: Bytes32

    public init(index: GeneralizedIndex, node: Bytes32) {
      self.index = index
      self.node = node
    }
  }

  public let leaves: [Leaf]
  public let nodes: [Bytes32]

  public init(leaves: [Leaf], nodes: [Bytes32]) {
    self.leaves = leaves
    self.nodes = nodes
  }

  /// Checks all leaves against `root`.
  ///
  /// - Throws: ``SSZProofError``; among them ``SSZProofError/overlappingIndices(_:)``, where the procedure of the
  ///   specification would leave a leaf unproven.
  public func verify(root: Bytes32) throws(SSZProofError) {
    let computed = try self.root()
    guard computed == root else { throw .rootMismatch(computed: computed) }
  }

  /// The root that the leaves and nodes give.
  public func root() throws(SSZProofError) -> Bytes32 {
    let sorted = leaves.sorted { $0.index > $1.index }
    var used = 0
    let count = nodes.count
    let root = try Self.climb(sorted.map { ($0.index, $0.node) }) {
      (_: GeneralizedIndex) throws(SSZProofError) -> Bytes32 in
      guard used < count else { throw .length(expected: used + 1, actual: count) }
      used += 1
      return nodes[used - 1]
    } join: { left, right in
      SHA256Hash.hash(left, right)
    }
    guard used == count else { throw .length(expected: used, actual: count) }
    return root
  }

  /// Places of the nodes that a proof of `indices` needs, in the order of ``nodes``.
  public static func helperIndices(
    _ indices: [GeneralizedIndex]
  ) throws(SSZProofError) -> [GeneralizedIndex] {
    var helpers: [GeneralizedIndex] = []
    try climb(indices.sorted(by: >).map { ($0, ()) }) {
      (index: GeneralizedIndex) throws(SSZProofError) -> Void in
      helpers.append(index)
    } join: { _, _ in
    }
    return helpers
  }

  /// Walks from `leaves`, in descending order of their indices, to the root: the highest node left is joined with
  /// its sibling, which is the next highest or comes from `helper`.
  ///
  /// Parents come out in descending order as well, so two queues stay sorted without searching.
  @discardableResult
  private static func climb<Node>(
    _ leaves: [(GeneralizedIndex, Node)],
    helper: (GeneralizedIndex) throws(SSZProofError) -> Node, join: (Node, Node) -> Node
  ) throws(SSZProofError) -> Node {
    guard !leaves.isEmpty else { throw .leafCount(expected: 1, actual: 0) }
    guard leaves.count <= leavesMax else { throw .leafCount(expected: leavesMax, actual: leaves.count) }
    var parents: [(GeneralizedIndex, Node)] = []
    var nextLeaf = 0
    var nextParent = 0
    func takeHighest() throws(SSZProofError) -> (GeneralizedIndex, Node)? {
      let leaf = nextLeaf < leaves.count ? leaves[nextLeaf] : nil
      let parent = nextParent < parents.count ? parents[nextParent] : nil
      guard let leaf else {
        nextParent += parent == nil ? 0 : 1
        return parent
      }
      if let parent {
        if parent.0 == leaf.0 { throw .overlappingIndices(leaf.0.rawValue) }
        if parent.0 > leaf.0 {
          nextParent += 1
          return parent
        }
      }
      nextLeaf += 1
      if nextLeaf < leaves.count, leaves[nextLeaf].0 == leaf.0 { throw .overlappingIndices(leaf.0.rawValue) }
      return leaf
    }
    func nextIs(_ index: GeneralizedIndex) -> Bool {
      (nextLeaf < leaves.count && leaves[nextLeaf].0 == index)
        || (nextParent < parents.count && parents[nextParent].0 == index)
    }
    while let (index, node) = try takeHighest() {
      if index == .root { return node }
      let sibling: Node
      if nextIs(index.sibling), let taken = try takeHighest() {
        sibling = taken.1
      } else {
        sibling = try helper(index.sibling)
      }
      parents.append((index.parent, index.isRight ? join(sibling, node) : join(node, sibling)))
    }
    // Every walk ends at the root: parents of what is taken are queued until then.
    throw .leafCount(expected: 1, actual: 0)
  }
}
