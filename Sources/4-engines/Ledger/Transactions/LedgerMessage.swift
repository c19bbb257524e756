import Encodings
public import Messages
public import PacketHost
import WireBytes

/// A message of a transaction, decoded: what its sender wants done.
public enum LedgerMessage: Hashable, Sendable {
  case send(from: AccountAddress, to: AccountAddress, coins: [Coin])
  case callProgram(caller: AccountAddress, program: AccountAddress, funds: [Coin], input: [UInt8])
  case createClient(clientState: AnyMessage, consensusState: AnyMessage, signer: AccountAddress)
  case updateClient(ClientID, message: AnyMessage, signer: AccountAddress)
  case registerCounterparty(ClientID, Counterparty, signer: AccountAddress)
  case sendPacket(over: ClientID, timeout: UnixTime, payloads: [Payload], signer: AccountAddress)
  case receivePacket(Packet, proof: [UInt8], height: Height, signer: AccountAddress)
  case acknowledgePacket(Packet, Acknowledgement, proof: [UInt8], height: Height, signer: AccountAddress)
  case timeOutPacket(Packet, proof: [UInt8], height: Height, signer: AccountAddress)
  /// For a ``LedgerModule``, which says who must have signed.
  case module(AnyMessage, signer: AccountAddress)

  public enum TypeURL {
    public static let send = "/cosmos.bank.v1beta1.MsgSend"
    public static let callProgram = "/causeway.program.v1.MsgCall"
    public static let createClient = "/ibc.core.client.v1.MsgCreateClient"
    public static let updateClient = "/ibc.core.client.v1.MsgUpdateClient"
    public static let registerCounterparty = "/ibc.core.client.v2.MsgRegisterCounterparty"
    public static let sendPacket = "/ibc.core.channel.v2.MsgSendPacket"
    public static let receivePacket = "/ibc.core.channel.v2.MsgRecvPacket"
    public static let acknowledgePacket = "/ibc.core.channel.v2.MsgAcknowledgement"
    public static let timeOutPacket = "/ibc.core.channel.v2.MsgTimeout"
  }

  /// Coins of one message.
  public static let coinCountMax = 8

  /// Who must have signed.
  public var signer: AccountAddress {
    switch self {
    case .send(let from, _, _): from
    case .callProgram(let caller, _, _, _): caller
    case .createClient(_, _, let signer), .updateClient(_, _, let signer),
      .registerCounterparty(_, _, let signer), .sendPacket(_, _, _, let signer),
      .receivePacket(_, _, _, let signer), .acknowledgePacket(_, _, _, _, let signer),
      .timeOutPacket(_, _, _, let signer), .module(_, let signer):
      signer
    }
  }
}

extension LedgerMessage {
  /// Decodes one message from untrusted bytes, in canonical protobuf.
  ///
  /// Field numbers: cosmos-sdk `bank/v1beta1/tx.proto`, ibc-go `core/client/v1/tx.proto`,
  /// `core/client/v2/tx.proto`, `core/channel/v2/tx.proto`.
  ///
  /// - Throws: ``MessageRefusal``; no input traps.
  public init(decoding message: AnyMessage) throws(MessageRefusal) {
    let fields = try MessageFields(message)
    switch message.typeURL {
    case TypeURL.send:
      self = .send(from: try fields.account(1), to: try fields.account(2), coins: try fields.coins(3))
    case TypeURL.callProgram:
      self = .callProgram(
        caller: try fields.account(1), program: try fields.account(2), funds: try fields.coins(3),
        input: fields.bytes(4))
    case TypeURL.createClient:
      self = .createClient(
        clientState: try fields.any(1), consensusState: try fields.any(2), signer: try fields.account(3))
    case TypeURL.updateClient:
      self = .updateClient(try fields.client(1), message: try fields.any(2), signer: try fields.account(3))
    case TypeURL.registerCounterparty:
      let counterparty = try fields.counterparty(prefix: 2, client: 3)
      self = .registerCounterparty(try fields.client(1), counterparty, signer: try fields.account(4))
    case TypeURL.sendPacket:
      self = .sendPacket(
        over: try fields.client(1), timeout: UnixTime(seconds: fields.uint64(2)),
        payloads: try fields.payloads(3), signer: try fields.account(4))
    case TypeURL.receivePacket:
      self = .receivePacket(
        try fields.packet(1), proof: fields.bytes(2), height: try fields.height(3),
        signer: try fields.account(4))
    case TypeURL.acknowledgePacket:
      self = .acknowledgePacket(
        try fields.packet(1), try fields.acknowledgement(2), proof: fields.bytes(3),
        height: try fields.height(4), signer: try fields.account(5))
    case TypeURL.timeOutPacket:
      self = .timeOutPacket(
        try fields.packet(1), proof: fields.bytes(2), height: try fields.height(3),
        signer: try fields.account(5))
    default: throw .typeUnknown(message.typeURL)
    }
  }

