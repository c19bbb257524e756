import Digests
import SignatureSchemes
public import WireBytes

/// Digests that Hyperlane's validators and relayers sign.
///
/// Source: hyperlane-monorepo solidity/contracts/libs/CheckpointLib.sol, rust/main/hyperlane-core/src/types at f0f8a56c.
public enum HyperlaneDigest {
  /// Keccak-256 of `[origin: 4][merkle tree hook: 32]"HYPERLANE"`. Before version 3 the address was the mailbox.
  public static func domainHash(origin: UInt32, hook: Bytes32) -> Bytes32 {
    domainHash(origin: origin, address: hook, suffix: "HYPERLANE")
  }

  /// What a validator signs for an announcement of where its signatures lie, EIP-191 included.
  public static func announcement(domain: UInt32, mailbox: Bytes32, storageLocation: String) -> Bytes32 {
    var preimage = domainHash(origin: domain, address: mailbox, suffix: "HYPERLANE_ANNOUNCEMENT").array
    preimage += storageLocation.utf8
    return personal(Keccak256.hash(preimage))
  }

  /// What a relayer signs to be let in by an off-chain lookup server, EIP-191 included.
  ///
  /// - Parameter urlTemplate: the URL as the contract gave it, not filled in.
  public static func offchainLookup(sender: Bytes20, callData: [UInt8], urlTemplate: String) -> Bytes32 {
    var preimage = [UInt8]("HYPERLANE_OFFCHAINLOOKUP".utf8)
    preimage.append(sender)
    preimage += callData
    preimage += urlTemplate.utf8
    return personal(Keccak256.hash(preimage))
  }

  /// The digest of version 2, which bound no message: EIP-191 of Keccak-256 of `[domain hash][root][index: 4]`.
  ///
  /// For records of the past; no contract of version 3 takes it.
  public static func checkpointWithoutMessage(
    origin: UInt32, hook: Bytes32, root: Bytes32, index: UInt32
  ) -> Bytes32 {
    var preimage = domainHash(origin: origin, hook: hook).array
    preimage.append(root)
    preimage.append(bigEndian: index)
    return personal(Keccak256.hash(preimage))
  }

  /// EIP-191 of a hash: `"\x19Ethereum Signed Message:\n32"` before it.
  static func personal(_ hash: Bytes32) -> Bytes32 {
    var hasher = Keccak256()
    let prefix = personalPrefix
    hasher.update(prefix.span)
    hasher.update(hash.span)
    return hasher.finalize()
  }

  private static let personalPrefix = [UInt8]("\u{19}Ethereum Signed Message:\n32".utf8)

  private static func domainHash(origin: UInt32, address: Bytes32, suffix: String) -> Bytes32 {
    var preimage: [UInt8] = []
    preimage.append(bigEndian: origin)
    preimage.append(address)
    preimage += suffix.utf8
    return Keccak256.hash(preimage)
  }
}

/// A validator's statement: message `messageID` is leaf `index` of the tree whose root was then `root`.
public struct HyperlaneCheckpoint: Hashable, Sendable {
  public let origin: UInt32
  /// The merkle tree hook, left-padded.
  public let hook: Bytes32
  public let root: Bytes32
  /// Leaves in the tree, less one.
  public let index: UInt32
  public let messageID: Bytes32

  public init(origin: UInt32, hook: Bytes32, root: Bytes32, index: UInt32, messageID: Bytes32) {
    self.origin = origin
    self.hook = hook
    self.root = root
    self.index = index
    self.messageID = messageID
  }

  /// What validators sign: EIP-191 of Keccak-256 of `[domain hash][root][index: 4][message id]`.
  public var digest: Bytes32 {
    var hasher = Keccak256()
    let domain = HyperlaneDigest.domainHash(origin: origin, hook: hook)
    hasher.update(domain.span)
    hasher.update(root.span)
    var rest: [UInt8] = []
    rest.append(bigEndian: index)
    rest.append(messageID)
    hasher.update(rest.span)
    return HyperlaneDigest.personal(hasher.finalize())
  }
}

/// Why a 65-byte signature names no signer, as OpenZeppelin's `ECDSA.recover` tells it.
public enum HyperlaneSignatureError: Error, Hashable, Sendable {
  /// `s` is above half the group order: "ECDSA: invalid signature 's' value".
  case highS
  /// `v` is neither 27 nor 28, or nothing can be recovered: "ECDSA: invalid signature".
  case invalid
}

/// A validator's signature `r || s || v` with v 27 or 28.
public struct HyperlaneSignature: Hashable, Sendable {
  public let bytes: FixedBytes<65>

  public init(_ bytes: FixedBytes<65>) { self.bytes = bytes }

  /// From `r` and `s` as numbers, as validators write them to their storage, without leading zeroes.
  public init(r: UInt256, s: UInt256, v: UInt8) {
    let (r, s) = (r.bigEndian, s.bigEndian)
    bytes = FixedBytes { $0 < 32 ? r[$0] : $0 < 64 ? s[$0 - 32] : v }
  }

  /// The address that signed `digest`.
  ///
  /// - Throws: ``HyperlaneSignatureError``; the check of `s` comes first, as on the EVM.
  public func signer(of digest: Bytes32) throws(HyperlaneSignatureError) -> Bytes20 {
    guard !isHighS else { throw .highS }
    guard
      let signer = SignerRecovery.address(of: digest, signature: bytes, form: .twentySevenOrTwentyEight)
    else { throw .invalid }
    return signer
  }

  /// Half the order of secp256k1, rounded down (SEC 2, section 2.4.1).
  private static let halfOrder = UInt256(
    limbs: 0xdfe9_2f46_681b_20a0, 0x5d57_6e73_57a4_501d, 0xffff_ffff_ffff_ffff, 0x7fff_ffff_ffff_ffff)

  private var isHighS: Bool {
    UInt256(bigEndian: Bytes32 { bytes[32 + $0] }) > Self.halfOrder
  }
}
