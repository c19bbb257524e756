public import WireBytes

/// Why metadata cannot be read by a multisig security module.
public enum HyperlaneMetadataError: Error, Hashable, Sendable {
  /// The fixed part, or the signature that was to be read, ends early; the EVM reverts without a reason.
  case truncated(needed: Int, actual: Int)
  case tooLarge(limit: Int, actual: Int)
}

/// Metadata of a message-id multisig: `[hook: 32][root: 32][index: 4]` and signatures of 65 bytes.
///
/// Source: hyperlane-monorepo solidity/contracts/isms/libs/MessageIdMultisigIsmMetadata.sol.
public struct MessageIDMultisigMetadata: Hashable, Sendable {
  public let hook: Bytes32
  public let root: Bytes32
  public let index: UInt32
  public let signatures: SignatureBytes

  public init(decoding bytes: Span<UInt8>) throws(HyperlaneMetadataError) {
    try SignatureBytes.checkSize(bytes.count)
    do {
      var reader = ByteReader(bytes)
      hook = try reader.readFixed()
      root = try reader.readFixed()
      index = try reader.readBigEndian()
      signatures = SignatureBytes(reader.readRest())
    } catch {
      throw .truncated(needed: 68, actual: bytes.count)
    }
  }
}

/// Metadata of a merkle-root multisig: `[hook: 32][leaf index: 4][signed message id: 32][siblings: 32 * 32]`
/// `[signed index: 4]` and signatures of 65 bytes.
///
/// Source: hyperlane-monorepo solidity/contracts/isms/libs/MerkleRootMultisigIsmMetadata.sol.
public struct MerkleRootMultisigMetadata: Hashable, Sendable {
  public static let treeDepth = 32

  public let hook: Bytes32
  /// Leaf of the message that is delivered.
  public let messageIndex: UInt32
  /// Message that the signed checkpoint names; any later one.
  public let signedMessageID: Bytes32
  /// Siblings from the leaf up, always 32.
  public let siblings: [Bytes32]
  public let signedIndex: UInt32
  public let signatures: SignatureBytes

  public init(decoding bytes: Span<UInt8>) throws(HyperlaneMetadataError) {
    try SignatureBytes.checkSize(bytes.count)
    do {
      var reader = ByteReader(bytes)
      hook = try reader.readFixed()
      messageIndex = try reader.readBigEndian()
      signedMessageID = try reader.readFixed()
      var siblings: [Bytes32] = []
      siblings.reserveCapacity(Self.treeDepth)
      for _ in 0..<Self.treeDepth { siblings.append(try reader.readFixed()) }
      self.siblings = siblings
      signedIndex = try reader.readBigEndian()
      signatures = SignatureBytes(reader.readRest())
    } catch {
      throw .truncated(needed: 1096, actual: bytes.count)
    }
  }
}

/// Signatures in a row, read one at a time as the module asks for them.
public struct SignatureBytes: Hashable, Sendable {
  public static let signatureSize = 65
  /// Fixed part and a signature for each of 255 validators fit many times.
  public static let metadataSizeMax = 64 << 10

  public let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  static func checkSize(_ count: Int) throws(HyperlaneMetadataError) {
    guard count <= metadataSizeMax else { throw .tooLarge(limit: metadataSizeMax, actual: count) }
  }

  /// Whole signatures, when the bytes divide into them; nil otherwise.
  public var count: Int? {
    bytes.count.isMultiple(of: Self.signatureSize) ? bytes.count / Self.signatureSize : nil
  }

  /// - Throws: ``HyperlaneMetadataError/truncated(needed:actual:)``, counting the signatures' bytes alone.
  public func signature(at position: Int) throws(HyperlaneMetadataError) -> HyperlaneSignature {
    let end = (position + 1) * Self.signatureSize
    guard end <= bytes.count else { throw .truncated(needed: end, actual: bytes.count) }
    return HyperlaneSignature(FixedBytes(bytes.span, at: end - Self.signatureSize))
  }
}
