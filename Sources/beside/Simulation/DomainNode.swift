import Digests
import Encodings
import Gate
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import RelayEngine
import StateTree
import WireBytes

/// A block that was decided, as the domain's index has it.
struct DecidedBlock: Sendable {
  let block: ProposedBlock
  let commit: CometBFT.Commit
  let results: [TransactionResult]
  let hashes: [Bytes32]
  /// What its events say about packets.
  var sights: [PacketSight] = []

  var seconds: UInt64 { UInt64(clamping: block.header.time.seconds) }
}

/// Where a domain stops while it makes a block.
enum BlockCrash: Int, CaseIterable, Sendable {
  case beforeBlockFlushed
  case beforeVotes
  case beforeCommitFlushed
  case beforeTree
  case beforeTip
  case beforeTold
}

/// One embedded domain: its chain in memory, its disk, its validators.
struct DomainNode: Sendable {
  /// 2026-05-28: no world is older.
  static let epochSeconds: UInt64 = 1_780_000_000

  let index: Int
  let id: DomainID
  let native: Denom
  let genesis: Genesis
  let host: PacketHost
  let programs: LedgerPrograms
  let validators: [SimulatedKey]
  /// Of its clock against the world's, in milliseconds.
  let skew: Int64
  let blockInterval: UInt64
  /// Nil while it is down.
  var chain: LedgerChain<SimulatedStore>?
  /// The tree's own file, while nobody has it open.
  private var store: SimulatedStore?
  private var journal = Journal()
  /// Written down, and perhaps signed; not decided yet.
  private(set) var stored: ProposedBlock?
  var history: [DecidedBlock] = []
  var lastBlockAt: UInt64 = 0

  init(
    index: Int, id: DomainID, native: Denom, genesis: Genesis, host: PacketHost, programs: LedgerPrograms,
    validators: [SimulatedKey], skew: Int64, blockInterval: UInt64, losesReceipts: Bool
  ) throws {
    self.index = index
    self.id = id
    self.native = native
    self.genesis = genesis
    self.host = host
    self.programs = programs
    self.validators = validators
    self.skew = skew
    self.blockInterval = blockInterval
    let chain = try LedgerChain(
      genesis: genesis, host: host, programs: programs, store: SimulatedStore(losesReceipts: losesReceipts))
    journal.append([3] + chain.tip.encoded())
    journal.flush()
    self.chain = chain
  }

  /// The height of the newest header.
  var height: UInt64 { UInt64(history.count) }

  /// The block time of header `height`, in whole seconds.
  func seconds(at height: UInt64) -> UInt64? {
    guard height > 0, height <= self.height else { return nil }
    return history[Int(height) - 1].seconds
  }

  func clock(_ now: UInt64) throws -> CometBFT.Timestamp {
    let milliseconds = Int64(Self.epochSeconds) * 1_000 + Int64(now) + skew
    return try CometBFT.Timestamp(
      seconds: milliseconds / 1_000, nanoseconds: Int32(milliseconds % 1_000) * 1_000_000)
  }

  /// Whether the newest header does not prove the newest state.
  var wantsBlock: Bool {
    guard let chain else { return false }
    return stored != nil || chain.mempool.count > 0 || !(history.last?.results.isEmpty ?? false)
  }

  enum Production {
    case decided(CommittedBlock)
    case crashed
  }

  /// Makes a block, and stops where `crash` says.
  ///
  /// - Parameter signed: told of each block before a validator signs it.
  mutating func produce(
    now: UInt64, crash: BlockCrash?, torn: Int, signed: (UInt64, Bytes32) -> Void
  ) throws -> Production {
    guard let tip = chain?.tip, let rules = chain?.rules else { return .crashed }
    let block: ProposedBlock
    if let stored {
      block = stored
    } else {
      guard let proposed = try chain?.propose() else { return .crashed }
      block = proposed
      journal.append([1] + block.encoded)
      if crash == .beforeBlockFlushed { return stop(torn) }
      journal.flush()
      stored = block
    }
    if crash == .beforeVotes { return stop(torn) }
    signed(UInt64(block.header.height), block.blockID.hash ?? Bytes32())
    var votes: [CometBFT.CommitVote] = []
    let requests = try block.voteRequests(tip, rules: rules, now: try clock(now))
    for key in validators {
      let address = CometBFT.Validator.address(of: key.publicKey)
      for request in requests where request.validator == address {
        votes.append(request.signed(try Bytes64(try key.sign(request.signBytes))))
      }
    }
    journal.append([2] + (try block.commit(votes, tip: tip, rules: rules)).encoded())
    if crash == .beforeCommitFlushed { return stop(torn) }
    journal.flush()
    if crash == .beforeTree { return stop(0) }
    guard let outcome = try chain?.execute(block),
      let committed = try chain?.commit(block, votes: votes, outcome: outcome)
    else { return .crashed }
    journal.append([3] + committed.tip.encoded())
    if crash == .beforeTip { return stop(torn) }
    journal.flush()
    stored = nil
    if journal.sizeBytes > 1 << 16 { journal.replace(with: [3] + committed.tip.encoded()) }
    if crash == .beforeTold {
      stop()
      return .decided(committed)
    }
    return .decided(committed)
  }

