import Ledger
import PacketHost
import Testing
import WireBytes

@Suite("Programs")
struct ProgramTests {
  @Test("count, answer, take funds and spend their caller's")
  func programs() throws {
    let alice = try TestSigner(1)
    var ledger = try TestLedger(funds: [(alice, 1_000_000)])
    func call(_ program: any LedgerProgram, _ input: String, funds: [Coin] = []) -> LedgerMessage {
      .callProgram(
        caller: alice.address, program: program.address, funds: funds, input: [UInt8](input.utf8))
    }
    func answer(_ result: TransactionResult) throws -> [String] {
      try TransactionAnswers(decoding: result.payload).answers.map {
        // Field 1, length, text.
        String(decoding: $0.value.dropFirst(2), as: UTF8.self)
      }
    }
    let counter = CounterProgram()
    let added = try ledger.run(
      ledger.signed(
        [
          call(counter, #"{"add":{"by":5}}"#, funds: [ledger.coin(40)]), call(counter, #"{"add":{"by":2}}"#),
          call(counter, #"{"get":{}}"#),
        ], by: alice, fee: [ledger.coin(500)], gas: 500_000))
    #expect(try answer(added) == [#"{"count":"5"}"#, #"{"count":"7"}"#, #"{"count":"7"}"#])
    #expect(try ledger.balance(counter.address) == 40)
    let bank = BankProgram()
    let text = counter.address.text
    let sent = try ledger.run(
      ledger.signed(
        [
          call(bank, #"{"send":{"to":"\#(text)","denom":"ucause","amount":"60"}}"#),
          call(bank, #"{"balance":{"of":"\#(text)","denom":"ucause"}}"#),
        ], by: alice, fee: [ledger.coin(500)], gas: 500_000))
    #expect(try answer(sent) == ["{}", #"{"amount":"100"}"#])
    for input in [
      "", "[]", "{}", #"{"send":{}}"#, #"{"add":{"by":0}}"#, #"{"what":{}}"#, #"{"add":{"by":-1}}"#,
    ] {
      for program in [counter, bank] as [any LedgerProgram] {
        let result = try ledger.run(ledger.signed([call(program, input)], by: alice))
        #expect((result.codespace, result.code) == ("program", 2), "\(input)")
      }
    }
    let over = try ledger.run(
      ledger.signed([call(counter, #"{"add":{"by":18446744073709551615}}"#)], by: alice))
    #expect(over.log.contains("overflow"))
  }
}
