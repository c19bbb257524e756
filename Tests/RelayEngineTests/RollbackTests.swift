import Messages
import RelayEngine
import Testing
import WireBytes

/// A chain whose blocks come and go, with all that it holds after each.
private struct ForkingDomain {
  struct State {
    var sent: [UInt64: Packet] = [:]
    var open: Set<UInt64> = []
    var received: [UInt64: Acknowledgement] = [:]
    var endings: [UInt64: String] = [:]
  }

  enum Work {
    case send(Packet)
    case submit(SubmitRequest)
  }

  struct Block {
    var state: State
    var time: UInt64
    var work: [Work] = []
    var sights: [PacketSight] = []
  }

  /// By height.
  var blocks: [Block] = [Block(state: State(), time: 1_000)]
  var depth = 0
  var waiting: [Work] = []
  /// What the engine has been told of.
  var told = 0
  var nextSequence: UInt64 = 1

  var newest: Int { blocks.count - 1 }
  /// What was final stays so.
  var final = 0

  mutating func settle() { final = max(final, newest - depth) }
}

/// Two such chains, and a service that tells its engine as a follower does.
private struct ForkingWorld {
  var domains = [ForkingDomain(), ForkingDomain()]
  var engine: RelayEngine
  var now: UInt64 = 1_000_000
  var pending: [RelayEvent] = [.started]
  var numbers: SeededNumbers
  var rows: [PacketKey: PacketRecord] = [:]
  var endRows: [LaneEnd: EndRecord] = [:]
  var settled: [PacketKey: PacketStatus] = [:]
  var faults: [String] = []
  var alerts: [RelayAlert] = []
  var rollbacks = 0
  let rules: RelayRules
  let lane: LaneRule
  private var incarnation: UInt64 = 1

  init(seed: UInt64, depths: [Int]) throws {
    numbers = SeededNumbers(seed: seed)
    var rules = RelayRules()
    rules.batchDelay = .zero
    rules.rollbackPatience = .seconds(3)
    rules.backoffFirst = .seconds(1)
    rules.backoffMax = .seconds(4)
    rules.scanInterval = .seconds(20)
    rules.answerTimeout = .seconds(10)
    rules.acknowledgementPatience = .seconds(2)
    rules.submissionTimeout = .seconds(12)
    rules.attemptsMax = 1_000
    rules.lookupsMax = 1_000
    self.rules = rules
    lane = try Made.lane(.attestedPackets)
    engine = try RelayEngine(rules: rules, lanes: [lane], incarnation: 1)
    for index in 0..<2 { domains[index].depth = depths[index] }
  }

  mutating func chance(_ percent: UInt64) -> Bool { numbers.next() % 100 < percent }

  private func index(_ end: LaneEnd) throws -> Int { end.domain == (try Made.domain(0)) ? 0 : 1 }

  private func head(_ index: Int) -> DomainHead {
    let domain = domains[index]
    return DomainHead(
      latest: Height(UInt64(domain.newest)), latestTime: UnixTime(seconds: domain.blocks[domain.newest].time),
      final: Height(UInt64(domain.final)), finalTime: UnixTime(seconds: domain.blocks[domain.final].time))
  }

  // MARK: Chains

  mutating func send(from index: Int, seconds: UInt64) throws {
    let packet = try Made.packet(
      domains[index].nextSequence, from: index,
      timeout: domains[1 - index].blocks[domains[1 - index].newest].time + seconds)
    domains[index].nextSequence += 1
    domains[index].waiting.append(.send(packet))
  }

  mutating func mine(_ index: Int) throws {
    let last = domains[index].blocks[domains[index].newest]
    var block = ForkingDomain.Block(state: last.state, time: last.time + 1)
    let height = Height(UInt64(domains[index].newest + 1))
    let work = domains[index].waiting
    domains[index].waiting = []
    for item in work {
      block.work.append(item)
      switch item {
      case .send(let packet):
        let sequence = packet.sequence.rawValue
        block.state.sent[sequence] = packet
        block.state.open.insert(sequence)
        block.sights.append(.sent(packet))
      case .submit(let request):
        let before = block
        let result = try execute(request, index, height, &block)
        if case .refused = result { block = before }
        pending.append(.submitted(request.batch, result))
      }
    }
    domains[index].blocks.append(block)
    domains[index].settle()
  }

