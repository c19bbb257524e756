import Digests
import Encodings
import SignatureSchemes
import WireBytes

/// ECDSA over secp256k1 against Wycheproof, with every hash its files name.
public enum Secp256k1Suite: ConformanceSuite {
  public static let name = "secp256k1"
  public static let summary =
    "ECDSA secp256k1 verification: Wycheproof ecdsa_verify, ecdsa_p1363_verify and ecdsa_bitcoin_verify with SHA-2, "
    + "SHA-3 and SHAKE; key agreement and BLS files are skipped"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    corpus.eachJSON(into: &report) { file, json, report in
      guard let wycheproof = WycheproofFile(json) else {
        report.skip(file, "file", reason: "not a Wycheproof file")
        return
      }
      for group in wycheproof.groups {
        for test in group.tests { run(test, in: group, of: wycheproof, file, &report) }
      }
    }
  }

  /// How a group writes its signatures.
  private enum Form {
    case der, bitcoin, p1363
  }

  private static func run(
    _ test: WycheproofFile.Test, in group: WycheproofFile.Group, of wycheproof: WycheproofFile,
    _ file: String, _ report: inout ConformanceReport
  ) {
    let form: Form
    switch group.type {
    case "EcdsaVerify": form = .der
    case "EcdsaBitcoinVerify": form = .bitcoin
    case "EcdsaP1363Verify": form = .p1363
    case "EcdhTest", "EcdhWebcryptoTest", "EcdhEcpointTest":
      report.skip(
        file, test.name, reason: "key agreement needs a secret scalar: nothing here verifies with one")
      return
    case "BlsSigVerify", "BlsAggregateVerify", "BlsHashToG2":
      report.skip(file, test.name, reason: "BLS12-381: needs pairings, which are not built yet")
      return
    default:
      report.skip(file, test.name, reason: "group type \(group.type) is not ECDSA verification")
      return
    }
    let curve = group.fields["publicKey"]?["curve"]?.string ?? ""
    guard curve == "secp256k1" else {
      report.skip(file, test.name, reason: "curve \(curve)")
      return
    }
    guard let message = test.fields["msg"]?.bytes, let signature = test.fields["sig"]?.bytes,
      let encodedKey = group.fields["publicKey"]?["uncompressed"]?.bytes
    else {
      report.fail(file, test.name, expected: "key, message and signature in hex", actual: "missing")
      return
    }
    let hashName = group.fields["sha"]?.string ?? ""
    guard let digest = digest(message, hashName) else {
      report.skip(file, test.name, reason: "hash \(hashName)")
      return
    }
    let answer = verdict(signature, form, encodedKey, digest)
    switch (test.result, answer) {
    // An acceptable case may be answered either way; ours is the strict reading of its form.
    case (.valid, nil), (.acceptable, _): report.pass(file, test.name)
    case (.invalid, _?): report.pass(file, test.name)
    case (.valid, let refusal?):
      report.fail(file, test.name, expected: "valid", actual: "refused: \(refusal)")
    case (.invalid, nil): report.fail(file, test.name, expected: "invalid", actual: "accepted")
    }
  }

  /// Nil when the signature holds.
  private static func verdict(
    _ signature: [UInt8], _ form: Form, _ encodedKey: [UInt8], _ digest: Bytes32
  ) -> String? {
    let key: Secp256k1.PublicKey
    do { key = try Secp256k1.PublicKey(sec1: encodedKey) } catch { return "key \(error)" }
    do {
      let parsed =
        switch form {
        case .der, .bitcoin: try Secp256k1.Signature(der: signature.span)
        case .p1363: try Secp256k1.Signature(compact: signature.span)
        }
      try Secp256k1.verify(
        digest: digest, signature: parsed, key: key, policy: form == .bitcoin ? .lowSRequired : .anyS)
      return nil
    } catch { return "\(error)" }
  }

  /// The 32 bytes to verify; nil for a hash that is not known.
  private static func digest(_ message: [UInt8], _ hashName: String) -> Bytes32? {
    let bytes = message.span
    let hash: [UInt8]? =
      switch hashName {
      case "SHA-256": SHA256Hash.hash(bytes).array
      case "SHA-384": SecureHashes.sha384(bytes).array
      case "SHA-512": SecureHashes.sha512(bytes).array
      case "SHA3-256": SecureHashes.sha3256(bytes).array
      case "SHA3-512": SecureHashes.sha3512(bytes).array
      // FIPS 186-5 with FIPS 202: 256 and 512 bits of output.
      case "SHAKE128": SHAKE.shake128(bytes, count: 32)
      case "SHAKE256": SHAKE.shake256(bytes, count: 64)
      default: nil
      }
    return hash.map { Secp256k1.digest(truncating: $0.span) }
  }
}
