import Foundation
import KeyVault
import SignerAccess
import SignerService
import SignerWire
import SigningRules
import Synchronization
import Testing

@Suite(
  "Speed of a signer", .serialized,
  .enabled(if: ProcessInfo.processInfo.environment["MEASURE"] != nil, "MEASURE is not set"))
struct SpeedTests {
  /// Latencies in microseconds, of `requests` that `depth` tasks ask for over `connections`.
  @Test(
    "over a unix socket, with records, audit log and anchor on disk",
    arguments: [
      (KeySuite.secp256k1, 1, 1, 1), (.secp256k1, 1, 16, 1), (.secp256k1, 4, 64, 1), (.secp256k1, 4, 256, 1),
      (.secp256k1, 2, 4, 64), (.ed25519, 4, 256, 1), (.p256, 4, 256, 1), (.mlDSA65, 4, 256, 1),
    ])
  func measure(_ suite: KeySuite, _ connections: Int, _ depth: Int, _ batch: Int) async throws {
    let rig = try await Rig.start(suite: suite, durable: true)
    let requests = depth == 1 ? 1_000 : suite == .secp256k1 ? 20_000 : 10_000
    let progress = Progress()
    let clients = (0..<connections).map { _ in rig.access() }
    for client in clients { _ = try await client.admin(.status) }
    let begun = ContinuousClock.now
    let cpu = clock()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<depth {
        let client = clients[task % connections]
        group.addTask {
          while true {
            let height = progress.take(UInt64(batch))
            guard height <= requests else { return }
            let items = try (0..<UInt64(batch)).map { try Self.item(rig, height + $0) }
            let start = ContinuousClock.now
            for answer in try await client.sign(items) { _ = try answer.get() }
            let took = Double((ContinuousClock.now - start) / .nanoseconds(1)) / 1_000
            progress.took(took)
          }
        }
      }
      try await group.waitForAll()
    }
    let seconds = Double((ContinuousClock.now - begun) / .microseconds(1)) / 1e6
    let spent = Double(clock() - cpu) / Double(CLOCKS_PER_SEC) * 1e6
    let sorted = progress.sorted
    let counters = rig.server.counters
    func at(_ part: Double) -> Int { Int(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]) }
    print(
      "MEASURED \(suite.rawValue) connections \(connections) tasks \(depth) batch \(batch): "
        + "\(Int(Double(counters.signatures) / seconds))/s, p50 \(at(0.5)) µs, p99 \(at(0.99)) µs, "
        + "\(Int(spent / Double(counters.signatures))) µs CPU each on both sides, "
        + "commits \(counters.commits), largest \(counters.batchMax), "
        + "commit p50 \(counters.commitTimes.quantile(thousandths: 500)) µs "
        + "p99 \(counters.commitTimes.quantile(thousandths: 990)) µs")
    for client in clients { await client.close() }
    await rig.server.stop()
  }

  /// Heights come out of order when tasks race: one time for all is in every order.
  private static func item(_ rig: Rig, _ height: UInt64) throws -> SigningItem {
    SigningItem(
      key: rig.key.id, request: .attestation(try Rig.statement(height: height, seconds: 1_700_000_000)))
  }
}

/// Which requests were given out, and how long each took. A class, since tasks share it.
private final class Progress: Sendable {
  private let state = Mutex((next: UInt64(1), times: [Double]()))

  func take(_ count: UInt64) -> UInt64 {
    state.withLock { state in
      defer { state.next += count }
      return state.next
    }
  }

  func took(_ time: Double) { state.withLock { $0.times.append(time) } }
  var sorted: [Double] { state.withLock { $0.times.sorted() } }
}
