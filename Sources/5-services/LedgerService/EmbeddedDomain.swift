import Encodings
import Foundation
public import Ledger
public import LightClients
import Messages
public import PacketHost
public import Persistence
public import StateTree
import WireBytes

/// How much of its past a domain keeps.
public struct Retention: Hashable, Sendable {
  /// Versions of the state that can still be read and proven.
  public let states: Int64
  /// Blocks with their results and events; nil keeps all.
  public let blocks: Int64?
  /// Blocks between two prunings.
  public let interval: Int64

  /// - Parameter states: at least 2: a relayer reads the state that the newest header proves.
  public init(states: Int64 = 10_000, blocks: Int64? = nil, interval: Int64 = 100) {
    self.states = max(2, states)
    self.blocks = blocks.map { max(2, $0) }
    self.interval = max(1, interval)
  }
}

/// Why a domain does not go on.
public enum DomainError: Error, Hashable, Sendable {
  case directory
  case database(DatabaseFileError)
  case tree(StateStoreError)
  case blocks(BlockStoreError)
  case chain(ChainError)
  case block(BlockError)
  /// The directory belongs to a domain that began in another way.
  case otherGenesis
  /// No votes came; the same block will be tried again.
  case votes(VoteSigningError)
  /// Another block is being made.
  case busy
  /// A write failed half-way: what is in memory may be behind the disk. Open the directory again.
  case halted
  case subscriberCount(max: Int)
}

