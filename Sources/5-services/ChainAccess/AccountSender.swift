public import Ledger
public import Messages
import PacketHost
public import WireBytes

/// Limits of a sender.
public struct SendingLimits: Hashable, Sendable {
  /// Transactions that wait for a block at once; a domain's mempool takes ``Mempool/perSenderMax``.
  public var inFlightMax = 1_000
  /// Transactions that wait to be signed.
  public var queueMax = 8_192
  /// Blocks after which a transaction that is in none of them can never be in one.
  public var windowBlocks: UInt64 = 1_000
  /// How long ``AccountSender/send(_:gasLimit:memo:)`` waits for a block before it says that nobody knows.
  public var patience = Duration.seconds(60)
  /// How long a transaction waits before the domain is asked whether it still has it.
  public var recheck = Duration.seconds(2)
  /// Attempts at an endpoint that does not answer, and at a sequence that is refused.
  public var attemptsMax = 5

  public init() {}
}

/// Sends the transactions of one account, many at once: each gets the next sequence, and none waits for the block of
/// the one before.
///
/// One task signs and hands over, in order; one follows the blocks while anything is in flight, however many wait.
/// A transaction that an endpoint may or may not have is only ever offered again in the same bytes, so that it is
/// executed once at most. Another sequence is signed only after the domain has refused the first, and every
/// signature ends with ``SendingLimits/windowBlocks``.
public actor AccountSender {
  public nonisolated let address: AccountAddress
  private let access: any DomainAccess
  private let signer: any TransactionSigning
  private let rules: LedgerRules
  private let limits: SendingLimits
  private let clock = ContinuousClock()

  private typealias Answer = CheckedContinuation<Result<ObservedTransaction, SendError>, Never>

  /// Who waits for what becomes of a transaction.
  private enum Waiter {
    /// For the domain's check.
    case taken(CheckedContinuation<Result<Bytes32, SendError>, Never>)
    /// For its block.
    case included(Answer)
  }

  private struct Job {
    let id: UInt64
    let messages: [AnyMessage]
    let gasLimit: UInt64
    let memo: String
  }

  /// A transaction that was signed, and that the domain may have.
  private struct Flight {
    let id: UInt64
    let hash: Bytes32
    let bytes: [UInt8]
    let sequence: UInt64
    /// The last block in which it may be.
    let last: UInt64
    let since: ContinuousClock.Instant
    var checked: ContinuousClock.Instant
  }

  private var jobs: [Job] = []
  /// Jobs before this are done; they are cut off now and then.
  private var jobNext = 0
  private var idNext: UInt64 = 0
  private var waiters: [UInt64: Waiter] = [:]
  private var flights: [Bytes32: Flight] = [:]
  /// The account's number and the sequence of the next transaction; nil when it must be asked for.
  private var account: AccountView?
  /// The newest block whose transactions were looked at.
  private var seen: UInt64 = 0
  private var isPumping = false
  private var isWatching = false
  private var room: CheckedContinuation<Void, Never>?

  /// - Parameter rules: chain id and fees of the domain.
  public init(
    access: any DomainAccess, signer: any TransactionSigning, rules: LedgerRules,
    limits: SendingLimits = SendingLimits()
  ) {
    self.access = access
    self.signer = signer
    self.rules = rules
    self.limits = limits
    address = signer.key.address
  }

  /// Transactions that wait for a signature or for a block.
  public var waitingCount: Int { jobs.count - jobNext + flights.count }

  // MARK: Sending

  /// Signs and hands over one transaction, and returns as soon as the domain has taken it.
  public func submit(
    _ messages: [LedgerMessage], gasLimit: UInt64, memo: String = ""
  ) async throws(SendError) -> Bytes32 {
    let id = try admit()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        enqueue(messages, gasLimit, memo, id, .taken(continuation))
      }
    } onCancel: {
      Task { await self.cancel(id) }
    }
    return try result.get()
  }

  /// Sends one transaction and waits for its block.
  ///
  /// - Throws: ``SendError``; `failed` holds the result of a transaction that its block did not execute.
  public func send(
    _ messages: [LedgerMessage], gasLimit: UInt64, memo: String = ""
  ) async throws(SendError) -> ObservedTransaction {
    let id = try admit()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        enqueue(messages, gasLimit, memo, id, .included(continuation))
      }
    } onCancel: {
      Task { await self.cancel(id) }
    }
    return try result.get()
  }

  private func admit() throws(SendError) -> UInt64 {
    guard jobs.count - jobNext < limits.queueMax else { throw .queueFull(max: limits.queueMax) }
    idNext += 1
    return idNext
  }

  private func enqueue(
    _ messages: [LedgerMessage], _ gasLimit: UInt64, _ memo: String, _ id: UInt64, _ waiter: Waiter
  ) {
    if Task.isCancelled { return Self.answer(waiter, .failure(.cancelled(nil))) }
    jobs.append(Job(id: id, messages: messages.map { $0.encoded() }, gasLimit: gasLimit, memo: memo))
    waiters[id] = waiter
    pump()
  }

  /// The caller waits no longer. What is not signed yet never is.
  private func cancel(_ id: UInt64) {
    let hash = flights.values.first { $0.id == id }?.hash
    answer(id, .failure(.cancelled(hash)))
  }

  private func answer(_ id: UInt64, _ result: Result<ObservedTransaction, SendError>) {
    if let waiter = waiters.removeValue(forKey: id) { Self.answer(waiter, result) }
  }

  private static func answer(_ waiter: Waiter, _ result: Result<ObservedTransaction, SendError>) {
    switch waiter {
    case .taken(let continuation): continuation.resume(returning: result.map(\.hash))
    case .included(let continuation): continuation.resume(returning: result)
    }
  }

  // MARK: Handing over

  private func pump() {
    guard !isPumping else { return }
    isPumping = true
    Task { await handOver() }
  }

  private func handOver() async {
    while true {
      // What a caller gave up before it was signed is never signed.
      while jobNext < jobs.count, waiters[jobs[jobNext].id] == nil { jobNext += 1 }
      if jobNext > 1_024 || jobNext == jobs.count {
        jobs.removeFirst(jobNext)
        jobNext = 0
      }
      guard jobNext < jobs.count else {
        // Whoever found that something is missing has cleared the account.
        if account == nil, !flights.isEmpty { _ = await known() }
        guard jobNext == jobs.count else { continue }
        isPumping = false
        return
      }
      guard flights.count < limits.inFlightMax else {
        await withCheckedContinuation { room = $0 }
        continue
      }
      let job = jobs[jobNext]
      jobNext += 1
      if let failure = await place(job) { answer(job.id, .failure(failure)) }
    }
  }

  /// Gives the transaction to the domain; nil when it is in flight, or was even in a block already.
  private func place(_ job: Job) async -> SendError? {
    let end = clock.now + limits.patience
    var attempts = 0
    while true {
      if flights.isEmpty, !isWatching {
        do { seen = try await access.head().height } catch { return .access(error) }
      }
      let account: AccountView
      switch await known() {
      case .success(let view): account = view
      case .failure(let error): return error
      }
      let last = seen + limits.windowBlocks
      let unsigned = UnsignedTransaction(
        job.messages, memo: job.memo, timeoutHeight: last,
        fee: [Coin(rules.fee(for: job.gasLimit), rules.feeDenom)], gasLimit: job.gasLimit, key: signer.key,
        sequence: account.sequence, chainID: rules.chainID, accountNumber: account.number)
      let bytes: [UInt8]
      do { bytes = try await signer.sign(unsigned) } catch { return .signing(error) }
      let hash = Transaction.hash(of: bytes)
      // In flight before it is offered: its block may be seen before the answer is.
      flights[hash] = Flight(
        id: job.id, hash: hash, bytes: bytes, sequence: account.sequence, last: last, since: clock.now,
        checked: clock.now)
      watch()
      switch await offer(bytes, hash) {
      case nil:
        self.account = AccountView(number: account.number, sequence: account.sequence + 1)
        if case .taken(let continuation)? = waiters[job.id] {
          waiters[job.id] = nil
          continuation.resume(returning: .success(hash))
        }
        return nil
      case .refused(let code, let codespace, let number, let log):
        flights[hash] = nil
        let refusal = SendError.refused(code: code, codespace: codespace, number: number, log: log)
        switch code {
        case "sequence":
          // Somebody else uses the account, or the domain has lost what waited: ask, and sign anew.
          self.account = nil
          attempts += 1
          guard attempts < limits.attemptsMax else { return refusal }
        case "mempoolFull", "mempoolSender":
          guard clock.now < end else { return refusal }
          _ = try? await access.head(above: seen, patience: .seconds(1))
          self.account = nil
        default: return refusal
        }
      case .some(let error):
        flights[hash] = nil
        self.account = nil
        return .open(hash, until: last, error)
      }
    }
  }

  /// Offers the same bytes until the domain answers; nil when it has taken them.
  private func offer(_ bytes: [UInt8], _ hash: Bytes32) async -> AccessError? {
    var pause = Duration.milliseconds(50)
    var attempt = 1
    while true {
      do {
        _ = try await access.submit(bytes)
        return nil
      } catch {
        switch error {
        case .refused("known", _, _, _): return nil
        case .refused("sequence", _, _, _) where attempt > 1:
          // An earlier attempt may have been taken after all, and be in a block by now.
          guard let found = try? await access.transaction(hash) else { return error }
          settle(found)
          return nil
        case .refused, .halted: return error
        default:
          guard attempt < limits.attemptsMax else { return error }
          attempt += 1
          try? await Task.sleep(for: pause)
          pause = min(pause * 2, .seconds(2))
        }
      }
    }
  }

  // MARK: Sequences

  /// The account with its next sequence. When it had to be asked for, whatever the domain has lost is offered again.
  private func known() async -> Result<AccountView, SendError> {
    if let account { return .success(account) }
    let view: AccountView?
    do { view = try await access.account(address) } catch { return .failure(.access(error)) }
    guard var view else { return .failure(.accountUnknown) }
    let lost = flights.values.filter { $0.sequence >= view.sequence }.sorted { $0.sequence < $1.sequence }
    for flight in lost {
      // A sequence before it is gone, so it cannot follow; the same holds for all after it.
      guard flight.sequence == view.sequence, await offer(flight.bytes, flight.hash) == nil else {
        end(flight, .failure(.dropped(flight.hash, until: flight.last)))
        continue
      }
      flights[flight.hash]?.checked = clock.now
      view = AccountView(number: view.number, sequence: view.sequence + 1)
    }
    account = view
    return .success(view)
  }

  // MARK: Following blocks

  private func watch() {
    guard !isWatching else { return }
    isWatching = true
    Task { await follow() }
  }

  private func follow() async {
    while !flights.isEmpty {
      do throws(AccessError) {
        let head = try await access.head(above: seen, patience: min(limits.recheck, .seconds(1)))
        while seen < head.height, !flights.isEmpty {
          do throws(AccessError) {
            let block = try await access.block(at: seen + 1)
            seen += 1
            for transaction in block.transactions { settle(transaction) }
          } catch .heightPruned {
            // Far behind: each is asked for by its hash instead.
            seen = head.height
            for hash in Array(flights.keys) {
              if let found = try await access.transaction(hash) { settle(found) }
            }
          }
        }
      } catch {
        if error == .halted {
          for flight in flights.values { end(flight, .failure(.open(flight.hash, until: flight.last, error))) }
        } else {
          try? await Task.sleep(for: .milliseconds(100))
        }
      }
      check()
    }
    isWatching = false
    makeRoom()
  }

  private func settle(_ transaction: ObservedTransaction) {
    guard let flight = flights[transaction.hash] else { return }
    if transaction.result.succeeded {
      end(flight, .success(transaction))
      return
    }
    // A transaction that was counted has an event of its fee. One that was not leaves a gap in the sequences, and
    // the domain has let go of all behind it.
    if !transaction.result.events.contains(where: { $0.type == "tx" }) {
      account = nil
      pump()
    }
    end(flight, .failure(.failed(transaction)))
  }

  private func end(_ flight: Flight, _ result: Result<ObservedTransaction, SendError>) {
    guard flights.removeValue(forKey: flight.hash) != nil else { return }
    // Whoever waits for the check alone is answered by the check.
    if case .included? = waiters[flight.id] { answer(flight.id, result) }
    makeRoom()
  }

  private func makeRoom() {
    guard flights.count < limits.inFlightMax, let waiting = room else { return }
    room = nil
    waiting.resume()
  }

  /// Ends what can be in no block any more, or has waited too long, and has the rest asked for now and then.
  private func check() {
    let now = clock.now
    var isDoubtful = false
    for flight in Array(flights.values) {
      if seen >= flight.last {
        end(flight, .failure(.expired(flight.hash)))
      } else if now - flight.since >= limits.patience {
        end(flight, .failure(.open(flight.hash, until: flight.last, nil)))
      } else if now - flight.checked >= limits.recheck {
        flights[flight.hash]?.checked = now
        isDoubtful = true
      }
    }
    if isDoubtful {
      account = nil
      pump()
    }
  }
}
