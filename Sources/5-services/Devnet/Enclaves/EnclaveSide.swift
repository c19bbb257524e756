public import Attestation
import ChainAccess
public import CoordinatorService
import Digests
import EnclaveService
public import Enclaves
import Encodings
import Foundation
import Ledger
import LightClients
import LocalKeys
import Messages
import Settlement
public import WireBytes

/// A devnet's enclave with its registration on harbor, and the coordinator.
public actor EnclaveSide {
  /// Envelopes that other processes have left are looked for this often.
  static let pace = Duration.milliseconds(100)

  public nonisolated let coordinator: Coordinator
  /// Hash of the WASM.
  public nonisolated let program: Bytes32
  public nonisolated let policy: EnclavePolicy
  public nonisolated let attestationPolicy: AttestationPolicy
  private let processes: EnclaveProcesses
  private let directory: DevnetDirectory
  private let access: any DomainAccess
  private let sender: AccountSender
  private let options: EnclaveOptions
  private var registration: (id: Bytes32, expires: UInt64)?
  /// The newest last; of those that this process has made, the first and the newest ones.
  private var registrations: [Bytes32] = []
  static let registrationsMax = 16

  /// The first enclave's name; more of them are more names.
  static let name = "enclave-1"

  /// The coordinator's key: in a file of its own, which this process reads. What it signs lets a result be settled that an
  /// enclave has signed; it opens nothing.
  private struct TokenKey: TokenSigning {
    let local: LocalSecp256k1Key
    let key: EnclaveVerificationKey

    func sign(_ digest: Bytes32) async -> [UInt8]? { local.signRecoverable(digest: digest).array }
  }

  /// Starts the processes, registers the enclave's keys, and opens the coordinator's file.
  init(
    _ options: EnclaveOptions, in directory: DevnetDirectory, access: any DomainAccess, chainID: String,
    sender: AccountSender, module: SettlementModule
  ) async throws(EnclaveSideError) {
    self.options = options
    self.directory = directory
    self.access = access
    self.sender = sender
    guard let wasm = FileManager.default.contents(atPath: options.program) else {
      throw .file(options.program)
    }
    program = SHA256Hash.hash([UInt8](wasm))
    let domain: InteroperableAddress
    do { domain = try InteroperableAddress(chain: access.domain) } catch {
      throw .noSettlement(domain: chainID)
    }
    processes = try EnclaveProcesses(
      options, in: directory, domain: domain, operator: module.address(of: sender.address))
    policy = try await Self.policy(chainID, access, processes.policyFile)
    do throws(EnclaveSideError) {
      try await processes.startChip()
      let text = try await processes.attestationPolicy()
      do { attestationPolicy = try AttestationPolicy(decoding: text) } catch {
        throw EnclaveSideError.policy("\(error)")
      }
      _ = try await processes.startEnclave()
      coordinator = try Self.coordinator(directory, access, sender, processes)
      try Self.write(attestationPolicy.text, processes.attestationFile)
      try await register()
    } catch {
      await processes.stop()
      throw error
    }
  }

  private static func write(_ text: String, _ path: String) throws(EnclaveSideError) {
    do { try DevnetDirectory.replace(path, with: text + "\n") } catch { throw .file(path) }
  }

  /// The enclave's policy: up to 64 orders, and the word of harbor's validators that a case has closed.
  private static func policy(
    _ chainID: String, _ access: any DomainAccess, _ path: String
  ) async throws(EnclaveSideError) -> EnclavePolicy {
    if let bytes = FileManager.default.contents(atPath: path) {
      do { return try EnclavePolicy(decoding: [UInt8](bytes)) } catch { throw .policy("\(error)") }
    }
    do {
      let block = try await access.signedHeader(
        at: try await access.head(above: 0, patience: .seconds(20)).height)
      guard let hash = block.signedHeader.header.validatorsHash else { throw EnclaveSideError.policy(path) }
      let policy = try EnclavePolicy(
        maximumInputs: 64, maximumInputSize: 16_384, gas: 1 << 44,
        ledger: EnclavePolicy.Ledger(chainID: chainID, validatorsHash: hash))
      try write(policy.text, path)
      return policy
    } catch let error as EnclaveSideError { throw error } catch { throw .policy("\(error)") }
  }

  private static func coordinator(
    _ directory: DevnetDirectory, _ access: any DomainAccess, _ sender: AccountSender,
    _ processes: EnclaveProcesses
  ) throws(EnclaveSideError) -> Coordinator {
    do {
      for path in [directory.coordinator, directory.envelopes, directory.deliveries, directory.replies] {
        try FileManager.default.createDirectory(
          atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      }
      let file = try LocalKeyFile(path: directory.coordinatorKeys, secp256k1: ["coordinator"])
      guard let local = file.secp256k1("coordinator") else { throw EnclaveSideError.coordinator(code: "key") }
      let key = try EnclaveVerificationKey(suite: .secp256k1Address, bytes: local.ethereumAddress.array)
      return try Coordinator(
        ledger: LedgerSettlement(access: access, sender: sender),
        enclaves: [EnclaveOverAccess(name: name, access: processes.client, asksProof: true)],
        signer: TokenKey(local: local, key: key), path: directory.coordinator + "/coordinator.sqlite")
    } catch let error as EnclaveSideError { throw error } catch { throw .coordinator(code: "\(error)") }
  }

  // MARK: Registration

  private func send(_ message: SettlementMessage) async throws(EnclaveSideError) {
    do { _ = try await sender.send([message.ledgerMessage], gasLimit: 50_000_000) } catch {
      throw .refused(message: message.type.rawValue, code: LedgerSettlement.refusal(error))
    }
  }

  private func value(_ key: [UInt8]) async throws(EnclaveSideError) -> [UInt8]? {
    do {
      let version = try await access.head().height
      return try await access.values(of: [key], at: version, proven: false).first?.value
    } catch { throw .refused(message: "query", code: error.code) }
  }

  /// New keys, and their registration under the attestation policy, which is stored first.
  private func register() async throws(EnclaveSideError) {
    if try await value(SettlementKeys.policy(attestationPolicy.hash)) == nil {
      try await send(.storePolicy(sender: sender.address, policy: [UInt8](attestationPolicy.text.utf8)))
    }
    let anchor: EnclaveAnchor
    do {
      let height = try await access.head().height
      guard let hash = try await access.signedHeader(at: height).signedHeader.header.hash() else {
        throw EnclaveSideError.refused(message: "header", code: "hash")
      }
      anchor = EnclaveAnchor(height: height, hash: hash)
    } catch let error as EnclaveSideError { throw error } catch let error as AccessError {
      throw .refused(message: "header", code: error.code)
    } catch { throw .refused(message: "header", code: "unknown") }
    let made: EnclaveRegistration
    do { made = try await processes.client.rotate(anchor) } catch { throw .enclave(code: "\(error)") }
    try await send(
      .registerEnclave(
        sender: sender.address, keys: made.keys.encoded(), evidence: made.evidence.encoded(),
        policy: attestationPolicy.hash))
    guard let bytes = try await value(SettlementKeys.registration(made.id)),
      let record = try? RegistrationRecord(decoding: bytes)
    else { throw .refused(message: "query", code: "registration") }
    registration = (made.id, record.content.expires)
    registrations.append(made.id)
    if registrations.count > Self.registrationsMax { registrations.remove(at: 1) }
  }

  /// Starts again what has ended, and renews keys before they expire.
  func keepRegistered() async throws {
    while true {
      try await Task.sleep(for: .milliseconds(500))
      try await processes.startChip()
      let isNew = try await processes.startEnclave()
      let now = UInt64(clamping: try await access.head().time.seconds)
      let isOld = (registration?.expires ?? 0) < now.saturatingAdd(options.lifetimeSeconds / 4)
      if isNew || isOld { try await register() }
    }
  }

  /// The process of the enclave; nil while there is none.
  package func process() async -> Int32? { await processes.identifier }

  func stop() async { await processes.stop() }

  // MARK: Files for other processes

  /// Takes envelopes that other processes have left, and tells them what became of them; writes where cases stand.
  func serveFiles() async throws {
    let spool = EnvelopeSpool(directory)
    var written = ""
    var given: Set<String> = []
    while true {
      for delivery in spool.waiting() {
        let refusal: DeliveryRefusal?
        do {
          try await coordinator.take(delivery.bytes)
          refusal = nil
        } catch { refusal = error }
        try spool.answer(delivery, refusal: refusal?.code)
      }
      let cases = try await coordinator.cases(limit: 64)
      let text = await status(cases).text(pretty: true) + "\n"
      if text != written {
        try DevnetDirectory.replace(directory.enclaveStatus, with: text)
        written = text
      }
      for known in cases where known.stage == .settled {
        let path = directory.replies(of: known.id)
        guard given.insert(path).inserted, let replies = try await coordinator.replies(of: known.id) else {
          continue
        }
        try DevnetDirectory.replace(
          path, with: JSONValue.array(replies.map { .string(Hex.encode($0)) }).text() + "\n")
      }
      try await Task.sleep(for: Self.pace)
    }
  }

  public static let statusSchema = "causeway.devnet-enclave/1"

  private func status(_ cases: [CaseStatus]) async -> JSONValue {
    func hex(_ hash: Bytes32) -> JSONValue { .string(Hex.encode(hash.array)) }
    let key = coordinator.key
    return [
      "schema": .string(Self.statusSchema), "program": hex(program), "policy": hex(policy.hash),
      "attestation_policy": hex(attestationPolicy.hash),
      "coordinator": ["suite": .string(key.suite.rawValue), "key": .string(Hex.encode(key.bytes))],
      "registrations": .array(registrations.map(hex)),
      "enclaves": .array(
        await coordinator.conditions.map {
          [
            "name": .string($0.name), "registration": $0.registration.map(hex) ?? .null,
            "state": .string($0.state.name), "next": .string($0.state.nextStep),
          ]
        }),
      "cases": .array(
        cases.map {
          [
            "case": hex($0.id), "number": .number(String($0.number)),
            "registration": $0.registration.map(hex) ?? .null,
            "stage": .string($0.stage.name), "detail": $0.stage.detail.map { .string($0) } ?? .null,
            "next": .string($0.stage.nextStep),
            "envelopes": .number(String($0.envelopes)), "tokens": .number(String($0.attempt)),
          ]
        }),
    ]
  }
}