  /// The type's name.
  public var typeURL: String {
    switch self {
    case .send: TypeURL.send
    case .callProgram: TypeURL.callProgram
    case .createClient: TypeURL.createClient
    case .updateClient: TypeURL.updateClient
    case .registerCounterparty: TypeURL.registerCounterparty
    case .sendPacket: TypeURL.sendPacket
    case .receivePacket: TypeURL.receivePacket
    case .acknowledgePacket: TypeURL.acknowledgePacket
    case .timeOutPacket: TypeURL.timeOutPacket
    case .module(let message, _): message.typeURL
    }
  }

  /// The message as an Any, in canonical protobuf.
  public func encoded() -> AnyMessage {
    var writer = ProtobufWriter()
    switch self {
    case .send(let from, let to, let coins):
      writer.string(1, from.text)
      writer.string(2, to.text)
      for coin in coins { writer.alwaysBytes(3, coin.encoded()) }
    case .callProgram(let caller, let program, let funds, let input):
      writer.string(1, caller.text)
      writer.string(2, program.text)
      for coin in funds { writer.alwaysBytes(3, coin.encoded()) }
      writer.bytes(4, input)
    case .createClient(let clientState, let consensusState, let signer):
      writer.bytes(1, clientState.encoded())
      writer.bytes(2, consensusState.encoded())
      writer.string(3, signer.text)
    case .updateClient(let client, let message, let signer):
      writer.string(1, client.text)
      writer.bytes(2, message.encoded())
      writer.string(3, signer.text)
    case .registerCounterparty(let client, let counterparty, let signer):
      writer.string(1, client.text)
      for element in counterparty.prefix { writer.alwaysBytes(2, element) }
      writer.string(3, counterparty.client.text)
      writer.string(4, signer.text)
    case .sendPacket(let client, let timeout, let payloads, let signer):
      writer.string(1, client.text)
      writer.varint(2, timeout.seconds)
      for payload in payloads { writer.alwaysBytes(3, payload.encoded()) }
      writer.string(4, signer.text)
    case .receivePacket(let packet, let proof, let height, let signer):
      writer.alwaysBytes(1, packet.encoded())
      writer.bytes(2, proof)
      Self.write(height, 3, to: &writer)
      writer.string(4, signer.text)
    case .acknowledgePacket(let packet, let acknowledgement, let proof, let height, let signer):
      writer.alwaysBytes(1, packet.encoded())
      writer.alwaysBytes(2, acknowledgement.encoded())
      writer.bytes(3, proof)
      Self.write(height, 4, to: &writer)
      writer.string(5, signer.text)
    case .timeOutPacket(let packet, let proof, let height, let signer):
      writer.alwaysBytes(1, packet.encoded())
      writer.bytes(2, proof)
      Self.write(height, 3, to: &writer)
      writer.string(5, signer.text)
    case .module(let message, _): return message
    }
    return AnyMessage(typeURL: typeURL, value: writer.bytes)
  }

  private static func write(_ height: Height, _ field: UInt32, to writer: inout ProtobufWriter) {
    writer.message(field) { writer in
      writer.varint(1, height.revision)
      writer.varint(2, height.number)
    }
  }
}
