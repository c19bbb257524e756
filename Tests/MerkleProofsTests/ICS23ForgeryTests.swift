import Digests
import MerkleProofs
import Testing
import WireBytes

/// A simple tree as CometBFT builds one, with proofs in ICS-23 form: leaves are `varint key, varint hash of value`.
private struct SimpleTree {
  let keys: [[UInt8]]
  let values: [[UInt8]]
  let tree: RFC6962Tree

  init(_ names: [String]) {
    keys = names.sorted().map { [UInt8]($0.utf8) }
    values = keys.map { [UInt8]("value of ".utf8) + $0 }
    tree = RFC6962Tree(
      leaves: zip(keys, values).map { key, value in
        [UInt8(key.count)] + key + [32] + SHA256Hash.hash(value).array
      })
  }

  var root: [UInt8] { tree.root.array }

  func proof(_ index: Int) -> ICS23.ExistenceProof {
    var steps: [ICS23.InnerOperation] = []
    // On which side a sibling lies follows from the walk down, read backwards.
    var sides: [Bool] = []
    var range = 0..<tree.size
    while range.count > 1 {
      let split = 1 << (Int.bitWidth - 1 - (range.count - 1).leadingZeroBitCount)
      let middle = range.lowerBound + split
      sides.append(index < middle)
      range = index < middle ? range.lowerBound..<middle : middle..<range.upperBound
    }
    for (isLeft, sibling) in zip(sides.reversed(), tree.inclusionProof(index: index, size: tree.size)) {
      steps.append(
        isLeft
          ? ICS23.InnerOperation(hash: .sha256, prefix: [1], suffix: sibling.array)
          : ICS23.InnerOperation(hash: .sha256, prefix: [1] + sibling.array))
    }
    return ICS23.ExistenceProof(
      key: keys[index], value: values[index], leaf: ICS23.ProofSpec.tendermint.leaf, path: steps)
  }
}

@Suite("ICS-23 forgeries")
struct ICS23ForgeryTests {
  private static let tree = SimpleTree(["b", "d", "f", "h", "j", "l", "n"])
  private static let spec = ICS23.ProofSpec.tendermint

  private func absence(
    _ key: String, _ left: Int?, _ right: Int?, spec: ICS23.ProofSpec = ICS23ForgeryTests.spec
  ) throws(ICS23.VerificationError) {
    let proof = ICS23.CommitmentProof.nonExistence(
      ICS23.NonExistenceProof(
        key: [UInt8](key.utf8), left: left.map { Self.tree.proof($0) },
        right: right.map { Self.tree.proof($0) }))
    let root = Self.tree.root
    let name = [UInt8](key.utf8)
    try proof.verifyNonMembership(spec: spec, root: root.span, key: name.span)
  }

  @Test("accepts every key of a tree, and every absence between, before and after them")
  func accepts() throws {
    let root = Self.tree.root
    for index in Self.tree.keys.indices {
      let key = Self.tree.keys[index]
      let value = Self.tree.values[index]
      try Self.tree.proof(index).verify(spec: Self.spec, root: root.span, key: key.span, value: value.span)
    }
    try absence("a", nil, 0)
    for (index, key) in ["c", "e", "g", "i", "k", "m"].enumerated() { try absence(key, index, index + 1) }
    try absence("o", 6, nil)
  }

