import Encodings
import FoundationEssentials
import GRDB
import LightClients
import Messages
import Persistence
import RelayEngine
import WireBytes

/// What one transaction writes. Several steps of the engine go into one: the last row of a packet stands.
struct StoreChange: Sendable {
  struct Row: Sendable {
    var record: PacketRecord
    var packet: Packet?
    var acknowledgement: Acknowledgement?
  }

  struct Moment: Sendable {
    let key: PacketKey
    let stage: PacketStage
    let moment: StageMoment
  }

  var rows: [PacketKey: Row] = [:]
  /// In the order in which packets first changed.
  var order: [PacketKey] = []
  var ends: [LaneEnd: EndRecord] = [:]
  var moments: [Moment] = []
  var failures: [PacketKey: String] = [:]
  var cursors: [DomainID: StoredCursor] = [:]
  /// The lowest height down to which a domain was rolled back.
  var rollbacks: [DomainID: UInt64] = [:]

  /// Cursors alone can wait: a block that is read twice does no harm.
  var isDue: Bool {
    !rows.isEmpty || !ends.isEmpty || !moments.isEmpty || !failures.isEmpty || !rollbacks.isEmpty
  }

  /// Takes back what blocks of `domain` above `height` told of packets.
  ///
  /// - Parameter domainOf: where a stage of a packet is reached.
  mutating func rollBack(
    _ domain: DomainID, to height: UInt64, _ domainOf: (PacketKey, PacketStage) -> DomainID?
  ) {
    moments.removeAll { $0.moment.height > height && domainOf($0.key, $0.stage) == domain }
    rollbacks[domain] = min(rollbacks[domain] ?? height, height)
  }

  mutating func add(_ changes: [PacketChange], _ records: [EndRecord]) {
    for change in changes {
      let key = change.record.key
      guard let row = rows[key] else {
        order.append(key)
        rows[key] = Row(
          record: change.record, packet: change.packet, acknowledgement: change.acknowledgement)
        continue
      }
      rows[key] = Row(
        record: change.record, packet: change.packet ?? row.packet,
        acknowledgement: change.acknowledgement ?? row.acknowledgement)
    }
    for record in records { ends[record.end] = record }
  }
}

/// How far a domain was read, with the blocks since that was last written.
struct StoredCursor: Sendable {
  var height: UInt64
  var final: UInt64 = 0
  var marks: [BlockHistory.Mark] = []
  /// Blocks above it that were written are gone, also where the same turn has read others.
  var cut: UInt64?

  init(_ height: UInt64) { self.height = height }

  mutating func read(_ height: UInt64, _ hash: Bytes32?, final: UInt64) {
    self.height = height
    self.final = max(self.final, final)
    if let hash { marks.append(BlockHistory.Mark(height, hash)) }
  }

  /// Went on to `height` without reading what is before it.
  mutating func jump(to height: UInt64) {
    self = StoredCursor(height)
    cut = 0
  }

  mutating func rollBack(to height: UInt64) {
    self.height = height
    final = min(final, height)
    marks.removeAll { $0.height > height }
    cut = min(cut ?? height, height)
  }
}

/// A relayer's rows in its SQLite file.
struct RelayStore: Sendable {
  /// What an earlier run has left, for the ends that are served now.
  struct Start: Sendable {
    let incarnation: UInt64
    let snapshot: RelaySnapshot
    let cursors: [DomainID: UInt64]
    let histories: [DomainID: BlockHistory]
  }

  /// Settled packets that one transaction forgets at most.
  private static let forgottenMax = 2_000

  private let database: DatabaseFile
  private let numbers: [LaneEnd: Int64]
  private let settledMax: Int

