import Simulation
import Testing

/// Whole worlds, some seeds of each kind.
@Suite("Simulated worlds")
struct SimulationTests {
  @Test("every invariant holds, whatever goes wrong", arguments: UInt64(1)...24)
  func holds(seed: UInt64) {
    let report = Simulation(seed: seed).run()
    #expect(report.violation == nil, "\(SimulationText.failure(report))")
  }
}
