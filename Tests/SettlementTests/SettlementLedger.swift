import Attestation
import Crypto
import Digests
import Enclaves
import Encodings
import Foundation
import Gate
import Ledger
import LightClients
import Messages
import PacketHost
import Settlement
import SignatureSchemes
import StateTree
import WireBytes

/// An account with its key, for tests alone.
struct TestSigner: Sendable {
  let key: Curve25519.Signing.PrivateKey
  let account: AccountKey

  init(_ seed: UInt8) throws {
    key = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: seed, count: 32))
    account = .ed25519(try Bytes32([UInt8](key.publicKey.rawRepresentation)))
  }

  var address: AccountAddress { account.address }

  var publicKey: Bytes32 {
    guard case .ed25519(let bytes) = account else { return Bytes32() }
    return bytes
  }

  func sign(_ message: [UInt8]) throws -> [UInt8] { [UInt8](try key.signature(for: message)) }
}

/// An enclave whose keys the test has: it signs whatever it is told to.
struct TestEnclave {
  let signer: TestSigner
  let keys: EnclaveKeys

  var registration: Bytes32 { keys.registration }

  func evidence(
    program: Bytes32? = nil, policy: Bytes32? = nil, reportData: [UInt8]? = nil, issued: UInt64? = nil
  ) -> AttestationEvidence {
    SimulatedStatement(
      program: program ?? keys.program, policy: policy ?? keys.policy,
      reportData: reportData ?? keys.reportData.array, issued: Int64(issued ?? keys.issued)
    ).evidence
  }
}

/// A domain with settlement, funded accounts, and a validator whose key the test has.
struct SettlementLedger {
  static let gas: UInt64 = 200_000_000
  static let start: UInt64 = 1_780_000_000

  let alice: TestSigner
  let bob: TestSigner
  let carol: TestSigner
  let `operator`: TestSigner
  let coordinator: P256.Signing.PrivateKey
  let validator: TestSigner
  let domain: DomainID
  let module: SettlementModule
  let denom: Denom
  let other: Denom
  let program = Bytes32 { _ in 0xa1 }
  let enclavePolicy: Bytes32
  var chain: LedgerChain<MemoryStateStore>
  private(set) var history: [CommittedBlock] = []
  private var sequences: UInt64 = 0

