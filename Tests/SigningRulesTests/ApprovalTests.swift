import Encodings
import SignatureSchemes
import SigningRules
import Testing
import WireBytes

@Suite("Approvals")
struct ApprovalTests {
  let json: JSONValue
  let vault: Bytes32
  let keys: [Bytes32]
  let change = ProposedChange.unlock(key: Asked.key)

  init() throws {
    json = try #require(try RulesVectors().json["approvals"])
    vault = try RulesVectors.word(json["vault"])
    keys = try #require(json["approvers"]?.array).map { try RulesVectors.word($0["key"]) }
  }

  private static func at(_ seconds: UInt64) -> UnixMilliseconds { Asked.now.adding(seconds: seconds) }

  private func signature(_ approver: Int, _ name: String = "approval") throws -> Bytes64 {
    try Bytes64(try RulesVectors.hex(json["approvers"]?[approver]?[name]))
  }

  private func rules(
    threshold: Int = 2, count: Int = 3, delay: UInt64 = 3_600, expiry: UInt64 = 86_400
  ) throws -> ApproverRules {
    try ApproverRules(
      threshold: threshold, keys: [Bytes32](keys.prefix(count)), delaySeconds: delay, expirySeconds: expiry)
  }

  /// With the change of the vectors proposed as number 1.
  private func proposed(_ rules: ApproverRules? = nil) throws -> Approvals {
    var approvals = Approvals(vaultID: vault, rules: try rules ?? self.rules())
    let (proposal, records) = try approvals.propose(change, by: try ClientName("admin-0"), at: Asked.now)
    #expect(proposal.number == 1)
    #expect(records == [.proposed(proposal)])
    return approvals
  }

