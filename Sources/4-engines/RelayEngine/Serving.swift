public import Messages

extension RelayEngine {
  /// Whether nothing may be submitted at `end`.
  func isShut(_ end: Int) -> Bool { shutReason(end) != nil }

  func shutReason(_ end: Int) -> LaneReport.Shut? {
    let peer = ends[end].peer
    if ends[end].record.isPaused || ends[peer].record.isPaused { return .pausedByOperator }
    if ends[end].record.isFinalityViolated || ends[peer].record.isFinalityViolated {
      return .finalityViolated
    }
    if ends[end].client?.isFrozen == true { return .clientFrozen }
    if ends[end].client?.isExpired == true { return .clientExpired }
    return nil
  }

  /// Does what has become due, at the end of every step.
  mutating func serve() {
    for end in ends.indices {
      if ends[end].clientAt <= now {
        effects.append(.readClient(ends[end].end))
        // Asked more often until it has answered.
        ends[end].clientAt = now.adding(ends[end].client == nil ? rules.answerTimeout : rules.clientInterval)
      }
      if ends[end].scanAt <= now {
        effects.append(
          .scan(
            ScanRequest(origin: ends[end].end, after: ends[end].scanCursor, limit: rules.scanPageMax)))
        ends[end].isScanning = true
        ends[end].scanAt = now.adding(rules.answerTimeout)
      }
      inspect(end)
      fill(end)
      if ends[end].openCount > 0, now >= ends[end].lastProgress.adding(rules.stuckAfter) {
        raise(.laneStuck, end)
      }
      if ends[end].openCount == 0 { lower(.laneStuck, end) }
    }
    for domain in domains.indices { launch(domain) }
    lookUp()
  }

  private mutating func inspect(_ end: Int) {
    var sequences: [Sequence] = []
    while ends[end].inspectionsAsked < rules.questionsMax {
      var turn = ends[end].inspectionTurn
      guard let ticket = ends[end].inspections.pop(turn: &turn) else { break }
      ends[end].inspectionTurn = turn
      guard let item = tracked[ticket.slot], item.ticket == ticket.number else { continue }
      sequences.append(item.record.key.sequence)
      tracked[ticket.slot]?.asking = .inspection
      ends[end].inspectionsAsked += 1
      timers.push(now.adding(rules.answerTimeout), .packet(ticket))
    }
    guard !sequences.isEmpty else { return }
    effects.append(
      .inspect(
        InspectRequest(
          origin: ends[end].end, peer: ends[ends[end].peer].end, sequences: sequences.sorted())))
  }

  private mutating func lookUp() {
    var wanted: [Lookup] = []
    while lookupsAsked < rules.questionsMax, let ticket = lookups.pop(turn: &lookupTurn) {
      guard let item = tracked[ticket.slot], item.ticket == ticket.number else { continue }
      wanted.append(Lookup(item.record.key, self.wanted(by: item.record)))
      tracked[ticket.slot]?.asking = .lookup
      lookupsAsked += 1
      timers.push(now.adding(rules.answerTimeout), .packet(ticket))
    }
    if !wanted.isEmpty { effects.append(.lookUp(wanted)) }
  }

  mutating func take(_ client: RelayedClient, at id: LaneEnd) {
    guard let end = endIndex[id] else { return }
    // A lagging endpoint does not take back what is known, but what shuts the lane always counts.
    var client = client
    if let known = ends[end].client, let latest = known.latest, client.latest.map({ $0 < latest }) ?? true,
      !client.isFrozen
    {
      client = RelayedClient(
        latest: latest, latestTime: known.latestTime, isFrozen: client.isFrozen, isExpired: client.isExpired)
    }
    let wasShut = isShut(end)
    ends[end].client = client
    ends[end].clientAt = now.adding(rules.clientInterval)
    if client.isFrozen { raise(.clientFrozen, end) } else { lower(.clientFrozen, end) }
    if client.isExpired { raise(.clientExpired, end) } else { lower(.clientExpired, end) }
    if isShut(end) {
      dissolve(end)
    } else if wasShut {
      ends[end].failures = 0
      ends[end].notBefore = now
    }
  }

