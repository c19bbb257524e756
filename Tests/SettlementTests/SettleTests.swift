import Attestation
import Crypto
import Digests
import Enclaves
import Gate
import Ledger
import Messages
import Settlement
import Testing
import WireBytes

@Suite("Settling")
struct SettleTests {
  /// A closed case with 500 of Alice and 70 of Bob, and an enclave for it.
  static func closed(
    registration lifetime: UInt64 = 86_400, closing: Bool = true,
    enclavePolicy: Bytes32 = Bytes32 { _ in 0xb2 }
  ) throws -> (SettlementLedger, TestEnclave, Bytes32) {
    var ledger = try SettlementLedger(enclavePolicy: enclavePolicy)
    let (enclave, policy) = try ledger.registered(lifetime: lifetime)
    let id = try ledger.opened(policy: policy)
    try ledger.submit(
      CaseTests.commitment("a"), coins: [ledger.coin(500), ledger.fee(9)], to: id, by: ledger.alice)
    try ledger.submit(CaseTests.commitment("b"), coins: [ledger.coin(70)], to: id, by: ledger.bob)
    if closing { try ledger.wait(until: try ledger.record(id).closes) }
    return (ledger, enclave, id)
  }

  /// Payouts of the whole escrow.
  static func payouts(_ ledger: SettlementLedger) -> [(AccountAddress, [Coin])] {
    [(ledger.carol.address, [ledger.coin(560)]), (ledger.alice.address, [ledger.coin(10), ledger.fee(9)])]
  }

  @Test("pays by a receipt, once, and keeps the custody chain")
  func settles() throws {
    var (ledger, enclave, id) = try Self.closed()
    let carol = try ledger.balance(ledger.carol.address) ?? 0
    let work = try ledger.work(id, by: enclave, payouts: Self.payouts(ledger))
    let message = try ledger.message(work)
    let result = try ledger.run(message, by: ledger.bob)
    #expect(result.succeeded, "\(result.log)")
    #expect(try ledger.balance(ledger.carol.address) == carol + 560)
    let escrow = SettlementModule.escrow(of: id)
    #expect(try ledger.balance(escrow) == 0)
    #expect(try ledger.balance(escrow, ledger.other) == 0)
    let record = try ledger.record(id)
    #expect(record.status == .settled && record.state == Bytes32 { _ in 0x5a })
    let settled = try SettledResult(decoding: try #require(try ledger.ask(.result(id))))
    let chain = try InteroperableAddress(chain: ledger.domain)
    #expect(record.receipt == settled.receipt.digest(domain: chain))
    #expect(settled.update == work.update)
    let links = try SettlementAnswers.links(decoding: try #require(try ledger.ask(.links(id))))
    #expect(
      links.map(\.kind) == [.opened, .input, .input, .closed, .registration, .token, .receipt, .settled])
    #expect(Int(record.linkCount) == links.count)
    let opening = try SettlementAnswers.Case(decoding: try #require(try ledger.ask(.caseByID(id)))).opening
    let inputs = try SettlementAnswers.inputs(decoding: try #require(try ledger.ask(.inputs(id))))
    let registration = try ledger.registrationRecord(enclave.registration)
    let closing = try CaseClosing(inputs: record.inputs, inputCount: record.inputCount)
    var contents: [(kind: CustodyKind, content: [UInt8])] = [(.opened, opening.encoded())]
    for input in inputs { contents.append((.input, input.encoded())) }
    contents.append((.closed, closing.encoded()))
    contents.append((.registration, registration.content.encoded()))
    contents.append((.token, settled.token.encoded()))
    contents.append((.receipt, settled.receipt.encoded()))
    contents.append((.settled, settled.update.encoded()))
    #expect(CustodyChain.head(of: contents) == record.head)
    // The same again: the case is settled, whoever asks.
    #expect(try ledger.run(message, by: ledger.bob).isRefused(.caseSettled(id)))
    try ledger.wait(until: record.expires)
    let reclaim = SettlementMessage.reclaim(sender: ledger.carol.address, case: id)
    #expect(try ledger.run(reclaim, by: ledger.carol).isRefused(.caseSettled(id)))
    #expect(
      try ledger.submit(CaseTests.commitment("z"), to: id, by: ledger.alice).isRefused(.caseSettled(id)))
  }

  @Test("settles while the case is closed and has not expired, and not when it was reclaimed")
  func times() throws {
    var (ledger, enclave, id) = try Self.closed(closing: false)
    let record = try ledger.record(id)
    var work = try ledger.work(id, by: enclave, payouts: Self.payouts(ledger))
    work.tokenExpires = record.expires + 1_000
    let message = try ledger.message(work)
    var time = try ledger.time
    #expect(
      try ledger.run(message, by: ledger.bob).isRefused(.caseNotClosed(closes: record.closes, time: time)))
    try ledger.wait(until: record.expires)
    time = try ledger.time
    #expect(
      try ledger.run(message, by: ledger.bob).isRefused(.caseExpired(expires: record.expires, time: time)))
    let reclaim = SettlementMessage.reclaim(sender: ledger.carol.address, case: id)
    #expect(try ledger.run(reclaim, by: ledger.carol).succeeded)
    #expect(try ledger.run(message, by: ledger.bob).isRefused(.caseReclaimed(id)))
    let unknown = Bytes32 { _ in 3 }
    #expect(try ledger.run(ledger.message(work, for: unknown), by: ledger.bob).isRefused(.caseUnknown(unknown)))
  }

