public import Attestation
public import Messages
public import WireBytes

/// A state transition that an attested enclave signed, and, where its key is not registered yet, what registers it.
public struct EnclaveEvidence: Hashable, Sendable {
  /// An enclave's keys, and the evidence of its hardware that it holds them.
  public struct Registration: Hashable, Sendable {
    public let keys: EnclaveKeys
    public let evidence: AttestationEvidence
    /// Bytes of statement and collateral: what there is to be read and hashed.
    public var evidenceSize: Int { evidence.statement.count + evidence.collateral.count }

    public init(keys: EnclaveKeys, evidence: AttestationEvidence) {
      self.keys = keys
      self.evidence = evidence
    }
  }

  public let registration: Registration?
  public let transition: Transition
  public let signature: [UInt8]

  public init(registration: Registration? = nil, transition: Transition, signature: [UInt8]) {
    self.registration = registration
    self.transition = transition
    self.signature = signature
  }
}

/// Why a transition of an enclave does not satisfy a policy.
public indirect enum EnclaveTierError: Error, Hashable, Sendable {
  case program(expected: Bytes32, actual: Bytes32)
  case enclavePolicy(expected: Bytes32, actual: Bytes32)
  /// The hardware vouches for something else than these keys.
  case notBound(expected: [UInt8], actual: [UInt8])
  /// The hardware's log names another program or policy than the keys do.
  case measured(expected: Bytes32, actual: [UInt8])
  /// Keys from further ahead than five minutes.
  case keysFromFuture(aheadSeconds: UInt64)
  case attestation(AttestationRefusal)
  case registrationExpired(at: UnixTime)
  case tooManyRegistrations(max: Int)
  /// No enclave is registered under this name; its registration must come first, or with the transition.
  case notRegistered(Bytes32)
  /// The transition goes on from another state than the one that this client has reached.
  case previousState(expected: Bytes32, actual: Bytes32)
  /// A transition from a state to itself.
  case noTransition
  case heightZero
  case timestampZero
  case tooOld(ageSeconds: UInt64, max: UInt64)
  case fromFuture(aheadSeconds: UInt64, max: UInt64)
  case signature(AttesterSignatureError)
}

extension EnclaveTierPolicy {
  /// Clocks of enclaves may run ahead of the destination's by so much when they make their keys.
  static let keyDriftMaxSeconds: UInt64 = 300

  /// The claim that `evidence` proves, and the memory with what it adds.
  ///
  /// - Throws: ``EnclaveTierError``; all of the evidence is untrusted.
  func claim(
    _ evidence: EnclaveEvidence, memory: EnclaveMemory, at now: UnixTime
  ) throws(EnclaveTierError) -> Evaluation {
    var memory = memory
    let transition = evidence.transition
    // What costs nothing comes first; the quote, with its chains, last but one.
    guard transition.height > 0 else { throw .heightZero }
    guard transition.time > 0 else { throw .timestampZero }
    guard transition.previous != transition.next else { throw .noTransition }
    if let state = memory.state, state != transition.previous {
      throw .previousState(expected: state, actual: transition.previous)
    }
    let moment = UnixTime(seconds: transition.time)
    let fresh = try check(moment, at: now)
    if let registration = evidence.registration {
      try register(registration, in: &memory, at: now)
    }
    guard let enclave = memory.registrations.first(where: { $0.keys.registration == transition.registration })
    else { throw .notRegistered(transition.registration) }
    guard now < enclave.expires else { throw .registrationExpired(at: enclave.expires) }
    do throws(AttesterSignatureError) {
      try Attester(enclave.keys.signing)
        .verify(evidence.signature, digest: transition.digest(bindingHash: AttestationDigest.bindingHash(binding)), at: now)
    } catch { throw .signature(error) }
    if memory.state != nil { memory.state = transition.next }
    return Evaluation(
      claim: .state(
        StateClaim(
          domain: origin, height: Height(revision: transition.revision, transition.height),
          root: transition.stateRoot, timestamp: moment)),
      assumptions: [
        .callerTrusts(.header), .enclave(platform: enclave.platform, measurement: enclave.measurement),
      ],
      expires: [fresh, enclave.expires].compactMap { $0 }.min(), trusted: [],
      enclaves: [identifier: memory])
  }

