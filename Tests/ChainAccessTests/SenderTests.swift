import ChainAccess
import Ledger
import LedgerService
import LightClients
import Messages
import PacketHost
import Testing
import WireBytes

/// Passes everything on, and counts; submissions may be made to fail first.
actor MeddlingAccess: DomainAccess {
  enum Meddling: Sendable {
    /// The endpoint takes the transaction, and its answer is lost.
    case takenSilently
    /// It does not come through.
    case lost
    /// The endpoint says that it took the transaction, and did not.
    case forgotten
  }

  nonisolated let domain: DomainID
  private let inner: EmbeddedAccess
  private var next: [Meddling] = []
  private(set) var submitted: [[UInt8]] = []
  private(set) var blockReads = 0
  private(set) var transactionReads = 0
  private(set) var accountReads = 0

  init(_ inner: EmbeddedAccess) {
    domain = inner.domain
    self.inner = inner
  }

  func forgetNext(_ count: Int) { next += Array(repeating: .forgotten, count: count) }

  func meddle(_ list: [Meddling]) { next += list }

  func submit(_ transaction: [UInt8]) async throws(AccessError) -> Bytes32 {
    submitted.append(transaction)
    guard !next.isEmpty else { return try await inner.submit(transaction) }
    switch next.removeFirst() {
    case .takenSilently:
      _ = try await inner.submit(transaction)
      throw .timedOut
    case .lost: throw .unreachable
    case .forgotten: return Transaction.hash(of: transaction)
    }
  }

  func block(at height: UInt64) async throws(AccessError) -> ObservedBlock {
    blockReads += 1
    return try await inner.block(at: height)
  }
  func transaction(_ hash: Bytes32) async throws(AccessError) -> ObservedTransaction? {
    transactionReads += 1
    return try await inner.transaction(hash)
  }
  func account(_ address: AccountAddress) async throws(AccessError) -> AccountView? {
    accountReads += 1
    return try await inner.account(address)
  }
  func head() async throws(AccessError) -> ChainHead { try await inner.head() }
  func head(above height: UInt64, patience: Duration) async throws(AccessError) -> ChainHead {
    try await inner.head(above: height, patience: patience)
  }
  func signedHeader(at height: UInt64) async throws(AccessError) -> LightBlock {
    try await inner.signedHeader(at: height)
  }
  func values(
    of keys: [[UInt8]], at version: UInt64, proven: Bool
  ) async throws(AccessError) -> [StateEntry] {
    try await inner.values(of: keys, at: version, proven: proven)
  }
  func packets(
    _ kind: PacketPath.Kind, of client: ClientID, after last: Sequence?, limit: Int, at version: UInt64
  ) async throws(AccessError) -> [LedgerQueries.PacketEntry] {
    try await inner.packets(kind, of: client, after: last, limit: limit, at: version)
  }
  func client(_ id: ClientID) async throws(AccessError) -> ClientView? { try await inner.client(id) }
  func balances(of address: AccountAddress) async throws(AccessError) -> [Coin] {
    try await inner.balances(of: address)
  }
  func supplies() async throws(AccessError) -> [Coin] { try await inner.supplies() }
  func transactions(
    matching query: String, limit: Int
  ) async throws(AccessError) -> [ObservedTransaction] {
    try await inner.transactions(matching: query, limit: limit)
  }
}

@Suite("Sending the transactions of an account")
struct SenderTests {
  private static func sender(
    _ world: AccessWorld, _ access: (any DomainAccess)? = nil, _ change: (inout SendingLimits) -> Void = { _ in }
  ) -> AccountSender {
    var limits = SendingLimits()
    change(&limits)
    return AccountSender(
      access: access ?? world.access, signer: world.signer, rules: world.genesis.rules, limits: limits)
  }

  /// Makes blocks as long as `body` runs.
  private static func producing<Result: Sendable>(
    _ world: AccessWorld, _ body: () async throws -> Result
  ) async throws -> Result {
    let production = Task { try await world.domain.run(every: .milliseconds(5)) }
    defer { production.cancel() }
    return try await body()
  }

