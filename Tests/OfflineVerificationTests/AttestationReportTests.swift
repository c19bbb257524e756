import Encodings
import Foundation
import OfflineVerification
import TestSupport
import Testing
import WireBytes

private let corpus = Corpora.directory("attestation").map { $0 + "/" }

@Suite("Reports on attestation evidence")
struct AttestationReportTests {
  private static func file(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: try #require(corpus) + name)))
  }

  /// A case of the TPM vectors, as JSON of the kind's input form would have it: here the statement itself.
  private static func tpm(_ name: String) throws -> (statement: [UInt8], policy: JSONValue) {
    let path = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/attestation/tpm.json")
    let json = try JSONValue(decoding: [UInt8](try Data(contentsOf: path)))
    let found = try #require(json["cases"]?.array?.first { $0["name"]?.string == name })
    let policy: JSONValue = [
      "schema": "causeway-attestation-policy/1", "production": true, "tpm": try #require(found["policy"]),
    ]
    return ([UInt8](try #require(found["statement"]?.string).utf8), policy)
  }

  private static func verify(
    _ bytes: [UInt8], _ kind: AttestationKind, _ input: AttestationInput
  ) throws -> VerificationReport {
    try AttestationVerification.verify(bytes, kind: kind, input: input)
  }

  private static func code(_ report: VerificationReport) -> String {
    switch report.outcome {
    case .valid: "valid"
    case .refused(let reason), .undecided(let reason): reason.code
    }
  }

  @Test("are undecided without a policy, and say so")
  func withoutPolicy() throws {
    let vector = try Self.tpm("a launch, p256")
    let report = try Self.verify(vector.statement, .tpm, AttestationInput(time: 1_780_272_000))
    #expect(Self.code(report) == "policyMissing")
    #expect(report.exitCode == 3)
    #expect(report.facts.contains { $0.name == "program" })
    #expect(report.steps.contains { $0.check == "launches" && $0.result == .passed })
    #expect(report.assumptions.contains { $0.code == "host" })
  }

  @Test("are undecided without a time")
  func withoutTime() throws {
    let vector = try Self.tpm("a launch, p256")
    #expect(Self.code(try Self.verify(vector.statement, .tpm, AttestationInput())) == "timeMissing")
  }

  @Test("are valid under a policy, with whom one trusts")
  func valid() throws {
    let vector = try Self.tpm("a certified key")
    let report = try Self.verify(
      vector.statement, .tpm, AttestationInput(policy: vector.policy, time: 1_780_272_000))
    #expect(report.outcome == .valid)
    #expect(report.expires == 1_798_761_600)
    #expect(report.assumptions.map(\.code) == ["vendor", "host", "measurements", "binding"])
    #expect(report.facts.contains { $0.name == "policyHash" })
  }

  @Test("read a TPM's statement as JSON, and refuse members of other forms")
  func json() throws {
    func example(_ name: String) throws -> [UInt8] {
      let path = Corpora.packageRoot.appendingPathComponent("examples/messages/\(name)")
      return [UInt8](try Data(contentsOf: path))
    }
    let statement = try example("tpm-statement.json")
    let input = AttestationInput(
      policy: try JSONValue(decoding: try example("tpm-policy.json")), time: 1_780_272_000, isLive: true)
    #expect(try Self.verify(statement, .tpm, input).outcome == .valid)
    var members = try #require(try JSONValue(decoding: statement).object)
    for (name, value, path) in [
      ("pcrs", "x", "pcrs"), ("pcrs", ["32": "0x00"], "pcrs"), ("quote", "zz", "quote"), ("key", 1, "key"),
    ] as [(String, JSONValue, String)] {
      let old = members[name]
      members[name] = value
      let text = [UInt8](JSONValue.object(members).text().utf8)
      do {
        _ = try Self.verify(text, .tpm, input)
        Issue.record("\(name) was read")
      } catch let error as InputError {
        guard case .member(path, _) = error else { throw error }
      }
      members[name] = old
    }
  }

  @Test("say how far out a certificate is")
  func expired() throws {
    let vector = try Self.tpm("a certified key")
    let report = try Self.verify(
      vector.statement, .tpm, AttestationInput(policy: vector.policy, time: 1_780_272_000 + 366 * 86400))
    guard case .refused(let reason) = report.outcome else { throw CocoaError(.coderInvalidValue) }
    #expect(reason.code == "tpm.chain.expired")
    #expect(reason.text.contains("152 days"))
  }

  @Test("compare the nonce, with a policy and without one")
  func nonce() throws {
    let vector = try Self.tpm("a launch, p256")
    for policy in [vector.policy, nil] {
      let input = AttestationInput(policy: policy, time: 1_780_272_000, nonce: [1, 2, 3])
      let report = try Self.verify(vector.statement, .tpm, input)
      #expect(Self.code(report) == "nonce")
      #expect(report.exitCode == 1)
    }
  }

  @Test("refuse a key that is not restricted in words")
  func unrestricted() throws {
    let vector = try Self.tpm("a quote forged by an unrestricted key")
    for policy in [vector.policy, nil] {
      let report = try Self.verify(
        vector.statement, .tpm, AttestationInput(policy: policy, time: 1_780_272_000))
      guard case .refused(let reason) = report.outcome else { throw CocoaError(.coderInvalidValue) }
      #expect(reason.code == "tpm.keyAttributes")
      #expect(reason.text == "the key is not restricted: it signs a forged quote as willingly as a true one")
    }
  }

  @Test("refuse policies that are none")
  func policies() throws {
    let vector = try Self.tpm("a launch, p256")
    for (policy, code) in [
      (["schema": "x"], "policy.schema"), ([:], "policy.member"),
      (["schema": "causeway-attestation-policy/1", "production": true, "x": 1], "policy.unknownMember"),
      (["schema": "causeway-attestation-policy/1", "production": true], "platformNotNamed"),
    ] as [(JSONValue, String)] {
      let report = try Self.verify(
        vector.statement, .tpm, AttestationInput(policy: policy, time: 1_780_272_000))
      #expect(Self.code(report) == code)
    }
  }

  @Test("refuse files that are none of the forms", arguments: AttestationKind.allCases)
  func forms(kind: AttestationKind) throws {
    #expect(throws: InputError.self) { try Self.verify([], kind, AttestationInput(time: 1)) }
    let report = try Self.verify([0xff, 0xfe, 0xfd], kind, AttestationInput(time: 1))
    #expect(report.exitCode == 1)
  }

  @Test(
    "find in real evidence what its makers put there",
    .enabled(if: corpus != nil, "corpus attestation is absent"),
    arguments: [
      (
        "nitro", "nitro/dstack_nsm_qvl_nitro_attestation.doc.cbor", nil, 1_766_668_537, "policyMissing",
        "pcr0"
      ),
      ("nitro", "nitro/evervault_valid-attestation-doc.b64", nil, 1_695_049_410, "nitro.debug", "module"),
      ("nitro", "nitro/oyster_custom.bin", nil, 1_734_080_745, "nitro.chain.root", "module"),
      (
        "tdx", "sgx-tdx/dcap-qvl/tdx_quote", "sgx-tdx/dcap-qvl/tdx_quote_collateral.json", 1_751_328_000,
        "policyMissing", "mrtd"
      ),
      ("tdx", "sgx-tdx/dcap-qvl/tdx_quote", nil, 1_751_328_000, "collateralMissing", "mrtd"),
      (
        "sgx", "sgx-tdx/dcap-qvl/sgx_quote", "sgx-tdx/dcap-qvl/sgx_quote_collateral.json", 1_751_328_000,
        "policyMissing", "mrenclave"
      ),
      ("sgx", "sgx-tdx/dcap-qvl/tdx_quote", nil, 1_751_328_000, "intel.tee", nil),
      (
        "snp", "sev-snp/virtee_report_milan.hex", "sev-snp/virtee_vcek_milan.der", 1_700_000_000,
        "policyMissing",
        "measurement"
      ),
      ("snp", "sev-snp/gosevguest_attestation.bin", nil, 1_700_000_000, "collateralMissing", "debug"),
      (
        "azure", "azure/trustee_az-snp-vtpm_evidence-v1.json", nil, 1_748_736_000, "policyMissing",
        "measurement"
      ),
      (
        "azure", "azure/trustee_az-tdx-vtpm_evidence-v1.json", nil, 1_748_736_000, "collateralMissing", "mrtd"
      ),
      ("ear", "rats/ear_testJWT.jwt", "rats/ear_pkey.json", 1_666_091_373, "policyMissing", "profile"),
      ("ear", "rats/ear_testJWT.jwt", nil, 1_666_091_373, "keyMissing", "profile"),
      ("ear", "rats/ear_neg_4.jwt", "rats/ear_pkey.json", 1_666_091_373, "token.token.parts", nil),
    ] as [(String, String, String?, UInt64, String, String?)])
  func corpora(kind: String, name: String, collateral: String?, time: UInt64, code: String, fact: String?)
    throws
  {
    let kind = try #require(AttestationKind(rawValue: kind))
    let input = AttestationInput(collateral: try collateral.map { try Self.file($0) }, time: time)
    let report = try Self.verify(try Self.file(name), kind, input)
    #expect(Self.code(report) == code, "\(report.steps)")
    if let fact { #expect(report.facts.contains { $0.name == fact }) }
    #expect(report.json["outcome"]?.string == (report.exitCode == 3 ? "undecided" : "refused"))
  }

  @Test("name collateral that is over by days", .enabled(if: corpus != nil, "corpus attestation is absent"))
  func outdated() throws {
    let collateral = try Self.file("sgx-tdx/dcap-qvl/tdx_quote_collateral.json")
    let report = try Self.verify(
      try Self.file("sgx-tdx/dcap-qvl/tdx_quote"), .tdx,
      AttestationInput(collateral: collateral, time: 1_751_328_000 + 60 * 86400))
    guard case .refused(let reason) = report.outcome else { throw CocoaError(.coderInvalidValue) }
    #expect(reason.text.contains("days"), "\(reason)")
  }
}
