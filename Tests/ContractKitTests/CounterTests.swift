import ContractHost
import Encodings
import Messages
import PacketHost
import TestSupport
import Testing

@Suite("Kit: counter", .enabled(if: Bench.isReady, Bench.absence))
struct CounterTests {
  private static let owner = MiniDomain.account("owner")
  private static let alice = MiniDomain.account("alice")

  private static func started(_ count: Int = 5) throws -> (MiniDomain, String) {
    let harbor = MiniDomain("harbor-1")
    return (harbor, try harbor.instantiate("counter", #"{"count":\#(count)}"#, by: owner))
  }

  @Test("counts for everybody, and tells who added what")
  func counts() throws {
    let (harbor, counter) = try Self.started()
    #expect(try harbor.execute(counter, #"{"increment":{}}"#, by: Self.alice) == #"{"count":6}"#)
    #expect(try harbor.execute(counter, #"{"increment":{"by":10}}"#, by: Self.owner) == #"{"count":16}"#)
    #expect(try harbor.query(counter, #"{"count":{}}"#) == json(#"{"count":16}"#))
    #expect(
      try harbor.query(counter, #"{"share":{"address":"\#(Self.owner)"}}"#) == json(#"{"count":10}"#))
    try harbor.execute(counter, #"{"reset":{"count":1}}"#, by: Self.owner)
    #expect(try harbor.query(counter, #"{"count":{}}"#) == json(#"{"count":1}"#))
    // As cw-storage-plus writes an item, so that raw queries find it.
    #expect(harbor.world.storage[counter]?[[UInt8]("count".utf8)] == [UInt8]("1".utf8))
  }

  @Test(
    "refuses what it cannot read, in stable words",
    arguments: [
      (#"{"reset":{"count":1}}"#, "Unauthorized"),
      (#"{"increment":{"x":1}}"#, "unknown field x"),
      (#"{"increment":{"by":18446744073709551615}}"#, "overflow in count"),
      (#"{"increment":{"by":18446744073709551616}}"#, "malformed number"),
      (#"{"increment":{"by":-1}}"#, "malformed number"),
      (#"{"increment":{"by":1.0}}"#, "malformed number"),
      (#"{"increment":{"by":"1"}}"#, "malformed number"),
      (#"{"increment":{"by":01}}"#, "malformed JSON: unexpected character at byte 20"),
      (#"{"increment":{"by":1,"by":1}}"#, "malformed JSON: member twice at byte 25"),
      (#"{"increment":{}} "#, "accepted"),
      (#"{"increment":{}}x"#, "malformed JSON: trailing bytes at byte 16"),
      (#"{"increment":{}"#, "malformed JSON: ended early at byte 15"),
      (#"{"increment":[]}"#, "malformed object"),
      (#"{"increment":{},"reset":{}}"#, "unknown message "),
      (#"{"other":{}}"#, "unknown message other"),
      (#"{"\u006fther\ud83d\ude00":{}}"#, "unknown message other😀"),
      (#"{"\ud83d":{}}"#, "malformed JSON: unexpected character at byte 8"),
      (#"{"\ude00":{}}"#, "malformed JSON: unexpected character at byte 8"),
      ("{\"\u{1}\":{}}", "malformed JSON: no string at byte 2"),
      (#"[]"#, "malformed object"),
      (#"nul"#, "malformed JSON: ended early at byte 3"),
      ("", "malformed JSON: ended early at byte 0"),
      (String(repeating: "[", count: 100), "malformed JSON: too deep at byte 32"),
    ])
  func refuses(message: String, words: String) throws {
    let (harbor, counter) = try Self.started()
    let actual = harbor.refusal(counter, message, by: Self.alice)
    #expect(actual == (words == "accepted" ? "not refused" : words))
  }

  @Test("refuses text that is no UTF-8")
  func refusesBytes() throws {
    let (harbor, counter) = try Self.started()
    for bytes: [UInt8] in [
      [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82],
      [0xf0, 0x80, 0x80, 0x80],
    ] {
      let message = [UInt8](#"{"increment":{""#.utf8) + bytes + [UInt8](#"":1}}"#.utf8)
      #expect(throws: Failed.self) {
        try harbor.run(counter, message, by: Self.alice, funds: [])
      }
    }
  }

  @Test("keeps no coins that it has no use for")
  func refusesCoins() throws {
    let (harbor, counter) = try Self.started()
    harbor.mint(10, "stake", to: Self.alice)
    let words = harbor.refusal(
      counter, #"{"increment":{}}"#, by: Self.alice, funds: [MiniDomain.coin(10, "stake")])
    #expect(words == "This message does no accept funds")
    #expect(harbor.balance(Self.alice, "stake") == 10)
  }

  @Test("keeps its count when its code is migrated")
  func migrates() throws {
    let (harbor, counter) = try Self.started()
    let environment = ContractEnvironment(
      height: 11, timeNanoseconds: 1, chainID: "harbor-1", transaction: nil, contract: counter)
    let answer = try harbor.call(
      counter, .migrate, [environment.encoded(), [UInt8]("{}".utf8), [UInt8]("{}".utf8)],
      gasLimit: MiniDomain.gasLimit)
    #expect(try json(String(decoding: answer, as: UTF8.self))["ok"] != nil)
    #expect(try harbor.query(counter, #"{"count":{}}"#) == json(#"{"count":5}"#))
  }

  // MARK: Across

  private static func across(_ contract: String, _ deadline: UInt64) -> String {
    """
    {"increment_across":{"client":"client-0","domain":"cosmos:island-1","destination_client":"client-7",\
    "contract":"\(contract)","by":7,"deadline":\(deadline)}}
    """
  }

  @Test("sends an envelope that says who sends it, and no more")
  func envelope() throws {
    let (harbor, counter) = try Self.started()
    let target = MiniDomain.account("elsewhere")
    let answer = try harbor.execute(counter, Self.across(target, harbor.seconds + 60), by: Self.alice)
    #expect(answer == #"{"client":"client-0","sequence":1}"#)
    let packet = try #require(harbor.world.packets.first)
    #expect(packet.timeout.seconds == harbor.seconds + 60)
    #expect(packet.payloads.count == 1)
    let payload = packet.payloads[0]
    #expect(payload.sourcePort == .execution && payload.version == "causeway-1")
    let value = payload.value
    let envelope = try ExecutionEnvelope(decoding: value.span)
    let expected = try ExecutionEnvelope(
      calls: [
        .init(
          target: InteroperableAddress(domain: DomainID("cosmos:island-1"), address: Accounts.bytes(target)),
          gasLimit: 500_000, input: [UInt8](#"{"increment":{"by":7}}"#.utf8))
      ],
      refundTo: InteroperableAddress(domain: DomainID("cosmos:harbor-1"), address: Accounts.bytes(counter)))
    #expect(envelope == expected)
    #expect(value == expected.encoded())
  }

  @Test("learns what became of its crossings, each once")
  func settles() throws {
    let (harbor, counter) = try Self.started()
    let island = MiniDomain("island-1")
    let other = try island.instantiate("counter", #"{"count":100}"#, by: Self.owner)
    for _ in 0..<3 { try harbor.execute(counter, Self.across(other, harbor.seconds + 60), by: Self.alice) }
    let packets = harbor.world.packets
    let results = try #require(try island.receive(packets[0]))
    try harbor.settle(packets[0], .acknowledged(results))
    try harbor.settle(packets[1], .refused)
    try harbor.settle(packets[2], .timedOut)
    #expect(harbor.callbackFailures == [])
    #expect(try island.query(other, #"{"count":{}}"#) == json(#"{"count":107}"#))
    for (sequence, state, count) in [(1, "done", "107"), (2, "failed", "null"), (3, "timed_out", "null")] {
      let crossing = try harbor.query(
        counter, #"{"crossing":{"client":"client-0","sequence":\#(sequence)}}"#)
      #expect(
        crossing
          == (try json(#"{"state":"\#(state)","count":\#(count),"contract":"\#(other)","by":7}"#)))
    }
    let list = try harbor.query(counter, #"{"crossings":{"client":"client-0","start_after":1,"limit":1}}"#)
    #expect(list["crossings"]?.array?.count == 1)
    #expect(list["crossings"]?[0]?["sequence"]?.integer(Int.self) == 2)
    // Told again, or of a packet that it never sent: refused, and nothing changes.
    try harbor.settle(packets[0], .timedOut)
    #expect(harbor.callbackFailures == ["no such crossing is open"])
  }

  @Test("takes an acknowledgement that it cannot read for one that was executed")
  func unreadable() throws {
    for garbage: [UInt8] in [
      [], [0], [7], [UInt8](repeating: 255, count: 64), [0] + [UInt8](repeating: 0, count: 16),
    ] {
      let (harbor, counter) = try Self.started()
      try harbor.execute(counter, Self.across(Self.alice, harbor.seconds + 60), by: Self.alice)
      try harbor.tell(counter, harbor.world.packets[0], port: .execution, acknowledgement: garbage)
      let crossing = try harbor.query(counter, #"{"crossing":{"client":"client-0","sequence":1}}"#)
      #expect(crossing["state"]?.string == "done")
    }
  }

  @Test("refuses deadlines that are over, or too far")
  func deadlines() throws {
    let (harbor, counter) = try Self.started()
    for deadline in [0, harbor.seconds, harbor.seconds + 86_401, .max] {
      #expect(
        harbor.refusal(counter, Self.across(Self.alice, deadline), by: Self.alice) == "malformed deadline")
    }
    try harbor.execute(counter, Self.across(Self.alice, harbor.seconds + 86_400), by: Self.alice)
  }

  @Test("uses little gas, and the same every time")
  func gas() throws {
    let (harbor, counter) = try Self.started()
    try harbor.execute(counter, #"{"increment":{}}"#, by: Self.alice)
    let (again, other) = try Self.started()
    try again.execute(other, #"{"increment":{}}"#, by: Self.alice)
    #expect(harbor.gasUsed == again.gasUsed)
    // In the chain's own gas: far below the 60,000 that an instance costs before it does anything.
    #expect(harbor.gasUsed / VMGas.perSDKGas < 1_000)
  }
}
