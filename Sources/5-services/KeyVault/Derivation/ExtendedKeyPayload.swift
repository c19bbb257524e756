public import Secrets
import SignatureSchemes
public import WireBytes

/// Why 78 bytes are no extended key of BIP-32.
public enum ExtendedKeyError: Error, Hashable, Sendable {
  case length(expected: Int, actual: Int)
  /// Neither `xprv`'s nor `xpub`'s, or the other one's.
  case version(UInt32)
  /// The first byte of the key: zero for private ones, 2 or 3 for public ones.
  case prefix(UInt8)
  /// A root with a parent.
  case rootFingerprint
  /// A root with a step.
  case rootStep(UInt32)
  /// Zero, or not below the order.
  case privateKey
  /// No point of the curve.
  case publicKey
}

/// A public key with its chain code, as `xpub` text holds it, without its base 58 (BIP-32, "Serialization format").
public struct ExtendedPublicKey: Hashable, Sendable {
  static let sizeBytes = 78
  static let version: UInt32 = 0x0488_b21e

  public let depth: UInt8
  public let parentFingerprint: FixedBytes<4>
  public let childNumber: UInt32
  public let chainCode: Bytes32
  public let publicKey: FixedBytes<33>

  /// The public half of a secp256k1 key.
  public init(of key: borrowing ExtendedPrivateKey) {
    depth = key.depth
    parentFingerprint = key.parentFingerprint
    childNumber = key.childNumber
    chainCode = key.chainCode().withSpan { Bytes32($0, at: 0) }
    publicKey = key.publicKey
  }

  /// - Throws: ``ExtendedKeyError``. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(ExtendedKeyError) {
    let head = try ExtendedKeyHead(bytes, version: Self.version)
    guard bytes[45] == 2 || bytes[45] == 3 else { throw .prefix(bytes[45]) }
    try head.checkRoot()
    let key = FixedBytes<33>(bytes, at: 45)
    do { _ = try Secp256k1.PublicKey(sec1: key.span) } catch { throw .publicKey }
    depth = head.depth
    parentFingerprint = head.parentFingerprint
    childNumber = head.childNumber
    chainCode = Bytes32(bytes, at: 13)
    publicKey = key
  }

  public func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: Self.version)
    bytes.append(depth)
    bytes.append(parentFingerprint)
    bytes.append(bigEndian: childNumber)
    bytes.append(chainCode)
    bytes.append(publicKey)
    return bytes
  }
}

extension ExtendedPrivateKey {
  static let version: UInt32 = 0x0488_ade4

  /// Reads a secp256k1 key as `xprv` text holds it, without its base 58: a program that takes such text decodes it as
  /// carefully as the secret deserves.
  ///
  /// - Throws: ``ExtendedKeyError``. The input is untrusted; no input traps.
  public init(decoding bytes: borrowing SecretBytes) throws(ExtendedKeyError) {
    let head = try bytes.withSpan { (span: Span<UInt8>) throws(ExtendedKeyError) -> ExtendedKeyHead in
      let head = try ExtendedKeyHead(span, version: Self.version)
      guard span[45] == 0 else { throw .prefix(span[45]) }
      try head.checkRoot()
      return head
    }
    let secret = bytes.slice(46..<78)
    guard let publicKey = Self.publicKey(of: secret, .secp256k1) else { throw .privateKey }
    self.init(
      curve: .secp256k1, scheme: .bip32, depth: head.depth, parentFingerprint: head.parentFingerprint,
      childNumber: head.childNumber, publicKey: publicKey, secret: secret, chain: bytes.slice(13..<45))
  }

  /// The 78 bytes that `xprv` text holds; for secp256k1.
  public borrowing func encoded() -> SecretBytes {
    var head: [UInt8] = []
    head.append(bigEndian: Self.version)
    head.append(depth)
    head.append(parentFingerprint)
    head.append(bigEndian: childNumber)
    var bytes = SecretBytes(zeroed: ExtendedPublicKey.sizeBytes)
    bytes.write(SecretBytes(copying: head.span), at: 0)
    bytes.write(chainCode(), at: 13)
    bytes.write(privateKey(), at: 46)
    return bytes
  }
}

/// What private and public extended keys have in common: `[version: 4][depth: 1][parent's fingerprint: 4][step: 4]`,
/// integers big-endian; then the chain code (32) and the key (33).
private struct ExtendedKeyHead {
  let depth: UInt8
  let parentFingerprint: FixedBytes<4>
  let childNumber: UInt32

  init(_ bytes: Span<UInt8>, version expected: UInt32) throws(ExtendedKeyError) {
    guard bytes.count == ExtendedPublicKey.sizeBytes else {
      throw .length(expected: ExtendedPublicKey.sizeBytes, actual: bytes.count)
    }
    let version = Self.integer(bytes, at: 0)
    guard version == expected else { throw .version(version) }
    depth = bytes[4]
    parentFingerprint = FixedBytes<4>(bytes, at: 5)
    childNumber = Self.integer(bytes, at: 9)
  }

  func checkRoot() throws(ExtendedKeyError) {
    guard depth == 0 else { return }
    guard parentFingerprint.isZero else { throw .rootFingerprint }
    guard childNumber == 0 else { throw .rootStep(childNumber) }
  }

  private static func integer(_ bytes: Span<UInt8>, at offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 << 8 | UInt32(bytes[offset + $1]) }
  }
}
