import LightClients
import Messages
import WireBytes

/// The first of the two questions: who says that this state is final, and is that enough for this destination?
///
/// The second, what that state contains, is ``Membership``'s. Both are pure: the same arguments give the same answer.
public enum Gate {
  /// Decides whether `evidence` satisfies `policy` at the destination's time.
  ///
  /// - Returns: the claim with all premises on which it rests, and the moment from which it must not be used.
  /// - Throws: ``Refusal`` with the first reason in the order of the policy. All evidence is untrusted; none traps.
  /// - Complexity: one signature check for each signature given, bounded by the limits of each tier and by
  ///   ``Policy/nodeCountMax``.
  public static func evaluate(
    _ policy: Policy, _ evidence: Evidence, in context: GateContext
  ) throws(Refusal) -> Verdict {
    let evaluation = try evaluation(policy.root, evidence, context)
    return Verdict(
      claim: evaluation.claim, assumptions: evaluation.assumptions, expires: evaluation.expires,
      policyHash: policy.hash)
  }

  /// The claim of one node. The depth of the recursion is that of the policy, which was checked.
  static func evaluation(
    _ node: Policy.Node, _ evidence: Evidence, _ context: GateContext
  ) throws(Refusal) -> Evaluation {
    switch node {
    case .attested(let policy): return try attested(policy, evidence, context)
    case .cometBFT(let policy):
      guard case .cometBFT(let header) = evidence else {
        throw .evidenceKind(expected: .cometBFT, actual: evidence.kind)
      }
      do { return try policy.claim(header, trusted: context.trusted, at: context.now) } catch {
        throw .cometBFT(error)
      }
    case .enclave(let policy):
      guard case .enclave(let transition) = evidence else {
        throw .evidenceKind(expected: .enclave, actual: evidence.kind)
      }
      let memory = context.enclaves[policy.identifier] ?? EnclaveMemory(state: policy.start)
      do { return try policy.claim(transition, memory: memory, at: context.now) } catch {
        throw .enclave(error)
      }
    case .all(let parts): return try all(parts, evidence, context)
    case .any(let parts): return try threshold(1, parts, evidence, context)
    case .threshold(let required, let parts): return try threshold(required, parts, evidence, context)
    case .route(let route): return try evaluation(try branch(of: route, context), evidence, context)
    case .delay(let above, let seconds, let then):
      guard let value = context.value else { throw .contextMissing(.value) }
      var evaluation = try evaluation(then, evidence, context)
      guard value > above else { return evaluation }
      let until = (context.recorded[evaluation.claim] ?? context.now).adding(seconds: seconds)
      guard context.now >= until else { throw .waiting(evaluation.claim, until: until) }
      evaluation.assumptions.append(.timelyWatcher(windowSeconds: seconds))
      return evaluation
    }
  }

  private static func attested(
    _ policy: AttestedPolicy, _ evidence: Evidence, _ context: GateContext
  ) throws(Refusal) -> Evaluation {
    switch policy.mode {
    case .causeway:
      guard case .attested(let evidence) = evidence else {
        throw .evidenceKind(expected: .attested, actual: evidence.kind)
      }
      do {
        let (claim, expires) = try policy.claim(evidence, at: context.now)
        return Evaluation(claim: claim, assumptions: policy.assumptions, expires: expires, trusted: [])
      } catch { throw .attestation(error) }
    case .eureka:
      guard case .eureka(let proof) = evidence else {
        throw .evidenceKind(expected: .eureka, actual: evidence.kind)
      }
      let claim: Claim
      do { claim = try policy.eurekaClaim(proof) } catch { throw .eureka(error) }
      var expires: UnixTime?
      if let timestamp = claim.timestamp {
        do { expires = try policy.check(timestamp, at: context.now) } catch { throw .attestation(error) }
      }
      return Evaluation(claim: claim, assumptions: policy.assumptions, expires: expires, trusted: [])
    }
  }

  /// One piece of evidence for each part.
  private static func pieces(_ evidence: Evidence, count: Int) throws(Refusal) -> [Evidence?] {
    guard case .parts(let pieces) = evidence else {
      throw .evidenceKind(expected: .parts, actual: evidence.kind)
    }
    guard pieces.count == count else { throw .partCount(expected: count, actual: pieces.count) }
    return pieces
  }

  private static func all(
    _ parts: [Policy.Node], _ evidence: Evidence, _ context: GateContext
  ) throws(Refusal) -> Evaluation {
    let pieces = try pieces(evidence, count: parts.count)
    if let missing = pieces.firstIndex(of: nil) { throw .partMissing(missing) }
    var accepted: [Evaluation] = []
    for (index, part) in parts.enumerated() {
      guard let piece = pieces[index] else { throw .partMissing(index) }
      let evaluation: Evaluation
      do { evaluation = try Self.evaluation(part, piece, context) } catch { throw .part(index, error) }
      if let first = accepted.first, first.claim != evaluation.claim {
        throw .claimsDiffer(part: index, first.claim, evaluation.claim)
      }
      accepted.append(evaluation)
    }
    guard let combined = Evaluation(agreeing: accepted) else {
      throw .threshold(required: 1, accepted: 0, [])
    }
    return combined
  }

