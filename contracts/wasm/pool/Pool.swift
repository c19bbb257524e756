// A constant-product pool of two assets, coins of the bank or CW20 tokens. The product of the reserves never falls.
//
// Reserves are what the pool has counted, not what lies in its account: sending coins to it changes no price.

enum PoolRefusal: ContractRefusal {
  case sameAssets
  case fee
  case asset
  case amounts
  case empty
  case nothingOut
  case tooLittle(out: Uint128, least: Uint128)
  case late
  case shares
  case broken

  var text: Text {
    switch self {
    case .sameAssets: "the assets are the same"
    case .fee: "the fee is at most 1000 of 10000"
    case .asset: "no asset of this pool"
    case .amounts: "the coins are not the amounts"
    case .empty: "the pool is empty"
    case .nothingOut: "nothing would come out"
    case .tooLittle(let out, let least): "\(out) would come out, less than \(least)"
    case .late: "too late"
    case .shares: "not so many shares"
    case .broken: "the circuit breaker is tripped"
    }
  }
}

/// `{"native":"denom"}` or `{"cw20":"address"}`.
enum Asset: JSONCodable, Equatable {
  case native(Text)
  case cw20(Address)

  init(json: JSON) throws(Refusal) {
    let (name, value) = try json.single()
    switch name {
    case "native": self = .native(try Text(json: value))
    case "cw20": self = .cw20(try Address(json: value))
    default: throw .malformed("asset")
    }
  }

  var json: JSON {
    switch self {
    case .native(let denom): ["native": denom.json]
    case .cw20(let token): ["cw20": token.json]
    }
  }

  /// Pays out of the pool's account.
  func pay(_ amount: Uint128, to receiver: Address, in response: inout Response) {
    guard amount > .zero else { return }
    switch self {
    case .native(let denom): response.send(.pay([Coin(amount, denom)], to: receiver))
    case .cw20(let token):
      response.send(.execute(token, ["transfer": ["recipient": receiver.json, "amount": amount.json]]))
    }
  }
}

private struct State: JSONCodable {
  let assets: [Asset]
  var reserves: [Uint128]
  var shares: Uint128
  /// Of 10000.
  let fee: UInt64
  let breaker: KnownAddress?

  init(assets: [Asset], fee: UInt64, breaker: Address?) {
    self.assets = assets
    reserves = [.zero, .zero]
    shares = .zero
    self.fee = fee
    self.breaker = breaker.map { KnownAddress($0) }
  }

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    assets = try fields.take("assets")
    reserves = try fields.take("reserves")
    shares = try fields.take("shares")
    fee = try fields.take("fee")
    breaker = try fields.optional("breaker")
    guard assets.count == 2, reserves.count == 2 else { throw .storage("pool") }
  }

  var json: JSON {
    [
      "assets": assets.json, "reserves": reserves.json, "shares": shares.json, "fee": fee.json,
      "breaker": JSON(optional: breaker),
    ]
  }

  func index(of asset: Asset) throws(Refusal) -> Int {
    if asset == assets[0] { return 0 }
    if asset == assets[1] { return 1 }
    throw Refusal(PoolRefusal.asset)
  }

  /// What comes out for `amount` of an asset: the fee is rounded up, the output down.
  func output(of index: Int, for amount: Uint128) throws(Refusal) -> (out: Uint128, fee: Uint128) {
    guard shares > .zero else { throw Refusal(PoolRefusal.empty) }
    let taken = try amount.times(Uint128(fee), dividedBy: Uint128(10_000), roundingUp: true)
    let net = try amount.subtracting(taken)
    let out = try reserves[1 - index].times(net, dividedBy: try reserves[index].adding(net))
    return (out, taken)
  }

  func checkBreaker() throws(Refusal) {
    guard let breaker else { return }
    var status = try Fields(try Chain.ask(breaker.address, ["status": [:]]))
    guard try !status.take("tripped", as: Bool.self) else { throw Refusal(PoolRefusal.broken) }
  }
}

enum Pool {
  private static let item = Item<State>("pool")
  private static let owned = Map<Address, Uint128>("shares")
  /// Shares of nobody, from the first deposit: they keep one share from growing dear.
  private static let locked = Uint128(1000)
  private static let feeMax: UInt64 = 1000

