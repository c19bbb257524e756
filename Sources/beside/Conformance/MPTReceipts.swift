import Digests
import Encodings
import MerkleProofs
import OfflineVerification
import WireBytes

/// Receipts as JSON-RPC gives them: rebuilt into their trie, proven in it, and their logs found again.
enum MPTReceipts {
  /// All receipts of a block: the root of their trie is the block's.
  static func runList(
    _ list: [JSONValue], file: String, context: MPTContext, into report: inout ConformanceReport
  ) {
    let hash = list.first?["blockHash"]?.string
    guard let root = context.block(hash: hash)?.root("receiptsRoot") else {
      report.skip(file, "receiptsRoot", reason: "no header of block \(hash ?? "?") in the corpus")
      return
    }
    guard let trie = trie(list) else {
      report.fail(file, "receiptsRoot", expected: "receipts", actual: "a receipt that cannot be read")
      return
    }
    report.expect(file, "receiptsRoot of \(list.count) receipts", "\(root)", "\(trie.root)")
    guard trie.root == root else { return }
    var wrong: [String] = []
    for (index, json) in list.enumerated() {
      let proof = EthereumReceiptProof(
        transactionIndex: UInt64(index), nodes: trie.proof(EthereumReceiptProof.key(UInt64(index))))
      if let proven = try? proof.verify(receiptsRoot: root), proven.receipt == receipt(json) { continue }
      wrong.append("\(index)")
    }
    report.expect(
      file, "each receipt is proven under receiptsRoot and reads the same", "", wrong.joined(separator: ", "))
    let past = UInt64(list.count)
    let absent = EthereumReceiptProof(
      transactionIndex: past, nodes: trie.proof(EthereumReceiptProof.key(past)))
    do {
      _ = try absent.verify(receiptsRoot: root)
      report.fail(file, "receipt \(past) is absent", expected: "absent", actual: "proven")
    } catch {
      let isAbsent = if case .absent = error { true } else { false }
      report.expect(file, "receipt \(past) is absent", "absent", isAbsent ? "absent" : "\(error)")
    }
  }

  /// One receipt: at its index among the block's receipts, when these are in the corpus.
  static func runOne(
    _ json: JSONValue, file: String, context: MPTContext, into report: inout ConformanceReport
  ) {
    let hash = json["blockHash"]?.string
    guard let list = context.receipts(blockHash: hash), let trie = trie(list),
      let index = EthereumJSON.quantity(json["transactionIndex"])?.asUInt64,
      trie.root == context.block(hash: hash)?.root("receiptsRoot")
    else {
      report.skip(file, "receipt", reason: "the block's header and receipts are not in the corpus")
      return
    }
    let proof = EthereumReceiptProof(
      transactionIndex: index, nodes: trie.proof(EthereumReceiptProof.key(index)))
    do {
      let proven = try proof.verify(receiptsRoot: trie.root)
      report.expect(
        file, "receipt \(index)", "\(receipt(json).map { "\($0)" } ?? "unreadable")", "\(proven.receipt)")
    } catch {
      report.fail(file, "receipt \(index)", expected: "proven", actual: "\(error)")
    }
  }

  /// `{receipt, receiptProof}`.
  static func runProof(
    _ json: JSONValue, name: String, file: String, context: MPTContext, into report: inout ConformanceReport
  ) {
    guard let body = json["receipt"], let nodes = EthereumJSON.nodes(json["receiptProof"]),
      let index = EthereumJSON.quantity(body["transactionIndex"])?.asUInt64
    else {
      report.skip(file, name, reason: "receipt or receiptProof is not in the schema's form")
      return
    }
    let mustVerify = (json["expect"]?.string ?? "accept") == "accept"
    var place = "receipt \(index)"
    var root = (json["receiptsRoot"]?.string).flatMap { try? Bytes32(hex: $0) }
    root = root ?? context.block(hash: body["blockHash"]?.string)?.root("receiptsRoot")
    if root == nil {
      root = nodes.first.map { Keccak256.hash($0) }
      place += " (no header in the corpus: under the hash of its own first node)"
    }
    guard let root else {
      report.skip(file, place, reason: "no receipts root is given and the proof has no nodes")
      return
    }
    let proof = EthereumReceiptProof(transactionIndex: index, nodes: nodes)
    do {
      let proven = try proof.verify(receiptsRoot: root)
      if mustVerify {
        report.expect(
          file, place, "\(receipt(body).map { "\($0)" } ?? "unreadable")", "\(proven.receipt)")
      } else if proven.receipt == receipt(body) {
        report.fail(file, place, expected: "refused", actual: "proven")
      } else {
        report.pass(file, place)
      }
    } catch {
      if mustVerify {
        report.fail(file, place, expected: "proven", actual: "\(error)")
      } else {
        report.pass(file, place)
      }
      return
    }
    guard mustVerify else { return }
    let survivors = MPTMutations.of(nodes).filter {
      (try? EthereumReceiptProof(transactionIndex: index, nodes: $0.nodes).verify(receiptsRoot: root)) != nil
    }
    report.expect(
      file, "\(place): every mutation of the proof is refused", "",
      survivors.map(\.name).joined(separator: ", "))
  }

