import Crypto
import FoundationEssentials
public import WireBytes

/// The Ed25519 key by which a client shows who it is. It opens sessions and signs nothing else.
///
/// The seed can be neither read, compared nor printed; swift-crypto keeps it in memory that wipes itself.
public struct ClientKey: Sendable {
  public let publicKey: Bytes32
  private let key: Curve25519.Signing.PrivateKey

  /// A new key from the system's random numbers.
  public init() {
    self.init(Curve25519.Signing.PrivateKey())
  }

  /// Reads a seed of 32 bytes (RFC 8032, section 5.1.5); wiping it is the caller's. Nil for another length.
  public init?(seed: [UInt8]) {
    guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else { return nil }
    self.init(key)
  }

  private init(_ key: Curve25519.Signing.PrivateKey) {
    guard let publicKey = try? Bytes32([UInt8](key.publicKey.rawRepresentation)) else {
      preconditionFailure("a public key of Ed25519 has 32 bytes")
    }
    self.publicKey = publicKey
    self.key = key
  }

  func sign(_ message: [UInt8]) -> Bytes64 {
    guard let signature = try? key.signature(for: message), let bytes = try? Bytes64([UInt8](signature))
    else {
      preconditionFailure("a seed signs every message")
    }
    return bytes
  }

  /// Gives the seed to `body`, for the one file that keeps it, and wipes the copy.
  package func withSeed<Value, Failure: Error>(
    _ body: ([UInt8]) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    var seed = [UInt8](key.rawRepresentation)
    defer { for index in seed.indices { seed[index] = 0 } }
    return try body(seed)
  }
}

extension ClientKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The public key alone.
  public var description: String { "client \(publicKey)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey]) }
}

/// Whoever signs as the signer itself: its identity key, which clients pin.
public protocol SignerIdentity: Sendable {
  var publicKey: Bytes32 { get }
  /// An Ed25519 signature over `message`, which names the handshake it belongs to.
  func sign(handshake message: [UInt8]) -> Bytes64
}

extension ClientKey: SignerIdentity {
  public func sign(handshake message: [UInt8]) -> Bytes64 { sign(message) }
}
