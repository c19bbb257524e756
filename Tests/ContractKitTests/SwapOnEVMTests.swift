import ContractHost
import Encodings
import Ledger
import Messages
import PacketHost
import TestSupport
import Testing
import WireBytes

@Suite("Kit: swap on an EVM chain", .enabled(if: Bench.isReady, Bench.absence))
struct SwapOnEVMTests {
  private static let alice = TwoDomains.alice
  private static let receiver = "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512"
  private static let tokenIn = "0x" + String(repeating: "1a", count: 20)
  private static let tokenOut = "0x" + String(repeating: "2b", count: 20)
  private static let swapAndReturn = "swapAndReturn(address,uint256,address,uint256,string,string,uint64)"
  /// An ERC-20 of the EVM chain, as the harbor knows it.
  private static let homePath = "transfer/client-7/0x" + String(repeating: "3c", count: 20)

  private struct Start {
    let harbor = MiniDomain("harbor-1")
    let swap: String
    /// Of the harbor's first contract, as it acts over the EVM chain's `client-0`.
    let vector: JSONValue

    init() throws {
      vector = try #require(EVMVectors.cases("accounts").first)
      harbor.mint(1_000_000, "stake", to: alice)
      harbor.mint(1_000_000, TokenPath(homePath).token, to: alice)
      swap = try harbor.instantiate(
        "swap", #"{"routes":[\#(try Self.route(vector))]}"#, by: TwoDomains.keeper)
    }

    static func route(_ vector: JSONValue, more: String = "") throws -> String {
      """
      {"client":"client-7","domain":"eip155:31337","destination_client":"\(try EVMVectors.text(vector, "client"))",\
      "contract":"\(receiver)","handler":"\(try EVMVectors.text(vector, "handler"))",\
      "account_code_hash":"\(try EVMVectors.text(vector, "code_hash"))"\(more)}
      """
    }

    func message(
      least: UInt128 = 190, deadline: UInt64? = nil, tokenIn: String = SwapOnEVMTests.tokenIn,
      more: String = ""
    ) -> String {
      """
      {"swap_across":{"client":"client-7","token_in":"\(tokenIn)","token_out":"\(tokenOut)",\
      "min_out":"\(least)","deadline":\(deadline ?? harbor.seconds + 600)\(more)}}
      """
    }

    @discardableResult
    func order(_ message: String? = nil, _ denom: String = "stake", amount: UInt128 = 100) throws -> Packet {
      try harbor.execute(
        swap, message ?? self.message(), by: alice, funds: [MiniDomain.coin(amount, denom)])
      return try #require(harbor.world.packets.last)
    }

    func refusal(_ message: String, _ denom: String = "stake") -> String {
      harbor.refusal(swap, message, by: alice, funds: [MiniDomain.coin(100, denom)])
    }

    /// The order with number 1.
    func state() throws -> JSONValue {
      try harbor.query(swap, #"{"order":{"client":"client-7","sequence":1}}"#)
    }

    func order(state: String, out: String) throws -> JSONValue {
      try json(
        """
        {"sender":"\(alice)","coin":{"denom":"stake","amount":"100"},"state":"\(state)","out":\(out)}
        """)
    }
  }

  private static func envelope(_ packet: Packet) throws -> ExecutionEnvelope {
    let value = packet.payloads[1].value
    return try ExecutionEnvelope(decoding: value.span)
  }

  private static func transfer(_ packet: Packet) throws -> FungibleTokenPacketData {
    let value = packet.payloads[0].value
    return try FungibleTokenPacketData(decoding: value.span)
  }

  private static func arguments(_ packet: Packet) throws -> [ABIValue] {
    let input = try envelope(packet).calls[0].input
    return try ABIFunction(swapAndReturn).decode(input.span)
  }

  @Test("sends the coin to its execution account there, and one call that swaps it and sends the output home")
  func packet() throws {
    let start = try Start()
    let packet = try start.order()
    #expect(start.harbor.world.packets.count == 1 && packet.timeout.seconds == start.harbor.seconds + 600)
    #expect(packet.payloads.map(\.sourcePort) == [.transfer, .execution])
    #expect(packet.payloads.map(\.destinationPort) == [.transfer, .execution])
    #expect(start.harbor.balance(Self.alice, "stake") == 999_900)

    let transfer = try Self.transfer(packet)
    #expect(packet.payloads[0].value == transfer.encoded())
    #expect(transfer.denomination == "stake" && transfer.amount == UInt256(100))
    #expect(transfer.sender == start.swap && transfer.memo == "")
    #expect(try transfer.receiver == EVMVectors.text(start.vector, "account"))

    let envelope = try Self.envelope(packet)
    #expect(packet.payloads[1].value == envelope.encoded())
    #expect(try envelope.refundTo.encoded() == Hex.decode(EVMVectors.text(start.vector, "sender")))
    #expect(envelope.calls.count == 1 && envelope.attributes.isEmpty)
    let call = envelope.calls[0]
    #expect(
      try call.target
        == InteroperableAddress(domain: DomainID("eip155:31337"), address: Hex.decode(Self.receiver)))
    #expect(call.gasLimit == 1_000_000)
    #expect(
      call.funds == [.init(denomination: [UInt8]("transfer/client-0/stake".utf8), amount: UInt256(100))])
    let values: [ABIValue] = [
      .address(try Bytes20(hex: Self.tokenIn)), .uint(100), .address(try Bytes20(hex: Self.tokenOut)),
      .uint(190), .string("client-0"), .string(Self.alice), .uint(start.harbor.seconds + 600 + 3600),
    ]
    #expect(try Self.arguments(packet) == values)
    #expect(try call.input == ABIFunction(Self.swapAndReturn).encode(values))
  }

