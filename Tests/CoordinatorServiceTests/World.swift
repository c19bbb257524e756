import CoordinatorService
import Crypto
import Digests
import Enclaves
import Foundation
import Messages
import Settlement
import Synchronization
import WireBytes

/// A directory of its own for one test, gone with the value.
final class Folder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("coordinator-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

struct Crash: Error {}

/// A ledger that a test moves: it records, and settles what is well signed, once.
final class ScriptedLedger: SettlementLedger {
  struct State {
    var height: UInt64 = 1
    var time: UInt64 = 1_000
    var cases: [Bytes32: LedgerCase] = [:]
    var numbers: UInt64 = 1
    var registrations: [Bytes32: RegistrationRecord] = [:]
    var settlements: [Bytes32: [SettlementResult]] = [:]
    var reclaims: [Bytes32: Int] = [:]
    /// What the next transactions end with.
    var faults: [LedgerFault] = []
    var isAway = false
    /// The next settlement happens, and nobody is told.
    var isMute = false
  }

  let domain: InteroperableAddress
  let domainID: DomainID
  let state = Mutex(State())

  init() throws {
    domainID = try DomainID("cosmos:harbor-1")
    domain = try InteroperableAddress(chain: domainID)
  }

  func account(_ number: UInt8) throws -> InteroperableAddress {
    try InteroperableAddress(domain: domainID, address: [UInt8](repeating: number, count: 20))
  }

  func pass(_ seconds: UInt64) {
    state.withLock {
      $0.time += seconds
      $0.height += 1
    }
  }

  private func awake<Value>(_ body: (inout State) throws(LedgerFault) -> Value) throws(LedgerFault) -> Value {
    try state.withLock { state throws(LedgerFault) in
      guard !state.isAway else { throw .unreachable(code: "network.unreachable") }
      return try body(&state)
    }
  }

  func moment() async throws(LedgerFault) -> LedgerMoment {
    try awake { state throws(LedgerFault) in LedgerMoment(height: state.height, time: state.time) }
  }

  func moment(above height: UInt64, patience: Duration) async throws(LedgerFault) -> LedgerMoment {
    try await moment()
  }
  func nextNumber() async throws(LedgerFault) -> UInt64 {
    try awake { state throws(LedgerFault) in state.numbers }
  }
  func read(case id: Bytes32) async throws(LedgerFault) -> LedgerCase? {
    try awake { state throws(LedgerFault) in state.cases[id] }
  }
  func registration(_ id: Bytes32) async throws(LedgerFault) -> RegistrationRecord? {
    try awake { state throws(LedgerFault) in state.registrations[id] }
  }
  func proof(of id: Bytes32, notBefore time: UInt64) async throws(LedgerFault) -> CaseProof? { nil }

  func settle(_ id: Bytes32, by result: SettlementResult) async throws(LedgerFault) {
    try awake { state throws(LedgerFault) in
      if !state.faults.isEmpty { throw state.faults.removeFirst() }
      guard let known = state.cases[id], known.record.status == .open else {
        throw .refused(code: "caseSettled")
      }
      guard let receipt = try? Receipt(decoding: result.receipt),
        let token = try? Token(decoding: result.token),
        token.expires > state.time
      else { throw .refused(code: "tokenExpired") }
      state.settlements[id, default: []].append(result)
      state.cases[id] = try? Self.with(known, .settled, receipt: receipt.digest(domain: domain))
      if state.isMute { throw .unreachable(code: "network.timedOut") }
    }
  }

  func reclaim(_ id: Bytes32) async throws(LedgerFault) {
    try awake { state throws(LedgerFault) in
      if !state.faults.isEmpty { throw state.faults.removeFirst() }
      guard let known = state.cases[id], known.record.status == .open else {
        throw .refused(code: "caseReclaimed")
      }
      state.reclaims[id, default: 0] += 1
      state.cases[id] = try? Self.with(known, .reclaimed, receipt: Bytes32())
    }
  }

  static func with(
    _ known: LedgerCase, _ status: CaseRecord.Status, receipt: Bytes32, inputs: [CaseInput]? = nil
  ) throws -> LedgerCase {
    let inputs = inputs ?? known.inputs
    let record = try CaseRecord(
      opening: known.opening.root(), closes: known.opening.closes, expires: known.opening.expires,
      status: status,
      inputs: try CaseInputs.root(inputs.map(\.commitment)), inputCount: UInt16(inputs.count),
      head: Bytes32(), linkCount: 1, escrow: [], receipt: receipt)
    return LedgerCase(id: known.id, opening: known.opening, record: record, inputs: inputs)
  }
}

/// An enclave with real keys, and answers that a test may spoil.
final class ScriptedEnclave: CoordinatedEnclave {
  struct State {
    var isAway = false
    var refusal: String?
    var spoils: AnswerFault?
    var log: [Bytes32: EnclaveAnswer] = [:]
    var calls = 0
    var signed = 0
  }

  let name: String
  let held: EnclaveKeys
  private let signing: Curve25519.Signing.PrivateKey
  private let domain: InteroperableAddress
  let state = Mutex(State())

  init(_ name: String, _ ledger: ScriptedLedger, seed: UInt8, expires: UInt64 = 100_000) throws {
    self.name = name
    domain = ledger.domain
    signing = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: seed, count: 32))
    held = try EnclaveKeys(
      domain: ledger.domain, operator: ledger.account(seed), program: World.program, policy: World.policy,
      signing: EnclaveVerificationKey(suite: .ed25519, bytes: [UInt8](signing.publicKey.rawRepresentation)),
      sealing: World.sealing.publicKey, sequence: 1, anchorHeight: 1, anchorHash: Bytes32 { _ in 1 },
      issued: 900,
      expires: expires)
    let content = RegistrationContent(
      registration: held.registration, attestationPolicy: World.attestation, evidence: Bytes32 { _ in 3 },
      registered: 950, height: 1, expires: expires)
    let record = try RegistrationRecord(
      keys: held, content: content, status: .live, head: Bytes32(), linkCount: 1)
    ledger.state.withLock { $0.registrations[held.registration] = record }
  }

  func keys() async throws(EnclaveFault) -> EnclaveKeys {
    guard !state.withLock({ $0.isAway }) else { throw .away }
    return held
  }

  func needsProof() async throws(EnclaveFault) -> Bool { false }

  func compute(_ work: CaseWork) async throws(EnclaveFault) -> EnclaveAnswer {
    try state.withLock { state throws(EnclaveFault) in
      guard !state.isAway else { throw .away }
      if let code = state.refusal { throw .refused(code: code) }
      state.calls += 1
      let id = work.ledgerCase.id
      if let known = state.log[id] { return known }
      do {
        let answer = try answer(work, spoiled: state.spoils)
        state.signed += 1
        if state.spoils == nil { state.log[id] = answer }
        return answer
      } catch { throw .malformed }
    }
  }

  private func answer(_ work: CaseWork, spoiled: AnswerFault?) throws -> EnclaveAnswer {
    let other = Bytes32 { _ in 0xee }
    let update = try Update(payouts: [], stateBefore: Bytes32(), stateAfter: other)
    let reply = try EphemeralSealingKey(.x25519)
    let replies = try work.ledgerCase.inputs.map {
      try SealedReply(
        sealing: [1, 2, 3], to: reply.publicKey, registration: held.registration, case: work.ledgerCase.id,
        commitment: $0.commitment, index: 0)
    }
    let receipt = try Receipt(
      registration: spoiled == .anotherRegistration ? other : held.registration,
      program: spoiled == .otherProgram ? other : held.program, policy: held.policy,
      case: spoiled == .anotherCase ? other : work.ledgerCase.id,
      inputs: spoiled == .otherInputs ? other : work.ledgerCase.record.inputs,
      update: spoiled == .otherUpdate ? other : update.root(),
      replies: spoiled == .otherReplies ? other : SealedReply.root(replies), sequence: 1, previous: Bytes32(),
      time: 1_000)
    var signature = [UInt8](try signing.signature(for: receipt.digest(domain: domain).array))
    if spoiled == .signature { signature[5] ^= 1 }
    return EnclaveAnswer(receipt: receipt, signature: signature, update: update, replies: replies)
  }
}

