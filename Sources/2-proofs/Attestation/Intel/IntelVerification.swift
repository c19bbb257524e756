import Digests
import SignatureSchemes
public import WireBytes

/// How strictly a quote and its collateral are read where real material and Intel's library leave room.
public enum IntelStrictness: Hashable, Sendable {
  /// Everything that a definition rules out is refused.
  case strict
  /// Where dcap-qvl 0.7.0 is laxer it is followed, and where it admits less, too, so that verdicts can be
  /// compared: bytes that nothing accounts for, the outer certification type, lists that start later, chains
  /// of any length, the PCE's id, the second half of the quoting enclave's report data, and newer versions of
  /// documents are not looked at; SGX bodies in quotes of version 4 and 5, and authentication of another
  /// length than 32 bytes, are refused.
  case asDcapQVL
}

/// What the workload may be, besides what it measures.
public struct IntelAdmission: Hashable, Sendable {
  public let strictness: IntelStrictness
  public let debug: Bool
  /// Measurements of service domains that may be bound; zero, none bound, always may.
  public let serviceTDs: Set<FixedBytes<48>>

  public init(
    strictness: IntelStrictness = .strict, debug: Bool = false, serviceTDs: Set<FixedBytes<48>> = []
  ) {
    self.strictness = strictness
    self.debug = debug
    self.serviceTDs = serviceTDs
  }
}

/// A quote that was found to be Intel's at a time, with what Intel says about the platform. A policy decides
/// next.
public struct IntelFindings: Hashable, Sendable {
  public let quote: IntelQuote
  public let pck: PCKExtension
  /// Of everything together.
  public let status: TCBStatus
  /// Of everything together, in the order platform, module, quoting enclave.
  public let advisories: [String]
  public let platform: TCBStanding
  /// Nil for SGX, and for modules without a major version.
  public let module: TCBStanding?
  public let quotingEnclave: TCBStanding
  /// What the platform of a TD 1.5 has now; ``status`` says what a relaunch would do with it.
  public let current: TCBStatus?
  public let tcbInfoEvaluationNumber: UInt64
  public let quotingEnclaveEvaluationNumber: UInt64
  /// Each window by itself.
  public let limits: [AttestationLimit]
  /// The latest start of the documents' windows: nothing newer was known.
  public let collateralIssued: Int64

  /// The last second at which all of it holds.
  public var expires: Int64 { limits.map(\.until).min() ?? .min }
}

/// Verifies quotes of SGX and TDX with their collateral, in the order of steps of dcap-qvl, so that the first
/// fault found is the same.
///
/// - SeeAlso: Intel SGX-TDX-DCAP-QuoteVerificationLibrary, `QuoteVerifier.cpp`.
public struct IntelVerification {
  let collateral: IntelCollateral
  let time: Int64
  let admission: IntelAdmission
  let root: X509Certificate

  private var isStrict: Bool { admission.strictness == .strict }

  /// Verifies `quote`.
  ///
  /// - Parameters:
  ///   - quote: as the quoting enclave gave it, with or without zeros of a buffer behind.
  ///   - time: when it must hold, UNIX seconds.
  ///   - roots: the pinned roots; Intel's is known, others must be in a chain.
  /// - Throws: ``IntelRefusal``; the input is untrusted and no input traps.
  public static func verify(
    _ quote: Span<UInt8>, collateral: IntelCollateral, at time: Int64, roots: X509Roots,
    admission: IntelAdmission = IntelAdmission()
  ) throws(IntelRefusal) -> IntelFindings {
    guard let root = root(among: roots, collateral: collateral) else { throw .noRoot }
    let verification = IntelVerification(collateral: collateral, time: time, admission: admission, root: root)
    return try verification.findings(quote)
  }

  /// Verifies `quote` under one root that the caller has.
  public static func verify(
    _ quote: Span<UInt8>, collateral: IntelCollateral, at time: Int64, root: X509Certificate,
    admission: IntelAdmission = IntelAdmission()
  ) throws(IntelRefusal) -> IntelFindings {
    let verification = IntelVerification(collateral: collateral, time: time, admission: admission, root: root)
    return try verification.findings(quote)
  }

