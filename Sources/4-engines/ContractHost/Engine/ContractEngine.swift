import CWasmtime
private import Digests
private import Synchronization
public import WireBytes

/// Compiles contracts and calls them. Safe to use from any thread; one for a process is enough.
///
/// An instance lives for one call: it is made from code whose imports are resolved already, in memory that was
/// reserved at the start, which costs microseconds, and so nothing of a call can reach the next.
public final class ContractEngine: Sendable {
  public let limits: ContractLimits
  private let wasmtime: Wasmtime
  private let pooled: WasmtimeEngine
  private let unpooled: WasmtimeEngine
  private let cache: CodeCache?
  private let fingerprint: Bytes32
  private let shelf: Mutex<CodeShelf>
  private let running = Atomic<Int>(0)

  /// - Parameter cache: where compiled modules outlive the process; nil for memory only.
  /// - Throws: ``WasmtimeError`` `.engine`.
  public init(
    library: WasmtimeLibrary, limits: ContractLimits = .standard, cache: CodeCache? = nil
  ) throws(WasmtimeError) {
    self.limits = limits
    self.cache = cache
    wasmtime = library.wasmtime
    pooled = try WasmtimeEngine(library.wasmtime, limits: limits, pooled: true)
    unpooled = try WasmtimeEngine(library.wasmtime, limits: limits, pooled: false)
    fingerprint = SHA256Hash.hash(try pooled.fingerprint())
    shelf = Mutex(CodeShelf(countMax: limits.codesInMemoryMax))
  }

  /// The compiled module, if it lies in memory.
  public func code(_ checksum: Bytes32) -> CompiledCode? {
    shelf.withLock { $0.code(checksum) }
  }

  /// Checks a module and compiles it, unless memory or the cache has it already.
  ///
  /// - Parameter wasm: the binary, not compressed.
  /// - Throws: ``CodeRefusal``.
  public func compile(_ wasm: [UInt8], limits: CodeLimits = .standard) throws(CodeRefusal) -> CompiledCode {
    let checksum = SHA256Hash.hash(wasm)
    let known = code(checksum)
    if let known, known.limits == limits { return known }
    let analysis: CodeAnalysis
    do { analysis = try CodeAnalysis(checking: wasm, limits: limits) } catch { throw .analysis(error) }
    let image: CodeImage
    if let known {
      image = known.image
    } else {
      image = try CodeImage(try module(wasm, checksum), analysis: analysis, engine: pooled)
    }
    let code = CompiledCode(checksum: checksum, analysis: analysis, limits: limits, image: image)
    shelf.withLock { $0.keep(code) }
    return code
  }

  private func module(_ wasm: [UInt8], _ checksum: Bytes32) throws(CodeRefusal) -> CompiledModule {
    if let kept = cache?.code(checksum, fingerprint: fingerprint),
      let module = try? pooled.load(trusted: kept)
    {
      return module
    }
    do {
      let module = try pooled.compile(wasm)
      if let cache { cache.keep(try module.serialized(), checksum, fingerprint: fingerprint) }
      return module
    } catch {
      throw .compiler(error.text)
    }
  }

  /// Calls a contract. Every failure is an outcome, and the process survives every contract.
  ///
  /// `backend` is used in place, and what a failed call wrote to it stays written: use a branch of state.
  public func call<Backend: ContractBackend & ~Copyable>(
    _ call: ContractCall, of code: CompiledCode, backend: inout Backend
  ) -> CallOutcome {
    // The frame is gone when this returns: nothing keeps the pointer.
    unsafe withUnsafeMutablePointer(to: &backend) { pointer in
      let frame = unsafe BackendFrame(wasmtime, limits: limits, call: call, backend: pointer)
      return run(call, of: code.image, in: frame)
    }
  }

  /// The binary form of a module that is written as text (WAT): for tests and for looking at things.
  ///
  /// - Throws: ``WasmtimeError`` `.text`.
  public static func assemble(_ text: String, with library: WasmtimeLibrary) throws(WasmtimeError) -> [UInt8]
  {
    try library.wasmtime.assemble(text)
  }

