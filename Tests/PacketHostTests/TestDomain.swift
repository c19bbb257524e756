import Crypto
import Digests
import Foundation
import Gate
import LightClients
import MerkleProofs
import Messages
import PacketHost
import WireBytes

/// A domain in memory: a host with both applications, its state, and its clock. Every transaction is a block.
struct TestDomain {
  let domain: DomainID
  let chainID: String
  let host: PacketHost
  var state = MemoryState()
  var height: UInt64 = 1
  var time: UInt64 = TestDomain.start
  var events: [Event] = []
  var gasUsed: UInt64 = 0
  var next: UInt64 = 0
  /// 2026-01-01T00:00:00Z.
  static let start: UInt64 = 1_767_225_600
  static let token = "stake"
  static let moduleAccount = account(0xee)

  init(_ name: String, callbacks: TestCallbacks? = nil) throws {
    chainID = "\(name)-1"
    domain = try DomainID("cosmos:\(chainID)")
    host = PacketHost(
      applications: [
        TransferApplication(tokens: TestBank(), accounts: TestNames(), blocked: [Self.moduleAccount]),
        ExecutionApplication(
          domain: domain, targets: TestPrograms(domain: domain), tokens: TestBank(), callbacks: callbacks),
      ], clients: HostClients())
  }

  static func account(_ number: UInt8) -> AccountAddress { AccountAddress(Bytes20 { _ in number }) }

  mutating func advance(_ seconds: UInt64) {
    time += seconds
    height += 1
  }

  var now: UnixTime { UnixTime(seconds: time) }

  mutating func transact<Value: Sendable, Failure: Error & Hashable & Sendable>(
    gas: UInt64 = 20_000_000, _ body: (inout HostContext) throws(AttemptFailure<Failure>) -> Value
  ) throws(AttemptFailure<Failure>) -> Value {
    var context = HostContext(
      moment: BlockMoment(height: height, time: now), state: WorkingState(state), gas: GasMeter(limit: gas))
    let value = try body(&context)
    let (working, used, emitted) = context.finish()
    state.apply(working.changes)
    (events, gasUsed) = (emitted, used)
    height += 1
    return value
  }

  mutating func mint(_ amount: UInt64, to account: AccountAddress) throws {
    try transact { (context: inout HostContext) throws(AttemptFailure<TokenRefusal>) in
      try TestBank().mint(TokenAmount(UInt256(amount), of: Self.token), to: account, in: &context)
    }
  }

  func balance(_ account: AccountAddress, _ token: String = TestDomain.token) -> UInt64 {
    TestBank.amount(state.values[TestBank.key(account, token)]).asUInt64 ?? .max
  }

  /// The sum of all balances of `token`.
  func supply(_ token: String) -> UInt64 {
    let end = [UInt8]("/\(token)".utf8)
    return state.values.reduce(0) { sum, entry in
      let isBalance = entry.key.count == 25 + end.count && entry.key.starts(with: [UInt8]("bank/".utf8))
      guard isBalance, Array(entry.key.suffix(end.count)) == end else { return sum }
      return sum + (TestBank.amount(entry.value).asUInt64 ?? 0)
    }
  }

  // MARK: Packets

  mutating func send(
    _ payloads: [Payload], over client: ClientID, timeout: UInt64 = 600, by sender: AccountAddress
  ) throws(AttemptFailure<PacketRefusal>) -> Packet {
    let (host, deadline) = (host, now.adding(seconds: timeout))
    return try transact { (context: inout HostContext) throws(AttemptFailure<PacketRefusal>) in
      try host.send(payloads, over: client, timeout: deadline, by: sender, in: &context)
    }
  }

  mutating func receive(
    _ packet: Packet, _ proof: Proof, gas: UInt64 = 20_000_000
  ) throws(AttemptFailure<PacketRefusal>) -> PacketOutcome {
    let host = host
    return try transact(gas: gas) { (context: inout HostContext) throws(AttemptFailure<PacketRefusal>) in
      try host.receive(packet, proof: proof.bytes, at: proof.height, in: &context)
    }
  }

  mutating func acknowledge(
    _ packet: Packet, _ acknowledgement: Acknowledgement, _ proof: Proof
  ) throws(AttemptFailure<PacketRefusal>) -> PacketOutcome {
    let host = host
    return try transact { (context: inout HostContext) throws(AttemptFailure<PacketRefusal>) in
      try host.acknowledge(packet, with: acknowledgement, proof: proof.bytes, at: proof.height, in: &context)
    }
  }

  mutating func timeOut(
    _ packet: Packet, _ proof: Proof
  ) throws(AttemptFailure<PacketRefusal>) -> PacketOutcome {
    let host = host
    return try transact { (context: inout HostContext) throws(AttemptFailure<PacketRefusal>) in
      try host.timeOut(packet, proof: proof.bytes, at: proof.height, in: &context)
    }
  }

  struct Proof {
    let bytes: [UInt8]
    let height: Height
  }

