public import SignatureSchemes
public import WireBytes

/// Why a threshold signature does not come about.
public enum SigningError: Error, Hashable, Sendable {
  case messageSize(Int, limit: Int)
  case tooFew(Int, threshold: Int)
  case unknownParticipant(ParticipantIdentifier)
  case duplicateParticipant(ParticipantIdentifier)
  /// This participant's commitment holds a point that is in the list already.
  case repeatedNonce(ParticipantIdentifier)
  /// The nonces come to the identity.
  case identityCommitment
  /// The session is another key's.
  case otherGroup
  /// This participant is not among those who sign.
  case notAsked(ParticipantIdentifier)
  /// What the list gives as this participant's commitment is not that of the nonces at hand.
  case foreignCommitment(ParticipantIdentifier)
  case missingShares([ParticipantIdentifier])
  /// A share from one who is not among those who sign.
  case unexpectedShare(ParticipantIdentifier)
  /// The shares of these do not fit their commitments and their keys.
  case badShares([ParticipantIdentifier])
  /// All shares fit and yet the signature is none.
  case mismatch(Ed25519.VerificationError)
}

/// One message, those who sign it and their commitments: what every share is computed from (RFC 9591, section 5.2).
///
/// Each signer makes it from the message that it built itself and from the list of commitments that it was sent.
public struct SigningSession: Hashable, Sendable {
  public static let messageSizeMax = 65_536

  public let message: [UInt8]
  /// In rising order of identifiers.
  public let commitments: [NonceCommitment]
  public let group: GroupPublicKey
  let bindingFactors: [Scalar]
  let groupCommitment: GroupElement
  let challenge: Scalar

  /// - Parameter commitments: in any order; at least as many as the threshold.
  /// - Throws: ``SigningError``, for a list that nobody should sign with.
  public init(
    message: [UInt8], commitments: [NonceCommitment], group: GroupPublicKey
  ) throws(SigningError) {
    guard message.count <= Self.messageSizeMax else {
      throw .messageSize(message.count, limit: Self.messageSizeMax)
    }
    let sorted = commitments.sorted { $0.identifier < $1.identifier }
    var points: Set<GroupElement> = []
    for (index, commitment) in sorted.enumerated() {
      guard group.share(of: commitment.identifier) != nil else {
        throw .unknownParticipant(commitment.identifier)
      }
      if index > 0, sorted[index - 1].identifier == commitment.identifier {
        throw .duplicateParticipant(commitment.identifier)
      }
      guard points.insert(commitment.hiding).inserted, points.insert(commitment.binding).inserted else {
        throw .repeatedNonce(commitment.identifier)
      }
    }
    guard sorted.count >= group.threshold else { throw .tooFew(sorted.count, threshold: group.threshold) }

    let inputs = Self.bindingFactorInputs(message: message, commitments: sorted, group: group)
    let factors = inputs.map { Ciphersuite.h1($0) }
    var sum = GroupSum.identity
    for (commitment, factor) in zip(sorted, factors) {
      sum = sum + commitment.hiding.sum + commitment.binding.sum * factor
    }
    guard let total = sum.element else { throw .identityCommitment }
    self.message = message
    self.commitments = sorted
    self.group = group
    bindingFactors = factors
    groupCommitment = total
    challenge = Ciphersuite.h2(total.bytes.array + group.key.array + message)
  }

  /// What each binding factor hashes (RFC 9591, section 4.4). `commitments` are sorted.
  static func bindingFactorInputs(
    message: [UInt8], commitments: [NonceCommitment], group: GroupPublicKey
  ) -> [[UInt8]] {
    var list: [UInt8] = []
    for commitment in commitments {
      list.append(Scalar(commitment.identifier.number).bytes)
      list.append(commitment.hiding.bytes)
      list.append(commitment.binding.bytes)
    }
    let prefix = group.key.array + Ciphersuite.h4(message).array + Ciphersuite.h5(list).array
    return commitments.map { prefix + Scalar($0.identifier.number).bytes.array }
  }

  /// The binding factor of each signer and what it hashes, in the order of ``commitments``: to compare with the RFC's.
  package var bindingFactorSteps: [(input: [UInt8], factor: Bytes32)] {
    let inputs = Self.bindingFactorInputs(message: message, commitments: commitments, group: group)
    return zip(inputs, bindingFactors).map { ($0, $1.bytes) }
  }

  func weight(of identifier: ParticipantIdentifier) -> Scalar {
    Scalar.weight(of: identifier, among: commitments.map(\.identifier))
  }

  /// Checks one share against its sender's commitment and key (RFC 9591, section 5.4).
  ///
  /// - Throws: ``SigningError/unexpectedShare(_:)``, ``SigningError/badShares(_:)``.
  public func verify(_ share: SignatureShare) throws(SigningError) {
    guard let place = commitments.firstIndex(where: { $0.identifier == share.identifier }),
      let key = group.share(of: share.identifier)
    else { throw .unexpectedShare(share.identifier) }
    let commitment = commitments[place]
    let expected =
      commitment.hiding.sum + commitment.binding.sum * bindingFactors[place]
      + key.sum * (challenge * weight(of: share.identifier))
    guard GroupSum.base(times: share.response) == expected else { throw .badShares([share.identifier]) }
  }

  /// Puts the shares together to a signature that ``Ed25519`` accepts under its strictest rule (RFC 9591, section 5.3).
  ///
  /// When the sum is no signature, every share is checked, so that the error names all whose share is bad.
  ///
  /// - Parameter shares: one of each signer, in any order.
  /// - Throws: ``SigningError``.
  public func aggregate(_ shares: [SignatureShare]) throws(SigningError) -> Bytes64 {
    var seen: Set<ParticipantIdentifier> = []
    for share in shares {
      guard commitments.contains(where: { $0.identifier == share.identifier }) else {
        throw .unexpectedShare(share.identifier)
      }
      guard seen.insert(share.identifier).inserted else { throw .duplicateParticipant(share.identifier) }
    }
    let missing = commitments.map(\.identifier).filter { !seen.contains($0) }
    guard missing.isEmpty else { throw .missingShares(missing) }

    let response = shares.reduce(Scalar.zero) { $0 + $1.response }
    let signature = Bytes64 { $0 < 32 ? groupCommitment.bytes[$0] : response.bytes[$0 - 32] }
    do {
      try Ed25519.verify(message.span, signature: signature, key: group.key, rule: .rfc8032Strict)
    } catch {
      var culprits: [ParticipantIdentifier] = []
      for share in shares {
        do { try verify(share) } catch { culprits.append(share.identifier) }
      }
      guard culprits.isEmpty else { throw .badShares(culprits.sorted()) }
      throw .mismatch(error)
    }
    return signature
  }
}
