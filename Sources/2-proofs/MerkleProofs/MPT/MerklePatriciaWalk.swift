import Encodings
import WireBytes

/// The walk of one key through the nodes of a proof: where it stands, and how one element moves it on.
///
/// Paths are never unpacked: nibble `n` of a byte string is half of byte `n / 2`, and a hex-prefixed path is the nibbles
/// of its string from the first or second on.
struct MerklePatriciaWalk {
  /// Where an element leaves the walk.
  enum Step {
    /// At a child that is named by its hash.
    case child(Bytes32)
    /// At a value, in the element's bytes.
    case value(Range<Int>)
    /// Outside the trie.
    case divergence(MerklePatriciaDivergence)
  }

  /// A two-item node's path, in nibbles from the start of the element.
  private struct Path {
    let start: Int
    let count: Int
    let isLeaf: Bool
  }

  /// The position in the proof of the node being read.
  var node = 0
  /// Nibbles of the key walked so far.
  private(set) var depth = 0
  private let nibbleCount: Int
  private let repeatsEmbedded: Bool

  init(nibbleCount: Int, repeatsEmbedded: Bool) {
    self.nibbleCount = nibbleCount
    self.repeatsEmbedded = repeatsEmbedded
  }

  /// Reads the node that `bytes` hold and every node embedded in it on the path.
  ///
  /// Ends: each turn but the last walks at least one nibble, and a range of the same bytes that shrinks.
  mutating func descend(
    _ bytes: Span<UInt8>, key: Span<UInt8>, nodes: [[UInt8]]
  ) throws(MerklePatriciaError) -> Step {
    var slice: RLPSlice
    do { slice = try RLP.slice(bytes) } catch { throw .encoding(node: node, error) }
    if node > 0, bytes.count < 32 { throw .hashedTooShort(node: node, length: bytes.count) }
    while true {
      if depth < nibbleCount,
        let reference = Self.hashedBranchChild(slice, in: bytes, nibble: Self.nibble(key, depth))
      {
        if bytes[reference] == 0x80 { return .divergence(.emptyChild(node: node, depth: depth)) }
        depth += 1
        return .child(Bytes32(bytes, at: reference + 1))
      }
      let items = try items(of: slice, in: bytes)
      let child: RLPSlice
      switch items.count {
      case 17:
        try checkChildren(items)
        if depth == nibbleCount {
          let value = items[16].payload
          return value.isEmpty ? .divergence(.emptyBranchValue(node: node, depth: depth)) : .value(value)
        }
        child = items[Int(Self.nibble(key, depth))]
        if child.payload.isEmpty, !child.isList {
          return .divergence(.emptyChild(node: node, depth: depth))
        }
        depth += 1
      case 2:
        let path = try path(items[0], in: bytes)
        let second = items[1]
        if path.isLeaf {
          guard !second.isList else { throw .valueIsList(node: node) }
          guard !second.payload.isEmpty else { throw .emptyValue(node: node) }
          guard path.count == nibbleCount - depth, matches(path, bytes, key) else {
            return .divergence(.leafPath(node: node, depth: depth))
          }
          return .value(second.payload)
        }
        guard path.count > 0 else { throw .emptyExtensionPath(node: node) }
        try checkChild(second)
        guard second.isList || !second.payload.isEmpty else { throw .childReference(node: node, length: 0) }
        guard path.count <= nibbleCount - depth, matches(path, bytes, key) else {
          return .divergence(.extensionPath(node: node, depth: depth))
        }
        depth += path.count
        child = second
      default:
        throw .arity(node: node, items: items.count)
      }
      guard child.isList else { return .child(Bytes32(bytes, at: child.payload.lowerBound)) }
      if repeatsEmbedded { try matchRepeated(bytes.extracting(child.encoded), in: nodes) }
      slice = child
    }
  }

  /// Where the child under `nibble` starts in a branch whose children are all hashes or absent and whose value is empty,
  /// which is every branch of a state trie; nil for any other node, well formed or not.
  ///
  /// A shortcut past the general reader for 17 items that can only have two first bytes: 0x80 and 0xa0.
  @inline(__always)
  private static func hashedBranchChild(_ slice: RLPSlice, in bytes: Span<UInt8>, nibble: UInt8) -> Int? {
    let end = slice.payload.upperBound
    var offset = slice.payload.lowerBound
    // The least such branch has one byte for each item.
    guard slice.isList, end - offset >= 17 else { return nil }
    var found = offset
    for index: UInt8 in 0..<16 {
      guard offset < end else { return nil }
      if index == nibble { found = offset }
      switch bytes[offset] {
      case 0x80: offset += 1
      case 0xa0: offset += 33
      default: return nil
      }
    }
    guard offset == end - 1, bytes[offset] == 0x80 else { return nil }
    return found
  }

  private func items(of slice: RLPSlice, in bytes: Span<UInt8>) throws(MerklePatriciaError) -> RLPItems {
    do {
      return try RLP.items(of: slice, in: bytes)
    } catch {
      if case .overLimit(_, let count) = error { throw .arity(node: node, items: count) }
      throw .encoding(node: node, error)
    }
  }

  /// All sixteen children, also those off the path: a node is well formed or it is not.
  @inline(__always)
  private func checkChildren(_ items: RLPItems) throws(MerklePatriciaError) {
    for index in 0..<16 { try checkChild(items[index]) }
    guard !items[16].isList else { throw .valueIsList(node: node) }
  }

  @inline(__always)
  private func checkChild(_ child: RLPSlice) throws(MerklePatriciaError) {
    if child.isList {
      guard child.encoded.count < 32 else { throw .embeddedTooLong(node: node, length: child.encoded.count) }
    } else {
      let length = child.payload.count
      guard length == 0 || length == 32 else { throw .childReference(node: node, length: length) }
    }
  }

  /// Reads a hex prefix (yellow paper, appendix C): a flag nibble, and a zero nibble after an even flag.
  @inline(__always)
  private func path(_ item: RLPSlice, in bytes: Span<UInt8>) throws(MerklePatriciaError) -> Path {
    let range = item.payload
    guard !item.isList, !range.isEmpty else { throw .missingPath(node: node) }
    let first = bytes[range.lowerBound]
    let isOdd = first & 0x10 != 0
    guard first < 0x40, isOdd || first & 0x0f == 0 else { throw .hexPrefix(node: node, byte: first) }
    let skipped = isOdd ? 1 : 2
    return Path(
      start: range.lowerBound * 2 + skipped, count: range.count * 2 - skipped, isLeaf: first & 0x20 != 0)
  }

  /// Whether the key goes along `path`; the caller has checked that so many nibbles are left.
  @inline(__always)
  private func matches(_ path: Path, _ bytes: Span<UInt8>, _ key: Span<UInt8>) -> Bool {
    for index in 0..<path.count
    where Self.nibble(bytes, path.start + index) != Self.nibble(key, depth + index) {
      return false
    }
    return true
  }

  /// Moves on to the next element, which must be the embedded node that the path goes into.
  private mutating func matchRepeated(
    _ embedded: Span<UInt8>, in nodes: [[UInt8]]
  ) throws(MerklePatriciaError) {
    node += 1
    guard node < nodes.count else { throw .missingNode(node: node, depth: depth) }
    let element = nodes[node]
    guard element.span.equals(embedded) else { throw .embeddedMismatch(node: node) }
  }

  @inline(__always)
  private static func nibble(_ bytes: Span<UInt8>, _ index: Int) -> UInt8 {
    let byte = bytes[index >> 1]
    return index & 1 == 0 ? byte >> 4 : byte & 0x0f
  }
}
