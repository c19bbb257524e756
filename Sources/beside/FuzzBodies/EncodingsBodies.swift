private import Encodings
private import WireBytes

/// Bodies over the decoders of Encodings.
public enum EncodingsBodies {
  public static let all: [FuzzBody] = [
    json, rlp, abi, ssz, protobuf, cbor, cose, base58, base64, bech32,
  ]

  /// What is read is written back to a text that reads the same.
  static let json = FuzzBody(
    name: "json", seeds: [[UInt8](#"{"a":[1,-2.5e3,"x\u00e9",true,null]}"#.utf8)]
  ) { bytes in
    guard let value = try? JSONValue(decoding: bytes) else { return }
    let again = try? JSONValue(decoding: [UInt8](value.text().utf8))
    precondition(again == value)
  }

  /// One encoding per item; reading in place sees the items that reading the tree sees.
  static let rlp = FuzzBody(
    name: "rlp", seeds: [[0xc7, 0xc0, 0xc1, 0xc0, 0xc3, 0xc0, 0xc1, 0xc0], [0x83, 0x64, 0x6f, 0x67]]
  ) { bytes in
    guard let item = try? RLPItem(decoding: bytes) else { return }
    precondition(item.encoded() == bytes)
    guard let items = item.items, let slices = try? RLP.listItems(bytes.span) else { return }
    precondition(items.count == slices.count)
    for index in 0..<slices.count {
      precondition([UInt8](copying: bytes.span.extracting(slices[index].encoded)) == items[index].encoded())
    }
  }

  /// One encoding per value, for a type with every kind of nesting.
  static let abi: FuzzBody = {
    let types: [ABIType] = [
      .array(.tuple([.address, .bytes])), .int(64), .fixedArray(.string, 2), .boolean, .fixedBytes(5),
    ]
    let value: [ABIValue] = [
      .array([.tuple([.address(Bytes20()), .bytes([1, 2, 3])])]), .int(-5),
      .array([.string("a"), .string("")]),
      .boolean(true), .fixedBytes([1, 2, 3, 4, 5]),
    ]
    return FuzzBody(name: "abi", seeds: [(try? ABI.encode(value, as: types)) ?? []]) { bytes in
      guard let decoded = try? ABI.decode(bytes, as: types) else { return }
      let encoded = try? ABI.encode(decoded, as: types)
      precondition(encoded == bytes)
    }
  }()

  /// One encoding per value; the tree for proofs has the root of the direct way.
  static let ssz: FuzzBody = {
    let type = SSZType.container([
      .init("a", .uint(.uint16)), .init("b", .list(.byteList(limit: 64), limit: 8)),
      .init("c", .bitlist(limit: 20)), .init("d", .vector(.boolean, 3)),
      .init("e", .union([.init(0, nil), .init(1, .progressiveList(.uint(.uint64)))])),
      .init(
        "f",
        .progressiveContainer(
          activeFields: [true, false, true],
          [
            .init("x", .progressiveBitlist), .init("y", .byteVector(40)),
          ])),
    ])
    let value = SSZValue.sequence([
      .uint(7), .sequence([.packed([1, 2, 3]), .packed([])]), .bits([true, false, true]), .packed([1, 0, 1]),
      .selected(1, .packed([UInt8](repeating: 5, count: 64))),
      .sequence([.bits([true]), .packed([UInt8](repeating: 9, count: 40))]),
    ])
    return FuzzBody(name: "ssz", seeds: [(try? type.encode(value)) ?? []]) { bytes in
      guard let decoded = try? type.decode(bytes) else { return }
      let encoded = try? type.encode(decoded)
      precondition(encoded == bytes)
      let root = try? type.hashTreeRoot(decoded)
      let tree = try? SSZTree(decoded, type: type)
      precondition(root != nil && root == tree?.root)
    }
  }()

  /// What is read in the canonical form is written back to the same bytes.
  static let protobuf = FuzzBody(
    name: "protobuf", seeds: [[0x08, 0x96, 0x01, 0x12, 0x01, 0x61, 0x1a, 0x00, 0x1a, 0x01, 0x00]]
  ) { bytes in
    let rules = ProtobufRules(singular: [1, 2, 4, 5], repeated: [3])
    var reader = ProtobufReader(rules)
    var writer = ProtobufWriter()
    do {
      while let field = try reader.next(in: bytes.span) {
        switch field.value {
        case .varint(let value): writer.alwaysVarint(field.number, value)
        // The writer leaves zeroes out, which only a repeated field may hold here.
        case .fixed64(let value):
          guard value != 0 else { return }
          writer.fixed64(field.number, value)
        case .fixed32(let value):
          guard value != 0 else { return }
          writer.fixed32(field.number, value)
        case .lengthDelimited(let range): writer.alwaysBytes(field.number, bytes.span.extracting(range))
        }
        _ = try? field.packed(in: bytes.span, max: 100)
        _ = try? field.string(in: bytes.span)
      }
    } catch { return }
    precondition(writer.bytes == bytes)
    _ = try? ProtobufReader.delimited(bytes.span)
  }

  /// One deterministic encoding per item; what only the foreign form reads is rewritten to what both read.
  static let cbor = FuzzBody(
    name: "cbor", seeds: [[0xa2, 0x01, 0x26, 0x04, 0x9f, 0xf9, 0x3c, 0x00, 0x61, 0x61, 0xff]]
  ) { bytes in
    if let item = try? CBORValue(decoding: bytes, rules: .deterministic) {
      precondition(item.encoded() == bytes)
    }
    guard let item = try? CBORValue(decoding: bytes, rules: .foreign) else { return }
    let again = try? CBORValue(decoding: item.encoded(), rules: .deterministic)
    precondition(again != nil && again?.encoded() == item.encoded())
  }

  /// What parses has bytes that were signed.
  static let cose = FuzzBody(
    name: "cose", seeds: [[0xd2, 0x84, 0x43, 0xa1, 0x01, 0x26, 0xa0, 0x41, 0x61, 0x41, 0x62]]
  ) { bytes in
    guard let message = try? COSESign1(decoding: bytes.span, rules: .foreign, tagging: .either) else {
      return
    }
    let signed = try? message.signedBytes(detachedPayload: message.payload == nil ? [] : nil)
    precondition(signed != nil)
  }

  /// One text per byte string.
  static let base58 = FuzzBody(
    name: "base58", seeds: [[UInt8]("1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L".utf8)]
  ) { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    if let decoded = try? Base58.decode(text) { precondition(Base58.encode(decoded) == text) }
    if let payload = try? Base58.decodeCheck(text) { precondition(Base58.encodeCheck(payload.span) == text) }
  }

  /// One text per byte string, in each form.
  static let base64 = FuzzBody(name: "base64", seeds: [[UInt8]("Zm9vYg==".utf8), [UInt8]("-_8".utf8)]) {
    bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    for form in [
      Base64.standard, .url, Base64(.urlSafe, padding: .required), Base64(.standard, padding: .none),
    ] {
      if let decoded = try? form.decode(text) { precondition(form.encode(decoded.span) == text) }
    }
  }

  /// One lower-case text per value.
  static let bech32 = FuzzBody(name: "bech32", seeds: [[UInt8]("a1lqfn3a".utf8), [UInt8]("A12UEL5L".utf8)]) {
    bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    guard let decoded = try? Bech32(decoding: text) else { return }
    let encoded = try? decoded.encoded()
    precondition(encoded == text.lowercased())
    _ = try? decoded.bytes()
  }
}
