import ChainAccess
import Ledger
import LedgerService
import LightClients
import MerkleProofs
import Messages
import PacketHost
import Testing
import WireBytes

/// A served domain with a client of itself, two packets over it, and its access over RPC.
struct RPCWorld {
  static let client = "07-tendermint-0"

  let world: AccessWorld
  let remote: CometBFTAccess
  let transport: CometBFTTransport

  static func served(
    limits: CometBFTAccess.Limits = .patient, _ body: (RPCWorld) async throws -> Void
  ) async throws {
    let world = try AccessWorld()
    try await world.fill()
    let server = try await RPCServer(domain: world.domain, limits: .patient)
    let task = Task { await server.run() }
    let transport = CometBFTTransport()
    let remote = try CometBFTAccess(
      address: "http://127.0.0.1:\(server.port)", chainID: "harbor-1", transport: transport, limits: limits)
    let failure: (any Error)?
    do {
      try await body(RPCWorld(world: world, remote: remote, transport: transport))
      failure = nil
    } catch { failure = error }
    await transport.shutdown()
    task.cancel()
    await task.value
    if let failure { throw failure }
  }
}

extension AccessWorld {
  /// Blocks 1 to 4: a client of this domain on itself, and two transfers over it.
  func fill() async throws {
    try await block(1)
    let light = try await access.signedHeader(at: 1)
    let header = light.signedHeader.header
    let state = Tendermint.ClientState(
      chainID: "harbor-1", trustLevelNumerator: 1, trustLevelDenominator: 3,
      trustingPeriod: .seconds(10_000), unbondingPeriod: .seconds(20_000), clockDriftMax: .seconds(10),
      frozenHeight: .zero, latestHeight: Tendermint.Height(revision: 1, height: 1),
      proofSpecs: [ICS23.ProofSpec.sparseMerkleTree.encoded()], upgradePath: [])
    let consensus = Tendermint.ConsensusState(
      timestamp: header.time, root: header.appHash, nextValidatorsHash: header.nextValidatorsHash)
    let id = try ClientID(RPCWorld.client)
    let payload = try Payload(
      sourcePort: .transfer, destinationPort: .transfer, version: FungibleTokenPacketData.payloadVersion,
      encoding: FungibleTokenPacketData.payloadEncoding,
      value: FungibleTokenPacketData(
        denomination: "uharbor", sender: account.text, receiver: account.text, amount: UInt256(UInt64(7))
      ).encoded())
    let sender = AccountSender(access: access, signer: signer, rules: genesis.rules)
    _ = try await sender.submit(
      [
        .createClient(
          clientState: AnyMessage(typeURL: Tendermint.ClientState.typeURL, value: state.encoded()),
          consensusState: AnyMessage(typeURL: Tendermint.ConsensusState.typeURL, value: consensus.encoded()),
          signer: account),
        .registerCounterparty(id, try Counterparty(prefix: [[]], client: id), signer: account),
      ], gasLimit: 2_000_000)
    try await block(2)
    for _ in 1...2 {
      let deadline = UnixTime(seconds: UInt64(Self.start) + 3_000)
      _ = try await sender.submit(
        [.sendPacket(over: id, timeout: deadline, payloads: [payload], signer: account)], gasLimit: 1_000_000)
    }
    let committed = try await block(3)
    try #require(committed.outcome.results.allSatisfy { $0.succeeded }, "\(committed.outcome.results.map(\.log))")
    try await block(4)
  }
}

// Tests that share two cores with all others wait longer than people would.

extension CometBFTAccess.Limits {
  static let patient: Self = {
    var limits = Self()
    limits.deadline = .seconds(120)
    return limits
  }()
}

extension RPCServer.Limits {
  static let patient: Self = {
    var limits = Self()
    limits.idle = .seconds(300)
    limits.request = .seconds(120)
    return limits
  }()
}
