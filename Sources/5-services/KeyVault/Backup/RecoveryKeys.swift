private import Crypto
import Digests
private import FoundationEssentials
public import Secrets
public import WireBytes

/// The public half of a recovery party's key: X-Wing, which holds as long as X25519 or ML-KEM-768 does.
public struct RecoveryPublicKey: Hashable, Sendable {
  /// ML-KEM-768 and X25519 (draft-connolly-cfrg-xwing-kem, section 5.1).
  public static let sizeBytes = 1_216

  public let bytes: [UInt8]

  /// Nil for bytes that are no such key.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.sizeBytes,
      let key = try? XWingMLKEM768X25519.PublicKey(rawRepresentation: bytes),
      // The library looks at the bytes only when it is asked for a secret.
      (try? key.encapsulate()) != nil
    else { return nil }
    self.bytes = bytes
  }

  /// By which a backup's file says whom it is sealed to.
  public var hash: Bytes32 { SHA256Hash.hash(bytes) }
}

/// The key of a recovery party, which opens that party's share of backups' keys and nothing else.
public struct RecoveryPrivateKey: Sendable {
  private let key: XWingMLKEM768X25519.PrivateKey
  public let publicKey: RecoveryPublicKey

  /// A new key; nil when the library makes none.
  public init?() {
    let seed = SecretBytes(random: 32)
    self.init(seed: seed)
  }

  /// The key of a seed of 32 bytes; nil for other lengths. Keeping the seed, away from machines, is the party's.
  public init?(seed: borrowing SecretBytes) {
    guard seed.count == 32 else { return nil }
    // The pointer is used during the call only.
    let key = unsafe seed.withUnsafeBytes { bytes in
      unsafe try? XWingMLKEM768X25519.PrivateKey(seedRepresentation: bytes, publicKey: nil)
    }
    guard let key, let publicKey = RecoveryPublicKey([UInt8](key.publicKey.rawRepresentation)) else {
      return nil
    }
    self.key = key
    self.publicKey = publicKey
  }

  func open(_ wrapped: WrappedShare, info: [UInt8], authenticating: [UInt8]) -> SecretBytes? {
    guard
      var recipient = try? HPKE.Recipient(
        privateKey: key, ciphersuite: WrappedShare.suite, info: Data(info),
        encapsulatedKey: Data(wrapped.encapsulatedKey)),
      var clear = try? recipient.open(wrapped.ciphertext, authenticating: authenticating)
    else { return nil }
    return SecretBytes(wiping: &clear)
  }
}

/// One party's share of a backup's key, sealed to it by HPKE (RFC 9180 with X-Wing, HKDF-SHA256, AES-256-GCM).
struct WrappedShare: Hashable, Sendable {
  fileprivate static let suite = HPKE.Ciphersuite.XWingMLKEM768X25519_SHA256_AES_GCM_256
  static let encapsulatedSizeBytes = 1_120
  /// A share of 32 bytes and the tag.
  static let ciphertextSizeBytes = 48

  let recipient: Bytes32
  let encapsulatedKey: [UInt8]
  let ciphertext: [UInt8]

  init(recipient: Bytes32, encapsulatedKey: [UInt8], ciphertext: [UInt8]) {
    self.recipient = recipient
    self.encapsulatedKey = encapsulatedKey
    self.ciphertext = ciphertext
  }

  /// Nil when the key cannot be sealed to.
  init?(_ share: Secrets.SharedSecret, to key: RecoveryPublicKey, info: [UInt8], authenticating: [UInt8]) {
    guard let publicKey = try? XWingMLKEM768X25519.PublicKey(rawRepresentation: key.bytes),
      var sender = try? HPKE.Sender(recipientKey: publicKey, ciphersuite: Self.suite, info: Data(info))
    else { return nil }
    // The pointer is used during the call only.
    let sealed = unsafe share.withUnsafeBytes { bytes in
      unsafe try? sender.seal(bytes, authenticating: authenticating)
    }
    guard let sealed, sealed.count == Self.ciphertextSizeBytes,
      sender.encapsulatedKey.count == Self.encapsulatedSizeBytes
    else { return nil }
    recipient = key.hash
    encapsulatedKey = [UInt8](sender.encapsulatedKey)
    ciphertext = [UInt8](sealed)
  }
}
