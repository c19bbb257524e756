import Messages
import WireBytes

/// The events that relayers look for, exactly as ibc-go v2 names and fills them.
///
/// - SeeAlso: ibc-go `04-channel/v2/types/events.go`, `04-channel/v2/keeper/events.go`.
extension HostContext {
  enum PacketEvent: String {
    case send = "send_packet"
    case receive = "recv_packet"
    case acknowledge = "acknowledge_packet"
    case timeOut = "timeout_packet"
    case writeAcknowledgement = "write_acknowledgement"
  }

  mutating func emit(
    _ kind: PacketEvent, _ packet: Packet, acknowledgement: Acknowledgement? = nil
  ) throws(ExecutionHalt) {
    var attributes: [Event.Attribute] = [
      Event.Attribute("packet_source_client", packet.sourceClient.text),
      Event.Attribute("packet_dest_client", packet.destinationClient.text),
      Event.Attribute("packet_sequence", packet.sequence.description),
      Event.Attribute("packet_timeout_timestamp", packet.timeout.description, isIndexed: false),
      Event.Attribute("encoded_packet_hex", Hex.encode(packet.encoded(), prefix: ""), isIndexed: false),
    ]
    if let acknowledgement {
      let hex = Hex.encode(acknowledgement.encoded(), prefix: "")
      attributes.append(Event.Attribute("encoded_acknowledgement_hex", hex, isIndexed: false))
    }
    try emit(Event(kind.rawValue, attributes))
    try emit(Event("message", ["module": "ibc_channelv2"]))
  }
}
