import Encodings
import Foundation
public import SignerJournal
public import SignerWire
public import SigningRules
import Synchronization

/// Why a signer signs nothing any more.
public enum HaltReason: Hashable, Sendable {
  case records(RecordFailure)
  /// Somebody said so; the text is for people.
  case ordered(String)
}

/// Decides, writes down and signs, in batches, on one thread.
///
/// ```
/// queue ─▶ batch: rules ─▶ append ─▶ one commit ─▶ signatures (on two threads) ─▶ answers
/// ```
///
/// A class: it is the one owner of the state, of the thread and of the queue before it.
public final class SigningCore: Sendable {
  /// Requests of one commit, at least; frames are not cut in two.
  public static let batchMax = 256
  /// Requests that wait, and how long they may be together as they were sent.
  public static let queueMax = 8_192
  public static let queueBytesMax = 64 << 20
  /// Administrative calls and audit lines that wait.
  public static let callsMax = 256

  public typealias Clock = @Sendable () -> UnixMilliseconds

  private struct Waiting: Sendable {
    let client: ClientName
    let items: [SigningItem]
    let sizeBytes: Int
    let since: ContinuousClock.Instant
    let reply: @Sendable ([SigningAnswer]) -> Void
  }

  private enum Work: Sendable {
    case sign(Waiting)
    case call(@Sendable (inout CoreState) -> Void)
  }

  private struct Queue: Sendable {
    var work: [Work] = []
    var requests = 0
    var sizeBytes = 0
    var calls = 0
    var isAsleep = false
    var isDraining = false
    var isStopped = false
  }