  @Test("are over digests that name vault and proposal")
  func digests() throws {
    let proposal = Proposal(
      number: 1, change: change, proposer: try ClientName("admin-0"), proposedAt: Asked.now)
    let identifier = proposal.identifier(vaultID: vault)
    #expect(identifier == (try RulesVectors.word(json["identifier"])))
    #expect(
      Approvals.approvalDigest(vaultID: vault, identifier: identifier)
        == (try RulesVectors.word(json["approvalDigest"])))
    #expect(
      Approvals.cancelDigest(vaultID: vault, identifier: identifier)
        == (try RulesVectors.word(json["cancelDigest"])))
    #expect(proposal.identifier(vaultID: Asked.root) != identifier)
  }

  @Test("let a change take effect once, with enough of them and after the delay")
  func execution() throws {
    var approvals = try proposed()
    #expect(throws: ApprovalError.tooFewApprovals(given: 0, needed: 2)) {
      try approvals.execute(1, at: Asked.now)
    }
    _ = try approvals.approve(1, approver: keys[0], signature: try signature(0), at: Self.at(10))
    #expect(throws: ApprovalError.tooFewApprovals(given: 1, needed: 2)) {
      try approvals.execute(1, at: Self.at(80_000))
    }
    #expect(approvals.pending(at: Self.at(10)).first?.effectiveFrom == nil)
    _ = try approvals.approve(1, approver: keys[2], signature: try signature(2), at: Self.at(20))
    let pending = try #require(approvals.pending(at: Self.at(20)).first)
    #expect(pending.approvals == [keys[0], keys[2]])
    #expect(pending.needed == 2)
    #expect(pending.effectiveFrom == Self.at(3_620))
    #expect(pending.expires == Self.at(86_400))
    #expect(!pending.isReady)
    #expect(throws: ApprovalError.delayed(effectiveFrom: Self.at(3_620))) {
      try approvals.execute(1, at: Self.at(3_619))
    }
    // A third approval neither shortens nor lengthens the delay.
    _ = try approvals.approve(1, approver: keys[1], signature: try signature(1), at: Self.at(3_000))
    #expect(approvals.pending(at: Self.at(3_620)).first?.isReady == true)
    let (done, records) = try approvals.execute(1, at: Self.at(3_620))
    #expect(done == change)
    #expect(records == [.executed(number: 1)])
    #expect(throws: ApprovalError.notPending(number: 1)) { try approvals.execute(1, at: Self.at(3_621)) }
    #expect(approvals.pending(at: Self.at(3_621)).isEmpty)
    // The signatures are for number 1 at its time: they do not approve the same change again.
    let (again, _) = try approvals.propose(change, by: try ClientName("admin-0"), at: Asked.now)
    #expect(again.number == 2)
    #expect(throws: ApprovalError.signature(.mismatch)) {
      try approvals.approve(2, approver: keys[0], signature: try signature(0), at: Self.at(3_700))
    }
  }

  @Test("are refused from strangers, twice, over something else, and too late")
  func refusals() throws {
    var approvals = try proposed()
    let stranger = try RulesVectors.word(json["stranger"]?["key"])
    let strange = try Bytes64(try RulesVectors.hex(json["stranger"]?["approval"]))
    #expect(throws: ApprovalError.unknownApprover(stranger)) {
      try approvals.approve(1, approver: stranger, signature: strange, at: Asked.now)
    }
    #expect(throws: ApprovalError.signature(.mismatch)) {
      try approvals.approve(1, approver: keys[0], signature: strange, at: Asked.now)
    }
    #expect(throws: ApprovalError.signature(.mismatch)) {
      try approvals.approve(1, approver: keys[0], signature: try signature(0, "other"), at: Asked.now)
    }
    #expect(throws: ApprovalError.signature(.mismatch)) {
      try approvals.approve(1, approver: keys[0], signature: try signature(0, "cancel"), at: Asked.now)
    }
    #expect(throws: ApprovalError.notPending(number: 2)) {
      try approvals.approve(2, approver: keys[0], signature: try signature(0), at: Asked.now)
    }
    _ = try approvals.approve(1, approver: keys[0], signature: try signature(0), at: Asked.now)
    #expect(throws: ApprovalError.approvedAlready(keys[0])) {
      try approvals.approve(1, approver: keys[0], signature: try signature(0), at: Asked.now)
    }
    #expect(throws: ApprovalError.expired(number: 1)) {
      try approvals.approve(1, approver: keys[1], signature: try signature(1), at: Self.at(86_400))
    }
    #expect(throws: ApprovalError.expired(number: 1)) { try approvals.execute(1, at: Self.at(86_400)) }
    #expect(approvals.pending(at: Self.at(86_400)).isEmpty)
    // Another vault's proposal has another name.
    var other = Approvals(vaultID: Asked.root, rules: try rules())
    _ = try other.propose(change, by: try ClientName("admin-0"), at: Asked.now)
    #expect(throws: ApprovalError.signature(.mismatch)) {
      try other.approve(1, approver: keys[0], signature: try signature(0), at: Asked.now)
    }
  }

  @Test("are not needed to stop a change: one approver cancels it")
  func cancelling() throws {
    var approvals = try proposed()
    #expect(throws: ApprovalError.signature(.mismatch)) {
      try approvals.cancel(1, approver: keys[1], signature: try signature(1), at: Asked.now)
    }
    #expect(
      try approvals.cancel(1, approver: keys[1], signature: try signature(1, "cancel"), at: Asked.now)
        == [.cancelled(number: 1)])
    #expect(throws: ApprovalError.notPending(number: 1)) { try approvals.execute(1, at: Asked.now) }
  }

  @Test("bound the list, and refuse a change that waits already or without approvers")
  func bounds() throws {
    var nobody = Approvals(vaultID: vault, rules: .none)
    let proposer = try ClientName("admin-0")
    #expect(throws: ApprovalError.noApprovers) {
      _ = try nobody.propose(change, by: proposer, at: Asked.now)
    }
    var approvals = try proposed()
    #expect(throws: ApprovalError.alreadyPending(number: 1)) {
      _ = try approvals.propose(change, by: proposer, at: Asked.now)
    }
    for number in 2...Approvals.pendingMax {
      _ = try approvals.propose(.destroy(key: KeyID(Asked.hash("\(number)"))), by: proposer, at: Asked.now)
    }
    #expect(throws: ApprovalError.tooManyPending(max: 64)) {
      _ = try approvals.propose(.destroy(key: Asked.key), by: proposer, at: Asked.now)
    }
    // What has expired makes room.
    let (_, records) = try approvals.propose(change, by: proposer, at: Self.at(86_400))
    #expect(records.count == 65)
    #expect(approvals.pending(at: Self.at(86_400)).count == 1)
  }

  @Test("are dropped with the rules under which they were given")
  func otherRules() throws {
    var approvals = try proposed()
    #expect(approvals.adopt(try rules()).isEmpty)
    #expect(approvals.adopt(try rules(threshold: 1, count: 2)) == [.cancelled(number: 1)])
    #expect(approvals.pending(at: Asked.now).isEmpty)
  }

  @Test("are restored from records and from a snapshot, and verified again")
  func restoring() throws {
    var approvals = try proposed()
    var records: [ApprovalRecord] = approvals.snapshot().filter {
      if case .proposed = $0 { true } else { false }
    }
    records += try approvals.approve(1, approver: keys[0], signature: try signature(0), at: Self.at(10))
    records += try approvals.approve(1, approver: keys[1], signature: try signature(1), at: Self.at(20))
    for list in [records, approvals.snapshot()] {
      var restored = Approvals(vaultID: vault, rules: try rules())
      for record in list { try restored.restore(try ApprovalRecord(decoding: record.encoded())) }
      #expect(restored.pending(at: Self.at(30)) == approvals.pending(at: Self.at(30)))
      #expect(try restored.execute(1, at: Self.at(3_620)).change == change)
      // A number is used once, also when its proposal is gone.
      #expect(throws: ApprovalError.numberOrder(1)) { try restored.restore(records[0]) }
      #expect(throws: ApprovalError.notPending(number: 1)) { try restored.restore(.executed(number: 1)) }
      #expect(throws: ApprovalError.numberOrder(1)) { try restored.restore(.nextNumber(1)) }
    }
    // Under other rules only those who are approvers now count.
    var fewer = Approvals(vaultID: vault, rules: try rules(threshold: 1, count: 1))
    for record in records { try fewer.restore(record) }
    #expect(fewer.pending(at: Self.at(30)).first?.approvals == [keys[0]])
    var forged = Approvals(vaultID: vault, rules: try rules())
    try forged.restore(records[0])
    #expect(throws: ApprovalError.signature(.mismatch)) {
      try forged.restore(.approved(number: 1, approver: keys[1], signature: try signature(0), at: Asked.now))
    }
  }

  @Test("have one encoding for each change and record")
  func encodings() throws {
    let changes: [ProposedChange] = [
      .policy(contentHash: Asked.root), .rotate(key: Asked.key),
      .export(key: Asked.key, sealedTo: Asked.root), .destroy(key: Asked.key), .revoke(key: Asked.key),
      .unlock(key: Asked.key), .adoptAnchor(epoch: 1, sequence: 2, chainHash: Asked.root),
      .importWatermarks(contentHash: Asked.root), .recover(contentHash: Asked.root),
    ]
    #expect(changes.map(\.byte) == [1, 2, 3, 4, 5, 6, 7, 8, 9])
    #expect(Set(changes.map(\.name)).count == 9)
    for change in changes {
      let proposal = Proposal(
        number: 3, change: change, proposer: try ClientName("a"), proposedAt: UnixMilliseconds(5))
      let bytes = ApprovalRecord.proposed(proposal).encoded()
      #expect(try ApprovalRecord(decoding: bytes) == .proposed(proposal))
      for count in bytes.indices {
        #expect(throws: ApprovalRecordError.self) {
          try ApprovalRecord(decoding: [UInt8](bytes.prefix(count)))
        }
      }
      #expect(throws: ApprovalRecordError.self) { try ApprovalRecord(decoding: bytes + [0]) }
    }
    #expect(throws: ApprovalRecordError.change(10)) { try ProposedChange(decoding: [10]) }
    #expect(throws: ApprovalRecordError.version(2)) { try ApprovalRecord(decoding: [2]) }
    #expect(throws: ApprovalRecordError.kind(6)) {
      try ApprovalRecord(decoding: [1, 6] + [UInt8](repeating: 0, count: 8))
    }
    #expect(throws: ApprovalRecordError.wire(.trailingBytes(offset: 10, count: 1))) {
      try ApprovalRecord(decoding: [1, 5] + [UInt8](repeating: 0, count: 9))
    }
  }
}
