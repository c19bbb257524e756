import ContractHost
import Encodings
import Ledger
import Messages
import PacketHost
import TestSupport
import Testing
import Transactions
import WireBytes

/// Words of a contract, of its host or of the little chain around it.
struct Failed: Error, Hashable, CustomStringConvertible {
  let text: String
  init(_ text: String) { self.text = text }
  var description: String { text }
}

/// What tests of contracts need, and whether it is there.
enum Bench {
  private static let found: ContractEngine? = {
    guard let library = try? WasmtimeLibrary.find() else { return nil }
    return try? ContractEngine(library: library)
  }()

  static var isReady: Bool { found != nil && ContractBinaries.areBuilt }
  static let absence: Comment = "wasmtime or the contracts are absent: run script/setup and script/contracts"

  static func engine() throws -> ContractEngine { try #require(found) }

  static func code(_ name: String) throws -> CompiledCode {
    try engine().compile(try #require(ContractBinaries.wasm(name)))
  }
}

/// As much of a chain as contracts see: accounts, coins, calls with their messages and replies, packets that were sent.
///
/// Everything that a failed message did is undone. Packets wait in ``packets`` until a test says what becomes of them.
final class MiniDomain {
  struct World {
    var storage: [String: [[UInt8]: [UInt8]]] = [:]
    var balances: [String: [String: UInt128]] = [:]
    var codes: [String: String] = [:]
    var sequences: [String: UInt64] = [:]
    var packets: [Packet] = []
    var instances: UInt64 = 0
  }

  /// 2 million of a chain's gas, in the unit of CosmWasm.
  static let gasLimit: UInt64 = 2_000_000 * VMGas.perSDKGas
  /// What a callback may use.
  static let callbackGas: UInt64 = 300_000 * VMGas.perSDKGas

  let chainID: String
  var world = World()
  var seconds: UInt64 = 1_700_000_000
  var height: UInt64 = 10
  /// Accounts that may not receive.
  var blocked: Set<String> = []
  /// What the last outermost call used.
  private(set) var gasUsed: UInt64 = 0
  /// What callbacks said when they failed.
  private(set) var callbackFailures: [String] = []
  private var depth = 0

  init(_ chainID: String) { self.chainID = chainID }

  var domain: DomainID { get throws { try DomainID("cosmos:\(chainID)") } }

  /// An account whose key nobody has to know.
  static func account(_ name: String) -> String { AccountAddress(module: name).text }

  // MARK: Coins

  func balance(_ account: String, _ denom: String) -> UInt128 { world.balances[account]?[denom] ?? 0 }

  func mint(_ amount: UInt128, _ denom: String, to account: String) {
    world.balances[account, default: [:]][denom, default: 0] += amount
  }

  /// Modulo 2^128, which shows every difference just as well.
  func total(_ denom: String) -> UInt128 { world.balances.values.reduce(0) { $0 &+ ($1[denom] ?? 0) } }

  func move(_ amount: UInt128, _ denom: String, from: String, to: String) throws {
    guard balance(from, denom) >= amount else { throw Failed("insufficient funds") }
    guard !blocked.contains(to) else { throw Failed("blocked") }
    world.balances[from, default: [:]][denom, default: 0] -= amount
    mint(amount, denom, to: to)
  }

  private func move(_ coins: [ContractCoin], from: String, to: String) throws {
    for coin in coins {
      try move(try #require(UInt128(coin.amount.description)), coin.denomination, from: from, to: to)
    }
  }

  // MARK: Messages

  private func undoing<Value>(_ body: () throws -> Value) throws -> Value {
    let before = world
    do { return try body() } catch {
      world = before
      throw error
    }
  }

  private func environment(_ contract: String) -> [UInt8] {
    ContractEnvironment(
      height: height, timeNanoseconds: seconds * 1_000_000_000, chainID: chainID,
      transaction: .init(index: 0), contract: contract
    ).encoded()
  }

  private static func info(_ sender: String, _ funds: [ContractCoin]) -> [UInt8] {
    MessageInfo(sender: sender, funds: funds).encoded()
  }

  static func coin(_ amount: UInt128, _ denom: String) -> ContractCoin {
    guard let value = UInt256(decimal: String(amount)) else { preconditionFailure("128 bits fit 256") }
    return ContractCoin(denomination: denom, amount: value)
  }

  @discardableResult
  func instantiate(
    _ code: String, _ message: String, by sender: String, funds: [ContractCoin] = []
  ) throws -> String {
    try undoing {
      world.instances += 1
      let address = ContractAddresses.classic(codeID: 1, instanceID: world.instances)
      let contract = AccountAddress(address).text
      world.codes[contract] = code
      try move(funds, from: sender, to: contract)
      let arguments = [environment(contract), Self.info(sender, funds), [UInt8](message.utf8)]
      _ = try dispatch(try response(contract, .instantiate, arguments), of: contract)
      return contract
    }
  }

  /// What the contract answers as `data`, as text.
  @discardableResult
  func execute(
    _ contract: String, _ message: String, by sender: String, funds: [ContractCoin] = []
  ) throws -> String? {
    let answer = try undoing { try run(contract, [UInt8](message.utf8), by: sender, funds: funds) }
    return answer.map { String(decoding: $0, as: UTF8.self) }
  }

  /// The words with which a message is refused.
  func refusal(
    _ contract: String, _ message: String, by sender: String, funds: [ContractCoin] = []
  ) -> String {
    do {
      try execute(contract, message, by: sender, funds: funds)
      return "not refused"
    } catch { return "\(error)" }
  }

  func run(
    _ contract: String, _ message: [UInt8], by sender: String, funds: [ContractCoin]
  ) throws -> [UInt8]? {
    guard world.codes[contract] != nil else { throw Failed("no such contract") }
    try move(funds, from: sender, to: contract)
    let arguments = [environment(contract), Self.info(sender, funds), message]
    return try dispatch(try response(contract, .execute, arguments), of: contract)
  }

  func query(_ contract: String, _ message: String) throws -> JSONValue {
    try JSONValue(decoding: try answer(contract, [UInt8](message.utf8)))
  }

  fileprivate func answer(_ contract: String, _ message: [UInt8]) throws -> [UInt8] {
    let text = try call(contract, .query, [environment(contract), message], gasLimit: Self.gasLimit)
    switch try ContractResult<ContractBinary>(decoding: text) {
    case .ok(let binary): return binary.bytes
    case .error(let words): throw Failed(words)
    }
  }

  private func response(
    _ contract: String, _ entryPoint: EntryPoint, _ arguments: [[UInt8]]
  ) throws -> ContractResponse {
    let text = try call(contract, entryPoint, arguments, gasLimit: Self.gasLimit)
    switch try ContractResult<ContractResponse>(decoding: text) {
    case .ok(let response): return response
    case .error(let words): throw Failed(words)
    }
  }

  func call(
    _ contract: String, _ entryPoint: EntryPoint, _ arguments: [[UInt8]], gasLimit: UInt64
  ) throws -> [UInt8] {
    guard depth < 30 else { throw Failed("max call depth exceeded") }
    depth += 1
    defer { depth -= 1 }
    let code = try Bench.code(try #require(world.codes[contract]))
    var backend = MiniBackend(domain: self, contract: contract, isQuery: entryPoint == .query)
    let outcome = try Bench.engine().call(
      ContractCall(entryPoint, arguments: arguments, gasLimit: gasLimit), of: code, backend: &backend)
    if depth == 1 { gasUsed = outcome.gasUsedInternally }
    switch outcome.result {
    case .success(let bytes): return bytes
    case .failure(let failure): throw Failed(failure.text)
    }
  }

  /// Sends the messages of an answer, each with its reply; gives the data, which a reply may have replaced.
  private func dispatch(_ response: ContractResponse, of contract: String) throws -> [UInt8]? {
    try dispatch(response.messages, of: contract) ?? response.bytes
  }

  private func dispatch(_ messages: [SubMsg], of contract: String) throws -> [UInt8]? {
    var replaced: [UInt8]?
    for message in messages {
      let result: ContractResult<SubMsgResponse>
      do {
        let answer = try undoing { try send(message.message, from: contract) }
        guard message.replyOn.onSuccess else { continue }
        result = .ok(
          SubMsgResponse(events: [], bytes: nil, messageResponses: [.init(typeURL: "/answer", value: answer)])
        )
      } catch let error as Failed {
        guard message.replyOn.onError else { throw error }
        result = .error(error.text)
      }
      let reply = Reply(id: message.id, payload: message.payload, result: result).encoded()
      let answer = try self.response(contract, .reply, [environment(contract), reply])
      if let bytes = try dispatch(answer, of: contract) { replaced = bytes }
    }
    return replaced
  }

  private func send(_ message: CosmosMsg, from contract: String) throws -> [UInt8] {
    switch message {
    case .bank(.send(let receiver, let coins)):
      try move(coins, from: contract, to: receiver)
      return []
    case .wasm(.execute(let target, let input, let funds)):
      var writer = ProtobufWriter()
      writer.bytes(1, try run(target, input, by: contract, funds: funds) ?? [])
      return writer.bytes
    case .any(let any):
      return try sendPacket(AnyMessage(typeURL: any.typeURL, value: any.value), from: contract)
    default: throw Failed("unknown message")
    }
  }

  // MARK: Packets

  /// The chain's own decoder reads the packet, and its own names of tokens and escrows are used.
  private func sendPacket(_ message: AnyMessage, from contract: String) throws -> [UInt8] {
    guard
      case .sendPacket(let client, let timeout, let payloads, let signer) = try LedgerMessage(
        decoding: message)
    else { throw Failed("no packet") }
    guard signer.text == contract else { throw Failed("contract doesn't have permission") }
    guard timeout.seconds > seconds else { throw Failed("timeout in the past") }
    let number = (world.sequences[client.text] ?? 0) + 1
    world.sequences[client.text] = number
    for payload in payloads where payload.sourcePort == .transfer {
      let transfer = try FungibleTokenPacketData(decoding: payload.value.span)
      guard transfer.sender == contract else { throw Failed("sender") }
      let path = TokenPath(transfer.denomination)
      let amount = try #require(UInt128(transfer.amount.description))
      if path.hasHop(.transfer, client) {
        guard balance(contract, path.token) >= amount else { throw Failed("insufficient funds") }
        world.balances[contract, default: [:]][path.token, default: 0] -= amount
      } else {
        try move(amount, path.token, from: contract, to: Self.escrow(client))
      }
    }
    guard let sequence = Messages.Sequence(number) else { throw Failed("sequence") }
    world.packets.append(
      try Packet(
        sequence: sequence, sourceClient: client, destinationClient: try MiniDomain.counterpart(client),
        timeout: timeout, payloads: payloads))
    var writer = ProtobufWriter()
    writer.varint(1, number)
    return writer.bytes
  }

  static func escrow(_ client: ClientID) -> String { TransferApplication.escrow(.transfer, client).text }

  /// The harbor's client of the island and the island's of the harbor.
  static func counterpart(_ client: ClientID) throws -> ClientID {
    try ClientID(client.text == "client-0" ? "client-7" : "client-0")
  }

  /// Executes a packet here: the acknowledgement of each payload, or nil when nothing of it was done.
  func receive(_ packet: Packet) throws -> [[UInt8]]? {
    guard seconds < packet.timeout.seconds else { throw Failed("too late") }
    do {
      return try undoing { try packet.payloads.map { try receive($0, packet) } }
    } catch is Failed { return nil }
  }

  private func receive(_ payload: Payload, _ packet: Packet) throws -> [UInt8] {
    if payload.sourcePort == .transfer {
      let transfer = try FungibleTokenPacketData(decoding: payload.value.span)
      let path = TokenPath(transfer.denomination)
      let amount = try #require(UInt128(transfer.amount.description))
      if path.hasHop(.transfer, packet.sourceClient) {
        let home = path.dropping(.transfer, packet.sourceClient)
        try move(amount, home.token, from: Self.escrow(packet.destinationClient), to: transfer.receiver)
      } else {
        guard !blocked.contains(transfer.receiver) else { throw Failed("blocked") }
        mint(amount, path.adding(.transfer, packet.destinationClient).token, to: transfer.receiver)
      }
      return TransferApplication.success
    }
    let envelope = try ExecutionEnvelope(decoding: payload.value.span)
    let caller = ExecutionApplication.account(of: envelope.refundTo, over: packet.destinationClient)
    var results: [[UInt8]] = []
    for call in envelope.calls {
      guard let target = AccountAddress(bytes: call.target.address), try call.target.domain == domain else {
        throw Failed("target")
      }
      let funds = call.funds.map {
        ContractCoin(denomination: String(decoding: $0.denomination, as: UTF8.self), amount: $0.amount)
      }
      results.append(try run(target.text, call.input, by: caller.text, funds: funds) ?? [])
    }
    return try Outcome(status: .success, gasUsed: 1, results: results).encoded()
  }

  enum End {
    case acknowledged([[UInt8]])
    /// The universal error.
    case refused
    case timedOut
  }

  /// Settles a packet that was sent here: refunds first, then the callback, payload by payload.
  func settle(_ packet: Packet, _ end: End) throws {
    for (index, payload) in packet.payloads.enumerated() {
      let transfer = try? FungibleTokenPacketData(decoding: payload.value.span)
      var contract = transfer?.sender
      if payload.sourcePort == .execution {
        let envelope = try ExecutionEnvelope(decoding: payload.value.span)
        contract = try #require(AccountAddress(bytes: envelope.refundTo.address)).text
      }
      if case .acknowledged = end {
      } else if let transfer {
        let path = TokenPath(transfer.denomination)
        let amount = try #require(UInt128(transfer.amount.description))
        if path.hasHop(.transfer, packet.sourceClient) {
          mint(amount, path.token, to: transfer.sender)
        } else {
          try move(amount, path.token, from: Self.escrow(packet.sourceClient), to: transfer.sender)
        }
      }
      // A transfer's memo asks for the callback, and only its sender is told.
      if let transfer {
        let memo = try? JSONValue(decoding: [UInt8](transfer.memo.utf8))
        guard memo?["src_callback"]?["address"]?.string == transfer.sender else { continue }
      }
      let bytes: [UInt8]? =
        switch end {
        case .acknowledged(let results): results[index]
        case .refused: Acknowledgement.universalError.results[0]
        case .timedOut: nil
        }
      do {
        try tell(try #require(contract), packet, port: payload.sourcePort, acknowledgement: bytes)
      } catch let failure as Failed { callbackFailures.append(failure.text) }
    }
  }

  /// `ibc_source_callback`, with the packet in its old form.
  func tell(_ contract: String, _ packet: Packet, port: PortID, acknowledgement: [UInt8]?) throws {
    let old = IbcPacket(
      bytes: [1], source: IbcEndpoint(portID: port.text, channelID: packet.sourceClient.text),
      destination: IbcEndpoint(portID: port.text, channelID: packet.destinationClient.text),
      sequence: packet.sequence.rawValue,
      timeout: IbcTimeout(block: nil, timestampNanoseconds: packet.timeout.seconds * 1_000_000_000))
    let message: IbcSourceCallbackMsg =
      if let acknowledgement {
        .acknowledgement(
          IbcPacketAckMsg(
            acknowledgement: IbcAcknowledgement(acknowledgement), originalPacket: old,
            relayer: Self.account("relayer")))
      } else {
        .timeout(IbcPacketMsg(packet: old, relayer: Self.account("relayer")))
      }
    try undoing {
      let text = try call(
        contract, .ibcSourceCallback, [environment(contract), message.encoded()], gasLimit: Self.callbackGas)
      switch try ContractResult<IbcBasicResponse>(decoding: text) {
      case .ok(let response): _ = try dispatch(response.messages, of: contract)
      case .error(let words): throw Failed(words)
      }
    }
  }
}

/// One call's view of the little chain.
private struct MiniBackend: ContractBackend {
  let domain: MiniDomain
  let contract: String
  let isQuery: Bool
  private var iterators: [[ContractEntry]] = []

  init(domain: MiniDomain, contract: String, isQuery: Bool) {
    self.domain = domain
    self.contract = contract
    self.isQuery = isQuery
  }

  mutating func read(_ key: [UInt8]) throws(BackendFailure) -> BackendAnswer<[UInt8]?> {
    BackendAnswer(domain.world.storage[contract]?[key])
  }

  mutating func write(_ value: [UInt8], to key: [UInt8]) throws(BackendFailure) -> UInt64 {
    domain.world.storage[contract, default: [:]][key] = value
    return 0
  }

  mutating func remove(_ key: [UInt8]) throws(BackendFailure) -> UInt64 {
    domain.world.storage[contract]?[key] = nil
    return 0
  }

  mutating func scan(
    from: [UInt8]?, until: [UInt8]?, descending: Bool
  ) throws(BackendFailure) -> BackendAnswer<Int> {
    let entries = (domain.world.storage[contract] ?? [:])
      .filter { entry in
        (from.map { !entry.key.lexicographicallyPrecedes($0) } ?? true)
          && (until.map { entry.key.lexicographicallyPrecedes($0) } ?? true)
      }
      .sorted { $0.key.lexicographicallyPrecedes($1.key) }
      .map { ContractEntry(key: $0.key, value: $0.value) }
    iterators.append(descending ? entries : entries.reversed())
    return BackendAnswer(iterators.count - 1)
  }

  mutating func next(_ iterator: Int) throws(BackendFailure) -> BackendAnswer<ContractEntry?> {
    BackendAnswer(iterators[iterator].popLast())
  }

  mutating func query(
    _ request: [UInt8], gasLimit: UInt64
  ) throws(BackendFailure) -> BackendAnswer<[UInt8]> {
    let answer: QueryAnswer
    switch try? QueryRequest(decoding: request) {
    case .bank(.balance(let address, let denom)):
      answer = .answer(AmountAnswer(MiniDomain.coin(domain.balance(address, denom), denom)))
    case .wasm(.smart(let target, let message)) where domain.world.codes[target] != nil:
      do { answer = .ok(.ok(ContractBinary(try domain.answer(target, message)))) } catch {
        answer = .ok(.error("\(error)"))
      }
    default: answer = .ok(.error("no such query"))
    }
    return BackendAnswer(answer.encoded())
  }

  mutating func canonicalize(
    _ human: String
  ) throws(BackendFailure) -> BackendAnswer<Result<[UInt8], AddressRefusal>> {
    guard let account = try? AccountAddress(text: human) else {
      return BackendAnswer(.failure(AddressRefusal("no address")))
    }
    return BackendAnswer(.success(account.bytes))
  }

  mutating func humanize(
    _ canonical: [UInt8]
  ) throws(BackendFailure) -> BackendAnswer<Result<String, AddressRefusal>> {
    guard let account = AccountAddress(bytes: canonical) else {
      return BackendAnswer(.failure(AddressRefusal("no address")))
    }
    return BackendAnswer(.success(account.text))
  }

  mutating func validate(_ human: String) throws(BackendFailure) -> BackendAnswer<AddressRefusal?> {
    BackendAnswer((try? AccountAddress(text: human)) == nil ? AddressRefusal("no address") : nil)
  }
}

/// JSON text as a value, for comparisons that do not depend on the order of members.
func json(_ text: String) throws -> JSONValue { try JSONValue(decoding: [UInt8](text.utf8)) }
