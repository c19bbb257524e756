import Encodings
import Testing

/// `causeway simulate`, in processes of its own: each has other hash seeds.
@Suite("The verb simulate")
struct SimulateTests {
  @Test("tells the same of one seed in every process")
  func repeats() throws {
    let words = ["simulate", "--seed", "4", "--steps", "1500", "--json"]
    let first = try Program.run(words)
    let second = try Program.run(words)
    #expect(first.code == 0)
    #expect(first.output == second.output)
    let json = try JSONValue(decoding: [UInt8](first.output.utf8))
    #expect(json["schema"]?.string == "causeway.simulation/1")
    #expect(json["held"] == true)
  }

  @Test("ends with 1 and the command to repeat, when a part is broken")
  func defect() throws {
    let run = try Program.run(["simulate", "--seed", "1", "--seeds", "2", "--defect", "successRefunded"])
    #expect(run.code == 1)
    #expect(run.output.contains("valueNotConserved"))
    #expect(run.output.contains("causeway simulate --seed 2 --steps 4000 --defect successRefunded"))
  }

  @Test(
    "refuses what it does not know",
    arguments: [["--faults", "rain"], ["--defect", "none"], ["--seeds", "0"]])
  func usage(words: [String]) throws { #expect(try Program.run(["simulate"] + words).code == 2) }
}
