import CAllocations
import Foundation

/// What one operation costs.
struct Cost: Codable {
  /// Nanoseconds of CPU time, so that others' work on the machine counts little.
  let p50: Double
  let p99: Double
  /// Heap allocations: those of this process's own code and of the Swift runtime.
  let allocations: Double
}

/// A row of a table: an operation, and the same in C over wasmtime with nothing around it.
struct Row: Codable {
  let name: String
  let ours: Cost?
  let floor: Cost?
  /// Gas as the ledger counts it.
  var gas: Double?
}

enum Sampling {
  /// Takes samples of ours and of the floor in turns, so that a slow moment of the machine hits both.
  ///
  /// - Parameter operations: how many operations one call of a body is.
  static func row(
    _ name: String, samples: Int, operations: Int = 1, ours: (() throws -> Void)?, floor: (() throws -> Void)?
  ) throws -> Row {
    let batch = try ours.map { try size($0) } ?? 1
    let floorBatch = try floor.map { try size($0) } ?? 1
    var times: [Double] = []
    var floorTimes: [Double] = []
    for _ in 0..<samples {
      if let ours { times.append(try time(ours, batch) / Double(operations)) }
      if let floor { floorTimes.append(try time(floor, floorBatch) / Double(operations)) }
    }
    return Row(
      name: name, ours: try ours.map { try cost(times, $0, operations) },
      floor: try floor.map { try cost(floorTimes, $0, operations) })
  }

  private static func cost(_ times: [Double], _ body: () throws -> Void, _ operations: Int) throws -> Cost {
    let before = causeway_allocation_count()
    for _ in 0..<16 { try body() }
    let allocations = Double(causeway_allocation_count() - before) / 16 / Double(operations)
    let times = times.sorted()
    return Cost(p50: times[times.count / 2], p99: times[times.count * 99 / 100], allocations: allocations)
  }

  /// How many calls make a sample of about two milliseconds.
  private static func size(_ body: () throws -> Void) throws -> Int {
    var count = 1
    while true {
      let nanoseconds = try time(body, count) * Double(count)
      if nanoseconds > 2_000_000 || count > 1 << 20 { return count }
      count *= nanoseconds < 200_000 ? 8 : 2
    }
  }

  private static func time(_ body: () throws -> Void, _ count: Int) throws -> Double {
    let start = cpuNanoseconds()
    for _ in 0..<count { try body() }
    return (cpuNanoseconds() - start) / Double(count)
  }

  /// CPU time of the process.
  static func cpuNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }

  static func nanoseconds(since start: ContinuousClock.Instant) -> Double {
    let elapsed = (ContinuousClock.now - start).components
    return Double(elapsed.seconds) * 1e9 + Double(elapsed.attoseconds) / 1e9
  }
}

/// Why nothing was measured.
enum LoadError: Error {
  case setup(String)
  case refused(String)
  case noLibrary(String)
}
