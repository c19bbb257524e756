import ContractHost
import Encodings
import Messages
import TestSupport
import Testing

@Suite("Kit: splitter", .enabled(if: Bench.isReady, Bench.absence))
struct SplitterTests {
  private static let alice = TwoDomains.alice

  private struct Start {
    let domains: TwoDomains
    let splitter: String
    let localPool: String
    var harbor: MiniDomain { domains.harbor }
    var island: MiniDomain { domains.island }

    /// The harbor's pool trades stake for the island's gold, as the harbor knows it.
    init() throws {
      domains = try TwoDomains()
      let escrow = MiniDomain.escrow(try ClientID("client-7"))
      domains.island.mint(2_000_000, "gold", to: escrow)
      domains.harbor.mint(2_000_000, TwoDomains.goldHome, to: TwoDomains.bob)
      localPool = try domains.harbor.instantiate(
        "pool", #"{"assets":[{"native":"stake"},{"native":"\#(TwoDomains.goldHome)"}]}"#, by: TwoDomains.bob)
      try domains.harbor.execute(
        localPool, #"{"add_liquidity":{"amounts":["1000000","2000000"]}}"#, by: TwoDomains.bob,
        funds: [MiniDomain.coin(2_000_000, TwoDomains.goldHome), MiniDomain.coin(1_000_000, "stake")])
      splitter = try domains.harbor.instantiate(
        "splitter", #"{"routes":[\#(domains.route)]}"#, by: TwoDomains.keeper)
    }

    func message(local: Int, least: Int, pool: String? = nil) -> String {
      """
      {"fill":{"local":{"pool":"\(localPool)","amount":"\(local)"},\
      "across":{"client":"client-0","pool":"\(pool ?? domains.pool)"},"min_out":"\(least)",\
      "deadline":\(harbor.seconds + 600)}}
      """
    }

    func fill(least: Int = 1, pool: String? = nil) throws -> Packet {
      try harbor.execute(
        splitter, message(local: 100, least: least, pool: pool), by: alice,
        funds: [MiniDomain.coin(300, "stake")])
      return try #require(harbor.world.packets.last)
    }

    func order() throws -> JSONValue {
      try harbor.query(splitter, #"{"order":{"client":"client-0","sequence":1}}"#)
    }
  }

  @Test("fills one order in two domains and settles it once")
  func fills() throws {
    let start = try Start()
    _ = try start.fill(least: 590)
    // The part here is done, and held.
    #expect(start.harbor.balance(Self.alice, TwoDomains.goldHome) == 0)
    #expect(start.harbor.balance(start.splitter, TwoDomains.goldHome) == 197)
    #expect(try start.order()["state"]?.string == "waiting")
    try start.domains.carryAll()
    #expect(start.harbor.callbackFailures == [] && start.island.callbackFailures == [])
    let order = try start.order()
    #expect(order["state"]?.string == "filled")
    #expect(order["local_out"]?["amount"]?.string == "197")
    #expect(order["across_out"] == (try json(#"{"denom":"gold","amount":"397"}"#)))
    #expect(start.harbor.balance(Self.alice, TwoDomains.goldHome) == 197 + 397)
    #expect(start.harbor.balance(start.splitter, TwoDomains.goldHome) == 0)
    #expect(start.harbor.balance(Self.alice, "stake") == 999_700)
    try start.domains.checkMoney(3_000_000, 12_000_000)
  }

  @Test("asks of the other part what the first left over, to the last unit")
  func least() throws {
    let start = try Start()
    let packet = try start.fill(least: 594 - 3)
    let value = packet.payloads[1].value
    let envelope = try ExecutionEnvelope(decoding: value.span)
    let input = try JSONValue(decoding: envelope.calls[0].input)
    #expect(input["swap_and_return"]?["min_out"]?.string == "394")
  }

  @Test("refuses the whole order when the part here does not do its share")
  func localShare() throws {
    let start = try Start()
    let words = start.harbor.refusal(
      start.splitter, start.message(local: 100, least: 592), by: Self.alice,
      funds: [MiniDomain.coin(300, "stake")])
    #expect(words == "197 would come out, less than 198")
    #expect(start.harbor.balance(Self.alice, "stake") == 1_000_000)
    #expect(start.harbor.world.packets.isEmpty)
  }

  @Test("pays what came out here and gives the rest back when the other part fails", arguments: 0..<3)
  func partial(kind: Int) throws {
    let start = try Start()
    let packet = try start.fill(pool: kind == 0 ? TwoDomains.bob : nil)
    start.harbor.world.packets = []
    switch kind {
    case 0:
      #expect(try start.island.receive(packet) == nil)
      try start.harbor.settle(packet, .refused)
    case 1: try start.harbor.settle(packet, .timedOut)
    default:
      // Not even the receiver can be paid: everything is kept for its owners.
      start.harbor.blocked = [Self.alice]
      try start.harbor.settle(packet, .timedOut)
      start.harbor.blocked = []
      for denom in ["stake", TwoDomains.goldHome] {
        try start.harbor.execute(start.splitter, #"{"claim":{"denom":"\#(denom)"}}"#, by: Self.alice)
      }
    }
    #expect(start.harbor.callbackFailures == [])
    #expect(try start.order()["state"]?.string == "partial")
    #expect(start.harbor.balance(Self.alice, TwoDomains.goldHome) == 197)
    #expect(start.harbor.balance(Self.alice, "stake") == 999_900)
    #expect(start.harbor.balance(start.splitter, "stake") == 0)
    #expect(start.harbor.balance(start.splitter, TwoDomains.goldHome) == 0)
    // Once.
    start.harbor.world.packets.append(packet)
    #expect(throws: Failed("no such order is under way")) {
      try start.harbor.tell(start.splitter, packet, port: .execution, acknowledgement: nil)
    }
  }

  @Test("undoes the part here when there is no way across")
  func noRoute() throws {
    let start = try Start()
    let message = start.message(local: 100, least: 1).replacing("client-0", with: "client-5")
    let words = start.harbor.refusal(
      start.splitter, message, by: Self.alice, funds: [MiniDomain.coin(300, "stake")])
    #expect(words == "no route over this client")
    #expect(start.harbor.balance(Self.alice, "stake") == 1_000_000)
    for local in [0, 300, 301] {
      let words = start.harbor.refusal(
        start.splitter, start.message(local: local, least: 1), by: Self.alice,
        funds: [MiniDomain.coin(300, "stake")])
      #expect(words == "both parts need an amount")
    }
  }
}
