import Attestation
import ChainAccess
import CoordinatorService
import Devnet
import EnclaveService
import Enclaves
import Encodings
import Foundation
import Ledger
import LightClients
import LocalKeys
import MerkleProofs
import Messages
import PacketHost
import Settlement
import WireBytes

/// What `enclave.json` says of a devnet's enclave.
private struct EnclaveFile {
  let program: Bytes32
  let policy: Bytes32
  let attestationPolicy: Bytes32
  let suite: String
  let key: [UInt8]
  let registrations: [Bytes32]
  let cases: [JSONValue]

  init?(_ json: JSONValue) {
    func hash(_ value: JSONValue?) -> Bytes32? { value?.string.flatMap { try? Bytes32(hex: $0) } }
    guard json["schema"]?.string == EnclaveSide.statusSchema, let program = hash(json["program"]),
      let policy = hash(json["policy"]), let attestationPolicy = hash(json["attestation_policy"]),
      let suite = json["coordinator"]?["suite"]?.string,
      let key = json["coordinator"]?["key"]?.string.flatMap({ try? Hex.decode($0) })
    else { return nil }
    self.program = program
    self.policy = policy
    self.attestationPolicy = attestationPolicy
    self.suite = suite
    self.key = key
    registrations = (json["registrations"]?.array ?? []).compactMap { hash($0) }
    cases = json["cases"]?.array ?? []
  }

  func registration(of id: Bytes32) -> Bytes32? {
    cases.first { $0["case"]?.string == Hex.encode(id.array) }?["registration"]?.string.flatMap {
      try? Bytes32(hex: $0)
    }
  }

  func detail(of id: Bytes32) -> String? {
    cases.first { $0["case"]?.string == Hex.encode(id.array) }?["detail"]?.string
  }

  func stage(of id: Bytes32) -> String? {
    cases.first { $0["case"]?.string == Hex.encode(id.array) }?["stage"]?.string
  }
}

/// One party's order, and the key that its reply is sealed to.
private struct SealedOrder {
  let user: String
  let body: String
  let reply: EphemeralSealingKey
  let envelope: SealedEnvelope
  let fee: UInt64
}

// The chapter of enclaves and settlement.
extension DemoStory {
  private static let gas: UInt64 = 50_000_000

  private func enclaveFile() -> EnclaveFile? {
    (try? Terminal.read(devnet.directory.enclaveStatus)).flatMap { try? JSONValue(decoding: $0) }
      .flatMap { EnclaveFile($0) }
  }

  mutating func enclaveChapter() async throws {
    guard let file = enclaveFile() else {
      title("Enclaves")
      say(
        "Left out: this devnet has none. It needs a TPM 2.0, which swtpm emulates: script/setup installs it, and"
      )
      say("`causeway up --with enclave` starts it. Nothing here pretends to be one.")
      return
    }
    title("Enclaves: a sealed auction that settles once")
    say(
      "A process with a TPM 2.0 of its own runs the auction \(Show.short(file.program)); harbor has verified its quote."
    )
    let settled = try await auction(file)
    guard let settled else { return }
    try await custody(settled.id)
    try await refusals(file, settled.id)
  }

  // MARK: The auction

