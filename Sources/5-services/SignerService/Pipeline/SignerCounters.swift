/// What a signer has done since it started.
public struct SignerCounters: Hashable, Sendable {
  public var connections = 0
  public var connectionsSeen: UInt64 = 0
  public var sessions: UInt64 = 0
  /// Signing requests that were read, each of a batch.
  public var requests: UInt64 = 0
  public var grants: UInt64 = 0
  public var refusals: UInt64 = 0
  public var signatures: UInt64 = 0
  public var alarms: UInt64 = 0
  public var commits: UInt64 = 0
  public var batchMax = 0
  public var administered: UInt64 = 0
  /// Refusals of the protocol itself, by name.
  public var faults: [String: UInt64] = [:]
  /// Commits by how long they took.
  public var commitTimes = LatencyCounts()
  /// Signing requests by how long they took, from the queue to the answer.
  public var requestTimes = LatencyCounts()

  public init() {}
}

/// Durations counted in classes: four for each doubling, from a microsecond up.
public struct LatencyCounts: Hashable, Sendable {
  private var classes = [UInt64](repeating: 0, count: 128)
  public private(set) var count: UInt64 = 0

  public init() {}

  public mutating func add(microseconds: UInt64) {
    let value = max(microseconds, 1)
    let power = 63 - value.leadingZeroBitCount
    let quarter = power < 2 ? 0 : Int(value >> UInt64(power - 2)) & 3
    classes[min(power * 4 + quarter, classes.count - 1)] += 1
    count += 1
  }

  /// The lower bound, in microseconds, of the class in which the given part of all durations is reached; at most 25 % off.
  ///
  /// - Parameter thousandths: 500 for the median.
  public func quantile(thousandths: UInt64) -> UInt64 {
    guard count > 0 else { return 0 }
    var left = (count &* thousandths + 999) / 1_000
    for index in classes.indices {
      guard classes[index] < left else {
        let power = index / 4
        let base: UInt64 = 1 << UInt64(power)
        return power < 2 ? base : base + base / 4 * UInt64(index % 4)
      }
      left -= classes[index]
    }
    return 0
  }
}
