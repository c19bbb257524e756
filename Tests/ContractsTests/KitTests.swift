import ContractHost
import Contracts
import Encodings
import Ledger
import Messages
import PacketHost
import TestSupport
import Testing
import WireBytes

@Suite(
  "The kit's counter", .enabled(if: TestEngine.isThere, TestEngine.absent),
  .enabled(if: ContractBinaries.areBuilt, Comment(rawValue: ContractBinaries.absence)))
struct KitTests {
  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test("counts here and across, and knows how each crossing ended")
  func crossing() throws {
    var lane = try ContractLane()
    let wasm = try #require(ContractBinaries.wasm("counter"))
    let harborCode = try lane.harbor.store(wasm: wasm)
    let islandCode = try lane.island.store(wasm: wasm)
    let here = try lane.harbor.instantiate(harborCode, [UInt8](#"{"count":5}"#.utf8))
    _ = try lane.island.instantiate(islandCode, [UInt8]("{}".utf8))
    let there = try lane.island.instantiate(islandCode, [UInt8]("{}".utf8))
    try lane.step()
    let counted = try lane.harbor.execute(here, [UInt8](#"{"increment":{"by":2}}"#.utf8))
    #expect(counted.succeeded, "\(counted.log)")
    let packet = try lane.sending(
      here,
      [UInt8](
        #"{"increment_across":{"client":"client-0","domain":"cosmos:island-1","destination_client":"client-0","contract":"\#(there)","by":3,"deadline":\#(lane.deadline())}}"#
          .utf8))
    func ask(_ ledger: ContractLedger, _ contract: AccountAddress, _ question: String) throws -> JSONValue {
      try JSONValue(
        decoding: ContractAnswers.bytes(
          ledger.query(.smartContractState(contract, message: [UInt8](question.utf8)))))
    }
    let crossing = #"{"crossing":{"client":"client-0","sequence":1}}"#
    #expect(try ask(lane.harbor, here, crossing)["state"] == "waiting")
    let received = try lane.deliver(packet)
    #expect(received.succeeded, "\(received.log)")
    #expect(try ask(lane.island, there, #"{"count":{}}"#) == ["count": 3])
    let settled = try lane.settle(packet, try received.acknowledgement)
    #expect(settled.succeeded, "\(settled.log)")
    #expect(!settled.events.contains { $0.type == "callback_failed" }, "\(settled.events)")
    #expect(try ask(lane.harbor, here, crossing)["state"] == "done")
    #expect(try ask(lane.harbor, here, crossing)["count"] == 3)
    #expect(try ask(lane.harbor, here, #"{"count":{}}"#) == ["count": 7])
  }
}
