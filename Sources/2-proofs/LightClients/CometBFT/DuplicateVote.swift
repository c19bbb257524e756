import Encodings
public import WireBytes

extension CometBFT {
  /// A vote as evidence and gossip carry it, with the signature that covers its canonical form.
  public struct Vote: Hashable, Sendable {
    public let type: Int32
    public let height: Int64
    public let round: Int32
    public let blockID: BlockID
    public let timestamp: Timestamp
    public let validatorAddress: Bytes20
    public let validatorIndex: Int32
    public let signature: [UInt8]

    public init(
      type: Int32, height: Int64, round: Int32, blockID: BlockID, timestamp: Timestamp,
      validatorAddress: Bytes20, validatorIndex: Int32, signature: [UInt8]
    ) {
      self.type = type
      self.height = height
      self.round = round
      self.blockID = blockID
      self.timestamp = timestamp
      self.validatorAddress = validatorAddress
      self.validatorIndex = validatorIndex
      self.signature = signature
    }

    func write(to writer: inout ProtobufWriter) {
      writer.int32(1, type)
      writer.int64(2, height)
      writer.int32(3, round)
      writer.message(4) { blockID.write(to: &$0) }
      writer.message(5) { timestamp.write(to: &$0) }
      writer.bytes(6, validatorAddress)
      writer.int32(7, validatorIndex)
      writer.bytes(8, signature)
    }
  }

  /// Evidence that one validator voted twice in a round.
  public struct DuplicateVote: Hashable, Sendable {
    public let first: Vote
    public let second: Vote
    public let totalPower: Int64
    public let validatorPower: Int64
    public let timestamp: Timestamp

    public init(first: Vote, second: Vote, totalPower: Int64, validatorPower: Int64, timestamp: Timestamp) {
      self.first = first
      self.second = second
      self.totalPower = totalPower
      self.validatorPower = validatorPower
      self.timestamp = timestamp
    }

    /// {vote_a 1, vote_b 2, total_voting_power 3, validator_power 4, timestamp 5}: the leaf under `evidence_hash`.
    public func encoded() -> [UInt8] {
      var writer = ProtobufWriter()
      writer.message(1) { first.write(to: &$0) }
      writer.message(2) { second.write(to: &$0) }
      writer.int64(3, totalPower)
      writer.int64(4, validatorPower)
      writer.message(5) { timestamp.write(to: &$0) }
      return writer.bytes
    }

    /// `Evidence` {duplicate_vote_evidence 1}: how a block holds it.
    public func encodedInBlock() -> [UInt8] {
      var writer = ProtobufWriter()
      writer.alwaysBytes(1, encoded())
      return writer.bytes
    }
  }
}
