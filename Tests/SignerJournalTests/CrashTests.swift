import Foundation
import Synchronization
import Testing

/// The real write path, ended at every call that changes something on disk, with what was not flushed lost.
///
/// `CAUSEWAY_CRASHES=all` tries every loss at every call instead of one.
@Suite("A signer that dies", .serialized)
struct CrashTests {
  private static let heights = 8
  private static let history = ["heights=8", "batch=2", "compactAfter=2"]
  private static let moments = ["before", "after", "half"]
  private static let losses = ["everything", "nothing", "contents", "names", "secondHalf", "everySecond"]
  private static let tryAll = ProcessInfo.processInfo.environment["CAUSEWAY_CRASHES"] == "all"

  private struct Case: Sendable {
    let call: Int
    let moment: String
    let loss: String
    /// Where the restart dies in turn, from its own first call on.
    let second: Int
  }

  private static func cases(_ calls: Int) -> [Case] {
    var cases: [Case] = []
    for call in 0..<calls {
      for (index, moment) in moments.enumerated() {
        for (turn, loss) in losses.enumerated() where tryAll || (call + 2 * index) % losses.count == turn {
          cases.append(Case(call: call, moment: moment, loss: loss, second: (call &* 7 + index &* 5) % 30))
        }
      }
    }
    return cases
  }

