import Conformance
import Encodings
import SignatureSchemes
import TestSupport
import Testing
import WireBytes

@Suite("Ed25519")
struct Ed25519Tests {
  static let rules: [Ed25519.Rule] = [.rfc8032Strict, .ref10, .zip215]
  // RFC 8032, section 7.1, test 3.
  static let key = try? Bytes32(hex: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
  static let message: [UInt8] = [0xaf, 0x82]
  static let signature = try? Bytes64(
    hex: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
      + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")

  func error(
    _ message: [UInt8], _ signature: Bytes64, _ key: Bytes32, _ rule: Ed25519.Rule
  ) -> Ed25519.VerificationError? {
    do {
      try Ed25519.verify(message.span, signature: signature, key: key, rule: rule)
      return nil
    } catch { return error }
  }

  @Test("accepts RFC 8032's third test and refuses each flipped bit, under every rule", arguments: rules)
  func flips(rule: Ed25519.Rule) throws {
    let key = try #require(Self.key)
    let signature = try #require(Self.signature)
    #expect(error(Self.message, signature, key, rule) == nil)
    for bit in 0..<512 {
      var changed = signature
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(error(Self.message, changed, key, rule) != nil, "signature bit \(bit)")
    }
    for bit in 0..<256 {
      var changed = key
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(error(Self.message, signature, changed, rule) != nil, "key bit \(bit)")
    }
    #expect(error([0xaf], signature, key, rule) == .mismatch)
  }

  @Test("refuses s of L or more", arguments: rules)
  func scalars(rule: Ed25519.Rule) throws {
    let key = try #require(Self.key)
    var signature = try #require(Self.signature)
    // L, little-endian (RFC 8032, section 5.1).
    let order = try Bytes32(hex: "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
    for index in 0..<32 { signature[32 + index] = order[index] }
    #expect(error(Self.message, signature, key, rule) == .scalarOverflow)
    signature[32] -= 1
    #expect(error(Self.message, signature, key, rule) == .mismatch)
    for index in 0..<32 { signature[32 + index] = 0xff }
    #expect(error(Self.message, signature, key, rule) == .scalarOverflow)
  }

  @Test("the strict rule names what is wrong with A and R")
  func strict() throws {
    let key = try #require(Self.key)
    let signature = try #require(Self.signature)
    func commitment(_ bytes: Bytes32) -> Bytes64 { Bytes64 { $0 < 32 ? bytes[$0] : signature[$0] } }
    // C2SP CCTV, ed25519/README.md: the encodings of the points of small order.
    let canonical = [
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0000000000000000000000000000000000000000000000000000000000000080",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]
    let other = [
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "0100000000000000000000000000000000000000000000000000000000000080",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ]
    for text in canonical {
      let point = try Bytes32(hex: text)
      #expect(error(Self.message, signature, point, .rfc8032Strict) == .keySmallOrder)
      #expect(error(Self.message, commitment(point), key, .rfc8032Strict) == .commitmentSmallOrder)
    }
    for text in other {
      let point = try Bytes32(hex: text)
      #expect(error(Self.message, signature, point, .rfc8032Strict) == .keyNotCanonical)
      #expect(error(Self.message, commitment(point), key, .rfc8032Strict) == .commitmentNotCanonical)
    }
  }

  @Test("a y without a point is named", arguments: [Ed25519.Rule.ref10, .zip215])
  func offCurve(rule: Ed25519.Rule) throws {
    let key = try #require(Self.key)
    let signature = try #require(Self.signature)
    // y = 2 has no x: (4 - 1) / (4 d + 1) is no square.
    var two = Bytes32()
    two[0] = 2
    #expect(error(Self.message, signature, two, rule) == .keyNotOnCurve)
    let changed = Bytes64 { $0 < 32 ? two[$0] : signature[$0] }
    #expect(error(Self.message, changed, key, rule) == .commitmentNotOnCurve)
  }

  @Test("refuses other lengths", arguments: [0, 31, 33, 63, 65])
  func lengths(count: Int) {
    let (short, key, signature) = (
      [UInt8](repeating: 0, count: count), [UInt8](repeating: 0, count: 32), [UInt8](repeating: 0, count: 64)
    )
    #expect(throws: Ed25519.VerificationError.keyLength(count)) {
      try Ed25519.verify([UInt8]().span, signature: signature.span, key: short.span, rule: .zip215)
    }
    #expect(throws: Ed25519.VerificationError.signatureLength(count)) {
      try Ed25519.verify([UInt8]().span, signature: short.span, key: key.span, rule: .zip215)
    }
  }

  @Test(
    "what NEAR's list calls valid, strictly or not, holds under ZIP-215, and what it calls invalid does not",
    .enabled(if: Corpora.directory("ed25519") != nil, "corpus ed25519 is absent"))
  func near() throws {
    let corpus = try CorpusDirectory(path: #require(Corpora.directory("ed25519")))
    let cases = try #require(try corpus.json("near/ed25519-tests.json").array)
    for test in cases {
      let description = try #require(test["description"]?.string)
      guard
        description.hasSuffix("valid strict") || description.hasSuffix("valid non-strict")
          || description.hasSuffix(", invalid")
      else { continue }
      let found = error(
        try test.hex("msg"), try Bytes64(test.hex("sig")), try Bytes32(test.hex("k")), .zip215)
      #expect(
        (found == nil) == !description.hasSuffix(", invalid"), "\(description): \(String(describing: found))")
    }
  }
}
