import Attestation
import Crypto
import Enclaves
import Encodings
import Foundation
import LightClients
import Messages
import Testing
import WireBytes

/// A case that was settled, and its bundle, with one thing changed where a test says so.
struct SettledCase {
  let world: EnclaveWorld
  let submissions: [EnclaveWorld.Submission]
  let bundle: CustodyBundle

  struct Change {
    var reportData: [UInt8]?
    var evidenceProgram: Bytes32?
    var evidencePolicyHash: Bytes32?
    var registrationExpires: UInt64?
    var receiptTime: UInt64?
    var tokenExpires: UInt64?
    var tokenRegistration: Bytes32?
    var payouts: [Update.Payout]?
    var stateAfter: Bytes32?
    var ended: UInt64?
    var receiptSignature: (([UInt8]) -> [UInt8])?
    var tokenSignature: (([UInt8]) -> [UInt8])?
    var record: ((CaseRecord) throws -> CaseRecord)?
    var asksLedger = true
  }

  init(_ change: Change = Change()) throws {
    let world = try EnclaveWorld(asksLedger: change.asksLedger)
    self.world = world
    submissions = [try world.submission(0, body: "a"), try world.submission(1, body: "b")]
    let inputs = submissions.map(\.record)
    let keys = world.keys
    let statement = SimulatedStatement(
      program: change.evidenceProgram ?? keys.program, policy: keys.policy,
      reportData: change.reportData ?? keys.reportData.array, issued: Int64(EnclaveWorld.start))
    let evidence = statement.evidence
    let content = RegistrationContent(
      registration: keys.registration, attestationPolicy: world.attestationPolicy.hash,
      evidence: change.evidencePolicyHash ?? evidence.hash, registered: EnclaveWorld.start + 50, height: 20,
      expires: change.registrationExpires ?? keys.expires)
    var links: [(kind: CustodyKind, content: [UInt8])] = [(.registration, content.encoded())]
    var end: RegistrationEnd?
    if let ended = change.ended {
      let value = try RegistrationEnd(
        registration: keys.registration, evidence: evidence.hash, reason: [UInt8]("expired".utf8), time: ended
      )
      links.append((.invalidated, value.encoded()))
      end = value
    }
    let registration = try RegistrationRecord(
      keys: keys, content: content, status: end == nil ? .live : .ended, ended: change.ended ?? 0,
      head: CustodyChain.head(of: links), linkCount: UInt16(links.count))
    let update = try Update(
      payouts: try change.payouts ?? [.init(account: world.accounts[1], coins: [world.coin(1000)])],
      stateBefore: Bytes32(), stateAfter: EnclaveWorld.hash(0x22))
    let root = try CaseInputs.root(inputs.map(\.commitment))
    let receipt = try Receipt(
      registration: keys.registration, program: keys.program, policy: keys.policy, case: world.caseID,
      inputs: root, update: update.root(), replies: try SealedReply.root([]), sequence: 1,
      previous: Bytes32(),
      time: change.receiptTime ?? world.opening.closes + 10)
    let token = Token(
      case: world.caseID, inputs: root, registration: change.tokenRegistration ?? keys.registration,
      attempt: 1,
      expires: change.tokenExpires ?? world.opening.expires)
    let digest = receipt.digest(domain: world.domain)
    let tokenDigest = token.digest(domain: world.domain)
    let receiptSignature = try world.sign(digest)
    let tokenSignature = [UInt8](try world.coordinator.signature(for: tokenDigest.array))
    var record = try world.record(
      inputs, status: .settled,
      settling: [
        (.registration, content.encoded()), (.token, token.encoded()), (.receipt, receipt.encoded()),
        (.settled, update.encoded()),
      ], receipt: digest, state: change.stateAfter ?? EnclaveWorld.hash(0x22))
    record = try change.record?(record) ?? record
    let (block, proofs) = try world.ledger([
      (CaseKeys.record(world.caseID), record.encoded()),
      (CaseKeys.registrationRecord(keys.registration), registration.encoded()),
    ])
    bundle = try CustodyBundle(
      domain: world.domain, block: block, record: .init(record, proof: proofs[0]), opening: world.opening,
      inputs: inputs,
      settlement: .init(
        registration: .init(registration, proof: proofs[1]), end: end, evidence: evidence,
        attestationPolicy: world.attestationPolicy, enclavePolicy: world.policy,
        token: .init(token, signature: change.tokenSignature?(tokenSignature) ?? tokenSignature),
        receipt: .init(receipt, signature: change.receiptSignature?(receiptSignature) ?? receiptSignature),
        update: update))
  }

  var trust: CustodyAudit.Trust {
    CustodyAudit.Trust(chainID: EnclaveWorld.chainID, validatorsHash: world.set.hash())
  }

