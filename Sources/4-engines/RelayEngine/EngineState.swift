import Messages

/// One domain, as far as it is known.
struct DomainState: Sendable {
  let id: DomainID
  var head: DomainHead?
  /// Packets that wait for a height to become final.
  var finality = Waiting<Height, Ticket>()
  /// Deadlines of packets on their way here, against the newest block.
  var deadlines = Waiting<UnixTime, Slot>()
  /// Packets whose deadline has passed, against the newest final block.
  var finalDeadlines = Waiting<UnixTime, Ticket>()
  var flights = 0
  var backlogFlights = 0
  /// Live submissions in a row while backlog was ready.
  var liveRun = 0
  var readyLive: [UInt64] = []
  var readyBacklog: [UInt64] = []
  /// It tells another history than the one that was final.
  var isViolated = false
  /// An operator has resumed a lane since: the other history may replace the first.
  var isForgiven = false

  init(_ id: DomainID) { self.id = id }
}

/// A client on a domain: as one that is updated and gets packet messages, and as one that packets are sent over.
struct EndState: Sendable {
  let end: LaneEnd
  let domain: Int
  let peer: Int
  let form: EvidenceForm
  let trustingSeconds: UInt64?
  let messagesMax: Int
  let bytesMax: Int
  let listedBytesMax: Int
  let proofBytes: Int
  var record: EndRecord
  var client: RelayedClient?
  /// The client must be given a new height before anything else is tried.
  var needsUpdate = false
  /// A header that the destination's clock has not reached. Newer ones are believed later still, so that this one is
  /// offered until it passes, and messages that it covers go before others.
  var early: (height: Height, time: UnixTime)?
  /// The tracked domain's clock has been ahead by more than the client bears.
  var isAhead = false
  /// What is to be submitted here.
  var ready = WorkQueues()
  var fillAt: RelayInstant?
  var liveBatches = 0
  var backlogBatches = 0
  var updatesOpen = 0
  var failures = 0
  var notBefore = RelayInstant(milliseconds: 0)
  var scanCursor: UInt64 = 0
  /// The next scan, or when the present one is asked again.
  var scanAt = RelayInstant(milliseconds: 0)
  /// Nothing is answered that was not asked; the cursor that a page must fit.
  var isScanning = false
  var inspections = WorkQueues()
  var inspectionTurn = 0
  var inspectionsAsked = 0
  var clientAt = RelayInstant(milliseconds: 0)
  /// Packets sent from here that have not ended, hopeless ones apart.
  var openCount = 0
  var lastProgress = RelayInstant(milliseconds: 0)
  var raised: Set<RelayAlert.Kind> = []

  init(
    _ end: LaneEnd, domain: Int, peer: Int, form: EvidenceForm, trustingSeconds: UInt64?, limits: EndLimits,
    rules: RelayRules
  ) {
    messagesMax = min(limits.messagesMax ?? rules.batchMessagesMax, rules.batchMessagesMax)
    bytesMax = min(limits.bytesMax ?? rules.batchBytesMax, rules.batchBytesMax)
    listedBytesMax = limits.listedBytesMax ?? .max
    proofBytes = limits.proofBytes
    self.end = end
    self.domain = domain
    self.peer = peer
    self.form = form
    self.trustingSeconds = trustingSeconds
    record = EndRecord(end)
  }
}

struct Tracked: Sendable {
  enum Question: Sendable {
    case lookup
    case inspection
  }

  var record: PacketRecord
  /// The number of its present place.
  var ticket: UInt64 = 0
  var batch: UInt64?
  var asking: Question?

  init(record: PacketRecord) { self.record = record }
}

struct Learnt: Sendable {
  var packet: Packet?
  var acknowledgement: Acknowledgement?
}

struct Counts: Hashable, Sendable {
  var live = 0
  var backlog = 0
  var shelf = 0
}

enum Timer: Sendable {
  case packet(Ticket)
  case batch(UInt64)
}

struct BatchTask: Sendable {
  let slot: Slot
  let message: RelayMessage
  let sizeBytes: Int
}

struct Batch: Sendable {
  enum Stage: Sendable {
    case collecting
    case ready
    case submitted
  }
  let end: Int
  let isLive: Bool
  let height: Height
  let heightTime: UnixTime
  let updates: Bool
  let isRefresh: Bool
  var tasks: [BatchTask]
  var stage: Stage
  var awaitsEvidence: Bool
  var awaitsProofs: Bool
}

extension RelayEngine {
  /// The end at which `task` is submitted for a packet sent from the end `origin`.
  func workEnd(_ origin: Int, _ task: RelayTask) -> Int { task == .receive ? ends[origin].peer : origin }

