import ContractHost
import Contracts
import Encodings
import Ledger
import Messages
import PacketHost
import TestSupport
import Testing
import WireBytes

/// The kit's swap between two ledgers, with proofs and callbacks as they are; Tests/ContractKitTests has all the ways that
/// it may go.
@Suite(
  "The kit's swap", .enabled(if: TestEngine.isThere, TestEngine.absent),
  .enabled(if: ContractBinaries.areBuilt, Comment(rawValue: ContractBinaries.absence)))
struct KitSwapTests {
  /// Harbor's coin, as island knows it.
  private static let voucher = TokenPath("transfer/client-0/ucause").token

  private struct Ends {
    var lane: ContractLane
    let swap: AccountAddress
    let remoteSwap: AccountAddress
    let pool: AccountAddress

    init() throws {
      lane = try ContractLane()
      let alice = lane.harbor.alice.address
      // Harbor's coins come to island, for the pool there.
      let transfer = try FungibleTokenPacketData(
        denomination: "ucause", sender: alice.text, receiver: alice.text, amount: UInt256(2_000_000 as UInt64)
      )
      let payload = try Payload(
        sourcePort: .transfer, destinationPort: .transfer, version: FungibleTokenPacketData.payloadVersion,
        encoding: FungibleTokenPacketData.payloadEncoding, value: transfer.encoded())
      let sent = try lane.run(
        [
          .sendPacket(
            over: lane.client, timeout: UnixTime(seconds: lane.deadline()), payloads: [payload], signer: alice
          )
        ], by: lane.harbor.alice, on: .harbor)
      let arrived = try lane.deliver(try #require(try KitSwapTests.packet(in: sent)))
      #expect(arrived.succeeded, "\(arrived.log)")
      func code(_ name: String) throws -> [UInt8] { try #require(ContractBinaries.wasm(name)) }
      let islandSwap = try lane.island.store(wasm: try code("swap"))
      let islandPool = try lane.island.store(wasm: try code("pool"))
      let harborSwap = try lane.harbor.store(wasm: try code("swap"))
      remoteSwap = try lane.island.instantiate(islandSwap, [UInt8]("{}".utf8))
      pool = try lane.island.instantiate(
        islandPool, [UInt8](#"{"assets":[{"native":"\#(KitSwapTests.voucher)"},{"native":"ucause"}]}"#.utf8))
      let added = try lane.island.execute(
        pool, [UInt8](#"{"add_liquidity":{"amounts":["1000000","2000000"]}}"#.utf8),
        funds: [
          Coin(UInt256(1_000_000 as UInt64), try Denom(KitSwapTests.voucher)), lane.island.coin(2_000_000),
        ])
      #expect(added.succeeded, "\(added.log)")
      swap = try lane.harbor.instantiate(
        harborSwap,
        [UInt8](
          """
          {"routes":[{"client":"client-0","domain":"cosmos:island-1","destination_client":"client-0",\
          "contract":"\(remoteSwap)"}]}
          """.utf8))
      try lane.step()
    }

    mutating func order(_ amount: UInt64, least: Int) throws -> Packet {
      let message = """
        {"swap_across":{"client":"client-0","pool":"\(pool)","min_out":"\(least)","deadline":\(lane.deadline())}}
        """
      return try lane.sending(swap, [UInt8](message.utf8), funds: [lane.harbor.coin(amount)])
    }

    func state(_ packet: Packet) throws -> JSONValue {
      let question = #"{"order":{"client":"client-0","sequence":\#(packet.sequence)}}"#
      return try JSONValue(
        decoding: ContractAnswers.bytes(
          lane.harbor.query(.smartContractState(swap, message: [UInt8](question.utf8)))))
    }
  }

  private static func packet(in result: TransactionResult) throws -> Packet? {
    guard let hex = result.events.first(where: { $0.type == "send_packet" })?.value("encoded_packet_hex")
    else {
      return nil
    }
    let bytes = try Hex.decode(hex)
    return try Packet(decoding: bytes.span)
  }

  @Test("swaps in the other domain and sends the output home")
  func swaps() throws {
    var ends = try Ends()
    let packet = try ends.order(100, least: 197)
    #expect(packet.payloads.map(\.sourcePort) == [.transfer, .execution])
    let received = try ends.lane.deliver(packet)
    #expect(received.succeeded, "\(received.log)")
    let answer = try received.acknowledgement
    #expect(answer.isSuccess)
    // The output is on its way to Alice, and its contract will hear of it.
    let home = try #require(try Self.packet(in: received))
    let value = home.payloads[0].value
    let transfer = try FungibleTokenPacketData(decoding: value.span)
    #expect(transfer.receiver == ends.lane.harbor.alice.address.text)
    #expect(transfer.denomination == "ucause" && transfer.amount.asUInt64 == 197)
    #expect(transfer.memo == #"{"src_callback":{"address":"\#(ends.remoteSwap)"}}"#)
    let settled = try ends.lane.settle(packet, answer)
    #expect(settled.succeeded, "\(settled.log)")
    #expect(!settled.events.contains { $0.type == "callback_failed" }, "\(settled.events)")
    let state = try ends.state(packet)
    #expect(state["state"] == "done" && state["out"]?["amount"] == "197")
    #expect(try ends.lane.harbor.balance(ends.swap) == 0)
  }

  @Test("pays back what could not be swapped, and what came too late", arguments: [false, true])
  func refunds(isLate: Bool) throws {
    var ends = try Ends()
    let alice = ends.lane.harbor.alice.address
    let packet = try ends.order(100, least: isLate ? 1 : 198)
    let before = try #require(try ends.lane.harbor.balance(alice))
    let settled: TransactionResult
    if isLate {
      settled = try ends.lane.timeOut(packet)
    } else {
      let received = try ends.lane.deliver(packet)
      #expect(try received.acknowledgement == .universalError)
      settled = try ends.lane.settle(packet, .universalError)
    }
    #expect(settled.succeeded, "\(settled.log)")
    #expect(!settled.events.contains { $0.type == "callback_failed" }, "\(settled.events)")
    #expect(try ends.state(packet)["state"] == (isLate ? "timed_out" : "failed"))
    // The relayer has paid for the settlement: Alice has her coins again, to the last one.
    #expect(try ends.lane.harbor.balance(alice) == before + 100)
    #expect(try ends.lane.harbor.balance(ends.swap) == 0)
  }
}
