import Attestation
import Digests
import Enclaves
import Ledger
import Messages
import PacketHost
import Settlement
import Testing
import WireBytes

@Suite("Gas of settlement")
struct GasTests {
  @Test("charges for verification before it verifies, and undoes what runs out")
  func outOfGas() throws {
    var ledger = try SettlementLedger()
    let hash = try ledger.store(ledger.policy())
    let enclave = try ledger.enclave()
    let message = ledger.registration(of: enclave, policy: hash)
    let short = try ledger.run(message, by: ledger.operator, gas: SettlementGas.evidence(.simulated))
    #expect(short.codespace == "sdk" && short.code == 11, "\(short.log)")
    #expect(try ledger.ask(.registration(enclave.registration)) == nil)
    let whole = try ledger.run(message, by: ledger.operator)
    #expect(whole.succeeded)
    #expect(whole.gasUsed > SettlementGas.evidence(.simulated) && whole.gasUsed < 400_000, "\(whole.gasUsed)")
  }

  @Test("lets the last submission cost what the first one did")
  func submissions() throws {
    var ledger = try SettlementLedger()
    let (_, policy) = try ledger.registered()
    let id = try ledger.opened(policy: policy, maximumInputs: 64)
    var used: [UInt64] = []
    for index in 0..<40 {
      let result = try ledger.submit(
        SHA256Hash.hash([UInt8(index)]), nonce: UInt64(index), coins: [ledger.coin(10)], to: id,
        by: ledger.alice)
      #expect(result.succeeded, "\(result.log)")
      used.append(result.gasUsed)
    }
    // The first one makes the escrow's account.
    let (first, most) = (used[1], try #require(used.dropFirst().max()))
    #expect(most < first + first / 10 && most < 200_000, "\(used)")
  }

  @Test("fits a full case into one block, settled or reclaimed")
  func fullCase() throws {
    var ledger = try SettlementLedger()
    let (enclave, policy) = try ledger.registered()
    let ids = [
      try ledger.opened(policy: policy, maximumInputs: 256),
      try ledger.opened(policy: policy, maximumInputs: 256),
    ]
    for id in ids {
      let messages = (0..<256).map { index in
        SettlementMessage.submit(
          sender: ledger.alice.address, case: id, commitment: SHA256Hash.hash([1, UInt8(index)]),
          nonce: UInt64(index), coins: [ledger.coin(10), ledger.fee(1)]
        ).ledgerMessage
      }
      let block = try ledger.advance([try ledger.signed(messages, by: ledger.alice)])
      #expect(block.outcome.results[0].succeeded, "\(block.outcome.results[0].log)")
    }
    try ledger.wait(until: try ledger.record(ids[1]).closes)
    let payouts = (0..<256).map { index in
      (AccountAddress(Bytes20 { _ in UInt8(index) }), [ledger.coin(10), ledger.fee(1)])
    }
    let work = try ledger.work(ids[0], by: enclave, payouts: payouts)
    let settled = try ledger.run(ledger.message(work), by: ledger.bob)
    #expect(settled.succeeded, "\(settled.log)")
    #expect(settled.gasUsed < 30_000_000, "\(settled.gasUsed)")
    try ledger.wait(until: try ledger.record(ids[1]).expires)
    let reclaimed = try ledger.run(
      .reclaim(sender: ledger.carol.address, case: ids[1]), by: ledger.carol)
    #expect(reclaimed.succeeded, "\(reclaimed.log)")
    #expect(reclaimed.gasUsed < 30_000_000, "\(reclaimed.gasUsed)")
  }
}
