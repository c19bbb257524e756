import Crypto
import CryptoExtras
private import Digests
private import FoundationEssentials
private import WireBytes

/// RSASSA-PSS (RFC 8017, section 8.1.2) by BoringSSL, verification only: MGF1 with the same hash, and a salt as long
/// as the hash.
public enum RSAPSS {
  /// The hash of the message and of MGF1.
  public enum Hash: Hashable, Sendable {
    case sha256, sha384, sha512
  }

  /// Why a signature was refused.
  public enum VerificationError: Error, Hashable, Sendable {
    /// Not a SubjectPublicKeyInfo or RSAPublicKey in DER, or a key that BoringSSL will not use.
    case key
    /// Under 2048 or over 8192 bits.
    case keySize(bits: Int)
    /// Not as long as the modulus.
    case signatureLength(Int)
    case mismatch
  }

  /// A modulus of 2048 to 8192 bits and its exponent.
  public struct PublicKey: Sendable {
    let key: _RSA.Signing.PublicKey
    /// Length of the modulus.
    public let sizeBits: Int

    /// Longest encoding that is looked at: an 8192-bit key takes about 1100 bytes.
    public static let encodedSizeMax = 2048

    /// Reads DER: SubjectPublicKeyInfo or PKCS #1 RSAPublicKey.
    ///
    /// - Throws: ``VerificationError`` `.key` or `.keySize`.
    public init(der bytes: Span<UInt8>) throws(VerificationError) {
      guard bytes.count <= Self.encodedSizeMax else { throw .key }
      let copy = [UInt8](copying: bytes)
      guard let key = try? _RSA.Signing.PublicKey(unsafeDERRepresentation: copy) else { throw .key }
      // BoringSSL leaves trailing bytes unread; writing the key again shows them, and any other second encoding.
      guard [UInt8](key.derRepresentation) == copy || [UInt8](key.pkcs1DERRepresentation) == copy else {
        throw .key
      }
      try self.init(key)
    }

    /// From the modulus and the exponent, big-endian.
    public init(modulus: Span<UInt8>, exponent: Span<UInt8>) throws(VerificationError) {
      guard modulus.count <= 1025, exponent.count <= 8 else { throw .key }
      let (n, e) = ([UInt8](copying: modulus), [UInt8](copying: exponent))
      guard let key = try? _RSA.Signing.PublicKey(n: n, e: e) else { throw .key }
      try self.init(key)
    }

    private init(_ key: _RSA.Signing.PublicKey) throws(VerificationError) {
      guard (2048...8192).contains(key.keySizeInBits) else { throw .keySize(bits: key.keySizeInBits) }
      self.key = key
      sizeBits = key.keySizeInBits
    }
  }

  /// Checks `signature` over `message`; returning means that it holds.
  ///
  /// - Throws: ``VerificationError`` `.signatureLength` or `.mismatch`.
  public static func verify(
    _ message: Span<UInt8>, signature: Span<UInt8>, key: PublicKey, hash: Hash
  ) throws(VerificationError) {
    guard signature.count == (key.sizeBits + 7) / 8 else { throw .signatureLength(signature.count) }
    let signature = _RSA.Signing.RSASignature(rawRepresentation: [UInt8](copying: signature))
    let holds =
      switch hash {
      case .sha256:
        key.key.isValidSignature(signature, for: digest(SHA256.self, message), padding: .PSS)
      case .sha384:
        key.key.isValidSignature(signature, for: digest(SHA384.self, message), padding: .PSS)
      case .sha512:
        key.key.isValidSignature(signature, for: digest(SHA512.self, message), padding: .PSS)
      }
    guard holds else { throw .mismatch }
  }

  // swift-crypto picks the hash of the padding by the digest's type, so the digest must be its own.
  static func digest<Function: HashFunction>(
    _ function: Function.Type, _ message: Span<UInt8>
  ) -> Function.Digest {
    var hasher = Function()
    // The pointer does not leave the closure.
    unsafe message.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
    return hasher.finalize()
  }
}
