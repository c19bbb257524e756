import Digests
import Gate
import MerkleProofs
public import Messages
public import WireBytes

/// A claim that was verified in this transaction, so that its signatures are checked once for many packets.
public struct VerifiedEvidence: Hashable, Sendable {
  /// Which client, and the SHA-256 of the evidence's encoding.
  struct Reference: Hashable {
    let client: ClientID
    let hash: Bytes32
  }

  let claim: Claim
  let expires: UnixTime?
}

/// The proof bytes of a packet message.
public enum PacketProof: Hashable, Sendable {
  /// Evidence that an update of the same transaction carried: its SHA-256.
  case reference(Bytes32)
  /// Evidence of its own, which updates the client.
  case evidence([UInt8])
  /// An IBC `MerkleProof` under a root that the client knows.
  case merkle([UInt8])

  /// The encoding: `1 ‖ hash`, `2 ‖ evidence`, or the `MerkleProof` itself, whose first byte is 10.
  public func encoded() -> [UInt8] {
    switch self {
    case .reference(let hash): [1] + hash.array
    case .evidence(let bytes): [2] + bytes
    case .merkle(let bytes): bytes
    }
  }
}

extension HostClients {
  /// Proves what the counterparty stores, or does not store, at `height`.
  ///
  /// - Returns: the other domain's own time at that height.
  public func verify(
    _ question: ProofQuestion, of counterparty: Counterparty, client id: ClientID, proof: [UInt8],
    at height: Height, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> UnixTime {
    var record = try active(id, in: &context)
    guard let tag = proof.first else { throw .failure(.proofEmpty) }
    switch tag {
    case 1:
      guard let hash = try? Bytes32([UInt8](proof.dropFirst())) else {
        throw .failure(.proofReference(length: proof.count))
      }
      return try verify(
        question, of: counterparty, client: id, reference: hash, at: height, in: &context)
    case 2:
      let bytes = [UInt8](proof.dropFirst())
      let evidence: Evidence
      do { evidence = try Evidence(protobuf: bytes.span) } catch { throw .failure(.evidence(error)) }
      // Freezing here would be undone with the message that is refused: the same evidence freezes as an
      // update.
      if case .frozen(let height) = try take(evidence, bytes: bytes, of: id, record: &record, in: &context) {
        throw .failure(.conflict(height))
      }
      return try verify(
        question, of: counterparty, client: id, reference: SHA256Hash.hash(bytes), at: height, in: &context)
    default:
      guard let state = try consensusRecord(of: id, height, in: &context) else {
        throw .failure(.heightUnknown(height))
      }
      let expires =
        state.expires ?? record.trustingPeriodSeconds.map { state.time.adding(seconds: $0) }
      if let expires, expires <= context.moment.time { throw .failure(.heightExpired(height, at: expires)) }
      guard let root = state.root else { throw .failure(.rootUnknown(height)) }
      guard let merkle = try? ICS23.MerkleProof(decoding: proof.span) else {
        throw .failure(.proof(ICS23DecodingRefusal(size: proof.count)))
      }
      let claim = Claim.state(
        StateClaim(domain: record.domain, height: height, root: root, timestamp: state.time))
      try prove(question, in: claim, of: counterparty, store: record.store, merkle: merkle)
      return state.time
    }
  }

  /// By a claim that was verified in this transaction.
  private func verify(
    _ question: ProofQuestion, of counterparty: Counterparty, client id: ClientID, reference hash: Bytes32,
    at height: Height, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> UnixTime {
    guard let verified = context.verifiedEvidence[VerifiedEvidence.Reference(client: id, hash: hash)] else {
      throw .failure(.evidenceUnknown(hash))
    }
    guard verified.claim.height == height else {
      throw .failure(.heightMismatch(expected: height, actual: verified.claim.height ?? Height(0)))
    }
    if let expires = verified.expires, expires <= context.moment.time {
      throw .failure(.heightExpired(height, at: expires))
    }
    var time = verified.claim.timestamp
    if time == nil { time = try consensusRecord(of: id, height, in: &context)?.time }
    guard let time else { throw .failure(.timeUnknown(height)) }
    try prove(question, in: verified.claim, of: counterparty, store: nil, merkle: nil)
    return time
  }

  /// The mathematics: does the claim contain the answer?
  private func prove(
    _ question: ProofQuestion, in claim: Claim, of counterparty: Counterparty, store: ClientRecord.Store?,
    merkle: ICS23.MerkleProof?
  ) throws(AttemptFailure<ClientRefusal>) {
    let host: HostStore =
      switch store {
      case .sparseMerkleTree: .sparseMerkleTree(prefix: counterparty.prefix.last ?? [])
      case .cosmos: .cosmos(prefix: counterparty.prefix)
      // Attesters list paths of the host's own store.
      case nil: .listed(prefix: counterparty.prefix.last ?? [])
      }
    let proof: MembershipProof = merkle.map { .ics23($0) } ?? .listed
    do throws(MembershipError) {
      switch question {
      case .member(let path, let value):
        _ = try Membership.prove(path, holds: value.array, in: claim, store: host, by: proof)
      case .absent(let path): _ = try Membership.proveAbsence(of: path, in: claim, store: host, by: proof)
      }
    } catch { throw .failure(.membership(error)) }
  }
}
