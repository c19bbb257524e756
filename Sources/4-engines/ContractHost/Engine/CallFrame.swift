import CWasmtime

/// One call while it runs: the instance, what gas is left, what went wrong.
///
/// A class because compiled code finds it through a pointer in wasmtime's store. It belongs to the one thread that
/// runs the call. Without a backend (``BackendFrame``) it refuses whatever would touch one.
@safe
class CallFrame {
  let wasmtime: Wasmtime
  let limits: ContractLimits
  let isReadOnly: Bool
  let records: Bool
  var meter: GasMeter
  /// Why the contract was stopped, set by the import that stopped it.
  var failure: CallFailure?
  /// The import that is running, nil for the entry point.
  var place: HostImport?
  /// Handles of the backend; the contract knows number 1 as the first.
  var iterators: [Int] = []
  private(set) var hostCalls: [HostImport] = []
  private var depth = 0
  private var instance: Instance?

  /// Valid while the store of the call is: ``Instance`` is dropped before it.
  @safe
  struct Instance {
    let context: OpaquePointer
    var memory: wasmtime_memory_t
    var allocate: wasmtime_func_t
  }

  init(_ wasmtime: Wasmtime, limits: ContractLimits, call: ContractCall) {
    self.wasmtime = wasmtime
    self.limits = limits
    isReadOnly = call.isReadOnly
    records = call.records
    meter = GasMeter(limit: call.gasLimit)
  }

  func enter(_ instance: Instance) { self.instance = instance }
  func leave() { instance = nil }

  /// Runs an import. Nil when the call must end: ``failure`` says why.
  func answer(_ host: HostImport, _ arguments: ImportArguments) -> UInt64? {
    // Only a start function could come here before the instance is there, and modules with one are refused.
    guard let instance else { return nil }
    let outer = place
    place = host
    defer { place = outer }
    if records, hostCalls.count < CallOutcome.hostCallsMax { hostCalls.append(host) }
    takeBackFuel(instance)
    defer { putFuel(instance) }
    do {
      try meter.charge(VMGas.hostCall)
      return try perform(host, arguments)
    } catch {
      failure = error
      return nil
    }
  }

  private func takeBackFuel(_ instance: Instance) {
    var stored: UInt64 = 0
    // Fuel is on in every engine of ours, which is the only error there is.
    _ = unsafe wasmtime.functions.pointee.wasmtime_context_get_fuel(instance.context, &stored)
    meter.takeBack(stored)
  }

  private func putFuel(_ instance: Instance) {
    _ = unsafe wasmtime.functions.pointee.wasmtime_context_set_fuel(instance.context, meter.fuelForStore)
  }

  /// Calls a function of the contract that takes and gives i32, whose type was compared when the module was compiled.
  ///
  /// - Throws: what stopped the contract.
  @unsafe
  func callGuest(_ function: wasmtime_func_t, _ arguments: [UInt32]) throws(CallFailure) -> UInt32 {
    guard let instance else { throw .instantiation(.refused) }
    guard depth < limits.callDepthMax else { throw .callDepth }
    depth += 1
    defer { depth -= 1 }
    putFuel(instance)
    var function = unsafe function
    var trap: OpaquePointer?
    var answer: UInt32 = 0
    let api = unsafe wasmtime.functions
    let error = unsafe withUnsafeTemporaryAllocation(
      of: wasmtime_val_raw_t.self, capacity: max(arguments.count, 1)
    ) {
      cells in
      unsafe cells.initialize(repeating: wasmtime_val_raw_t())
      for (index, argument) in arguments.enumerated() {
        unsafe cells[index].i32 = Int32(bitPattern: argument)
      }
      guard let start = cells.baseAddress else { return unsafe OpaquePointer?.none }
      // The cells hold the arguments and take the result, as the function's type says.
      let error = unsafe api.pointee.wasmtime_func_call_unchecked(
        instance.context, &function, start, cells.count, &trap)
      answer = unsafe UInt32(bitPattern: cells[0].i32)
      return unsafe error
    }
    takeBackFuel(instance)
    if let error = unsafe error {
      unsafe api.pointee.wasmtime_error_delete(error)
      throw failure ?? .trap(.other)
    }
    if let trap = unsafe trap {
      var code: UInt8 = .max
      let known = unsafe api.pointee.wasmtime_trap_code(trap, &code)
      unsafe api.pointee.wasm_trap_delete(trap)
      if let failure { throw failure }
      // 11: wasmtime's own out-of-fuel. Whatever trapped after the last unit was used did so too late.
      if meter.isExhausted || (known && code == 11) { throw meter.exhaust() }
      throw .trap(known ? WasmTrap(rawValue: code) ?? .other : .other)
    }
    if meter.isExhausted { throw .outOfGas }
    return answer
  }

  /// Has the contract allocate a region, and writes into it.
  ///
  /// - Returns: the region's address.
  func give(_ bytes: [UInt8]) throws(CallFailure) -> UInt32 {
    guard let instance else { throw .instantiation(.refused) }
    let pointer = try unsafe callGuest(instance.allocate, [UInt32(clamping: bytes.count)])
    guard pointer != 0 else { throw .host(.region(.zeroAddress), in: place) }
    try write(bytes, toRegionAt: pointer)
    return pointer
  }

  /// A copy of the bytes of a region.
  ///
  /// Gas is charged for the length before the length is compared, as the reference does.
  func read(regionAt pointer: UInt32, limit: Int) throws(CallFailure) -> [UInt8] {
    let region = try regionAt(pointer)
    try meter.charge(VMGas.readRegion(bytes: Int(region.length)))
    do throws(RegionError) {
      guard Int(region.length) <= limit else {
        throw RegionError.tooLong(length: Int(region.length), limit: limit)
      }
      return try withMemory { (memory) throws(RegionError) in try memory.read(region) }
    } catch {
      throw .host(.region(error), in: place)
    }
  }

