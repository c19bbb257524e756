import Encodings
import Foundation
import OfflineVerification
import TestSupport
import Testing

@Suite("verify policy")
struct PolicyVerificationTests {
  private func file(_ name: String) throws -> JSONValue {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/gate/\(name)")
    return try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
  }

  private func policy(_ name: String) throws -> JSONValue {
    let cases = try #require(try file("policies.json")["cases"]?.array)
    let entry = try #require(cases.first { $0["name"]?.string == name })
    return try #require(entry["policy"])
  }

  /// "state 10" signed by these keys, each at its place of three.
  private func evidence(_ keys: [Int]) throws -> JSONValue {
    let cases = try #require(try file("attestations.json")["cases"]?.array)
    let entry = try #require(cases.first { $0["name"]?.string == "state 10" })
    return [
      "attested": [
        "height": 10, "timestamp": 1_700_000_000, "root": entry["root"] ?? .null,
        "signatures": .array(
          keys.map {
            [
              "attester": .number(String(($0 - 1) % 3)),
              "signature": entry["signatures"]?[String($0)] ?? .null,
            ]
          }),
      ]
    ]
  }

  @Test("a satisfied policy gives the claim, its premises and the hash")
  func valid() throws {
    let input: JSONValue = [
      "policy": try policy("attested"), "evidence": try evidence([1, 2]), "context": ["now": 1_700_000_001],
    ]
    let report = try PolicyVerification.verify(input)
    #expect(report.outcome == .valid)
    #expect(report.assumptions.map(\.code) == ["attesters"])
    #expect(report.facts.contains { $0.name == "root" })
    #expect(report.exitCode == 0)
  }

  @Test("the policy may come from elsewhere, and the time too")
  func parts() throws {
    let evidence = try evidence([2, 3])
    let report = try PolicyVerification.verify(evidence, policy: policy("attested"), at: 1_700_000_001)
    #expect(report.outcome == .valid)
    let undecided = try PolicyVerification.verify(evidence, policy: policy("attested"))
    #expect(undecided.exitCode == 3)
    #expect(throws: InputError.self) { try PolicyVerification.verify(evidence) }
  }

  @Test("a refusal carries its code")
  func refused() throws {
    func code(_ policy: JSONValue, _ evidence: JSONValue, _ context: JSONValue) throws -> String? {
      let report = try PolicyVerification.verify([
        "policy": policy, "evidence": evidence, "context": context,
      ])
      switch report.outcome {
      case .refused(let reason), .undecided(let reason): return reason.code
      case .valid: return nil
      }
    }
    let now: JSONValue = ["now": 1_700_000_100]
    #expect(try code(policy("attested"), evidence([1]), now) == "attestation.quorum")
    #expect(try code(policy("with freshness"), evidence([1, 2]), now) == "attestation.tooOld")
    #expect(try code(policy("all"), evidence([1, 2]), now) == "evidenceKind")
    #expect(try code(policy("route by value"), evidence([1, 2]), now) == "contextMissing")
    #expect(try code(["all": []], evidence([1, 2]), now) == "policy.policy")
    #expect(try code(policy("attested"), ["nothing": 1], now) == "evidence.member")
    let parts: JSONValue = ["parts": [try evidence([1, 2]), .null]]
    #expect(try code(policy("all"), parts, now) == "partMissing")
    #expect(try code(policy("any"), parts, now) == nil)
    let delay: JSONValue = ["delay": ["above": "5", "seconds": 60, "policy": try policy("attested")]]
    #expect(try code(delay, evidence([1, 2]), ["now": 1_700_000_100, "value": "6"]) == "waiting")
    #expect(
      try code(delay, evidence([1, 2]), ["now": 1_700_000_100, "value": "6", "recordedAt": 1_700_000_040])
        == nil)
    #expect(
      try code(delay, evidence([1, 2]), ["now": 1_700_000_100, "value": "6", "recordedAt": 1_700_000_041])
        == "waiting")
  }
}
