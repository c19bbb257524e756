public import Encodings

/// A channel of IBC v1, seen from the contract's end.
public struct IbcChannel: ContractMessage {
  /// Whether packets arrive in the order in which they were sent.
  public enum Order: String, ContractMessage {
    case ordered = "ORDER_ORDERED"
    case unordered = "ORDER_UNORDERED"

    public init(json: JSONValue) throws(MessageRefusal) {
      guard let text = json.string else { throw .type(expected: .string) }
      guard let value = Order(rawValue: text) else { throw .variant(text) }
      self = value
    }

    public var json: OrderedJSON { .string(rawValue) }
  }

  public let endpoint: IbcEndpoint
  public let counterparty: IbcEndpoint
  public let order: Order
  public let version: String
  public let connectionID: String

  public init(
    endpoint: IbcEndpoint, counterparty: IbcEndpoint, order: Order, version: String, connectionID: String
  ) {
    self.endpoint = endpoint
    self.counterparty = counterparty
    self.order = order
    self.version = version
    self.connectionID = connectionID
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    endpoint = try fields.value("endpoint")
    counterparty = try fields.value("counterparty_endpoint")
    order = try fields.value("order")
    version = try fields.string("version")
    connectionID = try fields.string("connection_id")
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "endpoint": endpoint.json, "counterparty_endpoint": counterparty.json, "order": order.json,
      "version": .string(version), "connection_id": .string(connectionID),
    ]
  }
}

/// The argument of `ibc_channel_open`.
public enum IbcChannelOpenMsg: ContractMessage {
  case openInit(IbcChannel)
  case openTry(IbcChannel, counterpartyVersion: String)

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, channel, version) = try channelVariant(json, versioned: "open_try", plain: "open_init")
    self =
      if name == "open_try" { .openTry(channel, counterpartyVersion: version) } else { .openInit(channel) }
  }

  public var json: OrderedJSON {
    switch self {
    case .openInit(let channel): ["open_init": ["channel": channel.json]]
    case .openTry(let channel, let version):
      ["open_try": ["channel": channel.json, "counterparty_version": .string(version)]]
    }
  }
}

/// The argument of `ibc_channel_connect`.
public enum IbcChannelConnectMsg: ContractMessage {
  case openAck(IbcChannel, counterpartyVersion: String)
  case openConfirm(IbcChannel)

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, channel, version) = try channelVariant(json, versioned: "open_ack", plain: "open_confirm")
    self =
      if name == "open_ack" { .openAck(channel, counterpartyVersion: version) } else { .openConfirm(channel) }
  }

  public var json: OrderedJSON {
    switch self {
    case .openAck(let channel, let version):
      ["open_ack": ["channel": channel.json, "counterparty_version": .string(version)]]
    case .openConfirm(let channel): ["open_confirm": ["channel": channel.json]]
    }
  }
}

/// The argument of `ibc_channel_close`.
public enum IbcChannelCloseMsg: ContractMessage {
  case closeInit(IbcChannel)
  case closeConfirm(IbcChannel)

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, channel, _) = try channelVariant(json, versioned: nil, plain: "close_init", "close_confirm")
    self = name == "close_init" ? .closeInit(channel) : .closeConfirm(channel)
  }

  public var json: OrderedJSON {
    switch self {
    case .closeInit(let channel): ["close_init": ["channel": channel.json]]
    case .closeConfirm(let channel): ["close_confirm": ["channel": channel.json]]
    }
  }
}

/// A channel under one of the names; `versioned` is the one that has the version of the other end as well.
private func channelVariant(
  _ json: JSONValue, versioned: String?, plain: String...
) throws(MessageRefusal) -> (name: String, channel: IbcChannel, version: String) {
  let (name, value) = try json.variant()
  guard name == versioned || plain.contains(name) else { throw .variant(name) }
  do throws(MessageRefusal) {
    var fields = try MessageFields(value)
    let channel: IbcChannel = try fields.value("channel")
    let version = name == versioned ? try fields.string("counterparty_version") : ""
    try fields.finish()
    return (name, channel, version)
  } catch { throw .member(name, error) }
}

