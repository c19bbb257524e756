import Crypto
import Digests
import Foundation
import SignatureSchemes
import TPMAccess
import TestSupport
import Testing
import WireBytes

/// Quotes by a restricted key, checked by tpm2-tools and by swift-crypto.
@Suite("Attestation keys of a TPM", .enabled(if: TPMSimulator.isInstalled, "swtpm is absent"))
struct TPMQuoteTests {
  private static let fourteen = TPMRegisters([14])
  private static let bound = [UInt8](0..<64)

  /// TPMS_ATTEST taken apart by offsets of the specification (part 2, section 10.12), without our own reader.
  private struct Statement {
    let magic: UInt32
    let type: UInt16
    let extra: [UInt8]
    let selection: [UInt8]
    let digest: [UInt8]

    init(_ bytes: [UInt8]) {
      func integer(_ offset: Int, _ count: Int) -> Int {
        bytes[offset..<offset + count].reduce(0) { $0 << 8 | Int($1) }
      }
      magic = UInt32(integer(0, 4))
      type = UInt16(integer(4, 2))
      var offset = 6
      offset += 2 + integer(offset, 2)
      let extraCount = integer(offset, 2)
      extra = [UInt8](bytes[(offset + 2)..<(offset + 2 + extraCount)])
      offset += 2 + extraCount + 17 + 8
      selection = [UInt8](bytes[offset..<(offset + 10)])
      let digestCount = integer(offset + 10, 2)
      digest = [UInt8](bytes[(offset + 12)..<(offset + 12 + digestCount)])
    }
  }

