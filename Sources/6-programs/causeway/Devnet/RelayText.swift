import RelayEngine

/// The words for what a relay engine says in codes: statuses, reasons, and what happens next. All of them are here.
enum RelayText {
  /// Where a packet stands.
  static func text(_ status: PacketStatus) -> String {
    switch status {
    case .discovered: "found on the origin; its contents are being looked up"
    case .waitingFinality: "sent, in a block of the origin that may still be rolled back"
    case .waitingEvidence(let task): "evidence is being collected \(purpose(task))"
    case .evidenceReady(let task): "evidence is there \(purpose(task)); another submission goes first"
    case .submitting(let task): "submitted \(purpose(task)); no block has it yet"
    case .checking(let task): "both domains are being asked what became of a submission \(purpose(task))"
    case .received: "executed; its acknowledgement is being looked up"
    case .waitingAcknowledgementFinality:
      "executed, in a block of the destination that may still be rolled back"
    case .waitingDeadline:
      "its deadline has passed at the destination, in a block that may still be rolled back"
    case .confirming: "ended at the origin, in a block that may still be rolled back"
    case .settled(.success): "settled: executed, and the origin knows it"
    case .settled(.error): "settled: the destination refused it, and it was refunded"
    case .settled(.timeout): "settled: not executed before its deadline, and refunded"
    case .settled(.elsewhere): "settled by somebody else"
    case .hopeless(let reason): "given up: " + text(reason)
    case .paused: "its lane is shut"
    }
  }

  private static func purpose(_ task: RelayTask) -> String {
    switch task {
    case .receive: "that it was sent"
    case .acknowledge: "that it was executed"
    case .timeOut: "that it was not executed in time"
    }
  }

  static func text(_ reason: HopelessReason) -> String {
    switch reason {
    case .receiveRefused: "the destination refuses it for a reason that does not pass"
    case .receiveExhausted: "the destination refused it too often"
    case .settlementRefused: "the origin refuses its ending for a reason that does not pass"
    case .settlementExhausted: "the origin refused its ending too often"
    case .contentsUnavailable: "nobody has its contents"
    case .commitmentDiffers: "the origin holds another commitment under its number"
    case .rolledBack: "the block that sent it is no longer part of the origin"
    }
  }

  /// The text of a key that ``PacketStatus/nextStep`` gives.
  static func nextStep(_ key: String) -> String { nextSteps[key] ?? key }

  static let nextSteps: [String: String] = [
    "relay.next.findContents": "the relayer searches the origin's events for the packet; nothing to do",
    "relay.next.waitOriginFinality": "wait until the origin's block is final",
    "relay.next.waitEvidence":
      "wait: the relayer asks attesters, or reads a header; if this lasts, see `causeway status` for who does not answer",
    "relay.next.waitSubmissionPlace": "wait: it goes with one of the next transactions",
    "relay.next.waitInclusion": "wait for the next blocks",
    "relay.next.waitInspection": "wait: the relayer looks at both domains and goes on from what it finds",
    "relay.next.findAcknowledgement":
      "wait: the relayer reads the acknowledgement from the destination's events",
    "relay.next.waitDestinationFinality": "wait until the destination's block is final",
    "relay.next.waitDeadlineFinality":
      "wait: once the deadline has passed in a final block, its absence is proven and it is refunded",
    "relay.next.waitSettlementFinality": "wait until the origin's block is final",
    "relay.next.none": "nothing: it has ended",
    "relay.next.awaitDeadline": "wait for its deadline: then it is refunded by itself",
    "relay.next.readRefusal":
      "read the reason: the origin will not take the ending as it is; when its cause is gone, `causeway lanes clear`",
    "relay.next.clearLane": "see why it was refused, then try again with `causeway lanes clear`",
    "relay.next.useArchiveNode":
      "give the relayer an endpoint that keeps old events, then `causeway lanes clear`",
    "relay.next.checkEndpoints": "compare the origin's endpoints: one of them does not tell the truth",
    "relay.next.sendAgain": "send it again: the origin never had it",
    "relay.next.openLane": "open the lane: `causeway lanes resume`, or bring its client back",
  ]

  /// Why an end of a lane submits nothing.
  static func text(_ shut: LaneReport.Shut) -> String {
    switch shut {
    case .pausedByOperator: "paused by the operator: `causeway lanes resume`"
    case .finalityViolated: "a final block was rolled back: look at the domain, then `causeway lanes resume`"
    case .clientFrozen: "its client is frozen: it has seen two truths, and believes nobody any more"
    case .clientExpired: "its client has expired: it was not updated within its trusting period"
    }
  }

  /// The code of a refusal, with what it means for the next attempt.
  static func refusal(_ code: String) -> String {
    let meaning =
      switch FailureClass(code: code) {
      case .retryLater: "it passes by itself, and is tried again"
      case .split: "too much at once: it is tried again in smaller parts"
      case .refreshClient: "the client does not know the height: it is tried again with fresh evidence"
      case .waitHeight: "a height or a time has not been reached yet"
      case .waitCapacity: "a cap or a pause of an application is in the way: it is tried again until the deadline"
      case .alreadyDone: "it may have been done already: both domains are asked"
      case .deadlinePassed: "the deadline has passed: the timeout is proven instead"
      case .laneShut: "the client believes nothing now: the lane is shut"
      case .hopeless: "the same will be refused for ever"
      }
    return "\(code) (\(meaning))"
  }

  static func text(alert kind: String) -> String {
    switch RelayAlert.Kind(rawValue: kind) {
    case .clientExpiring: "a light client must be updated soon"
    case .clientExpired: "a light client has expired"
    case .clientFrozen: "a client is frozen"
    case .finalityViolated: "a final block was rolled back"
    case .laneStuck: "open packets, and nothing moves"
    case .packetHopeless: "a packet was given up: `causeway trace` says why"
    case .backlogFull: "more old packets than fit: the rest waits"
    case nil: kind
    }
  }
}

/// The words for a shut lane, by the code in `status.json`.
enum LaneShutText {
  static func text(_ code: String) -> String { LaneReport.Shut(rawValue: code).map(RelayText.text) ?? code }
}
