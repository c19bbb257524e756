import ChainAccess
import Encodings
import Gate
import Ledger
import Messages
import PacketHost
import RelayService
import WireBytes

/// Makes the lane between harbor and a devnet's EVM chain, each step only if the domains do not show it done.
///
/// Harbor's client believes a quorum of attesters on the chain's state root, and takes a Merkle-Patricia proof of the
/// router's slot for each packet. The chain's client is a contract that believes the same quorum on what harbor stores.
struct ReefLane: Sendable {
  /// The chain's client of harbor. A name of its own: automatic ones go to whoever comes first.
  static let clientName = "harbor-0"
  private static let gasLimit: UInt64 = 3_000_000

  let harbor: LaneSetup.Side
  let reef: Reef
  let access: EVMDomainAccess
  let deployer: EVMSender
  let router: Bytes20
  /// As the policies list them.
  let attesters: [Attester]
  let checkpoint: @Sendable (LaneSetup.Step, String) async throws(LaneSetupError) -> Void

  /// What attesters of the chain sign for harbor's client.
  static func policy(
    router: Bytes20, origin: DomainID, client: ClientID, attesters: [Attester]
  ) throws(PolicyError) -> AttestedPolicy {
    try AttestedPolicy(
      form: .state, binding: try bind(origin, router.array, client), attesters: attesters,
      quorum: UInt64(DevnetNames.quorum))
  }

  private static func bind(
    _ origin: DomainID, _ router: [UInt8], _ client: ClientID
  ) throws(PolicyError) -> AttestationBinding {
    do { return try AttestationBinding(origin: origin, router: router, client: client) } catch {
      throw PolicyError(error)
    }
  }

  /// What attesters sign over this lane.
  static func bindings(
    _ lane: Network.Lane, harbor: DomainID, reef: DomainID, router: Bytes20
  ) throws(PolicyError) -> [AttestationBinding] {
    [
      try bind(reef, router.array, lane.first.client),
      try bind(harbor, LaneSetup.router, lane.second.client),
    ]
  }

  /// Harbor's client, and the chain's; what attesters sign names them.
  func clients() async throws(LaneSetupError) -> Network.Lane {
    guard let far = try? ClientID(Self.clientName) else { throw .identifier }
    let near = try await harborClient()
    let binding: AttestationBinding
    do { binding = try Self.bind(harbor.access.domain, LaneSetup.router, far) } catch { throw .policy(error) }
    do throws(EVMSideError) {
      let getClient = try EVMFunction("getClient(string)", returns: [.address])
      if try await getClient.ask(router, [.string(far.text)], on: access) == nil {
        try await tell(.createAttested, DevnetNames.reef)
        let deployment = await reef.deployment(deployer)
        let client = try await deployment.client(
          attesters: try keys(), quorum: DevnetNames.quorum, binding: binding)
        await reef.noteContract("AttestedClient", client)
        try await tell(.registerAttested, DevnetNames.reef)
        let add = try EVMFunction("addClient(string,(string,bytes[]),address)")
        let input = try add.input([
          .string(far.text), .tuple([.string(near.text), .array([.bytes([])])]), .address(client),
        ])
        try await deployment.send("Router", to: router, input)
      }
    } catch { throw .chain(error) }
    return Network.Lane(kind: .evm, .init(harbor.name, near), .init(DevnetNames.reef, far))
  }

  private func tell(_ step: LaneSetup.Step, _ domain: String) async throws(EVMSideError) {
    do { try await checkpoint(step, domain) } catch { throw .interrupted }
  }

  private func keys() throws(EVMSideError) -> [Bytes20] {
    var keys: [Bytes20] = []
    for attester in attesters {
      guard let key = try? Bytes20(attester.key) else { throw .keyMissing("attester") }
      keys.append(key)
    }
    return keys
  }

  // MARK: Harbor's client

  private func harborClient() async throws(LaneSetupError) -> ClientID {
    let found = try await find()
    if let client = found.client { return client }
    try await checkpoint(.createAttested, harbor.name)
    guard let id = try? ClientID("client-\(found.count)") else { throw .identifier }
    let state = PolicyClientState(
      policyText: try text(for: id), origin: access.domain.text, router: router.array)
    let message = LedgerMessage.createClient(
      clientState: AnyMessage(typeURL: PolicyClientState.typeURL, value: state.encoded()),
      consensusState: AnyMessage(typeURL: "", value: []), signer: harbor.address)
    try await send(message, .createAttested)
    guard let made = try await find().client else { throw .missing(domain: harbor.name, step: .createAttested) }
    return made
  }

