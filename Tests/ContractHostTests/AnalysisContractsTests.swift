import ContractHost
import Digests
import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

/// Contracts that others compiled, read from the folder that `CAUSEWAY_CONTRACTS` names; they are not in the project.
enum OutsideContracts {
  static var directory: String? { ProcessInfo.processInfo.environment["CAUSEWAY_CONTRACTS"] }

  static func binaries() throws -> [(name: String, bytes: [UInt8])] {
    guard let directory else { return [] }
    let files = try FileManager.default.contentsOfDirectory(
      at: URL(fileURLWithPath: directory), includingPropertiesForKeys: nil)
    return try files.filter { $0.pathExtension == "wasm" }.sorted { $0.path < $1.path }
      .map { ($0.lastPathComponent, [UInt8](try Data(contentsOf: $0))) }
  }
}

@Suite(
  "Analysis of contracts from outside",
  .enabled(if: OutsideContracts.directory != nil, "CAUSEWAY_CONTRACTS names no folder of *.wasm"))
struct AnalysisContractsTests {
  /// Files that are not meant to be accepted: interface versions before 8, and a broken one.
  private static func isRefused(_ name: String) -> Bool {
    name.contains("_0.") || name.contains("corrupted")
  }

  @Test("accepts each published contract of interface version 8, and refuses the older ones")
  func published() throws {
    for (name, bytes) in try OutsideContracts.binaries() {
      do throws(AnalysisRefusal) {
        let analysis = try CodeAnalysis(checking: bytes)
        #expect(!Self.isRefused(name), "\(name)")
        #expect(analysis.exportsMemory, "\(name)")
      } catch { #expect(Self.isRefused(name), "\(name): \(error.text)") }
    }
  }

  @Test(
    "finds the exports and imports that recorded scripts name",
    .enabled(if: Corpora.directory("cosmwasm-scripts") != nil, "corpus cosmwasm-scripts is absent"))
  func recorded() throws {
    let directory = URL(fileURLWithPath: try #require(Corpora.directory("cosmwasm-scripts")))
    var scripts: [String: JSONValue] = [:]
    for file in try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
    where file.pathExtension == "json" {
      let json = try JSONValue(decoding: [UInt8](Data(contentsOf: file)))
      if let checksum = json["wasm"]?["sha256"]?.string, json["imports"] != nil { scripts[checksum] = json }
    }
    for (name, bytes) in try OutsideContracts.binaries() {
      guard let script = scripts[Hex.encode(SHA256Hash.hash(bytes).span, prefix: "")] else { continue }
      let analysis = try CodeAnalysis(checking: bytes)
      let exports = analysis.exports.map { $0.name }
      #expect(exports == script["function_exports"]?.array?.compactMap { $0.string }, "\(name)")
      let imports = analysis.imports.map { "env.\($0.name)" }.sorted()
      #expect(imports == script["imports"]?.array?.compactMap { $0.string }.sorted(), "\(name)")
    }
  }

  @Test("never traps over contracts that were cut or changed")
  func mutations() throws {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for (_, bytes) in try OutsideContracts.binaries().prefix(6) {
      for _ in 0..<40 {
        _ = try? CodeAnalysis(checking: [UInt8](bytes.prefix(random(bytes.count))))
        var changed = bytes
        for _ in 0...random(4) { changed[random(bytes.count)] = UInt8(random(256)) }
        _ = try? CodeAnalysis(checking: changed)
        // Near the front lie the counts and sizes.
        changed = bytes
        changed[random(min(2_000, bytes.count))] = UInt8(random(256))
        _ = try? CodeAnalysis(checking: changed)
      }
    }
  }
}
