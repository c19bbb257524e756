/// What the protocol itself refuses: codes 1 to 99. Those of the rules begin at 100.
public enum SignerFault: UInt16, Error, Hashable, Sendable, CaseIterable {
  case frameTooLarge = 1
  case frameKind = 2
  /// A frame that cannot come at this point.
  case frameOrder = 3
  /// A body that is not what its kind says.
  case malformed = 4
  /// The protocol's version.
  case version = 5
  /// The signer serves another key domain.
  case domain = 6
  /// The client's clock and the signer's are too far apart.
  case clock = 7
  /// No client of the policy has this key.
  case unknownClient = 8
  /// The client may not come as this peer: another uid, another SPIFFE URI.
  case peer = 9
  case signature = 10
  /// The fresh key cannot be agreed upon, or is the signer's own.
  case keyAgreement = 11
  /// No such session, or no longer.
  case unknownSession = 12
  /// The session was granted to another peer.
  case sessionPeer = 13
  case mac = 14
  case sessionExpired = 15
  /// The request's time is outside the horizon.
  case stale = 16
  /// The nonce was used.
  case replayed = 17
  /// The nonce is behind the window, where used ones are no longer told apart.
  case nonceTooOld = 18
  /// More requests in flight than the session was granted.
  case tooManyInFlight = 19
  case tooManyConnections = 20
  case handshakeTimeout = 21
  /// The queue before the signing thread is full.
  case overloaded = 22
  /// A write to disk failed; the signer signs nothing until it is started again.
  case halted = 23
  /// The signer is about to stop.
  case draining = 24
  /// The client's roles do not allow this.
  case role = 25
  /// The batch is empty or too long.
  case batchSize = 26
  /// No such key here.
  case unknownKey = 27
  /// The peer's certificate does not name it as it must.
  case certificate = 28
  /// The answer does not fit a frame.
  case answerTooLarge = 29
  /// The signer does not know that operation.
  case operation = 30
  /// The peer does not read what it asked for.
  case slowReader = 31

  public var name: String { "\(self)" }

  /// What the client may do about it.
  public var retry: RetryAdvice {
    switch self {
    case .frameTooLarge, .frameKind, .frameOrder, .malformed, .version, .domain, .peer, .signature,
      .keyAgreement, .mac, .replayed, .nonceTooOld, .batchSize, .answerTooLarge, .operation, .certificate:
      .never
    case .unknownClient, .role, .unknownKey, .clock: .afterChange
    case .unknownSession, .sessionPeer, .sessionExpired: .newSession
    case .stale, .tooManyInFlight, .overloaded: .later(milliseconds: 100)
    case .tooManyConnections, .handshakeTimeout, .slowReader: .later(milliseconds: 1_000)
    case .halted, .draining: .later(milliseconds: 5_000)
    }
  }
}

/// What a client may do after a refusal.
public enum RetryAdvice: Hashable, Sendable {
  /// The same request will be refused for ever.
  case never
  case later(milliseconds: UInt32)
  /// Open another session, then ask again.
  case newSession
  /// Somebody has to change the policy, a key or the signer's state first.
  case afterChange
}
