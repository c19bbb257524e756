import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

@Suite(
  "causeway contract", .timeLimit(.minutes(10)),
  .enabled(if: ContractBinaries.areBuilt, Comment(rawValue: ContractBinaries.absence)),
  .enabled(if: Wasmtime.isThere, "wasmtime is absent: run script/setup"))
struct ContractVerbTests {
  private static let counter =
    Corpora.packageRoot.appendingPathComponent("contracts/wasm/.build/counter.wasm").path

  private static func json(_ arguments: [String]) throws -> JSONValue {
    let run = try Program.run(arguments)
    try #require(run.code == 0, "\(arguments): \(run.complaint)")
    return try JSONValue(decoding: [UInt8](run.output.utf8))
  }

  @Test("tells what a file needs and offers, and refuses one that would be refused")
  func inspect() throws {
    let analysis = try Self.json(["contract", "inspect", Self.counter, "--json"])
    #expect(analysis["entry_points"]?.array?.contains("execute") == true)
    #expect(analysis["imports"]?.array?.contains("db_write") == true)
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID()).wasm")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data("no code".utf8).write(to: file)
    let run = try Program.run(["contract", "inspect", file.path])
    #expect(run.code == 1)
    #expect(run.complaint.contains("would be refused"))
  }

  @Test("stores, makes, calls, asks and migrates a contract, which survives kill -9")
  func life() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())").path
    defer {
      for path in [directory, directory + ".txt"] { try? FileManager.default.removeItem(atPath: path) }
    }
    let first = try UpTests.Running(directory)
    try first.wait(for: "ready", times: 1)
    let place = ["--directory", directory]
    let stored = try Self.json(["contract", "store", Self.counter, "--from", "alice", "--json"] + place)
    #expect(stored["code"] == "1")
    let made = try Self.json(
      ["contract", "instantiate", "1", #"{"count":1}"#, "--label", "clicks", "--from", "alice", "--admin", "alice", "--json"]
        + place)
    let address = try #require(made["contract"]?.string)
    // wasmd's rule: code 1, instance 1 (see the addresses of the cosmwasm-scripts corpus), in this domain's bech32.
    #expect(address == "cause14hj2tavq8fpesdwxxcu44rty3hh90vhujrvcmstl4zr3txmfvw9s5qv0zk")
    let increment = ["contract", "execute", "clicks", #"{"increment":{"by":5}}"#, "--from", "bob"]
    let called = try Self.json(increment + ["--json"] + place)
    #expect(called["result"]?.string == "0x" + Self.hex(#"{"count":6}"#))
    first.kill(SIGKILL)

    let second = try UpTests.Running(directory)
    try second.wait(for: "ready", times: 2)
    let ask = ["contract", "query", "clicks", #"{"count":{}}"#] + place
    #expect(try Program.run(ask).output == "{\"count\":6}\n")
    let crossing = try Self.json(
      ["send", "call", address, #"{"increment":{"by":7}}"#, "--on", "island", "--from", "alice", "--json"] + place)
    #expect(crossing["results"]?[0] == #"{"count":13}"#)
    #expect(try Program.run(ask).output == "{\"count\":13}\n")
    for (arguments, code, words) in [
      (["contract", "execute", "clicks", #"{"reset":{"count":0}}"#, "--from", "bob"], 1, "Unauthorized"),
      (increment + ["--gas", "80000"], 1, "ran out of its 80000 gas"),
      (["contract", "query", "clicks", #"{"nothing":{}}"#], 1, "unknown message nothing"),
      (["contract", "query", "nobody", #"{"count":{}}"#], 2, "no contract 'nobody'"),
      (["contract", "migrate", "clicks", "1", "{}", "--from", "bob"], 1, "unauthorized"),
      (["contract", "execute", "clicks", "add", "--from", "bob"], 2, "no JSON"),
      (increment + ["--funds", "many"], 2, "no amount"),
    ] {
      let run = try Program.run(arguments + place)
      #expect(run.code == code && run.complaint.contains(words), "\(arguments): \(run.code) \(run.complaint)")
    }
    #expect(try Program.run(ask).output == "{\"count\":13}\n")
    #expect(try Program.run(["contract", "migrate", "clicks", "1", "{}", "--from", "alice"] + place).code == 0)
    let list = try Self.json(["contract", "list", "--json"] + place)
    #expect(list["codes"]?.array?.count == 1)
    #expect(list["codes"]?[0]?["contracts"]?[0]?["label"] == "clicks")
    second.kill(SIGINT)
    #expect(second.process.terminationStatus == 0)

    let without = try Program.run(["up", "--directory", directory, "--no-contracts"])
    #expect(without.code == 1)
    #expect(without.complaint.contains("has contracts"))
  }

  private static func hex(_ text: String) -> String { Hex.encode([UInt8](text.utf8), prefix: "") }
}

/// Whether `causeway up` can run contracts here.
private enum Wasmtime {
  /// What script/setup leaves where it has put the library, or a library somewhere else.
  static let isThere =
    FileManager.default.fileExists(atPath: Corpora.packageRoot.appendingPathComponent(".venv/.wasmtime").path)
    || ProcessInfo.processInfo.environment["CAUSEWAY_WASMTIME"] != nil
}
