import ChainAccess
import Ledger
import LedgerService
public import LightClients
public import Messages
import PacketHost
public import RelayEngine
import WireBytes

/// A crossing that has just ended.
public struct FinishedCrossing: Hashable, Sendable {
  public let id: CrossingID
  public let key: PacketKey
  public let lane: Network.Lane
  public let origin: String
  public let destination: String
  public let packet: Packet
  public let ending: Crossing.Ending
  /// The transaction's time at the origin; nil when it was sent before this was watched.
  public let sent: CometBFT.Timestamp?
  public let settled: CometBFT.Timestamp
  /// Why the destination's application refused it, when that was seen.
  public let failure: String?

  public var duration: Duration? { sent.map { settled.sinceEpoch - $0.sinceEpoch } }
}

/// Puts blocks of both domains together into crossings that have ended.
struct FinishedCrossings {
  /// Open crossings whose beginning is remembered; beyond it the oldest is forgotten.
  static let openMax = 20_000

  private struct Beginning {
    var sent: CometBFT.Timestamp?
    var failure: String?
  }

  let network: Network
  private var open: [PacketKey: Beginning] = [:]
  private var order: [PacketKey] = []

  init(network: Network) { self.network = network }

  /// What ended in a block of `domain`.
  mutating func take(
    _ results: [TransactionResult], time: CometBFT.Timestamp, on domain: Network.Domain
  ) -> [FinishedCrossing] {
    var finished: [FinishedCrossing] = []
    for result in results where result.succeeded {
      for event in result.events {
        switch event.type {
        case "send_packet":
          if let key = key(event, "packet_source_client", domain) { begin(key, at: time) }
        case "packet_failed":
          guard let lane = lane(event, "packet_dest_client", domain),
            let key = key(event, lane.far(from: domain.name).client, network.other(domain, over: lane))
          else { continue }
          open[key]?.failure = event.value("reason")
        case "acknowledge_packet", "timeout_packet":
          guard let key = key(event, "packet_source_client", domain),
            let lane = network.lane(of: key.origin.client, on: domain),
            let packet = CrossingReader.packet(event), let id = try? CrossingID(packet, origin: domain.id)
          else { continue }
          let beginning = open.removeValue(forKey: key) ?? Beginning()
          let ending: Crossing.Ending =
            event.type == "timeout_packet"
            ? .refundedAfterTimeout : beginning.failure != nil ? .refundedAfterError : .success
          finished.append(
            FinishedCrossing(
              id: id, key: key, lane: lane, origin: domain.name, destination: lane.far(from: domain.name).domain, packet: packet,
              ending: ending, sent: beginning.sent, settled: time, failure: beginning.failure))
        default: continue
        }
      }
    }
    return finished
  }

  private mutating func begin(_ key: PacketKey, at time: CometBFT.Timestamp) {
    if open[key] == nil { order.append(key) }
    open[key, default: Beginning()].sent = time
    if order.count > 2 * Self.openMax {
      let still = open
      order.removeAll { still[$0] == nil }
      while order.count > Self.openMax { open[order.removeFirst()] = nil }
    }
  }

  private func lane(_ event: Event, _ attribute: String, _ domain: Network.Domain) -> Network.Lane? {
    guard let client = event.value(attribute).flatMap({ try? ClientID($0) }) else { return nil }
    return network.lane(of: client, on: domain)
  }

  private func key(_ event: Event, _ attribute: String, _ domain: Network.Domain) -> PacketKey? {
    guard let client = event.value(attribute).flatMap({ try? ClientID($0) }) else { return nil }
    return key(event, client, domain)
  }

  private func key(_ event: Event, _ client: ClientID, _ domain: Network.Domain) -> PacketKey? {
    guard let sequence = event.value("packet_sequence").flatMap({ UInt64($0) }).flatMap({ Sequence($0) })
    else { return nil }
    return PacketKey(LaneEnd(domain.id, client), sequence)
  }
}