  private static func root(among roots: X509Roots, collateral: IntelCollateral) -> X509Certificate? {
    if let intel = IntelRoots.certificate, roots.contains(intel) { return intel }
    let chains = [
      collateral.tcbInfo.issuerChain, collateral.quotingEnclaveIdentity.issuerChain,
      collateral.pckListIssuerChain,
    ]
    for chain in chains {
      guard let blocks = try? X509PEM.blocks(chain.span, label: "CERTIFICATE", countMax: blocksMax) else {
        continue
      }
      for block in blocks {
        if let found = try? X509Certificate(decoding: block), roots.contains(found) { return found }
      }
    }
    return nil
  }

  private func findings(_ bytes: Span<UInt8>) throws(IntelRefusal) -> IntelFindings {
    let lists = try revocationLists()
    let quote = try self.quote(bytes)

    let tcbInfo = try document(.tcbInfo, collateral.tcbInfo, read: TCBInfo.init(decoding:)) { $0.window }
    let tcbChain = try signedBy(.tcbInfo, .tcbInfo, collateral.tcbInfo, lists)
    let identity = try document(
      .quotingEnclaveIdentity, collateral.quotingEnclaveIdentity,
      read: QuotingEnclaveIdentity.init(decoding:)
    ) { $0.window }
    let identityChain = try signedBy(
      .quotingEnclaveIdentity, .quotingEnclaveIdentity, collateral.quotingEnclaveIdentity, lists)
    try checkIdentityKind(identity, quote.header.tee)

    let pckChain = try verifiedChain(.pck, try pckText(quote))
    try unrevoked(.pck, pckChain, lists)
    let pck: PCKExtension
    do { pck = try PCKExtension(pckChain.leaf) } catch { throw .pckExtension(error) }

    try checkQuotingEnclaveSignature(quote, pckChain.leaf)
    try checkBinding(quote)
    let quotingEnclave = try identity.standing(of: quote.quotingEnclave)
    try checkQuoteSignature(quote)

    try checkTCBInfo(tcbInfo, quote: quote, pck: pck)
    let evaluation = TCBEvaluation(tcbInfo: tcbInfo, pck: pck, quotingEnclave: quotingEnclave)
    let (outcome, current) = try standing(evaluation, quote.body)
    var status = outcome.merged.status
    guard status != .revoked, current != .revoked else { throw .revoked }
    if let current { status = status.relaunched(as: current) }
    try checkAttributes(quote.body)

    let limits = [
      AttestationLimit("TCB info", until: tcbInfo.window.nextUpdate),
      AttestationLimit("QE identity", until: identity.window.nextUpdate),
      // A list has ended at the second of its nextUpdate.
      AttestationLimit("root revocation list", until: lists.root.nextUpdate - 1),
      AttestationLimit("PCK revocation list", until: lists.pck.nextUpdate - 1),
      AttestationLimit("TCB info signing chain", until: tcbChain.notAfter),
      AttestationLimit("QE identity signing chain", until: identityChain.notAfter),
      AttestationLimit("PCK chain", until: pckChain.notAfter),
    ]
    return IntelFindings(
      quote: quote, pck: pck, status: status, advisories: outcome.merged.advisories,
      platform: outcome.platform,
      module: outcome.module, quotingEnclave: quotingEnclave, current: current,
      tcbInfoEvaluationNumber: tcbInfo.evaluationNumber,
      quotingEnclaveEvaluationNumber: identity.evaluationNumber, limits: limits,
      collateralIssued: [
        tcbInfo.window.issued, identity.window.issued, lists.root.thisUpdate, lists.pck.thisUpdate,
      ].max() ?? 0)
  }

  // MARK: Lists

  private struct Lists {
    let root: CertificateRevocationList
    let pck: CertificateRevocationList
    var all: [CertificateRevocationList] { [root, pck] }
  }

  private var start: X509ListStart { isStrict ? .checked : .ignored }

  private func revocationLists() throws(IntelRefusal) -> Lists {
    let rootList = try list(.root, collateral.rootList)
    do { try rootList.verify(issuedBy: root, at: time, start: start) } catch { throw .rootList(error) }
    if let moment = rootList.revocation(of: root) { throw .rootRevoked(at: moment) }
    return Lists(root: rootList, pck: try list(.pck, collateral.pckList))
  }

  private func list(_ name: IntelList, _ bytes: [UInt8]) throws(IntelRefusal) -> CertificateRevocationList {
    do { return try CertificateRevocationList(decoding: bytes) } catch { throw .list(name, error) }
  }

