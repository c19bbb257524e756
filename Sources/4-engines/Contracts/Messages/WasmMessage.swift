import Encodings
public import Ledger
public import Messages
import WireBytes

/// A message of wasmd's module, as transactions carry it (`cosmwasm/wasm/v1/tx.proto`).
public enum WasmMessage: Hashable, Sendable {
  case storeCode(sender: AccountAddress, code: [UInt8], permission: AccessConfig?)
  case instantiate(
    sender: AccountAddress, admin: AccountAddress?, codeID: UInt64, label: String, message: [UInt8],
    funds: [Coin])
  /// At an address that is known before; see `ContractAddresses.predictable`.
  case instantiate2(
    sender: AccountAddress, admin: AccountAddress?, codeID: UInt64, label: String, message: [UInt8],
    funds: [Coin], salt: [UInt8], fixesMessage: Bool)
  case execute(sender: AccountAddress, contract: AccountAddress, message: [UInt8], funds: [Coin])
  case migrate(sender: AccountAddress, contract: AccountAddress, codeID: UInt64, message: [UInt8])
  case updateAdmin(sender: AccountAddress, admin: AccountAddress, contract: AccountAddress)
  case clearAdmin(sender: AccountAddress, contract: AccountAddress)
  case updateLabel(sender: AccountAddress, label: String, contract: AccountAddress)
  case updateInstantiateConfig(sender: AccountAddress, codeID: UInt64, permission: AccessConfig)
  case sudo(authority: AccountAddress, contract: AccountAddress, message: [UInt8])
  case pinCodes(authority: AccountAddress, codeIDs: [UInt64])
  case unpinCodes(authority: AccountAddress, codeIDs: [UInt64])

  /// The names of the messages' types.
  public enum TypeURL: String, Hashable, Sendable, CaseIterable {
    case storeCode = "/cosmwasm.wasm.v1.MsgStoreCode"
    case instantiate = "/cosmwasm.wasm.v1.MsgInstantiateContract"
    case instantiate2 = "/cosmwasm.wasm.v1.MsgInstantiateContract2"
    case execute = "/cosmwasm.wasm.v1.MsgExecuteContract"
    case migrate = "/cosmwasm.wasm.v1.MsgMigrateContract"
    case updateAdmin = "/cosmwasm.wasm.v1.MsgUpdateAdmin"
    case clearAdmin = "/cosmwasm.wasm.v1.MsgClearAdmin"
    case updateLabel = "/cosmwasm.wasm.v1.MsgUpdateContractLabel"
    case updateInstantiateConfig = "/cosmwasm.wasm.v1.MsgUpdateInstantiateConfig"
    case sudo = "/cosmwasm.wasm.v1.MsgSudoContract"
    case pinCodes = "/cosmwasm.wasm.v1.MsgPinCodes"
    case unpinCodes = "/cosmwasm.wasm.v1.MsgUnpinCodes"
  }

  /// Code as it is sent, and unpacked (wasmd `x/wasm/types/validation.go`, MaxWasmSize).
  public static let codeSizeMax = 800 * 1_024
  /// Bytes of a label (MaxLabelSize).
  public static let labelSizeMax = 128
  /// Bytes of a salt (MaxSaltSize).
  public static let saltSizeMax = 64
  /// Codes that one message pins (wasmd `x/wasm/types/tx.go`, maxCodeIDCount).
  public static let codeIDCountMax = 50

  /// Who must have signed.
  public var sender: AccountAddress {
    switch self {
    case .storeCode(let sender, _, _), .instantiate(let sender, _, _, _, _, _),
      .instantiate2(let sender, _, _, _, _, _, _, _), .execute(let sender, _, _, _),
      .migrate(let sender, _, _, _), .updateAdmin(let sender, _, _), .clearAdmin(let sender, _),
      .updateLabel(let sender, _, _), .updateInstantiateConfig(let sender, _, _), .sudo(let sender, _, _),
      .pinCodes(let sender, _), .unpinCodes(let sender, _):
      sender
    }
  }

