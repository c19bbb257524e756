import Attestation
import Digests
import Enclaves
import Ledger
import LightClients
import Messages
import Settlement
import StateTree
import WireBytes

/// A part of the settlement world that is broken on purpose.
public enum SettlementDefect: String, Hashable, Sendable, CaseIterable {
  /// The ledger's store gives registrations that never expire.
  case eternalRegistrations
  /// An enclave forgets its log, and computes again what it has computed.
  case forgetfulEnclave
  /// The store forgets who has used which nonce in a case, and which commitments it has.
  case lostNonces
}

/// A seeded world of enclaves, coordinators and one ledger with the real settlement module, in virtual time.
///
/// For `steps` blocks everything goes wrong: enclaves are away or start anew with other keys, coordinators crash and run
/// twice, transactions are lost, late, and sent again, registrations and cases expire, somebody submits forgeries and
/// replays. Then all is healed, and every case must end: settled once, by an enclave whose registration was live, or
/// given back.
public struct SettlementSimulation: Sendable {
  public static let stepsDefault = 240

  public let seed: UInt64
  public let steps: Int
  public let defect: SettlementDefect?

  public init(seed: UInt64, steps: Int = Self.stepsDefault, defect: SettlementDefect? = nil) {
    self.seed = seed
    self.steps = max(steps, 0)
    self.defect = defect
  }

  public func run() -> SimulationReport {
    do {
      var world = try SettlementWorld(self)
      try world.run()
      return world.report(nil)
    } catch let failure as SettlementWorld.Broken {
      return failure.report
    } catch {
      return SimulationReport(
        seed: seed, steps: steps, faults: .all, defect: nil, stepsDone: 0, milliseconds: 0, counts: [],
        hash: Bytes32(),
        violation: Violation(
          invariant: .unexpectedFailure, step: 0, milliseconds: 0, text: "the world cannot go on: \(error)",
          trace: []), settlementDefect: defect, isSettlement: true)
    }
  }
}

/// What the checker has seen of a case, independent of what the ledger keeps of it.
struct CaseModel: Sendable {
  let number: UInt64
  let terms: CaseTerms
  var inputs: [(sender: Int, nonce: UInt64, commitment: Bytes32, amount: UInt64)] = []
  var ending: String?

  var escrow: UInt64 { inputs.reduce(0) { $0 + $1.amount } }
}

/// What an enclave has signed: on its disk.
struct ComputedCase: Sendable {
  let update: Update
  let receipt: Receipt
  let signature: [UInt8]
  let inputs: Bytes32
}

struct SimulatedEnclave: Sendable {
  let index: Int
  let `operator`: SimulatedKey
  var signer: SimulatedKey
  var keys: EnclaveKeys?
  /// Blocks until it answers again.
  var away = 0
  var rotations: UInt64 = 0
  /// Its sealed log, which outlives its keys.
  var log: [Bytes32: ComputedCase] = [:]
  var receiptCount: UInt64 = 0
  var lastReceipt = Bytes32()
}

/// What a coordinator has on its disk.
struct SimulatedCoordinator: Sendable {
  let key: SimulatedKey
  let account: SimulatedKey
  var assigned: [Bytes32: (enclave: Int, registration: Bytes32)] = [:]
  var results: [Bytes32: ComputedCase] = [:]
  var attempts: [Bytes32: UInt64] = [:]
  /// In memory: what it has sent and not seen yet. A crash takes it.
  var sent: [Bytes32: Int] = [:]
  var away = 0
}

/// A store whose records may be better than what was written.
struct SettlementStore: StateStore {
  private var inner = MemoryStateStore()
  let defect: SettlementDefect?

  init(defect: SettlementDefect?) { self.defect = defect }

  func versions() throws(StateStoreError) -> StateVersions? { try inner.versions() }
  func top(of version: UInt64) throws(StateStoreError) -> StateSubtree? { try inner.top(of: version) }
  func page(_ id: StatePageID) throws(StateStoreError) -> StatePage { try inner.page(id) }

  func value(of key: [UInt8], at version: UInt64) throws(StateStoreError) -> [UInt8]? {
    let bytes = try inner.value(of: key, at: version)
    switch defect {
    case .eternalRegistrations where key.starts(with: SettlementKeys.registrations):
      return bytes.map(Self.eternal)
    case .lostNonces where key.starts(with: Self.nonces) || key.starts(with: Self.commitments): return nil
    default: return bytes
    }
  }

  private static let nonces = [UInt8]("settlement/nonces/".utf8)
  private static let commitments = [UInt8]("settlement/commitments/".utf8)

  private static func eternal(_ bytes: [UInt8]) -> [UInt8] {
    guard let record = try? RegistrationRecord(decoding: bytes) else { return bytes }
    let content = record.content
    let longer = RegistrationContent(
      registration: content.registration, attestationPolicy: content.attestationPolicy,
      evidence: content.evidence, registered: content.registered, height: content.height, expires: .max)
    let better = try? RegistrationRecord(
      keys: record.keys, content: longer, status: .live, head: record.head, linkCount: record.linkCount)
    return better?.encoded() ?? bytes
  }

  func entries(
    prefix: [UInt8], after last: [UInt8]?, at version: UInt64, limit: StateScanLimit
  ) throws(StateStoreError) -> [StateEntry] {
    try inner.entries(prefix: prefix, after: last, at: version, limit: limit)
  }

  func range(
    from start: [UInt8], until end: [UInt8]?, descending: Bool, at version: UInt64, limit: StateScanLimit
  ) throws(StateStoreError) -> [StateEntry] {
    try inner.range(from: start, until: end, descending: descending, at: version, limit: limit)
  }

  mutating func write(_ commit: StateCommit) throws(StateStoreError) { try inner.write(commit) }

  mutating func prune(before version: UInt64) throws(StateStoreError) -> StatePruneCount {
    try inner.prune(before: version)
  }
}
