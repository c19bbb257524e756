import ContractHost
import Foundation
import Testing
import WireBytes

/// Contracts that misbehave. Each fails its call, the same way every time, and nothing else.
@Suite("contract abuse", .enabled(if: TestEngine.isThere, TestEngine.absent))
struct AbuseTests {
  /// Runs the contract twice in the common engine and once in an engine that loads it from a cache: outcomes agree.
  private func run(
    _ wat: WAT, gas: UInt64 = TestEngine.plenty, limits: ContractLimits = .standard
  ) throws -> CallOutcome {
    let library = try #require(TestEngine.library)
    let directory = FileManager.default.temporaryDirectory.path + "/abuse-cache-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let cache = try CodeCache(directory: directory)
    let wasm = try TestEngine.assemble(wat.text)
    let engine =
      limits == .standard ? try TestEngine.engine() : try ContractEngine(library: library, limits: limits)
    func outcome(_ engine: ContractEngine) throws -> CallOutcome {
      var backend = DictionaryBackend()
      return engine.execute(try engine.compile(wasm), [1], [2], [3], gas: gas, on: &backend)
    }
    let first = try outcome(engine)
    #expect(try outcome(engine) == first)
    _ = try ContractEngine(library: library, limits: limits, cache: cache).compile(wasm)
    let cached = try ContractEngine(library: library, limits: limits, cache: cache)
    #expect(try outcome(cached) == first)
    #expect(try outcome(cached).failure?.text == first.failure?.text)
    return first
  }

  // MARK: regions

  /// A region at 1,024 with these three numbers; the memory has one page.
  private static func region(_ offset: UInt32, _ capacity: UInt32, _ length: UInt32) -> String {
    [(0, offset), (4, capacity), (8, length)].map { place, number in
      "(i32.store (i32.const \(1_024 + place)) (i32.const \(Int32(bitPattern: number))))"
    }.joined()
  }

  private static let badRegions: [(String, String, RegionError)] = [
    // Address 0 is memory like any other, and holds zeros.
    ("", "(i32.const 0)", .zeroOffset),
    ("", "(i32.const -1)", .unreadable(pointer: .max)),
    ("", "(i32.const -12)", .unreadable(pointer: .max - 11)),
    ("", "(i32.const 65536)", .unreadable(pointer: 65_536)),
    ("", "(i32.const 65525)", .unreadable(pointer: 65_525)),
    (region(0, 5, 5), "(i32.const 1024)", .zeroOffset),
    (region(8, 5, 6), "(i32.const 1024)", .lengthExceedsCapacity(length: 6, capacity: 5)),
    (region(.max, 1, 0), "(i32.const 1024)", .outOfRange(offset: .max, capacity: 1)),
    (region(2, .max - 1, 0), "(i32.const 1024)", .outOfRange(offset: 2, capacity: .max - 1)),
    (
      region(65_535, 2, 2), "(i32.const 1024)",
      .outside(offset: 65_535, capacity: 2, length: 2, memoryBytes: 65_536)
    ),
    (
      region(70_000, 0, 0), "(i32.const 1024)",
      .outside(offset: 70_000, capacity: 0, length: 0, memoryBytes: 65_536)
    ),
  ]

  @Test("refuses every bad region that an entry point returns", arguments: 0..<badRegions.count)
  func badResults(index: Int) throws {
    let (setup, pointer, error) = Self.badRegions[index]
    let outcome = try run(WAT(execute: "\(setup) \(pointer)"))
    #expect(outcome.failure == .host(.region(error), in: nil))
    #expect(outcome.failure?.text.hasPrefix("Error in guest/host communication: ") == true)
  }

