public import Encodings
public import LightClients
public import WireBytes

/// What a domain must remember of its chain to make the next block.
public struct ChainTip: Hashable, Sendable {
  /// Height of the newest block; one less than the initial height before the first.
  public let height: Int64
  /// Its identity; ``CometBFT/BlockID/none`` before the first.
  public let blockID: CometBFT.BlockID
  /// Its time; the genesis time before the first.
  public let time: CometBFT.Timestamp
  /// The commit that decided it; nil before the first.
  public let commit: CometBFT.Commit?
  /// The root of the state after it.
  public let appHash: Bytes32
  /// The hash of its results.
  public let resultsHash: Bytes32
  /// The set that signs the next block, with the priorities that choose its proposer.
  public let validators: CometBFT.ValidatorSet
  /// The index in the set of the next block's proposer.
  public let proposer: Int

  /// - Parameter proposer: an index of `validators`.
  public init(
    height: Int64, blockID: CometBFT.BlockID, time: CometBFT.Timestamp, commit: CometBFT.Commit?,
    appHash: Bytes32, resultsHash: Bytes32, validators: CometBFT.ValidatorSet, proposer: Int
  ) {
    precondition(validators.validators.indices.contains(proposer))
    self.height = height
    self.blockID = blockID
    self.time = time
    self.commit = commit
    self.appHash = appHash
    self.resultsHash = resultsHash
    self.validators = validators
    self.proposer = proposer
  }
}

/// Why stored bytes are no tip or no block.
public enum BlockDecodingError: Error, Hashable, Sendable {
  case protobuf(ProtobufError)
  case part(CometBFT.DecodingError)
  /// An embedded message that is always written is absent.
  case missing(field: UInt32)
  /// No validator of the set has this index.
  case proposer(UInt64)
  /// Blocks of a domain hold no evidence of equivocation: its validators are its operator's.
  case evidence
  case transactionCount(max: Int)
  /// A header without what gives it a hash.
  case headerHash
  /// The bytes are another encoding of the same parts.
  case notCanonical
}

extension ChainTip {
  /// For the domain's own storage: {height 1, block id 2, time 3, commit 4, app hash 5, results hash 6,
  /// validators 7, proposer 8}.
  public func encoded() -> [UInt8] {
    var writer = ProtobufWriter()
    writer.int64(1, height)
    writer.alwaysBytes(2, blockID.encoded())
    writer.alwaysBytes(3, time.encoded())
    if let commit { writer.alwaysBytes(4, commit.encoded()) }
    writer.bytes(5, appHash)
    writer.bytes(6, resultsHash)
    writer.alwaysBytes(7, validators.encoded())
    writer.varint(8, UInt64(proposer))
    return writer.bytes
  }

  /// Reads what ``encoded()`` wrote.
  public init(decoding bytes: Span<UInt8>) throws(BlockDecodingError) {
    var (height, proposer): (Int64, UInt64) = (0, 0)
    var blockID: CometBFT.BlockID?
    var time: CometBFT.Timestamp?
    var commit: CometBFT.Commit?
    var (appHash, resultsHash): (Bytes32?, Bytes32?) = (nil, nil)
    var validators: CometBFT.ValidatorSet?
    var reader = ProtobufReader(ProtobufRules(singular: [1, 2, 3, 4, 5, 6, 7, 8]))
    do {
      while let field = try reader.next(in: bytes) {
        switch field.number {
        case 1: height = try field.int64()
        case 2: blockID = try CometBFT.BlockID(decoding: bytes.extracting(try field.message()))
        case 3: time = try CometBFT.Timestamp(decoding: bytes.extracting(try field.message()))
        case 4: commit = try CometBFT.Commit(decoding: bytes.extracting(try field.message()))
        case 5: appHash = try field.fixed(in: bytes)
        case 6: resultsHash = try field.fixed(in: bytes)
        case 7: validators = try CometBFT.ValidatorSet(decoding: bytes.extracting(try field.message()))
        default: proposer = try field.uint64()
        }
      }
    } catch let error as ProtobufError {
      throw .protobuf(error)
    } catch let error as CometBFT.DecodingError {
      throw .part(error)
    } catch { throw .notCanonical }
    guard let blockID else { throw .missing(field: 2) }
    guard let time else { throw .missing(field: 3) }
    guard let appHash else { throw .missing(field: 5) }
    guard let resultsHash else { throw .missing(field: 6) }
    guard let validators else { throw .missing(field: 7) }
    guard let index = Int(exactly: proposer), validators.validators.indices.contains(index) else {
      throw .proposer(proposer)
    }
    self.init(
      height: height, blockID: blockID, time: time, commit: commit, appHash: appHash,
      resultsHash: resultsHash,
      validators: validators, proposer: index)
  }
}
