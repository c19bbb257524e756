import Digests
public import WireBytes

/// The whole Merkle tree of a value, for building proofs; verifying needs none of it.
///
/// Zero subtrees are not spelled out, so a list with a limit of 2^40 costs what its elements cost.
public struct SSZTree: Sendable {
  private indirect enum Node: Sendable {
    case zero(depth: Int)
    case leaf(Bytes32)
    case pair(Bytes32, Node, Node)

    var root: Bytes32 {
      switch self {
      case .zero(let depth): SSZMerkleizer.zeroes[depth]
      case .leaf(let node): node
      case .pair(let node, _, _): node
      }
    }

    static func join(_ left: Node, _ right: Node) -> Node {
      .pair(SHA256Hash.hash(left.root, right.root), left, right)
    }
  }

  private let top: Node

  /// - Throws: ``SSZError`` when `value` is not one of `type`.
  public init(_ value: SSZValue, type: SSZType) throws(SSZError) {
    top = try Self.node(value, type)
  }

  /// `hash_tree_root` of the value.
  public var root: Bytes32 { top.root }

  /// The node at `index`; nil below a leaf.
  public func node(at index: GeneralizedIndex) -> Bytes32? {
    var node = top
    for step in (0..<index.depth).reversed() {
      let isRight = index.rawValue >> UInt64(step) & 1 == 1
      switch node {
      case .leaf: return nil
      case .zero(let depth):
        guard depth > 0 else { return nil }
        node = .zero(depth: depth - 1)
      case .pair(_, let left, let right): node = isRight ? right : left
      }
    }
    return node.root
  }

  /// The siblings from the node at `index` up to the root.
  public func branch(at index: GeneralizedIndex) throws(SSZProofError) -> [Bytes32] {
    try multiproof(of: [index]).nodes
  }

  /// The nodes at `indices` with what proves them.
  public func multiproof(of indices: [GeneralizedIndex]) throws(SSZProofError) -> SSZMultiproof {
    var leaves: [SSZMultiproof.Leaf] = []
    for index in indices {
      guard let node = node(at: index) else { throw .noNode(index.rawValue) }
      leaves.append(SSZMultiproof.Leaf(index: index, node: node))
    }
    var nodes: [Bytes32] = []
    for index in try SSZMultiproof.helperIndices(indices) {
      guard let node = node(at: index) else { throw .noNode(index.rawValue) }
      nodes.append(node)
    }
    return SSZMultiproof(leaves: leaves, nodes: nodes)
  }

  // MARK: Building

  private static func node(_ value: SSZValue, _ type: SSZType) throws(SSZError) -> Node {
    try type.check(value)
    switch (type, value) {
    case (.boolean, _), (.uint, _):
      return .leaf(try type.hashTreeRoot(value))
    case (.bitvector, .bits(_, let packed)), (.byteVector, .packed(let packed)),
      (.vector, .packed(let packed)):
      return binary(leaves(packed), depth: SSZMerkleizer.depth(limit: try type.chunkCount()))
    case (.bitlist, .bits(let count, let packed)):
      return try list(leaves(packed), count: UInt64(count), type)
    case (.byteList, .packed(let packed)):
      return try list(leaves(packed), count: UInt64(packed.count), type)
    case (.list(let element, _), .packed(let packed)):
      return try list(leaves(packed), count: element.count(packed: packed), type)
    case (.progressiveBitlist, .bits(let count, let packed)):
      return .join(progressive(leaves(packed)), length(UInt64(count)))
    case (.progressiveByteList, .packed(let packed)):
      return .join(progressive(leaves(packed)), length(UInt64(packed.count)))
    case (.progressiveList(let element), .packed(let packed)):
      return .join(progressive(leaves(packed)), length(element.count(packed: packed)))
    case (.vector(let element, _), .sequence(let values)):
      return binary(
        try nodes(values, element)[...], depth: SSZMerkleizer.depth(limit: try type.chunkCount()))
    case (.list(let element, _), .sequence(let values)):
      return try list(try nodes(values, element)[...], count: UInt64(values.count), type)
    case (.progressiveList(let element), .sequence(let values)):
      return .join(progressive(try nodes(values, element)[...]), length(UInt64(values.count)))
    case (.container(let fields), .sequence(let values)):
      return binary(
        try nodes(values, fields)[...], depth: SSZMerkleizer.depth(limit: UInt64(fields.count)))
    case (.progressiveContainer(let active, let fields), .sequence(let values)):
      let placed = SSZType.place(try nodes(values, fields), active, empty: .zero(depth: 0))
      return .join(progressive(placed[...]), .leaf(SSZType.activeFieldsChunk(active)))
    case (.union, .selected(let selector, let inner)):
      let mixed = Node.leaf(SSZMerkleizer.chunk(UInt64(selector)))
      guard let option = try type.option(selector), let inner else { return .join(.zero(depth: 0), mixed) }
      return .join(try node(inner, option), mixed)
    default:
      throw .shape
    }
  }

  private static func nodes(_ values: [SSZValue], _ element: SSZType) throws(SSZError) -> [Node] {
    var nodes: [Node] = []
    for value in values { nodes.append(try node(value, element)) }
    return nodes
  }

  private static func nodes(_ values: [SSZValue], _ fields: [SSZType.Field]) throws(SSZError) -> [Node] {
    var nodes: [Node] = []
    for (field, value) in zip(fields, values) { nodes.append(try node(value, field.type)) }
    return nodes
  }

  private static func leaves(_ packed: [UInt8]) -> ArraySlice<Node> {
    SSZMerkleizer.chunks(packed: packed.span).map { .leaf($0) }[...]
  }

  private static func length(_ count: UInt64) -> Node { .leaf(SSZMerkleizer.chunk(count)) }

  private static func list(
    _ nodes: ArraySlice<Node>, count: UInt64, _ type: SSZType
  ) throws(SSZError) -> Node {
    .join(binary(nodes, depth: SSZMerkleizer.depth(limit: try type.chunkCount())), length(count))
  }

  private static func binary(_ nodes: ArraySlice<Node>, depth: Int) -> Node {
    guard let first = nodes.first else { return .zero(depth: depth) }
    guard depth > 0 else { return first }
    // More nodes than Int.max cannot be there: the left half takes all of them at such depths.
    let half = depth - 1 < 62 ? 1 << (depth - 1) : Int.max
    return .join(
      binary(nodes.prefix(half), depth: depth - 1), binary(nodes.dropFirst(half), depth: depth - 1))
  }

  private static func progressive(_ nodes: ArraySlice<Node>, depth: Int = 0) -> Node {
    guard !nodes.isEmpty else { return .zero(depth: 0) }
    let capacity = 1 << depth
    return .join(
      binary(nodes.prefix(capacity), depth: depth), progressive(nodes.dropFirst(capacity), depth: depth + 2))
  }
}
