import Encodings
import SignatureSchemes
import WireBytes

/// Ed25519 under its three rules: Wycheproof, NEAR's bridge list, C2SP's edge cases.
public enum Ed25519Suite: ConformanceSuite {
  public static let name = "ed25519"
  public static let summary =
    "Ed25519 verification: Wycheproof eddsa_verify_schema_v1, NEAR {description, k, msg, sig, valid}, "
    + "C2SP CCTV {number, key, sig, msg, flags}"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    corpus.eachJSON(into: &report) { file, json, report in
      if let wycheproof = WycheproofFile(json) {
        runWycheproof(wycheproof, file, &report)
      } else if let cases = json.array, let first = cases.first, first["k"] != nil, first["valid"] != nil {
        for (index, test) in cases.enumerated() { runNEAR(test, file, index, &report) }
      } else if let cases = json.array, let first = cases.first, first["key"] != nil, first["flags"] != nil {
        for (index, test) in cases.enumerated() { runEdgeCase(test, file, index, &report) }
      } else {
        report.skip(file, "file", reason: "no known Ed25519 schema")
      }
    }
  }

  /// Whether the signature holds, or the error's case.
  static func verdict(
    _ message: [UInt8], _ signature: [UInt8], _ key: [UInt8], _ rule: Ed25519.Rule
  ) -> String {
    do {
      try Ed25519.verify(message.span, signature: signature.span, key: key.span, rule: rule)
      return "accepted"
    } catch { return "refused: \(error)" }
  }

  /// Wycheproof judges by RFC 8032, which is silent about small order and says nothing of the wider rules.
  ///
  /// What is valid must hold under ref10 and ZIP-215, and under the strict rule unless it names small order. What is
  /// invalid must be refused by the strict rule, and by ref10 unless only the form of A or R is at fault.
  private static func runWycheproof(
    _ wycheproof: WycheproofFile, _ file: String, _ report: inout ConformanceReport
  ) {
    guard wycheproof.schema.hasPrefix("eddsa_verify_schema") else {
      report.skip(file, "file", reason: "schema \(wycheproof.schema) is not of Ed25519 verification")
      return
    }
    for group in wycheproof.groups {
      let curve = group.fields["publicKey"]?["curve"]?.string
      for test in group.tests {
        guard curve == "edwards25519" else {
          report.skip(file, test.name, reason: "curve \(curve ?? "unnamed")")
          continue
        }
        guard let key = group.fields["publicKey"]?["pk"]?.bytes, let message = test.fields["msg"]?.bytes,
          let signature = test.fields["sig"]?.bytes
        else {
          report.fail(file, test.name, expected: "key, message and signature in hex", actual: "missing")
          continue
        }
        let verdicts = [Ed25519.Rule.rfc8032Strict, .ref10, .zip215].map {
          verdict(message, signature, key, $0)
        }
        let accepted = verdicts.map { $0 == "accepted" }
        let isSmallOrder = verdicts[0].hasSuffix("SmallOrder")
        let isForm = isSmallOrder || verdicts[0].hasSuffix("NotCanonical")
        switch test.result {
        case .valid where (accepted[0] || isSmallOrder) && accepted[1] && accepted[2]:
          report.pass(file, test.name)
        // Either answer is right; a narrower rule must not take what a wider one refuses.
        case .acceptable where (!accepted[0] || accepted[1]) && (!accepted[1] || accepted[2]):
          report.pass(file, test.name)
        case .invalid where !accepted[0] && (!accepted[1] || isForm): report.pass(file, test.name)
        default:
          report.fail(file, test.name, expected: "\(test.result)", actual: verdicts.joined(separator: "; "))
        }
      }
    }
  }

  /// NEAR's list follows ref10: R is compared by its bytes, keys of small order are taken.
  private static func runNEAR(
    _ test: JSONValue, _ file: String, _ index: Int, _ report: inout ConformanceReport
  ) {
    let name = "\(index) \(test["description"]?.string ?? "")"
    guard let key = test["k"]?.bytes, let message = test["msg"]?.bytes, let signature = test["sig"]?.bytes,
      let valid = test["valid"]?.boolean
    else {
      report.fail(file, name, expected: "k, msg, sig in hex and valid", actual: "missing")
      return
    }
    let answer = verdict(message, signature, key, .ref10)
    if (answer == "accepted") == valid {
      report.pass(file, name)
    } else {
      report.fail(file, name, expected: valid ? "accepted" : "refused", actual: answer)
    }
  }

  /// C2SP's cases carry properties; each rule's verdict follows from them (CCTV ed25519/README.md).
  private static func runEdgeCase(
    _ test: JSONValue, _ file: String, _ index: Int, _ report: inout ConformanceReport
  ) {
    let name = "\(test["number"]?.integer(Int.self) ?? index)"
    guard let key = test["key"]?.bytes, let signature = test["sig"]?.bytes, let message = test["msg"]?.string
    else {
      report.fail(file, name, expected: "key and sig in hex and msg", actual: "missing")
      return
    }
    let flags = Set((test["flags"]?.array ?? []).compactMap { $0.string })
    // k over re-encoded points is another scalar; it does not matter only when A has no part of order L.
    let equationHolds = !flags.contains("reencoded_k") || flags.contains("low_order_A")
    let wide = equationHolds
    let middle = wide && flags.isDisjoint(with: ["low_order_residue", "non_canonical_R"])
    let narrow = middle && flags.isDisjoint(with: ["low_order_A", "low_order_R", "non_canonical_A"])
    let text = [UInt8](message.utf8)
    let answers = [
      (Ed25519.Rule.rfc8032Strict, narrow), (.ref10, middle), (.zip215, wide),
    ].map { rule, expected in (rule, expected, verdict(text, signature, key, rule)) }
    let wrong = answers.filter { ($0.2 == "accepted") != $0.1 }
    if wrong.isEmpty {
      report.pass(file, name)
    } else {
      report.fail(
        file, name, expected: flags.sorted().joined(separator: " "),
        actual: wrong.map { "\($0.0): \($0.2)" }.joined(separator: "; "))
    }
  }
}
