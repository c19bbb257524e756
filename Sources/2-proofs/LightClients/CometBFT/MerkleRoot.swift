import MerkleProofs
import WireBytes

extension CometBFT {
  /// The root over `leaves`: CometBFT's simple tree is that of RFC 6962 (crypto/merkle/tree.go).
  static func merkleRoot(_ leaves: [[UInt8]]) -> Bytes32 { RFC6962.root(leaves: leaves) }
}
