import Enclaves
private import FoundationEssentials
import GRDB
import Messages
import Persistence
import Settlement
import WireBytes

/// Why the coordinator's file does not serve.
public enum StoreFault: Error, Hashable, Sendable {
  /// SQLite's extended result code.
  case engine(code: Int32)
  case newerFile
  /// A row that nothing of ours writes.
  case corruptRow
}

/// What a coordinator knows, in one SQLite file: sealed envelopes and replies, tokens, signed results. When a call
/// returns, its rows are on disk. Nothing here is open, and there is no key that could open it.
struct CoordinatorStore: Sendable {
  /// Cases that are over and still answered for; older ones are forgotten with all their rows.
  static let finishedMax = 1_024

  private static let migrations = [
    DatabaseMigration(
      "coordinator/1",
      sql: """
        CREATE TABLE coordinator_cases (
          id BLOB PRIMARY KEY CHECK (length(id) = 32), number INTEGER NOT NULL UNIQUE,
          registration BLOB CHECK (registration IS NULL OR length(registration) = 32),
          enclave TEXT, attempt INTEGER NOT NULL DEFAULT 0, ended TEXT) STRICT, WITHOUT ROWID;
        CREATE TABLE coordinator_envelopes (
          case_id BLOB NOT NULL, commitment BLOB NOT NULL CHECK (length(commitment) = 32), bytes BLOB NOT NULL,
          PRIMARY KEY (case_id, commitment)) STRICT;
        CREATE TABLE coordinator_tokens (
          case_id BLOB NOT NULL, attempt INTEGER NOT NULL, token BLOB NOT NULL, signature BLOB NOT NULL,
          PRIMARY KEY (case_id, attempt)) STRICT;
        CREATE TABLE coordinator_results (
          case_id BLOB PRIMARY KEY, receipt BLOB NOT NULL, signature BLOB NOT NULL, update_bytes BLOB NOT NULL)
          STRICT;
        CREATE TABLE coordinator_replies (
          case_id BLOB NOT NULL, place INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (case_id, place)) STRICT;
        CREATE TABLE coordinator_cursor (id INTEGER PRIMARY KEY CHECK (id = 1), next INTEGER NOT NULL) STRICT;
        """)
  ]

  /// A row of `coordinator_cases`.
  struct Case: Hashable, Sendable {
    let id: Bytes32
    let number: UInt64
    let registration: Bytes32?
    let enclave: String?
    let attempt: UInt64
    /// `settled`, `reclaimed`, or nil while it is open.
    let ended: String?
  }

  private let database: DatabaseFile

  init(path: String) throws(StoreFault) {
    do { database = try DatabaseFile(path: path, migrations: Self.migrations) } catch {
      switch error {
      case .newerFile: throw .newerFile
      case .engine(let code): throw .engine(code: code)
      case .duplicateMigration: throw .corruptRow
      }
    }
  }

  private func reading<Value>(_ body: (Database) throws -> Value) throws(StoreFault) -> Value {
    do { return try database.pool.read(body) } catch { throw Self.fault(error) }
  }

  private func writing<Value>(_ body: (Database) throws -> Value) throws(StoreFault) -> Value {
    do { return try database.transaction(body) } catch { throw Self.fault(error) }
  }

  private static func fault(_ error: any Error) -> StoreFault {
    if let fault = error as? StoreFault { return fault }
    return .engine(code: (error as? GRDB.DatabaseError)?.extendedResultCode.rawValue ?? 1)
  }

  private static func blob(_ bytes: [UInt8]) -> Data { Data(bytes) }
  private static func hash(_ bytes: Data) throws -> Bytes32 {
    guard let hash = try? Bytes32([UInt8](bytes)) else { throw StoreFault.corruptRow }
    return hash
  }
  private static func stored(_ number: UInt64) -> Int64 { Int64(bitPattern: number) }

  // MARK: Cases

  /// The number of the next case that was not looked at yet.
  func cursor() throws(StoreFault) -> UInt64 {
    try reading {
      UInt64(bitPattern: try Int64.fetchOne($0, sql: "SELECT next FROM coordinator_cursor") ?? 1)
    }
  }

  /// Cases of ours below `next`, which is looked at next.
  func add(_ cases: [(id: Bytes32, number: UInt64)], next: UInt64) throws(StoreFault) {
    try writing { connection in
      for entry in cases {
        try connection.execute(
          sql: "INSERT OR IGNORE INTO coordinator_cases (id, number) VALUES (?, ?)",
          arguments: [Self.blob(entry.id.array), Self.stored(entry.number)])
      }
      try connection.execute(
        sql:
          "INSERT INTO coordinator_cursor (id, next) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET next = excluded.next",
        arguments: [Self.stored(next)])
    }
  }

