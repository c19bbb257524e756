/// How much of itself a signer gives to its clients.
public struct ServerLimits: Hashable, Sendable {
  /// Connections at once. One more pushes out the oldest that has not shown who it is; when all have, it is refused.
  public var connections = 256
  /// Connections of one client.
  public var connectionsPerClient = 32
  /// Signing requests of one connection that may wait at once; an administrative one counts as one.
  public var inFlight: UInt32 = 1_024
  /// From the connection to the session.
  public var handshake = Duration.seconds(5)
  /// A connection on which nothing moves for this long is closed.
  public var idle = Duration.seconds(300)
  /// How long a peer may leave answers unread.
  public var slowReader = Duration.seconds(5)
  /// Answers that wait for a peer to read; then nothing more is read from it until it does.
  public var unreadBytes = 256 << 10
  /// How long a session lives.
  public var session = Duration.seconds(900)
  /// Lines about refused handshakes in the audit log, each minute; the rest is only counted.
  public var auditedRefusals = 60

  public init() {}
}
