/// The place of a node in a binary Merkle tree: 1 is the root, the children of n are 2n and 2n + 1.
///
/// Source: consensus-specs, ssz/merkle-proofs.md.
public struct GeneralizedIndex: Hashable, Comparable, Sendable {
  public let rawValue: UInt64

  public static let root = GeneralizedIndex(unchecked: 1)

  private init(unchecked value: UInt64) { rawValue = value }

  /// Nil for 0, which is no place, and for 2^63 and above.
  public init?(_ value: UInt64) {
    guard value > 0, value < 1 << 63 else { return nil }
    rawValue = value
  }

  /// Steps from the root: the length of a branch.
  public var depth: Int { UInt64.bitWidth - 1 - rawValue.leadingZeroBitCount }
  /// The place among the nodes of its depth, from the left.
  public var position: UInt64 { rawValue & ~(1 << UInt64(depth)) }
  public var isRight: Bool { rawValue & 1 == 1 }
  /// The sibling; the root is its own.
  public var sibling: GeneralizedIndex {
    rawValue == 1 ? self : GeneralizedIndex(unchecked: rawValue ^ 1)
  }
  /// The parent; the root is its own.
  public var parent: GeneralizedIndex { rawValue == 1 ? self : GeneralizedIndex(unchecked: rawValue >> 1) }

  /// The node at `inner` of the subtree whose root is this node; nil when the depths sum to more than 62.
  public func appending(_ inner: GeneralizedIndex) -> GeneralizedIndex? {
    let depth = inner.depth
    guard self.depth + depth <= 62 else { return nil }
    return GeneralizedIndex(unchecked: rawValue << UInt64(depth) | inner.position)
  }

  /// The node `depth` steps below, `position` from the left; nil when it is too deep or too far right.
  public func descendant(depth: Int, position: UInt64) -> GeneralizedIndex? {
    guard depth >= 0, self.depth + depth <= 62, position < 1 << UInt64(depth) else { return nil }
    return GeneralizedIndex(unchecked: rawValue << UInt64(depth) | position)
  }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// One step from a value to a part of it.
public enum SSZPathStep: Hashable, Sendable {
  case field(String)
  case element(UInt64)
  /// The length that is mixed into the root of a list.
  case length
  /// The selector that is mixed into the root of a union.
  case selector
  /// The option of a union.
  case option(UInt8)
}

extension SSZType {
  /// Where the part that `path` leads to lies in the tree of a value of this type.
  ///
  /// Elements of a basic type share a chunk: the index is the chunk's.
  ///
  /// - Throws: ``SSZError/path``.
  public func generalizedIndex(_ path: [SSZPathStep]) throws(SSZError) -> GeneralizedIndex {
    var index = GeneralizedIndex.root
    var type: SSZType? = self
    for step in path {
      guard let current = type else { throw .path }
      let (inner, next) = try current.locate(step)
      guard let deeper = index.appending(inner) else { throw .path }
      index = deeper
      type = next
    }
    return index
  }

  /// One step: where it leads in this type's tree and the type there; nil when no step can follow.
  private func locate(_ step: SSZPathStep) throws(SSZError) -> (GeneralizedIndex, SSZType?) {
    let left = GeneralizedIndex.root.descendant(depth: 1, position: 0)
    let right = GeneralizedIndex.root.descendant(depth: 1, position: 1)
    guard let left, let right else { throw .path }
    switch (self, step) {
    case (.container(let fields), .field(let name)):
      guard let place = fields.firstIndex(where: { $0.name == name }) else { throw .path }
      return (try chunk(UInt64(place), below: .root), fields[place].type)
    case (.progressiveContainer(let active, let fields), .field(let name)):
      guard let place = fields.firstIndex(where: { $0.name == name }) else { throw .path }
      let places = active.indices.filter { active[$0] }
      guard place < places.count else { throw .path }
      return (try Self.progressive(UInt64(places[place]), below: left), fields[place].type)
    case (.vector(let element, let count), .element(let place)):
      guard place < UInt64(count) else { throw .path }
      return (try chunk(place / element.perChunk, below: .root), element.isBasic ? nil : element)
    case (.byteVector(let count), .element(let place)):
      guard place < UInt64(count) else { throw .path }
      return (try chunk(place / 32, below: .root), nil)
    case (.bitvector(let count), .element(let place)):
      guard place < UInt64(count) else { throw .path }
      return (try chunk(place / 256, below: .root), nil)
    case (.list(let element, let limit), .element(let place)):
      guard place < limit else { throw .path }
      return (try chunk(place / element.perChunk, below: left), element.isBasic ? nil : element)
    case (.byteList(let limit), .element(let place)):
      guard place < limit else { throw .path }
      return (try chunk(place / 32, below: left), nil)
    case (.bitlist(let limit), .element(let place)):
      guard place < limit else { throw .path }
      return (try chunk(place / 256, below: left), nil)
    case (.progressiveList(let element), .element(let place)):
      return (try Self.progressive(place / element.perChunk, below: left), element.isBasic ? nil : element)
    case (.progressiveByteList, .element(let place)):
      return (try Self.progressive(place / 32, below: left), nil)
    case (.progressiveBitlist, .element(let place)):
      return (try Self.progressive(place / 256, below: left), nil)
    case (.list, .length), (.byteList, .length), (.bitlist, .length), (.progressiveList, .length),
      (.progressiveByteList, .length), (.progressiveBitlist, .length), (.union, .selector):
      return (right, nil)
    case (.union, .option(let selector)):
      return (left, try option(selector))
    default:
      throw .path
    }
  }

  /// Elements of this type that share a chunk.
  private var perChunk: UInt64 { UInt64(32 / (basicSize ?? 32)) }

  private func chunk(_ place: UInt64, below: GeneralizedIndex) throws(SSZError) -> GeneralizedIndex {
    let depth = SSZMerkleizer.depth(limit: try chunkCount())
    guard let index = below.descendant(depth: depth, position: place) else { throw .path }
    return index
  }

  private static func progressive(
    _ place: UInt64, below: GeneralizedIndex
  ) throws(SSZError) -> GeneralizedIndex {
    var node: GeneralizedIndex? = below
    var rest = place
    for level in 0..<31 {
      let capacity: UInt64 = 1 << UInt64(2 * level)
      if rest < capacity {
        guard
          let index = node?.descendant(depth: 1, position: 0)?
            .descendant(depth: 2 * level, position: rest)
        else { throw .path }
        return index
      }
      rest -= capacity
      node = node?.descendant(depth: 1, position: 1)
    }
    throw .path
  }
}
