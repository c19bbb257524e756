import Crypto
import Digests
import Foundation
import Gate
import Messages
import SignatureSchemes
import Testing
import WireBytes

/// Attesters of every suite in one policy; swift-crypto and the curve libraries below it sign.
@Suite("Attester suites")
struct AttesterSuiteTests {
  private static let now = UnixTime(seconds: 1_700_000_060)
  private static let height = Height(10)
  private static let timestamp = UnixTime(seconds: 1_700_000_000)
  private static let root = Bytes32 { UInt8($0) }

  private struct Signer {
    let attester: Attester
    let signature: [UInt8]
  }

  private static func binding() throws -> AttestationBinding {
    try AttestationBinding(
      origin: DomainID("cosmos:demo-1"), router: [0x69, 0x62, 0x63], client: ClientID("client-0"))
  }

  /// What is hashed to the digest that everybody signs.
  private static func preimage() throws -> [UInt8] {
    let body = AttestationDigest.stateBody(height: height, timestamp: timestamp, root: root)
    var preimage = [AttestationDigest.formByte(.state)]
    preimage.append(AttestationDigest.bindingHash(try binding()))
    preimage.append(SHA256Hash.hash(body))
    return preimage
  }

  private static func signers() throws -> [Signer] {
    let preimage = try preimage()
    let digest = SHA256Hash.hash(preimage).array
    let p256 = P256.Signing.PrivateKey()
    let p384 = P384.Signing.PrivateKey()
    let ed25519 = Curve25519.Signing.PrivateKey()
    let mlDSA65 = try MLDSA65.PrivateKey()
    let mlDSA87 = try MLDSA87.PrivateKey()
    func signer(_ suite: AttesterSuite, _ key: some Swift.Sequence<UInt8>, _ signature: some Swift.Sequence<UInt8>) throws
      -> Signer
    {
      Signer(attester: try Attester(suite: suite, key: [UInt8](key)), signature: [UInt8](signature))
    }
    func hybrid(
      _ suite: AttesterSuite, _ classical: SuiteID, _ postQuantum: SuiteID, keys: ([UInt8], [UInt8]),
      sign: ([UInt8]) throws -> ([UInt8], [UInt8])
    ) throws -> Signer {
      let bytes = Bytes32 { digest[$0] }
      let halves = try sign(HybridSignature.preimage(bytes.span, suite: suite.id))
      return try signer(
        suite,
        HybridParts(
          classicalSuite: classical, classical: keys.0, postQuantumSuite: postQuantum, postQuantum: keys.1
        ).encoded(),
        HybridParts(
          classicalSuite: classical, classical: halves.0, postQuantumSuite: postQuantum, postQuantum: halves.1
        ).encoded())
    }
    return [
      // P-256 hashes with SHA-256, which of the preimage is the digest; the others sign the digest's 32 bytes.
      try signer(
        .p256, p256.publicKey.compressedRepresentation, p256.signature(for: preimage).rawRepresentation),
      try signer(
        .p384, p384.publicKey.compressedRepresentation, p384.signature(for: digest).rawRepresentation),
      try signer(.ed25519, ed25519.publicKey.rawRepresentation, ed25519.signature(for: digest)),
      try signer(.mlDSA65, mlDSA65.publicKey.rawRepresentation, mlDSA65.signature(for: digest)),
      try signer(.mlDSA87, mlDSA87.publicKey.rawRepresentation, mlDSA87.signature(for: digest)),
      try hybrid(
        .ed25519AndMLDSA65, .ed25519, .mlDSA65,
        keys: ([UInt8](ed25519.publicKey.rawRepresentation), [UInt8](mlDSA65.publicKey.rawRepresentation))
      ) { message in
        (
          [UInt8](try ed25519.signature(for: message)),
          [UInt8](try mlDSA65.signature(for: message, context: HybridSignature.context))
        )
      },
      try hybrid(
        .p384AndMLDSA87, .p384SHA384, .mlDSA87,
        keys: (
          [UInt8](p384.publicKey.compressedRepresentation), [UInt8](mlDSA87.publicKey.rawRepresentation)
        )
      ) { message in
        (
          [UInt8](try p384.signature(for: message).rawRepresentation),
          [UInt8](try mlDSA87.signature(for: message, context: HybridSignature.context))
        )
      },
    ]
  }

  private static func policy(_ signers: [Signer]) throws -> Policy {
    try Policy(
      .attested(
        AttestedPolicy(
          form: .state, binding: binding(), attesters: signers.map(\.attester), quorum: UInt64(signers.count))))
  }

  private static func evidence(_ signatures: [[UInt8]]) -> Evidence {
    .attested(
      AttestedEvidence(
        height: height, timestamp: timestamp, body: .state(root: root),
        signatures: signatures.enumerated().map {
          AttestedEvidence.Signature(attester: $0.offset, bytes: $0.element)
        }))
  }

  @Test("believes a quorum whose members sign in seven suites")
  func mixed() throws {
    let signers = try Self.signers()
    let verdict = try Gate.evaluate(
      Self.policy(signers), Self.evidence(signers.map(\.signature)), in: GateContext(now: Self.now))
    #expect(verdict.claim.height == Self.height)
    #expect(verdict.assumptions.map(\.code) == ["attesters"])
  }

  @Test("refuses a changed signature of any suite, naming the attester", arguments: 0..<7)
  func changed(place: Int) throws {
    let signers = try Self.signers()
    var signatures = signers.map(\.signature)
    // The last byte: inside s, or inside the post-quantum half.
    signatures[place][signatures[place].count - 1] ^= 1
    let policy = try Self.policy(signers)
    #expect {
      try Gate.evaluate(policy, Self.evidence(signatures), in: GateContext(now: Self.now))
    } throws: { error in
      guard case .attestation(.signature(place, attester: place, _)) = error as? Refusal else { return false }
      return true
    }
  }

  @Test("refuses a hybrid of which the classical half alone is right")
  func classicalHalf() throws {
    let signers = try Self.signers()
    let suite = AttesterSuite.ed25519AndMLDSA65
    let place = try #require(signers.firstIndex { $0.attester.suite == suite })
    var signature = signers[place].signature
    signature[signature.count - 1] ^= 1
    let digest = SHA256Hash.hash(try Self.preimage())
    let attester = signers[place].attester
    #expect {
      try attester.verify(signature, digest: digest, at: Self.now)
    } throws: { error in
      guard case .suite(.postQuantumHalf) = error as? AttesterSignatureError else { return false }
      return true
    }
  }

  @Test("takes keys and signatures of one length only", arguments: AttesterSuite.allCases)
  func lengths(suite: AttesterSuite) throws {
    let short = [UInt8](repeating: 2, count: suite.keySize - 1)
    #expect(throws: AttesterSignatureError.keyLength(expected: suite.keySize, actual: suite.keySize - 1)) {
      try Attester(suite: suite, key: short)
    }
    let attester = try Attester(suite: suite, key: short + [2])
    let long = [UInt8](repeating: 1, count: suite.signatureSize + 1)
    #expect(
      throws: AttesterSignatureError.signatureLength(
        expected: suite.signatureSize, actual: suite.signatureSize + 1)
    ) {
      try attester.verify(long, digest: Self.root, at: Self.now)
    }
  }
}
