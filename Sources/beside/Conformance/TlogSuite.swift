import Digests
import Encodings
import MerkleProofs
import WireBytes

/// Transparency logs: RFC 6962 proofs, tiled logs, witness protocols, the log part of Sigstore bundles.
///
/// Schemas: {leafIdx, treeSize, root, leafHash, proof, wantErr}, {leafIdx, start, end, …}, {size1, size2, root1,
/// root2, proof, wantErr}, {start, end, size, …} with base64; {leafInputs, inclusion[]} with hex; {log, log_key,
/// witness_name, steps[]}; Sigstore bundles in folders; signed checkpoints beside `tile/`.
public enum TlogSuite: ConformanceSuite {
  public static let name = "tlog"
  public static let summary =
    "transparency logs: RFC 6962 proofs, C2SP checkpoints, tiles and witness requests, Sigstore log entries"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    for file in corpus.files {
      let base = file.split(separator: "/").last.map(String.init) ?? file
      if file.hasSuffix(".md") || isTile(file) { continue }
      guard let bytes = try? corpus.bytes(file) else {
        report.skip(file, "file", reason: "unreadable")
        continue
      }
      if base.hasPrefix("checkpoint"), !base.hasSuffix(".json") {
        TlogTiles.run(file, bytes, corpus, into: &report)
        continue
      }
      guard let json = try? JSONValue(decoding: bytes) else {
        // Texts and artifacts that belong to a bundle are read with it.
        if !isCompanion(base) { report.skip(file, "file", reason: "no JSON, no checkpoint") }
        continue
      }
      if json["mediaType"]?.string?.contains("sigstore.trustedroot") == true { continue }
      if SigstoreLogPart.isBundle(json) {
        SigstoreCases.run(file, json, corpus, into: &report)
      } else if json["steps"]?.array != nil, json["log"] != nil {
        TlogWitness.run(file, json, into: &report)
      } else if json["wantErr"]?.boolean != nil {
        proof(file, json, &report)
      } else if json["leafInputs"]?.array != nil, let cases = json["inclusion"]?.array {
        for (index, element) in cases.enumerated() {
          report.expect(file, "inclusion \(index)", "accepted", inclusion(json["leafInputs"], element))
        }
      } else if let cases = json["cases"]?.array,
        cases.allSatisfy({ $0["base"] != nil && $0["patch"] != nil })
      {
        for element in cases { patched(file, element, corpus, &report) }
      } else {
        report.skip(file, "file", reason: "no schema of this suite")
      }
    }
  }

  /// Tiles and bundles of entries are read with the checkpoints beside them.
  private static func isTile(_ file: String) -> Bool { file.hasPrefix("tile/") || file.contains("/tile/") }

  private static func isCompanion(_ base: String) -> Bool {
    ["README", "artifact", "a.txt", "key.pub", "identity", "issuer"].contains(base)
  }

  // MARK: Proofs with wantErr

  private static func proof(_ file: String, _ json: JSONValue, _ report: inout ConformanceReport) {
    let name = json["desc"]?.string ?? "proof"
    let wantsError = json["wantErr"]?.boolean == true
    guard let outcome = outcome(json) else {
      return report.skip(file, name, reason: "no schema of this suite, or a number over 64 bits")
    }
    if wantsError != outcome.hasPrefix("refused") {
      report.fail(file, name, expected: wantsError ? "refused" : "accepted", actual: outcome)
    } else {
      report.pass(file, name)
    }
  }

  /// Nil when it is no schema of proofs.
  private static func outcome(_ json: JSONValue) -> String? {
    func number(_ name: String) -> UInt64? { json[name]?.integer(UInt64.self) }
    let proof = (json["proof"]?.array ?? []).map { hash($0) }
    do {
      if let index = number("leafIdx") {
        // A leaf hash of another length is none; roots are only compared.
        guard let leaf = json["leafHash"]?.string.flatMap(CorpusBase64.decode), leaf.count == 32 else {
          return "refused: leaf hash"
        }
        let leafHash = Bytes32 { leaf[$0] }
        let root = hash(json["root"])
        if let size = number("treeSize") {
          try RFC6962.verifyInclusion(leafHash: leafHash, index: index, size: size, proof: proof, root: root)
        } else if let start = number("start"), let end = number("end") {
          try RFC6962.verifySubtreeInclusion(
            leafHash: leafHash, index: index, start: start, end: end, proof: proof, root: root)
        } else {
          return nil
        }
      } else if let old = number("size1"), let new = number("size2") {
        try RFC6962.verifyConsistency(
          oldSize: old, newSize: new, proof: proof, oldRoot: hash(json["root1"]), newRoot: hash(json["root2"])
        )
      } else if let start = number("start"), let end = number("end"), let size = number("size") {
        try RFC6962.verifySubtreeConsistency(
          start: start, end: end, size: size, proof: proof, subtreeRoot: hash(json["root1"]),
          root: hash(json["root2"]))
      } else {
        return nil
      }
      return "accepted"
    } catch { return "refused: \(error)" }
  }

  /// 32 bytes as they are. A corpus also has texts in the place of hashes that are only compared with each other:
  /// such a value stands as a hash of it, which equals that of the same text and no computed root.
  private static func hash(_ value: JSONValue?) -> Bytes32 {
    let bytes = value?.string.flatMap(CorpusBase64.decode) ?? []
    return bytes.count == 32 ? Bytes32 { bytes[$0] } : SHA256Hash.hash([0xff] + bytes)
  }

  // MARK: Inclusion over given leaves

  private static func inclusion(_ leaves: JSONValue?, _ element: JSONValue) -> String {
    guard let inputs = leaves?.array, let count = element["numLeaves"]?.integer(Int.self),
      let index = element["leaf"]?.integer(Int.self), inputs.indices.contains(index),
      (0...inputs.count).contains(count), let root = element["root"]?.string,
      let root = try? Bytes32(hex: root), let hashes = element["proof"]?.array
    else { return "refused: form" }
    var proof: [Bytes32] = []
    for value in hashes {
      guard let text = value.string, let hash = try? Bytes32(hex: text) else { return "refused: form" }
      proof.append(hash)
    }
    var given: [[UInt8]] = []
    for input in inputs[..<count] {
      guard let text = input.string, let bytes = try? Hex.decode(text) else { return "refused: form" }
      given.append(bytes)
    }
    guard let text = inputs[index].string, let leaf = try? Hex.decode(text) else { return "refused: form" }
    do {
      try RFC6962.verifyInclusion(
        leafHash: RFC6962.leafHash(leaf.span), index: UInt64(index), size: UInt64(count), proof: proof,
        root: root)
      // The corpus lists the leaves, so the root and the proof can be rebuilt too.
      let tree = RFC6962Tree(leaves: given)
      guard tree.root == root, tree.inclusionProof(index: index, size: count) == proof else {
        return "refused: rebuilt tree"
      }
      return "accepted"
    } catch { return "refused: \(error)" }
  }

  /// A base file with replacements, which must be refused.
  private static func patched(
    _ file: String, _ element: JSONValue, _ corpus: CorpusDirectory, _ report: inout ConformanceReport
  ) {
    let name = element["name"]?.string ?? "patched"
    let folder = file.split(separator: "/").dropLast().map { $0 + "/" }.joined()
    guard let base = element["base"]?.string, var json = try? corpus.json(folder + base) else {
      return report.skip(file, name, reason: "the base file is not there")
    }
    var place: Int?
    for operation in element["patch"]?.array ?? [] {
      let path = (operation["path"]?.string ?? "").split(separator: "/").map(String.init)
      guard operation["op"] == "replace", let value = operation["value"], path.count >= 2,
        path[0] == "inclusion", let replaced = json.replacing(path[...], with: value)
      else { return report.skip(file, name, reason: "not a replacement in a list of inclusion proofs") }
      place = Int(path[1])
      json = replaced
    }
    guard let place, let changed = json["inclusion"]?[place] else {
      return report.skip(file, name, reason: "names no inclusion proof")
    }
    let outcome = inclusion(json["leafInputs"], changed)
    if outcome.hasPrefix("refused") {
      report.pass(file, name)
    } else {
      report.fail(file, name, expected: "refused", actual: outcome)
    }
  }
}

extension JSONValue {
  /// The value with the part at `path` replaced; nil when there is none.
  fileprivate func replacing(_ path: ArraySlice<String>, with value: JSONValue) -> JSONValue? {
    guard let name = path.first else { return value }
    switch self {
    case .object(var members):
      guard let replaced = members[name]?.replacing(path.dropFirst(), with: value) else { return nil }
      members[name] = replaced
      return .object(members)
    case .array(var elements):
      guard let index = Int(name), elements.indices.contains(index),
        let replaced = elements[index].replacing(path.dropFirst(), with: value)
      else { return nil }
      elements[index] = replaced
      return .array(elements)
    default: return nil
    }
  }
}