  public var typeURL: String { type.rawValue }

  private var type: TypeURL {
    switch self {
    case .storeCode: .storeCode
    case .instantiate: .instantiate
    case .instantiate2: .instantiate2
    case .execute: .execute
    case .migrate: .migrate
    case .updateAdmin: .updateAdmin
    case .clearAdmin: .clearAdmin
    case .updateLabel: .updateLabel
    case .updateInstantiateConfig: .updateInstantiateConfig
    case .sudo: .sudo
    case .pinCodes: .pinCodes
    case .unpinCodes: .unpinCodes
    }
  }

  /// As a ledger's transactions hold it.
  public var ledgerMessage: LedgerMessage { .module(encoded(), signer: sender) }

  /// The message as an Any, in canonical protobuf.
  public func encoded() -> AnyMessage {
    var writer = ProtobufWriter()
    writer.string(1, sender.text)
    switch self {
    case .storeCode(_, let code, let permission):
      writer.bytes(2, code)
      if let permission { writer.alwaysBytes(5, permission.encoded()) }
    case .instantiate(_, let admin, let codeID, let label, let message, let funds):
      Self.write(admin, codeID, label, message, funds, to: &writer)
    case .instantiate2(_, let admin, let codeID, let label, let message, let funds, let salt, let fixes):
      Self.write(admin, codeID, label, message, funds, to: &writer)
      writer.bytes(7, salt)
      writer.boolean(8, fixes)
    case .execute(_, let contract, let message, let funds):
      writer.string(2, contract.text)
      writer.bytes(3, message)
      for coin in funds { writer.alwaysBytes(5, coin.encoded()) }
    case .migrate(_, let contract, let codeID, let message):
      writer.string(2, contract.text)
      writer.varint(3, codeID)
      writer.bytes(4, message)
    case .updateAdmin(_, let admin, let contract):
      writer.string(2, admin.text)
      writer.string(3, contract.text)
    case .clearAdmin(_, let contract): writer.string(3, contract.text)
    case .updateLabel(_, let label, let contract):
      writer.string(2, label)
      writer.string(3, contract.text)
    case .updateInstantiateConfig(_, let codeID, let permission):
      writer.varint(2, codeID)
      writer.alwaysBytes(3, permission.encoded())
    case .sudo(_, let contract, let message):
      writer.string(2, contract.text)
      writer.bytes(3, message)
    case .pinCodes(_, let ids), .unpinCodes(_, let ids): writer.packed(2, ids)
    }
    return AnyMessage(typeURL: typeURL, value: writer.bytes)
  }

  private static func write(
    _ admin: AccountAddress?, _ codeID: UInt64, _ label: String, _ message: [UInt8], _ funds: [Coin],
    to writer: inout ProtobufWriter
  ) {
    writer.string(2, admin?.text ?? "")
    writer.varint(3, codeID)
    writer.string(4, label)
    writer.bytes(5, message)
    for coin in funds { writer.alwaysBytes(6, coin.encoded()) }
  }

