public import ChainAccess
public import Gate
public import Messages
public import RelayEngine

/// What an operator may want to know. Notices carry numbers and names, never text that another side chose.
public enum RelayNotice: Hashable, Sendable {
  case alert(RelayAlert)
  case alertEnded(RelayAlert.Kind, LaneEnd)
  /// The domain's endpoint gave no answer, or an impossible one.
  case endpoint(DomainID, AccessError)
  /// An event that looks like a packet's and is none; the block's other events are used.
  case eventMalformed(DomainID, height: UInt64, SightError)
  case sightIgnored(IgnoredSight)
  /// The domain went on without this relayer: blocks in between are not read, a scan finds what is open.
  case blocksSkipped(DomainID, after: UInt64, to: UInt64)
  /// Blocks above `to` are no longer part of the domain; they were read up to `from`.
  case rolledBack(DomainID, from: UInt64, to: UInt64)
  /// The final block at this height is another one now: nothing is read there until it is the first one again, or an
  /// operator resumes a lane.
  case finalityViolated(DomainID, at: UInt64)
  /// By the attester's position in the policy of the client at this end.
  case attester(LaneEnd, index: Int, AttesterFault)
  /// A transaction was refused, by the domain's check or in its block.
  case refused(LaneEnd, SubmissionResult.Part, code: String)
}

/// What an attester did wrong.
public enum AttesterFault: Hashable, Sendable {
  /// It answers, and its signature does not hold.
  case signature(AttesterSignatureError)
  /// It signs another time or other contents for a height than the quorum does.
  case differs(Height)
  /// Another list than was asked for.
  case form
  case failed(AttestationFailure)
}

/// Why an event's attributes are no packet.
public enum SightError: Error, Hashable, Sendable {
  case attributeMissing
  case tooLong(max: Int)
  case hex
  case packet(PacketDecodingError)
  case acknowledgement(PacketDecodingError)
}

/// How a relayer does.
public struct RelayerStatus: Hashable, Sendable {
  public struct Domain: Hashable, Sendable {
    public let domain: DomainID
    /// Nil before its first answer.
    public let head: ChainHead?
    /// The newest block that was read.
    public let cursor: UInt64?
    /// The reason of the last question without an answer, until the next one has one.
    public let failure: AccessError?
    /// Why nothing is read or written there; nil in order.
    public let pause: Pause?
    public let transactionsWaiting: Int
  }

  public enum Pause: Hashable, Sendable {
    /// The final block at this height is another one now.
    case finalityViolated(at: UInt64)
  }
  /// Counts starts.
  public let incarnation: UInt64
  public let domains: [Domain]
  public let lanes: [LaneReport]
  public let live: Int
  public let backlog: Int
  public let hopeless: Int
  /// Conditions that last.
  public let alerts: [RelayAlert]
  /// The newest ones, oldest first, at most ``noticesMax``.
  public let notices: [RelayNotice]
  /// Settled since this relayer started.
  public let settled: UInt64

  public static let noticesMax = 256
}
