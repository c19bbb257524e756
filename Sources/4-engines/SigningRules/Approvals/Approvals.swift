private import Digests
public import SignatureSchemes
public import WireBytes

/// Why a step towards a change was not taken.
public enum ApprovalError: Error, Hashable, Sendable {
  /// The policy names no approvers, so nothing can be changed.
  case noApprovers
  case tooManyPending(max: Int)
  /// The same change is pending already, as this number.
  case alreadyPending(number: UInt64)
  /// Never proposed, cancelled, or done already.
  case notPending(number: UInt64)
  case expired(number: UInt64)
  case unknownApprover(Bytes32)
  case approvedAlready(Bytes32)
  case signature(Ed25519.VerificationError)
  case tooFewApprovals(given: Int, needed: Int)
  /// The delay runs until `effectiveFrom`.
  case delayed(effectiveFrom: UnixMilliseconds)
  /// A record names a number that cannot be next.
  case numberOrder(UInt64)
}

/// A change that waits, as shown to whoever may look.
public struct PendingProposal: Hashable, Sendable {
  public let proposal: Proposal
  public let identifier: Bytes32
  /// Who has approved, in the order of approval.
  public let approvals: [Bytes32]
  public let needed: Int
  /// When the delay ends; nil while approvals are missing.
  public let effectiveFrom: UnixMilliseconds?
  public let expires: UnixMilliseconds
  /// Whether it may take effect now.
  public let isReady: Bool
}

/// The changes that operators were asked to approve.
///
/// A change takes effect once, when as many approvers have signed as the policy in force wants, and the delay after the
/// last needed signature has passed, and the proposal has not expired. Signatures are over a digest that names the vault,
/// the policy in force and the proposal, so that none serves twice, or elsewhere. Pure: records are handed out to be kept.
///
/// - SeeAlso: docs/spec/signing-rules.md.
public struct Approvals: Sendable {
  public static let pendingMax = 64

  public let vaultID: Bytes32
  /// The policy in force, by its hash; the rules are its own.
  public private(set) var policy: Bytes32
  public private(set) var rules: ApproverRules
  private var nextNumber: UInt64 = 1
  private var waiting: [Waiting] = []

  private struct Approval {
    let approver: Bytes32
    let signature: Bytes64
    let at: UnixMilliseconds
  }

  private struct Waiting {
    let proposal: Proposal
    var approvals: [Approval] = []
  }

  public init(vaultID: Bytes32, policy: Bytes32, rules: ApproverRules) {
    self.vaultID = vaultID
    self.policy = policy
    self.rules = rules
  }

  // MARK: Digests

  static func opening(_ tag: String, _ vaultID: Bytes32) -> [UInt8] {
    var bytes: [UInt8] = [UInt8(truncatingIfNeeded: tag.utf8.count)]
    bytes += tag.utf8
    bytes.append(vaultID)
    return bytes
  }

  /// The 32 bytes that an approver signs to approve: SHA-256 of tag, vault and proposal.
  public static func approvalDigest(vaultID: Bytes32, identifier: Bytes32) -> Bytes32 {
    var bytes = opening("causeway/approval/v1", vaultID)
    bytes.append(identifier)
    return SHA256Hash.hash(bytes)
  }

  /// The 32 bytes that an approver signs to cancel.
  public static func cancelDigest(vaultID: Bytes32, identifier: Bytes32) -> Bytes32 {
    var bytes = opening("causeway/cancel/v1", vaultID)
    bytes.append(identifier)
    return SHA256Hash.hash(bytes)
  }

  // MARK: Steps

