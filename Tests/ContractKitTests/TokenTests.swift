import ContractHost
import Encodings
import TestSupport
import Testing

@Suite("Kit: token", .enabled(if: Bench.isReady, Bench.absence))
struct TokenTests {
  private static let alice = MiniDomain.account("alice")
  private static let bob = MiniDomain.account("bob")
  private static let carol = MiniDomain.account("carol")

  private static func started() throws -> (MiniDomain, String) {
    let harbor = MiniDomain("harbor-1")
    let token = try harbor.instantiate(
      "token",
      """
      {"name":"Token","symbol":"TOK","decimals":6,"initial_balances":[{"address":"\(alice)","amount":"1000"}],\
      "mint":{"minter":"\(alice)","cap":"2000"}}
      """, by: alice)
    return (harbor, token)
  }

  private static func balance(_ harbor: MiniDomain, _ token: String, _ account: String) throws -> String? {
    try harbor.query(token, #"{"balance":{"address":"\#(account)"}}"#)["balance"]?.string
  }

  @Test("moves, burns and makes, and its supply is the sum of its balances")
  func supply() throws {
    let (harbor, token) = try Self.started()
    try harbor.execute(token, #"{"transfer":{"recipient":"\#(Self.bob)","amount":"100"}}"#, by: Self.alice)
    try harbor.execute(token, #"{"burn":{"amount":"30"}}"#, by: Self.bob)
    try harbor.execute(token, #"{"mint":{"recipient":"\#(Self.carol)","amount":"5"}}"#, by: Self.alice)
    #expect(try Self.balance(harbor, token, Self.alice) == "900")
    #expect(try Self.balance(harbor, token, Self.bob) == "70")
    #expect(try Self.balance(harbor, token, Self.carol) == "5")
    #expect(
      try harbor.query(token, #"{"token_info":{}}"#)
        == json(#"{"name":"Token","symbol":"TOK","decimals":6,"total_supply":"975"}"#))
    #expect(
      try harbor.query(token, #"{"minter":{}}"#) == json(#"{"minter":"\#(Self.alice)","cap":"2000"}"#))
    let accounts = try harbor.query(token, #"{"all_accounts":{}}"#)["accounts"]?.array?.compactMap(\.string)
    #expect(accounts == [Self.alice, Self.bob, Self.carol].sorted())
  }

  @Test("says no in the words of cw20-base")
  func refusals() throws {
    let (harbor, token) = try Self.started()
    func no(_ message: String, _ sender: String) -> String { harbor.refusal(token, message, by: sender) }
    #expect(
      no(#"{"transfer":{"recipient":"\#(Self.bob)","amount":"1001"}}"#, Self.alice)
        == "Overflow: Cannot Sub with 1000 and 1001")
    #expect(no(#"{"mint":{"recipient":"\#(Self.bob)","amount":"1"}}"#, Self.bob) == "Unauthorized")
    #expect(
      no(#"{"mint":{"recipient":"\#(Self.bob)","amount":"1001"}}"#, Self.alice)
        == "Minting cannot exceed the cap")
    #expect(
      no(#"{"increase_allowance":{"spender":"\#(Self.alice)","amount":"1"}}"#, Self.alice)
        == "Cannot set to own account")
    #expect(
      no(#"{"transfer_from":{"owner":"\#(Self.alice)","recipient":"\#(Self.bob)","amount":"1"}}"#, Self.bob)
        == "No allowance for this account")
    #expect(
      no(
        #"{"increase_allowance":{"spender":"\#(Self.bob)","amount":"1","expires":{"at_height":10}}}"#,
        Self.alice)
        == "Invalid expiration value")
    #expect(no(#"{"transfer":{"recipient":"nobody","amount":"1"}}"#, Self.alice) == "address: no address")
    #expect(no(#"{"transfer":{"recipient":"\#(Self.bob)","amount":"-1"}}"#, Self.alice) == "malformed amount")
    #expect(
      no(
        #"{"transfer":{"recipient":"\#(Self.bob)","amount":"340282366920938463463374607431768211456"}}"#,
        Self.alice) == "malformed amount")
    #expect(no(#"{"update_minter":{}}"#, Self.bob) == "Unauthorized")
  }

  @Test("lets others spend what they may, until it ends")
  func allowances() throws {
    let (harbor, token) = try Self.started()
    let soon = harbor.height + 1
    try harbor.execute(
      token,
      #"{"increase_allowance":{"spender":"\#(Self.bob)","amount":"50","expires":{"at_height":\#(soon)}}}"#,
      by: Self.alice)
    try harbor.execute(
      token, #"{"transfer_from":{"owner":"\#(Self.alice)","recipient":"\#(Self.carol)","amount":"20"}}"#,
      by: Self.bob)
    let allowance = #"{"allowance":{"owner":"\#(Self.alice)","spender":"\#(Self.bob)"}}"#
    #expect(
      try harbor.query(token, allowance) == json(#"{"allowance":"30","expires":{"at_height":\#(soon)}}"#))
    let spender = try harbor.query(token, #"{"all_spender_allowances":{"spender":"\#(Self.bob)"}}"#)
    #expect(
      spender
        == (try json(
          #"{"allowances":[{"owner":"\#(Self.alice)","allowance":"30","expires":{"at_height":\#(soon)}}]}"#)))
    #expect(
      harbor.refusal(
        token, #"{"burn_from":{"owner":"\#(Self.alice)","amount":"31"}}"#, by: Self.bob)
        == "Overflow: Cannot Sub with 30 and 31")
    harbor.height += 1
    #expect(
      harbor.refusal(
        token, #"{"burn_from":{"owner":"\#(Self.alice)","amount":"1"}}"#, by: Self.bob)
        == "Allowance is expired")
    try harbor.execute(
      token, #"{"decrease_allowance":{"spender":"\#(Self.bob)","amount":"30"}}"#, by: Self.alice)
    #expect(try harbor.query(token, allowance) == json(#"{"allowance":"0","expires":{"never":{}}}"#))
    #expect(try Self.balance(harbor, token, Self.alice) == "980")
  }

  @Test("sends to a contract, and undoes it when that says no")
  func sends() throws {
    let (harbor, token) = try Self.started()
    let other = try harbor.instantiate("misbehaving", #"{"later":{"msg":{"nothing":{}}}}"#, by: Self.alice)
    let send = #"{"send":{"contract":"\#(other)","amount":"10","msg":"e30="}}"#
    try harbor.execute(token, send, by: Self.alice)
    #expect(try Self.balance(harbor, token, other) == "10")
    try harbor.execute(other, #"{"later":{"msg":{"error":{"text":"no thanks"}}}}"#, by: Self.alice)
    #expect(harbor.refusal(token, send, by: Self.alice) == "no thanks")
    #expect(try Self.balance(harbor, token, other) == "10")
  }

  @Test(
    "refuses to start with facts that are none",
    arguments: [
      (
        #""name":"ab","symbol":"TOK","decimals":6,"initial_balances":[]"#,
        "Name is not in the expected format (3-50 UTF-8 bytes)"
      ),
      (
        #""name":"abc","symbol":"T1K","decimals":6,"initial_balances":[]"#,
        #"Ticker symbol is not in expected format [a-zA-Z\-]{3,12}"#
      ),
      (#""name":"abc","symbol":"TOK","decimals":19,"initial_balances":[]"#, "Decimals must not exceed 18"),
      (#""name":"abc","symbol":"TOK","decimals":6"#, "missing field initial_balances"),
      (
        #""name":"abc","symbol":"TOK","decimals":6,"initial_balances":[{"address":"A","amount":"1"},{"address":"A","amount":"1"}]"#,
        "Duplicate initial balance addresses"
      ),
      (
        #""name":"abc","symbol":"TOK","decimals":6,"initial_balances":[{"address":"A","amount":"9"}],"mint":{"minter":"A","cap":"8"}"#,
        "Initial supply greater than cap"
      ),
    ])
  func starts(members: String, words: String) {
    let harbor = MiniDomain("harbor-1")
    let message = "{\(members.replacing("\"A\"", with: "\"\(Self.alice)\""))}"
    #expect(throws: Failed(words)) { try harbor.instantiate("token", message, by: Self.alice) }
  }
}
