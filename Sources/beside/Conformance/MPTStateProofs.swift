import Digests
import Encodings
import MerkleProofs
import OfflineVerification
import WireBytes

/// `eth_getProof` answers, in the forms that `causeway verify mpt` reads and in that of a verifiable API.
enum MPTStateProofs {
  static func run(
    _ json: JSONValue, address: String?, file: String, context: MPTContext,
    into report: inout ConformanceReport
  ) {
    let body = [json, json["proof"], json["result"], json["proof"]?["result"]].compactMap { $0 }
      .first { $0["accountProof"] != nil }
    guard let body else { return }
    let named = address ?? body["address"]?.string ?? context.address(of: body["accountProof"])
    guard let named else {
      report.skip(file, "answer", reason: "names no account, and no other file has the same account proof")
      return
    }
    guard let account = try? Bytes20(hex: named) else {
      report.fail(file, named, expected: "an address", actual: "another length")
      return
    }
    // What a case says of itself; without a word it must verify.
    let expect = json["expect"]?.string ?? body["expect"]?.string ?? "accept"
    let mustVerify = ["accept", "valid", "verify", "ok"].contains(expect)
    let proof: EthereumStateProof
    do {
      proof = try EthereumStateProof(json: body, address: account)
    } catch {
      if mustVerify {
        report.fail(file, named, expected: "an eth_getProof answer", actual: error.text)
      } else {
        report.pass(file, "\(named): refused as no eth_getProof answer")
      }
      return
    }
    let stated = (try? EthereumProofDocument(json))?.stateRoot
    let first = proof.accountNodes.first
    var root = stated ?? context.stateRoot(for: file, node: first)
    var name = named
    if root == nil {
      root = first.map { Keccak256.hash($0) }
      name += " (no state root beside it: under the hash of its own first node)"
    }
    guard let root else {
      report.skip(file, named, reason: "no state root is given and the proof has no nodes")
      return
    }
    do {
      let proven = try proof.verify(stateRoot: root)
      guard mustVerify else {
        report.fail(file, name, expected: expect, actual: "verified")
        return
      }
      let absent = proven.slots.count { $0.value == nil }
      report.pass(file, "\(name): account, \(proven.slots.count) slots, \(absent) of them absent")
    } catch {
      if mustVerify {
        report.fail(file, name, expected: "verified", actual: "\(error)")
      } else {
        report.pass(file, "\(name): refused")
      }
      return
    }
    report.expect(
      file, "\(named): every mutation of the answer is refused", "",
      survivors(of: proof, root: root).joined(separator: ", "))
  }

  /// The mutations that still verify: of the account's nodes, of each slot's nodes, and of every claim.
  private static func survivors(of proof: EthereumStateProof, root: Bytes32) -> [String] {
    var survivors: [String] = []
    func check(_ name: String, _ mutated: EthereumStateProof) {
      if (try? mutated.verify(stateRoot: root)) != nil { survivors.append(name) }
    }
    for mutation in MPTMutations.of(proof.accountNodes) {
      check("account: \(mutation.name)", proof.replacing(accountNodes: mutation.nodes))
    }
    let claim = proof.claim
    let other = Bytes32 { _ in 0x5a }
    let claims = [
      EthereumAccount(
        nonce: claim.nonce ^ 1, balance: claim.balance, storageRoot: claim.storageRoot,
        codeHash: claim.codeHash),
      EthereumAccount(
        nonce: claim.nonce, balance: claim.balance == .zero ? .one : .zero, storageRoot: claim.storageRoot,
        codeHash: claim.codeHash),
      EthereumAccount(
        nonce: claim.nonce, balance: claim.balance, storageRoot: other, codeHash: claim.codeHash),
      EthereumAccount(
        nonce: claim.nonce, balance: claim.balance, storageRoot: claim.storageRoot, codeHash: other),
    ]
    for (index, changed) in claims.enumerated() {
      check("claim \(index)", proof.replacing(claim: changed))
    }
    for (index, entry) in proof.storage.enumerated() {
      for mutation in MPTMutations.of(entry.nodes) {
        check(
          "slot \(index): \(mutation.name)",
          proof.replacing(
            slot: index,
            EthereumStorageProof(slot: entry.slot, value: entry.value, nodes: mutation.nodes)))
      }
      let value = entry.value == .zero ? UInt256.one : .zero
      check(
        "slot \(index): value",
        proof.replacing(slot: index, EthereumStorageProof(slot: entry.slot, value: value, nodes: entry.nodes))
      )
    }
    return survivors
  }
}

extension EthereumStateProof {
  fileprivate func replacing(
    claim: EthereumAccount? = nil, accountNodes: [[UInt8]]? = nil
  ) -> EthereumStateProof {
    EthereumStateProof(
      address: address, claim: claim ?? self.claim, accountNodes: accountNodes ?? self.accountNodes,
      storage: storage)
  }

  fileprivate func replacing(slot: Int, _ entry: EthereumStorageProof) -> EthereumStateProof {
    var entries = storage
    entries[slot] = entry
    return EthereumStateProof(
      address: address, claim: claim, accountNodes: accountNodes, storage: entries)
  }
}
