import Digests
import Encodings
import MerkleProofs
import WireBytes

/// Merkle-Patricia vectors: proofs with a verdict, `eth_getProof` answers, receipts, transactions, trie roots.
public enum MPTSuite: ConformanceSuite {
  public static let name = "mpt"
  public static let summary =
    "proof cases {root, key, proof, expect}, eth_getProof answers, receipt proofs, receipts and transactions "
    + "to their roots, TrieTests, MerkleTrie get"

  public static func run(_ corpus: CorpusDirectory, into report: inout ConformanceReport) {
    var files: [(file: String, json: JSONValue)] = []
    for file in corpus.files where file.hasSuffix(".json") {
      do {
        files.append((file, try corpus.json(file)))
      } catch {
        report.skip(file, "file", reason: "unreadable: \(error)")
      }
    }
    let context = MPTContext(files)
    for (file, json) in files { run(json, file: file, context: context, into: &report) }
  }

  /// Chooses the reading by what the file holds; its name matters for one schema only, where upstream put the
  /// meaning into the name.
  private static func run(
    _ json: JSONValue, file: String, context: MPTContext, into report: inout ConformanceReport
  ) {
    if let cases = json["cases"]?.array, cases.contains(where: isProofCase) {
      MPTProofCases.run(cases, file: file, into: &report)
    } else if let cases = json.array, cases.contains(where: isProofCase) {
      MPTProofCases.run(cases, file: file, into: &report)
    } else if isProofCase(json) {
      MPTProofCases.run([json], file: file, into: &report)
    } else if json["keys_nibbles"] != nil {
      MPTProofCases.runNibbleKeys(json, file: file, into: &report)
    } else if let accounts = json["accounts"]?.object, accounts.values.contains(where: isStateProof) {
      for (address, account) in accounts.sorted(by: { $0.key < $1.key }) {
        MPTStateProofs.run(account, address: address, file: file, context: context, into: &report)
      }
    } else if isStateProof(json) || isStateProof(json["result"]) || isStateProof(json["proof"])
      || isStateProof(json.member2("proof", "result"))
    {
      MPTStateProofs.run(json, address: nil, file: file, context: context, into: &report)
    } else if json["receiptProof"] != nil, json["receipt"] != nil {
      MPTReceipts.runProof(json, name: "receipt", file: file, context: context, into: &report)
    } else if let proofs = json["receiptProofs"]?.object {
      for (hash, proof) in proofs.sorted(by: { $0.key < $1.key }) {
        MPTReceipts.runProof(proof, name: hash, file: file, context: context, into: &report)
      }
      if let logs = json["logs"]?.array {
        MPTReceipts.runLogs(logs, file: file, context: context, into: &report)
      }
    } else if let list = json.array, let first = list.first {
      if first["cumulativeGasUsed"] != nil {
        MPTReceipts.runList(list, file: file, context: context, into: &report)
      } else if first["gasPrice"] != nil, first["input"] != nil {
        MPTTransactions.run(list, file: file, context: context, into: &report)
      } else if first["topics"] != nil {
        MPTReceipts.runLogs(list, file: file, context: context, into: &report)
      } else {
        report.skip(file, "file", reason: "a list of no schema that is known here")
      }
    } else if json["cumulativeGasUsed"] != nil, json["logsBloom"] != nil {
      MPTReceipts.runOne(json, file: file, context: context, into: &report)
    } else if json["receiptsRoot"] != nil, json["stateRoot"] != nil, json["logsBloom"] != nil {
      report.skip(file, "file", reason: "a block's header: gives the roots for the files beside it")
    } else if let tests = json.object, !tests.isEmpty, tests.values.allSatisfy(isTrieTest) {
      MPTTrieTests.run(tests, file: file, into: &report)
    } else {
      report.skip(file, "file", reason: "no schema that is known here")
    }
  }

  private static func isProofCase(_ json: JSONValue) -> Bool {
    json["root"]?.string != nil && json["key"]?.string != nil && json["proof"]?.array != nil
      && json["expect"]?.string != nil
  }

  private static func isStateProof(_ json: JSONValue?) -> Bool { json?["accountProof"]?.array != nil }

  private static func isTrieTest(_ json: JSONValue) -> Bool {
    json["in"] != nil && json["root"]?.string != nil
  }
}

extension JSONValue {
  /// The member `inner` of the member `outer`.
  fileprivate func member2(_ outer: String, _ inner: String) -> JSONValue? { self[outer]?[inner] }
}

/// What the files of a corpus say about each other: the blocks whose roots others are checked against.
struct MPTContext {
  struct Block {
    let directory: String
    let hash: String
    let json: JSONValue

    func root(_ name: String) -> Bytes32? { json[name]?.string.flatMap { try? Bytes32(hex: $0) } }
  }

  private let blocks: [Block]
  /// Addresses named by answers, by the nodes of their account proofs.
  private let addresses: [JSONValue: String]
  /// Lists of receipts, by block hash.
  private let receipts: [String: [JSONValue]]

  init(_ files: [(file: String, json: JSONValue)]) {
    var blocks: [Block] = []
    var addresses: [JSONValue: String] = [:]
    var receipts: [String: [JSONValue]] = [:]
    for (file, json) in files {
      let body = json["result"] ?? json
      if let hash = body["hash"]?.string, body["receiptsRoot"] != nil {
        blocks.append(Block(directory: Self.directory(of: file), hash: hash, json: body))
      }
      if let nodes = body["accountProof"], let address = body["address"]?.string {
        addresses[nodes] = address
      }
      if let list = body.array, let hash = list.first?["blockHash"]?.string,
        list.first?["cumulativeGasUsed"] != nil
      {
        receipts[hash] = list
      }
    }
    self.blocks = blocks
    self.addresses = addresses
    self.receipts = receipts
  }

  static func directory(of file: String) -> String {
    file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
  }

  /// The block with this hash.
  func block(hash: String?) -> Block? { blocks.first { $0.hash == hash } }

  func receipts(blockHash: String?) -> [JSONValue]? { blockHash.flatMap { receipts[$0] } }

  /// The address that another file gives for the same account proof.
  func address(of nodes: JSONValue?) -> String? { nodes.flatMap { addresses[$0] } }

  /// The state root for a proof in `file` that opens with `node`: of the only block in its folder; else of the block
  /// anywhere whose root the node has.
  func stateRoot(for file: String, node: [UInt8]?) -> Bytes32? {
    let near = blocks.filter { $0.directory == Self.directory(of: file) }
    if near.count == 1 { return near[0].root("stateRoot") }
    guard let node else { return nil }
    let hash = Keccak256.hash(node)
    return blocks.contains { $0.root("stateRoot") == hash } ? hash : near.first?.root("stateRoot")
  }
}
