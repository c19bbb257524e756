import Digests
import Gate
import Ledger
import Messages
import PacketHost
import Testing
import WireBytes

@Suite("Packets between two ledgers, by transactions")
struct CrossingTests {
  @Test("arrive and settle", arguments: TestLane.Form.allCases)
  func success(form: TestLane.Form) throws {
    var lane = try TestLane(form)
    let funds = try lane.harbor.balance(lane.user.address)
    let packet = try lane.send(try lane.transfer(400, to: lane.friend.address.text))
    #expect(try lane.harbor.balance(lane.escrow) == 400)
    let received = try lane.deliver(packet)
    #expect(received.succeeded, "\(received.log)")
    #expect(try lane.voucher(of: lane.friend.address) == 400)
    #expect(try received.answer.results == [TransferApplication.success])
    #expect(try lane.island.queries.unreceived([packet.sequence], over: lane.client).isEmpty)
    let settled = try lane.settle(packet, try received.answer)
    #expect(settled.succeeded, "\(settled.log)")
    #expect(try lane.harbor.queries.open([packet.sequence], over: lane.client).isEmpty)
    #expect(try lane.harbor.balance(lane.user.address) == funds.map { $0 - 400 - 5_000 })
    // Carried again, on either side, nothing happens.
    #expect(try lane.deliver(packet).succeeded)
    #expect(try lane.settle(packet, try received.answer).succeeded)
    #expect(try lane.voucher(of: lane.friend.address) == 400)
    #expect(try lane.harbor.balance(lane.escrow) == 400)
  }

  @Test("that the destination cannot execute come back", arguments: TestLane.Form.allCases)
  func failure(form: TestLane.Form) throws {
    var lane = try TestLane(form)
    let funds = try lane.harbor.balance(lane.user.address)
    let packet = try lane.send(try lane.transfer(400, to: "nobody"))
    let received = try lane.deliver(packet)
    #expect(received.succeeded, "\(received.log)")
    #expect(try received.answer == .universalError)
    #expect(try received.attribute("reason", of: "packet_failed") == "transfer.receiver")
    // Another answer than the one that was given is not proven.
    let lie = try lane.settle(packet, try Acknowledgement([TransferApplication.success]))
    #expect(lie.log.hasPrefix("message.packet.client.membership"), "\(lie.log)")
    let settled = try lane.settle(packet, try received.answer)
    #expect(settled.succeeded, "\(settled.log)")
    #expect(try lane.harbor.balance(lane.user.address) == funds.map { $0 - 5_000 })
    #expect(try lane.harbor.balance(lane.escrow) == 0)
  }

  @Test("that never arrive time out by the absence of a receipt", arguments: TestLane.Form.allCases)
  func absence(form: TestLane.Form) throws {
    var lane = try TestLane(form)
    let funds = try lane.harbor.balance(lane.user.address)
    // One that arrived: absence proofs then stand among other keys.
    let first = try lane.send(try lane.transfer(1, to: lane.friend.address.text))
    _ = try lane.deliver(first)
    let packet = try lane.send(try lane.transfer(400, to: lane.friend.address.text), seconds: 8)
    let early = try lane.timeOut(packet)
    #expect(early.log.hasPrefix("message.packet.timeoutNotReached"), "\(early.log)")
    for _ in 0..<8 { try lane.step() }
    let late = try lane.deliver(packet)
    #expect(late.log.hasPrefix("message.packet.timeoutElapsed"), "\(late.log)")
    let settled = try lane.timeOut(packet)
    #expect(settled.succeeded, "\(settled.log)")
    #expect(try lane.harbor.balance(lane.user.address) == funds.map { $0 - 1 - 10_000 })
    #expect(try lane.harbor.balance(lane.escrow) == 1)
    // The packet that arrived does not time out.
    let received = try lane.timeOut(first)
    #expect(!received.succeeded)
    #expect(try lane.harbor.balance(lane.escrow) == 1)
  }

  @Test("whose call writes what no state can hold are errors, and both chains go on")
  func reckless() throws {
    let program = RecklessProgram()
    var lane = try TestLane(.attested, programs: LedgerPrograms([program]))
    let target = try InteroperableAddress(
      domain: DomainID("cosmos:island-1"), address: program.address.bytes)
    let refund = try InteroperableAddress(
      domain: DomainID("cosmos:harbor-1"), address: lane.user.address.bytes)
    let call = ExecutionEnvelope.Call(
      target: target, funds: [], gasLimit: 200_000, input: [RecklessProgram.Deed.emptyValue.rawValue])
    let payload = try Payload(
      sourcePort: .execution, destinationPort: .execution, version: ExecutionEnvelope.payloadVersion,
      encoding: ExecutionEnvelope.payloadEncoding,
      value: try ExecutionEnvelope(calls: [call], refundTo: refund).encoded())
    let packet = try lane.send(payload)
    let received = try lane.deliver(packet)
    #expect(received.succeeded, "\(received.log)")
    #expect(
      try received.attribute("reason", of: "packet_failed") == "execution.call0.execution.valueEmpty")
    #expect(try lane.settle(packet, try received.answer).succeeded)
    #expect(try lane.harbor.queries.open([packet.sequence], over: lane.client).isEmpty)
  }
}
