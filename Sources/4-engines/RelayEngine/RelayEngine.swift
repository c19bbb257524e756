import Messages

/// Why lanes cannot be served as given.
public enum RelayConfigurationError: Error, Hashable, Sendable {
  case laneCount(max: Int, actual: Int)
  /// An end is named twice, or both ends of a lane are one.
  case endRepeated(LaneEnd)
  /// The row belongs to no lane.
  case packetWithoutLane(PacketKey)
  case endWithoutLane(LaneEnd)
  /// At least one relayer, and the index among them.
  case relayerIndex(Int, count: Int)
  /// A limit that must be at least `min`.
  case limit(min: Int, actual: Int)
}

/// Relays packets over lanes: from what it is told, what to ask, to prove and to submit next.
///
/// It has no clock, no randomness and no input or output; equal events at equal instants give equal effects. It keeps no
/// contents of packets, only their rows, so that its memory is bounded by ``RelayRules``.
///
/// - SeeAlso: docs/spec/relaying.md.
public struct RelayEngine: Sendable {
  public let rules: RelayRules
  let incarnation: UInt64
  var domains: [DomainState] = []
  var domainIndex: [DomainID: Int] = [:]
  var ends: [EndState] = []
  var endIndex: [LaneEnd: Int] = [:]
  var tracked: [Slot: Tracked] = [:]
  var counts = Counts()
  var now = RelayInstant(milliseconds: 0)
  var timers = Waiting<RelayInstant, Timer>()
  var batches: [UInt64: Batch] = [:]
  var nextBatch: UInt64 = 1
  var nextTicket: UInt64 = 1
  var lookups = WorkQueues()
  var lookupTurn = 0
  var lookupsAsked = 0
  var shelf = Fifo()
  var isStarted = false
  var lastWake: RelayInstant?
  // Of the present step.
  var effects: [RelayEffect] = []
  var changed: Set<Slot> = []
  var changedEnds: Set<Int> = []
  var learnt: [Slot: Learnt] = [:]

  /// - Throws: ``RelayConfigurationError``.
  public init(
    rules: RelayRules = RelayRules(), lanes: [LaneRule], incarnation: UInt64,
    restoring snapshot: RelaySnapshot = RelaySnapshot()
  ) throws(RelayConfigurationError) {
    guard lanes.count <= RelayRules.laneCountMax else {
      throw .laneCount(max: RelayRules.laneCountMax, actual: lanes.count)
    }
    guard rules.relayerCount > 0, (0..<rules.relayerCount).contains(rules.relayerIndex) else {
      throw .relayerIndex(rules.relayerIndex, count: rules.relayerCount)
    }
    guard rules.flightsPerDomainMax >= 2 else { throw .limit(min: 2, actual: rules.flightsPerDomainMax) }
    let positive = [
      rules.liveMax, rules.backlogMax, rules.shelfMax, rules.endedRunsMax, rules.batchMessagesMax,
      rules.batchBytesMax, rules.liveBatchesPerEndMax, rules.backlogBatchesPerEndMax, rules.attemptsMax,
      rules.lookupsMax, rules.scanPageMax, rules.questionsMax, rules.liveRunMax,
    ]
    for limit in positive where limit < 1 { throw .limit(min: 1, actual: limit) }
    self.rules = rules
    self.incarnation = incarnation
    for rule in lanes {
      let lane = rule.lane
      let origin = LaneEnd(lane.origin, lane.sourceClient)
      let destination = LaneEnd(lane.destination, lane.destinationClient)
      for end in [origin, destination] where endIndex[end] != nil { throw .endRepeated(end) }
      guard origin != destination else { throw .endRepeated(origin) }
      for limits in [rule.originLimits, rule.destinationLimits] {
        for limit in [limits.messagesMax ?? 1, limits.bytesMax ?? 1] where limit < 1 {
          throw .limit(min: 1, actual: limit)
        }
        guard limits.proofBytes >= 0 else { throw .limit(min: 0, actual: limits.proofBytes) }
      }
      let first = ends.count
      ends.append(
        EndState(
          origin, domain: domain(lane.origin), peer: first + 1, form: rule.originForm,
          trustingSeconds: rule.originTrustingSeconds, limits: rule.originLimits, rules: rules))
      ends.append(
        EndState(
          destination, domain: domain(lane.destination), peer: first, form: rule.destinationForm,
          trustingSeconds: rule.destinationTrustingSeconds, limits: rule.destinationLimits, rules: rules))
      endIndex[origin] = first
      endIndex[destination] = first + 1
    }
    for record in snapshot.ends {
      guard let end = endIndex[record.end] else { throw .endWithoutLane(record.end) }
      ends[end].record = record
    }
    for record in snapshot.packets {
      guard let end = endIndex[record.key.origin] else { throw .packetWithoutLane(record.key) }
      guard !record.status.isSettled else { continue }
      let slot = Slot(end: end, sequence: record.key.sequence.rawValue)
      guard tracked[slot] == nil else { continue }
      tracked[slot] = Tracked(record: record)
      count(record, 1)
    }
  }

