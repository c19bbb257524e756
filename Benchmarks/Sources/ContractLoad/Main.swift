import ArgumentParser
import ContractHost
import Foundation
import Persistence
import StateTree

/// Measures contracts: calls and imports beside wasmtime alone, then blocks of executions with their state commit.
@main
struct ContractLoad: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ContractLoad", abstract: "Measure contracts in wasmtime, alone and on a ledger.")

  enum Part: String, CaseIterable, ExpressibleByArgument { case calls, imports, memory, sqlite, domain }

  @Option(help: "The counter, built by script/contracts.")
  var counter = "contracts/wasm/.build/counter.wasm"
  @Option(
    help: """
      calls: the counter through the engine; imports: one import each; memory: a chain in memory; sqlite: a chain over \
      SQLite; domain: the whole service in a directory.
      """)
  var part: [Part] = Part.allCases
  @Option(help: "Executions on each ledger.")
  var executions = 20_000
  @Option(help: "Executions in a block.")
  var block = 500
  @Option(help: "Executions in a transaction.")
  var messages = 1
  @Option(help: "Samples of each call and import, of two milliseconds each.")
  var samples = 200
  @Flag(help: "Print JSON instead of tables.")
  var json = false

  struct Report: Codable {
    var calls: [Row] = []
    var imports: [Row] = []
    var blocks: [BlockCost] = []
  }

  func run() async throws {
    guard let wasm = FileManager.default.contents(atPath: counter).map({ [UInt8]($0) }) else {
      throw ValidationError("there is no \(counter): run script/contracts")
    }
    guard block >= messages, messages > 0, executions >= block, samples > 0 else {
      throw ValidationError(
        "a block needs at least the messages of one transaction, and a run at least one block")
    }
    let library: WasmtimeLibrary
    do { library = try WasmtimeLibrary.find() } catch { throw LoadError.noLibrary(error.text) }
    let engine = try ContractEngine(library: library)
    let costs = try CallCosts(library: library, engine: engine, samples: samples)
    var report = Report()
    for part in Part.allCases where self.part.contains(part) {
      switch part {
      case .calls:
        report.calls = try costs.counter(wasm)
        if !json { Table.print(report.calls, "call", "µs", 1_000) }
      case .imports:
        report.imports = try costs.imports()
        if !json { Table.print(report.imports, "one call of an import", "ns", 1) }
      case .memory, .sqlite, .domain:
        let cost = try await blocks(part, wasm, engine)
        if !json { Table.print(cost, isFirst: report.blocks.isEmpty) }
        report.blocks.append(cost)
      }
    }
    guard json else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    print(String(decoding: try encoder.encode(report), as: UTF8.self))
  }

  private func blocks(_ part: Part, _ wasm: [UInt8], _ engine: ContractEngine) async throws -> BlockCost {
    let world = try LedgerWorld(users: 50, engine: engine)
    var load = LedgerLoad(executions: executions, block: block, messages: messages, world: world)
    guard part != .memory else {
      return try await load.run(over: MemoryStateStore(), "in memory", counter: wasm)
    }
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    guard part == .sqlite else { return try await load.run(in: path, counter: wasm) }
    let file = try DatabaseFile(path: path + "/state.sqlite", migrations: SQLiteStateStore.migrations)
    return try await load.run(over: try SQLiteStateStore(database: file), "SQLite", counter: wasm)
  }
}

/// Tables as the README has them.
enum Table {
  static func print(_ rows: [Row], _ title: String, _ unit: String, _ divisor: Double) {
    Swift.print("\n| \(title) | p50, \(unit) | p99 | allocations | bare C host, p50 | ratio | gas |")
    Swift.print("|---|--:|--:|--:|--:|--:|--:|")
    for row in rows {
      func time(_ value: Double?) -> String {
        value.map { String(format: divisor > 1 ? "%.1f" : "%.0f", $0 / divisor) } ?? "–"
      }
      let ratio =
        row.ours.flatMap { ours in row.floor.map { String(format: "%.2f", ours.p50 / $0.p50) } } ?? "–"
      let allocations = row.ours.map { String(format: "%.0f", $0.allocations) } ?? "–"
      let gas = row.gas.map { String(format: "%.0f", $0) } ?? "–"
      Swift.print(
        "| \(row.name) | \(time(row.ours?.p50)) | \(time(row.ours?.p99)) | \(allocations) | \(time(row.floor?.p50)) "
          + "| \(ratio) | \(gas) |")
    }
  }

  static func print(_ cost: BlockCost, isFirst: Bool) {
    func whole(_ value: Double) -> String { String(format: "%.0f", value) }
    if isFirst {
      Swift.print(
        "\n| executions on a ledger | a second, block | of CPU | a second, with admission | of CPU | a block, p50 | p99 "
          + "| allocations | gas | CPU of one, µs |")
      Swift.print("|---|--:|--:|--:|--:|--:|--:|--:|--:|---|")
    }
    let order = ["admit", "propose", "execute", "commit", "block"]
    let stages = order.compactMap { name in cost.stages[name].map { "\(name) \(String(format: "%.0f", $0))" }
    }
    Swift.print(
      "| \(cost.store), \(cost.executions) | \(whole(cost.perSecondCommitted)) | \(whole(cost.perCPUSecondCommitted)) "
        + "| \(whole(cost.perSecond)) | \(whole(cost.perCPUSecond)) | \(String(format: "%.0f ms", cost.blockP50)) "
        + "| \(String(format: "%.0f ms", cost.blockP99)) | \(whole(cost.allocations)) | \(whole(cost.gas)) "
        + "| \(stages.joined(separator: ", ")) |")
  }
}