/// A coordinator's key; its signatures are counted.
final class ScriptedSigner: TokenSigning {
  private let signing: Curve25519.Signing.PrivateKey
  let key: EnclaveVerificationKey
  let isAway = Mutex(false)

  init() throws {
    signing = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 77, count: 32))
    key = try EnclaveVerificationKey(suite: .ed25519, bytes: [UInt8](signing.publicKey.rawRepresentation))
  }

  func sign(_ digest: Bytes32) async -> [UInt8]? {
    guard !isAway.withLock({ $0 }) else { return nil }
    return try? [UInt8](signing.signature(for: digest.array))
  }
}

/// A ledger, enclaves and the file of a coordinator, which may be opened again and again.
final class World: Sendable {
  static let program = Bytes32 { _ in 0xa1 }
  static let policy = Bytes32 { _ in 0xb2 }
  static let attestation = Bytes32 { _ in 0xc3 }
  static let marker = "a-very-secret-bid-of-4711"
  static let sealing: EphemeralSealingKey = {
    guard let key = try? EphemeralSealingKey(.x25519) else {
      preconditionFailure("the system has random numbers")
    }
    return key
  }()

  let folder: Folder
  let ledger: ScriptedLedger
  let enclaves: [ScriptedEnclave]
  let signer: ScriptedSigner

