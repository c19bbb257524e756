import FoundationEssentials
import GRDB
import WireBytes

/// One page of what a search found.
public struct SearchPage<Element: Sendable>: Sendable {
  public let elements: [Element]
  /// Of all pages.
  public let total: Int
}

public enum SearchOrder: String, Hashable, Sendable {
  case ascending = "asc"
  case descending = "desc"
}

/// Why a search is not made.
public enum SearchError: Error, Hashable, Sendable {
  case store(BlockStoreError)
  /// A condition that the index cannot answer, by its place in the query: times, and a hash in another form.
  case condition(index: Int)
}

extension BlockStore {
  /// Elements of one page at most.
  public static let pageMax = 100

  /// Transactions whose events meet `query`, in the order of the chain.
  ///
  /// Conditions on attributes of one event type must be met by one and the same event, so that
  /// `recv_packet.packet_source_client = 'a' AND recv_packet.packet_sequence = 7` means one packet.
  public func transactions(
    matching query: EventQuery, order: SearchOrder = .ascending, skip: Int = 0, limit: Int = 30
  ) throws(SearchError) -> SearchPage<IncludedTransaction> {
    let (filter, arguments) = try Self.filter(query, of: "ledger_transactions")
    let direction = order == .ascending ? "ASC" : "DESC"
    let page = [max(0, min(limit, Self.pageMax)), max(0, skip)]
    return try search { connection in
      let total = try Int.fetchOne(
        connection, sql: "SELECT count(*) FROM ledger_transactions WHERE \(filter)", arguments: arguments)
      let rows = try Row.fetchAll(
        connection,
        sql: """
          SELECT height, place FROM ledger_transactions WHERE \(filter)
          ORDER BY height \(direction), place \(direction) LIMIT ? OFFSET ?
          """, arguments: arguments + StatementArguments(page))
      let found = try Self.transactions(at: rows.map { ($0[0], $0[1]) }, connection)
      return SearchPage(elements: found, total: total ?? 0)
    }
  }

  /// Heights of blocks that meet `query`: by their height, or by an event of a transaction in them.
  public func heights(
    matching query: EventQuery, order: SearchOrder = .descending, skip: Int = 0, limit: Int = 30
  ) throws(SearchError) -> SearchPage<Int64> {
    let (filter, arguments) = try Self.filter(query, of: "ledger_blocks")
    let direction = order == .ascending ? "ASC" : "DESC"
    let page = [max(0, min(limit, Self.pageMax)), max(0, skip)]
    return try search { connection in
      let from = "FROM ledger_blocks WHERE votes IS NOT NULL AND \(filter)"
      let total = try Int.fetchOne(connection, sql: "SELECT count(*) \(from)", arguments: arguments)
      let heights = try Int64.fetchAll(
        connection, sql: "SELECT height \(from) ORDER BY height \(direction) LIMIT ? OFFSET ?",
        arguments: arguments + StatementArguments(page))
      return SearchPage(elements: heights, total: total ?? 0)
    }
  }

  private func search<Result>(_ body: (Database) throws -> Result) throws(SearchError) -> Result {
    do { return try read(body) } catch { throw .store(error) }
  }

  /// The query as a filter over the rows of `table`. Texts of the query travel as arguments, never in the
  /// SQL.
  private static func filter(
    _ query: EventQuery, of table: String
  ) throws(SearchError) -> (String, StatementArguments) {
    var clauses: [String] = []
    var values: [any DatabaseValueConvertible] = []
    var groups: [(type: String, conditions: [(index: Int, EventQuery.Condition)])] = []
    for (index, condition) in query.conditions.enumerated() {
      switch (condition.tag, condition.test) {
      case ("tm.event", .text(let name)):
        clauses.append(name == (table == "ledger_blocks" ? "NewBlock" : "Tx") ? "1" : "0")
      case ("tx.height", .number(let comparison, let height)),
        ("block.height", .number(let comparison, let height)):
        clauses.append("height \(comparison.sql) ?")
        values.append(height)
      case ("tx.hash", .text(let hash)):
        guard table == "ledger_transactions", let bytes = try? Hex.decode("0x" + hash) else {
          throw .condition(index: index)
        }
        clauses.append("hash = ?")
        values.append(Data(bytes))
      case ("tm.event", _), ("tx.height", _), ("block.height", _), ("tx.hash", _), (_, .time):
        throw .condition(index: index)
      default:
        let type = condition.tag.split(separator: ".").first.map(String.init) ?? condition.tag
        if let known = groups.firstIndex(where: { $0.type == type }) {
          groups[known].conditions.append((index, condition))
        } else {
          groups.append((type, [(index, condition)]))
        }
      }
    }
    for group in groups {
      var joins = "ledger_events AS e0"
      var tests: [String] = []
      for (number, (index, condition)) in group.conditions.enumerated() {
        if number > 0 {
          joins += " JOIN ledger_events AS e\(number) USING (height, place, event)"
        }
        tests.append("e\(number).key = (SELECT id FROM ledger_event_keys WHERE name = ?)")
        values.append(condition.tag)
        switch condition.test {
        case .text(let text):
          tests.append("e\(number).value = ?")
          values.append(text)
        // A text that is no number equals none; the cast of one that is gives the same text again.
        case .number(.equal, let value):
          tests.append("e\(number).value = ?")
          values.append(String(value))
        case .number(let comparison, let value):
          tests.append("CAST(CAST(e\(number).value AS INTEGER) AS TEXT) = e\(number).value")
          tests.append("CAST(e\(number).value AS INTEGER) \(comparison.sql) ?")
          values.append(value)
        case .contains(let part):
          tests.append("instr(e\(number).value, ?) > 0")
          values.append(part)
        case .exists: break
        case .time: throw .condition(index: index)
        }
      }
      let columns = table == "ledger_blocks" ? "height" : "height, place"
      clauses.append(
        "(\(columns)) IN (SELECT \(columns) FROM \(joins) WHERE \(tests.joined(separator: " AND ")))")
    }
    return (clauses.joined(separator: " AND "), StatementArguments(values))
  }
}

extension EventQuery.Comparison {
  fileprivate var sql: String {
    switch self {
    case .equal: "="
    case .less: "<"
    case .lessOrEqual: "<="
    case .greater: ">"
    case .greaterOrEqual: ">="
    }
  }
}
