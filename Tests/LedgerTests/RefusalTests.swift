import Encodings
import Ledger
import LightClients
import Messages
import PacketHost
import SignatureSchemes
import Testing
import WireBytes

/// Every way in which a transaction is not what it should be: a specific refusal, and nothing changes.
@Suite("Refused transactions")
struct RefusalTests {
  let alice: TestSigner
  let bob: TestSigner
  let stranger: TestSigner
  var ledger: TestLedger

  init() throws {
    alice = try TestSigner(1)
    bob = try TestSigner(2)
    stranger = try TestSigner(3)
    ledger = try TestLedger(funds: [(alice, 1_000_000), (bob, 150)])
  }

  private func send(_ amount: UInt64 = 5) -> LedgerMessage {
    .send(from: alice.address, to: bob.address, coins: [ledger.coin(amount)])
  }

  /// The same refusal when it is checked, and in a block; the state is as it was.
  private mutating func expect(_ refusal: TransactionRefusal, _ bytes: [UInt8]) throws {
    #expect(throws: CheckFailure.refused(refusal)) { try ledger.chain.submit(bytes) }
    #expect(ledger.chain.mempool.count == 0)
    let before = ledger.chain.tip.appHash
    let committed = try ledger.advance([bytes])
    let result = committed.outcome.results[0]
    #expect(result.code == refusal.code.number)
    #expect(result.codespace == refusal.code.codespace)
    #expect(result.log.hasPrefix(refusal.name + ": "))
    #expect(committed.outcome.uncounted == [0])
    #expect(committed.outcome.changes.isEmpty)
    #expect(ledger.chain.tip.appHash == before)
  }

  @Test("malformed, and unsigned") mutating func malformed() throws {
    try expect(.form(.signatureCount(0)), [])
    try expect(.form(.protobuf(part: .raw, .truncated(offset: 2, needed: 5))), [0x0a, 5])
    let whole = try ledger.signed([send()], by: alice)
    // Without field 3, the signature: its tag, its length and 64 bytes.
    try expect(.form(.signatureCount(0)), [UInt8](whole.dropLast(66)))
    try expect(.form(.signatureCount(2)), whole + whole.suffix(66))
    try expect(.form(.messageCount(max: 1_024, actual: 0)), try ledger.signed([], by: alice))
  }

  @Test("oversized, in bytes, in messages and in its memo") mutating func oversized() throws {
    let large = [UInt8](repeating: 0, count: Transaction.sizeMax + 1)
    try expect(.form(.tooLarge(max: Transaction.sizeMax, actual: large.count)), large)
    let memo = String(repeating: "m", count: 257)
    try expect(.form(.memo(max: 256, actual: 257)), try ledger.signed([send()], by: alice, memo: memo))
    let many = [LedgerMessage](repeating: send(), count: 1_025)
    try expect(.form(.messageCount(max: 1_024, actual: 1_025)), try ledger.signed(many, by: alice))
  }

