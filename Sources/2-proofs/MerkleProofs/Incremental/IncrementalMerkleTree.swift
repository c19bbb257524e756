public import Digests
public import WireBytes

/// Why an incremental tree takes no leaf, or a branch does not lead to its root.
public enum IncrementalMerkleTreeError: Error, Hashable, Sendable {
  /// The tree holds 2^32 - 1 leaves.
  case full
  /// A stored branch, or a proof, has another number of nodes than the tree is deep.
  case branchLength(expected: Int, actual: Int)
  case rootMismatch(expected: Bytes32, actual: Bytes32)
  /// No such leaf was inserted, or not among the first `count`.
  case leafIndex(count: UInt32, actual: UInt32)
  /// More leaves were asked for than were inserted.
  case leafCount(held: UInt32, actual: UInt32)
}

/// The append-only tree of depth 32 that Ethereum's deposit contract, Nomad and Hyperlane keep: its left edge only.
///
/// Leaves that are not there count as zero. The root does not commit to the number of leaves. Inserting hashes twice on
/// average and 32 times at most; nothing is allocated. Source: hyperlane-monorepo, solidity/contracts/libs/Merkle.sol.
public struct IncrementalMerkleTree<Hash: MerkleHashing>: Sendable {
  /// Levels between a leaf and the root.
  public static var depth: Int { 32 }
  /// The most leaves: 2^32 - 1.
  public static var countMax: UInt32 { .max }

  /// For each level the left node that waits for its right sibling.
  public private(set) var branch: [Bytes32]
  /// Leaves inserted so far.
  public private(set) var count: UInt32
  private let zeroes: ZeroSubtrees<Hash>

  /// The tree without leaves.
  public init() {
    branch = [Bytes32](repeating: Bytes32(), count: Self.depth)
    count = 0
    zeroes = ZeroSubtrees(maximumDepth: Self.depth)
  }

  /// A tree as stored: `branch` and `count` of another one.
  ///
  /// - Throws: ``IncrementalMerkleTreeError/branchLength(expected:actual:)``.
  public init(branch: [Bytes32], count: UInt32) throws(IncrementalMerkleTreeError) {
    guard branch.count == Self.depth else {
      throw .branchLength(expected: Self.depth, actual: branch.count)
    }
    self.branch = branch
    self.count = count
    zeroes = ZeroSubtrees(maximumDepth: Self.depth)
  }

  /// Appends a leaf.
  ///
  /// - Throws: ``IncrementalMerkleTreeError/full``; the tree is then unchanged.
  public mutating func insert(_ leaf: Bytes32) throws(IncrementalMerkleTreeError) {
    guard count < Self.countMax else { throw .full }
    count += 1
    var node = leaf
    var size = count
    // `size` is not zero, so that one of its bits ends the loop.
    for level in 0..<Self.depth {
      if size & 1 == 1 {
        branch[level] = node
        return
      }
      node = Hash.parent(branch[level], node)
      size >>= 1
    }
  }

  /// The root over all leaves.
  public var root: Bytes32 {
    var node = Bytes32()
    for level in 0..<Self.depth {
      let isRight = count >> UInt32(level) & 1 == 1
      node = isRight ? Hash.parent(branch[level], node) : Hash.parent(node, zeroes[level])
    }
    return node
  }

  /// The root that `path`, from the leaf's sibling upwards, leads `leaf` to.
  ///
  /// - Throws: ``IncrementalMerkleTreeError/branchLength(expected:actual:)``.
  public static func branchRoot(
    leaf: Bytes32, path: [Bytes32], index: UInt32
  ) throws(IncrementalMerkleTreeError) -> Bytes32 {
    guard path.count == depth else { throw .branchLength(expected: depth, actual: path.count) }
    var node = leaf
    for level in 0..<depth {
      let isRight = index >> UInt32(level) & 1 == 1
      node = isRight ? Hash.parent(path[level], node) : Hash.parent(node, path[level])
    }
    return node
  }

  /// Checks that `leaf` is leaf number `index` under `root`.
  ///
  /// A zero leaf verifies at every index that was not filled yet: callers that know the count compare it with `index`.
  public static func verify(
    leaf: Bytes32, path: [Bytes32], index: UInt32, root: Bytes32
  ) throws(IncrementalMerkleTreeError) {
    let actual = try branchRoot(leaf: leaf, path: path, index: index)
    guard actual == root else { throw .rootMismatch(expected: root, actual: actual) }
  }
}
