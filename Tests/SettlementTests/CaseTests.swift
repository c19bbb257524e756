import Digests
import Enclaves
import Ledger
import MerkleProofs
import Messages
import Settlement
import Testing
import WireBytes

@Suite("Cases")
struct CaseTests {
  static func commitment(_ name: String) -> Bytes32 { SHA256Hash.hash([UInt8](name.utf8)) }

  @Test("opens cases by number, each with its own escrow and custody chain")
  func opens() throws {
    var ledger = try SettlementLedger()
    let (_, policy) = try ledger.registered()
    let first = try ledger.opened(policy: policy)
    let second = try ledger.opened(policy: policy)
    let chain = try InteroperableAddress(chain: ledger.domain)
    #expect(first == (try CaseIdentity.id(domain: chain, number: 1)))
    #expect(second == (try CaseIdentity.id(domain: chain, number: 2)))
    let answer = try SettlementAnswers.Case(decoding: try #require(try ledger.ask(.caseByNumber(2))))
    #expect(answer.id == second && answer.opening.number == 2)
    #expect(answer.escrow == SettlementModule.escrow(of: second))
    #expect(answer.record.opening == answer.opening.root())
    let head = CustodyChain.link(
      after: CustodyChain.start, kind: .opened, content: answer.opening.encoded())
    #expect(answer.record.head == head && answer.record.linkCount == 1)
    let open = try SettlementAnswers.openCases(
      decoding: try #require(try ledger.ask(.openCases(after: 0, limit: 10))))
    #expect(open.map(\.number) == [1, 2])
    let page = try SettlementAnswers.openCases(
      decoding: try #require(try ledger.ask(.openCases(after: 1, limit: 10))))
    #expect(page.map(\.id) == [second])
    #expect(try ledger.ask(.caseByNumber(3)) == nil)
  }

  @Test("refuses terms that make no case")
  func terms() throws {
    var ledger = try SettlementLedger()
    let (_, policy) = try ledger.registered()
    func open(_ terms: CaseTerms) throws -> TransactionResult {
      try ledger.run(.openCase(sender: ledger.alice.address, terms), by: ledger.alice)
    }
    var time = try ledger.time
    #expect(
      try open(ledger.terms(policy: policy, closes: time, expires: time + 10))
        .isRefused(.closesInPast(closes: time, time: time)))
    time = try ledger.time
    #expect(
      try open(ledger.terms(policy: policy, closes: time + 5, expires: time + 5))
        .isRefused(.expiresBeforeCloses(closes: time + 5, expires: time + 5)))
    time = try ledger.time
    let year: UInt64 = 366 * 86_400
    #expect(
      try open(ledger.terms(policy: policy, closes: time + 5, expires: time + year + 1))
        .isRefused(.caseLifetime(max: year, actual: year + 1)))
    for count: UInt64 in [0, 257, .max] {
      time = try ledger.time
      #expect(
        try open(ledger.terms(policy: policy, closes: time + 5, expires: time + 9, maximumInputs: count))
          .isRefused(.maximumInputs(max: 256, actual: count)))
    }
    #expect(
      try open(ledger.terms(policy: policy, closes: time + 50, expires: time + 90, coordinatorSuite: "rsa"))
        .isRefused(.coordinatorKey(.signingSuite("rsa"))))
    #expect(
      try open(ledger.terms(policy: policy, closes: time + 50, expires: time + 90, coordinatorKey: [1, 2]))
        .isRefused(.coordinatorKey(.length(.coordinatorKey, expected: 33, actual: 2))))
    let unknown = Bytes32 { _ in 4 }
    #expect(
      try open(ledger.terms(policy: unknown, closes: time + 50, expires: time + 90))
        .isRefused(.policyUnknown(unknown)))
    #expect(
      try open(ledger.terms(policy: policy, closes: time + 50, expires: time + 90, continues: unknown))
        .isRefused(.predecessorUnknown(unknown)))
  }

  @Test("records commitments in their order, and takes coins into escrow")
  func submits() throws {
    var ledger = try SettlementLedger()
    let (_, policy) = try ledger.registered()
    let id = try ledger.opened(policy: policy)
    let (one, two) = (Self.commitment("one"), Self.commitment("two"))
    let result = try ledger.submit(one, nonce: 7, coins: [ledger.coin(500)], to: id, by: ledger.alice)
    #expect(try ledger.answer(result) == .submitted(index: 0))
    try ledger.submit(two, nonce: 7, coins: [ledger.coin(40), ledger.fee(3)], to: id, by: ledger.bob)
    let record = try ledger.record(id)
    #expect(record.inputCount == 2 && record.linkCount == 3)
    #expect(record.inputs == (try CaseInputs.root([one, two])))
    #expect(record.inputs != (try CaseInputs.root([two, one])))
    let inputs = try SettlementAnswers.inputs(decoding: try #require(try ledger.ask(.inputs(id))))
    #expect(inputs.map(\.commitment) == [one, two])
    #expect(inputs[0].sender == ledger.module.address(of: ledger.alice.address))
    let escrow = SettlementModule.escrow(of: id)
    #expect(try ledger.balance(escrow) == 540)
    #expect(try ledger.balance(escrow, ledger.other) == 3)
    #expect(record.escrow.map { $0.amount.asUInt64 } == [540, 3])
    let links = try SettlementAnswers.links(decoding: try #require(try ledger.ask(.links(id))))
    #expect(links.map(\.kind) == [.opened, .input, .input])
    #expect(links.last?.link == record.head)
    let opening = try SettlementAnswers.Case(decoding: try #require(try ledger.ask(.caseByID(id)))).opening
    var contents: [(kind: CustodyKind, content: [UInt8])] = [(.opened, opening.encoded())]
    for input in inputs { contents.append((.input, input.encoded())) }
    #expect(CustodyChain.head(of: contents) == record.head)
  }

  @Test("refuses what a case does not take")
  func refusals() throws {
    var ledger = try SettlementLedger()
    let (_, policy) = try ledger.registered()
    let id = try ledger.opened(
      policy: policy, maximumInputs: 2, accepts: [ledger.coin(10)])
    let (one, two) = (Self.commitment("one"), Self.commitment("two"))
    let unknown = Bytes32 { _ in 1 }
    #expect(try ledger.submit(one, to: unknown, by: ledger.alice).isRefused(.caseUnknown(unknown)))
    #expect(try ledger.submit(Bytes32(), to: id, by: ledger.alice).isRefused(.commitmentZero))
    #expect(
      try ledger.submit(one, coins: [ledger.fee(100)], to: id, by: ledger.alice)
        .isRefused(.coinNotAccepted(ledger.other)))
    #expect(
      try ledger.submit(one, coins: [ledger.coin(9)], to: id, by: ledger.alice)
        .isRefused(.coinTooLittle(least: ledger.coin(10), actual: UInt256(UInt64(9)))))
    let much = ledger.coin(2_000_000)
    #expect(
      try ledger.submit(one, coins: [much], to: id, by: ledger.alice).isRefused(
        .bank(
          .insufficientFunds(ledger.alice.address, available: UInt256(UInt64(1_000_000)), wanted: much))))
    #expect(try ledger.submit(one, nonce: 1, to: id, by: ledger.alice).succeeded)
    #expect(try ledger.submit(two, nonce: 1, to: id, by: ledger.alice).isRefused(.nonceUsed(1)))
    #expect(
      try ledger.submit(one, nonce: 2, to: id, by: ledger.bob).isRefused(.commitmentKnown(one, index: 0)))
    // Another sender has nonces of its own.
    #expect(try ledger.submit(two, nonce: 1, to: id, by: ledger.bob).succeeded)
    #expect(
      try ledger.submit(Self.commitment("three"), to: id, by: ledger.carol).isRefused(.caseFull(max: 2)))
    let record = try ledger.record(id)
    #expect(record.inputs == (try CaseInputs.root([one, two])))
  }

  @Test("takes nothing after it has closed")
  func closed() throws {
    var ledger = try SettlementLedger()
    let (_, policy) = try ledger.registered()
    let id = try ledger.opened(policy: policy)
    let closes = try ledger.record(id).closes
    try ledger.wait(until: closes - 1)
    #expect(try ledger.submit(Self.commitment("last"), to: id, by: ledger.alice).succeeded)
    try ledger.wait(until: closes)
    let time = try ledger.time
    #expect(
      try ledger.submit(Self.commitment("late"), to: id, by: ledger.bob)
        .isRefused(.caseClosed(closes: closes, time: time)))
  }

  @Test("gives everybody's coins back after it has expired, once")
  func reclaims() throws {
    var ledger = try SettlementLedger()
    let (_, policy) = try ledger.registered()
    let id = try ledger.opened(policy: policy)
    let before = try [ledger.alice, ledger.bob].map { try ledger.balance($0.address) ?? 0 }
    try ledger.submit(Self.commitment("a"), nonce: 1, coins: [ledger.coin(500)], to: id, by: ledger.alice)
    try ledger.submit(Self.commitment("b"), nonce: 1, coins: [ledger.coin(70)], to: id, by: ledger.bob)
    try ledger.submit(Self.commitment("c"), nonce: 2, coins: [ledger.coin(5)], to: id, by: ledger.bob)
    let expires = try ledger.record(id).expires
    let message = SettlementMessage.reclaim(sender: ledger.carol.address, case: id)
    let time = try ledger.time
    #expect(
      try ledger.run(message, by: ledger.carol).isRefused(.caseNotExpired(expires: expires, time: time)))
    try ledger.wait(until: expires)
    #expect(try ledger.run(message, by: ledger.carol).succeeded)
    #expect(try [ledger.alice, ledger.bob].map { try ledger.balance($0.address) ?? 0 } == before)
    #expect(try ledger.balance(SettlementModule.escrow(of: id)) == 0)
    let record = try ledger.record(id)
    #expect(record.status == .reclaimed && record.linkCount == 6)
    let links = try SettlementAnswers.links(decoding: try #require(try ledger.ask(.links(id))))
    #expect(links.map(\.kind) == [.opened, .input, .input, .input, .closed, .reclaimed])
    #expect(try ledger.run(message, by: ledger.carol).isRefused(.caseReclaimed(id)))
    #expect(
      try ledger.submit(Self.commitment("d"), to: id, by: ledger.alice).isRefused(.caseReclaimed(id)))
    let open = try SettlementAnswers.openCases(
      decoding: try #require(try ledger.ask(.openCases(after: 0, limit: 10))))
    #expect(open.isEmpty)
  }

  static func verify(
    _ proof: ICS23.CommitmentProof, _ value: [UInt8], at key: [UInt8], under root: Bytes32
  ) throws(ICS23.VerificationError) {
    let root = root.array
    try proof.verifyMembership(spec: .sparseMerkleTree, root: root.span, key: key.span, value: value.span)
  }

  @Test("proves every record under the ledger's root")
  func proofs() throws {
    var ledger = try SettlementLedger()
    let (enclave, policy) = try ledger.registered()
    let id = try ledger.opened(policy: policy)
    try ledger.submit(Self.commitment("a"), coins: [ledger.coin(5)], to: id, by: ledger.alice)
    let keys = [
      CaseKeys.record(id), CaseKeys.opening(id), CaseKeys.input(id, 0),
      SettlementKeys.registration(enclave.registration), SettlementKeys.evidence(enclave.registration),
      SettlementKeys.policy(policy), SettlementKeys.link(id, 1),
    ]
    let root = ledger.chain.tip.appHash
    for key in keys {
      let answer = try ledger.chain.query(path: "store/ibc/key", request: key, prove: true)
      let proof = try #require(answer.proof)
      let value = try #require(try ledger.chain.state.value(for: key))
      #expect(answer.value == value)
      try Self.verify(proof, value, at: key, under: root)
      var other = value
      other[other.count / 2] ^= 1
      #expect(throws: ICS23.VerificationError.self) {
        try Self.verify(proof, other, at: key, under: root)
      }
    }
    let absent = CaseKeys.record(Bytes32 { _ in 7 })
    let answer = try ledger.chain.query(path: "store/ibc/key", request: absent, prove: true)
    #expect(answer.value.isEmpty)
  }

  @Test("answers nothing to requests that are none", arguments: SettlementQuery.Path.allCases)
  func queries(path: SettlementQuery.Path) throws {
    let ledger = try SettlementLedger()
    #expect(throws: QueryRefusal.request) {
      try ledger.chain.query(path: path.rawValue, request: [0x22, 0x01, 0x00])
    }
    #expect(throws: QueryRefusal.request) {
      try ledger.chain.query(path: path.rawValue, request: [0x0a, 0x02, 0x00, 0x00])
    }
    if path != .openCases, path != .registrations {
      #expect(throws: QueryRefusal.request) { try ledger.chain.query(path: path.rawValue, request: []) }
      #expect(throws: QueryRefusal.notFound) {
        let request = SettlementQuery.caseByID(Bytes32 { _ in 8 }).encoded()
        return try ledger.chain.query(path: path.rawValue, request: request)
      }
    }
    #expect(throws: QueryRefusal.proofUnavailable) {
      try ledger.chain.query(path: path.rawValue, request: [], prove: true)
    }
  }
}