  private func find() async throws(LaneSetupError) -> (client: ClientID?, count: UInt64) {
    let count: UInt64
    let states: [(ClientID, [UInt8]?)]
    do throws(AccessError) {
      let version = try await harbor.access.head().height
      let counter = try await harbor.access.values(
        of: [HostKeys.nextClientSequence], at: version, proven: false
      ).first?.value
      count = min(
        counter.map { $0.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } } ?? 0, UInt64(LaneSetup.clientCountMax))
      let ids = (0..<count).compactMap { try? ClientID("client-\($0)") }
      let values = try await harbor.access.values(
        of: ids.map { HostKeys.clientState($0) }, at: version, proven: false)
      states = Array(zip(ids, values.map(\.value)))
    } catch { throw .access(domain: harbor.name, error) }
    for (id, bytes) in states {
      guard let bytes, let any = try? AnyMessage(decoding: bytes.span), any.typeURL == PolicyClientState.typeURL
      else { continue }
      let value = any.value
      guard let state = try? PolicyClientState(decoding: value.span), state.policyText == (try text(for: id))
      else { continue }
      return (id, count)
    }
    return (nil, count)
  }

  private func text(for client: ClientID) throws(LaneSetupError) -> [UInt8] {
    do {
      let policy = try Self.policy(
        router: router, origin: access.domain, client: client, attesters: attesters)
      return [UInt8](try Policy(.attested(policy)).text.utf8)
    } catch { throw .policy(error) }
  }

  private func send(_ message: LedgerMessage, _ step: LaneSetup.Step) async throws(LaneSetupError) {
    do { _ = try await harbor.account.send([message], gasLimit: Self.gasLimit) } catch {
      switch error {
      case .failed(let transaction):
        throw .refused(domain: harbor.name, step: step, log: transaction.result.log)
      default: throw .send(domain: harbor.name, step: step, error)
      }
    }
  }

  // MARK: Connecting

  /// Tells harbor's client of the chain's, and each a first height.
  func connect(_ lane: Network.Lane, signing: [any AttesterAccess]) async throws(LaneSetupError) {
    let near = lane.first.client
    let far = lane.second.client
    let view: ClientView?
    do { view = try await harbor.access.client(near) } catch { throw .access(domain: harbor.name, error) }
    if view?.counterparty == nil {
      try await checkpoint(.registerAttested, harbor.name)
      guard let counterparty = try? Counterparty(prefix: [[]], client: far) else { throw .identifier }
      try await send(.registerCounterparty(near, counterparty, signer: harbor.address), .registerAttested)
    }
    if view?.latest == nil {
      try await checkpoint(.updateAttested, harbor.name)
      let (head, _) = try await finalHead(of: access, named: DevnetNames.reef)
      let answers = try await agreed(
        AttestationQuestion(
          binding: try binding(access.domain, router.array, near),
          height: Height(revision: head.revision, head.finalHeight), subject: .state),
        signing, about: DevnetNames.reef)
      let evidence = Evidence.attested(
        AttestedEvidence(
          height: Height(revision: head.revision, head.finalHeight), timestamp: answers[0].answer.timestamp,
          body: answers[0].answer.body,
          signatures: answers.map { .init(attester: $0.index, bytes: $0.answer.signature) }))
      let message = AnyMessage(typeURL: HostClients.MessageType.evidence, value: evidence.protobuf())
      try await send(.updateClient(near, message: message, signer: harbor.address), .updateAttested)
    }
    try await updateFar(lane, signing)
  }

  private func updateFar(
    _ lane: Network.Lane, _ signing: [any AttesterAccess]
  ) async throws(LaneSetupError) {
    let client: ClientView?
    do { client = try await access.client(lane.second.client) } catch {
      throw .access(domain: DevnetNames.reef, error)
    }
    guard client?.latest == nil else { return }
    try await checkpoint(.updateAttested, DevnetNames.reef)
    let (head, height) = try await finalHead(of: harbor.access, named: harbor.name)
    let binding = try binding(harbor.access.domain, LaneSetup.router, lane.second.client)
    let answers = try await agreed(
      AttestationQuestion(
        binding: binding, height: height,
        subject: .packets([PacketPath(.receipt, client: lane.first.client, sequence: .first)])),
      signing, about: harbor.name)
    guard case .packets(let entries) = answers[0].answer.body, head.finalHeight == height.number else {
      throw .missing(domain: DevnetNames.reef, step: .updateAttested)
    }
    let body = AttestationDigest.packetsBody(
      height: height, timestamp: answers[0].answer.timestamp, entries: entries)
    let evidence = PackedEvidence(
      body: body, digest: AttestationDigest.of(form: .packets, binding: binding, body: body),
      signatures: answers.map { .init(attester: $0.index, bytes: $0.answer.signature) })
    let input = EVMRouterCall.updateClient(lane.second.client, message: evidence.update).encoded()
    do throws(EVMSideError) {
      try await reef.deployment(deployer).send("Router", to: router, input)
    } catch { throw .chain(error) }
  }

  private func binding(
    _ origin: DomainID, _ router: [UInt8], _ client: ClientID
  ) throws(LaneSetupError) -> AttestationBinding {
    do { return try Self.bind(origin, router, client) } catch { throw .policy(error) }
  }

  private func finalHead(
    of domain: any DomainAccess, named name: String
  ) async throws(LaneSetupError) -> (ChainHead, Height) {
    do {
      var head = try await domain.head()
      while head.finalHeight <= 1 {
        head = try await domain.head(above: head.height, patience: .seconds(5))
      }
      return (head, Height(revision: head.revision, head.finalHeight))
    } catch { throw .access(domain: name, error) }
  }

  /// A quorum that says the same.
  private func agreed(
    _ question: AttestationQuestion, _ signing: [any AttesterAccess], about name: String
  ) async throws(LaneSetupError) -> [(index: Int, answer: AttestationAnswer)] {
    var answers: [(index: Int, answer: AttestationAnswer)] = []
    for (index, attester) in signing.enumerated() where answers.count < DevnetNames.quorum {
      guard let answer = try? await attester.attest(question) else { continue }
      if let first = answers.first?.answer {
        guard first.timestamp == answer.timestamp, first.body == answer.body else { continue }
      }
      answers.append((index, answer))
    }
    guard answers.count >= DevnetNames.quorum else {
      throw .attesters(domain: name, agreed: answers.count, needed: DevnetNames.quorum)
    }
    return answers
  }
}
