private import Digests
private import Encodings
public import WireBytes

/// Why entries make no trie, or a key has no proof.
public enum MerklePatriciaTrieError: Error, Hashable, Sendable {
  /// Keys have 1 to ``MerklePatriciaProof/keySizeBytesMax`` bytes.
  case keySize(entry: Int, actual: Int)
  /// More entries than are built.
  case tooManyEntries(limit: Int, actual: Int)
}

/// A Merkle-Patricia trie built once from its entries: its root, and the proof for any key.
///
/// The whole trie is held in memory: for the receipts or transactions of a block, and for tests.
public struct MerklePatriciaTrie: Sendable {
  /// What is stored under a key; an empty value means that nothing is.
  public struct Entry: Hashable, Sendable {
    public let key: [UInt8]
    public let value: [UInt8]

    public init(key: [UInt8], value: [UInt8]) {
      self.key = key
      self.value = value
    }
  }

  /// How keys enter the trie.
  public enum Keys: Hashable, Sendable {
    /// As they are: receipts, transactions, withdrawals.
    case plain
    /// As their Keccak-256: state and storage.
    case hashed
  }

  private struct Node: Sendable {
    /// Nibbles of a leaf or an extension; empty for a branch.
    var path: [UInt8] = []
    /// 16 children of a branch, one of an extension, none of a leaf; -1 for no child.
    var children: [Int] = []
    /// RLP of the node.
    var encoded: [UInt8] = []
  }

  /// More entries than this are refused.
  public static let entryCountMax = 1 << 22

  private let keys: Keys
  private var nodes: [Node] = []
  /// -1 for a trie without entries.
  private var top = -1
  public private(set) var root = MerklePatriciaProof.emptyRoot

  /// Builds the trie that holds `entries`; of two with one key the later counts, and an empty value deletes.
  ///
  /// - Complexity: O(n log n) comparisons of keys and one Keccak-256 per node.
  public init(_ entries: [Entry], keys: Keys = .plain) throws(MerklePatriciaTrieError) {
    self.keys = keys
    guard entries.count <= Self.entryCountMax else {
      throw .tooManyEntries(limit: Self.entryCountMax, actual: entries.count)
    }
    var latest: [[UInt8]: [UInt8]] = [:]
    for (index, entry) in entries.enumerated() {
      guard (1...MerklePatriciaProof.keySizeBytesMax).contains(entry.key.count) else {
        throw .keySize(entry: index, actual: entry.key.count)
      }
      latest[keys == .plain ? entry.key : Keccak256.hash(entry.key).array] = entry.value
    }
    let held = latest.filter { !$0.value.isEmpty }
    let sorted = held.map { (nibbles: Self.nibbles($0.key), value: $0.value) }
      .sorted { $0.nibbles.lexicographicallyPrecedes($1.nibbles) }
    guard !sorted.isEmpty else { return }
    top = build(sorted[...], depth: 0)
    root = Keccak256.hash(nodes[top].encoded)
  }

  /// The trie of a block's receipts, transactions or withdrawals: the key of each is RLP of its index.
  public init(list items: [[UInt8]]) throws(MerklePatriciaTrieError) {
    try self.init(
      items.enumerated().map { Entry(key: EthereumReceiptProof.key(UInt64($0.offset)), value: $0.element) })
  }

  /// The proof for `key`, of inclusion or exclusion, which ``MerklePatriciaProof`` reads.
  public func proof(
    _ key: [UInt8], convention: MerklePatriciaConvention = .geth
  ) -> [[UInt8]] {
    let nibbles = Self.nibbles(keys == .plain ? key : Keccak256.hash(key).array)
    var proof: [[UInt8]] = []
    var current = top
    var depth = 0
    while current >= 0 {
      let node = nodes[current]
      if proof.isEmpty || node.encoded.count >= 32 || convention == .optimism { proof.append(node.encoded) }
      switch node.children.count {
      case 16:
        guard depth < nibbles.count else { return proof }
        current = node.children[Int(nibbles[depth])]
        depth += 1
      case 1:
        guard nibbles[depth...].starts(with: node.path) else { return proof }
        current = node.children[0]
        depth += node.path.count
      default:
        return proof
      }
    }
    return proof
  }

