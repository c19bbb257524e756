import KeyVault
import SignatureSchemes
import SigningRules
import TPMAccess
import TestSupport
import Testing
import WireBytes

@Suite(
  "TPM certification", .serialized,
  .enabled(if: TPMSimulator.isInstalled, "swtpm is not installed: no TPM to test with"))
struct TPMCertificationTests {
  static let challenge = Bytes32 { UInt8(255 - $0) }

  struct Evidence {
    let attestation: [UInt8]
    let signature: [UInt8]
    let attestationKey: [UInt8]

    init?(_ location: KeyLocation) {
      guard case .certified(let attestation, let signature, let attestationKey) = location else { return nil }
      self.attestation = attestation
      self.signature = signature
      self.attestationKey = attestationKey
    }

    func verify(_ key: BackEndKey, _ challenge: Bytes32, _ trusted: TPMPublicArea)
      throws(TPMCertificationError)
      -> TPMClockReading
    {
      try TPMCertification.verify(
        attestation: attestation, signature: signature, attestationKey: attestationKey, of: key,
        challenge: challenge, trusted: trusted)
    }
  }

  @Test(
    "is believed for the key and the challenge that it is about, and for nothing else",
    arguments: [KeySuite.p256, .p384])
  func certified(suite: KeySuite) throws {
    let (simulator, stranger) = (try TPMSimulator(), try TPMSimulator())
    let connection = try simulator.connection()
    let backEnd = TPMBackEnd(connection)
    let key = try backEnd.generate(suite, label: "certified")
    let other = try backEnd.generate(suite, label: "other")
    let trusted = try backEnd.attestationKey()
    let evidence = try #require(Evidence(try backEnd.location(of: key, challenge: Self.challenge)))

    let clock = try evidence.verify(key, Self.challenge, trusted)
    #expect(throws: TPMCertificationError.otherChallenge) { try evidence.verify(key, Bytes32(), trusted) }
    #expect(throws: TPMCertificationError.otherKey) { try evidence.verify(other, Self.challenge, trusted) }
    let strange = try TPMBackEnd(try stranger.connection()).attestationKey()
    #expect(strange != trusted)
    #expect(throws: TPMCertificationError.otherAttestationKey) {
      try evidence.verify(key, Self.challenge, strange)
    }

    // The same attestation key after a restart, and a counter that tells of it.
    try simulator.restart()
    #expect(try backEnd.attestationKey() == trusted)
    let later = try #require(Evidence(try backEnd.location(of: key, challenge: Self.challenge)))
    #expect(try later.verify(key, Self.challenge, trusted).resetCount > clock.resetCount)

