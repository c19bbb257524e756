import Digests
import Encodings
import MerkleProofs
import TestSupport
import Testing
import WireBytes

@Suite("Proofs in trees of sorted pairs")
struct MultiproofTests {
  private func leaf(_ index: Int) -> Bytes32 { Keccak256.hash([UInt8(truncatingIfNeeded: index), 9]) }

  @Test("any selection of leaves is proven to the root")
  func selections() throws {
    for count in 1...9 {
      let leaves = (0..<count).map { leaf($0) }
      let tree = try SortedPairTree(leaves)
      for selection in 1..<(1 << count) {
        let indices = (0..<count).filter { selection >> $0 & 1 == 1 }
        let proof = try tree.proof(indices)
        let chosen = indices.map { leaves[$0] }
        try SortedPairProof.verify(
          leaves: chosen, proof: proof.nodes, flags: proof.flags, root: tree.root, rule: .ccip)
        let bits = try #require(proof.flagBits)
        #expect(
          try SortedPairProof.root(leaves: chosen, proof: proof.nodes, flagBits: bits, rule: .ccip)
            == tree.root)
        if indices.count == 1 {
          try SortedPairProof.verify(leaf: chosen[0], proof: proof.nodes, root: tree.root, rule: .ccip)
        }
        // OpenZeppelin hashes without the domain: another root.
        if count > 1 {
          #expect(throws: SortedPairError.self) {
            try SortedPairProof.verify(
              leaves: chosen, proof: proof.nodes, flags: proof.flags, root: tree.root, rule: .openZeppelin)
          }
        }
      }
    }
  }

  @Test("pairs are hashed the smaller first, behind the domain")
  func pairs() {
    let small = Bytes32 { _ in 1 }
    let large = Bytes32 { _ in 2 }
    let openZeppelin = Keccak256.hash(small, large)
    #expect(SortedPairRule.openZeppelin.parent(small, large) == openZeppelin)
    #expect(SortedPairRule.openZeppelin.parent(large, small) == openZeppelin)
    #expect(
      SortedPairRule.ccip.parent(large, small)
        == Keccak256.hash(Bytes32(bigEndian: 1).array + small.array + large.array))
  }

  @Test("a malicious proof that hashes what was not computed is refused (CVE-2023-34459)")
  func cve() throws {
    let leaves = [leaf(0), leaf(1)]
    let proof = [leaf(2), leaf(3)]
    for rule in [SortedPairRule.ccip, .openZeppelin] {
      #expect(throws: SortedPairError.exhausted(hash: 1)) {
        try SortedPairProof.root(leaves: leaves, proof: proof, flags: [true, true, false], rule: rule)
      }
      #expect(throws: SortedPairError.exhausted(hash: 1)) {
        try SortedPairProof.root(leaves: leaves, proof: proof, flagBits: UInt256(3), rule: rule)
      }
    }
  }

  @Test("everything given is used, and no set is empty")
  func completeness() throws {
    #expect(throws: SortedPairError.noLeaves) {
      try SortedPairProof.root(leaves: [], proof: [leaf(0)], flags: [], rule: .openZeppelin)
    }
    #expect(throws: SortedPairError.flagCount(expected: 1, actual: 2)) {
      try SortedPairProof.root(leaves: [leaf(0)], proof: [leaf(1)], flags: [false, true], rule: .ccip)
    }
    // Three leaves and one node take three hashes, of which one must take the node.
    #expect(throws: SortedPairError.exhausted(hash: 2)) {
      try SortedPairProof.root(
        leaves: [leaf(0), leaf(1), leaf(2)], proof: [leaf(3)], flags: [true, true, true], rule: .ccip)
    }
    #expect(throws: SortedPairError.exhausted(hash: 0)) {
      try SortedPairProof.root(
        leaves: [leaf(0), leaf(1), leaf(2)], proof: [], flags: [false, false], rule: .ccip)
    }
    #expect(try SortedPairProof.root(leaves: [leaf(0)], proof: [], flags: [], rule: .ccip) == leaf(0))
  }

  @Test("leaves, nodes and hashes are bounded as in CCIP's contract")
  func bounds() throws {
    func many(_ count: Int) -> [Bytes32] { [Bytes32](repeating: leaf(0), count: count) }
    #expect(throws: SortedPairError.tooManyLeaves(limit: 257, actual: 258)) {
      try SortedPairProof.root(leaves: many(258), proof: [], flagBits: .zero, rule: .ccip)
    }
    #expect(throws: SortedPairError.tooManyProofNodes(limit: 257, actual: 258)) {
      try SortedPairProof.root(leaves: many(1), proof: many(258), flagBits: .zero, rule: .ccip)
    }
    #expect(throws: SortedPairError.tooManyHashes(limit: 256, actual: 257)) {
      try SortedPairProof.root(leaves: many(2), proof: many(256), flagBits: .zero, rule: .ccip)
    }
    #expect(throws: SortedPairError.tooManyProofNodes(limit: 257, actual: 258)) {
      try SortedPairProof.root(leaf: leaf(0), proof: many(258), rule: .ccip)
    }
    _ = try SortedPairProof.root(leaves: many(257), proof: [], flagBits: .max, rule: .ccip)
    _ = try SortedPairProof.root(leaves: many(1), proof: many(256), flagBits: .zero, rule: .ccip)
    #expect(throws: SortedPairError.tooManyLeaves(limit: 257, actual: 258)) { try SortedPairTree(many(258)) }
  }

  @Test("a builder gives no proof for leaves that are not there")
  func builderBounds() throws {
    let tree = try SortedPairTree([leaf(0), leaf(1), leaf(2)])
    #expect(throws: SortedPairError.leafIndex(count: 3, actual: 3)) { try tree.proof([3]) }
    #expect(throws: SortedPairError.leafIndex(count: 3, actual: 0)) { try tree.proof([1, 0]) }
    #expect(throws: SortedPairError.noLeaves) { try tree.proof([]) }
    #expect(throws: SortedPairError.noLeaves) { try SortedPairTree([]) }
  }

  @Test(
    "CCIP's reference proofs", .enabled(if: Corpora.directory("ccip") != nil, "corpus ccip is absent"))
  func ccip() throws {
    let file = try corpusFile("ccip", "merkle_multi_proof.json")
    var checked = 0
    for vector in file["vectors"]?.array ?? [] {
      let leaves = try #require(vector["proofLeaves"]).hashes
      let nodes = try #require(vector["proofHashes"]).hashes
      let flags = (vector["proofFlags"]?.array ?? []).map { $0.boolean == true }
      let all = try #require(vector["allLeaves"]).hashes
      let root = try #require(vector["expectedRoot"]).hash
      try SortedPairProof.verify(leaves: leaves, proof: nodes, flags: flags, root: root, rule: .ccip)
      let tree = try SortedPairTree(all)
      #expect(tree.root == root)
      let indices = leaves.compactMap { all.firstIndex(of: $0) }
      let proof = try tree.proof(indices)
      #expect(proof.nodes == nodes)
      #expect(proof.flags == flags)
      var bits = try #require(vector["flagBits"]?.string).dropFirst(2)
      bits = bits.count.isMultiple(of: 2) ? bits : "0" + bits
      let written = try Hex.decode(String(bits))
      #expect(try proof.flagBits == UInt256(bigEndian: written.span))
      for index in nodes.indices {
        var changed = nodes
        changed[index][31] ^= 1
        #expect(throws: SortedPairError.self) {
          try SortedPairProof.verify(leaves: leaves, proof: changed, flags: flags, root: root, rule: .ccip)
        }
      }
      for index in flags.indices {
        var changed = flags
        changed[index].toggle()
        #expect(throws: SortedPairError.self) {
          try SortedPairProof.verify(leaves: leaves, proof: nodes, flags: changed, root: root, rule: .ccip)
        }
      }
      checked += 1
    }
    #expect(checked == 1)
    let malicious = try #require(file["negative"]?[0])
    let maliciousLeaves = try #require(malicious["leaves"]).hashes
    let maliciousProof = try #require(malicious["proofs"]).hashes
    #expect(throws: SortedPairError.exhausted(hash: 1)) {
      try SortedPairProof.root(
        leaves: maliciousLeaves, proof: maliciousProof, flagBits: UInt256(3), rule: .ccip)
    }
    for single in try #require(corpusFile("ccip", "merkle_single_proof_svm.json").array)
    where single["root"] != nil {
      let leaf = try #require(single["leaf"]).hash
      let proof = try #require(single["proofs"]).hashes
      let root = try #require(single["root"]).hash
      try SortedPairProof.verify(leaf: leaf, proof: proof, root: root, rule: .ccip)
    }
    for commit in try #require(corpusFile("ccip", "commit_merkle_root.json").array) {
      let leaves = try commit["leaves"].map { try $0.hashes } ?? []
      if let root = commit["root"] {
        let expected = try root.hash
        #expect(try SortedPairTree(leaves).root == expected)
      } else {
        #expect(throws: SortedPairError.noLeaves) { try SortedPairTree(leaves) }
      }
    }
  }
}