  /// Decodes one message from untrusted bytes, in canonical protobuf.
  ///
  /// - Throws: `MessageRefusal`; no input traps.
  public init(decoding message: AnyMessage) throws(Ledger.MessageRefusal) {
    guard let type = TypeURL(rawValue: message.typeURL) else { throw .typeUnknown(message.typeURL) }
    let fields = try WasmFields(message.value, of: type)
    let sender = try fields.account(1)
    switch type {
    case .storeCode:
      self = .storeCode(sender: sender, code: fields.bytes(2), permission: try fields.access(5))
    case .instantiate:
      self = .instantiate(
        sender: sender, admin: try fields.optionalAccount(2), codeID: fields.number(3),
        label: try fields.text(4), message: fields.bytes(5), funds: try fields.coins(6))
    case .instantiate2:
      guard fields.number(8) <= 1 else { throw .form(field: 8) }
      self = .instantiate2(
        sender: sender, admin: try fields.optionalAccount(2), codeID: fields.number(3),
        label: try fields.text(4), message: fields.bytes(5), funds: try fields.coins(6),
        salt: fields.bytes(7), fixesMessage: fields.number(8) != 0)
    case .execute:
      self = .execute(
        sender: sender, contract: try fields.account(2), message: fields.bytes(3), funds: try fields.coins(5))
    case .migrate:
      self = .migrate(
        sender: sender, contract: try fields.account(2), codeID: fields.number(3), message: fields.bytes(4))
    case .updateAdmin:
      self = .updateAdmin(
        sender: sender, admin: try fields.account(2), contract: try fields.account(3))
    case .clearAdmin: self = .clearAdmin(sender: sender, contract: try fields.account(3))
    case .updateLabel:
      self = .updateLabel(sender: sender, label: try fields.text(2), contract: try fields.account(3))
    case .updateInstantiateConfig:
      guard let permission = try fields.access(3) else { throw .form(field: 3) }
      self = .updateInstantiateConfig(sender: sender, codeID: fields.number(2), permission: permission)
    case .sudo:
      self = .sudo(authority: sender, contract: try fields.account(2), message: fields.bytes(3))
    case .pinCodes: self = .pinCodes(authority: sender, codeIDs: try fields.numbers(2))
    case .unpinCodes: self = .unpinCodes(authority: sender, codeIDs: try fields.numbers(2))
    }
  }
}

/// The fields of one message, read by number.
private struct WasmFields {
  private static let coinCountMax = LedgerMessage.coinCountMax
  private var values: [UInt32: [[UInt8]]] = [:]
  private var numbers: [UInt32: UInt64] = [:]

  /// Numbers of the fields that hold bytes or text, numbers, lists, and messages that may be empty.
  private static func shape(
    _ type: WasmMessage.TypeURL
  ) -> (bytes: [UInt32], numbers: [UInt32], lists: [UInt32], messages: [UInt32]) {
    switch type {
    case .storeCode: ([1, 2], [], [], [5])
    case .instantiate: ([1, 2, 4, 5], [3], [6], [])
    case .instantiate2: ([1, 2, 4, 5, 7], [3, 8], [6], [])
    case .execute: ([1, 2, 3], [], [5], [])
    case .migrate: ([1, 2, 4], [3], [], [])
    case .updateAdmin, .updateLabel, .sudo: ([1, 2, 3], [], [], [])
    case .clearAdmin: ([1, 3], [], [], [])
    case .updateInstantiateConfig: ([1], [2], [], [3])
    case .pinCodes, .unpinCodes: ([1, 2], [], [], [])
    }
  }

  init(_ bytes: [UInt8], of type: WasmMessage.TypeURL) throws(Ledger.MessageRefusal) {
    let span = bytes.span
    let shape = Self.shape(type)
    let rules = ProtobufRules(
      singular: shape.bytes + shape.numbers, repeated: shape.lists, explicit: shape.messages)
    do throws(ProtobufError) {
      var reader = ProtobufReader(rules)
      while let field = try reader.next(in: span) {
        let number = field.number
        if shape.numbers.contains(number) {
          numbers[number] = try field.uint64()
        } else if shape.lists.contains(number) {
          guard (values[number]?.count ?? 0) < Self.coinCountMax else {
            throw .overLimit(limit: Self.coinCountMax, actual: Self.coinCountMax + 1)
          }
          values[number, default: []].append([UInt8](copying: span.extracting(try field.message())))
        } else {
          values[number] = [[UInt8](copying: span.extracting(try field.message()))]
        }
      }
    } catch { throw .protobuf(error) }
  }

  func bytes(_ field: UInt32) -> [UInt8] { values[field]?.first ?? [] }

  func number(_ field: UInt32) -> UInt64 { numbers[field] ?? 0 }

  func text(_ field: UInt32) throws(Ledger.MessageRefusal) -> String {
    guard let text = String(validating: bytes(field), as: UTF8.self) else { throw .form(field: field) }
    return text
  }

