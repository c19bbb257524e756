import Encodings
import GRDB
import LightClients
import Messages
import Persistence
import RelayEngine
import WireBytes

/// The tables of a relayer, and how values lie in them.
enum RelayTables {
  /// Ends are numbered once, in the order in which they are first served. Sequences and heights are 64 bits without
  /// sign, stored as the same bits with one. `settled` counts settled packets in their order.
  static let migrations = [
    DatabaseMigration(
      "relay/1",
      sql: """
        CREATE TABLE relay_state (
          id INTEGER PRIMARY KEY CHECK (id = 1), incarnation INTEGER NOT NULL) STRICT;
        CREATE TABLE relay_ends (
          id INTEGER PRIMARY KEY, domain TEXT NOT NULL, client TEXT NOT NULL, peer INTEGER NOT NULL,
          record TEXT NOT NULL, UNIQUE (domain, client)) STRICT;
        CREATE TABLE relay_cursors (domain TEXT PRIMARY KEY, height INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE relay_packets (
          end INTEGER NOT NULL, sequence INTEGER NOT NULL, status TEXT NOT NULL, record TEXT NOT NULL,
          settled INTEGER, PRIMARY KEY (end, sequence)) STRICT, WITHOUT ROWID;
        CREATE INDEX relay_packets_open ON relay_packets (end, sequence) WHERE settled IS NULL;
        CREATE INDEX relay_packets_settled ON relay_packets (settled) WHERE settled IS NOT NULL;
        CREATE TABLE relay_contents (
          end INTEGER NOT NULL, sequence INTEGER NOT NULL, packet BLOB, acknowledgement BLOB,
          failure TEXT, PRIMARY KEY (end, sequence)) STRICT;
        CREATE TABLE relay_moments (
          end INTEGER NOT NULL, sequence INTEGER NOT NULL, stage INTEGER NOT NULL, height INTEGER NOT NULL,
          seconds INTEGER NOT NULL, nanoseconds INTEGER NOT NULL, hash BLOB,
          PRIMARY KEY (end, sequence, stage)) STRICT, WITHOUT ROWID;
        CREATE INDEX relay_moments_sent ON relay_moments (hash) WHERE stage = 0;
        """),
    // Blocks that were read, from the newest final one on: what shows after a restart that they are gone.
    DatabaseMigration(
      "relay/2",
      sql: """
        ALTER TABLE relay_cursors ADD COLUMN final INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE relay_blocks (
          domain TEXT NOT NULL, height INTEGER NOT NULL, hash BLOB NOT NULL CHECK (length(hash) = 32),
          PRIMARY KEY (domain, height)) STRICT, WITHOUT ROWID;
        """),
  ]

  static func stored(_ number: UInt64) -> Int64 { Int64(bitPattern: number) }
  static func number(_ stored: Int64) -> UInt64 { UInt64(bitPattern: stored) }

  /// Runs `body` against GRDB, which throws errors of its own.
  static func engine<Value>(_ body: () throws -> Value) throws(RelayServiceError) -> Value {
    do { return try body() } catch let error as RelayServiceError {
      throw error
    } catch {
      throw failure(error)
    }
  }

  static func failure(_ error: any Error) -> RelayServiceError {
    switch error {
    case let error as RelayServiceError: error
    case let error as DatabaseError: .records(code: error.extendedResultCode.rawValue)
    case DatabaseFileError.newerFile: .newerFile
    case DatabaseFileError.engine(let code): .records(code: code)
    default: .records(code: ResultCode.SQLITE_ERROR.rawValue)
    }
  }

  static func record(_ text: String) throws(RelayServiceError) -> PacketRecord {
    do { return try PacketRecord(json: try JSONValue(decoding: [UInt8](text.utf8))) } catch {
      throw .rowUnreadable
    }
  }

  static func endRecord(_ text: String) throws(RelayServiceError) -> EndRecord {
    do { return try EndRecord(json: try JSONValue(decoding: [UInt8](text.utf8))) } catch {
      throw .rowUnreadable
    }
  }
}
