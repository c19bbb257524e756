import Digests
import Transactions
public import WireBytes

/// Limits of a sender of EVM transactions.
public struct EVMSendingLimits: Hashable, Sendable {
  /// Nonces that wait for a block at once; pools keep 64 of an account without a word (geth).
  public var inFlightMax = 64
  /// How long the next transaction of the account may wait before it is replaced by one that offers more.
  public var stuckAfter = Duration.seconds(45)
  /// How long it waits before endpoints that may have lost it are given it again.
  public var reofferAfter = Duration.seconds(15)
  /// How long ``EVMSender/send(_:)`` waits for a block.
  public var patience = Duration.seconds(180)
  /// Between two looks at the chain.
  public var recheck = Duration.seconds(2)
  /// Attempts at a nonce that is refused, and at a fee that is too low.
  public var attemptsMax = 5
  /// Looks at the chain, each at another block, that find a nonce used and none of its transactions in a block, before
  /// it counts as taken by somebody else.
  public var takenAfterLooks = 3
  /// Replacements of one nonce.
  public var variantsMax = 32
  /// Room on top of estimated gas, in percent.
  public var gasRoomPercent: UInt64 = 20
  /// Calls whose hashes are remembered after they are final.
  public var finishedMax = 4_096

  public init() {}
}

