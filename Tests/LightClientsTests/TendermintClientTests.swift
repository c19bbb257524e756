import LightClients
import Testing
import WireBytes

@Suite("07-tendermint client")
struct TendermintClientTests {
  private static let trusted = Tendermint.Height(revision: 1, height: 10)

  private func state() -> Tendermint.ClientState {
    Tendermint.ClientState(
      chainID: ChainMaker.chainID, trustLevelNumerator: 1, trustLevelDenominator: 3,
      trustingPeriod: .seconds(1000), unbondingPeriod: .seconds(2000), clockDriftMax: .seconds(10),
      frozenHeight: .zero, latestHeight: Self.trusted, proofSpecs: [[8, 1]], upgradePath: ["upgrade"])
  }

  private func client(_ change: (inout Tendermint.ClientState) -> Void = { _ in }) throws -> Tendermint.Client
  {
    var state = state()
    change(&state)
    let first = try ChainMaker.header(10, seconds: 0, by: ChainMaker.signers(), next: ChainMaker.signers())
    return try Tendermint.Client(
      state,
      Tendermint.ConsensusState(
        timestamp: first.time, root: first.appHash, nextValidatorsHash: first.nextValidatorsHash))
  }

  private func header(
    _ height: Int64, seconds: Int64, trusted: Tendermint.Height = TendermintClientTests.trusted,
    chainID: String = ChainMaker.chainID, flags: [Int32]? = nil
  ) throws -> Tendermint.Header {
    let signers = try ChainMaker.signers()
    let block = try ChainMaker.block(height, seconds: seconds, by: signers, flags: flags, chainID: chainID)
    return Tendermint.Header(
      signedHeader: block.signedHeader, validators: block.validators, trustedHeight: trusted,
      trustedValidators: block.validators)
  }

  private func at(_ height: UInt64) -> Tendermint.Height { Tendermint.Height(revision: 1, height: height) }

  @Test("stores the consensus state of a verified header, once")
  func update() throws {
    var client = try client()
    let now = try ChainMaker.time(100)
    #expect(try client.update(header(20, seconds: 5), now: now) == .updated(at(20)))
    #expect(client.state.latestHeight == at(20))
    #expect(client.consensusState(at: at(20)) == (try header(20, seconds: 5)).consensusState)
    #expect(try client.update(header(20, seconds: 5), now: now) == .unchanged(at(20)))
    // A height in between is stored too, and the latest stays.
    #expect(try client.update(header(15, seconds: 4), now: now) == .updated(at(15)))
    #expect(client.state.latestHeight == at(20))
    #expect(client.consensusStates.map(\.height) == [at(10), at(15), at(20)])
  }

