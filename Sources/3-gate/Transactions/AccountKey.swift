import Digests
import Encodings
public import Messages
public import SignatureSchemes
public import WireBytes

/// The public key that signs for an account.
///
/// Types and addresses are the Cosmos SDK's (`crypto/keys`): secp256k1 with 33 bytes and RIPEMD-160 of
/// SHA-256, Ed25519 with 32 bytes and the first 20 of SHA-256.
public enum AccountKey: Hashable, Sendable {
  case secp256k1(FixedBytes<33>)
  case ed25519(Bytes32)

  public static let secp256k1URL = "/cosmos.crypto.secp256k1.PubKey"
  public static let ed25519URL = "/cosmos.crypto.ed25519.PubKey"

  public var address: AccountAddress {
    switch self {
    case .secp256k1(let key):
      let hash = SHA256Hash.hash(key.span)
      return AccountAddress(RIPEMD160.hash(hash.span))
    case .ed25519(let key):
      let hash = SHA256Hash.hash(key.span)
      return AccountAddress(Bytes20 { hash[$0] })
    }
  }

  /// Why a signature does not stand for the account.
  public enum SignatureRefusal: Error, Hashable, Sendable {
    case length(Int)
    case key(Secp256k1.KeyError)
    case secp256k1(Secp256k1.VerificationError)
    case ed25519(Ed25519.VerificationError)
  }

  /// Verifies `signature` over `message`: 64 bytes, low s for secp256k1, the strict rule for Ed25519.
  public func verify(_ signature: [UInt8], over message: [UInt8]) throws(SignatureRefusal) {
    guard let bytes = try? Bytes64(signature) else { throw .length(signature.count) }
    switch self {
    case .secp256k1(let key):
      let point: Secp256k1.PublicKey
      do { point = try Secp256k1.PublicKey(sec1: key.span) } catch { throw .key(error) }
      do {
        let parsed = try Secp256k1.Signature(compact: bytes)
        try Secp256k1.verify(
          digest: SHA256Hash.hash(message), signature: parsed, key: point, policy: .lowSRequired)
      } catch { throw .secp256k1(error) }
    case .ed25519(let key):
      do { try Ed25519.verify(message.span, signature: bytes, key: key, rule: .rfc8032Strict) } catch {
        throw .ed25519(error)
      }
    }
  }

  /// The key as `google.protobuf.Any`.
  public func encodedAny() -> [UInt8] {
    var inner = ProtobufWriter()
    var writer = ProtobufWriter()
    switch self {
    case .secp256k1(let key):
      inner.bytes(1, key)
      writer.string(1, Self.secp256k1URL)
    case .ed25519(let key):
      inner.bytes(1, key)
      writer.string(1, Self.ed25519URL)
    }
    writer.bytes(2, inner.bytes)
    return writer.bytes
  }
}
