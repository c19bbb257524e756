public import WireBytes

/// What a key signs, built from the typed fields of a request.
///
/// Only this room makes one, so that no back end can be handed a hash that somebody else computed.
public struct SigningPayload: Hashable, Sendable {
  public enum Content: Hashable, Sendable {
    /// secp256k1 and P-256 take it as their hash; P-384 hashes its 32 bytes with SHA-384; Ed25519 and ML-DSA sign its 32
    /// bytes as a message.
    case digest(Bytes32)
    /// secp256k1 and P-256 hash it with SHA-256, P-384 with SHA-384; Ed25519 and ML-DSA sign it as it is.
    case message([UInt8])
  }

  public let content: Content
  /// Whether a secp256k1 signature is `r ‖ s ‖ v` with v 27 or 28; otherwise it is `r ‖ s`. Other suites do not ask.
  public let recoverable: Bool

  init(_ content: Content, recoverable: Bool) {
    self.content = content
    self.recoverable = recoverable
  }
}
