public import Encodings

/// What a contract asks its chain (`QueryRequest`).
///
/// Source: CosmWasm packages/std/src/query, wasmvm types/queries.go.
public enum QueryRequest: ContractMessage {
  case bank(BankQuery)
  case wasm(WasmQuery)
  case ibc(IbcQuery)
  /// A query service by its path, answered in protobuf.
  case grpc(path: String, request: [UInt8])
  /// The old name of `grpc`, answered in JSON.
  case stargate(path: String, request: [UInt8])
  case custom(JSONValue)
  /// Staking, distribution, and what later versions may bring.
  case unsupported(UnsupportedVariant, JSONValue)

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, value) = try json.variant()
    do throws(MessageRefusal) {
      if let names = Self.families[name], let inner = try CosmosMsg.unknown(value, names) {
        self = .unsupported(UnsupportedVariant(family: name, name: inner), value)
        return
      }
      switch name {
      case "bank": self = .bank(try BankQuery(json: value))
      case "wasm": self = .wasm(try WasmQuery(json: value))
      case "ibc": self = .ibc(try IbcQuery(json: value))
      case "grpc", "stargate":
        var fields = try MessageFields(value)
        let (path, request) = (try fields.string("path"), try fields.binary("data"))
        try fields.finish()
        self = name == "grpc" ? .grpc(path: path, request: request) : .stargate(path: path, request: request)
      case "custom": self = .custom(value)
      default: self = .unsupported(UnsupportedVariant(name, value), value)
      }
    } catch { throw .member(name, error) }
  }

  private static let families = ["bank": BankQuery.names, "wasm": WasmQuery.names, "ibc": IbcQuery.names]

  public var json: OrderedJSON {
    switch self {
    case .bank(let query): ["bank": query.json]
    case .wasm(let query): ["wasm": query.json]
    case .ibc(let query): ["ibc": query.json]
    case .grpc(let path, let request): ["grpc": ["path": .string(path), "data": .binary(request)]]
    case .stargate(let path, let request): ["stargate": ["path": .string(path), "data": .binary(request)]]
    case .custom(let value): ["custom": .unordered(value)]
    case .unsupported(let variant, let value): .object([.init(variant.family, .unordered(value))])
    }
  }
}

/// Where a page of a list begins, and how long it is.
public struct ContractPageRequest: ContractMessage {
  public let key: [UInt8]?
  public let limit: UInt32
  public let reverse: Bool

  public init(key: [UInt8]?, limit: UInt32, reverse: Bool) {
    self.key = key
    self.limit = limit
    self.reverse = reverse
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    key = try fields.optionalBinary("key")
    limit = try fields.number("limit", UInt32.self)
    reverse = try fields.boolean("reverse")
    try fields.finish()
  }

  public var json: OrderedJSON {
    ["key": .binary(key), "limit": .number(UInt64(limit)), "reverse": .boolean(reverse)]
  }
}

/// Questions about coins.
public enum BankQuery: ContractMessage {
  case supply(denomination: String)
  case balance(address: String, denomination: String)
  /// Gone from contracts' library since 3.0, and still answered by wasmd.
  case allBalances(address: String)
  case denominationMetadata(denomination: String)
  case allDenominationMetadata(page: ContractPageRequest?)

  static let names: Set<String> = [
    "supply", "balance", "all_balances", "denom_metadata", "all_denom_metadata",
  ]

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, value) = try json.variant()
    do throws(MessageRefusal) {
      var fields = try MessageFields(value)
      switch name {
      case "supply": self = .supply(denomination: try fields.string("denom"))
      case "balance":
        self = .balance(address: try fields.string("address"), denomination: try fields.string("denom"))
      case "all_balances": self = .allBalances(address: try fields.string("address"))
      case "denom_metadata": self = .denominationMetadata(denomination: try fields.string("denom"))
      case "all_denom_metadata": self = .allDenominationMetadata(page: try fields.optional("pagination"))
      default: throw .variant(name)
      }
      try fields.finish()
    } catch { throw .member(name, error) }
  }

  public var json: OrderedJSON {
    switch self {
    case .supply(let denomination): ["supply": ["denom": .string(denomination)]]
    case .balance(let address, let denomination):
      ["balance": ["address": .string(address), "denom": .string(denomination)]]
    case .allBalances(let address): ["all_balances": ["address": .string(address)]]
    case .denominationMetadata(let denomination): ["denom_metadata": ["denom": .string(denomination)]]
    case .allDenominationMetadata(let page): ["all_denom_metadata": ["pagination": page.json]]
    }
  }
}