  func report() -> CustodyReport { CustodyAudit(trust: trust).walk(bundle) }

  /// The bundle with other parts.
  func bundle(
    domain: InteroperableAddress? = nil, block: LedgerBlock? = nil,
    record: CustodyBundle.Proven<CaseRecord>? = nil, opening: CaseOpening? = nil, inputs: [CaseInput]? = nil,
    settlement: CustodyBundle.Settlement?? = nil
  ) throws -> CustodyBundle {
    try CustodyBundle(
      domain: domain ?? bundle.domain, block: block ?? bundle.block, record: record ?? bundle.record,
      opening: opening ?? bundle.opening, inputs: inputs ?? bundle.inputs,
      settlement: settlement ?? bundle.settlement)
  }
}

@Suite("Custody of a case")
struct CustodyTests {
  @Test("an honest case holds, step by step, and says what it rests on")
  func whole() throws {
    let settled = try SettledCase()
    let report = settled.report()
    #expect(report.lines.map(\.step) == CustodyStep.allCases)
    #expect(report.lines.allSatisfy { $0.verdict == .holds }, "\(report.lines)")
    try report.verify()
    #expect(report.case == settled.world.caseID)
    #expect(report.height == 50)
    #expect(report.status == .settled)
    #expect(report.notes == [.platform(.simulated), .attestation(.simulated)])
  }

  @Test("says when the enclave asked for no ledger's proof, and when its registration ended later")
  func notes() throws {
    var change = SettledCase.Change()
    change.asksLedger = false
    change.ended = EnclaveWorld.start + 2000
    let report = try SettledCase(change).report()
    try report.verify()
    #expect(report.notes.contains(.enclaveAskedForNoLedgerProof))
    #expect(report.notes.contains(.registrationEnded(at: EnclaveWorld.start + 2000)))
  }

  @Test("cases that are open, or were reclaimed, hold without a settlement")
  func unsettled() throws {
    let world = try EnclaveWorld()
    let inputs = [try world.submission(0, body: "a").record]
    for (status, links) in [(CaseRecord.Status.open, UInt16(2)), (.reclaimed, 4)] {
      let record = try world.record(inputs, status: status)
      #expect(record.linkCount == links)
      let (block, proofs) = try world.ledger([(CaseKeys.record(world.caseID), record.encoded())])
      let bundle = try CustodyBundle(
        domain: world.domain, block: block, record: .init(record, proof: proofs[0]), opening: world.opening,
        inputs: inputs, settlement: nil)
      let report = CustodyAudit(
        trust: .init(chainID: EnclaveWorld.chainID, validatorsHash: world.set.hash())
      ).walk(bundle)
      try report.verify()
      #expect(report.lines.count == 5)
      #expect(try CustodyBundle(decoding: [UInt8](bundle.text.utf8)) == bundle)
    }
  }

  /// The first refused step, with its reason.
  private func failure(_ report: CustodyReport) -> CustodyFailure? {
    do {
      try report.verify()
      return nil
    } catch { return error }
  }

  private func expect(
    _ step: CustodyStep, _ refusal: CustodyRefusal, _ configure: (inout SettledCase.Change) throws -> Void
  ) throws {
    var change = SettledCase.Change()
    try configure(&change)
    let found = failure(try SettledCase(change).report())
    #expect(found == CustodyFailure(step: step, refusal: refusal))
  }

  @Test("what the ledger should not have settled is found, by step and reason")
  func dishonestLedger() throws {
    let world = try EnclaveWorld()
    let other = EnclaveWorld.hash(0xee)
    let data = world.keys.reportData
    let registered = EnclaveWorld.start + 50
    try expect(.evidence, .evidence(.simulated(.program(other)))) { $0.evidenceProgram = other }
    try expect(.evidence, .rules(.reportData(expected: data, actual: other.array))) {
      $0.reportData = other.array
    }
    let evidence = SimulatedStatement(
      program: world.keys.program, policy: world.keys.policy, reportData: data.array,
      issued: Int64(EnclaveWorld.start)
    ).evidence.hash
    try expect(.evidence, .evidenceHash(expected: other, actual: evidence)) { $0.evidencePolicyHash = other }
    try expect(
      .evidence, .registrationExpiry(most: world.keys.expires, actual: world.keys.expires + 1)
    ) { $0.registrationExpires = world.keys.expires + 1 }
    let early = world.opening.closes - 1
    try expect(
      .receipt,
      .receiptTime(closes: world.opening.closes, expires: world.opening.expires, actual: early)
    ) { $0.receiptTime = early }
    try expect(
      .receipt,
      .rules(.expired(expires: registered + 1, secondsLate: world.opening.closes + 10 - registered - 1))
    ) {
      $0.registrationExpires = registered + 1
    }
    try expect(.receipt, .rules(.ended(at: world.opening.closes + 10))) {
      $0.ended = world.opening.closes + 10
    }
    try expect(
      .token, .tokenExpired(expires: world.opening.closes + 10, receiptTime: world.opening.closes + 10)
    ) { $0.tokenExpires = world.opening.closes + 10 }
    try expect(.token, .registration(expected: world.keys.registration, actual: other)) {
      $0.tokenRegistration = other
    }
    try expect(.receipt, .signature(.highS)) { $0.receiptSignature = Self.highS }
    try expect(.token, .signature(.signatureLength(expected: 64, actual: 63))) {
      $0.tokenSignature = { Array($0.dropLast()) }
    }
    try expect(.settlement, .payouts(escrow: [world.coin(1000)], paid: [world.coin(999)])) {
      $0.payouts = [try .init(account: world.accounts[0], coins: [world.coin(999)])]
    }
    try expect(.settlement, .stateAfter(expected: other, actual: EnclaveWorld.hash(0x22))) {
      $0.stateAfter = other
    }
  }

