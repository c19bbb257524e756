import Digests
public import WireBytes

/// The algorithm of a key that signs. What is signed, and in which form, is the payload's: ``SigningPayload``.
public enum KeySuite: String, Hashable, Sendable, CaseIterable {
  case secp256k1
  case ed25519
  case p256
  case p384
  case mlDSA65 = "ml-dsa-65"
  case mlDSA87 = "ml-dsa-87"
  case ed25519AndMLDSA65 = "ed25519+ml-dsa-65"
  case secp256k1AndMLDSA65 = "secp256k1+ml-dsa-65"
  case p384AndMLDSA87 = "p384+ml-dsa-87"
  /// An Ed25519 key that no process holds whole: shares of it sign by FROST (RFC 9591).
  case frostEd25519 = "frost-ed25519"
}

/// The name of a key everywhere: SHA-256 of its suite's name, a zero byte and its public key.
public struct KeyID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let bytes: Bytes32

  public init(_ bytes: Bytes32) { self.bytes = bytes }

  /// - Parameter publicKey: compressed points for secp256k1, P-256 and P-384, the suite's own bytes for others, and
  ///   both halves, framed, for hybrids.
  public init(suite: KeySuite, publicKey: [UInt8]) {
    bytes = SHA256Hash.hash([UInt8](suite.rawValue.utf8) + [0] + publicKey)
  }

  public var description: String { bytes.description }

  public static func < (left: KeyID, right: KeyID) -> Bool { left.bytes < right.bytes }
}
