public import Encodings
import Messages
import PacketHost

/// What a message answers, in the protobuf of its response type, named as the Cosmos SDK names it.
///
/// - SeeAlso: ibc-go `core/channel/v2/tx.proto`, `core/client/v1/tx.proto`.
enum MessageAnswer {
  /// A response without fields.
  static func empty(to typeURL: String) -> AnyMessage { answer(to: typeURL, ProtobufWriter()) }

  static func call(_ output: [UInt8]) -> AnyMessage {
    var writer = ProtobufWriter()
    writer.bytes(1, output)
    return answer(to: LedgerMessage.TypeURL.callProgram, writer)
  }

  static func createClient(_ client: ClientID) -> AnyMessage {
    var writer = ProtobufWriter()
    writer.string(1, client.text)
    return answer(to: LedgerMessage.TypeURL.createClient, writer)
  }

  static func send(_ packet: Packet) -> AnyMessage {
    var writer = ProtobufWriter()
    writer.varint(1, packet.sequence.rawValue)
    return answer(to: LedgerMessage.TypeURL.sendPacket, writer)
  }

  /// `ResponseResultType`: 1 no operation, 2 success, 3 failure.
  static func relay(_ outcome: PacketOutcome, to typeURL: String) -> AnyMessage {
    var writer = ProtobufWriter()
    switch outcome {
    case .noOperation: writer.varint(1, 1)
    case .done: writer.varint(1, 2)
    case .executionFailed: writer.varint(1, 3)
    }
    return answer(to: typeURL, writer)
  }

  private static func answer(to typeURL: String, _ writer: ProtobufWriter) -> AnyMessage {
    AnyMessage(typeURL: typeURL + "Response", value: writer.bytes)
  }
}

/// The answers of a transaction's messages, in their order: the Cosmos SDK's `TxMsgData {msg_responses 2}`.
///
/// - SeeAlso: cosmos-sdk `proto/cosmos/base/abci/v1beta1/abci.proto`.
public struct TransactionAnswers: Hashable, Sendable {
  public let answers: [AnyMessage]

  public init(_ answers: [AnyMessage]) { self.answers = answers }

  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    for answer in answers { writer.alwaysBytes(2, answer.encoded()) }
    return writer.bytes
  }

  /// - Throws: `ProtobufError`.
  public init(decoding bytes: [UInt8]) throws(ProtobufError) {
    let span = bytes.span
    var answers: [AnyMessage] = []
    var reader = ProtobufReader(ProtobufRules(repeated: [2]))
    while let field = try reader.next(in: span) {
      answers.append(try AnyMessage(decoding: span.extracting(try field.message())))
    }
    self.answers = answers
  }
}
