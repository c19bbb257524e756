public import ChainAccess
import Encodings
import Foundation
import LedgerService
import SignatureSchemes
import SignerAccess
import SignerWire
public import SigningRules
import Synchronization
import WireBytes

/// The two key processes of a devnet, one for the keys of people and one for those of its agents: nothing else holds a
/// private key.
public struct SignerProcesses: DevnetSigners {
  private let processes: RunningSigners
  private let keys: DevnetSignerKeys

  /// Starts both, and makes what is missing of them first: keys, policies, and the clients' own keys.
  ///
  /// - Parameter executable: `causeway-signer`; nil for the one beside this program.
  public init(_ directory: DevnetDirectory, executable: String? = nil) async throws(DevnetError) {
    let program: String
    if let executable { program = executable } else { program = try Self.besideThisProgram() }
    try Self.makeFolder(directory.signers)
    let plans = [SignerPlan.user, SignerPlan.operators]
    for plan in plans { try Self.make(plan, SignerFolder(plan.domain, in: directory), program) }
    processes = RunningSigners(plans.map { SignerFolder($0.domain, in: directory) }, program)
    do throws(DevnetError) {
      try await processes.startMissing()
      keys = try await DevnetSignerKeys(directory, plans)
    } catch {
      await processes.stop()
      throw error
    }
  }

  /// Starts a process again that has ended; until the task is cancelled.
  public func run() async throws {
    while true {
      try await Task.sleep(for: .milliseconds(200))
      try await processes.startMissing()
    }
  }

  /// The process that serves the keys of `domain`; nil while there is none.
  package func process(of domain: KeyDomain) async -> Int32? { await processes.identifier(of: domain) }

  public func account(_ name: String) -> (any TransactionSigning)? { keys.account(name) }
  public func evmAccount(_ name: String) -> (any EVMTransactionSigning)? { keys.evmAccount(name) }
  public var attesters: [DevnetAttester] { keys.attesters }
  public func validators(of domain: String) throws(DevnetError) -> DevnetValidators {
    try keys.validators(of: domain)
  }

  /// Ends both processes, and waits for them.
  public func stop() async {
    await keys.stop()
    await processes.stop()
  }

  /// The program that was installed, or built, together with this one.
  private static func besideThisProgram() throws(DevnetError) -> String {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? Bundle.main.executablePath ?? CommandLine.arguments[0]
    let path = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("causeway-signer").path
    guard FileManager.default.isExecutableFile(atPath: path) else { throw .signer(.program(path)) }
    return path
  }

  private static func makeFolder(_ path: String) throws(DevnetError) {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch { throw .unwritable(path) }
  }

  /// Makes a signer beside its place, and moves it there when it is whole.
  private static func make(
    _ plan: SignerPlan, _ folder: SignerFolder, _ executable: String
  ) throws(DevnetError) {
    guard !FileManager.default.fileExists(atPath: folder.path) else { return }
    try? FileManager.default.removeItem(atPath: folder.beside)
    try makeFolder(folder.beside)
    try makeFolder(folder.clients(folder.beside))
    try makeFolder(folder.anchors)
    let clients = plan.clients.map { (name: $0.name, key: ClientKey()) }
    let passphrase = Hex.encode((0..<32).map { _ in UInt8.random(in: .min ... .max) }, prefix: "")
    try write(passphrase, folder.passphrase(folder.beside))
    let policy = folder.beside + "/policy.json"
    let publicKeys = Dictionary(uniqueKeysWithValues: clients.map { ($0.name, $0.key.publicKey.description) })
    try write(plan.policy(publicKeys: publicKeys, user: geteuid()).text(pretty: true), policy)
    let made = try SignerProcess.output(
      of: executable,
      [
        "init", "--directory", folder.state(folder.beside), "--domain", plan.domain.rawValue,
        "--passphrase-file", folder.passphrase(folder.beside), "--policy", policy,
        "--anchor-directory", folder.anchors, "--scrypt-log-n", "14", "--json",
      ] + plan.keyArguments, log: folder.log)
    guard let json = try? JSONValue(decoding: made), let text = json["identity"]?.string,
      let identity = try? Bytes32(hex: text)
    else { throw .signer(.notMade(log: folder.log)) }
    for client in clients {
      do {
        try ClientKeyFile.write(
          folder.client(client.name, folder.beside), key: client.key, domain: plan.domain, signer: identity)
      } catch { throw .unwritable(folder.client(client.name, folder.beside)) }
    }
    do { try FileManager.default.moveItem(atPath: folder.beside, toPath: folder.path) } catch {
      throw .unwritable(folder.path)
    }
  }

  private static func write(_ text: String, _ path: String) throws(DevnetError) {
    guard
      FileManager.default.createFile(
        atPath: path, contents: Data((text + "\n").utf8), attributes: [.posixPermissions: 0o600])
    else { throw .unwritable(path) }
  }
}

