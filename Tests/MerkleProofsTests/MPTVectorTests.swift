import Encodings
import MerkleProofs
import TestSupport
import Testing
import WireBytes

@Suite("Merkle-Patricia tries made by py-trie")
struct MPTVectorTests {
  @Test("builds the same roots and the same proofs, and verifies them")
  func tries() throws {
    let file = try vectorFile("mpt/trie_proofs.json")
    let cases = try #require(file["cases"]?.array)
    #expect(cases.count == 12)
    var included = 0
    var excluded = 0
    for trieCase in cases {
      var entries: [MerklePatriciaTrie.Entry] = []
      for pair in trieCase["entries"]?.array ?? [] {
        entries.append(
          MerklePatriciaTrie.Entry(
            key: try #require(pair[0]).unhexed, value: try #require(pair[1]).unhexed))
      }
      let trie = try MerklePatriciaTrie(entries)
      let root = try #require(trieCase["root"]).hash
      #expect(trie.root == root)
      for proof in trieCase["proofs"]?.array ?? [] {
        let key = try #require(proof["key"]).unhexed
        for (name, convention) in [("geth", MerklePatriciaConvention.geth), ("optimism", .optimism)] {
          let nodes = try (proof[name]?.array ?? []).map { try $0.unhexed }
          #expect(trie.proof(key, convention: convention) == nodes)
          switch try MerklePatriciaProof.verify(root: root, key: key, nodes: nodes, convention: convention) {
          case .included(let value):
            #expect(proof["want"]?.string == Hex.encode(value))
            included += 1
          case .excluded:
            #expect(proof["want"]?.string == "absent")
            excluded += 1
          }
          for count in nodes.indices {
            #expect(throws: MerklePatriciaError.self) {
              try MerklePatriciaProof.verify(
                root: root, key: key, nodes: [[UInt8]](nodes.prefix(count)), convention: convention)
            }
          }
        }
      }
    }
    #expect(included == 156)
    #expect(excluded == 138)
  }
}

@Suite("Merkle-Patricia trie building")
struct MPTBuildingTests {
  @Test("the later of two entries counts, and an empty value deletes")
  func later() throws {
    func entry(_ key: UInt8, _ value: [UInt8]) -> MerklePatriciaTrie.Entry {
      MerklePatriciaTrie.Entry(key: [key], value: value)
    }
    let direct = try MerklePatriciaTrie([entry(1, [7])])
    #expect(
      try MerklePatriciaTrie([entry(2, [9]), entry(1, [8]), entry(1, [7]), entry(2, [])]).root == direct.root)
  }

  @Test("keys are bounded")
  func bounds() {
    #expect(throws: MerklePatriciaTrieError.keySize(entry: 0, actual: 0)) {
      try MerklePatriciaTrie([MerklePatriciaTrie.Entry(key: [], value: [1])])
    }
    #expect(throws: MerklePatriciaTrieError.keySize(entry: 0, actual: 257)) {
      try MerklePatriciaTrie([
        MerklePatriciaTrie.Entry(key: [UInt8](repeating: 0, count: 257), value: [1])
      ])
    }
  }
}