  func account(_ field: UInt32) throws(Ledger.MessageRefusal) -> AccountAddress {
    let text = try text(field)
    let account: AccountAddress
    do { account = try AccountAddress(text: text) } catch { throw .account(error) }
    // Bech32 may be all upper case, which is its only other spelling; one per account is read here.
    guard !text.utf8.contains(where: { (0x41...0x5a).contains($0) }) else { throw .form(field: field) }
    return account
  }

  func optionalAccount(_ field: UInt32) throws(Ledger.MessageRefusal) -> AccountAddress? {
    values[field] == nil ? nil : try account(field)
  }

  func access(_ field: UInt32) throws(Ledger.MessageRefusal) -> AccessConfig? {
    guard let bytes = values[field]?.first else { return nil }
    do { return try AccessConfig(decoding: bytes.span) } catch { throw .form(field: field) }
  }

  func coins(_ field: UInt32) throws(Ledger.MessageRefusal) -> [Coin] {
    var coins: [Coin] = []
    for bytes in values[field] ?? [] {
      do { coins.append(try Coin(decoding: bytes.span)) } catch { throw .coin(error) }
    }
    return coins
  }

  /// A packed list.
  func numbers(_ field: UInt32) throws(Ledger.MessageRefusal) -> [UInt64] {
    let bytes = bytes(field)
    var offset = 0
    var found: [UInt64] = []
    while offset < bytes.count {
      guard found.count < WasmMessage.codeIDCountMax else {
        throw .count(field: field, max: WasmMessage.codeIDCountMax)
      }
      do { found.append(try ProtobufReader.varint(bytes.span, at: &offset, end: bytes.count)) } catch {
        throw .protobuf(error)
      }
    }
    return found
  }
}

/// What a message of wasmd's module answers.
public enum WasmAnswer: Hashable, Sendable {
  case storeCode(codeID: UInt64, checksum: [UInt8])
  case instantiate(contract: AccountAddress, result: [UInt8])
  /// What execute, migrate and sudo answer.
  case executed(result: [UInt8])
  case empty

  func encoded(to typeURL: String) -> AnyMessage {
    var writer = ProtobufWriter()
    switch self {
    case .storeCode(let codeID, let checksum):
      writer.varint(1, codeID)
      writer.bytes(2, checksum)
    case .instantiate(let contract, let result):
      writer.string(1, contract.text)
      writer.bytes(2, result)
    case .executed(let result): writer.bytes(1, result)
    case .empty: break
    }
    return AnyMessage(typeURL: typeURL + "Response", value: writer.bytes)
  }

  /// Reads one answer of a transaction.
  ///
  /// - Throws: `MessageRefusal`: a type that is no answer of wasmd's module, or bytes that are none.
  public init(decoding answer: AnyMessage) throws(Ledger.MessageRefusal) {
    let suffix = "Response"
    guard answer.typeURL.hasSuffix(suffix),
      let type = WasmMessage.TypeURL(rawValue: String(answer.typeURL.dropLast(suffix.count)))
    else { throw .typeUnknown(answer.typeURL) }
    let span = answer.value.span
    var number: UInt64 = 0
    var parts: [UInt32: [UInt8]] = [:]
    do throws(ProtobufError) {
      var reader = ProtobufReader(ProtobufRules(singular: [1, 2]))
      while let field = try reader.next(in: span) {
        if case .varint(let value) = field.value {
          number = value
        } else {
          parts[field.number] = try field.bytes(in: span)
        }
      }
    } catch { throw .protobuf(error) }
    switch type {
    case .storeCode: self = .storeCode(codeID: number, checksum: parts[2] ?? [])
    case .instantiate, .instantiate2:
      guard let text = String(validating: parts[1] ?? [], as: UTF8.self),
        let contract = AccountNames().account(named: text)
      else { throw .form(field: 1) }
      self = .instantiate(contract: contract, result: parts[2] ?? [])
    case .execute, .migrate, .sudo: self = .executed(result: parts[1] ?? [])
    case .updateAdmin, .clearAdmin, .updateLabel, .updateInstantiateConfig, .pinCodes, .unpinCodes:
      self = .empty
    }
  }
}
