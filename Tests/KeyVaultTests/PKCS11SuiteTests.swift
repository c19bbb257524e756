import Foundation
import KeyVault
import SignatureSchemes
import SigningRules
import TestSupport
import Testing
import WireBytes

@Suite("What follows from a token's error")
struct PKCS11RecoveryTests {
  /// `CK_RV` by PKCS#11 2.40 base, section 5.1; what is not named here is an answer.
  static let table: [UInt: PKCS11Recovery] = [
    0x02: .replaceAll,  // HOST_MEMORY
    0x03: .replaceAll,  // SLOT_ID_INVALID
    0x05: .replaceAll,  // GENERAL_ERROR
    0x06: .replaceAll,  // FUNCTION_FAILED
    0x30: .replaceAll,  // DEVICE_ERROR
    0x31: .replaceAll,  // DEVICE_MEMORY
    0x32: .replaceAll,  // DEVICE_REMOVED
    0x50: .replaceSession,  // FUNCTION_CANCELED
    0x60: .replaceSession,  // KEY_HANDLE_INVALID
    0x82: .replaceSession,  // OBJECT_HANDLE_INVALID
    0x90: .replaceSession,  // OPERATION_ACTIVE
    0x91: .replaceSession,  // OPERATION_NOT_INITIALIZED
    0xa0: .giveUp(.authorisation(code: 0xa0)),  // PIN_INCORRECT
    0xa1: .giveUp(.authorisation(code: 0xa1)),  // PIN_INVALID
    0xa2: .giveUp(.authorisation(code: 0xa2)),  // PIN_LEN_RANGE
    0xa3: .giveUp(.authorisation(code: 0xa3)),  // PIN_EXPIRED
    0xa4: .giveUp(.authorisation(code: 0xa4)),  // PIN_LOCKED
    0xb0: .replaceAll,  // SESSION_CLOSED
    0xb1: .replaceAll,  // SESSION_COUNT
    0xb3: .replaceAll,  // SESSION_HANDLE_INVALID
    0xe0: .replaceAll,  // TOKEN_NOT_PRESENT
    0xe1: .replaceAll,  // TOKEN_NOT_RECOGNIZED
    0x101: .replaceAll,  // USER_NOT_LOGGED_IN
    0x102: .giveUp(.authorisation(code: 0x102)),  // USER_PIN_NOT_INITIALIZED
    0x150: .replaceSession,  // BUFFER_TOO_SMALL
    0x190: .initialise,  // CRYPTOKI_NOT_INITIALIZED
  ]

  @Test("is what the table says, and an answer is taken as one")
  func codes() {
    for code in 1...UInt(0x300) {
      let expected = Self.table[code] ?? .giveUp(.refused(code: UInt64(code)))
      #expect(PKCS11Recovery(after: .code(code)) == expected, "0x\(String(code, radix: 16))")
    }
    let vendor = UInt(0x8000_0001)
    #expect(PKCS11Recovery(after: .code(vendor)) == .giveUp(.refused(code: UInt64(vendor))))
  }

  @Test("is another session for a signature that does not hold, and nothing for what is final")
  func others() {
    #expect(PKCS11Recovery(after: .signature) == .replaceSession)
    #expect(PKCS11Recovery(after: .final(.missing)) == .giveUp(.missing))
  }

  @Test("is bounded")
  func bound() { #expect(PKCS11Recovery.attemptsMax == 3) }

  @Test("has codes of ours that no module can return")
  func conditions() {
    #expect(PKCS11Condition.allCases.allSatisfy { $0.rawValue > UInt64(UInt32.max) })
    #expect(PKCS11Condition.allCases.count == 11)
  }
}

/// Signatures that SoftHSM 2.6.1 made over one message, before there was any code of ours.
@Suite(
  "Signatures of tokens",
  .enabled(if: Corpora.directory("keys/softhsm-sample") != nil, "corpus keys/softhsm-sample is absent"))
struct PKCS11SampleTests {
  struct Sample {
    let suite: KeySuite
    let publicKey: [UInt8]
    /// As the token gave it.
    let signature: [UInt8]
  }

  private static func bytes(_ name: String) throws -> [UInt8] {
    let folder = try #require(Corpora.directory("keys/softhsm-sample"))
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
  }

