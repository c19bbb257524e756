import CWasmtime

/// What an import's definition in a linker points to: which import it is, and the library to answer through.
final class ImportSlot: Sendable {
  private let wasmtime: Wasmtime
  private let host: HostImport

  init(_ wasmtime: Wasmtime, _ host: HostImport) {
    self.wasmtime = wasmtime
    self.host = host
  }

  /// Called by compiled code. The slot lives as long as its linker; the store's pointer is the frame of the call
  /// that is running, which whoever started the call holds; `cells` has room for the arguments and the result.
  static let called: wasmtime_func_unchecked_callback_t = { pointer, caller, cells, count in
    guard let pointer = unsafe pointer else { return nil }
    let slot = unsafe Unmanaged<ImportSlot>.fromOpaque(pointer).takeUnretainedValue()
    let api = unsafe slot.wasmtime.functions
    let context = unsafe api.pointee.wasmtime_caller_context(caller)
    // The words are never seen: the frame, if there is one, keeps why; the trap only unwinds the contract.
    let words = "host"
    guard let running = unsafe api.pointee.wasmtime_context_get_data(context) else {
      return unsafe api.pointee.wasmtime_trap_new(words, words.utf8.count)
    }
    let frame = unsafe Unmanaged<CallFrame>.fromOpaque(running).takeUnretainedValue()
    let parameters = min(slot.host.parameterCount, count)
    let arguments = ImportArguments { index in
      guard index < parameters else { return 0 }
      return unsafe UInt32(bitPattern: cells[index].i32)
    }
    guard let answer = frame.answer(slot.host, arguments) else {
      return unsafe api.pointee.wasmtime_trap_new(words, words.utf8.count)
    }
    switch slot.host.answer {
    case .nothing: break
    case .i32: unsafe cells[0].i32 = Int32(truncatingIfNeeded: answer)
    case .i64: unsafe cells[0].i64 = Int64(bitPattern: answer)
    }
    return nil
  }

  /// Called once, when the linker goes.
  static let released: @convention(c) (UnsafeMutableRawPointer?) -> Void = { pointer in
    guard let pointer = unsafe pointer else { return }
    unsafe Unmanaged<ImportSlot>.fromOpaque(pointer).release()
  }
}

/// The arguments of an import: at most four, all i32; those beyond are 0.
struct ImportArguments {
  let first: UInt32
  let second: UInt32
  let third: UInt32
  let fourth: UInt32

  init(_ at: (Int) -> UInt32) {
    first = at(0)
    second = at(1)
    third = at(2)
    fourth = at(3)
  }
}
