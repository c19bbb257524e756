// Parameters that one account may change: an account of this domain, or of another one, which sends its changes in
// envelopes. Stores are chained in this way: one that is governed here governs its like elsewhere.

enum ParametersRefusal: ContractRefusal {
  case version(expected: UInt64, actual: UInt64)
  case name
  case value
  case nothing
  case strangerPacket

  var text: Text {
    switch self {
    case .version(let expected, let actual):
      "these changes are for version \(expected), and this is \(actual)"
    case .name: "a name has 1 to 64 bytes"
    case .value: "a value has at most 4096 bytes"
    case .nothing: "no changes"
    case .strangerPacket: "no such crossing is open"
    }
  }
}

enum Parameters {
  private static let governor = Item<KnownAddress>("governor")
  private static let version = Item<UInt64>("version")
  private static let values = Map<Text, Text>("values")
  private static let sent = Map<Pair<Text, UInt64>, Text>("sent")

  static func instantiate(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    try info.refuseFunds()
    var fields = try Fields(message)
    let who: JSON? = try fields.optional("governor")
    let start = try fields.optional("changes", as: [JSON].self) ?? []
    try fields.finish()
    governor.save(
      KnownAddress(
        try who.map { (json) throws(Refusal) in try Authority.address(json, in: env) } ?? info.sender))
    version.save(0)
    for change in start { _ = try apply(change) }
    return Response(action: "instantiate")
  }

  /// `{"name":"…","value":"…"}`; without a value the parameter is removed.
  private static func apply(_ change: JSON) throws(Refusal) -> Text {
    var fields = try Fields(change)
    let name: Text = try fields.take("name")
    let value: Text? = try fields.optional("value")
    try fields.finish()
    guard name.count >= 1, name.count <= 64 else { throw Refusal(ParametersRefusal.name) }
    guard let value else {
      values.remove(name)
      return name
    }
    guard value.count <= 4096 else { throw Refusal(ParametersRefusal.value) }
    values.save(value, for: name)
    return name
  }

  static func execute(_ env: Env, _ info: MessageInfo, _ message: JSON) throws(Refusal) -> Response {
    try info.refuseFunds()
    guard info.sender == (try governor.load().address) else { throw .unauthorized }
    var (name, fields) = try message.variant()
    switch name {
    case "set":
      let changes: [JSON] = try fields.take("changes")
      let expected: UInt64? = try fields.optional("version")
      try fields.finish()
      guard !changes.isEmpty else { throw Refusal(ParametersRefusal.nothing) }
      let now = try version.load()
      if let expected, expected != now {
        throw Refusal(ParametersRefusal.version(expected: expected, actual: now))
      }
      let (next, overflow) = now.addingReportingOverflow(1)
      guard !overflow else { throw .overflow("version") }
      version.save(next)
      var response = Response(action: "set")
      for change in changes { response.attribute("name", try apply(change)) }
      response.attribute("version", "\(next)")
      response.answer = Binary(["version": next.json])
      return response
    case "hand_over":
      let next = try Authority.address(try fields.json("governor"), in: env)
      try fields.finish()
      governor.save(KnownAddress(next))
      var response = Response(action: "hand_over")
      response.attribute("governor", next.text)
      return response
    case "set_across":
      let lane = try Lane(&fields)
      let contract: Text = try fields.take("contract")
      let changes: [JSON] = try fields.take("changes")
      let expected: UInt64? = try fields.optional("version")
      let deadline: UInt64 = try fields.take("deadline")
      let gasLimit: UInt64 = try fields.optional("gas_limit") ?? 1_000_000
      try fields.finish()
      try checkDeadline(deadline, in: env)
      var crossing = Crossing(over: lane, from: env, deadline: deadline)
      try crossing.call(
        contract, funds: [], gasLimit: gasLimit,
        input: ["set": ["changes": .array(changes), "version": JSON(optional: expected)]])
      var response = Response(action: "set_across")
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
      throw Refusal(ParametersRefusal.strangerPacket)
    }
    sent.save(settlement.word, for: key)
    return Response(action: "settled")
  }

  static func query(_ env: Env, _ message: JSON) throws(Refusal) -> JSON {
    var (name, fields) = try message.variant()
    switch name {
    case "value":
      let name: Text = try fields.take("name")
      try fields.finish()
      return ["value": JSON(optional: try values[name])]
    case "values":
      let after: Text? = try fields.optional("start_after")
      let limit = pageSize(try fields.optional("limit"))
      try fields.finish()
      let list = try values.list(after: after, limit: limit) { ["name": $0.json, "value": $1.json] }
      return ["values": list, "version": try version.load().json]
    case "governor":
      try fields.finish()
      return ["governor": try governor.load().json]
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
  Entry.call(env, info, message, Parameters.instantiate)
}

@_expose(wasm, "execute") @_cdecl("execute")
func exportedExecute(env: UInt32, info: UInt32, message: UInt32) -> UInt32 {
  Entry.call(env, info, message, Parameters.execute)
}

@_expose(wasm, "query") @_cdecl("query")
func exportedQuery(env: UInt32, message: UInt32) -> UInt32 { Entry.query(env, message, Parameters.query) }

@_expose(wasm, "reply") @_cdecl("reply")
func exportedReply(env: UInt32, message: UInt32) -> UInt32 { Entry.reply(env, message, Parameters.reply) }

@_expose(wasm, "ibc_source_callback") @_cdecl("ibc_source_callback")
func exportedSourceCallback(env: UInt32, message: UInt32) -> UInt32 {
  Entry.packet(env, message, Parameters.settled)
}