/// Questions about contracts.
public enum WasmQuery: ContractMessage {
  /// In which order a range of keys is told.
  public enum Order: String, ContractMessage {
    case ascending, descending

    public init(json: JSONValue) throws(MessageRefusal) {
      guard let text = json.string else { throw .type(expected: .string) }
      guard let value = Order(rawValue: text) else { throw .variant(text) }
      self = value
    }

    public var json: OrderedJSON { .string(rawValue) }
  }

  /// Asks the contract's own `query`.
  case smart(contract: String, message: [UInt8])
  /// One stored value.
  case raw(contract: String, key: [UInt8])
  case contractInfo(contract: String)
  case codeInfo(codeID: UInt64)
  /// Stored keys from `start` until before `end`.
  case rawRange(contract: String, start: [UInt8]?, end: [UInt8]?, limit: UInt16, order: Order)

  static let names: Set<String> = ["smart", "raw", "contract_info", "code_info", "raw_range"]

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, value) = try json.variant()
    do throws(MessageRefusal) {
      var fields = try MessageFields(value)
      switch name {
      case "smart":
        self = .smart(contract: try fields.string("contract_addr"), message: try fields.binary("msg"))
      case "raw": self = .raw(contract: try fields.string("contract_addr"), key: try fields.binary("key"))
      case "contract_info": self = .contractInfo(contract: try fields.string("contract_addr"))
      case "code_info": self = .codeInfo(codeID: try fields.number("code_id"))
      case "raw_range":
        self = .rawRange(
          contract: try fields.string("contract_addr"), start: try fields.optionalBinary("start"),
          end: try fields.optionalBinary("end"), limit: try fields.number("limit", UInt16.self),
          order: try fields.value("order"))
      default: throw .variant(name)
      }
      try fields.finish()
    } catch { throw .member(name, error) }
  }

  public var json: OrderedJSON {
    switch self {
    case .smart(let contract, let message):
      ["smart": ["contract_addr": .string(contract), "msg": .binary(message)]]
    case .raw(let contract, let key): ["raw": ["contract_addr": .string(contract), "key": .binary(key)]]
    case .contractInfo(let contract): ["contract_info": ["contract_addr": .string(contract)]]
    case .codeInfo(let codeID): ["code_info": ["code_id": .number(codeID)]]
    case .rawRange(let contract, let start, let end, let limit, let order):
      [
        "raw_range": [
          "contract_addr": .string(contract), "start": .binary(start), "end": .binary(end),
          "limit": .number(UInt64(limit)), "order": order.json,
        ]
      ]
    }
  }
}

/// Questions about IBC v1.
public enum IbcQuery: ContractMessage {
  /// The contract's own port.
  case portID
  /// A channel of `portID`, or of the contract's own port.
  case channel(channelID: String, portID: String?)
  /// Gone from contracts' library since 3.0.
  case listChannels(portID: String?)

  static let names: Set<String> = ["port_id", "channel", "list_channels"]

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, value) = try json.variant()
    do throws(MessageRefusal) {
      var fields = try MessageFields(value)
      switch name {
      case "port_id": self = .portID
      case "channel":
        self = .channel(
          channelID: try fields.string("channel_id"), portID: try fields.optionalString("port_id"))
      case "list_channels": self = .listChannels(portID: try fields.optionalString("port_id"))
      default: throw .variant(name)
      }
      try fields.finish()
    } catch { throw .member(name, error) }
  }

  public var json: OrderedJSON {
    switch self {
    case .portID: ["port_id": .object([])]
    case .channel(let channelID, let portID):
      ["channel": ["channel_id": .string(channelID), "port_id": .text(portID)]]
    case .listChannels(let portID): ["list_channels": ["port_id": .text(portID)]]
    }
  }
}
