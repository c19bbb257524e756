public import Encodings
import Gate
import LightClients
import SignatureSchemes
import WireBytes

/// Verifies CometBFT headers offline: from a light block the caller trusts to later ones.
///
/// Input, one of:
/// - `{trusted, untrusted, options}`: light blocks `{signed_header, validator_set, next_validator_set}`; the trusted one
///   needs its next set (or, for a header that follows it directly, only that the untrusted one has it), options
///   `{trusting_period, trust_level?, max_clock_drift?, now?, block_protocol?}`;
/// - `{initial, input}`: the model-based form, where `initial` has the trusted header, its next set, `trusting_period`
///   and `now`, and `input` is a list of `{block, now}` to verify one after the other;
/// - `{signed_header, validators}`: only that this set, for which the caller vouches, decided the header.
public enum CometBFTVerification {
  /// The report's kind.
  public static let kind = "cometbft"

  /// - Parameter at: Unix time in seconds to judge by, instead of the file's `now`.
  public static func verify(
    _ input: JSONValue, at unixTime: UInt64? = nil
  ) throws(InputError) -> VerificationReport {
    let now: CometBFT.Timestamp?
    if let unixTime {
      guard let seconds = Int64(exactly: unixTime), let time = try? CometBFT.Timestamp(seconds: seconds)
      else {
        throw .member(path: "--at", wanted: "a time before the year 10000")
      }
      now = time
    } else {
      now = nil
    }
    if input["initial"] != nil, input["input"] != nil { return try verifySteps(input, now) }
    if input["trusted"] != nil, input["untrusted"] != nil { return try verifyPair(input, now) }
    if input["signed_header"] != nil { return try verifyCommitOnly(input) }
    if let result = input["result"], result["signed_header"] != nil { return try verifyCommitOnly(result) }
    throw .form(
      wanted: "{trusted, untrusted, options}, {initial, input}, or {signed_header, validators}")
  }

  private static func verifyPair(
    _ input: JSONValue, _ at: CometBFT.Timestamp?
  ) throws(InputError) -> VerificationReport {
    let options = try input.options()
    let block = try CometBFTJSON.lightBlock(input["untrusted"] ?? .null, at: "untrusted")
    let trusted = input["trusted"] ?? .null
    let trustedHeader = try CometBFTJSON.signedHeader(
      trusted["signed_header"] ?? .null, at: "trusted.signed_header"
    ).header
    let stated = trusted["next_validator_set"] ?? trusted["next_validators"]
    // The set of a direct successor is the trusted one's next set; its hash is checked either way.
    let next =
      if let stated, !stated.isNull {
        try CometBFTJSON.validatorSet(stated, at: "trusted.next_validator_set")
      } else { block.validators }
    var report = VerificationReport(kind: kind)
    describe(trusted: trustedHeader, &report)
    let fileNow = try input.member("options.now").map { value throws(InputError) in
      try CometBFTJSON.time(value, at: "options.now")
    }
    guard let now = at ?? fileNow else {
      report.leaveUndecided("clock", code: "noTime", "no time was given to judge the trusting period by")
      return report
    }
    _ = judge(
      block, trusted: CometBFT.TrustedState(vouched: trustedHeader), validators: next, options: options,
      now: now, &report)
    return report
  }

  private static func verifySteps(
    _ input: JSONValue, _ at: CometBFT.Timestamp?
  ) throws(InputError) -> VerificationReport {
    let initial = input["initial"] ?? .null
    let header = try CometBFTJSON.signedHeader(
      initial["signed_header"] ?? .null, at: "initial.signed_header"
    ).header
    var validators = try CometBFTJSON.validatorSet(
      initial["next_validator_set"] ?? .null, at: "initial.next_validator_set")
    let options = CometBFT.ClientOptions(
      trustingPeriod: try CometBFTJSON.duration(
        initial["trusting_period"] ?? .null, at: "initial.trusting_period"),
      // The drift that the model allows.
      clockDriftMax: .seconds(1), blockProtocol: nil)
    var report = VerificationReport(kind: kind)
    describe(trusted: header, &report)
    var trusted = CometBFT.TrustedState(vouched: header)
    for (index, step) in try input.array("input").enumerated() {
      let path = "input.\(index)"
      let block = try CometBFTJSON.lightBlock(step["block"] ?? step, at: path)
      guard let statedNow = step["now"] ?? initial["now"] else {
        throw .member(path: "\(path).now", wanted: "a time")
      }
      let now = if let at { at } else { try CometBFTJSON.time(statedNow, at: "\(path).now") }
      guard
        let verified = judge(
          block, trusted: trusted, validators: validators, options: options, now: now, &report)
      else { return report }
      trusted = CometBFT.TrustedState(verified)
      validators = block.nextValidators ?? validators
    }
    return report
  }

