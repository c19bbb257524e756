import ContractHost
import Foundation
import Testing
import WireBytes

/// Times, printed when `MEASURE=1`: how many calls a second, and what wasmtime alone needs for the same module.
@Suite(
  "contract engine, measured", .serialized,
  .enabled(if: TestEngine.isThere && ProcessInfo.processInfo.environment["MEASURE"] == "1", "set MEASURE=1"))
struct EngineMeasurements {
  private func measure(_ name: String, _ count: Int, _ body: () -> Bool) {
    for _ in 0..<200 { _ = body() }
    let start = ContinuousClock.now
    var all = true
    for _ in 0..<count { all = body() && all }
    let elapsed = ContinuousClock.now - start
    #expect(all)
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    print(
      "\(name): \((seconds / Double(count) * 1e8).rounded() / 100) µs, \(Int(Double(count) / seconds)) a second"
    )
  }

  @Test("calls of a trivial module, of one with host calls, and wasmtime's own floor")
  func calls() throws {
    let engine = try TestEngine.engine()
    let trivial = try TestEngine.code(WAT(execute: "(local.get $msg)"))
    var backend = DictionaryBackend()
    let message = [UInt8](#"{"increment":{}}"#.utf8)
    let environment = [UInt8](repeating: 97, count: 170)
    let call = ContractCall(
      .execute, arguments: [environment, message, message], gasLimit: TestEngine.plenty)
    func ends(_ code: CompiledCode) -> Bool { engine.call(call, of: code, backend: &backend).failure == nil }
    measure("wasmtime alone", 20_000) { engine.bareCall(.execute, of: trivial, gasLimit: TestEngine.plenty) }
    measure("execute, no host calls", 20_000) { ends(trivial) }
    let counter = try TestEngine.code(
      WAT(
        imports: [.dbRead, .dbWrite],
        execute:
          "(drop (call $db_read (local.get $msg))) (call $db_write (local.get $msg) (local.get $env)) (local.get $msg)"
      ))
    measure("execute, one read and one write", 20_000) { ends(counter) }
    let readOnly = try TestEngine.code(
      WAT(imports: [.dbRead], execute: "(drop (call $db_read (local.get $msg))) (local.get $msg)"))
    measure("execute, one read", 20_000) { ends(readOnly) }
    let writeOnly = try TestEngine.code(
      WAT(imports: [.dbWrite], execute: "(call $db_write (local.get $msg) (local.get $env)) (local.get $msg)")
    )
    measure("execute, one write", 20_000) { ends(writeOnly) }
    measure("execute, no host calls, again", 20_000) { ends(trivial) }
    let reads = try TestEngine.code(
      WAT(
        imports: [.dbRemove],
        execute: """
          (local $n i32) (local.set $n (i32.const 1000))
          (loop $l (call $db_remove (local.get $msg))
            (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
          (local.get $msg)
          """))
    measure("execute with 1,000 host calls", 500) { ends(reads) }
    let spin = try TestEngine.code(
      WAT(
        execute: """
          (local $n i32) (local.set $n (i32.const 10000000))
          (loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (local.get $msg)
          """))
    measure("ten million turns of a loop", 20) { ends(spin) }
  }
}
