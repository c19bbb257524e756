public import LightClients
public import WireBytes

/// A precommit that a validator is asked to sign: what it says, and who.
public struct VoteRequest: Hashable, Sendable {
  public let validator: Bytes20
  /// For the block, or for none.
  public let choice: CometBFT.CommitVote.Choice
  public let timestamp: CometBFT.Timestamp
  /// What is signed, but for the time.
  public let vote: CometBFT.CanonicalVote

  public var signBytes: [UInt8] { vote.signBytes(at: timestamp) }

  /// The vote, once its bytes are signed.
  public func signed(_ signature: Bytes64) -> CometBFT.CommitVote {
    CometBFT.CommitVote(
      choice: choice, validatorAddress: validator, timestamp: timestamp, signature: signature.array)
  }
}

extension ProposedBlock {
  /// What each validator of `tip` signs for this block at `now`, in the order of the set.
  ///
  /// The time of a vote is after the block's own, by a millisecond at least: it becomes the next block's
  /// time.
  public func voteRequests(
    _ tip: ChainTip, rules: LedgerRules, now: CometBFT.Timestamp, choice: CometBFT.CommitVote.Choice = .block
  ) throws(BlockError) -> [VoteRequest] {
    guard let earliest = header.time.adding(milliseconds: 1) else { throw .time }
    let timestamp = max(now, earliest)
    let vote = CometBFT.CanonicalVote(
      type: CometBFT.CanonicalVote.precommit, height: header.height, round: 0,
      blockID: choice == .block ? blockID : nil, chainID: rules.chainID)
    return tip.validators.validators.map {
      VoteRequest(validator: $0.address, choice: choice, timestamp: timestamp, vote: vote)
    }
  }

  /// The commit of the votes that came; a validator without one is absent.
  ///
  /// - Throws: ``BlockError``: when a vote is not one of the set's, is not valid, or when they are not
  ///   enough.
  public func commit(
    _ votes: [CometBFT.CommitVote], tip: ChainTip, rules: LedgerRules
  ) throws(BlockError) -> CometBFT.Commit {
    var byValidator: [Bytes20: CometBFT.CommitVote] = [:]
    let addresses = tip.validators.validators.map(\.address)
    for vote in votes {
      let address = vote.validatorAddress
      guard addresses.contains(address), byValidator.updateValue(vote, forKey: address) == nil else {
        throw .voter(address)
      }
    }
    let commit = CometBFT.Commit(
      height: header.height, round: 0, blockID: blockID,
      signatures: addresses.map { address in byValidator[address].map { .vote($0) } ?? .absent })
    try check(commit, tip: tip, rules: rules)
    return commit
  }

  /// Whether `commit` decides this block: every vote in it is valid, and they carry more than two thirds.
  func check(
    _ commit: CometBFT.Commit, tip: ChainTip, rules: LedgerRules
  ) throws(BlockError) {
    for case .vote(let vote) in commit.signatures where vote.timestamp <= header.time {
      throw .voteTime(vote.validatorAddress)
    }
    do {
      _ = try tip.validators.verifyCommit(
        commit, chainID: rules.chainID, blockID: blockID, height: header.height)
    } catch { throw .commit(error) }
  }

  /// The tip after this block, with the commit that decided it and what its execution gave.
  func tip(
    after tip: ChainTip, commit: CometBFT.Commit, appHash: Bytes32, results: [TransactionResult]
  ) throws(BlockError) -> ChainTip {
    guard let (validators, proposer) = tip.validators.stepped() else { throw .validators }
    return ChainTip(
      height: header.height, blockID: blockID, time: header.time, commit: commit, appHash: appHash,
      resultsHash: CometBFT.resultsHash(results.map(\.hashed)), validators: validators, proposer: proposer)
  }
}

extension CometBFT.Timestamp {
  /// The moment `count` milliseconds later; nil beyond what a timestamp can tell.
  func adding(milliseconds count: UInt32) -> CometBFT.Timestamp? {
    let nanoseconds = Int64(nanoseconds) + Int64(count) * 1_000_000
    return try? CometBFT.Timestamp(
      seconds: seconds + nanoseconds / 1_000_000_000, nanoseconds: Int32(nanoseconds % 1_000_000_000))
  }
}

extension TransactionResult {
  /// The part of the result that the next header covers.
  var hashed: CometBFT.TransactionResult {
    CometBFT.TransactionResult(
      code: code, returned: payload, gasWanted: Int64(clamping: gasWanted), gasUsed: Int64(clamping: gasUsed))
  }
}
