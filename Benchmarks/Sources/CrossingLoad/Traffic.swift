import ChainAccess
import Devnet
import Foundation
import Ledger
import LedgerService
import LightClients
import Messages
import PacketHost
import RelayEngine
import Synchronization
import WireBytes

/// Users of both domains, and who watches what becomes of their packets.
final class Traffic: Sendable {
  enum Kind: String, Sendable {
    case transfer, call
  }

  /// One user on one domain.
  private struct Route: Sendable {
    let messages: CrossingMessages
    let sender: AccountSender
    let from: AccountAddress
    let to: AccountAddress
  }

  /// Transactions of one user that are being handed over at once.
  private static let linesPerUser = 2
  private static let patience = Duration.seconds(60)

  private let network: Network
  private let lane: Network.Lane
  private let routes: [Route]
  private let accesses: [EmbeddedAccess]
  private let inFlight: Int
  private let state: Mutex<State>

  init(_ devnet: Devnet, inFlight: Int) async throws {
    guard let network = await devnet.network, let lane = network.lane(.attested) else {
      throw LoadError.notReady
    }
    (self.network, self.lane, self.inFlight) = (network, lane, inFlight)
    accesses = [devnet.harbor, devnet.island]
    var routes: [Route] = []
    for domain in network.domains {
      for (index, user) in network.users.enumerated() {
        guard let sender = await devnet.sender(user, on: domain.name),
          let to = network.accounts[network.users[(index + 1) % network.users.count]]
        else { throw LoadError.notReady }
        routes.append(
          Route(
            messages: CrossingMessages(network, lane: lane, from: domain), sender: sender,
            from: sender.address, to: to))
      }
    }
    self.routes = routes
    state = Mutex(State(users: Set(routes.map(\.from.text))))
  }

  // MARK: Sending

  /// Sends so many, and returns when all have settled.
  func run(_ kind: Kind, _ count: Int) async throws -> Run {
    let cpu = Process.cpuSeconds()
    state.withLock { $0.begin(count) }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      for route in routes {
        for _ in 0..<Self.linesPerUser {
          group.addTask { try await self.send(kind, by: route) }
        }
      }
      group.addTask { try await self.settle() }
      do { try await group.waitForAll() } catch {
        group.cancelAll()
        throw error
      }
      return state.withLock { $0.run(cpuSeconds: Process.cpuSeconds() - cpu) }
    }
  }

  private func send(_ kind: Kind, by route: Route) async throws {
    while let number = try await turn() {
      let payloads: [Payload]
      switch kind {
      case .transfer:
        payloads = [
          try route.messages.transfer(
            UInt256(UInt64(1 + number % 5)), of: TokenPath(route.messages.origin.feeDenom.text),
            from: route.from, to: route.to)
        ]
      case .call:
        payloads = try route.messages.call(
          CounterProgram().address, input: [UInt8](#"{"add":{"by":1}}"#.utf8), gasLimit: 200_000,
          by: route.from)
      }
      let deadline = UnixTime(seconds: UInt64(max(0, EmbeddedDomain.wallClock().seconds)) + 7_200)
      let message = LedgerMessage.sendPacket(
        over: route.messages.sourceClient, timeout: deadline, payloads: payloads, signer: route.from)
      _ = try await route.sender.submit([message], gasLimit: CrossingMessages.gasLimit(payloads))
    }
  }

  /// The number of the next crossing when there is room for it; nil when all are sent.
  private func turn() async throws -> Int? {
    while true {
      let turn = state.withLock { $0.turn(inFlight) }
      switch turn {
      case .send(let number): return number
      case .done: return nil
      case .wait: try await Task.sleep(for: .milliseconds(5))
      }
    }
  }

  private func settle() async throws {
    let clock = ContinuousClock()
    var (seen, since, told) = (0, clock.now, clock.now)
    while true {
      let (settled, count, failure) = state.withLock { ($0.settled, $0.count, $0.failure) }
      if let failure { throw failure }
      if settled == count { return }
      if settled != seen { (seen, since) = (settled, clock.now) }
      if clock.now - since > Self.patience { throw LoadError.stuck(settled: settled, of: count) }
      if clock.now - told > .seconds(10) {
        told = clock.now
        Log.line("  \(settled) of \(count) settled")
      }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  // MARK: Watching

  /// Reads every block of both domains until its task is cancelled.
  func follow() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, access) in accesses.enumerated() {
        let client = lane.client(on: network.domains[index].name)?.text
        group.addTask {
          var height = try await access.head().height
          while true {
            let head = try await access.head(above: height, patience: .seconds(5))
            while height < head.height {
              height += 1
              let block = try await access.block(at: height)
              self.state.withLock { $0.take(block, index, client) }
            }
            try Task.checkCancellation()
          }
        }
      }
      try await group.waitForAll()
    }
  }

  // MARK: Memory

  func beginMemory() {
    state.withLock {
      $0.memory = [Memory(crossings: 0, residentBytes: Process.residentBytes())]
      $0.measured = 0
    }
  }
  var memory: [Memory] { state.withLock { $0.memory } }
}

