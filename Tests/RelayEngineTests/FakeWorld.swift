import Messages
import RelayEngine
import WireBytes

/// SplitMix64: the same numbers for the same seed everywhere.
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}

enum Made {
  static func domain(_ index: Int) throws -> DomainID {
    try DomainID("causeway:\(index == 0 ? "harbor" : "island")")
  }
  static func end(_ index: Int) throws -> LaneEnd {
    LaneEnd(try domain(index), try ClientID("client-\(index)"))
  }

  static func lane(_ form: EvidenceForm, trustingSeconds: UInt64? = nil) throws -> LaneRule {
    LaneRule(
      LaneID(
        origin: try domain(0), sourceClient: try ClientID("client-0"), destination: try domain(1),
        destinationClient: try ClientID("client-1")),
      originForm: form, destinationForm: form, originTrustingSeconds: trustingSeconds,
      destinationTrustingSeconds: trustingSeconds)
  }

  static func packet(_ sequence: UInt64, from origin: Int, timeout: UInt64, value: [UInt8] = [7]) throws
    -> Packet
  {
    try Packet(
      sequence: Sequence(sequence) ?? .first, sourceClient: try ClientID("client-\(origin)"),
      destinationClient: try ClientID("client-\(1 - origin)"), timeout: UnixTime(seconds: timeout),
      payloads: [
        try Payload(
          sourcePort: "transfer", destinationPort: "transfer", version: "ics20-1",
          encoding: "application/x-solidity-abi", value: value)
      ])
  }
}

/// One domain of the fake world: what it holds, and since when.
struct FakeDomain {
  struct Sent {
    let packet: Packet
    let height: UInt64
    var closed: UInt64?
    var endings: [String] = []
  }
  struct Received {
    let packet: Packet
    let height: UInt64
    let acknowledgement: Acknowledgement
  }
  var height: UInt64 = 1
  var times: [UInt64] = [0, 1_000]
  var sent: [UInt64: Sent] = [:]
  var received: [UInt64: Received] = [:]
  var executions: [UInt64: Int] = [:]
  var clientHeight: UInt64 = 1
  var clientFrozen = false
  var log: [(height: UInt64, sight: PacketSight)] = []

  var time: UInt64 { times[Int(height)] }

  mutating func mine(seconds: UInt64) {
    times.append(time + seconds)
    height += 1
  }
  func time(at height: UInt64) -> UInt64 { times[Int(min(height, UInt64(times.count - 1)))] }
}

/// Two domains, and a service that keeps rows on a disk and does what its engine says. No input or output.
struct FakeWorld {
  var domains = [FakeDomain(), FakeDomain()]
  var engines: [RelayEngine]
  var now: UInt64 = 1_000_000
  /// What is on its way to each engine.
  var pending: [[RelayEvent]]
  var rows: [[PacketKey: PacketRecord]]
  var endRows: [[LaneEnd: EndRecord]]
  var contents: [Set<PacketKey>]
  var settled: [[PacketKey: Int]]
  var submissions: [[SubmitRequest]]
  var alerts: [RelayAlert] = []
  var numbers: SeededNumbers
  /// Of 100: events and answers that are lost, doubled, or come out of order.
  var lossPercent: UInt64 = 0
  var repeatPercent: UInt64 = 0
  var shuffles = false
  /// Refuses a message: its code.
  var refusal: (@Sendable (RelayMessage, Int) -> String?)?
  /// Refuses a whole transaction, without saying whose fault it is.
  var blindRefusal: (@Sendable (SubmitRequest) -> String?)?
  var errorSequences: Set<UInt64> = []
  /// Sights that no event tells.
  var hidden: @Sendable (PacketSight) -> Bool = { _ in false }
  var violations: [String] = []
  /// The engine is killed before it does this effect, counted from 1 over all of its life.
  var killedAt: Int?
  private var effectCount = 0
  let rules: RelayRules
  let lane: LaneRule

  init(_ form: EvidenceForm, rules: RelayRules = RelayRules(), relayers: Int = 1, seed: UInt64 = 1) throws {
    var rules = rules
    rules.batchDelay = .zero
    rules.relayerCount = relayers
    self.rules = rules
    lane = try Made.lane(form)
    engines = []
    for index in 0..<relayers {
      rules.relayerIndex = index
      engines.append(try RelayEngine(rules: rules, lanes: [lane], incarnation: 1))
    }
    pending = Array(repeating: [.started], count: relayers)
    rows = Array(repeating: [:], count: relayers)
    endRows = Array(repeating: [:], count: relayers)
    contents = Array(repeating: [], count: relayers)
    settled = Array(repeating: [:], count: relayers)
    submissions = Array(repeating: [], count: relayers)
    numbers = SeededNumbers(seed: seed)
  }

