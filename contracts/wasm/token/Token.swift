// A token with CW20's messages, queries, stored keys and words (cw20-base), without marketing.

enum TokenRefusal: ContractRefusal {
  case unauthorized
  case cannotExceedCap
  case ownAccount
  case expired
  case noAllowance
  case invalidExpiration
  case duplicateBalance
  case name
  case symbol
  case decimals
  case initialCap
  case subtraction(Uint128, Uint128)

  var text: Text {
    switch self {
    case .unauthorized: "Unauthorized"
    case .cannotExceedCap: "Minting cannot exceed the cap"
    case .ownAccount: "Cannot set to own account"
    case .expired: "Allowance is expired"
    case .noAllowance: "No allowance for this account"
    case .invalidExpiration: "Invalid expiration value"
    case .duplicateBalance: "Duplicate initial balance addresses"
    case .name: "Name is not in the expected format (3-50 UTF-8 bytes)"
    case .symbol: "Ticker symbol is not in expected format [a-zA-Z\\-]{3,12}"
    case .decimals: "Decimals must not exceed 18"
    case .initialCap: "Initial supply greater than cap"
    case .subtraction(let left, let right): "Overflow: Cannot Sub with \(left) and \(right)"
    }
  }
}

private struct Minter: JSONCodable {
  let minter: KnownAddress
  let cap: Uint128?

  init(_ minter: Address, cap: Uint128?) {
    self.minter = KnownAddress(minter)
    self.cap = cap
  }

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    minter = try fields.take("minter")
    cap = try fields.optional("cap")
    try fields.finish()
  }

  var json: JSON { ["minter": minter.json, "cap": JSON(optional: cap)] }
}

private struct TokenFacts: JSONCodable {
  let name: Text
  let symbol: Text
  let decimals: UInt64
  var totalSupply: Uint128
  var mint: Minter?

  init(name: Text, symbol: Text, decimals: UInt64) {
    self.name = name
    self.symbol = symbol
    self.decimals = decimals
    totalSupply = .zero
  }

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    name = try fields.take("name")
    symbol = try fields.take("symbol")
    decimals = try fields.take("decimals")
    totalSupply = try fields.take("total_supply")
    mint = try fields.optional("mint")
  }

  var json: JSON {
    [
      "name": name.json, "symbol": symbol.json, "decimals": decimals.json, "total_supply": totalSupply.json,
      "mint": JSON(optional: mint),
    ]
  }
}

/// Until when an allowance stands.
private enum Expiration: JSONCodable {
  case height(UInt64)
  /// Nanoseconds since 1970.
  case time(UInt64)
  case never

  init(json: JSON) throws(Refusal) {
    let (name, value) = try json.single()
    switch name {
    case "at_height": self = .height(try UInt64(json: value))
    case "at_time":
      let time = try Uint128(json: value)
      guard time.value <= UInt128(UInt64.max) else { throw .malformed("expiration") }
      self = .time(UInt64(truncatingIfNeeded: time.value))
    case "never": self = .never
    default: throw .malformed("expiration")
    }
  }

  var json: JSON {
    switch self {
    case .height(let height): ["at_height": height.json]
    case .time(let time): ["at_time": Uint128(time).json]
    case .never: ["never": [:]]
    }
  }

  func isOver(_ env: Env) -> Bool {
    switch self {
    case .height(let height): env.height >= height
    case .time(let time): env.time >= time
    case .never: false
    }
  }
}

private struct Allowance: JSONCodable {
  var amount: Uint128
  var expires: Expiration

  static var none: Allowance { Allowance(amount: .zero, expires: .never) }

  init(amount: Uint128, expires: Expiration) {
    self.amount = amount
    self.expires = expires
  }

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    amount = try fields.take("allowance")
    expires = try fields.take("expires")
  }

  var json: JSON { ["allowance": amount.json, "expires": expires.json] }
}

enum Token {
  private static let facts = Item<TokenFacts>("token_info")
  private static let balances = Map<Address, Uint128>("balance")
  private static let allowances = Map<Pair<Address, Address>, Allowance>("allowance")
  private static let bySpender = Map<Pair<Address, Address>, Allowance>("allowance_spender")

  // MARK: Balances

  private static func take(_ amount: Uint128, from owner: Address) throws(Refusal) {
    let balance = try balances[owner] ?? .zero
    guard balance >= amount else { throw Refusal(TokenRefusal.subtraction(balance, amount)) }
    balances.save(try balance.subtracting(amount), for: owner)
  }

  private static func give(_ amount: Uint128, to receiver: Address) throws(Refusal) {
    balances.save(try (try balances[receiver] ?? .zero).adding(amount), for: receiver)
  }

