import AttestService
import ChainAccess
import Digests
import Gate
import LocalKeys
import Messages
import StateTree
import Synchronization
import Testing
import WireBytes

@Suite("Attester")
struct AttesterTests {
  let bench: Bench
  var domain: ScriptedDomain { bench.domain }
  init() throws { bench = try Bench() }

  /// Three blocks: packets 1 to 9 were sent in the first, packet 1 ended in the second.
  private func fill() throws {
    try domain.commit(
      (1...9).map { (try Bench.path($0), Bench.word(UInt8($0))) } + [(try Bench.path(4, .receipt), [2])])
    try domain.commit([(try Bench.path(1), nil)])
    try domain.commit()
  }

  @Test(
    "signs what Gate believes under three of four: a state, packets and absence",
    arguments: [AttestedOrigin.Reading.proven, .ownNode])
  func believed(reading: AttestedOrigin.Reading) async throws {
    try fill()
    let services = try (0..<3).map { try bench.service($0, reading: reading) }
    let state = bench.question(2)
    var answers: [AttestationAnswer] = []
    for service in services { answers.append(try await service.attest(state)) }
    let verdict = try bench.verdict(state, answers)
    let root = try domain.script.withLock { try $0.tree.root(at: 1) }
    #expect(
      verdict.claim
        == .state(
          StateClaim(
            domain: domain.domain, height: bench.height(2), root: root,
            timestamp: UnixTime(seconds: 1_700_000_010))))
    #expect(verdict.assumptions == [.attesters(required: 3, of: 4, suite: "secp256k1-address")])

