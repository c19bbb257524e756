import Attestation
import WireBytes

/// Attestation in words: which field, how far out, whom one trusts.
enum AttestationText {
  static func bytes(_ value: [UInt8]) -> String { value.isEmpty ? "none" : Hex.encode(value) }

  /// A UNIX time as RFC 3339 text.
  static func date(_ seconds: Int64) -> String {
    guard (0..<253_402_300_800).contains(seconds) else { return "\(seconds)" }
    // Days to a date of the Gregorian calendar, counted from 0000-03-01 (H. Hinnant, civil_from_days).
    let days = seconds / 86400 + 719_468
    let era = days / 146_097
    let dayOfEra = days - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shifted + 2) / 5 + 1
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let rest = seconds % 86400
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(year)-\(two(month))-\(two(day))T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
  }

  /// Seconds as people count them.
  static func span(_ seconds: Int64) -> String {
    switch seconds {
    case ..<120: "\(seconds) s"
    case ..<7200: "\(seconds / 60) min"
    case ..<172_800: "\(seconds / 3600) h"
    default: "\(seconds / 86400) days"
    }
  }

  /// The case of an error, with the cases inside of it: `tpm.chain.expired`.
  static func code(_ error: some Error) -> String {
    var names: [String] = []
    var value: Any = error
    while names.count < 4 {
      let mirror = Mirror(reflecting: value)
      guard mirror.displayStyle == .enum else { break }
      guard let child = mirror.children.first else {
        names.append("\(value)")
        break
      }
      names.append(child.label ?? "")
      let inner = Mirror(reflecting: child.value)
      // A payload of several values has the cause among them, if there is one.
      let parts = inner.displayStyle == .tuple ? inner.children.map(\.value) : [child.value]
      guard let next = parts.first(where: { $0 is any Error }) else { break }
      value = next
    }
    return names.joined(separator: ".")
  }

  static func policy(_ error: AttestationPolicyError) -> String {
    "the policy is not one: \(CaseText.of(error))"
  }

  /// The step at which evidence was refused.
  static func step(_ refusal: AttestationRefusal) -> String {
    switch refusal {
    case .platformNotNamed, .simulatedInProduction: "platform"
    case .issuedInFuture, .tooOld, .ageUnknown: "age"
    case .reportData: "report data"
    case .nonce: "nonce"
    case .expired: "expiry"
    case .nitro, .intel, .sevSNP, .tpm, .azure, .token, .simulated: "statement"
    }
  }

  static func text(_ refusal: AttestationRefusal) -> String {
    switch refusal {
    case .platformNotNamed(let platform): "the policy takes no evidence of \(platform.rawValue)"
    case .simulatedInProduction: "simulated evidence under a policy for production"
    case .issuedInFuture(let ahead, let allowed):
      "it says that it was made \(span(ahead)) from now; \(allowed) s are allowed"
    case .tooOld(let age, let maximum): "it is \(span(age)) old; the policy allows \(span(maximum))"
    case .ageUnknown(let maximum):
      "its age is unknown, and the policy allows \(span(maximum)): ask for a nonce or report data"
    case .reportData(let wanted, let found):
      "what the holder bound is \(bytes(found)), not \(bytes(wanted))"
    case .nonce(let wanted, let found):
      "the challenge that is answered is \(found.map { bytes($0) } ?? "none"), not \(bytes(wanted))"
    case .expired(let limit, let late): "\(limit.what) ended \(span(late)) before, at \(date(limit.until))"
    case .nitro(.debug): "it ran in debug mode: PCR0 to PCR2 are zero, and nothing in it was secret"
    case .nitro(.chain(let error)), .sevSNP(.chain(let error)), .tpm(.chain(let error)),
      .token(.chain(let error)),
      .azure(.sevSNP(.chain(let error))):
      chain(error)
    case .intel(let error), .azure(.tdx(let error)): intel(error)
    case .nitro(let error): CaseText.of(error)
    case .sevSNP(let error), .azure(.sevSNP(let error)): CaseText.of(error)
    case .tpm(let error), .azure(.quote(let error)): tpm(error)
    case .azure(let error): CaseText.of(error)
    case .token(.expired(let late)): "the token expired \(span(late)) before"
    case .token(.notYetValid(let early)): "the token is not valid for another \(span(early))"
    case .token(.status(let module, let status)): "the verifier found \(module) \(status.name), not affirming"
    case .token(let error): CaseText.of(error)
    case .simulated(let error): CaseText.of(error)
    }
  }

  private static func chain(_ error: X509ChainError) -> String {
    switch error {
    case .expired(let index, let late):
      "certificate \(index), counted from the leaf, expired \(span(late)) before: an archived statement is judged at its own time"
    case .notYetValid(let index, let early):
      "certificate \(index), counted from the leaf, is not valid for another \(span(early))"
    case .root(let fingerprint): "the chain ends in \(fingerprint), which is no root of this vendor"
    default: "certificates: \(CaseText.of(error))"
    }
  }

  private static func intel(_ error: IntelRefusal) -> String {
    switch error {
    case .chain(_, let inner): chain(inner)
    case .outdated(let document, let late):
      "the collateral's \(document.rawValue) ended \(span(late)) before: fetch it anew"
    case .notYetIssued(let document, let early):
      "the collateral's \(document.rawValue) is from \(span(early)) later"
    case .attribute(.debug): "it ran in debug mode, where the host reads everything"
    default: CaseText.of(error)
    }
  }

  private static func tpm(_ error: TPMRefusal) -> String {
    switch error {
    case .keyAttributes(let missing, _) where missing.contains(.restricted):
      "the key is not restricted: it signs a forged quote as willingly as a true one"
    case .keyAttributes:
      "the key may leave its TPM, was not made there, or decrypts as well: it vouches for nothing"
    case .selection(let expected, let actual): "PCRs \(actual) are quoted, and \(expected) were asked for"
    case .bank(_, let actual): "the bank \(TPM2.Hash(rawValue: actual)?.name ?? "\(actual)") is not accepted"
    case .pcrDigest: "the values do not hash to what was signed"
    case .keyUnknown(let name): "the key \(bytes(name)) is not one that the policy knows"
    case .launch(let index, let program, let policy):
      "launch \(index) was of program \(bytes(program)) under policy \(bytes(policy)), which is not allowed"
    case .launchReplay(let index, let expected, let actual):
      "the launches lead to \(bytes(expected)), and PCR \(index) is \(bytes(actual))"
    case .chain(let inner): chain(inner)
    default: CaseText.of(error)
    }
  }

  static func note(_ reason: AttestationReason) -> String {
    switch reason {
    case .revocationNotChecked(let index):
      "no revocation list was at hand for certificate \(index), counted from the leaf"
    case .ageUnknown: "the platform states no time: only a nonce or report data shows freshness"
    case .debugAllowed: "debug mode, which the policy allows"
    case .chipMasked: "the chip left its identity out"
    case .status(let component, let status): "\(component): \(status)"
    case .simulated: "simulated: it vouches for nothing"
    case .field(let name, let value): "\(name) \(value)"
    }
  }

  /// Whom one trusts by believing evidence of a kind.
  static func assumptions(
    _ kind: AttestationKind, _ evidence: AttestationEvidence
  ) -> [VerificationReport.StatedAssumption] {
    typealias Assumption = VerificationReport.StatedAssumption
    let intelFresh = Assumption(
      code: "collateral",
      text:
        "Intel had nothing newer to say of this processor than the collateral given: what it found since is not in it"
    )
    let amdFresh = Assumption(
      code: "revocation", text: "AMD has not revoked the signing keys, unless a revocation list was given")
    switch kind {
    case .nitro:
      return [
        Assumption(
          code: "vendor", text: "AWS: its root signs for real enclaves only, and its hypervisor isolates them"
        )
      ]
    case .sgx:
      return [
        Assumption(
          code: "vendor", text: "Intel: its root signs for real processors only, and SGX isolates enclaves"),
        intelFresh,
      ]
    case .tdx:
      return [
        Assumption(
          code: "vendor", text: "Intel: its root signs for real processors only, and TDX isolates domains"),
        intelFresh,
      ]
    case .snp:
      return [
        Assumption(
          code: "vendor", text: "AMD: its root signs for real processors only, and SEV-SNP isolates guests"),
        amdFresh,
      ]
    case .tpm:
      return [
        Assumption(
          code: "vendor",
          text: "the maker of the TPM, and whoever said that this key is one of its: a policy names it"),
        Assumption(
          code: "host",
          text:
            "the firmware and the system that extend the PCRs: a TPM tells what it was told, and isolates nothing"
        ),
      ]
    case .azure:
      return [
        Assumption(
          code: "vendor",
          text: "the processor's vendor, and Microsoft for the paravisor that keeps the vTPM's key"),
        (try? AzureStatement(decoding: evidence.statement.span))?.tdQuote.isEmpty == false
          ? intelFresh : amdFresh,
      ]
    case .ear:
      return [
        Assumption(
          code: "verifier", text: "the verifier that signed: its roots, its collateral and its policy"),
        Assumption(
          code: "holder",
          text:
            "whoever shows the token is the machine it speaks of: a stolen one looks the same without a key to prove"
        ),
      ]
    }
  }
}
