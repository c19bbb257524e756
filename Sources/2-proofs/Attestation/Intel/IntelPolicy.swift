public import Encodings
public import WireBytes

/// Which quotes of SGX or TDX a policy takes.
///
/// JSON, absent members empty, absent `statuses` only `UpToDate`:
/// - `mrEnclaves`: 32-byte measurements, and `signers`: objects `{"isvProdId", "minimumIsvSvn", "mrSigner"}`;
///   an enclave must be one of the first or come from one of the second. For `sgx`.
/// - `mrTds`: 48-byte measurements, one of which the domain must have, and `rtmrs`: an object from
///   `"0"`…`"3"` to lists of 48-byte values, one of which each register named must have. For `tdx`.
/// - `statuses`: Intel's words; `Revoked` is none of them.
/// - `advisories`: those that may apply; any other refuses.
/// - `minimumEvaluationNumber`: the least tcbEvaluationDataNumber of TCB info and QE identity, against old
///   collateral that is still in its window.
/// - `serviceTds`: 48-byte measurements of service domains that may be bound.
/// - `debug`: true takes debug mode.
///
/// Where nothing is allowed, nothing is taken.
public struct IntelPolicy: Hashable, Sendable {
  /// Enclaves by whoever signed them.
  public struct Signer: Hashable, Sendable {
    public let mrSigner: Bytes32
    public let isvProdID: UInt16
    /// The least security version.
    public let isvSVNMin: UInt16

    public init(mrSigner: Bytes32, isvProdID: UInt16, isvSVNMin: UInt16) {
      self.mrSigner = mrSigner
      self.isvProdID = isvProdID
      self.isvSVNMin = isvSVNMin
    }
  }

  public let mrEnclaves: [Bytes32]
  public let signers: [Signer]
  public let mrTDs: [FixedBytes<48>]
  /// Values allowed of registers 0…3; a register without a list is not looked at.
  public let rtmrs: [Int: [FixedBytes<48>]]
  public let statuses: [TCBStatus]
  public let advisories: [String]
  public let evaluationNumberMin: UInt64
  public let serviceTDs: [FixedBytes<48>]
  public let debug: Bool

  public init(
    mrEnclaves: [Bytes32] = [], signers: [Signer] = [], mrTDs: [FixedBytes<48>] = [],
    rtmrs: [Int: [FixedBytes<48>]] = [:], statuses: [TCBStatus] = [.upToDate], advisories: [String] = [],
    evaluationNumberMin: UInt64 = 0, serviceTDs: [FixedBytes<48>] = [], debug: Bool = false
  ) {
    self.mrEnclaves = mrEnclaves
    self.signers = signers
    self.mrTDs = mrTDs
    self.rtmrs = rtmrs
    self.statuses = statuses
    self.advisories = advisories
    self.evaluationNumberMin = evaluationNumberMin
    self.serviceTDs = serviceTDs
    self.debug = debug
  }

  private static let known: Set<String> = [
    "advisories", "debug", "minimumEvaluationNumber", "mrEnclaves", "mrTds", "rtmrs", "serviceTds", "signers",
    "statuses",
  ]

  /// - Throws: ``AttestationPolicyError``.
  public init(json: JSONValue, path: String) throws(AttestationPolicyError) {
    typealias Read = PolicyMembers
    let object = try Read.object(json, path: path, known: Self.known)
    func list<let count: Int>(
      _ object: [String: JSONValue], _ name: String, _ path: String
    ) throws(AttestationPolicyError) -> [FixedBytes<count>] {
      guard object[name] != nil else { return [] }
      return try Read.hexList(object, name, path: path, lengths: count...count).map { bytes in
        FixedBytes<count> { bytes[$0] }
      }
    }
    mrEnclaves = try list(object, "mrEnclaves", path)
    var signers: [Signer] = []
    if object["signers"] != nil {
      for (index, element) in try Read.array(object, "signers", path: path).enumerated() {
        let here = Read.join(Read.join(path, "signers"), String(index))
        let signer = try Self.signer(element, here)
        guard !signers.contains(signer) else { throw .duplicate(path: here) }
        signers.append(signer)
      }
    }
    self.signers = signers
    mrTDs = try list(object, "mrTds", path)
    var rtmrs: [Int: [FixedBytes<48>]] = [:]
    if let registers = object["rtmrs"] {
      let here = Read.join(path, "rtmrs")
      let members = try Read.object(registers, path: here, known: ["0", "1", "2", "3"])
      for index in 0..<4 where members[String(index)] != nil {
        rtmrs[index] = try list(members, String(index), here)
      }
    }
    self.rtmrs = rtmrs
    statuses = object["statuses"] == nil ? [.upToDate] : try Read.words(object, "statuses", path: path)
    guard !statuses.contains(.revoked) else {
      throw .member(path: Read.join(path, "statuses"), wanted: .word)
    }
    advisories = object["advisories"] == nil ? [] : try Read.strings(object, "advisories", path: path)
    evaluationNumberMin =
      object["minimumEvaluationNumber"] == nil
      ? 0 : try Read.integer(object, "minimumEvaluationNumber", path: path, in: 0...UInt64(UInt32.max))
    serviceTDs = try list(object, "serviceTds", path)
    debug = try Read.flag(object, "debug", path: path)
  }

