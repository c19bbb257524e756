import Gate
import Messages
import PacketHost
import Testing
import WireBytes

/// Clients under an attested policy: what they take, what they refuse, and what freezes them.
@Suite("Clients")
struct ClientTests {
  private static let evidence = HostClients.MessageType.evidence
  private static let misbehaviour = HostClients.MessageType.misbehaviour

  @Test("a forged attestation is refused and changes nothing")
  func forged() throws {
    var lane = try TestLane()
    let packet = try lane.harbor.send([try TestLane.transfer(3)], over: lane.client, by: TestLane.user)
    let path = PacketPath(.commitment, of: packet)
    let lonely = try lane.attesters.attest(lane.harbor, [path], under: lane.islandPolicy, signers: [1])
    let proof = TestDomain.Proof(
      bytes: PacketProof.evidence(lonely).encoded(), height: Height(lane.harbor.height))
    let before = lane.island.state.values
    let quorum = PacketRefusal.client(.gate(.attestation(.quorum(required: 2, signed: 1))))
    #expect(throws: AttemptFailure.failure(quorum)) { try lane.island.receive(packet, proof) }

    var forged = try lane.attesters.attest(lane.harbor, [path], under: lane.islandPolicy)
    forged[forged.count - 1] ^= 1
    do {
      _ = try lane.island.update(lane.client, Self.evidence, forged)
      Issue.record("taken")
    } catch {
      guard case .failure(.gate(.attestation(.signature(1, attester: 2, _)))) = error else {
        Issue.record("\(error)")
        return
      }
    }
    #expect(lane.island.state.values == before)
  }

  @Test("an attestation for another client or domain is refused")
  func wrongBinding() throws {
    var lane = try TestLane()
    let packet = try lane.harbor.send([try TestLane.transfer(3)], over: lane.client, by: TestLane.user)
    // Signed for harbor's client of island, and shown to island.
    let other = try lane.attesters.attest(
      lane.harbor, [PacketPath(.commitment, of: packet)], under: lane.harborPolicy)
    do {
      _ = try lane.island.update(lane.client, Self.evidence, other)
      Issue.record("taken")
    } catch {
      guard case .failure(.gate(.attestation(.signature))) = error else {
        Issue.record("\(error)")
        return
      }
    }
  }