  func head(_ domain: Int) -> DomainHead? { domains[domain].head }
  func originHead(_ slot: Slot) -> DomainHead? { domains[ends[slot.end].domain].head }
  func destination(_ slot: Slot) -> Int { ends[ends[slot.end].peer].domain }
  func destinationHead(_ slot: Slot) -> DomainHead? { domains[destination(slot)].head }

  /// Adds `delta` where `record` is counted.
  mutating func count(_ record: PacketRecord, _ delta: Int) {
    if record.status.isHopeless {
      counts.shelf += delta
      return
    }
    if record.isLive { counts.live += delta } else { counts.backlog += delta }
    guard let end = endIndex[record.key.origin] else { return }
    if ends[end].openCount == 0, delta > 0 { ends[end].lastProgress = now }
    ends[end].openCount += delta
  }

  /// Changes a row, keeps the counts right, and notes that it is to be persisted.
  mutating func update(_ slot: Slot, persists: Bool = true, _ body: (inout PacketRecord) -> Void) {
    guard let before = tracked[slot]?.record else { return }
    var after = before
    body(&after)
    guard after != before else { return }
    // Live again only when there is room: a packet that was shelved goes to the backlog.
    if before.status.isHopeless, !after.status.isHopeless { after.isLive = false }
    if before.status.isHopeless != after.status.isHopeless || before.isLive != after.isLive {
      count(before, -1)
      count(after, 1)
    }
    tracked[slot]?.record = after
    if persists { changed.insert(slot) }
  }

  /// Leaves batch, queue and question, and goes where the row's status belongs.
  mutating func place(_ slot: Slot) {
    guard isStarted, let item = tracked[slot] else { return }
    switch item.asking {
    case .lookup: lookupsAsked -= 1
    case .inspection: ends[slot.end].inspectionsAsked -= 1
    case nil: break
    }
    tracked[slot]?.asking = nil
    tracked[slot]?.batch = nil
    let ticket = Ticket(slot: slot, number: nextTicket)
    tracked[slot]?.ticket = ticket.number
    nextTicket += 1
    while let record = tracked[slot]?.record, let next = following(record, slot) { enter(slot, next) }
    guard let record = tracked[slot]?.record else { return }
    let origin = ends[slot.end].domain
    switch record.status {
    case .discovered: ask(ticket, record) { $0.lookups.push(ticket, isLive: record.isLive) }
    case .received: ask(ticket, record) { $0.lookups.push(ticket, isLive: record.isLive) }
    case .checking: ask(ticket, record) { $0.ends[slot.end].inspections.push(ticket, isLive: record.isLive) }
    case .waitingFinality: domains[origin].finality.push(record.sentHeight, ticket)
    case .waitingEvidence(let task):
      let end = workEnd(slot.end, task)
      ask(ticket, record) { engine in
        engine.ends[end].ready.push(ticket, isLive: record.isLive)
        if engine.ends[end].fillAt == nil {
          engine.ends[end].fillAt = engine.now.adding(engine.rules.batchDelay)
        }
      }
    case .waitingAcknowledgementFinality:
      if let height = record.answer?.height { domains[destination(slot)].finality.push(height, ticket) }
    case .waitingDeadline:
      if let timeout = record.contents?.timeout {
        domains[destination(slot)].finalDeadlines.push(timeout, ticket)
      }
    case .confirming:
      guard let height = record.ending?.height else { return }
      if let head = head(origin), head.final >= height {
        ask(ticket, record) { $0.lookups.push(ticket, isLive: record.isLive) }
      } else {
        domains[origin].finality.push(height, ticket)
      }
    case .settled:
      ends[slot.end].record.ended.insert(slot.sequence, slot.sequence, runsMax: rules.endedRunsMax)
      changedEnds.insert(slot.end)
      progress(slot.end)
    case .hopeless:
      shelf.push(ticket)
      forgetOldestOnShelf()
    case .evidenceReady, .submitting, .paused: break
    }
  }

  /// Now, or after what the row says.
  private mutating func ask(_ ticket: Ticket, _ record: PacketRecord, _ push: (inout RelayEngine) -> Void) {
    if let moment = record.notBefore, moment > now {
      timers.push(moment, .packet(ticket))
    } else {
      push(&self)
    }
  }