  private mutating func chance(_ percent: UInt64) -> Bool { percent > 0 && numbers.next() % 100 < percent }

  mutating func tell(_ relayer: Int, _ event: RelayEvent, mayBeLost: Bool = true) {
    if mayBeLost, chance(lossPercent) { return }
    pending[relayer].append(event)
    if chance(repeatPercent) { pending[relayer].append(event) }
  }

  /// Sends a packet from `origin`.
  mutating func send(_ sequence: UInt64, from origin: Int = 0, seconds: UInt64 = 10_000) throws {
    let packet = try Made.packet(sequence, from: origin, timeout: domains[1 - origin].time + seconds)
    domains[origin].sent[sequence] = FakeDomain.Sent(packet: packet, height: domains[origin].height + 1)
    domains[origin].log.append((domains[origin].height + 1, .sent(packet)))
  }

  /// A block on both domains, their events told, and everything pending done.
  mutating func round(seconds: UInt64 = 1) throws {
    for index in 0..<2 {
      domains[index].mine(seconds: seconds)
      let height = domains[index].height
      let log = domains[index].log
      domains[index].log = []
      let domain = try Made.domain(index)
      for relayer in engines.indices {
        tell(
          relayer,
          .head(
            domain,
            DomainHead(
              latest: Height(height), latestTime: UnixTime(seconds: domains[index].time),
              final: Height(height),
              finalTime: UnixTime(seconds: domains[index].time))))
        for at in Set(log.map(\.height)).sorted() {
          let sights = log.filter { $0.height == at && !hidden($0.sight) }.map(\.sight)
          if !sights.isEmpty { tell(relayer, .observed(domain, at: Height(at), sights)) }
        }
      }
    }
    now += 1_000 * seconds
    for relayer in engines.indices {
      pending[relayer].append(.tick)
      try drain(relayer)
    }
  }

  mutating func drain(_ relayer: Int) throws {
    var steps = 0
    while !pending[relayer].isEmpty {
      steps += 1
      if steps > 100_000 {
        violations.append("does not come to rest")
        pending[relayer] = []
        return
      }
      let index = shuffles ? Int(numbers.next() % UInt64(pending[relayer].count)) : 0
      let event = pending[relayer].remove(at: index)
      for effect in engines[relayer].step(event, at: RelayInstant(milliseconds: now)) {
        effectCount += 1
        if effectCount == killedAt {
          try restart(relayer)
          break
        }
        try perform(effect, relayer)
      }
    }
  }

  /// Kills the engine: what is on its way is lost, the rows are not.
  mutating func restart(_ relayer: Int, incarnation: UInt64? = nil) throws {
    var rules = rules
    rules.relayerIndex = relayer
    var snapshot = RelaySnapshot()
    for row in rows[relayer].values.sorted(by: { $0.key < $1.key }) {
      snapshot.packets.append(try PacketRecord(json: row.json))
    }
    for row in endRows[relayer].values.sorted(by: { $0.end < $1.end }) {
      snapshot.ends.append(try EndRecord(json: row.json))
    }
    engines[relayer] = try RelayEngine(
      rules: rules, lanes: [lane], incarnation: incarnation ?? numbers.next(), restoring: snapshot)
    pending[relayer] = [.started]
    for index in 0..<2 {
      let time = UnixTime(seconds: domains[index].time)
      let height = Height(domains[index].height)
      pending[relayer].append(
        .head(
          try Made.domain(index), DomainHead(latest: height, latestTime: time, final: height, finalTime: time)
        ))
    }
  }

  // MARK: what the service does

  private func index(_ end: LaneEnd) throws -> Int { end.domain == (try Made.domain(0)) ? 0 : 1 }

