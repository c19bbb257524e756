import ChainAccess
import Testing
import WireBytes

@Suite("Fees of EVM transactions")
struct EVMFeesTests {
  private func history(_ base: UInt64, rewards: [UInt64]) -> EVMFeeHistory {
    EVMFeeHistory(
      baseFees: [UInt256(1), UInt256(base)], rewards: rewards.map { UInt256($0) },
      fullness: rewards.map { $0 == 0 ? 0 : 0.5 })
  }

  private var rules: EVMFeeRules {
    var rules = EVMFeeRules()
    rules.priorityMin = UInt256(10)
    rules.priorityMax = UInt256(100)
    rules.feeMax = UInt256(10_000)
    return rules
  }

  @Test("offers room for the base fee to double, and the median tip of blocks that are not empty")
  func quote() throws {
    #expect(
      try rules.quote(history(1_000, rewards: [0, 20, 0, 40, 30]))
        == EVMFees(maxFee: UInt256(2_030), priority: UInt256(30)))
  }

  @Test("keeps tips between their limits")
  func tips() throws {
    #expect(try rules.quote(history(1, rewards: [3])).priority == UInt256(10))
    #expect(try rules.quote(history(1, rewards: [])).priority == UInt256(10))
    #expect(try rules.quote(history(1, rewards: [900])).priority == UInt256(100))
  }

  @Test("offers the cap where doubling would be over it, and nothing where not even this block can be paid")
  func cap() throws {
    #expect(try rules.quote(history(9_000, rewards: [20])).maxFee == UInt256(10_000))
    #expect(throws: EVMFeeError.overCap(needed: UInt256(10_010), max: UInt256(10_000))) {
      try rules.quote(history(10_000, rewards: []))
    }
  }

  @Test("a replacement offers at least an eighth more of both, rounded up, and what blocks ask now")
  func replacing() throws {
    let offered = EVMFees(maxFee: UInt256(801), priority: UInt256(8))
    #expect(rules.replacing(offered, quote: nil) == EVMFees(maxFee: UInt256(902), priority: UInt256(9)))
    let quote = EVMFees(maxFee: UInt256(5_000), priority: UInt256(50))
    #expect(rules.replacing(offered, quote: quote) == quote)
    // Nothing, and one wei, grow as well.
    let least = EVMFees(maxFee: UInt256(1), priority: .zero)
    #expect(rules.replacing(least, quote: nil) == EVMFees(maxFee: UInt256(2), priority: UInt256(1)))
  }

  @Test("no replacement goes over the cap")
  func replacementCap() {
    let offered = EVMFees(maxFee: UInt256(8_890), priority: UInt256(8))
    #expect(rules.replacing(offered, quote: nil) == nil)
    let below = EVMFees(maxFee: UInt256(8_000), priority: UInt256(8))
    let quote = EVMFees(maxFee: UInt256(20_000), priority: UInt256(15_000))
    #expect(
      rules.replacing(below, quote: quote) == EVMFees(maxFee: UInt256(10_000), priority: UInt256(10_000)))
  }
}
