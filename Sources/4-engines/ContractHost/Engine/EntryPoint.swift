/// The exports of a contract that a host calls with regions of JSON and that answer with one.
///
/// Source: cosmwasm packages/vm/src/calls.rs.
public enum EntryPoint: String, Hashable, Sendable, CaseIterable {
  case instantiate
  case execute
  case query
  case migrate
  case reply
  case sudo
  case ibcChannelOpen = "ibc_channel_open"
  case ibcChannelConnect = "ibc_channel_connect"
  case ibcChannelClose = "ibc_channel_close"
  case ibcPacketReceive = "ibc_packet_receive"
  case ibcPacketAck = "ibc_packet_ack"
  case ibcPacketTimeout = "ibc_packet_timeout"
  case ibcSourceCallback = "ibc_source_callback"
  case ibcDestinationCallback = "ibc_destination_callback"
  case ibc2PacketSend = "ibc2_packet_send"
  case ibc2PacketReceive = "ibc2_packet_receive"
  case ibc2PacketAck = "ibc2_packet_ack"
  case ibc2PacketTimeout = "ibc2_packet_timeout"

  /// The name of the export.
  public var exportName: String { rawValue }

  /// Whether the second argument is a MessageInfo: env, info, message; otherwise env, message.
  public var takesInfo: Bool {
    switch self {
    case .instantiate, .execute: true
    default: false
    }
  }

  /// The six exports that make a contract one of IBC v1.
  public static let ibcV1: [EntryPoint] = [
    .ibcChannelOpen, .ibcChannelConnect, .ibcChannelClose, .ibcPacketReceive, .ibcPacketAck,
    .ibcPacketTimeout,
  ]
}
