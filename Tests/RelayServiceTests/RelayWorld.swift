import ChainAccess
import Crypto
import Foundation
import Gate
import Ledger
import LedgerService
import LightClients
import MerkleProofs
import Messages
import PacketHost
import RelayEngine
import RelayService
import Testing
import WireBytes

/// A folder of its own, gone with the value.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Signs whatever it is given with a key of the test.
struct TestSigner: TransactionSigning {
  let privateKey: Curve25519.Signing.PrivateKey
  let key: AccountKey

  init(_ byte: UInt8) throws {
    privateKey = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: byte, count: 32))
    key = .ed25519(try Bytes32([UInt8](privateKey.publicKey.rawRepresentation)))
  }

  var address: AccountAddress { key.address }

  func sign(_ transaction: UnsignedTransaction) async throws(TransactionSigningError) -> [UInt8] {
    guard let signature = try? privateKey.signature(for: transaction.signBytes) else { throw .unavailable }
    return transaction.signed([UInt8](signature))
  }
}

/// Signs what its domain holds, or something else.
struct TestAttester: AttesterAccess {
  enum Manner: Sendable {
    case honest
    /// Signs that nothing is stored anywhere.
    case lies
    /// Signs another digest.
    case forges
    case silent
  }

  let key: Curve25519.Signing.PrivateKey
  let attester: Attester
  let access: any DomainAccess
  let policy: AttestedPolicy
  let manner: Manner

  func attest(_ question: AttestationQuestion) async throws(AttestationFailure) -> AttestationAnswer {
    guard manner != .silent else { throw .unreachable }
    do throws(AccessError) {
      let head = try await access.head()
      let final = Height(revision: head.revision, head.finalHeight)
      guard question.height <= final else { throw AccessError.heightUnknown(question.height.number) }
      let time = UnixTime(
        seconds: UInt64(clamping: try await access.block(at: question.height.number).time.seconds))
      let body: AttestedBody
      switch question.subject {
      case .state:
        let block = try await access.signedHeader(at: question.height.number)
        body = .state(root: (try? Bytes32(block.signedHeader.header.appHash)) ?? Bytes32())
      case .packets(let paths):
        let values = try await access.values(
          of: paths.map(\.bytes), at: question.height.number - 1, proven: false)
        body = .packets(
          zip(paths, values).map { path, entry in
            // A receipt is one byte: all that counts is that something is there.
            let stored = entry.value.map { (try? Bytes32($0)) ?? Bytes32 { _ in 2 } }
            return StoredEntry(
              pathHash: path.hash(), commitment: manner == .lies ? Bytes32() : stored ?? Bytes32())
          })
      }
      let bytes =
        switch body {
        case .state(let root):
          AttestationDigest.stateBody(height: question.height, timestamp: time, root: root)
        case .packets(let entries):
          AttestationDigest.packetsBody(height: question.height, timestamp: time, entries: entries)
        }
      var digest = AttestationDigest.of(form: policy.form, binding: question.binding, body: bytes)
      if manner == .forges { digest[0] ^= 1 }
      guard let signature = try? key.signature(for: digest.array) else { throw AccessError.malformed }
      return AttestationAnswer(timestamp: time, body: body, signature: [UInt8](signature))
    } catch {
      if case .heightUnknown = error { throw .notFinal(final: Height(0)) }
      throw .endpoint(error)
    }
  }
}

/// One domain with its users.
struct RelaySide: Sendable {
  let domain: EmbeddedDomain
  let access: EmbeddedAccess
  let denom: Denom
  let chainID: String
  var id: DomainID { access.domain }

  init(_ name: String, folder: String, accounts: [AccountAddress]) throws {
    chainID = "\(name)-1"
    denom = try Denom("u\(name)")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let validators = try LocalValidators(path: folder + "/validators.json", count: 2)
    let denom = denom
    let genesis = try Genesis(
      rules: try LedgerRules(chainID: chainID, feeDenom: denom), time: EmbeddedDomain.wallClock(),
      validators: validators.publicKeys.map { .init(name: "local", publicKey: $0, power: 10) },
      balances: accounts.map {
        .init(account: $0, coins: [Coin(UInt256(UInt64(1_000_000_000_000)), denom)])
      })
    domain = try EmbeddedDomain(
      directory: folder, genesis: genesis, host: .ledger(domain: try DomainID("cosmos:\(chainID)")),
      signer: validators)
    access = try EmbeddedAccess(domain)
  }
}

