internal import KeyVault
internal import Secrets
public import SignerJournal
import SignerWire
import SigningRules
import WireBytes

/// Why a signer does not serve.
public enum SignerStartError: Error, Hashable, Sendable {
  case configuration(SignerConfigurationError)
  case vault(VaultTrouble)
  case keys(KeyTrouble)
  case policy(PolicyFileError)
  case records(StartRefusal)
  /// The first records of this run could not be written.
  case write(RecordFailure)
  /// The identity in the vault is not the one that `signer.json` names.
  case identity
  case server(SignerServerError)
}

/// A signer that runs: one key domain, one directory, one address.
///
/// A class: it owns the vault's lock, the records, the threads and the socket, until it is stopped.
public final class SignerProcess: Sendable {
  public let configuration: SignerConfiguration
  public let address: SignerAddress
  /// Over TLS.
  public var port: Int? { server.port }
  private let core: SigningCore
  private let server: SignerServer
  private let administration: SignerAdministration

  /// Opens a directory and serves it. Secrets are read, records are checked and the epoch is raised before anything listens.
  ///
  /// - Parameters:
  ///   - anchors: when they moved since `init`.
  ///   - socket: instead of the directory's.
  ///   - hardening: what was done to this process, for `status`.
  ///   - counter: in the place of the one that the directory names, for a device that this program does not know.
  public static func start(
    _ directory: SignerDirectory, anchors: String? = nil, socket: String? = nil,
    passphrase: borrowing Passphrase, hardening: HardeningReport, limits: ServerLimits = ServerLimits(),
    counter: (any MonotonicCounter)? = nil,
    files: any DurableFiles = SystemFiles(), clock: @escaping SigningCore.Clock = SigningCore.systemClock
  ) async throws(SignerStartError) -> SignerProcess {
    let configuration: SignerConfiguration
    do { configuration = try SignerConfiguration.read(directory, files: files) } catch {
      throw .configuration(error)
    }
    let secrets: FileBackEnd
    let identity: ClientKey
    let opening: SecretBytes
    do { opening = try VaultOpening.bytes(directory, configuration, passphrase, files) } catch {
      throw .vault(error)
    }
    do {
      secrets = try FileBackEnd.open(
        path: directory.secrets, domain: configuration.domain, vaultID: configuration.vault,
        passphrase: opening)
    } catch { throw .vault(VaultTrouble(error)) }
    guard let found = IdentitySecret.key(in: secrets), found.publicKey == configuration.identity else {
      throw .identity
    }
    identity = found
    let policy: AccessPolicy
    do { policy = try PolicyFile(directory: directory, files: files).read(secrets) } catch {
      throw .policy(error)
    }
    let now = clock()
    let chips = SignerChips(configuration, secrets)
    var replayed = ReplayedRecords(
      signing: SigningState(domain: configuration.domain, policy: policy),
      approvals: Approvals(
        vaultID: configuration.vault, policy: policy.contentHash, rules: policy.approvers))
    let raised: (any MonotonicCounter)?
    do throws(MonotonicCounterError) {
      if let counter {
        raised = counter
      } else {
        raised = try OpenCounter.open(configuration, secrets, chips)
      }
    } catch { throw .records(.counter(error)) }
    var records: SignerRecords
    do {
      records = try SignerRecords.open(
        SignerPlaces(state: directory.path, anchors: anchors ?? configuration.anchors),
        vault: VaultID(configuration.vault), files: files, counter: raised, at: now.milliseconds
      ) { try replayed.take($0) }
    } catch { throw .records(error) }
    let vault: any KeyKeeping
    do {
      vault = try OpenVault.open(directory, configuration, secrets, chips, after: replayed.keys)
    } catch { throw .keys(KeyTrouble(error)) }
    let mark = KeysMark(vault.mark)
    if mark != replayed.keys {
      // The first start, or a crash between a change and its mark: from here on nothing older opens.
      do throws(RecordFailure) {
        try records.append(CoreRecord.keys(mark).encoded())
        try records.commit()
      } catch { throw .write(error) }
    }
    let clients = ClientDirectory()
    let administration = SignerAdministration(
      directory: directory, configuration: configuration, vault: vault, secrets: secrets, files: files,
      hardening: hardening, startedAt: now)
    let core = SigningCore(
      CoreState(
        signing: replayed.signing, approvals: replayed.approvals, keys: VaultSigning(vault: vault),
        records: JournaledRecords(records), clients: clients, recordedKeys: mark, habits: replayed.habits),
      executor: administration, clock: clock)
    let address: SignerAddress =
      if let tls = configuration.tls, socket == nil {
        .tls(
          host: tls.host, port: tls.port,
          SignerTLSFiles(certificate: tls.certificates, key: tls.privateKey, trust: tls.trustRoots))
      } else {
        .unix(path: socket ?? directory.socket)
      }
    let server: SignerServer
    do {
      server = try await SignerServer.start(
        address, core: core, clients: clients, identity: identity, domain: configuration.domain,
        limits: limits)
    } catch {
      await core.drain()
      throw .server(error)
    }
    administration.attach(
      SignerAdministration.Reports(counters: { server.counters }, halted: { core.haltReason }))
    return SignerProcess(
      configuration: configuration, address: address, core: core, server: server,
      administration: administration)
  }

  private init(
    configuration: SignerConfiguration, address: SignerAddress, core: SigningCore, server: SignerServer,
    administration: SignerAdministration
  ) {
    self.configuration = configuration
    self.address = address
    self.core = core
    self.server = server
    self.administration = administration
  }

  /// Why it signs nothing any more; nil while it does.
  public var haltReason: HaltReason? { core.haltReason }

  /// Takes nothing more, answers what was committed, and closes everything.
  public func stop() async {
    await server.stop()
    administration.detach()
  }
}

/// The Ed25519 key by which clients know a signer, in its vault.
enum IdentitySecret {
  /// Nil when the file has none.
  static func key(in secrets: FileBackEnd) -> ClientKey? {
    secrets.secret(named: SignerSecret.identity)?.withSpan { seed in
      // The client key wipes its own copy; this one is overwritten here.
      var bytes = [UInt8](copying: seed)
      defer { for index in bytes.indices { bytes[index] = 0 } }
      return ClientKey(seed: bytes)
    }
  }

  static func make(in secrets: FileBackEnd) throws(FileVaultError) -> ClientKey {
    _ = try secrets.secret(named: SignerSecret.identity, orMaking: 32)
    guard let key = key(in: secrets) else { throw .missing }
    return key
  }
}
