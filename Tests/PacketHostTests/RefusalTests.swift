import Gate
import Messages
import PacketHost
import Testing
import WireBytes

/// What the host refuses of packets, and what the applications refuse of payloads.
@Suite("Refusals of packets")
struct RefusalTests {
  @Test("a deadline must be ahead, at most 24 hours, and beyond what is proven of the other side")
  func deadlines() throws {
    var lane = try TestLane()
    let now = lane.harbor.now
    let payload = try TestLane.transfer(1)
    let elapsed = PacketRefusal.timeoutElapsed(timeout: now, now: now)
    #expect(throws: AttemptFailure.failure(elapsed)) {
      try lane.harbor.send([payload], over: lane.client, timeout: 0, by: TestLane.user)
    }
    let tooFar = PacketRefusal.timeoutTooFar(
      timeout: now.adding(seconds: 86_401), latest: now.adding(seconds: 86_400))
    #expect(throws: AttemptFailure.failure(tooFar)) {
      try lane.harbor.send([payload], over: lane.client, timeout: 86_401, by: TestLane.user)
    }
    _ = try lane.harbor.send([payload], over: lane.client, timeout: 86_400, by: TestLane.user)
    lane.island.advance(100)
    try lane.refresh()
    let proven = ClientRefusal.timeoutProven(timeout: now.adding(seconds: 100), proven: lane.island.now)
    #expect(throws: AttemptFailure.failure(PacketRefusal.client(proven))) {
      try lane.harbor.send([payload], over: lane.client, timeout: 100, by: TestLane.user)
    }
  }

  @Test("a client that knows no state, and one without a counterparty, send nothing")
  func notReady() throws {
    var lane = try TestLane(known: false)
    #expect(throws: AttemptFailure.failure(PacketRefusal.client(.noHeight))) {
      try lane.harbor.send([try TestLane.transfer(1)], over: lane.client, by: TestLane.user)
    }
    let other = try ClientID("client-5")
    #expect(throws: AttemptFailure.failure(PacketRefusal.counterpartyUnknown(other))) {
      try lane.harbor.send([try TestLane.transfer(1)], over: other, by: TestLane.user)
    }
  }

  @Test("a packet of another counterparty is refused on every side")
  func wrongCounterparty() throws {
    var lane = try TestLane()
    let packet = try lane.harbor.send([try TestLane.transfer(1)], over: lane.client, by: TestLane.user)
    let stranger = try ClientID("client-8")
    let proof = try lane.commitmentProof(packet)
    let from = try Packet(
      sequence: packet.sequence, sourceClient: stranger, destinationClient: lane.client,
      timeout: packet.timeout,
      payloads: packet.payloads)
    let mismatch = PacketRefusal.counterpartyMismatch(expected: lane.client, actual: stranger)
    #expect(throws: AttemptFailure.failure(mismatch)) { try lane.island.receive(from, proof) }
    let to = try Packet(
      sequence: packet.sequence, sourceClient: lane.client, destinationClient: stranger,
      timeout: packet.timeout,
      payloads: packet.payloads)
    #expect(throws: AttemptFailure.failure(mismatch)) {
      try lane.harbor.acknowledge(to, .universalError, proof)
    }
    #expect(throws: AttemptFailure.failure(mismatch)) { try lane.harbor.timeOut(to, proof) }
  }

  @Test("an acknowledgement has one result for each payload, and is proven")
  func acknowledgements() throws {
    var lane = try TestLane()
    let packet = try lane.harbor.send(
      [try TestLane.transfer(1), try TestLane.transfer(2)], over: lane.client, by: TestLane.user)
    _ = try lane.island.receive(packet, try lane.commitmentProof(packet))
    let answer = try lane.answerProof(packet, .acknowledgement)
    let short = try Acknowledgement([TransferApplication.success])
    #expect(throws: AttemptFailure.failure(PacketRefusal.acknowledgementCount(payloads: 2, results: 1))) {
      try lane.harbor.acknowledge(packet, short, answer)
    }
    // The universal error would refund what was delivered.
    let stored = PacketCommitment.of(try lane.island.acknowledgement())
    #expect(
      throws: AttemptFailure.failure(
        PacketRefusal.client(.membership(.valueMismatch(stored: stored))))
    ) { try lane.harbor.acknowledge(packet, .universalError, answer) }
    let other = try Packet(
      sequence: packet.sequence, sourceClient: packet.sourceClient,
      destinationClient: packet.destinationClient,
      timeout: packet.timeout, payloads: [try TestLane.transfer(9)])
    let mismatch = PacketRefusal.commitmentMismatch(
      stored: PacketCommitment.of(packet), given: PacketCommitment.of(other))
    #expect(throws: AttemptFailure.failure(mismatch)) {
      try lane.harbor.acknowledge(other, .universalError, answer)
    }
  }

  @Test("a send that is refused takes nothing and uses no number")
  func refusedSends() throws {
    var lane = try TestLane()
    func refuses(_ payloads: [Payload], _ code: String, port: PortID = .transfer) {
      let before = lane.harbor.state.values
      let refusal = PacketRefusal.application(ApplicationRefusal(port: port, code: code))
      #expect(throws: AttemptFailure.failure(refusal)) {
        try lane.harbor.send(payloads, over: lane.client, by: TestLane.user)
      }
      #expect(lane.harbor.state.values == before)
    }
    let fine = try TestLane.transfer(1)
    refuses([fine, try TestLane.transfer(2_000_000)], "insufficientFunds")
    refuses([try TestLane.transfer(1, from: TestLane.friend)], "sender")
    refuses([try TestLane.transfer([0])], "payload.abi")
    refuses(
      [
        try Payload(
          sourcePort: .transfer, destinationPort: .transfer, version: "ics20-2", encoding: fine.encoding,
          value: fine.value)
      ], "version")
    refuses(
      [
        try Payload(
          sourcePort: .transfer, destinationPort: .transfer, version: fine.version,
          encoding: "application/json", value: fine.value)
      ], "encoding")
    refuses(
      [
        try Payload(
          sourcePort: .transfer, destinationPort: .execution, version: fine.version, encoding: fine.encoding,
          value: fine.value)
      ], "port")
    // The envelope's refund address is not the sender's.
    refuses(
      [try lane.execution([try lane.call([0])], by: TestLane.friend)], "refundTo", port: .execution)
    let nowhere = try PortID("nowhere")
    let lost = try Payload(
      sourcePort: nowhere, destinationPort: nowhere, version: "1", encoding: "x", value: [1])
    #expect(throws: AttemptFailure.failure(PacketRefusal.portUnknown(nowhere))) {
      try lane.harbor.send([fine, lost], over: lane.client, by: TestLane.user)
    }
    let packet = try lane.harbor.send([fine], over: lane.client, by: TestLane.user)
    #expect(packet.sequence == .first)
  }

  @Test("a memo over its limit is refused, one at the limit travels")
  func memoLimit() throws {
    var lane = try TestLane()
    #expect(throws: FungibleTokenError.self) {
      try TestLane.transfer(1, memo: String(repeating: "m", count: 32_769))
    }
    let payload = try TestLane.transfer(1, memo: String(repeating: "m", count: 32_768))
    let packet = try lane.harbor.send([payload], over: lane.client, by: TestLane.user)
    #expect(try lane.island.receive(packet, try lane.commitmentProof(packet)) == .done)
  }

  @Test("receivers that are no account, a module, or the escrow get an error acknowledgement")
  func receivers() throws {
    var lane = try TestLane()
    let names = TestNames()
    for (receiver, code) in [
      ("nobody", "receiver"), (names.name(of: TestDomain.moduleAccount), "receiverBlocked"),
      (names.name(of: lane.escrow), "receiverBlocked"),
    ] {
      let value = try FungibleTokenPacketData(
        denomination: TestDomain.token, sender: names.name(of: TestLane.user), receiver: receiver,
        amount: UInt256(5)
      ).encoded()
      let packet = try lane.harbor.send(
        [try TestLane.transfer(value)], over: lane.client, by: TestLane.user)
      #expect(
        try lane.island.receive(packet, try lane.commitmentProof(packet))
          == .executionFailed(.application(ApplicationRefusal(port: .transfer, code: code))))
      _ = try lane.harbor.acknowledge(
        packet, .universalError, try lane.answerProof(packet, .acknowledgement))
    }
    #expect(lane.harbor.balance(TestLane.user) == 1_000_000)
    #expect(lane.harbor.balance(lane.escrow) == 0)
  }

  @Test("a claim to return more than was escrowed is an error acknowledgement")
  func escrowTheft() throws {
    var lane = try TestLane()
    let packet = try lane.harbor.send([try TestLane.transfer(10)], over: lane.client, by: TestLane.user)
    _ = try lane.island.receive(packet, try lane.commitmentProof(packet))
    // Island is dishonest: it has committed to a return that nobody paid for.
    let payload = try TestLane.transfer(
      11, denomination: lane.voucher.text, from: TestLane.friend, to: TestLane.user)
    let forged = try Packet(
      sequence: .first, sourceClient: lane.client, destinationClient: lane.client,
      timeout: lane.island.now.adding(seconds: 100), payloads: [payload])
    let path = PacketPath(.commitment, of: forged)
    let evidence = try lane.attesters.sign(
      lane.harborPolicy, height: lane.island.height, time: lane.island.time,
      .packets([StoredEntry(pathHash: path.hash(), commitment: PacketCommitment.of(forged))]))
    let proof = TestDomain.Proof(
      bytes: PacketProof.evidence(evidence).encoded(), height: Height(lane.island.height))
    #expect(
      try lane.harbor.receive(forged, proof)
        == .executionFailed(
          .application(ApplicationRefusal(port: .transfer, code: "insufficientFunds"))))
    #expect(lane.harbor.balance(lane.escrow) == 10)
  }
}