struct Memory: Sendable {
  let crossings: Int
  let residentBytes: Int
  /// Crossings after which it is read.
  static let marks: Set<Int> = [10_000, 50_000, 100_000, 200_000]
}

/// What one run has seen.
struct Run: Sendable {
  struct Moment: Sendable {
    let height: UInt64
    let time: Duration
  }

  let count: Int
  let wallSeconds: Double
  let cpuSeconds: Double
  /// Blocks of the origin from the one that sent to the one that proves the ending; ascending.
  let latencies: [UInt64]
  /// Milliseconds between those blocks; ascending.
  let milliseconds: [Double]
  /// Crossings that are looked up in the relayer's records: the origin's number, and the sequence.
  let samples: [(origin: Int, sequence: UInt64)]
  /// Blocks of each domain, ascending.
  let blocks: [[Moment]]
}

extension Traffic {
  /// What the watchers know. Each origin's packets go by their sequence: the lane is the only one with traffic.
  private struct State {
    let users: Set<String>

    enum Turn {
      case send(Int)
      case wait, done
    }

    private static let samplesMax = 2_000

    private(set) var count = 0
    private var issued = 0
    private(set) var settled = 0
    private(set) var failure: LoadError?
    private var open: [[UInt64: Run.Moment]] = [[:], [:]]
    /// Ended in the newest block, which the next header proves.
    private var ending: [[(sequence: UInt64, sent: Run.Moment)]] = [[], []]
    private var first: ContinuousClock.Instant?
    private var last: ContinuousClock.Instant?
    private var latencies: [UInt64] = []
    private var milliseconds: [Double] = []
    private var samples: [(origin: Int, sequence: UInt64)] = []
    private var blocks: [[Run.Moment]] = [[], []]
    var memory: [Memory] = []
    var measured = 0

    init(users: Set<String>) { self.users = users }

    mutating func begin(_ count: Int) {
      self.count = count
      (issued, settled, first, last) = (0, 0, nil, nil)
      (latencies, milliseconds, samples, blocks) = ([], [], [], [[], []])
    }

    mutating func turn(_ max: Int) -> Turn {
      guard issued < count, failure == nil else { return .done }
      guard issued - settled < max else { return .wait }
      if first == nil { first = .now }
      issued += 1
      return .send(issued)
    }

    mutating func take(_ block: ObservedBlock, _ domain: Int, _ client: String) {
      let now = Run.Moment(height: block.height, time: block.time.sinceEpoch)
      blocks[domain].append(now)
      for (sequence, sent) in ending[domain] { settle(sequence, sent, now, domain) }
      ending[domain] = []
      var timedOut = 0
      for transaction in block.transactions {
        guard transaction.result.succeeded else {
          // A relayer's transaction may be refused; one of a user never is.
          let payer = transaction.result.events.first { $0.type == "tx" }?.value("fee_payer")
          if payer.map({ users.contains($0) }) ?? true { failure = .refused(log: transaction.result.log) }
          continue
        }
        for event in transaction.result.events {
          switch event.type {
          case "send_packet":
            if let sequence = Self.sequence(event, client) { open[domain][sequence] = now }
          case "acknowledge_packet":
            guard let sequence = Self.sequence(event, client),
              let sent = open[domain].removeValue(forKey: sequence)
            else { continue }
            ending[domain].append((sequence, sent))
          case "timeout_packet": timedOut += 1
          default: continue
          }
        }
      }
      if timedOut > 0 { failure = .timedOut(count: timedOut) }
    }

    private static func sequence(_ event: Event, _ client: String) -> UInt64? {
      guard event.value("packet_source_client") == client else { return nil }
      return event.value("packet_sequence").flatMap { UInt64($0) }
    }

    private mutating func settle(
      _ sequence: UInt64, _ sent: Run.Moment, _ now: Run.Moment, _ domain: Int
    ) {
      settled += 1
      measured += 1
      last = .now
      latencies.append(now.height - sent.height)
      milliseconds.append((now.time - sent.time) / .milliseconds(1))
      if settled % max(1, count / Self.samplesMax) == 0 { samples.append((domain, sequence)) }
      if Memory.marks.contains(measured), !memory.isEmpty {
        memory.append(Memory(crossings: measured, residentBytes: Process.residentBytes()))
      }
    }

    func run(cpuSeconds: Double) -> Run {
      let wall = first.flatMap { first in last.map { ($0 - first) / .seconds(1) } } ?? 0
      return Run(
        count: settled, wallSeconds: wall, cpuSeconds: cpuSeconds, latencies: latencies.sorted(),
        milliseconds: milliseconds.sorted(), samples: samples, blocks: blocks)
    }
  }
}
