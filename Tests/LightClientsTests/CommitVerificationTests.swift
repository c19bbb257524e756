import LightClients
import SignatureSchemes
import Testing
import WireBytes

@Suite("Commits")
struct CommitVerificationTests {
  private func fixture(
    flags: [Int32]? = nil
  ) throws -> (set: CometBFT.ValidatorSet, commit: CometBFT.Commit, signers: [ChainMaker.Signer]) {
    let signers = try ChainMaker.signers()
    let block = try ChainMaker.block(5, seconds: 1, by: signers, flags: flags)
    return (block.validators, block.signedHeader.commit, signers)
  }

  private func full(
    _ set: CometBFT.ValidatorSet, _ commit: CometBFT.Commit, chainID: String = ChainMaker.chainID,
    height: Int64 = 5
  ) throws(CometBFT.CommitRefusal) -> CometBFT.CommitTally {
    try set.verifyCommit(commit, chainID: chainID, blockID: commit.blockID, height: height)
  }

  @Test("counts every signature in full, and only as many as needed in light")
  func tallies() throws {
    let (set, commit, _) = try fixture()
    let all = try full(set, commit)
    #expect(all.signed == 50)
    #expect(all.needed == 33)
    #expect(all.total == 50)
    #expect(all.signatures == 3)
    let light = try set.verifyCommitLight(
      commit, chainID: ChainMaker.chainID, blockID: commit.blockID, height: 5)
    #expect(light.signed == 40)
    #expect(light.signatures == 2)
  }