  private static func row(_ row: Row) throws -> Case {
    let registration: Data? = row["registration"]
    return Case(
      id: try hash(row["id"]), number: UInt64(bitPattern: row["number"]),
      registration: try registration.map { try hash($0) }, enclave: row["enclave"],
      attempt: UInt64(bitPattern: row["attempt"]), ended: row["ended"])
  }

  func known(_ id: Bytes32) throws(StoreFault) -> Case? {
    try reading {
      try Row.fetchOne(
        $0, sql: "SELECT * FROM coordinator_cases WHERE id = ?", arguments: [Self.blob(id.array)]
      )
      .map { try Self.row($0) }
    }
  }

  /// Open ones by number, at most `limit`.
  func open(limit: Int) throws(StoreFault) -> [Case] {
    try reading {
      try Row.fetchAll(
        $0, sql: "SELECT * FROM coordinator_cases WHERE ended IS NULL ORDER BY number LIMIT ?",
        arguments: [limit]
      ).map { try Self.row($0) }
    }
  }

  /// The newest first.
  func newest(limit: Int) throws(StoreFault) -> [Case] {
    try reading {
      try Row.fetchAll(
        $0, sql: "SELECT * FROM coordinator_cases ORDER BY number DESC LIMIT ?", arguments: [limit]
      ).map { try Self.row($0) }
    }
  }

  /// Whom the case's envelopes are sealed to. Nothing changes once one of them is here.
  func assign(_ id: Bytes32, to registration: Bytes32, of enclave: String) throws(StoreFault) {
    try writing {
      try $0.execute(
        sql: """
          UPDATE coordinator_cases SET registration = ?, enclave = ? WHERE id = ?
            AND NOT EXISTS (SELECT 1 FROM coordinator_envelopes WHERE case_id = coordinator_cases.id)
          """,
        arguments: [Self.blob(registration.array), enclave, Self.blob(id.array)])
    }
  }

  /// How many open cases each enclave has.
  func loads() throws(StoreFault) -> [String: Int] {
    try reading {
      var loads: [String: Int] = [:]
      let rows = try Row.fetchAll(
        $0,
        sql: """
          SELECT enclave, count(*) AS cases FROM coordinator_cases
            WHERE ended IS NULL AND enclave IS NOT NULL GROUP BY enclave
          """)
      for row in rows { loads[row["enclave"]] = row["cases"] }
      return loads
    }
  }

  /// The case is over; of those that are, the oldest beyond ``finishedMax`` are forgotten.
  func end(_ id: Bytes32, _ how: String) throws(StoreFault) {
    try writing { connection in
      try connection.execute(
        sql: "UPDATE coordinator_cases SET ended = ? WHERE id = ?", arguments: [how, Self.blob(id.array)])
      let old = try Data.fetchAll(
        connection,
        sql:
          "SELECT id FROM coordinator_cases WHERE ended IS NOT NULL ORDER BY number DESC LIMIT -1 OFFSET ?",
        arguments: [Self.finishedMax])
      for id in old {
        for table in ["envelopes", "tokens", "results", "replies"] {
          try connection.execute(sql: "DELETE FROM coordinator_\(table) WHERE case_id = ?", arguments: [id])
        }
        try connection.execute(sql: "DELETE FROM coordinator_cases WHERE id = ?", arguments: [id])
      }
    }
  }

  // MARK: Envelopes

  /// Does nothing when it is here already.
  func keep(_ envelope: SealedEnvelope, _ commitment: Bytes32) throws(StoreFault) {
    try writing {
      try $0.execute(
        sql: "INSERT OR IGNORE INTO coordinator_envelopes (case_id, commitment, bytes) VALUES (?, ?, ?)",
        arguments: [
          Self.blob(envelope.header.case.array), Self.blob(commitment.array), Self.blob(envelope.encoded()),
        ])
    }
  }

  func envelopes(of id: Bytes32) throws(StoreFault) -> [Bytes32: SealedEnvelope] {
    try reading {
      var envelopes: [Bytes32: SealedEnvelope] = [:]
      let rows = try Row.fetchCursor(
        $0, sql: "SELECT commitment, bytes FROM coordinator_envelopes WHERE case_id = ?",
        arguments: [Self.blob(id.array)])
      while let row = try rows.next() {
        let bytes: Data = row["bytes"]
        guard let envelope = try? SealedEnvelope(decoding: [UInt8](bytes)) else {
          throw StoreFault.corruptRow
        }
        envelopes[try Self.hash(row["commitment"])] = envelope
      }
      return envelopes
    }
  }

