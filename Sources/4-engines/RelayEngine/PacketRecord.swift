public import Messages
public import WireBytes

/// A packet by where it was sent.
public struct PacketKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The origin, and its client of the destination.
  public let origin: LaneEnd
  public let sequence: Sequence

  public init(_ origin: LaneEnd, _ sequence: Sequence) {
    self.origin = origin
    self.sequence = sequence
  }

  public static func < (left: PacketKey, right: PacketKey) -> Bool {
    left.origin == right.origin ? left.sequence < right.sequence : left.origin < right.origin
  }
  public var description: String { "\(origin)/\(sequence)" }
}

/// What is known of one packet: the row a service keeps. Contents are kept by the service, beside it.
public struct PacketRecord: Hashable, Sendable {
  /// What a submission needs of the packet's contents.
  public struct Contents: Hashable, Sendable {
    public let commitment: Bytes32
    public let timeout: UnixTime
    public let sizeBytes: Int

    public init(commitment: Bytes32, timeout: UnixTime, sizeBytes: Int) {
      self.commitment = commitment
      self.timeout = timeout
      self.sizeBytes = sizeBytes
    }
  }

  public struct Answer: Hashable, Sendable {
    public let commitment: Bytes32
    public let isSuccess: Bool
    public let sizeBytes: Int
    /// The destination's height at which it was seen.
    public let height: Height

    public init(commitment: Bytes32, isSuccess: Bool, sizeBytes: Int, height: Height) {
      self.commitment = commitment
      self.isSuccess = isSuccess
      self.sizeBytes = sizeBytes
      self.height = height
    }
  }

  public struct Ending: Hashable, Sendable {
    public let isTimeout: Bool
    /// The origin's height at which it was seen.
    public let height: Height

    public init(isTimeout: Bool, height: Height) {
      self.isTimeout = isTimeout
      self.height = height
    }
  }

  public let key: PacketKey
  public internal(set) var status: PacketStatus
  /// Seen as it was sent, and not refused so far: it goes before the backlog.
  public internal(set) var isLive: Bool
  public internal(set) var contents: Contents?
  /// The origin's height; 0 when only known to be final.
  public internal(set) var sentHeight: Height
  public internal(set) var receivedHeight: Height?
  public internal(set) var answer: Answer?
  public internal(set) var ending: Ending?
  /// The code of the last refusal or failure.
  public internal(set) var lastRefusal: String?
  /// The task that ``attempts`` counts.
  public internal(set) var task: RelayTask?
  public internal(set) var attempts: Int
  /// Unanswered questions for the contents or the acknowledgement.
  public internal(set) var lookups: Int
  /// The largest batch it may be part of: halved when a batch fails and nobody says whose fault it is.
  public internal(set) var groupMax: Int
  public internal(set) var notBefore: RelayInstant?
  public internal(set) var firstSeen: RelayInstant

  init(
    _ key: PacketKey, status: PacketStatus, isLive: Bool, sentHeight: Height, groupMax: Int,
    at now: RelayInstant
  ) {
    self.key = key
    self.status = status
    self.isLive = isLive
    self.sentHeight = sentHeight
    self.groupMax = groupMax
    firstSeen = now
    attempts = 0
    lookups = 0
  }
}

/// What is known of one end of a lane: the row a service keeps.
public struct EndRecord: Hashable, Sendable {
  public let end: LaneEnd
  /// Paused by the operator.
  public internal(set) var isPaused: Bool
  /// A block below finality was rolled back; an operator must look and resume.
  public internal(set) var isFinalityViolated: Bool
  /// Sequences sent from here whose packets have ended.
  public internal(set) var ended: SequenceRuns

  public init(_ end: LaneEnd) {
    self.end = end
    isPaused = false
    isFinalityViolated = false
    ended = SequenceRuns()
  }
}

/// All that an engine must find again after a restart.
public struct RelaySnapshot: Hashable, Sendable {
  public var packets: [PacketRecord]
  public var ends: [EndRecord]

  public init(packets: [PacketRecord] = [], ends: [EndRecord] = []) {
    self.packets = packets
    self.ends = ends
  }
}

/// A set of sequences as sorted runs.
public struct SequenceRuns: Hashable, Sendable {
  public struct Run: Hashable, Sendable {
    public internal(set) var first: UInt64
    public internal(set) var last: UInt64
  }
  /// Ascending, not touching.
  public private(set) var runs: [Run] = []

  public init() {}

  /// Nil unless the runs are ascending and do not touch.
  public init?(_ pairs: [(first: UInt64, last: UInt64)]) {
    for pair in pairs {
      guard pair.first <= pair.last else { return nil }
      if let before = runs.last, before.last == .max || pair.first <= before.last + 1 { return nil }
      runs.append(Run(first: pair.first, last: pair.last))
    }
  }

  public func contains(_ sequence: UInt64) -> Bool {
    let index = firstIndex(endingAtOrAfter: sequence)
    return index < runs.count && runs[index].first <= sequence
  }

  /// Adds `first...last`. Over `runsMax` runs the lowest but one is forgotten: what it held is only asked again.
  public mutating func insert(_ first: UInt64, _ last: UInt64, runsMax: Int) {
    guard first <= last else { return }
    var low = first
    var high = last
    let start = firstIndex(endingAtOrAfter: first == 0 ? 0 : first - 1)
    var stop = start
    while stop < runs.count, runs[stop].first <= (high == .max ? .max : high + 1) {
      low = min(low, runs[stop].first)
      high = max(high, runs[stop].last)
      stop += 1
    }
    runs.replaceSubrange(start..<stop, with: [Run(first: low, last: high)])
    if runs.count > max(runsMax, 1) { runs.remove(at: min(1, runs.count - 1)) }
  }

  private func firstIndex(endingAtOrAfter sequence: UInt64) -> Int {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].last < sequence { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