  /// Opens the file, counts the start, and reads what is in work.
  ///
  /// - Parameter ends: both ends of each lane, side by side.
  static func open(
    path: String, ends: [(LaneEnd, LaneEnd)], settledMax: Int
  ) throws(RelayServiceError) -> (store: RelayStore, start: Start) {
    let database: DatabaseFile
    do { database = try DatabaseFile(path: path, migrations: RelayTables.migrations) } catch {
      throw RelayTables.failure(error)
    }
    return try RelayTables.engine {
      try database.pool.write { connection in
        try connection.execute(
          sql: """
            INSERT INTO relay_state VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET incarnation = incarnation + 1
            """)
        let incarnation = try Int64.fetchOne(connection, sql: "SELECT incarnation FROM relay_state") ?? 1
        var numbers: [LaneEnd: Int64] = [:]
        for (origin, destination) in ends {
          numbers[origin] = try Self.number(origin, connection)
          numbers[destination] = try Self.number(destination, connection)
          for (end, peer) in [(origin, destination), (destination, origin)] {
            try connection.execute(
              sql: "UPDATE relay_ends SET peer = ? WHERE id = ?", arguments: [numbers[peer], numbers[end]])
          }
        }
        var snapshot = RelaySnapshot()
        for number in numbers.values.sorted() {
          let text = try String.fetchOne(
            connection, sql: "SELECT record FROM relay_ends WHERE id = ?", arguments: [number])
          snapshot.ends.append(try RelayTables.endRecord(text ?? ""))
          let rows = try String.fetchCursor(
            connection,
            sql: "SELECT record FROM relay_packets WHERE end = ? AND settled IS NULL ORDER BY sequence",
            arguments: [number])
          while let text = try rows.next() { snapshot.packets.append(try RelayTables.record(text)) }
        }
        var cursors: [DomainID: UInt64] = [:]
        var histories: [DomainID: BlockHistory] = [:]
        for row in try Row.fetchAll(connection, sql: "SELECT domain, height, final FROM relay_cursors") {
          guard let domain = try? DomainID(row[0] as String) else { throw RelayServiceError.rowUnreadable }
          cursors[domain] = RelayTables.number(row[1])
          histories[domain] = try Self.history(of: domain, final: RelayTables.number(row[2]), connection)
        }
        return (
          RelayStore(database: database, numbers: numbers, settledMax: settledMax),
          Start(
            incarnation: RelayTables.number(incarnation), snapshot: snapshot, cursors: cursors,
            histories: histories)
        )
      }
    }
  }

  private static func number(_ end: LaneEnd, _ connection: Database) throws -> Int64 {
    try connection.execute(
      sql: "INSERT INTO relay_ends (domain, client, peer, record) VALUES (?, ?, 0, ?) ON CONFLICT DO NOTHING",
      arguments: [end.domain.text, end.client.text, EndRecord(end).json.text()])
    return try Int64.fetchOne(
      connection, sql: "SELECT id FROM relay_ends WHERE domain = ? AND client = ?",
      arguments: [end.domain.text, end.client.text]) ?? 0
  }

  private static func history(
    of domain: DomainID, final: UInt64, _ connection: Database
  ) throws -> BlockHistory {
    var marks: [BlockHistory.Mark] = []
    for row in try Row.fetchAll(
      connection, sql: "SELECT height, hash FROM relay_blocks WHERE domain = ? ORDER BY height",
      arguments: [domain.text])
    {
      guard let hash = try? Bytes32([UInt8](row[1] as Data)) else { throw RelayServiceError.rowUnreadable }
      marks.append(BlockHistory.Mark(RelayTables.number(row[0]), hash))
    }
    return BlockHistory(marks: marks, final: final)
  }

  /// Writes all of `change` or nothing; it is on disk when this returns.
  func write(_ change: StoreChange) async throws(RelayServiceError) {
    do {
      try await database.pool.write { connection in
        try write(change, to: connection)
      }
    } catch {
      throw RelayTables.failure(error)
    }
  }

