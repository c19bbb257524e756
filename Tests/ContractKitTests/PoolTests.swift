import ContractHost
import Encodings
import Foundation
import TestSupport
import Testing

/// Steps whose results another implementation has computed: tools/vectors/contracts_pool.py.
struct PoolScenario: Sendable, CustomTestStringConvertible {
  let name: String
  let fee: Int
  let steps: [JSONValue]
  var testDescription: String { name }

  static let all: [PoolScenario] = {
    let file = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/contracts/pool.json")
    guard let bytes = try? Data(contentsOf: file), let json = try? JSONValue(decoding: [UInt8](bytes)) else {
      return []
    }
    return (json["cases"]?.array ?? []).map {
      PoolScenario(
        name: $0["name"]?.string ?? "", fee: $0["fee"]?.integer(Int.self) ?? -1,
        steps: $0["steps"]?.array ?? [])
    }
  }()
}

@Suite("Kit: pool", .enabled(if: Bench.isReady, Bench.absence))
struct PoolTests {
  private static let alice = MiniDomain.account("alice")
  private static let bob = MiniDomain.account("bob")
  private static let denoms = ["stake", "gold"]

  private static func native(_ fee: Int = 30, more: String = "") throws -> (MiniDomain, String) {
    let harbor = MiniDomain("harbor-1")
    for account in [alice, bob] {
      for denom in denoms { harbor.mint(1 << 127, denom, to: account) }
    }
    let pool = try harbor.instantiate(
      "pool", #"{"assets":[{"native":"stake"},{"native":"gold"}],"fee":\#(fee)\#(more)}"#, by: alice)
    return (harbor, pool)
  }

  private static func funds(_ amounts: [UInt128]) -> [ContractCoin] {
    // Coins come sorted by name, as chains send them.
    [MiniDomain.coin(amounts[1], denoms[1]), MiniDomain.coin(amounts[0], denoms[0])]
  }

  private static func add(_ amounts: [UInt128]) -> String {
    #"{"add_liquidity":{"amounts":["\#(amounts[0])","\#(amounts[1])"]}}"#
  }

  @Test("has all the scenarios")
  func count() {
    #expect(PoolScenario.all.count == 5)
    #expect(PoolScenario.all.reduce(0) { $0 + $1.steps.count } == 420)
  }

  @Test("does to the last unit what exact arithmetic does", arguments: PoolScenario.all)
  func scenario(scenario: PoolScenario) throws {
    let (harbor, pool) = try Self.native(scenario.fee)
    let start = Self.denoms.map { harbor.total($0) }
    for (number, step) in scenario.steps.enumerated() {
      let who = step["who"]?.string == "alice" ? Self.alice : Self.bob
      let message: String
      var funds: [ContractCoin] = []
      switch step["do"]?.string {
      case "swap":
        let side = try #require(step["side"]?.integer(Int.self))
        let amount = try #require(step["amount"]?.integer(UInt128.self))
        message = #"{"swap":{"min_out":"\#(step["out"]?.string ?? "1")"}}"#
        funds = [MiniDomain.coin(amount, Self.denoms[side])]
      case "add":
        let amounts = (step["amounts"]?.array ?? []).compactMap { $0.integer(UInt128.self) }
        message = Self.add(amounts)
        funds = Self.funds(amounts)
      default: message = #"{"remove_liquidity":{"shares":"\#(step["shares"]?.string ?? "")"}}"#
      }
      if let error = step["error"]?.string {
        #expect(harbor.refusal(pool, message, by: who, funds: funds) == error, "step \(number)")
        continue
      }
      let answer = try json(try #require(try harbor.execute(pool, message, by: who, funds: funds)))
      switch step["do"]?.string {
      case "swap": #expect(answer["out"] == step["out"], "step \(number)")
      case "add":
        #expect(answer["shares"] == step["shares"] && answer["amounts"] == step["used"], "step \(number)")
      default: #expect(answer["amounts"] == step["used"], "step \(number)")
      }
      let state = try harbor.query(pool, #"{"pool":{}}"#)
      #expect(state["reserves"] == step["reserves"] && state["shares"] == step["total"], "step \(number)")
      // The pool holds its reserves to the last unit, and nothing else.
      for (index, denom) in Self.denoms.enumerated() {
        #expect(
          state["reserves"]?[index]?.integer(UInt128.self) == harbor.balance(pool, denom), "step \(number)")
      }
    }
    #expect(Self.denoms.map { harbor.total($0) } == start)
  }

  @Test("gives a quote that a swap then keeps")
  func quote() throws {
    let (harbor, pool) = try Self.native()
    try harbor.execute(
      pool, Self.add([1_000_000, 4_000_000]), by: Self.alice, funds: Self.funds([1_000_000, 4_000_000]))
    let quote = try harbor.query(pool, #"{"quote":{"offer":{"native":"gold"},"amount":"1000"}}"#)
    #expect(quote == (try json(#"{"out":"249","fee":"3","asset":{"native":"stake"}}"#)))
    let answer = try harbor.execute(
      pool, #"{"swap":{"min_out":"249"}}"#, by: Self.bob, funds: [MiniDomain.coin(1000, "gold")])
    #expect(answer == #"{"out":"249","asset":{"native":"stake"}}"#)
  }

  @Test("refuses, and gives back, what it would not do well")
  func refuses() throws {
    let (harbor, pool) = try Self.native()
    func no(_ message: String, _ funds: [ContractCoin]) -> String {
      harbor.refusal(pool, message, by: Self.bob, funds: funds)
    }
    let gold = [MiniDomain.coin(100, "gold")]
    #expect(no(#"{"swap":{}}"#, gold) == "the pool is empty")
    try harbor.execute(
      pool, Self.add([10_000, 10_000]), by: Self.alice, funds: Self.funds([10_000, 10_000]))
    #expect(no(#"{"swap":{"min_out":"99"}}"#, gold) == "98 would come out, less than 99")
    #expect(no(#"{"swap":{"deadline":\#(harbor.seconds - 1)}}"#, gold) == "too late")
    #expect(no(#"{"swap":{}}"#, []) == "No funds sent")
    #expect(no(#"{"swap":{}}"#, Self.funds([5, 5])) == "Sent more than one denomination")
    harbor.mint(5, "silver", to: Self.bob)
    #expect(no(#"{"swap":{}}"#, [MiniDomain.coin(5, "silver")]) == "no asset of this pool")
    #expect(no(Self.add([10, 10]), Self.funds([10, 11])) == "the coins are not the amounts")
    #expect(no(Self.add([10, 10]), [MiniDomain.coin(10, "gold")]) == "the coins are not the amounts")
    #expect(no(Self.add([0, 10]), [MiniDomain.coin(10, "gold")]) == "the coins are not the amounts")
    #expect(
      no(Self.add([10, 10]), Self.funds([10, 10]) + [MiniDomain.coin(5, "silver")])
        == "the coins are not the amounts")
    #expect(no(#"{"remove_liquidity":{"shares":"1"}}"#, []) == "not so many shares")
    #expect(harbor.balance(Self.bob, "gold") == 1 << 127)
    #expect(throws: Failed("the assets are the same")) {
      try harbor.instantiate("pool", #"{"assets":[{"native":"a"},{"native":"a"}]}"#, by: Self.bob)
    }
    #expect(throws: Failed("the fee is at most 1000 of 10000")) {
      try harbor.instantiate("pool", #"{"assets":[{"native":"a"},{"native":"b"}],"fee":1001}"#, by: Self.bob)
    }
  }

  @Test("changes no price when somebody sends it coins")
  func gifts() throws {
    let (harbor, pool) = try Self.native()
    try harbor.execute(
      pool, Self.add([10_000, 10_000]), by: Self.alice, funds: Self.funds([10_000, 10_000]))
    let before = try harbor.query(pool, #"{"quote":{"offer":{"native":"gold"},"amount":"1000"}}"#)
    try harbor.move(1 << 100, "gold", from: Self.bob, to: pool)
    #expect(try harbor.query(pool, #"{"quote":{"offer":{"native":"gold"},"amount":"1000"}}"#) == before)
  }

  @Test("takes and gives CW20 tokens, and believes only the token itself")
  func tokens() throws {
    let harbor = MiniDomain("harbor-1")
    harbor.mint(1_000_000, "stake", to: Self.alice)
    let token = try harbor.instantiate(
      "token",
      """
      {"name":"Token","symbol":"TOK","decimals":6,\
      "initial_balances":[{"address":"\(Self.alice)","amount":"1000000"},{"address":"\(Self.bob)","amount":"500"}]}
      """, by: Self.alice)
    let pool = try harbor.instantiate(
      "pool", #"{"assets":[{"cw20":"\#(token)"},{"native":"stake"}],"fee":0}"#, by: Self.alice)
    let add = Self.add([40_000, 10_000])
    // Without an allowance nothing of it happens.
    #expect(
      harbor.refusal(pool, add, by: Self.alice, funds: [MiniDomain.coin(10_000, "stake")])
        == "No allowance for this account")
    try harbor.execute(
      token, #"{"increase_allowance":{"spender":"\#(pool)","amount":"40000"}}"#, by: Self.alice)
    try harbor.execute(pool, add, by: Self.alice, funds: [MiniDomain.coin(10_000, "stake")])
    // eyJzd2FwIjp7Im1pbl9vdXQiOiI5OSJ9fQ== is {"swap":{"min_out":"99"}}
    let swap = "eyJzd2FwIjp7Im1pbl9vdXQiOiI5OSJ9fQ=="
    try harbor.execute(
      token, #"{"send":{"contract":"\#(pool)","amount":"400","msg":"\#(swap)"}}"#, by: Self.bob)
    #expect(harbor.balance(Self.bob, "stake") == 99)
    let lie = #"{"receive":{"sender":"\#(Self.bob)","amount":"400","msg":"\#(swap)"}}"#
    #expect(harbor.refusal(pool, lie, by: Self.bob) == "no asset of this pool")
    let shares = try #require(
      try harbor.query(pool, #"{"share":{"address":"\#(Self.alice)"}}"#)["shares"]?.string)
    try harbor.execute(pool, #"{"remove_liquidity":{"shares":"\#(shares)"}}"#, by: Self.alice)
    let state = try harbor.query(pool, #"{"pool":{}}"#)
    let held = try harbor.query(token, #"{"balance":{"address":"\#(pool)"}}"#)
    #expect(state["reserves"]?[0] == held["balance"])
    #expect(state["reserves"]?[1]?.integer(UInt128.self) == harbor.balance(pool, "stake"))
  }

  @Test("stands still while its breaker is tripped, but lets people out")
  func breaker() throws {
    let harbor = MiniDomain("harbor-1")
    for denom in Self.denoms { harbor.mint(1_000_000, denom, to: Self.alice) }
    let breaker = try harbor.instantiate("breaker", #"{"cool_down_seconds":100}"#, by: Self.alice)
    let pool = try harbor.instantiate(
      "pool", #"{"assets":[{"native":"stake"},{"native":"gold"}],"breaker":"\#(breaker)"}"#, by: Self.alice)
    try harbor.execute(
      pool, Self.add([10_000, 10_000]), by: Self.alice, funds: Self.funds([10_000, 10_000]))
    try harbor.execute(breaker, #"{"trip":{"reason":"strange prices"}}"#, by: Self.alice)
    let gold = [MiniDomain.coin(100, "gold")]
    #expect(
      harbor.refusal(pool, #"{"swap":{}}"#, by: Self.alice, funds: gold) == "the circuit breaker is tripped")
    #expect(
      harbor.refusal(pool, Self.add([10, 10]), by: Self.alice, funds: Self.funds([10, 10]))
        == "the circuit breaker is tripped")
    try harbor.execute(pool, #"{"remove_liquidity":{"shares":"100"}}"#, by: Self.alice)
    harbor.seconds += 100
    try harbor.execute(breaker, #"{"reset":{}}"#, by: Self.alice)
    try harbor.execute(pool, #"{"swap":{}}"#, by: Self.alice, funds: gold)
  }
}
