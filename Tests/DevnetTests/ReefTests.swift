import ChainAccess
import Devnet
import Encodings
import Ledger
import Messages
import PacketHost
import RelayEngine
import Testing
import WireBytes

/// What tests do with a devnet that has an EVM chain. Blocks of the chain come each second, as time in it does.
struct ReefWorld: Sendable {
  let trial: Trial
  let alice: ReefUser
  let bob: ReefUser

  static func run(
    finalityBlocks: Int = 2, _ body: (ReefWorld) async throws -> Void
  ) async throws {
    try await Trial.run(try Trial.options(finalityBlocks: finalityBlocks)) { trial in
      try await body(
        ReefWorld(trial: trial, alice: try await trial.onReef("alice"), bob: try await trial.onReef("bob")))
    }
  }

  var chain: EVMDomainAccess { trial.reef }
  var far: ClientID { trial.farClient }
  private var messages: CrossingMessages {
    CrossingMessages(trial.network, lane: trial.lane, from: trial.network.harbor)
  }

  /// Sends from harbor, without waiting. The deadline counts from when it is sent.
  func send(_ payloads: [Payload], timeout: Duration = .seconds(600)) async throws -> (
    key: PacketKey, packet: Packet
  ) {
    let sender = try #require(await trial.net.sender("alice", on: "harbor"))
    let sent = try await messages.send(
      payloads, timeout: timeout, as: sender, at: try trial.address("alice"), through: trial.net.harbor)
    return (trial.packet(sent.packet.sequence), sent.packet)
  }

  /// Sends from the chain to Bob at home, without waiting. The deadline counts from when the transfer itself is sent.
  func sendHome(
    _ amount: UInt64, of voucher: Bytes20, timeout: Duration = .seconds(600)
  ) async throws -> (key: PacketKey, packet: Packet, transaction: ObservedTransaction) {
    let sent = try await bob.transfer(
      UInt256(amount), of: voucher, to: try trial.address("bob").text, over: far, within: timeout)
    return (trial.packet(sent.packet.sequence, from: "reef"), sent.packet, sent.transaction)
  }

  func transfer(_ amount: UInt64, to receiver: Bytes20) throws -> Payload {
    try messages.transfer(
      UInt256(amount), of: TokenPath("uharbor"), from: try trial.address("alice"), to: receiver.description)
  }

  /// A call of a contract on the chain, by Alice's execution account there.
  func call(_ target: Bytes20, _ input: [UInt8], gasLimit: UInt64 = 300_000) throws -> [Payload] {
    try messages.call(
      target.array, input: input, gasLimit: gasLimit, through: "", by: try trial.address("alice"))
  }

  func voucher() async throws -> Bytes20 { try #require(try await bob.voucher(trial.arrivingPath)) }

  /// What Bob has of it on the chain.
  func bobHas(_ voucher: Bytes20) async throws -> UInt256 { try await bob.balance(of: voucher) }

  func atHome(_ user: String) async throws -> UInt64 {
    try await trial.balance(user, on: "harbor", "uharbor")
  }
}

@Suite(
  "A lane between a ledger and an EVM chain", .serialized, .timeLimit(.minutes(20)),
  .enabled(if: Trial.missing == nil, Comment(rawValue: Trial.missing ?? "")))
struct ReefTests {
  @Test("tokens go, come back and are refunded; calls answer and fail; what nobody receives times out")
  func endings() async throws {
    try await ReefWorld.run { world in
      let trial = world.trial
      // Out: 3 of 4 attesters are believed by the contract.
      let sent = try await world.send([try world.transfer(1_000, to: world.bob.address)])
      let out = try await trial.end(of: sent.key)
      #expect(out.ending == .success, "\(out)")
      let voucher = try await world.voucher()
      #expect(try await world.bobHas(voucher) == UInt256(1_000))

      // Back: harbor believes the state root, and takes a proof of the router's slot.
      let before = try await world.atHome("bob")
      let returned = try await trial.end(of: try await world.sendHome(400, of: voucher).key)
      #expect(returned.ending == .success, "\(returned)")
      #expect(try await world.bobHas(voucher) == UInt256(600))
      #expect(try await world.atHome("bob") == before + 400)

      // A call that answers, and one that reverts.
      let counter = try await world.bob.deploy("Counter")
      let add = try EVMFunction("add(uint256)")
      let answered = try await trial.end(
        of: try await world.send(try world.call(counter, try add.input([.uint(5)]))).key)
      #expect(answered.ending == .success, "\(answered)")
      let answer = try #require(answered.acknowledgement?.results.first, "\(answered)")
      let outcome = try Outcome(decoding: answer.span)
      #expect(outcome.results == [UInt256(5).bigEndian.array])
      let failing =
        [try world.transfer(70, to: world.bob.address)]
        + (try world.call(counter, try add.input([.uint(13)])))
      // Nothing else of Alice's is on its way: what she has then is less the fee alone.
      let held = try await world.atHome("alice")
      let failed = try await trial.end(of: try await world.send(failing).key)
      #expect(failed.ending == .refundedAfterError, "\(failed)")
      #expect(failed.failure != nil, "\(failed)")
      #expect(try await world.bobHas(voucher) == UInt256(600), "nothing of the packet happened")
      let fee = LedgerRules.fee(of: CrossingMessages.gasLimit(failing))
      let left = try await world.atHome("alice")
      #expect(left == held - fee, "held \(held), fee \(fee), left \(left)")
      let count = try await world.bob.ask("count()", of: counter, returns: [.uint256])
      #expect(count == [.uint(5)], "\(count.map { "\($0)" } ?? "no answer")")

      // A deadline that passes while nobody relays, in both directions. The lane is held before anything is sent, and
      // released when both clocks are past both deadlines: neither can be met.
      try await trial.hold()
      let late = try await world.send([try world.transfer(30, to: world.bob.address)], timeout: .seconds(15))
      let lateBack = try await world.sendHome(50, of: voucher, timeout: .seconds(15))
      #expect(
        try await world.bobHas(voucher) == UInt256(550), "burnt, or held, until it is known how it ends")
      try await trial.pass(late.packet.timeout, lateBack.packet.timeout)
      for key in [late.key, lateBack.key] {
        let waiting = try await trial.reader().crossing(key)
        #expect(
          waiting.executed == nil && waiting.ending == nil, "nothing crosses a lane that is held: \(waiting)")
      }
      try await trial.release()
      let expired = try await trial.end(of: late.key)
      #expect(expired.ending == .refundedAfterTimeout && expired.executed == nil, "\(expired)")
      let expiredBack = try await trial.end(of: lateBack.key)
      #expect(expiredBack.ending == .refundedAfterTimeout && expiredBack.executed == nil, "\(expiredBack)")
      let refunded = try await world.bobHas(voucher)
      #expect(refunded == UInt256(600), "the vouchers are back: \(refunded)")

