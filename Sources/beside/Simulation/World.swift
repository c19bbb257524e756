import Digests
import Encodings
import Gate
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import RelayEngine
import StateTree
import WireBytes

/// Everything there is, at one moment of virtual time.
struct World: Sendable {
  /// Virtual time after the faults have stopped in which everything must end.
  static let healMilliseconds: UInt64 = 5_400_000
  /// When an operator looks at what is given up.
  static let operatorMilliseconds: UInt64 = 1_200_000
  static let notesMax = 60

  let simulation: Simulation
  let plan: FaultPlan
  let defect: Defect?
  var numbers: SeededNumbers
  var now: UInt64 = 0
  var queue = EventQueue()
  var step = 0
  var healedAt: UInt64?
  var domains: [DomainNode] = []
  var lanes: [SimulatedLane] = []
  var attesters: [AttesterNode] = []
  var relayers: [RelayerNode] = []
  var users: [SimulatedKey] = []
  let liar: SimulatedKey
  let creator: SimulatedKey
  var liarState = LiarState()
  var cuts: [(left: Party, right: Party, until: UInt64)] = []
  var checker = Checker()
  var hash = TraceHash()
  var notes: [String] = []
  var counts: [String: Int] = [:]
  var violation: Violation?
  /// Per thousand messages.
  var dropPermille = 0
  var repeatPermille = 0
  var latePermille = 0
  var finalLag: UInt64 = 0
  var nextTag = 0
  var rules = RelayRules()

  init(_ simulation: Simulation) throws {
    self.simulation = simulation
    plan = simulation.faults
    defect = simulation.defect
    numbers = SeededNumbers(seed: simulation.seed)
    liar = try SimulatedKey(seed: simulation.seed, "liar")
    creator = try SimulatedKey(seed: simulation.seed, "creator")
    try setUp()
  }

  var isHealed: Bool { healedAt != nil }

  // MARK: Books

  mutating func count(_ name: String, _ more: Int = 1) { counts[name, default: 0] += more }

  mutating func note(_ text: String) {
    if notes.count >= 2 * Self.notesMax { notes.removeFirst(Self.notesMax) }
    notes.append("\(now) \(text)")
  }

  mutating func violate(_ invariant: Invariant, _ text: String) {
    guard violation == nil else { return }
    violation = Violation(
      invariant: invariant, step: step, milliseconds: now, text: text, trace: notes.suffix(Self.notesMax))
  }

  // MARK: Network

  /// Sends over the network: it may be lost, come late, come twice.
  mutating func send(_ from: Party, _ to: Party, _ action: Action) {
    guard !isHealed else {
      queue.push(action, at: now + 10 + numbers.below(UInt64(40)))
      return
    }
    if isCut(from, to) {
      count("fault.partitioned")
      return
    }
    if numbers.chance(dropPermille) {
      count("fault.dropped")
      return
    }
    queue.push(action, at: now + delay())
    if numbers.chance(repeatPermille) {
      count("fault.duplicated")
      queue.push(action, at: now + delay())
    }
  }

  private mutating func delay() -> UInt64 {
    var delay = 20 + numbers.below(UInt64(180))
    if numbers.chance(latePermille) {
      count("fault.delayed")
      delay += numbers.below(UInt64(8_000))
    }
    return delay
  }

  func isCut(_ from: Party, _ to: Party) -> Bool {
    cuts.contains {
      $0.until > now && (($0.left == from && $0.right == to) || ($0.left == to && $0.right == from))
    }
  }

  // MARK: Running

  mutating func run() {
    do {
      begin()
      while violation == nil, let (time, action) = queue.pop() {
        now = max(now, time)
        step += 1
        hash.mix(now)
        hash.mix(action.word)
        try perform(action)
        if step == simulation.steps { try heal() }
        if let healedAt {
          if now - healedAt > Self.healMilliseconds {
            try judgeEnd(isFinished: false)
            break
          }
          if case .block = action, try isQuiet() {
            try judgeEnd(isFinished: true)
            break
          }
        }
      }
      for index in domains.indices {
        if let root = domains[index].chain?.tip.appHash { hash.mix(root) }
        hash.mix(domains[index].height)
      }
    } catch {
      violate(.unexpectedFailure, "\(error)")
    }
  }

  private mutating func begin() {
    for domain in domains.indices { queue.push(.block(domain), at: now + numbers.below(UInt64(1_000))) }
    for relayer in relayers.indices { startRelayer(relayer) }
    queue.push(.work, at: now + 500)
    if plan != .none { queue.push(.mischief, at: now + 3_000) }
    if plan.contains(.liars) { queue.push(.lie, at: now + 8_000) }
    if simulation.steps == 0 { healedAt = now }
  }

