// A circuit breaker: many may trip it, also from other domains; the owner alone resets it, after a while. Contracts
// ask it before they do what it guards.

enum BreakerRefusal: ContractRefusal {
  case tripped
  case notTripped
  case tooEarly(UInt64)
  case reason
  case strangerPacket

  var text: Text {
    switch self {
    case .tripped: "tripped already"
    case .notTripped: "not tripped"
    case .tooEarly(let seconds): "may be reset from \(seconds) on"
    case .reason: "a reason has at most 256 bytes"
    case .strangerPacket: "no such crossing is open"
    }
  }
}

private struct Trip: JSONCodable {
  let by: KnownAddress
  let reason: Text
  let height: UInt64
  /// Whole seconds since 1970.
  let time: UInt64

  init(by: Address, reason: Text, env: Env) {
    self.by = KnownAddress(by)
    self.reason = reason
    height = env.height
    time = env.seconds
  }

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    by = try fields.take("by")
    reason = try fields.take("reason")
    height = try fields.take("height")
    time = try fields.take("time")
  }

  var json: JSON { ["by": by.json, "reason": reason.json, "height": height.json, "time": time.json] }
}

enum Breaker {
  private static let trip = Item<Trip>("trip")
  private static let coolDown = Item<UInt64>("cool_down_seconds")
  private static let trippers = Map<Address, Bool>("trippers")
  private static let sent = Map<Pair<Text, UInt64>, Text>("sent")

  static func instantiate(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    try info.refuseFunds()
    var fields = try Fields(message)
    Owner.set(try fields.optional("owner") ?? info.sender)
    coolDown.save(try fields.optional("cool_down_seconds") ?? 0)
    for tripper in try fields.optional("trippers", as: [JSON].self) ?? [] {
      trippers.save(true, for: try Authority.address(tripper, in: env))
    }
    try fields.finish()
    return Response(action: "instantiate")
  }

  private static func checkTripper(_ sender: Address) throws(Refusal) {
    guard try trippers[sender] != nil else { return try Owner.check(sender) }
  }

  static func execute(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    try info.refuseFunds()
    var (name, fields) = try message.variant()
    switch name {
    case "trip":
      try checkTripper(info.sender)
      let reason: Text = try fields.take("reason")
      try fields.finish()
      guard reason.count <= 256 else { throw Refusal(BreakerRefusal.reason) }
      // Twice is no failure: the second sender must not believe that nothing was stopped.
      var response = Response(action: "trip")
      if try trip.loadIfPresent() == nil {
        trip.save(Trip(by: info.sender, reason: reason, env: env))
        response.event("tripped", [("reason", reason), ("by", info.sender.text)])
      }
      response.answer = Binary(["tripped": true.json])
      return response
    case "reset":
      try Owner.check(info.sender)
      try fields.finish()
      guard let tripped = try trip.loadIfPresent() else { throw Refusal(BreakerRefusal.notTripped) }
      let (earliest, overflow) = tripped.time.addingReportingOverflow(try coolDown.load())
      guard !overflow, env.seconds >= earliest else { throw Refusal(BreakerRefusal.tooEarly(earliest)) }
      trip.remove()
      return Response(action: "reset")
    case "add_tripper", "remove_tripper":
      try Owner.check(info.sender)
      let tripper = try Authority.address(try fields.json("tripper"), in: env)
      try fields.finish()
      if name.equals("add_tripper") { trippers.save(true, for: tripper) } else { trippers.remove(tripper) }
      return Response(action: name)
    case "trip_across":
      try checkTripper(info.sender)
      let lane = try Lane(&fields)
      let contract: Text = try fields.take("contract")
      let reason: Text = try fields.take("reason")
      let deadline: UInt64 = try fields.take("deadline")
      let gasLimit: UInt64 = try fields.optional("gas_limit") ?? 500_000
      try fields.finish()
      try checkDeadline(deadline, in: env)
      var crossing = Crossing(over: lane, from: env, deadline: deadline)
      try crossing.call(contract, funds: [], gasLimit: gasLimit, input: ["trip": ["reason": reason.json]])
      var response = Response(action: "trip_across")
      response.send(crossing.message, id: 1, payload: lane.client.json, replyOn: .success)
      return response
    default: throw .message(name)
    }
  }

  static func reply(_ env: Env, _ reply: Reply) throws(Refusal) -> Response {
    let client = try Text(json: try reply.payloadJSON())
    let sequence = try Crossing.sequence(in: reply)
    sent.save("waiting", for: Pair(client, sequence))
    var response = Response()
    response.answer = Binary(["client": client.json, "sequence": sequence.json])
    return response
  }

  static func settled(_ env: Env, _ message: JSON) throws(Refusal) -> Response {
    let settlement = try Settlement(json: message)
    let key = Pair(settlement.client, settlement.sequence)
    guard let state = try sent[key], state.equals("waiting") else {
      throw Refusal(BreakerRefusal.strangerPacket)
    }
    sent.save(settlement.word, for: key)
    return Response(action: "settled")
  }

  static func query(_ env: Env, _ message: JSON) throws(Refusal) -> JSON {
    var (name, fields) = try message.variant()
    switch name {
    case "status":
      try fields.finish()
      let tripped = try trip.loadIfPresent()
      return ["tripped": (tripped != nil).json, "trip": JSON(optional: tripped)]
    case "trippers":
      let after: Address? = try fields.optional("start_after")
      let limit = pageSize(try fields.optional("limit"))
      try fields.finish()
      return ["trippers": try trippers.list(after: after, limit: limit) { (tripper, _) in tripper.json }]
    case "crossing":
      let client: Text = try fields.take("client")
      let sequence: UInt64 = try fields.take("sequence")
      try fields.finish()
      return ["state": try sent.load(Pair(client, sequence)).json]
    default: throw .message(name)
    }
  }
}

@_expose(wasm, "instantiate") @_cdecl("instantiate")
func exportedInstantiate(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Breaker.instantiate)
}

@_expose(wasm, "execute") @_cdecl("execute")
func exportedExecute(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Breaker.execute)
}

@_expose(wasm, "query") @_cdecl("query")
func exportedQuery(env: UInt32, message: UInt32) -> UInt32 { Entry.query(env, message, Breaker.query) }

@_expose(wasm, "reply") @_cdecl("reply")
func exportedReply(env: UInt32, message: UInt32) -> UInt32 { Entry.reply(env, message, Breaker.reply) }

@_expose(wasm, "ibc_source_callback") @_cdecl("ibc_source_callback")
func exportedSourceCallback(env: UInt32, message: UInt32) -> UInt32 {
  Entry.packet(env, message, Breaker.settled)
}
