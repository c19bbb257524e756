import Encodings
import Testing
import WireBytes

@Suite("ABI")
struct ABITests {
  @Test("selectors of the specification and of ERC-20")
  func selectors() throws {
    // Solidity documentation, "Contract ABI Specification", examples; EIP-20.
    #expect(ABI.selector("baz(uint32,bool)").description == "0xcdcd77c0")
    #expect(ABI.selector("sam(bytes,bool,uint256[])").description == "0xa5643bf2")
    let transfer = try ABIFunction("transfer(address,uint)")
    #expect(transfer.selector.description == "0xa9059cbb")
    let topic = ABI.eventTopic("Transfer(address,address,uint256)").description
    #expect(topic == "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
    let calldata = try transfer.encode([.address(Bytes20 { UInt8($0) }), .uint(5)])
    let decoded = try transfer.decode(calldata.span)
    #expect(decoded == [.address(Bytes20 { UInt8($0) }), .uint(5)])
    let other = [UInt8](repeating: 0, count: 68)
    #expect(throws: ABIError.selector(FixedBytes<4>())) { _ = try transfer.decode(other.span) }
    #expect(throws: ABIError.truncated(offset: 0, needed: 4)) {
      let short: [UInt8] = [0xa9]
      _ = try transfer.decode(short.span)
    }
  }

  @Test(
    "refuses names that are no types",
    arguments: [
      ("uint7", .name("uint7")), ("uint264", .name("uint264")), ("uint08", .name("uint08")),
      ("bytes0", .name("bytes0")),
      ("bytes33", .name("bytes33")), ("", .name("")), ("uint256[", .syntax(offset: 8)),
      ("uint256[0]", .emptyArray), ("(uint256", .syntax(offset: 8)), ("uint256)", .syntax(offset: 7)),
      ("(uint256,)", .name("")), ("uint256[01]", .syntax(offset: 8)), ("fixed128x18", .name("fixed128x18")),
    ] as [(String, ABITypeError)])
  func types(name: String, error: ABITypeError) {
    #expect(throws: error) { _ = try ABIType(name) }
  }

  @Test("packed values as Solidity's documentation gives them; elements of arrays keep their padding")
  func packed() throws {
    // "Non-standard Packed Mode": int16(-1), bytes1(0x42), uint16(0x03), string("Hello, world!").
    let bytes = try ABI.encodePacked(
      [.int(-1), .fixedBytes([0x42]), .uint(3), .string("Hello, world!")],
      as: [.int(16), .fixedBytes(1), .uint(16), .string])
    #expect(Hex.encode(bytes) == "0xffff42000348656c6c6f2c20776f726c6421")
    let elements = try ABI.encodePacked([.array([.uint(3), .uint(4)])], as: [.array(.uint(16))])
    #expect(elements == UInt256(3).bigEndian.array + UInt256(4).bigEndian.array)
  }

  @Test("bounds the nesting of types")
  func depth() {
    #expect(throws: ABITypeError.tooDeep) { _ = try ABIType("uint8" + String(repeating: "[]", count: 40)) }
    #expect(throws: ABITypeError.tooDeep) { _ = try ABIType(String(repeating: "(", count: 100_000)) }
  }

  @Test("refuses words out of range, dirty padding, and offsets out of place")
  func refusals() throws {
    func word(_ tail: String) -> String { String(repeating: "0", count: 64 - tail.count) + tail }
    let cases: [(String, [String], ABIError)] = [
      ("uint8", [word("0100")], .range(offset: 0)), ("bool", [word("02")], .range(offset: 0)),
      ("address", ["01" + String(repeating: "00", count: 31)], .range(offset: 0)),
      ("int8", [word("80")], .range(offset: 0)),
      ("int8", [String(repeating: "ff", count: 31) + "7f"], .range(offset: 0)),
      ("bytes4", [word("01")], .padding(offset: 31)),
      ("bytes", [word("40"), word("00"), word("00")], .offset(at: 0, expected: 32)),
      ("bytes", [word("00"), word("00")], .offset(at: 0, expected: 32)),
      ("bytes", [String(repeating: "ff", count: 32), word("00")], .count(offset: 0)),
      ("bytes", [word("20"), word("01"), word("01")], .padding(offset: 95)),
      ("bytes", [word("20"), word("21"), word("00")], .truncated(offset: 64, needed: 33)),
      ("string", [word("20"), word("01"), "ff" + String(repeating: "00", count: 31)], .text(offset: 32)),
      ("uint256[]", [word("20"), word("ffffffffffff")], .count(offset: 64)),
      ("uint256[]", [word("20"), String(repeating: "ff", count: 32)], .count(offset: 32)),
      ("uint256[1000000000]", [word("20")], .truncated(offset: 0, needed: 32_000_000_000)),
      ("uint256[9223372036854775807]", [word("20")], .illegalType),
    ]
    for (name, words, error) in cases {
      let type = try ABIType(name)
      let bytes = try Hex.decode(words.joined())
      #expect(throws: error, "\(name)") { _ = try ABI.decode(bytes, as: [type]) }
    }
    #expect(throws: ABIError.shape) { _ = try ABI.encode([.uint(256)], as: [.uint(8)]) }
    #expect(throws: ABIError.shape) { _ = try ABI.encode([.uint(1)], as: []) }
    #expect(throws: ABIError.illegalType) {
      _ = try ABI.encodePacked([.tuple([])], as: [.tuple([])])
    }
  }
}
