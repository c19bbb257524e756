import Digests
import Encodings
import Foundation
import TestSupport
import Testing
import WireBytes

/// The cases of `Tests/Vectors/digests/<name>.json`.
func digestCases(_ name: String) throws -> [JSONValue] {
  let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/digests/\(name).json")
  let json = try JSONValue(decoding: [UInt8](Data(contentsOf: url)))
  return try #require(json["cases"]?.array)
}

/// The message of all these vectors: byte i is (7 i + 3) mod 251.
func pattern(_ length: Int) -> [UInt8] { (0..<length).map { UInt8((7 * $0 + 3) % 251) } }

@Suite("Digests against other implementations")
struct DigestVectorTests {
  @Test("Keccak-256 of 0 to 600 bytes, in one piece and in any two")
  func keccak() throws {
    let cases = try digestCases("keccak256")
    #expect(cases.count == 601)
    for test in cases {
      let length = try #require(test["length"]?.integer(Int.self))
      let want = try Bytes32(hex: #require(test["want"]?.string))
      let message = pattern(length)
      #expect(Keccak256.hash(message) == want)
      // Every split near a block or a lane, and a stride over the rest.
      for cut in Set([0, 1, 7, 8, 9, 63, 64, 128, 135, 136, 137, 272, length / 2, length - 1, length])
        .sorted()
      where (0...length).contains(cut) {
        var hasher = Keccak256()
        hasher.update(message.span.extracting(0..<cut))
        hasher.update(message.span.extracting(cut..<length))
        let digest = hasher.finalize()
        #expect(digest == want, "length \(length), cut \(cut)")
      }
    }
  }

  @Test("Keccak-256 fed in pieces of 1 to 140 bytes")
  func pieces() throws {
    let message = pattern(600)
    let want = try Bytes32(hex: #require(try digestCases("keccak256").last?["want"]?.string))
    for size in 1...140 {
      var hasher = Keccak256()
      for start in stride(from: 0, to: 600, by: size) {
        hasher.update(message.span.extracting(start..<min(start + size, 600)))
      }
      let digest = hasher.finalize()
      #expect(digest == want, "pieces of \(size)")
    }
  }

  @Test("a copied hasher goes its own way")
  func copies() {
    var first = Keccak256()
    first.update(pattern(100).span)
    var second = first
    second.update(pattern(3).span)
    let (one, two) = (first.finalize(), second.finalize())
    #expect(one == Keccak256.hash(pattern(100)))
    #expect(two == Keccak256.hash(pattern(100) + pattern(3)))
  }

  @Test("two words in a row hash as their concatenation")
  func pairs() {
    let left = Bytes32 { UInt8($0) }
    let right = Bytes32 { UInt8(200 - $0) }
    #expect(Keccak256.hash(left, right) == Keccak256.hash(left.array + right.array))
    #expect(SHA256Hash.hash(left, right) == SHA256Hash.hash(left.array + right.array))
  }

  @Test("SHAKE128 and SHAKE256, lengths around their rates")
  func shake() throws {
    let cases = try digestCases("shake")
    #expect(cases.count == 66)
    for test in cases {
      let message = pattern(try #require(test["length"]?.integer(Int.self)))
      let count = try #require(test["count"]?.integer(Int.self))
      let narrow = SHAKE.shake128(message.span, count: count)
      let wide = SHAKE.shake256(message.span, count: count)
      #expect(Hex.encode(narrow) == test["shake128"]?.string)
      #expect(Hex.encode(wide) == test["shake256"]?.string)
    }
  }

  @Test("RIPEMD-160")
  func ripemd() throws {
    let cases = try digestCases("ripemd160")
    #expect(cases.count == 132)
    for test in cases {
      let message = pattern(try #require(test["length"]?.integer(Int.self)))
      let digest = RIPEMD160.hash(message.span)
      #expect(digest.description == test["want"]?.string)
    }
  }

  @Test("SHA-2 and SHA-3")
  func sha() throws {
    let cases = try digestCases("sha")
    #expect(cases.count == 14)
    for test in cases {
      let message = pattern(try #require(test["length"]?.integer(Int.self)))
      let bytes = message.span
      let digests = [
        "sha256": SHA256Hash.hash(bytes).description, "sha384": SecureHashes.sha384(bytes).description,
        "sha512": SecureHashes.sha512(bytes).description, "sha3_256": SecureHashes.sha3256(bytes).description,
        "sha3_512": SecureHashes.sha3512(bytes).description,
      ]
      for (name, digest) in digests { #expect(digest == test[name]?.string, "\(name)") }
    }
  }
}
