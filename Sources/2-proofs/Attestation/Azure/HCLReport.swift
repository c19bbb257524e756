private import Digests
public import Encodings
public import WireBytes

/// What Azure's paravisor (HCL) keeps in NV index 0x01400001 of a confidential machine's vTPM: a hardware
/// report whose report data commits to the runtime's claims, the vTPM's attestation key among them.
///
/// Layout, little-endian (kinvolk/azure-cvm-tooling, az-cvm-vtpm): header 32 bytes `{"HCLA", version u32,
/// size u32, request type u32 = 2, status u32 = 0, reserved 12}`; the hardware report in 1184 bytes, an SNP
/// report or a TDREPORT of 1024 and zeroes; `{size u32, version u32 = 1, report type u32 (2 SNP, 4 TDX), hash
/// u32 (1 SHA-256, 2 SHA-384, 3 SHA-512), length u32}`; the runtime's claims, JSON of that length. The NV
/// index is larger: zeroes may follow.
public struct HCLReport: Hashable, Sendable {
  /// Why bytes are no such report.
  public enum DecodingError: Error, Hashable, Sendable {
    case wire(WireError)
    case tooLong(limit: Int, actual: Int)
    /// Not "HCLA".
    case signature(UInt32)
    case version(UInt32)
    case requestType(UInt32)
    case status(UInt32)
    /// Bytes that are zero are not.
    case reserved(offset: Int)
    /// A report of another kind than SNP and TDX.
    case reportType(UInt32)
    case hashType(UInt32)
    /// Two lengths that must agree do not.
    case size(expected: Int, actual: Int)
    case json(JSONError)
    /// The claims have no RSA key called HCLAkPub, or two.
    case attestationKey
    case keyForm(TokenKeyError)
  }

  /// What the hardware report is.
  public enum Hardware: UInt32, Hashable, Sendable {
    case snp = 2
    case tdx = 4

    var size: Int { self == .snp ? 1184 : 1024 }
  }

  public static let sizeMax = 16 << 10
  private static let areaSize = 1184

  public let hardware: Hardware
  /// An SNP report, signed by the processor; or a TDREPORT, which only the same processor can check, so that
  /// a quote must go with it.
  public let report: [UInt8]
  /// The runtime's claims as they were hashed.
  public let claims: [UInt8]
  public let claimsJSON: JSONValue
  /// By the hash that the report names; at most 64 bytes.
  public let claimsDigest: [UInt8]
  /// The vTPM's attestation key, for RSASSA with SHA-256.
  public let attestationKey: TokenKey

  /// Decodes all of `bytes`.
  ///
  /// - Throws: ``DecodingError`` and nothing else. The input is untrusted; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(DecodingError) {
    guard bytes.count <= Self.sizeMax else { throw .tooLong(limit: Self.sizeMax, actual: bytes.count) }
    let area: [UInt8]
    let claims: [UInt8]
    let hashType: UInt32
    do {
      var reader = ByteReader(bytes)
      let signature = try reader.readLittleEndian(UInt32.self)
      guard signature == 0x414c_4348 else { throw DecodingError.signature(signature) }
      let version = try reader.readLittleEndian(UInt32.self)
      guard version == 1 || version == 2 else { throw DecodingError.version(version) }
      let size = Int(try reader.readLittleEndian(UInt32.self))
      let request = try reader.readLittleEndian(UInt32.self)
      guard request == 2 else { throw DecodingError.requestType(request) }
      let status = try reader.readLittleEndian(UInt32.self)
      guard status == 0 else { throw DecodingError.status(status) }
      let reserved = try reader.readBytes(12)
      guard reserved.allSatisfy({ $0 == 0 }) else { throw DecodingError.reserved(offset: 20) }
      area = try reader.readBytes(Self.areaSize)
      let inner = Int(try reader.readLittleEndian(UInt32.self))
      let innerVersion = try reader.readLittleEndian(UInt32.self)
      guard innerVersion == 1 else { throw DecodingError.version(innerVersion) }
      let type = try reader.readLittleEndian(UInt32.self)
      guard let hardware = Hardware(rawValue: type) else { throw DecodingError.reportType(type) }
      self.hardware = hardware
      hashType = try reader.readLittleEndian(UInt32.self)
      let length = Int(try reader.readLittleEndian(UInt32.self))
      guard inner == 20 + length else { throw DecodingError.size(expected: 20 + length, actual: inner) }
      claims = try reader.readBytes(length)
      guard size == reader.offset else { throw DecodingError.size(expected: reader.offset, actual: size) }
      let end = reader.offset
      for index in end..<bytes.count where bytes[index] != 0 { throw DecodingError.reserved(offset: index) }
    } catch let error as WireError {
      throw .wire(error)
    } catch let error as DecodingError {
      throw error
    } catch {
      throw .attestationKey
    }
    guard area[hardware.size...].allSatisfy({ $0 == 0 }) else {
      throw .reserved(offset: 32 + hardware.size)
    }
    report = [UInt8](area.prefix(hardware.size))
    switch hashType {
    case 1: claimsDigest = SHA256Hash.hash(claims).array
    case 2: claimsDigest = SecureHashes.sha384(claims.span).array
    case 3: claimsDigest = SecureHashes.sha512(claims.span).array
    default: throw .hashType(hashType)
    }
    self.claims = claims
    do {
      claimsJSON = try JSONValue(decoding: claims.span, limits: JSONLimits(sizeBytes: Self.sizeMax, depth: 8))
    } catch { throw .json(error) }
    attestationKey = try Self.attestationKey(claimsJSON)
  }

  private static func attestationKey(_ claims: JSONValue) throws(DecodingError) -> TokenKey {
    let named = (claims["keys"]?.array ?? []).filter { $0["kid"]?.string == "HCLAkPub" }
    guard named.count == 1, named[0]["kty"]?.string == "RSA", named[0]["alg"] == nil else {
      throw .attestationKey
    }
    do { return try TokenKey(jwk: named[0]) } catch { throw .keyForm(error) }
  }

  /// The 64 bytes of report data that the report has: the claims' digest and zeroes, if it is in order.
  public var reportData: [UInt8] {
    // SNP: offset 0x50; TDREPORT: REPORTMACSTRUCT.REPORTDATA at 128.
    let start = hardware == .snp ? 0x50 : 128
    return [UInt8](report[start..<(start + 64)])
  }

  /// What the hardware's report data must be.
  public var expectedReportData: [UInt8] {
    claimsDigest + [UInt8](repeating: 0, count: 64 - claimsDigest.count)
  }
}
