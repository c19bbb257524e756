import Encodings
import SigningRules
import WireBytes

/// Interchange files without a verdict of their own: malformed ones must be refused, the others imported, and what they
/// say must then bind.
enum EIP3076Files {
  static func run(_ json: JSONValue, _ file: String, _ report: inout ConformanceReport) {
    let interchange: SlashingInterchange
    do { interchange = try SlashingInterchange(json: json) } catch {
      if isMalformed(json) {
        report.pass(file, "refused as malformed")
      } else {
        report.fail(file, "file", expected: "imported: it fits the schema", actual: "refused: \(error)")
      }
      return
    }
    guard !isMalformed(json) else {
      report.fail(file, "file", expected: "refused: it does not fit the schema", actual: "read")
      return
    }
    var database = SlashingProtection(genesisValidatorsRoot: interchange.genesisValidatorsRoot)
    do { _ = try database.merge(interchange) } catch {
      report.fail(file, "import", expected: "imported", actual: "refused: \(error)")
      return
    }
    report.expect(file, "import", "binding", binds(interchange, database))
    roundTrip(database, file, &report)
  }

  /// Whether another block or attestation is refused wherever the file names one.
  private static func binds(_ interchange: SlashingInterchange, _ database: SlashingProtection) -> String {
    let other = [UInt8](repeating: 0xa5, count: 32)
    for validator in interchange.validators {
      for block in validator.blocks {
        var copy = database
        let signed: Void? = try? copy.sign(
          SignedBlock(slot: block.slot, signingRoot: other), by: validator.publicKey)
        guard signed == nil else { return "another block is signed at slot \(block.slot)" }
      }
      for attestation in validator.attestations {
        var copy = database
        let signed: Void? = try? copy.sign(
          SignedAttestation(
            sourceEpoch: attestation.sourceEpoch, targetEpoch: attestation.targetEpoch, signingRoot: other),
          by: validator.publicKey)
        guard signed == nil else { return "another attestation is signed at \(attestation.targetEpoch)" }
      }
    }
    return "binding"
  }

  /// What is exported is read again, and gives the same database.
  private static func roundTrip(
    _ database: SlashingProtection, _ file: String, _ report: inout ConformanceReport
  ) {
    var again = SlashingProtection(genesisValidatorsRoot: database.genesisValidatorsRoot)
    do {
      let exported = try SlashingInterchange(decoding: [UInt8](database.interchange.text.utf8))
      _ = try again.merge(exported)
      report.expect(file, "export", "equal", again == database ? "equal" : "not equal")
    } catch {
      report.fail(file, "export", expected: "imported", actual: "refused: \(error)")
    }
  }

  /// The EIP's JSON schema, read by itself: which members there must be, and of which type. Texts are looked at as far
  /// as their descriptions say what they hold.
  static func isMalformed(_ json: JSONValue) -> Bool {
    func decimal(_ json: JSONValue?) -> Bool { json?.string.map { UInt64($0) != nil } ?? false }
    func hex(_ json: JSONValue?, bytes: ClosedRange<Int>) -> Bool {
      guard let text = json?.string, text.hasPrefix("0x"), let decoded = try? Hex.decode(text) else {
        return false
      }
      return bytes.contains(decoded.count)
    }
    func isRootWrong(_ json: JSONValue) -> Bool {
      guard let root = json["signing_root"], !root.isNull else { return false }
      return !hex(root, bytes: 1...32)
    }
    guard let metadata = json["metadata"], metadata["interchange_format_version"]?.string == "5",
      hex(metadata["genesis_validators_root"], bytes: 32...32), let entries = json["data"]?.array
    else { return true }
    return entries.contains { entry in
      guard hex(entry["pubkey"], bytes: 48...48), let blocks = entry["signed_blocks"]?.array,
        let attestations = entry["signed_attestations"]?.array
      else { return true }
      return blocks.contains { !decimal($0["slot"]) || isRootWrong($0) }
        || attestations.contains {
          !decimal($0["source_epoch"]) || !decimal($0["target_epoch"]) || isRootWrong($0)
        }
    }
  }
}