  @Test("sends many at once, each with the next sequence, and follows blocks once for all")
  func pipelines() async throws {
    let world = try AccessWorld()
    let access = MeddlingAccess(world.access)
    let sender = Self.sender(world, access)
    let found = try await Self.producing(world) {
      try await withThrowingTaskGroup(of: ObservedTransaction.self) { group in
        for amount in 1...300 as ClosedRange<UInt64> {
          group.addTask { try await sender.send([world.payment(amount)], gasLimit: 200_000) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
    }
    #expect(Set(found.map(\.hash)).count == 300)
    #expect(found.allSatisfy { $0.result.succeeded })
    #expect(try await world.access.account(world.account)?.sequence == 300)
    let paid = try await world.access.balances(of: AccountAddress(module: "sink"))
    #expect(paid == [Coin(UInt256(UInt64(300 * 301 / 2)), world.denom)])
    let height = try await world.access.head().height
    #expect(await access.blockReads <= Int(height))
    #expect(await access.transactionReads == 0)
    #expect(await access.accountReads <= 2)
    #expect(await sender.waitingCount == 0)
  }

  @Test("returns a hash as soon as the domain has taken the transaction")
  func submits() async throws {
    let world = try AccessWorld()
    let sender = Self.sender(world)
    let first = try await sender.submit([world.payment(1)], gasLimit: 200_000)
    let second = try await sender.submit([world.payment(2)], gasLimit: 200_000, memo: "second")
    #expect(await sender.waitingCount == 2)
    let committed = try await world.block(1)
    #expect(committed.block.transactions.map { Transaction.hash(of: $0) } == [first, second])
  }

  @Test("tells the refusal of the check with the ledger's name, and goes on with the same sequence")
  func refused() async throws {
    let world = try AccessWorld()
    let sender = Self.sender(world)
    await #expect {
      try await sender.submit([world.payment(1)], gasLimit: 2_000_000_000)
    } throws: { error in
      guard case .refused("gasLimit", "sdk", 41, let log)? = error as? SendError else { return false }
      return log.hasPrefix("gasLimit: ") && (error as? SendError)?.code == "gasLimit"
    }
    _ = try await sender.submit([world.payment(1)], gasLimit: 200_000)
    #expect(try await world.block(1).outcome.results.map(\.code) == [0])
  }

  @Test("tells the result of a transaction that its block did not execute")
  func failed() async throws {
    let world = try AccessWorld()
    let sender = Self.sender(world)
    let error = await #expect(throws: SendError.self) {
      try await Self.producing(world) {
        try await sender.send([world.payment(2_000_000_000_000)], gasLimit: 200_000)
      }
    }
    guard case .failed(let transaction)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(error?.code == "message.bank.insufficientFunds")
    #expect(transaction.result.code == 5)
    // It was counted: the next one follows it.
    let next = try await Self.producing(world) { try await sender.send([world.payment(1)], gasLimit: 200_000) }
    #expect(next.result.succeeded)
  }

  @Test("says so when the account does not exist")
  func unknown() async throws {
    let world = try AccessWorld()
    let stranger = AccountSender(access: world.access, signer: try TestSigner(9), rules: world.genesis.rules)
    await #expect(throws: SendError.accountUnknown) {
      try await stranger.submit([world.payment(1)], gasLimit: 200_000)
    }
  }

  @Test("signs anew when somebody else used the sequence")
  func sharedAccount() async throws {
    let world = try AccessWorld()
    let (one, two) = (Self.sender(world), Self.sender(world))
    for _ in 0..<3 {
      _ = try await one.submit([world.payment(1)], gasLimit: 200_000)
      _ = try await two.submit([world.payment(2)], gasLimit: 200_000)
    }
    let results = try await world.block(1).outcome.results
    #expect(results.map(\.code) == [0, 0, 0, 0, 0, 0])
  }

  @Test("offers the same bytes again when it does not know whether they came through")
  func sameBytes() async throws {
    let world = try AccessWorld()
    let access = MeddlingAccess(world.access)
    let sender = Self.sender(world, access)
    await access.meddle([.takenSilently, .lost])
    _ = try await sender.submit([world.payment(1)], gasLimit: 200_000)
    _ = try await sender.submit([world.payment(2)], gasLimit: 200_000)
    let submitted = await access.submitted
    #expect(submitted.count == 4)
    #expect(submitted[0] == submitted[1] && submitted[1] == submitted[2] && submitted[2] != submitted[3])
    #expect(try await world.block(1).outcome.results.count == 2)
  }

