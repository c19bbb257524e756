public import WireBytes

/// Versions of the parts of a platform's trusted computing base, as security version numbers.
public struct SEVSNPTCB: Hashable, Sendable {
  /// A part of the TCB; raw values are those of policies.
  public enum Part: String, Hashable, Sendable, CaseIterable {
    /// Turin only.
    case fmc
    case bootLoader
    case tee
    case snp
    case microcode
  }

  /// Nil before Turin.
  public let fmc: UInt8?
  public let bootLoader: UInt8
  public let tee: UInt8
  public let snp: UInt8
  public let microcode: UInt8

  public init(fmc: UInt8? = nil, bootLoader: UInt8, tee: UInt8, snp: UInt8, microcode: UInt8) {
    self.fmc = fmc
    self.bootLoader = bootLoader
    self.tee = tee
    self.snp = snp
    self.microcode = microcode
  }

  /// Reads TCB_VERSION (SEV-SNP firmware ABI, table "Structure of the TCB_VERSION"): before Turin
  /// `[boot loader][TEE][reserved: 4][SNP][microcode]`, from Turin on `[FMC][boot loader][TEE][SNP][reserved: 3][microcode]`.
  ///
  /// - Returns: nil when a reserved byte is not zero.
  public init?(_ raw: FixedBytes<8>, product: AMDProduct) {
    switch product {
    case .milan, .genoa:
      guard (2...5).allSatisfy({ raw[$0] == 0 }) else { return nil }
      self.init(bootLoader: raw[0], tee: raw[1], snp: raw[6], microcode: raw[7])
    case .turin:
      guard (4...6).allSatisfy({ raw[$0] == 0 }) else { return nil }
      self.init(fmc: raw[0], bootLoader: raw[1], tee: raw[2], snp: raw[3], microcode: raw[7])
    }
  }

  public subscript(part: Part) -> UInt8? {
    switch part {
    case .fmc: fmc
    case .bootLoader: bootLoader
    case .tee: tee
    case .snp: snp
    case .microcode: microcode
    }
  }

  /// The first part that is under `least`, with both numbers; nil when none is. A part that only `least` has counts as
  /// zero here.
  public func shortfall(under least: SEVSNPTCB) -> (part: Part, wanted: UInt8, found: UInt8)? {
    for part in Part.allCases {
      guard let wanted = least[part] else { continue }
      let found = self[part] ?? 0
      if found < wanted { return (part, wanted, found) }
    }
    return nil
  }
}