  /// Writes into a region that the contract has prepared, and sets its length.
  func write(_ bytes: [UInt8], toRegionAt pointer: UInt32) throws(CallFailure) {
    var region = try regionAt(pointer)
    try meter.charge(VMGas.writeRegion.cost(bytes.count))
    do throws(RegionError) {
      guard bytes.count <= Int(region.capacity) else {
        throw RegionError.tooSmall(capacity: Int(region.capacity), needed: bytes.count)
      }
      region.length = UInt32(bytes.count)
      try withMemory { (memory) throws(RegionError) in try memory.write(bytes, region, at: pointer) }
    } catch {
      throw .host(.region(error), in: place)
    }
  }

  private func regionAt(_ pointer: UInt32) throws(CallFailure) -> Region {
    do {
      return try withMemory { (memory) throws(RegionError) in try memory.region(at: pointer) }
    } catch {
      throw .host(.region(error), in: place)
    }
  }

  /// Lends the contract's memory as it is now; it may grow whenever the contract runs, so never longer.
  private func withMemory<Value>(
    _ body: (GuestMemory) throws(RegionError) -> Value
  ) throws(RegionError) -> Value {
    guard var instance else { throw .unreadable(pointer: 0) }
    let api = unsafe wasmtime.functions
    let start = unsafe api.pointee.wasmtime_memory_data(instance.context, &instance.memory)
    let count = unsafe api.pointee.wasmtime_memory_data_size(instance.context, &instance.memory)
    return try body(unsafe GuestMemory(start: start, count: count))
  }

  // What a frame with a backend does.

  func storageRead(_ key: [UInt8]) throws(BackendFailure) -> BackendAnswer<[UInt8]?> { throw .halt }
  func storageWrite(_ value: [UInt8], to key: [UInt8]) throws(BackendFailure) -> UInt64 { throw .halt }
  func storageRemove(_ key: [UInt8]) throws(BackendFailure) -> UInt64 { throw .halt }
  func storageScan(from: [UInt8]?, until: [UInt8]?, descending: Bool) throws(BackendFailure)
    -> BackendAnswer<Int>
  {
    throw .halt
  }
  func storageNext(_ iterator: Int) throws(BackendFailure) -> BackendAnswer<ContractEntry?> { throw .halt }
  func chainQuery(_ request: [UInt8], gasLimit: UInt64) throws(BackendFailure) -> BackendAnswer<[UInt8]> {
    throw .halt
  }
  func addressCanonicalize(_ human: String) throws(BackendFailure)
    -> BackendAnswer<Result<[UInt8], AddressRefusal>>
  {
    throw .halt
  }
  func addressHumanize(_ canonical: [UInt8]) throws(BackendFailure)
    -> BackendAnswer<Result<String, AddressRefusal>>
  {
    throw .halt
  }
  func addressValidate(_ human: String) throws(BackendFailure) -> BackendAnswer<AddressRefusal?> {
    throw .halt
  }
  func debugPrint(_ text: String) {}
}

/// A frame that works on the backend of whoever started the call.
///
/// The pointer is to the caller's `inout` value, which stays put and untouched by others until the call returns.
@safe
final class BackendFrame<Backend: ContractBackend & ~Copyable>: CallFrame {
  private let backend: UnsafeMutablePointer<Backend>

  @unsafe
  init(
    _ wasmtime: Wasmtime, limits: ContractLimits, call: ContractCall, backend: UnsafeMutablePointer<Backend>
  ) {
    unsafe self.backend = unsafe backend
    super.init(wasmtime, limits: limits, call: call)
  }

  override func storageRead(_ key: [UInt8]) throws(BackendFailure) -> BackendAnswer<[UInt8]?> {
    try unsafe backend.pointee.read(key)
  }
  override func storageWrite(_ value: [UInt8], to key: [UInt8]) throws(BackendFailure) -> UInt64 {
    try unsafe backend.pointee.write(value, to: key)
  }
  override func storageRemove(_ key: [UInt8]) throws(BackendFailure) -> UInt64 {
    try unsafe backend.pointee.remove(key)
  }
  override func storageScan(from: [UInt8]?, until: [UInt8]?, descending: Bool) throws(BackendFailure)
    -> BackendAnswer<Int>
  {
    try unsafe backend.pointee.scan(from: from, until: until, descending: descending)
  }
  override func storageNext(_ iterator: Int) throws(BackendFailure) -> BackendAnswer<ContractEntry?> {
    try unsafe backend.pointee.next(iterator)
  }
  override func chainQuery(_ request: [UInt8], gasLimit: UInt64) throws(BackendFailure)
    -> BackendAnswer<[UInt8]>
  {
    try unsafe backend.pointee.query(request, gasLimit: gasLimit)
  }
  override func addressCanonicalize(_ human: String) throws(BackendFailure)
    -> BackendAnswer<Result<[UInt8], AddressRefusal>>
  {
    try unsafe backend.pointee.canonicalize(human)
  }
  override func addressHumanize(_ canonical: [UInt8]) throws(BackendFailure)
    -> BackendAnswer<Result<String, AddressRefusal>>
  {
    try unsafe backend.pointee.humanize(canonical)
  }
  override func addressValidate(_ human: String) throws(BackendFailure) -> BackendAnswer<AddressRefusal?> {
    try unsafe backend.pointee.validate(human)
  }
  override func debugPrint(_ text: String) { unsafe backend.pointee.debug(text) }
}