  private mutating func perform(_ effect: RelayEffect, _ relayer: Int) throws {
    switch effect {
    case .persist(let packets, let ends):
      for change in packets {
        let key = change.record.key
        if change.packet != nil { contents[relayer].insert(key) }
        if change.record.status.isSettled {
          settled[relayer][key, default: 0] += 1
          rows[relayer][key] = nil
        } else {
          rows[relayer][key] = change.record
        }
      }
      for row in ends { endRows[relayer][row.end] = row }
    case .readClient(let end):
      let domain = domains[try index(end)]
      let peer = domains[1 - (try index(end))]
      tell(
        relayer,
        .client(
          end,
          RelayedClient(
            latest: Height(domain.clientHeight),
            latestTime: UnixTime(seconds: peer.time(at: domain.clientHeight)),
            isFrozen: domain.clientFrozen)))
    case .scan(let request):
      let domain = domains[try index(request.origin)]
      let open = domain.sent.values
        .filter {
          $0.closed == nil && $0.height <= domain.height && $0.packet.sequence.rawValue > request.after
        }
        .map(\.packet.sequence).sorted()
      let page = Array(open.prefix(request.limit))
      tell(
        relayer,
        .scanned(
          ScanPage(
            origin: request.origin, after: request.after,
            through: open.count > page.count ? page.last?.rawValue : nil, open: page,
            height: Height(domain.height))))
    case .inspect(let request):
      let origin = try index(request.origin)
      let packets = request.sequences.map { sequence in
        InspectedPacket(
          sequence, isOpen: domains[origin].sent[sequence.rawValue].map { $0.closed == nil } ?? false,
          isReceived: domains[1 - origin].received[sequence.rawValue] != nil)
      }
      tell(
        relayer,
        .inspected(
          Inspection(
            origin: request.origin, originHeight: Height(domains[origin].height),
            destinationHeight: Height(domains[1 - origin].height),
            destinationTime: UnixTime(seconds: domains[1 - origin].time), packets: packets)))
    case .lookUp(let wanted):
      for lookup in wanted {
        let origin = try index(lookup.key.origin)
        let sequence = lookup.key.sequence.rawValue
        if lookup.wanted == .packet, let sent = domains[origin].sent[sequence] {
          tell(relayer, .observed(try Made.domain(origin), at: Height(sent.height), [.sent(sent.packet)]))
        } else if lookup.wanted == .acknowledgement, let received = domains[1 - origin].received[sequence] {
          tell(
            relayer,
            .observed(
              try Made.domain(1 - origin), at: Height(received.height),
              [.acknowledgementWritten(received.packet, received.acknowledgement)]))
        } else {
          tell(relayer, .notFound(lookup))
        }
      }
    case .askAttesters(let request):
      tell(relayer, .evidence(request.batch, .ready(findings: try findings(request.needs, request.height))))
    case .fetchHeader(let request): tell(relayer, .evidence(request.batch, .ready(findings: [])))
    case .fetchProofs(let request):
      tell(relayer, .proofs(request.batch, .ready(findings: try findings(request.needs, request.height))))
    case .submit(let request):
      submissions[relayer].append(request)
      for message in request.messages {
        if !contents[relayer].contains(message.key) { violations.append("no contents of \(message.key)") }
        if rows[relayer][message.key]?.status != .submitting(message.task) {
          violations.append("submitted before it was persisted: \(message.key)")
        }
      }
      tell(relayer, .submitted(request.batch, try execute(request)))
    case .alert(let alert): alerts.append(alert)
    case .abandon, .alertEnded, .ignored, .wake: break
    }
  }

  private func findings(_ needs: [ProofNeed], _ height: Height) throws -> [ProofFinding] {
    var findings: [ProofFinding] = []
    for need in needs {
      let origin = try index(need.key.origin)
      let sequence = need.key.sequence.rawValue
      let sent = domains[origin].sent[sequence]
      let received = domains[1 - origin].received[sequence]
      let isReceived = received.map { $0.height <= height.number } ?? false
      switch need.path.kind {
      case .commitment:
        let isThere = sent.map { $0.height <= height.number && ($0.closed ?? .max) > height.number } ?? false
        if !isThere { findings.append(ProofFinding(need.key, .absent)) }
      case .acknowledgement:
        if !isReceived { findings.append(ProofFinding(need.key, .absent)) }
      case .receipt:
        if isReceived { findings.append(ProofFinding(need.key, .present)) }
      }
    }
    return findings
  }