/// Two embedded domains that make blocks, a client of each other on both, and users.
struct RelayWorld: Sendable {
  enum Form: Sendable, CaseIterable { case attested, state, light }
  enum Failure: Error { case refused(String), notInTime, absent }

  let form: Form
  let folder: TemporaryFolder
  let user: TestSigner
  let friend: TestSigner
  let relayers: [TestSigner]
  let harbor: RelaySide
  let island: RelaySide
  /// Both sides' clients have the same name.
  let client: ClientID
  let attesterKeys: [Curve25519.Signing.PrivateKey]

  init(_ form: Form) throws {
    self.form = form
    folder = try TemporaryFolder()
    user = try TestSigner(1)
    friend = try TestSigner(2)
    relayers = try [TestSigner(3), TestSigner(4)]
    attesterKeys = try (1...4).map {
      try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: 0, count: 31) + [UInt8($0)])
    }
    client = try ClientID(form == .light ? "07-tendermint-0" : "client-0")
    let accounts = ([user, friend] + relayers).map(\.address)
    harbor = try RelaySide("harbor", folder: folder.path + "/harbor", accounts: accounts)
    island = try RelaySide("island", folder: folder.path + "/island", accounts: accounts)
  }

  /// Blocks are made while `body` runs.
  static func run(
    _ form: Form, every interval: Duration = .milliseconds(10), _ body: (RelayWorld) async throws -> Void
  ) async throws {
    let world = try RelayWorld(form)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for side in [world.harbor, world.island] {
        group.addTask { try await side.domain.run(every: interval, idle: .milliseconds(200)) }
      }
      defer { group.cancelAll() }
      _ = try await world.harbor.access.head(above: 1, patience: .seconds(10))
      _ = try await world.island.access.head(above: 1, patience: .seconds(10))
      try await world.connect(world.harbor, to: world.island)
      try await world.connect(world.island, to: world.harbor)
      try await world.tell(world.harbor, of: world.island)
      try await world.tell(world.island, of: world.harbor)
      try await body(world)
      group.cancelAll()
    }
  }

  // MARK: Lanes

  var lane: LaneID {
    LaneID(origin: harbor.id, sourceClient: client, destination: island.id, destinationClient: client)
  }
  var harborEnd: LaneEnd { LaneEnd(harbor.id, client) }
  var islandEnd: LaneEnd { LaneEnd(island.id, client) }

  func policy(of tracked: RelaySide) throws -> AttestedPolicy {
    try AttestedPolicy(
      form: form == .state ? .state : .packets,
      binding: try AttestationBinding(origin: tracked.id, router: [7], client: client),
      attesters: try attesterKeys.map {
        try Attester(suite: .ed25519, key: [UInt8]($0.publicKey.rawRepresentation))
      }, quorum: 3)
  }

  func attesters(
    of tracked: RelaySide, _ manners: [TestAttester.Manner] = [.honest, .honest, .honest, .honest]
  ) throws -> [TestAttester] {
    let policy = try policy(of: tracked)
    return zip(zip(attesterKeys, policy.attesters), manners).map { pair, manner in
      TestAttester(key: pair.0, attester: pair.1, access: tracked.access, policy: policy, manner: manner)
    }
  }

  private func source(_ tracked: RelaySide, _ manners: [TestAttester.Manner]) throws -> EvidenceSource {
    form == .light
      ? .headers(trustingSeconds: 10_000)
      : .attesters(try policy(of: tracked), try attesters(of: tracked, manners))
  }

  func configuration(
    _ index: Int = 0, path: String = "relayer.sqlite", startHeight: UInt64? = 0,
    manners: [TestAttester.Manner] = [.honest, .honest, .honest, .honest], rules: RelayRules? = nil,
    accesses: [any DomainAccess]? = nil
  ) throws -> RelayConfiguration {
    var fast = RelayRules()
    fast.backoffFirst = .milliseconds(100)
    fast.batchDelay = .milliseconds(10)
    fast.scanInterval = .milliseconds(500)
    fast.acknowledgementPatience = .milliseconds(500)
    let sides = [harbor, island]
    return RelayConfiguration(
      lanes: [
        RelayedLane(lane, origin: try source(island, manners), destination: try source(harbor, manners))
      ],
      domains: zip(sides, accesses ?? sides.map(\.access)).map { side, access in
        RelayedDomain(
          access: access, signer: relayers[index], chainID: side.chainID, feeDenom: side.denom,
          startHeight: startHeight)
      }, path: folder.path + "/" + path, rules: rules ?? fast)
  }

  /// A relayer that runs while `body` does.
  func relaying<Value: Sendable>(
    _ configuration: RelayConfiguration, _ body: (Relayer) async throws -> Value
  ) async throws -> Value {
    let relayer = try Relayer(configuration)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await relayer.run() }
      let value = try await body(relayer)
      group.cancelAll()
      return value
    }
  }

  // MARK: Transactions

  @discardableResult
  func transact(
    _ messages: [LedgerMessage], by signer: TestSigner, on side: RelaySide, gas: UInt64 = 5_000_000
  ) async throws -> TransactionResult {
    let account = try await side.access.account(signer.address)
    let bytes = try await signer.sign(
      UnsignedTransaction(
        messages.map { $0.encoded() }, fee: [Coin(UInt256(gas / 1_000), side.denom)], gasLimit: gas,
        key: signer.key, sequence: account?.sequence ?? 0, chainID: side.chainID,
        accountNumber: account?.number ?? 0))
    let hash = try await side.access.submit(bytes)
    var height = try await side.access.head().height
    for _ in 0..<100 {
      if let found = try await side.access.transaction(hash) { return found.result }
      height = try await side.access.head(above: height, patience: .seconds(1)).height
    }
    throw Failure.notInTime
  }

  private func connect(_ side: RelaySide, to other: RelaySide) async throws {
    let (state, consensus) = try await clientState(of: other)
    let created = try await transact(
      [
        .createClient(clientState: state, consensusState: consensus, signer: relayers[0].address),
        .registerCounterparty(
          client, try Counterparty(prefix: [[]], client: client), signer: relayers[0].address),
      ], by: relayers[0], on: side)
    guard created.succeeded else { throw Failure.refused(created.log) }
  }

  private func clientState(of tracked: RelaySide) async throws -> (AnyMessage, AnyMessage) {
    guard form == .light else {
      let policy = try policy(of: tracked)
      let state = PolicyClientState(
        policyText: [UInt8](try Policy(.attested(policy)).text.utf8), origin: policy.origin.text, router: [7])
      return (
        AnyMessage(typeURL: PolicyClientState.typeURL, value: state.encoded()),
        AnyMessage(typeURL: "", value: [])
      )
    }
    let height = try await tracked.access.head().height
    let header = try await tracked.access.signedHeader(at: height).signedHeader.header
    let state = Tendermint.ClientState(
      chainID: header.chainID, trustLevelNumerator: 1, trustLevelDenominator: 3,
      trustingPeriod: .seconds(10_000), unbondingPeriod: .seconds(20_000), clockDriftMax: .seconds(10),
      frozenHeight: .zero, latestHeight: Tendermint.Height(revision: 1, height: height),
      proofSpecs: [ICS23.ProofSpec.sparseMerkleTree.encoded()], upgradePath: [])
    let consensus = Tendermint.ConsensusState(
      timestamp: header.time, root: header.appHash, nextValidatorsHash: header.nextValidatorsHash)
    return (
      AnyMessage(typeURL: Tendermint.ClientState.typeURL, value: state.encoded()),
      AnyMessage(typeURL: "/ibc.lightclients.tendermint.v1.ConsensusState", value: consensus.encoded())
    )
  }

  /// An attested client knows nothing until it is told of a height.
  private func tell(_ side: RelaySide, of tracked: RelaySide) async throws {
    guard form != .light else { return }
    let head = try await tracked.access.head(above: 2, patience: .seconds(10))
    let height = Height(revision: head.revision, head.finalHeight)
    let policy = try policy(of: tracked)
    let path = PacketPath(.receipt, client: client, sequence: .first)
    var signatures: [AttestedEvidence.Signature] = []
    var answer: AttestationAnswer?
    for (index, attester) in try attesters(of: tracked).prefix(3).enumerated() {
      let given = try await attester.attest(
        AttestationQuestion(
          binding: policy.binding, height: height, subject: form == .state ? .state : .packets([path])))
      signatures.append(.init(attester: index, bytes: given.signature))
      answer = given
    }
    guard let answer else { throw Failure.absent }
    let evidence = Evidence.attested(
      AttestedEvidence(
        height: height, timestamp: answer.timestamp, body: answer.body, signatures: signatures))
    let message = AnyMessage(typeURL: HostClients.MessageType.evidence, value: evidence.protobuf())
    let told = try await transact(
      [.updateClient(client, message: message, signer: relayers[0].address)], by: relayers[0], on: side)
    guard told.succeeded else { throw Failure.refused(told.log) }
  }

  // MARK: Packets

  func transfer(_ amount: UInt64, from side: RelaySide, to receiver: String) throws -> Payload {
    try Payload(
      sourcePort: .transfer, destinationPort: .transfer, version: FungibleTokenPacketData.payloadVersion,
      encoding: FungibleTokenPacketData.payloadEncoding,
      value: FungibleTokenPacketData(
        denomination: side.denom.text, sender: user.address.text, receiver: receiver,
        amount: UInt256(amount), memo: ""
      ).encoded())
  }

  /// Sends transfers in one transaction.
  @discardableResult
  func send(
    _ count: Int, of amount: UInt64 = 5, from side: RelaySide, to receiver: String? = nil,
    seconds: UInt64 = 600
  ) async throws -> TransactionResult {
    let now = UInt64(clamping: try await side.access.head().time.seconds)
    let payload = try transfer(amount, from: side, to: receiver ?? friend.address.text)
    let message = LedgerMessage.sendPacket(
      over: client, timeout: UnixTime(seconds: now + seconds), payloads: [payload], signer: user.address)
    let result = try await transact(
      Array(repeating: message, count: count), by: user, on: side, gas: 300_000 * UInt64(count) + 500_000)
    guard result.succeeded else { throw Failure.refused(result.log) }
    return result
  }

  func key(_ side: RelaySide, _ sequence: UInt64) throws -> PacketKey {
    guard let sequence = Sequence(sequence) else { throw Failure.absent }
    return PacketKey(LaneEnd(side.id, client), sequence)
  }

  func balance(_ account: AccountAddress, _ denom: String, on side: RelaySide) async throws -> UInt64 {
    let coins = try await side.access.balances(of: account)
    return coins.first { $0.denom.text == denom }?.amount.asUInt64 ?? 0
  }

  func voucher(of side: RelaySide) -> String { TokenPath("transfer/\(client)/\(side.denom.text)").token }
  var escrow: AccountAddress { TransferApplication.escrow(.transfer, client) }

  /// Asks until it is so, or half a minute has gone by.
  func until(_ isSo: () async throws -> Bool) async throws {
    for _ in 0..<1_500 {
      if try await isSo() { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw Failure.notInTime
  }

  /// Waits until `count` packets have settled, as the records say.
  func settled(_ count: Int, path: String = "relayer.sqlite") async throws -> [PacketHistory] {
    let records = try RelayRecords(path: folder.path + "/" + path)
    try await until { try records.newestSettled().count >= count }
    return try records.newestSettled().sorted { $0.record.key < $1.record.key }
  }
}
