import Encodings
import Gate
import Messages
import Testing
import WireBytes

@Suite("Attested tier")
struct AttestedTierTests {
  let vectors: GateVectors
  init() throws { vectors = try GateVectors() }

  private func verdict(_ node: Policy.Node, _ evidence: AttestedEvidence, now: UInt64 = 1_700_000_010) throws
    -> Verdict
  {
    try Gate.evaluate(try Policy(node), .attested(evidence), in: GateVectors.context(now: now))
  }

  @Test("builds the digests that the script builds")
  func digests() throws {
    #expect(AttestationDigest.bindingHash(vectors.binding).description == vectors.json["bindingHash"]?.string)
    for entry in vectors.cases {
      let evidence = try vectors.evidence(try #require(entry["name"]?.string), keys: [])
      let bytes: [UInt8]
      switch evidence.body {
      case .state(let root):
        bytes = AttestationDigest.stateBody(
          height: evidence.height, timestamp: evidence.timestamp, root: root)
      case .packets(let entries):
        bytes = AttestationDigest.packetsBody(
          height: evidence.height, timestamp: evidence.timestamp, entries: entries)
      }
      #expect(Hex.encode(bytes) == entry["body"]?.string)
      let digest = AttestationDigest.of(form: evidence.body.form, binding: vectors.binding, body: bytes)
      #expect(digest.description == entry["digest"]?.string)
    }
    #expect(vectors.cases.count == 12)
  }

  @Test("binds every bit of the body, the form, the origin, the router and the client")
  func mutations() throws {
    let body = try GateVectors.hex(try vectors.statement("state 10")["body"])
    let digest = AttestationDigest.of(form: .state, binding: vectors.binding, body: body)
    var seen: Set = [digest]
    for index in body.indices {
      for bit in 0..<8 {
        var other = body
        other[index] ^= 1 << UInt8(bit)
        #expect(
          seen.insert(AttestationDigest.of(form: .state, binding: vectors.binding, body: other)).inserted)
      }
    }
    #expect(seen.insert(AttestationDigest.of(form: .packets, binding: vectors.binding, body: body)).inserted)
    for (origin, router, client) in [
      ("cosmos:demo-2", "ibc", "client-0"), ("cosmos:demo-1", "ibd", "client-0"),
      ("cosmos:demo-1", "ibcc", "lient-0"), ("cosmos:demo-1", "ibc", "client-1"),
      ("eip155:1", "ibc", "client-0"),
      ("cosmos:demo-1", "", "client-0"),
    ] {
      let binding = try AttestationBinding(
        origin: DomainID(origin), router: [UInt8](router.utf8), client: ClientID(client))
      #expect(seen.insert(AttestationDigest.of(form: .state, binding: binding, body: body)).inserted)
    }
  }

  @Test("believes two of three, and names them as the premise")
  func accepts() throws {
    let verdict = try verdict(vectors.attested([1, 2, 3]), vectors.evidence("state 10", keys: [3, 1]))
    #expect(verdict.claim.height == Height(10))
    #expect(verdict.assumptions == [.attesters(required: 2, of: 3, suite: "secp256k1-address")])
    #expect(verdict.expires == nil)
    let packets = try self.verdict(
      vectors.attested([1, 2, 3], form: .packets), vectors.evidence("packets 10", keys: [1, 2, 3]))
    #expect(packets.claim.timestamp == UnixTime(seconds: 1_700_000_000))
    let far = try self.verdict(
      vectors.attested([1, 2, 3]), vectors.evidence("state with revision", keys: [1, 2]))
    #expect(far.claim.height == Height(revision: 7, .max))
  }

