import WireBytes

/// Places a platform among Intel's levels (Intel QVL, `EvaluateTcb.cpp` and `TdxModuleCheck.cpp`).
struct TCBEvaluation {
  let tcbInfo: TCBInfo
  let pck: PCKExtension
  let quotingEnclave: TCBStanding

  /// What was found about one set of versions.
  struct Outcome {
    let platform: TCBStanding
    let module: TCBStanding?
    /// Platform, module and quoting enclave together.
    let merged: TCBStanding
  }

  /// The platform's standing as the host of an enclave (`tdx` nil), or with the 16 TDX versions of a trust
  /// domain.
  func standing(
    _ evaluation: IntelEvaluation, tdx: FixedBytes<16>?
  ) throws(IntelRefusal) -> Outcome {
    guard let level = tcbInfo.levels.first(where: { shortfall(of: $0, tdx: tdx) == nil }) else {
      let least = tcbInfo.levels.last.flatMap { shortfall(of: $0, tdx: tdx) }
      throw .noLevel(
        evaluation, component: least?.component, least: least?.least ?? 0, actual: least?.actual ?? 0)
    }
    let platform = try checked(level.standing, TCBStatus.ofPlatform, "tcbInfo")
    let module =
      try tdx.map { (versions: FixedBytes<16>) throws(IntelRefusal) -> TCBStanding? in
        try self.module(evaluation, versions)
      } ?? nil
    var merged = platform
    if let module { merged = merged.merged(with: module) }
    merged = merged.merged(with: quotingEnclave)
    return Outcome(platform: platform, module: module, merged: merged)
  }

  /// The first version below the level's, if there is one.
  private func shortfall(
    of level: TCBInfo.Level, tdx: FixedBytes<16>?
  ) -> (component: Int, least: UInt16, actual: UInt16)? {
    for index in 0..<16 where pck.cpuSVN[index] < level.sgxComponents[index] {
      return (index, UInt16(level.sgxComponents[index]), UInt16(pck.cpuSVN[index]))
    }
    if pck.provisioningEnclaveSVN < level.provisioningEnclaveSVN {
      return (16, level.provisioningEnclaveSVN, pck.provisioningEnclaveSVN)
    }
    guard let tdx else { return nil }
    // A document without these versions cannot place a trust domain.
    guard let components = level.tdxComponents else { return (17, 0, 0) }
    // A module with a major version has levels of its own for the first two.
    for index in (tdx[1] > 0 ? 2 : 0)..<16 where tdx[index] < components[index] {
      return (17 + index, UInt16(components[index]), UInt16(tdx[index]))
    }
    return nil
  }

  private func module(
    _ evaluation: IntelEvaluation, _ versions: FixedBytes<16>
  ) throws(IntelRefusal) -> TCBStanding? {
    let (version, own) = (versions[1], versions[0])
    guard version > 0 else { return nil }
    guard let identity = tcbInfo.identity(ofModule: version) else {
      throw .module(evaluation, .version(version))
    }
    guard let level = identity.levels.first(where: { UInt16(own) >= $0.isvSVN }) else {
      throw .module(evaluation, .isvSVN(least: identity.levels.map(\.isvSVN).min(), actual: own))
    }
    return try checked(level.standing, TCBStatus.ofModule, "tdxModuleIdentities")
  }

  /// Checks who signed the module that launched the domain, and its attributes.
  func checkModule(_ report: TDReport) throws(IntelRefusal) {
    guard let base = tcbInfo.module else { throw .module(.launch, .absent) }
    var expected = base
    let version = report.launchTCB[1]
    if version > 0 {
      guard let identity = tcbInfo.identity(ofModule: version) else {
        throw .module(.launch, .version(version))
      }
      expected = identity.signer
    }
    guard report.mrSignerSeam == expected.mrSigner else {
      throw .module(.launch, .mrSigner(expected: expected.mrSigner, actual: report.mrSignerSeam))
    }
    for index in 0..<8 {
      let (mask, actual) = (expected.attributesMask[index], report.seamAttributes[index])
      let wanted = expected.attributes[index] & mask
      guard actual & mask == wanted else {
        throw .module(.launch, .attributes(index: index, expected: wanted, actual: actual & mask))
      }
      guard actual & ~mask == 0 else {
        throw .module(.launch, .unmaskedAttributes(index: index, actual: actual & ~mask))
      }
    }
  }

  private func checked(
    _ standing: TCBStanding, _ allowed: Set<TCBStatus>, _ place: String
  ) throws(IntelRefusal) -> TCBStanding {
    try Self.checked(standing, allowed, place)
  }

  static func checked(
    _ standing: TCBStanding, _ allowed: Set<TCBStatus>, _ place: String
  ) throws(IntelRefusal) -> TCBStanding {
    guard allowed.contains(standing.status) else { throw .levelStatus(place, standing.status) }
    return standing
  }
}

extension QuotingEnclaveIdentity {
  /// Compares a quoting enclave with this identity, and places it among the levels.
  func standing(of report: SGXReport) throws(IntelRefusal) -> TCBStanding {
    guard report.mrSigner == mrSigner else {
      throw .quotingEnclave(.mrSigner(expected: mrSigner, actual: report.mrSigner))
    }
    guard !report.isDebug else { throw .quotingEnclave(.debug) }
    guard report.isvProdID == isvProdID else {
      throw .quotingEnclave(.isvProdID(expected: isvProdID, actual: report.isvProdID))
    }
    func word(_ bytes: FixedBytes<4>) -> UInt32 {
      UInt32(bytes.littleEndian16(at: 0)) | UInt32(bytes.littleEndian16(at: 2)) << 16
    }
    let mask = word(miscSelectMask)
    guard report.miscSelect & mask == word(miscSelect) & mask else {
      throw .quotingEnclave(.miscSelect(expected: word(miscSelect) & mask, actual: report.miscSelect & mask))
    }
    for index in 0..<16 {
      let mask = attributesMask[index]
      guard report.attributes[index] & mask == attributes[index] & mask else {
        throw .quotingEnclave(
          .attributes(
            index: index, expected: attributes[index] & mask, actual: report.attributes[index] & mask))
      }
    }
    guard let level = levels.first(where: { report.isvSVN >= $0.isvSVN }) else {
      guard let least = levels.map(\.isvSVN).min() else { throw .quotingEnclave(.noLevels) }
      throw .quotingEnclave(.isvSVN(least: least, actual: report.isvSVN))
    }
    return try TCBEvaluation.checked(
      level.standing, TCBStatus.ofQuotingEnclave, "quotingEnclaveIdentity")
  }
}
