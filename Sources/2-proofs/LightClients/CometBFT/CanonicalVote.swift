import Encodings
import WireBytes

extension CometBFT {
  /// What a validator signs when it votes (`CanonicalVote`, types/canonical.go).
  public struct CanonicalVote: Hashable, Sendable {
    /// `SignedMsgType`: 1 prevote, 2 precommit; 0 appears in test vectors alone.
    public let type: Int32
    public let height: Int64
    public let round: Int64
    /// Nil for a vote for no block.
    public let blockID: BlockID?
    public let chainID: String

    public static let prevote: Int32 = 1
    public static let precommit: Int32 = 2

    private let prefix: [UInt8]
    private let suffix: [UInt8]

    /// All but the time, which differs from validator to validator: the rest is encoded once for a whole commit.
    public init(type: Int32, height: Int64, round: Int64, blockID: BlockID?, chainID: String) {
      self.type = type
      self.height = height
      self.round = round
      self.blockID = blockID
      self.chainID = chainID
      var before = ProtobufWriter()
      before.int32(1, type)
      before.sfixed64(2, height)
      before.sfixed64(3, round)
      if let blockID, blockID != .none { before.message(4) { blockID.write(to: &$0) } }
      prefix = before.bytes
      var after = ProtobufWriter()
      after.string(6, chainID)
      suffix = after.bytes
    }

    /// The signed bytes of the vote cast at `timestamp`: the message behind its length.
    public func signBytes(at timestamp: Timestamp) -> [UInt8] {
      var writer = ProtobufWriter()
      writer.message(5) { timestamp.write(to: &$0) }
      return ProtobufWriter.delimited((prefix + writer.bytes + suffix).span)
    }
  }
}
