public import Encodings
import MerkleProofs
public import WireBytes

/// Verifies ICS-23 proofs from files: one proof under one root, or a chain of them as IBC clients take it.
///
/// Forms, all bytes in hex:
/// - `{root, proof, key, value?, spec}`: `proof` is a protobuf CommitmentProof, `spec` is `iavl`, `tendermint`,
///   `smt` or a protobuf ProofSpec; without `value` the key must be absent.
/// - `{root | app_hash | header | client, proof | proofs, path, value?, specs?}`: `proof` is a protobuf MerkleProof, `proofs`
///   a list of CommitmentProofs, lowest tree first; `path` lists keys, highest tree first, as text or as `0x` hex;
///   `specs` default to IAVL under Tendermint.
///
/// `header` is a CometBFT header as JSON, whose `app_hash` is the root; that the header is final is not verified.
/// `client` is a 07-tendermint client with a header for it, which is verified: see ``ICS23ClientChain``.
public enum ICS23Verification {
  /// - Parameter root: stands for the root of the input, which may then lack it.
  /// - Throws: ``InputError`` when the input is in neither form; a proof that is wrong is a report, not an error.
  public static func verify(
    _ input: JSONValue, root: Bytes32? = nil
  ) throws(InputError) -> VerificationReport {
    var report = VerificationReport(kind: "ics23")
    let claim: Claim
    do {
      claim = try Claim(input, report: &report)
    } catch {
      switch error {
      case .input(let error): throw error
      case .decoding(let error):
        report.refuse("proof decodes", code: error.code, "the bytes are not a proof: \(CaseText.of(error))")
        return report
      }
    }
    report.add(step: "proof decodes", claim.shape)
    guard let trusted = try trustedRoot(input, given: root, report: &report) else {
      guard report.outcome == .valid else { return report }
      report.leaveUndecided(
        "root is known", code: "missingRoot", "no root, app_hash or header says what to verify against")
      return report
    }
    report.add(fact: "root", Hex.encode(trusted))
    report.id = Hex.encode(trusted)
    claim.verify(root: trusted, report: &report)
    return report
  }

  /// The root and the premise under which it counts.
  private static func trustedRoot(
    _ input: JSONValue, given: Bytes32?, report: inout VerificationReport
  ) throws(InputError) -> [UInt8]? {
    if let given {
      report.assumptions.append(
        VerificationReport.StatedAssumption(
          code: "rootGiven", text: "the root given beside the input is that of a final state"))
      return given.array
    }
    if input.member("client") != nil { return try ICS23ClientChain.root(input, report: &report) }
    for name in ["root", "app_hash"] where input.member(name)?.isNull == false {
      let root = try input.hex(name)
      guard !root.isEmpty else { continue }
      report.assumptions.append(
        VerificationReport.StatedAssumption(
          code: "rootInInput", text: "the root that stands in the input is that of a final state"))
      return root
    }
    for path in ["header.app_hash", "header.header.app_hash", "signed_header.header.app_hash"]
    where input.member(path) != nil {
      let root = try input.hex(path)
      let holder = String(path.dropLast("app_hash".count))
      if let height = input.member(holder + "height")?.integer(UInt64.self) {
        report.add(fact: "height", String(height))
      }
      if let chain = input.member(holder + "chain_id")?.string { report.add(fact: "chain", chain) }
      report.assumptions.append(
        VerificationReport.StatedAssumption(
          code: "headerTrusted",
          text: "the header was trusted by the caller; its commit was not verified here"))
      return root.isEmpty ? nil : root
    }
    return nil
  }

  // MARK: What is claimed

  private enum ClaimError: Error {
    case input(InputError)
    case decoding(ICS23.DecodingError)
  }

  private struct Claim {
    enum Proof {
      case single(ICS23.CommitmentProof, ICS23.ProofSpec)
      case chain(ICS23.MerkleProof, [ICS23.ProofSpec])
    }

    let proof: Proof
    /// Highest tree first.
    let path: [[UInt8]]
    /// Empty: the key is absent.
    let value: [UInt8]
    /// For people.
    let shape: String

    init(_ input: JSONValue, report: inout VerificationReport) throws(ClaimError) {
      do throws(InputError) {
        value = input.member("value")?.isNull == false ? try input.hex("value") : []
      } catch { throw .input(error) }
      if input.member("path") == nil {
        guard input.member("key") != nil else {
          throw .input(
            .form(wanted: "{root, proof, key, value?, spec} or {root, proof | proofs, path, value?}"))
        }
        let bytes: [UInt8]
        do throws(InputError) {
          path = [try input.hex("key")]
          bytes = try input.hex("proof")
        } catch { throw .input(error) }
        let spec = try Self.spec(input.member("spec"), at: "spec")
        do throws(ICS23.DecodingError) {
          let commitment = try ICS23.CommitmentProof(decoding: bytes.span)
          proof = .single(commitment, spec)
          shape = "one proof: \(commitment.kind.rawValue)"
        } catch { throw .decoding(error) }
      } else {
        path = try Self.path(input)
        let merkle = try Self.merkleProof(input)
        let specs: [ICS23.ProofSpec]
        if let listed = input.member("specs")?.array {
          var read: [ICS23.ProofSpec] = []
          for (index, element) in listed.enumerated() {
            read.append(try Self.spec(element, at: "specs.\(index)"))
          }
          specs = read
        } else {
          specs = merkle.proofs.count == 1 ? [.iavl] : [.iavl, .tendermint]
          report.add(fact: "specs", specs.count == 1 ? "iavl, by default" : "iavl, tendermint, by default")
        }
        proof = .chain(merkle, specs)
        shape = "\(merkle.proofs.count) proofs: " + merkle.proofs.map(\.kind.rawValue).joined(separator: ", ")
      }
      for key in path { report.add(fact: "key", Hex.encode(key)) }
      report.add(fact: "value", value.isEmpty ? "absent" : Hex.encode(value))
    }

