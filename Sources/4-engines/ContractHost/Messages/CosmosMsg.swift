public import Encodings

/// A message or a query that we recognise but do not carry out, by the names that it is written under.
public struct UnsupportedVariant: Hashable, Sendable {
  /// The outer name: `staking`, `gov`, …
  public let family: String
  /// The inner name: `delegate`, `vote`, …; nil when what is inside is no variant.
  public let name: String?

  public init(family: String, name: String?) {
    self.family = family
    self.name = name
  }

  init(_ family: String, _ json: JSONValue) {
    self.init(family: family, name: try? json.variant().name)
  }
}

/// What a contract asks its chain to do (`CosmosMsg`).
///
/// A variant of no known name is kept as ``unsupported(_:_:)``: it fails when it is dispatched, where a reply can catch
/// it, and not when the response is read (as in wasmd).
///
/// Source: CosmWasm packages/std/src/results/cosmos_msg.rs, wasmvm types/msg.go.
public enum CosmosMsg: ContractMessage {
  case bank(BankMsg)
  case wasm(WasmMsg)
  case ibc(IbcMsg)
  case ibc2(Ibc2Msg)
  /// A protobuf message; `stargate` is its old name.
  case any(AnyMsg)
  /// Any JSON, for a chain that knows it.
  case custom(JSONValue)
  /// Staking, distribution, gov, and what later versions may bring.
  case unsupported(UnsupportedVariant, JSONValue)

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, value) = try json.variant()
    do throws(MessageRefusal) {
      if let names = Self.families[name], let inner = try Self.unknown(value, names) {
        self = .unsupported(UnsupportedVariant(family: name, name: inner), value)
        return
      }
      switch name {
      case "bank": self = .bank(try BankMsg(json: value))
      case "wasm": self = .wasm(try WasmMsg(json: value))
      case "ibc": self = .ibc(try IbcMsg(json: value))
      case "ibc2": self = .ibc2(try Ibc2Msg(json: value))
      case "any", "stargate": self = .any(try AnyMsg(json: value))
      case "custom": self = .custom(value)
      default: self = .unsupported(UnsupportedVariant(name, value), value)
      }
    } catch { throw .member(name, error) }
  }

  private static let families = [
    "bank": BankMsg.names, "wasm": WasmMsg.names, "ibc": IbcMsg.names, "ibc2": Ibc2Msg.names,
  ]

  /// The name of the variant within a family, when the family has no such name.
  static func unknown(_ value: JSONValue, _ names: Set<String>) throws(MessageRefusal) -> String? {
    let name = try value.variant().name
    return names.contains(name) ? nil : name
  }

  public var json: OrderedJSON {
    switch self {
    case .bank(let message): ["bank": message.json]
    case .wasm(let message): ["wasm": message.json]
    case .ibc(let message): ["ibc": message.json]
    case .ibc2(let message): ["ibc2": message.json]
    case .any(let message): ["any": message.json]
    case .custom(let value): ["custom": .unordered(value)]
    case .unsupported(let variant, let value): .object([.init(variant.family, .unordered(value))])
    }
  }
}

/// Moves or burns coins of the contract.
public enum BankMsg: ContractMessage {
  case send(to: String, amount: [ContractCoin])
  case burn(amount: [ContractCoin])

  static let names: Set<String> = ["send", "burn"]

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, value) = try json.variant()
    do throws(MessageRefusal) {
      var fields = try MessageFields(value)
      switch name {
      case "send": self = .send(to: try fields.string("to_address"), amount: try fields.array("amount"))
      case "burn": self = .burn(amount: try fields.array("amount"))
      default: throw .variant(name)
      }
      try fields.finish()
    } catch { throw .member(name, error) }
  }

  public var json: OrderedJSON {
    switch self {
    case .send(let to, let amount): ["send": ["to_address": .string(to), "amount": .array(amount)]]
    case .burn(let amount): ["burn": ["amount": .array(amount)]]
    }
  }
}

/// A protobuf message by its type.
public struct AnyMsg: ContractMessage {
  public let typeURL: String
  public let value: [UInt8]

  public init(typeURL: String, value: [UInt8]) {
    self.typeURL = typeURL
    self.value = value
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    typeURL = try fields.string("type_url")
    value = try fields.binary("value")
    try fields.finish()
  }

  public var json: OrderedJSON { ["type_url": .string(typeURL), "value": .binary(value)] }
}

/// Makes, calls or changes contracts. `message` is the JSON that the other contract reads.
public enum WasmMsg: ContractMessage {
  case execute(contract: String, message: [UInt8], funds: [ContractCoin])
  case instantiate(admin: String?, codeID: UInt64, message: [UInt8], funds: [ContractCoin], label: String)
  case instantiate2(
    admin: String?, codeID: UInt64, label: String, message: [UInt8], funds: [ContractCoin], salt: [UInt8])
  case migrate(contract: String, newCodeID: UInt64, message: [UInt8])
  case updateAdmin(contract: String, admin: String)
  case clearAdmin(contract: String)

  static let names: Set<String> = [
    "execute", "instantiate", "instantiate2", "migrate", "update_admin", "clear_admin",
  ]

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, value) = try json.variant()
    do throws(MessageRefusal) {
      var fields = try MessageFields(value)
      switch name {
      case "execute":
        self = .execute(
          contract: try fields.string("contract_addr"), message: try fields.binary("msg"),
          funds: try fields.array("funds"))
      case "instantiate":
        self = .instantiate(
          admin: try fields.optionalString("admin"), codeID: try fields.number("code_id"),
          message: try fields.binary("msg"), funds: try fields.array("funds"),
          label: try fields.string("label"))
      case "instantiate2":
        self = .instantiate2(
          admin: try fields.optionalString("admin"), codeID: try fields.number("code_id"),
          label: try fields.string("label"), message: try fields.binary("msg"),
          funds: try fields.array("funds"), salt: try fields.binary("salt"))
      case "migrate":
        self = .migrate(
          contract: try fields.string("contract_addr"), newCodeID: try fields.number("new_code_id"),
          message: try fields.binary("msg"))
      case "update_admin":
        self = .updateAdmin(contract: try fields.string("contract_addr"), admin: try fields.string("admin"))
      case "clear_admin": self = .clearAdmin(contract: try fields.string("contract_addr"))
      default: throw .variant(name)
      }
      try fields.finish()
    } catch { throw .member(name, error) }
  }

  public var json: OrderedJSON {
    switch self {
    case .execute(let contract, let message, let funds):
      [
        "execute": [
          "contract_addr": .string(contract), "msg": .binary(message), "funds": .array(funds),
        ]
      ]
    case .instantiate(let admin, let codeID, let message, let funds, let label):
      [
        "instantiate": [
          "admin": .text(admin), "code_id": .number(codeID), "msg": .binary(message), "funds": .array(funds),
          "label": .string(label),
        ]
      ]
    case .instantiate2(let admin, let codeID, let label, let message, let funds, let salt):
      [
        "instantiate2": [
          "admin": .text(admin), "code_id": .number(codeID), "label": .string(label),
          "msg": .binary(message), "funds": .array(funds), "salt": .binary(salt),
        ]
      ]
    case .migrate(let contract, let newCodeID, let message):
      [
        "migrate": [
          "contract_addr": .string(contract), "new_code_id": .number(newCodeID), "msg": .binary(message),
        ]
      ]
    case .updateAdmin(let contract, let admin):
      ["update_admin": ["contract_addr": .string(contract), "admin": .string(admin)]]
    case .clearAdmin(let contract): ["clear_admin": ["contract_addr": .string(contract)]]
    }
  }
}
