import Encodings
import MerkleProofs

/// The log part of Sigstore conformance bundles: a folder whose name ends in `_fail` must be refused.
enum SigstoreCases {
  /// What a folder's name says is wrong, and the refusals of ours that say the same.
  private static let reasons: [(name: String, isMeant: @Sendable (SigstoreLogError) -> Bool)] = [
    ("checkpoint-missing-root", { if case .checkpoint = $0 { true } else { false } }),
    ("checkpoint-missing-size", { if case .checkpoint = $0 { true } else { false } }),
    ("checkpoint-missing-origin", { if case .checkpoint = $0 { true } else { false } }),
    ("checkpoint-missing-log-signature", { if case .checkpointNote = $0 { true } else { $0 == .keyHint } }),
    ("checkpoint-no-matching-signature", { if case .checkpointNote = $0 { true } else { $0 == .keyHint } }),
    ("invalid-checkpoint-signature", { if case .checkpointNote = $0 { true } else { $0 == .keyHint } }),
    ("bad-keyhint", { $0 == .keyHint }),
    ("wrong-roothash", { $0 == .checkpointTree }),
    ("no-inclusion-proof", { $0 == .missingInclusionProof }),
    ("missing-inclusion-proof", { $0 == .missingInclusionProof }),
    ("invalid-inclusion-proof", { if case .inclusion = $0 { true } else { false } }),
    ("inclusion-proof-corrupted", { if case .inclusion = $0 { true } else { false } }),
    ("missing-validity-start", { $0 == .logKeyValidity }),
    ("unknown-version", { $0 == .version }),
    ("negative-log-index", { $0 == .logIndex }),
    ("dsse-mismatch-envelope", { $0 == .digest }),
    ("dsse-mismatch-sig", { $0 == .signature }),
    ("dsse-invalid-sig", { $0 == .signature }),
    ("signature-mismatch", { $0 == .signature }),
    ("invalid-base64-signature", { $0 == .form("signature") }),
    ("empty-certificate-chain", { $0 == .certificate }),
    ("incorrect-public-key", { if case .inclusion = $0 { true } else { $0 == .certificate } }),
    ("message-digest-mismatch", { $0 == .digest }),
    ("wrong-hashedrekord-artifact", { $0 == .digest }),
    ("wrong-hashedrekord-entry", { $0 == .digest || $0 == .signature }),
    ("wrong-hashedrekord-cert", { $0 == .certificate || $0 == .signature }),
    ("wrong-material", { $0 == .digest }),
  ]

  /// Parts of names whose fault lies outside the log part: there it must hold.
  private static let outside = ["timestamp", "-tsa-", "sct", "identity", "expired"]

  static func run(
    _ file: String, _ bundle: JSONValue, _ corpus: CorpusDirectory, into report: inout ConformanceReport
  ) {
    let parts = file.split(separator: "/").dropLast()
    guard let folder = parts.last.map(String.init) else {
      return report.skip(file, "bundle", reason: "no folder whose name says what is expected")
    }
    let prefix = parts.joined(separator: "/") + "/"
    let part = SigstoreLogPart(
      bundle: bundle, trustedRoot: try? corpus.json(prefix + "trusted_root.json"),
      artifact: artifact(parts.map(String.init), corpus))
    let wantsRefusal = folder.hasSuffix("_fail")
    let isOutside = outside.contains { folder.contains($0) }
    do {
      let verdict = try part.verify()
      switch (verdict, wantsRefusal) {
      case (.holds, false):
        report.pass(file, "log part accepted")
      case (.undecided(let reason), _):
        report.skip(file, "log part", reason: "not decidable here: \(reason)")
      case (.holds, true) where reasons.contains { folder.contains($0.name) }:
        report.fail(file, "log part", expected: "refused", actual: "accepted")
      case (.holds, true):
        report.skip(
          file, "log part",
          reason: "the log part holds; what is wrong lies in certificates, timestamps or signatures")
      }
    } catch {
      if !wantsRefusal || isOutside {
        report.fail(file, "log part", expected: "accepted", actual: "refused: \(error)")
      } else if let reason = reasons.first(where: { folder.contains($0.name) }) {
        if reason.isMeant(error) {
          report.pass(file, "log part refused: \(error)")
        } else {
          report.fail(file, "log part", expected: "refused: \(reason.name)", actual: "refused: \(error)")
        }
      } else {
        report.skip(
          file, "log part", reason: "refused (\(error)), but whether for the reason meant is not known")
      }
    }
  }

  /// The file that was signed: in the bundle's folder, or the one that cases of the corpus share.
  private static func artifact(_ folders: [String], _ corpus: CorpusDirectory) -> [UInt8]? {
    for depth in (0...folders.count).reversed() {
      let prefix = folders[..<depth].map { $0 + "/" }.joined()
      for name in ["artifact", "a.txt"] where corpus.contains(prefix + name) {
        return try? corpus.bytes(prefix + name)
      }
    }
    return nil
  }
}