  init(_ name: String = "harbor-1", enclavePolicy: Bytes32 = Bytes32 { _ in 0xb2 }) throws {
    self.enclavePolicy = enclavePolicy
    alice = try TestSigner(1)
    bob = try TestSigner(2)
    carol = try TestSigner(3)
    `operator` = try TestSigner(4)
    validator = try TestSigner(100)
    coordinator = try P256.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 7, count: 32))
    domain = try DomainID("cosmos:\(name)")
    module = try SettlementModule(domain: domain)
    denom = try Denom("stake")
    other = try Denom("ucause")
    let (stake, ucause) = (denom, other)
    let programs = LedgerPrograms.standard.with(module: module)
    let genesis = try Genesis(
      rules: try LedgerRules(chainID: name, feeDenom: ucause, modules: [SettlementModule.name]),
      time: try CometBFT.Timestamp(seconds: Int64(Self.start), nanoseconds: 5),
      validators: [Genesis.Validator(name: "validator", publicKey: validator.publicKey, power: 10)],
      balances: try ([1, 2, 3, 4] as [UInt8]).map { seed in
        let coins = [Coin(UInt256(UInt64(1_000_000)), stake), Coin(UInt256(UInt64(1_000_000_000_000)), ucause)]
        return Genesis.Balance(account: try TestSigner(seed).address, coins: coins)
      })
    chain = try LedgerChain(
      genesis: genesis, host: .ledger(domain: domain, programs: programs), programs: programs,
      store: MemoryStateStore())
  }

  var queries: LedgerQueries { LedgerQueries(chain.state) }

  func balance(_ account: AccountAddress, _ token: Denom? = nil) throws -> UInt64? {
    try queries.balance(of: account, token ?? denom).asUInt64
  }

  func coin(_ amount: UInt64) -> Coin { Coin(UInt256(amount), denom) }

  func fee(_ amount: UInt64) -> Coin { Coin(UInt256(amount), other) }

  /// The time of the next block.
  var time: UInt64 {
    get throws { UInt64(try chain.propose([]).header.time.seconds) }
  }

  func signed(_ messages: [LedgerMessage], by signer: TestSigner, gas: UInt64 = gas) throws -> [UInt8] {
    let account = try queries.account(signer.address)
    let unsigned = UnsignedTransaction(
      messages.map { $0.encoded() }, memo: "", timeoutHeight: 0, fee: [fee(gas / 1_000 + 1)], gasLimit: gas,
      key: signer.account, sequence: account?.sequence ?? 0, chainID: chain.rules.chainID,
      accountNumber: account?.number ?? 0)
    return unsigned.signed(try signer.sign(unsigned.signBytes))
  }

  /// Makes the next block; the one after it is `seconds` later.
  @discardableResult
  mutating func advance(_ transactions: [[UInt8]] = [], seconds: Int64 = 1) throws -> CommittedBlock {
    let block = try chain.propose(transactions)
    let outcome = try chain.execute(block)
    let now = try CometBFT.Timestamp(
      seconds: block.header.time.seconds + seconds, nanoseconds: block.header.time.nanoseconds)
    let votes = try block.voteRequests(chain.tip, rules: chain.rules, now: now, choice: .block).map {
      $0.signed(try Bytes64(try validator.sign($0.signBytes)))
    }
    let committed = try chain.commit(block, votes: votes, outcome: outcome)
    history.append(committed)
    return committed
  }

  /// Makes empty blocks until the next one has this time or a later one.
  mutating func wait(until time: UInt64) throws {
    let now = try self.time
    if now < time { try advance(seconds: Int64(time - now)) }
  }

  @discardableResult
  mutating func run(
    _ message: SettlementMessage, by signer: TestSigner, gas: UInt64 = gas
  ) throws -> TransactionResult {
    try advance([try signed([message.ledgerMessage], by: signer, gas: gas)]).outcome.results[0]
  }

  // MARK: Policies and enclaves

  /// An attestation policy for simulated enclaves of the test's program.
  func policy(
    programs: [Bytes32]? = nil, ageMaxSeconds: Int64? = nil
  ) throws -> AttestationPolicy {
    try AttestationPolicy(
      isProduction: false, ageMaxSeconds: ageMaxSeconds, driftMaxSeconds: 60,
      simulated: SimulatedPolicy(programs: programs ?? [program], policies: [enclavePolicy]))
  }

  @discardableResult
  mutating func store(_ policy: AttestationPolicy) throws -> Bytes32 {
    try run(.storePolicy(sender: alice.address, policy: [UInt8](policy.text.utf8)), by: alice)
    return policy.hash
  }

  /// Keys of an enclave of ``operator``, anchored at the newest block whose hash the ledger has.
  mutating func enclave(
    seed: UInt8 = 50, sequence: UInt64? = nil, program: Bytes32? = nil, policy: Bytes32? = nil,
    lifetime: UInt64 = 86_400, issued: UInt64? = nil, anchor: (height: UInt64, hash: Bytes32)? = nil,
    domain: DomainID? = nil, operator account: AccountAddress? = nil
  ) throws -> TestEnclave {
    sequences += 1
    if chain.tip.height == 0 { try advance() }
    let signer = try TestSigner(seed)
    let time = try issued ?? self.time
    guard let hash = chain.tip.blockID.hash else { throw TestError.noBlock }
    let keys = try EnclaveKeys(
      domain: InteroperableAddress(chain: domain ?? self.domain),
      operator: module.address(of: account ?? `operator`.address), program: program ?? self.program,
      policy: policy ?? enclavePolicy,
      signing: EnclaveVerificationKey(suite: .ed25519, bytes: signer.publicKey.array),
      sealing: SealingPublicKey(suite: .x25519, bytes: [UInt8](repeating: 9, count: 32)),
      sequence: sequence ?? sequences, anchorHeight: anchor?.height ?? UInt64(chain.tip.height),
      anchorHash: anchor?.hash ?? hash, issued: time, expires: time + lifetime)
    return TestEnclave(signer: signer, keys: keys)
  }

  func registration(
    of enclave: TestEnclave, evidence: AttestationEvidence? = nil, policy: Bytes32
  ) -> SettlementMessage {
    .registerEnclave(
      sender: `operator`.address, keys: enclave.keys.encoded(),
      evidence: (evidence ?? enclave.evidence()).encoded(), policy: policy)
  }

  /// A stored policy and a registered enclave.
  mutating func registered(
    seed: UInt8 = 50, lifetime: UInt64 = 86_400
  ) throws -> (enclave: TestEnclave, policy: Bytes32) {
    let policy = try policy()
    if try ask(.policy(policy.hash)) == nil { try store(policy) }
    let enclave = try enclave(seed: seed, lifetime: lifetime)
    let result = try run(registration(of: enclave, policy: policy.hash), by: `operator`)
    guard result.succeeded else { throw TestError.refused(result.log) }
    return (enclave, policy.hash)
  }

  // MARK: Cases

  var coordinatorKey: [UInt8] { [UInt8](coordinator.publicKey.compressedRepresentation) }

  func terms(
    policy: Bytes32, closes: UInt64, expires: UInt64, maximumInputs: UInt64 = 8, accepts: [Coin]? = nil,
    continues: Bytes32? = nil, program: Bytes32? = nil, coordinatorKey: [UInt8]? = nil,
    coordinatorSuite: String = "p256-sha256"
  ) -> CaseTerms {
    CaseTerms(
      program: program ?? self.program, policy: enclavePolicy, attestationPolicy: policy,
      coordinatorSuite: coordinatorSuite, coordinatorKey: coordinatorKey ?? self.coordinatorKey,
      closes: closes, expires: expires, maximumInputs: maximumInputs,
      accepts: accepts ?? [Coin(UInt256(UInt64(1)), denom), Coin(UInt256(UInt64(1)), other)],
      continues: continues)
  }

  /// Opens a case that closes in 60 seconds and expires in 600.
  mutating func opened(
    policy: Bytes32, maximumInputs: UInt64 = 8, accepts: [Coin]? = nil, continues: Bytes32? = nil
  ) throws -> Bytes32 {
    let time = try self.time
    let terms = terms(
      policy: policy, closes: time + 60, expires: time + 600, maximumInputs: maximumInputs, accepts: accepts,
      continues: continues)
    let result = try run(.openCase(sender: alice.address, terms), by: alice)
    guard case .opened(let id, _) = try answer(result) else { throw TestError.refused(result.log) }
    return id
  }

  func answer(_ result: TransactionResult) throws -> SettlementAnswer {
    guard result.succeeded else { throw TestError.refused(result.log) }
    return try SettlementAnswer(decoding: TransactionAnswers(decoding: result.payload).answers[0])
  }

  @discardableResult
  mutating func submit(
    _ commitment: Bytes32, nonce: UInt64 = 1, coins: [Coin] = [], to id: Bytes32, by signer: TestSigner
  ) throws -> TransactionResult {
    try run(
      .submit(sender: signer.address, case: id, commitment: commitment, nonce: nonce, coins: coins), by: signer)
  }

  func record(_ id: Bytes32) throws -> CaseRecord {
    guard let bytes = try chain.state.value(for: CaseKeys.record(id)) else { throw TestError.noRecord }
    return try CaseRecord(decoding: bytes)
  }

  func registrationRecord(_ id: Bytes32) throws -> RegistrationRecord {
    guard let bytes = try chain.state.value(for: SettlementKeys.registration(id)) else {
      throw TestError.noRecord
    }
    return try RegistrationRecord(decoding: bytes)
  }

  /// The answer to a query; nil when nothing is found.
  func ask(_ query: SettlementQuery) throws -> [UInt8]? {
    do throws(QueryRefusal) {
      return try chain.query(path: query.path.rawValue, request: query.encoded()).value
    } catch {
      guard error == .notFound else { throw error }
      return nil
    }
  }

  // MARK: Results

  /// What an enclave and a coordinator sign about a case; every part can be another one.
  struct Work {
    var update: Update
    var registration: Bytes32
    var program: Bytes32
    var policy: Bytes32
    var caseID: Bytes32
    var inputs: Bytes32
    var time: UInt64
    var updateRoot: Bytes32?
    var tokenCase: Bytes32
    var tokenInputs: Bytes32
    var tokenRegistration: Bytes32
    var tokenExpires: UInt64
    var sequence: UInt64 = 1
    var signer: TestSigner
    var coordinator: P256.Signing.PrivateKey
  }

  func work(
    _ id: Bytes32, by enclave: TestEnclave, payouts: [(AccountAddress, [Coin])],
    stateBefore: Bytes32 = Bytes32(), stateAfter: Bytes32 = Bytes32 { _ in 0x5a }
  ) throws -> Work {
    let record = try record(id)
    let update = try Update(
      payouts: payouts.map { account, coins in
        try Update.Payout(
          account: module.address(of: account),
          coins: coins.map { Update.Coin(denomination: [UInt8]($0.denom.text.utf8), amount: $0.amount) })
      }, stateBefore: stateBefore, stateAfter: stateAfter)
    return Work(
      update: update, registration: enclave.registration, program: enclave.keys.program,
      policy: enclave.keys.policy, caseID: id, inputs: record.inputs, time: try time, tokenCase: id,
      tokenInputs: record.inputs, tokenRegistration: enclave.registration, tokenExpires: try time + 120,
      signer: enclave.signer, coordinator: coordinator)
  }

  func message(_ work: Work, for id: Bytes32? = nil) throws -> SettlementMessage {
    let chain = try InteroperableAddress(chain: domain)
    let receipt = try Receipt(
      registration: work.registration, program: work.program, policy: work.policy, case: work.caseID,
      inputs: work.inputs, update: work.updateRoot ?? work.update.root(), replies: Bytes32 { _ in 0x11 },
      sequence: work.sequence, previous: work.sequence == 1 ? Bytes32() : Bytes32 { _ in 0x77 },
      time: work.time)
    let token = Token(
      case: work.tokenCase, inputs: work.tokenInputs, registration: work.tokenRegistration, attempt: 1,
      expires: work.tokenExpires)
    return .settle(
      sender: bob.address, case: id ?? work.caseID,
      SettlementResult(
        update: work.update.encoded(), receipt: receipt.encoded(),
        signature: try work.signer.sign(receipt.digest(domain: chain).array), token: token.encoded(),
        tokenSignature: try Self.p256(token.digest(domain: chain), by: work.coordinator)))
  }

  /// `r ‖ s` with low s over a digest.
  static func p256(_ digest: Bytes32, by key: P256.Signing.PrivateKey) throws -> [UInt8] {
    let signature = [UInt8](try key.signature(for: TestDigest(digest)).rawRepresentation)
    return EnclaveSignature.lowS(signature, suite: .p256)
  }
}

/// 32 bytes as what they are: a digest that was computed elsewhere.
struct TestDigest: Digest {
  static var byteCount: Int { 32 }
  let bytes: Bytes32

  init(_ bytes: Bytes32) { self.bytes = bytes }

  func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    // The pointer does not outlive `body`, whose word that is.
    let array = bytes.array
    return unsafe try array.withUnsafeBytes(body)
  }

  var description: String { "\(bytes)" }
}

enum TestError: Error { case noBlock, noRecord, refused(String), vectors }

extension TransactionResult {
  /// Whether the transaction was refused for exactly this reason, numbers included.
  func isRefused(_ refusal: SettlementRefusal) -> Bool {
    codespace == SettlementRefusal.codespace && code == refusal.code.number
      && log.hasSuffix(": \(refusal.code.name): \(refusal)")
  }
}
