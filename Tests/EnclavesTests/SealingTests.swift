import Crypto
import Enclaves
import Encodings
import Foundation
import Messages
import TestSupport
import Testing
import WireBytes

@Suite("Sealing")
struct SealingTests {
  struct Opened {
    let key: EphemeralSealingKey
    let keys: EnclaveKeys
    let expected: SealedEnvelope.Expectation
  }

  static func opened(_ vector: JSONValue, _ file: JSONValue, time: UInt64 = 1_700_003_599) throws -> Opened {
    let number: UInt16 = try #require(vector["suite"]?.integer())
    let suite = try #require(SealingSuite(rawValue: number))
    let keys = try EnclaveKeys(decoding: try vector.hex("keys"))
    let sender = try file.hex("sender")
    return Opened(
      key: try EphemeralSealingKey(suite, seed: try vector.hex("seed")), keys: keys,
      expected: SealedEnvelope.Expectation(
        registration: keys.registration, case: try file.hash("case"),
        sender: try InteroperableAddress(decoding: sender.span), nonce: 7, time: time))
  }

  @Test("opens what pyhpke and OpenSSL sealed, and refuses what they sealed otherwise")
  func vectors() throws {
    let file = try EnclaveVectors.file("envelopes")
    let cases = try #require(file["cases"]?.array)
    #expect(cases.count == 14)
    for vector in cases {
      let name = Comment(rawValue: try vector.text("name"))
      let given = try Self.opened(vector, file)
      // The seed gives the key that the script's library made of it.
      #expect(given.key.publicKey == given.keys.sealing, name)
      if vector["reply"] != nil {
        let reply = try SealedReply(decoding: try vector.hex("reply"))
        let commitment = try vector.hash("commitmentOfInput")
        #expect(
          try reply.open(
            with: given.key, registration: given.keys.registration, case: given.expected.case,
            commitment: commitment) == vector.hex("body"), name)
        continue
      }
      let envelope = try SealedEnvelope(decoding: try vector.hex("envelope"))
      if let wanted = vector["error"]?.string {
        do {
          _ = try envelope.open(with: given.key, expecting: given.expected)
          Issue.record("opened: \(try vector.text("name"))")
        } catch { #expect(caseName(error) == wanted, name) }
        continue
      }
      #expect(envelope.commitment == (try vector.hash("commitment")), name)
      let input = try envelope.open(with: given.key, expecting: given.expected)
      #expect(input.encoded() == (try vector.hex("input")), name)
    }
  }

