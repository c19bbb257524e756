import ArgumentParser
import ChainAccess
import Devnet
import Encodings
import Ledger
import LightClients
import Messages
import PacketHost
import RelayEngine
import RelayService
import WireBytes

/// What every verb takes that talks to a running devnet.
struct DevnetArguments: ParsableArguments {
  @Option(
    name: .shortAndLong, help: ArgumentHelp("The devnet's directory.", valueName: "dir"),
    completion: .directory)
  var directory = DevnetDirectory.defaultPath

  @Flag(help: "Print JSON.")
  var json = false

  /// Finds the devnet that runs in the directory.
  func connect() throws -> DevnetConnection {
    try DevnetConnection(DevnetDirectory(directory), named: directory)
  }
}

/// A devnet that runs in another process, reached as any user reaches it: over the RPC of its domains.
struct DevnetConnection {
  let directory: DevnetDirectory
  let network: Network
  let harbor: CometBFTAccess
  let island: CometBFTAccess
  /// The EVM chain, in a devnet that has one.
  let reef: EVMDomainAccess?
  let accesses: [String: any DomainAccess]
  let reader: CrossingReader
  private let name: String
  private let people: PeopleKeys

  init(_ directory: DevnetDirectory, named name: String) throws {
    guard let process = directory.runningProcess else {
      throw Complaint("no devnet runs in \(name): start one with `causeway up --directory \(name)`")
    }
    let starting = "the devnet in \(name) is still starting: wait until `causeway up` says that it is ready"
    do { network = try Network(in: directory) } catch {
      switch error {
      case .absent: throw Complaint(starting, code: 3)
      case .form(let member):
        throw Complaint("\(directory.network) is not one that this program wrote (\(member))")
      }
    }
    // What an earlier process has left says nothing about where this one listens.
    guard network.process == process || process == 0 else { throw Complaint(starting, code: 3) }
    self.directory = directory
    self.name = name
    people = PeopleKeys(directory)
    harbor = try Self.access(network.harbor)
    island = try Self.access(network.island)
    var accesses: [String: any DomainAccess] = [network.harbor.name: harbor, network.island.name: island]
    if let reef = network.reef {
      let access = try Self.evm(reef, network)
      accesses[reef.name] = access
      self.reef = access
    } else {
      self.reef = nil
    }
    self.accesses = accesses
    reader = CrossingReader(network: network, accesses: accesses)
  }

  /// One pool of connections for the whole program, as long as it runs.
  private static let transport = CometBFTTransport()

  private static let evmTransport = EVMTransport()

  private static func evm(_ domain: Network.Domain, _ network: Network) throws -> EVMDomainAccess {
    guard let router = network.contracts?["Router"], let chainID = UInt64(domain.chainID) else {
      throw Complaint("\(domain.name)'s contracts are not in network.json: start `causeway up --with evm` again")
    }
    do {
      return try EVMDomainAccess(
        EVMDomainAccess.Configuration(
          address: domain.endpoint, chainID: chainID, router: router, finality: .finalized),
        transport: evmTransport)
    } catch { throw Complaint("\(domain.name)'s endpoint \(domain.endpoint) cannot be used: \(error)") }
  }

  private static func access(_ domain: Network.Domain) throws -> CometBFTAccess {
    do {
      return try CometBFTAccess(address: domain.endpoint, chainID: domain.chainID, transport: transport)
    } catch {
      throw Complaint("\(domain.name)'s endpoint \(domain.endpoint) cannot be used: \(error)")
    }
  }

  func access(_ domain: Network.Domain) -> any DomainAccess { accesses[domain.name] ?? harbor }

  /// A domain that is a ledger.
  func ledger(_ domain: Network.Domain) throws -> CometBFTAccess {
    switch domain.name {
    case network.harbor.name: return harbor
    case network.island.name: return island
    default: throw Complaint("\(domain.name) is an EVM chain: it has no contracts in wasm")
    }
  }

  /// What the relayer has written down; nil before it has written anything.
  var records: RelayRecords? { try? RelayRecords(path: directory.relayer) }

  // MARK: What arguments name

  func domain(_ text: String) throws -> Network.Domain {
    guard let domain = network.domain(text) else {
      let names = network.domains.map(\.name).joined(separator: " or ")
      throw Complaint("there is no domain '\(text)' here: say \(names)")
    }
    return domain
  }

  func lane(_ kind: Network.Lane.Kind) throws -> Network.Lane {
    guard let lane = network.lane(kind) else { throw Complaint("there is no \(kind.rawValue) lane here") }
    return lane
  }

  func account(_ text: String) throws -> AccountAddress {
    guard let account = network.account(text) else {
      throw Complaint(
        "'\(text)' is neither a user here (\(network.users.joined(separator: ", "))) nor an address "
          + "(\(AccountAddress.prefix)1…)")
    }
    return account
  }

