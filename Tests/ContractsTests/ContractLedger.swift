import ContractHost
import Contracts
import Crypto
import Encodings
import Foundation
import Ledger
import LightClients
import Messages
import PacketHost
import StateTree
import TestSupport
import Testing
import WireBytes

/// An account with its key, for tests alone.
struct TestSigner: Sendable {
  private let key: Curve25519.Signing.PrivateKey
  let account: AccountKey

  init(_ seed: UInt8) throws {
    key = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: seed, count: 32))
    account = .ed25519(try Bytes32([UInt8](key.publicKey.rawRepresentation)))
  }

  var address: AccountAddress { account.address }

  var publicKey: Bytes32 {
    guard case .ed25519(let bytes) = account else { return Bytes32() }
    return bytes
  }

  func sign(_ message: [UInt8]) throws -> Bytes64 { try Bytes64([UInt8](key.signature(for: message))) }
}

/// A domain with contracts, funded accounts, and a validator whose key the test has.
struct ContractLedger {
  static let gas: UInt64 = 100_000_000

  let alice: TestSigner
  let bob: TestSigner
  let denom: Denom
  let validator: TestSigner
  let keeper: ContractKeeper
  var chain: LedgerChain<MemoryStateStore>
  private(set) var history: [CommittedBlock] = []

  init(
    _ name: String = "harbor-1", settings: ContractSettings? = nil, engine: ContractEngine? = nil
  ) throws {
    alice = try TestSigner(1)
    bob = try TestSigner(2)
    validator = try TestSigner(100)
    denom = try Denom("ucause")
    let domain = try DomainID("cosmos:\(name)")
    keeper = ContractKeeper(
      engine: try engine ?? TestEngine.engine(), domain: domain, programs: .standard,
      settings: settings ?? ContractSettings(authority: alice.address))
    chain = try Self.chain(name, keeper: keeper)
  }

  static func chain(
    _ name: String, keeper: ContractKeeper
  ) throws -> LedgerChain<MemoryStateStore> {
    let denom = try Denom("ucause")
    let programs = LedgerPrograms.standard.with(contracts: keeper)
    let validator = try TestSigner(100)
    let genesis = try Genesis(
      rules: try LedgerRules(chainID: name, feeDenom: denom, hasContracts: true),
      time: try CometBFT.Timestamp(seconds: 1_780_000_000, nanoseconds: 5),
      validators: [Genesis.Validator(name: "validator", publicKey: validator.publicKey, power: 10)],
      balances: try (1...3).map {
        Genesis.Balance(
          account: try TestSigner($0).address, coins: [Coin(UInt256(UInt64(1_000_000_000_000)), denom)])
      })
    return try LedgerChain(
      genesis: genesis, host: .ledger(domain: try DomainID("cosmos:\(name)"), programs: programs),
      programs: programs, store: MemoryStateStore())
  }

  var queries: LedgerQueries { LedgerQueries(chain.state) }

  func balance(_ account: AccountAddress, _ token: String = "ucause") throws -> UInt64? {
    try queries.balance(of: account, Denom(token)).asUInt64
  }

  func coin(_ amount: UInt64) -> Coin { Coin(UInt256(amount), denom) }

  func signed(_ messages: [LedgerMessage], by signer: TestSigner, gas: UInt64 = gas) throws -> [UInt8] {
    let account = try queries.account(signer.address)
    let unsigned = UnsignedTransaction(
      messages.map { $0.encoded() }, memo: "", timeoutHeight: 0, fee: [coin(gas / 1_000 + 1)], gasLimit: gas,
      key: signer.account, sequence: account?.sequence ?? 0, chainID: chain.rules.chainID,
      accountNumber: account?.number ?? 0)
    return unsigned.signed(try signer.sign(unsigned.signBytes).array)
  }

  /// Makes the next block.
  @discardableResult
  mutating func advance(_ transactions: [[UInt8]] = []) throws -> CommittedBlock {
    let block = try chain.propose(transactions)
    let outcome = try chain.execute(block)
    let now = try CometBFT.Timestamp(
      seconds: block.header.time.seconds + 1, nanoseconds: block.header.time.nanoseconds)
    let votes = try block.voteRequests(chain.tip, rules: chain.rules, now: now, choice: .block).map {
      $0.signed(try validator.sign($0.signBytes))
    }
    let committed = try chain.commit(block, votes: votes, outcome: outcome)
    history.append(committed)
    return committed
  }

