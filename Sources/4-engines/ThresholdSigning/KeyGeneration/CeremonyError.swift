/// Why a key does not come about, or why a message was left out: ``isFatal`` tells which.
public enum CeremonyError: Error, Hashable, Sendable {
  /// The plan does not name us, or names another identity key for us.
  case notMember(ParticipantIdentifier)
  /// Our identity key gave no signature that holds.
  case identity
  /// The ceremony ended before, by an error or by ``KeyGeneration/finish()``.
  case ended
  /// Not everyone has confirmed yet.
  case incomplete

  // Messages that are left out; the ceremony goes on.
  case otherCeremony
  case unknownSender(ParticipantIdentifier)
  /// The signature is not the sender's: anyone may have made the message.
  case signature(ParticipantIdentifier)
  /// A share for another member.
  case notForUs

  // Proven faults of a member: its signature stands under them.
  /// Two different messages of one kind.
  case equivocation(ParticipantIdentifier)
  /// A message that cannot be read, or has not exactly as many commitments as the threshold.
  case malformed(ParticipantIdentifier, CeremonyMessage.Kind)
  /// A commitment that is no group element.
  case commitment(ParticipantIdentifier, GroupElementError)
  /// It does not know the constant term that it commits to.
  case proofOfKnowledge(ParticipantIdentifier)
  /// It showed a package of another member that this one never signed.
  case falseEndorsement(ParticipantIdentifier)
  /// Its share cannot be opened or does not fit its commitments; the complaint proves it to the others.
  case badShare(from: ParticipantIdentifier, complaint: CeremonyMessage)
  /// It complained, and the complaint is right: the culprit is another.
  case accused(ParticipantIdentifier, by: ParticipantIdentifier)
  /// It complained without ground.
  case falseComplaint(ParticipantIdentifier)
  /// It confirmed another transcript or another key than its messages come to.
  case confirmation(ParticipantIdentifier)

  /// The shares add up to no key: with honest members a chance of one in 2^252.
  case group(GroupKeyError)

  /// The member at fault, when one is.
  public var culprit: ParticipantIdentifier? {
    switch self {
    case .notMember, .identity, .ended, .incomplete, .otherCeremony, .unknownSender, .signature, .notForUs,
      .group:
      nil
    case .equivocation(let member), .malformed(let member, _), .commitment(let member, _),
      .proofOfKnowledge(let member), .falseEndorsement(let member), .badShare(let member, _),
      .accused(let member, _), .falseComplaint(let member), .confirmation(let member):
      member
    }
  }

  /// Whether the ceremony is over. A message of a stranger, or one that a stranger may have made, does not end it.
  public var isFatal: Bool {
    switch self {
    case .incomplete, .otherCeremony, .unknownSender, .signature, .notForUs: false
    case .notMember, .identity, .ended, .group: true
    case .equivocation, .malformed, .commitment, .proofOfKnowledge, .falseEndorsement, .badShare, .accused,
      .falseComplaint, .confirmation:
      true
    }
  }
}
