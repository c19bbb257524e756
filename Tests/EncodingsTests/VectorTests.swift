import Encodings
import Testing
import WireBytes

@Suite("vectors of other libraries")
struct VectorTests {
  private func bytes(_ value: JSONValue?) throws -> [UInt8] { try Hex.decode(value?.string ?? "?") }

  // MARK: RLP

  private func item(_ value: JSONValue) throws -> RLPItem {
    if let text = value.string { return .string(try Hex.decode(text)) }
    let items = try #require(value.array)
    return .list(try items.map { try item($0) })
  }

  @Test("RLP as pyrlp writes it; every cut is refused")
  func rlp() throws {
    let cases = try EncodingsVectors.cases("rlp")
    #expect(cases.count == 40)
    for one in cases {
      let spelled = try #require(one["item"])
      let expected = try item(spelled)
      let wanted = try bytes(one["want"])
      let decoded = try RLPItem(decoding: wanted)
      #expect(decoded == expected)
      #expect(expected.encoded() == wanted)
      for cut in stride(from: 0, to: wanted.count, by: 7) {
        #expect(throws: RLPError.self) { _ = try RLPItem(decoding: [UInt8](wanted.prefix(cut))) }
      }
    }
  }

  // MARK: ABI

  private func value(_ argument: JSONValue, _ type: ABIType) throws -> ABIValue {
    switch type {
    case .uint:
      let text = try #require(argument.string)
      return .uint(try #require(UInt256(decimal: text)))
    case .int:
      let text = try #require(argument.string)
      guard text.hasPrefix("-") else { return .int(try #require(UInt256(decimal: text))) }
      let magnitude = try #require(UInt256(decimal: String(text.dropFirst())))
      return .int(UInt256.zero.subtractingReportingOverflow(magnitude).partialValue)
    case .address: return .address(try Bytes20(hex: try #require(argument.string)))
    case .boolean:
      let flag: Bool? = argument.boolean
      guard let flag else { throw HexError.oddLength(0) }
      return .boolean(flag)
    case .fixedBytes: return .fixedBytes(try bytes(argument))
    case .bytes: return .bytes(try bytes(argument))
    case .string: return .string(try #require(argument.string))
    case .array(let element), .fixedArray(let element, _):
      let items = try #require(argument.array)
      return .array(try items.map { try value($0, element) })
    case .tuple(let members):
      let items = try #require(argument.array)
      return .tuple(try zip(items, members).map { try value($0, $1) })
    }
  }

  @Test("ABI as eth_abi writes it; every cut, byte more and flipped offset bit is refused or differs")
  func abi() throws {
    let cases = try EncodingsVectors.cases("abi")
    #expect(cases.count == 15)
    for one in cases {
      let names = try #require(one["types"]?.array)
      let types = try names.map { try ABIType($0.string ?? "") }
      let arguments = try #require(one["arguments"]?.array)
      let values = try zip(arguments, types).map { try value($0, $1) }
      let wanted = try bytes(one["want"])
      if one["packed"]?.boolean == true {
        let packed = try ABI.encodePacked(values, as: types)
        #expect(packed == wanted)
        continue
      }
      let encoded = try ABI.encode(values, as: types)
      #expect(encoded == wanted)
      let decoded = try ABI.decode(wanted, as: types)
      #expect(decoded == values)
      #expect(throws: ABIError.trailingBytes(offset: wanted.count, count: 1)) {
        _ = try ABI.decode(wanted + [0], as: types)
      }
      for cut in wanted.indices {
        #expect(throws: ABIError.self) { _ = try ABI.decode([UInt8](wanted.prefix(cut)), as: types) }
      }
      // One encoding per value: whatever still decodes after a flip is another value.
      for bit in stride(from: 0, to: wanted.count * 8, by: 3) {
        var flipped = wanted
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        if let other = try? ABI.decode(flipped, as: types) { #expect(other != values) }
      }
    }
  }

  // MARK: CBOR

  @Test("CBOR as cbor2 writes it canonically")
  func cbor() throws {
    let cases = try EncodingsVectors.cases("cbor")
    #expect(cases.count == 12)
    for one in cases {
      let wanted = try bytes(one["want"])
      let decoded = try CBORValue(decoding: wanted, rules: .deterministic)
      #expect(decoded.encoded() == wanted)
      let foreign = try CBORValue(decoding: wanted, rules: .foreign)
      #expect(foreign == decoded)
      for cut in wanted.indices {
        #expect(throws: CBORError.self) {
          _ = try CBORValue(decoding: [UInt8](wanted.prefix(cut)), rules: .foreign)
        }
      }
    }
  }

  // MARK: Text

  @Test("base 58, base 64 and Bech32 as Python libraries write them")
  func text() throws {
    let cases = try EncodingsVectors.cases("base")
    #expect(cases.count == 10)
    for one in cases {
      let content = try bytes(one["bytes"])
      let texts = ["base58", "base58check", "base64", "base64url", "bech32"].map { one[$0]?.string ?? "?" }
      #expect(Base58.encode(content) == texts[0])
      let check = Base58.encodeCheck(content.span)
      #expect(check == texts[1])
      #expect(Base64.encode(content) == texts[2])
      let url = Base64.url.encode(content.span)
      #expect(url == texts[3])
      let bech32 = try Bech32(prefix: "cosmos", bytes: content.span).encoded(textMax: 200)
      #expect(bech32 == texts[4])
      let decoded = [
        try Base58.decode(texts[0]), try Base58.decodeCheck(texts[1]), try Base64.decode(texts[2]),
        try Base64.url.decode(texts[3]), try Bech32(decoding: texts[4], textMax: 200).bytes(),
      ]
      #expect(decoded.allSatisfy { $0 == content })
    }
  }

  // MARK: Varints

  @Test("varints")
  func varints() throws {
    let cases = try EncodingsVectors.cases("varint")
    #expect(cases.count == 10)
    for one in cases {
      let wanted = try bytes(one["want"])
      let number = try #require(UInt64(one["value"]?.string ?? ""))
      var written: [UInt8] = []
      ProtobufWriter.append(varint: number, to: &written)
      #expect(written == wanted)
      var offset = 0
      let read = try ProtobufReader.varint(wanted.span, at: &offset, end: wanted.count)
      #expect(read == number)
    }
  }
}
