import Encodings
import FoundationEssentials
import GRDB
public import Ledger
public import LightClients
import PacketHost
public import Persistence
public import WireBytes

/// What a domain has decided, in SQLite: blocks and their votes, results, the tip, and the index of events.
///
/// A copy refers to the same tables. Reads see whole transactions and do not wait for the writer.
public struct BlockStore: Sendable {
  /// Longer attribute values are not in the index of events, whatever their attribute says.
  public static let indexedValueBytesMax = 128

  let database: DatabaseFile

  /// The tables. The primary key of `ledger_blocks` is what makes a second block at a height impossible.
  public static let migrations = [
    DatabaseMigration(
      "ledger/1",
      sql: """
        CREATE TABLE ledger_tip (
          id INTEGER PRIMARY KEY CHECK (id = 1), genesis BLOB NOT NULL, tip BLOB NOT NULL) STRICT;
        CREATE TABLE ledger_blocks (
          height INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, block BLOB NOT NULL, validators BLOB NOT NULL,
          votes BLOB) STRICT;
        CREATE TABLE ledger_results (
          height INTEGER NOT NULL, place INTEGER NOT NULL, result BLOB NOT NULL,
          PRIMARY KEY (height, place)) STRICT, WITHOUT ROWID;
        CREATE TABLE ledger_transactions (
          hash BLOB PRIMARY KEY, height INTEGER NOT NULL, place INTEGER NOT NULL, code INTEGER NOT NULL)
          STRICT, WITHOUT ROWID;
        CREATE INDEX ledger_transactions_place ON ledger_transactions (height, place);
        CREATE TABLE ledger_event_keys (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
        CREATE TABLE ledger_events (
          key INTEGER NOT NULL, value TEXT NOT NULL, height INTEGER NOT NULL, place INTEGER NOT NULL,
          event INTEGER NOT NULL, PRIMARY KEY (key, value, height, place, event)) STRICT, WITHOUT ROWID;
        """),
    // The time that the votes for a block say. Asked again, validators are shown the same bytes: one vote has one signature.
    DatabaseMigration(
      "ledger/2",
      sql: """
        ALTER TABLE ledger_blocks ADD COLUMN vote_seconds INTEGER;
        ALTER TABLE ledger_blocks ADD COLUMN vote_nanoseconds INTEGER;
        """),
  ]

  /// The tables of a database that was opened with ``migrations``.
  public init(database: DatabaseFile) { self.database = database }
}

/// Why what was decided cannot be read or written.
public enum BlockStoreError: Error, Hashable, Sendable {
  public enum Table: Hashable, Sendable { case tip, blocks, results }

  /// SQLite's extended result code (sqlite.org/rescode.html).
  case engine(code: Int32)
  /// Bytes in the table are not what was written there.
  case corrupt(Table)
  /// A block stands at this height already: there is never a second one.
  case heightTaken(Int64)
  /// No undecided block stands at this height.
  case nothingToDecide(Int64)
}

/// A block as it is stored.
public struct StoredBlock: Hashable, Sendable {
  public let block: ProposedBlock
  /// The votes that decided it; nil when they have not been written down.
  public let commit: CometBFT.Commit?
  /// The set that signed it.
  public let validators: CometBFT.ValidatorSet
}

/// A transaction of a block, with what became of it.
public struct IncludedTransaction: Hashable, Sendable {
  public let hash: Bytes32
  public let height: Int64
  public let place: Int
  public let bytes: [UInt8]
  public let result: TransactionResult
}

// MARK: Writing

extension BlockStore {
  /// The genesis document and the tip that were written last; nil in a new file.
  func tip() throws(BlockStoreError) -> (genesis: [UInt8], tip: ChainTip)? {
    let found = try read { connection in
      try Row.fetchOne(connection, sql: "SELECT genesis, tip FROM ledger_tip").map {
        (try Self.bytes($0, 0, .tip), try Self.bytes($0, 1, .tip))
      }
    }
    guard let (genesis, bytes) = found else { return nil }
    do { return (genesis, try ChainTip(decoding: bytes.span)) } catch { throw .corrupt(.tip) }
  }

