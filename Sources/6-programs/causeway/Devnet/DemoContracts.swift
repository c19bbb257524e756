import ChainAccess
import ContractHost
import Contracts
import Devnet
import Encodings
import Ledger
import Messages
import PacketHost
import RelayEngine
import Transactions
import WireBytes

/// The demo's contracts: pools in both domains, and what swaps over a lane.
struct DemoContracts {
  /// Where the built contracts lie.
  let directory: String
  fileprivate(set) var islandPool: AccountAddress?
  fileprivate(set) var harborPool: AccountAddress?
  fileprivate(set) var islandSwap: AccountAddress?
  fileprivate(set) var harborSwap: AccountAddress?
  fileprivate(set) var splitter: AccountAddress?

  init(directory: String) { self.directory = directory }

  static let names = ["pool", "swap", "splitter"]

  /// Nil when a contract is not there.
  func wasm(_ name: String) -> [UInt8]? { try? Terminal.read("\(directory)/\(name).wasm") }
}

// Their scenes.
extension DemoStory {
  /// How many units each side of a pool begins with.
  private static let liquidity: UInt64 = 100_000

  mutating func swapsAcross(_ contracts: inout DemoContracts) async throws {
    title("Contracts: a swap in another domain")
    say("Pools and the contracts that swap over lanes are stored and made: ordinary transactions, CosmWasm code.")
    try await makeContracts(&contracts)
    guard let pool = contracts.islandPool, let swap = contracts.harborSwap else { return }
    let lane = try devnet.lane(.attested)
    let home = TokenPath(island.feeDenom.text).adding(.transfer, lane.first.client)
    let before = try await balance("alice", harbor, home.token)
    say("Alice gives 1000 uharbor to harbor's swap: they cross, are swapped in island's pool, and the output comes home.")
    let sent = try await execute(
      swap, swapAcross(lane, pool, least: 1, within: 120), funds: 1_000, from: "alice", on: harbor)
    let crossing = try await end(try key(sent, lane))
    show(crossing)
    check(crossing.ending == .success, "executed on island, and harbor's contract was told")
    let order = try await order(swap, sent, lane, until: ["done"])
    let out = order["out"]?["amount"]?.string.flatMap { UInt64($0) } ?? 0
    check(order["state"]?.string == "done" && out > 900 && out < 1_000, "its order is done: \(out) uisland came out")
    try await wait { try await balance("alice", harbor, home.token) == before + out }
    check(try await balance("alice", harbor, home.token) == before + out, "they are Alice's, at home: \(out) \(home.text)")

    say("The same again, for no less than 5000: the pool cannot, so nothing of it happens.")
    let held = try await balance("alice", harbor, harbor.feeDenom.text)
    let failing = try await execute(
      swap, swapAcross(lane, pool, least: 5_000, within: 120), funds: 1_000, from: "alice", on: harbor)
    let refused = try await end(try key(failing, lane))
    show(refused)
    check(refused.ending == .refundedAfterError, "refused on island: \(refused.failure ?? "no reason")")
    let failed = try await self.order(swap, failing, lane, until: ["failed"])
    let now = try await balance("alice", harbor, harbor.feeDenom.text)
    check(
      failed["state"]?.string == "failed" && now == held - failing.fee,
      "the contract knows, and Alice has her 1000 back; only the fee of \(failing.fee) is gone")

    say("And once more while the lane is paused, with 3 seconds to live.")
    try await devnet.tell(DevnetCommand(.pause, lane: .attested))
    let again = try await balance("alice", harbor, harbor.feeDenom.text)
    let late = try await execute(
      swap, swapAcross(lane, pool, least: 1, within: 3), funds: 1_000, from: "alice", on: harbor)
    try await wait(until: try await self.now(harbor).adding(seconds: 4))
    try await devnet.tell(DevnetCommand(.resume, lane: .attested))
    let timedOut = try await end(try key(late, lane))
    show(timedOut)
    check(timedOut.ending == .refundedAfterTimeout, "timed out: island has proven that it never received it")
    let state = try await self.order(swap, late, lane, until: ["timed_out"])["state"]?.string
    let left = try await balance("alice", harbor, harbor.feeDenom.text)
    check(state == "timed_out" && left == again - late.fee, "Alice has her 1000 back")
  }

