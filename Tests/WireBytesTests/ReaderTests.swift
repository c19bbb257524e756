import Testing
import WireBytes

@Suite("readers, hex, arrays")
struct ReaderTests {
  private let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

  @Test("reads integers, bytes and fixed values in order")
  func reads() throws {
    var reader = ByteReader(bytes.span)
    let first = try reader.readUInt8()
    let big = try reader.readBigEndian(UInt16.self)
    let little = try reader.readLittleEndian(UInt32.self)
    #expect(first == 1 && big == 0x0203 && little == 0x0706_0504)
    #expect(reader.peek() == 8)
    let fixed = try reader.readFixed(FixedBytes<2>.self)
    #expect(fixed.array == [8, 9])
    #expect(reader.remaining == 1 && !reader.isAtEnd)
    let rest = reader.readRest()
    #expect(rest == [10])
    #expect(reader.isAtEnd && reader.peek() == nil)
    try reader.finish()
  }

  @Test("refuses what is not there and leaves the cursor")
  func refusals() throws {
    var reader = ByteReader(bytes.span)
    try reader.skip(4)
    var caught: [WireError] = []
    do { _ = try reader.readBytes(7) } catch { caught.append(error) }
    do { _ = try reader.readBytes(-1) } catch { caught.append(error) }
    do { _ = try reader.readBytes(.max) } catch { caught.append(error) }
    do { _ = try reader.readSpan(7).count } catch { caught.append(error) }
    do { _ = try reader.readBigEndian(UInt64.self) } catch { caught.append(error) }
    do { _ = try reader.readLittleEndian(UInt64.self) } catch { caught.append(error) }
    do { _ = try reader.readFixed(Bytes32.self) } catch { caught.append(error) }
    do { try reader.skip(7) } catch { caught.append(error) }
    do { try reader.finish() } catch { caught.append(error) }
    #expect(
      caught == [
        .truncated(offset: 4, needed: 7), .truncated(offset: 4, needed: -1),
        .truncated(offset: 4, needed: .max),
        .truncated(offset: 4, needed: 7), .truncated(offset: 4, needed: 8), .truncated(offset: 4, needed: 8),
        .truncated(offset: 4, needed: 32), .truncated(offset: 4, needed: 7),
        .trailingBytes(offset: 4, count: 6),
      ])
    #expect(reader.offset == 4)
    let whole = try reader.readBytes(6)
    #expect(whole == [5, 6, 7, 8, 9, 10])
    do { _ = try reader.readUInt8() } catch { #expect(error == .truncated(offset: 10, needed: 1)) }
  }

  @Test("hex of RFC 4648, section 10, either case, with and without 0x")
  func hex() throws {
    for text in ["666f6f626172", "0x666f6f626172", "0X666F6F626172", "666F6f626172"] {
      let decoded = try Hex.decode(text)
      #expect(decoded == [UInt8]("foobar".utf8))
    }
    #expect(Hex.encode([0, 255, 16]) == "0x00ff10")
    #expect(Hex.encode([], prefix: "") == "")
    let empty = try Hex.decode("0x")
    #expect(empty.isEmpty)
    #expect(throws: HexError.oddLength(3)) { _ = try Hex.decode("0x123") }
    #expect(throws: HexError.digit(offset: 2)) { _ = try Hex.decode("0xg0") }
    #expect(throws: HexError.digit(offset: 1)) { _ = try Hex.decode("0 ") }
    #expect(throws: HexError.digit(offset: 2)) { _ = try Hex.decode("00x0") }
  }

  @Test("appends integers and compares spans")
  func arrays() {
    var built: [UInt8] = []
    built.append(bigEndian: UInt32(0x0102_0304))
    built.append(littleEndian: UInt16(0x0102))
    built.append(FixedBytes<2> { UInt8($0) })
    #expect(built == [1, 2, 3, 4, 2, 1, 0, 1])
    let (short, long): ([UInt8], [UInt8]) = ([1, 2], [1, 2, 3])
    let prefix = long.span.starts(with: short.span)
    let notPrefix = short.span.starts(with: long.span)
    let before = short.span.precedes(long.span)
    let after = long.span.precedes(short.span)
    let same = short.span.equals(short.span)
    let different = short.span.equals(long.span)
    #expect(prefix && !notPrefix && before && !after && same && !different)
  }
}
