public import ChainAccess
import Encodings
public import Gate
import Ledger
import LightClients
import MerkleProofs
import Messages
import PacketHost
import WireBytes

/// Why the lanes are not there yet. Starting again goes on where this ended.
public enum LaneSetupError: Error, Hashable, Sendable {
  case access(domain: String, AccessError)
  case send(domain: String, step: LaneSetup.Step, SendError)
  /// The transaction is in a block, and failed there: the refusal's name and numbers.
  case refused(domain: String, step: LaneSetup.Step, log: String)
  /// A step was done, and what it makes is not there.
  case missing(domain: String, step: LaneSetup.Step)
  /// Too few attesters signed the first statement about the other domain.
  case attesters(domain: String, agreed: Int, needed: Int)
  case policy(PolicyError)
  case identifier
  /// The EVM chain at the other end.
  case chain(EVMSideError)
  /// A lane of this kind is not between two ledgers.
  case kind(Network.Lane.Kind)
  /// Somebody asked to stop before this step.
  case interrupted(LaneSetup.Step)
  /// More clients than are looked at: somebody else has filled the domain.
  case clientCount(max: Int)
}

/// Makes the lanes between two domains, each step only if the domains do not show it done: a set-up that was cut
/// off anywhere goes on from there.
///
/// Clients are found by what they are, not by a note of ours: an attested one by its policy's text, in which its own
/// name stands; a light client by the chain that it follows.
public struct LaneSetup: Sendable {
  public enum Step: String, Hashable, Sendable, CaseIterable {
    /// Router and applications of an EVM chain.
    case deployContracts
    /// Starts the enclave, and registers its keys.
    case registerEnclave
    case createAttested
    case createLight
    case registerAttested
    /// An attested client knows no height at first, and nothing can be sent over it.
    case updateAttested
    case registerLight
  }

  /// Clients of a domain that are looked at.
  public static let clientCountMax = 128
  /// What attesters name as the origin's packet host.
  public static let router = [UInt8]("ibc".utf8)
  /// As Cosmos chains choose it.
  public static let trustingPeriod = Duration.seconds(14 * 86_400)
  public static let unbondingPeriod = Duration.seconds(21 * 86_400)
  /// An idle domain's newest block may be older than the other's by this.
  public static let clockDrift = Duration.seconds(30)
  private static let gasLimit: UInt64 = 3_000_000

  /// One of the two domains, and who pays there.
  struct Side: Sendable {
    let name: String
    let chainID: String
    let access: any DomainAccess
    let account: AccountSender
    let address: AccountAddress
  }

  let harbor: Side
  let island: Side
  /// As the policies list them.
  let attesters: [Attester]
  /// Told before each step that has to be done.
  let checkpoint: @Sendable (Step, String) async throws(LaneSetupError) -> Void

  /// What attesters of `origin` sign for `client` on the other domain.
  static func policy(
    origin: DomainID, client: ClientID, attesters: [Attester]
  ) throws(PolicyError) -> AttestedPolicy {
    let binding: AttestationBinding
    do { binding = try AttestationBinding(origin: origin, router: router, client: client) } catch {
      throw PolicyError(error)
    }
    return try AttestedPolicy(
      form: .packets, binding: binding, attesters: attesters, quorum: UInt64(DevnetNames.quorum))
  }

  /// The clients of every lane; what attesters sign names them.
  func clients() async throws(LaneSetupError) -> [Network.Lane] {
    var lanes: [Network.Lane] = []
    for kind in Network.Lane.Kind.embedded {
      let onHarbor = try await client(kind, on: harbor, of: island)
      let onIsland = try await client(kind, on: island, of: harbor)
      lanes.append(Network.Lane(
          kind: kind, .init(harbor.name, onHarbor), .init(island.name, onIsland)))
    }
    return lanes
  }

  /// Tells the clients of each other, and attested ones a first height.
  ///
  /// - Parameter signing: in the order of ``attesters``.
  func connect(_ lanes: [Network.Lane], signing: [any AttesterAccess]) async throws(LaneSetupError) {
    for lane in lanes {
      try await register(lane.kind, lane.first.client, with: lane.second.client, on: harbor)
      try await register(lane.kind, lane.second.client, with: lane.first.client, on: island)
      guard lane.kind == .attested else { continue }
      try await update(lane.first.client, on: harbor, of: island, itsClient: lane.second.client, signing)
      try await update(lane.second.client, on: island, of: harbor, itsClient: lane.first.client, signing)
    }
  }

