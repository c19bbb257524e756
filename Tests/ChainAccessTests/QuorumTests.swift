import ChainAccess
import Ledger
import LedgerService
import LightClients
import MerkleProofs
import Messages
import PacketHost
import Synchronization
import Testing
import WireBytes

/// An endpoint that behaves in one way.
struct FakeEndpoint: DomainAccess {
  enum Conduct: Sendable {
    case honest
    /// Tells other times, values, results, sequences and heads, always the same ones.
    case lying
    /// Nothing comes, until it is cancelled.
    case asleep
    case gone
    /// Stands some blocks below.
    case behind(UInt64)
    case refusing(AccessError)
  }

  let inner: EmbeddedAccess
  let conduct: Conduct
  let received = Received()

  final class Received: Sendable {
    let transactions = Mutex<[[UInt8]]>([])
  }

  var domain: DomainID { inner.domain }

  private func answer<Value: Sendable>(
    _ truth: () async throws(AccessError) -> Value, lie: (Value) -> Value
  ) async throws(AccessError) -> Value {
    switch conduct {
    case .honest, .behind, .refusing: return try await truth()
    case .lying: return lie(try await truth())
    case .asleep:
      try? await Task.sleep(for: .seconds(3_600))
      throw .timedOut
    case .gone: throw .unreachable
    }
  }

  func head() async throws(AccessError) -> ChainHead { try await head(above: 0, patience: .zero) }

  func head(above height: UInt64, patience: Duration) async throws(AccessError) -> ChainHead {
    let late: UInt64 = if case .behind(let count) = conduct { count } else { 0 }
    return try await answer { () async throws(AccessError) in
      let head = try await inner.head(above: height, patience: patience)
      let block = try await inner.signedHeader(at: head.height - late)
      let time = block.signedHeader.header.time
      return ChainHead(
        height: head.height - late, time: time, finalHeight: head.height - late, finalTime: time, revision: 1)
    } lie: { head in
      ChainHead(
        height: head.height + 1_000, time: .goZero, finalHeight: head.height + 1_000, finalTime: .goZero,
        revision: 1)
    }
  }

  func block(at height: UInt64) async throws(AccessError) -> ObservedBlock {
    if case .behind(let count) = conduct, try await height > inner.head().height - count {
      throw .heightUnknown(height)
    }
    return try await answer { () async throws(AccessError) in
      try await inner.block(at: height)
    } lie: { ObservedBlock(height: $0.height, time: $0.time, transactions: []) }
  }

  func signedHeader(at height: UInt64) async throws(AccessError) -> LightBlock {
    try await answer { () async throws(AccessError) in
      try await inner.signedHeader(at: height)
    } lie: { block in
      var header = block.signedHeader.header
      header.time = .goZero
      return LightBlock(
        signedHeader: CometBFT.SignedHeader(header: header, commit: block.signedHeader.commit),
        validators: block.validators, nextValidators: block.nextValidators)
    }
  }

  func values(
    of keys: [[UInt8]], at version: UInt64, proven: Bool
  ) async throws(AccessError) -> [StateEntry] {
    try await answer { () async throws(AccessError) in
      try await inner.values(of: keys, at: version, proven: proven)
    } lie: { $0.map { StateEntry(key: $0.key, value: [6, 6, 6], proof: $0.proof) } }
  }

  func packets(
    _ kind: PacketPath.Kind, of client: ClientID, after last: Sequence?, limit: Int, at version: UInt64
  ) async throws(AccessError) -> [LedgerQueries.PacketEntry] {
    try await answer { () async throws(AccessError) in
      try await inner.packets(kind, of: client, after: last, limit: limit, at: version)
    } lie: { _ in [] }
  }

  func client(_ id: ClientID) async throws(AccessError) -> ClientView? {
    try await answer { () async throws(AccessError) in try await inner.client(id) } lie: { _ in nil }
  }

  func account(_ address: AccountAddress) async throws(AccessError) -> AccountView? {
    try await answer { () async throws(AccessError) in
      try await inner.account(address)
    } lie: { $0.map { AccountView(number: $0.number, sequence: $0.sequence + 50) } }
  }

