public import LightClients
import Messages
public import PacketHost
public import StateTree
public import WireBytes

/// Why a chain cannot go on.
public enum ChainError: Error, Hashable, Sendable {
  case block(BlockError)
  /// The committed state cannot be read: nothing was decided.
  case state(StateFailure)
  case tree(StateTreeError)
  /// The tree holds versions that no block of this chain made.
  case treeNotEmpty(newest: UInt64)
  /// The tree's root at the tip is not the one that the tip states.
  case appHash(expected: Bytes32, actual: Bytes32)
  /// The genesis says whether there are contracts, and the programs say otherwise.
  case contracts(expected: Bool)
  /// The genesis names these modules, in this order, and the programs have others.
  case modules(expected: [String])
}

/// A block that was decided, and what it did.
public struct CommittedBlock: Hashable, Sendable {
  public let block: ProposedBlock
  public let commit: CometBFT.Commit
  public let outcome: BlockOutcome
  /// The tip after it: its app hash stands in the next header.
  public let tip: ChainTip
}

/// An embedded domain as a value: its rules, its committed state, its newest block, and what waits.
///
/// A block is made in four steps, so that whoever drives it can write to disk between them: ``propose()``,
/// votes over ``ProposedBlock/voteRequests(_:rules:now:choice:)``, ``execute(_:)``,
/// ``commit(_:votes:outcome:)``. A driver writes the block down before it asks for votes, and the votes before
/// the state or together with it; after a crash ``replay(_:commit:)`` brings a state that is behind to the
/// block.
///
/// The state after block h is version h of the tree, and its root stands in header h + 1.
public struct LedgerChain<Store: StateStore>: Sendable {
  public let genesis: Genesis
  public let execution: LedgerExecution
  public private(set) var tree: StateTree<Store>
  public private(set) var tip: ChainTip
  public private(set) var mempool = Mempool()

  /// Begins a chain in an empty store, or in one that holds nothing but its genesis.
  public init(
    genesis: Genesis, host: PacketHost, programs: LedgerPrograms = .standard, store: Store
  ) throws(ChainError) {
    try Self.check(programs, for: genesis)
    var tree = StateTree(store: store)
    do {
      if let versions = try tree.versions() {
        guard versions.newest == 0 else { throw ChainError.treeNotEmpty(newest: versions.newest) }
      } else {
        try tree.commit(
          version: 0, changes: genesis.state().map { StateChange(key: $0.key, value: $0.value) })
      }
      tip = genesis.tip(root: try tree.root(at: 0))
    } catch let error as StateTreeError {
      throw .tree(error)
    } catch let error as ChainError {
      throw error
    } catch { throw .state(.unreadable) }
    self.genesis = genesis
    self.tree = tree
    execution = LedgerExecution(rules: genesis.rules, host: host, programs: programs)
  }

  /// Goes on from a tip that was written down, over the tree that belongs to it.
  public init(
    resuming tip: ChainTip, genesis: Genesis, host: PacketHost, programs: LedgerPrograms = .standard,
    store: Store
  ) throws(ChainError) {
    try Self.check(programs, for: genesis)
    let tree = StateTree(store: store)
    let root: Bytes32
    do { root = try tree.root(at: UInt64(tip.height)) } catch { throw .tree(error) }
    guard root == tip.appHash else { throw .appHash(expected: tip.appHash, actual: root) }
    self.genesis = genesis
    self.tree = tree
    self.tip = tip
    execution = LedgerExecution(rules: genesis.rules, host: host, programs: programs)
  }

  /// A domain that lost its contracts or a module, or gained some, would give other results than before.
  private static func check(_ programs: LedgerPrograms, for genesis: Genesis) throws(ChainError) {
    guard (programs.contracts != nil) == genesis.rules.hasContracts else {
      throw .contracts(expected: genesis.rules.hasContracts)
    }
    guard programs.modules.map(\.name) == genesis.rules.modules else {
      throw .modules(expected: genesis.rules.modules)
    }
  }

  public var rules: LedgerRules { genesis.rules }

  /// The state after the newest block.
  public var state: TreeState<Store> { TreeState(tree: tree, version: UInt64(tip.height)) }

  /// What the next block's transactions are checked against.
  private var nextMoment: BlockMoment {
    BlockMoment(height: UInt64(tip.height) + 1, time: UnixTime(seconds: UInt64(tip.time.seconds)))
  }

  /// Checks a transaction and lets it wait for a block.
  public mutating func submit(_ bytes: [UInt8]) throws(CheckFailure) -> Transaction {
    let checked = try execution.check(bytes, at: nextMoment, on: state) { mempool.nextSequence(of: $0) }
    do { try mempool.add(checked.transaction, bytes: bytes, checked: checked) } catch {
      throw .refused(error)
    }
    return checked.transaction
  }

  /// The next block, with what waits and fits.
  public func propose() throws(BlockError) -> ProposedBlock {
    try ProposedBlock(after: tip, transactions: mempool.selection(rules: rules), rules: rules)
  }

