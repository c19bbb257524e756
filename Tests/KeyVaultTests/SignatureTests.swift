import Encodings
import KeyVault
import Secrets
import SigningRules
import Testing
import WireBytes

@Suite("Signatures of keys in this process")
struct SignatureTests {
  static func content(_ json: JSONValue) throws -> SigningPayload.Content {
    if json["digest"] != nil { return .digest(try Bytes32(json.bytes("digest"))) }
    return .message(try json.bytes("message"))
  }

  @Test("are those of other libraries where there is one signature, and verify everywhere")
  func vectors() throws {
    let cases = try VectorFile("signatures").cases
    #expect(cases.count == 58)
    var signed = 0
    for json in cases where json["error"] == nil {
      let suite = try #require(KeySuite(rawValue: json.text("suite")))
      let key = try InProcessKey(suite, secret: json.secret("secret"))
      let publicKey = try json.bytes("public")
      #expect(key.publicKey == publicKey, "\(json.name)")
      let content = try Self.content(json)
      let recoverable = json["recoverable"]?.boolean == true
      let theirs = try json.bytes("signature")
      // Theirs is one by that key over that content…
      try SignatureCheck.check(
        theirs, over: content, recoverable: recoverable, suite: suite, publicKey: publicKey)
      // …and so is ours.
      let ours = try key.sign(content, recoverable: recoverable)
      #expect(ours.count == theirs.count, "\(json.name)")
      if json["deterministic"]?.boolean == true { #expect(ours == theirs, "\(json.name)") }
      signed += 1
    }
    #expect(signed == 30)
  }

  @Test("are not made by bytes that are no key")
  func refusals() throws {
    var refused = 0
    for json in try VectorFile("signatures").cases {
      guard let wanted = json["error"]?.string else { continue }
      let suite = try #require(KeySuite(rawValue: json.text("suite")))
      let bytes = try json.bytes("secret")
      let error = #expect(throws: InProcessKeyError.self, "\(json.name)") {
        _ = try InProcessKey(suite, secret: SecretBytes(copying: bytes.span))
      }
      #expect(error.map { caseName($0) } == wanted, "\(json.name)")
      refused += 1
    }
    #expect(refused == 28)
  }

  @Test("do not leave when a bit of them, of the key or of the content is another")
  func faults() throws {
    for json in try VectorFile("signatures").cases where json["error"] == nil {
      let suite = try #require(KeySuite(rawValue: json.text("suite")))
      let publicKey = try json.bytes("public")
      let content = try Self.content(json)
      let recoverable = json["recoverable"]?.boolean == true
      let signature = try json.bytes("signature")
      func check(
        _ signature: [UInt8], _ content: SigningPayload.Content, _ publicKey: [UInt8]
      ) -> KeyBackEndError? {
        do throws(KeyBackEndError) {
          try SignatureCheck.check(
            signature, over: content, recoverable: recoverable, suite: suite, publicKey: publicKey)
          return nil
        } catch { return error }
      }
      // Each byte of a short signature, some of a long one.
      for index in stride(from: 0, to: signature.count, by: max(1, signature.count / 64)) {
        var changed = signature
        changed[index] ^= 1
        #expect(check(changed, content, publicKey) == .invalidSignature, "\(json.name) byte \(index)")
      }
      #expect(check([UInt8](signature.dropLast()), content, publicKey) == .invalidSignature, "\(json.name)")
      #expect(check(signature + [0], content, publicKey) == .invalidSignature, "\(json.name)")
      #expect(check([], content, publicKey) == .invalidSignature, "\(json.name)")
      let other: SigningPayload.Content
      switch content {
      case .digest(let digest): other = .digest(Bytes32 { digest[$0] ^ ($0 == 31 ? 1 : 0) })
      case .message(let message): other = .message(message + [0])
      }
      #expect(check(signature, other, publicKey) == .invalidSignature, "\(json.name)")
      #expect(check(signature, content, [1, 2, 3]) != nil, "\(json.name)")
    }
  }

  @Test("of secp256k1 are brought into the form that verifiers want")
  func forms() throws {
    // n of secp256k1 (SEC 2, section 2.4.1).
    let order = try UInt256Text.order()
    for json in try VectorFile("signatures").cases
    where json["error"] == nil && json["suite"]?.string == "secp256k1" && json["digest"] != nil {
      guard json["recoverable"]?.boolean == true else { continue }
      let whole = try json.bytes("signature")
      let compact = try Bytes64([UInt8](whole.prefix(64)))
      let digest = try Bytes32(json.bytes("digest"))
      // The other of the two s, as a token may give it.
      let high = UInt256Text.subtract([UInt8](whole[32..<64]), from: order)
      let other = try Bytes64([UInt8](whole.prefix(32)) + high)
      #expect(SignatureForms.lowS(other) == compact)
      #expect(SignatureForms.lowS(compact) == compact)
      let publicKey = try json.bytes("public")
      #expect(SignatureForms.recoverable(compact, digest: digest, publicKey: publicKey)?.array == whole)
      #expect(SignatureForms.recoverable(other, digest: digest, publicKey: publicKey) == nil)
      #expect(SignatureForms.recoverable(compact, digest: Bytes32(), publicKey: publicKey) == nil)
    }
    #expect(SignatureForms.lowS(Bytes64 { _ in 0xff }) == nil)
  }

  @Test("differ from key to key that is generated")
  func generates() throws {
    for suite in KeySuite.allCases where suite != .frostEd25519 {
      let one = try InProcessKey(suite, secret: InProcessKey.generate(suite))
      let other = try InProcessKey(suite, secret: InProcessKey.generate(suite))
      #expect(one.publicKey != other.publicKey)
    }
    let error = #expect(throws: InProcessKeyError.self) { _ = try InProcessKey.generate(.frostEd25519) }
    #expect(error == .unsupported(.frostEd25519))
  }
}

/// Big-endian subtraction for one test, of public numbers.
enum UInt256Text {
  static func order() throws -> [UInt8] {
    try Hex.decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
  }

  static func subtract(_ small: [UInt8], from large: [UInt8]) -> [UInt8] {
    var result = large
    var borrow = 0
    for index in large.indices.reversed() {
      let difference = Int(large[index]) - Int(small[index]) - borrow
      result[index] = UInt8(truncatingIfNeeded: difference)
      borrow = difference < 0 ? 1 : 0
    }
    return result
  }
}
