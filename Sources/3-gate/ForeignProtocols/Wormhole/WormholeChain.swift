/// Names of Wormhole chain ids, for people. Ids that are not listed are as good as those that are.
///
/// Source: wormhole sdk/vaa/structs.go at 640e1848.
public enum WormholeChain {
  private static let names: [UInt16: String] = [
    1: "Solana", 2: "Ethereum", 3: "Terra Classic", 4: "BNB Smart Chain", 5: "Polygon", 6: "Avalanche",
    7: "Oasis", 8: "Algorand", 9: "Aurora", 10: "Fantom", 11: "Karura", 12: "Acala", 13: "Klaytn", 14: "Celo",
    15: "NEAR", 16: "Moonbeam", 18: "Terra", 19: "Injective", 20: "Osmosis", 21: "Sui", 22: "Aptos",
    23: "Arbitrum", 24: "Optimism", 25: "Gnosis", 26: "Pythnet", 28: "Xpla", 29: "BTC", 30: "Base",
    32: "Sei", 33: "Rootstock", 34: "Scroll", 35: "Mantle", 36: "Blast", 37: "X Layer", 38: "Linea",
    39: "Berachain", 40: "Sei EVM", 43: "Snaxchain", 44: "Unichain", 45: "World Chain", 46: "Ink",
    47: "HyperEVM", 48: "Monad", 3104: "Wormchain", 4000: "Cosmos Hub", 4001: "Evmos", 4002: "Kujira",
    4003: "Neutron", 4004: "Celestia", 4005: "Stargaze", 4009: "Noble", 10002: "Sepolia",
    10003: "Arbitrum Sepolia", 10004: "Base Sepolia", 10005: "Optimism Sepolia", 10006: "Holesky",
    10007: "Polygon Amoy",
  ]

  /// The name of `chain`; nil when it is not listed.
  public static func name(_ chain: UInt16) -> String? { names[chain] }

  /// `Ethereum (2)`, or `chain 9999`.
  public static func description(_ chain: UInt16) -> String {
    names[chain].map { "\($0) (\(chain))" } ?? "chain \(chain)"
  }
}
