public import Messages

/// A client on the domain that holds it: one end of a lane.
public struct LaneEnd: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let domain: DomainID
  public let client: ClientID

  public init(_ domain: DomainID, _ client: ClientID) {
    self.domain = domain
    self.client = client
  }

  public static func < (left: LaneEnd, right: LaneEnd) -> Bool {
    left.domain == right.domain ? left.client < right.client : left.domain < right.domain
  }
  public var description: String { "\(domain)/\(client)" }
}

/// What convinces a client.
public enum EvidenceForm: String, Hashable, Sendable, CaseIterable {
  /// Attesters sign a list of paths and commitments at a height; no other proof is needed.
  case attestedPackets
  /// Attesters sign a state; membership proofs go with each message.
  case attestedState
  /// A CometBFT header; membership proofs go with each message.
  case header
}

/// What one transaction at an end may hold, beside what ``RelayRules`` allow everywhere.
public struct EndLimits: Hashable, Sendable {
  /// Nil for the rules' own.
  public var messagesMax: Int?
  public var bytesMax: Int?
  /// A message larger than this goes alone.
  public var listedBytesMax: Int?
  /// The allowance for what proves one message there, and for its framing.
  public var proofBytes: Int

  public init(
    messagesMax: Int? = nil, bytesMax: Int? = nil, listedBytesMax: Int? = nil, proofBytes: Int = 1_024
  ) {
    self.messagesMax = messagesMax
    self.bytesMax = bytesMax
    self.listedBytesMax = listedBytesMax
    self.proofBytes = proofBytes
  }
}

/// A lane to be served, in both directions.
public struct LaneRule: Hashable, Sendable {
  public let lane: LaneID
  /// What the client on `lane.origin` takes as evidence of the destination.
  public let originForm: EvidenceForm
  /// What the client on `lane.destination` takes as evidence of the origin.
  public let destinationForm: EvidenceForm
  /// Seconds of trust after a header's time; nil for a client that does not expire.
  public let originTrustingSeconds: UInt64?
  public let destinationTrustingSeconds: UInt64?
  /// For transactions on `lane.origin`.
  public let originLimits: EndLimits
  /// For transactions on `lane.destination`.
  public let destinationLimits: EndLimits

  public init(
    _ lane: LaneID, originForm: EvidenceForm, destinationForm: EvidenceForm,
    originTrustingSeconds: UInt64? = nil, destinationTrustingSeconds: UInt64? = nil,
    originLimits: EndLimits = EndLimits(), destinationLimits: EndLimits = EndLimits()
  ) {
    self.originLimits = originLimits
    self.destinationLimits = destinationLimits
    self.lane = lane
    self.originForm = originForm
    self.destinationForm = destinationForm
    self.originTrustingSeconds = originTrustingSeconds
    self.destinationTrustingSeconds = destinationTrustingSeconds
  }
}

/// What a transaction will cost, in the destination's gas: an upper estimate, linear in what is in it.
public struct GasRule: Hashable, Sendable {
  public var perTransaction: UInt64 = 80_000
  public var perUpdate: UInt64 = 250_000
  public var perMessage: UInt64 = 150_000
  public var perByte: UInt64 = 30
  public init() {}
}

/// Every limit and interval of the engine.
public struct RelayRules: Hashable, Sendable {
  /// Lanes an engine serves at most; more are a mistake of the caller.
  public static let laneCountMax = 64

  /// Packets in work that were seen as they were sent.
  public var liveMax = 20_000
  /// Packets in work that a scan has found, or that did not fit among the live ones.
  public var backlogMax = 50_000
  /// Hopeless packets that are remembered; beyond it the oldest is forgotten, and a scan may find it again.
  public var shelfMax = 5_000
  /// Runs of settled sequences remembered for each client, so that a repeated event starts nothing.
  public var endedRunsMax = 4_096

  public var batchMessagesMax = 100
  /// Packets, acknowledgements and an allowance for proofs; a single larger packet goes alone.
  public var batchBytesMax = 1 << 20
  /// How long the first message of a batch waits for others.
  public var batchDelay = Duration.milliseconds(50)
  public var liveBatchesPerEndMax = 3
  public var backlogBatchesPerEndMax = 1
  /// Submissions to one domain that have not been answered, at least 2; the last place is kept for live traffic.
  public var flightsPerDomainMax = 2
  /// Live submissions in a row to one domain while backlog is ready.
  public var liveRunMax = 4

  /// Refusals of one message that are answered with another attempt.
  public var attemptsMax = 12
  /// Questions for the contents of one packet.
  public var lookupsMax = 12
  public var backoffFirst = Duration.seconds(1)
  public var backoffMax = Duration.seconds(120)

  public var evidenceTimeout = Duration.seconds(30)
  public var submissionTimeout = Duration.seconds(60)
  /// For questions: scans, inspections, look-ups, client states.
  public var answerTimeout = Duration.seconds(20)
  /// How long an executed packet waits for the event with its acknowledgement before it is looked up.
  public var acknowledgementPatience = Duration.seconds(5)
  public var scanInterval = Duration.seconds(60)
  public var scanPageMax = 1_000
  public var questionsMax = 200
  public var clientInterval = Duration.seconds(60)
  /// How long a packet whose block was rolled back is left alone: its transaction mostly stands in another block soon.
  public var rollbackPatience = Duration.seconds(15)
  /// A lane with open packets and no finished work for so long is reported.
  public var stuckAfter = Duration.seconds(300)

  /// Relayers that share the lanes, and which of them this one is, from 0.
  public var relayerCount = 1
  public var relayerIndex = 0
  /// What a relayer gives the one before it, for packets that are not its own turn.
  public var staggerStep = Duration.seconds(3)

  public var gas = GasRule()

  public init() {}
}
