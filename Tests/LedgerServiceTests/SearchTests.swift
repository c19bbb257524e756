import Ledger
import LedgerService
import LightClients
import Testing
import WireBytes

@Suite("Search by events")
struct SearchTests {
  static let queries: [(String, [String])] = [
    ("tx.fee_payer = 'me'", []), ("tm.event = 'Tx'", ["1.0", "1.1", "2.0", "3.0"]),
    ("tx.height = 2", ["2.0"]), ("tx.height > 1 AND tx.height<=3", ["2.0", "3.0"]),
    ("transfer.recipient EXISTS AND tx.height = 1", ["1.0", "1.1"]),
    ("tx.fee = '200ucause' AND tx.height >= 3", ["3.0"]), ("tx.acc_seq CONTAINS '/2'", ["2.0"]),
    ("tx.fee CONTAINS 'ucause' AND tm.event='Tx' AND tx.height < 2", ["1.0", "1.1"]), ("tx.fee < 5", []),
  ]

  @Test("finds what meets every condition, in the order of the chain")
  func finds() async throws {
    let world = try ServiceWorld()
    let domain = try world.open()
    for (height, sequences) in [[0, 1], [2], [3]].enumerated() {
      for sequence in sequences { try await domain.submit(try world.send(1, sequence: UInt64(sequence))) }
      try await domain.produceBlock(now: try ServiceWorld.time(Int64(height) + 1))
    }
    for (text, places) in Self.queries {
      let query = try EventQuery(text)
      let page = try domain.blocks.transactions(matching: query)
      #expect(page.elements.map { "\($0.height).\($0.place)" } == places, "\(text)")
      #expect(page.total == places.count)
    }
    let all = try EventQuery("tm.event = 'Tx'")
    let last = try domain.blocks.transactions(matching: all, order: .descending, skip: 1, limit: 2)
    #expect(last.elements.map { "\($0.height).\($0.place)" } == ["2.0", "1.1"])
    #expect(last.total == 4)
    let hash = Hex.encode(last.elements[0].hash.array, prefix: "").uppercased()
    let byHash = try domain.blocks.transactions(matching: try EventQuery("tx.hash = '\(hash)'"))
    #expect(byHash.elements == [last.elements[0]])
    let heights = try domain.blocks.heights(matching: try EventQuery("block.height > 1"))
    #expect(heights.elements == [3, 2])
    let sequenced = try domain.blocks.heights(matching: try EventQuery("tx.acc_seq CONTAINS '/1'"))
    #expect(sequenced.elements == [1])
    #expect(throws: SearchError.condition(index: 1)) {
      try domain.blocks.transactions(
        matching: try EventQuery("tx.fee EXISTS AND a.b > TIME 2026-01-01T00:00:00Z"))
    }
  }

  @Test(
    "refuses what is no query",
    arguments: [
      ("", .empty), ("  ", .empty), ("= 5", .tag(offset: 0)), ("a.b", .operation(offset: 3)),
      ("a.b = ", .value(offset: 6)), ("a.b = 'x", .value(offset: 6)), ("a.b < 'x'", .value(offset: 6)),
      ("a.b = 1 OR c.d = 2", .and(offset: 8)), ("a.b = 1 AND", .tag(offset: 11)),
      ("a.b CONTAINS 5", .value(offset: 13)), ("a.b = 99999999999999999999", .value(offset: 6)),
      ("a.b > TIME noon", .value(offset: 6)),
    ] as [(String, EventQuery.SyntaxError)])
  func refuses(text: String, error: EventQuery.SyntaxError) {
    #expect(throws: error) { try EventQuery(text) }
  }

  @Test("bounds length and conditions")
  func bounds() {
    let long = "a = '" + String(repeating: "x", count: 512) + "'"
    #expect(throws: EventQuery.SyntaxError.tooLong(max: 512, actual: 518)) { try EventQuery(long) }
    let many = Array(repeating: "a = 1", count: 17).joined(separator: " AND ")
    #expect(throws: EventQuery.SyntaxError.conditionCount(max: 16)) { try EventQuery(many) }
  }

  @Test("matches live events by tag")
  func matches() throws {
    let events = ["tm.event": ["Tx"], "a.n": ["x", "7"], "a.t": ["2026-01-02T00:00:00Z"]]
    for (text, expected) in [
      ("tm.event = 'Tx'", true), ("tm.event='NewBlock'", false), ("a.n > 6 AND a.n CONTAINS 'x'", true),
      ("a.n = 8", false), ("a.t > DATE 2026-01-01", true), ("a.t < TIME 2026-01-01T00:00:00Z", false),
      ("b EXISTS", false), ("a.n EXISTS", true),
    ] {
      #expect(try EventQuery(text).matches(events) == expected, "\(text)")
    }
  }
}
