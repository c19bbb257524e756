public import Encodings

/// What every call answers: its own value, or the contract's words on why not.
public enum ContractResult<Value: ContractMessage>: ContractMessage {
  case ok(Value)
  case error(String)

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, value) = try json.variant()
    do throws(MessageRefusal) {
      switch name {
      case "ok": self = .ok(try Value(json: value))
      case "error":
        guard let text = value.string else { throw .type(expected: .string) }
        self = .error(text)
      default: throw .variant(name)
      }
    } catch {
      if case .variant(name) = error, name != "ok", name != "error" { throw error }
      throw .member(name, error)
    }
  }

  public var json: OrderedJSON {
    switch self {
    case .ok(let value): ["ok": value.json]
    case .error(let text): ["error": .string(text)]
    }
  }
}

/// A key and a value of an event.
public struct ContractAttribute: ContractMessage {
  public let key: String
  public let value: String

  public init(key: String, value: String) {
    self.key = key
    self.value = value
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    key = try fields.string("key")
    value = try fields.string("value")
    try fields.finish()
  }

  public var json: OrderedJSON { ["key": .string(key), "value": .string(value)] }
}

/// An event of a contract's own, or of a message that it had sent.
public struct ContractEvent: ContractMessage {
  public let type: String
  public let attributes: [ContractAttribute]

  public init(type: String, attributes: [ContractAttribute]) {
    self.type = type
    self.attributes = attributes
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    type = try fields.string("type")
    attributes = try fields.array("attributes")
    try fields.finish()
  }

  public var json: OrderedJSON { ["type": .string(type), "attributes": .array(attributes)] }
}

/// Which ends of a submessage its sender is told of.
public enum ReplyOn: String, ContractMessage, CaseIterable {
  case always, error, success, never

  public init(json: JSONValue) throws(MessageRefusal) {
    guard let text = json.string else { throw .type(expected: .string) }
    guard let value = ReplyOn(rawValue: text) else { throw .variant(text) }
    self = value
  }

  public var json: OrderedJSON { .string(rawValue) }
  /// Whether a submessage that succeeded is replied to.
  public var onSuccess: Bool { self == .always || self == .success }
  /// Whether a submessage that failed is replied to.
  public var onError: Bool { self == .always || self == .error }
}

/// A message that a contract sends, and what it wants to hear of it (`SubMsg`).
public struct SubMsg: ContractMessage {
  public let id: UInt64
  /// Handed back in the reply; at most ``MessageLimits/payloadBytesMax`` bytes. Contracts built before 2.0 write none.
  public let payload: [UInt8]
  public let message: CosmosMsg
  /// In SDK gas.
  public let gasLimit: UInt64?
  public let replyOn: ReplyOn

  public init(
    id: UInt64 = 0, payload: [UInt8] = [], message: CosmosMsg, gasLimit: UInt64? = nil,
    replyOn: ReplyOn = .never
  ) {
    self.id = id
    self.payload = payload
    self.message = message
    self.gasLimit = gasLimit
    self.replyOn = replyOn
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    id = try fields.number("id")
    payload = try fields.optionalBinary("payload") ?? []
    guard payload.count <= MessageLimits.payloadBytesMax else {
      throw .payload(limit: MessageLimits.payloadBytesMax, actual: payload.count)
    }
    message = try fields.value("msg")
    gasLimit = try fields.optionalNumber("gas_limit")
    replyOn = try fields.value("reply_on")
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "id": .number(id), "payload": .binary(payload), "msg": message.json, "gas_limit": .number(gasLimit),
      "reply_on": replyOn.json,
    ]
  }
}

/// What instantiate, execute, migrate, reply and sudo answer (`Response`).
public struct ContractResponse: ContractMessage {
  public let messages: [SubMsg]
  public let attributes: [ContractAttribute]
  public let events: [ContractEvent]
  /// Nil leaves the data of a parent as it was; empty data replaces it.
  public let bytes: [UInt8]?

  public init(
    messages: [SubMsg] = [], attributes: [ContractAttribute] = [], events: [ContractEvent] = [],
    bytes: [UInt8]? = nil
  ) {
    self.messages = messages
    self.attributes = attributes
    self.events = events
    self.bytes = bytes
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    messages = try fields.array("messages")
    attributes = try fields.array("attributes")
    events = try fields.array("events")
    bytes = try fields.optionalBinary("data")
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "messages": .array(messages), "attributes": .array(attributes), "events": .array(events),
      "data": .binary(bytes),
    ]
  }
}

/// What most entry points of IBC answer (`IbcBasicResponse`).
public struct IbcBasicResponse: ContractMessage {
  public let messages: [SubMsg]
  public let attributes: [ContractAttribute]
  public let events: [ContractEvent]

  public init(
    messages: [SubMsg] = [], attributes: [ContractAttribute] = [], events: [ContractEvent] = []
  ) {
    self.messages = messages
    self.attributes = attributes
    self.events = events
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    messages = try fields.array("messages")
    attributes = try fields.array("attributes")
    events = try fields.array("events")
    try fields.finish()
  }

  public var json: OrderedJSON {
    ["messages": .array(messages), "attributes": .array(attributes), "events": .array(events)]
  }
}

/// What the entry points that receive a packet answer (`IbcReceiveResponse`).
public struct IbcReceiveResponse: ContractMessage {
  /// Nil: the acknowledgement is written later.
  public let acknowledgement: [UInt8]?
  public let messages: [SubMsg]
  public let attributes: [ContractAttribute]
  public let events: [ContractEvent]

  public init(
    acknowledgement: [UInt8]?, messages: [SubMsg] = [], attributes: [ContractAttribute] = [],
    events: [ContractEvent] = []
  ) {
    self.acknowledgement = acknowledgement
    self.messages = messages
    self.attributes = attributes
    self.events = events
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    acknowledgement = try fields.optionalBinary("acknowledgement")
    messages = try fields.array("messages")
    attributes = try fields.array("attributes")
    events = try fields.array("events")
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "acknowledgement": .binary(acknowledgement), "messages": .array(messages),
      "attributes": .array(attributes), "events": .array(events),
    ]
  }
}
