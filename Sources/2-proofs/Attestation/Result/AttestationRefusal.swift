/// Why evidence was refused. Numbers say how far out a field is; text is made at the edge.
public enum AttestationRefusal: Error, Hashable, Sendable {
  /// The policy does not name the platform.
  case platformNotNamed(AttestationPlatform)
  /// Simulated evidence under a policy for production.
  case simulatedInProduction
  case nitro(NitroRefusal)
  case intel(IntelRefusal)
  case sevSNP(SEVSNPRefusal)
  case tpm(TPMRefusal)
  case azure(AzureRefusal)
  case token(TokenRefusal)
  case simulated(SimulatedRefusal)
  /// The statement is of a time that has not come, beyond what clocks may differ.
  case issuedInFuture(secondsAhead: Int64, allowed: Int64)
  /// The statement is older than the policy allows.
  case tooOld(ageSeconds: Int64, maximum: Int64)
  /// The policy asks for an age, which this platform's statements do not tell, and for no nonce or report data.
  case ageUnknown(maximum: Int64)
  /// What the holder bound is not what the policy asks for.
  case reportData(wanted: [UInt8], found: [UInt8])
  /// The challenge is another one, or absent.
  case nonce(wanted: [UInt8], found: [UInt8]?)
  /// Something that the result rests on has ended.
  case expired(AttestationLimit, secondsLate: Int64)
}

extension AttestationRefusal {
  /// The names of the cases, outermost first, joined by dots: `nitro.chain.expired`. Stable, for records and programs.
  public var name: String {
    var names: [String] = []
    var value: any Error = self
    while true {
      // An enum with a payload reflects as one child, labelled with its case; without one its description is the case.
      guard let child = Mirror(reflecting: value).children.first, let label = child.label else {
        names.append(String(describing: value))
        break
      }
      names.append(label)
      if let inner = child.value as? any Error {
        value = inner
        continue
      }
      let parts = Mirror(reflecting: child.value).children.compactMap { $0.value as? any Error }
      guard let inner = parts.last else { break }
      value = inner
    }
    return names.joined(separator: ".")
  }

  /// Whether authentic collateral in force says that this evidence is not good any more. False for evidence or collateral
  /// that is malformed, absent, expired or wrongly signed: anybody can hand that in against somebody else.
  public var isAboutStanding: Bool {
    switch self {
    case .nitro(let refusal): refusal.isAboutStanding
    case .intel(let refusal): refusal.isAboutStanding
    case .sevSNP(let refusal): refusal.isAboutStanding
    case .azure(.sevSNP(let refusal)): refusal.isAboutStanding
    case .azure(.tdx(let refusal)): refusal.isAboutStanding
    case .azure, .tpm, .token, .platformNotNamed, .simulatedInProduction, .simulated, .issuedInFuture, .tooOld,
      .ageUnknown, .reportData, .nonce, .expired:
      false
    }
  }
}

extension IntelRefusal {
  /// Intel's lists and TCB documents, each authentic and in its window when one of these is reached, put the platform or
  /// its quoting enclave out, or at a level that the policy does not allow. A document that is merely older than the policy
  /// asks for (`evaluationNumber`) is its bringer's choice.
  public var isAboutStanding: Bool {
    switch self {
    case .rootRevoked, .noLevel, .revoked, .module(_, .isvSVN), .quotingEnclave(.isvSVN), .policy(.status),
      .policy(.quotingEnclaveStatus), .policy(.advisory):
      true
    case .revocation(_, let error): error.isAboutStanding
    case .collateral, .list, .rootList, .noRoot, .quote, .enclaveVersion, .document, .notYetIssued, .outdated,
      .certificate, .issuer, .chain, .chainLength, .documentSignature, .documentKind, .certificationType,
      .pckExtension, .quotingEnclaveSignature, .authenticationSize, .quotingEnclaveBinding, .quotingEnclave,
      .quoteSignature, .fmspc, .pceID, .module, .levelStatus, .attribute, .policy:
      false
    }
  }
}

extension X509RevocationError {
  /// Whether an authentic list in force names a certificate of the chain.
  public var isAboutStanding: Bool {
    switch self {
    case .revoked: true
    case .noList, .issuerUsage, .signature, .notYetValid, .expired: false
    }
  }
}

extension NitroRefusal {
  /// Only a list of AWS's authorities can say that a document is not good any more.
  public var isAboutStanding: Bool {
    switch self {
    case .revocation(let error): error.isAboutStanding
    case .cose, .algorithm, .unprotectedHeader, .signatureLength, .payload, .notMap, .unknownField, .missing,
      .type,
      .length, .digestName, .pcrIndex, .pcrLength, .pcrAbsent, .certificate, .chain, .leafKey, .signature,
      .timestampBeforeCertificate, .timestampAfterCertificate, .debug, .measurements, .collateral,
      .collateralCertificates, .revocationList:
      false
    }
  }
}

extension SEVSNPRefusal {
  /// Only a list of AMD's root can say that a report is not good any more.
  public var isAboutStanding: Bool {
    switch self {
    case .revocation(let error): error.isAboutStanding
    case .size, .version, .notZero, .signatureAlgorithm, .signatureWidth, .policyReserved, .keyInformation,
      .debug,
      .migrationAgent, .multithreading, .sockets, .vmpl, .abi, .guestSVN, .chipKeyMasked, .signingKey,
      .endorsementNotAllowed, .noEndorsement, .collateral, .certificate, .revocationList, .issuer, .noIssuer,
      .chain, .endorsementKey, .extensionMissing, .extensionValue, .endorsementKind, .productName, .signature,
      .product, .tcbReserved, .tcbDiffers, .tcbOrder, .tcbTooOld, .chipID, .chipMasked, .chipNotAllowed,
      .productNotAllowed, .measurements:
      false
    }
  }
}
