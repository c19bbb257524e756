// A box office: sells seats of a hall on an EVM chain. Who pays has a ticket, or the money back.

enum TicketsRefusal: ContractRefusal {
  case notWaiting

  var text: Text {
    switch self {
    case .notWaiting: "no such order is waiting"
    }
  }
}

/// What somebody has ordered: `waiting`, `sold`, or `failed` and `timed_out` with the money paid back.
private struct Order: JSONCodable {
  let buyer: KnownAddress
  let coin: Coin
  let seat: UInt64
  var state: Text

  init(buyer: Address, coin: Coin, seat: UInt64) {
    self.buyer = KnownAddress(buyer)
    self.coin = coin
    self.seat = seat
    state = "waiting"
  }

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    buyer = try fields.take("buyer")
    coin = try fields.take("coin")
    seat = try fields.take("seat")
    state = try fields.take("state")
  }

  var json: JSON { ["buyer": buyer.json, "coin": coin.json, "seat": seat.json, "state": state.json] }
}

private enum ReplyID {
  static let ordered: UInt64 = 1
  static let unpaid: UInt64 = 2
}

enum Tickets {
  private static let route = Item<EVMRoute>("route")
  /// By the number of the packet that carries the order.
  private static let orders = Map<UInt64, Order>("orders")

  /// `{"route": …}`: the lane, and the hall at its other end.
  static func instantiate(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    try info.refuseFunds()
    var fields = try Fields(message)
    route.save(try fields.take("route"))
    try fields.finish()
    return Response(action: "instantiate")
  }

  /// `{"buy": {"seat": 7, "deadline": …}}` with the price: one packet takes both there.
  static func execute(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    var (name, fields) = try message.variant()
    switch name {
    case "buy":
      let coin = try info.oneCoin()
      let seat: UInt64 = try fields.take("seat")
      let deadline: UInt64 = try fields.take("deadline")
      try fields.finish()
      try checkDeadline(deadline, in: env)
      let route = try route.load()
      var crossing = Crossing(over: route.lane, from: env, deadline: deadline)
      let funds = crossing.transfer(coin, path: coin.denom, to: try route.account(of: env.contract, in: env).text)
      let input = Calldata.encode("sell(uint64,string)", [.number(seat), .text(info.sender.text)])
      try crossing.call(route.contract, funds: [funds], gasLimit: route.gasLimit, calldata: input)
      var response = Response(action: "buy")
      let order = Order(buyer: info.sender, coin: coin, seat: seat)
      response.send(crossing.message, id: ReplyID.ordered, payload: order.json, replyOn: .success)
      return response
    case "claim":
      try info.refuseFunds()
      let denom: Text = try fields.take("denom")
      try fields.finish()
      return try Custody.claim(by: info.sender, denom: denom)
    default: throw .message(name)
    }
  }

  /// The packet is sent and has its number; or a refund could not be paid, and waits for its owner's `claim`.
  static func reply(_ env: Env, _ reply: Reply) throws(Refusal) -> Response {
    guard reply.id == ReplyID.ordered else { return try Custody.couldNotPay(reply) }
    let sequence = try Crossing.sequence(in: reply)
    orders.save(try Order(json: try reply.payloadJSON()), for: sequence)
    var response = Response()
    response.answer = Binary(["order": sequence.json])
    return response
  }

  /// How the packet ended. Only the chain calls this, once for each port; what was taken along is back before.
  static func settled(_ env: Env, _ message: JSON) throws(Refusal) -> Response {
    let settlement = try Settlement(json: message)
    guard settlement.port.equals("execution") else { return Response() }
    guard var order = try orders[settlement.sequence], order.state.equals("waiting") else {
      throw Refusal(TicketsRefusal.notWaiting)
    }
    var response = Response(action: "settled")
    if case .executed = settlement.end {
      order.state = "sold"
    } else {
      order.state = settlement.word
      Custody.pay(order.coin, to: order.buyer.address, replyID: ReplyID.unpaid, in: &response)
    }
    orders.save(order, for: settlement.sequence)
    response.attribute("state", order.state)
    return response
  }

  static func query(_ env: Env, _ message: JSON) throws(Refusal) -> JSON {
    var (name, fields) = try message.variant()
    switch name {
    case "order":
      let sequence: UInt64 = try fields.take("order")
      try fields.finish()
      return try orders.load(sequence).json
    default: throw .message(name)
    }
  }
}

@_expose(wasm, "instantiate") @_cdecl("instantiate")
func exportedInstantiate(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Tickets.instantiate)
}

@_expose(wasm, "execute") @_cdecl("execute")
func exportedExecute(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Tickets.execute)
}

@_expose(wasm, "query") @_cdecl("query")
func exportedQuery(env: UInt32, message: UInt32) -> UInt32 { Entry.query(env, message, Tickets.query) }

@_expose(wasm, "reply") @_cdecl("reply")
func exportedReply(env: UInt32, message: UInt32) -> UInt32 { Entry.reply(env, message, Tickets.reply) }

@_expose(wasm, "ibc_source_callback") @_cdecl("ibc_source_callback")
func exportedSourceCallback(env: UInt32, message: UInt32) -> UInt32 {
  Entry.packet(env, message, Tickets.settled)
}
