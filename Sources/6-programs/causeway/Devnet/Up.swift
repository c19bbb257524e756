import ArgumentParser
import ContractHost
import Devnet
import Encodings
import Foundation
import Ledger
import LightClients
import Messages
import PacketHost
import RelayEngine
import Synchronization
import WireBytes

/// `causeway up`: two domains, four attesters, a relayer and their lanes.
struct Up: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run two domains, four attesters, a relayer and their lanes, with their keys in signers of their own.",
    discussion: """
      Everything lives in one directory. Ctrl-C stops it; the same command goes on where it stopped, however the process \
      ended. What runs is the real path: CometBFT headers and commits, ICS-23 proofs, IBC v2 packets. Two processes of \
      `causeway-signer` hold the keys, one for people's and one for the agents'; this one holds none. It is for \
      development: the passphrases of their key files lie beside them.

        causeway up
        causeway up --directory /tmp/net --harbor-port 26657 --block-time 1s
        causeway up --with evm
        causeway up --with evm --evm-rpc http://127.0.0.1:8545
        causeway up --with enclave
      """)

  @OptionGroup var devnet: DevnetArguments
  @Option(help: ArgumentHelp("The least time between two blocks.", valueName: "time"))
  var blockTime = Span(.milliseconds(200))
  @Option(help: ArgumentHelp("Harbor's RPC port; 0 takes any free one.", valueName: "port"))
  var harborPort = 0
  @Option(help: ArgumentHelp("Island's RPC port; 0 takes any free one.", valueName: "port"))
  var islandPort = 0
  @Option(
    help: ArgumentHelp("The causeway-signer to start; otherwise the one beside this program.", valueName: "path"),
    completion: .file())
  var signer: String?
  @Option(
    help: ArgumentHelp("wasmtime's shared library, which runs contracts; otherwise script/setup's.", valueName: "path"),
    completion: .file())
  var wasmtime: String?
  @Flag(inversion: .prefixedNo, help: "Let both domains have contracts.")
  var contracts = true
  @Option(
    help: ArgumentHelp(
      "What else: evm, a chain with a lane to harbor; enclave, a sealed auction on an emulated TPM, with a coordinator.",
      valueName: "kind"))
  var with: [Company] = []
  @Option(
    help: ArgumentHelp(
      "Use this EVM node (geth --dev, anvil) instead of starting script/evm-devnet; its operator account must have ether.",
      valueName: "url"))
  var evmRPC: String?
  @Option(help: ArgumentHelp("The EVM node's chain id.", valueName: "id"))
  var evmChainID: UInt64 = DevnetNames.reefChainID
  @Option(
    help: ArgumentHelp("Where script/contracts has put the EVM contracts.", valueName: "folder"),
    completion: .directory)
  var evmContracts: String?
  @Option(
    help: ArgumentHelp("The causeway-enclave to start; otherwise the one beside this program.", valueName: "path"),
    completion: .file())
  var enclave: String?
  @Option(
    help: ArgumentHelp(
      "What the enclave runs; otherwise contracts/wasm/.build/auction.wasm.", valueName: "wasm"), completion: .file())
  var enclaveProgram = "contracts/wasm/.build/auction.wasm"
  @Option(help: ArgumentHelp("How long the enclave's keys live.", valueName: "time"))
  var enclaveLifetime = Span(.seconds(86_400))
  @Flag(help: "Forget what is in the directory, and begin anew.")
  var fresh = false
  @Flag(help: "Do not print a line for each crossing that ends.")
  var quiet = false

  func validate() throws {
    for port in [harborPort, islandPort] where !(0...65_535).contains(port) {
      throw ValidationError("\(port) is no port: give 0 to 65535.")
    }
    guard harborPort == 0 || harborPort != islandPort else {
      throw ValidationError("Both domains cannot listen on port \(harborPort).")
    }
    guard blockTime.duration >= .milliseconds(20), blockTime.duration <= .seconds(60) else {
      throw ValidationError("A block time lies between 20ms and 60s.")
    }
  }

  func run() async throws {
    Interruption.watch()
    var options = DevnetOptions()
    options.blockTime = blockTime.duration
    options.idleTime = max(.seconds(1), blockTime.duration)
    options.harborPort = harborPort
    options.islandPort = islandPort
    if fresh {
      do { try DevnetDirectory(devnet.directory).erase() } catch { throw Complaint(DevnetText.text(error), code: 1) }
    }
    options.contracts = try contractEngine()
    options.evm = try evmOptions()
    options.enclave = try enclaveOptions()
    do throws(DevnetError) {
      let net = try await Devnet(directory: devnet.directory, options: options) {
        [signer] directory async throws(DevnetError) in
        try await SignerProcesses(directory, executable: signer)
      }
      let printer = UpPrinter(json: devnet.json, quiet: quiet)
      let telling = await Self.follow(net, printer)
      printer.starting(net.directory)
      let started = await Self.unlessInterrupted { () async throws(DevnetError) in try await net.start() }
      guard let started else {
        await Self.end(net, telling, printer)
        return
      }
      try started.get()
      if !quiet { await net.watchCrossings() }
      if let network = await net.network { printer.ready(network, net.directory, options) }
      let ended = await Self.unlessInterrupted { () async throws(DevnetError) in try await net.run() }
      await Self.end(net, telling, printer)
      if let ended { try ended.get() }
    } catch { throw Complaint(DevnetText.text(error), code: 1) }
  }

  /// What runs contracts; nil when none are wanted, or nothing here runs them and nobody has insisted.
  private func contractEngine() throws -> ContractEngine? {
    guard contracts else { return nil }
    let library: WasmtimeLibrary
    do { library = try WasmtimeLibrary.find(wasmtime) } catch {
      if case .notFound = error, wasmtime == nil {
        Terminal.complain("no contracts: wasmtime is not here; script/setup installs it, --no-contracts says that it is meant so")
        return nil
      }
      throw Complaint(error.text)
    }
    let cache: CodeCache
    do { cache = try CodeCache(directory: DevnetDirectory(devnet.directory).codes) } catch {
      throw Complaint("compiled code cannot be kept: \(error)", code: 1)
    }
    do { return try ContractEngine(library: library, cache: cache) } catch { throw Complaint(error.text, code: 1) }
  }

  /// The EVM chain, when one is wanted.
  private func evmOptions() throws -> EVMOptions? {
    guard with.contains(.evm) || evmRPC != nil else { return nil }
    let artifacts: EVMArtifacts
    if let evmContracts {
      artifacts = EVMArtifacts(folder: evmContracts)
    } else if let found = EVMArtifacts.find() {
      artifacts = found
    } else {
      throw Complaint("the EVM contracts are not built: run script/contracts, or say where they are with --evm-contracts")
    }
    guard artifacts.isWhole else {
      throw Complaint("not all EVM contracts are in \(artifacts.folder): run script/contracts")
    }
    var options = EVMOptions(evmRPC.map { .endpoint($0) } ?? .own(script: nil), artifacts: artifacts)
    options.chainID = evmChainID
    return options
  }

  /// The enclave, when one is wanted.
  private func enclaveOptions() throws -> EnclaveOptions? {
    guard with.contains(.enclave) else { return nil }
    guard FileNames.exists(enclaveProgram) else {
      throw Complaint("there is no \(enclaveProgram): run script/contracts, or name a program with --enclave-program")
    }
    let lifetime = enclaveLifetime.duration.components.seconds
    guard (60...86_400).contains(lifetime) else { throw Complaint("an enclave's keys live for 60s to 24h") }
    var options = EnclaveOptions(program: DevnetDirectory(enclaveProgram).path)
    options.executable = enclave
    options.lifetimeSeconds = UInt64(lifetime)
    return options
  }

  private static func follow(_ net: Devnet, _ printer: UpPrinter) async -> Task<Void, Never> {
    let events = await net.events()
    return Task {
      for await event in events { printer.tell(event, await net.network) }
    }
  }

  private static func end(_ net: Devnet, _ telling: Task<Void, Never>, _ printer: UpPrinter) async {
    printer.stopping()
    await net.stop()
    await telling.value
    printer.stopped(net.directory)
  }

  /// What `body` gave; nil when somebody asked to stop first: then it is cancelled and waited for.
  private static func unlessInterrupted(
    _ body: @escaping @Sendable () async throws(DevnetError) -> Void
  ) async -> Result<Void, DevnetError>? {
    let work = Task { () async -> Result<Void, DevnetError> in
      do throws(DevnetError) {
        try await body()
        return .success(())
      } catch { return .failure(error) }
    }
    let watch = Task {
      while !Interruption.isAsked, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(50)) }
      if Interruption.isAsked { work.cancel() }
    }
    let result = await work.value
    watch.cancel()
    return Interruption.isAsked ? nil : result
  }
}

