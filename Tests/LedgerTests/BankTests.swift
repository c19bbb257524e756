import Ledger
import Messages
import PacketHost
import Testing
import WireBytes

@Suite("Bank")
struct BankTests {
  private func context(_ state: any StateReading = MemoryState(), gas: UInt64 = .max) -> HostContext {
    HostContext(
      moment: BlockMoment(height: 1, time: UnixTime(seconds: 1_780_000_000)), state: WorkingState(state),
      gas: GasMeter(limit: gas))
  }

  @Test(
    "holds the sum of all balances at the supply, whatever is asked of it",
    arguments: [1, 2, 3, 4] as [UInt64])
  func conservation(seed: UInt64) throws {
    var random = Xorshift(state: seed &* 0x9e37_79b9_7f4a_7c15)
    let bank = Bank()
    let denoms = try ["ucause", "transfer/client-0/x", "abc"].map { try Denom($0) }
    let accounts = (0..<6).map { AccountAddress(module: "account \($0)") }
    var context = context()
    var moved = 0
    for _ in 0..<2_000 {
      let coin = Coin(UInt256(random.next() % 50), denoms[Int(random.next() % 3)])
      let from = accounts[Int(random.next() % 6)]
      let to = accounts[Int(random.next() % 6)]
      do throws(AttemptFailure<BankRefusal>) {
        switch random.next() % 6 {
        case 0: try bank.mint(coin, to: to, in: &context)
        case 1: try bank.burn(coin, of: from, in: &context)
        default: try bank.move(coin, from: from, to: to, in: &context)
        }
        moved += 1
      } catch {
        switch error {
        case .failure(.amountZero): #expect(coin.amount == .zero)
        case .failure(.insufficientFunds(let account, let available, let wanted)):
          #expect(account == from)
          #expect(available < wanted.amount)
        default: Issue.record("\(error)")
        }
      }
    }
    #expect(moved > 500)
    for denom in denoms {
      var sum = UInt256.zero
      for account in accounts {
        sum = sum.addingReportingOverflow(try bank.balance(of: account, denom, in: &context)).partialValue
      }
      #expect(sum == (try bank.supply(of: denom, in: &context)))
    }
    // Keys alone decide the order, and nothing is stored for zero.
    let changes = context.finish().state.changes
    #expect(changes.allSatisfy { $0.value?.isEmpty != true })
  }

  @Test("refuses to pass 256 bits of supply, and to move nothing")
  func limits() throws {
    let bank = Bank()
    let denom = try Denom("ucause")
    let account = AccountAddress(module: "a")
    var context = context()
    try bank.mint(Coin(.max, denom), to: account, in: &context)
    #expect(throws: AttemptFailure<BankRefusal>.failure(.supplyOverflow(denom))) {
      try bank.mint(Coin(.one, denom), to: account, in: &context)
    }
    #expect(throws: AttemptFailure<BankRefusal>.failure(.amountZero)) {
      try bank.move(Coin(.zero, denom), from: account, to: account, in: &context)
    }
    // To oneself nothing changes.
    try bank.move(Coin(.max, denom), from: account, to: account, in: &context)
    #expect(try bank.balance(of: account, denom, in: &context) == .max)
  }

  @Test("numbers accounts as they first receive, once")
  func numbers() throws {
    let bank = Bank()
    let accounts = Accounts()
    let denom = try Denom("ucause")
    let (first, second) = (AccountAddress(module: "a"), AccountAddress(module: "b"))
    var context = context()
    try bank.mint(Coin(UInt256(5), denom), to: first, in: &context)
    try bank.move(Coin(UInt256(5), denom), from: first, to: second, in: &context)
    try bank.move(Coin(UInt256(5), denom), from: second, to: first, in: &context)
    #expect(try accounts.account(first, in: &context) == Account(number: 0, sequence: 0))
    #expect(try accounts.account(second, in: &context) == Account(number: 1, sequence: 0))
    #expect(try accounts.account(AccountAddress(module: "c"), in: &context) == nil)
  }

  @Test("refuses denominations that the Cosmos SDK refuses")
  func denominations() throws {
    #expect(throws: Denom.FormError.length(2)) { try Denom("ab") }
    #expect(throws: Denom.FormError.length(129)) { try Denom(String(repeating: "a", count: 129)) }
    #expect(throws: Denom.FormError.character(offset: 0)) { try Denom("1abc") }
    #expect(throws: Denom.FormError.character(offset: 3)) { try Denom("abc def") }
    #expect(throws: Denom.FormError.character(offset: 1)) { try Denom("aüc") }
    #expect(try Denom("transfer/client-0/u.c:x_y-z").text == "transfer/client-0/u.c:x_y-z")
  }

  @Test("refuses addresses of other chains, of other lengths, and in bech32m")
  func addresses() throws {
    let account = AccountAddress(module: "a")
    #expect(try AccountAddress(text: account.text) == account)
    // BIP-173's own valid example.
    #expect(throws: AccountTextError.prefix("bc")) {
      try AccountAddress(text: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
    }
    #expect(throws: AccountTextError.self) { try AccountAddress(text: account.text.dropLast() + "q") }
    #expect(throws: AccountTextError.self) { try AccountAddress(text: "") }
  }
}

/// A small deterministic generator (Marsaglia 2003).
struct Xorshift: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
