import Attestation
import Digests
import LightClients
import Messages
import WireBytes

/// The state of one audit.
struct CustodyWalk {
  let bundle: CustodyBundle
  let trust: CustodyAudit.Trust
  private(set) var lines: [CustodyReport.Line] = []
  private(set) var notes: [CustodyReport.Note] = []
  private(set) var id: Bytes32?
  private(set) var block: VerifiedLedgerBlock?
  private var failed: [CustodyStep] = []

  init(bundle: CustodyBundle, trust: CustodyAudit.Trust) {
    self.bundle = bundle
    self.trust = trust
  }

  mutating func run() {
    step(.block) { walk throws(CustodyRefusal) in try walk.checkBlock() }
    step(.record, after: [.block]) { walk throws(CustodyRefusal) in try walk.checkRecord() }
    step(.opening, after: [.record]) { walk throws(CustodyRefusal) in try walk.checkOpening() }
    step(.inputs, after: [.record, .opening]) { walk throws(CustodyRefusal) in try walk.checkInputs() }
    step(.chain, after: [.record]) { walk throws(CustodyRefusal) in try walk.checkChain() }
    guard let settlement = bundle.settlement else { return }
    step(.registration, after: [.block, .opening]) { walk throws(CustodyRefusal) in
      try walk.checkRegistration(settlement)
    }
    step(.evidence, after: [.registration]) { walk throws(CustodyRefusal) in
      try walk.checkEvidence(settlement)
    }
    step(.token, after: [.opening]) { walk throws(CustodyRefusal) in try walk.checkToken(settlement) }
    step(.receipt, after: [.opening, .registration]) { walk throws(CustodyRefusal) in
      try walk.checkReceipt(settlement)
    }
    step(.settlement, after: [.record, .receipt]) { walk throws(CustodyRefusal) in
      try walk.checkSettlement(settlement)
    }
  }

  private mutating func step(
    _ step: CustodyStep, after needed: [CustodyStep] = [],
    _ check: (inout CustodyWalk) throws(CustodyRefusal) -> Void
  ) {
    if let missing = needed.first(where: { failed.contains($0) }) {
      failed.append(step)
      lines.append(CustodyReport.Line(step: step, verdict: .unchecked(after: missing)))
      return
    }
    do {
      try check(&self)
      lines.append(CustodyReport.Line(step: step, verdict: .holds))
    } catch {
      failed.append(step)
      lines.append(CustodyReport.Line(step: step, verdict: .refused(error)))
    }
  }

  private mutating func checkBlock() throws(CustodyRefusal) {
    do {
      block = try bundle.block.verify(chainID: trust.chainID, validatorsHash: trust.validatorsHash)
    } catch { throw .block(error) }
  }

  /// The key of the record has the case's id, which names domain and number: so the proof binds both.
  private mutating func checkRecord() throws(CustodyRefusal) {
    let id: Bytes32
    do {
      id = try CaseIdentity.id(domain: bundle.domain, number: bundle.opening.number)
    } catch { throw .format(error) }
    self.id = id
    try prove(CaseKeys.record(id), bundle.record)
    let isSettled = bundle.record.value.status == .settled
    guard isSettled == (bundle.settlement != nil) else { throw .settlement(bundle.record.value.status) }
  }

  private func prove<Value>(
    _ key: [UInt8], _ proven: CustodyBundle.Proven<Value>
  ) throws(CustodyRefusal) {
    guard let block else { throw .block(.noAppHash) }
    do {
      try block.verify(key: key, value: proven.value.encoded(), proof: proven.proof)
    } catch { throw .block(error) }
  }

  private func checkOpening() throws(CustodyRefusal) {
    let (opening, record) = (bundle.opening, bundle.record.value)
    let root = opening.root()
    guard root == record.opening else { throw .opening(expected: record.opening, actual: root) }
    guard opening.closes == record.closes, opening.expires == record.expires else {
      throw .times(closes: record.closes, expires: record.expires)
    }
  }

