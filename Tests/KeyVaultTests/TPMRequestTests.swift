import KeyVault
import Messages
import SignatureSchemes
import SigningRules
import TPMAccess
import TestSupport
import Testing
import WireBytes

@Suite(
  "A TPM and requests", .serialized,
  .enabled(if: TPMSimulator.isInstalled, "swtpm is not installed: no TPM to test with"))
struct TPMRequestTests {
  @Test(
    "signs what a whole attestation says, as its verifiers compute it, and takes no other claim for it",
    arguments: [KeySuite.p256, .p384])
  func request(suite: KeySuite) throws {
    let simulator = try TPMSimulator()
    let backEnd = TPMBackEnd(try simulator.connection())
    let key = try backEnd.generate(suite, label: "attester-0")
    let entries = (1...3).map { number in
      StoredEntry(pathHash: Bytes32 { _ in UInt8(number) }, commitment: Bytes32 { _ in UInt8(10 + number) })
    }
    for body in [AttestedBody.state(root: Bytes32 { _ in 7 }), .packets(entries)] {
      let statement = try Self.statement(height: 5, body)
      let request = SigningRequest.attestation(statement)
      let signature = try backEnd.sign(request.payload, with: key)
      try SignatureCheck.check(signature, over: request.payload, by: key)
      try Self.verify(signature, statement, key)
      let other = try Self.statement(height: 6, body)
      #expect(throws: ECDSAError.mismatch) { try Self.verify(signature, other, key) }
    }
    // After a restart of the TPM the same key signs on, and a TPM that is away is said to be.
    let statement = try Self.statement(height: 7, .state(root: Bytes32 { _ in 8 }))
    let payload = SigningRequest.attestation(statement).payload
    simulator.stop()
    #expect {
      try backEnd.sign(payload, with: key)
    } throws: { error in
      guard case .unavailable? = error as? KeyBackEndError else { return false }
      return true
    }
    try simulator.start()
    try Self.verify(try backEnd.sign(payload, with: key), statement, key)
  }

  private static func statement(height: UInt64, _ body: AttestedBody) throws -> AttestedStatement {
    AttestedStatement(
      binding: try AttestationBinding(
        origin: try DomainID("cosmos:demo-1"), router: [UInt8]("ibc".utf8), client: try ClientID("client-0")),
      height: Height(height), timestamp: UnixTime(seconds: 1_700_000_000 + height), body: body)
  }

  private static func verify(
    _ signature: [UInt8], _ statement: AttestedStatement, _ key: BackEndKey
  ) throws(ECDSAError) {
    if key.suite == .p256 {
      let point = try ECDSAP256.PublicKey(sec1: key.publicKey.span)
      guard let signature = try? Bytes64(signature) else { throw .signatureLength(signature.count) }
      try ECDSAP256.verify(digest: statement.digest, signature: signature, key: point)
    } else {
      let point = try ECDSAP384.PublicKey(sec1: key.publicKey.span)
      let message = statement.digest.array
      try ECDSAP384.verify(message.span, signature: signature.span, key: point)
    }
  }
}
