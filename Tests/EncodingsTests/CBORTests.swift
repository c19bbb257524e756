import Encodings
import Testing
import WireBytes

@Suite("CBOR")
struct CBORTests {
  @Test(
    "reads and writes RFC 8949, appendix A",
    arguments: [
      ("00", .unsigned(0)), ("17", .unsigned(23)), ("1818", .unsigned(24)), ("1903e8", .unsigned(1000)),
      ("1bffffffffffffffff", .unsigned(.max)), ("3bffffffffffffffff", .negative(.max)),
      ("20", .integer(-1)), ("3903e7", .integer(-1000)), ("f90000", .float(0.0)), ("f98000", .float(-0.0)),
      ("f93c00", .float(1.0)), ("fb3ff199999999999a", .float(1.1)), ("f97bff", .float(65504.0)),
      ("fa47c35000", .float(100000.0)), ("fa7f7fffff", .float(3.4028234663852886e+38)),
      ("f90001", .float(5.960464477539063e-8)), ("f90400", .float(0.00006103515625)),
      ("f9c400", .float(-4.0)),
      ("f97c00", .float(.infinity)), ("f97e00", .float(bitPattern: 0x7ff8_0000_0000_0000)),
      ("f9fc00", .float(-.infinity)), ("f4", .boolean(false)), ("f6", .null), ("f7", .undefined),
      ("f0", .simple(16)), ("f8ff", .simple(255)), ("c11a514b67b0", .tag(1, .unsigned(1_363_896_240))),
      ("40", .bytes([])), ("4401020304", .bytes([1, 2, 3, 4])), ("60", .text("")), ("62c3bc", .text("ü")),
      ("64f0908591", .text("\u{10151}")), ("80", .array([])),
      (
        "8301820203820405",
        .array([.unsigned(1), .array([.unsigned(2), .unsigned(3)]), .array([.unsigned(4), .unsigned(5)])])
      ),
      ("a0", .map([])),
      ("a201020304", .map([.init(.unsigned(1), .unsigned(2)), .init(.unsigned(3), .unsigned(4))])),
      ("826161a161626163", .array([.text("a"), .map([.init(.text("b"), .text("c"))])])),
    ] as [(String, CBORValue)])
  func appendixA(hex: String, value: CBORValue) throws {
    let bytes = try Hex.decode(hex)
    let decoded = try CBORValue(decoding: bytes, rules: .deterministic)
    #expect(decoded == value)
    #expect(value.encoded() == bytes)
  }

  @Test(
    "foreign form reads indefinite lengths and long forms that the deterministic one refuses",
    arguments: [
      ("5f42010243030405ff", .bytes([1, 2, 3, 4, 5]), .indefinite(offset: 0)),
      ("7f657374726561646d696e67ff", .text("streaming"), .indefinite(offset: 0)),
      ("9fff", .array([]), .indefinite(offset: 0)), ("bfff", .map([]), .indefinite(offset: 0)),
      ("9f0102ff", .array([.unsigned(1), .unsigned(2)]), .indefinite(offset: 0)),
      (
        "bf6346756ef563416d7421ff",
        .map([.init(.text("Fun"), .boolean(true)), .init(.text("Amt"), .integer(-2))]), .indefinite(offset: 0)
      ),
      ("1800", .unsigned(0), .nonMinimal(offset: 0)),
      ("1b0000000000000001", .unsigned(1), .nonMinimal(offset: 0)),
      ("fa3f800000", .float(1.0), .nonMinimal(offset: 0)),
      ("fb3ff0000000000000", .float(1.0), .nonMinimal(offset: 0)),
      (
        "a203040102", .map([.init(.unsigned(3), .unsigned(4)), .init(.unsigned(1), .unsigned(2))]),
        .keyOrder(offset: 3)
      ),
    ] as [(String, CBORValue, CBORError)])
  func foreign(hex: String, value: CBORValue, error: CBORError) throws {
    let bytes = try Hex.decode(hex)
    let decoded = try CBORValue(decoding: bytes, rules: .foreign)
    #expect(decoded == value)
    #expect(throws: error) { _ = try CBORValue(decoding: bytes, rules: .deterministic) }
  }

