/// How far one call may go. All of it is consensus: every node of a domain needs the same values.
public struct ContractLimits: Hashable, Sendable {
  /// Pages of 64 KiB; `memory.grow` beyond answers -1.
  public let memoryPagesMax: Int
  public let tableElementsMax: Int
  /// Native stack of the contract's frames. Each nested query has its own.
  public let stackBytesMax: Int
  /// The longest region that an entry point may return.
  public let resultBytesMax: Int
  /// Iterators opened in one call.
  public let iteratorsMax: Int
  /// Calls of the contract that are open at once: the entry point, and `allocate` called by an import.
  public let callDepthMax: Int
  /// Compiled modules held in memory. Not consensus.
  public let codesInMemoryMax: Int
  /// Instances that come from the pool; more than these at once are made slowly. Not consensus.
  public let pooledInstances: Int

  /// wasmd's values: 32 MiB of memory (x/wasm/types/types.go), tables (vm static_analysis.rs), 64 MiB results
  /// (calls.rs), iterators (wasmvm callbacks.go), depth (environment.rs). The stack is ours.
  public static let standard = ContractLimits()

  public init(
    memoryPagesMax: Int = 512, tableElementsMax: Int = 2_500, stackBytesMax: Int = 512 << 10,
    resultBytesMax: Int = 64 << 20, iteratorsMax: Int = 32_768, callDepthMax: Int = 2,
    codesInMemoryMax: Int = 64, pooledInstances: Int = 64
  ) {
    self.memoryPagesMax = memoryPagesMax
    self.tableElementsMax = tableElementsMax
    self.stackBytesMax = stackBytesMax
    self.resultBytesMax = resultBytesMax
    self.iteratorsMax = iteratorsMax
    self.callDepthMax = callDepthMax
    self.codesInMemoryMax = codesInMemoryMax
    self.pooledInstances = pooledInstances
  }
}
