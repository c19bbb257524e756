public import Encodings
public import PacketHost

/// What became of one transaction in a block: `ExecTxResult` of CometBFT's RPC.
public struct TransactionResult: Hashable, Sendable {
  /// Zero for success; otherwise the number of the refusal within its code space.
  public let code: UInt32
  public let codespace: String
  /// Answers of the messages, as ``TransactionAnswers``; empty when refused.
  public let payload: [UInt8]
  /// For people: the refusal's name and its numbers. Covered by no hash.
  public let log: String
  public let gasWanted: UInt64
  public let gasUsed: UInt64
  public let events: [Event]

  public init(
    code: UInt32, codespace: String, payload: [UInt8], log: String, gasWanted: UInt64, gasUsed: UInt64,
    events: [Event]
  ) {
    self.code = code
    self.codespace = codespace
    self.payload = payload
    self.log = log
    self.gasWanted = gasWanted
    self.gasUsed = gasUsed
    self.events = events
  }

  /// The result of a refusal.
  public init(_ refusal: TransactionRefusal, gasWanted: UInt64, gasUsed: UInt64, events: [Event]) {
    let (codespace, number) = refusal.code
    self.init(
      code: number, codespace: codespace, payload: [], log: "\(refusal.name): \(refusal.words)",
      gasWanted: gasWanted,
      gasUsed: gasUsed, events: events)
  }

  public var succeeded: Bool { code == 0 }
}

extension TransactionResult {
  /// The protobuf `ExecTxResult` {code 1, data 2, log 3, gas_wanted 5, gas_used 6, events 7, codespace 8},
  /// each attribute with whether it is for the index (cometbft `abci/types.proto`).
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.varint(1, UInt64(code))
    writer.bytes(2, payload)
    writer.string(3, log)
    writer.varint(5, gasWanted)
    writer.varint(6, gasUsed)
    for event in events {
      writer.message(7) { writer in
        writer.string(1, event.type)
        for attribute in event.attributes {
          writer.message(2) { writer in
            writer.string(1, attribute.key)
            writer.string(2, attribute.value)
            writer.boolean(3, attribute.isIndexed)
          }
        }
      }
    }
    writer.string(8, codespace)
    return writer.bytes
  }

  /// Reads what ``encoded()`` wrote.
  ///
  /// - Throws: `ProtobufError`; no input traps.
  public init(decoding bytes: [UInt8]) throws(ProtobufError) {
    let span = bytes.span
    var (code, gasWanted, gasUsed): (UInt32, UInt64, UInt64) = (0, 0, 0)
    var (codespace, log) = ("", "")
    var payload: [UInt8] = []
    var events: [Event] = []
    let rules = ProtobufRules(singular: [1, 2, 3, 5, 6, 8], repeated: [7])
    var reader = ProtobufReader(rules, sizeBytesMax: 64 << 20)
    while let field = try reader.next(in: span) {
      switch field.number {
      case 1: code = try field.uint32()
      case 2: payload = try field.bytes(in: span)
      case 3: log = try field.string(in: span)
      case 5: gasWanted = try field.uint64()
      case 6: gasUsed = try field.uint64()
      case 7: events.append(try Self.event(span.extracting(try field.message())))
      default: codespace = try field.string(in: span)
      }
    }
    self.init(
      code: code, codespace: codespace, payload: payload, log: log, gasWanted: gasWanted, gasUsed: gasUsed,
      events: events)
  }

  private static func event(_ bytes: Span<UInt8>) throws(ProtobufError) -> Event {
    var type = ""
    var attributes: [Event.Attribute] = []
    var reader = ProtobufReader(ProtobufRules(singular: [1], repeated: [2]), sizeBytesMax: 64 << 20)
    while let field = try reader.next(in: bytes) {
      guard field.number == 2 else {
        type = try field.string(in: bytes)
        continue
      }
      let inner = bytes.extracting(try field.message())
      var (key, value, isIndexed) = ("", "", false)
      var parts = ProtobufReader(ProtobufRules(singular: [1, 2, 3]), sizeBytesMax: 64 << 20)
      while let part = try parts.next(in: inner) {
        switch part.number {
        case 1: key = try part.string(in: inner)
        case 2: value = try part.string(in: inner)
        default: isIndexed = try part.boolean()
        }
      }
      attributes.append(Event.Attribute(key, value, isIndexed: isIndexed))
    }
    return Event(type, attributes)
  }
}
