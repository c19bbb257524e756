import Digests
import Encodings
public import Ledger
import LightClients
import MerkleProofs
public import Messages
import PacketHost
public import WireBytes

// What agents ask about packets, clients and accounts.

extension EVMDomainAccess {
  // MARK: Packets

  /// ERC-7201 `ibc.storage.IBCStore`, field 1: the last sequence that each client has sent.
  private static let lastSequenceSlot =
    UInt256(bigEndian: PacketPath.evmStoreSlot).addingReportingOverflow(.one).partialValue.bigEndian

  private static let sequenceView = "getNextSequenceSend(string)"

  /// The sequence that `client` sends next, in the state of `version`; 1 before the first.
  public func nextSequence(of client: ClientID, at version: UInt64) async throws(AccessError) -> UInt64 {
    let last = try await lastSequence(of: client, at: try await header(at: version))
    guard last < .max else { throw .malformed }
    return last + 1
  }

  /// The last sequence that `client` has sent, in the state after a block; 0 for none.
  private func lastSequence(of client: ClientID, at header: EVMHeader) async throws(AccessError) -> UInt64 {
    let router = router
    if !endpoint.isMissing(Self.sequenceView) {
      // This project's router tells; where it keeps the number is its own affair.
      let call = EVMCall(
        to: router, input: EVMRouterCall.Functions.getNextSequenceSend.encoded([.string(client.text)]))
      let answers = try await pinned(to: header) { block in
        [EVMRequest("eth_call", [Self.json(call, from: nil), block])]
      }
      let answer = try Self.answer(answers[0], at: header.number)
      if case .reverted(let revert) = answer, revert.name == "IBCClientNotFound" { return 0 }
      if case .returned(let bytes) = answer, bytes.count == 32 {
        guard let next = try UInt256(bigEndian: Self.word(bytes)).asUInt64 else { throw .malformed }
        return next == 0 ? 0 : next - 1
      }
      // A router of Eureka has no such view, and the last sequence in its storage.
      endpoint.note(missing: Self.sequenceView)
    }
    let slot = Keccak256.hash(client.bytes + Self.lastSequenceSlot.array)
    let word = try await storage([slot], at: header)[0]
    guard let last = UInt256(bigEndian: word).asUInt64 else { throw .malformed }
    return last
  }

  private static func word(_ bytes: [UInt8]) throws(AccessError) -> Bytes32 {
    do { return try Bytes32(bytes) } catch { throw .malformed }
  }

  /// Sequences whose slots are read in one go.
  private static let sweepMax: UInt64 = 1_024

  public func packets(
    _ kind: PacketPath.Kind, of client: ClientID, after last: Messages.Sequence?, limit: Int,
    at version: UInt64
  ) async throws(AccessError) -> [LedgerQueries.PacketEntry] {
    guard kind != .receipt, limit > 0 else { return [] }
    let header = try await header(at: version)
    var entries: [LedgerQueries.PacketEntry] = []
    func read(_ sequences: [Messages.Sequence]) async throws(AccessError) {
      let words = try await storage(
        sequences.map { PacketPath(kind, client: client, sequence: $0).evmSlot }, at: header)
      for (sequence, word) in zip(sequences, words) where !word.isZero && entries.count < limit {
        entries.append(LedgerQueries.PacketEntry(sequence: sequence, commitment: word))
      }
    }
    switch kind {
    case .commitment:
      let end = try await lastSequence(of: client, at: header)
      var next = last.map { $0.rawValue } ?? 0
      while next < end, entries.count < limit {
        let count = min(Self.sweepMax, end - next)
        try await read((1...count).compactMap { Messages.Sequence(next + $0) })
        next += count
      }
    case .acknowledgement, .receipt:
      // Which were received is in no one slot: the router's logs tell, and the storage is what counts.
      let filter = EVMLogFilter(
        address: router, topics: [EVMEvents.topics(.answered), [ABI.eventTopic(client.text)]])
      let logs = try await scan.newest(
        filter, from: configuration.firstHeight, to: version, limit: .max, through: endpoint)
      let told = Set(
        logs.compactMap { $0.log.topics.count == 3 ? UInt256(bigEndian: $0.log.topics[2]).asUInt64 : nil })
      let wanted = told.filter { $0 > last?.rawValue ?? 0 }.sorted().compactMap { Messages.Sequence($0) }
      var first = 0
      while first < wanted.count, entries.count < limit {
        let part = wanted[first..<min(first + Int(Self.sweepMax), wanted.count)]
        try await read(Array(part))
        first = part.endIndex
      }
    }
    return entries
  }

