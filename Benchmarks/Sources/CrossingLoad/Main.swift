import ArgumentParser
import Devnet
import Encodings
import Foundation
import LedgerService
import RelayEngine

/// Measures crossings from end to end: two domains, four attesters and a relayer in this process, over the attested lane.
///
/// Users send one packet a transaction, in both directions, with a bounded number of crossings on their way. A crossing
/// counts once the origin's header proves that it has ended. A run whose crossings did not each end once, or that made or
/// lost value, has no figures.
@main
struct CrossingLoad: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "script/bench crossings",
    abstract: "Measure crossings a second, sent to settled, over a devnet's attested lane.")

  @Option(help: "Crossings of each kind that are measured.")
  var crossings = 10_000
  @Flag(help: "Measure calls of the counter program after the transfers.")
  var calls = false
  @Option(help: "Crossings before the first measured one.")
  var warmUp = 1_000
  @Option(help: "Crossings on their way at most.")
  var inFlight = 2_000
  @Option(help: "Milliseconds between two blocks of a domain.")
  var blockTime: Int?
  @Option(help: "Messages of a relayer's transaction.")
  var batch: Int?
  @Option(help: "Transactions of the relayer that wait for a block of one domain.")
  var flights: Int?
  @Option(help: "The causeway-signer that holds the keys; without it they are in this process.")
  var signer: String?
  @Flag(help: "Print the figures as JSON.")
  var json = false

  func validate() throws {
    guard crossings > 0, warmUp >= 0, (1...20_000).contains(inFlight), (blockTime ?? 1) > 0, (batch ?? 1) > 0,
      (flights ?? 2) > 1
    else {
      throw ValidationError(
        "Numbers are at least 1, flights at least 2, and 20000 crossings on their way at most.")
    }
  }

  func run() async throws {
    let folder = try TemporaryFolder()
    var options = DevnetOptions()
    options.servesRPC = false
    if let blockTime { options.blockTime = .milliseconds(blockTime) }
    if let batch { options.relay.batchMessagesMax = batch }
    if let flights {
      options.relay.flightsPerDomainMax = flights
      options.relay.liveBatchesPerEndMax = flights
    }
    let devnet = try await Devnet(directory: folder.path, options: options) {
      [signer] directory async throws(DevnetError) in
      guard let signer else { return try InProcessSigners(directory) }
      return try await SignerProcesses(directory, executable: signer)
    }
    try await devnet.start()
    do {
      let report = try await measure(devnet, options)
      await devnet.stop()
      print(json ? report.json.text(pretty: true) : report.text)
    } catch {
      Log.line(await devnet.status().text(pretty: true))
      await devnet.stop()
      throw error
    }
  }

  private func measure(_ devnet: Devnet, _ options: DevnetOptions) async throws -> Report {
    let traffic = try await Traffic(devnet, inFlight: inFlight)
    let watch = Task { try await traffic.follow() }
    defer { watch.cancel() }
    if warmUp > 0 {
      Log.line("warming up: \(warmUp) transfers")
      _ = try await traffic.run(.transfer, warmUp)
    }
    traffic.beginMemory()
    var report = Report(options: options, inFlight: inFlight, warmUp: warmUp)
    for kind in calls ? [Traffic.Kind.transfer, .call] : [.transfer] {
      Log.line("measuring \(crossings) \(kind.rawValue)s")
      let run = try await traffic.run(kind, crossings)
      let stages = try StageTimes(run, in: devnet)
      report.parts.append(Report.Part(kind: kind, run: run, stages: stages))
    }
    report.memory = traffic.memory
    Log.line("auditing")
    report.audit = try await Audit(
      devnet, crossings: warmUp + crossings * report.parts.count)
    report.diskBytes = folderSize(devnet.directory.path)
    return report
  }

  private func folderSize(_ path: String) -> Int {
    let files = FileManager.default.enumerator(atPath: path)
    var sum = 0
    while let name = files?.nextObject() as? String {
      let attributes = try? FileManager.default.attributesOfItem(atPath: path + "/" + name)
      if attributes?[.type] as? FileAttributeType == .typeRegular {
        sum += (attributes?[.size] as? Int) ?? 0
      }
    }
    return sum
  }
}

/// Why a run has no figures.
enum LoadError: Error, CustomStringConvertible {
  case notReady
  /// A transaction of a user was refused in its block.
  case refused(log: String)
  /// Nothing has settled for a minute.
  case stuck(settled: Int, of: Int)
  /// A crossing ended in another way than by success.
  case timedOut(count: Int)
  /// The audit does not hold.
  case audit(String)

  var description: String {
    switch self {
    case .notReady: "the devnet is not ready"
    case .refused(let log): "a user's transaction was refused: \(log)"
    case .stuck(let settled, let count): "\(settled) of \(count) settled, and no more for a minute"
    case .timedOut(let count): "\(count) crossings timed out"
    case .audit(let text): "the audit does not hold: \(text)"
    }
  }
}

/// Progress, beside the figures.
enum Log {
  static func line(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}

/// A folder of its own, gone with the value.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// What this process has used.
enum Process {
  static func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static func residentBytes() -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(getpagesize())
  }
}