  /// Puts a change on the list. Changes that have expired leave it.
  ///
  /// - Throws: ``ApprovalError``.
  public mutating func propose(
    _ change: ProposedChange, by proposer: ClientName, at now: UnixMilliseconds
  ) throws(ApprovalError) -> (proposal: Proposal, records: [ApprovalRecord]) {
    guard !rules.keys.isEmpty else { throw .noApprovers }
    var records = dropExpired(at: now)
    if let same = waiting.first(where: { $0.proposal.change == change }) {
      throw .alreadyPending(number: same.proposal.number)
    }
    guard waiting.count < Self.pendingMax, nextNumber < .max else {
      throw .tooManyPending(max: Self.pendingMax)
    }
    let proposal = Proposal(
      number: nextNumber, policy: policy, change: change, proposer: proposer, proposedAt: now)
    nextNumber += 1
    waiting.append(Waiting(proposal: proposal))
    records.append(.proposed(proposal))
    return (proposal, records)
  }

  /// Counts one approver's signature.
  ///
  /// - Throws: ``ApprovalError``.
  public mutating func approve(
    _ number: UInt64, approver: Bytes32, signature: Bytes64, at now: UnixMilliseconds
  ) throws(ApprovalError) -> [ApprovalRecord] {
    let index = try index(number, at: now)
    try check(approver, signature, Self.approvalDigest(vaultID: vaultID, identifier: identifier(index)))
    guard !waiting[index].approvals.contains(where: { $0.approver == approver }) else {
      throw .approvedAlready(approver)
    }
    waiting[index].approvals.append(Approval(approver: approver, signature: signature, at: now))
    return [.approved(number: number, approver: approver, signature: signature, at: now)]
  }

  /// Takes a change off the list: one approver is enough to stop it.
  ///
  /// - Throws: ``ApprovalError``.
  public mutating func cancel(
    _ number: UInt64, approver: Bytes32, signature: Bytes64, at now: UnixMilliseconds
  ) throws(ApprovalError) -> [ApprovalRecord] {
    let index = try index(number, at: now)
    try check(approver, signature, Self.cancelDigest(vaultID: vaultID, identifier: identifier(index)))
    waiting.remove(at: index)
    return [.cancelled(number: number)]
  }

  /// Hands out a change that may take effect, once; its record is kept before it does.
  ///
  /// - Throws: ``ApprovalError``.
  public mutating func execute(
    _ number: UInt64, at now: UnixMilliseconds
  ) throws(ApprovalError) -> (change: ProposedChange, records: [ApprovalRecord]) {
    let index = try index(number, at: now)
    guard let effectiveFrom = effectiveFrom(waiting[index]) else {
      throw .tooFewApprovals(given: waiting[index].approvals.count, needed: rules.threshold)
    }
    guard now >= effectiveFrom else { throw .delayed(effectiveFrom: effectiveFrom) }
    let change = waiting.remove(at: index).proposal.change
    return (change, [.executed(number: number)])
  }

  /// Puts the rules of another policy in force. What was proposed under the old one is dropped: approvers saw that one.
  public mutating func adopt(_ rules: ApproverRules, policy: Bytes32) -> [ApprovalRecord] {
    guard rules != self.rules || policy != self.policy else { return [] }
    self.rules = rules
    self.policy = policy
    let records = waiting.map { ApprovalRecord.cancelled(number: $0.proposal.number) }
    waiting = []
    return records
  }

  /// The policy has become another by a change that was approved itself and left its approvers as they are, such as what a
  /// rotation grants the successor. What waits goes on waiting.
  public mutating func extend(to policy: Bytes32) { self.policy = policy }

  /// All that waits and has not expired, oldest first.
  public func pending(at now: UnixMilliseconds) -> [PendingProposal] {
    waiting.filter { now < expiry($0) }.map { entry in
      let effectiveFrom = effectiveFrom(entry)
      return PendingProposal(
        proposal: entry.proposal, identifier: entry.proposal.identifier(vaultID: vaultID),
        approvals: valid(entry).map(\.approver), needed: rules.threshold, effectiveFrom: effectiveFrom,
        expires: expiry(entry), isReady: effectiveFrom.map { now >= $0 } ?? false)
    }
  }

  private func identifier(_ index: Int) -> Bytes32 { waiting[index].proposal.identifier(vaultID: vaultID) }

