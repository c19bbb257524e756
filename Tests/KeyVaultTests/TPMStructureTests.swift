import Foundation
import KeyVault
import Secrets
import SignatureSchemes
import SigningRules
import TPMAccess
import TestSupport
import Testing
import WireBytes

/// What needs no TPM: structures, response codes, configurations.
@Suite("TPM structures")
struct TPMStructureTests {
  static let folder = "attestation/tpm-swtpm"

  /// A key from RFC 6979, A.2.5 and A.2.6: points of P-256 and P-384.
  static let points: [(TPMPublicArea.Curve, String)] = [
    (.p256, "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"),
    (
      .p384,
      "02ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"
    ),
  ]

  @Test("public areas are written and read back, and no shorter one is read", arguments: [0, 1])
  func publicAreas(index: Int) throws {
    let (curve, text) = Self.points[index]
    let area = try TPMPublicArea(
      curve: curve, attributes: [.fixedTPM, .sign], publicKey: try Hex.decode(text))
    let bytes = area.encoded()
    #expect(try TPMPublicArea(decoding: bytes.span) == area)
    #expect(area.publicKey == (try Hex.decode(text)))
    #expect(area.name.count == 34)
    for count in 0..<bytes.count {
      let cut = [UInt8](bytes.prefix(count))
      #expect(throws: TPMDecodingError.self) { try TPMPublicArea(decoding: cut.span) }
    }
    let longer = bytes + [0]
    #expect(throws: TPMDecodingError.self) { try TPMPublicArea(decoding: longer.span) }
    // A template that a reader of another curve would take: P-256 with SHA-384.
    var mixed = bytes
    mixed[15] ^= 7
    #expect(throws: TPMDecodingError.self) { try TPMPublicArea(decoding: mixed.span) }
    let off = [UInt8(5)] + [UInt8](repeating: 1, count: curve.width)
    #expect(throws: ECDSAError.keyPrefix(5)) {
      try TPMPublicArea(curve: curve, attributes: [], publicKey: off)
    }
  }

  @Test("no bytes make a decoder trap")
  func mutations() throws {
    var state: UInt64 = UInt64(ProcessInfo.processInfo.environment["SEED"] ?? "") ?? 20_261_121
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    let area = try TPMPublicArea(
      curve: .p256, attributes: [.sign], publicKey: try Hex.decode(Self.points[0].1))
    let statement =
      try Hex.decode("ff5443478017") + [0, 34] + area.name + [0, 32] + [UInt8](repeating: 9, count: 32)
      + [UInt8](repeating: 0, count: 16) + [1] + [UInt8](repeating: 0, count: 8) + [0, 34] + area.name + [
        0, 34,
      ]
      + area.name
    let signature =
      [0x00, 0x18, 0x00, 0x0b, 0x00, 0x20] + [UInt8](repeating: 1, count: 32) + [0x00, 0x01, 0x07]
    let read = try TPMCertification(decoding: statement.span, signature: signature.span)
    #expect(read.challenge.count == 32)
    #expect(read.signature.raw.count == 64)
    var taken = 0
    for _ in 0..<20_000 {
      var parts = [statement, signature, area.encoded()]
      for part in parts.indices {
        for _ in 0..<(1 + next() % 3) {
          let place = Int(next() % UInt64(parts[part].count))
          switch next() % 4 {
          case 0: parts[part][place] ^= 1 << UInt8(next() % 8)
          case 1: parts[part][place] = [0x00, 0x01, 0x7f, 0x80, 0xff][Int(next() % 5)]
          case 2: if parts[part].count > 1 { parts[part].removeLast(1 + place % (parts[part].count - 1)) }
          default: parts[part].insert(UInt8(next() & 0xff), at: place)
          }
        }
      }
      let (attestation, signed, changed) = (parts[0], parts[1], parts[2])
      if let certification = try? TPMCertification(decoding: attestation.span, signature: signed.span) {
        taken += 1
        let key = try? TPMPublicArea(decoding: changed.span)
        #expect(throws: TPMCertificationError.self) {
          try certification.verify(
            .p256, publicKey: area.publicKey, challenge: Bytes32(), attestationKey: key ?? area)
        }
      }
      if let other = try? TPMPublicArea(decoding: changed.span) { #expect(other.encoded() == changed) }
    }
    #expect(taken > 0)
  }

  @Test(
    "a signature of a recorded TPM is read and checked",
    .enabled(if: Corpora.directory(folder) != nil, "corpus attestation/tpm-swtpm is absent"))
  func recorded() throws {
    let folder = URL(fileURLWithPath: try #require(Corpora.directory(Self.folder)))
    func read(_ name: String) throws -> [UInt8] {
      [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
    }
    let whole = try read("ak_ecc_ecdsa.tpm2b_public")
    let area = try TPMPublicArea(decoding: [UInt8](whole.dropFirst(2)).span)
    #expect(area.encoded() == [UInt8](whole.dropFirst(2)))
    #expect(area.name == (try read("ak_ecc_ecdsa.name")))
    // The attributes of a key that signs nothing but the TPM's own words (reference of the recording: 0x00050072).
    #expect(area.attributes.rawValue == 0x0005_0072)
    let (statement, encoded) = (try read("q_ecc_ecdsa.tpms_attest"), try read("q_ecc_ecdsa.tpmt_signature"))
    let signature = try TPMSignature(decoding: encoded.span)
    try signature.verify(statement.span, key: area)
    var changed = statement
    changed[changed.count - 1] ^= 1
    #expect(throws: ECDSAError.mismatch) { try signature.verify(changed.span, key: area) }
    // A quote is no certification.
    #expect(throws: TPMCertificationError.attestation(.field(.type, value: 0x8018))) {
      try TPMCertification(decoding: statement.span, signature: encoded.span)
    }
    // RSA is refused by its scheme.
    let rsa = try read("q_rsa_rsassa.tpmt_signature")
    #expect(throws: TPMDecodingError.length(max: TPMSignature.sizeMax, actual: rsa.count)) {
      try TPMSignature(decoding: rsa.span)
    }
    // A key that signs anything, with which a statement was forged.
    let loose = [UInt8](try read("neg_unrestricted_key.tpm2b_public").dropFirst(2))
    let forger = try TPMPublicArea(decoding: loose.span)
    #expect(!forger.attributes.contains(.restricted))
    let (forged, by) = (
      try read("neg_forged_by_unrestricted.tpms_attest"),
      try read("neg_forged_by_unrestricted.tpmt_signature")
    )
    try TPMSignature(decoding: by.span).verify(forged.span, key: forger)
  }

  /// Codes as tpm2-tss's headers have them, with the numbers of parameters, handles and sessions that a TPM adds.
  @Test(
    "response codes say whether asking again makes sense",
    arguments: [
      (0x922, .busy), (0x908, .busy), (0x90a, .busy), (0x920, .busy), (0x128, .busy),
      (0x000c_0922, .busy), (0x921, .authorisation), (0x98e, .authorisation), (0x9a2, .authorisation),
      (0x12f, .authorisation), (0x149, .authorisation), (0x910, .handlesLost), (0x918, .handlesLost),
      (0x902, .full), (0x903, .full),
      (0x99d, .policy), (0x1df, .integrity), (0x18b, .absent), (0x1d5, .refused), (0x100, .connectionLost),
      (0x000a_000a, .connectionLost), (0x000a_0008, .connectionLost), (0x0007_000a, .connectionLost),
      (0x0007_001b, .malformed), (0x0007_0011, .malformed), (0x0008_0012, .malformed),
      (0x0009_000b, .malformed), (0x0007_000b, .refused), (0x14c, .refused),
      (0x8000_0000, .refused),
    ] as [(UInt32, TPMFault.Kind)])
  func codes(code: UInt32, kind: TPMFault.Kind) {
    #expect(TPMFault(code: code).kind == kind)
  }

  @Test("configurations name a transport that is known, and authorisations that a TPM takes")
  func configurations() throws {
    for transport in ["", "device", "device:", "cmd:rm", "/lib/evil.so", "libevil:x", "swtpm:path=/a b"] {
      #expect(throws: TPMConfigurationError.transport) { try TPMConfiguration(transport: transport) }
    }
    let long = [UInt8](repeating: 1, count: 33)
    #expect(throws: TPMConfigurationError.authorisationLength(33)) {
      try TPMConfiguration(
        transport: "device:/dev/tpmrm0", keyAuthorisation: SharedSecret(SecretBytes(copying: long.span)))
    }
    #expect(throws: TPMConfigurationError.loadedKeys(0)) {
      try TPMConfiguration(transport: "device:/dev/tpmrm0", loadedKeysMax: 0)
    }
    #expect(try !TPMConfiguration(transport: "device:/dev/tpmrm0").soleUser)
    #expect(try TPMConfiguration(transport: "swtpm:path=/run/s").soleUser)
  }

  @Test("a TPM that is not there is unavailable")
  func absent() throws {
    let connection = TPMConnection(try TPMConfiguration(transport: "swtpm:path=/nonexistent/tpm"))
    let refusal = #expect(throws: KeyBackEndError.self) { try TPMBackEnd(connection).checkHealth() }
    guard case .unavailable = refusal else {
      Issue.record("\(String(describing: refusal)) for a TPM that is not there")
      return
    }
  }
}
