import ChainAccess
import Encodings
import Ledger
import LedgerService
import LightClients
import Messages
import NIOCore
import NIOHTTP1
import NIOPosix
import PacketHost
import Testing
import WireBytes

@Suite("A domain over RPC", .serialized)
struct CometBFTAccessTests {
  @Test("tells the same as the domain itself")
  func same() async throws {
    try await RPCWorld.served { served in
      let (near, far) = (served.world.access, served.remote)
      #expect(far.domain == near.domain)
      #expect(try await far.head() == near.head())
      for height in 1...4 as ClosedRange<UInt64> {
        #expect(try await far.block(at: height) == near.block(at: height))
        let (mine, theirs) = (try await near.signedHeader(at: height), try await far.signedHeader(at: height))
        #expect(mine.signedHeader == theirs.signedHeader)
        #expect(mine.validators.hash() == theirs.validators.hash())
      }
      let id = try ClientID(RPCWorld.client)
      let keys = [
        Genesis.chainIDKey, [1, 2, 3], HostKeys.clientState(id),
        PacketPath(.commitment, client: id, sequence: .first).bytes,
      ]
      for isProven in [true, false] {
        #expect(
          try await far.values(of: keys, at: 3, proven: isProven)
            == near.values(of: keys, at: 3, proven: isProven))
      }
      #expect(try await far.values(of: [], at: 3, proven: true).isEmpty)
      let many = (0..<120).map { [UInt8]("key-\($0)".utf8) } + keys
      #expect(
        try await far.values(of: many, at: 3, proven: false) == near.values(of: many, at: 3, proven: false))
      for kind in PacketPath.Kind.allCases {
        #expect(
          try await far.packets(kind, of: id, after: nil, limit: 9, at: 4)
            == near.packets(kind, of: id, after: nil, limit: 9, at: 4))
      }
      let packets = try await far.packets(.commitment, of: id, after: nil, limit: 1, at: 4)
      #expect(packets.map(\.sequence.rawValue) == [1])
      let rest = try await far.packets(.commitment, of: id, after: packets[0].sequence, limit: 9, at: 4)
      #expect(rest.map(\.sequence.rawValue) == [2])
      let view = try await far.client(id)
      #expect(view == (try await near.client(id)))
      #expect(view?.status == .active)
      #expect(view?.counterparty == id)
      #expect(view?.latest?.0 == Height(revision: 1, 1))
      #expect(try await far.client(try ClientID("client-9")) == nil)
      let account = served.world.account
      #expect(try await far.account(account) == near.account(account))
      #expect(try await far.account(AccountAddress(module: "nobody")) == nil)
      #expect(try await far.balances(of: account) == near.balances(of: account))
      #expect(try await far.supplies() == near.supplies())
      let query = "send_packet.packet_sequence = 2"
      let found = try await far.transactions(matching: query, limit: 5)
      #expect(found == (try await near.transactions(matching: query, limit: 5)))
      #expect(found.count == 1)
      #expect(try await far.transaction(found[0].hash) == found[0])
      #expect(try await far.transaction(Bytes32()) == nil)
    }
  }

  @Test("names what is not there, and refusals, as the domain itself does")
  func refusals() async throws {
    try await RPCWorld.served { served in
      let far = served.remote
      await #expect(throws: AccessError.heightUnknown(9)) { try await far.block(at: 9) }
      await #expect(throws: AccessError.heightUnknown(0)) { try await far.block(at: 0) }
      await #expect(throws: AccessError.heightUnknown(9)) { try await far.signedHeader(at: 9) }
      await #expect(throws: AccessError.heightUnknown(9)) {
        try await far.values(of: [[1]], at: 9, proven: false)
      }
      // The newest state is not proven by any header yet.
      await #expect(throws: AccessError.heightUnknown(5)) {
        try await far.values(of: [[1]], at: 4, proven: true)
      }
      let early = try await served.world.transaction(1, sequence: 99)
      await #expect {
        try await far.submit(early)
      } throws: { error in
        guard case .refused("sequence", "sdk", 32, _)? = error as? AccessError else { return false }
        return true
      }
      let sequence = try #require(try await far.account(served.world.account)).sequence
      let good = try await served.world.transaction(1, sequence: sequence)
      #expect(try await far.submit(good) == Transaction.hash(of: good))
      await #expect {
        try await far.submit(good)
      } throws: { error in
        guard case .refused("known", "sdk", 19, _)? = error as? AccessError else { return false }
        return true
      }
      await #expect {
        try await far.transactions(matching: "a OR b", limit: 1)
      } throws: { error in
        guard case .endpoint(-32603, _)? = error as? AccessError else { return false }
        return true
      }
      await served.transport.shutdown()
      await #expect(throws: AccessError.unreachable) { try await far.head() }
    }
  }

  @Test("carries a sender, which then sends over RPC as it does in process")
  func sends() async throws {
    var limits = CometBFTAccess.Limits()
    limits.interval = .milliseconds(5)
    try await RPCWorld.served(limits: limits) { served in
      let world = served.world
      let production = Task { try await world.domain.run(every: .milliseconds(5)) }
      defer { production.cancel() }
      let sender = AccountSender(access: served.remote, signer: world.signer, rules: world.genesis.rules)
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for amount in 1...50 as ClosedRange<UInt64> {
          group.addTask {
            try await sender.send([world.payment(amount, to: "far")], gasLimit: 200_000).result.succeeded
          }
        }
        for try await isDone in group { #expect(isDone) }
      }
      let paid = try await served.remote.balances(of: AccountAddress(module: "far"))
      #expect(paid == [Coin(UInt256(UInt64(50 * 51 / 2)), world.denom)])
    }
  }

  @Test("believes no endpoint that serves another chain")
  func otherChain() async throws {
    try await RPCWorld.served { served in
      let other = try CometBFTAccess(
        address: served.remote.address, chainID: "island-1", transport: served.transport)
      await #expect(throws: AccessError.malformed) { try await other.head() }
      await #expect(throws: AccessError.unproven) { try await other.block(at: 1) }
      await #expect(throws: AccessError.unproven) { try await other.signedHeader(at: 1) }
      var limits = CometBFTAccess.Limits()
      limits.answerBytesMax = 100
      let short = try CometBFTAccess(
        address: served.remote.address, chainID: "harbor-1", transport: served.transport, limits: limits)
      await #expect(throws: AccessError.tooLarge(max: 100)) { try await short.head() }
    }
  }

  /// What an endpoint changes in a true answer, and what becomes of it.
  static let forgeries: [(from: String, to: String, AccessError)] = [
    // The header of the block and of the commit.
    (#""version":{"app":"1""#, #""version":{"app":"2""#, .unproven),
    // A value of the state that was asked for as proven: "harbor-1" in base64.
    (#""value":"aGFyYm9yLTE=""#, #""value":"aGFyYm9yLTI=""#, .unproven),
    ("ics23:smt", "ics23:iavl", .unproven),
    (#""response""#, #""answer""#, .malformed),
    (#""jsonrpc":"2.0""#, #""jsonrpc":"1.0""#, .malformed),
    ("{", "", .malformed),
  ]

  @Test("finds out what an endpoint changed in proven values", arguments: 0..<6)
  func forged(index: Int) async throws {
    try await RPCWorld.served { served in
      let (from, to, error) = Self.forgeries[index]
      let liar = try await Liar(before: served.remote.address, from: from, to: to)
      defer { liar.stop() }
      let access = try CometBFTAccess(
        address: liar.address, chainID: "harbor-1", transport: served.transport)
      await #expect(throws: error) {
        try await access.values(of: [Genesis.chainIDKey], at: 3, proven: true)
      }
    }
  }

  @Test("finds out what an endpoint changed in blocks and transactions")
  func forgedBlocks() async throws {
    try await RPCWorld.served { served in
      let block = try #require(try served.world.domain.blocks.block(at: 3)).block
      let text = Base64.encode(block.transactions[0])
      let other = Base64.encode(block.transactions[0].map { $0 ^ 1 })
      let liar = try await Liar(before: served.remote.address, from: text, to: other)
      defer { liar.stop() }
      let access = try CometBFTAccess(
        address: liar.address, chainID: "harbor-1", transport: served.transport)
      await #expect(throws: AccessError.unproven) { try await access.block(at: 3) }
      let hash = Transaction.hash(of: block.transactions[0])
      await #expect(throws: AccessError.unproven) { try await access.transaction(hash) }
      _ = try await access.block(at: 2)
    }
  }

  @Test("gives up on an endpoint that is silent or gone")
  func silence() async throws {
    let transport = CometBFTTransport()
    let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(silent.localAddress?.port)
    var limits = CometBFTAccess.Limits()
    limits.deadline = .milliseconds(50)
    let access = try CometBFTAccess(
      address: "http://127.0.0.1:\(port)", chainID: "harbor-1", transport: transport, limits: limits)
    await #expect(throws: AccessError.timedOut) { try await access.head() }
    try await silent.close()
    await #expect(throws: AccessError.unreachable) { try await access.head() }
    await transport.shutdown()
  }
}