    let paths = [
      try Bench.path(9), try Bench.path(1), try Bench.path(2, .receipt), try Bench.path(4, .receipt),
    ]
    for (height, first) in [(UInt64(2), Bench.word(1)), (3, Bench.word(0))] {
      let packets = bench.question(height, paths)
      var answers: [AttestationAnswer] = []
      for service in services { answers.append(try await service.attest(packets)) }
      #expect(Set(answers.map(\.body)).count == 1)
      let claim = try bench.verdict(packets, answers).claim
      let want = [Bench.word(9), first, Bench.word(0), SHA256Hash.hash([2]).array]
      #expect(
        answers[0].body
          == .packets(
            try zip(paths, want).map { StoredEntry(pathHash: $0.hash(), commitment: try Bytes32($1)) }))
      _ = try Membership.prove(
        paths[0], holds: Bench.word(9), in: claim, store: .listed(prefix: []), by: .listed)
      _ = try Membership.proveAbsence(of: paths[2], in: claim, store: .listed(prefix: []), by: .listed)
    }
  }

  @Test("signs the digest that the specification works out")
  func specified() throws {
    let statement = AttestedStatement(
      binding: try AttestationBinding(
        origin: DomainID("cosmos:demo-1"), router: [UInt8]("ibc".utf8), client: ClientID("client-0")),
      height: Height(10), timestamp: UnixTime(seconds: 1_700_000_000),
      body: .state(root: SHA256Hash.hash([UInt8]("root".utf8))))
    #expect(
      statement.digest.description == "0x90a660cf3a2241511af869bc7e79eb3976161a0e5b7333c937cb06786e76065c")
  }

  @Test("puts the host's prefix before keys and hashes")
  func prefixed() async throws {
    try domain.commit([(try Bench.path(1), Bench.word(1))])
    try domain.commit()
    let bytes = try Bench.path(1).bytes
    let path = PacketPath(.commitment, client: try ClientID("lient-7x"), sequence: .first)
    #expect(path.bytes.count == bytes.count)
    let service = AttesterService(
      attester: try bench.attester(), signer: KeySigner(key: bench.keys[0]),
      origins: [AttestedOrigin(domain, reading: .proven, storePrefix: [0x63])], serves: [bench.binding],
      record: try bench.record())
    let answer = try await service.attest(bench.question(2, [path]))
    #expect(
      answer.body
        == .packets([StoredEntry(pathHash: path.hash(prefix: [0x63]), commitment: Bytes32())]))
  }

  @Test("serves its bindings and no other")
  func bindings() async throws {
    try fill()
    let service = try bench.service()
    let (router, client) = (bench.binding.router, bench.binding.client)
    for binding in [
      try AttestationBinding(origin: domain.domain, router: router, client: ClientID("client-1")),
      try AttestationBinding(origin: domain.domain, router: router + [0], client: client),
      try AttestationBinding(origin: DomainID("cosmos:island-1"), router: router, client: client),
    ] {
      let question = AttestationQuestion(binding: binding, height: bench.height(2), subject: .state)
      #expect(await Bench.failure(service, question) == .bindingUnknown)
    }
    #expect(domain.script.withLock { $0.headsAsked } == 0)
    // A binding whose domain it cannot read.
    let blind = AttesterService(
      attester: try bench.attester(), signer: KeySigner(key: bench.keys[0]), origins: [],
      serves: [bench.binding], record: try bench.record())
    #expect(await Bench.failure(blind, bench.question(2)) == .bindingUnknown)
  }

  @Test("believes headers that a quorum tells, whatever the one endpoint of the values says")
  func quorumOfHeaders() async throws {
    try fill()
    let liar = try ScriptedDomain("harbor-1")
    try liar.commit([(try Bench.path(1), Bench.word(7))])
    try liar.commit()
    let quorum = try QuorumAccess(2, of: [domain, domain, liar])
    func service(_ values: ScriptedDomain, _ reading: AttestedOrigin.Reading) throws -> AttesterService {
      AttesterService(
        attester: try bench.attester(), signer: KeySigner(key: bench.keys[0]),
        origins: [AttestedOrigin(values, headers: quorum, reading: reading)], serves: [bench.binding],
        record: try bench.record("quorum-\(values === domain)-\(reading)"))
    }
    let paths = [try Bench.path(1)]
    let answer = try await service(domain, .proven).attest(bench.question(2, paths))
    #expect(try await bench.service().attest(bench.question(2, paths)).body == answer.body)
    _ = try await service(domain, .ownNode).attest(bench.question(2, paths))
    #expect(await Bench.failure(try service(liar, .proven), bench.question(2, paths)) == .endpoint(.unproven))
    #expect(
      await Bench.failure(try service(liar, .ownNode), bench.question(2, paths)) == .endpoint(.disagreement))
    // Two that differ are no quorum: nothing is signed.
    let split = AttesterService(
      attester: try bench.attester(), signer: KeySigner(key: bench.keys[0]),
      origins: [AttestedOrigin(domain, headers: try QuorumAccess(2, of: [domain, liar]), reading: .proven)],
      serves: [bench.binding], record: try bench.record("split"))
    #expect(await Bench.failure(split, bench.question(2, paths)) == .endpoint(.disagreement))
  }

  @Test("waits for finality, and knows one revision")
  func finality() async throws {
    try fill()
    domain.set { $0.final = 2 }
    let service = try bench.service()
    let final = bench.height(2)
    #expect(await Bench.failure(service, bench.question(3)) == .notFinal(final: final))
    #expect(await Bench.failure(service, bench.question(.max)) == .notFinal(final: final))
    #expect(await Bench.failure(service, bench.question(0)) == .endpoint(.heightUnknown(0)))
    for revision in [UInt64(0), 2, .max] {
      let question = AttestationQuestion(
        binding: bench.binding, height: Height(revision: revision, 2), subject: .state)
      #expect(await Bench.failure(service, question) == .notFinal(final: final))
    }
    _ = try await service.attest(bench.question(2))
    domain.set { $0.final = 3 }
    _ = try await service.attest(bench.question(3))
    #expect(try await bench.record().watermark(origin: domain.domain, height: bench.height(4)) == nil)
  }

  @Test("refuses lists that Gate would refuse, before it reads anything")
  func lists() async throws {
    try fill()
    let service = try bench.service()
    let many = try (1...1025).map { try Bench.path($0) }
    #expect(await Bench.failure(service, bench.question(2, [])) == .noPaths)
    #expect(await Bench.failure(service, bench.question(2, many)) == .tooManyPaths(max: 1024))
    let cases: [([UInt64], Int)] = [([1, 1], 1), ([1, 2, 1], 2), ([3, 2, 1, 3], 3), ([5, 4, 4], 2)]
    for (sequences, place) in cases {
      let paths = try sequences.map { try Bench.path($0) }
      #expect(await Bench.failure(service, bench.question(2, paths)) == .pathRepeated(place))
    }
    #expect(domain.script.withLock { $0.headsAsked + $0.headersAsked + $0.valuesAsked } == 0)
    // As many as there may be; one sequence of two kinds is two paths.
    let whole = bench.question(2, Array(many.prefix(1024)))
    let answer = try await service.attest(whole)
    _ = try bench.verdict(whole, [answer], quorum: 1)
    _ = try await service.attest(bench.question(2, [try Bench.path(1), try Bench.path(1, .receipt)]))
  }

  @Test(
    "says what its endpoint lacks, and is bound to nothing by it",
    arguments: [AccessError.heightPruned(2), .heightUnknown(2), .unreachable, .timedOut, .disagreement])
  func missing(failure: AccessError) async throws {
    try fill()
    domain.set { $0.failures[2] = failure }
    let service = try bench.service()
    #expect(await Bench.failure(service, bench.question(2)) == .endpoint(failure))
    #expect(try await bench.record().watermark(origin: domain.domain, height: bench.height(2)) == nil)
    domain.set { $0.failures = [:] }
    _ = try await service.attest(bench.question(2))
    let status = await service.status
    #expect(status.answered == 1 && status.refused == ["attester." + failure.code: 1])
    #expect(status.newest == [domain.domain: bench.height(2)])
  }

  @Test("takes no header that is another height's, or has no time or root")
  func malformedHeaders() async throws {
    try fill()
    let service = try bench.service()
    domain.set { $0.headerHeights[2] = 3 }
    #expect(await Bench.failure(service, bench.question(2)) == .endpoint(.malformed))
    domain.set {
      $0.headerHeights = [:]
      $0.seconds[2] = 0
    }
    #expect(await Bench.failure(service, bench.question(2)) == .endpoint(.malformed))
    domain.set { $0.seconds[2] = -1 }
    #expect(await Bench.failure(service, bench.question(2)) == .endpoint(.malformed))
  }

  @Test("believes no value that is not proven under the root it is bound to")
  func unproven() async throws {
    try fill()
    let key = try Bench.path(3).bytes
    let question = bench.question(2, [try Bench.path(2), try Bench.path(3)])
    let service = try bench.service()
    for lie in [Bench.word(9), [], nil] as [[UInt8]?] {
      domain.set { $0.values[key] = .some(lie) }
      #expect(await Bench.failure(service, question) == .endpoint(.unproven))
    }
    domain.set {
      $0.values = [:]
      $0.leavesOutProofs = true
    }
    #expect(await Bench.failure(service, question) == .endpoint(.unproven))
    domain.set {
      $0.leavesOutProofs = false
      $0.dropsLast = true
    }
    #expect(await Bench.failure(service, question) == .endpoint(.malformed))
    domain.set { $0.dropsLast = false }
    _ = try await service.attest(question)
    // A node of its own is taken at its word, except for a word that would read as nothing.
    let own = try bench.service(1, reading: .ownNode)
    domain.set { $0.values[key] = Bench.word(9) }
    _ = try await own.attest(question)
    domain.set { $0.values[key] = Bench.word(0) }
    #expect(await Bench.failure(own, question) == .endpoint(.malformed))
  }

  @Test("is silent when its signer is, or holds another key")
  func signers() async throws {
    try fill()
    let question = bench.question(2)
    let other = try bench.service(0, signer: KeySigner(key: bench.keys[1]))
    #expect(await Bench.failure(other, question) == .signer)
    let unavailable = try bench.service(
      0, signer: KeySigner(key: bench.keys[0]) { _ throws(AttestationSigningError) in throw .unavailable })
    #expect(await Bench.failure(unavailable, question) == .signer)
    struct Short: AttestationSigning {
      func sign(_ statement: AttestedStatement) async throws(AttestationSigningError) -> [UInt8] { [1] }
    }
    #expect(await Bench.failure(try bench.service(0, signer: Short()), question) == .signer)
    _ = try await bench.service().attest(question)
  }

  @Test("signs with Ed25519 too, what Gate believes")
  func ed25519() async throws {
    try fill()
    struct Signer: AttestationSigning {
      let key: LocalEd25519Key
      func sign(_ statement: AttestedStatement) async throws(AttestationSigningError) -> [UInt8] {
        key.sign(statement.digest.array).array
      }
    }
    let key = LocalEd25519Key()
    let attester = try Attester(suite: .ed25519, key: key.publicKey.array)
    let service = AttesterService(
      attester: attester, signer: Signer(key: key), origins: [AttestedOrigin(domain, reading: .proven)],
      serves: [bench.binding], record: try bench.record())
    let question = bench.question(2, [try Bench.path(5)])
    let answer = try await service.attest(question)
    let policy = try AttestedPolicy(form: .packets, binding: bench.binding, attesters: [attester], quorum: 1)
    let evidence = AttestedEvidence(
      height: question.height, timestamp: answer.timestamp, body: answer.body,
      signatures: [.init(attester: 0, bytes: answer.signature)])
    _ = try Gate.evaluate(
      try Policy(.attested(policy)), .attested(evidence), in: GateContext(now: answer.timestamp))
  }
}
