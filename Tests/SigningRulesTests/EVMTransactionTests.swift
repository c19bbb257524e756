import Encodings
import Messages
import SigningRules
import Testing
import Transactions
import WireBytes

/// Transactions of EVM chains, as tests ask for them.
enum EVMAsked {
  /// The account of ``Asked/key``.
  static let sender = Bytes20 { _ in 0x5e }
  static let router = Bytes20 { _ in 0x70 }
  static let other = Bytes20 { _ in 0x71 }
  static let receive = FixedBytes<4> { [1, 2, 3, 4][$0] }
  static let update = FixedBytes<4> { [5, 6, 7, 8][$0] }
  static let gwei = UInt256(1_000_000_000)

  static func facts(_ id: KeyID = Asked.key, suite: KeySuite = .secp256k1) -> KeyFacts {
    KeyFacts(id: id, suite: suite, purposes: [.evmTransaction], evmAddress: sender)
  }

  static func transaction(
    nonce: UInt64 = 7, to: Bytes20? = router, value: UInt256 = .zero, input: [UInt8] = receive.array + [9],
    gas: UInt64 = 300_000, fee: UInt256 = gwei, chain: UInt64 = 31_337, accessList: [EVMAccess] = []
  ) throws -> SigningRequest {
    .evmTransaction(
      try EVMTransaction(
        chainID: chain, nonce: nonce, maxPriorityFeePerGas: .zero, maxFeePerGas: fee, gasLimit: gas, to: to,
        value: value, input: input, accessList: accessList))
  }

  static func cancellation(nonce: UInt64, fee: UInt256 = gwei) throws -> SigningRequest {
    try transaction(nonce: nonce, to: sender, input: [], gas: 21_000, fee: fee)
  }

  static func batch(_ calls: [[UInt8]], by name: String = "multicall(bytes[])") throws -> [UInt8] {
    try ABIFunction(name).encode([.array(calls.map { .bytes($0) })])
  }

  static func scope(
    calls: [EVMCalls]? = nil, makesContracts: Bool = false, valueMax: UInt256 = .zero,
    oneCallPerNonce: Bool = true
  ) throws -> EVMTransactionScope {
    let selectors = [
      receive, update, ABI.selector("multicall(bytes[])"), ABI.selector("relay(bytes[])"),
    ].map { EVMSelector.function($0) }
    return EVMTransactionScope(
      chains: [31_337], calls: calls ?? [EVMCalls(to: router, selectors: selectors)],
      makesContracts: makesContracts, valueMax: valueMax, gasMax: 1_000_000, feePerGasMax: gwei,
      oneCallPerNonce: oneCallPerNonce)
  }

  static func signer(
    _ scope: EVMTransactionScope? = nil, domain: KeyDomain = .operator,
    limits: SigningLimits = SigningLimits()
  ) throws -> SigningState {
    let keys = [Asked.key, Asked.otherKey]
    return SigningState(
      domain: domain,
      policy: try AccessPolicy(
        domain: domain,
        clients: [
          PolicyClient(
            name: try Asked.client(), key: Asked.hash("client"), peers: [.uid(1_000)], roles: [.sign],
            perMinute: 1_000_000,
            grants: [Grant(keys: keys, scope: .evmTransaction(try scope ?? Self.scope()))])
        ],
        keyLimits: keys.map { KeyLimit(key: $0, purpose: .evmTransaction, perMinute: 1_000_000) }),
      limits: limits)
  }
}

@Suite("EVM transactions, asked of a signer")
struct EVMTransactionRuleTests {
  private func refusal(
    _ request: SigningRequest, _ scope: EVMTransactionScope? = nil, key: KeyFacts = EVMAsked.facts(),
    domain: KeyDomain = .operator
  ) throws -> SigningRefusal? {
    var signer = try EVMAsked.signer(scope, domain: domain)
    let name = try Asked.client()
    do {
      _ = try signer.admit(request, key: key, client: name, at: Asked.now)
      return nil
    } catch { return error }
  }

