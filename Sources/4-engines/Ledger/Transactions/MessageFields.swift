import Encodings
import Messages
import PacketHost
import WireBytes

/// Which fields a message has, and of what kind; whatever else comes is refused.
struct MessageShape {
  /// `string`, `bytes` and messages that are always written with something in them.
  var bytes: Set<UInt32> = []
  /// Messages that may be empty and are written all the same (gogoproto `nullable = false`).
  var messages: Set<UInt32> = []
  var numbers: Set<UInt32> = []
  var lists: Set<UInt32> = []

  var rules: ProtobufRules {
    ProtobufRules(singular: bytes.union(messages).union(numbers).sorted(), repeated: lists.sorted())
  }

  static func of(_ typeURL: String) -> MessageShape? {
    switch typeURL {
    case LedgerMessage.TypeURL.send: MessageShape(bytes: [1, 2], lists: [3])
    case LedgerMessage.TypeURL.callProgram: MessageShape(bytes: [1, 2, 4], lists: [3])
    case LedgerMessage.TypeURL.createClient: MessageShape(bytes: [1, 2, 3])
    case LedgerMessage.TypeURL.updateClient: MessageShape(bytes: [1, 2, 3])
    case LedgerMessage.TypeURL.registerCounterparty: MessageShape(bytes: [1, 3, 4], lists: [2])
    case LedgerMessage.TypeURL.sendPacket: MessageShape(bytes: [1, 4], numbers: [2], lists: [3])
    case LedgerMessage.TypeURL.receivePacket: MessageShape(bytes: [2, 4], messages: [1, 3])
    case LedgerMessage.TypeURL.acknowledgePacket: MessageShape(bytes: [3, 5], messages: [1, 2, 4])
    case LedgerMessage.TypeURL.timeOutPacket: MessageShape(bytes: [2, 5], messages: [1, 3])
    default: nil
    }
  }
}

/// The fields of one message by number, each read as the wanted type on demand.
struct MessageFields {
  /// Elements of any repeated field.
  private static let repeatedMax = 16

  private var values: [UInt32: [[UInt8]]] = [:]
  private var numbers: [UInt32: UInt64] = [:]

  init(_ message: AnyMessage) throws(MessageRefusal) {
    guard let shape = MessageShape.of(message.typeURL) else { throw .typeUnknown(message.typeURL) }
    let span = message.value.span
    var reader = ProtobufReader(shape.rules, sizeBytesMax: Transaction.sizeMax)
    do {
      while let field = try reader.next(in: span) {
        let number = field.number
        if shape.numbers.contains(number) {
          numbers[number] = try field.uint64()
        } else if shape.lists.contains(number) {
          guard list(number).count < Self.repeatedMax else {
            throw MessageRefusal.count(field: number, max: Self.repeatedMax)
          }
          values[number, default: []].append([UInt8](copying: span.extracting(try field.message())))
        } else {
          let range = shape.messages.contains(number) ? try field.message() : try field.range()
          values[number] = [[UInt8](copying: span.extracting(range))]
        }
      }
    } catch let error as ProtobufError {
      throw .protobuf(error)
    } catch let error as MessageRefusal {
      throw error
    } catch { throw .form(field: 0) }
  }

  func bytes(_ field: UInt32) -> [UInt8] { values[field]?.first ?? [] }

  func list(_ field: UInt32) -> [[UInt8]] { values[field] ?? [] }

  func uint64(_ field: UInt32) -> UInt64 { numbers[field] ?? 0 }

  func text(_ field: UInt32) throws(MessageRefusal) -> String {
    guard let text = String(validating: bytes(field), as: UTF8.self) else { throw .form(field: field) }
    return text
  }

  func account(_ field: UInt32) throws(MessageRefusal) -> AccountAddress {
    let text = try text(field)
    let account: AccountAddress
    do { account = try AccountAddress(text: text) } catch { throw .account(error) }
    // Bech32 may be all upper case, which is its only other spelling; one per account is read here.
    guard !text.utf8.contains(where: { (0x41...0x5a).contains($0) }) else { throw .form(field: field) }
    return account
  }

  func client(_ field: UInt32) throws(MessageRefusal) -> ClientID {
    let text = try text(field)
    do { return try ClientID(text) } catch { throw .clientID(field: field, error) }
  }

  func counterparty(prefix: UInt32, client field: UInt32) throws(MessageRefusal) -> Counterparty {
    let client = try client(field)
    do { return try Counterparty(prefix: list(prefix), client: client) } catch { throw .counterparty(error) }
  }

  func coins(_ field: UInt32) throws(MessageRefusal) -> [Coin] {
    var coins: [Coin] = []
    guard list(field).count <= LedgerMessage.coinCountMax else {
      throw .count(field: field, max: LedgerMessage.coinCountMax)
    }
    for bytes in list(field) {
      do { coins.append(try Coin(decoding: bytes.span)) } catch { throw .coin(error) }
    }
    return coins
  }

  func any(_ field: UInt32) throws(MessageRefusal) -> AnyMessage {
    let bytes = bytes(field)
    do { return try AnyMessage(decoding: bytes.span) } catch { throw .protobuf(error) }
  }

  func payloads(_ field: UInt32) throws(MessageRefusal) -> [Payload] {
    var payloads: [Payload] = []
    for bytes in list(field) {
      do { payloads.append(try Payload(decoding: bytes.span)) } catch { throw .packetForm(error) }
    }
    return payloads
  }

  func packet(_ field: UInt32) throws(MessageRefusal) -> Packet {
    let bytes = bytes(field)
    do { return try Packet(decoding: bytes.span) } catch { throw .packetForm(error) }
  }

  func acknowledgement(_ field: UInt32) throws(MessageRefusal) -> Acknowledgement {
    let bytes = bytes(field)
    do { return try Acknowledgement(decoding: bytes.span) } catch { throw .packetForm(error) }
  }

  /// `ibc.core.client.v1.Height {revision_number 1, revision_height 2}`, which must be there.
  func height(_ field: UInt32) throws(MessageRefusal) -> Height {
    guard let bytes = values[field]?.first else { throw .form(field: field) }
    let span = bytes.span
    var revision: UInt64 = 0
    var number: UInt64 = 0
    do {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
      while let field = try reader.next(in: span) {
        if field.number == 1 { revision = try field.uint64() } else { number = try field.uint64() }
      }
    } catch { throw .protobuf(error) }
    return Height(revision: revision, number)
  }
}
