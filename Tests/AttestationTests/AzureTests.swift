import Attestation
import Encodings
import Foundation
import SignatureSchemes
import TestSupport
import Testing
import WireBytes

private let corpus = Corpora.directory("attestation").map { $0 + "/azure/" }

@Suite("Azure's confidential machines", .enabled(if: corpus != nil, "corpus attestation is absent"))
struct AzureTests {
  private static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: try #require(corpus) + name)))
  }

  private static func evidence(
    _ name: String
  ) throws -> (statement: AzureStatement, collateral: CertificateCollateral) {
    let read = try AzureStatement.read(confidentialContainers: try JSONValue(decoding: try bytes(name)))
    var certificates: [[UInt8]] = []
    if let vcek = read.vcek {
      certificates = (try? X509PEM.blocks(vcek.span, label: "CERTIFICATE")) ?? [vcek]
    }
    return (read.statement, CertificateCollateral(certificates: certificates))
  }

  /// A policy that takes exactly what the evidence says, at its hardware's own TCB.
  private static func policy(_ statement: AzureStatement) throws -> AzurePolicy {
    let report = try HCLReport(decoding: statement.report.span)
    let snp = try SEVSNPReport(decoding: report.report)
    let hardware: JSONValue = [
      "measurements": [["measurement": .string(snp.measurement.description)]],
      "products": ["milan": ["bootLoader": 0, "tee": 0, "snp": 0, "microcode": 0]],
      "endorsements": ["vcek"], "vmpls": [0],
    ]
    return try AzurePolicy(
      sevSNP: SEVSNPPolicy(json: hardware, path: "azure.sev-snp"),
      pcrs: statement.pcrs.map { pcr in
        TPMPolicy.PCR(index: Int(pcr.index), rule: pcr.index == 4 ? .values([pcr.value]) : .reported)
      })
  }

  /// 2025-06-01, within the certificates of the evidence.
  private static let at: Int64 = 1_748_736_000

  private static func verify(
    _ statement: AzureStatement, _ collateral: CertificateCollateral, _ policy: AzurePolicy
  ) throws(AzureRefusal) -> AttestationResult {
    let evidence = AttestationEvidence(
      platform: .azure, statement: statement.encoded(), collateral: collateral.encoded())
    return try AzureVerifier.verify(evidence, under: policy, at: .live(at), roots: .production)
  }

  @Test("lead from hardware to key to PCRs", arguments: ["v0", "v1"])
  func chain(version: String) throws {
    let (statement, collateral) = try Self.evidence("trustee_az-snp-vtpm_evidence-\(version).json")
    #expect(try AzureStatement(decoding: statement.encoded().span) == statement)
    let policy = try Self.policy(statement)
    let result = try Self.verify(statement, collateral, policy)
    #expect(result.platform == .azure)
    #expect(result.nonce == [UInt8]("challenge".utf8))
    #expect(result.measurement("pcr4") == statement.pcrs[4].value)
    #expect(result.measurement("measurement") != nil)
    #expect(result.limits.isEmpty == false)
  }

  @Test("are refused where one link is another's")
  func links() throws {
    let (statement, collateral) = try Self.evidence("trustee_az-snp-vtpm_evidence-v1.json")
    let policy = try Self.policy(statement)
    func refusal(_ change: (inout AzureStatement) throws -> Void) throws -> AzureRefusal {
      var changed = statement
      try change(&changed)
      do {
        _ = try Self.verify(changed, collateral, policy)
      } catch { return error }
      throw CocoaError(.coderInvalidValue)
    }
    // Another machine's quote, by another key.
    let other = try AzureStatement.read(
      confidentialContainers: try JSONValue(decoding: try Self.bytes("trustee_az-tdx-vtpm_evidence-v1.json")))
    let swapped = try refusal {
      $0.quote = other.statement.quote
      $0.signature = other.statement.signature
      $0.pcrs = other.statement.pcrs
    }
    #expect(swapped == .signature(.rsa(.mismatch)))
    // A claim of the runtime changed: the hardware vouches for other ones.
    let claims = try refusal { $0.report[32 + 1184 + 20 + 30] ^= 1 }
    if case .reportData = claims {} else if case .report = claims {} else { Issue.record("\(claims)") }
    // The hardware's report changed.
    let measured = try refusal { $0.report[32 + 0x90] ^= 1 }
    if case .sevSNP = measured {} else { Issue.record("\(measured)") }
    let value = try refusal {
      $0.pcrs[4] = TPMStatement.PCR(index: 4, value: [UInt8](repeating: 7, count: 32))
    }
    if case .quote(.pcrDigest) = value {} else { Issue.record("\(value)") }
    #expect(try refusal { $0.tdQuote = [1] } == .tdQuote(bytes: 1))
  }

  @Test("are refused under a policy for other values, fewer PCRs or other hardware")
  func policies() throws {
    let (statement, collateral) = try Self.evidence("trustee_az-snp-vtpm_evidence-v1.json")
    let good = try Self.policy(statement)
    let other = try AzurePolicy(
      sevSNP: good.sevSNP,
      pcrs: good.pcrs.map { $0.index == 4 ? TPMPolicy.PCR(index: 4, rule: .values([])) : $0 })
    #expect(throws: AzureRefusal.quote(.pcrValue(index: 4, actual: statement.pcrs[4].value))) {
      try Self.verify(statement, collateral, other)
    }
    let fewer = try AzurePolicy(
      sevSNP: good.sevSNP, pcrs: [TPMPolicy.PCR(index: 4, rule: .values([statement.pcrs[4].value]))])
    #expect(throws: AzureRefusal.quote(.selection(expected: [4], actual: Array(0..<24)))) {
      try Self.verify(statement, collateral, fewer)
    }
    #expect(throws: AttestationPolicyError.empty(path: "azure")) { try AzurePolicy(pcrs: good.pcrs) }
    #expect(throws: AttestationPolicyError.empty(path: "azure.pcrs")) {
      try AzurePolicy(sevSNP: good.sevSNP, pcrs: [TPMPolicy.PCR(index: 4, rule: .reported)])
    }
    #expect(throws: AzureRefusal.self) {
      try Self.verify(statement, CertificateCollateral(certificates: []), good)
    }
  }

  @Test("have reports of one form", arguments: ["kinvolk_hcl-report-snp.bin", "kinvolk_hcl-report-tdx.bin"])
  func reports(name: String) throws {
    let bytes = try Self.bytes(name)
    let report = try HCLReport(decoding: bytes.span)
    #expect(report.reportData == report.expectedReportData)
    let end = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
    for count in 0..<end {
      let cut = [UInt8](bytes.prefix(count))
      #expect(throws: HCLReport.DecodingError.self) { try HCLReport(decoding: cut.span) }
    }
    let whole = [UInt8](bytes.prefix(end))
    #expect(try HCLReport(decoding: whole.span) == report)
    func refused(_ offset: Int, _ value: UInt8, _ error: HCLReport.DecodingError) {
      var changed = bytes
      changed[offset] = value
      #expect(throws: error) { try HCLReport(decoding: changed.span) }
    }
    refused(0, 0x49, .signature(0x414c_4349))
    refused(4, 3, .version(3))
    refused(12, 1, .requestType(1))
    refused(16, 1, .status(1))
    refused(20, 1, .reserved(offset: 20))
    refused(32 + 1184 + 8, 3, .reportType(3))
    refused(32 + 1184 + 12, 4, .hashType(4))
    refused(bytes.count - 1, 1, .reserved(offset: bytes.count - 1))
  }
}