  static func instantiate(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    try info.refuseFunds()
    var fields = try Fields(message)
    let assets: [Asset] = try fields.take("assets")
    let fee: UInt64 = try fields.optional("fee") ?? 30
    let breaker: Address? = try fields.optional("breaker")
    try fields.finish()
    guard assets.count == 2 else { throw .malformed("assets") }
    guard assets[0] != assets[1] else { throw Refusal(PoolRefusal.sameAssets) }
    guard fee <= feeMax else { throw Refusal(PoolRefusal.fee) }
    item.save(State(assets: assets, fee: fee, breaker: breaker))
    return Response(action: "instantiate")
  }

  static func execute(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    var (name, fields) = try message.variant()
    switch name {
    case "add_liquidity": return try add(&fields, env, info)
    case "remove_liquidity":
      try info.refuseFunds()
      return try remove(&fields, env, info.sender)
    case "swap":
      let coin = try info.oneCoin()
      return try swap(&fields, .native(coin.denom), coin.amount, by: info.sender, env)
    case "receive":
      // The sender is the token: only an asset of this pool says truly that it has moved.
      try info.refuseFunds()
      let payer: Address = try fields.take("sender")
      let amount: Uint128 = try fields.take("amount")
      let inner: Binary = try fields.take("msg")
      try fields.finish()
      var (wish, wishes) = try JSON(decoding: inner.bytes).variant()
      guard wish.equals("swap") else { throw .message(wish) }
      return try swap(&wishes, .cw20(info.sender), amount, by: payer, env)
    default: throw .message(name)
    }
  }

  private static func checkDeadline(_ fields: inout Fields, _ env: Env) throws(Refusal) {
    if let deadline: UInt64 = try fields.optional("deadline"), env.seconds > deadline {
      throw Refusal(PoolRefusal.late)
    }
  }

  private static func swap(
    _ fields: inout Fields, _ asset: Asset, _ amount: Uint128, by payer: Address, _ env: Env
  ) throws(Refusal) -> Response {
    let least: Uint128 = try fields.optional("min_out") ?? Uint128(1)
    let receiver: Address = try fields.optional("receiver") ?? payer
    try checkDeadline(&fields, env)
    try fields.finish()
    var pool = try item.load()
    let index = try pool.index(of: asset)
    try pool.checkBreaker()
    let (out, fee) = try pool.output(of: index, for: amount)
    guard out > .zero else { throw Refusal(PoolRefusal.nothingOut) }
    guard out >= least else { throw Refusal(PoolRefusal.tooLittle(out: out, least: least)) }
    pool.reserves[index] = try pool.reserves[index].adding(amount)
    pool.reserves[1 - index] = try pool.reserves[1 - index].subtracting(out)
    item.save(pool)
    var response = Response(action: "swap")
    response.attribute("in", amount.decimal)
    response.attribute("out", out.decimal)
    response.attribute("fee", fee.decimal)
    pool.assets[1 - index].pay(out, to: receiver, in: &response)
    response.answer = Binary(["out": out.json, "asset": pool.assets[1 - index].json])
    return response
  }

