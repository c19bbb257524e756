import LightClients
import SignatureSchemes
import Testing
import WireBytes

@Suite("Headers")
struct HeaderVerificationTests {
  private static let options = CometBFT.ClientOptions(
    trustingPeriod: .seconds(1000), clockDriftMax: .seconds(10))

  /// Trusted height 10 at second 0, by the set of three; now is second 100.
  private func judge(
    _ block: CometBFT.UncheckedLightBlock, trustedSet: [ChainMaker.Signer]? = nil, now: Int64 = 100
  ) throws -> CometBFT.HeaderVerdict {
    let signers = try ChainMaker.signers()
    let trusted = try ChainMaker.header(10, seconds: 0, by: signers, next: signers)
    return CometBFT.verify(
      block, trusted: CometBFT.TrustedState(vouched: trusted),
      trustedValidators: try ChainMaker.set(trustedSet ?? signers), options: Self.options,
      now: try ChainMaker.time(now))
  }

  private func expectRefusal(
    _ expected: CometBFT.HeaderRefusal, _ block: CometBFT.UncheckedLightBlock, now: Int64 = 100,
    location: SourceLocation = #_sourceLocation
  ) throws {
    let verdict = try judge(block, now: now)
    #expect(verdict == .refused(expected), sourceLocation: location)
  }

  private func good(_ height: Int64 = 12, seconds: Int64 = 5) throws -> CometBFT.UncheckedLightBlock {
    try ChainMaker.block(height, seconds: seconds, by: ChainMaker.signers())
  }

  @Test("verifies a direct successor by its own set and a far header by both")
  func accepts() throws {
    guard case .verified(let next) = try judge(good(11)) else {
      Issue.record("not verified")
      return
    }
    #expect(next.trustedPower == nil)
    #expect(next.ownPower.signed == 40)
    #expect(next.premiseExpires == .seconds(ChainMaker.start + 1000))
    #expect(next.expires == .seconds(ChainMaker.start + 1005))
    guard case .verified(let far) = try judge(good(99)) else {
      Issue.record("not verified")
      return
    }
    #expect(far.trustedPower?.needed == 16)
    #expect(far.trustedPower?.signed == 30)
  }