  /// Runs all cases on a few threads that are not the tests' own.
  private static func each(
    _ cases: [Case], _ body: @escaping @Sendable (Case) throws -> [String]
  ) async throws -> [String] {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue.global().async {
        let faults = Mutex<[String]>([])
        let failure = Mutex<(any Error)?>(nil)
        DispatchQueue.concurrentPerform(iterations: cases.count) { index in
          do {
            let found = try body(cases[index])
            faults.withLock { $0 += found }
          } catch {
            failure.withLock { $0 = error }
          }
        }
        if let error = failure.withLock({ $0 }) {
          continuation.resume(throwing: error)
        } else {
          continuation.resume(returning: faults.withLock { $0 })
        }
      }
    }
  }

  /// Dies, restarts and dies again, restarts: asking for other claims each time.
  private static func tryCase(_ program: URL, _ one: Case, _ more: [String]) throws -> [String] {
    let child = try CrashChild(program)
    defer { child.remove() }
    var checks = CrashChecks(heights: UInt64(heights))
    let fault = ["at=\(one.call)", "when=\(one.moment)", "loss=\(one.loss)"]
    let first = try child.run(history + more + ["claims=1"] + fault)
    guard first.wasKilled else { return ["call \(one.call) \(one.moment): not killed"] }
    checks.add(first)
    checks.add(
      try child.run(
        history + more + ["claims=2", "at=\(one.second)", "when=\(one.moment)", "loss=\(one.loss)"]))
    checks.add(try child.run(history + more + ["claims=3"]))
    // Everything stands after a run to the end: nothing is left to sign.
    let last = try child.run(history + more + ["claims=4"])
    checks.add(last)
    var faults = checks.faults
    if last.startRefusal == nil, !last.signed.isEmpty { faults.append("signed after all heights were") }
    return faults.map { "call \(one.call) \(one.moment), loss of \(one.loss), then \(one.second): \($0)" }
  }

  @Test("at any call, whatever a power cut takes, never signs two claims for a height, and starts again")
  func everyCall() async throws {
    let program = try #require(CrashChild.program, "SignerCrashChild is not built")
    let whole = try CrashChild(program)
    defer { whole.remove() }
    let calls = try #require(try whole.run(Self.history + ["claims=1"]).calls)
    // Making the vault, a start, four batches, a compaction, a rotation, eight signatures.
    #expect(calls >= 60)
    let cases = Self.cases(calls)
    let faults = try await Self.each(cases) { try Self.tryCase(program, $0, []) }
    #expect(faults.isEmpty, "\(faults.count) of \(cases.count) cases: \(faults.prefix(5))")
  }

  @Test(
    "and has a mistake is found out by the same test",
    arguments: ["noFlush", "noJournalFlush", "noDirectoryFlush", "signFirst"])
  func mistakes(mistake: String) async throws {
    let program = try #require(CrashChild.program, "SignerCrashChild is not built")
    let whole = try CrashChild(program)
    defer { whole.remove() }
    let calls = try #require(try whole.run(Self.history + ["claims=1", "mistake=\(mistake)"]).calls)
    // What is not flushed shows when all of it is lost, and a signature too early when the process dies after it.
    let cases = stride(from: 0, to: calls, by: 2).map {
      Case(call: $0, moment: "after", loss: "everything", second: 9_999)
    }
    let faults = try await Self.each(cases) { try Self.tryCase(program, $0, ["mistake=\(mistake)"]) }
    switch mistake {
    // The anchor notices what is missing.
    case "noJournalFlush":
      #expect(faults.contains { $0.contains("start refused") })
      #expect(!faults.contains { $0.contains("two signatures") })
    // Two signatures for a height leave.
    default: #expect(faults.contains { $0.contains("two signatures") })
    }
  }

  /// Signs, is copied, signs more, and gets the copy back: whole, or without the anchor's place.
  private static func restored(_ program: URL, mistake: String, part: String) throws -> (
    CrashChild.Run, [String]
  ) {
    let child = try CrashChild(program)
    let copy = try CrashChild(program)
    defer {
      child.remove()
      copy.remove()
    }
    var checks = CrashChecks(heights: 4)
    let options = ["batch=2", "compactAfter=0", "mistake=\(mistake)"]
    checks.add(try child.run(options + ["heights=4", "claims=1"]))
    try copy.restore(from: child)
    checks.add(try child.run(options + ["heights=8", "claims=2"]))
    try child.restore(part, from: copy)
    let run = try child.run(options + ["heights=8", "claims=3"])
    checks.add(run)
    return (run, checks.faults)
  }

  @Test("and gets an older copy of its state back refuses to start")
  func olderCopy() throws {
    let program = try #require(CrashChild.program, "SignerCrashChild is not built")
    let (run, faults) = try Self.restored(program, mistake: "none", part: "state")
    #expect(run.startRefusal?.hasPrefix("restoredOlderState(") ?? false)
    #expect(run.signed.isEmpty)
    #expect(!faults.contains { $0.contains("two signatures") })
  }

  @Test("and never moves its anchor signs twice after an older copy is put back: the test can fail")
  func noAnchor() throws {
    let program = try #require(CrashChild.program, "SignerCrashChild is not built")
    let (run, faults) = try Self.restored(program, mistake: "noAnchor", part: "state")
    #expect(run.startRefusal == nil)
    #expect(faults.contains { $0.contains("two signatures") })
  }

  // MARK: Real system calls

  private static let strace = "/usr/bin/strace"

  /// Whether strace may trace and inject here: some containers forbid it.
  private static let canInject: Bool = {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: strace)
    process.arguments = ["-f", "-o", "/dev/null", "-e", "trace=none", "/bin/true"]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationReason == .exit && process.terminationStatus == 0
  }()

  @Test(
    "at the n-th of a real system call never signs two claims for a height, and starts again",
    .enabled(if: canInject, "strace is absent, or may not trace here"),
    arguments: ["fdatasync", "pwrite64", "rename", "fsync"])
  func systemCalls(name: String) throws {
    let program = try #require(CrashChild.program, "SignerCrashChild is not built")
    var kills = 0
    for number in 1...60 {
      let child = try CrashChild(program, onDisk: true)
      defer { child.remove() }
      var checks = CrashChecks(heights: UInt64(Self.heights))
      let inject = [
        Self.strace, "-f", "-o", "/dev/null", "-e", "trace=\(name)", "-e",
        "inject=\(name):signal=KILL:when=\(number)",
      ]
      let first = try child.run(Self.history + ["claims=1", "flush=real"], under: inject)
      // The one that is killed is not this process's child but strace's, which dies of the same signal.
      checks.add(first)
      checks.add(try child.run(Self.history + ["claims=2", "flush=real"]))
      #expect(checks.faults.isEmpty, "\(name) \(number): \(checks.faults)")
      guard first.wasKilled else { break }
      kills += 1
    }
    // Making, starting, four batches of three files, a compaction and a rotation; renames are few.
    #expect(kills >= (name == "rename" ? 3 : name == "fsync" ? 5 : 14), "\(kills)")
  }
}