  private static func signer(_ json: JSONValue, _ path: String) throws(AttestationPolicyError) -> Signer {
    typealias Read = PolicyMembers
    let object = try Read.object(json, path: path, known: ["isvProdId", "minimumIsvSvn", "mrSigner"])
    let bytes = try Read.hex(object, "mrSigner", path: path, lengths: 32...32)
    return Signer(
      mrSigner: Bytes32 { bytes[$0] },
      isvProdID: try Read.integer(object, "isvProdId", path: path, in: 0...UInt16.max),
      isvSVNMin: try Read.integer(object, "minimumIsvSvn", path: path, in: 0...UInt16.max))
  }

  /// The members that say something; reading it gives this policy again.
  public var json: JSONValue {
    func list<let count: Int>(_ values: [FixedBytes<count>]) -> JSONValue {
      .array(values.map { .string($0.description) })
    }
    var members: [String: JSONValue] = [:]
    if !mrEnclaves.isEmpty { members["mrEnclaves"] = list(mrEnclaves) }
    if !signers.isEmpty {
      members["signers"] = .array(
        signers.map {
          [
            "mrSigner": .string($0.mrSigner.description), "isvProdId": .number(String($0.isvProdID)),
            "minimumIsvSvn": .number(String($0.isvSVNMin)),
          ]
        })
    }
    if !mrTDs.isEmpty { members["mrTds"] = list(mrTDs) }
    if !rtmrs.isEmpty {
      members["rtmrs"] = .object(
        Dictionary(uniqueKeysWithValues: rtmrs.map { (String($0.key), list($0.value)) }))
    }
    if statuses != [.upToDate] { members["statuses"] = .array(statuses.map { .string($0.rawValue) }) }
    if !advisories.isEmpty { members["advisories"] = .array(advisories.map { .string($0) }) }
    if evaluationNumberMin > 0 { members["minimumEvaluationNumber"] = .number(String(evaluationNumberMin)) }
    if !serviceTDs.isEmpty { members["serviceTds"] = list(serviceTDs) }
    if debug { members["debug"] = true }
    return .object(members)
  }

  /// Decides about a quote that is Intel's.
  ///
  /// - Throws: ``IntelRefusal`` `.policy`, whose case names the field.
  public func check(_ findings: IntelFindings) throws(IntelRefusal) {
    switch findings.quote.body {
    case .enclave(let report): try checkEnclave(report)
    case .trustDomain(let report): try checkTrustDomain(report)
    }
    guard statuses.contains(findings.status), findings.status != .revoked else {
      throw .policy(.status(findings.status))
    }
    // These statuses of the quoting enclave leave the platform's as it is; they must be allowed all the same.
    let own = findings.quotingEnclave.status
    if own == .configurationNeeded || own == .outOfDateConfigurationNeeded, !statuses.contains(own) {
      throw .policy(.quotingEnclaveStatus(own))
    }
    for advisory in findings.advisories where !advisories.contains(advisory) {
      throw .policy(.advisory(advisory))
    }
    let numbers: [(IntelDocument, UInt64)] = [
      (.tcbInfo, findings.tcbInfoEvaluationNumber),
      (.quotingEnclaveIdentity, findings.quotingEnclaveEvaluationNumber),
    ]
    for (document, number) in numbers where number < evaluationNumberMin {
      throw .policy(.evaluationNumber(document, least: evaluationNumberMin, actual: number))
    }
  }

  private func checkEnclave(_ report: SGXReport) throws(IntelRefusal) {
    guard !mrEnclaves.contains(report.mrEnclave) else { return }
    let own = signers.filter { $0.mrSigner == report.mrSigner && $0.isvProdID == report.isvProdID }
    guard own.contains(where: { report.isvSVN >= $0.isvSVNMin }) else {
      throw .policy(
        .enclave(
          mrEnclave: report.mrEnclave, mrSigner: report.mrSigner, isvProdID: report.isvProdID,
          isvSVN: report.isvSVN, isvSVNMin: own.map(\.isvSVNMin).min()))
    }
  }

  private func checkTrustDomain(_ report: TDReport) throws(IntelRefusal) {
    guard mrTDs.contains(report.mrTD) else { throw .policy(.mrTD(report.mrTD)) }
    for (index, value) in report.rtmrs.enumerated() {
      guard let allowed = rtmrs[index] else { continue }
      guard allowed.contains(value) else { throw .policy(.rtmr(index: index, value)) }
    }
  }
}
