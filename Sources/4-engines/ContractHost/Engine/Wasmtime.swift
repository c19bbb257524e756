// Public types of the C module appear in this room's internals only.
import CWasmtime

/// The functions of the loaded library.
///
/// The table is filled once, before anybody sees it, never written again and never freed, as the library is never
/// unloaded: so threads may share it.
@safe
struct Wasmtime: Sendable {
  nonisolated(unsafe) let functions: UnsafePointer<causeway_wasmtime>

  /// Opens the library at `path`.
  ///
  /// - Throws: `.notLoadable`, `.missingSymbol`.
  init(loading path: String) throws(WasmtimeError) {
    let table = UnsafeMutablePointer<causeway_wasmtime>.allocate(capacity: 1)
    let whyBytes = 512
    let why = UnsafeMutablePointer<CChar>.allocate(capacity: whyBytes)
    unsafe why.initialize(repeating: 0, count: whyBytes)
    defer { unsafe why.deallocate() }
    // Every field is written when this answers "loaded"; `why` is ended by a zero within its bytes.
    let status = unsafe causeway_wasmtime_load(path, table, why, whyBytes)
    guard status == CAUSEWAY_WASMTIME_LOADED else {
      unsafe table.deallocate()
      let words = unsafe String(cString: why)
      throw status == CAUSEWAY_WASMTIME_MISSING_SYMBOL
        ? .missingSymbol(path: path, name: words) : .notLoadable(path: path, reason: words)
    }
    unsafe functions = UnsafePointer(table)
  }

  /// The words of an error, which is freed.
  @unsafe
  func words(freeing error: OpaquePointer) -> String {
    var message = unsafe wasm_byte_vec_t()
    // Writes a vector that this function then owns, as it owns the error.
    unsafe functions.pointee.wasmtime_error_message(error, &message)
    unsafe functions.pointee.wasmtime_error_delete(error)
    return unsafe String(decoding: bytes(freeing: &message), as: UTF8.self)
  }

  /// A copy of the bytes of a vector, which is freed.
  @unsafe
  func bytes(freeing vector: inout wasm_byte_vec_t) -> [UInt8] {
    // `data` points to `size` bytes until the vector is deleted.
    let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: vector.data, count: vector.size))
    unsafe functions.pointee.wasm_byte_vec_delete(&vector)
    return bytes
  }

  /// Turns the text form of a module into its binary form.
  ///
  /// - Throws: `.text`.
  func assemble(_ text: String) throws(WasmtimeError) -> [UInt8] {
    var binary = unsafe wasm_byte_vec_t()
    var text = text
    // Reads the text only; writes a vector that this function then owns.
    let error = text.withUTF8 { utf8 in
      unsafe utf8.withMemoryRebound(to: CChar.self) { characters in
        guard let start = characters.baseAddress else { return unsafe OpaquePointer?.none }
        return unsafe functions.pointee.wasmtime_wat2wasm(start, characters.count, &binary)
      }
    }
    if let error = unsafe error { throw .text(unsafe words(freeing: error)) }
    return unsafe bytes(freeing: &binary)
  }
}
