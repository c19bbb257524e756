import ChainAccess
import FoundationEssentials
import Gate
import Ledger
import LightClients
import Messages
public import RelayEngine
import WireBytes

/// Serves lanes: follows their domains, and does what ``RelayEngine`` says, until its task is cancelled.
///
/// One turn takes all events that wait, steps the engine with each, writes all rows in one transaction, and only then
/// begins what the engine asked for, in order. Work goes on beside the turns, and comes back as events.
///
/// - SeeAlso: docs/spec/relaying.md.
public actor Relayer {
  public nonisolated let configuration: RelayConfiguration

  enum Item: Sendable {
    case event(RelayEvent)
    case moment(StoreChange.Moment)
    case failure(PacketKey, String)
    case read(DomainID, UInt64, Bytes32?, final: UInt64)
    case jumped(DomainID, to: UInt64)
    /// To the block, and to the header that proves the state after it.
    case rolledBack(DomainID, to: UInt64, Height)
  }

  /// What goes on beside the turns.
  enum Work: Sendable {
    case readClient(LaneEnd)
    case scan(ScanRequest)
    case inspect(InspectRequest)
    case lookUp([Lookup])
    case attest(AttestationRequest)
    case header(HeaderRequest)
    case proofs(ProofRequest)
  }

  struct Session {
    let domain: RelayedDomain
    var cursor: UInt64?
    var head: ChainHead?
    var failure: AccessError?
    var flights: [Bytes32: Flight] = [:]
    /// Calls in blocks that nobody has said yet to be ours: the block came sooner than the answer.
    var strays: [(id: Bytes32, height: Height, transaction: ObservedTransaction)] = []
    /// Flights that are in blocks which may be rolled back.
    var landed: [(height: UInt64, hash: Bytes32, flight: Flight)] = []
    /// The account's sequence must be read again.
    var isAccountStale = false
    /// The final height that holds another block than it did.
    var violation: UInt64?
    /// An operator believes what the domain says now.
    var mayReplace = false
    /// Times of the newest blocks: evidence may give its height's time in whole seconds.
    private var times: [(height: UInt64, time: CometBFT.Timestamp)] = []
    private static let timesMax = 256
    /// Packets that the next header commits to, sent or ended.
    var uncommitted: [(height: UInt64, key: PacketKey, isEnding: Bool)] = []
    /// Packets whose block may still be rolled back.
    var unsettled: [(height: UInt64, key: PacketKey, isEnding: Bool)] = []
    let submissions: AsyncStream<Submission>
    let submit: AsyncStream<Submission>.Continuation

    let history: BlockHistory

    init(_ domain: RelayedDomain, cursor: UInt64?, history: BlockHistory) {
      self.domain = domain
      self.cursor = cursor
      self.history = history
      (submissions, submit) = AsyncStream.makeStream(of: Submission.self)
    }

    mutating func keep(_ time: CometBFT.Timestamp, of height: UInt64) {
      if times.count >= Self.timesMax { times.removeFirst(Self.timesMax / 2) }
      times.append((height, time))
    }

    func time(of height: UInt64) -> CometBFT.Timestamp? {
      times.last { $0.height == height }?.time
    }

    /// Forgets what blocks above `height` told; `proving` is the header that proves the state after it.
    mutating func rollBack(to height: UInt64, proving: UInt64) {
      cursor = height
      head = nil
      times.removeAll { $0.height > height }
      uncommitted.removeAll { $0.height > proving }
      unsettled.removeAll { $0.height > proving }
      strays.removeAll { $0.transaction.height > height }
    }
  }

  /// Items that wait for a turn before followers are held back.
  static let itemsMax = 10_000
  /// Blocks that are read before a cursor is written for its own sake.
  static let cursorStep: UInt64 = 100

  let store: RelayStore
  let incarnation: UInt64
  let order: [LaneEnd]
  let peers: [LaneEnd: LaneEnd]
  nonisolated let collectors: [LaneEnd: EvidenceCollector]
  nonisolated let questions: StateQuestions
  nonisolated let destinations: [LaneEnd: LaneEnd]
  let start: ContinuousClock.Instant
  let startMilliseconds: UInt64
  let turns: AsyncStream<Void>
  let turn: AsyncStream<Void>.Continuation

  var engine: RelayEngine
  var sessions: [DomainID: Session] = [:]
  var items: [Item] = []
  var held: [CheckedContinuation<Void, Never>] = []
  var cursors: [DomainID: StoredCursor] = [:]
  var writtenCursors: [DomainID: UInt64]
  var contents: [PacketKey: PacketContents] = [:]
  var contentsBytes = 0
  /// Batches whose evidence or proofs are wanted.
  var batches: Set<BatchID> = []
  var evidence: [BatchID: CollectedEvidence] = [:]
  var proofs: [BatchID: [ProofNeed: [UInt8]]] = [:]
  var works = 0
  var wake: Task<Void, Never>?
  var alerts: [RelayAlert] = []
  var notices: [RelayNotice] = []
  var settled: UInt64 = 0
  var isUsed = false

  /// Opens the file, and takes up what an earlier run has left.
  public init(_ configuration: RelayConfiguration) throws(RelayServiceError) {
    self.configuration = configuration
    try configuration.check()
    var ends: [(LaneEnd, LaneEnd)] = []
    var peers: [LaneEnd: LaneEnd] = [:]
    for lane in configuration.lanes {
      let (origin, destination) = lane.ends
      ends.append((origin, destination))
      peers[origin] = destination
      peers[destination] = origin
    }
    self.peers = peers
    destinations = peers
    order = ends.flatMap { [$0.0, $0.1] }
    collectors = configuration.collectors
    questions = StateQuestions(
      domains: Dictionary(configuration.domains.map { ($0.access.domain, $0.access) }) { first, _ in first })
    let opened = try RelayStore.open(
      path: configuration.path, ends: ends, settledMax: configuration.settledMax)
    store = opened.store
    incarnation = opened.start.incarnation
    writtenCursors = opened.start.cursors
    do throws(RelayConfigurationError) {
      engine = try RelayEngine(
        rules: configuration.rules, lanes: configuration.lanes.map { configuration.rule(of: $0) },
        incarnation: incarnation,
        restoring: opened.start.snapshot)
    } catch { throw .engine(error) }
    for domain in configuration.domains {
      let id = domain.access.domain
      sessions[id] = Session(
        domain, cursor: opened.start.cursors[id], history: opened.start.histories[id] ?? BlockHistory())
    }
    start = ContinuousClock.now
    startMilliseconds = UInt64(max(0, Date().timeIntervalSince1970) * 1_000)
    (turns, turn) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// Returns when its task is cancelled.
  ///
  /// - Throws: ``RelayServiceError/notIdle`` the second time; an error of the file, which stops everything.
  public func run() async throws(RelayServiceError) {
    guard !isUsed else { throw .notIdle }
    isUsed = true
    enqueue(.event(.started))
    let followers = sessions.values.map { session in
      let id = session.domain.access.domain
      return (
        DomainFollower(
          domain: session.domain, clients: Set(order.filter { $0.domain == id }.map(\.client.text)),
          patience: configuration.blockPatience, pause: configuration.endpointPause,
          blocksBehindMax: configuration.blocksBehindMax),
        DomainFollower.Place(cursor: session.cursor, history: session.history)
      )
    }
    let lines = sessions.map {
      ($0.key, $0.value.submissions, Submitter(domain: $0.value.domain, store: store))
    }
    let failure = await withDiscardingTaskGroup(returning: RelayServiceError?.self) { group in
      for (follower, place) in followers { group.addTask { await follower.run(from: place, for: self) } }
      for (domain, submissions, submitter) in lines {
        group.addTask { await self.submit(submissions, by: submitter, on: domain) }
      }
      var failure: RelayServiceError?
      for await _ in turns {
        do throws(RelayServiceError) {
          for work in try await takeTurn() {
            works += 1
            group.addTask { await self.perform(work) }
          }
        } catch {
          failure = error
          break
        }
      }
      group.cancelAll()
      release()
      return failure
    }
    wake?.cancel()
    if let failure, !Task.isCancelled { throw failure }
  }

  /// Nil for a packet that is not in work; ``RelayRecords`` knows settled ones.
  public func report(on key: PacketKey) -> PacketReport? { engine.report(on: key) }

  /// Both ends of every lane, in the order of the configuration.
  public func lanes() -> [LaneReport] { order.compactMap { engine.report(on: $0) } }

  /// Pauses, resumes or clears a lane by one of its ends.
  public func command(_ command: RelayCommand) {
    if case .resume(let end) = command {
      for id in [end.domain, peers[end]?.domain].compactMap(\.self) where sessions[id]?.violation != nil {
        sessions[id]?.mayReplace = true
      }
    }
    enqueue(.event(.command(command)))
  }

  public func status() -> RelayerStatus {
    let counts = engine.packetCounts
    return RelayerStatus(
      incarnation: incarnation,
      domains: configuration.domains.compactMap { domain in
        sessions[domain.access.domain].map { session in
          RelayerStatus.Domain(
            domain: domain.access.domain, head: session.head, cursor: session.cursor,
            failure: session.failure, pause: session.violation.map { .finalityViolated(at: $0) },
            transactionsWaiting: Set(session.flights.values.map(\.request.batch)).count)
        }
      }, lanes: lanes(), live: counts.live, backlog: counts.backlog, hopeless: counts.hopeless,
      alerts: alerts,
      notices: notices, settled: settled)
  }

  // MARK: Turns

  var now: RelayInstant {
    let elapsed = (ContinuousClock.now - start).components
    let milliseconds = elapsed.seconds * 1_000 + elapsed.attoseconds / 1_000_000_000_000_000
    return RelayInstant(milliseconds: startMilliseconds &+ UInt64(clamping: milliseconds))
  }

  func enqueue(_ item: Item) {
    items.append(item)
    turn.yield()
  }

  /// Lets followers go on.
  private func release() {
    let waiting = held
    held = []
    for continuation in waiting { continuation.resume() }
  }

  /// One turn; gives what is to be begun.
  private func takeTurn() async throws(RelayServiceError) -> [Work] {
    let taken = items
    items = []
    release()
    guard !taken.isEmpty else { return [] }
    var change = StoreChange()
    var effects: [RelayEffect] = []
    let now = now
    for item in taken {
      switch item {
      case .event(let event): take(event, &change, &effects, now)
      case .moment(let moment): change.moments.append(moment)
      case .failure(let key, let reason): change.failures[key] = reason
      case .read(let domain, let height, let hash, let final):
        cursors[domain, default: StoredCursor(height)].read(height, hash, final: final)
      case .jumped(let domain, let height):
        cursors[domain, default: StoredCursor(height)].jump(to: height)
      case .rolledBack(let domain, let height, let proving):
        change.rollBack(domain, to: height) { key, stage in
          stage == .executed ? peers[key.origin]?.domain : key.origin.domain
        }
        cursors[domain, default: StoredCursor(height)].rollBack(to: height)
        take(.rolledBack(domain, to: proving), &change, &effects, now)
      }
    }
    change.cursors = cursors
    let isFar = cursors.contains { $0.value.height &- (writtenCursors[$0.key] ?? 0) >= Self.cursorStep }
    if change.isDue || isFar {
      try await store.write(change)
      // Only turns change cursors, and there is one turn at a time.
      for (domain, cursor) in change.cursors { writtenCursors[domain] = cursor.height }
      cursors = [:]
    }
    return effects.compactMap { begin($0) }
  }

  private func take(
    _ event: RelayEvent, _ change: inout StoreChange, _ effects: inout [RelayEffect], _ now: RelayInstant
  ) {
    for effect in engine.step(event, at: now) {
      if case .persist(let packets, let ends) = effect {
        keep(packets)
        change.add(packets, ends)
      } else {
        effects.append(effect)
      }
    }
  }

  /// Holds contents that a submission will need soon.
  private func keep(_ changes: [PacketChange]) {
    for change in changes {
      let key = change.record.key
      if change.record.status.isSettled {
        if let old = contents.removeValue(forKey: key) { contentsBytes -= old.sizeBytes }
        settled &+= 1
        continue
      }
      guard change.packet != nil || change.acknowledgement != nil else { continue }
      // Only whole entries are held: without the packet, both are read from the file.
      guard var entry = contents[key] ?? (change.packet != nil ? PacketContents() : nil) else { continue }
      contentsBytes -= contents[key]?.sizeBytes ?? 0
      if let packet = change.packet { entry.packet = packet }
      if let acknowledgement = change.acknowledgement { entry.acknowledgement = acknowledgement }
      contents[key] = entry
      contentsBytes += entry.sizeBytes
    }
    if contentsBytes > configuration.contentsBytesMax {
      contents = [:]
      contentsBytes = 0
    }
  }

  /// What can be done at once is done; the rest is work.
  private func begin(_ effect: RelayEffect) -> Work? {
    switch effect {
    case .persist: return nil
    case .readClient(let end): return question(.readClient(end))
    case .scan(let request): return question(.scan(request))
    case .inspect(let request): return question(.inspect(request))
    case .lookUp(let lookups): return question(.lookUp(lookups))
    case .askAttesters(let request): return collection(.attest(request), of: request.batch)
    case .fetchHeader(let request): return collection(.header(request), of: request.batch)
    case .fetchProofs(let request):
      batches.insert(request.batch)
      guard works < configuration.worksMax else {
        enqueue(.event(.proofs(request.batch, .failed(code: "unavailable"))))
        return nil
      }
      return .proofs(request)
    case .submit(let request):
      let submission = Submission(
        request: request, evidence: evidence[request.batch], proofs: proofs[request.batch] ?? [:],
        contents: contents(for: request.messages))
      forget(request.batch)
      sessions[request.end.domain]?.submit.yield(submission)
    case .abandon(let batch): forget(batch)
    case .alert(let alert):
      if alert.packet == nil { alerts.append(alert) }
      note(.alert(alert))
    case .alertEnded(let kind, let end):
      alerts.removeAll { $0.kind == kind && $0.end == end }
      note(.alertEnded(kind, end))
    case .ignored(let sight): note(.sightIgnored(sight))
    case .wake(let instant): sleep(until: instant)
    }
    return nil
  }

  private func question(_ work: Work) -> Work? { works < configuration.worksMax ? work : nil }

  private func collection(_ work: Work, of batch: BatchID) -> Work? {
    batches.insert(batch)
    guard works < configuration.worksMax else {
      enqueue(.event(.evidence(batch, .failed(code: "unavailable"))))
      return nil
    }
    return work
  }

  private func contents(for messages: [RelayMessage]) -> [PacketKey: PacketContents] {
    var found: [PacketKey: PacketContents] = [:]
    found.reserveCapacity(messages.count)
    for message in messages {
      guard let entry = contents[message.key],
        entry.acknowledgement != nil || message.task != .acknowledge
      else { continue }
      found[message.key] = entry
    }
    return found
  }

  private func forget(_ batch: BatchID) {
    batches.remove(batch)
    evidence[batch] = nil
    proofs[batch] = nil
  }

  private func sleep(until instant: RelayInstant) {
    wake?.cancel()
    let now = now
    let milliseconds = instant > now ? instant.milliseconds - now.milliseconds : 0
    wake = Task { [weak self] in
      do { try await Task.sleep(for: .milliseconds(Int64(clamping: milliseconds))) } catch { return }
      await self?.enqueue(.event(.tick))
    }
  }

  /// What was told a moment ago is not told again.
  func note(_ notice: RelayNotice) {
    guard !notices.suffix(16).contains(notice) else { return }
    if notices.count >= RelayerStatus.noticesMax { notices.removeFirst() }
    notices.append(notice)
  }
}
