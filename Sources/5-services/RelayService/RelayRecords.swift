import FoundationEssentials
import GRDB
import LightClients
public import Messages
public import RelayEngine
public import WireBytes

/// What a relayer has written down, for whoever wants to look: from this process or another, while it runs or not.
///
/// Every call sees one whole state of the file, and changes nothing.
public struct RelayRecords: Sendable {
  /// Packets of one answer.
  public static let limitMax = 1_000

  private let queue: DatabaseQueue

  /// Opens the relayer's file at `path`.
  ///
  /// - Throws: ``RelayServiceError/noRecords`` when it is not there.
  public init(path: String) throws(RelayServiceError) {
    guard FileManager.default.fileExists(atPath: path) else { throw .noRecords }
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(5)
    let settings = configuration
    queue = try RelayTables.engine { try DatabaseQueue(path: path, configuration: settings) }
    let isOurs = try RelayTables.engine { try queue.read { try $0.tableExists("relay_moments") } }
    guard isOurs else { throw .noRecords }
  }

  /// Nil for a packet that is not known here, or is forgotten.
  public func packet(_ key: PacketKey) throws(RelayServiceError) -> PacketHistory? {
    try RelayTables.engine {
      try queue.read { database in
        guard let end = try Self.number(of: key.origin, database) else { return nil }
        return try Self.history(end, RelayTables.stored(key.sequence.rawValue), database)
      }
    }
  }

  /// Packets that were sent by a transaction.
  public func packets(sentBy transaction: Bytes32) throws(RelayServiceError) -> [PacketHistory] {
    try RelayTables.engine {
      try queue.read { database in
        let rows = try Row.fetchAll(
          database,
          sql: """
            SELECT end, sequence FROM relay_moments WHERE hash = ? AND stage = 0 ORDER BY end, sequence LIMIT ?
            """, arguments: [Data(transaction.array), Self.limitMax])
        return try rows.compactMap { try Self.history($0[0], $0[1], database) }
      }
    }
  }

  /// Packets sent from `end` that have not ended, by sequence, after `last`.
  public func open(
    from end: LaneEnd, after last: Sequence? = nil, limit: Int = limitMax
  ) throws(RelayServiceError) -> [PacketHistory] {
    try packets(
      from: end,
      sql:
        "SELECT sequence FROM relay_packets WHERE end = ? AND settled IS NULL AND sequence > ? ORDER BY sequence LIMIT ?",
      after: last, limit: limit)
  }

  /// All packets sent from `end` that are remembered, by sequence, after `last`.
  public func packets(
    from end: LaneEnd, after last: Sequence? = nil, limit: Int = limitMax
  ) throws(RelayServiceError) -> [PacketHistory] {
    try packets(
      from: end,
      sql: "SELECT sequence FROM relay_packets WHERE end = ? AND sequence > ? ORDER BY sequence LIMIT ?",
      after: last, limit: limit)
  }

  /// The newest settled packets of all lanes, newest first.
  public func newestSettled(limit: Int = limitMax) throws(RelayServiceError) -> [PacketHistory] {
    try RelayTables.engine {
      try queue.read { database in
        let rows = try Row.fetchAll(
          database,
          sql: """
            SELECT end, sequence FROM relay_packets WHERE settled IS NOT NULL ORDER BY settled DESC LIMIT ?
            """, arguments: [Self.held(limit)])
        return try rows.compactMap { try Self.history($0[0], $0[1], database) }
      }
    }
  }

  /// One end of a lane with the number of its packets in each status.
  public struct End: Hashable, Sendable {
    public let record: EndRecord
    public let peer: LaneEnd?
    /// By the status's code; settled packets that are forgotten do not count.
    public let counts: [String: Int]
  }

