import ChainAccess
import Devnet
import Ledger
import LedgerService
import LightClients
import Messages
import PacketHost
import Testing
import WireBytes

@Suite("Crossings of a devnet", .serialized, .timeLimit(.minutes(10)))
struct CrossingTests {
  @Test(
    "a call answers, a failing one is refunded, tokens go and come back",
    arguments: Network.Lane.Kind.embedded)
  func endings(kind: Network.Lane.Kind) async throws {
    try await DevnetFolder().run { net in
      let answered = try await net.cross(try await net.call(#"{"add":{"by":5}}"#, over: kind), over: kind)
      #expect(answered.ending == .success)
      let answer = try #require(answered.acknowledgement?.results.first)
      let outcome = try Outcome(decoding: answer.span)
      #expect(outcome.results == [[UInt8](#"{"count":"5"}"#.utf8)])

      let before = try await net.balance("alice", on: "harbor", "uharbor")
      let failing = try await net.call(#"{"fail":{}}"#, over: kind, funds: 500)
      let failed = try await net.cross(failing, over: kind)
      #expect(failed.ending == .refundedAfterError)
      #expect(failed.failure?.contains("counter.asked") == true)
      let fee = LedgerRules.fee(of: CrossingMessages.gasLimit(failing))
      #expect(try await net.balance("alice", on: "harbor", "uharbor") == before - fee)

      let messages = try await net.messages(kind)
      let voucher = messages.arriving(TokenPath("uharbor"))
      let out = try await net.cross([try await net.transfer(1_000, over: kind)], over: kind)
      #expect(out.ending == .success)
      #expect(try await net.balance("bob", on: "island", voucher.token) == 1_000)
      let home = try await net.transfer(
        400, over: kind, from: "island", token: voucher, by: "bob", to: "alice")
      let back = try await net.cross([home], over: kind, from: "island", as: "bob")
      #expect(back.ending == .success)
      #expect(try await net.balance("bob", on: "island", voucher.token) == 600)

      let (history, value) = try await net.audit()
      #expect(history.holds && history.open.isEmpty)
      #expect([history.sent, history.succeeded, history.failed] == [4, 3, 1])
      #expect(value.holds)
      #expect(value.escrows.map(\.escrowed) == [UInt256(UInt64(600))])
    }
  }

  @Test("a packet that waits out its deadline is refunded", arguments: Network.Lane.Kind.embedded)
  func timeouts(kind: Network.Lane.Kind) async throws {
    try await DevnetFolder().run { net in
      await net.command(DevnetCommand(.pause, lane: kind))
      let before = try await net.balance("alice", on: "harbor", "uharbor")
      let payload = try await net.transfer(300, over: kind)
      let key = try await net.send([payload], over: kind, timeout: .seconds(2))
      let deadline = try #require(await net.reader()?.crossing(key)).packet.timeout
      var head = try await net.island.head()
      while UInt64(clamping: head.time.seconds) < deadline.seconds {
        head = try await net.island.head(above: head.height, patience: .seconds(5))
      }
      #expect(try await net.reader()?.crossing(key).ending == nil)
      await net.command(DevnetCommand(.resume, lane: kind))
      let crossing = try await net.end(of: key)
      #expect(crossing.ending == .refundedAfterTimeout)
      #expect(crossing.executed == nil)
      let fee = LedgerRules.fee(of: CrossingMessages.gasLimit([payload]))
      #expect(try await net.balance("alice", on: "harbor", "uharbor") == before - fee)
      let (history, value) = try await net.audit()
      #expect(history.holds && history.timedOut == 1)
      #expect(value.holds)
    }
  }

  @Test("crossings are found by their id, a part of it, and by client and number")
  func names() async throws {
    try await DevnetFolder().run { net in
      let crossing = try await net.cross([try await net.transfer(5, over: .attested)], over: .attested)
      let reader = try #require(await net.reader())
      let id = crossing.id.description
      for name in [id, String(id.prefix(12)), "harbor/client-0/1", "attested/1", "client-0/1"] {
        #expect(try await reader.key(named: name) == crossing.key, "\(name)")
      }
      await #expect(throws: CrossingLookupError.unknown) { try await reader.key(named: "client-0/2") }
      await #expect(throws: CrossingLookupError.unknown) { try await reader.key(named: "0x000000000000") }
      await #expect(throws: CrossingLookupError.form) { try await reader.key(named: "0x12") }
      await #expect(throws: CrossingLookupError.form) { try await reader.key(named: "client-0/zero") }
      let home = try await net.transfer(5, over: .attested, from: "island", by: "bob", to: "alice")
      _ = try await net.cross([home], over: .attested, from: "island", as: "bob")
      await #expect(throws: CrossingLookupError.ambiguous(["harbor/client-0/1", "island/client-0/1"])) {
        try await reader.key(named: "client-0/1")
      }
    }
  }
}

extension LedgerRules {
  /// What a devnet's domain takes for so much gas.
  static func fee(of gas: UInt64) -> UInt64 { (gas + 999) / 1_000 }
}