  private func write(_ change: StoreChange, to connection: Database) throws {
    var settled = try Int64.fetchOne(connection, sql: "SELECT MAX(settled) FROM relay_packets") ?? 0
    let isSettling = change.rows.values.contains { $0.record.status.isSettled }
    let upsert = try connection.cachedStatement(
      sql: """
        INSERT INTO relay_packets VALUES (?, ?, ?, ?, ?) ON CONFLICT (end, sequence) DO UPDATE SET
          status = excluded.status, record = excluded.record, settled = excluded.settled
        """)
    let contents = try connection.cachedStatement(
      sql: """
        INSERT INTO relay_contents VALUES (?, ?, ?, ?, NULL) ON CONFLICT (end, sequence) DO UPDATE SET
          packet = COALESCE(excluded.packet, packet),
          acknowledgement = COALESCE(excluded.acknowledgement, acknowledgement)
        """)
    for key in change.order {
      guard let row = change.rows[key], let end = numbers[key.origin] else { continue }
      let sequence = RelayTables.stored(key.sequence.rawValue)
      var place: Int64?
      if row.record.status.isSettled {
        settled += 1
        place = settled
      }
      try upsert.execute(
        arguments: [end, sequence, row.record.status.code, row.record.json.text(), place])
      if row.packet != nil || row.acknowledgement != nil {
        try contents.execute(
          arguments: [
            end, sequence, row.packet.map { Data($0.encoded()) },
            row.acknowledgement.map { Data($0.encoded()) },
          ])
      }
    }
    for (domain, height) in change.rollbacks {
      try forgetMoments(of: domain, above: height, connection)
    }
    try writeMoments(change, to: connection)
    for (end, record) in change.ends {
      guard let number = numbers[end] else { continue }
      try connection.cachedStatement(sql: "UPDATE relay_ends SET record = ? WHERE id = ?")
        .execute(arguments: [record.json.text(), number])
    }
    for (domain, cursor) in change.cursors { try write(cursor, of: domain, to: connection) }
    if isSettling { try forget(below: settled - Int64(settledMax), connection) }
  }

  private func write(_ cursor: StoredCursor, of domain: DomainID, to connection: Database) throws {
    try connection.cachedStatement(
      sql: """
        INSERT INTO relay_cursors (domain, height, final) VALUES (?, ?, ?)
          ON CONFLICT DO UPDATE SET height = excluded.height, final = excluded.final
        """
    ).execute(
      arguments: [domain.text, RelayTables.stored(cursor.height), RelayTables.stored(cursor.final)])
    if let cut = cursor.cut {
      try connection.cachedStatement(sql: "DELETE FROM relay_blocks WHERE domain = ? AND height > ?")
        .execute(arguments: [domain.text, RelayTables.stored(cut)])
    }
    guard !cursor.marks.isEmpty else { return }
    let insert = try connection.cachedStatement(
      sql: "INSERT INTO relay_blocks VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET hash = excluded.hash")
    for mark in cursor.marks {
      try insert.execute(
        arguments: [domain.text, RelayTables.stored(mark.height), Data(mark.hash.array)])
    }
    // The final block stays, and so many above it as a history holds.
    try connection.cachedStatement(
      sql: """
        DELETE FROM relay_blocks WHERE domain = ?1 AND height <> ?4 AND (height < ?4 OR height < ?2 - ?3)
        """
    ).execute(
      arguments: [
        domain.text, RelayTables.stored(cursor.height), BlockHistory.blocksMax,
        try Int64.fetchOne(
          connection, sql: "SELECT MAX(height) FROM relay_blocks WHERE domain = ? AND height <= ?",
          arguments: [domain.text, RelayTables.stored(cursor.final)]) ?? 0,
      ])
  }

