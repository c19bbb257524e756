private import FoundationEssentials
import GRDB
public import Messages
public import Persistence
public import WireBytes

/// What an attester has bound itself to at one height: every signature for the height says this time, and values under
/// this root.
public struct Watermark: Hashable, Sendable {
  public let time: UnixTime
  public let root: Bytes32

  public init(time: UnixTime, root: Bytes32) {
    self.time = time
    self.root = root
  }
}

/// Why a watermark was not set.
public enum AttestationRecordError: Error, Hashable, Sendable {
  /// Another one was set for this height.
  case conflict(Watermark)
  /// Earlier than the time kept for a lower height, or later than that for a higher one.
  case timeOrder(kept: Height)
  /// What was kept for heights up to this one may be gone.
  case pruned(Height)
  /// SQLite counts to 2^63 - 1.
  case heightRange
  /// SQLite's extended result code.
  case engine(code: Int32)
  /// A row that nothing of ours writes.
  case corruptRow
}

/// The watermarks of one attester in SQLite. When ``settle(_:origin:height:)`` returns, the row is on disk.
public struct AttestationRecord: Sendable {
  /// Heights kept for each origin; the newest ones.
  public static let heightsMax = 10_000
  /// So many rows are pruned at once.
  public static let pruneCount = 64

  public static let migrations = [
    DatabaseMigration(
      "attester/1",
      sql: """
        CREATE TABLE attester_watermarks (
          origin TEXT NOT NULL, revision INTEGER NOT NULL, number INTEGER NOT NULL,
          seconds INTEGER NOT NULL, root BLOB NOT NULL CHECK (length(root) = 32),
          PRIMARY KEY (origin, revision, number)) STRICT, WITHOUT ROWID;
        CREATE TABLE attester_origins (
          origin TEXT NOT NULL PRIMARY KEY, kept INTEGER NOT NULL,
          floor_revision INTEGER NOT NULL, floor_number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        """)
  ]

  private let database: DatabaseFile
  private let heightsKept: Int

  /// Opens or creates the file at `path`. Two processes may: they bind each other.
  public init(path: String, heightsKept: Int = heightsMax) throws(DatabaseFileError) {
    self.init(
      database: try DatabaseFile(path: path, migrations: Self.migrations), heightsKept: heightsKept)
  }

  /// - Parameter database: opened with ``migrations``.
  public init(database: DatabaseFile, heightsKept: Int = heightsMax) {
    precondition(heightsKept > 0)
    self.database = database
    self.heightsKept = heightsKept
  }

  /// Binds the attester to `watermark` at `height`, for ever; does nothing when it already is.
  ///
  /// - Throws: ``AttestationRecordError``: nothing may be signed then.
  public func settle(
    _ watermark: Watermark, origin: DomainID, height: Height
  ) async throws(AttestationRecordError) {
    let row = try RowHeight(height)
    guard let seconds = Int64(exactly: watermark.time.seconds) else { throw .heightRange }
    let (origin, root, keep) = (origin.text, Data(watermark.root.array), heightsKept)
    do {
      try await database.pool.write { connection in
        try Self.settle(connection, origin, row, seconds, root, keep: keep)
      }
    } catch let error as AttestationRecordError {
      throw error
    } catch let error as DatabaseError {
      throw .engine(code: error.extendedResultCode.rawValue)
    } catch {
      throw .engine(code: ResultCode.SQLITE_INTERRUPT.rawValue)
    }
  }

  /// What was set for `height`; nil when nothing was, or when it was pruned.
  public func watermark(
    origin: DomainID, height: Height
  ) async throws(AttestationRecordError) -> Watermark? {
    let row = try RowHeight(height)
    let origin = origin.text
    do {
      return try await database.pool.read { try Self.watermark($0, origin, row) }
    } catch let error as AttestationRecordError {
      throw error
    } catch let error as DatabaseError {
      throw .engine(code: error.extendedResultCode.rawValue)
    } catch {
      throw .engine(code: ResultCode.SQLITE_INTERRUPT.rawValue)
    }
  }

  /// The highest height that something was set for.
  public func newest(
    origin: DomainID
  ) async throws(AttestationRecordError) -> (height: Height, watermark: Watermark)? {
    let origin = origin.text
    do {
      return try await database.pool.read { connection in
        let row = try Row.fetchOne(
          connection,
          sql: """
            SELECT revision, number FROM attester_watermarks WHERE origin = ?
            ORDER BY revision DESC, number DESC LIMIT 1
            """, arguments: [origin])
        guard let row else { return nil }
        let height = Height(revision: UInt64(row[0] as Int64), UInt64(row[1] as Int64))
        guard let watermark = try Self.watermark(connection, origin, try RowHeight(height)) else {
          throw AttestationRecordError.corruptRow
        }
        return (height, watermark)
      }
    } catch let error as AttestationRecordError {
      throw error
    } catch let error as DatabaseError {
      throw .engine(code: error.extendedResultCode.rawValue)
    } catch {
      throw .engine(code: ResultCode.SQLITE_INTERRUPT.rawValue)
    }
  }

