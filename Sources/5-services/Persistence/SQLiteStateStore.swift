import FoundationEssentials
import GRDB
public import StateTree

/// Keeps a state tree in SQLite: one transaction for each commit, so that a killed process leaves whole versions.
///
/// A copy refers to the same tables; readers go on during a write and see the versions before it. One database may
/// hold several trees, each under a name of its own. A tree has one writer; others may read beside it.
public struct SQLiteStateStore: StateStore {
  private let database: DatabaseFile
  /// Which tree of the database this is.
  private let tree: Int64
  private let cache = StateCache()

  /// The tables. Pages stand in the order in which they were written, so that a commit adds at the end of the file
  /// wherever in the tree it writes; values by their keys; what became useless by the version since which it is.
  public static let migrations = [
    DatabaseMigration(
      "state/1",
      sql: """
        CREATE TABLE state_trees (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
        CREATE TABLE state_versions (
          tree INTEGER NOT NULL, version INTEGER NOT NULL, top BLOB NOT NULL,
          PRIMARY KEY (tree, version)) STRICT, WITHOUT ROWID;
        CREATE TABLE state_pages (
          tree INTEGER NOT NULL, version INTEGER NOT NULL, path BLOB NOT NULL, page BLOB NOT NULL,
          UNIQUE (tree, version, path)) STRICT;
        CREATE TABLE state_values (
          tree INTEGER NOT NULL, key BLOB NOT NULL, version INTEGER NOT NULL, value BLOB,
          PRIMARY KEY (tree, key, version)) STRICT, WITHOUT ROWID;
        CREATE TABLE state_stale (
          tree INTEGER NOT NULL, since INTEGER NOT NULL, records BLOB NOT NULL, PRIMARY KEY (tree, since)) STRICT;
        """)
  ]

  /// The tree called `name` of a database that was opened with ``migrations``.
  public init(database: DatabaseFile, name: String = "state") throws(StateStoreError) {
    self.database = database
    tree = try Self.engine {
      try database.pool.write { connection in
        try connection.execute(sql: "INSERT OR IGNORE INTO state_trees (name) VALUES (?)", arguments: [name])
        let id = try Int64.fetchOne(
          connection, sql: "SELECT id FROM state_trees WHERE name = ?", arguments: [name])
        guard let id else { throw StateStoreError.corruptRow(table: .versions) }
        return id
      }
    }
  }

  public func versions() throws(StateStoreError) -> StateVersions? {
    try read { (connection: Database) throws -> StateVersions? in
      let row = try Row.fetchOne(
        connection, sql: "SELECT min(version), max(version) FROM state_versions WHERE tree = ?",
        arguments: [tree])
      guard let row, let oldest = UInt64.fromDatabaseValue(row[0]),
        let newest = UInt64.fromDatabaseValue(row[1])
      else { return nil }
      return StateVersions(oldest: oldest, newest: newest)
    }
  }

  public func top(of version: UInt64) throws(StateStoreError) -> StateSubtree? {
    if let known = cache.top(of: version) { return known }
    guard let version = Int64(exactly: version) else { return nil }
    return try read { (connection: Database) throws -> StateSubtree? in
      let statement = try connection.cachedStatement(
        sql: "SELECT top FROM state_versions WHERE tree = ? AND version = ?")
      guard let row = try Row.fetchOne(statement, arguments: [tree, version]) else { return nil }
      let bytes = try Self.bytes(row, 0, .versions)
      do throws(StatePageError) { return try StateSubtree(decoding: bytes) } catch {
        throw StateStoreError.corruptTop(version: UInt64(version), error)
      }
    }
  }

  public func page(_ id: StatePageID) throws(StateStoreError) -> StatePage {
    if let known = cache.page(id) { return known }
    let page = try read { (connection: Database) throws -> StatePage in
      let statement = try connection.cachedStatement(
        sql: "SELECT page FROM state_pages WHERE tree = ? AND version = ? AND path = ?")
      let row = try Row.fetchOne(
        statement, arguments: [tree, Int64(bitPattern: id.version), Data(id.path.encoded())])
      guard let row else { throw StateStoreError.missingPage(id) }
      let bytes = try Self.bytes(row, 0, .pages)
      do throws(StatePageError) { return try StatePage(decoding: bytes, at: id.path) } catch {
        throw StateStoreError.corruptPage(id, error)
      }
    }
    cache.remember(page, id)
    return page
  }