  // MARK: Clients

  private func client(
    _ kind: Network.Lane.Kind, on side: Side, of other: Side
  ) async throws(LaneSetupError) -> ClientID {
    if let found = try await find(kind, on: side, of: other).client { return found }
    let step: Step = kind == .attested ? .createAttested : .createLight
    try await checkpoint(step, side.name)
    // Both need a header of the other domain, sooner or later.
    let head = try await head(of: other, above: 1)
    let (state, consensus) =
      switch kind {
      case .attested: try await attestedState(on: side, of: other)
      case .light: try await lightState(of: other, at: head)
      case .evm: throw .kind(kind)
      }
    let message = LedgerMessage.createClient(
      clientState: state, consensusState: consensus, signer: side.address)
    try await send([message], step, on: side)
    guard let made = try await find(kind, on: side, of: other).client else {
      throw .missing(domain: side.name, step: step)
    }
    return made
  }

  /// The first client of that kind, and how many clients the domain has made.
  private func find(
    _ kind: Network.Lane.Kind, on side: Side, of other: Side
  ) async throws(LaneSetupError) -> (client: ClientID?, count: UInt64) {
    let version = try await head(of: side, above: 0).height
    let counter = try await values([HostKeys.nextClientSequence], on: side, at: version).first.flatMap { $0 }
    let count = counter.map { $0.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } } ?? 0
    guard count <= UInt64(Self.clientCountMax) else { throw .clientCount(max: Self.clientCountMax) }
    let prefix = kind == .attested ? "client" : "07-tendermint"
    var candidates: [ClientID] = []
    for number in 0..<count {
      guard let id = try? ClientID("\(prefix)-\(number)") else { throw .identifier }
      candidates.append(id)
    }
    let states = try await values(candidates.map { HostKeys.clientState($0) }, on: side, at: version)
    for (id, bytes) in zip(candidates, states) {
      guard let bytes, let any = try? AnyMessage(decoding: bytes.span) else { continue }
      let value = any.value
      switch kind {
      case .attested:
        guard any.typeURL == PolicyClientState.typeURL,
          let state = try? PolicyClientState(decoding: value.span),
          let text = try? policyText(of: other, client: id), state.policyText == text
        else { continue }
        return (id, count)
      case .light:
        guard any.typeURL == Tendermint.ClientState.typeURL,
          let state = try? Tendermint.ClientState(decoding: value.span), state.chainID == other.chainID
        else { continue }
        return (id, count)
      case .evm: throw .kind(kind)
      }
    }
    return (nil, count)
  }

  private func policyText(of origin: Side, client: ClientID) throws(PolicyError) -> [UInt8] {
    let policy = try Self.policy(
      origin: origin.access.domain, client: client, attesters: attesters)
    return [UInt8](try Policy(.attested(policy)).text.utf8)
  }

  private func attestedState(
    on side: Side, of other: Side
  ) async throws(LaneSetupError) -> (AnyMessage, AnyMessage) {
    let count = try await find(.attested, on: side, of: other).count
    guard let id = try? ClientID("client-\(count)") else { throw .identifier }
    let text: [UInt8]
    do { text = try policyText(of: other, client: id) } catch { throw .policy(error) }
    let state = PolicyClientState(policyText: text, origin: other.access.domain.text, router: Self.router)
    return (
      AnyMessage(typeURL: PolicyClientState.typeURL, value: state.encoded()),
      AnyMessage(typeURL: "", value: [])
    )
  }

  private func lightState(
    of other: Side, at head: ChainHead
  ) async throws(LaneSetupError) -> (AnyMessage, AnyMessage) {
    let block: LightBlock
    do { block = try await other.access.signedHeader(at: head.finalHeight) } catch {
      throw .access(domain: other.name, error)
    }
    let header = block.signedHeader.header
    let state = Tendermint.ClientState(
      chainID: other.chainID, trustLevelNumerator: 1, trustLevelDenominator: 3,
      trustingPeriod: Self.trustingPeriod, unbondingPeriod: Self.unbondingPeriod,
      clockDriftMax: Self.clockDrift, frozenHeight: .zero,
      latestHeight: Tendermint.Height(revision: head.revision, height: head.finalHeight),
      proofSpecs: [ICS23.ProofSpec.sparseMerkleTree.encoded()], upgradePath: [])
    let consensus = Tendermint.ConsensusState(
      timestamp: header.time, root: header.appHash, nextValidatorsHash: header.nextValidatorsHash)
    return (
      AnyMessage(typeURL: Tendermint.ClientState.typeURL, value: state.encoded()),
      AnyMessage(typeURL: Tendermint.ConsensusState.typeURL, value: consensus.encoded())
    )
  }

  // MARK: Counterparties

  private func register(
    _ kind: Network.Lane.Kind, _ client: ClientID, with peer: ClientID, on side: Side
  ) async throws(LaneSetupError) {
    if try await view(client, on: side)?.counterparty != nil { return }
    let step: Step = kind == .attested ? .registerAttested : .registerLight
    try await checkpoint(step, side.name)
    // An embedded domain keeps everything in one tree, without a prefix.
    guard let counterparty = try? Counterparty(prefix: [[]], client: peer) else { throw .identifier }
    try await send([.registerCounterparty(client, counterparty, signer: side.address)], step, on: side)
    guard try await view(client, on: side)?.counterparty == peer else {
      throw .missing(domain: side.name, step: step)
    }
  }

  // MARK: First heights

  private func update(
    _ client: ClientID, on side: Side, of origin: Side, itsClient: ClientID,
    _ signing: [any AttesterAccess]
  ) async throws(LaneSetupError) {
    if try await view(client, on: side)?.latest != nil { return }
    try await checkpoint(.updateAttested, side.name)
    let head = try await head(of: origin, above: 1)
    let binding: AttestationBinding
    do {
      binding = try AttestationBinding(origin: origin.access.domain, router: Self.router, client: client)
    } catch { throw .policy(PolicyError(error)) }
    // Any path will do: what counts is that the height and its time are attested.
    let question = AttestationQuestion(
      binding: binding, height: Height(revision: head.revision, head.finalHeight),
      subject: .packets([PacketPath(.receipt, client: itsClient, sequence: .first)]))
    var answers: [(index: Int, answer: AttestationAnswer)] = []
    for (index, attester) in signing.enumerated() where answers.count < DevnetNames.quorum {
      guard let answer = try? await attester.attest(question) else { continue }
      if let first = answers.first?.answer {
        guard first.timestamp == answer.timestamp, first.body == answer.body else { continue }
      }
      answers.append((index, answer))
    }
    guard let first = answers.first?.answer, answers.count >= DevnetNames.quorum else {
      throw .attesters(domain: origin.name, agreed: answers.count, needed: DevnetNames.quorum)
    }
    let evidence = Evidence.attested(
      AttestedEvidence(
        height: question.height, timestamp: first.timestamp, body: first.body,
        signatures: answers.map { .init(attester: $0.index, bytes: $0.answer.signature) }))
    let message = AnyMessage(typeURL: HostClients.MessageType.evidence, value: evidence.protobuf())
    try await send(
      [.updateClient(client, message: message, signer: side.address)], .updateAttested, on: side)
    guard try await view(client, on: side)?.latest != nil else {
      throw .missing(domain: side.name, step: .updateAttested)
    }
  }

  // MARK: Reaching the domains

  private func head(of side: Side, above height: UInt64) async throws(LaneSetupError) -> ChainHead {
    do {
      var head = try await side.access.head()
      while head.finalHeight <= height {
        head = try await side.access.head(above: head.height, patience: .seconds(5))
      }
      return head
    } catch { throw .access(domain: side.name, error) }
  }

  private func values(
    _ keys: [[UInt8]], on side: Side, at version: UInt64
  ) async throws(LaneSetupError) -> [[UInt8]?] {
    guard !keys.isEmpty else { return [] }
    do { return try await side.access.values(of: keys, at: version, proven: false).map(\.value) } catch {
      throw .access(domain: side.name, error)
    }
  }

  private func view(_ client: ClientID, on side: Side) async throws(LaneSetupError) -> ClientView? {
    do { return try await side.access.client(client) } catch { throw .access(domain: side.name, error) }
  }

  private func send(
    _ messages: [LedgerMessage], _ step: Step, on side: Side
  ) async throws(LaneSetupError) {
    do { _ = try await side.account.send(messages, gasLimit: Self.gasLimit) } catch {
      switch error {
      case .failed(let transaction):
        throw .refused(domain: side.name, step: step, log: transaction.result.log)
      default: throw .send(domain: side.name, step: step, error)
      }
    }
  }
}
