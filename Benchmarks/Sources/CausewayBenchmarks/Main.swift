import ArgumentParser
import Foundation

@main
struct Main: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "script/bench", abstract: "Measure the library beside its peers.")

  @Option(help: "Only benchmarks whose name contains this.")
  var filter: String?
  @Option(help: "Samples of about two milliseconds for each side.")
  var samples = 101
  @Flag(help: "Print the table as JSON lines.")
  var json = false

  func run() throws {
    let chosen = try Operations.all().filter { filter == nil || $0.name.contains(filter ?? "") }
    if !json {
      print("| operation | ours, median | p99 | allocations | peer | peer, median | ratio |")
      print("|---|--:|--:|--:|---|--:|--:|")
    }
    for benchmark in chosen {
      let result = benchmark.measure(samples: max(samples, 3))
      print(json ? Self.jsonLine(benchmark, result) : Self.row(benchmark, result))
    }
  }

  private static func row(_ benchmark: Benchmark, _ result: Measurement) -> String {
    let peer = result.peerMedian.map { duration($0) } ?? "–"
    let ratio = result.peerMedian.map { String(format: "%.2f", result.median / $0) } ?? "–"
    let allocations = String(format: "%.0f", result.allocations)
    return "| \(benchmark.name) | \(duration(result.median)) | \(duration(result.p99)) | \(allocations) "
      + "| \(benchmark.peer ?? "–") | \(peer) | \(ratio) |"
  }

  private static func jsonLine(_ benchmark: Benchmark, _ result: Measurement) -> String {
    let peer = result.peerMedian.map { String(format: "%.1f", $0) } ?? "null"
    return String(
      format: #"{"name":"%@","median_ns":%.1f,"p99_ns":%.1f,"allocations":%.2f,"peer_median_ns":%@}"#,
      benchmark.name, result.median, result.p99, result.allocations, peer)
  }

  private static func duration(_ nanoseconds: Double) -> String {
    switch nanoseconds {
    case ..<1_000: String(format: "%.0f ns", nanoseconds)
    case ..<1_000_000: String(format: "%.1f µs", nanoseconds / 1_000)
    default: String(format: "%.2f ms", nanoseconds / 1_000_000)
    }
  }
}
