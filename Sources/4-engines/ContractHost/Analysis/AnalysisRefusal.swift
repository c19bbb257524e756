/// Why code may not be uploaded, in the order in which it is checked.
public enum AnalysisRefusal: Error, Hashable, Sendable {
  case empty
  case tooLarge(limit: Int, actual: Int)
  /// A gzip stream (RFC 1952): whoever takes uploads unpacks it first, with ``CodeLimits/sizeBytesMax`` as the bound.
  case gzip
  /// The bytes are no module of the allowed features.
  case malformed(WasmMalformation)
  /// `cw_migrate_version` holds no decimal number of 64 bits, or is there twice.
  case migrateVersion
  case tables(count: Int)
  case tableUnbounded
  case tableTooLarge(limit: Int, actual: UInt32)
  case memories(count: Int)
  case memoryInitial(limit: Int, actual: UInt32)
  /// The host sets the maximum of the memory.
  case memoryMaximum(UInt32)
  case interfaceVersionMissing
  case interfaceVersions(count: Int)
  case interfaceVersion(String)
  case missingExport(String)
  case imports(limit: Int, actual: Int)
  case unsupportedImport(String)
  case nonFunctionImport(String)
  /// Sorted.
  case capabilities(missing: [String])
  case functions(limit: Int, actual: Int)
  case parameters(limit: Int, actual: Int)
  case results(limit: Int, actual: Int)
  case parametersTotal(limit: Int, actual: Int)
  case locals(limit: Int, actual: Int)
  case localsTotal(limit: Int, actual: Int)
  /// A start function would run before the call has its gas.
  case startSection
  /// An operator of a feature that contracts must not use, in the body of the function with this index.
  case feature(WasmFeature, opcode: UInt32, function: Int)
}

/// Features of WebAssembly that contracts must not use (CosmWasm packages/vm/src/wasm_backend/gatekeeper.rs).
public enum WasmFeature: Hashable, Sendable {
  case bulkMemory, simd, relaxedSIMD, threads, exceptions, tailCalls, gc, functionReferences, referenceTypes
  case memoryControl

  var words: (operation: String, plural: String) {
    switch self {
    case .bulkMemory: ("Bulk memory operation", "Bulk memory operations are not supported.")
    case .simd: ("SIMD operator", "The Wasm SIMD extension is not supported.")
    case .relaxedSIMD: ("Relaxed SIMD operator", "The Wasm Relaxed SIMD extension is not supported.")
    case .threads: ("Threads operator", "The Wasm Threads extension is not supported.")
    case .exceptions: ("Exception handling operation", "Exception handling is not supported.")
    case .tailCalls, .functionReferences, .referenceTypes:
      ("Reference type operation", "Reference types are not supported.")
    case .gc: ("GC operation", "GC Proposal is not supported.")
    case .memoryControl: ("Memory control operation", "Memory control is not supported.")
    }
  }
}

/// Why bytes are not a module. Offsets count from the start of the module.
public enum WasmMalformation: Error, Hashable, Sendable {
  case header
  case truncated(offset: Int, needed: Int)
  /// An integer in more bytes, or of more bits, than its type has.
  case integer(offset: Int)
  /// Text that is not UTF-8, or too long.
  case name(offset: Int)
  /// A section of no known kind, or of a feature that is off.
  case section(id: UInt8, offset: Int)
  /// A section that comes twice or too late.
  case sectionOrder(id: UInt8, offset: Int)
  /// What a section holds ends before or after its size says.
  case sectionSize(id: UInt8, offset: Int)
  /// A vector of more elements than can follow.
  case count(offset: Int, actual: UInt32)
  case valueType(UInt8, offset: Int)
  /// A form of types, limits, segments or imports that is not allowed.
  case form(UInt8, offset: Int)
  /// Limits whose minimum is over their maximum, or over what an address reaches.
  case limits(offset: Int)
  case index(IndexSpace, UInt32, offset: Int)
  case duplicateExport(offset: Int)
  /// The function section declares as many functions as the code section must hold.
  case bodies(declared: Int, actual: Int)
  case dataSegments(declared: UInt32, actual: Int)
  case constant(offset: Int)
  case opcode(UInt32, offset: Int)
  /// `else` without its `if`, or an `end` that closes nothing or is missing.
  case blocks(offset: Int)
  case alignment(UInt32, offset: Int)

  /// What an index counts.
  public enum IndexSpace: Hashable, Sendable {
    case type, function, table, memory, global, local, label
  }
}

extension AnalysisRefusal {
  /// Words for people and for the chain, as CosmWasm says it where it does.
  public var text: String {
    switch self {
    case .empty: "empty wasm code"
    case .tooLarge(let limit, let actual): "wasm code of \(actual) bytes is over the limit of \(limit)"
    case .gzip: "wasm code is compressed with gzip: send it unpacked"
    default: "Error during static Wasm validation: " + validation
    }
  }

  private var validation: String {
    switch self {
    case .empty, .tooLarge, .gzip: ""
    case .malformed(let cause):
      "Wasm bytecode could not be deserialized. Deserialization error: \"\(cause)\""
    case .migrateVersion: "cw_migrate_version is not a decimal number"
    case .tables: "Wasm contract must not have more than 1 table section"
    case .tableUnbounded: "Wasm contract must not have unbound table section"
    case .tableTooLarge: "Wasm contract's first table section has a too large max limit"
    case .memories: "Wasm contract must contain exactly one memory"
    case .memoryInitial(let limit, _): "Wasm contract memory's minimum must not exceed \(limit) pages."
    case .memoryMaximum:
      "Wasm contract memory's maximum must be unset. The host will set it for you."
    case .interfaceVersionMissing:
      "Wasm contract missing a required marker export: interface_version_*"
    case .interfaceVersions:
      "Wasm contract contains more than one marker export: interface_version_*"
    case .interfaceVersion:
      "Wasm contract has unknown interface_version_* marker export "
        + "(see https://github.com/CosmWasm/cosmwasm/blob/main/packages/vm/README.md)"
    case .missingExport(let name):
      "Wasm contract doesn't have required export: \"\(name)\". "
        + "Exports required by VM: [\"allocate\", \"deallocate\"]."
    case .imports(let limit, let actual):
      "Import count exceeds limit. Imports: \(actual). Limit: \(limit)."
    case .unsupportedImport(let name): "Wasm contract requires unsupported import: \"\(name)\"."
    case .nonFunctionImport(let name):
      "Wasm contract requires non-function import: \"\(name)\". Right now, all supported imports are functions."
    case .capabilities(let missing):
      "Wasm contract requires unavailable capabilities: {"
        + missing.map { "\"\($0)\"" }.joined(separator: ", ") + "}"
    case .functions(let limit, _): "Wasm contract contains more than \(limit) functions"
    case .parameters(let limit, _): "Wasm contract contains function with more than \(limit) parameters"
    case .results(let limit, _): "Wasm contract contains function with more than \(limit) results"
    case .parametersTotal(let limit, _):
      "Wasm contract contains more than \(limit) function parameters in total"
    case .locals(let limit, let actual):
      "Wasm contract contains function with more than \(limit) locals: \(actual)"
    case .localsTotal(let limit, let actual):
      "Wasm contract contains more than \(limit) function locals in total: \(actual)"
    case .startSection: "Wasm contract must not have a start function"
    case .feature(let feature, let opcode, _):
      "\(feature.words.operation) detected: 0x\(String(opcode, radix: 16)). \(feature.words.plural)"
    }
  }
}
