import Encodings
import Foundation
import TestSupport
import Testing

/// Whether this checkout has the EVM node and the contracts.
private enum ReefVerbParts {
  static var areThere: Bool {
    [".venv/.evm", "contracts/evm/.build/Router.json", "contracts/evm/.build/Counter.json"].allSatisfy {
      FileManager.default.fileExists(atPath: Corpora.packageRoot.appendingPathComponent($0).path)
    }
  }
}

/// A devnet with an EVM chain in a process of its own, and people who send there and back.
@Suite(
  "causeway up --with evm", .timeLimit(.minutes(15)),
  .enabled(
    if: ReefVerbParts.areThere,
    "there is no EVM node, or there are no EVM contracts: script/setup, script/contracts"))
struct ReefVerbTests {
  private static func json(_ arguments: [String]) throws -> (code: Int32, json: JSONValue) {
    let run = try Program.run(arguments)
    guard let json = try? JSONValue(decoding: [UInt8](run.output.utf8)) else {
      Issue.record("\(arguments): \(run.code), \(run.output), \(run.complaint)")
      return (run.code, .null)
    }
    return (run.code, json)
  }

  @Test("people send tokens and calls there and back, and see where everything is")
  func thereAndBack() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())").path
    defer {
      for path in [directory, directory + ".txt"] { try? FileManager.default.removeItem(atPath: path) }
    }
    let running = try UpTests.Running(directory, ["--with", "evm", "--no-contracts"])
    try running.wait(for: "ready", times: 1)
    // Long deadlines: what takes long on a busy machine is not late.
    let place = ["--directory", directory, "--json"]
    let late = ["--timeout", "20m"] + place

    let there = try Self.json(
      ["send", "transfer", "25", "--from", "alice", "--to", "bob", "--via", "evm"] + late)
    #expect(there.code == 0 && there.json["ending"] == "success", "\(there)")
    #expect(there.json["destination"] == "reef" && there.json["lane"] == "evm", "\(there)")
    let called = try Self.json(
      ["send", "call", "Counter", "add(uint256) [5]", "--from", "alice", "--via", "evm"] + late)
    let five = "0x" + String(repeating: "0", count: 63) + "5"
    #expect(called.code == 0 && called.json["results"]?[0]?.string == five, "\(called)")
    // The contract reverts: what went along comes back.
    let refused = try Self.json(
      ["send", "call", "Counter", "add(uint256) [13]", "--from", "alice", "--via", "evm", "--funds", "7"]
        + late)
    #expect(refused.code == 1 && refused.json["ending"] == "refundedAfterError", "\(refused)")

    let home = try Self.json(
      ["send", "transfer", "10", "--from", "bob", "--to", "carol", "--on", "reef"] + late)
    #expect(home.code == 0 && home.json["ending"] == "success", "\(home)")
    #expect(home.json["origin"] == "reef" && home.json["destination"] == "harbor", "\(home)")
    let answered = try Self.json(
      ["send", "call", "counter", #"{"add":{"by":3}}"#, "--from", "bob", "--on", "reef"] + late)
    #expect(answered.code == 0 && answered.json["results"]?[0] == #"{"count":"3"}"#, "\(answered)")

    let balances = try Self.json(["balance", "bob"] + place)
    let onReef = balances.json["balances"]?.array?.first { $0["domain"] == "reef" }
    let voucher = onReef?["coins"]?.array?.first { $0["path"] == "transfer/harbor-0/uharbor" }
    #expect(voucher?["amount"] == "15", "\(balances)")
    let id = try #require(home.json["id"]?.string)
    let trace = try Self.json(["trace", String(id.prefix(14))] + place)
    #expect(trace.json["id"]?.string == id && trace.json["status"] == "success", "\(trace)")
    let lanes = try Self.json(["lanes"] + place)
    #expect(lanes.json["lanes"]?.array?.count { $0["lane"] == "evm" } == 2, "\(lanes)")

    for (arguments, word) in [
      (["send", "transfer", "5", "--from", "alice", "--to", "0x12", "--via", "evm"], "0x and 40 digits"),
      (
        ["send", "transfer", "5", "--from", "alice", "--to", "bob", "--via", "evm", "--on", "island"],
        "--via attested or light"
      ),
      (
        ["send", "transfer", "5", "--from", "bob", "--to", "alice", "--on", "reef", "--via", "light"],
        "--via evm"
      ),
      (
        ["send", "transfer", "5uisland", "--from", "bob", "--to", "alice", "--on", "reef"], "no token of reef"
      ),
      (["send", "call", "Clock", "tick()", "--from", "alice", "--via", "evm"], "neither a contract"),
      (["send", "call", "Counter", "add 5", "--from", "alice", "--via", "evm"], "no function"),
      (["send", "call", "Counter", "add(uint256)", "--from", "alice", "--via", "evm"], "takes 1 argument"),
      (["send", "call", "Counter", "add(uint256) [-5]", "--from", "alice", "--via", "evm"], "is no uint256"),
      (
        ["send", "call", "Counter", "add(uint8) [256]", "--from", "alice", "--via", "evm"],
        "cannot be encoded"
      ),
      (
        ["send", "call", "Counter", "add(address) [\"0x12\"]", "--from", "alice", "--via", "evm"],
        "is no address"
      ),
      (["send", "call", "Counter", "0x123", "--from", "alice", "--via", "evm"], "no hex"),
      (
        ["send", "call", "counter", "{}", "--from", "bob", "--on", "reef", "--funds", "5"],
        "takes no funds along"
      ),
    ] {
      let run = try Program.run(arguments + ["--directory", directory])
      #expect(run.code == 2 && run.complaint.contains(word), "\(arguments): \(run.code) \(run.complaint)")
    }
    let poor = try Program.run(
      ["send", "transfer", "99", "--from", "bob", "--to", "alice", "--on", "reef", "--directory", directory])
    #expect(poor.code == 1 && poor.complaint.contains("bob has 15 of that on reef"), "\(poor.code) \(poor.complaint)")
    let audit = try Self.json(["audit", "--settle", "120s"] + place)
    #expect(audit.code == 0 && audit.json["sent"]?.integer(Int.self) == 5, "\(audit)")
    let escrow = audit.json["escrows"]?.array?.first { $0["lane"] == "evm" }
    #expect(escrow?["escrowed"] == "15" && escrow?["vouchers"] == "15", "\(audit)")
    running.kill(SIGINT)
    #expect(running.process.terminationStatus == 0)
  }
}
