import Encodings
import Testing
import WireBytes

@Suite("protobuf")
struct ProtobufTests {
  static let rules = ProtobufRules(singular: [1, 2, 4], repeated: [3], explicit: [5])

  /// Field numbers and wire values of a message.
  static func read(
    _ hex: String, _ rules: ProtobufRules = ProtobufTests.rules
  ) throws -> [ProtobufField] {
    let message = try Hex.decode(hex)
    var reader = ProtobufReader(rules)
    var fields: [ProtobufField] = []
    while let field = try reader.next(in: message.span) { fields.append(field) }
    return fields
  }

  @Test("writes the examples of the encoding guide")
  func published() throws {
    // protobuf.dev, "Encoding": Test1{a: 150}, Test2{b: "testing"}, Test3{c: {a: 150}}, Test5{f: [3, 270, 86942]}.
    var writer = ProtobufWriter()
    writer.varint(1, 150)
    #expect(Hex.encode(writer.bytes) == "0x089601")
    writer = ProtobufWriter()
    writer.string(2, "testing")
    #expect(Hex.encode(writer.bytes) == "0x120774657374696e67")
    writer = ProtobufWriter()
    writer.message(3) { inner in inner.varint(1, 150) }
    #expect(Hex.encode(writer.bytes) == "0x1a03089601")
    writer = ProtobufWriter()
    writer.packed(6, [3, 270, 86942])
    #expect(Hex.encode(writer.bytes) == "0x3206038e029ea705")
    // The guide's -2 as a 64-bit varint.
    writer = ProtobufWriter()
    writer.int32(1, -2)
    #expect(Hex.encode(writer.bytes) == "0x08feffffffffffffffff01")
  }

  @Test("leaves defaults out, and writes them when told to")
  func defaults() {
    var writer = ProtobufWriter()
    writer.varint(1, 0)
    writer.int64(1, 0)
    writer.boolean(1, false)
    writer.sfixed64(1, 0)
    writer.bytes(1, [])
    writer.string(1, "")
    writer.packed(1, [])
    writer.message(1, always: false) { _ in }
    #expect(writer.bytes.isEmpty)
    writer.message(1) { _ in }
    writer.alwaysVarint(2, 0)
    #expect(Hex.encode(writer.bytes) == "0x0a001000")
  }

  @Test("reads back what was written")
  func roundTrip() throws {
    var writer = ProtobufWriter()
    writer.int64(1, -1)
    writer.sfixed64(2, -5)
    writer.alwaysString(3, "")
    writer.alwaysString(3, "é")
    writer.sint64(4, -3)
    writer.alwaysVarint(5, 0)
    let message = writer.bytes
    let fields = try Self.read(Hex.encode(message))
    #expect(fields.map(\.number) == [1, 2, 3, 3, 4, 5])
    let (first, second, fifth) = (try fields[0].int32(), try fields[1].sfixed64(), try fields[4].sint64())
    #expect(first == -1 && second == -5 && fifth == -3)
    let text = try fields[3].string(in: message.span)
    #expect(text == "é")
    #expect(throws: ProtobufError.type(field: 2, expected: .varint, actual: .fixed64)) {
      _ = try fields[1].uint64()
    }
    #expect(throws: ProtobufError.range(field: 1)) { _ = try fields[0].uint32() }
    #expect(throws: ProtobufError.range(field: 1)) { _ = try fields[0].boolean() }
    #expect(throws: ProtobufError.length(field: 3, expected: 32, actual: 2)) {
      _ = try fields[3].fixed(in: message.span, as: Bytes32.self)
    }
  }

  @Test(
    "refuses forms that the writer does not give",
    arguments: [
      ("0x088000", .varint(offset: 1)), ("0x08ffffffffffffffffff02", .varint(offset: 1)),
      ("0x08ffffffffffffffffffff01", .varint(offset: 1)), ("0x08", .truncated(offset: 1, needed: 1)),
      ("0x0880", .truncated(offset: 2, needed: 1)), ("0x00", .fieldNumber(offset: 0)),
      ("0x0b", .wireType(field: 1, 3)), ("0x0c", .wireType(field: 1, 4)), ("0x0f", .wireType(field: 1, 7)),
      ("0x8080808010", .fieldNumber(offset: 0)), ("0x0a0501", .truncated(offset: 2, needed: 5)),
      ("0x0affffffffffffffffff01", .truncated(offset: 11, needed: .max)),
      ("0x0901020304", .truncated(offset: 1, needed: 8)), ("0x0d010203", .truncated(offset: 1, needed: 4)),
      ("0x10010801", .order(field: 1, after: 2)), ("0x08010801", .duplicate(field: 1)),
      ("0x0800", .writtenDefault(field: 1)), ("0x3001", .unknownField(6)),
      ("0x1a0010011a00", .order(field: 2, after: 3)), ("0x28002800", .duplicate(field: 5)),
    ] as [(String, ProtobufError)])
  func refusals(hex: String, error: ProtobufError) {
    #expect(throws: error) { _ = try Self.read(hex) }
  }

  @Test("an empty singular string is a written default; an embedded message may be empty")
  func emptyBytes() throws {
    let message: [UInt8] = [0x0a, 0]
    let field = try #require(try Self.read("0x0a00").first)
    let range = try field.message()
    #expect(range == 2..<2)
    #expect(throws: ProtobufError.writtenDefault(field: 1)) { _ = try field.bytes(in: message.span) }
  }

  @Test("foreign form takes any order and defaults, still no duplicates; unknown fields may be skipped")
  func foreign() throws {
    let rules = ProtobufRules(singular: [1, 2], form: .foreign, unknown: .skip)
    let numbers = try Self.read("0x3001100008014a00", rules).map(\.number)
    #expect(numbers == [2, 1])
    #expect(throws: ProtobufError.duplicate(field: 1)) { _ = try Self.read("0x080110020801", rules) }
    #expect(throws: ProtobufError.wireType(field: 6, 3)) { _ = try Self.read("0x33", rules) }
  }

  @Test("bounds the message and packed lists")
  func bounds() throws {
    let message = [UInt8](repeating: 0, count: 5)
    var reader = ProtobufReader(Self.rules, sizeBytesMax: 4)
    #expect(throws: ProtobufError.overLimit(limit: 4, actual: 5)) { _ = try reader.next(in: message.span) }
    let packed: [UInt8] = [0x1a, 3, 1, 2, 0x85]
    let field = try #require(try Self.read(Hex.encode(packed)).first)
    #expect(throws: ProtobufError.overLimit(limit: 1, actual: 2)) {
      _ = try field.packed(in: packed.span, max: 1)
    }
    #expect(throws: ProtobufError.truncated(offset: 5, needed: 1)) {
      _ = try field.packed(in: packed.span, max: 9)
    }
  }

  @Test("a delimited message fills its input")
  func delimited() throws {
    let framed = ProtobufWriter.delimited([UInt8](repeating: 7, count: 200).span)
    let range = try ProtobufReader.delimited(framed.span)
    #expect(range == 2..<202)
    let long = framed + [0]
    #expect(throws: ProtobufError.truncated(offset: 2, needed: 200)) {
      _ = try ProtobufReader.delimited(long.span)
    }
  }
}