  /// The next status when nothing but the domains' heads is needed for it.
  private func following(_ record: PacketRecord, _ slot: Slot) -> PacketStatus? {
    switch record.status {
    case .discovered: return record.contents == nil ? nil : .checking(.receive)
    case .waitingFinality:
      guard let head = originHead(slot), head.final >= record.sentHeight else { return nil }
      return .waitingEvidence(.receive)
    case .waitingEvidence(.receive), .hopeless(.receiveRefused), .hopeless(.receiveExhausted):
      guard let head = destinationHead(slot), let contents = record.contents,
        head.latestTime >= contents.timeout
      else { return nil }
      return .waitingDeadline
    case .received: return record.answer == nil ? nil : .waitingAcknowledgementFinality
    case .waitingAcknowledgementFinality:
      guard let head = destinationHead(slot), let answer = record.answer, head.final >= answer.height else {
        return nil
      }
      return .waitingEvidence(.acknowledge)
    case .waitingDeadline:
      guard let head = destinationHead(slot), let contents = record.contents,
        head.finalTime >= contents.timeout
      else { return nil }
      return .waitingEvidence(.timeOut)
    case .confirming:
      guard let head = originHead(slot), let ending = record.ending, head.final >= ending.height else {
        return nil
      }
      if ending.isTimeout { return .settled(.timeout) }
      if let answer = record.answer { return .settled(answer.isSuccess ? .success : .error) }
      // A relayer that lost the answer still knows that the packet has ended.
      return record.lookups >= rules.lookupsMax ? .settled(.elsewhere) : nil
    default: return nil
    }
  }

  /// Begins a status; the counters of the one before do not follow.
  mutating func enter(_ slot: Slot, _ status: PacketStatus) {
    let rules = rules
    let now = now
    update(slot) { record in
      guard record.status != status else { return }
      record.status = status
      record.notBefore = nil
      switch status {
      case .waitingEvidence(let task):
        guard record.task != task else {
          if record.attempts > 0 {
            record.notBefore = now.adding(Self.backoff(record.attempts, record.key, rules))
          }
          return
        }
        record.task = task
        record.attempts = 0
        record.groupMax = rules.batchMessagesMax
        let mine =
          (rules.relayerIndex + rules.relayerCount
            - Int(Turns.hash(record.key, task == .receive ? 1 : 2) % UInt64(rules.relayerCount)))
          % rules.relayerCount
        if mine > 0 { record.notBefore = now.adding(rules.staggerStep * mine) }
      case .received:
        record.lookups = 0
        record.notBefore = now.adding(rules.acknowledgementPatience)
      case .confirming: record.lookups = 0
      default: break
      }
    }
  }

  mutating func progress(_ end: Int) {
    ends[end].lastProgress = now
    lower(.laneStuck, end)
  }

  mutating func watchDeadline(_ slot: Slot) {
    guard let contents = tracked[slot]?.record.contents else { return }
    domains[destination(slot)].deadlines.push(contents.timeout, slot)
  }

  private mutating func forgetOldestOnShelf() {
    while counts.shelf > rules.shelfMax, let ticket = shelf.pop() {
      guard let item = tracked[ticket.slot], item.ticket == ticket.number else { continue }
      count(item.record, -1)
      tracked[ticket.slot] = nil
      changed.remove(ticket.slot)
    }
  }

  mutating func raise(_ kind: RelayAlert.Kind, _ end: Int, packet: PacketKey? = nil) {
    // A packet's alert is its own; the others are conditions of an end, and raised once.
    if packet == nil {
      guard ends[end].raised.insert(kind).inserted else { return }
    }
    effects.append(.alert(RelayAlert(kind: kind, end: ends[end].end, packet: packet)))
  }

  mutating func lower(_ kind: RelayAlert.Kind, _ end: Int) {
    guard ends[end].raised.remove(kind) != nil else { return }
    effects.append(.alertEnded(kind, ends[end].end))
  }

  mutating func giveUp(_ slot: Slot, _ reason: HopelessReason, code: String? = nil) {
    update(slot) { record in
      record.status = .hopeless(reason)
      record.notBefore = nil
      if let code { record.lastRefusal = PacketRecord.cut(code) }
    }
    if let key = tracked[slot]?.record.key { raise(.packetHopeless, slot.end, packet: key) }
    place(slot)
  }

  mutating func fire(_ timer: Timer) {
    switch timer {
    case .packet(let ticket):
      guard let item = tracked[ticket.slot], item.ticket == ticket.number else { return }
      if item.asking == .lookup {
        takeNothing(at: ticket.slot)
      } else {
        update(ticket.slot, persists: false) { $0.notBefore = nil }
        place(ticket.slot)
      }
    case .batch(let number): expire(number)
    }
  }
}

extension PacketRecord {
  static func cut(_ code: String) -> String {
    String(decoding: Array(code.utf8.prefix(refusalSizeMax)), as: UTF8.self)
  }
}
