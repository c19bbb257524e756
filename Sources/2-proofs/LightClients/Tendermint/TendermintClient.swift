import WireBytes

extension Tendermint {
  /// Whether a client can be used.
  public enum Status: Hashable, Sendable {
    case active
    /// The newest consensus state is past the trusting period, or missing.
    case expired
    case frozen
  }

  /// What an accepted header did.
  public enum UpdateOutcome: Hashable, Sendable {
    case updated(Height)
    /// The same consensus state was there already.
    case unchanged(Height)
    /// The header is valid and contradicts what is stored: the client is frozen.
    case frozen(Contradiction)
  }

  /// How a valid header contradicts what is known.
  public enum Contradiction: Hashable, Sendable {
    /// Another consensus state is stored for the height, or another block was decided at it.
    case fork(Height)
    /// Times do not grow with heights.
    case time(lower: Height, lowerTime: CometBFT.Timestamp, higher: Height, higherTime: CometBFT.Timestamp)
  }

  /// Why a header or a misbehaviour message changes nothing. `header` is 1 or 2 in a misbehaviour message, else 1.
  public enum UpdateRefusal: Error, Hashable, Sendable {
    case notActive(Status)
    /// The revision in the header's chain id is no 64-bit number.
    case revisionNumber(header: Int)
    case trustedHeightNotLower(header: Int, trusted: Height, actual: Height)
    case noConsensusState(header: Int, Height)
    case noTrustedValidators(header: Int)
    case revision(header: Int, trusted: UInt64, actual: UInt64)
    /// The header breaks a rule.
    case rule(header: Int, CometBFT.HeaderRefusal)
    /// Too little of the trusted set signed the header.
    case notEnoughTrust(header: Int, signed: Int64, needed: Int64)
    case tooManyConsensusStates(limit: Int)
    // Misbehaviour messages alone:
    case trustedHeightZero(header: Int)
    case chainIDsDiffer
    /// Header 1 must not be lower than header 2.
    case order(height1: Height, height2: Height)
    /// Both headers are valid, and an honest chain can have both.
    case noMisbehaviour
  }

  /// A client of a CometBFT chain as a host chain keeps it: its state, and the consensus states it may be proven against.
  ///
  /// A pure value with the rules of ibc-go (modules/light-clients/07-tendermint, update.go and misbehaviour_handle.go).
  public struct Client: Sendable {
    /// Consensus states beyond this are refused; one expired state is pruned per update.
    public static let consensusStatesMax = 100_000

    public private(set) var state: ClientState
    /// By height, ascending.
    public private(set) var consensusStates: [(height: Height, state: ConsensusState)]
    private let trustLevel: CometBFT.TrustThreshold

    /// Why a client cannot be created.
    public enum CreationError: Error, Hashable, Sendable {
      case clientState(ClientStateError)
      case emptyRoot
      /// The consensus state is from 1970 or before.
      case time(CometBFT.Timestamp)
    }

    public init(_ state: ClientState, _ consensusState: ConsensusState) throws(CreationError) {
      do { trustLevel = try state.check() } catch { throw .clientState(error) }
      guard !consensusState.root.isEmpty else { throw .emptyRoot }
      guard consensusState.timestamp.seconds > 0 else { throw .time(consensusState.timestamp) }
      self.state = state
      consensusStates = [(state.latestHeight, consensusState)]
    }

    public func status(at now: CometBFT.Timestamp) -> Status {
      if state.frozenHeight != .zero { return .frozen }
      guard let latest = consensusState(at: state.latestHeight), !isExpired(latest, now) else {
        return .expired
      }
      return .active
    }

    public func consensusState(at height: Height) -> ConsensusState? {
      let index = place(of: height)
      guard index < consensusStates.count, consensusStates[index].height == height else { return nil }
      return consensusStates[index].state
    }

    private func isExpired(_ consensusState: ConsensusState, _ now: CometBFT.Timestamp) -> Bool {
      consensusState.timestamp.sinceEpoch + state.trustingPeriod <= now.sinceEpoch
    }

