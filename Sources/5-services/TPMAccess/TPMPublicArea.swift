internal import Digests
public import SignatureSchemes
public import WireBytes

/// Why bytes of a TPM are not what they should be; offsets count from the start of the structure.
public enum TPMDecodingError: Error, Hashable, Sendable {
  /// They ended early or went on.
  case wire(WireError)
  /// More bytes than any such structure has.
  case length(max: Int, actual: Int)
  /// A field holds a value that this kind of structure never has.
  case field(TPMField, value: UInt64)
}

/// The fields that a decoder may refuse, by their names in the TPM 2.0 Library Specification, part 2.
public enum TPMField: String, Hashable, Sendable {
  case version, suite, flags, bank, pcrSelection
  case type, nameAlg, objectAttributes, authPolicy, symmetric, scheme, hashAlg, curveID, kdf, unique
  case magic, qualifiedSigner, extraData, safe, name, qualifiedName
  case sigAlg, signatureR, signatureS, privateArea, digest
}

/// The attributes of a TPM object (TPMA_OBJECT; Library Specification part 2, section 8.3).
public struct TPMObjectAttributes: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let fixedTPM = Self(rawValue: 1 << 1)
  public static let fixedParent = Self(rawValue: 1 << 4)
  public static let sensitiveDataOrigin = Self(rawValue: 1 << 5)
  public static let userWithAuth = Self(rawValue: 1 << 6)
  /// Wrong authorisations are not counted: set where there is none to guess.
  public static let noDA = Self(rawValue: 1 << 10)
  public static let restricted = Self(rawValue: 1 << 16)
  public static let decrypt = Self(rawValue: 1 << 17)
  public static let sign = Self(rawValue: 1 << 18)

  /// Made inside this TPM, and never to leave it.
  package static let madeInside: Self = [.fixedTPM, .fixedParent, .sensitiveDataOrigin, .userWithAuth]
  /// A key that signs what it is given.
  package static let signingKey = madeInside.union(.sign)
  /// A key that signs only what the TPM says itself.
  package static let attestationKey = signingKey.union(.restricted)
}

/// The public area of an ECDSA key (TPMT_PUBLIC), which its name is the hash of.
///
/// Layout, big-endian: type, nameAlg, objectAttributes, authPolicy, symmetric (null), scheme (ECDSA) and its hash, curve,
/// kdf (null), x, y. P-256 goes with SHA-256 and P-384 with SHA-384; there is no policy; the name is by SHA-256.
public struct TPMPublicArea: Hashable, Sendable {
  /// A curve with its hash.
  public enum Curve: UInt16, Hashable, Sendable {
    case p256 = 0x0003
    case p384 = 0x0004

    /// Bytes of a coordinate, and of the digest that is signed.
    public var width: Int { self == .p256 ? 32 : 48 }
    var hashAlgorithm: UInt16 { self == .p256 ? TPMAlgorithm.sha256 : TPMAlgorithm.sha384 }

  }

  /// The longest: a P-384 key.
  public static let sizeMax = 26 + 2 * 48

  public let curve: Curve
  public let attributes: TPMObjectAttributes
  /// `x ‖ y`, each as wide as the curve. Whether it is a point is found out when a signature is verified.
  public let coordinates: [UInt8]

  /// - Parameter coordinates: two times the curve's width.
  package init(curve: Curve, attributes: TPMObjectAttributes, coordinates: [UInt8]) {
    precondition(coordinates.count == 2 * curve.width)
    self.curve = curve
    self.attributes = attributes
    self.coordinates = coordinates
  }

  /// The area of a key whose point is known.
  ///
  /// - Parameter publicKey: SEC 1, compressed or not.
  /// - Throws: ``ECDSAError`` when it is no point of the curve.
  public init(curve: Curve, attributes: TPMObjectAttributes, publicKey: [UInt8]) throws(ECDSAError) {
    let uncompressed: [UInt8]
    switch curve {
    case .p256: uncompressed = try ECDSAP256.PublicKey(sec1: publicKey.span).uncompressed.array
    case .p384: uncompressed = try ECDSAP384.PublicKey(sec1: publicKey.span).uncompressed.array
    }
    self.init(curve: curve, attributes: attributes, coordinates: [UInt8](uncompressed.dropFirst()))
  }

