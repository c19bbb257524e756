// One order, filled from a pool here and one in another domain, and settled once, when both parts are known.
//
// The part here is done first and its output held; the other part must make up the rest of the least output. Its
// output comes home by itself, to the receiver. When it fails, its funds go back to who paid, and the held output to
// the receiver.

enum SplitterRefusal: ContractRefusal {
  case noRoute
  case parts
  case noAmount
  case strangerPacket

  var text: Text {
    switch self {
    case .noRoute: "no route over this client"
    case .parts: "both parts need an amount"
    case .noAmount: "the least output is not zero"
    case .strangerPacket: "no such order is under way"
    }
  }
}

/// `waiting`; `filled`, both parts; or `partial`, the part here alone.
private struct Order: JSONCodable {
  let sender: KnownAddress
  let receiver: KnownAddress
  /// What went across.
  let coin: Coin
  /// What came out here, held until the other part is known.
  let localOut: Coin
  var acrossOut: Coin?
  var state: Text

  init(sender: KnownAddress, receiver: KnownAddress, coin: Coin, localOut: Coin) {
    self.sender = sender
    self.receiver = receiver
    self.coin = coin
    self.localOut = localOut
    state = "waiting"
  }

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    sender = try fields.take("sender")
    receiver = try fields.take("receiver")
    coin = try fields.take("coin")
    localOut = try fields.take("local_out")
    acrossOut = try fields.optional("across_out")
    state = try fields.take("state")
  }

  var json: JSON {
    [
      "sender": sender.json, "receiver": receiver.json, "coin": coin.json, "local_out": localOut.json,
      "across_out": JSON(optional: acrossOut), "state": state.json,
    ]
  }
}

private enum ReplyID {
  static let traded: UInt64 = 1
  static let across: UInt64 = 2
  static let unpaid: UInt64 = 3
}

enum Splitter {
  private static let orders = Map<Pair<Text, UInt64>, Order>("orders")
  private static let routes = Routes<Route>()

  static func instantiate(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    try info.refuseFunds()
    var fields = try Fields(message)
    Owner.set(try fields.optional("owner") ?? info.sender)
    routes.save(try fields.optional("routes") ?? [])
    try fields.finish()
    return Response(action: "instantiate")
  }

  static func execute(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    try Custody.checkOpen()
    var (name, fields) = try message.variant()
    if name.equals("fill") { return try fill(&fields, env, info) }
    try info.refuseFunds()
    switch name {
    case "set_route": return try routes.set(&fields, by: info.sender)
    case "remove_route": return try routes.remove(&fields, by: info.sender)
    case "claim":
      let denom: Text = try fields.take("denom")
      try fields.finish()
      return try Custody.claim(by: info.sender, denom: denom)
    default: throw .message(name)
    }
  }

  private static func fill(_ fields: inout Fields, _ env: Env, _ info: MessageInfo) throws(Refusal)
    -> Response
  {
    let coin = try info.oneCoin()
    var local = try Fields(try fields.json("local"))
    let pool: Address = try local.take("pool")
    let localAmount: Uint128 = try local.take("amount")
    try local.finish()
    let across = try fields.json("across")
    let least: Uint128 = try fields.take("min_out")
    let deadline: UInt64 = try fields.take("deadline")
    let receiver: Address = try fields.optional("receiver") ?? info.sender
    try fields.finish()
    guard localAmount > .zero, localAmount < coin.amount else { throw Refusal(SplitterRefusal.parts) }
    guard least > .zero else { throw Refusal(SplitterRefusal.noAmount) }
    try checkDeadline(deadline, in: env)
    let acrossCoin = Coin(try coin.amount.subtracting(localAmount), coin.denom)
    // The part here must do its share.
    let localLeast = try least.times(localAmount, dividedBy: coin.amount, roundingUp: true)
    let order: JSON = [
      "sender": info.sender.json, "receiver": receiver.json, "coin": acrossCoin.json, "across": across,
      "least": least.json, "deadline": deadline.json,
    ]
    var response = Response(action: "fill")
    try Trade.begin(
      Coin(localAmount, coin.denom), in: pool, least: localLeast, order: order, replyID: ReplyID.traded, env,
      &response)
    return response
  }

