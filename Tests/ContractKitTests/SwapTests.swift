import ContractHost
import Encodings
import Ledger
import Messages
import PacketHost
import TestSupport
import Testing
import WireBytes

/// Two domains with a pool and a swap contract on the island, and whatever a test puts on the harbor.
struct TwoDomains {
  static let alice = MiniDomain.account("alice")
  static let bob = MiniDomain.account("bob")
  static let keeper = MiniDomain.account("operator")
  /// The harbor's stake, as the island knows it.
  static let voucher = TokenPath("transfer/client-7/stake").token
  /// The island's gold, as the harbor knows it.
  static let goldHome = TokenPath("transfer/client-0/gold").token

  let harbor = MiniDomain("harbor-1")
  let island = MiniDomain("island-1")
  let pool: String
  /// The island's.
  let remoteSwap: String

  init() throws {
    for account in [Self.alice, Self.bob] { harbor.mint(1_000_000, "stake", to: account) }
    // The island's vouchers are backed by the harbor's escrow.
    harbor.mint(1_000_000, "stake", to: MiniDomain.escrow(try ClientID("client-0")))
    island.mint(1_000_000, Self.voucher, to: Self.keeper)
    island.mint(10_000_000, "gold", to: Self.keeper)
    remoteSwap = try island.instantiate("swap", "{}", by: Self.keeper)
    pool = try island.instantiate(
      "pool", #"{"assets":[{"native":"\#(Self.voucher)"},{"native":"gold"}]}"#, by: Self.keeper)
    try island.execute(
      pool, #"{"add_liquidity":{"amounts":["1000000","2000000"]}}"#, by: Self.keeper,
      funds: [MiniDomain.coin(2_000_000, "gold"), MiniDomain.coin(1_000_000, Self.voucher)])
  }

  var route: String {
    """
    {"client":"client-0","domain":"cosmos:island-1","destination_client":"client-7","contract":"\(remoteSwap)"}
    """
  }

  /// Carries every packet of the harbor that is still on its way, and everything that comes home of it.
  func carryAll() throws {
    for packet in harbor.world.packets {
      if let results = try island.receive(packet) {
        try harbor.settle(packet, .acknowledged(results))
      } else {
        try harbor.settle(packet, .refused)
      }
    }
    harbor.world.packets = []
    try carryHome()
  }

  func carryHome() throws {
    let packets = island.world.packets
    island.world.packets = []
    for packet in packets {
      let results = try #require(try harbor.receive(packet))
      try island.settle(packet, .acknowledged(results))
    }
  }

  /// What exists: each token where it is at home, and its vouchers covered by an escrow.
  func checkMoney(_ stake: UInt128, _ gold: UInt128) throws {
    #expect(harbor.total("stake") == stake)
    #expect(island.total("gold") == gold)
    let stakeAway = harbor.balance(MiniDomain.escrow(try ClientID("client-0")), "stake")
    let goldAway = island.balance(MiniDomain.escrow(try ClientID("client-7")), "gold")
    func inFlight(_ domain: MiniDomain, _ path: String) throws -> UInt128 {
      try domain.world.packets.flatMap(\.payloads).filter { $0.sourcePort == .transfer }.reduce(0) {
        sum, payload in
        let transfer = try FungibleTokenPacketData(decoding: payload.value.span)
        return transfer.denomination == path ? sum + (UInt128(transfer.amount.description) ?? 0) : sum
      }
    }
    #expect(try island.total(Self.voucher) + inFlight(harbor, "stake") == stakeAway)
    #expect(try harbor.total(Self.goldHome) + inFlight(island, "gold") == goldAway)
  }
}

@Suite("Kit: swap", .enabled(if: Bench.isReady, Bench.absence))
struct SwapTests {
  private static let alice = TwoDomains.alice

  private struct Start {
    let domains: TwoDomains
    let swap: String
    var harbor: MiniDomain { domains.harbor }
    var island: MiniDomain { domains.island }

