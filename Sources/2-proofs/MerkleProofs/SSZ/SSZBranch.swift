private import Digests
public import WireBytes

/// Why an SSZ branch does not lead to its root.
public enum SSZBranchError: Error, Hashable, Sendable {
  /// Generalized index 0 names no node.
  case zeroIndex
  /// The index's depth is another number of nodes.
  case branchLength(expected: Int, actual: Int)
  /// The branch is shorter than the index's depth, where leading zeroes may make it longer.
  case branchTooShort(depth: Int, actual: Int)
  /// The branch is longer than any padded branch.
  case branchTooLong(limit: Int, actual: Int)
  /// A node that only pads the branch is not zero.
  case padding(node: Int)
  /// `index` is not below 2^`depth`, or `depth` is over 63.
  case indexRange(index: UInt64, depth: Int)
  case rootMismatch(expected: Bytes32, actual: Bytes32)
}

/// Merkle branches of SSZ objects: SHA-256, no prefixes, a node named by its generalized index.
///
/// The root has index 1, the children of node `n` have `2n` and `2n + 1`; a node's depth is the index's bit width less
/// one. Source: ethereum/consensus-specs, ssz/merkle-proofs.md and phase0/beacon-chain.md, `is_valid_merkle_branch`.
public enum SSZBranch {
  /// The most leading zero nodes that ``verifyNormalized(leaf:branch:gindex:root:)`` reads over: the branches of any fork
  /// fit (at most 64 nodes).
  public static let lengthMax = 64

  /// The root that `branch`, from the leaf's sibling upwards, leads `leaf` to.
  ///
  /// - Throws: ``SSZBranchError/zeroIndex`` or ``SSZBranchError/branchLength(expected:actual:)``.
  public static func root(
    leaf: Bytes32, branch: [Bytes32], gindex: UInt64
  ) throws(SSZBranchError) -> Bytes32 {
    let depth = try depth(of: gindex)
    guard branch.count == depth else { throw .branchLength(expected: depth, actual: branch.count) }
    return root(leaf: leaf, branch: branch[...], index: gindex)
  }

  /// Checks that `leaf` stands at `gindex` of the object whose root is `root`.
  public static func verify(
    leaf: Bytes32, branch: [Bytes32], gindex: UInt64, root: Bytes32
  ) throws(SSZBranchError) {
    let actual = try self.root(leaf: leaf, branch: branch, gindex: gindex)
    guard actual == root else { throw .rootMismatch(expected: root, actual: actual) }
  }

  /// Checks a branch that a later fork's type holds with zero nodes in front: the specification's
  /// `is_valid_normalized_merkle_branch` (specs/altair/light-client/sync-protocol.md).
  ///
  /// - Parameter branch: the nodes of `gindex`'s depth, after any number of zero nodes.
  public static func verifyNormalized(
    leaf: Bytes32, branch: [Bytes32], gindex: UInt64, root: Bytes32
  ) throws(SSZBranchError) {
    let depth = try depth(of: gindex)
    guard branch.count <= lengthMax else { throw .branchTooLong(limit: lengthMax, actual: branch.count) }
    guard branch.count >= depth else { throw .branchTooShort(depth: depth, actual: branch.count) }
    let padding = branch.count - depth
    for node in 0..<padding where !branch[node].isZero { throw .padding(node: node) }
    let actual = self.root(leaf: leaf, branch: branch[padding...], index: gindex)
    guard actual == root else { throw .rootMismatch(expected: root, actual: actual) }
  }

  /// Checks that `leaf` is leaf number `index` of a tree of `depth` levels under `root`: the specification's
  /// `is_valid_merkle_branch`, with `index` bounded by the depth.
  public static func verify(
    leaf: Bytes32, branch: [Bytes32], depth: Int, index: UInt64, root: Bytes32
  ) throws(SSZBranchError) {
    guard (0...63).contains(depth), index >> UInt64(depth) == 0 else {
      throw .indexRange(index: index, depth: depth)
    }
    try verify(leaf: leaf, branch: branch, gindex: 1 << UInt64(depth) | index, root: root)
  }

  /// Levels between the node at `gindex` and the root.
  public static func depth(of gindex: UInt64) throws(SSZBranchError) -> Int {
    guard gindex > 0 else { throw .zeroIndex }
    return 63 - gindex.leadingZeroBitCount
  }

  private static func root(leaf: Bytes32, branch: ArraySlice<Bytes32>, index: UInt64) -> Bytes32 {
    var node = leaf
    var position = index
    for sibling in branch {
      node = position & 1 == 0 ? SHA256Hash.parent(node, sibling) : SHA256Hash.parent(sibling, node)
      position >>= 1
    }
    return node
  }
}
