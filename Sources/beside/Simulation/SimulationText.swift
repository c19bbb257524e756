public import Encodings
import WireBytes

/// Adds up the reports of many seeds.
public struct SimulationTally: Sendable {
  public private(set) var seeds = 0
  public private(set) var steps = 0
  public private(set) var violations: [SimulationReport] = []
  private var counts: [String: (sum: Int, seeds: Int)] = [:]

  public init() {}

  public mutating func add(_ report: SimulationReport) {
    seeds += 1
    steps += report.stepsDone
    if report.violation != nil { violations.append(report) }
    for count in report.counts {
      let known = counts[count.name] ?? (0, 0)
      counts[count.name] = (known.sum + count.count, known.seeds + 1)
    }
  }

  /// How often each thing happened, and in how many seeds, by name.
  public var totals: [(name: String, sum: Int, seeds: Int)] {
    counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sum, $0.value.seeds) }
  }
}

/// How a simulation is told to people and to programs.
public enum SimulationText {
  /// One line of progress.
  public static func line(_ report: SimulationReport) -> String {
    let sent = report.count("packet.sent")
    let ended =
      report.count("packet.ended.success") + report.count("packet.ended.error")
      + report.count("packet.ended.timeout")
    let seconds = report.milliseconds / 1_000
    let verdict = report.violation.map { "FAILED \($0.invariant.rawValue)" } ?? "held"
    if report.isSettlement {
      return "seed \(report.seed): \(verdict), \(seconds) s of virtual time, \(report.count("block")) blocks, "
        + "\(report.count("done.open")) cases: \(report.count("done.settle")) settled, "
        + "\(report.count("done.reclaim")) given back"
    }
    return "seed \(report.seed): \(verdict), \(report.stepsDone) steps, \(seconds) s of virtual time, "
      + "\(report.count("block")) blocks, \(sent) packets sent, \(ended) ended"
  }

  /// What a failed run says: the invariant, what was seen, what came before, and the command.
  public static func failure(_ report: SimulationReport) -> String {
    guard let violation = report.violation else { return line(report) }
    var lines = [line(report)]
    lines.append("  \(violation.invariant.rawValue) at step \(violation.step), \(violation.milliseconds) ms:")
    lines.append("  \(violation.text)")
    for note in violation.trace.suffix(20) { lines.append("    \(note)") }
    lines.append("  again: \(report.command)")
    return lines.joined(separator: "\n")
  }

  /// The sum of many seeds: what was exercised, and what failed.
  public static func summary(_ tally: SimulationTally) -> String {
    var lines: [String] = []
    for (name, sum, seeds) in tally.totals { lines.append("  \(name): \(sum) in \(seeds) seeds") }
    for report in tally.violations { lines.append("  again: \(report.command)") }
    lines.append("\(tally.seeds) seeds, \(tally.steps) steps, \(tally.violations.count) failed")
    return lines.joined(separator: "\n")
  }

  /// Schema `causeway.simulation/1`, one run.
  public static func json(_ report: SimulationReport) -> JSONValue {
    var members: [String: JSONValue] = [
      "schema": "causeway.simulation/1", "seed": .string(String(report.seed)),
      "steps": .number(String(report.steps)), "stepsDone": .number(String(report.stepsDone)),
      "faults": .string(report.faults.text), "milliseconds": .number(String(report.milliseconds)),
      "hash": .string(Hex.encode(report.hash.array)), "command": .string(report.command),
      "held": .boolean(report.violation == nil),
      "counts": .object(
        Dictionary(uniqueKeysWithValues: report.counts.map { ($0.name, .number(String($0.count))) })),
    ]
    if let defect = report.defect { members["defect"] = .string(defect.rawValue) }
    if let violation = report.violation {
      members["violation"] = [
        "invariant": .string(violation.invariant.rawValue), "step": .number(String(violation.step)),
        "milliseconds": .number(String(violation.milliseconds)), "text": .string(violation.text),
        "trace": .array(violation.trace.map { .string($0) }),
      ]
    }
    return .object(members)
  }
}
