public import ChainAccess
import ContractHost
import Encodings
import Foundation
import Ledger
import LedgerService
import LightClients
public import Messages
import PacketHost
public import RelayEngine
import RelayService
import WireBytes

/// A devnet for one test of an application: two ledgers with contracts, an EVM chain beside them, and what can go wrong
/// in between, when the test wants it: a lane that delivers nothing for a while, a block that is replaced, a deadline that
/// passes.
///
///     try await Trial.run { trial in
///       let office = try await trial.deploy(wasm, on: "harbor", as: "carol", ["route": route])
///       let sent = try await trial.execute(office, ["buy": [:]], funds: 100, as: "alice")
///       let crossing = try await trial.end(of: try trial.packet(sent))
///     }
///
/// Nothing here sleeps for a time and hopes: each wait is for something that a domain or the relayer shows, has a bound, and
/// says what it saw when it gives up.
public struct Trial: Sendable {
  public let net: Devnet
  public let network: Network
  public let reef: EVMDomainAccess
  /// Between harbor and the EVM chain.
  public let lane: Network.Lane
  /// What a wait may take at most. Generous: a machine that is busy is no failure.
  public var patience = Duration.seconds(240)

  /// Sees a devnet that runs, and has an EVM chain.
  public init(_ net: Devnet) async throws(TrialError) {
    guard let network = await net.network, let reef = await net.reefAccess, let lane = network.lane(.evm)
    else {
      throw .absent("a running devnet with an EVM chain")
    }
    self.net = net
    self.network = network
    self.reef = reef
    self.lane = lane
  }

  // MARK: A devnet of its own

  /// What is not here that a trial needs, and what brings it; nil when all is.
  public static var missing: String? {
    guard let artifacts = EVMArtifacts.find() else { return "no EVM contracts are built: script/contracts" }
    guard let root = artifacts.checkout, FileManager.default.fileExists(atPath: root + "/.venv/.evm") else {
      return "there is no EVM node: script/setup"
    }
    guard (try? WasmtimeLibrary.find()) != nil else { return "wasmtime is not here: script/setup" }
    return nil
  }

  /// Contracts on both ledgers, an EVM chain, blocks as fast as tests may want them, no RPC.
  ///
  /// - Parameter finalityBlocks: of the EVM chain; what is to be replaced must not be final yet.
  public static func options(finalityBlocks: Int = 2) throws(TrialError) -> DevnetOptions {
    guard let artifacts = EVMArtifacts.find() else { throw .absent("contracts/evm/.build: script/contracts") }
    var options = DevnetOptions()
    options.blockTime = .milliseconds(25)
    options.idleTime = .milliseconds(200)
    options.servesRPC = false
    options.relay.scanInterval = .seconds(2)
    var evm = EVMOptions(artifacts: artifacts)
    evm.finalityBlocks = finalityBlocks
    options.evm = evm
    do { options.contracts = try ContractEngine(library: try WasmtimeLibrary.find()) } catch {
      throw .absent("wasmtime: script/setup")
    }
    return options
  }

