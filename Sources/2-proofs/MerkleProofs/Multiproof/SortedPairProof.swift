private import Digests
public import WireBytes

/// Why a sorted-pair proof does not lead to its root.
public enum SortedPairError: Error, Hashable, Sendable {
  case noLeaves
  case tooManyLeaves(limit: Int, actual: Int)
  case tooManyProofNodes(limit: Int, actual: Int)
  /// The leaves and nodes would take more hashes than are made.
  case tooManyHashes(limit: Int, actual: Int)
  /// Leaves and nodes together need one flag fewer than there are of them.
  case flagCount(expected: Int, actual: Int)
  /// A hash wants a node that was not given or not computed yet (CVE-2023-34459).
  case exhausted(hash: Int)
  /// Leaves, nodes or computed hashes are left over.
  case leftOver(leaves: Int, proofNodes: Int, hashes: Int)
  case rootMismatch(expected: Bytes32, actual: Bytes32)
  /// A builder was asked for a leaf that is not there, or for leaves out of order.
  case leafIndex(count: Int, actual: Int)
}

/// How a tree of sorted pairs hashes, and how much of it is read: nodes carry no position, the smaller is hashed first.
public struct SortedPairRule: Hashable, Sendable {
  /// What is hashed before the two nodes.
  public let domain: [UInt8]
  /// The most leaves of one proof.
  public let leafCountMax: Int
  /// The most nodes of one proof.
  public let proofNodeCountMax: Int
  /// The most hashes of one proof.
  public let hashCountMax: Int

  public init(domain: [UInt8], leafCountMax: Int, proofNodeCountMax: Int, hashCountMax: Int) {
    self.domain = domain
    self.leafCountMax = leafCountMax
    self.proofNodeCountMax = proofNodeCountMax
    self.hashCountMax = hashCountMax
  }

  /// CCIP 1.x: inner nodes behind the word 1 (leaves are hashed by the message's rule behind the word 0).
  ///
  /// Limits: MerkleMultiProof.sol, `MAX_NUM_HASHES`.
  public static let ccip = SortedPairRule(
    domain: Bytes32(bigEndian: 1).array, leafCountMax: 257, proofNodeCountMax: 257, hashCountMax: 256)

  /// OpenZeppelin's MerkleProof: no domain, so that a leaf must not be 64 bytes before it is hashed.
  ///
  /// The contract has no limits; these are far over what fits in a transaction's gas.
  public static let openZeppelin = SortedPairRule(
    domain: [], leafCountMax: 65_536, proofNodeCountMax: 65_536, hashCountMax: 131_072)

  /// The parent of two nodes in either order.
  public func parent(_ a: Bytes32, _ b: Bytes32) -> Bytes32 {
    var hasher = Keccak256()
    hasher.update(domain.span)
    hasher.update(a < b ? a.span : b.span)
    hasher.update(a < b ? b.span : a.span)
    return hasher.finalize()
  }
}

/// Proofs in trees of sorted pairs: of one leaf, and of many at once.
public enum SortedPairProof {
  /// The root that `proof`, from the leaf's sibling upwards, leads `leaf` to.
  public static func root(
    leaf: Bytes32, proof: [Bytes32], rule: SortedPairRule
  ) throws(SortedPairError) -> Bytes32 {
    guard proof.count <= rule.proofNodeCountMax else {
      throw .tooManyProofNodes(limit: rule.proofNodeCountMax, actual: proof.count)
    }
    return proof.reduce(leaf) { rule.parent($0, $1) }
  }

  /// The root that `proof` leads `leaves` to, where `flags` says hash by hash what enters it.
  ///
  /// The hash at position `i` takes the next leaf or, when those are used up, the next computed hash; and beside it
  /// another one of these when `flags[i]` is true, the next proof node when it is false.
  ///
  /// - Throws: ``SortedPairError``: everything given must be used, and nothing before it was computed.
  public static func root(
    leaves: [Bytes32], proof: [Bytes32], flags: [Bool], rule: SortedPairRule
  ) throws(SortedPairError) -> Bytes32 {
    let hashCount = try hashCount(leaves, proof, rule)
    guard flags.count == hashCount else { throw .flagCount(expected: hashCount, actual: flags.count) }
    return try root(leaves: leaves, proof: proof, hashCount: hashCount, rule: rule) { flags[$0] }
  }

