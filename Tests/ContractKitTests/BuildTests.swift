import ContractHost
import Foundation
import TestSupport
import Testing

@Suite("Kit: building", .enabled(if: Bench.isReady, Bench.absence))
struct BuildTests {
  @Test("every contract is code that a chain takes, and small", arguments: ContractBinaries.names)
  func analysis(name: String) throws {
    let wasm = try #require(ContractBinaries.wasm(name))
    #expect(wasm.count <= 96 << 10)
    let analysis = try CodeAnalysis(checking: wasm)
    // A program of an enclave answers a query and keeps nothing.
    #expect(
      name == "auction"
        ? analysis.entryPoints == [.query] : analysis.entryPoints.isSuperset(of: [.instantiate, .execute, .query]))
    // No crypto, no floats from outside: nothing but storage, addresses, queries and words.
    let imports: Set<String> = [
      "db_read", "db_write", "db_remove", "db_scan", "db_next", "addr_validate", "addr_canonicalize",
      "query_chain",
      "debug", "abort",
    ]
    #expect(Set(analysis.imports.map(\.name)).isSubset(of: imports))
    #expect(analysis.requiredCapabilities.isEmpty)
  }

  @Test("exports callbacks where packets are sent, and only there")
  func callbacks() throws {
    for name in ContractBinaries.names {
      let analysis = try CodeAnalysis(checking: try #require(ContractBinaries.wasm(name)))
      let sends = ["breaker", "counter", "misbehaving", "parameters", "splitter", "swap"].contains(name)
      #expect(analysis.entryPoints.contains(.ibcSourceCallback) == sends, "\(name)")
      #expect(analysis.entryPoints.contains(.ibcDestinationCallback) == (name == "misbehaving"), "\(name)")
    }
  }

  @Test("two builds in two places give the same bytes", .tags(.slow))
  func reproducible() throws {
    let process = Process()
    process.executableURL = Corpora.packageRoot.appendingPathComponent("script/contracts")
    process.arguments = ["--check", "counter"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text)")
    #expect(text.contains("two builds in two places gave the same bytes"))
  }
}

extension Tag {
  @Tag static var slow: Self
}
