import ChainAccess
import Ledger
import LightClients
import Messages
import PacketHost
import RelayEngine

/// Answers the engine's questions from what domains hold. No answer is given when a domain does not answer: the engine
/// asks again.
struct StateQuestions: Sendable {
  /// Transactions that are looked at for one packet.
  private static let searchMax = 4

  let domains: [DomainID: any DomainAccess]

  func client(_ end: LaneEnd) async throws(AccessError) -> RelayEvent? {
    guard let access = domains[end.domain], let view = try await access.client(end.client) else { return nil }
    var (isFrozen, isExpired) = (false, false)
    switch view.status {
    case .active: break
    case .frozen: isFrozen = true
    case .expired: isExpired = true
    }
    return .client(
      end,
      RelayedClient(
        latest: view.latest?.0, latestTime: view.latest?.1 ?? UnixTime(seconds: 0), isFrozen: isFrozen,
        isExpired: isExpired))
  }

  func scan(_ request: ScanRequest) async throws(AccessError) -> RelayEvent? {
    guard let access = domains[request.origin.domain] else { return nil }
    let head = try await access.head()
    guard let version = access.version(provenAt: head.finalHeight) else { return nil }
    let entries = try await access.packets(
      .commitment, of: request.origin.client, after: Sequence(request.after), limit: request.limit, at: version)
    let isLast = entries.count < request.limit
    return .scanned(
      ScanPage(
        origin: request.origin, after: request.after,
        through: isLast ? nil : entries.last?.sequence.rawValue, open: entries.map(\.sequence),
        height: head.relayed.final))
  }

  func inspect(_ request: InspectRequest) async throws(AccessError) -> RelayEvent? {
    guard let origin = domains[request.origin.domain], let destination = domains[request.peer.domain] else {
      return nil
    }
    let originHead = try await origin.head()
    guard let originVersion = origin.version(provenAt: originHead.finalHeight) else { return nil }
    let open = try await origin.values(
      of: request.sequences.map {
        PacketPath(.commitment, client: request.origin.client, sequence: $0).bytes
      }, at: originVersion, proven: false)
    let head = try await destination.head()
    guard let version = destination.version(provenAt: head.finalHeight) else { return nil }
    let receipts = try await destination.values(
      of: request.sequences.map { PacketPath(.receipt, client: request.peer.client, sequence: $0).bytes },
      at: version, proven: false)
    guard open.count == request.sequences.count, receipts.count == request.sequences.count else {
      throw .malformed
    }
    return .inspected(
      Inspection(
        origin: request.origin, originHeight: originHead.relayed.final,
        destinationHeight: head.relayed.final, destinationTime: UnixTime(head.finalTime),
        packets: request.sequences.indices.map { index in
          InspectedPacket(
            request.sequences[index], isOpen: open[index].value != nil,
            isReceived: receipts[index].value != nil)
        }))
  }

  /// What was found of one packet, with where it was.
  struct Found: Sendable {
    let event: RelayEvent
    var moment: (stage: PacketStage, moment: StageMoment)?
  }

  /// - Parameter peer: the destination's end of the packet's lane.
  func lookUp(_ lookup: Lookup, peer: LaneEnd) async throws(AccessError) -> Found? {
    let key = lookup.key
    let end = lookup.wanted == .packet ? key.origin : peer
    guard let access = domains[end.domain] else { return nil }
    let head = try await access.head()
    for transaction in try await access.packetTransactions(
      lookup.wanted == .packet ? .sent : .answered, client: end.client, sequence: key.sequence,
      limit: Self.searchMax)
    {
      // What may still be rolled back is told by the blocks themselves, and taken back with them.
      guard head.hash == nil || transaction.height <= head.finalHeight else { continue }
      let reading = BlockReading(transaction, clients: [end.client.text])
      let sights = reading.seen.map(\.sight).filter { sight in
        let packet = sight.packet
        guard packet.sequence == key.sequence, packet.sourceClient == key.origin.client,
          packet.destinationClient == peer.client
        else { return false }
        switch (sight, lookup.wanted) {
        case (.sent, .packet), (.acknowledgementWritten, .acknowledgement): return true
        default: return false
        }
      }
      guard let sight = sights.first else { continue }
      guard let height = access.provingHeight(of: transaction.height) else { throw .malformed }
      var found = Found(event: .observed(end.domain, at: Height(revision: head.revision, height), [sight]))
      if let header = try? await access.stateHeader(at: transaction.height) {
        let moment = StageMoment(
          height: transaction.height, time: header.time, transaction: transaction.hash)
        found.moment = (lookup.wanted == .packet ? .sent : .executed, moment)
      }
      return found
    }
    return Found(event: .notFound(lookup))
  }
}
