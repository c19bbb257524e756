public import LightClients
public import Messages
public import WireBytes

/// What a destination knows of one domain under one policy: which claims were believed, which wait, and whether two of
/// them ever contradicted each other.
///
/// A pure value. Two claims that cannot both be true freeze it for good, and both pieces of evidence are kept: they are
/// the proof against whoever signed both.
public struct GateClient: Sendable {
  /// Claims kept; those of the lowest height go first.
  public static let claimCountMax = 4096
  /// Claims that wait; more are refused until some are believed.
  public static let waitingCountMax = 1024
  /// Headers that may be built upon.
  public static let trustedCountMax = 256

  /// Two claims that satisfied the policy and cannot both be true.
  public struct Conflict: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
      /// One height with two roots, two times, or two values of one path.
      case sameHeight
      /// A higher height with an earlier time.
      case time
    }

    public let kind: Kind
    public let first: Claim
    public let firstEvidence: Evidence
    public let second: Claim
    public let secondEvidence: Evidence
  }

  public enum Status: Hashable, Sendable {
    case active
    /// The newest verdict has expired: nothing can be built upon it.
    case expired(at: UnixTime)
    case frozen(Conflict)
  }

  /// What evidence that is right did.
  public enum Outcome: Hashable, Sendable {
    case accepted(Verdict)
    /// The claim was believed before; the verdict is the earlier one.
    case known(Verdict)
    /// Proven, and to be presented again at this time.
    case waiting(Claim, until: UnixTime)
    case frozen(Conflict)
  }

  private struct Record: Sendable {
    let claim: Claim
    let evidence: Evidence
    let recorded: UnixTime
    var verdict: Verdict?
  }

  public let policy: Policy
  public private(set) var conflict: Conflict?
  /// Headers that this client trusts, lowest first: those it began with and those that were proven since.
  public private(set) var trusted: [CometBFT.TrustedState]
  /// What this client remembers of enclaves, by ``EnclaveTierPolicy/identifier``.
  public private(set) var enclaves: [Bytes32: EnclaveMemory]
  private var records: [Record] = []

  /// - Parameter trusted: headers that the caller vouches for; the newest ``trustedCountMax`` are kept.
  /// - Parameter enclaves: what was remembered of enclaves before.
  public init(
    policy: Policy, trusted: [CometBFT.TrustedState] = [], enclaves: [Bytes32: EnclaveMemory] = [:]
  ) {
    self.policy = policy
    self.enclaves = enclaves
    self.trusted = Array(trusted.sorted { $0.height < $1.height }.suffix(Self.trustedCountMax))
  }

  public func status(at now: UnixTime) -> Status {
    if let conflict { return .frozen(conflict) }
    let newest = records.last { $0.verdict != nil }
    if let expires = newest?.verdict?.expires, expires <= now { return .expired(at: expires) }
    return .active
  }

  /// The verdict on `claim`, if it is believed and may still be used.
  ///
  /// - Throws: ``Refusal/frozen(_:)``, ``Refusal/unknownHeight(_:)`` or ``Refusal/expired(at:)``.
  public func verdict(on claim: Claim, at now: UnixTime) throws(Refusal) -> Verdict {
    if let conflict { throw .frozen(conflict.second.height) }
    guard let verdict = records.first(where: { $0.claim == claim && $0.verdict != nil })?.verdict else {
      throw .unknownHeight(claim.height ?? Height(0))
    }
    if let expires = verdict.expires, expires <= now { throw .expired(at: expires) }
    return verdict
  }

  /// Takes evidence: believes its claim, lets it wait, or freezes.
  ///
  /// - Parameter context: facts of the message and the destination's time; what this client recorded and trusts is
  ///   added to it.
  /// - Throws: ``Refusal``; the client is then as it was.
  public mutating func update(_ evidence: Evidence, in context: GateContext) throws(Refusal) -> Outcome {
    if let conflict { throw .frozen(conflict.second.height) }
    let context = GateContext(
      now: context.now, value: context.value, recipient: context.recipient, firstSeen: context.firstSeen,
      recorded: Dictionary(records.map { ($0.claim, $0.recorded) }) { first, _ in first }, trusted: trusted,
      enclaves: enclaves)
    let evaluation: Evaluation
    do { evaluation = try Gate.evaluation(policy.root, evidence, context) } catch {
      guard let waiting = error.waitingClaims.first else { throw error }
      return try wait(waiting.claim, until: waiting.until, evidence, context.now)
    }
    if let conflict = conflict(of: evaluation.claim, evidence) { return freeze(conflict) }
    let verdict = Verdict(
      claim: evaluation.claim, assumptions: evaluation.assumptions, expires: evaluation.expires,
      policyHash: policy.hash)
    if let index = records.firstIndex(where: { $0.claim == evaluation.claim }) {
      if let known = records[index].verdict { return .known(known) }
      records[index].verdict = verdict
    } else {
      insert(
        Record(claim: evaluation.claim, evidence: evidence, recorded: context.now, verdict: verdict))
    }
    trust(evaluation.trusted)
    enclaves.merge(evaluation.enclaves) { _, later in later }
    return .accepted(verdict)
  }

  private mutating func wait(
    _ claim: Claim, until: UnixTime, _ evidence: Evidence, _ now: UnixTime
  ) throws(Refusal) -> Outcome {
    if let conflict = conflict(of: claim, evidence) { return freeze(conflict) }
    if !records.contains(where: { $0.claim == claim }) {
      guard records.count(where: { $0.verdict == nil }) < Self.waitingCountMax else {
        throw .tooManyWaiting(max: Self.waitingCountMax)
      }
      insert(Record(claim: claim, evidence: evidence, recorded: now, verdict: nil))
    }
    return .waiting(claim, until: until)
  }

  private mutating func freeze(_ conflict: Conflict) -> Outcome {
    self.conflict = conflict
    return .frozen(conflict)
  }

  /// The first recorded claim that cannot be true beside this one.
  private func conflict(of claim: Claim, _ evidence: Evidence) -> Conflict? {
    for record in records where record.claim != claim {
      let kind: Conflict.Kind
      if record.claim.conflicts(with: claim) {
        kind = .sameHeight
      } else if Self.timesCross(record.claim, claim) {
        kind = .time
      } else {
        continue
      }
      return Conflict(
        kind: kind, first: record.claim, firstEvidence: record.evidence, second: claim,
        secondEvidence: evidence)
    }
    return nil
  }

  private static func timesCross(_ left: Claim, _ right: Claim) -> Bool {
    guard let leftHeight = left.height, let rightHeight = right.height, let leftTime = left.timestamp,
      let rightTime = right.timestamp
    else { return false }
    return leftHeight < rightHeight ? leftTime > rightTime : rightHeight < leftHeight && rightTime > leftTime
  }

  /// Keeps records in the order of their heights.
  private mutating func insert(_ record: Record) {
    if records.count >= Self.claimCountMax { records.removeFirst() }
    let height = record.claim.height ?? Height(0)
    let index = records.firstIndex { ($0.claim.height ?? Height(0)) > height } ?? records.count
    records.insert(record, at: index)
  }

  private mutating func trust(_ headers: [CometBFT.TrustedState]) {
    for header in headers where !trusted.contains(header) { trusted.append(header) }
    trusted.sort { $0.height < $1.height }
    if trusted.count > Self.trustedCountMax { trusted.removeFirst(trusted.count - Self.trustedCountMax) }
  }
}