  @Test("leaves open what became of a transaction when nobody answers any more")
  func silent() async throws {
    let world = try AccessWorld()
    let access = MeddlingAccess(world.access)
    let sender = Self.sender(world, access) { $0.attemptsMax = 2 }
    await access.meddle([.takenSilently, .lost])
    let error = await #expect(throws: SendError.self) {
      try await sender.submit([world.payment(1)], gasLimit: 200_000)
    }
    let hash = Transaction.hash(of: await access.submitted[0])
    #expect(error == .open(hash, until: 1_000, .unreachable))
    // It had come through after all; the next one follows it.
    _ = try await sender.submit([world.payment(2)], gasLimit: 200_000)
    #expect(try await world.block(1).outcome.results.map(\.code) == [0, 0])
  }

  @Test("offers again, in the same bytes, what a domain forgot when it was started anew")
  func forgotten() async throws {
    let world = try AccessWorld()
    let first = MeddlingAccess(world.access)
    // The domain says that it took them, and has them no more.
    let sender = Self.sender(world, first)
    _ = try await sender.submit([world.payment(1)], gasLimit: 200_000)
    await first.forgetNext(2)
    _ = try await sender.submit([world.payment(2)], gasLimit: 200_000)
    _ = try await sender.submit([world.payment(3)], gasLimit: 200_000)
    _ = try await sender.submit([world.payment(4)], gasLimit: 200_000)
    let committed = try await world.block(1)
    #expect(committed.outcome.results.map(\.code) == [0, 0, 0, 0])
    #expect(Array(committed.block.transactions[1...2]) == Array(await first.submitted[1...2]))
  }

  @Test("ends what cannot be in a block any more")
  func expires() async throws {
    let world = try AccessWorld()
    let access = MeddlingAccess(world.access)
    let sender = Self.sender(world, access) { $0.windowBlocks = 2 }
    await access.forgetNext(1)
    let task = Task { try await sender.send([world.payment(1)], gasLimit: 200_000) }
    while await access.submitted.isEmpty { await Task.yield() }
    for second in 1...2 as ClosedRange<Int64> { try await world.block(second) }
    let hash = Transaction.hash(of: await access.submitted[0])
    await #expect(throws: SendError.expired(hash)) { try await task.value }
  }

  @Test("never signs what its caller gave up, and refuses more than its queue holds")
  func bounds() async throws {
    let world = try AccessWorld()
    let sender = Self.sender(world) {
      $0.inFlightMax = 2
      $0.queueMax = 3
    }
    for amount in 1...2 as ClosedRange<UInt64> {
      _ = try await sender.submit([world.payment(amount)], gasLimit: 200_000)
    }
    let waiting = (3...5).map { amount in
      Task { try await sender.submit([world.payment(amount)], gasLimit: 200_000) }
    }
    while await sender.waitingCount < 5 { await Task.yield() }
    await #expect(throws: SendError.queueFull(max: 3)) {
      try await sender.submit([world.payment(6)], gasLimit: 200_000)
    }
    waiting[1].cancel()
    await #expect(throws: SendError.cancelled(nil)) { try await waiting[1].value }
    try await world.block(1)
    _ = try await waiting[0].value
    _ = try await waiting[2].value
    try await world.block(2)
    let paid = try await world.access.balances(of: AccountAddress(module: "sink"))
    #expect(paid == [Coin(UInt256(UInt64(1 + 2 + 3 + 5)), world.denom)])
  }

  @Test("sends thousands, faster than a crossing needs")
  func sustains() async throws {
    let world = try AccessWorld()
    let sender = Self.sender(world)
    let count: UInt64 = 5_000
    let clock = ContinuousClock()
    let start = clock.now
    try await Self.producing(world) {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for amount in 1...count {
          group.addTask { _ = try await sender.send([world.payment(amount)], gasLimit: 200_000) }
        }
        try await group.waitForAll()
      }
    }
    print("\(count) transactions in \(clock.now - start)")
    #expect(try await world.access.account(world.account)?.sequence == count)
  }
}
