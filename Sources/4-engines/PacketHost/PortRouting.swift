public import Messages

/// Ports that come and go with the state of a domain: those of contracts.
public protocol PortRouting: Sendable {
  /// The application behind `port`; nil when there can be none.
  func application(for port: PortID) -> (any PacketApplication)?
}

/// What contracts may use for packets. Each is a limit and a floor at once: a message that leaves less is refused
/// as a whole, so that whoever relays has no say in how a call ends.
public enum ContractPacketGas {
  /// Being told how a packet ended, or that a transfer came in (wasmd `x/wasm/ibc.go`, DefaultMaxIBCCallbackGas).
  public static let callback: UInt64 = 1_000_000
  /// Receiving a packet on a contract's own port.
  public static let receive: UInt64 = 2_000_000
  /// How the ports of contracts begin in IBC v2 (wasmd `x/wasm/keeper/ibc.go`, PortIDPrefixV2).
  public static let portPrefix = "wasm2"
}
