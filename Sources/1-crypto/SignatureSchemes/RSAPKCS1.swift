import Crypto
import CryptoExtras
private import FoundationEssentials
private import WireBytes

/// RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2.2) by BoringSSL, verification only: certificates and tokens of others are
/// signed with it, nothing of ours is. Keys are those of ``RSAPSS``.
public enum RSAPKCS1 {
  /// Checks `signature` over `message`; returning means that it holds.
  ///
  /// - Throws: ``RSAPSS/VerificationError`` `.signatureLength` or `.mismatch`.
  public static func verify(
    _ message: Span<UInt8>, signature: Span<UInt8>, key: RSAPSS.PublicKey, hash: RSAPSS.Hash
  ) throws(RSAPSS.VerificationError) {
    guard signature.count == (key.sizeBits + 7) / 8 else { throw .signatureLength(signature.count) }
    let signature = _RSA.Signing.RSASignature(rawRepresentation: [UInt8](copying: signature))
    let holds =
      switch hash {
      case .sha256:
        key.key.isValidSignature(
          signature, for: RSAPSS.digest(SHA256.self, message), padding: .insecurePKCS1v1_5)
      case .sha384:
        key.key.isValidSignature(
          signature, for: RSAPSS.digest(SHA384.self, message), padding: .insecurePKCS1v1_5)
      case .sha512:
        key.key.isValidSignature(
          signature, for: RSAPSS.digest(SHA512.self, message), padding: .insecurePKCS1v1_5)
      }
    guard holds else { throw .mismatch }
  }
}
