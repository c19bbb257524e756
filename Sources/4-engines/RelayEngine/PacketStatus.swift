/// What is submitted for a packet.
public enum RelayTask: String, Hashable, Sendable, CaseIterable {
  /// At the destination.
  case receive
  /// At the origin.
  case acknowledge
  /// At the origin.
  case timeOut
}

/// How a packet has ended at its origin.
public enum Settlement: String, Hashable, Sendable, CaseIterable {
  case success
  case error
  case timeout
  /// Acknowledged, and the acknowledgement's contents could not be found any more.
  case elsewhere
}

/// Why nothing more is tried.
public enum HopelessReason: String, Hashable, Sendable, CaseIterable {
  /// The destination refused it for a reason that does not pass. It is timed out after its deadline.
  case receiveRefused
  /// The destination refused it too often. It is timed out after its deadline.
  case receiveExhausted
  /// The origin refuses the acknowledgement or the timeout for a reason that does not pass.
  case settlementRefused
  case settlementExhausted
  /// Its commitment is on the origin, and nobody has its contents.
  case contentsUnavailable
  /// The origin holds another commitment under its number.
  case commitmentDiffers
  /// The block that sent it is no longer part of the origin.
  case rolledBack
}

/// Where one packet stands. Every packet has exactly one status; docs/spec/relaying.md has the transitions.
public enum PacketStatus: Hashable, Sendable {
  /// A scan has found its commitment; its contents are being looked up.
  case discovered
  /// Sent in a block that may still be rolled back.
  case waitingFinality
  /// In the queue, or evidence for its batch is being collected.
  case waitingEvidence(RelayTask)
  /// Evidence and proof are there; another submission to the domain is in flight.
  case evidenceReady(RelayTask)
  /// Submitted; inclusion is not known yet.
  case submitting(RelayTask)
  /// It may have been done already: both domains are being asked.
  case checking(RelayTask)
  /// The destination has executed it; its acknowledgement is not known here yet.
  case received
  /// The acknowledgement was written in a block that may still be rolled back.
  case waitingAcknowledgementFinality
  /// The deadline has passed at the destination, in a block that may still be rolled back.
  case waitingDeadline
  /// It has ended at the origin, in a block that may still be rolled back.
  case confirming
  case settled(Settlement)
  /// Nothing more is tried; a packet that was never received is still timed out.
  case hopeless(HopelessReason)
  /// In reports only: its lane is shut, and it stands where it stood.
  case paused

  /// Stable, lower camel case; a dot leads to the task or the reason.
  public var code: String {
    switch self {
    case .discovered: "discovered"
    case .waitingFinality: "waitingFinality"
    case .waitingEvidence(let task): "waitingEvidence." + task.rawValue
    case .evidenceReady(let task): "evidenceReady." + task.rawValue
    case .submitting(let task): "submitting." + task.rawValue
    case .checking(let task): "checking." + task.rawValue
    case .received: "received"
    case .waitingAcknowledgementFinality: "waitingAcknowledgementFinality"
    case .waitingDeadline: "waitingDeadline"
    case .confirming: "confirming"
    case .settled(let settlement): "settled." + settlement.rawValue
    case .hopeless(let reason): "hopeless." + reason.rawValue
    case .paused: "paused"
    }
  }

  /// Every status, in the order of a crossing.
  public static let all: [PacketStatus] =
    [.discovered, .waitingFinality] + RelayTask.allCases.map { .waitingEvidence($0) }
    + RelayTask.allCases.map { .evidenceReady($0) } + RelayTask.allCases.map { .submitting($0) }
    + RelayTask.allCases.map { .checking($0) }
    + [.received, .waitingAcknowledgementFinality, .waitingDeadline, .confirming]
    + Settlement.allCases.map { .settled($0) } + HopelessReason.allCases.map { .hopeless($0) } + [.paused]

  private static let byCode = Dictionary(all.map { ($0.code, $0) }) { first, _ in first }

  /// Nil for text that is no code.
  public init?(code: String) {
    guard let status = Self.byCode[code] else { return nil }
    self = status
  }

  /// The key of the text that says what happens next, and who must act when nobody does by himself.
  public var nextStep: String {
    switch self {
    case .discovered: "relay.next.findContents"
    case .waitingFinality: "relay.next.waitOriginFinality"
    case .waitingEvidence: "relay.next.waitEvidence"
    case .evidenceReady: "relay.next.waitSubmissionPlace"
    case .submitting: "relay.next.waitInclusion"
    case .checking: "relay.next.waitInspection"
    case .received: "relay.next.findAcknowledgement"
    case .waitingAcknowledgementFinality: "relay.next.waitDestinationFinality"
    case .waitingDeadline: "relay.next.waitDeadlineFinality"
    case .confirming: "relay.next.waitSettlementFinality"
    case .settled: "relay.next.none"
    case .hopeless(.receiveRefused), .hopeless(.receiveExhausted): "relay.next.awaitDeadline"
    case .hopeless(.settlementRefused): "relay.next.readRefusal"
    case .hopeless(.settlementExhausted): "relay.next.clearLane"
    case .hopeless(.contentsUnavailable): "relay.next.useArchiveNode"
    case .hopeless(.commitmentDiffers): "relay.next.checkEndpoints"
    case .hopeless(.rolledBack): "relay.next.sendAgain"
    case .paused: "relay.next.openLane"
    }
  }

  /// Whether the packet has ended at its origin for good.
  public var isSettled: Bool {
    if case .settled = self { true } else { false }
  }
  public var isHopeless: Bool {
    if case .hopeless = self { true } else { false }
  }
}