  @Test(
    "refuses what is not well-formed or not valid, in both forms",
    arguments: [
      ("", .truncated(offset: 0, needed: 1)), ("18", .truncated(offset: 1, needed: 1)),
      ("0000", .trailingBytes(offset: 1, count: 1)), ("1c", .reserved(offset: 0)),
      ("1f", .reserved(offset: 0)),
      ("df00", .reserved(offset: 0)), ("ff", .unexpectedBreak(offset: 0)), ("fc", .reserved(offset: 0)),
      ("f818", .simple(offset: 0)), ("f800", .simple(offset: 0)), ("61ff", .text(offset: 0)),
      ("a201020103", .duplicateKey(offset: 3)), ("81", .truncated(offset: 1, needed: 1)),
      ("9bffffffffffffffff", .truncated(offset: 9, needed: .max)),
      ("bb7fffffffffffffff00", .truncated(offset: 9, needed: .max)),
      ("5bffffffffffffffff", .truncated(offset: 9, needed: .max)),
    ] as [(String, CBORError)])
  func malformed(hex: String, error: CBORError) throws {
    let bytes = try Hex.decode(hex)
    #expect(throws: error) { _ = try CBORValue(decoding: bytes, rules: .foreign) }
    #expect(throws: error) { _ = try CBORValue(decoding: bytes, rules: .deterministic) }
  }

  @Test("refuses chunks that do not belong, a break for a value, and a character cut in two")
  func chunks() throws {
    for (hex, error) in [
      ("5f6161ff", .chunk(offset: 1)), ("5f5f4101ffff", .chunk(offset: 1)),
      ("bf01ff", .unexpectedBreak(offset: 2)), ("7f61c361bcff", .text(offset: 1)),
    ] as [(String, CBORError)] {
      let bytes = try Hex.decode(hex)
      #expect(throws: error) { _ = try CBORValue(decoding: bytes, rules: .foreign) }
    }
  }

  @Test("bounds depth, items and size")
  func bounds() {
    let deep = [UInt8](repeating: 0x81, count: 33) + [0]
    #expect(throws: CBORError.tooDeep(limit: 32)) { _ = try CBORValue(decoding: deep, rules: .foreign) }
    let wide = [UInt8]([0x84, 0, 0, 0, 0])
    #expect(throws: CBORError.tooManyItems(limit: 4)) {
      _ = try CBORValue(decoding: wide, rules: CBORRules(.foreign, itemsMax: 4))
    }
    #expect(throws: CBORError.inputSize(limit: 4, actual: 5)) {
      _ = try CBORValue(decoding: wide, rules: CBORRules(.foreign, sizeBytesMax: 4))
    }
  }

  @Test("parses COSE_Sign1 and rebuilds the bytes that were signed")
  func cose() throws {
    // The shape of RFC 9052, appendix C.2.1: protected {1: -7}, unprotected {4: "11"}; the signature is not checked.
    let payload = Hex.encode([UInt8]("This is the content.".utf8), prefix: "")
    let signature = String(repeating: "ab", count: 64)
    let message = try Hex.decode("d28443a10126a10442313154\(payload)5840\(signature)")
    let parsed = try COSESign1(decoding: message.span, rules: .deterministic, tagging: .required)
    #expect(parsed.algorithm == -7)
    #expect(parsed.unprotected == [.init(.unsigned(4), .bytes([0x31, 0x31]))])
    // RFC 9052, section 4.4: ["Signature1", protected, external_aad, payload].
    let signed = try parsed.signedBytes()
    #expect(Hex.encode(signed, prefix: "") == "846a5369676e61747572653143a101264054\(payload)")
    let external = try parsed.signedBytes(externalAAD: [0x11, 0xaa])
    #expect(Hex.encode(external, prefix: "") == "846a5369676e61747572653143a101264211aa54\(payload)")
    #expect(throws: COSEError.payload) { _ = try parsed.signedBytes(detachedPayload: [1]) }
    #expect(throws: COSEError.tag) {
      _ = try COSESign1(decoding: message.span, rules: .deterministic, tagging: .refused)
    }
    let untagged = [UInt8](message.dropFirst())
    #expect(throws: COSEError.tag) {
      _ = try COSESign1(decoding: untagged.span, rules: .deterministic, tagging: .required)
    }
    let twice = try Hex.decode("8443a10126a10126405840\(signature)")
    #expect(throws: COSEError.duplicateLabel(.unsigned(1))) {
      _ = try COSESign1(decoding: twice.span, rules: .deterministic, tagging: .either)
    }
    let three = try Hex.decode("8340a040")
    #expect(throws: COSEError.structure) {
      _ = try COSESign1(decoding: three.span, rules: .deterministic, tagging: .either)
    }
    let detached = try Hex.decode("8440a0f640")
    let empty = try COSESign1(decoding: detached.span, rules: .deterministic, tagging: .either)
    #expect(empty.payload == nil)
    #expect(throws: COSEError.payload) { _ = try empty.signedBytes() }
  }
}
