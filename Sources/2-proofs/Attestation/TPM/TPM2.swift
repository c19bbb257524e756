private import Crypto
private import Digests
public import WireBytes

/// Structures of TPM 2.0 (TCG Trusted Platform Module Library, part 2), as far as attestation needs them:
/// big-endian, each decoded from all of its bytes and written back to the same.
public enum TPM2 {
  /// TPM_ALG_ID of a hash (part 2, table 9).
  public enum Hash: UInt16, Hashable, Sendable, CaseIterable {
    case sha1 = 0x0004
    case sha256 = 0x000b
    case sha384 = 0x000c
    case sha512 = 0x000d
    case sm3 = 0x0012
    case sha3256 = 0x0027
    case sha3384 = 0x0028
    case sha3512 = 0x0029

    /// Bytes of a digest.
    public var size: Int {
      switch self {
      case .sha1: 20
      case .sha256, .sm3, .sha3256: 32
      case .sha384, .sha3384: 48
      case .sha512, .sha3512: 64
      }
    }

    /// The name in policies and reports.
    public var name: String {
      switch self {
      case .sha1: "sha1"
      case .sha256: "sha256"
      case .sha384: "sha384"
      case .sha512: "sha512"
      case .sm3: "sm3"
      case .sha3256: "sha3-256"
      case .sha3384: "sha3-384"
      case .sha3512: "sha3-512"
      }
    }

    /// Whether a verdict may rest on it: SHA-2 with 256 bits and more. SHA-1 is broken, the others are in no
    /// TPM seen.
    public var isAccepted: Bool { self == .sha256 || self == .sha384 || self == .sha512 }

    /// The digest of `bytes`; nil for a hash that is not computed here (SM3, SHA3-384).
    public func digest(_ bytes: Span<UInt8>) -> [UInt8]? {
      switch self {
      case .sha1:
        return [UInt8](Insecure.SHA1.hash(data: [UInt8](copying: bytes)))
      case .sha256: return SHA256Hash.hash(bytes).array
      case .sha384: return SecureHashes.sha384(bytes).array
      case .sha512: return SecureHashes.sha512(bytes).array
      case .sha3256: return SecureHashes.sha3256(bytes).array
      case .sha3512: return SecureHashes.sha3512(bytes).array
      case .sm3, .sha3384: return nil
      }
    }
  }

  /// A part of a structure, for errors.
  public enum Field: String, Hashable, Sendable {
    case qualifiedSigner, extraData, pcrSelection, pcrDigest, signature, publicArea, authPolicy, symmetric,
      scheme
    case curve, kdf, modulus, coordinate, nameAlgorithm, hash
  }

  /// Why bytes are not the structure that they should be.
  public enum DecodingError: Error, Hashable, Sendable {
    case wire(WireError)
    /// Not TPM_GENERATED_VALUE: the TPM did not make this structure.
    case magic(UInt32)
    /// Another TPM_ST than TPM_ST_ATTEST_QUOTE.
    case attestationType(UInt16)
    /// A TPMI_YES_NO that is neither.
    case boolean(UInt8)
    case tooLong(Field, limit: Int, actual: Int)
    case tooMany(Field, limit: Int, actual: Int)
    /// An algorithm that cannot stand there, or that is not read here.
    case algorithm(Field, UInt16)
    /// sizeofSelect other than 3 or 4.
    case selectSize(UInt8)
    /// A PCR bank is selected twice.
    case duplicateBank(UInt16)
    /// Bits of TPMA_OBJECT that are reserved.
    case reservedAttributes(UInt32)
    /// A length of an RSA key other than 1024, 2048, 3072 or 4096.
    case keyBits(UInt16)
    /// A modulus that is not as long as keyBits says, in bits.
    case modulus(bits: Int, actual: Int)
  }

  /// TPM_GENERATED_VALUE (part 2, table 7): opens what a TPM made itself, and what a restricted key refuses
  /// to sign when somebody else made it.
  public static let generated: UInt32 = 0xff54_4347
}

/// Reads of TPM structures, with errors of theirs.
enum TPM2Reading {
  static func integer<Value: FixedWidthInteger & UnsignedInteger>(
    _ reader: inout ByteReader, _ type: Value.Type = Value.self
  ) throws(TPM2.DecodingError) -> Value {
    do { return try reader.readBigEndian(type) } catch { throw .wire(error) }
  }

  static func bytes(_ reader: inout ByteReader, _ count: Int) throws(TPM2.DecodingError) -> [UInt8] {
    do { return try reader.readBytes(count) } catch { throw .wire(error) }
  }

  /// A TPM2B of at most `max` bytes.
  static func sized(
    _ reader: inout ByteReader, max: Int, _ field: TPM2.Field
  ) throws(TPM2.DecodingError) -> [UInt8] {
    let count = Int(try integer(&reader, UInt16.self))
    guard count <= max else { throw .tooLong(field, limit: max, actual: count) }
    return try bytes(&reader, count)
  }

  static func hash(_ reader: inout ByteReader, _ field: TPM2.Field) throws(TPM2.DecodingError) -> TPM2.Hash {
    let identifier = try integer(&reader, UInt16.self)
    guard let hash = TPM2.Hash(rawValue: identifier) else { throw .algorithm(field, identifier) }
    return hash
  }

  static func finish(_ reader: borrowing ByteReader) throws(TPM2.DecodingError) {
    do { try reader.finish() } catch { throw .wire(error) }
  }
}

extension [UInt8] {
  /// Appends a TPM2B: the length in two bytes, then the bytes, of which there are fewer than 2^16.
  mutating func append(sized bytes: [UInt8]) {
    append(bigEndian: UInt16(truncatingIfNeeded: bytes.count))
    append(contentsOf: bytes)
  }
}