  @Test("are signed as their hash, recoverably, by keys of three domains")
  func payload() throws {
    let request = try EVMAsked.transaction()
    guard case .evmTransaction(let transaction) = request else { return }
    #expect(request.purpose == .evmTransaction)
    #expect(request.chainID == "eip155:31337")
    #expect(request.origin == nil)
    #expect(request.payload.content == .digest(transaction.signingHash))
    #expect(request.payload.recoverable)
    for domain in [KeyDomain.user, .operator, .settlement] {
      #expect(try refusal(request, domain: domain) == nil)
    }
    #expect(KeyPurpose(byte: 5) == .evmTransaction)
  }

  @Test("are refused to keys of other suites and purposes, and for chains that were not granted")
  func keys() throws {
    let request = try EVMAsked.transaction()
    for suite in KeySuite.allCases where suite != .secp256k1 {
      #expect(
        try refusal(request, key: EVMAsked.facts(suite: suite)) == .suiteNotForPurpose(suite, .evmTransaction)
      )
    }
    #expect(try refusal(request, key: Asked.facts()) == .purposeNotOfKey(.evmTransaction))
    #expect(
      try refusal(try EVMAsked.transaction(chain: 1)) == .chainNotGranted("eip155:1"))
    let bound = KeyFacts(
      id: Asked.key, suite: .secp256k1, purposes: [.evmTransaction], chainIDs: ["eip155:1"],
      evmAddress: EVMAsked.sender)
    #expect(try refusal(request, key: bound) == .chainNotOfKey("eip155:31337"))
  }

  @Test("are refused above gas, fee and value, and where contracts and functions were not granted")
  func bounds() throws {
    #expect(try refusal(try EVMAsked.transaction(gas: 1_000_000)) == nil)
    #expect(
      try refusal(try EVMAsked.transaction(gas: 1_000_001))
        == .gasTooHigh(asked: 1_000_001, ceiling: 1_000_000))
    let fee = UInt256(1_000_000_001)
    #expect(
      try refusal(try EVMAsked.transaction(fee: fee)) == .feeTooHigh(asked: fee, ceiling: EVMAsked.gwei))
    let one = UInt256(1)
    #expect(try refusal(try EVMAsked.transaction(value: one)) == .valueTooHigh(asked: one, ceiling: .zero))
    #expect(try refusal(try EVMAsked.transaction(value: one), try EVMAsked.scope(valueMax: one)) == nil)
    #expect(try refusal(try EVMAsked.transaction(to: EVMAsked.other)) == .contractNotGranted(EVMAsked.other))
    let unknown = FixedBytes<4> { _ in 0xee }
    #expect(try refusal(try EVMAsked.transaction(input: unknown.array)) == .functionNotGranted(unknown))
    #expect(try refusal(try EVMAsked.transaction(input: EVMAsked.receive.array)) == nil)
    for count in 0..<4 {
      let cut = [UInt8](EVMAsked.receive.array.prefix(count))
      #expect(try refusal(try EVMAsked.transaction(input: cut)) == .functionNotGranted(nil))
    }
    #expect(try refusal(try EVMAsked.transaction(to: nil)) == .contractCreation)
    #expect(try refusal(try EVMAsked.transaction(to: nil), try EVMAsked.scope(makesContracts: true)) == nil)
    let nothing = try EVMAsked.scope(calls: [])
    #expect(try refusal(try EVMAsked.transaction(), nothing) == .contractNotGranted(EVMAsked.router))
  }

  @Test("may be granted for any contract, any function, and calls without input")
  func wide() throws {
    let anywhere = try EVMAsked.scope(calls: [EVMCalls(to: nil, selectors: [.function(EVMAsked.receive)])])
    #expect(try refusal(try EVMAsked.transaction(to: EVMAsked.other), anywhere) == nil)
    #expect(
      try refusal(try EVMAsked.transaction(input: EVMAsked.update.array), anywhere)
        == .functionNotGranted(EVMAsked.update))
    let anything = try EVMAsked.scope(calls: [EVMCalls(to: EVMAsked.router, selectors: nil)])
    for input in [[], [1], [1, 2, 3, 4], try EVMAsked.batch([[0xff]])] as [[UInt8]] {
      #expect(try refusal(try EVMAsked.transaction(input: input), anything) == nil)
    }
    #expect(
      try refusal(try EVMAsked.transaction(to: EVMAsked.other), anything)
        == .contractNotGranted(EVMAsked.other))
    let plain = try EVMAsked.scope(
      calls: [EVMCalls(to: EVMAsked.other, selectors: [.none])], valueMax: EVMAsked.gwei)
    #expect(
      try refusal(try EVMAsked.transaction(to: EVMAsked.other, value: EVMAsked.gwei, input: []), plain) == nil
    )
    #expect(
      try refusal(try EVMAsked.transaction(to: EVMAsked.other, input: [0]), plain) == .functionNotGranted(nil)
    )
  }

  @Test("in batches are judged call by call, in batches inside them too")
  func batches() throws {
    let good = EVMAsked.receive.array + [1, 2]
    let bad = FixedBytes<4> { _ in 0xee }
    func ask(_ input: [UInt8]) throws -> SigningRefusal? {
      try refusal(try EVMAsked.transaction(input: input))
    }
    for name in ["multicall(bytes[])", "relay(bytes[])"] {
      #expect(try ask(try EVMAsked.batch([], by: name)) == nil)
      #expect(try ask(try EVMAsked.batch([good, EVMAsked.update.array], by: name)) == nil)
      #expect(try ask(try EVMAsked.batch([good, bad.array + [0]], by: name)) == .functionNotGranted(bad))
      #expect(try ask(try EVMAsked.batch([good, []], by: name)) == .functionNotGranted(nil))
      #expect(
        try ask(try EVMAsked.batch([try EVMAsked.batch([good, bad.array])], by: name)) == .functionNotGranted(bad)
      )
    }
    var deep = good
    for depth in 1...6 {
      deep = try EVMAsked.batch([deep])
      #expect(try ask(deep) == (depth <= 4 ? nil : .batchDepth(max: 4)), "\(depth)")
    }
    // What the contract would read otherwise than the signer is not signed.
    let batch = try EVMAsked.batch([good])
    for count in 4..<batch.count {
      #expect(try ask([UInt8](batch.prefix(count))) == .batchForm, "\(count)")
    }
    #expect(try ask(batch + [0]) == .batchForm)
    for index in 4..<batch.count {
      var changed = batch
      changed[index] ^= 0x80
      // A changed byte of the inner arguments is another good call.
      let refusal = try ask(changed)
      if let refusal { #expect(refusal.kind == .batchForm || refusal.kind == .functionNotGranted) }
    }
    // The batching functions themselves need to be granted.
    let single = try EVMAsked.scope(
      calls: [EVMCalls(to: EVMAsked.router, selectors: [.function(EVMAsked.receive)])])
    #expect(
      try refusal(try EVMAsked.transaction(input: batch), single)
        == .functionNotGranted(ABI.selector("multicall(bytes[])")))
  }

  @Test("that cancel are signed for every nonce, within gas and fee, and only from the account to itself")
  func cancellation() throws {
    let nothing = try EVMAsked.scope(calls: [])
    #expect(try refusal(try EVMAsked.cancellation(nonce: 0), nothing) == nil)
    #expect(
      try refusal(try EVMAsked.cancellation(nonce: 0, fee: UInt256(2_000_000_000)), nothing)
        == .feeTooHigh(asked: UInt256(2_000_000_000), ceiling: EVMAsked.gwei))
    #expect(
      try refusal(try EVMAsked.transaction(to: EVMAsked.sender, input: [0]), nothing)
        == .contractNotGranted(EVMAsked.sender))
    #expect(
      try refusal(try EVMAsked.transaction(to: EVMAsked.sender, value: UInt256(1), input: []), nothing)
        == .valueTooHigh(asked: UInt256(1), ceiling: .zero))
    let unknown = KeyFacts(id: Asked.key, suite: .secp256k1, purposes: [.evmTransaction])
    #expect(
      try refusal(try EVMAsked.cancellation(nonce: 0), nothing, key: unknown)
        == .contractNotGranted(EVMAsked.sender))
  }

  // MARK: Nonces

  private static let facts = EVMAsked.facts()

  @Test("have one call a nonce: fees may change, the call may not")
  func oneCall() throws {
    var signer = try EVMAsked.signer()
    let first = try signer.ask(try EVMAsked.transaction(), Self.facts)
    #expect(first.records.count == 1)
    let access = [EVMAccess(address: EVMAsked.router, storageKeys: [])]
    for same in [
      try EVMAsked.transaction(fee: UInt256(2)), try EVMAsked.transaction(gas: 400_000),
      try EVMAsked.transaction(accessList: access),
    ] {
      #expect(try signer.ask(same, Self.facts).records.isEmpty)
    }
    let scope = try EVMAsked.scope(
      calls: [EVMCalls(to: nil, selectors: nil)], makesContracts: true, valueMax: EVMAsked.gwei)
    try signer.adopt(try EVMAsked.signer(scope).policy)
    for other in [
      try EVMAsked.transaction(input: EVMAsked.receive.array), try EVMAsked.transaction(to: EVMAsked.other),
      try EVMAsked.transaction(value: UInt256(1)), try EVMAsked.transaction(to: nil),
      try EVMAsked.transaction(to: EVMAsked.sender),
    ] {
      #expect(throws: SigningRefusal.otherCall(nonce: 7)) { try signer.ask(other, Self.facts) }
    }
    // Another account, and another nonce, have calls of their own.
    try signer.ask(try EVMAsked.transaction(to: EVMAsked.other), EVMAsked.facts(Asked.otherKey))
    try signer.ask(try EVMAsked.transaction(nonce: 8, to: EVMAsked.other), Self.facts)
    // The cancellation may take the place of a call, and the call may still be signed beside it.
    #expect(try signer.ask(try EVMAsked.cancellation(nonce: 7), Self.facts).records.isEmpty)
    #expect(try signer.ask(try EVMAsked.transaction(), Self.facts).records.isEmpty)
    #expect(try signer.ask(try EVMAsked.cancellation(nonce: 99), Self.facts).records.isEmpty)
    #expect(try signer.ask(try EVMAsked.transaction(nonce: 99), Self.facts).records.count == 1)
  }

  @Test("keep no nonces where a policy says that calls may change places")
  func changing() throws {
    var signer = try EVMAsked.signer(try EVMAsked.scope(oneCallPerNonce: false))
    try signer.ask(try EVMAsked.transaction(), Self.facts)
    let other = try EVMAsked.transaction(input: EVMAsked.update.array)
    #expect(try signer.ask(other, Self.facts).records.isEmpty)
    #expect(signer.snapshot().isEmpty)
    // From the day on that it says otherwise.
    try signer.adopt(try EVMAsked.signer().policy)
    #expect(try signer.ask(other, Self.facts).records.count == 1)
    #expect(throws: SigningRefusal.otherCall(nonce: 7)) {
      try signer.ask(try EVMAsked.transaction(), Self.facts)
    }
  }

  @Test("are bound over restarts, whole or cut, in files and from merges")
  func records() throws {
    var signer = try EVMAsked.signer()
    var journal: [WatermarkRecord] = []
    for nonce in [5, 9, 6, 7] as [UInt64] {
      journal += try signer.ask(try EVMAsked.transaction(nonce: nonce), Self.facts).records
    }
    for record in journal { #expect(try WatermarkRecord(decoding: record.encoded()) == record) }
    for records in [journal, signer.snapshot(), journal.reversed()] {
      var restored = try EVMAsked.signer()
      for record in records { try restored.restore(record) }
      #expect(restored.snapshot() == signer.snapshot())
      #expect(throws: SigningRefusal.otherCall(nonce: 6)) {
        try restored.ask(try EVMAsked.transaction(nonce: 6, input: EVMAsked.update.array), Self.facts)
      }
    }
    let file = signer.interchange(vaultID: Asked.root, epoch: 1)
    let read = try WatermarkInterchange(decoding: [UInt8](file.text.utf8))
    #expect(read == file)
    var merged = try EVMAsked.signer()
    #expect(try merged.merge(read, vaultID: Asked.root, epoch: 1).records.count == 4)
    #expect(try merged.merge(read, vaultID: Asked.root, epoch: 1).records.isEmpty)
    #expect(merged.snapshot() == signer.snapshot())
    // Two histories in which one nonce has two calls are not one.
    var other = try EVMAsked.signer()
    try other.ask(try EVMAsked.transaction(nonce: 6, input: EVMAsked.update.array), Self.facts)
    #expect(
      throws: WatermarkConflict.nonce(Asked.key, chainID: 31_337, .otherCall(nonce: 6))
    ) { try other.merge(read, vaultID: Asked.root, epoch: 1) }
  }

  @Test("of forgotten nonces are cancellations alone")
  func floor() throws {
    let limits = SigningLimits(noncesKept: 10)
    var signer = try EVMAsked.signer(limits: limits)
    var journal: [WatermarkRecord] = []
    // 256 are forgotten at once, so that the floor rises when there are 266.
    for nonce in 1...300 as ClosedRange<UInt64> {
      journal += try signer.ask(try EVMAsked.transaction(nonce: nonce), Self.facts).records
    }
    let floor = WatermarkRecord.nonceFloor(key: Asked.key, chainID: 31_337, nonce: 256)
    #expect(journal.filter { $0 == floor }.count == 1)
    #expect(signer.snapshot().first == floor)
    #expect(signer.snapshot().count == 45)
    for nonce in [0, 1, 256] as [UInt64] {
      #expect(throws: SigningRefusal.nonceForgotten(256)) {
        try signer.ask(try EVMAsked.transaction(nonce: nonce), Self.facts)
      }
      try signer.ask(try EVMAsked.cancellation(nonce: nonce), Self.facts)
    }
    #expect(try signer.ask(try EVMAsked.transaction(nonce: 257), Self.facts).records.isEmpty)
    for records in [journal, signer.snapshot()] {
      var restored = try EVMAsked.signer(limits: limits)
      for record in records { try restored.restore(record) }
      #expect(restored.snapshot() == signer.snapshot())
      // A floor that is lower, or known, changes nothing.
      try restored.restore(.nonceFloor(key: Asked.key, chainID: 31_337, nonce: 3))
      #expect(restored.snapshot() == signer.snapshot())
      try restored.restore(.nonceFloor(key: Asked.key, chainID: 31_337, nonce: 1_000))
      #expect(restored.snapshot() == [.nonceFloor(key: Asked.key, chainID: 31_337, nonce: 1_000)])
    }
  }

  @Test("of more accounts and chains than are kept are refused")
  func room() throws {
    var signer = try EVMAsked.signer(limits: SigningLimits(tracksMax: 1))
    try signer.ask(try EVMAsked.transaction(), Self.facts)
    let other = EVMAsked.facts(Asked.otherKey)
    #expect(throws: SigningRefusal.tooManyOrigins(max: 1)) {
      try signer.ask(try EVMAsked.transaction(), other)
    }
    try signer.ask(try EVMAsked.cancellation(nonce: 1), other)
    #expect(throws: WatermarkConflict.tooManyTracks(max: 1)) {
      try signer.restore(.nonceFloor(key: Asked.otherKey, chainID: 31_337, nonce: 1))
    }
    var second = try EVMAsked.signer()
    for record in try second.ask(try EVMAsked.transaction(), other).records {
      #expect(throws: WatermarkConflict.tooManyTracks(max: 1)) { try signer.restore(record) }
    }
  }
}