  @Test("refuses by the name of what is wrong in the header, before any key is used", arguments: [0, 7])
  func headers(place: Int) throws {
    let file = try EnclaveVectors.file("envelopes")
    let vector = try #require(file["cases"]?[place])
    let given = try Self.opened(vector, file)
    let envelope = try SealedEnvelope(decoding: try vector.hex("envelope"))
    let right = given.expected
    func expectation(
      registration: Bytes32? = nil, case id: Bytes32? = nil, sender: InteroperableAddress? = nil,
      nonce: UInt64? = nil, time: UInt64? = nil
    ) -> SealedEnvelope.Expectation {
      SealedEnvelope.Expectation(
        registration: registration ?? right.registration, case: id ?? right.case,
        sender: sender ?? right.sender, nonce: nonce ?? right.nonce, time: time ?? right.time)
    }
    let untouched = RefusingKey(publicKey: given.key.publicKey)
    func refuse(_ expected: SealedEnvelope.Expectation, _ error: EnvelopeRefusal) {
      #expect(throws: error) { try envelope.open(with: untouched, expecting: expected) }
    }
    let other = Bytes32 { _ in 1 }
    refuse(
      expectation(registration: other), .registration(expected: other, actual: right.registration))
    refuse(expectation(case: other), .case(expected: other, actual: right.case))
    let eve = try InteroperableAddress(
      domain: try DomainID("eip155:1"), address: [UInt8](repeating: 5, count: 20))
    refuse(expectation(sender: eve), .sender(expected: eve, actual: right.sender))
    refuse(expectation(nonce: 8), .nonce(expected: 8, actual: 7))
    refuse(expectation(time: 1_700_003_600), .expired(expires: 1_700_003_600, secondsLate: 0))
    refuse(expectation(time: 1_700_003_610), .expired(expires: 1_700_003_600, secondsLate: 10))
    let twin: SealingSuite = envelope.header.suite == .x25519 ? .xWing : .x25519
    let stranger = try EphemeralSealingKey(twin)
    #expect(throws: EnvelopeRefusal.suite(expected: twin, actual: envelope.header.suite)) {
      try envelope.open(with: stranger, expecting: right)
    }
    // The right suite, and another key.
    let another = try EphemeralSealingKey(envelope.header.suite)
    #expect(throws: EnvelopeRefusal.sealed(.notAuthentic)) {
      try envelope.open(with: another, expecting: right)
    }
  }

  @Test("a changed bit anywhere is refused", arguments: [0, 7])
  func bits(place: Int) throws {
    let file = try EnclaveVectors.file("envelopes")
    let vector = try #require(file["cases"]?[place])
    let given = try Self.opened(vector, file)
    let bytes = try vector.hex("envelope")
    // The whole of suite 1; of X-Wing one bit of each byte, for each try costs a decapsulation.
    for bit in stride(from: 0, to: bytes.count * 8, by: place == 0 ? 1 : 8) {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let envelope = try? SealedEnvelope(decoding: flipped) else { continue }
      #expect(throws: EnvelopeRefusal.self, "bit \(bit)") {
        try envelope.open(with: given.key, expecting: given.expected)
      }
    }
  }

  @Test("what is sealed here opens here, and no two sealings are alike", arguments: SealingSuite.allCases)
  func roundTrip(suite: SealingSuite) throws {
    let world = try EnclaveWorld(suite: suite)
    let reply = try EphemeralSealingKey(suite)
    let input = try SealedInput(
      reply: reply.publicKey, body: [1, 2, 3], salt: Bytes32 { _ in 9 },
      fields: [.init(name: "price", value: [5], salt: Bytes32 { _ in 8 })])
    let sealed = try (0..<2).map { _ in
      try SealedEnvelope(
        sealing: input, to: world.keys, case: world.caseID, sender: world.accounts[0], nonce: 1,
        expires: world.opening.expires)
    }
    #expect(sealed[0].commitment != sealed[1].commitment)
    #expect(sealed[0].header == sealed[1].header)
    let expected = SealedEnvelope.Expectation(
      registration: world.keys.registration, case: world.caseID, sender: world.accounts[0], nonce: 1,
      time: world.opening.closes)
    #expect(try sealed[0].open(with: world.sealing, expecting: expected) == input)
    let swapped = try SealedEnvelope(
      header: sealed[0].header, encapsulated: sealed[0].encapsulated, ciphertext: sealed[1].ciphertext)
    #expect(throws: EnvelopeRefusal.sealed(.notAuthentic)) {
      try swapped.open(with: world.sealing, expecting: expected)
    }
  }

  @Test("replies open for the input's key alone, and say what is not theirs")
  func replies() throws {
    let world = try EnclaveWorld()
    let key = try EphemeralSealingKey(.xWing)
    let commitment = Bytes32 { _ in 3 }
    let reply = try SealedReply(
      sealing: [UInt8]("won".utf8), to: key.publicKey, registration: world.keys.registration,
      case: world.caseID, commitment: commitment, index: 0)
    let id = world.keys.registration
    #expect(
      try reply.open(with: key, registration: id, case: world.caseID, commitment: commitment)
        == [UInt8]("won".utf8))
    let other = Bytes32 { _ in 1 }
    #expect(throws: ReplyRefusal.registration(expected: other, actual: id)) {
      try reply.open(with: key, registration: other, case: world.caseID, commitment: commitment)
    }
    #expect(throws: ReplyRefusal.case(expected: other, actual: world.caseID)) {
      try reply.open(with: key, registration: id, case: other, commitment: commitment)
    }
    #expect(throws: ReplyRefusal.commitment(expected: other, actual: commitment)) {
      try reply.open(with: key, registration: id, case: world.caseID, commitment: other)
    }
    let twin = try EphemeralSealingKey(.xWing)
    #expect(throws: ReplyRefusal.sealed(.notAuthentic)) {
      try reply.open(with: twin, registration: id, case: world.caseID, commitment: commitment)
    }
    let moved = try SealedReply(
      header: ReplyHeader(
        suite: .xWing, registration: id, case: world.caseID, commitment: commitment, index: 1),
      encapsulated: reply.encapsulated, ciphertext: reply.ciphertext)
    #expect(throws: ReplyRefusal.sealed(.notAuthentic)) {
      try moved.open(with: key, registration: id, case: world.caseID, commitment: commitment)
    }
    #expect(
      throws: EnvelopeSealingError.sealing(.plaintextSize(max: 65_536, actual: 65_537))
    ) {
      try SealedReply(
        sealing: [UInt8](repeating: 0, count: 65_537), to: key.publicKey, registration: id,
        case: world.caseID, commitment: commitment, index: 0)
    }
  }

  /// Points of small order, and 1 with the bit that X25519 leaves out: RFC 7748; https://cr.yp.to/ecdh.html.
  static let smallOrder: [[UInt8]] = [
    [UInt8](repeating: 0, count: 32), [1] + [UInt8](repeating: 0, count: 31),
    [1] + [UInt8](repeating: 0, count: 30) + [0x80],
    [0xec] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
    [0xed] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
    [0xee] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
    [
      0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
      0x09,
      0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
      0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
      0x44,
      0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
  ]

  @Test("nothing is sealed to points of small order, or opened from them")
  func smallOrder() throws {
    let own = try EphemeralSealingKey(.x25519)
    for point in Self.smallOrder {
      #expect(throws: SealingError.notAuthentic) {
        try own.open([UInt8](repeating: 0, count: 16), encapsulated: point, context: [], authenticating: [])
      }
      let key = try SealingPublicKey(suite: .x25519, bytes: point)
      #expect(throws: EnvelopeSealingError.sealing(.publicKey)) {
        try SealedReply(
          sealing: [1], to: key, registration: Bytes32(), case: Bytes32(), commitment: Bytes32(), index: 0)
      }
    }
  }

  @Test(
    "the KEM and HPKE of both suites are those of the corpora",
    .enabled(if: Corpora.directory("keys") != nil, "the corpus keys is absent"))
  func corpora() throws {
    var opened = 0
    for vector in try #require(try EnclaveVectors.corpus("hpke/rfc9180_selected.json").array)
    where vector["mode"]?.integer() == 0 && vector["kem_id"]?.integer() == 32
      && vector["aead_id"]?.integer() == 3
    {
      let key = try EphemeralSealingKey(.x25519, seed: try vector.hex("skRm"))
      #expect(key.publicKey.bytes == (try vector.hex("pkRm")))
      let first = try #require(vector["encryptions"]?[0])
      #expect(
        try key.open(
          try first.hex("ct"), encapsulated: try vector.hex("enc"), context: try vector.hex("info"),
          authenticating: try first.hex("aad")) == first.hex("pt"))
      opened += 1
    }
    #expect(opened == 1)
    var keys = 0
    for vector in try #require(try EnclaveVectors.corpus("pq/xwing-test-vectors.json").array) {
      let seed = try vector.hex("seed")
      let key = try XWingMLKEM768X25519.PrivateKey(seedRepresentation: seed, publicKey: nil)
      #expect([UInt8](key.publicKey.rawRepresentation) == (try vector.hex("pk")))
      let secret = try key.decapsulate(Data(try vector.hex("ct")))
      #expect(secret == SymmetricKey(data: try vector.hex("ss")))
      #expect(try EphemeralSealingKey(.xWing, seed: seed).publicKey.bytes == vector.hex("pk"))
      keys += 1
    }
    #expect(keys == 2)
  }
}

