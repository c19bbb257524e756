private import CProcess
private import Foundation

/// What a process that holds keys asks of the kernel, before it reads the first secret.
///
/// It can only be made stricter, never undone: call it once, early. Threads that run already are covered.
public struct ProcessHardening: Hashable, Sendable {
  /// What becomes of a system call that is not on the list.
  public enum FilterMode: String, Hashable, Sendable, CaseIterable {
    case off
    /// It is written to the kernel's log and goes on: to see what a new token's module needs.
    case log
    /// It is refused with EPERM; execve, ptrace and their like end the process.
    case enforce
  }

  public let filter: FilterMode
  /// A token's module is loaded, and may be loaded again after its session died; some live behind a socket.
  public let usesTokens: Bool
  /// It listens on TLS rather than on a socket of this machine.
  public let usesInternet: Bool

  public init(filter: FilterMode, usesTokens: Bool, usesInternet: Bool) {
    self.filter = filter
    self.usesTokens = usesTokens
    self.usesInternet = usesInternet
  }

  /// Does what can be done, and says what could not. Nothing here fails: whether a signer runs where something is
  /// missing is the operator's decision, who sees the report.
  public func apply() -> HardeningReport {
    var lines: [HardeningReport.Line] = []
    func note(_ measure: HardeningReport.Measure, _ outcome: HardeningReport.Outcome) {
      lines.append(HardeningReport.Line(measure: measure, outcome: outcome))
    }
    causeway_close_new_files()
    note(.closedFiles, .done)
    note(.noCoreDumps, Self.outcome(causeway_forbid_core_dumps()))
    note(.noNewPrivileges, Self.outcome(causeway_forbid_new_privileges()))
    note(.lockedMemory, Self.lockMemory())
    note(.systemCallFilter, filterCalls())
    return HardeningReport(lines: lines)
  }

  private static func lockMemory() -> HardeningReport.Outcome {
    let code = causeway_lock_memory()
    guard code == ENOMEM || code == EPERM || code == EAGAIN else { return outcome(code) }
    let limit = causeway_lockable_bytes()
    return .notPossible(limit == .max ? .refused(errno: code) : .memoryLimit(bytes: limit))
  }

  private func filterCalls() -> HardeningReport.Outcome {
    guard filter != .off else { return .notAsked }
    var needs = 0
    if usesTokens { needs |= Int(CAUSEWAY_FILTER_MAP_CODE) | Int(CAUSEWAY_FILTER_CONNECT) }
    if usesInternet || usesTokens { needs |= Int(CAUSEWAY_FILTER_INTERNET) }
    let mode = filter == .log ? CAUSEWAY_FILTER_LOG : CAUSEWAY_FILTER_ENFORCE
    let code = causeway_filter_system_calls(Int32(mode), Int32(needs))
    // The answer is not taken at its word: the kernel says whether this process is filtered.
    guard code == 0 else { return Self.outcome(code) }
    guard causeway_filter_state() == 2 else { return .notPossible(.absent) }
    return filter == .log ? .logged : .done
  }

  private static func outcome(_ code: Int32) -> HardeningReport.Outcome {
    switch code {
    case 0: .done
    case ENOSYS, EINVAL, EOPNOTSUPP: .notPossible(.absent)
    default: .notPossible(.refused(errno: code))
    }
  }
}
