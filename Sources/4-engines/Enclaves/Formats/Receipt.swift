import Digests
public import Encodings
public import Messages
public import WireBytes

/// What an enclave signs about a case it computed.
public struct Receipt: EnclaveContainer {
  public let registration: Bytes32
  public let program: Bytes32
  public let policy: Bytes32
  public let `case`: Bytes32
  /// ``CaseInputs/root(_:)``.
  public let inputs: Bytes32
  /// Root of the ``Update``.
  public let update: Bytes32
  /// ``SealedReply/root(_:)``.
  public let replies: Bytes32
  /// 1 for an enclave's first receipt, then one more each.
  public let sequence: UInt64
  /// ``digest(domain:)`` of this enclave's receipt before; zero for the first.
  public let previous: Bytes32
  /// UNIX seconds as the enclave knows them: its ledger's time where its policy names a ledger.
  public let time: UInt64

  /// - Throws: ``EnclaveFormatError``: sequence 0, or a first receipt with a predecessor, or another without.
  public init(
    registration: Bytes32, program: Bytes32, policy: Bytes32, case: Bytes32, inputs: Bytes32,
    update: Bytes32, replies: Bytes32, sequence: UInt64, previous: Bytes32, time: UInt64
  ) throws(EnclaveFormatError) {
    guard sequence > 0 else { throw .empty(.sequence) }
    guard (sequence == 1) == previous.isZero else { throw .unknown(.sequence, sequence) }
    self.registration = registration
    self.program = program
    self.policy = policy
    self.case = `case`
    self.inputs = inputs
    self.update = update
    self.replies = replies
    self.sequence = sequence
    self.previous = previous
    self.time = time
  }

  public static let sizeMax = 2 + 8 * 32 + 16
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("registration", EnclaveLimits.hash),
    .init("program", EnclaveLimits.hash), .init("policy", EnclaveLimits.hash),
    .init("case", EnclaveLimits.hash), .init("inputs", EnclaveLimits.hash),
    .init("update", EnclaveLimits.hash), .init("replies", EnclaveLimits.hash),
    .init("sequence", .uint(.uint64)), .init("previous", EnclaveLimits.hash), .init("time", .uint(.uint64)),
  ])

  public var value: SSZValue {
    .sequence([
      .uint(1), .hash(registration), .hash(program), .hash(policy), .hash(`case`), .hash(inputs),
      .hash(update), .hash(replies), .uint(sequence), .hash(previous), .uint(time),
    ])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 11)
    try fields.version()
    try self.init(
      registration: try fields.hash(), program: try fields.hash(), policy: try fields.hash(),
      case: try fields.hash(), inputs: try fields.hash(), update: try fields.hash(),
      replies: try fields.hash(), sequence: try fields.integer(), previous: try fields.hash(),
      time: try fields.integer())
  }

  /// What is signed: `S(tag("causeway/receipt/v1") ‖ S(domain) ‖ root)`.
  ///
  /// - Parameter domain: ``EnclaveKeys/domain``, whose encoding is hashed.
  public func digest(domain: InteroperableAddress) -> Bytes32 {
    EnclaveTag.hash("causeway/receipt/v1", SHA256Hash.hash(domain.encoded()), root())
  }
}

/// Leave to settle one result, once, signed by the case's coordinator.
public struct Token: EnclaveContainer {
  public let `case`: Bytes32
  public let inputs: Bytes32
  /// The only registration whose result it is for.
  public let registration: Bytes32
  /// Grows when a coordinator turns to another enclave.
  public let attempt: UInt64
  /// UNIX seconds; the first second at which it is void.
  public let expires: UInt64

  public init(case: Bytes32, inputs: Bytes32, registration: Bytes32, attempt: UInt64, expires: UInt64) {
    self.case = `case`
    self.inputs = inputs
    self.registration = registration
    self.attempt = attempt
    self.expires = expires
  }

  public static let sizeMax = 2 + 3 * 32 + 16
  public static let type: SSZType = .container([
    .init("version", .uint(.uint16)), .init("case", EnclaveLimits.hash), .init("inputs", EnclaveLimits.hash),
    .init("registration", EnclaveLimits.hash), .init("attempt", .uint(.uint64)),
    .init("expires", .uint(.uint64)),
  ])

  public var value: SSZValue {
    .sequence([
      .uint(1), .hash(`case`), .hash(inputs), .hash(registration), .uint(attempt), .uint(expires),
    ])
  }

  public init(value: SSZValue) throws(EnclaveFormatError) {
    var fields = try SSZFields(value, count: 6)
    try fields.version()
    self.init(
      case: try fields.hash(), inputs: try fields.hash(), registration: try fields.hash(),
      attempt: try fields.integer(), expires: try fields.integer())
  }

  /// What the coordinator signs: `S(tag("causeway/token/v1") ‖ S(domain) ‖ root)`.
  public func digest(domain: InteroperableAddress) -> Bytes32 {
    EnclaveTag.hash("causeway/token/v1", SHA256Hash.hash(domain.encoded()), root())
  }
}
