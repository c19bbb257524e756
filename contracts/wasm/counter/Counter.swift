// A counter that is counted up from here and from other domains, and that counts up its like elsewhere.

enum CounterRefusal: ContractRefusal {
  case unauthorized
  case strangerPacket

  var text: Text {
    switch self {
    case .unauthorized: "Unauthorized"
    case .strangerPacket: "no such crossing is open"
    }
  }
}

/// A crossing that this counter has sent: `waiting`, `done` with the count that it answered, or why not.
private struct Sent: JSONCodable {
  var state: Text
  var count: UInt64?
  let contract: Text
  let by: UInt64

  init(contract: Text, by: UInt64) {
    state = "waiting"
    self.contract = contract
    self.by = by
  }

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    state = try fields.take("state")
    count = try fields.optional("count")
    contract = try fields.take("contract")
    by = try fields.take("by")
  }

  var json: JSON {
    ["state": state.json, "count": JSON(optional: count), "contract": contract.json, "by": by.json]
  }
}

enum Counter {
  private static let count = Item<UInt64>("count")
  /// What each caller has added.
  private static let shares = Map<Address, UInt64>("shares")
  private static let sent = Map<Pair<Text, UInt64>, Sent>("sent")

  static func instantiate(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    try info.refuseFunds()
    var fields = try Fields(message)
    count.save(try fields.optional("count") ?? 0)
    Owner.set(try fields.optional("owner") ?? info.sender)
    try fields.finish()
    return Response(action: "instantiate")
  }

  static func execute(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    try info.refuseFunds()
    var (name, fields) = try message.variant()
    switch name {
    case "increment":
      let by: UInt64 = try fields.optional("by") ?? 1
      try fields.finish()
      let (sum, overflow) = try count.load().addingReportingOverflow(by)
      guard !overflow else { throw .overflow("count") }
      count.save(sum)
      shares.save((try shares[info.sender] ?? 0) &+ by, for: info.sender)
      var response = Response(action: "increment")
      response.attribute("count", "\(sum)")
      response.answer = Binary(["count": sum.json])
      return response
    case "reset":
      try Owner.check(info.sender)
      count.save(try fields.take("count"))
      try fields.finish()
      return Response(action: "reset")
    case "increment_across":
      let lane = try Lane(&fields)
      let contract: Text = try fields.take("contract")
      let by: UInt64 = try fields.optional("by") ?? 1
      let deadline: UInt64 = try fields.take("deadline")
      let gasLimit: UInt64 = try fields.optional("gas_limit") ?? 500_000
      try fields.finish()
      try checkDeadline(deadline, in: env)
      var crossing = Crossing(over: lane, from: env, deadline: deadline)
      try crossing.call(contract, funds: [], gasLimit: gasLimit, input: ["increment": ["by": by.json]])
      var response = Response(action: "increment_across")
      let order: JSON = ["client": lane.client.json, "sent": Sent(contract: contract, by: by).json]
      response.send(crossing.message, id: 1, payload: order, replyOn: .success)
      return response
    default: throw .message(name)
    }
  }

  static func reply(_ env: Env, _ reply: Reply) throws(Refusal) -> Response {
    var fields = try Fields(try reply.payloadJSON())
    let client: Text = try fields.take("client")
    let sequence = try Crossing.sequence(in: reply)
    sent.save(try fields.take("sent"), for: Pair(client, sequence))
    var response = Response()
    response.attribute("sequence", "\(sequence)")
    response.answer = Binary(["client": client.json, "sequence": sequence.json])
    return response
  }

  static func settled(_ env: Env, _ message: JSON) throws(Refusal) -> Response {
    let settlement = try Settlement(json: message)
    let key = Pair(settlement.client, settlement.sequence)
    guard var record = try sent[key], record.state.equals("waiting") else {
      throw Refusal(CounterRefusal.strangerPacket)
    }
    record.state = settlement.word
    if case .executed(let results) = settlement.end, let first = results.first,
      let json = try? JSON(decoding: first), var fields = try? Fields(json)
    {
      record.count = try? fields.take("count")
    }
    sent.save(record, for: key)
    var response = Response(action: "settled")
    response.attribute("state", record.state)
    return response
  }

  static func query(_ env: Env, _ message: JSON) throws(Refusal) -> JSON {
    var (name, fields) = try message.variant()
    switch name {
    case "count":
      try fields.finish()
      return ["count": try count.load().json]
    case "owner":
      try fields.finish()
      return ["owner": try Owner.load().json]
    case "share":
      let address: Address = try fields.take("address")
      try fields.finish()
      return ["count": (try shares[address] ?? 0).json]
    case "crossing":
      let client: Text = try fields.take("client")
      let sequence: UInt64 = try fields.take("sequence")
      try fields.finish()
      return try sent.load(Pair(client, sequence)).json
    case "crossings":
      let client: Text = try fields.take("client")
      let after: UInt64? = try fields.optional("start_after")
      let limit = pageSize(try fields.optional("limit"))
      try fields.finish()
      return [
        "crossings": try sent.list(client, after: after, limit: limit) {
          ["sequence": $0.json, "crossing": $1.json]
        }
      ]
    default: throw .message(name)
    }
  }

  /// Keeps everything: only the code changes.
  static func migrate(_ env: Env, _ message: JSON) throws(Refusal) -> Response {
    try Fields(message).finish()
    return Response(action: "migrate")
  }
}

@_expose(wasm, "instantiate") @_cdecl("instantiate")
func exportedInstantiate(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Counter.instantiate)
}

@_expose(wasm, "execute") @_cdecl("execute")
func exportedExecute(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Counter.execute)
}

@_expose(wasm, "query") @_cdecl("query")
func exportedQuery(env: UInt32, message: UInt32) -> UInt32 { Entry.query(env, message, Counter.query) }

@_expose(wasm, "migrate") @_cdecl("migrate")
func exportedMigrate(env: UInt32, message: UInt32) -> UInt32 { Entry.call(env, message, Counter.migrate) }

@_expose(wasm, "reply") @_cdecl("reply")
func exportedReply(env: UInt32, message: UInt32) -> UInt32 { Entry.reply(env, message, Counter.reply) }

@_expose(wasm, "ibc_source_callback") @_cdecl("ibc_source_callback")
func exportedSourceCallback(env: UInt32, message: UInt32) -> UInt32 {
  Entry.packet(env, message, Counter.settled)
}
