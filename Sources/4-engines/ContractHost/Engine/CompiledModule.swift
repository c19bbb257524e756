import CWasmtime

/// A module in machine code, owned: freed when the value goes. wasmtime never changes it and uses it on any thread.
@safe
struct CompiledModule: ~Copyable, Sendable {
  private let wasmtime: Wasmtime
  nonisolated(unsafe) let module: OpaquePointer

  @unsafe
  init(_ wasmtime: Wasmtime, owning module: OpaquePointer) {
    self.wasmtime = wasmtime
    unsafe self.module = unsafe module
  }

  deinit { unsafe wasmtime.functions.pointee.wasmtime_module_delete(module) }

  /// The machine code with everything that ``WasmtimeEngine/load(trusted:)`` needs.
  func serialized() throws(EngineWords) -> [UInt8] {
    var bytes = unsafe wasm_byte_vec_t()
    // Writes a vector that this function then owns.
    let error = unsafe wasmtime.functions.pointee.wasmtime_module_serialize(module, &bytes)
    if let error = unsafe error { throw EngineWords(text: unsafe wasmtime.words(freeing: error)) }
    return unsafe wasmtime.bytes(freeing: &bytes)
  }

  /// Names of imports that are none of ours, or have another type than ours, in the module's order.
  func importsThatDoNotFit() -> [String] {
    let api = unsafe wasmtime.functions
    var imports = unsafe wasm_importtype_vec_t()
    // Writes a vector that this function then owns; what it points to lives as long.
    unsafe api.pointee.wasmtime_module_imports(module, &imports)
    defer { unsafe api.pointee.wasm_importtype_vec_delete(&imports) }
    var misfits: [String] = []
    for index in unsafe 0..<imports.size {
      guard let item = unsafe imports.data?[index] else { break }
      let name = unsafe wasmtime.name(api.pointee.wasm_importtype_name(item))
      let place = unsafe wasmtime.name(api.pointee.wasm_importtype_module(item))
      let shape = unsafe shape(api.pointee.wasm_importtype_type(item))
      guard place == HostImport.module, let host = HostImport(rawValue: name), shape == FunctionShape(host) else {
        misfits.append("\(place).\(name)")
        continue
      }
    }
    return misfits
  }

  /// Whether a memory is exported under the one name, and the exported functions with their types.
  func exports() -> (memory: Bool, functions: [String: FunctionShape]) {
    let api = unsafe wasmtime.functions
    var exports = unsafe wasm_exporttype_vec_t()
    // Writes a vector that this function then owns; what it points to lives as long.
    unsafe api.pointee.wasmtime_module_exports(module, &exports)
    defer { unsafe api.pointee.wasm_exporttype_vec_delete(&exports) }
    var memory = false
    var functions: [String: FunctionShape] = [:]
    for index in unsafe 0..<exports.size {
      guard let item = unsafe exports.data?[index] else { break }
      let name = unsafe wasmtime.name(api.pointee.wasm_exporttype_name(item))
      let type = unsafe api.pointee.wasm_exporttype_type(item)
      if let shape = unsafe shape(type) {
        functions[name] = shape
      } else if unsafe name == "memory" && api.pointee.wasm_externtype_kind(type) == ExternKind.memory {
        memory = true
      }
    }
    return (memory, functions)
  }

  /// Nil unless it is a function.
  @unsafe
  private func shape(_ type: OpaquePointer) -> FunctionShape? {
    let api = unsafe wasmtime.functions
    // Borrowed from the import or export, which the caller holds.
    guard let function = unsafe api.pointee.wasm_externtype_as_functype_const(type) else { return nil }
    return unsafe FunctionShape(
      parameters: kinds(api.pointee.wasm_functype_params(function)),
      results: kinds(api.pointee.wasm_functype_results(function)))
  }

  @unsafe
  private func kinds(_ vector: UnsafePointer<wasm_valtype_vec_t>) -> [UInt8] {
    (unsafe 0..<vector.pointee.size).map { index in
      guard let type = unsafe vector.pointee.data?[index] else { return UInt8.max }
      return unsafe wasmtime.functions.pointee.wasm_valtype_kind(type)
    }
  }
}

/// The kinds of a function's parameters and results.
struct FunctionShape: Hashable, Sendable {
  let parameters: [UInt8]
  let results: [UInt8]

  init(parameters: [UInt8], results: [UInt8]) {
    self.parameters = parameters
    self.results = results
  }

  init(_ host: HostImport) {
    parameters = [UInt8](repeating: ValueKind.i32, count: host.parameterCount)
    results =
      switch host.answer {
      case .nothing: []
      case .i32: [ValueKind.i32]
      case .i64: [ValueKind.i64]
      }
  }

  /// So many i32 parameters, and one i32 result.
  static func pointers(_ count: Int) -> FunctionShape {
    FunctionShape(parameters: [UInt8](repeating: ValueKind.i32, count: count), results: [ValueKind.i32])
  }

  static let deallocate = FunctionShape(parameters: [ValueKind.i32], results: [])
}

/// A module whose imports are resolved in one engine, owned.
///
/// wasmtime makes instances of it on any thread, and it is never changed.
@safe
final class PreparedModule: Sendable {
  let engine: WasmtimeEngine
  nonisolated(unsafe) let prepared: OpaquePointer

  @unsafe
  init(_ engine: WasmtimeEngine, owning prepared: OpaquePointer) {
    self.engine = engine
    unsafe self.prepared = unsafe prepared
  }

  deinit { unsafe engine.wasmtime.functions.pointee.wasmtime_instance_pre_delete(prepared) }
}