  @Test("names a token of that chain as that chain does, and another receiver when one is named")
  func home() throws {
    let start = try Start()
    let message = start.message(more: #","path":"\#(Self.homePath)","receiver":"\#(TwoDomains.bob)""#)
    let packet = try start.order(message, TokenPath(Self.homePath).token)
    #expect(try Self.transfer(packet).denomination == Self.homePath)
    let funds = try Self.envelope(packet).calls[0].funds
    #expect(
      funds.map { String(decoding: $0.denomination, as: UTF8.self) } == [String(Self.homePath.dropFirst(18))])
    #expect(try Self.arguments(packet)[5] == .string(TwoDomains.bob))
  }

  @Test("gives the way home an hour more, but never a time that the chain would not take")
  func homeward() throws {
    let start = try Start()
    let now = start.harbor.seconds
    for (deadline, home) in [
      (now + 1, now + 3601), (now + 82_400, now + 86_000), (now + 82_401, now + 86_000),
      (now + 86_400, now + 86_000),
    ] {
      let packet = try start.order(start.message(deadline: deadline))
      #expect(packet.timeout.seconds == deadline)
      #expect(try Self.arguments(packet)[6] == .uint(home))
    }
  }

  @Test("asks for the gas that the route says")
  func gas() throws {
    let start = try Start()
    try start.harbor.execute(
      start.swap, #"{"set_route":\#(try Start.route(start.vector, more: #","gas_limit":29999999"#))}"#,
      by: TwoDomains.keeper)
    #expect(try Self.envelope(try start.order()).calls[0].gasLimit == 29_999_999)
    let routes = try start.harbor.query(start.swap, #"{"routes":{}}"#)
    #expect(
      try routes
        == json(#"{"routes":[\#(try Start.route(start.vector, more: #","gas_limit":29999999"#))]}"#))
  }

  @Test("writes down what came out, as the call has answered")
  func done() throws {
    let nothing = #"{"denom":"\#(Self.tokenOut)","amount":"0"}"#
    let most = UInt256(limbs: .max, .max, 0, 0)
    for (values, out) in [
      ([ABIValue.uint(7), .uint(197)], #"{"denom":"\#(Self.tokenOut)","amount":"197"}"#),
      ([.uint(7), .uint(most)], #"{"denom":"\#(Self.tokenOut)","amount":"\#(UInt128.max)"}"#),
      // Short, long, and more than there can be: the order is done all the same.
      ([.uint(7)], "null"), ([], "null"), ([.uint(7), .uint(197), .uint(1)], "null"),
      ([.uint(7), .uint(UInt256(limbs: 0, 0, 1, 0))], "null"),
    ] {
      let start = try Start()
      let packet = try start.order()
      #expect(try start.state() == start.order(state: "waiting", out: nothing))
      let answer = try ABI.encode(values, as: Array(repeating: .uint256, count: values.count))
      let outcome = try Outcome(status: .success, gasUsed: 90_000, results: [answer]).encoded()
      try start.harbor.settle(packet, .acknowledged([TransferApplication.success, outcome]))
      #expect(start.harbor.callbackFailures == [])
      #expect(try start.state() == start.order(state: "done", out: out))
      #expect(start.harbor.balance(Self.alice, "stake") == 999_900)
      #expect(start.harbor.balance(start.swap, "stake") == 0)
    }
  }

  @Test("pays back what was refused there, or came too late", arguments: [true, false])
  func refunds(isRefused: Bool) throws {
    let start = try Start()
    let packet = try start.order()
    try start.harbor.settle(packet, isRefused ? .refused : .timedOut)
    #expect(start.harbor.callbackFailures == [])
    #expect(try start.state() == start.order(state: isRefused ? "failed" : "timed_out", out: "null"))
    #expect(start.harbor.balance(Self.alice, "stake") == 1_000_000)
    #expect(start.harbor.balance(start.swap, "stake") == 0)
  }

  @Test("refuses orders that cannot be")
  func orders() throws {
    let start = try Start()
    #expect(start.refusal(start.message(least: 0)) == "the least output is not zero")
    #expect(start.refusal(start.message(deadline: start.harbor.seconds)) == "malformed deadline")
    for token in ["", "stake", TwoDomains.bob, Self.tokenIn + "1", String(Self.tokenIn.dropLast())] {
      #expect(start.refusal(start.message(tokenIn: token)) == "malformed address")
    }
    // The checksum's last letter turned round.
    #expect(
      start.refusal(start.message(tokenIn: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed"))
        == "malformed address")
    #expect(start.refusal(start.message(more: #","pool":"x""#)) == "unknown field pool")
    #expect(start.refusal(start.message(more: #","home_path":"x""#)) == "unknown field home_path")
    let short =
      #"{"swap_across":{"client":"client-7","min_out":"1","deadline":1700000100,"token_in":"\#(Self.tokenIn)"}}"#
    #expect(start.refusal(short) == "missing field token_out")
    // A name that an envelope has no room for.
    let long = "transfer/client-3/" + String(repeating: "x", count: 120)
    start.harbor.mint(100, TokenPath(long).token, to: Self.alice)
    #expect(
      start.refusal(start.message(more: #","path":"\#(long)""#), TokenPath(long).token) == "malformed denom")
    #expect(start.harbor.world.packets.isEmpty && start.harbor.balance(Self.alice, "stake") == 1_000_000)
  }

  @Test("refuses routes that lead nowhere")
  func routes() throws {
    let start = try Start()
    let good = try Start.route(start.vector)
    func no(_ route: String, _ contract: String? = nil) -> String {
      start.harbor.refusal(contract ?? start.swap, #"{"set_route":\#(route)}"#, by: TwoDomains.keeper)
    }
    #expect(no(good) == "not refused")
    #expect(no(good.replacing(Self.receiver, with: start.swap)) == "malformed address")
    #expect(no(good.replacing(Self.receiver, with: Self.receiver + "0")) == "malformed address")
    for domain in ["eip155:0", "eip155:031337", "eip155:", "eip155:x"] {
      #expect(no(good.replacing("eip155:31337", with: domain)) == "malformed domain", "\(domain)")
    }
    #expect(no(good.replacing("eip155:31337", with: "cosmos:island-1")) == "malformed contract")
    let hash = try EVMVectors.text(start.vector, "code_hash")
    #expect(no(good.replacing(hash, with: String(hash.dropLast(2)))) == "malformed account_code_hash")
    #expect(
      no(good.replacing(#""account_code_hash""#, with: #""other""#)) == "missing field account_code_hash")
    for limit in ["0", "30000000"] {
      #expect(no(try Start.route(start.vector, more: #","gas_limit":\#(limit)"#)) == "malformed gas_limit")
    }
    #expect(no(try Start.route(start.vector, more: #","more":1"#)) == "unknown field more")
    // A splitter needs a contract of its own kind at the other end.
    let splitter = try start.harbor.instantiate("splitter", "{}", by: TwoDomains.keeper)
    #expect(no(good, splitter) == "malformed contract")
  }
}
