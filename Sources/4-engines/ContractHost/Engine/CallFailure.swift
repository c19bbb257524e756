/// Why a call of a contract gave no result. The same call fails the same way everywhere.
public enum CallFailure: Error, Hashable, Sendable {
  /// The limit was reached, here or in the backend.
  case outOfGas
  /// The contract called `abort` with these words, as Rust's panics do.
  case aborted(String)
  /// The contract ran into an instruction that traps.
  case trap(WasmTrap)
  /// The module does not export the function.
  case missingExport(String)
  /// The export takes another number of arguments.
  case arity(export: String, parameters: Int)
  /// Parameters or results of the export are not the regions of this interface.
  case signature(export: String)
  /// An import wanted memory, and the contract's `allocate` called an import that wanted memory.
  case callDepth
  /// What was handed over is wrong: by the import that stands there, or by the entry point.
  case host(HostFailure, in: HostImport?)
  /// The backend refused, with its words.
  case backend(String)
  /// The backend cannot read state: stop.
  case halted
  /// No instance could be made, with a fixed reason.
  case instantiation(InstantiationFailure)

  /// Why no instance could be made of a module that compiled.
  public enum InstantiationFailure: String, Hashable, Sendable {
    /// A table or the memory begins larger than the limits allow, or its first bytes lie outside it.
    case refused = "the module cannot be started within its limits"
    /// The system gave no stack to run on.
    case noStack = "no stack to run on"
  }

  /// Words for people and for the chain, without any stack trace; as the reference host says it where it does.
  public var text: String {
    let inGuest = "Error executing Wasm: Wasmer runtime error: RuntimeError: "
    return switch self {
    case .outOfGas: "Ran out of gas during contract execution"
    case .aborted(let words): "\(inGuest)Aborted: \(words)"
    case .trap(let trap): "\(inGuest)\(trap.text)"
    case .missingExport(let name):
      "Error resolving Wasm function: Could not get export: Missing export \(name)"
    case .arity(_, let parameters):
      "The called function args arity does not match. The contract's method arity: \(parameters)"
    case .signature(let name): "Error executing Wasm: the parameters or results of \(name) are not regions"
    case .callDepth: "\(inGuest)Maximum call depth exceeded."
    case .host(let failure, let place): place == nil ? failure.text : "\(inGuest)\(failure.text)"
    case .backend(let words): "\(inGuest)Error calling into the VM's backend: \(words)"
    case .halted: "\(inGuest)Error calling into the VM's backend: state cannot be read"
    case .instantiation(let reason): "Error instantiating a Wasm module: \(reason.rawValue)"
    }
  }
}

/// What was wrong with what a contract handed over.
public enum HostFailure: Error, Hashable, Sendable {
  case region(RegionError)
  case section(SectionError)
  /// Neither 1 (ascending) nor 2 (descending).
  case order(Int32)
  case keyTooBig(bytes: Int, limit: Int)
  case valueTooBig(bytes: Int, limit: Int)
  /// A query must not write.
  case writeInQuery
  case iterators(limit: Int)
  /// No `db_scan` of this call answered with this number.
  case unknownIterator(UInt32)
  /// The host has no pairings yet: the module loads, this call of it fails.
  case notSupported

  public var text: String {
    switch self {
    case .region(let error): "Error in guest/host communication: \(error.text)"
    case .section(let error): "Error in guest/host communication: Got an invalid section: \(error.text)"
    case .order(let order):
      "Error in guest/host communication: Got an invalid value for iteration order: \(order)"
    case .keyTooBig(let bytes, let limit):
      "Generic error: Key too big. Tried to write \(bytes) bytes to storage, limit is \(limit)."
    case .valueTooBig(let bytes, let limit):
      "Generic error: Value too big. Tried to write \(bytes) bytes to storage, limit is \(limit)."
    case .writeInQuery: "Must not call a writing storage function in this context."
    case .iterators(let limit):
      "Error calling into the VM's backend: Unknown error during call into backend: "
        + "reached iterator limit (\(limit))"
    case .unknownIterator(let number):
      "Error calling into the VM's backend: Iterator with ID \(number) does not exist"
    case .notSupported: "this host has no BLS12-381"
    }
  }
}

/// Instructions that end a call.
public enum WasmTrap: UInt8, Hashable, Sendable, CaseIterable {
  // The numbers are wasmtime's (include/wasmtime/trap.h of version 50); 11 is fuel, which is no trap here.
  case stackOverflow = 0
  case memoryOutOfBounds = 1
  case heapMisaligned = 2
  case tableOutOfBounds = 3
  case indirectCallToNull = 4
  case badSignature = 5
  case integerOverflow = 6
  case integerDivisionByZero = 7
  case badConversionToInteger = 8
  case unreachable = 9
  /// Any other; nothing that a checked module contains causes one.
  case other = 255

  /// wasmer's words, which contracts' authors know.
  public var text: String {
    switch self {
    case .stackOverflow: "call stack exhausted"
    case .memoryOutOfBounds: "out of bounds memory access"
    case .heapMisaligned: "misaligned heap"
    case .tableOutOfBounds: "undefined element: out of bounds table access"
    case .indirectCallToNull: "uninitialized element"
    case .badSignature: "indirect call type mismatch"
    case .integerOverflow: "integer overflow"
    case .integerDivisionByZero: "integer divide by zero"
    case .badConversionToInteger: "invalid conversion to integer"
    case .unreachable: "unreachable"
    case .other: "trap"
    }
  }
}