  /// Who signs: an account whose key the signer of people's keys holds.
  func sender(_ user: String, on domain: Network.Domain) async throws -> (
    account: any TransactionSigning, sender: AccountSender
  ) {
    guard let account = try await people.keys().account(user) else {
      throw Complaint(
        "there is no key for '\(user)' in \(name): users are \(network.users.joined(separator: ", "))")
    }
    let rules: LedgerRules
    do { rules = try LedgerRules(chainID: domain.chainID, feeDenom: domain.feeDenom) } catch {
      throw Complaint("the rules of \(domain.name) cannot be used: \(error)")
    }
    return (account, AccountSender(access: access(domain), signer: account, rules: rules))
  }

  // MARK: The EVM chain

  /// Somebody on the EVM chain, whose key the signer of people's keys holds.
  func reefUser(_ name: String, artifacts: EVMArtifacts? = nil) async throws -> ReefUser {
    guard let reef, let contracts = network.contracts else {
      throw Complaint("this devnet has no EVM chain: start one with `causeway up --with evm`")
    }
    guard let account = try await people.keys().evmAccount(name) else {
      throw Complaint("there is no key for '\(name)' here: users are \(network.users.joined(separator: ", "))")
    }
    let sender = EVMSender(chain: reef, signer: account, store: VolatileNonces())
    return ReefUser(reef, sender: sender, contracts: contracts, artifacts: artifacts)
  }

  /// Gives a failure there in words.
  func onReef<Value: Sendable>(_ body: () async throws(EVMSideError) -> Value) async throws -> Value {
    do { return try await body() } catch { throw Complaint(DevnetText.text(error), code: 3) }
  }

  /// Has the devnet's own node replace its newest `depth` blocks by others without one transaction.
  ///
  /// - Returns: the block that both chains have, in words.
  func reorganise(depth: UInt64, dropping transaction: Bytes32) async throws -> String {
    guard let reef, let domain = network.reef else { throw Complaint("this devnet has no EVM chain") }
    let answer = try await reach(domain) { () async throws(AccessError) in
      try await reef.ask(
        "devnet_reorg",
        [
          [
            "depth": .number(String(depth)), "blocks": .number(String(depth + 1)), "include": "none",
            "drop": [.string(transaction.description)],
          ]
        ])
    }
    let common = answer["common"]?["number"]?.string.flatMap { UInt64($0.dropFirst(2), radix: 16) }
    return "the chain goes on from block \(common.map(String.init) ?? "?")"
  }

  /// Leaves a command for the relayer, and waits until it was carried out.
  func tell(_ command: DevnetCommand) async throws {
    let file: String
    do { file = try CommandSpool(directory).leave(command) } catch {
      throw Complaint("the command cannot be left in \(directory.commands): \(error)")
    }
    for _ in 0..<100 {
      try await Task.sleep(for: .milliseconds(50))
      if !FileNames.exists(file) { return }
    }
    throw Complaint("the devnet in \(name) does not take commands: is it stopping?", code: 3)
  }

  /// Gives `body`'s failure words, and says which domain it was.
  func reach<Value: Sendable>(
    _ domain: Network.Domain, _ body: () async throws(AccessError) -> Value
  ) async throws -> Value {
    do { return try await body() } catch { throw Complaint(DevnetText.text(error, domain.name), code: 3) }
  }

  /// A failure of a search, in words.
  func find<Value: Sendable>(
    _ text: String, _ body: () async throws(CrossingLookupError) -> Value
  ) async throws -> Value {
    do { return try await body() } catch {
      switch error {
      case .access(let domain, let cause): throw Complaint(DevnetText.text(cause, domain), code: 3)
      case .form:
        throw Complaint(
          "'\(text)' names no crossing: give its id (or the first \(CrossingReader.idDigitsMin) digits of it) or "
            + "domain/client/sequence, such as harbor/\(network.lanes.first?.first.client.text ?? "client-0")/1"
        )
      case .unknown:
        throw Complaint("no crossing '\(text)' was sent here: `causeway lanes` says how many each lane has")
      case .ambiguous(let names):
        throw Complaint("'\(text)' stands for several crossings: \(names.joined(separator: ", "))")
      case .malformed(let domain): throw Complaint("\(domain) gave an event that is no packet", code: 3)
      }
    }
  }
}

/// The keys of people, reached when the first signature is wanted.
private actor PeopleKeys {
  private let directory: DevnetDirectory
  private var reached: DevnetSignerKeys?

  init(_ directory: DevnetDirectory) { self.directory = directory }

  func keys() async throws -> DevnetSignerKeys {
    if let reached { return reached }
    do {
      let keys = try await DevnetSignerKeys(people: directory)
      reached = keys
      return keys
    } catch { throw Complaint(DevnetText.text(error), code: 3) }
  }
}

/// What this machine has under a name.
enum FileNames {
  static func exists(_ path: String) -> Bool { (try? Terminal.read(path)) != nil }
}
