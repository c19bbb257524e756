/// A number outside the disk that only rises, such as a counter in a TPM's memory.
///
/// The anchor notices that the state was replaced by an older copy. A counter notices that both were, as far as the
/// copy was made before the last start.
public protocol MonotonicCounter: Sendable {
  func read() throws(MonotonicCounterError) -> UInt64
  /// Adds one and returns the new value.
  func increment() throws(MonotonicCounterError) -> UInt64
}

/// A counter that did not answer; the code is the device's own.
public struct MonotonicCounterError: Error, Hashable, Sendable {
  public let code: UInt32

  public init(code: UInt32) { self.code = code }
}