  private func expiry(_ entry: Waiting) -> UnixMilliseconds {
    entry.proposal.proposedAt.adding(seconds: rules.expirySeconds)
  }

  /// When the delay after the last needed approval ends. The latest of the needed times counts, so that a clock that
  /// went back shortens nothing.
  private func effectiveFrom(_ entry: Waiting) -> UnixMilliseconds? {
    let valid = valid(entry)
    guard rules.threshold > 0, valid.count >= rules.threshold else { return nil }
    let last = valid.prefix(rules.threshold).map(\.at).max()
    return last.map { max($0, entry.proposal.proposedAt).adding(seconds: rules.delaySeconds) }
  }

  /// Approvals of those who are approvers now.
  private func valid(_ entry: Waiting) -> [Approval] {
    entry.approvals.filter { rules.keys.contains($0.approver) }
  }

  private func index(_ number: UInt64, at now: UnixMilliseconds) throws(ApprovalError) -> Int {
    guard let index = waiting.firstIndex(where: { $0.proposal.number == number }) else {
      throw .notPending(number: number)
    }
    guard now < expiry(waiting[index]) else { throw .expired(number: number) }
    return index
  }

  private func check(_ approver: Bytes32, _ signature: Bytes64, _ digest: Bytes32) throws(ApprovalError) {
    guard rules.keys.contains(approver) else { throw .unknownApprover(approver) }
    try verify(approver, signature, digest)
  }

  private func verify(_ approver: Bytes32, _ signature: Bytes64, _ digest: Bytes32) throws(ApprovalError) {
    do {
      try Ed25519.verify(digest.span, signature: signature, key: approver, rule: .rfc8032Strict)
    } catch { throw .signature(error) }
  }

  private mutating func dropExpired(at now: UnixMilliseconds) -> [ApprovalRecord] {
    let gone = waiting.filter { now >= expiry($0) }
    waiting = waiting.filter { now < expiry($0) }
    return gone.map { .cancelled(number: $0.proposal.number) }
  }

  // MARK: Records

  /// Takes back what was kept, in the order of writing. Signatures are verified again.
  ///
  /// - Throws: ``ApprovalError``; the record has then changed nothing.
  public mutating func restore(_ record: ApprovalRecord) throws(ApprovalError) {
    switch record {
    case .nextNumber(let number):
      guard number >= nextNumber else { throw .numberOrder(number) }
      nextNumber = number
    case .proposed(let proposal):
      guard proposal.number >= nextNumber, proposal.number < .max else {
        throw .numberOrder(proposal.number)
      }
      guard waiting.count < Self.pendingMax else { throw .tooManyPending(max: Self.pendingMax) }
      nextNumber = proposal.number + 1
      waiting.append(Waiting(proposal: proposal))
    case .approved(let number, let approver, let signature, let at):
      guard let index = waiting.firstIndex(where: { $0.proposal.number == number }) else {
        throw .notPending(number: number)
      }
      // Whoever approved under earlier rules may be no approver any more: that is asked when approvals are counted.
      try verify(approver, signature, Self.approvalDigest(vaultID: vaultID, identifier: identifier(index)))
      guard !waiting[index].approvals.contains(where: { $0.approver == approver }) else {
        throw .approvedAlready(approver)
      }
      waiting[index].approvals.append(Approval(approver: approver, signature: signature, at: at))
    case .cancelled(let number), .executed(let number):
      guard let index = waiting.firstIndex(where: { $0.proposal.number == number }) else {
        throw .notPending(number: number)
      }
      waiting.remove(at: index)
    }
  }

  /// What waits, and the next number: restoring it gives the same list.
  public func snapshot() -> [ApprovalRecord] {
    var records: [ApprovalRecord] = []
    for entry in waiting {
      records.append(.proposed(entry.proposal))
      records += entry.approvals.map {
        .approved(number: entry.proposal.number, approver: $0.approver, signature: $0.signature, at: $0.at)
      }
    }
    records.append(.nextNumber(nextNumber))
    return records
  }
}