  /// Logs as `eth_getLogs` answers: each is found in its transaction's receipt.
  static func runLogs(
    _ logs: [JSONValue], file: String, context: MPTContext, into report: inout ConformanceReport
  ) {
    for (position, json) in logs.enumerated() {
      let name = "log \(position)"
      guard let list = context.receipts(blockHash: json["blockHash"]?.string),
        let index = EthereumJSON.quantity(json["transactionIndex"])?.asUInt64, index < list.count,
        let logIndex = EthereumJSON.quantity(json["logIndex"])?.asUInt64
      else {
        report.skip(file, name, reason: "the receipts of its block are not in the corpus")
        continue
      }
      let before = list.prefix(Int(index)).reduce(0) { $0 + ($1["logs"]?.array?.count ?? 0) }
      guard let receipt = receipt(list[Int(index)]), let wanted = log(json), logIndex >= UInt64(before) else {
        report.fail(file, name, expected: "a log", actual: "a log or receipt that cannot be read")
        continue
      }
      let inReceipt = Int(clamping: logIndex - UInt64(before))
      let found = receipt.logs.indices.contains(inReceipt) ? receipt.logs[inReceipt] : nil
      report.expect(file, name, "\(wanted)", found.map { "\($0)" } ?? "no such log")
    }
  }

  private static func trie(_ list: [JSONValue]) -> MerklePatriciaTrie? {
    var leaves: [[UInt8]] = []
    for json in list {
      guard let receipt = receipt(json) else { return nil }
      leaves.append(receipt.encoded())
    }
    return try? MerklePatriciaTrie(list: leaves)
  }

  /// The receipt that JSON-RPC shows; nil for another form.
  static func receipt(_ json: JSONValue) -> EthereumReceipt? {
    let type = json["type"] == nil ? 0 : EthereumJSON.quantity(json["type"])?.asUInt64
    guard let type, type < 0x80, let gas = EthereumJSON.quantity(json["cumulativeGasUsed"])?.asUInt64,
      let bloom = json["logsBloom"]?.string.flatMap({ try? FixedBytes<256>(hex: $0) }),
      let list = json["logs"]?.array
    else { return nil }
    let outcome: EthereumReceipt.Outcome
    if let root = json["root"]?.string.flatMap({ try? Bytes32(hex: $0) }), json["status"] == nil {
      outcome = .stateRoot(root)
    } else {
      guard let status = EthereumJSON.quantity(json["status"])?.asUInt64, status < 2 else { return nil }
      outcome = status == 1 ? .succeeded : .failed
    }
    var logs: [EthereumLog] = []
    for entry in list {
      guard let log = log(entry) else { return nil }
      logs.append(log)
    }
    return EthereumReceipt(
      type: UInt8(type), outcome: outcome, cumulativeGas: gas, bloom: bloom, logs: logs,
      depositNonce: EthereumJSON.quantity(json["depositNonce"])?.asUInt64,
      depositVersion: EthereumJSON.quantity(json["depositReceiptVersion"])?.asUInt64)
  }

  private static func log(_ json: JSONValue) -> EthereumLog? {
    guard let address = json["address"]?.string.flatMap({ try? Bytes20(hex: $0) }),
      let list = json["topics"]?.array,
      let payload = json["data"]?.string.flatMap({ try? Hex.decode($0) })
    else { return nil }
    var topics: [Bytes32] = []
    for topic in list {
      guard let hash = topic.string.flatMap({ try? Bytes32(hex: $0) }) else { return nil }
      topics.append(hash)
    }
    return EthereumLog(address: address, topics: topics, payload: payload)
  }
}