  @Test("refuses every bad region at every pointer of every import", arguments: 0..<badRegions.count)
  func badArguments(index: Int) throws {
    let (setup, pointer, error) = Self.badRegions[index]
    var tried = 0
    let engine = try TestEngine.engine()
    for host in HostImport.allCases where !host.rawValue.hasPrefix("bls12_381_") {
      let pointers: Int
      switch host {
      case .dbNext, .dbNextKey, .dbNextValue: pointers = 0
      case .dbScan, .secp256k1RecoverPubkey, .secp256r1RecoverPubkey: pointers = 2
      default: pointers = host.parameterCount
      }
      for position in 0..<pointers {
        // For an iterator's bounds 0 is no region but an open end.
        if host == .dbScan, pointer == "(i32.const 0)" { continue }
        // Of a destination the capacity is looked at first; it has its own test.
        if host == .addrCanonicalize || host == .addrHumanize, position == 1, index >= 9 { continue }
        let good = ["(local.get $env)", "(local.get $info)", "(local.get $msg)"]
        let arguments = (0..<host.parameterCount).map {
          $0 == position ? pointer : $0 < pointers ? good[$0] : "(i32.const 1)"
        }
        let drop = host.answer == .nothing ? "" : "(drop)"
        let code = try TestEngine.code(
          WAT(
            imports: [host],
            execute: "\(setup) (call $\(host.rawValue) \(arguments.joined())) \(drop) (local.get $msg)"))
        var backend = DictionaryBackend()
        let first = [UInt8](repeating: 97, count: 32)
        let outcome = engine.execute(code, first, first, first, on: &backend)
        #expect(outcome.failure == .host(.region(error), in: host), "\(host) \(position)")
        #expect(backend.storage == [:])
        tried += 1
      }
    }
    #expect(tried > 25)
  }

  @Test("never writes outside the region that the contract prepared")
  func destination() throws {
    // A capacity that reaches past the end of memory, and one that is too small.
    for (offset, capacity, error) in [
      (
        UInt32(65_530), UInt32(32),
        RegionError.outside(offset: 65_530, capacity: 32, length: 32, memoryBytes: 65_536)
      ),
      (2_048, 31, .tooSmall(capacity: 31, needed: 32)),
    ] {
      let outcome = try run(
        WAT(
          imports: [.addrCanonicalize],
          execute: """
            \(Self.region(offset, capacity, 0))
            (drop (call $addr_canonicalize (local.get $env) (i32.const 1024))) (local.get $msg)
            """))
      #expect(outcome.failure == .host(.region(error), in: .addrCanonicalize))
    }
  }

