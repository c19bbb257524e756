internal import LightClients
internal import Messages
internal import WireBytes

/// Follows one CometBFT chain, step by step: pure, and one step a state.
struct ChainFollower: Sendable {
  /// A step that the rules allow and that nobody has signed yet.
  struct Step: Sendable {
    let height: UInt64
    let previous: FollowedState
    let next: FollowedState
    let revision: UInt64
    let root: Bytes32

    func transition(by registration: Bytes32) -> Transition {
      Transition(
        registration: registration, previous: previous.identifier, next: next.identifier, revision: revision,
        height: height, time: next.seconds, stateRoot: root)
    }
  }

  let policy: FollowPolicy
  private(set) var state: FollowedState

  init(_ policy: FollowPolicy) {
    self.policy = policy
    state = policy.start
  }

  /// What `block` leads to from the present state.
  ///
  /// - Parameter now: UNIX seconds by the machine's clock, which decides about the trusting period and headers from the
  ///   future; a destination checks the time of the transition by its own.
  func step(_ block: FollowedBlock, at now: UInt64) throws(FollowRefusal) -> Step {
    let header = block.signedHeader.header
    guard let seconds = Int64(exactly: now), let time = try? CometBFT.Timestamp(seconds: seconds),
      let trusted = state.trusted
    else { throw .clock(now) }
    guard header.height > 0, UInt64(header.height) > state.height else {
      throw .height(trusted: state.height, actual: header.height)
    }
    let verdict = CometBFT.verify(
      CometBFT.UncheckedLightBlock(signedHeader: block.signedHeader, validators: block.validators),
      trusted: trusted, trustedValidators: block.trustedValidators, options: policy.options, now: time)
    switch verdict {
    case .notEnoughTrust(let signed, let needed): throw .notEnoughTrust(signed: signed, needed: needed)
    case .refused(let refusal): throw .header(refusal)
    case .verified(let verified):
      guard let next = FollowedState(verified.header), verified.header.appHash.count == 32 else {
        throw .incomplete(height: header.height)
      }
      let hash = verified.header.appHash
      return Step(
        height: next.height, previous: state, next: next,
        revision: Tendermint.revision(ofChainID: policy.chainID) ?? 0, root: Bytes32 { hash[$0] })
    }
  }

  /// Goes to where a signed step leads.
  mutating func advance(to next: FollowedState) { state = next }
}