  /// Found by the topics of the router's logs; each is then read from its block, whose receipts prove it, so that logs
  /// alone are not believed.
  public func packetTransactions(
    _ step: PacketStep, client: ClientID, sequence: Messages.Sequence, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction] {
    guard limit > 0 else { return [] }
    let newest = try await head().height
    let filter = EVMLogFilter(
      address: router,
      topics: [
        EVMEvents.topics(step), [ABI.eventTopic(client.text)], [UInt256(sequence.rawValue).bigEndian],
      ])
    let logs = try await scan.newest(
      filter, from: min(configuration.firstHeight, newest), to: newest, limit: limit, through: endpoint)
    var found: [ObservedTransaction] = []
    for log in logs where !found.contains(where: { $0.hash == log.transaction }) {
      let block = try await block(at: log.height)
      // Rolled back since the search: it is no longer there to be told.
      guard block.hash == log.block else { continue }
      guard let transaction = block.transactions.first(where: { $0.hash == log.transaction }) else {
        throw .unproven
      }
      found.append(transaction)
    }
    return found
  }

  // MARK: Clients

  public func client(_ id: ClientID) async throws(AccessError) -> ClientView? {
    let newest = try await newestHeader()
    let router = router
    func ask(_ calls: [(Bytes20, [UInt8])]) async throws(AccessError) -> [EVMCallAnswer] {
      let answers = try await pinned(to: newest) { block in
        calls.map {
          EVMRequest("eth_call", [Self.json(EVMCall(to: $0.0, input: $0.1), from: nil), block])
        }
      }
      var read: [EVMCallAnswer] = []
      for answer in answers { read.append(try Self.answer(answer, at: newest.number)) }
      return read
    }
    typealias Functions = EVMRouterCall.Functions
    let of = try await ask([
      (router, Functions.getClient.encoded([.string(id.text)])),
      (router, Functions.getCounterparty.encoded([.string(id.text)])),
    ])
    guard case .returned(let target) = of[0] else { return nil }
    guard case .address(let address)? = try? ABI.decode(target, as: [.address]).first else {
      throw .malformed
    }
    if address.isZero { return nil }
    var counterparty: ClientID?
    if case .returned(let bytes) = of[1],
      case .tuple(let members)? = try? ABI.decode(bytes, as: [.tuple([.string, .array(.bytes)])]).first,
      case .string(let text) = members[0]
    {
      counterparty = try? ClientID(text)
    }
    let said = try await ask([
      (address, Functions.clientLatest.encoded([])), (address, Functions.clientStatus.encoded([])),
      (address, Functions.clientPolicy.encoded([])), (address, Functions.getClientState.encoded([])),
    ])
    if case .returned(let bytes) = said[0], let latest = Self.latest(bytes) {
      return ClientView(
        id: id, latest: latest.0.number == 0 ? nil : latest, status: Self.status(said[1], latest),
        counterparty: counterparty, policy: Self.text(said[2]))
    }
    // A client of Eureka: (address[] attestors, uint8 minimum, uint64 latest, bool frozen).
    let state: [ABIType] = [.tuple([.array(.address), .uint(8), .uint(64), .boolean])]
    guard case .returned(let bytes) = said[3],
      case .tuple(let members)? = try? ABI.decode(bytes, as: state).first,
      case .uint(let wide) = members[2], let height = wide.asUInt64, case .boolean(let isFrozen) = members[3]
    else {
      return ClientView(id: id, latest: nil, status: .active, counterparty: counterparty, policy: nil)
    }
    let times = try await ask([(address, Functions.getConsensusTimestamp.encoded([.uint(height)]))])
    var latest: (Height, UnixTime)?
    if case .returned(let bytes) = times[0], let word = try? Bytes32(bytes),
      let seconds = UInt256(bigEndian: word).asUInt64
    {
      latest = (Height(height), UnixTime(seconds: seconds))
    }
    return ClientView(
      id: id, latest: latest, status: isFrozen ? .frozen(Height(height)) : .active,
      counterparty: counterparty,
      policy: nil)
  }