  public func value(of key: [UInt8], at version: UInt64) throws(StateStoreError) -> [UInt8]? {
    if let known = cache.value(of: key, at: version) { return known }
    let value = try read { (connection: Database) throws -> [UInt8]? in
      let statement = try connection.cachedStatement(
        sql: """
          SELECT value FROM state_values WHERE tree = ? AND key = ? AND version <= ?
          ORDER BY version DESC LIMIT 1
          """)
      let row = try Row.fetchOne(statement, arguments: [tree, Data(key), Int64(clamping: version)])
      guard let row, !row.hasNull(atIndex: 0) else { return nil }
      return try Self.bytes(row, 0, .values)
    }
    cache.remember(value, of: key, at: version)
    return value
  }

  /// The values of `keys` at `version`, in the order of the keys, in one read; nil when there is no such version.
  public func values(of keys: [[UInt8]], at version: UInt64) throws(StateStoreError) -> [[UInt8]?]? {
    guard let version = Int64(exactly: version) else { return nil }
    return try read { (connection: Database) throws -> [[UInt8]?]? in
      let known = try connection.cachedStatement(
        sql: "SELECT 1 FROM state_versions WHERE tree = ? AND version = ?")
      guard try Row.fetchOne(known, arguments: [tree, version]) != nil else { return nil }
      let statement = try connection.cachedStatement(
        sql: """
          SELECT value FROM state_values WHERE tree = ? AND key = ? AND version <= ?
          ORDER BY version DESC LIMIT 1
          """)
      return try keys.map { key in
        let row = try Row.fetchOne(statement, arguments: [tree, Data(key), version])
        guard let row, !row.hasNull(atIndex: 0) else { return nil }
        return try Self.bytes(row, 0, .values)
      }
    }
  }

  public func entries(
    prefix: [UInt8], after last: [UInt8]?, at version: UInt64, limit: StateScanLimit
  ) throws(StateStoreError) -> [StateEntry] {
    try read { (connection: Database) throws -> [StateEntry] in
      var found: [StateEntry] = []
      guard limit.count > 0 else { return found }
      let statement = try connection.cachedStatement(
        sql: """
          SELECT key, value FROM state_values AS one
          WHERE tree = ?1 AND key >= ?2 AND (?3 IS NULL OR key > ?3) AND value IS NOT NULL AND version = (
            SELECT max(version) FROM state_values WHERE tree = ?1 AND key = one.key AND version <= ?4)
          ORDER BY key
          """)
      // Starting at the later of the two spares reading what comes before.
      let start = last.map { prefix.lexicographicallyPrecedes($0) ? $0 : prefix } ?? prefix
      let rows = try Row.fetchCursor(
        statement, arguments: [tree, Data(start), last.map { Data($0) }, Int64(clamping: version)])
      var bytes = 0
      while let row = try rows.next() {
        let key = try Self.bytes(row, 0, .values)
        guard key.starts(with: prefix) else { break }
        let value = try Self.bytes(row, 1, .values)
        bytes += key.count + value.count
        found.append(StateEntry(key: key, value: value))
        if found.count == limit.count || bytes >= limit.bytes { break }
      }
      return found
    }
  }

  public func range(
    from start: [UInt8], until end: [UInt8]?, descending: Bool, at version: UInt64, limit: StateScanLimit
  ) throws(StateStoreError) -> [StateEntry] {
    try read { (connection: Database) throws -> [StateEntry] in
      var found: [StateEntry] = []
      guard limit.count > 0, end.map({ start.lexicographicallyPrecedes($0) }) ?? true else { return found }
      // Each bound stands as one comparison, so that the index is entered at it in either direction.
      let statement = try connection.cachedStatement(
        sql: """
          SELECT key, value FROM state_values AS one
          WHERE tree = ?1 AND key >= ?2 \(end == nil ? "" : "AND key < ?4") AND value IS NOT NULL AND version = (
            SELECT max(version) FROM state_values WHERE tree = ?1 AND key = one.key AND version <= ?3)
          ORDER BY key \(descending ? "DESC" : "")
          """)
      var arguments: StatementArguments = [tree, Data(start), Int64(clamping: version)]
      if let end { arguments += [Data(end)] }
      let rows = try Row.fetchCursor(statement, arguments: arguments)
      var bytes = 0
      while let row = try rows.next() {
        let key = try Self.bytes(row, 0, .values)
        let value = try Self.bytes(row, 1, .values)
        bytes += key.count + value.count
        found.append(StateEntry(key: key, value: value))
        if found.count == limit.count || bytes >= limit.bytes { break }
      }
      return found
    }
  }

