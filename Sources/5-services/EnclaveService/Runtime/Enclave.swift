internal import Attestation
public import ContractHost
internal import Digests
public import Enclaves
internal import LightClients
public import Messages
internal import Secrets
public import SignerJournal
internal import Synchronization
public import WireBytes

/// What an enclave is for.
public enum EnclaveWorkload: Sendable {
  /// Computes cases with a program in WASM under a policy.
  case cases(wasm: [UInt8], policy: EnclavePolicy, library: WasmtimeLibrary)
  /// Follows a chain and signs its transitions.
  case follow(FollowPolicy)

  /// The first case, with the wasmtime that is installed.
  public static func cases(wasm: [UInt8], policy: EnclavePolicy) throws(CaseProgramError) -> EnclaveWorkload {
    do { return .cases(wasm: wasm, policy: policy, library: try WasmtimeLibrary.find()) } catch {
      throw .engine(error)
    }
  }

  /// What is measured.
  public var identity: EnclaveIdentity {
    switch self {
    case .cases(let wasm, let policy, _): EnclaveIdentity(program: wasm, policy: policy)
    case .follow(let policy): EnclaveIdentity(following: policy)
    }
  }
}

extension EnclaveIdentity {
  /// Of an enclave that computes cases.
  public init(program wasm: [UInt8], policy: EnclavePolicy) {
    self.init(program: SHA256Hash.hash(wasm), policy: policy.hash)
  }

  /// Of an enclave that follows a chain.
  public init(following policy: FollowPolicy) {
    self.init(program: FollowPolicy.program, policy: policy.hash)
  }
}

/// Whose an enclave is, and how long its keys live.
public struct EnclaveConfiguration: Sendable {
  /// The log's folder; exists, and belongs to this process alone.
  public let folder: String
  /// Where the log's anchor lies: best on another medium. Nil for the folder's own.
  public let anchors: String?
  /// The settlement domain: ERC-7930, chain alone.
  public let domain: InteroperableAddress
  /// The account that registers the keys.
  public let `operator`: InteroperableAddress
  public let signing: EnclaveSigningKind
  public let sealing: SealingSuite
  public let lifetimeSeconds: UInt64
  /// Raises the platform's counter with each answer rather than at starts alone: an older copy of the folder is noticed
  /// whenever it was made, at the price of one write to the TPM's memory for each answer.
  public let raisesCounterWithEachAnswer: Bool

  public init(
    folder: String, anchors: String? = nil, domain: InteroperableAddress, operator: InteroperableAddress,
    signing: EnclaveSigningKind = .p256, sealing: SealingSuite = .xWing, lifetimeSeconds: UInt64 = 86_400,
    raisesCounterWithEachAnswer: Bool = true
  ) {
    self.folder = folder
    self.anchors = anchors
    self.domain = domain
    self.operator = `operator`
    self.signing = signing
    self.sealing = sealing
    self.lifetimeSeconds = lifetimeSeconds
    self.raisesCounterWithEachAnswer = raisesCounterWithEachAnswer
  }
}

/// An enclave: measured before it runs, with keys that are made here and never leave, and a log of what it answered.
///
/// **Written before answered.** What is signed goes to the log, and the log to the disk, before the signature leaves this
/// object. Asked again, also by who comes after a crash, it gives what the log has, byte for byte; asked about the same
/// case with other inputs, it refuses.
///
/// A class: it owns the log, the keys and the platform, and does one thing at a time.
public final class Enclave: Sendable {
  /// Cases, or transitions, that one log holds.
  public static let answersMax = 65_536
  /// Bytes of answers that are held in memory.
  public static let answerBytesMax = 256 << 20
  /// Registrations that are remembered with their evidence.
  static let registrationsMax = 1_024
  static let lifetimeSeconds: ClosedRange<UInt64> = 60...(366 * 86_400)

  private struct State: ~Copyable {
    var log: SealedLog
    var memory: EnclaveMemoryState
    var ring = KeyRing()
    /// Set by the first failure to write: nothing is answered after it.
    var failure: SealedLogFailure?
  }

