// A swap in another domain: funds go there with the order, the output comes home as a transfer, and when it cannot be
// done they come back to who paid. One code for both sides; on an EVM chain the other side is a SwapReceiver.

enum SwapRefusal: ContractRefusal {
  case noRoute
  case late
  case strangerPacket
  case notStranded
  case noAmount

  var text: Text {
    switch self {
    case .noRoute: "no route over this client"
    case .late: "too late"
    case .strangerPacket: "no such packet is under way"
    case .notStranded: "this transfer is not stranded"
    case .noAmount: "the least output is not zero"
    }
  }
}

/// What somebody here has sent across: `waiting`, `done`, or `failed` and `timed_out` with the funds paid back.
private struct Order: JSONCodable {
  let sender: KnownAddress
  let coin: Coin
  var state: Text
  /// What the other side says has come out, as it names it. An EVM chain's answer is an amount alone: until it is
  /// here, this is nothing of the token that was asked for.
  var out: Coin?

  init(sender: Address, coin: Coin) {
    self.sender = KnownAddress(sender)
    self.coin = coin
    state = "waiting"
  }

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    sender = try fields.take("sender")
    coin = try fields.take("coin")
    state = try fields.take("state")
    out = try fields.optional("out")
  }

  var json: JSON {
    ["sender": sender.json, "coin": coin.json, "state": state.json, "out": JSON(optional: out)]
  }

  /// What a call's answer says has come out, if it says so.
  func output(_ answer: [UInt8]) -> Coin? {
    if let out {
      // (uint64 sequence, uint256 amountOut)
      return Calldata.words(answer, count: 2).map { Coin($0[1], out.denom) }
    }
    guard let json = try? JSON(decoding: answer), var fields = try? Fields(json) else { return nil }
    return try? fields.take("out")
  }
}

/// An output on its way home: `waiting`, `done`, or `stranded` here until somebody sends it again.
private struct Homeward: JSONCodable {
  let client: Text
  let receiver: Text
  let coin: Coin
  let path: Text
  var state: Text

  init(client: Text, receiver: Text, coin: Coin, path: Text) {
    self.client = client
    self.receiver = receiver
    self.coin = coin
    self.path = path
    state = "waiting"
  }

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    client = try fields.take("client")
    receiver = try fields.take("receiver")
    coin = try fields.take("coin")
    path = try fields.take("path")
    state = try fields.take("state")
  }

  var json: JSON {
    [
      "client": client.json, "receiver": receiver.json, "coin": coin.json, "path": path.json,
      "state": state.json,
    ]
  }

  /// Sends it, with `wait` seconds to arrive.
  func send(_ env: Env, wait: UInt64, in response: inout Response) throws(Refusal) {
    let deadline = env.seconds + min(wait, 86_400)
    let lane = Lane(client: client)
    var crossing = Crossing(over: lane, from: env, deadline: deadline)
    crossing.transfer(coin, path: path, to: receiver, isTold: true)
    response.send(crossing.message, id: ReplyID.homeward, payload: json, replyOn: .success)
  }
}

/// The other side of a lane: this same contract on a ledger, or a `SwapReceiver` on an EVM chain.
private struct Way: LaneEnd {
  let lane: Lane
  /// Of a ``Route`` or an ``EVMRoute``.
  let json: JSON

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    try self.init(&fields)
    try fields.finish()
  }

  init(_ fields: inout Fields) throws(Refusal) {
    lane = try Lane(&fields)
    json = lane.isEVM ? try EVMRoute(lane, &fields).json : try Route(lane, &fields).json
  }
}

private enum ReplyID {
  static let across: UInt64 = 1
  static let traded: UInt64 = 2
  static let homeward: UInt64 = 3
  static let unpaid: UInt64 = 4
}