  /// The twin of a low signature.
  private static func highS(_ signature: [UInt8]) -> [UInt8] {
    let order: [UInt8] = [
      0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
      0xad,
      0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ]
    guard let n = try? UInt256(bigEndian: order.span),
      let s = try? UInt256(bigEndian: Array(signature[32...]).span)
    else { return signature }
    return Array(signature[..<32]) + n.subtractingReportingOverflow(s).partialValue.bigEndian.array
  }

  @Test("a bundle that was changed after the fact is found, by step and reason")
  func dishonestBundle() throws {
    let settled = try SettledCase()
    let (world, bundle) = (settled.world, settled.bundle)
    let audit = CustodyAudit(trust: settled.trust)
    func expect(_ changed: CustodyBundle, _ step: CustodyStep, _ refusal: CustodyRefusal) {
      #expect(failure(audit.walk(changed)) == CustodyFailure(step: step, refusal: refusal))
    }
    let inputs = bundle.inputs
    expect(
      try settled.bundle(inputs: [inputs[0]]), .inputs, .inputCount(expected: 2, actual: 1))
    expect(
      try settled.bundle(inputs: [inputs[1], inputs[0]]), .inputs,
      .inputs(
        expected: bundle.record.value.inputs,
        actual: try CaseInputs.root([inputs[1].commitment, inputs[0].commitment])))
    let richer = try CaseInput(
      sender: inputs[0].sender, nonce: 1, commitment: inputs[0].commitment, coins: [world.coin(501)])
    expect(
      try settled.bundle(inputs: [richer, inputs[1]]), .inputs,
      .escrow(expected: [world.coin(1000)], actual: [world.coin(1001)]))
    let renamed = try CaseInput(
      sender: world.accounts[3], nonce: 1, commitment: inputs[0].commitment, coins: [world.coin(500)])
    #expect(failure(audit.walk(try settled.bundle(inputs: [renamed, inputs[1]])))?.step == .chain)
    expect(try settled.bundle(settlement: .some(nil)), .record, .settlement(.settled))
    let elsewhere = try InteroperableAddress(chain: try DomainID("cosmos:demo-2"))
    #expect(failure(audit.walk(try settled.bundle(domain: elsewhere)))?.step == .record)
    let settlement = try #require(bundle.settlement)
    func with(
      registration: CustodyBundle.Proven<RegistrationRecord>? = nil, evidence: AttestationEvidence? = nil,
      enclavePolicy: EnclavePolicy? = nil, attestationPolicy: AttestationPolicy? = nil, update: Update? = nil
    ) throws -> CustodyBundle {
      try settled.bundle(
        settlement: .some(
          .init(
            registration: registration ?? settlement.registration, end: settlement.end,
            evidence: evidence ?? settlement.evidence,
            attestationPolicy: attestationPolicy ?? settlement.attestationPolicy,
            enclavePolicy: enclavePolicy ?? settlement.enclavePolicy, token: settlement.token,
            receipt: settlement.receipt, update: update ?? settlement.update)))
    }
    let loose = try EnclavePolicy(maximumInputs: 1, maximumInputSize: 1, gas: 1, ledger: nil)
    expect(
      try with(enclavePolicy: loose), .registration,
      .enclavePolicy(expected: world.policy.hash, actual: loose.hash))
    let production = try AttestationPolicy(
      json: [
        "schema": "causeway-attestation-policy/1", "production": false,
        "simulated": ["programs": [], "policies": []],
      ])
    expect(
      try with(attestationPolicy: production), .evidence,
      .attestationPolicy(expected: world.attestationPolicy.hash, actual: production.hash))
    let forged = AttestationEvidence(
      platform: .simulated, statement: settlement.evidence.statement, collateral: [1])
    expect(
      try with(evidence: forged), .evidence,
      .evidenceHash(expected: settlement.evidence.hash, actual: forged.hash))
    let generous = try Update(
      payouts: [.init(account: world.accounts[0], coins: [world.coin(1000)])], stateBefore: Bytes32(),
      stateAfter: EnclaveWorld.hash(0x22))
    #expect(failure(audit.walk(try with(update: generous)))?.step == .chain)
    let unproven = CustodyBundle.Proven(settlement.registration.value, proof: bundle.record.proof)
    #expect(failure(audit.walk(try with(registration: unproven)))?.step == .registration)
  }

