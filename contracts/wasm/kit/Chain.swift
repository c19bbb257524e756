/// An account or a contract of this chain.
struct Address: Equatable, Sendable {
  let text: Text

  /// An address that the host itself told, or that was checked before it was stored.
  init(checked text: Text) { self.text = text }

  /// Asks the host whether this is an address as it writes them.
  init(_ text: Text) throws(Refusal) {
    if let words = Host.refusal(ofAddress: text) { throw .address(words) }
    self.text = text
  }

  static func < (left: Address, right: Address) -> Bool { left.text < right.text }
}

extension Address: JSONCodable {
  init(json: JSON) throws(Refusal) { try self.init(try Text(json: json)) }
  var json: JSON { .string(text) }
}

/// An address in storage or from the host: it was checked already.
struct KnownAddress: JSONCodable {
  let address: Address
  init(_ address: Address) { self.address = address }
  init(json: JSON) throws(Refusal) { address = Address(checked: try Text(json: json)) }
  var json: JSON { address.json }
}

struct Coin: JSONCodable, Equatable {
  let denom: Text
  let amount: Uint128

  init(_ amount: Uint128, _ denom: Text) {
    self.amount = amount
    self.denom = denom
  }

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    denom = try fields.take("denom")
    amount = try fields.take("amount")
    try fields.finish()
  }

  var json: JSON { ["denom": denom.json, "amount": amount.json] }
}

/// Where and when a call runs.
struct Env {
  let height: UInt64
  /// Nanoseconds since 1970.
  let time: UInt64
  let chainID: Text
  /// The contract itself.
  let contract: Address

  /// Whole seconds since 1970.
  var seconds: UInt64 { time / 1_000_000_000 }

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    var block = try Fields(try fields.json("block"))
    height = try block.take("height")
    let nanoseconds: Uint128 = try block.take("time")
    time = UInt64(truncatingIfNeeded: nanoseconds.value)
    chainID = try block.take("chain_id")
    var contract = try Fields(try fields.json("contract"))
    self.contract = Address(checked: try contract.take("address"))
  }
}

/// Who calls, and what was paid with the call: it lies in the contract's account already.
struct MessageInfo {
  let sender: Address
  let funds: [Coin]

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    sender = Address(checked: try fields.take("sender"))
    funds = try fields.take("funds")
  }

  /// Refuses coins: they would be lost in a message that does not use them.
  func refuseFunds() throws(Refusal) {
    guard funds.isEmpty else { throw .unexpectedFunds }
  }

  /// The one coin that was paid.
  func oneCoin() throws(Refusal) -> Coin {
    guard let coin = funds.first else { throw .noFunds }
    guard funds.count == 1 else { throw .manyFunds }
    guard coin.amount > .zero else { throw .noFunds }
    return coin
  }
}

/// Questions to the chain.
enum Chain {
  static func ask(_ request: JSON) throws(Refusal) -> JSON {
    let answer = try JSON(decoding: Host.query(request.encoded.bytes))
    let outer = try answer.single()
    guard outer.name.equals("ok") else { throw .query(outer.value.encoded) }
    let inner = try outer.value.single()
    guard inner.name.equals("ok") else {
      throw .query(try inner.value.text())
    }
    return try JSON(decoding: try Binary(json: inner.value).bytes)
  }

  static func balance(of address: Address, in denom: Text) throws(Refusal) -> Uint128 {
    var answer = try Fields(
      try ask(["bank": ["balance": ["address": address.json, "denom": denom.json]]]))
    return try Coin(json: try answer.json("amount")).amount
  }

  /// What another contract answers to a query.
  static func ask(_ contract: Address, _ query: JSON) throws(Refusal) -> JSON {
    try ask(["wasm": ["smart": ["contract_addr": contract.json, "msg": Binary(query).json]]])
  }
}