  /// The part here is done: now the other one.
  private static func sendAcross(_ reply: Reply, _ env: Env) throws(Refusal) -> Response {
    let (out, json) = try Trade.end(reply, in: env)
    try Custody.owe(out)
    var fields = try Fields(json)
    let sender: KnownAddress = try fields.take("sender")
    let receiver: KnownAddress = try fields.take("receiver")
    let coin: Coin = try fields.take("coin")
    let least: Uint128 = try fields.take("least")
    let deadline: UInt64 = try fields.take("deadline")
    var across = try Fields(try fields.json("across"))
    let client: Text = try across.take("client")
    let pool: Text = try across.take("pool")
    let path = try TokenPath.check(try across.optional("path"), of: coin.denom)
    let homePath: Text? = try across.optional("home_path")
    try across.finish()
    guard let route = try routes[client] else { throw Refusal(SplitterRefusal.noRoute) }
    let rest = out.amount < least ? try least.subtracting(out.amount) : Uint128(1)
    var crossing = Crossing(over: route.lane, from: env, deadline: deadline)
    let funds = crossing.transfer(coin, path: path, to: try route.lane.account(of: env.contract, in: env))
    try crossing.call(
      route.contract, funds: [funds], gasLimit: route.gasLimit,
      input: [
        "swap_and_return": [
          "pool": pool.json, "min_out": rest.json, "deadline": deadline.json,
          "home": [
            "client": route.lane.destinationClient.json, "receiver": receiver.json,
            "path": JSON(optional: homePath),
          ],
        ]
      ])
    var response = Response(action: "fill_across")
    response.attribute("local_out", "\(out)")
    let order = Order(sender: sender, receiver: receiver, coin: coin, localOut: out)
    response.send(
      crossing.message, id: ReplyID.across, payload: ["client": client.json, "order": order.json],
      replyOn: .success)
    return response
  }

  static func reply(_ env: Env, _ reply: Reply) throws(Refusal) -> Response {
    switch reply.id {
    case ReplyID.traded: return try sendAcross(reply, env)
    case ReplyID.across:
      var fields = try Fields(try reply.payloadJSON())
      let client: Text = try fields.take("client")
      let sequence = try Crossing.sequence(in: reply)
      orders.save(try fields.take("order"), for: Pair(client, sequence))
      var response = Response()
      response.attribute("sequence", "\(sequence)")
      response.answer = Binary(["client": client.json, "sequence": sequence.json])
      return response
    case ReplyID.unpaid: return try Custody.couldNotPay(reply)
    default: throw .message("reply")
    }
  }

  static func settled(_ env: Env, _ message: JSON) throws(Refusal) -> Response {
    let settlement = try Settlement(json: message)
    let key = Pair(settlement.client, settlement.sequence)
    guard var order = try orders[key] else { throw Refusal(SplitterRefusal.strangerPacket) }
    // Its transfer has its own callback, before: the refund is here when the call's comes.
    guard settlement.port.equals("execution") else { return Response() }
    guard order.state.equals("waiting") else { throw Refusal(SplitterRefusal.strangerPacket) }
    var response = Response(action: "settled")
    try Custody.release(order.localOut)
    if case .executed(let results) = settlement.end {
      order.state = "filled"
      if let first = results.first, let json = try? JSON(decoding: first), var fields = try? Fields(json) {
        order.acrossOut = try? fields.take("out")
      }
    } else {
      order.state = "partial"
      Custody.pay(order.coin, to: order.sender.address, replyID: ReplyID.unpaid, in: &response)
    }
    Custody.pay(order.localOut, to: order.receiver.address, replyID: ReplyID.unpaid, in: &response)
    orders.save(order, for: key)
    response.attribute("state", order.state)
    return response
  }

  static func query(_ env: Env, _ message: JSON) throws(Refusal) -> JSON {
    var (name, fields) = try message.variant()
    switch name {
    case "order":
      let key = Pair(try fields.take("client", as: Text.self), try fields.take("sequence", as: UInt64.self))
      try fields.finish()
      return try orders.load(key).json
    case "orders":
      let client: Text = try fields.take("client")
      let after: UInt64? = try fields.optional("start_after")
      let limit = pageSize(try fields.optional("limit"))
      try fields.finish()
      return [
        "orders": try orders.list(client, after: after, limit: limit) {
          ["sequence": $0.json, "order": $1.json]
        }
      ]
    case "routes":
      try fields.finish()
      return try routes.list()
    case "unpaid":
      let address: Address = try fields.take("address")
      try fields.finish()
      return try Custody.unpaid(to: address)
    case "owed":
      let denom: Text = try fields.take("denom")
      try fields.finish()
      return ["amount": try Custody.owedAmount(denom).json]
    default: throw .message(name)
    }
  }
}

@_expose(wasm, "instantiate") @_cdecl("instantiate")
func exportedInstantiate(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Splitter.instantiate)
}

@_expose(wasm, "execute") @_cdecl("execute")
func exportedExecute(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Splitter.execute)
}

@_expose(wasm, "query") @_cdecl("query")
func exportedQuery(env: UInt32, message: UInt32) -> UInt32 { Entry.query(env, message, Splitter.query) }

@_expose(wasm, "reply") @_cdecl("reply")
func exportedReply(env: UInt32, message: UInt32) -> UInt32 { Entry.reply(env, message, Splitter.reply) }

@_expose(wasm, "ibc_source_callback") @_cdecl("ibc_source_callback")
func exportedSourceCallback(env: UInt32, message: UInt32) -> UInt32 {
  Entry.packet(env, message, Splitter.settled)
}