  private let state: Mutex<CoreState>
  private let queue = Mutex(Queue())
  private let wake = DispatchSemaphore(value: 0)
  private let ended = Mutex<(isOver: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))
  private let halted = Mutex<HaltReason?>(nil)
  private let counts = Mutex(SignerCounters())
  private let clock: Clock
  private let executor: (any AdminExecutor)?

  /// Starts the thread.
  public init(
    _ state: consuming sending CoreState, executor: (any AdminExecutor)? = nil,
    clock: @escaping Clock = SigningCore.systemClock
  ) {
    self.state = Mutex(state)
    self.executor = executor
    self.clock = clock
    let thread = Thread { [self] in run() }
    thread.name = "signing"
    thread.start()
  }

  public static let systemClock: Clock = {
    UnixMilliseconds(UInt64(max(0, Date().timeIntervalSince1970 * 1_000)))
  }

  public var now: UnixMilliseconds { clock() }
  public var haltReason: HaltReason? { halted.withLock { $0 } }
  public var counters: SignerCounters { counts.withLock { $0 } }

  func count(_ change: (inout SignerCounters) -> Void) { counts.withLock { change(&$0) } }

  // MARK: Asking

  /// Queues requests. `reply` is called once, on the signing thread, with an answer for each in their order.
  ///
  /// - Throws: ``SignerFault``: `halted`, `draining`, `overloaded`; nothing is called then.
  func submit(
    _ items: [SigningItem], sizeBytes: Int, from client: ClientName,
    reply: @escaping @Sendable ([SigningAnswer]) -> Void
  ) throws(SignerFault) {
    guard haltReason == nil else { throw .halted }
    let waiting = Waiting(client: client, items: items, sizeBytes: sizeBytes, since: .now, reply: reply)
    try enqueue(.sign(waiting))
  }

  /// Queues an administrative request; answers of a halted signer are about its state only.
  func administer(
    _ request: AdminRequest, from caller: AdminCaller,
    reply: @escaping @Sendable (Result<JSONValue, SignerRefusal>) -> Void
  ) throws(SignerFault) {
    guard let executor else { throw .operation }
    guard haltReason == nil || request.operation.isReadOnly else { throw .halted }
    let call: @Sendable (inout CoreState) -> Void = { [self] core in
      let now = clock()
      var answer = executor.execute(request, from: caller, on: &core, at: now)
      var refusal: SignerRefusal?
      if case .failure(let why) = answer { refusal = why }
      if haltReason == nil {
        do throws(RecordFailure) {
          if !request.operation.isReadOnly || refusal != nil {
            try core.append(AuditLines.administered(request, caller.client, refusal, at: now))
          }
          // Also after a refusal: something may have been changed before it.
          try core.appendKeysMark()
          try core.records.commit()
        } catch {
          halt(.records(error))
          if !request.operation.isReadOnly { answer = .failure(SignerRefusal(.halted)) }
        }
      }
      count { $0.administered += 1 }
      reply(answer)
    }
    try enqueue(.call(call))
  }

  /// Runs `body` on the signing thread between batches, and commits what it appended before it returns.
  public func perform<Value: Sendable>(
    _ body: @escaping @Sendable (inout CoreState) -> Value
  ) async throws(SignerFault) -> Value {
    let result: Result<Value, SignerFault> = await withCheckedContinuation { continuation in
      do throws(SignerFault) {
        try enqueue(
          .call { [self] core in
            let value = body(&core)
            guard haltReason == nil else {
              continuation.resume(returning: .failure(.halted))
              return
            }
            do throws(RecordFailure) {
              try core.appendKeysMark()
              try core.records.commit()
              continuation.resume(returning: .success(value))
            } catch {
              halt(.records(error))
              continuation.resume(returning: .failure(.halted))
            }
          })
      } catch { continuation.resume(returning: .failure(error)) }
    }
    return try result.get()
  }

  /// Adds a line to the audit log with the next commit. When too much waits, it is dropped, and counted as a fault.
  func note(_ entry: AuditEntry) {
    do throws(SignerFault) {
      try enqueue(
        .call { [self] core in
          guard haltReason == nil else { return }
          do throws(RecordFailure) {
            try core.append(entry)
            try core.records.commit()
          } catch { halt(.records(error)) }
        })
    } catch { count { $0.faults["auditDropped", default: 0] += 1 } }
  }

  private func enqueue(_ work: Work) throws(SignerFault) {
    let outcome = queue.withLock { queue -> (fault: SignerFault?, wake: Bool) in
      guard !queue.isDraining, !queue.isStopped else { return (.draining, false) }
      switch work {
      case .sign(let waiting):
        guard queue.requests + waiting.items.count <= Self.queueMax,
          queue.sizeBytes + waiting.sizeBytes <= Self.queueBytesMax
        else { return (.overloaded, false) }
        queue.requests += waiting.items.count
        queue.sizeBytes += waiting.sizeBytes
      case .call:
        guard queue.calls < Self.callsMax else { return (.overloaded, false) }
        queue.calls += 1
      }
      queue.work.append(work)
      defer { queue.isAsleep = false }
      return (nil, queue.isAsleep)
    }
    if let fault = outcome.fault { throw fault }
    if outcome.wake { wake.signal() }
  }

  // MARK: Ending

  /// Signs nothing from now on.
  public func halt(_ reason: HaltReason) {
    halted.withLock { if $0 == nil { $0 = reason } }
  }

  /// Takes nothing more, answers what waits, and ends the thread.
  public func drain() async {
    let isAsleep = queue.withLock { queue -> Bool in
      queue.isDraining = true
      defer { queue.isAsleep = false }
      return queue.isAsleep
    }
    if isAsleep { wake.signal() }
    await withCheckedContinuation { continuation in
      let isOver = ended.withLock { ended -> Bool in
        if !ended.isOver { ended.waiters.append(continuation) }
        return ended.isOver
      }
      if isOver { continuation.resume() }
    }
  }

  // MARK: The thread

  private func run() {
    while let work = next() {
      var batch: [Waiting] = []
      for piece in work {
        switch piece {
        case .sign(let waiting): batch.append(waiting)
        case .call(let call):
          // In order: what was asked before is answered by the rules that held before.
          flush(&batch)
          state.withLock { call(&$0) }
        }
      }
      flush(&batch)
      compact()
      raiseCounter(isLast: false)
    }
    raiseCounter(isLast: true)
    let waiters = ended.withLock { ended in
      ended.isOver = true
      defer { ended.waiters = [] }
      return ended.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// What waits, up to a batch; nil when there will be nothing more.
  private func next() -> [Work]? {
    while true {
      let taken = queue.withLock { queue -> [Work]? in
        guard !queue.work.isEmpty else {
          if queue.isDraining {
            queue.isStopped = true
            return nil
          }
          queue.isAsleep = true
          return []
        }
        var requests = 0
        var count = 0
        for piece in queue.work {
          guard requests < Self.batchMax else { break }
          switch piece {
          case .sign(let waiting):
            requests += waiting.items.count
            queue.sizeBytes -= waiting.sizeBytes
          case .call: queue.calls -= 1
          }
          count += 1
        }
        queue.requests -= requests
        let taken = Array(queue.work.prefix(count))
        queue.work.removeFirst(count)
        return taken
      }
      guard let taken else { return nil }
      if !taken.isEmpty { return taken }
      wake.wait()
    }
  }

  private struct Granted: Sendable {
    let place: Int
    let key: KeyID
    let payload: SigningPayload
  }

  private func flush(_ batch: inout [Waiting]) {
    guard !batch.isEmpty else { return }
    let all = batch
    batch = []
    let total = all.reduce(0) { $0 + $1.items.count }
    var answers = [SigningAnswer](repeating: .failure(SignerRefusal(.halted)), count: total)
    let now = clock()
    if haltReason == nil {
      do throws(RecordFailure) {
        var commitTime = Duration.zero
        let (granted, keys) = try state.withLock { core throws(RecordFailure) in
          let granted = try Self.decide(all, on: &core, into: &answers, at: now, count)
          let decided = ContinuousClock.now
          try core.records.commit()
          commitTime = .now - decided
          return (granted, core.keys)
        }
        sign(granted, keys, into: &answers, at: now)
        let took = commitTime
        count {
          $0.commits += 1
          $0.batchMax = max($0.batchMax, total)
          $0.commitTimes.add(microseconds: Self.microseconds(took))
        }
        try writeFailures(granted, all, answers, at: now)
      } catch {
        // Whatever was decided stays promised in memory; nothing of it leaves.
        halt(.records(error))
        for place in answers.indices { answers[place] = .failure(SignerRefusal(.halted)) }
      }
    }
    let end = ContinuousClock.now
    count { counters in
      counters.requests += UInt64(total)
      for answer in answers {
        switch answer {
        case .success: counters.signatures += 1
        case .failure: counters.refusals += 1
        }
      }
      for waiting in all {
        counters.requestTimes.add(microseconds: Self.microseconds(end - waiting.since))
      }
    }
    var start = 0
    for waiting in all {
      waiting.reply(Array(answers[start..<(start + waiting.items.count)]))
      start += waiting.items.count
    }
  }

  /// Asks the rules for each request, and appends what must be on disk before it is signed.
  private static func decide(
    _ batch: [Waiting], on core: inout CoreState, into answers: inout [SigningAnswer],
    at now: UnixMilliseconds, _ count: ((inout SignerCounters) -> Void) -> Void
  ) throws(RecordFailure) -> [Granted] {
    var granted: [Granted] = []
    var alarms = 0
    var place = 0
    for waiting in batch {
      for item in waiting.items {
        defer { place += 1 }
        guard let facts = core.keys.facts(of: item.key, at: now) else {
          let refusal = SignerRefusal(.unknownKey)
          answers[place] = .failure(refusal)
          try core.append(AuditLines.refused(item, waiting.client, refusal, at: now))
          continue
        }
        let outcome: SigningEvent.Outcome
        switch admission(of: item, facts, waiting.client, on: &core, at: now) {
        case .success(let admission):
          try core.append(admission.records)
          try core.append(AuditLines.granted(item, waiting.client, at: now))
          granted.append(Granted(place: place, key: item.key, payload: admission.payload))
          outcome = .granted
        case .failure(let why):
          let refusal = SignerRefusal(why)
          answers[place] = .failure(refusal)
          try core.append(AuditLines.refused(item, waiting.client, refusal, at: now))
          outcome = .refused(why.kind)
        }
        // A client that is refused must not have others' keys locked by naming them.
        let isItsOwn = outcome == .granted || core.grants(item.key, to: waiting.client)
        alarms += try core.observe(
          SigningEvent(
            client: waiting.client, key: isItsOwn ? item.key : nil, purpose: item.request.purpose,
            outcome: outcome), at: now)
      }
    }
    let raised = alarms
    let grants = granted.count
    count {
      $0.grants += UInt64(grants)
      $0.alarms += UInt64(raised)
    }
    return granted
  }

  private static func admission(
    of item: SigningItem, _ facts: KeyFacts, _ client: ClientName, on core: inout CoreState,
    at now: UnixMilliseconds
  ) -> Result<Admission, SigningRefusal> {
    do throws(SigningRefusal) {
      return .success(try core.signing.admit(item.request, key: facts, client: client, at: now))
    } catch { return .failure(error) }
  }

  private func sign(
    _ granted: [Granted], _ keys: any KeySigning, into answers: inout [SigningAnswer],
    at now: UnixMilliseconds
  ) {
    @Sendable func signed(_ part: ArraySlice<Granted>) -> [(Int, SigningAnswer)] {
      part.map { grant in
        do throws(SignerRefusal) {
          return (grant.place, .success(try keys.sign(grant.payload, with: grant.key, at: now)))
        } catch { return (grant.place, .failure(error)) }
      }
    }
    guard granted.count > 3 else {
      for (place, answer) in signed(granted[...]) { answers[place] = answer }
      return
    }
    let parts = min(4, ProcessInfo.processInfo.activeProcessorCount)
    let results = Mutex<[(Int, SigningAnswer)]>([])
    DispatchQueue.concurrentPerform(iterations: parts) { part in
      let slice = granted[(granted.count * part / parts)..<(granted.count * (part + 1) / parts)]
      let made = signed(slice)
      results.withLock { $0 += made }
    }
    for (place, answer) in results.withLock({ $0 }) { answers[place] = answer }
  }

  /// A grant without a signature is told in the audit log, with the next commit.
  private func writeFailures(
    _ granted: [Granted], _ batch: [Waiting], _ answers: [SigningAnswer], at now: UnixMilliseconds
  ) throws(RecordFailure) {
    var failed: [Int: SignerRefusal] = [:]
    for grant in granted {
      if case .failure(let refusal) = answers[grant.place] { failed[grant.place] = refusal }
    }
    guard !failed.isEmpty else { return }
    try state.withLock { core throws(RecordFailure) in
      var place = 0
      for waiting in batch {
        for item in waiting.items {
          if let refusal = failed[place] {
            try core.append(AuditLines.refused(item, waiting.client, refusal, at: now))
          }
          place += 1
        }
      }
    }
  }

  private func compact() {
    guard haltReason == nil else { return }
    do throws(RecordFailure) {
      try state.withLock { core throws(RecordFailure) in
        guard core.records.wantsCompaction else { return }
        try core.records.compact(snapshot: core.snapshot(), at: clock().milliseconds)
      }
    } catch {
      // A compaction that did not begin leaves the old file in use.
      if case .journal(.compaction) = error { return }
      halt(.records(error))
    }
  }

  /// Between batches, when it is due; and at the end, so that no copy that was made while this ran is the newest later.
  private func raiseCounter(isLast: Bool) {
    guard haltReason == nil else { return }
    let now = clock().milliseconds
    do throws(RecordFailure) {
      try state.withLock { core throws(RecordFailure) in
        guard isLast || core.records.wantsCounterRaise(at: now) else { return }
        try core.records.raiseCounter(at: now)
      }
    } catch { halt(.records(error)) }
  }

  private static func microseconds(_ duration: Duration) -> UInt64 {
    let parts = duration.components
    return UInt64(max(0, parts.seconds)) &* 1_000_000 &+ UInt64(max(0, parts.attoseconds / 1_000_000_000_000))
  }
}
