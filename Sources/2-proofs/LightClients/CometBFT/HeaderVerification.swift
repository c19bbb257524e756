public import WireBytes

extension CometBFT {
  /// What became of a header.
  public enum HeaderVerdict: Hashable, Sendable {
    case verified(VerifiedHeader)
    /// The header may be right, but too little of the trusted set signed it: ask for a header in between.
    case notEnoughTrust(signed: Int64, needed: Int64)
    case refused(HeaderRefusal)
  }

  /// Why a header is not believed, whatever else is learnt.
  public enum HeaderRefusal: Error, Hashable, Sendable {
    /// The set given as trusted is not the one that the trusted state names.
    case trustedValidators(expected: Bytes32?, actual: Bytes32)
    /// The trusted state is too old to build upon. Both count from 1970.
    case expired(at: Duration, now: Duration)
    case blockProtocol(expected: UInt64, actual: UInt64)
    case chainID(expected: String, actual: String)
    /// A header of height 0 or less.
    case heightNotPositive(Int64)
    /// A header without a validators hash has no hash.
    case noValidatorsHash
    case noProposer
    case commitHeight(header: Int64, commit: Int64)
    /// The commit is for no block.
    case commitForNothing
    case noSignatures
    /// The commit is for another header.
    case commitBlock(header: Bytes32, commit: Bytes32?)
    case heightNotLater(trusted: Int64, header: Int64)
    case timeNotLater(trusted: Timestamp, header: Timestamp)
    /// `limit` is our clock and the allowed drift, since 1970; a header must be before it.
    case fromTheFuture(header: Timestamp, limit: Duration)
    /// The set given is not the one that the header names.
    case validators(expected: Bytes32, actual: Bytes32)
    /// The next set given is not the one that the header names.
    case nextValidators(expected: Bytes32?, actual: Bytes32)
    /// The header follows the trusted one directly and has another set than that announced.
    case successorValidators(expected: Bytes32?, actual: Bytes32)
    /// The trusted set's part in the commit is broken: a bad signature, a validator twice.
    case trustedCommit(CommitRefusal)
    /// The header's own set did not decide it.
    case commit(CommitRefusal)
  }

  /// Whether `block` follows from `trusted`, by the rules and in the order of `light.Verify` (light/verifier.go).
  ///
  /// 1. `trustedValidators` has the hash that the trusted state names; 2. the trusted state is within its trusting
  /// period: `trusted.time + period > now`; 3. the header is sound, of this chain, and the commit is for it; 4. its
  /// height and its time are later than the trusted ones, its time before `now` and the drift; 5. the sets given have
  /// the hashes that the header names; 6. a direct successor has the announced set, any other header has votes of more
  /// than the trust level of the trusted set; 7. more than two thirds of its own set voted for it.
  ///
  /// A commit that does not even have as many entries as its set is refused before trust is counted, so that such a
  /// header never makes a caller ask for headers in between.
  public static func verify(
    _ block: UncheckedLightBlock, trusted: TrustedState, trustedValidators: ValidatorSet,
    options: ClientOptions, now: Timestamp
  ) -> HeaderVerdict {
    do throws(VerificationEnd) {
      return .verified(
        try steps(
          block, trusted: trusted, trustedValidators: trustedValidators, options: options,
          now: now.sinceEpoch))
    } catch {
      switch error {
      case .notEnoughTrust(let signed, let needed): return .notEnoughTrust(signed: signed, needed: needed)
      case .refused(let refusal): return .refused(refusal)
      }
    }
  }

  private enum VerificationEnd: Error {
    case notEnoughTrust(signed: Int64, needed: Int64)
    case refused(HeaderRefusal)
  }

