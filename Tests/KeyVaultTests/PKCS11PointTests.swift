import Crypto
import Foundation
import KeyVault
import SigningRules
import TestSupport
import Testing
import WireBytes

@Suite("Public keys of tokens")
struct PKCS11PointTests {
  /// A key, and every form in which a token may give it.
  struct Example: Sendable, CustomTestStringConvertible {
    let suite: KeySuite
    let key: [UInt8]
    let points: [[UInt8]]

    init(_ suite: KeySuite, key: [UInt8], uncompressed: [UInt8]?) {
      self.suite = suite
      self.key = key
      points = [key] + (uncompressed.map { [$0] } ?? [])
    }

    var forms: [[UInt8]] {
      points.flatMap { [$0, [0x04, UInt8($0.count)] + $0, [0x03, UInt8($0.count + 1), 0x00] + $0] }
    }

    var testDescription: String { suite.rawValue }
  }

  /// Keys of BoringSSL, in its encodings, and the generator of secp256k1 (SEC 2, section 2.4.1).
  static let examples: [Example] = {
    let p256 = P256.Signing.PrivateKey().publicKey
    let p384 = P384.Signing.PrivateKey().publicKey
    let x: [UInt8] = [
      0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07, 0x02,
      0x9b,
      0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98,
    ]
    let y: [UInt8] = [
      0x48, 0x3a, 0xda, 0x77, 0x26, 0xa3, 0xc4, 0x65, 0x5d, 0xa4, 0xfb, 0xfc, 0x0e, 0x11, 0x08, 0xa8, 0xfd,
      0x17,
      0xb4, 0x48, 0xa6, 0x85, 0x54, 0x19, 0x9c, 0x47, 0xd0, 0x8f, 0xfb, 0x10, 0xd4, 0xb8,
    ]
    return [
      Example(.secp256k1, key: [2] + x, uncompressed: [4] + x + y),
      Example(
        .p256, key: [UInt8](p256.compressedRepresentation), uncompressed: [UInt8](p256.x963Representation)),
      Example(
        .p384, key: [UInt8](p384.compressedRepresentation), uncompressed: [UInt8](p384.x963Representation)),
      Example(
        .ed25519, key: [UInt8](Curve25519.Signing.PrivateKey().publicKey.rawRepresentation), uncompressed: nil
      ),
    ]
  }()

  static func read(_ bytes: [UInt8], _ suite: KeySuite) -> Result<[UInt8], PKCS11PointError> {
    do { return .success(try PKCS11Point.read(bytes.span, suite: suite)) } catch { return .failure(error) }
  }

  @Test("are read from an OCTET STRING, a BIT STRING and as they are, compressed or not", arguments: examples)
  func forms(example: Example) {
    #expect(example.forms.count == (example.suite == .ed25519 ? 3 : 6))
    for form in example.forms { #expect(Self.read(form, example.suite) == .success(example.key)) }
    #expect(example.forms.allSatisfy { $0.count <= PKCS11Point.sizeBytesMax })
  }

  @Test("are of no other length", arguments: examples)
  func lengths(example: Example) {
    let good = Set(example.forms.map(\.count))
    for form in example.forms {
      for count in 0...130 where !good.contains(count) {
        let bytes = Array((form + [UInt8](repeating: 0, count: 130)).prefix(count))
        #expect(Self.read(bytes, example.suite) == .failure(.length(count)))
      }
    }
  }

  @Test(
    "have one header for each form: every other byte in it is refused where it stands", arguments: examples)
  func headers(example: Example) {
    for point in example.points {
      for header in [[0x04, UInt8(point.count)], [0x03, UInt8(point.count + 1), 0x00]] {
        for offset in header.indices {
          for byte in 0...UInt8.max where byte != header[offset] {
            var bytes = header + point
            bytes[offset] = byte
            #expect(Self.read(bytes, example.suite) == .failure(.form(offset: offset, found: byte)))
          }
        }
      }
    }
  }

  @Test("have the prefix of their form", arguments: examples.filter { $0.suite != .ed25519 })
  func prefixes(example: Example) {
    for (index, form) in example.forms.enumerated() {
      let offset = [0, 2, 3][index % 3]
      let allowed: Set<UInt8> = index < 3 ? [2, 3] : [4]
      for byte in 0...UInt8.max where !allowed.contains(byte) {
        var bytes = form
        bytes[offset] = byte
        #expect(Self.read(bytes, example.suite) == .failure(.form(offset: offset, found: byte)))
      }
    }
  }

  @Test("are points", arguments: examples.filter { $0.suite != .ed25519 })
  func points(example: Example) throws {
    var moved = try #require(example.points.last)
    moved[moved.count - 1] ^= 1
    #expect(Self.read(moved, example.suite) == .failure(.notOnCurve))
    let outside = [2] + [UInt8](repeating: 0xff, count: example.key.count - 1)
    #expect(Self.read(outside, example.suite) == .failure(.notOnCurve))
  }

  @Test("are there for suites of curves only")
  func suites() {
    let without: [KeySuite] = [
      .mlDSA65, .mlDSA87, .ed25519AndMLDSA65, .secp256k1AndMLDSA65, .p384AndMLDSA87, .frostEd25519,
    ]
    #expect(without.count + Self.examples.count == KeySuite.allCases.count)
    for suite in without {
      #expect(Self.read(Self.examples[0].key, suite) == .failure(.suite(suite)))
      #expect(throws: KeyBackEndError.unsupported(suite)) { try PKCS11Suite(suite) }
    }
  }

  @Test("never trap, and what is read reads as itself, for random changes of every form", arguments: examples)
  func mutations(example: Example) {
    let seed = ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) } ?? 11
    var state = seed
    func next(_ bound: Int) -> Int {
      // SplitMix64
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
      return Int((z ^ z >> 31) % UInt64(bound))
    }
    var accepted = 0
    for _ in 0..<4000 {
      var bytes = example.forms[next(example.forms.count)]
      for _ in 0...next(3) {
        switch next(4) {
        case 0: bytes[next(bytes.count)] = UInt8(next(256))
        case 1: bytes[next(min(4, bytes.count))] = UInt8(next(6))
        case 2: bytes.insert(UInt8(next(256)), at: next(bytes.count + 1))
        default: if bytes.count > 1 { bytes.remove(at: next(bytes.count)) }
        }
      }
      guard case .success(let key) = Self.read(bytes, example.suite) else { continue }
      accepted += 1
      #expect(
        key.count == example.key.count && Self.read(key, example.suite) == .success(key), "SEED=\(seed)")
    }
    #expect(accepted > 0, "SEED=\(seed)")
  }
}
