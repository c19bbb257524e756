public import LightClients

/// CometBFT's query over events: conditions joined by AND (cometbft `libs/pubsub/query/syntax/doc.go`).
///
/// `tag = 'text'`, `tag > 5`, `tag CONTAINS 'part'`, `tag EXISTS`, `tag >= TIME 2026-01-01T00:00:00Z`,
/// `tag < DATE 2026-01-01`.
public struct EventQuery: Hashable, Sendable {
  /// Of the whole query, as CometBFT has it.
  public static let textBytesMax = 512
  public static let conditionsMax = 16

  public enum Comparison: Hashable, Sendable { case equal, less, lessOrEqual, greater, greaterOrEqual }

  public enum Test: Hashable, Sendable {
    case text(String)
    /// Whole numbers alone: heights, sequences and times of packets are.
    case number(Comparison, Int64)
    case time(Comparison, CometBFT.Timestamp)
    case contains(String)
    case exists
  }

  public struct Condition: Hashable, Sendable {
    /// `type.attribute`, or one of the reserved names `tm.event`, `tx.hash`, `tx.height`, `block.height`.
    public let tag: String
    public let test: Test
  }

  /// Why a text is no query. Offsets count bytes from its start.
  public enum SyntaxError: Error, Hashable, Sendable {
    case tooLong(max: Int, actual: Int)
    case empty
    case tag(offset: Int)
    case operation(offset: Int)
    case value(offset: Int)
    case and(offset: Int)
    case conditionCount(max: Int)
  }

  public let text: String
  public let conditions: [Condition]

  public init(_ text: String) throws(SyntaxError) {
    let bytes = [UInt8](text.utf8)
    guard bytes.count <= Self.textBytesMax else {
      throw .tooLong(max: Self.textBytesMax, actual: bytes.count)
    }
    var scanner = Scanner(bytes)
    guard !scanner.isAtEnd else { throw .empty }
    var conditions: [Condition] = []
    repeat {
      guard conditions.count < Self.conditionsMax else { throw .conditionCount(max: Self.conditionsMax) }
      conditions.append(try scanner.condition())
      guard !scanner.isAtEnd else { break }
      guard scanner.word("AND") else { throw .and(offset: scanner.offset) }
    } while true
    self.text = text
    self.conditions = conditions
  }

  /// Whether every condition is met by one of the values of its tag.
  public func matches(_ events: [String: [String]]) -> Bool {
    conditions.allSatisfy { condition in
      events[condition.tag]?.contains { condition.test.accepts($0) } ?? false
    }
  }
}

extension EventQuery.Comparison {
  func holds<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
    switch self {
    case .equal: left == right
    case .less: left < right
    case .lessOrEqual: left <= right
    case .greater: left > right
    case .greaterOrEqual: left >= right
    }
  }
}

extension EventQuery.Test {
  /// Whether the value of an attribute passes.
  func accepts(_ value: String) -> Bool {
    switch self {
    case .text(let text): value == text
    case .number(let comparison, let number): Int64(value).map { comparison.holds($0, number) } ?? false
    case .time(let comparison, let time):
      (try? CometBFT.Timestamp(rfc3339: value)).map { comparison.holds($0, time) } ?? false
    case .contains(let part): part.isEmpty || value.contains(part)
    case .exists: true
    }
  }
}

/// Reads the words of a query.
private struct Scanner {
  private let bytes: [UInt8]
  private(set) var offset = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    skipSpace()
  }

  var isAtEnd: Bool { offset == bytes.count }

  private mutating func skipSpace() {
    while offset < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[offset]) { offset += 1 }
  }

  /// Takes `word` when it stands here.
  mutating func word(_ word: String) -> Bool {
    guard bytes[offset...].starts(with: word.utf8) else { return false }
    offset += word.utf8.count
    skipSpace()
    return true
  }

  /// Bytes up to white space, an operator or a quote.
  private mutating func token() -> String {
    let start = offset
    while offset < bytes.count, bytes[offset] > 0x20, ![0x3c, 0x3d, 0x3e, 0x27].contains(bytes[offset]) {
      offset += 1
    }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    skipSpace()
    return text
  }

  private mutating func quoted() -> String? {
    guard offset < bytes.count, bytes[offset] == 0x27,
      let end = bytes[(offset + 1)...].firstIndex(of: 0x27)
    else { return nil }
    let text = String(decoding: bytes[(offset + 1)..<end], as: UTF8.self)
    offset = end + 1
    skipSpace()
    return text
  }

  mutating func condition() throws(EventQuery.SyntaxError) -> EventQuery.Condition {
    let start = offset
    let tag = token()
    guard !tag.isEmpty else { throw .tag(offset: start) }
    if word("EXISTS") { return EventQuery.Condition(tag: tag, test: .exists) }
    let place = offset
    if word("CONTAINS") {
      guard let part = quoted() else { throw .value(offset: offset) }
      return EventQuery.Condition(tag: tag, test: .contains(part))
    }
    let comparison: EventQuery.Comparison
    if word("<=") {
      comparison = .lessOrEqual
    } else if word(">=") {
      comparison = .greaterOrEqual
    } else if word("<") {
      comparison = .less
    } else if word(">") {
      comparison = .greater
    } else if word("=") {
      comparison = .equal
    } else {
      throw .operation(offset: place)
    }
    return EventQuery.Condition(tag: tag, test: try value(comparison))
  }

  private mutating func value(
    _ comparison: EventQuery.Comparison
  ) throws(EventQuery.SyntaxError) -> EventQuery.Test {
    let place = offset
    if let text = quoted() {
      // Texts have no order.
      guard comparison == .equal else { throw .value(offset: place) }
      return .text(text)
    }
    if word("TIME ") {
      guard let time = try? CometBFT.Timestamp(rfc3339: token()) else { throw .value(offset: place) }
      return .time(comparison, time)
    }
    if word("DATE ") {
      guard let time = try? CometBFT.Timestamp(rfc3339: token() + "T00:00:00Z") else {
        throw .value(offset: place)
      }
      return .time(comparison, time)
    }
    guard let number = Int64(token()) else { throw .value(offset: place) }
    return .number(comparison, number)
  }
}