  /// Starts a devnet in a directory of its own, with its keys in this process, and takes everything away afterwards,
  /// whatever happened.
  ///
  /// - Throws: ``TrialError`` when it does not start, and whatever `body` throws.
  public static func run<Value: Sendable>(
    _ options: DevnetOptions? = nil, _ body: (Trial) async throws -> Value
  ) async throws -> Value {
    let options = if let options { options } else { try Self.options() }
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("causeway-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let net: Devnet
    do throws(DevnetError) {
      net = try await Devnet(directory: path, options: options) { directory async throws(DevnetError) in
        try InProcessSigners(directory)
      }
      try await net.start()
    } catch { throw TrialError.devnet(error) }
    do {
      let value = try await body(try await Trial(net))
      await net.stop()
      return value
    } catch {
      await net.stop()
      throw error
    }
  }

  // MARK: Who

  public func address(_ user: String) throws(TrialError) -> AccountAddress {
    guard let address = network.accounts[user] else { throw .unknown(user: user) }
    return address
  }

  /// Somebody on the EVM chain.
  public func onReef(_ user: String) async throws(TrialError) -> ReefUser {
    do throws(EVMSideError) {
      guard let sender = try await net.evmSender(user), let contracts = network.contracts else {
        throw .keyMissing(user)
      }
      return ReefUser(reef, sender: sender, contracts: contracts, artifacts: EVMArtifacts.find())
    } catch { throw .evm(error) }
  }

  /// How many smallest units of a token somebody has on a ledger.
  public func balance(_ user: String, on name: String, _ token: String) async throws(TrialError) -> UInt64 {
    try await balance(of: try address(user), on: name, token)
  }

  public func balance(
    of account: AccountAddress, on name: String, _ token: String
  ) async throws(TrialError) -> UInt64 {
    let ledger = try ledger(name)
    do throws(AccessError) {
      return try await ledger.balances(of: account).first { $0.denom.text == token }?.amount.asUInt64 ?? 0
    } catch { throw .access(domain: name, error) }
  }

  func ledger(_ name: String) throws(TrialError) -> EmbeddedAccess {
    switch name {
    case network.harbor.name: return net.harbor
    case network.island.name: return net.island
    default: throw .absent("a ledger '\(name)'")
    }
  }

  /// Harbor's client of the EVM chain, and the chain's of harbor.
  public var nearClient: ClientID { lane.first.client }
  public var farClient: ClientID { lane.second.client }

  // MARK: Crossings

  /// The crossing that was sent from harbor, or from the EVM chain, over the lane.
  public func packet(_ sequence: Sequence, from name: String = DevnetNames.harbor) -> PacketKey {
    let domain = name == network.harbor.name ? network.harbor.id : reef.domain
    return PacketKey(LaneEnd(domain, lane.client(on: name) ?? nearClient), sequence)
  }

  /// Waits until a crossing has ended: executed and known at its origin, or refunded there.
  public func end(of key: PacketKey) async throws -> Crossing {
    let reader = try await reader()
    return try await eventually("the end of \(reader.name(of: key))", state: { await state(of: key) }) {
      let crossing = try await reader.crossing(key)
      return crossing.ending == nil ? nil : crossing
    }
  }

  /// Waits until the block that ended a crossing is final, and gives the crossing as it is then: before, a reorganisation
  /// may still undo an end on the EVM chain.
  public func settledForGood(_ crossing: Crossing) async throws -> Crossing {
    let access: any DomainAccess =
      crossing.origin.name == DevnetNames.reef ? reef : try ledger(crossing.origin.name)
    let reader = try await reader()
    return try await eventually(
      "the end of \(crossing.id) to be final", state: { await state(of: crossing.key) }
    ) {
      let now = try await reader.crossing(crossing.key)
      guard let settled = now.settled, try await access.head().finalHeight >= settled.height else {
        return nil
      }
      // Read again: the height may have been another block's.
      let then = try await reader.crossing(crossing.key)
      return then.settled == settled ? then : nil
    }
  }

  public func reader() async throws(TrialError) -> CrossingReader {
    guard let reader = await net.reader() else { throw .absent("a running devnet") }
    return reader
  }

  /// The EVM transaction that did `step` with a packet, as soon as it is in a block.
  public func seen(_ step: PacketStep, _ client: ClientID, _ sequence: Sequence) async throws
    -> ObservedTransaction
  {
    try await eventually(
      "\(step.rawValue) of \(client)/\(sequence) on \(DevnetNames.reef)", state: { await state() }
    ) {
      try await reef.packetTransactions(step, client: client, sequence: sequence, limit: 1).first
    }
  }

  /// Whether every packet that was ever sent here has ended exactly once, from all blocks.
  public func history() async throws(AuditError) -> HistoryAudit {
    var accesses = net.accesses
    accesses[DevnetNames.reef] = reef
    return try await HistoryAudit(network: network, accesses: accesses)
  }

  // MARK: What goes wrong

  /// From now on the relayer submits nothing over the lane, in both directions: all is late. Comes back when it is so and
  /// nothing that it sent before is still on its way.
  public func hold() async throws {
    await net.command(DevnetCommand(.pause, lane: lane.kind))
    _ = try await eventually("the lane to be held", state: { await state() }) { () -> Bool? in
      guard let status = await net.relayer?.status() else { return nil }
      let ends = Self.ends(status, of: lane, network)
      let isIdle = status.domains.allSatisfy { $0.transactionsWaiting == 0 }
      return ends.count == 2 && ends.allSatisfy { $0.shut == .pausedByOperator } && isIdle ? true : nil
    }
  }

  /// Lets the lane go on.
  public func release() async throws {
    await net.command(DevnetCommand(.resume, lane: lane.kind))
    _ = try await eventually("the lane to go on", state: { await state() }) { () -> Bool? in
      guard let status = await net.relayer?.status() else { return nil }
      let ends = Self.ends(status, of: lane, network)
      return ends.count == 2 && ends.allSatisfy { $0.shut == nil } ? true : nil
    }
  }

  private static func ends(_ status: RelayerStatus, of lane: Network.Lane, _ network: Network) -> [LaneReport]
  {
    let ends = Set(
      lane.ends.compactMap { end in network.domain(end.domain).map { LaneEnd($0.id, end.client) } })
    return status.lanes.filter { ends.contains($0.end) }
  }

  /// Replaces a transaction's block, and all above it, by others without the transaction.
  ///
  /// The block must not be final: ``options(finalityBlocks:)`` says how long that takes.
  public func replace(_ transaction: ObservedTransaction) async throws(TrialError) {
    do {
      _ = try await reef.ask(
        "devnet_reorg",
        [
          [
            "common": .number(String(transaction.height - 1)), "include": "none",
            "drop": [.string(transaction.hash.description)],
          ]
        ])
    } catch { throw .access(domain: DevnetNames.reef, error) }
  }

  /// So many seconds from now, by the latest of both domains' clocks and this machine's.
  public func deadline(in seconds: UInt64) async throws(TrialError) -> UnixTime {
    var now = UInt64(Date().timeIntervalSince1970)
    for access in clocks { now = max(now, try await time(access)) }
    return UnixTime(seconds: now + seconds)
  }

  /// Waits until both domains' blocks are later than all of these.
  public func pass(_ deadlines: UnixTime...) async throws {
    let last = deadlines.map(\.seconds).max() ?? 0
    for access in clocks {
      _ = try await eventually("\(access.domain) to be past \(last)", state: { await state() }) {
        () -> Bool? in
        try await time(access) > last ? true : nil
      }
    }
  }

  private var clocks: [any DomainAccess] { [net.harbor, reef] }

  private func time(_ access: any DomainAccess) async throws(TrialError) -> UInt64 {
    do { return UInt64(clamping: try await access.head().time.seconds) } catch {
      throw .access(domain: access.domain.text, error)
    }
  }

  // MARK: Waiting

  /// Waits until `body` gives something; asks after each of harbor's blocks.
  ///
  /// - Parameter state: asked when it never came: what a person wants to read then.
  public func eventually<Value: Sendable>(
    _ what: String, state: () async -> String, _ body: () async throws -> Value?
  ) async throws -> Value {
    let end = ContinuousClock.now + patience
    var height: UInt64 = 0
    while true {
      if let value = try await body() { return value }
      guard ContinuousClock.now < end else {
        throw TrialError.waited(for: what, seconds: patience.components.seconds, state: await state())
      }
      height = try await net.harbor.head(above: height, patience: .seconds(1)).height
    }
  }

  /// Where a crossing is, by both domains and by the relayer.
  public func state(of key: PacketKey) async -> String {
    var lines: [String] = []
    if let crossing = try? await net.reader()?.crossing(key) {
      func mark(_ name: String, _ mark: ChainMark?) -> String {
        "\(name) \(mark.map { "\($0.domain) \($0.height)" } ?? "not yet")"
      }
      lines.append(
        [
          mark("sent", crossing.sent), mark("committed", crossing.committed),
          mark("executed", crossing.executed),
          mark("acknowledged", crossing.acknowledged), mark("settled", crossing.settled),
          "deadline \(crossing.packet.timeout.seconds)", "failure \(crossing.failure ?? "none")",
        ].joined(separator: ", "))
    }
    if let report = await net.relayer?.report(on: key) {
      lines.append("relayer: \(report.status), \(report.reason), next: \(report.nextStep)")
    }
    return (lines + [await state()]).joined(separator: "; ")
  }

  /// How the domains and the relayer do.
  public func state() async -> String {
    var lines: [String] = []
    for access in clocks {
      if let head = try? await access.head() {
        lines.append(
          "\(access.domain) at \(head.height), final \(head.finalHeight), time \(head.time.seconds)")
      }
    }
    if let status = await net.relayer?.status() {
      for domain in status.domains {
        lines.append(
          "relayer has read \(domain.domain) to \(domain.cursor.map(String.init) ?? "-"), "
            + "\(domain.transactionsWaiting) transactions waiting"
            + (domain.failure.map { ", last failure \($0)" } ?? "") + (domain.pause.map { ", \($0)" } ?? ""))
      }
      for end in Self.ends(status, of: lane, network) {
        lines.append(
          "\(end.end): shut \(end.shut?.rawValue ?? "no"), \(end.openCount) open, \(end.failures) failures")
      }
      lines += status.notices.suffix(6).map { "notice \($0)" }
    }
    return lines.joined(separator: "; ")
  }
}

extension EVMArtifacts {
  /// The checkout that the contracts were built in; nil when the folder lies elsewhere.
  var checkout: String? {
    guard folder.hasSuffix("contracts/evm/.build") else { return nil }
    return URL(fileURLWithPath: folder).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
  }
}
