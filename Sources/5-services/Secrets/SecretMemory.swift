internal import CSodium
private import Foundation
private import Synchronization

/// How the memory of secrets fares in this process, for whoever asks for its status.
public struct SecretMemoryReport: Hashable, Sendable {
  /// Secrets that live now.
  public let living: Int
  /// Secrets, since the start, whose memory the system would not lock: they may reach swap.
  public let unlocked: Int
  /// How many bytes this process may lock (`RLIMIT_MEMLOCK`); nil when there is no limit.
  public let limitBytes: UInt64?
}

/// Where secrets lie: libsodium's guarded allocations, counted.
public enum SecretMemory {
  private static let living = Atomic<Int>(0)
  private static let unlocked = Atomic<Int>(0)

  /// libsodium chooses its implementations once, before anything else of it is called.
  private static let ready: Bool = sodium_init() >= 0

  public static func report() -> SecretMemoryReport {
    var limit = rlimit()
    // Writes the two numbers of `limit`.
    #if canImport(Glibc)
      let known = unsafe getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0
    #else
      let known = unsafe getrlimit(RLIMIT_MEMLOCK, &limit) == 0
    #endif
    let bytes = UInt64(limit.rlim_cur)
    // RLIM_INFINITY: all bits of rlim_t, or all but the sign.
    let endless = bytes >= UInt64(Int64.max)
    return SecretMemoryReport(
      living: living.load(ordering: .relaxed), unlocked: unlocked.load(ordering: .relaxed),
      limitBytes: known && !endless ? bytes : nil)
  }

  /// Makes libsodium ready; each call of it from this module comes after one of this.
  package static func prepare() {
    precondition(ready, "libsodium does not start")
  }

  package static func allocate(_ count: Int) -> UnsafeMutableRawPointer {
    prepare()
    guard let start = unsafe sodium_malloc(count) else { preconditionFailure("out of memory") }
    living.add(1, ordering: .relaxed)
    // sodium_malloc locks the pages but does not say whether that worked; locking them again does.
    if count > 0, unsafe sodium_mlock(start, count) != 0 { unlocked.add(1, ordering: .relaxed) }
    return unsafe start
  }

  /// - Parameter start: from ``allocate(_:)``, and not used again.
  package static func free(_ start: UnsafeMutableRawPointer) {
    // Wipes, unlocks, checks the guard pages' canary and gives the memory back.
    unsafe sodium_free(start)
    living.subtract(1, ordering: .relaxed)
  }
}