  private static func latest(_ bytes: [UInt8]) -> (Height, UnixTime)? {
    let types: [ABIType] = [.uint(64), .uint(64), .uint(64)]
    guard let values = try? ABI.decode(bytes, as: types) else { return nil }
    let numbers = values.compactMap { if case .uint(let wide) = $0 { wide.asUInt64 } else { nil } }
    guard numbers.count == 3 else { return nil }
    return (Height(revision: numbers[0], numbers[1]), UnixTime(seconds: numbers[2]))
  }

  /// 0 active, 1 expired, 2 frozen.
  private static func status(_ answer: EVMCallAnswer, _ latest: (Height, UnixTime)) -> ClientStatus {
    guard case .returned(let bytes) = answer,
      case .uint(let number)? = try? ABI.decode(bytes, as: [.uint(8)]).first
    else { return .active }
    return switch number.asUInt64 {
    case 1: .expired(at: latest.1)
    case 2: .frozen(latest.0)
    default: .active
    }
  }

  /// Text that a contract gives as `string` or as `bytes`, whose encodings are the same.
  private static func text(_ answer: EVMCallAnswer) -> String? {
    guard case .returned(let bytes) = answer,
      case .bytes(let text)? = try? ABI.decode(bytes, as: [.bytes]).first,
      !text.isEmpty
    else { return nil }
    return String(validating: text, as: UTF8.self)
  }

  func newestHeader() async throws(AccessError) -> EVMHeader {
    try await ensureChecked()
    return try EVMHeader(try await endpoint.call("eth_getBlockByNumber", ["latest", false]).get())
  }

  // MARK: Accounts

  /// The nonce of the account's next transaction, those that wait included; EVM accounts have no other number.
  public func account(_ address: AccountAddress) async throws(AccessError) -> AccountView? {
    guard let short = try? Bytes20(address.bytes) else { return nil }
    return AccountView(number: 0, sequence: try await transactionCount(of: short, isPending: true))
  }

  /// Tokens are contracts of their own, which no chain lists.
  public func balances(of address: AccountAddress) async throws(AccessError) -> [Coin] { throw .notSupported }
  public func supplies() async throws(AccessError) -> [Coin] { throw .notSupported }

  public func transactionCount(of account: Bytes20, isPending: Bool) async throws(AccessError) -> UInt64 {
    try await ensureChecked()
    return try EVMJSON.uint64(
      try await endpoint.call(
        "eth_getTransactionCount", [EVMJSON.text(account), isPending ? "pending" : "latest"]
      ).get())
  }

  public func balance(of account: Bytes20) async throws(AccessError) -> UInt256 {
    try await ensureChecked()
    return try EVMJSON.uint256(
      try await endpoint.call("eth_getBalance", [EVMJSON.text(account), "latest"]).get())
  }

  /// The code of a contract, now; empty where there is none.
  public func code(of account: Bytes20) async throws(AccessError) -> [UInt8] {
    try EVMJSON.bytes(try await endpoint.call("eth_getCode", [EVMJSON.text(account), "latest"]).get())
  }

  // MARK: Calls and fees

  public func call(
    _ call: EVMCall, from sender: Bytes20?, at height: UInt64?
  ) async throws(AccessError) -> EVMCallAnswer {
    try await ensureChecked()
    guard let height else { return try await self.call(call, from: sender, pin: .latest, height: 0) }
    let header = try await header(at: height)
    let answers = try await pinned(to: header) { block in
      [EVMRequest("eth_call", [Self.json(call, from: sender), block])]
    }
    return try Self.answer(answers[0], at: height)
  }