    init() throws {
      domains = try TwoDomains()
      swap = try domains.harbor.instantiate(
        "swap", #"{"routes":[\#(domains.route)]}"#, by: TwoDomains.keeper)
    }

    func message(_ pool: String? = nil, least: Int = 1, deadline: UInt64? = nil, more: String = "") -> String
    {
      """
      {"swap_across":{"client":"client-0","pool":"\(pool ?? domains.pool)","min_out":"\(least)",\
      "deadline":\(deadline ?? harbor.seconds + 600)\(more)}}
      """
    }

    @discardableResult
    func order(_ amount: UInt128 = 100, pool: String? = nil, least: Int = 1) throws -> Packet {
      try harbor.execute(
        swap, message(pool, least: least), by: alice, funds: [MiniDomain.coin(amount, "stake")])
      return try #require(harbor.world.packets.last)
    }

    func state(_ sequence: Int) throws -> String? {
      try harbor.query(swap, #"{"order":{"client":"client-0","sequence":\#(sequence)}}"#)["state"]?.string
    }
  }

  @Test("swaps elsewhere and brings the output home")
  func there() throws {
    let start = try Start()
    try start.order(100)
    #expect(start.harbor.balance(Self.alice, "stake") == 999_900)
    try start.domains.carryAll()
    #expect(start.harbor.callbackFailures == [] && start.island.callbackFailures == [])
    // 100 less a fee of 1 into 1,000,000 : 2,000,000.
    #expect(start.harbor.balance(Self.alice, TwoDomains.goldHome) == 197)
    let order = try start.harbor.query(start.swap, #"{"order":{"client":"client-0","sequence":1}}"#)
    #expect(
      order
        == (try json(
          """
          {"sender":"\(Self.alice)","coin":{"denom":"stake","amount":"100"},"state":"done",\
          "out":{"denom":"gold","amount":"197"}}
          """)))
    let homeward = try start.island.query(
      start.domains.remoteSwap, #"{"homeward":{"client":"client-7","sequence":1}}"#)
    #expect(homeward["state"]?.string == "done" && homeward["receiver"]?.string == Self.alice)
    try start.domains.checkMoney(3_000_000, 10_000_000)
  }

  @Test("sends the funds to the account that its call then acts through")
  func account() throws {
    let start = try Start()
    let packet = try start.order(100)
    #expect(packet.payloads.map(\.sourcePort) == [.transfer, .execution])
    let transferValue = packet.payloads[0].value
    let envelopeValue = packet.payloads[1].value
    let transfer = try FungibleTokenPacketData(decoding: transferValue.span)
    let envelope = try ExecutionEnvelope(decoding: envelopeValue.span)
    let account = ExecutionApplication.account(of: envelope.refundTo, over: try ClientID("client-7"))
    #expect(transfer.receiver == account.text && transfer.sender == start.swap)
    #expect(transferValue == transfer.encoded())
    #expect(envelopeValue == envelope.encoded())
    #expect(envelope.calls.count == 1)
    #expect(String(decoding: envelope.calls[0].funds[0].denomination, as: UTF8.self) == TwoDomains.voucher)
    #expect(envelope.calls[0].funds[0].amount == transfer.amount)
  }

  @Test(
    "pays back what could not be swapped: too little, no pool, a pool that is something else",
    arguments: 0..<4)
  func refunds(kind: Int) throws {
    let start = try Start()
    switch kind {
    case 0: try start.order(100, least: 198)
    case 1: try start.order(100, pool: TwoDomains.bob)
    case 2: try start.order(100, pool: "no address at all")
    default: try start.order(100, pool: start.domains.remoteSwap)
    }
    try start.domains.carryAll()
    #expect(start.harbor.callbackFailures == [])
    #expect(start.harbor.balance(Self.alice, "stake") == 1_000_000)
    #expect(start.harbor.balance(start.swap, "stake") == 0)
    #expect(try start.state(1) == "failed")
    try start.domains.checkMoney(3_000_000, 10_000_000)
  }

  @Test("pays back what came too late")
  func late() throws {
    let start = try Start()
    let packet = try start.order(100)
    start.island.seconds += 600
    #expect(throws: Failed("too late")) { try start.island.receive(packet) }
    try start.harbor.settle(packet, .timedOut)
    start.harbor.world.packets = []
    #expect(start.harbor.callbackFailures == [])
    #expect(start.harbor.balance(Self.alice, "stake") == 1_000_000)
    #expect(try start.state(1) == "timed_out")
    try start.domains.checkMoney(3_000_000, 10_000_000)
  }

  @Test("keeps a refund that cannot be paid, for its owner alone")
  func unpaid() throws {
    let start = try Start()
    let packet = try start.order(100)
    start.harbor.blocked = [Self.alice]
    try start.harbor.settle(packet, .timedOut)
    #expect(start.harbor.callbackFailures == [])
    #expect(
      try start.harbor.query(start.swap, #"{"unpaid":{"address":"\#(Self.alice)"}}"#)
        == json(#"{"coins":[{"denom":"stake","amount":"100"}]}"#))
    #expect(try start.harbor.query(start.swap, #"{"owed":{"denom":"stake"}}"#)["amount"]?.string == "100")
    let claim = #"{"claim":{"denom":"stake"}}"#
    #expect(start.harbor.refusal(start.swap, claim, by: TwoDomains.bob) == "unpaid not found")
    #expect(start.harbor.refusal(start.swap, claim, by: Self.alice) == "blocked")
    start.harbor.blocked = []
    try start.harbor.execute(start.swap, claim, by: Self.alice)
    #expect(start.harbor.refusal(start.swap, claim, by: Self.alice) == "unpaid not found")
    #expect(start.harbor.balance(Self.alice, "stake") == 1_000_000)
    #expect(start.harbor.balance(start.swap, "stake") == 0)
  }

  @Test("keeps an output that did not get home, until somebody sends it again to the same receiver")
  func stranded() throws {
    let start = try Start()
    let packet = try start.order(100)
    let results = try #require(try start.island.receive(packet))
    try start.harbor.settle(packet, .acknowledged(results))
    start.harbor.world.packets = []
    let home = try #require(start.island.world.packets.first)
    start.island.world.packets = []
    let remote = start.domains.remoteSwap
    // The transfer asks for the callback that its contract lives on.
    let homeValue = home.payloads[0].value
    let transfer = try FungibleTokenPacketData(decoding: homeValue.span)
    #expect(try json(transfer.memo) == json(#"{"src_callback":{"address":"\#(remote)"}}"#))
    try start.island.settle(home, .timedOut)
    #expect(start.island.callbackFailures == [])
    #expect(start.island.balance(remote, "gold") == 197)
    #expect(try start.island.query(remote, #"{"owed":{"denom":"gold"}}"#)["amount"]?.string == "197")
    let resend = #"{"resend":{"client":"client-7","sequence":1}}"#
    try start.island.execute(remote, resend, by: TwoDomains.bob)
    #expect(start.island.refusal(remote, resend, by: TwoDomains.bob) == "this transfer is not stranded")
    try start.domains.carryHome()
    #expect(start.harbor.balance(Self.alice, TwoDomains.goldHome) == 197)
    #expect(start.island.balance(remote, "gold") == 0)
    try start.domains.checkMoney(3_000_000, 10_000_000)
  }

  @Test("hears of packets that it did not send, or twice, without moving anything")
  func strangers() throws {
    let start = try Start()
    let packet = try start.order(100)
    try start.harbor.settle(packet, .timedOut)
    let balances = start.harbor.world.balances
    for (bytes, port) in [(nil, PortID.execution), (TransferApplication.success, .execution)]
      as [([UInt8]?, PortID)]
    {
      #expect(throws: Failed("no such packet is under way")) {
        try start.harbor.tell(start.swap, packet, port: port, acknowledgement: bytes)
      }
    }
    let later = Messages.Sequence(99) ?? .first
    let other = try Packet(
      sequence: later, sourceClient: packet.sourceClient,
      destinationClient: packet.destinationClient, timeout: packet.timeout, payloads: packet.payloads)
    for port in [PortID.execution, .transfer] {
      #expect(throws: Failed("no such packet is under way")) {
        try start.harbor.tell(start.swap, other, port: port, acknowledgement: nil)
      }
    }
    #expect(start.harbor.world.balances == balances)
  }

  @Test("does not believe a pool what it has given")
  func lyingPool() throws {
    let start = try Start()
    let remote = start.domains.remoteSwap
    // Gold of somebody lies stranded in the contract: that is what the liar is after.
    let packet = try start.order(1000)
    _ = try start.island.receive(packet)
    try start.island.settle(try #require(start.island.world.packets.first), .refused)
    #expect(start.island.balance(remote, "gold") > 1000)
    let liar = try start.island.instantiate(
      "misbehaving",
      #"{"store":{"key":"answer","value":"{\"out\":\"500\",\"fee\":\"0\",\"asset\":{\"native\":\"gold\"}}"}}"#,
      by: TwoDomains.bob)
    start.island.mint(10, "stone", to: TwoDomains.bob)
    let swap = """
      {"swap_and_return":{"pool":"\(liar)","min_out":"1","deadline":\(start.island.seconds + 60),\
      "home":{"client":"client-7","receiver":"\(TwoDomains.bob)"}}}
      """
    func attack() -> String {
      start.island.refusal(remote, swap, by: TwoDomains.bob, funds: [MiniDomain.coin(10, "stone")])
    }
    try start.island.execute(
      liar, #"{"later":{"msg":{"answer":{"data":"eyJvdXQiOiI1MDAifQ=="}}}}"#, by: TwoDomains.bob)
    #expect(attack() == "the pool gave too little: 0")
    // From inside the call it asks for what is stranded, and for another swap.
    for inner in [#"{"resend":{"client":"client-7","sequence":1}}"#, swap, #"{"claim":{"denom":"gold"}}"#] {
      let encoded = Base64.encode([UInt8](inner.utf8))
      try start.island.execute(
        liar,
        #"{"later":{"msg":{"send":{"msg":{"wasm":{"execute":{"contract_addr":"\#(remote)","msg":"\#(encoded)","funds":[]}}}}}}}"#,
        by: TwoDomains.bob)
      #expect(attack() == "busy: called again from inside a call")
    }
    #expect(start.island.balance(TwoDomains.bob, "stone") == 10)
  }

  @Test("refuses orders that cannot be")
  func refuses() throws {
    let start = try Start()
    func no(_ message: String, _ funds: [ContractCoin]) -> String {
      start.harbor.refusal(start.swap, message, by: Self.alice, funds: funds)
    }
    let stake = [MiniDomain.coin(100, "stake")]
    #expect(no(start.message(), []) == "No funds sent")
    #expect(no(start.message(least: 0), stake) == "the least output is not zero")
    #expect(no(start.message(deadline: start.harbor.seconds), stake) == "malformed deadline")
    #expect(no(start.message(more: #","path":"transfer/client-9/stake""#), stake) == "malformed path")
    #expect(no(start.message().replacing("client-0", with: "client-5"), stake) == "no route over this client")
    #expect(no(#"{"set_route":\#(start.domains.route)}"#, []) == "Unauthorized")
    #expect(no(#"{"remove_route":{"client":"client-0"}}"#, []) == "Unauthorized")
    #expect(start.harbor.balance(Self.alice, "stake") == 1_000_000)
    #expect(start.harbor.world.packets.isEmpty)
  }

  @Test("loses nothing and makes nothing, in whatever order things end", arguments: 0..<6 as Range<UInt64>)
  func orders(seed: UInt64) throws {
    let start = try Start()
    var random = SplitMix(seed: seed)
    var open: [Packet] = []
    for _ in 0..<40 {
      switch random.below(4) {
      case 0:
        open.append(try start.order(UInt128(1 + random.below(2000)), least: 1 + Int(random.below(3000))))
        start.harbor.world.packets = open
      case 1 where !open.isEmpty:
        let packet = open.remove(at: Int(random.below(UInt64(open.count))))
        start.harbor.world.packets = open
        start.harbor.blocked = random.below(3) == 0 ? [Self.alice] : []
        if random.below(4) == 0 {
          try start.harbor.settle(packet, .timedOut)
        } else if let results = try start.island.receive(packet) {
          try start.harbor.settle(packet, .acknowledged(results))
        } else {
          try start.harbor.settle(packet, .refused)
        }
        start.harbor.blocked = []
      case 2 where !start.island.world.packets.isEmpty:
        let count = UInt64(start.island.world.packets.count)
        let packet = start.island.world.packets.remove(at: Int(random.below(count)))
        if random.below(2) == 0, let results = try start.harbor.receive(packet) {
          try start.island.settle(packet, .acknowledged(results))
        } else {
          try start.island.settle(packet, .timedOut)
        }
      default:
        let sequence = 1 + random.below(20)
        _ = start.island.refusal(
          start.domains.remoteSwap, #"{"resend":{"client":"client-7","sequence":\#(sequence)}}"#,
          by: TwoDomains.bob)
        _ = start.harbor.refusal(start.swap, #"{"claim":{"denom":"stake"}}"#, by: Self.alice)
      }
      try start.domains.checkMoney(3_000_000, 10_000_000)
      // What a contract holds is what it owes.
      let owed = try start.harbor.query(start.swap, #"{"owed":{"denom":"stake"}}"#)
      #expect(owed["amount"]?.integer(UInt128.self) == start.harbor.balance(start.swap, "stake"))
      let remote = start.domains.remoteSwap
      let gold = try start.island.query(remote, #"{"owed":{"denom":"gold"}}"#)
      #expect(gold["amount"]?.integer(UInt128.self) == start.island.balance(remote, "gold"))
    }
    #expect(start.harbor.callbackFailures == [] && start.island.callbackFailures == [])
  }
}

/// SplitMix64: the same history for the same seed.
struct SplitMix {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func below(_ bound: UInt64) -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return (word ^ (word >> 31)) % bound
  }
}
