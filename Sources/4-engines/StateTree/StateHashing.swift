import Digests
import MerkleProofs
public import WireBytes

/// The hashes of the tree, as the sparse Merkle tree spec of ICS-23 has them (cosmos/ics23 go/proof.go, `SmtSpec`).
///
/// The tree of a set of keys is defined by recursion over the bits of SHA-256(key), most significant bit first: no
/// key is ``empty``, one key is its leaf whatever the depth, more keys are the inner node of both halves.
public enum StateHashing {
  /// What stands for a subtree without keys: 32 zero bytes. It is also the root of an empty tree.
  public static let empty = Bytes32()

  /// Where a key stands in the tree: SHA-256(key).
  public static func path(of key: [UInt8]) -> Bytes32 { SHA256Hash.hash(key) }

  /// SHA-256(0x00 ‖ SHA-256(key) ‖ SHA-256(value)).
  ///
  /// - Parameter path: SHA-256(key).
  public static func leaf(path: Bytes32, value: [UInt8]) -> Bytes32 {
    tagged(0, path, SHA256Hash.hash(value))
  }

  /// SHA-256(0x01 ‖ left ‖ right).
  public static func inner(_ left: Bytes32, _ right: Bytes32) -> Bytes32 { tagged(1, left, right) }

  private static func tagged(_ tag: UInt8, _ first: Bytes32, _ second: Bytes32) -> Bytes32 {
    var preimage = FixedBytes<65>()
    preimage[0] = tag
    for index in 0..<32 {
      preimage[1 + index] = first[index]
      preimage[33 + index] = second[index]
    }
    return SHA256Hash.hash(preimage.span)
  }
}

/// The limits of the tree. What is over them is refused, at a commit as well as in a snapshot.
public enum StateLimits {
  /// Longest key, in bytes. Keys stand in the pages of the tree, so this bounds a page too.
  public static let keyBytesMax = ICS23.EntryLimits.keyBytesMax
  /// Longest value, in bytes: an absence proof with two values stays under what an ICS-23 verifier reads (4 MiB).
  public static let valueBytesMax = ICS23.EntryLimits.valueBytesMax
  /// Most changes in one commit.
  public static let changesMax = 1 << 20
  /// Most entries that one call of a scan returns.
  public static let scanLengthMax = 10_000
}
