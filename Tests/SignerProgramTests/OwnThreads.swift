import Foundation

/// Threads that run what talks to a signer: other tests wait for processes on the threads that tasks share, for longer than a
/// signer waits for a handshake.
final class OwnThreads: TaskExecutor {
  static let shared = OwnThreads()
  private let queue = DispatchQueue(label: "signer tests", attributes: .concurrent)

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    // The executor is never freed, so that an unowned reference to it holds.
    queue.async { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }

  /// Runs `body` on them.
  static func run<Value>(_ body: () async throws -> Value) async throws -> Value {
    try await withTaskExecutorPreference(shared) { try await body() }
  }
}
