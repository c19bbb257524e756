import Conformance
import Digests
import Encodings
import MerkleProofs
import TestSupport
import Testing
import WireBytes

@Suite("SSZ branches")
struct SSZBranchTests {
  private let leaf = Bytes32 { UInt8($0) }
  private let siblings = [Bytes32 { _ in 1 }, Bytes32 { _ in 2 }, Bytes32 { _ in 3 }]

  @Test("the index says on which side each sibling stands")
  func sides() throws {
    // gindex 13 = 0b1101: right, left, right from the leaf upwards.
    let expected = SHA256Hash.hash(
      siblings[2], SHA256Hash.hash(SHA256Hash.hash(siblings[0], leaf), siblings[1]))
    #expect(try SSZBranch.root(leaf: leaf, branch: siblings, gindex: 13) == expected)
    try SSZBranch.verify(leaf: leaf, branch: siblings, depth: 3, index: 5, root: expected)
    #expect(throws: SSZBranchError.self) {
      try SSZBranch.verify(leaf: leaf, branch: siblings, gindex: 12, root: expected)
    }
    #expect(try SSZBranch.root(leaf: leaf, branch: [], gindex: 1) == leaf)
  }

  @Test("the branch has the index's depth, and the index is in bounds")
  func bounds() throws {
    #expect(throws: SSZBranchError.zeroIndex) { try SSZBranch.root(leaf: leaf, branch: [], gindex: 0) }
    #expect(throws: SSZBranchError.branchLength(expected: 3, actual: 2)) {
      try SSZBranch.root(leaf: leaf, branch: [Bytes32](siblings.prefix(2)), gindex: 13)
    }
    #expect(throws: SSZBranchError.indexRange(index: 8, depth: 3)) {
      try SSZBranch.verify(leaf: leaf, branch: siblings, depth: 3, index: 8, root: leaf)
    }
    #expect(throws: SSZBranchError.indexRange(index: 0, depth: 64)) {
      try SSZBranch.verify(leaf: leaf, branch: siblings, depth: 64, index: 0, root: leaf)
    }
    #expect(throws: SSZBranchError.indexRange(index: 0, depth: -1)) {
      try SSZBranch.verify(leaf: leaf, branch: siblings, depth: -1, index: 0, root: leaf)
    }
    let deepest = [Bytes32](repeating: leaf, count: 63)
    _ = try SSZBranch.root(leaf: leaf, branch: deepest, gindex: .max)
  }

  @Test("a normalized branch is padded with zeroes in front only")
  func normalized() throws {
    let root = try SSZBranch.root(leaf: leaf, branch: siblings, gindex: 13)
    let padded = [Bytes32(), Bytes32()] + siblings
    try SSZBranch.verifyNormalized(leaf: leaf, branch: siblings, gindex: 13, root: root)
    try SSZBranch.verifyNormalized(leaf: leaf, branch: padded, gindex: 13, root: root)
    #expect(throws: SSZBranchError.branchLength(expected: 3, actual: 5)) {
      try SSZBranch.verify(leaf: leaf, branch: padded, gindex: 13, root: root)
    }
    #expect(throws: SSZBranchError.padding(node: 1)) {
      try SSZBranch.verifyNormalized(
        leaf: leaf, branch: [Bytes32(), leaf] + siblings, gindex: 13, root: root)
    }
    #expect(throws: SSZBranchError.branchTooShort(depth: 3, actual: 2)) {
      try SSZBranch.verifyNormalized(leaf: leaf, branch: [leaf, leaf], gindex: 13, root: root)
    }
    #expect(throws: SSZBranchError.branchTooLong(limit: 64, actual: 65)) {
      try SSZBranch.verifyNormalized(
        leaf: leaf, branch: [Bytes32](repeating: Bytes32(), count: 65), gindex: 13, root: root)
    }
    #expect(throws: SSZBranchError.rootMismatch(expected: leaf, actual: root)) {
      try SSZBranch.verifyNormalized(leaf: leaf, branch: padded, gindex: 13, root: leaf)
    }
  }

  @Test(
    "receipts roots under beacon headers of Goerli",
    .enabled(if: Corpora.directory("telepathy") != nil, "corpus telepathy is absent"))
  func telepathy() throws {
    let corpus = try CorpusDirectory(path: try #require(Corpora.directory("telepathy")))
    var verified = 0
    for file in corpus.files where file.contains("receiptsRootProof_") {
      let json = try corpus.json(file)
      let root = try #require(json["headerRoot"]).hash
      let leaf = try #require(json["receiptsRoot"]).hash
      let branch = try #require(json["receiptsRootProof"]).hashes
      let gindex = receiptsRootIndex(
        slot: try #require(json["txSlot"]?.integer()), headerSlot: try #require(json["srcSlot"]?.integer()))
      // The file's number went through JavaScript, which keeps 53 bits of it.
      let stated: UInt64 = try #require(json["gindex"]?.integer())
      #expect(Double(stated) == Double(gindex))
      try SSZBranch.verify(leaf: leaf, branch: branch, gindex: gindex, root: root)
      for index in branch.indices {
        var changed = branch
        changed[index][index % 32] ^= 1
        #expect(throws: SSZBranchError.self) {
          try SSZBranch.verify(leaf: leaf, branch: changed, gindex: gindex, root: root)
        }
      }
      for other in [gindex ^ 1, gindex ^ 2, gindex ^ (1 << 20)] {
        #expect(throws: SSZBranchError.self) {
          try SSZBranch.verify(leaf: leaf, branch: branch, gindex: other, root: root)
        }
      }
      verified += 1
    }
    #expect(verified == 34)
  }

  /// The generalized index, from a beacon header of Goerli at `headerSlot`, of the receipts root of the block at `slot`.
  ///
  /// From the specification's containers: the state is field 3 of the header; in the state, latest_execution_payload_header
  /// is field 24, state_roots 6, historical_roots 7, historical_summaries 27; receipts_root is field 3 of the payload header.
  private func receiptsRootIndex(slot: UInt64, headerSlot: UInt64) -> UInt64 {
    let inState: UInt64 = 24 << 4 | 3
    let state: UInt64 = 8 + 3
    let capella: UInt64 = 162_304 * 32
    if slot == headerSlot { return state << 9 | inState }
    if headerSlot - slot <= 8192 { return ((state << 5 | 6) << 13 | slot % 8192) << 9 | inState }
    let isHistoricalRoot = slot < capella
    let field: UInt64 = isHistoricalRoot ? 7 : 27
    let position = isHistoricalRoot ? slot / 8192 : (slot - capella) / 8192
    // A list's contents are the left child beside its length; of a summary, the states are the right child.
    return (((((state << 5 | field) << 1) << 24 | position) << 1 | 1) << 13 | slot % 8192) << 9 | inState
  }
}
