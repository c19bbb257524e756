import Encodings
import MerkleProofs
import WireBytes

/// Vectors of cosmos/ics23: whole proofs by store, cases of single functions, and inputs that a fuzzer found.
///
/// Schemas: {root, proof, key, value?} in hex, in a folder named after the store; maps or lists of unit cases with
/// bytes in base64 ({Proof, Spec, Err}, {Leaf, Spec, IsErr}, {Proof, IsErr, Expected}, {Op, Key, Value, IsErr,
/// Expected}, {Op, Child, IsErr, Expected}, {HashOp, Preimage, ExpectedHash}, {Op, Spec, IsLeft, IsRight}); Go fuzz
/// corpus files. Member names count in any case, as for Go's reader.
public enum ICS23Suite: ConformanceSuite {
  public static let name = "ics23"
  public static let summary =
    "ICS-23 proofs of IAVL, Tendermint and sparse Merkle stores, and cases of their parts"

  static let specs: [(name: String, spec: ICS23.ProofSpec)] = [
    ("iavl", .iavl), ("tendermint", .tendermint), ("smt", .sparseMerkleTree),
  ]

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    for file in corpus.files {
      if file.hasSuffix(".md") { continue }
      do {
        let bytes = try corpus.bytes(file)
        if bytes.starts(with: "go test fuzz v1\n".utf8) {
          fuzzed(file, bytes, &report)
          continue
        }
        let json = FoldedJSON(try corpus.json(file))
        if json["root"] != nil, json["proof"] != nil, json["key"] != nil {
          vector(file, json, &report)
        } else if let cases = json.cases, !cases.isEmpty {
          for (name, testCase) in cases { unit(file, name, testCase, &report) }
        } else {
          report.skip(file, "file", reason: "no schema of this suite")
        }
      } catch {
        report.skip(file, "file", reason: "not JSON and no Go fuzz input: \(error)")
      }
    }
  }

  // MARK: Whole proofs

  /// The store is the one whose name is a folder on the path, or is named by a member `spec`.
  private static func store(_ file: String, _ json: FoldedJSON) -> (name: String, spec: ICS23.ProofSpec)? {
    let folders = file.lowercased().split(separator: "/").dropLast()
    let named = json["spec"]?.value.string?.lowercased()
    return specs.first { spec in spec.name == named || folders.contains { $0 == spec.name } }
  }

  private static func vector(_ file: String, _ json: FoldedJSON, _ report: inout ConformanceReport) {
    guard let store = store(file, json) else {
      return report.skip(file, "proof", reason: "the path names no store (iavl, tendermint, smt)")
    }
    guard let root = json.hex("root"), let encoded = json.hex("proof"), let key = json.hex("key") else {
      return report.skip(file, "proof", reason: "root, proof and key are not hex")
    }
    let value = json.hex("value") ?? []
    let proof: ICS23.CommitmentProof
    do { proof = try ICS23.CommitmentProof(decoding: encoded.span) } catch {
      return report.fail(file, "decode", expected: "a commitment proof", actual: "\(error)")
    }
    report.expect(
      file, "encodes to the same bytes", Hex.encode(encoded), Hex.encode(proof.encoded()))
    let claim = Claim(root: root, key: key, value: value)
    report.expect(file, "accepted", "accepted", claim.outcome(proof, store.spec))
    for other in specs where other.name != store.name {
      refused(file, "with the spec \(other.name)", claim.outcome(proof, other.spec), &report)
    }
    var changedRoot = root
    if !changedRoot.isEmpty { changedRoot[0] ^= 1 }
    refused(
      file, "with another root", Claim(root: changedRoot, key: key, value: value).outcome(proof, store.spec),
      &report)
    if value.isEmpty {
      // The neighbours exist, so neither can be absent.
      if case .nonExistence(let absence) = proof {
        for (name, neighbour) in [("left", absence.left), ("right", absence.right)] {
          guard let neighbour else { continue }
          let claim = Claim(root: root, key: neighbour.key, value: [])
          refused(file, "absence of the \(name) neighbour", claim.outcome(proof, store.spec), &report)
        }
      }
      refused(
        file, "as existence", Claim(root: root, key: key, value: [1]).outcome(proof, store.spec), &report)
    } else {
      refused(
        file, "with another key",
        Claim(root: root, key: key + [0], value: value).outcome(proof, store.spec), &report)
      refused(
        file, "with another value",
        Claim(root: root, key: key, value: value + [0]).outcome(proof, store.spec), &report)
      refused(file, "as absence", Claim(root: root, key: key, value: []).outcome(proof, store.spec), &report)
    }
  }

  /// What a proof is asked to show; an empty value asks for absence.
  private struct Claim {
    let root: [UInt8]
    let key: [UInt8]
    let value: [UInt8]

    func outcome(_ proof: ICS23.CommitmentProof, _ spec: ICS23.ProofSpec) -> String {
      do {
        if value.isEmpty {
          try proof.verifyNonMembership(spec: spec, root: root.span, key: key.span)
        } else {
          try proof.verifyMembership(spec: spec, root: root.span, key: key.span, value: value.span)
        }
        return "accepted"
      } catch {
        return "refused: \(error)"
      }
    }
  }

  private static func refused(
    _ file: String, _ name: String, _ outcome: String, _ report: inout ConformanceReport
  ) {
    if outcome.hasPrefix("refused") {
      report.pass(file, name)
    } else {
      report.fail(file, name, expected: "refused", actual: outcome)
    }
  }

  // MARK: Cases of single functions

  private static func unit(
    _ file: String, _ name: String, _ testCase: FoldedJSON, _ report: inout ConformanceReport
  ) {
    if testCase["hashop"] != nil, testCase["preimage"] != nil {
      hash(file, name, testCase, &report)
    } else if testCase["op"] != nil, testCase["isleft"] != nil {
      emptyBranch(file, name, testCase, &report)
    } else if testCase.has("op"), testCase.has("child") {
      step(file, name, testCase, &report) {
        guard let operation = testCase["op"]?.innerOperation else { return "refused: no operation" }
        let child = testCase.base64("child") ?? []
        return calculated { () throws(ICS23.OperationError) in try operation.apply(to: child.span) }
      }
    } else if testCase.has("op"), testCase.has("key"), testCase.has("value") {
      step(file, name, testCase, &report) {
        guard let operation = testCase["op"]?.leafOperation else { return "refused: no operation" }
        let key = testCase.base64("key") ?? []
        let value = testCase.base64("value") ?? []
        return calculated { () throws(ICS23.OperationError) in
          try operation.apply(key: key.span, value: value.span)
        }
      }
    } else if testCase.has("leaf"), testCase.has("spec") {
      guard let leaf = testCase["leaf"]?.leafOperation, let spec = testCase["spec"]?.leafOperation else {
        return report.skip(file, name, reason: "an operation or hash of a number that is not defined")
      }
      verdict(file, name, wanted: testCase["iserr"]?.value.boolean == true ? "an error" : "", &report) {
        do throws(ICS23.OperationError) {
          try leaf.check(against: spec)
          return nil
        } catch { return .leaf(error) }
      }
    } else if testCase.has("proof"), testCase.has("spec"), testCase.has("err") {
      guard let proof = testCase["proof"]?.existenceProof else {
        return report.skip(file, name, reason: "the proof is not in the form of the schema")
      }
      verdict(file, name, wanted: testCase["err"]?.value.string ?? "", &report) {
        // A spec with a part missing allows nothing; no proof may get past it.
        guard let spec = testCase["spec"]?.proofSpec else { return .missingLeaf }
        do throws(ICS23.ExistenceError) {
          try proof.check(against: spec)
          return nil
        } catch { return error }
      }
    } else if testCase.has("proof"), testCase.has("iserr") {
      step(file, name, testCase, &report) {
        guard let proof = testCase["proof"]?.existenceProof else { return "refused: no proof" }
        return calculated { () throws(ICS23.ExistenceError) in try proof.calculatedRoot() }
      }
    } else {
      report.skip(file, name, reason: "no schema of this suite")
    }
  }

  private static func calculated<Failure: Error>(
    _ body: () throws(Failure) -> ICS23.Digest
  ) -> String {
    do { return Hex.encode(try body().bytes) } catch { return "refused: \(error)" }
  }

  /// A case that gives bytes or an error.
  private static func step(
    _ file: String, _ name: String, _ testCase: FoldedJSON, _ report: inout ConformanceReport,
    _ body: () -> String
  ) {
    let outcome = body()
    if testCase["iserr"]?.value.boolean == true {
      refused(file, name, outcome, &report)
    } else if let expected = testCase.base64("expected") {
      report.expect(file, name, Hex.encode(expected), outcome)
    } else {
      report.skip(file, name, reason: "neither an error nor bytes are expected")
    }
  }

  private static func hash(
    _ file: String, _ name: String, _ testCase: FoldedJSON, _ report: inout ConformanceReport
  ) {
    guard let number = testCase["hashop"]?.value.integer(Int32.self),
      let hash = ICS23.HashOperation(rawValue: number), let preimage = testCase["preimage"]?.value.string,
      let expected = testCase.hex("expectedhash")
    else { return report.skip(file, name, reason: "a hash of a number that is not defined") }
    let bytes = [UInt8](preimage.utf8)
    let outcome = calculated { () throws(ICS23.OperationError) in try hash.digest(bytes.span) }
    if outcome.hasPrefix("refused") {
      report.skip(file, name, reason: "\(hash) is not computed here")
    } else {
      report.expect(file, name, Hex.encode(expected), outcome)
    }
  }

  private static func emptyBranch(
    _ file: String, _ name: String, _ testCase: FoldedJSON, _ report: inout ConformanceReport
  ) {
    guard let step = testCase["op"]?.innerOperation, let spec = testCase["spec"]?.proofSpec else {
      return report.skip(file, name, reason: "the operation or the spec is not in the form of the schema")
    }
    let expected = (testCase["isleft"]?.value.boolean ?? false, testCase["isright"]?.value.boolean ?? false)
    do {
      try step.check(against: spec, layer: 1)
      let actual = (try spec.inner.leftBranchesAreEmpty(step), try spec.inner.rightBranchesAreEmpty(step))
      report.expect(file, name, "\(expected)", "\(actual)")
    } catch {
      report.fail(file, name, expected: "\(expected)", actual: "\(error)")
    }
  }

  /// A case that wants no error, or an error whose text the Go library gave.
  private static func verdict(
    _ file: String, _ name: String, wanted: String, _ report: inout ConformanceReport,
    _ body: () -> ICS23.ExistenceError?
  ) {
    let outcome = body()
    guard let outcome else {
      return report.expect(file, name, wanted.isEmpty ? "accepted" : "refused: \(wanted)", "accepted")
    }
    if wanted.isEmpty {
      report.fail(file, name, expected: "accepted", actual: "refused: \(outcome)")
    } else if outcome.isMeant(by: wanted) {
      report.pass(file, name)
    } else {
      report.fail(file, name, expected: wanted, actual: "\(outcome)")
    }
  }

  // MARK: Fuzz inputs

  /// One `[]byte("…")` that holds JSON of a case; nothing of it may verify.
  private static func fuzzed(_ file: String, _ bytes: [UInt8], _ report: inout ConformanceReport) {
    guard let input = GoLiteral.bytes(in: bytes) else {
      return report.skip(file, "input", reason: "not one []byte literal")
    }
    guard let value = try? JSONValue(decoding: input) else {
      // Go stops at the reader too.
      return report.pass(file, "refused as no JSON")
    }
    let json = FoldedJSON(value)
    let proof = json["proof"]
    let ref = json["ref"]
    if let ref {
      let root = ref.base64("roothash") ?? []
      let key = ref.base64("key") ?? []
      let value = ref.base64("value") ?? []
      guard let spec = json["spec"]?.proofSpec, let commitment = proof?.commitmentProof else {
        return report.pass(file, "refused: a part is missing")
      }
      let membership = Claim(root: root, key: key, value: value.isEmpty ? [1] : value)
      refused(file, "membership", membership.outcome(commitment, spec), &report)
      let absence = Claim(root: root, key: key, value: [])
      refused(file, "non-membership", absence.outcome(commitment, spec), &report)
      return
    }
    let existence = (proof ?? json).existenceProof
    let root = existence.flatMap { proof in
      calculated { () throws(ICS23.ExistenceError) in try proof.calculatedRoot() }
    }
    guard let existence, let spec = json["spec"]?.proofSpec else {
      return report.pass(file, "no proof and spec to hold together; root \(root ?? "none")")
    }
    let outcome = calculated { () throws(ICS23.ExistenceError) in
      try existence.verifiedRoot(spec: spec)
    }
    refused(file, "against its spec", outcome, &report)
  }
}

