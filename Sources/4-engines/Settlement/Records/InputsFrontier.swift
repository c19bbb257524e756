import Digests
import Enclaves
import Encodings
package import WireBytes

/// The root of a growing `List[Bytes32, 256]`, from the roots of its full subtrees alone: an append costs one hash for
/// each level instead of reading all that was submitted before.
package struct InputsFrontier {
  /// log2 of `CaseInputs.countMax`.
  static let depth = 8

  package private(set) var count: Int
  /// For each level, the root of the last full subtree that waits for its neighbour; zero where there is none.
  private var waiting: [Bytes32]

  package init() {
    count = 0
    waiting = [Bytes32](repeating: Bytes32(), count: Self.depth + 1)
  }

  /// Reads what ``stored`` wrote; nil for anything else.
  package init?(stored bytes: [UInt8], count: Int) {
    guard (0...CaseInputs.countMax).contains(count), bytes.count == 32 * (Self.depth + 1) else { return nil }
    self.count = count
    waiting = (0...Self.depth).map { level in Bytes32 { bytes[32 * level + $0] } }
  }

  package var stored: [UInt8] { waiting.flatMap { $0.array } }

  /// The caller has checked that there is room.
  package mutating func append(_ leaf: Bytes32) {
    precondition(count < CaseInputs.countMax)
    var node = leaf
    var level = 0
    while count >> level & 1 == 1 {
      node = SHA256Hash.parent(waiting[level], node)
      waiting[level] = Bytes32()
      level += 1
    }
    waiting[level] = node
    count += 1
  }

  /// `hash_tree_root` of the list.
  package var root: Bytes32 {
    if count == CaseInputs.countMax { return SSZMerkleizer.mixInLength(waiting[Self.depth], UInt64(count)) }
    var node = SSZMerkleizer.zeroes[0]
    for level in 0..<Self.depth {
      node =
        count >> level & 1 == 1
        ? SHA256Hash.parent(waiting[level], node) : SHA256Hash.parent(node, SSZMerkleizer.zeroes[level])
    }
    return SSZMerkleizer.mixInLength(node, UInt64(count))
  }
}