  private static func verifyCommitOnly(_ input: JSONValue) throws(InputError) -> VerificationReport {
    let signedHeader = try CometBFTJSON.signedHeader(input["signed_header"] ?? .null, at: "signed_header")
    let header = signedHeader.header
    var report = VerificationReport(kind: kind, id: header.hash()?.description)
    describe(header, &report)
    guard let stated = input["validators"] ?? input["validator_set"] else {
      report.leaveUndecided(
        "commit", code: "noValidators", "no validator set was given to verify the commit with")
      return report
    }
    let validators = try CometBFTJSON.validatorSet(stated, at: "validators")
    do {
      let tally = try CometBFT.verifyOwnCommit(
        CometBFT.UncheckedLightBlock(signedHeader: signedHeader, validators: validators),
        options: CometBFT.ClientOptions(trustingPeriod: .zero, blockProtocol: nil))
      report.add(step: "commit", tally.text)
      report.add(fact: "power.signed", String(tally.signed))
      report.add(fact: "power.needed", String(tally.needed))
      report.add(fact: "power.total", String(tally.total))
      report.assume(.callerTrusts(.validatorSet))
      report.assumeSignatureRule()
    } catch {
      report.refuse("header", code: error.code, error.text)
    }
    return report
  }

  /// Verifies one block and writes down what was seen; nil when it was not verified.
  private static func judge(
    _ block: CometBFT.UncheckedLightBlock, trusted: CometBFT.TrustedState, validators: CometBFT.ValidatorSet,
    options: CometBFT.ClientOptions, now: CometBFT.Timestamp, _ report: inout VerificationReport
  ) -> CometBFT.VerifiedHeader? {
    let header = block.signedHeader.header
    describe(header, &report)
    report.id = header.hash()?.description
    switch CometBFT.verify(
      block, trusted: trusted, trustedValidators: validators, options: options, now: now)
    {
    case .verified(let verified):
      let check = "header \(header.height) from \(trusted.height)"
      if let tally = verified.trustedPower {
        report.add(step: check + ", trusted set", tally.text)
        report.add(fact: "power.trusted.signed", String(tally.signed))
        report.add(fact: "power.trusted.needed", String(tally.needed))
      } else {
        report.add(step: check + ", trusted set", "direct successor with the announced set")
      }
      report.add(step: check + ", own set", verified.ownPower.text)
      report.add(fact: "power.signed", String(verified.ownPower.signed))
      report.add(fact: "power.needed", String(verified.ownPower.needed))
      report.add(fact: "power.total", String(verified.ownPower.total))
      let expires = UInt64(clamping: verified.premiseExpires.components.seconds)
      // Every step of a chain of headers must hold: the first to expire bounds the verdict.
      let until = min(report.expires ?? .max, expires)
      report.expires = until
      report.assumptions = []
      report.assume(.callerTrusts(.header))
      report.assume(.validatorStake(numerator: 1, denominator: 3, until: until))
      report.assumeSignatureRule()
      return verified
    case .notEnoughTrust(let signed, let needed):
      report.leaveUndecided(
        "header \(header.height) from \(trusted.height), trusted set", code: "notEnoughTrust",
        "validators with \(signed) of the trusted power signed, more than \(needed) is needed; "
          + "a header in between is wanted")
    case .refused(let refusal):
      report.refuse("header \(header.height) from \(trusted.height)", code: refusal.code, refusal.text)
    }
    return nil
  }

  private static func describe(trusted header: CometBFT.Header, _ report: inout VerificationReport) {
    report.add(fact: "trusted.height", String(header.height))
    report.add(fact: "trusted.time", header.time.description)
    report.add(fact: "trusted.hash", header.hash()?.description ?? "none")
  }

  private static func describe(_ header: CometBFT.Header, _ report: inout VerificationReport) {
    report.add(fact: "chain", header.chainID)
    report.add(fact: "height", String(header.height))
    report.add(fact: "time", header.time.description)
    report.add(fact: "hash", header.hash()?.description ?? "none")
    report.add(fact: "appHash", Hex.encode(header.appHash))
  }
}

extension JSONValue {
  /// The options of the pair form.
  fileprivate func options() throws(InputError) -> CometBFT.ClientOptions {
    let options = self["options"] ?? .null
    let threshold = try options["trust_level"].map { value throws(InputError) in
      try CometBFTJSON.threshold(value, at: "options.trust_level")
    }
    let drift = try options["max_clock_drift"].map { value throws(InputError) in
      try CometBFTJSON.duration(value, at: "options.max_clock_drift")
    }
    let version: UInt64? =
      options["block_protocol"] == nil ? CometBFT.blockProtocol : try integer("options.block_protocol")
    return CometBFT.ClientOptions(
      trustingPeriod: try CometBFTJSON.duration(
        options["trusting_period"] ?? .null, at: "options.trusting_period"),
      trustLevel: threshold ?? .oneThird, clockDriftMax: drift ?? .seconds(10), blockProtocol: version)
  }
}

extension VerificationReport {
  fileprivate mutating func assume(_ assumption: Assumption) {
    assumptions.append(StatedAssumption(code: assumption.code, text: assumption.plainWords))
  }

  fileprivate mutating func assumeSignatureRule() {
    assumptions.append(
      StatedAssumption(
        code: "signatureRule",
        text: "Ed25519 signatures are judged by ZIP-215, the rule of CometBFT's consensus"))
  }
}
