import Foundation

/// Runs one body on several threads at once: for work that is all computation.
struct WorkGroup {
  /// A run deep in proofs and blocks needs more than a thread's default.
  private static let stackSizeBytes = 16 << 20
  private let done = DispatchSemaphore(value: 0)
  private let count: Int

  init(count: Int, _ body: @escaping @Sendable () -> Void) {
    self.count = count
    for _ in 0..<count {
      let done = done
      let thread = Thread {
        body()
        done.signal()
      }
      thread.stackSize = Self.stackSizeBytes
      thread.start()
    }
  }

  func wait() { for _ in 0..<count { done.wait() } }
}
