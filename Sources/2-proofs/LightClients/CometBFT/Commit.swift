import Encodings
public import WireBytes

extension CometBFT {
  /// What one validator did in a commit.
  public enum CommitSignature: Hashable, Sendable {
    /// No vote came in time.
    case absent
    case vote(CommitVote)

    /// The vote, when it is for the block of the commit.
    public var voteForBlock: CommitVote? {
      guard case .vote(let vote) = self, vote.choice == .block else { return nil }
      return vote
    }
  }

  /// A precommit in a commit.
  public struct CommitVote: Hashable, Sendable {
    public enum Choice: Int32, Hashable, Sendable {
      /// For the block of the commit.
      case block = 2
      /// For no block.
      case none = 3
    }

    public let choice: Choice
    public let validatorAddress: Bytes20
    public let timestamp: Timestamp
    /// 1 to 64 bytes.
    public let signature: [UInt8]

    public init(choice: Choice, validatorAddress: Bytes20, timestamp: Timestamp, signature: [UInt8]) {
      self.choice = choice
      self.validatorAddress = validatorAddress
      self.timestamp = timestamp
      self.signature = signature
    }
  }

  /// The precommits that are said to have decided a block, one entry per validator in the order of the set.
  public struct Commit: Hashable, Sendable {
    public var height: Int64
    public var round: Int32
    public var blockID: BlockID
    public var signatures: [CommitSignature]

    public init(height: Int64, round: Int32, blockID: BlockID, signatures: [CommitSignature]) {
      self.height = height
      self.round = round
      self.blockID = blockID
      self.signatures = signatures
    }

    /// What the next block's header holds as `last_commit_hash`: the root over the signatures alone.
    public func hash() -> Bytes32 { merkleRoot(signatures.map { $0.encoded() }) }
  }

  /// A header with the commit that is said to have decided it.
  public struct SignedHeader: Hashable, Sendable {
    public var header: Header
    public var commit: Commit

    public init(header: Header, commit: Commit) {
      self.header = header
      self.commit = commit
    }
  }
}

// MARK: Protobuf

extension CometBFT.CommitSignature {
  /// Decodes {block_id_flag 1, validator_address 2, timestamp 3, signature 4}.
  public init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [1, 2, 3, 4])
    var flag: Int32 = 0
    var address: Bytes20?
    var timestamp: CometBFT.Timestamp?
    var signature: [UInt8] = []
    while let field = try reader.next(in: message) {
      switch field.number {
      case 1: flag = try field.int32()
      case 2: address = try field.fixed(in: message)
      case 3: timestamp = try CometBFT.Timestamp(decoding: message.extracting(try field.message()))
      default: signature = try field.bytes(in: message)
      }
    }
    guard let timestamp else { throw .missing(field: 3) }
    try self.init(flag: flag, address: address, timestamp: timestamp, signature: signature)
  }

  /// Puts together what a writer gave, refusing an absent vote that holds anything and a vote that lacks something.
  public init(
    flag: Int32, address: Bytes20?, timestamp: CometBFT.Timestamp, signature: [UInt8]
  ) throws(CometBFT.DecodingError) {
    if flag == 1 {
      guard address == nil, signature.isEmpty, timestamp == .goZero else { throw .absentVoteNotEmpty }
      self = .absent
      return
    }
    guard let choice = CometBFT.CommitVote.Choice(rawValue: flag) else { throw .blockIDFlag(flag) }
    guard let address else { throw .missing(field: 2) }
    guard !signature.isEmpty else { throw .missing(field: 4) }
    guard signature.count <= CometBFT.signatureBytesMax else {
      throw .signatureLength(limit: CometBFT.signatureBytesMax, actual: signature.count)
    }
    self = .vote(
      CometBFT.CommitVote(
        choice: choice, validatorAddress: address, timestamp: timestamp, signature: signature))
  }

  /// {block_id_flag 1, validator_address 2, timestamp 3, signature 4}; the time is always written.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    switch self {
    case .absent:
      writer.varint(1, 1)
      writer.message(3) { CometBFT.Timestamp.goZero.write(to: &$0) }
    case .vote(let vote):
      writer.int32(1, vote.choice.rawValue)
      writer.bytes(2, vote.validatorAddress)
      writer.message(3) { vote.timestamp.write(to: &$0) }
      writer.bytes(4, vote.signature)
    }
    return writer.bytes
  }
}

extension CometBFT.Commit {
  /// Decodes {height 1, round 2, block_id 3, signatures 4}.
  ///
  /// - Throws: ``CometBFT/DecodingError``. The input is untrusted; no input traps.
  public init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [1, 2, 3], repeated: [4])
    var height: Int64 = 0
    var round: Int32 = 0
    var blockID: CometBFT.BlockID?
    var signatures: [CometBFT.CommitSignature] = []
    while let field = try reader.next(in: message) {
      switch field.number {
      case 1: height = try field.int64()
      case 2: round = try field.int32()
      case 3: blockID = try CometBFT.BlockID(decoding: message.extracting(try field.message()))
      default:
        guard signatures.count < CometBFT.validatorsMax else {
          throw .count(field: 4, limit: CometBFT.validatorsMax)
        }
        signatures.append(
          try CometBFT.CommitSignature(decoding: message.extracting(try field.message())))
      }
    }
    guard let blockID else { throw .missing(field: 3) }
    guard height >= 0 else { throw .negativeHeight(height) }
    guard round >= 0 else { throw .negativeRound(round) }
    self.init(height: height, round: round, blockID: blockID, signatures: signatures)
  }

  func write(to writer: inout ProtobufWriter) {
    writer.int64(1, height)
    writer.int32(2, round)
    writer.message(3) { blockID.write(to: &$0) }
    for signature in signatures { writer.alwaysBytes(4, signature.encoded()) }
  }

  /// The protobuf `Commit`.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    write(to: &writer)
    return writer.bytes
  }
}

extension CometBFT.SignedHeader {
  /// Decodes {header 1, commit 2}; both must be there.
  public init(decoding message: Span<UInt8>) throws(CometBFT.DecodingError) {
    var reader = MessageReader(singular: [1, 2])
    var header: CometBFT.Header?
    var commit: CometBFT.Commit?
    while let field = try reader.next(in: message) {
      if field.number == 1 {
        header = try CometBFT.Header(decoding: message.extracting(try field.message()))
      } else {
        commit = try CometBFT.Commit(decoding: message.extracting(try field.message()))
      }
    }
    guard let header else { throw .missing(field: 1) }
    guard let commit else { throw .missing(field: 2) }
    self.init(header: header, commit: commit)
  }

  /// The protobuf `SignedHeader`.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.message(1) { header.write(to: &$0) }
    writer.message(2) { commit.write(to: &$0) }
    return writer.bytes
  }
}
