import SignatureSchemes
import WireBytes

/// A report whose chain and signature were checked, with what its fields say of one another.
public struct VerifiedSEVSNPReport: Hashable, Sendable {
  public let report: SEVSNPReport
  public let chain: VerifiedX509Chain
  public let product: AMDProduct
  public let endorsement: SEVSNPEndorsement
  public let reportedTCB: SEVSNPTCB
  public let committedTCB: SEVSNPTCB
  public let currentTCB: SEVSNPTCB
  public let launchTCB: SEVSNPTCB
  /// Whether the chip's name is left out (MASK_CHIP_ID), so that it could not be compared with the certificate's.
  public let isChipMasked: Bool

  fileprivate init(
    report: SEVSNPReport, chain: VerifiedX509Chain, product: AMDProduct, endorsement: SEVSNPEndorsement
  ) throws(SEVSNPRefusal) {
    self.report = report
    self.chain = chain
    self.product = product
    self.endorsement = endorsement
    reportedTCB = try Self.tcb(report.reportedTCB, .reportedTCB, product)
    committedTCB = try Self.tcb(report.committedTCB, .committedTCB, product)
    currentTCB = try Self.tcb(report.currentTCB, .currentTCB, product)
    launchTCB = try Self.tcb(report.launchTCB, .launchTCB, product)
    isChipMasked = report.chipID.isZero
  }

  private static func tcb(
    _ raw: FixedBytes<8>, _ field: SEVSNPField, _ product: AMDProduct
  ) throws(SEVSNPRefusal) -> SEVSNPTCB {
    guard let tcb = SEVSNPTCB(raw, product: product) else { throw .tcbReserved(field) }
    return tcb
  }

  /// What the fields must say of one another and of the certificate.
  fileprivate func checkConsistency() throws(SEVSNPRefusal) {
    if let cpuid = report.cpuid, cpuid.product != product {
      throw .product(chain: product, family: cpuid.family, model: cpuid.model)
    }
    for part in SEVSNPTCB.Part.allCases {
      guard let certified = endorsement.tcb[part], let reported = reportedTCB[part] else { continue }
      guard certified == reported else {
        throw .tcbDiffers(part, certificate: certified, report: reported)
      }
    }
    if let short = committedTCB.shortfall(under: reportedTCB) {
      throw .tcbOrder(.reportedTCB, short.part, lower: short.wanted, upper: short.found)
    }
    if let short = currentTCB.shortfall(under: committedTCB) {
      throw .tcbOrder(.committedTCB, short.part, lower: short.wanted, upper: short.found)
    }
    if let hardware = endorsement.hardwareID, !isChipMasked {
      // From Turin on the name has 8 bytes, behind which the report has zeroes.
      for index in 0..<64 {
        guard report.chipID[index] == (index < hardware.count ? hardware[index] : 0) else { throw .chipID }
      }
    }
  }
}

extension SEVSNPReport {
  /// Checks what needs no key: reserved bits, and that the chip signed at all.
  private func checkForm() throws(SEVSNPRefusal) {
    guard policy.reservedOne, policy.reservedZero else { throw .policyReserved(policy.raw) }
    guard keyInformationIsKnown else { throw .keyInformation(keyInformation) }
    if isChipKeyMasked { throw .chipKeyMasked }
    switch signingKey {
    case .vcek, .vlek: break
    case .none, .reserved: throw .signingKey(signingKey)
    }
  }

  /// Checks the chain of the signing key up to AMD's pinned keys, the signature, and the report against the certificate.
  ///
  /// - Parameters:
  ///   - certificates: the VCEK or VLEK first, then, where they are carried, its issuer and the root.
  ///   - time: when the chain must be valid, in UNIX seconds.
  ///   - roots: AMD's keys by product.
  /// - Throws: ``SEVSNPRefusal``.
  public func verified(
    by certificates: [X509Certificate], at time: Int64, roots: [AMDProductRoots] = AMDProductRoots.production
  ) throws(SEVSNPRefusal) -> VerifiedSEVSNPReport {
    try checkForm()
    guard let leaf = certificates.first else { throw .noEndorsement }
    let (path, product, kind) = try Self.path(of: leaf, carried: certificates.dropFirst(), roots: roots)
    let chain: VerifiedX509Chain
    do {
      chain = try X509Chain.verify(
        path, roots: X509Roots(Set(roots.filter { $0.product == product }.map(\.ark))), at: time,
        rules: X509ChainRules(lengthMax: 3))
    } catch { throw .chain(error) }
    let endorsement = try SEVSNPEndorsement(leaf, product: product)
    guard endorsement.kind == kind else { throw .endorsementKind }
    switch (signingKey, kind) {
    case (.vcek, .vcek), (.vlek, .vlek): break
    default: throw .signingKey(signingKey)
    }
    do { try ECDSAP384.verify(signed.span, signature: signature.span, key: endorsement.key) } catch {
      throw .signature(error)
    }
    let verified = try VerifiedSEVSNPReport(
      report: self, chain: chain, product: product, endorsement: endorsement)
    try verified.checkConsistency()
    return verified
  }

  /// The leaf, its issuer and the root, and what the issuer is pinned as.
  private static func path(
    of leaf: X509Certificate, carried: ArraySlice<X509Certificate>, roots: [AMDProductRoots]
  ) throws(SEVSNPRefusal) -> ([X509Certificate], AMDProduct, SEVSNPEndorsement.Kind) {
    if carried.isEmpty {
      for product in roots {
        let known = product.known.compactMap { try? X509Certificate(decoding: $0) }
        guard let issuer = known.first(where: { $0.subject == leaf.issuer && $0.fingerprint != product.ark }),
          let root = known.first(where: { $0.fingerprint == product.ark })
        else { continue }
        return try pinned(leaf, issuer, root, roots: roots)
      }
      throw .noIssuer
    }
    guard carried.count == 2, let issuer = carried.first, let root = carried.last else {
      throw .chain(.length(limit: 3, actual: carried.count + 1))
    }
    return try pinned(leaf, issuer, root, roots: roots)
  }

  private static func pinned(
    _ leaf: X509Certificate, _ issuer: X509Certificate, _ root: X509Certificate, roots: [AMDProductRoots]
  ) throws(SEVSNPRefusal) -> ([X509Certificate], AMDProduct, SEVSNPEndorsement.Kind) {
    let fingerprint = issuer.fingerprint
    for product in roots {
      if product.ask == fingerprint { return ([leaf, issuer, root], product.product, .vcek) }
      if product.asvk == fingerprint { return ([leaf, issuer, root], product.product, .vlek) }
    }
    throw .issuer(fingerprint: fingerprint)
  }
}
