import Attestation
import Encodings
import Gate
import Messages
import Testing
import WireBytes

/// A client that believes an enclave: steps, refusals and roots made by tools/vectors/gate_enclaves.py.
@Suite("Enclave tier")
struct EnclaveTierTests {
  let json: JSONValue
  let policy: Policy

  init() throws {
    json = try GateVectors.file("enclaves.json", schema: "causeway.vectors.enclave-tier/1")
    policy = try Policy(json: try #require(json["policy"]))
  }

  private var steps: [JSONValue] { json["steps"]?.array ?? [] }

  private static func evidence(_ step: JSONValue) throws -> Evidence {
    let bytes = try GateVectors.hex(step["evidence"])
    return try Evidence(protobuf: bytes.span)
  }

  private static func now(_ step: JSONValue) throws -> GateContext {
    GateVectors.context(now: try #require(step["now"]?.integer()))
  }

  @Test("has the hash and the canonical text that Python gives it")
  func text() throws {
    #expect(policy.hash.description == json["hash"]?.string)
    let text = [UInt8](policy.text.utf8)
    #expect(try Policy(decoding: text.span) == policy)
  }

  @Test("binds keys as Python does")
  func keys() throws {
    for entry in try #require(json["registrations"]?.array) {
      let bytes = try GateVectors.hex(entry["keys"])
      let keys = try EnclaveKeys(decoding: bytes.span)
      #expect(keys.encoded() == bytes)
      #expect(keys.registration.description == entry["registration"]?.string)
      #expect(Hex.encode(keys.reportData.array) == entry["reportData"]?.string)
    }
  }

  @Test("takes and refuses each step for its reason, and a refused step changes nothing")
  func walk() throws {
    var client = GateClient(policy: policy)
    var (accepted, refused) = (0, 0)
    for step in steps {
      let name = try #require(step["name"]?.string)
      let before = client.enclaves
      if let reason = step["refusal"]?.string {
        do {
          _ = try client.update(try Self.evidence(step), in: try Self.now(step))
          Issue.record("\(name) was taken")
        } catch let refusal as Refusal {
          #expect(refusal.code == reason, "\(name): \(refusal)")
          #expect(!refusal.plainWords.isEmpty)
        }
        #expect(client.enclaves == before, "\(name)")
        refused += 1
      } else {
        guard case .accepted(let verdict) = try client.update(try Self.evidence(step), in: try Self.now(step))
        else {
          Issue.record("\(name)")
          return
        }
        let claim = try #require(step["claim"])
        guard case .state(let state) = verdict.claim else {
          Issue.record("\(name): \(verdict.claim)")
          return
        }
        #expect(state.domain.text == "cosmos:demo-1" && state.height.revision == 1, "\(name)")
        #expect(state.height.number == claim["height"]?.integer(), "\(name)")
        #expect(state.timestamp.seconds == claim["time"]?.integer(), "\(name)")
        #expect(state.root.description == claim["root"]?.string, "\(name)")
        #expect(verdict.expires?.seconds == claim["expires"]?.integer(), "\(name)")
        #expect(verdict.assumptions.contains { $0.code == "enclave" }, "whom one trusts is named")
        accepted += 1
      }
    }
    #expect(accepted == 5 && refused == steps.count - 5 && steps.count == 25)
  }

  @Test("is the same evidence in protobuf and in JSON, and has one encoding")
  func forms() throws {
    for step in steps {
      let bytes = try GateVectors.hex(step["evidence"])
      let evidence = try Self.evidence(step)
      #expect(evidence.protobuf() == bytes)
      #expect(try Evidence(json: evidence.json) == evidence)
    }
  }

  @Test("no bit of a transition can be changed, and no byte be missing")
  func mutations() throws {
    let step = try #require(steps.first { $0["claim"] != nil })
    let bytes = try GateVectors.hex(step["evidence"])
    let context = try Self.now(step)
    var undecoded = 0
    for index in bytes.indices {
      var other = bytes
      other[index] ^= 1 << UInt8(index % 8)
      guard let evidence = try? Evidence(protobuf: other.span) else {
        undecoded += 1
        continue
      }
      var client = GateClient(policy: policy)
      guard let outcome = try? client.update(evidence, in: context) else { continue }
      // The statement's own time is nothing that this policy asks for.
      guard case .enclave(let changed) = evidence, case .enclave(let given) = try Self.evidence(step),
        changed.transition == given.transition, changed.registration?.keys == given.registration?.keys,
        changed.signature == given.signature
      else {
        Issue.record("byte \(index) changed, and taken: \(outcome)")
        continue
      }
    }
    #expect(undecoded > 0)
    for length in bytes.indices {
      let shorter = Array(bytes.prefix(length))
      #expect(throws: EvidenceProtobufError.self) { try Evidence(protobuf: shorter.span) }
    }
  }

  @Test("remembers no more than eight enclaves, and forgets those that have expired")
  func bound() throws {
    let step = try #require(steps.first { $0["claim"] != nil })
    guard case .enclave(let leaf) = policy.root, case .enclave(let evidence) = try Self.evidence(step),
      let keys = evidence.registration?.keys
    else {
      Issue.record("no enclave")
      return
    }
    func memory(_ expires: UInt64) throws -> EnclaveMemory {
      EnclaveMemory(
        state: leaf.start,
        registrations: try (2...9).map { sequence in
          RegisteredEnclave(
            keys: try EnclaveKeys(
              domain: keys.domain, operator: keys.operator, program: keys.program, policy: keys.policy,
              signing: keys.signing, sealing: keys.sealing, sequence: sequence, anchorHeight: keys.anchorHeight,
              anchorHash: keys.anchorHash, issued: keys.issued, expires: keys.expires),
            platform: "simulated", measurement: "", expires: UnixTime(seconds: expires))
        })
    }
    let context = try Self.now(step)
    var full = GateClient(policy: policy, enclaves: [leaf.identifier: try memory(context.now.seconds + 1)])
    #expect(throws: Refusal.enclave(.tooManyRegistrations(max: 8))) {
      try full.update(.enclave(evidence), in: context)
    }
    var stale = GateClient(policy: policy, enclaves: [leaf.identifier: try memory(context.now.seconds)])
    _ = try stale.update(.enclave(evidence), in: context)
    #expect(stale.enclaves[leaf.identifier]?.registrations.count == 1)
  }

