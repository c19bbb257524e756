public import WireBytes

/// Gathers commitments and then shares for one signature, and names those who spoil it.
///
/// It holds no secret and decides nothing about the message: each signer builds that for itself.
public struct SigningCoordinator: Sendable {
  private enum Phase: Sendable {
    case gathering([NonceCommitment])
    case signing(SigningSession, [SignatureShare])
    case finished(Bytes64)
    case failed(SigningError)
  }

  public let message: [UInt8]
  public let group: GroupPublicKey
  private var phase = Phase.gathering([])

  public init(message: [UInt8], group: GroupPublicKey) {
    self.message = message
    self.group = group
  }

  /// What signers are sent for round two; nil until ``begin()``.
  public var commitments: [NonceCommitment]? {
    if case .signing(let session, _) = phase { session.commitments } else { nil }
  }

  /// The signature once it is there.
  public var signature: Bytes64? {
    if case .finished(let signature) = phase { signature } else { nil }
  }

  /// Takes a commitment of round one. One that comes too late is left out.
  ///
  /// - Throws: ``SigningError/unknownParticipant(_:)``, ``SigningError/duplicateParticipant(_:)``; the coordinator goes on.
  public mutating func receive(_ commitment: NonceCommitment) throws(SigningError) {
    guard case .gathering(var list) = phase else { return }
    guard group.share(of: commitment.identifier) != nil else {
      throw .unknownParticipant(commitment.identifier)
    }
    guard !list.contains(where: { $0.identifier == commitment.identifier }) else {
      throw .duplicateParticipant(commitment.identifier)
    }
    list.append(commitment)
    phase = .gathering(list)
  }

  /// Closes round one with those who have answered, and gives the list to send to each of them.
  ///
  /// - Throws: ``SigningError``; with ``SigningError/tooFew(_:threshold:)`` more may still come.
  public mutating func begin() throws(SigningError) -> [NonceCommitment] {
    switch phase {
    case .gathering(let list):
      let session = try SigningSession(message: message, commitments: list, group: group)
      phase = .signing(session, [])
      return session.commitments
    case .signing(let session, _): return session.commitments
    case .finished: return []
    case .failed(let error): throw error
    }
  }

  /// Takes a share of round two; gives the signature when it was the last one missing.
  ///
  /// - Throws: ``SigningError/badShares(_:)``, after which the ceremony is over and those named are to be left out of the
  ///   next; for other errors the coordinator goes on.
  public mutating func receive(_ share: SignatureShare) throws(SigningError) -> Bytes64? {
    switch phase {
    case .gathering: throw .unexpectedShare(share.identifier)
    case .finished(let signature): return signature
    case .failed(let error): throw error
    case .signing(let session, var shares):
      guard session.commitments.contains(where: { $0.identifier == share.identifier }) else {
        throw .unexpectedShare(share.identifier)
      }
      guard !shares.contains(where: { $0.identifier == share.identifier }) else {
        throw .duplicateParticipant(share.identifier)
      }
      shares.append(share)
      guard shares.count == session.commitments.count else {
        phase = .signing(session, shares)
        return nil
      }
      do {
        let signature = try session.aggregate(shares)
        phase = .finished(signature)
        return signature
      } catch {
        phase = .failed(error)
        throw error
      }
    }
  }
}