  /// What `nodes` show about `key` under this trie's root.
  public func verify(
    _ key: [UInt8], nodes: [[UInt8]], convention: MerklePatriciaConvention = .geth
  ) throws(MerklePatriciaError) -> MerklePatriciaResult {
    let key = keys == .plain ? key : Keccak256.hash(key).array
    return try MerklePatriciaProof.verify(root: root, key: key, nodes: nodes, convention: convention)
  }

  private static func nibbles(_ bytes: [UInt8]) -> [UInt8] {
    var nibbles: [UInt8] = []
    nibbles.reserveCapacity(bytes.count * 2)
    for byte in bytes {
      nibbles.append(byte >> 4)
      nibbles.append(byte & 0x0f)
    }
    return nibbles
  }

  /// Adds the node over `entries`, which are sorted, distinct, at least one, and agree in their first `depth` nibbles;
  /// recursion is bounded by the longest key.
  private mutating func build(
    _ entries: ArraySlice<(nibbles: [UInt8], value: [UInt8])>, depth: Int
  ) -> Int {
    let first = entries[entries.startIndex]
    guard entries.count > 1 else {
      let path = [UInt8](first.nibbles[depth...])
      return add(Node(path: path, encoded: Self.leaf(path, first.value)))
    }
    // Sorted: what the first and the last share, all share.
    let last = entries[entries.index(before: entries.endIndex)]
    var shared = depth
    while shared < first.nibbles.count, first.nibbles[shared] == last.nibbles[shared] { shared += 1 }
    guard shared == depth else {
      let child = build(entries, depth: shared)
      let path = [UInt8](first.nibbles[depth..<shared])
      return add(Node(path: path, children: [child], encoded: extensionNode(path, child)))
    }
    var children = [Int](repeating: -1, count: 16)
    var value: [UInt8] = []
    var rest = entries
    if first.nibbles.count == depth {
      value = first.value
      rest = rest.dropFirst()
    }
    while let next = rest.first {
      let nibble = next.nibbles[depth]
      let end = rest.firstIndex { $0.nibbles[depth] != nibble } ?? rest.endIndex
      children[Int(nibble)] = build(rest[rest.startIndex..<end], depth: depth + 1)
      rest = rest[end...]
    }
    return add(Node(children: children, encoded: branch(children, value)))
  }

  private mutating func add(_ node: Node) -> Int {
    nodes.append(node)
    return nodes.count - 1
  }

  private static func leaf(_ path: [UInt8], _ value: [UInt8]) -> [UInt8] {
    var writer = RLPWriter()
    writer.list { writer in
      writer.string(hexPrefixed(path, isLeaf: true))
      writer.string(value)
    }
    return writer.bytes
  }

  private func extensionNode(_ path: [UInt8], _ child: Int) -> [UInt8] {
    var writer = RLPWriter()
    writer.list { writer in
      writer.string(Self.hexPrefixed(path, isLeaf: false))
      write(child, to: &writer)
    }
    return writer.bytes
  }

  private func branch(_ children: [Int], _ value: [UInt8]) -> [UInt8] {
    var writer = RLPWriter()
    writer.list { writer in
      for child in children { write(child, to: &writer) }
      writer.string(value)
    }
    return writer.bytes
  }

  /// A child's reference: nothing, the node itself when it has fewer than 32 bytes, its hash otherwise.
  private func write(_ child: Int, to writer: inout RLPWriter) {
    guard child >= 0 else {
      writer.string([])
      return
    }
    let encoded = nodes[child].encoded
    if encoded.count < 32 {
      writer.encoded(encoded.span)
    } else {
      writer.string(Keccak256.hash(encoded))
    }
  }

  /// Hex prefix (yellow paper, appendix C).
  private static func hexPrefixed(_ path: [UInt8], isLeaf: Bool) -> [UInt8] {
    let flag: UInt8 = isLeaf ? 0x20 : 0
    let isOdd = !path.count.isMultiple(of: 2)
    var bytes: [UInt8] = [isOdd ? flag | 0x10 | path[0] : flag]
    for index in stride(from: isOdd ? 1 : 0, to: path.count, by: 2) {
      bytes.append(path[index] << 4 | path[index + 1])
    }
    return bytes
  }
}