  /// Takes back blocks above the final height; what was in them waits again, in any order, or is lost.
  mutating func reorganize(_ index: Int) throws {
    let most = domains[index].newest - domains[index].final
    guard most > 0 else { return }
    let count = Int(numbers.next() % UInt64(most)) + 1
    let gone = domains[index].blocks.suffix(count).flatMap(\.work)
    domains[index].blocks.removeLast(count)
    rollbacks += 1
    for item in gone {
      switch item {
      // Senders see to it that what they have sent is sent.
      case .send: domains[index].waiting.append(item)
      case .submit: if chance(50) { domains[index].waiting.append(item) }
      }
    }
    if domains[index].told > domains[index].newest {
      domains[index].told = domains[index].newest
      pending.append(.rolledBack(try Made.domain(index), to: Height(UInt64(domains[index].newest))))
    }
    for _ in 0...Int(numbers.next() % 3) { try mine(index) }
  }

  private func execute(
    _ request: SubmitRequest, _ here: Int, _ height: Height, _ block: inout ForkingDomain.Block
  ) throws -> SubmissionResult {
    let there = domains[1 - here]
    // Attesters have signed what was final there: final blocks stay.
    let proven = there.blocks[Int(request.height.number)]
    var outcomes: [MessageOutcome] = []
    for (place, message) in request.messages.enumerated() {
      let sequence = message.key.sequence.rawValue
      switch message.task {
      case .receive:
        guard let packet = proven.state.sent[sequence] else { return .refused(.message(place), code: "membership") }
        guard block.time < packet.timeout.seconds else { return .refused(.message(place), code: "timeoutElapsed") }
        guard block.state.received[sequence] == nil else {
          outcomes.append(.noOperation)
          continue
        }
        guard proven.state.open.contains(sequence) else { return .refused(.message(place), code: "membership") }
        let answer = try Acknowledgement([[UInt8(truncatingIfNeeded: sequence) | 1]])
        block.state.received[sequence] = answer
        block.sights.append(.received(packet))
        block.sights.append(.acknowledgementWritten(packet, answer))
        outcomes.append(.done)
      case .acknowledge, .timeOut:
        guard block.state.open.contains(sequence), let packet = block.state.sent[sequence] else {
          outcomes.append(.noOperation)
          continue
        }
        if message.task == .acknowledge {
          guard proven.state.received[sequence] != nil else {
            return .refused(.message(place), code: "membership")
          }
        } else {
          guard proven.state.received[sequence] == nil else {
            return .refused(.message(place), code: "membership")
          }
          guard proven.time >= packet.timeout.seconds else {
            return .refused(.message(place), code: "timeoutNotReached")
          }
        }
        block.state.open.remove(sequence)
        block.state.endings[sequence] = message.task == .acknowledge ? "success" : "timeout"
        block.sights.append(message.task == .acknowledge ? .acknowledged(packet) : .timedOut(packet))
        outcomes.append(.done)
      }
    }
    return .included(height, outcomes)
  }

  // MARK: The service

  mutating func follow(_ index: Int) throws {
    let domain = try Made.domain(index)
    pending.append(.head(domain, head(index)))
    while domains[index].told < domains[index].newest {
      domains[index].told += 1
      let sights = domains[index].blocks[domains[index].told].sights
      if !sights.isEmpty {
        pending.append(.observed(domain, at: Height(UInt64(domains[index].told)), sights))
      }
    }
  }

  mutating func step() throws {
    while !pending.isEmpty {
      let event = pending.removeFirst()
      for effect in engine.step(event, at: RelayInstant(milliseconds: now)) { try perform(effect) }
    }
  }

