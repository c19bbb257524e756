import Digests
import Encodings
import MerkleProofs
import TestSupport
import Testing
import WireBytes

@Suite("Incremental trees of depth 32")
struct IncrementalMerkleTreeTests {
  private typealias Tree = IncrementalMerkleTree<Keccak256>

  /// The published root of the empty tree: hyperlane-monorepo, solidity/test/merkle tests.
  private static let emptyRoot = "0x27ae5ba08d7291c96c8cbddcc148bf48a6d68c7974b94356f53754ef6171d757"

  private func leaf(_ index: Int) -> Bytes32 { Bytes32(bigEndian: UInt64(index + 1)) }

  @Test("the root over the left edge is the root over all leaves, at every size")
  func roots() throws {
    var tree = Tree()
    var leaves = IncrementalMerkleLeaves<Keccak256>()
    #expect("\(tree.root)" == Self.emptyRoot)
    for index in 0..<70 {
      try tree.insert(leaf(index))
      try leaves.insert(leaf(index))
      #expect(tree.count == UInt32(index + 1))
      #expect(try leaves.root(count: tree.count) == tree.root)
      for position in [0, index / 2, index] {
        let path = try leaves.path(index: UInt32(position), count: tree.count)
        try Tree.verify(leaf: leaf(position), path: path, index: UInt32(position), root: tree.root)
        #expect(throws: IncrementalMerkleTreeError.self) {
          try Tree.verify(leaf: leaf(position), path: path, index: UInt32(position) ^ 1, root: tree.root)
        }
      }
    }
    // Branches of past sizes stay available.
    let path = try leaves.path(index: 3, count: 5)
    #expect(try Tree.branchRoot(leaf: leaf(3), path: path, index: 3) == leaves.root(count: 5))
  }

  @Test("a tree goes on from its stored branch")
  func stored() throws {
    var tree = Tree()
    for index in 0..<13 { try tree.insert(leaf(index)) }
    var again = try Tree(branch: tree.branch, count: tree.count)
    #expect(again.root == tree.root)
    try tree.insert(leaf(13))
    try again.insert(leaf(13))
    #expect(again.root == tree.root)
    #expect(throws: IncrementalMerkleTreeError.branchLength(expected: 32, actual: 31)) {
      try Tree(branch: [Bytes32](repeating: Bytes32(), count: 31), count: 0)
    }
  }

  @Test("takes 2^32 - 1 leaves and no more")
  func full() throws {
    let branch = [Bytes32](repeating: Bytes32(), count: 32)
    var tree = try Tree(branch: branch, count: .max - 1)
    try tree.insert(leaf(0))
    let root = tree.root
    #expect(throws: IncrementalMerkleTreeError.full) { try tree.insert(leaf(1)) }
    #expect(tree.count == .max)
    #expect(tree.root == root)
  }

  @Test("refuses indices and counts that are not there, and paths of another length")
  func bounds() throws {
    var leaves = IncrementalMerkleLeaves<Keccak256>()
    try leaves.insert(leaf(0))
    #expect(throws: IncrementalMerkleTreeError.leafCount(held: 1, actual: 2)) { try leaves.root(count: 2) }
    #expect(throws: IncrementalMerkleTreeError.leafIndex(count: 1, actual: 1)) {
      try leaves.path(index: 1, count: 1)
    }
    #expect(throws: IncrementalMerkleTreeError.branchLength(expected: 32, actual: 33)) {
      try Tree.branchRoot(leaf: leaf(0), path: [Bytes32](repeating: leaf(0), count: 33), index: 0)
    }
  }

  @Test(
    "Nomad's trees and proofs", .enabled(if: Corpora.directory("nomad") != nil, "corpus nomad is absent"))
  func nomad() throws {
    var proofs = 0
    for tree in try #require(corpusFile("nomad", "fixtures/merkle.json").array) {
      let root = try #require(tree["expectedRoot"]).hash
      var built = Tree()
      var leaves = IncrementalMerkleLeaves<Keccak256>()
      for text in tree["leaves"]?.array ?? [] {
        let leaf = personalHash(try #require(text.string))
        try built.insert(leaf)
        try leaves.insert(leaf)
      }
      #expect(built.root == root)
      for proof in tree["proofs"]?.array ?? [] {
        let leaf = try #require(proof["leaf"]).hash
        let path = try #require(proof["path"]).hashes
        let index: UInt32 = try #require(proof["index"]?.integer())
        try Tree.verify(leaf: leaf, path: path, index: index, root: root)
        #expect(try leaves.path(index: index, count: leaves.count) == path)
        for level in path.indices {
          var changed = path
          changed[level][0] ^= 1
          #expect(throws: IncrementalMerkleTreeError.self) {
            try Tree.verify(leaf: leaf, path: changed, index: index, root: root)
          }
        }
        proofs += 1
      }
    }
    #expect(proofs == 34)
  }

  /// keccak256 of the EIP-191 text, which Nomad's fixtures call a leaf.
  private func personalHash(_ text: String) -> Bytes32 {
    Keccak256.hash([UInt8]("\u{19}Ethereum Signed Message:\n\(text.utf8.count)\(text)".utf8))
  }

  @Test(
    "Hyperlane's roots after each insertion",
    .enabled(if: Corpora.directory("hyperlane") != nil, "corpus hyperlane is absent"))
  func hyperlane() throws {
    let file = try corpusFile("hyperlane", "merkle_tree_hook_roots.json")
    var tree = Tree()
    #expect(file["emptyRoot"]?.string == "\(tree.root)")
    let zeroes = ZeroSubtrees<Keccak256>(maximumDepth: 32)
    for (depth, hash) in try #require(file["zeroHashes"]).hashes.enumerated() {
      #expect(zeroes[depth] == hash)
    }
    for insertion in file["insertions"]?.array ?? [] {
      try tree.insert(try #require(insertion["id"]).hash)
      let root = try #require(insertion["expectedRoot"]).hash
      #expect(tree.root == root)
    }
    #expect(tree.count == 3)
  }
}