  /// One transaction: all of it or nothing.
  private mutating func execute(_ request: SubmitRequest) throws -> SubmissionResult {
    let here = try index(request.end)
    if domains[here].clientFrozen { return .refused(.update, code: "client.frozen") }
    if let code = blindRefusal?(request) { return .refused(.transaction, code: code) }
    if request.height.number > domains[1 - here].height { return .refused(.update, code: "gate.fromFuture") }
    let before = domains[here]
    if request.updatesClient {
      domains[here].clientHeight = max(domains[here].clientHeight, request.height.number)
    } else if request.height.number > domains[here].clientHeight {
      return .refused(.transaction, code: "client.heightUnknown")
    }
    domains[here].mine(seconds: 0)
    let height = domains[here].height
    var outcomes: [MessageOutcome] = []
    for (place, message) in request.messages.enumerated() {
      var code = refusal?(message, here)
      if code == nil { code = try apply(message, request.height.number, here, height, &outcomes) }
      if let code {
        domains[here] = before
        return .refused(.message(place), code: code)
      }
    }
    return .included(Height(height), outcomes)
  }

  private mutating func apply(
    _ message: RelayMessage, _ proven: UInt64, _ here: Int, _ height: UInt64,
    _ outcomes: inout [MessageOutcome]
  ) throws -> String? {
    let sequence = message.key.sequence.rawValue
    let isOdd = try !findings([message.need], Height(proven)).isEmpty
    switch message.task {
    case .receive:
      guard let sent = domains[1 - here].sent[sequence] else { return "client.membership" }
      if domains[here].time >= sent.packet.timeout.seconds { return "timeoutElapsed" }
      if domains[here].received[sequence] != nil {
        outcomes.append(.noOperation)
        return nil
      }
      if isOdd { return "client.membership" }
      let isError = errorSequences.contains(sequence)
      let answer = isError ? Acknowledgement.universalError : try Acknowledgement([[1]])
      domains[here].received[sequence] = FakeDomain.Received(
        packet: sent.packet, height: height, acknowledgement: answer)
      domains[here].executions[sequence, default: 0] += 1
      domains[here].log.append((height, .received(sent.packet)))
      domains[here].log.append((height, .acknowledgementWritten(sent.packet, answer)))
      outcomes.append(isError ? .executionFailed(code: "transfer.refused") : .done)
    case .acknowledge, .timeOut:
      guard let sent = domains[here].sent[sequence] else { return "client.membership" }
      if sent.closed != nil {
        outcomes.append(.noOperation)
        return nil
      }
      if isOdd { return "client.membership" }
      if message.task == .timeOut, domains[1 - here].time(at: proven) < sent.packet.timeout.seconds {
        return "timeoutNotReached"
      }
      let isSuccess = domains[1 - here].received[sequence]?.acknowledgement.isSuccess ?? false
      domains[here].sent[sequence]?.closed = height
      domains[here].sent[sequence]?.endings.append(
        message.task == .timeOut ? "timeout" : isSuccess ? "success" : "error")
      domains[here].log.append(
        (height, message.task == .timeOut ? .timedOut(sent.packet) : .acknowledged(sent.packet)))
      outcomes.append(.done)
    }
    return nil
  }

  // MARK: judging

  /// Effects that have been asked for, the one at which the engine was killed among them.
  var effectsAsked: Int { effectCount }

  var isAllEnded: Bool { domains.allSatisfy { $0.sent.values.allSatisfy { $0.closed != nil } } }

  /// Every packet has ended once, and no packet both executed well and was refunded.
  func faults() -> [String] {
    var faults = violations
    for (index, domain) in domains.enumerated() {
      for (sequence, sent) in domain.sent.sorted(by: { $0.key < $1.key }) {
        if sent.endings.count != 1 { faults.append("\(index)/\(sequence) ended \(sent.endings)") }
        let executions = domains[1 - index].executions[sequence, default: 0]
        if executions > 1 { faults.append("\(index)/\(sequence) executed \(executions) times") }
        if sent.endings == ["timeout"], executions > 0 {
          faults.append("\(index)/\(sequence) executed and refunded")
        }
      }
    }
    return faults
  }

  /// Rounds until everything has ended and every engine knows it.
  mutating func run(rounds: Int, seconds: UInt64 = 1) throws {
    for _ in 0..<rounds {
      if isAllEnded, rows.allSatisfy(\.isEmpty), engines.allSatisfy({ $0.snapshot().packets.isEmpty }) {
        return
      }
      try round(seconds: seconds)
    }
  }
}
