/// Names of Hyperlane domain ids, for people. Most are EVM chain ids; the others were chosen by the registry.
///
/// Source: hyperlane-registry chains/*/metadata.yaml, hyperlane-monorepo rust/main/hyperlane-core/src/chain.rs.
public enum HyperlaneDomain {
  private static let names: [UInt32: String] = [
    1: "Ethereum", 10: "Optimism", 56: "BNB Smart Chain", 100: "Gnosis", 137: "Polygon", 324: "zkSync Era",
    1101: "Polygon zkEVM", 1284: "Moonbeam", 5000: "Mantle", 8453: "Base", 34443: "Mode", 42161: "Arbitrum",
    42220: "Celo", 43114: "Avalanche", 59144: "Linea", 81457: "Blast", 534352: "Scroll", 7777777: "Zora",
    1399811149: "Solana", 1408864445: "Eclipse", 6909546: "Injective", 1853125230: "Neutron",
    1634872690: "Stride", 11155111: "Sepolia", 17000: "Holesky", 84532: "Base Sepolia", 97: "BNB testnet",
    80001: "Mumbai", 80002: "Amoy", 43113: "Fuji", 5: "Goerli", 33111: "Curtis", 1287: "Moonbase Alpha",
  ]

  /// The name of `domain`; nil when it is not listed.
  public static func name(_ domain: UInt32) -> String? { names[domain] }

  /// `Base (8453)`, or `domain 9999`.
  public static func description(_ domain: UInt32) -> String {
    names[domain].map { "\($0) (\(domain))" } ?? "domain \(domain)"
  }
}
