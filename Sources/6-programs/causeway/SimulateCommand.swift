import ArgumentParser
import Encodings
import Simulation
import Synchronization

/// `causeway simulate`: seeded worlds in virtual time, with every fault there is, until an invariant fails or all held.
struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Run seeded worlds full of faults through the engines, and check every invariant.",
    discussion: """
      One seed is one history: the same seed gives the same blocks and the same hash everywhere. Faults: \
      \(FaultPlan.allNames.joined(separator: ", ")); `--faults all,-drops` takes one away. Defects break a part on \
      purpose, to see that it is noticed: \(Defect.allCases.map(\.rawValue).joined(separator: ", ")). Ends with 1 when \
      an invariant did not hold.

      With --settlement: enclaves, coordinators and the ledger's settlement, always with all of their faults. Defects: \
      \(SettlementDefect.allCases.map(\.rawValue).joined(separator: ", ")).
      """)

  @Option(help: "The first seed.")
  var seed: UInt64 = 1
  @Option(help: "Events (with --settlement, blocks) during which everything goes wrong; then all is healed.")
  var steps: Int?
  @Flag(help: "Enclaves and settlement instead of packets.")
  var settlement = false
  @Option(help: "How many seeds, upwards from the first.")
  var seeds: UInt64 = 1
  @Option(help: "Runs at a time.")
  var jobs = 2
  @Option(help: "Which faults, by comma.")
  var faults = "all"
  @Option(help: "A part that is broken on purpose.")
  var defect: String?
  @Flag(help: "Print each run as a line of JSON (schema causeway.simulation/1).")
  var json = false
  @Flag(name: .shortAndLong, help: "Print every run and what it exercised.")
  var verbose = false

  func validate() throws {
    guard FaultPlan(text: faults) != nil else {
      throw ValidationError(
        "Unknown faults '\(faults)'. Faults: all, none, \(FaultPlan.allNames.joined(separator: ", ")).")
    }
    if settlement {
      guard faults == "all" else { throw ValidationError("With --settlement all faults are there.") }
      if let defect, SettlementDefect(rawValue: defect) == nil {
        throw ValidationError(
          "There is no defect '\(defect)'. Defects: \(SettlementDefect.allCases.map(\.rawValue).joined(separator: ", "))."
        )
      }
    } else if let defect, Defect(rawValue: defect) == nil {
      throw ValidationError(
        "There is no defect '\(defect)'. Defects: \(Defect.allCases.map(\.rawValue).joined(separator: ", "))."
      )
    }
    guard seeds > 0, !seed.addingReportingOverflow(seeds).overflow else {
      throw ValidationError("At least one seed, and all below 2^64.")
    }
    guard (1...256).contains(jobs) else { throw ValidationError("Between 1 and 256 jobs.") }
    guard steps ?? 0 >= 0 else { throw ValidationError("Steps are not negative.") }
  }

  func run() throws {
    let plan = FaultPlan(text: faults) ?? .all
    let broken = defect.flatMap { Defect(rawValue: $0) }
    let brokenSettlement = defect.flatMap { SettlementDefect(rawValue: $0) }
    let (first, steps, count, settlement) = (seed, steps, seeds, settlement)
    let (json, verbose) = (json, verbose)
    let state = Mutex(Progress())
    let group = WorkGroup(count: min(jobs, Int(clamping: seeds))) {
      while let offset = state.withLock({ $0.take(below: count) }) {
        let report =
          settlement
          ? SettlementSimulation(
            seed: first + offset, steps: steps ?? SettlementSimulation.stepsDefault, defect: brokenSettlement
          ).run()
          : Simulation(
            seed: first + offset, steps: steps ?? Simulation.stepsDefault, faults: plan, defect: broken
          ).run()
        state.withLock { progress in
          progress.tally.add(report)
          if json {
            Terminal.print(SimulationText.json(report).text())
          } else if report.violation != nil {
            Terminal.print(SimulationText.failure(report))
          } else if verbose || count == 1 {
            Terminal.print(SimulationText.line(report))
          } else if progress.tally.seeds % 50 == 0 {
            Terminal.complain(
              "\(progress.tally.seeds) of \(count) seeds, \(progress.tally.violations.count) failed")
          }
        }
      }
    }
    group.wait()
    let tally = state.withLock(\.tally)
    if !json { Terminal.print(SimulationText.summary(tally)) }
    if !tally.violations.isEmpty { throw ExitCode(1) }
  }

  private struct Progress: Sendable {
    var next: UInt64 = 0
    var tally = SimulationTally()

    mutating func take(below count: UInt64) -> UInt64? {
      guard next < count else { return nil }
      defer { next += 1 }
      return next
    }
  }
}