  private func checkInputs() throws(CustodyRefusal) {
    let record = bundle.record.value
    guard bundle.inputs.count == Int(record.inputCount) else {
      throw .inputCount(expected: record.inputCount, actual: bundle.inputs.count)
    }
    guard bundle.inputs.count <= Int(bundle.opening.maximumInputs) else {
      throw .tooManyInputs(max: bundle.opening.maximumInputs, actual: bundle.inputs.count)
    }
    let root: Bytes32
    do { root = try CaseInputs.root(bundle.inputs.map(\.commitment)) } catch { throw .format(error) }
    guard root == record.inputs else { throw .inputs(expected: record.inputs, actual: root) }
    struct Use: Hashable {
      let sender: InteroperableAddress
      let nonce: UInt64
    }
    var uses: Set<Use> = []
    var commitments: Set<Bytes32> = []
    for (index, input) in bundle.inputs.enumerated() {
      guard uses.insert(Use(sender: input.sender, nonce: input.nonce)).inserted else {
        throw .nonceTwice(index: index)
      }
      guard commitments.insert(input.commitment).inserted else { throw .commitmentTwice(index: index) }
    }
    guard let brought = CoinSums.sum(bundle.inputs.flatMap(\.coins)) else { throw .escrowOverflow }
    guard brought == record.escrow else { throw .escrow(expected: record.escrow, actual: brought) }
  }

  private func checkChain() throws(CustodyRefusal) {
    let record = bundle.record.value
    var links: [(kind: CustodyKind, content: [UInt8])] = [(.opened, bundle.opening.encoded())]
    for input in bundle.inputs { links.append((.input, input.encoded())) }
    if record.status != .open {
      let closing: CaseClosing
      do {
        closing = try CaseClosing(inputs: record.inputs, inputCount: record.inputCount)
      } catch { throw .format(error) }
      links.append((.closed, closing.encoded()))
      if record.status == .reclaimed { links.append((.reclaimed, closing.encoded())) }
    }
    if let settlement = bundle.settlement {
      links.append((.registration, settlement.registration.value.content.encoded()))
      links.append((.token, settlement.token.value.encoded()))
      links.append((.receipt, settlement.receipt.value.encoded()))
      links.append((.settled, settlement.update.encoded()))
    }
    guard links.count == Int(record.linkCount) else {
      throw .linkCount(expected: record.linkCount, actual: links.count)
    }
    let head = CustodyChain.head(of: links)
    guard head == record.head else { throw .head(expected: record.head, actual: head) }
  }

  private mutating func checkRegistration(_ settlement: CustodyBundle.Settlement) throws(CustodyRefusal) {
    let record = settlement.registration.value
    let receipt = settlement.receipt.value
    guard record.content.registration == receipt.registration else {
      throw .registration(expected: receipt.registration, actual: record.content.registration)
    }
    try prove(CaseKeys.registrationRecord(receipt.registration), settlement.registration)
    let (keys, opening) = (record.keys, bundle.opening)
    guard keys.domain == bundle.domain else { throw .domain(expected: bundle.domain, actual: keys.domain) }
    guard keys.program == opening.program else {
      throw .program(expected: opening.program, actual: keys.program)
    }
    guard keys.policy == opening.policy else {
      throw .enclavePolicy(expected: opening.policy, actual: keys.policy)
    }
    let policy = settlement.enclavePolicy.hash
    guard policy == opening.policy else { throw .enclavePolicy(expected: opening.policy, actual: policy) }
    guard record.content.attestationPolicy == opening.attestationPolicy else {
      throw .attestationPolicy(
        expected: opening.attestationPolicy, actual: record.content.attestationPolicy)
    }
    var links: [(kind: CustodyKind, content: [UInt8])] = [(.registration, record.content.encoded())]
    guard (settlement.end != nil) == (record.status == .ended) else { throw .end }
    if let end = settlement.end {
      guard end.registration == record.content.registration, end.time == record.ended else { throw .end }
      links.append((.invalidated, end.encoded()))
    }
    guard links.count == Int(record.linkCount) else {
      throw .linkCount(expected: record.linkCount, actual: links.count)
    }
    let head = CustodyChain.head(of: links)
    guard head == record.head else { throw .head(expected: record.head, actual: head) }
    if let ledger = settlement.enclavePolicy.ledger {
      if ledger.validatorsHash != trust.validatorsHash {
        notes.append(.enclaveTrustsOtherValidators(ledger.validatorsHash))
      }
    } else {
      notes.append(.enclaveAskedForNoLedgerProof)
    }
    if record.status == .ended { notes.append(.registrationEnded(at: record.ended)) }
  }