  private mutating func perform(_ action: Action) throws {
    switch action {
    case .block(let domain): try makeBlock(domain)
    case .domainUp(let domain): try restartDomain(domain)
    case .relayerUp(let relayer): try restartRelayer(relayer)
    case .attesterUp(let attester): attesters[attester].restart()
    case .work:
      guard !isHealed else { return }
      try doWork()
      queue.push(.work, at: now + 200 + numbers.below(UInt64(1_400)))
    case .mischief:
      guard !isHealed else { return }
      doMischief()
      queue.push(.mischief, at: now + 2_000 + numbers.below(UInt64(6_000)))
    case .lie:
      guard !isHealed else { return }
      try tellLie()
      queue.push(.lie, at: now + 1_000 + numbers.below(UInt64(4_000)))
    case .watch(let lane): try watch(lane)
    case .transaction(let domain, let bytes, let source): try take(bytes, at: domain, from: source)
    case .query(let relayer, let incarnation, let domain, let query):
      guard domains[domain].chain != nil else { return }
      if let answer = try answer(query, at: domain, to: relayer) {
        send(.domain(domain), .relayer(relayer), .answer(relayer, incarnation: incarnation, answer))
      }
    case .answer(let relayer, let incarnation, let answer):
      guard isRunning(relayer, incarnation) else { return }
      try hear(answer, relayer)
    case .blockSeen(let relayer, let domain, let height, let hasEvents):
      guard relayers[relayer].engine != nil else { return }
      try seeBlock(relayer, domain, height, hasEvents: hasEvents)
    case .wake(let relayer, let incarnation):
      guard isRunning(relayer, incarnation), relayers[relayer].wakeAt.map({ $0 <= now }) ?? false else {
        return
      }
      relayers[relayer].wakeAt = nil
      try tell(relayer, .tick)
    case .asked(let attester, let relayer, let incarnation, let question):
      try ask(attester, question, for: relayer, incarnation)
    case .attested(let relayer, let incarnation, let statement, let batch):
      guard isRunning(relayer, incarnation) else { return }
      try collect(statement, for: batch, relayer)
    case .pendingCheck(let relayer, let incarnation, let hash):
      guard isRunning(relayer, incarnation) else { return }
      checkPending(relayer, hash)
    case .accountCheck(let relayer, let incarnation, let domain):
      guard isRunning(relayer, incarnation) else { return }
      askAccount(relayer, domain)
    case .lateFlush(let relayer, let incarnation):
      guard isRunning(relayer, incarnation) else { return }
      relayers[relayer].disk.flush()
    case .operatorClears:
      guard isHealed else { return }
      count("operator.cleared")
      for relayer in relayers.indices {
        for lane in lanes { try tell(relayer, .command(.clear(lane.laneEnd(0, domains)))) }
      }
      queue.push(.operatorClears, at: now + 300_000)
    }
  }

  private func isRunning(_ relayer: Int, _ incarnation: UInt64) -> Bool {
    relayers[relayer].engine != nil && relayers[relayer].incarnation == incarnation
  }

  /// All faults stop, and everybody who is down comes up.
  private mutating func heal() throws {
    guard healedAt == nil else { return }
    healedAt = now
    cuts = []
    note("healed")
    for domain in domains.indices where domains[domain].chain == nil { try restartDomain(domain) }
    for attester in attesters.indices where !attesters[attester].isUp { attesters[attester].restart() }
    for relayer in relayers.indices where relayers[relayer].engine == nil { try restartRelayer(relayer) }
    for lane in lanes where checker.deceived.contains(lane.index) {
      queue.push(.watch(lane: lane.index), at: now + 1_000)
    }
    queue.push(.operatorClears, at: now + Self.operatorMilliseconds)
  }

  // MARK: Blocks

  private mutating func makeBlock(_ domain: Int) throws {
    queue.push(.block(domain), at: now + domains[domain].blockInterval)
    guard domains[domain].chain != nil else { return }
    guard domains[domain].wantsBlock || now - domains[domain].lastBlockAt > 4_000 else { return }
    var crash: BlockCrash?
    if !isHealed, plan.contains(.domainCrashes), numbers.chance(12) {
      crash = numbers.pick(BlockCrash.allCases)
    }
    let torn = numbers.below(4_096)
    var signed: (height: UInt64, hash: Bytes32)?
    let production = try domains[domain].produce(now: now, crash: crash, torn: torn) { signed = ($0, $1) }
    if let signed { noteVote(domain, signed.height, signed.hash) }
    if case .decided(let committed) = production { try decided(committed, domain, isTold: crash == nil) }
    if let crash {
      count("fault.domainCrash.\(crash)")
      note("domain \(domain) crashes: \(crash)")
      queue.push(.domainUp(domain), at: now + 500 + numbers.below(UInt64(12_000)))
    }
  }

  mutating func restartDomain(_ domain: Int) throws {
    guard domains[domain].chain == nil else { return }
    let (replayed, torn) = try domains[domain].recover(forgetsBlock: defect == .blockForgotten)
    if torn > 0 { count("fault.tornWrite") }
    count("domain.restarted")
    note("domain \(domain) is back, replayed \(replayed.count)")
    for committed in replayed { try decided(committed, domain, isTold: true) }
  }

