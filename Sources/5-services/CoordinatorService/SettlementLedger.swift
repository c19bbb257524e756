public import ChainAccess
public import Enclaves
public import MerkleProofs
public import Messages
public import Settlement
public import WireBytes

/// What the newest block of the ledger says of itself.
public struct LedgerMoment: Hashable, Sendable {
  public let height: UInt64
  /// UNIX seconds.
  public let time: UInt64

  public init(height: UInt64, time: UInt64) {
    self.height = height
    self.time = time
  }
}

/// A case as the ledger has it.
public struct LedgerCase: Hashable, Sendable {
  public let id: Bytes32
  public let opening: CaseOpening
  public let record: CaseRecord
  /// In the order of submission.
  public let inputs: [CaseInput]

  public init(id: Bytes32, opening: CaseOpening, record: CaseRecord, inputs: [CaseInput]) {
    self.id = id
    self.opening = opening
    self.record = record
    self.inputs = inputs
  }
}

/// That a case's record stands in the ledger: for an enclave, which believes nobody else.
public struct CaseProof: Hashable, Sendable {
  /// Header, commit and validators of the height that proves the record.
  public let block: LightBlock
  public let record: [UInt8]
  public let proof: ICS23.CommitmentProof

  public init(block: LightBlock, record: [UInt8], proof: ICS23.CommitmentProof) {
    self.block = block
    self.record = record
    self.proof = proof
  }
}

/// The ledger as a coordinator reaches it: what is read may be late, and is checked by whoever believes it.
public protocol SettlementLedger: Sendable {
  /// As enclaves and coordinators sign it.
  var domain: InteroperableAddress { get }
  func moment() async throws(LedgerFault) -> LedgerMoment
  /// Returns when the newest block is above `height`, or after `patience`.
  func moment(above height: UInt64, patience: Duration) async throws(LedgerFault) -> LedgerMoment
  /// The number that the next case gets, from 1.
  func nextNumber() async throws(LedgerFault) -> UInt64
  /// Nil when there is no such case.
  func read(case id: Bytes32) async throws(LedgerFault) -> LedgerCase?
  func registration(_ id: Bytes32) async throws(LedgerFault) -> RegistrationRecord?
  /// Of the newest state that a header commits to, whose time is not before `time`; nil while there is none.
  func proof(of id: Bytes32, notBefore time: UInt64) async throws(LedgerFault) -> CaseProof?
  /// Sends one transaction and waits for its block.
  func settle(_ id: Bytes32, by result: SettlementResult) async throws(LedgerFault)
  func reclaim(_ id: Bytes32) async throws(LedgerFault)
}

/// Why the ledger did not answer, or not as hoped.
public enum LedgerFault: Error, Hashable, Sendable {
  /// Nobody knows what became of it; the code says how.
  case unreachable(code: String)
  /// What lies under a key of the settlement module is no record of it.
  case unreadable(EnclaveFormatError)
  /// The ledger has refused a transaction: the name of its refusal.
  case refused(code: String)

  public var code: String {
    switch self {
    case .unreachable(let code), .refused(let code): code
    case .unreadable: "unreadable"
    }
  }
}
