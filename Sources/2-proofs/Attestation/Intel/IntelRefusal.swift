public import WireBytes

/// A dated document of Intel's.
public enum IntelDocument: String, Hashable, Sendable {
  case tcbInfo, quotingEnclaveIdentity
}

/// A list of revoked certificates.
public enum IntelList: String, Hashable, Sendable {
  case root, pck
}

/// A chain of certificates.
public enum IntelChain: String, Hashable, Sendable {
  /// Of the key that signed TCB info.
  case tcbInfo
  /// Of the key that signed the quoting enclave's identity.
  case quotingEnclaveIdentity
  /// Of the processor's key.
  case pck
}

/// Which versions of a trust domain's platform are looked at.
public enum IntelEvaluation: String, Hashable, Sendable {
  /// Those at launch, or those of an enclave.
  case launch
  /// Those now (TEE_TCB_SVN2).
  case current
}

/// A field of a quoting enclave's report that is not as its identity says.
public enum QuotingEnclaveMismatch: Hashable, Sendable {
  case mrSigner(expected: Bytes32, actual: Bytes32)
  case debug
  case isvProdID(expected: UInt16, actual: UInt16)
  /// After the mask.
  case miscSelect(expected: UInt32, actual: UInt32)
  /// After the mask, of the byte at `index`.
  case attributes(index: Int, expected: UInt8, actual: UInt8)
  /// Below the lowest level.
  case isvSVN(least: UInt16, actual: UInt16)
  /// The identity has no levels.
  case noLevels
}

/// What is wrong with the TDX module.
public enum TDXModuleRefusal: Hashable, Sendable {
  /// TCB info says nothing about the module.
  case absent
  /// TCB info does not know this major version.
  case version(UInt8)
  /// Below the lowest level of its version; nil when there are no levels.
  case isvSVN(least: UInt16?, actual: UInt8)
  case mrSigner(expected: FixedBytes<48>, actual: FixedBytes<48>)
  /// After the mask, of the byte at `index`.
  case attributes(index: Int, expected: UInt8, actual: UInt8)
  /// Bits outside of the mask are set.
  case unmaskedAttributes(index: Int, actual: UInt8)
}

/// An attribute of the workload that is not accepted.
public enum IntelAttribute: Hashable, Sendable {
  case debug
  case profiling
  case reserved(bits: UInt64)
  case serviceExtensions
  case migratable
  /// SEPT_VE_DISABLE is off.
  case violationExceptions
  case serviceTD(FixedBytes<48>)
}

/// What the policy does not accept.
public enum IntelPolicyRefusal: Hashable, Sendable {
  /// Neither the enclave nor its signer is allowed. `isvSVNMin` is that of the signer and product, when only
  /// it is at fault.
  case enclave(mrEnclave: Bytes32, mrSigner: Bytes32, isvProdID: UInt16, isvSVN: UInt16, isvSVNMin: UInt16?)
  case mrTD(FixedBytes<48>)
  case rtmr(index: Int, FixedBytes<48>)
  /// The policy is for the other kind of enclave.
  case tee(IntelTEE)
  case status(TCBStatus)
  /// The quoting enclave's own status.
  case quotingEnclaveStatus(TCBStatus)
  case advisory(String)
  case evaluationNumber(IntelDocument, least: UInt64, actual: UInt64)
}

/// Why a quote with its collateral was refused: which field, and how far out.
public enum IntelRefusal: Error, Hashable, Sendable {
  case collateral(IntelCollateralError)
  case list(IntelList, RevocationListError)
  /// The root's list is not the root's, or does not count now.
  case rootList(X509RevocationError)
  case rootRevoked(at: Int64)
  /// No certificate with a pinned fingerprint was found.
  case noRoot
  case quote(IntelQuoteError)
  /// An SGX body in a quote of version 4 or 5, where that is not admitted.
  case enclaveVersion(UInt16)
  case document(IntelDocument, IntelDocumentError)
  case notYetIssued(IntelDocument, secondsEarly: Int64)
  /// nextUpdate is over: newer collateral must be fetched.
  case outdated(IntelDocument, secondsLate: Int64)
  /// The text of the chain, or a certificate of it, cannot be read; nil when it is the text.
  case certificate(IntelChain, index: Int?, X509Error)
  /// No certificate for the issuer of the one at `index`.
  case issuer(IntelChain, index: Int)
  case chain(IntelChain, X509ChainError)
  /// More or fewer certificates than Intel's chains have.
  case chainLength(IntelChain, expected: Int, actual: Int)
  case revocation(IntelChain, X509RevocationError)
  case documentSignature(IntelDocument)
  /// Not the document that this kind of quote needs.
  case documentKind(IntelDocument, id: String, version: UInt64, for: IntelTEE)
  /// Type 1, 2 or 3 carries no certificate: the PCK must come with the collateral. Others are not known.
  case certificationType(UInt16)
  case pckExtension(PCKExtensionError)
  /// The PCK's key is not of P-256, or did not sign the quoting enclave's report.
  case quotingEnclaveSignature
  /// Authentication of another length than 32 bytes.
  case authenticationSize(Int)
  /// The report data are not SHA-256 of attestation key and authentication, and 32 zero bytes.
  case quotingEnclaveBinding
  case quotingEnclave(QuotingEnclaveMismatch)
  /// The attestation key did not sign header and body.
  case quoteSignature
  case fmspc(quoted: FixedBytes<6>, collateral: FixedBytes<6>)
  case pceID(quoted: FixedBytes<2>, collateral: FixedBytes<2>)
  /// The platform is below every level. The numbers are those of the lowest level, whose `component` (0…15
  /// SGX, 16 provisioning enclave, 17…32 TDX) is `least`; nil when there are no levels.
  case noLevel(IntelEvaluation, component: Int?, least: UInt16, actual: UInt16)
  case module(IntelEvaluation, TDXModuleRefusal)
  /// The level that fits has a status that such a level cannot have.
  case levelStatus(String, TCBStatus)
  case revoked
  case attribute(IntelAttribute)
  case policy(IntelPolicyRefusal)

  /// How many days collateral or a certificate is out of its window, started ones counted; nil when that is
  /// not at fault.
  public var daysOut: Int64? {
    let seconds: Int64? =
      switch self {
      case .notYetIssued(_, let seconds), .outdated(_, let seconds): seconds
      case .rootList(let error), .revocation(_, let error):
        switch error {
        case .notYetValid(_, let seconds), .expired(_, let seconds): seconds
        case .noList, .issuerUsage, .signature, .revoked: nil
        }
      case .chain(_, let error):
        switch error {
        case .notYetValid(_, let seconds), .expired(_, let seconds): seconds
        default: nil
        }
      default: nil
      }
    return seconds.map { $0 / 86_400 + ($0 % 86_400 == 0 ? 0 : 1) }
  }
}
