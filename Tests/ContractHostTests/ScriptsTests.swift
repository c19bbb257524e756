import Conformance
import ContractHost
import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

@Suite("Recorded scripts of contracts")
struct ScriptsTests {
  private static func run(_ directory: String) throws -> ConformanceReport {
    var report = ConformanceReport()
    CosmWasmSuite.run(try CorpusDirectory(path: directory), into: &report)
    return report
  }

  private static func failures(_ report: ConformanceReport) -> [String] {
    report.results.compactMap { result in
      guard case .failed(let expected, let actual) = result.outcome else { return nil }
      return "\(result.file) \(result.name): expected \(expected), got \(actual)"
    }
  }

  @Test(
    "agrees with all addresses, and skips each script whose binary is absent by name",
    .enabled(if: Corpora.directory("cosmwasm-scripts") != nil, "corpus cosmwasm-scripts is absent"))
  func corpus() throws {
    let report = try Self.run(try #require(Corpora.directory("cosmwasm-scripts")))
    #expect(Self.failures(report) == [])
    #expect(report.passed == 28)
    let skipped = report.results.filter { if case .skipped = $0.outcome { true } else { false } }.map {
      $0.name
    }
    #expect(
      skipped.sorted() == ["cyberpunk", "file", "floaty", "hackatom", "hackatom_v3", "ibc2", "ibc_reflect"])
  }

  /// The scripts and the binaries lie in one folder, which `CAUSEWAY_COSMWASM` names.
  private static var folder: String? { ProcessInfo.processInfo.environment["CAUSEWAY_COSMWASM"] }

  @Test(
    "agrees with every recorded call of published contracts",
    .enabled(
      if: folder != nil && TestEngine.isThere, "CAUSEWAY_COSMWASM names no folder of scripts and binaries"))
  func binaries() throws {
    let report = try Self.run(try #require(Self.folder))
    #expect(Self.failures(report) == [])
    // 86 calls, 10 lists of exports and imports, 210 samples, 70 digests, the list of instructions, 28 addresses.
    #expect(report.passed == 405)
  }
}

/// A contract of a few lines, and scripts of it that are right and wrong.
@Suite("Scripts, both ways", .enabled(if: TestEngine.isThere, TestEngine.absent))
struct ScriptsBothWaysTests {
  /// Stores its message under "k" and answers it; an empty object traps, `[]` stores and answers an error.
  private static let contract = """
    (module
      (import "env" "db_write" (func $write (param i32 i32)))
      (import "env" "debug" (func $debug (param i32)))
      (memory (export "memory") 1)
      (global $heap (mut i32) (i32.const 8192))
      (data (i32.const 100) "k")
      (data (i32.const 200) "{\\22ok\\22:{}}")
      (data (i32.const 300) "{\\22error\\22:\\22no\\22}")
      (func (export "interface_version_8"))
      (func $allocate (export "allocate") (param $n i32) (result i32) (local $p i32)
        (local.set $p (global.get $heap))
        (i32.store (local.get $p) (i32.add (local.get $p) (i32.const 12)))
        (i32.store offset=4 (local.get $p) (local.get $n))
        (i32.store offset=8 (local.get $p) (i32.const 0))
        (global.set $heap (i32.and (i32.add (i32.add (local.get $p) (local.get $n)) (i32.const 19)) (i32.const -8)))
        (local.get $p))
      (func (export "deallocate") (param i32))
      (func $region (param $at i32) (param $n i32) (result i32) (local $p i32)
        (local.set $p (call $allocate (i32.const 0)))
        (i32.store (local.get $p) (local.get $at))
        (i32.store offset=4 (local.get $p) (local.get $n))
        (i32.store offset=8 (local.get $p) (local.get $n))
        (local.get $p))
      (func $run (export "sudo") (param $env i32) (param $msg i32) (result i32)
        (if (i32.eqz (i32.sub (i32.load8_u (i32.load (local.get $msg))) (i32.const 120))) (then (loop $on (br $on))))
        (call $write (call $region (i32.const 100) (i32.const 1)) (local.get $msg))
        (call $debug (local.get $msg))
        (if (i32.eq (i32.load8_u (i32.load (local.get $msg))) (i32.const 123)) (then (unreachable)))
        (if (result i32) (i32.eq (i32.load8_u (i32.load (local.get $msg))) (i32.const 91))
          (then (call $region (i32.const 300) (i32.const 14)))
          (else (call $region (i32.const 200) (i32.const 9)))))
      (func (export "query") (param $env i32) (param $msg i32) (result i32)
        (call $run (local.get $env) (local.get $msg))))
    """

