public import Messages
public import WireBytes

/// Why a bucket gives nothing.
public enum TokenBucketError: Error, Hashable, Sendable {
  /// More than the bucket ever holds: it will never pass.
  case overCapacity(asked: UInt256, capacity: UInt256)
  /// Too little is in it now; `retryAfterSeconds` says when there is enough.
  case exhausted(asked: UInt256, available: UInt256, retryAfterSeconds: UInt64)
}

/// A cap on value over time: holds at most `capacity`, and fills from empty to full in `windowSeconds`.
///
/// Integer arithmetic without loss: many small steps of time give what one large step gives. Over any span of time `t`
/// at most `capacity + capacity · t / window` is given. Time comes from outside; a clock that goes back fills nothing.
public struct TokenBucket: Hashable, Sendable {
  public let capacity: UInt256
  public let windowSeconds: UInt64
  /// What is in it, as of `updated`.
  public private(set) var level: UInt256
  /// What is in it beyond `level`, in parts of `windowSeconds`; less than that.
  private var fraction: UInt64 = 0
  public private(set) var updated: UnixTime

  /// A full bucket. Nil for a window of zero.
  public init?(capacity: UInt256, windowSeconds: UInt64, at now: UnixTime) {
    guard windowSeconds > 0 else { return nil }
    self.capacity = capacity
    self.windowSeconds = windowSeconds
    level = capacity
    updated = now
  }

  /// Takes `amount` at `now`.
  ///
  /// - Throws: ``TokenBucketError``; nothing is then taken.
  public mutating func take(_ amount: UInt256, at now: UnixTime) throws(TokenBucketError) {
    guard amount <= capacity else { throw .overCapacity(asked: amount, capacity: capacity) }
    refill(at: now)
    let (rest, short) = level.subtractingReportingOverflow(amount)
    guard !short else {
      throw .exhausted(asked: amount, available: level, retryAfterSeconds: seconds(until: amount))
    }
    level = rest
  }

  /// What could be taken at `now`.
  public func available(at now: UnixTime) -> UInt256 {
    var copy = self
    copy.refill(at: now)
    return copy.level
  }

  private mutating func refill(at now: UnixTime) {
    let elapsed = now.seconds(since: updated)
    guard elapsed > 0 else { return }
    updated = now
    guard elapsed < windowSeconds else {
      level = capacity
      fraction = 0
      return
    }
    // capacity · elapsed / window without overflow: with capacity = q · window + r, it is
    // q · elapsed + (r · elapsed + fraction) / window; q · elapsed is less than capacity.
    let (quotient, remainder) = capacity.quotientAndRemainder(dividingBy: windowSeconds)
    let whole = quotient.multipliedReportingOverflow(by: elapsed).partialValue
    // Under 2^128: both factors are under the window, and so is the fraction.
    let parts = UInt128(remainder) * UInt128(elapsed) + UInt128(fraction)
    let more = UInt64(truncatingIfNeeded: parts / UInt128(windowSeconds))
    fraction = UInt64(truncatingIfNeeded: parts % UInt128(windowSeconds))
    let (first, carry) = level.addingReportingOverflow(whole)
    let (sum, carryAgain) = first.addingReportingOverflow(UInt256(more))
    guard !carry, !carryAgain, sum < capacity else {
      level = capacity
      fraction = 0
      return
    }
    level = sum
  }

  /// The fewest seconds after which `amount`, which is more than the level and at most the capacity, is there.
  private func seconds(until amount: UInt256) -> UInt64 {
    // Halving: the level grows with time and is full after a window.
    var (low, high) = (UInt64(1), windowSeconds)
    while low < high {
      let middle = low + (high - low) / 2
      if available(at: updated.adding(seconds: middle)) >= amount { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