  /// Takes from what `owner` lets `spender` have.
  private static func spend(
    _ amount: Uint128, of owner: Address, by spender: Address, _ env: Env
  ) throws(Refusal) {
    guard var allowance = try allowances[Pair(owner, spender)] else {
      throw Refusal(TokenRefusal.noAllowance)
    }
    if allowance.expires.isOver(env) { throw Refusal(TokenRefusal.expired) }
    guard allowance.amount >= amount else {
      throw Refusal(TokenRefusal.subtraction(allowance.amount, amount))
    }
    allowance.amount = try allowance.amount.subtracting(amount)
    set(allowance, owner, spender)
  }

  private static func set(_ allowance: Allowance, _ owner: Address, _ spender: Address) {
    allowances.save(allowance, for: Pair(owner, spender))
    bySpender.save(allowance, for: Pair(spender, owner))
  }

  private static func burnSupply(_ amount: Uint128) throws(Refusal) {
    var token = try facts.load()
    token.totalSupply = try token.totalSupply.subtracting(amount)
    facts.save(token)
  }

  // MARK: Messages

  static func instantiate(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    try info.refuseFunds()
    var fields = try Fields(message)
    var token = TokenFacts(
      name: try fields.take("name"), symbol: try fields.take("symbol"), decimals: try fields.take("decimals"))
    guard token.name.count >= 3, token.name.count <= 50 else { throw Refusal(TokenRefusal.name) }
    guard token.symbol.count >= 3, token.symbol.count <= 12 else { throw Refusal(TokenRefusal.symbol) }
    for byte in token.symbol.bytes {
      guard byte == 0x2d || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a && byte >= 0x41) else {
        throw Refusal(TokenRefusal.symbol)
      }
    }
    guard token.decimals <= 18 else { throw Refusal(TokenRefusal.decimals) }
    for entry in try fields.take("initial_balances", as: [JSON].self) {
      var balance = try Fields(entry)
      let address: Address = try balance.take("address")
      let amount: Uint128 = try balance.take("amount")
      try balance.finish()
      guard try balances[address] == nil else { throw Refusal(TokenRefusal.duplicateBalance) }
      balances.save(amount, for: address)
      token.totalSupply = try token.totalSupply.adding(amount)
    }
    if let json = try fields.optional("mint", as: JSON.self) {
      var mint = try Fields(json)
      token.mint = Minter(try mint.take("minter"), cap: try mint.optional("cap"))
      try mint.finish()
      if let cap = token.mint?.cap, token.totalSupply > cap { throw Refusal(TokenRefusal.initialCap) }
    }
    // Taken and not kept.
    _ = try fields.optional("marketing", as: JSON.self)
    try fields.finish()
    facts.save(token)
    return Response()
  }

  static func execute(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    try info.refuseFunds()
    var (name, fields) = try message.variant()
    switch name {
    case "transfer", "send", "transfer_from", "send_from":
      return try move(name, &fields, env, info.sender)
    case "burn", "burn_from": return try burn(name, &fields, env, info.sender)
    case "mint": return try mint(&fields, info.sender)
    case "increase_allowance", "decrease_allowance":
      return try allow(name, &fields, env, info.sender)
    case "update_minter":
      let next: Address? = try fields.optional("new_minter")
      try fields.finish()
      var token = try facts.load()
      guard let mint = token.mint, mint.minter.address == info.sender else {
        throw Refusal(TokenRefusal.unauthorized)
      }
      token.mint = next.map { Minter($0, cap: mint.cap) }
      facts.save(token)
      var response = Response(action: "update_minter")
      response.attribute("new_minter", next?.text ?? "None")
      return response
    default: throw .message(name)
    }
  }

  /// `transfer`, `send`, and both with an allowance.
  private static func move(
    _ name: Text, _ fields: inout Fields, _ env: Env, _ sender: Address
  ) throws(Refusal) -> Response {
    let isFrom = name.count > 8
    let isSend = name.hasPrefix("send")
    let owner: Address = isFrom ? try fields.take("owner") : sender
    let receiver: Address = try fields.take(isSend ? "contract" : "recipient")
    let amount: Uint128 = try fields.take("amount")
    let inner: Binary? = isSend ? try fields.take("msg") : nil
    try fields.finish()
    if isFrom { try spend(amount, of: owner, by: sender, env) }
    try take(amount, from: owner)
    try give(amount, to: receiver)
    var response = Response(action: name)
    response.attribute("from", owner.text)
    response.attribute("to", receiver.text)
    if isFrom { response.attribute("by", sender.text) }
    response.attribute("amount", amount.decimal)
    if let inner {
      let receive: JSON = [
        "receive": ["sender": sender.json, "amount": amount.json, "msg": inner.json]
      ]
      response.send(.execute(receiver, receive))
    }
    return response
  }

  private static func burn(
    _ name: Text, _ fields: inout Fields, _ env: Env, _ sender: Address
  ) throws(Refusal) -> Response {
    let isFrom = name.count > 4
    let owner: Address = isFrom ? try fields.take("owner") : sender
    let amount: Uint128 = try fields.take("amount")
    try fields.finish()
    if isFrom { try spend(amount, of: owner, by: sender, env) }
    try take(amount, from: owner)
    try burnSupply(amount)
    var response = Response(action: name)
    response.attribute("from", owner.text)
    if isFrom { response.attribute("by", sender.text) }
    response.attribute("amount", amount.decimal)
    return response
  }

  private static func mint(_ fields: inout Fields, _ sender: Address) throws(Refusal) -> Response {
    let receiver: Address = try fields.take("recipient")
    let amount: Uint128 = try fields.take("amount")
    try fields.finish()
    var token = try facts.load()
    guard let mint = token.mint, mint.minter.address == sender else {
      throw Refusal(TokenRefusal.unauthorized)
    }
    token.totalSupply = try token.totalSupply.adding(amount)
    if let cap = mint.cap, token.totalSupply > cap { throw Refusal(TokenRefusal.cannotExceedCap) }
    facts.save(token)
    try give(amount, to: receiver)
    var response = Response(action: "mint")
    response.attribute("to", receiver.text)
    response.attribute("amount", amount.decimal)
    return response
  }

  private static func allow(
    _ name: Text, _ fields: inout Fields, _ env: Env, _ owner: Address
  ) throws(Refusal) -> Response {
    let spender: Address = try fields.take("spender")
    let amount: Uint128 = try fields.take("amount")
    let expires: Expiration? = try fields.optional("expires")
    try fields.finish()
    guard spender != owner else { throw Refusal(TokenRefusal.ownAccount) }
    if let expires, expires.isOver(env) { throw Refusal(TokenRefusal.invalidExpiration) }
    let key = Pair(owner, spender)
    if name.hasPrefix("increase") {
      var allowance = try allowances[key] ?? .none
      allowance.amount = try allowance.amount.adding(amount)
      if let expires { allowance.expires = expires }
      set(allowance, owner, spender)
    } else {
      var allowance = try allowances.load(key)
      if amount < allowance.amount {
        allowance.amount = try allowance.amount.subtracting(amount)
        if let expires { allowance.expires = expires }
        set(allowance, owner, spender)
      } else {
        allowances.remove(key)
        bySpender.remove(Pair(spender, owner))
      }
    }
    var response = Response(action: name)
    response.attribute("owner", owner.text)
    response.attribute("spender", spender.text)
    response.attribute("amount", amount.decimal)
    return response
  }

  // MARK: Queries

  static func query(_ env: Env, _ message: JSON) throws(Refusal) -> JSON {
    var (name, fields) = try message.variant()
    switch name {
    case "balance":
      let address: Address = try fields.take("address")
      try fields.finish()
      return ["balance": (try balances[address] ?? .zero).json]
    case "token_info":
      try fields.finish()
      let token = try facts.load()
      return [
        "name": token.name.json, "symbol": token.symbol.json, "decimals": token.decimals.json,
        "total_supply": token.totalSupply.json,
      ]
    case "minter":
      try fields.finish()
      return JSON(optional: try facts.load().mint)
    case "allowance":
      let key = Pair(try fields.take("owner", as: Address.self), try fields.take("spender", as: Address.self))
      try fields.finish()
      return (try allowances[key] ?? .none).json
    case "all_allowances": return try list(&fields, "owner", "spender", allowances)
    case "all_spender_allowances": return try list(&fields, "spender", "owner", bySpender)
    case "all_accounts":
      let after: Address? = try fields.optional("start_after")
      let limit = pageSize(try fields.optional("limit"))
      try fields.finish()
      return ["accounts": try balances.list(after: after, limit: limit) { (account, _) in account.json }]
    default: throw .message(name)
    }
  }

  private static func list(
    _ fields: inout Fields, _ whose: StaticString, _ other: StaticString,
    _ map: Map<Pair<Address, Address>, Allowance>
  ) throws(Refusal) -> JSON {
    let address: Address = try fields.take(whose)
    let after: Address? = try fields.optional("start_after")
    let limit = pageSize(try fields.optional("limit"))
    try fields.finish()
    let list = try map.list(address, after: after, limit: limit) {
      [Text(stringLiteral: other): $0.json, "allowance": $1.amount.json, "expires": $1.expires.json]
    }
    return ["allowances": list]
  }

  static func migrate(_ env: Env, _ message: JSON) throws(Refusal) -> Response {
    try Fields(message).finish()
    return Response()
  }
}

@_expose(wasm, "instantiate") @_cdecl("instantiate")
func exportedInstantiate(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Token.instantiate)
}

@_expose(wasm, "execute") @_cdecl("execute")
func exportedExecute(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Token.execute)
}

@_expose(wasm, "query") @_cdecl("query")
func exportedQuery(env: UInt32, message: UInt32) -> UInt32 { Entry.query(env, message, Token.query) }

@_expose(wasm, "migrate") @_cdecl("migrate")
func exportedMigrate(env: UInt32, message: UInt32) -> UInt32 { Entry.call(env, message, Token.migrate) }
