private import Crypto
import Digests
private import FoundationEssentials
import WireBytes

/// Round one: `[encryption key: 32][commitments: 32 each, exactly the threshold's number][proof: 64]`.
struct PackageBody: Hashable, Sendable {
  /// X25519, made for this ceremony and forgotten after it.
  let encryptionKey: Bytes32
  let commitments: PolynomialCommitments
  let proof: ProofOfKnowledge

  init(encryptionKey: Bytes32, commitments: PolynomialCommitments, proof: ProofOfKnowledge) {
    self.encryptionKey = encryptionKey
    self.commitments = commitments
    self.proof = proof
  }

  func encoded() -> [UInt8] {
    var bytes = encryptionKey.array
    for element in commitments.elements { bytes.append(element.bytes) }
    bytes.append(proof.commitment.bytes)
    bytes.append(proof.response.bytes)
    return bytes
  }

  /// Reads the package that `message` carries and checks its proof.
  init(_ message: CeremonyMessage, plan: CeremonyPlan) throws(CeremonyError) {
    let body = message.body.span
    guard body.count == 96 + 32 * plan.threshold else { throw .malformed(message.sender, .package) }
    encryptionKey = Bytes32(body, at: 0)
    guard Sodium.isAgreementKey(encryptionKey) else { throw .malformed(message.sender, .package) }
    do {
      var elements: [GroupElement] = []
      for index in 0..<plan.threshold {
        elements.append(try GroupElement(Bytes32(body, at: 32 + 32 * index)))
      }
      commitments = PolynomialCommitments(elements: elements)
      let start = 32 + 32 * plan.threshold
      guard let response = try? Scalar(canonical: Bytes32(body, at: start + 32)) else {
        throw CeremonyError.malformed(message.sender, .package)
      }
      proof = ProofOfKnowledge(commitment: try GroupElement(Bytes32(body, at: start)), response: response)
    } catch let error as GroupElementError {
      throw .commitment(message.sender, error)
    } catch {
      throw .malformed(message.sender, .package)
    }
    guard proof.holds(for: commitments.constant, by: message.sender, context: plan.digest.array) else {
      throw .proofOfKnowledge(message.sender)
    }
  }
}

/// That a member sent a package: its hash and the member's signature, which anyone can check.
struct Endorsement: Hashable, Sendable {
  static let encodedCount = 96

  let bodyHash: Bytes32
  let signature: Bytes64
}

/// Round two: `[encapsulated key: 32][sealed share: 48]`, then for each member, in order, `[hash: 32][signature: 64]` of
/// the package that the sender has of it.
struct ShareBody: Hashable, Sendable {
  let sealed: SealedShare
  let endorsements: [Endorsement]

  init(sealed: SealedShare, endorsements: [Endorsement]) {
    self.sealed = sealed
    self.endorsements = endorsements
  }

  func encoded() -> [UInt8] {
    var bytes = sealed.encapsulatedKey.array + sealed.ciphertext
    for endorsement in endorsements {
      bytes.append(endorsement.bodyHash)
      bytes.append(endorsement.signature)
    }
    return bytes
  }

  init(_ message: CeremonyMessage, plan: CeremonyPlan) throws(CeremonyError) {
    let body = message.body.span
    guard body.count == 80 + Endorsement.encodedCount * plan.members.count else {
      throw .malformed(message.sender, .share)
    }
    sealed = SealedShare(
      encapsulatedKey: Bytes32(body, at: 0), ciphertext: [UInt8](copying: body.extracting(32..<80)))
    endorsements = plan.members.indices.map { index in
      let start = 80 + index * Endorsement.encodedCount
      return Endorsement(bodyHash: Bytes32(body, at: start), signature: Bytes64(body, at: start + 32))
    }
  }
}

/// Round three: `[transcript: 32][hash of the group's key: 32]`.
struct ConfirmationBody: Hashable, Sendable {
  let transcript: Bytes32
  let groupHash: Bytes32

  func encoded() -> [UInt8] { transcript.array + groupHash.array }
}

