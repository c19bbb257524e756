import Encodings
import Foundation
import Gate
import Messages
import TestSupport
import Testing
import WireBytes

/// Statements that six secp256k1 keys and one Ed25519 key signed, made by tools/vectors/gate_attestations.py.
struct GateVectors {
  let json: JSONValue
  let binding: AttestationBinding
  /// The addresses of keys 1 to 6.
  let addresses: [[UInt8]]

  init() throws {
    json = try Self.file("attestations.json", schema: "causeway.vectors.attestation/1")
    binding = try AttestationBinding(
      origin: DomainID(try #require(json["origin"]?.string)), router: try Self.hex(json["router"]),
      client: ClientID(try #require(json["client"]?.string)))
    addresses = try #require(json["attesters"]?.array).map { try Self.hex($0) }
  }

  static func file(_ name: String, schema: String) throws -> JSONValue {
    let url = Corpora.packageRoot.appendingPathComponent("Tests/Vectors/gate/\(name)")
    let json = try JSONValue(decoding: [UInt8](try Data(contentsOf: url)))
    #expect(json["schema"]?.string == schema)
    return json
  }

  static func hex(_ json: JSONValue?) throws -> [UInt8] { try Hex.decode(try #require(json?.string)) }

  var cases: [JSONValue] { json["cases"]?.array ?? [] }

  func statement(_ name: String) throws -> JSONValue {
    try #require(cases.first { $0["name"]?.string == name })
  }

  func body(_ entry: JSONValue) throws -> AttestedBody {
    if let root = entry["root"]?.string { return .state(root: try Bytes32(hex: root)) }
    return .packets(
      try #require(entry["entries"]?.array).map {
        StoredEntry(
          pathHash: try Bytes32(Self.hex($0["path"])), commitment: try Bytes32(Self.hex($0["commitment"])))
      })
  }

  /// The statement called `name`, signed by `keys`, who stand in the policy at `places`.
  func evidence(_ name: String, keys: [Int], places: [Int]? = nil) throws -> AttestedEvidence {
    let entry = try statement(name)
    return AttestedEvidence(
      height: Height(
        revision: try #require(entry["revision"]?.integer()), try #require(entry["height"]?.integer())),
      timestamp: UnixTime(seconds: try #require(entry["timestamp"]?.integer())), body: try body(entry),
      signatures: try zip(keys, places ?? keys.map { ($0 - 1) % 3 }).map { key, place in
        AttestedEvidence.Signature(attester: place, bytes: try Self.hex(entry["signatures"]?[String(key)]))
      })
  }

  /// `quorum` of the attesters with these keys.
  func attested(
    _ keys: [Int], quorum: UInt64 = 2, form: AttestedPolicy.Form = .state,
    surplus: AttestedPolicy.Extra = .allow, unknown: AttestedPolicy.Extra = .refuse,
    freshness: AttestedPolicy.Freshness? = nil, weights: [UInt64]? = nil
  ) throws -> Policy.Node {
    .attested(
      try AttestedPolicy(
        form: form, binding: binding,
        attesters: keys.enumerated().map {
          try Attester(suite: .secp256k1Address, key: addresses[$1 - 1], weight: weights?[$0] ?? 1)
        }, quorum: quorum, surplus: surplus, unknownSigners: unknown, freshness: freshness))
  }

  static func context(
    now: UInt64 = 1_700_000_010, value: UInt64? = nil, recipient: InteroperableAddress? = nil,
    firstSeen: UInt64? = nil
  ) -> GateContext {
    GateContext(
      now: UnixTime(seconds: now), value: value.map { UInt256($0) }, recipient: recipient,
      firstSeen: firstSeen.map { UnixTime(seconds: $0) })
  }
}
