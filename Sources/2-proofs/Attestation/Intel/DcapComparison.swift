/// Verdicts in the terms of dcap-qvl 0.7.0, the library that recorded the outside corpus, so that both can be
/// compared.
///
/// Nothing is verified with this: it reads as dcap-qvl does (``IntelStrictness/asDcapQVL``), asks for no
/// policy, and names refusals by the words that dcap-qvl has for them.
public enum DcapComparison {
  public enum Answer: Hashable, Sendable {
    /// Intel's word for the platform, and the advisories in order.
    case accepted(status: String, advisories: [String])
    case refused(IntelRefusal)
  }

  /// Verifies a quote with a collateral document at a time, UNIX seconds.
  ///
  /// - Parameter root: Intel's unless given.
  public static func run(
    quote: [UInt8], collateral: [UInt8], at time: Int64, root: X509Certificate? = nil
  ) -> Answer {
    do throws(IntelRefusal) {
      let document: IntelCollateral
      do {
        document = try IntelCollateral(decoding: collateral, unknownMembers: .ignored)
      } catch { throw .collateral(error) }
      guard let root = root ?? IntelRoots.certificate else { throw .noRoot }
      let findings = try IntelVerification.verify(
        quote.span, collateral: document, at: time, root: root,
        admission: IntelAdmission(strictness: .asDcapQVL))
      return .accepted(status: findings.status.rawValue, advisories: findings.advisories)
    } catch {
      return .refused(error)
    }
  }

  /// Whether dcap-qvl's `error` is what it says where we say `refusal`.
  ///
  /// - Parameter error: with or without "Verification failed: " or "REJECT " before it, whole or cut off.
  public static func agrees(_ refusal: IntelRefusal, with error: String) -> Bool {
    let text = normal(error)
    guard text.utf8.count >= 8 else { return false }
    return refusal.dcapWords.map(normal).contains { text.hasPrefix($0) || $0.hasPrefix(text) }
  }

  /// One line: the prefixes, "Caused by:" and the numbers of causes left out, white space as single spaces.
  static func normal(_ text: String) -> String {
    var words = text.split(whereSeparator: \.isWhitespace)
    if words.first == "REJECT" { words.removeFirst() }
    if words.starts(with: ["Verification", "failed:"]) { words.removeFirst(2) }
    var kept: [Substring] = []
    var isCause = false
    for word in words {
      if word == "Caused" || isCause && word == "by:" {
        isCause = true
        continue
      }
      // Causes are numbered when there are several.
      if isCause, word.last == ":", word.dropLast().allSatisfy(\.isNumber) { continue }
      kept.append(word)
    }
    return kept.joined(separator: " ")
  }
}

extension IntelRefusal {
  /// What dcap-qvl 0.7.0 says at this point: its error begins with one of these. Empty where it accepts.
  var dcapWords: [String] {
    switch self {
    case .collateral(.signatureSize(let member, _)):
      [
        member == "tcb_info_signature"
          ? "Signature is invalid for tcb_info in quote_collateral"
          : "Signature is invalid for qe_identity in quote_collateral"
      ]
    case .collateral: ["Failed to parse JSON"]
    case .list(.root, _): ["Failed to parse root CA CRL"]
    case .list(.pck, _): ["Failed to parse PCK CRL"]
    case .rootList(.expired): ["CrlExpired"]
    case .rootList: ["Failed to parse root CA CRL"]
    case .rootRevoked: ["CertRevoked"]
    case .noRoot: ["Failed to load root ca"]
    case .quote(let error): error.dcapWords
    case .enclaveVersion: ["SGX TEE quote must have version 3"]
    case .document(.tcbInfo, let error):
      switch error {
      case .count:
        ["SGX component count mismatch", "TDX component count mismatch", "Failed to decode TcbInfo"]
      default:
        [
          "Failed to decode TcbInfo", "Failed to parse TCB Info", "Failed to decode TCB FMSPC",
          "Fmspc mismatch",
          "Invalid TCB level tcbDate", "TDX module identity check", "TDX component count mismatch",
        ]
      }
    case .document(.quotingEnclaveIdentity, _):
      ["Failed to decode QeIdentity", "Failed to parse QE Identity"]
    case .notYetIssued(.tcbInfo, _): ["TCBInfo issue date is in the future"]
    case .notYetIssued(.quotingEnclaveIdentity, _): ["QE Identity issue date is in the future"]
    case .outdated(.tcbInfo, _): ["TCBInfo expired"]
    case .outdated(.quotingEnclaveIdentity, _): ["QE Identity expired"]
    // Where the borders of a block are broken, dcap-qvl passes over the block and fails with the next
    // certificate.
    case .certificate(.pck, nil, _):
      ["Failed to extract PCK certificates", "Certificate chain is too short in quote", Self.chainWords]
    case .certificate(let chain, nil, _):
      [
        "Failed to parse certs",
        "Certificate chain is too short for \(chain == .tcbInfo ? "TCB Info" : "QE Identity")",
      ]
    case .certificate(let chain, 0, _):
      [
        chain == .pck
          ? "Failed to parse PCK certificate"
          : "Failed to parse \(chain == .tcbInfo ? "TCB Info" : "QE Identity") leaf certificate",
        Self.chainWords,
      ]
    case .certificate: [Self.chainWords]
    case .issuer: ["\(Self.chainWords) UnknownIssuer"]
    case .chain(_, let error): [Self.chainWords + error.dcapCause]
    case .chainLength: []
    case .revocation(_, let error): [Self.chainWords + error.dcapCause]
    case .documentSignature(.tcbInfo): ["Signature is invalid for tcb_info in quote_collateral"]
    case .documentSignature(.quotingEnclaveIdentity):
      ["Signature is invalid for qe_identity in quote_collateral"]
    case .documentKind(.quotingEnclaveIdentity, _, _, _): ["Unsupported QE Identity id/version"]
    case .documentKind(.tcbInfo, _, _, .tdx): ["TDX quote with non-TDX TCB info in the collateral"]
    case .documentKind(.tcbInfo, _, _, .sgx): ["SGX quote with non-SGX TCB info in the collateral"]
    case .certificationType(let type): ["Unsupported DCAP PCK cert format: \(type)"]
    case .pckExtension(.absent): ["Intel extension not found"]
    case .pckExtension:
      [
        "Fmspc length mismatch", "CpuSvn length mismatch", "PceSvn length mismatch",
        "Failed to get subobject",
        "Failed to find", "Failed to decode", "Failed to load",
      ]
    case .quotingEnclaveSignature: ["Signature is invalid for qe_report in quote"]
    case .authenticationSize: ["Invalid QE auth data length"]
    case .quotingEnclaveBinding: ["QE report hash mismatch"]
    case .quotingEnclave(let mismatch): [mismatch.dcapWords]
    case .quoteSignature: ["ISV enclave report signature is invalid"]
    case .fmspc: ["Fmspc mismatch"]
    case .pceID: []
    case .noLevel(let evaluation, _, _, _): [evaluation.dcapWords + "No matching TCB level found"]
    case .module(let evaluation, .version), .module(let evaluation, .isvSVN):
      [evaluation.dcapWords + "TDX module TCB level check"]
    case .module: ["TDX module identity check"]
    case .levelStatus:
      ["Unrecognized TCB status", "TDX module TCB level check Unrecognized TCB status"]
    case .revoked: ["TCB status is invalid: Revoked"]
    case .attribute(let attribute): [attribute.dcapWords]
    case .policy: []
    }
  }

