public import Encodings

/// What became of a submessage, as its sender is told (`Reply`).
public struct Reply: ContractMessage {
  public let id: UInt64
  /// As the submessage had it.
  public let payload: [UInt8]
  /// In SDK gas; wasmd always tells zero.
  public let gasUsed: UInt64
  public let result: ContractResult<SubMsgResponse>

  public init(id: UInt64, payload: [UInt8], gasUsed: UInt64 = 0, result: ContractResult<SubMsgResponse>) {
    self.id = id
    self.payload = payload
    self.gasUsed = gasUsed
    self.result = result
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    id = try fields.number("id")
    payload = try fields.optionalBinary("payload") ?? []
    gasUsed = try fields.optionalNumber("gas_used") ?? 0
    result = try fields.value("result")
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "id": .number(id), "payload": .binary(payload), "gas_used": .number(gasUsed), "result": result.json,
    ]
  }
}

/// What a submessage that succeeded left (`SubMsgResponse`).
public struct SubMsgResponse: ContractMessage {
  /// One response of a message, in protobuf.
  public struct Message: ContractMessage {
    public let typeURL: String
    public let value: [UInt8]

    public init(typeURL: String, value: [UInt8]) {
      self.typeURL = typeURL
      self.value = value
    }

    public init(json: JSONValue) throws(MessageRefusal) {
      var fields = try MessageFields(json)
      typeURL = try fields.string("type_url")
      value = try fields.binary("value")
      try fields.finish()
    }

    public var json: OrderedJSON { ["type_url": .string(typeURL), "value": .binary(value)] }
  }

  public let events: [ContractEvent]
  public let bytes: [UInt8]?
  public let messageResponses: [Message]

  public init(events: [ContractEvent], bytes: [UInt8]?, messageResponses: [Message]) {
    self.events = events
    self.bytes = bytes
    self.messageResponses = messageResponses
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    events = try fields.array("events")
    bytes = try fields.optionalBinary("data")
    messageResponses = fields.has("msg_responses") ? try fields.array("msg_responses") : []
    try fields.finish()
  }

  public var json: OrderedJSON {
    ["events": .array(events), "data": .binary(bytes), "msg_responses": .array(messageResponses)]
  }
}