extension ICS23.ExistenceError {
  /// Whether this is what a text of the Go library says (go/proof.go, go/ops.go). A text that is not known here
  /// means no refusal of ours: the case then fails and says both.
  fileprivate func isMeant(by text: String) -> Bool {
    if text == "an error" { return true }
    let text = text.lowercased()
    switch self {
    case .missingLeaf: return text.contains("needs defined leafop") || text.contains("must be non-nil")
    case .depthTooShort: return text.contains("depth too short")
    case .depthTooLong: return text.contains("depth too long")
    case .leaf(let error): return text.hasPrefix("leaf") && error.isMeant(by: text)
    case .inner(_, let error): return text.hasPrefix("inner") && error.isMeant(by: text)
    default: return false
    }
  }
}

extension ICS23.OperationError {
  /// `text` is in lower case.
  fileprivate func isMeant(by text: String) -> Bool {
    switch self {
    case .hash: text.contains("unexpected hashop")
    case .prehashKey: text.contains("unexpected prehashkey")
    case .prehashValue: text.contains("unexpected prehashvalue")
    case .lengthOperation: text.contains("unexpected lengthop")
    case .leafPrefix: text.contains("leaf prefix doesn't start with")
    case .innerPrefixOfLeaf: text.contains("inner prefix starts with")
    case .prefixTooShort: text.contains("prefix too short")
    case .prefixTooLong: text.contains("prefix too long")
    case .childSize: text.contains("childsize must be >= 1")
    case .prefixRange: text.contains("maxprefixlength must be <")
    case .suffix: text.contains("suffix malformed")
    case .tendermintPrefix: text.contains("inner op prefix")
    case .iavl(let error): error.isMeant(by: text)
    default: false
    }
  }
}

extension ICS23.IAVLError {
  /// `text` is in lower case.
  fileprivate func isMeant(by text: String) -> Bool {
    switch self {
    case .heightVarint: text.contains("iavl height varint")
    case .sizeVarint: text.contains("iavl size varint")
    case .versionVarint: text.contains("iavl version varint")
    case .height: text.contains("iavl height (")
    case .size: text.contains("iavl size must")
    case .version: text.contains("iavl version must")
    case .leafHeight: text.contains("leaf node height")
    case .leafSize: text.contains("leaf node size")
    case .remainder: text.contains("remaining prefix length") || text.contains("remainder of prefix")
    case .hash: text.contains("iavl hash op")
    }
  }
}
