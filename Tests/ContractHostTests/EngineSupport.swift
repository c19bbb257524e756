import ContractHost
import Foundation
import Testing
import WireBytes

/// wasmtime and an engine, made once for all tests; nil when the library is not installed.
enum TestEngine {
  static let library: WasmtimeLibrary? = try? WasmtimeLibrary.find()
  static let shared: ContractEngine? = library.flatMap { try? ContractEngine(library: $0) }
  static let absent: Comment = "wasmtime's library is not installed: run script/setup"
  static var isThere: Bool { shared != nil }

  static func engine() throws -> ContractEngine { try #require(shared) }

  static func assemble(_ text: String) throws -> [UInt8] {
    try ContractEngine.assemble(text, with: try #require(library))
  }

  /// Compiles a contract made of the common frame and these parts.
  static func code(_ parts: WAT, engine: ContractEngine? = nil) throws -> CompiledCode {
    try (engine ?? Self.engine()).compile(try assemble(parts.text))
  }

  /// Plenty for everything that ends.
  static let plenty: UInt64 = 1_000_000_000_000
}

/// A contract in text: memory, an allocator that never frees, and whatever a test adds.
struct WAT {
  var imports: [HostImport] = []
  /// More fields of the module.
  var fields = ""
  var execute: String?
  var query: String?
  var pages = 1
  var allocate = Self.bumpAllocate
  var deallocate = "(func (export \"deallocate\") (param i32))"
  var memory: String?

  /// The first region lies at 32,768: below is room for tests' own bytes.
  static let bumpAllocate = """
    (global $heap (mut i32) (i32.const 32768))
    (func $allocate (export "allocate") (param $n i32) (result i32)
      (local $p i32) (local $end i32)
      (local.set $p (global.get $heap))
      (local.set $end (i32.and (i32.add (i32.add (local.get $p) (i32.const 15)) (local.get $n)) (i32.const -4)))
      (block $fits (loop $more
        (br_if $fits (i32.le_u (local.get $end) (i32.shl (memory.size) (i32.const 16))))
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (return (i32.const 0))))
        (br $more)))
      (i32.store (local.get $p) (i32.add (local.get $p) (i32.const 12)))
      (i32.store offset=4 (local.get $p) (local.get $n))
      (i32.store offset=8 (local.get $p) (i32.const 0))
      (global.set $heap (local.get $end))
      (local.get $p))
    """

  /// `$region n` makes a region of n used bytes; `$number x` one that holds x; `$wide x` one of eight bytes.
  static let tools = """
    (func $region (param $n i32) (result i32) (local $p i32)
      (local.set $p (call $allocate (local.get $n)))
      (i32.store offset=8 (local.get $p) (local.get $n))
      (local.get $p))
    (func $number (param $x i32) (result i32) (local $p i32)
      (local.set $p (call $region (i32.const 4)))
      (i32.store (i32.load (local.get $p)) (local.get $x))
      (local.get $p))
    (func $wide (param $x i64) (result i32) (local $p i32)
      (local.set $p (call $region (i32.const 8)))
      (i64.store (i32.load (local.get $p)) (local.get $x))
      (local.get $p))
    (func $orEmpty (param $p i32) (result i32)
      (if (result i32) (local.get $p) (then (local.get $p)) (else (call $region (i32.const 0)))))
    """

  var text: String {
    let declarations = imports.map { host in
      let parameters = String(repeating: " i32", count: host.parameterCount)
      let result =
        switch host.answer {
        case .nothing: ""
        case .i32: " (result i32)"
        case .i64: " (result i64)"
        }
      return "(import \"env\" \"\(host.rawValue)\" (func $\(host.rawValue) (param\(parameters))\(result)))"
    }
    let entries = [
      execute.map {
        "(func (export \"execute\") (param $env i32) (param $info i32) (param $msg i32) (result i32) \($0))"
      },
      query.map { "(func (export \"query\") (param $env i32) (param $msg i32) (result i32) \($0))" },
    ]
    return """
      (module \(declarations.joined(separator: "\n"))
      \(memory ?? "(memory (export \"memory\") \(pages))")
      (func (export "interface_version_8"))
      \(allocate)
      \(deallocate)
      \(allocate == Self.bumpAllocate ? Self.tools : "")
      \(fields)
      \(entries.compactMap { $0 }.joined(separator: "\n")))
      """
  }
}

/// Storage in a dictionary, with what tests want to see and to set.
struct DictionaryBackend: ContractBackend {
  var storage: [[UInt8]: [UInt8]] = [:]
  var gasPerCall: UInt64 = 0
  var failure: BackendFailure?
  var printed: [String] = []
  var queries: [[UInt8]] = []
  var queryLimits: [UInt64] = []
  var answerQuery: (([UInt8], UInt64) throws(BackendFailure) -> BackendAnswer<[UInt8]>)?
  private var walks: [[ContractEntry]] = []

  init(_ storage: [[UInt8]: [UInt8]] = [:]) { self.storage = storage }

  private func check() throws(BackendFailure) { if let failure { throw failure } }

  mutating func read(_ key: [UInt8]) throws(BackendFailure) -> BackendAnswer<[UInt8]?> {
    try check()
    return BackendAnswer(storage[key], gas: gasPerCall)
  }

  mutating func write(_ value: [UInt8], to key: [UInt8]) throws(BackendFailure) -> UInt64 {
    try check()
    storage[key] = value
    return gasPerCall
  }

  mutating func remove(_ key: [UInt8]) throws(BackendFailure) -> UInt64 {
    try check()
    storage[key] = nil
    return gasPerCall
  }

  mutating func scan(from: [UInt8]?, until: [UInt8]?, descending: Bool) throws(BackendFailure)
    -> BackendAnswer<Int>
  {
    try check()
    var entries = storage.keys.sorted { $0.lexicographicallyPrecedes($1) }
      .filter { key in
        (from.map { !key.lexicographicallyPrecedes($0) } ?? true)
          && (until.map { key.lexicographicallyPrecedes($0) } ?? true)
      }
      .map { ContractEntry(key: $0, value: storage[$0] ?? []) }
    if !descending { entries.reverse() }
    walks.append(entries)
    return BackendAnswer(walks.count - 1, gas: gasPerCall)
  }

  mutating func next(_ iterator: Int) throws(BackendFailure) -> BackendAnswer<ContractEntry?> {
    try check()
    return BackendAnswer(walks[iterator].popLast(), gas: gasPerCall)
  }

  mutating func query(_ request: [UInt8], gasLimit: UInt64) throws(BackendFailure) -> BackendAnswer<[UInt8]> {
    try check()
    queries.append(request)
    queryLimits.append(gasLimit)
    if let answerQuery { return try answerQuery(request, gasLimit) }
    return BackendAnswer([UInt8](#"{"ok":{"ok":"aGk="}}"#.utf8), gas: gasPerCall)
  }

  mutating func canonicalize(_ human: String) throws(BackendFailure)
    -> BackendAnswer<Result<[UInt8], AddressRefusal>>
  {
    try check()
    guard human.utf8.count <= 32 else { return BackendAnswer(.failure(AddressRefusal("too long"))) }
    let bytes = [UInt8](human.utf8)
    return BackendAnswer(.success(bytes + [UInt8](repeating: 0, count: 32 - bytes.count)), gas: gasPerCall)
  }

  mutating func humanize(_ canonical: [UInt8]) throws(BackendFailure)
    -> BackendAnswer<Result<String, AddressRefusal>>
  {
    try check()
    guard canonical.count == 32 else { return BackendAnswer(.failure(AddressRefusal("not canonical"))) }
    return BackendAnswer(
      .success(String(decoding: canonical.prefix { $0 != 0 }, as: UTF8.self)), gas: gasPerCall)
  }

  mutating func validate(_ human: String) throws(BackendFailure) -> BackendAnswer<AddressRefusal?> {
    try check()
    return BackendAnswer(
      human == human.lowercased() ? nil : AddressRefusal("address not normalized"), gas: gasPerCall)
  }

  mutating func debug(_ text: String) { printed.append(text) }
}

extension ContractEngine {
  /// Runs `execute` with these three regions.
  func execute(
    _ code: CompiledCode, _ first: [UInt8] = [], _ second: [UInt8] = [], _ third: [UInt8] = [],
    gas: UInt64 = TestEngine.plenty, on backend: inout DictionaryBackend
  ) -> CallOutcome {
    call(
      ContractCall(.execute, arguments: [first, second, third], gasLimit: gas, records: true), of: code,
      backend: &backend)
  }
}

extension CallOutcome {
  var failure: CallFailure? {
    guard case .failure(let failure) = result else { return nil }
    return failure
  }

  var bytes: [UInt8]? { try? result.get() }

  /// The answer of `$number`.
  var number: UInt32? {
    guard let bytes, bytes.count == 4 else { return nil }
    return bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
