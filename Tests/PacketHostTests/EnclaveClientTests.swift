import Encodings
import Foundation
import Gate
import Messages
import PacketHost
import TestSupport
import Testing
import WireBytes

/// A client that believes an enclave: what the host keeps of it. Steps by tools/vectors/gate_enclaves.py.
@Suite("Clients of enclaves")
struct EnclaveClientTests {
  private static let evidence = HostClients.MessageType.evidence
  let json: JSONValue
  let policy: Policy

  init() throws {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/gate/enclaves.json")
    json = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    #expect(json["schema"]?.string == "causeway.vectors.enclave-tier/1")
    policy = try Policy(json: try #require(json["policy"]))
  }

  private func start() throws -> (TestDomain, ClientID) {
    var domain = try TestDomain("island")
    let state = PolicyClientState(
      policyText: [UInt8](policy.text.utf8), origin: policy.domain.text, router: [UInt8]("ibc".utf8))
    let client = try domain.create(PolicyClientState.typeURL, state.encoded())
    return (domain, client)
  }

  private static func hex(_ json: JSONValue?) throws -> [UInt8] { try Hex.decode(try #require(json?.string)) }

  /// Walks all steps; gives the domain after them.
  private func walked() throws -> (TestDomain, ClientID) {
    var (domain, client) = try start()
    for step in try #require(json["steps"]?.array) {
      let name = try #require(step["name"]?.string)
      domain.time = try #require(step["now"]?.integer())
      let bytes = try Self.hex(step["evidence"])
      let before = domain.state.values
      if let reason = step["refusal"]?.string {
        do {
          let taken = try domain.update(client, Self.evidence, bytes)
          Issue.record("\(name): \(taken)")
        } catch {
          guard case .failure(.gate(let refusal)) = error else {
            Issue.record("\(name): \(error)")
            continue
          }
          #expect(refusal.code == reason, "\(name)")
        }
        #expect(domain.state.values == before, "\(name)")
      } else {
        let number: UInt64 = try #require(step["claim"]?["height"]?.integer())
        let height = Height(revision: 1, number)
        #expect(try domain.update(client, Self.evidence, bytes) == .updated(height), "\(name)")
      }
    }
    return (domain, client)
  }

  @Test("takes transitions and registrations, and goes on from what it has kept")
  func steps() throws {
    var (domain, client) = try walked()
    #expect(try domain.status(client) == .active)
    let kept = domain.state.values.keys.filter { String(decoding: $0, as: UTF8.self).contains("/enclaves/") }
    #expect(kept.count == 1)
  }

  @Test("charges for a registration what reading and checking it costs, and for a transition one signature")
  func gas() throws {
    var (domain, client) = try start()
    var costs: [UInt64] = []
    for step in try #require(json["steps"]?.array) where step["claim"] != nil {
      domain.time = try #require(step["now"]?.integer())
      _ = try domain.update(client, Self.evidence, try Self.hex(step["evidence"]))
      costs.append(domain.gasUsed)
    }
    // The first and third bring registrations.
    #expect(costs.count == 5)
    #expect(costs[0] > costs[1] + 8_000 && costs[2] > costs[1] + 8_000)
  }

  @Test("two transitions that cannot both be true freeze it, whatever state it has reached")
  func conflict() throws {
    var (domain, client) = try walked()
    let both = try #require(json["conflict"]?.array).map { try Self.hex($0) }
    var message = ProtobufWriter()
    message.bytes(1, both[0])
    message.bytes(2, both[1])
    domain.time += 20
    let misbehaviour = HostClients.MessageType.misbehaviour
    #expect(
      try domain.update(client, misbehaviour, message.bytes) == .frozen(Height(revision: 1, 100)))
    #expect(try domain.status(client) == .frozen(Height(revision: 1, 100)))
    #expect(throws: AttemptFailure.failure(ClientRefusal.frozen(Height(revision: 1, 100)))) {
      try domain.update(client, Self.evidence, both[0])
    }
  }

  @Test("a policy for another client or router makes no client")
  func bindings() throws {
    guard case .enclave(let leaf) = policy.root else { return }
    var domain = try TestDomain("island")
    func state(_ client: String, router: String) throws -> PolicyClientState {
      let other = try Policy(
        .enclave(
          EnclaveTierPolicy(
            binding: try AttestationBinding(
              origin: leaf.origin, router: [UInt8]("ibc".utf8), client: ClientID(client)),
            program: leaf.program, enclavePolicy: leaf.enclavePolicy, attestation: leaf.attestation,
            start: leaf.start)))
      return PolicyClientState(
        policyText: [UInt8](other.text.utf8), origin: leaf.origin.text, router: [UInt8](router.utf8))
    }
    let wrongClient = try state("client-1", router: "ibc").encoded()
    let binding = ClientRefusal.bindingClient(expected: try ClientID("client-0"), actual: try ClientID("client-1"))
    #expect(throws: AttemptFailure.failure(binding)) {
      try domain.create(PolicyClientState.typeURL, wrongClient)
    }
    let wrongRouter = try state("client-0", router: "other").encoded()
    #expect(throws: AttemptFailure.failure(ClientRefusal.routerMismatch)) {
      try domain.create(PolicyClientState.typeURL, wrongRouter)
    }
  }
}
