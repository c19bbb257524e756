/// Costs in VM units ("CosmWasm gas"): a million a microsecond of a reference machine.
///
/// Source: cosmwasm packages/vm/src/environment.rs, `GasConfig::default`.
public enum VMGas {
  /// VM units of one unit of the chain's gas (wasmd x/wasm/types/gas_register.go, `DefaultGasMultiplier`).
  public static let perSDKGas: UInt64 = 140_000
  /// VM units of one unit of wasmtime's fuel, which one operator costs (engine.rs). Where the reference counts
  /// operators in its own way, fuel counts what wasmtime 50 charges: 1 each, and 0 for nop, drop, block, loop,
  /// unreachable, return, else and end.
  public static let perFuel: UInt64 = 115

  static let hostCall: UInt64 = 18_000
  static let writeRegion = LinearCost(base: 230_000, perItem: 570)
  static let readRegionSmall = LinearCost(base: 200_000, perItem: 115)
  static let readRegionLarge = LinearCost(base: 0, perItem: 520)
  /// Bytes up to which reading costs ``readRegionSmall``.
  static let readRegionSmallBytesMax = 8_000_000
  static let text = LinearCost(base: 28_700, perItem: 1_400)

  static let secp256k1Verify: UInt64 = 96_000_000
  static let secp256k1Recover: UInt64 = 194_000_000
  static let secp256r1Verify: UInt64 = 279_000_000
  static let secp256r1Recover: UInt64 = 592_000_000
  static let ed25519Verify: UInt64 = 35_000_000
  static let ed25519Batch = LinearCost(base: 24_000_000, perItem: 21_000_000)
  static let ed25519BatchOneKey = LinearCost(base: 36_000_000, perItem: 10_000_000)
  static let aggregateG1 = LinearCost(base: 68_000_000, perItem: 12_000_000)
  static let aggregateG2 = LinearCost(base: 103_500_000, perItem: 24_500_000)
  static let hashToG1: UInt64 = 563_000_000
  static let hashToG2: UInt64 = 871_000_000
  static let pairing = LinearCost(base: 2_112_000_000, perItem: 163_000_000)

  static func readRegion(bytes: Int) -> UInt64 {
    bytes <= readRegionSmallBytesMax ? readRegionSmall.cost(bytes) : readRegionLarge.cost(bytes)
  }
}

/// A cost that grows with the number of items. Counts are at most 2^32, so that no sum overflows.
struct LinearCost: Hashable, Sendable {
  let base: UInt64
  let perItem: UInt64

  func cost(_ items: Int) -> UInt64 { base + perItem * UInt64(items) }
}
