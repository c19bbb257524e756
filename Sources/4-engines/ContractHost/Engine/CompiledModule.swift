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
