import AttestService
import ChainAccess
import Devnet
import Digests
import Encodings
import Gate
import Ledger
import LightClients
import LocalKeys
import MerkleProofs
import Messages
import PacketHost
import RelayEngine
import SigningRules
import Transactions
import WireBytes

/// The scenes of the demo, each with its checks.
struct DemoStory {
  let devnet: DevnetConnection
  let harbor: Network.Domain
  let island: Network.Domain
  private(set) var failed = 0
  private var passed = 0
  private var scene = 0
  /// One for each account and domain, so that sequences follow each other.
  private var senders: [String: AccountSender] = [:]
  private var lightCrossing: Crossing?
  /// What two attesters have signed although it is not so.
  private var forged: AttestedStatement?

  /// Nil when contracts are not built, or the domains have none.
  private var contracts: DemoContracts?
  private let artifacts: EVMArtifacts?

  /// - Parameters:
  ///   - contracts: where the ledgers' built contracts lie.
  ///   - artifacts: where those of EVM chains lie.
  init(_ devnet: DevnetConnection, contracts directory: String?, artifacts: EVMArtifacts?) {
    self.devnet = devnet
    self.artifacts = artifacts
    contracts = directory.map { DemoContracts(directory: $0) }
    harbor = devnet.network.harbor
    island = devnet.network.island
  }

  mutating func tell() async throws {
    let clock = ContinuousClock()
    let start = clock.now
    Terminal.print(
      "Two domains, \(harbor.name) and \(island.name). Alice and Bob live in both; what they send crosses over lanes\n"
        + "that \(island.name) and \(harbor.name) chose to believe. Everything below goes through the domains' public RPC."
    )
    try await callSucceeds()
    try await transferAndReturn()
    try await callFails()
    try await deadlinePasses()
    try await lightLane()
    try await replay()
    try await forgery()
    try await keysApart()
    if var contracts, try await runs(contracts) {
      try await swapsAcross(&contracts)
      try await splitOrder(contracts)
      if let artifacts, devnet.reef != nil {
        try await reefChapter(contracts, artifacts: artifacts)
      } else {
        title("An EVM chain")
        say("Left out: this devnet has none (causeway up --with evm, which needs script/setup and script/contracts).")
      }
    } else {
      title("Contracts")
      say("Left out: they are not built (script/contracts), or there is no wasmtime that runs them (script/setup).")
    }
    try await enclaveChapter()
    try await count()
    Terminal.print("")
    let time = Show.duration(clock.now - start)
    if failed == 0 {
      Terminal.print("\(Terminal.paint("all \(passed) checks hold", 32)), in \(time)")
    } else {
      Terminal.print("\(Terminal.paint("\(failed) of \(passed + failed) checks failed", 31)), in \(time)")
    }
  }

  // MARK: Scenes