  @Test("every one-bit flip of a packet's proof is refused")
  func flippedProof() throws {
    var lane = try TestLane()
    let packet = try lane.harbor.send([try TestLane.transfer(3)], over: lane.client, by: TestLane.user)
    let proof = try lane.commitmentProof(packet)
    for index in proof.bytes.indices {
      for bit in 0..<8 where (index + bit) % 5 == 0 {
        var bytes = proof.bytes
        bytes[index] ^= 1 << bit
        #expect(throws: AttemptFailure<PacketRefusal>.self) {
          try lane.island.receive(packet, TestDomain.Proof(bytes: bytes, height: proof.height))
        }
      }
    }
    #expect(try lane.island.receive(packet, proof) == .done)
  }

  @Test("a proof of another height, of another path, and an empty one are refused exactly")
  func wrongProofs() throws {
    var lane = try TestLane()
    let packet = try lane.harbor.send([try TestLane.transfer(3)], over: lane.client, by: TestLane.user)
    let proof = try lane.commitmentProof(packet)
    let shifted = TestDomain.Proof(bytes: proof.bytes, height: Height(proof.height.number + 1))
    let height = PacketRefusal.client(.heightMismatch(expected: shifted.height, actual: proof.height))
    #expect(throws: AttemptFailure.failure(height)) { try lane.island.receive(packet, shifted) }
    let empty = TestDomain.Proof(bytes: [], height: proof.height)
    #expect(throws: AttemptFailure.failure(PacketRefusal.client(.proofEmpty))) {
      try lane.island.receive(packet, empty)
    }
    let short = TestDomain.Proof(bytes: [1, 2], height: proof.height)
    #expect(throws: AttemptFailure.failure(PacketRefusal.client(.proofReference(length: 2)))) {
      try lane.island.receive(packet, short)
    }
    let unknown = TestDomain.Proof(bytes: [10, 0], height: Height(9_999))
    #expect(throws: AttemptFailure.failure(PacketRefusal.client(.heightUnknown(Height(9_999))))) {
      try lane.island.receive(packet, unknown)
    }
    let otherPath = try lane.attesters.attest(
      lane.harbor, [PacketPath(.receipt, of: packet)], under: lane.islandPolicy)
    let notListed = TestDomain.Proof(
      bytes: PacketProof.evidence(otherPath).encoded(), height: Height(lane.harbor.height))
    #expect(throws: AttemptFailure.failure(PacketRefusal.client(.membership(.pathNotListed)))) {
      try lane.island.receive(packet, notListed)
    }
    let changed = try Packet(
      sequence: packet.sequence, sourceClient: packet.sourceClient,
      destinationClient: packet.destinationClient,
      timeout: packet.timeout, payloads: [try TestLane.transfer(4)])
    let mismatch = MembershipError.valueMismatch(stored: PacketCommitment.of(packet))
    #expect(throws: AttemptFailure.failure(PacketRefusal.client(.membership(mismatch)))) {
      try lane.island.receive(changed, proof)
    }
  }

  @Test("two values of one path freeze the client, which keeps both and then refuses everything")
  func valueConflict() throws {
    var lane = try TestLane()
    let path = PacketPath(.commitment, client: lane.client, sequence: .first)
    let (height, time) = (lane.harbor.height + 1, lane.harbor.time)
    func statement(_ byte: UInt8) throws -> [UInt8] {
      let entry = StoredEntry(pathHash: path.hash(), commitment: Bytes32 { _ in byte })
      return try lane.attesters.sign(
        lane.islandPolicy, height: height, time: time, .packets([entry]))
    }
    let (first, second) = (try statement(1), try statement(2))
    let packet = try lane.island.send(
      [try TestLane.transfer(1, from: TestLane.friend)], over: lane.client, by: TestLane.friend)
    #expect(try lane.island.update(lane.client, Self.evidence, first) == .updated(Height(height)))
    #expect(try lane.island.update(lane.client, Self.evidence, first) == .unchanged(Height(height)))
    // As a packet's proof it is refused without freezing, because a refused message is undone.
    let embedded = TestDomain.Proof(bytes: [2] + second, height: Height(height))
    let arriving = try lane.harbor.send([try TestLane.transfer(3)], over: lane.client, by: TestLane.user)
    #expect(throws: AttemptFailure.failure(PacketRefusal.client(.conflict(Height(height))))) {
      try lane.island.receive(arriving, embedded)
    }
    #expect(try lane.island.update(lane.client, Self.evidence, second) == .frozen(Height(height)))
    #expect(lane.island.state.values[HostKeys.conflict(lane.client, 1)] == first)
    #expect(lane.island.state.values[HostKeys.conflict(lane.client, 2)] == second)
    #expect(try lane.island.status(lane.client) == .frozen(Height(height)))
    #expect(lane.island.events.isEmpty)

    let frozen = PacketRefusal.client(.frozen(Height(height)))
    let good = try lane.commitmentProof(arriving)
    #expect(throws: AttemptFailure.failure(frozen)) { try lane.island.receive(arriving, good) }
    #expect(throws: AttemptFailure.failure(frozen)) {
      try lane.island.send(
        [try TestLane.transfer(1, from: TestLane.friend)], over: lane.client, by: TestLane.friend)
    }
    #expect(throws: AttemptFailure.failure(frozen)) { try lane.island.timeOut(packet, good) }
    #expect(throws: AttemptFailure.failure(ClientRefusal.frozen(Height(height)))) {
      try lane.island.update(lane.client, Self.evidence, first)
    }
    // Nothing is lost while it is shut: what was sent is still held, and still open.
    #expect(lane.island.balance(lane.escrow) == 1)
    #expect(
      lane.island.state.values[PacketPath(.commitment, of: packet).bytes] == PacketCommitment.of(packet).array
    )
  }

  @Test("one height with two times, and a higher height with an earlier time, freeze")
  func timeConflicts() throws {
    for crossing in [false, true] {
      var lane = try TestLane()
      let entry = StoredEntry(
        pathHash: PacketPath(.receipt, client: lane.client, sequence: .first).hash(), commitment: Bytes32())
      let first = try lane.attesters.sign(
        lane.islandPolicy, height: 50, time: lane.harbor.time + 9, .packets([entry]))
      let second = try lane.attesters.sign(
        lane.islandPolicy, height: crossing ? 51 : 50, time: lane.harbor.time + 8, .packets([entry]))
      #expect(try lane.island.update(lane.client, Self.evidence, first) == .updated(Height(50)))
      let height = Height(crossing ? 51 : 50)
      #expect(try lane.island.update(lane.client, Self.evidence, second) == .frozen(height))
      #expect(lane.island.state.values[HostKeys.conflict(lane.client, 1)] == first)
      #expect(lane.island.state.values[HostKeys.conflict(lane.client, 2)] == second)
      #expect(lane.island.events.contains { $0.type == "client_misbehaviour" })
    }
  }

  @Test("a height between two known ones must lie between their times")
  func between() throws {
    var lane = try TestLane()
    let entry = StoredEntry(
      pathHash: PacketPath(.receipt, client: lane.client, sequence: .first).hash(), commitment: Bytes32())
    func statement(_ height: UInt64, _ seconds: UInt64) throws -> [UInt8] {
      try lane.attesters.sign(
        lane.islandPolicy, height: height, time: TestDomain.start + seconds, .packets([entry]))
    }
    _ = try lane.island.update(lane.client, Self.evidence, try statement(100, 100))
    _ = try lane.island.update(lane.client, Self.evidence, try statement(300, 300))
    #expect(
      try lane.island.update(lane.client, Self.evidence, try statement(200, 200)) == .updated(Height(200)))
    #expect(
      try lane.island.update(lane.client, Self.evidence, try statement(150, 150)) == .updated(Height(150)))
    #expect(
      try lane.island.update(lane.client, Self.evidence, try statement(170, 201)) == .frozen(Height(170)))
  }

  @Test("two contradicting statements shown together freeze, whenever they were signed")
  func misbehaviour() throws {
    let freshness = AttestedPolicy.Freshness(ageMaxSeconds: 100, driftMaxSeconds: 10)
    var lane = try TestLane(freshness: freshness)
    func statement(_ byte: UInt8, height: UInt64 = 3) throws -> [UInt8] {
      let entry = StoredEntry(pathHash: Bytes32 { _ in 9 }, commitment: Bytes32 { _ in byte })
      return try lane.attesters.sign(
        lane.islandPolicy, height: height, time: TestDomain.start - 5_000 + height, .packets([entry]))
    }
    func both(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
      func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        let low = UInt8(truncatingIfNeeded: bytes.count & 0x7f) | 0x80
        return [number << 3 | 2, low, UInt8(truncatingIfNeeded: bytes.count >> 7)] + bytes
      }
      return field(1, first) + field(2, second)
    }
    let old = try statement(1)
    let tooOld = ClientRefusal.gate(.attestation(.tooOld(ageSeconds: 4_997, max: 100)))
    #expect(throws: AttemptFailure.failure(tooOld)) {
      try lane.island.update(lane.client, Self.evidence, old)
    }
    let agreeing = both(old, try statement(2, height: 4))
    #expect(throws: AttemptFailure.failure(ClientRefusal.noMisbehaviour)) {
      try lane.island.update(lane.client, Self.misbehaviour, agreeing)
    }
    let contradicting = both(old, try statement(2))
    #expect(try lane.island.update(lane.client, Self.misbehaviour, contradicting) == .frozen(Height(3)))
  }

  @Test("only the account that made a client names its counterparty, once")
  func counterparty() throws {
    var lane = try TestLane()
    let known = try Counterparty(prefix: [[]], client: lane.client)
    #expect(throws: AttemptFailure.failure(ClientRefusal.counterpartyKnown(lane.client))) {
      try lane.harbor.register(known, for: lane.client)
    }
    #expect(throws: AttemptFailure.failure(ClientRefusal.notCreator(TestDomain.account(1)))) {
      try lane.harbor.register(known, for: lane.client, by: TestDomain.account(2))
    }
    let two = try Counterparty(prefix: [[1], []], client: lane.client)
    #expect(throws: AttemptFailure.failure(ClientRefusal.prefixCount(expected: 1, actual: 2))) {
      try lane.harbor.register(two, for: lane.client)
    }
    let absent = try ClientID("client-9")
    #expect(throws: AttemptFailure.failure(ClientRefusal.clientUnknown(absent))) {
      try lane.harbor.register(known, for: absent)
    }
  }

  @Test("a policy that signs for another client, router or domain makes no client")
  func creationRefusals() throws {
    var harbor = try TestDomain("harbor")
    let attesters = try TestAttesters()
    let island = try DomainID("cosmos:island-1")
    let policy = try attesters.policy(origin: island, client: try ClientID("client-1"))
    let state = try attesters.clientState(policy)
    let binding = ClientRefusal.bindingClient(
      expected: try ClientID("client-0"), actual: try ClientID("client-1"))
    #expect(throws: AttemptFailure.failure(binding)) { try harbor.create(PolicyClientState.typeURL, state) }
    let right = try attesters.policy(origin: island, client: try ClientID("client-0"))
    let rightState = try attesters.clientState(right)
    var changed = try PolicyClientState(decoding: rightState.span)
    changed.router = [8]
    #expect(throws: AttemptFailure.failure(ClientRefusal.routerMismatch)) {
      try harbor.create(PolicyClientState.typeURL, changed.encoded())
    }
    changed.origin = "cosmos:reef-1"
    let origin = ClientRefusal.originMismatch(stated: try DomainID("cosmos:reef-1"), policy: island)
    #expect(throws: AttemptFailure.failure(origin)) {
      try harbor.create(PolicyClientState.typeURL, changed.encoded())
    }
    #expect(throws: AttemptFailure.failure(ClientRefusal.clientTypeUnknown("/x"))) {
      try harbor.create("/x", [])
    }
    let delayed = try Policy(.delay(above: .one, seconds: 5, then: .attested(right)))
    let asking = PolicyClientState(
      policyText: [UInt8](delayed.text.utf8), origin: island.text, router: [7])
    #expect(throws: AttemptFailure.failure(ClientRefusal.policyAsksAboutMessages)) {
      try harbor.create(PolicyClientState.typeURL, asking.encoded())
    }
    // None of these has used up a number.
    #expect(
      try harbor.create(PolicyClientState.typeURL, try attesters.clientState(right)) == ClientID("client-0"))
    #expect(harbor.state.values[HostKeys.policy(try Policy(.attested(right)).hash)] != nil)
  }

  @Test(
    "keeps a thousand states, forgets the lowest with their evidence, and takes no forgotten height again")
  func pruning() throws {
    var lane = try TestLane(known: false)
    let entry = StoredEntry(pathHash: Bytes32 { _ in 9 }, commitment: Bytes32())
    func statement(_ height: UInt64) throws -> [UInt8] {
      try lane.attesters.sign(
        lane.islandPolicy, height: height, time: TestDomain.start + height, .packets([entry]))
    }
    for height in 1...UInt64(1_003) {
      #expect(
        try lane.island.update(lane.client, Self.evidence, try statement(height)) == .updated(Height(height)))
    }
    let prefix = [UInt8]("clients/client-0/consensusStates/".utf8)
    #expect(lane.island.state.values.keys.count { $0.starts(with: prefix) } == 1_000)
    #expect(lane.island.state.values[HostKeys.evidence(lane.client, Height(3), 0)] == nil)
    #expect(lane.island.state.values[HostKeys.evidence(lane.client, Height(4), 0)] != nil)
    let forgotten = ClientRefusal.heightForgotten(Height(3), floor: Height(3))
    let old = try statement(3)
    #expect(throws: AttemptFailure.failure(forgotten)) {
      try lane.island.update(lane.client, Self.evidence, old)
    }
  }

  @Test("signatures cost gas")
  func signatureGas() throws {
    var lane = try TestLane()
    let path = PacketPath(.receipt, client: lane.client, sequence: .first)
    lane.harbor.height += 5
    let two = try lane.attesters.attest(lane.harbor, [path], under: lane.islandPolicy)
    _ = try lane.island.update(lane.client, Self.evidence, two)
    #expect(lane.island.gasUsed > 2 * GasSchedule.verifySecp256k1)
    let (clients, client) = (lane.island.host.clients, lane.client)
    do {
      _ = try lane.island.transact(gas: 3_000) {
        (context: inout HostContext) throws(AttemptFailure<ClientRefusal>) -> ClientUpdate in
        try clients.update(client, typeURL: Self.evidence, message: two, in: &context)
      }
      Issue.record("taken")
    } catch {
      guard case .halt(.outOfGas) = error else {
        Issue.record("\(error)")
        return
      }
    }
  }
}
