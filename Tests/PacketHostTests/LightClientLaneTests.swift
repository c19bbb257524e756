import Gate
import LightClients
import MerkleProofs
import Messages
import PacketHost
import Testing
import WireBytes

/// The same crossings under a CometBFT light client: headers signed here, proofs of the origin's own tree.
@Suite("Crossings over a light client")
struct LightClientLaneTests {
  /// Harbor and island, with a 07-tendermint client of each other.
  struct Lane {
    var harbor: TestDomain
    var island: TestDomain
    let harborChain: TestChain
    let islandChain: TestChain
    let client: ClientID
    /// The height of the newest header on either side.
    var trusted: [String: UInt64] = [:]

    init() throws {
      harbor = try TestDomain("harbor")
      island = try TestDomain("island")
      harborChain = try TestChain(chainID: harbor.chainID)
      islandChain = try TestChain(chainID: island.chainID, firstKey: 60)
      client = try ClientID("07-tendermint-0")
      try harbor.mint(1_000, to: TestLane.user)
      try island.mint(1_000, to: TestLane.friend)
      let ofIsland = try islandChain.client(
        height: island.height, seconds: island.time, root: TestChain.root(of: island.state.values))
      let ofHarbor = try harborChain.client(
        height: harbor.height, seconds: harbor.time, root: TestChain.root(of: harbor.state.values))
      trusted = [harbor.chainID: harbor.height, island.chainID: island.height]
      let type = "/ibc.lightclients.tendermint.v1.ConsensusState"
      _ = try harbor.create(
        Tendermint.ClientState.typeURL, ofIsland.state, consensus: (type, ofIsland.consensus))
      _ = try island.create(
        Tendermint.ClientState.typeURL, ofHarbor.state, consensus: (type, ofHarbor.consensus))
      let counterparty = try Counterparty(prefix: [[]], client: client)
      try harbor.register(counterparty, for: client)
      try island.register(counterparty, for: client)
    }

    mutating func advance(_ seconds: UInt64) {
      harbor.advance(seconds)
      island.advance(seconds)
    }

    /// Brings island's client of harbor to harbor's present state, and proves a key of it.
    mutating func proveHarbor(_ path: PacketPath) throws -> TestDomain.Proof {
      advance(5)
      let header = try harborChain.header(
        height: harbor.height, seconds: harbor.time, root: TestChain.root(of: harbor.state.values),
        trusted: trusted[harbor.chainID] ?? 0)
      _ = try island.update(client, Tendermint.Header.typeURL, header.encoded())
      trusted[harbor.chainID] = harbor.height
      return TestDomain.Proof(
        bytes: try TestChain.proof(of: path.bytes, in: harbor.state.values),
        height: Height(revision: 1, harbor.height))
    }

    mutating func proveIsland(_ path: PacketPath) throws -> TestDomain.Proof {
      advance(5)
      let header = try islandChain.header(
        height: island.height, seconds: island.time, root: TestChain.root(of: island.state.values),
        trusted: trusted[island.chainID] ?? 0)
      _ = try harbor.update(client, Tendermint.Header.typeURL, header.encoded())
      trusted[island.chainID] = island.height
      return TestDomain.Proof(
        bytes: try TestChain.proof(of: path.bytes, in: island.state.values),
        height: Height(revision: 1, island.height))
    }
  }

  @Test("a transfer settles, and another one times out, by proofs of the state trees")
  func settles() throws {
    var lane = try Lane()
    let packet = try lane.harbor.send(
      [try TestLane.transfer(40)], over: lane.client, by: TestLane.user)
    let proof = try lane.proveHarbor(PacketPath(.commitment, of: packet))
    #expect(try lane.island.receive(packet, proof) == .done)
    let acknowledgement = try lane.island.acknowledgement()
    let answer = try lane.proveIsland(PacketPath(.acknowledgement, of: packet))
    #expect(try lane.harbor.acknowledge(packet, acknowledgement, answer) == .done)
    let path = TokenPath("transfer/07-tendermint-0/stake")
    #expect(lane.island.balance(TestLane.friend, path.token) == 40)

    let late = try lane.harbor.send(
      [try TestLane.transfer(50)], over: lane.client, timeout: 30, by: TestLane.user)
    lane.advance(30)
    let absence = try lane.proveIsland(PacketPath(.receipt, of: late))
    #expect(try lane.harbor.timeOut(late, absence) == .done)
    #expect(lane.harbor.balance(TestLane.user) == 960)
    // The receipt of the first packet is there: its absence cannot be shown.
    let present = try lane.proveIsland(PacketPath(.receipt, of: packet))
    let forged = try Packet(
      sequence: late.sequence, sourceClient: late.sourceClient, destinationClient: late.destinationClient,
      timeout: late.timeout, payloads: late.payloads)
    #expect(try lane.harbor.timeOut(forged, present) == .noOperation)
  }

