public import Encodings
public import WireBytes

/// An amount of one denomination (CosmWasm packages/std/src/coin.rs).
public struct ContractCoin: ContractMessage {
  public let denomination: String
  public let amount: UInt256

  public init(denomination: String, amount: UInt256) {
    self.denomination = denomination
    self.amount = amount
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    denomination = try fields.string("denom")
    let text = try fields.string("amount")
    guard let amount = UInt256(decimal: text), text == "0" || text.utf8.first != 0x30 else {
      throw .member("amount", .number(text))
    }
    self.amount = amount
    try fields.finish()
  }

  public var json: OrderedJSON { ["denom": .string(denomination), "amount": .string(amount.description)] }
}

/// Where a call happens: the block, the place in it, and the contract's own address (`Env`).
///
/// Source: CosmWasm packages/std/src/types.rs; `transaction` may be absent.
public struct ContractEnvironment: ContractMessage {
  /// A transaction's place in its block.
  public struct Transaction: ContractMessage {
    public let index: UInt32
    /// Empty when the chain does not tell it.
    public let hash: [UInt8]

    public init(index: UInt32, hash: [UInt8] = []) {
      self.index = index
      self.hash = hash
    }

    public init(json: JSONValue) throws(MessageRefusal) {
      var fields = try MessageFields(json)
      index = try fields.number("index", UInt32.self)
      hash = try fields.optionalBinary("hash") ?? []
      try fields.finish()
    }

    public var json: OrderedJSON {
      hash.isEmpty
        ? ["index": .number(UInt64(index))] : ["index": .number(UInt64(index)), "hash": .binary(hash)]
    }
  }

  public let height: UInt64
  /// Nanoseconds since 1970.
  public let timeNanoseconds: UInt64
  public let chainID: String
  /// Nil outside of transactions.
  public let transaction: Transaction?
  /// The contract's own address as text.
  public let contract: String

  public init(
    height: UInt64, timeNanoseconds: UInt64, chainID: String, transaction: Transaction?, contract: String
  ) {
    self.height = height
    self.timeNanoseconds = timeNanoseconds
    self.chainID = chainID
    self.transaction = transaction
    self.contract = contract
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    let block = try fields.value("block", Block.self)
    (height, timeNanoseconds, chainID) = (block.height, block.timeNanoseconds, block.chainID)
    transaction = try fields.optional("transaction")
    contract = try fields.value("contract", Contract.self).address
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "block": Block(height: height, timeNanoseconds: timeNanoseconds, chainID: chainID).json,
      "transaction": transaction.json, "contract": Contract(address: contract).json,
    ]
  }

  private struct Block: ContractMessage {
    let height: UInt64
    let timeNanoseconds: UInt64
    let chainID: String

    init(height: UInt64, timeNanoseconds: UInt64, chainID: String) {
      self.height = height
      self.timeNanoseconds = timeNanoseconds
      self.chainID = chainID
    }

    init(json: JSONValue) throws(MessageRefusal) {
      var fields = try MessageFields(json)
      height = try fields.number("height")
      timeNanoseconds = try fields.decimal("time")
      chainID = try fields.string("chain_id")
      try fields.finish()
    }

    var json: OrderedJSON {
      ["height": .number(height), "time": .decimal(timeNanoseconds), "chain_id": .string(chainID)]
    }
  }

  private struct Contract: ContractMessage {
    let address: String

    init(address: String) { self.address = address }

    init(json: JSONValue) throws(MessageRefusal) {
      var fields = try MessageFields(json)
      address = try fields.string("address")
      try fields.finish()
    }

    var json: OrderedJSON { ["address": .string(address)] }
  }
}

/// Who calls, and what was moved to the contract before (`MessageInfo`).
public struct MessageInfo: ContractMessage {
  public let sender: String
  public let funds: [ContractCoin]

  public init(sender: String, funds: [ContractCoin]) {
    self.sender = sender
    self.funds = funds
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    sender = try fields.string("sender")
    funds = try fields.array("funds")
    try fields.finish()
  }

  public var json: OrderedJSON { ["sender": .string(sender), "funds": .array(funds)] }
}

/// Who migrates, and from which version (`MigrateInfo`): the third argument of `migrate` where it takes three.
public struct MigrateInfo: ContractMessage {
  public let sender: String
  /// The `cw_migrate_version` of the code that is left; nil when it has none.
  public let oldMigrateVersion: UInt64?

  public init(sender: String, oldMigrateVersion: UInt64?) {
    self.sender = sender
    self.oldMigrateVersion = oldMigrateVersion
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    sender = try fields.string("sender")
    oldMigrateVersion = try fields.optionalNumber("old_migrate_version")
    try fields.finish()
  }

  public var json: OrderedJSON {
    ["sender": .string(sender), "old_migrate_version": .number(oldMigrateVersion)]
  }
}
