import Encodings
import MerkleProofs
import Testing
import WireBytes

/// What must be refused, among it each published bug of other verifiers (docs/threat-model.md).
@Suite("Merkle-Patricia refusals")
struct MPTRefusalTests {
  /// A trie of hashed nodes: an extension over two bytes, a branch, two leaves below it.
  private let trie: MerklePatriciaTrie
  private let value = [UInt8](repeating: 0x77, count: 40)

  init() throws {
    trie = try MerklePatriciaTrie([
      MerklePatriciaTrie.Entry(key: [0xab, 0xcd, 0x11, 0x01], value: value),
      MerklePatriciaTrie.Entry(key: [0xab, 0xcd, 0x21, 0x01], value: value),
    ])
  }

  private func verify(
    _ nodes: [[UInt8]], key: [UInt8], root: Bytes32? = nil, _ convention: MerklePatriciaConvention = .geth
  ) throws(MerklePatriciaError) -> MerklePatriciaResult {
    let root = root ?? nodes.first.map { Nodes.hash($0) } ?? Bytes32()
    return try MerklePatriciaProof.verify(root: root, key: key, nodes: nodes, convention: convention)
  }

  // MARK: Published bugs

  @Test("a truncated proof of inclusion is not an exclusion (ChainSecurity 2025, \"When empty means valid\")")
  func truncated() throws {
    let key: [UInt8] = [0xab, 0xcd, 0x11, 0x01]
    let nodes = trie.proof(key)
    #expect(nodes.count == 3)
    let depths = [0, 4, 5]
    for count in 0..<3 {
      #expect(throws: MerklePatriciaError.missingNode(node: count, depth: depths[count])) {
        try verify([[UInt8]](nodes.prefix(count)), key: key, root: trie.root)
      }
    }
  }

  @Test("an exclusion needs its diverging node (alloy-rs/trie issue 15)")
  func exclusionWithoutDivergence() throws {
    let key: [UInt8] = [0xab, 0xcd, 0x11, 0x02]
    let nodes = trie.proof(key)
    #expect(try verify(nodes, key: key, root: trie.root) == .excluded(.leafPath(node: 2, depth: 5)))
    #expect(throws: MerklePatriciaError.missingNode(node: 2, depth: 5)) {
      try verify([[UInt8]](nodes.dropLast()), key: key, root: trie.root)
    }
  }

  @Test("depth is bounded by the key alone (polytope-labs/solidity-merkle-trees pull request 39)")
  func deepest() throws {
    let key = [UInt8](repeating: 0, count: 32)
    var entries = [MerklePatriciaTrie.Entry(key: key, value: [1])]
    for nibble in 0..<64 {
      var other = key
      other[nibble / 2] = nibble.isMultiple(of: 2) ? 0x10 : 0x01
      entries.append(MerklePatriciaTrie.Entry(key: other, value: value))
    }
    let deep = try MerklePatriciaTrie(entries)
    // 64 branches; the last leaf has no path left and is embedded.
    let nodes = deep.proof(key)
    #expect(nodes.count == 64)
    #expect(try verify(nodes, key: key, root: deep.root) == .included(value: [1]))
    #expect(throws: MerklePatriciaError.missingNode(node: 63, depth: 63)) {
      try verify([[UInt8]](nodes.dropLast()), key: key, root: deep.root)
    }
  }

  @Test("32 bytes that read as a node are a hash (ethereum-optimism/optimism issue 4845)")
  func hashThatReadsAsNode() throws {
    // A leaf of exactly 32 bytes, put where a hash belongs.
    let leaf = Nodes.short([0x31], .string([UInt8](repeating: 0x88, count: 29)))
    #expect(leaf.count == 32)
    let root = Nodes.branch([1: .string(leaf), 2: .string(leaf)])
    #expect(throws: MerklePatriciaError.missingNode(node: 1, depth: 1)) { try verify([root], key: [0x11]) }
    for convention in [MerklePatriciaConvention.geth, .optimism] {
      #expect(throws: MerklePatriciaError.hashMismatch(node: 1)) {
        try verify([root, leaf], key: [0x11], convention)
      }
    }
    // The same leaf embedded as a list is too long to be embedded.
    let embedding = Nodes.branch([1: try RLPItem(decoding: leaf)])
    #expect(throws: MerklePatriciaError.embeddedTooLong(node: 0, length: 32)) {
      try verify([embedding], key: [0x11])
    }
  }

  @Test("strings, lists and hashes are not taken for each other (ethereum-optimism/cannon issue 28)")
  func typeConfusion() throws {
    #expect(throws: MerklePatriciaError.encoding(node: 0, .expectedList(offset: 0))) {
      try verify([RLPItem.string(value).encoded()], key: [0x11])
    }
    #expect(throws: MerklePatriciaError.missingPath(node: 0)) {
      try verify([Nodes.list([.list([]), .string(value)])], key: [0x11])
    }
    #expect(throws: MerklePatriciaError.valueIsList(node: 0)) {
      try verify([Nodes.short([0x20, 0x11], .list([.string(value)]))], key: [0x11])
    }
    #expect(throws: MerklePatriciaError.valueIsList(node: 0)) {
      try verify([Nodes.branch([:], value: .list([]))], key: [0x11])
    }
    #expect(throws: MerklePatriciaError.childReference(node: 0, length: 31)) {
      try verify([Nodes.branch([1: .string([UInt8](repeating: 1, count: 31))])], key: [0x11])
    }
  }

  @Test("a proof with embedded nodes is valid (optimism 1871, alloy-rs/trie 26, opbnb 114, snowbridge 253)")
  func embedded() throws {
    let short = try MerklePatriciaTrie([
      MerklePatriciaTrie.Entry(key: [0x11], value: [1]), MerklePatriciaTrie.Entry(key: [0x12], value: [2]),
    ])
    #expect(short.proof([0x11]).count == 1)
    #expect(short.proof([0x11], convention: .optimism).count == 3)
    #expect(try verify(short.proof([0x11]), key: [0x11], root: short.root) == .included(value: [1]))
    #expect(
      try verify(short.proof([0x13]), key: [0x13], root: short.root)
        == .excluded(.emptyChild(node: 0, depth: 1)))
  }

  @Test("a root node of fewer than 32 bytes is hashed all the same (merkle-patricia-tree issue 52)")
  func shortRoot() throws {
    let short = try MerklePatriciaTrie([MerklePatriciaTrie.Entry(key: [0x11], value: [1])])
    #expect(short.proof([0x11]) == [Nodes.short([0x20, 0x11], .string([1]))])
    #expect(try verify(short.proof([0x11]), key: [0x11], root: short.root) == .included(value: [1]))
  }

  @Test("an extension moves the path on by its own length (maticnetwork/pos-portal pull request 42)")
  func extensionLength() throws {
    let leaf = Nodes.short([0x31], .string(value))
    let branch = Nodes.branch([2: Nodes.reference(leaf), 3: Nodes.reference(leaf)])
    let odd = Nodes.short([0x11], Nodes.reference(branch))
    #expect(
      try verify([odd, branch, leaf], key: [0x12, 0x10], root: Nodes.hash(odd), .geth)
        != .included(value: value))
    let key: [UInt8] = [0x12, 0x10]
    let result = try MerklePatriciaProof.verify(
      root: Nodes.hash(odd), key: key.span, nibbleCount: 3, nodes: [odd, branch, leaf])
    #expect(result == .included(value: value))
    // A key that ends inside the extension, and one that leaves it, are not in the trie.
    let long = Nodes.short([0x00, 0x12, 0x34], Nodes.reference(branch))
    #expect(try verify([long], key: [0x12]) == .excluded(.extensionPath(node: 0, depth: 0)))
    #expect(try verify([long], key: [0x12, 0x35, 0x21]) == .excluded(.extensionPath(node: 0, depth: 0)))
    // Nodes past the divergence are not read over.
    #expect(throws: MerklePatriciaError.unusedNodes(first: 1, count: 2)) {
      try verify([long, branch, leaf], key: [0x12, 0x35, 0x21])
    }
  }

  @Test("nodes left over are refused (go-ethereum reads over them)")
  func unused() throws {
    let key: [UInt8] = [0xab, 0xcd, 0x11, 0x01]
    let nodes = trie.proof(key)
    #expect(throws: MerklePatriciaError.unusedNodes(first: 3, count: 1)) {
      try verify(nodes + [nodes[2]], key: key, root: trie.root)
    }
    #expect(throws: MerklePatriciaError.unusedNodes(first: 3, count: 2)) {
      try verify(nodes + [[], []], key: key, root: trie.root)
    }
    #expect(throws: MerklePatriciaError.unusedNodes(first: 0, count: 1)) {
      try verify([nodes[0]], key: key, root: MerklePatriciaProof.emptyRoot)
    }
  }

  @Test("the two conventions are not mixed")
  func conventions() throws {
    let short = try MerklePatriciaTrie([
      MerklePatriciaTrie.Entry(key: [0x11], value: [1]), MerklePatriciaTrie.Entry(key: [0x12], value: [2]),
    ])
    let plain = short.proof([0x11])
    var repeated = short.proof([0x11], convention: .optimism)
    #expect(try verify(repeated, key: [0x11], root: short.root, .optimism) == .included(value: [1]))
    #expect(throws: MerklePatriciaError.unusedNodes(first: 1, count: 2)) {
      try verify(repeated, key: [0x11], root: short.root)
    }
    #expect(throws: MerklePatriciaError.missingNode(node: 1, depth: 1)) {
      try verify(plain, key: [0x11], root: short.root, .optimism)
    }
    repeated[2] = Nodes.short([0x20], .string([2]))
    #expect(throws: MerklePatriciaError.embeddedMismatch(node: 2)) {
      try verify(repeated, key: [0x11], root: short.root, .optimism)
    }
  }

  // MARK: Form of nodes

  @Test("an extension without a path is refused")
  func emptyExtension() throws {
    let leaf = Nodes.short([0x20, 0x11], .string(value))
    for path: [UInt8] in [[0x00]] {
      #expect(throws: MerklePatriciaError.emptyExtensionPath(node: 0)) {
        try verify([Nodes.short(path, Nodes.reference(leaf)), leaf], key: [0x11])
      }
    }
    #expect(throws: MerklePatriciaError.childReference(node: 0, length: 0)) {
      try verify([Nodes.short([0x11], .string([]))], key: [0x11])
    }
    #expect(throws: MerklePatriciaError.missingPath(node: 0)) {
      try verify([Nodes.short([], .string(value))], key: [0x11])
    }
  }

  @Test("only four hex-prefix flags exist, even ones with a zero nibble", arguments: UInt8.min...UInt8.max)
  func hexPrefix(first: UInt8) throws {
    let isGood = first == 0x00 || first >> 4 == 1 || first == 0x20 || first >> 4 == 3
    let node = Nodes.short([first, 0x11], .string([UInt8](repeating: 7, count: 32)))
    if isGood {
      _ = try? verify([node], key: [0x55])
      #expect(throws: Never.self) { try verify([node], key: [0x55]) }
    } else {
      #expect(throws: MerklePatriciaError.hexPrefix(node: 0, byte: first)) { try verify([node], key: [0x55]) }
    }
  }

  @Test("a node has 2 items or 17", arguments: [0, 1, 3, 15, 16, 18, 40])
  func arity(count: Int) throws {
    let node = Nodes.list([RLPItem](repeating: .string([0x20]), count: count))
    // More than 17 are not counted.
    #expect(throws: MerklePatriciaError.arity(node: 0, items: min(count, 18))) {
      try verify([node], key: [0x11])
    }
  }

  @Test("a node of fewer than 32 bytes is not named by hash")
  func hashedShort() throws {
    let leaf = Nodes.short([0x31], .string([1]))
    let root = Nodes.branch([1: Nodes.reference(leaf), 2: Nodes.reference(leaf)])
    #expect(throws: MerklePatriciaError.hashedTooShort(node: 1, length: leaf.count)) {
      try verify([root, leaf], key: [0x11])
    }
  }

  @Test("a leaf holds something")
  func emptyValue() throws {
    #expect(throws: MerklePatriciaError.emptyValue(node: 0)) {
      try verify([Nodes.short([0x20, 0x11], .string([]))], key: [0x11])
    }
  }

  @Test("bytes after a node, and long forms of short lengths, are refused")
  func encoding() throws {
    let node = Nodes.short([0x20, 0x11], .string([1, 2]))
    #expect(throws: MerklePatriciaError.encoding(node: 0, .trailingBytes(offset: node.count, count: 1))) {
      try verify([node + [0]], key: [0x11])
    }
    #expect(throws: MerklePatriciaError.encoding(node: 0, .wrappedByte(offset: 4))) {
      try verify([[0xc5, 0x82, 0x20, 0x11, 0x81, 0x01]], key: [0x11])
    }
    #expect(throws: MerklePatriciaError.encoding(node: 0, .nonMinimalLength(offset: 0))) {
      try verify([[0xf8, 0x05, 0x82, 0x20, 0x11, 0x01, 0x01]], key: [0x11])
    }
    #expect(throws: MerklePatriciaError.encoding(node: 0, .truncated(offset: 0, needed: 1))) {
      try verify([[]], key: [0x11])
    }
  }

  // MARK: Bounds

  @Test("keys and nodes are bounded")
  func bounds() throws {
    #expect(throws: MerklePatriciaError.emptyKey) { try verify([], key: []) }
    let long = [UInt8](repeating: 0, count: 257)
    #expect(throws: MerklePatriciaError.keyTooLong(limit: 256, actual: 257)) { try verify([], key: long) }
    #expect(throws: MerklePatriciaError.nibbleCount(available: 2, actual: 3)) {
      let key: [UInt8] = [0x11]
      return try MerklePatriciaProof.verify(root: Bytes32(), key: key.span, nibbleCount: 3, nodes: [])
    }
    let limit = MerklePatriciaProof.nodeSizeBytesMax
    let huge = [UInt8](repeating: 0, count: limit + 1)
    #expect(throws: MerklePatriciaError.nodeTooLarge(node: 0, limit: limit, actual: limit + 1)) {
      try verify([huge], key: [0x11], root: Bytes32())
    }
  }

  @Test("the empty trie holds nothing, with or without its one node")
  func emptyTrie() throws {
    let root = try Bytes32(hex: "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
    #expect(MerklePatriciaProof.emptyRoot == root)
    #expect(try MerklePatriciaTrie([]).root == root)
    #expect(try verify([], key: [0x11], root: root) == .excluded(.emptyTrie))
    #expect(try verify([[0x80]], key: [0x11], root: root) == .excluded(.emptyTrie))
    #expect(throws: MerklePatriciaError.unusedNodes(first: 1, count: 1)) {
      try verify([[0x80], [0x80]], key: [0x11], root: root)
    }
  }

  @Test("no flipped bit and no shorter node survives")
  func everyBit() throws {
    for key: [UInt8] in [[0xab, 0xcd, 0x11, 0x01], [0xab, 0xcd, 0x11, 0x02], [0xab, 0xce, 0x11, 0x02]] {
      let nodes = trie.proof(key)
      _ = try verify(nodes, key: key, root: trie.root)
      for index in nodes.indices {
        for bit in 0..<(nodes[index].count * 8) {
          var changed = nodes
          changed[index][bit / 8] ^= 1 << UInt8(bit % 8)
          #expect(throws: MerklePatriciaError.hashMismatch(node: index)) {
            try verify(changed, key: key, root: trie.root)
          }
        }
        for count in 0..<nodes[index].count {
          var changed = nodes
          changed[index] = [UInt8](changed[index].prefix(count))
          #expect(throws: MerklePatriciaError.hashMismatch(node: index)) {
            try verify(changed, key: key, root: trie.root)
          }
        }
      }
    }
  }
}