  mutating func restart() throws {
    incarnation += 1
    var snapshot = RelaySnapshot()
    for row in rows.values.sorted(by: { $0.key < $1.key }) {
      snapshot.packets.append(try PacketRecord(json: row.json))
    }
    snapshot.ends = endRows.values.sorted { $0.end < $1.end }
    engine = try RelayEngine(rules: rules, lanes: [lane], incarnation: incarnation, restoring: snapshot)
    // A rollback that was not written down is noticed again: the cursor goes with the rows.
    pending = [.started] + pending.filter { if case .rolledBack = $0 { true } else { false } }
  }

  private mutating func perform(_ effect: RelayEffect) throws {
    switch effect {
    case .persist(let packets, let ends):
      for change in packets {
        let key = change.record.key
        if change.record.status.isSettled {
          if settled[key] != nil { faults.append("settled twice: \(key)") }
          settled[key] = change.record.status
          rows[key] = nil
        } else {
          rows[key] = change.record
        }
      }
      for row in ends { endRows[row.end] = row }
    case .readClient(let end):
      pending.append(.client(end, RelayedClient(latest: nil, latestTime: UnixTime(seconds: 0))))
    case .scan(let request):
      let domain = domains[try index(request.origin)]
      let open = domain.blocks[domain.final].state.open.filter { $0 > request.after }.sorted()
        .compactMap { Sequence($0) }
      pending.append(
        .scanned(
          ScanPage(
            origin: request.origin, after: request.after, through: nil, open: open,
            height: Height(UInt64(domain.final)))))
    case .inspect(let request):
      let origin = try index(request.origin)
      let (here, there) = (domains[origin], domains[1 - origin])
      pending.append(
        .inspected(
          Inspection(
            origin: request.origin, originHeight: Height(UInt64(here.final)),
            destinationHeight: Height(UInt64(there.final)),
            destinationTime: UnixTime(seconds: there.blocks[there.final].time),
            packets: request.sequences.map {
              InspectedPacket(
                $0, isOpen: here.blocks[here.final].state.open.contains($0.rawValue),
                isReceived: there.blocks[there.final].state.received[$0.rawValue] != nil)
            })))
    case .lookUp(let lookups):
      for lookup in lookups {
        let origin = try index(lookup.key.origin)
        let at = lookup.wanted == .packet ? origin : 1 - origin
        let domain = domains[at]
        let found = (0...domain.final).first { height in
          domain.blocks[height].sights.contains { sight in
            guard sight.packet.sequence == lookup.key.sequence else { return false }
            switch (sight, lookup.wanted) {
            case (.sent, .packet), (.acknowledgementWritten, .acknowledgement): return true
            default: return false
            }
          }
        }
        if let found {
          pending.append(
            .observed(
              try Made.domain(at), at: Height(UInt64(found)),
              domain.blocks[found].sights.filter { $0.packet.sequence == lookup.key.sequence }))
        } else {
          pending.append(.notFound(lookup))
        }
      }
    case .askAttesters(let request):
      let tracked = request.tracked == (try Made.domain(0)) ? 0 : 1
      guard Int(request.height.number) <= domains[tracked].final else {
        faults.append("asked before it is final")
        return
      }
      let state = domains[tracked].blocks[Int(request.height.number)].state
      let findings = request.needs.compactMap { need -> ProofFinding? in
        let sequence = need.key.sequence.rawValue
        switch need.path.kind {
        case .commitment: return state.open.contains(sequence) ? nil : ProofFinding(need.key, .absent)
        case .acknowledgement:
          return state.received[sequence] == nil ? ProofFinding(need.key, .absent) : nil
        case .receipt: return state.received[sequence] == nil ? nil : ProofFinding(need.key, .present)
        }
      }
      pending.append(.evidence(request.batch, .ready(findings: findings)))
    case .submit(let request): domains[try index(request.end)].waiting.append(.submit(request))
    case .alert(let alert): alerts.append(alert)
    case .fetchHeader, .fetchProofs, .abandon, .alertEnded, .ignored, .wake: break
    }
  }

