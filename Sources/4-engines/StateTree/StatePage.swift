public import WireBytes

/// Four levels of the tree in one record: up to 16 subtrees, and the hashes between them and the page's own.
///
/// Binary nodes inside the page are numbered as in a heap: 1 is the page's root, `2n` and `2n + 1` are the children
/// of `n`, 16 to 31 are the sixteen places.
public struct StatePage: Hashable, Sendable {
  /// Bit `d` is set when place `d` is taken.
  public let places: UInt16
  /// The taken places in order; never ``StateSubtree/empty``.
  public let subtrees: [StateSubtree]
  /// The hash of the whole page.
  public let hash: Bytes32
  /// Hashes of nodes 1 to 15 by number, of pages with so many places that computing them anew costs.
  private let inner: [Bytes32]

  /// Pages with more places than this keep their inner hashes: a commit of one change then hashes four nodes, not 15.
  private static let uncachedMax = 4

  /// - Parameters:
  ///   - previous: the page that this one takes the place of, whose hashes still hold outside `changed`.
  ///   - changed: places that differ from `previous`.
  init(places: UInt16, subtrees: [StateSubtree], previous: StatePage? = nil, changed: UInt16 = .max) {
    precondition(places.nonzeroBitCount == subtrees.count && subtrees.count > 0)
    self.places = places
    self.subtrees = subtrees
    guard subtrees.count > Self.uncachedMax else {
      inner = []
      hash = Self.hash(1, places, subtrees)
      return
    }
    var inner = [Bytes32](repeating: Bytes32(), count: 16)
    let old = previous.map { $0.inner } ?? []
    for node in (1..<16).reversed() {
      let range = Self.range(of: node)
      if !old.isEmpty, range & changed == 0 {
        inner[node] = old[node]
      } else if let alone = Self.alone(range & places, places, subtrees) {
        inner[node] = alone
      } else if node >= 8 {
        inner[node] = StateHashing.inner(
          Self.place(2 * node - 16, places, subtrees).hash, Self.place(2 * node - 15, places, subtrees).hash)
      } else {
        inner[node] = StateHashing.inner(inner[2 * node], inner[2 * node + 1])
      }
    }
    self.inner = inner
    hash = inner[1]
  }

  /// What stands at one of the sixteen places.
  public func subtree(at digit: Int) -> StateSubtree { Self.place(digit, places, subtrees) }

  /// The hash of a binary node of the page.
  func hash(ofNode node: Int) -> Bytes32 {
    if node < 16, !inner.isEmpty { return inner[node] }
    return Self.hash(node, places, subtrees)
  }

  /// What a binary node of the page comes to: nothing, the one leaf below it, or a fork.
  func fork(atNode node: Int) -> Fork {
    let below = Self.range(of: node) & places
    if below == 0 { return .empty }
    if below.nonzeroBitCount == 1 {
      switch Self.place(below.trailingZeroBitCount, places, subtrees) {
      case .leaf(let leaf): return .leaf(leaf)
      case .page(let hash, let version) where node >= 16: return .page(hash: hash, version: version)
      case .page, .empty: break
      }
    }
    return .inner
  }

  /// What a binary node is.
  enum Fork {
    case empty
    case leaf(StateLeaf)
    /// Two children in this page.
    case inner
    /// The top of the page below.
    case page(hash: Bytes32, version: UInt64)
  }

  private static func place(_ digit: Int, _ places: UInt16, _ subtrees: [StateSubtree]) -> StateSubtree {
    let bit = UInt16(1) << UInt16(digit)
    guard places & bit != 0 else { return .empty }
    return subtrees[(places & (bit - 1)).nonzeroBitCount]
  }

  /// The places under a node.
  private static func range(of node: Int) -> UInt16 {
    let level = Int.bitWidth - 1 - node.leadingZeroBitCount
    let width = 16 >> level
    let first = (node - (1 << level)) * width
    return UInt16(truncatingIfNeeded: ((1 << width) - 1) << first)
  }

  /// The hash of a node under which there is nothing or one leaf; nil for any other.
  private static func alone(_ below: UInt16, _ places: UInt16, _ subtrees: [StateSubtree]) -> Bytes32? {
    if below == 0 { return StateHashing.empty }
    guard below.nonzeroBitCount == 1,
      case .leaf(let leaf) = place(below.trailingZeroBitCount, places, subtrees)
    else { return nil }
    return leaf.hash
  }

  private static func hash(_ node: Int, _ places: UInt16, _ subtrees: [StateSubtree]) -> Bytes32 {
    if let alone = alone(range(of: node) & places, places, subtrees) { return alone }
    if node >= 16 { return place(node - 16, places, subtrees).hash }
    return StateHashing.inner(hash(2 * node, places, subtrees), hash(2 * node + 1, places, subtrees))
  }
}