  mutating func splitOrder(_ contracts: DemoContracts) async throws {
    title("Contracts: one order, two domains")
    guard let far = contracts.islandPool, let near = contracts.harborPool, let splitter = contracts.splitter else {
      return check(false, "the contracts are there")
    }
    let lane = try devnet.lane(.attested)
    let home = TokenPath(island.feeDenom.text).adding(.transfer, lane.first.client)
    let before = try await balance("alice", harbor, home.token)
    say("Alice splits 1000 uharbor: half is swapped in harbor's pool, half in island's; one result when both are known.")
    let sent = try await execute(
      splitter, fill(lane, near, far, least: 900), funds: 1_000, from: "alice", on: harbor)
    let crossing = try await end(try key(sent, lane))
    show(crossing)
    let order = try await order(splitter, sent, lane, until: ["filled", "partial"])
    let amounts = ["local_out", "across_out"].map { order[$0]?["amount"]?.string.flatMap { UInt64($0) } ?? 0 }
    check(
      order["state"]?.string == "filled", "filled: \(amounts[0]) from harbor's pool, \(amounts[1]) from island's")
    let sum = amounts[0] + amounts[1]
    try await wait { try await balance("alice", harbor, home.token) == before + sum }
    check(try await balance("alice", harbor, home.token) == before + sum, "Alice holds \(sum) more \(home.text)")

    say("Now the far half must bring more than it can: that half comes back, the near half is paid out.")
    let held = try await balance("alice", harbor, harbor.feeDenom.text)
    let bought = try await balance("alice", harbor, home.token)
    let part = try await execute(
      splitter, fill(lane, near, far, least: 980), funds: 1_000, from: "alice", on: harbor)
    let refused = try await end(try key(part, lane))
    show(refused)
    check(refused.ending == .refundedAfterError, "refused on island: \(refused.failure ?? "no reason")")
    let settled = try await self.order(splitter, part, lane, until: ["filled", "partial"])
    let got = settled["local_out"]?["amount"]?.string.flatMap { UInt64($0) } ?? 0
    let now = try await balance("alice", harbor, harbor.feeDenom.text)
    let holds = try await balance("alice", harbor, home.token)
    check(
      settled["state"]?.string == "partial" && now == held - part.fee - 500 && holds == bought + got,
      "partial: Alice has \(got) for one half, and the 500 of the other back")
  }

  /// Whether they are built, and the domains run any.
  func runs(_ contracts: DemoContracts) async throws -> Bool {
    guard DemoContracts.names.allSatisfy({ contracts.wasm($0) != nil }) else { return false }
    let query = ContractQuery.codes(.first)
    for domain in [harbor, island] {
      let access = try devnet.ledger(domain)
      do { _ = try await access.answer(to: query.path, query.request) } catch {
        // A domain without contracts does not know the question.
        if case .endpoint = error { return false }
        throw Complaint(DevnetText.text(error, domain.name), code: 3)
      }
    }
    return true
  }

  // MARK: Making them

  private mutating func makeContracts(_ contracts: inout DemoContracts) async throws {
    let lane = try devnet.lane(.attested)
    let there = TokenPath(harbor.feeDenom.text).adding(.transfer, lane.second.client)
    let here = TokenPath(island.feeDenom.text).adding(.transfer, lane.first.client)
    let amount = Self.liquidity
    let out = try await transfer(
      amount, from: "alice", to: "bob", on: harbor, path: TokenPath(harbor.feeDenom.text))
    let back = try await transfer(
      amount, from: "bob", to: "bob", on: island, path: TokenPath(island.feeDenom.text))
    check(out.ending == .success && back.ending == .success, "Bob has both domains' tokens in both")
    contracts.islandPool = try await makePool(contracts, island.feeDenom.text, there.token, on: island)
    contracts.harborPool = try await makePool(contracts, harbor.feeDenom.text, here.token, on: harbor)
    let islandSwap = try await make(contracts, "swap", [:], on: island)
    let route: JSONValue = [
      "client": .string(lane.first.client.text), "domain": .string(island.id.text),
      "destination_client": .string(lane.second.client.text), "contract": .string(islandSwap.text),
    ]
    contracts.islandSwap = islandSwap
    contracts.harborSwap = try await make(contracts, "swap", ["routes": [route]], on: harbor)
    contracts.splitter = try await make(contracts, "splitter", ["routes": [route]], on: harbor)
    check(true, "two pools of \(amount) each, swap and splitter: `causeway contract list` shows them")
  }

  private mutating func makePool(
    _ contracts: DemoContracts, _ own: String, _ voucher: String, on domain: Network.Domain
  ) async throws -> AccountAddress {
    let pool = try await make(
      contracts, "pool", ["assets": [["native": .string(own)], ["native": .string(voucher)]]], on: domain)
    let amount = JSONValue.string(String(Self.liquidity))
    let coins = try [own, voucher].map { Coin(UInt256(Self.liquidity), try Denom($0)) }
    let message: JSONValue = ["add_liquidity": ["amounts": [amount, amount]]]
    _ = try await wasm(
      .execute(
        sender: try devnet.account("bob"), contract: pool, message: [UInt8](message.text().utf8),
        funds: coins.sorted { $0.denom < $1.denom }), from: "bob", on: domain)
    return pool
  }

