import Enclaves
import Encodings
import LightClients
import Messages
import Testing
import WireBytes

@Suite("Computation of a case")
struct ComputationTests {
  static let answer =
    #"{"payouts":[{"account":"ACCOUNT","coins":[{"amount":"1500","denom":"stake"}]}],"replies":[{"body":"d29u","to":0},{"body":"bG9zdA==","to":2}],"state":"0x1111111111111111111111111111111111111111111111111111111111111111"}"#

  struct Setting {
    let world: EnclaveWorld
    let submissions: [EnclaveWorld.Submission]
    let computation: CaseComputation
    let log: ReceiptLog
    var now: UInt64 { world.opening.closes + 10 }

    init(asksLedger: Bool = true) throws {
      world = try EnclaveWorld(asksLedger: asksLedger)
      submissions = [
        try world.submission(0, body: "first"), try world.submission(1, body: "second"),
        try world.submission(
          2, body: "third",
          fields: [.init(name: "price", value: [0x35], salt: EnclaveWorld.hash(1))]),
      ]
      computation = try CaseComputation(keys: world.keys, policy: world.policy)
      log = ReceiptLog(keys: world.keys)
    }

    func admitted(_ job: ComputationJob? = nil) throws -> AdmittedCase {
      guard
        case .fresh(let admitted) = try computation.admit(
          try job ?? world.job(submissions), log: log, now: now)
      else { throw Stored() }
      return admitted
    }

    func refuse(
      _ job: ComputationJob, _ error: ComputationRefusal, now: UInt64? = nil, log: ReceiptLog? = nil
    ) {
      #expect(throws: error) { try computation.admit(job, log: log ?? self.log, now: now ?? self.now) }
    }

    func payingAll(to account: Int, _ text: String = ComputationTests.answer) -> [UInt8] {
      [UInt8](text.replacing("ACCOUNT", with: Hex.encode(world.accounts[account].encoded())).utf8)
    }
  }

  struct Stored: Error {}

