private import CProcess
private import Foundation

/// What a process that holds an enclave's keys asks of the kernel. Each measure can only be made stricter, never undone.
public struct EnclaveHardening: Hashable, Sendable {
  /// What becomes of a system call that is not on the list.
  public enum FilterMode: String, Hashable, Sendable, CaseIterable {
    case off
    /// It is written to the kernel's log and goes on.
    case log
    /// It is refused with EPERM; execve, ptrace and their like end the process.
    case enforce
  }

  /// One measure, and what came of it.
  public struct Line: Hashable, Sendable {
    public let measure: String
    public let isDone: Bool
    /// The errno, where there is one; 0 when it was not asked for.
    public let errno: Int32
  }

  public let filter: FilterMode
  /// A TPM's transport is loaded again after a lost connection, and may live behind a socket of this machine.
  public let usesChip: Bool

  public init(filter: FilterMode, usesChip: Bool) {
    self.filter = filter
    self.usesChip = usesChip
  }

  /// Before anything secret is made: no core dumps, no new privileges, files closed to others, memory locked where the limit
  /// allows it.
  public static func begin() -> [Line] {
    causeway_close_new_files()
    return [
      line("no-core-dumps", causeway_forbid_core_dumps()),
      line("no-new-privileges", causeway_forbid_new_privileges()),
      line("locked-memory", causeway_lock_memory()),
    ]
  }

  /// After the program was compiled and the socket listens: the list of system calls. Sockets of the internet are not on it,
  /// whatever the platform is.
  public func close() -> Line {
    guard filter != .off else { return Line(measure: "system-call-filter", isDone: false, errno: 0) }
    let needs = usesChip ? Int32(CAUSEWAY_FILTER_MAP_CODE) | Int32(CAUSEWAY_FILTER_CONNECT) : 0
    let mode = filter == .log ? CAUSEWAY_FILTER_LOG : CAUSEWAY_FILTER_ENFORCE
    let code = causeway_filter_system_calls(Int32(mode), needs)
    // The answer is not taken at its word: the kernel says whether this process is filtered.
    let isFiltered = code == 0 && causeway_filter_state() == 2
    return Line(measure: "system-call-filter", isDone: isFiltered, errno: code)
  }

  private static func line(_ measure: String, _ code: Int32) -> Line {
    Line(measure: measure, isDone: code == 0, errno: code)
  }
}
