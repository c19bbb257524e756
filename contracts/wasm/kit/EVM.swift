/// An account or a contract of an EVM chain.
struct EVMAddress: JSONCodable, Equatable {
  let bytes: [UInt8]

  /// `bytes` are 20.
  fileprivate init(bytes: [UInt8]) { self.bytes = bytes }

  /// `0x` and 40 digits: all in lower case, or with the checksum of EIP-55.
  init(_ text: Text) throws(Refusal) {
    guard let bytes = Hex.decode(prefixed: text, count: 20) else { throw .malformed("address") }
    self.bytes = bytes
    let lower = self.text
    guard text != lower else { return }
    let hash = Keccak256.hash(lower.dropping(2).bytes)
    for index in 2..<42 {
      let byte = lower.bytes[index]
      let nibble = hash[(index - 2) / 2] >> (index % 2 == 0 ? 4 : 0) & 15
      let isUpper = byte > 0x60 && nibble >= 8
      guard text.bytes[index] == (isUpper ? byte - 32 : byte) else { throw .malformed("address") }
    }
  }

  init(json: JSON) throws(Refusal) { try self.init(try json.text()) }

  /// In lower case, as ICS-20 names tokens and receivers there.
  var text: Text { Hex.prefixed(bytes) }
  var json: JSON { text.json }
}

/// The account through which somebody of another domain acts on an EVM chain: the `ExecutionHandler` there makes it.
enum EVMAccount {
  /// CREATE2 with the handler as the deployer.
  ///
  /// - Parameters:
  ///   - sender: ERC-7930.
  ///   - client: the EVM chain's client of the sender's domain.
  ///   - codeHash: `ACCOUNT_INITCODE_HASH` of the handler, 32 bytes.
  static func address(
    of sender: [UInt8], over client: Text, handler: EVMAddress, codeHash: [UInt8]
  ) -> EVMAddress {
    var bytes: [UInt8] = [0xff]
    bytes.push(handler.bytes)
    bytes.push(Keccak256.hash(Lane.accountPreimage(of: sender, over: client)))
    bytes.push(codeHash)
    bytes = Keccak256.hash(bytes)
    bytes.removeFirst(12)
    return EVMAddress(bytes: bytes)
  }
}

/// A lane to an EVM chain, the handler that executes calls there, and the contract to call.
struct EVMRoute: LaneEnd {
  let lane: Lane
  let contract: EVMAddress
  let handler: EVMAddress
  let accountCodeHash: [UInt8]
  let gasLimit: UInt64

  init(json: JSON) throws(Refusal) {
    var fields = try Fields(json)
    try self.init(&fields)
    try fields.finish()
  }

  init(_ fields: inout Fields) throws(Refusal) { try self.init(try Lane(&fields), &fields) }

  init(_ lane: Lane, _ fields: inout Fields) throws(Refusal) {
    self.lane = lane
    contract = try fields.take("contract")
    handler = try fields.take("handler")
    let hash: Text = try fields.take("account_code_hash")
    gasLimit = try fields.optional("gas_limit") ?? 1_000_000
    guard let hash = Hex.decode(prefixed: hash, count: 32) else { throw .malformed("account_code_hash") }
    accountCodeHash = hash
    guard lane.isEVM else { throw .malformed("domain") }
    _ = try InteroperableAddress.encode(domain: lane.domain, contract.bytes)
    guard lane.destinationClient.count <= 64 else { throw .malformed("destination_client") }
    guard gasLimit > 0, gasLimit < 30_000_000 else { throw .malformed("gas_limit") }
  }

  var json: JSON {
    [
      "client": lane.client.json, "domain": lane.domain.json,
      "destination_client": lane.destinationClient.json,
      "contract": contract.json, "handler": handler.json,
      "account_code_hash": Hex.prefixed(accountCodeHash).json, "gas_limit": gasLimit.json,
    ]
  }

  /// The account through which `contract`, of this domain, acts there: no key opens it.
  func account(of contract: Address, in env: Env) throws(Refusal) -> EVMAddress {
    let own = try InteroperableAddress.encode(domain: env.domain, try Host.canonical(contract))
    return EVMAccount.address(
      of: own, over: lane.destinationClient, handler: handler, codeHash: accountCodeHash)
  }
}

/// Calls of EVM contracts, and their answers, as Solidity's ABI writes them.
enum Calldata {
  enum Argument {
    case address(EVMAddress)
    /// `uint256`.
    case amount(Uint128)
    /// `uint64`, and every shorter one.
    case number(UInt64)
    /// `string`, or `bytes`.
    case text(Text)
  }

  /// The selector of `signature`, and the arguments that it names.
  static func encode(_ signature: Text, _ arguments: [Argument]) -> [UInt8] {
    var bytes = Keccak256.hash(signature.bytes)
    bytes.removeLast(28)
    bytes.push(encode(arguments))
    return bytes
  }

  /// The arguments alone: `abi.encode`.
  @inline(never)
  static func encode(_ arguments: [Argument]) -> [UInt8] {
    var head: [UInt8] = []
    var tail: [UInt8] = []
    for argument in arguments {
      switch argument {
      case .address(let address):
        head.push([UInt8](repeating: 0, count: 12))
        head.push(address.bytes)
      case .amount(let amount): head.push(amount.bytes(littleEndian: false))
      case .number(let number): head.push(word: number)
      case .text(let text):
        head.push(word: UInt64(arguments.count * 32 + tail.count))
        tail.push(word: UInt64(text.count))
        tail.push(text.bytes)
        while tail.count % 32 != 0 { tail.push(0) }
      }
    }
    head.push(tail)
    return head
  }

  /// The words of an answer that has `count` of them and nothing else; nil when it is no such answer, or when one of
  /// them does not fit 128 bits, as hashes and addresses do not.
  @inline(never)
  static func words(_ answer: [UInt8], count: Int) -> [Uint128]? {
    guard answer.count == count * 32 else { return nil }
    var words: [Uint128] = []
    var number: UInt128 = 0
    for index in answer.indices {
      if index % 32 < 16, answer[index] != 0 { return nil }
      number = number << 8 | UInt128(answer[index])
      if index % 32 == 31 {
        words.append(Uint128(value: number))
        number = 0
      }
    }
    return words
  }
}

extension [UInt8] {
  @inline(never)
  fileprivate mutating func push(word number: UInt64) { push(Uint128(number).bytes(littleEndian: false)) }
}