/// Sends the transactions of one EVM account, many at once, and sees each of them through.
///
/// A nonce is given once. Everything that is signed for it is kept on disk before any endpoint gets it, and a later
/// transaction for the same nonce only ever does the same with higher fees, so that a call is executed once at most,
/// across crashes, too. What waits too long is replaced, what endpoints forget is offered again, what a rolled-back
/// block held waits again, and a nonce that nobody has a transaction for is used up by one that does nothing.
///
/// Whatever is left from before a restart goes on with ``start()``, or with the first call.
public actor EVMSender {
  public nonisolated let address: Bytes20
  /// What becomes of calls; who does not read it loses the oldest.
  public nonisolated let events: AsyncStream<EVMSenderEvent>
  let chain: any EVMChainAccess
  let signer: any EVMTransactionSigning
  let store: any NonceStore
  let rules: EVMFeeRules
  let limits: EVMSendingLimits
  let clock = ContinuousClock()
  let note: AsyncStream<EVMSenderEvent>.Continuation
  private let isFollowing: Bool

  var records: [UInt64: NonceRecord] = [:]
  /// When each nonce was last offered; none for what must be offered again.
  var offered: [UInt64: ContinuousClock.Instant] = [:]
  /// When each nonce was last signed for.
  var signed: [UInt64: ContinuousClock.Instant] = [:]
  /// Looks that found a nonce used and none of its transactions in a block, and the head at the last of them.
  var looks: [UInt64: (count: Int, head: UInt64)] = [:]
  /// Since when a nonce is missing.
  var gap: (nonce: UInt64, since: ContinuousClock.Instant)?
  /// The nonce of the next call, as far as is known here; nil when the chain must be asked.
  var next: UInt64?
  var seen: UInt64 = 0
  private var isLoaded = false
  private var isFollowed = false
  private var isStopped = false
  /// Calls by each of their hashes.
  var calls: [Bytes32: Bytes32] = [:]
  private var finished: [Bytes32] = []

  typealias Answer = CheckedContinuation<Result<EVMReceipt, EVMSendError>, Never>
  var waiters: [Bytes32: (answer: Answer, until: ContinuousClock.Instant)] = [:]

  /// - Parameter isFollowing: false for one who calls ``step()`` himself.
  public init(
    chain: any EVMChainAccess, signer: any EVMTransactionSigning, store: any NonceStore,
    rules: EVMFeeRules = EVMFeeRules(), limits: EVMSendingLimits = EVMSendingLimits(),
    isFollowing: Bool = true
  ) {
    self.chain = chain
    self.signer = signer
    self.store = store
    self.rules = rules
    self.limits = limits
    self.isFollowing = isFollowing
    address = signer.address
    (events, note) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1_024))
  }

  // MARK: One at a time

  private var isBusy = false
  private var queue: [CheckedContinuation<Void, Never>] = []

  /// Nonces are given, and the chain is looked at, one at a time.
  private func lock() async {
    guard isBusy else {
      isBusy = true
      return
    }
    await withCheckedContinuation { queue.append($0) }
  }

  private func unlock() {
    if queue.isEmpty { isBusy = false } else { queue.removeFirst().resume() }
  }

  // MARK: Sending

  /// Gas that a call needs now, with room.
  ///
  /// - Throws: `refused` with the revert's code when it would fail, `access`.
  public func estimate(_ call: EVMCall) async throws(EVMSendError) -> UInt64 {
    let gas: UInt64
    do { gas = try await chain.estimateGas(call, from: address) } catch {
      if case .refused(let code, _, _, let log) = error { throw .refused(code: code, log: log) }
      throw .access(error)
    }
    let (product, overflow) = gas.multipliedReportingOverflow(by: 100 &+ min(limits.gasRoomPercent, 1_000))
    return overflow ? gas : product / 100
  }

  /// Signs, keeps and offers one transaction, and returns as soon as that is done.
  ///
  /// When no endpoint answers it is sent all the same, later: what was kept is offered until it lands.
  public func submit(_ call: EVMCall) async throws(EVMSendError) -> EVMFlight {
    let gasLimit: UInt64
    if let given = call.gasLimit { gasLimit = given } else { gasLimit = try await estimate(call) }
    await lock()
    defer { unlock() }
    try await load()
    let flight = try await place(call, gasLimit: gasLimit)
    follow()
    return flight
  }

  /// Sends one call and waits for its block.
  ///
  /// - Throws: ``EVMSendError``; `failed` holds the receipt of a transaction that its block did not execute, `open` one
  ///   that is in no block after ``EVMSendingLimits/patience``.
  public func send(_ call: EVMCall) async throws(EVMSendError) -> EVMReceipt {
    let flight = try await submit(call)
    return try await receipt(of: flight.id)
  }

  /// Waits for the block of a call that was submitted.
  public func receipt(of id: Bytes32) async throws(EVMSendError) -> EVMReceipt {
    guard let record = records.values.first(where: { $0.id == id }) else { throw .open(id: id) }
    if case .mined(let transaction, _, _, _) = record.stage,
      let receipt = try? await chain.receipt(of: transaction)
    {
      guard receipt.succeeded else { throw .failed(receipt) }
      return receipt
    }
    guard waiters[id] == nil else { throw .open(id: id) }
    let until = clock.now + limits.patience
    follow()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { (answer: Answer) in
        if Task.isCancelled {
          answer.resume(returning: .failure(.cancelled))
        } else {
          waiters[id] = (answer, until)
        }
      }
    } onCancel: {
      Task { await self.answer(id, .failure(.cancelled)) }
    }
    return try result.get()
  }

  func answer(_ id: Bytes32, _ result: Result<EVMReceipt, EVMSendError>) {
    waiters.removeValue(forKey: id)?.answer.resume(returning: result)
  }

  // MARK: Views

  /// All calls that are not final, by nonce.
  public var flights: [EVMFlight] { records.values.sorted { $0.nonce < $1.nonce }.map { EVMFlight($0) } }

  /// The call that has landed, or may land, under this hash; also of calls that are final, for a while.
  public func call(landedAs hash: Bytes32) -> Bytes32? { calls[hash] }

  // MARK: Going on

  /// Takes up what was left before a restart.
  public func start() async throws(EVMSendError) {
    await lock()
    defer { unlock() }
    try await load()
    follow()
  }

  /// Ends following: nothing more is signed or offered. What is kept goes on with the next sender that opens the store.
  public func stop() async {
    isStopped = true
    await lock()
    defer { unlock() }
    for id in Array(waiters.keys) { answer(id, .failure(.open(id: id))) }
    note.finish()
  }

  private func load() async throws(EVMSendError) {
    guard !isStopped else { throw .stopped }
    guard !isLoaded else { return }
    let kept: [NonceRecord]
    do { kept = try await store.load() } catch { throw .store(error) }
    for record in kept {
      records[record.nonce] = record
      for variant in record.variants { calls[variant.hash] = record.id }
    }
    isLoaded = true
  }

  /// Looks at the chain once: what landed, what was rolled back, what is stuck, what is missing.
  public func step() async throws(EVMSendError) {
    await lock()
    defer { unlock() }
    try await load()
    try await look()
    let now = clock.now
    for (id, waiter) in waiters where waiter.until <= now { answer(id, .failure(.open(id: id))) }
  }

  private func follow() {
    guard isFollowing, !isFollowed, !isStopped, !records.isEmpty else { return }
    isFollowed = true
    Task { await followHeads() }
  }

  private func followHeads() async {
    while !records.isEmpty, !isStopped {
      // Whatever fails is tried again with the next look.
      do { try await step() } catch { try? await Task.sleep(for: min(limits.recheck, .milliseconds(500))) }
      if records.isEmpty || isStopped { break }
      _ = try? await chain.head(above: seen, patience: limits.recheck)
    }
    isFollowed = false
    for id in Array(waiters.keys) { answer(id, .failure(.open(id: id))) }
  }

  // MARK: Placing

  private func place(_ call: EVMCall, gasLimit: UInt64) async throws(EVMSendError) -> EVMFlight {
    var attempt = 1
    while true {
      guard records.count < limits.inFlightMax else { throw .queueFull(max: limits.inFlightMax) }
      let nonce = try await nextNonce()
      let fees = try await quote()
      let record = try await sign(call, nonce: nonce, gasLimit: gasLimit, fees: fees, id: nil)
      try await keep(record)
      next = nonce + 1
      guard let refusal = await offer(record) else { return EVMFlight(record) }
      switch refusal {
      case .refused("sequence", _, _, let log):
        // Somebody else used it. This one was refused by all who were asked, so another may take its place.
        if (try? await chain.receipt(of: record.id)) != nil { return EVMFlight(record) }
        try await drop(nonce)
        note.yield(.nonceTaken(id: record.id, nonce: nonce))
        attempt += 1
        guard attempt <= limits.attemptsMax else { throw .refused(code: "sequence", log: log) }
      case .refused("evm.replacementUnderpriced", _, _, let log):
        // Somebody else's waits under this nonce: theirs first.
        try await drop(nonce)
        attempt += 1
        guard attempt <= limits.attemptsMax else { throw .refused(code: refusal.code, log: log) }
        try await skip(past: nonce)
      case .refused("evm.underpriced", _, _, _):
        // Worth more than its first offer; kept, and raised with the next looks.
        signed[nonce] = nil
        return EVMFlight(record)
      case .refused(let code, _, _, let log):
        try await drop(nonce)
        throw .refused(code: code, log: log)
      default:
        // Nobody answered, or not clearly: some may have it. It is offered until it lands.
        return EVMFlight(record)
      }
    }
  }

  private func nextNonce() async throws(EVMSendError) -> UInt64 {
    if let next { return next }
    let count: UInt64
    do { count = try await chain.transactionCount(of: address, isPending: false) } catch {
      throw .access(error)
    }
    let kept = records.keys.max().map { $0 + 1 } ?? 0
    let nonce = max(count, kept)
    next = nonce
    return nonce
  }

  /// Goes behind what waits of somebody else who has the key.
  private func skip(past nonce: UInt64) async throws(EVMSendError) {
    let pending: UInt64
    do { pending = try await chain.transactionCount(of: address, isPending: true) } catch {
      throw .access(error)
    }
    next = max(pending, nonce + 1)
  }

  func quote() async throws(EVMSendError) -> EVMFees {
    let history: EVMFeeHistory
    do { history = try await chain.feeHistory(blocks: rules.blocks, percentile: rules.percentile) } catch {
      throw .access(error)
    }
    do { return try rules.quote(history) } catch { throw .fees(error) }
  }

  /// - Parameter id: of the call that a new transaction belongs to; nil for a new call.
  func sign(
    _ call: EVMCall?, nonce: UInt64, gasLimit: UInt64, fees: EVMFees, id: Bytes32?
  ) async throws(EVMSendError) -> NonceRecord {
    let transaction: EVMTransaction
    do {
      transaction = try EVMTransaction(
        chainID: chain.chainID, nonce: nonce, maxPriorityFeePerGas: fees.priority, maxFeePerGas: fees.maxFee,
        gasLimit: gasLimit, to: call.map { $0.to } ?? address, value: call?.value ?? .zero,
        input: call?.input ?? [])
    } catch { throw .transaction(error) }
    let encoded: [UInt8]
    do { encoded = try await signer.sign(transaction) } catch { throw .signing(error) }
    let hash = Keccak256.hash(encoded)
    let variant = NonceRecord.Variant(hash: hash, encoded: encoded, fees: fees)
    return NonceRecord(
      nonce: nonce, id: id ?? hash, call: call, gasLimit: gasLimit, variants: [variant], stage: .waiting)
  }

  // MARK: Keeping

  func keep(_ record: NonceRecord) async throws(EVMSendError) {
    do { try await store.save(record) } catch { throw .store(error) }
    records[record.nonce] = record
    for variant in record.variants { calls[variant.hash] = record.id }
  }

  /// Forgets a nonce whose transactions nobody has.
  private func drop(_ nonce: UInt64) async throws(EVMSendError) {
    guard let record = try await forget(nonce) else { return }
    for variant in record.variants { calls[variant.hash] = nil }
    next = nil
  }

  /// Forgets a nonce that needs no more looking after; its hashes are remembered.
  func finish(_ nonce: UInt64) async throws(EVMSendError) {
    guard let record = try await forget(nonce) else { return }
    finished += record.variants.map(\.hash)
    let over = finished.count - limits.finishedMax
    if over > 0 {
      for hash in finished.prefix(over) { calls[hash] = nil }
      finished.removeFirst(over)
    }
  }

  private func forget(_ nonce: UInt64) async throws(EVMSendError) -> NonceRecord? {
    guard let record = records[nonce] else { return nil }
    do { try await store.forget(nonce) } catch { throw .store(error) }
    records[nonce] = nil
    offered[nonce] = nil
    signed[nonce] = nil
    looks[nonce] = nil
    return record
  }

  /// Offers the newest transaction of a nonce; nil when it waits or is in a block, otherwise why not.
  func offer(_ record: NonceRecord) async -> AccessError? {
    guard let variant = record.variants.last else { return nil }
    if signed[record.nonce] == nil { signed[record.nonce] = clock.now }
    note.yield(
      record.call == nil
        ? .gapFilled(nonce: record.nonce, hash: variant.hash)
        : .offered(id: record.id, hash: variant.hash, nonce: record.nonce, fees: variant.fees))
    do {
      _ = try await chain.offer(variant.encoded)
      offered[record.nonce] = clock.now
      return nil
    } catch {
      if case .refused("known", _, _, _) = error {
        offered[record.nonce] = clock.now
        return nil
      }
      return error
    }
  }
}
