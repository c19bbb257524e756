private import Digests
private import Encodings
private import MerkleProofs
private import WireBytes

/// Bodies over the readers of Merkle-Patricia proofs and of what tries hold.
public enum MPTBodies {
  public static let all: [FuzzBody] = [node, proof, trie, receipt, account]

  private static let leaf = RLPItem.list([.string([0x20, 0x11]), .string([1, 2, 3])]).encoded()
  private static let branch = RLPItem.list(
    [RLPItem](repeating: .list([.string([0x31]), .string([7])]), count: 2)
      + [RLPItem](repeating: .string([UInt8](repeating: 9, count: 32)), count: 2)
      + [RLPItem](repeating: .string([]), count: 13)
  ).encoded()

  /// One node under its own hash, for every first byte of a key: whatever it proves it proves again, a value lies in the
  /// node's bytes, and a proof that goes on needs another node.
  static let node = FuzzBody(name: "mpt-node", seeds: [leaf, branch, [0x80], []]) { bytes in
    let root = Keccak256.hash(bytes)
    for first: UInt8 in [0x00, 0x10, 0x11, 0x20, 0xf0] {
      let key: [UInt8] = [first, 0x11]
      let nodes = [bytes]
      for convention in [MerklePatriciaConvention.geth, .optimism] {
        let result = Result { () throws(MerklePatriciaError) -> MerklePatriciaResult in
          try MerklePatriciaProof.verify(root: root, key: key, nodes: nodes, convention: convention)
        }
        switch result {
        case .success(.included(let value)):
          precondition(!value.isEmpty && value.count < bytes.count)
        case .success(.excluded), .failure: break
        }
        // The empty string after it proves nothing new.
        let longer = try? MerklePatriciaProof.verify(
          root: root, key: key, nodes: [bytes, []], convention: convention)
        precondition(longer == nil)
      }
    }
  }

  /// A root, a key and nodes cut out of the input: only nodes that hash to the root can prove anything.
  static let proof = FuzzBody(
    name: "mpt-proof", seeds: [Keccak256.hash(leaf).array + [1, 0x11, UInt8(leaf.count), 0] + leaf]
  ) { bytes in
    let input = bytes.span
    var reader = ByteReader(input)
    guard let root = try? reader.readFixed(Bytes32.self), let keySize = try? reader.readUInt8(),
      let key = try? reader.readBytes(Int(keySize))
    else { return }
    var nodes: [[UInt8]] = []
    while let size = try? reader.readLittleEndian(UInt16.self), let node = try? reader.readBytes(Int(size)) {
      nodes.append(node)
    }
    guard let result = try? MerklePatriciaProof.verify(root: root, key: key, nodes: nodes) else { return }
    if result == .excluded(.emptyTrie) {
      precondition(root == MerklePatriciaProof.emptyRoot)
      return
    }
    precondition(nodes.first.map { Keccak256.hash($0) } == root)
    for count in nodes.indices {
      let shorter = try? MerklePatriciaProof.verify(
        root: root, key: key, nodes: [[UInt8]](nodes.prefix(count)))
      precondition(shorter == nil)
    }
  }

  /// A trie of entries cut out of the input: each key is proven in both conventions, and so is a key that is not there.
  static let trie = FuzzBody(
    name: "mpt-trie", seeds: [[1, 1, 0x11, 0xaa, 1, 1, 0x12, 0xbb, 2, 1, 0x11, 0x33, 0xcc]]
  ) { bytes in
    let input = bytes.span
    var reader = ByteReader(input)
    var entries: [MerklePatriciaTrie.Entry] = []
    while entries.count < 64, let keySize = try? reader.readUInt8(), let valueSize = try? reader.readUInt8(),
      let key = try? reader.readBytes(Int(keySize % 8) + 1),
      let value = try? reader.readBytes(Int(valueSize % 64))
    {
      entries.append(MerklePatriciaTrie.Entry(key: key, value: value))
    }
    guard let trie = try? MerklePatriciaTrie(entries) else { preconditionFailure("keys are within bounds") }
    let asked = entries.map(\.key) + [[0x5a], [0x5a, 0x5a]]
    for key in asked {
      let held = entries.last { $0.key == key }?.value ?? []
      for convention in [MerklePatriciaConvention.geth, .optimism] {
        let result = try? trie.verify(
          key, nodes: trie.proof(key, convention: convention), convention: convention)
        switch result {
        case .included(let value): precondition(value == held)
        case .excluded: precondition(held.isEmpty)
        case nil: preconditionFailure("a proof of ours is refused")
        }
      }
    }
  }

  /// What is read is written back to the same bytes.
  static let receipt = FuzzBody(
    name: "receipt",
    seeds: ([0, 2, 0x7e] as [UInt8]).map { type in
      let log = EthereumLog(address: Bytes20(), topics: [Bytes32()], payload: [1])
      return EthereumReceipt(
        type: type, outcome: .succeeded, cumulativeGas: 21_000, bloom: FixedBytes<256>(), logs: [log],
        depositNonce: type == 0x7e ? 1 : nil
      ).encoded()
    }
  ) { bytes in
    let input = bytes.span
    let types: EthereumReceiptTypes = [.ethereum, .optimismDeposits, .arbitrum]
    guard let receipt = try? EthereumReceipt(decoding: input, types: types) else { return }
    precondition(receipt.encoded() == bytes)
  }

  /// What is read is written back to the same bytes.
  static let account = FuzzBody(
    name: "account",
    seeds: [
      EthereumAccount(
        nonce: 1, balance: UInt256(7), storageRoot: MerklePatriciaProof.emptyRoot,
        codeHash: EthereumAccount.emptyCodeHash
      ).encoded()
    ]
  ) { bytes in
    let input = bytes.span
    guard let account = try? EthereumAccount(decoding: input) else { return }
    precondition(account.encoded() == bytes)
  }
}
