import ChainAccess
import Foundation
import Messages
import Transactions
import WireBytes

/// A devnet's EVM chain: its node, the accounts that this process sends with, and the contracts.
///
/// The keys are those of the ledgers' accounts, in the same signers; an address there is Ethereum's form of the key.
actor Reef {
  nonisolated let options: EVMOptions
  nonisolated let address: String
  /// By the router, once that is known; until then the chain alone.
  nonisolated let bare: EVMDomainAccess
  private let node: EVMNodeProcess?
  private let transport: EVMTransport
  private let directory: DevnetDirectory
  private let signers: any DevnetSigners
  private var senders: [String: EVMSender] = [:]
  private(set) var contracts = Network.Contracts([:])

  /// What each account has at least when the chain is an own one: enough for any demo.
  static let wei = "1000000000000000000000000"
  /// What deploying and a day's relaying cost at most at one gwei.
  private static let balanceMin = UInt256(100_000_000_000_000_000)

  /// Starts the node, or finds somebody's.
  init(_ options: EVMOptions, in directory: DevnetDirectory, signers: any DevnetSigners) async throws(EVMSideError) {
    self.options = options
    self.directory = directory
    self.signers = signers
    let folder = directory.domain(DevnetNames.reef)
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch { throw .file(folder) }
    switch options.place {
    case .endpoint(let address):
      self.address = address
      node = nil
    case .own(let script):
      guard let script = script ?? options.artifacts.nodeScript else { throw .node("script/evm-devnet") }
      var arguments = [
        "--port", "0", "--exit-with-parent", "--chain-id", String(options.chainID), "--accounts", "0",
        "--block-time", String(options.blockSeconds), "--finalized", String(options.finalityBlocks),
        "--safe", String(min(1, options.finalityBlocks)), "--state", folder + "/chain",
      ]
      for name in DevnetNames.accounts {
        guard let account = signers.evmAccount(name) else { throw .keyMissing(name) }
        arguments += ["--fund", "\(account.address)=\(Self.wei)"]
      }
      let node = try await EVMNodeProcess(script: script, arguments: arguments, log: folder + "/node.log")
      self.node = node
      address = node.address
    }
    transport = EVMTransport()
    do {
      bare = try EVMDomainAccess(
        EVMDomainAccess.Configuration(
          address: address, chainID: options.chainID, router: Bytes20(), finality: .finalized,
          checksRouter: false), transport: transport)
    } catch { throw .endpoint(address) }
  }

  /// Ends the node, and waits for it.
  func stop() async {
    for sender in senders.values { await sender.stop() }
    senders = [:]
    await transport.shutdown()
    node?.stop()
  }

  /// Throws when the node has ended: the chain is gone for whoever uses it.
  func watch() async throws {
    while true {
      try await Task.sleep(for: .milliseconds(500))
      if let node, node.identifier == nil { throw EVMSideError.nodeNotReady(log: node.address) }
    }
  }

  /// Whether the node is one that this process has started.
  nonisolated var isOwn: Bool { if case .own = options.place { true } else { false } }

  // MARK: Contracts

  /// Makes router and applications, or finds them.
  func deploy() async throws(EVMSideError) {
    let deployer = try await sender(DevnetNames.operatorAccount)
    let balance: UInt256
    do { balance = try await bare.balance(of: deployer.address) } catch { throw .access(error) }
    guard balance >= Self.balanceMin else {
      throw .balance(
        account: DevnetNames.operatorAccount, address: deployer.address, needed: Self.balanceMin)
    }
    contracts = try await deployment(deployer).core()
  }

  func deployment(_ deployer: EVMSender) -> ReefDeployment {
    ReefDeployment(
      artifacts: options.artifacts, chain: bare, deployer: deployer,
      record: directory.domain(DevnetNames.reef) + "/contracts.json")
  }

  func noteContract(_ name: String, _ address: Bytes20) {
    var addresses = contracts.addresses
    addresses[name] = address
    contracts = Network.Contracts(addresses)
  }

  /// The chain as agents read it.
  func access() throws(EVMSideError) -> EVMDomainAccess {
    guard let router = contracts["Router"] else { throw .answer("Router") }
    do {
      return try EVMDomainAccess(
        EVMDomainAccess.Configuration(
          address: address, chainID: options.chainID, router: router, finality: .finalized), transport: transport)
    } catch { throw .endpoint(address) }
  }

  // MARK: Accounts

  /// Sends transactions of an account that has its key here: one for each, which keeps its nonces in the directory.
  func sender(_ name: String) async throws(EVMSideError) -> EVMSender {
    if let known = senders[name] { return known }
    guard let account = signers.evmAccount(name) else { throw .keyMissing(name) }
    let path = directory.domain(DevnetNames.reef) + "/\(name).nonces"
    let store: NonceJournal
    do { store = try NonceJournal(path: path, chainID: options.chainID, account: account.address) } catch {
      throw .file(path)
    }
    let sender = EVMSender(chain: bare, signer: account, store: store)
    senders[name] = sender
    return sender
  }
}