  private static func steps(
    _ block: UncheckedLightBlock, trusted: TrustedState, trustedValidators: ValidatorSet,
    options: ClientOptions, now: Duration
  ) throws(VerificationEnd) -> VerifiedHeader {
    let (header, commit) = (block.signedHeader.header, block.signedHeader.commit)
    let trustedHash = trustedValidators.hash()
    guard trusted.nextValidatorsHash == trustedHash else {
      throw .refused(.trustedValidators(expected: trusted.nextValidatorsHash, actual: trustedHash))
    }
    let premiseExpires = trusted.time.sinceEpoch + options.trustingPeriod
    guard premiseExpires > now else { throw .refused(.expired(at: premiseExpires, now: now)) }

    let hash: Bytes32
    do {
      hash = try checkForm(block.signedHeader, chainID: trusted.chainID, blockProtocol: options.blockProtocol)
    } catch {
      throw .refused(error)
    }
    guard header.height > trusted.height else {
      throw .refused(.heightNotLater(trusted: trusted.height, header: header.height))
    }
    guard header.time > trusted.time else {
      throw .refused(.timeNotLater(trusted: trusted.time, header: header.time))
    }
    let limit = now + options.clockDriftMax
    guard header.time.sinceEpoch < limit else {
      throw .refused(.fromTheFuture(header: header.time, limit: limit))
    }
    do { try checkSets(block) } catch { throw .refused(error) }
    guard commit.signatures.count == block.validators.validators.count else {
      throw .refused(
        .commit(
          .signatureCount(
            validators: block.validators.validators.count, signatures: commit.signatures.count)))
    }

    var trustedPower: CommitTally?
    // The trusted height is under the header's, so adding one to it cannot overflow.
    if header.height == trusted.height + 1 {
      let own = block.validators.hash()
      guard own == trustedHash else {
        throw .refused(.successorValidators(expected: trusted.nextValidatorsHash, actual: own))
      }
    } else {
      do {
        trustedPower = try trustedValidators.verifyCommitLightTrusting(
          commit, chainID: trusted.chainID, threshold: options.trustLevel, rule: options.signatureRule)
      } catch {
        if case .power(let signed, let needed) = error {
          throw .notEnoughTrust(signed: signed, needed: needed)
        }
        throw .refused(.trustedCommit(error))
      }
    }
    // Last, for the new set may be made large to cost us time.
    let ownPower: CommitTally
    do {
      ownPower = try block.validators.verifyCommitLight(
        commit, chainID: trusted.chainID, blockID: commit.blockID, height: header.height,
        rule: options.signatureRule)
    } catch {
      throw .refused(.commit(error))
    }
    return VerifiedHeader(
      header: header, hash: hash, blockID: commit.blockID, trustedPower: trustedPower, ownPower: ownPower,
      premiseExpires: premiseExpires, expires: header.time.sinceEpoch + options.trustingPeriod)
  }

  /// Whether a header is sound by itself and its commit is for it (`SignedHeader.ValidateBasic`, types/light.go).
  ///
  /// - Parameter blockProtocol: nil takes any.
  /// - Returns: the header's hash.
  public static func checkForm(
    _ signedHeader: SignedHeader, chainID: String, blockProtocol: UInt64? = CometBFT.blockProtocol
  ) throws(HeaderRefusal) -> Bytes32 {
    let (header, commit) = (signedHeader.header, signedHeader.commit)
    if let blockProtocol, header.version.block != blockProtocol {
      throw .blockProtocol(expected: blockProtocol, actual: header.version.block)
    }
    guard header.chainID == chainID else { throw .chainID(expected: chainID, actual: header.chainID) }
    guard header.height > 0 else { throw .heightNotPositive(header.height) }
    guard header.proposerAddress != nil else { throw .noProposer }
    guard let hash = header.hash() else { throw .noValidatorsHash }
    guard commit.height == header.height else {
      throw .commitHeight(header: header.height, commit: commit.height)
    }
    guard commit.blockID != .none else { throw .commitForNothing }
    guard !commit.signatures.isEmpty else { throw .noSignatures }
    guard commit.blockID.hash == hash else { throw .commitBlock(header: hash, commit: commit.blockID.hash) }
    return hash
  }

  private static func checkSets(_ block: UncheckedLightBlock) throws(HeaderRefusal) {
    let header = block.signedHeader.header
    guard let expected = header.validatorsHash else { throw .noValidatorsHash }
    let actual = block.validators.hash()
    guard actual == expected else { throw .validators(expected: expected, actual: actual) }
    guard let nextValidators = block.nextValidators else { return }
    let next = nextValidators.hash()
    guard next == header.nextValidatorsHash else {
      throw .nextValidators(expected: header.nextValidatorsHash, actual: next)
    }
  }

  /// Whether a header is decided by its own set, with nothing trusted yet: how a client checks the block it starts from.
  ///
  /// - Returns: the power behind it.
  public static func verifyOwnCommit(
    _ block: UncheckedLightBlock, options: ClientOptions
  ) throws(HeaderRefusal) -> CommitTally {
    let header = block.signedHeader.header
    _ = try checkForm(block.signedHeader, chainID: header.chainID, blockProtocol: options.blockProtocol)
    try checkSets(block)
    do {
      return try block.validators.verifyCommitLight(
        block.signedHeader.commit, chainID: header.chainID, blockID: block.signedHeader.commit.blockID,
        height: header.height, rule: options.signatureRule)
    } catch {
      throw .commit(error)
    }
  }
}