/// Whether somebody wants the program to end: Ctrl-C, or a polite kill. A second one ends it at once.
enum Interruption {
  private static let asked = Atomic<Int>(0)

  static func watch() {
    _ = isAsked
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        if Interruption.asked.add(1, ordering: .relaxed).newValue > 1 { _exit(130) }
      }
    }
  }

  static var isAsked: Bool { asked.load(ordering: .relaxed) > 0 }
}

/// What `up` prints: a table of where everything is, then a line for whatever happens.
struct UpPrinter: Sendable {
  let json: Bool
  let quiet: Bool
  private let pace = CrossingPace()

  init(json: Bool, quiet: Bool) {
    self.json = json
    self.quiet = quiet
  }

  func starting(_ directory: DevnetDirectory) {
    if json { return line("starting", ["directory": .string(directory.path)]) }
    Terminal.print("starting in \(directory.path)")
  }

  func ready(_ network: Network, _ directory: DevnetDirectory, _ options: DevnetOptions) {
    if json { return line("ready", ["directory": .string(directory.path), "network": network.json]) }
    var rows = [["domain", "chain id", "fee token", "RPC (CometBFT; EVM: JSON-RPC)"]]
    for domain in network.domains {
      rows.append([domain.name, domain.chainID, domain.feeDenom.text, domain.endpoint])
    }
    var lanes = [["lane", "client on harbor", "client on the other", "believed by"]]
    for lane in network.lanes {
      let quorum = "\(network.quorum) of \(network.attesters.count) attesters"
      let who =
        switch lane.kind {
        case .attested: quorum
        case .light: "the other's validators, and state proofs"
        case .evm: quorum + "; harbor also wants Merkle-Patricia proofs of \(lane.second.domain)'s router"
        }
      lanes.append([lane.kind.rawValue, lane.first.client.text, lane.second.client.text, who])
    }
    var people = [["user", "address (the same in both ledgers)"] + (network.reef.map { ["on \($0.name)"] } ?? [])]
    for user in network.users {
      people.append(
        [user, network.accounts[user]?.text ?? ""] + (network.evmAccounts[user].map { [$0.description] } ?? []))
    }
    Terminal.print("")
    Terminal.print(Show.table(rows) + "\n")
    if let contracts = network.contracts {
      var deployed = [["contract on \(DevnetNames.reef)", "address"]]
      for (name, address) in contracts.addresses.sorted(by: { $0.key < $1.key }) {
        deployed.append([name, address.description])
      }
      Terminal.print(Show.table(deployed) + "\n")
    }
    Terminal.print(Show.table(lanes) + "\n")
    Terminal.print(Show.table(people) + "\n")
    Terminal.print("  keys      \(directory.signers)/{user,operator}: in two processes of causeway-signer, none in this one")
    Terminal.print(
      "  databases \(directory.path)/{harbor,island}/ledger.sqlite, attester-*.sqlite, relayer.sqlite")
    let place =
      directory.path == DevnetDirectory(DevnetDirectory.defaultPath).path ? "" : " -d \(directory.path)"
    Terminal.print("\n  try: causeway send transfer 25 --from alice --to bob\(place)")
    if network.reef != nil {
      Terminal.print("       causeway send transfer 25 --from alice --to bob --via evm\(place)")
      Terminal.print("       causeway send call Counter 'add(uint256) [5]' --from alice --via evm\(place)")
    }
    Terminal.print("\nready; Ctrl-C stops, the same command goes on\n")
  }

