/// The EVM chain of a devnet that has one.
public struct EVMOptions: Sendable {
  /// Where the chain is.
  public enum Place: Sendable {
    /// A node that this process starts (`script/evm-devnet`), with its chain in the devnet's directory; nil finds the
    /// script beside the contracts.
    case own(script: String?)
    /// Somebody's node: geth's, anvil's. The accounts must have ether there.
    case endpoint(String)
  }

  public var place: Place
  public var chainID = DevnetNames.reefChainID
  /// As `script/contracts` has built them.
  public var artifacts: EVMArtifacts
  /// The least time between two blocks of an own node, in whole seconds: an EVM block's time is one.
  public var blockSeconds = 1
  /// Blocks that an own node's final block is behind.
  public var finalityBlocks = 2

  public init(_ place: Place = .own(script: nil), artifacts: EVMArtifacts) {
    self.place = place
    self.artifacts = artifacts
  }
}