  /// The acknowledgement in the newest events.
  func acknowledgement() throws -> Acknowledgement {
    let event = events.last { $0.type == "write_acknowledgement" }
    let bytes = try Hex.decode(event?.value("encoded_acknowledgement_hex") ?? "")
    return try Acknowledgement(decoding: bytes.span)
  }

  // MARK: Clients

  mutating func create(
    _ typeURL: String, _ value: [UInt8], consensus: (typeURL: String, value: [UInt8]) = ("", []),
    by creator: AccountAddress = TestDomain.account(1)
  ) throws(AttemptFailure<ClientRefusal>) -> ClientID {
    let clients = host.clients
    return try transact { (context: inout HostContext) throws(AttemptFailure<ClientRefusal>) in
      try clients.create(
        typeURL: typeURL, state: value, consensusTypeURL: consensus.typeURL, consensus: consensus.value,
        by: creator, in: &context)
    }
  }

  mutating func update(
    _ id: ClientID, _ typeURL: String, _ message: [UInt8]
  ) throws(AttemptFailure<ClientRefusal>) -> ClientUpdate {
    let clients = host.clients
    return try transact { (context: inout HostContext) throws(AttemptFailure<ClientRefusal>) in
      try clients.update(id, typeURL: typeURL, message: message, in: &context)
    }
  }

  mutating func register(
    _ counterparty: Counterparty, for id: ClientID, by signer: AccountAddress = TestDomain.account(1)
  ) throws(AttemptFailure<ClientRefusal>) {
    let clients = host.clients
    try transact { (context: inout HostContext) throws(AttemptFailure<ClientRefusal>) in
      try clients.register(counterparty, for: id, by: signer, in: &context)
    }
  }

  mutating func prove(
    _ question: ProofQuestion, of counterparty: Counterparty, client: ClientID, _ proof: Proof,
    gas: UInt64 = 20_000_000
  ) throws(AttemptFailure<ClientRefusal>) -> UnixTime {
    let clients = host.clients
    return try transact(gas: gas) { (context: inout HostContext) throws(AttemptFailure<ClientRefusal>) in
      try clients.verify(
        question, of: counterparty, client: client, proof: proof.bytes, at: proof.height, in: &context)
    }
  }

  mutating func status(_ id: ClientID) throws(AttemptFailure<ClientRefusal>) -> ClientStatus {
    let clients = host.clients
    return try transact { (context: inout HostContext) throws(AttemptFailure<ClientRefusal>) in
      try clients.status(of: id, in: &context)
    }
  }
}

/// Three attesters, two of whom suffice.
struct TestAttesters {
  let keys: [Curve25519.Signing.PrivateKey]

  init() throws {
    keys = try (1...3).map {
      try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 0, count: 31) + [UInt8($0)])
    }
  }

  func policy(
    origin: DomainID, client: ClientID, freshness: AttestedPolicy.Freshness? = nil,
    form: AttestedPolicy.Form = .packets, router: [UInt8] = [7]
  ) throws -> AttestedPolicy {
    try AttestedPolicy(
      form: form, binding: try AttestationBinding(origin: origin, router: router, client: client),
      attesters: try keys.map { try Attester(suite: .ed25519, key: [UInt8]($0.publicKey.rawRepresentation)) },
      quorum: 2, freshness: freshness)
  }

  func clientState(_ policy: AttestedPolicy) throws -> [UInt8] {
    PolicyClientState(
      policyText: [UInt8](try Policy(.attested(policy)).text.utf8), origin: policy.origin.text,
      router: policy.binding.router
    ).encoded()
  }

  /// Evidence signed by the attesters at `signers`.
  func sign(
    _ policy: AttestedPolicy, height: UInt64, time: UInt64, _ attested: AttestedBody, signers: [Int] = [0, 2]
  ) throws -> [UInt8] {
    let height = Height(height)
    let time = UnixTime(seconds: time)
    let body =
      switch attested {
      case .state(let root): AttestationDigest.stateBody(height: height, timestamp: time, root: root)
      case .packets(let entries):
        AttestationDigest.packetsBody(height: height, timestamp: time, entries: entries)
      }
    let digest = AttestationDigest.of(form: attested.form, binding: policy.binding, body: body)
    let signatures = try signers.map { index in
      AttestedEvidence.Signature(
        attester: index, bytes: [UInt8](try keys[index].signature(for: digest.array)))
    }
    return Evidence.attested(
      AttestedEvidence(height: height, timestamp: time, body: attested, signatures: signatures)
    ).protobuf()
  }

  /// What `domain` stores under `paths`, signed.
  func attest(
    _ domain: TestDomain, _ paths: [PacketPath], under policy: AttestedPolicy, signers: [Int] = [0, 2]
  ) throws -> [UInt8] {
    let entries = paths.map { path in
      let stored = domain.state.values[path.bytes].flatMap { try? Bytes32($0) }
      // A receipt is one byte, and its presence is never attested as a value.
      return StoredEntry(pathHash: path.hash(), commitment: stored ?? Bytes32())
    }
    return try sign(policy, height: domain.height, time: domain.time, .packets(entries), signers: signers)
  }
}

