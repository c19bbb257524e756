import Digests
import WireBytes

extension CometBFT {
  /// The RFC 6962 root over `leaves`: leaf `sha256(0 || x)`, node `sha256(1 || l || r)`, nothing `sha256("")`.
  static func merkleRoot(_ leaves: [[UInt8]]) -> Bytes32 {
    guard !leaves.isEmpty else { return SHA256Hash.hash([]) }
    var level = leaves.map { leaf in
      var hasher = SHA256Hash()
      hasher.update([0].span)
      hasher.update(leaf.span)
      return hasher.finalize()
    }
    // Pairing neighbours and carrying an odd last node up gives RFC 6962's split at the largest power of two.
    while level.count > 1 {
      var next: [Bytes32] = []
      next.reserveCapacity((level.count + 1) / 2)
      for index in stride(from: 0, to: level.count, by: 2) {
        guard index + 1 < level.count else {
          next.append(level[index])
          break
        }
        var hasher = SHA256Hash()
        hasher.update([1].span)
        hasher.update(level[index].span)
        hasher.update(level[index + 1].span)
        next.append(hasher.finalize())
      }
      level = next
    }
    return level[0]
  }
}
