public import Encodings

/// Why a Merkle-Patricia proof proves nothing. `node` is the position of the offending node in the proof, from the root.
///
/// A proof that stops before it reaches an answer is ``missingNode(node:depth:)``, never an exclusion.
public enum MerklePatriciaError: Error, Hashable, Sendable {
  /// The key has no nibbles: no Ethereum trie holds such a key.
  case emptyKey
  /// The key is longer than is read.
  case keyTooLong(limit: Int, actual: Int)
  /// More nibbles were asked for than the key has.
  case nibbleCount(available: Int, actual: Int)
  /// A node is longer than is read.
  case nodeTooLarge(node: Int, limit: Int, actual: Int)
  /// The node's Keccak-256 is not the hash by which its parent, or the root, names it.
  case hashMismatch(node: Int)
  /// The proof ends although the path goes on; `depth` nibbles of the key were walked.
  case missingNode(node: Int, depth: Int)
  /// The path ended before the proof did.
  case unusedNodes(first: Int, count: Int)
  /// The node is not canonical RLP; offsets count from the start of the proof element that holds the node.
  case encoding(node: Int, RLPError)
  /// A list that has neither 2 nor 17 items.
  case arity(node: Int, items: Int)
  /// The path of a two-item node does not open with a hex-prefix byte of 0x00, 0x1n, 0x20 or 0x3n.
  case hexPrefix(node: Int, byte: UInt8)
  /// The path of a two-item node is an empty string or a list.
  case missingPath(node: Int)
  /// An extension that shares no nibble: it could stand anywhere without moving the path on.
  case emptyExtensionPath(node: Int)
  /// A child is a string of neither 0 nor 32 bytes, or an extension has none; `length` in bytes.
  case childReference(node: Int, length: Int)
  /// A node of 32 bytes or more stands inside its parent where its hash should.
  case embeddedTooLong(node: Int, length: Int)
  /// A node of fewer than 32 bytes is named by hash where it should stand inside its parent.
  case hashedTooShort(node: Int, length: Int)
  /// With the Optimism convention: the element is not the node that its parent embeds.
  case embeddedMismatch(node: Int)
  /// A leaf that holds the empty string, which means deletion.
  case emptyValue(node: Int)
  /// A value that is a list.
  case valueIsList(node: Int)
}