  public let identity: EnclaveIdentity
  public let configuration: EnclaveConfiguration
  private let platform: any EnclavePlatform
  private let program: CaseProgram?
  private let policy: EnclavePolicy?
  private let clock: @Sendable () -> UInt64
  private let state: Mutex<State>
  private let published: Mutex<EnclaveStatus>

  /// Measures, opens the log, and only then loads the program.
  ///
  /// - Parameters:
  ///   - clock: UNIX seconds by the machine's clock.
  ///   - files: where the log is.
  public init(
    _ configuration: EnclaveConfiguration, workload: EnclaveWorkload, platform: any EnclavePlatform,
    files: any DurableFiles = SystemFiles(), clock: @escaping @Sendable () -> UInt64 = EnclaveClock.system
  ) throws(EnclaveStartRefusal) {
    guard Self.lifetimeSeconds.contains(configuration.lifetimeSeconds) else {
      throw .lifetime(configuration.lifetimeSeconds)
    }
    if configuration.signing == .tpm, platform.chip == nil { throw .signing(.unsupported(.tpm)) }
    identity = workload.identity
    self.configuration = configuration
    self.platform = platform
    self.clock = clock
    let now = clock()
    let secret: Secrets.SharedSecret
    do throws(EnclavePlatformError) {
      // The log's key before the measurement: a platform may close it off after.
      secret = try platform.storageSecret()
      try platform.measure(identity, at: now)
    } catch { throw .platform(error) }
    var memory: EnclaveMemoryState
    switch workload {
    case .cases(let wasm, let policy, let library):
      do { program = try CaseProgram(wasm, library: library) } catch { throw .program(error) }
      self.policy = policy
      memory = EnclaveMemoryState(follower: nil)
    case .follow(let policy):
      program = nil
      self.policy = nil
      memory = EnclaveMemoryState(follower: ChainFollower(policy))
    }
    let log: SealedLog
    do throws(SealedLogRefusal) {
      log = try SealedLog.open(
        folder: configuration.folder, anchors: configuration.anchors ?? configuration.folder + "/anchors",
        secret: secret, counter: platform.counter,
        raising: configuration.raisesCounterWithEachAnswer ? .everyAnswer : .starts, files: files,
        at: now &* 1_000
      ) { (entry: LogEntry) throws(LogOrderError) in try memory.replay(entry) }
    } catch { throw .log(error) }
    let status = EnclaveStatus(
      platform: platform.name, isSimulated: platform.isSimulated, identity: identity, epoch: log.epoch,
      answers: UInt64(memory.answerCount), sequence: memory.sequence, registrations: [],
      followed: memory.follower?.state, failed: false)
    state = Mutex(State(log: log, memory: memory))
    published = Mutex(status)
  }

  // MARK: Keys

  /// New keys with new evidence. Older keys go on opening and signing until they expire.
  ///
  /// - Parameter anchor: a recent block of the settlement domain, not below the last one used.
  public func rotate(_ anchor: EnclaveAnchor) throws(EnclaveRefusal) -> EnclaveRegistration {
    let now = clock()
    return try withState { (state: inout State) throws(EnclaveRefusal) -> EnclaveRegistration in
      state.ring.expire(at: now)
      guard !state.ring.isFull else { throw .registrations(max: KeyRing.generationsMax) }
      guard state.memory.registrations.count < Self.registrationsMax else {
        throw .registrations(max: Self.registrationsMax)
      }
      if let last = state.memory.anchorHeight, anchor.height < last {
        throw .anchor(last: last, actual: anchor.height)
      }
      let signing: SigningSecret
      do throws(EnclaveSigningError) {
        signing = try SigningSecret(configuration.signing, tpm: platform.chip)
      } catch { throw .signing(error) }
      let keys: EnclaveKeys
      let sealing: EphemeralSealingKey
      do throws(SealingError) { sealing = try EphemeralSealingKey(configuration.sealing) } catch {
        throw .signing(.invalidSignature)
      }
      do throws(EnclaveFormatError) {
        keys = try EnclaveKeys(
          domain: configuration.domain, operator: configuration.operator, program: identity.program,
          policy: identity.policy, signing: signing.publicKey, sealing: sealing.publicKey,
          sequence: state.memory.sequence + 1, anchorHeight: anchor.height, anchorHash: anchor.hash,
          issued: now,
          expires: now + configuration.lifetimeSeconds)
      } catch { throw .format(error) }
      let evidence: AttestationEvidence
      do throws(EnclavePlatformError) { evidence = try platform.attest(keys.reportData) } catch {
        throw .platform(error)
      }
      let registration = EnclaveRegistration(keys: keys, evidence: evidence)
      let entry = LogEntry.keys(
        sequence: keys.sequence, registration: registration.id, keys: keys.encoded(),
        evidence: evidence.encoded())
      try write(entry, to: &state, at: now)
      state.ring.add(KeyRing.Generation(registration: registration, signing: signing, sealing: sealing))
      return registration
    }
  }

