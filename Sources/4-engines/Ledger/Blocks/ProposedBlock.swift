import Encodings
public import LightClients
public import WireBytes

/// A block whose header is complete, whoever may have signed it.
public struct ProposedBlock: Hashable, Sendable {
  /// The version of the domain's own rules, in every header.
  public static let appProtocol: UInt64 = 1
  /// Transactions of one block; more are refused when decoding.
  public static let transactionCountMax = 100_000
  /// The whole encoding.
  public static let encodedSizeMax = 64 << 20

  public let header: CometBFT.Header
  public let transactions: [[UInt8]]
  public let lastCommit: CometBFT.Commit
  public let blockID: CometBFT.BlockID
  /// The whole block in protobuf, as parts are cut from it.
  public let encoded: [UInt8]
}

/// Why a block cannot be made, or cannot be decided.
public enum BlockError: Error, Hashable, Sendable {
  case heightExhausted
  /// The transactions are more bytes than a block may have.
  case size(max: Int, actual: Int)
  case transactionCount(max: Int, actual: Int)
  /// The time of the block would not be after the one before, or could not be told.
  case time
  /// The set has no power, or a priority cannot be stepped.
  case validators
  /// A vote of somebody who is not in the set, or a second vote.
  case voter(Bytes20)
  /// A vote's time is not after the block's own: the next block could not move forward.
  case voteTime(Bytes20)
  /// The votes are not valid, or do not carry more than two thirds of the power.
  case commit(CometBFT.CommitRefusal)
  /// The block is not the one that follows the tip with these transactions.
  case notNext(height: Int64)
}

extension ProposedBlock {
  /// The block after `tip` with `transactions`.
  ///
  /// Its time is the median of the votes for the block before, weighed by power, as CometBFT computes it; the
  /// first block has the genesis time (cometbft `state/state.go`, MakeBlock and MedianTime).
  public init(
    after tip: ChainTip, transactions: [[UInt8]], rules: LedgerRules
  ) throws(BlockError) {
    let (height, overflow) = tip.height.addingReportingOverflow(1)
    guard !overflow else { throw .heightExhausted }
    guard transactions.count <= Self.transactionCountMax else {
      throw .transactionCount(max: Self.transactionCountMax, actual: transactions.count)
    }
    let size = transactions.reduce(0) { $0 + $1.count }
    guard size <= rules.blockSizeMax else { throw .size(max: rules.blockSizeMax, actual: size) }
    var time = tip.time
    if let commit = tip.commit {
      guard let median = Self.medianTime(commit, tip.validators), median > tip.time else { throw .time }
      time = median
    }
    let lastCommit = tip.commit ?? CometBFT.Commit(height: 0, round: 0, blockID: .none, signatures: [])
    let validatorsHash = tip.validators.hash()
    try self.init(
      header: CometBFT.Header(
        version: CometBFT.Header.Version(block: CometBFT.blockProtocol, app: Self.appProtocol),
        chainID: rules.chainID, height: height, time: time, lastBlockID: tip.blockID,
        lastCommitHash: lastCommit.hash(), dataHash: CometBFT.dataHash(transactions: transactions),
        validatorsHash: validatorsHash, nextValidatorsHash: validatorsHash,
        consensusHash: rules.consensusHash,
        appHash: tip.appHash.array, lastResultsHash: tip.resultsHash, evidenceHash: CometBFT.evidenceHash([]),
        proposerAddress: tip.validators.validators[tip.proposer].address),
      transactions: transactions, lastCommit: lastCommit)
  }

  /// Nil for a header without a hash.
  private init?(
    checked header: CometBFT.Header, transactions: [[UInt8]], lastCommit: CometBFT.Commit
  ) {
    guard let hash = header.hash() else { return nil }
    self.header = header
    self.transactions = transactions
    self.lastCommit = lastCommit
    encoded = CometBFT.encodedBlock(header: header, transactions: transactions, lastCommit: lastCommit)
    blockID = CometBFT.BlockID(hash: hash, parts: CometBFT.partSet(block: encoded))
  }

  private init(
    header: CometBFT.Header, transactions: [[UInt8]], lastCommit: CometBFT.Commit
  ) throws(BlockError) {
    guard let block = ProposedBlock(checked: header, transactions: transactions, lastCommit: lastCommit)
    else {
      throw .validators
    }
    self = block
  }

  /// The median of the times of all votes, for the block or for none, weighed by power; nil when nobody
  /// voted.
  static func medianTime(
    _ commit: CometBFT.Commit, _ validators: CometBFT.ValidatorSet
  ) -> CometBFT.Timestamp? {
    var votes: [(time: CometBFT.Timestamp, power: Int64)] = []
    for (signature, validator) in zip(commit.signatures, validators.validators) {
      if case .vote(let vote) = signature { votes.append((vote.timestamp, validator.power)) }
    }
    votes.sort { $0.time < $1.time }
    // The power of a set is at most an eighth of the largest number.
    var median = votes.reduce(Int64(0)) { $0 + $1.power } / 2
    for vote in votes {
      if median <= vote.power { return vote.time }
      median -= vote.power
    }
    return nil
  }

  /// Decodes a whole block {header 1, data 2 {txs 1}, evidence 3, last_commit 4}, in the one encoding that
  /// ``encoded`` has. Only its form is looked at: ``LedgerChain/replay(_:commit:)`` judges it.
  ///
  /// - Throws: ``BlockDecodingError``; no input traps.
  public init(decoding bytes: Span<UInt8>) throws(BlockDecodingError) {
    var header: CometBFT.Header?
    var commit: CometBFT.Commit?
    var transactions: [[UInt8]] = []
    do {
      let rules = ProtobufRules(singular: [1, 2, 3, 4])
      var reader = ProtobufReader(rules, sizeBytesMax: Self.encodedSizeMax)
      while let field = try reader.next(in: bytes) {
        let inner = bytes.extracting(try field.message())
        switch field.number {
        case 1: header = try CometBFT.Header(decoding: inner)
        case 2:
          var list = ProtobufReader(ProtobufRules(repeated: [1]), sizeBytesMax: Self.encodedSizeMax)
          while let transaction = try list.next(in: inner) {
            guard transactions.count < Self.transactionCountMax else {
              throw BlockDecodingError.transactionCount(max: Self.transactionCountMax)
            }
            transactions.append(try transaction.bytes(in: inner))
          }
        case 3: if !inner.isEmpty { throw BlockDecodingError.evidence }
        default: commit = try CometBFT.Commit(decoding: inner)
        }
      }
    } catch let error as ProtobufError {
      throw .protobuf(error)
    } catch let error as CometBFT.DecodingError {
      throw .part(error)
    } catch let error as BlockDecodingError {
      throw error
    } catch { throw .notCanonical }
    guard let header else { throw .missing(field: 1) }
    guard let commit else { throw .missing(field: 4) }
    guard let block = ProposedBlock(checked: header, transactions: transactions, lastCommit: commit) else {
      throw .headerHash
    }
    let written = block.encoded
    guard bytes.equals(written.span) else { throw .notCanonical }
    self = block
  }
}

extension LedgerRules {
  /// The `consensus_hash` of headers.
  public var consensusHash: Bytes32 {
    CometBFT.consensusHash(
      blockBytesMax: Int64(blockSizeMax), blockGasMax: Int64(clamping: blockGasMax))
  }
}