  public func estimateGas(_ call: EVMCall, from sender: Bytes20) async throws(AccessError) -> UInt64 {
    try await ensureChecked()
    let answer = try await endpoint.call("eth_estimateGas", [Self.json(call, from: sender)])
    if case .failure(.reverted(let bytes), let code, _) = answer {
      let revert = EVMRevert(bytes)
      throw .refused(code: revert.code, codespace: "evm", number: UInt32(clamping: code), log: revert.text)
    }
    if case .failure(let fault, let code, let message) = answer, let name = fault.refusal {
      throw .refused(code: name, codespace: "evm", number: UInt32(truncatingIfNeeded: code), log: message)
    }
    return try EVMJSON.uint64(try answer.get())
  }

  /// Blocks in one history, at most (the specification's limit).
  static let feeBlocksMax = 1_024

  public func feeHistory(blocks: Int, percentile: Int) async throws(AccessError) -> EVMFeeHistory {
    try await ensureChecked()
    let count = min(max(blocks, 1), Self.feeBlocksMax)
    let json = try await endpoint.call(
      "eth_feeHistory",
      [EVMJSON.quantity(UInt64(count)), "latest", [.number(String(min(max(percentile, 0), 100)))]]
    ).get()
    var baseFees: [UInt256] = []
    for fee in try EVMJSON.list(json["baseFeePerGas"], max: count + 1) {
      baseFees.append(try EVMJSON.uint256(fee))
    }
    var rewards: [UInt256] = []
    if let told = json["reward"], !told.isNull {
      for row in try EVMJSON.list(told, max: count) {
        guard let reward = try EVMJSON.list(row, max: 1).first else { throw .malformed }
        rewards.append(try EVMJSON.uint256(reward))
      }
    }
    var fullness: [Double] = []
    for ratio in try EVMJSON.list(json["gasUsedRatio"], max: count) {
      guard case .number(let text) = ratio, let value = Double(text), (0...1).contains(value) else {
        throw .malformed
      }
      fullness.append(value)
    }
    guard !baseFees.isEmpty else { throw .malformed }
    return EVMFeeHistory(baseFees: baseFees, rewards: rewards, fullness: fullness)
  }

  // MARK: Transactions

  public func submit(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32 {
    try await offer(transaction)
  }

  public func offer(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32 {
    try await ensureChecked()
    let answer = try await endpoint.call("eth_sendRawTransaction", [EVMJSON.text(transaction)])
    if case .failure(let fault, let code, let message) = answer, let name = fault.refusal {
      throw .refused(
        code: name, codespace: "evm", number: UInt32(truncatingIfNeeded: code),
        log: message)
    }
    let stated = try EVMJSON.hash(try answer.get())
    guard stated == hash(of: transaction) else { throw .unproven }
    return stated
  }

  public func receipt(of transaction: Bytes32) async throws(AccessError) -> EVMReceipt? {
    try await ensureChecked()
    let answer = try await endpoint.call("eth_getTransactionReceipt", [EVMJSON.text(transaction)])
    // Clients that still index say that they do not know yet.
    if answer.fault == .blockUnknown { return nil }
    let json = try answer.get()
    guard !json.isNull else { return nil }
    let receipt = try EVMReceipt(json)
    guard receipt.transaction == transaction else { throw .unproven }
    // Of a block that was rolled back, some clients keep the receipt.
    let header: EVMHeader
    do { header = try await self.header(at: receipt.height) } catch {
      if case .heightUnknown = error { return nil }
      throw error
    }
    return header.hash == receipt.block ? receipt : nil
  }

  public func knows(_ transaction: Bytes32) async throws(AccessError) -> Bool {
    try await ensureChecked()
    return try await !endpoint.call("eth_getTransactionByHash", [EVMJSON.text(transaction)]).get().isNull
  }

  public func transaction(_ hash: Bytes32) async throws(AccessError) -> ObservedTransaction? {
    guard let receipt = try await receipt(of: hash) else { return nil }
    return try await observed(hash, at: receipt.height)
  }

  /// Searches in CometBFT's grammar have no counterpart; see ``packetTransactions(of:limit:)``.
  public func transactions(
    matching query: String, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction] { throw .notSupported }
}
