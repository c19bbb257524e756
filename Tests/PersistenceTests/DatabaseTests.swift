import Foundation
import GRDB
import Persistence
import Testing

@Suite("A database file")
struct DatabaseTests {
  private static let first = DatabaseMigration(
    "test/1", sql: "CREATE TABLE one (id INTEGER PRIMARY KEY) STRICT")
  private static let second = DatabaseMigration(
    "test/2", sql: "CREATE TABLE two (id INTEGER PRIMARY KEY) STRICT")

  @Test("is in WAL mode, flushes each transaction, and checks foreign keys")
  func modes() throws {
    let folder = try TemporaryFolder()
    let database = try DatabaseFile(path: folder.path("a.sqlite"), migrations: [Self.first])
    let (mode, synchronous, keys) = try database.pool.write { connection in
      (
        try String.fetchOne(connection, sql: "PRAGMA journal_mode"),
        try Int.fetchOne(connection, sql: "PRAGMA synchronous"),
        try Int.fetchOne(connection, sql: "PRAGMA foreign_keys")
      )
    }
    #expect(mode == "wal")
    #expect(synchronous == 2)
    #expect(keys == 1)
  }

  @Test("takes only the steps that are new, and refuses a file with steps it does not know")
  func migrations() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.sqlite")
    func open(_ migrations: [DatabaseMigration]) throws(DatabaseFileError) -> DatabaseFile {
      try DatabaseFile(path: path, migrations: migrations)
    }
    try open([Self.first]).pool.write { try $0.execute(sql: "INSERT INTO one VALUES (5)") }
    let both = try open([Self.first, Self.second])
    let kept = try both.pool.read { try Int.fetchOne($0, sql: "SELECT id FROM one") }
    #expect(kept == 5)
    #expect(throws: DatabaseFileError.newerFile) { try open([Self.first]) }
    #expect(throws: DatabaseFileError.duplicateMigration("test/1")) {
      try open([Self.first, Self.first])
    }
  }

  @Test("is refused when it is not SQLite's, or cannot be opened")
  func foreignFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.sqlite")
    try Data(repeating: 0x41, count: 5000).write(to: URL(fileURLWithPath: path))
    #expect(throws: DatabaseFileError.engine(code: ResultCode.SQLITE_NOTADB.rawValue)) {
      try DatabaseFile(path: path, migrations: [])
    }
    #expect(throws: DatabaseFileError.self) {
      try DatabaseFile(path: folder.path("none/a.sqlite"), migrations: [])
    }
  }
}
