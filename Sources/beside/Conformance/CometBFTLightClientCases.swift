import Encodings
import LightClients
import OfflineVerification

/// Model-based steps, sequential steps and bisections of tendermint-rs.
enum CometBFTLightClientCases {
  /// Trust level and clock drift of the test driver (light-client/tests/model_based.rs).
  private static func options(_ period: Duration) -> CometBFT.ClientOptions {
    // Old recordings have block protocol 0, and the model says nothing about it.
    CometBFT.ClientOptions(trustingPeriod: period, clockDriftMax: .seconds(1), blockProtocol: nil)
  }

  /// {initial, input}: each input is a step with a verdict, or the file has one `expected_output`.
  static func steps(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    let initial = json["initial"] ?? .null
    if isAmino(initial["signed_header"] ?? .null) {
      report.skip(file, "steps", reason: aminoReason)
      return
    }
    var client: CometBFTClient
    let initialNow: CometBFT.Timestamp
    do {
      initialNow = try CometBFTJSON.time(initial["now"] ?? .null, at: "initial.now")
      client = try CometBFTClient(
        vouched: CometBFTJSON.signedHeader(initial["signed_header"] ?? .null, at: "initial.signed_header")
          .header,
        nextValidators: CometBFTJSON.validatorSet(
          initial["next_validator_set"] ?? .null, at: "initial.next_validator_set"),
        options: options(
          try CometBFTJSON.duration(initial["trusting_period"] ?? .null, at: "initial.trusting_period")))
    } catch {
      report.fail(file, "initial", expected: "a trusted state", actual: "\(error)")
      return
    }
    let steps = json["input"]?.array ?? []
    let expectsVerdicts = steps.contains { $0["verdict"] != nil }
    var verdicts: [String] = []
    for (index, step) in steps.enumerated() {
      let answer: String
      var detail = ""
      do {
        let now =
          try step["now"].map { value throws(InputError) in try CometBFTJSON.time(value) } ?? initialNow
        let block = try CometBFTJSON.lightBlock(step["block"] ?? step, at: "input.\(index)")
        switch client.update(block, now: now) {
        case .verified: answer = "SUCCESS"
        case .notEnoughTrust: answer = "NOT_ENOUGH_TRUST"
        case .refused(let refusal):
          answer = "INVALID"
          detail = " (\(refusal))"
        }
      } catch {
        // A block that cannot be read is refused as any other broken one.
        answer = "INVALID"
        detail = " (\(error))"
      }
      verdicts.append(answer + detail)
      guard expectsVerdicts else { continue }
      let expected = step["verdict"]?.string ?? "a verdict"
      if expected == answer {
        report.pass(file, "step \(index)")
      } else {
        report.fail(file, "step \(index)", expected: expected, actual: answer + detail)
      }
    }
    guard !expectsVerdicts else { return }
    let accepted = verdicts.allSatisfy { $0 == "SUCCESS" }
    let expected = json["expected_output"]?.string ?? "no error"
    if (expected == "no error") == accepted {
      report.pass(file, "sequence")
    } else {
      report.fail(file, "sequence", expected: expected, actual: verdicts.joined(separator: ", "))
    }
  }

  /// {primary, witnesses, trust_options, height_to_verify, now, expected_output}.
  static func bisection(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    if isAmino(json["primary"]?["lite_blocks"]?[0]?["signed_header"] ?? .null) {
      report.skip(file, "bisection", reason: aminoReason)
      return
    }
    let expected = json["expected_output"]?.string ?? "no error"
    do {
      let trace = try bisect(json)
      if expected == "no error" {
        report.pass(file, "bisection")
      } else {
        report.fail(file, "bisection", expected: expected, actual: "verified in \(trace) headers")
      }
    } catch {
      if expected == "no error" {
        report.fail(file, "bisection", expected: expected, actual: "\(error)")
      } else {
        report.pass(file, "bisection")
      }
    }
  }

  static let aminoReason = "hashed and signed in the amino encoding of Tendermint 0.33 and older"

  /// Whether a recording predates the protobuf encoding: block protocol 0, and a hash that protobuf does not give.
  static func isAmino(_ signedHeader: JSONValue) -> Bool {
    guard let signed = try? CometBFTJSON.signedHeader(signedHeader) else { return false }
    return signed.header.version.block == 0 && signed.header.hash() != signed.commit.blockID.hash
  }

  private enum Failure: Error {
    case input(InputError)
    case trustedHash
    case missingBlock(Int64)
    case header(CometBFT.HeaderRefusal)
    case bisection(CometBFT.Bisection.Failure)
  }

  /// The number of headers verified on the way.
  private static func bisect(_ json: JSONValue) throws -> Int {
    let trust = json["trust_options"] ?? .null
    let options = CometBFT.ClientOptions(
      trustingPeriod: try CometBFTJSON.duration(trust["period"] ?? .null, at: "trust_options.period"),
      trustLevel: try CometBFTJSON.threshold(trust["trust_level"] ?? .null, at: "trust_options.trust_level"),
      clockDriftMax: .seconds(1), blockProtocol: nil)
    let now = try CometBFTJSON.time(json["now"] ?? .null, at: "now")
    let primary = try blocks(json["primary"] ?? .null)
    let start: Int64 = try trust.integer("height")
    guard let first = primary[start] else { throw Failure.missingBlock(start) }
    guard try first.signedHeader.header.hash() == trust.fixed("hash") else { throw Failure.trustedHash }
    _ = try CometBFT.verifyOwnCommit(first, options: options)
    guard let next = first.nextValidators else { throw Failure.missingBlock(start + 1) }
    var bisection = try CometBFT.Bisection(
      trusted: CometBFT.TrustedState(vouched: first.signedHeader.header), trustedValidators: next,
      target: try json.integer("height_to_verify"), options: options)
    while let height = bisection.request {
      guard let block = primary[height] else { throw Failure.missingBlock(height) }
      _ = try bisection.receive(block, now: now)
    }
    for (index, witness) in (json["witnesses"]?.array ?? []).enumerated() {
      let other = try blocks(witness["value"] ?? witness)
      guard let block = other[bisection.target] else { throw Failure.missingBlock(bisection.target) }
      try bisection.compare(block, witness: index, now: now)
    }
    return bisection.trace.count
  }

  private static func blocks(_ provider: JSONValue) throws -> [Int64: CometBFT.UncheckedLightBlock] {
    var blocks: [Int64: CometBFT.UncheckedLightBlock] = [:]
    for block in try provider.array("lite_blocks") {
      let block = try CometBFTJSON.lightBlock(block)
      blocks[block.signedHeader.header.height] = block
    }
    return blocks
  }
}