  private static func add(
    _ fields: inout Fields, _ env: Env, _ info: MessageInfo
  ) throws(Refusal) -> Response {
    let amounts: [Uint128] = try fields.take("amounts")
    let least: Uint128 = try fields.optional("min_shares") ?? Uint128(1)
    let receiver: Address = try fields.optional("receiver") ?? info.sender
    try checkDeadline(&fields, env)
    try fields.finish()
    guard amounts.count == 2, amounts[0] > .zero, amounts[1] > .zero else {
      throw Refusal(PoolRefusal.amounts)
    }
    var pool = try item.load()
    try pool.checkBreaker()
    let minted: Uint128
    var used = amounts
    if pool.shares == .zero {
      minted = try amounts[0].geometricMean(amounts[1]).subtracting(locked)
      pool.shares = locked
    } else {
      // The smaller share counts; of the other asset only what fits is taken, rounded up.
      // More shares than 128 bits are more than the other asset's, then.
      let first = (try? pool.shares.times(amounts[0], dividedBy: pool.reserves[0])) ?? .max
      let second = (try? pool.shares.times(amounts[1], dividedBy: pool.reserves[1])) ?? .max
      minted = first < second ? first : second
      for index in 0..<2 {
        used[index] = try pool.reserves[index].times(minted, dividedBy: pool.shares, roundingUp: true)
      }
    }
    guard minted > .zero, minted >= least else {
      throw Refusal(PoolRefusal.tooLittle(out: minted, least: least))
    }
    var response = Response(action: "add_liquidity")
    var natives = 0
    for index in 0..<2 {
      pool.reserves[index] = try pool.reserves[index].adding(used[index])
      switch pool.assets[index] {
      case .native(let denom):
        natives += 1
        guard info.funds.contains(where: { $0.denom == denom && $0.amount == amounts[index] }) else {
          throw Refusal(PoolRefusal.amounts)
        }
        let rest = try amounts[index].subtracting(used[index])
        pool.assets[index].pay(rest, to: info.sender, in: &response)
      case .cw20(let token):
        response.send(
          .execute(
            token,
            [
              "transfer_from": [
                "owner": info.sender.json, "recipient": env.contract.json, "amount": used[index].json,
              ]
            ]))
      }
    }
    guard info.funds.count == natives else { throw Refusal(PoolRefusal.amounts) }
    pool.shares = try pool.shares.adding(minted)
    item.save(pool)
    owned.save(try (try owned[receiver] ?? .zero).adding(minted), for: receiver)
    response.attribute("shares", minted.decimal)
    response.answer = Binary(["shares": minted.json, "amounts": used.json])
    return response
  }

  /// Never stopped by the breaker: what people own they can take.
  private static func remove(
    _ fields: inout Fields, _ env: Env, _ sender: Address
  ) throws(Refusal) -> Response {
    let count: Uint128 = try fields.take("shares")
    let least: [Uint128]? = try fields.optional("min_out")
    let receiver: Address = try fields.optional("receiver") ?? sender
    try checkDeadline(&fields, env)
    try fields.finish()
    let balance = try owned[sender] ?? .zero
    guard count > .zero, count <= balance else { throw Refusal(PoolRefusal.shares) }
    var pool = try item.load()
    var response = Response(action: "remove_liquidity")
    var out: [Uint128] = []
    for index in 0..<2 {
      let amount = try pool.reserves[index].times(count, dividedBy: pool.shares)
      if let least {
        guard least.count == 2 else { throw .malformed("min_out") }
        guard amount >= least[index] else {
          throw Refusal(PoolRefusal.tooLittle(out: amount, least: least[index]))
        }
      }
      pool.reserves[index] = try pool.reserves[index].subtracting(amount)
      pool.assets[index].pay(amount, to: receiver, in: &response)
      out.append(amount)
    }
    pool.shares = try pool.shares.subtracting(count)
    item.save(pool)
    let rest = try balance.subtracting(count)
    if rest == .zero { owned.remove(sender) } else { owned.save(rest, for: sender) }
    response.answer = Binary(["amounts": out.json])
    return response
  }

  static func query(_ env: Env, _ message: JSON) throws(Refusal) -> JSON {
    var (name, fields) = try message.variant()
    switch name {
    case "pool":
      try fields.finish()
      return try item.load().json
    case "share":
      let address: Address = try fields.take("address")
      try fields.finish()
      return ["shares": (try owned[address] ?? .zero).json]
    case "quote":
      let asset: Asset = try fields.take("offer")
      let amount: Uint128 = try fields.take("amount")
      try fields.finish()
      let pool = try item.load()
      let index = try pool.index(of: asset)
      let (out, fee) = try pool.output(of: index, for: amount)
      return ["out": out.json, "fee": fee.json, "asset": pool.assets[1 - index].json]
    default: throw .message(name)
    }
  }
}

@_expose(wasm, "instantiate") @_cdecl("instantiate")
func exportedInstantiate(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Pool.instantiate)
}

@_expose(wasm, "execute") @_cdecl("execute")
func exportedExecute(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Pool.execute)
}

@_expose(wasm, "query") @_cdecl("query")
func exportedQuery(env: UInt32, message: UInt32) -> UInt32 { Entry.query(env, message, Pool.query) }
