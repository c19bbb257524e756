public import WireBytes

extension CometBFT {
  /// Plans how to get from a trusted header to a far one: says which height to fetch next, and judges what came.
  ///
  /// A pure value. Ask ``request``, fetch that block from the primary, give it to ``receive(_:now:)``; once done, give
  /// the same height of every witness to ``compare(_:witness:now:)``.
  /// Source: `verifySkipping` and the detector of CometBFT's light client (light/client.go, light/detector.go).
  public struct Bisection: Sendable {
    /// What to do next.
    public enum Step: Hashable, Sendable {
      case fetch(height: Int64)
      /// The target is verified.
      case done(VerifiedHeader)
    }

    /// Why the target is not reached.
    public enum Failure: Error, Hashable, Sendable {
      /// The target is not after the trusted height.
      case targetNotLater(trusted: Int64, target: Int64)
      /// A block of another height than asked for.
      case wrongHeight(expected: Int64, actual: Int64)
      /// A block without the set of its next height cannot be built upon.
      case noNextValidators(height: Int64)
      case refused(height: Int64, HeaderRefusal)
      /// A direct successor cannot lack trust, and nothing lies in between.
      case noHeightBetween(trusted: Int64, height: Int64)
      case tooManyBlocks(limit: Int)
      /// A witness has another block at the target. `verdict` is what the trusted state says of the witness's block:
      /// when it is verified there is a fork, and both blocks are evidence; otherwise one of the two sources is wrong.
      case conflict(witness: Int, height: Int64, primary: Bytes32, other: Bytes32?, verdict: HeaderVerdict)
      /// The target was not verified yet.
      case notDone
    }

    /// More blocks than this are not fetched. Halving 2^63 heights needs at most 63 at a time, and every trusted
    /// step at least one.
    public static let blocksMax = 1_000

    public let target: Int64
    public let options: ClientOptions
    /// What was verified on the way, in order; the target last.
    public private(set) var trace: [VerifiedHeader] = []
    /// How many blocks were judged.
    public private(set) var received = 0
    private let root: TrustedState
    private let rootValidators: ValidatorSet
    private var trusted: TrustedState
    private var trustedValidators: ValidatorSet
    /// Blocks that need a header in between, the lowest last.
    private var waiting: [UncheckedLightBlock] = []
    private var pending: Int64
    private var isDone = false

    public init(
      trusted: TrustedState, trustedValidators: ValidatorSet, target: Int64, options: ClientOptions
    ) throws(Failure) {
      guard target > trusted.height else { throw .targetNotLater(trusted: trusted.height, target: target) }
      self.target = target
      self.options = options
      self.trusted = trusted
      self.trustedValidators = trustedValidators
      root = trusted
      rootValidators = trustedValidators
      pending = target
    }

    /// The next height to fetch; nil when the target is verified.
    public var request: Int64? { isDone ? nil : pending }

    /// Judges the block that was asked for.
    public mutating func receive(_ block: UncheckedLightBlock, now: Timestamp) throws(Failure) -> Step {
      let height = block.signedHeader.header.height
      guard height == pending else { throw .wrongHeight(expected: pending, actual: height) }
      guard received < Self.blocksMax else { throw .tooManyBlocks(limit: Self.blocksMax) }
      received += 1
      waiting.append(block)
      while let lowest = waiting.last {
        let height = lowest.signedHeader.header.height
        switch CometBFT.verify(
          lowest, trusted: trusted, trustedValidators: trustedValidators, options: options, now: now)
        {
        case .refused(let refusal):
          throw .refused(height: height, refusal)
        case .notEnoughTrust:
          let middle = trusted.height + (height - trusted.height) / 2
          guard middle > trusted.height, middle < height else {
            throw .noHeightBetween(trusted: trusted.height, height: height)
          }
          pending = middle
          return .fetch(height: middle)
        case .verified(let header):
          waiting.removeLast()
          trace.append(header)
          if height == target {
            isDone = true
            return .done(header)
          }
          guard let next = lowest.nextValidators else { throw .noNextValidators(height: height) }
          trusted = TrustedState(header)
          trustedValidators = next
        }
      }
      throw .notDone
    }

    /// Compares the verified target with what a witness has at that height; returning means that they agree.
    ///
    /// - Parameter witness: the witness's number, for the error.
    public func compare(_ block: UncheckedLightBlock, witness: Int, now: Timestamp) throws(Failure) {
      guard isDone, let verified = trace.last else { throw .notDone }
      let header = block.signedHeader.header
      guard header.height == target else { throw .wrongHeight(expected: target, actual: header.height) }
      let other = header.hash()
      guard other != verified.hash else { return }
      throw .conflict(
        witness: witness, height: target, primary: verified.hash, other: other,
        verdict: CometBFT.verify(
          block, trusted: root, trustedValidators: rootValidators, options: options, now: now))
    }
  }
}
