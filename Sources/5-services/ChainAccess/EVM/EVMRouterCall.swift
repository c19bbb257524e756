public import Encodings
public import Messages
public import WireBytes

/// Why calldata is none of the router's calls that are known here.
public enum EVMRouterCallError: Error, Hashable, Sendable {
  case abi(ABIError)
  case unknownFunction(FixedBytes<4>)
  /// The arguments make no packet.
  case packet(PacketError)
  case identifier(IdentifierError)
  case acknowledgement(AcknowledgementError)
  case sequenceZero
}

/// What a packet router on an EVM chain is called with, both of this project and of Eureka.
///
/// Eureka's calls carry packets with one payload. Those with more, and long ones, go through twins, `sendPayloads`,
/// `recvPayloads` and `ackPayloads`, which are this project's own; which it is, follows from the packet.
///
/// - SeeAlso: `IICS26Router.sol`, `IICS02Client.sol` of solidity-ibc-eureka; `contracts/evm/abi`.
public indirect enum EVMRouterCall: Hashable, Sendable {
  /// `sendPacket((string,uint64,Payload))`: by an application.
  case sendPacket(source: ClientID, timeout: UnixTime, Payload)
  /// `sendPayloads((string,uint64,Payload[]))`: several payloads in one packet.
  case sendPayloads(source: ClientID, timeout: UnixTime, [Payload])
  case receive(Packet, proof: [UInt8], at: Height)
  case acknowledge(Packet, Acknowledgement, proof: [UInt8], at: Height)
  case timeOut(Packet, proof: [UInt8], at: Height)
  case updateClient(ClientID, message: [UInt8])
  case submitMisbehaviour(ClientID, message: [UInt8])
  /// All or none; a failure says nothing about which.
  case multicall([EVMRouterCall])
  /// All or none; a failure is `CallFailed(index, reason)`. Not of Eureka.
  case relay([EVMRouterCall])
  /// Calls within a list that are none of the above, as they are.
  case other([UInt8])

  // MARK: Shapes

  static let payloadType = ABIType.tuple([.string, .string, .string, .string, .bytes])
  static let packetType = ABIType.tuple([.uint(64), .string, .string, .uint(64), .array(payloadType)])
  static let heightType = ABIType.tuple([.uint(64), .uint(64)])

  struct Function {
    let selector: FixedBytes<4>
    let arguments: [ABIType]

    init(_ name: String, _ arguments: [ABIType]) {
      selector = ABI.selector(name + ABIType.tuple(arguments).name)
      self.arguments = arguments
    }

    /// Values that this file shapes itself.
    func encoded(_ values: [ABIValue]) -> [UInt8] {
      do { return selector.array + (try ABI.encode(values, as: arguments)) } catch {
        preconditionFailure("a call does not fit its own type: \(error)")
      }
    }
  }

  enum Functions {
    static let sendPacket = Function("sendPacket", [.tuple([.string, .uint(64), payloadType])])
    static let sendPayloads = Function("sendPayloads", [.tuple([.string, .uint(64), .array(payloadType)])])
    static let receive = Function("recvPacket", [.tuple([packetType, .bytes, heightType])])
    static let acknowledge = Function("ackPacket", [.tuple([packetType, .bytes, .bytes, heightType])])
    static let timeOut = Function("timeoutPacket", [.tuple([packetType, .bytes, heightType])])
    static let receivePayloads = Function("recvPayloads", [.tuple([packetType, .bytes, heightType])])
    static let acknowledgePayloads = Function(
      "ackPayloads", [.tuple([packetType, .array(.bytes), .bytes, heightType])])
    static let updateClient = Function("updateClient", [.string, .bytes])
    static let submitMisbehaviour = Function("submitMisbehaviour", [.string, .bytes])
    static let multicall = Function("multicall", [.array(.bytes)])
    static let relay = Function("relay", [.array(.bytes)])
    // Questions.
    static let getCommitment = Function("getCommitment", [.bytes32])
    static let getClient = Function("getClient", [.string])
    static let getCounterparty = Function("getCounterparty", [.string])
    static let getNextSequenceSend = Function("getNextSequenceSend", [.string])
    static let clientLatest = Function("latest", [])
    static let clientStatus = Function("status", [])
    static let clientPolicy = Function("policy", [])
    static let getClientState = Function("getClientState", [])
    static let getConsensusTimestamp = Function("getConsensusTimestamp", [.uint(64)])
  }

  static func value(_ payload: Payload) -> ABIValue {
    .tuple([
      .string(payload.sourcePort.text), .string(payload.destinationPort.text), .string(payload.version),
      .string(payload.encoding), .bytes(payload.value),
    ])
  }

  static func value(_ packet: Packet) -> ABIValue {
    .tuple([
      .uint(packet.sequence.rawValue), .string(packet.sourceClient.text),
      .string(packet.destinationClient.text),
      .uint(packet.timeout.seconds), .array(packet.payloads.map(value)),
    ])
  }

  static func value(_ height: Height) -> ABIValue { .tuple([.uint(height.revision), .uint(height.number)]) }

  // MARK: Writing

  /// Whose router it is.
  public enum Router: Hashable, Sendable {
    case causeway
    /// ICS26Router, which has none of the twins.
    case eureka
  }

  /// What this project's router takes as value, answer or proof through Eureka's calls, in bytes.
  public static let shortMax = 2_048

  private static func isShort(_ packet: Packet, _ proof: [UInt8], on router: Router) -> Bool {
    if router == .eureka { return true }
    return packet.payloads.count == 1 && packet.payloads[0].value.count <= shortMax && proof.count <= shortMax
  }

  /// Calldata, in the one form that Solidity writes.
  public func encoded(for router: Router = .causeway) -> [UInt8] {
    switch self {
    case .sendPacket(let source, let timeout, let payload):
      Functions.sendPacket.encoded([
        .tuple([.string(source.text), .uint(timeout.seconds), Self.value(payload)])
      ])
    case .sendPayloads(let source, let timeout, let payloads):
      Functions.sendPayloads.encoded([
        .tuple([.string(source.text), .uint(timeout.seconds), .array(payloads.map(Self.value))])
      ])
    case .receive(let packet, let proof, let height):
      (Self.isShort(packet, proof, on: router) ? Functions.receive : Functions.receivePayloads).encoded([
        .tuple([Self.value(packet), .bytes(proof), Self.value(height)])
      ])
    case .acknowledge(let packet, let acknowledgement, let proof, let height):
      if acknowledgement.results.count == 1, Self.isShort(packet, proof, on: router),
        router == .eureka || acknowledgement.results[0].count <= Self.shortMax
      {
        Functions.acknowledge.encoded([
          .tuple([
            Self.value(packet), .bytes(acknowledgement.results[0]), .bytes(proof), Self.value(height),
          ])
        ])
      } else {
        Functions.acknowledgePayloads.encoded([
          .tuple([
            Self.value(packet), .array(acknowledgement.results.map { .bytes($0) }), .bytes(proof),
            Self.value(height),
          ])
        ])
      }
    case .timeOut(let packet, let proof, let height):
      Functions.timeOut.encoded([.tuple([Self.value(packet), .bytes(proof), Self.value(height)])])
    case .updateClient(let client, let message):
      Functions.updateClient.encoded([.string(client.text), .bytes(message)])
    case .submitMisbehaviour(let client, let message):
      Functions.submitMisbehaviour.encoded([.string(client.text), .bytes(message)])
    case .multicall(let calls):
      Functions.multicall.encoded([.array(calls.map { .bytes($0.encoded(for: router)) })])
    case .relay(let calls):
      Functions.relay.encoded([.array(calls.map { .bytes($0.encoded(for: router)) })])
    case .other(let bytes): bytes
    }
  }

  // MARK: Reading

  /// Lists within lists that are read.
  public static let depthMax = 2
  /// Calls in one list that are read.
  public static let callsMax = 1_024

  /// Reads calldata; only the encoding that ``encoded()`` gives is accepted.
  ///
  /// - Throws: ``EVMRouterCallError``; no input traps.
  public init(decoding calldata: [UInt8]) throws(EVMRouterCallError) {
    try self.init(decoding: calldata, depth: 0)
  }

  private init(decoding calldata: [UInt8], depth: Int) throws(EVMRouterCallError) {
    guard calldata.count >= 4 else { throw .abi(.truncated(offset: 0, needed: 4)) }
    let selector = FixedBytes<4> { calldata[$0] }
    let rest = Array(calldata.dropFirst(4))
    func read(_ function: Function) throws(EVMRouterCallError) -> [ABIValue] {
      do { return try ABI.decode(rest, as: function.arguments) } catch { throw .abi(error) }
    }
    func members(_ function: Function) throws(EVMRouterCallError) -> [ABIValue] {
      guard case .tuple(let members)? = try read(function).first else { throw .abi(.shape) }
      return members
    }
    switch selector {
    case Functions.sendPacket.selector:
      let values = try members(Functions.sendPacket)
      self = .sendPacket(
        source: try Self.client(values[0]), timeout: try Self.time(values[1]), try Self.payload(values[2]))
    case Functions.sendPayloads.selector:
      let values = try members(Functions.sendPayloads)
      self = .sendPayloads(
        source: try Self.client(values[0]), timeout: try Self.time(values[1]), try Self.payloads(values[2]))
    case Functions.receive.selector, Functions.receivePayloads.selector:
      let values = try members(Functions.receive)
      self = .receive(
        try Self.packet(values[0]), proof: try Self.bytes(values[1]), at: try Self.height(values[2]))
    case Functions.acknowledge.selector:
      let values = try members(Functions.acknowledge)
      self = .acknowledge(
        try Self.packet(values[0]), try Self.acknowledgement([values[1]]), proof: try Self.bytes(values[2]),
        at: try Self.height(values[3]))
    case Functions.acknowledgePayloads.selector:
      let values = try members(Functions.acknowledgePayloads)
      guard case .array(let results) = values[1] else { throw .abi(.shape) }
      self = .acknowledge(
        try Self.packet(values[0]), try Self.acknowledgement(results), proof: try Self.bytes(values[2]),
        at: try Self.height(values[3]))
    case Functions.timeOut.selector:
      let values = try members(Functions.timeOut)
      self = .timeOut(
        try Self.packet(values[0]), proof: try Self.bytes(values[1]), at: try Self.height(values[2]))
    case Functions.updateClient.selector:
      let values = try read(Functions.updateClient)
      self = .updateClient(try Self.client(values[0]), message: try Self.bytes(values[1]))
    case Functions.submitMisbehaviour.selector:
      let values = try read(Functions.submitMisbehaviour)
      self = .submitMisbehaviour(try Self.client(values[0]), message: try Self.bytes(values[1]))
    case Functions.multicall.selector:
      self = .multicall(try Self.calls(try read(Functions.multicall)[0], depth: depth))
    case Functions.relay.selector:
      self = .relay(try Self.calls(try read(Functions.relay)[0], depth: depth))
    default: throw .unknownFunction(selector)
    }
  }

  private static func calls(_ value: ABIValue, depth: Int) throws(EVMRouterCallError) -> [EVMRouterCall] {
    guard depth < depthMax, case .array(let elements) = value, elements.count <= callsMax else {
      throw .abi(.shape)
    }
    var calls: [EVMRouterCall] = []
    for element in elements {
      let bytes = try bytes(element)
      do { calls.append(try EVMRouterCall(decoding: bytes, depth: depth + 1)) } catch {
        guard case .unknownFunction = error else { throw error }
        calls.append(.other(bytes))
      }
    }
    return calls
  }

  private static func bytes(_ value: ABIValue) throws(EVMRouterCallError) -> [UInt8] {
    guard case .bytes(let bytes) = value else { throw .abi(.shape) }
    return bytes
  }

  private static func text(_ value: ABIValue) throws(EVMRouterCallError) -> String {
    guard case .string(let text) = value else { throw .abi(.shape) }
    return text
  }

  private static func number(_ value: ABIValue) throws(EVMRouterCallError) -> UInt64 {
    guard case .uint(let wide) = value, let number = wide.asUInt64 else { throw .abi(.shape) }
    return number
  }

  private static func client(_ value: ABIValue) throws(EVMRouterCallError) -> ClientID {
    let text = try text(value)
    do { return try ClientID(text) } catch { throw .identifier(error) }
  }

  private static func time(_ value: ABIValue) throws(EVMRouterCallError) -> UnixTime {
    UnixTime(seconds: try number(value))
  }

  private static func height(_ value: ABIValue) throws(EVMRouterCallError) -> Height {
    guard case .tuple(let members) = value, members.count == 2 else { throw .abi(.shape) }
    return Height(revision: try number(members[0]), try number(members[1]))
  }

  private static func acknowledgement(_ values: [ABIValue]) throws(EVMRouterCallError) -> Acknowledgement {
    guard values.count <= Packet.payloadCountMax else {
      throw .acknowledgement(.count(max: Packet.payloadCountMax, actual: values.count))
    }
    var results: [[UInt8]] = []
    for value in values { results.append(try bytes(value)) }
    do { return try Acknowledgement(results) } catch { throw .acknowledgement(error) }
  }

  private static func payload(_ value: ABIValue) throws(EVMRouterCallError) -> Payload {
    guard case .tuple(let members) = value, members.count == 5 else { throw .abi(.shape) }
    let texts = [
      try text(members[0]), try text(members[1]), try text(members[2]), try text(members[3]),
    ]
    let bytes = try bytes(members[4])
    do {
      return try Payload(
        sourcePort: texts[0], destinationPort: texts[1], version: texts[2], encoding: texts[3], value: bytes)
    } catch { throw .packet(error) }
  }

  private static func payloads(_ value: ABIValue) throws(EVMRouterCallError) -> [Payload] {
    guard case .array(let elements) = value else { throw .abi(.shape) }
    guard elements.count <= Packet.payloadCountMax else {
      throw .packet(.payloadCount(max: Packet.payloadCountMax, actual: elements.count))
    }
    var payloads: [Payload] = []
    for element in elements { payloads.append(try payload(element)) }
    return payloads
  }

  /// The packet of a call or of a log.
  static func packet(_ value: ABIValue) throws(EVMRouterCallError) -> Packet {
    guard case .tuple(let members) = value, members.count == 5 else { throw .abi(.shape) }
    guard let sequence = Sequence(try number(members[0])) else { throw .sequenceZero }
    let source = try client(members[1])
    let destination = try client(members[2])
    let timeout = try time(members[3])
    let payloads = try payloads(members[4])
    do {
      return try Packet(
        sequence: sequence, sourceClient: source, destinationClient: destination, timeout: timeout,
        payloads: payloads)
    } catch { throw .packet(error) }
  }
}
