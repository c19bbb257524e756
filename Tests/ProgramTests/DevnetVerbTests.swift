import Encodings
import Foundation
import TestSupport
import Testing

@Suite("The verbs of a devnet")
struct DevnetVerbTests {
  @Test(
    "say what to do when no devnet runs",
    arguments: [
      ["send", "transfer", "5", "--from", "alice", "--to", "bob"],
      ["send", "call", "counter", #"{"get":{}}"#, "--from", "alice"], ["trace", "0x1234567890"], ["lanes"],
      ["send", "transfer", "5", "--from", "bob", "--to", "alice", "--on", "reef"],
      ["send", "call", "Counter", "add(uint256) [5]", "--from", "alice", "--via", "evm"],
      ["lanes", "pause", "attested"], ["balance"], ["status"], ["audit"], ["demo"],
    ])
  func absent(arguments: [String]) throws {
    let run = try Program.run(arguments + ["--directory", "/tmp/no-such-devnet"])
    #expect(run.code == 2, "\(arguments): \(run.output) \(run.complaint)")
    #expect(
      run.complaint
        == "causeway: no devnet runs in /tmp/no-such-devnet: "
        + "start one with `causeway up --directory /tmp/no-such-devnet`\n")
    #expect(run.output.isEmpty)
  }

  @Test(
    "refuse wrong usage with 2, and say what is wrong",
    arguments: [
      (["send"], "USAGE"), (["send", "transfer"], "amount"), (["send", "transfer", "5"], "--from"),
      (["send", "transfer", "5", "--from", "alice", "--to", "bob", "--via", "moon"], "moon"),
      (["send", "transfer", "5", "--from", "alice", "--to", "bob", "--timeout", "0s"], "timeout"),
      (["send", "transfer", "5", "--from", "alice", "--to", "bob", "--timeout", "25h"], "timeout"),
      (["send", "transfer", "5", "--from", "alice", "--to", "bob", "--timeout", "soon"], "soon"),
      (["send", "call", "counter", "get", "--from", "alice"], "JSON"),
      (["send", "call", "counter", "add(uint256) [5]", "--from", "alice", "--on", "reef"], "JSON"),
      (["send", "call", "counter", "{}", "--from", "alice", "--gas", "0"], "Gas"),
      (["up", "--block-time", "1ms"], "block time"), (["up", "--harbor-port", "70000"], "70000"),
      (["up", "--harbor-port", "5", "--island-port", "5"], "port 5"), (["lanes", "pause", "moon"], "moon"),
      (["lanes", "close", "attested"], "close"), (["load", "--rate", "0"], "rate"), (["trace"], "crossing"),
    ])
  func usage(arguments: [String], word: String) throws {
    let run = try Program.run(arguments)
    #expect(run.code == 2, "\(arguments): \(run.output) \(run.complaint)")
    #expect(run.complaint.contains(word), "\(arguments): \(run.complaint)")
  }

  @Test(
    "teach by an example in their help",
    arguments: ["up", "send", "trace", "lanes", "balance", "status", "demo", "load", "audit", "contract"])
  func help(verb: String) throws {
    let run = try Program.run([verb, "--help"])
    #expect(run.code == 0)
    #expect(run.output.contains("  causeway \(verb)"))
  }
}

/// A devnet in a process of its own, as a person runs it.
@Suite("causeway up", .timeLimit(.minutes(10)))
struct UpTests {
  final class Running {
    let process = Process()
    let output: URL

    init(_ directory: String, _ options: [String] = []) throws {
      output = URL(fileURLWithPath: directory + ".txt")
      if !FileManager.default.fileExists(atPath: output.path) { try Data().write(to: output) }
      process.executableURL = URL(fileURLWithPath: Program.path)
      process.arguments = ["up", "--directory", directory, "--json", "--block-time", "50ms"] + options
      let file = try FileHandle(forWritingTo: output)
      try file.seekToEnd()
      process.standardOutput = file
      process.standardError = file
      try process.run()
    }

    var lines: [JSONValue] {
      let text = (try? String(contentsOf: output, encoding: .utf8)) ?? ""
      return text.split(separator: "\n").compactMap { try? JSONValue(decoding: [UInt8]($0.utf8)) }
    }

