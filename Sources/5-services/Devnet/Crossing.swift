public import ChainAccess
import Encodings
import Foundation
import Ledger
public import LightClients
public import Messages
public import PacketHost
public import RelayEngine
public import WireBytes

/// A place in a domain's history.
public struct ChainMark: Hashable, Sendable {
  public let domain: String
  public let height: UInt64
  public let time: CometBFT.Timestamp
  /// Nil for what a block shows by itself.
  public let transaction: Bytes32?

  public init(domain: String, height: UInt64, time: CometBFT.Timestamp, transaction: Bytes32?) {
    self.domain = domain
    self.height = height
    self.time = time
    self.transaction = transaction
  }
}

/// One crossing as both domains show it, without asking any relayer.
public struct Crossing: Hashable, Sendable {
  public enum Ending: String, Hashable, Sendable {
    /// Executed, and the origin knows it.
    case success
    /// Refused by its application; what was sent is refunded.
    case refundedAfterError
    /// Not executed before its deadline; what was sent is refunded.
    case refundedAfterTimeout
  }

  public let id: CrossingID
  public let lane: Network.Lane
  public let origin: Network.Domain
  public let destination: Network.Domain
  public let packet: Packet
  public let sent: ChainMark
  /// The header that commits to it; nil while there is none.
  public let committed: ChainMark?
  public let executed: ChainMark?
  /// What the destination answered.
  public let acknowledgement: Acknowledgement?
  /// Why the destination's application refused it.
  public let failure: String?
  /// The header that commits to the answer.
  public let acknowledged: ChainMark?
  public let settled: ChainMark?
  public let ending: Ending?

  public var key: PacketKey {
    PacketKey(LaneEnd(origin.id, packet.sourceClient), packet.sequence)
  }
  /// From the block that sent it to the block that settled it.
  public var duration: Duration? { settled.map { $0.time.sinceEpoch - sent.time.sinceEpoch } }
}

/// Why no crossing is found.
public enum CrossingLookupError: Error, Hashable, Sendable {
  case access(domain: String, AccessError)
  /// Neither a crossing id, nor `client/sequence`.
  case form
  case unknown
  /// The text stands for several: their names.
  case ambiguous([String])
  case malformed(domain: String)
}

/// Reads crossings from two domains.
public struct CrossingReader: Sendable {
  /// Sequences that an id is looked for among, for each end of a lane.
  public static let searchMax: UInt64 = 1_000_000
  /// The least part of an id that names a crossing.
  public static let idDigitsMin = 6

  public let network: Network
  private let accesses: [String: any DomainAccess]

  /// - Parameter accesses: by the domain's name.
  public init(network: Network, accesses: [String: any DomainAccess]) {
    self.network = network
    self.accesses = accesses
  }

  public func access(_ domain: Network.Domain) throws(CrossingLookupError) -> any DomainAccess {
    guard let access = accesses[domain.name] else {
      throw .access(domain: domain.name, .notSupported)
    }
    return access
  }

  // MARK: Names

  /// The crossing that a text names: an id or the start of one, `client/sequence`, or `domain/client/sequence`.
  public func key(named text: String) async throws(CrossingLookupError) -> PacketKey {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count > 1 else { return try await key(ofID: text) }
    guard parts.count <= 3, let last = parts.last, let sequence = UInt64(last).flatMap({ Sequence($0) })
    else {
      throw .form
    }
    let name = parts[parts.count - 2]
    var keys: [PacketKey] = []
    for domain in network.domains {
      if parts.count == 3, network.domain(parts[0])?.name != domain.name { continue }
      for (lane, client) in network.lanes(on: domain) where client.text == name || lane.kind.rawValue == name {
        let end = LaneEnd(domain.id, client)
        if try await next(end) > sequence.rawValue { keys.append(PacketKey(end, sequence)) }
      }
    }
    return try one(of: keys)
  }

  private func key(ofID text: String) async throws(CrossingLookupError) -> PacketKey {
    let digits = (text.hasPrefix("0x") ? String(text.dropFirst(2)) : text).lowercased()
    guard (Self.idDigitsMin...64).contains(digits.count),
      digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { throw .form }
    let wanted = "0x" + digits
    var keys: [PacketKey] = []
    for domain in network.domains {
      for (_, client) in network.lanes(on: domain) {
        let end = LaneEnd(domain.id, client)
        let next = try await next(end)
        // The newest first: that is what people ask for.
        for number in stride(from: next, to: next > Self.searchMax ? next - Self.searchMax : 0, by: -1) {
          guard number < next, let sequence = Sequence(number),
            let id = try? CrossingID(origin: end.domain, sourceClient: end.client, sequence: sequence)
          else { continue }
          if id.description.hasPrefix(wanted) {
            keys.append(PacketKey(end, sequence))
            if digits.count == 64 { return PacketKey(end, sequence) }
          }
        }
      }
    }
    return try one(of: keys)
  }

  private func one(of keys: [PacketKey]) throws(CrossingLookupError) -> PacketKey {
    guard let first = keys.first else { throw .unknown }
    guard keys.count == 1 else { throw .ambiguous(keys.prefix(8).map { name(of: $0) }) }
    return first
  }