  @Test("refuses a token of another coordinator, case, list of inputs or enclave, or one that is over")
  func tokens() throws {
    var (ledger, enclave, id) = try Self.closed()
    let good = try ledger.work(id, by: enclave, payouts: Self.payouts(ledger))
    func refused(_ change: (inout SettlementLedger.Work) throws -> Void) throws -> TransactionResult {
      var work = good
      try change(&work)
      return try ledger.run(ledger.message(work), by: ledger.bob)
    }
    let other = try P256.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 8, count: 32))
    let signature = try refused { $0.coordinator = other }
    #expect(signature.codespace == "settlement" && signature.code == 70, "\(signature.log)")
    let elsewhere = Bytes32 { _ in 2 }
    #expect(try refused { $0.tokenCase = elsewhere }.isRefused(.tokenCase(elsewhere)))
    let inputs = try ledger.record(id).inputs
    #expect(
      try refused { $0.tokenInputs = elsewhere }
        .isRefused(.tokenInputs(expected: inputs, actual: elsewhere)))
    #expect(
      try refused { $0.tokenRegistration = elsewhere }
        .isRefused(.tokenRegistration(expected: enclave.registration, actual: elsewhere)))
    let time = try ledger.time
    #expect(
      try refused { $0.tokenExpires = time }.isRefused(.tokenExpired(expires: time, time: time)))
    #expect(try ledger.record(id).status == .open)
    #expect(try ledger.run(ledger.message(good), by: ledger.bob).succeeded)
  }

  @Test("refuses a high s of the coordinator's signature: one token has one signature")
  func highS() throws {
    var (ledger, enclave, id) = try Self.closed()
    let work = try ledger.work(id, by: enclave, payouts: Self.payouts(ledger))
    guard case .settle(let sender, _, let result) = try ledger.message(work) else { throw TestError.vectors }
    // n − s for the order of P-256 (SEC 2, 2.4.2), by long subtraction.
    let order = try Hex.decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    var twin = result.tokenSignature
    var borrow = 0
    for index in (0..<32).reversed() {
      let difference = Int(order[index]) - Int(twin[32 + index]) - borrow
      borrow = difference < 0 ? 1 : 0
      twin[32 + index] = UInt8((difference + 256) % 256)
    }
    let message = SettlementMessage.settle(
      sender: sender, case: id,
      SettlementResult(
        update: result.update, receipt: result.receipt, signature: result.signature, token: result.token,
        tokenSignature: twin))
    #expect(try ledger.run(message, by: ledger.bob).isRefused(.tokenSignature(.highS)))
  }

  @Test("refuses a receipt that is tampered with, replayed, or of another case, program or policy")
  func receipts() throws {
    var (ledger, enclave, id) = try Self.closed()
    let good = try ledger.work(id, by: enclave, payouts: Self.payouts(ledger))
    func refused(_ change: (inout SettlementLedger.Work) throws -> Void) throws -> TransactionResult {
      var work = good
      try change(&work)
      return try ledger.run(ledger.message(work, for: id), by: ledger.bob)
    }
    let elsewhere = Bytes32 { _ in 2 }
    let inputs = try ledger.record(id).inputs
    #expect(try refused { $0.caseID = elsewhere }.isRefused(.receiptCase(elsewhere)))
    // The same inputs in another order are other inputs.
    let turned = try CaseInputs.root([CaseTests.commitment("b"), CaseTests.commitment("a")])
    #expect(
      try refused { $0.inputs = turned }.isRefused(.receiptInputs(expected: inputs, actual: turned)))
    #expect(
      try refused { $0.program = elsewhere }
        .isRefused(.receiptProgram(expected: ledger.program, actual: elsewhere)))
    #expect(
      try refused { $0.policy = elsewhere }
        .isRefused(.receiptPolicy(expected: ledger.enclavePolicy, actual: elsewhere)))
    #expect(
      try refused { $0.updateRoot = elsewhere }
        .isRefused(.receiptUpdate(expected: good.update.root(), actual: elsewhere)))
    let (closes, before) = (try ledger.record(id).closes, good.tokenExpires)
    #expect(
      try refused { $0.time = closes - 1 }
        .isRefused(.receiptTime(earliest: closes, before: before, actual: closes - 1)))
    #expect(
      try refused { $0.time = before }
        .isRefused(.receiptTime(earliest: closes, before: before, actual: before)))
    let unknown = Bytes32 { _ in 6 }
    #expect(
      try refused {
        $0.registration = unknown
        $0.tokenRegistration = unknown
      }.isRefused(.registrationUnknown(unknown)))
    let stranger = try refused { $0.signer = try TestSigner(60) }
    #expect(stranger.codespace == "settlement" && stranger.code == 78, "\(stranger.log)")
    // Every byte of update, receipt and token is signed for.
    guard case .settle(let sender, _, let whole) = try ledger.message(good) else { throw TestError.vectors }
    for part in 0..<5 {
      let parts = [whole.update, whole.receipt, whole.signature, whole.token, whole.tokenSignature]
      for position in stride(from: 0, to: parts[part].count, by: 29) {
        var cut = parts
        cut[part][position] ^= 0x01
        let message = SettlementMessage.settle(
          sender: sender, case: id,
          SettlementResult(
            update: cut[0], receipt: cut[1], signature: cut[2], token: cut[3], tokenSignature: cut[4]))
        let result = try ledger.run(message, by: ledger.bob)
        #expect(!result.succeeded && result.codespace == "settlement", "part \(part) at \(position)")
      }
    }
    #expect(try ledger.record(id).status == .open)
    #expect(try ledger.run(ledger.message(good), by: ledger.bob).succeeded)
  }

  @Test("refuses one receipt for two cases with the same inputs")
  func replays() throws {
    var ledger = try SettlementLedger()
    let (enclave, policy) = try ledger.registered()
    let one = try ledger.opened(policy: policy)
    let two = try ledger.opened(policy: policy)
    for id in [one, two] {
      try ledger.submit(CaseTests.commitment("a"), coins: [ledger.coin(5)], to: id, by: ledger.alice)
    }
    try ledger.wait(until: try ledger.record(two).closes)
    let work = try ledger.work(one, by: enclave, payouts: [(ledger.bob.address, [ledger.coin(5)])])
    #expect(try ledger.run(ledger.message(work), by: ledger.bob).succeeded)
    var again = work
    again.tokenCase = two
    #expect(try ledger.run(ledger.message(again, for: two), by: ledger.bob).isRefused(.receiptCase(one)))
  }

  @Test("refuses registrations that have expired, or of another attestation policy")
  func registrations() throws {
    var (ledger, enclave, id) = try Self.closed(registration: 90)
    try ledger.wait(until: enclave.keys.expires)
    var work = try ledger.work(id, by: enclave, payouts: Self.payouts(ledger))
    work.time = enclave.keys.expires - 1
    let time = try ledger.time
    #expect(
      try ledger.run(ledger.message(work), by: ledger.bob)
        .isRefused(.registrationExpired(expires: enclave.keys.expires, time: time)))
    let policy = try ledger.policy(programs: [ledger.program, Bytes32 { _ in 1 }])
    try ledger.store(policy)
    let other = try ledger.enclave(seed: 70)
    #expect(
      try ledger.run(ledger.registration(of: other, policy: policy.hash), by: ledger.operator).succeeded)
    let wrong = try ledger.work(id, by: other, payouts: Self.payouts(ledger))
    #expect(
      try ledger.run(ledger.message(wrong), by: ledger.bob)
        .isRefused(.registrationPolicy(expected: ledger.policy().hash, actual: policy.hash)))
  }

  @Test("refuses an enclave that attested another program, also when it says the case's in its receipt")
  func otherProgram() throws {
    var (ledger, _, id) = try Self.closed()
    let other = Bytes32 { _ in 0xc3 }
    let policy = try ledger.policy(programs: [other])
    try ledger.store(policy)
    let enclave = try ledger.enclave(seed: 71, program: other)
    #expect(
      try ledger.run(ledger.registration(of: enclave, policy: policy.hash), by: ledger.operator).succeeded)
    var work = try ledger.work(id, by: enclave, payouts: Self.payouts(ledger))
    work.program = ledger.program
    #expect(
      try ledger.run(ledger.message(work), by: ledger.bob)
        .isRefused(.receiptProgram(expected: ledger.program, actual: other)))
  }

  @Test("refuses payouts that are not exactly the escrow")
  func payouts() throws {
    var (ledger, enclave, id) = try Self.closed()
    func refused(_ payouts: [(AccountAddress, [Coin])]) throws -> TransactionResult {
      try ledger.run(ledger.message(try ledger.work(id, by: enclave, payouts: payouts)), by: ledger.bob)
    }
    let (alice, carol) = (ledger.alice.address, ledger.carol.address)
    func sum(_ denom: String, _ escrow: UInt64, _ paid: UInt64) -> SettlementRefusal {
      .payoutSum(denom: denom, escrow: UInt256(escrow), paid: UInt256(paid))
    }
    #expect(try refused([]).isRefused(sum("stake", 570, 0)))
    #expect(try refused([(carol, [ledger.coin(569), ledger.fee(9)])]).isRefused(sum("stake", 570, 569)))
    #expect(try refused([(carol, [ledger.coin(571), ledger.fee(9)])]).isRefused(sum("stake", 570, 571)))
    #expect(try refused([(carol, [ledger.coin(570)])]).isRefused(sum("ucause", 9, 0)))
    let gold = Coin(UInt256(UInt64(1)), try Denom("gold"))
    #expect(
      try refused([(carol, [gold, ledger.coin(570), ledger.fee(9)])]).isRefused(sum("gold", 0, 1)))
    let huge = Coin(UInt256.max, ledger.denom)
    #expect(
      try refused([(carol, [huge]), (alice, [ledger.coin(571)])])
        .isRefused(.payoutOverflow(denom: "stake")))
    let escrow = SettlementModule.escrow(of: id)
    #expect(
      try refused([(escrow, [ledger.coin(570), ledger.fee(9)])]).isRefused(.payoutAccount(index: 0)))
    #expect(
      try refused([(carol, [ledger.coin(570)]), (LedgerRules.feeCollector, [ledger.fee(9)])])
        .isRefused(.payoutAccount(index: 1)))
    // An account of another domain, and one that no ledger has.
    for address in [
      try InteroperableAddress(domain: DomainID("cosmos:island-1"), address: carol.bytes),
      try InteroperableAddress(domain: ledger.domain, address: [1, 2, 3]),
    ] {
      var work = try ledger.work(id, by: enclave, payouts: Self.payouts(ledger))
      work.update = try Update(
        payouts: [
          Update.Payout(
            account: address, coins: [Update.Coin(denomination: [UInt8]("stake".utf8), amount: UInt256(UInt64(570)))])
        ], stateBefore: Bytes32(), stateAfter: Bytes32())
      #expect(try ledger.run(ledger.message(work), by: ledger.bob).isRefused(.payoutAccount(index: 0)))
    }
    #expect(try ledger.balance(escrow) == 570)
    #expect(try ledger.record(id).status == .open)
  }

  @Test("goes on from a settled case's state, once, by the opener of both")
  func continues() throws {
    var (ledger, enclave, id) = try Self.closed()
    let state = Bytes32 { _ in 0x5a }
    let terms = ledger.terms(
      policy: try ledger.policy().hash, closes: try ledger.time + 300, expires: try ledger.time + 900, continues: id)
    #expect(
      try ledger.run(.openCase(sender: ledger.alice.address, terms), by: ledger.alice)
        .isRefused(.predecessorNotSettled(id)))
    let wrong = try ledger.work(
      id, by: enclave, payouts: Self.payouts(ledger), stateBefore: Bytes32 { _ in 1 })
    #expect(
      try ledger.run(ledger.message(wrong), by: ledger.bob)
        .isRefused(.state(expected: Bytes32(), actual: Bytes32 { _ in 1 })))
    let work = try ledger.work(id, by: enclave, payouts: Self.payouts(ledger))
    #expect(try ledger.run(ledger.message(work), by: ledger.bob).succeeded)
    #expect(
      try ledger.run(.openCase(sender: ledger.bob.address, terms), by: ledger.bob)
        .isRefused(.predecessorOpener(id)))
    let next = try ledger.opened(policy: try ledger.policy().hash, continues: id)
    let opening = try SettlementAnswers.Case(decoding: try #require(try ledger.ask(.caseByID(next)))).opening
    #expect(opening.continues == id && opening.state == state)
    #expect(
      try ledger.run(.openCase(sender: ledger.alice.address, terms), by: ledger.alice)
        .isRefused(.predecessorContinued(id, by: next)))
    try ledger.wait(until: try ledger.record(next).closes)
    let later = try ledger.work(next, by: enclave, payouts: [], stateBefore: state)
    let result = try ledger.run(ledger.message(later), by: ledger.bob)
    #expect(result.succeeded, "\(result.log)")
  }
}