  public mutating func write(_ commit: StateCommit) throws(StateStoreError) {
    let (tree, cache) = (tree, cache)
    try Self.engine {
      try database.transaction { connection in
        let version = Int64(bitPattern: commit.version)
        let previous = try Int64.fetchOne(
          connection, sql: "SELECT max(version) FROM state_versions WHERE tree = ?", arguments: [tree])
        // Another transaction may be around this one: only what is on disk is remembered.
        connection.afterNextTransaction { _ in
          cache.commit(commit, after: previous.map { UInt64(bitPattern: $0) })
        }
        let pages = try connection.cachedStatement(
          sql: "INSERT INTO state_pages (tree, path, version, page) VALUES (?, ?, ?, ?)")
        for (path, page) in commit.pages {
          try pages.execute(arguments: [tree, Data(path.encoded()), version, Data(page.encoded())])
        }
        let values = try connection.cachedStatement(
          sql: "INSERT INTO state_values (tree, key, version, value) VALUES (?, ?, ?, ?)")
        for change in commit.changes {
          try values.execute(arguments: [tree, Data(change.key), version, change.value.map { Data($0) }])
        }
        try connection.execute(
          sql: "INSERT INTO state_stale (tree, since, records) VALUES (?, ?, ?)",
          arguments: [tree, version, Data(StaleRecords(commit).encoded())])
        try connection.execute(
          sql: "INSERT INTO state_versions (tree, version, top) VALUES (?, ?, ?)",
          arguments: [tree, version, Data(commit.top.encoded())])
      }
    }
  }

  public mutating func prune(before version: UInt64) throws(StateStoreError) -> StatePruneCount {
    let tree = tree
    let limit = Int64(clamping: version)
    cache.prune(before: version)
    return try Self.engine {
      try database.transaction { connection in
        var count = StatePruneCount()
        let pages = try connection.cachedStatement(
          sql: "DELETE FROM state_pages WHERE tree = ? AND version = ? AND path = ?")
        let values = try connection.cachedStatement(
          sql: "DELETE FROM state_values WHERE tree = ? AND key = ? AND version = ?")
        let rows = try Row.fetchCursor(
          connection, sql: "SELECT records FROM state_stale WHERE tree = ? AND since <= ? ORDER BY since",
          arguments: [tree, limit])
        while let row = try rows.next() {
          guard let stale = StaleRecords(decoding: try Self.bytes(row, 0, .stale)) else {
            throw StateStoreError.corruptRow(table: .stale)
          }
          for (path, version) in stale.pages {
            try pages.execute(arguments: [tree, Int64(bitPattern: version), Data(path)])
            count.pages += connection.changesCount
          }
          for (key, version) in stale.values {
            try values.execute(arguments: [tree, Data(key), Int64(bitPattern: version)])
            count.values += connection.changesCount
          }
        }
        try connection.execute(
          sql: "DELETE FROM state_stale WHERE tree = ? AND since <= ?", arguments: [tree, limit])
        try connection.execute(
          sql: "DELETE FROM state_versions WHERE tree = ? AND version < ?", arguments: [tree, limit])
        count.versions = connection.changesCount
        return count
      }
    }
  }

  /// A column that must hold bytes.
  private static func bytes(_ row: Row, _ column: Int, _ table: StateTable) throws(StateStoreError) -> [UInt8]
  {
    let value: DatabaseValue = row[column]
    guard case .blob(let blob) = value.storage else { throw .corruptRow(table: table) }
    return [UInt8](blob)
  }

  private func read<Result>(
    _ body: (Database) throws -> Result
  ) throws(StateStoreError) -> Result {
    // Each read is one statement, and so sees one whole state without a transaction around it.
    try Self.engine { try database.pool.unsafeRead(body) }
  }

  private static func engine<Result>(_ body: () throws -> Result) throws(StateStoreError) -> Result {
    do {
      return try body()
    } catch let error as StateStoreError {
      throw error
    } catch {
      throw .engine(code: DatabaseFile.code(of: error))
    }
  }
}