  mutating func round() throws {
    now += 1_000
    for index in 0..<2 { try mine(index) }
    for index in 0..<2 { try follow(index) }
    pending.append(.tick)
    try step()
  }

  /// Each packet that is on its chain has settled, as its chain has it, and was executed at most once.
  func judged() -> [String] {
    var faults = faults
    for index in 0..<2 {
      let here = domains[index].blocks[domains[index].newest].state
      let there = domains[1 - index].blocks[domains[1 - index].newest].state
      for (sequence, packet) in here.sent.sorted(by: { $0.key < $1.key }) {
        guard let ending = here.endings[sequence] else {
          faults.append("\(index)/\(sequence) is open")
          continue
        }
        if (ending == "success") != (there.received[sequence] != nil) {
          faults.append("\(index)/\(sequence) ended \(ending)")
        }
        let key = PacketKey(LaneEnd(lane(index), packet.sourceClient), packet.sequence)
        let told = settled[key]
        let want: PacketStatus = .settled(ending == "success" ? .success : .timeout)
        if told != want { faults.append("\(key) is \(told?.code ?? "nothing"), ended \(ending)") }
      }
    }
    return faults
  }

  private func lane(_ index: Int) -> DomainID { index == 0 ? lane.lane.origin : lane.lane.destination }
}

@Suite("Rollbacks")
struct RollbackTests {
  @Test("at random lose nothing and repeat nothing", arguments: 0..<60)
  func random(seed: Int) throws {
    var world = try ForkingWorld(seed: UInt64(seed) + 1, depths: [seed.isMultiple(of: 3) ? 3 : 0, 5])
    for _ in 0..<60 {
      if world.chance(40) { try world.send(from: 0, seconds: world.chance(30) ? 12 : 500) }
      if world.chance(40) { try world.send(from: 1, seconds: world.chance(30) ? 12 : 500) }
      if world.chance(30) { try world.reorganize(1) }
      if world.chance(15) { try world.reorganize(0) }
      if world.chance(5) { try world.restart() }
      try world.round()
    }
    for _ in 0..<1_200 where !(world.engine.snapshot().packets.isEmpty && world.judged().isEmpty) {
      try world.round()
    }
    #expect(world.judged() == [], "seed \(seed)")
    #expect(world.rollbacks > 5)
    #expect(world.alerts.filter { $0.kind != .laneStuck } == [])
  }

  /// Two heads and a client, by hand.
  private struct Desk {
    var engine: RelayEngine
    var now: UInt64 = 1_000_000

    init() throws {
      var rules = RelayRules()
      rules.batchDelay = .zero
      engine = try RelayEngine(rules: rules, lanes: [try Made.lane(.attestedPackets)], incarnation: 9)
      _ = tell(.started)
      for index in 0..<2 {
        _ = try head(index, 10, latest: 15)
        _ = tell(.client(try Made.end(index), RelayedClient(latest: nil, latestTime: UnixTime(seconds: 0))))
      }
    }

    mutating func tell(_ event: RelayEvent, after milliseconds: UInt64 = 0) -> [RelayEffect] {
      now += milliseconds
      return engine.step(event, at: RelayInstant(milliseconds: now))
    }

    mutating func head(_ index: Int, _ final: UInt64, latest: UInt64) throws -> [RelayEffect] {
      tell(
        .head(
          try Made.domain(index),
          DomainHead(
            latest: Height(latest), latestTime: UnixTime(seconds: 1_000 + latest), final: Height(final),
            finalTime: UnixTime(seconds: 1_000 + final))))
    }

    func record() throws -> PacketRecord? { engine.report(on: PacketKey(try Made.end(0), .first))?.record }
  }

  private static func packet() throws -> Packet { try Made.packet(1, from: 0, timeout: 50_000) }

