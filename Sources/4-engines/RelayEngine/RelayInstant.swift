/// A moment of the relayer's own clock, in milliseconds since any fixed moment.
///
/// It only spaces retries and questions. Deadlines and expiry are judged by the domains' own times.
public struct RelayInstant: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let milliseconds: UInt64

  public init(milliseconds: UInt64) { self.milliseconds = milliseconds }

  /// The moment `duration` later, held at the last one that can be told; negative durations count as zero.
  public func adding(_ duration: Duration) -> RelayInstant {
    let (sum, overflow) = milliseconds.addingReportingOverflow(duration.wholeMilliseconds)
    return RelayInstant(milliseconds: overflow ? .max : sum)
  }

  public static func < (left: RelayInstant, right: RelayInstant) -> Bool {
    left.milliseconds < right.milliseconds
  }
  public var description: String { "\(milliseconds) ms" }
}

extension Duration {
  /// Zero for negative durations; at most what 64 bits hold.
  var wholeMilliseconds: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1000)
    guard !overflow else { return .max }
    let (sum, above) = product.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000_000_000)
    return above ? .max : sum
  }
}