  /// Runs on this thread if its stack has room for the contract, for the host beneath it and for one more round.
  private func run(_ call: ContractCall, of image: CodeImage, in frame: CallFrame) -> CallOutcome {
    let errand = Errand(self, call, image, frame)
    if causeway_stack_left() >= limits.stackBytesMax + Self.hostStackBytes {
      errand.run()
    } else {
      // The errand is held here until the thread has ended; only that thread touches it meanwhile.
      let started = unsafe causeway_run_with_stack(
        limits.stackBytesMax * 8 + Self.hostStackBytes * 8,
        Errand.runPointed,
        Unmanaged.passUnretained(errand).toOpaque())
      if started != 0 { errand.result = .failure(.instantiation(.noStack)) }
    }
    return CallOutcome(
      result: errand.result, gasUsedInternally: frame.meter.internalUsed,
      gasUsedExternally: frame.meter.external, hostCalls: frame.hostCalls)
  }

  /// What the host's own functions may use below the contract, and those of whoever answers its queries.
  private static let hostStackBytes = 1 << 20

  /// A call on its way to the thread that runs it.
  private final class Errand {
    private let engine: ContractEngine
    private let call: ContractCall
    private let image: CodeImage
    private let frame: CallFrame
    var result: Result<[UInt8], CallFailure> = .failure(.instantiation(.noStack))

    init(_ engine: ContractEngine, _ call: ContractCall, _ image: CodeImage, _ frame: CallFrame) {
      self.engine = engine
      self.call = call
      self.image = image
      self.frame = frame
    }

    /// What a thread starts with: a pointer to an errand that somebody holds.
    static let runPointed: @convention(c) (UnsafeMutableRawPointer?) -> Void = { pointer in
      guard let pointer = unsafe pointer else { return }
      unsafe Unmanaged<Errand>.fromOpaque(pointer).takeUnretainedValue().run()
    }

    func run() {
      do { result = .success(try engine.execute(call, of: image, in: frame)) } catch {
        result = .failure(error)
      }
    }
  }

  private func execute(
    _ call: ContractCall, of image: CodeImage, in frame: CallFrame
  ) throws(CallFailure) -> [UInt8] {
    let name = call.entryPoint.exportName
    guard let shape = image.entryPoints[call.entryPoint] else { throw .missingExport(name) }
    var arguments = call.arguments[...]
    if call.entryPoint == .migrate, arguments.count == 3, shape.parameters.count == 2 {
      arguments.removeLast()
    }
    guard shape.parameters.count == arguments.count else {
      throw .arity(export: name, parameters: shape.parameters.count)
    }
    guard shape == .pointers(arguments.count) else { throw .signature(export: name) }

    let number = running.wrappingAdd(1, ordering: .relaxed).newValue
    defer { running.wrappingSubtract(1, ordering: .relaxed) }
    guard let prepared = number <= limits.pooledInstances ? image.pooled : image.prepared(in: unpooled) else {
      throw .instantiation(.refused)
    }

    // The frame outlives the store, and the store the instance and its parts.
    let store = unsafe newStore(
      prepared, Unmanaged.passUnretained(frame).toOpaque(), fuel: frame.meter.fuelForStore)
    defer { unsafe wasmtime.functions.pointee.wasmtime_store_delete(store) }
    let context = unsafe wasmtime.functions.pointee.wasmtime_store_context(store)
    var instance = wasmtime_instance_t()
    try unsafe instantiate(prepared, context, &instance)

    let allocate = try unsafe function("allocate", of: &instance, context)
    let deallocate = try unsafe function("deallocate", of: &instance, context)
    let entry = try unsafe function(name, of: &instance, context)
    let memory = try unsafe memory(of: &instance, context)
    frame.enter(unsafe CallFrame.Instance(context: context, memory: memory, allocate: allocate))
    defer { frame.leave() }

    var pointers: [UInt32] = []
    for argument in arguments { pointers.append(try frame.give(argument)) }
    let answer = try unsafe frame.callGuest(entry, pointers)
    let result = try frame.read(regionAt: answer, limit: limits.resultBytesMax)
    _ = try unsafe frame.callGuest(deallocate, [answer])
    return result
  }

