import Encodings
import Foundation
import KeyVault
import Secrets
import TestSupport
import Testing
import WireBytes

@Suite("EIP-2335 keystores")
struct KeystoreTests {
  private static let folder = Corpora.directory("keys").map { $0 + "/eip2333-2335" }
  /// EIP-2335, "Test Cases": the password, and the secret of both keystores.
  private static let password = "𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑"
  private static let wanted = "0x000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
  /// EIP-2335, "Test Cases", "PBKDF2".
  private static let published = """
    {"crypto": {"kdf": {"function": "pbkdf2", "params": {"dklen": 32, "c": 262144, "prf": "hmac-sha256",
      "salt": "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"}, "message": ""},
      "checksum": {"function": "sha256", "params": {},
      "message": "8a9f5d9912ed7e75ea794bc5a89bca5f193721d30868ade6f73043c6ea6febf1"},
      "cipher": {"function": "aes-128-ctr", "params": {"iv": "264daa3f303d7259501c93d997d84fe6"},
      "message": "cee03fde2af33149775b7223e7845e4fb2c8ae1792e5f99fe9ecf474cc8c16ad"}},
     "description": "This is a test keystore that uses PBKDF2 to secure the secret.",
     "pubkey": "9612d7a727c9d0a22e185a1c768478dfe919cada9266988cb32359c11f2b7b27f4ae4040902382ae2910c15e2b420d07",
     "path": "m/12381/60/0/0", "uuid": "64625def-3331-4eea-ab6f-782f3ed16a83", "version": 4}
    """

  @Test("open as the standard's own example")
  func example() throws {
    let keystore = try Keystore(decoding: [UInt8](Self.published.utf8))
    #expect(keystore.path == "m/12381/60/0/0")
    #expect(keystore.publicKey?.count == 48)
    let opened = exposed(try keystore.open(password: secret(Self.password)))
    #expect(Hex.encode(opened) == Self.wanted)
    // The processed form of that password.
    let plain = exposed(try keystore.open(password: secret("testpassword🔑")))
    #expect(plain == opened)
    #expect(throws: KeystoreError.checksum) { _ = try keystore.open(password: secret("testpassword")) }
    #expect(try Keystore(decoding: keystore.encoded()) == keystore)
  }

  @Test("open as another implementation's", .enabled(if: folder != nil, "corpus keys is absent"))
  func corpus() throws {
    let folder = try #require(Self.folder)
    var opened = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    where name.hasPrefix("keystore_") {
      let text = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
      let keystore = try Keystore(decoding: text)
      let bytes = exposed(try keystore.open(password: secret(Self.password)))
      #expect(Hex.encode(bytes) == Self.wanted)
      opened += 1
    }
    #expect(opened == 2)
  }

  @Test("open as an independent program writes them, and are refused for the reason that it gives")
  func vectors() throws {
    let cases = try VectorFile("keystores").cases
    #expect(cases.count == 64)
    var refused = 0
    for json in cases {
      let text = [UInt8](try #require(json["keystore"]).text().utf8)
      let password = SharedSecret(try json.secret("password"))
      if let wanted = json["error"]?.string {
        let error = #expect(throws: KeystoreError.self, "\(json.name)") {
          _ = try Keystore(decoding: text).open(password: password.copy())
        }
        #expect(error.map { caseName($0) } == wanted, "\(json.name)")
        refused += 1
      } else {
        let keystore = try Keystore(decoding: text)
        #expect(
          exposed(try keystore.open(password: password.copy())) == (try json.bytes("want")), "\(json.name)")
        #expect(try Keystore(decoding: keystore.encoded()) == keystore, "\(json.name)")
      }
    }
    #expect(refused == 46)
  }

  @Test("that are sealed here open again, each differently")
  func seals() throws {
    let bytes = [UInt8](repeating: 0x33, count: 32)
    for derivation in [Keystore.Derivation.scrypt(n: 1 << 12, r: 8, p: 1), .pbkdf2(rounds: 1000)] {
      let keystore = try Keystore.seal(
        SecretBytes(copying: bytes.span), password: secret("pä ss"), derivation: derivation, note: "x",
        publicKey: [UInt8](repeating: 1, count: 48), path: "m/1/2")
      let again = try Keystore.seal(
        SecretBytes(copying: bytes.span), password: secret("pä ss"), derivation: derivation)
      #expect(keystore.ciphertext != again.ciphertext && keystore.uuid != again.uuid)
      let read = try Keystore(decoding: keystore.encoded())
      #expect(read == keystore)
      #expect(exposed(try read.open(password: secret("pa\u{308} ss"))) == bytes)
      #expect(throws: KeystoreError.checksum) { _ = try read.open(password: secret("pa ss")) }
    }
    #expect(throws: KeystoreError.secretLength(31)) {
      _ = try Keystore.seal(SecretBytes(random: 31), password: secret("p"))
    }
    #expect(throws: KeystoreError.cost) {
      _ = try Keystore.seal(SecretBytes(random: 32), password: secret("p"), derivation: .pbkdf2(rounds: 0))
    }
    #expect(throws: KeystoreError.path) {
      _ = try Keystore.seal(
        SecretBytes(random: 32), password: secret("p"), derivation: .pbkdf2(rounds: 1), path: "m/x")
    }
    #expect(throws: KeystoreError.hex("pubkey")) {
      _ = try Keystore.seal(
        SecretBytes(random: 32), password: secret("p"), derivation: .pbkdf2(rounds: 1), publicKey: [1])
    }
  }

  @Test("are not read when too large, cut off, or when any byte of the sealed parts is another")
  func mutations() throws {
    let whole = [UInt8](Self.published.utf8)
    #expect(throws: KeystoreError.tooLarge(max: 16384)) {
      _ = try Keystore(decoding: whole + [UInt8](repeating: 0x20, count: 16384))
    }
    for count in whole.indices {
      let error = #expect(throws: KeystoreError.self) {
        _ = try Keystore(decoding: [UInt8](whole.prefix(count)))
      }
      #expect(error.map { caseName($0) } == "json")
    }
    let bytes = [UInt8](repeating: 0x33, count: 32)
    let keystore = try Keystore.seal(
      SecretBytes(copying: bytes.span), password: secret("p"), derivation: .pbkdf2(rounds: 1))
    let text = String(decoding: keystore.encoded(), as: UTF8.self)
    for part in [Hex.encode(keystore.ciphertext, prefix: ""), Hex.encode(keystore.salt, prefix: "")] {
      for index in 0..<part.utf8.count {
        var digits = [UInt8](part.utf8)
        digits[index] = digits[index] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
        let changed = text.replacingOccurrences(of: part, with: String(decoding: digits, as: UTF8.self))
        let read = try Keystore(decoding: [UInt8](changed.utf8))
        #expect(throws: KeystoreError.checksum) { _ = try read.open(password: secret("p")) }
      }
    }
  }
}