enum Swap {
  private static let orders = Map<Pair<Text, UInt64>, Order>("orders")
  private static let routes = Routes<Way>()
  private static let homeward = Map<Pair<Text, UInt64>, Homeward>("homeward")
  private static let homewardWait: UInt64 = 3600
  /// An EVM chain sends nothing that waits for more than a day of its own clock, which may be behind ours.
  private static let evmWaitMax: UInt64 = 86_000

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
    switch name {
    case "swap_across": return try across(&fields, env, info)
    case "swap_and_return": return try swapAndReturn(&fields, env, info)
    default: break
    }
    try info.refuseFunds()
    switch name {
    case "set_route": return try routes.set(&fields, by: info.sender)
    case "remove_route": return try routes.remove(&fields, by: info.sender)
    case "resend": return try resend(&fields, env)
    case "claim":
      let denom: Text = try fields.take("denom")
      try fields.finish()
      return try Custody.claim(by: info.sender, denom: denom)
    default: throw .message(name)
    }
  }

  // MARK: Here

  private static func across(
    _ fields: inout Fields, _ env: Env, _ info: MessageInfo
  ) throws(Refusal) -> Response {
    let coin = try info.oneCoin()
    let client: Text = try fields.take("client")
    guard let way = try routes[client] else { throw Refusal(SwapRefusal.noRoute) }
    let least: Uint128 = try fields.take("min_out")
    let deadline: UInt64 = try fields.take("deadline")
    let receiver: Address = try fields.optional("receiver") ?? info.sender
    let path = try TokenPath.check(try fields.optional("path"), of: coin.denom)
    guard least > .zero else { throw Refusal(SwapRefusal.noAmount) }
    try checkDeadline(deadline, in: env)
    var crossing = Crossing(over: way.lane, from: env, deadline: deadline)
    var order = Order(sender: info.sender, coin: coin)
    if way.lane.isEVM {
      let route = try EVMRoute(json: way.json)
      let account = try route.account(of: env.contract, in: env)
      let funds = crossing.transfer(coin, path: path, to: account.text)
      let tokenOut: EVMAddress = try fields.take("token_out")
      order.out = Coin(.zero, tokenOut.text)
      try callReceiver(
        route, funds, tokenOut, &fields, least: least, receiver: receiver, &crossing)
    } else {
      let route = try Route(json: way.json)
      let account = try route.lane.account(of: env.contract, in: env)
      let funds = crossing.transfer(coin, path: path, to: account)
      try callTwin(route, funds, &fields, least: least, receiver: receiver, &crossing)
    }
    try fields.finish()
    var response = Response(action: "swap_across")
    response.send(
      crossing.message, id: ReplyID.across, payload: ["client": client.json, "order": order.json],
      replyOn: .success)
    return response
  }

  /// This same contract, on a ledger.
  @inline(never)
  private static func callTwin(
    _ route: Route, _ funds: Coin, _ fields: inout Fields, least: Uint128, receiver: Address,
    _ crossing: inout Crossing
  ) throws(Refusal) {
    let pool: Text = try fields.take("pool")
    let homePath: Text? = try fields.optional("home_path")
    try crossing.call(
      route.contract, funds: [funds], gasLimit: route.gasLimit,
      input: [
        "swap_and_return": [
          "pool": pool.json, "min_out": least.json, "deadline": crossing.deadline.json,
          "home": [
            "client": route.lane.destinationClient.json, "receiver": receiver.json,
            "path": JSON(optional: homePath),
          ],
        ]
      ])
  }

  /// `SwapReceiver` on an EVM chain.
  @inline(never)
  private static func callReceiver(
    _ route: EVMRoute, _ funds: Coin, _ tokenOut: EVMAddress, _ fields: inout Fields, least: Uint128,
    receiver: Address, _ crossing: inout Crossing
  ) throws(Refusal) {
    let tokenIn: EVMAddress = try fields.take("token_in")
    let homeDeadline = min(crossing.deadline + homewardWait, crossing.env.seconds + evmWaitMax)
    let input = Calldata.encode(
      "swapAndReturn(address,uint256,address,uint256,string,string,uint64)",
      [
        .address(tokenIn), .amount(funds.amount), .address(tokenOut), .amount(least),
        .text(route.lane.destinationClient), .text(receiver.text), .number(homeDeadline),
      ])
    try crossing.call(route.contract, funds: [funds], gasLimit: route.gasLimit, calldata: input)
  }

  // MARK: There

  private static func swapAndReturn(
    _ fields: inout Fields, _ env: Env, _ info: MessageInfo
  ) throws(Refusal) -> Response {
    let coin = try info.oneCoin()
    let pool: Address = try fields.take("pool")
    let least: Uint128 = try fields.take("min_out")
    let deadline: UInt64 = try fields.take("deadline")
    let home = try fields.json("home")
    try fields.finish()
    guard env.seconds < deadline else { throw Refusal(SwapRefusal.late) }
    var response = Response(action: "swap_and_return")
    try Trade.begin(coin, in: pool, least: least, order: home, replyID: ReplyID.traded, env, &response)
    return response
  }

  private static func sendHome(_ reply: Reply, _ env: Env) throws(Refusal) -> Response {
    let (out, order) = try Trade.end(reply, in: env)
    var home = try Fields(order)
    let client: Text = try home.take("client")
    let receiver: Text = try home.take("receiver")
    let path = try TokenPath.check(try home.optional("path"), of: out.denom)
    let wait: UInt64 = try home.optional("wait_seconds") ?? homewardWait
    try home.finish()
    var response = Response(action: "send_home")
    response.attribute("out", "\(out)")
    try Homeward(client: client, receiver: receiver, coin: out, path: path).send(
      env, wait: wait, in: &response)
    response.answer = Binary(["out": out.json])
    return response
  }

  /// Anybody may: the output can only go to whom it belongs.
  private static func resend(_ fields: inout Fields, _ env: Env) throws(Refusal) -> Response {
    let key = Pair(try fields.take("client", as: Text.self), try fields.take("sequence", as: UInt64.self))
    let wait: UInt64 = try fields.optional("wait_seconds") ?? homewardWait
    try fields.finish()
    guard var transfer = try homeward[key], transfer.state.equals("stranded") else {
      throw Refusal(SwapRefusal.notStranded)
    }
    try Custody.release(transfer.coin)
    homeward.remove(key)
    transfer.state = "waiting"
    var response = Response(action: "resend")
    try transfer.send(env, wait: max(wait, 60), in: &response)
    return response
  }

  // MARK: What became of it

  static func reply(_ env: Env, _ reply: Reply) throws(Refusal) -> Response {
    switch reply.id {
    case ReplyID.across:
      var fields = try Fields(try reply.payloadJSON())
      let client: Text = try fields.take("client")
      let sequence = try Crossing.sequence(in: reply)
      orders.save(try fields.take("order"), for: Pair(client, sequence))
      var response = Response()
      response.attribute("sequence", "\(sequence)")
      response.answer = Binary(["client": client.json, "sequence": sequence.json])
      return response
    case ReplyID.traded: return try sendHome(reply, env)
    case ReplyID.homeward:
      let transfer = try Homeward(json: try reply.payloadJSON())
      let sequence = try Crossing.sequence(in: reply)
      homeward.save(transfer, for: Pair(transfer.client, sequence))
      var response = Response()
      response.attribute("homeward_sequence", "\(sequence)")
      return response
    case ReplyID.unpaid: return try Custody.couldNotPay(reply)
    default: throw .message("reply")
    }
  }

  static func settled(_ env: Env, _ message: JSON) throws(Refusal) -> Response {
    let settlement = try Settlement(json: message)
    let key = Pair(settlement.client, settlement.sequence)
    var response = Response(action: "settled")
    response.attribute("state", settlement.word)
    if let order = try orders[key] {
      // Its transfer has its own callback, before: the refund is here when the call's comes.
      guard settlement.port.equals("execution") else { return Response() }
      try settle(order, settlement.end, settlement.word, key, &response)
    } else {
      guard let transfer = try homeward[key], settlement.port.equals("transfer") else {
        throw Refusal(SwapRefusal.strangerPacket)
      }
      try settle(transfer, settlement.end, key)
    }
    return response
  }

  @inline(never)
  private static func settle(
    _ order: Order, _ end: Settlement.End, _ word: Text, _ key: Pair<Text, UInt64>,
    _ response: inout Response
  ) throws(Refusal) {
    var order = order
    guard order.state.equals("waiting") else { throw Refusal(SwapRefusal.strangerPacket) }
    order.state = word
    if case .executed(let results) = end {
      order.out = results.first.flatMap { order.output($0) }
    } else {
      order.out = nil
      Custody.pay(order.coin, to: order.sender.address, replyID: ReplyID.unpaid, in: &response)
    }
    orders.save(order, for: key)
  }

  @inline(never)
  private static func settle(
    _ transfer: Homeward, _ end: Settlement.End, _ key: Pair<Text, UInt64>
  ) throws(Refusal) {
    var transfer = transfer
    guard transfer.state.equals("waiting") else { throw Refusal(SwapRefusal.strangerPacket) }
    if case .executed = end {
      transfer.state = "done"
    } else {
      transfer.state = "stranded"
      try Custody.owe(transfer.coin)
    }
    homeward.save(transfer, for: key)
  }

  static func query(_ env: Env, _ message: JSON) throws(Refusal) -> JSON {
    var (name, fields) = try message.variant()
    switch name {
    case "order", "homeward":
      let key = Pair(try fields.take("client", as: Text.self), try fields.take("sequence", as: UInt64.self))
      try fields.finish()
      return name.equals("order") ? try orders.load(key).json : try homeward.load(key).json
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
  Entry.call(env, info, message, Swap.instantiate)
}

@_expose(wasm, "execute") @_cdecl("execute")
func exportedExecute(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Swap.execute)
}

@_expose(wasm, "query") @_cdecl("query")
func exportedQuery(env: UInt32, message: UInt32) -> UInt32 { Entry.query(env, message, Swap.query) }

@_expose(wasm, "reply") @_cdecl("reply")
func exportedReply(env: UInt32, message: UInt32) -> UInt32 { Entry.reply(env, message, Swap.reply) }

@_expose(wasm, "ibc_source_callback") @_cdecl("ibc_source_callback")
func exportedSourceCallback(env: UInt32, message: UInt32) -> UInt32 {
  Entry.packet(env, message, Swap.settled)
}
