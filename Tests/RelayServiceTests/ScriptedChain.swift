import ChainAccess
import Digests
import Encodings
import Foundation
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import RelayService
import Synchronization
import WireBytes

/// An EVM chain of the test's making: blocks come and go when the test says so, state roots and proofs are real, and the
/// router is ``ScriptedRouter``. It sends calls as well, each under hashes that change whenever it is in another block.
final class ScriptedChain: DomainAccess, EVMChainAccess, EVMCallSending {
  enum Work: Sendable {
    case send(Payload, timeout: UInt64)
    case call(EVMRouterCall)
  }

  struct Pending: Sendable {
    let id: Bytes32
    let work: Work
  }

  struct Block: Sendable {
    let height: UInt64
    let hash: Bytes32
    let parent: Bytes32
    let seconds: UInt64
    let router: ScriptedRouter
    let root: Bytes32
    let work: [Pending]
    let transactions: [ObservedTransaction]
  }

  struct Model: Sendable {
    var blocks: [Block] = []
    var pending: [Pending] = []
    var names: [Bytes32: Bytes32] = [:]
    var count: UInt64 = 0
    /// Changes every hash, so that blocks after a rollback are others.
    var fork: UInt64 = 0
    var placed = 0
    /// Calls that are not put into blocks.
    var holdsCalls = false
    var isPaused = false
    var isCapped = false
    var failures = 0
    var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
  }

  let domain: DomainID
  let depth: UInt64
  let address = Bytes20 { _ in 0xaa }
  let chainID: UInt64 = 31_337
  var commitmentLag: UInt64 { 0 }
  private let model: Mutex<Model>

  init(router: ScriptedRouter, depth: UInt64 = 4) throws {
    domain = try DomainID(ScriptedRouter.chain)
    self.depth = depth
    model = Mutex(Model())
    try model.withLock { model in
      model.blocks = [try Self.block(0, parent: Bytes32(), 1_700_000_000, router, [], [], 0)]
    }
    mine()
  }

  private static func block(
    _ height: UInt64, parent: Bytes32, _ seconds: UInt64, _ router: ScriptedRouter, _ work: [Pending],
    _ transactions: [ObservedTransaction], _ fork: UInt64
  ) throws(AccessError) -> Block {
    let root = try router.tries().state.root
    var preimage = parent.array + root.array
    preimage.append(bigEndian: height)
    preimage.append(bigEndian: fork)
    return Block(
      height: height, hash: Keccak256.hash(preimage), parent: parent, seconds: seconds, router: router, root: root,
      work: work, transactions: transactions)
  }

  // MARK: Making blocks

  /// Sends a packet with the next block.
  func send(_ payload: Payload, seconds: UInt64 = 600) {
    model.withLock { model in
      model.count += 1
      let timeout = max(Self.now, model.blocks.last?.seconds ?? 0) + seconds
      let id = Keccak256.hash([0] + UInt256(model.count).bigEndian.array)
      model.pending.append(Pending(id: id, work: .send(payload, timeout: timeout)))
    }
  }

  func set(_ change: (inout Model) -> Void) { model.withLock { change(&$0) } }

  /// The newest block.
  var newest: Block { model.withLock { $0.blocks[$0.blocks.count - 1] } }
  var placed: Int { model.withLock { $0.placed } }

  private static var now: UInt64 { UInt64(Date().timeIntervalSince1970) }

  @discardableResult
  func mine() -> UInt64 {
    let height = model.withLock { model in
      Self.mine(&model)
      return model.blocks[model.blocks.count - 1].height
    }
    return height
  }

  private static func mine(_ model: inout Model) {
    let last = model.blocks[model.blocks.count - 1]
    let seconds = max(last.seconds, now)
    var router = last.router
    router.isPaused = model.isPaused
    router.isCapped = model.isCapped
    var left: [Pending] = []
    var work: [Pending] = []
    var transactions: [ObservedTransaction] = []
    for item in model.pending {
      if case .call = item.work, model.holdsCalls {
        left.append(item)
        continue
      }
      var scope = ScriptedRouter.Scope(time: seconds)
      var attempt = router
      var log = ""
      do {
        switch item.work {
        case .send(let payload, let timeout): try attempt.send(payload, timeout: timeout, in: &scope)
        case .call(let call): try attempt.call(call, in: &scope)
        }
        router = attempt
      } catch {
        model.failures += 1
        log = "evm.reverted: \(error)"
      }
      let hash = Keccak256.hash(item.id.array + UInt256(model.fork &* 1_000_003 &+ last.height).bigEndian.array)
      model.names[hash] = item.id
      work.append(item)
      transactions.append(
        ObservedTransaction(
          hash: hash, height: last.height + 1,
          result: TransactionResult(
            code: log.isEmpty ? 0 : 1, codespace: log.isEmpty ? "" : "evm", payload: [], log: log,
            gasWanted: 100_000, gasUsed: 90_000, events: log.isEmpty ? scope.events : [])))
    }
    model.pending = left
    if let block = try? block(
      last.height + 1, parent: last.hash, seconds, router, work, transactions, model.fork)
    {
      model.blocks.append(block)
    }
  }