  func begin(genesis: [UInt8], tip: ChainTip) throws(BlockStoreError) {
    try write { connection in
      try connection.execute(
        sql: "INSERT INTO ledger_tip (id, genesis, tip) VALUES (1, ?, ?)",
        arguments: [Data(genesis), Data(tip.encoded())])
    }
  }

  /// Writes the block down, and the time at which it is voted for, before anybody does.
  func propose(
    _ block: ProposedBlock, votedAt time: CometBFT.Timestamp, validators: CometBFT.ValidatorSet
  ) throws(BlockStoreError) {
    guard let hash = block.blockID.hash else { throw .corrupt(.blocks) }
    let height = block.header.height
    try write { connection in
      let taken = try Int.fetchOne(
        connection, sql: "SELECT count(*) FROM ledger_blocks WHERE height = ?", arguments: [height])
      guard taken == 0 else { throw BlockStoreError.heightTaken(height) }
      try connection.execute(
        sql: """
          INSERT INTO ledger_blocks (height, hash, block, validators, vote_seconds, vote_nanoseconds)
          VALUES (?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          height, Data(hash.array), Data(block.encoded), Data(validators.encoded()), time.seconds,
          time.nanoseconds,
        ])
    }
  }

  /// Runs `body` in one transaction: what it writes here, and to the state in the same file, reaches the disk
  /// together or not at all.
  func together<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try database.transaction { _ in try body() } } catch let error as GRDB.DatabaseError {
      throw BlockStoreError.engine(code: error.extendedResultCode.rawValue)
    }
  }

  /// When a block that was proposed is voted for; nil for a height that has none, or one of an older file.
  func voteTime(at height: Int64) throws(BlockStoreError) -> CometBFT.Timestamp? {
    try read { connection in
      guard
        let row = try Row.fetchOne(
          connection, sql: "SELECT vote_seconds, vote_nanoseconds FROM ledger_blocks WHERE height = ?",
          arguments: [height]), let seconds = row[0] as Int64?, let nanoseconds = row[1] as Int32?
      else { return nil }
      guard let time = try? CometBFT.Timestamp(seconds: seconds, nanoseconds: nanoseconds) else {
        throw BlockStoreError.corrupt(.blocks)
      }
      return time
    }
  }

  /// Writes the votes down.
  func decide(_ commit: CometBFT.Commit) throws(BlockStoreError) {
    try write { connection in
      try connection.execute(
        sql: "UPDATE ledger_blocks SET votes = ? WHERE height = ? AND votes IS NULL",
        arguments: [Data(commit.encoded()), commit.height])
      guard connection.changesCount == 1 else { throw BlockStoreError.nothingToDecide(commit.height) }
    }
  }

  /// Writes down what the block did, and that it is the tip.
  func finish(_ committed: CommittedBlock) throws(BlockStoreError) {
    let height = committed.block.header.height
    try write { connection in
      let results = try connection.cachedStatement(
        sql: "INSERT INTO ledger_results (height, place, result) VALUES (?, ?, ?)")
      // A transaction that was refused may come again; one that succeeded stays where it is.
      let transactions = try connection.cachedStatement(
        sql: """
          INSERT INTO ledger_transactions (hash, height, place, code) VALUES (?, ?, ?, ?)
          ON CONFLICT (hash) DO UPDATE SET height = excluded.height, place = excluded.place, code = excluded.code
          WHERE ledger_transactions.code <> 0
          """)
      let rows = try connection.cachedStatement(
        sql: "INSERT OR IGNORE INTO ledger_events (key, value, height, place, event) VALUES (?, ?, ?, ?, ?)")
      var keys = EventKeys()
      for (place, result) in committed.outcome.results.enumerated() {
        let hash = Transaction.hash(of: committed.block.transactions[place])
        try results.execute(arguments: [height, place, Data(result.encoded())])
        try transactions.execute(arguments: [Data(hash.array), height, place, Int64(result.code)])
        for (number, event) in Self.indexed(result.events) {
          for attribute in event.attributes {
            let key = try keys.id(of: event, attribute, connection)
            try rows.execute(arguments: [key, attribute.value, height, place, number])
          }
        }
      }
      try connection.execute(
        sql: "UPDATE ledger_tip SET tip = ? WHERE id = 1", arguments: [Data(committed.tip.encoded())])
    }
  }

  /// Forgets blocks below `height`, and all that belongs to them.
  func prune(below height: Int64) throws(BlockStoreError) {
    try write { connection in
      let rows = try connection.cachedStatement(
        sql:
          "DELETE FROM ledger_events WHERE key = ? AND value = ? AND height = ? AND place = ? AND event = ?")
      var keys = EventKeys()
      let results = try Row.fetchCursor(
        connection, sql: "SELECT height, place, result FROM ledger_results WHERE height < ?",
        arguments: [height])
      while let row = try results.next() {
        let (height, place): (Int64, Int) = (row[0], row[1])
        // The rows of a block are found from its results: an index by height would cost as much as the table.
        for (number, event) in Self.indexed(try Self.result(row, 2).events) {
          for attribute in event.attributes {
            let key = try keys.id(of: event, attribute, connection)
            try rows.execute(arguments: [key, attribute.value, height, place, number])
          }
        }
      }
      for table in ["ledger_blocks", "ledger_results", "ledger_transactions"] {
        try connection.execute(sql: "DELETE FROM \(table) WHERE height < ?", arguments: [height])
      }
    }
  }

  /// What of a transaction's events is searched for, each event with its number; of events that look the same
  /// in a search, the first.
  private static func indexed(_ events: [Event]) -> [(number: Int, event: Event)] {
    var seen: Set<Event> = []
    var kept: [(number: Int, event: Event)] = []
    for (number, event) in events.enumerated() {
      let attributes = event.attributes.filter {
        $0.isIndexed && $0.value.utf8.count <= indexedValueBytesMax
      }
      let searched = Event(event.type, attributes)
      if !attributes.isEmpty, seen.insert(searched).inserted { kept.append((number, searched)) }
    }
    return kept
  }
}

/// The numbers of `type.key` names in the index of events, each looked up once.
private struct EventKeys {
  private struct Name: Hashable {
    let type: String
    let key: String
  }

  private var known: [Name: Int64] = [:]

  /// The number of the attribute's name, which gets one when it has none.
  mutating func id(of event: Event, _ attribute: Event.Attribute, _ connection: Database) throws -> Int64 {
    let name = Name(type: event.type, key: attribute.key)
    if let id = known[name] { return id }
    let text = "\(event.type).\(attribute.key)"
    try connection.execute(
      sql: "INSERT OR IGNORE INTO ledger_event_keys (name) VALUES (?)", arguments: [text])
    let id = try Int64.fetchOne(
      connection, sql: "SELECT id FROM ledger_event_keys WHERE name = ?", arguments: [text])
    guard let id else { throw BlockStoreError.corrupt(.results) }
    known[name] = id
    return id
  }
}

// MARK: Reading

extension BlockStore {
  /// The oldest height whose block is kept; nil before the first block.
  public func oldestHeight() throws(BlockStoreError) -> Int64? {
    try read { try Int64.fetchOne($0, sql: "SELECT min(height) FROM ledger_blocks WHERE votes IS NOT NULL") }
  }

  /// The newest height whose block was decided; nil before the first block.
  public func newestHeight() throws(BlockStoreError) -> Int64? {
    try read { try Int64.fetchOne($0, sql: "SELECT max(height) FROM ledger_blocks WHERE votes IS NOT NULL") }
  }

  /// The block at `height`, decided or not; nil when none is kept.
  public func block(at height: Int64) throws(BlockStoreError) -> StoredBlock? {
    try read { connection in
      try Self.block(
        Row.fetchOne(
          connection, sql: "SELECT block, votes, validators FROM ledger_blocks WHERE height = ?",
          arguments: [height]))
    }
  }

  public func block(hash: Bytes32) throws(BlockStoreError) -> StoredBlock? {
    try read { connection in
      try Self.block(
        Row.fetchOne(
          connection, sql: "SELECT block, votes, validators FROM ledger_blocks WHERE hash = ?",
          arguments: [Data(hash.array)]))
    }
  }

  /// Results of the block at `height`, in the order of its transactions; empty also when none are kept.
  public func results(at height: Int64) throws(BlockStoreError) -> [TransactionResult] {
    try read { connection in
      let rows = try Row.fetchAll(
        connection, sql: "SELECT result FROM ledger_results WHERE height = ? ORDER BY place",
        arguments: [height])
      return try rows.map { try Self.result($0, 0) }
    }
  }

  /// The transaction with this hash; nil when no kept block has it.
  public func transaction(_ hash: Bytes32) throws(BlockStoreError) -> IncludedTransaction? {
    try read { connection in
      let row = try Row.fetchOne(
        connection, sql: "SELECT height, place FROM ledger_transactions WHERE hash = ?",
        arguments: [Data(hash.array)])
      guard let row else { return nil }
      return try Self.transactions(at: [(row[0], row[1])], connection).first
    }
  }

  /// What became of the transaction with this hash, without its bytes; nil when no kept block has it.
  func result(of hash: Bytes32) throws(BlockStoreError) -> (height: Int64, result: TransactionResult)? {
    try read { connection in
      let row = try Row.fetchOne(
        connection,
        sql: """
          SELECT height, result FROM ledger_transactions JOIN ledger_results USING (height, place) WHERE hash = ?
          """, arguments: [Data(hash.array)])
      guard let row else { return nil }
      return (row[0], try Self.result(row, 1))
    }
  }

  /// Transactions at `places`, in that order; each block is decoded once.
  static func transactions(
    at places: [(height: Int64, place: Int)], _ connection: Database
  ) throws -> [IncludedTransaction] {
    var blocks: [Int64: ProposedBlock] = [:]
    var found: [IncludedTransaction] = []
    for (height, place) in places {
      if blocks[height] == nil {
        let row = try Row.fetchOne(
          connection, sql: "SELECT block, votes, validators FROM ledger_blocks WHERE height = ?",
          arguments: [height])
        blocks[height] = try Self.block(row)?.block
      }
      let row = try Row.fetchOne(
        connection, sql: "SELECT result FROM ledger_results WHERE height = ? AND place = ?",
        arguments: [height, place])
      guard let block = blocks[height], block.transactions.indices.contains(place), let row else {
        throw BlockStoreError.corrupt(.results)
      }
      let bytes = block.transactions[place]
      found.append(
        IncludedTransaction(
          hash: Transaction.hash(of: bytes), height: height, place: place, bytes: bytes,
          result: try Self.result(row, 0)))
    }
    return found
  }

  private static func block(_ row: Row?) throws -> StoredBlock? {
    guard let row else { return nil }
    let bytes = try Self.bytes(row, 0, .blocks)
    let votes = row.hasNull(atIndex: 1) ? nil : try Self.bytes(row, 1, .blocks)
    let validators = try Self.bytes(row, 2, .blocks)
    do {
      return StoredBlock(
        block: try ProposedBlock(decoding: bytes.span),
        commit: try votes.map { votes throws(CometBFT.DecodingError) in
          try CometBFT.Commit(decoding: votes.span)
        },
        validators: try CometBFT.ValidatorSet(decoding: validators.span))
    } catch { throw BlockStoreError.corrupt(.blocks) }
  }

  private static func result(_ row: Row, _ column: Int) throws -> TransactionResult {
    let bytes = try Self.bytes(row, column, .results)
    do { return try TransactionResult(decoding: bytes) } catch { throw BlockStoreError.corrupt(.results) }
  }

  /// A column that must hold bytes.
  private static func bytes(_ row: Row, _ column: Int, _ table: BlockStoreError.Table) throws -> [UInt8] {
    let value: DatabaseValue = row[column]
    guard case .blob(let blob) = value.storage else { throw BlockStoreError.corrupt(table) }
    return [UInt8](blob)
  }

  func read<Result>(_ body: (Database) throws -> Result) throws(BlockStoreError) -> Result {
    try Self.engine { try database.pool.read(body) }
  }

  func write<Result>(_ body: (Database) throws -> Result) throws(BlockStoreError) -> Result {
    try Self.engine { try database.transaction(body) }
  }

  private static func engine<Result>(_ body: () throws -> Result) throws(BlockStoreError) -> Result {
    do {
      return try body()
    } catch let error as BlockStoreError {
      throw error
    } catch {
      let code = (error as? GRDB.DatabaseError)?.extendedResultCode ?? .SQLITE_ERROR
      throw .engine(code: code.rawValue)
    }
  }
}
