import Enclaves
public import Messages
import Settlement
public import WireBytes

/// Limits of a coordinator, and how patient it is.
public struct CoordinatorRules: Hashable, Sendable {
  /// Cases in work at once; more wait in the ledger.
  public var openMax = 1_024
  /// Cases that one turn looks at together.
  public var parallelMax = 8
  /// Bytes of envelopes of open cases.
  public var bytesMax = 256 << 20
  /// How long a token is good for, in seconds of the ledger.
  public var tokenSeconds: UInt64 = 600
  /// A token with less left is not used any more.
  public var tokenMarginSeconds: UInt64 = 10
  /// A registration must live so much longer than the case to be chosen, in seconds.
  public var registrationMarginSeconds: UInt64 = 0
  public var backoffFirst = Duration.milliseconds(250)
  public var backoffMax = Duration.seconds(10)
  /// How long a turn waits for the next block.
  public var patience = Duration.seconds(1)

  public init() {}
}

/// The mediator between parties, enclaves and one ledger.
///
/// It takes sealed envelopes whose commitments the ledger has recorded, waits until the case has closed, hands all of them
/// to the case's enclave with the ledger's proof, and brings back what settles the case: once, whatever stops in between.
/// It holds no key that opens anything: what it could do at worst is nothing, and then the ledger gives the coins back.
///
/// Each step is on disk before it is acted upon, and each act may be repeated: the enclave gives the answer that it gave,
/// the ledger settles a case once.
///
/// - SeeAlso: docs/spec/enclaves.md; docs/threat-model.md.
public actor Coordinator {
  /// Where a test may stop it as a crash would.
  public enum Checkpoint: String, Hashable, Sendable, CaseIterable {
    case assigned, tokenKept, computed, answerKept, settled, ended
  }

  private let ledger: any SettlementLedger
  private let enclaves: [any CoordinatedEnclave]
  private let signer: any TokenSigning
  private let rules: CoordinatorRules
  private let store: CoordinatorStore
  private let checkpoint: @Sendable (Checkpoint, Bytes32) throws -> Void
  private let clock = ContinuousClock()
  private var stages: [Bytes32: CaseStage] = [:]
  private var pauses: [Bytes32: (until: ContinuousClock.Instant, length: Duration)] = [:]
  private var inWork: Set<Bytes32> = []
  private var conditionByName: [String: EnclaveCondition] = [:]

  /// Opens the file at `path`, or makes it.
  ///
  /// - Parameter checkpoint: is called after each step; what it throws ends the turn there.
  public init(
    ledger: any SettlementLedger, enclaves: [any CoordinatedEnclave], signer: any TokenSigning, path: String,
    rules: CoordinatorRules = CoordinatorRules(),
    checkpoint: @escaping @Sendable (Checkpoint, Bytes32) throws -> Void = { _, _ in }
  ) throws(StoreFault) {
    precondition(
      Set(enclaves.map(\.name)).count == enclaves.count, "enclaves of one coordinator have names of their own"
    )
    self.ledger = ledger
    self.enclaves = enclaves
    self.signer = signer
    self.rules = rules
    self.checkpoint = checkpoint
    store = try CoordinatorStore(path: path)
  }

  /// What cases name as their coordinator.
  public nonisolated var key: EnclaveVerificationKey { signer.key }

  // MARK: Envelopes and replies

  /// Takes a sealed envelope that the ledger has recorded; the same one again changes nothing.
  ///
  /// - Returns: its commitment.
  @discardableResult
  public func take(_ bytes: [UInt8]) async throws(DeliveryRefusal) -> Bytes32 {
    let envelope: SealedEnvelope
    do { envelope = try SealedEnvelope(decoding: bytes) } catch { throw .malformed }
    let header = envelope.header
    let commitment = envelope.commitment
    let ledgerCase: LedgerCase?
    let now: LedgerMoment
    do {
      now = try await ledger.moment()
      ledgerCase = try await ledger.read(case: header.case)
    } catch { throw .ledger(error) }
    guard let ledgerCase, isOurs(ledgerCase.opening) else { throw .caseUnknown(header.case) }
    do { try await notice(ledgerCase) } catch { throw .store(error) }
    guard ledgerCase.record.status == .open else { throw .caseEnded }
    guard now.time < ledgerCase.opening.expires else {
      throw .caseExpired(expires: ledgerCase.opening.expires)
    }
    guard header.expires > now.time else { throw .expired(header.expires) }
    guard let input = ledgerCase.inputs.first(where: { $0.commitment == commitment }) else {
      throw .notRecorded(commitment)
    }
    guard input.sender == header.sender, input.nonce == header.nonce else { throw .sender }
    let (known, held): (CoordinatorStore.Case?, Int)
    do { (known, held) = (try store.known(header.case), try store.openBytes()) } catch { throw .store(error) }
    guard known?.registration == header.registration else {
      throw .registration(expected: known?.registration, actual: header.registration)
    }
    guard held + bytes.count <= rules.bytesMax else { throw .full(max: rules.bytesMax) }
    do { try store.keep(envelope, commitment) } catch { throw .store(error) }
    pauses[header.case] = nil
    return commitment
  }

  /// The enclave that envelopes of a case are sealed to, by its registration: parties look it up in the ledger before
  /// they believe it. Nil while there is none.
  public func registration(for id: Bytes32) async throws(DeliveryRefusal) -> Bytes32? {
    let ledgerCase: LedgerCase?
    do { ledgerCase = try await ledger.read(case: id) } catch { throw .ledger(error) }
    guard let ledgerCase, isOurs(ledgerCase.opening) else { throw .caseUnknown(id) }
    do {
      try await notice(ledgerCase)
      return try store.known(id)?.registration
    } catch { throw .store(error) }
  }

  /// The sealed replies of a case in the order of its inputs; nil while it has not settled, so that nobody knows
  /// before the others.
  public func replies(of id: Bytes32) throws(StoreFault) -> [[UInt8]]? {
    guard try store.known(id)?.ended == "settled" else { return nil }
    return try store.replies(of: id)
  }

  // MARK: Status

  /// The newest cases first.
  public func cases(limit: Int = 100) throws(StoreFault) -> [CaseStatus] {
    var statuses: [CaseStatus] = []
    for known in try store.newest(limit: max(0, min(limit, rules.openMax))) {
      let stage: CaseStage =
        switch known.ended {
        case "settled": .settled
        case "reclaimed": .reclaimed
        default: stages[known.id] ?? .noEnclave
        }
      statuses.append(
        CaseStatus(
          id: known.id, number: known.number, registration: known.registration, stage: stage,
          envelopes: try store.envelopeCount(of: known.id), attempt: known.attempt))
    }
    return statuses
  }

  /// By name, as they were at the last turn.
  public var conditions: [EnclaveCondition] {
    enclaves.map {
      conditionByName[$0.name] ?? EnclaveCondition(name: $0.name, registration: nil, state: .away)
    }
  }

  // MARK: Running

  /// Goes on until its task is cancelled; a turn for each block.
  public func run() async throws {
    var height: UInt64 = 0
    while !Task.isCancelled {
      do {
        let moment = try await ledger.moment(above: height, patience: rules.patience)
        height = moment.height
        try await turn()
      } catch let fault as LedgerFault {
        for id in stages.keys.sorted(by: { $0.array.lexicographicallyPrecedes($1.array) })
        where stages[id]?.isFinal == false { stages[id] = .ledgerAway(code: fault.code) }
        try await Task.sleep(for: rules.backoffFirst)
      }
    }
  }

  /// Looks at every open case once.
  public func turn() async throws {
    let now = try await ledger.moment()
    await askEnclaves(at: now)
    try await findCases()
    var due: [CoordinatorStore.Case] = []
    for known in try store.open(limit: rules.openMax) where !inWork.contains(known.id) {
      if let pause = pauses[known.id], pause.until > clock.now { continue }
      due.append(known)
    }
    var start = 0
    while start < due.count {
      let part = due[start..<min(start + rules.parallelMax, due.count)]
      start += rules.parallelMax
      try await withThrowingTaskGroup(of: Void.self) { group in
        for known in part { group.addTask { try await self.work(on: known.id, at: now) } }
        try await group.waitForAll()
      }
    }
  }

  private func isOurs(_ opening: CaseOpening) -> Bool { opening.coordinator == signer.key }

  private func hash(of number: UInt64) -> Bytes32? {
    try? CaseIdentity.id(domain: ledger.domain, number: number)
  }

  /// Reads cases that were opened since the last turn.
  private func findCases() async throws {
    let next = try await ledger.nextNumber()
    var number = try store.cursor()
    while number < next, try store.open(limit: rules.openMax).count < rules.openMax {
      guard let id = hash(of: number), let ledgerCase = try await ledger.read(case: id) else { return }
      try await notice(ledgerCase)
      number += 1
      try store.add([], next: number)
    }
  }

  /// Remembers a case that is ours, and chooses its enclave.
  private func notice(_ ledgerCase: LedgerCase) async throws(StoreFault) {
    guard isOurs(ledgerCase.opening) else { return }
    if try store.known(ledgerCase.id) == nil {
      try store.add([(ledgerCase.id, ledgerCase.opening.number)], next: try store.cursor())
    }
    try await choose(for: ledgerCase)
  }

  // MARK: Enclaves

  private func askEnclaves(at now: LedgerMoment) async {
    for enclave in enclaves { conditionByName[enclave.name] = await state(of: enclave, at: now) }
  }

  private func state(of enclave: any CoordinatedEnclave, at now: LedgerMoment) async -> EnclaveCondition {
    let keys: EnclaveKeys
    do { keys = try await enclave.keys() } catch {
      return EnclaveCondition(
        name: enclave.name, registration: conditionByName[enclave.name]?.registration, state: .away)
    }
    switch await check(keys.registration, at: now) {
    case .success(let record):
      return EnclaveCondition(
        name: enclave.name, registration: keys.registration, state: .live(expires: record.content.expires))
    case .failure(let fault):
      return EnclaveCondition(
        name: enclave.name, registration: keys.registration, state: .staleRegistration(fault.why))
    }
  }

  private struct Stale: Error { let why: RegistrationFault }

  /// A registration that the ledger does not answer about is treated as unknown: nothing is begun with it.
  private func check(_ id: Bytes32, at now: LedgerMoment) async -> Result<RegistrationRecord, Stale> {
    guard let record = try? await ledger.registration(id) else { return .failure(Stale(why: .unknown)) }
    if record.status == .ended { return .failure(Stale(why: .ended(at: record.ended))) }
    guard record.content.expires > now.time else {
      return .failure(Stale(why: .expired(at: record.content.expires)))
    }
    return .success(record)
  }

  /// Chooses whom a case's envelopes are sealed to: of the enclaves that run its program under its policy, with a live
  /// registration under its attestation policy, the one with the fewest open cases; of those the first.
  ///
  /// A choice stands once there is an envelope; before that, one that is no good any more is made again.
  private func choose(for ledgerCase: LedgerCase) async throws(StoreFault) {
    guard let known = try store.known(ledgerCase.id), known.ended == nil,
      let now = try? await ledger.moment(), now.time < ledgerCase.opening.closes
    else { return }
    if let registration = known.registration, case .success = await check(registration, at: now) { return }
    guard try store.envelopeCount(of: ledgerCase.id) == 0 else { return }
    let loads = try store.loads()
    var best: (registration: Bytes32, enclave: String, load: Int)?
    for enclave in enclaves {
      guard let keys = try? await enclave.keys(), keys.program == ledgerCase.opening.program,
        keys.policy == ledgerCase.opening.policy,
        case .success(let record) = await check(keys.registration, at: now),
        record.content.attestationPolicy == ledgerCase.opening.attestationPolicy,
        record.content.expires > ledgerCase.opening.closes.saturatingAdd(rules.registrationMarginSeconds)
      else { continue }
      let load = loads[enclave.name] ?? 0
      if best.map({ load < $0.load }) ?? true { best = (keys.registration, enclave.name, load) }
    }
    guard let best, best.registration != known.registration else { return }
    try store.assign(ledgerCase.id, to: best.registration, of: best.enclave)
  }

  /// The enclave that holds the keys of a registration, by its name.
  private func enclave(_ name: String?) -> (any CoordinatedEnclave)? { enclaves.first { $0.name == name } }

  // MARK: One case

  private func work(on id: Bytes32, at now: LedgerMoment) async throws {
    guard inWork.insert(id).inserted else { return }
    defer { inWork.remove(id) }
    let before = stages[id]
    let stage: CaseStage
    do { stage = try await advance(id, at: now) } catch let fault as LedgerFault {
      stage = .ledgerAway(code: fault.code)
    }
    stages[id] = stage
    if stage.isFinal || stage != before {
      pauses[id] = nil
    }
    if stage.isFinal { stages[id] = nil }
    switch stage {
    case .enclaveAway, .enclaveRefused, .answer, .noToken, .settling, .reclaiming, .ledgerAway:
      let length = min((pauses[id]?.length).map { $0 * 2 } ?? rules.backoffFirst, rules.backoffMax)
      pauses[id] = (clock.now + length, length)
    case .noEnclave, .waitingForClose, .empty, .missingEnvelopes, .waitingForProof, .staleRegistration,
      .settled,
      .reclaimed:
      break
    }
  }

  /// Does the next thing that is to be done for a case, and says where it then stands.
  private func advance(_ id: Bytes32, at now: LedgerMoment) async throws -> CaseStage {
    guard let ledgerCase = try await ledger.read(case: id) else { return .ledgerAway(code: "caseUnknown") }
    switch ledgerCase.record.status {
    case .settled: return try await end(id, .settled)
    case .reclaimed: return try await end(id, .reclaimed)
    case .open: break
    }
    let opening = ledgerCase.opening
    guard now.time < opening.expires else { return try await reclaim(id) }
    try await notice(ledgerCase)
    guard let known = try store.known(id), let registration = known.registration else { return .noEnclave }
    try checkpoint(.assigned, id)
    guard now.time >= opening.closes else { return .waitingForClose(opening.closes) }
    guard !ledgerCase.inputs.isEmpty else { return .empty }
    if let result = try store.result(of: id) {
      return try await settle(ledgerCase, result, registration, at: now)
    }
    let held = try store.envelopes(of: id)
    let missing = ledgerCase.inputs.indices.filter { held[ledgerCase.inputs[$0].commitment] == nil }
    guard missing.isEmpty else { return .missingEnvelopes(missing) }
    let record: RegistrationRecord
    switch await check(registration, at: now) {
    case .success(let live): record = live
    case .failure(let fault): return .staleRegistration(fault.why)
    }
    guard try await token(for: ledgerCase, registration, at: now) != nil else { return .noToken }
    try checkpoint(.tokenKept, id)
    guard let enclave = enclave(known.enclave) else { return .enclaveAway }
    let answer: EnclaveAnswer
    do throws(EnclaveFault) {
      var proof: CaseProof?
      if try await enclave.needsProof() {
        do { proof = try await ledger.proof(of: id, notBefore: opening.closes) } catch {
          return .ledgerAway(code: error.code)
        }
        if proof == nil { return .waitingForProof }
      }
      let envelopes = ledgerCase.inputs.compactMap { held[$0.commitment] }
      answer = try await enclave.compute(CaseWork(ledgerCase: ledgerCase, envelopes: envelopes, proof: proof))
    } catch {
      switch error {
      case .away: return .enclaveAway
      case .refused(let code): return .enclaveRefused(code: code)
      case .malformed: return .enclaveRefused(code: "malformed")
      }
    }
    try checkpoint(.computed, id)
    if let fault = self.fault(in: answer, for: ledgerCase, by: record, at: now) { return .answer(fault) }
    try store.keep(answer, for: id)
    try checkpoint(.answerKept, id)
    guard let result = try store.result(of: id) else { return .enclaveAway }
    return try await settle(ledgerCase, result, registration, at: now)
  }

  /// What the ledger would refuse of an answer, and whether the replies are the ones that the receipt commits to; nil
  /// for a good one.
  private func fault(
    in answer: EnclaveAnswer, for ledgerCase: LedgerCase, by record: RegistrationRecord, at now: LedgerMoment
  ) -> AnswerFault? {
    let receipt = answer.receipt
    if receipt.case != ledgerCase.id { return .anotherCase }
    if receipt.registration != record.content.registration { return .anotherRegistration }
    if receipt.inputs != ledgerCase.record.inputs { return .otherInputs }
    if receipt.program != ledgerCase.opening.program || receipt.policy != ledgerCase.opening.policy {
      return .otherProgram
    }
    if receipt.update != answer.update.root() { return .otherUpdate }
    guard let replies = try? SealedReply.root(answer.replies), replies == receipt.replies else {
      return .otherReplies
    }
    do {
      try EnclaveSignature.verify(
        digest: receipt.digest(domain: ledger.domain), signature: answer.signature, key: record.keys.signing,
        at: now.time)
    } catch { return .signature }
    return nil
  }

  /// The token of a case: the one that was issued, or another while none of them was used; nil when none can be signed.
  private func token(
    for ledgerCase: LedgerCase, _ registration: Bytes32, at now: LedgerMoment
  ) async throws(StoreFault) -> CoordinatorStore.SignedToken? {
    let last = try store.token(of: ledgerCase.id)
    if let last, last.token.registration == registration, last.token.inputs == ledgerCase.record.inputs,
      last.token.expires > now.time.saturatingAdd(rules.tokenMarginSeconds)
        || last.token.expires >= ledgerCase.opening.expires
    {
      return last
    }
    let token = Token(
      case: ledgerCase.id, inputs: ledgerCase.record.inputs, registration: registration,
      attempt: (last?.token.attempt ?? 0) + 1,
      expires: min(ledgerCase.opening.expires, now.time.saturatingAdd(rules.tokenSeconds)))
    guard let signature = await signer.sign(token.digest(domain: ledger.domain)) else { return nil }
    let signed = CoordinatorStore.SignedToken(token: token, signature: signature)
    try store.keep(signed)
    return signed
  }

  private func settle(
    _ ledgerCase: LedgerCase, _ result: CoordinatorStore.Result, _ registration: Bytes32, at now: LedgerMoment
  ) async throws -> CaseStage {
    if case .failure(let fault) = await check(registration, at: now) { return .staleRegistration(fault.why) }
    guard let token = try await token(for: ledgerCase, registration, at: now) else { return .noToken }
    do {
      try await ledger.settle(
        ledgerCase.id,
        by: SettlementResult(
          update: result.update, receipt: result.receipt, signature: result.signature,
          token: token.token.encoded(),
          tokenSignature: token.signature))
    } catch { return try await afterSending(ledgerCase.id, error) { .settling(code: $0) } }
    try checkpoint(.settled, ledgerCase.id)
    return try await end(ledgerCase.id, .settled)
  }

  private func reclaim(_ id: Bytes32) async throws -> CaseStage {
    do { try await ledger.reclaim(id) } catch {
      return try await afterSending(id, error) { .reclaiming(code: $0) }
    }
    return try await end(id, .reclaimed)
  }

  /// Somebody else may have done it, or it was done and nobody said so: the ledger knows.
  private func afterSending(
    _ id: Bytes32, _ fault: LedgerFault, _ stage: (String?) -> CaseStage
  ) async throws -> CaseStage {
    switch try await ledger.read(case: id)?.record.status {
    case .settled: return try await end(id, .settled)
    case .reclaimed: return try await end(id, .reclaimed)
    case .open, nil: return stage(fault.code)
    }
  }

  private func end(_ id: Bytes32, _ stage: CaseStage) async throws -> CaseStage {
    try store.end(id, stage == .settled ? "settled" : "reclaimed")
    try checkpoint(.ended, id)
    return stage
  }
}

extension UInt64 {
  /// The sum, or the largest number.
  package func saturatingAdd(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
