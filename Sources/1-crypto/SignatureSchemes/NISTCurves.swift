private import Crypto
private import Digests
private import FoundationEssentials
public import WireBytes

/// Why an ECDSA signature over P-256 or P-384 was refused.
public enum ECDSAError: Error, Hashable, Sendable {
  /// Neither the compressed nor the uncompressed length of SEC 1.
  case keyLength(Int)
  /// The first byte is not that of a form with this length.
  case keyPrefix(UInt8)
  /// Coordinates out of range or off the curve.
  case keyNotOnCurve
  /// Not twice the width of the curve's order.
  case signatureLength(Int)
  case rZero
  /// r is n or more.
  case rOverflow
  case sZero
  /// s is n or more.
  case sOverflow
  case der(DERIntegersError)
  /// The signature does not fit the key and the digest.
  case mismatch
}

/// ECDSA over P-256 (FIPS 186-5) by BoringSSL, verification only. High s is taken, as the standard does.
public enum ECDSAP256 {
  /// n (SP 800-186, section 3.2.1.3).
  static let order = FixedBytes<32>(
    words: 0xffff_ffff_0000_0000, 0xffff_ffff_ffff_ffff, 0xbce6_faad_a717_9e84, 0xf3b9_cac2_fc63_2551)

  /// A point of the curve.
  public struct PublicKey: Hashable, Sendable {
    /// SEC 1, uncompressed: 04, x, y.
    public let uncompressed: FixedBytes<65>

    /// Reads SEC 1: 33 bytes compressed or 65 bytes uncompressed.
    ///
    /// - Throws: ``ECDSAError`` `.keyLength`, `.keyPrefix` or `.keyNotOnCurve`.
    public init(sec1 bytes: Span<UInt8>) throws(ECDSAError) {
      try ECDSARules.checkForm(bytes, width: 32)
      let copy = [UInt8](copying: bytes)
      let parsed: P256.Signing.PublicKey?
      if copy.count == 33 {
        parsed = try? P256.Signing.PublicKey(compressedRepresentation: copy)
      } else {
        parsed = try? P256.Signing.PublicKey(x963Representation: copy)
      }
      guard let parsed else { throw .keyNotOnCurve }
      uncompressed = FixedBytes<65>([UInt8](parsed.x963Representation).span, at: 0)
    }

    /// Reads `x || y`.
    public init(coordinates: Bytes64) throws(ECDSAError) {
      let bytes = FixedBytes<65> { $0 == 0 ? 4 : coordinates[$0 - 1] }
      try self.init(sec1: bytes.span)
    }
  }

  /// Compares r and s with the order.
  static func checkRange(_ r: Bytes32, _ s: Bytes32) throws(ECDSAError) {
    try ECDSARules.checkRange(r, s, order: order)
  }

  /// Checks `r || s` over a 32-byte digest; returning means that it holds.
  public static func verify(digest: Bytes32, signature: Bytes64, key: PublicKey) throws(ECDSAError) {
    let (r, s) = (Bytes32 { signature[$0] }, Bytes32 { signature[32 + $0] })
    try ECDSARules.checkRange(r, s, order: order)
    let encoded = key.uncompressed.array
    guard let parsed = try? P256.Signing.PublicKey(x963Representation: encoded) else { throw .keyNotOnCurve }
    guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature.array),
      parsed.isValidSignature(signature, for: GivenDigest(bytes: digest))
    else { throw .mismatch }
  }

  /// Checks `r || s`, 64 bytes, over the SHA-256 of `message`.
  public static func verify(
    _ message: Span<UInt8>, signature: Span<UInt8>, key: PublicKey
  ) throws(ECDSAError) {
    guard signature.count == 64 else { throw .signatureLength(signature.count) }
    try verify(digest: SHA256Hash.hash(message), signature: Bytes64(signature, at: 0), key: key)
  }

  /// Checks a strict DER signature over a 32-byte digest.
  public static func verify(digest: Bytes32, der signature: Span<UInt8>, key: PublicKey) throws(ECDSAError) {
    let integers: ECDSAIntegers<32>
    do { integers = try ECDSAIntegers<32>(der: signature) } catch { throw .der(error) }
    let raw = Bytes64 { $0 < 32 ? integers.r[$0] : integers.s[$0 - 32] }
    try verify(digest: digest, signature: raw, key: key)
  }
}

