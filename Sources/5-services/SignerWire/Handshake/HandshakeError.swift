public import SigningRules
public import WireBytes

/// Why a handshake ended without a session.
public enum HandshakeError: Error, Hashable, Sendable {
  case length(expected: Int, actual: Int)
  case version(UInt8)
  case domain(expected: KeyDomain, actual: UInt8)
  /// The two clocks differ by more than the horizon.
  case clock(ours: UInt64, theirs: UInt64)
  /// The signer is not the one that the client has pinned.
  case identity(expected: Bytes32, actual: Bytes32)
  /// The other side sent back what is ours.
  case reflected
  /// The fresh key cannot be agreed upon: a point of small order.
  case keyAgreement
  /// The signature over the transcript.
  case signature
  /// The MAC of the grant.
  case mac
  /// A frame of this kind does not come here.
  case order(SignerFrameKind)
  /// The signer said no.
  case refused(SignerRefusal)
  /// The signer said something that cannot be read.
  case malformed(SignerMessageError)

  /// What a signer tells the client about it.
  public var fault: SignerFault {
    switch self {
    case .length, .malformed: .malformed
    case .version: .version
    case .domain: .domain
    case .clock: .clock
    case .identity: .unknownClient
    case .reflected, .keyAgreement: .keyAgreement
    case .signature: .signature
    case .mac: .mac
    case .order, .refused: .frameOrder
    }
  }
}