  @Test("two thirds exactly are not enough, one more is")
  func exactThreshold() throws {
    let six = try ChainMaker.equalSigners(1...6, power: 1)
    let four = try ChainMaker.block(5, seconds: 1, by: six, flags: [2, 2, 2, 2, 1, 3])
    #expect(throws: CometBFT.CommitRefusal.power(signed: 4, needed: 4)) {
      try full(four.validators, four.signedHeader.commit)
    }
    let five = try ChainMaker.block(5, seconds: 1, by: six, flags: [2, 2, 2, 2, 2, 3])
    #expect(try full(five.validators, five.signedHeader.commit).signed == 5)
  }

  @Test("thresholds are exact at the largest power and fraction")
  func largestThreshold() throws {
    let level = try CometBFT.TrustThreshold(.max, .max)
    #expect(level.needed(of: CometBFT.powerMax) == CometBFT.powerMax)
    #expect(CometBFT.TrustThreshold.twoThirds.needed(of: CometBFT.powerMax) == 768_614_336_404_564_650)
    #expect(CometBFT.TrustThreshold.oneThird.needed(of: 0) == 0)
  }

  @Test("refuses fractions out of range")
  func thresholdRange() {
    #expect(throws: CometBFT.TrustThreshold.RangeError.zeroDenominator) { try CometBFT.TrustThreshold(1, 0) }
    #expect(throws: CometBFT.TrustThreshold.RangeError.underOneThird(numerator: 33, denominator: 100)) {
      try CometBFT.TrustThreshold(33, 100)
    }
    #expect(throws: CometBFT.TrustThreshold.RangeError.overOne(numerator: .max, denominator: 3)) {
      try CometBFT.TrustThreshold(.max, 3)
    }
  }

  @Test("refuses a wrong signature, and names it")
  func wrongSignature() throws {
    let (set, good, _) = try fixture()
    for index in 0..<3 {
      var commit = good
      guard case .vote(let vote) = commit.signatures[index] else { continue }
      var bytes = vote.signature
      bytes[32] ^= 1
      commit.signatures[index] = .vote(
        CometBFT.CommitVote(
          choice: .block, validatorAddress: vote.validatorAddress, timestamp: vote.timestamp, signature: bytes
        ))
      let broken = commit
      #expect(throws: CometBFT.CommitRefusal.signature(index: index, .mismatch)) { try full(set, broken) }
    }
  }

  @Test("refuses a nil vote with a wrong signature in full, and passes over it in light")
  func nilVotes() throws {
    let (set, good, _) = try fixture(flags: [2, 2, 3])
    #expect(try full(set, good).signed == 40)
    var commit = good
    guard case .vote(let vote) = commit.signatures[2] else { return }
    commit.signatures[2] = .vote(
      CometBFT.CommitVote(
        choice: .none, validatorAddress: vote.validatorAddress, timestamp: try ChainMaker.time(9),
        signature: vote.signature))
    #expect(throws: CometBFT.CommitRefusal.signature(index: 2, .mismatch)) { try full(set, commit) }
    let light = try set.verifyCommitLight(
      commit, chainID: ChainMaker.chainID, blockID: commit.blockID, height: 5)
    #expect(light.signatures == 2)
  }

  @Test("a nil vote called a vote for the block is refused")
  func nilAsBlock() throws {
    let (set, good, _) = try fixture(flags: [3, 2, 2])
    #expect(throws: CometBFT.CommitRefusal.power(signed: 20, needed: 33)) { try full(set, good) }
    var commit = good
    guard case .vote(let vote) = commit.signatures[0] else { return }
    commit.signatures[0] = .vote(
      CometBFT.CommitVote(
        choice: .block, validatorAddress: vote.validatorAddress, timestamp: vote.timestamp,
        signature: vote.signature))
    #expect(throws: CometBFT.CommitRefusal.signature(index: 0, .mismatch)) { try full(set, commit) }
  }

  @Test("absent power does not count")
  func absent() throws {
    let (set, commit, _) = try fixture(flags: [1, 2, 2])
    #expect(throws: CometBFT.CommitRefusal.power(signed: 20, needed: 33)) { try full(set, commit) }
  }

  @Test("refuses another chain id, height, block id, and another number of entries")
  func shape() throws {
    let (set, commit, _) = try fixture()
    #expect(throws: CometBFT.CommitRefusal.signature(index: 0, .mismatch)) {
      try full(set, commit, chainID: "bridge-test-2")
    }
    #expect(throws: CometBFT.CommitRefusal.height(expected: 6, actual: 5)) {
      try full(set, commit, height: 6)
    }
    #expect(throws: CometBFT.CommitRefusal.blockID(expected: .none, actual: commit.blockID)) {
      try set.verifyCommit(commit, chainID: ChainMaker.chainID, blockID: .none, height: 5)
    }
    var short = commit
    short.signatures.removeLast()
    #expect(throws: CometBFT.CommitRefusal.signatureCount(validators: 3, signatures: 2)) {
      try full(set, short)
    }
  }

  @Test("refuses entries in another order than the set")
  func reordered() throws {
    let (set, good, signers) = try fixture()
    var commit = good
    commit.signatures.swapAt(0, 1)
    #expect(
      throws: CometBFT.CommitRefusal.validatorAddress(
        index: 0, expected: signers[0].validator.address, actual: signers[1].validator.address)
    ) { try full(set, commit) }
  }

  @Test("trusting verification counts the validators it knows, in any place")
  func trusting() throws {
    let old = try ChainMaker.equalSigners(1...6, power: 1)
    let new = try ChainMaker.equalSigners(4...9, power: 1)
    let block = try ChainMaker.block(9, seconds: 1, by: new)
    let trusted = try ChainMaker.set(old)
    let tally = try trusted.verifyCommitLightTrusting(
      block.signedHeader.commit, chainID: ChainMaker.chainID, threshold: .oneThird)
    #expect(tally.signed == 3)
    #expect(tally.needed == 2)
    let half = try CometBFT.TrustThreshold(1, 2)
    #expect(throws: CometBFT.CommitRefusal.power(signed: 3, needed: 3)) {
      try trusted.verifyCommitLightTrusting(
        block.signedHeader.commit, chainID: ChainMaker.chainID, threshold: half)
    }
  }

  @Test("trusting verification refuses a validator that votes twice")
  func doubleVote() throws {
    let old = try ChainMaker.equalSigners(1...6, power: 1)
    var commit = try ChainMaker.block(9, seconds: 1, by: old).signedHeader.commit
    commit.signatures[1] = commit.signatures[0]
    let set = try ChainMaker.set(old)
    #expect(
      throws: CometBFT.CommitRefusal.doubleVote(
        validator: old[0].validator.address, first: 0, second: 1)
    ) {
      try set.verifyCommitLightTrusting(commit, chainID: ChainMaker.chainID, threshold: .oneThird)
    }
  }

  @Test("refuses sets with too much power, a negative power, one key twice, too many validators")
  func sets() throws {
    let key = try ChainMaker.signers()[0].validator.publicKey
    let other = try ChainMaker.signers()[1].validator.publicKey
    func set(_ powers: (Bytes32, Int64)...) throws(CometBFT.ValidatorSetError) -> CometBFT.ValidatorSet {
      try CometBFT.ValidatorSet(powers.map { CometBFT.Validator(publicKey: $0.0, power: $0.1) })
    }
    #expect(try set((key, CometBFT.powerMax)).totalPower == CometBFT.powerMax)
    #expect(throws: CometBFT.ValidatorSetError.totalPower(validator: 1, limit: CometBFT.powerMax)) {
      try set((key, CometBFT.powerMax), (other, 1))
    }
    #expect(throws: CometBFT.ValidatorSetError.negativePower(validator: 0, power: .min)) {
      try set((key, .min))
    }
    #expect(throws: CometBFT.ValidatorSetError.duplicate(first: 0, second: 1)) {
      try set((key, 1), (key, 1))
    }
    let many = (0...CometBFT.validatorsMax).map { index in
      CometBFT.Validator(publicKey: Bytes32(bigEndian: UInt64(index)), power: 1)
    }
    #expect(throws: CometBFT.ValidatorSetError.count(limit: 10_000, actual: 10_001)) {
      try CometBFT.ValidatorSet(many)
    }
    #expect(try CometBFT.ValidatorSet([CometBFT.Validator](many.dropLast())).totalPower == 10_000)
  }
}