  @Test("of a send tell nobody, and the packet is as new as before when it is there again")
  func sent() throws {
    var desk = try Desk()
    _ = desk.tell(.observed(try Made.domain(0), at: Height(12), [.sent(try Self.packet())]))
    #expect(try desk.record()?.isLive == true)
    let effects = desk.tell(.rolledBack(try Made.domain(0), to: Height(11)))
    #expect(!effects.contains { if case .alert = $0 { true } else { false } })
    #expect(try desk.record()?.status == .hopeless(.rolledBack))
    let other = try Made.packet(1, from: 0, timeout: 50_000, value: [8])
    _ = desk.tell(.observed(try Made.domain(0), at: Height(13), [.sent(other)]))
    #expect(try desk.record()?.status == .waitingFinality)
    #expect(try desk.record()?.isLive == true)
    #expect(try desk.record()?.contents?.commitment == PacketCommitment.of(other))
    #expect(try desk.record()?.sentHeight == Height(13))
  }

  @Test("of a receive wait for it to come again before anybody is asked")
  func received() throws {
    var desk = try Desk()
    let packet = try Self.packet()
    _ = desk.tell(.observed(try Made.domain(0), at: Height(10), [.sent(packet)]))
    let written = PacketSight.acknowledgementWritten(packet, try Acknowledgement([[1]]))
    _ = desk.tell(.observed(try Made.domain(1), at: Height(14), [written]))
    let effects = desk.tell(.rolledBack(try Made.domain(1), to: Height(13)))
    #expect(try desk.record()?.status == .checking(.receive))
    #expect(!effects.contains { if case .inspect = $0 { true } else { false } })
    _ = desk.tell(.observed(try Made.domain(1), at: Height(16), [written]), after: 1_000)
    #expect(try desk.record()?.status == .waitingAcknowledgementFinality)
    #expect(try desk.record()?.answer?.height == Height(16))
    // It does not come again: both domains are asked.
    _ = desk.tell(.rolledBack(try Made.domain(1), to: Height(15)))
    let asked = desk.tell(.tick, after: 16_000)
    #expect(asked.contains { if case .inspect = $0 { true } else { false } })
  }

  @Test("of an ending take it back, and the answer stays")
  func ended() throws {
    var desk = try Desk()
    let packet = try Self.packet()
    _ = desk.tell(.observed(try Made.domain(0), at: Height(10), [.sent(packet)]))
    _ = desk.tell(
      .observed(
        try Made.domain(1), at: Height(10), [.acknowledgementWritten(packet, try Acknowledgement([[1]]))]))
    _ = desk.tell(.observed(try Made.domain(0), at: Height(14), [.acknowledged(packet)]))
    #expect(try desk.record()?.status == .confirming)
    _ = desk.tell(.rolledBack(try Made.domain(0), to: Height(12)))
    #expect(try desk.record()?.status == .checking(.acknowledge))
    #expect(try desk.record()?.ending == nil)
    #expect(try desk.record()?.answer?.height == Height(10))
    _ = desk.tell(.observed(try Made.domain(0), at: Height(13), [.acknowledged(packet)]))
    #expect(try desk.record()?.status == .confirming)
    _ = try desk.head(0, 13, latest: 18)
    #expect(try desk.record() == nil)
  }