  @Test("hardware that names another program or policy than the keys do is refused, though both are allowed")
  func measured() throws {
    let step = try #require(steps.first { $0["claim"] != nil })
    guard case .enclave(let leaf) = policy.root, case .enclave(let given) = try Self.evidence(step),
      let keys = given.registration?.keys
    else {
      Issue.record("no enclave")
      return
    }
    let other = Bytes32 { _ in 7 }
    let wide = try Policy(
      .enclave(
        EnclaveTierPolicy(
          binding: leaf.binding, program: leaf.program, enclavePolicy: leaf.enclavePolicy,
          attestation: try AttestationPolicy(
            isProduction: false,
            simulated: SimulatedPolicy(programs: [leaf.program, other], policies: [leaf.enclavePolicy, other])),
          start: leaf.start)))
    for (program, measured, named) in [
      (other, leaf.enclavePolicy, leaf.program), (leaf.program, other, leaf.enclavePolicy),
    ] {
      let statement = SimulatedStatement(
        program: program, policy: measured, reportData: keys.reportData.array, issued: Int64(keys.issued))
      let evidence = EnclaveEvidence(
        registration: .init(keys: keys, evidence: statement.evidence), transition: given.transition,
        signature: given.signature)
      var client = GateClient(policy: wide)
      #expect(throws: Refusal.enclave(.measured(expected: named, actual: other.array))) {
        try client.update(.enclave(evidence), in: try Self.now(step))
      }
    }
  }

  @Test("a policy for production refuses simulated evidence by name")
  func production() throws {
    let step = try #require(steps.first { $0["claim"] != nil })
    guard case .enclave(let leaf) = policy.root else { return }
    let strict = try Policy(
      .enclave(
        EnclaveTierPolicy(
          binding: leaf.binding, program: leaf.program, enclavePolicy: leaf.enclavePolicy,
          attestation: try AttestationPolicy(isProduction: true), start: leaf.start)))
    var client = GateClient(policy: strict)
    #expect(throws: Refusal.enclave(.attestation(.simulatedInProduction))) {
      try client.update(try Self.evidence(step), in: try Self.now(step))
    }
  }

  @Test("unknown members, and an attestation policy that does not read, are refused with their path")
  func strictText() throws {
    guard case .object(let root)? = json["policy"], case .object(var leaf)? = root["enclave"] else {
      Issue.record("no policy")
      return
    }
    leaf["quorum"] = .number("1")
    #expect(throws: PolicyDecodingError.unknownMember(path: "enclave.quorum")) {
      try Policy(json: ["enclave": .object(leaf)])
    }
    leaf["quorum"] = nil
    leaf["start"] = .string("0x00")
    #expect(throws: PolicyDecodingError.member(path: "enclave.start", wanted: .hex)) {
      try Policy(json: ["enclave": .object(leaf)])
    }
    leaf["attestation"] = ["schema": "other"]
    #expect(throws: PolicyDecodingError.self) { try Policy(json: ["enclave": .object(leaf)]) }
  }
}
