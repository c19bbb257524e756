import Foundation

/// The machine's clock, which nobody vouches for: what an enclave signs takes its times from proofs, and this one decides
/// only when its own keys end.
public enum EnclaveClock {
  /// UNIX seconds.
  @Sendable
  public static func system() -> UInt64 {
    var now = timespec()
    // Writes the two numbers of `now`.
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return UInt64(max(0, now.tv_sec))
  }
}
