import Encodings
import Foundation
import Ledger
import LightClients
import Messages
import PacketHost
import TestSupport
import Testing
import WireBytes

/// Swift seeds its dictionaries anew in every process: an order that depends on it would show here.
@Suite("The same blocks in other processes")
struct DeterminismTests {
  private static var child: URL? {
    let folders = [
      URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent(),
      Corpora.packageRoot.appendingPathComponent(".build/release"),
    ]
    return folders.map { $0.appendingPathComponent("LedgerCrashChild") }.first {
      FileManager.default.isExecutableFile(atPath: $0.path)
    }
  }

  /// Packets that arrive, fail and time out, and accounts whose balances change in one block.
  private static func lane(_ form: TestLane.Form) throws -> TestLane {
    var lane = try TestLane(form)
    let good = try lane.send(try lane.transfer(400, to: lane.friend.address.text))
    let bad = try lane.send(try lane.transfer(7, to: "nobody"))
    let late = try lane.send(try lane.transfer(9, to: lane.friend.address.text), seconds: 20)
    for packet in [good, bad] { _ = try lane.settle(packet, try lane.deliver(packet).answer) }
    for _ in 0..<20 { try lane.step() }
    #expect(try lane.timeOut(late).succeeded)
    let sends = (0..<40).map { index in
      LedgerMessage.send(
        from: lane.user.address, to: AccountAddress(module: "sink-\(index)"), coins: [lane.harbor.coin(1)])
    }
    #expect(try lane.run(sends, by: lane.user, on: .harbor).succeeded)
    return lane
  }

  private static func run(_ child: URL, _ file: URL) throws -> (seed: String, lines: [String]) {
    let process = Process()
    process.executableURL = child
    process.arguments = ["--replay", file.path]
    var environment = ProcessInfo.processInfo.environment
    environment["SWIFT_DETERMINISTIC_HASHING"] = nil
    process.environment = environment
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    var lines = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    return (lines.isEmpty ? "" : lines.removeFirst(), lines)
  }

  @Test("give the same state and the same results", arguments: TestLane.Form.allCases)
  func same(form: TestLane.Form) throws {
    let child = try #require(Self.child, "LedgerCrashChild is not built")
    let lane = try Self.lane(form)
    for side in [TestLane.Side.harbor, .island] {
      let history = try lane.history[side].unwrapped()
      let json = JSONValue.object([
        "genesis": lane[side].chain.genesis.json,
        "blocks": .array(
          history.map {
            .object([
              "block": .string(Hex.encode($0.block.encoded)),
              "commit": .string(Hex.encode($0.commit.encoded())),
            ])
          }),
      ])
      let file = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID()).json")
      defer { try? FileManager.default.removeItem(at: file) }
      try Data(json.text().utf8).write(to: file)
      let expected = history.map {
        "\($0.tip.height) \(Hex.encode($0.tip.appHash.array)) \(Hex.encode($0.tip.resultsHash.array))"
      }
      let (one, two) = (try Self.run(child, file), try Self.run(child, file))
      #expect(one.lines == expected)
      #expect(two.lines == expected)
      #expect(one.seed != two.seed, "both processes hash alike: the test shows nothing")
    }
  }
}