  /// One transaction in a block of its own.
  @discardableResult
  mutating func run(
    _ messages: [LedgerMessage], by signer: TestSigner? = nil, gas: UInt64 = gas
  ) throws -> TransactionResult {
    try advance([try signed(messages, by: signer ?? alice, gas: gas)]).outcome.results[0]
  }

  @discardableResult
  mutating func run(
    _ message: WasmMessage, by signer: TestSigner? = nil, gas: UInt64 = gas
  ) throws -> TransactionResult {
    try run([message.ledgerMessage], by: signer, gas: gas)
  }

  // MARK: Contracts

  mutating func store(_ text: String, permission: AccessConfig? = nil) throws -> UInt64 {
    try store(wasm: TestEngine.assemble(text), permission: permission)
  }

  mutating func store(wasm: [UInt8], permission: AccessConfig? = nil) throws -> UInt64 {
    let result = try run(.storeCode(sender: alice.address, code: wasm, permission: permission))
    guard case .storeCode(let id, _) = try result.wasmAnswer else { throw TestFailure.answer(result.log) }
    return id
  }

  mutating func instantiate(
    _ code: UInt64, _ message: [UInt8] = Say.ok(), funds: [Coin] = [], admin: AccountAddress? = nil,
    label: String = "test"
  ) throws -> AccountAddress {
    let result = try run(
      .instantiate(
        sender: alice.address, admin: admin, codeID: code, label: label, message: message, funds: funds))
    guard case .instantiate(let contract, _) = try result.wasmAnswer else {
      throw TestFailure.answer(result.log)
    }
    return contract
  }

  /// Several puppets.
  mutating func puppets(_ count: Int, funds: UInt64 = 0) throws -> [AccountAddress] {
    let code = try store(WAT.puppet())
    return try (0..<count).map { _ in try instantiate(code, funds: funds > 0 ? [coin(funds)] : []) }
  }

  @discardableResult
  mutating func execute(
    _ contract: AccountAddress, _ message: [UInt8], funds: [Coin] = [], by signer: TestSigner? = nil,
    gas: UInt64 = gas
  ) throws -> TransactionResult {
    try run(
      .execute(
        sender: (signer ?? alice).address, contract: contract, message: message, funds: funds), by: signer,
      gas: gas)
  }

  /// Has a puppet ask the chain; gives the answer as it was told.
  mutating func ask(_ contract: AccountAddress, _ question: QueryRequest) throws -> JSONValue {
    try ask(contract, json: question.encoded())
  }

  mutating func ask(_ contract: AccountAddress, json question: [UInt8]) throws -> JSONValue {
    let result = try execute(contract, [0x5b, 0x5b] + question + [0x5d, 0x5d])
    guard result.succeeded else { throw TestFailure.answer(result.log) }
    return try Say.json(try stored(contract, "a") ?? [])
  }

  func stored(_ contract: AccountAddress, _ key: String) throws -> [UInt8]? {
    try chain.state.value(for: ContractKeys.storage(contract) + [UInt8](key.utf8))
  }

  /// A number that a puppet counts.
  func count(_ contract: AccountAddress, _ key: String) throws -> Int {
    guard let bytes = try stored(contract, key) else { return 0 }
    return bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  func query(_ query: ContractQuery) throws(QueryRefusal) -> [UInt8] {
    try chain.query(path: query.path, request: query.request).value
  }
}

enum TestFailure: Error { case answer(String), absent }

extension TransactionResult {
  /// The answer of the first message.
  var wasmAnswer: WasmAnswer {
    get throws {
      guard succeeded, let answer = try TransactionAnswers(decoding: payload).answers.first else {
        throw TestFailure.answer(log)
      }
      return try WasmAnswer(decoding: answer)
    }
  }

  /// Code space and number.
  var refusal: String { "\(codespace).\(code)" }

  /// What the contracts' part of the log says.
  func says(_ text: String) -> Bool { log.contains(text) }

  /// Events that contracts' rules are about, as `type(contract)`.
  func contractEvents(_ types: Set<String>) -> [String] {
    events.filter { types.contains($0.type) }.map { "\($0.type)(\($0.value("_contract_address") ?? ""))" }
  }
}
