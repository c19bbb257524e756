import Encodings
import Gate
import Messages
import Testing
import WireBytes

@Suite("Combinators")
struct CombinatorTests {
  let vectors: GateVectors
  let a: Policy.Node
  let b: Policy.Node
  init() throws {
    vectors = try GateVectors()
    a = try vectors.attested([1, 2, 3])
    b = try vectors.attested([4, 5, 6])
  }

  private func good(_ name: String, _ keys: [Int]) throws -> Evidence {
    .attested(try vectors.evidence(name, keys: keys))
  }

  private func evaluate(_ node: Policy.Node, _ evidence: Evidence, _ context: GateContext? = nil) throws
    -> Verdict
  {
    try Gate.evaluate(try Policy(node), evidence, in: context ?? GateVectors.context())
  }

  private let few = AttestationError.quorum(required: 2, signed: 1)

  @Test("all needs every part and one claim")
  func all() throws {
    let policy = Policy.Node.all([a, b])
    let first = try good("state 10", [1, 2])
    let verdict = try evaluate(policy, .parts([first, good("state 10", [4, 6])]))
    let premise = Assumption.attesters(required: 2, of: 3, suite: "secp256k1-address")
    #expect(verdict.assumptions == [.atLeastOneGroup([[premise], [premise]])])
    #expect(throws: Refusal.partMissing(1)) { try evaluate(policy, .parts([first, nil])) }
    #expect(throws: Refusal.partCount(expected: 2, actual: 1)) { try evaluate(policy, .parts([first])) }
    #expect(throws: Refusal.evidenceKind(expected: .parts, actual: .attested)) { try evaluate(policy, first) }
    let weak = try good("state 10", [4])
    #expect(throws: Refusal.part(1, .attestation(few))) { try evaluate(policy, .parts([first, weak])) }
    let other = try good("state 10, other root", [4, 5])
    let refusal = #expect(throws: Refusal.self) { try evaluate(policy, .parts([first, other])) }
    #expect(refusal?.code == "claimsDiffer")
  }

