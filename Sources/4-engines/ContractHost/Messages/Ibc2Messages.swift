public import Encodings

/// One payload of a packet of IBC v2.
public struct Ibc2Payload: ContractMessage {
  public let sourcePort: String
  public let destinationPort: String
  public let version: String
  public let encoding: String
  public let value: [UInt8]

  public init(sourcePort: String, destinationPort: String, version: String, encoding: String, value: [UInt8])
  {
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.version = version
    self.encoding = encoding
    self.value = value
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    sourcePort = try fields.string("source_port")
    destinationPort = try fields.string("destination_port")
    version = try fields.string("version")
    encoding = try fields.string("encoding")
    value = try fields.binary("value")
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "source_port": .string(sourcePort), "destination_port": .string(destinationPort),
      "version": .string(version), "encoding": .string(encoding), "value": .binary(value),
    ]
  }
}

/// What a contract asks of IBC v2.
public enum Ibc2Msg: ContractMessage {
  case sendPacket(sourceClient: String, timeoutNanoseconds: UInt64, payloads: [Ibc2Payload])
  /// Builds before `destination_client` was added name only the source.
  case writeAcknowledgement(
    sourceClient: String, destinationClient: String?, packetSequence: UInt64,
    acknowledgement: IbcAcknowledgement)

  static let names: Set<String> = ["send_packet", "write_acknowledgement"]

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, value) = try json.variant()
    do throws(MessageRefusal) {
      var fields = try MessageFields(value)
      switch name {
      case "send_packet":
        self = .sendPacket(
          sourceClient: try fields.string("source_client"), timeoutNanoseconds: try fields.decimal("timeout"),
          payloads: try fields.array("payloads"))
      case "write_acknowledgement":
        self = .writeAcknowledgement(
          sourceClient: try fields.string("source_client"),
          destinationClient: try fields.optionalString("destination_client"),
          packetSequence: try fields.number("packet_sequence"), acknowledgement: try fields.value("ack"))
      default: throw .variant(name)
      }
      try fields.finish()
    } catch { throw .member(name, error) }
  }

  public var json: OrderedJSON {
    switch self {
    case .sendPacket(let sourceClient, let timeout, let payloads):
      return [
        "send_packet": [
          "source_client": .string(sourceClient), "timeout": .decimal(timeout), "payloads": .array(payloads),
        ]
      ]
    case .writeAcknowledgement(let sourceClient, let destinationClient, let sequence, let acknowledgement):
      var members = [OrderedJSON.Member("source_client", .string(sourceClient))]
      if let destinationClient { members.append(.init("destination_client", .string(destinationClient))) }
      members.append(.init("packet_sequence", .number(sequence)))
      members.append(.init("ack", acknowledgement.json))
      return ["write_acknowledgement": .object(members)]
    }
  }
}

/// The argument of `ibc2_packet_send`: a packet of the contract's own port leaves.
public struct Ibc2PacketSendMsg: ContractMessage {
  public let payload: Ibc2Payload
  public let sourceClient: String
  public let destinationClient: String
  public let packetSequence: UInt64
  public let signer: String

  public init(
    payload: Ibc2Payload, sourceClient: String, destinationClient: String, packetSequence: UInt64,
    signer: String
  ) {
    self.payload = payload
    self.sourceClient = sourceClient
    self.destinationClient = destinationClient
    self.packetSequence = packetSequence
    self.signer = signer
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    payload = try fields.value("payload")
    sourceClient = try fields.string("source_client")
    destinationClient = try fields.string("destination_client")
    packetSequence = try fields.number("packet_sequence")
    signer = try fields.string("signer")
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "payload": payload.json, "source_client": .string(sourceClient),
      "destination_client": .string(destinationClient), "packet_sequence": .number(packetSequence),
      "signer": .string(signer),
    ]
  }
}

/// The argument of `ibc2_packet_receive`.
public struct Ibc2PacketReceiveMsg: ContractMessage {
  public let payload: Ibc2Payload
  public let relayer: String
  public let sourceClient: String
  public let destinationClient: String
  public let packetSequence: UInt64

  public init(
    payload: Ibc2Payload, relayer: String, sourceClient: String, destinationClient: String,
    packetSequence: UInt64
  ) {
    self.payload = payload
    self.relayer = relayer
    self.sourceClient = sourceClient
    self.destinationClient = destinationClient
    self.packetSequence = packetSequence
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    payload = try fields.value("payload")
    relayer = try fields.string("relayer")
    sourceClient = try fields.string("source_client")
    destinationClient = try fields.string("destination_client")
    packetSequence = try fields.number("packet_sequence")
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "payload": payload.json, "relayer": .string(relayer), "source_client": .string(sourceClient),
      "destination_client": .string(destinationClient), "packet_sequence": .number(packetSequence),
    ]
  }
}

/// The argument of `ibc2_packet_ack`.
public struct Ibc2PacketAckMsg: ContractMessage {
  public let sourceClient: String
  public let destinationClient: String
  public let payload: Ibc2Payload
  public let acknowledgement: [UInt8]
  public let relayer: String

  public init(
    sourceClient: String, destinationClient: String, payload: Ibc2Payload, acknowledgement: [UInt8],
    relayer: String
  ) {
    self.sourceClient = sourceClient
    self.destinationClient = destinationClient
    self.payload = payload
    self.acknowledgement = acknowledgement
    self.relayer = relayer
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    sourceClient = try fields.string("source_client")
    destinationClient = try fields.string("destination_client")
    payload = try fields.value("data")
    acknowledgement = try fields.binary("acknowledgement")
    relayer = try fields.string("relayer")
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "source_client": .string(sourceClient), "destination_client": .string(destinationClient),
      "data": payload.json, "acknowledgement": .binary(acknowledgement), "relayer": .string(relayer),
    ]
  }
}

/// The argument of `ibc2_packet_timeout`.
public struct Ibc2PacketTimeoutMsg: ContractMessage {
  public let payload: Ibc2Payload
  public let sourceClient: String
  public let destinationClient: String
  public let packetSequence: UInt64
  public let relayer: String

  public init(
    payload: Ibc2Payload, sourceClient: String, destinationClient: String, packetSequence: UInt64,
    relayer: String
  ) {
    self.payload = payload
    self.sourceClient = sourceClient
    self.destinationClient = destinationClient
    self.packetSequence = packetSequence
    self.relayer = relayer
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    payload = try fields.value("payload")
    sourceClient = try fields.string("source_client")
    destinationClient = try fields.string("destination_client")
    packetSequence = try fields.number("packet_sequence")
    relayer = try fields.string("relayer")
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "payload": payload.json, "source_client": .string(sourceClient),
      "destination_client": .string(destinationClient), "packet_sequence": .number(packetSequence),
      "relayer": .string(relayer),
    ]
  }
}
