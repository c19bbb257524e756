public import WireBytes

/// A tree of sorted pairs built layer by layer, an odd layer filled up with one node of 32 bytes 0xFF: CCIP's commit.
///
/// Source: smartcontractkit/chainlink-common, pkg/merklemulti.
public struct SortedPairTree: Sendable {
  /// A proof of several leaves.
  public struct Proof: Hashable, Sendable {
    public let nodes: [Bytes32]
    /// One for each hash: false where the next of `nodes` enters it.
    public let flags: [Bool]

    /// The flags as CCIP's contract takes them: bit `i` is flag `i`. Nil when there are more than 256.
    public var flagBits: UInt256? {
      guard flags.count <= 256 else { return nil }
      var bits = Bytes32()
      for (index, flag) in flags.enumerated() where flag { bits[index / 8] |= 1 << UInt8(index % 8) }
      return UInt256(littleEndian: bits)
    }
  }

  /// The node that fills up an odd layer.
  public static let padding = Bytes32 { _ in 0xff }

  /// From the leaves to the root; all but the last have an even number of nodes.
  private let layers: [[Bytes32]]
  private let leafCount: Int
  public let root: Bytes32

  /// Builds the tree over `leaves`, which may have any order.
  ///
  /// - Throws: ``SortedPairError/noLeaves`` or ``SortedPairError/tooManyLeaves(limit:actual:)``.
  public init(_ leaves: [Bytes32], rule: SortedPairRule = .ccip) throws(SortedPairError) {
    guard !leaves.isEmpty else { throw .noLeaves }
    guard leaves.count <= rule.leafCountMax else {
      throw .tooManyLeaves(limit: rule.leafCountMax, actual: leaves.count)
    }
    var layers: [[Bytes32]] = []
    var layer = leaves
    while layer.count > 1 {
      if !layer.count.isMultiple(of: 2) { layer.append(Self.padding) }
      layers.append(layer)
      layer = stride(from: 0, to: layer.count, by: 2).map { rule.parent(layer[$0], layer[$0 + 1]) }
    }
    leafCount = leaves.count
    root = layer[0]
    self.layers = layers
  }

  /// The proof of the leaves at `indices`, which must ascend.
  public func proof(_ indices: [Int]) throws(SortedPairError) -> Proof {
    guard !indices.isEmpty else { throw .noLeaves }
    var previous = -1
    for index in indices {
      guard index > previous, index < leafCount else { throw .leafIndex(count: leafCount, actual: index) }
      previous = index
    }
    var nodes: [Bytes32] = []
    var flags: [Bool] = []
    var current = indices
    for layer in layers {
      var parents: [Int] = []
      var position = 0
      while position < current.count {
        let index = current[position]
        parents.append(index / 2)
        if position + 1 < current.count, current[position + 1] == index ^ 1 {
          flags.append(true)
          position += 1
        } else {
          flags.append(false)
          nodes.append(layer[index ^ 1])
        }
        position += 1
      }
      current = parents
    }
    return Proof(nodes: nodes, flags: flags)
  }
}
