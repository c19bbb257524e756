/// What the binary of a contract is found to be, when it may be uploaded.
///
/// The checks are CosmWasm's (packages/vm/src/compatibility.rs, parsed_wasm.rs, gatekeeper.rs) in their order, over a
/// parser of our own. The types of values on the stack are left to the compiler, which refuses them as well.
public struct CodeAnalysis: Hashable, Sendable {
  /// A function that is imported or exported.
  public struct Function: Hashable, Sendable {
    public let name: String
    public let type: WasmFunctionType
  }

  /// Sorted by name.
  public let exports: [Function]
  /// In the order of the module; all of them from the module `env`.
  public let imports: [Function]
  /// Sorted; all of them are the chain's.
  public let requiredCapabilities: [String]
  /// The entry points that are exported.
  public let entryPoints: Set<EntryPoint>
  /// The number in the custom section `cw_migrate_version`.
  public let migrateVersion: UInt64?
  /// Pages of 64 KiB that the memory begins with.
  public let memoryPagesInitial: Int
  /// Whether an export `memory` is the memory.
  public let exportsMemory: Bool

  /// Whether all six entry points of IBC v1 are exported: the contract gets a port.
  public var hasIbcEntryPoints: Bool { EntryPoint.ibcV1.allSatisfy(entryPoints.contains) }
  /// Whether all four entry points of IBC v2 are exported.
  public var hasIbc2EntryPoints: Bool {
    [EntryPoint.ibc2PacketSend, .ibc2PacketReceive, .ibc2PacketAck, .ibc2PacketTimeout]
      .allSatisfy(entryPoints.contains)
  }

  /// The type of the exported function called `name`.
  public func exportType(_ name: String) -> WasmFunctionType? { exports.first { $0.name == name }?.type }

  private static let interfaceVersions = "interface_version_"
  private static let requirements = "requires_"

  /// Checks the unpacked binary of a contract.
  ///
  /// - Throws: ``AnalysisRefusal`` and nothing else. The input is untrusted; no input traps.
  /// - Complexity: one pass over the bytes; memory in proportion to them.
  public init(checking wasm: [UInt8], limits: CodeLimits = .standard) throws(AnalysisRefusal) {
    guard !wasm.isEmpty else { throw .empty }
    guard !wasm.starts(with: [0x1f, 0x8b, 0x08]) else { throw .gzip }
    guard wasm.count <= limits.sizeBytesMax else {
      throw .tooLarge(limit: limits.sizeBytesMax, actual: wasm.count)
    }
    let module: WasmModule
    do { module = try WasmModule(wasm) } catch { throw .malformed(error) }
    migrateVersion = try Self.migrateVersion(module.migrateVersions)
    try Self.checkTables(module, limits)
    memoryPagesInitial = try Self.checkMemories(module, limits)

    var exports: [Function] = []
    for export in module.exports where export.kind == .function {
      exports.append(Function(name: export.name, type: module.types[module.functionTypes[export.index]]))
    }
    exports.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    let names = exports.map { $0.name }
    try Self.checkInterfaceVersion(names)
    for required in ["allocate", "deallocate"] where !names.contains(required) {
      throw .missingExport(required)
    }
    imports = try Self.checkImports(module, limits)
    requiredCapabilities = names.filter { $0.hasPrefix(Self.requirements) && $0 != Self.requirements }
      .map { String($0.dropFirst(Self.requirements.count)) }
    let missing = requiredCapabilities.filter { !limits.capabilities.contains($0) }
    guard missing.isEmpty else { throw .capabilities(missing: missing) }
    try Self.checkFunctions(module, limits)
    guard !module.hasStart else { throw .startSection }
    try module.checkBodies()

    self.exports = exports
    entryPoints = Set(names.compactMap { EntryPoint(rawValue: $0) })
    exportsMemory = module.exports.contains { $0.kind == .memory && $0.name == "memory" }
  }

  private static func migrateVersion(_ sections: [[UInt8]]) throws(AnalysisRefusal) -> UInt64? {
    guard let digits = sections.first else { return nil }
    guard sections.count == 1, !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }),
      let version = UInt64(String(decoding: digits, as: UTF8.self))
    else { throw .migrateVersion }
    return version
  }

  private static func checkTables(_ module: WasmModule, _ limits: CodeLimits) throws(AnalysisRefusal) {
    guard module.tables.count <= 1 else { throw .tables(count: module.tables.count) }
    guard let table = module.tables.first else { return }
    guard let maximum = table.maximum else { throw .tableUnbounded }
    guard Int(maximum) <= limits.tableElementsMax else {
      throw .tableTooLarge(limit: limits.tableElementsMax, actual: maximum)
    }
  }

  private static func checkMemories(
    _ module: WasmModule, _ limits: CodeLimits
  ) throws(AnalysisRefusal) -> Int {
    guard module.memories.count == 1 else { throw .memories(count: module.memories.count) }
    let memory = module.memories[0]
    guard Int(memory.minimum) <= limits.memoryPagesInitialMax else {
      throw .memoryInitial(limit: limits.memoryPagesInitialMax, actual: memory.minimum)
    }
    if let maximum = memory.maximum { throw .memoryMaximum(maximum) }
    return Int(memory.minimum)
  }

  private static func checkInterfaceVersion(_ names: [String]) throws(AnalysisRefusal) {
    let versions = names.filter { $0.hasPrefix(interfaceVersions) }
    guard let version = versions.first else { throw .interfaceVersionMissing }
    guard versions.count == 1 else { throw .interfaceVersions(count: versions.count) }
    guard version == "interface_version_8" else { throw .interfaceVersion(version) }
  }

  private static func checkImports(
    _ module: WasmModule, _ limits: CodeLimits
  ) throws(AnalysisRefusal) -> [Function] {
    guard module.imports.count <= limits.importsMax else {
      throw .imports(limit: limits.importsMax, actual: module.imports.count)
    }
    var imports: [Function] = []
    for entry in module.imports {
      guard entry.module == HostImport.module, HostImport(rawValue: entry.name) != nil else {
        throw .unsupportedImport("\(entry.module).\(entry.name)")
      }
      guard let type = entry.type else { throw .nonFunctionImport("\(entry.module).\(entry.name)") }
      imports.append(Function(name: entry.name, type: module.types[type]))
    }
    return imports
  }

  private static func checkFunctions(_ module: WasmModule, _ limits: CodeLimits) throws(AnalysisRefusal) {
    guard module.functions.count <= limits.functionsMax else {
      throw .functions(limit: limits.functionsMax, actual: module.functions.count)
    }
    let parameters = module.types.map { $0.parameters.count }.max() ?? 0
    guard parameters <= limits.parametersMax else {
      throw .parameters(limit: limits.parametersMax, actual: parameters)
    }
    let results = module.types.map { $0.results.count }.max() ?? 0
    guard results <= limits.resultsMax else { throw .results(limit: limits.resultsMax, actual: results) }
    let total = module.functions.reduce(0) { $0 + module.types[$1].parameters.count }
    guard total <= limits.parametersTotalMax else {
      throw .parametersTotal(limit: limits.parametersTotalMax, actual: total)
    }
    let locals = module.bodies.map { $0.locals }.max() ?? 0
    guard locals <= limits.localsMax else { throw .locals(limit: limits.localsMax, actual: locals) }
    let allLocals = module.bodies.reduce(0) { $0 + $1.locals }
    guard allLocals <= limits.localsTotalMax else {
      throw .localsTotal(limit: limits.localsTotalMax, actual: allLocals)
    }
  }
}
