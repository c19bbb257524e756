import Digests
import Encodings
import Messages
import SigningRules
import Testing
import Transactions
import WireBytes

@Suite("Access")
struct AccessTests {
  let vectors: RulesVectors
  init() throws { vectors = try RulesVectors() }

  private func decode(_ text: String) throws(AccessPolicyError) -> AccessPolicy {
    try AccessPolicy(decoding: [UInt8](text.utf8))
  }

  /// The published document with `old` replaced.
  private func changed(_ old: String, _ new: String) throws -> String {
    let text = try vectors.policyText()
    #expect(text.contains(old), "\(old)")
    return text.replacing(old, with: new, maxReplacements: 1)
  }

  @Test("read a document, and write it in its one form")
  func roundTrip() throws {
    let text = try vectors.policyText()
    let policy = try decode(text)
    #expect(policy.text == text)
    #expect(policy.contentHash == (try RulesVectors.word(vectors.json["policy"]?["contentHash"])))
    let spaced = policy.json.text(pretty: true)
    #expect(try decode(spaced) == policy)
    #expect(try decode(spaced).contentHash == policy.contentHash)
    #expect(policy.domain == .operator)
    #expect(policy.clients.count == 1)
    #expect(policy.clients[0].peers == [.uid(1_000), .spiffe("spiffe://example.org/attester")])
    #expect(policy.clients[0].roles == [.sign, .observe])
    #expect(policy.clients[0].grants.map(\.purpose) == [.attestation, .vote, .transaction, .evmTransaction])
    #expect(policy.approvers.threshold == 2)
    #expect(policy.approvers.keys.count == 3)
    #expect(policy.alarms.hours?.toMinute == 1_320)
    #expect(policy.client(try Asked.client()) == policy.clients[0])
    #expect(policy.client(try Asked.client("nobody")) == nil)
  }

  @Test("refuse every shorter document")
  func shorter() throws {
    let text = [UInt8](try vectors.policyText().utf8)
    for count in stride(from: 0, to: text.count, by: 7) {
      #expect(throws: AccessPolicyError.self) { try AccessPolicy(decoding: [UInt8](text.prefix(count))) }
    }
  }

  @Test("refuse members that are not known, wherever they are")
  func unknown() throws {
    let cases = [
      ("{\"alarms\"", "{\"alarm\":1,\"alarms\"", "alarm"),
      ("\"grants\":", "\"grant\":[],\"grants\":", "clients.0.grant"),
      ("\"origins\":", "\"chains\":[],\"origins\":", "clients.0.grants.0.chains"),
      ("\"uid\":1000", "\"uid\":1000,\"gid\":0", "clients.0.peers.0.gid"),
      ("\"denom\":", "\"denomination\":\"x\",\"denom\":", "clients.0.grants.2.feeMax.0.denomination"),
      ("\"threshold\":2", "\"threshold\":2,\"weight\":1", "approvers.weight"),
      ("\"factor\":4", "\"factor\":4,\"mean\":1", "alarms.rate.mean"),
      (
        "\"perMinute\":6000,\"purpose\"", "\"perHour\":1,\"perMinute\":6000,\"purpose\"",
        "keyLimits.0.perHour"
      ),
    ]
    for (old, new, path) in cases {
      let text = try changed(old, new)
      #expect(throws: AccessPolicyError.unknownMember(path: path)) { try decode(text) }
    }
  }

