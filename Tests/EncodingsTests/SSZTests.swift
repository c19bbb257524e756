import Encodings
import Testing
import WireBytes

@Suite("SSZ")
struct SSZTests {
  static let coin = SSZType.container([
    .init("denom", .byteList(limit: 128)), .init("amount", .uint(.uint256)),
  ])
  static let envelope = SSZType.container([
    .init("version", .uint(.uint16)),
    .init(
      "calls",
      .list(
        .container([
          .init("target", .byteList(limit: 64)), .init("funds", .list(coin, limit: 8)),
          .init("gasLimit", .uint(.uint64)), .init("input", .byteList(limit: 131072)),
        ]), limit: 16)),
    .init("refundTo", .byteList(limit: 64)),
    .init(
      "attributes",
      .list(
        .container([.init("selector", .byteVector(4)), .init("value", .byteList(limit: 4096))]), limit: 16)),
  ])
  static let committee = SSZType.container([
    .init("pubkeys", .vector(.byteVector(48), 512)), .init("aggregate", .byteVector(48)),
    .init("bits", .bitvector(512)), .init("seen", .bitlist(limit: 2048)),
    .init("flags", .list(.boolean, limit: 100)), .init("balances", .list(.uint(.uint64), limit: 1 << 40)),
  ])

  @Test("values, roots and branches as remerkleable gives them")
  func vectors() throws {
    let cases = try EncodingsVectors.cases("ssz")
    #expect(cases.count == 4)
    for one in cases {
      let type = one["type"]?.string == "envelope" ? Self.envelope : Self.committee
      let serialized = try Hex.decode(one["serialized"]?.string ?? "?")
      let root = try Bytes32(hex: one["root"]?.string ?? "?")
      let value = try type.decode(serialized)
      let encoded = try type.encode(value)
      #expect(encoded == serialized)
      let direct = try type.hashTreeRoot(value)
      #expect(direct == root)
      let tree = try SSZTree(value, type: type)
      #expect(tree.root == root)
      var indices: [GeneralizedIndex] = []
      for proof in one["proofs"]?.array ?? [] {
        let number = try #require(UInt64(proof["index"]?.string ?? "?"))
        let index = try #require(GeneralizedIndex(number))
        let leaf = try Bytes32(hex: proof["leaf"]?.string ?? "?")
        let spelled = try #require(proof["branch"]?.array)
        let branch = try spelled.map { try Bytes32(hex: $0.string ?? "?") }
        #expect(tree.node(at: index) == leaf)
        let built = try tree.branch(at: index)
        #expect(built == branch)
        // For one leaf, the nodes of a multiproof are a branch.
        let single = SSZMultiproof.Leaf(index: index, node: leaf)
        try SSZMultiproof(leaves: [single], nodes: branch).verify(root: root)
        indices.append(index)
        var wrong = branch
        wrong[0][31] ^= 1
        #expect(throws: SSZProofError.self) {
          try SSZMultiproof(leaves: [single], nodes: wrong).verify(root: root)
        }
        #expect(throws: SSZProofError.length(expected: branch.count, actual: branch.count - 1)) {
          try SSZMultiproof(leaves: [single], nodes: [Bytes32](branch.dropLast())).verify(root: root)
        }
      }
      let leaves = indices.filter { $0.depth > 2 || one["type"]?.string == "committee" }
      let chosen = [GeneralizedIndex](
        leaves.filter { index in
          !leaves.contains {
            $0 != index && $0.rawValue >> UInt64(max(0, $0.depth - index.depth)) == index.rawValue
          }
        })
      let proof = try tree.multiproof(of: chosen)
      try proof.verify(root: root)
      for index in proof.nodes.indices {
        var nodes = proof.nodes
        nodes[index][0] ^= 0x80
        #expect(throws: SSZProofError.self) {
          try SSZMultiproof(leaves: proof.leaves, nodes: nodes).verify(root: root)
        }
      }
      #expect(throws: SSZProofError.length(expected: proof.nodes.count, actual: proof.nodes.count + 1)) {
        try SSZMultiproof(leaves: proof.leaves, nodes: proof.nodes + [Bytes32()]).verify(root: root)
      }
    }
  }

  @Test("every cut of an encoding is refused; what decodes after a flip encodes to itself")
  func mutations() throws {
    for one in try EncodingsVectors.cases("ssz") where one["type"]?.string == "envelope" {
      let serialized = try Hex.decode(one["serialized"]?.string ?? "?")
      for bit in 0..<(serialized.count * 8) {
        var flipped = serialized
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        if let value = try? Self.envelope.decode(flipped) {
          let again = try Self.envelope.encode(value)
          #expect(again == flipped)
        }
      }
      for cut in serialized.indices {
        if let value = try? Self.envelope.decode([UInt8](serialized.prefix(cut))) {
          let again = try Self.envelope.encode(value)
          #expect(again.count == cut)
        }
      }
    }
  }

  @Test(
    "refuses for the stated reason",
    arguments: [
      (.boolean, "0x02", .boolean(offset: 0)),
      (.uint(.uint16), "0x01", .size(offset: 0, expected: 2, actual: 1)),
      (.bitvector(4), "0x10", .paddingBits(offset: 0)), (.bitlist(limit: 8), "0x", .delimiter(offset: 0)),
      (.bitlist(limit: 8), "0x0100", .delimiter(offset: 2)),
      (.bitlist(limit: 4), "0x20", .overLimit(offset: 0, limit: 4, actual: 5)),
      (.byteList(limit: 2), "0x010203", .overLimit(offset: 0, limit: 2, actual: 3)),
      (.list(.uint(.uint16), limit: 9), "0x010203", .alignment(offset: 0, elementSize: 2, actual: 3)),
      (.list(.byteList(limit: 9), limit: 2), "0x00000000", .firstOffset(offset: 0, expected: 4, actual: 0)),
      (.list(.byteList(limit: 9), limit: 2), "0x0300000000", .firstOffset(offset: 0, expected: 4, actual: 3)),
      (.list(.byteList(limit: 9), limit: 2), "0x08000000", .offsetOrder(offset: 0, actual: 8)),
      (.list(.byteList(limit: 9), limit: 2), "0x080000000700000000", .offsetOrder(offset: 4, actual: 7)),
      (
        .list(.byteList(limit: 9), limit: 1), "0x0800000008000000",
        .overLimit(offset: 0, limit: 1, actual: 2)
      ),
      (.vector(.byteList(limit: 9), 2), "0x04000000", .elementCount(offset: 0, expected: 2, actual: 1)),
      (.vector(.boolean, 0), "0x", .illegalType), (.container([]), "0x", .illegalType),
      (
        .container([.init("a", .uint(.uint8)), .init("b", .byteList(limit: 9))]), "0x0106000000ff",
        .firstOffset(offset: 1, expected: 5, actual: 6)
      ),
      (
        .container([.init("a", .uint(.uint8)), .init("b", .byteList(limit: 9))]), "0x0105",
        .truncated(offset: 0, needed: 5, actual: 2)
      ),
      (.union([.init(1, .boolean)]), "0x0200", .selector(offset: 0, 2)),
      (.union([.init(0, nil), .init(1, .boolean)]), "0x0000", .size(offset: 0, expected: 1, actual: 2)),
    ] as [(SSZType, String, SSZError)])
  func refusals(type: SSZType, hex: String, error: SSZError) throws {
    let bytes = try Hex.decode(hex)
    #expect(throws: error) { _ = try type.decode(bytes) }
  }

  @Test("generalized indices of the light client specifications")
  func indices() throws {
    // consensus-specs, light client sync protocol: Deneb finalized_checkpoint.root is 105 in 28 fields, 169 in 37.
    let checkpoint = SSZType.container([.init("epoch", .uint(.uint64)), .init("root", .byteVector(32))])
    func state(_ count: Int) -> SSZType {
      .container((0..<count).map { .init("f\($0)", $0 == 20 ? checkpoint : .uint(.uint64)) })
    }
    let deneb = try state(28).generalizedIndex([.field("f20"), .field("root")])
    let electra = try state(37).generalizedIndex([.field("f20"), .field("root")])
    #expect(deneb.rawValue == 105 && electra.rawValue == 169)
    let length = try Self.envelope.generalizedIndex([.field("calls"), .length])
    #expect(length.rawValue == 11)
    let call = try Self.envelope.generalizedIndex([.field("calls"), .element(3), .field("input")])
    #expect(call.rawValue == ((5 * 2) << 4 + 3) * 4 + 3)
    #expect(throws: SSZError.path) { _ = try Self.envelope.generalizedIndex([.field("none")]) }
    #expect(throws: SSZError.path) { _ = try Self.envelope.generalizedIndex([.field("version"), .length]) }
    #expect(throws: SSZError.path) {
      _ = try Self.envelope.generalizedIndex([.field("calls"), .element(16)])
    }
    #expect(GeneralizedIndex(0) == nil && GeneralizedIndex(1 << 63) == nil)
  }

  @Test("helper indices of the specification's picture, and refusal of overlaps")
  func multiproof() throws {
    func index(_ value: UInt64) throws -> GeneralizedIndex { try #require(GeneralizedIndex(value)) }
    // ssz/merkle-proofs.md, "Merkle multiproofs": 8, 9 and 14 need 15, 6 and 5.
    let helpers = try SSZMultiproof.helperIndices([try index(8), try index(9), try index(14)])
    #expect(helpers.map(\.rawValue) == [15, 6, 5])
    for overlap in [[8, 8], [8, 4], [8, 1]] as [[UInt64]] {
      let indices = try overlap.map { try index($0) }
      #expect(throws: SSZProofError.overlappingIndices(overlap[1])) {
        _ = try SSZMultiproof.helperIndices(indices)
      }
    }
    #expect(throws: SSZProofError.leafCount(expected: 1, actual: 0)) {
      _ = try SSZMultiproof.helperIndices([])
    }
  }

  @Test("limits and shapes hold when encoding and hashing too")
  func shapes() {
    let list = SSZType.byteList(limit: 1)
    #expect(throws: SSZError.overLimit(offset: 0, limit: 1, actual: 2)) {
      _ = try list.encode(.packed([1, 2]))
    }
    #expect(throws: SSZError.shape) { _ = try SSZType.uint(.uint8).hashTreeRoot(.uint(256)) }
    #expect(throws: SSZError.shape) { _ = try SSZType.boolean.encode(.uint(1)) }
    #expect(throws: SSZError.shape) { _ = try SSZType.bitvector(3).encode(.bits(count: 3, [0x08])) }
    #expect(throws: SSZError.inputSize(limit: 1, actual: 2)) {
      let bytes: [UInt8] = [1, 2]
      _ = try list.decode(bytes.span, sizeBytesMax: 1)
    }
  }
}