  private mutating func decided(_ committed: CommittedBlock, _ domain: Int, isTold: Bool) throws {
    let height = UInt64(committed.block.header.height)
    guard height == domains[domain].height + 1 else {
      try compare(committed, with: domain, at: height)
      return
    }
    domains[domain].lastBlockAt = now
    domains[domain].history.append(
      DecidedBlock(
        block: committed.block, commit: committed.commit, results: committed.outcome.results,
        hashes: committed.block.transactions.map { Transaction.hash(of: $0) }))
    count("block")
    hash.mix(committed.tip.appHash)
    try observe(domain, height)
    guard isTold else { return }
    for relayer in relayers.indices {
      var hasEvents = true
      if !isHealed, plan.contains(.lostEvents) {
        if numbers.chance(60) {
          count("fault.eventsLost")
          hasEvents = false
        }
        if numbers.chance(40) {
          count("fault.eventsRepeated")
          send(
            .domain(domain), .relayer(relayer),
            .blockSeen(relayer, domain: domain, height: height, hasEvents: true))
        }
      }
      send(
        .domain(domain), .relayer(relayer),
        .blockSeen(relayer, domain: domain, height: height, hasEvents: hasEvents))
    }
  }

  /// A transaction has come to a domain.
  private mutating func take(_ bytes: [UInt8], at domain: Int, from source: TransactionSource) throws {
    guard domains[domain].chain != nil else { return }
    let hash = Transaction.hash(of: bytes)
    var refusal: SubmissionRefusal?
    if domains[domain].chain?.mempool.contains(hash) != true {
      do { _ = try domains[domain].chain?.submit(bytes) } catch {
        guard case .refused(let reason) = error else { throw error }
        count("refused.check.\(reason.name)")
        checkTyped(reason.name)
        var isSequence = false
        if case .sequence = reason { isSequence = true }
        refusal = SubmissionRefusal(
          part: Self.part(of: reason, updates: true), code: reason.name, isSequence: isSequence)
      }
    }
    if case .relayer(let relayer, let incarnation) = source {
      send(
        .domain(domain), .relayer(relayer),
        .answer(relayer, incarnation: incarnation, .checked(hash, refusal)))
    }
  }

  static func part(of refusal: TransactionRefusal, updates: Bool) -> SubmissionResult.Part {
    guard case .message(let index, _) = refusal else { return .transaction }
    guard updates else { return .message(index) }
    return index == 0 ? .update : .message(index - 1)
  }

  // MARK: Faults

  private mutating func doMischief() {
    let down = 1_000 + numbers.below(UInt64(14_000))
    switch numbers.below(5) {
    case 0, 1:
      guard plan.contains(.partitions) else { return }
      let parties: [Party] =
        domains.indices.map { .domain($0) } + relayers.indices.map { .relayer($0) }
        + attesters.indices.map { .attester($0) }
      guard let left = numbers.pick(parties), let right = numbers.pick(parties), left != right else { return }
      count("fault.partition")
      note("partition \(left) \(right)")
      cuts.removeAll { $0.until <= now }
      cuts.append((left, right, now + 3_000 + numbers.below(UInt64(27_000))))
      // Sometimes somebody is alone.
      if numbers.chance(250) {
        let until = now + 2_000 + numbers.below(UInt64(8_000))
        for party in parties where party != left { cuts.append((left, party, until)) }
      }
    case 2:
      guard plan.contains(.relayerCrashes) else { return }
      let relayer = numbers.below(relayers.count)
      guard relayers[relayer].engine != nil else { return }
      crashRelayer(relayer, keeping: 0)
    case 3:
      guard plan.contains(.domainCrashes) else { return }
      let domain = numbers.below(domains.count)
      guard domains[domain].chain != nil else { return }
      count("fault.domainCrash.idle")
      note("domain \(domain) crashes")
      domains[domain].stop()
      queue.push(.domainUp(domain), at: now + down)
    default:
      guard plan.contains(.attesterCrashes) else { return }
      let attester = numbers.below(attesters.count)
      guard attesters[attester].isUp else { return }
      count("fault.attesterCrash.idle")
      attesters[attester].journal.crash(keeping: 0)
      attesters[attester].isUp = false
      queue.push(.attesterUp(attester), at: now + down)
    }
  }

  // MARK: Report

  func report() -> SimulationReport {
    var trace = hash
    let sorted = counts.sorted { $0.key < $1.key }
    for (name, count) in sorted {
      trace.mix(name)
      trace.mix(UInt64(count))
    }
    if let violation {
      trace.mix(violation.invariant.rawValue)
      trace.mix(violation.text)
    }
    var bytes: [UInt8] = []
    bytes.append(bigEndian: trace.value)
    for domain in domains { bytes += domain.history.last?.block.header.appHash ?? [] }
    return SimulationReport(
      seed: simulation.seed, steps: simulation.steps, faults: plan, defect: defect, stepsDone: step,
      milliseconds: now, counts: sorted.map { SimulationReport.Count(name: $0.key, count: $0.value) },
      hash: SHA256Hash.hash(bytes), violation: violation)
  }
}
