public import Messages
public import WireBytes

/// What must be proven to a client for one message.
public struct ProofNeed: Hashable, Sendable {
  public let key: PacketKey
  public let path: PacketPath
  /// What lies under the path; nil when nothing may lie there.
  public let commitment: Bytes32?

  public init(key: PacketKey, path: PacketPath, commitment: Bytes32?) {
    self.key = key
    self.path = path
    self.commitment = commitment
  }
}

/// One packet message. The service holds packet and acknowledgement under `key`, and knows the proof by `need`.
public struct RelayMessage: Hashable, Sendable {
  public let task: RelayTask
  public let need: ProofNeed
  public var key: PacketKey { need.key }

  public init(_ task: RelayTask, _ need: ProofNeed) {
    self.task = task
    self.need = need
  }
}

/// Asks the attesters of `tracked` to sign for the client at `end`.
public struct AttestationRequest: Hashable, Sendable {
  public let batch: BatchID
  public let end: LaneEnd
  public let tracked: DomainID
  public let height: Height
  /// The state as a whole, when false; `needs` is empty then.
  public let isOverPackets: Bool
  public let needs: [ProofNeed]
}

public struct HeaderRequest: Hashable, Sendable {
  public let batch: BatchID
  public let end: LaneEnd
  public let tracked: DomainID
  public let height: Height
  /// The height that the client trusts already.
  public let trusted: Height?
}

/// Asks for membership proofs against the state of `height`, as headers of that height commit to it.
public struct ProofRequest: Hashable, Sendable {
  public let batch: BatchID
  public let tracked: DomainID
  public let height: Height
  public let needs: [ProofNeed]
}

/// One transaction: an update of the client at `end`, unless it knows the height already, and messages.
public struct SubmitRequest: Hashable, Sendable {
  public let batch: BatchID
  public let end: LaneEnd
  /// Proofs are against this height of the tracked domain.
  public let height: Height
  public let updatesClient: Bool
  public let messages: [RelayMessage]
  public let gasEstimate: UInt64
}

public struct ScanRequest: Hashable, Sendable {
  public let origin: LaneEnd
  public let after: UInt64
  public let limit: Int
}

public struct InspectRequest: Hashable, Sendable {
  public let origin: LaneEnd
  public let peer: LaneEnd
  public let sequences: [Sequence]
}

/// A row to be kept. Contents are given once, when they are learnt.
public struct PacketChange: Hashable, Sendable {
  public let record: PacketRecord
  public let packet: Packet?
  public let acknowledgement: Acknowledgement?
}

public struct RelayAlert: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case clientExpiring
    case clientExpired
    case clientFrozen
    case finalityViolated
    case laneStuck
    case packetHopeless
    case backlogFull

    /// The page of the runbook that says what to do.
    public var runbook: String { "relay." + rawValue }
  }
  public let kind: Kind
  public let end: LaneEnd
  /// The packet that raised it, if one did.
  public let packet: PacketKey?
}

/// A sight that started nothing, and why.
public struct IgnoredSight: Hashable, Sendable {
  public enum Reason: String, Hashable, Sendable {
    case laneUnknown
    case clientMismatch
    case commitmentDiffers
    /// No room; a scan finds it later.
    case full
  }
  public let domain: DomainID
  public let sourceClient: ClientID
  public let sequence: Sequence
  public let reason: Reason
}

/// What a service does for the engine, in this order. What ``persist(packets:ends:)`` gives must be on disk before any
/// later effect is begun.
public enum RelayEffect: Hashable, Sendable {
  case persist(packets: [PacketChange], ends: [EndRecord])
  case readClient(LaneEnd)
  case scan(ScanRequest)
  case inspect(InspectRequest)
  /// Answers come as ``RelayEvent/observed(_:at:_:)`` or ``RelayEvent/notFound(_:)``, one by one.
  case lookUp([Lookup])
  case askAttesters(AttestationRequest)
  case fetchHeader(HeaderRequest)
  case fetchProofs(ProofRequest)
  case submit(SubmitRequest)
  /// Nothing more is wanted of this batch; what was collected for it may go.
  case abandon(BatchID)
  case alert(RelayAlert)
  case alertEnded(RelayAlert.Kind, LaneEnd)
  case ignored(IgnoredSight)
  /// Send ``RelayEvent/tick`` then, unless something else comes first. Replaces the one before.
  case wake(at: RelayInstant)
}
