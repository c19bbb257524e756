import Encodings
import Testing
import WireBytes

@Suite("RLP")
struct RLPTests {
  @Test(
    "encodes and decodes the examples of the Ethereum wiki",
    arguments: [
      (.string([UInt8]("dog".utf8)), "0x83646f67"),
      (.list([.string([UInt8]("cat".utf8)), .string([UInt8]("dog".utf8))]), "0xc88363617483646f67"),
      (.string([]), "0x80"), (.list([]), "0xc0"), (.integer(UInt64(0)), "0x80"), (.string([0]), "0x00"),
      (.string([15]), "0x0f"), (.integer(UInt64(1024)), "0x820400"),
      (
        .list([.list([]), .list([.list([])]), .list([.list([]), .list([.list([])])])]), "0xc7c0c1c0c3c0c1c0"
      ),
      (.integer(UInt256.max), "0xa0" + String(repeating: "ff", count: 32)),
    ] as [(RLPItem, String)])
  func published(item: RLPItem, hex: String) throws {
    #expect(Hex.encode(item.encoded()) == hex)
    let decoded = try RLPItem(decoding: try Hex.decode(hex))
    #expect(decoded == item)
  }

  @Test(
    "refuses every other form",
    arguments: [
      ("0x", .truncated(offset: 0, needed: 1)), ("0x8101", .wrappedByte(offset: 0)),
      ("0x81", .truncated(offset: 1, needed: 1)), ("0x8000", .trailingBytes(offset: 1, count: 1)),
      ("0xb800", .nonMinimalLength(offset: 0)), ("0xb837", .nonMinimalLength(offset: 0)),
      ("0xb90038", .nonMinimalLength(offset: 0)), ("0xf800", .nonMinimalLength(offset: 0)),
      ("0xc281", .truncated(offset: 1, needed: 2)), ("0xc181", .truncated(offset: 2, needed: 1)),
      ("0xc28101", .wrappedByte(offset: 1)), ("0xbfffffffffffffffff", .truncated(offset: 9, needed: .max)),
      ("0xff7fffffffffffffff", .truncated(offset: 9, needed: .max)),
      ("0xb9ff", .truncated(offset: 1, needed: 2)),
      ("0xc1c1", .truncated(offset: 2, needed: 1)),
    ] as [(String, RLPError)])
  func refusals(hex: String, error: RLPError) throws {
    let bytes = try Hex.decode(hex)
    #expect(throws: error) { _ = try RLPItem(decoding: bytes) }
  }

  @Test("refuses every shorter input and every input with a byte more")
  func lengths() throws {
    let item = RLPItem.list([
      .string([UInt8](repeating: 1, count: 60)), .list([.integer(UInt64(300)), .list([])]), .string([0x7f]),
    ])
    let whole = item.encoded()
    for count in whole.indices {
      #expect(throws: RLPError.self) { _ = try RLPItem(decoding: [UInt8](whole.prefix(count))) }
    }
    #expect(throws: RLPError.trailingBytes(offset: whole.count, count: 1)) {
      _ = try RLPItem(decoding: whole + [0])
    }
  }

  @Test("bounds depth and size")
  func bounds() throws {
    var item = RLPItem.list([])
    for _ in 1..<RLPItem.depthMax { item = .list([item]) }
    let deepest = item.encoded()
    let decoded = try RLPItem(decoding: deepest)
    #expect(decoded == item)
    let over = RLPItem.list([item]).encoded()
    #expect(throws: RLPError.tooDeep(limit: 128)) { _ = try RLPItem(decoding: over) }
    let zero = [UInt8](repeating: 0, count: 9)
    #expect(throws: RLPError.overLimit(limit: 8, actual: 9)) {
      _ = try RLPItem(decoding: zero.span, sizeBytesMax: 8)
    }
  }

  @Test("lists the items of a branch node in place")
  func branch() throws {
    var writer = RLPWriter()
    writer.list { list in
      for index in 0..<16 { list.string(Bytes32 { UInt8($0 + index) }) }
      list.string([])
    }
    let node = writer.bytes
    let items = try RLP.listItems(node.span)
    #expect(items.count == 17)
    #expect(items[0].payload == 4..<36)
    #expect(items[0].encoded == 3..<36)
    let third = try items[3].fixed(in: node.span, as: Bytes32.self)
    #expect(third == Bytes32 { UInt8($0 + 3) })
    #expect(items[16].payload.isEmpty)
    let eighteen = RLPItem.list([RLPItem](repeating: .string([]), count: 18)).encoded()
    #expect(throws: RLPError.overLimit(limit: 17, actual: 18)) { _ = try RLP.listItems(eighteen.span) }
    let string: [UInt8] = [0x80]
    #expect(throws: RLPError.expectedList(offset: 0)) { _ = try RLP.listItems(string.span) }
    let single: [UInt8] = [0xc1, 0x80]
    #expect(throws: RLPError.itemCount(expected: 2, actual: 1)) { _ = try RLP.record(single.span, count: 2) }
    #expect(throws: RLPError.overLimit(limit: 2, actual: 3)) { _ = try RLP.record(node.span, count: 2) }
  }

  @Test("integers are shortest and fit")
  func integers() throws {
    let list = RLPItem.list([
      .string([1, 0]), .string([0, 1]), .string([UInt8](repeating: 1, count: 9)),
      .string([UInt8](repeating: 255, count: 33)), .list([]),
    ]).encoded()
    let items = try RLP.record(list.span, count: 5)
    let first = try items[0].uint64(in: list.span)
    #expect(first == 256)
    let start = list.count - 1 - 34 - 10 - 3
    #expect(throws: RLPError.leadingZero(offset: start)) { _ = try items[1].uint64(in: list.span) }
    #expect(throws: RLPError.length(offset: start + 3, expected: 8, actual: 9)) {
      _ = try items[2].uint64(in: list.span)
    }
    let nine = try items[2].uint256(in: list.span)
    #expect(nine.limbs.1 == 1)
    #expect(throws: RLPError.length(offset: start + 13, expected: 32, actual: 33)) {
      _ = try items[3].uint256(in: list.span)
    }
    #expect(throws: RLPError.expectedString(offset: start + 47)) { _ = try items[4].uint64(in: list.span) }
  }
}
