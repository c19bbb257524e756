import WireBytes

// What a sender does when it looks at the chain.

extension EVMSender {
  /// - Throws: `access` when the chain cannot be asked: everything stays as it is. `store`.
  func look() async throws(EVMSendError) {
    guard !records.isEmpty else { return }
    let head: ChainHead
    let count: UInt64
    do {
      head = try await chain.head()
      count = try await chain.transactionCount(of: address, isPending: false)
    } catch { throw .access(error) }
    seen = head.height
    // Somebody else may have used more.
    if let next, next < count { self.next = count }
    try await checkMined(head)
    try await checkUsed(count, head)
    try await fill(from: count)
    try await push(from: count)
  }

  // MARK: In blocks

  /// What was in a block is still there, is final, or waits again.
  private func checkMined(_ head: ChainHead) async throws(EVMSendError) {
    var blocks: [UInt64: Bytes32?] = [:]
    for record in records.values.sorted(by: { $0.nonce < $1.nonce }) {
      guard case .mined(_, let block, let height, _) = record.stage else { continue }
      let actual: Bytes32?
      if let known = blocks[height] {
        actual = known
      } else {
        do { actual = try await chain.stateHeader(at: height).hash } catch {
          // A shorter chain does not have the height.
          guard case .heightUnknown = error else { throw .access(error) }
          actual = nil
        }
        blocks[height] = .some(actual)
      }
      if actual == block {
        guard height <= head.finalHeight else { continue }
        note.yield(.final(id: record.id, nonce: record.nonce))
        try await finish(record.nonce)
        continue
      }
      // Perhaps in another block by now; what still waits is offered again.
      if try await settle(record) { continue }
      var waiting = record
      waiting.stage = .waiting
      try await keep(waiting)
      offered[record.nonce] = nil
      note.yield(.rolledBack(id: record.id, nonce: record.nonce))
    }
  }

  /// Nonces that blocks have used: by which transaction?
  private func checkUsed(_ count: UInt64, _ head: ChainHead) async throws(EVMSendError) {
    for record in records.values.sorted(by: { $0.nonce < $1.nonce }) {
      guard record.nonce < count, record.stage == .waiting else { continue }
      if try await settle(record) { continue }
      // An endpoint that lags, or one that counts what another has: another look, at another block.
      var look = looks[record.nonce] ?? (0, 0)
      if look.count == 0 || look.head != head.height { look = (look.count + 1, head.height) }
      looks[record.nonce] = look
      guard look.count >= limits.takenAfterLooks else { continue }
      note.yield(.nonceTaken(id: record.id, nonce: record.nonce))
      try await finish(record.nonce)
      answer(record.id, .failure(.nonceTaken(record.nonce)))
    }
  }

  /// Whether one of the transactions of a nonce is in a block; if so, it is noted.
  private func settle(_ record: NonceRecord) async throws(EVMSendError) -> Bool {
    for variant in record.variants.reversed() {
      let receipt: EVMReceipt?
      do { receipt = try await chain.receipt(of: variant.hash) } catch { throw .access(error) }
      guard let receipt else { continue }
      var mined = record
      mined.stage = .mined(
        transaction: receipt.transaction, block: receipt.block, height: receipt.height,
        succeeded: receipt.succeeded)
      try await keep(mined)
      looks[record.nonce] = nil
      note.yield(
        .mined(
          id: record.id, hash: receipt.transaction, height: receipt.height, succeeded: receipt.succeeded))
      answer(record.id, receipt.succeeded ? .success(receipt) : .failure(.failed(receipt)))
      return true
    }
    return false
  }

  // MARK: Waiting

  /// A nonce that nobody has a transaction for holds up all behind it: one that does nothing takes it.
  private func fill(from count: UInt64) async throws(EVMSendError) {
    let waiting = records.values.filter { $0.stage == .waiting }.map(\.nonce)
    guard let last = waiting.max(), count < last else {
      gap = nil
      return
    }
    var filled = 0
    for nonce in count..<last where records[nonce] == nil {
      guard filled < limits.inFlightMax else { return }
      let pending: UInt64
      do { pending = try await chain.transactionCount(of: address, isPending: true) } catch {
        throw .access(error)
      }
      if pending > nonce {
        // Somebody else's waits there: it has as long as one of ours would.
        if gap?.nonce != nonce { gap = (nonce, clock.now) }
        guard let gap, clock.now - gap.since >= limits.stuckAfter else { return }
      }
      let record = try await sign(nil, nonce: nonce, gasLimit: Self.fillGas, fees: try await quote(), id: nil)
      try await keep(record)
      _ = await offer(record)
      filled += 1
    }
    gap = nil
  }

  /// What a transaction costs that does nothing.
  static let fillGas: UInt64 = 21_000

  /// Raises what blocks could take next and do not, and offers again what endpoints may have lost.
  private func push(from count: UInt64) async throws(EVMSendError) {
    for record in records.values.sorted(by: { $0.nonce < $1.nonce })
    where record.stage == .waiting && record.nonce >= count {
      let now = clock.now
      let nonce = record.nonce
      guard let last = offered[nonce] else {
        // After a restart, a rollback, or when nobody took it.
        try await reoffer(record)
        continue
      }
      if nonce == count, now - (signed[nonce] ?? now) >= limits.stuckAfter {
        try await raise(record)
      } else if now - last >= limits.reofferAfter {
        try await reoffer(record)
      }
    }
  }

  private func reoffer(_ record: NonceRecord) async throws(EVMSendError) {
    switch await offer(record) {
    case nil: break
    case .refused("evm.underpriced", _, _, _), .refused("evm.replacementUnderpriced", _, _, _):
      try await raise(record)
    case .refused("sequence", _, _, _):
      // Used meanwhile; the next look finds by whom.
      offered[record.nonce] = clock.now
    default: break
    }
  }

  /// Replaces a transaction by the same with higher fees.
  private func raise(_ record: NonceRecord) async throws(EVMSendError) {
    guard let newest = record.variants.last else { return }
    // A quote that is over the cap says nothing about a replacement.
    let quote = try? await quote()
    guard record.variants.count < limits.variantsMax, let fees = rules.replacing(newest.fees, quote: quote)
    else {
      note.yield(.atCap(id: record.id, nonce: record.nonce))
      signed[record.nonce] = clock.now
      _ = await offer(record)
      return
    }
    let fresh = try await sign(
      record.call, nonce: record.nonce, gasLimit: record.gasLimit, fees: fees, id: record.id)
    var raised = record
    raised.variants += fresh.variants
    try await keep(raised)
    signed[record.nonce] = clock.now
    if await offer(raised) != nil { offered[record.nonce] = nil }
  }
}
