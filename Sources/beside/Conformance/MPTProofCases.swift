import Digests
import Encodings
import MerkleProofs
import OfflineVerification
import WireBytes

/// Proofs with a stated verdict: `{root, key, proof, expect}`.
///
/// `expect` is the value in hex, `absent` or `reject`; or, for the OP Stack's MerkleTrie, `value` with the value beside it
/// or `revert` with the contract's reason.
enum MPTProofCases {
  static func run(_ cases: [JSONValue], file: String, into report: inout ConformanceReport) {
    for (index, json) in cases.enumerated() {
      let name = json["name"]?.string ?? "case \(index)"
      guard let rootText = json["root"]?.string, let root = try? Bytes32(hex: rootText),
        let key = json["key"]?.string.flatMap({ try? Hex.decode($0) }),
        let nodes = EthereumJSON.nodes(json["proof"]), let expect = json["expect"]?.string
      else {
        report.skip(file, name, reason: "root, key, proof or expect is not in the schema's form")
        continue
      }
      // The contract's cases state a value or a revert, and repeat embedded nodes.
      let isContract = json["revert"] != nil || expect == "value" || expect == "revert"
      let result = outcome(root, key, nodes, isContract ? .optimism : .geth)
      switch expect {
      case "value":
        report.expect(file, name, json["value"]?.string ?? "no value stated", describe(result))
      case "revert":
        checkRevert(result, json["revert"]?.string, nodes, file: file, name: name, into: &report)
      case "reject", "refuse":
        if case .failure = result {
          report.pass(file, name)
        } else {
          report.fail(file, name, expected: "refused", actual: describe(result))
        }
      default:
        report.expect(file, name, expect, describe(result))
      }
      if case .success = result, expect != "revert", expect != "reject", expect != "refuse" {
        let survivors = MPTMutations.of(nodes).filter { mutation in
          if case .success = outcome(root, key, mutation.nodes, isContract ? .optimism : .geth) {
            true
          } else {
            false
          }
        }
        report.expect(
          file, "\(name): every mutation of the proof is refused", "",
          survivors.map(\.name).joined(separator: ", "))
      }
    }
  }

  /// `{root, proof, keys_nibbles[], value, expect}`: keys of any number of nibbles.
  static func runNibbleKeys(_ json: JSONValue, file: String, into report: inout ConformanceReport) {
    guard let root = json["root"]?.string.flatMap({ try? Bytes32(hex: $0) }),
      let nodes = EthereumJSON.nodes(json["proof"]), let keys = json["keys_nibbles"]?.array,
      let expect = json["expect"]?.string
    else {
      report.skip(file, "file", reason: "root, proof, keys_nibbles or expect is not in the schema's form")
      return
    }
    for key in keys {
      guard let nibbles = key.string,
        let bytes = try? Hex.decode(nibbles.count.isMultiple(of: 2) ? nibbles : nibbles + "0")
      else {
        report.skip(file, "key", reason: "not nibbles in hex")
        continue
      }
      let result = outcome(root, bytes, nodes, .geth, nibbleCount: nibbles.utf8.count)
      switch expect {
      case "accept":
        report.expect(file, "key \(nibbles)", json["value"]?.string ?? "no value stated", describe(result))
      case "absent":
        report.expect(file, "key \(nibbles)", "absent", describe(result))
      default:
        if case .failure = result {
          report.pass(file, "key \(nibbles)")
        } else {
          report.fail(file, "key \(nibbles)", expected: expect, actual: describe(result))
        }
      }
    }
  }

  private static func outcome(
    _ root: Bytes32, _ key: [UInt8], _ nodes: [[UInt8]], _ convention: MerklePatriciaConvention,
    nibbleCount: Int? = nil
  ) -> Result<MerklePatriciaResult, MerklePatriciaError> {
    do {
      return .success(
        try MerklePatriciaProof.verify(
          root: root, key: key.span, nibbleCount: nibbleCount, nodes: nodes, convention: convention))
    } catch {
      return .failure(error)
    }
  }

