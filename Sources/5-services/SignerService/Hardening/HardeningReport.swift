/// What was done at start so that a process that holds keys gives away less when it, or a neighbour, is taken over.
public struct HardeningReport: Hashable, Sendable {
  /// One thing that is asked of the kernel.
  public enum Measure: String, Hashable, Sendable, CaseIterable {
    /// No core file is ever written, and no other process of this user may read this one's memory or attach to it.
    case noCoreDumps = "no-core-dumps"
    /// Nothing that this process could start would have more privileges than it has.
    case noNewPrivileges = "no-new-privileges"
    /// No page is ever written to swap.
    case lockedMemory = "locked-memory"
    /// Files that are made are closed to other users.
    case closedFiles = "closed-files"
    /// Only the system calls that a signer needs.
    case systemCallFilter = "system-call-filter"
  }

  public enum Outcome: Hashable, Sendable {
    case done
    /// Somebody asked that it be left out, or that it only report.
    case notAsked
    /// Calls that the filter would refuse are written to the kernel's log, and go on.
    case logged
    case notPossible(Reason)
  }

  public enum Reason: Hashable, Sendable {
    /// What the kernel answered.
    case refused(errno: Int32)
    /// This process may lock so many bytes, and all of its memory is more.
    case memoryLimit(bytes: UInt64)
    /// This kernel, or system, has no such thing.
    case absent
  }

  public struct Line: Hashable, Sendable {
    public let measure: Measure
    public let outcome: Outcome
  }

  /// One for each measure, in the order in which they were taken.
  public let lines: [Line]

  package init(lines: [Line]) { self.lines = lines }

  public subscript(_ measure: Measure) -> Outcome {
    lines.first { $0.measure == measure }?.outcome ?? .notPossible(.absent)
  }
}