  /// The evidence as of the second at which the ledger registered it: what was good then stays so, whatever expired since.
  private mutating func checkEvidence(_ settlement: CustodyBundle.Settlement) throws(CustodyRefusal) {
    let record = settlement.registration.value
    let hash = settlement.evidence.hash
    guard hash == record.content.evidence else {
      throw .evidenceHash(expected: record.content.evidence, actual: hash)
    }
    let policy = settlement.attestationPolicy
    guard policy.hash == record.content.attestationPolicy else {
      throw .attestationPolicy(expected: record.content.attestationPolicy, actual: policy.hash)
    }
    let registered = record.content.registered
    let result: AttestationResult
    do {
      result = try AttestationVerifier.verify(
        settlement.evidence, under: policy, at: .archival(Int64(clamping: registered)), roots: trust.roots)
    } catch { throw .evidence(error) }
    let most: UInt64
    do {
      try RegistrationRules.checkBinding(record.keys, result: result)
      most = try RegistrationRules.expiry(of: record.keys, result: result, at: registered)
    } catch { throw .rules(error) }
    guard record.content.expires <= most else {
      throw .registrationExpiry(most: most, actual: record.content.expires)
    }
    notes.append(.platform(result.platform))
    notes += result.reasons.map { .attestation($0) }
  }

  private func checkToken(_ settlement: CustodyBundle.Settlement) throws(CustodyRefusal) {
    let (token, receipt) = (settlement.token.value, settlement.receipt.value)
    try checkCase(token.case)
    guard token.inputs == bundle.record.value.inputs else {
      throw .inputs(expected: bundle.record.value.inputs, actual: token.inputs)
    }
    guard token.registration == receipt.registration else {
      throw .registration(expected: receipt.registration, actual: token.registration)
    }
    guard receipt.time < token.expires else {
      throw .tokenExpired(expires: token.expires, receiptTime: receipt.time)
    }
    try checkSignature(
      token.digest(domain: bundle.domain), settlement.token.signature, bundle.opening.coordinator,
      at: receipt.time)
  }

  private func checkReceipt(_ settlement: CustodyBundle.Settlement) throws(CustodyRefusal) {
    let (receipt, opening) = (settlement.receipt.value, bundle.opening)
    try checkCase(receipt.case)
    guard receipt.inputs == bundle.record.value.inputs else {
      throw .inputs(expected: bundle.record.value.inputs, actual: receipt.inputs)
    }
    guard receipt.program == opening.program else {
      throw .program(expected: opening.program, actual: receipt.program)
    }
    guard receipt.policy == opening.policy else {
      throw .enclavePolicy(expected: opening.policy, actual: receipt.policy)
    }
    guard receipt.time >= opening.closes, receipt.time < opening.expires else {
      throw .receiptTime(closes: opening.closes, expires: opening.expires, actual: receipt.time)
    }
    do {
      try RegistrationRules.checkLive(settlement.registration.value, at: receipt.time)
    } catch { throw .rules(error) }
    let digest = receipt.digest(domain: bundle.domain)
    try checkSignature(
      digest, settlement.receipt.signature, settlement.registration.value.keys.signing, at: receipt.time)
    guard digest == bundle.record.value.receipt else {
      throw .receipt(expected: bundle.record.value.receipt, actual: digest)
    }
  }

  private func checkSettlement(_ settlement: CustodyBundle.Settlement) throws(CustodyRefusal) {
    let (update, record) = (settlement.update, bundle.record.value)
    let root = update.root()
    guard root == settlement.receipt.value.update else {
      throw .update(expected: settlement.receipt.value.update, actual: root)
    }
    guard update.stateBefore == bundle.opening.state else {
      throw .stateBefore(expected: bundle.opening.state, actual: update.stateBefore)
    }
    guard update.stateAfter == record.state else {
      throw .stateAfter(expected: record.state, actual: update.stateAfter)
    }
    guard let paid = CoinSums.sum(update.payouts.flatMap(\.coins)) else { throw .payoutOverflow }
    guard paid == record.escrow else { throw .payouts(escrow: record.escrow, paid: paid) }
  }

  private func checkCase(_ actual: Bytes32) throws(CustodyRefusal) {
    guard let id, id == actual else { throw .case(expected: id ?? Bytes32(), actual: actual) }
  }

  private func checkSignature(
    _ digest: Bytes32, _ signature: [UInt8], _ key: EnclaveVerificationKey, at seconds: UInt64
  ) throws(CustodyRefusal) {
    do {
      try EnclaveSignature.verify(digest: digest, signature: signature, key: key, at: seconds)
    } catch { throw .signature(error) }
  }
}