  @Test("any takes the first part that accepts")
  func any() throws {
    let policy = Policy.Node.any([a, b])
    let weak = try good("state 10", [1])
    let verdict = try evaluate(policy, .parts([weak, good("state 10", [4, 5])]))
    #expect(verdict.assumptions == [.attesters(required: 2, of: 3, suite: "secp256k1-address")])
    #expect(
      throws: Refusal.threshold(required: 1, accepted: 0, [.init(part: 0, .attestation(few))])
    ) { try evaluate(policy, .parts([weak, nil])) }
    #expect(throws: Refusal.threshold(required: 1, accepted: 0, [])) {
      try evaluate(policy, .parts([nil, nil]))
    }
  }

  @Test("threshold counts parts that agree, and lets a liar not stand in the way")
  func threshold() throws {
    let c = try vectors.attested([1, 5], quorum: 2)
    let policy = Policy.Node.threshold(required: 2, of: [a, b, c])
    let lie = try good("state 10, other root", [1, 2])
    let truth = try good("state 10", [4, 5])
    let third = Evidence.attested(try vectors.evidence("state 10", keys: [1, 5], places: [0, 1]))
    let verdict = try evaluate(policy, .parts([lie, truth, third]))
    #expect(verdict.claim == (try evaluate(b, truth)).claim)
    #expect(throws: Refusal.threshold(required: 2, accepted: 1, [])) {
      try evaluate(policy, .parts([lie, truth, nil]))
    }
  }

  @Test("a route is chosen by value, recipient or age")
  func route() throws {
    let byValue = Policy.Node.route(
      .init(by: .value, branches: [.init(.valueUpTo(UInt256(1000)), a)], otherwise: b))
    let forA = try good("state 10", [1, 2])
    let forB = try good("state 10", [4, 5])
    _ = try evaluate(byValue, forA, GateVectors.context(value: 1000))
    _ = try evaluate(byValue, forB, GateVectors.context(value: 1001))
    #expect(throws: Refusal.contextMissing(.value)) { try evaluate(byValue, forA) }
    let refusal = #expect(throws: Refusal.self) {
      try evaluate(byValue, forA, GateVectors.context(value: 1001))
    }
    #expect(refusal?.code == "attestation.signature")

    let recipient = try InteroperableAddress(
      domain: DomainID("eip155:1"), address: [UInt8](repeating: 1, count: 20))
    let byRecipient = Policy.Node.route(
      .init(by: .recipient, branches: [.init(.recipient(recipient), b)], otherwise: nil))
    _ = try evaluate(byRecipient, forB, GateVectors.context(recipient: recipient))
    let stranger = try InteroperableAddress(
      domain: DomainID("eip155:1"), address: [UInt8](repeating: 2, count: 20))
    #expect(throws: Refusal.noRoute(.recipient)) {
      try evaluate(byRecipient, forB, GateVectors.context(recipient: stranger))
    }
    #expect(throws: Refusal.contextMissing(.recipient)) { try evaluate(byRecipient, forB) }

    let byAge = Policy.Node.route(
      .init(by: .age, branches: [.init(.ageUpTo(seconds: 60), b)], otherwise: a))
    _ = try evaluate(byAge, forB, GateVectors.context(firstSeen: 1_699_999_950))
    _ = try evaluate(byAge, forA, GateVectors.context(firstSeen: 1_699_999_949))
    #expect(throws: Refusal.contextMissing(.firstSeen)) { try evaluate(byAge, forA) }
  }

  @Test("a valuable message waits in the destination's time")
  func delay() throws {
    let policy = try Policy(.delay(above: UInt256(100), seconds: 600, then: a))
    let evidence = try good("state 10", [1, 2])
    _ = try Gate.evaluate(policy, evidence, in: GateVectors.context(value: 100))
    #expect(throws: Refusal.contextMissing(.value)) {
      try Gate.evaluate(policy, evidence, in: GateVectors.context())
    }
    var client = GateClient(policy: policy)
    guard
      case .waiting(let claim, let until) = try client.update(evidence, in: GateVectors.context(value: 101))
    else {
      Issue.record("did not wait")
      return
    }
    #expect(until == UnixTime(seconds: 1_700_000_610))
    #expect(throws: Refusal.unknownHeight(Height(10))) { try client.verdict(on: claim, at: until) }
    let early = try client.update(evidence, in: GateVectors.context(now: 1_700_000_609, value: 101))
    #expect(early == .waiting(claim, until: until))
    guard
      case .accepted(let verdict) = try client.update(
        evidence, in: GateVectors.context(now: 1_700_000_610, value: 101))
    else {
      Issue.record("did not accept")
      return
    }
    #expect(verdict.assumptions.contains(.timelyWatcher(windowSeconds: 600)))
    #expect(try client.verdict(on: claim, at: until) == verdict)
  }

  @Test(
    "a contradiction freezes for good and keeps both pieces of evidence",
    arguments: [
      ("state 10, other root", GateClient.Conflict.Kind.sameHeight), ("state 10, other time", .sameHeight),
      ("state 11, earlier time", .time),
    ])
  func freeze(name: String, kind: GateClient.Conflict.Kind) throws {
    var client = GateClient(policy: try Policy(a))
    let first = try good("state 10", [1, 2])
    guard case .accepted(let verdict) = try client.update(first, in: GateVectors.context()) else {
      Issue.record("did not accept")
      return
    }
    #expect(try client.update(first, in: GateVectors.context()) == .known(verdict))
    let second = try good(name, [2, 3])
    guard case .frozen(let conflict) = try client.update(second, in: GateVectors.context()) else {
      Issue.record("did not freeze")
      return
    }
    #expect(conflict.kind == kind)
    #expect(conflict.firstEvidence == first)
    #expect(conflict.secondEvidence == second)
    #expect(client.status(at: UnixTime(seconds: 0)) == .frozen(conflict))
    let next = try good("state 11", [1, 2])
    #expect(throws: Refusal.frozen(conflict.second.height)) {
      try client.update(next, in: GateVectors.context())
    }
    #expect(throws: Refusal.frozen(conflict.second.height)) {
      try client.verdict(on: verdict.claim, at: UnixTime(seconds: 0))
    }
  }

  @Test("packets that contradict each other freeze, others do not")
  func packets() throws {
    var client = GateClient(policy: try Policy(try vectors.attested([1, 2, 3], form: .packets)))
    _ = try client.update(good("packets 10", [1, 2]), in: GateVectors.context())
    let second = try client.update(good("packets 10, other value", [1, 2]), in: GateVectors.context())
    guard case .frozen(let conflict) = second else {
      Issue.record("did not freeze")
      return
    }
    #expect(conflict.kind == .sameHeight)
  }

  @Test("an old verdict expires")
  func expiry() throws {
    let fresh = try vectors.attested([1, 2, 3], freshness: .init(ageMaxSeconds: 100, driftMaxSeconds: 3))
    var client = GateClient(policy: try Policy(fresh))
    guard
      case .accepted(let verdict) = try client.update(good("state 10", [1, 2]), in: GateVectors.context())
    else {
      Issue.record("did not accept")
      return
    }
    let last = UnixTime(seconds: 1_700_000_100)
    #expect(client.status(at: last) == .active)
    _ = try client.verdict(on: verdict.claim, at: last)
    let end = UnixTime(seconds: 1_700_000_101)
    #expect(client.status(at: end) == .expired(at: end))
    #expect(throws: Refusal.expired(at: end)) { try client.verdict(on: verdict.claim, at: end) }
  }
}