  @Test("refuses another trusted set than the trusted header names")
  func trustedSet() throws {
    let others = try ChainMaker.equalSigners(1...3)
    let verdict = try judge(good(), trustedSet: others)
    #expect(
      verdict
        == .refused(
          .trustedValidators(
            expected: try ChainMaker.set(ChainMaker.signers()).hash(),
            actual: try ChainMaker.set(others).hash())))
  }

  @Test("the trusting period ends at its last instant")
  func expiry() throws {
    let end = Duration.seconds(ChainMaker.start + 1000)
    try expectRefusal(.expired(at: end, now: end), good(), now: 1000)
    guard case .verified = try judge(good(), now: 999) else {
      Issue.record("refused within the period")
      return
    }
  }

  @Test("refuses a header of another block protocol or chain")
  func otherChain() throws {
    var block = try good()
    block.signedHeader.header.version = CometBFT.Header.Version(block: 12, app: 1)
    try expectRefusal(.blockProtocol(expected: 11, actual: 12), block)
    let other = try ChainMaker.block(12, seconds: 5, by: ChainMaker.signers(), chainID: "bridge-test-2")
    try expectRefusal(.chainID(expected: "bridge-test-1", actual: "bridge-test-2"), other)
  }

  @Test("refuses a header that is not sound by itself")
  func unsound() throws {
    var block = try good()
    block.signedHeader.header.height = 0
    try expectRefusal(.heightNotPositive(0), block)
    block = try good()
    block.signedHeader.header.proposerAddress = nil
    try expectRefusal(.noProposer, block)
    block = try good()
    block.signedHeader.header.validatorsHash = nil
    try expectRefusal(.noValidatorsHash, block)
  }

  @Test("refuses a commit for something else")
  func otherCommit() throws {
    var block = try good()
    block.signedHeader.commit.height = 13
    try expectRefusal(.commitHeight(header: 12, commit: 13), block)
    block = try good()
    block.signedHeader.commit.blockID = .none
    try expectRefusal(.commitForNothing, block)
    block = try good()
    block.signedHeader.commit.signatures = []
    try expectRefusal(.noSignatures, block)
    block = try good()
    let signed = block.signedHeader.header.hash()
    block.signedHeader.header.appHash = [9]
    let hash = try #require(block.signedHeader.header.hash())
    try expectRefusal(.commitBlock(header: hash, commit: signed), block)
  }

  @Test("refuses a height that is not later", arguments: [1, 9, 10] as [Int64])
  func height(height: Int64) throws {
    try expectRefusal(.heightNotLater(trusted: 10, header: height), good(height))
  }

  @Test("refuses a time that is not later, and one from the future")
  func times() throws {
    try expectRefusal(
      .timeNotLater(trusted: try ChainMaker.time(0), header: try ChainMaker.time(0)), good(12, seconds: 0))
    try expectRefusal(
      .timeNotLater(trusted: try ChainMaker.time(0), header: try ChainMaker.time(-1)), good(12, seconds: -1))
    try expectRefusal(
      .fromTheFuture(header: try ChainMaker.time(110), limit: .seconds(ChainMaker.start + 110)),
      good(12, seconds: 110))
    guard case .verified = try judge(good(12, seconds: 109)) else {
      Issue.record("refused within the drift")
      return
    }
  }

  @Test("refuses sets that the header does not name")
  func sets() throws {
    let others = try ChainMaker.set(ChainMaker.equalSigners(1...3))
    let own = try ChainMaker.set(ChainMaker.signers()).hash()
    var block = try good()
    block.validators = others
    try expectRefusal(.validators(expected: own, actual: others.hash()), block)
    block = try good()
    block.nextValidators = others
    try expectRefusal(.nextValidators(expected: own, actual: others.hash()), block)
  }

  @Test("refuses a direct successor with another set than announced, whoever signed it")
  func successor() throws {
    let signers = try ChainMaker.signers() + [ChainMaker.Signer(number: 1, power: 1)]
    let block = try ChainMaker.block(11, seconds: 5, by: signers)
    try expectRefusal(
      .successorValidators(
        expected: try ChainMaker.set(ChainMaker.signers()).hash(), actual: block.validators.hash()), block)
  }

  @Test("too little of the trusted set is no refusal")
  func notEnoughTrust() throws {
    let old = try ChainMaker.signers()
    // Of the trusted set only the two small ones stay: 20 of 50, but with one of them absent 10.
    let new = [
      try ChainMaker.Signer(number: 1, power: 50), try ChainMaker.Signer(number: 2, power: 40), old[1],
    ]
    let block = try ChainMaker.block(12, seconds: 5, by: new)
    let verdict = try judge(block)
    #expect(verdict == .notEnoughTrust(signed: 10, needed: 16))
  }

  @Test("a wrong signature of the trusted set is a refusal")
  func trustedSignature() throws {
    var block = try good()
    let other = try ChainMaker.commit(
      for: block.signedHeader.header, by: ChainMaker.signers(), chainID: "bridge-test-2")
    block.signedHeader.commit = other
    try expectRefusal(.trustedCommit(.signature(index: 0, .mismatch)), block)
  }

  @Test("refuses a header that its own set did not decide")
  func ownSet() throws {
    let signers = try ChainMaker.signers()
    try expectRefusal(
      .commit(.power(signed: 30, needed: 33)),
      try ChainMaker.block(12, seconds: 5, by: signers, flags: [2, 1, 3]))
    var block = try good()
    block.signedHeader.commit.signatures.removeLast()
    try expectRefusal(.commit(.signatureCount(validators: 3, signatures: 2)), block)
  }

  @Test("every flipped bit of a header changes its verdict to a refusal")
  func mutations() throws {
    let block = try good()
    let encoded = block.signedHeader.header.encoded()
    for bit in 0..<(encoded.count * 8) {
      var mutated = encoded
      mutated[bit / 8] ^= 1 << (bit % 8)
      guard let header = try? CometBFT.Header(decoding: mutated.span) else { continue }
      var changed = block
      changed.signedHeader.header = header
      if case .refused = try judge(changed) { continue }
      Issue.record("bit \(bit) was not noticed")
    }
  }

  @Test("the client moves on only by verified headers")
  func client() throws {
    let signers = try ChainMaker.signers()
    let start = try ChainMaker.header(10, seconds: 0, by: signers, next: signers)
    var client = try CometBFTClient(
      vouched: start, nextValidators: ChainMaker.set(signers), options: Self.options)
    let now = try ChainMaker.time(100)
    _ = client.update(try good(12), now: now)
    #expect(client.trusted.height == 12)
    _ = client.update(try good(11), now: now)
    #expect(client.trusted.height == 12)
  }

  @Test("two verified headers of one height, or times that do not grow, are misbehaviour")
  func misbehaviour() throws {
    func verified(_ block: CometBFT.UncheckedLightBlock) throws -> CometBFT.VerifiedHeader {
      guard case .verified(let header) = try judge(block) else {
        throw CometBFT.HeaderRefusal.noSignatures
      }
      return header
    }
    let (first, second) = (try verified(good(12, seconds: 5)), try verified(good(12, seconds: 6)))
    #expect(
      CometBFT.misbehaviour(first, second) == .fork(height: 12, first: first.hash, second: second.hash))
    #expect(CometBFT.misbehaviour(first, first) == nil)
    let later = try verified(good(13, seconds: 5))
    #expect(
      CometBFT.misbehaviour(later, first)
        == .timeNotLater(
          lowerHeight: 12, lowerTime: first.header.time, higherHeight: 13, higherTime: later.header.time))
    #expect(CometBFT.misbehaviour(first, try verified(good(13, seconds: 6))) == nil)
  }
}