  @Test("refuse what is missing, or not in its one form")
  func form() throws {
    let key = Asked.key.description
    let cases: [(String, String, AccessPolicyError)] = [
      ("\"version\":1", "\"version\":2", .version(2)),
      ("\"version\":1", "\"version\":\"1\"", .member(path: "version", wanted: .integer)),
      ("\"version\":1", "\"version\":1.0", .member(path: "version", wanted: .integer)),
      ("\"domain\":\"operator\"", "\"domain\":\"root\"", .member(path: "domain", wanted: .word)),
      (
        "\"name\":\"attester-0\"", "\"name\":\"Attester\"",
        .member(path: "clients.0.name", wanted: .clientName)
      ),
      ("\"uid\":1000", "\"uid\":-1", .member(path: "clients.0.peers.0.uid", wanted: .integer)),
      (
        "\"uid\":1000", "\"spiffe\":\"spiffe://a/b\",\"uid\":1000",
        .member(path: "clients.0.peers.0", wanted: .object)
      ),
      (
        "spiffe://example.org/attester", "spiffe://Example.org/attester",
        .member(path: "clients.0.peers.1.spiffe", wanted: .spiffe)
      ),
      (
        "spiffe://example.org/attester", "spiffe://example.org/../x",
        .member(path: "clients.0.peers.1.spiffe", wanted: .spiffe)
      ),
      ("\"sign\"", "\"everything\"", .member(path: "clients.0.roles.0", wanted: .word)),
      ("\"observe\"", "\"sign\"", .repeated(.roles)),
      (
        "\"keys\":[\"\(key)\"]", "\"keys\":[\"\(key.dropLast())\"]",
        .member(path: "clients.0.grants.0.keys.0", wanted: .hex32)
      ),
      (
        "\"keys\":[\"\(key)\"]", "\"keys\":[\"0x\(key.dropFirst(2).uppercased())\"]",
        .member(path: "clients.0.grants.0.keys.0", wanted: .hex32)
      ),
      ("cosmos:demo-1", "demo-1", .member(path: "clients.0.grants.0.origins.0", wanted: .domain)),
      (
        "\"chains\":[\"demo-1\"]", "\"chains\":[\"\"]",
        .member(path: "clients.0.grants.1.chains.0", wanted: .chainID)
      ),
      (
        "\"amount\":\"1000\"", "\"amount\":\"01000\"",
        .member(path: "clients.0.grants.2.feeMax.0.amount", wanted: .decimalText)
      ),
      (
        "\"denom\":\"stake\"", "\"denom\":\"s\"",
        .member(path: "clients.0.grants.2.feeMax.0.denom", wanted: .denom)
      ),
      ("eip155:31337", "eip155:031337", .member(path: "clients.0.grants.3.chains.1", wanted: .evmChain)),
      ("eip155:31337", "cosmos:demo-1", .member(path: "clients.0.grants.3.chains.1", wanted: .evmChain)),
      ("eip155:31337", "eip155:0", .member(path: "clients.0.grants.3.chains.1", wanted: .evmChain)),
      ("eip155:31337", "eip155:1", .repeated(.chains)),
      (
        "\"to\":\"any\"", "\"to\":\"all\"",
        .member(path: "clients.0.grants.3.calls.1.to", wanted: .contract)
      ),
      ("\"to\":\"any\"", "\"to\":\"0x\(String(repeating: "70", count: 20))\"", .repeated(.calls)),
      (
        "\"0x05060708\"", "\"0x0506070\"",
        .member(path: "clients.0.grants.3.calls.1.selectors.0", wanted: .selector)
      ),
      (
        "\"0x05060708\"", "\"0xABCDEF01\"",
        .member(path: "clients.0.grants.3.calls.1.selectors.0", wanted: .selector)
      ),
      ("\"0x01020304\",\"0x\"", "\"0x\",\"0x\"", .repeated(.selectors)),
      (
        "\"selectors\":\"any\"", "\"selectors\":\"all\"",
        .member(path: "clients.0.grants.3.calls.2.selectors", wanted: .array)
      ),
      (
        "\"makesContracts\":false", "\"makesContracts\":0",
        .member(path: "clients.0.grants.3.makesContracts", wanted: .boolean)
      ),
      (
        "\"valueMax\":\"5\"", "\"valueMax\":5",
        .member(path: "clients.0.grants.3.valueMax", wanted: .string)
      ),
      (
        "\"feePerGasMax\":\"1", "\"feePerGasMax\":\"01",
        .member(path: "clients.0.grants.3.feePerGasMax", wanted: .decimalText)
      ),
      (
        "\"oneCallPerNonce\":true", "\"oneCallPerNonce\":null",
        .member(path: "clients.0.grants.3.oneCallPerNonce", wanted: .boolean)
      ),
      ("\"threshold\":2", "\"threshold\":4", .threshold(4, keys: 3)),
      ("\"threshold\":2", "\"threshold\":0", .threshold(0, keys: 3)),
      (
        "\"expirySeconds\":86400", "\"expirySeconds\":3600",
        .approvalTimes(delaySeconds: 3_600, expirySeconds: 3_600)
      ),
      ("\"factor\":4", "\"factor\":0", .alarmValue(path: "alarms.rate")),
      ("\"toMinute\":1320", "\"toMinute\":1440", .alarmValue(path: "alarms.hours")),
      ("\"alarms\":{", "\"alarms\":[{", .json(.unexpected(offset: 0))),
    ]
    for (old, new, error) in cases {
      let text = try changed(old, new)
      if case .json = error {
        #expect(throws: AccessPolicyError.self) { try decode(text) }
      } else {
        #expect(throws: error) { try decode(text) }
      }
    }
    #expect(throws: AccessPolicyError.member(path: "domain", wanted: .word)) {
      try decode(#"{"version":1,"clients":[],"keyLimits":[]}"#)
    }
    #expect(throws: AccessPolicyError.json(.tooLarge(limit: 1 << 20, actual: 1 << 20 + 1))) {
      try AccessPolicy(decoding: [UInt8](repeating: 0x20, count: 1 << 20 + 1))
    }
  }

  @Test("refuse purposes of other domains, keys without limits, clients twice, and roles without a peer")
  func consistency() throws {
    let user = try changed("\"domain\":\"operator\"", "\"domain\":\"user\"")
    #expect(throws: AccessPolicyError.purposeNotOfDomain(.attestation, .user)) { try decode(user) }
    let unlimited = try changed(
      "\"perMinute\":6000,\"purpose\":\"vote\"", "\"perMinute\":6000,\"purpose\":\"foreignAttestation\"")
    #expect(throws: AccessPolicyError.keyLimitMissing(Asked.key, .vote)) { try decode(unlimited) }
    let policy = try decode(try vectors.policyText())
    #expect(throws: AccessPolicyError.repeated(.clients)) {
      try AccessPolicy(
        domain: .operator, clients: policy.clients + policy.clients, keyLimits: policy.keyLimits)
    }
    #expect(throws: AccessPolicyError.repeated(.keyLimits)) {
      try AccessPolicy(domain: .operator, clients: [], keyLimits: policy.keyLimits + policy.keyLimits)
    }
    let name = try Asked.client()
    #expect(throws: AccessPolicyError.noPeer(name)) {
      try AccessPolicy(
        domain: .operator,
        clients: [
          PolicyClient(name: name, key: Asked.root, peers: [], roles: [.sign], perMinute: 1, grants: [])
        ], keyLimits: [])
    }
    #expect(throws: AccessPolicyError.perMinute(max: 100_000_000, actual: 100_000_001)) {
      try Asked.policy(perMinute: 100_000_001)
    }
    #expect(throws: AccessPolicyError.tooMany(.clients, max: 256, actual: 257)) {
      try AccessPolicy(
        domain: .operator,
        clients: try (0..<257).map {
          PolicyClient(
            name: try Asked.client("c\($0)"), key: Asked.hash("\($0)"), peers: [], roles: [], perMinute: 1,
            grants: [])
        }, keyLimits: [])
    }
  }

  // MARK: Who may ask for what

  private func refusal(
    _ request: SigningRequest, _ key: KeyFacts = Asked.facts(), client: String = "attester-0",
    policy: AccessPolicy? = nil, domain: KeyDomain = .operator
  ) throws -> SigningRefusal? {
    var signer = SigningState(domain: domain, policy: try policy ?? Asked.policy())
    let name = try Asked.client(client)
    do {
      _ = try signer.admit(request, key: key, client: name, at: Asked.now)
      return nil
    } catch { return error }
  }

  @Test("refuse strangers, and clients without the role")
  func clients() throws {
    let request = try Asked.state(1)
    #expect(try refusal(request) == nil)
    #expect(try refusal(request, client: "nobody") == .unknownClient(try Asked.client("nobody")))
    #expect(try refusal(request, client: "watcher") == .roleMissing(.sign))
    // A policy of another domain grants nothing.
    let user = try Asked.policy(.user)
    #expect(try refusal(request, policy: user) == .unknownClient(try Asked.client()))
    var signer = try Asked.signer()
    #expect(throws: AccessPolicyError.otherDomain(.user)) { try signer.adopt(user) }
  }

  @Test("refuse purposes that domain, key, suite and state do not allow")
  func keys() throws {
    let request = try Asked.state(1)
    for domain in [KeyDomain.user, .settlement, .enclave] {
      #expect(
        try refusal(request, policy: try Asked.policy(domain), domain: domain)
          == .purposeNotOfDomain(.attestation, domain))
    }
    #expect(try refusal(request, Asked.facts(purposes: [.vote])) == .purposeNotOfKey(.attestation))
    #expect(try refusal(request, Asked.facts(purposes: [])) == .purposeNotOfKey(.attestation))
    #expect(try refusal(request, Asked.facts(suite: .mlDSA87)) == nil)
    #expect(try refusal(try Asked.vote(1), Asked.facts(suite: .p256)) == .suiteNotForPurpose(.p256, .vote))
    let foreign = SigningRequest.foreignAttestation(
      origin: try Asked.origin(), .state(height: 1, timestamp: 1))
    #expect(
      try refusal(foreign, Asked.facts(suite: .ed25519)) == .suiteNotForPurpose(.ed25519, .foreignAttestation)
    )
    for state in KeyState.allCases {
      #expect(try refusal(request, Asked.facts(state: state)) == (state.signs ? nil : .keyState(state)))
    }
    let two = try Asked.origin("cosmos:demo-2")
    #expect(try refusal(request, Asked.facts(origin: two)) == .keyServesOtherOrigin(two))
    #expect(try refusal(try Asked.vote(1), Asked.facts(chainIDs: [])) == .chainNotOfKey("demo-1"))
    #expect(try refusal(try Asked.vote(1), Asked.facts(chainIDs: ["demo-1"])) == nil)
  }

  @Test("refuse what no grant names, and take an empty list for nothing at all")
  func grants() throws {
    let request = try Asked.state(1)
    #expect(try refusal(request, Asked.facts(KeyID(Asked.root))) == .notGranted(.attestation))
    #expect(
      try refusal(try Asked.state(1, origin: "cosmos:demo-3"))
        == .originNotGranted(try Asked.origin("cosmos:demo-3")))
    #expect(try refusal(try Asked.vote(1, chain: "demo-3")) == .chainNotGranted("demo-3"))
    let empty = try Asked.policy(origins: [])
    #expect(try refusal(request, policy: empty) == .originNotGranted(try Asked.origin()))
    let nobody = try AccessPolicy(domain: .operator, clients: [], keyLimits: [])
    #expect(try refusal(request, policy: nobody) == .unknownClient(try Asked.client()))
    let noKeys = try Asked.policy(keys: [])
    #expect(try refusal(request, policy: noKeys) == .notGranted(.attestation))
  }

  @Test("refuse transactions of other keys, chains and types, and above fee and gas")
  func transactions() throws {
    let account = Asked.hash("account")
    let key = KeyID(suite: .ed25519, publicKey: account.array)
    let facts = Asked.facts(key, suite: .ed25519, purposes: [.transaction])
    let stake = try Denom("stake")
    func scope(_ chains: [String] = ["demo-1"], _ types: [String] = ["/demo.MsgA"]) -> TransactionScope {
      TransactionScope(
        chains: chains, typeURLs: types, feeMax: [Coin(UInt256(1_000), stake)], gasMax: 300_000)
    }
    func transaction(
      _ types: [String] = ["/demo.MsgA"], fee: [Coin] = [Coin(UInt256(1_000), stake)], gas: UInt64 = 300_000,
      chain: String = "demo-1", key: Bytes32 = account
    ) -> SigningRequest {
      .transaction(
        UnsignedTransaction(
          types.map { AnyMessage(typeURL: $0, value: [1]) }, fee: fee, gasLimit: gas, key: .ed25519(key),
          sequence: 1, chainID: chain, accountNumber: 1))
    }
    func ask(_ request: SigningRequest, _ scope: TransactionScope = scope()) throws -> SigningRefusal? {
      try refusal(request, facts, policy: try Asked.policy(.user, keys: [key], scope: scope), domain: .user)
    }
    #expect(try ask(transaction()) == nil)
    #expect(try ask(transaction(fee: [])) == nil)
    #expect(try ask(transaction(key: Asked.root)) == .otherSigner)
    #expect(try ask(transaction(chain: "demo-9")) == .chainNotGranted("demo-9"))
    #expect(try ask(transaction(["/demo.MsgA", "/demo.MsgB"])) == .messageTypeNotGranted(index: 1))
    #expect(try ask(transaction(), scope([])) == .chainNotGranted("demo-1"))
    #expect(try ask(transaction(), scope(["demo-1"], [])) == .messageTypeNotGranted(index: 0))
    #expect(try ask(transaction([])) == .noMessages)
    #expect(
      try ask(transaction(fee: [Coin(UInt256(1_001), stake)]))
        == .feeTooHigh(asked: UInt256(1_001), ceiling: UInt256(1_000)))
    #expect(
      try ask(transaction(fee: [Coin(UInt256(1), try Denom("other"))])) == .feeDenomNotGranted("other"))
    // A denomination named twice would be paid twice.
    let twice = [Coin(UInt256(1_000), stake), Coin(UInt256(1_000), stake)]
    #expect(try ask(transaction(fee: twice)) == .feeDenomNotGranted("stake"))
    #expect(try ask(transaction(gas: 300_001)) == .gasTooHigh(asked: 300_001, ceiling: 300_000))
    #expect(
      try ask(transaction(Array(repeating: "/demo.MsgA", count: 1_025)))
        == .tooManyMessages(max: 1_024, actual: 1_025))
  }

  // MARK: Limits

  private static func at(_ milliseconds: UInt64) -> UnixMilliseconds {
    UnixMilliseconds(Asked.now.milliseconds + milliseconds)
  }

  @Test("let a minute's worth through at once, and say when there is more")
  func limits() throws {
    var signer = SigningState(domain: .operator, policy: try Asked.policy(perMinute: 6))
    let client = try Asked.client()
    func ask(_ milliseconds: UInt64, _ height: UInt64 = 1) throws -> SigningRefusal? {
      let request = try Asked.state(height)
      do {
        _ = try signer.admit(request, key: Asked.facts(), client: client, at: Self.at(milliseconds))
        return nil
      } catch { return error }
    }
    for _ in 0..<6 { #expect(try ask(0) == nil) }
    #expect(try ask(0) == .clientLimit(retryAfterMilliseconds: 10_000))
    #expect(try ask(4_000) == .clientLimit(retryAfterMilliseconds: 6_000))
    // A clock that goes back fills nothing.
    #expect(try ask(0) == .clientLimit(retryAfterMilliseconds: 6_000))
    #expect(try ask(10_000) == nil)
    #expect(try ask(10_000) == .clientLimit(retryAfterMilliseconds: 10_000))
    // After a long time no more than a minute's worth.
    for _ in 0..<6 { #expect(try ask(100_000_000) == nil) }
    #expect(try ask(100_000_000) == .clientLimit(retryAfterMilliseconds: 10_000))
    // Requests that the watermarks refuse count too.
    #expect(try ask(200_000_000, 0) == .heightZero)
    for _ in 0..<5 { #expect(try ask(200_000_000) == nil) }
    #expect(try ask(200_000_000) == .clientLimit(retryAfterMilliseconds: 10_000))
    // Another policy gives no fresh minute.
    try signer.adopt(try Asked.policy(perMinute: 12))
    #expect(try ask(200_000_000) == .clientLimit(retryAfterMilliseconds: 5_000))
  }

  @Test("count a key's signatures whoever asks, and let zero be none")
  func keyLimits() throws {
    let base = try Asked.policy()
    let limited = try AccessPolicy(
      domain: .operator, clients: base.clients,
      keyLimits: base.keyLimits.map {
        KeyLimit(
          key: $0.key, purpose: $0.purpose,
          perMinute: $0.key == Asked.key ? ($0.purpose == .attestation ? 1 : 0) : 5)
      })
    var signer = SigningState(domain: .operator, policy: limited)
    try signer.ask(try Asked.state(1))
    #expect(throws: SigningRefusal.keyLimit(retryAfterMilliseconds: 60_000)) {
      try signer.ask(try Asked.state(2))
    }
    #expect(throws: SigningRefusal.keyLimit(retryAfterMilliseconds: 60_000)) {
      try signer.ask(try Asked.vote(1))
    }
    try signer.ask(try Asked.state(2), Asked.facts(Asked.otherKey))
  }

  @Test("name clients in one form")
  func names() throws {
    #expect(throws: ClientNameError.length(max: 64, actual: 0)) { try ClientName("") }
    #expect(throws: ClientNameError.length(max: 64, actual: 65)) {
      try ClientName(String(repeating: "a", count: 65))
    }
    #expect(throws: ClientNameError.character(offset: 1)) { try ClientName("a b") }
    #expect(throws: ClientNameError.character(offset: 0)) { try ClientName("A") }
    #expect(try ClientName("a.b_c-9").text == "a.b_c-9")
  }
}
