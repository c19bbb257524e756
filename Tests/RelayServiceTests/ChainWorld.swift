import ChainAccess
import Crypto
import Foundation
import Gate
import Ledger
import LedgerService
import LightClients
import LocalKeys
import Messages
import PacketHost
import RelayEngine
import RelayService
import Testing
import WireBytes

/// Signs what a domain holds at a final height, of either kind.
struct ReadingAttester: AttesterAccess {
  let attester: Attester
  let access: any DomainAccess
  let sign: @Sendable (Bytes32) -> [UInt8]

  func attest(_ question: AttestationQuestion) async throws(AttestationFailure) -> AttestationAnswer {
    do throws(AccessError) {
      let head = try await access.head()
      let final = Height(revision: head.revision, head.finalHeight)
      guard question.height <= final else { throw AccessError.heightUnknown(question.height.number) }
      let header = try await access.stateHeader(at: question.height.number)
      let time = UnixTime(seconds: UInt64(clamping: header.time.seconds))
      let body: AttestedBody
      switch question.subject {
      case .state: body = .state(root: header.root)
      case .packets(let paths):
        guard let version = access.version(provenAt: question.height.number) else { throw .malformed }
        let values = try await access.values(of: paths.map(\.bytes), at: version, proven: false)
        body = .packets(
          zip(paths, values).map { path, entry in
            let stored = entry.value.map { (try? Bytes32($0)) ?? Bytes32 { _ in 2 } }
            return StoredEntry(pathHash: path.hash(), commitment: stored ?? Bytes32())
          })
      }
      let statement = AttestedStatement(
        binding: question.binding, height: question.height, timestamp: time, body: body)
      return AttestationAnswer(timestamp: time, body: body, signature: sign(statement.digest))
    } catch {
      if case .heightUnknown = error { throw .notFinal(final: Height(0)) }
      throw .endpoint(error)
    }
  }
}

/// An embedded ledger that makes blocks, an EVM chain that makes and takes them back, and a lane between them.
struct ChainWorld: Sendable {
  enum Failure: Error { case refused(String), notInTime, absent }

  let folder: TemporaryFolder
  let user: TestSigner
  let friend: TestSigner
  let relayer: TestSigner
  let harbor: RelaySide
  let chain: ScriptedChain
  /// Of both clients.
  let client: ClientID
  let keys: [LocalSecp256k1Key]
  /// What the ledger's client is convinced by.
  let form: AttestationForm

  init(_ form: AttestationForm, depth: UInt64) throws {
    self.form = form
    folder = try TemporaryFolder()
    user = try TestSigner(1)
    friend = try TestSigner(2)
    relayer = try TestSigner(3)
    client = try ClientID("client-0")
    keys = try (1...4).map { number in
      let secret = [UInt8](repeating: 0, count: 31) + [UInt8(number)]
      return try LocalSecp256k1Key(secret: secret.span)
    }
    harbor = try RelaySide(
      "harbor", folder: folder.path + "/harbor", accounts: [user, friend, relayer].map(\.address))
    chain = try ScriptedChain(
      router: ScriptedRouter(
        client: client, policy: try Self.policy(keys, harbor.id, [7], client, .packets)), depth: depth)
  }

  private static func policy(
    _ keys: [LocalSecp256k1Key], _ origin: DomainID, _ router: [UInt8], _ client: ClientID,
    _ form: AttestationForm
  ) throws -> AttestedPolicy {
    try AttestedPolicy(
      form: form, binding: try AttestationBinding(origin: origin, router: router, client: client),
      attesters: try keys.map { try Attester(suite: .secp256k1Address, key: $0.ethereumAddress.array) }, quorum: 3)
  }

  /// Of the client on the chain.
  var ofHarbor: AttestedPolicy {
    get throws { try Self.policy(keys, harbor.id, [7], client, .packets) }
  }
  /// Of the client on the ledger.
  var ofChain: AttestedPolicy {
    get throws { try Self.policy(keys, chain.domain, ScriptedRouter.router.array, client, form) }
  }

