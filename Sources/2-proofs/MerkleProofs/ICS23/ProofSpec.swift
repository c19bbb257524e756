extension ICS23 {
  /// How the inner nodes of a store are laid out.
  public struct InnerSpec: Hashable, Sendable {
    /// Positions of the children in the hashed bytes: `[0, 1]` for a binary tree.
    public let childOrder: [Int32]
    /// Bytes of one child, its length byte included where there is one.
    public let childSize: Int32
    /// Bounds of what stands before the first child, in bytes.
    public let prefixLengthMin: Int32
    public let prefixLengthMax: Int32
    /// What stands for a child that is not there; empty when every node has all children.
    public let emptyChild: [UInt8]
    public let hash: HashOperation

    public init(
      childOrder: [Int32], childSize: Int32, prefixLengthMin: Int32, prefixLengthMax: Int32,
      emptyChild: [UInt8] = [], hash: HashOperation
    ) {
      self.childOrder = childOrder
      self.childSize = childSize
      self.prefixLengthMin = prefixLengthMin
      self.prefixLengthMax = prefixLengthMax
      self.emptyChild = emptyChild
      self.hash = hash
    }
  }

  /// What a lawful proof of one kind of store looks like. The verifier holds it; it never comes with the proof.
  public struct ProofSpec: Hashable, Sendable {
    public let leaf: LeafOperation
    public let inner: InnerSpec
    /// Bounds of the number of inner steps; zero means ``ICS23/defaultDepthMax`` and no lower bound.
    public let depthMax: Int32
    public let depthMin: Int32
    /// Keys are ordered by their hash, as in a sparse Merkle tree.
    public let prehashKeyBeforeComparison: Bool
    /// Which extra rules of the Go library apply; see ``Family``.
    let family: Family

    /// The specs that the Go library recognises by their numbers and holds to more rules.
    enum Family: Hashable, Sendable {
      case iavl
      case tendermint
      case other
    }

    public init(
      leaf: LeafOperation, inner: InnerSpec, depthMax: Int32 = 0, depthMin: Int32 = 0,
      prehashKeyBeforeComparison: Bool = false
    ) {
      self.leaf = leaf
      self.inner = inner
      self.depthMax = depthMax
      self.depthMin = depthMin
      self.prehashKeyBeforeComparison = prehashKeyBeforeComparison
      if Self.resembles(leaf, inner, childSize: 33, prefixLength: (4, 12)) {
        family = .iavl
      } else if Self.resembles(leaf, inner, childSize: 32, prefixLength: (1, 1)) {
        family = .tendermint
      } else {
        family = .other
      }
    }

    /// Equality as go/proof.go `SpecEquals` has it: prefixes, depths and the empty child are not compared.
    private static func resembles(
      _ leaf: LeafOperation, _ inner: InnerSpec, childSize: Int32, prefixLength: (Int32, Int32)
    ) -> Bool {
      leaf.hash == .sha256 && leaf.prehashKey == .none && leaf.prehashValue == .sha256
        && leaf.length == .varProto && inner.hash == .sha256 && inner.childSize == childSize
        && inner.prefixLengthMin == prefixLength.0 && inner.prefixLengthMax == prefixLength.1
        && inner.childOrder.count == 2
    }
  }
}

extension ICS23.ProofSpec {
  /// The IAVL store of Cosmos SDK modules (go/proof.go, `IavlSpec`).
  public static let iavl = ICS23.ProofSpec(
    leaf: ICS23.LeafOperation(hash: .sha256, prehashValue: .sha256, length: .varProto, prefix: [0]),
    inner: ICS23.InnerSpec(
      childOrder: [0, 1], childSize: 33, prefixLengthMin: 4, prefixLengthMax: 12, hash: .sha256))

  /// The simple tree over store roots that gives `app_hash` (go/proof.go, `TendermintSpec`).
  public static let tendermint = ICS23.ProofSpec(
    leaf: ICS23.LeafOperation(hash: .sha256, prehashValue: .sha256, length: .varProto, prefix: [0]),
    inner: ICS23.InnerSpec(
      childOrder: [0, 1], childSize: 32, prefixLengthMin: 1, prefixLengthMax: 1, hash: .sha256))

  /// The sparse Merkle tree of 256-bit hashed keys (go/proof.go, `SmtSpec`).
  public static let sparseMerkleTree = ICS23.ProofSpec(
    leaf: ICS23.LeafOperation(
      hash: .sha256, prehashKey: .sha256, prehashValue: .sha256, length: .none, prefix: [0]),
    inner: ICS23.InnerSpec(
      childOrder: [0, 1], childSize: 32, prefixLengthMin: 1, prefixLengthMax: 1,
      emptyChild: [UInt8](repeating: 0, count: 32), hash: .sha256),
    depthMax: 256, prehashKeyBeforeComparison: true)
}
