import CAllocations
import Contracts
import Foundation
import Ledger
import LedgerService
import LightClients
import Messages
import Persistence
import StateTree

/// What blocks of executions cost.
struct BlockCost: Codable {
  let store: String
  let executions: Int
  let messagesInTransaction: Int
  /// A second of wall time, with everything: admission, proposal, execution, commit.
  let perSecond: Double
  /// A second of wall time from proposal to commit.
  let perSecondCommitted: Double
  /// Wall time of a block from proposal to commit, in milliseconds.
  let blockP50: Double
  let blockP99: Double
  /// A second of CPU time, with everything, and from proposal to commit.
  let perCPUSecond: Double
  let perCPUSecondCommitted: Double
  /// CPU time of an execution by stage, in microseconds.
  let stages: [String: Double]
  let allocations: Double
  let gas: Double
}

/// Blocks full of executions of a pinned counter.
struct LedgerLoad {
  let executions: Int
  let block: Int
  let messages: Int
  private var world: LedgerWorld
  private var clock = LedgerWorld.start
  private var stages: [(name: String, seconds: Double)] = []
  private var admission = 0.0
  private var blocks: [Double] = []
  private var allocations: UInt64 = 0
  private var gas: UInt64 = 0
  private var counts = false

  init(executions: Int, block: Int, messages: Int, world: LedgerWorld) {
    self.executions = executions
    self.block = block
    self.messages = messages
    self.world = world
  }

  private mutating func tick() throws -> CometBFT.Timestamp {
    clock += 1
    return try CometBFT.Timestamp(seconds: clock)
  }

  /// Runs `step` for the blocks that store, make and pin the counter, and for those that are measured.
  private mutating func run(
    _ store: String, counter: [UInt8], check: (AccountAddress, Int) async throws -> Void,
    step: (inout LedgerLoad, [[UInt8]]) async throws -> CommittedBlock
  ) async throws -> BlockCost {
    let stored = try await step(
      &self, [try world.first { .storeCode(sender: $0, code: counter, permission: nil) }])
    guard case .storeCode(let code, _) = try answer(stored) else { throw LoadError.setup("store") }
    let made = try await step(
      &self,
      [
        try world.first {
          .instantiate(
            sender: $0, admin: nil, codeID: code, label: "counter", message: [UInt8]("{}".utf8), funds: [])
        }
      ])
    guard case .instantiate(let contract, _) = try answer(made) else { throw LoadError.setup("instantiate") }
    _ = try await step(&self, [try world.first { .pinCodes(authority: $0, codeIDs: [code]) }])
    // Once around, so that no first writes are measured.
    let warm = try world.executions(
      max(world.users.count, block / messages), messages: messages, of: contract)
    _ = try await step(&self, warm)
    var done = 0
    counts = true
    while done < executions {
      let count = min(block, executions - done) / messages
      let committed = try await step(&self, try world.executions(count, messages: messages, of: contract))
      gas += committed.outcome.results.reduce(0) { $0 + $1.gasUsed }
      done += count * messages
    }
    try await check(contract, done + warm.count * messages)
    blocks.sort()
    let seconds = blocks.reduce(0, +)
    let cpu = stages.reduce(0) { $0 + $1.seconds }
    let admitted = stages.first { $0.name == "admit" }?.seconds ?? 0
    return BlockCost(
      store: store, executions: done, messagesInTransaction: messages,
      perSecond: Double(done) / (seconds + admission),
      perSecondCommitted: Double(done) / seconds, blockP50: blocks[blocks.count / 2] * 1e3,
      blockP99: blocks[min(blocks.count - 1, blocks.count * 99 / 100)] * 1e3,
      perCPUSecond: Double(done) / cpu, perCPUSecondCommitted: Double(done) / (cpu - admitted),
      stages: Dictionary(uniqueKeysWithValues: stages.map { ($0.name, $0.seconds * 1e6 / Double(done)) }),
      allocations: Double(allocations) / Double(done), gas: Double(gas) / Double(done))
  }

  private func answer(_ block: CommittedBlock) throws -> WasmAnswer {
    guard let answer = try TransactionAnswers(decoding: block.outcome.results[0].payload).answers.first else {
      throw LoadError.setup("no answer")
    }
    return try WasmAnswer(decoding: answer)
  }

  /// The counter must have counted every execution: a rate of refusals would be none.
  private static func check(_ bytes: [UInt8]?, _ expected: Int) throws {
    let text = bytes.map { String(decoding: $0, as: UTF8.self) } ?? "nothing"
    guard text.contains("\"count\":\(expected)}") else {
      throw LoadError.refused("the counter says \(text), not \(expected)")
    }
  }