  // MARK: Certificates

  /// Certificates in one text: real ones have three.
  static let blocksMax = 8

  /// The chain in `text` from its first certificate to the pinned root, which need not be in it. Certificates
  /// on the way are found by their names, and only those are read; what else the text has makes no
  /// difference.
  private func verifiedChain(_ name: IntelChain, _ text: [UInt8]) throws(IntelRefusal) -> VerifiedX509Chain {
    let blocks: [[UInt8]]
    do {
      blocks = try X509PEM.blocks(text.span, label: "CERTIFICATE", countMax: Self.blocksMax)
    } catch { throw .certificate(name, index: nil, error) }
    func certificate(_ index: Int) throws(IntelRefusal) -> X509Certificate {
      do { return try X509Certificate(decoding: blocks[index]) } catch {
        throw .certificate(name, index: index, error)
      }
    }
    var path = [try certificate(0)]
    // The root signs certificates and its list, nothing else.
    guard path.first != root else { throw .chain(name, .leafIsAuthority) }
    while let last = path.last, last.issuer != root.subject {
      var next: X509Certificate?
      for index in blocks.indices.dropFirst() where next == nil {
        let found = try certificate(index)
        if found.subject == last.issuer, !path.contains(found) { next = found }
      }
      guard let next else { throw .issuer(name, index: path.count - 1) }
      path.append(next)
    }
    if path.last != root { path.append(root) }
    let expected = name == .pck ? 3 : 2
    guard !isStrict || path.count == expected else {
      throw .chainLength(name, expected: expected, actual: path.count)
    }
    do {
      return try X509Chain.verify(path, roots: X509Roots([root.fingerprint]), at: time)
    } catch { throw .chain(name, error) }
  }

  private func unrevoked(
    _ name: IntelChain, _ chain: VerifiedX509Chain, _ lists: Lists
  ) throws(IntelRefusal) {
    do {
      // Both lists are in the limits already.
      _ = try chain.checkRevocation(lists.all, at: time, missing: .refused, start: start)
    } catch { throw .revocation(name, error) }
  }

  /// The text of the PCK's chain: the collateral's, else the quote's.
  private func pckText(_ quote: IntelQuote) throws(IntelRefusal) -> [UInt8] {
    if let chain = collateral.pckChain { return chain }
    guard quote.certification.type == 5 else { throw .certificationType(quote.certification.type) }
    return quote.certification.bytes
  }

  // MARK: Documents

  private func document<Document>(
    _ name: IntelDocument, _ signed: IntelSignedText,
    read: ([UInt8]) throws(IntelDocumentError) -> Document, window: (Document) -> IntelWindow
  ) throws(IntelRefusal) -> Document {
    let document: Document
    do { document = try read(signed.text) } catch { throw .document(name, error) }
    let window = window(document)
    guard window.issued <= time else {
      throw .notYetIssued(name, secondsEarly: X509Chain.difference(window.issued, time))
    }
    guard time <= window.nextUpdate else {
      throw .outdated(name, secondsLate: X509Chain.difference(time, window.nextUpdate))
    }
    return document
  }

  private func signedBy(
    _ name: IntelDocument, _ chainName: IntelChain, _ signed: IntelSignedText, _ lists: Lists
  ) throws(IntelRefusal) -> VerifiedX509Chain {
    let chain = try verifiedChain(chainName, signed.issuerChain)
    try unrevoked(chainName, chain, lists)
    guard case .p256(let key) = chain.leaf.publicKey,
      (try? ECDSAP256.verify(signed.text.span, signature: signed.signature.span, key: key)) != nil
    else { throw .documentSignature(name) }
    return chain
  }

  private func checkIdentityKind(
    _ identity: QuotingEnclaveIdentity, _ tee: IntelTEE
  ) throws(IntelRefusal) {
    let (id, versions): (String, Set<UInt64>) = tee == .sgx ? ("QE", [2]) : ("TD_QE", [2, 3])
    guard identity.id == id, versions.contains(identity.version) else {
      throw .documentKind(.quotingEnclaveIdentity, id: identity.id, version: identity.version, for: tee)
    }
  }