  /// - Throws: ``TPMDecodingError`` and nothing else. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(TPMDecodingError) {
    guard bytes.count <= Self.sizeMax else { throw .length(max: Self.sizeMax, actual: bytes.count) }
    var reader = ByteReader(bytes)
    try TPMReading.expect(&reader, TPMAlgorithm.ecc, .type)
    try TPMReading.expect(&reader, TPMAlgorithm.sha256, .nameAlg)
    attributes = TPMObjectAttributes(rawValue: try TPMReading.integer(&reader, UInt32.self))
    try TPMReading.expect(&reader, 0, .authPolicy)
    try TPMReading.expect(&reader, TPMAlgorithm.null, .symmetric)
    try TPMReading.expect(&reader, TPMAlgorithm.ecdsa, .scheme)
    let hash = try TPMReading.integer(&reader, UInt16.self)
    let identifier = try TPMReading.integer(&reader, UInt16.self)
    guard let curve = Curve(rawValue: identifier) else { throw .field(.curveID, value: UInt64(identifier)) }
    guard hash == curve.hashAlgorithm else { throw .field(.hashAlg, value: UInt64(hash)) }
    self.curve = curve
    try TPMReading.expect(&reader, TPMAlgorithm.null, .kdf)
    try TPMReading.expect(&reader, UInt16(curve.width), .unique)
    let x = try TPMReading.bytes(&reader, curve.width)
    try TPMReading.expect(&reader, UInt16(curve.width), .unique)
    coordinates = x + (try TPMReading.bytes(&reader, curve.width))
    try TPMReading.finish(reader)
  }

  public func encoded() -> [UInt8] {
    Self.template(curve: curve, attributes: attributes)
      + TPMBytes.sized(coordinates.prefix(curve.width)) + TPMBytes.sized(coordinates.suffix(curve.width))
  }

  /// What a TPM is asked to make: the area up to the point.
  package static func template(curve: Curve, attributes: TPMObjectAttributes) -> [UInt8] {
    TPMBytes.integers(TPMAlgorithm.ecc, TPMAlgorithm.sha256) + TPMBytes.integer(attributes.rawValue)
      + TPMBytes.integers(
        0, TPMAlgorithm.null, TPMAlgorithm.ecdsa, curve.hashAlgorithm, curve.rawValue, TPMAlgorithm.null)
  }

  /// TPM2B_NAME's contents: the name algorithm and the hash of the area.
  public var name: [UInt8] { TPMBytes.integer(TPMAlgorithm.sha256) + SHA256Hash.hash(encoded()).array }

  /// The name with the hierarchy in which the key is a primary one (Library Specification part 1, section 16).
  ///
  /// - Parameter hierarchy: its permanent handle.
  package func qualifiedName(primaryIn hierarchy: UInt32) -> [UInt8] {
    TPMBytes.integer(TPMAlgorithm.sha256) + SHA256Hash.hash(TPMBytes.integer(hierarchy) + name).array
  }

  /// SEC 1, compressed.
  public var publicKey: [UInt8] {
    [coordinates[coordinates.count - 1] & 1 == 0 ? 2 : 3] + coordinates.prefix(curve.width)
  }
}

/// Identifiers of TPM_ALG_ID (TCG Algorithm Registry).
package enum TPMAlgorithm {
  package static let sha256: UInt16 = 0x000b
  package static let sha384: UInt16 = 0x000c
  package static let keyedHash: UInt16 = 0x0008
  package static let aes: UInt16 = 0x0006
  package static let null: UInt16 = 0x0010
  package static let ecdsa: UInt16 = 0x0018
  package static let ecc: UInt16 = 0x0023
  package static let cfb: UInt16 = 0x0043
}

/// Permanent handles (TPM_RH).
package enum TPMPermanentHandle {
  package static let endorsement: UInt32 = 0x4000_000b
}

/// Big-endian pieces of TPM structures.
package enum TPMBytes {
  package static func integer<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) -> [UInt8] {
    let width = Value.bitWidth / 8
    return (0..<width).map { UInt8(truncatingIfNeeded: value >> Value((width - 1 - $0) * 8)) }
  }

  package static func integers(_ values: UInt16...) -> [UInt8] { values.flatMap { integer($0) } }

  /// TPM2B: two bytes of length before the bytes, of which there are fewer than 2^16.
  package static func sized(_ bytes: some Collection<UInt8>) -> [UInt8] {
    integer(UInt16(bytes.count)) + bytes
  }
}

/// Reads of TPM structures, with errors of theirs.
package enum TPMReading {
  package static func integer<Value: FixedWidthInteger & UnsignedInteger>(
    _ reader: inout ByteReader, _ type: Value.Type
  ) throws(TPMDecodingError) -> Value {
    do { return try reader.readBigEndian(type) } catch { throw .wire(error) }
  }

  package static func bytes(_ reader: inout ByteReader, _ count: Int) throws(TPMDecodingError) -> [UInt8] {
    do { return try reader.readBytes(count) } catch { throw .wire(error) }
  }

  /// A TPM2B of at most `max` bytes.
  package static func sized(
    _ reader: inout ByteReader, max: Int, _ field: TPMField
  ) throws(TPMDecodingError) -> [UInt8] {
    let count = try integer(&reader, UInt16.self)
    guard count <= max else { throw .field(field, value: UInt64(count)) }
    return try bytes(&reader, Int(count))
  }

  package static func expect(
    _ reader: inout ByteReader, _ value: UInt16, _ field: TPMField
  ) throws(TPMDecodingError) {
    let read = try integer(&reader, UInt16.self)
    guard read == value else { throw .field(field, value: UInt64(read)) }
  }

  package static func finish(_ reader: borrowing ByteReader) throws(TPMDecodingError) {
    do { try reader.finish() } catch { throw .wire(error) }
  }
}
