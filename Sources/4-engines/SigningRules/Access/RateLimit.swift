public import Messages

/// A moment in whole milliseconds since 1970 (UTC): the signer's clock, which comes from outside.
public struct UnixMilliseconds: Hashable, Comparable, Sendable {
  public let milliseconds: UInt64

  public init(_ milliseconds: UInt64) { self.milliseconds = milliseconds }

  /// The whole seconds.
  public var seconds: UnixTime { UnixTime(seconds: milliseconds / 1_000) }

  /// The moment `count` seconds later, held at the last one that can be told.
  public func adding(seconds count: UInt64) -> UnixMilliseconds {
    let (product, overflow) = count.multipliedReportingOverflow(by: 1_000)
    let (sum, carry) = milliseconds.addingReportingOverflow(product)
    return UnixMilliseconds(overflow || carry ? .max : sum)
  }

  /// Milliseconds from `earlier`; zero when this moment is not later.
  public func milliseconds(since earlier: UnixMilliseconds) -> UInt64 {
    milliseconds > earlier.milliseconds ? milliseconds - earlier.milliseconds : 0
  }

  public static func < (left: UnixMilliseconds, right: UnixMilliseconds) -> Bool {
    left.milliseconds < right.milliseconds
  }
}

/// So many requests a minute: full at first, and filled evenly. A clock that goes back fills nothing.
struct RateLimit: Hashable, Sendable {
  /// One token is so many units, so that each millisecond fills a whole number of them.
  private static let unit: UInt64 = 60_000

  let perMinute: UInt64
  /// In units; at most `perMinute` tokens.
  private var level: UInt64
  private var updated: UnixMilliseconds

  /// - Parameter perMinute: at most ``AccessPolicy/perMinuteMax``, so that nothing overflows.
  init(perMinute: UInt64, at now: UnixMilliseconds) {
    precondition(perMinute <= AccessPolicy.perMinuteMax)
    self.perMinute = perMinute
    level = perMinute * Self.unit
    updated = now
  }

  mutating func refill(at now: UnixMilliseconds) {
    let elapsed = now.milliseconds(since: updated)
    guard elapsed > 0 else { return }
    updated = now
    let full = perMinute * Self.unit
    level = min(full, level + min(elapsed, Self.unit) * perMinute)
  }

  /// Milliseconds until one token is there; zero when it is. ``refill(at:)`` comes first.
  var wait: UInt64 {
    guard level < Self.unit else { return 0 }
    // A limit of zero never fills; a minute is as good an answer as any.
    guard perMinute > 0 else { return Self.unit }
    return (Self.unit - level + perMinute - 1) / perMinute
  }

  /// Takes one token; the caller has seen that ``wait`` is zero.
  mutating func take() {
    precondition(level >= Self.unit)
    level -= Self.unit
  }

  /// The same level under another limit: a new policy gives no fresh minute.
  func changed(to perMinute: UInt64) -> RateLimit {
    var changed = self
    changed = RateLimit(perMinute: perMinute, at: updated)
    changed.level = min(level, changed.level)
    return changed
  }
}