  func balances(of address: AccountAddress) async throws(AccessError) -> [Coin] {
    try await answer { () async throws(AccessError) in try await inner.balances(of: address) } lie: { _ in [] }
  }

  func supplies() async throws(AccessError) -> [Coin] {
    try await answer { () async throws(AccessError) in try await inner.supplies() } lie: { _ in [] }
  }

  func submit(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32 {
    received.transactions.withLock { $0.append(transaction) }
    if case .refusing(let error) = conduct { throw error }
    return try await answer { () async throws(AccessError) in
      try await inner.submit(transaction)
    } lie: { _ in Bytes32() }
  }

  func transaction(_ hash: Bytes32) async throws(AccessError) -> ObservedTransaction? {
    try await answer { () async throws(AccessError) in try await inner.transaction(hash) } lie: { _ in nil }
  }

  func transactions(
    matching query: String, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction] {
    try await answer { () async throws(AccessError) in
      try await inner.transactions(matching: query, limit: limit)
    } lie: { found in
      found.map { ObservedTransaction(hash: $0.hash, height: $0.height + 1, result: $0.result) }
    }
  }
}

@Suite("A domain over several endpoints")
struct QuorumTests {
  private static func quorum(
    _ needed: Int, _ world: AccessWorld, _ conducts: [FakeEndpoint.Conduct], deadline: Duration = .seconds(20)
  ) throws -> QuorumAccess {
    var limits = QuorumAccess.Limits()
    limits.deadline = deadline
    limits.grace = .milliseconds(20)
    return try QuorumAccess(
      needed, of: conducts.map { FakeEndpoint(inner: world.access, conduct: $0) }, limits: limits)
  }

  private static func filled() async throws -> AccessWorld {
    let world = try AccessWorld()
    try await world.fill()
    return world
  }

  static let harmless: [[FakeEndpoint.Conduct]] = [
    [.honest, .honest, .honest, .honest], [.lying, .honest, .honest, .honest],
    [.asleep, .honest, .honest, .honest], [.gone, .honest, .honest, .honest],
    [.behind(1), .honest, .honest, .honest], [.lying, .asleep, .gone, .honest, .honest, .honest],
  ]

