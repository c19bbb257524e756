import Encodings
import Gate
import Messages
import Testing
import WireBytes

@Suite("Policies as data")
struct PolicyTests {
  let vectors: GateVectors
  init() throws { vectors = try GateVectors() }

  @Test("hashes policies as the script does, and reads its own text back")
  func hashes() throws {
    let json = try GateVectors.file("policies.json", schema: "causeway.vectors.policy/1")
    let cases = try #require(json["cases"]?.array)
    for entry in cases {
      let policy = try Policy(json: try #require(entry["policy"]))
      #expect(policy.hash.description == entry["hash"]?.string)
      let text = [UInt8](policy.text.utf8)
      let again = try Policy(decoding: text.span)
      #expect(again == policy)
      let pretty = [UInt8](policy.json.text(pretty: true).utf8)
      #expect(try Policy(decoding: pretty.span).hash == policy.hash)
    }
    #expect(cases.count == 10)
  }

  private func decode(_ text: String) throws(PolicyDecodingError) -> Policy {
    let bytes = [UInt8](text.utf8)
    return try Policy(decoding: bytes.span)
  }

  private static let leaf =
    #"{"cometbft":{"chainId":"demo-1","clockDriftSeconds":10,"domain":"cosmos:demo-1","trustLevel":{"denominator":3,"numerator":1},"trustingPeriodSeconds":100}}"#

  @Test("refuses what it would not check, or would read in two ways")
  func refusals() throws {
    let leaf = Self.leaf
    func refuse(_ error: PolicyDecodingError, _ text: String) {
      #expect(throws: error) { try decode(text) }
    }
    _ = try decode(leaf)
    refuse(.unknownMember(path: "cometbft.more"), leaf.replacing(#""chainId""#, with: #""more":1,"chainId""#))
    refuse(.unknownMember(path: "none"), #"{"none":[]}"#)
    refuse(.member(path: "", wanted: .oneMember), #"{"all":[],"any":[]}"#)
    refuse(.member(path: "", wanted: .oneMember), "[]")
    refuse(.member(path: "all", wanted: .array), #"{"all":{}}"#)
    refuse(.policy(path: "", .noParts), #"{"all":[]}"#)
    refuse(
      .member(path: "cometbft.trustingPeriodSeconds", wanted: .integer), leaf.replacing(":100", with: ":1e2"))
    refuse(
      .member(path: "cometbft.trustingPeriodSeconds", wanted: .integer), leaf.replacing(":100", with: ":-1"))
    refuse(
      .member(path: "cometbft.trustingPeriodSeconds", wanted: .integer),
      leaf.replacing(":100", with: #":"100""#))
    refuse(
      .policy(path: "cometbft", .trustingPeriod(max: 1 << 35, actual: 0)), leaf.replacing(":100", with: ":0"))
    refuse(
      .policy(path: "cometbft", .trustLevel(numerator: 1, denominator: 4)),
      leaf.replacing(#""denominator":3"#, with: #""denominator":4"#))
    refuse(
      .policy(path: "", .threshold(required: 2, parts: 1)), #"{"threshold":{"required":2,"of":[\#(leaf)]}}"#)
    refuse(
      .policy(path: "", .threshold(required: 0, parts: 1)), #"{"threshold":{"required":0,"of":[\#(leaf)]}}"#)
    refuse(
      .policy(path: "", .domainsDiffer(try DomainID("cosmos:demo-1"), try DomainID("cosmos:demo-2"))),
      #"{"all":[\#(leaf),\#(leaf.replacing("cosmos:demo-1", with: "cosmos:demo-2"))]}"#)
    refuse(.policy(path: "", .delayZero), #"{"delay":{"above":"1","seconds":0,"policy":\#(leaf)}}"#)
    refuse(
      .member(path: "delay.above", wanted: .decimalText),
      #"{"delay":{"above":"01","seconds":1,"policy":\#(leaf)}}"#)
    refuse(
      .policy(path: "", .branchOrder(index: 1)),
      #"{"route":{"by":"value","branches":[{"upTo":"5","policy":\#(leaf)},{"upTo":"5","policy":\#(leaf)}]}}"#)
    var deep = leaf
    for _ in 0..<8 { deep = #"{"all":[\#(deep)]}"# }
    refuse(
      .policy(path: String(repeating: "all.0.", count: 8).dropLast().description, .tooDeep(max: 8)), deep)
    let wide = #"{"all":[\#(Array(repeating: leaf, count: 17).joined(separator: ","))]}"#
    refuse(.policy(path: "all", .tooManyParts(max: 16, actual: 17)), wide)
    let sixteen = #"{"all":[\#(Array(repeating: leaf, count: 16).joined(separator: ","))]}"#
    let many = #"{"all":[\#(Array(repeating: sixteen, count: 4).joined(separator: ","))]}"#
    let error = #expect(throws: PolicyDecodingError.self) { try decode(many) }
    guard case .policy(_, .tooManyNodes(max: 64))? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("refuses attesters that make no quorum")
  func attesters() throws {
    let one = try Attester(suite: .secp256k1Address, key: vectors.addresses[0])
    func policy(_ attesters: [Attester], _ quorum: UInt64, mode: AttestedPolicy.Mode = .causeway)
      throws(PolicyError)
    {
      _ = try AttestedPolicy(
        mode: mode, form: .state, binding: vectors.binding, attesters: attesters, quorum: quorum)
    }
    #expect(throws: PolicyError.noAttesters) { try policy([], 1) }
    #expect(throws: PolicyError.quorum(required: 0, total: 1)) { try policy([one], 0) }
    #expect(throws: PolicyError.quorum(required: 2, total: 1)) { try policy([one], 2) }
    #expect(throws: PolicyError.duplicateAttester(1)) { try policy([one, one], 1) }
    let heavy = try Attester(suite: .secp256k1Address, key: vectors.addresses[1], weight: .max)
    #expect(throws: PolicyError.weightOverflow) { try policy([one, heavy], 1) }
    #expect(throws: PolicyError.eurekaAttester(0)) { try policy([heavy], 1, mode: .eureka) }
    let zero = try Attester(suite: .secp256k1Address, key: vectors.addresses[1], weight: 0)
    #expect(throws: PolicyError.weightZero(attester: 0)) { try policy([zero], 1) }
    #expect(throws: AttesterSignatureError.keyLength(expected: 32, actual: 20)) {
      try Attester(suite: .ed25519, key: vectors.addresses[0])
    }
  }
}
