import CAllocations
import Foundation

/// One operation, measured beside a peer that does the same work.
struct Benchmark {
  let name: String
  /// What the peer is; nil when none can be linked here.
  let peer: String?
  let ours: () -> Void
  let theirs: (() -> Void)?

  init(_ name: String, peer: String? = nil, ours: @escaping () -> Void, theirs: (() -> Void)? = nil) {
    self.name = name
    self.peer = peer
    self.ours = ours
    self.theirs = theirs
  }
}

/// Nanoseconds per operation and heap allocations per operation.
struct Measurement {
  let median: Double
  let p99: Double
  let allocations: Double
  /// Our median divided by the peer's, from samples taken turn by turn.
  let peerMedian: Double?
}

extension Benchmark {
  /// Takes samples of ours and of the peer in turns, so that a slow moment of the machine hits both.
  func measure(samples: Int) -> Measurement {
    let batch = Self.batch(ours)
    let peerBatch = theirs.map(Self.batch)
    var times: [Double] = []
    var peerTimes: [Double] = []
    for _ in 0..<samples {
      times.append(Self.time(ours, batch))
      if let theirs, let peerBatch { peerTimes.append(Self.time(theirs, peerBatch)) }
    }
    let before = causeway_allocation_count()
    for _ in 0..<16 { ours() }
    let allocations = Double(causeway_allocation_count() - before) / 16
    times.sort()
    peerTimes.sort()
    return Measurement(
      median: times[times.count / 2], p99: times[times.count * 99 / 100], allocations: allocations,
      peerMedian: peerTimes.isEmpty ? nil : peerTimes[peerTimes.count / 2])
  }

  /// How many calls make a sample of about two milliseconds.
  private static func batch(_ body: () -> Void) -> Int {
    var count = 1
    while true {
      let nanoseconds = time(body, count) * Double(count)
      if nanoseconds > 2_000_000 || count > 1 << 24 { return count }
      count *= nanoseconds < 200_000 ? 8 : 2
    }
  }

  private static func time(_ body: () -> Void, _ count: Int) -> Double {
    let start = ContinuousClock.now
    for _ in 0..<count { body() }
    let elapsed = (ContinuousClock.now - start).components
    return (Double(elapsed.seconds) * 1e9 + Double(elapsed.attoseconds) / 1e9) / Double(count)
  }
}

/// Keeps the optimiser from dropping a result.
@inline(never)
func keep<Value: ~Copyable>(_ value: borrowing Value) {}
