import ChainAccess
import Ledger
import Messages
import RelayEngine
import WireBytes

/// What followers tell.
extension Relayer {
  /// Packets whose header is not seen yet; the oldest are forgotten, and their timelines have a gap.
  private static let unsettledMax = 100_000
  /// Transactions of ours in blocks that may be rolled back.
  private static let landedMax = 10_000
  private static let straysMax = 64

  func take(_ head: ChainHead, of domain: DomainID, cursor: UInt64) async {
    if items.count >= Self.itemsMax { await withCheckedContinuation { held.append($0) } }
    guard sessions[domain] != nil else { return }
    sessions[domain]?.failure = nil
    if sessions[domain]?.cursor == nil { sessions[domain]?.cursor = cursor }
    guard sessions[domain]?.head != head else { return }
    sessions[domain]?.head = head
    sessions[domain]?.keep(head.time, of: head.height)
    enqueue(.event(.head(domain, head.relayed)))
  }

  func failed(_ error: AccessError, of domain: DomainID) {
    if sessions[domain]?.failure != error { note(.endpoint(domain, error)) }
    sessions[domain]?.failure = error
  }

  func skipped(_ domain: DomainID, after: UInt64, to: UInt64) {
    note(.blocksSkipped(domain, after: after, to: to))
    sessions[domain]?.cursor = to
    sessions[domain]?.uncommitted = []
    enqueue(.jumped(domain, to: to))
  }

  // MARK: Rollbacks

  /// Blocks above `height` are no longer part of the domain; what took their place is told next.
  func rolledBack(_ domain: DomainID, to height: UInt64, revision: UInt64) {
    guard var session = sessions[domain], let proving = session.domain.access.provingHeight(of: height) else {
      return
    }
    note(.rolledBack(domain, from: session.cursor ?? height, to: height))
    session.violation = nil
    session.mayReplace = false
    session.rollBack(to: height, proving: proving)
    // Transactions of ours wait again: they, or others in their place, come in another block or do not.
    let expires = ContinuousClock.now + configuration.rules.submissionTimeout
    for item in session.landed where item.height > height {
      session.flights[item.hash] = Flight(
        request: item.flight.request, expires: expires, isRepeated: true)
    }
    session.landed.removeAll { $0.height > height }
    sessions[domain] = session
    enqueue(.rolledBack(domain, to: height, Height(revision: revision, proving)))
  }

  /// The final block at `height` is another one now: nothing is read until that is over.
  func violated(_ domain: DomainID, at height: UInt64) {
    guard sessions[domain]?.violation != height else { return }
    sessions[domain]?.violation = height
    sessions[domain]?.mayReplace = false
    note(.finalityViolated(domain, at: height))
    enqueue(.event(.finalityViolated(domain)))
  }

  /// The domain tells the history that was final.
  func restored(_ domain: DomainID) {
    sessions[domain]?.violation = nil
    sessions[domain]?.mayReplace = false
    enqueue(.event(.finalityRestored(domain)))
  }

  func mayReplace(_ domain: DomainID) -> Bool { sessions[domain]?.mayReplace ?? false }

  // MARK: Blocks

  func take(_ reading: BlockReading, of domain: DomainID, final: UInt64) async {
    if items.count >= Self.itemsMax { await withCheckedContinuation { held.append($0) } }
    let names = await names(reading, domain)
    guard var session = sessions[domain], let head = session.head else { return }
    // The header that commits to what the block did.
    guard let next = session.domain.access.provingHeight(of: reading.height) else { return }
    let height = Height(revision: head.revision, next)
    for error in reading.malformed { note(.eventMalformed(domain, height: reading.height, error)) }
    if !reading.seen.isEmpty { enqueue(.event(.observed(domain, at: height, reading.seen.map(\.sight)))) }
    for transaction in reading.transactions {
      land(transaction, named: names[transaction.hash] ?? transaction.hash, at: height, &session)
    }
    loseExpired(&session)
    session.landed.removeAll { $0.height <= final }
    for seen in reading.seen { tell(seen, reading, at: next, domain, &session) }
    commit(reading, head, &session)
    for failure in reading.failures {
      guard let origin = peers[LaneEnd(domain, failure.client)] else { continue }
      enqueue(.failure(PacketKey(origin, failure.sequence), failure.reason))
    }
    session.cursor = reading.height
    session.keep(reading.time, of: reading.height)
    sessions[domain] = session
    enqueue(.read(domain, reading.height, reading.hash, final: final))
  }