/// A key that must not be used.
struct RefusingKey: SealingKey {
  let publicKey: SealingPublicKey

  func open(
    _ ciphertext: [UInt8], encapsulated: [UInt8], context: [UInt8], authenticating: [UInt8]
  ) throws(SealingError) -> [UInt8] {
    Issue.record("the key was used")
    throw .notAuthentic
  }
}

@Suite("Signatures of enclaves")
struct EnclaveSignatureTests {
  @Test("verify with low s alone, and say why not")
  func vectors() throws {
    let file = try EnclaveVectors.file("signatures")
    let digest = try file.hash("digest")
    let cases = try #require(file["cases"]?.array)
    #expect(cases.count == 7)
    for vector in cases {
      let suite = try #require(SigningSuite(rawValue: try vector.text("suite")))
      let key = try EnclaveVerificationKey(suite: suite, bytes: try vector.hex("key"))
      let signature = try vector.hex("signature")
      let name = Comment(rawValue: try vector.text("name"))
      guard let wanted = vector["error"]?.string else {
        try EnclaveSignature.verify(digest: digest, signature: signature, key: key, at: 1)
        #expect(EnclaveSignature.lowS(signature, suite: suite) == signature, name)
        continue
      }
      do {
        try EnclaveSignature.verify(digest: digest, signature: signature, key: key, at: 1)
        Issue.record("verified: \(try vector.text("name"))")
      } catch { #expect(caseName(error) == wanted, name) }
      if vector["lowered"] != nil {
        let lowered = EnclaveSignature.lowS(signature, suite: suite)
        #expect(lowered == (try vector.hex("lowered")), name)
        try EnclaveSignature.verify(digest: digest, signature: lowered, key: key, at: 1)
      }
    }
  }

  @Test("the names and sizes of suites are those of the gate's attesters")
  func suites() {
    #expect(
      SigningSuite.allCases.map(\.rawValue) == [
        "secp256k1-address", "ed25519", "p256-sha256", "p384-sha384", "ml-dsa-65", "ed25519+ml-dsa-65",
        "secp256k1-keccak256+ml-dsa-65",
      ])
    for suite in SigningSuite.allCases {
      #expect(suite.keySize <= 2048)
      #expect(suite.signatureSize <= SigningSuite.signatureSizeMax)
    }
  }
}
