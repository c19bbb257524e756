import Encodings
import Foundation
import Gate
import MerkleProofs
import Messages
import PacketHost
import TestSupport
import Testing
import WireBytes

/// Storage of an EVM router as py-evm keeps it, made by tools/vectors/evm_storage.py.
struct EVMVectors {
  let json: JSONValue

  init() throws {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/packet-host/evm_storage.json")
    json = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    #expect(json["schema"]?.string == "causeway.vectors.evm-storage/1")
  }

  static func hex(_ json: JSONValue?) throws -> [UInt8] { try Hex.decode(try #require(json?.string)) }

  static func path(_ json: JSONValue?) throws -> PacketPath {
    let kinds: [String: PacketPath.Kind] = [
      "commitment": .commitment, "receipt": .receipt, "acknowledgement": .acknowledgement,
    ]
    let number = try #require(json?["sequence"]?.integer(UInt64.self))
    let sequence = Messages.Sequence(number)
    return PacketPath(
      try #require(kinds[json?["kind"]?.string ?? ""]), client: try ClientID(json?["client"]?.string ?? ""),
      sequence: try #require(sequence))
  }

  /// One case: a question to a state, the proof, and what becomes of it.
  struct Case {
    let name: String
    let root: Bytes32
    let router: Bytes20
    let question: ProofQuestion
    let proof: [UInt8]
    /// Nodes of the state trie and of the storage trie.
    let nodes: [Int]
    /// Nil when it is accepted.
    let refusal: String?

    init(_ json: JSONValue) throws {
      name = try #require(json["name"]?.string)
      root = try Bytes32(EVMVectors.hex(json["root"]))
      router = try Bytes20(EVMVectors.hex(json["router"]))
      let path = try EVMVectors.path(json["path"])
      #expect(path.evmSlot.description == json["slot"]?.string)
      if json["value"]?.string != nil {
        question = .member(path, try Bytes32(EVMVectors.hex(json["value"])))
      } else {
        question = .absent(path)
      }
      proof = try EVMVectors.hex(json["proof"])
      nodes = try #require(json["nodes"]?.array).map { try #require($0.integer(Int.self)) }
      refusal = json["error"]?.string
      #expect((refusal == nil) == (json["want"] != nil))
    }
  }

  var cases: [Case] {
    get throws { try #require(json["cases"]?.array).map { try Case($0) } }
  }

  func accepted(_ name: String) throws -> Case {
    try #require(try cases.first { $0.name == name && $0.refusal == nil })
  }

  /// A refusal in the words of the cases: what refused, why, and at which node.
  static func reason(_ refusal: ClientRefusal) -> String {
    guard case .membership(let error) = refusal else { return refusal.code }
    switch error {
    case .state(.account(let error)): return "account." + reason(error)
    case .state(.storage(slot: _, let error)): return "storage." + reason(error)
    default: return "membership." + String(String(describing: error).prefix { $0 != "(" })
    }
  }

  private static func reason(_ error: MerklePatriciaError) -> String {
    switch error {
    case .hashMismatch(let node): "hashMismatch \(node)"
    case .missingNode(let node, _): "missingNode \(node)"
    case .unusedNodes(let first, _): "unusedNodes \(first)"
    default: String(describing: error)
    }
  }
}

/// A ledger with a client of an EVM chain, whose state roots the attesters sign.
struct TestEVMClient {
  static let origin = "eip155:31337"

  var ledger: TestDomain
  let attesters: TestAttesters
  let policy: AttestedPolicy
  let client: ClientID
  let counterparty: Counterparty

  init(
    router: Bytes20, remote: String = "client-7", origin: String = TestEVMClient.origin,
    form: AttestedPolicy.Form = .state, freshness: AttestedPolicy.Freshness? = nil
  ) throws {
    ledger = try TestDomain("harbor")
    attesters = try TestAttesters()
    client = try ClientID("client-0")
    policy = try attesters.policy(
      origin: try DomainID(origin), client: client, freshness: freshness, form: form, router: router.array)
    counterparty = try Counterparty(prefix: [[]], client: try ClientID(remote))
    _ = try ledger.create(PolicyClientState.typeURL, try attesters.clientState(policy))
    try ledger.register(counterparty, for: client)
  }

  mutating func learn(
    _ root: Bytes32, height: UInt64, time: UInt64
  ) throws -> ClientUpdate {
    let evidence = try attesters.sign(policy, height: height, time: time, .state(root: root))
    return try ledger.update(client, HostClients.MessageType.evidence, evidence)
  }

  /// Nil when the proof is accepted.
  mutating func refusal(
    _ question: ProofQuestion, _ proof: [UInt8], height: UInt64
  ) throws(AttemptFailure<ClientRefusal>) -> ClientRefusal? {
    do {
      _ = try ledger.prove(
        question, of: counterparty, client: client, TestDomain.Proof(bytes: proof, height: Height(height)))
      return nil
    } catch {
      guard case .failure(let refusal) = error else { throw error }
      return refusal
    }
  }
}
