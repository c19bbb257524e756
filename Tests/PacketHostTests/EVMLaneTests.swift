import Encodings
import Gate
import Messages
import PacketHost
import Testing
import WireBytes

/// A lane between a ledger and an EVM chain, as the ledger sees it: every step of a packet, proven from the state that
/// tools/vectors/evm_storage.py has made.
@Suite("Crossings between a ledger and an EVM chain")
struct EVMLaneTests {
  /// The ledger with its client, and the chain's states to come.
  private struct Lane {
    let json: JSONValue
    var side: TestEVMClient
    static let remoteUser = "0x" + String(repeating: "33", count: 20)

    init() throws {
      json = try #require(try EVMVectors().json["lane"])
      #expect(json["start"]?.integer(UInt64.self) == TestDomain.start)
      side = try TestEVMClient(
        router: try Bytes20(EVMVectors.hex(json["router"])), remote: json["remote"]?.string ?? "")
      try side.ledger.mint(1_000, to: TestLane.user)
    }

    private func step(_ name: String) throws -> JSONValue {
      try #require(json["steps"]?.array?.first { $0["name"]?.string == name })
    }

    /// Tells the ledger of the chain's state.
    mutating func reach(_ name: String) throws -> ClientUpdate {
      let step = try step(name)
      return try side.learn(
        try Bytes32(EVMVectors.hex(step["root"])), height: try #require(step["height"]?.integer()),
        time: try #require(step["time"]?.integer()))
    }

    func proof(_ step: String, _ kind: String, _ sequence: UInt64) throws -> TestDomain.Proof {
      let json = try self.step(step)
      let found = try #require(
        json["proofs"]?.array?.first {
          $0["kind"]?.string == kind && $0["sequence"]?.integer(UInt64.self) == sequence
        })
      return TestDomain.Proof(
        bytes: try EVMVectors.hex(found["proof"]), height: Height(try #require(json["height"]?.integer())))
    }

    /// A packet that the chain has sent.
    func incoming(_ index: Int) throws -> Packet {
      let record = try #require(json["incoming"]?[index])
      let payloads = try #require(record["payloads"]?.array).map { payload in
        try Payload(
          sourcePort: try PortID(payload["sourcePort"]?.string ?? ""),
          destinationPort: try PortID(payload["destinationPort"]?.string ?? ""),
          version: payload["version"]?.string ?? "", encoding: payload["encoding"]?.string ?? "",
          value: try EVMVectors.hex(payload["value"]))
      }
      let number = try #require(record["sequence"]?.integer(UInt64.self))
      let sequence = Messages.Sequence(number)
      let packet = try Packet(
        sequence: try #require(sequence),
        sourceClient: try ClientID(record["sourceClient"]?.string ?? ""),
        destinationClient: try ClientID(record["destinationClient"]?.string ?? ""),
        timeout: UnixTime(seconds: try #require(record["timeout"]?.integer())), payloads: payloads)
      #expect(PacketCommitment.of(packet).description == record["commitment"]?.string)
      return packet
    }

    /// Sends the packet that stands at `index` of those that the chain will answer.
    mutating func send(_ index: Int, amount: UInt64) throws -> Packet {
      let value = try FungibleTokenPacketData(
        denomination: TestDomain.token, sender: TestNames().name(of: TestLane.user),
        receiver: Self.remoteUser, amount: UInt256(amount)
      ).encoded()
      let record = try #require(json["outgoing"]?[index])
      let timeout = try #require(record["timeout"]?.integer(UInt64.self))
      let packet = try side.ledger.send(
        [try TestLane.transfer(value)], over: side.client, timeout: timeout - side.ledger.time,
        by: TestLane.user)
      #expect(PacketCommitment.of(packet).description == record["commitment"]?.string)
      #expect(packet.sequence.rawValue == record["sequence"]?.integer(UInt64.self))
      return packet
    }
  }

  @Test("receives what the chain has committed to, once, and answers what fails with the error")
  func receives() throws {
    var lane = try Lane()
    #expect(try lane.reach("sent") == .updated(Height(3_000_000)))
    let packet = try lane.incoming(0)
    let proof = try lane.proof("sent", "commitment", 1)
    let before = lane.side.ledger.state.values

    // Proofs of the other packet, of an empty slot, and of the receipt's slot prove nothing about this one.
    for (kind, sequence) in [("commitment", UInt64(2)), ("commitment", 3), ("receipt", 1)] {
      let wrong = try lane.proof("sent", kind, sequence)
      #expect(throws: AttemptFailure<PacketRefusal>.self) { try lane.side.ledger.receive(packet, wrong) }
    }
    // A packet that was changed on the way has another commitment.
    let changed = try Packet(
      sequence: packet.sequence, sourceClient: packet.sourceClient,
      destinationClient: packet.destinationClient, timeout: packet.timeout.adding(seconds: 1),
      payloads: packet.payloads)
    let mismatch = PacketRefusal.client(
      .membership(.valueMismatch(stored: PacketCommitment.of(packet))))
    #expect(throws: AttemptFailure.failure(mismatch)) { try lane.side.ledger.receive(changed, proof) }
    #expect(lane.side.ledger.state.values == before)

    #expect(try lane.side.ledger.receive(packet, proof) == .done)
    let voucher = TokenPath("transfer/client-0/0x" + String(repeating: "aa", count: 20))
    #expect(lane.side.ledger.balance(TestLane.friend, voucher.token) == 40)
    let acknowledgement = try lane.side.ledger.acknowledgement()
    #expect(acknowledgement.isSuccess)

    let settled = lane.side.ledger.state.values
    #expect(try lane.side.ledger.receive(packet, proof) == .noOperation)
    #expect(lane.side.ledger.state.values == settled)
    #expect(lane.side.ledger.events.isEmpty)

    let lost = try lane.incoming(1)
    let outcome = try lane.side.ledger.receive(lost, try lane.proof("sent", "commitment", 2))
    #expect(outcome == .executionFailed(.application(ApplicationRefusal(port: .transfer, code: "receiver"))))
    #expect(try lane.side.ledger.acknowledgement() == .universalError)
  }

  @Test("settles, gives back after an error, and gives back after a timeout, each once")
  func settles() throws {
    var lane = try Lane()
    _ = try lane.reach("sent")
    let delivered = try lane.send(0, amount: 100)
    let failed = try lane.send(1, amount: 200)
    let late = try lane.send(2, amount: 300)
    let slow = try lane.send(3, amount: 400)
    #expect(lane.side.ledger.balance(TestLane.user) == 0)
    #expect(try lane.reach("answered") == .updated(Height(3_000_001)))

    let success = try Acknowledgement([TransferApplication.success])
    let answer = try lane.proof("answered", "acknowledgement", 1)
    let refusal = try lane.proof("answered", "acknowledgement", 2)
    // The universal error would give back what was delivered, and success would keep what failed.
    let stored = PacketRefusal.client(.membership(.valueMismatch(stored: PacketCommitment.of(success))))
    #expect(throws: AttemptFailure.failure(stored)) {
      try lane.side.ledger.acknowledge(delivered, .universalError, answer)
    }
    #expect(throws: AttemptFailure<PacketRefusal>.self) {
      try lane.side.ledger.acknowledge(failed, success, refusal)
    }
    // Before the answer was written it cannot be shown: the client knows the older root as well.
    let older = TestDomain.Proof(bytes: answer.bytes, height: Height(3_000_000))
    #expect(throws: AttemptFailure<PacketRefusal>.self) {
      try lane.side.ledger.acknowledge(delivered, success, older)
    }
    #expect(try lane.side.ledger.acknowledge(delivered, success, answer) == .done)
    #expect(try lane.side.ledger.acknowledge(failed, .universalError, refusal) == .done)
    #expect(lane.side.ledger.balance(TestLane.user) == 200)
    let settled = lane.side.ledger.state.values
    #expect(try lane.side.ledger.acknowledge(delivered, success, answer) == .noOperation)
    #expect(try lane.side.ledger.acknowledge(failed, .universalError, refusal) == .noOperation)
    #expect(lane.side.ledger.state.values == settled)

