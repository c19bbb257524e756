public import Encodings

/// A port and a channel of it.
public struct IbcEndpoint: ContractMessage {
  public let portID: String
  public let channelID: String

  public init(portID: String, channelID: String) {
    self.portID = portID
    self.channelID = channelID
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    portID = try fields.string("port_id")
    channelID = try fields.string("channel_id")
    try fields.finish()
  }

  public var json: OrderedJSON { ["port_id": .string(portID), "channel_id": .string(channelID)] }
}

/// When a packet of IBC v1 can no longer be received: at a height of the receiver, at a time, or at the first of both.
public struct IbcTimeout: ContractMessage {
  /// A height of one revision of a chain.
  public struct Block: ContractMessage {
    public let revision: UInt64
    public let height: UInt64

    public init(revision: UInt64, height: UInt64) {
      self.revision = revision
      self.height = height
    }

    public init(json: JSONValue) throws(MessageRefusal) {
      var fields = try MessageFields(json)
      revision = try fields.number("revision")
      height = try fields.number("height")
      try fields.finish()
    }

    public var json: OrderedJSON { ["revision": .number(revision), "height": .number(height)] }
  }

  public let block: Block?
  /// Nanoseconds since 1970.
  public let timestampNanoseconds: UInt64?

  public init(block: Block?, timestampNanoseconds: UInt64?) {
    self.block = block
    self.timestampNanoseconds = timestampNanoseconds
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    block = try fields.optional("block")
    timestampNanoseconds = try fields.optionalDecimal("timestamp")
    try fields.finish()
  }

  public var json: OrderedJSON {
    ["block": block.json, "timestamp": timestampNanoseconds.map { .decimal($0) } ?? .null]
  }
}

/// A packet of IBC v1.
public struct IbcPacket: ContractMessage {
  public let bytes: [UInt8]
  public let source: IbcEndpoint
  public let destination: IbcEndpoint
  public let sequence: UInt64
  public let timeout: IbcTimeout

  public init(
    bytes: [UInt8], source: IbcEndpoint, destination: IbcEndpoint, sequence: UInt64, timeout: IbcTimeout
  ) {
    self.bytes = bytes
    self.source = source
    self.destination = destination
    self.sequence = sequence
    self.timeout = timeout
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    bytes = try fields.binary("data")
    source = try fields.value("src")
    destination = try fields.value("dest")
    sequence = try fields.number("sequence")
    timeout = try fields.value("timeout")
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "data": .binary(bytes), "src": source.json, "dest": destination.json, "sequence": .number(sequence),
      "timeout": timeout.json,
    ]
  }
}

/// The bytes of an acknowledgement.
public struct IbcAcknowledgement: ContractMessage {
  public let bytes: [UInt8]

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    bytes = try fields.binary("data")
    try fields.finish()
  }

  public var json: OrderedJSON { ["data": .binary(bytes)] }
}

/// What a contract asks of IBC v1.
public enum IbcMsg: ContractMessage {
  case transfer(channelID: String, to: String, amount: ContractCoin, timeout: IbcTimeout, memo: String?)
  case sendPacket(channelID: String, bytes: [UInt8], timeout: IbcTimeout)
  case writeAcknowledgement(channelID: String, packetSequence: UInt64, acknowledgement: IbcAcknowledgement)
  case closeChannel(channelID: String)

  static let names: Set<String> = ["transfer", "send_packet", "write_acknowledgement", "close_channel"]

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, value) = try json.variant()
    do throws(MessageRefusal) {
      var fields = try MessageFields(value)
      let channelID = try fields.string("channel_id")
      switch name {
      case "transfer":
        self = .transfer(
          channelID: channelID, to: try fields.string("to_address"), amount: try fields.value("amount"),
          timeout: try fields.value("timeout"), memo: try fields.optionalString("memo"))
      case "send_packet":
        self = .sendPacket(
          channelID: channelID, bytes: try fields.binary("data"), timeout: try fields.value("timeout"))
      case "write_acknowledgement":
        self = .writeAcknowledgement(
          channelID: channelID, packetSequence: try fields.number("packet_sequence"),
          acknowledgement: try fields.value("ack"))
      case "close_channel": self = .closeChannel(channelID: channelID)
      default: throw .variant(name)
      }
      try fields.finish()
    } catch { throw .member(name, error) }
  }

  public var json: OrderedJSON {
    switch self {
    case .transfer(let channelID, let to, let amount, let timeout, let memo):
      [
        "transfer": [
          "channel_id": .string(channelID), "to_address": .string(to), "amount": amount.json,
          "timeout": timeout.json, "memo": .text(memo),
        ]
      ]
    case .sendPacket(let channelID, let bytes, let timeout):
      [
        "send_packet": [
          "channel_id": .string(channelID), "data": .binary(bytes), "timeout": timeout.json,
        ]
      ]
    case .writeAcknowledgement(let channelID, let packetSequence, let acknowledgement):
      [
        "write_acknowledgement": [
          "channel_id": .string(channelID), "packet_sequence": .number(packetSequence),
          "ack": acknowledgement.json,
        ]
      ]
    case .closeChannel(let channelID): ["close_channel": ["channel_id": .string(channelID)]]
    }
  }
}
