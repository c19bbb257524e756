/// The CometBFT consensus engine as seen by somebody who runs no node: its types, hashes, sign bytes and the rules by
/// which one header leads to the next.
///
/// Source of every rule and number: CometBFT v0.38 `types/` and `light/`; header, commit, sign-byte and hash rules are
/// the same in v1.
public enum CometBFT {
  /// A validator set or a commit with more entries is refused (`MaxVotesCount`, types/vote_set.go).
  public static let validatorsMax = 10_000
  /// A longer chain id is refused, in bytes (`MaxChainIDLen`, types/genesis.go).
  public static let chainIDBytesMax = 50
  /// The most voting power a set may have in all (`MaxTotalVotingPower`, types/validator_set.go).
  public static let powerMax = Int64.max / 8
  /// The block protocol that nodes of v0.34 to v1 run (`BlockProtocol`, version/version.go).
  public static let blockProtocol: UInt64 = 11
  /// A longer application hash is refused, in bytes. CometBFT states no limit; known applications use 8 to 64.
  public static let appHashBytesMax = 256
  /// A longer signature is refused, in bytes (`MaxSignatureSize`, types/signable.go, for Ed25519).
  public static let signatureBytesMax = 64
  /// The size of one part of a block, in bytes (`BlockPartSizeBytes`, types/params.go).
  public static let partBytes = 65_536
}