  /// The next block, with `transactions`.
  public func propose(_ transactions: [[UInt8]]) throws(BlockError) -> ProposedBlock {
    try ProposedBlock(after: tip, transactions: transactions, rules: rules)
  }

  /// What the next block would do; changes nothing.
  public func execute(_ block: ProposedBlock) throws(ChainError) -> BlockOutcome {
    let height = UInt64(clamping: block.header.height)
    guard block.header.height == tip.height + 1, block.header.lastBlockID == tip.blockID else {
      throw .block(.notNext(height: block.header.height))
    }
    let moment = BlockMoment(
      height: height, time: UnixTime(seconds: UInt64(clamping: block.header.time.seconds)))
    let previous = block.header.lastBlockID.hash.map { PreviousBlock(height: height - 1, hash: $0) }
    do {
      return try execution.execute(block.transactions, at: moment, after: previous, on: state) {
        mempool.checked($0)
      }
    } catch { throw .state(error) }
  }

  /// Decides the block by its votes, and commits what it did.
  ///
  /// - Throws: ``ChainError``; nothing has changed then.
  @discardableResult
  public mutating func commit(
    _ block: ProposedBlock, votes: [CometBFT.CommitVote], outcome: BlockOutcome
  ) throws(ChainError) -> CommittedBlock {
    let commit: CometBFT.Commit
    do { commit = try block.commit(votes, tip: tip, rules: rules) } catch { throw .block(error) }
    return try apply(block, commit: commit, outcome: outcome)
  }

  /// Repeats a block that was decided before: after a restart, or from genesis on another machine.
  ///
  /// The block must be exactly the one that follows the tip; its execution gives the same state on every
  /// machine. A tree that was committed before the crash already, and not the tip, is taken as it is.
  @discardableResult
  public mutating func replay(
    _ block: ProposedBlock, commit: CometBFT.Commit
  ) throws(ChainError) -> CommittedBlock {
    do {
      guard try ProposedBlock(after: tip, transactions: block.transactions, rules: rules) == block else {
        throw BlockError.notNext(height: block.header.height)
      }
      try block.check(commit, tip: tip, rules: rules)
    } catch let error as BlockError {
      throw .block(error)
    } catch { throw .state(.unreadable) }
    return try apply(block, commit: commit, outcome: try execute(block))
  }

  private mutating func apply(
    _ block: ProposedBlock, commit: CometBFT.Commit, outcome: BlockOutcome
  ) throws(ChainError) -> CommittedBlock {
    let version = UInt64(clamping: block.header.height)
    let next: ChainTip
    do {
      let root: Bytes32
      if try tree.versions()?.newest == version {
        root = try tree.root(at: version)
      } else {
        root = try tree.commit(
          version: version, changes: outcome.changes.map { StateChange(key: $0.key, value: $0.value) })
      }
      next = try block.tip(after: tip, commit: commit, appHash: root, results: outcome.results)
    } catch let error as StateTreeError {
      throw .tree(error)
    } catch let error as BlockError {
      throw .block(error)
    } catch { throw .state(.unreadable) }
    tip = next
    forget(block, outcome)
    return CommittedBlock(block: block, commit: commit, outcome: outcome, tip: next)
  }

  /// Takes the block's transactions, and those that they stranded, out of the mempool.
  private mutating func forget(_ block: ProposedBlock, _ outcome: BlockOutcome) {
    let uncounted = Set(outcome.uncounted)
    var counted: [Bytes32] = []
    var refused: [Transaction] = []
    for (index, bytes) in block.transactions.enumerated() {
      if uncounted.contains(index) {
        if let transaction = try? Transaction(decoding: bytes) { refused.append(transaction) }
      } else {
        counted.append(Transaction.hash(of: bytes))
      }
    }
    mempool.remove(counted, refused: refused)
  }

  /// Forgets versions of the state before `version`, and what only they used.
  public mutating func prune(keepingFrom version: UInt64) throws(ChainError) {
    do { try tree.prune(keepingFrom: version) } catch { throw .tree(error) }
  }
}

/// A version of a tree as committed state.
public struct TreeState<Store: StateStore>: StateReading {
  public let tree: StateTree<Store>
  public let version: UInt64

  public init(tree: StateTree<Store>, version: UInt64) {
    self.tree = tree
    self.version = version
  }

  public func value(for key: [UInt8]) throws(StateFailure) -> [UInt8]? {
    do { return try tree.value(of: key, at: version) } catch { throw .unreadable }
  }

  public func entries(
    prefix: [UInt8], after start: [UInt8]?, limit: Int
  ) throws(StateFailure) -> [(key: [UInt8], value: [UInt8])] {
    do {
      return try tree.entries(prefix: prefix, after: start, limit: limit, at: version).map {
        ($0.key, $0.value)
      }
    } catch { throw .unreadable }
  }

  public func range(
    from start: [UInt8], until end: [UInt8]?, descending: Bool, limit: Int
  ) throws(StateFailure) -> [(key: [UInt8], value: [UInt8])] {
    do {
      return try tree.range(from: start, until: end, descending: descending, limit: limit, at: version).map {
        ($0.key, $0.value)
      }
    } catch { throw .unreadable }
  }
}