  /// Runs steps on the contract, and tells which passed.
  private static func passed(_ steps: [JSONValue]) throws -> [Bool] {
    let wasm = try TestEngine.assemble(contract)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(wasm).write(to: folder.appendingPathComponent("any.wasm"))
    let checksum = try TestEngine.engine().compile(wasm).checksum
    let script: JSONValue = [
      "contract": "small", "wasm": ["sha256": .string(checksum.description)], "balances": [],
      "env": [
        "block": ["height": 1, "time": "1", "chain_id": "c"], "transaction": .null,
        "contract": ["address": "contract"],
      ], "steps": .array(steps),
    ]
    try Data(script.text().utf8).write(to: folder.appendingPathComponent("script.json"))
    var report = ConformanceReport()
    CosmWasmSuite.run(try CorpusDirectory(path: folder.path), into: &report)
    return report.results.map { $0.outcome == .passed }
  }

  private static func step(
    _ message: JSONValue, _ expect: JSONValue, on entryPoint: JSONValue = "sudo", count: Int? = nil
  ) -> JSONValue {
    var members: [String: JSONValue] = [
      "name": "n", "entry_point": entryPoint, "args": [message], "expect": expect,
    ]
    if let count { members["repeat"] = .number(String(count)) }
    return .object(members)
  }

  @Test("passes what was recorded, and nothing that differs from it")
  func bothWays() throws {
    let ok: JSONValue = "{\"ok\":{}}"
    let calls: JSONValue = ["db_write", "debug"]
    let right = try Self.passed([
      Self.step("1", ["result": ok, "debug": ["1"], "host_calls": calls, "storage_hex": ["6b": "31"]]),
      // Neither errors nor traps of a contract leave a trace in storage.
      Self.step("[]", ["result": "{\"error\":\"no\"}", "storage_hex": ["6b": "31"]]),
      Self.step("{}", ["vm_error": "some trap", "host_calls": calls, "storage_hex": ["6b": "31"]]),
      Self.step("2", ["vm_error": "a query must not write", "storage_hex": ["6b": "31"]], on: "query"),
      Self.step("x", ["vm_error": "out_of_gas", "storage_hex": ["6b": "31"]]),
      Self.step("1", ["vm_error": "Missing export reply"], on: "reply"),
      Self.step("3", ["result": ok, "host_calls": calls, "storage_hex": ["6b": "33"]], count: 3),
      Self.step("4", ["result": ok, "debug": ["4", "4"], "storage_hex": ["6b": "34"]], count: 2),
    ])
    #expect(right == Array(repeating: true, count: 8))
    let wrong = try Self.passed([
      Self.step("1", ["result": "{\"ok\":{} }"]), Self.step("1", ["result": ok, "debug": ["2"]]),
      Self.step("1", ["result": ok, "debug": []]),
      Self.step("1", ["result": ok, "host_calls": ["db_write"]]),
      Self.step("1", ["result": ok, "storage_hex": [:]]),
      Self.step("1", ["result": ok, "storage_hex": ["6b": "32"]]),
      Self.step("1", ["result": ok, "storage_hex": ["6b": "31", "6c": ""]]),
      Self.step("1", ["vm_error": "trap"]),
      Self.step("{}", ["vm_error": "out_of_gas"]), Self.step("{}", ["result": ok]),
      Self.step("1", ["result": ok, "ok_decoded": [:]]), Self.step("1", ["result": ok], on: "nowhere"),
      Self.step("1", [:]), Self.step("1", ["result": ok], count: 0), Self.step("1", .null),
      Self.step("1", ["result": ok], on: "execute"),
    ])
    #expect(wrong == Array(repeating: false, count: 16))
  }

  @Test("skips a binary that is not the one of the script")
  func otherBinary() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data([1, 2, 3]).write(to: folder.appendingPathComponent("small.wasm"))
    let checksum = String(repeating: "ab", count: 32)
    let script = #"{"contract":"small","wasm":{"sha256":"\#(checksum)"},"steps":[]}"#
    try Data(script.utf8).write(to: folder.appendingPathComponent("script.json"))
    var report = ConformanceReport()
    CosmWasmSuite.run(try CorpusDirectory(path: folder.path), into: &report)
    #expect(
      report.results.map { $0.outcome } == [
        .skipped(reason: "small: small.wasm has another SHA-256 than \(checksum)")
      ])
  }
}