  private static func question(_ contract: AccountAddress) -> ContractQuery {
    .smartContractState(contract, message: [UInt8](#"{"count":{}}"#.utf8))
  }

  private static func checked(_ committed: CommittedBlock, _ count: Int) throws -> CommittedBlock {
    if let refused = committed.outcome.results.first(where: { !$0.succeeded }) {
      throw LoadError.refused(refused.log)
    }
    guard committed.outcome.results.count == count else {
      throw LoadError.refused("transactions are missing")
    }
    return committed
  }

  // MARK: A chain

  mutating func run<Store: StateStore>(over store: Store, _ name: String, counter: [UInt8]) async throws
    -> BlockCost
  {
    let chain = Chain(
      try LedgerChain(genesis: world.genesis, host: world.host, programs: world.programs, store: store))
    return try await run(name, counter: counter) { contract, expected in
      let query = Self.question(contract)
      let answer = try chain.value.query(path: query.path, request: query.request).value
      try Self.check(try ContractAnswers.bytes(answer), expected)
    } step: { load, transactions in
      try load.step(&chain.value, transactions)
    }
  }

  /// A box: two closures use the chain.
  private final class Chain<Store: StateStore> {
    var value: LedgerChain<Store>
    init(_ value: LedgerChain<Store>) { self.value = value }
  }

  private mutating func step<Store: StateStore>(
    _ chain: inout LedgerChain<Store>, _ transactions: [[UInt8]]
  ) throws -> CommittedBlock {
    let now = try tick()
    let before = causeway_allocation_count()
    var start = ContinuousClock.now
    try measure("admit") { for transaction in transactions { _ = try chain.submit(transaction) } }
    let admitted = Sampling.nanoseconds(since: start) / 1e9
    start = ContinuousClock.now
    let block = try measure("propose") { try chain.propose() }
    let outcome = try measure("execute") { try chain.execute(block) }
    let world = world
    let committed = try measure("commit") {
      let votes = try world.votes(for: try block.voteRequests(chain.tip, rules: chain.rules, now: now))
      return try chain.commit(block, votes: votes, outcome: outcome)
    }
    took(admitted, Sampling.nanoseconds(since: start) / 1e9, causeway_allocation_count() - before)
    return try Self.checked(committed, transactions.count)
  }

  // MARK: The service

  mutating func run(in directory: String, counter: [UInt8]) async throws -> BlockCost {
    let domain = try EmbeddedDomain(
      directory: directory, genesis: world.genesis, host: world.host, programs: world.programs,
      signer: LedgerWorld.Signer(world: world))
    return try await run("a domain's service, SQLite", counter: counter) { contract, expected in
      let query = Self.question(contract)
      let answer = try await domain.query(path: query.path, request: query.request).value
      try Self.check(try ContractAnswers.bytes(answer), expected)
    } step: { load, transactions in
      try await load.step(domain, transactions)
    }
  }

  private mutating func step(_ domain: EmbeddedDomain, _ transactions: [[UInt8]]) async throws
    -> CommittedBlock
  {
    let now = try tick()
    let before = causeway_allocation_count()
    var (start, cpu) = (ContinuousClock.now, Self.cpuSeconds())
    for transaction in transactions { try await domain.submit(transaction) }
    let admitted = Sampling.nanoseconds(since: start) / 1e9
    add("admit", Self.cpuSeconds() - cpu)
    (start, cpu) = (ContinuousClock.now, Self.cpuSeconds())
    let committed = try await domain.produceBlock(now: now)
    add("block", Self.cpuSeconds() - cpu)
    took(admitted, Sampling.nanoseconds(since: start) / 1e9, causeway_allocation_count() - before)
    return try Self.checked(committed, transactions.count)
  }

  // MARK: Clocks

  private static func cpuSeconds() -> Double { Sampling.cpuNanoseconds() / 1e9 }

  private mutating func measure<Value>(_ stage: String, _ body: () throws -> Value) rethrows -> Value {
    let start = Self.cpuSeconds()
    let value = try body()
    add(stage, Self.cpuSeconds() - start)
    return value
  }

  private mutating func add(_ stage: String, _ spent: Double) {
    guard counts else { return }
    if let index = stages.firstIndex(where: { $0.name == stage }) {
      stages[index].seconds += spent
    } else {
      stages.append((stage, spent))
    }
  }

  private mutating func took(_ admitted: Double, _ block: Double, _ allocated: UInt64) {
    guard counts else { return }
    admission += admitted
    blocks.append(block)
    allocations += allocated
  }
}