  enum Fate: Sendable {
    /// What was in the blocks waits again, in its order.
    case waits
    /// Packets that were sent are gone; relayers' calls wait again.
    case dropsPackets
    /// All that was in the blocks is gone.
    case drops
  }

  /// Takes back the newest `depth` blocks and makes `count` others.
  func reorganize(_ depth: Int, blocks count: Int? = nil, _ fate: Fate = .waits) {
    model.withLock { model in
      let depth = min(depth, model.blocks.count - 1)
      var back: [Pending] = []
      for block in model.blocks.suffix(depth) {
        for item in block.work {
          switch (item.work, fate) {
          case (_, .drops), (.send, .dropsPackets): continue
          default: back.append(item)
          }
        }
      }
      model.blocks.removeLast(depth)
      model.fork += 1
      let held = model.holdsCalls
      let pending = model.pending
      // The first of the new blocks are empty, so that what comes again comes at another height.
      model.pending = []
      for index in 0..<(count ?? depth + 1) {
        if index == 1 { model.pending = back + pending }
        Self.mine(&model)
      }
      if count ?? depth + 1 < 2 { model.pending = back + pending }
      model.holdsCalls = held
    }
  }

  // MARK: Reading

  private func block(at height: UInt64, _ model: borrowing Model) throws(AccessError) -> Block {
    guard height < UInt64(model.blocks.count) else { throw .heightUnknown(height) }
    return model.blocks[Int(height)]
  }

  private func read(_ height: UInt64) throws(AccessError) -> Block {
    let found = model.withLock { height < UInt64($0.blocks.count) ? $0.blocks[Int(height)] : nil }
    guard let found else { throw .heightUnknown(height) }
    return found
  }

  private static func time(_ seconds: UInt64) throws(AccessError) -> CometBFT.Timestamp {
    do { return try CometBFT.Timestamp(seconds: Int64(clamping: seconds)) } catch { throw .malformed }
  }

  func head() async throws(AccessError) -> ChainHead {
    let (latest, final) = model.withLock { model in
      let latest = model.blocks[model.blocks.count - 1]
      return (latest, model.blocks[Int(latest.height - min(latest.height, depth))])
    }
    return ChainHead(
      height: latest.height, time: try Self.time(latest.seconds), finalHeight: final.height,
      finalTime: try Self.time(final.seconds), revision: 0, hash: latest.hash)
  }

  func head(above height: UInt64, patience: Duration) async throws(AccessError) -> ChainHead {
    let head = try await head()
    if head.height <= height { try? await Task.sleep(for: .milliseconds(5)) }
    return head
  }

  func block(at height: UInt64) async throws(AccessError) -> ObservedBlock {
    let block = try read(height)
    return ObservedBlock(
      height: height, time: try Self.time(block.seconds), transactions: block.transactions, hash: block.hash,
      parent: height == 0 ? nil : block.parent)
  }

  func stateHeader(at height: UInt64) async throws(AccessError) -> StateHeader {
    let block = try read(height)
    return StateHeader(
      height: height, time: try Self.time(block.seconds), root: block.root, hash: block.hash,
      parent: height == 0 ? nil : block.parent)
  }

  func values(
    of keys: [[UInt8]], at version: UInt64, proven: Bool
  ) async throws(AccessError) -> [StateEntry] {
    let router = try read(version).router
    let tries = proven ? try router.tries() : nil
    return keys.map { key in
      let slot = Keccak256.hash(Keccak256.hash(key), PacketPath.evmStoreSlot)
      return StateEntry(
        key: key, value: router.slots[slot]?.array,
        proof: tries.map {
          .evmStorage(
            account: $0.state.proof(ScriptedRouter.router.array), storage: $0.storage.proof(slot.array))
        })
    }
  }