  @Test("refuses an absence whose neighbours have a leaf between them")
  func gap() {
    #expect(throws: ICS23.VerificationError.neighbours(.notLeftmost(layer: 1))) {
      try absence("e", 1, 3)
    }
    #expect(throws: ICS23.VerificationError.keyNotRightOfLeft) { try absence("c", 1, 2) }
    #expect(throws: ICS23.VerificationError.keyNotLeftOfRight) { try absence("g", 1, 2) }
    #expect(throws: ICS23.VerificationError.keyNotRightOfLeft) { try absence("d", 1, 2) }
    #expect(throws: ICS23.VerificationError.noNeighbours) { try absence("c", nil, nil) }
  }

  @Test("refuses one neighbour that is not the outermost")
  func inner() {
    #expect(throws: ICS23.VerificationError.neighbours(.notLeftmost(layer: 1))) { try absence("c", nil, 1) }
    #expect(throws: ICS23.VerificationError.neighbours(.notRightmost(layer: 1))) { try absence("c", 0, nil) }
  }

  /// The Go library indexes an empty path here.
  @Test("refuses neighbours whose paths are empty or never part, without trapping")
  func emptyPaths() throws {
    let left = ICS23.ExistenceProof(key: [1], value: [1], leaf: Self.spec.leaf, path: [])
    let root = try left.verifiedRoot(spec: Self.spec).bytes
    let proof = ICS23.NonExistenceProof(key: [1, 0], left: left, right: left)
    #expect(throws: ICS23.VerificationError.keyNotLeftOfRight) {
      let key: [UInt8] = [1, 0]
      try proof.verify(spec: Self.spec, root: root.span, key: key.span)
    }
    let same = Self.tree.proof(2)
    #expect(throws: ICS23.NeighbourError.pathsDoNotPart) { try neighbours([], []) }
    #expect(throws: ICS23.NeighbourError.pathsDoNotPart) { try neighbours(same.path, same.path) }
    #expect(throws: ICS23.NeighbourError.pathsDoNotPart) { try neighbours([], same.path) }
    #expect(throws: ICS23.NeighbourError.pathsDoNotPart) {
      try neighbours([ICS23.InnerOperation](same.path.dropFirst()), same.path)
    }
  }

  private func neighbours(
    _ left: [ICS23.InnerOperation], _ right: [ICS23.InnerOperation]
  ) throws(ICS23.NeighbourError) {
    try Self.spec.inner.checkNeighbours(left: left, right: right)
  }

  /// Advisory "Dragonberry" (2022): an inner node passed off as a leaf, or a leaf's bytes as part of a prefix.
  @Test("refuses a prefix that opens like a leaf, or is too long or too short")
  func prefixes() {
    let digest = [UInt8](repeating: 5, count: 32)
    func error(_ step: ICS23.InnerOperation, _ spec: ICS23.ProofSpec) -> ICS23.OperationError? {
      do throws(ICS23.OperationError) {
        try step.check(against: spec, layer: 1)
        return nil
      } catch { return error }
    }
    let step = { (prefix: [UInt8], suffix: [UInt8]) in
      ICS23.InnerOperation(hash: .sha256, prefix: prefix, suffix: suffix)
    }
    #expect(error(step([0], digest), Self.spec) == .tendermintPrefix)
    #expect(error(step([0], digest), .sparseMerkleTree) == .innerPrefixOfLeaf)
    #expect(error(step([], digest), Self.spec) == .tendermintPrefix)
    #expect(error(step([1, 1], digest), Self.spec) == .tendermintPrefix)
    #expect(error(step([1] + digest + [1], []), Self.spec) == .prefixTooLong(maximum: 33, actual: 34))
    #expect(error(step([1], digest + [1]), .sparseMerkleTree) == .suffix(childSize: 32, actual: 33))
    #expect(error(step([1], digest), .iavl) == .iavl(.height(minimum: 1, actual: -1)))
    // Height 1, size 2, version 1, then two length bytes: a byte too many.
    #expect(error(step([2, 4, 2, 32, 32], [32] + digest), .iavl) == .iavl(.remainder(2)))
    #expect(error(step([2, 4, 0x80], []), .iavl) == .iavl(.versionVarint))
  }

  /// A spec that leaves the end of the prefix open lets one proof stand for many keys ("Barberry" and its kin).
  @Test("refuses a spec whose prefix could hide a child")
  func openSpec() {
    let spec = ICS23.ProofSpec(
      leaf: Self.spec.leaf,
      inner: ICS23.InnerSpec(
        childOrder: [0, 1], childSize: 32, prefixLengthMin: 1, prefixLengthMax: 33, hash: .sha256))
    let proof = Self.tree.proof(0)
    #expect(
      throws: ICS23.ExistenceError.inner(layer: 1, .prefixRange(minimum: 1, maximum: 33, childSize: 32))
    ) { try proof.verifiedRoot(spec: spec) }
  }

  @Test("refuses an empty key, an empty value and another leaf operation")
  func leaves() {
    let path = Self.tree.proof(0).path
    func error(_ proof: ICS23.ExistenceProof) -> ICS23.ExistenceError? {
      do throws(ICS23.ExistenceError) {
        _ = try proof.verifiedRoot(spec: Self.spec)
        return nil
      } catch { return error }
    }
    let leaf = Self.spec.leaf
    #expect(error(.init(key: [], value: [1], leaf: leaf, path: path)) == .leaf(.emptyKey))
    #expect(error(.init(key: [1], value: [], leaf: leaf, path: path)) == .leaf(.emptyValue))
    #expect(error(.init(key: [1], value: [1], leaf: nil, path: path)) == .missingLeaf)
    let bare = ICS23.LeafOperation(hash: .sha256, prehashValue: .sha256, length: .none, prefix: [0])
    #expect(
      error(.init(key: [1], value: [1], leaf: bare, path: path))
        == .leaf(.lengthOperation(expected: .varProto, actual: .none)))
    let deep = [ICS23.InnerOperation](repeating: path[0], count: 129)
    #expect(
      error(.init(key: [1], value: [1], leaf: leaf, path: deep)) == .depthTooLong(maximum: 128, actual: 129))
  }

  @Test("refuses every one-bit flip and every cut of an encoded proof")
  func mutations() throws {
    let index = 2
    let root = Self.tree.root
    let proof = Self.tree.proof(index)
    let encoded = ICS23.CommitmentProof.existence(proof).encoded()
    let key = Self.tree.keys[index]
    let value = Self.tree.values[index]
    func accepts(_ bytes: [UInt8]) -> Bool {
      guard let proof = try? ICS23.CommitmentProof(decoding: bytes.span) else { return false }
      let verdict: ()? = try? proof.verifyMembership(
        spec: Self.spec, root: root.span, key: key.span, value: value.span)
      return verdict != nil
    }
    #expect(accepts(encoded))
    for count in encoded.indices { #expect(!accepts([UInt8](encoded[..<count]))) }
    for bit in 0..<(encoded.count * 8) {
      var changed = encoded
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(!accepts(changed), "bit \(bit)")
    }
    #expect(!accepts(encoded + [0]))
  }

  @Test("proves a batch, compressed or not, and refuses what it has no entry for")
  func batches() throws {
    let root = Self.tree.root
    let batch = ICS23.BatchProof(entries: [
      .existence(Self.tree.proof(1)), .existence(Self.tree.proof(4)),
      .nonExistence(ICS23.NonExistenceProof(key: [], left: Self.tree.proof(2), right: Self.tree.proof(3))),
    ])
    let items = [1, 4].map { (key: Self.tree.keys[$0], value: Self.tree.values[$0]) }
    for proof in [ICS23.CommitmentProof.batch(batch), .compressed(batch.compressed())] {
      let encoded = proof.encoded()
      let again = try ICS23.CommitmentProof(decoding: encoded.span)
      #expect(again == proof)
      try again.verifyMembership(of: items, spec: Self.spec, root: root.span)
      try again.verifyNonMembership(of: [[UInt8]("g".utf8)], spec: Self.spec, root: root.span)
      #expect(throws: ICS23.VerificationError.missingEntry(index: 0)) {
        try again.verifyMembership(of: [(key: [9], value: [9])], spec: Self.spec, root: root.span)
      }
      #expect(throws: ICS23.VerificationError.kind(expected: .existence, actual: again.kind)) {
        let one: [UInt8] = [1]
        try again.verifyMembership(spec: Self.spec, root: root.span, key: one.span, value: one.span)
      }
    }
    let broken = ICS23.CompressedBatchProof(
      entries: [
        .existence(ICS23.CompressedExistenceProof(key: [1], value: [1], leaf: Self.spec.leaf, path: [3]))
      ],
      lookup: [])
    #expect(throws: ICS23.DecodingError.lookup(index: 3, count: 0)) { try broken.decompressed() }
  }
}
