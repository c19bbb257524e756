private import Synchronization
public import WireBytes

/// A module that was checked and compiled: ready to be called. A cheap value; the machine code is shared.
public struct CompiledCode: Sendable {
  /// SHA-256 of the binary.
  public let checksum: Bytes32
  public let analysis: CodeAnalysis
  /// What it was checked against.
  let limits: CodeLimits
  let image: CodeImage

  /// Whether the module exports this entry point, whatever its type.
  public func exports(_ entryPoint: EntryPoint) -> Bool { image.entryPoints[entryPoint] != nil }
}

/// The machine code of a module, with its imports resolved.
final class CodeImage: Sendable {
  /// For instances from the pool.
  let pooled: PreparedModule
  /// The types of the entry points that it exports.
  let entryPoints: [EntryPoint: WasmFunctionType]
  private let module: CompiledModule
  /// For instances when the pool is empty: the same machine code in an engine without one, made when first needed.
  private let unpooled = Mutex<PreparedModule?>(nil)

  /// - Throws: ``CodeRefusal`` `.importSignature`, `.exportSignature`, `.compiler`.
  init(
    _ module: consuming CompiledModule, analysis: CodeAnalysis, engine: WasmtimeEngine
  ) throws(CodeRefusal) {
    for item in analysis.imports {
      guard HostImport(rawValue: item.name)?.type == item.type else { throw .importSignature(item.name) }
    }
    guard analysis.exportsMemory else { throw .exportSignature("memory") }
    guard analysis.exportType("allocate") == .pointers(1) else { throw .exportSignature("allocate") }
    guard analysis.exportType("deallocate") == WasmFunctionType(parameters: [.i32], results: []) else {
      throw .exportSignature("deallocate")
    }
    var entryPoints: [EntryPoint: WasmFunctionType] = [:]
    for entryPoint in EntryPoint.allCases {
      entryPoints[entryPoint] = analysis.exportType(entryPoint.exportName)
    }
    do { pooled = try engine.prepare(module) } catch { throw .compiler(error.text) }
    self.entryPoints = entryPoints
    self.module = module
  }

  /// The code for an engine without a pool; nil when it cannot be had.
  func prepared(in engine: WasmtimeEngine) -> PreparedModule? {
    unpooled.withLock { kept in
      if let kept { return kept }
      guard let bytes = try? module.serialized(), let loaded = try? engine.load(trusted: bytes) else {
        return nil
      }
      kept = try? engine.prepare(loaded)
      return kept
    }
  }
}

/// Compiled modules by checksum, the least lately used of which goes when there are too many.
struct CodeShelf: Sendable {
  private var codes: [Bytes32: (code: CompiledCode, used: UInt64)] = [:]
  private var clock: UInt64 = 0
  private let countMax: Int

  init(countMax: Int) { self.countMax = max(1, countMax) }

  mutating func code(_ checksum: Bytes32) -> CompiledCode? {
    clock += 1
    codes[checksum]?.used = clock
    return codes[checksum]?.code
  }

  mutating func keep(_ code: CompiledCode) {
    clock += 1
    codes[code.checksum] = (code, clock)
    guard codes.count > countMax, let oldest = codes.min(by: { $0.value.used < $1.value.used }) else {
      return
    }
    codes[oldest.key] = nil
  }
}
