public import ChainAccess
public import Ledger
import LightClients
public import Messages
import PacketHost
import Persistence
import StateTree
public import WireBytes

/// An embedded domain of this process as agents reach it: no copies on a wire, and no proofs unless asked for.
///
/// What is read comes from the domain's own files, which is what a node of one's own gives: it is not checked again.
public struct EmbeddedAccess: DomainAccess {
  public let domain: DomainID
  private let ledger: EmbeddedDomain

  /// - Parameter id: `cosmos:` and the chain id unless given.
  /// - Throws: `DomainIDError` when the chain id does not fit CAIP-2.
  public init(_ ledger: EmbeddedDomain) throws(DomainIDError) {
    domain = try DomainID("cosmos:" + ledger.genesis.rules.chainID)
    self.ledger = ledger
  }

  // MARK: Blocks

  public func head() async throws(AccessError) -> ChainHead {
    guard !ledger.heads.isHalted else { throw .halted }
    return ledger.heads.head
  }

  public func head(above height: UInt64, patience: Duration) async throws(AccessError) -> ChainHead {
    await ledger.heads.wait(above: height, patience: patience)
    return try await head()
  }

  public func block(at height: UInt64) async throws(AccessError) -> ObservedBlock {
    if let recent = ledger.heads.recent(height) { return recent }
    let stored = try stored(height)
    let results = try Self.kept { () throws(BlockStoreError) in
      try ledger.blocks.results(at: stored.block.header.height)
    }
    guard results.count == stored.block.transactions.count else { throw .heightPruned(height) }
    return ObservedBlock(
      height: height, time: stored.block.header.time,
      transactions: zip(stored.block.transactions, results).map { bytes, result in
        ObservedTransaction(hash: Transaction.hash(of: bytes), height: height, result: result)
      })
  }

  public func stateHeader(at height: UInt64) async throws(AccessError) -> StateHeader {
    try StateHeader(try stored(height).block.header)
  }

  public func signedHeader(at height: UInt64) async throws(AccessError) -> LightBlock {
    let stored = try stored(height)
    guard let commit = stored.commit else { throw .heightUnknown(height) }
    let next: CometBFT.ValidatorSet?
    do { next = try await ledger.validators(at: stored.block.header.height + 1) } catch { throw .halted }
    guard let next else { throw .heightPruned(height) }
    return LightBlock(
      signedHeader: CometBFT.SignedHeader(header: stored.block.header, commit: commit),
      validators: stored.validators, nextValidators: next)
  }

  /// The decided block at `height`.
  private func stored(_ height: UInt64) throws(AccessError) -> StoredBlock {
    guard height > 0, height <= ledger.heads.head.height, let number = Int64(exactly: height) else {
      throw .heightUnknown(height)
    }
    let stored = try Self.kept { () throws(BlockStoreError) in try ledger.blocks.block(at: number) }
    guard let stored else { throw .heightPruned(height) }
    return stored
  }

  private static func kept<Result>(_ read: () throws(BlockStoreError) -> Result) throws(AccessError) -> Result {
    // The domain's own file: when it cannot be read, nothing of the domain can.
    do { return try read() } catch { throw .halted }
  }

  // MARK: State

  public func values(
    of keys: [[UInt8]], at version: UInt64, proven: Bool
  ) async throws(AccessError) -> [ChainAccess.StateEntry] {
    guard version <= ledger.heads.head.height else { throw .heightUnknown(version) }
    let values: [[UInt8]?]?
    do { values = try ledger.states.store.values(of: keys, at: version) } catch { throw .halted }
    guard let values else { throw .heightPruned(version) }
    guard proven else {
      return zip(keys, values).map { StateEntry(key: $0, value: $1, proof: nil) }
    }
    var entries: [ChainAccess.StateEntry] = []
    for (key, value) in zip(keys, values) {
      do {
        let proof = try ledger.states.prove(key, at: version)
        entries.append(StateEntry(key: key, value: value, proof: .ics23(proof)))
      } catch {
        if case .pruned = error { throw .heightPruned(version) }
        throw .halted
      }
    }
    return entries
  }

  public func packets(
    _ kind: PacketPath.Kind, of client: ClientID, after last: Sequence?, limit: Int, at version: UInt64
  ) async throws(AccessError) -> [LedgerQueries.PacketEntry] {
    let queries = try queries(at: version)
    return try Self.read { () throws(StateFailure) in
      switch kind {
      case .commitment: try queries.commitments(of: client, after: last, limit: limit)
      case .acknowledgement: try queries.acknowledgements(of: client, after: last, limit: limit)
      // Nobody lists what was received: receipts stay for ever.
      case .receipt: []
      }
    }
  }

  public func client(_ id: ClientID) async throws(AccessError) -> ClientView? {
    let head = ledger.heads.head
    let queries = try queries(at: head.height)
    let moment = BlockMoment(height: head.height, time: UnixTime(seconds: UInt64(clamping: head.time.seconds)))
    let found = try Self.read { () throws(StateFailure) in try queries.client(id, at: moment) }
    return found.map { ClientView(id, $0) }
  }

  public func account(_ address: AccountAddress) async throws(AccessError) -> AccountView? {
    let account: Account?
    do { account = try await ledger.account(address) } catch { throw .halted }
    return account.map { AccountView(number: $0.number, sequence: $0.sequence) }
  }

  public func balances(of address: AccountAddress) async throws(AccessError) -> [Coin] {
    let queries = try queries(at: ledger.heads.head.height)
    return try Self.read { () throws(StateFailure) in try queries.balances(of: address) }
  }

  public func supplies() async throws(AccessError) -> [Coin] {
    let queries = try queries(at: ledger.heads.head.height)
    return try Self.read { () throws(StateFailure) in try queries.supplies() }
  }

  private func queries(at version: UInt64) throws(AccessError) -> LedgerQueries {
    guard version <= ledger.heads.head.height else { throw .heightUnknown(version) }
    let versions: StateVersions?
    do { versions = try ledger.states.versions() } catch { throw .halted }
    guard let versions, version >= versions.oldest else { throw .heightPruned(version) }
    return LedgerQueries(TreeState(tree: ledger.states, version: version))
  }

  private static func read<Result>(_ body: () throws(StateFailure) -> Result) throws(AccessError) -> Result {
    do { return try body() } catch { throw .halted }
  }

  // MARK: Transactions

  public func submit(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32 {
    guard !ledger.heads.isHalted else { throw .halted }
    do { return try await ledger.submit(transaction).hash } catch {
      switch error {
      case .refused(let refusal):
        let told = TransactionResult(refusal, gasWanted: 0, gasUsed: 0, events: [])
        throw .refused(code: refusal.name, codespace: told.codespace, number: told.code, log: told.log)
      case .state: throw .halted
      }
    }
  }

  public func transaction(_ hash: Bytes32) async throws(AccessError) -> ObservedTransaction? {
    let found = try Self.kept { () throws(BlockStoreError) in try ledger.blocks.result(of: hash) }
    return found.map { ObservedTransaction(hash: hash, height: UInt64(clamping: $0.height), result: $0.result) }
  }

  public func transactions(
    matching query: String, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction] {
    do {
      let page = try ledger.blocks.transactions(
        matching: try EventQuery(query), order: .descending, limit: limit)
      return page.elements.map {
        ObservedTransaction(hash: $0.hash, height: UInt64(clamping: $0.height), result: $0.result)
      }
    } catch let error as SearchError {
      guard case .condition = error else { throw .halted }
      throw .endpoint(code: -32603, message: "\(error)")
    } catch { throw .endpoint(code: -32603, message: "\(error)") }
  }
}