      // What was received is not received again, whoever brings it.
      let again = try await world.alice.ask(
        "getCommitment(bytes32)", of: world.chain.router,
        [.bytes32(PacketPath(.receipt, of: sent.packet).hash())], returns: [.bytes32])
      #expect(again != nil && again != [.bytes32(Bytes32())])
      let history = try await trial.history()
      #expect(history.holds && history.open.isEmpty, "\(history)")
      let counts: [Int] = [history.sent, history.succeeded, history.failed, history.timedOut]
      #expect(counts == [6, 3, 1, 2], "\(history)")
    }
  }

  @Test("a reorganisation at any stage loses nothing and repeats nothing")
  func reorganisations() async throws {
    // What is replaced must not be final yet when it is noticed, on a machine that is busy too.
    try await ReefWorld.run(finalityBlocks: 6) { world in
      let trial = world.trial
      let client = world.far
      // The block that received.
      let first = try await world.send([try world.transfer(1_000, to: world.bob.address)])
      let received = try await trial.seen(.answered, client, first.key.sequence)
      try await trial.replace(received)
      let crossed = try await trial.end(of: first.key)
      #expect(crossed.ending == .success, "\(crossed)")
      #expect(
        crossed.executed?.transaction != received.hash || crossed.executed?.height != received.height,
        "\(crossed)")
      let voucher = try await world.voucher()
      #expect(try await world.bobHas(voucher) == UInt256(1_000), "once")

      // The block that sent: the sender's transaction is dropped, and sent again by its sender.
      let before = try await world.atHome("bob")
      let sent = try await world.sendHome(100, of: voucher)
      try await trial.replace(sent.transaction)
      let resent = try await trial.seen(.sent, client, sent.packet.sequence)
      #expect(
        resent.height != sent.transaction.height || resent.hash != sent.transaction.hash,
        "\(sent.transaction.height) \(sent.transaction.hash), \(resent.height) \(resent.hash)")
      let home = try await trial.end(of: sent.key)
      #expect(home.ending == .success, "\(home)")
      #expect(try await world.atHome("bob") == before + 100, "once")

      // The block that took the acknowledgement.
      let third = try await world.sendHome(7, of: voucher)
      try await trial.replace(try await trial.seen(.acknowledged, client, third.packet.sequence))
      let settled = try await trial.end(of: third.key)
      #expect(settled.ending == .success, "\(settled)")

      // The block that took a timeout.
      try await trial.hold()
      let fourth = try await world.sendHome(9, of: voucher, timeout: .seconds(15))
      try await trial.pass(fourth.packet.timeout)
      try await trial.release()
      try await trial.replace(try await trial.seen(.timedOut, client, fourth.packet.sequence))
      let refunded = try await trial.end(of: fourth.key)
      #expect(refunded.ending == .refundedAfterTimeout, "\(refunded)")
      // The end that was seen may be the block's that is gone: what counts is where the tokens are once it is final.
      let final = try await trial.settledForGood(refunded)
      #expect(final.ending == .refundedAfterTimeout, "\(final)")
      let left = try await world.bobHas(voucher)
      #expect(left == UInt256(1_000 - 107), "\(left)")
      let history = try await trial.history()
      #expect(history.holds && history.open.isEmpty, "\(history)")
    }
  }

  @Test("goes on after a restart, with the chain as it was")
  func restart() async throws {
    let folder = DevnetFolder()
    let options = try Trial.options()
    let made = try await folder.run(options) { net in try #require(await net.network) }
    try await folder.run(options) { net in
      let network = try #require(await net.network)
      #expect(network.contracts == made.contracts)
      #expect(network.lanes == made.lanes)
      #expect(network.lane(.evm)?.second.client.text == "harbor-0")
    }
  }
}
