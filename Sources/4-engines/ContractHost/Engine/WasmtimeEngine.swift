import CWasmtime

/// One engine of wasmtime with our settings, and a linker that holds every import.
///
/// wasmtime's engine and linker may be used from any thread; neither is changed after `init`.
@safe
final class WasmtimeEngine: Sendable {
  let wasmtime: Wasmtime
  nonisolated(unsafe) let engine: OpaquePointer
  nonisolated(unsafe) let linker: OpaquePointer

  /// - Parameter pooled: instances come from memory that was reserved at the start; otherwise each reserves its own.
  ///   Compiled code is the same for both.
  /// - Throws: ``WasmtimeError`` `.engine`.
  init(_ wasmtime: Wasmtime, limits: ContractLimits, pooled: Bool) throws(WasmtimeError) {
    guard let engine = try unsafe Self.makeEngine(wasmtime, limits: limits, pooled: pooled) else {
      throw .engine("no engine")
    }
    self.wasmtime = wasmtime
    unsafe self.engine = unsafe engine
    unsafe linker = unsafe wasmtime.functions.pointee.wasmtime_linker_new(engine)
    for host in HostImport.allCases { try define(host) }
  }

  deinit {
    // Both are owned here. Modules, stores and instances keep what they need of the engine alive themselves.
    unsafe wasmtime.functions.pointee.wasmtime_linker_delete(linker)
    unsafe wasmtime.functions.pointee.wasm_engine_delete(engine)
  }

