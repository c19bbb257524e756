public import Messages
public import WireBytes

/// Why a lane lets a packet not pass; nothing is lost, it can be presented again until its timeout.
public enum LaneLimitError: Error, Hashable, Sendable {
  case paused(since: UnixTime)
  /// The destination's time is at or past the packet's timeout.
  case timedOut(at: UnixTime, now: UnixTime)
  case overMessageCap(value: UInt256, cap: UInt256)
  case window(TokenBucketError)

  /// Stable, lower camel case.
  public var code: String {
    switch self {
    case .paused: "paused"
    case .timedOut: "timedOut"
    case .overMessageCap: "overMessageCap"
    case .window(.overCapacity): "overWindowCap"
    case .window(.exhausted): "windowExhausted"
    }
  }
}

/// What a destination lets through one lane: value per message, value per window, and whether anything at all.
///
/// A pure value; the destination keeps one for each lane.
public struct LaneLimits: Hashable, Sendable {
  /// Nil sets no cap.
  public let messageCap: UInt256?
  public private(set) var window: TokenBucket?
  /// Since when nothing passes; nil while the lane is open.
  public private(set) var pausedSince: UnixTime?

  public init(messageCap: UInt256? = nil, window: TokenBucket? = nil) {
    self.messageCap = messageCap
    self.window = window
  }

  /// Closes the lane; a lane that is closed keeps its first moment.
  public mutating func pause(at now: UnixTime) { pausedSince = pausedSince ?? now }

  public mutating func resume() { pausedSince = nil }

  /// Lets a packet of `value` with this timeout through at `now`, and counts it.
  ///
  /// - Throws: ``LaneLimitError``; nothing is then counted.
  public mutating func admit(value: UInt256, timeout: UnixTime, at now: UnixTime) throws(LaneLimitError) {
    if let pausedSince { throw .paused(since: pausedSince) }
    guard now < timeout else { throw .timedOut(at: timeout, now: now) }
    if let messageCap, value > messageCap { throw .overMessageCap(value: value, cap: messageCap) }
    do { try window?.take(value, at: now) } catch { throw .window(error) }
  }
}

/// Why a sequence is not taken.
public enum ReplayError: Error, Hashable, Sendable {
  /// It was taken before.
  case alreadyTaken(Sequence)
  /// It is so far ahead of the gaps below it that remembering it would cost too much.
  case tooFarAhead(Sequence, lowestMissing: Sequence)
}

/// Takes each sequence of a lane once, in any order, for ever, in bounded memory.
///
/// Everything below `lowestMissing` was taken; of those above, at most ``aheadMax`` are remembered one by one.
public struct ReplayGuard: Hashable, Sendable {
  /// Sequences remembered above the lowest that is missing.
  public static let aheadMax = 65_536

  /// Nil when every sequence was taken.
  public private(set) var lowestMissing: Sequence? = .first
  private var ahead: Set<Sequence> = []

  public init() {}

  public func contains(_ sequence: Sequence) -> Bool {
    guard let lowestMissing else { return true }
    return sequence < lowestMissing || ahead.contains(sequence)
  }

  /// Takes `sequence`.
  ///
  /// - Throws: ``ReplayError``; nothing is then remembered.
  public mutating func take(_ sequence: Sequence) throws(ReplayError) {
    guard let missing = lowestMissing, !contains(sequence) else { throw .alreadyTaken(sequence) }
    guard sequence != missing else {
      var next = missing.next
      while let candidate = next, ahead.remove(candidate) != nil { next = candidate.next }
      lowestMissing = next
      return
    }
    guard ahead.count < Self.aheadMax else { throw .tooFarAhead(sequence, lowestMissing: missing) }
    ahead.insert(sequence)
  }
}
