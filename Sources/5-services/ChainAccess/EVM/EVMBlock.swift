import Encodings
public import MerkleProofs
public import WireBytes

/// A block with its transactions as far as an access needs them.
struct EVMBlock: Sendable {
  struct Transaction: Sendable {
    let hash: Bytes32
    let from: Bytes20
    /// Nil for one that makes a contract.
    let to: Bytes20?
    let value: UInt256
    let gasLimit: UInt64
    let input: [UInt8]

    init(_ json: JSONValue) throws(AccessError) {
      hash = try EVMJSON.hash(json["hash"])
      from = try EVMJSON.address(json["from"])
      if let to = json["to"], !to.isNull { self.to = try EVMJSON.address(to) } else { to = nil }
      value = try EVMJSON.uint256(json["value"])
      gasLimit = try EVMJSON.uint64(json["gas"])
      input = try EVMJSON.bytes(json["input"] ?? json["data"])
    }
  }

  /// More transactions than this are in no block: each costs 21,000 gas.
  static let transactionsMax = 1 << 17

  let header: EVMHeader
  let transactions: [Transaction]

  init(_ json: JSONValue) throws(AccessError) {
    header = try EVMHeader(json)
    var transactions: [Transaction] = []
    for element in try EVMJSON.list(json["transactions"], max: Self.transactionsMax) {
      transactions.append(try Transaction(element))
    }
    self.transactions = transactions
  }
}

/// What became of a transaction, as an execution client tells it.
public struct EVMReceipt: Hashable, Sendable {
  public let transaction: Bytes32
  public let index: UInt64
  public let block: Bytes32
  public let height: UInt64
  public let from: Bytes20
  /// Of the contract that it made.
  public let contract: Bytes20?
  public let gasUsed: UInt64
  /// What its gas cost; nil where the client does not say.
  public let gasPrice: UInt256?
  public let succeeded: Bool
  public let logs: [EVMLog]
  /// As the receipts trie holds it.
  let encoded: [UInt8]

  init(_ json: JSONValue) throws(AccessError) {
    transaction = try EVMJSON.hash(json["transactionHash"])
    index = try EVMJSON.uint64(json["transactionIndex"])
    block = try EVMJSON.hash(json["blockHash"])
    height = try EVMJSON.uint64(json["blockNumber"])
    from = try EVMJSON.address(json["from"])
    if let made = json["contractAddress"], !made.isNull {
      contract = try EVMJSON.address(made)
    } else {
      contract = nil
    }
    gasUsed = try EVMJSON.uint64(json["gasUsed"])
    if let price = json["effectiveGasPrice"], !price.isNull {
      gasPrice = try EVMJSON.uint256(price)
    } else {
      gasPrice = nil
    }
    var type: UInt8 = 0
    if let told = json["type"], !told.isNull {
      guard let narrow = UInt8(exactly: try EVMJSON.uint64(told)) else { throw .malformed }
      type = narrow
    }
    let outcome: EthereumReceipt.Outcome
    if let status = json["status"], !status.isNull {
      switch try EVMJSON.uint64(status) {
      case 0: outcome = .failed
      case 1: outcome = .succeeded
      default: throw .malformed
      }
    } else {
      outcome = .stateRoot(try EVMJSON.hash(json["root"]))
    }
    var depositNonce: UInt64?
    if let told = json["depositNonce"], !told.isNull { depositNonce = try EVMJSON.uint64(told) }
    var depositVersion: UInt64?
    if let told = json["depositReceiptVersion"], !told.isNull { depositVersion = try EVMJSON.uint64(told) }
    var logs: [EVMLog] = []
    for element in try EVMJSON.list(json["logs"], max: EthereumReceipt.logCountMax) {
      logs.append(try EVMLog(element))
    }
    for log in logs {
      guard log.transaction == transaction, log.block == block else { throw .malformed }
    }
    self.logs = logs
    succeeded = outcome != .failed
    encoded = EthereumReceipt(
      type: type, outcome: outcome, cumulativeGas: try EVMJSON.uint64(json["cumulativeGasUsed"]),
      bloom: try EVMJSON.fixed(json["logsBloom"]), logs: logs.map(\.log), depositNonce: depositNonce,
      depositVersion: depositVersion
    ).encoded()
  }
}

/// A log, and where it is.
public struct EVMLog: Hashable, Sendable {
  public let log: EthereumLog
  public let block: Bytes32
  public let height: UInt64
  public let transaction: Bytes32
  public let transactionIndex: UInt64
  public let index: UInt64

  init(_ json: JSONValue) throws(AccessError) {
    // Of a block that was rolled back: nobody who asks for blocks of the chain is given such logs.
    guard json["removed"]?.boolean != true else { throw .malformed }
    var topics: [Bytes32] = []
    for topic in try EVMJSON.list(json["topics"], max: EthereumLog.topicCountMax) {
      topics.append(try EVMJSON.hash(topic))
    }
    log = EthereumLog(
      address: try EVMJSON.address(json["address"]), topics: topics, payload: try EVMJSON.bytes(json["data"]))
    block = try EVMJSON.hash(json["blockHash"])
    height = try EVMJSON.uint64(json["blockNumber"])
    transaction = try EVMJSON.hash(json["transactionHash"])
    transactionIndex = try EVMJSON.uint64(json["transactionIndex"])
    index = try EVMJSON.uint64(json["logIndex"])
  }
}