  /// Stages of packets in work that blocks of `domain` above `height` told: `executed` is the destination's, the others
  /// are the origin's.
  private func forgetMoments(of domain: DomainID, above height: UInt64, _ connection: Database) throws {
    let arguments: StatementArguments = [
      domain.text, RelayTables.stored(height), PacketStage.executed.rawValue,
    ]
    let isGone = """
      height > ?2
        AND ((stage = ?3 AND end IN (
            SELECT e.id FROM relay_ends AS e JOIN relay_ends AS p ON p.id = e.peer WHERE p.domain = ?1))
          OR (stage <> ?3 AND end IN (SELECT id FROM relay_ends WHERE domain = ?1)))
        AND (end, sequence) IN (SELECT end, sequence FROM relay_packets WHERE settled IS NULL)
      """
    try connection.cachedStatement(
      sql: """
        UPDATE relay_contents SET failure = NULL WHERE failure IS NOT NULL AND (end, sequence) IN (
          SELECT end, sequence FROM relay_moments WHERE stage = ?3 AND \(isGone))
        """
    ).execute(arguments: arguments)
    try connection.cachedStatement(sql: "DELETE FROM relay_moments WHERE \(isGone)")
      .execute(arguments: arguments)
  }

  /// Only for packets that have a row: what is told of others is not kept.
  private func writeMoments(_ change: StoreChange, to connection: Database) throws {
    let insert = try connection.cachedStatement(
      sql: """
        INSERT INTO relay_moments SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
          WHERE EXISTS (SELECT 1 FROM relay_packets WHERE end = ?1 AND sequence = ?2)
          ON CONFLICT DO NOTHING
        """)
    for item in change.moments {
      guard let end = numbers[item.key.origin] else { continue }
      try insert.execute(
        arguments: [
          end, RelayTables.stored(item.key.sequence.rawValue), item.stage.rawValue,
          RelayTables.stored(item.moment.height), item.moment.time.seconds, item.moment.time.nanoseconds,
          item.moment.transaction.map { Data($0.array) },
        ])
    }
    for (key, reason) in change.failures {
      guard let end = numbers[key.origin] else { continue }
      try connection.cachedStatement(
        sql: "UPDATE relay_contents SET failure = ? WHERE end = ? AND sequence = ? AND failure IS NULL"
      ).execute(arguments: [reason, end, RelayTables.stored(key.sequence.rawValue)])
    }
  }

  /// Drops the oldest settled packets, a bounded number at a time.
  private func forget(below place: Int64, _ connection: Database) throws {
    guard place > 0 else { return }
    let rows = try Row.fetchAll(
      connection.cachedStatement(
        sql: "SELECT end, sequence FROM relay_packets WHERE settled <= ? ORDER BY settled LIMIT ?"),
      arguments: [place, Self.forgottenMax])
    for row in rows {
      let (end, sequence): (Int64, Int64) = (row[0], row[1])
      for table in ["relay_packets", "relay_contents", "relay_moments"] {
        try connection.cachedStatement(sql: "DELETE FROM \(table) WHERE end = ? AND sequence = ?")
          .execute(arguments: [end, sequence])
      }
    }
  }

  /// Packets and acknowledgements as they were learnt; a packet without a row is missing in the answer.
  func contents(of keys: [PacketKey]) async throws(RelayServiceError) -> [PacketKey: PacketContents] {
    do {
      return try await database.pool.read { connection in
        var found: [PacketKey: PacketContents] = [:]
        for key in keys {
          guard let end = numbers[key.origin] else { continue }
          let row = try Row.fetchOne(
            connection.cachedStatement(
              sql: "SELECT packet, acknowledgement FROM relay_contents WHERE end = ? AND sequence = ?"),
            arguments: [end, RelayTables.stored(key.sequence.rawValue)])
          guard let row else { continue }
          let stored = StoredContents(packet: row[0], acknowledgement: row[1])
          found[key] = PacketContents(
            packet: try stored.packetDecoded(), acknowledgement: try stored.acknowledgementDecoded())
        }
        return found
      }
    } catch {
      throw RelayTables.failure(error)
    }
  }
}

/// What a submission needs beside the row.
struct PacketContents: Sendable {
  var packet: Packet?
  var acknowledgement: Acknowledgement?

  /// About what it takes in memory.
  var sizeBytes: Int {
    let payloads = packet?.payloads.reduce(0) { $0 + $1.value.count + 256 } ?? 0
    return 512 + payloads + (acknowledgement?.results.reduce(0) { $0 + $1.count } ?? 0)
  }
}
