public import SignatureSchemes
public import WireBytes

extension CometBFT {
  /// How much power stands behind a commit.
  public struct CommitTally: Hashable, Sendable {
    /// The power of the validators whose votes for the block were verified. A light verification stops once it is
    /// enough, so that more may have signed.
    public let signed: Int64
    /// What `signed` had to exceed.
    public let needed: Int64
    /// The power of the whole set.
    public let total: Int64
    /// How many signatures were verified.
    public let signatures: Int
  }

  /// Why a commit does not decide its block for a validator set. Indices count entries of the commit.
  public enum CommitRefusal: Error, Hashable, Sendable {
    /// The commit has another number of entries than the set.
    case signatureCount(validators: Int, signatures: Int)
    case height(expected: Int64, actual: Int64)
    case blockID(expected: BlockID, actual: BlockID)
    /// An entry names another validator than the one at its place.
    case validatorAddress(index: Int, expected: Bytes20, actual: Bytes20)
    /// One validator votes twice.
    case doubleVote(validator: Bytes20, first: Int, second: Int)
    /// The votes for the block do not carry more than `needed` of the power, even if all signatures are right.
    case power(signed: Int64, needed: Int64)
    case signature(index: Int, Ed25519.VerificationError)
  }
}

extension CometBFT.ValidatorSet {
  /// Verifies every vote of the commit, and that those for the block carry more than two thirds of the power.
  ///
  /// What a full node does with the commit in the next block. Votes for no block are verified too, and count nothing.
  ///
  /// - Parameter rule: ZIP-215 is what consensus accepts. A stricter rule would refuse commits that the whole chain
  ///   has built upon, and leave a client that follows it behind for good.
  /// - Throws: ``CometBFT/CommitRefusal``.
  /// - Complexity: one signature verification per vote.
  public func verifyCommit(
    _ commit: CometBFT.Commit, chainID: String, blockID: CometBFT.BlockID, height: Int64,
    rule: Ed25519.Rule = .zip215
  ) throws(CometBFT.CommitRefusal) -> CometBFT.CommitTally {
    try checkShape(of: commit, blockID: blockID, height: height)
    return try verify(commit, chainID: chainID, threshold: .twoThirds, stopping: false, rule: rule) {
      index, _ in
      index
    }
  }

  /// Verifies votes for the block until they carry more than two thirds of the power; other votes are not looked at.
  ///
  /// - Throws: ``CometBFT/CommitRefusal``.
  public func verifyCommitLight(
    _ commit: CometBFT.Commit, chainID: String, blockID: CometBFT.BlockID, height: Int64,
    rule: Ed25519.Rule = .zip215
  ) throws(CometBFT.CommitRefusal) -> CometBFT.CommitTally {
    try checkShape(of: commit, blockID: blockID, height: height)
    return try verify(commit, chainID: chainID, threshold: .twoThirds, stopping: true, rule: rule) {
      index, _ in
      index
    }
  }

  /// Verifies votes of *this* set's validators in a commit of *another* set, until they carry more than `threshold` of
  /// this set's power. Votes of validators unknown here are passed over.
  ///
  /// The caller has checked that the commit is for the header it belongs to.
  ///
  /// - Throws: ``CometBFT/CommitRefusal``; ``CometBFT/CommitRefusal/power(signed:needed:)`` means that the sets share
  ///   too little, not that the commit is wrong.
  public func verifyCommitLightTrusting(
    _ commit: CometBFT.Commit, chainID: String, threshold: CometBFT.TrustThreshold,
    rule: Ed25519.Rule = .zip215
  ) throws(CometBFT.CommitRefusal) -> CometBFT.CommitTally {
    var places: [Bytes20: Int] = [:]
    places.reserveCapacity(validators.count)
    for (index, validator) in validators.enumerated() { places[validator.address] = index }
    return try verify(commit, chainID: chainID, threshold: threshold, stopping: true, rule: rule) {
      _, address in
      places[address]
    }
  }

  private func checkShape(
    of commit: CometBFT.Commit, blockID: CometBFT.BlockID, height: Int64
  ) throws(CometBFT.CommitRefusal) {
    guard commit.signatures.count == validators.count else {
      throw .signatureCount(validators: validators.count, signatures: commit.signatures.count)
    }
    guard commit.height == height else { throw .height(expected: height, actual: commit.height) }
    guard commit.blockID == blockID else { throw .blockID(expected: blockID, actual: commit.blockID) }
    for (index, signature) in commit.signatures.enumerated() {
      guard case .vote(let vote) = signature else { continue }
      let expected = validators[index].address
      guard vote.validatorAddress == expected else {
        throw .validatorAddress(index: index, expected: expected, actual: vote.validatorAddress)
      }
    }
  }

  /// Counts first, as that is cheap and decides whether signatures are worth verifying; then verifies.
  ///
  /// - Parameter stopping: whether to look at votes for the block alone, and only until they are enough.
  /// - Parameter place: the index in this set of the validator of an entry, by its index and its address.
  private func verify(
    _ commit: CometBFT.Commit, chainID: String, threshold: CometBFT.TrustThreshold, stopping: Bool,
    rule: Ed25519.Rule, place: (Int, Bytes20) -> Int?
  ) throws(CometBFT.CommitRefusal) -> CometBFT.CommitTally {
    let needed = threshold.needed(of: totalPower)
    var signed: Int64 = 0
    var chosen: [(entry: Int, validator: Int, vote: CometBFT.CommitVote)] = []
    var firstEntry: [Int: Int] = [:]
    for (entry, signature) in commit.signatures.enumerated() {
      guard case .vote(let vote) = signature, !stopping || vote.choice == .block else { continue }
      guard let validator = place(entry, vote.validatorAddress) else { continue }
      if let first = firstEntry.updateValue(entry, forKey: validator) {
        throw .doubleVote(validator: vote.validatorAddress, first: first, second: entry)
      }
      chosen.append((entry, validator, vote))
      // Each validator counts once, so the sum stays within the set's total.
      if vote.choice == .block { signed += validators[validator].power }
      if stopping, signed > needed { break }
    }
    guard signed > needed else { throw .power(signed: signed, needed: needed) }
    let forBlock = CometBFT.CanonicalVote(
      type: CometBFT.CanonicalVote.precommit, height: commit.height, round: Int64(commit.round),
      blockID: commit.blockID, chainID: chainID)
    let forNone = CometBFT.CanonicalVote(
      type: CometBFT.CanonicalVote.precommit, height: commit.height, round: Int64(commit.round), blockID: nil,
      chainID: chainID)
    for (entry, validator, vote) in chosen {
      let message = (vote.choice == .block ? forBlock : forNone).signBytes(at: vote.timestamp)
      let key = validators[validator].publicKey
      do {
        try Ed25519.verify(message.span, signature: vote.signature.span, key: key.span, rule: rule)
      } catch {
        throw .signature(index: entry, error)
      }
    }
    return CometBFT.CommitTally(signed: signed, needed: needed, total: totalPower, signatures: chosen.count)
  }
}