  private mutating func domain(_ id: DomainID) -> Int {
    if let index = domainIndex[id] { return index }
    domains.append(DomainState(id))
    domainIndex[id] = domains.count - 1
    return domains.count - 1
  }

  /// Takes one event, and says what is to be done, in this order.
  public mutating func step(_ event: RelayEvent, at instant: RelayInstant) -> [RelayEffect] {
    now = max(now, instant)
    while let timer = timers.pop(through: now) { fire(timer) }
    switch event {
    case .started: start()
    case .head(let domain, let head): take(head, of: domain)
    case .rolledBack(let domain, let height): rollBack(domain, to: height)
    case .finalityViolated(let domain): if let index = domainIndex[domain] { violateFinality(index) }
    case .finalityRestored(let domain): if let index = domainIndex[domain] { restoreFinality(index) }
    case .observed(let domain, let height, let sights):
      for sight in sights { take(sight, on: domain, at: height) }
    case .notFound(let lookup): takeNothing(for: lookup)
    case .scanned(let page): take(page)
    case .inspected(let inspection): take(inspection)
    case .client(let end, let client): take(client, at: end)
    case .evidence(let batch, let answer): collected(batch, answer, isProofs: false)
    case .proofs(let batch, let answer): collected(batch, answer, isProofs: true)
    case .submitted(let batch, let result): take(result, of: batch)
    case .command(let command): take(command)
    case .tick: break
    }
    if isStarted { serve() }
    return finish()
  }

  /// All that a restart needs.
  public func snapshot() -> RelaySnapshot {
    RelaySnapshot(
      packets: tracked.values.map(\.record).sorted { $0.key < $1.key },
      ends: ends.map(\.record).sorted { $0.end < $1.end })
  }

  private mutating func start() {
    guard !isStarted else { return }
    isStarted = true
    // Nothing is known of how lanes did before: a restart is no reason to call one stuck.
    for end in ends.indices {
      ends[end].lastProgress = now
      if ends[end].record.isFinalityViolated { raise(.finalityViolated, end) }
    }
    for slot in tracked.keys.sorted() {
      update(slot, persists: false) { record in
        switch record.status {
        case .evidenceReady(let task): record.status = .waitingEvidence(task)
        // Whether it was included is not known to this run.
        case .submitting(let task): record.status = .checking(task)
        default: break
        }
        record.notBefore = nil
      }
      watchDeadline(slot)
      place(slot)
    }
  }

  /// Persisted rows first, then everything else; settled packets leave.
  private mutating func finish() -> [RelayEffect] {
    var packets: [PacketChange] = []
    for slot in changed.sorted() {
      guard let item = tracked[slot] else { continue }
      packets.append(
        PacketChange(
          record: item.record, packet: learnt[slot]?.packet, acknowledgement: learnt[slot]?.acknowledgement))
      if item.record.status.isSettled {
        count(item.record, -1)
        tracked[slot] = nil
      }
    }
    let rows = changedEnds.sorted().map { ends[$0].record }
    var output: [RelayEffect] = []
    if !packets.isEmpty || !rows.isEmpty { output.append(.persist(packets: packets, ends: rows)) }
    output += effects
    tidy()
    if isStarted {
      let wake = nextWake()
      if let wake, wake != lastWake { output.append(.wake(at: wake)) }
      lastWake = wake
    }
    effects = []
    changed = []
    changedEnds = []
    learnt = [:]
    return output
  }

  private func nextWake() -> RelayInstant? {
    var wake = timers.firstKey
    func consider(_ instant: RelayInstant?) {
      guard let instant, instant > now else { return }
      wake = wake.map { min($0, instant) } ?? instant
    }
    for end in ends {
      if end.ready.count > 0 {
        consider(end.fillAt)
        consider(end.notBefore)
      }
      consider(end.scanAt)
      consider(end.clientAt)
    }
    return wake
  }

  /// Void places are dropped before they outnumber the packets.
  private mutating func tidy() {
    let limit = 2 * tracked.count + 1_024
    let tracked = tracked
    func isHere(_ ticket: Ticket) -> Bool { tracked[ticket.slot]?.ticket == ticket.number }
    if timers.count > limit + batches.count {
      let batches = batches
      timers.keep { timer in
        switch timer {
        case .packet(let ticket): isHere(ticket)
        case .batch(let number): batches[number] != nil
        }
      }
    }
    func tidy(_ queue: inout Fifo) { if queue.count > limit { queue.keep(where: isHere) } }
    tidy(&lookups.live)
    tidy(&lookups.backlog)
    tidy(&shelf)
    for index in ends.indices {
      tidy(&ends[index].ready.live)
      tidy(&ends[index].ready.backlog)
      tidy(&ends[index].inspections.live)
      tidy(&ends[index].inspections.backlog)
    }
    for index in domains.indices {
      if domains[index].finality.count > limit { domains[index].finality.keep(where: isHere) }
      if domains[index].finalDeadlines.count > limit { domains[index].finalDeadlines.keep(where: isHere) }
      if domains[index].deadlines.count > limit { domains[index].deadlines.keep { tracked[$0] != nil } }
    }
  }
}
