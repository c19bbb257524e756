import Digests
public import WireBytes

/// A fixed-width part of a report with the name of the firmware ABI.
public enum SEVSNPField: String, Hashable, Sendable {
  case version, policy, vmpl, keyInformation, reserved, currentTCB, reportedTCB, committedTCB, launchTCB,
    cpuid,
    chipID, signature, platformInformation
}

/// An attestation report of AMD SEV-SNP: read, and not verified.
///
/// 1184 bytes, little-endian (SEV Secure Nested Paging firmware ABI, document 56860, table "ATTESTATION_REPORT"); the
/// first 672 are signed. Versions 2 to 5 are read: 3 added the processor's family, model and stepping, 5 the mitigation
/// vectors.
public struct SEVSNPReport: Hashable, Sendable {
  public static let size = 1184
  /// Signed bytes.
  public static let signedSize = 0x2a0
  public static let versions: ClosedRange<UInt32> = 2...5

  /// GUEST_POLICY, the demands of the guest's owner.
  public struct GuestPolicy: Hashable, Sendable {
    public let raw: UInt64

    public init(_ raw: UInt64) { self.raw = raw }

    public var abiMinor: UInt8 { UInt8(truncatingIfNeeded: raw) }
    public var abiMajor: UInt8 { UInt8(truncatingIfNeeded: raw >> 8) }
    public var allowsSMT: Bool { raw >> 16 & 1 == 1 }
    /// Bit 17, which is one.
    public var reservedOne: Bool { raw >> 17 & 1 == 1 }
    public var allowsMigrationAgent: Bool { raw >> 18 & 1 == 1 }
    public var allowsDebug: Bool { raw >> 19 & 1 == 1 }
    public var requiresSingleSocket: Bool { raw >> 20 & 1 == 1 }
    public var allowsCXL: Bool { raw >> 21 & 1 == 1 }
    /// Bits 26 and up are zero.
    public var reservedZero: Bool { raw >> 26 == 0 }
  }

  /// The key that signed.
  public enum SigningKey: Hashable, Sendable {
    /// Of one chip and its TCB.
    case vcek
    /// Of one cloud.
    case vlek
    case none
    case reserved(UInt8)
  }

  public let version: UInt32
  public let guestSVN: UInt32
  public let policy: GuestPolicy
  public let familyID: FixedBytes<16>
  public let imageID: FixedBytes<16>
  /// 0 to 3, or all ones for a report that the host asked for.
  public let vmpl: UInt32
  public let signatureAlgorithm: UInt32
  public let currentTCB: FixedBytes<8>
  public let platformInformation: UInt64
  public let keyInformation: UInt32
  public let reportData: Bytes64
  public let measurement: FixedBytes<48>
  public let hostData: Bytes32
  public let idKeyDigest: FixedBytes<48>
  public let authorKeyDigest: FixedBytes<48>
  public let reportID: Bytes32
  public let migrationAgentReportID: Bytes32
  public let reportedTCB: FixedBytes<8>
  /// Family, model and stepping; nil in version 2.
  public let cpuid: Cpuid?
  public let chipID: Bytes64
  public let committedTCB: FixedBytes<8>
  public let currentVersion: FirmwareVersion
  public let committedVersion: FirmwareVersion
  public let launchTCB: FixedBytes<8>
  /// The first 672 bytes.
  public let signed: [UInt8]
  /// `r || s`, big-endian.
  public let signature: FixedBytes<96>

  public struct Cpuid: Hashable, Sendable {
    public let family: UInt8
    public let model: UInt8
    public let stepping: UInt8

    /// The product of these numbers; nil when it is none that is known here.
    public var product: AMDProduct? {
      switch (family, model) {
      case (0x19, 0x00...0x0f): .milan
      case (0x19, 0x10...0x1f), (0x19, 0xa0...0xaf): .genoa
      case (0x1a, 0x00...0x11): .turin
      default: nil
      }
    }
  }

  public struct FirmwareVersion: Hashable, Sendable {
    public let build: UInt8
    public let minor: UInt8
    public let major: UInt8
  }