    private static func path(_ input: JSONValue) throws(ClaimError) -> [[UInt8]] {
      guard let elements = input.member("path")?.array else {
        throw .input(.member(path: "path", wanted: "an array of keys"))
      }
      return try elements.enumerated().map { (index, element) throws(ClaimError) -> [UInt8] in
        guard let text = element.string else {
          throw .input(.member(path: "path.\(index)", wanted: "a text, or hex after 0x"))
        }
        guard text.hasPrefix("0x") else { return [UInt8](text.utf8) }
        guard let bytes = try? Hex.decode(text) else {
          throw .input(.member(path: "path.\(index)", wanted: "hex after 0x"))
        }
        return bytes
      }
    }

    private static func merkleProof(_ input: JSONValue) throws(ClaimError) -> ICS23.MerkleProof {
      guard let listed = input.member("proofs")?.array else {
        let bytes: [UInt8]
        do { bytes = try input.hex("proof") } catch { throw .input(error) }
        do { return try ICS23.MerkleProof(decoding: bytes.span) } catch { throw .decoding(error) }
      }
      var encoded: [[UInt8]] = []
      for index in listed.indices {
        do { encoded.append(try input.hex("proofs.\(index)")) } catch { throw .input(error) }
      }
      guard encoded.count <= ICS23.MerkleProof.proofsMax else {
        throw .decoding(.overLimit(limit: ICS23.MerkleProof.proofsMax))
      }
      return ICS23.MerkleProof(
        proofs: try encoded.map { (bytes: [UInt8]) throws(ClaimError) -> ICS23.CommitmentProof in
          do throws(ICS23.DecodingError) { return try ICS23.CommitmentProof(decoding: bytes.span) } catch {
            throw .decoding(error)
          }
        })
    }

    private static func spec(_ value: JSONValue?, at path: String) throws(ClaimError) -> ICS23.ProofSpec {
      let wanted = "iavl, tendermint, smt, or a ProofSpec in hex"
      guard let text = value?.string else { throw .input(.member(path: path, wanted: wanted)) }
      switch text.lowercased() {
      case "iavl": return .iavl
      case "tendermint": return .tendermint
      case "smt": return .sparseMerkleTree
      default:
        guard let bytes = try? Hex.decode(text), let spec = try? ICS23.ProofSpec(decoding: bytes.span) else {
          throw .input(.member(path: path, wanted: wanted))
        }
        return spec
      }
    }

    func verify(root: [UInt8], report: inout VerificationReport) {
      let check = value.isEmpty ? "key is absent under the root" : "key holds the value under the root"
      switch proof {
      case .single(let commitment, let spec):
        let key = path[0]
        do throws(ICS23.VerificationError) {
          if value.isEmpty {
            try commitment.verifyNonMembership(spec: spec, root: root.span, key: key.span)
          } else {
            try commitment.verifyMembership(spec: spec, root: root.span, key: key.span, value: value.span)
          }
          report.add(step: check)
        } catch {
          report.refuse(check, code: error.code, "the proof does not hold: \(CaseText.of(error))")
        }
      case .chain(let merkle, let specs):
        do throws(ICS23.ChainError) {
          if value.isEmpty {
            try merkle.verifyNonMembership(specs: specs, root: root.span, path: path)
          } else {
            try merkle.verifyMembership(specs: specs, root: root.span, path: path, value: value.span)
          }
          report.add(step: check)
        } catch {
          report.refuse(check, code: error.code, "the proof does not hold: \(CaseText.of(error))")
        }
      }
    }
  }
}

extension ICS23.DecodingError {
  /// The case's name.
  fileprivate var code: String {
    switch self {
    case .protobuf: "protobuf"
    case .hashOperation: "hashOperation"
    case .lengthOperation: "lengthOperation"
    case .choice: "choice"
    case .lookup: "lookup"
    case .missingLeafSpec: "missingLeafSpec"
    case .missingInnerSpec: "missingInnerSpec"
    case .overLimit: "overLimit"
    }
  }
}

extension ICS23.ExistenceError {
  /// The case's name.
  fileprivate var code: String {
    switch self {
    case .missingLeaf: "missingLeaf"
    case .leaf: "leaf"
    case .depthTooShort: "depthTooShort"
    case .depthTooLong: "depthTooLong"
    case .inner: "inner"
    case .childTooLong: "childTooLong"
    case .keyMismatch: "keyMismatch"
    case .valueMismatch: "valueMismatch"
    case .rootMismatch: "rootMismatch"
    }
  }
}

extension ICS23.VerificationError {
  /// The case's name, or that of the error inside.
  fileprivate var code: String {
    switch self {
    case .kind: "kind"
    case .existence(let error), .left(let error), .right(let error): error.code
    case .noNeighbours: "noNeighbours"
    case .keyNotLeftOfRight: "keyNotLeftOfRight"
    case .keyNotRightOfLeft: "keyNotRightOfLeft"
    case .comparison: "comparison"
    case .neighbours: "neighbours"
    case .missingEntry: "missingEntry"
    case .decompression(let error): error.code
    }
  }
}

extension ICS23.ChainError {
  /// The case's name, or that of the error inside.
  fileprivate var code: String {
    switch self {
    case .noProofs: "noProofs"
    case .emptyRoot: "emptyRoot"
    case .emptyValue: "emptyValue"
    case .specs: "specs"
    case .path: "path"
    case .proof(_, let error): error.code
    case .rootMismatch: "rootMismatch"
    }
  }
}