  /// Fuel is gas, and NaNs have one form: results are the same everywhere. What contracts may not use is off.
  ///
  /// Reference types stay on: in wasmtime's C API switching them off aborts the process, as another feature that is
  /// on by itself needs them; the analysis of uploaded code refuses their operators instead, and those of bulk memory.
  /// Memory is reserved to the limit and not beyond, so that bounds are compared and address space is not used up.
  @unsafe
  private static func makeEngine(
    _ wasmtime: Wasmtime, limits: ContractLimits, pooled: Bool
  ) throws(WasmtimeError) -> OpaquePointer? {
    let api = unsafe wasmtime.functions
    let memoryBytes = limits.memoryPagesMax * wasmPageBytes
    // The configuration is owned here until the engine takes it; setters copy what they are given.
    let config = unsafe api.pointee.wasm_config_new()
    if let target, let error = unsafe api.pointee.wasmtime_config_target_set(config, target) {
      throw .engine(unsafe wasmtime.words(freeing: error))
    }
    unsafe api.pointee.wasmtime_config_consume_fuel_set(config, true)
    unsafe api.pointee.wasmtime_config_cranelift_nan_canonicalization_set(config, true)
    unsafe api.pointee.wasmtime_config_max_wasm_stack_set(config, limits.stackBytesMax)
    unsafe api.pointee.wasmtime_config_wasm_relaxed_simd_set(config, false)
    unsafe api.pointee.wasmtime_config_wasm_simd_set(config, false)
    unsafe api.pointee.wasmtime_config_wasm_threads_set(config, false)
    unsafe api.pointee.wasmtime_config_wasm_tail_call_set(config, false)
    unsafe api.pointee.wasmtime_config_wasm_multi_memory_set(config, false)
    unsafe api.pointee.wasmtime_config_wasm_memory64_set(config, false)
    unsafe api.pointee.wasmtime_config_wasm_custom_page_sizes_set(config, false)
    unsafe api.pointee.wasmtime_config_wasm_wide_arithmetic_set(config, false)
    unsafe api.pointee.wasmtime_config_memory_reservation_set(config, UInt64(memoryBytes))
    unsafe api.pointee.wasmtime_config_memory_guard_size_set(config, UInt64(wasmPageBytes))
    unsafe api.pointee.wasmtime_config_memory_may_move_set(config, false)
    if pooled {
      let pool = unsafe api.pointee.wasmtime_pooling_allocation_config_new()
      let instances = UInt32(clamping: limits.pooledInstances)
      unsafe api.pointee.wasmtime_pooling_allocation_config_total_core_instances_set(pool, instances)
      unsafe api.pointee.wasmtime_pooling_allocation_config_total_memories_set(pool, instances)
      unsafe api.pointee.wasmtime_pooling_allocation_config_total_tables_set(pool, instances)
      unsafe api.pointee.wasmtime_pooling_allocation_config_max_memory_size_set(pool, memoryBytes)
      unsafe api.pointee.wasmtime_pooling_allocation_config_table_elements_set(pool, limits.tableElementsMax)
      unsafe api.pointee.wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, 1 << 20)
      // What a call has written is cleared in place up to here, and given back to the system beyond: faulting pages in
      // again cost a fifth of a small call (script/bench contracts).
      unsafe api.pointee.wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, residentBytes)
      unsafe api.pointee.wasmtime_pooling_allocation_config_table_keep_resident_set(pool, residentBytes)
      unsafe api.pointee.wasmtime_pooling_allocation_strategy_set(config, pool)
      unsafe api.pointee.wasmtime_pooling_allocation_config_delete(pool)
    }
    return unsafe api.pointee.wasm_engine_new_with_config(config)
  }

  /// The plain form of this machine's architecture, without what its processor can do besides: so that compiled code,
  /// and with it the depth at which the stack is full, is the same on all of them. Nil: whatever wasmtime finds.
  private static var target: String? {
    #if os(Linux) && arch(x86_64)
      "x86_64-unknown-linux-gnu"
    #elseif os(Linux) && arch(arm64)
      "aarch64-unknown-linux-gnu"
    #else
      nil
    #endif
  }

  private func define(_ host: HostImport) throws(WasmtimeError) {
    let api = unsafe wasmtime.functions
    var parameters = unsafe wasm_valtype_vec_t()
    var results = unsafe wasm_valtype_vec_t()
    unsafe fill(&parameters, host.type.parameters)
    unsafe fill(&results, host.type.results)
    // Takes both vectors; the linker copies the type and the names, and owns the slot until it is deleted.
    guard let type = unsafe api.pointee.wasm_functype_new(&parameters, &results) else {
      throw .engine("no type for \(host.rawValue)")
    }
    defer { unsafe api.pointee.wasm_functype_delete(type) }
    let slot = unsafe Unmanaged.passRetained(ImportSlot(wasmtime, host)).toOpaque()
    let name = host.rawValue
    let module = HostImport.module
    let error = unsafe api.pointee.wasmtime_linker_define_func_unchecked(
      linker, module, module.utf8.count, name, name.utf8.count, type, ImportSlot.called, slot,
      ImportSlot.released)
    if let error = unsafe error { throw .engine(unsafe wasmtime.words(freeing: error)) }
  }

  @unsafe
  private func fill(_ vector: inout wasm_valtype_vec_t, _ types: [WasmValueType]) {
    // The vector has room for as many, and owns the types put in.
    unsafe wasmtime.functions.pointee.wasm_valtype_vec_new_uninitialized(&vector, types.count)
    for (index, type) in types.enumerated() {
      let kind = type == .i64 ? ValueKind.i64 : ValueKind.i32
      unsafe vector.data?[index] = unsafe wasmtime.functions.pointee.wasm_valtype_new(kind)
    }
  }

  /// Compiles a module.
  ///
  /// - Throws: wasmtime's words.
  func compile(_ wasm: [UInt8]) throws(EngineWords) -> CompiledModule {
    try unsafe Self.compile(wasm, wasmtime, engine)
  }

  @unsafe
  private static func compile(
    _ wasm: [UInt8], _ wasmtime: Wasmtime, _ engine: OpaquePointer
  ) throws(EngineWords) -> CompiledModule {
    var module: OpaquePointer?
    // Reads the bytes only.
    let error = unsafe wasm.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return unsafe OpaquePointer?.none }
      return unsafe wasmtime.functions.pointee.wasmtime_module_new(engine, start, bytes.count, &module)
    }
    if let error = unsafe error { throw EngineWords(text: unsafe wasmtime.words(freeing: error)) }
    guard let module = unsafe module else { throw EngineWords(text: "no module") }
    return unsafe CompiledModule(wasmtime, owning: module)
  }

  /// Takes back what ``CompiledModule/serialized()`` gave: code that runs as it stands, so only ever our own.
  func load(trusted bytes: [UInt8]) throws(EngineWords) -> CompiledModule {
    var module: OpaquePointer?
    // Copies the bytes; compares version and settings with the engine's before it believes them.
    let error = unsafe bytes.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return unsafe OpaquePointer?.none }
      return unsafe wasmtime.functions.pointee.wasmtime_module_deserialize(
        engine, start, bytes.count, &module)
    }
    if let error = unsafe error { throw EngineWords(text: unsafe wasmtime.words(freeing: error)) }
    guard let module = unsafe module else { throw EngineWords(text: "no module") }
    return unsafe CompiledModule(wasmtime, owning: module)
  }

  /// Resolves a module's imports once, so that an instance costs a few microseconds.
  func prepare(_ module: borrowing CompiledModule) throws(EngineWords) -> PreparedModule {
    var prepared: OpaquePointer?
    let error = unsafe wasmtime.functions.pointee.wasmtime_linker_instantiate_pre(
      linker, module.module, &prepared)
    if let error = unsafe error { throw EngineWords(text: unsafe wasmtime.words(freeing: error)) }
    guard let prepared = unsafe prepared else { throw EngineWords(text: "no instance") }
    return unsafe PreparedModule(self, owning: prepared)
  }

  /// The section of serialized code that names version, machine and settings; what is cached depends on all of it.
  func fingerprint() throws(WasmtimeError) -> [UInt8] {
    try Self.engineSection(unsafe Self.compileEmpty(wasmtime, engine))
  }

  /// The version that a library calls itself, told by code that it serializes: there is no function to ask.
  ///
  /// What this calls has had the same shape since wasmtime 1, so that any version may be asked.
  static func version(_ wasmtime: Wasmtime) throws(WasmtimeError) -> String {
    let api = unsafe wasmtime.functions
    guard let engine = unsafe api.pointee.wasm_engine_new_with_config(api.pointee.wasm_config_new()) else {
      throw .engine("no engine")
    }
    defer { unsafe api.pointee.wasm_engine_delete(engine) }
    let section = try engineSection(unsafe compileEmpty(wasmtime, engine))
    // One byte for the kind (0: a version in text), one for its length, then its text.
    guard section.count >= 2, section[0] == 0, section.count >= 2 + Int(section[1]) else { return "unknown" }
    return String(decoding: section[2..<(2 + Int(section[1]))], as: UTF8.self)
  }

  private static func engineSection(_ module: consuming CompiledModule) throws(WasmtimeError) -> [UInt8] {
    let bytes: [UInt8]
    do { bytes = try module.serialized() } catch { throw .engine(error.text) }
    do { return try CodeObject.engineSection(of: bytes) } catch { throw .engine("serialized code: \(error)") }
  }

  @unsafe
  private static func compileEmpty(_ wasmtime: Wasmtime, _ engine: OpaquePointer) throws(WasmtimeError)
    -> CompiledModule
  {
    do { return try unsafe compile(emptyModule, wasmtime, engine) } catch { throw .engine(error.text) }
  }

  /// Magic and version of the binary format, and nothing else.
  private static let emptyModule: [UInt8] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
}

/// What wasmtime said.
struct EngineWords: Error {
  let text: String
}

/// Bytes of an instance's memory that stay with the pool between calls.
private let residentBytes = 4 * wasmPageBytes

/// Bytes of a page of memory (WebAssembly 1.0, section 4.2.8).
let wasmPageBytes = 65_536

/// wasm.h, `wasm_valkind_enum`.
enum ValueKind {
  static let i32: UInt8 = 0
  static let i64: UInt8 = 1
}

/// wasm.h, `wasm_externkind_enum`.
enum ExternKind {
  static let function: UInt8 = 0
  static let memory: UInt8 = 3
}