  private mutating func auction(_ file: EnclaveFile) async throws -> (id: Bytes32, orders: Int)? {
    let lane = try devnet.lane(.attested)
    let lot = TokenPath(island.feeDenom.text).adding(.transfer, lane.first.client).token
    say("Carol brings 500 uisland to harbor, to sell them there.")
    let brought = try await transfer(
      500, from: "carol", to: "carol", on: island, path: TokenPath(island.feeDenom.text))
    check(brought.ending == .success, "they are on harbor")
    guard let id = try await open(file, seconds: 12, key: file.key, suite: file.suite) else { return nil }
    let before = try await holdings(lot)
    guard let registration = try await waited({ enclaveFile()?.registration(of: id) }),
      let record = try await record(RegistrationRecord.self, SettlementKeys.registration(registration))
    else {
      check(false, "the coordinator has chosen an enclave")
      return nil
    }
    check(
      record.status == .live && record.keys.program == file.program,
      "harbor's state says: registration \(Show.short(registration)) is live, and runs this program")
    say(
      "Three sealed orders, each with coins in escrow. Harbor sees commitments; the coordinator sees ciphertext."
    )
    // No literals: these are looked for in memory.
    let (high, low) = (UInt64.random(in: 700_000..<800_000), UInt64.random(in: 600_000..<700_000))
    var orders: [SealedOrder] = []
    for (user, body, coins) in [
      (
        "carol", #"{"ask":"\#(low / 2)","denom":"\#(harbor.feeDenom.text)"}"#,
        Coin(UInt256(UInt64(500)), try Denom(lot))
      ),
      ("alice", #"{"bid":"\#(high)"}"#, Coin(UInt256(UInt64(1_000_000)), harbor.feeDenom)),
      ("bob", #"{"bid":"\#(low)"}"#, Coin(UInt256(UInt64(900_000)), harbor.feeDenom)),
    ] {
      guard let order = try await submit(body, by: user, coins: coins, to: id, record.keys) else {
        return nil
      }
      orders.append(order)
    }
    let stage = try await waited(
      { enclaveFile()?.stage(of: id).flatMap { $0 == "settled" ? $0 : nil } }, seconds: 90)
    check(stage == "settled", "the case has closed, was computed once, and is settled on harbor")
    guard stage == "settled" else {
      say(
        "It stands at: \(enclaveFile()?.stage(of: id) ?? "nothing is known") (\(enclaveFile()?.detail(of: id) ?? ""))"
      )
      return nil
    }
    try await readReplies(orders, id, registration, price: low)
    let after = try await holdings(lot)
    func change(_ user: String, _ token: Int) -> Int64 {
      Int64(after[user]?[token] ?? 0) - Int64(before[user]?[token] ?? 0)
    }
    func fee(_ user: String) -> Int64 { Int64(orders.first { $0.user == user }?.fee ?? 0) }
    check(
      change("alice", 0) == -Int64(low) - fee("alice") && change("alice", 1) == 500,
      "Alice has the 500 \(Show.short(lot)), and paid \(low): what Bob had bid, not her \(high)")
    check(change("carol", 0) == Int64(low) - fee("carol"), "Carol has the \(low)")
    check(change("bob", 0) == -fee("bob"), "Bob has his 900000 back; only his fee is gone")
    check(
      !leaks(orders),
      "none of the orders stands in any of the coordinator's or the enclave's files: they see, and keep, ciphertext"
    )
    searchMemory(orders)
    return (id, orders.count)
  }

  /// Looks through the coordinator's own memory, as somebody may who has taken over its machine.
  private mutating func searchMemory(_ orders: [SealedOrder]) {
    guard let process = devnet.directory.runningProcess, let search = MemorySearch(process: process) else {
      return say("Nobody may look into the coordinator's memory here: that part is left out.")
    }
    let (found, read) = search.find(
      orders.map { Data($0.body.utf8) } + orders.map { Data($0.envelope.ciphertext.prefix(24)) })
    guard read > 0 else {
      return say("Nobody may look into the coordinator's memory here: that part is left out.")
    }
    check(
      found.allSatisfy { $0 >= orders.count },
      "nor in its memory: \(read >> 20) MiB were searched, which have \(found.count) of the ciphertexts")
  }

  /// Opens a case, and gives its id.
  private mutating func open(
    _ file: EnclaveFile, seconds: UInt64, key: [UInt8], suite: String
  ) async throws -> Bytes32? {
    let closes = try await now(harbor).seconds + seconds
    let lane = try devnet.lane(.attested)
    let lot = try Denom(TokenPath(island.feeDenom.text).adding(.transfer, lane.first.client).token)
    let accepts = [Coin(UInt256(UInt64(1)), harbor.feeDenom), Coin(UInt256(UInt64(1)), lot)]
    let terms = CaseTerms(
      program: file.program, policy: file.policy, attestationPolicy: file.attestationPolicy,
      coordinatorSuite: suite,
      coordinatorKey: key, closes: closes, expires: closes + 600, maximumInputs: 8,
      accepts: accepts.sorted { $0.denom < $1.denom })
    let result = try await settlement(.openCase(sender: try devnet.account("carol"), terms), by: "carol")
    guard result.succeeded,
      case .opened(let id, let number)? = try? SettlementAnswer(
        decoding: TransactionAnswers(decoding: result.payload).answers[0])
    else {
      check(
        false,
        "a case is opened: \(LedgerSettlement.name(codespace: result.codespace, log: result.log) ?? result.log)"
      )
      return nil
    }
    check(
      true, "Carol opens case \(number): inputs for \(seconds) seconds, then one result, or the coins go back"
    )
    return id
  }

  private mutating func submit(
    _ body: String, by user: String, coins: Coin, to id: Bytes32, _ keys: EnclaveKeys
  ) async throws -> SealedOrder? {
    let account = try devnet.account(user)
    let reply = try EphemeralSealingKey(.xWing)
    var salt = Bytes32()
    for index in 0..<32 { salt[index] = UInt8.random(in: .min ... .max) }
    let envelope = try SealedEnvelope(
      sealing: SealedInput(reply: reply.publicKey, body: [UInt8](body.utf8), salt: salt), to: keys, case: id,
      sender: InteroperableAddress(domain: harbor.id, address: account.bytes), nonce: 1,
      expires: try await now(harbor).seconds + 900)
    let result = try await settlement(
      .submit(sender: account, case: id, commitment: envelope.commitment, nonce: 1, coins: [coins]), by: user)
    guard result.succeeded else {
      check(false, "\(user)'s input is recorded: \(result.log)")
      return nil
    }
    do { try EnvelopeSpool(devnet.directory).leave(envelope) } catch {
      throw Complaint(DevnetText.text(error), code: 3)
    }
    let answer = try await waited({ EnvelopeSpool(devnet.directory).answer(to: envelope.commitment) })
    check(
      answer == "",
      "\(user) has \(coins.amount) in escrow under \(Show.short(envelope.commitment)); the coordinator "
        + (answer == "" ? "has the envelope" : "refuses the envelope: \(answer ?? "no answer")"))
    return SealedOrder(
      user: user, body: body, reply: reply, envelope: envelope, fee: Self.fee(result, harbor))
  }

  private mutating func readReplies(
    _ orders: [SealedOrder], _ id: Bytes32, _ registration: Bytes32, price: UInt64
  ) async throws {
    let path = devnet.directory.replies(of: id)
    guard
      let list = try await waited({
        (try? Terminal.read(path)).flatMap { try? JSONValue(decoding: $0) }?.array
      })
    else { return check(false, "the replies are delivered") }
    let replies = list.compactMap {
      $0.string.flatMap { try? Hex.decode($0) }.flatMap { try? SealedReply(decoding: $0) }
    }
    var told: [String: String] = [:]
    var others = 0
    for order in orders {
      for reply in replies {
        let opened = try? reply.open(
          with: order.reply, registration: registration, case: id, commitment: order.envelope.commitment)
        guard let opened else { continue }
        if reply.header.commitment == order.envelope.commitment {
          told[order.user] = String(decoding: opened, as: UTF8.self).trimmingCharacters(in: .whitespaces)
        } else {
          others += 1
        }
      }
    }
    check(
      replies.count == orders.count && others == 0,
      "each can open one of the \(replies.count) sealed replies: its own")
    let lengths = Set(replies.map { $0.ciphertext.count })
    check(lengths.count == 1, "all of them have the same length")
    say("Alice: \(told["alice"] ?? "nothing")")
    say("Carol: \(told["carol"] ?? "nothing")")
    say("Bob:   \(told["bob"] ?? "nothing")")
    check(
      told["alice"]?.contains(#""won""#) == true && told["alice"]?.contains("\(price)") == true,
      "Alice has won")
    check(told["carol"]?.contains(#""sold""#) == true, "Carol has sold")
    check(told["bob"] == #"{"outcome":"lost"}"#, "Bob has lost, and learns nothing else")
  }

  /// Whether an order stands open in a file of the coordinator's or the enclave's.
  private func leaks(_ orders: [SealedOrder]) -> Bool {
    let places = [devnet.directory.coordinator, devnet.directory.enclave]
    for place in places {
      guard let files = FileManager.default.enumerator(atPath: place) else { continue }
      for case let name as String in files {
        guard let bytes = FileManager.default.contents(atPath: place + "/" + name) else { continue }
        for order in orders where bytes.range(of: Data(order.body.utf8)) != nil { return true }
      }
    }
    return false
  }

  // MARK: What is refused

  private mutating func refusals(_ file: EnclaveFile, _ id: Bytes32) async throws {
    title("Enclaves: what harbor does not take")
    guard let bytes = try await value(SettlementKeys.result(id)),
      let result = try? SettledResult(decoding: bytes)
    else {
      return check(false, "the result is in harbor's state")
    }
    let account = try devnet.account("alice")
    let again = SettlementResult(
      update: result.update.encoded(), receipt: result.receipt.encoded(), signature: result.signature,
      token: result.token.encoded(), tokenSignature: result.tokenSignature)
    refused(
      try await settlement(.settle(sender: account, case: id, again), by: "alice"), "caseSettled",
      "the same result once more")

    say("Alice coordinates a case of her own, so that nothing but the enclave's word is missing.")
    let local = LocalSecp256k1Key()
    guard
      let mine = try await open(
        file, seconds: 3, key: local.ethereumAddress.array, suite: SigningSuite.secp256k1Address.rawValue),
      let opening = try await record(CaseRecord.self, CaseKeys.record(mine))
    else { return }
    let wait = UnixTime(seconds: opening.closes + 1)
    while try await now(harbor) < wait { try await Task.sleep(for: .milliseconds(100)) }
    refused(
      try await settle(mine, opening, result.receipt, result.update, result.signature, by: local),
      "receiptCase",
      "the receipt of the other case")
    let receipt = result.receipt
    let empty = try Update(payouts: [], stateBefore: Bytes32(), stateAfter: Bytes32())
    let changed = try Receipt(
      registration: receipt.registration, program: receipt.program, policy: receipt.policy, case: mine,
      inputs: opening.inputs, update: empty.root(), replies: receipt.replies, sequence: receipt.sequence,
      previous: receipt.previous, time: opening.closes)
    refused(
      try await settle(mine, opening, changed, result.update, result.signature, by: local), "receiptUpdate",
      "a receipt that says this case, with the payouts of the other")
    refused(
      try await settle(mine, opening, changed, empty, result.signature, by: local), "receiptSignature",
      "a receipt that was changed throughout: its signature is not the enclave's")
    try await expired(mine, opening, receipt, result.update, result.signature, local)
    try await registrations(file)
    debugQuote()
  }

  private mutating func settle(
    _ id: Bytes32, _ record: CaseRecord, _ receipt: Receipt, _ update: Update, _ signature: [UInt8],
    by key: LocalSecp256k1Key
  ) async throws -> TransactionResult {
    let token = Token(
      case: id, inputs: record.inputs, registration: receipt.registration, attempt: 1, expires: record.expires
    )
    let domain = try InteroperableAddress(chain: harbor.id)
    return try await settlement(
      .settle(
        sender: try devnet.account("alice"), case: id,
        SettlementResult(
          update: update.encoded(), receipt: receipt.encoded(), signature: signature, token: token.encoded(),
          tokenSignature: key.signRecoverable(digest: token.digest(domain: domain)).array)), by: "alice")
  }

  private mutating func expired(
    _ id: Bytes32, _ record: CaseRecord, _ receipt: Receipt, _ update: Update, _ signature: [UInt8],
    _ key: LocalSecp256k1Key
  ) async throws {
    guard let file = enclaveFile(), let old = file.registrations.first,
      let first = try await self.record(RegistrationRecord.self, SettlementKeys.registration(old))
    else { return check(false, "the first registration is known") }
    let left = Int64(first.content.expires) - Int64(try await now(harbor).seconds)
    guard left < 150 else {
      say(
        "The first registration lives for \(left) seconds more: that it is refused then is left out (--enclave-lifetime)."
      )
      return
    }
    while try await now(harbor).seconds <= first.content.expires {
      try await Task.sleep(for: .milliseconds(200))
    }
    let late = try Receipt(
      registration: old, program: receipt.program, policy: receipt.policy, case: id, inputs: record.inputs,
      update: receipt.update, replies: receipt.replies, sequence: receipt.sequence,
      previous: receipt.previous,
      time: record.closes)
    refused(
      try await settle(id, record, late, update, signature, by: key), "registrationExpired",
      "a receipt under the enclave's first registration, which has expired")
  }

  private mutating func registrations(_ file: EnclaveFile) async throws {
    guard
      let policy = try? AttestationPolicy(
        decoding: Terminal.read(devnet.directory.enclave + "/attestation.json")),
      let tpm = policy.tpm
    else { return check(false, "the attestation policy is known") }
    let access = devnet.access(harbor)
    let height = try await devnet.reach(harbor) { () async throws(AccessError) in
      try await access.head().height
    }
    let block = try await devnet.reach(harbor) { () async throws(AccessError) in
      try await access.signedHeader(at: height)
    }
    guard let hash = block.signedHeader.header.hash() else { return check(false, "a block has a hash") }
    say(
      "The enclave makes new keys and quotes them: true evidence, which harbor looks at under other demands.")
    let made: EnclaveRegistration
    do {
      made = try await EnclaveClient(path: devnet.directory.enclave + "/enclave.sock").rotate(
        EnclaveAnchor(height: height, hash: hash))
    } catch { return check(false, "the enclave makes new keys: \(error)") }
    let agents = try await operators()
    guard let owner = agents.account(DevnetNames.operatorAccount) else {
      return check(false, "the operator has a key")
    }
    let rules: LedgerRules = try LedgerRules(chainID: harbor.chainID, feeDenom: harbor.feeDenom)
    let sender = AccountSender(access: access, signer: owner, rules: rules)
    let launches = [
      TPMPolicy.PCR(index: 14, rule: .launches([.init(program: file.policy, policy: file.policy)]))
    ]
    let other = try AttestationPolicy(
      isProduction: true, ageMaxSeconds: policy.ageMaxSeconds, driftMaxSeconds: policy.driftMaxSeconds,
      tpm: TPMPolicy(bank: tpm.bank, pcrs: launches, keyNames: tpm.keyNames, keyRoots: tpm.keyRoots))
    let account = try devnet.account("alice")
    _ = try await settlement(.storePolicy(sender: account, policy: [UInt8](other.text.utf8)), by: "alice")
    func register(_ evidence: AttestationEvidence, _ policy: Bytes32) async throws -> TransactionResult {
      try await Self.result(
        of: .registerEnclave(
          sender: owner.key.address, keys: made.keys.encoded(), evidence: evidence.encoded(), policy: policy),
        by: sender)
    }
    refused(
      try await register(made.evidence, other.hash), "attestation",
      "a wrong measurement: a policy that wants another program")
    let simulated = SimulatedStatement(
      program: file.program, policy: file.policy, reportData: made.keys.reportData.array,
      issued: Int64(made.keys.issued)
    ).evidence
    refused(
      try await register(simulated, policy.hash), "attestation",
      "a simulated platform, under a policy for production")
    if let old = file.registrations.first, let bytes = try await value(SettlementKeys.evidence(old)),
      let evidence = try? AttestationEvidence(decoding: bytes)
    {
      refused(
        try await register(evidence, policy.hash), "reportData",
        "somebody else's true quote: it binds other keys")
    }
    let taken = try await register(made.evidence, policy.hash)
    check(taken.succeeded, "the same keys with their own quote, under the right policy, are taken")
    await agents.stop()
  }

  // MARK: Helping hands

  private func operators() async throws -> DevnetSignerKeys {
    do { return try await DevnetSignerKeys(devnet.directory) } catch {
      throw Complaint(DevnetText.text(error), code: 3)
    }
  }

  private mutating func refused(_ result: TransactionResult, _ wanted: String, _ what: String) {
    let name = LedgerSettlement.name(codespace: result.codespace, log: result.log) ?? result.log
    // Which rule of which platform: the cases' names, without what they hold.
    let details = result.log.matches(of: #/Refusal\.(\w+)/#).map { String($0.1) }.joined(separator: ".")
    check(
      !result.succeeded && name == wanted,
      "\(what): \(result.succeeded ? "it was taken" : "refused, \(name)\(details.isEmpty ? "" : ": " + details)")"
    )
  }

  private static func result(of message: SettlementMessage, by sender: AccountSender) async throws
    -> TransactionResult
  {
    do { return try await sender.send([message.ledgerMessage], gasLimit: gas).result } catch {
      guard case .failed(let transaction) = error else {
        throw Complaint("harbor did not take the transaction: \(error.code)", code: 1)
      }
      return transaction.result
    }
  }

  private mutating func settlement(_ message: SettlementMessage, by user: String) async throws
    -> TransactionResult
  {
    try await Self.result(of: message, by: try await sender(user, harbor))
  }

  private func value(_ key: [UInt8]) async throws -> [UInt8]? {
    let access = devnet.access(harbor)
    return try await devnet.reach(harbor) { () async throws(AccessError) in
      let version = try await access.head().height
      return try await access.values(of: [key], at: version - 1, proven: true).first?.value
    }
  }

  private func record<Record: EnclaveContainer>(_ type: Record.Type, _ key: [UInt8]) async throws -> Record? {
    for _ in 0..<50 {
      if let bytes = try await value(key) { return try? Record(decoding: bytes) }
      try await Task.sleep(for: .milliseconds(100))
    }
    return nil
  }

  /// What `look` finds, or nil when it finds nothing for so long.
  private func waited<Value>(_ look: () -> Value?, seconds: Int = 30) async throws -> Value? {
    for _ in 0..<(seconds * 10) {
      if let found = look() { return found }
      try await Task.sleep(for: .milliseconds(100))
    }
    return nil
  }

  /// What each holds on harbor: its own token, and the lot's.
  private func holdings(_ lot: String) async throws -> [String: [UInt64]] {
    var held: [String: [UInt64]] = [:]
    for user in devnet.network.users {
      held[user] = [
        try await balance(user, harbor, harbor.feeDenom.text), try await balance(user, harbor, lot),
      ]
    }
    return held
  }
}