  private static let chainWords = "Failed to verify certificate chain"
}

extension IntelQuoteError {
  fileprivate var dcapWords: [String] {
    switch self {
    case .attestationKeyType: ["Unsupported DCAP attestation key type"]
    case .vendor: ["Unknown QE vendor ID"]
    case .tee, .bodyType:
      [
        "Failed to decode quote", "Unsupported TEE type", "SGX TEE quote must have version 3",
        "TDX TEE quote must have version 4 or 5", "Failed to get TD10 report",
      ]
    case .outerCertification, .trailingBytes: []
    case .size, .truncated, .version, .bodySize: ["Failed to decode quote"]
    }
  }
}

extension X509ChainError {
  fileprivate var dcapCause: String {
    switch self {
    case .notYetValid: " CertNotValidYet"
    case .expired: " CertExpired"
    case .names, .root, .length, .repeated: " UnknownIssuer"
    case .notAuthority: " EndEntityUsedAsCa"
    case .leafIsAuthority: " CaUsedAsEndEntity"
    case .pathLength: " PathLenConstraintViolated"
    case .signature(_, .ecdsa): " InvalidSignatureForPublicKey"
    case .purpose: " RequiredEkuNotFound"
    case .unknownCriticalExtension: " UnsupportedCriticalExtension"
    // webpki does not look at keyUsage of certificates, and has several names for algorithms that do not fit.
    case .usage, .signature: ""
    }
  }
}

extension X509RevocationError {
  fileprivate var dcapCause: String {
    switch self {
    case .noList: " UnknownRevocationStatus"
    case .issuerUsage: " IssuerNotCrlSigner"
    case .signature: " InvalidCrlSignatureForPublicKey"
    case .notYetValid: ""
    case .expired: " CrlExpired"
    case .revoked: " CertRevoked"
    }
  }
}

extension QuotingEnclaveMismatch {
  fileprivate var dcapWords: String {
    switch self {
    case .mrSigner: "QE MRSIGNER mismatch"
    case .debug: "QE report validation failed"
    case .isvProdID: "QE ISVPRODID mismatch"
    case .miscSelect: "QE MISCSELECT mismatch"
    case .attributes(let index, _, _): "QE ATTRIBUTES mismatch at byte \(index)"
    case .isvSVN(_, let actual): "QE ISVSVN \(actual) is below minimum required"
    case .noLevels: "No TCB levels found in QE Identity"
    }
  }
}

extension IntelEvaluation {
  fileprivate var dcapWords: String {
    switch self {
    case .launch: ""
    case .current: "Failed to evaluate the current TDX TCB (TEE_TCB_SVN2) "
    }
  }
}

extension IntelAttribute {
  fileprivate var dcapWords: String {
    switch self {
    case .debug: "Debug mode is enabled"
    case .profiling: "TD profiling is enabled"
    case .reserved: "Reserved bits in TD attributes are set"
    case .serviceExtensions: "SERVTD_EXT is enabled"
    case .migratable: "TD migration is enabled"
    case .violationExceptions: "SEPT_VE_DISABLE is not enabled"
    case .serviceTD: "Invalid MR service TD"
    }
  }
}
