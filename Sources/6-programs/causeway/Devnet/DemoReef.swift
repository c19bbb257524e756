import ChainAccess
import Devnet
import Encodings
import Ledger
import LightClients
import Messages
import PacketHost
import RelayEngine
import Transactions
import WireBytes

/// The demo's contracts between harbor and the EVM chain.
private struct ReefContracts {
  /// Stands for uharbor on reef.
  let voucher: Bytes20
  /// Reef's own token.
  let token: Bytes20
  /// On harbor: swaps over the lane.
  let swap: AccountAddress
}

// The chapter of the EVM chain.
extension DemoStory {
  private static let liquidity: UInt64 = 100_000

  /// - Parameter contracts: where harbor's contracts were built.
  mutating func reefChapter(_ contracts: DemoContracts, artifacts: EVMArtifacts) async throws {
    guard let reef = devnet.network.reef, let lane = devnet.network.lane(.evm) else { return }
    title("An EVM chain: tokens go there and come back")
    let made = try await makeReef(contracts, lane, reef, artifacts)
    try await swapOnReef(made, lane, reef)
    try await failOnReef(made, lane)
    try await reorganise(made, lane, reef)
  }

  // MARK: Making it

  private mutating func makeReef(
    _ contracts: DemoContracts, _ lane: Network.Lane, _ reef: Network.Domain, _ artifacts: EVMArtifacts
  ) async throws -> ReefContracts {
    let bob = try await devnet.reefUser("bob", artifacts: artifacts)
    let amount = Self.liquidity
    say("Alice sends \(amount) uharbor to Bob's address on \(reef.name), \(reef.id.text), where a contract stands for them.")
    let out = try await end(
      try await send(amount, to: bob.address.description, over: lane))
    show(out)
    check(out.ending == .success, "the router took 3 of 4 attesters' word, and Transfer made the tokens")
    let path = TokenPath(harbor.feeDenom.text).adding(.transfer, lane.second.client)
    guard let voucher = try await devnet.onReef({ () async throws(EVMSideError) in try await bob.voucher(path.text) })
    else { throw Complaint("\(reef.name) has no token for \(path.text)", code: 1) }
    let holds = try await devnet.onReef { () async throws(EVMSideError) in try await bob.balance(of: voucher) }
    check(holds == UInt256(amount), "Bob has \(holds) there: ERC-20 \(voucher)")

    say("Bob sends 40 of them home.")
    let client = lane.second.client
    let deadline = try await now(harbor).adding(seconds: 600)
    let before = try await balance("bob", harbor, harbor.feeDenom.text)
    let receiver = try devnet.account("bob").text
    let back = try await devnet.onReef { () async throws(EVMSideError) in
      try await bob.transfer(UInt256(40), of: voucher, to: receiver, over: client, timeout: deadline)
    }
    let home = try await end(PacketKey(LaneEnd(reef.id, back.packet.sourceClient), back.packet.sequence))
    show(home)
    let after = try await balance("bob", harbor, harbor.feeDenom.text)
    check(
      home.ending == .success && after == before + 40,
      "harbor proved the router's slot under \(reef.name)'s state root, burnt there, paid out here")

    say("Bob makes a pool of them and of \(reef.name)'s own token; Carol makes the contract on harbor that swaps there.")
    let side = UInt256(amount - 1_000)
    let (token, receiverContract) = try await devnet.onReef { () async throws(EVMSideError) in
      let token = try await bob.deploy(
        "TestToken", [.string, .string, .uint(8)], [.string("Reef dollar"), .string("RUSD"), .uint(6)])
      let pool = try await bob.deploy("Pool", [.address, .address], [.address(voucher), .address(token)])
      let swapper = try await bob.deploy(
        "SwapReceiver", [.address, .address], [.address(pool), .address(try bob.contract("Transfer"))])
      try await bob.send("mint(address,uint256)", to: token, [.address(bob.address), .uint(side)])
      for held in [voucher, token] {
        try await bob.send("approve(address,uint256)", to: held, [.address(pool), .uint(side)])
      }
      try await bob.send("addLiquidity(uint256,uint256)", to: pool, [.uint(side), .uint(side)])
      return (token, swapper)
    }
    let handler = try await devnet.onReef { () async throws(EVMSideError) in
      try bob.contract("ExecutionHandler")
    }
    let hash = try await devnet.onReef { () async throws(EVMSideError) in
      try await bob.ask("ACCOUNT_INITCODE_HASH()", of: handler, returns: [.bytes32])
    }
    guard case .fixedBytes(let codeHash)? = hash?.first else { throw Complaint("the handler names no account code", code: 1) }
    let route: JSONValue = [
      "client": .string(lane.first.client.text), "domain": .string(reef.id.text),
      "destination_client": .string(client.text), "contract": .string(receiverContract.description),
      "handler": .string(handler.description), "account_code_hash": .string(Hex.encode(codeHash)),
    ]
    let swap = try await make(contracts, "swap", ["routes": [route]], on: harbor)
    check(true, "a pool of \(side) each on \(reef.name), and harbor's swap with a route to it")
    return ReefContracts(voucher: voucher, token: token, swap: swap)
  }

  // MARK: Scenes

