private import Digests
public import WireBytes

/// What a Merkle-Patricia proof shows about its key.
public enum MerklePatriciaResult: Hashable, Sendable {
  /// The trie holds `value` under the key.
  case included(value: [UInt8])
  /// The trie holds nothing under the key, and the proof shows where its path parts from every key that is held.
  case excluded(MerklePatriciaDivergence)
}

/// The place at which a path provably leaves the trie. `depth` counts nibbles of the key walked so far.
public enum MerklePatriciaDivergence: Hashable, Sendable {
  /// The root is that of the trie without entries.
  case emptyTrie
  /// The branch has no child under the key's next nibble.
  case emptyChild(node: Int, depth: Int)
  /// The key ends at a branch that holds no value.
  case emptyBranchValue(node: Int, depth: Int)
  /// The key does not go along the extension's path, or ends inside it.
  case extensionPath(node: Int, depth: Int)
  /// The leaf belongs to another key.
  case leafPath(node: Int, depth: Int)
}

/// How a proof lists nodes of fewer than 32 bytes, which stand inside their parents.
public enum MerklePatriciaConvention: Hashable, Sendable {
  /// As `eth_getProof` (EIP-1186) answers: an embedded node is no element of its own.
  case geth
  /// As the OP Stack's MerkleTrie contract reads: an embedded node is repeated as the next element.
  case optimism
}

/// Verification of Ethereum's modified Merkle-Patricia tries (yellow paper, appendix D).
///
/// Every node on the path is hashed and read in place; nothing is copied but the value. Exclusion is reported only
/// where the nodes show it: a proof that ends early is an error, and so are nodes that are left over.
public enum MerklePatriciaProof {
  /// The root of the trie without entries: Keccak-256 of the RLP empty string.
  public static let emptyRoot = Keccak256.hash([0x80])

  /// The longest key: far over any in use (32 bytes hashed, 9 as an index), and a bound on the walk.
  public static let keySizeBytesMax = 256
  /// The longest node: a leaf with a receipt that fills a block of logs stays below it.
  public static let nodeSizeBytesMax = 16 << 20

  /// What the trie under `root` holds for `key`, by `nodes` from the root down.
  ///
  /// - Parameters:
  ///   - root: the trusted root.
  ///   - key: the trie's key: already hashed for state and storage tries, RLP of the index for receipts.
  ///   - nibbleCount: how many nibbles of `key` count, from the first; all when nil.
  ///   - nodes: RLP of each node, root first. Untrusted; no input traps.
  ///   - convention: how embedded nodes are listed.
  /// - Complexity: one Keccak-256 per hashed node; the only allocation is the value.
  public static func verify(
    root: Bytes32, key: Span<UInt8>, nibbleCount: Int? = nil, nodes: [[UInt8]],
    convention: MerklePatriciaConvention = .geth
  ) throws(MerklePatriciaError) -> MerklePatriciaResult {
    guard key.count <= keySizeBytesMax else { throw .keyTooLong(limit: keySizeBytesMax, actual: key.count) }
    let nibbles = nibbleCount ?? key.count * 2
    guard nibbles <= key.count * 2 else { throw .nibbleCount(available: key.count * 2, actual: nibbles) }
    guard nibbles > 0 else { throw .emptyKey }
    if root == emptyRoot {
      // geth answers with no node at all, others with the empty string whose hash the root is.
      let used = nodes.first == [0x80] ? 1 : 0
      guard nodes.count == used else { throw .unusedNodes(first: used, count: nodes.count - used) }
      return .excluded(.emptyTrie)
    }
    var walk = MerklePatriciaWalk(nibbleCount: nibbles, repeatsEmbedded: convention == .optimism)
    var expected = root
    while true {
      guard walk.node < nodes.count else { throw .missingNode(node: walk.node, depth: walk.depth) }
      let element = nodes[walk.node]
      let bytes = element.span
      guard bytes.count <= nodeSizeBytesMax else {
        throw .nodeTooLarge(node: walk.node, limit: nodeSizeBytesMax, actual: bytes.count)
      }
      guard Keccak256.hash(bytes) == expected else { throw .hashMismatch(node: walk.node) }
      switch try walk.descend(bytes, key: key, nodes: nodes) {
      case .child(let hash):
        expected = hash
        walk.node += 1
      case .value(let range):
        try refuseUnused(nodes, after: walk.node)
        return .included(value: [UInt8](copying: bytes.extracting(range)))
      case .divergence(let divergence):
        try refuseUnused(nodes, after: walk.node)
        return .excluded(divergence)
      }
    }
  }

  /// What the trie under `root` holds for `key`, by `nodes` from the root down.
  public static func verify(
    root: Bytes32, key: [UInt8], nodes: [[UInt8]], convention: MerklePatriciaConvention = .geth
  ) throws(MerklePatriciaError) -> MerklePatriciaResult {
    try verify(root: root, key: key.span, nodes: nodes, convention: convention)
  }

  private static func refuseUnused(_ nodes: [[UInt8]], after last: Int) throws(MerklePatriciaError) {
    let used = last + 1
    guard nodes.count == used else { throw .unusedNodes(first: used, count: nodes.count - used) }
  }
}
