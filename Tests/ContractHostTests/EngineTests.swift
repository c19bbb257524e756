import ContractHost
import Digests
import Foundation
import Testing
import WireBytes

@Suite("contract engine", .enabled(if: TestEngine.isThere, TestEngine.absent))
struct EngineTests {
  private static let echo = WAT(execute: "(local.get $msg)", query: "(local.get $msg)")

  @Test("hands arguments over and takes the result")
  func echo() throws {
    let engine = try TestEngine.engine()
    let code = try TestEngine.code(Self.echo)
    var backend = DictionaryBackend()
    let outcome = engine.execute(code, [1], [2], [3, 4, 5], on: &backend)
    #expect(outcome.bytes == [3, 4, 5])
    #expect(outcome.gasUsedInternally > 0)
    #expect(outcome.gasUsedInternally % VMGas.perFuel == 0)
    #expect(outcome.gasUsedExternally == 0)
    #expect(outcome.hostCalls == [])
    let query = engine.call(
      ContractCall(.query, arguments: [[], [9]], gasLimit: TestEngine.plenty), of: code, backend: &backend)
    #expect(query.bytes == [9])
    let large = [UInt8](repeating: 7, count: 1 << 20)
    #expect(engine.execute(code, [], [], large, on: &backend).bytes == large)
  }