    /// The index of the first state at `height` or above.
    private func place(of height: Height) -> Int {
      var (low, high) = (0, consensusStates.count)
      while low < high {
        let middle = (low + high) / 2
        if consensusStates[middle].height < height { low = middle + 1 } else { high = middle }
      }
      return low
    }

    private var options: CometBFT.ClientOptions {
      CometBFT.ClientOptions(
        trustingPeriod: state.trustingPeriod, trustLevel: trustLevel, clockDriftMax: state.clockDriftMax)
    }

    // MARK: Update

    /// Verifies a header against the consensus state it names, and stores its own, or freezes the client when the
    /// header is valid and contradicts what is stored.
    ///
    /// - Throws: ``UpdateRefusal``; the client is then unchanged.
    public mutating func update(
      _ header: Header, now: CometBFT.Timestamp
    ) throws(UpdateRefusal) -> UpdateOutcome {
      let status = status(at: now)
      guard status == .active else { throw .notActive(status) }
      let height = try checkForm(header, number: 1)
      let (trusted, trustedValidators) = try trustedPart(of: header, number: 1)
      guard height.revision == header.trustedHeight.revision else {
        throw .revision(header: 1, trusted: header.trustedHeight.revision, actual: height.revision)
      }
      guard let trustedHeight = Int64(exactly: header.trustedHeight.height) else {
        throw .noConsensusState(header: 1, header.trustedHeight)
      }
      let verdict = CometBFT.verify(
        CometBFT.UncheckedLightBlock(signedHeader: header.signedHeader, validators: header.validators),
        trusted: CometBFT.TrustedState(
          vouchedChainID: state.chainID, height: trustedHeight, time: trusted.timestamp,
          nextValidatorsHash: trusted.nextValidatorsHash),
        trustedValidators: trustedValidators, options: options, now: now)
      switch verdict {
      case .verified: break
      case .notEnoughTrust(let signed, let needed):
        throw .notEnoughTrust(header: 1, signed: signed, needed: needed)
      case .refused(let refusal): throw .rule(header: 1, refusal)
      }
      let consensusState = header.consensusState
      if let contradiction = contradiction(of: consensusState, at: height) {
        state.frozenHeight = .frozen
        return .frozen(contradiction)
      }
      let isKnown = self.consensusState(at: height) != nil
      if let oldest = consensusStates.first, isExpired(oldest.state, now) { consensusStates.removeFirst() }
      if isKnown { return .unchanged(height) }
      guard consensusStates.count < Self.consensusStatesMax else {
        throw .tooManyConsensusStates(limit: Self.consensusStatesMax)
      }
      if height > state.latestHeight { state.latestHeight = height }
      consensusStates.insert((height, consensusState), at: place(of: height))
      return .updated(height)
    }

    /// What `Header.ValidateBasic` checks (header.go).
    private func checkForm(_ header: Header, number: Int) throws(UpdateRefusal) -> Height {
      do {
        _ = try CometBFT.checkForm(header.signedHeader, chainID: header.signedHeader.header.chainID)
      } catch {
        throw .rule(header: number, error)
      }
      guard let height = header.height else { throw .revisionNumber(header: number) }
      guard header.trustedHeight < height else {
        throw .trustedHeightNotLower(header: number, trusted: header.trustedHeight, actual: height)
      }
      let hash = header.validators.hash()
      guard let expected = header.signedHeader.header.validatorsHash, hash == expected else {
        throw .rule(
          header: number,
          .validators(expected: header.signedHeader.header.validatorsHash ?? Bytes32(), actual: hash))
      }
      return height
    }

    /// The consensus state a header builds on, and the set that goes with it.
    private func trustedPart(
      of header: Header, number: Int
    ) throws(UpdateRefusal) -> (ConsensusState, CometBFT.ValidatorSet) {
      guard let trusted = consensusState(at: header.trustedHeight) else {
        throw .noConsensusState(header: number, header.trustedHeight)
      }
      guard let trustedValidators = header.trustedValidators else {
        throw .noTrustedValidators(header: number)
      }
      let hash = trustedValidators.hash()
      guard trusted.nextValidatorsHash == hash else {
        throw .rule(
          header: number, .trustedValidators(expected: trusted.nextValidatorsHash, actual: hash))
      }
      return (trusted, trustedValidators)
    }