  func stopping() {
    if json { return line("stopping", [:]) }
    Terminal.print("\nstopping")
  }

  func stopped(_ directory: DevnetDirectory) {
    if json { return line("stopped", ["directory": .string(directory.path)]) }
    Terminal.print("stopped; everything is in \(directory.path)")
  }

  func tell(_ event: DevnetEvent, _ network: Network?) {
    switch event {
    case .settingUp(let step, let domain):
      if json { return line("setting_up", ["step": .string(step.rawValue), "domain": .string(domain)]) }
      Terminal.print("  " + DevnetText.text(step, on: domain))
    case .agentFailed(let name, let reason, let times, let pause):
      if json {
        return line(
          "agent_failed",
          ["agent": .string(name), "reason": .string(reason), "times": .number(String(times))])
      }
      Terminal.complain(
        "\(Terminal.paint("failed", 31))  \(name): \(reason); starts again in \(Show.duration(pause))"
          + (times > 1 ? " (\(times) times in a row)" : ""))
    case .agentRunning(let name):
      if json { return line("agent_running", ["agent": .string(name)]) }
      Terminal.print("running \(name) again")
    case .commanded(let command):
      if json {
        return line(
          "command", ["verb": .string(command.verb.rawValue), "lane": .string(command.lane.rawValue)])
      }
      Terminal.print("relayer: \(command.verb.rawValue) the \(command.lane.rawValue) lane")
    case .finished(let crossing):
      guard !quiet else { return }
      if json { return line("crossing", Self.members(crossing)) }
      guard let text = pace.text(for: crossing, { Self.text(crossing, network) }) else { return }
      Terminal.print(text)
    }
  }

