import Simulation
import Testing

/// Whole worlds of fixed seeds. A failing one prints the command that runs it again.
@Suite("Simulated worlds")
struct SimulationTests {
  @Test("every invariant holds, whatever goes wrong", arguments: UInt64(1)...48)
  func holds(seed: UInt64) {
    let report = Simulation(seed: seed).run()
    #expect(report.violation == nil, "\(SimulationText.failure(report))")
    #expect(report.count("world.quiet") == 1)
  }

  @Test("long worlds hold as well", arguments: UInt64(9_001)...9_002)
  func long(seed: UInt64) {
    let report = Simulation(seed: seed, steps: 30_000).run()
    #expect(report.violation == nil, "\(SimulationText.failure(report))")
  }

  @Test("without faults nothing fails but what users ask for, and everything ends", arguments: UInt64(1)...3)
  func calm(seed: UInt64) {
    let report = Simulation(seed: seed, steps: 2_000, faults: .none).run()
    #expect(report.violation == nil, "\(SimulationText.failure(report))")
    #expect(report.count("packet.sent") > 10)
    #expect(report.count("packet.executed") > 0)
    #expect(report.count("packet.failed") > 0)
    let troubles = report.counts.filter { $0.name.hasPrefix("fault.") || $0.name.hasPrefix("lie.") }
    #expect(troubles.isEmpty)
    #expect(report.count("lane.frozen") == 0)
    #expect(report.count("operator.cleared") == 0)
  }

  @Test("one seed is one history")
  func repeats() {
    let first = Simulation(seed: 77, steps: 2_500).run()
    let second = Simulation(seed: 77, steps: 2_500).run()
    #expect(first == second)
    let other = Simulation(seed: 78, steps: 2_500).run()
    #expect(first.hash != other.hash)
  }

  @Test("a dozen seeds exercise every fault, every lie and every ending")
  func exercises() {
    var tally = SimulationTally()
    for seed in UInt64(1)...20 { tally.add(Simulation(seed: seed, steps: 4_000).run()) }
    let seen = Set(tally.totals.map(\.name))
    let wanted = [
      "fault.dropped", "fault.duplicated", "fault.delayed", "fault.partition", "fault.partitioned",
      "fault.eventsLost", "fault.eventsRepeated", "fault.relayerCrash", "fault.relayerCrash.torn",
      "fault.domainCrash.idle", "fault.domainCrash.beforeBlockFlushed", "fault.domainCrash.beforeVotes",
      "fault.domainCrash.beforeCommitFlushed", "fault.domainCrash.beforeTree", "fault.domainCrash.beforeTip",
      "fault.domainCrash.beforeTold", "fault.attesterCrash.beforeFlush",
      "fault.attesterCrash.beforeSignature",
      "fault.attesterMisled", "fault.attesterLied", "fault.attesterBadSignature", "fault.tornWrite",
      "fault.scarceGas", "attester.equivocationRefused", "lie.replay", "lie.proofWithoutUpdate",
      "lie.payload", "lie.acknowledgement", "lie.otherHeight", "lie.timeout", "lie.receive", "lie.packet",
      "lie.time", "lie.answer", "lie.misdirected", "lie.rubbish", "packet.ended.success",
      "packet.ended.error", "packet.ended.timeout", "packet.sent.attestedPackets",
      "packet.sent.attestedState", "packet.sent.header", "claim.attested", "claim.header", "lane.frozen",
      "world.beyondQuorum", "world.shortTrust", "world.replayed",
    ]
    for name in wanted { #expect(seen.contains(name), "\(name) never happened") }
    #expect(tally.violations.isEmpty)
  }

  @Test("more liars than the quorum deceive their lane alone, and it freezes with both pieces of evidence")
  func beyondQuorum() {
    var deceived = 0
    for seed in UInt64(200)...240 {
      let report = Simulation(seed: seed, faults: [.beyondQuorum, .liars]).run()
      #expect(report.violation == nil, "\(SimulationText.failure(report))")
      guard report.count("claim.false") > 0 else { continue }
      deceived += 1
      #expect(report.count("lane.frozen") > 0)
      #expect(report.count("lane.shut.attestedState") == 0)
      #expect(report.count("lane.shut.header") == 0)
      if deceived == 3 { return }
    }
    Issue.record("\(deceived) worlds were deceived")
  }
}

/// Parts that are broken on purpose: a checker that notices nothing is none.
@Suite("Simulated defects")
struct DefectTests {
  private static let caught: [Defect: Set<Invariant>] = [
    // The tree itself may notice what its store has lost.
    .lostReceipts: [.executedTwice, .unexpectedFailure],
    .errorTakenAsSuccess: [.valueNotConserved],
    .successRefunded: [.valueNotConserved],
    .earlyTimeouts: [.falseClaim],
    .noWatermark: [.equivocation],
    .quorumOfOne: [.falseClaim],
    .flushOrder: [.actedBeforeRecord],
    .neverScans: [.unfinished],
    .blockForgotten: [.equivocation],
    .partialExecution: [.executedAndRefunded],
  ]

  @Test("is caught within a few dozen seeds, by the invariant that it breaks", arguments: Defect.allCases)
  func caught(defect: Defect) throws {
    let wanted = try #require(Self.caught[defect])
    for seed in UInt64(1)...36 {
      guard let violation = Simulation(seed: seed, defect: defect).run().violation else { continue }
      #expect(wanted.contains(violation.invariant), "\(violation.invariant) \(violation.text)")
      return
    }
    Issue.record("\(defect) was not caught")
  }
}

@Suite("Fault plans")
struct FaultPlanTests {
  @Test("are read as they are written", arguments: ["all", "none", "drops,liars", "drops"])
  func texts(text: String) { #expect(FaultPlan(text: text)?.text == text) }

  @Test("take a name away after a minus, and refuse unknown ones")
  func minus() {
    #expect(FaultPlan(text: "-drops") == FaultPlan.all.subtracting(.drops))
    #expect(FaultPlan(text: "all,-liars,-drops") == FaultPlan.all.subtracting([.liars, .drops]))
    #expect(FaultPlan(text: "rain") == nil)
    #expect(FaultPlan.allNames.count == 14)
  }

  @Test("stand in the command that runs a world again")
  func command() {
    let report = Simulation(seed: 3, steps: 0, faults: [.drops], defect: .neverScans).run()
    #expect(
      report.command == "causeway simulate --seed 3 --steps 0 --faults drops --defect neverScans")
    #expect(Simulation(seed: 9, steps: 0, faults: .none).run().violation == nil)
  }
}
