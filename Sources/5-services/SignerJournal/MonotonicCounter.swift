/// A number outside the disk that only rises, such as a counter in a TPM's memory.
///
/// The anchor notices that the state was replaced by an older copy. A counter notices that both were, as far as the
/// copy was made before it was raised last: at a start, at an orderly end, and from time to time between.
public protocol MonotonicCounter: Sendable {
  func read() throws(MonotonicCounterError) -> UInt64
  /// Adds one and returns the new value.
  func increment() throws(MonotonicCounterError) -> UInt64
}

/// A counter that cannot be relied on. Codes are the device's own.
public enum MonotonicCounterError: Error, Hashable, Sendable {
  /// The device cannot be reached, also after it was tried again.
  case unavailable(code: UInt64)
  /// The device has no such counter: it was cleared, or it is another device.
  case missing
  /// What is in its place is no counter of ours.
  case foreign
  /// It does not take our authorisation, or we have none: somebody else made it, or the device has locked itself.
  case authorisation(code: UInt64)
  case refused(code: UInt64)
  /// Its description or its answer cannot be read.
  case malformed
  /// It was raised or not: the answer was lost. The next start finds out.
  case undecided
  /// It is not where the records say that it must be after a start: somebody else raises it, too.
  case moved(expected: UInt64, found: UInt64)
  /// It is as high as it can be.
  case exhausted
}
