public import WireBytes

/// Follows one chain header by header and keeps the newest trusted state.
///
/// A pure value: it takes blocks and the time, and asks for nothing. ``CometBFT/Bisection`` says which blocks to fetch.
public struct CometBFTClient: Sendable {
  public let options: CometBFT.ClientOptions
  public private(set) var trusted: CometBFT.TrustedState
  /// The set that signs the height after the trusted one.
  public private(set) var trustedValidators: CometBFT.ValidatorSet

  /// A client that starts from a header and a next set the caller vouches for.
  ///
  /// - Throws: ``CometBFT/HeaderRefusal/trustedValidators(expected:actual:)``.
  public init(
    vouched header: CometBFT.Header, nextValidators: CometBFT.ValidatorSet, options: CometBFT.ClientOptions
  ) throws(CometBFT.HeaderRefusal) {
    let hash = nextValidators.hash()
    guard hash == header.nextValidatorsHash else {
      throw .trustedValidators(expected: header.nextValidatorsHash, actual: hash)
    }
    self.options = options
    trusted = CometBFT.TrustedState(vouched: header)
    trustedValidators = nextValidators
  }

  /// Verifies `block` against the trusted state, which becomes that of the block when it is verified and comes with
  /// its next set.
  public mutating func update(
    _ block: CometBFT.UncheckedLightBlock, now: CometBFT.Timestamp
  ) -> CometBFT.HeaderVerdict {
    let verdict = CometBFT.verify(
      block, trusted: trusted, trustedValidators: trustedValidators, options: options, now: now)
    if case .verified(let header) = verdict, let next = block.nextValidators {
      trusted = CometBFT.TrustedState(header)
      trustedValidators = next
    }
    return verdict
  }
}

extension CometBFT {
  /// Two verified headers that an honest chain cannot both have.
  public enum Misbehaviour: Hashable, Sendable {
    /// Two blocks decided at one height.
    case fork(height: Int64, first: Bytes32, second: Bytes32)
    /// A later block with a time that is not later.
    case timeNotLater(lowerHeight: Int64, lowerTime: Timestamp, higherHeight: Int64, higherTime: Timestamp)
  }

  /// How two verified headers of one chain contradict each other; nil when they do not.
  public static func misbehaviour(_ first: VerifiedHeader, _ second: VerifiedHeader) -> Misbehaviour? {
    guard first.header.chainID == second.header.chainID else { return nil }
    if first.header.height == second.header.height {
      guard first.hash != second.hash else { return nil }
      return .fork(height: first.header.height, first: first.hash, second: second.hash)
    }
    let (lower, higher) =
      first.header.height < second.header.height
      ? (first.header, second.header) : (second.header, first.header)
    guard higher.time <= lower.time else { return nil }
    return .timeNotLater(
      lowerHeight: lower.height, lowerTime: lower.time, higherHeight: higher.height, higherTime: higher.time)
  }
}