  /// A height as SQLite holds it.
  private struct RowHeight: Sendable {
    let revision: Int64
    let number: Int64

    init(_ height: Height) throws(AttestationRecordError) {
      guard let revision = Int64(exactly: height.revision), let number = Int64(exactly: height.number) else {
        throw .heightRange
      }
      self.revision = revision
      self.number = number
    }
  }

  private static func settle(
    _ connection: Database, _ origin: String, _ height: RowHeight, _ seconds: Int64, _ root: Data, keep: Int
  ) throws {
    let state = try Row.fetchOne(
      connection,
      sql: "SELECT kept, floor_revision, floor_number FROM attester_origins WHERE origin = ?",
      arguments: [origin])
    var kept: Int64 = 0
    if let state {
      kept = state[0]
      let floor = Height(revision: UInt64(state[1] as Int64), UInt64(state[2] as Int64))
      // The floor is 0-0 until something was pruned; nothing is signed for height 0 anyway.
      guard (height.revision, height.number) > (state[1] as Int64, state[2] as Int64) else {
        throw AttestationRecordError.pruned(floor)
      }
    }
    if let known = try watermark(connection, origin, height) {
      guard known.time.seconds == UInt64(seconds), Data(known.root.array) == root else {
        throw AttestationRecordError.conflict(known)
      }
      return
    }
    try checkOrder(connection, origin, height, seconds)
    try connection.execute(
      sql: "INSERT INTO attester_watermarks (origin, revision, number, seconds, root) VALUES (?, ?, ?, ?, ?)",
      arguments: [origin, height.revision, height.number, seconds, root])
    try connection.execute(
      sql: """
        INSERT INTO attester_origins (origin, kept, floor_revision, floor_number) VALUES (?, 1, 0, 0)
        ON CONFLICT (origin) DO UPDATE SET kept = kept + 1
        """, arguments: [origin])
    if kept + 1 >= Int64(keep) + Int64(pruneCount) {
      try prune(connection, origin, count: kept + 1 - Int64(keep))
    }
  }

  private static func watermark(
    _ connection: Database, _ origin: String, _ height: RowHeight
  ) throws -> Watermark? {
    let row = try Row.fetchOne(
      connection,
      sql: "SELECT seconds, root FROM attester_watermarks WHERE origin = ? AND revision = ? AND number = ?",
      arguments: [origin, height.revision, height.number])
    guard let row else { return nil }
    guard let seconds = UInt64(exactly: row[0] as Int64), let root = try? Bytes32([UInt8](row[1] as Data))
    else {
      throw AttestationRecordError.corruptRow
    }
    return Watermark(time: UnixTime(seconds: seconds), root: root)
  }

  /// Times do not go back: two such claims would freeze every client that sees both.
  private static func checkOrder(
    _ connection: Database, _ origin: String, _ height: RowHeight, _ seconds: Int64
  ) throws {
    func neighbour(_ comparison: String, _ order: String) throws -> Row? {
      try Row.fetchOne(
        connection,
        sql: """
          SELECT revision, number, seconds FROM attester_watermarks
          WHERE origin = ? AND (revision, number) \(comparison) (?, ?)
          ORDER BY revision \(order), number \(order) LIMIT 1
          """, arguments: [origin, height.revision, height.number])
    }
    for (row, sign) in [(try neighbour("<", "DESC"), 1), (try neighbour(">", "ASC"), -1)] {
      guard let row else { continue }
      let other: Int64 = row[2]
      guard sign > 0 ? other <= seconds : other >= seconds else {
        throw AttestationRecordError.timeOrder(
          kept: Height(revision: UInt64(row[0] as Int64), UInt64(row[1] as Int64)))
      }
    }
  }

  /// Forgets the `count` lowest heights, and raises the floor over them.
  private static func prune(_ connection: Database, _ origin: String, count: Int64) throws {
    let last = try Row.fetchOne(
      connection,
      sql: """
        SELECT revision, number FROM attester_watermarks WHERE origin = ?
        ORDER BY revision, number LIMIT 1 OFFSET ?
        """, arguments: [origin, count - 1])
    guard let last else { return }
    let (revision, number): (Int64, Int64) = (last[0], last[1])
    try connection.execute(
      sql: "DELETE FROM attester_watermarks WHERE origin = ? AND (revision, number) <= (?, ?)",
      arguments: [origin, revision, number])
    try connection.execute(
      sql: """
        UPDATE attester_origins SET kept = kept - ?, floor_revision = ?, floor_number = ? WHERE origin = ?
        """, arguments: [connection.changesCount, revision, number, origin])
  }
}
