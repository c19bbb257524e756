import Crypto
import Encodings
import Foundation
import Gate
import MerkleProofs
import Messages
import PacketHost
import TestSupport
import Testing
import WireBytes

/// What a client of an EVM chain takes as proof of a router's storage, and what it refuses.
@Suite("Proofs of an EVM router's storage")
struct EVMStorageTests {
  private static let height: UInt64 = 3_000_000

  private static func client(_ entry: EVMVectors.Case) throws -> TestEVMClient {
    var client = try TestEVMClient(router: entry.router)
    #expect(
      try client.learn(entry.root, height: height, time: TestDomain.start + 12) == .updated(Height(height)))
    return client
  }

  @Test("accepts and refuses what py-evm's tries show, for the stated reason")
  func cases() throws {
    let cases = try EVMVectors().cases
    for entry in cases {
      var client = try Self.client(entry)
      let refusal = try client.refusal(entry.question, entry.proof, height: Self.height)
      #expect(refusal.map(EVMVectors.reason) == entry.refusal, "\(entry.name)")
      let proof = try PacketProof(decoding: entry.proof.span)
      guard case .evmStorage(let account, let storage) = proof else {
        Issue.record("\(proof)")
        continue
      }
      #expect([account.count, storage.count] == entry.nodes)
      #expect(proof.encoded() == entry.proof)
    }
    #expect(cases.count == 35)
    #expect(cases.count { $0.refusal == nil } == 10)
  }

  @Test("refuses every one-bit flip, every shorter input and every longer one", arguments: [true, false])
  func mutations(present: Bool) throws {
    let entry = try EVMVectors().accepted(present ? "a commitment" : "no receipt of packet 2")
    var client = try Self.client(entry)
    var kept: [Int] = []
    for index in entry.proof.indices {
      for bit in 0..<8 {
        var bytes = entry.proof
        bytes[index] ^= 1 << bit
        if try client.refusal(entry.question, bytes, height: Self.height) == nil { kept.append(index) }
      }
    }
    #expect(kept.isEmpty)
    for count in entry.proof.indices {
      let cut = Array(entry.proof.prefix(count))
      if try client.refusal(entry.question, cut, height: Self.height) == nil { kept.append(count) }
    }
    #expect(kept.isEmpty)
    let trailing = ClientRefusal.storageProof(
      .encoding(.trailingBytes(offset: entry.proof.count - 1, count: 1)))
    #expect(try client.refusal(entry.question, entry.proof + [0], height: Self.height) == trailing)
    #expect(try client.refusal(entry.question, entry.proof, height: Self.height) == nil)
  }

  @Test("a proof holds for its own path, kind and sequence only")
  func otherPaths() throws {
    let entry = try EVMVectors().accepted("a commitment")
    var client = try Self.client(entry)
    guard case .member(let path, let value) = entry.question, let second = Messages.Sequence(2) else {
      Issue.record("no member")
      return
    }
    let others = [
      PacketPath(.acknowledgement, client: path.client, sequence: path.sequence),
      PacketPath(.commitment, client: try ClientID("client-8"), sequence: path.sequence),
      PacketPath(.commitment, client: path.client, sequence: second),
    ]
    for other in others {
      for question in [ProofQuestion.member(other, value), .absent(other)] {
        guard case .membership(let error) = try client.refusal(question, entry.proof, height: Self.height)
        else {
          Issue.record("\(other)")
          continue
        }
        // The walk of another key leaves the nodes, or ends at one of them with nodes left over.
        guard case .state(.storage) = error else {
          Issue.record("\(error)")
          continue
        }
      }
    }
  }

  @Test("nodes beyond the bounds, other lists and other forms are refused exactly")
  func bounds() throws {
    func refuses(_ bytes: [UInt8], _ error: EVMStorageProofError) {
      let proof = [0x0b] + bytes
      #expect(throws: ClientRefusal.storageProof(error)) { try PacketProof(decoding: proof.span) }
    }
    func proof(_ account: [[UInt8]], _ storage: [[UInt8]]) -> [UInt8] {
      EVMStorageProof(account: account, storage: storage).encoded()
    }
    let longest = [UInt8](repeating: 7, count: 532)
    let most = [[UInt8]](repeating: longest, count: 65)
    let full = proof(most, most)
    #expect(full.count <= EVMStorageProof.sizeBytesMax)
    let decoded = try EVMStorageProof(decoding: full.span)
    #expect(decoded == EVMStorageProof(account: most, storage: most))
    #expect(decoded.verificationGas == 130 * (100 + 532))
    let many = [[UInt8]](repeating: [7], count: 66)
    refuses(proof(many, []), .nodeCount(.state, max: 65))
    refuses(proof([], many), .nodeCount(.storage, max: 65))
    refuses(proof([[7], longest + [7]], []), .nodeSize(.state, node: 1, max: 532, actual: 533))
    refuses(proof([], [longest + [7]]), .nodeSize(.storage, node: 0, max: 532, actual: 533))
    let over = [UInt8](repeating: 0, count: EVMStorageProof.sizeBytesMax + 1)
    refuses(over, .size(max: EVMStorageProof.sizeBytesMax, actual: over.count))
    refuses([], .encoding(.truncated(offset: 0, needed: 1)))
    refuses([0xc0], .encoding(.itemCount(expected: 2, actual: 0)))
    refuses([0xc1, 0xc0], .encoding(.itemCount(expected: 2, actual: 1)))
    refuses([0xc3, 0xc0, 0xc0, 0xc0], .encoding(.itemCount(expected: 2, actual: 3)))
    refuses([0x80], .encoding(.expectedList(offset: 0)))
    refuses([0xc2, 0x80, 0xc0], .encoding(.expectedList(offset: 1)))
    // A node is a string: its RLP, not the tree of it.
    refuses([0xc3, 0xc1, 0xc0, 0xc0], .encoding(.expectedString(offset: 2)))
    refuses([0xc4, 0xc2, 0x81, 0x07, 0xc0], .encoding(.wrappedByte(offset: 2)))
    let nothing: [UInt8] = [0xc2, 0xc0, 0xc0]
    #expect(try EVMStorageProof(decoding: nothing.span).verificationGas == 0)
  }

  @Test("proofs come back as they were written, and no other first byte is one")
  func codec() throws {
    let forms: [(PacketProof, [UInt8])] = [
      (.reference(Bytes32 { _ in 5 }), [1] + [UInt8](repeating: 5, count: 32)),
      (.evidence([9, 8]), [2, 9, 8]), (.evidence([]), [2]), (.merkle([10, 0]), [10, 0]),
      (.evmStorage(account: [[0x80]], storage: []), [0x0b, 0xc4, 0xc2, 0x81, 0x80, 0xc0]),
    ]
    for (form, bytes) in forms {
      #expect(form.encoded() == bytes)
      #expect(try PacketProof(decoding: bytes.span) == form)
    }
    for tag in UInt8.min...UInt8.max where ![1, 2, 10, 11].contains(tag) {
      let bytes = [tag, 0]
      #expect(throws: ClientRefusal.proofTag(tag)) { try PacketProof(decoding: bytes.span) }
    }
    let empty: [UInt8] = []
    #expect(throws: ClientRefusal.proofEmpty) { try PacketProof(decoding: empty.span) }
    let long = [UInt8](repeating: 1, count: 34)
    #expect(throws: ClientRefusal.proofReference(length: 34)) { try PacketProof(decoding: long.span) }
  }

  @Test("a proof needs a height with a root that is known, of use and of the right domain")
  func heights() throws {
    let entry = try EVMVectors().accepted("a commitment")
    var client = try Self.client(entry)
    let unknown = Self.height + 1
    #expect(
      try client.refusal(entry.question, entry.proof, height: unknown) == .heightUnknown(Height(unknown)))
    #expect(
      try client.refusal(entry.question, [10, 0], height: Self.height) == .proofOfOtherStore)
    #expect(try client.refusal(entry.question, [12, 0], height: Self.height) == .proofTag(12))

    // Two roots of one height: nothing is believed any more.
    let other = Bytes32 { _ in 3 }
    let frozen = ClientUpdate.frozen(Height(Self.height))
    #expect(try client.learn(other, height: Self.height, time: TestDomain.start + 12) == frozen)
    #expect(
      try client.refusal(entry.question, entry.proof, height: Self.height) == .frozen(Height(Self.height)))

    // Only paths are known of the height, and no root.
    var listed = try TestEVMClient(router: entry.router, form: .packets)
    guard case .member(let path, let value) = entry.question else { return }
    let entries = [StoredEntry(pathHash: path.hash(), commitment: value)]
    let evidence = try listed.attesters.sign(
      listed.policy, height: 5, time: TestDomain.start, .packets(entries))
    let type = HostClients.MessageType.evidence
    #expect(try listed.ledger.update(listed.client, type, evidence) == .updated(Height(5)))
    #expect(try listed.refusal(entry.question, entry.proof, height: 5) == .rootUnknown(Height(5)))
    // The paths themselves prove as anywhere else.
    let reference = PacketProof.evidence(evidence).encoded()
    #expect(try listed.refusal(entry.question, reference, height: 5) == nil)
    let receipt = PacketPath(.receipt, client: path.client, sequence: path.sequence)
    #expect(try listed.refusal(.absent(receipt), reference, height: 5) == .membership(.pathNotListed))

    // The verdict on a state ages.
    let freshness = AttestedPolicy.Freshness(ageMaxSeconds: 100, driftMaxSeconds: 20)
    var aging = try TestEVMClient(router: entry.router, freshness: freshness)
    _ = try aging.learn(entry.root, height: Self.height, time: TestDomain.start)
    #expect(try aging.refusal(entry.question, entry.proof, height: Self.height) == nil)
    aging.ledger.advance(200)
    guard
      case .heightExpired(Height(Self.height), _) = try aging.refusal(
        entry.question, entry.proof, height: Self.height)
    else {
      Issue.record("still of use")
      return
    }

    // Trie nodes prove nothing about a domain with another kind of state.
    var cosmos = try TestEVMClient(router: entry.router, origin: "cosmos:island-1")
    _ = try cosmos.learn(entry.root, height: 5, time: TestDomain.start)
    #expect(try cosmos.refusal(entry.question, entry.proof, height: 5) == .proofOfOtherStore)
  }

  @Test("costs what its nodes cost, and stops where the gas does")
  func gas() throws {
    let entry = try EVMVectors().accepted("a commitment")
    var client = try Self.client(entry)
    guard case .evmStorage(let account, let storage) = try PacketProof(decoding: entry.proof.span) else {
      return
    }
    let nodes = account + storage
    let price = nodes.reduce(0) { $0 + 100 + UInt64($1.count) }
    #expect(EVMStorageProof(account: account, storage: storage).verificationGas == price)
    let proof = TestDomain.Proof(bytes: entry.proof, height: Height(Self.height))
    _ = try client.ledger.prove(
      entry.question, of: client.counterparty, client: client.client, proof)
    let used = client.ledger.gasUsed
    #expect(used > price)
    // What is left are the reads of the client's record and of the height.
    #expect(used - price < 3_000)
    let shortage = GasMeter.OutOfGas(limit: used - 1, wanted: used)
    #expect(throws: AttemptFailure<ClientRefusal>.halt(.outOfGas(shortage))) {
      try client.ledger.prove(
        entry.question, of: client.counterparty, client: client.client, proof, gas: used - 1)
    }
  }

  @Test(
    "a client of an EVM chain has a router of 20 bytes, no specs, no light client of CometBFT, revision 0")
  func creation() throws {
    let attesters = try TestAttesters()
    var harbor = try TestDomain("harbor")
    let origin = try DomainID(TestEVMClient.origin)
    let id = try ClientID("client-0")
    let router = [UInt8](repeating: 7, count: 20)
    func state(
      _ router: [UInt8], specs: [[UInt8]] = [], parts: [Policy.Node] = []
    ) throws -> PolicyClientState {
      let attested = try attesters.policy(origin: origin, client: id, form: .state, router: router)
      let node = parts.isEmpty ? Policy.Node.attested(attested) : .any([.attested(attested)] + parts)
      return PolicyClientState(
        policyText: [UInt8](try Policy(node).text.utf8), origin: origin.text, router: router,
        proofSpecs: specs)
    }
    func refuses(_ state: PolicyClientState, _ refusal: ClientRefusal) {
      #expect(throws: AttemptFailure.failure(refusal)) {
        try harbor.create(PolicyClientState.typeURL, state.encoded())
      }
    }
    for length in [1, 19, 21, 32] {
      refuses(
        try state([UInt8](repeating: 7, count: length)), .routerLength(expected: 20, actual: length))
    }
    refuses(try state(router, specs: [ICS23.ProofSpec.sparseMerkleTree.encoded()]), .proofSpecs)
    refuses(try state(router, specs: [[]]), .proofSpecs)
    let cometBFT = Policy.Node.cometBFT(
      try CometBFTPolicy(
        domain: origin, chainID: "31337", trustingPeriodSeconds: 1_000, clockDriftSeconds: 10))
    refuses(try state(router, parts: [cometBFT]), .cometBFTForEVM(origin))
    var revised = try state(router)
    revised.latestHeight = Height(revision: 1, 5)
    refuses(revised, .revisionOfEVM(Height(revision: 1, 5)))
    var other = try state(router)
    other.router[3] = 8
    refuses(other, .routerMismatch)
    #expect(try harbor.create(PolicyClientState.typeURL, try state(router).encoded()) == id)

    // The router stores under the path itself.
    let remote = try ClientID("client-7")
    #expect(throws: AttemptFailure.failure(ClientRefusal.prefixOfEVM(length: 3))) {
      try harbor.register(try Counterparty(prefix: [[1, 2, 3]], client: remote), for: id)
    }
    #expect(throws: AttemptFailure.failure(ClientRefusal.prefixCount(expected: 1, actual: 2))) {
      try harbor.register(try Counterparty(prefix: [[1], []], client: remote), for: id)
    }
    try harbor.register(try Counterparty(prefix: [[]], client: remote), for: id)
  }

  @Test("a client may start from a state that its creator vouches for, and proves under it")
  func vouched() throws {
    let entry = try EVMVectors().accepted("a commitment")
    let attesters = try TestAttesters()
    var harbor = try TestDomain("harbor")
    let id = try ClientID("client-0")
    let policy = try attesters.policy(
      origin: try DomainID(TestEVMClient.origin), client: id, form: .state, router: entry.router.array)
    let encoded = try attesters.clientState(policy)
    var state = try PolicyClientState(decoding: encoded.span)
    state.latestHeight = Height(Self.height)
    var writer = ProtobufWriter()
    writer.message(1) { $0.varint(1, TestDomain.start) }
    writer.message(2) { $0.bytes(1, entry.root) }
    _ = try harbor.create(
      PolicyClientState.typeURL, state.encoded(),
      consensus: ("/causeway.gate.v1.ConsensusState", writer.bytes))
    let counterparty = try Counterparty(prefix: [[]], client: try ClientID("client-7"))
    let time = try harbor.prove(
      entry.question, of: counterparty, client: id,
      TestDomain.Proof(bytes: entry.proof, height: Height(Self.height)))
    #expect(time == UnixTime(seconds: TestDomain.start))
  }

  @Test("a claim in another revision than 0 is refused")
  func revisions() throws {
    let entry = try EVMVectors().accepted("a commitment")
    var client = try Self.client(entry)
    let height = Height(revision: 1, 9)
    let time = UnixTime(seconds: TestDomain.start)
    let body = AttestationDigest.stateBody(height: height, timestamp: time, root: entry.root)
    let digest = AttestationDigest.of(form: .state, binding: client.policy.binding, body: body)
    let signatures = try [0, 1].map { index in
      AttestedEvidence.Signature(
        attester: index,
        bytes: [UInt8](try client.attesters.keys[index].signature(for: digest.array)))
    }
    let evidence = Evidence.attested(
      AttestedEvidence(
        height: height, timestamp: time, body: .state(root: entry.root), signatures: signatures))
    #expect(throws: AttemptFailure.failure(ClientRefusal.revisionOfEVM(height))) {
      try client.ledger.update(client.client, HostClients.MessageType.evidence, evidence.protobuf())
    }
  }

  @Test(
    "follows a router of the Eureka contracts: its commitment, and a receipt that is not there",
    .enabled(if: Corpora.directory("ibc") != nil, "corpus ibc is absent"))
  func eureka() throws {
    let directory = try #require(Corpora.directory("ibc"))
    let url = URL(fileURLWithPath: directory + "/attestation_client_worked_example.json")
    let json = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    let record = try #require(json["commitmentStorageProof"])
    func nodes(_ json: JSONValue?) throws -> [[UInt8]] {
      try #require(json?.array).map { try EVMVectors.hex($0) }
    }
    let router = try Bytes20(EVMVectors.hex(record["router"]))
    var client = try TestEVMClient(router: router, remote: "client-0")
    let root = try Bytes32(EVMVectors.hex(record["stateRoot"]))
    _ = try client.learn(root, height: 3_950, time: TestDomain.start)
    let account = try nodes(record["accountProof"])
    let present = PacketProof.evmStorage(
      account: account, storage: try nodes(record["storageProof"]?[0]?["proof"])
    ).encoded()
    let absent = PacketProof.evmStorage(
      account: account, storage: try nodes(record["storageProof"]?[1]?["proof"])
    ).encoded()
    let remote = try ClientID("client-0")
    let commitment = PacketPath(.commitment, client: remote, sequence: .first)
    let receipt = PacketPath(.receipt, client: remote, sequence: .first)
    let value = try Bytes32(EVMVectors.hex(record["value"]))
    #expect(try client.refusal(.member(commitment, value), present, height: 3_950) == nil)
    #expect(try client.refusal(.absent(receipt), absent, height: 3_950) == nil)
    #expect(
      try client.refusal(.absent(commitment), present, height: 3_950)
        == .membership(.present(stored: value)))
    #expect(
      try client.refusal(.member(receipt, value), absent, height: 3_950)
        == .membership(.valueMismatch(stored: Bytes32())))
    var other = value
    other[31] ^= 1
    #expect(
      try client.refusal(.member(commitment, other), present, height: 3_950)
        == .membership(.valueMismatch(stored: value)))
    for (question, proof) in [(ProofQuestion.member(commitment, value), present), (.absent(receipt), absent)]
    {
      for index in proof.indices {
        var bytes = proof
        bytes[index] ^= 1 << (index % 8)
        #expect(try client.refusal(question, bytes, height: 3_950) != nil)
      }
    }
  }
}
