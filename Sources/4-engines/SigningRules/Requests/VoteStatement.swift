public import LightClients

/// Why fields are no vote.
public enum VoteStatementError: Error, Hashable, Sendable {
  /// CometBFT takes 1 to 50 bytes (`MaxChainIDLen`, types/genesis.go).
  case chainIDLength(max: Int, actual: Int)
  /// Heights start at 1.
  case height(Int64)
  case round(Int32)
  /// A block is named whole, by its hash and its parts; a vote for nothing has no block at all.
  case incompleteBlockID
}

/// A validator's vote, in the fields that it signs.
public struct VoteStatement: Hashable, Sendable {
  public static let chainIDSizeMax = 50

  /// CometBFT's `SignedMsgType`; prevotes are cast before precommits.
  public enum Kind: Int32, Hashable, Sendable, CaseIterable {
    case prevote = 1
    case precommit = 2
  }

  public let chainID: String
  public let kind: Kind
  public let height: Int64
  public let round: Int32
  /// Nil is a vote for no block.
  public let blockID: CometBFT.BlockID?
  public let timestamp: CometBFT.Timestamp

  /// - Throws: ``VoteStatementError``.
  public init(
    chainID: String, kind: Kind, height: Int64, round: Int32, blockID: CometBFT.BlockID?,
    timestamp: CometBFT.Timestamp
  ) throws(VoteStatementError) {
    guard (1...Self.chainIDSizeMax).contains(chainID.utf8.count) else {
      throw .chainIDLength(max: Self.chainIDSizeMax, actual: chainID.utf8.count)
    }
    guard height > 0 else { throw .height(height) }
    guard round >= 0 else { throw .round(round) }
    if let blockID {
      guard blockID.hash != nil, blockID.parts.hash != nil, blockID.parts.total > 0 else {
        throw .incompleteBlockID
      }
    }
    self.chainID = chainID
    self.kind = kind
    self.height = height
    self.round = round
    self.blockID = blockID
    self.timestamp = timestamp
  }

  /// The bytes to sign: CometBFT's `CanonicalVote` behind its length.
  public var signBytes: [UInt8] {
    let vote = CometBFT.CanonicalVote(
      type: kind.rawValue, height: height, round: Int64(round), blockID: blockID, chainID: chainID)
    return vote.signBytes(at: timestamp)
  }
}
