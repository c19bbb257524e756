public import GRDB

/// One SQLite file, opened the way every room needs it: durable, migrated, and known to be ours.
///
/// Journal mode is WAL and `synchronous` is FULL: a transaction that has returned is on disk, and a process that is
/// killed at any point leaves the last whole transaction behind. A class, since connections are shared, not copied.
public final class DatabaseFile: Sendable {
  /// GRDB's pool: one writer, concurrent readers that each see one whole state.
  public let pool: DatabasePool

  /// How long a writer waits for another process's lock before it gives up.
  public static let busyTimeout = Duration.seconds(5)
  /// Concurrent readers of one process.
  public static let readersMax = 8
  /// What the writer keeps of the file in memory: with less, SQLite writes half-done pages out in the middle of a
  /// block's transaction (benchmark DomainLoad, 100,000 crossings: half the time).
  public static let writerCacheBytes = 32 << 20
  /// The size at which the write-ahead log is brought into the file, in pages of 4 KiB: a page that changes in every
  /// transaction is then written once for many of them.
  public static let checkpointPages = 8_192

  /// Opens or creates the file at `path` and brings its tables up to date.
  ///
  /// - Parameter migrations: all steps of all rooms that keep tables here, in a fixed order. A file that has a step
  ///   which is not in the list was written by a newer program, and is refused.
  public init(path: String, migrations: [DatabaseMigration]) throws(DatabaseFileError) {
    var configuration = Configuration()
    configuration.busyMode = .timeout(5)
    configuration.maximumReaderCount = Self.readersMax
    configuration.foreignKeysEnabled = true
    var names: Set<String> = []
    var migrator = DatabaseMigrator()
    for migration in migrations {
      guard names.insert(migration.name).inserted else { throw .duplicateMigration(migration.name) }
      migrator.registerMigration(migration.name) { try migration.apply($0) }
    }
    do {
      let pool = try DatabasePool(path: path, configuration: configuration)
      // A pool sets WAL by itself, and NORMAL with it, which may lose the last transactions with the power. It
      // writes through one connection as long as it lives.
      try pool.writeWithoutTransaction { connection in
        try connection.execute(sql: "PRAGMA synchronous = FULL")
        // A negative number counts KiB.
        try connection.execute(sql: "PRAGMA cache_size = -\(Self.writerCacheBytes >> 10)")
        try connection.execute(sql: "PRAGMA wal_autocheckpoint = \(Self.checkpointPages)")
      }
      let unknown = try pool.read { try migrator.hasBeenSuperseded($0) }
      guard !unknown else { throw DatabaseFileError.newerFile }
      try migrator.migrate(pool)
      self.pool = pool
    } catch let error as DatabaseFileError {
      throw error
    } catch {
      throw .engine(code: Self.code(of: error))
    }
  }

  /// Runs `body` in one transaction, on disk when this returns; all of it is undone when it throws.
  ///
  /// Inside another call of this on the same file, `body` becomes a part of that one, and is on disk with it.
  public func transaction<Result>(_ body: (Database) throws -> Result) throws -> Result {
    try pool.unsafeReentrantWrite { connection in
      var result: Result?
      func run() throws -> Database.TransactionCompletion {
        result = try body(connection)
        return .commit
      }
      if connection.isInsideTransaction {
        try connection.inSavepoint(run)
      } else {
        try connection.inTransaction(.immediate, run)
      }
      guard let result else { throw GRDB.DatabaseError(resultCode: .SQLITE_INTERNAL) }
      return result
    }
  }

  /// The extended result code of SQLite in an error of GRDB; `SQLITE_ERROR` for any other error.
  static func code(of error: any Error) -> Int32 {
    (error as? GRDB.DatabaseError)?.extendedResultCode.rawValue ?? ResultCode.SQLITE_ERROR.rawValue
  }
}

/// One step that a room takes to bring its tables up to date. Steps are never changed once released, only added.
public struct DatabaseMigration: Sendable {
  /// Unique in a file: `room/number`, such as `state/1`.
  public let name: String
  let apply: @Sendable (Database) throws -> Void

  public init(_ name: String, _ apply: @escaping @Sendable (Database) throws -> Void) {
    self.name = name
    self.apply = apply
  }

  public init(_ name: String, sql: String) {
    self.init(name) { try $0.execute(sql: sql) }
  }
}

/// Why a database file cannot be used.
public enum DatabaseFileError: Error, Hashable, Sendable {
  case duplicateMigration(String)
  /// The file has tables of a newer version of this program.
  case newerFile
  /// SQLite's extended result code (sqlite.org/rescode.html).
  case engine(code: Int32)
}
