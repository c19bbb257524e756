import ChainAccess
import Ledger
import Messages
import RelayEngine
import WireBytes

/// What followers tell.
extension Relayer {
  /// Packets whose header is not seen yet; the oldest are forgotten, and their timelines have a gap.
  private static let unsettledMax = 100_000

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
    enqueue(.cursor(domain, to))
  }

  func take(_ reading: BlockReading, of domain: DomainID) async {
    if items.count >= Self.itemsMax { await withCheckedContinuation { held.append($0) } }
    guard var session = sessions[domain], let head = session.head else { return }
    // The header that commits to what the block did.
    guard let next = session.domain.access.provingHeight(of: reading.height) else { return }
    let height = Height(revision: head.revision, next)
    for error in reading.malformed { note(.eventMalformed(domain, height: reading.height, error)) }
    if !reading.seen.isEmpty { enqueue(.event(.observed(domain, at: height, reading.seen.map(\.sight)))) }
    if !session.flights.isEmpty { land(reading, at: height, &session) }
    commit(reading, head, &session)
    for seen in reading.seen { tell(seen, reading, at: next, domain, &session) }
    for failure in reading.failures {
      guard let origin = peers[LaneEnd(domain, failure.client)] else { continue }
      enqueue(.failure(PacketKey(origin, failure.sequence), failure.reason))
    }
    session.cursor = reading.height
    session.keep(reading.time, of: reading.height)
    sessions[domain] = session
    enqueue(.cursor(domain, reading.height))
  }

  /// Results of our own transactions in this block, and those that have waited too long.
  private func land(_ reading: BlockReading, at height: Height, _ session: inout Session) {
    for transaction in reading.transactions {
      guard let flight = session.flights.removeValue(forKey: transaction.hash) else { continue }
      let request = flight.request
      let result = transaction.result
      guard !result.succeeded else {
        let outcomes = RefusalReading.outcomes(result, request)
        enqueue(.event(.submitted(request.batch, .included(height, outcomes))))
        continue
      }
      let (part, code) = RefusalReading.read(
        codespace: result.codespace, number: result.code, log: result.log,
        updatesClient: request.updatesClient)
      if code.hasSuffix("equence") { session.isAccountStale = true }
      note(.refused(request.end, part, code: code))
      enqueue(.event(.submitted(request.batch, .refused(part, code: code))))
    }
    let now = ContinuousClock.now
    for (hash, flight) in session.flights where flight.expires <= now {
      session.flights[hash] = nil
      session.isAccountStale = true
      enqueue(.event(.submitted(flight.request.batch, .lost)))
    }
  }

  /// This block's header commits to what the block before it did.
  private func commit(_ reading: BlockReading, _ head: ChainHead, _ session: inout Session) {
    for item in session.uncommitted {
      if item.height == reading.height, !item.isEnding {
        stage(.committed, item.key, StageMoment(height: item.height, time: reading.time))
      }
      session.unsettled.append(item)
    }
    session.uncommitted = []
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