  private static func describe(_ result: Result<MerklePatriciaResult, MerklePatriciaError>) -> String {
    switch result {
    case .success(.included(let value)): Hex.encode(value)
    case .success(.excluded): "absent"
    case .failure(let error): "refused: \(error)"
    }
  }

  /// The contract only answers with a value: what it reverts for is refused here or proven absent.
  private static func checkRevert(
    _ result: Result<MerklePatriciaResult, MerklePatriciaError>, _ revert: String?, _ nodes: [[UInt8]],
    file: String, name: String, into report: inout ConformanceReport
  ) {
    let expected = "revert \(revert ?? "")"
    let reached: String
    switch result {
    case .success(.included(let value)):
      report.fail(file, name, expected: expected, actual: Hex.encode(value))
      return
    case .success(.excluded(let divergence)): reached = "\(divergence)"
    case .failure(let error): reached = error.reason.code
    }
    if let revert, decoderReverts.contains(where: { revert.contains($0) }) {
      // The contract reads all elements before it walks; we may stop at an earlier one for another reason.
      let isMalformed = nodes.contains { (try? RLPItem(decoding: $0))?.items == nil }
      report.expect(
        file, name, "an element that is no RLP list", isMalformed ? "an element that is no RLP list" : reached
      )
      return
    }
    guard let known = walkReverts.first(where: { revert?.contains($0.text) == true }) else {
      report.pass(file, name)
      return
    }
    if known.codes.contains(where: { reached.hasPrefix($0) }) {
      report.pass(file, name)
    } else {
      report.fail(file, name, expected: expected, actual: reached)
    }
  }

  /// Errors of the OP Stack's RLPReader.
  private static let decoderReverts = [
    "UnexpectedString", "InvalidDataRemainder", "ContentLengthMismatch", "InvalidHeader", "EmptyItem",
  ]

  /// Reasons of the OP Stack's MerkleTrie, and what we find there.
  private static let walkReverts: [(text: String, codes: [String])] = [
    ("empty key", ["emptyKey"]),
    ("must be last node", ["unusedNodes"]),
    ("invalid root hash", ["hashMismatch"]),
    ("invalid large internal hash", ["hashMismatch"]),
    ("invalid internal node hash", ["hashMismatch", "embeddedMismatch", "hashedTooShort"]),
    ("value length must be greater than zero", ["emptyValue", "emptyBranchValue"]),
    ("ran out of proof elements", ["missingNode"]),
  ]
}

/// What a proof must not survive.
enum MPTMutations {
  struct Mutation {
    let name: String
    let nodes: [[UInt8]]
  }

  /// One bit in the first, the middle and the last byte of each node; each node cut short, made longer, doubled, left out;
  /// each shorter proof; and nodes from elsewhere at the end.
  static func of(_ nodes: [[UInt8]]) -> [Mutation] {
    var mutations: [Mutation] = []
    func add(_ name: String, _ change: (inout [[UInt8]]) -> Void) {
      var changed = nodes
      change(&changed)
      if changed != nodes { mutations.append(Mutation(name: name, nodes: changed)) }
    }
    for index in nodes.indices {
      let count = nodes[index].count
      for offset in Set([0, count / 2, count - 1]).sorted() where offset >= 0 {
        add("bit of byte \(offset) of node \(index)") { $0[index][offset] ^= 1 }
      }
      add("node \(index) cut") { $0[index] = [UInt8]($0[index].dropLast()) }
      add("byte after node \(index)") { $0[index].append(0) }
      add("node \(index) twice") { $0.insert(nodes[index], at: index) }
      add("without node \(index)") { $0.remove(at: index) }
      add("first \(index) nodes") { $0 = [[UInt8]](nodes.prefix(index)) }
    }
    add("reversed") { $0.reverse() }
    add("empty node after") { $0.append([]) }
    // After no node at all, the empty string is the other form of the empty trie's proof.
    if !nodes.isEmpty { add("empty string after") { $0.append([0x80]) } }
    return mutations
  }
}