  /// All ends that were ever served, in their order.
  public func ends() throws(RelayServiceError) -> [End] {
    try RelayTables.engine {
      try queue.read { database in
        var counts: [Int64: [String: Int]] = [:]
        let grouped = try Row.fetchCursor(
          database, sql: "SELECT end, status, COUNT(*) FROM relay_packets GROUP BY end, status")
        while let row = try grouped.next() { counts[row[0], default: [:]][row[1]] = row[2] }
        let rows = try Row.fetchAll(database, sql: "SELECT id, peer, record FROM relay_ends ORDER BY id")
        var records: [Int64: EndRecord] = [:]
        for row in rows { records[row[0]] = try RelayTables.endRecord(row[2]) }
        return rows.compactMap { row in
          let (id, peer): (Int64, Int64) = (row[0], row[1])
          guard let record = records[id] else { return nil }
          return End(record: record, peer: records[peer]?.end, counts: counts[id] ?? [:])
        }
      }
    }
  }

  /// The newest block of each domain that was read.
  public func cursors() throws(RelayServiceError) -> [DomainID: UInt64] {
    try RelayTables.engine {
      try queue.read { database in
        var cursors: [DomainID: UInt64] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT domain, height FROM relay_cursors") {
          guard let domain = try? DomainID(row[0] as String) else { throw RelayServiceError.rowUnreadable }
          cursors[domain] = RelayTables.number(row[1])
        }
        return cursors
      }
    }
  }

  private static func held(_ limit: Int) -> Int { min(max(limit, 0), limitMax) }

  private func packets(
    from end: LaneEnd, sql: String, after last: Sequence?, limit: Int
  ) throws(RelayServiceError) -> [PacketHistory] {
    try RelayTables.engine {
      try queue.read { database in
        guard let end = try Self.number(of: end, database) else { return [] }
        let sequences = try Int64.fetchAll(
          database, sql: sql,
          arguments: [end, RelayTables.stored(last?.rawValue ?? 0), Self.held(limit)])
        return try sequences.compactMap { try Self.history(end, $0, database) }
      }
    }
  }

  private static func number(of end: LaneEnd, _ database: Database) throws -> Int64? {
    try Int64.fetchOne(
      database, sql: "SELECT id FROM relay_ends WHERE domain = ? AND client = ?",
      arguments: [end.domain.text, end.client.text])
  }

  private static func history(_ end: Int64, _ sequence: Int64, _ database: Database) throws -> PacketHistory?
  {
    let key: StatementArguments = [end, sequence]
    guard
      let text = try String.fetchOne(
        database, sql: "SELECT record FROM relay_packets WHERE end = ? AND sequence = ?", arguments: key)
    else { return nil }
    let contents = try Row.fetchOne(
      database,
      sql: "SELECT packet, acknowledgement, failure FROM relay_contents WHERE end = ? AND sequence = ?",
      arguments: key)
    var moments: [PacketStage: StageMoment] = [:]
    let rows = try Row.fetchCursor(
      database,
      sql: """
        SELECT stage, height, seconds, nanoseconds, hash FROM relay_moments WHERE end = ? AND sequence = ?
        """, arguments: key)
    while let row = try rows.next() {
      let hash: Data? = row[4]
      guard let stage = PacketStage(rawValue: row[0]),
        let time = try? CometBFT.Timestamp(seconds: row[2], nanoseconds: row[3])
      else { throw RelayServiceError.rowUnreadable }
      moments[stage] = StageMoment(
        height: RelayTables.number(row[1]), time: time,
        transaction: hash.flatMap { try? Bytes32([UInt8]($0)) })
    }
    let stored = StoredContents(packet: contents?[0], acknowledgement: contents?[1])
    return PacketHistory(
      record: try RelayTables.record(text), packet: try stored.packetDecoded(),
      acknowledgement: try stored.acknowledgementDecoded(), failure: contents?[2],
      timeline: PacketTimeline(moments))
  }
}

/// A row of contents.
struct StoredContents: Sendable {
  let packet: Data?
  let acknowledgement: Data?

  func packetDecoded() throws(RelayServiceError) -> Packet? {
    guard let packet else { return nil }
    let bytes = [UInt8](packet)
    do { return try Packet(decoding: bytes.span) } catch { throw .rowUnreadable }
  }

  func acknowledgementDecoded() throws(RelayServiceError) -> Acknowledgement? {
    guard let acknowledgement else { return nil }
    let bytes = [UInt8](acknowledgement)
    do { return try Acknowledgement(decoding: bytes.span) } catch { throw .rowUnreadable }
  }
}
