import Conformance
import Encodings
import Foundation
import TestSupport
import Testing

private let corpus = Corpora.directory("attestation")

@Suite("Attestation corpus", .enabled(if: corpus != nil, "corpus attestation is absent"))
struct AttestationCorpusTests {
  @Test("agrees with every recorded verdict")
  func whole() throws {
    var report = ConformanceReport()
    AttestationSuite.run(try CorpusDirectory(path: try #require(corpus)), into: &report)
    for result in report.results {
      if case .failed(let expected, let actual) = result.outcome {
        Issue.record("\(result.file) \(result.name): expected \(expected), was \(actual)")
      }
    }
    #expect(report.passed == 365)
    #expect(report.skipped == 75)
  }

  /// Files of some schemas under other names, with other cases.
  private static func folder(_ files: [String: [UInt8]]) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, bytes) in files { try Data(bytes).write(to: folder.appendingPathComponent(name)) }
    return folder
  }

  private static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: try #require(corpus) + "/" + name)))
  }

  private static func run(_ files: [String: [UInt8]]) throws -> ConformanceReport {
    let folder = try folder(files)
    defer { try? FileManager.default.removeItem(at: folder) }
    var report = ConformanceReport()
    AttestationSuite.run(try CorpusDirectory(path: folder.path), into: &report)
    return report
  }

  @Test("knows files of expected results by their schema, and fails what is not so")
  func expectations() throws {
    let quote = try Self.bytes("sgx-tdx/dcap-qvl/tdx_quote")
    let collateral = try Self.bytes("sgx-tdx/dcap-qvl/tdx_quote_collateral.json")
    let cases = #"""
      [{"quote": "q", "collateral": "c", "at": "2025-07-02T00:00:00Z", "expected": {"status": "UpToDate", "advisories": []}},
       {"quote": "q", "collateral": "c", "at": "2025-07-02T00:00:00Z", "expected": {"status": "OutOfDate", "advisories": []}},
       {"quote": "q", "collateral": "c", "at": "2025-07-02T00:00:00Z", "expected": {"error": "Verification failed: Revoked"}},
       {"quote": "q", "collateral": "c", "at": "2025-07-02T00:00:00Z", "mutate": {"offset": 200, "xor": 128},
        "expected": {"error": "Verification failed: ISV enclave report signature is invalid"}},
       {"quote": "q", "collateral": "c", "at": "2025-07-02T00:00:00Z", "mutate": {"offset": 200, "xor": 128},
        "expected": {"error": "Verification failed: QE report hash mismatch"}},
       {"quote": "q", "collateral": "c", "at": "2025-07-02T00:00:00Z", "mutate": {"offset": 200, "xor": 128},
        "expected": {"status": "UpToDate", "advisories": []}},
       {"quote": "absent", "collateral": "c", "at": "2025-07-02T00:00:00Z", "expected": {"error": "x"}}]
      """#
    let report = try Self.run(["any.json": [UInt8](cases.utf8), "q": quote, "c": collateral])
    let outcomes = report.results.filter { $0.file == "any.json" }.map { result in
      switch result.outcome {
      case .passed: "passed"
      case .failed: "failed"
      case .skipped: "skipped"
      }
    }
    #expect(outcomes == ["passed", "failed", "failed", "passed", "failed", "failed", "skipped"])
  }

  @Test("refuses what is named wrong, and fails when it holds")
  func names() throws {
    let token = try Self.bytes("rats/ear_testJWT.jwt")
    var flipped = token
    flipped[300] ^= 1
    let key = try Self.bytes("rats/ear_pkey.json")
    let report = try Self.run([
      "a.jwt": token, "a_neg.jwt": token, "b.jwt": flipped, "b_neg.jwt": flipped, "k.json": key,
      "claims-set-ko.json": [UInt8]("{}".utf8), "ear-claims-set.json": [UInt8]("{}".utf8),
    ])
    func outcome(_ file: String) -> CaseOutcome? { report.results.first { $0.file == file }?.outcome }
    #expect(outcome("a.jwt") == .passed)
    #expect(outcome("b_neg.jwt") == .passed)
    for file in ["a_neg.jwt", "b.jwt"] {
      if case .failed = outcome(file) {
      } else {
        Issue.record("\(file): \(String(describing: outcome(file)))")
      }
    }
    if case .failed = outcome("ear-claims-set.json") {} else { Issue.record("an empty claims set was read") }
  }

  @Test("looks for the key of a quote beside it")
  func quotes() throws {
    let parts = ["tpms_attest", "tpmt_signature", "pcrs"]
    var files: [String: [UInt8]] = [
      "ak_x.tpm2b_public": try Self.bytes("tpm-swtpm/ak_ecc_ecdsa.tpm2b_public")
    ]
    for part in parts {
      files["q_x.\(part)"] = try Self.bytes("tpm-swtpm/q_ecc_ecdsa.\(part)")
      files["q_y.\(part)"] = try Self.bytes("tpm-swtpm/q_rsa_rsassa.\(part)")
      files["neg_pcr.\(part)"] = try Self.bytes("tpm-swtpm/neg_pcrchanged.\(part)")
      files["neg_same.\(part)"] = try Self.bytes("tpm-swtpm/q_ecc_ecdsa.\(part)")
    }
    let report = try Self.run(files)
    func passed(_ file: String) -> Bool { report.results.first { $0.file == file }?.outcome == .passed }
    #expect(passed("q_x.tpms_attest"))
    #expect(passed("neg_pcr.tpms_attest"))
    // Its key is not here; a quote that holds is not refused.
    #expect(!passed("q_y.tpms_attest"))
    #expect(!passed("neg_same.tpms_attest"))
  }
}