  @Test("a header with too few votes is refused, and a forged proof as well")
  func refusals() throws {
    var lane = try Lane()
    let packet = try lane.harbor.send(
      [try TestLane.transfer(40)], over: lane.client, by: TestLane.user)
    lane.advance(5)
    let root = try TestChain.root(of: lane.harbor.state.values)
    let weak = try lane.harborChain.header(
      height: lane.harbor.height, seconds: lane.harbor.time, root: root,
      trusted: lane.trusted[lane.harbor.chainID] ?? 0, signers: 2)
    do {
      _ = try lane.island.update(lane.client, Tendermint.Header.typeURL, weak.encoded())
      Issue.record("taken")
    } catch {
      guard case .failure(.gate(.cometBFT(.header(.commit)))) = error else {
        Issue.record("\(error)")
        return
      }
    }
    let proof = try lane.proveHarbor(PacketPath(.commitment, of: packet))
    let other = try lane.proveHarbor(PacketPath(.commitment, client: lane.client, sequence: .first))
    #expect(other.bytes == proof.bytes)
    var values = lane.harbor.state.values
    values[PacketPath(.commitment, of: packet).bytes] = [UInt8](repeating: 1, count: 32)
    let forged = TestDomain.Proof(
      bytes: try TestChain.proof(of: PacketPath(.commitment, of: packet).bytes, in: values),
      height: proof.height)
    do {
      _ = try lane.island.receive(packet, forged)
      Issue.record("received")
    } catch {
      guard case .failure(.client(.membership(.ics23))) = error else {
        Issue.record("\(error)")
        return
      }
    }
    #expect(try lane.island.receive(packet, proof) == .done)
  }

  @Test("an expired client refuses updates, sends and proofs")
  func expired() throws {
    var lane = try Lane()
    let packet = try lane.harbor.send(
      [try TestLane.transfer(40)], over: lane.client, timeout: 86_000, by: TestLane.user)
    let proof = try lane.proveHarbor(PacketPath(.commitment, of: packet))
    let end = lane.harbor.now.adding(seconds: 10_000)
    lane.advance(10_000)
    let expired = PacketRefusal.client(.expired(at: end))
    #expect(throws: AttemptFailure.failure(expired)) { try lane.island.receive(packet, proof) }
    #expect(throws: AttemptFailure.failure(ClientRefusal.expired(at: end))) {
      _ = try lane.proveHarbor(PacketPath(.commitment, of: packet))
    }
    #expect(try lane.island.status(lane.client) == .expired(at: end))
  }

  @Test("two headers of one height freeze, one after the other or shown together", arguments: [false, true])
  func fork(together: Bool) throws {
    var lane = try Lane()
    lane.advance(5)
    let trusted = lane.trusted[lane.harbor.chainID] ?? 0
    let (height, seconds) = (lane.harbor.height, lane.harbor.time)
    func header(_ byte: UInt8) throws -> Tendermint.Header {
      try lane.harborChain.header(
        height: height, seconds: seconds, root: Bytes32 { _ in byte }, trusted: trusted)
    }
    let (first, second) = (try header(1), try header(2))
    let frozen = ClientUpdate.frozen(Height(revision: 1, height))
    if together {
      let both = Tendermint.Misbehaviour(header1: first, header2: second)
      #expect(try lane.island.update(lane.client, Tendermint.Misbehaviour.typeURL, both.encoded()) == frozen)
    } else {
      let type = Tendermint.Header.typeURL
      #expect(
        try lane.island.update(lane.client, type, first.encoded())
          == .updated(Height(revision: 1, height)))
      #expect(try lane.island.update(lane.client, type, second.encoded()) == frozen)
    }
    let kept = lane.island.state.values[HostKeys.conflict(lane.client, 2)]
    #expect(kept == Evidence.cometBFT(CometBFTEvidence(header: second)).protobuf())
    let honest = Tendermint.Misbehaviour(header1: first, header2: first)
    #expect(throws: AttemptFailure.failure(ClientRefusal.frozen(Height(revision: 1, height)))) {
      try lane.island.update(lane.client, Tendermint.Misbehaviour.typeURL, honest.encoded())
    }
  }

  @Test("client states that ibc-go would not take make no client")
  func creation() throws {
    var island = try TestDomain("island")
    let chain = try TestChain(chainID: "harbor-1")
    let root = Bytes32 { _ in 3 }
    let good = try chain.client(height: 5, seconds: island.time, root: root)
    let type = "/ibc.lightclients.tendermint.v1.ConsensusState"
    #expect(throws: AttemptFailure.failure(ClientRefusal.consensusTypeUnknown(""))) {
      try island.create(Tendermint.ClientState.typeURL, good.state)
    }
    let strange = try chain.client(height: 5, seconds: island.time, root: root, specs: [.iavl])
    #expect(throws: AttemptFailure.failure(ClientRefusal.proofSpecs)) {
      try island.create(
        Tendermint.ClientState.typeURL, strange.state, consensus: (type, strange.consensus))
    }
    let old = try chain.client(height: 5, seconds: island.time - 10_000, root: root)
    #expect(throws: AttemptFailure.failure(ClientRefusal.expired(at: island.now))) {
      try island.create(Tendermint.ClientState.typeURL, old.state, consensus: (type, old.consensus))
    }
    #expect(
      try island.create(Tendermint.ClientState.typeURL, good.state, consensus: (type, good.consensus))
        == ClientID("07-tendermint-0"))
  }
}