  @Test("tells what enough of them say, whatever the others do", arguments: 0..<6)
  func agrees(index: Int) async throws {
    let world = try await Self.filled()
    let quorum = try Self.quorum(3, world, Self.harmless[index])
    let truth = world.access
    let id = try ClientID(RPCWorld.client)
    #expect(quorum.domain == truth.domain)
    #expect(try await quorum.head() == truth.head())
    #expect(try await quorum.head(above: 2, patience: .seconds(60)) == truth.head())
    #expect(try await quorum.block(at: 3) == truth.block(at: 3))
    #expect(try await quorum.signedHeader(at: 3) == truth.signedHeader(at: 3))
    let keys = [Genesis.chainIDKey, [1]]
    #expect(
      try await quorum.values(of: keys, at: 3, proven: true) == truth.values(of: keys, at: 3, proven: true))
    #expect(
      try await quorum.packets(.commitment, of: id, after: nil, limit: 9, at: 4)
        == truth.packets(.commitment, of: id, after: nil, limit: 9, at: 4))
    #expect(try await quorum.client(id) == truth.client(id))
    #expect(try await quorum.account(world.account) == truth.account(world.account))
    #expect(try await quorum.account(AccountAddress(module: "nobody")) == nil)
    #expect(try await quorum.balances(of: world.account) == truth.balances(of: world.account))
    #expect(try await quorum.supplies() == truth.supplies())
    let found = try await quorum.transactions(matching: "send_packet.packet_sequence = 2", limit: 3)
    #expect(found == (try await truth.transactions(matching: "send_packet.packet_sequence = 2", limit: 3)))
    #expect(try await quorum.transaction(found[0].hash) == found[0])
    await #expect(throws: AccessError.heightUnknown(99)) { try await quorum.signedHeader(at: 99) }
  }

  @Test("says that they differ, or that they are too few")
  func disagrees() async throws {
    let world = try await Self.filled()
    let split = try Self.quorum(3, world, [.lying, .lying, .honest, .honest])
    await #expect(throws: AccessError.disagreement) { try await split.block(at: 3) }
    await #expect(throws: AccessError.disagreement) { try await split.values(of: [[1]], at: 3, proven: false) }
    await #expect(throws: AccessError.disagreement) { try await split.client(try ClientID(RPCWorld.client)) }
    let few = try Self.quorum(3, world, [.gone, .gone, .honest, .honest])
    await #expect(throws: AccessError.quorum(needed: 3, answered: 2)) { try await few.block(at: 3) }
    await #expect(throws: AccessError.quorum(needed: 3, answered: 2)) { try await few.head() }
    await #expect(throws: AccessError.quorum(needed: 3, answered: 2)) {
      try await few.transactions(matching: "tx.height > 0", limit: 3)
    }
    let slow = try Self.quorum(2, world, [.asleep, .asleep, .honest], deadline: .milliseconds(100))
    await #expect(throws: AccessError.quorum(needed: 2, answered: 1)) { try await slow.supplies() }
    await #expect(throws: AccessError.quorum(needed: 2, answered: 1)) {
      try await slow.account(world.account)
    }
  }

  @Test("stands where enough of them stand")
  func heads() async throws {
    let world = try await Self.filled()
    for (needed, height) in [(1, 4), (2, 3), (3, 2)] as [(Int, UInt64)] {
      let quorum = try Self.quorum(needed, world, [.honest, .behind(1), .behind(2)])
      let head = try await quorum.head()
      #expect(head.height == height)
      #expect(head.finalHeight == height)
      let time = try await world.access.signedHeader(at: height).signedHeader.header.time
      #expect(head.time == time)
      #expect(head.finalTime == time)
    }
    // A single liar above all others moves nothing, neither height nor time.
    let lied = try await Self.quorum(2, world, [.lying, .honest, .behind(1), .honest]).head()
    #expect(lied == (try await world.access.head()))
  }

  @Test("gives a transaction to all, and takes the first that takes it")
  func submits() async throws {
    let world = try await Self.filled()
    let sequence = try #require(try await world.access.account(world.account)).sequence
    let busy = AccessError.refused(code: "mempoolFull", codespace: "sdk", number: 20, log: "")
    let conducts: [FakeEndpoint.Conduct] = [.gone, .refusing(busy), .honest, .lying]
    let endpoints = conducts.map { FakeEndpoint(inner: world.access, conduct: $0) }
    let quorum = try QuorumAccess(2, of: endpoints)
    let transaction = try await world.transaction(1, sequence: sequence)
    #expect(try await quorum.submit(transaction) == Transaction.hash(of: transaction))
    while endpoints.contains(where: { $0.received.transactions.withLock { $0.isEmpty } }) { await Task.yield() }
    // Refused once enough refuse it for the same reason.
    let refusing = try Self.quorum(2, world, [.refusing(busy), .gone, .refusing(busy)])
    await #expect(throws: busy) { try await refusing.submit(transaction) }
    let other = AccessError.refused(code: "sequence", codespace: "sdk", number: 32, log: "")
    let split = try Self.quorum(2, world, [.refusing(busy), .gone, .refusing(other)])
    await #expect(throws: AccessError.quorum(needed: 2, answered: 2)) { try await split.submit(transaction) }
  }

  @Test("is made of endpoints of one domain, and needs at least one of them")
  func form() async throws {
    let world = try AccessWorld()
    #expect(throws: QuorumAccess.FormError.count(max: 16, actual: 0)) { try QuorumAccess(1, of: []) }
    #expect(throws: QuorumAccess.FormError.count(max: 16, actual: 17)) {
      try QuorumAccess(1, of: Array(repeating: world.access, count: 17))
    }
    #expect(throws: QuorumAccess.FormError.needed(0, of: 1)) { try QuorumAccess(0, of: [world.access]) }
    #expect(throws: QuorumAccess.FormError.needed(2, of: 1)) { try QuorumAccess(2, of: [world.access]) }
    let transport = CometBFTTransport()
    let other = try CometBFTAccess(address: "http://127.0.0.1:1", chainID: "island-1", transport: transport)
    #expect(throws: QuorumAccess.FormError.domain(index: 1, other.domain)) {
      try QuorumAccess(1, of: [world.access, other])
    }
    await transport.shutdown()
  }
}
