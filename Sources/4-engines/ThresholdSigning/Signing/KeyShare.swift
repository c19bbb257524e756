public import WireBytes

/// Why a share of a key is not taken.
public enum KeyShareError: Error, Hashable, Sendable {
  case group(GroupKeyError)
  case wire(WireError)
  case scalar(ScalarError)
  case version(UInt8)
  /// The group has no such participant.
  case unknownParticipant(ParticipantIdentifier)
  /// The secret is not the one whose public half the group knows.
  case mismatch(ParticipantIdentifier)
}

/// One participant's share of a key: what signs together with others, and never alone.
public struct KeyShare: ~Copyable, Sendable {
  public let identifier: ParticipantIdentifier
  public let group: GroupPublicKey
  let secret: SecretScalar

  /// - Throws: ``KeyShareError/unknownParticipant(_:)``, ``KeyShareError/mismatch(_:)``.
  public init(
    identifier: ParticipantIdentifier, secret: consuming SecretScalar, group: GroupPublicKey
  ) throws(KeyShareError) {
    guard let expected = group.share(of: identifier) else { throw .unknownParticipant(identifier) }
    guard secret.timesBase() == expected else { throw .mismatch(identifier) }
    self.identifier = identifier
    self.group = group
    self.secret = secret
  }

  /// Lends the share as bytes for a vault to encrypt; they must not be kept.
  ///
  /// Layout: `[version 1: 1][identifier: 2, big-endian][secret: 32, little-endian]`, then ``GroupPublicKey/encoded()``.
  public func withEncoded<Result: ~Copyable, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let publicPart = group.encoded()
    var bytes = GuardedBytes(count: 35 + publicPart.count)
    bytes[0] = 1
    bytes[1] = UInt8(identifier.number >> 8)
    bytes[2] = UInt8(truncatingIfNeeded: identifier.number)
    for index in 0..<32 { bytes[3 + index] = secret.guarded[index] }
    for index in publicPart.indices { bytes[35 + index] = publicPart[index] }
    return try bytes.withBytes(body)
  }

  /// Reads what ``withEncoded(_:)`` lends. Wiping `bytes` is the caller's.
  ///
  /// - Throws: ``KeyShareError``.
  public init(decoding bytes: Span<UInt8>) throws(KeyShareError) {
    guard bytes.count >= 35 else { throw .wire(.truncated(offset: bytes.count, needed: 35 - bytes.count)) }
    guard bytes[0] == 1 else { throw .version(bytes[0]) }
    let group: GroupPublicKey
    do {
      group = try GroupPublicKey(decoding: bytes.extracting(35..<bytes.count))
    } catch {
      throw .group(error)
    }
    guard let identifier = ParticipantIdentifier(UInt16(bytes[1]) << 8 | UInt16(bytes[2])) else {
      throw .group(.order(at: 0))
    }
    let secret: SecretScalar
    do {
      secret = try SecretScalar(canonical: bytes.extracting(3..<35))
    } catch {
      throw .scalar(error)
    }
    try self.init(identifier: identifier, secret: secret, group: group)
  }

  /// New nonces for one signature, from the system's random numbers and the share (RFC 9591, section 5.1).
  public func commit() -> SigningNonces {
    SigningNonces(
      identifier: identifier,
      hiding: Ciphersuite.h3(GuardedBytes(randomCount: 32), secret),
      binding: Ciphersuite.h3(GuardedBytes(randomCount: 32), secret))
  }

  /// The same with given randomness, 32 bytes for each nonce: for the RFC's vectors. Randomness that is used twice gives
  /// the share away.
  package func commit(hidingRandomness: Bytes32, bindingRandomness: Bytes32) -> SigningNonces {
    SigningNonces(
      identifier: identifier,
      hiding: Ciphersuite.h3(GuardedBytes(copying: hidingRandomness.span), secret),
      binding: Ciphersuite.h3(GuardedBytes(copying: bindingRandomness.span), secret))
  }

  /// This participant's share of the signature (RFC 9591, section 5.2). The nonces are spent whatever comes of it.
  ///
  /// - Throws: ``SigningError/otherGroup``, ``SigningError/notAsked(_:)``, ``SigningError/foreignCommitment(_:)``.
  public func sign(
    _ session: SigningSession, with nonces: consuming SigningNonces
  ) throws(SigningError) -> SignatureShare {
    guard session.group == group else { throw .otherGroup }
    guard let place = session.commitments.firstIndex(where: { $0.identifier == identifier }) else {
      throw .notAsked(identifier)
    }
    guard nonces.commitment == session.commitments[place] else { throw .foreignCommitment(identifier) }
    // z = d + e ρ + λ s c. Once published it hides the share only as long as d and e are not used again.
    let weighted = secret.times(session.weight(of: identifier) * session.challenge)
    let bound = nonces.binding.times(session.bindingFactors[place])
    return SignatureShare(
      identifier: identifier, response: nonces.hiding.plus(bound).plus(weighted).published())
  }
}

/// Nonces for one signature: a ticket that cannot be copied, is spent by signing and is never written out.
public struct SigningNonces: ~Copyable, Sendable {
  /// What the others are told.
  public let commitment: NonceCommitment
  package let hiding: SecretScalar
  package let binding: SecretScalar

  init(identifier: ParticipantIdentifier, hiding: consuming SecretScalar, binding: consuming SecretScalar) {
    // A hash came out as zero with a chance of one in 2^252.
    guard let hidingPoint = hiding.timesBase(), let bindingPoint = binding.timesBase() else {
      preconditionFailure("a nonce is zero")
    }
    commitment = NonceCommitment(identifier: identifier, hiding: hidingPoint, binding: bindingPoint)
    self.hiding = hiding
    self.binding = binding
  }
}