  private func checkTCBInfo(
    _ tcbInfo: TCBInfo, quote: IntelQuote, pck: PCKExtension
  ) throws(IntelRefusal) {
    guard tcbInfo.fmspc == pck.fmspc else { throw .fmspc(quoted: pck.fmspc, collateral: tcbInfo.fmspc) }
    let tee = quote.header.tee
    let isKnown: Bool =
      switch (tee, isStrict) {
      case (_, true): tcbInfo.version == 3 && tcbInfo.tcbType == 0
      case (.sgx, false): tcbInfo.version >= 2
      case (.tdx, false): tcbInfo.version >= 3
      }
    guard isKnown, tcbInfo.id == (tee == .sgx ? "SGX" : "TDX") else {
      throw .documentKind(.tcbInfo, id: tcbInfo.id, version: tcbInfo.version, for: tee)
    }
    guard !isStrict || tcbInfo.pceID == pck.pceID else {
      throw .pceID(quoted: pck.pceID, collateral: tcbInfo.pceID)
    }
  }

  // MARK: Quote

  private func quote(_ bytes: Span<UInt8>) throws(IntelRefusal) -> IntelQuote {
    let quote: IntelQuote
    do {
      quote = try IntelQuote(decoding: bytes, trailing: isStrict ? .zeros : .ignored)
    } catch { throw .quote(error) }
    guard isStrict || quote.header.tee == .tdx || quote.header.version == 3 else {
      throw .enclaveVersion(quote.header.version)
    }
    return quote
  }

  private func checkQuotingEnclaveSignature(
    _ quote: IntelQuote, _ pck: X509Certificate
  ) throws(IntelRefusal) {
    let signature = quote.quotingEnclaveSignature
    let message = quote.quotingEnclaveBytes
    guard case .p256(let key) = pck.publicKey,
      (try? ECDSAP256.verify(message.span, signature: signature.span, key: key)) != nil
    else { throw .quotingEnclaveSignature }
  }

  private func checkBinding(_ quote: IntelQuote) throws(IntelRefusal) {
    guard isStrict || quote.authentication.count == 32 else {
      throw .authenticationSize(quote.authentication.count)
    }
    let digest = SHA256Hash.hash(quote.attestationKey.array + quote.authentication)
    let reported = quote.quotingEnclave.reportData
    let rest: Bytes32 = reported.part(at: 32)
    guard reported.part(at: 0) == digest, !isStrict || rest.isZero else { throw .quotingEnclaveBinding }
  }

  private func checkQuoteSignature(_ quote: IntelQuote) throws(IntelRefusal) {
    let signature = quote.signature
    guard let key = try? ECDSAP256.PublicKey(coordinates: quote.attestationKey),
      (try? ECDSAP256.verify(quote.signed.span, signature: signature.span, key: key)) != nil
    else { throw .quoteSignature }
  }

  private func standing(
    _ evaluation: TCBEvaluation, _ body: IntelQuoteBody
  ) throws(IntelRefusal) -> (TCBEvaluation.Outcome, current: TCBStatus?) {
    guard case .trustDomain(let report) = body else {
      return (try evaluation.standing(.launch, tdx: nil), nil)
    }
    let launch = try evaluation.standing(.launch, tdx: report.launchTCB)
    try evaluation.checkModule(report)
    guard let versions = report.currentTCB else { return (launch, nil) }
    return (launch, try evaluation.standing(.current, tdx: versions).merged.status)
  }

  private func checkAttributes(_ body: IntelQuoteBody) throws(IntelRefusal) {
    switch body {
    case .enclave(let report):
      guard admission.debug || !report.isDebug else { throw .attribute(.debug) }
    case .trustDomain(let report):
      if let service = report.mrServiceTD, !service.isZero, !admission.serviceTDs.contains(service) {
        throw .attribute(.serviceTD(service))
      }
      let attributes = report.attributes
      guard admission.debug || !attributes.isDebug else { throw .attribute(.debug) }
      guard attributes.reservedBits == 0 else {
        throw .attribute(.reserved(bits: attributes.reservedBits))
      }
      guard !attributes.isProfiled else { throw .attribute(.profiling) }
      guard !attributes.hasServiceExtensions else { throw .attribute(.serviceExtensions) }
      guard !attributes.isMigratable else { throw .attribute(.migratable) }
      guard attributes.blocksViolationExceptions else { throw .attribute(.violationExceptions) }
    }
  }
}
