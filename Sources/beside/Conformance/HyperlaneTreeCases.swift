import Digests
import Encodings
import ForeignProtocols
import MerkleProofs
import WireBytes

/// Cases over the tree of message ids, and over state proofs.
enum HyperlaneTreeCases {
  private typealias Tree = IncrementalMerkleTree<Keccak256>

  private static func hash(_ json: JSONValue?) -> Bytes32? { json?.string.flatMap { try? Bytes32(hex: $0) } }

  static func runHook(_ file: String, _ json: JSONValue, _ report: inout ConformanceReport) {
    var tree = Tree()
    report.expect(file, "empty root", json["emptyRoot"]?.string ?? "", "\(tree.root)")
    let zeroes = json["zeroHashes"]?.array ?? []
    let ours = ZeroSubtrees<Keccak256>(maximumDepth: max(0, zeroes.count - 1))
    report.expect(
      file, "zero hashes", "\(zeroes.map { $0.string ?? "" })", "\(zeroes.indices.map { "\(ours[$0])" })")
    for (index, item) in (json["insertions"]?.array ?? []).enumerated() {
      let name = "insertion \(index)"
      guard let bytes = item["message"]?.bytes, let message = try? HyperlaneMessage(decoding: bytes) else {
        report.fail(file, name, expected: "a message", actual: "none")
        continue
      }
      do { try tree.insert(message.id) } catch {
        report.fail(file, name, expected: "inserted", actual: "\(error)")
        continue
      }
      var problems = Problems()
      problems.check("id", item["id"], "\(message.id)")
      problems.check("count", item["count"], "\(tree.count)")
      problems.check("root", item["expectedRoot"], "\(tree.root)")
      problems.settle(file, name, &report)
    }
  }

  /// A branch; where the message is given, its leaf too: Keccak-256 of the message and its index (first generation), or
  /// the message's id.
  static func runProof(
    _ file: String, _ name: String, _ item: JSONValue, path: JSONValue?, root: JSONValue?,
    _ report: inout ConformanceReport
  ) {
    guard let leaf = hash(item["leaf"]), let index = item["index"]?.integer(UInt32.self),
      let root = hash(root), let nodes = path?.array?.compactMap({ hash($0) }),
      nodes.count == path?.array?.count
    else {
      report.skip(file, name, reason: "no leaf, index, branch or root")
      return
    }
    var problems = Problems()
    problems.check(
      "root", "\(root)",
      (try? Tree.branchRoot(leaf: leaf, path: nodes, index: index)).map { "\($0)" } ?? "refused")
    if let message = item["message"]?.bytes {
      let indexed = Keccak256.hash(message + Bytes32(bigEndian: UInt64(index)).array)
      problems.check(
        "leaf", "\(leaf)", "\([indexed, Keccak256.hash(message)].first { $0 == leaf } ?? indexed)")
    }
    problems.settle(file, name, &report)
  }

  /// Trees over strings, each hashed as a personal message.
  static func runLeaves(_ file: String, _ name: String, _ item: JSONValue, _ report: inout ConformanceReport)
  {
    var tree = Tree()
    var problems = Problems()
    for leaf in item["leaves"]?.array ?? [] {
      let text = [UInt8]((leaf.string ?? "").utf8)
      let signed = [UInt8]("\u{19}Ethereum Signed Message:\n\(text.count)".utf8) + text
      do { try tree.insert(Keccak256.hash(signed)) } catch { problems.check("leaf", "inserted", "\(error)") }
    }
    problems.check("expectedRoot", item["expectedRoot"], "\(tree.root)")
    for (index, proof) in (item["proofs"]?.array ?? []).enumerated() {
      guard let leaf = hash(proof["leaf"]), let place = proof["index"]?.integer(UInt32.self),
        let nodes = proof["path"]?.array?.compactMap({ hash($0) })
      else {
        problems.check("proof \(index)", "readable", "not")
        continue
      }
      problems.check(
        "proof \(index)", item["expectedRoot"],
        (try? Tree.branchRoot(leaf: leaf, path: nodes, index: place)).map { "\($0)" } ?? "refused")
    }
    problems.settle(file, name, &report)
  }

  /// The answer names no state root: its first node's hash is taken, so that all below it must hang together.
  static func runStateProof(_ file: String, _ json: JSONValue, _ report: inout ConformanceReport) {
    func nodes(_ json: JSONValue?) -> [[UInt8]]? {
      let nodes = json?.array?.compactMap { $0.bytes }
      return nodes?.count == json?.array?.count ? nodes : nil
    }
    func quantity(_ json: JSONValue?) -> UInt256? {
      guard let text = json?.string, text.hasPrefix("0x") else { return nil }
      let digits = String(text.dropFirst(2))
      guard let bytes = try? Hex.decode(digits.count.isMultiple(of: 2) ? digits : "0" + digits) else {
        return nil
      }
      return try? UInt256(bigEndian: bytes.span)
    }
    guard let address = json["address"]?.string.flatMap({ try? Bytes20(hex: $0) }),
      let account = nodes(json["accountProof"]), let top = account.first,
      let nonce = quantity(json["nonce"])?.asUInt64, let balance = quantity(json["balance"]),
      let storageRoot = hash(json["storageHash"]), let codeHash = hash(json["codeHash"])
    else {
      report.skip(file, "eth_getProof", reason: "fields that an eth_getProof answer does not have")
      return
    }
    var storage: [EthereumStorageProof] = []
    for proof in json["storageProof"]?.array ?? [] {
      guard let slot = quantity(proof["key"]), let value = quantity(proof["value"]),
        let nodes = nodes(proof["proof"])
      else {
        report.skip(file, "eth_getProof", reason: "a storage proof without key, value or nodes")
        return
      }
      storage.append(EthereumStorageProof(slot: slot.bigEndian, value: value, nodes: nodes))
    }
    let proof = EthereumStateProof(
      address: address,
      claim: EthereumAccount(nonce: nonce, balance: balance, storageRoot: storageRoot, codeHash: codeHash),
      accountNodes: account, storage: storage)
    do {
      _ = try proof.verify(stateRoot: Keccak256.hash(top))
      report.pass(file, "eth_getProof")
    } catch {
      report.fail(file, "eth_getProof", expected: "verifies", actual: "\(error)")
    }
  }
}
