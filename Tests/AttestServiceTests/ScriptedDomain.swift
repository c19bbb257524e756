import ChainAccess
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import StateTree
import Synchronization
import WireBytes

/// A domain of the test's making: a real state tree, headers that commit to it, and whatever lies the test wants.
final class ScriptedDomain: DomainAccess {
  struct Script {
    var tree = StateTree(store: MemoryStateStore())
    var newest: UInt64 = 0
    /// Below the newest when blocks can still be rolled back.
    var final: UInt64?
    var revision: UInt64 = 1
    /// What is told of a height instead of the truth; the elements are told one after the other, the last one for ever.
    var roots: [UInt64: [Bytes32]] = [:]
    var seconds: [UInt64: Int64] = [:]
    var headerHeights: [UInt64: Int64] = [:]
    var failures: [UInt64: AccessError] = [:]
    /// What is told of a key instead of the truth, with the true proof.
    var values: [[UInt8]: [UInt8]?] = [:]
    var leavesOutProofs = false
    var dropsLast = false
    /// When set, nobody is answered about values until it is cleared by ``release()``.
    var isHeld = false
    var waiting: [CheckedContinuation<Void, Never>] = []
    var headersAsked = 0
    var headsAsked = 0
    var valuesAsked = 0
  }

  static let start: Int64 = 1_700_000_000
  let domain: DomainID
  let script = Mutex(Script())

  init(_ name: String) throws { domain = try DomainID("cosmos:" + name) }

  /// Makes the next block, whose state has `changes` more; returns its height.
  @discardableResult
  func commit(_ changes: [(PacketPath, [UInt8]?)] = []) throws -> UInt64 {
    let changes = changes.map { StateChange(key: $0.0.bytes, value: $0.1) }.sorted {
      $0.key.lexicographicallyPrecedes($1.key)
    }
    return try script.withLock { script in
      script.newest += 1
      // No ICS-23 proof shows absence from an empty tree.
      let all = script.newest == 1 ? [StateChange(key: [0], value: [1])] + changes : changes
      try script.tree.commit(version: script.newest, changes: all)
      return script.newest
    }
  }

  func set(_ change: @Sendable (inout Script) -> Void) { script.withLock { change(&$0) } }

  /// Answers all who wait, and whoever asks from now on.
  func release() {
    let waiting = script.withLock { script in
      defer { script.waiting = [] }
      script.isHeld = false
      return script.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  /// Returns when `count` are waiting.
  func waits(for count: Int) async {
    while script.withLock({ $0.waiting.count < count }) { await Task.yield() }
  }

  // MARK: What attesters ask

  func head() async throws(AccessError) -> ChainHead {
    let (newest, final, revision) = script.withLock { script in
      script.headsAsked += 1
      return (script.newest, script.final ?? script.newest, script.revision)
    }
    guard let time = try? CometBFT.Timestamp(seconds: Self.start) else { throw .malformed }
    return ChainHead(height: newest, time: time, finalHeight: final, finalTime: time, revision: revision)
  }

  func signedHeader(at height: UInt64) async throws(AccessError) -> LightBlock {
    let told = script.withLock { script -> Result<(Bytes32, Int64, Int64), AccessError> in
      script.headersAsked += 1
      if let failure = script.failures[height] { return .failure(failure) }
      guard height > 0, height <= script.newest else { return .failure(.heightUnknown(height)) }
      var root = try? script.tree.root(at: height - 1)
      if height == 1 { root = Bytes32() }
      if var lies = script.roots[height], let lie = lies.first {
        root = lie
        if lies.count > 1 {
          lies.removeFirst()
          script.roots[height] = lies
        }
      }
      guard let root else { return .failure(.heightPruned(height)) }
      return .success(
        (
          root, script.seconds[height] ?? Self.start + Int64(height) * 5,
          script.headerHeights[height] ?? Int64(height)
        ))
    }
    let (root, seconds, number) = try told.get()
    guard let time = try? CometBFT.Timestamp(seconds: seconds, nanoseconds: 999_999_999),
      let none = try? CometBFT.ValidatorSet([])
    else { throw .malformed }
    let header = CometBFT.Header(
      version: CometBFT.Header.Version(block: 11, app: 1), chainID: domain.reference, height: number,
      time: time,
      lastBlockID: .none, lastCommitHash: nil, dataHash: nil, validatorsHash: none.hash(), nextValidatorsHash: nil,
      consensusHash: nil, appHash: root.array, lastResultsHash: nil, evidenceHash: nil, proposerAddress: nil)
    return LightBlock(
      signedHeader: CometBFT.SignedHeader(
        header: header, commit: CometBFT.Commit(height: number, round: 0, blockID: .none, signatures: [])),
      validators: none, nextValidators: none)
  }

  func values(
    of keys: [[UInt8]], at version: UInt64, proven: Bool
  ) async throws(AccessError) -> [ChainAccess.StateEntry] {
    await withCheckedContinuation { continuation in
      let isHeld = script.withLock { script in
        script.valuesAsked += 1
        if script.isHeld { script.waiting.append(continuation) }
        return script.isHeld
      }
      if !isHeld { continuation.resume() }
    }
    let found = script.withLock { script -> Result<[ChainAccess.StateEntry], AccessError> in
      var entries: [ChainAccess.StateEntry] = []
      for key in keys {
        guard let value = try? script.tree.value(of: key, at: version) as [UInt8]?? else {
          return .failure(.heightPruned(version))
        }
        let proof = proven && !script.leavesOutProofs ? try? script.tree.prove(key, at: version) : nil
        entries.append(StateEntry(key: key, value: script.values[key] ?? value, proof: proof.map { .ics23($0) }))
      }
      if script.dropsLast { entries.removeLast() }
      return .success(entries)
    }
    return try found.get()
  }

  // MARK: What they do not

  func head(above height: UInt64, patience: Duration) async throws(AccessError) -> ChainHead {
    throw .unreachable
  }
  func block(at height: UInt64) async throws(AccessError) -> ObservedBlock { throw .unreachable }
  func packets(
    _ kind: PacketPath.Kind, of client: ClientID, after last: Sequence?, limit: Int, at version: UInt64
  ) async throws(AccessError) -> [LedgerQueries.PacketEntry] { throw .unreachable }
  func client(_ id: ClientID) async throws(AccessError) -> ClientView? { throw .unreachable }
  func account(_ address: AccountAddress) async throws(AccessError) -> AccountView? { throw .unreachable }
  func balances(of address: AccountAddress) async throws(AccessError) -> [Coin] { throw .unreachable }
  func supplies() async throws(AccessError) -> [Coin] { throw .unreachable }
  func submit(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32 { throw .unreachable }
  func transaction(_ hash: Bytes32) async throws(AccessError) -> ObservedTransaction? { throw .unreachable }
  func transactions(
    matching query: String, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction] { throw .unreachable }
}
