import ArgumentParser
import Foundation
import Ledger
import LedgerService
import LightClients
import Persistence
import StateTree

/// Measures what one embedded domain spends on crossings over an attested lane, by stage.
///
/// Of each crossing a domain sees one side: as the origin a packet that a user sends and its acknowledgement,
/// as the destination its arrival. Here one domain does all three, so that each can be told apart. Times are
/// CPU time of the process, in microseconds a packet; making and signing transactions is not counted.
@main
struct DomainLoad: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "DomainLoad", abstract: "Measure an embedded domain under packets, by stage.")

  enum Store: String, CaseIterable, ExpressibleByArgument { case memory, sqlite, domain }

  @Option(help: "Packets of each kind.")
  var crossings = 5_000
  @Option(help: "Packets in a block.")
  var block = 500
  @Option(help: "Packets in a transaction of the relayer.")
  var batch = 100
  @Option(
    help: "memory: a chain in memory; sqlite: a chain over SQLite; domain: the whole service in a directory.")
  var store: [Store] = Store.allCases

  func run() async throws {
    for store in store {
      var load = try Load(crossings: crossings, block: block, batch: batch)
      switch store {
      case .memory: try load.run(over: MemoryStateStore())
      case .sqlite:
        let folder = try TemporaryFolder()
        let file = try DatabaseFile(
          path: folder.path + "/state.sqlite", migrations: SQLiteStateStore.migrations)
        try load.run(over: try SQLiteStateStore(database: file))
      case .domain:
        let folder = try TemporaryFolder()
        try await load.run(in: folder.path)
        print("  bytes on disk a crossing: \(try folder.size() / (2 * crossings))")
      }
    }
  }
}

/// A folder of its own, gone with the value.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  func size() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: path).reduce(0) { sum, name in
      sum + ((try FileManager.default.attributesOfItem(atPath: path + "/" + name)[.size] as? Int) ?? 0)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
