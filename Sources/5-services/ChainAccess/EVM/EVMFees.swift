public import WireBytes

/// What a transaction offers for its gas (EIP-1559), in wei.
public struct EVMFees: Hashable, Sendable {
  /// For base fee and tip together.
  public let maxFee: UInt256
  /// For whoever makes the block.
  public let priority: UInt256

  public init(maxFee: UInt256, priority: UInt256) {
    self.maxFee = maxFee
    self.priority = priority
  }
}

/// Why no fee can be offered.
public enum EVMFeeError: Error, Hashable, Sendable {
  /// Blocks ask for more than the rules allow to pay.
  case overCap(needed: UInt256, max: UInt256)
}

/// How much is offered, and how much at most.
public struct EVMFeeRules: Hashable, Sendable {
  /// Blocks that are looked at.
  public var blocks = 10
  /// Of what transactions gave on top in each of them.
  public var percentile = 50
  /// The base fee may grow so many times before the transaction no longer fits; six full blocks double it.
  public var baseFeeFactor: UInt64 = 2
  public var priorityMin = UInt256(1_000_000)
  public var priorityMax = UInt256(50_000_000_000)
  /// No transaction offers more, however long it waits.
  public var feeMax = UInt256(1_000_000_000_000)

  /// A replacement offers this much of what it replaces, in thousandths: pools want 10 % more (geth, nethermind), or
  /// 12.5 % (OpenEthereum's heirs).
  public static let bumpThousandths: UInt64 = 1_125

  public init() {}

  /// The offer that the latest blocks suggest.
  ///
  /// The tip is the median over blocks of the wanted percentile; blocks without transactions do not count.
  ///
  /// - Throws: `overCap` when not even the next block's base fee can be paid.
  public func quote(_ history: EVMFeeHistory) throws(EVMFeeError) -> EVMFees {
    let rewards = zip(history.rewards, history.fullness).filter { $0.1 > 0 }.map { $0.0 }.sorted()
    let median = rewards.isEmpty ? priorityMin : rewards[rewards.count / 2]
    let priority = min(max(median, priorityMin), priorityMax)
    let base = history.baseFees.last ?? .zero
    let least = Self.sum(base, priority)
    guard least <= feeMax else { throw .overCap(needed: least, max: feeMax) }
    let (grown, overflow) = base.multipliedReportingOverflow(by: baseFeeFactor)
    return EVMFees(maxFee: min(Self.sum(overflow ? .max : grown, priority), feeMax), priority: priority)
  }

  /// The least that replaces `offered`, or what blocks suggest now when that is more; nil when it would be over the cap.
  public func replacing(_ offered: EVMFees, quote: EVMFees?) -> EVMFees? {
    let maxFee = max(Self.bumped(offered.maxFee), quote?.maxFee ?? .zero)
    let priority = max(Self.bumped(offered.priority), quote?.priority ?? .zero)
    guard Self.bumped(offered.maxFee) <= feeMax, Self.bumped(offered.priority) <= feeMax else { return nil }
    let capped = min(maxFee, feeMax)
    return EVMFees(maxFee: capped, priority: min(priority, capped))
  }

  private static func bumped(_ fee: UInt256) -> UInt256 {
    let (product, overflow) = fee.multipliedReportingOverflow(by: bumpThousandths)
    guard !overflow else { return .max }
    let (quotient, remainder) = product.quotientAndRemainder(dividingBy: 1_000)
    // Rounded up, and more in any case: zero and one wei grow as well.
    let up = remainder == 0 ? quotient : sum(quotient, .one)
    return max(up, sum(fee, .one))
  }

  private static func sum(_ left: UInt256, _ right: UInt256) -> UInt256 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
  }
}
