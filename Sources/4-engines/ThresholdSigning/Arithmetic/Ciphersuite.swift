import Digests
import WireBytes

/// The hashes of FROST(Ed25519, SHA-512) (RFC 9591, section 6.1).
enum Ciphersuite {
  static let context = [UInt8]("FROST-ED25519-SHA512-v1".utf8)

  /// For binding factors.
  static func h1(_ input: [UInt8]) -> Scalar { scalar(context + [UInt8]("rho".utf8) + input) }

  /// For the challenge: as in Ed25519, without context, so that the signature is an ordinary one.
  static func h2(_ input: [UInt8]) -> Scalar { scalar(input) }

  /// For nonces: `random` and then the secret.
  static func h3(_ random: borrowing GuardedBytes, _ secret: borrowing SecretScalar) -> SecretScalar {
    SecretScalar(GuardedBytes.sha512(context + [UInt8]("nonce".utf8), random, secret.guarded).reduced())
  }

  /// Of the message.
  static func h4(_ input: [UInt8]) -> Bytes64 { hash(context + [UInt8]("msg".utf8) + input) }

  /// Of the list of commitments.
  static func h5(_ input: [UInt8]) -> Bytes64 { hash(context + [UInt8]("com".utf8) + input) }

  /// For the proof of knowledge in key generation, which the RFC leaves open; as Zcash Foundation's frost-ed25519 has it.
  static func hKeyGeneration(_ input: [UInt8]) -> Scalar { scalar(context + [UInt8]("dkg".utf8) + input) }

  private static func hash(_ input: [UInt8]) -> Bytes64 { SecureHashes.sha512(input.span) }

  private static func scalar(_ input: [UInt8]) -> Scalar { Scalar(reducing: hash(input)) }
}
