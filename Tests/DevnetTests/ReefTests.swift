import ChainAccess
import Devnet
import Encodings
import Foundation
import Ledger
import LedgerService
import LightClients
import Messages
import PacketHost
import RelayEngine
import Testing
import TestSupport
import WireBytes

/// Whether this checkout has what an EVM chain needs: the contracts (script/contracts) and the node (script/setup).
enum ReefParts {
  static let artifacts = EVMArtifacts.find()
  static var areThere: Bool {
    artifacts != nil && FileManager.default.fileExists(atPath: FileManager.default.currentDirectoryPath + "/.venv/.evm")
  }
  static let absent: Comment = "there are no EVM contracts or no EVM node here: script/setup, script/contracts"
}

/// A devnet with an EVM chain, and what tests do with it. Blocks of the chain come each second, as time in it does.
struct ReefWorld: Sendable {
  let net: Devnet
  let chain: EVMDomainAccess
  let network: Network
  let lane: Network.Lane
  let alice: ReefUser
  let bob: ReefUser

  static func run(_ body: (ReefWorld) async throws -> Void) async throws {
    var options = DevnetFolder.options
    options.evm = EVMOptions(artifacts: try #require(ReefParts.artifacts))
    try await DevnetFolder().run(options) { net in
      let network = try #require(await net.network)
      let chain = try #require(await net.reefAccess)
      try await body(
        ReefWorld(
          net: net, chain: chain, network: network, lane: try #require(network.lane(.evm)),
          alice: try await user("alice", net, chain, network), bob: try await user("bob", net, chain, network)))
    }
  }

  private static func user(
    _ name: String, _ net: Devnet, _ chain: EVMDomainAccess, _ network: Network
  ) async throws -> ReefUser {
    let sender = try #require(try await net.evmSender(name))
    return ReefUser(
      chain, sender: sender, contracts: try #require(network.contracts), artifacts: ReefParts.artifacts)
  }

  var messages: CrossingMessages { CrossingMessages(network, lane: lane, from: network.harbor) }
  var far: ClientID { lane.second.client }

  /// Sends from harbor, without waiting.
  func send(_ payloads: [Payload], timeout: Duration = .seconds(300)) async throws -> PacketKey {
    let sender = try #require(await net.sender("alice", on: "harbor"))
    let sent = try await messages.send(
      payloads, timeout: timeout, as: sender, at: try await net.address("alice"), through: net.harbor)
    return PacketKey(LaneEnd(network.harbor.id, sent.packet.sourceClient), sent.packet.sequence)
  }

  func transfer(_ amount: UInt64, to receiver: Bytes20) async throws -> Payload {
    try messages.transfer(
      UInt256(amount), of: TokenPath("uharbor"), from: try await net.address("alice"), to: receiver.description)
  }

  /// A call of a contract on the chain, by Alice's execution account there.
  func call(_ target: Bytes20, _ input: [UInt8], gasLimit: UInt64 = 300_000) async throws -> [Payload] {
    try messages.call(
      target.array, input: input, gasLimit: gasLimit, through: "", by: try await net.address("alice"))
  }

  /// Waits for the end, for so many blocks of the chain at most.
  func end(of key: PacketKey, blocks: Int = 180) async throws -> Crossing {
    let reader = try #require(await net.reader())
    var height: UInt64 = 0
    for _ in 0..<blocks {
      let crossing = try await reader.crossing(key)
      if crossing.ending != nil { return crossing }
      height = try await chain.head(above: height, patience: .seconds(5)).height
    }
    return try await reader.crossing(key)
  }

  /// Seconds from now on, by the later of the two domains' clocks.
  func deadline(in seconds: UInt64) async throws -> UnixTime {
    let near = try await net.harbor.head().time.seconds
    let there = try await chain.head().time.seconds
    return UnixTime(seconds: UInt64(clamping: max(near, there)) + seconds)
  }

  /// Waits until both domains' clocks are past a deadline: after reorganisations the chain's may be ahead.
  func pass(_ deadline: UnixTime) async throws {
    for access in [net.harbor as any DomainAccess, chain] {
      var head = try await access.head()
      while UInt64(clamping: head.time.seconds) <= deadline.seconds {
        head = try await access.head(above: head.height, patience: .seconds(5))
      }
    }
  }

  func voucher() async throws -> Bytes20 {
    try #require(try await bob.voucher(messages.arriving(TokenPath("uharbor")).text))
  }

  /// Replaces the newest blocks from `height` on by others without `transaction`.
  func reorganise(from height: UInt64, dropping transaction: Bytes32) async throws {
    let head = try await chain.head().height
    _ = try await chain.ask(
      "devnet_reorg",
      [
        [
          "depth": .number(String(head - height + 1)), "blocks": .number(String(head - height + 2)),
          "include": "none", "drop": [.string(transaction.description)],
        ]
      ])
  }

  /// The block in which the chain did `step` with a packet, as soon as there is one.
  func seen(_ step: PacketStep, _ client: ClientID, _ sequence: Sequence) async throws -> ObservedTransaction {
    var height: UInt64 = 0
    for _ in 0..<180 {
      if let found = try await chain.packetTransactions(step, client: client, sequence: sequence, limit: 1).first {
        return found
      }
      height = try await chain.head(above: height, patience: .seconds(2)).height
    }
    throw ReefTimeout(step: step, sequence: sequence, head: height)
  }

  /// The chain did not do this with a packet.
  struct ReefTimeout: Error {
    let step: PacketStep
    let sequence: Sequence
    let head: UInt64
  }
}

@Suite(
  "A lane between a ledger and an EVM chain", .serialized, .timeLimit(.minutes(10)),
  .enabled(if: ReefParts.areThere, ReefParts.absent))
struct ReefTests {
  @Test("tokens go, come back and are refunded; calls answer and fail; what nobody receives times out")
  func endings() async throws {
    try await ReefWorld.run { world in
      // Out: 3 of 4 attesters are believed by the contract.
      let out = try await world.end(of: try await world.send([try await world.transfer(1_000, to: world.bob.address)]))
      #expect(out.ending == .success)
      let voucher = try await world.voucher()
      #expect(try await world.bob.balance(of: voucher) == UInt256(1_000))

      // Back: harbor believes the state root, and takes a proof of the router's slot.
      let bobAtHome = try await world.net.address("bob")
      let before = try await world.net.balance("bob", on: "harbor", "uharbor")
      let back = try await world.bob.transfer(
        UInt256(400), of: voucher, to: bobAtHome.text, over: world.far, timeout: try await world.deadline(in: 300))
      let returned = try await world.end(
        of: PacketKey(LaneEnd(world.chain.domain, back.packet.sourceClient), back.packet.sequence))
      #expect(returned.ending == .success)
      #expect(try await world.bob.balance(of: voucher) == UInt256(600))
      #expect(try await world.net.balance("bob", on: "harbor", "uharbor") == before + 400)

      // A call that answers, and one that reverts.
      let counter = try await world.bob.deploy("Counter")
      let add = try EVMFunction("add(uint256)")
      let answered = try await world.end(
        of: try await world.send(try await world.call(counter, try add.input([.uint(5)]))))
      #expect(answered.ending == .success)
      let answer = try #require(answered.acknowledgement?.results.first)
      let outcome = try Outcome(decoding: answer.span)
      #expect(outcome.results == [UInt256(5).bigEndian.array])
      let failing = try await world.call(counter, try add.input([.uint(13)]))
      let money = try await world.transfer(70, to: world.bob.address)
      let held = try await world.net.balance("alice", on: "harbor", "uharbor")
      let failed = try await world.end(of: try await world.send([money] + failing))
      #expect(failed.ending == .refundedAfterError)
      #expect(failed.failure != nil)
      #expect(try await world.bob.balance(of: voucher) == UInt256(600), "nothing of the packet happened")
      let fee = LedgerRules.fee(of: CrossingMessages.gasLimit([money] + failing))
      #expect(try await world.net.balance("alice", on: "harbor", "uharbor") == held - fee)
      let count = try await world.bob.ask("count()", of: counter, returns: [.uint256])
      #expect(count == [.uint(5)])

      // A deadline that passes while nobody relays, in both directions.
      await world.net.command(DevnetCommand(.pause, lane: .evm))
      let late = try await world.send([try await world.transfer(30, to: world.bob.address)], timeout: .seconds(3))
      let lateBack = try await world.bob.transfer(
        UInt256(50), of: voucher, to: bobAtHome.text, over: world.far, timeout: try await world.deadline(in: 4))
      try await world.pass(lateBack.packet.timeout)
      await world.net.command(DevnetCommand(.resume, lane: .evm))
      let expired = try await world.end(of: late)
      #expect(expired.ending == .refundedAfterTimeout && expired.executed == nil)
      let expiredBack = try await world.end(
        of: PacketKey(LaneEnd(world.chain.domain, lateBack.packet.sourceClient), lateBack.packet.sequence))
      #expect(expiredBack.ending == .refundedAfterTimeout && expiredBack.executed == nil)
      #expect(try await world.bob.balance(of: voucher) == UInt256(600), "the vouchers are back")

      // What was received is not received again, whoever brings it.
      let again = try await world.alice.ask(
        "getCommitment(bytes32)", of: world.chain.router,
        [.bytes32(PacketPath(.receipt, of: out.packet).hash())], returns: [.bytes32])
      #expect(again != [.bytes32(Bytes32())])
      var accesses = world.net.accesses
      accesses["reef"] = world.chain
      let history = try await HistoryAudit(network: world.network, accesses: accesses)
      #expect(history.holds && history.open.isEmpty)
      let counts: [Int] = [history.sent, history.succeeded, history.failed, history.timedOut]
      #expect(counts == [6, 3, 1, 2])
    }
  }

  @Test("a reorganisation at any stage loses nothing and repeats nothing")
  func reorganisations() async throws {
    try await ReefWorld.run { world in
      let client = world.far
      // The block that received.
      let first = try await world.send([try await world.transfer(1_000, to: world.bob.address)])
      let received = try await world.seen(.answered, client, first.sequence)
      try await world.reorganise(from: received.height, dropping: received.hash)
      let crossed = try await world.end(of: first)
      #expect(crossed.ending == .success)
      #expect(crossed.executed?.transaction != received.hash || crossed.executed?.height != received.height)
      let voucher = try await world.voucher()
      #expect(try await world.bob.balance(of: voucher) == UInt256(1_000), "once")

      // The block that sent: the sender's transaction is dropped, and sent again by its sender.
      let bobAtHome = try await world.net.address("bob")
      let before = try await world.net.balance("bob", on: "harbor", "uharbor")
      let sent = try await world.bob.transfer(
        UInt256(100), of: voucher, to: bobAtHome.text, over: client, timeout: try await world.deadline(in: 300))
      try await world.reorganise(from: sent.transaction.height, dropping: sent.transaction.hash)
      let key = PacketKey(LaneEnd(world.chain.domain, client), sent.packet.sequence)
      let resent = try await world.seen(.sent, client, sent.packet.sequence)
      #expect(resent.height != sent.transaction.height || resent.hash != sent.transaction.hash)
      let home = try await world.end(of: key)
      #expect(home.ending == .success)
      #expect(try await world.net.balance("bob", on: "harbor", "uharbor") == before + 100, "once")

      // The block that took the acknowledgement.
      let third = try await world.bob.transfer(
        UInt256(7), of: voucher, to: bobAtHome.text, over: client, timeout: try await world.deadline(in: 300))
      let acknowledged = try await world.seen(.acknowledged, client, third.packet.sequence)
      try await world.reorganise(from: acknowledged.height, dropping: acknowledged.hash)
      let settled = try await world.end(
        of: PacketKey(LaneEnd(world.chain.domain, client), third.packet.sequence))
      #expect(settled.ending == .success)

      // The block that took a timeout.
      await world.net.command(DevnetCommand(.pause, lane: .evm))
      let fourth = try await world.bob.transfer(
        UInt256(9), of: voucher, to: bobAtHome.text, over: client, timeout: try await world.deadline(in: 4))
      try await world.pass(fourth.packet.timeout)
      await world.net.command(DevnetCommand(.resume, lane: .evm))
      let expired = try await world.seen(.timedOut, client, fourth.packet.sequence)
      try await world.reorganise(from: expired.height, dropping: expired.hash)
      let refunded = try await world.end(
        of: PacketKey(LaneEnd(world.chain.domain, client), fourth.packet.sequence))
      #expect(refunded.ending == .refundedAfterTimeout)
      #expect(try await world.bob.balance(of: voucher) == UInt256(1_000 - 107))
      var accesses = world.net.accesses
      accesses["reef"] = world.chain
      let history = try await HistoryAudit(network: world.network, accesses: accesses)
      #expect(history.holds && history.open.isEmpty)
    }
  }

  @Test("goes on after a restart, with the chain as it was")
  func restart() async throws {
    let folder = DevnetFolder()
    var options = DevnetFolder.options
    options.evm = EVMOptions(artifacts: try #require(ReefParts.artifacts))
    let made = try await folder.run(options) { net in try #require(await net.network) }
    try await folder.run(options) { net in
      let network = try #require(await net.network)
      #expect(network.contracts == made.contracts)
      #expect(network.lanes == made.lanes)
      #expect(network.lane(.evm)?.second.client.text == "harbor-0")
    }
  }
}
