import Encodings
import Testing
import WireBytes

@Suite("base 58, base 64, Bech32")
struct BaseTests {
  @Test(
    "base 64 of RFC 4648, section 10",
    arguments: [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
      ("foobar", "Zm9vYmFy"),
    ])
  func base64(plain: String, text: String) throws {
    #expect(Base64.encode([UInt8](plain.utf8)) == text)
    let decoded = try Base64.decode(text)
    #expect(decoded == [UInt8](plain.utf8))
  }

  @Test(
    "base 64 refuses other forms",
    arguments: [
      ("Zg", .padding), ("Zg=", .padding), ("Zg===", .padding), ("Z===", .padding), ("=", .padding),
      ("Zh==", .trailingBits(offset: 1)), ("Zm9=", .trailingBits(offset: 2)),
      ("Zm\n9", .character(offset: 2)),
      ("Zm-_", .character(offset: 2)), ("Zg==Zg==", .character(offset: 2)), ("====", .padding),
    ] as [(String, Base64Error)])
  func base64Refusals(text: String, error: Base64Error) {
    #expect(throws: error) { _ = try Base64.decode(text) }
  }

  @Test("base 64 for URLs has its own alphabet and no padding")
  func base64URL() throws {
    let decoded = try Base64.url.decode("-_8")
    #expect(decoded == [0xfb, 0xff])
    #expect(throws: Base64Error.padding) { _ = try Base64.url.decode("-_8=") }
    #expect(throws: Base64Error.character(offset: 0)) { _ = try Base64.url.decode("+/8") }
    #expect(throws: Base64Error.length(5)) { _ = try Base64.url.decode("AAAAA") }
    #expect(throws: Base64Error.overLimit(limit: 3, actual: 4)) {
      _ = try Base64.url.decode("AAAA", sizeBytesMax: 3)
    }
  }

  @Test(
    "base 58 of Bitcoin Core's base58_encode_decode.json",
    arguments: [
      ("61", "2g"), ("626262", "a3gV"), ("636363", "aPEr"),
      ("73696d706c792061206c6f6e6720737472696e67", "2cFupjhnEsSn59qHXstmK2ffpLv2"),
      ("00eb15231dfceb60925886b67d065299925915aeb172c06647", "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L"),
      ("516b6fcd0f", "ABnLTmg"), ("bf4f89001e670274dd", "3SEo3LWLoPntC"), ("572e4794", "3EFU7m"),
      ("ecac89cad93923c02321", "EJDM8drfXA6uyA"), ("10c8511e", "Rt5zm"),
      ("00000000000000000000", "1111111111"),
    ])
  func base58(hex: String, text: String) throws {
    let bytes = try Hex.decode(hex)
    #expect(Base58.encode(bytes) == text)
    let decoded = try Base58.decode(text)
    #expect(decoded == bytes)
  }

  @Test("base 58 refuses other characters, long texts and wrong checksums")
  func base58Refusals() {
    for (text, offset) in [("0", 0), ("2O", 1), ("I", 0), ("l", 0), ("1 ", 1)] {
      #expect(throws: Base58Error.character(offset: offset)) { _ = try Base58.decode(text) }
    }
    #expect(throws: Base58Error.overLimit(limit: 512, actual: 513)) {
      _ = try Base58.decode(String(repeating: "1", count: 513))
    }
    #expect(throws: Base58Error.checksum) { _ = try Base58.decodeCheck("1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9M") }
    #expect(throws: Base58Error.truncated(actual: 3)) { _ = try Base58.decodeCheck("111") }
  }

  @Test(
    "valid texts of BIP-173 and BIP-350",
    arguments: [
      ("A12UEL5L", .bech32), ("a12uel5l", .bech32),
      ("an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs", .bech32),
      ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", .bech32),
      ("11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247j", .bech32),
      ("split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", .bech32), ("?1ezyfcl", .bech32),
      ("A1LQFN3A", .bech32m), ("a1lqfn3a", .bech32m),
      (
        "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6", .bech32m
      ),
      ("abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx", .bech32m),
      ("split1checkupstagehandshakeupstreamerranterredcaperredlc445v", .bech32m), ("?1v759aa", .bech32m),
    ] as [(String, Bech32.Variant)])
  func bech32(text: String, variant: Bech32.Variant) throws {
    let decoded = try Bech32(decoding: text)
    #expect(decoded.variant == variant)
    let encoded = try decoded.encoded()
    #expect(encoded == text.lowercased())
  }

  @Test(
    "invalid texts of BIP-173 and BIP-350",
    arguments: [
      ("\u{20}1nwldj5", .character(offset: 0)), ("\u{7F}1axkwrx", .character(offset: 0)),
      (
        "an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pvx",
        .overLimit(limit: 90, actual: 91)
      ),
      ("pzry9x0s0muk", .separator), ("1pzry9x0s0muk", .separator), ("x1b4n0q5v", .character(offset: 2)),
      ("li1dgmt3", .truncated(actual: 5)), ("A1G7SGD8", .checksum), ("10a06t8", .separator),
      ("1qzzfhee", .separator), ("y1b0jsk6g", .character(offset: 2)), ("lt1igcx5c0", .character(offset: 3)),
      ("in1muywd", .truncated(actual: 5)), ("M1VUXWEZ", .checksum), ("16plkw9", .separator),
      ("A12uEL5L", .mixedCase),
    ] as [(String, Bech32Error)])
  func bech32Refusals(text: String, error: Bech32Error) {
    #expect(throws: error) { _ = try Bech32(decoding: text) }
  }

  @Test("Bech32 groups that are no bytes, and prefixes that cannot be written")
  func groups() throws {
    #expect(throws: Bech32Error.padding) { _ = try Bech32.join([1][...]) }
    #expect(throws: Bech32Error.padding) { _ = try Bech32.join([0, 1][...]) }
    let one = try Bech32.join([31, 28][...])
    #expect(one == [255])
    let upper = Bech32(prefix: "Cosmos", groups: [], variant: .bech32)
    #expect(throws: Bech32Error.prefix) { _ = try upper.encoded() }
  }
}
