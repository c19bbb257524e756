package import ChainAccess
import Ledger
import LightClients
package import Messages
import PacketHost
package import RelayEngine
package import WireBytes

/// What one block says about packets of the lanes that are served.
package struct BlockReading: Sendable {
  package struct Seen: Sendable {
    package let sight: PacketSight
    package let transaction: Bytes32
  }

  let height: UInt64
  let time: CometBFT.Timestamp
  /// Nil on domains whose blocks stay.
  let hash: Bytes32?
  package private(set) var seen: [Seen] = []
  /// Reasons of failed executions, by the destination's client and the sequence.
  package private(set) var failures: [(client: ClientID, sequence: Sequence, reason: String)] = []
  package private(set) var malformed: [SightError] = []
  let transactions: [ObservedTransaction]

  /// Malformed events of one block that are told.
  package static let malformedMax = 16

  /// Reads a block of an endpoint that may say anything: no event traps, and none is believed beyond being a question
  /// to ask the state.
  ///
  /// - Parameter clients: the ends of lanes on that domain.
  package init(_ block: ObservedBlock, clients: Set<String>) {
    height = block.height
    time = block.time
    hash = block.hash
    transactions = block.transactions
    for transaction in block.transactions where transaction.result.succeeded {
      read(transaction, clients)
    }
  }

  /// The sights of one transaction.
  package init(_ transaction: ObservedTransaction, clients: Set<String>) {
    height = transaction.height
    time = .goZero
    hash = nil
    transactions = []
    if transaction.result.succeeded { read(transaction, clients) }
  }

  private mutating func read(_ transaction: ObservedTransaction, _ clients: Set<String>) {
    var last: (hex: String, packet: Packet)?
    for event in transaction.result.events {
      let isAtOrigin: Bool
      switch event.type {
      case "send_packet", "acknowledge_packet", "timeout_packet": isAtOrigin = true
      case "recv_packet", "write_acknowledgement": isAtOrigin = false
      case "packet_failed":
        note(event, clients)
        continue
      default: continue
      }
      // Others' packets are not worth decoding.
      guard let client = event.value(isAtOrigin ? "packet_source_client" : "packet_dest_client"),
        clients.contains(client)
      else { continue }
      do throws(SightError) {
        guard let hex = event.value("encoded_packet_hex") else { throw .attributeMissing }
        let packet: Packet
        // A received packet and its acknowledgement come as a pair.
        if let last, last.hex == hex { packet = last.packet } else { packet = try Self.packet(hex) }
        last = (hex, packet)
        let sight: PacketSight
        switch event.type {
        case "send_packet": sight = .sent(packet)
        case "acknowledge_packet": sight = .acknowledged(packet)
        case "timeout_packet": sight = .timedOut(packet)
        case "recv_packet": sight = .received(packet)
        default:
          guard let hex = event.value("encoded_acknowledgement_hex") else { throw .attributeMissing }
          sight = .acknowledgementWritten(packet, try Self.acknowledgement(hex))
          // Says all that the sight before it says.
          if case .received(packet) = seen.last?.sight { seen.removeLast() }
        }
        seen.append(Seen(sight: sight, transaction: transaction.hash))
      } catch {
        if malformed.count < Self.malformedMax { malformed.append(error) }
      }
    }
  }

  private mutating func note(_ event: Event, _ clients: Set<String>) {
    guard let text = event.value("packet_dest_client"), clients.contains(text),
      let client = try? ClientID(text), let reason = event.value("reason"),
      let sequence = event.value("packet_sequence").flatMap({ UInt64($0) }).flatMap({ Sequence($0) })
    else { return }
    let cut = String(decoding: Array(reason.utf8.prefix(PacketHistory.failureSizeMax)), as: UTF8.self)
    failures.append((client, sequence, cut))
  }

  private static func bytes(_ hex: String) throws(SightError) -> [UInt8] {
    guard hex.utf8.count <= 2 * Packet.encodedSizeMax + 2 else { throw .tooLong(max: Packet.encodedSizeMax) }
    do { return try Hex.decode(hex) } catch { throw .hex }
  }

  private static func packet(_ hex: String) throws(SightError) -> Packet {
    let bytes = try bytes(hex)
    do { return try Packet(decoding: bytes.span) } catch { throw .packet(error) }
  }

  private static func acknowledgement(_ hex: String) throws(SightError) -> Acknowledgement {
    let bytes = try bytes(hex)
    do { return try Acknowledgement(decoding: bytes.span) } catch { throw .acknowledgement(error) }
  }
}

extension UnixTime {
  /// Whole seconds, as clients count; 0 for times before 1970.
  init(_ time: CometBFT.Timestamp) { self.init(seconds: UInt64(clamping: time.seconds)) }
}

extension CometBFT.Timestamp {
  init(_ time: UnixTime) {
    self = (try? CometBFT.Timestamp(seconds: Int64(clamping: time.seconds))) ?? .goZero
  }
}

extension ChainHead {
  /// Heights are those of headers.
  var relayed: DomainHead {
    DomainHead(
      latest: Height(revision: revision, height), latestTime: UnixTime(time),
      final: Height(revision: revision, finalHeight), finalTime: UnixTime(finalTime))
  }
}
