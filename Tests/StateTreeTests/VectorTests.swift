import Encodings
import Foundation
import MerkleProofs
import StateTree
import TestSupport
import Testing
import WireBytes

/// Roots and proofs that tools/vectors/statetree.py computed from the definition.
@Suite("The tree gives the vectors' roots and proofs")
struct VectorTests {
  struct History: CustomTestStringConvertible, Sendable {
    struct Proof: Sendable {
      let version: UInt64
      let key: [UInt8]
      let value: [UInt8]?
      let bytes: [UInt8]
    }
    let testDescription: String
    let commits: [(version: UInt64, root: Bytes32, changes: [StateChange])]
    let proofs: [Proof]
  }

  static let histories: [History] = (try? read()) ?? []

  private static func read() throws -> [History] {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/statetree/histories.json")
    let file = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    func bytes(_ value: JSONValue?) throws -> [UInt8] { try Hex.decode(try #require(value?.string)) }
    return try #require(file["cases"]?.array).map { item in
      let commits = try #require(item["commits"]?.array).map { commit in
        let changes = try #require(commit["changes"]?.array).map { change in
          let pair = try #require(change.array)
          return StateChange(key: try bytes(pair[0]), value: pair[1].isNull ? nil : try bytes(pair[1]))
        }
        return (
          version: try #require(commit["version"]?.integer(UInt64.self)),
          root: try Bytes32(try bytes(commit["root"])), changes: changes
        )
      }
      let proofs = try #require(item["proofs"]?.array).map { proof in
        let value = try #require(proof["value"])
        return History.Proof(
          version: try #require(proof["version"]?.integer(UInt64.self)), key: try bytes(proof["key"]),
          value: value.isNull ? nil : try bytes(value), bytes: try bytes(proof["proof"]))
      }
      return History(testDescription: item["name"]?.string ?? "", commits: commits, proofs: proofs)
    }
  }

  @Test("all histories are there")
  func count() {
    #expect(Self.histories.count == 7)
    #expect(Self.histories.map(\.proofs.count).reduce(0, +) == 213)
  }

  @Test("each commit has the root, each proof is byte for byte the same and verifies", arguments: histories)
  func history(_ history: History) throws {
    var tree = StateTree(store: MemoryStateStore())
    for commit in history.commits {
      #expect(try tree.commit(version: commit.version, changes: commit.changes) == commit.root)
    }
    for proof in history.proofs {
      let made = try tree.prove(proof.key, at: proof.version)
      #expect(made.encoded() == proof.bytes)
      #expect(try tree.value(of: proof.key, at: proof.version) == proof.value)
      let root = try tree.root(at: proof.version)
      try verify(made, root: root, key: proof.key, value: proof.value)
    }
  }
}

/// Holds a proof against our own generic verifier.
func verify(
  _ proof: ICS23.CommitmentProof, root: Bytes32, key: [UInt8], value: [UInt8]?
) throws(ICS23.VerificationError) {
  guard let value else {
    return try proof.verifyNonMembership(spec: .sparseMerkleTree, root: root.span, key: key.span)
  }
  try proof.verifyMembership(spec: .sparseMerkleTree, root: root.span, key: key.span, value: value.span)
}
