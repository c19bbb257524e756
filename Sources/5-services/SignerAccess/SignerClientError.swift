public import SignerWire
public import WireBytes

/// Why there is no answer of a signer.
public enum SignerClientError: Error, Hashable, Sendable {
  /// It cannot be reached, or the connection broke: whether it signed is not known. Asking again is safe, since a signer
  /// signs one thing once and the same thing again.
  case unavailable(retryAfterMilliseconds: UInt32)
  case refused(SignerRefusal)
  /// No answer in time; it may have signed.
  case timedOut
  /// Another signer answers there.
  case identity(expected: Bytes32, actual: Bytes32)
  /// The handshake failed, for a reason that trying again does not change.
  case handshake(HandshakeError)
  /// The two sides do not agree on a TLS connection.
  case tls(SignerTLSFailure)
  /// It says what cannot be read.
  case malformed(SignerMessageError)
  /// The batch is empty, or longer than a frame.
  case batch(SignerMessageError)
  /// More waits than may.
  case tooManyInFlight(max: Int)
  case closed

  /// Whether asking again may help, and after how long.
  public var retry: RetryAdvice {
    switch self {
    case .unavailable(let wait): .later(milliseconds: wait)
    case .refused(let refusal): refusal.retry
    case .timedOut, .tooManyInFlight: .later(milliseconds: 100)
    case .identity, .tls, .closed, .batch, .malformed: .never
    case .handshake(.refused(let refusal)): refusal.retry
    case .handshake: .never
    }
  }
}