  init(enclaveCount: Int = 1, expires: UInt64 = 100_000) throws {
    folder = try Folder()
    let ledger = try ScriptedLedger()
    self.ledger = ledger
    enclaves = try (0..<enclaveCount).map {
      try ScriptedEnclave("enclave-\($0 + 1)", ledger, seed: UInt8(10 + $0), expires: expires)
    }
    signer = try ScriptedSigner()
  }

  func open(
    _ rules: CoordinatorRules = CoordinatorRules(),
    checkpoint: @escaping @Sendable (Coordinator.Checkpoint, Bytes32) throws -> Void = { _, _ in }
  ) throws -> Coordinator {
    var rules = rules
    rules.backoffFirst = .zero
    rules.backoffMax = .zero
    return try Coordinator(
      ledger: ledger, enclaves: enclaves, signer: signer, path: folder.path + "/c.sqlite", rules: rules,
      checkpoint: checkpoint)
  }

  /// Opens a case on the ledger that closes in 100 seconds and expires in 1,000.
  func newCase(key: EnclaveVerificationKey? = nil, program: Bytes32 = World.program) throws -> Bytes32 {
    let (number, time) = ledger.state.withLock { ($0.numbers, $0.time) }
    let id = try CaseIdentity.id(domain: ledger.domain, number: number)
    let opening = try CaseOpening(
      number: number, opener: ledger.account(1), program: program, policy: Self.policy,
      attestationPolicy: Self.attestation, coordinator: key ?? signer.key, opened: time, closes: time + 100,
      expires: time + 1_000, maximumInputs: 8, accepts: [])
    let record = try CaseRecord(
      opening: opening.root(), closes: opening.closes, expires: opening.expires, status: .open,
      inputs: try CaseInputs.root([]), inputCount: 0, head: Bytes32(), linkCount: 1, escrow: [])
    ledger.state.withLock {
      $0.cases[id] = LedgerCase(id: id, opening: opening, record: record, inputs: [])
      $0.numbers += 1
    }
    return id
  }

  /// Seals an input, and records it on the ledger.
  func submit(
    _ id: Bytes32, by sender: UInt8, to enclave: Int = 0, nonce: UInt64 = 1, recordsSender: UInt8? = nil,
    records: Bool = true, expires: UInt64 = 100_000
  ) throws -> SealedEnvelope {
    let reply = try EphemeralSealingKey(.x25519)
    let envelope = try SealedEnvelope(
      sealing: SealedInput(
        reply: reply.publicKey, body: [UInt8](Self.marker.utf8), salt: Bytes32 { _ in sender }),
      to: enclaves[enclave].held, case: id, sender: ledger.account(sender), nonce: nonce, expires: expires)
    let input = try CaseInput(
      sender: ledger.account(recordsSender ?? sender), nonce: nonce, commitment: envelope.commitment,
      coins: [])
    if records {
      try ledger.state.withLock { state in
        guard let known = state.cases[id] else { return }
        state.cases[id] = try ScriptedLedger.with(
          known, .open, receipt: Bytes32(), inputs: known.inputs + [input])
      }
    }
    return envelope
  }

  func settlements(of id: Bytes32) -> [SettlementResult] {
    ledger.state.withLock { $0.settlements[id] ?? [] }
  }
}