  /// The newest keys.
  public func keys() throws(EnclaveRefusal) -> EnclaveRegistration {
    try withState { (state: inout State) throws(EnclaveRefusal) -> EnclaveRegistration in
      guard let newest = state.ring.newest else { throw .noKeys }
      return newest.registration
    }
  }

  /// Keys and evidence of any registration that this log knows, also of one that is over.
  public func evidence(of registration: Bytes32) throws(EnclaveRefusal) -> EnclaveRegistration {
    try withState { (state: inout State) throws(EnclaveRefusal) -> EnclaveRegistration in
      guard let known = state.memory.registrations[registration] else {
        throw .unknownRegistration(registration)
      }
      return known
    }
  }

  // MARK: Cases

  /// Computes a case once: opens its envelopes, asks the program, signs, writes down, answers.
  ///
  /// - Returns: ``CaseAnswer/encoded()``: for one case and inputs always the same bytes.
  public func compute(_ job: ComputationJob) throws(EnclaveRefusal) -> [UInt8] {
    guard let program, let policy else { throw .unsupported(.compute) }
    let now = clock()
    return try withState { (state: inout State) throws(EnclaveRefusal) -> [UInt8] in
      let name: Bytes32
      let inputs: Bytes32
      do throws(EnclaveFormatError) {
        name = try CaseIdentity.id(domain: configuration.domain, number: job.opening.number)
        inputs = try CaseInputs.root(job.inputs.map(\.commitment))
      } catch { throw .format(error) }
      // By case alone: another registration of the same enclave does not compute it a second time.
      if let stored = state.memory.answers[name] {
        guard stored.inputs == inputs else {
          throw .otherInputs(case: name, computed: stored.inputs, actual: inputs)
        }
        return stored.answer
      }
      guard state.memory.answerCount < Self.answersMax, state.memory.answerBytes < Self.answerBytesMax else {
        throw .cases(max: Self.answersMax)
      }
      state.ring.expire(at: now)
      let generation = try Self.generation(for: job, in: state.ring)
      guard let log = state.memory.receipts[generation.registration.id] else {
        throw .unknownRegistration(generation.registration.id)
      }
      let opened: OpenedCase
      do throws(ComputationRefusal) {
        let computation = try CaseComputation(keys: generation.registration.keys, policy: policy)
        switch try computation.admit(job, log: log, now: now) {
        // The log has what memory has.
        case .stored(let entry): throw .otherInputs(stored: entry.inputs, actual: inputs)
        case .fresh(let admitted): opened = try admitted.open(with: generation.sealing)
        }
      } catch { throw .job(error) }
      let said: [UInt8]
      do throws(CaseProgramError) { said = try program.answer(opened.programInput, gas: policy.gas) } catch {
        throw .program(error)
      }
      let computed: ComputedCase
      do throws(ProgramAnswerError) { computed = try opened.finish(said, log: log) } catch {
        throw .answer(error)
      }
      let signature: [UInt8]
      do throws(EnclaveSigningError) { signature = try generation.signing.sign(computed.digest) } catch {
        throw .signing(error)
      }
      let answer = CaseAnswer(
        receipt: computed.receipt, signature: signature, update: computed.update, replies: computed.replies
      ).encoded()
      let entry = LogEntry.answer(
        sequence: computed.receipt.sequence, case: name, inputs: inputs, answer: answer)
      try write(entry, to: &state, at: now)
      return answer
    }
  }

