public import Messages

/// Ports that come and go with the state of a domain: those of contracts.
public protocol PortRouting: Sendable {
  /// The application behind `port`; nil when there can be none.
  func application(for port: PortID) -> (any PacketApplication)?
}
