import Encodings
import Foundation
import KeyVault
import Messages
import Secrets
import SignatureSchemes
import SignerAccess
import SignerJournal
import SignerService
import SignerWire
import SigningRules
import Synchronization
import WireBytes

enum RigError: Error {
  case directory
  case seed
  case form
}

/// A directory of its own, closed to others, gone when the test is.
final class RigDirectory: Sendable {
  let path: String

  init() throws {
    // Short: the path of a unix socket has 107 bytes at most.
    path = "/tmp/cw-\(UInt32.random(in: .min ... .max))"
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Records in memory, which can be told to fail; counts what was committed before which signature.
final class MemoryRecords: RecordKeeping {
  struct State: Sendable {
    var records: [[UInt8]] = []
    var entries: [AuditEntry] = []
    var committedRecords = 0
    var committedEntries = 0
    var commits = 0
    var fails = false
    var wantsCompaction = false
    var snapshot: [[UInt8]]?
  }

  let state = Mutex(State())

  static let failure = RecordFailure.journal(.files(FileCallError(.flush, errno: 5)))

  func append(_ record: [UInt8]) throws(RecordFailure) { state.withLock { $0.records.append(record) } }
  func append(_ entry: AuditEntry) throws(RecordFailure) { state.withLock { $0.entries.append(entry) } }

  func commit() throws(RecordFailure) {
    let fails = state.withLock { state -> Bool in
      guard !state.fails else { return true }
      state.committedRecords = state.records.count
      state.committedEntries = state.entries.count
      state.commits += 1
      return false
    }
    if fails { throw Self.failure }
  }

  var wantsCompaction: Bool { state.withLock { $0.wantsCompaction } }
  func compact(snapshot: [[UInt8]], at milliseconds: UInt64) throws(RecordFailure) {
    state.withLock { state in
      state.snapshot = snapshot
      state.wantsCompaction = false
    }
  }
  var position: Position {
    Position(epoch: 1, sequence: UInt64(state.withLock { $0.committedRecords }), hash: Bytes32())
  }
  var auditHead: AuditHead {
    AuditHead(sequence: UInt64(state.withLock { $0.committedEntries }), hash: Bytes32())
  }
}

/// Keys of an encrypted file, and a word before each signature.
final class RigKeys: KeySigning {
  let files: FileBackEnd
  private let keys: Mutex<[KeyID: BackEndKey]> = Mutex([:])
  private let purposes: Set<KeyPurpose>
  private let before: @Sendable (SigningPayload) throws(SignerRefusal) -> Void

  init(
    _ files: FileBackEnd, purposes: Set<KeyPurpose>,
    before: @escaping @Sendable (SigningPayload) throws(SignerRefusal) -> Void
  ) {
    self.files = files
    self.purposes = purposes
    self.before = before
  }

  func generate(_ suite: KeySuite) throws -> BackEndKey {
    let key = try files.generate(suite, label: "k\(UInt32.random(in: .min ... .max))")
    keys.withLock { $0[key.id] = key }
    return key
  }

  func facts(of key: KeyID, at now: UnixMilliseconds) -> KeyFacts? {
    keys.withLock { $0[key] }.map { key in
      let point = try? Secp256k1.PublicKey(sec1: key.publicKey)
      return KeyFacts(
        id: key.id, suite: key.suite, purposes: purposes, evmAddress: point?.ethereumAddress)
    }
  }

  func sign(
    _ payload: SigningPayload, with key: KeyID, at now: UnixMilliseconds
  ) throws(SignerRefusal) -> [UInt8] {
    try before(payload)
    guard let known = keys.withLock({ $0[key] }) else { throw BackEndFault.keyMissing.refusal }
    do { return try files.sign(payload, with: known) } catch { throw BackEndFault.keyRefused.refusal }
  }
}

/// Repeats what it is asked.
struct EchoExecutor: AdminExecutor {
  func execute(
    _ request: AdminRequest, from caller: AdminCaller, on core: inout CoreState, at now: UnixMilliseconds
  ) -> Result<JSONValue, SignerRefusal> {
    if case .execute = request {
      return .failure(SignerRefusal(code: 801, name: "noProposal", retry: .never))
    }
    return .success(["operation": .string(request.operation.rawValue), "client": .string(caller.client.text)])
  }
}

/// A signer of operator keys with one secp256k1 key, on a unix socket: the real server and the real pipeline.
struct Rig: Sendable {
  static let now: UInt64 = 1_800_000_000_000

  let directory: RigDirectory
  let records: MemoryRecords
  let keys: RigKeys
  let key: BackEndKey
  let identity: ClientKey
  let client: ClientKey
  let observer: ClientKey
  let core: SigningCore
  let clients: ClientDirectory
  let server: SignerServer
  let clock: RigClock

  var socket: String { directory.path + "/signer.sock" }

  static func start(
    limits: ServerLimits = ServerLimits(), suite: KeySuite = .secp256k1, alarms: AlarmRules = AlarmRules(),
    domain: KeyDomain = .operator, perMinute: UInt64 = 100_000_000,
    durable: Bool = false, evmScope: EVMTransactionScope? = nil, peers: [ClientPeer] = [.uid(getuid())],
    address: ((RigDirectory) -> SignerAddress)? = nil,
    before: @escaping @Sendable (SigningPayload) throws(SignerRefusal) -> Void = { _ throws(SignerRefusal) in
    }
  ) async throws -> Rig {
    // Other tests keep the machine for longer than a handshake may take; those that measure that say how long.
    var limits = limits
    if limits.handshake == ServerLimits().handshake { limits.handshake = .seconds(60) }
    let directory = try RigDirectory()
    let files = try FileBackEnd.create(
      path: directory.path + "/secrets.vault", domain: domain, passphrase: SecretBytes(random: 16),
      cost: .least)
    let purposes = domain.purposes
    let keys = RigKeys(files, purposes: purposes, before: before)
    let key = try keys.generate(suite)
    let identity = ClientKey()
    let client = ClientKey()
    let observer = ClientKey()
    var grants: [Grant] = []
    if purposes.contains(.attestation) {
      grants.append(Grant(keys: [key.id], scope: .attestation(origins: [try DomainID("cosmos:demo-1")])))
    }
    if let evmScope { grants.append(Grant(keys: [key.id], scope: .evmTransaction(evmScope))) }
    let policy = try AccessPolicy(
      domain: domain,
      clients: [
        PolicyClient(
          name: try ClientName("attester-0"), key: client.publicKey, peers: peers, roles: [.sign, .admin],
          perMinute: perMinute, grants: grants),
        PolicyClient(
          name: try ClientName("watcher"), key: observer.publicKey, peers: peers, roles: [.observe],
          perMinute: 1_000, grants: []),
      ],
      keyLimits: grants.map { KeyLimit(key: key.id, purpose: $0.purpose, perMinute: perMinute) },
      alarms: alarms)
    let memory = MemoryRecords()
    var records: any RecordKeeping = memory
    if durable {
      let vault = VaultID(Bytes32 { UInt8($0) })
      let places = SignerPlaces(state: directory.path, anchors: directory.path + "/anchors")
      try SignerRecords.create(places, vault: vault)
      records = JournaledRecords(try SignerRecords.open(places, vault: vault, at: now) { _ in })
    }
    let clients = ClientDirectory()
    let state = CoreState(
      signing: SigningState(domain: domain, policy: policy),
      approvals: Approvals(
        vaultID: Bytes32(), policy: policy.contentHash, rules: policy.approvers), keys: keys,
      records: records,
      clients: clients)
    let clock = RigClock()
    let core = SigningCore(state, executor: EchoExecutor(), clock: { UnixMilliseconds(clock.now) })
    let server = try await SignerServer.start(
      address?(directory) ?? .unix(path: directory.path + "/signer.sock"), core: core, clients: clients,
      identity: identity, domain: domain, limits: limits)
    return Rig(
      directory: directory, records: memory, keys: keys, key: key, identity: identity, client: client,
      observer: observer, core: core, clients: clients, server: server, clock: clock)
  }

  func access(
    _ key: ClientKey? = nil, domain: KeyDomain = .operator,
    options: SignerClientOptions = SignerClientOptions()
  ) -> SignerClient {
    let clock = clock
    return SignerClient(
      endpoint: .unix(path: socket), key: key ?? client, signer: identity.publicKey, domain: domain,
      options: options, clock: { clock.now })
  }

  static func binding() throws -> AttestationBinding {
    try AttestationBinding(
      origin: try DomainID("cosmos:demo-1"), router: [UInt8]("ibc".utf8), client: try ClientID("client-0"))
  }

  static func statement(
    height: UInt64, root: UInt8 = 1, seconds: UInt64? = nil
  ) throws -> AttestedStatement {
    AttestedStatement(
      binding: try binding(), height: Height(height),
      timestamp: UnixTime(seconds: seconds ?? 1_700_000_000 + height),
      body: .state(root: Bytes32 { _ in root }))
  }

  static func request(height: UInt64, root: UInt8 = 1) throws -> SigningRequest {
    .attestation(try statement(height: height, root: root))
  }

  func item(height: UInt64, root: UInt8 = 1) throws -> SigningItem {
    SigningItem(key: key.id, request: try Self.request(height: height, root: root))
  }
}

/// The time of a rig, for signer and clients: it goes on when a test says so.
final class RigClock: Sendable {
  private let value = Mutex(Rig.now)

  var now: UInt64 {
    get { value.withLock { $0 } }
    set { value.withLock { $0 = newValue } }
  }

  func advance(milliseconds: UInt64) { value.withLock { $0 += milliseconds } }
}
