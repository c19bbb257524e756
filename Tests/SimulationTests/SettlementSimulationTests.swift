import Simulation
import Testing

/// Whole worlds of enclaves and settlement. A failing one prints the command that runs it again.
@Suite("Simulated settlement")
struct SettlementSimulationTests {
  @Test("a result settles once and under a live registration, whatever goes wrong", arguments: UInt64(1)...24)
  func holds(seed: UInt64) {
    let report = SettlementSimulation(seed: seed).run()
    #expect(report.violation == nil, "\(SimulationText.failure(report))")
    #expect(report.count("world.quiet") == 1)
  }

  @Test("one seed is one history")
  func repeats() {
    let first = SettlementSimulation(seed: 77, steps: 120).run()
    #expect(first == SettlementSimulation(seed: 77, steps: 120).run())
    #expect(first.hash != SettlementSimulation(seed: 78, steps: 120).run().hash)
  }

  @Test("a dozen seeds exercise every fault, every lie and every ending")
  func exercises() {
    var tally = SimulationTally()
    for seed in UInt64(1)...16 { tally.add(SettlementSimulation(seed: seed).run()) }
    let seen = Set(tally.totals.map(\.name))
    let wanted = [
      "fault.dropped", "fault.duplicated", "fault.delayed", "fault.enclaveAway", "fault.enclaveRestart",
      "fault.coordinatorCrash", "fault.coordinatorCrash.kept", "lie.replay", "lie.otherCase",
      "lie.earlyReclaim",
      "lie.invalidate", "lie.update", "lie.signature", "lie.token", "lie.tokenOfOther", "lie.unregistered",
      "done.register", "done.open", "done.submit", "done.settle", "done.reclaim", "enclave.computed",
      "refused.settle.caseSettled", "refused.settle.caseReclaimed",
      "refused.settle.registrationUnknown", "refused.settle.receiptUpdate", "refused.settle.receiptSignature",
      "refused.settle.tokenSignature", "refused.settle.tokenInputs", "refused.settle.tokenCase",
      "refused.settle.tokenExpired", "refused.reclaim.caseNotExpired", "refused.submit.nonceUsed",
      "refused.submit.caseClosed", "refused.submit.caseFull", "refused.invalidate.registrationStands",
    ]
    for name in wanted { #expect(seen.contains(name), "\(name) never happened") }
    #expect(tally.violations.isEmpty)
  }

  @Test("each defect is noticed by the invariant that it breaks", arguments: SettlementDefect.allCases)
  func notices(defect: SettlementDefect) {
    let wanted: Invariant =
      switch defect {
      case .eternalRegistrations: .settledWithoutRegistration
      case .forgetfulEnclave: .equivocation
      case .lostNonces: .executedTwice
      }
    for seed in UInt64(1)...60 {
      guard let violation = SettlementSimulation(seed: seed, defect: defect).run().violation else { continue }
      #expect(violation.invariant == wanted, "seed \(seed): \(violation.text)")
      return
    }
    Issue.record("\(defect.rawValue) was never noticed")
  }
}