  mutating func make(
    _ contracts: DemoContracts, _ name: String, _ message: JSONValue, on domain: Network.Domain
  ) async throws -> AccountAddress {
    guard let code = contracts.wasm(name) else { throw Complaint("\(name).wasm is gone from \(contracts.directory)") }
    let carol = try devnet.account("carol")
    let stored = try await wasm(.storeCode(sender: carol, code: code, permission: nil), from: "carol", on: domain)
    guard case .storeCode(let id, _) = stored.answer else { throw ContractReceipt.unexpected }
    let made = try await wasm(
      .instantiate(
        sender: carol, admin: nil, codeID: id, label: "\(domain.name)-\(name)",
        message: [UInt8](message.text().utf8), funds: []), from: "carol", on: domain)
    guard case .instantiate(let address, _) = made.answer else { throw ContractReceipt.unexpected }
    return address
  }

  // MARK: Calling them

  struct SentOrder {
    let sequence: UInt64
    let fee: UInt64
  }

  private func swapAcross(
    _ lane: Network.Lane, _ pool: AccountAddress, least: UInt64, within seconds: UInt64
  ) async throws -> JSONValue {
    let deadline = try await now(harbor).adding(seconds: seconds)
    return [
      "swap_across": [
        "client": .string(lane.first.client.text), "pool": .string(pool.text), "min_out": .string(String(least)),
        "deadline": .number(String(deadline.seconds)),
      ]
    ]
  }

  private func fill(
    _ lane: Network.Lane, _ near: AccountAddress, _ far: AccountAddress, least: UInt64
  ) async throws -> JSONValue {
    let deadline = try await now(harbor).adding(seconds: 120)
    return [
      "fill": [
        "local": ["pool": .string(near.text), "amount": "500"],
        "across": ["client": .string(lane.first.client.text), "pool": .string(far.text)],
        "min_out": .string(String(least)), "deadline": .number(String(deadline.seconds)),
      ]
    ]
  }

  mutating func execute(
    _ contract: AccountAddress, _ message: JSONValue, funds: UInt64, from user: String, on domain: Network.Domain
  ) async throws -> SentOrder {
    let receipt = try await wasm(
      .execute(
        sender: try devnet.account(user), contract: contract, message: [UInt8](message.text().utf8),
        funds: [Coin(UInt256(funds), domain.feeDenom)]), from: user, on: domain)
    guard case .executed(let result) = receipt.answer,
      let sequence = (try? JSONValue(decoding: result))?["sequence"]?.integer(UInt64.self)
    else { throw Complaint("the contract did not say which packet it sent", code: 1) }
    return SentOrder(sequence: sequence, fee: Self.fee(receipt.transaction.result, domain))
  }

  func key(_ sent: SentOrder, _ lane: Network.Lane) throws -> PacketKey {
    guard let sequence = Sequence(sent.sequence) else { throw Complaint("packets count from 1", code: 1) }
    return PacketKey(LaneEnd(harbor.id, lane.first.client), sequence)
  }

  /// What the contract knows of an order, once it is in one of `states`, or after some seconds.
  func order(
    _ contract: AccountAddress, _ sent: SentOrder, _ lane: Network.Lane, until states: Set<String>
  ) async throws -> JSONValue {
    let question: JSONValue = [
      "order": ["client": .string(lane.first.client.text), "sequence": .number(String(sent.sequence))]
    ]
    let query = ContractQuery.smartContractState(contract, message: [UInt8](question.text().utf8))
    let access = devnet.harbor
    var answer = JSONValue.null
    try await wait {
      let bytes = try await devnet.reach(harbor) { () async throws(AccessError) in
        try await access.answer(to: query.path, query.request)
      }
      answer = bytes.flatMap { try? ContractAnswers.bytes($0) }.flatMap { try? JSONValue(decoding: $0) } ?? .null
      return answer["state"]?.string.map(states.contains) ?? false
    }
    return answer
  }

  private mutating func wasm(
    _ message: WasmMessage, from user: String, on domain: Network.Domain
  ) async throws -> ContractReceipt {
    let gas: UInt64 = if case .storeCode(_, let code, _) = message { 1_000_000 + 60 * UInt64(code.count) } else { 6_000_000 }
    let sent: ObservedTransaction
    do { sent = try await sender(user, domain).send([message.ledgerMessage], gasLimit: gas) } catch let error as SendError {
      guard case .failed(let transaction) = error else {
        throw Complaint("\(domain.name) did not take the transaction: \(error.code)", code: 1)
      }
      throw Complaint("\(domain.name) refused \(message.typeURL): \(transaction.result.log)", code: 1)
    }
    guard let answer = try? TransactionAnswers(decoding: sent.result.payload).answers.first.map(WasmAnswer.init(decoding:))
    else { throw ContractReceipt.unexpected }
    return ContractReceipt(answer: answer, transaction: sent)
  }

  /// Waits until it is so, or for twenty seconds: the check that follows says which.
  func wait(_ isSo: () async throws -> Bool) async throws {
    let end = ContinuousClock().now + .seconds(20)
    while try await !isSo(), ContinuousClock().now < end { try await Task.sleep(for: .milliseconds(100)) }
  }
}
