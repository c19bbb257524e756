import Crypto
import FoundationEssentials
public import Messages
import WireBytes

/// Why nothing was sealed or opened.
public enum SealingError: Error, Hashable, Sendable {
  /// Sealed to another suite than the key's.
  case suite(expected: SealingSuite, actual: SealingSuite)
  /// The public key is none that can be sealed to: of small order, or coordinates over the modulus.
  case publicKey
  /// The system gave no key.
  case generation
  /// Wrong key, wrong header, or changed bytes: HPKE does not tell them apart, and neither does this.
  case notAuthentic
  /// More than the format holds.
  case plaintextSize(max: Int, actual: Int)
}

/// A private key that opens what is sealed to it. It is used, and never read: a key has no bytes to give out.
public protocol SealingKey: Sendable {
  var publicKey: SealingPublicKey { get }

  /// Opens one HPKE message in base mode.
  ///
  /// - Throws: ``SealingError``.
  func open(
    _ ciphertext: [UInt8], encapsulated: [UInt8], context: [UInt8], authenticating: [UInt8]
  ) throws(SealingError) -> [UInt8]
}

/// A private key that lives as long as the process: made here, and gone with it.
public struct EphemeralSealingKey: SealingKey {
  private enum Key: Sendable {
    case x25519(Curve25519.KeyAgreement.PrivateKey)
    case xWing(XWingMLKEM768X25519.PrivateKey)
  }

  private let key: Key
  public let publicKey: SealingPublicKey

  /// A new key from the system's random numbers.
  ///
  /// - Throws: ``SealingError/generation``.
  public init(_ suite: SealingSuite) throws(SealingError) {
    switch suite {
    case .x25519: try self.init(.x25519(Curve25519.KeyAgreement.PrivateKey()))
    case .xWing:
      let key: XWingMLKEM768X25519.PrivateKey
      do { key = try XWingMLKEM768X25519.PrivateKey() } catch { throw .generation }
      try self.init(.xWing(key))
    }
  }

  /// The key of a published 32-byte seed, for vectors.
  package init(_ suite: SealingSuite, seed: [UInt8]) throws(SealingError) {
    do {
      switch suite {
      case .x25519: try self.init(.x25519(Curve25519.KeyAgreement.PrivateKey(rawRepresentation: seed)))
      case .xWing:
        try self.init(.xWing(XWingMLKEM768X25519.PrivateKey(seedRepresentation: seed, publicKey: nil)))
      }
    } catch { throw .generation }
  }

  private init(_ key: Key) throws(SealingError) {
    self.key = key
    do {
      switch key {
      case .x25519(let key):
        publicKey = try SealingPublicKey(suite: .x25519, bytes: [UInt8](key.publicKey.rawRepresentation))
      case .xWing(let key):
        publicKey = try SealingPublicKey(suite: .xWing, bytes: [UInt8](key.publicKey.rawRepresentation))
      }
    } catch { throw .generation }
  }

  public func open(
    _ ciphertext: [UInt8], encapsulated: [UInt8], context: [UInt8], authenticating: [UInt8]
  ) throws(SealingError) -> [UInt8] {
    if case .x25519 = key, HPKESealing.isSmallOrder(encapsulated) { throw .notAuthentic }
    do {
      var recipient =
        switch key {
        case .x25519(let key):
          try HPKE.Recipient(
            privateKey: key, ciphersuite: HPKESealing.x25519, info: Data(context),
            encapsulatedKey: Data(encapsulated))
        case .xWing(let key):
          try HPKE.Recipient(
            privateKey: key, ciphersuite: HPKESealing.xWing, info: Data(context),
            encapsulatedKey: Data(encapsulated))
        }
      return [UInt8](try recipient.open(Data(ciphertext), authenticating: Data(authenticating)))
    } catch { throw .notAuthentic }
  }
}

/// HPKE (RFC 9180) in base mode, one message a context.
enum HPKESealing {
  private static let probe = Curve25519.KeyAgreement.PrivateKey()

  /// Whether a point of X25519 gives zeros with every key, so that anyone could open what is sealed to it.
  ///
  /// RFC 9180, section 7.1.4, wants both sides to refuse such a result; the library's HPKE goes on with it.
  static func isSmallOrder(_ point: [UInt8]) -> Bool {
    guard let key = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: point),
      let secret = try? probe.sharedSecretFromKeyAgreement(with: key)
    else { return true }
    return secret == [UInt8](repeating: 0, count: 32)
  }

  static let x25519 = HPKE.Ciphersuite.Curve25519_SHA256_ChachaPoly
  static let xWing = HPKE.Ciphersuite.XWingMLKEM768X25519_SHA256_AES_GCM_256

  static func seal(
    _ plaintext: [UInt8], to key: SealingPublicKey, context: [UInt8], authenticating: [UInt8]
  ) throws(SealingError) -> (encapsulated: [UInt8], ciphertext: [UInt8]) {
    if key.suite == .x25519, isSmallOrder(key.bytes) { throw .publicKey }
    do {
      var sender =
        switch key.suite {
        case .x25519:
          try HPKE.Sender(
            recipientKey: Curve25519.KeyAgreement.PublicKey(rawRepresentation: key.bytes),
            ciphersuite: x25519, info: Data(context))
        case .xWing:
          try HPKE.Sender(
            recipientKey: XWingMLKEM768X25519.PublicKey(rawRepresentation: key.bytes), ciphersuite: xWing,
            info: Data(context))
        }
      let ciphertext = try sender.seal(Data(plaintext), authenticating: Data(authenticating))
      return ([UInt8](sender.encapsulatedKey), [UInt8](ciphertext))
    } catch { throw .publicKey }
  }
}
