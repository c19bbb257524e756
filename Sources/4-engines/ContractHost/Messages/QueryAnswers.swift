public import Encodings
public import WireBytes

/// Why a question never reached who should answer it (`SystemError`).
public enum SystemError: ContractMessage {
  case invalidRequest(error: String, request: [UInt8])
  case invalidResponse(error: String, response: [UInt8])
  case noSuchContract(address: String)
  case noSuchCode(codeID: UInt64)
  case unknown
  case unsupportedRequest(kind: String)

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, value) = try json.variant()
    do throws(MessageRefusal) {
      var fields = try MessageFields(value)
      switch name {
      case "invalid_request":
        self = .invalidRequest(error: try fields.string("error"), request: try fields.binary("request"))
      case "invalid_response":
        self = .invalidResponse(error: try fields.string("error"), response: try fields.binary("response"))
      case "no_such_contract": self = .noSuchContract(address: try fields.string("addr"))
      case "no_such_code": self = .noSuchCode(codeID: try fields.number("code_id"))
      case "unknown": self = .unknown
      case "unsupported_request": self = .unsupportedRequest(kind: try fields.string("kind"))
      default: throw .variant(name)
      }
      try fields.finish()
    } catch { throw .member(name, error) }
  }

  public var json: OrderedJSON {
    switch self {
    case .invalidRequest(let error, let request):
      ["invalid_request": ["error": .string(error), "request": .binary(request)]]
    case .invalidResponse(let error, let response):
      ["invalid_response": ["error": .string(error), "response": .binary(response)]]
    case .noSuchContract(let address): ["no_such_contract": ["addr": .string(address)]]
    case .noSuchCode(let codeID): ["no_such_code": ["code_id": .number(codeID)]]
    case .unknown: ["unknown": .object([])]
    case .unsupportedRequest(let kind): ["unsupported_request": ["kind": .string(kind)]]
    }
  }
}

/// What `query_chain` answers: the answer itself (``QueryAnswer``), or why there is none.
public enum SystemResult<Value: ContractMessage>: ContractMessage {
  case ok(Value)
  case error(SystemError)

  public init(json: JSONValue) throws(MessageRefusal) {
    let (name, value) = try json.variant()
    do throws(MessageRefusal) {
      switch name {
      case "ok": self = .ok(try Value(json: value))
      case "error": self = .error(try SystemError(json: value))
      default: throw .variant(name)
      }
    } catch { throw .member(name, error) }
  }

  public var json: OrderedJSON {
    switch self {
    case .ok(let value): ["ok": value.json]
    case .error(let error): ["error": error.json]
    }
  }
}

/// The whole answer to a question of a contract: `{"ok":{"ok":"base64"}}` when all went well.
public typealias QueryAnswer = SystemResult<ContractResult<ContractBinary>>

extension SystemResult where Value == ContractResult<ContractBinary> {
  /// An answer that went well, whose bytes are `answer`'s JSON.
  public static func answer(_ answer: some ContractMessage) -> Self {
    .ok(.ok(ContractBinary(answer.encoded())))
  }
}

/// The amount of one denomination: answers `bank.balance` and `bank.supply`.
public struct AmountAnswer: ContractMessage {
  public let amount: ContractCoin

  public init(_ amount: ContractCoin) { self.amount = amount }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    amount = try fields.value("amount")
    try fields.finish()
  }

  public var json: OrderedJSON { ["amount": amount.json] }
}

/// Answers `bank.all_balances`.
public struct AllBalancesAnswer: ContractMessage {
  public let amount: [ContractCoin]

  public init(_ amount: [ContractCoin]) { self.amount = amount }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    amount = try fields.array("amount")
    try fields.finish()
  }

  public var json: OrderedJSON { ["amount": .array(amount)] }
}

/// Answers `wasm.contract_info`.
public struct ContractInfoAnswer: ContractMessage {
  public let codeID: UInt64
  public let creator: String
  public let admin: String?
  public let pinned: Bool
  public let ibcPort: String?
  public let ibc2Port: String?

  public init(
    codeID: UInt64, creator: String, admin: String?, pinned: Bool, ibcPort: String?, ibc2Port: String?
  ) {
    self.codeID = codeID
    self.creator = creator
    self.admin = admin
    self.pinned = pinned
    self.ibcPort = ibcPort
    self.ibc2Port = ibc2Port
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    codeID = try fields.number("code_id")
    creator = try fields.string("creator")
    admin = try fields.optionalString("admin")
    pinned = try fields.boolean("pinned")
    ibcPort = try fields.optionalString("ibc_port")
    ibc2Port = try fields.optionalString("ibc2_port")
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "code_id": .number(codeID), "creator": .string(creator), "admin": .text(admin),
      "pinned": .boolean(pinned), "ibc_port": .text(ibcPort), "ibc2_port": .text(ibc2Port),
    ]
  }
}

/// Answers `wasm.code_info`.
public struct CodeInfoAnswer: ContractMessage {
  public let codeID: UInt64
  public let creator: String
  /// SHA-256 of the uploaded binary; 64 hex digits in JSON.
  public let checksum: Bytes32

  public init(codeID: UInt64, creator: String, checksum: Bytes32) {
    self.codeID = codeID
    self.creator = creator
    self.checksum = checksum
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    codeID = try fields.number("code_id")
    creator = try fields.string("creator")
    let text = try fields.string("checksum")
    guard text.utf8.count == 64, let checksum = try? Bytes32(hex: text) else {
      throw .member("checksum", .hex)
    }
    self.checksum = checksum
    try fields.finish()
  }

  public var json: OrderedJSON {
    [
      "code_id": .number(codeID), "creator": .string(creator),
      "checksum": .string(Hex.encode(checksum.span, prefix: "")),
    ]
  }
}

/// Answers `wasm.raw_range`.
public struct RawRangeAnswer: ContractMessage {
  /// A stored key and its value, written as an array of two.
  public struct Entry: ContractMessage {
    public let key: [UInt8]
    public let value: [UInt8]

    public init(key: [UInt8], value: [UInt8]) {
      self.key = key
      self.value = value
    }

    public init(json: JSONValue) throws(MessageRefusal) {
      let both = try json.elements(ContractBinary.self)
      guard both.count == 2 else { throw .elements(limit: 2, actual: both.count) }
      (key, value) = (both[0].bytes, both[1].bytes)
    }

    public var json: OrderedJSON { [.binary(key), .binary(value)] }
  }

  public let entries: [Entry]
  /// The first key that was not returned; nil at the end.
  public let nextKey: [UInt8]?

  public init(entries: [Entry], nextKey: [UInt8]?) {
    self.entries = entries
    self.nextKey = nextKey
  }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    entries = try fields.array("data")
    nextKey = try fields.optionalBinary("next_key")
    try fields.finish()
  }

  public var json: OrderedJSON { ["data": .array(entries), "next_key": .binary(nextKey)] }
}

/// Answers `ibc.port_id`.
public struct PortIDAnswer: ContractMessage {
  public let portID: String

  public init(_ portID: String) { self.portID = portID }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    portID = try fields.string("port_id")
    try fields.finish()
  }

  public var json: OrderedJSON { ["port_id": .string(portID)] }
}

/// Answers `ibc.channel`; only open channels are told.
public struct ChannelAnswer: ContractMessage {
  public let channel: IbcChannel?

  public init(_ channel: IbcChannel?) { self.channel = channel }

  public init(json: JSONValue) throws(MessageRefusal) {
    var fields = try MessageFields(json)
    channel = try fields.optional("channel")
    try fields.finish()
  }

  public var json: OrderedJSON { ["channel": channel.json] }
}
