import Digests
import Encodings
import SignatureSchemes
import WireBytes

/// The suites of NIST's standards against Wycheproof: ECDSA over P-256 and P-384, RSASSA-PSS, ML-DSA.
public enum NISTSignaturesSuite: ConformanceSuite {
  public static let name = "nist-signatures"
  public static let summary =
    "ECDSA P-256 and P-384, RSASSA-PSS (salt as long as the hash) and ML-DSA-65/87 verification: Wycheproof "
    + "ecdsa_verify, ecdsa_p1363_verify, rsassa_pss_verify, mldsa_verify"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    corpus.eachJSON(into: &report) { file, json, report in
      guard let wycheproof = WycheproofFile(json) else {
        report.skip(file, "file", reason: "not a Wycheproof file")
        return
      }
      for group in wycheproof.groups {
        for test in group.tests {
          let message = test.fields["msg"]?.bytes
          let signature = test.fields["sig"]?.bytes
          switch answer(test, group, wycheproof, message ?? [], signature ?? []) {
          case .skip(let reason): report.skip(file, test.name, reason: reason)
          case .malformed:
            report.fail(file, test.name, expected: "a key in the schema's form", actual: "none")
          case .verdict where message == nil || signature == nil:
            report.fail(file, test.name, expected: "message and signature in hex", actual: "missing")
          case .verdict(let refusal):
            switch (test.result, refusal) {
            case (.valid, nil), (.acceptable, _), (.invalid, _?): report.pass(file, test.name)
            case (.valid, let refusal?): report.fail(file, test.name, expected: "valid", actual: refusal)
            case (.invalid, nil): report.fail(file, test.name, expected: "invalid", actual: "accepted")
            }
          }
        }
      }
    }
  }

  private enum Answer {
    case skip(String)
    case malformed
    /// Nil when the signature holds.
    case verdict(String?)
  }

  private static func answer(
    _ test: WycheproofFile.Test, _ group: WycheproofFile.Group, _ file: WycheproofFile, _ message: [UInt8],
    _ signature: [UInt8]
  ) -> Answer {
    switch group.type {
    case "EcdsaVerify", "EcdsaP1363Verify": ecdsa(group, message, signature)
    case "RsassaPssVerify": rsa(group, message, signature)
    case "MlDsaVerify": mlDSA(test, group, file, message, signature)
    default: .skip("group type \(group.type) is not a signature that is verified here")
    }
  }

  private static func ecdsa(
    _ group: WycheproofFile.Group, _ message: [UInt8], _ signature: [UInt8]
  ) -> Answer {
    let curve = group.fields["publicKey"]?["curve"]?.string ?? ""
    let hash = group.fields["sha"]?.string ?? ""
    guard let key = group.fields["publicKey"]?["uncompressed"]?.bytes else { return .malformed }
    let isDER = group.type == "EcdsaVerify"
    do {
      switch (curve, hash) {
      case ("secp256r1", "SHA-256") where isDER:
        try ECDSAP256.verify(
          digest: SHA256Hash.hash(message), der: signature.span, key: ECDSAP256.PublicKey(sec1: key.span))
      case ("secp256r1", "SHA-256"):
        try ECDSAP256.verify(
          message.span, signature: signature.span, key: ECDSAP256.PublicKey(sec1: key.span))
      case ("secp384r1", "SHA-384") where isDER:
        try ECDSAP384.verify(
          digest: SecureHashes.sha384(message.span), der: signature.span,
          key: ECDSAP384.PublicKey(sec1: key.span))
      case ("secp384r1", "SHA-384"):
        try ECDSAP384.verify(
          message.span, signature: signature.span, key: ECDSAP384.PublicKey(sec1: key.span))
      default: return .skip("curve \(curve) with \(hash) is no suite")
      }
      return .verdict(nil)
    } catch { return .verdict("refused: \(error)") }
  }

  private static func rsa(
    _ group: WycheproofFile.Group, _ message: [UInt8], _ signature: [UInt8]
  ) -> Answer {
    let sha = group.fields["sha"]?.string ?? ""
    let suites: [String: (RSAPSS.Hash, Int)] = [
      "SHA-256": (.sha256, 32), "SHA-384": (.sha384, 48), "SHA-512": (.sha512, 64),
    ]
    guard let (hash, salt) = suites[sha], group.fields["mgf"]?.string == "MGF1",
      group.fields["mgfSha"]?.string == sha, group.fields["sLen"]?.integer(Int.self) == salt
    else { return .skip("\(sha) with these padding parameters is no suite") }
    guard let modulus = group.fields["publicKey"]?["modulus"]?.bytes,
      let exponent = group.fields["publicKey"]?["publicExponent"]?.bytes
    else { return .malformed }
    do {
      let key = try RSAPSS.PublicKey(modulus: modulus.span, exponent: exponent.span)
      try RSAPSS.verify(message.span, signature: signature.span, key: key, hash: hash)
      return .verdict(nil)
    } catch { return .verdict("refused: \(error)") }
  }

  private static func mlDSA(
    _ test: WycheproofFile.Test, _ group: WycheproofFile.Group, _ file: WycheproofFile, _ message: [UInt8],
    _ signature: [UInt8]
  ) -> Answer {
    let sets: [String: MLDSA.ParameterSet] = ["ML-DSA-65": .mldsa65, "ML-DSA-87": .mldsa87]
    guard let parameters = sets[file.algorithm] else { return .skip("\(file.algorithm) is no suite") }
    guard let key = group.fields["publicKey"]?.bytes else { return .malformed }
    if test.fields["mu"] != nil, test.fields["msg"] == nil {
      return .skip("external mu: not the pure form")
    }
    let context = test.fields["ctx"]?.bytes ?? []
    do {
      try MLDSA.verify(
        message.span, signature: signature.span, key: key.span, context: context.span, parameters: parameters)
      return .verdict(nil)
    } catch { return .verdict("refused: \(error)") }
  }
}
