import Gate
import Messages
import PacketHost
import Testing
import WireBytes

/// Packets over an attested lane: every way in which one can end.
@Suite("Crossings over an attested lane")
struct CrossingTests {
  @Test("a transfer arrives, its return comes home, and value is conserved")
  func transferAndReturn() throws {
    var lane = try TestLane()
    let packet = try lane.harbor.send([try TestLane.transfer(400)], over: lane.client, by: TestLane.user)
    #expect(lane.harbor.balance(lane.escrow) == 400)
    #expect(lane.harbor.balance(TestLane.user) == 999_600)
    #expect(try lane.island.receive(packet, try lane.commitmentProof(packet)) == .done)
    #expect(lane.island.balance(TestLane.friend, lane.voucher.token) == 400)
    #expect(
      lane.island.state.values[HostKeys.tokenTrace(lane.voucher.hash)] == [UInt8](lane.voucher.text.utf8))
    let acknowledgement = try lane.island.acknowledgement()
    #expect(acknowledgement.results == [TransferApplication.success])
    #expect(
      try lane.harbor.acknowledge(packet, acknowledgement, try lane.answerProof(packet, .acknowledgement))
        == .done)
    #expect(lane.harbor.state.values[PacketPath(.commitment, of: packet).bytes] == nil)

    // Back: the friend returns 150 to the user.
    let payload = try TestLane.transfer(
      150, denomination: lane.voucher.text, from: TestLane.friend, to: TestLane.user)
    let back = try lane.island.send([payload], over: lane.client, by: TestLane.friend)
    #expect(lane.island.supply(lane.voucher.token) == 250)
    let evidence = try lane.attesters.attest(
      lane.island, [PacketPath(.commitment, of: back)], under: lane.harborPolicy)
    let proof = TestDomain.Proof(
      bytes: PacketProof.evidence(evidence).encoded(), height: Height(lane.island.height))
    #expect(try lane.harbor.receive(back, proof) == .done)
    #expect(lane.harbor.balance(lane.escrow) == 250)
    #expect(lane.harbor.balance(TestLane.user) == 999_750)
    #expect(lane.harbor.supply(TestDomain.token) == 1_000_000)
    #expect(lane.harbor.balance(lane.escrow) == lane.island.supply(lane.voucher.token))
  }

  @Test("a voucher's name is the hash of its way, as ibc-go computes it")
  func voucherName() throws {
    // ibc-go `apps/transfer/types/denom_test.go`, and every explorer: uatom over channel-0. The rule is
    // SHA-256 of the path; the channel stands where v2 has a client.
    #expect(
      TokenPath("transfer/channel-0/uatom").token
        == "ibc/27394FB092D2ECCD56123C74F36E4C1F926001CEADA9CA97EA622B25F41E5EB2")
    #expect(TokenPath("stake").token == "stake")
    #expect(TokenPath("gamm/pool/1").token == "gamm/pool/1")
    #expect(!TokenPath("transfer/client/stake").isVoucher)
    #expect(!TokenPath("transfer/client-0/").isVoucher)
  }

  @Test("what is stored has the keys and bytes of IBC v2")
  func storedBytes() throws {
    var lane = try TestLane()
    let packet = try lane.harbor.send([try TestLane.transfer(1)], over: lane.client, by: TestLane.user)
    var sequence: [UInt8] = []
    sequence.append(bigEndian: UInt64(1))
    let name = [UInt8]("client-0".utf8)
    #expect(lane.harbor.state.values[name + [1] + sequence] == PacketCommitment.of(packet).array)
    _ = try lane.island.receive(packet, try lane.commitmentProof(packet))
    #expect(lane.island.state.values[name + [2] + sequence] == [2])
    let acknowledgement = try lane.island.acknowledgement()
    #expect(lane.island.state.values[name + [3] + sequence] == PacketCommitment.of(acknowledgement).array)
    #expect(
      lane.harbor.state.values[[UInt8]("nextSequenceSend//client-0".utf8)] == [0, 0, 0, 0, 0, 0, 0, 2])
    let sent = try #require(lane.harbor.events.first { $0.type == "send_packet" })
    #expect(sent.value("packet_sequence") == "1")
    #expect(sent.value("encoded_packet_hex") == Hex.encode(packet.encoded(), prefix: ""))
  }

  @Test("calls that succeed answer with their results, and the callback hears of it")
  func execution() throws {
    var lane = try TestLane(callbacks: TestCallbacks(behaviour: .record))
    let payload = try lane.execution([try lane.call([0, 5, 6]), try lane.call([3, 9])])
    let packet = try lane.harbor.send([payload], over: lane.client, by: TestLane.user)
    #expect(try lane.island.receive(packet, try lane.commitmentProof(packet)) == .done)
    let acknowledgement = try lane.island.acknowledgement()
    let bytes = acknowledgement.results[0]
    let outcome = try Outcome(decoding: bytes.span)
    #expect(outcome.status == .success)
    #expect(outcome.results == [[5, 6], [1]])
    #expect(outcome.gasUsed > 0)
    _ = try lane.harbor.acknowledge(packet, acknowledgement, try lane.answerProof(packet, .acknowledgement))
    #expect(lane.harbor.state.values[TestCallbacks.key] == [1])
  }

  @Test("a call spends what a transfer of the same packet brought, and both are undone together")
  func fundsOfCalls() throws {
    var lane = try TestLane()
    let sender = try InteroperableAddress(
      domain: lane.harbor.domain, address: TestLane.user.bytes)
    let account = ExecutionApplication.account(of: sender, over: lane.client)
    let token = lane.voucher.token
    let good = try lane.harbor.send(
      [
        try TestLane.transfer(100, to: account),
        try lane.execution([try lane.call([3, 1], funds: [(token, 60)])]),
      ], over: lane.client, by: TestLane.user)
    #expect(try lane.island.receive(good, try lane.commitmentProof(good)) == .done)
    #expect(lane.island.balance(TestLane.program, token) == 60)
    #expect(lane.island.balance(account, token) == 40)

    let bad = try lane.harbor.send(
      [
        try TestLane.transfer(100, to: account),
        try lane.execution([try lane.call([3, 2], funds: [(token, 141)])]),
      ], over: lane.client, by: TestLane.user)
    let refused = ApplicationRefusal(port: .execution, code: "insufficientFunds")
    #expect(
      try lane.island.receive(bad, try lane.commitmentProof(bad)) == .executionFailed(.application(refused)))
    #expect(try lane.island.acknowledgement() == .universalError)
    #expect(lane.island.balance(account, token) == 40)
    #expect(lane.island.state.values[TestPrograms.ranKey([3, 2])] == nil)
    let failed = try #require(lane.island.events.first { $0.type == "packet_failed" })
    #expect(failed.value("reason") == "execution.insufficientFunds")
    _ = try lane.harbor.acknowledge(bad, .universalError, try lane.answerProof(bad, .acknowledgement))
    #expect(lane.harbor.balance(TestLane.user) == 999_900)
    #expect(lane.harbor.balance(lane.escrow) == lane.island.supply(token))
  }

  @Test("of several calls one that fails undoes all, and the transfer is refunded")
  func allOrNothing() throws {
    var lane = try TestLane()
    let packet = try lane.harbor.send(
      [try TestLane.transfer(70), try lane.execution([try lane.call([3, 3]), try lane.call([1])])],
      over: lane.client, by: TestLane.user)
    let outcome = try lane.island.receive(packet, try lane.commitmentProof(packet))
    #expect(
      outcome
        == .executionFailed(.application(ApplicationRefusal(port: .execution, code: "call1.asked"))))
    #expect(lane.island.state.values[TestPrograms.ranKey([3, 3])] == nil)
    #expect(lane.island.supply(lane.voucher.token) == 0)
    _ = try lane.harbor.acknowledge(packet, .universalError, try lane.answerProof(packet, .acknowledgement))
    #expect(lane.harbor.balance(TestLane.user) == 1_000_000)
  }

  @Test("a call that runs out of its gas is an error acknowledgement, not a stuck packet")
  func outOfGas() throws {
    var lane = try TestLane()
    let payload = try lane.execution([try lane.call([2], gas: 50_000)])
    let packet = try lane.harbor.send([payload], over: lane.client, by: TestLane.user)
    let outcome = try lane.island.receive(packet, try lane.commitmentProof(packet))
    #expect(
      outcome
        == .executionFailed(.application(ApplicationRefusal(port: .execution, code: "call0.outOfGas"))))
    #expect(try lane.island.acknowledgement() == .universalError)
  }

  @Test("a relayer that gives too little gas changes nothing")
  func starvedByRelayer() throws {
    var lane = try TestLane()
    let payload = try lane.execution([try lane.call([3, 4], gas: 1_000_000)])
    let packet = try lane.harbor.send([payload], over: lane.client, by: TestLane.user)
    let proof = try lane.commitmentProof(packet)
    let before = lane.island.state.values
    do {
      _ = try lane.island.receive(packet, proof, gas: 800_000)
      Issue.record("received")
    } catch {
      guard case .halt(.outOfGas) = error else {
        Issue.record("\(error)")
        return
      }
    }
    #expect(lane.island.state.values == before)
    #expect(try lane.island.receive(packet, proof) == .done)
  }

  @Test("a deadline that passes unreceived is proven, and refunds")
  func timeout() throws {
    var lane = try TestLane(callbacks: TestCallbacks(behaviour: .record))
    let packet = try lane.harbor.send(
      [try TestLane.transfer(9), try lane.execution([try lane.call([3, 5])])], over: lane.client, timeout: 60,
      by: TestLane.user)
    let early = try lane.answerProof(packet, .receipt)
    let notYet = PacketRefusal.timeoutNotReached(timeout: packet.timeout, proven: lane.island.now)
    #expect(throws: AttemptFailure.failure(notYet)) { try lane.harbor.timeOut(packet, early) }
    lane.advance(60)
    let late = try lane.commitmentProof(packet)
    let elapsed = PacketRefusal.timeoutElapsed(timeout: packet.timeout, now: lane.island.now)
    #expect(throws: AttemptFailure.failure(elapsed)) { try lane.island.receive(packet, late) }
    #expect(try lane.harbor.timeOut(packet, try lane.answerProof(packet, .receipt)) == .done)
    #expect(lane.harbor.balance(TestLane.user) == 1_000_000)
    #expect(lane.harbor.state.values[TestCallbacks.key] == [3])
    let again = try lane.answerProof(packet, .receipt)
    #expect(try lane.harbor.timeOut(packet, again) == .noOperation)
    #expect(lane.harbor.balance(TestLane.user) == 1_000_000)
  }

  @Test("repeats of every step do nothing")
  func replay() throws {
    var lane = try TestLane()
    let packet = try lane.harbor.send(
      [try TestLane.transfer(5), try lane.execution([try lane.call([3, 6])])], over: lane.client,
      by: TestLane.user)
    let proof = try lane.commitmentProof(packet)
    #expect(try lane.island.receive(packet, proof) == .done)
    let acknowledgement = try lane.island.acknowledgement()
    #expect(try lane.island.receive(packet, proof) == .noOperation)
    #expect(lane.island.state.values[TestPrograms.ranKey([3, 6])] == [1])
    let answer = try lane.answerProof(packet, .acknowledgement)
    #expect(try lane.harbor.acknowledge(packet, acknowledgement, answer) == .done)
    #expect(try lane.harbor.acknowledge(packet, acknowledgement, answer) == .noOperation)
    #expect(try lane.harbor.timeOut(packet, answer) == .noOperation)
    #expect(lane.harbor.balance(TestLane.user) == 999_995)
  }

  @Test(
    "a callback that fails, or burns all of its gas, does not block settlement",
    arguments: [
      TestCallbacks.Behaviour.fail, .burn,
    ])
  func failingCallback(behaviour: TestCallbacks.Behaviour) throws {
    var lane = try TestLane(callbacks: TestCallbacks(behaviour: behaviour))
    let packet = try lane.harbor.send(
      [try lane.execution([try lane.call([1])]), try TestLane.transfer(8)], over: lane.client,
      by: TestLane.user)
    _ = try lane.island.receive(packet, try lane.commitmentProof(packet))
    let answer = try lane.answerProof(packet, .acknowledgement)
    #expect(try lane.harbor.acknowledge(packet, .universalError, answer) == .done)
    #expect(lane.harbor.balance(TestLane.user) == 1_000_000)
    #expect(lane.harbor.state.values[TestCallbacks.key] == nil)
    let event = try #require(lane.harbor.events.first { $0.type == "callback_failed" })
    #expect(event.value("reason") == (behaviour == .fail ? "unhappy" : "outOfGas"))
  }

  @Test("one attestation in a transaction serves a batch of packets, and no other transaction")
  func batch() throws {
    var lane = try TestLane()
    var packets: [Packet] = []
    for amount in 1...20 {
      packets.append(
        try lane.harbor.send([try TestLane.transfer(UInt64(amount))], over: lane.client, by: TestLane.user))
    }
    let evidence = try lane.attesters.attest(
      lane.harbor, packets.map { PacketPath(.commitment, of: $0) }, under: lane.islandPolicy)
    let proof = PacketProof.reference(HostKeys.evidenceHash(evidence)).encoded()
    let height = Height(lane.harbor.height)
    let (host, client, batch) = (lane.island.host, lane.client, packets)
    let outcomes = try lane.island.transact {
      (context: inout HostContext) throws(AttemptFailure<PacketRefusal>) -> [PacketOutcome] in
      do throws(AttemptFailure<ClientRefusal>) {
        try host.clients.update(
          client, typeURL: HostClients.MessageType.evidence, message: evidence, in: &context)
      } catch { throw .failure(.sequenceExhausted) }
      var outcomes: [PacketOutcome] = []
      for packet in batch {
        outcomes.append(try host.receive(packet, proof: proof, at: height, in: &context))
      }
      return outcomes
    }
    #expect(outcomes == Array(repeating: .done, count: 20))
    #expect(lane.island.balance(TestLane.friend, lane.voucher.token) == 210)
    let late = try lane.harbor.send([try TestLane.transfer(1)], over: lane.client, by: TestLane.user)
    let unknown = PacketRefusal.client(.evidenceUnknown(HostKeys.evidenceHash(evidence)))
    #expect(throws: AttemptFailure.failure(unknown)) {
      try lane.island.receive(late, TestDomain.Proof(bytes: proof, height: height))
    }
  }
}
