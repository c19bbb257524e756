import Foundation
import Ledger
import LedgerService
import LightClients
import StateTree

/// CPU time of the process and wall time, summed up by stage.
struct StageTimes {
  private(set) var order: [String] = []
  private var seconds: [String: Double] = [:]
  private(set) var wallSeconds = 0.0

  static func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  mutating func measure<Value>(_ stage: String, _ body: () throws -> Value) rethrows -> Value {
    let (start, wall) = (Self.cpuSeconds(), ContinuousClock.now)
    let value = try body()
    add(stage, Self.cpuSeconds() - start, wall)
    return value
  }

  mutating func add(_ stage: String, _ spent: Double, _ wall: ContinuousClock.Instant) {
    if seconds[stage] == nil { order.append(stage) }
    seconds[stage, default: 0] += spent
    let elapsed = (ContinuousClock.now - wall).components
    wallSeconds += Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
  }

  func line(_ name: String, packets: Int) -> String {
    func micros(_ value: Double) -> String {
      String(repeating: " ", count: 1) + String(format: "%.0f", value * 1e6 / Double(packets))
    }
    let parts = order.map { "\($0)\(micros(seconds[$0] ?? 0))" }.joined(separator: ", ")
    return
      "  \(name): \(micros(seconds.values.reduce(0, +))) µs CPU a packet (\(parts)); wall\(micros(wallSeconds))"
  }
}

/// One run: as many packets sent, settled and brought.
struct Load {
  let crossings: Int
  let block: Int
  let batch: Int
  private var world: World
  private var times: [String: StageTimes] = [:]
  private var clock = World.start

  init(crossings: Int, block: Int, batch: Int) throws {
    (self.crossings, self.block, self.batch) = (crossings, block, batch)
    world = try World(users: 50)
  }

  private mutating func tick() throws -> CometBFT.Timestamp {
    clock += 1
    return try CometBFT.Timestamp(seconds: clock)
  }

  private static func residentBytes() -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(getpagesize())
  }

  // MARK: A chain

  mutating func run<Store: StateStore>(over store: Store) throws {
    print("\(Store.self)")
    var chain = try LedgerChain(genesis: world.genesis, host: try world.host, store: store)
    try step(&chain, [try world.connecting()], "setup")
    var done = 0
    while done < crossings {
      let count = min(block, crossings - done)
      let (transactions, packets) = try world.sends(count, at: clock)
      try step(&chain, transactions, "send")
      try step(&chain, try world.settlements(packets, batch: batch, at: clock), "acknowledge")
      try step(&chain, try world.arrivals(count, batch: batch, at: clock), "receive")
      done += count
      try report(done)
    }
    summary()
  }

  private mutating func step<Store: StateStore>(
    _ chain: inout LedgerChain<Store>, _ transactions: [[UInt8]], _ kind: String
  ) throws {
    var stage = times[kind] ?? StageTimes()
    try stage.measure("check") { for transaction in transactions { _ = try chain.submit(transaction) } }
    let block = try stage.measure("propose") { try chain.propose() }
    let now = try tick()
    let requests = try block.voteRequests(chain.tip, rules: chain.rules, now: now)
    let votes = try world.votes(for: requests)
    let outcome = try stage.measure("execute") { try chain.execute(block) }
    let committed = try stage.measure("commit") { try chain.commit(block, votes: votes, outcome: outcome) }
    times[kind] = stage
    try Self.check(committed, transactions.count)
  }

  private static func check(_ committed: CommittedBlock, _ count: Int) throws {
    if let refused = committed.outcome.results.first(where: { !$0.succeeded }) {
      throw LoadError.refused(refused.log)
    }
    guard committed.outcome.results.count == count else { throw LoadError.refused("missing") }
  }

  // MARK: The service

  mutating func run(in directory: String) async throws {
    print("EmbeddedDomain")
    let domain = try EmbeddedDomain(
      directory: directory, genesis: world.genesis, host: try world.host, signer: Signer(world: world))
    try await step(domain, [try world.connecting()], "setup")
    var done = 0
    while done < crossings {
      let count = min(block, crossings - done)
      let (transactions, packets) = try world.sends(count, at: clock)
      try await step(domain, transactions, "send")
      try await step(domain, try world.settlements(packets, batch: batch, at: clock), "acknowledge")
      try await step(domain, try world.arrivals(count, batch: batch, at: clock), "receive")
      done += count
      try report(done)
    }
    summary()
  }

  private mutating func step(_ domain: EmbeddedDomain, _ transactions: [[UInt8]], _ kind: String) async throws
  {
    var stage = times[kind] ?? StageTimes()
    var (start, wall) = (StageTimes.cpuSeconds(), ContinuousClock.now)
    for transaction in transactions { try await domain.submit(transaction) }
    stage.add("check", StageTimes.cpuSeconds() - start, wall)
    let now = try tick()
    (start, wall) = (StageTimes.cpuSeconds(), ContinuousClock.now)
    let committed = try await domain.produceBlock(now: now)
    stage.add("block", StageTimes.cpuSeconds() - start, wall)
    times[kind] = stage
    try Self.check(committed, transactions.count)
  }

  struct Signer: VoteSigning {
    let world: World

    func votes(for requests: [VoteRequest]) async throws(VoteSigningError) -> [CometBFT.CommitVote] {
      do { return try world.votes(for: requests) } catch { throw .unavailable }
    }
  }

  // MARK: Output

  private func report(_ done: Int) throws {
    guard done % max(block, crossings / 5 / block * block) == 0 else { return }
    print("  after \(done): \(Self.residentBytes() >> 20) MiB resident")
  }

  private func summary() {
    for kind in ["send", "receive", "acknowledge"] {
      if let stage = times[kind] { print(stage.line(kind, packets: crossings)) }
    }
  }
}