  @Test("takes no result that is longer than the limit, and none of 64 MiB")
  func longResults() throws {
    let huge = try run(WAT(execute: "\(Self.region(8, 64 << 20, 64 << 20)) (i32.const 1024)"))
    #expect(
      huge.failure
        == .host(
          .region(.outside(offset: 8, capacity: 64 << 20, length: 64 << 20, memoryBytes: 65_536)), in: nil))
    let over = try run(WAT(execute: "\(Self.region(8, (64 << 20) + 1, (64 << 20) + 1)) (i32.const 1024)"))
    #expect(over.failure == .host(.region(.tooLong(length: (64 << 20) + 1, limit: 64 << 20)), in: nil))
    // Reading is paid for by its length before anything else: 520 a byte.
    #expect(over.gasUsedInternally > 520 << 26)
    let poor = try run(WAT(execute: "\(Self.region(8, 64 << 20, 64 << 20)) (i32.const 1024)"), gas: 520 << 26)
    #expect(poor.failure == .outOfGas)
    // All of 32 MiB but the first bytes is a result like any other.
    let whole = try run(
      WAT(
        execute:
          "(drop (memory.grow (i32.const 511))) \(Self.region(2_048, 33_552_384, 33_552_384)) (i32.const 1024)"
      ))
    #expect(whole.bytes?.count == 33_552_384)
  }

  @Test("hands garbage on as it is: what it means is for others to say")
  func garbage() throws {
    let outcome = try run(
      WAT(
        fields: "(data (i32.const 2048) \"\\ff\\00{{{\")",
        execute: "\(Self.region(2_048, 5, 5)) (i32.const 1024)"))
    #expect(outcome.bytes == [0xff, 0, 0x7b, 0x7b, 0x7b])
  }

  // MARK: allocators

  private static func allocate(_ body: String) -> String {
    "(func $allocate (export \"allocate\") (param $n i32) (result i32) \(body))"
  }

  @Test("survives every allocator")
  func allocators() throws {
    func outcome(_ body: String, imports: [HostImport] = []) throws -> CallOutcome {
      try run(WAT(imports: imports, execute: "(local.get $msg)", allocate: Self.allocate(body)))
    }
    let zero = try outcome("(i32.const 0)")
    #expect(zero.failure == .host(.region(.zeroAddress), in: nil))
    #expect(zero.failure?.text == "Error in guest/host communication: Got a zero Wasm address")
    #expect(try outcome("(i32.const -1)").failure == .host(.region(.unreadable(pointer: .max)), in: nil))
    #expect(try outcome("(i32.const 64)").failure == .host(.region(.zeroOffset), in: nil))
    #expect(try outcome("(unreachable)").failure == .trap(.unreachable))
    let small = try outcome("(i32.store (i32.const 64) (i32.const 128)) (i32.const 64)")
    #expect(small.failure == .host(.region(.tooSmall(capacity: 0, needed: 1)), in: nil))
    let endless = try run(
      WAT(execute: "(local.get $msg)", allocate: Self.allocate("(loop $l (br $l)) (i32.const 1)")),
      gas: 1_000_000_000)
    #expect(endless.failure == .outOfGas)
    #expect(endless.gasUsedInternally == 1_000_000_000)
    // One address for all: the description is overwritten, which is the contract's own loss.
    let shared = try outcome(
      """
      (i32.store (i32.const 64) (i32.const 128)) (i32.store (i32.const 68) (i32.const 99))
      (i32.store (i32.const 72) (i32.const 0)) (i32.const 64)
      """)
    #expect(shared.bytes == [3])
  }

  @Test("stops an allocator that calls imports which allocate")
  func reentrancy() throws {
    // addr_validate answers with words, for which it asks the contract to allocate (CWA-2023-002).
    let outcome = try run(
      WAT(
        imports: [.addrValidate], execute: "(local.get $msg)",
        allocate: Self.allocate("(drop (call $addr_validate (i32.const 1024))) (i32.const 64)")
          + "(data (i32.const 1024) \"\\00\\08\\00\\00\\01\\00\\00\\00\\01\\00\\00\\00\") (data (i32.const 2048) \"A\")"
      ))
    #expect(outcome.failure == .callDepth)
    #expect(outcome.failure?.text.hasSuffix("Maximum call depth exceeded.") == true)
    #expect(outcome.hostCalls == [.addrValidate, .addrValidate])
  }

  @Test("reports what went wrong inside an allocator that an import called")
  func nestedFailure() throws {
    // The first allocation is the host's, with depth 1; the next is made by db_read and traps.
    let outcome = try run(
      WAT(
        imports: [.addrValidate],
        execute:
          "(global.set $bad (i32.const 1)) (drop (call $addr_validate (local.get $env))) (local.get $msg)",
        allocate: """
          (global $bad (mut i32) (i32.const 0))
          (func $allocate (export "allocate") (param $n i32) (result i32)
            (if (global.get $bad) (then (unreachable)))
            (i32.store (i32.const 64) (i32.const 128)) (i32.store (i32.const 68) (i32.const 99))
            (i32.store (i32.const 72) (i32.const 0)) (i32.const 64))
          """))
    // The argument is the byte 3, which is valid; so ask with none.
    #expect(outcome.bytes == [3])
    let failing = try run(
      WAT(
        imports: [.addrValidate],
        execute: """
          (global.set $bad (i32.const 1)) (i32.store (i32.const 72) (i32.const 0))
          (drop (call $addr_validate (local.get $env))) (local.get $msg)
          """,
        allocate: """
          (global $bad (mut i32) (i32.const 0))
          (func $allocate (export "allocate") (param $n i32) (result i32)
            (if (global.get $bad) (then (unreachable)))
            (i32.store (i32.const 64) (i32.const 128)) (i32.store (i32.const 68) (i32.const 99))
            (i32.store (i32.const 72) (i32.const 0)) (i32.const 64))
          """))
    #expect(failing.failure == .trap(.unreachable))
  }

  @Test("gives a contract 32 MiB and no more, and grows it past that for nothing")
  func memoryBomb() throws {
    let outcome = try run(
      WAT(
        execute: """
          (local $n i32)
          (block $end (loop $l
            (br_if $end (i32.eq (memory.grow (i32.const 1)) (i32.const -1)))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br $l)))
          (if (i32.ne (memory.grow (i32.const 1000)) (i32.const -1)) (then (unreachable)))
          (call $number (memory.size))
          """))
    #expect(outcome.number == 512)
    // The allocator's own limit: a megabyte for every call until there is no more.
    let eager = try run(
      WAT(
        execute: "(loop $l (br_if $l (call $allocate (i32.const 1048576)))) (call $number (memory.size))",
        pages: 500))
    #expect(eager.number == 512)
  }

  @Test("never shows one call what another left")
  func isolation() throws {
    let engine = try ContractEngine(
      library: #require(TestEngine.library), limits: ContractLimits(pooledInstances: 1))
    let writer = try TestEngine.code(
      WAT(
        fields: "(global $g (mut i32) (i32.const 5))",
        execute: """
          (global.set $g (i32.add (global.get $g) (i32.const 1)))
          (i32.store (i32.const 4096) (i32.add (i32.load (i32.const 4096)) (global.get $g)))
          (drop (memory.grow (i32.const 100))) (i32.store (i32.const 6000000) (i32.const 9))
          (call $number (i32.load (i32.const 4096)))
          """), engine: engine)
    let reader = try TestEngine.code(
      WAT(
        execute: """
          (drop (memory.grow (i32.const 100)))
          (call $number (i32.or (i32.load (i32.const 4096)) (i32.load (i32.const 6000000))))
          """), engine: engine)
    for _ in 0..<5 {
      var backend = DictionaryBackend()
      #expect(engine.execute(writer, on: &backend).number == 6)
      #expect(engine.execute(reader, on: &backend).number == 0)
    }
  }

  // MARK: loops, stacks, traps

  @Test("stops an endless loop at its limit, and exactly there")
  func endlessLoop() throws {
    for gas in [UInt64(1_000_000), 10_000_000_000, 10_000_000_007] {
      let outcome = try run(WAT(execute: "(loop $l (br $l)) (local.get $msg)"), gas: gas)
      #expect(outcome.failure == .outOfGas)
      #expect(outcome.gasUsedInternally == gas)
    }
  }

  @Test("stops recursion without end, by gas or by the stack")
  func recursion() throws {
    let wat = WAT(
      fields: "(func $down (param i32) (result i32) (i32.add (call $down (local.get 0)) (i32.const 1)))",
      execute: "(call $down (i32.const 1))")
    let deep = try run(wat)
    #expect(deep.failure == .trap(.stackOverflow))
    #expect(deep.failure?.text.hasSuffix("RuntimeError: call stack exhausted") == true)
    #expect(try run(wat, gas: 1_000_000).failure == .outOfGas)
  }

  @Test("names every trap")
  func traps() throws {
    let cases: [(String, String, WasmTrap)] = [
      ("(unreachable)", "unreachable", .unreachable),
      ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "integer divide by zero", .integerDivisionByZero),
      ("(drop (i32.div_s (i32.const -2147483648) (i32.const -1)))", "integer overflow", .integerOverflow),
      ("(drop (i32.trunc_f32_s (f32.const nan)))", "invalid conversion to integer", .badConversionToInteger),
      ("(drop (i32.load (i32.const 65533)))", "out of bounds memory access", .memoryOutOfBounds),
      (
        "(drop (i32.load offset=4294967295 (i32.const -1)))", "out of bounds memory access",
        .memoryOutOfBounds
      ),
      ("(i32.store (i32.const -1) (i32.const 1))", "out of bounds memory access", .memoryOutOfBounds),
      (
        "(call_indirect (type $none) (i32.const 9))", "undefined element: out of bounds table access",
        .tableOutOfBounds
      ),
      ("(call_indirect (type $none) (i32.const 1))", "uninitialized element", .indirectCallToNull),
      ("(call_indirect (type $none) (i32.const 0))", "indirect call type mismatch", .badSignature),
    ]
    for (body, words, trap) in cases {
      let outcome = try run(
        WAT(
          fields: "(type $none (func)) (table 2 2 funcref) (elem (i32.const 0) $allocate)",
          execute: "\(body) (local.get $msg)"))
      #expect(outcome.failure == .trap(trap))
      #expect(outcome.failure?.text == "Error executing Wasm: Wasmer runtime error: RuntimeError: \(words)")
      #expect(outcome.gasUsedInternally > 0)
      // What trapped with its last fuel used up ran out of gas, as far as anyone can tell.
      #expect(try run(WAT(execute: "(unreachable)"), gas: 10_000).failure == .outOfGas)
    }
  }

  @Test("fails a deallocator that traps or takes what it should not")
  func deallocators() throws {
    let traps = try run(
      WAT(execute: "(local.get $msg)", deallocate: "(func (export \"deallocate\") (param i32) (unreachable))")
    )
    #expect(traps.failure == .trap(.unreachable))
  }

  // MARK: iterators

  @Test("opens 32,768 iterators and not one more")
  func iteratorLeak() throws {
    let wat = WAT(
      imports: [.dbScan],
      execute: """
        (local $n i32)
        (loop $l
          (local.set $n (call $db_scan (i32.const 0) (i32.const 0) (i32.const 1)))
          (br_if $l (i32.ne (local.get $n) (i32.const 32768))))
        (call $number (call $db_scan (i32.const 0) (i32.const 0) (i32.const 1)))
        """)
    let outcome = try run(wat)
    #expect(outcome.failure == .host(.iterators(limit: 32_768), in: .dbScan))
    #expect(outcome.failure?.text.hasSuffix("reached iterator limit (32768)") == true)
    #expect(outcome.hostCalls.count == 32_769)
    let small = try run(wat, limits: ContractLimits(iteratorsMax: 3))
    #expect(small.hostCalls.count == 4)
  }

  // MARK: modules

  @Test("refuses code with a start function, and code that is no code")
  func modules() throws {
    let engine = try TestEngine.engine()
    func refusal(_ wasm: [UInt8]) -> CodeRefusal? {
      do {
        _ = try engine.compile(wasm)
        return nil
      } catch {
        return error
      }
    }
    let start = try TestEngine.assemble(WAT(fields: "(func $s) (start $s)", execute: "(local.get $msg)").text)
    #expect(refusal(start) == .analysis(.startSection))
    #expect(refusal([]) == .analysis(.empty))
    let unknown = try TestEngine.assemble(
      WAT(memory: "(import \"env\" \"exec\" (func)) (memory (export \"memory\") 1)").text)
    #expect(refusal(unknown) == .analysis(.unsupportedImport("env.exec")))
    // Types on the stack are the compiler's to check.
    var broken = try TestEngine.assemble(WAT(execute: "(local.get $msg)").text)
    let body = try #require(
      broken.indices.last { broken[$0] == 0x20 && $0 + 2 < broken.count && broken[$0 + 2] == 0x0b })
    broken[body] = 0x23
    guard let found = refusal(broken) else {
      Issue.record("compiled what does not validate")
      return
    }
    #expect(!found.text.isEmpty)
  }

  @Test("fails the call of a module whose first bytes lie outside its memory")
  func dataOutside() throws {
    let outcome = try run(WAT(fields: "(data (i32.const 65535) \"ab\")", execute: "(local.get $msg)"))
    #expect(outcome.failure == .instantiation(.refused))
  }

  @Test("takes no flip of one bit of a module for a reason to stop")
  func bitFlips() throws {
    let engine = try ContractEngine(
      library: #require(TestEngine.library), limits: ContractLimits(codesInMemoryMax: 1))
    let wasm = try TestEngine.assemble(
      WAT(imports: [.dbRead], execute: "(call $orEmpty (call $db_read (local.get $env)))").text)
    var compiled = 0
    for bit in stride(from: 0, to: wasm.count * 8, by: 5) {
      var flipped = wasm
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let code = try? engine.compile(flipped) else { continue }
      var backend = DictionaryBackend([[1]: [2]])
      // Whatever it does, it ends within its gas.
      let outcome = engine.execute(code, [1], [2], [3], gas: 1_000_000_000, on: &backend)
      #expect(outcome.gasUsedInternally <= 1_000_000_000)
      compiled += 1
    }
    #expect(compiled > 20)
  }
}
