import ContractHost
import Contracts
import Encodings
import Ledger
import Messages
import PacketHost
import Testing
import WireBytes

@Suite("Packets of contracts", .enabled(if: TestEngine.isThere, TestEngine.absent))
struct PacketTests {
  /// A puppet at each end.
  private static func ends() throws -> (lane: ContractLane, here: AccountAddress, there: AccountAddress) {
    var lane = try ContractLane()
    let here = try lane.harbor.puppets(1, funds: 1_000)[0]
    // The first of each would have the same address.
    let there = try lane.island.puppets(2)[1]
    try lane.step()
    return (lane, here, there)
  }

  /// An answer that sends an envelope which calls `target` with `input`, in protobuf.
  private static func envelope(
    from sender: AccountAddress, to target: AccountAddress, _ input: [UInt8], in lane: ContractLane
  ) throws -> [UInt8] {
    let envelope = try ExecutionEnvelope(
      calls: [
        ExecutionEnvelope.Call(
          target: try InteroperableAddress(
            domain: try DomainID("cosmos:island-1"), address: target.bytes), funds: [], gasLimit: 500_000,
          input: input)
      ],
      refundTo: try InteroperableAddress(domain: try DomainID("cosmos:harbor-1"), address: sender.bytes))
    let payload = try Payload(
      sourcePort: .execution, destinationPort: .execution, version: ExecutionEnvelope.payloadVersion,
      encoding: ExecutionEnvelope.payloadEncoding, value: envelope.encoded())
    let message = LedgerMessage.sendPacket(
      over: lane.client, timeout: UnixTime(seconds: lane.deadline()), payloads: [payload], signer: sender
    ).encoded()
    return Say.ok([
      SubMsg(id: 5, message: .any(AnyMsg(typeURL: message.typeURL, value: message.value)), replyOn: .success)
    ])
  }

  private static func told(_ lane: ContractLane, _ contract: AccountAddress) throws -> IbcSourceCallbackMsg {
    try IbcSourceCallbackMsg(
      decoding: try #require(try lane.harbor.stored(contract, "ibc_source_callback")))
  }

  @Test("call contracts elsewhere, and come back as a callback")
  func execution() throws {
    var (lane, here, there) = try Self.ends()
    let packet = try lane.sending(
      here, try Self.envelope(from: here, to: there, Say.ok(bytes: [7, 7]), in: lane))
    // The reply has the packet's number.
    let reply = try Reply(decoding: try #require(try lane.harbor.stored(here, "last")))
    guard case .ok(let response) = reply.result else { throw TestFailure.absent }
    #expect(
      response.messageResponses == [
        .init(typeURL: "/ibc.core.channel.v2.MsgSendPacketResponse", value: [8, 1])
      ])
    let received = try lane.deliver(packet)
    #expect(received.succeeded, "\(received.log)")
    #expect(try lane.island.count(there, "c") == 1)
    let answer = try received.acknowledgement
    #expect(answer.isSuccess)
    let first = answer.results[0]
    let outcome = try Outcome(decoding: first.span)
    #expect(outcome.results == [[7, 7]])
    let settled = try lane.settle(packet, answer)
    #expect(settled.succeeded, "\(settled.log)")
    #expect(try !lane.isOpen(packet))
    guard case .acknowledgement(let message) = try Self.told(lane, here) else { throw TestFailure.absent }
    #expect(message.acknowledgement.bytes == answer.results[0])
    #expect(message.relayer == lane.relayer.address.text)
    #expect(
      message.originalPacket
        == IbcPacket(
          bytes: packet.payloads[0].value,
          source: IbcEndpoint(portID: "execution", channelID: "client-0"),
          destination: IbcEndpoint(portID: "execution", channelID: "client-0"), sequence: 1,
          timeout: IbcTimeout(block: nil, timestampNanoseconds: packet.timeout.seconds * 1_000_000_000)))
  }

