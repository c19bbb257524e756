import Messages
import PacketHost
import Testing

@Suite("Range scans of state while it is written")
struct WorkingRangeTests {
  /// SplitMix64.
  private struct Numbers: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
      return mixed ^ (mixed >> 31)
    }
  }

  /// Gives at most three entries at a time, as a store may.
  private struct ShortPages: StateReading {
    let inner: MemoryState
    func value(for key: [UInt8]) throws(StateFailure) -> [UInt8]? { try inner.value(for: key) }
    func entries(
      prefix: [UInt8], after start: [UInt8]?, limit: Int
    ) throws(StateFailure) -> [(key: [UInt8], value: [UInt8])] {
      try inner.entries(prefix: prefix, after: start, limit: limit)
    }
    func range(
      from start: [UInt8], until end: [UInt8]?, descending: Bool, limit: Int
    ) throws(StateFailure) -> [(key: [UInt8], value: [UInt8])] {
      try inner.range(from: start, until: end, descending: descending, limit: min(limit, 3))
    }
  }

  private static func key(_ numbers: inout Numbers) -> [UInt8] {
    (0..<Int.random(in: 1...3, using: &numbers)).map { _ in
      [0, 1, 0x7f, 0xff].randomElement(using: &numbers) ?? 0
    }
  }

  @Test(
    "agree with a plain map through layers that open, are kept and are dropped",
    arguments: 1...8 as ClosedRange<UInt64>)
  func property(seed: UInt64) throws {
    var numbers = Numbers(state: seed)
    var below: [[UInt8]: [UInt8]] = [:]
    for _ in 0..<30 { below[Self.key(&numbers)] = [1] }
    var state = WorkingState(ShortPages(inner: MemoryState(below)))
    var model: [[[UInt8]: [UInt8]]] = [below]
    for _ in 0..<400 {
      switch Int.random(in: 0..<12, using: &numbers) {
      case 0 where model.count < 8:
        state.open()
        model.append(model[model.count - 1])
      case 1 where model.count > 1:
        state.keep()
        let top = model.removeLast()
        model[model.count - 1] = top
      case 2 where model.count > 1:
        state.drop()
        model.removeLast()
      case 3...7:
        let (key, value) = (Self.key(&numbers), [UInt8.random(in: 1...9, using: &numbers)])
        let isRemoval = Bool.random(using: &numbers)
        state.set(isRemoval ? nil : value, for: key)
        model[model.count - 1][key] = isRemoval ? nil : value
      default:
        let start = Bool.random(using: &numbers) ? [] : Self.key(&numbers)
        let end = Bool.random(using: &numbers) ? nil : Self.key(&numbers)
        let limit = Int.random(in: 0...12, using: &numbers)
        let descending = Bool.random(using: &numbers)
        let found = try state.range(from: start, until: end, descending: descending, limit: limit)
        let inside = model[model.count - 1].keys.filter { key in
          !key.lexicographicallyPrecedes(start) && (end.map { key.lexicographicallyPrecedes($0) } ?? true)
        }.sorted { descending ? $1.lexicographicallyPrecedes($0) : $0.lexicographicallyPrecedes($1) }
        let expected = Array(inside.prefix(limit))
        #expect(found.map(\.key) == expected)
        #expect(found.map(\.value) == expected.map { model[model.count - 1][$0] ?? [] })
      }
    }
  }

  @Test("cost 30 gas an entry and 3 a byte; a page read ahead costs nothing until it is taken")
  func gas() throws {
    var context = HostContext(
      moment: BlockMoment(height: 1, time: UnixTime(seconds: 1)),
      state: WorkingState(MemoryState([[1]: [1, 2], [2]: [3], [3]: [4]])), gas: GasMeter(limit: 1_000))
    let found = try context.range(from: [1], until: [3], descending: true, limit: 9)
    #expect(found.map(\.key) == [[2], [1]])
    #expect(context.gas.used == 30 + 3 * 2 + 30 + 3 * 3)
    let page = try context.page(from: [1], until: nil, descending: false, limit: 2)
    #expect(page.map(\.key) == [[1], [2]])
    #expect(context.gas.used == 75)
    try context.chargeStep(key: [3], value: [4])
    #expect(context.gas.used == 75 + 36)
  }
}