  @Test("goes from a proven case to a receipt, replies and an update")
  func whole() throws {
    let setting = try Setting()
    let world = setting.world
    let admitted = try setting.admitted()
    #expect(admitted.id == world.caseID)
    #expect(admitted.time == world.opening.closes + 10)
    let opened = try admitted.open(with: world.sealing)
    #expect(opened.refused.isEmpty)
    #expect(opened.escrow == [world.coin(1500)])
    let senders = world.accounts.map { Hex.encode($0.encoded()) }
    #expect(
      String(decoding: opened.programInput, as: UTF8.self)
        == #"{"compute":{"case":"\#(world.caseID)","inputs":[{"body":"Zmlyc3Q=","coins":[{"amount":"500","denom":"stake"}],"nonce":1,"sender":"\#(senders[0])"},{"body":"c2Vjb25k","coins":[{"amount":"500","denom":"stake"}],"nonce":1,"sender":"\#(senders[1])"},{"body":"dGhpcmQ=","coins":[{"amount":"500","denom":"stake"}],"fields":[{"name":"price","value":"NQ=="}],"nonce":1,"sender":"\#(senders[2])"}]}}"#
    )
    let computed = try opened.finish(setting.payingAll(to: 0), log: setting.log)
    #expect(computed.update.payouts == [try .init(account: world.accounts[0], coins: [world.coin(1500)])])
    #expect(computed.update.stateBefore == Bytes32())
    #expect(computed.update.stateAfter == EnclaveWorld.hash(0x11))
    let receipt = computed.receipt
    #expect(receipt.registration == world.keys.registration)
    #expect(receipt.program == world.keys.program)
    #expect(receipt.policy == world.keys.policy)
    #expect(receipt.case == world.caseID)
    #expect(receipt.inputs == (try CaseInputs.root(setting.submissions.map(\.record.commitment))))
    #expect(receipt.update == computed.update.root())
    #expect(receipt.replies == (try SealedReply.root(computed.replies)))
    #expect(receipt.sequence == 1)
    #expect(receipt.previous == Bytes32())
    #expect(receipt.time == world.opening.closes + 10)
    #expect(computed.digest == receipt.digest(domain: world.domain))
    try EnclaveSignature.verify(
      digest: computed.digest, signature: try world.sign(computed.digest), key: world.keys.signing,
      at: receipt.time)
    #expect(computed.replies.count == 2)
    #expect(
      try computed.replies[1].open(
        with: world.replyKey, registration: world.keys.registration, case: world.caseID,
        commitment: setting.submissions[2].record.commitment) == [UInt8]("lost".utf8))
  }

  @Test("one case has one result: the same inputs find it, others are refused")
  func once() throws {
    let setting = try Setting()
    let computed = try setting.admitted().open(with: setting.world.sealing)
      .finish(setting.payingAll(to: 0), log: setting.log)
    var log = setting.log
    try log.append(computed.receipt)
    guard
      case .stored(let entry) = try setting.computation.admit(
        try setting.world.job(setting.submissions), log: log, now: setting.now)
    else {
      Issue.record("computed twice")
      return
    }
    #expect(entry.receipt == computed.digest)
    #expect(entry.sequence == 1)
    let fewer = Array(setting.submissions.prefix(2))
    let root = try CaseInputs.root(fewer.map(\.record.commitment))
    setting.refuse(
      try setting.world.job(fewer), .otherInputs(stored: computed.receipt.inputs, actual: root), log: log)
    #expect(throws: ReceiptLogError.repeated(sequence: 1)) { try log.append(computed.receipt) }
    #expect(log.sequence == 1)
  }

  @Test("receipts are a chain")
  func chain() throws {
    let setting = try Setting()
    let first = try setting.admitted().open(with: setting.world.sealing)
      .finish(setting.payingAll(to: 0), log: setting.log).receipt
    func receipt(
      sequence: UInt64 = 2, previous: Bytes32, case id: Bytes32 = EnclaveWorld.hash(8),
      registration: Bytes32? = nil
    ) throws -> Receipt {
      try Receipt(
        registration: registration ?? first.registration, program: first.program, policy: first.policy,
        case: id,
        inputs: first.inputs, update: first.update, replies: first.replies, sequence: sequence,
        previous: previous, time: first.time)
    }
    var log = setting.log
    let digest = first.digest(domain: setting.world.domain)
    #expect(throws: ReceiptLogError.sequence(expected: 1, actual: 2)) {
      try log.check(try receipt(previous: digest))
    }
    try log.append(first)
    #expect(throws: ReceiptLogError.previous(expected: digest, actual: EnclaveWorld.hash(1))) {
      try log.check(try receipt(previous: EnclaveWorld.hash(1)))
    }
    #expect(throws: ReceiptLogError.sequence(expected: 2, actual: 3)) {
      try log.check(try receipt(sequence: 3, previous: digest))
    }
    #expect(
      throws: ReceiptLogError.registration(expected: first.registration, actual: EnclaveWorld.hash(2))
    ) { try log.check(try receipt(previous: digest, registration: EnclaveWorld.hash(2))) }
    try log.append(try receipt(previous: digest))
    #expect(log.sequence == 2)
    var small = ReceiptLog(keys: setting.world.keys, countMax: 1)
    try small.append(first)
    #expect(throws: ReceiptLogError.full(max: 1)) { try small.check(try receipt(previous: digest)) }
  }

  @Test("refuses a job by what is wrong with it")
  func refusals() throws {
    let setting = try Setting()
    let (world, submissions) = (setting.world, setting.submissions)
    let other = EnclaveWorld.hash(0xee)
    func opening(
      program: Bytes32? = nil, policy: Bytes32? = nil, maximumInputs: UInt16 = 8
    ) throws -> CaseOpening {
      try CaseOpening(
        number: 9, opener: world.opening.opener, program: program ?? world.opening.program,
        policy: policy ?? world.opening.policy, attestationPolicy: world.opening.attestationPolicy,
        coordinator: world.opening.coordinator, opened: world.opening.opened, closes: world.opening.closes,
        expires: world.opening.expires, maximumInputs: maximumInputs, accepts: world.opening.accepts)
    }
    setting.refuse(
      try world.job(submissions, opening: try opening(program: other)),
      .caseProgram(expected: world.keys.program, actual: other))
    setting.refuse(
      try world.job(submissions, opening: try opening(policy: other)),
      .casePolicy(expected: world.keys.policy, actual: other))
    setting.refuse(
      try world.job(submissions, opening: try opening(maximumInputs: 2)), .inputCount(max: 2, actual: 3))
    let again = try world.submission(0, body: "again")
    setting.refuse(try world.job(submissions + [again]), .nonceTwice(index: 3, first: 0))
    let copied = EnclaveWorld.Submission(
      envelope: submissions[0].envelope, input: submissions[0].input,
      record: try CaseInput(
        sender: world.accounts[1], nonce: 5, commitment: submissions[0].record.commitment, coins: []))
    setting.refuse(try world.job(submissions + [copied]), .commitmentTwice(index: 3, first: 0))
    setting.refuse(
      try world.job(submissions, envelopes: Array(submissions.prefix(2)).map(\.envelope)),
      .envelopeCount(expected: 3, actual: 2))
    let swapped = [submissions[1], submissions[0], submissions[2]].map(\.envelope)
    setting.refuse(
      try world.job(submissions, envelopes: swapped),
      .commitment(
        index: 0, expected: submissions[0].record.commitment, actual: submissions[1].record.commitment))
    let closes = world.opening.closes
    setting.refuse(
      try world.job(submissions, seconds: closes - 1), .notClosed(closes: closes, secondsEarly: 1))
    setting.refuse(
      try world.job(submissions, seconds: world.opening.expires),
      .expired(expires: world.opening.expires, secondsLate: 0))
    let keys = world.keys
    let foreign = try ReceiptLog(
      keys: EnclaveKeys(
        domain: keys.domain, operator: keys.operator, program: keys.program, policy: keys.policy,
        signing: keys.signing, sealing: keys.sealing, sequence: 2, anchorHeight: keys.anchorHeight,
        anchorHash: keys.anchorHash, issued: keys.issued, expires: keys.expires))
    setting.refuse(
      try world.job(submissions),
      .log(.registration(expected: keys.registration, actual: foreign.registration)), log: foreign)
    #expect(throws: ComputationRefusal.policy(expected: keys.policy, actual: try open().hash)) {
      try CaseComputation(keys: keys, policy: try open())
    }
  }

  private func open() throws -> EnclavePolicy {
    try EnclavePolicy(maximumInputs: 1, maximumInputSize: 1, gas: 1, ledger: nil)
  }

  @Test("believes the ledger's record alone: order, coins, senders, completeness, status")
  func ledgerRecord() throws {
    let setting = try Setting()
    let (world, submissions) = (setting.world, setting.submissions)
    let record = try world.record(submissions.map(\.record))
    let fewer = Array(submissions.prefix(2))
    setting.refuse(try world.job(fewer, record: record), .recordCount(expected: 3, actual: 2))
    let turned = [submissions[1], submissions[0], submissions[2]]
    setting.refuse(
      try world.job(turned, record: record),
      .recordInputs(
        expected: record.inputs, actual: try CaseInputs.root(turned.map(\.record.commitment))))
    // The same commitments, and another split of the coins.
    var richer = submissions
    richer[0] = EnclaveWorld.Submission(
      envelope: submissions[0].envelope, input: submissions[0].input,
      record: try CaseInput(
        sender: world.accounts[0], nonce: 1, commitment: submissions[0].record.commitment,
        coins: [world.coin(900)]))
    setting.refuse(
      try world.job(richer, record: record),
      .recordHead(expected: record.head, actual: try world.record(richer.map(\.record)).head))
    setting.refuse(
      try world.job(submissions, record: try world.record(submissions.map(\.record), status: .reclaimed)),
      .status(.reclaimed))
    setting.refuse(
      try world.job(
        submissions, record: try world.record(submissions.map(\.record), opening: try later(world))),
      .opening(expected: try later(world).root(), actual: world.opening.root()))
    setting.refuse(try world.job(submissions, height: 5), .beforeAnchor(anchor: 5, height: 5))
  }

  private func later(_ world: EnclaveWorld) throws -> CaseOpening {
    try CaseOpening(
      number: 9, opener: world.opening.opener, program: world.opening.program, policy: world.opening.policy,
      attestationPolicy: world.opening.attestationPolicy, coordinator: world.opening.coordinator,
      opened: world.opening.opened, closes: world.opening.closes + 1, expires: world.opening.expires,
      maximumInputs: 8, accepts: [])
  }

  @Test("believes no block but the trusted validators', and no entry without its proof")
  func ledgerBlock() throws {
    let setting = try Setting()
    let (world, submissions) = (setting.world, setting.submissions)
    let job = try world.job(submissions)
    let word = try #require(job.ledger)
    func with(block: [UInt8]? = nil, record: [UInt8]? = nil, proof: [UInt8]? = nil) throws -> ComputationJob {
      try ComputationJob(
        opening: job.opening, inputs: job.inputs, envelopes: job.envelopes,
        ledger: .init(
          block: block ?? word.block, record: record ?? word.record, proof: proof ?? word.proof))
    }
    setting.refuse(
      try ComputationJob(opening: job.opening, inputs: job.inputs, envelopes: job.envelopes, ledger: nil),
      .noLedgerWord)
    let record = try world.record(submissions.map(\.record))
    let key = CaseKeys.record(world.caseID)
    let (weak, _) = try world.ledger([(key, record.encoded())], signers: 2)
    setting.refuse(
      try with(block: weak.encoded()), .ledger(.commit(.power(signed: 20, needed: 20))))
    let (foreign, _) = try world.ledger([(key, record.encoded())], chainID: "demo-2")
    setting.refuse(
      try with(block: foreign.encoded()),
      .ledger(.header(.chainID(expected: "demo-1", actual: "demo-2"))))
    // Another case's record, proven.
    let (block, proofs) = try world.ledger([
      (CaseKeys.record(EnclaveWorld.hash(1)), record.encoded()), (key, [1, 2, 3]),
    ])
    #expect(throws: ComputationRefusal.self) {
      try setting.computation.admit(
        try with(block: block.encoded(), proof: proofs[0]), log: setting.log, now: setting.now)
    }
    setting.refuse(
      try with(block: block.encoded(), record: [1, 2, 3], proof: proofs[1]),
      .record(.ssz(.truncated(offset: 0, needed: 187, actual: 3))))
    for (name, bytes) in [("block", word.block), ("proof", word.proof), ("record", word.record)] {
      for bit in stride(from: 0, to: bytes.count * 8, by: 41) {
        var flipped = bytes
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        let job =
          switch name {
          case "block": try with(block: flipped)
          case "proof": try with(proof: flipped)
          default: try with(record: flipped)
          }
        do {
          _ = try setting.computation.admit(job, log: setting.log, now: setting.now)
          // Nanoseconds of votes and priorities of validators are not what a commit is about.
          #expect(name == "block", "\(name), bit \(bit)")
          let again = try LedgerBlock(decoding: flipped)
          #expect(again.signedHeader.header == (try LedgerBlock(decoding: word.block)).signedHeader.header)
        } catch {}
      }
    }
  }

  @Test("takes the machine's time where the policy names no ledger, and then no proof")
  func withoutLedger() throws {
    let setting = try Setting(asksLedger: false)
    let job = try setting.world.job(setting.submissions)
    #expect(job.ledger == nil)
    let closes = setting.world.opening.closes
    setting.refuse(job, .notClosed(closes: closes, secondsEarly: 5), now: closes - 5)
    let late = setting.world.keys.expires
    #expect(throws: ComputationRefusal.self) {
      try setting.computation.admit(job, log: setting.log, now: late)
    }
    guard case .fresh(let admitted) = try setting.computation.admit(job, log: setting.log, now: closes) else {
      Issue.record("stored")
      return
    }
    #expect(admitted.time == closes)
    let proven = try EnclaveWorld().job(setting.submissions).ledger
    let asked = try ComputationJob(
      opening: job.opening, inputs: job.inputs, envelopes: job.envelopes, ledger: proven)
    setting.refuse(asked, .ledgerWordNotAsked)
  }

  @Test("an input that does not open is left out, and its coins go back")
  func refunds() throws {
    let world = try EnclaveWorld()
    let good = try world.submission(0, body: "good")
    let foreign = try world.submission(1, body: "other case", case: EnclaveWorld.hash(1))
    let expired = try world.submission(2, body: "late", expires: world.opening.closes + 10)
    let tooBig = try world.submission(3, body: String(repeating: "x", count: 1001))
    let second = try world.submission(1, nonce: 2, body: "other case again", case: EnclaveWorld.hash(1))
    let computation = try CaseComputation(keys: world.keys, policy: world.policy)
    let log = ReceiptLog(keys: world.keys)
    guard
      case .fresh(let admitted) = try computation.admit(
        try world.job([foreign, good, expired, tooBig, second]), log: log, now: 0)
    else {
      Issue.record("stored")
      return
    }
    let opened = try admitted.open(with: world.sealing)
    #expect(
      opened.refused == [
        .init(index: 0, reason: .case(expected: world.caseID, actual: EnclaveWorld.hash(1))),
        .init(index: 2, reason: .expired(expires: world.opening.closes + 10, secondsLate: 0)),
        .init(index: 3, reason: .inputSize(max: 1000, actual: 1001)),
        .init(index: 4, reason: .case(expected: world.caseID, actual: EnclaveWorld.hash(1))),
      ])
    #expect(opened.escrow == [world.coin(500)])
    let paying =
      #"{"payouts":[{"account":"\#(Hex.encode(world.accounts[3].encoded()))","coins":[{"amount":"500","denom":"stake"}]}],"replies":[],"state":"0x\#(String(repeating: "0", count: 64))"}"#
    let computed = try opened.finish([UInt8](paying.utf8), log: log)
    #expect(
      computed.update.payouts == [
        try .init(account: world.accounts[3], coins: [world.coin(1000)]),
        try .init(account: world.accounts[1], coins: [world.coin(1000)]),
        try .init(account: world.accounts[2], coins: [world.coin(500)]),
      ])
  }

  @Test("a reply key that nobody can seal to costs its own reply only")
  func badReplyKey() throws {
    let world = try EnclaveWorld()
    let zero = try SealingPublicKey(suite: .x25519, bytes: [UInt8](repeating: 0, count: 32))
    let submissions = [
      try world.submission(0, body: "a", reply: zero), try world.submission(1, body: "b"),
    ]
    let computation = try CaseComputation(keys: world.keys, policy: world.policy)
    let log = ReceiptLog(keys: world.keys)
    guard case .fresh(let admitted) = try computation.admit(try world.job(submissions), log: log, now: 0)
    else {
      Issue.record("stored")
      return
    }
    let answer =
      #"{"payouts":[{"account":"\#(Hex.encode(world.accounts[0].encoded()))","coins":[{"amount":"1000","denom":"stake"}]}],"replies":[{"body":"","to":0},{"body":"","to":1}],"state":"0x\#(String(repeating: "0", count: 64))"}"#
    let computed = try admitted.open(with: world.sealing).finish([UInt8](answer.utf8), log: log)
    #expect(computed.unsealed == [0])
    #expect(computed.replies.map(\.header.index) == [1])
  }

  @Test("reads a program's answer strictly")
  func answers() throws {
    let setting = try Setting()
    let opened = try setting.admitted().open(with: setting.world.sealing)
    func refuse(_ from: String, _ to: String, _ error: ProgramAnswerError) {
      let text = Self.answer.replacing(from, with: to)
      #expect(text != Self.answer)
      #expect(throws: error, "\(to)") {
        try opened.finish(setting.payingAll(to: 0, text), log: setting.log)
      }
    }
    _ = try opened.finish(setting.payingAll(to: 0, Self.answer.replacing(",", with: ", ")), log: setting.log)
    refuse(#""state""#, #""more":1,"state""#, .unknownMember(path: "more"))
    refuse(#""to":0"#, #""to":0,"x":1"#, .unknownMember(path: "replies.0.x"))
    refuse(#""denom""#, #""x":1,"denom""#, .unknownMember(path: "payouts.0.coins.0.x"))
    refuse("0x11", "0x1", .member(path: "state"))
    refuse(#""to":2"#, #""to":3"#, .replyTo(index: 1, inputCount: 3))
    refuse(#""to":2"#, #""to":-1"#, .member(path: "replies.1.to"))
    refuse(#""to":2"#, #""to":"2""#, .member(path: "replies.1.to"))
    refuse("d29u", "d29", .base64(path: "replies.0.body", .padding))
    refuse("ACCOUNT", "0x00", .address(path: "payouts.0.account", .bytes(.truncated(offset: 0, needed: 2))))
    refuse("ACCOUNT", "1234", .member(path: "payouts.0.account"))
    refuse("1500", "0", .member(path: "payouts.0.coins.0.amount"))
    refuse("1500", "01500", .member(path: "payouts.0.coins.0.amount"))
    refuse("1500", "1e3", .member(path: "payouts.0.coins.0.amount"))
    func stake(_ paid: UInt64) -> ProgramAnswerError {
      .payouts(denomination: [UInt8]("stake".utf8), escrow: UInt256(1500), paid: UInt256(paid))
    }
    refuse("1500", "1499", stake(1499))
    refuse("1500", "1501", stake(1501))
    refuse(
      #""denom":"stake""#, #""denom":"gold""#,
      .payouts(denomination: [UInt8]("gold".utf8), escrow: .zero, paid: UInt256(1500)))
    refuse(
      #"[{"amount":"1500","denom":"stake"}]"#, "[]", .format(.empty(.coins)))
    refuse(
      #"{"amount":"1500","denom":"stake"}"#,
      #"{"amount":"750","denom":"stake"},{"amount":"750","denom":"stake"}"#, .format(.order(.coins, index: 1))
    )
    let entry = #"{"account":"ACCOUNT","coins":[{"amount":"750","denom":"stake"}]}"#
    refuse(
      #"{"account":"ACCOUNT","coins":[{"amount":"1500","denom":"stake"}]}"#, entry + "," + entry,
      .accountTwice(index: 1))
    let most = UInt256.max.description
    refuse(
      #"{"amount":"1500","denom":"stake"}]}"#,
      #"{"amount":"\#(most)","denom":"stake"}]},{"account":"\#(Hex.encode(setting.world.accounts[1].encoded()))","coins":[{"amount":"1","denom":"stake"}]}"#,
      .payoutOverflow)
    for count in stride(from: 0, to: Self.answer.utf8.count, by: 3) {
      let cut = Array(setting.payingAll(to: 0).prefix(count))
      #expect(throws: ProgramAnswerError.self) { try opened.finish(cut, log: setting.log) }
    }
  }

  @Test("a job reads back from its bytes, and from no others")
  func jobs() throws {
    let setting = try Setting()
    let job = try setting.world.job(setting.submissions)
    let bytes = job.encoded()
    #expect(try ComputationJob(decoding: bytes) == job)
    for count in stride(from: 0, to: bytes.count, by: 7) {
      if let cut = try? ComputationJob(decoding: Array(bytes.prefix(count))) {
        // The proof comes last: cut, it proves nothing.
        #expect(throws: ComputationRefusal.self) {
          try setting.computation.admit(cut, log: setting.log, now: setting.now)
        }
      }
    }
    for bit in stride(from: 0, to: bytes.count * 8, by: 23) {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let other = try? ComputationJob(decoding: flipped) else { continue }
      #expect(other.encoded() == flipped)
    }
  }
}
