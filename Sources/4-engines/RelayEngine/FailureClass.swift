import Messages

/// What a refusal means for the next step. The code decides, never its text.
public enum FailureClass: String, Hashable, Sendable, CaseIterable {
  /// Passes by itself: the same again, later.
  case retryLater
  /// Too much in one transaction.
  case split
  /// The client does not know the height: fresh evidence.
  case refreshClient
  /// A height, a time or a delay has not been reached. Not counted as an attempt.
  case waitHeight
  /// A cap or a pause of an application is in the way: the same, after growing pauses, until the packet's deadline.
  case waitCapacity
  /// It may have been done: look before trying again.
  case alreadyDone
  /// The destination's time is past the packet's deadline: prove the timeout instead.
  case deadlinePassed
  /// The client is frozen, expired or paused: nothing of the lane goes through.
  case laneShut
  /// The same will be refused for ever.
  case hopeless

  /// Classifies a code such as `client.gate.attestation.quorum`: of its parts the last that is known decides. What
  /// is not known is tried again, a bounded number of times.
  public init(code: String) {
    for part in code.split(separator: ".").reversed() {
      if let known = Self.byPart[String(part)] {
        self = known
        return
      }
    }
    self = .retryLater
  }

  /// Case names of the host's, the gate's and the ledger's refusals.
  static let parts: [(FailureClass, [String])] = [
    (
      .retryLater,
      [
        "mempoolFull", "mempoolSender", "accountSequence", "sequence", "timeoutHeight", "blockGas", "network",
        "unavailable", "rateLimited", "quorum", "insufficientFunds", "insufficientFee", "fee", "feePayment",
        "accountUnknown", "membership", "evidenceTimeout",
      ]
    ),
    (.waitCapacity, ["capped", "applicationPaused"]),
    (.split, ["outOfGas", "gasLimit", "transactionTooLarge", "tooLarge", "tooManyEntries", "messageCount",
        "landedReverted",
      ]),
    (
      .refreshClient,
      [
        "heightUnknown", "unknownHeight", "heightExpired", "heightForgotten", "heightMismatch",
        "heightPruned",
        "evidenceUnknown", "untrustedHeight", "notEnoughTrust", "noTrustedValidators", "rootUnknown",
        "timeUnknown", "noHeight",
        "proofReference", "tooOld",
      ]
    ),
    (
      .waitHeight,
      [
        "waiting", "fromFuture", "fromTheFuture", "heightInFuture", "timeoutNotReached", "tooManyWaiting",
        "noBlock",
      ]
    ),
    (.alreadyDone, ["noOperation", "alreadyDone", "duplicateTransaction", "mempoolDuplicate", "known"]),
    (.deadlinePassed, ["timeoutElapsed"]),
    (.laneShut, ["frozen", "expired", "paused", "conflict"]),
    (
      .hopeless,
      [
        "commitmentMismatch", "counterpartyMismatch", "counterpartyUnknown", "portUnknown",
        "acknowledgementCount", "packet", "packetForm", "typeUnknown", "application", "execution", "reverted",
        "clientUnknown",
      ]
    ),
  ]

  private static let byPart: [String: FailureClass] = Dictionary(
    parts.flatMap { entry in entry.1.map { ($0, entry.0) } }
  ) { first, _ in first }
}

/// Whose turn it is, and how retries are spread: from the packet's name, so that every run is the same.
enum Turns {
  /// FNV-1a, 64 bits, with a final mix (SplitMix64).
  static func hash(_ key: PacketKey, _ salt: UInt64) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    for byte in key.origin.domain.text.utf8 { add(byte) }
    for byte in key.origin.client.text.utf8 { add(byte) }
    hash = (hash ^ key.sequence.rawValue) &* 0x100_0000_01b3
    hash = (hash ^ salt) &* 0x100_0000_01b3
    hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
    hash = (hash ^ hash >> 27) &* 0x94d0_49bb_1331_11eb
    return hash ^ hash >> 31
  }

  /// Doubles from `first` to `max`, and up to a half more by `salt`.
  static func backoff(_ failures: Int, first: Duration, max: Duration, salt: UInt64) -> Duration {
    let exponent = Swift.min(Swift.max(failures - 1, 0), 20)
    let doubled = Swift.min(first * (1 << exponent), max)
    let half = Swift.max(doubled.wholeMilliseconds / 2, 1)
    return doubled + .milliseconds(Int64(clamping: salt % half))
  }
}