  private mutating func callSucceeds() async throws {
    title("A call that succeeds and returns data")
    say("Alice, on harbor, asks island's program `counter` to add 5.")
    let before = try await counter()
    let crossing = try await call(#"{"add":{"by":5}}"#, over: .attested)
    show(crossing)
    check(crossing.ending == .success, "executed, and harbor knows it")
    let answer = CrossingText.results(crossing).first ?? ""
    check(answer == #"{"count":"\#(before + 5)"}"#, "the answer came back: \(answer)")
    check(try await counter() == before + 5, "island's state says \(before + 5) as well")
  }

  private mutating func transferAndReturn() async throws {
    title("A transfer, and its return")
    let lane = try devnet.lane(.attested)
    let amount: UInt64 = 1_000
    let voucher = TokenPath(harbor.feeDenom.text).adding(.transfer, lane.second.client)
    let held = try await balance("bob", island, voucher.token)
    let escrowed = try await escrow(lane)
    say("Alice sends Bob 1000 uharbor: they wait in the lane's escrow, and Bob gets vouchers on island.")
    let out = try await transfer(
      amount, from: "alice", to: "bob", on: harbor, path: TokenPath(harbor.feeDenom.text))
    show(out)
    check(out.ending == .success, "executed")
    check(
      try await balance("bob", island, voucher.token) == held + amount, "Bob holds 1000 more \(voucher.text)")
    check(try await escrow(lane) == escrowed + amount, "harbor's escrow holds 1000 more")
    say("Bob sends them back: the vouchers are burnt, and the escrow pays out.")
    let back = try await transfer(amount, from: "bob", to: "alice", on: island, path: voucher)
    show(back)
    check(back.ending == .success, "executed")
    check(try await balance("bob", island, voucher.token) == held, "Bob's vouchers are burnt")
    check(try await escrow(lane) == escrowed, "the escrow has paid Alice")
  }

  private mutating func callFails() async throws {
    title("A call that fails at the destination")
    say(
      "Alice calls `counter` with {\"fail\":{}}, and 500 uharbor go along in the same packet: all of it, or nothing."
    )
    let lane = try devnet.lane(.attested)
    let escrowed = try await escrow(lane)
    let before = try await balance("alice", harbor, harbor.feeDenom.text)
    let sent = try await send(
      try messages(.attested, harbor).call(
        CounterProgram().address, input: [UInt8](#"{"fail":{}}"#.utf8), gasLimit: 100_000,
        funds: [(UInt256(UInt64(500)), TokenPath(harbor.feeDenom.text))], by: try devnet.account("alice")),
      from: "alice", over: .attested, on: harbor)
    let crossing = try await end(sent.key)
    show(crossing)
    check(
      crossing.ending == .refundedAfterError, "refused by the program: \(crossing.failure ?? "no reason")")
    let after = try await balance("alice", harbor, harbor.feeDenom.text)
    check(after == before - sent.fee, "Alice has her 500 back; only the fee of \(sent.fee) is gone")
    check(try await escrow(lane) == escrowed, "nothing stays in escrow")
  }

  private mutating func deadlinePasses() async throws {
    title("A deadline that passes")
    say("The operator pauses the lane: the relayer submits nothing. Alice sends 300 with 3 seconds to live.")
    try await devnet.tell(DevnetCommand(.pause, lane: .attested))
    let before = try await balance("alice", harbor, harbor.feeDenom.text)
    let payload = try messages(.attested, harbor).transfer(
      UInt256(UInt64(300)), of: TokenPath(harbor.feeDenom.text), from: try devnet.account("alice"),
      to: try devnet.account("bob"))
    let sent = try await send([payload], from: "alice", over: .attested, on: harbor, timeout: .seconds(3))
    try await wait(until: sent.packet.timeout)
    say("The deadline has passed on island. The lane opens again, too late for the packet:")
    try await devnet.tell(DevnetCommand(.resume, lane: .attested))
    let crossing = try await end(sent.key)
    show(crossing)
    check(
      crossing.ending == .refundedAfterTimeout && crossing.executed == nil,
      "island never executed it; attesters signed that its receipt is absent")
    let after = try await balance("alice", harbor, harbor.feeDenom.text)
    check(after == before - sent.fee, "Alice has her 300 back; only the fee of \(sent.fee) is gone")
  }

  private mutating func lightLane() async throws {
    title("The same message over the light-client lane")
    say(
      "No attesters now: island checks harbor's validators' signatures, and a proof of harbor's state tree.")
    let before = try await counter()
    let crossing = try await call(#"{"add":{"by":5}}"#, over: .light)
    show(crossing)
    check(crossing.ending == .success, "executed, and harbor knows it")
    let answer = CrossingText.results(crossing).first ?? ""
    check(answer == #"{"count":"\#(before + 5)"}"#, "the same answer: \(answer)")
    lightCrossing = crossing
    say("Alice sends Bob 250 uharbor over it as well; they stay there.")
    let lane = try devnet.lane(.light)
    let voucher = TokenPath(harbor.feeDenom.text).adding(.transfer, lane.second.client)
    let held = try await balance("bob", island, voucher.token)
    let out = try await transfer(
      250, from: "alice", to: "bob", on: harbor, path: TokenPath(harbor.feeDenom.text), over: .light)
    show(out)
    check(try await balance("bob", island, voucher.token) == held + 250, "Bob holds 250 more \(voucher.text)")
  }

  private mutating func replay() async throws {
    title("A replayed packet")
    guard let crossing = lightCrossing, let executed = crossing.executed, let hash = executed.transaction
    else {
      return check(false, "there is a packet to replay")
    }
    say("Carol submits that packet to island once more, with its true proof, and pays for it.")
    let far = devnet.access(island)
    let near = devnet.access(harbor)
    let relayed = try await devnet.reach(island) { () async throws(AccessError) in
      try await far.transaction(hash)
    }
    guard let height = relayed.flatMap({ Self.provenHeight($0) }) else {
      return check(false, "the height that proved it is known")
    }
    let path = PacketPath(.commitment, of: crossing.packet)
    let entries = try await devnet.reach(harbor) { () async throws(AccessError) in
      try await near.values(of: [path.bytes], at: height.number - 1, proven: true)
    }
    guard case .ics23(let proof)? = entries.first?.proof, entries.first?.value != nil else {
      return check(false, "harbor still proves that it sent the packet")
    }
    let before = try await state(of: crossing.packet)
    let message = LedgerMessage.receivePacket(
      crossing.packet, proof: ICS23.MerkleProof(proofs: [proof]).encoded(), height: height,
      signer: try devnet.account("carol"))
    let result = try await submit([message], from: "carol", on: island)
    check(Self.outcome(result) == .noOperation, "island answers: no operation, it has this packet")
    let after = try await state(of: crossing.packet)
    check(before == after, "counter, receipt and acknowledgement are as they were")
  }

  private mutating func forgery() async throws {
    title("A forged attestation")
    say("Somebody invents a packet: a million uharbor for Carol, which nobody sent.")
    let lane = try devnet.lane(.attested)
    let near = devnet.access(harbor)
    let invented = try Packet(
      sequence: Sequence(1_000_000) ?? .first, sourceClient: lane.first.client,
      destinationClient: lane.second.client,
      timeout: try await now(island).adding(seconds: 600),
      payloads: [
        try messages(.attested, harbor).transfer(
          UInt256(UInt64(1_000_000)), of: TokenPath(harbor.feeDenom.text), from: try devnet.account("alice"),
          to: try devnet.account("carol"))
      ])
    let head = try await devnet.reach(harbor) { () async throws(AccessError) in try await near.head() }
    let statement = AttestedStatement(
      binding: try AttestationBinding(origin: harbor.id, router: LaneSetup.router, client: lane.second.client),
      height: Height(revision: head.revision, head.height),
      timestamp: UnixTime(seconds: UInt64(clamping: head.time.seconds)),
      body: .packets([
        StoredEntry(
          pathHash: PacketPath(.commitment, of: invented).hash(), commitment: PacketCommitment.of(invented))
      ]))
    forged = statement
    let voucher = TokenPath(harbor.feeDenom.text).adding(.transfer, lane.second.client)
    let before = try await balance("carol", island, voucher.token)
    let strangers = (0..<3).map { _ in LocalSecp256k1Key().signRecoverable(digest: statement.digest).array }
    let stranger = try await refusal(of: statement, signatures: strangers, packet: invented)
    check(
      stranger?.contains("attested") == true || stranger?.contains("signature") == true,
      "three strangers sign it: refused, \(stranger ?? "it was taken")")
    let agents = try await agents()
    var taken: [[UInt8]] = []
    for attester in agents.attesters.prefix(2) { taken.append(try await attester.signer.sign(statement)) }
    let few = try await refusal(of: statement, signatures: taken, packet: invented)
    check(
      few?.contains("quorum") == true || few?.contains("weight") == true,
      "two attesters that were taken over sign it, where \(devnet.network.quorum) must: refused, \(few ?? "it was taken")")
    check(try await balance("carol", island, voucher.token) == before, "Carol got nothing")
    let client = try await devnet.reach(island) { [devnet, island] () async throws(AccessError) in
      try await devnet.access(island).client(lane.second.client)
    }
    check(client?.status == .active, "the lane goes on")
  }

  private mutating func keysApart() async throws {
    title("Keys apart")
    say("The attesters' machine is taken over. What its processes may ask of the signers, the thief may ask too.")
    guard let forged, case .packets(let entries) = forged.body else { return }
    let agents = try await agents()
    let other = AttestedStatement(
      binding: forged.binding, height: forged.height, timestamp: forged.timestamp,
      body: .packets(entries.map { StoredEntry(pathHash: $0.pathHash, commitment: $0.pathHash) }))
    refused(
      await agents.refusal(of: .attestation(other), askedBy: "attester-1"),
      "a second claim for the height that attester 1 has signed")
    let owner = try devnet.account("alice")
    let account = try await devnet.reach(harbor) { [devnet, harbor] () async throws(AccessError) in
      try await devnet.access(harbor).account(owner)
    }
    guard let alice = agents.account("alice")?.key, let thief = agents.account(DevnetNames.relayerAccount)?.key
    else {
      check(false, "the signers have Alice's and the relayer's keys")
      return
    }
    let fee = Coin(UInt256(UInt64(10_000)), harbor.feeDenom)
    let theft = LedgerMessage.send(
      from: alice.address, to: thief.address, coins: [Coin(UInt256(UInt64(1_000_000)), harbor.feeDenom)])
    let request = SigningRequest.transaction(
      UnsignedTransaction(
        [theft.encoded()], fee: [fee], gasLimit: 100_000, key: alice, sequence: account?.sequence ?? 0,
        chainID: harbor.chainID, accountNumber: account?.number ?? 0))
    refused(
      await agents.refusal(of: request, askedBy: DevnetNames.relayerAccount, withKeyOf: "alice"),
      "Alice's coins for the relayer, asked of the signer of operators' keys")
    do {
      let there = try await agents.refusal(
        of: request, askedBy: DevnetNames.relayerAccount, withKeyOf: "alice", at: .user, in: devnet.directory)
      refused(there, "the same, asked of the signer of people's keys with the relayer's identity")
    } catch { throw Complaint(DevnetText.text(error)) }
    refused(
      await agents.refusal(of: .attestation(other), askedBy: "attester-2", withKeyOf: "attester-1"),
      "attester 1's signature, asked for by attester 2")
    await agents.stop()
  }

  /// Everybody's place at the signers, as somebody has it who has read the whole directory.
  private func agents() async throws -> DevnetSignerKeys {
    do { return try await DevnetSignerKeys(devnet.directory) } catch { throw Complaint(DevnetText.text(error), code: 3) }
  }

  private mutating func refused(_ refusal: String?, _ what: String) {
    check(refusal != nil, "\(what): \(refusal.map { "refused, \($0)" } ?? "it was signed")")
  }

  private mutating func count() async throws {
    title("The count")
    let end = ContinuousClock().now + .seconds(20)
    while try await Audit.open(devnet) > 0, ContinuousClock().now < end {
      try await Task.sleep(for: .milliseconds(100))
    }
    let history = try await HistoryAudit(
      network: devnet.network, accesses: devnet.accesses)
    let value = try await ValueAudit(
      network: devnet.network, accesses: devnet.accesses, in: devnet.directory)
    check(
      history.holds && history.open.isEmpty,
      "\(history.sent) packets sent: \(history.succeeded) executed, \(history.failed) refused, "
        + "\(history.timedOut) timed out; each ended exactly once")
    for fault in history.faults { say("\(fault)") }
    for issue in value.issues {
      check(
        issue.holds,
        "\(issue.domain) has \(issue.supply) \(issue.denom), as at its beginning; \(issue.fees) of it paid as fees"
      )
    }
    for escrow in value.escrows {
      check(
        escrow.holds,
        "\(escrow.lane.rawValue) lane: \(escrow.escrowed) \(escrow.denom) in \(escrow.home)'s escrow = "
          + "\(escrow.vouchers) vouchers on \(escrow.away)")
    }
    check(value.orphans.isEmpty, "no vouchers without escrow")
    check(AuditText.feesHold(history, value), "every fee is with the collectors")
    for lane in devnet.network.lanes {
      for end in lane.kind == .evm ? lane.ends : [lane.second] {
        let domain = try devnet.domain(end.domain)
        let client = try await devnet.reach(domain) { [devnet] () async throws(AccessError) in
          try await devnet.access(domain).client(end.client)
        }
        say("By believing what came over the \(lane.kind.rawValue) lane, \(domain.name) trusts that")
        let origin = devnet.network.other(domain, over: lane)
        for assumption in LaneView.assumptions(client, lane, origin) { say("  - \(assumption)") }
      }
    }
  }

  // MARK: Doing

  private func messages(_ kind: Network.Lane.Kind, _ origin: Network.Domain) throws -> CrossingMessages {
    CrossingMessages(devnet.network, lane: try devnet.lane(kind), from: origin)
  }

  mutating func sender(_ user: String, _ domain: Network.Domain) async throws -> AccountSender {
    if let known = senders["\(user)/\(domain.name)"] { return known }
    let made = try await devnet.sender(user, on: domain).sender
    senders["\(user)/\(domain.name)"] = made
    return made
  }

  private struct Sent {
    let key: PacketKey
    let packet: Packet
    let fee: UInt64
  }

  private mutating func send(
    _ payloads: [Payload], from user: String, over kind: Network.Lane.Kind, on origin: Network.Domain,
    timeout: Duration = .seconds(120)
  ) async throws -> Sent {
    let messages = try messages(kind, origin)
    do {
      let sent = try await messages.send(
        payloads, timeout: timeout, as: try await sender(user, origin), at: try devnet.account(user),
        through: devnet.access(origin))
      return Sent(
        key: PacketKey(LaneEnd(origin.id, sent.packet.sourceClient), sent.packet.sequence),
        packet: sent.packet,
        fee: Self.fee(sent.transaction.result, origin))
    } catch let error as SendingError {
      throw Complaint(SendText.text(error, origin.name), code: 1)
    }
  }

  private mutating func call(_ input: String, over kind: Network.Lane.Kind) async throws -> Crossing {
    let payloads = try messages(kind, harbor).call(
      CounterProgram().address, input: [UInt8](input.utf8), gasLimit: 100_000, by: try devnet.account("alice")
    )
    return try await end(try await send(payloads, from: "alice", over: kind, on: harbor).key)
  }

  mutating func transfer(
    _ amount: UInt64, from: String, to: String, on origin: Network.Domain, path: TokenPath,
    over kind: Network.Lane.Kind = .attested
  ) async throws -> Crossing {
    let payload = try messages(kind, origin).transfer(
      UInt256(amount), of: path, from: try devnet.account(from), to: try devnet.account(to))
    return try await end(try await send([payload], from: from, over: kind, on: origin).key)
  }

  /// The crossing once it has ended; as it is after half a minute.
  func end(_ key: PacketKey) async throws -> Crossing {
    let name = devnet.reader.name(of: key)
    let reader = devnet.reader
    return try await devnet.find(name) { () async throws(CrossingLookupError) in
      try await CrossingFollower(reader, prints: false).follow(key, until: .seconds(30))
    }
  }

  private mutating func submit(
    _ messages: [LedgerMessage], from user: String, on domain: Network.Domain
  ) async throws -> TransactionResult {
    do {
      return try await sender(user, domain).send(messages, gasLimit: 3_000_000).result
    } catch let error as SendError {
      switch error {
      case .failed(let transaction): return transaction.result
      default: throw Complaint("\(domain.name) did not take the transaction: \(error.code)", code: 1)
      }
    }
  }

  /// The name of the refusal of a packet whose statement was signed so; nil when it was taken.
  private mutating func refusal(
    of statement: AttestedStatement, signatures: [[UInt8]], packet: Packet
  ) async throws -> String? {
    let evidence = Evidence.attested(
      AttestedEvidence(
        height: statement.height, timestamp: statement.timestamp, body: statement.body,
        signatures: signatures.enumerated().map { .init(attester: $0.offset, bytes: $0.element) }))
    let carol = try devnet.account("carol")
    let bytes = evidence.protobuf()
    let update = LedgerMessage.updateClient(
      packet.destinationClient, message: AnyMessage(typeURL: HostClients.MessageType.evidence, value: bytes),
      signer: carol)
    let receive = LedgerMessage.receivePacket(
      packet, proof: PacketProof.reference(HostKeys.evidenceHash(bytes)).encoded(), height: statement.height,
      signer: carol)
    let result = try await submit([update, receive], from: "carol", on: island)
    return result.refusalName
  }

  // MARK: Looking

  func balance(_ user: String, _ domain: Network.Domain, _ token: String) async throws -> UInt64 {
    try await balance(try devnet.account(user), domain, token)
  }

  func balance(_ account: AccountAddress, _ domain: Network.Domain, _ token: String) async throws
    -> UInt64
  {
    let access = devnet.access(domain)
    let coins = try await devnet.reach(domain) { () async throws(AccessError) in
      try await access.balances(of: account)
    }
    return coins.first { $0.denom.text == token }?.amount.asUInt64 ?? 0
  }

  private func escrow(_ lane: Network.Lane) async throws -> UInt64 {
    try await balance(TransferApplication.escrow(.transfer, lane.first.client), harbor, harbor.feeDenom.text)
  }

  func now(_ domain: Network.Domain) async throws -> UnixTime {
    let access = devnet.access(domain)
    let head = try await devnet.reach(domain) { () async throws(AccessError) in try await access.head() }
    return UnixTime(seconds: UInt64(clamping: head.time.seconds))
  }

  func wait(until time: UnixTime) async throws {
    while try await now(island) < time { try await Task.sleep(for: .milliseconds(100)) }
  }

  private func read(_ keys: [[UInt8]], _ domain: Network.Domain) async throws -> [[UInt8]?] {
    let access = devnet.access(domain)
    return try await devnet.reach(domain) { () async throws(AccessError) in
      let version = try await access.head().height
      return try await access.values(of: keys, at: version, proven: false).map(\.value)
    }
  }

  private func counter() async throws -> UInt64 {
    let value = try await read([CounterProgram().stateKey("count")], island).first.flatMap { $0 }
    return value?.reduce(0) { $0 << 8 | UInt64($1) } ?? 0
  }

  /// What island holds about a packet, and what it did.
  private func state(of packet: Packet) async throws -> [[UInt8]?] {
    try await read(
      [
        CounterProgram().stateKey("count"), PacketPath(.receipt, of: packet).bytes,
        PacketPath(.acknowledgement, of: packet).bytes,
      ], island)
  }

  static func fee(_ result: TransactionResult, _ domain: Network.Domain) -> UInt64 {
    let text = result.events.first { $0.type == "tx" }?.value("fee") ?? ""
    return UInt64(text.dropLast(domain.feeDenom.text.count)) ?? 0
  }

  /// The height that the transaction taught the client before it received.
  private static func provenHeight(_ transaction: ObservedTransaction) -> Height? {
    for event in transaction.result.events where event.type == "update_client" {
      let parts = event.value("consensus_heights")?.split(separator: "-").compactMap { UInt64($0) } ?? []
      if parts.count == 2, parts[1] > 0 { return Height(revision: parts[0], parts[1]) }
    }
    return nil
  }

  private enum Outcome {
    case noOperation
    case other
  }

  /// What the last message answered (`ResponseResultType` of ibc-go: 1 is no operation).
  private static func outcome(_ result: TransactionResult) -> Outcome {
    guard let answers = try? TransactionAnswers(decoding: result.payload), let last = answers.answers.last
    else {
      return .other
    }
    return last.value == [0x08, 0x01] ? .noOperation : .other
  }

  // MARK: Telling

  mutating func title(_ text: String) {
    scene += 1
    Terminal.print("\n\(Terminal.paint("\(scene). \(text)", 1))")
  }

  func say(_ text: String) { Terminal.print("   \(text)") }

  func show(_ crossing: Crossing) {
    let time = crossing.duration.map { ", \(Show.duration($0))" } ?? ""
    say(
      "   \(crossing.origin.name) → \(crossing.destination.name), \(crossing.lane.kind.rawValue) "
        + "#\(crossing.packet.sequence)\(time)   causeway trace \(crossing.id.description.prefix(14))")
  }

  mutating func check(_ holds: Bool, _ text: String) {
    if holds { passed += 1 } else { failed += 1 }
    Terminal.print("   \(holds ? Terminal.paint("ok", 32) : Terminal.paint("NO", 31)) \(text)")
  }
}