  /// Calls an entry point with zeros for pointers, and looks at nothing that comes of it: wasmtime's own share of a
  /// call, for benchmarks to set beside ``call(_:of:backend:)``.
  ///
  /// - Returns: whether the contract returned.
  public func bareCall(_ entryPoint: EntryPoint, of code: CompiledCode, gasLimit: UInt64) -> Bool {
    guard let shape = code.image.entryPoints[entryPoint], shape == .pointers(shape.parameters.count) else {
      return false
    }
    let api = unsafe wasmtime.functions
    // No frame: an import that is called traps. The store outlives the instance and its parts.
    let store = unsafe newStore(code.image.pooled, nil, fuel: gasLimit / VMGas.perFuel)
    defer { unsafe api.pointee.wasmtime_store_delete(store) }
    let context = unsafe api.pointee.wasmtime_store_context(store)
    var instance = wasmtime_instance_t()
    guard (try? unsafe instantiate(code.image.pooled, context, &instance)) != nil,
      var function = try? unsafe function(entryPoint.exportName, of: &instance, context)
    else { return false }
    var trap: OpaquePointer?
    let count = max(shape.parameters.count, 1)
    let error = unsafe withUnsafeTemporaryAllocation(of: wasmtime_val_raw_t.self, capacity: count) { cells in
      unsafe cells.initialize(repeating: wasmtime_val_raw_t())
      guard let start = cells.baseAddress else { return unsafe OpaquePointer?.none }
      return unsafe api.pointee.wasmtime_func_call_unchecked(context, &function, start, count, &trap)
    }
    if let error = unsafe error { unsafe api.pointee.wasmtime_error_delete(error) }
    if let trap = unsafe trap { unsafe api.pointee.wasm_trap_delete(trap) }
    return unsafe error == nil && trap == nil
  }

  /// A store with the limits of a call; whoever asks deletes it.
  @unsafe
  private func newStore(_ prepared: PreparedModule, _ frame: UnsafeMutableRawPointer?, fuel: UInt64)
    -> OpaquePointer
  {
    let api = unsafe wasmtime.functions
    let store = unsafe api.pointee.wasmtime_store_new(prepared.engine.engine, frame, nil)
    unsafe api.pointee.wasmtime_store_limiter(
      store, Int64(limits.memoryPagesMax * wasmPageBytes), Int64(limits.tableElementsMax), 1, 1, 1)
    // Fuel is on in every engine of ours, which is the only error there is.
    _ = unsafe api.pointee.wasmtime_context_set_fuel(api.pointee.wasmtime_store_context(store), fuel)
    return unsafe store
  }

  @unsafe
  private func instantiate(
    _ prepared: PreparedModule, _ context: OpaquePointer, _ instance: inout wasmtime_instance_t
  ) throws(CallFailure) {
    let api = unsafe wasmtime.functions
    var trap: OpaquePointer?
    let error = unsafe api.pointee.wasmtime_instance_pre_instantiate(
      prepared.prepared, context, &instance, &trap)
    if let error = unsafe error {
      unsafe api.pointee.wasmtime_error_delete(error)
      throw .instantiation(.refused)
    }
    if let trap = unsafe trap {
      unsafe api.pointee.wasm_trap_delete(trap)
      throw .instantiation(.refused)
    }
  }

  @unsafe
  private func function(
    _ name: String, of instance: inout wasmtime_instance_t, _ context: OpaquePointer
  ) throws(CallFailure) -> wasmtime_func_t {
    var item = unsafe wasmtime_extern_t()
    guard
      unsafe wasmtime.functions.pointee.wasmtime_instance_export_get(
        context, &instance, name, name.utf8.count, &item), unsafe item.kind == ExternKind.function
    else { throw .missingExport(name) }
    return unsafe item.of.func
  }

  @unsafe
  private func memory(
    of instance: inout wasmtime_instance_t, _ context: OpaquePointer
  ) throws(CallFailure) -> wasmtime_memory_t {
    var item = unsafe wasmtime_extern_t()
    guard
      unsafe wasmtime.functions.pointee.wasmtime_instance_export_get(
        context, &instance, "memory", 6, &item), unsafe item.kind == ExternKind.memory
    else { throw .missingExport("memory") }
    return unsafe item.of.memory
  }
}
