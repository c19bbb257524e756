import Encodings
import SignatureSchemes
import SigningRules
import Testing
import WireBytes

@Suite("Approvals")
struct ApprovalTests {
  let json: JSONValue
  let vault: Bytes32
  let policy: Bytes32
  let keys: [Bytes32]
  let change = ProposedChange.unlock(key: Asked.key)

  init() throws {
    json = try #require(try RulesVectors().json["approvals"])
    vault = try RulesVectors.word(json["vault"])
    policy = try RulesVectors.word(json["policy"])
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
    var approvals = Approvals(vaultID: vault, policy: policy, rules: try rules ?? self.rules())
    let (proposal, records) = try approvals.propose(change, by: try ClientName("admin-0"), at: Asked.now)
    #expect(proposal.number == 1)
    #expect(records == [.proposed(proposal)])
    return approvals
  }

  @Test("are over digests that name vault and proposal")
  func digests() throws {
    let proposal = Proposal(
      number: 1, policy: policy, change: change, proposer: try ClientName("admin-0"), proposedAt: Asked.now)
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

  @Test("bind every field: what is signed for one value approves no other")
  func fields() throws {
    let cases = try #require(json["cases"]?.array)
    #expect(cases.count == 16)
    var identifiers: Set<Bytes32> = []
    for (index, entry) in cases.enumerated() {
      let change = try ProposedChange(decoding: try RulesVectors.hex(entry["change"]))
      #expect(change.name == entry["name"]?.string)
      let proposal = Proposal(
        number: try #require(entry["number"]?.integer(UInt64.self)),
        policy: try RulesVectors.word(entry["policy"]), change: change,
        proposer: try ClientName(try #require(entry["proposer"]?.string)),
        proposedAt: UnixMilliseconds(try #require(entry["at"]?.integer(UInt64.self))))
      let vault = try RulesVectors.word(entry["vault"])
      let identifier = proposal.identifier(vaultID: vault)
      #expect(identifier == (try RulesVectors.word(entry["identifier"])), "\(index)")
      identifiers.insert(identifier)
    }
    #expect(identifiers.count == cases.count)
  }

  @Test("given for one overlap of a rotation do not approve another")
  func overlap() throws {
    let rotation = try #require(json["rotation"])
    let signature = try Bytes64(try RulesVectors.hex(rotation["approval"]))
    func approvals(overlapSeconds: UInt64) throws -> Approvals {
      var approvals = Approvals(vaultID: vault, policy: policy, rules: try rules())
      _ = try approvals.propose(
        .rotate(key: Asked.key, overlapSeconds: overlapSeconds), by: try ClientName("admin-0"),
        at: Asked.now)
      return approvals
    }
    var asked = try approvals(overlapSeconds: 3_600)
    _ = try asked.approve(1, approver: keys[0], signature: signature, at: Asked.now)
    for other: UInt64 in [0, 3_599, 3_601, .max] {
      var longer = try approvals(overlapSeconds: other)
      #expect(throws: ApprovalError.signature(.mismatch)) {
        try longer.approve(1, approver: keys[0], signature: signature, at: Asked.now)
      }
    }
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
    var other = Approvals(vaultID: Asked.root, policy: policy, rules: try rules())
    _ = try other.propose(change, by: try ClientName("admin-0"), at: Asked.now)
    #expect(throws: ApprovalError.signature(.mismatch)) {
      try other.approve(1, approver: keys[0], signature: try signature(0), at: Asked.now)
    }
    // And so has one that was made under another policy, with the same approvers.
    var under = Approvals(vaultID: vault, policy: Asked.root, rules: try rules())
    _ = try under.propose(change, by: try ClientName("admin-0"), at: Asked.now)
    #expect(throws: ApprovalError.signature(.mismatch)) {
      try under.approve(1, approver: keys[0], signature: try signature(0), at: Asked.now)
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
    var nobody = Approvals(vaultID: vault, policy: policy, rules: .none)
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
    #expect(approvals.adopt(try rules(), policy: policy).isEmpty)
    #expect(
      approvals.adopt(try rules(threshold: 1, count: 2), policy: policy) == [.cancelled(number: 1)])
    #expect(approvals.pending(at: Asked.now).isEmpty)
    // Another policy with the same approvers is not the one under which they looked at the change.
    var same = try proposed()
    #expect(same.adopt(try rules(), policy: Asked.root) == [.cancelled(number: 1)])
    // A rotation that was approved itself extends the policy, and drops nothing; what comes next names the new one.
    var extended = try proposed()
    extended.extend(to: Asked.root)
    #expect(extended.adopt(try rules(), policy: Asked.root).isEmpty)
    #expect(extended.pending(at: Asked.now).map(\.proposal.policy) == [policy])
    _ = try extended.approve(1, approver: keys[0], signature: try signature(0), at: Asked.now)
    let (next, _) = try extended.propose(
      .destroy(key: Asked.key), by: try ClientName("admin-0"), at: Asked.now)
    #expect(next.policy == Asked.root)
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
      var restored = Approvals(vaultID: vault, policy: policy, rules: try rules())
      for record in list { try restored.restore(try ApprovalRecord(decoding: record.encoded())) }
      #expect(restored.pending(at: Self.at(30)) == approvals.pending(at: Self.at(30)))
      #expect(try restored.execute(1, at: Self.at(3_620)).change == change)
      // A number is used once, also when its proposal is gone.
      #expect(throws: ApprovalError.numberOrder(1)) { try restored.restore(records[0]) }
      #expect(throws: ApprovalError.notPending(number: 1)) { try restored.restore(.executed(number: 1)) }
      #expect(throws: ApprovalError.numberOrder(1)) { try restored.restore(.nextNumber(1)) }
    }
    // Under other rules only those who are approvers now count.
    var fewer = Approvals(vaultID: vault, policy: policy, rules: try rules(threshold: 1, count: 1))
    for record in records { try fewer.restore(record) }
    #expect(fewer.pending(at: Self.at(30)).first?.approvals == [keys[0]])
    var forged = Approvals(vaultID: vault, policy: policy, rules: try rules())
    try forged.restore(records[0])
    #expect(throws: ApprovalError.signature(.mismatch)) {
      try forged.restore(.approved(number: 1, approver: keys[1], signature: try signature(0), at: Asked.now))
    }
  }

  @Test("have one encoding for each change and record")
  func encodings() throws {
    let changes: [ProposedChange] = [
      .policy(contentHash: Asked.root), .rotate(key: Asked.key, overlapSeconds: 86_400),
      .export(key: Asked.key, sealedTo: Asked.root), .destroy(key: Asked.key), .revoke(key: Asked.key),
      .unlock(key: Asked.key), .adoptAnchor(contentHash: Asked.root),
      .importWatermarks(contentHash: Asked.root), .backup(contentHash: Asked.root),
    ]
    #expect(changes.map(\.byte) == [1, 2, 3, 4, 5, 6, 7, 8, 9])
    #expect(Set(changes.map(\.name)).count == 9)
    for change in changes {
      let proposal = Proposal(
        number: 3, policy: policy, change: change, proposer: try ClientName("a"),
        proposedAt: UnixMilliseconds(5))
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
    #expect(throws: ApprovalRecordError.version(1)) { try ApprovalRecord(decoding: [1]) }
    #expect(throws: ApprovalRecordError.kind(6)) {
      try ApprovalRecord(decoding: [2, 6] + [UInt8](repeating: 0, count: 8))
    }
    #expect(throws: ApprovalRecordError.wire(.trailingBytes(offset: 10, count: 1))) {
      try ApprovalRecord(decoding: [2, 5] + [UInt8](repeating: 0, count: 9))
    }
  }
}