  @Test("quotes a register with 64 bytes of the asker's")
  func quote() throws {
    let simulator = try TPMSimulator()
    let connection = try simulator.connection()
    let fourteen = try #require(Self.fourteen)
    let key = try TPMAttestationKey.create(connection)
    let bank = TPMRegisterBank(connection)
    #expect(try bank.read(fourteen) == [TPMRegisterValue(number: 14, value: Bytes32())])
    let digest = SHA256Hash.hash([1, 2, 3])
    try bank.extend(14, with: digest)
    let value = TPMRegisterBank.extended(Bytes32(), with: digest)
    // SHA-256 of 32 zeroes and SHA-256 of 01 02 03, by swift-crypto.
    let independent = SHA256.hash(data: Data(count: 32) + Data(SHA256.hash(data: Data([1, 2, 3]))))
    #expect(value.array == [UInt8](independent))

    let quote = try key.quote(fourteen, qualifying: Self.bound)
    #expect(quote.values == [TPMRegisterValue(number: 14, value: value)])
    let statement = Statement(quote.attestation)
    #expect(statement.magic == 0xff54_4347)
    #expect(statement.type == 0x8018)
    #expect(statement.extra == Self.bound)
    // One bank, SHA-256, three bytes: bit 6 of the second for register 14.
    #expect(statement.selection == [0, 0, 0, 1, 0, 0x0b, 3, 0, 0x40, 0])
    #expect(statement.digest == [UInt8](SHA256.hash(data: Data(value.array))))
    let area = key.publicArea
    let point = try P256.Signing.PublicKey(compressedRepresentation: area.publicKey)
    let signature = try TPMSignature(decoding: quote.signature.span)
    #expect(
      point.isValidSignature(
        try P256.Signing.ECDSASignature(rawRepresentation: signature.raw), for: Data(quote.attestation)))
    #expect(
      area.attributes.isSuperset(of: [.restricted, .sign, .fixedTPM, .fixedParent, .sensitiveDataOrigin]))
    #expect(!area.attributes.contains(.decrypt))
  }

  @Test(
    "makes quotes that tpm2_checkquote takes",
    .enabled(if: TPMSimulator.hasTools, "tpm2-tools are absent"))
  func tools() throws {
    let simulator = try TPMSimulator()
    let connection = try simulator.connection()
    let key = try TPMAttestationKey.create(connection)
    let registers = try #require(TPMRegisters([0, 14, 16]))
    let quote = try key.quote(registers, qualifying: Self.bound)
    let point = try P256.Signing.PublicKey(compressedRepresentation: key.publicArea.publicKey)
    try simulator.write([UInt8](point.pemRepresentation.utf8), to: "ak.pem")
    try simulator.write(quote.attestation, to: "quote")
    try simulator.write(quote.signature, to: "signature")
    connection.close()
    let bound = Hex.encode(Self.bound.span, prefix: "")
    try simulator.run(
      "tpm2_checkquote", "-u", "ak.pem", "-m", "quote", "-s", "signature", "-g", "sha256", "-q", bound)
    #expect(throws: TPMSimulator.Failure.self) {
      try simulator.run(
        "tpm2_checkquote", "-u", "ak.pem", "-m", "quote", "-s", "signature", "-g", "sha256", "-q",
        "ff" + bound.dropFirst(2))
    }
  }

  @Test("opens a key again from its blob, also after the TPM was reset")
  func blob() throws {
    let simulator = try TPMSimulator()
    let fourteen = try #require(Self.fourteen)
    let connection = try simulator.connection()
    let key = try TPMAttestationKey.create(connection)
    let blob = key.blob
    connection.close()
    try simulator.restart()
    let again = try TPMAttestationKey(try simulator.connection(), blob: blob)
    try again.confirm()
    #expect(again.publicArea == key.publicArea)
    let quote = try again.quote(fourteen, qualifying: [7])
    #expect(quote.values.map(\.number) == [14])
    let other = try TPMSimulator()
    let foreign = try TPMAttestationKey(try other.connection(), blob: blob)
    #expect(throws: TPMKeyError.device(.missing)) { try foreign.confirm() }
    for count in 0..<blob.count {
      #expect(throws: TPMKeyError.self) {
        _ = try TPMAttestationKey(try simulator.connection(), blob: [UInt8](blob.prefix(count)))
      }
    }
  }

  @Test("does not take a key that signs anything for one that signs quotes, nor the other way")
  func roles() throws {
    let simulator = try TPMSimulator()
    let connection = try simulator.connection()
    let signing = try TPMSigningKey.create(connection)
    let attesting = try TPMAttestationKey.create(connection)
    let refused = { (area: TPMPublicArea) in
      TPMKeyError.blob(.field(.objectAttributes, value: UInt64(area.attributes.rawValue)))
    }
    #expect(throws: refused(signing.publicArea)) { try TPMAttestationKey(connection, blob: signing.blob) }
    #expect(throws: refused(attesting.publicArea)) { try TPMSigningKey(connection, blob: attesting.blob) }
  }

  @Test("signs digests with a key that stays in the TPM")
  func signing() throws {
    let simulator = try TPMSimulator()
    let connection = try simulator.connection()
    let key = try TPMSigningKey.create(connection)
    let message = [UInt8]("an enclave's receipt".utf8)
    let signature = try key.sign(SHA256Hash.hash(message))
    let point = try P256.Signing.PublicKey(compressedRepresentation: key.publicArea.publicKey)
    #expect(
      point.isValidSignature(
        try P256.Signing.ECDSASignature(rawRepresentation: signature), for: Data(message)))
    #expect(key.publicArea.attributes.isSuperset(of: [.fixedTPM, .fixedParent, .sensitiveDataOrigin, .sign]))
    #expect(!key.publicArea.attributes.contains(.restricted))
    try key.forget()
    _ = try key.sign(SHA256Hash.hash(message))
  }

  @Test("refuses what does not fit before it asks the TPM")
  func bounds() throws {
    let simulator = try TPMSimulator()
    let connection = try simulator.connection()
    let key = try TPMAttestationKey.create(connection)
    let fourteen = try #require(Self.fourteen)
    let none = try #require(TPMRegisters([]))
    let nine = try #require(TPMRegisters(Set(0..<9)))
    #expect(throws: TPMKeyError.qualifyingLength(0)) { try key.quote(fourteen, qualifying: []) }
    #expect(throws: TPMKeyError.qualifyingLength(65)) {
      try key.quote(fourteen, qualifying: [UInt8](repeating: 0, count: 65))
    }
    #expect(throws: TPMKeyError.registerCount(0)) { try key.quote(none, qualifying: [1]) }
    #expect(throws: TPMKeyError.registerCount(9)) { try key.quote(nine, qualifying: [1]) }
  }
}
