import Foundation
import GRDB
import Ledger
import LedgerService
import LightClients
import PacketHost
import Persistence
import StateTree
import Testing
import WireBytes

@Suite("An embedded domain in a directory")
struct DomainTests {
  @Test("makes blocks, and goes on where it was after it is opened again")
  func resumes() async throws {
    let world = try ServiceWorld(validators: 4)
    let first = try world.open()
    for height in 0..<3 as Range<UInt64> {
      try await first.submit(try world.send(height + 1, sequence: height))
      let committed = try await first.produceBlock(now: try ServiceWorld.time(Int64(height) + 1))
      #expect(committed.block.header.height == Int64(height) + 1)
      #expect(committed.outcome.results.map(\.code) == [0])
    }
    let tip = await first.tip
    let second = try world.open()
    #expect(await second.tip == tip)
    #expect(try await second.queries.account(world.account.address)?.sequence == 3)
    try await second.submit(try world.send(9, sequence: 3))
    let committed = try await second.produceBlock(now: try ServiceWorld.time(9))
    #expect(committed.block.header.height == 4)
    #expect(committed.block.header.lastBlockID == tip.blockID)
    #expect(try world.replayed(second.blocks).tip == committed.tip)
  }

  @Test("refuses the directory of a domain that began otherwise")
  func otherGenesis() throws {
    let world = try ServiceWorld()
    _ = try world.open()
    let other = try Genesis(
      rules: world.genesis.rules, time: try ServiceWorld.time(1), validators: world.genesis.validators,
      balances: world.genesis.balances)
    #expect(throws: DomainError.otherGenesis) { try world.open(genesis: other) }
  }