  func envelopeCount(of id: Bytes32) throws(StoreFault) -> Int {
    try reading {
      try Int.fetchOne(
        $0, sql: "SELECT count(*) FROM coordinator_envelopes WHERE case_id = ?",
        arguments: [Self.blob(id.array)]) ?? 0
    }
  }

  /// Of envelopes of open cases.
  func openBytes() throws(StoreFault) -> Int {
    try reading {
      try Int.fetchOne(
        $0,
        sql: """
          SELECT coalesce(sum(length(bytes)), 0) FROM coordinator_envelopes
            JOIN coordinator_cases ON coordinator_cases.id = case_id WHERE ended IS NULL
          """) ?? 0
    }
  }

  // MARK: Tokens and results

  struct SignedToken: Hashable, Sendable {
    let token: Token
    let signature: [UInt8]
  }

  /// The newest token of a case.
  func token(of id: Bytes32) throws(StoreFault) -> SignedToken? {
    try reading {
      let row = try Row.fetchOne(
        $0,
        sql:
          "SELECT token, signature FROM coordinator_tokens WHERE case_id = ? ORDER BY attempt DESC LIMIT 1",
        arguments: [Self.blob(id.array)])
      guard let row else { return nil }
      let (bytes, signature): (Data, Data) = (row["token"], row["signature"])
      guard let token = try? Token(decoding: [UInt8](bytes)) else { throw StoreFault.corruptRow }
      return SignedToken(token: token, signature: [UInt8](signature))
    }
  }

  func keep(_ signed: SignedToken) throws(StoreFault) {
    let token = signed.token
    try writing {
      try $0.execute(
        sql: "INSERT INTO coordinator_tokens (case_id, attempt, token, signature) VALUES (?, ?, ?, ?)",
        arguments: [
          Self.blob(token.case.array), Self.stored(token.attempt), Self.blob(token.encoded()),
          Self.blob(signed.signature),
        ])
      try $0.execute(
        sql: "UPDATE coordinator_cases SET attempt = ? WHERE id = ?",
        arguments: [Self.stored(token.attempt), Self.blob(token.case.array)])
    }
  }

  struct Result: Hashable, Sendable {
    let receipt: [UInt8]
    let signature: [UInt8]
    let update: [UInt8]
  }

  func result(of id: Bytes32) throws(StoreFault) -> Result? {
    try reading {
      let row = try Row.fetchOne(
        $0, sql: "SELECT receipt, signature, update_bytes FROM coordinator_results WHERE case_id = ?",
        arguments: [Self.blob(id.array)])
      return row.map {
        let (receipt, signature, update): (Data, Data, Data) = (
          $0["receipt"], $0["signature"], $0["update_bytes"]
        )
        return Result(receipt: [UInt8](receipt), signature: [UInt8](signature), update: [UInt8](update))
      }
    }
  }

  /// The first answer stands: an enclave has one for each case.
  func keep(_ answer: EnclaveAnswer, for id: Bytes32) throws(StoreFault) {
    try writing { connection in
      guard
        try Int.fetchOne(
          connection, sql: "SELECT count(*) FROM coordinator_results WHERE case_id = ?",
          arguments: [Self.blob(id.array)]) == 0
      else { return }
      try connection.execute(
        sql:
          "INSERT INTO coordinator_results (case_id, receipt, signature, update_bytes) VALUES (?, ?, ?, ?)",
        arguments: [
          Self.blob(id.array), Self.blob(answer.receipt.encoded()), Self.blob(answer.signature),
          Self.blob(answer.update.encoded()),
        ])
      for (place, reply) in answer.replies.enumerated() {
        try connection.execute(
          sql: "INSERT INTO coordinator_replies (case_id, place, bytes) VALUES (?, ?, ?)",
          arguments: [Self.blob(id.array), place, Self.blob(reply.encoded())])
      }
    }
  }

  /// In their order.
  func replies(of id: Bytes32) throws(StoreFault) -> [[UInt8]] {
    try reading {
      try Data.fetchAll(
        $0, sql: "SELECT bytes FROM coordinator_replies WHERE case_id = ? ORDER BY place",
        arguments: [Self.blob(id.array)]
      ).map { [UInt8]($0) }
    }
  }
}