  func packets(
    _ kind: PacketPath.Kind, of client: ClientID, after last: Messages.Sequence?, limit: Int, at version: UInt64
  ) async throws(AccessError) -> [LedgerQueries.PacketEntry] {
    guard kind == .commitment else { return [] }
    let router = try read(version).router
    return router.open.sorted().filter { $0 > last?.rawValue ?? 0 }.prefix(limit).compactMap { number in
      Messages.Sequence(number).flatMap { sequence in
        router.slots[PacketPath(.commitment, client: client, sequence: sequence).evmSlot].map {
          LedgerQueries.PacketEntry(sequence: sequence, commitment: $0)
        }
      }
    }
  }

  func packetTransactions(
    _ step: PacketStep, client: ClientID, sequence: Messages.Sequence, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction] {
    let all = model.withLock { $0.blocks.flatMap(\.transactions) }
    let found = all.filter { transaction in
      transaction.result.events.contains {
        $0.type == step.rawValue && $0.value(step.clientAttribute) == client.text
          && $0.value("packet_sequence") == sequence.description
      }
    }
    return Array(found.reversed().prefix(limit))
  }

  func client(_ id: ClientID) async throws(AccessError) -> ClientView? {
    ClientView(id: id, latest: nil, status: .active, counterparty: id, policy: nil)
  }

  func transaction(_ hash: Bytes32) async throws(AccessError) -> ObservedTransaction? {
    model.withLock { $0.blocks.flatMap(\.transactions).first { $0.hash == hash } }
  }

  func signedHeader(at height: UInt64) async throws(AccessError) -> LightBlock { throw .notSupported }
  func account(_ address: AccountAddress) async throws(AccessError) -> AccountView? { throw .notSupported }
  func balances(of address: AccountAddress) async throws(AccessError) -> [Coin] { throw .notSupported }
  func supplies() async throws(AccessError) -> [Coin] { throw .notSupported }
  func submit(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32 { throw .notSupported }
  func transactions(
    matching query: String, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction] { throw .notSupported }

  // MARK: Calls

  private func attempt(_ call: EVMCall) -> ScriptedRouter.Revert? {
    let block = newest
    var scope = ScriptedRouter.Scope(time: max(block.seconds, Self.now))
    var router = block.router
    model.withLock { model in
      router.isPaused = model.isPaused
      router.isCapped = model.isCapped
    }
    guard let call = try? EVMRouterCall(decoding: call.input) else { return ScriptedRouter.Revert("Malformed()") }
    do throws(ScriptedRouter.Revert) { try router.call(call, in: &scope) } catch { return error }
    return nil
  }

  func estimateGas(_ call: EVMCall, from sender: Bytes20) async throws(AccessError) -> UInt64 {
    guard let revert = attempt(call) else { return 100_000 }
    throw .refused(code: EVMRevert(revert.bytes).code, codespace: "evm", number: 3, log: "")
  }

  func call(_ call: EVMCall, from sender: Bytes20?, at height: UInt64?) async throws(AccessError) -> EVMCallAnswer {
    attempt(call).map { .reverted(EVMRevert($0.bytes)) } ?? .returned([])
  }

  func place(_ call: EVMCall) async throws(EVMSendError) -> Bytes32 {
    guard let work = try? EVMRouterCall(decoding: call.input) else { throw .refused(code: "malformed", log: "") }
    return model.withLock { model in
      model.count += 1
      model.placed += 1
      let id = Keccak256.hash([1] + UInt256(model.count).bigEndian.array)
      model.pending.append(Pending(id: id, work: .call(work)))
      return id
    }
  }

  func call(landedAs hash: Bytes32) async -> Bytes32? { model.withLock { $0.names[hash] } }

  func transactionCount(of account: Bytes20, isPending: Bool) async throws(AccessError) -> UInt64 { 0 }
  func balance(of account: Bytes20) async throws(AccessError) -> UInt256 { .one }
  func feeHistory(blocks: Int, percentile: Int) async throws(AccessError) -> EVMFeeHistory {
    throw .notSupported
  }
  func offer(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32 { throw .notSupported }
  func receipt(of transaction: Bytes32) async throws(AccessError) -> EVMReceipt? { nil }
  func knows(_ transaction: Bytes32) async throws(AccessError) -> Bool { false }
}