/// Two domains with an attested client of each other.
struct TestLane {
  var harbor: TestDomain
  var island: TestDomain
  let attesters: TestAttesters
  /// Each side's client of the other, by the same name on both.
  let client: ClientID
  let harborPolicy: AttestedPolicy
  let islandPolicy: AttestedPolicy
  static let user = TestDomain.account(0x11)
  static let friend = TestDomain.account(0x22)

  init(callbacks: TestCallbacks? = nil, freshness: AttestedPolicy.Freshness? = nil, known: Bool = true) throws
  {
    harbor = try TestDomain("harbor", callbacks: callbacks)
    island = try TestDomain("island")
    attesters = try TestAttesters()
    client = try ClientID("client-0")
    harborPolicy = try attesters.policy(origin: island.domain, client: client, freshness: freshness)
    islandPolicy = try attesters.policy(origin: harbor.domain, client: client, freshness: freshness)
    _ = try harbor.create(PolicyClientState.typeURL, try attesters.clientState(harborPolicy))
    _ = try island.create(PolicyClientState.typeURL, try attesters.clientState(islandPolicy))
    let counterparty = try Counterparty(prefix: [[]], client: client)
    try harbor.register(counterparty, for: client)
    try island.register(counterparty, for: client)
    try harbor.mint(1_000_000, to: Self.user)
    try island.mint(1_000_000, to: Self.friend)
    if known { try refresh() }
  }

  /// Tells each side that the other exists at its present height.
  mutating func refresh() throws {
    let path = PacketPath(.receipt, client: client, sequence: .first)
    let fromIsland = try attesters.attest(island, [path], under: harborPolicy)
    let fromHarbor = try attesters.attest(harbor, [path], under: islandPolicy)
    _ = try harbor.update(client, HostClients.MessageType.evidence, fromIsland)
    _ = try island.update(client, HostClients.MessageType.evidence, fromHarbor)
  }

  mutating func advance(_ seconds: UInt64) {
    harbor.advance(seconds)
    island.advance(seconds)
  }

  /// What harbor stores about its packet, for island.
  func commitmentProof(_ packet: Packet) throws -> TestDomain.Proof {
    let bytes = try attesters.attest(harbor, [PacketPath(.commitment, of: packet)], under: islandPolicy)
    return TestDomain.Proof(bytes: PacketProof.evidence(bytes).encoded(), height: Height(harbor.height))
  }

  /// What island stores about harbor's packet, for harbor.
  func answerProof(_ packet: Packet, _ kind: PacketPath.Kind) throws -> TestDomain.Proof {
    let bytes = try attesters.attest(island, [PacketPath(kind, of: packet)], under: harborPolicy)
    return TestDomain.Proof(bytes: PacketProof.evidence(bytes).encoded(), height: Height(island.height))
  }

  // MARK: Payloads

  static func transfer(
    _ amount: UInt64, denomination: String = TestDomain.token, from: AccountAddress = user,
    to: AccountAddress = friend, memo: String = ""
  ) throws -> Payload {
    let names = TestNames()
    return try transfer(
      FungibleTokenPacketData(
        denomination: denomination, sender: names.name(of: from), receiver: names.name(of: to),
        amount: UInt256(amount), memo: memo
      ).encoded())
  }

  static func transfer(_ value: [UInt8]) throws -> Payload {
    try Payload(
      sourcePort: .transfer, destinationPort: .transfer, version: FungibleTokenPacketData.payloadVersion,
      encoding: FungibleTokenPacketData.payloadEncoding, value: value)
  }

  func execution(_ calls: [ExecutionEnvelope.Call], by sender: AccountAddress = user) throws -> Payload {
    let refund = try InteroperableAddress(domain: harbor.domain, address: sender.bytes)
    return try Payload(
      sourcePort: .execution, destinationPort: .execution, version: ExecutionEnvelope.payloadVersion,
      encoding: ExecutionEnvelope.payloadEncoding,
      value: try ExecutionEnvelope(calls: calls, refundTo: refund).encoded())
  }

  func call(
    _ input: [UInt8], gas: UInt64 = 200_000, funds: [(String, UInt64)] = []
  ) throws -> ExecutionEnvelope.Call {
    ExecutionEnvelope.Call(
      target: try InteroperableAddress(domain: island.domain, address: Self.program.bytes),
      funds: funds.map { ExecutionEnvelope.Coin(denomination: [UInt8]($0.0.utf8), amount: UInt256($0.1)) },
      gasLimit: gas, input: input)
  }

  static let program = TestDomain.account(0x77)

  var voucher: TokenPath { TokenPath("transfer/\(client)/\(TestDomain.token)") }
  var escrow: AccountAddress { TransferApplication.escrow(.transfer, client) }
}
