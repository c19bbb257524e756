import ChainAccess
import Devnet
import Encodings
import Foundation
import LightClients
import Messages
import PacketHost
import RelayEngine
import RelayService
import WireBytes

/// Where the time of a crossing goes, from the relayer's records of some of them.
struct StageTimes {
  struct Step {
    let name: String
    let milliseconds: Double
    /// Blocks that the origin made meanwhile.
    let blocks: Double
  }

  /// The mean over all samples that have every stage.
  let steps: [Step]
  let samples: Int

  private static let stages: [PacketStage] = [
    .sent, .committed, .proven, .executed, .acknowledged, .settled,
  ]

  init(_ run: Run, in devnet: Devnet) throws {
    let records = try RelayRecords(path: devnet.directory.relayer)
    let ends = try records.ends().map(\.record.end)
    let domains = [devnet.harbor.domain, devnet.island.domain]
    var times = [Double](repeating: 0, count: Self.stages.count - 1)
    var blocks = times
    var count = 0
    for sample in run.samples {
      guard let sequence = Sequence(sample.sequence) else { continue }
      // Both lanes have an end there; only the attested one has packets.
      var timeline: PacketTimeline?
      for end in ends where end.domain == domains[sample.origin] && timeline == nil {
        timeline = try records.packet(PacketKey(end, sequence))?.timeline
      }
      let moments = Self.stages.compactMap { timeline?[$0]?.time.sinceEpoch }
      guard moments.count == Self.stages.count else { continue }
      count += 1
      for (index, (from, to)) in zip(moments, moments.dropFirst()).enumerated() {
        times[index] += (to - from) / .milliseconds(1)
        blocks[index] +=
          Double(Self.height(at: to, run.blocks[sample.origin]))
          - Double(Self.height(at: from, run.blocks[sample.origin]))
      }
    }
    samples = count
    steps = zip(Self.stages, Self.stages.dropFirst()).enumerated().map { index, pair in
      Step(
        name: "\(pair.0.name) → \(pair.1.name)", milliseconds: times[index] / Double(max(1, count)),
        blocks: blocks[index] / Double(max(1, count)))
    }
  }