/// ECDSA over P-384 (FIPS 186-5) by BoringSSL, verification only. High s is taken, as the standard does.
public enum ECDSAP384 {
  /// n (SP 800-186, section 3.2.1.4).
  static let order = FixedBytes<48>(
    words: 0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff, 0xc763_4d81_f437_2ddf,
    0x581a_0db2_48b0_a77a, 0xecec_196a_ccc5_2973)

  /// A point of the curve.
  public struct PublicKey: Hashable, Sendable {
    /// SEC 1, uncompressed: 04, x, y.
    public let uncompressed: FixedBytes<97>

    /// Reads SEC 1: 49 bytes compressed or 97 bytes uncompressed.
    ///
    /// - Throws: ``ECDSAError`` `.keyLength`, `.keyPrefix` or `.keyNotOnCurve`.
    public init(sec1 bytes: Span<UInt8>) throws(ECDSAError) {
      try ECDSARules.checkForm(bytes, width: 48)
      let copy = [UInt8](copying: bytes)
      let parsed: P384.Signing.PublicKey?
      if copy.count == 49 {
        parsed = try? P384.Signing.PublicKey(compressedRepresentation: copy)
      } else {
        parsed = try? P384.Signing.PublicKey(x963Representation: copy)
      }
      guard let parsed else { throw .keyNotOnCurve }
      uncompressed = FixedBytes<97>([UInt8](parsed.x963Representation).span, at: 0)
    }
  }

  /// Checks `r || s` over a 48-byte digest; returning means that it holds.
  public static func verify(
    digest: FixedBytes<48>, signature: FixedBytes<96>, key: PublicKey
  ) throws(ECDSAError) {
    let (r, s) = (FixedBytes<48> { signature[$0] }, FixedBytes<48> { signature[48 + $0] })
    try ECDSARules.checkRange(r, s, order: order)
    let encoded = key.uncompressed.array
    guard let parsed = try? P384.Signing.PublicKey(x963Representation: encoded) else { throw .keyNotOnCurve }
    guard let signature = try? P384.Signing.ECDSASignature(rawRepresentation: signature.array),
      parsed.isValidSignature(signature, for: GivenDigest(bytes: digest))
    else { throw .mismatch }
  }

  /// Checks `r || s`, 96 bytes, over the SHA-384 of `message`.
  public static func verify(
    _ message: Span<UInt8>, signature: Span<UInt8>, key: PublicKey
  ) throws(ECDSAError) {
    guard signature.count == 96 else { throw .signatureLength(signature.count) }
    try verify(
      digest: SecureHashes.sha384(message), signature: FixedBytes<96>(signature, at: 0), key: key)
  }

  /// Checks a strict DER signature over a 48-byte digest.
  public static func verify(
    digest: FixedBytes<48>, der signature: Span<UInt8>, key: PublicKey
  ) throws(ECDSAError) {
    let integers: ECDSAIntegers<48>
    do { integers = try ECDSAIntegers<48>(der: signature) } catch { throw .der(error) }
    let raw = FixedBytes<96> { $0 < 48 ? integers.r[$0] : integers.s[$0 - 48] }
    try verify(digest: digest, signature: raw, key: key)
  }
}

private enum ECDSARules {
  static func checkForm(_ bytes: Span<UInt8>, width: Int) throws(ECDSAError) {
    switch bytes.count {
    case width + 1: guard bytes[0] == 2 || bytes[0] == 3 else { throw .keyPrefix(bytes[0]) }
    case 2 * width + 1: guard bytes[0] == 4 else { throw .keyPrefix(bytes[0]) }
    default: throw .keyLength(bytes.count)
    }
  }

  static func checkRange<let width: Int>(
    _ r: FixedBytes<width>, _ s: FixedBytes<width>, order: FixedBytes<width>
  ) throws(ECDSAError) {
    guard !r.isZero else { throw .rZero }
    guard r < order else { throw .rOverflow }
    guard !s.isZero else { throw .sZero }
    guard s < order else { throw .sOverflow }
  }
}

extension FixedBytes {
  /// Eight big-endian bytes for each word, most significant first.
  fileprivate init(words: UInt64...) {
    self.init { UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64((7 - $0 % 8) * 8)) }
  }
}

/// A digest that the caller has computed, in the type that swift-crypto asks for.
struct GivenDigest<let count: Int>: Digest {
  static var byteCount: Int { count }
  let bytes: FixedBytes<count>

  func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    // The pointer does not outlive `body`, whose word that is.
    let array = bytes.array
    return unsafe try array.withUnsafeBytes(body)
  }

  var description: String { bytes.description }
}