/// The key processes that run, by key domain.
private actor RunningSigners {
  private let folders: [SignerFolder]
  private let executable: String
  private var running: [KeyDomain: SignerProcess] = [:]
  private var isStopped = false

  init(_ folders: [SignerFolder], _ executable: String) {
    self.folders = folders
    self.executable = executable
  }

  func startMissing() async throws(DevnetError) {
    for folder in folders where !isStopped && running[folder.domain]?.identifier == nil {
      let started = try await SignerProcess(
        executable: executable,
        arguments: [
          "run", "--directory", folder.state(folder.path), "--passphrase-file",
          folder.passphrase(folder.path), "--anchor-directory", folder.anchors, "--socket", folder.socket,
          "--exit-with-parent", "--wait", "10",
        ], log: folder.log)
      running[folder.domain] = started
      if isStopped { started.stop() }
    }
  }

  func identifier(of domain: KeyDomain) -> Int32? { running[domain]?.identifier }

  func stop() {
    isStopped = true
    for process in running.values { process.stop() }
    running = [:]
  }
}

/// The keys of a devnet's signers as their clients see them: what `causeway up` and the verbs beside it sign with.
public struct DevnetSignerKeys: DevnetSigners {
  private let held: [String: HeldKey]
  private let clients: [SignerClient]

  /// Reaches the signers that run for the directory, as all clients whose keys lie in it.
  public init(_ directory: DevnetDirectory) async throws(DevnetError) {
    try await self.init(directory, [.user, .operators])
  }

  /// Reaches the signer of people's keys alone.
  public init(people directory: DevnetDirectory) async throws(DevnetError) {
    try await self.init(directory, [.user])
  }

  init(_ directory: DevnetDirectory, _ plans: [SignerPlan]) async throws(DevnetError) {
    var held: [String: HeldKey] = [:]
    var clients: [SignerClient] = []
    for plan in plans {
      let folder = SignerFolder(plan.domain, in: directory)
      for wanted in plan.clients {
        let path = folder.client(wanted.name, folder.path)
        guard let file = try? ClientKeyFile.open(path), let signer = file.signer else {
          throw .signer(.clientKey(path))
        }
        let client = SignerClient(
          endpoint: .unix(path: folder.socket), key: file.key, signer: signer, domain: plan.domain)
        clients.append(client)
        let keys: [SignerKey]
        do { keys = try await client.keys() } catch {
          throw .signer(.unreachable(plan.domain.rawValue, reason: "\(error)"))
        }
        for label in wanted.keys {
          guard let key = keys.first(where: { $0.label == label }) else { throw .signer(.keyMissing(label)) }
          held[label] = HeldKey(client: client, key: key)
        }
      }
    }
    self.held = held
    self.clients = clients
  }

  public func account(_ name: String) -> (any TransactionSigning)? {
    held[name].flatMap { SignerAccount($0) }
  }

  public func evmAccount(_ name: String) -> (any EVMTransactionSigning)? {
    held[name].flatMap { SignerEVMAccount($0) }
  }

  public var attesters: [DevnetAttester] {
    DevnetNames.attesters.compactMap { name in
      guard let held = held[name], let key = try? Secp256k1.PublicKey(sec1: held.key.publicKey.span) else {
        return nil
      }
      return DevnetAttester(address: key.ethereumAddress, signer: SignerAttester(held: held))
    }
  }

  public func validators(of domain: String) throws(DevnetError) -> DevnetValidators {
    let name = SignerClients.validator(domain)
    guard let held = held[name], let validator = SignerValidator(held) else { throw .signer(.keyMissing(name)) }
    return DevnetValidators(publicKeys: [validator.publicKey], signer: validator)
  }

  public func run() async {}
  public func stop() async { for client in clients { await client.close() } }

  // MARK: What a client must not get

  /// The name of the refusal when the client of `label` asks for `request` with the key of `other`, or with its own; nil
  /// when it is signed.
  public func refusal(
    of request: SigningRequest, askedBy label: String, withKeyOf other: String? = nil
  ) async -> String? {
    guard let client = held[label]?.client, let key = held[other ?? label]?.key.id else { return "keyUnknown" }
    do {
      _ = try await client.sign(request, key: key)
      return nil
    } catch { return Self.name(of: error) }
  }

  /// The same at the signer of another key domain, where the client's own key authenticates it, or does not.
  public func refusal(
    of request: SigningRequest, askedBy label: String, withKeyOf other: String, at domain: KeyDomain,
    in directory: DevnetDirectory
  ) async throws(DevnetError) -> String? {
    guard let key = held[other]?.key.id else { throw .signer(.keyMissing(other)) }
    let own = SignerFolder(domain == .user ? .operator : .user, in: directory)
    let theirs = SignerFolder(domain, in: directory)
    let path = own.client(label, own.path)
    let plan = domain == .user ? SignerPlan.user : .operators
    guard let file = try? ClientKeyFile.open(path),
      let signer = try? ClientKeyFile.open(theirs.client(plan.clients[0].name, theirs.path)).signer
    else { throw .signer(.clientKey(path)) }
    let client = SignerClient(
      endpoint: .unix(path: theirs.socket), key: file.key, signer: signer, domain: domain)
    let refusal: String?
    do {
      _ = try await client.sign(request, key: key)
      refusal = nil
    } catch { refusal = Self.name(of: error) }
    await client.close()
    return refusal
  }

  private static func name(of error: SignerClientError) -> String {
    switch error {
    case .refused(let refusal), .handshake(.refused(let refusal)): refusal.name
    default: "\(error)"
    }
  }
}
