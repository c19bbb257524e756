import Digests
import Gate
import MerkleProofs
public import Messages
import WireBytes

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

extension HostClients {
  /// Proves what the counterparty stores, or does not store, at `height`.
  ///
  /// - Returns: the other domain's own time at that height.
  public func verify(
    _ question: ProofQuestion, of counterparty: Counterparty, client id: ClientID, proof: [UInt8],
    at height: Height, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> UnixTime {
    var record = try active(id, in: &context)
    let form: PacketProof
    do { form = try PacketProof(decoding: proof.span) } catch { throw .failure(error) }
    switch form {
    case .reference(let hash):
      return try verify(
        question, of: counterparty, client: id, reference: hash, at: height, in: &context)
    case .evidence(let bytes):
      let evidence: Evidence
      do { evidence = try Evidence(protobuf: bytes.span) } catch { throw .failure(.evidence(error)) }
      // Freezing here would be undone with the message that is refused: the same evidence freezes as an
      // update.
      if case .frozen(let height) = try take(evidence, bytes: bytes, of: id, record: &record, in: &context) {
        throw .failure(.conflict(height))
      }
      return try verify(
        question, of: counterparty, client: id, reference: SHA256Hash.hash(bytes), at: height, in: &context)
    case .merkle(let bytes):
      let (claim, time) = try provenState(of: id, record, at: height, in: &context)
      let store: HostStore
      switch record.store {
      case .sparseMerkleTree: store = .sparseMerkleTree(prefix: counterparty.prefix.last ?? [])
      case .cosmos: store = .cosmos(prefix: counterparty.prefix)
      case .evm: throw .failure(.proofOfOtherStore)
      }
      guard let merkle = try? ICS23.MerkleProof(decoding: bytes.span) else {
        throw .failure(.proof(ICS23DecodingRefusal(size: proof.count)))
      }
      try prove(question, in: claim, store: store, by: .ics23(merkle))
      return time
    case .evmStorage(let account, let storage):
      let (claim, time) = try provenState(of: id, record, at: height, in: &context)
      guard case .evm(let router) = record.store else { throw .failure(.proofOfOtherStore) }
      let gas = EVMStorageProof(account: account, storage: storage).verificationGas
      try halting { () throws(ExecutionHalt) in try context.charge(gas) }
      try prove(
        question, in: claim, store: .evm(router: router), by: .evmStorage(account: account, storage: storage))
      return time
    }
  }

  /// The state at `height` as a claim, while it may be used, and the other domain's time there.
  private func provenState(
    of id: ClientID, _ record: ClientRecord, at height: Height, in context: inout HostContext
  ) throws(AttemptFailure<ClientRefusal>) -> (claim: Claim, time: UnixTime) {
    guard let state = try consensusRecord(of: id, height, in: &context) else {
      throw .failure(.heightUnknown(height))
    }
    let expires =
      state.expires ?? record.trustingPeriodSeconds.map { state.time.adding(seconds: $0) }
    if let expires, expires <= context.moment.time { throw .failure(.heightExpired(height, at: expires)) }
    guard let root = state.root else { throw .failure(.rootUnknown(height)) }
    let claim = StateClaim(domain: record.domain, height: height, root: root, timestamp: state.time)
    return (.state(claim), state.time)
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
    // Attesters list paths of the host's own store.
    try prove(
      question, in: verified.claim, store: .listed(prefix: counterparty.prefix.last ?? []), by: .listed)
    return time
  }

  /// The mathematics: does the claim contain the answer?
  private func prove(
    _ question: ProofQuestion, in claim: Claim, store: HostStore, by proof: MembershipProof
  ) throws(AttemptFailure<ClientRefusal>) {
    do throws(MembershipError) {
      switch question {
      case .member(let path, let value):
        _ = try Membership.prove(path, holds: value.array, in: claim, store: store, by: proof)
      case .absent(let path): _ = try Membership.proveAbsence(of: path, in: claim, store: store, by: proof)
      }
    } catch { throw .failure(.membership(error)) }
  }
}