/// The version that a contract chooses in `ibc_channel_open`; null accepts the one that was proposed.
public struct IbcChannelVersion: ContractMessage {
  public let version: String

  public init(_ version: String) { self.version = version }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    version = try fields.string("version")
    try fields.finish()
  }

  public var json: OrderedJSON { ["version": .string(version)] }
}

/// A packet and who brought it: the argument of `ibc_packet_receive` and of `ibc_packet_timeout`.
public struct IbcPacketMsg: ContractMessage {
  public let packet: IbcPacket
  public let relayer: String

  public init(packet: IbcPacket, relayer: String) {
    self.packet = packet
    self.relayer = relayer
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    packet = try fields.value("packet")
    relayer = try fields.string("relayer")
    try fields.finish()
  }

  public var json: OrderedJSON { ["packet": packet.json, "relayer": .string(relayer)] }
}

/// The argument of `ibc_packet_ack`.
public struct IbcPacketAckMsg: ContractMessage {
  public let acknowledgement: IbcAcknowledgement
  public let originalPacket: IbcPacket
  public let relayer: String

  public init(acknowledgement: IbcAcknowledgement, originalPacket: IbcPacket, relayer: String) {
    self.acknowledgement = acknowledgement
    self.originalPacket = originalPacket
    self.relayer = relayer
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    acknowledgement = try fields.value("acknowledgement")
    originalPacket = try fields.value("original_packet")
    relayer = try fields.string("relayer")
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "acknowledgement": acknowledgement.json, "original_packet": originalPacket.json,
      "relayer": .string(relayer),
    ]
  }
}

/// The argument of `ibc_source_callback`: how a packet of another application ended that named this contract.
public enum IbcSourceCallbackMsg: ContractMessage {
  case acknowledgement(IbcPacketAckMsg)
  case timeout(IbcPacketMsg)

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, value) = try json.variant()
    do throws(MessageRefusal) {
      switch name {
      case "acknowledgement": self = .acknowledgement(try IbcPacketAckMsg(json: value))
      case "timeout": self = .timeout(try IbcPacketMsg(json: value))
      default: throw .variant(name)
      }
    } catch { throw .member(name, error) }
  }

  public var json: OrderedJSON {
    switch self {
    case .acknowledgement(let message): ["acknowledgement": message.json]
    case .timeout(let message): ["timeout": message.json]
    }
  }
}

/// The argument of `ibc_destination_callback`: a packet of another application arrived that names this contract.
public struct IbcDestinationCallbackMsg: ContractMessage {
  /// What a transfer brought.
  public struct Transfer: ContractMessage {
    public let sender: String
    public let receiver: String
    public let funds: [ContractCoin]

    public init(sender: String, receiver: String, funds: [ContractCoin]) {
      self.sender = sender
      self.receiver = receiver
      self.funds = funds
    }

    public init(json: JSONValue) throws(MessageRefusal) {
      var fields = try MessageFields(json)
      sender = try fields.string("sender")
      receiver = try fields.string("receiver")
      funds = try fields.array("funds")
      try fields.finish()
    }

    public var json: OrderedJSON {
      ["sender": .string(sender), "receiver": .string(receiver), "funds": .array(funds)]
    }
  }

  public let packet: IbcPacket
  public let acknowledgement: IbcAcknowledgement
  public let transfer: Transfer?

  public init(packet: IbcPacket, acknowledgement: IbcAcknowledgement, transfer: Transfer?) {
    self.packet = packet
    self.acknowledgement = acknowledgement
    self.transfer = transfer
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    packet = try fields.value("packet")
    acknowledgement = try fields.value("ack")
    transfer = try fields.optional("transfer")
    try fields.finish()
  }

  public var json: OrderedJSON {
    ["packet": packet.json, "ack": acknowledgement.json, "transfer": transfer.json]
  }
}