    func count(_ event: String) -> Int { lines.count { $0["event"]?.string == event } }

    /// Waits for the process's own word, not for a time; nil when it has ended.
    func wait(for event: String, times: Int) throws {
      while count(event) < times {
        guard process.isRunning else { throw Ended(output: lines.map { $0.text() }.joined(separator: "\n")) }
        usleep(20_000)
      }
    }
    struct Ended: Error { let output: String }

    func kill(_ number: Int32) {
      Foundation.kill(process.processIdentifier, number)
      process.waitUntilExit()
    }
  }

  private static func json(_ arguments: [String]) throws -> (code: Int32, json: JSONValue) {
    let run = try Program.run(arguments)
    return (run.code, try JSONValue(decoding: [UInt8](run.output.utf8)))
  }

  @Test("crossings, refunds and timelines survive kill -9 and Ctrl-C")
  func survives() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())").path
    defer {
      for path in [directory, directory + ".txt"] { try? FileManager.default.removeItem(atPath: path) }
    }
    let first = try Running(directory)
    try first.wait(for: "ready", times: 1)
    let place = ["--directory", directory, "--json"]
    let sent = try Self.json(["send", "transfer", "25", "--from", "alice", "--to", "bob"] + place)
    #expect(sent.code == 0)
    #expect(sent.json["ending"] == "success")
    let call = try Self.json(
      ["send", "call", "counter", #"{"add":{"by":5}}"#, "--from", "bob", "--on", "island", "--via", "light"]
        + place)
    #expect(call.code == 0)
    #expect(call.json["results"]?[0] == #"{"count":"5"}"#)
    first.kill(SIGKILL)

    let second = try Running(directory)
    try second.wait(for: "ready", times: 2)
    let id = try #require(sent.json["id"]?.string)
    let trace = try Self.json(["trace", String(id.prefix(12))] + place)
    #expect(trace.json["id"]?.string == id)
    let stages = trace.json["timeline"]?.array?.compactMap { $0["stage"]?.string }
    #expect(
      stages == ["sent", "committed", "finalised", "proven", "executed", "acknowledged", "settled"])
    let refunded = try Self.json(
      ["send", "call", "counter", #"{"fail":{}}"#, "--from", "alice", "--funds", "7"] + place)
    #expect(refunded.code == 1)
    #expect(refunded.json["ending"] == "refundedAfterError")
    let home = try Self.json(
      ["send", "transfer", "25uharbor", "--on", "island", "--from", "bob", "--to", "alice"] + place)
    #expect(home.json["ending"] == "success")
    for (arguments, word) in [
      (["send", "transfer", "5", "--from", "nobody", "--to", "bob"], "no key for 'nobody'"),
      (["send", "transfer", "5", "--from", "alice", "--to", "nobody"], "neither a user"),
      (["send", "transfer", "x", "--from", "alice", "--to", "bob"], "no amount"),
      (["send", "transfer", "5", "--from", "alice", "--to", "bob", "--on", "moon"], "no domain 'moon'"),
      (["send", "call", "clock", "{}", "--from", "alice"], "neither a program"),
      (["trace", "client-0/99"], "no crossing"), (["trace", "0x12"], "names no crossing"),
    ] {
      let run = try Program.run(arguments + ["--directory", directory])
      #expect(run.code == 2 && run.complaint.contains(word), "\(arguments): \(run.complaint)")
    }
    let poor = try Program.run(
      ["send", "transfer", "99999999999999", "--from", "alice", "--to", "bob", "--directory", directory])
    #expect(poor.code == 1)
    #expect(poor.complaint.contains("harbor refused"))
    let twin = try Program.run(["up", "--directory", directory])
    #expect(twin.code == 1)
    #expect(twin.complaint.contains("runs in this directory already"))
    let audit = try Self.json(["audit", "--settle", "30s"] + place)
    #expect(audit.code == 0)
    #expect(audit.json["sent"]?.integer(Int.self) == 4)
    #expect(try Program.run(["status", "--directory", directory]).code == 0)
    second.kill(SIGINT)
    #expect(second.process.terminationStatus == 0)
    #expect(second.count("stopped") == 1)
  }
}
