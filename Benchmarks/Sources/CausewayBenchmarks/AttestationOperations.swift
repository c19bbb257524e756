import Attestation
import Crypto
import Encodings
import Foundation
import WireBytes

extension Operations {
  /// Evidence of each platform, from its bytes to its verdict: `script/bench attestation`.
  ///
  /// TPM statements and tokens are those of `Tests/Vectors/attestation`; the others lie in the outside
  /// corpus, and are left out, with a line on standard error, where it is absent.
  static func attestation() throws -> [Benchmark] {
    var benchmarks = try tpmStatements() + tokens()
    let folder = corpus("attestation")
    guard FileManager.default.fileExists(atPath: folder.path) else {
      FileHandle.standardError.write(
        Data("bench: corpus attestation is absent: vendors' evidence is left out\n".utf8))
      return benchmarks
    }
    func bytes(_ name: String) throws -> [UInt8] {
      [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
    }
    benchmarks += try nitro(try bytes("nitro/dstack_nsm_qvl_nitro_attestation.doc.cbor"))
    for (name, kind) in [("sgx", "SGX quote, version 3"), ("tdx", "TDX quote, version 4")] {
      let quote = try bytes("sgx-tdx/dcap-qvl/\(name)_quote")
      let collateral = try bytes("sgx-tdx/dcap-qvl/\(name)_quote_collateral.json")
      // 2025-07-01, in the collateral's month.
      benchmarks.append(
        Benchmark("attestation: \(kind), with collateral and revocation") {
          keep(DcapComparison.run(quote: quote, collateral: collateral, at: 1_751_328_000))
        })
    }
    let report = try Hex.decode(
      String(decoding: try bytes("sev-snp/virtee_report_milan.hex"), as: UTF8.self)
        .trimmingCharacters(in: .whitespacesAndNewlines))
    let vcek = try bytes("sev-snp/virtee_vcek_milan.der")
    benchmarks.append(
      Benchmark("attestation: SEV-SNP report, VCEK to AMD's root") {
        keep(
          try? SEVSNPReport(decoding: report).verified(
            by: [X509Certificate(decoding: vcek)], at: 1_700_000_000, roots: AMDProductRoots.production))
      })
    let json = try JSONValue(decoding: try bytes("azure/trustee_az-snp-vtpm_evidence-v1.json"))
    let azure = try AzureStatement.read(confidentialContainers: json).statement.encoded()
    benchmarks.append(
      Benchmark("attestation: Azure report and vTPM quote, without the processor's chain") {
        keep(try? AzureQuote(AzureStatement(decoding: azure.span)))
      })
    let log = try bytes("tpm/gotpmtools_ubuntu-2404-amd-sevsnp.bin")
    benchmarks.append(
      Benchmark("attestation: event log of 116 events, \(log.count) B, replayed") {
        keep(try? TCGEventLog(decoding: log.span).replay(.sha256).count)
      })
    return benchmarks
  }

  /// `$CAUSEWAY_VECTORS`, or `shared/vectors` beside the project, as for the tests.
  private static func corpus(_ topic: String) -> URL {
    if let path = ProcessInfo.processInfo.environment["CAUSEWAY_VECTORS"] {
      return URL(fileURLWithPath: path).appendingPathComponent(topic)
    }
    return root.deletingLastPathComponent().appendingPathComponent("shared/vectors/\(topic)")
  }

  private static var root: URL {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { url.deleteLastPathComponent() }
    return url
  }

  /// Cases of our own vectors, with what is needed to judge them.
  private static func vector(
    _ file: String, _ name: String, _ member: String
  ) throws -> (text: String, policy: JSONValue, at: Int64) {
    let path = root.appendingPathComponent("Tests/Vectors/attestation/\(file)")
    let json = try JSONValue(decoding: [UInt8](try Data(contentsOf: path)))
    guard let found = json["cases"]?.array?.first(where: { $0["name"]?.string == name }),
      let text = found[member]?.string, let policy = found["policy"], let at: Int64 = found["at"]?.integer()
    else { throw Unreadable.example(file) }
    return (text, policy, at)
  }

  private static func tpmStatements() throws -> [Benchmark] {
    let key = P256.Signing.PrivateKey()
    let message = [UInt8](repeating: 1, count: 145)
    let signature = try key.signature(for: message)
    let publicKey = key.publicKey
    return try [
      ("a launch, p256", "ECDSA P-256"), ("a launch, rsassa", "RSA 2048"),
      ("a certified key", "P-256, certified"),
    ]
    .map { name, text in
      let found = try vector("tpm.json", name, "statement")
      let evidence = AttestationEvidence(platform: .tpm, statement: try Hex.decode(found.text))
      let policy = try TPMPolicy(json: found.policy, path: "tpm")
      _ = try TPMVerifier.verify(evidence, under: policy, at: .live(found.at))
      let ours = { keep(try? TPMVerifier.verify(evidence, under: policy, at: .live(found.at))) }
      guard text == "ECDSA P-256" else {
        return Benchmark("attestation: TPM statement, \(text), under a policy", ours: ours)
      }
      return Benchmark(
        "attestation: TPM statement, \(text), under a policy", peer: "BoringSSL, 1 signature only",
        ours: ours,
        theirs: { keep(publicKey.isValidSignature(signature, for: message)) })
    }
  }

  private static func tokens() throws -> [Benchmark] {
    try ["ES256", "RS256"].map { algorithm in
      let found = try vector("tokens.json", "EAR, \(algorithm)", "token")
      let evidence = AttestationEvidence(platform: .token, statement: [UInt8](found.text.utf8))
      let policy = try TokenPolicy(json: found.policy, path: "token")
      _ = try TokenVerifier.verify(evidence, under: policy, at: .live(found.at))
      return Benchmark("attestation: EAR token, \(algorithm), under a policy") {
        keep(try? TokenVerifier.verify(evidence, under: policy, at: .live(found.at)))
      }
    }
  }

  /// Four certificates and the document: five signatures.
  private static func nitro(_ document: [UInt8]) throws -> [Benchmark] {
    let read = try NitroDocument(decoding: document)
    let verified = try read.verified(at: read.issued, roots: NitroRoots.production)
    let signatures = verified.chain.certificates.count + 1
    let key = P384.Signing.PrivateKey()
    let message = [UInt8](repeating: 1, count: 700)
    let signature = try key.signature(for: message)
    let publicKey = key.publicKey
    return [
      Benchmark(
        "attestation: Nitro document, \(document.count) B, chain to AWS's root",
        peer: "BoringSSL, \(signatures) P-384 signatures only",
        ours: {
          keep(try? NitroDocument(decoding: document).verified(at: read.issued, roots: NitroRoots.production))
        },
        theirs: {
          for _ in 0..<signatures { keep(publicKey.isValidSignature(signature, for: message)) }
        })
    ]
  }
}