/// What chains of Ethereum's family ask of attesters beyond others: they may go back below their finality.
@Suite("Attestations about EVM chains")
struct EVMAttestationTests {
  static let origin = "eip155:31337"
  private static let router = Bytes20 { _ in 0x70 }

  private static func request(_ height: UInt64, _ body: AttestedBody, time: UInt64 = 0) throws
    -> SigningRequest
  {
    .attestation(
      AttestedStatement(
        binding: try AttestationBinding(
          origin: try DomainID(origin), router: router.array, client: try ClientID("client-0")),
        height: Height(height), timestamp: UnixTime(seconds: Asked.start + time), body: body))
  }

  private static func signer() throws -> SigningState {
    SigningState(domain: .operator, policy: try Asked.policy(origins: [origin]))
  }

  @Test("are signed for their router's 20 bytes, and for granted chains alone")
  func signs() throws {
    var signer = try Self.signer()
    let request = try Self.request(100, .state(root: Asked.root))
    guard case .attestation(let statement) = request else { return }
    #expect(try signer.ask(request).payload.content == .digest(statement.digest))
    var cosmos = try Asked.signer()
    #expect(throws: SigningRefusal.originNotGranted(try DomainID(Self.origin))) { try cosmos.ask(request) }
  }

  @Test("have one root a height for ever: a block that took another's place is refused by name")
  func reorganisation() throws {
    var signer = try Self.signer()
    let replaced = Asked.hash("the block of the other branch")
    var journal = try signer.ask(try Self.request(100, .state(root: Asked.root))).records
    func refuse(_ signer: inout SigningState) {
      #expect(throws: SigningRefusal.otherRoot(kept: Asked.root)) {
        try signer.ask(try Self.request(100, .state(root: replaced)))
      }
    }
    refuse(&signer)
    for height in 101...140 as ClosedRange<UInt64> {
      journal += try signer.ask(
        try Self.request(height, .state(root: Asked.hash("root \(height)")), time: height)
      ).records
      refuse(&signer)
    }
    #expect(SigningRefusal.otherRoot(kept: Asked.root).name == "otherRoot")
    #expect(SigningRefusal.otherRoot(kept: Asked.root).advice == .refuse)
    // After a restart too, and with the other branch's time.
    var restored = try Self.signer()
    for record in journal { try restored.restore(try WatermarkRecord(decoding: record.encoded())) }
    refuse(&restored)
    #expect(throws: SigningRefusal.otherTime(kept: UnixTime(seconds: Asked.start))) {
      try restored.ask(try Self.request(100, .state(root: replaced), time: 1))
    }
    // What is still true may be said again.
    #expect(try restored.ask(try Self.request(100, .state(root: Asked.root))).records.isEmpty)
  }

  @Test("have one commitment a path and height, absence among them")
  func paths() throws {
    var signer = try Self.signer()
    let sent = Asked.entry("path", "sent")
    let absent = StoredEntry(pathHash: sent.pathHash, commitment: Bytes32())
    try signer.ask(try Self.request(100, .packets([sent])))
    #expect(throws: SigningRefusal.otherCommitment(path: sent.pathHash, kept: sent.commitment)) {
      try signer.ask(try Self.request(100, .packets([absent])))
    }
    // At a later height it may have gone.
    try signer.ask(try Self.request(101, .packets([absent])))
    #expect(throws: SigningRefusal.otherCommitment(path: sent.pathHash, kept: Bytes32())) {
      try signer.ask(try Self.request(101, .packets([sent])))
    }
  }

  @Test("in the foreign format serve one chain, with one time a height and one commitment a path")
  func foreign() throws {
    var signer = SigningState(
      domain: .operator, policy: try Asked.policy(origins: [Self.origin, "eip155:1"]))
    let origin = try DomainID(Self.origin)
    let sent = Asked.entry("path", "sent")
    try signer.ask(.foreignAttestation(origin: origin, .state(height: 100, timestamp: Asked.start)))
    try signer.ask(.foreignAttestation(origin: origin, .packets(height: 100, [sent])))
    #expect(throws: SigningRefusal.otherTime(kept: UnixTime(seconds: Asked.start))) {
      try signer.ask(.foreignAttestation(origin: origin, .state(height: 100, timestamp: Asked.start + 1)))
    }
    #expect(throws: SigningRefusal.otherCommitment(path: sent.pathHash, kept: sent.commitment)) {
      try signer.ask(
        .foreignAttestation(origin: origin, .packets(height: 100, [Asked.entry("path", "other")])))
    }
    #expect(throws: SigningRefusal.keyServesOtherOrigin(origin)) {
      try signer.ask(
        .foreignAttestation(origin: try DomainID("eip155:1"), .state(height: 1, timestamp: Asked.start)))
    }
  }
}