  /// The newest block at `time`.
  private static func height(at time: Duration, _ blocks: [Run.Moment]) -> UInt64 {
    var (low, high) = (0, blocks.count)
    while low < high {
      let middle = (low + high) / 2
      if blocks[middle].time <= time { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? blocks[low - 1].height : (blocks.first?.height ?? 0)
  }
}

/// Every packet ended once, with success, and no value was made or lost.
struct Audit {
  let packets: Int
  let blocks: [String: UInt64]

  init(_ devnet: Devnet, crossings: Int) async throws {
    guard let network = await devnet.network else { throw LoadError.notReady }
    let history = try await HistoryAudit(network: network, accesses: devnet.accesses)
    let value = try await ValueAudit(
      network: network, accesses: devnet.accesses, in: devnet.directory)
    guard history.holds else {
      throw LoadError.audit("\(history.faultCount) faults: \(history.faults.prefix(3))")
    }
    guard history.sent == crossings, history.succeeded == crossings, history.open.isEmpty else {
      throw LoadError.audit(
        "\(crossings) crossings, \(history.sent) sent, \(history.succeeded) succeeded, \(history.failed) failed, "
          + "\(history.timedOut) timed out, \(history.open.count) open")
    }
    guard value.holds else { throw LoadError.audit("value: \(value)") }
    for issue in value.issues where (history.fees[issue.domain] ?? .zero) > issue.fees {
      throw LoadError.audit("fees of \(issue.domain)")
    }
    packets = history.succeeded
    blocks = history.heights
  }
}

/// The figures.
struct Report {
  struct Part {
    let kind: Traffic.Kind
    let run: Run
    let stages: StageTimes

    var perSecond: Double { Double(run.count) / max(run.wallSeconds, 1e-9) }
    var cpuMilliseconds: Double { run.cpuSeconds * 1_000 / Double(max(1, run.count)) }

    static func quantile<Value>(_ sorted: [Value], _ part: Double) -> Value? {
      sorted.isEmpty ? nil : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
    }
    func blocks(_ part: Double) -> UInt64 { Self.quantile(run.latencies, part) ?? 0 }
    func milliseconds(_ part: Double) -> Double { Self.quantile(run.milliseconds, part) ?? 0 }
  }

  let options: DevnetOptions
  let inFlight: Int
  let warmUp: Int
  var parts: [Part] = []
  var memory: [Memory] = []
  var audit: Audit?
  var diskBytes = 0

  private var blockMilliseconds: Double { options.blockTime / .milliseconds(1) }
  private static func mebibytes(_ bytes: Int) -> String { String(format: "%.0f", Double(bytes) / 1_048_576) }
  private static func fixed(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }

  var text: String {
    var lines = [
      "attested lane, both directions, \(inFlight) on their way, blocks every \(Self.fixed(blockMilliseconds, 0)) ms, "
        + "\(options.relay.batchMessagesMax) messages a batch, \(ProcessInfo.processInfo.activeProcessorCount) cores",
      "",
      "| crossing | count | settled a second | CPU a crossing | latency p50 | p99 |",
      "|---|--:|--:|--:|--:|--:|",
    ]
    for part in parts {
      let latency = [0.5, 0.99].map {
        "\(part.blocks($0)) blocks, \(Self.fixed(part.milliseconds($0) / 1_000, 2)) s"
      }
      lines.append(
        "| \(part.kind.rawValue) | \(part.run.count) | \(Self.fixed(part.perSecond, 0)) | "
          + "\(Self.fixed(part.cpuMilliseconds, 2)) ms | \(latency.joined(separator: " | ")) |")
    }
    for part in parts {
      lines += [
        "", "| \(part.kind.rawValue), mean of \(part.stages.samples) | ms | blocks |", "|---|--:|--:|",
      ]
      for step in part.stages.steps {
        lines.append(
          "| \(step.name) | \(Self.fixed(step.milliseconds, 0)) | \(Self.fixed(step.blocks, 1)) |")
      }
    }
    lines += ["", "| crossings settled | resident memory |", "|--:|--:|"]
    for memory in memory {
      lines.append("| \(memory.crossings) | \(Self.mebibytes(memory.residentBytes)) MiB |")
    }
    if let audit {
      let blocks = audit.blocks.sorted { $0.key < $1.key }.map { "\($0.value) of \($0.key)" }
      lines += [
        "",
        "audit: \(audit.packets) packets ended once each, value conserved (blocks: \(blocks.joined(separator: ", ")); "
          + "\(diskBytes / max(1, audit.packets)) bytes on disk a crossing)",
      ]
    }
    return lines.joined(separator: "\n")
  }

  private static func number(_ value: Double) -> JSONValue { .number(fixed(value, 3)) }
  private static func number<Value: BinaryInteger>(_ value: Value) -> JSONValue { .number(String(value)) }

  var json: JSONValue {
    .object([
      "schema": "causeway.bench-crossings/1", "lane": "attested", "in_flight": Self.number(inFlight),
      "warm_up": Self.number(warmUp), "block_time_ms": Self.number(blockMilliseconds),
      "batch": Self.number(options.relay.batchMessagesMax),
      "cores": Self.number(ProcessInfo.processInfo.activeProcessorCount),
      "parts": .array(
        parts.map { part in
          .object([
            "kind": .string(part.kind.rawValue), "count": Self.number(part.run.count),
            "per_second": Self.number(part.perSecond), "wall_s": Self.number(part.run.wallSeconds),
            "cpu_ms": Self.number(part.cpuMilliseconds),
            "latency_blocks": .object([
              "p50": Self.number(part.blocks(0.5)), "p99": Self.number(part.blocks(0.99)),
            ]),
            "latency_ms": .object([
              "p50": Self.number(part.milliseconds(0.5)), "p99": Self.number(part.milliseconds(0.99)),
            ]),
            "stages": .array(
              part.stages.steps.map {
                .object([
                  "step": .string($0.name), "ms": Self.number($0.milliseconds),
                  "blocks": Self.number($0.blocks),
                ])
              }),
            "stage_samples": Self.number(part.stages.samples),
          ])
        }),
      "memory": .array(
        memory.map {
          .object([
            "crossings": Self.number($0.crossings), "resident_bytes": Self.number($0.residentBytes),
          ])
        }),
      "audit": .object([
        "packets": Self.number(audit?.packets ?? 0), "disk_bytes": Self.number(diskBytes),
      ]),
    ])
  }
}
