import Foundation
import Ledger
import LedgerService
import LightClients
import StateTree
import TestSupport
import Testing
import WireBytes

@Suite("A domain that is killed", .serialized)
struct CrashTests {
  /// Kills of the default run; `CAUSEWAY_KILLS` asks for more.
  private static let kills = ProcessInfo.processInfo.environment["CAUSEWAY_KILLS"].flatMap { Int($0) } ?? 20

  /// The program that makes blocks, beside this test's own.
  private static var child: URL? {
    let folders = [
      URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent(),
      Corpora.packageRoot.appendingPathComponent(".build/release"),
    ]
    return folders.map { $0.appendingPathComponent("LedgerCrashChild") }.first {
      FileManager.default.isExecutableFile(atPath: $0.path)
    }
  }

  @Test("at any moment leaves the last whole block, and never two at a height")
  func killed() async throws {
    let child = try #require(Self.child, "LedgerCrashChild is not built")
    let seed = ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) } ?? 1
    var random = SplitMix(state: seed)
    let world = try ServiceWorld(validators: 3)
    var reported: [Int64: Set<String>] = [:]
    for round in 0..<Self.kills {
      let lines = try Self.run(child, world, waiting: Int(random.next() % 4), spin: random.next() % 30_000)
      for (height, hash) in lines { reported[height, default: []].insert(hash) }
      let domain = try world.open()
      let tip = await domain.tip
      let newest = try domain.blocks.newestHeight() ?? 0
      #expect(tip.height == newest, "seed \(seed), kill \(round)")
      // What was reported as committed stays, and is the one block of its height.
      for (height, hashes) in reported {
        let stored = try #require(try domain.blocks.block(at: height), "seed \(seed), kill \(round)")
        #expect(hashes == [Hex.encode(stored.block.blockID.hash?.array ?? [])], "seed \(seed), kill \(round)")
      }
      #expect(try await domain.queries.account(world.account.address)?.sequence ?? 0 == Self.counted(domain))
    }
    let domain = try world.open()
    let tip = await domain.tip
    #expect(tip.height > 0)
    #expect(try world.replayed(domain.blocks).tip == tip)
    try await domain.produceBlock(now: EmbeddedDomain.wallClock())
  }

  /// Transactions in all blocks; each took one sequence of the one account.
  private static func counted(_ domain: EmbeddedDomain) throws -> UInt64 {
    try UInt64(domain.blocks.transactions(matching: try EventQuery("tm.event = 'Tx'"), limit: 0).total)
  }

  /// Runs the child until it has reported `count` blocks, and a little longer, and kills it.
  private static func run(
    _ child: URL, _ world: ServiceWorld, waiting count: Int, spin: UInt64
  ) throws -> [(Int64, String)] {
    let process = Process()
    process.executableURL = child
    process.arguments = [world.folder.path, "5"]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    var text = Data()
    while text.count(where: { $0 == 0x0a }) < count {
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { break }
      text.append(more)
    }
    // No waiting for anything: the moment of the kill is what is tried.
    let end = ContinuousClock.now + .microseconds(Int64(spin))
    while ContinuousClock.now < end {}
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    text.append(try output.fileHandleForReading.readToEnd() ?? Data())
    #expect(process.terminationReason == .uncaughtSignal)
    // A line that was cut is not counted.
    return String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .dropLast()
      .compactMap { line in
        let words = line.split(separator: " ")
        guard words.count == 2, let height = Int64(words[0]) else { return nil }
        return (height, String(words[1]))
      }
  }
}

/// Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014).
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
