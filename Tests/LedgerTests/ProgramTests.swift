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

  @Test(
    "that write what no state can hold are refused, and the chain goes on",
    arguments: [
      (RecklessProgram.Deed.emptyValue, "valueEmpty"), (.longKey, "keySize"), (.longValue, "valueSize"),
      (.emptyKey, "keyEmpty"), (.removeLongKey, "keySize"),
    ])
  func reckless(deed: RecklessProgram.Deed, code: String) throws {
    let alice = try TestSigner(1)
    let program = RecklessProgram()
    var ledger = try TestLedger(
      funds: [(alice, 1_000_000)], programs: LedgerPrograms([program, CounterProgram()]))
    func call(_ input: UInt8) -> LedgerMessage {
      .callProgram(caller: alice.address, program: program.address, funds: [ledger.coin(7)], input: [input])
    }
    let gas: UInt64 = 40_000_000
    let fee = [ledger.coin(40_000)]
    let refused = try ledger.run(
      ledger.signed(
        [call(RecklessProgram.atLimits), call(deed.rawValue)], by: alice, fee: [ledger.coin(80_000)],
        gas: 80_000_000))
    #expect((refused.codespace, refused.code) == ("sdk", 35))
    #expect(refused.log.hasPrefix("execution.\(code): "))
    #expect(try ledger.balance(program.address) == 0)
    #expect(try ledger.queries.account(alice.address)?.sequence == 1)
    // At the limits a program may write, and the block commits.
    let taken = try ledger.run(
      ledger.signed([call(RecklessProgram.atLimits)], by: alice, fee: fee, gas: gas))
    #expect(taken.succeeded, "\(taken.log)")
    #expect(ledger.chain.tip.height == 2)
  }
}

/// A program that writes at the limits of the state, or beyond them: what its first byte says.
struct RecklessProgram: LedgerProgram {
  enum Deed: UInt8 { case emptyValue, longKey, longValue, emptyKey, removeLongKey }
  /// The input that writes a value as long as it may be, under a key as long as it may be.
  static let atLimits: UInt8 = 99

  var name: String { "reckless" }

  func call(
    _ input: [UInt8], funds: [Coin], by caller: ProgramCaller, in context: inout HostContext
  ) throws(AttemptFailure<ProgramRefusal>) -> [UInt8] {
    let key = stateKey("entry")
    let longKey = key + [UInt8](repeating: 0x61, count: 4_096 - key.count)
    let longValue = [UInt8](repeating: 7, count: 1_048_576)
    do throws(ExecutionHalt) {
      switch input.first.flatMap({ Deed(rawValue: $0) }) {
      case .emptyValue: try context.write([], to: key)
      case .longKey: try context.write([1], to: longKey + [0x61])
      case .longValue: try context.write(longValue + [7], to: key)
      case .emptyKey: try context.write([1], to: [])
      case .removeLongKey: try context.remove(longKey + [0x61])
      case nil: try context.write(longValue, to: longKey)
      }
    } catch { throw .halt(error) }
    return []
  }
}
