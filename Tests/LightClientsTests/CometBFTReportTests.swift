import Conformance
import Encodings
import OfflineVerification
import TestSupport
import Testing

@Suite(
  "CometBFT reports",
  .enabled(if: Corpora.directory("tendermint-light-client") != nil, "the corpus is absent"))
struct CometBFTReportTests {
  private func step(_ name: String) throws -> JSONValue {
    let path = try #require(Corpora.directory("tendermint-light-client"))
    return try CorpusDirectory(path: path).json("tendermint-rs/model_based/single_step/\(name).json")
  }

  /// The trusted block of a model-based file and its first input as the pair form.
  private func pair(_ name: String, options: JSONValue) throws -> JSONValue {
    let json = try step(name)
    return [
      "trusted": try #require(json["initial"]), "untrusted": try #require(json.member("input.0.block")),
      "options": options,
    ]
  }

  @Test("a chain of verified headers is valid until the trusted one expires")
  func valid() throws {
    let report = try CometBFTVerification.verify(step("MC50_2_faulty_TestSuccess"))
    #expect(report.outcome == .valid)
    #expect(report.assumptions.map(\.code) == ["callerTrusts", "validatorStake", "signatureRule"])
    // The trusted header is of second 1 after 1970, the period 1400 s.
    #expect(report.expires == 1401)
    #expect(report.id?.hasPrefix("0x") == true)
  }

  @Test("too little trust leaves the verdict open")
  func notEnoughTrust() throws {
    let report = try CometBFTVerification.verify(step("MC10_3_faulty_TestSuccess"))
    guard case .undecided(let reason) = report.outcome else {
      Issue.record("\(report.outcome)")
      return
    }
    #expect(reason.code == "notEnoughTrust")
    #expect(report.exitCode == 3)
  }

  @Test("the time given on the command line counts before the file's")
  func time() throws {
    let report = try CometBFTVerification.verify(step("MC50_2_faulty_TestSuccess"), at: 1401)
    guard case .refused(let reason) = report.outcome else {
      Issue.record("\(report.outcome)")
      return
    }
    #expect(reason.code == "expired")
    #expect(report.exitCode == 1)
  }

  @Test("without any time the pair form is undecided; with one it is valid")
  func pairs() throws {
    let input = try pair("MC50_2_faulty_TestSuccess", options: ["trusting_period": "1400000000000"])
    guard case .undecided(let reason) = try CometBFTVerification.verify(input).outcome else {
      Issue.record("decided without a time")
      return
    }
    #expect(reason.code == "noTime")
    #expect(try CometBFTVerification.verify(input, at: 1400).outcome == .valid)
  }

  @Test("a missing option is an error of the input, with its path")
  func options() throws {
    let input = try pair("MC50_2_faulty_TestSuccess", options: [:])
    #expect(
      throws: InputError.member(
        path: "options.trusting_period", wanted: "nanoseconds or a duration such as 336h")
    ) { try CometBFTVerification.verify(input, at: 1400) }
    #expect(throws: InputError.self) { try CometBFTVerification.verify(["a": 1]) }
  }

  @Test("a header with its own set alone needs the caller to vouch for the set")
  func commitOnly() throws {
    let block = try #require(try step("MC50_2_faulty_TestSuccess").member("input.0.block"))
    let report = try CometBFTVerification.verify([
      "signed_header": try #require(block["signed_header"]),
      "validators": try #require(block["validator_set"]),
    ])
    #expect(report.outcome == .valid)
    #expect(report.assumptions.map(\.code) == ["callerTrusts", "signatureRule"])
    #expect(report.expires == nil)
  }
}