  mutating func take(_ command: RelayCommand) {
    let id =
      switch command {
      case .clear(let end), .pause(let end), .resume(let end): end
      }
    guard let first = endIndex[id] else { return }
    for end in [first, ends[first].peer] {
      switch command {
      case .pause:
        ends[end].record.isPaused = true
        dissolve(end)
      case .resume:
        ends[end].record.isPaused = false
        ends[end].record.isFinalityViolated = false
        if domains[ends[end].domain].isViolated { domains[ends[end].domain].isForgiven = true }
        lower(.finalityViolated, end)
        ends[end].clientAt = now
        ends[end].scanAt = now
        ends[end].failures = 0
        ends[end].notBefore = now
      case .clear:
        ends[end].scanCursor = 0
        ends[end].scanAt = now
        ends[end].failures = 0
        ends[end].notBefore = now
        clear(end)
        continue
      }
      changedEnds.insert(end)
    }
  }

  /// Forgets how often things have failed.
  private mutating func clear(_ end: Int) {
    for slot in tracked.keys.filter({ $0.end == end }).sorted() {
      guard let item = tracked[slot], item.batch == nil, item.asking == nil else { continue }
      switch item.record.status {
      case .hopeless(.contentsUnavailable): enter(slot, .discovered)
      case .hopeless:
        guard item.record.contents != nil else { continue }
        enter(slot, .checking(.receive))
      case .waitingEvidence, .checking, .discovered, .received, .confirming: break
      case .waitingFinality, .evidenceReady, .submitting, .waitingAcknowledgementFinality, .waitingDeadline,
        .settled,
        .paused:
        continue
      }
      update(slot) { record in
        record.attempts = 0
        record.lookups = 0
        record.notBefore = nil
      }
      place(slot)
    }
  }
}

/// Where one packet stands, for people and for programs.
public struct PacketReport: Hashable, Sendable {
  public let record: PacketRecord
  /// ``PacketStatus/paused`` while its lane is shut; the row has the status below.
  public let status: PacketStatus
  /// Machine-readable: why it is where it is.
  public let reason: String
  /// The key of the text that says what happens next.
  public let nextStep: String
}

/// How one direction of a lane does.
public struct LaneReport: Hashable, Sendable {
  public enum Shut: String, Hashable, Sendable, CaseIterable {
    case pausedByOperator
    case finalityViolated
    case clientFrozen
    case clientExpired
  }
  public let end: LaneEnd
  /// Why nothing is submitted at this end.
  public let shut: Shut?
  public let client: RelayedClient?
  /// Packets sent from this end that have not ended, hopeless ones apart.
  public let openCount: Int
  public let readyLiveCount: Int
  public let readyBacklogCount: Int
  public let hopelessCount: Int
  public let oldestOpen: Sequence?
  public let lastProgress: RelayInstant
  public let failures: Int
  public let notBefore: RelayInstant
}

extension RelayEngine {
  /// Nil for a packet that is not in work: unknown, or settled.
  public func report(on key: PacketKey) -> PacketReport? {
    guard let end = endIndex[key.origin],
      let record = tracked[Slot(end: end, sequence: key.sequence.rawValue)]?.record
    else { return nil }
    let work: Int? =
      switch record.status {
      case .waitingEvidence(let task), .evidenceReady(let task): workEnd(end, task)
      default: nil
      }
    if let work, let shut = shutReason(work) {
      return PacketReport(
        record: record, status: .paused, reason: shut.rawValue, nextStep: PacketStatus.paused.nextStep)
    }
    let reason =
      switch record.status {
      case .hopeless, .waitingEvidence, .checking: record.lastRefusal ?? record.status.code
      default: record.status.code
      }
    return PacketReport(
      record: record, status: record.status, reason: reason, nextStep: record.status.nextStep)
  }

  /// Nil for an end that belongs to no lane.
  public func report(on id: LaneEnd) -> LaneReport? {
    guard let end = endIndex[id] else { return nil }
    let rows = tracked.filter { $0.key.end == end }
    let open = rows.filter { !$0.value.record.status.isHopeless }.keys.min()
    return LaneReport(
      end: id, shut: shutReason(end), client: ends[end].client, openCount: ends[end].openCount,
      readyLiveCount: ends[end].ready.live.count, readyBacklogCount: ends[end].ready.backlog.count,
      hopelessCount: rows.count { $0.value.record.status.isHopeless },
      oldestOpen: open.flatMap { Sequence($0.sequence) }, lastProgress: ends[end].lastProgress,
      failures: ends[end].failures, notBefore: ends[end].notBefore)
  }

  /// How many packets are in work: live, backlog, and given up.
  public var packetCounts: (live: Int, backlog: Int, hopeless: Int) {
    (counts.live, counts.backlog, counts.shelf)
  }
}