  @Test("nothing counts under a block that the trusted validators did not make")
  func trust() throws {
    let settled = try SettledCase()
    let other = EnclaveWorld.hash(1)
    let report = CustodyAudit(trust: .init(chainID: EnclaveWorld.chainID, validatorsHash: other))
      .walk(settled.bundle)
    #expect(
      report.lines.first?.verdict
        == .refused(.block(.validators(expected: other, actual: settled.world.set.hash()))))
    #expect(report.lines.dropFirst().allSatisfy { $0.verdict != .holds })
    #expect(report.lines[1].verdict == .unchecked(after: .block))
    let elsewhere = CustodyAudit(trust: .init(chainID: "demo-2", validatorsHash: settled.world.set.hash()))
      .walk(settled.bundle)
    #expect(
      failure(elsewhere)
        == CustodyFailure(
          step: .block, refusal: .block(.header(.chainID(expected: "demo-2", actual: "demo-1")))))
  }

  @Test("a bundle has one text, and only that reads")
  func text() throws {
    let bundle = try SettledCase().bundle
    let text = bundle.text
    #expect(try CustodyBundle(decoding: [UInt8](text.utf8)) == bundle)
    func refuse(_ changed: String, _ error: CustodyBundleError) {
      #expect(changed != text)
      #expect(throws: error) { try CustodyBundle(decoding: [UInt8](changed.utf8)) }
    }
    refuse(text + "\n", .notCanonical)
    refuse(text.replacing("\",\"", with: "\", \""), .notCanonical)
    refuse(text.replacing("custody/1", with: "custody/2"), .schema("causeway-custody/2"))
    refuse(text.replacing(#""schema""#, with: #""more":1,"schema""#), .unknownMember(path: "more"))
    refuse(
      text.replacing(#""token":{"#, with: #""token":{"more":1,"#),
      .unknownMember(path: "settlement.token.more"))
    refuse(text.replacing(#""opening":"0x"#, with: #""opening":""#), .member(path: "opening"))
    refuse(
      text.replacing(#""opening":"0x01"#, with: #""opening":"0x02"#), .format(path: "opening", .version(2)))
    refuse(
      text.replacing(#""inputs":["0x01"#, with: #""inputs":["0x03"#), .format(path: "inputs.0", .version(3)))
    refuse(
      text.replacing(#"\"production\":false"#, with: #"\"production\": false"#), .notCanonical)
    let upper = text.replacing(#""block":"0x"#, with: #""block":"0X"#)
    refuse(upper, .member(path: "block"))
    let bytes = [UInt8](text.utf8)
    for count in stride(from: 0, to: bytes.count, by: 31) {
      #expect(throws: CustodyBundleError.self) { try CustodyBundle(decoding: Array(bytes.prefix(count))) }
    }
  }

  @Test("no changed byte of a bundle leaves every step standing")
  func mutation() throws {
    let settled = try SettledCase()
    let bytes = [UInt8](settled.bundle.text.utf8)
    let audit = CustodyAudit(trust: settled.trust)
    var read = 0
    for place in stride(from: 0, to: bytes.count, by: 13) {
      var changed = bytes
      // Another hex digit, where there is one; other characters make no bundle.
      changed[place] = changed[place] == 0x30 ? 0x31 : 0x30
      guard changed != bytes, let bundle = try? CustodyBundle(decoding: changed) else { continue }
      read += 1
      let report = audit.walk(bundle)
      guard failure(report) == nil else { continue }
      // What signatures and proofs leave open: nothing but the votes that were not needed, and priorities.
      #expect(bundle.block.signedHeader.header == settled.bundle.block.signedHeader.header)
      #expect(bundle.record == settled.bundle.record)
      #expect(bundle.settlement == settled.bundle.settlement)
      #expect(bundle.inputs == settled.bundle.inputs)
    }
    #expect(read > 100)
  }
}