    /// How a verified consensus state contradicts a stored one (`CheckForMisbehaviour`).
    private func contradiction(of consensusState: ConsensusState, at height: Height) -> Contradiction? {
      let index = place(of: height)
      if index < consensusStates.count, consensusStates[index].height == height {
        return consensusStates[index].state == consensusState ? nil : .fork(height)
      }
      if index > 0, case let previous = consensusStates[index - 1],
        previous.state.timestamp >= consensusState.timestamp
      {
        return .time(
          lower: previous.height, lowerTime: previous.state.timestamp, higher: height,
          higherTime: consensusState.timestamp)
      }
      if index < consensusStates.count, case let next = consensusStates[index],
        next.state.timestamp <= consensusState.timestamp
      {
        return .time(
          lower: height, lowerTime: consensusState.timestamp, higher: next.height,
          higherTime: next.state.timestamp)
      }
      return nil
    }

    // MARK: Misbehaviour

    /// Verifies two headers that contradict each other, and freezes the client.
    ///
    /// Each header needs two thirds of its own set, and the trust level of the set it builds on; neither need be newer
    /// than what is stored, nor near in time.
    ///
    /// - Throws: ``UpdateRefusal``; the client is then unchanged.
    public mutating func submit(
      _ misbehaviour: Misbehaviour, now: CometBFT.Timestamp
    ) throws(UpdateRefusal) -> Contradiction {
      let status = status(at: now)
      guard status == .active else { throw .notActive(status) }
      let headers = [misbehaviour.header1, misbehaviour.header2]
      for (index, header) in headers.enumerated() {
        guard header.trustedHeight.height != 0 else { throw .trustedHeightZero(header: index + 1) }
        guard header.trustedValidators != nil else { throw .noTrustedValidators(header: index + 1) }
      }
      let (first, second) = (misbehaviour.header1.signedHeader, misbehaviour.header2.signedHeader)
      guard first.header.chainID == second.header.chainID else { throw .chainIDsDiffer }
      let height1 = try checkForm(misbehaviour.header1, number: 1)
      let height2 = try checkForm(misbehaviour.header2, number: 2)
      guard height1 >= height2 else { throw .order(height1: height1, height2: height2) }
      for (index, header) in headers.enumerated() {
        do {
          _ = try header.validators.verifyCommitLight(
            header.signedHeader.commit, chainID: header.signedHeader.header.chainID,
            blockID: header.signedHeader.commit.blockID, height: header.signedHeader.commit.height)
        } catch {
          throw .rule(header: index + 1, .commit(error))
        }
      }
      for (index, (header, height)) in zip(headers, [height1, height2]).enumerated() {
        try checkTrust(in: header, height: height, number: index + 1, now: now)
      }
      let contradiction: Contradiction
      if height1 == height2 {
        guard first.commit.blockID.hash != second.commit.blockID.hash else { throw .noMisbehaviour }
        contradiction = .fork(height1)
      } else {
        guard first.header.time <= second.header.time else { throw .noMisbehaviour }
        contradiction = .time(
          lower: height2, lowerTime: second.header.time, higher: height1, higherTime: first.header.time)
      }
      state.frozenHeight = .frozen
      return contradiction
    }

    /// `checkMisbehaviourHeader`.
    private func checkTrust(
      in header: Header, height: Height, number: Int, now: CometBFT.Timestamp
    ) throws(UpdateRefusal) {
      let (trusted, trustedValidators) = try trustedPart(of: header, number: number)
      guard !isExpired(trusted, now) else {
        throw .rule(
          header: number,
          .expired(at: trusted.timestamp.sinceEpoch + state.trustingPeriod, now: now.sinceEpoch))
      }
      do {
        _ = try trustedValidators.verifyCommitLightTrusting(
          header.signedHeader.commit, chainID: Tendermint.chainID(state.chainID, revision: height.revision),
          threshold: trustLevel)
      } catch {
        if case .power(let signed, let needed) = error {
          throw .notEnoughTrust(header: number, signed: signed, needed: needed)
        }
        throw .rule(header: number, .trustedCommit(error))
      }
    }
  }
}
