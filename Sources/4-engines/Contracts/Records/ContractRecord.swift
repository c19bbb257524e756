import Encodings
import Ledger
public import Messages
import WireBytes

/// What is known of a contract beside what it stores.
public struct ContractRecord: Hashable, Sendable {
  public var codeID: UInt64
  public let creator: AccountAddress
  /// Who may migrate it; nil when nobody may, for good.
  public var admin: AccountAddress?
  public var label: String
  /// The block that made it.
  public let createdHeight: UInt64
  /// `wasm.` and its address, where its code has all entry points of IBC v1; kept through migrations.
  public var ibcPort: String?
  /// `wasm2` and its address without the prefix.
  public let ibc2Port: String
  /// Its place among all instantiations and migrations: lists are in this order.
  var order: UInt64

  /// `cosmwasm.wasm.v1.ContractInfo` {code_id 1, creator 2, admin 3, label 4, created 5, ibc_port_id 6,
  /// ibc2_port_id 8}.
  func write(to writer: inout ProtobufWriter) {
    let height = createdHeight
    writer.varint(1, codeID)
    writer.string(2, creator.text)
    writer.string(3, admin?.text ?? "")
    writer.string(4, label)
    writer.message(5) { $0.varint(1, height) }
    writer.string(6, ibcPort ?? "")
    writer.string(8, ibc2Port)
  }

  /// The same, and the order as field 15.
  var stored: [UInt8] {
    var writer = ProtobufWriter()
    write(to: &writer)
    writer.varint(15, order)
    return writer.bytes
  }

  init(
    codeID: UInt64, creator: AccountAddress, admin: AccountAddress?, label: String, createdHeight: UInt64,
    ibcPort: String?, ibc2Port: String, order: UInt64
  ) {
    self.codeID = codeID
    self.creator = creator
    self.admin = admin
    self.label = label
    self.createdHeight = createdHeight
    self.ibcPort = ibcPort
    self.ibc2Port = ibc2Port
    self.order = order
  }

  /// Reads what ``stored`` or ``write(to:)`` wrote; nil for anything else.
  init?(stored bytes: Span<UInt8>) {
    var (codeID, order, height): (UInt64, UInt64, UInt64) = (0, 0, 0)
    var (creatorText, adminText, label, port, port2) = ("", "", "", "", "")
    do {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2, 3, 4, 6, 8, 15], explicit: [5]))
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: codeID = try field.uint64()
        case 2: creatorText = try field.string(in: bytes)
        case 3: adminText = try field.string(in: bytes)
        case 4: label = try field.string(in: bytes)
        case 5:
          let inner = bytes.extracting(try field.message())
          var parts = ProtobufReader(ProtobufRules(singular: [1, 2]))
          while let part = try parts.next(in: inner) { if part.number == 1 { height = try part.uint64() } }
        case 6: port = try field.string(in: bytes)
        case 8: port2 = try field.string(in: bytes)
        default: order = try field.uint64()
        }
      }
    } catch { return nil }
    guard let creator = AccountNames().account(named: creatorText) else { return nil }
    let admin = AccountNames().account(named: adminText)
    guard admin != nil || adminText.isEmpty else { return nil }
    self.init(
      codeID: codeID, creator: creator, admin: admin, label: label, createdHeight: height,
      ibcPort: port.isEmpty ? nil : port, ibc2Port: port2, order: order)
  }
}

/// One code that a contract has had (`cosmwasm.wasm.v1.ContractCodeHistoryEntry`).
public struct ContractHistoryEntry: Hashable, Sendable {
  public enum Operation: UInt64, Hashable, Sendable {
    case instantiate = 1
    case migrate = 2
  }

  public let operation: Operation
  public let codeID: UInt64
  public let height: UInt64
  public let message: [UInt8]

  /// {operation 1, code_id 2, updated 3, msg 4}.
  func encoded() -> [UInt8] {
    let height = height
    var writer = ProtobufWriter()
    writer.varint(1, operation.rawValue)
    writer.varint(2, codeID)
    writer.message(3) { $0.varint(1, height) }
    writer.bytes(4, message)
    return writer.bytes
  }

  init(operation: Operation, codeID: UInt64, height: UInt64, message: [UInt8]) {
    self.operation = operation
    self.codeID = codeID
    self.height = height
    self.message = message
  }

  /// Nil for what ``encoded()`` does not write.
  init?(decoding bytes: Span<UInt8>) {
    var (operation, codeID, height): (UInt64, UInt64, UInt64) = (0, 0, 0)
    var message: [UInt8] = []
    do {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2, 4], explicit: [3]))
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: operation = try field.uint64()
        case 2: codeID = try field.uint64()
        case 3:
          let inner = bytes.extracting(try field.message())
          var parts = ProtobufReader(ProtobufRules(singular: [1, 2]))
          while let part = try parts.next(in: inner) { if part.number == 1 { height = try part.uint64() } }
        default: message = try field.bytes(in: bytes)
        }
      }
    } catch { return nil }
    guard let operation = Operation(rawValue: operation) else { return nil }
    self.init(operation: operation, codeID: codeID, height: height, message: message)
  }
}