  @Test("another block for a stored height freezes the client for good")
  func fork() throws {
    var client = try client()
    let now = try ChainMaker.time(100)
    _ = try client.update(header(20, seconds: 5), now: now)
    #expect(try client.update(header(20, seconds: 6), now: now) == .frozen(.fork(at(20))))
    #expect(client.status(at: now) == .frozen)
    #expect(client.state.frozenHeight == .frozen)
    #expect(throws: Tendermint.UpdateRefusal.notActive(.frozen)) {
      try client.update(header(30, seconds: 9), now: now)
    }
  }

  @Test("a time that does not fit between its neighbours freezes the client")
  func times() throws {
    let now = try ChainMaker.time(100)
    var later = try client()
    _ = try later.update(header(20, seconds: 5), now: now)
    #expect(
      try later.update(header(15, seconds: 5), now: now)
        == .frozen(
          .time(lower: at(15), lowerTime: ChainMaker.time(5), higher: at(20), higherTime: ChainMaker.time(5)))
    )
    var earlier = try client()
    _ = try earlier.update(header(20, seconds: 5), now: now)
    #expect(
      try earlier.update(header(25, seconds: 4), now: now)
        == .frozen(
          .time(lower: at(20), lowerTime: ChainMaker.time(5), higher: at(25), higherTime: ChainMaker.time(4)))
    )
  }

  @Test("refuses headers that break a rule, and stays as it was")
  func refusals() throws {
    var client = try client()
    let now = try ChainMaker.time(100)
    func expect(
      _ refusal: Tendermint.UpdateRefusal, _ header: Tendermint.Header,
      location: SourceLocation = #_sourceLocation
    ) {
      #expect(throws: refusal, sourceLocation: location) { try client.update(header, now: now) }
    }
    expect(.noConsensusState(header: 1, at(11)), try header(20, seconds: 5, trusted: at(11)))
    expect(
      .trustedHeightNotLower(header: 1, trusted: at(10), actual: at(10)), try header(10, seconds: 5))
    expect(
      .revision(header: 1, trusted: 1, actual: 2), try header(20, seconds: 5, chainID: "bridge-test-2"))
    var header = try header(20, seconds: 5)
    header.trustedValidators = nil
    expect(.noTrustedValidators(header: 1), header)
    let others = try ChainMaker.set(ChainMaker.equalSigners(1...3))
    header.trustedValidators = others
    let own = try ChainMaker.set(ChainMaker.signers()).hash()
    expect(.rule(header: 1, .trustedValidators(expected: own, actual: others.hash())), header)
    expect(
      .rule(header: 1, .commit(.power(signed: 30, needed: 33))),
      try self.header(20, seconds: 5, flags: [2, 1, 1]))
    expect(
      .notEnoughTrust(header: 1, signed: 10, needed: 16), try self.header(20, seconds: 5, flags: [1, 1, 2]))
    expect(
      .rule(
        header: 1,
        .timeNotLater(trusted: try ChainMaker.time(0), header: try ChainMaker.time(0))),
      try self.header(20, seconds: 0))
    #expect(client.consensusStates.count == 1)
  }

  @Test("expires with its newest consensus state")
  func expiry() throws {
    var client = try client()
    #expect(client.status(at: try ChainMaker.time(999)) == .active)
    #expect(client.status(at: try ChainMaker.time(1000)) == .expired)
    #expect(throws: Tendermint.UpdateRefusal.notActive(.expired)) {
      try client.update(header(20, seconds: 5), now: ChainMaker.time(1000))
    }
  }

  @Test("prunes the oldest consensus state once it is expired")
  func pruning() throws {
    var client = try client()
    _ = try client.update(header(20, seconds: 500), now: ChainMaker.time(600))
    _ = try client.update(header(30, seconds: 1100, trusted: at(20)), now: ChainMaker.time(1200))
    #expect(client.consensusStates.map(\.height) == [at(20), at(30)])
  }

  @Test("two valid headers of one height freeze the client")
  func misbehaviourFork() throws {
    var client = try client()
    let now = try ChainMaker.time(100)
    let message = Tendermint.Misbehaviour(
      header1: try header(20, seconds: 5), header2: try header(20, seconds: 6))
    let encoded = message.encoded()
    let decoded = try Tendermint.Misbehaviour(decoding: encoded.span)
    #expect(decoded == message)
    #expect(try client.submit(decoded, now: now) == .fork(at(20)))
    #expect(client.status(at: now) == .frozen)
  }

  @Test("a higher header that is not later freezes the client")
  func misbehaviourTime() throws {
    var client = try client()
    let message = Tendermint.Misbehaviour(
      header1: try header(21, seconds: 5), header2: try header(20, seconds: 5))
    #expect(
      try client.submit(message, now: ChainMaker.time(100))
        == .time(lower: at(20), lowerTime: ChainMaker.time(5), higher: at(21), higherTime: ChainMaker.time(5))
    )
  }

  @Test("refuses two headers that an honest chain can have")
  func noMisbehaviour() throws {
    var client = try client()
    let now = try ChainMaker.time(100)
    func expect(
      _ refusal: Tendermint.UpdateRefusal, _ first: Tendermint.Header, _ second: Tendermint.Header,
      location: SourceLocation = #_sourceLocation
    ) {
      #expect(throws: refusal, sourceLocation: location) {
        try client.submit(Tendermint.Misbehaviour(header1: first, header2: second), now: now)
      }
    }
    let low = try header(20, seconds: 5)
    expect(.noMisbehaviour, low, low)
    expect(.noMisbehaviour, try header(21, seconds: 6), low)
    expect(.order(height1: at(20), height2: at(21)), low, try header(21, seconds: 5))
    expect(.chainIDsDiffer, low, try header(20, seconds: 6, chainID: "bridge-test-2"))
    expect(.trustedHeightZero(header: 2), low, try header(20, seconds: 6, trusted: at(0)))
    expect(
      .rule(header: 2, .commit(.power(signed: 30, needed: 33))), low,
      try header(20, seconds: 6, flags: [2, 1, 1]))
    #expect(client.status(at: now) == .active)
  }

  @Test("refuses client states that no client may start from")
  func creation() throws {
    typealias Failure = Tendermint.Client.CreationError
    func expect(
      _ error: Tendermint.ClientStateError, location: SourceLocation = #_sourceLocation,
      _ change: (inout Tendermint.ClientState) -> Void
    ) {
      #expect(throws: Failure.clientState(error), sourceLocation: location) { try client(change) }
    }
    expect(.emptyChainID) { $0.chainID = " " }
    expect(.chainIDLength(limit: 50, actual: 51)) { $0.chainID = String(repeating: "a", count: 51) }
    expect(.trustLevel(.zeroDenominator)) { $0.trustLevelDenominator = 0 }
    expect(.trustingPeriod(.zero)) { $0.trustingPeriod = .zero }
    expect(.unbondingPeriod(.seconds(-1))) { $0.unbondingPeriod = .seconds(-1) }
    expect(.clockDrift(.zero)) { $0.clockDriftMax = .zero }
    expect(.latestRevision(expected: 1, actual: 0)) { $0.latestHeight = .frozen }
    expect(.latestHeightZero) { $0.latestHeight = Tendermint.Height(revision: 1, height: 0) }
    expect(.trustingNotUnderUnbonding(trusting: .seconds(2000), unbonding: .seconds(2000))) {
      $0.trustingPeriod = .seconds(2000)
    }
    expect(.noProofSpecs) { $0.proofSpecs = [] }
    expect(.emptyUpgradePathElement(index: 1)) { $0.upgradePath = ["a", ""] }
    expect(.revision(chainID: "a-99999999999999999999")) { $0.chainID = "a-99999999999999999999" }
  }

  @Test(
    "reads the revision of a chain id as ibc-go does",
    arguments: [
      ("cosmoshub-4", 4), ("a-b-17", 17), ("chain", 0), ("chain-0", 0), ("chain-04", 0), ("chain--4", 0),
      ("-4", 0), ("chain-4x", 0), ("chain-", 0), ("a\nb-4", 0), ("chain-18446744073709551615", UInt64.max),
    ] as [(String, UInt64)])
  func revisions(chainID: String, revision: UInt64) {
    #expect(Tendermint.revision(ofChainID: chainID) == revision)
  }

  @Test("client and consensus states come back from their bytes; shorter bytes do not")
  func codec() throws {
    let state = state()
    let bytes = state.encoded()
    #expect(try Tendermint.ClientState(decoding: bytes.span) == state)
    let consensus = try header(20, seconds: 5).consensusState
    let consensusBytes = consensus.encoded()
    #expect(try Tendermint.ConsensusState(decoding: consensusBytes.span) == consensus)
    let header = try header(20, seconds: 5)
    let headerBytes = header.encoded()
    #expect(try Tendermint.Header(decoding: headerBytes.span) == header)
    var untrusting = header
    untrusting.trustedValidators = nil
    let withoutTrusted = untrusting.encoded()
    for count in 0..<headerBytes.count {
      let cut = [UInt8](headerBytes.prefix(count))
      // The trusted set may be left out: the message without it is the one shorter input that can be read.
      let shorter = try? Tendermint.Header(decoding: cut.span)
      #expect(shorter?.trustedValidators == nil)
      #expect((shorter == nil) == (count != withoutTrusted.count))
    }
  }

  @Test("refuses a set without its proposer")
  func proposer() throws {
    let header = try header(20, seconds: 5)
    let set = header.validators.encoded()
    var message: [UInt8] = []
    func field(_ number: UInt8, _ bytes: [UInt8]) {
      message.append(number << 3 | 2)
      message.append(UInt8(bytes.count & 0x7f) | 0x80)
      message.append(UInt8(bytes.count >> 7))
      message += bytes
    }
    field(1, header.signedHeader.encoded())
    field(2, set)
    let whole = message
    #expect(throws: CometBFT.DecodingError.proposerNotInSet(field: 2)) {
      try Tendermint.Header(decoding: whole.span)
    }
  }
}
