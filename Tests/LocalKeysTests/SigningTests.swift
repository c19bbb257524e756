import Digests
import Encodings
import Foundation
import LocalKeys
import SignatureSchemes
import TestSupport
import Testing
import WireBytes

@Suite("Local keys")
struct SigningTests {
  static let vectors: JSONValue? = {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/keys/signatures.json")
    guard let text = FileManager.default.contents(atPath: url.path) else { return nil }
    return try? JSONValue(decoding: [UInt8](text))
  }()

  static func cases(_ kind: String) throws -> [JSONValue] {
    let vectors = try #require(vectors)
    #expect(vectors["schema"]?.string == "causeway.vectors.local-keys/1")
    return try #require(vectors["cases"]?[kind]?.array)
  }

  static func bytes(_ json: JSONValue, _ member: String) throws -> [UInt8] {
    try Hex.decode(#require(json[member]?.string))
  }

  static func secp256k1(_ secret: [UInt8]) throws -> LocalSecp256k1Key {
    try LocalSecp256k1Key(secret: secret.span)
  }

  @Test("signs with secp256k1 as an independent implementation of RFC 6979 does")
  func secp256k1Vectors() throws {
    let cases = try Self.cases("secp256k1")
    #expect(cases.count == 58)
    for json in cases {
      let key = try Self.secp256k1(Self.bytes(json, "secret"))
      #expect(try key.publicKey.array == Self.bytes(json, "public"))
      #expect(try key.ethereumAddress.array == Self.bytes(json, "address"))
      let digest = try Bytes32(Self.bytes(json, "digest"))
      let want = try Self.bytes(json, "signature")
      #expect(key.sign(digest: digest).array == want)
      let v = try #require(json["v"]?.integer(UInt8.self))
      let recoverable = key.signRecoverable(digest: digest).array
      #expect(recoverable == want + [v])
      let recovered = try Secp256k1.recoverAddress(
        digest: digest, signature: recoverable.span, form: .twentySevenOrTwentyEight, policy: .lowSRequired)
      #expect(recovered == key.ethereumAddress)
    }
  }

  @Test("gives private key 1 its well-known address, and its published signature")
  func one() throws {
    let key = try Self.secp256k1([UInt8](repeating: 0, count: 31) + [1])
    #expect(key.ethereumAddress.description == "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf")
    // Published with trezor-crypto, haskoin and bitcoinjs as vectors of RFC 6979 on secp256k1.
    let digest = SHA256Hash.hash([UInt8]("Satoshi Nakamoto".utf8))
    #expect(
      key.sign(digest: digest).description
        == "0x934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
        + "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5")
  }

  @Test("signs with Ed25519 as RFC 8032 says")
  func ed25519Vectors() throws {
    let cases = try Self.cases("ed25519")
    #expect(cases.count == 4)
    for json in cases {
      let secret = try Self.bytes(json, "secret")
      let key = try LocalEd25519Key(secret: secret.span)
      #expect(try key.publicKey.array == Self.bytes(json, "public"))
      #expect(try key.sign(Self.bytes(json, "message")).array == Self.bytes(json, "signature"))
    }
    // RFC 8032, section 7.1, TEST 1.
    let secret = try Hex.decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    let key = try LocalEd25519Key(secret: secret.span)
    #expect(
      key.publicKey.description == "0xd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    #expect(
      key.sign([]).description
        == "0xe5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        + "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")
  }

  @Test("refuses bytes that are no key")
  func refused() throws {
    let cases = try Self.cases("refused")
    #expect(cases.count == 6)
    for json in cases {
      let secret = try Self.bytes(json, "secret")
      let want: LocalKeyError = json["error"]?.string == "range" ? .range : .length(secret.count)
      #expect(throws: want) { try Self.secp256k1(secret) }
    }
    for count in [0, 31, 33] {
      let secret = [UInt8](repeating: 7, count: count)
      #expect(throws: LocalKeyError.length(count)) { try LocalEd25519Key(secret: secret.span) }
    }
  }

  @Test("makes a new key each time, and signs with it from many threads")
  func made() async throws {
    let keys = (0..<8).map { _ in LocalSecp256k1Key() }
    #expect(Set(keys.map(\.publicKey)).count == 8)
    await withTaskGroup(of: Void.self) { group in
      for key in keys {
        group.addTask {
          for number in 0..<50 {
            let digest = SHA256Hash.hash([UInt8(number)])
            let signature = key.signRecoverable(digest: digest).array
            let signer = try? Secp256k1.recoverAddress(
              digest: digest, signature: signature.span, form: .twentySevenOrTwentyEight,
              policy: .lowSRequired)
            #expect(signer == key.ethereumAddress)
          }
        }
      }
    }
    let edwards = LocalEd25519Key()
    let message: [UInt8] = [1, 2, 3]
    try Ed25519.verify(
      message.span, signature: edwards.sign(message), key: edwards.publicKey, rule: .rfc8032Strict)
  }

  @Test("shows the public key and nothing else, however it is printed")
  func printed() throws {
    let secret = [UInt8](repeating: 0x5a, count: 32)
    let secp256k1 = try Self.secp256k1(secret)
    let ed25519 = try LocalEd25519Key(secret: secret.span)
    #expect("\(secp256k1)" == "secp256k1 \(secp256k1.publicKey)")
    #expect("\(ed25519)" == "ed25519 \(ed25519.publicKey)")
    for value in [secp256k1, ed25519] as [any Sendable] {
      var dumped = ""
      dump(value, to: &dumped)
      for text in [String(describing: value), String(reflecting: value), "\(Optional(value) as Any)", dumped]
      {
        #expect(!text.lowercased().contains("5a5a"))
        #expect(!text.contains("90, 90"))
      }
      #expect(Mirror(reflecting: value).children.count == 1)
      #expect(!(value is any Encodable))
      #expect(!(value is any Equatable))
    }
  }
}