  private mutating func swapOnReef(
    _ made: ReefContracts, _ lane: Network.Lane, _ reef: Network.Domain
  ) async throws {
    title("An EVM chain: a swap that starts in a ledger's contract")
    let bought = TokenPath(made.token.description).adding(.transfer, lane.first.client)
    let before = try await balance("alice", harbor, bought.token)
    say("Alice gives 1000 uharbor to harbor's swap: they cross, are swapped in \(reef.name)'s pool, the output comes home.")
    let sent = try await execute(
      made.swap, swapThere(made, lane, least: 900, within: 300), funds: 1_000, from: "alice", on: harbor)
    let crossing = try await end(try key(sent, lane))
    show(crossing)
    check(crossing.ending == .success, "executed on \(reef.name), and harbor's contract was told")
    let order = try await order(made.swap, sent, lane, until: ["done"])
    let out = order["out"]?["amount"]?.string.flatMap { UInt64($0) } ?? 0
    check(order["state"]?.string == "done" && out > 900 && out < 1_000, "its order is done: \(out) RUSD came out")
    try await wait { try await balance("alice", harbor, bought.token) == before + out }
    check(
      try await balance("alice", harbor, bought.token) == before + out, "they are Alice's, at home: \(out) \(bought.token.prefix(12))…")
  }

  private mutating func failOnReef(_ made: ReefContracts, _ lane: Network.Lane) async throws {
    say("The same again, for no less than 5000: the pool cannot, so nothing of it happens.")
    let held = try await balance("alice", harbor, harbor.feeDenom.text)
    let sent = try await execute(
      made.swap, swapThere(made, lane, least: 5_000, within: 300), funds: 1_000, from: "alice", on: harbor)
    let crossing = try await end(try key(sent, lane))
    show(crossing)
    check(crossing.ending == .refundedAfterError, "refused there: \(crossing.failure ?? "no reason")")
    let order = try await order(made.swap, sent, lane, until: ["failed"])
    let now = try await balance("alice", harbor, harbor.feeDenom.text)
    check(
      order["state"]?.string == "failed" && now == held - sent.fee,
      "the contract knows, and Alice has her 1000 back; only the fee of \(sent.fee) is gone")
  }

  /// Takes the block away that received a packet, before it is final.
  private mutating func reorganise(
    _ made: ReefContracts, _ lane: Network.Lane, _ reef: Network.Domain
  ) async throws {
    title("An EVM chain: a reorganisation")
    guard let chain = devnet.reef, devnet.network.isReefOwn else {
      say("   left out: only the devnet's own node can be told to reorganise.")
      return
    }
    say("Alice swaps once more; the block that received her packet is replaced by one without it.")
    let bought = TokenPath(made.token.description).adding(.transfer, lane.first.client)
    let before = try await balance("alice", harbor, bought.token)
    let sent = try await execute(
      made.swap, swapThere(made, lane, least: 900, within: 300), funds: 1_000, from: "alice", on: harbor)
    guard let sequence = Sequence(sent.sequence) else { throw Complaint("packets count from 1", code: 1) }
    let client = lane.second.client
    var first: ObservedTransaction?
    var depth: UInt64 = 0
    try await wait {
      first = try await devnet.reach(reef) { () async throws(AccessError) in
        try await chain.packetTransactions(.answered, client: client, sequence: sequence, limit: 1).first
      }
      guard let first else { return false }
      let head = try await devnet.reach(reef) { () async throws(AccessError) in try await chain.head() }
      depth = head.height >= first.height ? head.height - first.height + 1 : 1
      return true
    }
    guard let first else { return check(false, "the packet was received") }
    let control = try await devnet.reorganise(depth: depth, dropping: first.hash)
    say("   block \(first.height) and \(depth - 1) above it are gone; \(control)")
    let crossing = try await end(try key(sent, lane))
    show(crossing)
    let moved = crossing.executed.map { $0.transaction != first.hash || $0.height != first.height } ?? false
    check(crossing.ending == .success && moved, "the relayer noticed, and it was received again: block \(crossing.executed?.height ?? 0)")
    let order = try await order(made.swap, sent, lane, until: ["done"])
    let out = order["out"]?["amount"]?.string.flatMap { UInt64($0) } ?? 0
    try await wait { try await balance("alice", harbor, bought.token) == before + out }
    let holds = try await balance("alice", harbor, bought.token)
    check(
      out > 0 && holds == before + out,
      "executed once: Alice has \(out) RUSD more, not twice that")
  }

  // MARK: Sending

  private mutating func send(_ amount: UInt64, to receiver: String, over lane: Network.Lane) async throws -> PacketKey {
    let messages = CrossingMessages(devnet.network, lane: lane, from: harbor)
    let alice = try devnet.account("alice")
    let payload: Payload
    do {
      payload = try messages.transfer(
        UInt256(amount), of: TokenPath(harbor.feeDenom.text), from: alice, to: receiver)
    } catch { throw Complaint(SendText.text(error, harbor.name), code: 1) }
    do {
      let sent = try await messages.send(
        [payload], timeout: .seconds(600), as: try await sender("alice", harbor), at: alice,
        through: devnet.access(harbor))
      return PacketKey(LaneEnd(harbor.id, sent.packet.sourceClient), sent.packet.sequence)
    } catch let error as SendingError { throw Complaint(SendText.text(error, harbor.name), code: 1) }
  }

  private func swapThere(
    _ made: ReefContracts, _ lane: Network.Lane, least: UInt64, within seconds: UInt64
  ) async throws -> JSONValue {
    let deadline = try await now(harbor).adding(seconds: seconds)
    return [
      "swap_across": [
        "client": .string(lane.first.client.text), "token_in": .string(made.voucher.description),
        "token_out": .string(made.token.description), "min_out": .string(String(least)),
        "deadline": .number(String(deadline.seconds)),
      ]
    ]
  }
}