  /// The first claim on which `required` parts agree; parts that vouch for something else do not stand in its way.
  private static func threshold(
    _ required: Int, _ parts: [Policy.Node], _ evidence: Evidence, _ context: GateContext
  ) throws(Refusal) -> Evaluation {
    let pieces = try pieces(evidence, count: parts.count)
    var agreeing: [(claim: Claim, parts: [Evaluation])] = []
    var refusals: [Refusal.PartRefusal] = []
    for (index, part) in parts.enumerated() {
      guard let piece = pieces[index] else { continue }
      let evaluation: Evaluation
      do { evaluation = try Self.evaluation(part, piece, context) } catch {
        refusals.append(Refusal.PartRefusal(part: index, error))
        continue
      }
      let place = agreeing.firstIndex { $0.claim == evaluation.claim } ?? agreeing.count
      if place == agreeing.count { agreeing.append((evaluation.claim, [])) }
      agreeing[place].parts.append(evaluation)
      if agreeing[place].parts.count >= required, let combined = Evaluation(agreeing: agreeing[place].parts) {
        return combined
      }
    }
    throw .threshold(required: required, accepted: agreeing.map(\.parts.count).max() ?? 0, refusals)
  }

  private static func branch(of route: Policy.Route, _ context: GateContext) throws(Refusal) -> Policy.Node {
    let taken: Policy.Node?
    switch route.by {
    case .value:
      guard let value = context.value else { throw .contextMissing(.value) }
      taken = route.first { if case .valueUpTo(let bound) = $0 { value <= bound } else { false } }
    case .recipient:
      guard let recipient = context.recipient else { throw .contextMissing(.recipient) }
      taken = route.first { $0 == .recipient(recipient) }
    case .age:
      guard let seen = context.firstSeen else { throw .contextMissing(.firstSeen) }
      let age = context.now.seconds(since: seen)
      taken = route.first { if case .ageUpTo(let bound) = $0 { age <= bound } else { false } }
    }
    guard let node = taken ?? route.otherwise else { throw .noRoute(route.by) }
    return node
  }
}

extension Policy.Route {
  fileprivate func first(where fits: (Key) -> Bool) -> Policy.Node? {
    branches.first { fits($0.key) }?.policy
  }
}

/// What a node vouches for, before it is a verdict of the whole policy.
struct Evaluation {
  var claim: Claim
  var assumptions: [Assumption]
  var expires: UnixTime?
  /// Headers that may be built upon from now on.
  var trusted: [CometBFT.TrustedState]
  /// What a client remembers of enclaves from now on, by the leaf of the policy.
  var enclaves: [Bytes32: EnclaveMemory]

  init(
    claim: Claim, assumptions: [Assumption], expires: UnixTime?, trusted: [CometBFT.TrustedState],
    enclaves: [Bytes32: EnclaveMemory] = [:]
  ) {
    self.claim = claim
    self.assumptions = assumptions
    self.expires = expires
    self.trusted = trusted
    self.enclaves = enclaves
  }

  /// What parts that vouch for one claim say together: it is false only if all of them are wrong. Nil without parts.
  init?(agreeing parts: [Evaluation]) {
    guard let first = parts.first else { return nil }
    self = first
    guard parts.count > 1 else { return }
    assumptions = [.atLeastOneGroup(parts.map(\.assumptions))]
    expires = parts.compactMap(\.expires).min()
    trusted = parts.flatMap(\.trusted)
    enclaves = parts.reduce(into: [:]) { all, part in all.merge(part.enclaves) { _, later in later } }
  }
}

extension AttestedPolicy {
  /// The claim that a Eureka proof makes: a height's time, or what is stored under some paths.
  ///
  /// - Throws: ``EurekaRefusal``.
  func eurekaClaim(_ proof: EurekaProof) throws(EurekaRefusal) -> Claim {
    let attesters = try EurekaAttesters(
      addresses: attesters.map { Bytes20($0.key.span, at: 0) }, required: UInt8(clamping: quorum))
    try attesters.verify(
      proof.signatures, digest: AttestationDigest.eureka(form: form, attestation: proof.attestation))
    switch form {
    case .state:
      let state = try EurekaState(decoding: proof.attestation.span)
      guard state.height > 0, state.timestampSeconds > 0 else {
        throw .invalidState(height: state.height, timestamp: state.timestampSeconds)
      }
      return .height(
        HeightClaim(
          domain: origin, height: Height(state.height), timestamp: UnixTime(seconds: state.timestampSeconds)))
    case .packets:
      let packets = try EurekaPackets(decoding: proof.attestation.span)
      guard !packets.entries.isEmpty else { throw .emptyPackets }
      return .packets(
        PacketsClaim(
          domain: origin, height: Height(packets.height), timestamp: nil, entries: packets.entries))
    }
  }
}
