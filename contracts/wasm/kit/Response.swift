/// What a call answers: messages to send on, attributes and events to tell, bytes for the caller.
struct Response {
  private var messages: [JSON] = []
  private var attributes: [JSON] = []
  private var events: [JSON] = []
  var answer: Binary?

  enum ReplyOn {
    case never
    case success
    case error
    case always
  }

  init() {}

  @inline(never)
  init(action: Text) { attribute("action", action) }

  @inline(never)
  mutating func attribute(_ key: Text, _ value: Text) {
    attributes.append(["key": key.json, "value": value.json])
  }

  mutating func event(_ type: Text, _ attributes: [(Text, Text)]) {
    let list = attributes.map { ["key": $0.0.json, "value": $0.1.json] as JSON }
    events.append(["type": type.json, "attributes": .array(list)])
  }

  /// Sends a message; when it fails, so does this call.
  mutating func send(_ message: Message) { send(message, id: 0, payload: nil, replyOn: .never) }

  /// Sends a message and is told what became of it, with `payload`, in `reply`.
  mutating func send(
    _ message: Message, id: UInt64, payload: JSON?, replyOn: ReplyOn, gasLimit: UInt64? = nil
  ) {
    let moment: JSON =
      switch replyOn {
      case .never: "never"
      case .success: "success"
      case .error: "error"
      case .always: "always"
      }
    messages.append([
      "id": id.json, "payload": payload.map { Binary($0).json } ?? "", "msg": message.json,
      "gas_limit": JSON(optional: gasLimit), "reply_on": moment,
    ])
  }

  /// As `instantiate`, `execute`, `migrate`, `sudo` and `reply` answer.
  var json: JSON {
    [
      "messages": .array(messages), "attributes": .array(attributes), "events": .array(events),
      "data": JSON(optional: answer),
    ]
  }

  /// Without `data`, as IBC entry points answer.
  var basicJSON: JSON {
    ["messages": .array(messages), "attributes": .array(attributes), "events": .array(events)]
  }

  /// With the acknowledgement of a packet; null is written later.
  func json(acknowledging bytes: [UInt8]?) -> JSON {
    [
      "messages": .array(messages), "attributes": .array(attributes), "events": .array(events),
      "acknowledgement": JSON(optional: bytes.map { Binary($0) }),
    ]
  }
}

/// A message that a contract sends: to the bank, to contracts, to the chain.
struct Message {
  let json: JSON

  /// Anything else, as the chain reads it.
  init(json: JSON) { self.json = json }

  static func pay(_ coins: [Coin], to receiver: Address) -> Message {
    Message(json: ["bank": ["send": ["to_address": receiver.json, "amount": coins.json]]])
  }

  static func execute(_ contract: Address, _ message: JSON, funds: [Coin] = []) -> Message {
    Message(
      json: [
        "wasm": [
          "execute": ["contract_addr": contract.json, "msg": Binary(message).json, "funds": funds.json]
        ]
      ])
  }

  /// A protobuf message of the chain, signed by the contract.
  @inline(never)
  static func any(_ typeURL: Text, _ value: [UInt8]) -> Message {
    Message(json: ["any": ["type_url": typeURL.json, "value": Binary(value).json]])
  }
}

/// What became of a message that asked for a reply.
struct Reply {
  let id: UInt64
  let payload: [UInt8]
  let outcome: Outcome

  enum Outcome {
    /// `responses`: what each response of the message holds.
    case success(data: [UInt8]?, responses: [[UInt8]])
    case failure(Text)
  }

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    id = try fields.take("id")
    payload = (try fields.optional("payload", as: Binary.self))?.bytes ?? []
    let result = try fields.json("result").single()
    guard result.name.equals("ok") else {
      outcome = .failure(try Text(json: result.value))
      return
    }
    var success = try Fields(result.value)
    let data = (try success.optional("data", as: Binary.self))?.bytes
    var responses: [[UInt8]] = []
    if let list = try success.optional("msg_responses", as: [JSON].self) {
      for element in list {
        var response = try Fields(element)
        responses.append(try response.take("value", as: Binary.self).bytes)
      }
    }
    outcome = .success(data: data, responses: responses)
  }

  /// The payload that the message was sent with.
  func payloadJSON() throws(Refusal) -> JSON { try JSON(decoding: payload) }

  /// The response of the message, in protobuf.
  func response() throws(Refusal) -> [UInt8] {
    switch outcome {
    case .success(let data, let responses): responses.first ?? data ?? []
    case .failure(let words): throw .query(words)
    }
  }

  /// What an executed contract answered: field 1 of `MsgExecuteContractResponse`.
  func executed() throws(Refusal) -> [UInt8] {
    Protobuf.fields(try response()).bytes(1) ?? []
  }
}