  @Test("that fail elsewhere, or never arrive, come back as the universal error and as a timeout")
  func failures() throws {
    var (lane, here, there) = try Self.ends()
    let failing = try lane.sending(
      here, try Self.envelope(from: here, to: there, Say.error("no"), in: lane))
    let received = try lane.deliver(failing)
    #expect(try received.acknowledgement == .universalError)
    #expect(
      received.events.first { $0.type == "packet_failed" }?.value("reason")
        == "execution.call0.contract.wasm.5")
    #expect(try lane.island.count(there, "c") == 0)
    #expect(try lane.settle(failing, .universalError).succeeded)
    guard case .acknowledgement(let message) = try Self.told(lane, here) else { throw TestFailure.absent }
    #expect(message.acknowledgement.bytes == PacketCommitment.universalErrorBytes)

    let late = try lane.sending(here, try Self.envelope(from: here, to: there, Say.ok(), in: lane))
    let settled = try lane.timeOut(late)
    #expect(settled.succeeded, "\(settled.log)")
    guard case .timeout(let timeout) = try Self.told(lane, here) else { throw TestFailure.absent }
    #expect(timeout.packet.sequence == 2)
    #expect(try !lane.isOpen(late))
  }

  @Test("are settled whatever the callback does, and not before it has had its gas")
  func callbacks() throws {
    var (lane, here, there) = try Self.ends()
    let packet = try lane.sending(
      here, try Self.envelope(from: here, to: there, Say.ok(), in: lane))
    let answer = try lane.deliver(packet).acknowledgement
    let stubborn = [0x5b] + Say.error("never") + [0x5d]
    #expect(try lane.harbor.execute(here, stubborn).succeeded)
    try lane.step()
    // A relayer who leaves too little is refused; the packet stays open.
    let starved = try lane.settle(packet, answer, gas: 1_000_000)
    #expect(starved.refusal == "sdk.11")
    #expect(try lane.isOpen(packet))
    let settled = try lane.settle(packet, answer)
    #expect(settled.succeeded, "\(settled.log)")
    #expect(settled.events.first { $0.type == "callback_failed" }?.value("reason") == "wasm.5")
    #expect(try !lane.isOpen(packet))
    #expect(try lane.harbor.stored(here, "ibc_source_callback") == nil)
  }

  private static func packet(
    from source: AccountAddress, to destination: AccountAddress, _ value: [UInt8], in lane: ContractLane
  ) -> [UInt8] {
    Say.ok([
      SubMsg(
        message: .ibc2(
          .sendPacket(
            sourceClient: lane.client.text, timeoutNanoseconds: lane.deadline() * 1_000_000_000 + 999,
            payloads: [
              Ibc2Payload(
                sourcePort: "wasm2" + source.text.dropFirst(5),
                destinationPort: "wasm2" + destination.text.dropFirst(5), version: "v1", encoding: "raw",
                value: value)
            ])))
    ])
  }

  @Test("go from port to port: asked before they leave, received, and told how they ended")
  func ports() throws {
    var (lane, here, there) = try Self.ends()
    let packet = try lane.sending(here, Self.packet(from: here, to: there, [1, 2, 3], in: lane))
    #expect(packet.timeout.seconds < lane.deadline())
    let asked = try Ibc2PacketSendMsg(
      decoding: try #require(try lane.harbor.stored(here, "ibc2_packet_send")))
    #expect((asked.signer, asked.packetSequence, asked.payload.value) == (here.text, 1, [1, 2, 3]))
    let starved = try lane.deliver(packet, gas: 2_000_000)
    #expect(starved.refusal == "sdk.11")
    let received = try lane.deliver(packet)
    #expect(received.succeeded, "\(received.log)")
    #expect(try received.acknowledgement.results == [[1]])
    let event = try #require(received.events.first { $0.type == "ibc_packet_received" })
    #expect(event.value("success") == "true")
    let got = try Ibc2PacketReceiveMsg(
      decoding: try #require(try lane.island.stored(there, "ibc2_packet_receive")))
    #expect((got.relayer, got.payload.value) == (lane.relayer.address.text, [1, 2, 3]))
    let settled = try lane.settle(packet, try received.acknowledgement)
    #expect(settled.succeeded, "\(settled.log)")
    let told = try Ibc2PacketAckMsg(
      decoding: try #require(try lane.harbor.stored(here, "ibc2_packet_ack")))
    #expect((told.acknowledgement, told.payload.value) == ([1], [1, 2, 3]))

    let late = try lane.sending(here, Self.packet(from: here, to: there, [4], in: lane))
    #expect(try lane.timeOut(late).succeeded)
    let timeout = try Ibc2PacketTimeoutMsg(
      decoding: try #require(try lane.harbor.stored(here, "ibc2_packet_timeout")))
    #expect((timeout.packetSequence, timeout.payload.value) == (2, [4]))
    // Nobody sends from another's port.
    let stolen = try lane.harbor.execute(here, Self.packet(from: there, to: there, [1], in: lane))
    #expect(!stolen.succeeded)
    let payload = packet.payloads[0]
    let person = try lane.harbor.run([
      .sendPacket(
        over: lane.client, timeout: UnixTime(seconds: lane.deadline()), payloads: [payload],
        signer: lane.harbor.alice.address)
    ])
    #expect(person.refusal == "channelv2.5")
    #expect(person.says("signer"))
  }

  @Test("may be answered later, once, by the contract that received them")
  func deferral() throws {
    var (lane, here, there) = try Self.ends()
    let other = try lane.island.puppets(1)[0]
    let later = #"[{"ok":{"acknowledgement":null,"messages":[],"attributes":[],"events":[]}}]"#
    #expect(try lane.island.execute(there, [UInt8](later.utf8)).succeeded)
    try lane.step()
    let packet = try lane.sending(here, Self.packet(from: here, to: there, [9], in: lane))
    let received = try lane.deliver(packet)
    #expect(received.succeeded, "\(received.log)")
    #expect(!received.events.contains { $0.type == "write_acknowledgement" })
    #expect(try lane.island.queries.unreceived([packet.sequence], over: lane.client).isEmpty)
    func writing(_ bytes: [UInt8], _ sequence: UInt64 = 1) -> [UInt8] {
      Say.ok([
        SubMsg(
          message: .ibc2(
            .writeAcknowledgement(
              sourceClient: lane.client.text, destinationClient: lane.client.text, packetSequence: sequence,
              acknowledgement: IbcAcknowledgement(bytes))))
      ])
    }
    let stolen = try lane.island.execute(other, writing([5]))
    #expect(stolen.refusal == "sdk.4")
    #expect(stolen.says("is not authorized to acknowledge packet addressed to port"))
    let unknown = try lane.island.execute(other, writing([5], 9))
    #expect(unknown.refusal == "wasm.14")
    #expect(unknown.says("no pending async packet for client client-0 sequence 9: invalid"))
    // What the contract does next is to answer.
    #expect(try lane.island.execute(there, [0x5b] + writing([5, 5]) + [0x5d]).succeeded)
    let answered = try lane.island.execute(there, Say.ok())
    #expect(answered.succeeded, "\(answered.log)")
    #expect(try answered.acknowledgement.results == [[5, 5]])
    let again = try lane.island.execute(there, Say.ok())
    #expect(again.refusal == "wasm.14")
    try lane.step()
    let settled = try lane.settle(packet, try answered.acknowledgement)
    #expect(settled.succeeded, "\(settled.log)")
    #expect(
      try Ibc2PacketAckMsg(decoding: lane.harbor.stored(here, "ibc2_packet_ack") ?? []).acknowledgement == [
        5, 5,
      ])
  }

  private static func transfer(
    to receiver: String, memo: String, in lane: ContractLane, _ amount: UInt64 = 40
  ) -> [UInt8] {
    Say.ok([
      SubMsg(
        message: .ibc(
          .transfer(
            channelID: lane.client.text, to: receiver,
            amount: ContractCoin(denomination: "ucause", amount: UInt256(amount)),
            timeout: IbcTimeout(block: nil, timestampNanoseconds: lane.deadline() * 1_000_000_000), memo: memo
          )))
    ])
  }

  @Test("move tokens, and tell the contracts that the memo names")
  func transfers() throws {
    var (lane, here, there) = try Self.ends()
    let memo =
      #"{"src_callback":{"address":"\#(here)"},"dest_callback":{"address":"\#(there)","gas_limit":"400000"}}"#
    let packet = try lane.sending(here, Self.transfer(to: there.text, memo: memo, in: lane))
    #expect(try lane.harbor.balance(here) == 960)
    let received = try lane.deliver(packet)
    #expect(received.succeeded, "\(received.log)")
    let voucher = TokenPath("transfer/client-0/ucause").token
    #expect(try lane.island.balance(there, voucher) == 40)
    let came = try IbcDestinationCallbackMsg(
      decoding: try #require(try lane.island.stored(there, "ibc_destination_callback")))
    #expect(
      came.transfer
        == .init(
          sender: here.text, receiver: there.text,
          funds: [Say.coin(40, voucher)]))
    #expect(came.acknowledgement.bytes == TransferApplication.success)
    let settled = try lane.settle(packet, try received.acknowledgement)
    #expect(settled.succeeded, "\(settled.log)")
    guard case .acknowledgement(let message) = try Self.told(lane, here) else { throw TestFailure.absent }
    #expect(message.originalPacket.source == IbcEndpoint(portID: "transfer", channelID: "client-0"))
    #expect(message.acknowledgement.bytes == TransferApplication.success)
    // What went away comes home under its own name.
    let home = try lane.island.execute(
      there,
      Say.ok([
        SubMsg(
          message: .ibc(
            .transfer(
              channelID: "client-0", to: lane.harbor.bob.address.text,
              amount: Say.coin(15, voucher),
              timeout: IbcTimeout(block: nil, timestampNanoseconds: lane.deadline() * 1_000_000_000),
              memo: nil)))
      ]))
    #expect(home.succeeded, "\(home.log)")
    #expect(try lane.island.balance(there, voucher) == 25)
  }

  @Test("whose receiver's callback fails go back; nobody has another's contract called")
  func refusedTransfers() throws {
    var (lane, here, there) = try Self.ends()
    #expect(try lane.island.execute(there, [0x5b] + Say.error("not for me") + [0x5d]).succeeded)
    try lane.step()
    let memo = #"{"dest_callback":{"address":"\#(there)"}}"#
    let packet = try lane.sending(here, Self.transfer(to: there.text, memo: memo, in: lane))
    let received = try lane.deliver(packet)
    #expect(try received.acknowledgement == .universalError)
    #expect(
      received.events.first { $0.type == "packet_failed" }?.value("reason") == "transfer.callback.wasm.5")
    #expect(try lane.settle(packet, .universalError).succeeded)
    #expect(try lane.harbor.balance(here) == 1_000)
    // A sender that asks for too little gas is not told, and the packet is settled.
    let poor = #"{"src_callback":{"address":"\#(here)","gas_limit":"100"}}"#
    let quiet = try lane.sending(here, Self.transfer(to: there.text, memo: poor, in: lane))
    let answer = try lane.deliver(quiet).acknowledgement
    let settled = try lane.settle(quiet, answer)
    #expect(settled.succeeded, "\(settled.log)")
    #expect(settled.events.first { $0.type == "callback_failed" }?.value("reason") == "outOfGas")
    #expect(try !lane.isOpen(quiet))
    let others = try lane.harbor.execute(
      here, Self.transfer(to: there.text, memo: #"{"src_callback":{"address":"\#(there)"}}"#, in: lane))
    #expect(!others.succeeded)
    #expect(others.refusal == "channelv2.5")
    let channel = try lane.harbor.execute(
      here,
      Say.ok([
        SubMsg(
          message: .ibc(
            .transfer(
              channelID: "client-0", to: "x", amount: Say.coin(1),
              timeout: IbcTimeout(block: .init(revision: 1, height: 5), timestampNanoseconds: nil), memo: nil)
          ))
      ]))
    #expect(channel.refusal == "sdk.18")
    #expect(channel.says("a packet of IBC v2 times out by time alone"))
  }

  @Test("are replayed to the same states on both sides")
  func replay() throws {
    var (lane, here, there) = try Self.ends()
    let packet = try lane.sending(
      here, try Self.envelope(from: here, to: there, Say.ok(bytes: [1]), in: lane))
    _ = try lane.settle(packet, try lane.deliver(packet).acknowledgement)
    for ledger in [lane.harbor, lane.island] {
      let keeper = ContractKeeper(
        engine: try ContractEngine(library: try #require(TestEngine.library)),
        domain: try DomainID("cosmos:\(ledger.chain.rules.chainID)"), programs: .standard,
        settings: ContractSettings(authority: ledger.alice.address))
      var replica = try ContractLedger.chain(ledger.chain.rules.chainID, keeper: keeper)
      for committed in ledger.history { try replica.replay(committed.block, commit: committed.commit) }
      #expect(replica.tip == ledger.chain.tip)
    }
  }
}
