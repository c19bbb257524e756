public import WireBytes

/// The report of an SGX enclave (`sgx_report_body_t`, 384 bytes).
///
/// Layout: cpusvn 16, miscselect u32, reserved 28, attributes 16, mrenclave 32, reserved 32, mrsigner 32,
/// reserved 96, isvprodid u16, isvsvn u16, reserved 60, report data 64. Key separation fields, if any, lie in
/// what is reserved here.
public struct SGXReport: Hashable, Sendable {
  public static let size = 384

  public let cpuSVN: FixedBytes<16>
  public let miscSelect: UInt32
  /// Flags, 8 bytes, and XFRM, 8 bytes.
  public let attributes: FixedBytes<16>
  public let mrEnclave: Bytes32
  public let mrSigner: Bytes32
  public let isvProdID: UInt16
  public let isvSVN: UInt16
  public let reportData: Bytes64

  public init(_ bytes: FixedBytes<384>) {
    cpuSVN = bytes.part(at: 0)
    miscSelect = UInt32(bytes.littleEndian16(at: 16)) | UInt32(bytes.littleEndian16(at: 18)) << 16
    attributes = bytes.part(at: 48)
    mrEnclave = bytes.part(at: 64)
    mrSigner = bytes.part(at: 128)
    isvProdID = bytes.littleEndian16(at: 256)
    isvSVN = bytes.littleEndian16(at: 258)
    reportData = bytes.part(at: 320)
  }

  /// DEBUG, bit 1 of the flags: the memory of the enclave can be read from outside.
  public var isDebug: Bool { attributes[0] & 0x02 != 0 }
}

/// The report of a trust domain: TD 1.0 (584 bytes), TD 1.5 (648) or TD 1.5 with service extensions (885).
///
/// Layout: tee_tcb_svn 16, mrseam 48, mrsignerseam 48, seamattributes 8, td_attributes 8, xfam 8, mrtd 48,
/// mrconfigid 48, mrowner 48, mrownerconfig 48, rtmr0…3 4 × 48, report data 64; since 1.5 tee_tcb_svn2 16,
/// mrservicetd 48.
public struct TDReport: Hashable, Sendable {
  public static let size = 584
  public static let size15 = 648
  public static let size15Extended = 885

  /// Security versions when the domain was launched: [0] of the TDX module, [1] the module's major version.
  public let launchTCB: FixedBytes<16>
  public let mrSeam: FixedBytes<48>
  public let mrSignerSeam: FixedBytes<48>
  public let seamAttributes: FixedBytes<8>
  public let attributes: TDAttributes
  public let xfam: FixedBytes<8>
  public let mrTD: FixedBytes<48>
  public let mrConfigID: FixedBytes<48>
  public let mrOwner: FixedBytes<48>
  public let mrOwnerConfig: FixedBytes<48>
  /// Four registers.
  public let rtmrs: [FixedBytes<48>]
  public let reportData: Bytes64
  /// Security versions now, which a preserving update of the module may have raised; nil in TD 1.0.
  public let currentTCB: FixedBytes<16>?
  /// Measurement of the service domain that is bound, zero when none is; nil in TD 1.0.
  public let mrServiceTD: FixedBytes<48>?
  /// What body type 4 has behind TD 1.5; it means something only with SERVTD_EXT, which is refused.
  public let extensions: [UInt8]

  public init(_ bytes: FixedBytes<584>) {
    launchTCB = bytes.part(at: 0)
    mrSeam = bytes.part(at: 16)
    mrSignerSeam = bytes.part(at: 64)
    seamAttributes = bytes.part(at: 112)
    attributes = TDAttributes(bytes.part(at: 120))
    xfam = bytes.part(at: 128)
    mrTD = bytes.part(at: 136)
    mrConfigID = bytes.part(at: 184)
    mrOwner = bytes.part(at: 232)
    mrOwnerConfig = bytes.part(at: 280)
    rtmrs = (0..<4).map { bytes.part(at: 328 + 48 * $0) }
    reportData = bytes.part(at: 520)
    currentTCB = nil
    mrServiceTD = nil
    extensions = []
  }

  private init(
    _ base: TDReport, currentTCB: FixedBytes<16>, serviceTD: FixedBytes<48>, extensions: [UInt8]
  ) {
    launchTCB = base.launchTCB
    mrSeam = base.mrSeam
    mrSignerSeam = base.mrSignerSeam
    seamAttributes = base.seamAttributes
    attributes = base.attributes
    xfam = base.xfam
    mrTD = base.mrTD
    mrConfigID = base.mrConfigID
    mrOwner = base.mrOwner
    mrOwnerConfig = base.mrOwnerConfig
    rtmrs = base.rtmrs
    reportData = base.reportData
    self.currentTCB = currentTCB
    mrServiceTD = serviceTD
    self.extensions = extensions
  }

  func extended(
    currentTCB: FixedBytes<16>, serviceTD: FixedBytes<48>, extensions: [UInt8]
  ) -> TDReport {
    TDReport(self, currentTCB: currentTCB, serviceTD: serviceTD, extensions: extensions)
  }
}

/// The attributes of a trust domain (TDX module ABI 1.5, section 3.4.1), 64 bits.
public struct TDAttributes: Hashable, Sendable {
  public let bits: UInt64

  public init(_ bytes: FixedBytes<8>) {
    bits = bytes.indices.reduce(0) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
  }

  private func has(_ bit: Int) -> Bool { bits >> UInt64(bit) & 1 != 0 }

  /// The host can read and change the domain.
  public var isDebug: Bool { has(0) }
  /// HGS+, performance and power profiling of the domain by the host (bits 4…6).
  public var isProfiled: Bool { bits & 0x70 != 0 }
  /// The report carries service domain extensions.
  public var hasServiceExtensions: Bool { has(17) }
  /// Pages taken away do not become exceptions inside.
  public var blocksViolationExceptions: Bool { has(28) }
  /// The domain may be moved to another platform.
  public var isMigratable: Bool { has(29) }

  /// Bits that have no meaning: all but DEBUG, profiling, 16…22 (of them ICSSD and SERVTD_EXT), LASS,
  /// SEPT_VE_DISABLE, MIGRATABLE, PKS, KL, TPA and PERFMON.
  static let reserved: UInt64 = ~0xc000_0000_f87f_0071

  /// The reserved bits that are set.
  public var reservedBits: UInt64 { bits & Self.reserved }
}

extension FixedBytes {
  /// `length` bytes from `offset`, which the layout admits.
  func part<let length: Int>(at offset: Int) -> FixedBytes<length> {
    FixedBytes<length> { self[offset + $0] }
  }

  func littleEndian16(at offset: Int) -> UInt16 { UInt16(self[offset]) | UInt16(self[offset + 1]) << 8 }
}