  /// Verifies keys and their evidence, and remembers them; a registration that is known costs nothing.
  private func register(
    _ registration: EnclaveEvidence.Registration, in memory: inout EnclaveMemory, at now: UnixTime
  ) throws(EnclaveTierError) {
    let keys = registration.keys
    guard !memory.registrations.contains(where: { $0.keys == keys }) else { return }
    guard keys.program == program else { throw .program(expected: program, actual: keys.program) }
    guard keys.policy == enclavePolicy else {
      throw .enclavePolicy(expected: enclavePolicy, actual: keys.policy)
    }
    let ahead = UnixTime(seconds: keys.issued).seconds(since: now)
    guard ahead <= Self.keyDriftMaxSeconds else { throw .keysFromFuture(aheadSeconds: ahead) }
    let keysExpire = UnixTime(seconds: keys.expires)
    guard now < keysExpire else { throw .registrationExpired(at: keysExpire) }
    memory.registrations.removeAll { $0.expires <= now }
    guard memory.registrations.count < EnclaveMemory.registrationCountMax else {
      throw .tooManyRegistrations(max: EnclaveMemory.registrationCountMax)
    }
    let result: AttestationResult
    do throws(AttestationRefusal) {
      result = try AttestationVerifier.verify(
        registration.evidence, under: attestation, at: .live(Int64(clamping: now.seconds)))
    } catch { throw .attestation(error) }
    let reportData = keys.reportData.array
    guard result.reportData == reportData else {
      throw .notBound(expected: reportData, actual: result.reportData)
    }
    // Where the platform's log names the program, it must be the one that the keys name; elsewhere the measured image is
    // the runtime, which names what it loaded in its keys.
    if let measured = result.measurement("program"), measured != keys.program.array {
      throw .measured(expected: keys.program, actual: measured)
    }
    if let measured = result.measurement("policy"), measured != keys.policy.array {
      throw .measured(expected: keys.policy, actual: measured)
    }
    // The evidence counts up to and with its last second.
    let expires = min(keysExpire, UnixTime(seconds: UInt64(clamping: result.expires)).adding(seconds: 1))
    guard now < expires else { throw .registrationExpired(at: expires) }
    memory.registrations.append(
      RegisteredEnclave(
        keys: keys, platform: result.platform.rawValue, measurement: keys.program.description, expires: expires))
  }

  /// Compares a state's time with the destination's; gives the moment from which it is too old.
  private func check(_ timestamp: UnixTime, at now: UnixTime) throws(EnclaveTierError) -> UnixTime? {
    guard let freshness else { return nil }
    let age = now.seconds(since: timestamp)
    guard age <= freshness.ageMaxSeconds else { throw .tooOld(ageSeconds: age, max: freshness.ageMaxSeconds) }
    let ahead = timestamp.seconds(since: now)
    guard ahead <= freshness.driftMaxSeconds else {
      throw .fromFuture(aheadSeconds: ahead, max: freshness.driftMaxSeconds)
    }
    return timestamp.adding(seconds: freshness.ageMaxSeconds).adding(seconds: 1)
  }
}

extension EnclaveTierError {
  /// One sentence for people, without a final stop.
  public var plainWords: String {
    switch self {
    case .program(let expected, let actual): "the enclave's program is \(actual), and the policy wants \(expected)"
    case .enclavePolicy(let expected, let actual):
      "the enclave's own policy is \(actual), and the gate's wants \(expected)"
    case .notBound: "the hardware's evidence is not for these keys: its report data is another"
    case .measured(let expected, let actual):
      "the hardware measured \(Hex.encode(actual)), and the keys name \(expected)"
    case .keysFromFuture(let ahead): "the enclave's keys were made \(ahead) seconds ahead of the destination's time"
    case .attestation(let refusal): "the evidence of the enclave's hardware is refused: \(refusal)"
    case .registrationExpired(let at): "the enclave's registration expired at Unix time \(at)"
    case .tooManyRegistrations(let max): "\(max) enclaves are registered already, and none has expired"
    case .notRegistered(let id): "no enclave is registered as \(id): bring its registration with the transition"
    case .previousState(let expected, let actual):
      "the transition goes on from state \(actual), and this client is at \(expected)"
    case .noTransition: "the transition leads from a state to itself"
    case .heightZero: "height 0 is no height"
    case .timestampZero: "time 0 is no time"
    case .tooOld(let age, let max): "the state is \(age) seconds old, and at most \(max) is allowed"
    case .fromFuture(let ahead, let max):
      "the state is \(ahead) seconds ahead of the destination's time, and at most \(max) is allowed"
    case .signature(let error): "the signature is not the enclave's over this transition: \(error)"
    }
  }
}