  @Test("below finality shut the lanes until the first history is told again")
  func violated() throws {
    var desk = try Desk()
    let packet = try Self.packet()
    _ = desk.tell(.observed(try Made.domain(0), at: Height(10), [.sent(packet)]))
    let before = try desk.record()?.sentHeight
    let effects = desk.tell(.finalityViolated(try Made.domain(1)))
    #expect(effects.contains { if case .alert(let alert) = $0 { alert.kind == .finalityViolated } else { false } })
    for index in 0..<2 {
      #expect(desk.engine.report(on: try Made.end(index))?.shut == .finalityViolated)
    }
    #expect(try desk.record()?.sentHeight == before)
    let restored = desk.tell(.finalityRestored(try Made.domain(1)))
    #expect(restored.contains { if case .alertEnded(.finalityViolated, _) = $0 { true } else { false } })
    #expect(desk.engine.report(on: try Made.end(0))?.shut == nil)
    // A restarted engine raises it again, and forgets it as well.
    _ = desk.tell(.finalityViolated(try Made.domain(1)))
    var again = try RelayEngine(
      lanes: [try Made.lane(.attestedPackets)], incarnation: 10, restoring: desk.engine.snapshot())
    let started = again.step(.started, at: RelayInstant(milliseconds: 5))
    #expect(started.contains { if case .alert(let alert) = $0 { alert.kind == .finalityViolated } else { false } })
    _ = again.step(.finalityRestored(try Made.domain(1)), at: RelayInstant(milliseconds: 6))
    #expect(again.report(on: try Made.end(1))?.shut == nil)
  }

  @Test("below finality are believed once, after an operator has said so")
  func forgiven() throws {
    var desk = try Desk()
    let packet = try Self.packet()
    _ = desk.tell(.observed(try Made.domain(0), at: Height(10), [.sent(packet)]))
    _ = desk.tell(.finalityViolated(try Made.domain(0)))
    _ = desk.tell(.command(.resume(try Made.end(1))))
    #expect(desk.engine.report(on: try Made.end(0))?.shut == nil)
    let effects = desk.tell(.rolledBack(try Made.domain(0), to: Height(5)))
    #expect(try desk.record()?.status == .hopeless(.rolledBack))
    #expect(effects.contains { if case .scan = $0 { true } else { false } })
    // Heights begin anew below what was final.
    _ = try desk.head(0, 6, latest: 7)
    _ = desk.tell(.observed(try Made.domain(0), at: Height(6), [.sent(packet)]))
    #expect(try desk.record()?.status == .waitingEvidence(.receive))
    _ = desk.tell(.rolledBack(try Made.domain(0), to: Height(3)))
    #expect(desk.engine.report(on: try Made.end(0))?.shut == .finalityViolated)
  }

  @Test("limits of an end bound its transactions")
  func limits() throws {
    var rules = RelayRules()
    rules.batchDelay = .zero
    let lane = try Made.lane(.attestedPackets)
    let rule = LaneRule(
      lane.lane, originForm: .attestedPackets, destinationForm: .attestedPackets,
      destinationLimits: EndLimits(messagesMax: 3, listedBytesMax: 2_000, proofBytes: 1_024))
    var engine = try RelayEngine(rules: rules, lanes: [rule], incarnation: 1)
    func tell(_ event: RelayEvent) -> [AttestationRequest] {
      engine.step(event, at: RelayInstant(milliseconds: 1_000)).compactMap {
        if case .askAttesters(let request) = $0 { request } else { nil }
      }
    }
    _ = tell(.started)
    for index in 0..<2 {
      let time = UnixTime(seconds: 1_000)
      _ = tell(
        .head(
          try Made.domain(index),
          DomainHead(latest: Height(10), latestTime: time, final: Height(10), finalTime: time)))
      _ = tell(.client(try Made.end(index), RelayedClient(latest: nil, latestTime: UnixTime(seconds: 0))))
    }
    let sights = try (1...UInt64(8)).map { sequence in
      PacketSight.sent(
        try Made.packet(
          sequence, from: 0, timeout: 50_000, value: [UInt8](repeating: 7, count: sequence == 2 ? 3_000 : 10)))
    }
    let asked = tell(.observed(try Made.domain(0), at: Height(10), sights))
    #expect(asked.map { $0.needs.map(\.key.sequence.rawValue) } == [[1], [2], [3, 4, 5]])
    #expect(throws: RelayConfigurationError.limit(min: 1, actual: 0)) {
      try RelayEngine(
        lanes: [
          LaneRule(
            lane.lane, originForm: .header, destinationForm: .header, originLimits: EndLimits(messagesMax: 0))
        ], incarnation: 1)
    }
  }
}