    // With an authorisation that counts wrong ones, the attributes are others, and are known.
    connection.close()
    let guarded = TPMBackEnd(try simulator.connection(key: "secret"))
    let second = try guarded.generate(suite, label: "guarded")
    let third = try #require(Evidence(try guarded.location(of: second, challenge: Self.challenge)))
    _ = try third.verify(second, Self.challenge, trusted)
  }

  @Test("is refused with any bit changed and at any shorter length")
  func changed() throws {
    let simulator = try TPMSimulator()
    let backEnd = TPMBackEnd(try simulator.connection())
    let key = try backEnd.generate(.p256, label: "changed")
    let trusted = try backEnd.attestationKey()
    let evidence = try #require(Evidence(try backEnd.location(of: key, challenge: Self.challenge)))
    let isRefused = { (attestation: [UInt8], signature: [UInt8], area: [UInt8]) -> Bool in
      do {
        _ = try TPMCertification.verify(
          attestation: attestation, signature: signature, attestationKey: area, of: key,
          challenge: Self.challenge,
          trusted: trusted)
        return false
      } catch { return true }
    }
    let parts = [evidence.attestation, evidence.signature, evidence.attestationKey]
    #expect(!isRefused(parts[0], parts[1], parts[2]))
    for part in parts.indices {
      for count in 0..<parts[part].count {
        var cut = parts
        cut[part] = [UInt8](parts[part].prefix(count))
        #expect(isRefused(cut[0], cut[1], cut[2]), "part \(part), \(count) bytes")
      }
      for bit in 0..<(parts[part].count * 8) {
        var flipped = parts
        flipped[part][bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(isRefused(flipped[0], flipped[1], flipped[2]), "part \(part), bit \(bit)")
      }
      var longer = parts
      longer[part].append(0)
      #expect(isRefused(longer[0], longer[1], longer[2]))
    }
  }

  @Test("is not believed from a key that signs anything")
  func unrestricted() throws {
    let simulator = try TPMSimulator()
    let backEnd = TPMBackEnd(try simulator.connection())
    let key = try backEnd.generate(.p256, label: "victim")
    let forger = try backEnd.generate(.p256, label: "forger")
    let genuine = try #require(Evidence(try backEnd.location(of: key, challenge: Self.challenge)))
    // Nothing stops an ordinary key from signing a statement that the TPM never made.
    var forged = genuine.attestation
    forged[20] ^= 1
    let raw = try backEnd.sign(.message(forged), with: forger)
    let signature = [0x00, 0x18, 0x00, 0x0b, 0x00, 0x20] + raw.prefix(32) + [0x00, 0x20] + raw.suffix(32)
    let area = try TPMPublicArea(
      curve: .p256, attributes: [.fixedTPM, .fixedParent, .sensitiveDataOrigin, .userWithAuth, .noDA, .sign],
      publicKey: forger.publicKey)
    let certification = try TPMCertification(decoding: forged.span, signature: signature.span)
    #expect(throws: TPMCertificationError.attestationKeyAttributes(area.attributes)) {
      try certification.verify(
        .p256, publicKey: key.publicKey, challenge: Self.challenge, attestationKey: area)
    }
    #expect(throws: TPMCertificationError.suite(.ed25519)) {
      try certification.verify(
        .ed25519, publicKey: key.publicKey, challenge: Self.challenge, attestationKey: area)
    }
  }

  @Test("agrees with tpm2-tools in both directions", .enabled(if: TPMSimulator.hasTools, "no tpm2-tools"))
  func tools() throws {
    let simulator = try TPMSimulator()
    let connection = try simulator.connection()
    let backEnd = TPMBackEnd(connection)
    let key = try backEnd.generate(.p256, label: "tools")
    let evidence = try #require(Evidence(try backEnd.location(of: key, challenge: Self.challenge)))
    let trusted = try backEnd.attestationKey()
    connection.close()

    // Ours, checked by tpm2_verifysignature; its name, by tpm2_loadexternal.
    let size = evidence.attestationKey.count
    try simulator.write([UInt8(size >> 8), UInt8(size & 0xff)] + evidence.attestationKey, to: "ak.pub")
    try simulator.write(evidence.attestation, to: "statement")
    try simulator.write(evidence.signature, to: "signature")
    try simulator.run("tpm2_loadexternal", "-C", "n", "-u", "ak.pub", "-c", "ak.ctx", "-n", "ak.name")
    try simulator.run("tpm2_flushcontext", "-t")
    try simulator.run(
      "tpm2_verifysignature", "-c", "ak.ctx", "-g", "sha256", "-m", "statement", "-s", "signature")
    try simulator.run("tpm2_flushcontext", "-t")
    #expect(try simulator.read("ak.name") == trusted.name)

    // Theirs: the same template gives the same attestation key, and its statement is read.
    let attributes = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign"
    try simulator.run(
      "tpm2_createprimary", "-C", "e", "-g", "sha256", "-G", "ecc256:ecdsa-sha256:null", "-a",
      attributes + "|restricted", "-c", "primary.ctx")
    try simulator.run("tpm2_flushcontext", "-t")
    try simulator.run("tpm2_readpublic", "-c", "primary.ctx", "-n", "primary.name")
    try simulator.run("tpm2_flushcontext", "-t")
    #expect(try simulator.read("primary.name") == trusted.name)
    try simulator.run("tpm2_createprimary", "-C", "o", "-G", "ecc", "-c", "storage.ctx")
    try simulator.run("tpm2_flushcontext", "-t")
    try simulator.run(
      "tpm2_create", "-C", "storage.ctx", "-G", "ecc256:ecdsa-sha256", "-a", attributes, "-u", "key.pub",
      "-r",
      "key.priv")
    try simulator.run("tpm2_flushcontext", "-t")
    try simulator.run("tpm2_load", "-C", "storage.ctx", "-u", "key.pub", "-r", "key.priv", "-c", "key.ctx")
    try simulator.run("tpm2_flushcontext", "-t")
    try simulator.run(
      "tpm2_certify", "-c", "key.ctx", "-C", "primary.ctx", "-g", "sha256", "-o", "theirs", "-s",
      "theirs.signature")
    let (statement, signature) = (try simulator.read("theirs"), try simulator.read("theirs.signature"))
    let certification = try TPMCertification(decoding: statement.span, signature: signature.span)
    let area = try TPMPublicArea(decoding: [UInt8](try simulator.read("key.pub").dropFirst(2)).span)
    #expect(certification.name == area.name)
    // The tool asks with four bytes of its own, so that everything before the challenge holds, and it does not.
    #expect(certification.challenge == [0x00, 0xff, 0x55, 0xaa])
    #expect(throws: TPMCertificationError.otherChallenge) {
      try certification.verify(
        .p256, publicKey: area.publicKey, challenge: Self.challenge, attestationKey: trusted)
    }
  }
}