    // No receipt, but the chain's own time has not reached the deadline.
    for (step, seconds) in [("answered", UInt64(24)), ("before the deadline", 59)] {
      if step != "answered" { _ = try lane.reach(step) }
      let early = PacketRefusal.timeoutNotReached(
        timeout: late.timeout, proven: UnixTime(seconds: TestDomain.start + seconds))
      let absence = try lane.proof(step, "receipt", 3)
      #expect(throws: AttemptFailure.failure(early)) { try lane.side.ledger.timeOut(late, absence) }
    }
    _ = try lane.reach("at the deadline")
    let absence = try lane.proof("at the deadline", "receipt", 3)
    let receipt = try lane.proof("at the deadline", "receipt", 4)
    // A receipt is there: the packet was delivered, however late it is now.
    do {
      _ = try lane.side.ledger.timeOut(slow, receipt)
      Issue.record("timed out")
    } catch {
      guard case .failure(.client(.membership(.present))) = error else {
        Issue.record("\(error)")
        return
      }
    }
    // Nor does the absence of another packet's receipt help.
    #expect(throws: AttemptFailure<PacketRefusal>.self) { try lane.side.ledger.timeOut(slow, absence) }
    #expect(try lane.side.ledger.timeOut(late, absence) == .done)
    #expect(lane.side.ledger.balance(TestLane.user) == 500)
    #expect(try lane.side.ledger.timeOut(late, absence) == .noOperation)
    #expect(lane.side.ledger.balance(TestLane.user) == 500)
    #expect(
      try lane.side.ledger.acknowledge(
        slow, success, try lane.proof("at the deadline", "acknowledgement", 4)) == .done)
    #expect(lane.side.ledger.balance(TestLane.user) == 500)
    let escrow = TransferApplication.escrow(.transfer, lane.side.client)
    #expect(lane.side.ledger.balance(escrow) == 500)
  }

  @Test("shows that the chain has forgotten a commitment when the packet has ended")
  func ended() throws {
    var lane = try Lane()
    _ = try lane.reach("sent")
    _ = try lane.reach("answered")
    let path = PacketPath(.commitment, client: try ClientID("client-7"), sequence: .first)
    let gone = try lane.proof("answered", "commitment", 1)
    #expect(try lane.side.refusal(.absent(path), gone.bytes, height: gone.height.number) == nil)
    let present = try lane.proof("sent", "commitment", 1)
    let value = PacketCommitment.of(try lane.incoming(0))
    #expect(try lane.side.refusal(.member(path, value), present.bytes, height: 3_000_000) == nil)
    // The older proof under the newer root.
    let refusal = try lane.side.refusal(.member(path, value), present.bytes, height: 3_000_001)
    #expect(refusal.map(EVMVectors.reason) == "account.hashMismatch 0")
  }
}