  /// - Throws: ``SEVSNPRefusal``: `.size`, `.version`, `.notZero`, `.signatureAlgorithm`, `.signatureWidth`. The input is
  ///   untrusted and no input traps.
  public init(decoding bytes: Span<UInt8>) throws(SEVSNPRefusal) {
    guard bytes.count == Self.size else { throw .size(expected: Self.size, actual: bytes.count) }
    version = Self.integer(bytes, 0x000)
    guard Self.versions.contains(version) else { throw .version(version) }
    guestSVN = Self.integer(bytes, 0x004)
    policy = GuestPolicy(Self.integer(bytes, 0x008))
    familyID = FixedBytes(bytes, at: 0x010)
    imageID = FixedBytes(bytes, at: 0x020)
    vmpl = Self.integer(bytes, 0x030)
    signatureAlgorithm = Self.integer(bytes, 0x034)
    guard signatureAlgorithm == 1 else { throw .signatureAlgorithm(signatureAlgorithm) }
    currentTCB = FixedBytes(bytes, at: 0x038)
    platformInformation = Self.integer(bytes, 0x040)
    keyInformation = Self.integer(bytes, 0x048)
    try Self.zero(bytes, 0x04c..<0x050)
    reportData = Bytes64(bytes, at: 0x050)
    measurement = FixedBytes(bytes, at: 0x090)
    hostData = Bytes32(bytes, at: 0x0c0)
    idKeyDigest = FixedBytes(bytes, at: 0x0e0)
    authorKeyDigest = FixedBytes(bytes, at: 0x110)
    reportID = Bytes32(bytes, at: 0x140)
    migrationAgentReportID = Bytes32(bytes, at: 0x160)
    reportedTCB = FixedBytes(bytes, at: 0x180)
    if version >= 3 {
      cpuid = Cpuid(family: bytes[0x188], model: bytes[0x189], stepping: bytes[0x18a])
      try Self.zero(bytes, 0x18b..<0x1a0)
    } else {
      cpuid = nil
      try Self.zero(bytes, 0x188..<0x1a0)
    }
    chipID = Bytes64(bytes, at: 0x1a0)
    committedTCB = FixedBytes(bytes, at: 0x1e0)
    currentVersion = FirmwareVersion(build: bytes[0x1e8], minor: bytes[0x1e9], major: bytes[0x1ea])
    try Self.zero(bytes, 0x1eb..<0x1ec)
    committedVersion = FirmwareVersion(build: bytes[0x1ec], minor: bytes[0x1ed], major: bytes[0x1ee])
    try Self.zero(bytes, 0x1ef..<0x1f0)
    launchTCB = FixedBytes(bytes, at: 0x1f0)
    // From version 5 on the mitigation vectors stand at 0x1f8 and 0x200.
    try Self.zero(bytes, (version >= 5 ? 0x208 : 0x1f8)..<0x2a0)
    signed = [UInt8](copying: bytes.extracting(0..<Self.signedSize))
    // r and s take 72 bytes each, little-endian, of which P-384 needs 48.
    for start in [0x2a0, 0x2e8] {
      for index in (start + 48)..<(start + 72) where bytes[index] != 0 {
        throw .signatureWidth(offset: index)
      }
    }
    try Self.zero(bytes, 0x330..<Self.size)
    var raw = FixedBytes<96>()
    for index in 0..<48 {
      raw[47 - index] = bytes[0x2a0 + index]
      raw[95 - index] = bytes[0x2e8 + index]
    }
    signature = raw
  }

  public init(decoding bytes: [UInt8]) throws(SEVSNPRefusal) { try self.init(decoding: bytes.span) }

  /// Names the report in replay checks: SHA-256 of what was signed, for a signature has a twin.
  public var identity: Bytes32 { SHA256Hash.hash(signed) }

  /// Whether the author's key signed the launch: bit 0 of the key information.
  public var hasAuthorKey: Bool { keyInformation & 1 == 1 }
  /// Whether the chip was told to sign nothing: bit 1.
  public var isChipKeyMasked: Bool { keyInformation >> 1 & 1 == 1 }
  /// Bits 2 to 4.
  public var signingKey: SigningKey {
    switch keyInformation >> 2 & 7 {
    case 0: .vcek
    case 1: .vlek
    case 7: .none
    case let other: .reserved(UInt8(other))
    }
  }
  /// Bits 5 and up are zero.
  var keyInformationIsKnown: Bool { keyInformation >> 5 == 0 }

  private static func integer<Value: FixedWidthInteger & UnsignedInteger>(
    _ bytes: Span<UInt8>, _ offset: Int
  ) -> Value {
    var value: Value = 0
    for index in (0..<(Value.bitWidth / 8)).reversed() {
      value = value << 8 | Value(truncatingIfNeeded: bytes[offset + index])
    }
    return value
  }

  private static func zero(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(SEVSNPRefusal) {
    for index in range where bytes[index] != 0 { throw .notZero(offset: index) }
  }
}