  private func line(_ event: String, _ members: [String: JSONValue]) {
    var members = members
    members["event"] = .string(event)
    Terminal.print(JSONValue.object(members).text())
  }

  private static func members(_ crossing: FinishedCrossing) -> [String: JSONValue] {
    var members: [String: JSONValue] = [
      "id": .string(crossing.id.description), "origin": .string(crossing.origin),
      "destination": .string(crossing.destination), "lane": .string(crossing.lane.kind.rawValue),
      "client": .string(crossing.packet.sourceClient.text),
      "sequence": .number(crossing.packet.sequence.description),
      "ending": .string(crossing.ending.rawValue), "settled": .string(crossing.settled.description),
    ]
    members["sent"] = crossing.sent.map { .string($0.description) } ?? .null
    members["failure"] = crossing.failure.map { .string($0) } ?? .null
    return members
  }

  private static func text(_ crossing: FinishedCrossing, _ network: Network?) -> String {
    let what = network.map { PayloadText.line(crossing.packet, $0) } ?? ""
    let end = CrossingText.ending(crossing.ending, failure: crossing.failure)
    let time = crossing.duration.map { " in \(Show.duration($0))" } ?? ""
    return "\(Show.clock(crossing.settled))  \(crossing.origin) → \(crossing.destination)  "
      + "\(crossing.lane.kind.rawValue) #\(crossing.packet.sequence)  \(what)  \(end)\(time)  "
      + Show.short(crossing.id)
  }
}

/// Keeps a flood of crossings readable: single lines up to some a second, and a count of the rest.
final class CrossingPace: Sendable {
  /// Lines of one second.
  static let linesMax = 10
  private struct State {
    var second: Int64 = 0
    var shown = 0
    var hidden = 0
  }
  private let state = Mutex(State())

  /// A class, since the printer is copied and the count is one.
  init() {}

  func text(for crossing: FinishedCrossing, _ line: () -> String) -> String? {
    let (isShown, hidden) = state.withLock { state in
      var hidden = 0
      if state.second != crossing.settled.seconds {
        hidden = state.hidden
        state = State(second: crossing.settled.seconds)
      }
      guard state.shown < Self.linesMax else {
        state.hidden += 1
        return (false, hidden)
      }
      state.shown += 1
      return (true, hidden)
    }
    let before = hidden > 0 ? "          and \(hidden) more\n" : ""
    return isShown ? before + line() : nil
  }
}

/// What a devnet may have beside its two ledgers.
enum Company: String, ExpressibleByArgument, CaseIterable {
  case evm
  case enclave
}