  /// The names of our own calls in this block: on an EVM chain one call may land under several hashes.
  private func names(_ reading: BlockReading, _ domain: DomainID) async -> [Bytes32: Bytes32] {
    guard case .evm(let account)? = sessions[domain]?.domain.account else { return [:] }
    var names: [Bytes32: Bytes32] = [:]
    for transaction in reading.transactions {
      names[transaction.hash] = await account.sender.call(landedAs: transaction.hash)
    }
    return names
  }

  /// The result of a transaction of our own, if it is one.
  func land(
    _ transaction: ObservedTransaction, named name: Bytes32, at height: Height, _ session: inout Session
  ) {
    guard let flight = session.flights.removeValue(forKey: name) else {
      guard session.domain.account.isEVM else { return }
      if session.strays.count >= Self.straysMax { session.strays.removeFirst() }
      session.strays.append((name, height, transaction))
      return
    }
    let request = flight.request
    if session.head?.hash != nil, session.landed.count < Self.landedMax {
      session.landed.append((transaction.height, name, flight))
    }
    let result = transaction.result
    guard !result.succeeded else {
      let outcomes =
        switch session.domain.account {
        case .ledger: RefusalReading.outcomes(result, request)
        case .evm: EVMOutcomes.of(result, request)
        }
      enqueue(.event(.submitted(request.batch, .included(height, outcomes))))
      return
    }
    let (part, code) =
      switch session.domain.account {
      case .ledger:
        RefusalReading.read(
          codespace: result.codespace, number: result.code, log: result.log,
          updatesClient: request.updatesClient)
      case .evm: EVMOutcomes.failure(result)
      }
    if code.hasSuffix("equence") { session.isAccountStale = true }
    note(.refused(request.end, part, code: code))
    enqueue(.event(.submitted(request.batch, .refused(part, code: code))))
  }

  /// Gives up on transactions that have waited too long.
  private func loseExpired(_ session: inout Session) {
    let now = ContinuousClock.now
    for (hash, flight) in session.flights where flight.expires <= now {
      session.flights[hash] = nil
      session.isAccountStale = true
      // The engine has long been told of one that was in a block before.
      if flight.isRepeated { continue }
      enqueue(.event(.submitted(flight.request.batch, .lost)))
    }
  }

  /// This block's header commits to what it did itself, or the block before it.
  private func commit(_ reading: BlockReading, _ head: ChainHead, _ session: inout Session) {
    for item in session.uncommitted where item.height <= reading.height {
      if item.height == reading.height, !item.isEnding {
        stage(.committed, item.key, StageMoment(height: item.height, time: reading.time))
      }
      session.unsettled.append(item)
    }
    session.uncommitted.removeAll { $0.height <= reading.height }
    guard session.unsettled.first.map({ $0.height <= head.finalHeight }) ?? false else {
      if session.unsettled.count > Self.unsettledMax {
        session.unsettled.removeFirst(session.unsettled.count - Self.unsettledMax)
      }
      return
    }
    var rest: [(height: UInt64, key: PacketKey, isEnding: Bool)] = []
    for item in session.unsettled {
      guard item.height <= head.finalHeight else {
        rest.append(item)
        continue
      }
      let time = item.height == reading.height ? reading.time : head.finalTime
      stage(item.isEnding ? .settled : .final, item.key, StageMoment(height: item.height, time: time))
    }
    session.unsettled = rest
  }

  private func tell(
    _ seen: BlockReading.Seen, _ reading: BlockReading, at next: UInt64, _ domain: DomainID,
    _ session: inout Session
  ) {
    let packet = seen.sight.packet
    let moment = StageMoment(height: reading.height, time: reading.time, transaction: seen.transaction)
    switch seen.sight {
    case .sent:
      let key = PacketKey(LaneEnd(domain, packet.sourceClient), packet.sequence)
      stage(.sent, key, moment)
      session.uncommitted.append((next, key, false))
    case .acknowledged, .timedOut:
      let key = PacketKey(LaneEnd(domain, packet.sourceClient), packet.sequence)
      stage(.acknowledged, key, moment)
      session.uncommitted.append((next, key, true))
    case .received, .acknowledgementWritten:
      guard let origin = peers[LaneEnd(domain, packet.destinationClient)] else { return }
      stage(.executed, PacketKey(origin, packet.sequence), moment)
    }
  }

  func stage(_ stage: PacketStage, _ key: PacketKey, _ moment: StageMoment) {
    enqueue(.moment(StoreChange.Moment(key: key, stage: stage, moment: moment)))
  }
}