  static func samples() throws -> (message: [UInt8], digest: Bytes32, all: [Sample]) {
    func ecdsa(_ suite: KeySuite, _ name: String) throws -> Sample {
      // The last 65 bytes of the SubjectPublicKeyInfo are the point; OpenSSL wrote the token's r and s as DER.
      let point = [UInt8](try bytes(name + ".pub").suffix(65))
      let der = try bytes(name + ".sig")
      let integers = try ECDSAIntegers<32>(der: der.span)
      let key = try PKCS11Point.read(point.span, suite: suite)
      return Sample(suite: suite, publicKey: key, signature: integers.r.array + integers.s.array)
    }
    let edwards = try bytes("ed25519_pub.bin")
    let digest = try bytes("msg.sha256")
    return (
      try bytes("msg"), try Bytes32(digest),
      [
        try ecdsa(.secp256k1, "secp256k1"), try ecdsa(.p256, "prime256v1"),
        Sample(
          suite: .ed25519, publicKey: try PKCS11Point.read(edwards.span, suite: .ed25519),
          signature: try bytes("ed25519_sig.bin")),
      ]
    )
  }

  static func error(_ body: () throws(PKCS11Failure) -> [UInt8]) -> PKCS11Failure? {
    do {
      _ = try body()
      return nil
    } catch { return error }
  }

  @Test("are taken, as a message and by its hash")
  func taken() throws {
    let (message, digest, all) = try Self.samples()
    #expect(all.count == 3)
    for sample in all {
      let suite = try PKCS11Suite(sample.suite)
      let finished = try suite.finish(
        sample.signature, over: .message(message), recoverable: false, publicKey: sample.publicKey)
      #expect(finished == sample.signature)
      guard sample.suite != .ed25519 else { continue }
      let byHash = try suite.finish(
        sample.signature, over: .digest(digest), recoverable: false, publicKey: sample.publicKey)
      #expect(byHash == sample.signature)
    }
  }

  @Test("are refused after any change of one bit, and in any other length")
  func changed() throws {
    let (message, _, all) = try Self.samples()
    for sample in all {
      let suite = try PKCS11Suite(sample.suite)
      for bit in 0..<(8 * sample.signature.count) {
        var signature = sample.signature
        signature[bit / 8] ^= 1 << (bit % 8)
        let error = Self.error { () throws(PKCS11Failure) in
          try suite.finish(
            signature, over: .message(message), recoverable: false, publicKey: sample.publicKey)
        }
        #expect(error == .signature)
      }
      for count in 0...130 where count != sample.signature.count {
        let signature = Array((sample.signature + [UInt8](repeating: 0, count: 130)).prefix(count))
        let error = Self.error { () throws(PKCS11Failure) in
          try suite.finish(
            signature, over: .message(message), recoverable: false, publicKey: sample.publicKey)
        }
        #expect(error == .signature)
      }
      let error = Self.error { () throws(PKCS11Failure) in
        try suite.finish(sample.signature, over: .message(message), recoverable: false, publicKey: [2, 3])
      }
      // Any 32 bytes may be an Ed25519 key, so that one is noticed by its signature.
      #expect(error == (sample.suite == .ed25519 ? .signature : .final(.malformed(step: "public key"))))
    }
  }

  @Test(
    "of secp256k1 leave with a low s, whichever of the two the token gave, and with the v that finds the key")
  func normalised() throws {
    let (message, digest, all) = try Self.samples()
    let sample = all[0]
    let suite = try PKCS11Suite(.secp256k1)
    let s = UInt256(bigEndian: try Bytes32(Array(sample.signature.suffix(32))))
    #expect(s <= Secp256k1.halfOrder)
    let high =
      Array(sample.signature.prefix(32))
      + Secp256k1.order.subtractingReportingOverflow(s).partialValue.bigEndian.array
    let low = try suite.finish(high, over: .message(message), recoverable: false, publicKey: sample.publicKey)
    #expect(low == sample.signature)
    for given in [high, sample.signature] {
      let whole = try suite.finish(
        given, over: .digest(digest), recoverable: true, publicKey: sample.publicKey)
      #expect(Array(whole.prefix(64)) == sample.signature)
      let parsed = try Secp256k1.RecoverableSignature(whole, form: .twentySevenOrTwentyEight)
      let key = try Secp256k1.recover(digest: digest, signature: parsed, policy: .lowSRequired)
      #expect(key.compressed.array == sample.publicKey)
    }
    var other = sample.signature
    other[0] ^= 1
    let error = Self.error { () throws(PKCS11Failure) in
      try suite.finish(other, over: .digest(digest), recoverable: true, publicKey: sample.publicKey)
    }
    #expect(error == .signature)
  }
}
