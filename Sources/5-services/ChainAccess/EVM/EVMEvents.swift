import Encodings
import MerkleProofs
import Messages
import PacketHost
import WireBytes

/// A router's logs in the words that ledgers use, so that whoever reads blocks reads those of both.
///
/// A packet is told as `send_packet`, `recv_packet` with `write_acknowledgement`, `acknowledge_packet` or
/// `timeout_packet`, with the packet in protobuf; a failed execution as `packet_failed` before its acknowledgement;
/// what was done already as `noop`; clients as `create_client`, `update_client` and `client_misbehaviour`.
enum EVMEvents {
  private static let topics = (
    send: ABI.eventTopic("SendPacket(string,uint256,\(EVMRouterCall.packetType.name))"),
    write: ABI.eventTopic("WriteAcknowledgement(string,uint256,\(EVMRouterCall.packetType.name),bytes[])"),
    acknowledge: ABI.eventTopic("AckPacket(string,uint256,\(EVMRouterCall.packetType.name),bytes)"),
    timeOut: ABI.eventTopic("TimeoutPacket(string,uint256,\(EVMRouterCall.packetType.name))"),
    acknowledgeSeveral: ABI.eventTopic(
      "AckPayloads(string,uint256,\(EVMRouterCall.packetType.name),bytes[])"),
    noop: ABI.eventTopic("Noop()"),
    failure: ABI.eventTopic("IBCAppRecvPacketCallbackError(bytes)"),
    added: ABI.eventTopic("ICS02ClientAdded(string,(string,bytes[]),address)"),
    updated: ABI.eventTopic("ICS02ClientUpdated(string,uint8)"),
    migrated: ABI.eventTopic("ICS02ClientMigrated(string,(string,bytes[]),address)"),
    misbehaviour: ABI.eventTopic("ICS02MisbehaviourSubmitted(string)")
  )

  /// The logs in which the router tells of a step.
  static func topics(_ step: PacketStep) -> [Bytes32] {
    switch step {
    case .sent: [topics.send]
    case .received, .answered: [topics.write]
    case .acknowledged: [topics.acknowledge, topics.acknowledgeSeveral]
    case .timedOut: [topics.timeOut]
    }
  }

  /// The events of one transaction, from its logs in their order. Logs that make no packet are left out: the router
  /// takes more than any other domain does.
  static func events(_ logs: [EVMLog], router: Bytes20) -> [Event] {
    var events: [Event] = []
    // The router tells of a failure right before it writes the answer.
    var failure: String?
    for log in logs.map(\.log) where log.address == router {
      guard let topic = log.topics.first else { continue }
      switch topic {
      case topics.send:
        if let (packet, _) = packet(log, []) { events.append(event("send_packet", packet)) }
      case topics.write:
        let reason = failure
        failure = nil
        guard let (packet, rest) = packet(log, [.array(.bytes)]), case .array(let results)? = rest.first,
          let acknowledgement = try? Acknowledgement(results.compactMap(bytes))
        else { continue }
        events.append(event("recv_packet", packet))
        if let reason {
          events.append(
            Event(
              "packet_failed",
              [
                "packet_dest_client": packet.destinationClient.text,
                "packet_sequence": packet.sequence.description, "reason": reason,
              ]))
        }
        events.append(event("write_acknowledgement", packet, acknowledgement))
      case topics.acknowledge:
        guard let (packet, rest) = packet(log, [.bytes]) else { continue }
        let acknowledgement = rest.first.flatMap(bytes).flatMap { try? Acknowledgement([$0]) }
        events.append(event("acknowledge_packet", packet, acknowledgement))
      case topics.acknowledgeSeveral:
        guard let (packet, rest) = packet(log, [.array(.bytes)]), case .array(let results)? = rest.first
        else { continue }
        events.append(event("acknowledge_packet", packet, try? Acknowledgement(results.compactMap(bytes))))
      case topics.timeOut:
        if let (packet, _) = packet(log, []) { events.append(event("timeout_packet", packet)) }
      case topics.noop: events.append(Event("noop", []))
      case topics.failure:
        guard case .bytes(let bytes)? = try? ABI.decode(log.payload, as: [.bytes]).first else { continue }
        failure = reason(bytes)
      case topics.added:
        if let id = client(log, [.tuple([.string, .array(.bytes)]), .address]) {
          events.append(Event("create_client", ["client_id": id]))
        }
      case topics.updated:
        guard let values = try? ABI.decode(log.payload, as: [.string, .uint(8)]),
          case .string(let id) = values[0], case .uint(let result) = values[1]
        else { continue }
        // 0 updated, 1 misbehaviour: it froze, 2 nothing new.
        let type = result == .one ? "client_misbehaviour" : "update_client"
        events.append(Event(type, ["client_id": id, "result": result.description]))
      case topics.migrated:
        if let id = client(log, [.tuple([.string, .array(.bytes)]), .address]) {
          events.append(Event("migrate_client", ["client_id": id]))
        }
      case topics.misbehaviour:
        if let id = client(log, []) { events.append(Event("client_misbehaviour", ["client_id": id])) }
      default: continue
      }
    }
    return events
  }

  /// What an application reverted with, in one word where there is one.
  private static func reason(_ bytes: [UInt8]) -> String {
    let revert = EVMRevert(bytes)
    return revert.words ?? revert.code
  }

  private static func bytes(_ value: ABIValue) -> [UInt8]? {
    if case .bytes(let bytes) = value { bytes } else { nil }
  }

  private static func client(_ log: EthereumLog, _ rest: [ABIType]) -> String? {
    guard case .string(let id)? = try? ABI.decode(log.payload, as: [.string] + rest).first else { return nil }
    return id
  }

  /// The packet of a log, and what follows it; nil when topics and packet do not say the same.
  private static func packet(_ log: EthereumLog, _ rest: [ABIType]) -> (Packet, [ABIValue])? {
    guard log.topics.count == 3,
      let values = try? ABI.decode(log.payload, as: [EVMRouterCall.packetType] + rest),
      let packet = try? EVMRouterCall.packet(values[0]),
      log.topics[2] == UInt256(packet.sequence.rawValue).bigEndian
    else { return nil }
    // Of the side that tells: the sender's client, or the receiver's.
    let client = log.topics[0] == topics.write ? packet.destinationClient : packet.sourceClient
    guard log.topics[1] == ABI.eventTopic(client.text) else { return nil }
    return (packet, Array(values.dropFirst()))
  }

  private static func event(_ type: String, _ packet: Packet, _ acknowledgement: Acknowledgement? = nil)
    -> Event
  {
    var attributes: [Event.Attribute] = [
      Event.Attribute("packet_source_client", packet.sourceClient.text),
      Event.Attribute("packet_dest_client", packet.destinationClient.text),
      Event.Attribute("packet_sequence", packet.sequence.description),
      Event.Attribute("packet_timeout_timestamp", packet.timeout.description, isIndexed: false),
      Event.Attribute("encoded_packet_hex", Hex.encode(packet.encoded(), prefix: ""), isIndexed: false),
    ]
    if let acknowledgement {
      attributes.append(
        Event.Attribute(
          "encoded_acknowledgement_hex", Hex.encode(acknowledgement.encoded(), prefix: ""), isIndexed: false))
    }
    return Event(type, attributes)
  }
}
