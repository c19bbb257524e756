import WireBytes

extension CometBFT.ValidatorSet {
  /// The set as it stands at a chain's first height: priorities of new validators, rescaled, centred and stepped once.
  ///
  /// - Returns: the set and the index of the first proposer; nil for an empty set or one without power.
  public func atFirstHeight() -> (set: CometBFT.ValidatorSet, proposer: Int)? {
    // computeNewPriorities: a new validator starts at -1.125 times the total, so that rejoining gains nothing.
    let start = -(totalPower + totalPower >> 3)
    var fresh = validators
    for index in fresh.indices { fresh[index].proposerPriority = start }
    guard let set = try? CometBFT.ValidatorSet(fresh) else { return nil }
    return set.stepped()
  }

  /// The set one height, or one round, later (`IncrementProposerPriority`, types/validator_set.go).
  ///
  /// - Returns: the set and the index of its proposer; nil for an empty set or one without power.
  public func stepped() -> (set: CometBFT.ValidatorSet, proposer: Int)? {
    guard !validators.isEmpty, totalPower > 0 else { return nil }
    var priorities = validators.map(\.proposerPriority)
    // Priorities are untrusted; sums saturate as they do in Go.
    let window = 2 * totalPower
    if let low = priorities.min(), let high = priorities.max() {
      let (difference, overflow) = high.subtractingReportingOverflow(low)
      let spread = overflow ? Int64.max : difference
      if spread > window {
        let ratio = (spread - 1) / window + 1
        for index in priorities.indices { priorities[index] /= ratio }
      }
    }
    let average = Self.floorAverage(priorities)
    for index in priorities.indices {
      priorities[index] = Self.clippedSum(
        Self.clippedSum(priorities[index], average == .min ? .max : -average), validators[index].power)
    }
    var proposer = 0
    for index in priorities.indices.dropFirst()
    where
      priorities[index] > priorities[proposer]
      || priorities[index] == priorities[proposer]
        && validators[index].address < validators[proposer].address
    {
      proposer = index
    }
    priorities[proposer] = Self.clippedSum(priorities[proposer], -totalPower)
    var next = validators
    for index in next.indices { next[index].proposerPriority = priorities[index] }
    guard let set = try? CometBFT.ValidatorSet(next) else { return nil }
    return (set, proposer)
  }

  private static func clippedSum(_ left: Int64, _ right: Int64) -> Int64 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? (right < 0 ? .min : .max) : sum
  }

  /// The average rounded towards minus infinity; 128 bits hold the sum of 10,000 priorities.
  private static func floorAverage(_ values: [Int64]) -> Int64 {
    let sum = values.reduce(Int128(0)) { $0 + Int128($1) }
    let (quotient, remainder) = sum.quotientAndRemainder(dividingBy: Int128(values.count))
    return Int64(clamping: remainder < 0 ? quotient - 1 : quotient)
  }
}
