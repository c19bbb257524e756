import Attestation
import Crypto
import Digests
import Enclaves
import Foundation
import Ledger
import Messages
import Settlement
import Testing
import WireBytes

/// A TPM in software: a restricted attestation key of P-256 that quotes PCR 14 (TPM 2.0 Library, parts 2 and 3).
struct SoftwareTPM {
  let key: P256.Signing.PrivateKey

  init(_ seed: UInt8) throws {
    key = try P256.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: seed, count: 32))
  }

  private static func sized(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)] + bytes
  }

  /// TPMT_PUBLIC: ECC, nameAlg SHA-256, fixedTPM | fixedParent | sensitiveDataOrigin | userWithAuth | restricted | sign.
  private var publicArea: [UInt8] {
    let point = [UInt8](key.publicKey.rawRepresentation)
    return [0x00, 0x23, 0x00, 0x0b, 0x00, 0x05, 0x00, 0x72, 0x00, 0x00]
      + [0x00, 0x10, 0x00, 0x18, 0x00, 0x0b, 0x00, 0x03, 0x00, 0x10]
      + Self.sized(Array(point.prefix(32))) + Self.sized(Array(point.suffix(32)))
  }

  var name: [UInt8] { [0x00, 0x0b] + SHA256Hash.hash(publicArea).array }

  /// A quote of PCR 14 after `launches`, with `extraData`.
  func evidence(_ launches: [TPMLaunchLog.Launch], extraData: [UInt8]) throws -> AttestationEvidence {
    let log = TPMLaunchLog(launches)
    var value = Bytes32()
    for launch in launches { value = SHA256Hash.hash(value, launch.measurement) }
    let quote =
      [0xff, 0x54, 0x43, 0x47, 0x80, 0x18] + Self.sized(name) + Self.sized(extraData)
      // Clock, resets, restarts, safe; firmware version.
      + [0, 0, 0, 0, 0, 1, 0, 0] + [0, 0, 0, 3] + [0, 0, 0, 0] + [1] + [UInt8](repeating: 0x20, count: 8)
      + [0, 0, 0, 1, 0x00, 0x0b, 3, 0x00, 0x40, 0x00] + Self.sized(SHA256Hash.hash(value.array).array)
    let signature = [UInt8](try key.signature(for: Data(quote)).rawRepresentation)
    let statement = TPMStatement(
      quote: quote,
      signature: [0x00, 0x18, 0x00, 0x0b] + Self.sized(Array(signature.prefix(32)))
        + Self.sized(Array(signature.suffix(32))),
      attestationKey: Self.sized(publicArea), pcrs: [.init(index: 14, value: value.array)],
      launchLog: log.encoded())
    return AttestationEvidence(platform: .tpm, statement: statement.encoded())
  }
}

@Suite("Registrations by TPM quotes")
struct TPMRegistrationTests {
  @Test("registers keys that a restricted TPM key quotes, with the program that was launched last")
  func registers() throws {
    var ledger = try SettlementLedger()
    let tpm = try SoftwareTPM(11)
    let old = Bytes32 { _ in 0x0d }
    let policy = try AttestationPolicy(
      isProduction: true,
      tpm: TPMPolicy(
        pcrs: [
          .init(
            index: 14,
            rule: .launches([
              .init(program: ledger.program, policy: ledger.enclavePolicy),
              .init(program: old, policy: ledger.enclavePolicy),
            ]))
        ], keyNames: [tpm.name]))
    try ledger.store(policy)
    let enclave = try ledger.enclave()
    let launch = TPMLaunchLog.Launch(program: ledger.program, policy: ledger.enclavePolicy, start: 5)
    let before = TPMLaunchLog.Launch(program: old, policy: ledger.enclavePolicy, start: 4)
    let data = enclave.keys.reportData.array
    func run(_ evidence: AttestationEvidence) throws -> TransactionResult {
      try ledger.run(
        ledger.registration(of: enclave, evidence: evidence, policy: policy.hash), by: ledger.operator)
    }
    // Another nonce, another key, a program that was replaced since, and one that nobody allows.
    let nonce = [UInt8](repeating: 4, count: 64)
    #expect(
      try run(tpm.evidence([launch], extraData: nonce))
        .isRefused(.reportData(expected: enclave.keys.reportData, actual: nonce)))
    let stranger = try SoftwareTPM(12)
    #expect(
      try run(stranger.evidence([launch], extraData: data))
        .isRefused(.attestation(.tpm(.keyUnknown(name: stranger.name)))))
    #expect(
      try run(tpm.evidence([launch, before], extraData: data))
        .isRefused(.measured("program", expected: ledger.program, actual: old.array)))
    let foreign = TPMLaunchLog.Launch(program: Bytes32 { _ in 9 }, policy: ledger.enclavePolicy, start: 4)
    let refused = try run(tpm.evidence([foreign, launch], extraData: data))
    #expect(refused.code == 17 && refused.log.contains("launch(index: 0"), "\(refused.log)")
    #expect(try run(tpm.evidence([before, launch], extraData: data)).succeeded)
    #expect(try ledger.registrationRecord(enclave.registration).status == .live)
  }
}