  /// The keys that most envelopes of a job are sealed to, among those held; the newest for a job without any, or for a tie.
  private static func generation(
    for job: ComputationJob, in ring: KeyRing
  ) throws(EnclaveRefusal) -> KeyRing.Generation {
    guard let newest = ring.newest else { throw .noKeys }
    var counts: [Bytes32: Int] = [:]
    for envelope in job.envelopes { counts[envelope.header.registration, default: 0] += 1 }
    var chosen = newest
    for registration in ring.registrations.reversed() {
      let count = counts[registration.id] ?? 0
      if count > counts[chosen.registration.id] ?? 0, let generation = ring[registration.id] {
        chosen = generation
      }
    }
    // None of the envelopes is for keys that are held: whoever asked has the wrong enclave, or it was restarted.
    if let first = job.envelopes.first, counts[chosen.registration.id] == nil {
      throw .unknownRegistration(first.header.registration)
    }
    return chosen
  }

  // MARK: Following

  /// Verifies a block against the state that was reached, and signs the step to it; a block that was signed for already
  /// gives the same bytes again.
  ///
  /// - Returns: ``SignedTransition/encoded()``.
  public func follow(_ block: FollowedBlock) throws(EnclaveRefusal) -> [UInt8] {
    let now = clock()
    return try withState { (state: inout State) throws(EnclaveRefusal) -> [UInt8] in
      guard let follower = state.memory.follower else { throw .unsupported(.follow) }
      // The commit is not looked at: the same header gives the same transition, whoever signed it.
      if let reached = FollowedState(block.signedHeader.header),
        let signed = state.memory.transitions[reached.identifier]
      {
        return signed
      }
      guard state.memory.answerCount < Self.answersMax else { throw .cases(max: Self.answersMax) }
      state.ring.expire(at: now)
      guard let newest = state.ring.newest else { throw .noKeys }
      let step: ChainFollower.Step
      do throws(FollowRefusal) { step = try follower.step(block, at: now) } catch { throw .block(error) }
      let transition = step.transition(by: newest.registration.id)
      let signature: [UInt8]
      do throws(EnclaveSigningError) {
        signature = try newest.signing.sign(transition.digest(bindingHash: follower.policy.binding))
      } catch { throw .signing(error) }
      let signed = SignedTransition(transition: transition, signature: signature).encoded()
      let entry = LogEntry.transition(
        height: step.height, previous: transition.previous, next: transition.next, signed: signed,
        trusted: step.next.encoded())
      try write(entry, to: &state, at: now)
      return signed
    }
  }

  // MARK: State

  public func status() -> EnclaveStatus { published.withLock { $0 } }

  /// Writes an entry to disk, and only then to memory.
  private func write(_ entry: LogEntry, to state: inout State, at now: UInt64) throws(EnclaveRefusal) {
    do throws(SealedLogFailure) {
      try state.log.append(entry, at: now &* 1_000)
    } catch {
      if case .recordLength(let max, let actual) = error { throw .answerTooLarge(max: max, actual: actual) }
      state.failure = error
      throw .records(error)
    }
    do throws(LogOrderError) { try state.memory.replay(entry) } catch {
      preconditionFailure("an entry that was just made does not follow from the log")
    }
  }

  private func withState<Result: Sendable>(
    _ body: (inout State) throws(EnclaveRefusal) -> Result
  ) throws(EnclaveRefusal) -> Result {
    try state.withLock { (state: inout sending State) throws(EnclaveRefusal) -> Result in
      if let failure = state.failure { throw .records(failure) }
      defer {
        let status = EnclaveStatus(
          platform: platform.name, isSimulated: platform.isSimulated, identity: identity,
          epoch: state.log.epoch,
          answers: UInt64(state.memory.answerCount), sequence: state.memory.sequence,
          registrations: state.ring.registrations.map {
            EnclaveStatus.Registration(
              id: $0.id, sequence: $0.keys.sequence, issued: $0.keys.issued, expires: $0.keys.expires)
          }, followed: state.memory.follower?.state, failed: state.failure != nil)
        published.withLock { $0 = status }
      }
      return try body(&state)
    }
  }
}
