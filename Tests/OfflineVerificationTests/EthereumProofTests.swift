import Encodings
import Foundation
import OfflineVerification
import TestSupport
import Testing
import WireBytes

@Suite("causeway verify mpt", .enabled(if: Corpora.directory("mpt") != nil, "corpus mpt is absent"))
struct EthereumProofTests {
  private let proof: JSONValue
  private let block: JSONValue
  private let root: Bytes32

  init() throws {
    func read(_ name: String) throws -> JSONValue {
      let url = Corpora.root.appendingPathComponent("mpt/helios-rpc").appendingPathComponent(name)
      return try JSONValue(decoding: [UInt8](Data(contentsOf: url)))
    }
    proof = try read("proof.json")
    block = try read("block.json")
    root = try block.fixed("stateRoot")
  }

  private func changing(_ json: JSONValue, _ name: String, to value: JSONValue) -> JSONValue {
    var members = json.object ?? [:]
    members[name] = value
    return .object(members)
  }

  @Test("verifies the answer under a root that the caller names")
  func named() throws {
    let report = try EthereumProofVerification.verify(proof, stateRoot: root)
    #expect(report.outcome == .valid)
    #expect(report.exitCode == 0)
    #expect(report.assumptions.map(\.code) == ["stateRootVouchedFor"])
    #expect(
      report.facts.contains(
        VerificationReport.Fact(
          "storageRoot", "0xfcbb4b77e533e75ac831006ef975191deda38a7b8f50887a8ad263c38e6e4461")
      ))
    #expect(report.steps.count == 3)
  }

  @Test("reads an envelope, and a root or a block beside the proof")
  func forms() throws {
    let envelope: JSONValue = ["jsonrpc": "2.0", "id": 1, "result": proof]
    let forms: [JSONValue] = [
      ["proof": proof, "stateRoot": .string("\(root)")],
      ["proof": proof, "block": block],
      ["proof": envelope, "block": ["result": block]],
      changing(proof, "stateRoot", to: .string("\(root)")),
    ]
    for form in forms {
      let report = try EthereumProofVerification.verify(form, stateRoot: nil)
      #expect(report.outcome == .valid)
      #expect(report.assumptions.map(\.code) == ["stateRootFromInput"])
    }
    #expect(try EthereumProofVerification.verify(envelope, stateRoot: root).outcome == .valid)
  }

  @Test("is undecided without a state root")
  func undecided() throws {
    let report = try EthereumProofVerification.verify(proof, stateRoot: nil)
    #expect(report.exitCode == 3)
    #expect(report.steps.last?.result == .skipped)
  }

  @Test("the caller's root counts before the one in the input")
  func override() throws {
    let other = Bytes32 { _ in 1 }
    let report = try EthereumProofVerification.verify(["proof": proof, "block": block], stateRoot: other)
    guard case .refused(let reason) = report.outcome else {
      Issue.record("a proof was accepted under another root")
      return
    }
    #expect(reason.code == "hashMismatch")
    #expect(report.exitCode == 1)
  }

  @Test("refuses false claims and truncated proofs, by name")
  func refusals() throws {
    let nodes = try #require(proof["accountProof"]?.array)
    let entry = try #require(proof["storageProof"]?[0])
    let slotNodes = try #require(entry["proof"]?.array)
    let cases: [(JSONValue, String)] = [
      (changing(proof, "nonce", to: "0x2"), "accountMismatch"),
      (changing(proof, "balance", to: "0x0"), "accountMismatch"),
      (changing(proof, "codeHash", to: .string("\(root)")), "accountMismatch"),
      (changing(proof, "storageHash", to: .string("\(root)")), "accountMismatch"),
      (changing(proof, "accountProof", to: .array([JSONValue](nodes.dropLast()))), "missingNode"),
      (changing(proof, "accountProof", to: .array(nodes + [nodes[0]])), "unusedNodes"),
      (changing(proof, "accountProof", to: []), "missingNode"),
      (changing(proof, "address", to: "0x0000000000000000000000000000000000000001"), "hashMismatch"),
      (changing(proof, "storageProof", to: [changing(entry, "value", to: "0x0")]), "storageMismatch"),
      (
        changing(
          proof, "storageProof", to: [changing(entry, "proof", to: .array([JSONValue](slotNodes.dropLast())))]
        ),
        "missingNode"
      ),
    ]
    for (json, code) in cases {
      let report = try EthereumProofVerification.verify(json, stateRoot: root)
      guard case .refused(let reason) = report.outcome else {
        Issue.record("accepted instead of \(code)")
        continue
      }
      #expect(reason.code == code)
      #expect(!reason.text.isEmpty)
    }
  }

  @Test("slot numbers may lack leading zeroes")
  func shortKeys() throws {
    let entry = try #require(proof["storageProof"]?[0])
    let short = changing(proof, "storageProof", to: [changing(entry, "key", to: "0x1")])
    #expect(try EthereumProofVerification.verify(short, stateRoot: root).outcome == .valid)
  }

  @Test("input that is no answer is an input error, not a verdict")
  func inputs() throws {
    #expect(throws: InputError.self) { try EthereumProofVerification.verify([], stateRoot: root) }
    #expect(throws: InputError.self) { try EthereumProofVerification.verify(block, stateRoot: root) }
    #expect(
      throws: InputError.member(
        path: "storageProof.0.key", wanted: "a slot of 0x and hex digits, at most 256 bits")
    ) {
      let entry: JSONValue = ["key": "1", "value": "0x0", "proof": []]
      return try EthereumProofVerification.verify(
        changing(proof, "storageProof", to: [entry]), stateRoot: root)
    }
    #expect(throws: InputError.self) {
      try EthereumProofVerification.verify(
        changing(proof, "nonce", to: "0x10000000000000000"), stateRoot: root)
    }
  }
}