  /// `domain/client/sequence`.
  public func name(of key: PacketKey) -> String {
    let domain = network.domain(key.origin.domain.text)?.name ?? key.origin.domain.text
    return "\(domain)/\(key.origin.client)/\(key.sequence)"
  }

  /// The number of the next packet of an end.
  public func next(_ end: LaneEnd) async throws(CrossingLookupError) -> UInt64 {
    guard let domain = network.domain(end.domain.text) else { throw .unknown }
    let access = try access(domain)
    do { return try await access.nextSequence(of: end.client, at: try await access.head().height) } catch {
      throw .access(domain: domain.name, error)
    }
  }

  // MARK: Stages

  /// What both domains show of a crossing.
  public func crossing(_ key: PacketKey) async throws(CrossingLookupError) -> Crossing {
    guard let origin = network.domain(key.origin.domain.text),
      let lane = network.lane(of: key.origin.client, on: origin)
    else { throw .unknown }
    let destination = network.other(origin, over: lane)
    guard let sending = try await event(.sent, key.origin.client, key.sequence, on: origin) else {
      throw .unknown
    }
    guard let packet = Self.packet(sending.event) else { throw .malformed(domain: origin.name) }
    let id: CrossingID
    do { id = try CrossingID(packet, origin: origin.id) } catch { throw .malformed(domain: origin.name) }
    let answering = try await event(.answered, packet.destinationClient, key.sequence, on: destination)
    let acknowledgement = answering.flatMap { found -> Acknowledgement? in
      guard let bytes = try? Hex.decode(found.event.value("encoded_acknowledgement_hex") ?? "") else {
        return nil
      }
      return try? Acknowledgement(decoding: bytes.span)
    }
    let failure = answering?.transaction.result.events.first {
      $0.type == "packet_failed" && $0.value("packet_dest_client") == packet.destinationClient.text
        && $0.value("packet_sequence") == key.sequence.description
    }?.value("reason")
    let closing = try await event(.acknowledged, key.origin.client, key.sequence, on: origin)
    let expiring =
      closing == nil ? try await event(.timedOut, key.origin.client, key.sequence, on: origin) : nil
    let sent = try await mark(sending.transaction, on: origin)
    var executed: ChainMark?
    if let answering { executed = try await mark(answering.transaction, on: destination) }
    var settled: ChainMark?
    if let ended = closing ?? expiring { settled = try await mark(ended.transaction, on: origin) }
    var ending: Crossing.Ending?
    if closing != nil {
      ending = acknowledgement?.isSuccess == false ? .refundedAfterError : .success
    } else if expiring != nil {
      ending = .refundedAfterTimeout
    }
    return Crossing(
      id: id, lane: lane, origin: origin, destination: destination, packet: packet, sent: sent,
      committed: try await header(after: sent, on: origin), executed: executed,
      acknowledgement: acknowledgement, failure: failure,
      acknowledged: try await header(after: executed, on: destination), settled: settled, ending: ending)
  }

  /// The packet in an event of its host.
  public static func packet(_ event: Event) -> Packet? {
    guard let bytes = try? Hex.decode(event.value("encoded_packet_hex") ?? "") else { return nil }
    return try? Packet(decoding: bytes.span)
  }

  private func event(
    _ step: PacketStep, _ client: ClientID, _ sequence: Sequence, on domain: Network.Domain
  ) async throws(CrossingLookupError) -> (event: Event, transaction: ObservedTransaction)? {
    let access = try access(domain)
    let found: [ObservedTransaction]
    do {
      found = try await access.packetTransactions(step, client: client, sequence: sequence, limit: 4)
    } catch { throw .access(domain: domain.name, error) }
    for transaction in found {
      let event = transaction.result.events.first {
        $0.type == step.rawValue && $0.value("packet_sequence") == sequence.description
          && $0.value(step.clientAttribute) == client.text
      }
      if let event { return (event, transaction) }
    }
    return nil
  }

  private func mark(
    _ transaction: ObservedTransaction, on domain: Network.Domain
  ) async throws(CrossingLookupError) -> ChainMark {
    let access = try access(domain)
    do {
      let header = try await access.stateHeader(at: transaction.height)
      return ChainMark(
        domain: domain.name, height: transaction.height, time: header.time, transaction: transaction.hash)
    } catch { throw .access(domain: domain.name, error) }
  }

  /// The header that proves what a block did; nil while it is not made, or not final.
  private func header(
    after mark: ChainMark?, on domain: Network.Domain
  ) async throws(CrossingLookupError) -> ChainMark? {
    guard let mark else { return nil }
    let access = try access(domain)
    do {
      guard let height = access.provingHeight(of: mark.height), try await access.head().finalHeight >= height
      else { return nil }
      let header = try await access.stateHeader(at: height)
      return ChainMark(domain: domain.name, height: height, time: header.time, transaction: nil)
    } catch {
      switch error {
      case .heightUnknown: return nil
      default: throw .access(domain: domain.name, error)
      }
    }
  }
}