  private mutating func stop(_ torn: Int) -> Production {
    journal.crash(keeping: journal.waitingCount == 0 ? 0 : torn % journal.waitingCount)
    stop()
    return .crashed
  }

  /// The process ends. What was in memory is gone; the disk has what was flushed.
  mutating func stop() {
    guard let chain else { return }
    store = chain.tree.store
    self.chain = nil
    stored = nil
    journal.crash(keeping: 0)
  }

  /// Starts again from the disk, and repeats what was decided and not finished.
  mutating func recover(forgetsBlock: Bool) throws -> (replayed: [CommittedBlock], tornBytes: Int) {
    guard chain == nil, let store else { return ([], 0) }
    let (records, torn) = journal.recover()
    var tip: ChainTip?
    var open: [(block: ProposedBlock, commit: CometBFT.Commit?)] = []
    for record in records {
      let body = [UInt8](record.dropFirst())
      switch record.first {
      case 1: open.append((try ProposedBlock(decoding: body.span), nil))
      case 2:
        let commit = try CometBFT.Commit(decoding: body.span)
        if !open.isEmpty { open[open.count - 1].commit = commit }
      default:
        tip = try ChainTip(decoding: body.span)
        open = []
      }
    }
    guard let tip else { throw SimulationFailure.tipLost(domain: index) }
    self.store = nil
    chain = try LedgerChain(resuming: tip, genesis: genesis, host: host, programs: programs, store: store)
    var replayed: [CommittedBlock] = []
    for (block, commit) in open {
      guard let commit else {
        if !forgetsBlock { stored = block }
        continue
      }
      guard let committed = try chain?.replay(block, commit: commit) else { break }
      journal.append([3] + committed.tip.encoded())
      journal.flush()
      replayed.append(committed)
    }
    return (replayed, torn)
  }

  // MARK: Reading

  /// What is on the domain's disk, whether it runs or not.
  var tree: StateTree<SimulatedStore>? { chain?.tree ?? store.map { StateTree(store: $0) } }

  /// The state that header `height` proves.
  func state(provenBy height: UInt64) -> TreeState<SimulatedStore>? {
    guard let chain, height > 0, height <= self.height else { return nil }
    return TreeState(tree: chain.tree, version: height - 1)
  }

  func value(_ key: [UInt8], provenBy height: UInt64) throws -> [UInt8]? {
    guard let chain, height > 0, height <= self.height else { return nil }
    return try chain.tree.value(of: key, at: height - 1)
  }

  /// A `MerkleProof` under the root of header `height` that the key is there, or that it is not.
  func proof(of key: [UInt8], at height: UInt64) throws -> [UInt8]? {
    guard let chain, height > 0, height <= self.height else { return nil }
    return ICS23.MerkleProof(proofs: [try chain.tree.prove(key, at: height - 1)]).encoded()
  }

  func header(at height: UInt64, trusted: UInt64) -> Tendermint.Header? {
    guard let chain, height > 0, height <= self.height else { return nil }
    let decided = history[Int(height) - 1]
    let set = chain.tip.validators
    return Tendermint.Header(
      signedHeader: CometBFT.SignedHeader(header: decided.block.header, commit: decided.commit),
      validators: set,
      trustedHeight: Tendermint.Height(revision: 1, height: trusted), trustedValidators: set)
  }

  /// What the client says of itself at the newest block.
  func client(_ id: ClientID) throws -> RelayedClient? {
    guard let chain else { return nil }
    var context = HostContext(
      moment: BlockMoment(
        height: UInt64(chain.tip.height), time: UnixTime(seconds: UInt64(chain.tip.time.seconds))),
      state: WorkingState(chain.state), gas: GasMeter(limit: .max))
    let status = try host.clients.status(of: id, in: &context)
    let latest = try host.clients.latest(of: id, in: &context)
    var (isFrozen, isExpired) = (false, false)
    switch status {
    case .active: break
    case .frozen: isFrozen = true
    case .expired: isExpired = latest != nil
    }
    return RelayedClient(
      latest: latest?.height, latestTime: latest?.time ?? UnixTime(seconds: 0), isFrozen: isFrozen,
      isExpired: isExpired)
  }

  /// Number and next sequence of an account, with what waits.
  func account(_ address: AccountAddress) throws -> (number: UInt64, sequence: UInt64)? {
    guard let chain, let account = try LedgerQueries(chain.state).account(address) else { return nil }
    return (account.number, chain.mempool.nextSequence(of: address) ?? account.sequence)
  }
}

/// Why a world cannot go on: a part of it, not of the engines, is wrong.
enum SimulationFailure: Error, Hashable, Sendable {
  case tipLost(domain: Int)
  case setup(String)
  case reading(String)
}
