public import Messages

/// Where a domain stands.
public struct DomainHead: Hashable, Sendable {
  public let latest: Height
  public let latestTime: UnixTime
  /// The newest block that can no longer be rolled back.
  public let final: Height
  public let finalTime: UnixTime

  public init(latest: Height, latestTime: UnixTime, final: Height, finalTime: UnixTime) {
    self.latest = latest
    self.latestTime = latestTime
    self.final = final
    self.finalTime = finalTime
  }
}

/// What a block's events say about a packet.
public enum PacketSight: Hashable, Sendable {
  case sent(Packet)
  case received(Packet)
  case acknowledgementWritten(Packet, Acknowledgement)
  case acknowledged(Packet)
  case timedOut(Packet)

  public var packet: Packet {
    switch self {
    case .sent(let packet), .received(let packet), .acknowledgementWritten(let packet, _),
      .acknowledged(let packet),
      .timedOut(let packet):
      packet
    }
  }
}

/// What a client on a domain says of itself.
public struct RelayedClient: Hashable, Sendable {
  /// The newest height it knows, with its time; nil before the first update.
  public let latest: Height?
  public let latestTime: UnixTime
  public let isFrozen: Bool
  public let isExpired: Bool

  public init(latest: Height?, latestTime: UnixTime, isFrozen: Bool = false, isExpired: Bool = false) {
    self.latest = latest
    self.latestTime = latestTime
    self.isFrozen = isFrozen
    self.isExpired = isExpired
  }
}

/// A batch, unlike any other of this engine and of those before it.
public struct BatchID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Counts restarts.
  public let incarnation: UInt64
  public let number: UInt64

  public init(incarnation: UInt64, number: UInt64) {
    self.incarnation = incarnation
    self.number = number
  }
  public static func < (left: BatchID, right: BatchID) -> Bool {
    (left.incarnation, left.number) < (right.incarnation, right.number)
  }
  public var description: String { "\(incarnation).\(number)" }
}

/// What a domain holds, against what a batch wanted to prove.
public struct ProofFinding: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable {
    /// Nothing is stored where a commitment was to be proven.
    case absent
    /// Something is stored where absence was to be proven.
    case present
    /// Something else is stored.
    case different
  }
  public let key: PacketKey
  public let kind: Kind

  public init(_ key: PacketKey, _ kind: Kind) {
    self.key = key
    self.kind = kind
  }
}

/// The answer to a request for evidence or for proofs.
public enum CollectionAnswer: Hashable, Sendable {
  /// The service holds it. Packets with a finding are not in it.
  case ready(findings: [ProofFinding])
  case failed(code: String)
}

public enum MessageOutcome: Hashable, Sendable {
  case done
  /// It had been done before.
  case noOperation
  /// Executed without success: an error acknowledgement is on its way.
  case executionFailed(code: String)
}

public enum SubmissionResult: Hashable, Sendable {
  public enum Part: Hashable, Sendable {
    /// The transaction as a whole, before any message.
    case transaction
    case update
    /// By its place among the submitted messages.
    case message(Int)
  }
  /// In a block, all messages executed; one outcome for each message.
  case included(Height, [MessageOutcome])
  /// Nothing of it was executed.
  case refused(Part, code: String)
  /// It may or may not be included.
  case lost
}

/// What both domains hold about one packet.
public struct InspectedPacket: Hashable, Sendable {
  public let sequence: Sequence
  /// The origin holds its commitment.
  public let isOpen: Bool
  /// The destination holds its receipt.
  public let isReceived: Bool

  public init(_ sequence: Sequence, isOpen: Bool, isReceived: Bool) {
    self.sequence = sequence
    self.isOpen = isOpen
    self.isReceived = isReceived
  }
}

public struct Inspection: Hashable, Sendable {
  public let origin: LaneEnd
  /// Final heights at which the domains were read: the origin first, then the destination.
  public let originHeight: Height
  public let destinationHeight: Height
  public let destinationTime: UnixTime
  public let packets: [InspectedPacket]

  public init(
    origin: LaneEnd, originHeight: Height, destinationHeight: Height, destinationTime: UnixTime,
    packets: [InspectedPacket]
  ) {
    self.origin = origin
    self.originHeight = originHeight
    self.destinationHeight = destinationHeight
    self.destinationTime = destinationTime
    self.packets = packets
  }
}

/// Open commitments under one client, at a final height.
public struct ScanPage: Hashable, Sendable {
  public let origin: LaneEnd
  /// Sequences above this one are covered …
  public let after: UInt64
  /// … up to this one; nil when nothing follows.
  public let through: UInt64?
  /// Ascending.
  public let open: [Sequence]
  public let height: Height

  public init(origin: LaneEnd, after: UInt64, through: UInt64?, open: [Sequence], height: Height) {
    self.origin = origin
    self.after = after
    self.through = through
    self.open = open
    self.height = height
  }
}

public struct Lookup: Hashable, Sendable {
  public enum Wanted: String, Hashable, Sendable {
    /// At the origin, from its events.
    case packet
    /// At the destination, from its events.
    case acknowledgement
  }
  public let key: PacketKey
  public let wanted: Wanted

  public init(_ key: PacketKey, _ wanted: Wanted) {
    self.key = key
    self.wanted = wanted
  }
}

public enum RelayCommand: Hashable, Sendable {
  /// Scan now, and try again what was given up.
  case clear(LaneEnd)
  /// Both directions of the lane.
  case pause(LaneEnd)
  case resume(LaneEnd)
}

/// What an engine is told. Repeats, gaps and any order are harmless.
public enum RelayEvent: Hashable, Sendable {
  /// First, once, after making or restoring the engine.
  case started
  case head(DomainID, DomainHead)
  /// Blocks above `to` are no longer part of the domain. What they told is told again where the new blocks tell it too.
  case rolledBack(DomainID, to: Height)
  /// The domain now tells another history than the one that was final. Nothing is taken back: its lanes are shut until
  /// it tells the first one again, or an operator resumes, after which ``rolledBack(_:to:)`` may go below finality once.
  case finalityViolated(DomainID)
  /// The domain tells the history that was final.
  case finalityRestored(DomainID)
  /// Events of one block, or found by a look-up. After the head that covers the block, when possible.
  case observed(DomainID, at: Height, [PacketSight])
  /// A look-up found nothing.
  case notFound(Lookup)
  case scanned(ScanPage)
  case inspected(Inspection)
  case client(LaneEnd, RelayedClient)
  case evidence(BatchID, CollectionAnswer)
  case proofs(BatchID, CollectionAnswer)
  case submitted(BatchID, SubmissionResult)
  case command(RelayCommand)
  /// Time has passed.
  case tick
}