/// A share that one member sealed to another's key of this ceremony (HPKE, RFC 9180: X25519, HKDF-SHA256,
/// ChaCha20-Poly1305).
struct SealedShare: Hashable, Sendable {
  let encapsulatedKey: Bytes32
  /// 32 bytes and the tag.
  let ciphertext: [UInt8]

  private static let suite = HPKE.Ciphersuite.Curve25519_SHA256_ChachaPoly

  private static func context(_ plan: CeremonyPlan) -> Data {
    Data([UInt8]("causeway/key-generation/share/v1".utf8) + [0] + plan.digest.array)
  }

  private static func authenticated(
    _ sender: ParticipantIdentifier, _ receiver: ParticipantIdentifier, _ transcript: Bytes32
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: sender.number)
    bytes.append(bigEndian: receiver.number)
    bytes.append(transcript)
    return bytes
  }

  init(encapsulatedKey: Bytes32, ciphertext: [UInt8]) {
    self.encapsulatedKey = encapsulatedKey
    self.ciphertext = ciphertext
  }

  /// Nil when `key` is no key that can be sealed to.
  init?(
    _ share: borrowing SecretScalar, from sender: ParticipantIdentifier, to receiver: ParticipantIdentifier,
    key: Bytes32, plan: CeremonyPlan, transcript: Bytes32
  ) {
    guard let recipient = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: key.array),
      var hpke = try? HPKE.Sender(recipientKey: recipient, ciphersuite: Self.suite, info: Self.context(plan)),
      let encapsulated = try? Bytes32([UInt8](hpke.encapsulatedKey))
    else { return nil }
    let aad = Self.authenticated(sender, receiver, transcript)
    // The pointer is used during the call only.
    let sealed = unsafe share.guarded.withRawBytes { bytes in
      unsafe try? hpke.seal(bytes, authenticating: aad)
    }
    guard let sealed, sealed.count == 48 else { return nil }
    encapsulatedKey = encapsulated
    ciphertext = [UInt8](sealed)
  }

  /// The share, when it can be opened and fits the sender's commitments; nil otherwise.
  func opened(
    from sender: ParticipantIdentifier, to receiver: ParticipantIdentifier, key: EphemeralKey,
    plan: CeremonyPlan, transcript: Bytes32, commitments: PolynomialCommitments
  ) -> SecretScalar? {
    guard
      var hpke = try? HPKE.Recipient(
        privateKey: key.key, ciphersuite: Self.suite, info: Self.context(plan),
        encapsulatedKey: Data(encapsulatedKey.array)),
      var clear = try? hpke.open(
        ciphertext, authenticating: Self.authenticated(sender, receiver, transcript))
    else { return nil }
    // Foundation's bytes are wiped as soon as they are copied.
    defer { clear.resetBytes(in: clear.startIndex..<clear.endIndex) }
    var copy = GuardedBytes(count: clear.count)
    for (index, byte) in clear.enumerated() { copy[index] = byte }
    let share: SecretScalar
    do {
      share = try copy.withBytes { (bytes: Span<UInt8>) throws(ScalarError) in
        try SecretScalar(canonical: bytes)
      }
    } catch {
      return nil
    }
    guard share.timesBase()?.sum == commitments.value(at: receiver) else { return nil }
    return share
  }
}

/// The X25519 key of one member for one ceremony; swift-crypto wipes it.
struct EphemeralKey: Sendable {
  fileprivate let key: Curve25519.KeyAgreement.PrivateKey

  init() { key = Curve25519.KeyAgreement.PrivateKey() }

  /// One that its owner has published with a complaint.
  init?(published bytes: Bytes32) {
    guard let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: bytes.array) else {
      return nil
    }
    self.key = key
  }

  var publicKey: Bytes32 {
    guard let bytes = try? Bytes32([UInt8](key.publicKey.rawRepresentation)) else {
      preconditionFailure("a public key has 32 bytes")
    }
    return bytes
  }

  /// The key itself, for a complaint: the ceremony is over and the key opens nothing else.
  func published() -> Bytes32 {
    guard let bytes = try? Bytes32([UInt8](key.rawRepresentation)) else {
      preconditionFailure("a private key has 32 bytes")
    }
    return bytes
  }
}
