import Encodings
import SigningRules
import WireBytes

/// EIP-3076: the interchange tests of eth-clients, and interchange files as they are.
public enum EIP3076Suite: ConformanceSuite {
  public static let name = "eip3076"
  public static let summary =
    "EIP-3076 slashing protection: test files {name, genesis_validators_root, steps: [{should_succeed, "
    + "contains_slashable_data, interchange, blocks, attestations}]}, read with the complete strategy; and "
    + "interchange files {metadata, data}, which are imported, or refused when malformed"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    corpus.eachJSON(into: &report) { file, json, report in
      if let steps = json["steps"]?.array, json["genesis_validators_root"] != nil {
        runSteps(steps, json, file, &report)
      } else if json["$schema"] != nil || json["properties"] != nil {
        report.skip(file, "file", reason: "a JSON schema, which holds no cases")
      } else if json["metadata"] != nil || json["data"] != nil {
        EIP3076Files.run(json, file, &report)
      } else {
        report.skip(file, "file", reason: "no known schema of EIP-3076")
      }
    }
  }

  /// Imports and signs, step by step, into one database that starts empty (README of the test suite, v5.3).
  private static func runSteps(
    _ steps: [JSONValue], _ json: JSONValue, _ file: String, _ report: inout ConformanceReport
  ) {
    guard let text = json["genesis_validators_root"]?.string, let root = try? Bytes32(hex: text) else {
      report.fail(file, "genesis_validators_root", expected: "32 bytes in hex", actual: "something else")
      return
    }
    var database = SlashingProtection(genesisValidatorsRoot: root)
    for (index, step) in steps.enumerated() {
      let name = "step \(index)"
      guard let interchange = step["interchange"], let shouldSucceed = step["should_succeed"]?.boolean,
        let slashable = step["contains_slashable_data"]?.boolean
      else {
        report.fail(
          file, name, expected: "interchange, should_succeed, contains_slashable_data", actual: "missing")
        return
      }
      switch (merge(interchange, into: &database), shouldSucceed) {
      case (.success(let outcome), true):
        if !slashable, outcome.slashableCount > 0 {
          report.fail(
            file, name + " import", expected: "nothing slashable",
            actual: "\(outcome.slashableCount) slashable")
        } else {
          report.pass(file, name + " import")
        }
      case (.failure, false): report.pass(file, name + " import")
      case (.success, false): report.fail(file, name + " import", expected: "refused", actual: "imported")
      case (.failure(let error), true):
        report.fail(file, name + " import", expected: "imported", actual: "refused: \(error)")
        return
      }
      // A refused file leaves the database as it was, and what follows is still asked of it.
      for (place, block) in (step["blocks"]?.array ?? []).enumerated() {
        sign(block, "\(name) block \(place)", isBlock: true, file, &database, &report)
      }
      for (place, attestation) in (step["attestations"]?.array ?? []).enumerated() {
        sign(attestation, "\(name) attestation \(place)", isBlock: false, file, &database, &report)
      }
    }
  }

  enum MergeError: Error {
    case malformed(SlashingInterchangeError)
    case refused(SlashingImportError)
  }

  static func merge(
    _ json: JSONValue, into database: inout SlashingProtection
  ) -> Result<SlashingImport, MergeError> {
    let interchange: SlashingInterchange
    do { interchange = try SlashingInterchange(json: json) } catch { return .failure(.malformed(error)) }
    do { return .success(try database.merge(interchange)) } catch { return .failure(.refused(error)) }
  }

  private static func sign(
    _ test: JSONValue, _ name: String, isBlock: Bool, _ file: String, _ database: inout SlashingProtection,
    _ report: inout ConformanceReport
  ) {
    // Files older than 5.3 have no verdict of their own for the complete strategy.
    let verdict = test["should_succeed_complete"]?.boolean ?? test["should_succeed"]?.boolean
    guard let verdict, let keyText = test["pubkey"]?.string, let key = try? FixedBytes<48>(hex: keyText)
    else {
      report.fail(file, name, expected: "pubkey and should_succeed", actual: "missing")
      return
    }
    let root = test["signing_root"]?.string.flatMap { try? Hex.decode($0) }
    func number(_ member: String) -> UInt64? { test[member]?.integer(UInt64.self) }
    var answer = "signed"
    do throws(SlashingRefusal) {
      if isBlock, let slot = number("slot") {
        try database.sign(SignedBlock(slot: slot, signingRoot: root), by: key)
      } else if !isBlock, let source = number("source_epoch"), let target = number("target_epoch") {
        try database.sign(
          SignedAttestation(sourceEpoch: source, targetEpoch: target, signingRoot: root), by: key)
      } else {
        report.fail(file, name, expected: "decimal slot or epochs", actual: "missing")
        return
      }
    } catch { answer = "refused: \(error)" }
    if (answer == "signed") == verdict {
      report.pass(file, name)
    } else {
      report.fail(file, name, expected: verdict ? "signed" : "refused", actual: answer)
    }
  }
}
