import ChainAccess
import Devnet
import Foundation
import Ledger
import LedgerService
import LightClients
import Messages
import PacketHost
import RelayEngine
import Testing
import WireBytes

/// A directory of its own for one test, gone with the value.
final class DevnetFolder: Sendable {
  let path: String

  init() { path = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())").path }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Blocks as fast as tests may want them; no RPC.
  static var options: DevnetOptions {
    var options = DevnetOptions()
    options.blockTime = .milliseconds(25)
    options.idleTime = .milliseconds(200)
    options.servesRPC = false
    options.relay.scanInterval = .seconds(2)
    return options
  }

  /// With its keys in this process.
  func open(_ options: DevnetOptions = DevnetFolder.options) async throws(DevnetError) -> Devnet {
    try await Devnet(directory: path, options: options) { directory async throws(DevnetError) in
      try InProcessSigners(directory)
    }
  }

  /// Starts, does, stops; whatever happens, nothing runs afterwards.
  func run<Value: Sendable>(
    _ options: DevnetOptions = DevnetFolder.options, _ body: (Devnet) async throws -> Value
  ) async throws -> Value {
    let net = try await open(options)
    do {
      try await net.start()
      let value = try await body(net)
      await net.stop()
      return value
    } catch {
      await net.stop()
      throw error
    }
  }
}

extension Devnet {
  func messages(_ kind: Network.Lane.Kind, from name: String = "harbor") throws -> CrossingMessages {
    let network = try #require(network)
    return CrossingMessages(
      network, lane: try #require(network.lane(kind)), from: try #require(network.domain(name)))
  }

  func address(_ name: String) throws -> AccountAddress {
    try #require(network?.accounts[name])
  }

  /// Sends, and waits for the end: blocks and patience decide, not a clock of the test.
  func cross(
    _ payloads: [Payload], over kind: Network.Lane.Kind, from name: String = "harbor",
    as user: String = "alice",
    timeout: Duration = .seconds(120)
  ) async throws -> Crossing {
    let key = try await send(payloads, over: kind, from: name, as: user, timeout: timeout)
    return try await end(of: key)
  }

  func send(
    _ payloads: [Payload], over kind: Network.Lane.Kind, from name: String = "harbor",
    as user: String = "alice",
    timeout: Duration = .seconds(120)
  ) async throws -> PacketKey {
    let messages = try messages(kind, from: name)
    let found = sender(user, on: name)
    let sender = try #require(found)
    let sent = try await messages.send(
      payloads, timeout: timeout, as: sender, at: try address(user), through: access(name))
    return PacketKey(LaneEnd(messages.origin.id, sent.packet.sourceClient), sent.packet.sequence)
  }

  nonisolated func access(_ name: String) -> any DomainAccess { name == "harbor" ? harbor : island }

  func end(of key: PacketKey) async throws -> Crossing {
    let found = reader()
    let reader = try #require(found)
    let domain = try #require(network?.domain(key.origin.domain.text))
    let access: any DomainAccess = access(domain.name)
    var height: UInt64 = 0
    // Idle blocks come every 200 ms: a bound of blocks, so that a crossing that never ends fails the test.
    for _ in 0..<400 {
      let crossing = try await reader.crossing(key)
      if crossing.ending != nil { return crossing }
      height = try await access.head(above: height, patience: .seconds(5)).height
    }
    return try await reader.crossing(key)
  }

  func transfer(
    _ amount: UInt64, over kind: Network.Lane.Kind, from name: String = "harbor", token: TokenPath? = nil,
    by user: String = "alice", to receiver: String = "bob"
  ) async throws -> Payload {
    let messages = try messages(kind, from: name)
    return try messages.transfer(
      UInt256(amount), of: token ?? TokenPath(messages.origin.feeDenom.text), from: try address(user),
      to: try address(receiver))
  }

  func call(
    _ input: String, over kind: Network.Lane.Kind, funds: UInt64 = 0, by user: String = "alice"
  ) async throws -> [Payload] {
    let messages = try messages(kind)
    let token = TokenPath(messages.origin.feeDenom.text)
    return try messages.call(
      CounterProgram().address, input: [UInt8](input.utf8), gasLimit: 150_000,
      funds: funds > 0 ? [(UInt256(funds), token)] : [], by: try address(user))
  }

  func balance(_ user: String, on name: String, _ token: String) async throws -> UInt64 {
    let coins = try await access(name).balances(of: try address(user))
    return coins.first { $0.denom.text == token }?.amount.asUInt64 ?? 0
  }

  func audit() async throws -> (history: HistoryAudit, value: ValueAudit) {
    let network = try #require(network)
    return (
      try await HistoryAudit(network: network, accesses: accesses),
      try await ValueAudit(network: network, accesses: accesses, in: directory)
    )
  }
}