  @Test("says what the module lacks")
  func exports() throws {
    let engine = try TestEngine.engine()
    let code = try TestEngine.code(Self.echo)
    var backend = DictionaryBackend()
    let missing = engine.call(
      ContractCall(.sudo, arguments: [[], []], gasLimit: TestEngine.plenty), of: code, backend: &backend)
    #expect(missing.failure == .missingExport("sudo"))
    #expect(
      missing.failure?.text == "Error resolving Wasm function: Could not get export: Missing export sudo")
    let arity = engine.call(
      ContractCall(.execute, arguments: [[], []], gasLimit: TestEngine.plenty), of: code, backend: &backend)
    #expect(arity.failure == .arity(export: "execute", parameters: 3))
    #expect(code.exports(.execute))
    #expect(!code.exports(.migrate))
    let odd = try TestEngine.code(
      WAT(fields: "(func (export \"reply\") (param i32 i64) (result i32) (i32.const 0))"))
    let signature = engine.call(
      ContractCall(.reply, arguments: [[], []], gasLimit: TestEngine.plenty), of: odd, backend: &backend)
    #expect(signature.failure == .signature(export: "reply"))
  }

  @Test("leaves MigrateInfo out when migrate takes two arguments", arguments: [2, 3])
  func migrate(count: Int) throws {
    let engine = try TestEngine.engine()
    let parameters = String(repeating: " i32", count: count)
    let code = try TestEngine.code(
      WAT(fields: "(func (export \"migrate\") (param\(parameters)) (result i32) (local.get \(count - 1)))"))
    var backend = DictionaryBackend()
    let call = ContractCall(.migrate, arguments: [[1], [2], [3]], gasLimit: TestEngine.plenty)
    #expect(engine.call(call, of: code, backend: &backend).bytes == [UInt8(count)])
  }

  @Test("refuses modules by name of what does not fit")
  func refusals() throws {
    let engine = try TestEngine.engine()
    func refusal(_ wat: WAT) throws -> CodeRefusal? {
      let wasm = try TestEngine.assemble(wat.text)
      do {
        _ = try engine.compile(wasm)
        return nil
      } catch {
        return error
      }
    }
    var wrong = Self.echo
    wrong.memory = #"(import "env" "db_read" (func (param i64) (result i32))) (memory (export "memory") 1)"#
    #expect(try refusal(wrong) == .importSignature("db_read"))
    wrong = Self.echo
    wrong.deallocate = #"(func (export "deallocate") (param i64))"#
    #expect(try refusal(wrong) == .exportSignature("deallocate"))
    wrong = Self.echo
    wrong.memory = #"(memory (export "mem") 1)"#
    #expect(try refusal(wrong) == .exportSignature("memory"))
  }

  @Test("checks code again where other limits hold")
  func otherLimits() throws {
    let engine = try TestEngine.engine()
    let wasm = try TestEngine.assemble(WAT(imports: [.dbRead, .dbWrite], execute: "(local.get $info)").text)
    let code = try engine.compile(wasm)
    #expect(throws: CodeRefusal.analysis(.imports(limit: 1, actual: 2))) {
      try engine.compile(wasm, limits: CodeLimits(importsMax: 1))
    }
    #expect(try engine.compile(wasm).checksum == code.checksum)
  }

  // MARK: gas

  private static let work = WAT(
    imports: [.dbRead, .dbWrite],
    execute: """
      (local $i i32)
      (call $db_write (local.get $info) (local.get $msg))
      (local.set $i (i32.const 50))
      (loop $again (local.set $i (i32.sub (local.get $i) (i32.const 1))) (br_if $again (local.get $i)))
      (i32.add (i32.const 1) (i32.const 2)) (drop) (i32.add (i32.const 1) (i32.const 2)) (drop)
      (call $db_read (local.get $info))
      """)

  @Test("uses the same gas every time, and runs out at exactly one unit less")
  func boundary() throws {
    let engine = try TestEngine.engine()
    let code = try TestEngine.code(Self.work)
    func run(_ gas: UInt64) -> (CallOutcome, DictionaryBackend) {
      var backend = DictionaryBackend()
      backend.gasPerCall = 1_000_001
      return (engine.execute(code, [], [1], [2, 3], gas: gas, on: &backend), backend)
    }
    let (whole, backend) = run(TestEngine.plenty)
    #expect(whole.bytes == [2, 3])
    #expect(backend.storage == [[1]: [2, 3]])
    #expect(whole.gasUsedExternally == 2_000_002)
    #expect(whole.hostCalls == [.dbWrite, .dbRead])
    // External gas is counted to the unit, fuel in its own: the sum is what is needed.
    let needed = whole.gasUsedInternally + whole.gasUsedExternally
    #expect(run(needed).0 == whole)
    let (short, _) = run(needed - 1)
    #expect(short.failure == .outOfGas)
    #expect(short.gasUsedInternally + short.gasUsedExternally == needed - 1)
    #expect(short.failure?.text == "Ran out of gas during contract execution")
  }

  @Test("runs out at every limit below the need, and uses all of it")
  func everyLimit() throws {
    let engine = try TestEngine.engine()
    let code = try TestEngine.code(Self.work)
    var backend = DictionaryBackend()
    let needed = engine.execute(code, [], [1], [2, 3], on: &backend).gasUsedInternally
    var steps = 0
    // Every unit of fuel of the last 400, and then in larger steps down to nothing.
    for limit in Array(stride(from: needed - 115, to: needed - 400 * 115, by: -115))
      + Array(stride(from: needed - 400 * 115, to: 1, by: -9_999)) + [0, 1, 114]
    {
      var backend = DictionaryBackend()
      let outcome = engine.execute(code, [], [1], [2, 3], gas: UInt64(limit), on: &backend)
      #expect(outcome.failure == .outOfGas, "\(limit)")
      #expect(outcome.gasUsedInternally == UInt64(limit))
      steps += 1
    }
    #expect(steps > 500)
  }

  @Test("counts a backend that is out of gas, or that charged more than was left, as out of gas")
  func external() throws {
    let engine = try TestEngine.engine()
    let code = try TestEngine.code(Self.work)
    var backend = DictionaryBackend()
    backend.failure = .outOfGas
    var outcome = engine.execute(code, [], [1], [], gas: 50_000_000, on: &backend)
    #expect(outcome.failure == .outOfGas)
    #expect(outcome.gasUsedInternally == 50_000_000)
    backend = DictionaryBackend()
    backend.gasPerCall = .max
    outcome = engine.execute(code, [], [1], [], gas: 50_000_000, on: &backend)
    #expect(outcome.failure == .outOfGas)
    #expect(outcome.gasUsedExternally == .max)
    #expect(outcome.gasUsedInternally == 0)
  }

  @Test("charges the reference's prices for regions and host calls")
  func prices() throws {
    // Two modules that differ in one call of db_read with a key of n bytes, absent.
    let engine = try TestEngine.engine()
    let without = try TestEngine.code(WAT(imports: [.dbRead], execute: "(local.get $msg)"))
    let with = try TestEngine.code(
      WAT(imports: [.dbRead], execute: "(drop (call $db_read (local.get $info))) (local.get $msg)"))
    var backend = DictionaryBackend()
    func fuel(_ code: CompiledCode, _ key: Int) -> UInt64 {
      engine.execute(code, [], [UInt8](repeating: 1, count: key), [], on: &backend).gasUsedInternally / 115
    }
    for bytes in [0, 1, 1_000] {
      let hostCall = (18_000 + 114) / 115
      let read = (200_000 + 115 * bytes + 114) / 115
      // And two operators: local.get and call; drop is free.
      #expect(fuel(with, bytes) - fuel(without, bytes) == UInt64(hostCall + read + 2))
    }
  }

  // MARK: determinism, pool, cache

  @Test("gives the same outcome from a fresh compile, from the cache and without the pool")
  func sameEverywhere() throws {
    let library = try #require(TestEngine.library)
    let directory = FileManager.default.temporaryDirectory.path + "/engine-cache-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let cache = try CodeCache(directory: directory)
    let wasm = try TestEngine.assemble(Self.work.text)
    let fresh = try ContractEngine(library: library, cache: cache)
    var unpooledLimits = ContractLimits.standard
    unpooledLimits = ContractLimits(stackBytesMax: unpooledLimits.stackBytesMax, pooledInstances: 1)
    func outcome(_ engine: ContractEngine, _ gas: UInt64) throws -> CallOutcome {
      var backend = DictionaryBackend()
      return engine.execute(try engine.compile(wasm), [], [1], [2, 3], gas: gas, on: &backend)
    }
    let whole = try outcome(fresh, TestEngine.plenty)
    let files = try FileManager.default.contentsOfDirectory(atPath: directory)
    #expect(files.count == 1)
    let path = directory + "/" + (files.first ?? "")
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let again = try ContractEngine(library: library, cache: cache)
    #expect(try outcome(again, TestEngine.plenty) == whole)
    #expect(try outcome(again, 1_000_000) == outcome(fresh, 1_000_000))
    let alone = try ContractEngine(library: library, limits: unpooledLimits)
    #expect(try outcome(alone, TestEngine.plenty) == whole)

    // A file that was cut, changed or opened to others is compiled anew, and mended.
    let kept = try #require(FileManager.default.contents(atPath: path))
    for damaged in [
      kept.prefix(100), kept.prefix(kept.count - 1), Data([0] + [UInt8](kept).dropFirst()), kept + [7],
    ] {
      try Data(damaged).write(to: URL(fileURLWithPath: path))
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
      #expect(try outcome(ContractEngine(library: library, cache: cache), TestEngine.plenty) == whole)
      #expect(FileManager.default.contents(atPath: path) == kept)
    }
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory)
    #expect(throws: CodeCache.Failure.open(directory, mode: "755")) { try CodeCache(directory: directory) }
  }

  @Test("serves queries of contracts within queries, past the size of the pool")
  func nested() throws {
    let library = try #require(TestEngine.library)
    let engine = try ContractEngine(library: library, limits: ContractLimits(pooledInstances: 2))
    let code = try TestEngine.code(
      WAT(
        imports: [.queryChain],
        execute: "(call $query_chain (local.get $msg))", query: "(call $query_chain (local.get $msg))"),
      engine: engine)
    func chain(_ depth: Int) -> DictionaryBackend {
      var backend = DictionaryBackend()
      backend.answerQuery = { (request, limit) throws(BackendFailure) in
        guard depth < 10 else { return BackendAnswer([UInt8("0".utf8.first ?? 0)]) }
        var inner = chain(depth + 1)
        let outcome = engine.call(
          ContractCall(.query, arguments: [[], request], gasLimit: limit), of: code, backend: &inner)
        return BackendAnswer(
          (outcome.bytes ?? []) + [UInt8(depth)], gas: outcome.gasUsedInternally + outcome.gasUsedExternally)
      }
      return backend
    }
    var outer = chain(0)
    let outcome = engine.execute(code, [], [], [1], on: &outer)
    #expect(outcome.bytes == [48] + (0..<10).reversed().map { UInt8($0) })
    #expect(outcome.gasUsedExternally > outcome.gasUsedInternally * 5)
    var again = chain(0)
    #expect(engine.execute(code, [], [], [1], on: &again) == outcome)
    // What is left shrinks from query to query, and the deepest runs out like all others.
    var poor = chain(0)
    let short = engine.execute(
      code, [], [], [1], gas: outcome.gasUsedInternally + outcome.gasUsedExternally - 1, on: &poor)
    #expect(short.failure == .outOfGas)
  }

  @Test("runs on a thread whose stack is too small, with the same outcome")
  func smallStack() throws {
    let engine = try TestEngine.engine()
    let code = try TestEngine.code(
      WAT(
        fields: "(func $down (param i32) (result i32) (call $down (local.get 0)))",
        execute: "(call $down (i32.const 1))"))
    var backend = DictionaryBackend()
    let here = engine.execute(code, on: &backend)
    #expect(here.failure == .trap(.stackOverflow))
    final class Box: @unchecked Sendable { var outcome: CallOutcome? }
    let box = Box()
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      var backend = DictionaryBackend()
      box.outcome = engine.execute(code, on: &backend)
      done.signal()
    }
    thread.stackSize = 256 << 10
    thread.start()
    done.wait()
    #expect(box.outcome == here)
  }

  @Test("keeps so many modules in memory and no more")
  func shelf() throws {
    let library = try #require(TestEngine.library)
    let engine = try ContractEngine(library: library, limits: ContractLimits(codesInMemoryMax: 2))
    let codes = try (1...3).map { number in
      try TestEngine.code(WAT(execute: "(call $number (i32.const \(number)))"), engine: engine)
    }
    #expect(engine.code(codes[0].checksum) == nil)
    #expect(engine.code(codes[1].checksum) != nil)
    #expect(engine.code(codes[2].checksum) != nil)
    // Code that has left memory still runs for who holds it.
    var backend = DictionaryBackend()
    #expect(engine.execute(codes[0], on: &backend).number == 1)
  }

  @Test("serves many threads at once")
  func threads() async throws {
    let engine = try TestEngine.engine()
    let code = try TestEngine.code(Self.work)
    var backend = DictionaryBackend()
    let expected = engine.execute(code, [], [1], [2], on: &backend)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          (0..<200).allSatisfy { _ in
            var backend = DictionaryBackend()
            return engine.execute(code, [], [1], [2], on: &backend) == expected
          }
        }
      }
      for await same in group { #expect(same) }
    }
  }

  // MARK: the library

  @Test("says how to install a library that is not there")
  func absentLibrary() {
    do {
      _ = try WasmtimeLibrary.find("/nowhere/_libwasmtime.so")
      Issue.record("found nothing somewhere")
    } catch {
      #expect(error == .notFound(searched: ["/nowhere/_libwasmtime.so"]))
      #expect(error.text.contains("script/setup"))
      #expect(error.text.contains("pip install wasmtime==50.0.1"))
    }
  }

  @Test("refuses a file that is no library")
  func noLibrary() throws {
    let path = FileManager.default.temporaryDirectory.path + "/no-library-\(UUID().uuidString).so"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("no library".utf8).write(to: URL(fileURLWithPath: path))
    do {
      _ = try WasmtimeLibrary.find(path)
      Issue.record("loaded a text")
    } catch {
      guard case .notLoadable(path, _) = error else {
        Issue.record("\(error)")
        return
      }
    }
  }

  @Test("refuses text that does not assemble")
  func badText() throws {
    do {
      _ = try TestEngine.assemble("(module (func $x (call $nobody)))")
      Issue.record("assembled")
    } catch let error as WasmtimeError {
      guard case .text = error else {
        Issue.record("\(error)")
        return
      }
    }
  }
}
