import ContractHost
import Messages

/// Calls of the counter through the engine, and of single imports, beside wasmtime alone.
struct CallCosts {
  /// Enough for everything here, in units of the machine.
  static let gas: UInt64 = 1_000_000_000_000_000
  static let rounds = 1_000

  let library: WasmtimeLibrary
  let engine: ContractEngine
  let samples: Int
  private let environment: [UInt8]
  private let information: [UInt8]

  init(library: WasmtimeLibrary, engine: ContractEngine, samples: Int) throws {
    self.library = library
    self.engine = engine
    self.samples = samples
    guard let contract = AccountAddress(bytes: [UInt8](repeating: 9, count: 32)),
      let sender = AccountAddress(bytes: [UInt8](repeating: 7, count: 20))
    else { throw LoadError.setup("addresses") }
    environment = ContractEnvironment(
      height: 12_345, timeNanoseconds: 1_780_000_000_000_000_000, chainID: "harbor-1",
      transaction: .init(index: 3), contract: contract.text
    ).encoded()
    information = MessageInfo(sender: sender.text, funds: []).encoded()
  }

  // MARK: The counter

  func counter(_ wasm: [UInt8]) throws -> [Row] {
    let code = try engine.compile(wasm)
    let floor = try Floor(library: library.path, wasm: wasm)
    let unmetered = try Floor(library: library.path, wasm: wasm, fuel: false)
    let empty = [UInt8]("{}".utf8)
    let increment = [UInt8](#"{"increment":{}}"#.utf8)
    let count = [UInt8](#"{"count":{}}"#.utf8)
    var backend = MemoryBackend()
    func call(_ entry: EntryPoint, _ arguments: [[UInt8]]) throws {
      let outcome = engine.call(
        ContractCall(entry, arguments: arguments, gasLimit: Self.gas), of: code, backend: &backend)
      guard case .success(let answer) = outcome.result, answer.starts(with: [UInt8](#"{"ok":"#.utf8)) else {
        throw LoadError.refused("\(entry): \(outcome.result)")
      }
    }
    func check(_ floor: Floor, _ entry: String, _ arguments: [[UInt8]]) throws {
      let text = floor.text(try floor.call(entry, arguments))
      guard text.hasPrefix(#"{"ok":"#) else { throw LoadError.refused("the floor's \(entry): \(text)") }
    }
    func gas(_ entry: EntryPoint, _ arguments: [[UInt8]]) -> Double {
      let outcome = engine.call(
        ContractCall(entry, arguments: arguments, gasLimit: Self.gas), of: code, backend: &backend)
      return Double(outcome.gasUsedInternally) / Double(VMGas.perSDKGas)
    }
    let instantiation = [environment, information, empty]
    let execution = [environment, information, increment]
    let question = [environment, count]
    for floor in [floor, unmetered] {
      try check(floor, "instantiate", instantiation)
      try check(floor, "execute", execution)
      try check(floor, "query", question)
    }
    try call(.instantiate, instantiation)
    var rows = [
      try Sampling.row(
        "an instance, and one call of an export", samples: samples, ours: nil, floor: { try floor.instance() }
      )
    ]
    let calls: [(EntryPoint, String, [[UInt8]])] = [
      (.instantiate, "instantiate", instantiation), (.execute, "execute, increment", execution),
      (.query, "query, count", question),
    ]
    for (entry, name, arguments) in calls {
      var row = try Sampling.row(
        "counter: \(name)", samples: samples, ours: { try call(entry, arguments) },
        floor: { try floor.call(entry.exportName, arguments) })
      row.gas = gas(entry, arguments)
      rows.append(row)
    }
    rows.append(
      try Sampling.row(
        "counter: execute, wasmtime without fuel", samples: samples, ours: nil,
        floor: { try unmetered.call("execute", execution) }))
    return rows
  }

  // MARK: Imports

  /// One import, called in a loop by a contract written for that.
  private struct Loop {
    let name: String
    let imports: String
    var before = ""
    let body: String
    /// Whether the floor's import does the same, or nothing at all.
    var floor = false
  }

  /// `$env` holds an address as text, `$info` a key of eight bytes.
  private static let loops = [
    Loop(
      name: "debug, 8 bytes", imports: #"(import "env" "debug" (func $debug (param i32)))"#,
      body: "(call $debug (local.get $info))", floor: true),
    Loop(
      name: "db_read, 8 bytes for 44",
      imports: #"(import "env" "db_read" (func $read (param i32) (result i32)))"#
        + #"(import "env" "db_write" (func $write (param i32 i32)))"#,
      before: "(call $write (local.get $info) (local.get $env))",
      body: "(drop (call $read (local.get $info)))",
      floor: true),
    Loop(
      name: "db_write, 8 and 44 bytes", imports: #"(import "env" "db_write" (func $write (param i32 i32)))"#,
      body: "(call $write (local.get $info) (local.get $env))", floor: true),
    Loop(
      name: "db_next, 8 and 32 bytes",
      imports: #"(import "env" "db_next" (func $next (param i32) (result i32)))"#
        + #"(import "env" "db_scan" (func $scan (param i32 i32 i32) (result i32)))"#,
      before: "(drop (call $scan (i32.const 0) (i32.const 0) (i32.const 1)))",
      body: "(drop (call $next (i32.const 1)))"),
    Loop(
      name: "addr_validate",
      imports: #"(import "env" "addr_validate" (func $validate (param i32) (result i32)))"#,
      body: "(drop (call $validate (local.get $env)))"),
    Loop(
      name: "addr_canonicalize",
      imports: #"(import "env" "addr_canonicalize" (func $bytes (param i32 i32) (result i32)))"#,
      body: "(drop (call $bytes (local.get $env) (call $allocate (i32.const 64))))"),
    Loop(
      name: "query_chain, answered at once",
      imports: #"(import "env" "query_chain" (func $query (param i32) (result i32)))"#,
      body: "(drop (call $query (local.get $info)))"),
  ]

  /// Answers with its message, whose first four bytes say how often the body runs. What a round allocates is taken
  /// back after it.
  private static func text(_ loop: Loop) -> String {
    """
    (module \(loop.imports)
      (memory (export "memory") 2)
      (global $heap (mut i32) (i32.const 1024))
      (func $allocate (export "allocate") (param $n i32) (result i32) (local $p i32)
        (local.set $p (global.get $heap))
        (i32.store (local.get $p) (i32.add (local.get $p) (i32.const 12)))
        (i32.store offset=4 (local.get $p) (local.get $n))
        (i32.store offset=8 (local.get $p) (i32.const 0))
        (global.set $heap
          (i32.and (i32.add (i32.add (local.get $p) (i32.const 15)) (local.get $n)) (i32.const -4)))
        (local.get $p))
      (func (export "deallocate") (param i32))
      (func (export "interface_version_8"))
      (func (export "instantiate") (param i32 i32 i32) (result i32) (local.get 2))
      (func (export "execute") (param $env i32) (param $info i32) (param $msg i32) (result i32)
        (local $n i32) (local $kept i32)
        (local.set $n (i32.load (i32.load (local.get $msg))))
        \(loop.before)
        (local.set $kept (global.get $heap))
        (block $done (loop $more
          (br_if $done (i32.eqz (local.get $n)))
          \(loop.body)
          (global.set $heap (local.get $kept))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $more)))
        (local.get $msg)))
    """
  }

  /// What one call of an import costs: a call that makes many of them, by their number. The call itself is a few
  /// microseconds of thousands.
  func imports() throws -> [Row] {
    guard let account = AccountAddress(bytes: [UInt8](repeating: 7, count: 20)) else {
      throw LoadError.setup("address")
    }
    let arguments = [
      [UInt8](account.text.utf8), [UInt8]("key/0001".utf8),
      (0..<4).map { UInt8(truncatingIfNeeded: Self.rounds >> (8 * $0)) },
    ]
    return try Self.loops.map { loop in
      let wasm = try ContractEngine.assemble(Self.text(loop), with: library)
      let code = try engine.compile(wasm)
      let floor = loop.floor ? try Floor(library: library.path, wasm: wasm) : nil
      var backend = MemoryBackend()
      return try Sampling.row(
        loop.name, samples: samples, operations: Self.rounds,
        ours: {
          let outcome = engine.call(
            ContractCall(.execute, arguments: arguments, gasLimit: Self.gas), of: code, backend: &backend)
          guard case .success = outcome.result else {
            throw LoadError.refused("\(loop.name): \(outcome.result)")
          }
        }, floor: floor.map { floor in { try floor.call("execute", arguments) } })
    }
  }
}
