/// What code may be uploaded. All of it is consensus: every node of a domain needs the same values.
public struct CodeLimits: Hashable, Sendable {
  /// Bytes of the unpacked binary (wasmd x/wasm/types/validation.go, MaxWasmSize).
  public let sizeBytesMax: Int
  /// Pages of 64 KiB that the memory begins with.
  public let memoryPagesInitialMax: Int
  /// The most elements that the one table may have.
  public let tableElementsMax: Int
  public let importsMax: Int
  public let functionsMax: Int
  /// Parameters of any one type of function.
  public let parametersMax: Int
  /// Parameters of all functions together (CWA-2023-004).
  public let parametersTotalMax: Int
  /// Results of any one type of function.
  public let resultsMax: Int
  /// Declared locals of any one function.
  public let localsMax: Int
  public let localsTotalMax: Int
  /// What the chain can do: a contract says with exports `requires_…` what it needs.
  public let capabilities: Set<String>

  /// wasmd's values (CosmWasm packages/vm/src/config.rs, wasmd x/wasm/types/validation.go).
  public static let standard = CodeLimits()

  /// wasmd's list, and `cosmwasm_3_0`, whose query of ranges is answered here.
  public static let standardCapabilities: Set<String> = [
    "iterator", "staking", "stargate", "cosmwasm_1_1", "cosmwasm_1_2", "cosmwasm_1_3", "cosmwasm_1_4",
    "cosmwasm_2_0", "cosmwasm_2_1", "cosmwasm_2_2", "cosmwasm_3_0", "ibc2",
  ]

  public init(
    sizeBytesMax: Int = 800 << 10, memoryPagesInitialMax: Int = 512, tableElementsMax: Int = 2_500,
    importsMax: Int = 100, functionsMax: Int = 20_000, parametersMax: Int = 100,
    parametersTotalMax: Int = 10_000, resultsMax: Int = 1, localsMax: Int = 100, localsTotalMax: Int = 10_000,
    capabilities: Set<String> = CodeLimits.standardCapabilities
  ) {
    self.sizeBytesMax = sizeBytesMax
    self.memoryPagesInitialMax = memoryPagesInitialMax
    self.tableElementsMax = tableElementsMax
    self.importsMax = importsMax
    self.functionsMax = functionsMax
    self.parametersMax = parametersMax
    self.parametersTotalMax = parametersTotalMax
    self.resultsMax = resultsMax
    self.localsMax = localsMax
    self.localsTotalMax = localsTotalMax
    self.capabilities = capabilities
  }
}