  @Test("refuses, for the reason that is there")
  func refuses() throws {
    let policy = try vectors.attested([1, 2, 3])
    func refuse(
      _ error: AttestationError, _ node: Policy.Node, _ evidence: AttestedEvidence,
      now: UInt64 = 1_700_000_010
    ) {
      #expect(throws: Refusal.attestation(error)) { try verdict(node, evidence, now: now) }
    }
    func state(_ keys: [Int], _ places: [Int]? = nil) throws -> AttestedEvidence {
      try vectors.evidence("state 10", keys: keys, places: places)
    }
    refuse(.noSignatures, policy, try state([]))
    refuse(.quorum(required: 2, signed: 1), policy, try state([1]))
    refuse(.duplicateSigner(signature: 1, attester: 0), policy, try state([1, 1]))
    refuse(.unknownSigner(signature: 1, attester: 3), policy, try state([1, 4, 2], [0, 3, 1]))
    refuse(.unknownSigner(signature: 0, attester: -1), policy, try state([1, 2], [-1, 1]))
    refuse(
      .signature(1, attester: 1, .otherSigner(try Bytes20(vectors.addresses[4]))), policy, try state([1, 5]))
    refuse(
      .form(expected: .state, actual: .packets), policy, try vectors.evidence("packets 10", keys: [1, 2]))
    refuse(.heightZero, policy, try vectors.evidence("state 0", keys: [1, 2]))
    refuse(.timestampZero, policy, try vectors.evidence("state 10 at time 0", keys: [1, 2]))
    refuse(
      .surplusSignature(2), try vectors.attested([1, 2, 3], surplus: .refuse), try state([1, 2, 3]))
    let packets = try vectors.attested([1, 2, 3], form: .packets)
    refuse(.noEntries, packets, try vectors.evidence("packets 10, none", keys: [1, 2]))
    refuse(.duplicatePath(entry: 1), packets, try vectors.evidence("packets 10, a path twice", keys: [1, 2]))
    let entry = StoredEntry(pathHash: Bytes32(), commitment: Bytes32())
    refuse(
      .tooManyEntries(max: 1024, actual: 1025), packets,
      AttestedEvidence(
        height: Height(1), timestamp: UnixTime(seconds: 1),
        body: .packets(Array(repeating: entry, count: 1025)), signatures: []))
    refuse(
      .tooManySignatures(max: 256, actual: 257), policy,
      AttestedEvidence(
        height: Height(1), timestamp: UnixTime(seconds: 1), body: .state(root: Bytes32()),
        signatures: Array(repeating: .init(attester: 0, bytes: []), count: 257)))
    let fresh = try vectors.attested([1, 2, 3], freshness: .init(ageMaxSeconds: 9, driftMaxSeconds: 3))
    refuse(.tooOld(ageSeconds: 10, max: 9), fresh, try state([1, 2]))
    refuse(.fromFuture(aheadSeconds: 4, max: 3), fresh, try state([1, 2]), now: 1_699_999_996)
    #expect(
      try verdict(fresh, state([1, 2]), now: 1_700_000_009).expires == UnixTime(seconds: 1_700_000_010))
    #expect(throws: Refusal.evidenceKind(expected: .attested, actual: .parts)) {
      try Gate.evaluate(try Policy(policy), .parts([]), in: GateVectors.context())
    }
  }

  @Test("ignores strangers only where the policy says so")
  func strangers() throws {
    let policy = try vectors.attested([1, 2, 3], unknown: .allow)
    let evidence = try vectors.evidence("state 10", keys: [1, 6, 2], places: [0, 9, 1])
    #expect(try verdict(policy, evidence).claim.height == Height(10))
    let few = try vectors.evidence("state 10", keys: [1, 6], places: [0, 9])
    #expect(throws: Refusal.attestation(.quorum(required: 2, signed: 1))) { try verdict(policy, few) }
  }

  @Test("counts weights and not heads")
  func weights() throws {
    let policy = try vectors.attested([1, 2, 3], quorum: 5, weights: [5, 2, 2])
    let verdict = try verdict(policy, vectors.evidence("state 10", keys: [1]))
    #expect(verdict.assumptions == [.attesterWeight(required: 5, of: 9, suite: "secp256k1-address")])
    let light = try vectors.evidence("state 10", keys: [2, 3])
    #expect(throws: Refusal.attestation(.quorum(required: 5, signed: 4))) { try self.verdict(policy, light) }
  }

  @Test("refuses every flip of a bit in a signature")
  func signatureBits() throws {
    let policy = try vectors.attested([1, 2, 3], quorum: 1)
    let evidence = try vectors.evidence("state 10", keys: [1])
    let signature = evidence.signatures[0].bytes
    for index in signature.indices {
      for bit in 0..<8 {
        var bytes = signature
        bytes[index] ^= 1 << UInt8(bit)
        let changed = AttestedEvidence(
          height: evidence.height, timestamp: evidence.timestamp, body: evidence.body,
          signatures: [.init(attester: 0, bytes: bytes)])
        #expect(throws: Refusal.self) { try verdict(policy, changed) }
      }
    }
  }

  @Test("encodes Eureka proofs as eth_abi does")
  func eurekaProofs() throws {
    let cases = try #require(vectors.json["eurekaProofs"]?.array)
    for entry in cases {
      let proof = EurekaProof(
        attestation: try GateVectors.hex(entry["attestation"]),
        signatures: try #require(entry["signatures"]?.array).map { try GateVectors.hex($0) })
      let encoded = proof.encoded()
      #expect(Hex.encode(encoded) == entry["encoded"]?.string)
      #expect(try EurekaProof(decoding: encoded.span) == proof)
    }
    #expect(cases.count == 3)
  }

  @Test("takes Ed25519 beside secp256k1")
  func ed25519() throws {
    let key = try Attester(suite: .ed25519, key: GateVectors.hex(vectors.json["ed25519"]))
    let other = try Attester(suite: .secp256k1Address, key: vectors.addresses[0])
    let policy = Policy.Node.attested(
      try AttestedPolicy(form: .state, binding: vectors.binding, attesters: [key, other], quorum: 2))
    let entry = try vectors.statement("state 10")
    let signed = try vectors.evidence("state 10", keys: [1], places: [1])
    var signature = try GateVectors.hex(entry["ed25519"])
    func evidence() -> AttestedEvidence {
      AttestedEvidence(
        height: signed.height, timestamp: signed.timestamp, body: signed.body,
        signatures: signed.signatures + [.init(attester: 0, bytes: signature)])
    }
    let verdict = try verdict(policy, evidence())
    #expect(verdict.assumptions == [.attesters(required: 2, of: 2, suite: "ed25519 and secp256k1-address")])
    signature[40] ^= 1
    #expect(throws: Refusal.self) { try self.verdict(policy, evidence()) }
  }
}