/// An embedded domain that lives in a directory: one SQLite file, one writer.
///
/// A block is made so that a process that is killed at any moment leaves the last whole block, and never a
/// second one at a height: the block is written down, then its votes are asked for, then votes, state, results,
/// index and tip are written in one transaction. After a crash between the two the votes are asked for again,
/// over the block that stands.
public actor EmbeddedDomain {
  public static let fileName = "ledger.sqlite"
  public static let subscribersMax = 256

  /// What was decided; read it without waiting for the domain.
  public nonisolated let blocks: BlockStore
  public nonisolated let genesis: Genesis
  /// The state at every version that is kept; read it without waiting for the domain.
  public nonisolated let states: StateTree<SQLiteStateStore>
  /// The newest block, for those who wait for the next one.
  nonisolated let heads: HeadWatch
  private let signer: any VoteSigning
  private let retention: Retention
  private var chain: LedgerChain<SQLiteStateStore>
  /// Written down, and not yet decided.
  private var pending: Pending?
  private var isProducing = false
  /// A write failed half-way, or has not returned yet.
  private var isHalted = false
  /// The app hash that the newest header has: when the tip's differs, a block is needed to prove the state.
  private var provenAppHash: Bytes32?
  private var subscribers: [UInt64: AsyncStream<CommittedBlock>.Continuation] = [:]
  private var subscriberNext: UInt64 = 0

  /// Opens the domain in `directory`, which is made when it does not exist, and brings it to its last decided
  /// block.
  ///
  /// A block that was written down without votes stays: the first ``produceBlock(now:)`` asks for them again.
  public init(
    directory: String, genesis: Genesis, host: PacketHost, programs: LedgerPrograms = .standard,
    signer: any VoteSigning, retention: Retention = Retention()
  ) throws(DomainError) {
    do {
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch { throw .directory }
    let database: DatabaseFile
    do {
      database = try DatabaseFile(
        path: directory + "/" + Self.fileName, migrations: SQLiteStateStore.migrations + BlockStore.migrations
      )
    } catch { throw .database(error) }
    let store: SQLiteStateStore
    do { store = try SQLiteStateStore(database: database) } catch { throw .tree(error) }
    let blocks = BlockStore(database: database)
    let document = [UInt8](genesis.json.text().utf8)
    var chain: LedgerChain<SQLiteStateStore>
    var pending: Pending?
    do {
      if let (known, tip) = try blocks.tip() {
        guard known == document else { throw DomainError.otherGenesis }
        chain = try LedgerChain(resuming: tip, genesis: genesis, host: host, programs: programs, store: store)
      } else {
        chain = try LedgerChain(genesis: genesis, host: host, programs: programs, store: store)
        try blocks.begin(genesis: document, tip: chain.tip)
      }
      while let stored = try blocks.block(at: chain.tip.height + 1) {
        guard let commit = stored.commit else {
          pending = Pending(
            block: stored.block, voteTime: try blocks.voteTime(at: stored.block.header.height))
          break
        }
        try blocks.finish(try chain.replay(stored.block, commit: commit))
      }
      provenAppHash = try blocks.block(at: chain.tip.height).flatMap { try? Bytes32($0.block.header.appHash) }
    } catch let error as BlockStoreError {
      throw .blocks(error)
    } catch let error as ChainError {
      throw .chain(error)
    } catch let error as DomainError {
      throw error
    } catch { throw .halted }
    self.genesis = genesis
    self.blocks = blocks
    states = StateTree(store: store)
    heads = HeadWatch(chainID: genesis.rules.chainID, tip: chain.tip)
    self.signer = signer
    self.retention = retention
    self.chain = chain
    self.pending = pending
  }

  // MARK: Blocks

  /// Makes the next block of what waits in the mempool.
  ///
  /// - Parameter now: the time of the votes, and so the next block's.
  @discardableResult
  public func produceBlock(now: CometBFT.Timestamp) async throws(DomainError) -> CommittedBlock {
    guard !isHalted else { throw .halted }
    guard !isProducing else { throw .busy }
    isProducing = true
    defer { isProducing = false }
    let proposal = try proposal(at: now)
    let block = proposal.block
    let requests: [VoteRequest]
    do {
      requests = try block.voteRequests(chain.tip, rules: chain.rules, now: proposal.voteTime ?? now)
    } catch {
      throw .block(error)
    }
    let votes: [CometBFT.CommitVote]
    do { votes = try await signer.votes(for: requests) } catch { throw .votes(error) }
    let commit: CometBFT.Commit
    do { commit = try block.commit(votes, tip: chain.tip, rules: chain.rules) } catch { throw .block(error) }
    let outcome: BlockOutcome
    do { outcome = try chain.execute(block) } catch { throw .chain(error) }
    // From here on the disk may be ahead of memory: a failure stops the domain until it is opened again.
    isHalted = true
    defer { if isHalted { heads.halt() } }
    let committed: CommittedBlock
    // Votes, state, results and index reach the disk together: nobody has seen the votes yet, and after a crash
    // they are asked for again, over the same block.
    do {
      committed = try blocks.together {
        try blocks.decide(commit)
        let committed = try chain.commit(block, votes: votes, outcome: outcome)
        try blocks.finish(committed)
        return committed
      }
    } catch let error as BlockStoreError {
      throw .blocks(error)
    } catch let error as ChainError {
      throw .chain(error)
    } catch { throw .halted }
    isHalted = false
    pending = nil
    provenAppHash = try? Bytes32(block.header.appHash)
    announce(committed)
    try prune()
    return committed
  }

  /// The block that stands at the next height already, or a new one, on disk before it is voted for.
  private func proposal(at now: CometBFT.Timestamp) throws(DomainError) -> Pending {
    if let pending { return pending }
    let block: ProposedBlock
    do { block = try chain.propose() } catch { throw .block(error) }
    do {
      try blocks.propose(block, votedAt: now, validators: chain.tip.validators)
    } catch { throw .blocks(error) }
    let proposal = Pending(block: block, voteTime: now)
    pending = proposal
    return proposal
  }

  /// A block that is on disk and not decided. It is asked about again, as it was, until it is.
  private struct Pending {
    let block: ProposedBlock
    /// Nil in a file of an older form.
    let voteTime: CometBFT.Timestamp?
  }

  private func prune() throws(DomainError) {
    let height = chain.tip.height
    guard height % retention.interval == 0 else { return }
    let state = height - retention.states + 1
    if state > 0 {
      do { try chain.prune(keepingFrom: UInt64(state)) } catch { throw .chain(error) }
    }
    if let kept = retention.blocks, height - kept + 1 > 1 {
      do { try blocks.prune(below: height - kept + 1) } catch { throw .blocks(error) }
    }
  }

  /// Whether a block has something to do: transactions that wait, a block that waits, or a state without a
  /// header that proves it.
  public var wantsBlock: Bool {
    pending != nil || chain.mempool.count > 0 || provenAppHash != chain.tip.appHash
  }

  /// Makes blocks until the task is cancelled or the domain halts.
  ///
  /// - Parameters:
  ///   - interval: the least time between two blocks.
  ///   - idle: the time after which a block is made although nothing waits.
  public func run(every interval: Duration, idle: Duration = .seconds(10)) async throws(DomainError) {
    let clock = ContinuousClock()
    var last = clock.now
    while !Task.isCancelled {
      do { try await Task.sleep(for: interval) } catch { return }
      guard wantsBlock || clock.now - last >= idle else { continue }
      do { try await produceBlock(now: Self.wallClock()) } catch {
        switch error {
        // The same block is tried again at the next turn.
        case .votes, .busy: continue
        default: throw error
        }
      }
      last = clock.now
    }
  }

  /// The machine's clock, cut to milliseconds.
  public static func wallClock() -> CometBFT.Timestamp {
    let milliseconds = Int64(Date().timeIntervalSince1970 * 1_000)
    let time = try? CometBFT.Timestamp(
      seconds: milliseconds / 1_000, nanoseconds: Int32(milliseconds % 1_000) * 1_000_000)
    return time ?? .goZero
  }

  // MARK: Reading

  public var tip: ChainTip { chain.tip }
  public var rules: LedgerRules { chain.rules }
  public var mempool: Mempool { chain.mempool }
  /// The state after the newest block, as a value that later blocks do not change.
  public var state: TreeState<SQLiteStateStore> { chain.state }
  public var queries: LedgerQueries { LedgerQueries(chain.state) }

  /// Answers a query of the state; see `LedgerChain.query`.
  public func query(
    path: String, request: [UInt8], at height: UInt64? = nil, prove: Bool = false
  ) throws(QueryRefusal) -> ABCIAnswer {
    try chain.query(path: path, request: request, at: height, prove: prove)
  }

  /// The set that signs the block at `height`: known up to one above the newest; nil beyond, and below what
  /// is kept.
  public func validators(at height: Int64) throws(BlockStoreError) -> CometBFT.ValidatorSet? {
    if height == chain.tip.height + 1 { return chain.tip.validators }
    return try blocks.block(at: height)?.validators
  }

  // MARK: Transactions

  /// Checks a transaction and lets it wait for a block.
  @discardableResult
  public func submit(_ bytes: [UInt8]) throws(CheckFailure) -> Transaction {
    // Before the sequence is looked at, which a repeat has used already.
    guard !chain.mempool.contains(Transaction.hash(of: bytes)) else { throw .refused(.known) }
    return try chain.submit(bytes)
  }

  /// Number and next sequence of an account, with what waits; nil when it has never received anything.
  func account(_ address: AccountAddress) throws(StateFailure) -> Account? {
    guard var account = try queries.account(address) else { return nil }
    if let next = chain.mempool.nextSequence(of: address) { account.sequence = next }
    return account
  }

  // MARK: Subscribers

  /// Blocks from now on. A reader that falls `buffer` blocks behind is cut off: its sequence ends, and it
  /// reads the rest from ``blocks``.
  public func committedBlocks(buffer: Int = 64) throws(DomainError) -> AsyncStream<CommittedBlock> {
    guard subscribers.count < Self.subscribersMax else { throw .subscriberCount(max: Self.subscribersMax) }
    let (stream, continuation) = AsyncStream.makeStream(
      of: CommittedBlock.self, bufferingPolicy: .bufferingOldest(max(1, buffer)))
    let id = subscriberNext
    subscriberNext += 1
    subscribers[id] = continuation
    continuation.onTermination = { [weak self] _ in
      guard let self else { return }
      Task { await self.forget(id) }
    }
    return stream
  }

  private func forget(_ id: UInt64) { subscribers[id] = nil }

  private func announce(_ committed: CommittedBlock) {
    heads.advance(committed)
    for id in subscribers.keys.sorted() {
      if case .dropped = subscribers[id]?.yield(committed) { subscribers[id]?.finish() }
    }
  }
}
