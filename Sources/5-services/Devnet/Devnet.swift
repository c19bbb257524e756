public import AttestService
public import ChainAccess
import ContractHost
import Contracts
import CoordinatorService
public import Encodings
import Foundation
import Gate
import Ledger
public import LedgerService
import LightClients
import Messages
import PacketHost
import RelayEngine
public import RelayService
import Settlement
import WireBytes

/// What a devnet tells while it runs.
public enum DevnetEvent: Hashable, Sendable {
  /// A step of the lanes' set-up is about to be done.
  case settingUp(LaneSetup.Step, domain: String)
  /// An agent has failed, and is started again after the pause.
  case agentFailed(String, reason: String, times: Int, pause: Duration)
  case agentRunning(String)
  case finished(FinishedCrossing)
  /// The relayer was told.
  case commanded(DevnetCommand)
}

/// Two domains, four attesters, a relayer and their lanes, in one process and one directory: what `causeway up` runs,
/// for tests and benches too.
///
/// A directory that was used before goes on where it stopped, however its process ended. One process at a time.
public actor Devnet {
  public nonisolated let directory: DevnetDirectory
  public nonisolated let options: DevnetOptions
  public nonisolated let signers: any DevnetSigners
  public nonisolated let harborDomain: EmbeddedDomain
  public nonisolated let islandDomain: EmbeddedDomain
  public nonisolated let harbor: EmbeddedAccess
  public nonisolated let island: EmbeddedAccess
  /// Nil before ``start()``.
  public private(set) var network: Network?
  /// Nil before ``start()``; another one after the relayer failed.
  public private(set) var relayer: Relayer?
  public private(set) var attesters: [AttesterService] = []
  /// The EVM chain, after ``start()`` in a devnet that has one.
  private var reef: Reef?
  public private(set) var reefAccess: EVMDomainAccess?
  /// The enclave with its coordinator, after ``start()`` in a devnet that has one.
  public private(set) var enclave: EnclaveSide?
  private let harborSide: Domain
  private let islandSide: Domain
  private let lock: DirectoryLock
  private var senders: [String: AccountSender] = [:]
  private var supervisor: Supervisor?
  /// Where attesters reach the RPCs; made when there are any.
  private var transport: CometBFTTransport?
  private var listeners: [UInt64: AsyncStream<DevnetEvent>.Continuation] = [:]
  private var listenerNext: UInt64 = 0
  private var isStarted = false
  private var isWatching = false
  private let endings: AsyncStream<DevnetError>
  private let ending: AsyncStream<DevnetError>.Continuation
  /// Called before each step of the set-up that is to be done; what it throws ends the start there.
  package var beforeSetupStep: (@Sendable (LaneSetup.Step, String) async throws(LaneSetupError) -> Void)?

  public static let listenersMax = 16
  /// Events that a listener may be behind; beyond it the newest are dropped.
  public static let eventsMax = 4_096

  private struct Domain: Sendable {
    let name: String
    let id: DomainID
    let genesis: Genesis
    let domain: EmbeddedDomain
    let access: EmbeddedAccess
  }

  /// Opens the directory, which is made when it does not exist; nothing runs before ``start()``.
  ///
  /// - Parameter makeSigners: is called when the directory is this process's. The signers must show the same keys each
  ///   time that a directory is opened.
  public init(
    directory path: String, options: DevnetOptions = DevnetOptions(),
    signers makeSigners: (DevnetDirectory) async throws(DevnetError) -> any DevnetSigners
  ) async throws(DevnetError) {
    let directory = DevnetDirectory(path)
    try directory.make()
    let lock = try DirectoryLock(directory)
    let signers = try await makeSigners(directory)
    let (harborSide, islandSide): (Domain, Domain)
    do throws(DevnetError) {
      harborSide = try Self.open(DevnetNames.harbor, in: directory, signers, options)
      islandSide = try Self.open(DevnetNames.island, in: directory, signers, options)
    } catch {
      await signers.stop()
      throw error
    }
    self.lock = lock
    self.harborSide = harborSide
    self.islandSide = islandSide
    (harborDomain, islandDomain) = (harborSide.domain, islandSide.domain)
    (harbor, island) = (harborSide.access, islandSide.access)
    self.directory = directory
    self.options = options
    self.signers = signers
    (endings, ending) = AsyncStream.makeStream(of: DevnetError.self)
  }

  private static func open(
    _ name: String, in directory: DevnetDirectory, _ signers: any DevnetSigners, _ options: DevnetOptions
  ) throws(DevnetError) -> Domain {
    do {
      try FileManager.default.createDirectory(
        atPath: directory.domain(name), withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch { throw .unwritable(directory.domain(name)) }
    let accounts = DevnetNames.accounts.compactMap { signers.account($0)?.key.address }
    let validators = try signers.validators(of: name)
    let genesis = try DevnetGenesis.open(
      name, in: directory, validators: validators.publicKeys, accounts: accounts,
      hasContracts: options.contracts != nil, modules: name == DevnetNames.harbor ? [SettlementModule.name] : [])
    guard let id = try? DomainID("cosmos:\(genesis.rules.chainID)") else { throw .genesis(domain: name) }
    var programs = LedgerPrograms.standard
    if genesis.rules.modules.contains(SettlementModule.name) {
      guard let module = try? SettlementModule(domain: id) else { throw .genesis(domain: name) }
      programs = programs.with(module: module)
    }
    if genesis.rules.hasContracts {
      guard let engine = options.contracts else { throw .contracts(domain: name) }
      programs = programs.with(contracts: ContractKeeper(engine: engine, domain: id, programs: programs))
    }
    do {
      let domain = try EmbeddedDomain(
        directory: directory.domain(name), genesis: genesis, host: .ledger(domain: id, programs: programs),
        programs: programs, signer: validators.signer, retention: options.retention)
      guard let access = try? EmbeddedAccess(domain) else { throw DevnetError.genesis(domain: name) }
      return Domain(name: name, id: id, genesis: genesis, domain: domain, access: access)
    } catch let error as DomainError {
      throw .domain(name, error)
    } catch { throw .genesis(domain: name) }
  }

  // MARK: Running

  /// Starts everything, and makes what is missing of the lanes. When it throws, nothing runs.
  public func start() async throws(DevnetError) {
    guard !isStarted else { throw .started }
    isStarted = true
    let supervisor = Supervisor { [weak self] name, state in
      Task { await self?.tell(name, state) }
    }
    self.supervisor = supervisor
    do throws(DevnetError) { try await bringUp(supervisor) } catch {
      await stop()
      throw error
    }
  }

  private func bringUp(_ supervisor: Supervisor) async throws(DevnetError) {
    let signers = signers
    await supervisor.keep("signers") { try await signers.run() }
    for side in [harborSide, islandSide] {
      let (domain, name, ending, options) = (side.domain, side.name, ending, options)
      await supervisor.keep("\(name) blocks") {
        do throws(DomainError) {
          try await domain.run(every: options.blockTime, idle: options.idleTime)
        } catch {
          // What is in memory may be behind the disk: only opening the directory again helps.
          ending.yield(.domain(name, error))
        }
      }
    }
    var ports = (harbor: 0, island: 0)
    if options.servesRPC {
      ports.harbor = try await serve(harborSide, port: options.harborPort, supervisor)
      ports.island = try await serve(islandSide, port: options.islandPort, supervisor)
    }
    var lanes: [Network.Lane]
    do {
      let setup = try setup()
      lanes = try await setup.clients()
      var origins = [
        try origin(harborSide, port: ports.harbor), try origin(islandSide, port: ports.island),
      ]
      let reefLane = try await raiseReef(setup, supervisor)
      if let reefLane {
        lanes.append(try await reefLane.clients())
        origins.append(AttestedOrigin(reefLane.access, reading: .proven))
      }
      attesters = try makeAttesters(for: lanes, of: origins, router: reefLane?.router)
      try await setup.connect(lanes.filter { $0.kind != .evm }, signing: attesters)
      if let reefLane, let lane = lanes.last { try await reefLane.connect(lane, signing: attesters) }
    } catch let error as LaneSetupError {
      throw .lanes(error)
    } catch let error as DevnetError {
      throw error
    } catch { throw .lanes(.identifier) }
    let network = await network(lanes, ports: ports)
    self.network = network
    try await raiseEnclave(supervisor)
    let configuration = try await relayConfiguration(lanes)
    relayer = try Self.makeRelayer(configuration)
    await supervisor.keep("relayer") { [weak self] in
      guard let relayer = try await self?.freshRelayer(configuration) else { return }
      try await relayer.run()
    }
    if options.servesRPC {
      await supervisor.keep("commands") { [weak self] in try await self?.followCommands() }
      await supervisor.keep("status") { [weak self] in try await self?.writeStatus() }
      try DevnetDirectory.replace(directory.network, with: network.json.text(pretty: true) + "\n")
    }
  }

  /// Waits until its task is cancelled or a domain cannot go on.
  public func run() async throws(DevnetError) {
    for await error in endings { throw error }
  }

  /// Stops every agent and gives the directory free. There is no start after it: open the directory again.
  public func stop() async {
    await supervisor?.stop()
    supervisor = nil
    for listener in listeners.values { listener.finish() }
    listeners = [:]
    ending.finish()
    await transport?.shutdown()
    await reef?.stop()
    await enclave?.stop()
    await signers.stop()
    lock.release()
  }

  private func serve(
    _ side: Domain, port: Int, _ supervisor: Supervisor
  ) async throws(DevnetError) -> Int {
    let first: RPCServer
    do { first = try await RPCServer(domain: side.domain, port: port) } catch {
      throw .port(domain: side.name, port)
    }
    let domain = side.domain
    await supervisor.keep("\(side.name) rpc") {
      await first.run()
      // A listener that ended by itself is made again, where clients look for it.
      while !Task.isCancelled {
        let next = try await RPCServer(domain: domain, port: first.port)
        await next.run()
      }
    }
    return first.port
  }

  // MARK: Lanes

  private func setup() throws(DevnetError) -> LaneSetup {
    var attesters: [Attester] = []
    for (index, held) in signers.attesters.enumerated() {
      do { attesters.append(try held.attester()) } catch { throw .attester(index + 1) }
    }
    return LaneSetup(
      harbor: try side(harborSide), island: try side(islandSide), attesters: attesters,
      checkpoint: { [weak self] step, domain async throws(LaneSetupError) in
        try await self?.willSetUp(step, domain)
      })
  }

  /// Starts the EVM chain and makes its contracts; nil in a devnet that has none.
  private func raiseReef(
    _ setup: LaneSetup, _ supervisor: Supervisor
  ) async throws(DevnetError) -> ReefLane? {
    guard let evm = options.evm else { return nil }
    do throws(EVMSideError) {
      announce(.settingUp(.deployContracts, domain: DevnetNames.reef))
      let reef = try await Reef(evm, in: directory, signers: signers)
      self.reef = reef
      try await reef.deploy()
      let access = try await reef.access()
      reefAccess = access
      let ending = ending
      await supervisor.keep("\(DevnetNames.reef) node") {
        do { try await reef.watch() } catch let error as EVMSideError { ending.yield(.evm(error)) }
      }
      return ReefLane(
        harbor: setup.harbor, reef: reef, access: access,
        deployer: try await reef.sender(DevnetNames.operatorAccount), router: access.router,
        attesters: setup.attesters, checkpoint: setup.checkpoint)
    } catch { throw .evm(error) }
  }

  private func side(_ domain: Domain) throws(DevnetError) -> LaneSetup.Side {
    guard let account = signers.account(DevnetNames.operatorAccount) else { throw .genesis(domain: domain.name) }
    return LaneSetup.Side(
      name: domain.name, chainID: domain.genesis.rules.chainID, access: domain.access,
      account: makeSender(account, domain), address: account.key.address)
  }

  private func willSetUp(_ step: LaneSetup.Step, _ domain: String) async throws(LaneSetupError) {
    announce(.settingUp(step, domain: domain))
    try await beforeSetupStep?(step, domain)
  }

  package func interruptSetup(
    _ hook: @escaping @Sendable (LaneSetup.Step, String) async throws(LaneSetupError) -> Void
  ) {
    beforeSetupStep = hook
  }

  /// Headers that the domain's node and its RPC agree on, where there is an RPC: a domain of a devnet has one node.
  private func origin(_ side: Domain, port: Int) throws(DevnetError) -> AttestedOrigin {
    guard options.servesRPC else { return AttestedOrigin(side.access, reading: .ownNode) }
    let transport = self.transport ?? CometBFTTransport()
    self.transport = transport
    do {
      let remote = try CometBFTAccess(
        address: "http://127.0.0.1:\(port)", chainID: side.genesis.rules.chainID, transport: transport)
      return AttestedOrigin(
        side.access, headers: try QuorumAccess(2, of: [side.access, remote]), reading: .ownNode)
    } catch { throw .port(domain: side.name, port) }
  }

  /// Starts the enclave on its emulated TPM, registers its keys on harbor, and lets the coordinator run; does nothing in
  /// a devnet that has none.
  private func raiseEnclave(_ supervisor: Supervisor) async throws(DevnetError) {
    guard let options = options.enclave else { return }
    guard harborSide.genesis.rules.modules.contains(SettlementModule.name),
      let module = try? SettlementModule(domain: harborSide.id)
    else { throw .enclave(.noSettlement(domain: harborSide.name)) }
    guard let sender = sender(DevnetNames.operatorAccount, on: harborSide.name) else {
      throw .enclave(.coordinator(code: "noAccount"))
    }
    announce(.settingUp(.registerEnclave, domain: harborSide.name))
    let side: EnclaveSide
    do throws(EnclaveSideError) {
      side = try await EnclaveSide(
        options, in: directory, access: harborSide.access, chainID: harborSide.genesis.rules.chainID, sender: sender,
        module: module)
    } catch { throw .enclave(error) }
    enclave = side
    let coordinator = side.coordinator
    await supervisor.keep("enclave") { try await side.keepRegistered() }
    await supervisor.keep("coordinator") { try await coordinator.run() }
    if self.options.servesRPC { await supervisor.keep("coordinator files") { try await side.serveFiles() } }
  }

  private func makeAttesters(
    for lanes: [Network.Lane], of origins: [AttestedOrigin], router: Bytes20?
  ) throws(DevnetError) -> [AttesterService] {
    var bindings: [AttestationBinding] = []
    for lane in lanes where lane.kind == .attested {
      for (origin, client) in [(islandSide.id, lane.first.client), (harborSide.id, lane.second.client)] {
        do {
          bindings.append(try AttestationBinding(origin: origin, router: LaneSetup.router, client: client))
        } catch { throw .lanes(.policy(PolicyError(error))) }
      }
    }
    for lane in lanes where lane.kind == .evm {
      guard let router, let reef = origins.last?.access.domain else { continue }
      do {
        bindings += try ReefLane.bindings(lane, harbor: harborSide.id, reef: reef, router: router)
      } catch { throw .lanes(.policy(error)) }
    }
    var services: [AttesterService] = []
    for (index, held) in signers.attesters.enumerated() {
      do {
        services.append(
          AttesterService(
            attester: try held.attester(), signer: held.signer,
            origins: origins,
            serves: bindings, record: try AttestationRecord(path: directory.attester(index + 1))))
      } catch { throw .attester(index + 1) }
    }
    return services
  }

  private func network(_ lanes: [Network.Lane], ports: (harbor: Int, island: Int)) async -> Network {
    var evmAccounts: [String: Bytes20] = [:]
    var reefDomain: Network.Domain?
    let contracts = await reef?.contracts
    if let reef, let access = reefAccess, let wei = try? Denom("wei") {
      for name in DevnetNames.accounts { evmAccounts[name] = signers.evmAccount(name)?.address }
      reefDomain = Network.Domain(
        name: DevnetNames.reef, kind: .evm, chainID: String(access.chainID), feeDenom: wei,
        endpoint: reef.address, id: access.domain)
    }
    var accounts: [String: AccountAddress] = [:]
    for name in DevnetNames.accounts { accounts[name] = signers.account(name)?.key.address }
    func domain(_ side: Domain, _ port: Int) -> Network.Domain {
      Network.Domain(
        name: side.name, kind: .embedded, chainID: side.genesis.rules.chainID,
        feeDenom: side.genesis.rules.feeDenom, endpoint: "http://127.0.0.1:\(port)", id: side.id)
    }
    return Network(
      harbor: domain(harborSide, ports.harbor), island: domain(islandSide, ports.island),
      reef: reefDomain, isReefOwn: reef?.isOwn ?? false, contracts: contracts, lanes: lanes, accounts: accounts, evmAccounts: evmAccounts,
      users: DevnetNames.users,
      attesters: signers.attesters.map { $0.address.description }, quorum: DevnetNames.quorum,
      process: ProcessInfo.processInfo.processIdentifier)
  }

  // MARK: Relaying

  private func relayConfiguration(_ lanes: [Network.Lane]) async throws(DevnetError) -> RelayConfiguration {
    guard let account = signers.account(DevnetNames.relayerAccount) else { throw .relayer(code: "noKey") }
    var relayed: [RelayedLane] = []
    for lane in lanes {
      if lane.kind == .evm {
        relayed.append(try reefRelayed(lane))
        continue
      }
      let id = LaneID(
        origin: harborSide.id, sourceClient: lane.first.client, destination: islandSide.id,
        destinationClient: lane.second.client)
      relayed.append(
        RelayedLane(
          id, origin: try evidence(lane, of: islandSide, for: lane.first.client),
          destination: try evidence(lane, of: harborSide, for: lane.second.client)))
    }
    var domains = [harborSide, islandSide].map { side in
      RelayedDomain(
        access: side.access, signer: account, chainID: side.genesis.rules.chainID,
        feeDenom: side.genesis.rules.feeDenom, feeNumerator: side.genesis.rules.feeNumerator,
        feeDenominator: side.genesis.rules.feeDenominator)
    }
    if let reef, let access = reefAccess {
      do throws(EVMSideError) {
        let sender = try await reef.sender(DevnetNames.relayerAccount)
        domains.append(
          RelayedDomain(
            access: access, account: .evm(EVMAccount(access: access, sender: sender, router: access.router))))
      } catch { throw .evm(error) }
    }
    return RelayConfiguration(
      lanes: relayed, domains: domains, path: directory.relayer, rules: options.relay)
  }

  /// The lane between harbor and the EVM chain.
  private func reefRelayed(_ lane: Network.Lane) throws(DevnetError) -> RelayedLane {
    guard let access = reefAccess else { throw .lanes(.kind(lane.kind)) }
    let id = LaneID(
      origin: harborSide.id, sourceClient: lane.first.client, destination: access.domain,
      destinationClient: lane.second.client)
    do {
      let near = try ReefLane.policy(
        router: access.router, origin: access.domain, client: lane.first.client,
        attesters: attesters.map(\.attester))
      let far = try LaneSetup.policy(
        origin: harborSide.id, client: lane.second.client, attesters: attesters.map(\.attester))
      return RelayedLane(id, origin: .attesters(near, attesters), destination: .attesters(far, attesters))
    } catch { throw .lanes(.policy(error)) }
  }

  private func evidence(
    _ lane: Network.Lane, of origin: Domain, for client: ClientID
  ) throws(DevnetError) -> EvidenceSource {
    switch lane.kind {
    case .evm: throw .lanes(.kind(lane.kind))
    case .light:
      return .headers(trustingSeconds: UInt64(clamping: LaneSetup.trustingPeriod.components.seconds))
    case .attested:
      do {
        let policy = try LaneSetup.policy(
          origin: origin.id, client: client, attesters: attesters.map(\.attester))
        return .attesters(policy, attesters)
      } catch { throw .lanes(.policy(error)) }
    }
  }

  private static func makeRelayer(_ configuration: RelayConfiguration) throws(DevnetError) -> Relayer {
    do { return try Relayer(configuration) } catch { throw .relayer(code: "\(error)") }
  }

  /// The relayer that was made and has not run yet, or a new one from the same file.
  private func freshRelayer(_ configuration: RelayConfiguration) throws -> Relayer {
    defer { hasRun = true }
    if !hasRun, let relayer { return relayer }
    let next = try Self.makeRelayer(configuration)
    relayer = next
    return next
  }
  private var hasRun = false

  /// Tells the relayer, by the lane's end on harbor.
  public func command(_ command: DevnetCommand) async {
    guard let network, let end = network.lane(command.lane).flatMap({ network.end(of: $0) }) else { return }
    await relayer?.command(command.relayed(to: end))
    announce(.commanded(command))
  }

  private func followCommands() async throws {
    let spool = CommandSpool(directory)
    while true {
      for (path, command) in spool.waiting() {
        await self.command(command)
        spool.finish(path)
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  // MARK: Accounts

  /// Sends transactions of an account that has its key here; nil for any other name. One for each account and domain,
  /// which keeps the account's sequence.
  public func sender(_ user: String, on domain: String) -> AccountSender? {
    guard let account = signers.account(user),
      let side = [harborSide, islandSide].first(where: { $0.name == domain })
    else { return nil }
    return makeSender(account, side)
  }

  private func makeSender(_ account: any TransactionSigning, _ side: Domain) -> AccountSender {
    let name = "\(account.key.address)/\(side.name)"
    if let known = senders[name] { return known }
    let rules = side.genesis.rules
    let sender = AccountSender(access: side.access, signer: account, rules: rules)
    senders[name] = sender
    return sender
  }

  /// The lanes; empty before ``start()``.
  public var lanes: [Network.Lane] { network?.lanes ?? [] }

  /// Reads crossings in this process.
  public func reader() -> CrossingReader? {
    guard let network else { return nil }
    var accesses: [String: any DomainAccess] = accesses
    accesses[DevnetNames.reef] = reefAccess
    return CrossingReader(network: network, accesses: accesses)
  }

  /// Sends EVM transactions of an account that has its key here; nil without an EVM chain.
  public func evmSender(_ user: String) async throws(EVMSideError) -> EVMSender? {
    try await reef?.sender(user)
  }

  /// The ledgers by name, in this process.
  public nonisolated var accesses: [String: any DomainAccess] {
    [DevnetNames.harbor: harbor, DevnetNames.island: island]
  }

  // MARK: Telling

  /// What happens from now on. Crossings that end are told from the first listener on.
  public func events() async -> AsyncStream<DevnetEvent> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: DevnetEvent.self, bufferingPolicy: .bufferingOldest(Self.eventsMax))
    guard listeners.count < Self.listenersMax else {
      continuation.finish()
      return stream
    }
    let id = listenerNext
    listenerNext += 1
    listeners[id] = continuation
    continuation.onTermination = { [weak self] _ in
      guard let self else { return }
      Task { await self.forget(id) }
    }
    return stream
  }

  private func forget(_ id: UInt64) { listeners[id] = nil }

  private func announce(_ event: DevnetEvent) {
    for id in listeners.keys.sorted() { listeners[id]?.yield(event) }
  }

  private func tell(_ agent: String, _ state: Supervisor.State) {
    switch state {
    case .running: announce(.agentRunning(agent))
    case .waiting(let reason, let times, let pause):
      announce(.agentFailed(agent, reason: reason, times: times, pause: pause))
    case .stopped: break
    }
  }

  /// Tells crossings that end, in ``events()``. To be asked once, after ``start()``.
  public func watchCrossings() async {
    guard let supervisor, let network, !isWatching else { return }
    isWatching = true
    let (harborDomain, islandDomain) = (harborDomain, islandDomain)
    await supervisor.keep("watcher") { [weak self] in
      let merged = AsyncStream<(Network.Domain, CommittedBlock)>.makeStream(
        bufferingPolicy: .bufferingOldest(256))
      let streams = [
        (network.harbor, try await harborDomain.committedBlocks()),
        (network.island, try await islandDomain.committedBlocks()),
      ]
      await withTaskGroup(of: Void.self) { group in
        for (domain, blocks) in streams {
          group.addTask {
            for await block in blocks { merged.continuation.yield((domain, block)) }
            merged.continuation.finish()
          }
        }
        var crossings = FinishedCrossings(network: network)
        for await (domain, block) in merged.stream {
          let ended = crossings.take(
            block.outcome.results, time: block.block.header.time, on: domain)
          if !ended.isEmpty { await self?.announce(ended) }
        }
        group.cancelAll()
      }
      try Task.checkCancellation()
      // Cut off for being slow: it goes on with the blocks from now on.
      throw WatchCutOff()
    }
  }

  private struct WatchCutOff: Error {}

  private func announce(_ ended: [FinishedCrossing]) {
    for crossing in ended { announce(.finished(crossing)) }
  }

  // MARK: Status

  private func writeStatus() async throws {
    while true {
      let text = await status().text(pretty: true) + "\n"
      try DevnetDirectory.replace(directory.status, with: text)
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// How the agents do, as `status.json` says it: schema `causeway.devnet-status/1`.
  public func status() async -> JSONValue {
    await DevnetStatus.json(
      agents: supervisor?.all ?? [], attesters: attesters, relayer: relayer?.status(), network: network,
      time: EmbeddedDomain.wallClock())
  }
}