  @Test("with more bytes than a block of this domain has") func largerThanBlocks() throws {
    var small = try TestLedger(funds: [(alice, 1_000_000)], rules: try TestLedger.rules(blockSizeMax: 300))
    let bytes = try small.signed([send(), send()], by: alice)
    #expect(throws: CheckFailure.refused(.form(.tooLarge(max: 300, actual: bytes.count)))) {
      try small.chain.submit(bytes)
    }
    #expect(throws: BlockError.size(max: 300, actual: bytes.count)) { try small.chain.propose([bytes]) }
  }

  @Test("mis-sequenced: from the past, and from the future") mutating func sequence() throws {
    try expect(
      .sequence(expected: 0, actual: 1), try ledger.signed([send()], by: alice, sequence: 1))
    let first = try ledger.signed([send()], by: alice)
    #expect(try ledger.run(first).succeeded)
    #expect(throws: CheckFailure.refused(.sequence(expected: 1, actual: 0))) {
      try ledger.chain.submit(first)
    }
  }

  @Test("underfunded for its fee") mutating func underfunded() throws {
    let message = LedgerMessage.send(from: bob.address, to: alice.address, coins: [ledger.coin(1)])
    let refusal = BankRefusal.insufficientFunds(
      bob.address, available: UInt256(150), wanted: ledger.coin(200))
    try expect(.feePayment(refusal), try ledger.signed([message], by: bob))
  }

  @Test("from an account that nobody has paid into") mutating func unknown() throws {
    let message = LedgerMessage.send(from: stranger.address, to: alice.address, coins: [ledger.coin(1)])
    try expect(.accountUnknown(stranger.address), try ledger.signed([message], by: stranger))
  }

  @Test("expired: its last height has passed") mutating func expired() throws {
    try ledger.advance([])
    try ledger.advance([])
    let bytes = try ledger.signed([send()], by: alice, timeoutHeight: 2)
    #expect(throws: CheckFailure.refused(.timeoutHeight(last: 2, height: 3))) {
      try ledger.chain.submit(bytes)
    }
    let result = try ledger.run(bytes)
    #expect((result.codespace, result.code) == ("sdk", 30))
    // At its last height it is still good.
    #expect(try ledger.run(ledger.signed([send()], by: alice, timeoutHeight: 4)).succeeded)
  }

  @Test("for another domain, with another account's number, and signed by somebody else")
  mutating func signatures() throws {
    let refusal = TransactionRefusal.signature(.ed25519(.mismatch))
    try expect(refusal, try ledger.signed([send()], by: alice, chainID: "island-1"))
    try expect(refusal, try ledger.signed([send()], by: alice, number: 9))
    try expect(refusal, try ledger.signed([send()], by: alice, signatureOf: bob))
  }

  @Test("whose fee is too small, in another token, or absent") mutating func fee() throws {
    try expect(
      .fee(needed: ledger.coin(200), offered: UInt256(199)),
      try ledger.signed([send()], by: alice, fee: [ledger.coin(199)]))
    try expect(
      .fee(needed: ledger.coin(200), offered: .zero), try ledger.signed([send()], by: alice, fee: []))
    let foreign = try Denom("uatom")
    try expect(
      .feeDenom(foreign), try ledger.signed([send()], by: alice, fee: [Coin(UInt256(500), foreign)]))
    let five = [Coin](repeating: ledger.coin(100), count: 5)
    try expect(.form(.feeCoins(max: 4, actual: 5)), try ledger.signed([send()], by: alice, fee: five))
  }

  @Test("that wants more gas than a block has") mutating func gas() throws {
    let limit: UInt64 = 1_000_000_000
    try expect(
      .gasLimit(max: limit, actual: limit + 1),
      try ledger.signed([send()], by: alice, fee: [ledger.coin(900_000)], gas: limit + 1))
  }

  @Test("that wants more gas than the block has left") func blockGas() throws {
    var small = try TestLedger(funds: [(alice, 1_000_000)], rules: try TestLedger.rules(blockGasMax: 230_000))
    let first = try small.signed([send()], by: alice)
    let second = try small.signed([send()], by: alice, sequence: 1)
    let committed = try small.advance([first, second])
    let results = committed.outcome.results
    #expect(results[0].succeeded)
    let left = 230_000 - results[0].gasUsed
    #expect((results[1].codespace, results[1].code) == ("sdk", 11))
    #expect(results[1].log.hasPrefix("blockGas: "))
    #expect(results[1].log.contains("left: \(left)"))
    #expect(committed.outcome.uncounted == [1])
  }

  @Test("without gas for its own check leaves nothing behind") mutating func noGas() throws {
    let bytes = try ledger.signed([send()], by: alice, fee: [ledger.coin(1)], gas: 1_000)
    let before = ledger.chain.tip.appHash
    let result = try ledger.run(bytes)
    #expect((result.codespace, result.code) == ("sdk", 11))
    #expect(ledger.chain.tip.appHash == before)
  }

  @Test("that runs out of gas keeps its fee and its sequence, and nothing else") mutating func outOfGas()
    throws
  {
    let burn = LedgerMessage.callProgram(
      caller: alice.address, program: CounterProgram().address, funds: [ledger.coin(7)],
      input: [UInt8](#"{"burn":{"gas":"10000000"}}"#.utf8))
    let result = try ledger.run(try ledger.signed([send(), burn], by: alice))
    #expect((result.codespace, result.code) == ("sdk", 11))
    #expect(result.gasUsed == TestLedger.gas)
    #expect(result.payload.isEmpty)
    #expect(try ledger.balance(alice.address) == 1_000_000 - 200)
    #expect(try ledger.balance(bob.address) == 150)
    #expect(try ledger.balance(LedgerRules.feeCollector) == 200)
    #expect(try ledger.queries.account(alice.address)?.sequence == 1)
  }

  @Test("whose second message fails undoes the first, and keeps its fee and its sequence")
  mutating func rollsBack() throws {
    let result = try ledger.run(try ledger.signed([send(), send(2_000_000)], by: alice))
    #expect((result.codespace, result.code) == ("sdk", 5))
    #expect(result.log.hasPrefix("message.bank.insufficientFunds: "))
    // What the failed messages emitted is undone with them.
    #expect(
      result.events.allSatisfy { $0.type == "tx" || $0.value("recipient") == LedgerRules.feeCollector.text })
    #expect(try ledger.balance(alice.address) == 1_000_000 - 200)
    #expect(try ledger.balance(bob.address) == 150)
    #expect(try ledger.queries.account(alice.address)?.sequence == 1)
  }

  @Test("with a message that another account must sign") mutating func wrongSigner() throws {
    let theft = LedgerMessage.send(from: bob.address, to: alice.address, coins: [ledger.coin(1)])
    let bytes = try ledger.signed([theft], by: alice)
    let refusal = TransactionRefusal.message(
      index: 0, .signer(expected: alice.address, actual: bob.address))
    #expect(throws: CheckFailure.refused(refusal)) { try ledger.chain.submit(bytes) }
    let result = try ledger.run(bytes)
    #expect((result.codespace, result.code) == ("sdk", 4))
    #expect(try ledger.balance(bob.address) == 150)
    #expect(try ledger.balance(alice.address) == 1_000_000 - 200)
  }

  @Test("with a message of a packet whose client nobody made") mutating func packets() throws {
    let client = try ClientID("client-7")
    let payload = try Payload(
      sourcePort: "transfer", destinationPort: "transfer", version: "ics20-1",
      encoding: "application/x-solidity-abi", value: [1])
    let message = LedgerMessage.sendPacket(
      over: client, timeout: UnixTime(seconds: 1_780_000_900), payloads: [payload], signer: alice.address)
    let result = try ledger.run(try ledger.signed([message], by: alice))
    #expect((result.codespace, result.code) == ("channelv2", 2))
    #expect(result.log.hasPrefix("message.packet.counterpartyUnknown: "))
  }

  @Test("with a call of what is no program, of one that refuses, and of nothing") mutating func programs()
    throws
  {
    func call(_ program: AccountAddress, _ input: String, funds: [Coin] = []) -> LedgerMessage {
      .callProgram(caller: alice.address, program: program, funds: funds, input: [UInt8](input.utf8))
    }
    let nobody = try ledger.run(ledger.signed([call(bob.address, "{}")], by: alice))
    #expect(nobody.log.hasPrefix("message.call.programUnknown: "))
    let counter = CounterProgram().address
    let failed = try ledger.run(
      ledger.signed([call(counter, #"{"fail":{}}"#, funds: [ledger.coin(9)])], by: alice))
    #expect((failed.codespace, failed.code) == ("program", 2))
    #expect(failed.log.contains("asked"))
    #expect(try ledger.balance(counter) == 0)
    let empty = try ledger.run(
      ledger.signed([.send(from: alice.address, to: bob.address, coins: [])], by: alice))
    #expect(empty.log.hasPrefix("message.coinsEmpty: "))
  }
}
