internal import Crypto
public import WireBytes

/// A private key of Ed25519 that lies in this process, for development: swift-crypto signs with it.
///
/// As with ``LocalSecp256k1Key``, the secret can be neither read, compared nor printed.
public struct LocalEd25519Key: Sendable {
  public let publicKey: Bytes32
  private let key: Curve25519.Signing.PrivateKey

  /// A new key from the system's random numbers.
  public init() {
    guard let key = try? LocalEd25519Key(SymmetricKey(size: .bits256)) else {
      preconditionFailure("every 32 bytes are a seed")
    }
    self = key
  }

  /// Reads a seed of 32 bytes (RFC 8032, section 5.1.5). Wiping `secret` is the caller's.
  ///
  /// - Throws: ``LocalKeyError/length(_:)``.
  public init(secret: Span<UInt8>) throws(LocalKeyError) {
    try self.init(SymmetricKey(secretBytes: secret))
  }

  init(_ secret: SymmetricKey) throws(LocalKeyError) {
    // The bytes are copied into memory of swift-crypto's that wipes itself too.
    let key = unsafe secret.withUnsafeBytes { bytes in
      unsafe try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes)
    }
    guard let key, let publicKey = try? Bytes32([UInt8](key.publicKey.rawRepresentation)) else {
      throw .length(secret.bitCount / 8)
    }
    self.key = key
    self.publicKey = publicKey
  }

  /// The signature of `message`, `R ‖ S`.
  public func sign(_ message: [UInt8]) -> Bytes64 {
    guard let signature = try? key.signature(for: message), let bytes = try? Bytes64([UInt8](signature))
    else {
      preconditionFailure("a seed signs every message")
    }
    return bytes
  }
}

extension LocalEd25519Key: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The public key alone.
  public var description: String { "ed25519 \(publicKey)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey]) }
}
