/// Vector commitment proofs of Cosmos chains: existence and non-existence of a key in a Merkle store.
///
/// The rules are those of cosmos/ics23 at 7f2c2d0 (go/proof.go, go/ops.go). A proof is a list of hashing steps; a
/// ``ProofSpec``, which the verifier chooses beforehand, says which steps are lawful for a store.
public enum ICS23 {
  /// The longest encoded proof that is read, in bytes.
  public static let sizeBytesMax = 4 << 20
  /// The most inner steps that a proof may have, whatever its spec allows.
  public static let pathLengthMax = 512
  /// The most entries of a batch, and the most inner steps that a compressed batch shares.
  public static let batchLengthMax = 512
  /// The most children an inner node may have.
  public static let childrenMax = 256
  /// The depth that a spec with `max_depth` zero allows (go/proof.go, `CheckAgainstSpec`).
  public static let defaultDepthMax = 128

  /// Which hash a step applies; the numbers are those of `HashOp` in proofs.proto.
  public enum HashOperation: Int32, Hashable, Sendable, CaseIterable {
    case none = 0
    case sha256 = 1
    case sha512 = 2
    case keccak256 = 3
    case ripemd160 = 4
    /// RIPEMD-160 of SHA-256.
    case bitcoin = 5
    case sha512t256 = 6
    case blake2b512 = 7
    case blake2s256 = 8
    /// Named by the format, not computed here nor by the Go library.
    case blake3 = 9
  }

  /// What stands in front of a key or a value in a leaf; the numbers are those of `LengthOp` in proofs.proto.
  public enum LengthOperation: Int32, Hashable, Sendable, CaseIterable {
    case none = 0
    /// The length as a varint.
    case varProto = 1
    /// Named by the format, not computed here nor by the Go library.
    case varRLP = 2
    case fixed32Big = 3
    case fixed32Little = 4
    case fixed64Big = 5
    case fixed64Little = 6
    /// Nothing is written; the bytes must be 32.
    case require32Bytes = 7
    /// Nothing is written; the bytes must be 64.
    case require64Bytes = 8
  }
}

extension ICS23 {
  /// Why one step cannot be applied, or is not one that the spec allows.
  public enum OperationError: Error, Hashable, Sendable {
    case emptyKey
    case emptyValue
    case emptyChild
    case hashUnsupported(HashOperation)
    case lengthUnsupported(LengthOperation)
    /// The length operation wants another number of bytes.
    case length(required: Int, actual: Int)
    case hash(expected: HashOperation, actual: HashOperation)
    case prehashKey(expected: HashOperation, actual: HashOperation)
    case prehashValue(expected: HashOperation, actual: HashOperation)
    case lengthOperation(expected: LengthOperation, actual: LengthOperation)
    /// The leaf's prefix does not begin with that of the spec.
    case leafPrefix
    /// The inner node's prefix begins with that of a leaf: it could pass as one.
    case innerPrefixOfLeaf
    case prefixTooShort(minimum: Int, actual: Int)
    case prefixTooLong(maximum: Int, actual: Int)
    /// The spec's child size is zero or negative.
    case childSize(Int)
    /// The spec leaves it open where the prefix ends and a child begins.
    case prefixRange(minimum: Int, maximum: Int, childSize: Int)
    /// The suffix is not made of whole children.
    case suffix(childSize: Int, actual: Int)
    case iavl(IAVLError)
    /// An inner prefix of a Tendermint simple tree is not 0x01 and at most one left child.
    case tendermintPrefix
  }

  /// Why a prefix is not that of an IAVL node (go/ops.go, `validateIavlOps`).
  public enum IAVLError: Error, Hashable, Sendable {
    case heightVarint
    case sizeVarint
    case versionVarint
    /// Negative, or lower than the number of steps below.
    case height(minimum: Int, actual: Int64)
    case size(Int64)
    case version(Int64)
    case leafHeight(Int64)
    case leafSize(Int64)
    /// Bytes after the three varints: none in a leaf, 1 or 34 in an inner node.
    case remainder(Int)
    case hash(HashOperation)
  }

  /// Why an existence proof does not hold.
  public enum ExistenceError: Error, Hashable, Sendable {
    case missingLeaf
    case leaf(OperationError)
    case depthTooShort(minimum: Int, actual: Int)
    case depthTooLong(maximum: Int, actual: Int)
    /// `layer` counts inner steps from 1 next to the leaf.
    case inner(layer: Int, OperationError)
    /// A step gave more bytes than a child may have.
    case childTooLong(layer: Int, maximum: Int, actual: Int)
    /// The proof is about another key.
    case keyMismatch
    /// The proof is about another value.
    case valueMismatch
    case rootMismatch(calculated: [UInt8])
  }

  /// The step at which two paths, or one path and the edge of the tree, fail to be what absence needs.
  public enum NeighbourError: Error, Hashable, Sendable {
    /// The right proof stands alone and something may be left of it; `layer` counts from 1 next to the leaf.
    case notLeftmost(layer: Int)
    /// The left proof stands alone, or ends the left side, and something may be right of it.
    case notRightmost(layer: Int)
    /// The paths never part, or one of them ends before they do.
    case pathsDoNotPart
    /// Where the paths part, the left child is not next to the right one.
    case notAdjacent(left: Int, right: Int)
    /// No child position fits the lengths of the step's prefix and suffix.
    case noPosition(prefix: Int, suffix: Int)
    /// The spec's child order does not name this child.
    case childOrder(branch: Int)
  }

  /// Which of the four shapes a commitment proof has.
  public enum ProofKind: String, Hashable, Sendable {
    case existence
    case nonExistence
    case batch
    case compressed
  }

  /// Why a commitment proof does not show what was asked.
  public enum VerificationError: Error, Hashable, Sendable {
    /// A proof of another kind was given.
    case kind(expected: ProofKind, actual: ProofKind)
    case existence(ExistenceError)
    case left(ExistenceError)
    case right(ExistenceError)
    /// The absence proof has neither neighbour.
    case noNeighbours
    /// The key does not sort before the right neighbour's.
    case keyNotLeftOfRight
    /// The key does not sort after the left neighbour's.
    case keyNotRightOfLeft
    /// The keys cannot be hashed for comparison.
    case comparison(OperationError)
    case neighbours(NeighbourError)
    /// The batch has no entry for the item at `index` of what was asked.
    case missingEntry(index: Int)
    case decompression(DecodingError)
  }
}