  func attesters(_ policy: AttestedPolicy, _ access: any DomainAccess) -> [ReadingAttester] {
    zip(keys, policy.attesters).map { key, attester in
      ReadingAttester(attester: attester, access: access) { key.signRecoverable(digest: $0).array }
    }
  }

  /// Blocks are made on both while `body` runs.
  static func run(
    _ form: AttestationForm = .packets, depth: UInt64 = 4, mines: Bool = true,
    _ body: (ChainWorld) async throws -> Void
  ) async throws {
    let world = try ChainWorld(form, depth: depth)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await world.harbor.domain.run(every: .milliseconds(10), idle: .milliseconds(200)) }
      defer { group.cancelAll() }
      _ = try await world.harbor.access.head(above: 1, patience: .seconds(10))
      for _ in 0..<6 { world.chain.mine() }
      try await world.connect()
      if mines {
        group.addTask {
          while !Task.isCancelled {
            world.chain.mine()
            try? await Task.sleep(for: .milliseconds(20))
          }
        }
      }
      try await body(world)
      group.cancelAll()
    }
  }

  var lane: LaneID {
    LaneID(origin: harbor.id, sourceClient: client, destination: chain.domain, destinationClient: client)
  }
  var harborEnd: LaneEnd { LaneEnd(harbor.id, client) }
  var chainEnd: LaneEnd { LaneEnd(chain.domain, client) }

  func configuration(path: String = "relayer.sqlite") throws -> RelayConfiguration {
    var rules = RelayRules()
    rules.backoffFirst = .milliseconds(100)
    rules.batchDelay = .milliseconds(10)
    rules.scanInterval = .milliseconds(500)
    rules.acknowledgementPatience = .milliseconds(500)
    rules.rollbackPatience = .milliseconds(400)
    rules.submissionTimeout = .seconds(5)
    var configuration = RelayConfiguration(
      lanes: [
        RelayedLane(
          lane, origin: .attesters(try ofChain, attesters(try ofChain, chain)),
          destination: .attesters(try ofHarbor, attesters(try ofHarbor, harbor.access)))
      ],
      domains: [
        RelayedDomain(
          access: harbor.access, signer: relayer, chainID: harbor.chainID, feeDenom: harbor.denom,
          startHeight: 0),
        RelayedDomain(
          access: chain,
          account: .evm(EVMAccount(access: chain, sender: chain, router: ScriptedRouter.router)),
          startHeight: 0),
      ], path: folder.path + "/" + path, rules: rules)
    configuration.endpointPause = .milliseconds(20)
    return configuration
  }

  /// A relayer that runs while `body` does.
  func relaying<Value: Sendable>(
    _ configuration: RelayConfiguration? = nil, _ body: (Relayer) async throws -> Value
  ) async throws -> Value {
    let relayer = try Relayer(try configuration ?? self.configuration())
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await relayer.run() }
      let value = try await body(relayer)
      group.cancelAll()
      return value
    }
  }

  // MARK: The ledger's side

  func transact(_ messages: [LedgerMessage], by signer: TestSigner, gas: UInt64 = 5_000_000) async throws {
    let account = try await harbor.access.account(signer.address)
    let bytes = try await signer.sign(
      UnsignedTransaction(
        messages.map { $0.encoded() }, fee: [Coin(UInt256(gas / 1_000), harbor.denom)], gasLimit: gas,
        key: signer.key, sequence: account?.sequence ?? 0, chainID: harbor.chainID,
        accountNumber: account?.number ?? 0))
    let hash = try await harbor.access.submit(bytes)
    for _ in 0..<500 {
      if let found = try await harbor.access.transaction(hash) {
        guard found.result.succeeded else { throw Failure.refused(found.result.log) }
        return
      }
      try await Task.sleep(for: .milliseconds(10))
    }
    throw Failure.notInTime
  }

  private func connect() async throws {
    let policy = try ofChain
    let state = PolicyClientState(
      policyText: [UInt8](try Policy(.attested(policy)).text.utf8), origin: policy.origin.text,
      router: ScriptedRouter.router.array)
    try await transact(
      [
        .createClient(
          clientState: AnyMessage(typeURL: PolicyClientState.typeURL, value: state.encoded()),
          consensusState: AnyMessage(typeURL: "", value: []), signer: relayer.address),
        .registerCounterparty(
          client, try Counterparty(prefix: [[]], client: client), signer: relayer.address),
      ], by: relayer)
    let head = try await chain.head()
    let height = Height(revision: head.revision, head.finalHeight)
    let path = PacketPath(.receipt, client: client, sequence: .first)
    var signatures: [AttestedEvidence.Signature] = []
    var answer: AttestationAnswer?
    for (index, attester) in attesters(policy, chain).prefix(3).enumerated() {
      let given = try await attester.attest(
        AttestationQuestion(
          binding: policy.binding, height: height, subject: form == .state ? .state : .packets([path])))
      signatures.append(.init(attester: index, bytes: given.signature))
      answer = given
    }
    guard let answer else { throw Failure.absent }
    let evidence = Evidence.attested(
      AttestedEvidence(height: height, timestamp: answer.timestamp, body: answer.body, signatures: signatures))
    let message = AnyMessage(typeURL: HostClients.MessageType.evidence, value: evidence.protobuf())
    try await transact([.updateClient(client, message: message, signer: relayer.address)], by: relayer)
  }

  private func payload(
    _ amount: UInt64, _ denomination: String, from sender: String, to receiver: String
  ) throws -> Payload {
    try Payload(
      sourcePort: .transfer, destinationPort: .transfer, version: FungibleTokenPacketData.payloadVersion,
      encoding: FungibleTokenPacketData.payloadEncoding,
      value: FungibleTokenPacketData(
        denomination: denomination, sender: sender, receiver: receiver, amount: UInt256(amount), memo: ""
      ).encoded())
  }

  static let token = "0x00000000000000000000000000000000000000cc"

  /// Sends transfers from the ledger in one transaction.
  func sendFromHarbor(_ count: Int, to receiver: String = "0xdd", seconds: UInt64 = 600) async throws {
    let now = UInt64(Date().timeIntervalSince1970)
    let payload = try payload(5, harbor.denom.text, from: user.address.text, to: receiver)
    let message = LedgerMessage.sendPacket(
      over: client, timeout: UnixTime(seconds: now + seconds), payloads: [payload], signer: user.address)
    try await transact(
      Array(repeating: message, count: count), by: user, gas: 300_000 * UInt64(count) + 500_000)
  }

  /// Sends transfers from the chain with its next block.
  func sendFromChain(_ count: Int, of amount: UInt64 = 3, seconds: UInt64 = 600) throws {
    for _ in 0..<count {
      chain.send(
        try payload(amount, Self.token, from: "0xee", to: friend.address.text), seconds: seconds)
    }
  }

  /// What the friend has of the chain's token, on the ledger.
  var received: UInt64 {
    get async throws {
      let token = TokenPath("transfer/\(client)/\(Self.token)").token
      let coins = try await harbor.access.balances(of: friend.address)
      return coins.first { $0.denom.text == token }?.amount.asUInt64 ?? 0
    }
  }

  func key(_ end: LaneEnd, _ sequence: UInt64) throws -> PacketKey {
    guard let sequence = Sequence(sequence) else { throw Failure.absent }
    return PacketKey(end, sequence)
  }

  /// Asks until it is so, or 20 seconds have gone by.
  func until(_ isSo: () async throws -> Bool) async throws {
    for _ in 0..<1_000 {
      if try await isSo() { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw Failure.notInTime
  }

  func settled(_ count: Int, path: String = "relayer.sqlite") async throws -> [PacketHistory] {
    let records = try RelayRecords(path: folder.path + "/" + path)
    try await until { try records.newestSettled().count >= count }
    return try records.newestSettled().sorted { $0.record.key < $1.record.key }
  }

  func reached(_ stage: PacketStage, _ key: PacketKey, path: String = "relayer.sqlite") throws -> Bool {
    try RelayRecords(path: folder.path + "/" + path).packet(key)?.timeline[stage] != nil
  }
}