  @Test("asks again about the same block when no votes came, also after it is opened again")
  func sameBlockAgain() async throws {
    let world = try ServiceWorld()
    let signer = Reluctant(world.validators)
    let first = try world.open(signer: signer)
    try await first.submit(try world.send(1, sequence: 0))
    await #expect(throws: DomainError.votes(.unavailable)) {
      try await first.produceBlock(now: try ServiceWorld.time(1))
    }
    #expect(await first.tip.height == 0)
    #expect(try first.blocks.newestHeight() == nil)
    // What comes meanwhile does not get into the block that stands.
    try await first.submit(try world.send(2, sequence: 1))
    await #expect(throws: DomainError.votes(.unavailable)) {
      try await first.produceBlock(now: try ServiceWorld.time(2))
    }
    let second = try world.open(signer: signer)
    #expect(await second.wantsBlock)
    await signer.agree()
    let committed = try await second.produceBlock(now: try ServiceWorld.time(3))
    #expect(committed.block.transactions.count == 1)
    let asked = await signer.asked
    #expect(asked.count == 3)
    // Time has gone on, and the bytes are the same: a vote has one signature.
    #expect(Set(asked.flatMap { $0.map(\.signBytes) }).count == 1)
  }

  @Test(
    "finishes a block that a crash cut off after its votes, with and without its state",
    arguments: [true, false])
  func finishes(hasState: Bool) async throws {
    let world = try ServiceWorld()
    let first = try world.open()
    try await first.produceBlock(now: try ServiceWorld.time(1))
    let before = try Self.storedTip(world)
    try await first.submit(try world.send(5, sequence: 0))
    let committed = try await first.produceBlock(now: try ServiceWorld.time(2))
    // The file as it was between the two writes.
    let database = try Self.database(world)
    try await database.pool.write { connection in
      try connection.execute(sql: "UPDATE ledger_tip SET tip = ?", arguments: [before])
      for table in ["ledger_results", "ledger_transactions", "ledger_events"] {
        try connection.execute(sql: "DELETE FROM \(table) WHERE height = 2")
      }
      if !hasState {
        for table in ["state_versions", "state_pages", "state_values"] {
          try connection.execute(sql: "DELETE FROM \(table) WHERE version = 2")
        }
        try connection.execute(sql: "DELETE FROM state_stale WHERE since = 2")
      }
    }
    let second = try world.open()
    #expect(await second.tip == committed.tip)
    #expect(try second.blocks.results(at: 2) == committed.outcome.results)
    let hash = Transaction.hash(of: committed.block.transactions[0])
    #expect(try second.blocks.transaction(hash)?.height == 2)
    try await second.produceBlock(now: try ServiceWorld.time(3))
    #expect(try world.replayed(second.blocks).tip == (await second.tip))
  }

  @Test("refuses a transaction with its reason, and changes nothing")
  func refusal() async throws {
    let world = try ServiceWorld()
    let domain = try world.open()
    await #expect(throws: CheckFailure.refused(.sequence(expected: 0, actual: 7))) {
      try await domain.submit(try world.send(1, sequence: 7))
    }
    let bytes = try world.send(1, sequence: 0)
    try await domain.submit(bytes)
    await #expect(throws: CheckFailure.self) { try await domain.submit(bytes) }
    #expect(await domain.mempool.count == 1)
  }

  @Test("wants a block until a header proves the newest state")
  func wants() async throws {
    let world = try ServiceWorld()
    let domain = try world.open()
    #expect(await domain.wantsBlock)
    try await domain.produceBlock(now: try ServiceWorld.time(1))
    #expect(await !domain.wantsBlock)
    try await domain.submit(try world.send(1, sequence: 0))
    #expect(await domain.wantsBlock)
    try await domain.produceBlock(now: try ServiceWorld.time(2))
    #expect(await domain.wantsBlock)
    try await domain.produceBlock(now: try ServiceWorld.time(3))
    #expect(await !domain.wantsBlock)
  }

  @Test("forgets blocks and states beyond what it keeps")
  func prunes() async throws {
    let world = try ServiceWorld()
    let domain = try world.open(retention: Retention(states: 3, blocks: 5, interval: 10))
    for height in 1...20 as ClosedRange<Int64> {
      try await domain.submit(try world.send(1, sequence: UInt64(height) - 1))
      try await domain.produceBlock(now: try ServiceWorld.time(height))
    }
    #expect(try domain.blocks.oldestHeight() == 16)
    #expect(try domain.blocks.block(at: 15) == nil)
    let key = Genesis.chainIDKey
    #expect(
      try await domain.query(path: "store/ibc/key", request: key, at: 18).value == [UInt8]("crash-1".utf8))
    await #expect(throws: QueryRefusal.heightPruned(17, oldest: 18)) {
      try await domain.query(path: "store/ibc/key", request: key, at: 17)
    }
    #expect(await (try world.open()).tip == domain.tip)
  }

  @Test("tells subscribers of each block, and cuts off one that falls behind")
  func subscribers() async throws {
    let world = try ServiceWorld()
    let domain = try world.open()
    let quick = try await domain.committedBlocks()
    let slow = try await domain.committedBlocks(buffer: 2)
    for height in 1...4 as ClosedRange<Int64> {
      try await domain.produceBlock(now: try ServiceWorld.time(height))
    }
    var heights: [Int64] = []
    for await committed in quick {
      heights.append(committed.block.header.height)
      if heights.count == 4 { break }
    }
    #expect(heights == [1, 2, 3, 4])
    heights = []
    for await committed in slow { heights.append(committed.block.header.height) }
    #expect(heights == [1, 2])
  }

  @Test("keeps validators' keys from others")
  func keyFile() throws {
    let world = try ServiceWorld()
    let path = world.folder.path + "/validators.json"
    let again = try LocalValidators(path: path, count: 5)
    #expect(again.publicKeys == world.validators.publicKeys)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    #expect(throws: LocalValidators.KeyFileError.permissions(mode: 0o644)) {
      try LocalValidators(path: path, count: 1)
    }
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    try Data("{}".utf8).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    #expect(throws: LocalValidators.KeyFileError.form) { try LocalValidators(path: path, count: 1) }
  }

  private static func database(_ world: ServiceWorld) throws -> DatabaseFile {
    try DatabaseFile(
      path: world.folder.path + "/" + EmbeddedDomain.fileName,
      migrations: SQLiteStateStore.migrations + BlockStore.migrations)
  }

  private static func storedTip(_ world: ServiceWorld) throws -> Data {
    let tip = try database(world).pool.read { try Data.fetchOne($0, sql: "SELECT tip FROM ledger_tip") }
    return try #require(tip)
  }
}