  /// The root that `proof` leads `leaves` to; bit `i` of `flagBits`, from the least, is the flag of hash `i`.
  ///
  /// Bits past the last hash are not looked at, as in the contract (MerkleMultiProof.sol).
  public static func root(
    leaves: [Bytes32], proof: [Bytes32], flagBits: UInt256, rule: SortedPairRule
  ) throws(SortedPairError) -> Bytes32 {
    let hashCount = try hashCount(leaves, proof, rule)
    let flags = flagBits.littleEndian
    guard hashCount <= 256 else { throw .flagCount(expected: hashCount, actual: 256) }
    return try root(leaves: leaves, proof: proof, hashCount: hashCount, rule: rule) {
      flags[$0 / 8] >> UInt8($0 % 8) & 1 == 1
    }
  }

  /// Checks that all `leaves` are in the tree under `root`.
  public static func verify(
    leaves: [Bytes32], proof: [Bytes32], flags: [Bool], root: Bytes32, rule: SortedPairRule
  ) throws(SortedPairError) {
    let actual = try self.root(leaves: leaves, proof: proof, flags: flags, rule: rule)
    guard actual == root else { throw .rootMismatch(expected: root, actual: actual) }
  }

  /// Checks that `leaf` is in the tree under `root`.
  public static func verify(
    leaf: Bytes32, proof: [Bytes32], root: Bytes32, rule: SortedPairRule
  ) throws(SortedPairError) {
    let actual = try self.root(leaf: leaf, proof: proof, rule: rule)
    guard actual == root else { throw .rootMismatch(expected: root, actual: actual) }
  }

  private static func hashCount(
    _ leaves: [Bytes32], _ proof: [Bytes32], _ rule: SortedPairRule
  ) throws(SortedPairError) -> Int {
    guard !leaves.isEmpty else { throw .noLeaves }
    guard leaves.count <= rule.leafCountMax else {
      throw .tooManyLeaves(limit: rule.leafCountMax, actual: leaves.count)
    }
    guard proof.count <= rule.proofNodeCountMax else {
      throw .tooManyProofNodes(limit: rule.proofNodeCountMax, actual: proof.count)
    }
    let count = leaves.count + proof.count - 1
    guard count <= rule.hashCountMax else { throw .tooManyHashes(limit: rule.hashCountMax, actual: count) }
    return count
  }

  private static func root(
    leaves: [Bytes32], proof: [Bytes32], hashCount: Int, rule: SortedPairRule, flag: (Int) -> Bool
  ) throws(SortedPairError) -> Bytes32 {
    guard hashCount > 0 else { return leaves[0] }
    var hashes: [Bytes32] = []
    hashes.reserveCapacity(hashCount)
    var leafPosition = 0
    var hashPosition = 0
    var proofPosition = 0
    func next() throws(SortedPairError) -> Bytes32 {
      if leafPosition < leaves.count {
        leafPosition += 1
        return leaves[leafPosition - 1]
      }
      guard hashPosition < hashes.count else { throw .exhausted(hash: hashes.count) }
      hashPosition += 1
      return hashes[hashPosition - 1]
    }
    for index in 0..<hashCount {
      let first: Bytes32
      if flag(index) {
        first = try next()
      } else {
        guard proofPosition < proof.count else { throw .exhausted(hash: index) }
        first = proof[proofPosition]
        proofPosition += 1
      }
      hashes.append(rule.parent(first, try next()))
    }
    guard leafPosition == leaves.count, proofPosition == proof.count, hashPosition == hashCount - 1 else {
      throw .leftOver(
        leaves: leaves.count - leafPosition, proofNodes: proof.count - proofPosition,
        hashes: hashCount - 1 - hashPosition)
    }
    return hashes[hashCount - 1]
  }
}
